//! No command of one party leaves a substrate where nobody can go on, and none takes back what an earlier one ended.

use crate::common::{self, *};
use selfsame_machine::state::{Phase, Registration, load};
use selfsame_machine::view::Table;
use selfsame_machine::{read, verify};
use selfsame_protocol::canon;
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{
    Command, EnrolNode, InitSubstrate, Item, OpenSession, PreparedBirth, Proposal, Propose, RetireChip, RetireNode,
    Role, Submission,
};
use selfsame_protocol::digest::framed;
use selfsame_protocol::envelope::Envelope;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::number::NodeId;
use selfsame_protocol::p104::{Outcome, Thresholds};
use selfsame_protocol::record::{ContinuityEvent, Finding};
use selfsame_protocol::time::Timestamp;
use serde_json::json;

/// shows: P-020, X-05
#[test]
fn a_document_that_founds_nothing_is_refused_before_a_verification_depends_on_it() {
    let (mut world, id) = closed();
    let large = json!({"branch_a": {"claim": "A".repeat(60_000)}, "branch_b": {"claim": "B"}});
    for (document, code) in [
        (json!({"branch_a": {"claim": "A"}}), Code::FoundingInvalid),
        (json!({"branch_a": {"claim": "A"}, "branch_b": {"claim": "A"}}), Code::FoundingInvalid),
        (large.clone(), Code::LimitExceeded),
    ] {
        let mut command = world.open_command(&id);
        let Command::OpenSession(OpenSession { founding, .. }) = &mut command else { unreachable!() };
        *founding = Some(document);
        world.refused(Role::Chip, &chip(0), command, code);
    }
    let mut command = birth_with(&uuid(2), None, Thresholds::default());
    let Command::InitSubstrate(InitSubstrate { founding, .. }) = &mut command else { unreachable!() };
    *founding = large;
    world.refused(Role::Chip, &chip(0), command, Code::LimitExceeded);
    assert_eq!(world.open(&id, &chip(0)), Outcome::Verified);
}

/// shows: P-041, P-067
#[test]
fn the_largest_founding_document_and_constitution_still_let_a_new_lineage_begin() {
    let mut world = World::new();
    let id = uuid(1);
    let fill = |bytes: usize| json!({"branch_a": {"claim": "A".repeat(bytes)}, "branch_b": {"claim": "B"}});
    // The largest documents that are accepted, found by halving.
    let mut command = birth_with(&id, None, Thresholds::default());
    let (mut low, mut high) = (0, 65_536);
    while high - low > 1 {
        let middle = (low + high) / 2;
        let Command::InitSubstrate(InitSubstrate { founding, .. }) = &mut command else { unreachable!() };
        *founding = fill(middle);
        if world.clone().submit(Role::Chip, &chip(0), command.clone()).is_ok() { low = middle } else { high = middle }
    }
    let largest = fill(low);
    let (mut least, mut most) = (0, 65_536);
    while most - least > 1 {
        let middle = (least + most) / 2;
        let Command::InitSubstrate(InitSubstrate { founding, parameters, .. }) = &mut command else { unreachable!() };
        *founding = common::founding();
        parameters.insert("text".into(), json!("p".repeat(middle)));
        if world.clone().submit(Role::Chip, &chip(0), command.clone()).is_ok() { least = middle } else { most = middle }
    }
    assert!(low > 10_000 && least > 10_000, "{low} {least}");
    let Command::InitSubstrate(InitSubstrate { parameters, .. }) = &mut command else { unreachable!() };
    parameters.insert("text".into(), json!("p".repeat(least)));
    world.ok(Role::Chip, &chip(0), command);
    world.open(&id, &chip(0));
    world.cycle(&id, &chip(0), "cycle/1");
    world.close(&id, &chip(0));
    let mut command = world.open_command(&id);
    let Command::OpenSession(OpenSession { founding, .. }) = &mut command else { unreachable!() };
    *founding = Some(largest);
    world.ask_with(&chip(0), command);
    world.honest(&id, 1);
    assert_eq!(outcome(&world.honest(&id, 2)), Some(Outcome::DriftExceeded));
}

