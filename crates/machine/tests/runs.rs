//! Runs: declaration, attestation, agreement and disagreement, executions.

use crate::common::*;
use selfsame_machine::view::Model;
use selfsame_machine::{Batch, apply, read};
use selfsame_protocol::canon;
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{CloseCycle, Command, DeclareRun, Item, ItemLimits, ReportOutcome, Role, Submission};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::Entry;
use selfsame_protocol::envelope::{Envelope, prepare};
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::names::SubstrateId;
use selfsame_protocol::record::{ExecutionStatus, OrganisationRun, Output, Record};
use selfsame_protocol::response::{Disagreement, RunDeclared, SubmitResponse};
use selfsame_protocol::run::{Declaration, Element};
use selfsame_protocol::subject::Subject;
use selfsame_protocol::time::{Timestamp, U64};
use serde_json::{Value, json};

pub fn declaration() -> Value {
    json!({
        "type": "selfsame/run-declaration/v1",
        "model": {"provider": "example", "name": "clerk", "revision": "clerk-2026-03-08", "assurance": "provider-asserted"},
        "prompt": {"messages": [{"role": "user", "parts": [{"type": "text", "content": {"inline": "Why?"}}]}]},
        "parameters": {"temperature": 0.2, "seed": "42"},
        "context": {"none": true},
        "constraints": {"response_format": "json"},
    })
}
pub fn warmer() -> Value {
    let mut value = declaration();
    value["parameters"]["temperature"] = json!(0.3);
    value
}
pub fn id_of(value: &Value) -> Digest {
    Declaration::from_value(value.clone()).unwrap().run_id()
}
pub fn declare(value: Value, request: Option<&str>) -> Command {
    Command::DeclareRun(DeclareRun { declaration: value, request: request.map(Into::into) })
}
pub fn report(run_id: Digest, execution: &str, reproduction_of: Option<&str>) -> Command {
    let output = Output { media_type: "text/plain".into(), size: U64(3), digest: Digest::of(b"yes") };
    Command::ReportOutcome(ReportOutcome {
        run_id,
        execution_id: execution.into(),
        status: ExecutionStatus::Succeeded,
        outputs: vec![output],
        reproduction_of: reproduction_of.map(Into::into),
    })
}
fn by(world: &mut World, organisation: u8, command: Command) -> SubmitResponse {
    world.ok(Role::Operator, &operator(organisation), command)
}

/// shows: WL-01, WL-02, WL-07, WL-09, WL-15, WL-18, RI-04, RI-13, RI-16
#[test]
fn a_declaration_gets_the_identity_that_anybody_computes_offline() {
    let mut world = World::new();
    let run = id_of(&declaration());
    let answer: RunDeclared = result(by(&mut world, 0, declare(declaration(), None)));
    assert_eq!((answer.run_id, answer.new), (run, true));
    let chain = world.chain(&format!("run:{run}"), Ledger::Evidence);
    let [declared, attested] = &chain[..] else { panic!("{chain:?}") };
    let Record::RunDeclaration { run_id, elements, declaration: stored } = &declared.record else { panic!() };
    assert_eq!((*run_id, stored), (run, &declaration()));
    assert_eq!(*elements, Declaration::from_value(declaration()).unwrap().element_digests());
    let expected = Record::RunAttestation { run_id: run, organisation: "agency".parse().unwrap(), request: None };
    assert_eq!(attested.record, expected);
    assert_eq!(attested.prior_entry_hash, Some(Entry::hash_of(&declared.leaf())));
    // What is stored resolves to the exact declaration, byte for byte.
    assert_eq!(canon::to_canonical(stored), canon::to_canonical(&declaration()));
    assert_eq!(read::run(&world.model, &run).unwrap().unwrap().declared, declared.index);
}

/// Another cluster: its own name, its own members, its own ledgers. What is signed for the one says nothing to the other.
fn elsewhere() -> selfsame_machine::Genesis {
    let mut other = genesis();
    other.cluster = "harbour".into();
    other.origin = "harbour.example".into();
    for (n, organisation) in (0..).zip(&mut other.organisations) {
        organisation.name = ["mole", "quay", "roads"][usize::from(n)].parse().unwrap();
        (organisation.root_key, organisation.operator_key) = (key(201 + n).public(), key(211 + n).public());
    }
    for (n, node) in (0..).zip(&mut other.nodes) {
        node.organisation = ["mole", "quay", "roads"][usize::from(n)].parse().unwrap();
        (node.key, node.cosigner) = (key(221 + n).public(), key(231 + n).public());
    }
    other
}

