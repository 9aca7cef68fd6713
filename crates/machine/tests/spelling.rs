//! Submissions in other spellings, signed by whoever has the right: none is committed, and the same in the one spelling is.

use crate::common::*;
use crate::runs::{declaration, declare, id_of, report};
use selfsame_protocol::canon;
use selfsame_protocol::code::Code;
use selfsame_protocol::command::*;
use selfsame_protocol::envelope::pae;
use selfsame_protocol::keys::SecretKey;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::p104::{Outcome, Technology};
use selfsame_protocol::time::U64;
use serde_json::{Value, json};

/// Signs a payload of any spelling.
fn sealed(payload: &Value, key: &SecretKey) -> Vec<u8> {
    let payload = canon::to_canonical(payload);
    [&key.sign(&pae(&payload))[..], &payload].concat()
}

/// Each altered spelling is refused as MALFORMED, with its place, and changes nothing; the genuine command is accepted.
fn refused_but_in_its_spelling(
    world: &mut World,
    role: Role,
    key: &SecretKey,
    command: Command,
    spellings: &[(&str, Value)],
) {
    let (command, request) = (world.meant(command), world.request());
    let genuine = json!(Submission::new(CLUSTER, &request, role, key.public(), command.clone()));
    let before = rows(&world.model);
    for (at, other) in spellings {
        let mut altered = genuine.clone();
        let (above, name) = at.rsplit_once('/').unwrap();
        match altered.pointer_mut(above).unwrap() {
            Value::Object(object) => drop(object.insert(name.into(), other.clone())),
            above => above[name.parse::<usize>().unwrap()] = other.clone(),
        }
        assert_ne!(altered, genuine, "{at}");
        let refusal = world.batch(&[sealed(&altered, key)]).outcomes.remove(0).unwrap_err();
        assert_eq!(refusal.code, Code::Malformed, "{at} as {other}: {refusal}");
        assert!(before == rows(&world.model), "{at} as {other} changed the state");
    }
    let outcome = world.batch(&[sealed(&genuine, key)]).outcomes.remove(0);
    outcome.unwrap_or_else(|refusal| panic!("{refusal}\n{command:?}"));
}

/// The three that were committed once: a role and a kind of key as objects, the action of a proposal as a number.
/// shows: P-109, X-01, X-05
#[test]
fn governance_in_another_spelling_is_not_committed() {
    let mut world = World::new();
    let world = &mut world;
    let author = [
        ("/author/role", json!({"root": null})),
        ("/author/role", json!(0)),
        ("/author/role", json!("Root")),
        ("/author/role", json!(" root")),
        ("/author/role", json!(["root"])),
        ("/author", json!([root(0).public(), "root"])),
        ("/command/kind", json!(0)),
        ("/command/kind", json!({"rotate_key": null})),
        ("/type", json!("selfsame/submission/v2")),
        ("/cluster", json!("no name")),
        ("/note", json!(null)),
    ];
    let rotate = |seed: u8| Command::RotateKey(RotateKey { key: OrganisationKey::Operator, new: key(seed).public() });
    refused_but_in_its_spelling(world, Role::Root, &root(0), rotate(90), &author);
    let kinds = [json!({"operator": null}), json!(1), json!("OPERATOR"), json!(null)].map(|one| ("/command/key", one));
    refused_but_in_its_spelling(world, Role::Root, &root(0), rotate(91), &kinds);
    let technology = ["tpm2", "Software", ""].map(|one| ("/command/technology", json!(one)));
    let enrol = Command::EnrolChip(EnrolChip { chip: key(92).public(), technology: Technology::Software });
    refused_but_in_its_spelling(world, Role::Root, &root(0), enrol.clone(), &technology);
    let proposals = [
        ("/command/proposal/action", json!(1)),
        ("/command/proposal/action", json!({"add_organisation": null})),
        ("/command/proposal", json!(["add_organisation", {}])),
        ("/command/proposal/reason", json!(null)),
        ("/command/proposal/name", json!("no name")),
    ];
    refused_but_in_its_spelling(world, Role::Root, &root(0), propose("p1", add(3)), &proposals);
    let votes = [("/command/approve", json!(1)), ("/command/approve", json!("true"))];
    refused_but_in_its_spelling(world, Role::Root, &root(1), vote("p1", true), &votes);
}

