//! Birth, cycles, appends and amendments of a substrate.

use crate::common::*;
use selfsame_machine::{Batch, apply, read};
use selfsame_protocol::canon;
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{
    Append, CloseCycle, Command, FencingToken, InitSubstrate, Item, ItemLimits, Role, Submission,
};
use selfsame_protocol::digest::{Digest, framed};
use selfsame_protocol::entry::Entry;
use selfsame_protocol::envelope::{Envelope, prepare};
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::names::SubstrateId;
use selfsame_protocol::number::Epoch;
use selfsame_protocol::p104::{Attestation, Claims, SCHEMA_VERSION, Thresholds};
use selfsame_protocol::record::{Completeness, Record};
use selfsame_protocol::response::{CycleClosed, SubstrateBorn};
use selfsame_protocol::subject::Subject;
use selfsame_protocol::time::{Timestamp, U64};
use serde_json::json;

/// A substrate in its first session.
fn opened() -> (World, SubstrateId) {
    let mut world = World::new();
    let id = uuid(1);
    world.born(&id, 0);
    world.open(&id, &chip(0));
    (world, id)
}

/// shows: P-020, P-024, P-025, P-026, P-037, P-041, P-042, P-044, P-045, C-16, C-20
#[test]
fn an_attested_birth_is_the_first_record_and_the_cluster_computes_its_hashes() {
    let mut world = World::new();
    let id = uuid(1);
    let receipt = world.born(&id, 0);
    // The founding tension hash of the vector in requirements.md, section 4.
    let tension: Digest = "sha256:885cb8ecc1a89e8f1258b8c95b5e902d1c6ee336f3294895f279ef712b9f9b63".parse().unwrap();
    let born: SubstrateBorn = result(receipt);
    assert_eq!((born.founding_tension_hash, born.complete), (tension, true));
    let attestation = Attestation::software(&birth_claims(&id, &founding()), &chip(0));
    let identity = framed(&[
        id.as_bytes(),
        tension.hex().as_bytes(),
        b"2026-03-08T00:00:00.000Z",
        attestation.hash().hex().as_bytes(),
        SCHEMA_VERSION.as_bytes(),
    ]);
    let records = world.records(&id);
    let [Record::SubstrateIdentity(record)] = &records[..] else { panic!("{records:?}") };
    assert_eq!(record.substrate_id, id);
    assert_eq!(record.founding_tension_hash, tension);
    assert_eq!(record.substrate_identity_hash, identity);
    assert_eq!(record.governance_chip_attestation_hash, Some(attestation.hash()));
    assert_eq!(record.completeness, Completeness::Complete);
    assert_eq!(record.initialisation_timestamp, Timestamp::from_millis(START));
    assert_eq!(record.schema_version_at_init, SCHEMA_VERSION);
    assert_eq!(record.founding, founding());
    assert_eq!(record.constitution.chip, Some(chip(0).public().id()));
    let substrate = world.substrate(&id);
    assert_eq!((substrate.lineage_depth, substrate.head), (U64(0), identity));
    assert_eq!(substrate.organisation, "agency");
    // Another chip is another identity, all else equal.
    let mut elsewhere = World::new();
    elsewhere.born(&id, 1);
    assert_ne!(elsewhere.substrate(&id).substrate_identity_hash, identity);
}

/// shows: P-046, P-047, P-048
#[test]
fn a_birth_without_attestation_is_incomplete_and_may_operate_without_regulated_claims() {
    let mut world = World::new();
    let id = uuid(1);
    let receipt = world.ok(Role::Chip, &chip(0), birth_with(&id, None, Thresholds::default()));
    assert!(!result::<SubstrateBorn>(receipt).complete);
    world.open(&id, &chip(0));
    world.cycle(&id, &chip(0), "cycle/1");
    world.close(&id, &chip(0));
    world.open(&id, &chip(0));
    let now = Timestamp::from_millis(world.millis);
    let regulated = read::statement(&world.model, &id, now, true).unwrap();
    assert_eq!(regulated.unwrap_err().code, Code::RegulatedClaimDenied);
    let statement = read::statement(&world.model, &id, now, false).unwrap().unwrap();
    assert_eq!(statement.governance_chip_attestation_hash, None);
    assert_eq!(statement.statement_hash, statement.expected_hash());
}

