//! Re-computation of a run from its entries: the identity from the declaration, who attests it, and its executions.
//!
//! Feed all Evidence leaves of the subject `run:<id>` in order, each with the command and the organisation of the signed
//! submission that caused it, then [`RunReplay::finish`]. Nothing that a record says of itself is believed where it can
//! be recomputed.

use super::chain::Chain;
use super::check::{BadCheck, Check, kind};
use crate::canon::CanonError;
use crate::command::{Command, DeclareRun, ReportOutcome};
use crate::digest::Digest;
use crate::entry::Entry;
use crate::ledger::Ledger;
use crate::names::OrganisationName;
use crate::record::{OrganisationRun, Record, RunOutcome};
use crate::run::{Declaration, Element, ElementDigests};
use crate::subject::Subject;
use crate::time::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// An organisation's attestation of the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attested {
    /// Who.
    pub organisation: OrganisationName,
    /// The external reference that it ties to the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// Evidence index of the entry.
    pub index: u64,
    /// Time of the entry.
    pub time: Timestamp,
}

/// What the entries of a run say, once every check held.
#[derive(Clone, Debug)]
pub struct RunHistory {
    /// Digests of the five elements, recomputed.
    pub elements: ElementDigests,
    /// When it was declared.
    pub declared: Timestamp,
    /// In order.
    pub attestations: Vec<Attested>,
    /// Executions reported.
    pub executions: u64,
    /// Disagreements recorded.
    pub disagreements: u64,
    /// Entries.
    pub entries: u64,
    /// Hash of the last one.
    pub head: Option<Digest>,
}

/// Re-computation in progress.
#[derive(Debug)]
pub struct RunReplay {
    run_id: Digest,
    chain: Chain,
    elements: Option<(ElementDigests, Timestamp)>,
    /// The last submission, and how far it is.
    step: Option<Step>,
    attestations: Vec<Attested>,
    organisations: BTreeSet<OrganisationName>,
    /// Organisation and request.
    tied: BTreeSet<(OrganisationName, String)>,
    /// Request and organisation, with the other run that the organisation tied to the request.
    others: BTreeMap<(String, OrganisationName), Digest>,
    /// Other runs, with the elements in which they differ.
    differences: BTreeMap<Digest, Vec<Element>>,
    executions: BTreeSet<String>,
    disagreements: u64,
}

/// A submission.
#[derive(Debug)]
struct Step {
    submission: Digest,
    time: Timestamp,
    phase: Phase,
}

/// How far it is.
#[derive(Debug)]
enum Phase {
    /// It declared the run: its attestation follows.
    Declared,
    /// It tied a reference to the run: disagreements may follow, in the order of the names of the other organisations.
    Tied { request: String, last: Option<OrganisationName>, missing: BTreeSet<OrganisationName> },
    /// Nothing follows.
    Done,
}

const ATTESTED_BY_DECLARER: &str = "the attestation of whoever declared it, in the same submission";

fn show_names(names: &BTreeSet<OrganisationName>) -> String {
    names.iter().map(OrganisationName::as_str).collect::<Vec<_>>().join(", ")
}

impl RunReplay {
    /// Starts for one run.
    pub fn new(run_id: Digest) -> Self {
        Self {
            run_id,
            chain: Chain::new(Ledger::Evidence, Subject::Run(run_id)),
            elements: None,
            step: None,
            attestations: Vec::new(),
            organisations: BTreeSet::new(),
            tied: BTreeSet::new(),
            others: BTreeMap::new(),
            differences: BTreeMap::new(),
            executions: BTreeSet::new(),
            disagreements: 0,
        }
    }

    /// Entries seen so far.
    pub fn checked(&self) -> u64 {
        self.chain.depth
    }

