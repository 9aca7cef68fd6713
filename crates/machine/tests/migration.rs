//! One active chip: seal, arrive, abort, seal by ballot.

use crate::common::*;
use selfsame_machine::read;
use selfsame_machine::state::{HolderStatus, MigrationState, invalidated_key};
use selfsame_machine::view::Table;
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{
    AbortMigration, Append, Arrive, Command, FencingToken, OpenSession, Proposal, Propose, RetireChip, Role, Seal,
};
use selfsame_protocol::digest::{Digest, framed};
use selfsame_protocol::keys::SecretKey;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::number::{Epoch, LogIndex};
use selfsame_protocol::p104::{self, Attestation, Claims, Outcome, Thresholds};
use selfsame_protocol::record::{ClaimLevel, CycleKind, Record};
use selfsame_protocol::response::MigrationSealed;
use selfsame_protocol::time::U64;

fn invalidated(world: &World) -> Vec<Vec<u8>> {
    rows(&world.model).into_iter().filter(|(table, _)| *table == Table::Invalidated).map(|(_, row)| row.0).collect()
}

/// An append under a stated right.
fn append(id: &str, epoch: u64, seq: u64) -> Command {
    Command::Append(Append {
        substrate_id: id.parse().unwrap(),
        fence: FencingToken { epoch: Epoch(epoch), seq: U64(seq) },
        items: vec![item(Ledger::Evidence, "seen")],
    })
}

fn propose(id: &str, proposal: &str, migration: &str, destination: &SecretKey) -> Command {
    Command::Propose(Propose {
        proposal_id: proposal.into(),
        proposal: Proposal::ForceSeal {
            substrate_id: id.parse().unwrap(),
            migration_id: migration.into(),
            destination: destination.public().id(),
            reason: "the chip is lost".into(),
        },
    })
}

fn vote(proposal: &str) -> Command {
    selfsame_forge::cast::vote(proposal, true)
}

fn holder(world: &World, id: &str) -> (HolderStatus, Digest, u64) {
    let holder = world.substrate(id).holder;
    (holder.status, holder.chip, holder.epoch.0)
}

/// shows: P-082, P-083, X-05
#[test]
fn a_seal_states_what_the_ledger_holds_and_stops_the_origin() {
    let (mut world, id) = closed();
    let good = world.seal_command(&id, "m1", &chip(1));
    let bad = |change: &dyn Fn(&mut Digest, &mut Digest, &mut U64, &mut U64)| {
        let mut command = good.clone();
        let Command::Seal(Seal { head, continuity_hash, evidence_ledger_depth, reasoning_ledger_depth, .. }) =
            &mut command
        else {
            unreachable!()
        };
        change(head, continuity_hash, evidence_ledger_depth, reasoning_ledger_depth);
        command
    };
    for command in [
        bad(&|head, _, _, _| *head = Digest::of(b"x")),
        bad(&|_, kept, _, _| *kept = Digest::of(b"x")),
        bad(&|_, _, evidence, _| evidence.0 += 1),
        bad(&|_, _, _, reasoning| reasoning.0 -= 1),
    ] {
        world.refused(Role::Chip, &chip(0), command, Code::StateMismatch);
    }
    let command = world.seal_command(&id, "m1", &chip(0));
    world.refused(Role::Chip, &chip(0), command, Code::WrongDestination);
    let command = world.seal_command(&id, "m1", &chip(9));
    world.refused(Role::Chip, &chip(0), command, Code::UnknownChip);
    world.enrol(2, &chip(7));
    world.ok(Role::Root, &root(2), Command::RetireChip(RetireChip { chip: chip(7).public().id() }));
    let command = world.seal_command(&id, "m1", &chip(7));
    world.refused(Role::Chip, &chip(0), command, Code::ChipRetired);
    assert_eq!(world.recorded(Role::Chip, &chip(1), good.clone(), Code::ChipNotActive).len(), 1);

    let receipt = world.ok(Role::Chip, &chip(0), good);
    let nonce = p104::migration_nonce(CLUSTER, &id, "m1", LogIndex(world.index), &world.substrate(&id).head);
    assert_eq!(receipt.result, MigrationSealed { nonce, epoch: Epoch(2), migration_id: "m1".into() }.into());
    assert_eq!(holder(&world, &id), (HolderStatus::Sealed, chip(0).public().id(), 1));
    // Zero active chips now: neither the origin nor the destination writes.
    for (role, key, command) in writes(&world, &id) {
        let code = if role == Role::Chip { Code::Sealed } else { Code::SessionNotOpen };
        world.refused(role, &key, command, code);
    }
    world.recorded(Role::Chip, &chip(1), append(&id, 1, 1), Code::ChipNotActive);
    world.recorded(Role::Chip, &chip(1), append(&id, 2, 1), Code::ChipNotActive);
}