/// shows: P-075, P-076, X-05
#[test]
fn an_amendment_that_no_cycle_could_enact_is_refused_when_it_is_queued() {
    let (mut world, id) = closed();
    world.open(&id, &chip(0));
    let mut accepted = 0;
    for n in 0..6 {
        let amendment = amendment(&[(&format!("text{n}"), json!("x".repeat(9_000)))]);
        let command = world.amend_command(&id, amendment);
        if world.clone().submit(Role::Chip, &chip(0), command.clone()).is_ok() {
            world.ok(Role::Chip, &chip(0), command);
            accepted += 1;
        } else {
            assert_eq!(world.recorded(Role::Chip, &chip(0), command, Code::LimitExceeded).len(), 1);
        }
    }
    assert_eq!(accepted, 3);
    let long = |bytes| selfsame_protocol::p104::Amendment {
        reason: "r".repeat(bytes),
        ..amendment(&[("limit", json!("11"))])
    };
    let command = world.amend_command(&id, long(64_000));
    assert_eq!(world.recorded(Role::Chip, &chip(0), command, Code::LimitExceeded).len(), 1);
    // A record of the refusal would be too large for the ledger: it stands without one.
    let command = world.amend_command(&id, long(65_500));
    world.refused(Role::Chip, &chip(0), command, Code::LimitExceeded);
    // What was queued is enacted, and the substrate still migrates.
    world.cycle(&id, &chip(0), "cycle/2");
    world.close(&id, &chip(0));
    world.seal(&id, "m1", &chip(0), &chip(1));
    world.arrive(&id, "m1", &chip(1));
}

/// Whether anything can be read or written while a verification waits: it cannot.
#[track_caller]
fn waits(world: &mut World, id: &str) {
    assert_eq!(world.substrate(id).phase, Phase::Verifying);
    assert_eq!(read::gate(&world.substrate(id)).unwrap_err().code, Code::VerificationPending);
    for command in [
        world.append_command(id, vec![item(Ledger::Evidence, "early")]),
        world.cycle_command(id, "early"),
        world.close_command(id),
    ] {
        world.refused(Role::Chip, &chip(0), command, Code::VerificationPending);
    }
}

/// shows: P-058, P-072
#[test]
fn a_verification_is_decided_when_the_node_that_it_waits_for_leaves() {
    for retired in [true, false] {
        let (mut world, id) = closed();
        let verification = world.ask(&id, &chip(0));
        world.honest(&id, 1);
        world.verdict(&id, verification, 2, claim(Outcome::HashMismatch)).unwrap();
        waits(&mut world, &id);
        if retired {
            world.ok(Role::Root, &root(2), Command::RetireNode(RetireNode { node: NodeId(3) }));
        } else {
            // The third is found out over another substrate.
            let other = uuid(2);
            world.born(&other, 1);
            let open = world.ask(&other, &chip(1));
            world.honest(&other, 1);
            world.verdict(&other, open, 3, claim(Outcome::HashMismatch)).unwrap();
            world.honest(&other, 2);
            assert_eq!(world.substrate(&other).phase, Phase::Open);
        }
        // One against one: nothing can be trusted. One result, and it is the only one of this verification.
        assert_eq!(world.substrate(&id).status, Some(Outcome::HashMismatch));
        assert!(world.substrate(&id).suppressed.is_some());
        let outcomes: Vec<_> = verifications(&world, &id).into_iter().map(|v| (v.session.0, v.outcome)).collect();
        assert_eq!(outcomes, [(1, Outcome::InsufficientDepth), (2, Outcome::HashMismatch)]);
        assert_eq!(verify::pending(&world.model).unwrap(), []);
    }
    // Two that agree are enough as soon as they are more than half.
    let (mut world, id) = closed();
    world.ok(
        Role::Root,
        &root(2),
        Command::EnrolNode(EnrolNode { node: NodeId(4), key: key(80).public(), cosigner: key(180).public() }),
    );
    world.ask(&id, &chip(0));
    world.honest(&id, 1);
    world.honest(&id, 2);
    waits(&mut world, &id);
    world.ok(Role::Root, &root(2), Command::RetireNode(RetireNode { node: NodeId(3) }));
    assert_eq!(world.substrate(&id).phase, Phase::Open, "two of three");
    assert_eq!(verifications(&world, &id).len(), 2);
    world.append(&id, &chip(0), vec![item(Ledger::Evidence, "now")]);
    // Nodes that leave unheard decide nothing.
    let (mut world, id) = closed();
    world.ask(&id, &chip(0));
    world.ok(Role::Root, &root(0), Command::RetireNode(RetireNode { node: NodeId(1) }));
    world.refused(Role::Root, &root(1), Command::RetireNode(RetireNode { node: NodeId(2) }), Code::OrganisationQuorum);
    waits(&mut world, &id);
}

