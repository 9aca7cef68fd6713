//! Sessions: VERIFIED, INSUFFICIENT_DEPTH and DRIFT_EXCEEDED through verification by the nodes, and the close.

use crate::common::*;
use selfsame_machine::state::Phase;
use selfsame_machine::{read, verify};
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{CloseSession, Command, PreparedBirth, RecoverClose, Role};
use selfsame_protocol::digest::{Digest, framed};
use selfsame_protocol::entry::Entry;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::number::NodeId;
use selfsame_protocol::p104::{Attestation, Claims, Outcome, SCHEMA_VERSION, Thresholds};
use selfsame_protocol::record::{ContinuityEvent, Record};
use selfsame_protocol::response::SessionRecovered;
use selfsame_protocol::time::{Timestamp, U64};
use serde_json::json;

/// shows: P-014, P-018, P-032, P-056, P-058, P-061, P-062, P-073, P-074, P-102, P-107
#[test]
fn verified_continues_with_the_exact_notice_as_first_element_of_the_session() {
    let (mut world, id) = closed();
    let closed_at = world.millis;
    let verification = world.ask(&id, &chip(0));
    assert_eq!(world.substrate(&id).phase, Phase::Verifying);
    assert_eq!(outcome(&world.honest(&id, 3)), None);
    assert_eq!(world.substrate(&id).phase, Phase::Verifying);
    let decided = world.honest(&id, 1);
    assert_eq!(outcome(&decided), Some(Outcome::Verified));
    assert_eq!(world.substrate(&id).phase, Phase::Open);
    // The first entry of the session is the result, and it is the only one that the decision causes.
    let [entry] = &decided.entries[..] else { panic!("{decided:?}") };
    let chain = world.chain(&format!("substrate:{id}"), Ledger::Reasoning);
    assert_eq!(chain.last().unwrap().index, entry.index);
    let record = verifications(&world, &id).pop().unwrap();
    assert_eq!(record.outcome, Outcome::Verified);
    assert_eq!(record.notice, Some(notice(closed_at, 1)));
    assert_eq!(
        record.notice.as_deref(),
        Some(
            format!("Substrate identity verified — continuing from {}/1.", Timestamp::from_millis(closed_at)).as_str()
        )
    );
    assert_eq!(record.retrieved, record.recomputed);
    assert_eq!(record.presented, record.retrieved);
    assert_eq!((record.claim_level.as_str(), record.drift, record.session), ("full", 0, U64(2)));
    assert_eq!(record.verdicts.iter().map(|v| v.node).collect::<Vec<_>>(), [NodeId(3), NodeId(1)]);
    // The third verdict comes late and changes nothing.
    let late = claim(Outcome::Verified);
    assert_eq!(world.verdict(&id, verification, 2, late).unwrap().entries, []);
    let statement = read::statement(&world.model, &id, Timestamp::from_millis(world.millis), true).unwrap().unwrap();
    assert_eq!(statement.identity_continuity_status, Outcome::Verified);
    world.append(&id, &chip(0), vec![item(Ledger::Reasoning, "on")]);
}

/// shows: P-032, P-033, P-034, P-057, X-02, C-14, C-22
#[test]
fn a_close_stands_in_both_ledgers_with_the_same_bytes_and_the_published_hash() {
    let (world, id) = closed();
    let subject = format!("substrate:{id}");
    let copies = Ledger::BOTH.map(|ledger| world.chain(&subject, ledger).pop().unwrap());
    assert_eq!(copies[0].record, copies[1].record);
    assert_eq!(copies[0].submission, copies[1].submission);
    let Record::SessionClose(close) = &copies[0].record else { panic!("{copies:?}") };
    for copy in &copies {
        let depth = [close.evidence_ledger_depth, close.reasoning_ledger_depth][copy.ledger.slot()];
        assert_eq!(depth, copy.depth, "the depth counts the entries before the record");
    }
    let expected = framed(&[
        world.substrate(&id).head.hex().as_bytes(),
        close.evidence_ledger_depth.to_string().as_bytes(),
        close.reasoning_ledger_depth.to_string().as_bytes(),
        Timestamp::from_millis(world.millis).to_string().as_bytes(),
        SCHEMA_VERSION.as_bytes(),
    ]);
    assert_eq!(close.cross_session_identity_continuity_hash, expected);
    assert_eq!(world.replay(&id).recomputed, Some(expected));
}