/// shows: P-082, P-084, P-085, P-086, P-087, P-088, P-089, P-090, P-104, X-02, C-23, C-24, C-31, C-50
#[test]
fn one_entry_activates_the_destination_and_invalidates_the_origin() {
    let (mut world, id) = closed();
    let before = world.substrate(&id);
    world.seal(&id, "m1", &chip(0), &chip(1));
    let sealed = world.substrate(&id);
    assert_eq!(invalidated(&world), Vec::<Vec<u8>>::new());
    let receipt = world.arrive(&id, "m1", &chip(1));
    assert_eq!(holder(&world, &id), (HolderStatus::Active, chip(1).public().id(), 2));
    assert_eq!(invalidated(&world), [invalidated_key(&id, &chip(0).public().id(), Epoch(1))]);
    // Both records of the hand-over come from the one entry.
    assert_eq!(receipt.entries.len(), 2);
    let records = world.records(&id);
    let [.., Record::MigrationIdentityAttestation { attestation, .. }, Record::IdentityPropagation(cycle)] =
        &records[..]
    else {
        panic!("{records:?}")
    };
    let origin = before.holder.attestation_hash.unwrap();
    assert_eq!(cycle.cycle_kind, CycleKind::Migration);
    let arrival = records[records.len() - 2].clone();
    assert_eq!(serde_json::to_value(&cycle.goalvector).unwrap(), serde_json::to_value(&arrival).unwrap());
    assert_eq!(cycle.goalvector_resolution_hash, p104::tagged(p104::TAG_MIGRATION, &arrival));
    assert_eq!(
        (cycle.origin_attestation_hash, cycle.destination_attestation_hash),
        (Some(origin), Some(attestation.hash()))
    );
    assert_ne!(origin, attestation.hash());
    let expected = framed(&[
        before.head.hex().as_bytes(),
        cycle.goalvector_resolution_hash.hex().as_bytes(),
        cycle.constitutional_state_hash.hex().as_bytes(),
        cycle.reasoning_ledger_depth.to_string().as_bytes(),
        cycle.cycle_timestamp.to_string().as_bytes(),
        origin.hex().as_bytes(),
        attestation.hash().hex().as_bytes(),
    ]);
    let after = world.substrate(&id);
    assert_eq!((cycle.cycle_identity_hash, after.head), (expected, expected));
    assert_eq!(after.lineage_depth.0, before.lineage_depth.0 + 1);
    assert_eq!(after.constitution.chip, Some(chip(1).public().id()));
    assert_eq!(after.substrate_identity_hash, before.substrate_identity_hash);
    assert_eq!(read::migration(&world.model, &id, "m1").unwrap().unwrap().state, MigrationState::Arrived);
    let Record::MigrationIdentityAttestation { continuity_hash, .. } = &records[records.len() - 2] else { panic!() };
    assert_eq!(*continuity_hash, sealed.last_close.unwrap().cross_session_identity_continuity_hash);

    // The numbers of an activation begin anew with it: what the origin counted is not the destination's to continue.
    assert!(before.holder.seq.0 > 1);
    assert_eq!((after.holder.seq, after.holder.since), (U64(0), LogIndex(world.index)));
    let open_at = |seq: u64| {
        let mut command = world.open_command(&id);
        let Command::OpenSession(OpenSession { fence, .. }) = &mut command else { unreachable!() };
        *fence = FencingToken { epoch: Epoch(2), seq: U64(seq) };
        command
    };
    for seq in [0, 2, before.holder.seq.0 + 1, before.holder.seq.0 + 2] {
        let command = open_at(seq);
        world.clone().refused(Role::Chip, &chip(1), command, Code::StaleSequence);
    }
    world.clone().ok(Role::Chip, &chip(1), open_at(1));

    // The origin is refused with its own code, whatever it tries; the destination goes on.
    for seq in 1..4 {
        world.refused(Role::Chip, &chip(0), append(&id, 1, seq), Code::ChipInvalidated);
    }
    world.recorded(Role::Chip, &chip(0), append(&id, 2, 1), Code::ChipNotActive);
    world.refused(Role::Chip, &chip(1), append(&id, 1, 1), Code::StaleEpoch);
    assert_eq!(world.open(&id, &chip(1)), Outcome::Verified);
    world.append(&id, &chip(1), vec![item(Ledger::Reasoning, "here")]);
    world.cycle(&id, &chip(1), "cycle/2");
    let history = world.replay(&id);
    assert_eq!((history.lineage_depth, history.chip_attestation), (3, Some(attestation.hash())));
}