/// An organisation that leaves takes its nodes with it, and whoever waited for them waits no longer.
/// shows: P-058, P-072
#[test]
fn a_verification_is_decided_when_the_organisation_that_it_waits_for_leaves() {
    let (mut world, id) = closed();
    let another =
        Command::EnrolNode(EnrolNode { node: NodeId(4), key: node(4).public(), cosigner: node(4).cosigner().public() });
    world.ok(Role::Root, &root(2), another);
    // Of {1, 2, 3, 4} two have spoken, and two are no majority of four.
    world.ask(&id, &chip(0));
    world.honest(&id, 1);
    world.honest(&id, 2);
    waits(&mut world, &id);
    // Nodes 3 and 4 go with the chamber.
    world.ballot(3, "out", remove(2));
    assert_eq!(world.substrate(&id).phase, Phase::Open);
    assert_eq!(world.substrate(&id).status, Some(Outcome::Verified));
    assert_eq!(verifications(&world, &id).pop().unwrap().verdicts.len(), 2);
    assert_eq!(verify::pending(&world.model).unwrap(), []);
    world.append(&id, &chip(0), vec![item(Ledger::Evidence, "now")]);
    // Its own verdicts left with it: what it said is not counted, and one against one is no majority.
    let (mut world, id) = closed();
    let verification = world.ask(&id, &chip(0));
    world.honest(&id, 1);
    world.verdict(&id, verification, 3, claim(Outcome::HashMismatch)).unwrap();
    world.ballot(3, "out", remove(2));
    waits(&mut world, &id);
    world.honest(&id, 2);
    assert_eq!(world.substrate(&id).status, Some(Outcome::Verified));
}

/// shows: P-072
#[test]
fn a_node_cannot_prevent_the_one_result_by_a_finding_of_any_size() {
    let (mut world, id) = closed();
    let verification = world.ask(&id, &chip(0));
    let text = "\u{1}é".repeat(100_000);
    let finding = Finding { check: text.clone(), expected: text.clone(), found: text, ..claim(Outcome::HashMismatch) };
    world.verdict(&id, verification, 3, finding).unwrap();
    world.honest(&id, 1);
    assert_eq!(outcome(&world.honest(&id, 2)), Some(Outcome::Verified));
    let outcomes: Vec<_> = verifications(&world, &id).into_iter().map(|v| v.outcome).collect();
    assert_eq!(outcomes, [Outcome::InsufficientDepth, Outcome::Verified]);
    let leaf = world.entries(Ledger::Reasoning).pop().unwrap().leaf();
    assert!(leaf.len() < 8_192, "{}", leaf.len());
}

/// shows: P-112
#[test]
fn what_happened_since_the_last_verification_is_listed_once_each() {
    let (mut world, id) = closed();
    world.open(&id, &chip(0));
    for n in 0..20 {
        let command = world.amend_command(&id, amendment(&[("limit", json!(n.to_string()))]));
        world.ok(Role::Chip, &chip(0), command);
        world.cycle(&id, &chip(0), &format!("more/{n}"));
    }
    world.close(&id, &chip(0));
    for n in 0..4u8 {
        let migration = format!("m{n}");
        world.seal(&id, &migration, &chip(n % 2), &chip((n + 1) % 2));
        world.arrive(&id, &migration, &chip((n + 1) % 2));
    }
    assert_eq!(world.substrate(&id).events, ContinuityEvent::ALL);
    assert_eq!(world.open(&id, &chip(0)), Outcome::Verified);
}

