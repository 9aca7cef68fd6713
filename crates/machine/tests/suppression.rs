//! HASH_MISMATCH: what a node finds on a disk that was changed, the electorate that fails closed, suppression for ever,
//! and the node that is alone with its bad copy.

use crate::common::*;
use selfsame_machine::state::subject_key;
use selfsame_machine::view::Table;
use selfsame_machine::{read, verify};
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{Command, EnrolNode, GiveVerdict, OpenSession, Proposal, Propose, RetireNode, Role};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::number::{LogIndex, NodeId};
use selfsame_protocol::p104::{self, Outcome, Thresholds};
use selfsame_protocol::record::{BadEntry, Finding, Record, Resolved};
use selfsame_protocol::time::{Timestamp, U64};
use serde_json::json;
use std::collections::BTreeMap;

/// Asserts that a substrate is suppressed, and stays so whatever is tried.
fn assert_suppressed(world: &mut World, id: &str) {
    let kinds = world.kinds(id);
    let [.., verification, tampering, suppression] = &kinds[..] else { panic!("{kinds:?}") };
    assert_eq!(
        [verification.as_str(), tampering, suppression],
        ["identity_verification", "tampering_detection", "suppression"]
    );
    let tried = writes(world, id);
    for round in 0..3 {
        for (role, key, command) in tried.clone() {
            world.refused(role, &key, command, Code::Suppressed);
        }
        for (i, approve) in [true, true, true].into_iter().enumerate() {
            let proposal_id = format!("p{round}");
            let command = if i == 0 {
                let proposal = Proposal::ForceSeal {
                    substrate_id: id.parse().unwrap(),
                    migration_id: "m1".into(),
                    destination: chip(1).public().id(),
                    reason: "lost".into(),
                };
                Command::Propose(Propose { proposal_id, proposal })
            } else {
                vote(&proposal_id, approve)
            };
            let outcome = world.submit(Role::Root, &root(i as u8), command);
            assert_eq!(outcome.err().map(|refusal| refusal.code), (i == 2).then_some(Code::Suppressed));
        }
        assert_eq!(read::gate(&world.substrate(id)).unwrap_err().code, Code::Suppressed);
    }
    assert_eq!(world.kinds(id), kinds, "one detection, one record of it");
    let now = Timestamp::from_millis(world.millis);
    assert_eq!(read::statement(&world.model, id, now, true).unwrap().unwrap_err().code, Code::RegulatedClaimDenied);
    let statement = read::statement(&world.model, id, now, false).unwrap().unwrap();
    assert_eq!(statement.identity_continuity_status, Outcome::HashMismatch);
}

/// shows: P-058, P-059, P-060, P-063, P-064, P-065, P-109, X-07, C-40, C-49
#[test]
fn any_change_of_a_stored_entry_between_sessions_suppresses_the_substrate_for_ever() {
    let (closed, id) = closed();
    let subject = format!("substrate:{id}");
    let mut checks = Vec::new();
    for ledger in Ledger::BOTH {
        let chain = closed.chain(&subject, ledger);
        for entry in &chain {
            let mut world = closed.clone();
            world.tamper(ledger, entry.index.0, |entry| entry.time = Timestamp::from_millis(entry.time.millis() + 1));
            assert_eq!(world.open(&id, &chip(0)), Outcome::HashMismatch, "{entry:?}");
            let record = verifications(&world, &id).pop().unwrap();
            assert_eq!((record.notice, record.claim_level.as_str()), (None, "reduced"));
            let Record::TamperingDetection { finding, head, session } =
                world.records(&id).swap_remove(world.records(&id).len() - 2)
            else {
                panic!("no tampering detection")
            };
            assert_eq!((head, session), (closed.substrate(&id).head, U64(2)));
            let at = finding.at.unwrap();
            assert_eq!((at.ledger, at.index), (ledger, entry.index));
            assert_ne!(finding.expected, finding.found);
            checks.push(finding.check);
            if entry.depth == U64(0) {
                assert_suppressed(&mut world, &id);
            }
        }
    }
    assert!(checks.len() >= 6, "{checks:?}");
}