/// shows: P-042, P-043, P-086
#[test]
fn a_second_birth_is_refused_and_recorded_and_leaves_the_first() {
    let mut world = World::new();
    let id = uuid(1);
    world.born(&id, 0);
    let before = world.substrate(&id);
    for (by, organisation) in [(0, "agency"), (1, "bureau")] {
        let records = world.recorded(Role::Chip, &chip(by), birth(&id, &chip(by)), Code::IdentityConflict);
        let [entry] = &records[..] else { panic!("{records:?}") };
        assert_eq!(entry.subject, Subject::Organisation(organisation.parse().unwrap()));
        let expected = Record::DuplicateRefused {
            substrate_id: id.clone(),
            chip: chip(by).public().id(),
            code: Code::IdentityConflict,
        };
        assert_eq!(entry.record, expected);
    }
    assert_eq!(world.substrate(&id), before);
    assert_eq!(world.kinds(&id), ["substrate_identity"]);
}

/// shows: P-020, P-044, P-045, X-05
#[test]
fn a_birth_is_refused_unless_chip_attestation_and_founding_document_hold() {
    let mut world = World::new();
    let id = uuid(1);
    world.refused(Role::Chip, &chip(9), birth(&id, &chip(9)), Code::UnknownKey);
    // The operator's key is registered, but not as a chip.
    world.refused(Role::Chip, &operator(0), birth(&id, &operator(0)), Code::RoleDenied);
    world.refused(Role::Operator, &operator(0), birth(&id, &operator(0)), Code::RoleDenied);
    // Attested by another chip, for another substrate, or by signature bytes of something else.
    world.refused(Role::Chip, &chip(0), birth(&id, &chip(1)), Code::AttestationInvalid);
    let elsewhere = Attestation::software(&birth_claims(&uuid(2), &founding()), &chip(0));
    let command = birth_with(&id, Some(elsewhere), Thresholds::default());
    world.refused(Role::Chip, &chip(0), command, Code::AttestationInvalid);
    let mut nothing = Attestation::software(&birth_claims(&id, &founding()), &chip(0));
    nothing.signature = "0".repeat(128);
    let command = birth_with(&id, Some(nothing), Thresholds::default());
    world.refused(Role::Chip, &chip(0), command, Code::AttestationInvalid);
    let lax = Thresholds { drift_tolerance: 257, ..Thresholds::default() };
    world.refused(Role::Chip, &chip(0), birth_with(&id, None, lax), Code::LimitExceeded);
    // Dated back, or ahead: the attestation is of the time that is stated, and does not help.
    for time in
        ["1999-03-08T00:00:00.000Z", "2026-03-07T00:00:00.000Z", "2026-03-08T02:00:00.000Z", "2099-01-01T00:00:00.000Z"]
    {
        let mut command = birth(&id, &chip(0));
        let Command::InitSubstrate(init) = &mut command else { unreachable!() };
        init.initialisation_timestamp = time.parse().unwrap();
        let claims = Claims::Birth {
            substrate_id: id.clone(),
            founding_tension_hash: tension(&founding()),
            initialisation_timestamp: init.initialisation_timestamp,
            schema_version_at_init: init.schema_version.clone(),
        };
        init.attestation = Some(Attestation::software(&claims, &chip(0)));
        world.refused(Role::Chip, &chip(0), command, Code::LimitExceeded);
    }
    let documents = [
        json!("text"),
        json!({"branch_a": {"claim": "A"}}),
        json!({"branch_a": {"claim": "A"}, "branch_b": {}}),
        json!({"branch_a": {"claim": "A"}, "branch_b": "not A"}),
        json!({"branch_a": {"claim": "A"}, "branch_b": {"claim": "A"}}),
    ];
    for document in documents {
        let mut command = birth_with(&id, None, Thresholds::default());
        let Command::InitSubstrate(InitSubstrate { founding, .. }) = &mut command else { unreachable!() };
        *founding = document;
        world.refused(Role::Chip, &chip(0), command, Code::FoundingInvalid);
    }
    assert_eq!(read::substrate(&world.model, &id).unwrap(), None);
}