/// shows: P-008, P-011
#[test]
fn every_session_appends_to_the_same_chains() {
    let (mut world, id) = closed();
    for session in 2..5 {
        assert_eq!(world.open(&id, &chip(0)), Outcome::Verified);
        world.append(&id, &chip(0), vec![item(Ledger::Evidence, "seen")]);
        world.cycle(&id, &chip(0), &format!("cycle/{session}"));
        world.close(&id, &chip(0));
        assert_eq!(world.substrate(&id).session, U64(session));
    }
    for ledger in Ledger::BOTH {
        let chain = world.chain(&format!("substrate:{id}"), ledger);
        for (depth, entry) in chain.iter().enumerate() {
            assert_eq!(entry.depth, U64(depth as u64));
            assert_eq!(entry.prior_entry_hash, depth.checked_sub(1).map(|i| Entry::hash_of(&chain[i].leaf())));
        }
    }
}

/// shows: P-038, P-069, P-070, P-071, P-106, C-37, C-44
#[test]
fn insufficient_depth_continues_with_a_reduced_claim_until_the_minimum_is_reached() {
    let mut world = World::new();
    let id = uuid(1);
    let attestation = Attestation::software(&birth_claims(&id, &founding()), &chip(0));
    let thresholds = Thresholds { minimum_lineage_depth: U64(2), ..Thresholds::default() };
    world.ok(Role::Chip, &chip(0), birth_with(&id, Some(attestation), thresholds));
    for (depth, expected, detail) in [
        (0, Outcome::InsufficientDepth, "NO_PRIOR_SESSION"),
        (1, Outcome::InsufficientDepth, "LINEAGE_DEPTH"),
        (2, Outcome::Verified, "CONTINUITY_HASH"),
    ] {
        assert_eq!(world.open(&id, &chip(0)), expected);
        let record = verifications(&world, &id).pop().unwrap();
        assert_eq!((record.lineage_depth, record.detail.as_str()), (U64(depth), detail));
        // Whoever has the record can decide again: the thresholds in force stand in it.
        let again = Outcome::decide(true, record.drift, record.lineage_depth.0, &record.thresholds);
        assert_eq!((again, record.thresholds.minimum_lineage_depth), (expected, U64(2)));
        assert_eq!(record.notice.is_some(), expected == Outcome::Verified);
        assert_eq!(record.claim_level.as_str(), if expected == Outcome::Verified { "full" } else { "reduced" });
        let regulated = read::statement(&world.model, &id, Timestamp::from_millis(world.millis), true).unwrap();
        let reduced = regulated.err().map(|refusal| refusal.code);
        assert_eq!(reduced, (expected != Outcome::Verified).then_some(Code::RegulatedClaimDenied));
        let statement = read::statement(&world.model, &id, Timestamp::from_millis(world.millis), false).unwrap();
        assert_eq!(statement.unwrap().identity_continuity_status, expected);
        world.cycle(&id, &chip(0), &format!("cycle/{depth}"));
        world.close(&id, &chip(0));
    }
}

/// shows: P-039, P-040, P-066, P-067, P-068, C-46
#[test]
fn drift_exceeded_ends_the_lineage_and_another_entity_continues_at_depth_zero() {
    let (mut world, old) = closed();
    let new = uuid(2);
    let claims = Claims::Birth {
        substrate_id: new.clone(),
        founding_tension_hash: tension(&other_founding()),
        initialisation_timestamp: Timestamp::from_millis(START),
        schema_version_at_init: SCHEMA_VERSION.into(),
    };
    let birth = PreparedBirth {
        substrate_id: new.clone(),
        initialisation_timestamp: Timestamp::from_millis(START),
        attestation: Some(Attestation::software(&claims, &chip(0))),
    };
    let command = open_with_founding(&world, &old, Some(birth));
    let before = world.substrate(&old);
    world.ask_with(&chip(0), command);
    world.honest(&old, 1);
    assert_eq!(outcome(&world.honest(&old, 2)), Some(Outcome::DriftExceeded));
    let drift = tension(&founding()).hamming(&tension(&other_founding()));
    let records = world.records(&old);
    let [.., Record::IdentityVerification(verification), lineage] = &records[..] else { panic!("{records:?}") };
    assert_eq!((verification.outcome, verification.drift), (Outcome::DriftExceeded, drift));
    assert_eq!((&verification.notice, verification.claim_level.as_str()), (&None, "reduced"));
    let expected = Record::NewIdentityLineage {
        prior_substrate_id: old.clone(),
        prior_head: before.head,
        prior_founding_tension_hash: before.founding_tension_hash,
        drift,
        tolerance: 0,
        new_substrate_id: new.clone(),
    };
    assert_eq!(*lineage, expected);
    for (role, key, command) in writes(&world, &old) {
        world.refused(role, &key, command, Code::LineageEnded);
    }
    let born = world.substrate(&new);
    assert_eq!((born.lineage_depth, born.complete, born.phase), (U64(0), true, Phase::Closed));
    assert_eq!(born.founding_tension_hash, tension(&other_founding()));
    assert_ne!(born.substrate_identity_hash, before.substrate_identity_hash);
    assert_eq!((born.holder.chip, born.organisation.as_str()), (chip(0).public().id(), "agency"));
    assert_eq!(world.open(&new, &chip(0)), Outcome::InsufficientDepth);
    world.cycle(&new, &chip(0), "cycle/1");
    world.close(&new, &chip(0));
    world.replay(&old);
    world.replay(&new);
}

