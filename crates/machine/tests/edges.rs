//! The last value that is taken and the first that is not: sizes, counts, times, and who is left out of them.

use crate::common::*;
use selfsame_machine::read;
use selfsame_machine::state::prefix_end;
use selfsame_machine::view::{Model, Overlay, Table, View};
use selfsame_protocol::canon;
use selfsame_protocol::code::Code;
use selfsame_protocol::command::*;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::number::{Epoch, LogIndex, NodeId};
use selfsame_protocol::p104::{Attestation, Claims, Outcome, SCHEMA_VERSION, Technology, Thresholds};
use selfsame_protocol::record::Record;
use selfsame_protocol::response::AmendmentQueued;
use selfsame_protocol::subject::Subject;
use selfsame_protocol::time::{Timestamp, U64};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn enrol(id: u64, seed: u8) -> Command {
    Command::EnrolNode(EnrolNode { node: NodeId(id), key: key(seed).public(), cosigner: key(seed).cosigner().public() })
}

/// A founding document of so many canonical bytes.
fn founding_of(bytes: usize) -> Value {
    let of = |filler: usize| json!({"branch_a": {"claim": "A".repeat(filler)}, "branch_b": {"claim": "B"}});
    let document = of(bytes - canon::to_canonical(&of(0)).len());
    assert_eq!(canon::to_canonical(&document).len(), bytes);
    document
}

/// shows: P-020, X-05
#[test]
fn documents_constitutions_and_items_have_a_largest_size() {
    let mut world = World::new();
    let mut command = birth_with(&uuid(1), None, Thresholds::default());
    let Command::InitSubstrate(InitSubstrate { founding, .. }) = &mut command else { unreachable!() };
    *founding = founding_of(24 * 1_024 + 1);
    world.refused(Role::Chip, &chip(0), command.clone(), Code::LimitExceeded);
    let Command::InitSubstrate(InitSubstrate { founding, .. }) = &mut command else { unreachable!() };
    *founding = founding_of(24 * 1_024);
    world.clone().ok(Role::Chip, &chip(0), command);
    // The constitution of the birth, and what an amendment would make of it.
    let with = |bytes: usize| {
        let mut command = birth_with(&uuid(1), None, Thresholds::default());
        let Command::InitSubstrate(InitSubstrate { parameters, .. }) = &mut command else { unreachable!() };
        parameters.insert("text".into(), json!("p".repeat(bytes)));
        command
    };
    world.clone().ok(Role::Chip, &chip(0), with(1_000));
    let mut probe = world.clone();
    probe.ok(Role::Chip, &chip(0), with(1_000));
    let around = canon::to_canonical_of(&probe.substrate(&uuid(1)).constitution).len() - 1_000;
    world.refused(Role::Chip, &chip(0), with(32 * 1_024 - around + 1), Code::LimitExceeded);
    world.ok(Role::Chip, &chip(0), with(32 * 1_024 - around));
    let id = uuid(1);
    world.open(&id, &chip(0));
    let mut fewer = amendment(&[]);
    fewer.remove = vec!["text".into()];
    let more = world.amend_command(&id, amendment(&[("one", json!("more"))]));
    world.recorded(Role::Chip, &chip(0), more, Code::LimitExceeded);
    let command = world.amend_command(&id, fewer);
    world.ok(Role::Chip, &chip(0), command);
    // With that one queued there is room again: what is measured is what the cycle would make.
    let more = world.amend_command(&id, amendment(&[("one", json!("more"))]));
    world.ok(Role::Chip, &chip(0), more);
    // A leaf of the limit and 2,048 bytes.
    let leaf = |world: &mut World, bytes: usize| {
        let command =
            world.append_command(&id, vec![Item { data: json!("x".repeat(bytes)), ..item(Ledger::Evidence, "") }]);
        world.submit(Role::Chip, &chip(0), command).map(|receipt| {
            let index = receipt.entries[0].index.0;
            read::leaf(&world.model, Ledger::Evidence, index).unwrap().unwrap().len()
        })
    };
    let around = leaf(&mut world.clone(), 1_000).unwrap() - 1_000;
    let most = 60_000 + 2_048;
    assert_eq!(leaf(&mut world.clone(), most - around), Ok(most));
    assert_eq!(leaf(&mut world.clone(), most - around + 1).unwrap_err().code, Code::LimitExceeded);
}

