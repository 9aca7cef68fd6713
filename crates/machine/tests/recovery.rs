//! A recovery by ballot: no right to write of before it fits any more, and the history says why.

use crate::common::*;
use selfsame_machine::read;
use selfsame_machine::state::Phase;
use selfsame_machine::view::{Table, View};
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{
    AbortMigration, Append, Arrive, Command, FencingToken, OpenSession, Proposal, RecoverClose, Role,
};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::keys::SecretKey;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::number::Epoch;
use selfsame_protocol::p104::Outcome;
use selfsame_protocol::record::{EvidenceAnchor, Record};
use selfsame_protocol::time::U64;

const SKIP: u64 = 1 << 32;

fn anchor(world: &World, ledger: Ledger) -> EvidenceAnchor {
    let (size, root) = read::head(&world.model, ledger).unwrap();
    EvidenceAnchor { size: U64(size), root }
}
fn recovery(world: &World) -> Proposal {
    Proposal::Recovery {
        reason: "two disks were lost".into(),
        evidence: anchor(world, Ledger::Evidence),
        reasoning: anchor(world, Ledger::Reasoning),
    }
}
fn recover(world: &mut World, id: &str) {
    let proposal = recovery(world);
    world.ballot(3, id, proposal);
}
fn fence(epoch: u64, seq: u64) -> FencingToken {
    FencingToken { epoch: Epoch(epoch), seq: U64(seq) }
}
fn open_at(world: &World, id: &str, fence: FencingToken) -> Command {
    let mut command = world.open_command(id);
    let Command::OpenSession(OpenSession { fence: right, .. }) = &mut command else { unreachable!() };
    *right = fence;
    command
}

/// shows: P-052, P-085, P-087, X-05, G-17
#[test]
fn after_a_recovery_every_holder_begins_a_new_epoch_with_a_verification() {
    let (mut world, id) = closed();
    let before = world.substrate(&id);
    recover(&mut world, "r1");
    let constitution = read::constitution(&world.model).unwrap().unwrap();
    assert_eq!((constitution.recovery_count, constitution.revision), (U64(1), U64(1)));
    // Read as the next write must name it; stored when it is written.
    assert_eq!((world.substrate(&id).holder.epoch, world.substrate(&id).holder.seq), (Epoch(1 + SKIP), U64(0)));
    let next = before.holder.seq.0 + 1;
    let open = open_at(&world, &id, fence(1, next));
    world.refused(Role::Chip, &chip(0), open, Code::StaleEpoch);
    let open = open_at(&world, &id, fence(1 + SKIP, next));
    world.refused(Role::Chip, &chip(0), open, Code::StaleSequence);
    let seal = world.seal_command(&id, "early", &chip(1));
    world.refused(Role::Chip, &chip(0), seal, Code::SessionNotOpen);
    assert_eq!(world.open(&id, &chip(0)), Outcome::Verified);
    let record = world.records(&id).into_iter().find(|record| matches!(record, Record::HolderRecovery { .. }));
    let expected = Record::HolderRecovery {
        recovery_count: U64(1),
        chip: chip(0).public().id(),
        ended: Epoch(1),
        epoch: Epoch(1 + SKIP),
    };
    assert_eq!(record, Some(expected));
    assert_eq!(world.substrate(&id).constitution.recovery_count, U64(1));
    assert_ne!(world.substrate(&id).constitution.hash(), before.constitution.hash());
    world.cycle(&id, &chip(0), "cycle/2");
    let late = Command::Append(Append {
        substrate_id: id.clone(),
        fence: fence(1, next),
        items: vec![item(Ledger::Evidence, "x")],
    });
    world.refused(Role::Chip, &chip(0), late, Code::ChipInvalidated);
    world.close(&id, &chip(0));
    // Twice more, and once for both; then it migrates at the epoch after, and the leaves alone say the same.
    recover(&mut world, "r2");
    recover(&mut world, "r3");
    assert_eq!(world.open(&id, &chip(0)), Outcome::Verified);
    world.close(&id, &chip(0));
    world.seal(&id, "m1", &chip(0), &chip(1));
    world.arrive(&id, "m1", &chip(1));
    let history = world.replay(&id);
    assert_eq!(history.epoch, Epoch(3 * SKIP + 2));
    assert_eq!(history.constitution, world.substrate(&id).constitution);
    assert_eq!(world.substrate(&id).holder.epoch, history.epoch);
    // A birth after it carries the count from the start.
    world.born(&uuid(2), 0);
    assert_eq!(world.open(&uuid(2), &chip(0)), Outcome::InsufficientDepth);
    assert_eq!(
        (world.replay(&uuid(2)).epoch, world.substrate(&uuid(2)).holder.epoch),
        (Epoch(3 * SKIP + 1), Epoch(3 * SKIP + 1))
    );
}

