//! The cluster itself: what its nodes say of themselves, who its members are, and the membership of the consensus.

use crate::read::{counted, json, named, public_key};
use crate::retry::NodeChannel;
use crate::rpc;
use crate::{Client, ClientError};
use selfsame_protocol::command::Role;
use selfsame_protocol::digest::{Digest, hex};
use selfsame_protocol::genesis::GenesisDocument;
use selfsame_protocol::keys::PublicKey;
use selfsame_wire::v1;
use std::time::Duration;

/// Time for what a node says of itself.
const STATUS: Duration = Duration::from_secs(3);

/// What a node says of itself, without asking others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeStatus {
    /// The node.
    pub node_id: u64,
    /// The leader; 0 when it knows none.
    pub leader_id: u64,
    /// The leader's address for peers; empty when it knows none.
    pub leader_address: String,
    /// Raft term.
    pub term: u64,
    /// Last entry of its log.
    pub last_log_index: u64,
    /// Last entry that it knows to be committed.
    pub committed_index: u64,
    /// Last entry that it applied.
    pub applied_index: u64,
    /// Last entry of its newest snapshot; 0 without one.
    pub snapshot_index: u64,
    /// Ids of the voters.
    pub voters: Vec<u64>,
    /// Ids of the learners.
    pub learners: Vec<u64>,
    /// `leader`, `follower`, `learner`, `candidate` or `shutdown`.
    pub role: String,
    /// State digest (BLAKE3) after the applied index, in hexadecimal digits. Equal index, equal digest.
    pub state_digest: String,
    /// Entries of the Evidence ledger that it applied.
    pub evidence_size: u64,
    /// Entries of the Reasoning ledger that it applied.
    pub reasoning_size: u64,
    /// Whether it lost its vote because its copy failed.
    pub quarantined: bool,
    /// Version of its software.
    pub version: String,
    /// Cluster id.
    pub cluster: String,
    /// Digest of its genesis.
    pub genesis_digest: Digest,
    /// Entries in the published Evidence checkpoint.
    pub published_evidence_size: u64,
    /// Entries in the published Reasoning checkpoint.
    pub published_reasoning_size: u64,
    /// Seconds since 1970 of the older of the two; 0 when one was never published.
    pub published_at: u64,
    /// Why nothing newer is published, as far as it knows; empty when all is well.
    pub publication_problem: String,
}

/// A node as the cluster knows it. One that was removed stays for ever, because ids are never used again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredNode {
    /// Its id, from 1.
    pub id: u64,
    /// Its organisation.
    pub organisation: String,
    /// The key of its verdicts and statements.
    pub key: PublicKey,
    /// The key with which it cosigns.
    pub cosigner: PublicKey,
    /// Removed for ever.
    pub retired: bool,
    /// Its copy failed where those of a quorum held: it has no vote.
    pub quarantined: bool,
    /// Reasoning index of the record of that; 0 unless quarantined.
    pub quarantine_index: u64,
    /// `voter`, `learner` or `none`.
    pub membership: String,
    /// Its address for peers; empty when it is no member.
    pub peer_address: String,
}

/// A key that was registered once. None is ever removed: signatures are judged by the index at which they were made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredKey {
    /// The key.
    pub key: PublicKey,
    /// What it may sign.
    pub role: Role,
    /// Whose it is.
    pub organisation: String,
    /// The node, when it is a node's.
    pub node_id: Option<u64>,
    /// Log index from which it is valid.
    pub since: u64,
    /// Log index from which it is not valid any more.
    pub until: Option<u64>,
}

