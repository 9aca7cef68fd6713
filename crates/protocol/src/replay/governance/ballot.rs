//! One ballot of a history.

use crate::command::Proposal;
use crate::constitution::{Standing, Tally};
use crate::digest::Digest;
use crate::names::OrganisationName;
use crate::time::Timestamp;
use std::collections::BTreeMap;

/// A ballot, with what held when it was opened.
#[derive(Debug)]
pub(super) struct Ballot {
    pub proposal: Proposal,
    pub proposer: OrganisationName,
    pub constitution: Digest,
    pub electorate: usize,
    pub needed: usize,
    /// Fewer approvals that carry it, and from when on.
    pub unopposed: Option<(usize, Timestamp)>,
    pub vetoes: Vec<OrganisationName>,
    pub expires_entries: Option<u64>,
    pub expires_time: Option<Timestamp>,
    pub votes: BTreeMap<OrganisationName, bool>,
    pub open: bool,
}

impl Ballot {
    pub fn voted(&self, approve: bool) -> Vec<OrganisationName> {
        self.votes.iter().filter(|(_, vote)| **vote == approve).map(|(name, _)| name.clone()).collect()
    }

    /// What the votes come to at a time.
    pub fn standing(&self, time: Timestamp) -> Standing {
        let concerned = self.proposal.concerned();
        let Ballot { votes, electorate, needed, unopposed, vetoes, .. } = self;
        Tally { votes, electorate: *electorate, needed: *needed, unopposed: *unopposed, concerned, vetoes }.at(time)
    }

    /// Whether its time is over with so many entries in the Reasoning ledger, at a time: either limit ends it.
    pub fn expired(&self, entries: u64, time: Timestamp) -> bool {
        self.expires_entries.is_some_and(|limit| entries >= limit) || self.expires_time.is_some_and(|at| time >= at)
    }
}
