//! Ballots of a history: counted again, and decided where and only where the votes say so.

use super::ballot::Ballot;
use super::check::{bad, equal};
use super::step::{Due, Phase};
use super::{Decision, Governance};
use crate::command::Proposal;
use crate::constitution::{MAX_OPEN_BALLOTS, Standing, ballot_digest};
use crate::digest::Digest;
use crate::entry::Entry;
use crate::names::OrganisationName;
use crate::record::{BallotResult, ConstitutionChange, Record};
use crate::replay::check::{BadCheck, Check, same};
use crate::time::Timestamp;
use std::collections::BTreeMap;

/// What the record of a ballot's end says.
struct End<'a> {
    id: &'a str,
    approvals: &'a [OrganisationName],
    rejections: &'a [OrganisationName],
    threshold: u64,
    constitution: Digest,
    /// `None`: carried.
    result: BallotResult,
}

impl Governance {
    /// Ids of the open ballots, sorted.
    pub(super) fn open(&self) -> Vec<String> {
        self.ballots.iter().filter(|(_, ballot)| ballot.open).map(|(id, _)| id.clone()).collect()
    }

    fn open_ballot(&mut self, index: u64, id: &str) -> Result<&mut Ballot, BadCheck> {
        match self.ballots.get_mut(id).filter(|ballot| ballot.open) {
            Some(ballot) => Ok(ballot),
            None => bad("BALLOT_OPEN", index, "an open ballot", id),
        }
    }

    /// Refuses when a ballot's time is over that a proposal would have closed before it was opened, or before the next
    /// one that it closed: those with ids above the last closed one, below `until`. It goes through them once: no end is
    /// before the last one.
    fn swept(&self, entry: &Entry, until: Option<&str>) -> Check {
        let after = self.step.swept();
        if let (Some(after), Some(until)) = (after, until)
            && until <= after
        {
            return bad("BALLOT_TIME", entry.index.0, format!("an end of a ballot behind {after}"), until);
        }
        let left = self.ballots.iter().find(|(id, ballot)| {
            let between =
                after.is_none_or(|after| id.as_str() > after) && until.is_none_or(|until| id.as_str() < until);
            between && ballot.open && ballot.expired(entry.index.0, entry.time)
        });
        match left {
            None => Ok(()),
            Some((id, _)) => {
                bad("BALLOT_TIME", entry.index.0, format!("the end of {id}, whose time is over"), "nothing")
            }
        }
    }

    /// A ballot is opened, with its proposer's approval.
    pub(super) fn proposed(
        &mut self,
        entry: &Entry,
        organisation: &OrganisationName,
        id: &str,
        proposal: &Proposal,
    ) -> Check {
        let index = entry.index.0;
        if self.ballots.contains_key(id) {
            return bad("PROPOSAL_ID", index, "an unused proposal id", id);
        }
        self.swept(entry, None)?;
        let own = self.ballots.values().filter(|ballot| ballot.open && ballot.proposer == *organisation).count();
        if own >= MAX_OPEN_BALLOTS {
            let expected = format!("at most {MAX_OPEN_BALLOTS} open ballots of {organisation}");
            return bad("BALLOT_LIMIT", index, expected, own + 1);
        }
        if let Err(refusal) = proposal.check() {
            return bad("PROPOSAL_FORM", index, "a proposal", refusal);
        }
        if let Err(refusal) = self.constitution.amended(proposal) {
            return bad("BALLOT_PROPOSAL", index, "a proposal that can be carried out", refusal);
        }
        let rules = &self.constitution.rules;
        let expires = |limit: u64, start: u64| (limit > 0).then(|| start.saturating_add(limit));
        let millis = entry.time.millis();
        let objection = Timestamp::from_millis(millis.saturating_add(rules.objection_ms.0));
        let ballot = Ballot {
            proposal: proposal.clone(),
            proposer: organisation.clone(),
            constitution: self.constitution.hash(),
            electorate: self.constitution.organisations.len(),
            needed: self.constitution.needed(proposal.class()),
            unopposed: self.constitution.unopposed(proposal).map(|needed| (needed, objection)),
            vetoes: self.constitution.vetoes(proposal),
            expires_entries: expires(rules.ballot_entries.0, index),
            expires_time: expires(rules.ballot_ms.0, millis).map(Timestamp::from_millis),
            votes: BTreeMap::from([(organisation.clone(), true)]),
            open: true,
        };
        self.ballots.insert(id.into(), ballot);
        self.cast(entry.time, id);
        Ok(())
    }

