//! The constitution of a cluster: who its organisations are and by which rules they decide, as data with one hash.
//!
//! It is not the constitution of a substrate ([`crate::p104::Constitution`]), which that substrate's own amendments
//! change. This one is changed by ballots alone. Its hash stands in every ballot: a ballot is decided by the rules under
//! which it was opened, or not at all.

pub(crate) mod rules;
mod tally;

pub use rules::{Class, OBJECTION_MS, Publisher, Rules, Share};
pub(crate) use tally::majority_of_seats;
pub use tally::{Count, Majority, Standing, Tally, count, majority};

use crate::code::{Code, Refusal};
use crate::command::proposal::Proposal;
use crate::digest::Digest;
use crate::names::OrganisationName;
use crate::p104::tagged;
use crate::time::U64;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeSet;

/// Tag of what a vote is about, see [`ballot_digest`].
pub(crate) const TAG_BALLOT: &str = "selfsame/ballot/v1";

/// Tag of the hash of a [`ClusterConstitution`].
pub(crate) const TAG_CLUSTER_CONSTITUTION: &str = "selfsame/cluster-constitution/v1";

/// Most member organisations at a time: records that list all of them, and their open ballots, fit in one entry.
pub const MAX_ORGANISATIONS: usize = 32;
/// Most ballots that one organisation has open at a time.
pub const MAX_OPEN_BALLOTS: usize = 8;
/// What is in force in a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterConstitution {
    /// Number of changes since the genesis: going back to earlier rules is a new state with a new hash.
    pub revision: U64,
    /// Names of the member organisations, sorted.
    pub organisations: Vec<OrganisationName>,
    /// By which rules they decide.
    pub rules: Rules,
    /// Who publishes; `null` when nobody was designated.
    pub publisher: Option<Publisher>,
    /// Number of recoveries.
    pub recovery_count: U64,
}

/// What a vote is about: `H(tag, JCS({"constitution","proposal","proposal_id"}))`, with the hash of the constitution under
/// which the ballot was opened. A vote is signed over this, so that it counts for one proposal under one constitution: in no
/// other history can somebody put another proposal under the votes of others.
pub fn ballot_digest(constitution: &Digest, proposal_id: &str, proposal: &Proposal) -> Digest {
    let ballot = json!({"constitution": constitution, "proposal": proposal, "proposal_id": proposal_id});
    tagged(TAG_BALLOT, &ballot)
}

impl ClusterConstitution {
    /// The constitution of a new cluster: its founders under the default rules.
    pub fn founding(organisations: impl IntoIterator<Item = OrganisationName>, publisher: Option<Publisher>) -> Self {
        let organisations: BTreeSet<OrganisationName> = organisations.into_iter().collect();
        Self {
            revision: U64(0),
            organisations: organisations.into_iter().collect(),
            rules: Rules::default(),
            publisher,
            recovery_count: U64(0),
        }
    }

    /// The constitutional state hash of the cluster: `H(tag, JCS(constitution))`.
    pub fn hash(&self) -> Digest {
        tagged(TAG_CLUSTER_CONSTITUTION, self)
    }

    /// Whether an organisation is a member.
    pub(crate) fn is_member(&self, organisation: &str) -> bool {
        self.organisations.iter().any(|name| name == organisation)
    }

    /// Approvals that a proposal of this class needs now.
    pub fn needed(&self, class: Class) -> usize {
        let share = match class {
            Class::Ordinary => self.rules.ordinary,
            Class::Constitutional => self.rules.constitutional,
        };
        share.needed(self.organisations.len())
    }

    /// Approvals that carry a proposal against one organisation (its key, its membership) once it had its time to object
    /// and did not: the share of the others, at least two. Without this a lost root key would stop every ballot that
    /// needs all, for ever; an organisation that still has its key stops such a ballot by one vote. `None` when the
    /// proposal concerns no one member, or when there are not two others.
    pub fn unopposed(&self, proposal: &Proposal) -> Option<usize> {
        let others = self.organisations.len().saturating_sub(1);
        let concerned = proposal.concerned().filter(|name| self.is_member(name));
        (concerned.is_some() && others >= 2).then(|| self.rules.constitutional.needed(others).max(2))
    }

    /// Organisations whose vote against this proposal ends it, sorted.
    pub fn vetoes(&self, proposal: &Proposal) -> Vec<OrganisationName> {
        match proposal.class() {
            Class::Ordinary => Vec::new(),
            Class::Constitutional => {
                let concerned = proposal.concerned().filter(|name| self.is_member(name)).cloned();
                let all: BTreeSet<OrganisationName> = self.rules.vetoes.iter().cloned().chain(concerned).collect();
                all.into_iter().collect()
            }
        }
    }

