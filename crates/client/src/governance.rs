//! What organisations decide together.

use super::{Client, ClientError, MAX_MESSAGE, json};
use selfsame_machine::state::Ballot;
use selfsame_protocol::constitution::ClusterConstitution;
use selfsame_wire::v1::{self, governance_service_client::GovernanceServiceClient};
use tonic::{Request, Response};

/// A ballot as a node gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its id.
    pub proposal_id: String,
    /// What the cluster keeps about it.
    pub ballot: Ballot,
    /// Whether it takes votes now.
    pub takes_votes: bool,
}

impl TryFrom<v1::Ballot> for Listed {
    type Error = ClientError;
    fn try_from(found: v1::Ballot) -> Result<Self, ClientError> {
        Ok(Self { ballot: json(&found.ballot)?, proposal_id: found.proposal_id, takes_votes: found.takes_votes })
    }
}

impl Client {
    /// The constitution in force.
    pub async fn constitution(&self) -> Result<ClusterConstitution, ClientError> {
        let message = v1::GetConstitutionRequest { stale_ok: false };
        json(&call!(self, GovernanceServiceClient, get_constitution, message)?.constitution)
    }

    /// Every ballot, or only those that have not ended, in order of their ids.
    pub async fn ballots(&self, open: bool) -> Result<Vec<Listed>, ClientError> {
        let mut all: Vec<Listed> = Vec::new();
        loop {
            let after = all.last().map(|ballot| ballot.proposal_id.clone()).unwrap_or_default();
            let message = v1::ListBallotsRequest { open, after, limit: 0, stale_ok: false };
            let page = call!(self, GovernanceServiceClient, list_ballots, message)?.ballots;
            if page.is_empty() {
                return Ok(all);
            }
            for ballot in page {
                all.push(ballot.try_into()?);
            }
        }
    }

    /// One ballot, open or ended.
    pub async fn ballot(&self, id: &str) -> Result<Listed, ClientError> {
        let message = v1::GetBallotRequest { proposal_id: id.into(), stale_ok: false };
        match call!(self, GovernanceServiceClient, get_ballot, message)?.ballot {
            Some(ballot) => ballot.try_into(),
            None => Err(ClientError::Answer("no ballot in the answer".into())),
        }
    }
}
