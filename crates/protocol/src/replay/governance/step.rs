//! One submission of a history: what it asked for, what it did so far, and what has to follow.

use super::check::bad;
use crate::canon;
use crate::command::{
    Amend, Append, CloseCycle, CloseSession, Command, GiveVerdict, InitSubstrate, OpenSession, Proposal, Seal,
};
use crate::constitution::{ClusterConstitution, Majority};
use crate::digest::Digest;
use crate::entry::Entry;
use crate::names::SubstrateId;
use crate::number::NodeId;
use crate::record::{BallotResult, Finding, QuorumCause, Record};
use crate::replay::check::{BadCheck, Check, kind};
use std::collections::{BTreeSet, VecDeque};

/// A record that has to be the next one of the submission.
#[derive(Debug)]
pub(super) enum Due {
    /// The end of a ballot.
    End { id: String, result: BallotResult, threshold: usize },
    /// A ballot that a change of the constitution voids.
    Void { id: String },
    /// That change.
    Change { id: String, after: Box<ClusterConstitution>, voided: Vec<String> },
    /// What the ballot brings about.
    Effect { id: String, proposal: Box<Proposal> },
    /// An organisation holds a quorum now.
    Warning { majority: Majority, cause: QuorumCause },
}

impl Due {
    /// The check that fails when something else stands in its place, and what should.
    fn missing(&self) -> (&'static str, String) {
        match self {
            Due::End { id, .. } => ("BALLOT_RESULT", format!("the end of {id}")),
            Due::Void { id } => ("CONSTITUTION_VOIDED", format!("{id}, void")),
            Due::Change { id, .. } => ("CARRIED_OUT", format!("the change of the constitution by {id}")),
            Due::Effect { id, proposal } => ("CARRIED_OUT", format!("{} of {id}", proposal.action())),
            Due::Warning { majority, cause } => {
                ("QUORUM_WARNING", format!("a warning of {} after {cause}", majority.organisation))
            }
        }
    }

    /// Whether a record is of the kind that is due.
    fn is_kind_of(&self, record: &Record) -> bool {
        match self {
            Due::End { .. } => matches!(record, Record::BallotDecided { .. } | Record::BallotClosed { .. }),
            Due::Void { .. } => matches!(record, Record::BallotClosed { .. }),
            Due::Change { .. } => matches!(record, Record::ConstitutionChanged(_)),
            Due::Effect { proposal, .. } => match &**proposal {
                Proposal::Recovery { .. } => matches!(record, Record::Recovery { .. }),
                _ => matches!(record, Record::Governance { action } if action.by_ballot().is_some()),
            },
            Due::Warning { .. } => matches!(record, Record::OrganisationQuorumWarning { .. }),
        }
    }
}

/// How far a submission is.
#[derive(Debug)]
pub(super) enum Phase {
    /// No entry of governance yet.
    Begun,
    /// Ballots whose time was over were closed, in the order of their ids: a proposal follows.
    Swept { after: String },
    /// Done, but for what is due.
    Acted,
    /// A ballot sealed a substrate: records of that substrate follow, and nothing else.
    Sealing,
    /// A node was put out of service: verifications that waited for it are decided, and more nodes may be quarantined.
    Recounting,
}

/// Nodes that one verification puts out of service.
#[derive(Debug)]
pub(super) struct Group {
    pub substrate: SubstrateId,
    /// How many more there can be.
    pub room: usize,
}

/// What the signed submission asks for, as far as it can touch the chains of governance.
#[derive(Debug)]
pub(super) enum Asked {
    /// A change by an organisation.
    Own(Box<Command>),
    /// A verdict of a node.
    Verdict { node: Option<NodeId>, substrate: SubstrateId, finding: Box<Finding> },
    /// What is recorded when it is refused: a birth, or a fenced write.
    Write { substrate: SubstrateId, birth: bool },
    /// Nothing.
    Other(String),
}

impl Asked {
    /// What a command asks for. `node` is that of the author's key.
    pub fn of(command: &Command, node: Option<NodeId>) -> Self {
        match command {
            Command::RotateKey(_)
            | Command::EnrolNode(_)
            | Command::RetireNode(_)
            | Command::EnrolChip(_)
            | Command::RetireChip(_)
            | Command::Propose(_)
            | Command::Vote(_)
            | Command::Conclude(_) => Asked::Own(Box::new(command.clone())),
            Command::Verdict(GiveVerdict { substrate_id, finding, .. }) => {
                Asked::Verdict { node, substrate: substrate_id.clone(), finding: Box::new(finding.clone()) }
            }
            Command::InitSubstrate(InitSubstrate { substrate_id, .. }) => {
                Asked::Write { substrate: substrate_id.clone(), birth: true }
            }
            Command::OpenSession(OpenSession { substrate_id, .. })
            | Command::Append(Append { substrate_id, .. })
            | Command::Amend(Amend { substrate_id, .. })
            | Command::CloseCycle(CloseCycle { substrate_id, .. })
            | Command::CloseSession(CloseSession { substrate_id, .. })
            | Command::Seal(Seal { substrate_id, .. }) => {
                Asked::Write { substrate: substrate_id.clone(), birth: false }
            }
            Command::DeclareRun(_)
            | Command::ReportOutcome(_)
            | Command::RecoverClose(_)
            | Command::Arrive(_)
            | Command::AbortMigration(_) => Asked::Other(name(command)),
        }
    }

