//! What the history of governance says about the entries of a substrate: whose chips and nodes these are, what ballots and
//! recoveries there were, and whether a verification was decided by the nodes of its time.
//!
//! Both histories stand in the Reasoning ledger, so that the indexes order their entries. Evidence is ordered by times.

use super::Governed;
use super::check::{bad, equal};
use crate::command::Proposal;
use crate::digest::Digest;
use crate::entry::Entry;
use crate::ledger::Ledger;
use crate::names::SubstrateId;
use crate::number::NodeId;
use crate::p104::Outcome;
use crate::record::{BallotResult, IdentityVerification, Record, SubstrateIdentity};
use crate::replay::check::{BadCheck, Check};
use crate::time::Timestamp;
use crate::verdict;
use std::collections::{BTreeSet, VecDeque};

/// A substrate under way.
#[derive(Debug)]
pub struct Oversight {
    substrate: SubstrateId,
    /// The chip that holds it.
    holder: Option<Digest>,
    /// Ballots that sealed it.
    sealed: BTreeSet<String>,
    /// Nodes that a verification outvoted, with its submission.
    outvoted: BTreeSet<(Digest, NodeId)>,
    /// Time of the last Evidence record of each session that was closed, and of the one that is open.
    written: VecDeque<Option<Timestamp>>,
    writing: Option<Timestamp>,
}

impl Oversight {
    /// Starts for one substrate.
    pub fn new(substrate: &SubstrateId) -> Self {
        Self {
            substrate: substrate.clone(),
            holder: None,
            sealed: BTreeSet::new(),
            outvoted: BTreeSet::new(),
            written: VecDeque::new(),
            writing: None,
        }
    }

    /// Checks the next entry, all Evidence before all Reasoning.
    pub fn check(&mut self, governed: &Governed, entry: &Entry) -> Check {
        let index = entry.index.0;
        if entry.ledger == Ledger::Evidence {
            match &entry.record {
                Record::SessionClose(_) => self.written.push_back(self.writing.take()),
                _ => self.writing = Some(entry.time),
            }
            return Ok(());
        }
        match &entry.record {
            Record::SubstrateIdentity(birth) => self.born(governed, index, birth),
            Record::IdentityVerification(found) => self.verified(governed, entry, found),
            Record::MigrationSeal { destination, migration_id, ballot, .. } => {
                serves(governed, index, destination)?;
                match ballot {
                    None => self.holds(governed, index),
                    Some(ballot) => self.ballot(governed, entry, ballot, migration_id, destination),
                }
            }
            Record::MigrationIdentityAttestation { destination, .. } => {
                self.holder = Some(*destination);
                serves(governed, index, destination)
            }
            Record::MigrationAbort { chip, .. } => serves(governed, index, chip),
            Record::HolderRecovery { recovery_count, .. } => {
                equal("RECOVERY_COUNT", index, &governed.recovered(index), &recovery_count.0)
            }
            Record::SessionClose(close) => {
                let written = self.written.pop_front().flatten();
                self.wrote(governed, index, written)?;
                if close.recovered { Ok(()) } else { self.holds(governed, index) }
            }
            Record::IdentityPropagation(cycle) if cycle.origin_attestation_hash.is_some() => Ok(()),
            Record::Reasoning(_)
            | Record::IdentityPropagation(_)
            | Record::Amendment { .. }
            | Record::AmendmentRefusal { .. }
            | Record::WriteRefusal { .. } => self.holds(governed, index),
            _ => Ok(()),
        }
    }

    /// What only the whole shows. `next` is the index behind the last entry.
    pub fn finish(&self, governed: &Governed, next: u64) -> Check {
        self.wrote(governed, next, self.writing)?;
        for decision in governed.decisions.iter().filter(|decision| decision.result == BallotResult::Carried) {
            if let Proposal::ForceSeal { substrate_id, .. } = &decision.proposal
                && *substrate_id == self.substrate
                && !self.sealed.contains(&decision.proposal_id)
            {
                return bad("SEAL_BALLOT", next, format!("the seal of {}", decision.proposal_id), "none");
            }
        }
        for quarantine in governed.quarantines.iter().filter(|quarantine| quarantine.substrate == self.substrate) {
            let outvoted = self.outvoted.contains(&(quarantine.submission, quarantine.node));
            if quarantine.late == Some(false) && !outvoted {
                let expected = format!("a verification that outvoted node {}", quarantine.node);
                return bad("QUARANTINE_CAUSE", quarantine.index, expected, "none of its submission");
            }
        }
        Ok(())
    }

    fn born(&mut self, governed: &Governed, index: u64, birth: &SubstrateIdentity) -> Check {
        let chip = birth.chip.id();
        self.holder = Some(chip);
        // A new lineage keeps the chip, also one that was retired meanwhile.
        let owner = enrolled(governed, index, &chip)?;
        equal("CHIP_ENROLLED", index, &owner, &birth.organisation.as_str())?;
        equal("RECOVERY_COUNT", index, &governed.recovered(index), &birth.constitution.recovery_count.0)
    }