/// shows: P-058, X-05
#[test]
fn a_session_that_was_open_ends_with_the_recovery() {
    let (mut world, id) = closed();
    world.open(&id, &chip(0));
    recover(&mut world, "r1");
    for command in [
        world.append_command(&id, vec![item(Ledger::Evidence, "more")]),
        world.cycle_command(&id, "cycle/2"),
        world.close_command(&id),
    ] {
        world.refused(Role::Chip, &chip(0), command, Code::SessionNotOpen);
    }
    let open = world.open_command(&id);
    world.refused(Role::Chip, &chip(0), open, Code::SessionAlreadyOpen);
    world.ok(Role::Operator, &operator(0), Command::RecoverClose(RecoverClose { substrate_id: id.clone() }));
    assert_eq!(world.open(&id, &chip(0)), Outcome::Verified);
    world.append(&id, &chip(0), vec![item(Ledger::Evidence, "more")]);
    world.replay(&id);
}

/// A substrate between two chips, and one whose chip is lost.
/// shows: P-085, P-087
#[test]
fn what_was_sealed_arrives_or_is_aborted_at_the_new_epoch() {
    for abort in [true, false] {
        let (mut world, id) = closed();
        world.seal(&id, "m1", &chip(0), &chip(1));
        let old = world.arrive_command(&id, "m1", &chip(1));
        recover(&mut world, "r1");
        world.refused(Role::Chip, &chip(1), old, Code::AttestationInvalid);
        let by = u8::from(!abort);
        let command = if abort {
            let mut command = world.abort_command(&id, "m1", &chip(0));
            let Command::AbortMigration(AbortMigration { attestation, .. }) = &mut command else { unreachable!() };
            *attestation = world.activation(&id, "m1", &chip(0));
            command
        } else {
            let mut command = world.arrive_command(&id, "m1", &chip(1));
            let Command::Arrive(Arrive { attestation, .. }) = &mut command else { unreachable!() };
            *attestation = world.activation(&id, "m1", &chip(1));
            command
        };
        world.ok(Role::Chip, &chip(by), command);
        assert_eq!(world.substrate(&id).holder.epoch, Epoch(2 + SKIP));
        assert_eq!(world.open(&id, &chip(by)), Outcome::Verified);
        assert_eq!(world.replay(&id).epoch, Epoch(2 + SKIP));
    }
    let (mut world, id) = closed();
    world.open(&id, &chip(0));
    recover(&mut world, "r1");
    let seal = Proposal::ForceSeal {
        substrate_id: id.clone(),
        migration_id: "m1".into(),
        destination: chip(1).public().id(),
        reason: "lost".into(),
    };
    world.ballot(3, "seal", seal);
    assert_eq!(world.substrate(&id).phase, Phase::Closed);
    world.arrive(&id, "m1", &chip(1));
    assert_eq!(world.replay(&id).epoch, Epoch(2 + SKIP));
}

/// shows: X-05, G-17
#[test]
fn a_ledger_that_lost_what_was_cosigned_does_not_go_on() {
    let (mut world, _) = closed();
    // Every earlier tree is a part of it.
    let early = Ledger::BOTH.map(|ledger| anchor(&world, ledger));
    for n in 0..300 {
        world.enrol(0, &SecretKey::from_seed(Digest::of(format!("chip {n}").as_bytes()).as_bytes()));
    }
    let with = |evidence: EvidenceAnchor, reasoning: EvidenceAnchor| Proposal::Recovery {
        reason: "lost".into(),
        evidence,
        reasoning,
    };
    let [evidence, reasoning] = early.clone();
    let longer = EvidenceAnchor { size: U64(evidence.size.0 + 1), root: evidence.root };
    world.refused_ballot(3, "longer", with(longer, reasoning.clone()), Code::RecoveryGap);
    let other = EvidenceAnchor { root: Digest::of(b"another"), ..reasoning.clone() };
    world.refused_ballot(3, "other", with(evidence.clone(), other), Code::RecoveryGap);
    assert_eq!(world.model.get(Table::Meta, b"recoveries").unwrap(), None);
    world.ballot(3, "early", with(evidence, reasoning.clone()));
    let Some(Record::Recovery { recovery_count, reasoning: kept, .. }) =
        world.chain("cluster", Ledger::Reasoning).pop().map(|entry| entry.record)
    else {
        panic!()
    };
    assert_eq!((recovery_count, kept), (U64(1), reasoning));
    let empty = EvidenceAnchor { size: U64(0), root: Digest::of(b"") };
    world.ballot(3, "nothing", with(empty.clone(), empty));
}
