//! What organisations decide together.

use crate::read::{Unreadable, json};
use crate::{Client, ClientError};
use selfsame_protocol::command::Proposal;
use selfsame_protocol::constitution::ClusterConstitution;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::named;
use selfsame_protocol::names::OrganisationName;
use selfsame_protocol::time::{Timestamp, U64};
use selfsame_wire::v1;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

named! {
    /// Where a ballot stands.
    pub enum BallotStatus: "a status of a ballot" {
        /// It takes votes, unless its time is over.
        Open = "open",
        /// Decided, and carried out in the same entry.
        Carried = "carried",
        /// It can no longer be carried.
        Rejected = "rejected",
        /// Its time was over.
        Expired = "expired",
        /// The constitution under which it was opened is no longer in force.
        Void = "void",
    }
}

/// When fewer approvals carry a ballot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unopposed {
    /// Approvals that carry it.
    pub needed: U64,
    /// Time of the ledger from which on.
    pub from: Timestamp,
}

/// What the cluster keeps about a ballot, with the rules under which it was opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ballot {
    /// Content.
    pub proposal: Proposal,
    /// Organisation that opened it.
    pub proposer: OrganisationName,
    /// Entries of the Reasoning ledger when it was opened.
    pub opened: U64,
    /// Time of the ledger when it was opened.
    pub opened_time: Timestamp,
    /// Hash of the constitution under which it was opened.
    pub constitution: Digest,
    /// Who may vote: the members then.
    pub electorate: Vec<OrganisationName>,
    /// Approvals that carry it.
    pub needed: U64,
    /// Fewer approvals that carry it from a time on, when the organisation concerned did not object until then.
    pub unopposed: Option<Unopposed>,
    /// Whose vote against ends it.
    pub vetoes: Vec<OrganisationName>,
    /// Entries of the Reasoning ledger from which on it is over.
    pub expires_entries: Option<U64>,
    /// Time of the ledger from which on it is over.
    pub expires_time: Option<Timestamp>,
    /// Organisation → vote.
    pub votes: BTreeMap<OrganisationName, bool>,
    /// Where it stands.
    pub status: BallotStatus,
    /// Reasoning index of the record of its end.
    pub decided: Option<U64>,
}

impl Ballot {
    /// Organisations that voted so, sorted.
    pub fn voted(&self, approve: bool) -> Vec<OrganisationName> {
        self.votes.iter().filter(|(_, vote)| **vote == approve).map(|(name, _)| name.clone()).collect()
    }
}

/// A ballot as a node gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedBallot {
    /// Its id.
    pub proposal_id: String,
    /// What the cluster keeps about it.
    pub ballot: Ballot,
    /// Whether it takes votes now: open, and its time not over by the ledger.
    pub takes_votes: bool,
}

fn listed(found: v1::Ballot) -> Result<ListedBallot, Unreadable> {
    Ok(ListedBallot { ballot: json(&found.ballot)?, proposal_id: found.proposal_id, takes_votes: found.takes_votes })
}

impl Client {
    /// The constitution in force.
    pub async fn constitution(&self) -> Result<ClusterConstitution, ClientError> {
        let message = v1::GetConstitutionRequest { stale_ok: false };
        call!(self, get_constitution, message, |answer, _| json(&answer.constitution))
    }

    /// Every ballot, or only those that have not ended, in order of their ids.
    pub async fn ballots(&self, open: bool) -> Result<Vec<ListedBallot>, ClientError> {
        let mut all: Vec<ListedBallot> = Vec::new();
        loop {
            let after = all.last().map(|ballot| ballot.proposal_id.clone()).unwrap_or_default();
            let message = v1::ListBallotsRequest { open, after: after.clone(), limit: 0, stale_ok: false };
            let read = |answer: v1::ListBallotsResponse, _: &str| {
                let page = answer.ballots.into_iter().map(listed).collect::<Result<Vec<_>, _>>()?;
                // Each page begins behind the last: one that comes again would be asked for without end.
                let behind = page.first().is_none_or(|first| first.proposal_id > after);
                match behind && page.is_sorted_by(|a, b| a.proposal_id < b.proposal_id) {
                    true => Ok(page),
                    false => Err(Unreadable("the ballots of a page are not in order".into())),
                }
            };
            let page = call!(self, list_ballots, message, read)?;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }

    /// One ballot, open or ended.
    pub async fn ballot(&self, id: &str) -> Result<ListedBallot, ClientError> {
        let message = v1::GetBallotRequest { proposal_id: id.into(), stale_ok: false };
        call!(self, get_ballot, message, |answer, _| match answer.ballot {
            Some(ballot) => listed(ballot),
            None => Err(Unreadable("no ballot in the answer".into())),
        })
    }
}
