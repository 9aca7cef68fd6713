//! openraft's network over the peer service.

use super::append_stream::AppendStream;
use super::client::{Client, Peers, within};
use super::keys::PairKey;
use crate::raft::codec;
use crate::raft::storage::StateMachineParts;
use crate::raft::types::{MemberAddress, TypeConfig, Vote};
use crate::store::SnapshotFile;
use bytes::Bytes;
use openraft::error::{Fatal, NetworkError, RPCError, RaftError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::{Backoff, RPCOption};
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, VoteRequest, VoteResponse};
use openraft::{AnyError, OptionalSend, RaftNetwork, RaftNetworkFactory, Snapshot};
use prost::Message;
use selfsame_env::{DiskFile, Executor};
use selfsame_wire::raft::v1 as pb;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Response, Status};

/// Bytes of snapshot in one message.
const PART: u64 = 1 << 20;

type Rpc<E> = RPCError<u64, MemberAddress, E>;

/// Makes connections for openraft.
pub(in crate::raft) struct Network(pub Arc<Peers>, pub Arc<StateMachineParts>);

/// The way to one node.
pub(in crate::raft) struct Connection {
    peers: Arc<Peers>,
    shared: Arc<StateMachineParts>,
    target: u64,
    address: String,
    stream: AppendStream,
}

impl RaftNetworkFactory<TypeConfig> for Network {
    type Network = Connection;
    async fn new_client(&mut self, target: u64, node: &MemberAddress) -> Connection {
        let (peers, shared, address) = (self.0.clone(), self.1.clone(), node.peer_addr.clone());
        Connection { peers, shared, target, address, stream: AppendStream::default() }
    }
}

fn unreachable(status: &Status) -> Unreachable {
    Unreachable::from(AnyError::error(format!("{}: {}", status.code(), status.message())))
}
fn malformed(error: impl ToString) -> NetworkError {
    NetworkError::from(AnyError::error(error.to_string()))
}

impl Connection {
    async fn ask<Q: Message, A: Message + Default, F>(
        &self,
        what: &str,
        request: &Q,
        limit: Duration,
        call: impl FnOnce(Client, pb::Sealed) -> F,
    ) -> Result<A, Unreachable>
    where
        F: Future<Output = Result<Response<pb::Sealed>, Status>>,
    {
        let answer = self.peers.ask(what, self.target, &self.address, request, limit, call).await;
        answer.map_err(|status| unreachable(&status))
    }

    /// The target, or the way there, says that this snapshot is damaged. Its bytes travel behind digests of what was read
    /// here, so it may have decayed on this disk after it was written: then another one takes its place.
    fn refused(&self, snapshot: &SnapshotFile) {
        let (name, target, snapshots) = (&snapshot.name, self.target, &self.shared.snapshots);
        if !snapshots.may_look(target, name) {
            return;
        }
        match self.shared.executor.here(|| snapshot.verify()) {
            Ok(_) => tracing::warn!(name, target, "a node refused a snapshot as damaged, which is whole on this disk"),
            // One that took its place meanwhile may be whole.
            Err(_) if self.shared.store.current_snapshot().is_none_or(|(_, current)| current.name != *name) => {}
            Err(error) => {
                tracing::warn!(%error, name, target, "this snapshot is damaged on the disk: another one is written");
                snapshots.damaged(name);
            }
        }
    }
}

impl RaftNetwork<TypeConfig> for Connection {
    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<u64>, Rpc<RaftError<u64>>> {
        use pb::append_response::Result as Wire;
        // Nobody hears of a commit that counted this node before its own disk has the entries.
        if let Some(commit) = &request.leader_commit
            && !self.shared.log_syncer.wait_durable(commit.index).await
        {
            return Err(malformed(format!("log entry {} was never durable here", commit.index)).into());
        }
        let request = pb::AppendRequest {
            vote: Some(codec::vote_to_wire(&request.vote)),
            previous: request.prev_log_id.as_ref().map(codec::log_id_to_wire),
            commit: request.leader_commit.as_ref().map(codec::log_id_to_wire),
            entries: request.entries.iter().map(codec::entry_to_wire).collect(),
        };
        // Taken out: what is given up in the middle, or answered wrongly, is not asked on again.
        let mut stream = std::mem::take(&mut self.stream);
        let on = &mut stream;
        let call = move |client: Client, sealed| async move { on.ask(client, sealed).await };
        let answer: pb::AppendResponse = self.ask("append", &request, option.hard_ttl(), call).await?;
        self.stream = stream;
        match answer.result.ok_or_else(|| malformed("an append answer without result"))? {
            Wire::Success(_) => Ok(AppendEntriesResponse::Success),
            Wire::Partial(partial) => {
                let upto = codec::optional_log_id_from_wire(partial.upto.as_ref()).map_err(malformed)?;
                Ok(AppendEntriesResponse::PartialSuccess(upto))
            }
            Wire::Conflict(_) => Ok(AppendEntriesResponse::Conflict),
            Wire::HigherVote(vote) => {
                Ok(AppendEntriesResponse::HigherVote(codec::vote_from_wire(Some(vote)).map_err(malformed)?))
            }
        }
    }

