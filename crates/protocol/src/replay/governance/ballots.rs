//! Ballots of a history: counted again, and decided where and only where the votes say so.

use super::{Decision, Governance, bad, equal};
use crate::command::Proposal;
use crate::constitution::{ClusterConstitution, Count, count};
use crate::digest::Digest;
use crate::entry::Entry;
use crate::record::{BallotEnd, ConstitutionChange, Record};
use crate::replay::{BadCheck, Check, same};
use crate::time::Timestamp;
use std::collections::BTreeMap;

/// A ballot, with what held when it was opened.
#[derive(Debug)]
pub(super) struct Ballot {
    proposal: Proposal,
    constitution: Digest,
    electorate: usize,
    needed: usize,
    /// Fewer approvals that carry it, and from when on.
    unopposed: Option<(usize, Timestamp)>,
    vetoes: Vec<String>,
    expires_entries: Option<u64>,
    expires_time: Option<Timestamp>,
    votes: BTreeMap<String, bool>,
    open: bool,
}

/// A ballot under decision.
#[derive(Debug)]
pub(super) struct Touched {
    id: String,
    /// Whether it was to be concluded, so that it must end.
    concluded: bool,
}

/// What a carried ballot still has to bring about, within its submission.
#[derive(Debug)]
pub(super) struct Carrying {
    pub proposal_id: String,
    pub proposal: Proposal,
    /// The constitution that has to follow.
    after: Option<ClusterConstitution>,
    /// Ballots voided so far.
    voided: Vec<String>,
    /// Whether a record of the effect has to follow.
    pub effect: bool,
}

impl Ballot {
    fn voted(&self, approve: bool) -> Vec<String> {
        self.votes.iter().filter(|(_, vote)| **vote == approve).map(|(name, _)| name.clone()).collect()
    }

    /// What the votes come to at a time; carried with the number that carries it.
    fn count(&self, time: Timestamp) -> (Count, usize) {
        let (approvals, rejections) = (self.voted(true).len(), self.voted(false));
        let vetoed = rejections.iter().any(|name| self.vetoes.contains(name));
        let lower = self.unopposed.map_or(self.needed, |(needed, _)| needed.min(self.needed));
        match count(approvals, rejections.len(), lower, self.electorate, vetoed) {
            Count::Carried if approvals >= self.needed => (Count::Carried, self.needed),
            Count::Carried if self.unopposed.is_some_and(|(_, from)| time < from) => (Count::Open, self.needed),
            Count::Carried => (Count::Carried, lower),
            other => (other, self.needed),
        }
    }

    fn expired(&self, entries: u64, time: Timestamp) -> bool {
        self.expires_entries.is_some_and(|limit| entries >= limit) || self.expires_time.is_some_and(|at| time >= at)
    }
}

impl Governance {
    /// Ids of the open ballots, sorted.
    pub(super) fn open(&self) -> Vec<String> {
        self.ballots.iter().filter(|(_, ballot)| ballot.open).map(|(id, _)| id.clone()).collect()
    }

    /// A ballot is opened, with its proposer's approval.
    pub(super) fn proposed(&mut self, entry: &Entry, organisation: &str, id: &str, proposal: &Proposal) -> Check {
        let index = entry.index.0;
        if self.ballots.contains_key(id) {
            return bad("PROPOSAL_ID", index, "an unused proposal id", id);
        }
        let rules = &self.constitution.rules;
        let expires = |limit: u64, start: u64| (limit > 0).then(|| start.saturating_add(limit));
        let millis = entry.time.millis();
        let objection = Timestamp::from_millis(millis.saturating_add(rules.objection_ms.0));
        let ballot = Ballot {
            proposal: proposal.clone(),
            constitution: self.constitution.hash(),
            electorate: self.constitution.organisations.len(),
            needed: self.constitution.needed(proposal.class()),
            unopposed: self.constitution.unopposed(proposal).map(|needed| (needed, objection)),
            vetoes: self.constitution.vetoes(proposal),
            expires_entries: expires(rules.ballot_entries.0, index),
            expires_time: expires(rules.ballot_ms.0, millis).map(Timestamp::from_millis),
            votes: BTreeMap::from([(organisation.to_owned(), true)]),
            open: true,
        };
        self.ballots.insert(id.into(), ballot);
        self.touched = Some(Touched { id: id.into(), concluded: false });
        Ok(())
    }