/// shows: P-083, P-084, P-086, X-05
#[test]
fn an_arrival_restates_the_seal_and_attests_this_activation() {
    let (mut world, id) = closed();
    let none = read::migration(&world.model, &id, "m1").unwrap();
    assert_eq!(none, None);
    world.seal(&id, "m1", &chip(0), &chip(1));
    let good = world.arrive_command(&id, "m1", &chip(1));
    let Claims::Activation { nonce, epoch, .. } = world.activation_claims(&id, "m1") else { unreachable!() };
    let with = |change: &dyn Fn(&mut Digest, &mut Epoch, &mut String, &mut Digest)| {
        let mut claims = world.activation_claims(&id, "m1");
        let Claims::Activation { nonce, epoch, migration_id, head, .. } = &mut claims else { unreachable!() };
        change(nonce, epoch, migration_id, head);
        let mut command = good.clone();
        let Command::Arrive(Arrive { attestation, .. }) = &mut command else { unreachable!() };
        *attestation = Attestation::software(&claims, &chip(1));
        command
    };
    let wrong = [
        with(&|value, _, _, _| *value = Digest::of(nonce.as_bytes())),
        with(&|_, value, _, _| *value = Epoch(epoch.0 - 1)),
        with(&|_, _, value, _| *value = "m2".into()),
        with(&|_, _, _, value| *value = Digest::of(b"x")),
    ];
    for command in wrong {
        world.refused(Role::Chip, &chip(1), command, Code::AttestationInvalid);
    }
    // The chip that the seal names, and nobody else, also not with the right attestation.
    world.refused(Role::Chip, &chip(2), good.clone(), Code::WrongDestination);
    let command = world.arrive_command(&id, "m1", &chip(0));
    world.refused(Role::Chip, &chip(0), command, Code::WrongDestination);
    let mut other = good.clone();
    let Command::Arrive(Arrive { attestation, .. }) = &mut other else { unreachable!() };
    *attestation = Attestation::software(&world.activation_claims(&id, "m1"), &chip(2));
    world.refused(Role::Chip, &chip(1), other, Code::AttestationInvalid);
    for part in 0..2 {
        let mut command = good.clone();
        let Command::Arrive(Arrive { continuity_hash, head, .. }) = &mut command else { unreachable!() };
        *[continuity_hash, head][part] = Digest::of(b"altered bundle");
        world.refused(Role::Chip, &chip(1), command, Code::StateMismatch);
    }
    let mut command = good.clone();
    let Command::Arrive(Arrive { migration_id, .. }) = &mut command else { unreachable!() };
    *migration_id = "m2".into();
    world.refused(Role::Chip, &chip(1), command, Code::MigrationState);
    world.ok(Role::Chip, &chip(1), good.clone());
    // The same bundle again, also by another destination.
    world.refused(Role::Chip, &chip(1), good.clone(), Code::MigrationState);
    world.refused(Role::Chip, &chip(2), good, Code::MigrationState);
}