/// shows: P-076, X-05
#[test]
fn sixty_four_amendments_wait_and_the_next_does_not() {
    let (mut world, id) = closed();
    world.open(&id, &chip(0));
    for n in 0..64 {
        let command = world.amend_command(&id, amendment(&[("limit", json!(n.to_string()))]));
        let queued: AmendmentQueued = result(world.ok(Role::Chip, &chip(0), command));
        assert_eq!(queued.queued, n + 1);
    }
    let command = world.amend_command(&id, amendment(&[("limit", json!("64"))]));
    world.recorded(Role::Chip, &chip(0), command, Code::LimitExceeded);
    world.cycle(&id, &chip(0), "cycle/2");
    assert_eq!(world.substrate(&id).constitution.amendments, U64(64));
    assert_eq!(world.substrate(&id).constitution.parameters["limit"], json!("63"));
    let command = world.amend_command(&id, amendment(&[("limit", json!("64"))]));
    world.ok(Role::Chip, &chip(0), command);
}

/// shows: P-010, X-05
#[test]
fn what_an_amendment_removes_is_in_force() {
    let (mut world, id) = closed();
    world.open(&id, &chip(0));
    let removing = |names: &[&str]| {
        let mut amendment = amendment(&[]);
        amendment.remove = names.iter().map(|name| name.to_string()).collect();
        amendment
    };
    for names in [&["scope"][..], &["limit", "scope"], &["Limit"]] {
        let command = world.amend_command(&id, removing(names));
        world.recorded(Role::Chip, &chip(0), command, Code::AmendmentInvalid);
    }
    let long = "n".repeat(129);
    for name in ["", "no name", long.as_str()] {
        let command = world.amend_command(&id, amendment(&[(name, json!(1))]));
        world.recorded(Role::Chip, &chip(0), command, Code::AmendmentInvalid);
    }
    let command = world.amend_command(&id, removing(&["limit"]));
    world.ok(Role::Chip, &chip(0), command);
    world.cycle(&id, &chip(0), "cycle/2");
    assert!(world.substrate(&id).constitution.parameters.is_empty());
}

/// shows: P-002, P-062, C-36
#[test]
fn the_window_ends_with_its_last_millisecond() {
    for (pause, given) in [(9_000, true), (9_001, false)] {
        let mut world = World::new();
        let id = uuid(1);
        let thresholds = Thresholds { verification_window_ms: U64(10_000), ..Thresholds::default() };
        world.ok(Role::Chip, &chip(0), birth_with(&id, None, thresholds));
        world.open(&id, &chip(0));
        world.cycle(&id, &chip(0), "cycle/1");
        world.close(&id, &chip(0));
        world.millis += pause;
        assert_eq!(world.open(&id, &chip(0)), Outcome::Verified);
        assert_eq!(verifications(&world, &id).pop().unwrap().notice.is_some(), given, "{pause}");
    }
}

