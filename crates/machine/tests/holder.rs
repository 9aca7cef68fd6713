//! Who holds a substrate, in each state that it can be in: what cosigners sign and readers rely on.

use crate::common::*;
use selfsame_machine::{list, read};
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{Command, Proposal, RetireChip, Role};
use selfsame_protocol::holder::HolderState;
use selfsame_protocol::keys::SecretKey;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::number::Epoch;
use selfsame_protocol::p104::Outcome;
use selfsame_protocol::record::EvidenceAnchor;
use selfsame_protocol::time::U64;

/// The status of a substrate: its state, its chip and its epoch. The rest of it is checked here.
#[track_caller]
fn status(world: &World, id: &str) -> (HolderState, SecretKey, Epoch) {
    let status = read::holder(&world.model, &genesis(), id).unwrap().unwrap();
    assert_eq!((status.origin.as_str(), status.substrate_id.as_str()), ("ledger.example", id));
    for (ledger, tree) in Ledger::BOTH.into_iter().zip([status.evidence, status.reasoning]) {
        assert_eq!(read::head(&world.model, ledger).unwrap(), (tree.size, tree.root));
    }
    let filter = list::Filter::default();
    let lines = list::substrates(&world.model, &filter, None, 9).unwrap().items;
    let line = lines.into_iter().find(|line| line.substrate_id == id).unwrap();
    assert_eq!((line.state, line.chip, line.epoch), (status.state, status.chip, status.epoch));
    let chip = (0..4).map(chip).find(|chip| chip.public().id() == status.chip).unwrap();
    (status.state, chip, status.epoch)
}
#[track_caller]
fn is(world: &World, id: &str, state: HolderState, holder: u8, epoch: Epoch) {
    let (found, chip_found, at) = status(world, id);
    assert_eq!((found, chip_found.public(), at), (state, chip(holder).public(), epoch));
}

/// shows: P-085, P-087
#[test]
fn a_migration_is_seen_in_the_status_of_the_holder() {
    let (mut world, id) = closed();
    assert_eq!(read::holder(&world.model, &genesis(), &uuid(9)).unwrap(), None);
    is(&world, &id, HolderState::Active, 0, Epoch(1));
    world.seal(&id, "m1", &chip(0), &chip(1));
    is(&world, &id, HolderState::Sealed, 0, Epoch(1));
    let abort = world.abort_command(&id, "m1", &chip(0));
    world.ok(Role::Chip, &chip(0), abort);
    is(&world, &id, HolderState::Active, 0, Epoch(2));
    world.seal(&id, "m2", &chip(0), &chip(1));
    world.arrive(&id, "m2", &chip(1));
    is(&world, &id, HolderState::Active, 1, Epoch(3));
}

/// shows: P-064, X-07
#[test]
fn a_suppressed_substrate_has_no_holder_that_may_act() {
    let (mut world, id) = closed();
    world.seal(&id, "m1", &chip(0), &chip(1));
    world.arrive(&id, "m1", &chip(1));
    let verification = world.ask(&id, &chip(1));
    for from in 1..=2 {
        world.verdict(&id, verification, from, claim(Outcome::HashMismatch)).unwrap();
    }
    is(&world, &id, HolderState::Suppressed, 1, Epoch(2));
    // Retiring the chip as well changes nothing: what was found about the history goes before.
    world.ok(Role::Root, &root(1), Command::RetireChip(RetireChip { chip: chip(1).public().id() }));
    is(&world, &id, HolderState::Suppressed, 1, Epoch(2));
}

/// shows: P-068
#[test]
fn a_lineage_that_ended_has_no_holder_that_may_act_and_its_successor_has() {
    let (mut world, old) = closed();
    let command = open_with_founding(&world, &old, None);
    world.ask_with(&chip(0), command);
    world.honest(&old, 1);
    world.honest(&old, 2);
    let new = world.substrate(&old).successor.unwrap();
    is(&world, &old, HolderState::Ended, 0, Epoch(1));
    is(&world, &new, HolderState::Active, 0, Epoch(1));
    world.ok(Role::Root, &root(0), Command::RetireChip(RetireChip { chip: chip(0).public().id() }));
    is(&world, &old, HolderState::Ended, 0, Epoch(1));
    is(&world, &new, HolderState::Retired, 0, Epoch(1));
}

/// shows: P-087
#[test]
fn a_holder_whose_chip_or_organisation_is_out_of_service_may_not_act() {
    let (mut world, id) = closed();
    world.seal(&id, "m1", &chip(0), &chip(1));
    world.ok(Role::Root, &root(0), Command::RetireChip(RetireChip { chip: chip(0).public().id() }));
    // It can neither write nor abort: only the destination is left.
    is(&world, &id, HolderState::Retired, 0, Epoch(1));
    let abort = world.abort_command(&id, "m1", &chip(0));
    world.refused(Role::Chip, &chip(0), abort, Code::KeyEnded);
    world.arrive(&id, "m1", &chip(1));
    is(&world, &id, HolderState::Active, 1, Epoch(2));
    // The chips of an organisation that left are out of service with it.
    world.ballot(3, "out", remove(1));
    let open = world.open_command(&id);
    world.refused(Role::Chip, &chip(1), open, Code::OrganisationRemoved);
    is(&world, &id, HolderState::Retired, 1, Epoch(2));
}

/// shows: P-087
#[test]
fn after_a_recovery_the_status_has_the_epoch_that_the_next_write_must_name() {
    let (mut world, id) = closed();
    let anchor = |ledger| {
        let (size, root) = read::head(&world.model, ledger).unwrap();
        EvidenceAnchor { size: U64(size), root }
    };
    let (evidence, reasoning) = (anchor(Ledger::Evidence), anchor(Ledger::Reasoning));
    world.ballot(3, "r", Proposal::Recovery { reason: "lost".into(), evidence, reasoning });
    is(&world, &id, HolderState::Active, 0, Epoch((1 << 32) + 1));
}
