//! Histories of a run that no machine could have made: the chain fits, every submission is signed, and one thing is
//! otherwise. The replay names it.

use crate::common::*;
use crate::runs::{declaration, declare, id_of, report, warmer};
use selfsame_machine::read;
use selfsame_protocol::command::{Command, ItemLimits, RecoverClose, ReportOutcome, Role};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::Entry;
use selfsame_protocol::envelope::prepare;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::names::OrganisationName;
use selfsame_protocol::record::{ExecutionStatus, Record, SuppressionReason};
use selfsame_protocol::replay::BadCheck;
use selfsame_protocol::replay::run::{RunHistory, RunReplay};
use selfsame_protocol::run::Element;
use selfsame_protocol::time::{Timestamp, U64};
use std::collections::BTreeMap;

/// The entries of a run with whoever asked for each, and what was asked.
#[derive(Clone)]
struct Tale {
    run: Digest,
    entries: Vec<(Entry, String, Command)>,
}

impl Tale {
    fn of(world: &World, run: Digest) -> Tale {
        let by = |entry: &Entry| {
            let bytes = read::envelope(&world.model, &entry.submission).unwrap().unwrap();
            let submission = prepare(&bytes, &ItemLimits::default()).unwrap().submission;
            let author = (0..3).find(|n| operator(*n).public() == submission.author.key).unwrap();
            (ORGANISATIONS[usize::from(author)].to_string(), submission.command)
        };
        let chain = world.chain(&format!("run:{run}"), Ledger::Evidence);
        let entries = chain.into_iter().map(|entry| (by(&entry), entry)).map(|((who, what), e)| (e, who, what));
        Tale { run, entries: entries.collect() }
    }

    fn mend(&mut self) {
        let (mut prior, mut time) = (None, Timestamp::default());
        for (depth, (entry, ..)) in self.entries.iter_mut().enumerate() {
            time = time.max(entry.time);
            entry.time = time;
            (entry.index, entry.depth, entry.prior_entry_hash) = (U64(depth as u64), U64(depth as u64), prior);
            prior = Some(Entry::hash_of(&entry.leaf()));
        }
    }

    fn replay(&self) -> Result<RunHistory, BadCheck> {
        let mut replay = RunReplay::new(self.run);
        for (entry, author, command) in &self.entries {
            let hash = Entry::hash_of(&entry.leaf());
            replay.decoded(Entry::from_leaf(&entry.leaf()), hash, |_| Ok((author, command)))?;
        }
        assert_eq!(replay.checked(), self.entries.len() as u64);
        replay.finish()
    }

    fn found(&self, change: impl FnOnce(&mut Vec<(Entry, String, Command)>)) -> &'static str {
        let mut altered = self.clone();
        change(&mut altered.entries);
        altered.mend();
        altered.replay().err().map_or("nothing", |bad| bad.check)
    }
}

/// Declared by two organisations and executed twice, with a third that means another run under the same reference.
fn lived() -> Tale {
    let mut world = World::new();
    let run = id_of(&declaration());
    world.ok(Role::Operator, &operator(1), declare(warmer(), Some("case/7")));
    world.ok(Role::Operator, &operator(0), declare(declaration(), Some("case/7")));
    world.ok(Role::Operator, &operator(2), declare(declaration(), None));
    world.ok(Role::Operator, &operator(0), report(run, "e1", None));
    world.ok(Role::Operator, &operator(2), report(run, "e2", Some("e1")));
    Tale::of(&world, run)
}

/// Position in [`lived`].
const DECLARED: usize = 0;
const ATTESTED: usize = 1;
const DISAGREED: usize = 2;
const SECOND: usize = 3;
const FIRST_RUN: usize = 4;
const SECOND_RUN: usize = 5;