/// shows: P-067, P-068, C-46
#[test]
fn a_new_lineage_takes_over_the_rules_and_nothing_else() {
    let mut world = World::new();
    let old = uuid(1);
    let attestation = Attestation::software(&birth_claims(&old, &founding()), &chip(0));
    let thresholds =
        Thresholds { minimum_lineage_depth: U64(2), verification_window_ms: U64(77), ..Thresholds::default() };
    world.ok(Role::Chip, &chip(0), birth_with(&old, Some(attestation), thresholds.clone()));
    world.open(&old, &chip(0));
    let command = world.amend_command(&old, amendment(&[("scope", json!("all"))]));
    world.ok(Role::Chip, &chip(0), command);
    world.cycle(&old, &chip(0), "cycle/1");
    world.close(&old, &chip(0));
    let claims = |by_id: &str| Claims::Birth {
        substrate_id: by_id.parse().unwrap(),
        founding_tension_hash: tension(&other_founding()),
        initialisation_timestamp: Timestamp::from_millis(START + 5),
        schema_version_at_init: SCHEMA_VERSION.into(),
    };
    let prepared = |attestation| PreparedBirth {
        substrate_id: uuid(2),
        initialisation_timestamp: Timestamp::from_millis(START + 5),
        attestation,
    };
    let own = Attestation::software(&claims(&uuid(2)), &chip(0));
    // Attested by another chip over the right claims, or by the right one over another birth.
    let foreign = Attestation::software(&claims(&uuid(2)), &chip(1));
    let elsewhere = Attestation::software(&claims(&uuid(3)), &chip(0));
    for (attestation, complete) in [(Some(own), true), (Some(foreign), false), (Some(elsewhere), false), (None, false)]
    {
        let mut world = world.clone();
        let command = open_with_founding(&world, &old, Some(prepared(attestation)));
        world.ask_with(&chip(0), command);
        world.honest(&old, 1);
        world.honest(&old, 2);
        let (before, born) = (world.substrate(&old), world.substrate(&uuid(2)));
        assert_eq!(born.complete, complete);
        assert_eq!(born.holder.attestation_hash.is_some(), complete);
        assert_eq!(born.initialisation_timestamp, Timestamp::from_millis(START + 5));
        assert_eq!(born.constitution.thresholds, thresholds);
        assert_eq!(born.constitution.parameters, before.constitution.parameters);
        assert_eq!((born.constitution.amendments, born.constitution.amendment_head), (U64(0), None));
        assert_eq!((born.schema_version, born.organisation), (before.schema_version, before.organisation));
        assert_eq!((born.holder.key, born.holder.epoch, born.holder.seq), (chip(0).public(), Epoch(1), U64(0)));
        assert_eq!((born.session, born.lineage_depth, born.last_close), (U64(0), U64(0), None));
        world.replay(&uuid(2));
    }
    // Prepared long ago: born now under the prepared id, and nobody attests that.
    let long_ago = Timestamp::from_millis(START - 2 * 24 * 3_600_000);
    let stale = PreparedBirth { initialisation_timestamp: long_ago, ..prepared(None) };
    let claims = Claims::Birth {
        substrate_id: uuid(2),
        founding_tension_hash: tension(&other_founding()),
        initialisation_timestamp: long_ago,
        schema_version_at_init: SCHEMA_VERSION.into(),
    };
    let stale = PreparedBirth { attestation: Some(Attestation::software(&claims, &chip(0))), ..stale };
    let mut late = world.clone();
    let command = open_with_founding(&late, &old, Some(stale));
    late.ask_with(&chip(0), command);
    late.honest(&old, 1);
    late.honest(&old, 2);
    let born = late.substrate(&uuid(2));
    assert_eq!((born.initialisation_timestamp, born.complete), (Timestamp::from_millis(late.millis), false));
    late.replay(&uuid(2));
    // Nothing prepared: born when it was decided.
    let command = open_with_founding(&world, &old, None);
    world.ask_with(&chip(0), command);
    world.honest(&old, 1);
    world.honest(&old, 2);
    let born = world.substrate(&world.substrate(&old).successor.unwrap());
    assert_eq!(born.initialisation_timestamp, Timestamp::from_millis(world.millis));
}

/// shows: X-05
#[test]
fn a_key_has_one_use() {
    let mut world = World::new();
    world.refused(
        Role::Root,
        &root(0),
        Command::EnrolNode(EnrolNode { node: NodeId(9), key: key(80).public(), cosigner: key(80).public() }),
        Code::KeyExists,
    );
    world.ok(Role::Root, &root(0), enrol(4, 80));
    let cosigner = key(80).cosigner().public();
    let chips = |chip| Command::EnrolChip(EnrolChip { chip, technology: Technology::Software });
    world.refused(Role::Root, &root(1), chips(cosigner), Code::KeyExists);
    world.refused(
        Role::Root,
        &root(1),
        Command::RotateKey(RotateKey { key: OrganisationKey::Root, new: cosigner }),
        Code::KeyExists,
    );
    for (key, cosigner) in
        [(cosigner, key(81).public()), (key(81).public(), cosigner), (key(81).public(), key(80).public())]
    {
        world.refused(
            Role::Root,
            &root(1),
            Command::EnrolNode(EnrolNode { node: NodeId(9), key, cosigner }),
            Code::KeyExists,
        );
    }
    // A key that ended is not free again, and neither is that of a node that is gone.
    world.ok(Role::Root, &root(0), Command::RetireNode(RetireNode { node: NodeId(4) }));
    world.refused(Role::Root, &root(1), chips(cosigner), Code::KeyExists);
    world.refused(Role::Root, &root(1), chips(key(80).public()), Code::KeyExists);
    let said = world.submit(
        Role::Node,
        &key(80),
        Command::Verdict(GiveVerdict {
            substrate_id: uuid(1),
            verification: LogIndex(1),
            finding: claim(Outcome::Verified),
        }),
    );
    let said = said.unwrap_err().to_string();
    assert!(said.starts_with("KEY_ENDED: node 4 was retired at log index"), "{said}");
}