/// shows: P-046, P-068, X-01
#[test]
fn a_new_lineage_without_a_usable_attestation_is_incomplete_and_its_id_is_derived() {
    let taken = PreparedBirth {
        substrate_id: uuid(1),
        initialisation_timestamp: Timestamp::from_millis(START),
        attestation: Some(Attestation::software(&birth_claims(&uuid(1), &founding()), &chip(0))),
    };
    // Attested over another founding document.
    let wrong = PreparedBirth {
        substrate_id: uuid(2),
        attestation: Some(Attestation::software(&birth_claims(&uuid(2), &founding()), &chip(0))),
        ..taken.clone()
    };
    for prepared in [None, Some(taken), Some(wrong.clone())] {
        let (mut world, old) = closed();
        let command = open_with_founding(&world, &old, prepared.clone());
        world.ask_with(&chip(0), command);
        world.honest(&old, 1);
        world.honest(&old, 2);
        let new = world.substrate(&old).successor.unwrap();
        assert_ne!(new, old);
        assert!(selfsame_protocol::names::is_uuid(&new));
        assert_eq!(new == uuid(2), prepared == Some(wrong.clone()));
        assert!(!world.substrate(&new).complete);
        assert_eq!(world.kinds(&new), ["substrate_identity"]);
    }
}

/// shows: P-002, P-039, P-040, C-09
#[test]
fn drift_at_the_tolerance_holds_and_one_bit_more_does_not() {
    let drift = tension(&founding()).hamming(&tension(&other_founding()));
    for (tolerance, expected) in
        [(drift, Outcome::Verified), (drift - 1, Outcome::DriftExceeded), (256, Outcome::Verified)]
    {
        let mut world = World::new();
        let id = uuid(1);
        let thresholds = Thresholds { drift_tolerance: tolerance, ..Thresholds::default() };
        world.ok(Role::Chip, &chip(0), birth_with(&id, None, thresholds));
        world.open(&id, &chip(0));
        world.cycle(&id, &chip(0), "cycle/1");
        world.close(&id, &chip(0));
        let command = open_with_founding(&world, &id, None);
        world.ask_with(&chip(0), command);
        world.honest(&id, 1);
        assert_eq!(outcome(&world.honest(&id, 2)), Some(expected));
    }
}

/// shows: P-058, X-05
#[test]
fn one_session_and_one_verification_at_a_time() {
    let (mut world, id) = closed();
    world.ask(&id, &chip(0));
    let command = world.open_command(&id);
    world.refused(Role::Chip, &chip(0), command, Code::VerificationPending);
    world.refused(
        Role::Operator,
        &operator(0),
        Command::RecoverClose(RecoverClose { substrate_id: id.clone() }),
        Code::VerificationPending,
    );
    world.honest(&id, 1);
    world.honest(&id, 2);
    let command = world.open_command(&id);
    world.refused(Role::Chip, &chip(0), command, Code::SessionAlreadyOpen);
    let mut command = world.close_command(&id);
    let Command::CloseSession(CloseSession { head, .. }) = &mut command else { unreachable!() };
    *head = Digest::of(b"elsewhere");
    world.refused(Role::Chip, &chip(0), command, Code::StateMismatch);
}

/// shows: P-002, C-36
#[test]
fn past_the_verification_window_the_notice_is_withheld_and_the_outcome_stands() {
    for (pause, given) in [(9_000, true), (20_000, false)] {
        let mut world = World::new();
        let id = uuid(1);
        let thresholds = Thresholds { verification_window_ms: U64(10_000), ..Thresholds::default() };
        world.ok(Role::Chip, &chip(0), birth_with(&id, None, thresholds));
        world.open(&id, &chip(0));
        world.cycle(&id, &chip(0), "cycle/1");
        world.close(&id, &chip(0));
        world.millis += pause;
        assert_eq!(world.open(&id, &chip(0)), Outcome::Verified);
        assert_eq!(verifications(&world, &id).pop().unwrap().notice.is_some(), given);
    }
}