/// shows: WL-02, WL-28, WL-37, RI-04, RI-06, RI-28, C-01, C-04
#[test]
fn a_run_begins_with_its_declaration_and_the_attestation_of_whoever_declared_it() {
    let tale = lived();
    let history = tale.replay().unwrap();
    assert_eq!((history.entries, history.executions, history.disagreements), (6, 2, 1));
    assert_eq!(history.declared, tale.entries[DECLARED].0.time);
    assert_eq!(history.head, Some(Entry::hash_of(&tale.entries[SECOND_RUN].0.leaf())));
    let attested: Vec<_> =
        history.attestations.iter().map(|a| (a.organisation.as_str(), a.request.as_deref(), a.index)).collect();
    assert_eq!(
        attested.iter().map(|a| (a.0, a.1)).collect::<Vec<_>>(),
        [("agency", Some("case/7")), ("chamber", None)]
    );

    assert_eq!(tale.found(|_| ()), "nothing");
    // Nothing stands before it, it stands once, and it is attested at once, by the submission that declared it.
    assert_eq!(tale.found(|all| drop(all.remove(DECLARED))), "DECLARATION_FIRST");
    assert_eq!(tale.found(|all| all.swap(DECLARED, ATTESTED)), "DECLARATION_FIRST");
    assert_eq!(tale.found(|all| all.swap(DECLARED, FIRST_RUN)), "DECLARATION_FIRST");
    assert_eq!(tale.found(|all| all.insert(2, all[DECLARED].clone())), "DECLARATION_FIRST");
    assert_eq!(tale.found(|all| all.clear()), "DECLARATION_FIRST");
    assert_eq!(tale.found(|all| drop(all.remove(ATTESTED))), "DECLARATION_ATTESTED");
    assert_eq!(tale.found(|all| drop(all.drain(1..5))), "DECLARATION_ATTESTED");
    assert_eq!(tale.found(|all| all.truncate(1)), "DECLARATION_ATTESTED");
    assert_eq!(tale.found(|all| all[ATTESTED].0.submission = Digest::of(b"another")), "DECLARATION_ATTESTED");
    assert_eq!(tale.found(|all| all.swap(ATTESTED, SECOND)), "DECLARATION_ATTESTED");
}

/// shows: WL-12, WL-13, RI-14, RI-23, RI-33
#[test]
fn every_entry_of_a_run_says_what_its_author_asked_for() {
    let tale = lived();
    let record = |at: usize, change: &dyn Fn(&mut Record)| tale.found(|all| change(&mut all[at].0.record));
    // Of another run.
    let other = id_of(&warmer());
    for at in [DECLARED, ATTESTED, DISAGREED, FIRST_RUN] {
        let found = record(at, &|record| match record {
            Record::RunDeclaration { run_id, .. } | Record::RunAttestation { run_id, .. } => *run_id = other,
            Record::RunDisagreement { second, .. } => second.run_id = other,
            Record::RunOutcome(outcome) => outcome.run_id = other,
            _ => unreachable!(),
        });
        assert_eq!(found, "RUN_ID", "entry {at}");
    }
    // Of somebody else.
    for at in [ATTESTED, DISAGREED, FIRST_RUN] {
        assert_eq!(tale.found(|all| all[at].1 = "bureau".into()), "SUBMISSION_AUTHOR", "entry {at}");
    }
    // Asked for in another way: another kind of command, another declaration, another reference, another execution.
    let commands = [
        (DECLARED, Command::RecoverClose(RecoverClose { substrate_id: uuid(1) })),
        (DECLARED, declare(warmer(), Some("case/7"))),
        (ATTESTED, Command::RecoverClose(RecoverClose { substrate_id: uuid(1) })),
        (ATTESTED, declare(warmer(), Some("case/7"))),
        (ATTESTED, declare(declaration(), None)),
        (ATTESTED, declare(declaration(), Some("case/8"))),
        (DISAGREED, declare(declaration(), Some("case/8"))),
        (DISAGREED, declare(declaration(), None)),
        (DISAGREED, declare(warmer(), Some("case/7"))),
        (FIRST_RUN, declare(declaration(), None)),
        (FIRST_RUN, report(other, "e1", None)),
        (FIRST_RUN, report(tale.run, "e9", None)),
        (FIRST_RUN, report(tale.run, "e1", Some("e0"))),
    ];
    for (number, (at, command)) in commands.into_iter().enumerate() {
        assert_eq!(tale.found(|all| all[at].2 = command), "SUBMISSION_COMMAND", "case {number}");
    }
    let mut failed = report(tale.run, "e1", None);
    let Command::ReportOutcome(ReportOutcome { status, .. }) = &mut failed else { unreachable!() };
    *status = ExecutionStatus::Failed;
    assert_eq!(tale.found(|all| all[FIRST_RUN].2 = failed), "SUBMISSION_COMMAND");
    let mut silent = report(tale.run, "e1", None);
    let Command::ReportOutcome(ReportOutcome { outputs, .. }) = &mut silent else { unreachable!() };
    outputs.clear();
    assert_eq!(tale.found(|all| all[FIRST_RUN].2 = silent), "SUBMISSION_COMMAND");
    // The digests are recomputed from the declaration, and the identity from them.
    let digest = record(DECLARED, &|record| {
        let Record::RunDeclaration { elements, .. } = record else { unreachable!() };
        let altered: BTreeMap<Element, Digest> = [(Element::Context, Digest::of(b"another"))].into();
        let mut value = serde_json::to_value(&*elements).unwrap();
        value["context"] = serde_json::to_value(altered[&Element::Context]).unwrap();
        *elements = serde_json::from_value(value).unwrap();
    });
    assert_eq!(digest, "ELEMENT_DIGEST");
    let whole = tale.found(|all| {
        let Record::RunDeclaration { elements, declaration: declared, .. } = &mut all[DECLARED].0.record else {
            unreachable!()
        };
        *declared = warmer();
        *elements = selfsame_protocol::run::Declaration::from_value(warmer()).unwrap().element_digests();
        all[DECLARED].2 = declare(warmer(), Some("case/7"));
    });
    assert_eq!(whole, "RUN_ID");
    let invalid = tale.found(|all| {
        let Record::RunDeclaration { declaration: declared, .. } = &mut all[DECLARED].0.record else { unreachable!() };
        declared["output"] = "a result".into();
    });
    assert_eq!(invalid, "DECLARATION");
    // A record of another kind.
    let foreign = record(FIRST_RUN, &|record| {
        *record = Record::Suppression { reason: SuppressionReason::HashMismatch };
    });
    assert_eq!(foreign, "RECORD_KIND");
}