    /// Checks the next entry, decoded and hashed, up to its own members. `author` is looked up from the entry: the
    /// organisation in whose name it was signed, and the command.
    pub fn decoded<'a>(
        &mut self,
        entry: Result<Entry, CanonError>,
        hash: Digest,
        author: impl FnOnce(&Entry) -> Result<(&'a str, &'a Command), BadCheck>,
    ) -> Check {
        let entry = self.chain.check(entry)?;
        let (organisation, command) = author(&entry)?;
        self.record(&entry, organisation, command)?;
        self.chain.take(&entry, hash);
        Ok(())
    }

    fn record(&mut self, entry: &Entry, author: &str, command: &Command) -> Check {
        let index = entry.index.0;
        if self.elements.is_none() != matches!(entry.record, Record::RunDeclaration { .. }) {
            let expected = "one run_declaration, as the first record";
            return Err(self.chain.fail("DECLARATION_FIRST", index, expected, kind(&entry.record)));
        }
        self.follows(entry)?;
        match &entry.record {
            Record::RunDeclaration { run_id, elements, declaration } => {
                self.declared(entry, run_id, elements, declaration)?;
                self.command(
                    index,
                    matches!(command, Command::DeclareRun(DeclareRun { declaration: asked, .. }) if asked == declaration),
                    entry,
                    command,
                )
            }
            Record::RunAttestation { run_id, organisation, request } => {
                self.own(index, run_id)?;
                self.by(index, organisation, author)?;
                let asked = self.declares(command).filter(|asked| *asked == request);
                self.command(index, asked.is_some(), entry, command)?;
                self.attested(entry, organisation, request)
            }
            Record::RunDisagreement { request, first, second, elements } => {
                self.own(index, &second.run_id)?;
                self.by(index, &second.organisation, author)?;
                let asked = self.declares(command).filter(|asked| asked.as_ref() == Some(request));
                self.command(index, asked.is_some(), entry, command)?;
                self.disagreed(index, request, first, second, elements)
            }
            Record::RunOutcome(outcome) => {
                self.own(index, &outcome.run_id)?;
                self.by(index, &outcome.organisation, author)?;
                self.command(index, reports(command, outcome), entry, command)?;
                self.executed(index, outcome)
            }
            other => {
                let expected = "run_declaration, run_attestation, run_disagreement or run_outcome";
                Err(self.chain.fail("RECORD_KIND", index, expected, kind(other)))
            }
        }
    }

    /// An entry stands behind those of its submission, or the submission before it is over.
    fn follows(&mut self, entry: &Entry) -> Check {
        let index = entry.index.0;
        let same = self.step.as_ref().filter(|step| step.submission == entry.submission);
        let Some(step) = same else {
            self.over(index, kind(&entry.record))?;
            if let Record::RunDisagreement { request, .. } = &entry.record {
                let expected = "an attestation under this reference before it, in the same submission";
                return Err(self.chain.fail("DISAGREEMENT_REQUEST", index, expected, request));
            }
            self.step = Some(Step { submission: entry.submission, time: entry.time, phase: Phase::Done });
            return Ok(());
        };
        let next = self.chain.next_index();
        if index != next {
            let expected = format!("{next}, behind the entry of the same submission");
            return Err(self.chain.fail("SUBMISSION_GROUP", index, expected, index));
        }
        if entry.time != step.time {
            return Err(self.chain.fail("SUBMISSION_TIME", index, step.time, entry.time));
        }
        match (&step.phase, &entry.record) {
            (Phase::Declared, Record::RunAttestation { .. }) => Ok(()),
            (Phase::Declared, other) => {
                Err(self.chain.fail("DECLARATION_ATTESTED", index, ATTESTED_BY_DECLARER, kind(other)))
            }
            (Phase::Tied { .. }, Record::RunDisagreement { .. }) => Ok(()),
            (Phase::Tied { .. } | Phase::Done, other) => {
                let expected = "nothing more of this submission";
                Err(self.chain.fail("SUBMISSION_ENTRIES", index, expected, kind(other)))
            }
        }
    }

    /// The last submission has all its entries, as far as that shows here.
    fn over(&self, index: u64, found: impl ToString) -> Check {
        match self.step.as_ref().map(|step| &step.phase) {
            Some(Phase::Declared) => Err(self.chain.fail("DECLARATION_ATTESTED", index, ATTESTED_BY_DECLARER, found)),
            Some(Phase::Tied { request, missing, .. }) if !missing.is_empty() => {
                let expected = format!("the disagreement with {} under {request}", show_names(missing));
                Err(self.chain.fail("DISAGREEMENT_MISSING", index, expected, found))
            }
            _ => Ok(()),
        }
    }

    fn phase(&mut self, phase: Phase) {
        if let Some(step) = &mut self.step {
            step.phase = phase;
        }
    }

    fn own(&self, index: u64, run_id: &Digest) -> Check {
        if *run_id == self.run_id { Ok(()) } else { Err(self.chain.fail("RUN_ID", index, self.run_id, run_id)) }
    }

    fn by(&self, index: u64, named: &str, author: &str) -> Check {
        if named == author { Ok(()) } else { Err(self.chain.fail("SUBMISSION_AUTHOR", index, named, author)) }
    }

    fn command(&self, index: u64, asked: bool, entry: &Entry, command: &Command) -> Check {
        if asked {
            return Ok(());
        }
        let expected = format!("a command that asks for exactly this {}", kind(&entry.record));
        Err(self.chain.fail("SUBMISSION_COMMAND", index, expected, command_kind(command)))
    }

    /// The reference of a command that declares this run.
    fn declares<'a>(&self, command: &'a Command) -> Option<&'a Option<String>> {
        match command {
            Command::DeclareRun(DeclareRun { declaration, request }) => {
                let run_id = Declaration::from_value(declaration.clone()).ok()?.run_id();
                (run_id == self.run_id).then_some(request)
            }
            _ => None,
        }
    }

    fn declared(
        &mut self,
        entry: &Entry,
        run_id: &Digest,
        elements: &ElementDigests,
        declaration: &serde_json::Value,
    ) -> Check {
        let index = entry.index.0;
        let declaration = Declaration::from_value(declaration.clone())
            .map_err(|error| self.chain.fail("DECLARATION", index, "a valid declaration", error))?;
        let recomputed = declaration.element_digests();
        for element in Element::ALL {
            if recomputed.get(element) != elements.get(element) {
                let (expected, found) = (recomputed.get(element), elements.get(element));
                return Err(self.chain.fail("ELEMENT_DIGEST", index, format!("{element} {expected}"), found));
            }
        }
        self.own(index, run_id)?;
        // The identity is recomputed last: it is the one that the whole file is about.
        self.own(index, &recomputed.run_id())?;
        self.elements = Some((recomputed, entry.time));
        self.phase(Phase::Declared);
        Ok(())
    }

    fn attested(&mut self, entry: &Entry, organisation: &OrganisationName, request: &Option<String>) -> Check {
        let index = entry.index.0;
        let first = self.organisations.insert(organisation.clone());
        // One for each organisation, and one for each further reference that it ties to the run.
        let new = match request {
            Some(request) => self.tied.insert((organisation.clone(), request.clone())),
            None => first,
        };
        if !new {
            let found = request.as_deref().unwrap_or("a second attestation without a reference");
            let expected = format!("one attestation of {organisation} for each reference");
            return Err(self.chain.fail("ATTESTATION_ONCE", index, expected, found));
        }
        self.phase(Phase::Done);
        if let Some(request) = request {
            if let Some(other) = self.others.get(&(request.clone(), organisation.clone())) {
                let expected = format!("no other run of {organisation} under {request}");
                return Err(self.chain.fail("REFERENCE_ONCE", index, expected, other));
            }
            let known = self.others.keys().filter(|(of, _)| of == request).map(|(_, name)| name.clone());
            let missing = known.collect();
            self.phase(Phase::Tied { request: request.clone(), last: None, missing });
        }
        self.attestations.push(Attested {
            organisation: organisation.clone(),
            request: request.clone(),
            index,
            time: entry.time,
        });
        Ok(())
    }

    fn disagreed(
        &mut self,
        index: u64,
        request: &str,
        first: &OrganisationRun,
        second: &OrganisationRun,
        elements: &[Element],
    ) -> Check {
        if first.run_id == self.run_id || first.organisation == second.organisation {
            let found = format!("{} and {}", first.organisation, first.run_id);
            return Err(self.chain.fail("DISAGREEMENT_RUNS", index, "another organisation and another run", found));
        }
        // It asks for this reference, and so did the attestation of the same submission before it.
        let Some(Step { phase: Phase::Tied { last, missing, .. }, .. }) = &mut self.step else {
            return Err(self.chain.fail("DISAGREEMENT_REQUEST", index, "a reference that was just tied", request));
        };
        if let Some(last) = last.as_ref().filter(|last| **last >= first.organisation) {
            let expected = format!("organisations in order, after {last}");
            return Err(self.chain.fail("DISAGREEMENT_RUNS", index, expected, &first.organisation));
        }
        *last = Some(first.organisation.clone());
        missing.remove(&first.organisation);
        let here = self.tied.contains(&(first.organisation.clone(), request.into()));
        let key = (request.to_owned(), first.organisation.clone());
        let before = self.others.insert(key, first.run_id).filter(|before| *before != first.run_id);
        if here || before.is_some() {
            let expected = format!("one run of {} under {request}", first.organisation);
            let found = format!("{} and {}", before.unwrap_or(self.run_id), first.run_id);
            return Err(self.chain.fail("REFERENCE_ONCE", index, expected, found));
        }
        let ordered = elements.windows(2).all(|pair| pair[0] < pair[1]);
        let before = self.differences.insert(first.run_id, elements.to_vec());
        let other = before.filter(|before| before != elements);
        if elements.is_empty() || !ordered || other.is_some() {
            let expected = match other {
                Some(before) => format!("{before:?}, as before"),
                None => "elements in their order, each once".into(),
            };
            return Err(self.chain.fail("DISAGREEMENT_ELEMENTS", index, expected, format!("{elements:?}")));
        }
        self.disagreements += 1;
        Ok(())
    }

    fn executed(&mut self, index: u64, outcome: &RunOutcome) -> Check {
        if let Some(original) = outcome.reproduction_of.as_ref().filter(|id| !self.executions.contains(*id)) {
            let expected = "an earlier execution of this run";
            return Err(self.chain.fail("EXECUTION_REPRODUCED", index, expected, original));
        }
        if !self.executions.insert(outcome.execution_id.clone()) {
            return Err(self.chain.fail("EXECUTION_ONCE", index, "an execution id used once", &outcome.execution_id));
        }
        Ok(())
    }

    /// Checks what only the whole shows, and returns it.
    pub fn finish(self) -> Result<RunHistory, BadCheck> {
        let at = self.chain.next_index();
        self.over(at, "no entry")?;
        let Some((elements, declared)) = self.elements else {
            return Err(self.chain.fail("DECLARATION_FIRST", at, "a run_declaration", "no entry"));
        };
        Ok(RunHistory {
            elements,
            declared,
            attestations: self.attestations,
            executions: self.executions.len() as u64,
            disagreements: self.disagreements,
            entries: self.chain.depth,
            head: self.chain.head,
        })
    }
}

/// Whether a command reports exactly this execution.
fn reports(command: &Command, outcome: &RunOutcome) -> bool {
    let Command::ReportOutcome(ReportOutcome { run_id, execution_id, status, outputs, reproduction_of }) = command
    else {
        return false;
    };
    let asked = (run_id, execution_id, status, outputs, reproduction_of);
    asked == (&outcome.run_id, &outcome.execution_id, &outcome.status, &outcome.outputs, &outcome.reproduction_of)
}

/// The `kind` of a command.
fn command_kind(command: &Command) -> String {
    let value = serde_json::to_value(command).unwrap_or_default();
    value["kind"].as_str().unwrap_or("unknown").into()
}