/// shows: P-052, P-054, P-060, P-063
#[test]
fn a_missing_swapped_or_rewritten_entry_is_a_hash_mismatch() {
    let (closed, id) = closed();
    let subject = format!("substrate:{id}");
    let found = |world: &mut World| {
        assert_eq!(world.open(&id, &chip(0)), Outcome::HashMismatch);
        verifications(world, &id).pop().unwrap().detail
    };
    // The row of an entry is gone, or its leaf is.
    let at = closed.chain(&subject, Ledger::Reasoning)[2].index.0;
    let mut world = closed.clone();
    world.model.commit(BTreeMap::from([((Table::Reasoning, at.to_be_bytes().to_vec()), None)]));
    assert_eq!(found(&mut world), "ENTRY_PRESENT");
    let mut world = closed.clone();
    world.model.commit(BTreeMap::from([(
        (Table::Subjects, subject_key(&subject.parse().unwrap(), Ledger::Reasoning, 2)),
        None,
    )]));
    assert_eq!(found(&mut world), "SUBJECT_INDEX");
    // The whole substrate state points elsewhere.
    let mut world = closed.clone();
    let mut substrate = world.substrate(&id);
    substrate.head = substrate.substrate_identity_hash;
    let row = selfsame_protocol::canon::to_canonical_of(&substrate);
    world.model.commit(BTreeMap::from([((Table::Substrates, id.clone().into()), Some(row))]));
    assert_eq!(found(&mut world), "HEAD");
    // A cycle rewritten with its hash recomputed: the next link and the entry hash give it away.
    let cycle = closed
        .chain(&subject, Ledger::Reasoning)
        .into_iter()
        .find(|entry| matches!(entry.record, Record::IdentityPropagation(_)))
        .unwrap();
    let mut world = closed.clone();
    world.tamper(Ledger::Reasoning, cycle.index.0, |entry| {
        let Record::IdentityPropagation(cycle) = &mut entry.record else { unreachable!() };
        let Resolved::GoalVector(goalvector) = &mut cycle.goalvector else { unreachable!() };
        goalvector.outcome = json!({"resolved": "otherwise"});
        cycle.goalvector_resolution_hash = p104::tagged(p104::TAG_GOALVECTOR, &cycle.goalvector);
        cycle.cycle_identity_hash = p104::cycle_identity_hash(
            &cycle.prior_identity_hash,
            &cycle.goalvector_resolution_hash,
            &cycle.constitutional_state_hash,
            cycle.reasoning_ledger_depth,
            cycle.cycle_timestamp,
            None,
        );
    });
    assert_eq!(found(&mut world), "ENTRY_HASH");
}

/// shows: P-060, P-063, P-086
#[test]
fn a_continuity_hash_that_the_opener_kept_and_the_ledger_lacks_is_a_hash_mismatch() {
    let (mut world, id) = closed();
    let mut command = world.open_command(&id);
    let Command::OpenSession(OpenSession { continuity_hash, .. }) = &mut command else { unreachable!() };
    *continuity_hash = Some(Digest::of(b"kept from a later close"));
    world.ask_with(&chip(0), command);
    world.honest(&id, 1);
    world.honest(&id, 2);
    let record = verifications(&world, &id).pop().unwrap();
    assert_eq!((record.outcome, record.detail.as_str()), (Outcome::HashMismatch, "PRESENTED_CONTINUITY_HASH"));
    assert_suppressed(&mut world, &id);
}

/// shows: P-042, P-043, P-064, C-49
#[test]
fn what_was_suppressed_or_ended_is_not_born_again() {
    for outcome in [Outcome::HashMismatch, Outcome::DriftExceeded] {
        let (mut world, id) = closed();
        let command = if outcome == Outcome::DriftExceeded {
            open_with_founding(&world, &id, None)
        } else {
            let at = world.chain(&format!("substrate:{id}"), Ledger::Reasoning)[1].index.0;
            world.tamper(Ledger::Reasoning, at, |entry| entry.time = Timestamp::from_millis(START));
            world.open_command(&id)
        };
        world.ask_with(&chip(0), command);
        world.honest(&id, 1);
        world.honest(&id, 2);
        assert_eq!(world.substrate(&id).status, Some(outcome));
        let (before, kinds) = (world.substrate(&id), world.kinds(&id));
        for by in 0..3 {
            let records = world.recorded(Role::Chip, &chip(by), birth(&id, &chip(by)), Code::IdentityConflict);
            assert!(matches!(&records[0].record, Record::DuplicateRefused { substrate_id, .. } if *substrate_id == id));
        }
        assert_eq!((world.substrate(&id), world.kinds(&id)), (before, kinds));
    }
}