/// Two implementations and two clusters that share nothing: the vectors are computed in Python, and whoever has only the
/// entry of the one cluster checks the identity that the other gave.
/// shows: RI-12, RI-19, RI-28, WL-04, WL-16, WL-29, WL-31, C-03
#[test]
fn two_implementations_and_two_clusters_give_one_declaration_one_identity() {
    let path = format!("{}/../../tests/vectors/runs.json", env!("CARGO_MANIFEST_DIR"));
    let vectors: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let other = elsewhere();
    other.check().unwrap();
    assert_ne!(other.digest(), genesis().digest());
    let mut here = World::new();
    let mut there = Model::default();
    there.commit(other.changes());
    let declared = vectors["declarations"].as_array().unwrap();
    let mut given = 0;
    for (index, case) in (1..).zip(declared) {
        let command = declare(case["declaration"].clone(), None);
        let outcome = here.submit(Role::Operator, &operator(0), command.clone());
        let submission = Submission::new("harbour", &format!("r{index}"), Role::Operator, key(212).public(), command);
        let bytes = Envelope::sign(&submission, &key(212)).to_bytes();
        // Signed for the one cluster it is nothing in the other.
        assert_eq!(here.batch(std::slice::from_ref(&bytes)).outcomes[0].as_ref().unwrap_err().code, Code::WrongCluster);
        let batch = Batch {
            time: Timestamp::from_millis(START + 5_000 * index),
            submissions: vec![prepare(&bytes, &ItemLimits::default())],
        };
        let applied = apply(&there, index, &batch).unwrap();
        there.commit(applied.changes);
        // A declaration that is too long for a leaf is recorded by neither.
        let answers = [outcome, applied.outcomes.into_iter().next().unwrap()];
        let [Ok(mine), Ok(theirs)] = answers else {
            let codes = answers.map(|answer| answer.unwrap_err().code);
            assert!(codes.iter().all(|code| *code == Code::LimitExceeded || *code == Code::Malformed), "{codes:?}");
            continue;
        };
        given += 1;
        let [own, other] = [&mine, &theirs].map(|answer| result::<RunDeclared>(answer.clone()));
        assert_eq!((json!(own.run_id), json!(own.elements)), (case["run_id"].clone(), case["elements"].clone()));
        assert_eq!((own.run_id, own.elements), (other.run_id, other.elements));
        assert_ne!(mine.submission, theirs.submission);
        // Each takes the other's record, and nothing else, and comes to the same.
        for (view, receipt) in [(&here.model, &mine), (&there, &theirs)] {
            let leaf = read::leaf(view, Ledger::Evidence, receipt.entries[0].index.0).unwrap().unwrap();
            let Record::RunDeclaration { declaration, .. } = Entry::from_leaf(&leaf).unwrap().record else { panic!() };
            assert_eq!(json!(id_of(&declaration)), case["run_id"]);
        }
    }
    assert!(given > 20, "{given}");
}

/// shows: RI-17, RI-18, WL-26, X-06, C-08
#[test]
fn every_organisation_that_declares_the_same_execution_attests_the_same_identity() {
    let mut world = World::new();
    let run = id_of(&declaration());
    for organisation in 0..3 {
        let answer: RunDeclared = result(by(&mut world, organisation, declare(declaration(), Some("case/7"))));
        assert_eq!((answer.run_id, answer.new), (run, organisation == 0));
        assert_eq!(answer.disagreements, []);
    }
    // Whoever knows the identity may do no more with it: what he may do is a matter of his key.
    world.refused(Role::Operator, &key(99), report(run, "e1", None), Code::UnknownKey);
    world.refused(Role::Chip, &chip(0), report(run, "e1", None), Code::RoleDenied);
    // Again by one of them: nothing new to say.
    let size = world.size(Ledger::Evidence);
    let receipt = world.ok(Role::Operator, &operator(1), declare(declaration(), Some("case/7")));
    assert_eq!((receipt.entries.len(), world.size(Ledger::Evidence)), (0, size));
    let kinds: Vec<_> = world.chain(&format!("run:{run}"), Ledger::Evidence);
    assert_eq!(kinds.iter().filter(|e| matches!(e.record, Record::RunDeclaration { .. })).count(), 1);
    let attested: Vec<_> = read::run(&world.model, &run).unwrap().unwrap().attestations.into_keys().collect();
    assert_eq!(attested, ORGANISATIONS);
    let expected = ORGANISATIONS.map(|name| OrganisationRun { organisation: name.parse().unwrap(), run_id: run });
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
    assert_eq!(result::<RunDeclared>(by(&mut world, 1, declare(warmer(), None))).disagreements, []);
    let answer: RunDeclared = result(by(&mut world, 1, declare(warmer(), Some("case/7"))));
    let other = Disagreement { with: "agency".parse().unwrap(), run_id: first, elements: vec![Element::Parameters] };
    assert_eq!(answer.disagreements, [other]);
    let last = world.entries(Ledger::Evidence).pop().unwrap();
    let expected = Record::RunDisagreement {
        request: "case/7".into(),
        first: OrganisationRun { organisation: "agency".parse().unwrap(), run_id: first },
        second: OrganisationRun { organisation: "bureau".parse().unwrap(), run_id: second },
        elements: vec![Element::Parameters],
    };
    assert_eq!((last.record, last.subject), (expected, Subject::Run(second)));
    // Said again under the same reference it is the same disagreement, and nothing is recorded a second time.
    let size = world.size(Ledger::Evidence);
    let again: RunDeclared = result(by(&mut world, 1, declare(warmer(), Some("case/7"))));
    assert_eq!((again.disagreements, again.new), (Vec::new(), false));
    assert_eq!(world.size(Ledger::Evidence), size);
    // A third that agrees with the first disagrees with the second.
    let answer: RunDeclared = result(by(&mut world, 2, declare(declaration(), Some("case/7"))));
    let other = Disagreement { with: "bureau".parse().unwrap(), run_id: second, elements: vec![Element::Parameters] };
    assert_eq!(answer.disagreements, [other]);
    // Nobody rewrites what he tied; another reference is another matter.
    world.refused(Role::Operator, &operator(0), declare(warmer(), Some("case/7")), Code::IdentityConflict);
    by(&mut world, 0, declare(warmer(), Some("case/8")));
    let runs: Vec<_> = read::agreement(&world.model, "case/7").unwrap().into_iter().map(|tied| tied.run_id).collect();
    assert_eq!(runs, [first, second, first]);
}