    /// Cosignatures that a published checkpoint needs now.
    pub fn cosignatures(&self) -> usize {
        self.rules.cosigning.needed(self.organisations.len())
    }

    /// The constitution once a proposal is carried; `None` when the proposal does not touch it. Refused when the result
    /// would not be one: nobody left, a rule that names a stranger, or nothing changed; and when it is about a stranger.
    pub fn amended(&self, proposal: &Proposal) -> Result<Option<ClusterConstitution>, Refusal> {
        let mut next = self.clone();
        match proposal {
            Proposal::ForceSeal { .. } | Proposal::RetireChip { .. } => return Ok(None),
            Proposal::RotateKey { organisation, .. } => return self.member(organisation).map(|()| None),
            Proposal::AddOrganisation { name, .. } => next.add(name)?,
            Proposal::RemoveOrganisation { name, .. } => next.remove(name)?,
            Proposal::ChangeRules { rules } => {
                if self.rules == *rules {
                    let rule = "the proposal changes nothing: these rules are in force already";
                    return Err(Refusal::new(Code::RulesInvalid, rule, "", ""));
                }
                next.rules = rules.clone();
                next.check_rules()?;
            }
            Proposal::MovePublisher { publisher } => {
                self.member(&publisher.organisation)?;
                if self.publisher.as_ref() == Some(publisher) {
                    let rule = "the proposal changes nothing: this publisher is in force already";
                    return Err(Refusal::new(Code::RulesInvalid, rule, "", ""));
                }
                next.publisher = Some(publisher.clone());
            }
            Proposal::Recovery { .. } => next.recovery_count = U64(self.recovery_count.0.saturating_add(1)),
        }
        next.revision = U64(self.revision.0.saturating_add(1));
        Ok(Some(next))
    }

    /// Refuses an organisation that is not a member.
    pub fn member(&self, organisation: &str) -> Result<(), Refusal> {
        match self.is_member(organisation) {
            true => Ok(()),
            false => Err(Refusal::new(
                Code::UnknownOrganisation,
                "there is no member organisation of this name",
                self.organisations.join(", "),
                organisation,
            )),
        }
    }

    fn add(&mut self, name: &OrganisationName) -> Result<(), Refusal> {
        let Err(at) = self.organisations.binary_search_by(|member| member.cmp(name)) else {
            let rule = "an organisation of this name is a member: choose another name";
            return Err(Refusal::new(Code::OrganisationExists, rule, "", name));
        };
        if self.organisations.len() >= MAX_ORGANISATIONS {
            let found = self.organisations.len() + 1;
            let rule = "the cluster has as many members as it can: one leaves before another joins";
            return Err(Refusal::new(Code::LimitExceeded, rule, format!("at most {MAX_ORGANISATIONS}"), found));
        }
        self.organisations.insert(at, name.clone());
        Ok(())
    }

    fn remove(&mut self, name: &str) -> Result<(), Refusal> {
        self.member(name)?;
        if self.organisations.len() == 1 {
            let rule = "this is the last member: without it nobody could act for the cluster, so another joins first";
            return Err(Refusal::new(Code::LastOrganisation, rule, "", name));
        }
        self.organisations.retain(|member| member != name);
        self.rules.vetoes.retain(|member| member != name);
        self.publisher = self.publisher.take().filter(|publisher| publisher.organisation != name);
        Ok(())
    }

    fn check_rules(&self) -> Result<(), Refusal> {
        let Rules { ballot_ms, objection_ms, .. } = &self.rules;
        if ballot_ms.0 > 0 && objection_ms >= ballot_ms {
            let rule = "the time to object would outlast the ballots: shorten it, or let ballots last longer";
            return Err(Refusal::new(Code::RulesInvalid, rule, format!("below {ballot_ms} ms"), objection_ms));
        }
        for pair in self.rules.vetoes.windows(2) {
            if let [a, b] = pair
                && a >= b
            {
                let rule = "the vetoes are not sorted, or one stands twice: sort them, each once";
                return Err(Refusal::new(Code::RulesInvalid, rule, format!("above {a}"), b));
            }
        }
        match self.rules.vetoes.iter().find(|name| !self.is_member(name)) {
            None => Ok(()),
            Some(stranger) => Err(Refusal::new(
                Code::RulesInvalid,
                "the veto is given to an organisation that is no member",
                "",
                stranger,
            )),
        }
    }
}