    /// A vote on the ballot of a name, about what its digest says.
    pub(super) fn voted(
        &mut self,
        entry: &Entry,
        organisation: &OrganisationName,
        (id, about): (&str, &Digest),
        approve: bool,
    ) -> Check {
        let index = entry.index.0;
        let ballot = self.open_ballot(index, id)?;
        same("VOTE_BALLOT", index, ballot_digest(&ballot.constitution, id, &ballot.proposal), *about)?;
        if ballot.expired(index, entry.time) {
            return bad("BALLOT_TIME", index, "a ballot whose time is not over", id);
        }
        if ballot.votes.insert(organisation.clone(), approve).is_some() {
            return bad("ONE_VOTE", index, "no earlier vote", organisation);
        }
        self.cast(entry.time, id);
        Ok(())
    }

    /// What the vote that was just taken makes due.
    fn cast(&mut self, time: Timestamp, id: &str) {
        let Some(ballot) = self.ballots.get(id) else { return };
        let end = match ballot.standing(time) {
            Standing::Open(_) => return,
            Standing::Carried(threshold) => Due::End { id: id.into(), result: BallotResult::Carried, threshold },
            Standing::Rejected => Due::End { id: id.into(), result: BallotResult::Rejected, threshold: ballot.needed },
        };
        self.step.due.push_back(end);
    }

    /// What only time kept open is closed: the entry itself counts to the limit.
    pub(super) fn concluded(&mut self, entry: &Entry, id: &str) -> Check {
        let (index, time) = (entry.index.0, entry.time);
        let ballot = self.open_ballot(index, id)?;
        let end = match ballot.standing(time) {
            _ if ballot.expired(index.saturating_add(1), time) => {
                Due::End { id: id.into(), result: BallotResult::Expired, threshold: ballot.needed }
            }
            Standing::Carried(threshold) => Due::End { id: id.into(), result: BallotResult::Carried, threshold },
            _ => return bad("BALLOT_RESULT", index, "a ballot that time alone kept open", id),
        };
        self.step.due.push_back(end);
        Ok(())
    }

    /// `ballot_decided` or `ballot_closed`: what is due, or a ballot whose time is over, closed for the next proposal.
    pub(super) fn ended(&mut self, entry: &Entry, due: Option<Due>) -> Check {
        let index = entry.index.0;
        let (end, recorded) = match &entry.record {
            Record::BallotDecided {
                proposal_id: id,
                proposal,
                approvals,
                rejections,
                threshold,
                constitutional_state_hash: constitution,
            } => {
                let (threshold, constitution, result) = (threshold.0, *constitution, BallotResult::Carried);
                (End { id, approvals, rejections, threshold, constitution, result }, Some(proposal))
            }
            Record::BallotClosed {
                proposal_id: id,
                result,
                approvals,
                rejections,
                threshold,
                constitutional_state_hash: constitution,
            } => {
                let (threshold, constitution, result) = (threshold.0, *constitution, (*result).into());
                (End { id, approvals, rejections, threshold, constitution, result }, None)
            }
            _ => return Ok(()),
        };
        if let Some(Due::Void { id }) = &due {
            equal("CONSTITUTION_VOIDED", index, &id.as_str(), &end.id)?;
        }
        let ballot = self.open_ballot(index, end.id)?;
        equal("BALLOT_VOTES", index, &ballot.voted(true), &end.approvals.to_vec())?;
        equal("BALLOT_VOTES", index, &ballot.voted(false), &end.rejections.to_vec())?;
        same("BALLOT_CONSTITUTION", index, ballot.constitution, end.constitution)?;
        let (number, over) = (ballot.needed, ballot.expired(index, entry.time));
        let threshold = match due {
            Some(Due::End { id, result, threshold }) => {
                equal("BALLOT_RESULT", index, &(id.as_str(), result.as_str()), &(end.id, end.result.as_str()))?;
                threshold
            }
            Some(_) => {
                equal("BALLOT_RESULT", index, &BallotResult::Void.as_str(), &end.result.as_str())?;
                number
            }
            // Nothing is due: a proposal of anybody first closes what is over.
            None if end.result == BallotResult::Expired && over && self.step.begins() => {
                self.step.asks_to_propose(index)?;
                self.step.adjoins(index)?;
                self.swept(entry, Some(end.id))?;
                self.step.phase = Phase::Swept { after: end.id.into() };
                number
            }
            None => {
                let votes = format!("{} for, {} against, {number} needed", end.approvals.len(), end.rejections.len());
                return bad("BALLOT_RESULT", index, format!("what {votes} come to"), end.result);
            }
        };
        equal("BALLOT_THRESHOLD", index, &(threshold as u64), &end.threshold)?;
        let ballot = self.open_ballot(index, end.id)?;
        ballot.open = false;
        let proposal = ballot.proposal.clone();
        self.decisions.push(Decision {
            proposal_id: end.id.into(),
            proposal: proposal.clone(),
            result: end.result,
            index,
            time: entry.time,
            submission: entry.submission,
        });
        match recorded {
            Some(recorded) => self.carried(index, end.id, proposal, recorded),
            None => Ok(()),
        }
    }

