//! Histories of runs that no machine could have made.

use crate::cases::Case;
use crate::cast::*;
use crate::governance::{self, AS_IN_A_BUNDLE};
use crate::stage::Stage;
use crate::{Placed, Signed, World};
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{
    Command, DeclareRun, ItemLimits, OrganisationKey, ReportOutcome, Role, RotateKey, Submission,
};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::Entry;
use selfsame_protocol::envelope::prepare;
use selfsame_protocol::keys::SecretKey;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::record::{OrganisationRun, Output, Record, RunOutcome};
use selfsame_protocol::replay::BadCheck;
use selfsame_protocol::replay::governance::Rights;
use selfsame_protocol::replay::run::{RunHistory, RunReplay};
use selfsame_protocol::run::{Declaration, Element};
use selfsame_protocol::time::U64;
use serde_json::{Value, json};

/// A declaration; others differ in the temperature.
pub fn declaration(temperature: f64) -> Value {
    json!({
        "type": "selfsame/run-declaration/v1",
        "model": {"provider": "example", "name": "clerk", "revision": "clerk-2026-03-08", "assurance": "provider-asserted"},
        "prompt": {"messages": [{"role": "user", "parts": [{"type": "text", "content": {"inline": "Why?"}}]}]},
        "parameters": {"temperature": temperature, "seed": "42"},
        "context": {"none": true},
        "constraints": {"response_format": "json"},
    })
}

/// Its identity.
pub fn id_of(declaration: &Value) -> Digest {
    Declaration::from_value(declaration.clone()).expect("a declaration").run_id()
}

/// A command that declares a run.
pub fn declare(declaration: &Value, request: Option<&str>) -> Command {
    Command::DeclareRun(DeclareRun { declaration: declaration.clone(), request: request.map(Into::into) })
}

/// A command that reports an execution.
pub fn report(run_id: Digest, execution: &str, reproduction_of: Option<&str>) -> Command {
    let output = Output { media_type: "text/plain".into(), size: U64(3), digest: Digest::of(b"yes") };
    Command::ReportOutcome(ReportOutcome {
        run_id,
        execution_id: execution.into(),
        status: serde_json::from_value(json!("succeeded")).expect("a status"),
        outputs: vec![output],
        reproduction_of: reproduction_of.map(Into::into),
    })
}

/// Recomputes a run of a world from its entries, under the keys that the governance of the world gives.
pub fn read(world: &World, run_id: Digest) -> Result<RunHistory, BadCheck> {
    let mut rights = Rights::new(governance::read(world, AS_IN_A_BUNDLE)?);
    let mut replay = RunReplay::new(run_id);
    let subject = chain(run_id);
    for placed in world.entries.iter().filter(|placed| placed.ledger == Ledger::Evidence && placed.subject == subject) {
        let prepared = prepare(&world.envelope(placed.submission).1, &ItemLimits::NONE);
        let prepared = prepared.unwrap_or_else(|refusal| panic!("a submission that no file holds: {refusal}"));
        let leaf = placed.leaf();
        replay.decoded(Entry::from_leaf(&leaf), Entry::hash_of(&leaf), |entry| {
            Ok((rights.author(entry, &prepared)?, &prepared.submission.command))
        })?;
    }
    replay.finish()
}

/// The chain of a run.
pub fn chain(run_id: Digest) -> String {
    format!("run:{run_id}")
}

