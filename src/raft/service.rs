//! The peer service: what other nodes of the cluster may ask.

use super::blocking::blocking;
use super::codec::{self, Malformed};
use super::node::Inner;
use crate::wire::raft::v1 as pb;
use crate::wire::raft::v1::peer_service_server::PeerService;
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, VoteRequest};
use selfsame_protocol::code::Refusal;
use std::sync::Arc;
use tonic::{Request, Response, Status, Streaming};

/// Serves peers for one node.
pub(super) struct Service(pub Arc<Inner>);

fn bad(error: Malformed) -> Status {
    Status::invalid_argument(error.to_string())
}
// A core that stopped reads as unreachable to its peers, which then wait before they try again.
fn stopped(error: impl ToString) -> Status {
    Status::unavailable(error.to_string())
}
fn json(refusal: &Refusal) -> bytes::Bytes {
    serde_json::to_vec(refusal).unwrap_or_default().into()
}

#[tonic::async_trait]
impl PeerService for Service {
    async fn append(&self, request: Request<pb::AppendRequest>) -> Result<Response<pb::AppendResponse>, Status> {
        use pb::append_response::Result as Wire;
        let request = request.into_inner();
        self.0.peers.check(request.sender.as_ref())?;
        let entries: Result<Vec<_>, _> = request.entries.into_iter().map(codec::entry_from_wire).collect();
        let request = AppendEntriesRequest {
            vote: codec::vote_from_wire(request.vote).map_err(bad)?,
            prev_log_id: request.previous.as_ref().map(codec::position_from_wire),
            leader_commit: request.commit.as_ref().map(codec::position_from_wire),
            entries: entries.map_err(bad)?,
        };
        let result = match self.0.raft.append_entries(request).await.map_err(stopped)? {
            AppendEntriesResponse::Success => Wire::Success(pb::Blank {}),
            AppendEntriesResponse::PartialSuccess(upto) => {
                Wire::Partial(pb::Partial { upto: upto.as_ref().map(codec::position_to_wire) })
            }
            AppendEntriesResponse::Conflict => Wire::Conflict(pb::Blank {}),
            AppendEntriesResponse::HigherVote(vote) => Wire::HigherVote(codec::vote_to_wire(&vote)),
        };
        Ok(Response::new(pb::AppendResponse { result: Some(result) }))
    }

    async fn vote(&self, request: Request<pb::VoteRequest>) -> Result<Response<pb::VoteResponse>, Status> {
        let request = request.into_inner();
        self.0.peers.check(request.sender.as_ref())?;
        let vote = codec::vote_from_wire(request.vote).map_err(bad)?;
        let last_log_id = request.last_log.as_ref().map(codec::position_from_wire);
        let answer = self.0.raft.vote(VoteRequest { vote, last_log_id }).await.map_err(stopped)?;
        Ok(Response::new(pb::VoteResponse {
            vote: Some(codec::vote_to_wire(&answer.vote)),
            granted: answer.vote_granted,
            last_log: answer.last_log_id.as_ref().map(codec::position_to_wire),
        }))
    }

