//! The peer service: what other nodes of the cluster may ask.

use super::client::{Asker, MAX_MESSAGE, Peers};
use super::cosign::{CosignHandlerSlot, few, wire};
use crate::raft::codec::{self, Malformed};
use crate::raft::storage::StateMachineParts;
use crate::raft::types::{Raft, TypeConfig, Vote};
use bytes::Bytes;
use futures::stream::{self, Stream};
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, VoteRequest};
use selfsame_env::{Clock, Listener, incoming};
use selfsame_machine::Outcome;
use selfsame_protocol::code::Refusal;
use selfsame_wire::date::Dated;
use selfsame_wire::raft::v1 as pb;
use selfsame_wire::raft::v1::peer_service_server::{PeerService, PeerServiceServer};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

/// How far a term may be ahead of this node's: an election each second would take a century to get there, and no single
/// message may use up the terms that are left.
const TERMS_AHEAD: u64 = 1 << 32;

/// What a node answers while it leads.
#[tonic::async_trait]
pub(in crate::raft) trait LeaderRequests: Send + Sync {
    /// Takes submissions that another node forwarded into this node's own log entries; outcomes come in the same order.
    async fn submit(&self, submissions: Vec<Bytes>) -> Result<Vec<Outcome>, Refusal>;
    /// An index at which a read is linearizable.
    async fn read_index(&self) -> Result<u64, Refusal>;
}

/// Serves peers for one node.
#[derive(Clone)]
pub(in crate::raft) struct Service {
    pub peers: Arc<Peers>,
    pub raft: Raft,
    pub shared: Arc<StateMachineParts>,
    pub leader: Arc<dyn LeaderRequests>,
    pub cosign_handler: CosignHandlerSlot,
    pub stop: CancellationToken,
}

fn bad(error: Malformed) -> Status {
    Status::invalid_argument(error.to_string())
}
// A core that stopped reads as unreachable to its peers, which then wait before they try again.
fn stopped(error: impl ToString) -> Status {
    Status::unavailable(error.to_string())
}
fn json(refusal: &Refusal) -> Bytes {
    serde_json::to_vec(refusal).unwrap_or_default().into()
}

impl Service {
    /// A node speaks for itself: it leads or stands under its own id. `leads` is what the method demands of the ballot.
    fn own_vote(&self, asker: &Asker, ballot: Option<pb::Ballot>, leads: bool) -> Result<Vote, Status> {
        let vote = codec::vote_from_wire(ballot).map_err(bad)?;
        let (node, term) = (vote.leader_id.node_id, vote.leader_id.term);
        if node != asker.node || vote.committed != leads {
            let found = format!("{} of node {node}, committed {}", vote.leader_id, vote.committed);
            let expected = format!("node {}'s own, committed {leads}", asker.node);
            return Err(Status::invalid_argument(format!("ballot: expected {expected}, found {found}")));
        }
        let own = self.raft.metrics().borrow().current_term;
        if term > own.saturating_add(TERMS_AHEAD) {
            return Err(Status::invalid_argument(format!("term {term} is too far ahead of {own}")));
        }
        Ok(vote)
    }

    async fn answer_append(&self, sealed: &pb::Sealed) -> Result<pb::Sealed, Status> {
        use pb::append_response::Result as Wire;
        let (asker, request): (_, pb::AppendRequest) = self.peers.open("append", sealed).await?;
        let entries: Result<Vec<_>, _> = request.entries.into_iter().map(codec::entry_from_wire).collect();
        let request = AppendEntriesRequest {
            vote: self.own_vote(&asker, request.vote, true)?,
            prev_log_id: codec::optional_log_id_from_wire(request.previous.as_ref()).map_err(bad)?,
            leader_commit: codec::optional_log_id_from_wire(request.commit.as_ref()).map_err(bad)?,
            entries: entries.map_err(bad)?,
        };
        consecutive(&request)?;
        let result = match self.raft.append_entries(request).await.map_err(stopped)? {
            AppendEntriesResponse::Success => Wire::Success(pb::Blank {}),
            AppendEntriesResponse::PartialSuccess(upto) => {
                Wire::Partial(pb::Partial { upto: upto.as_ref().map(codec::log_id_to_wire) })
            }
            AppendEntriesResponse::Conflict => Wire::Conflict(pb::Blank {}),
            AppendEntriesResponse::HigherVote(vote) => Wire::HigherVote(codec::vote_to_wire(&vote)),
        };
        Ok(self.peers.answer("append", &asker, &pb::AppendResponse { result: Some(result) }).into_inner())
    }
}

/// What is answered on a stream of entries, in the order of the requests.
type Answers = Pin<Box<dyn Stream<Item = Result<pb::Sealed, Status>> + Send>>;

