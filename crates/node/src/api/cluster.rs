//! The cluster itself: status, membership, consensus identity.

use super::{Api, bytes_of, json_of, refused, unreadable};
use crate::raft::{MemberAddress, RaftRole};
use selfsame_machine::read::{self, Majority};
use selfsame_machine::state::Registration;
use selfsame_machine::view::{ReadError, Table, View};
use selfsame_protocol::code::{Code, Refusal};
use selfsame_protocol::digest::unhex;
use selfsame_protocol::ledger::{Ledger, PerLedger};
use selfsame_wire::v1::{self, cluster_service_server::ClusterService};
use std::collections::BTreeSet;
use tonic::{Request, Response, Status};

impl Api {
    /// Membership follows what organisations signed: only a node that its organisation enrolled, and that was neither
    /// retired nor quarantined, may join or vote.
    async fn may_join(&self, id: u64) -> Result<(), Status> {
        let nodes = self.read(false, |view| read::nodes(&view).map_err(unreadable)).await?;
        if nodes.iter().any(|node| node.id.0 == id && node.counts()) {
            return Ok(());
        }
        let rule = "this node was never enrolled, or it was retired or quarantined: its organisation enrols it under a new id (`governance enrol-node`)";
        Err(refused(Refusal::new(Code::UnknownNode, rule, "an enrolled node in service", format!("node {id}"))))
    }

    /// A node leaves after its organisation retired it, by a signed command that stands in the ledger; whoever reaches
    /// this port cannot take another organisation's vote.
    async fn may_leave(&self, id: u64) -> Result<(), Status> {
        let nodes = self.read(false, |view| read::nodes(&view).map_err(unreadable)).await?;
        match nodes.iter().find(|node| node.id.0 == id) {
            Some(node) if node.retired => Ok(()),
            Some(node) => {
                let rule = "its organisation has not retired this node: it does that first (`governance retire-node`)";
                let found = format!("node {id} of {}, not retired", node.organisation);
                Err(refused(Refusal::new(Code::RoleDenied, rule, "a retired node", found)))
            }
            None => Err(refused(Refusal::new(
                Code::UnknownNode,
                "there is no node of this id: see `cluster members`",
                "",
                id,
            ))),
        }
    }

    /// No organisation may come to hold a quorum of the voters alone, unless it is the only one.
    async fn keeps_balance(&self, after: &BTreeSet<u64>) -> Result<(), Status> {
        self.read(false, |view| match tips(&view, &self.voters(), after).map_err(unreadable)? {
            None => Ok(()),
            Some(Majority { organisation, held, total }) => {
                let rule = "one organisation would hold a quorum of the voters alone: the others add nodes first";
                let expected = format!("at most {} of {total}", total / 2);
                let found = format!("{held} of {organisation}");
                Err(refused(Refusal::new(Code::OrganisationQuorum, rule, expected, found)))
            }
        })
        .await
    }

    /// The present voters.
    pub(super) fn voters(&self) -> BTreeSet<u64> {
        self.raft.status().voters.into_iter().map(|(voter, _)| voter).collect()
    }
}

/// The organisation to which a change of voters gives a quorum that it does not hold yet.
pub(super) fn tips(
    view: &dyn View,
    before: &BTreeSet<u64>,
    after: &BTreeSet<u64>,
) -> Result<Option<Majority>, ReadError> {
    let held = read::majority(view, before)?.map(|majority| majority.organisation);
    Ok(read::majority(view, after)?.filter(|majority| Some(&majority.organisation) != held.as_ref()))
}

#[tonic::async_trait]
impl ClusterService for Api {
    async fn get_status(&self, _: Request<v1::GetStatusRequest>) -> Result<Response<v1::GetStatusResponse>, Status> {
        let status = self.raft.status();
        self.look(|view| {
            let size = |ledger| read::head(&view, ledger).map(|(size, _)| size).map_err(unreadable);
            let role = match status.role {
                RaftRole::Learner => "learner",
                RaftRole::Follower => "follower",
                RaftRole::Candidate => "candidate",
                RaftRole::Leader => "leader",
                RaftRole::Stopped => "stopped",
            };
            let nodes = read::nodes(&view).map_err(unreadable)?;
            let published = PerLedger::from_fn(|ledger| self.cosigner.published(ledger));
            Ok(Response::new(v1::GetStatusResponse {
                node_id: self.id,
                leader_id: status.leader.unwrap_or_default(),
                leader_address: status
                    .leader
                    .and_then(|leader| status.voters.iter().find(|(id, _)| *id == leader))
                    .map(|(_, address)| address.clone())
                    .unwrap_or_default(),
                term: status.term,
                last_log_index: status.last_log.unwrap_or_default(),
                committed_index: status.commit.unwrap_or_default(),
                applied_index: status.applied,
                snapshot_index: status.snapshot.unwrap_or_default(),
                voters: status.voters.iter().map(|(id, _)| *id).collect(),
                learners: status.learners.iter().map(|(id, _)| *id).collect(),
                role: role.into(),
                state_digest: unhex(&status.state_digest).unwrap_or_default().into(),
                evidence_size: size(Ledger::Evidence)?,
                reasoning_size: size(Ledger::Reasoning)?,
                quarantined: nodes.iter().any(|n| n.id.0 == self.id && n.quarantined.is_some()),
                version: env!("CARGO_PKG_VERSION").into(),
                cluster: self.genesis.cluster.clone(),
                genesis_digest: bytes_of(&self.genesis.digest()),
                published_evidence_size: published.evidence.as_ref().map_or(0, |note| note.checkpoint.size),
                published_reasoning_size: published.reasoning.as_ref().map_or(0, |note| note.checkpoint.size),
                published_at: published
                    .iter()
                    .map(|(_, note)| note.as_ref().map_or(0, |note| note.time))
                    .min()
                    .unwrap_or(0),
                publication_problem: self.cosigner.problem().unwrap_or_default(),
            }))
        })
    }