    pub(super) fn voted(&mut self, entry: &Entry, organisation: &str, id: &str, approve: bool) -> Check {
        let index = entry.index.0;
        let ballot = self.ballots.get_mut(id).filter(|ballot| ballot.open);
        let Some(ballot) = ballot else { return bad("BALLOT_OPEN", index, "an open ballot", id) };
        if ballot.expired(index, entry.time) {
            return bad("BALLOT_TIME", index, "a ballot whose time is not over", id);
        }
        if ballot.votes.insert(organisation.into(), approve).is_some() {
            return bad("ONE_VOTE", index, "no earlier vote", organisation);
        }
        self.touched = Some(Touched { id: id.into(), concluded: false });
        Ok(())
    }

    pub(super) fn concluded(&mut self, entry: &Entry, id: &str) -> Check {
        match self.ballots.get(id).is_some_and(|ballot| ballot.open) {
            true => {
                self.touched = Some(Touched { id: id.into(), concluded: true });
                Ok(())
            }
            false => bad("BALLOT_OPEN", entry.index.0, "an open ballot", id),
        }
    }

    /// `ballot_decided` or `ballot_closed`.
    pub(super) fn ended(&mut self, entry: &Entry) -> Check {
        let index = entry.index.0;
        let (id, approvals, rejections, threshold, hash, end) = match &entry.record {
            Record::BallotDecided {
                proposal_id, approvals, rejections, threshold, constitutional_state_hash, ..
            } => (proposal_id, approvals, rejections, threshold, constitutional_state_hash, None),
            Record::BallotClosed {
                proposal_id,
                result,
                approvals,
                rejections,
                threshold,
                constitutional_state_hash,
            } => (proposal_id, approvals, rejections, threshold, constitutional_state_hash, Some(*result)),
            _ => return Ok(()),
        };
        let Some(ballot) = self.ballots.get_mut(id).filter(|ballot| ballot.open) else {
            return bad("BALLOT_OPEN", index, "an open ballot", id);
        };
        equal("BALLOT_VOTES", index, &ballot.voted(true), approvals)?;
        equal("BALLOT_VOTES", index, &ballot.voted(false), rejections)?;
        same("BALLOT_CONSTITUTION", index, ballot.constitution, *hash)?;
        let (reached, number) = ballot.count(entry.time);
        let expired = ballot.expired(index, entry.time);
        let holds = match end {
            // The decision stands behind the vote that made it, so that its own entry is not counted to the limit.
            None => reached == Count::Carried && ballot.expires_time.is_none_or(|at| entry.time < at),
            Some(BallotEnd::Rejected) => reached == Count::Rejected,
            Some(BallotEnd::Expired) => expired,
            Some(BallotEnd::Void) => self.carrying.as_ref().is_some_and(|carrying| carrying.after.is_some()),
        };
        if !holds {
            let votes = format!("{} for, {} against, {number} needed", approvals.len(), rejections.len());
            return bad("BALLOT_RESULT", index, format!("what {votes} come to"), end.map_or("carried", word));
        }
        let number = if end.is_none() { number } else { ballot.needed };
        equal("BALLOT_THRESHOLD", index, &(number as u64), &threshold.0)?;
        ballot.open = false;
        self.decisions.push(Decision { proposal_id: id.clone(), result: end.map_or("carried", word), index });
        if self.touched.as_ref().is_some_and(|touched| touched.id == *id) {
            self.touched = None;
        }
        match (&entry.record, end) {
            (Record::BallotDecided { proposal, .. }, _) => self.carried(index, id, proposal),
            (_, Some(BallotEnd::Void)) => {
                if let Some(carrying) = &mut self.carrying {
                    carrying.voided.push(id.clone());
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn carried(&mut self, index: u64, id: &str, recorded: &Proposal) -> Check {
        let Some(proposal) = self.ballots.get(id).map(|ballot| ballot.proposal.clone()) else {
            return bad("BALLOT_OPEN", index, "an open ballot", id);
        };
        equal("BALLOT_PROPOSAL", index, &proposal, recorded)?;
        let after = match self.constitution.amended(&proposal) {
            Ok(after) => after,
            Err(refusal) => return bad("BALLOT_PROPOSAL", index, "a proposal that can be carried out", refusal),
        };
        // A seal stands in the chain of its substrate, where the replay of that substrate checks it.
        let effect = !matches!(
            proposal,
            Proposal::ForceSeal { .. } | Proposal::ChangeRules { .. } | Proposal::MovePublisher { .. }
        );
        let carrying = Carrying { proposal_id: id.into(), proposal, after, voided: Vec::new(), effect };
        match self.carrying.replace(carrying) {
            None => Ok(()),
            Some(earlier) => bad("CARRIED_OUT", index, format!("what {} decided", earlier.proposal_id), id),
        }
    }

    /// `constitution_changed`.
    pub(super) fn amended(&mut self, index: u64, change: &ConstitutionChange) -> Check {
        let open = self.open();
        let Some(carrying) = &mut self.carrying else {
            return bad("CONSTITUTION_BALLOT", index, "a ballot that decided it", &change.proposal_id);
        };
        equal("CONSTITUTION_BALLOT", index, &carrying.proposal_id, &change.proposal_id)?;
        let Some(after) = carrying.after.take() else {
            return bad("CONSTITUTION_BALLOT", index, "a proposal that changes it once", carrying.proposal.action());
        };
        equal("CONSTITUTION_BEFORE", index, &self.constitution, &change.before)?;
        equal("CONSTITUTION_AFTER", index, &after, &change.after)?;
        same("CONSTITUTION_HASH", index, self.constitution.hash(), change.before_hash)?;
        same("CONSTITUTION_HASH", index, after.hash(), change.after_hash)?;
        equal("CONSTITUTION_VOIDED", index, &carrying.voided, &change.voided)?;
        equal("CONSTITUTION_VOIDED", index, &Vec::<String>::new(), &open)?;
        self.constitution = after;
        self.changes.push((index, change.before_hash, change.after_hash));
        Ok(())
    }

    /// `recovery`.
    pub(super) fn recovered(&mut self, index: u64, id: &str, recovery_count: u64) -> Check {
        let carrying = self.effect(index, id)?;
        if !matches!(carrying, Proposal::Recovery { .. }) {
            return bad("CARRIED_OUT", index, carrying.action(), "recovery");
        }
        equal("RECOVERY_COUNT", index, &self.constitution.recovery_count.0, &recovery_count)
    }

    /// The proposal whose effect a record is; once.
    pub(super) fn effect(&mut self, index: u64, id: &str) -> Result<Proposal, BadCheck> {
        match &mut self.carrying {
            Some(carrying) if carrying.proposal_id == id && carrying.effect && carrying.after.is_none() => {
                carrying.effect = false;
                Ok(carrying.proposal.clone())
            }
            _ => bad("CARRIED_OUT", index, "a ballot that was just carried", id),
        }
    }

    /// A submission ends: what its votes decided is decided, and what was decided is carried out.
    pub(super) fn settled(&mut self, index: u64) -> Check {
        if let Some(carrying) = self.carrying.take()
            && (carrying.effect || carrying.after.is_some())
        {
            let expected = format!("{} of {}", carrying.proposal.action(), carrying.proposal_id);
            return bad("CARRIED_OUT", index, expected, "nothing");
        }
        if let Some(Touched { id, concluded }) = self.touched.take()
            && let Some(ballot) = self.ballots.get(&id)
            && let Some((_, time)) = self.last
            && (concluded || ballot.count(time).0 != Count::Open)
        {
            return bad("BALLOT_RESULT", index, format!("the end of {id}"), "nothing");
        }
        Ok(())
    }
}

const fn word(end: BallotEnd) -> &'static str {
    match end {
        BallotEnd::Rejected => "rejected",
        BallotEnd::Expired => "expired",
        BallotEnd::Void => "void",
    }
}