/// shows: P-033, P-034, C-43
#[test]
fn the_owning_organisation_closes_an_abandoned_session_and_the_next_one_continues() {
    let (mut world, id) = closed();
    world.open(&id, &chip(0));
    let command = world.amend_command(&id, amendment(&[("limit", json!("11"))]));
    world.ok(Role::Chip, &chip(0), command);
    let recover = Command::RecoverClose(RecoverClose { substrate_id: id.clone() });
    world.refused(Role::Operator, &operator(1), recover.clone(), Code::RoleDenied);
    world.refused(Role::Chip, &chip(0), recover.clone(), Code::RoleDenied);
    let receipt = world.ok(Role::Operator, &operator(0), recover.clone());
    assert_eq!(receipt.entries.len(), 2);
    let close = world.substrate(&id).last_close.unwrap();
    assert!(close.recovered);
    let recovered: SessionRecovered = result(receipt);
    assert_eq!(recovered.continuity_hash, close.cross_session_identity_continuity_hash);
    world.refused(Role::Operator, &operator(0), recover, Code::SessionNotOpen);
    assert_eq!(world.open(&id, &chip(0)), Outcome::Verified);
    world.cycle(&id, &chip(0), "cycle/2");
    assert_eq!(world.substrate(&id).constitution.parameters["limit"], json!("10"), "the queue fell with the session");
}

/// shows: P-112, C-38
#[test]
fn what_happened_since_the_last_verification_is_listed_and_then_no_more() {
    let (mut world, id) = closed();
    world.open(&id, &chip(0));
    assert_eq!(verifications(&world, &id).pop().unwrap().continuity_events, []);
    let command = world.amend_command(&id, amendment(&[("limit", json!("11"))]));
    world.ok(Role::Chip, &chip(0), command);
    world.cycle(&id, &chip(0), "cycle/2");
    world.close(&id, &chip(0));
    world.seal(&id, "m1", &chip(0), &chip(1));
    world.arrive(&id, "m1", &chip(1));
    assert_eq!(world.open(&id, &chip(1)), Outcome::Verified);
    assert_eq!(verifications(&world, &id).pop().unwrap().continuity_events, ContinuityEvent::ALL);
    // Told once: the verification after it has nothing to tell, and the one after that only what is new.
    world.close(&id, &chip(1));
    assert_eq!(world.open(&id, &chip(1)), Outcome::Verified);
    assert_eq!(verifications(&world, &id).pop().unwrap().continuity_events, []);
    world.close(&id, &chip(1));
    world.seal(&id, "m2", &chip(1), &chip(0));
    world.arrive(&id, "m2", &chip(0));
    assert_eq!(world.open(&id, &chip(0)), Outcome::Verified);
    assert_eq!(verifications(&world, &id).pop().unwrap().continuity_events, [ContinuityEvent::Migration]);
    // Tampering stops, whatever else happened before it.
    world.close(&id, &chip(0));
    let at = world.chain(&format!("substrate:{id}"), Ledger::Reasoning)[1].index.0;
    world.tamper(Ledger::Reasoning, at, |entry| entry.time = Timestamp::from_millis(START));
    assert_eq!(world.open(&id, &chip(0)), Outcome::HashMismatch);
    assert!(world.substrate(&id).suppressed.is_some());
}

/// A birth without attestation is never the ground of a full claim, though everything else of it is verified.
/// shows: P-048, P-070
#[test]
fn an_incomplete_birth_is_verified_with_a_reduced_claim() {
    let now = |world: &World| Timestamp::from_millis(world.millis);
    for complete in [true, false] {
        let mut world = World::new();
        let id = uuid(1);
        let attestation = Attestation::software(&birth_claims(&id, &founding()), &chip(0));
        world.ok(Role::Chip, &chip(0), birth_with(&id, complete.then_some(attestation), Thresholds::default()));
        world.open(&id, &chip(0));
        world.cycle(&id, &chip(0), "cycle/1");
        world.close(&id, &chip(0));
        assert_eq!(world.open(&id, &chip(0)), Outcome::Verified);
        let record = verifications(&world, &id).pop().unwrap();
        assert_eq!(record.claim_level.as_str(), if complete { "full" } else { "reduced" });
        assert!(record.notice.is_some(), "it is the same entity all the same");
        let regulated = read::statement(&world.model, &id, now(&world), true).unwrap();
        let denied = regulated.err().map(|refusal| refusal.code);
        assert_eq!(denied, (!complete).then_some(Code::RegulatedClaimDenied));
        assert!(read::statement(&world.model, &id, now(&world), false).unwrap().is_ok());
    }
}