    async fn add_learner(
        &self,
        request: Request<v1::AddLearnerRequest>,
    ) -> Result<Response<v1::AddLearnerResponse>, Status> {
        let request = request.into_inner();
        self.may_join(request.node_id).await?;
        let member = MemberAddress { peer_addr: request.peer_address, client_addr: request.client_address };
        self.raft.add_learner(request.node_id, member).await.map_err(refused)?;
        Ok(Response::new(v1::AddLearnerResponse {}))
    }

    async fn promote_node(
        &self,
        request: Request<v1::PromoteNodeRequest>,
    ) -> Result<Response<v1::PromoteNodeResponse>, Status> {
        let id = request.into_inner().node_id;
        self.may_join(id).await?;
        let mut voters = self.voters();
        voters.insert(id);
        self.keeps_balance(&voters).await?;
        self.raft.promote(id).await.map_err(refused)?;
        Ok(Response::new(v1::PromoteNodeResponse {}))
    }

    async fn remove_node(
        &self,
        request: Request<v1::RemoveNodeRequest>,
    ) -> Result<Response<v1::RemoveNodeResponse>, Status> {
        let id = request.into_inner().node_id;
        self.may_leave(id).await?;
        let mut voters = self.voters();
        if voters.remove(&id) {
            self.keeps_balance(&voters).await?;
        }
        self.raft.remove(id).await.map_err(refused)?;
        Ok(Response::new(v1::RemoveNodeResponse {}))
    }

    async fn transfer_leader(
        &self,
        request: Request<v1::TransferLeaderRequest>,
    ) -> Result<Response<v1::TransferLeaderResponse>, Status> {
        self.raft.transfer_leader(request.into_inner().node_id).await.map_err(refused)?;
        Ok(Response::new(v1::TransferLeaderResponse {}))
    }

    async fn trigger_snapshot(
        &self,
        _: Request<v1::TriggerSnapshotRequest>,
    ) -> Result<Response<v1::TriggerSnapshotResponse>, Status> {
        self.raft.trigger_snapshot().await.map_err(refused)?;
        Ok(Response::new(v1::TriggerSnapshotResponse {}))
    }

    async fn get_genesis(&self, _: Request<v1::GetGenesisRequest>) -> Result<Response<v1::GetGenesisResponse>, Status> {
        Ok(Response::new(v1::GetGenesisResponse {
            genesis: json_of(&*self.genesis),
            digest: bytes_of(&self.genesis.digest()),
        }))
    }

    async fn list_nodes(
        &self,
        request: Request<v1::ListNodesRequest>,
    ) -> Result<Response<v1::ListNodesResponse>, Status> {
        let nodes = match request.into_inner().stale_ok {
            // Asked for even while this node does not serve: it says who is quarantined.
            true => self.look(|view| read::nodes(&view).map_err(unreadable))?,
            false => self.read(false, |view| read::nodes(&view).map_err(unreadable)).await?,
        };
        let status = self.raft.status();
        let nodes = nodes.into_iter().map(|node| {
            let id = node.id.0;
            let find = |list: &[(u64, String)]| list.iter().find(|(n, _)| *n == id).map(|(_, address)| address.clone());
            let (membership, peer_address) = match (find(&status.voters), find(&status.learners)) {
                (Some(address), _) => ("voter", address),
                (None, Some(address)) => ("learner", address),
                (None, None) => ("none", String::new()),
            };
            v1::Node {
                id,
                organisation: node.organisation.into(),
                key: node.key.as_bytes().to_vec().into(),
                cosigner: node.cosigner.as_bytes().to_vec().into(),
                retired: node.retired,
                quarantined: node.quarantined.is_some(),
                quarantine_index: node.quarantined.map_or(0, |at| at.0),
                membership: membership.into(),
                peer_address,
                client_address: String::new(),
            }
        });
        Ok(Response::new(v1::ListNodesResponse { nodes: nodes.collect() }))
    }

    async fn get_keys(&self, request: Request<v1::GetKeysRequest>) -> Result<Response<v1::GetKeysResponse>, Status> {
        self.read(request.into_inner().stale_ok, |view| {
            let mut keys = Vec::new();
            for (key, value) in view.scan(Table::Keys, &[], &[255; 33], 100_000).map_err(unreadable)? {
                let registration: Registration = serde_json::from_slice(&value).map_err(unreadable)?;
                keys.push(v1::Key {
                    key: key.into(),
                    role: format!("{:?}", registration.role).to_lowercase(),
                    organisation: registration.organisation.into(),
                    node_id: registration.node.map_or(0, |n| n.0),
                    since: registration.since.0,
                    until: registration.until.map_or(0, |n| n.0),
                });
            }
            Ok(Response::new(v1::GetKeysResponse { keys }))
        })
        .await
    }
}