    pub fn shown(&self) -> String {
        match self {
            Asked::Own(command) => canon::text_of(command),
            Asked::Verdict { substrate, .. } => format!("a verdict about {substrate}"),
            Asked::Write { substrate, birth: true } => format!("the birth of {substrate}"),
            Asked::Write { substrate, birth: false } => format!("a write of {substrate}"),
            Asked::Other(kind) => kind.clone(),
        }
    }
}

/// The `kind` of a command.
fn name(command: &Command) -> String {
    let value = serde_json::to_value(command).unwrap_or_default();
    value["kind"].as_str().unwrap_or("unknown").into()
}

/// The submission under way.
#[derive(Debug)]
pub(super) struct Step {
    /// Its digest; `None` before the first.
    pub digest: Option<Digest>,
    /// Reasoning index of its first entry.
    pub started: u64,
    /// Reasoning index of its last entry of governance.
    pub last: Option<u64>,
    /// What it asks for, when the reader has it and it was checked.
    pub asked: Option<Asked>,
    pub phase: Phase,
    pub due: VecDeque<Due>,
    /// Substrates whose verifications put nodes out of service, and the one under way.
    pub verified: BTreeSet<String>,
    pub group: Option<Group>,
}

impl Step {
    pub fn new(digest: Option<Digest>, started: u64) -> Self {
        let (asked, last, group, verified) = (None, None, None, BTreeSet::new());
        Self { digest, started, last, asked, phase: Phase::Begun, due: VecDeque::new(), verified, group }
    }

    /// Whether nothing was done yet but closing ballots whose time was over.
    pub fn begins(&self) -> bool {
        matches!(self.phase, Phase::Begun | Phase::Swept { .. })
    }

    /// Id of the last ballot that was closed because its time was over.
    pub fn swept(&self) -> Option<&str> {
        match &self.phase {
            Phase::Swept { after } => Some(after),
            _ => None,
        }
    }

    /// Refuses what only a proposal does when the submission asks for something else.
    pub(crate) fn asks_to_propose(&self, index: u64) -> Check {
        match &self.asked {
            None => Ok(()),
            Some(Asked::Own(command)) if matches!(**command, Command::Propose(_)) => Ok(()),
            Some(asked) => bad("SUBMISSION_COMMAND", index, "a proposal", asked.shown()),
        }
    }

    /// The record is the one that is due, if one is: gives it. Between it and the one before stands nothing.
    pub fn take(&mut self, entry: &Entry) -> Result<Option<Due>, BadCheck> {
        let index = entry.index.0;
        let Some(due) = self.due.front() else { return Ok(None) };
        if !due.is_kind_of(&entry.record) {
            let (check, expected) = due.missing();
            return bad(check, index, expected, kind(&entry.record));
        }
        self.adjoins(index)?;
        Ok(self.due.pop_front())
    }

    /// Refuses an index that is not the one behind the last entry of governance.
    pub(crate) fn adjoins(&self, index: u64) -> Check {
        match self.last.map(|last| last.saturating_add(1)).filter(|next| *next != index) {
            None => Ok(()),
            Some(next) => {
                bad("SUBMISSION_GROUP", index, format!("{next}, behind the entry of the same submission"), index)
            }
        }
    }

    /// The submission ends at `index`: what it decided is decided, and what was decided is carried out.
    pub fn settled(&self, index: u64) -> Check {
        if let Some(due) = self.due.front() {
            let (check, expected) = due.missing();
            return bad(check, index, expected, "nothing");
        }
        match &self.phase {
            Phase::Swept { after } => {
                bad("SUBMISSION_ENTRIES", index, format!("a proposal, before which {after} was closed"), "nothing")
            }
            _ => Ok(()),
        }
    }

    /// Refuses an entry in a chain that is none of governance where none can stand in this submission.
    pub fn elsewhere(&self, entry: &Entry) -> Check {
        if let Some(due) = self.due.front() {
            let (check, expected) = due.missing();
            return bad(check, entry.index.0, expected, kind(&entry.record));
        }
        match self.phase {
            Phase::Begun | Phase::Sealing | Phase::Recounting => Ok(()),
            Phase::Swept { .. } | Phase::Acted => {
                bad("SUBMISSION_ENTRIES", entry.index.0, "nothing more of this submission", kind(&entry.record))
            }
        }
    }
}