/// shows: P-109, X-01, X-05
#[test]
fn writes_of_a_chip_and_verdicts_in_another_spelling_are_not_committed() {
    let mut world = World::new();
    let world = &mut world;
    let id = uuid(1);
    let born = [
        ("/command/attestation/technology", json!("tpm2")),
        ("/command/attestation/technology", json!(0)),
        ("/command/attestation/signature", json!("AB".repeat(64))),
        ("/command/attestation", json!(null)),
        ("/command/thresholds/drift_tolerance", json!("0")),
        ("/command/thresholds/minimum_lineage_depth", json!(1)),
        ("/command/schema_version", json!("no name")),
        ("/command/substrate_id", json!("00000000-0000-4000-8000-00000000000A")),
    ];
    refused_but_in_its_spelling(world, Role::Chip, &chip(0), birth(&id, &chip(0)), &born);
    world.ask(&id, &chip(0));
    let verification = world.pending(&id);
    let finding = selfsame_machine::verify::finding(&world.model, &verification).unwrap();
    let verdict = Command::Verdict(GiveVerdict { substrate_id: id.clone(), verification: verification.index, finding });
    let verdicts = [
        ("/command/finding/outcome", json!(2)),
        ("/command/finding/outcome", json!("verified")),
        ("/command/finding/outcome", json!({"VERIFIED": null})),
        ("/command/finding/drift", json!(257)),
        ("/command/finding/at", json!(null)),
    ];
    for node_id in [1, 2] {
        refused_but_in_its_spelling(world, Role::Node, &node(node_id), verdict.clone(), &verdicts);
    }
    assert_eq!(world.substrate(&id).status, Some(Outcome::InsufficientDepth));
    let items = [
        ("/command/items/0/ledger", json!(0)),
        ("/command/items/0/ledger", json!({"evidence": null})),
        ("/command/items/0/runs", json!([])),
        ("/command/items/0/evidence", json!(null)),
        ("/command/items/0", json!(["evidence", "text"])),
        ("/command/fence", json!(["1", "2"])),
        ("/command/fence/seq", json!(2)),
        ("/command/fence/seq", json!("02")),
    ];
    let append = world.append_command(&id, vec![item(Ledger::Evidence, "fact")]);
    refused_but_in_its_spelling(world, Role::Chip, &chip(0), append, &items);
    let goals = [
        ("/command/goalvector", json!(null)),
        ("/command/goalvector/runs", json!([])),
        ("/command/goalvector/note", json!("more")),
        ("/command/goalvector/goalvector_id", json!("no name")),
        ("/command/cycle_id", json!("c 1\u{0}")),
    ];
    let cycle = world.cycle_command(&id, "cycle/1");
    refused_but_in_its_spelling(world, Role::Chip, &chip(0), cycle, &goals);
}

/// shows: P-109, WL-12, X-01, X-05
#[test]
fn reports_of_runs_in_another_spelling_are_not_committed() {
    let mut world = World::new();
    let world = &mut world;
    let declared = [("/command/request", json!(null)), ("/command/request", json!("no name"))];
    refused_but_in_its_spelling(world, Role::Operator, &operator(0), declare(declaration(), Some("case/7")), &declared);
    let reports = [
        ("/command/status", json!("probably")),
        ("/command/status", json!(0)),
        ("/command/status", json!({"succeeded": null})),
        ("/command/outputs", json!([])),
        ("/command/reproduction_of", json!(null)),
        ("/command/reproduction_of", json!("no name")),
        ("/command/execution_id", json!("")),
    ];
    let report = report(id_of(&declaration()), "e1", None);
    refused_but_in_its_spelling(world, Role::Operator, &operator(0), report, &reports);
    assert_eq!(world.size(Ledger::Evidence), 3);
}

/// A document in a form that a birth cannot have is said to be no founding document, and a tolerance beyond its range to be
/// that: bytes of another form are MALFORMED only where the form is the schema's.
/// shows: P-020
#[test]
fn a_founding_document_and_a_tolerance_have_their_own_codes() {
    let mut world = World::new();
    for (at, other, code) in [
        ("/command/founding", json!(null), Code::FoundingInvalid),
        ("/command/founding", json!({"branch_a": {"claim": 1}, "branch_b": {"claim": 1}}), Code::FoundingInvalid),
        ("/command/thresholds/drift_tolerance", json!(257), Code::LimitExceeded),
    ] {
        let mut payload = json!(Submission::new(CLUSTER, "r", Role::Chip, chip(0).public(), birth(&uuid(1), &chip(0))));
        *payload.pointer_mut(at).unwrap() = other;
        let refusal = world.batch(&[sealed(&payload, &chip(0))]).outcomes.remove(0).unwrap_err();
        assert_eq!(refusal.code, code, "{refusal}");
    }
    assert_eq!(world.size(Ledger::Reasoning), U64(3).0);
}