/// shows: P-072, C-39
#[test]
fn one_outcome_follows_in_order_of_precedence() {
    // Too shallow, drifted and tampered, in every combination, from what the nodes find on their disks.
    for mask in 0..8u8 {
        let (shallow, drifted, tampered) = (mask & 1 != 0, mask & 2 != 0, mask & 4 != 0);
        let mut world = World::new();
        let id = uuid(1);
        let minimum = U64(if shallow { 9 } else { 1 });
        let thresholds = Thresholds { minimum_lineage_depth: minimum, ..Thresholds::default() };
        world.ok(Role::Chip, &chip(0), birth_with(&id, None, thresholds));
        world.open(&id, &chip(0));
        world.cycle(&id, &chip(0), "cycle/1");
        world.close(&id, &chip(0));
        let mut command = world.open_command(&id);
        if drifted {
            command = open_with_founding(&world, &id, None);
        }
        if tampered {
            let at = world.chain(&format!("substrate:{id}"), Ledger::Reasoning)[1].index.0;
            world.tamper(Ledger::Reasoning, at, |entry| entry.time = Timestamp::from_millis(START));
        }
        world.ask_with(&chip(0), command);
        world.honest(&id, 1);
        let expected = match (tampered, drifted, shallow) {
            (true, _, _) => Outcome::HashMismatch,
            (false, true, _) => Outcome::DriftExceeded,
            (false, false, true) => Outcome::InsufficientDepth,
            (false, false, false) => Outcome::Verified,
        };
        assert_eq!(outcome(&world.honest(&id, 2)), Some(expected), "{mask:03b}");
        assert_eq!(verifications(&world, &id).len(), 2, "one record of each verification");
    }
}

/// shows: P-064, P-072
#[test]
fn an_electorate_without_a_majority_fails_closed() {
    let (mut world, id) = closed();
    let enrol =
        Command::EnrolNode(EnrolNode { node: NodeId(4), key: node(4).public(), cosigner: node(4).cosigner().public() });
    world.ok(Role::Root, &root(0), enrol);
    let verification = world.ask(&id, &chip(0));
    for from in [1, 4] {
        assert_eq!(outcome(&world.honest(&id, from)), None);
    }
    let failed = claim(Outcome::HashMismatch);
    assert_eq!(outcome(&world.verdict(&id, verification, 2, failed.clone()).unwrap()), None);
    let last = world.verdict(&id, verification, 3, failed).unwrap();
    assert_eq!(outcome(&last), Some(Outcome::HashMismatch));
    assert_eq!(verifications(&world, &id).pop().unwrap().detail, "NO_MAJORITY");
    assert_suppressed(&mut world, &id);
}

/// A copy may fail in any way; one that holds has one finding, and no majority of nodes makes it another one.
/// shows: P-059, P-060, X-05
#[test]
fn a_verdict_that_does_not_follow_from_the_ledger_is_refused() {
    let (mut world, id) = closed();
    let mut open = open_with_founding(&world, &id, None);
    if let Command::OpenSession(OpenSession { founding: held, .. }) = &mut open {
        *held = Some(founding());
    }
    let verification = world.ask_with(&chip(0), open);
    let holds = verify::finding(&world.model, &world.pending(&id)).unwrap();
    let other = Digest::of(b"another");
    for finding in [
        Finding { outcome: Outcome::InsufficientDepth, ..holds.clone() },
        Finding { outcome: Outcome::DriftExceeded, drift: 120, ..holds.clone() },
        Finding { check: "LINEAGE_DEPTH".into(), ..holds.clone() },
        Finding { drift: 1, ..holds.clone() },
        Finding { lineage_depth: U64(2), ..holds.clone() },
        Finding { recomputed: Some(other), ..holds.clone() },
        Finding { entries_checked: U64(1), ..holds.clone() },
        Finding { at: Some(BadEntry { ledger: Ledger::Evidence, index: U64(0) }), ..holds.clone() },
    ] {
        let verdict = Command::Verdict(GiveVerdict { substrate_id: id.clone(), verification, finding });
        world.refused(Role::Node, &node(1), verdict, Code::StateMismatch);
    }
    // Whatever it says, a copy that failed is heard.
    world.verdict(&id, verification, 3, Finding { outcome: Outcome::HashMismatch, ..holds.clone() }).unwrap();
    world.verdict(&id, verification, 1, holds).unwrap();
    assert_eq!(outcome(&world.honest(&id, 2)), Some(Outcome::Verified));
    world.close(&id, &chip(0));
    // With another continuity hash presented no copy holds.
    let mut open = world.open_command(&id);
    if let Command::OpenSession(OpenSession { continuity_hash, .. }) = &mut open {
        *continuity_hash = Some(other);
    }
    let verification = world.ask_with(&chip(0), open);
    let honest = verify::finding(&world.model, &world.pending(&id)).unwrap();
    assert_eq!((honest.outcome, honest.check.as_str()), (Outcome::HashMismatch, "PRESENTED_CONTINUITY_HASH"));
    let verdict = Command::Verdict(GiveVerdict {
        substrate_id: id.clone(),
        verification,
        finding: Finding { outcome: Outcome::Verified, ..honest },
    });
    world.refused(Role::Node, &node(1), verdict, Code::StateMismatch);
}