/// shows: P-082, P-084, X-05, C-51, C-52
#[test]
fn only_a_closed_attested_and_verified_substrate_migrates() {
    let mut world = World::new();
    let id = uuid(1);
    // Never closed, then open.
    world.born(&id, 0);
    let command = world.seal_command(&id, "m1", &chip(1));
    world.refused(Role::Chip, &chip(0), command, Code::MigrationState);
    world.open(&id, &chip(0));
    let command = world.seal_command(&id, "m1", &chip(1));
    world.refused(Role::Chip, &chip(0), command, Code::SessionAlreadyOpen);
    // Too shallow to be VERIFIED: sealed, but never activated.
    world.close(&id, &chip(0));
    world.seal(&id, "m1", &chip(0), &chip(1));
    let command = world.arrive_command(&id, "m1", &chip(1));
    world.refused(Role::Chip, &chip(1), command, Code::NotVerified);
    // Incomplete.
    let id = uuid(2);
    world.ok(Role::Chip, &chip(0), birth_with(&id, None, Thresholds::default()));
    world.open(&id, &chip(0));
    world.cycle(&id, &chip(0), "cycle/1");
    world.close(&id, &chip(0));
    let command = world.seal_command(&id, "m1", &chip(1));
    world.refused(Role::Chip, &chip(0), command, Code::IdentityIncomplete);
}

/// shows: P-002, P-090, C-21
#[test]
fn an_incomplete_substrate_migrates_when_its_thresholds_do_not_demand_attestation() {
    let mut world = World::new();
    let id = uuid(1);
    let thresholds = Thresholds { migration_attestation: false, ..Thresholds::default() };
    world.ok(Role::Chip, &chip(0), birth_with(&id, None, thresholds));
    world.open(&id, &chip(0));
    world.cycle(&id, &chip(0), "cycle/1");
    world.close(&id, &chip(0));
    world.seal(&id, "m1", &chip(0), &chip(1));
    world.arrive(&id, "m1", &chip(1));
    assert_eq!(world.open(&id, &chip(1)), Outcome::Verified);
    assert_eq!(world.replay(&id).lineage_depth, 2);
    // The attestation of the arrival is not one of the birth: it stays incomplete, and its claims reduced.
    assert!(!world.substrate(&id).complete);
    assert_eq!(verifications(&world, &id).pop().unwrap().claim_level, ClaimLevel::Reduced);
    let Record::SubstrateIdentity(birth) = world.records(&id).remove(0) else { panic!() };
    assert_eq!((birth.completeness.as_str(), birth.governance_chip_attestation_hash), ("incomplete", None));
    let Record::IdentityPropagation(cycle) =
        world.records(&id).into_iter().rfind(|record| matches!(record, Record::IdentityPropagation(_))).unwrap()
    else {
        unreachable!()
    };
    // An origin without attestation contributes the digest of nothing.
    assert_eq!(cycle.origin_attestation_hash, Some(Digest::of(b"")));
}