    async fn vote(
        &mut self,
        request: VoteRequest<u64>,
        option: RPCOption,
    ) -> Result<VoteResponse<u64>, Rpc<RaftError<u64>>> {
        let request = pb::VoteRequest {
            vote: Some(codec::vote_to_wire(&request.vote)),
            last_log: request.last_log_id.as_ref().map(codec::log_id_to_wire),
        };
        let call = |mut client: Client, sealed| async move { client.vote(sealed).await };
        let answer: pb::VoteResponse = self.ask("vote", &request, option.hard_ttl(), call).await?;
        Ok(VoteResponse {
            vote: codec::vote_from_wire(answer.vote).map_err(malformed)?,
            vote_granted: answer.granted,
            last_log_id: codec::optional_log_id_from_wire(answer.last_log.as_ref()).map_err(malformed)?,
        })
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot<TypeConfig>,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        option: RPCOption,
    ) -> Result<SnapshotResponse<u64>, StreamingError<TypeConfig, Fatal<u64>>> {
        let snapshot = *snapshot.snapshot;
        if self.shared.snapshots.is_damaged(&snapshot.name) {
            let reason = format!("snapshot {} is damaged: another one is being written", snapshot.name);
            return Err(unreachable(&Status::unavailable(reason)).into());
        }
        let file = snapshot.file.clone();
        let executor = self.shared.executor;
        let bytes = executor.here(|| file.len()).map_err(|error| malformed(error.to_string()))?;
        let start = pb::SnapshotStart { vote: Some(codec::vote_to_wire(&vote)), bytes };
        let pair = self.peers.pair_with(self.target).await.map_err(|status| unreachable(&status))?;
        let nonce = self.peers.nonce();
        let stream = messages(file, executor, start, self.peers.clone(), self.target, pair, nonce.clone());
        let mut client = self.peers.client(self.target, &self.address).map_err(|status| unreachable(&status))?;
        tokio::select! {
            biased;
            closed = cancel => Err(closed.into()),
            answer = within(option.hard_ttl(), client.snapshot(stream)) => {
                let answer = answer.map_err(|status| {
                    if status.code() == Code::DataLoss {
                        self.refused(&snapshot);
                    }
                    unreachable(&status)
                })?;
                let answer = self.peers.open_stream_answer("snapshot", self.target, &nonce, &answer).await;
                let answer: pb::SnapshotResponse = answer.map_err(|status| unreachable(&status))?;
                Ok(SnapshotResponse { vote: codec::vote_from_wire(answer.vote).map_err(malformed)? })
            }
        }
    }

    fn backoff(&self) -> Backoff {
        Backoff::new(std::iter::repeat(Duration::from_millis(200)))
    }
}

/// The messages of one snapshot. At most two parts are read ahead of the connection: memory does not grow with the
/// state. A read error ends the stream early, and the receiver refuses what is short.
fn messages(
    file: Arc<dyn DiskFile>,
    executor: Executor,
    start: pb::SnapshotStart,
    peers: Arc<Peers>,
    target: u64,
    pair: Arc<PairKey>,
    nonce: Bytes,
) -> ReceiverStream<pb::Sealed> {
    let (sender, receiver) = mpsc::channel(2);
    tokio::spawn(async move {
        use pb::snapshot_request::Part;
        let bytes = start.bytes;
        let mut part = Part::Start(start);
        let (mut at, mut number) = (0, 0);
        let mut authenticate = |part| {
            let request = pb::SnapshotRequest { part: Some(part) };
            let sealed = peers.authenticate("snapshot", target, &pair, nonce.clone(), number, &request);
            number += 1;
            sealed
        };
        // The receiver is gone when the transfer was cancelled or refused: then there is nothing more to do.
        while sender.send(authenticate(part)).await.is_ok() && at < bytes {
            let mut data = vec![0; usize::try_from(PART.min(bytes - at)).unwrap_or(0)];
            if let Err(error) = executor.here(|| file.read(at, &mut data)) {
                tracing::error!(%error, at, "reading a snapshot to send failed");
                return;
            }
            at += data.len() as u64;
            let digest = blake3::hash(&data).as_bytes().to_vec().into();
            part = Part::Data(pb::SnapshotPart { digest, data: data.into() });
        }
    });
    ReceiverStream::new(receiver)
}
