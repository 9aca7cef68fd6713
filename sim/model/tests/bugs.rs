//! Every planted bug is caught by the properties that it is listed with.

use selfsame_model::check::{Counts, Run};
use selfsame_model::{Bug, Property, Size, World};
use std::collections::BTreeSet;

/// Every property of the bug has a counterexample, and its last state is the first that breaks it.
fn caught(bug: Bug, first: Property) {
    assert_eq!(bug.caught_by()[0], first);
    let mut quiet = |_: Counts| {};
    let mut run = Run { threads: 1, progress: &mut quiet };
    let scopes = Size::Small.scopes();
    for property in bug.caught_by() {
        let Some(found) = run.catch(scopes, World::new(scopes[0]).with_bug(bug), *property) else {
            panic!("{bug} breaks nothing of {property}");
        };
        let mut states = found.steps.iter().rev();
        assert!(states.next().is_some_and(|(state, _)| state.broken.contains(*property)));
        assert!(states.all(|(state, _)| !state.broken.contains(*property)), "{bug}: {property} was broken earlier");
        println!("{bug} {property} {} {}", found.scope, found.steps.len() - 1);
    }
}

macro_rules! bugs {
    ($($(#[$doc:meta])* $test:ident: $bug:ident breaks $property:ident;)+) => {
        $($(#[$doc])* #[test] fn $test() { caught(Bug::$bug, Property::$property); })+

        #[test]
        fn every_bug_and_every_property_has_its_test() {
            let tested = [$(Bug::$bug.name()),+];
            assert_eq!(tested.to_vec(), Bug::ALL.iter().map(|bug| bug.name()).collect::<Vec<_>>());
            assert!(Bug::ALL.iter().all(|bug| Bug::named(bug.name()) == Some(*bug)));
            let caught: BTreeSet<Property> = Bug::ALL.iter().flat_map(|bug| bug.caught_by()).copied().collect();
            assert_eq!(caught, Property::ALL.iter().copied().collect(), "a property that no bug breaks shows nothing");
        }
    };
}

bugs! {
    /// shows: I1, I5, I6
    epoch_reuse: EpochReuse breaks I1;
    /// shows: I1, I5
    double_activate: DoubleActivate breaks I1;
    /// shows: I2, I3, I11
    no_fence: NoFence breaks I2;
    /// shows: I2, I10
    activate_before_invalidate: ActivateBeforeInvalidate breaks I10;
    /// shows: I2, I3
    fence_by_chip_id_only: FenceByChipIdOnly breaks I3;
    /// shows: I4
    no_prev_check: NoPrevCheck breaks I4;
    /// shows: I3, I11
    no_seq_check: NoSeqCheck breaks I11;
    /// shows: I2, I7
    accept_while_sealed: AcceptWhileSealed breaks I7;
    /// shows: I8
    no_epoch_on_ready: NoEpochOnReady breaks I8;
    /// shows: I5
    epoch_from_node: EpochFromNode breaks I5;
    /// shows: I8
    no_head_on_ready: NoHeadOnReady breaks I8;
    /// shows: I8
    no_migration_on_ready: NoMigrationOnReady breaks I8;
    /// shows: I8
    any_dest: AnyDest breaks I8;
    /// shows: I8
    nonce_not_bound: NonceNotBound breaks I8;
    /// shows: I9
    chip_forgets_seal: ChipForgetsSeal breaks I9;
    /// shows: I9
    source_keeps_running_after_seal: SourceKeepsRunning breaks I9;
    /// shows: I8, I10
    arrive_without_seal: ArriveWithoutSeal breaks I10;
    force_seal_by_one_vote: ForceSealByOneVote breaks Ballot;
    /// shows: I6
    invalidated_forgotten: InvalidatedForgotten breaks I6;
    /// shows: I13
    no_abort: NoAbort breaks I13;
}
