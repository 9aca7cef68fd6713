//! The design keeps every property, and everything that must happen does happen.

use selfsame_model::check::{Counts, Run};
use selfsame_model::expected::HAPPENS;
use selfsame_model::{Finding, Property, Size, World, story};
use std::collections::BTreeSet;

/// Checks every scope of the small size; gives what was seen to happen and the number of states.
fn all_scopes(world: impl Fn(World) -> World) -> (BTreeSet<&'static str>, usize) {
    let mut quiet = |_: Counts| {};
    let mut run = Run { threads: 1, progress: &mut quiet };
    let mut happened = BTreeSet::new();
    let mut states = 0;
    for bounds in Size::Small.scopes() {
        let report = run.everything(world(World::new(*bounds)));
        if let Some((property, steps)) = report.broken.first() {
            panic!("{property} breaks in scope {}:\n{}", bounds.name, story::tell(steps));
        }
        happened.extend(report.happened);
        states += report.counts.states;
    }
    (happened, states)
}

/// shows: I1, I2, I3, I4, I5, I6, I7, I8, I9, I10, I11, I13
#[test]
fn the_design_keeps_every_property_and_is_not_idle() {
    let (happened, states) = all_scopes(|world| world);
    assert_eq!(happened, HAPPENS.iter().copied().collect());
    // A model that lost its actions would keep everything.
    assert!(states > 200_000, "only {states} states");
}

/// shows: I8, I13
#[test]
fn each_finding_breaks_its_property_in_the_present_design() {
    let mut quiet = |_: Counts| {};
    let mut run = Run { threads: 1, progress: &mut quiet };
    for finding in Finding::ALL {
        let scopes = Size::Small.scopes();
        let caught = run.catch(scopes, World::new(scopes[0]).with_finding(*finding), finding.breaks());
        assert!(caught.is_some(), "{finding} no longer breaks {}: make it a bug", finding.breaks());
    }
}

/// shows: I1, I2, I5, I7, I8, I9, I10, I13
#[test]
fn with_the_remedies_every_property_holds_without_the_assumptions() {
    for finding in Finding::ALL {
        all_scopes(|world| world.with_finding(*finding).remedied());
    }
}

#[test]
fn names_lead_back_to_what_they_name() {
    for property in Property::ALL {
        assert_eq!(Property::named(property.id()), Some(*property));
    }
    for finding in Finding::ALL {
        assert_eq!(Finding::named(finding.name()), Some(*finding));
    }
}

/// The engine shares work among threads; the states that it finds must not depend on their number.
#[test]
fn the_number_of_states_does_not_depend_on_threads() {
    let mut quiet = |_: Counts| {};
    let bounds = Size::Small.scopes()[1];
    let states =
        [1, 2, 3].map(|threads| Run { threads, progress: &mut quiet }.everything(World::new(bounds)).counts.states);
    assert_eq!(states, [states[0]; 3]);
}