/// Entries follow the position before them and each other without a gap.
fn consecutive(request: &AppendEntriesRequest<TypeConfig>) -> Result<(), Status> {
    let mut last = request.prev_log_id;
    for entry in &request.entries {
        let expected = last.map_or(0, |last| last.index + 1);
        if entry.log_id.index != expected || last.is_some_and(|last| entry.log_id <= last) {
            let found = entry.log_id;
            return Err(Status::invalid_argument(format!(
                "entries are consecutive: expected index {expected}, found {found}"
            )));
        }
        last = Some(entry.log_id);
    }
    Ok(())
}

#[tonic::async_trait]
impl PeerService for Service {
    type AppendStream = Answers;

    async fn append(&self, request: Request<Streaming<pb::Sealed>>) -> Result<Response<Answers>, Status> {
        let begun = (self.clone(), request.into_inner());
        let answers = stream::try_unfold(begun, |(service, mut asked)| async move {
            let stop = service.stop.clone();
            let sealed = tokio::select! {
                biased;
                () = stop.cancelled() => return Err(stopped("the node stops")),
                sealed = asked.message() => sealed?,
            };
            let Some(sealed) = sealed else { return Ok(None) };
            Ok(Some((service.answer_append(&sealed).await?, (service, asked))))
        });
        Ok(Response::new(Box::pin(answers)))
    }

    async fn vote(&self, request: Request<pb::Sealed>) -> Result<Response<pb::Sealed>, Status> {
        let (asker, request): (_, pb::VoteRequest) = self.peers.open("vote", request.get_ref()).await?;
        let vote = self.own_vote(&asker, request.vote, false)?;
        let last_log_id = codec::optional_log_id_from_wire(request.last_log.as_ref()).map_err(bad)?;
        let answer = self.raft.vote(VoteRequest { vote, last_log_id }).await.map_err(stopped)?;
        let answer = pb::VoteResponse {
            vote: Some(codec::vote_to_wire(&answer.vote)),
            granted: answer.vote_granted,
            last_log: answer.last_log_id.as_ref().map(codec::log_id_to_wire),
        };
        Ok(self.peers.answer("vote", &asker, &answer))
    }

    async fn snapshot(&self, request: Request<Streaming<pb::Sealed>>) -> Result<Response<pb::Sealed>, Status> {
        use pb::snapshot_request::Part;
        let mut parts = request.into_inner();
        let peers = &self.peers;
        let no_start = || Status::invalid_argument("a snapshot begins with its start");
        let first = parts.message().await?.ok_or_else(no_start)?;
        let (asker, first): (_, pb::SnapshotRequest) = peers.open("snapshot", &first).await?;
        let Some(Part::Start(start)) = first.part else { return Err(no_start()) };
        let vote = self.own_vote(&asker, start.vote, true)?;
        let (store, executor) = (&self.shared.store, self.shared.executor);
        let file = executor.here(|| store.new_snapshot_file(0)).map_err(stopped)?;
        let received = async {
            let (mut at, mut number) = (0u64, 0u64);
            while let Some(message) = parts.message().await? {
                number += 1;
                let message: pb::SnapshotRequest = peers.open_part("snapshot", &asker, number, &message).await?;
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
                executor.here(|| file.file.write(at, &part.data)).map_err(stopped)?;
                at = end;
            }
            if at != start.bytes {
                return Err(Status::data_loss(format!("snapshot of {} bytes ended at {at}", start.bytes)));
            }
            // A file that its sender's disk damaged must not stop this node: verify before openraft installs it.
            executor.here(|| file.verify()).map_err(|error| Status::data_loss(error.to_string()))?;
            self.shared.received(file.clone()).map_err(Status::data_loss)
        };
        match received.await {
            Ok(snapshot) => {
                let answer = self.raft.install_full_snapshot(vote, snapshot).await.map_err(stopped)?;
                // One that openraft did not need is removed again; at the next start it would be anyway.
                if store.current_snapshot().is_none_or(|(_, current)| current.name != file.name) {
                    executor.here(|| store.remove_snapshot(&file.name)).map_err(stopped)?;
                }
                let answer = pb::SnapshotResponse { vote: Some(codec::vote_to_wire(&answer.vote)) };
                Ok(peers.answer("snapshot", &asker, &answer))
            }
            Err(status) => {
                executor.here(|| store.remove_snapshot(&file.name)).map_err(stopped)?;
                Err(status)
            }
        }
    }