/// shows: P-009, P-017, P-027, P-028, P-029, P-030, P-031, P-036, P-049, P-050, P-053, P-101, P-111, C-10, C-11, C-13, C-15
#[test]
fn every_cycle_is_linked_by_hash_down_to_the_birth() {
    let (mut world, id) = opened();
    for n in 1..=5 {
        world.append(&id, &chip(0), vec![item(Ledger::Reasoning, "step"), item(Ledger::Evidence, "fact")]);
        let closed: CycleClosed = result(world.cycle(&id, &chip(0), &format!("cycle/{n}")));
        assert_eq!((closed.sequence, closed.cycle_identity_hash), (U64(n), world.substrate(&id).head));
    }
    let substrate = world.substrate(&id);
    let chain = world.chain(&format!("substrate:{id}"), Ledger::Reasoning);
    let mut prior = substrate.substrate_identity_hash;
    let mut counted = 0;
    for (depth, entry) in chain.iter().enumerate() {
        assert_eq!(entry.depth, U64(depth as u64));
        assert_eq!(entry.prior_entry_hash, depth.checked_sub(1).map(|i| Entry::hash_of(&chain[i].leaf())));
        let Record::IdentityPropagation(cycle) = &entry.record else { continue };
        counted += 1;
        assert_eq!((cycle.sequence, cycle.prior_identity_hash), (U64(counted), prior));
        assert_eq!(cycle.founding_tension_hash, substrate.founding_tension_hash);
        assert_eq!(cycle.constitution.founding_tension_hash, substrate.founding_tension_hash);
        assert_eq!(cycle.reasoning_ledger_depth, U64(depth as u64));
        assert_eq!(cycle.cycle_timestamp, entry.time);
        let resolution = framed(&[b"selfsame/goalvector-resolution/v1", &canon::to_canonical_of(&cycle.goalvector)]);
        assert_eq!(cycle.goalvector_resolution_hash, resolution);
        let expected = framed(&[
            prior.hex().as_bytes(),
            resolution.hex().as_bytes(),
            cycle.constitutional_state_hash.hex().as_bytes(),
            depth.to_string().as_bytes(),
            entry.time.to_string().as_bytes(),
        ]);
        assert_eq!(cycle.cycle_identity_hash, expected);
        prior = expected;
    }
    assert_eq!((U64(counted), prior), (substrate.lineage_depth, substrate.head));
    assert_eq!(world.replay(&id).head, prior);
}

