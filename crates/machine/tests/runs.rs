//! Runs: declaration, attestation, agreement and disagreement, executions.

mod common;

use common::*;
use selfsame_machine::read;
use selfsame_protocol::canon;
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{Command, Item, Role};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::{Entry, Ledger};
use selfsame_protocol::record::{ExecutionStatus, OrganisationRun, Output, Record};
use selfsame_protocol::run::{Declaration, Element};
use selfsame_protocol::time::U64;
use serde_json::{Value, json};

fn declaration() -> Value {
    json!({
        "type": "selfsame/run-declaration/v1",
        "model": {"provider": "example", "name": "clerk", "revision": "clerk-2026-03-08", "assurance": "provider-asserted"},
        "prompt": {"messages": [{"role": "user", "parts": [{"type": "text", "content": {"inline": "Why?"}}]}]},
        "parameters": {"temperature": 0.2, "seed": "42"},
        "context": {"none": true},
        "constraints": {"response_format": "json"},
    })
}
fn warmer() -> Value {
    let mut value = declaration();
    value["parameters"]["temperature"] = json!(0.3);
    value
}
fn id_of(value: &Value) -> Digest {
    Declaration::from_value(value.clone()).unwrap().run_id()
}
fn declare(value: Value, request: Option<&str>) -> Command {
    Command::DeclareRun { declaration: value, request: request.map(Into::into) }
}
fn report(run_id: Digest, execution: &str, reproduction_of: Option<&str>) -> Command {
    let output = Output { media_type: "text/plain".into(), size: U64(3), digest: Digest::of(b"yes") };
    Command::ReportOutcome {
        run_id,
        execution_id: execution.into(),
        status: ExecutionStatus::Succeeded,
        outputs: vec![output],
        reproduction_of: reproduction_of.map(Into::into),
    }
}
fn by(world: &mut World, organisation: u8, command: Command) -> Value {
    world.ok(Role::Operator, &operator(organisation), command).result
}

/// shows: WL-01, WL-02, WL-07, WL-09, WL-15, WL-18, RI-04, RI-13, RI-16
#[test]
fn a_declaration_gets_the_identity_that_anybody_computes_offline() {
    let mut world = World::new();
    let run = id_of(&declaration());
    let result = by(&mut world, 0, declare(declaration(), None));
    assert_eq!((&result["run_id"], &result["new"]), (&json!(run), &json!(true)));
    let chain = world.chain(&format!("run:{run}"), Ledger::Evidence);
    let [declared, attested] = &chain[..] else { panic!("{chain:?}") };
    let Record::RunDeclaration { run_id, elements, declaration: stored } = &declared.record else { panic!() };
    assert_eq!((*run_id, stored), (run, &declaration()));
    assert_eq!(*elements, Declaration::from_value(declaration()).unwrap().element_digests());
    let expected = Record::RunAttestation { run_id: run, organisation: "agency".into(), request: None };
    assert_eq!(attested.record, expected);
    assert_eq!(attested.prior_entry_hash, Some(Entry::hash_of(&declared.leaf())));
    // What is stored resolves to the exact declaration, byte for byte.
    assert_eq!(canon::to_canonical(stored), canon::to_canonical(&declaration()));
    assert_eq!(read::run(&world.model, &run).unwrap().unwrap().declared, declared.index);
}

/// shows: RI-12, RI-17, RI-18, WL-26, WL-29, X-06
#[test]
fn every_organisation_that_declares_the_same_execution_attests_the_same_identity() {
    let mut world = World::new();
    let run = id_of(&declaration());
    for organisation in 0..3 {
        let result = by(&mut world, organisation, declare(declaration(), Some("case/7")));
        assert_eq!((&result["run_id"], &result["new"]), (&json!(run), &json!(organisation == 0)));
        assert_eq!(result["disagreements"], json!([]));
    }
    // Again by one of them: nothing new to say.
    let size = world.size(Ledger::Evidence);
    let receipt = world.ok(Role::Operator, &operator(1), declare(declaration(), Some("case/7")));
    assert_eq!((receipt.entries.len(), world.size(Ledger::Evidence)), (0, size));
    let kinds: Vec<_> = world.chain(&format!("run:{run}"), Ledger::Evidence);
    assert_eq!(kinds.iter().filter(|e| matches!(e.record, Record::RunDeclaration { .. })).count(), 1);
    let attested: Vec<_> = read::run(&world.model, &run).unwrap().unwrap().attestations.into_keys().collect();
    assert_eq!(attested, ORGANISATIONS);
    let expected = ORGANISATIONS.map(|name| OrganisationRun { organisation: name.into(), run_id: run });
    assert_eq!(read::agreement(&world.model, "case/7").unwrap(), expected);
}

/// shows: WL-08, WL-13, WL-33, RI-10, RI-18, RI-33
#[test]
fn a_silent_substitution_under_one_reference_becomes_a_recorded_disagreement() {
    let mut world = World::new();
    let (first, second) = (id_of(&declaration()), id_of(&warmer()));
    assert_ne!(first, second);
    by(&mut world, 0, declare(declaration(), Some("case/7")));
    // Without the reference there is nothing to disagree about.
    assert_eq!(by(&mut world, 1, declare(warmer(), None))["disagreements"], json!([]));
    let result = by(&mut world, 1, declare(warmer(), Some("case/7")));
    assert_eq!(result["disagreements"], json!([{"with": "agency", "run_id": first, "elements": ["parameters"]}]));
    let last = world.entries(Ledger::Evidence).pop().unwrap();
    let expected = Record::RunDisagreement {
        request: "case/7".into(),
        first: OrganisationRun { organisation: "agency".into(), run_id: first },
        second: OrganisationRun { organisation: "bureau".into(), run_id: second },
        elements: vec![Element::Parameters],
    };
    assert_eq!((last.record, last.subject), (expected, format!("run:{second}")));
    // A third that agrees with the first disagrees with the second.
    let result = by(&mut world, 2, declare(declaration(), Some("case/7")));
    assert_eq!(result["disagreements"], json!([{"with": "bureau", "run_id": second, "elements": ["parameters"]}]));
    // Nobody rewrites what he tied; another reference is another matter.
    world.refused(Role::Operator, &operator(0), declare(warmer(), Some("case/7")), Code::IdentityConflict);
    by(&mut world, 0, declare(warmer(), Some("case/8")));
    let runs: Vec<_> = read::agreement(&world.model, "case/7").unwrap().into_iter().map(|tied| tied.run_id).collect();
    assert_eq!(runs, [first, second, first]);
}