/// shows: P-085, P-086, P-087, X-05
#[test]
fn an_abort_continues_the_origin_at_a_new_epoch_that_is_never_reused() {
    let (mut world, id) = closed();
    let mut epochs = vec![1];
    let mut gone = Vec::new();
    for n in 1..4 {
        let migration = format!("m{n}");
        world.seal(&id, &migration, &chip(0), &chip(1));
        let arrival = world.arrive_command(&id, &migration, &chip(1));
        let command = world.abort_command(&id, &migration, &chip(1));
        world.refused(Role::Chip, &chip(1), command, Code::ChipNotActive);
        // An attestation of the aborted migration before is worth nothing under the new nonce.
        if n > 1 {
            let mut command = world.abort_command(&id, &migration, &chip(0));
            let Command::AbortMigration(AbortMigration { attestation, .. }) = &mut command else { unreachable!() };
            *attestation = Attestation::software(&world.activation_claims(&id, &format!("m{}", n - 1)), &chip(0));
            world.refused(Role::Chip, &chip(0), command, Code::AttestationInvalid);
        }
        let command = world.abort_command(&id, &migration, &chip(0));
        world.ok(Role::Chip, &chip(0), command.clone());
        world.refused(Role::Chip, &chip(0), command, Code::MigrationState);
        world.refused(Role::Chip, &chip(1), arrival, Code::MigrationState);
        let (status, active, epoch) = holder(&world, &id);
        assert_eq!((status, active), (HolderStatus::Active, chip(0).public().id()));
        assert_eq!(world.substrate(&id).holder.seq, U64(0), "an activation counts from the beginning");
        assert_eq!(read::migration(&world.model, &id, &migration).unwrap().unwrap().state, MigrationState::Aborted);
        epochs.push(epoch);
        // The right of every earlier epoch is dead, though the chip is the same.
        for old in 1..epoch {
            for seq in [1, world.fence(&id).seq.0] {
                world.refused(Role::Chip, &chip(0), append(&id, old, seq), Code::ChipInvalidated);
            }
        }
        let now = invalidated(&world);
        assert!(gone.iter().all(|key| now.contains(key)) && now.len() == gone.len() + 1);
        gone = now;
        let mut command = world.seal_command(&id, "again", &chip(1));
        let Command::Seal(Seal { migration_id, .. }) = &mut command else { unreachable!() };
        *migration_id = migration;
        world.refused(Role::Chip, &chip(0), command, Code::MigrationIdReused);
    }
    assert_eq!(epochs, [1, 2, 3, 4]);
    world.seal(&id, "m9", &chip(0), &chip(1));
    world.arrive(&id, "m9", &chip(1));
    assert_eq!(holder(&world, &id), (HolderStatus::Active, chip(1).public().id(), 5));
    assert_eq!(world.open(&id, &chip(1)), Outcome::Verified);
}

/// shows: P-085, P-086, P-087, P-090
#[test]
fn a_chip_that_hosted_before_returns_only_by_a_new_migration_and_its_old_right_stays_dead() {
    let (mut world, id) = closed();
    let mut gone = Vec::new();
    for n in 0..6u8 {
        let (from, to) = (chip(n % 2), chip((n + 1) % 2));
        let migration = format!("m{n}");
        world.seal(&id, &migration, &from, &to);
        world.arrive(&id, &migration, &to);
        assert_eq!(holder(&world, &id), (HolderStatus::Active, to.public().id(), u64::from(n) + 2));
        let now = invalidated(&world);
        assert!(gone.iter().all(|key| now.contains(key)) && now.len() == gone.len() + 1);
        gone = now;
        // Every activation before this one: by its own chip at its own epoch.
        for old in 0..=n {
            world.refused(Role::Chip, &chip(old % 2), append(&id, u64::from(old) + 1, 1), Code::ChipInvalidated);
        }
    }
    assert_eq!(world.open(&id, &chip(0)), Outcome::Verified);
    assert_eq!(world.replay(&id).lineage_depth, 7);
}

/// shows: P-085, P-087, P-088
#[test]
fn a_ballot_of_the_organisations_seals_a_substrate_whose_chip_is_lost() {
    let (mut world, id) = closed();
    world.open(&id, &chip(0));
    world.append(&id, &chip(0), vec![item(Ledger::Evidence, "last words")]);
    world.ok(Role::Root, &root(0), propose(&id, "p1", "m1", &chip(2)));
    world.ok(Role::Root, &root(1), vote("p1"));
    assert_eq!(holder(&world, &id).0, HolderStatus::Active);
    let receipt = world.ok(Role::Root, &root(2), vote("p1"));
    assert!(counted(&receipt).carried());
    assert_eq!(holder(&world, &id), (HolderStatus::Sealed, chip(0).public().id(), 1));
    let records = world.records(&id);
    let [.., Record::SessionClose(close), Record::MigrationSeal { ballot, continuity_hash, .. }] = &records[..] else {
        panic!("{records:?}")
    };
    assert!(close.recovered, "the open session was closed by the ballot");
    assert_eq!((ballot.as_deref(), *continuity_hash), (Some("p1"), close.cross_session_identity_continuity_hash));
    let fence = world.fence(&id);
    world.refused(Role::Chip, &chip(0), append(&id, fence.epoch.0, fence.seq.0), Code::Sealed);
    world.arrive(&id, "m1", &chip(2));
    world.refused(Role::Chip, &chip(0), append(&id, fence.epoch.0, fence.seq.0), Code::ChipInvalidated);
    assert_eq!(world.open(&id, &chip(2)), Outcome::Verified);
    world.replay(&id);
}