/// shows: P-031, P-052, P-087, X-05, C-30
#[test]
fn a_write_needs_the_prior_hash_the_epoch_the_next_number_and_the_active_chip() {
    let (mut world, id) = opened();
    world.cycle(&id, &chip(0), "cycle/1");
    let good = world.fence(&id);
    let cycle = |fence: FencingToken, prior: Digest| {
        Command::CloseCycle(CloseCycle {
            substrate_id: id.parse().unwrap(),
            fence,
            cycle_id: "cycle/2".into(),
            goalvector: goal("2"),
            prior_identity_hash: prior,
        })
    };
    let head = world.substrate(&id).head;
    let stale = world.substrate(&id).substrate_identity_hash;
    world.refused(Role::Chip, &chip(0), cycle(good, stale), Code::StateMismatch);
    let fence = |epoch, seq| FencingToken { epoch: Epoch(epoch), seq: U64(seq) };
    for epoch in [0, 2, u64::MAX] {
        world.refused(Role::Chip, &chip(0), cycle(fence(epoch, good.seq.0), head), Code::StaleEpoch);
    }
    for seq in [0, good.seq.0 - 1, good.seq.0 + 1, u64::MAX] {
        world.refused(Role::Chip, &chip(0), cycle(fence(1, seq), head), Code::StaleSequence);
    }
    world.recorded(Role::Chip, &chip(1), cycle(good, head), Code::ChipNotActive);
    world.refused(Role::Operator, &operator(0), cycle(good, head), Code::RoleDenied);
    world.refused(Role::Chip, &chip(9), cycle(good, head), Code::UnknownKey);
    let unknown =
        Command::Append(Append { substrate_id: uuid(7), fence: good, items: vec![item(Ledger::Evidence, "x")] });
    world.refused(Role::Chip, &chip(0), unknown, Code::UnknownSubstrate);
    let mut reused = cycle(good, head);
    let Command::CloseCycle(CloseCycle { cycle_id, .. }) = &mut reused else { unreachable!() };
    *cycle_id = "cycle/1".into();
    world.refused(Role::Chip, &chip(0), reused, Code::CycleIdReused);
    world.ok(Role::Chip, &chip(0), cycle(good, head));
    assert_eq!(world.substrate(&id).lineage_depth, U64(2));
}

/// shows: X-05
#[test]
fn a_signature_binds_key_cluster_and_bytes() {
    let (mut world, id) = opened();
    let command = world.append_command(&id, vec![item(Ledger::Evidence, "seen")]);
    let good = envelope(Role::Chip, &chip(0), "r", command.clone());
    let limits = ItemLimits::default();
    let code = |bytes: &[u8]| prepare(bytes, &limits).unwrap_err().code;
    for bit in 0..8 {
        let mut bad = good.clone();
        bad.signature[7] ^= 1 << bit;
        assert_eq!(code(&bad.to_bytes()), Code::BadSignature);
    }
    // Signed by one key in the name of another.
    let submission = Submission::new(CLUSTER, "r", Role::Chip, chip(0).public(), command.clone());
    let forged = Envelope::sign(&submission, &chip(1));
    assert_eq!(code(&forged.to_bytes()), Code::BadSignature);
    let before = rows(&world.model);
    assert_eq!(world.send(&forged).unwrap_err().code, Code::BadSignature);
    let elsewhere = Submission::new("elsewhere", "r", Role::Chip, chip(0).public(), command);
    let elsewhere = Envelope::sign(&elsewhere, &chip(0));
    assert_eq!(world.send(&elsewhere).unwrap_err().code, Code::WrongCluster);
    assert_eq!(before, rows(&world.model));
    world.send(&good).unwrap();
}

/// shows: P-035, X-05
#[test]
fn nothing_is_written_before_a_session_is_open() {
    let mut world = World::new();
    let id = uuid(1);
    world.born(&id, 0);
    let writes = |world: &World| {
        [
            world.append_command(&id, vec![item(Ledger::Evidence, "seen")]),
            world.amend_command(&id, amendment(&[("limit", json!("11"))])),
            world.cycle_command(&id, "cycle/1"),
            world.close_command(&id),
        ]
    };
    for command in writes(&world) {
        world.refused(Role::Chip, &chip(0), command, Code::SessionNotOpen);
    }
    world.ask(&id, &chip(0));
    for command in writes(&world) {
        world.refused(Role::Chip, &chip(0), command, Code::VerificationPending);
    }
    assert_eq!(read::gate(&world.substrate(&id)).unwrap_err().code, Code::VerificationPending);
    world.honest(&id, 1);
    world.honest(&id, 2);
    assert_eq!(read::gate(&world.substrate(&id)), Ok(()));
    for command in &writes(&world)[..1] {
        world.ok(Role::Chip, &chip(0), command.clone());
    }
}