/// shows: WL-02, WL-10, WL-11, WL-12, WL-37, RI-05, RI-06, RI-30, RI-31
#[test]
fn an_execution_is_bound_only_to_a_run_that_was_declared_before() {
    let mut world = World::new();
    let run = id_of(&declaration());
    world.refused(Role::Operator, &operator(0), report(run, "e1", None), Code::RunNotDeclared);
    let declared = world.ok(Role::Operator, &operator(0), declare(declaration(), None));
    let reported = world.ok(Role::Operator, &operator(0), report(run, "e1", None));
    assert!(reported.entries[0].index > declared.entries[0].index);
    let Record::RunOutcome(outcome) = world.entries(Ledger::Evidence).pop().unwrap().record else { panic!() };
    assert_eq!((outcome.run_id, outcome.organisation.as_str()), (run, "agency"));
    assert_eq!(outcome.outputs[0].digest, Digest::of(b"yes"));
    // The identity is what it was.
    assert_eq!(by(&mut world, 0, declare(declaration(), None))["run_id"], json!(run));
}

/// shows: WL-19, WL-20, WL-24, RI-14, RI-22
#[test]
fn executions_repeat_one_identity_and_equal_outputs_do_not_join_two() {
    let mut world = World::new();
    let (first, second) = (id_of(&declaration()), id_of(&warmer()));
    for value in [declaration(), warmer()] {
        by(&mut world, 0, declare(value, None));
    }
    for run in [first, second] {
        by(&mut world, 0, report(run, "e1", None));
        by(&mut world, 1, report(run, "e2", Some("e1")));
    }
    let outcomes: Vec<_> = world
        .entries(Ledger::Evidence)
        .into_iter()
        .filter_map(|entry| match entry.record {
            Record::RunOutcome(outcome) => Some((entry.subject, outcome.execution_id)),
            _ => None,
        })
        .collect();
    let expected: Vec<_> = [first, second]
        .iter()
        .flat_map(|run| ["e1", "e2"].map(|execution| (format!("run:{run}"), execution.to_string())))
        .collect();
    assert_eq!(outcomes, expected);
}

/// shows: WL-12, RI-02, RI-23, RI-34, X-05
#[test]
fn bad_declarations_and_reports_are_refused() {
    let mut world = World::new();
    for element in Element::ALL {
        let mut value = declaration();
        value.as_object_mut().unwrap().remove(element.as_str());
        world.refused(Role::Operator, &operator(0), declare(value, None), Code::DeclarationInvalid);
    }
    let mut output = declaration();
    output["output"] = json!("a result");
    let mut external = declaration();
    external["context"] = json!({"documents": [{"uri": "https://example.org/index"}]});
    for value in [output, external, json!("text"), json!({})] {
        world.refused(Role::Operator, &operator(0), declare(value, None), Code::DeclarationInvalid);
    }
    world.refused(Role::Operator, &operator(0), declare(declaration(), Some("no name")), Code::Malformed);
    // Declarations are the operator's; a root key, a chip and a node declare nothing.
    for (role, key) in [(Role::Root, root(0)), (Role::Chip, chip(0)), (Role::Node, node(1))] {
        world.refused(role, &key, declare(declaration(), None), Code::RoleDenied);
        world.refused(Role::Operator, &key, declare(declaration(), None), Code::RoleDenied);
    }
    let run = id_of(&declaration());
    by(&mut world, 0, declare(declaration(), None));
    by(&mut world, 0, report(run, "e1", None));
    world.refused(Role::Operator, &operator(1), report(run, "e1", None), Code::IdentityConflict);
    world.refused(Role::Operator, &operator(0), report(run, "e2", Some("e9")), Code::DanglingReference);
    world.refused(Role::Operator, &operator(0), report(run, "e2", Some("e2")), Code::DanglingReference);
    let mut odd = report(run, "e2", None);
    let Command::ReportOutcome { reproduction_of, .. } = &mut odd else { unreachable!() };
    *reproduction_of = Some("no name".into());
    world.refused(Role::Operator, &operator(0), odd, Code::Malformed);
}

/// shows: WL-22, WL-30, RI-23
#[test]
fn a_substrate_refers_to_declared_runs_only() {
    let (mut world, id) = closed();
    world.open(&id, &chip(0));
    let run = id_of(&declaration());
    let with = || vec![Item { runs: vec![run], ..item(Ledger::Reasoning, "by a run") }];
    let command = world.append_command(&id, with());
    world.recorded(Role::Chip, &chip(0), command, Code::RunNotDeclared);
    by(&mut world, 2, declare(declaration(), None));
    world.append(&id, &chip(0), with());
    let mut command = world.cycle_command(&id, "cycle/2");
    let Command::CloseCycle { goalvector, .. } = &mut command else { unreachable!() };
    goalvector.runs = vec![run];
    world.ok(Role::Chip, &chip(0), command);
    assert_eq!(json!(world.cycles(&id)[1].goalvector)["runs"], json!([run]));
}