    async fn snapshot(
        &self,
        request: Request<Streaming<pb::SnapshotRequest>>,
    ) -> Result<Response<pb::SnapshotResponse>, Status> {
        use pb::snapshot_request::Part;
        let mut parts = request.into_inner();
        let Some(pb::SnapshotRequest { part: Some(Part::Start(start)) }) = parts.message().await? else {
            return Err(Status::invalid_argument("a snapshot begins with its start"));
        };
        self.0.peers.check(start.sender.as_ref())?;
        let vote = codec::vote_from_wire(start.vote).map_err(bad)?;
        let store = &self.0.shared.store;
        let file = blocking(|| store.new_snapshot_file(0)).map_err(stopped)?;
        let received = async {
            let mut at = 0u64;
            while let Some(message) = parts.message().await? {
                let Some(Part::Data(part)) = message.part else {
                    return Err(Status::invalid_argument("a snapshot has one start"));
                };
                let digest = blake3::hash(&part.data);
                if digest.as_bytes()[..] != part.digest[..] {
                    return Err(Status::data_loss(format!("snapshot part at byte {at} does not match its digest")));
                }
                let end = at + part.data.len() as u64;
                if end > start.bytes {
                    return Err(Status::invalid_argument(format!("snapshot of {} bytes has {end}", start.bytes)));
                }
                blocking(|| file.file.write(at, &part.data)).map_err(stopped)?;
                at = end;
            }
            if at != start.bytes {
                return Err(Status::data_loss(format!("snapshot of {} bytes ended at {at}", start.bytes)));
            }
            // A file that its sender's disk damaged must not stop this node: verify before openraft installs it.
            blocking(|| file.verify()).map_err(|error| Status::data_loss(error.to_string()))?;
            self.0.shared.received(file.clone()).map_err(Status::data_loss)
        };
        match received.await {
            Ok(snapshot) => {
                let answer = self.0.raft.install_full_snapshot(vote, snapshot).await.map_err(stopped)?;
                // One that openraft did not need is removed again; at the next start it would be anyway.
                if store.current_snapshot().is_none_or(|(_, current)| current.name != file.name) {
                    blocking(|| store.remove_snapshot(&file.name)).map_err(stopped)?;
                }
                Ok(Response::new(pb::SnapshotResponse { vote: Some(codec::vote_to_wire(&answer.vote)) }))
            }
            Err(status) => {
                blocking(|| store.remove_snapshot(&file.name)).map_err(stopped)?;
                Err(status)
            }
        }
    }

    async fn submit(&self, request: Request<pb::SubmitRequest>) -> Result<Response<pb::SubmitResponse>, Status> {
        use pb::submit_response::Result as Wire;
        let request = request.into_inner();
        self.0.peers.check(request.sender.as_ref())?;
        let result = match self.0.submit_forwarded(request.submissions).await {
            Ok(outcomes) => {
                let encode = |outcome| serde_json::to_vec(outcome).map(bytes::Bytes::from);
                let outcomes: Result<Vec<_>, _> = outcomes.iter().map(encode).collect();
                Wire::Outcomes(pb::Outcomes {
                    outcomes: outcomes.map_err(|error| Status::internal(error.to_string()))?,
                })
            }
            Err(refusal) => Wire::Refusal(json(&refusal)),
        };
        Ok(Response::new(pb::SubmitResponse { result: Some(result) }))
    }

    async fn read_index(
        &self,
        request: Request<pb::ReadIndexRequest>,
    ) -> Result<Response<pb::ReadIndexResponse>, Status> {
        use pb::read_index_response::Result as Wire;
        self.0.peers.check(request.into_inner().sender.as_ref())?;
        let result = match self.0.leader_read_index().await {
            Ok(index) => Wire::Index(index),
            Err(refusal) => Wire::Refusal(json(&refusal)),
        };
        Ok(Response::new(pb::ReadIndexResponse { result: Some(result) }))
    }

    async fn state_digest(
        &self,
        request: Request<pb::StateDigestRequest>,
    ) -> Result<Response<pb::StateDigestResponse>, Status> {
        let request = request.into_inner();
        self.0.peers.check(request.sender.as_ref())?;
        let applied = *self.0.shared.applied.borrow();
        let digest = self.0.shared.digests.get(request.index).map(|digest| digest.to_vec().into());
        Ok(Response::new(pb::StateDigestResponse { applied, digest }))
    }

    async fn elect(&self, request: Request<pb::ElectRequest>) -> Result<Response<pb::ElectResponse>, Status> {
        self.0.peers.check(request.into_inner().sender.as_ref())?;
        self.0.raft.trigger().elect().await.map_err(stopped)?;
        Ok(Response::new(pb::ElectResponse {}))
    }
}