/// shows: WL-22, RI-23
#[test]
fn a_reference_to_evidence_or_a_run_that_does_not_exist_is_refused_and_recorded() {
    let (mut world, id) = opened();
    let receipt = world.append(&id, &chip(0), vec![item(Ledger::Evidence, "seen")]);
    let seen = receipt.entries[0].hash;
    let with = |evidence: Digest| Item { evidence: vec![evidence], ..item(Ledger::Reasoning, "so") };
    world.append(&id, &chip(0), vec![with(seen)]);
    let missing = Digest::of(b"missing");
    // The first item is good: it is dropped with the second.
    let command = world.append_command(&id, vec![with(seen), with(missing)]);
    let records = world.recorded(Role::Chip, &chip(0), command, Code::DanglingReference);
    let [Record::WriteRefusal { code: Code::DanglingReference, .. }] =
        &records.iter().map(|e| e.record.clone()).collect::<Vec<_>>()[..]
    else {
        panic!("{records:?}")
    };
    let command =
        world.append_command(&id, vec![Item { runs: vec![missing], ..item(Ledger::Reasoning, "because of a run") }]);
    let records = world.recorded(Role::Chip, &chip(0), command, Code::RunNotDeclared);
    assert_eq!(records.len(), 1);
    let mut command = world.cycle_command(&id, "cycle/1");
    let Command::CloseCycle(CloseCycle { goalvector, .. }) = &mut command else { unreachable!() };
    goalvector.evidence = vec![missing];
    assert_eq!(world.recorded(Role::Chip, &chip(0), command, Code::DanglingReference).len(), 1);
    world.cycle(&id, &chip(0), "cycle/1");
    world.replay(&id);
}

/// shows: P-010, P-051, P-075, P-076, P-077, P-080, P-103, C-25, C-26
#[test]
fn an_amendment_is_enacted_by_the_cycle_that_lists_it() {
    let (mut world, id) = opened();
    let before = result::<CycleClosed>(world.cycle(&id, &chip(0), "cycle/1")).constitutional_state_hash;
    let mut second = amendment(&[("scope", json!("all"))]);
    second.remove = vec!["limit".into()];
    for amendment in [amendment(&[("limit", json!("11"))]), second] {
        let command = world.amend_command(&id, amendment);
        world.ok(Role::Chip, &chip(0), command);
    }
    // Queued, not in force; a session does not end over it.
    assert_eq!(world.substrate(&id).constitution.parameters["limit"], json!("10"));
    let command = world.close_command(&id);
    world.refused(Role::Chip, &chip(0), command, Code::AmendmentsQueued);
    let after = result::<CycleClosed>(world.cycle(&id, &chip(0), "cycle/2")).constitutional_state_hash;
    assert_ne!(before, after);
    let constitution = world.substrate(&id).constitution;
    assert_eq!(constitution.parameters, [("scope".to_string(), json!("all"))].into());
    assert_eq!(constitution.amendments, U64(2));
    let cycles = world.cycles(&id);
    assert!(cycles[0].amendments.is_empty());
    assert_eq!(cycles[1].amendments.len(), 2);
    assert_eq!(constitution.amendment_head, cycles[1].amendments.last().copied());
    assert_eq!(cycles[1].founding_tension_hash, tension(&founding()));
    assert_eq!(cycles[1].prior_identity_hash, cycles[0].cycle_identity_hash);
    world.close(&id, &chip(0));
    assert_eq!(world.open(&id, &chip(0)).as_str(), "VERIFIED");
    assert_eq!(world.replay(&id).lineage_depth, 2);
}