/// The id that a new lineage of `prior` gets when none is prepared.
fn derived(prior: &str, submission: &Submission) -> String {
    let digest = selfsame_protocol::digest::Digest::of(&canon::to_canonical_of(submission));
    let hash = framed(&[b"selfsame/new-lineage/v1", prior.as_bytes(), digest.hex().as_bytes()]);
    let mut bytes: [u8; 16] = hash.as_bytes()[..16].try_into().unwrap();
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = selfsame_protocol::digest::hex(&bytes);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// shows: P-042, P-043, P-086, P-087
#[test]
fn a_new_lineage_is_never_the_second_birth_of_a_substrate_that_lives() {
    let (mut world, old) = closed();
    let command = open_with_founding(&world, &old, None);
    let submission = Submission::new(CLUSTER, "drift", Role::Chip, chip(0).public(), command);
    // Its author knows the id beforehand, lets it be born and hands it to another organisation.
    let known = derived(&old, &submission);
    world.seasoned(&known, 0);
    world.seal(&known, "m1", &chip(0), &chip(1));
    world.arrive(&known, "m1", &chip(1));
    let before = world.substrate(&known);
    world.send(&Envelope::sign(&submission, &chip(0))).unwrap();
    world.honest(&old, 1);
    assert_eq!(outcome(&world.honest(&old, 2)), Some(Outcome::DriftExceeded));
    assert_eq!(world.substrate(&known), before, "the living substrate is not touched");
    let new = world.substrate(&old).successor.unwrap();
    assert_ne!(new, known);
    assert_eq!(world.kinds(&new), ["substrate_identity"]);
    assert_eq!(world.open(&known, &chip(1)), Outcome::Verified);
    // The same with an id that is prepared and taken.
    let (mut world, old) = closed();
    let birth = PreparedBirth {
        substrate_id: uuid(2),
        initialisation_timestamp: Timestamp::from_millis(START),
        attestation: None,
    };
    let command = open_with_founding(&world, &old, Some(birth));
    let submission = Submission::new(CLUSTER, "drift", Role::Chip, chip(0).public(), command);
    let known = derived(&old, &submission);
    world.born(&uuid(2), 1);
    world.born(&known, 1);
    world.send(&Envelope::sign(&submission, &chip(0))).unwrap();
    world.honest(&old, 1);
    world.honest(&old, 2);
    for id in [uuid(2), known.parse().unwrap()] {
        assert_eq!(world.kinds(&id), ["substrate_identity"]);
        assert_eq!(world.substrate(&id).holder.chip, chip(1).public().id());
    }
}

/// shows: P-088, X-05
#[test]
fn a_chip_cannot_take_the_cycle_id_of_a_migration_to_come() {
    let (mut world, id) = closed();
    world.open(&id, &chip(0));
    let command = world.cycle_command(&id, "migration/m1");
    world.refused(Role::Chip, &chip(0), command, Code::CycleIdReused);
    world.close(&id, &chip(0));
    world.seal(&id, "m1", &chip(0), &chip(1));
    world.arrive(&id, "m1", &chip(1));
}

/// shows: X-05
#[test]
fn what_is_retired_is_not_retired_again_at_a_later_index() {
    let mut world = World::new();
    let chip_id = chip(0).public().id();
    world.ok(Role::Root, &root(0), Command::RetireChip(RetireChip { chip: chip_id }));
    world.ok(Role::Root, &root(1), Command::RetireNode(RetireNode { node: NodeId(2) }));
    let until = |world: &World| {
        [chip(0), node(2)]
            .map(|key| load::<Registration>(&world.model, Table::Keys, key.public().as_bytes()).unwrap().unwrap().until)
    };
    let ended = until(&world);
    world.refused(Role::Root, &root(0), Command::RetireChip(RetireChip { chip: chip_id }), Code::ChipRetired);
    world.refused(Role::Root, &root(1), Command::RetireNode(RetireNode { node: NodeId(2) }), Code::UnknownNode);
    assert_eq!(until(&world), ended, "old signatures are judged by the index at which the key ended");
}

/// shows: X-05
#[test]
fn a_ballot_seals_towards_another_chip_only() {
    let (mut world, id) = closed();
    let proposal = Proposal::ForceSeal {
        substrate_id: id.clone(),
        migration_id: "m1".into(),
        destination: chip(0).public().id(),
        reason: "lost".into(),
    };
    world.ok(Role::Root, &root(0), Command::Propose(Propose { proposal_id: "p1".into(), proposal }));
    let vote = || vote("p1", true);
    world.ok(Role::Root, &root(1), vote());
    world.refused(Role::Root, &root(2), vote(), Code::WrongDestination);
}

/// shows: X-05
#[test]
fn an_item_over_the_limit_is_refused_with_the_whole_append() {
    let (mut world, id) = closed();
    world.open(&id, &chip(0));
    for bytes in [63_000, 70_000] {
        let large = Item { data: json!("x".repeat(bytes)), ..item(Ledger::Evidence, "") };
        let command = world.append_command(&id, vec![item(Ledger::Evidence, "small"), large]);
        world.refused(Role::Chip, &chip(0), command, Code::LimitExceeded);
    }
    world.append(&id, &chip(0), vec![Item { data: json!("x".repeat(59_000)), ..item(Ledger::Evidence, "") }]);
}