/// shows: P-037, P-038, C-42, C-45
#[test]
fn with_a_minimum_of_zero_the_first_opening_still_claims_no_continuity() {
    let mut world = World::new();
    let id = uuid(1);
    let attestation = Attestation::software(&birth_claims(&id, &founding()), &chip(0));
    let thresholds = Thresholds { minimum_lineage_depth: U64(0), ..Thresholds::default() };
    world.ok(Role::Chip, &chip(0), birth_with(&id, Some(attestation), thresholds));
    assert_eq!(world.open(&id, &chip(0)), Outcome::InsufficientDepth);
    let first = verifications(&world, &id).pop().unwrap();
    assert_eq!((first.detail.as_str(), first.claim_level.as_str()), ("NO_PRIOR_SESSION", "reduced"));
    assert_eq!((first.notice, first.retrieved, first.continuing_from), (None, None, None));
    let now = Timestamp::from_millis(world.millis);
    let regulated = read::statement(&world.model, &id, now, true).unwrap();
    assert_eq!(regulated.unwrap_err().code, Code::RegulatedClaimDenied);
    // Closed without any cycle: depth zero is not below zero.
    world.close(&id, &chip(0));
    let closed_at = world.millis;
    assert_eq!(world.open(&id, &chip(0)), Outcome::Verified);
    let second = verifications(&world, &id).pop().unwrap();
    assert_eq!((second.detail.as_str(), second.claim_level.as_str()), ("CONTINUITY_HASH", "full"));
    assert_eq!(second.notice, Some(notice(closed_at, 0)));
    // A session was there and its close is gone: that is no first opening.
    world.close(&id, &chip(0));
    let close = world.chain(&format!("substrate:{id}"), Ledger::Reasoning).pop().unwrap();
    let row = (selfsame_machine::view::Table::Reasoning, close.index.0.to_be_bytes().to_vec());
    world.model.commit([(row, None)].into());
    assert_eq!(world.open(&id, &chip(0)), Outcome::HashMismatch);
}

/// A statement can be had at any point of a life, and says of each what is so.
/// shows: P-091, C-33, C-34, C-35
#[test]
fn a_statement_can_be_had_at_any_point_of_a_life() {
    let mut world = World::new();
    let id = uuid(91);
    let statement = |world: &World| {
        let now = Timestamp::from_millis(world.millis);
        let statement = read::statement(&world.model, &id, now, false).unwrap().unwrap();
        assert_eq!(statement.statement_hash, statement.expected_hash());
        let substrate = world.substrate(&id);
        assert_eq!(statement.governance_chip_attestation_hash, substrate.holder.attestation_hash, "of the active chip");
        assert_eq!(statement.latest_cycle_identity_hash, substrate.head);
        assert_eq!(statement.identity_lineage_depth == 0, substrate.head == substrate.substrate_identity_hash);
        (
            statement.identity_continuity_status,
            statement.identity_lineage_depth,
            statement.cross_session_continuity_hash,
        )
    };
    world.born(&id, 0);
    assert_eq!(statement(&world), (Outcome::InsufficientDepth, 0, None));
    world.open(&id, &chip(0));
    world.cycle(&id, &chip(0), "one");
    assert_eq!(statement(&world), (Outcome::InsufficientDepth, 1, None));
    world.close(&id, &chip(0));
    let (status, depth, kept) = statement(&world);
    assert_eq!((status, depth), (Outcome::InsufficientDepth, 1));
    assert!(kept.is_some());
    world.ask(&id, &chip(0));
    assert_eq!(statement(&world), (Outcome::InsufficientDepth, 1, kept), "while a verification is under way");
    let verification = world.pending(&id).index;
    for node in 1..=3 {
        let finding = verify::finding(&world.model, &world.pending(&id)).unwrap();
        world.verdict(&id, verification, node, finding).unwrap();
        if world.substrate(&id).decided.is_some_and(|(index, _)| index == verification) {
            break;
        }
    }
    assert_eq!(statement(&world), (Outcome::Verified, 1, kept));
    world.close(&id, &chip(0));
    world.enrol(1, &chip(9));
    let first = world.substrate(&id).holder.attestation_hash;
    world.seal(&id, "m", &chip(0), &chip(9));
    assert_eq!(statement(&world).0, Outcome::Verified, "sealed");
    world.arrive(&id, "m", &chip(9));
    assert_ne!(world.substrate(&id).holder.attestation_hash, first);
    assert_eq!((statement(&world).0, statement(&world).1), (Outcome::Verified, 2), "migrated");
}