/// shows: WL-02, WL-10, WL-11, WL-12, WL-37, RI-05, RI-06, RI-30, RI-31, C-04
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
    assert_eq!(result::<RunDeclared>(by(&mut world, 0, declare(declaration(), None))).run_id, run);
}

/// shows: WL-19, WL-20, WL-24, RI-14, RI-22, C-01
#[test]
fn different_outputs_do_not_split_a_run_and_equal_ones_do_not_join_two() {
    let mut world = World::new();
    let (first, second) = (id_of(&declaration()), id_of(&warmer()));
    for value in [declaration(), warmer()] {
        by(&mut world, 0, declare(value, None));
    }
    let with = |mut command: Command, output: &[u8]| {
        let Command::ReportOutcome(ReportOutcome { outputs, .. }) = &mut command else { unreachable!() };
        outputs[0] = Output { size: U64(output.len() as u64), digest: Digest::of(output), ..outputs[0].clone() };
        command
    };
    // In both runs the first execution says yes and its repetition no.
    for run in [first, second] {
        by(&mut world, 0, with(report(run, "e1", None), b"yes"));
        by(&mut world, 1, with(report(run, "e2", Some("e1")), b"no"));
    }
    let said: Vec<_> = [first, second]
        .map(|run| {
            let chain = world.chain(&format!("run:{run}"), Ledger::Evidence).into_iter();
            let outputs = chain.filter_map(|entry| match entry.record {
                Record::RunOutcome(outcome) => Some(outcome.outputs[0].digest),
                _ => None,
            });
            outputs.collect::<Vec<_>>()
        })
        .into();
    assert_eq!(said, [[Digest::of(b"yes"), Digest::of(b"no")]; 2]);
    // Declared again after all that, each is the run that it was, and the other is another.
    for (run, value) in [(first, declaration()), (second, warmer())] {
        let again: RunDeclared = result(by(&mut world, 2, declare(value, None)));
        assert_eq!((again.run_id, again.new), (run, false));
    }
    assert_ne!(first, second);
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
        .flat_map(|run| ["e1", "e2"].map(|execution| (Subject::Run(*run), execution.to_string())))
        .collect();
    assert_eq!(outcomes, expected);
}

/// shows: WL-12, RI-02, RI-23, RI-34, X-05, C-02, C-05
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
    let Command::ReportOutcome(ReportOutcome { reproduction_of, .. }) = &mut odd else { unreachable!() };
    *reproduction_of = Some("no name".into());
    world.refused(Role::Operator, &operator(0), odd, Code::Malformed);
}

/// shows: WL-22, WL-30, RI-23, C-08c
#[test]
fn a_substrate_refers_to_declared_runs_only() {
    let (mut world, id) = closed();
    world.open(&id, &chip(0));
    let run = id_of(&declaration());
    let with = || vec![Item { runs: vec![run], ..item(Ledger::Reasoning, "by a run") }];
    // Two name spaces: the identity of a substrate is no run, and that of a run no substrate.
    let identity = world.substrate(&id).substrate_identity_hash;
    let itself = vec![Item { runs: vec![identity], ..item(Ledger::Reasoning, "by itself") }];
    let command = world.append_command(&id, itself);
    world.recorded(Role::Chip, &chip(0), command, Code::RunNotDeclared);
    assert!(run.to_string().parse::<SubstrateId>().is_err());
    let command = world.append_command(&id, with());
    world.recorded(Role::Chip, &chip(0), command, Code::RunNotDeclared);
    by(&mut world, 2, declare(declaration(), None));
    world.append(&id, &chip(0), with());
    let mut command = world.cycle_command(&id, "cycle/2");
    let Command::CloseCycle(CloseCycle { goalvector, .. }) = &mut command else { unreachable!() };
    goalvector.runs = vec![run];
    world.ok(Role::Chip, &chip(0), command);
    assert_eq!(json!(world.cycles(&id)[1].goalvector)["runs"], json!([run]));
}