/// A run that all three organisations attest, under references of which one is another run's to two of them, with two
/// executions. The operator key of the second was replaced before it signed.
pub fn disputed() -> (Stage, Digest) {
    let mut stage = Stage::new();
    let (cold, warm) = (declaration(0.2), declaration(0.3));
    let run = id_of(&warm);
    stage.ok(
        Role::Root,
        &root(1),
        Command::RotateKey(RotateKey { key: OrganisationKey::Operator, new: key(90).public() }),
    );
    stage.ok(Role::Operator, &operator(0), declare(&cold, Some("case/1")));
    stage.ok(Role::Operator, &key(90), declare(&cold, Some("case/1")));
    stage.ok(Role::Operator, &operator(0), declare(&warm, Some("case/2")));
    stage.ok(Role::Operator, &operator(2), declare(&warm, Some("case/1")));
    stage.ok(Role::Operator, &key(90), declare(&warm, None));
    stage.ok(Role::Operator, &key(90), declare(&warm, Some("case/2")));
    stage.ok(Role::Operator, &operator(2), report(run, "e1", None));
    stage.ok(Role::Operator, &key(90), report(run, "e2", Some("e1")));
    stage.ballot(3, "join", add(3));
    stage.ok(Role::Operator, &operator(3), declare(&warm, Some("case/1")));
    (stage, run)
}

fn case(name: &str, check: &'static str, genuine: &World, run: Digest, alter: impl FnOnce(&mut World)) -> Case {
    let pair = governance::case(name, check, genuine, alter);
    Case { subject: chain(run), ..pair }
}

/// A command and the records that would come of it, told as though the machine had accepted it.
struct Told {
    key: SecretKey,
    command: Command,
    records: Vec<Record>,
}

impl Told {
    fn end(&self, world: &mut World, run: Digest) {
        let request = format!("told/{}", world.submissions.len());
        let submission =
            Submission::new(&world.genesis.cluster, &request, Role::Operator, self.key.public(), self.command.clone());
        world.submissions.push(Signed { payload: json!(submission), signer: self.key.public().id() });
        let time = world.entries.last().map(|last| last.value["time"].clone());
        for record in &self.records {
            let value = json!({"time": time, "record": record, "prior_entry_hash": null});
            let (ledger, pins, last) = (Ledger::Evidence, Vec::new(), Vec::new());
            let submission = world.submissions.len() - 1;
            world.entries.push(Placed { ledger, subject: chain(run), submission, value, pins, last });
        }
    }
}

fn refused(name: &str, check: &'static str, stage: &Stage, run: Digest, code: Code, told: Told) -> Case {
    let outcome = stage.clone().submit(Role::Operator, &told.key, told.command.clone());
    assert_eq!(outcome.map_err(|refusal| refusal.code).err(), Some(code), "{name}");
    case(name, check, &World::of(stage), run, |world| told.end(world, run))
}

fn outcome(organisation: &str, command: &Command) -> Record {
    let Command::ReportOutcome(ReportOutcome { run_id, execution_id, status, outputs, reproduction_of }) =
        command.clone()
    else {
        panic!("no report")
    };
    let organisation = organisation.parse().unwrap();
    Record::RunOutcome(RunOutcome { run_id, execution_id, status, outputs, reproduction_of, organisation })
}

fn attestation(organisation: &str, run_id: Digest, request: Option<&str>) -> Record {
    Record::RunAttestation { run_id, organisation: organisation.parse().unwrap(), request: request.map(Into::into) }
}

fn reported(organisation: u8, key: SecretKey, command: Command) -> Told {
    let records = vec![outcome(ORGANISATIONS[usize::from(organisation)], &command)];
    Told { key, command, records }
}

/// What the machine refuses.
fn refusals() -> Vec<Case> {
    let (stage, run) = disputed();
    let by = |name: &str, check, code, told| refused(name, check, &stage, run, code, told);
    let warm = declaration(0.3);
    let attests = |organisation: &str, key: SecretKey, request: &str| Told {
        key,
        command: declare(&warm, Some(request)),
        records: vec![attestation(organisation, run, Some(request))],
    };
    vec![
        by("an execution twice", "EXECUTION_ONCE", Code::IdentityConflict, {
            reported(0, operator(0), report(run, "e1", None))
        }),
        by("an execution of nothing", "EXECUTION_REPRODUCED", Code::DanglingReference, {
            reported(0, operator(0), report(run, "e3", Some("e9")))
        }),
        by("a key that was replaced", "SUBMISSION_KEY", Code::KeyEnded, {
            reported(1, operator(1), report(run, "e3", None))
        }),
        by("an unknown key", "SUBMISSION_KEY", Code::UnknownKey, reported(1, key(99), report(run, "e3", None))),
        by("a key in another role", "SUBMISSION_ROLE", Code::RoleDenied, {
            reported(1, root(1), report(run, "e3", None))
        }),
        // Its disagreement says that the agency tied the reference to another run.
        by("a reference tied to two runs", "REFERENCE_ONCE", Code::IdentityConflict, {
            attests("agency", operator(0), "case/1")
        }),
    ]
}