#[test]
fn a_majority_of_voters_is_more_than_half_of_them_whatever_else_they_are() {
    let mut world = World::new();
    world.ok(Role::Root, &root(0), enrol(4, 80));
    world.ok(Role::Root, &root(1), enrol(5, 81));
    world.ok(Role::Root, &root(0), Command::RetireNode(RetireNode { node: NodeId(4) }));
    let held = |voters: &[u64]| {
        let voters: BTreeSet<u64> = voters.iter().copied().collect();
        let found = read::majority(&world.model, &voters).unwrap();
        found.map(|majority| (majority.organisation, majority.held, majority.total))
    };
    let some = |name: &str, held, total| Some((name.parse().unwrap(), held, total));
    assert_eq!(held(&[1, 2, 3]), None);
    assert_eq!(held(&[1, 2]), None);
    // Node 4 is retired and votes all the same.
    assert_eq!(held(&[1, 4, 2]), some("agency", 2, 3));
    assert_eq!(held(&[1, 2, 3, 4]), None);
    assert_eq!(held(&[2, 5, 1]), some("bureau", 2, 3));
    assert_eq!(held(&[3]), some("chamber", 1, 1));
    assert_eq!(held(&[]), None);
    assert_eq!(held(&[99]), None);
}

#[test]
fn ballots_are_read_page_by_page_open_or_all() {
    let mut world = World::new();
    let retire = |n: u8| Proposal::RetireChip { chip: chip(n).public().id(), reason: "stolen".into() };
    for id in ["b", "a", "c", "d"] {
        world.ok(Role::Root, &root(0), propose(id, retire(0)));
    }
    world.ok(Role::Root, &root(1), vote("c", false));
    let ids = |open, after: &str, limit| -> Vec<String> {
        read::ballots(&world.model, open, after, limit).unwrap().into_iter().map(|(id, _)| id).collect()
    };
    assert_eq!(ids(true, "", 9), ["a", "b", "d"]);
    assert_eq!(ids(false, "", 9), ["a", "b", "c", "d"]);
    assert_eq!((ids(true, "a", 1), ids(false, "b", 1)), (vec!["b".to_string()], vec!["c".to_string()]));
    assert_eq!((ids(true, "d", 9), ids(false, "d", 9)), (Vec::new(), Vec::new()));
    assert_eq!((ids(true, "", 0), ids(false, "", 2)), (Vec::new(), vec!["a".to_string(), "b".to_string()]));
}

#[test]
fn entries_of_a_subject_are_found_from_any_depth_on() {
    let (mut world, id) = closed();
    world.seasoned(&uuid(2), 1);
    let subject = format!("substrate:{id}");
    for ledger in Ledger::BOTH {
        let chain: Vec<u64> = world.chain(&subject, ledger).iter().map(|entry| entry.index.0).collect();
        let found =
            |from, limit| read::subject_indexes(&world.model, &subject.parse().unwrap(), ledger, from, limit).unwrap();
        assert_eq!(found(0, 99), chain);
        assert_eq!(found(1, 99), chain[1..]);
        assert_eq!(found(1, 1), chain[1..2]);
        assert!(found(chain.len() as u64, 9).is_empty());
        assert_eq!(read::subject_depth(&world.model, &subject.parse().unwrap(), ledger).unwrap(), chain.len() as u64);
    }
    assert_eq!(read::subject_depth(&world.model, &Subject::Substrate(uuid(9)), Ledger::Evidence).unwrap(), 0);
    assert_eq!(read::clock(&world.model).unwrap(), Timestamp::from_millis(world.millis));
    let unknown = read::statement(&world.model, &uuid(9), Timestamp::default(), false).unwrap();
    assert_eq!(unknown.unwrap_err().code, Code::UnknownSubstrate);
}

