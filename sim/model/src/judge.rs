//! What is broken in a state: what the log decides by an independent reading, and what it takes the whole state to see.

use crate::audit;
use crate::finding::Finding;
use crate::ledger::{Ledger, QUORUM, Rules};
use crate::property::{Broken, Property};
use crate::types::{Attestation, ChipId, Command, Entry, Head, Index, MigrationId, Nonce, Tenure};
use crate::world::{State, World};

/// Everything that is broken in a state.
pub fn judge(world: &World, state: &State) -> Broken {
    let (mut broken, invalidated) = audit::audit(&state.log, world.finding);
    let ledger = &state.ledger;
    broken.unless(never_invalidated(ledger, &invalidated), Property::I6);
    broken.unless(one_believer(state, usize::from(world.bounds.chips)), Property::I9);
    let index = state.log.len() as Index;
    broken.unless(not_stuck(world.rules, world.finding, ledger, world.bounds.chips, index), Property::I13);
    broken
}

/// The tenure that can write is not invalidated, and what the log invalidated stays so.
///
/// shows: I6
fn never_invalidated(ledger: &Ledger, invalidated: &[Tenure]) -> bool {
    let active = ledger.migration.is_none().then_some(ledger.holder);
    active.into_iter().chain(ledger.lingering).all(|tenure| !ledger.invalidated.contains(tenure))
        && invalidated.iter().all(|tenure| ledger.invalidated.contains(*tenure))
}

/// With well-kept chips and no ballot at most one copy holds itself active.
///
/// shows: I9
fn one_believer(state: &State, chips: usize) -> bool {
    let forced = state.log.iter().any(|entry| matches!(entry, Entry::Seal { votes: Some(_), .. }));
    state.rolled_back || state.copies.len() > chips || forced || believers(state) <= 1
}

/// How many copies hold themselves active.
pub fn believers(state: &State) -> usize {
    state.copies.iter().filter(|copy| copy.belief.is_some()).count()
}

/// A migration id that the bounds never reach.
const FRESH: MigrationId = 7;

/// Whether, for every set of chips that may be lost, somebody that is left can bring the substrate to an active chip. One
/// more chip can always be enrolled.
///
/// shows: I13
pub fn not_stuck(rules: Rules, finding: Option<Finding>, ledger: &Ledger, chips: u8, index: Index) -> bool {
    let most = if finding == Some(Finding::BothChipsLost) { 2 } else { 1 };
    (0_u8..1 << chips).filter(|lost| lost.count_ones() <= most).all(|lost| {
        let left = |chip: &ChipId| lost & (1 << chip.0) == 0;
        let Ledger { holder, seq, head, .. } = *ledger;
        let ended =
            |ledger: Ledger, index| (0..=chips).map(ChipId).filter(left).any(|chip| ends(rules, ledger, chip, index));
        if ended(*ledger, index) {
            return true;
        }
        // An active chip may have stopped itself for a seal that is never accepted, so even it must find a way: by a seal of
        // its own, or by a ballot.
        (0..=chips).map(ChipId).any(|destination| {
            let own = Command::Seal { by: holder, seq: seq + 1, head, migration: FRESH, destination };
            let ballot = Command::ForceSeal { migration: FRESH, destination, votes: QUORUM };
            let after = |seal: &Command| {
                let mut sealed = *ledger;
                sealed.apply(rules, index, seal).is_ok() && ended(sealed, index + 1)
            };
            (left(&holder.chip) && after(&own)) || after(&ballot)
        })
    })
}

/// Whether the chip can end the migration under way, by arrival or abort.
fn ends(rules: Rules, mut ledger: Ledger, chip: ChipId, index: Index) -> bool {
    let Some(migration) = ledger.migration else { return false };
    let attestation = honest(ledger.holder, migration.id, migration.head, migration.seal_index, chip, index);
    let arrive = Command::Arrive { migration: migration.id, head: migration.head, attestation };
    let abort = Command::Abort { migration: migration.id, attestation };
    ledger.apply(rules, index, &arrive).is_ok() || ledger.apply(rules, index, &abort).is_ok()
}

/// The attestation that an honest chip signs when it has read the seal.
pub fn honest(
    sealed: Tenure,
    migration: MigrationId,
    head: Head,
    seal_index: Index,
    chip: ChipId,
    now: Index,
) -> Attestation {
    Attestation { chip, migration, epoch: sealed.epoch + 1, head, nonce: Nonce::Log(seal_index), signed_at: now }
}