impl Client {
    /// What each endpoint says of itself, in order of the endpoints.
    pub async fn statuses(&self) -> Vec<Result<NodeStatus, ClientError>> {
        let ask = async |node: &NodeChannel| {
            let deadline = STATUS.min(self.timeouts.ready());
            let answer = rpc::get_status(node.channel.clone(), Some(deadline), v1::GetStatusRequest {}).await;
            let status = answer.map_err(|status| node.failed(&status))?;
            let genesis_digest = crate::read::digest(&status.genesis_digest);
            Ok(NodeStatus {
                node_id: status.node_id,
                leader_id: status.leader_id,
                leader_address: status.leader_address,
                term: status.term,
                last_log_index: status.last_log_index,
                committed_index: status.committed_index,
                applied_index: status.applied_index,
                snapshot_index: status.snapshot_index,
                voters: status.voters,
                learners: status.learners,
                role: status.role,
                state_digest: hex(&status.state_digest),
                evidence_size: status.evidence_size,
                reasoning_size: status.reasoning_size,
                quarantined: status.quarantined,
                version: status.version,
                cluster: status.cluster,
                genesis_digest: genesis_digest.map_err(|error| ClientError::invalid(&node.address, error))?,
                published_evidence_size: status.published_evidence_size,
                published_reasoning_size: status.published_reasoning_size,
                published_at: status.published_at,
                publication_problem: status.publication_problem,
            })
        };
        futures::future::join_all(self.nodes.iter().map(ask)).await
    }

    /// Every node that ever was.
    pub async fn nodes(&self) -> Result<Vec<RegisteredNode>, ClientError> {
        let message = v1::ListNodesRequest { stale_ok: false };
        call!(self, list_nodes, message, |answer, _| {
            let node = |node: v1::Node| {
                let (key, cosigner) = (public_key(&node.key)?, public_key(&node.cosigner)?);
                let v1::Node { id, organisation, retired, quarantined, quarantine_index, .. } = node;
                let v1::Node { membership, peer_address, .. } = node;
                Ok(RegisteredNode {
                    id,
                    organisation,
                    key,
                    cosigner,
                    retired,
                    quarantined,
                    quarantine_index,
                    membership,
                    peer_address,
                })
            };
            answer.nodes.into_iter().map(node).collect()
        })
    }

    /// Every key that was ever registered, with role and organisation.
    pub async fn keys(&self) -> Result<Vec<RegisteredKey>, ClientError> {
        let message = v1::GetKeysRequest { stale_ok: false };
        call!(self, get_keys, message, |answer, _| {
            let key = |key: v1::Key| {
                Ok(RegisteredKey {
                    key: public_key(&key.key)?,
                    role: named(&key.role)?,
                    organisation: key.organisation,
                    node_id: counted(key.node_id),
                    since: key.since,
                    until: counted(key.until),
                })
            };
            answer.keys.into_iter().map(key).collect()
        })
    }

    /// The consensus identity: what all nodes agreed on before the first entry.
    pub async fn genesis(&self) -> Result<GenesisDocument, ClientError> {
        call!(self, get_genesis, v1::GetGenesisRequest {}, |answer, _| json(&answer.genesis))
    }

    /// Adds an enrolled node as learner.
    pub async fn add_learner(&self, node_id: u64, peer: &str, client: &str) -> Result<(), ClientError> {
        let message = v1::AddLearnerRequest { node_id, peer_address: peer.into(), client_address: client.into() };
        call!(self, add_learner, message, |_, _| Ok(()))
    }
    /// Makes a learner a voter.
    pub async fn promote(&self, node_id: u64) -> Result<(), ClientError> {
        call!(self, promote_node, v1::PromoteNodeRequest { node_id }, |_, _| Ok(()))
    }
    /// Removes a node from the membership.
    pub async fn remove(&self, node_id: u64) -> Result<(), ClientError> {
        call!(self, remove_node, v1::RemoveNodeRequest { node_id }, |_, _| Ok(()))
    }
    /// Hands leadership to a voter.
    pub async fn transfer_leader(&self, node_id: u64) -> Result<(), ClientError> {
        call!(self, transfer_leader, v1::TransferLeaderRequest { node_id }, |_, _| Ok(()))
    }
    /// Makes the node that answers write a snapshot.
    pub async fn snapshot(&self) -> Result<(), ClientError> {
        call!(self, trigger_snapshot, v1::TriggerSnapshotRequest {}, |_, _| Ok(()))
    }
}