/// What lies on top hides what lies under it, also where rows were removed.
#[test]
fn an_overlay_reads_as_the_state_will_once_it_is_stored() {
    let mut model = Model::default();
    let row = |n: u8, value: &[u8]| ((Table::Runs, vec![n]), Some(value.to_vec()));
    model.commit(
        [row(1, b"a"), row(2, b"b"), row(3, b"c"), row(5, b"e"), ((Table::Keys, vec![2]), Some(vec![9]))].into(),
    );
    let mut over = Overlay::new(&model);
    over.put(Table::Runs, [4], *b"d");
    over.put(Table::Runs, [2], *b"B");
    over.remove(Table::Runs, [1]);
    over.remove(Table::Runs, [3]);
    let mut stored = model.clone();
    stored.commit(over.changes().clone());
    let bounds: [(&[u8], &[u8]); 6] =
        [(&[], &[255]), (&[2], &[5]), (&[1], &[2]), (&[3], &[3]), (&[4], &[3]), (&[5], &[6])];
    for (from, to) in bounds {
        for limit in 0..6 {
            let read = |view: &dyn View| view.scan(Table::Runs, from, to, limit).unwrap();
            assert_eq!(read(&over), read(&stored), "{from:?} to {to:?}, {limit}");
        }
    }
    for key in 0..6 {
        assert_eq!(over.get(Table::Runs, &[key]), stored.get(Table::Runs, &[key]));
    }
    assert_eq!(over.get(Table::Keys, &[2]).unwrap(), Some(vec![9]));
    // The last byte that has room is counted up, and what is behind it falls away.
    assert_eq!(prefix_end(&[1, 2]), [1, 3]);
    assert_eq!(prefix_end(&[1, 255, 255]), [2]);
    assert!(prefix_end(&[255]) > vec![255; 100]);
    assert!(prefix_end(&[]) > vec![255; 100]);
}

/// shows: P-060, P-064
#[test]
fn a_verdict_that_comes_late_quarantines_only_while_its_verification_is_the_last() {
    let (mut world, id) = closed();
    let first = world.ask(&id, &chip(0));
    world.honest(&id, 1);
    world.honest(&id, 2);
    // Late and in agreement, whatever it says besides: nobody is put out of service.
    let same = world.verdict(&id, first, 3, claim(Outcome::InsufficientDepth)).unwrap();
    assert_eq!((same.entries.len(), outcome(&same)), (0, Some(Outcome::Verified)));
    let quarantined = |world: &World| read::nodes(&world.model).unwrap().iter().filter(|n| !n.counts()).count();
    assert_eq!(quarantined(&world), 0);
    world.close(&id, &chip(0));
    world.ask(&id, &chip(0));
    world.honest(&id, 1);
    world.honest(&id, 2);
    // Of the verification before the last nothing is said any more.
    let late = world.verdict(&id, first, 3, claim(Outcome::HashMismatch)).unwrap_err();
    assert_eq!(late.code, Code::VerificationUnknown);
    assert_eq!(quarantined(&world), 0);
    // When the outcome was HASH_MISMATCH, whoever found it is not to blame.
    world.close(&id, &chip(0));
    let last = world.ask(&id, &chip(0));
    for from in [1, 2] {
        world.verdict(&id, last, from, claim(Outcome::HashMismatch)).unwrap();
    }
    world.verdict(&id, last, 3, claim(Outcome::HashMismatch)).unwrap();
    assert_eq!(quarantined(&world), 0);
    assert!(matches!(world.records(&id).pop(), Some(Record::Suppression { .. })));
}