/// shows: P-010, P-023, P-078, P-079, P-081, P-103, C-12, C-48
#[test]
fn an_amendment_that_touches_the_founding_tension_is_refused_and_recorded() {
    let (mut world, id) = opened();
    world.cycle(&id, &chip(0), "cycle/1");
    let before = world.substrate(&id);
    let mut replaced = amendment(&[("limit", json!("11"))]);
    replaced.founding = Some(other_founding());
    let mut emptied = amendment(&[]);
    emptied.founding = Some(json!({}));
    let mut same = amendment(&[]);
    same.founding = Some(founding());
    let mut removed = amendment(&[]);
    removed.remove = vec!["founding_tension_hash".into()];
    let drift = tension(&founding()).hamming(&tension(&other_founding()));
    let named = amendment(&[("founding", json!({}))]);
    let empty = tension(&founding()).hamming(&tension(&json!({})));
    for (touching, bits) in [(replaced, drift), (emptied, empty), (same, 0), (removed, 256), (named, 256)] {
        let command = world.amend_command(&id, touching.clone());
        let records = world.recorded(Role::Chip, &chip(0), command, Code::FoundingTensionProtected);
        let [entry] = &records[..] else { panic!("{records:?}") };
        let Record::AmendmentRefusal { code, amendment, drift, .. } = &entry.record else { panic!("{entry:?}") };
        assert_eq!((*code, amendment, *drift), (Code::FoundingTensionProtected, &touching, bits));
    }
    let mut elsewhere = amendment(&[("limit", json!("11"))]);
    elsewhere.founding_tension_hash = Digest::of(b"another");
    let command = world.amend_command(&id, elsewhere);
    assert_eq!(world.recorded(Role::Chip, &chip(0), command, Code::WrongFoundingTension).len(), 1);
    for nothing in [amendment(&[]), amendment(&[("no name", json!(1))])] {
        let command = world.amend_command(&id, nothing);
        assert_eq!(world.recorded(Role::Chip, &chip(0), command, Code::AmendmentInvalid).len(), 1);
    }
    assert_eq!(world.substrate(&id), before);
    // The substrate keeps running.
    world.cycle(&id, &chip(0), "cycle/2");
    assert_eq!(world.cycles(&id)[1].constitution, before.constitution);
    world.replay(&id);
}

/// Whatever drift is tolerated, no amendment moves the founding tension: drift comes from a document that somebody presents.
/// shows: C-12, C-47, P-079
#[test]
fn an_amendment_never_drifts_even_where_every_drift_is_tolerated() {
    let mut world = World::new();
    let id = uuid(1);
    let thresholds = Thresholds { drift_tolerance: 256, ..Thresholds::default() };
    world.ok(Role::Chip, &chip(0), birth_with(&id, None, thresholds));
    world.open(&id, &chip(0));
    let mut replaced = amendment(&[("limit", json!("11"))]);
    replaced.founding = Some(other_founding());
    let command = world.amend_command(&id, replaced);
    world.recorded(Role::Chip, &chip(0), command, Code::FoundingTensionProtected);
    let command = world.amend_command(&id, amendment(&[("limit", json!("11"))]));
    world.ok(Role::Chip, &chip(0), command);
    world.cycle(&id, &chip(0), "cycle/1");
    world.close(&id, &chip(0));
    world.open(&id, &chip(0));
    assert_eq!(verifications(&world, &id).pop().unwrap().drift, 0);
    world.close(&id, &chip(0));
    let command = open_with_founding(&world, &id, None);
    world.ask_with(&chip(0), command);
    world.honest(&id, 1);
    world.honest(&id, 2);
    let drift = tension(&founding()).hamming(&tension(&other_founding()));
    assert_eq!(verifications(&world, &id).pop().unwrap().drift, drift);
}

/// shows: X-01, C-19
#[test]
fn time_comes_from_the_entry_and_never_runs_backwards() {
    let (mut world, id) = opened();
    world.append(&id, &chip(0), vec![item(Ledger::Evidence, "first")]);
    let bytes = |command| envelope(Role::Chip, &chip(0), "late", command).to_bytes();
    let command = world.append_command(&id, vec![item(Ledger::Evidence, "second")]);
    let submissions = vec![prepare(&bytes(command), &ItemLimits::default())];
    let batch = Batch { time: Timestamp::from_millis(1), submissions };
    let applied = apply(&world.model, world.index + 1, &batch).unwrap();
    assert!(applied.outcomes[0].is_ok());
    world.model.commit(applied.changes);
    let times: Vec<_> = world.entries(Ledger::Evidence).iter().map(|entry| entry.time).collect();
    assert_eq!(times, [Timestamp::from_millis(world.millis); 2]);
}