/// Whoever reads the record repeats the decision: it holds the verdicts of those whose verdicts counted.
/// shows: P-072
#[test]
fn the_verdict_of_a_node_that_left_is_not_in_the_record() {
    let (mut world, id) = closed();
    let verification = world.ask(&id, &chip(0));
    world.verdict(&id, verification, 1, claim(Outcome::HashMismatch)).unwrap();
    world.ok(Role::Root, &root(0), Command::RetireNode(RetireNode { node: NodeId(1) }));
    world.honest(&id, 2);
    assert_eq!(outcome(&world.honest(&id, 3)), Some(Outcome::Verified));
    let record = verifications(&world, &id).pop().unwrap();
    assert_eq!(record.verdicts.iter().map(|verdict| verdict.node).collect::<Vec<_>>(), [NodeId(2), NodeId(3)]);
    world.replay(&id);
}

/// shows: P-058, P-072, X-05
#[test]
fn a_verdict_counts_once_from_a_node_in_service_for_the_verification_under_way() {
    let (mut world, id) = closed();
    let verification = world.ask(&id, &chip(0));
    let finding = verify::finding(&world.model, &world.pending(&id)).unwrap();
    let command = |index| {
        Command::Verdict(GiveVerdict { substrate_id: id.clone(), verification: index, finding: finding.clone() })
    };
    world.refused(Role::Chip, &chip(0), command(verification), Code::RoleDenied);
    world.refused(Role::Node, &chip(0), command(verification), Code::RoleDenied);
    world.refused(Role::Node, &key(99), command(verification), Code::UnknownKey);
    world.refused(Role::Node, &node(1), command(LogIndex(verification.0 + 1)), Code::VerificationUnknown);
    world.ok(Role::Node, &node(1), command(verification));
    world.refused(Role::Node, &node(1), command(verification), Code::VerificationUnknown);
    world.ok(Role::Root, &root(1), Command::RetireNode(RetireNode { node: NodeId(2) }));
    world.refused(Role::Node, &node(2), command(verification), Code::KeyEnded);
    assert_eq!(outcome(&world.ok(Role::Node, &node(3), command(verification))), Some(Outcome::Verified));
    world.refused(Role::Node, &node(1), command(LogIndex(1)), Code::VerificationUnknown);
}

/// shows: P-060, X-05, C-40
#[test]
fn a_node_whose_copy_fails_against_a_quorum_is_quarantined_and_the_substrate_goes_on() {
    // In time and late.
    for late in [false, true] {
        let (mut world, id) = closed();
        let verification = world.ask(&id, &chip(0));
        let bad = |world: &mut World| world.verdict(&id, verification, 3, claim(Outcome::HashMismatch)).unwrap();
        world.honest(&id, 1);
        if !late {
            bad(&mut world);
        }
        assert_eq!(outcome(&world.honest(&id, 2)), Some(Outcome::Verified));
        if late {
            bad(&mut world);
        }
        let quarantines: Vec<_> = world
            .chain("cluster", Ledger::Reasoning)
            .into_iter()
            .filter_map(|entry| match entry.record {
                Record::NodeQuarantine { node, organisation, finding, substrate_id } => {
                    Some((node, organisation, finding, substrate_id))
                }
                _ => None,
            })
            .collect();
        assert_eq!(quarantines, [(NodeId(3), "chamber".parse().unwrap(), claim(Outcome::HashMismatch), id.clone())]);
        world.append(&id, &chip(0), vec![item(Ledger::Evidence, "on")]);
        world.close(&id, &chip(0));
        // It no longer counts; both others are now needed, and enough.
        let verification = world.ask(&id, &chip(0));
        let verdict = Command::Verdict(GiveVerdict {
            substrate_id: id.clone(),
            verification,
            finding: claim(Outcome::HashMismatch),
        });
        world.refused(Role::Node, &node(3), verdict, Code::Quarantined);
        assert_eq!(outcome(&world.honest(&id, 1)), None);
        assert_eq!(outcome(&world.honest(&id, 2)), Some(Outcome::Verified));
    }
}