/// shows: WL-12, WL-13, RI-18, RI-23, X-06
#[test]
fn attestations_disagreements_and_executions_are_what_the_machine_would_have_written() {
    let tale = lived();
    let again = |at: usize| tale.found(|all| all.push(all[at].clone()));
    // Without a reference once, as the first; under each reference once.
    assert_eq!(again(SECOND), "ATTESTATION_ONCE");
    assert_eq!(again(ATTESTED), "ATTESTATION_ONCE");
    let after = tale.found(|all| {
        let mut plain = all[ATTESTED].clone();
        let Record::RunAttestation { request, .. } = &mut plain.0.record else { unreachable!() };
        *request = None;
        plain.2 = declare(declaration(), None);
        all.push(plain);
    });
    assert_eq!(after, "ATTESTATION_ONCE");
    let further = tale.found(|all| {
        let mut further = all[ATTESTED].clone();
        let Record::RunAttestation { request, .. } = &mut further.0.record else { unreachable!() };
        *request = Some("case/8".into());
        further.2 = declare(declaration(), Some("case/8"));
        all.push(further);
    });
    assert_eq!(further, "nothing");
    // A disagreement is with another organisation, about another run, and names elements.
    let disagreement = |change: &dyn Fn(&mut Digest, &mut OrganisationName, &mut Vec<Element>)| {
        tale.found(|all| {
            let Record::RunDisagreement { first, elements, .. } = &mut all[DISAGREED].0.record else { unreachable!() };
            change(&mut first.run_id, &mut first.organisation, elements);
        })
    };
    assert_eq!(disagreement(&|run, _, _| *run = tale.run), "DISAGREEMENT_RUNS");
    assert_eq!(disagreement(&|_, organisation, _| *organisation = "agency".parse().unwrap()), "DISAGREEMENT_RUNS");
    assert_eq!(disagreement(&|_, _, elements| elements.clear()), "DISAGREEMENT_ELEMENTS");
    let double = |elements: &mut Vec<Element>| *elements = vec![Element::Prompt, Element::Prompt];
    assert_eq!(disagreement(&|_, _, elements| double(elements)), "DISAGREEMENT_ELEMENTS");
    let turned = |elements: &mut Vec<Element>| *elements = vec![Element::Prompt, Element::Model];
    assert_eq!(disagreement(&|_, _, elements| turned(elements)), "DISAGREEMENT_ELEMENTS");
    // Executions: an id once, and what is reproduced comes before.
    assert_eq!(again(FIRST_RUN), "EXECUTION_ONCE");
    assert_eq!(tale.found(|all| all.swap(FIRST_RUN, SECOND_RUN)), "EXECUTION_REPRODUCED");
    for known in [ExecutionStatus::Failed, ExecutionStatus::Cancelled] {
        let found = tale.found(|all| {
            let Record::RunOutcome(outcome) = &mut all[FIRST_RUN].0.record else { unreachable!() };
            outcome.status = known;
            let Command::ReportOutcome(ReportOutcome { status, .. }) = &mut all[FIRST_RUN].2 else { unreachable!() };
            *status = known;
        });
        assert_eq!(found, "nothing");
    }
    let itself = tale.found(|all| {
        let Record::RunOutcome(outcome) = &mut all[SECOND_RUN].0.record else { unreachable!() };
        outcome.reproduction_of = Some("e2".into());
        all[SECOND_RUN].2 = report(tale.run, "e2", Some("e2"));
    });
    assert_eq!(itself, "EXECUTION_REPRODUCED");
}