    /// What a carried ballot makes due, in the order of the records.
    fn carried(&mut self, index: u64, id: &str, proposal: Proposal, recorded: &Proposal) -> Check {
        equal("BALLOT_PROPOSAL", index, &proposal, recorded)?;
        if let Proposal::MovePublisher { publisher } = &proposal {
            self.roster.publishes(index, publisher.log_key, &publisher.organisation)?;
        }
        match self.constitution.amended(&proposal) {
            Ok(None) => {}
            Ok(Some(after)) => {
                let voided = self.open();
                self.step.due.extend(voided.iter().map(|id| Due::Void { id: id.clone() }));
                self.step.due.push_back(Due::Change { id: id.into(), after: Box::new(after), voided });
            }
            Err(refusal) => return bad("BALLOT_PROPOSAL", index, "a proposal that can be carried out", refusal),
        }
        match proposal {
            // A seal stands in the chain of its substrate, where the replay of that substrate checks it.
            Proposal::ForceSeal { .. } => {
                self.step.phase = Phase::Sealing;
                self.least = index.saturating_add(2);
            }
            Proposal::ChangeRules { .. } | Proposal::MovePublisher { .. } => {}
            Proposal::RetireChip { .. }
            | Proposal::AddOrganisation { .. }
            | Proposal::RemoveOrganisation { .. }
            | Proposal::RotateKey { .. }
            | Proposal::Recovery { .. } => {
                self.step.due.push_back(Due::Effect { id: id.into(), proposal: Box::new(proposal) });
            }
        }
        Ok(())
    }

    /// `constitution_changed`.
    pub(super) fn amended(&mut self, index: u64, change: &ConstitutionChange, due: Option<Due>) -> Check {
        let Some(Due::Change { id, after, voided }) = due else {
            return bad(
                "CONSTITUTION_BALLOT",
                index,
                "a ballot that was just carried and changes it",
                &change.proposal_id,
            );
        };
        equal("CONSTITUTION_BALLOT", index, &id, &change.proposal_id)?;
        equal("CONSTITUTION_BEFORE", index, &self.constitution, &change.before)?;
        equal("CONSTITUTION_AFTER", index, &*after, &change.after)?;
        same("CONSTITUTION_HASH", index, self.constitution.hash(), change.before_hash)?;
        same("CONSTITUTION_HASH", index, after.hash(), change.after_hash)?;
        equal("CONSTITUTION_VOIDED", index, &voided, &change.voided)?;
        self.constitution = *after;
        self.changes.push((index, change.before_hash, change.after_hash));
        Ok(())
    }
}