    /// The holder's chip was not retired before.
    fn holds(&self, governed: &Governed, index: u64) -> Check {
        self.holder.as_ref().map_or(Ok(()), |chip| serves(governed, index, chip))
    }

    /// Nor before the last Evidence record of the session.
    fn wrote(&self, governed: &Governed, index: u64, time: Option<Timestamp>) -> Check {
        let chip = self.holder.and_then(|chip| governed.chips.get(&chip));
        let retired = chip.and_then(|chip| governed.time(chip.retired));
        match retired.zip(time).filter(|(retired, time)| retired < time) {
            None => Ok(()),
            Some((retired, time)) => {
                bad("CHIP_IN_SERVICE", index, format!("nothing written after {retired}"), format!("Evidence of {time}"))
            }
        }
    }

    /// A seal by ballot is what the ballot decided, in its submission.
    fn ballot(&mut self, governed: &Governed, entry: &Entry, ballot: &str, migration: &str, chip: &Digest) -> Check {
        let index = entry.index.0;
        let decided = governed.decisions.iter().find(|decision| decision.proposal_id == ballot);
        let holds = decided.is_some_and(|decision| {
            decision.result == BallotResult::Carried
                && decision.index < index
                && decision.submission == entry.submission
                && matches!(&decision.proposal, Proposal::ForceSeal { substrate_id, migration_id, destination, .. }
                    if *substrate_id == self.substrate && migration_id == migration && destination == chip)
        });
        self.sealed.insert(ballot.into());
        match holds {
            true => Ok(()),
            false => bad("SEAL_BALLOT", index, "a ballot carried in this submission, for this seal", ballot),
        }
    }

    /// A verification is decided by the nodes in service, and puts those that it outvotes out of it.
    fn verified(&mut self, governed: &Governed, entry: &Entry, found: &IdentityVerification) -> Check {
        let index = entry.index.0;
        for verdict in &found.verdicts {
            let node = governed.nodes.get(&verdict.node).filter(|node| since(node.since, index));
            if node.is_none_or(|node| node.organisation != verdict.organisation) {
                let expected = format!("a node of {}", verdict.organisation);
                return bad("VERDICT_ELECTORATE", index, expected, format!("node {}", verdict.node));
            }
        }
        let serving = |id: &NodeId| {
            governed.nodes.get(id).is_some_and(|node| {
                since(node.since, index) && !before(node.retired, index) && !before(node.quarantined, index)
            })
        };
        let electorate = governed.serving(index);
        let counted: Vec<_> = found.verdicts.iter().filter(|verdict| serving(&verdict.node)).cloned().collect();
        let decided = verdict::decide(&counted, electorate, verdict::majority(electorate));
        let shown = |outcome: Outcome, detail: &str| format!("{outcome} by {detail}");
        match decided.map(|finding| shown(finding.outcome, &finding.check)) {
            Some(decided) => equal("VERDICT_QUORUM", index, &decided, &shown(found.outcome, &found.detail))?,
            None => {
                let expected = format!("{} equal verdicts of {electorate}", verdict::majority(electorate));
                return bad("VERDICT_QUORUM", index, expected, shown(found.outcome, &found.detail));
            }
        }
        if found.outcome == Outcome::HashMismatch {
            return Ok(());
        }
        for verdict in counted.iter().filter(|verdict| verdict.finding.outcome == Outcome::HashMismatch) {
            let node = verdict.node;
            let quarantined = governed.quarantines.iter().any(|quarantine| {
                quarantine.node == node
                    && quarantine.submission == entry.submission
                    && quarantine.substrate == self.substrate
                    && quarantine.finding == verdict.finding
            });
            if !quarantined {
                return bad("QUARANTINE_MISSING", index, format!("node {node} out of service"), "nothing of the kind");
            }
            self.outvoted.insert((entry.submission, node));
        }
        Ok(())
    }
}

/// Whether what a record made was there at an index; founders always were.
fn since(made: Option<u64>, index: u64) -> bool {
    made.is_none_or(|made| made < index)
}

/// Whether it had ended.
fn before(ended: Option<u64>, index: u64) -> bool {
    ended.is_some_and(|ended| ended < index)
}

/// The organisation of a chip that was enrolled before.
fn enrolled<'a>(governed: &'a Governed, index: u64, chip: &Digest) -> Result<&'a str, BadCheck> {
    match governed.chips.get(chip).filter(|span| span.since < index) {
        Some(span) => Ok(&span.organisation),
        None => bad("CHIP_ENROLLED", index, "a chip that was enrolled before", chip),
    }
}

/// A chip that was enrolled before and not retired.
fn serves(governed: &Governed, index: u64, chip: &Digest) -> Check {
    enrolled(governed, index, chip)?;
    match governed.chips.get(chip).is_some_and(|span| before(span.retired, index)) {
        false => Ok(()),
        true => bad("CHIP_IN_SERVICE", index, "a chip in service", format!("{chip}, retired before")),
    }
}