    async fn submit(&self, request: Request<pb::Sealed>) -> Result<Response<pb::Sealed>, Status> {
        use pb::submit_response::Result as Wire;
        let (asker, request): (_, pb::SubmitRequest) = self.peers.open("submit", request.get_ref()).await?;
        let result = match self.leader.submit(request.submissions).await {
            Ok(outcomes) => {
                let encode = |outcome| serde_json::to_vec(outcome).map(Bytes::from);
                let outcomes: Result<Vec<_>, _> = outcomes.iter().map(encode).collect();
                Wire::Outcomes(pb::Outcomes {
                    outcomes: outcomes.map_err(|error| Status::internal(error.to_string()))?,
                })
            }
            Err(refusal) => Wire::Refusal(json(&refusal)),
        };
        Ok(self.peers.answer("submit", &asker, &pb::SubmitResponse { result: Some(result) }))
    }

    async fn read_index(&self, request: Request<pb::Sealed>) -> Result<Response<pb::Sealed>, Status> {
        use pb::read_index_response::Result as Wire;
        let (asker, _): (_, pb::ReadIndexRequest) = self.peers.open("read_index", request.get_ref()).await?;
        let result = match self.leader.read_index().await {
            Ok(index) => Wire::Index(index),
            Err(refusal) => Wire::Refusal(json(&refusal)),
        };
        Ok(self.peers.answer("read_index", &asker, &pb::ReadIndexResponse { result: Some(result) }))
    }

    async fn state_digest(&self, request: Request<pb::Sealed>) -> Result<Response<pb::Sealed>, Status> {
        let (asker, request): (_, pb::StateDigestRequest) = self.peers.open("state_digest", request.get_ref()).await?;
        let applied = *self.shared.applied.borrow();
        let digest = self.shared.digests.get(request.index).map(|digest| digest.to_vec().into());
        Ok(self.peers.answer("state_digest", &asker, &pb::StateDigestResponse { applied, digest }))
    }

    async fn elect(&self, request: Request<pb::Sealed>) -> Result<Response<pb::Sealed>, Status> {
        let (asker, _): (_, pb::ElectRequest) = self.peers.open("elect", request.get_ref()).await?;
        self.raft.trigger().elect().await.map_err(stopped)?;
        Ok(self.peers.answer("elect", &asker, &pb::ElectResponse {}))
    }

    async fn node_key(&self, request: Request<pb::Sealed>) -> Result<Response<pb::Sealed>, Status> {
        let sealed = request.get_ref();
        let (asker, request): (_, pb::NodeKeyRequest) = self.peers.open("node_key", sealed).await?;
        let key = self.peers.enrolled(request.node)?.map(|key| key.as_bytes().to_vec()).unwrap_or_default();
        Ok(self.peers.answer("node_key", &asker, &pb::NodeKeyResponse { key: key.into() }))
    }

    async fn cosign(&self, request: Request<pb::Sealed>) -> Result<Response<pb::Sealed>, Status> {
        let (asker, request): (_, pb::CosignRequest) = self.peers.open("cosign", request.get_ref()).await?;
        few(&request.texts)?;
        let lines = wire(self.cosign_handler.get()?.cosign(request.texts).await);
        Ok(self.peers.answer("cosign", &asker, &pb::CosignResponse { lines }))
    }

    async fn publish(&self, request: Request<pb::Sealed>) -> Result<Response<pb::Sealed>, Status> {
        let (asker, request): (_, pb::PublishRequest) = self.peers.open("publish", request.get_ref()).await?;
        few(&request.notes)?;
        let lines = wire(self.cosign_handler.get()?.publish(request.notes).await);
        Ok(self.peers.answer("publish", &asker, &pb::PublishResponse { lines }))
    }
}

/// Serves peers until the node stops.
pub(in crate::raft) async fn serve(service: Service, clock: Arc<dyn Clock>, listener: Box<dyn Listener>) {
    let (stop, fatal) = (service.stop.clone(), service.shared.fatal.clone());
    let service =
        PeerServiceServer::new(service).max_decoding_message_size(MAX_MESSAGE).max_encoding_message_size(MAX_MESSAGE);
    let server = tonic::transport::Server::builder()
        .layer(Dated(Arc::new(move || clock.now_ms())))
        .tcp_nodelay(true)
        .initial_stream_window_size(4 << 20)
        .initial_connection_window_size(8 << 20)
        .max_concurrent_streams(256)
        .add_service(service)
        .serve_with_incoming_shutdown(incoming(listener), stop.clone().cancelled_owned());
    // Calls under way end when the core stops; connections that stay idle are not waited for.
    let end = async {
        stop.cancelled().await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    };
    tokio::select! {
        biased;
        served = server => if let Err(error) = served {
            fatal.set(format!("the peer service ended: {error}"));
        },
        () = end => {}
    }
}