fn find(world: &World, run: Digest, kind: &str, n: usize) -> usize {
    world.find(&chain(run), kind, n)
}

/// Changes a record and what its submission asks for, alike.
fn asked(world: &mut World, at: usize, change: impl Fn(&mut Value)) {
    let number = world.entries[at].submission;
    change(&mut world.submissions[number].payload["command"]);
    world.edit(at, change);
}

/// What the machine would have written otherwise.
fn alterations() -> Vec<Case> {
    let (stage, run) = disputed();
    let genuine = World::of(&stage);
    let case_of =
        |name: &str, check, alter: &dyn Fn(&mut World)| case(name, check, &genuine, run, |world| alter(world));
    let at = |world: &World, kind: &str, n| find(world, run, kind, n);
    let other = Digest::of(b"another run");
    let pinned = |name: &str, check, pin: fn(&mut Value)| {
        case(name, check, &genuine, run, |world| {
            let at = find(world, run, "run_attestation", 1);
            world.entries[at].last.push(std::sync::Arc::new(pin));
        })
    };
    vec![
        pinned("another depth", "ENTRY_DEPTH", |entry| entry["depth"] = json!("0")),
        pinned("another entry before", "PRIOR_ENTRY_HASH", |entry| entry["prior_entry_hash"] = json!(null)),
        pinned("a time that goes back", "ENTRY_TIME", |entry| entry["time"] = json!("2026-03-08T00:00:00.000Z")),
        pinned("an index that goes back", "ENTRY_INDEX", |entry| entry["index"] = json!("0")),
        case_of("an outcome before the declaration", "DECLARATION_FIRST", &|world| {
            let (first, outcome) = (at(world, "run_declaration", 0), at(world, "run_outcome", 0));
            let mut moved = world.remove(outcome);
            moved.value["time"] = world.entries[first].value["time"].clone();
            world.entries.insert(first, moved);
        }),
        case_of("a run declared twice", "DECLARATION_FIRST", &|world| {
            let first = at(world, "run_declaration", 0);
            let again = world.entries[first].clone();
            world.entries.insert(first + 1, again);
        }),
        case_of("a declaration that nobody attests", "DECLARATION_ATTESTED", &|world| {
            let first = at(world, "run_declaration", 0);
            let chain = chain(run);
            let mut behind = false;
            world.entries.retain(|placed| {
                let own = placed.subject == chain;
                let keep = !own || !behind;
                behind |= own && placed.kind() == "run_declaration";
                keep
            });
            assert_eq!(world.entries[first].kind(), "run_declaration");
        }),
        case_of("a declaration that somebody else attests", "DECLARATION_ATTESTED", &|world| {
            world.remove(at(world, "run_attestation", 0));
        }),
        case_of("a declaration and something else", "DECLARATION_ATTESTED", &|world| {
            let (place, like) = (at(world, "run_attestation", 0), at(world, "run_disagreement", 0));
            let record = world.entries[like].value["record"].clone();
            world.edit(place, |attestation| *attestation = record);
        }),
        case_of("a run without an entry", "DECLARATION_FIRST", &|world| {
            world.entries.retain(|placed| placed.subject != chain(run));
        }),
        case_of("a declaration that is none", "DECLARATION", &|world| {
            let first = at(world, "run_declaration", 0);
            asked(world, first, |value| value["declaration"]["context"] = json!({}));
        }),
        case_of("another declaration than asked for", "ELEMENT_DIGEST", &|world| {
            let first = at(world, "run_declaration", 0);
            asked(world, first, |value| value["declaration"]["context"] = json!({"locale": "de"}));
        }),
        case_of("a declaration that was not asked for", "SUBMISSION_COMMAND", &|world| {
            let first = at(world, "run_declaration", 0);
            let number = world.entries[first].submission;
            world.submissions[number].payload["command"]["declaration"] = declaration(0.4);
        }),
        case_of("another run's record", "RUN_ID", &|world| {
            let at = at(world, "run_attestation", 1);
            world.edit(at, |record| record["run_id"] = json!(other));
        }),
        case_of("an attestation in another's name", "SUBMISSION_AUTHOR", &|world| {
            let at = at(world, "run_attestation", 1);
            world.edit(at, |record| record["organisation"] = json!("agency"));
        }),
        case_of("an attestation under another reference", "SUBMISSION_COMMAND", &|world| {
            let at = at(world, "run_attestation", 1);
            world.edit(at, |record| record["request"] = json!("case/9"));
        }),
        case_of("an outcome that was not reported", "SUBMISSION_COMMAND", &|world| {
            let at = at(world, "run_outcome", 0);
            world.edit(at, |record| record["outputs"][0]["size"] = json!("4"));
        }),
        case_of("an outcome in another's name", "SUBMISSION_AUTHOR", &|world| {
            let at = at(world, "run_outcome", 0);
            world.edit(at, |record| record["organisation"] = json!("agency"));
        }),
        case_of("an execution that reproduces itself", "EXECUTION_REPRODUCED", &|world| {
            let at = at(world, "run_outcome", 1);
            asked(world, at, |value| value["reproduction_of"] = json!("e2"));
        }),
        case_of("an attestation again", "ATTESTATION_ONCE", &|world| {
            let (command, records) = (declare(&declaration(0.3), None), vec![attestation("agency", run, None)]);
            Told { key: operator(0), command, records }.end(world, run);
        }),
        case_of("a reference tied again", "ATTESTATION_ONCE", &|world| {
            let (command, records) =
                (declare(&declaration(0.3), Some("case/2")), vec![attestation("agency", run, Some("case/2"))]);
            Told { key: operator(0), command, records }.end(world, run);
        }),
        case_of("a disagreement without an attestation", "DISAGREEMENT_REQUEST", &|world| {
            world.remove(at(world, "run_attestation", 1));
        }),
        case_of("a disagreement under another reference", "SUBMISSION_COMMAND", &|world| {
            let at = at(world, "run_disagreement", 0);
            world.edit(at, |record| record["request"] = json!("case/2"));
        }),
        case_of("a disagreement with itself", "DISAGREEMENT_RUNS", &|world| {
            let at = at(world, "run_disagreement", 0);
            world.edit(at, |record| record["first"]["organisation"] = json!("chamber"));
        }),
        case_of("a disagreement about this run", "DISAGREEMENT_RUNS", &|world| {
            let at = at(world, "run_disagreement", 0);
            world.edit(at, |record| record["first"]["run_id"] = json!(run));
        }),
        case_of("disagreements out of order", "DISAGREEMENT_RUNS", &|world| {
            let at = at(world, "run_disagreement", 0);
            world.entries.swap(at, at + 1);
        }),
        case_of("a disagreement with a stranger", "DISAGREEMENT_MEMBER", &|world| {
            let at = at(world, "run_disagreement", 1);
            world.edit(at, |record| record["first"]["organisation"] = json!("stranger"));
        }),
        case_of("a disagreement with a later member", "DISAGREEMENT_MEMBER", &|world| {
            let at = at(world, "run_disagreement", 1);
            world.edit(at, |record| record["first"]["organisation"] = json!("delegation"));
        }),
        case_of("a disagreement in no element", "DISAGREEMENT_ELEMENTS", &|world| {
            let at = at(world, "run_disagreement", 0);
            world.edit(at, |record| record["elements"] = json!([]));
        }),
        case_of("elements out of order", "DISAGREEMENT_ELEMENTS", &|world| {
            let at = at(world, "run_disagreement", 0);
            world.edit(at, |record| record["elements"] = json!([Element::Context, Element::Model]));
        }),
        case_of("one run that differs in two ways", "DISAGREEMENT_ELEMENTS", &|world| {
            let at = at(world, "run_disagreement", 1);
            world.edit(at, |record| record["elements"] = json!([Element::Model]));
        }),
        case_of("a disagreement that is known and not said", "DISAGREEMENT_MISSING", &|world| {
            world.remove(at(world, "run_disagreement", 2));
        }),
        case_of("one run of an organisation, then another", "REFERENCE_ONCE", &|world| {
            let at = at(world, "run_disagreement", 2);
            world.edit(at, |record| record["first"]["run_id"] = json!(other));
        }),
        case_of("a disagreement with whom it agrees", "REFERENCE_ONCE", &|world| {
            let first = OrganisationRun { organisation: "agency".parse().unwrap(), run_id: other };
            let second = OrganisationRun { organisation: "bureau".parse().unwrap(), run_id: run };
            let place = at(world, "run_attestation", 3);
            let record =
                Record::RunDisagreement { request: "case/2".into(), first, second, elements: vec![Element::Model] };
            world.insert(place + 1, place, json!(record));
        }),
        case_of("an attestation that nobody asked for beside it", "SUBMISSION_ENTRIES", &|world| {
            let place = at(world, "run_attestation", 2);
            let again = world.entries[place].clone();
            world.entries.insert(place + 1, again);
        }),
        case_of("a submission twice", "SUBMISSION_ONCE", &|world| {
            let place = at(world, "run_outcome", 0);
            let again = world.entries[place].clone();
            world.entries.push(again);
            let last = world.entries.len() - 1;
            world.entries[last].value["time"] = world.entries[last - 1].value["time"].clone();
        }),
        case_of("a request id used again", "REQUEST_ID", &|world| {
            let place = at(world, "run_outcome", 1);
            let before = world.entries[at(world, "run_attestation", 3)].submission;
            let id = world.submissions[before].payload["request_id"].clone();
            let number = world.entries[place].submission;
            world.submissions[number].payload["request_id"] = id;
        }),
        case_of("a submission for another cluster", "SUBMISSION_CLUSTER", &|world| {
            let number = world.entries[at(world, "run_outcome", 1)].submission;
            world.submissions[number].payload["cluster"] = json!("elsewhere");
        }),
        case_of("more outputs than the limits allow", "SUBMISSION_LIMITS", &|world| world.genesis.limits.max_items = 0),
        case_of("entries of one submission apart", "SUBMISSION_GROUP", &|world| {
            let place = at(world, "run_disagreement", 0);
            let mut between = world.entries[place].clone();
            between.subject = chain(other);
            world.entries.insert(place, between);
        }),
        case_of("entries of one submission at two times", "SUBMISSION_TIME", &|world| {
            let place = at(world, "run_disagreement", 0);
            let late = json!("2026-03-09T00:00:00.000Z");
            for placed in world.entries.iter_mut().skip(place) {
                placed.value["time"] = late.clone();
            }
        }),
        case_of("a record of a substrate", "RECORD_KIND", &|world| {
            let place = at(world, "run_outcome", 0);
            world.edit(place, |record| *record = json!({"record_type": "evidence", "data": "seen"}));
        }),
        case_of("a key used before it was registered", "SUBMISSION_KEY", &|world| {
            let rotation = governance::find(world, "rotate_key", 0);
            let mut moved = world.remove(rotation);
            moved.value["time"] = world.entries.last().expect("an entry").value["time"].clone();
            world.entries.push(moved);
        }),
    ]
}

/// Every pair.
pub fn cases() -> Vec<Case> {
    [refusals(), alterations()].into_iter().flatten().collect()
}