/// After a seal the destination is lost as well: another ballot sends the substrate to a third chip, under a fresh nonce,
/// and the earlier seal leads to nothing.
/// shows: P-086, P-087
#[test]
fn a_sealed_substrate_whose_destination_is_lost_as_well_is_sealed_anew_by_ballot() {
    let (mut world, id) = closed();
    world.seal(&id, "m1", &chip(0), &chip(1));
    let first = world.activation_claims(&id, "m1");
    let late = world.arrive_command(&id, "m1", &chip(1));
    world.ok(Role::Root, &root(0), propose(&id, "p1", "m2", &chip(2)));
    world.ok(Role::Root, &root(1), vote("p1"));
    assert!(counted(&world.ok(Role::Root, &root(2), vote("p1"))).carried());
    assert_eq!(holder(&world, &id), (HolderStatus::Sealed, chip(0).public().id(), 1));
    assert_ne!(first, world.activation_claims(&id, "m2"));
    world.refused(Role::Chip, &chip(1), late, Code::MigrationState);
    let states = |world: &World| ["m1", "m2"].map(|m| read::migration(&world.model, &id, m).unwrap().unwrap().state);
    assert_eq!(states(&world), [MigrationState::Superseded, MigrationState::Sealed]);
    let abort = world.abort_command(&id, "m1", &chip(0));
    world.refused(Role::Chip, &chip(0), abort, Code::MigrationState);
    // The superseded name is used up, and the substrate arrives where the ballot sent it.
    let again = propose(&id, "p2", "m1", &chip(2));
    world.ok(Role::Root, &root(0), again);
    world.ok(Role::Root, &root(1), vote("p2"));
    world.refused(Role::Root, &root(2), vote("p2"), Code::MigrationIdReused);
    world.arrive(&id, "m2", &chip(2));
    assert_eq!(states(&world), [MigrationState::Superseded, MigrationState::Arrived]);
    assert_eq!(holder(&world, &id), (HolderStatus::Active, chip(2).public().id(), 2));
    assert_eq!(world.open(&id, &chip(2)), Outcome::Verified);
    world.replay(&id);
}

/// shows: P-086, P-087, P-104, G-18
#[test]
fn the_same_substrate_from_other_hardware_is_refused_and_recorded() {
    let (mut world, id) = closed();
    let before = world.substrate(&id);
    let command = world.open_command(&id);
    let records = world.recorded(Role::Chip, &chip(1), command, Code::ChipNotActive);
    let [entry] = &records[..] else { panic!("{records:?}") };
    assert_eq!((entry.ledger, entry.subject.to_string().as_str()), (Ledger::Reasoning, "organisation:bureau"));
    let duplicate =
        |by: u8, code| Record::DuplicateRefused { substrate_id: id.clone(), chip: chip(by).public().id(), code };
    assert_eq!(entry.record, duplicate(1, Code::ChipNotActive));
    let records = world.recorded(Role::Chip, &chip(2), birth(&id, &chip(2)), Code::IdentityConflict);
    assert_eq!(records[0].record, duplicate(2, Code::IdentityConflict));
    assert_eq!(world.substrate(&id), before);
    // The attempt does not stand in the chain of the substrate, so that it still verifies.
    assert_eq!(world.open(&id, &chip(0)), Outcome::Verified);
}
