//! The handle of a replicating node.

use super::background::Asides;
use super::digests::Digests;
use super::fatal::Fatal;
use super::ingress::{Admission, Queued, batcher, core_error};
use super::peer::{Client, MAX_MESSAGE, Network, Notary, Peers, Service};
use super::prepare::Preparer;
use super::reads::Reads;
use super::runtime::with_entropy;
use super::settings::RaftSettings;
use super::status::{RaftStatus, Role};
use super::storage::{Durable, LogStore, Machine, Shared, Snapshots};
use super::types::{Member, Raft};
use super::watch as watchers;
use crate::store::{Applied, LogRow, StateView, Store, WriteError};
use bytes::Bytes;
use openraft::ServerState;
use openraft::error::{InitializeError, RaftError};
use selfsame_env::{Env, Listener, incoming};
use selfsame_machine::view::ReadError;
use selfsame_machine::{Genesis, Outcome};
use selfsame_protocol::code::{Code, Refusal};
use selfsame_protocol::digest::hex;
use selfsame_protocol::keys::SecretKey;
use selfsame_wire::date::Dated;
use selfsame_wire::raft::v1 as pb;
use selfsame_wire::raft::v1::peer_service_server::PeerServiceServer;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A founding node without an address in the settings.
    #[error("no address for founding node {0}: every node of the genesis needs one")]
    NoAddress(u64),
    /// Settings that exclude each other.
    #[error("raft settings: {0}")]
    Settings(String),
    /// The store failed.
    #[error("starting from the stored state: {0}")]
    Store(String),
    /// The consensus core did not start.
    #[error("starting the consensus core: {0}")]
    Core(String),
}

/// A node of the cluster. Clones are handles to the same node.
#[derive(Clone)]
pub struct RaftNode {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub id: u64,
    pub raft: Raft,
    pub peers: Arc<Peers>,
    pub shared: Arc<Shared>,
    pub store: Store,
    pub settings: RaftSettings,
    pub env: Env,
    pub stop: CancellationToken,
    pub queue: mpsc::Sender<Queued>,
    pub admission: Admission,
    pub reads: Reads,
    pub room: Arc<Semaphore>,
    pub inflight: Arc<Semaphore>,
    /// True while leadership is being handed over: nothing may renew the lease.
    pub silent: watch::Sender<bool>,
    pub leader: watch::Sender<Option<u64>>,
    /// Weak, because the notary uses this node: neither may keep the other from ending.
    pub notary: Mutex<Option<Weak<dyn Notary>>>,
    tasks: Mutex<JoinSet<()>>,
    asides: Asides,
}

impl RaftNode {
    /// Starts replication on `listener`. On a fresh directory the genesis is stored, and a founding node forms the
    /// cluster from `addresses`; any number of founding nodes may do so at once, with the same addresses. `key` is the
    /// node's own, which seals what it says to its peers.
    #[allow(clippy::too_many_arguments, reason = "called in one place; each is something else")]
    pub async fn start(
        id: u64,
        key: SecretKey,
        genesis: Arc<Genesis>,
        settings: RaftSettings,
        store: Store,
        env: Env,
        listener: Box<dyn Listener>,
        addresses: BTreeMap<u64, Member>,
    ) -> Result<RaftNode, StartError> {
        let config = settings.openraft(&genesis.cluster).map_err(|error| StartError::Settings(error.to_string()))?;
        if settings.max_inflight == 0 || settings.max_batch == 0 || settings.queue == 0 {
            return Err(StartError::Settings("max_inflight, max_batch and queue are at least 1".into()));
        }
        let fatal = Fatal::new();
        let stop = env.shutdown.child_token();
        let executor = env.executor;
        let durable = Durable::new(store.log.clone(), fatal.clone(), stop.clone(), executor);
        let mark = executor.here(|| seed(&store, &genesis)).map_err(StartError::Store)?;
        let shared = Arc::new(Shared {
            store: store.state.clone(),
            preparer: Arc::new(Preparer::new(genesis.limits.clone(), executor)),
            digests: Arc::new(Digests::default()),
            snapshots: executor.here(|| Snapshots::new(&store, settings.snapshot_after_bytes)),
            applied: watch::Sender::new(0),
            durable: durable.clone(),
            fatal: fatal.clone(),
            executor,
        });
        shared.restore(&mark);
        let known = addresses.iter().map(|(id, member)| (*id, member.peer_addr.clone())).collect();
        let peers = Peers::new(&env, &genesis, id, key, store.state.clone(), known);
        let peers = Arc::new(peers.map_err(|error| StartError::Core(format!("no entropy: {error}")))?);
        let log = LogStore::new(id, &store, shared.applied.subscribe(), durable.clone(), fatal, executor);
        let asides = log.asides();
        let network = Network(peers.clone(), shared.clone());
        let core = Raft::new(id, Arc::new(config), network, log, Machine(shared.clone()));
        let raft =
            with_entropy(env.entropy.clone(), core).await.map_err(|error| StartError::Core(error.to_string()))?;
        let (queue, queued) = mpsc::channel(settings.queue);
        let inner = Arc::new(Inner {
            id,
            raft,
            peers,
            shared,
            store,
            stop,
            queue,
            admission: Admission::new(&settings),
            reads: Reads::default(),
            room: Arc::new(Semaphore::new(settings.queue_bytes)),
            inflight: Arc::new(Semaphore::new(settings.max_inflight)),
            silent: watch::Sender::new(false),
            leader: watch::Sender::new(None),
            notary: Mutex::default(),
            settings,
            env,
            tasks: Mutex::default(),
            asides,
        });
        inner.spawn(batcher(inner.clone(), queued));
        inner.spawn(durable.run());
        inner.spawn(watchers::core(inner.clone()));
        inner.spawn(watchers::states(inner.clone()));
        inner.spawn(watchers::syncs(inner.clone()));
        inner.spawn(watchers::snapshots(inner.clone()));
        inner.spawn(serve(inner.clone(), listener));
        let node = RaftNode { inner };
        if let Err(error) = node.form(&genesis, &addresses).await {
            node.shutdown().await;
            return Err(error);
        }
        Ok(node)
    }

    async fn form(&self, genesis: &Genesis, addresses: &BTreeMap<u64, Member>) -> Result<(), StartError> {
        let raft = &self.inner.raft;
        let founding = genesis.nodes.iter().any(|node| node.id == self.inner.id);
        let formed = raft.is_initialized().await.map_err(|error| StartError::Core(error.to_string()))?;
        if formed || !founding {
            return Ok(());
        }
        let member = |id: u64| addresses.get(&id).cloned().ok_or(StartError::NoAddress(id));
        let founders = genesis.nodes.iter().map(|node| Ok((node.id, member(node.id)?)));
        let founders: BTreeMap<u64, Member> = founders.collect::<Result<_, StartError>>()?;
        match raft.initialize(founders).await {
            // Another founder was faster: its entries are here already.
            Ok(()) | Err(RaftError::APIError(InitializeError::NotAllowed(_))) => Ok(()),
            Err(error) => Err(StartError::Core(error.to_string())),
        }
    }

    /// Submits one envelope (signature ‖ payload). `Ok(Err(_))` is a refusal by rule; `Err(_)` means that no answer was
    /// had, and with `OUTCOME_UNKNOWN` that it may have taken effect: retry the same bytes.
    pub async fn submit(&self, envelope: impl Into<Bytes>) -> Result<Outcome, Refusal> {
        let mut outcomes = self.inner.submit_many(vec![envelope.into()]).await?;
        outcomes.pop().ok_or_else(|| self.inner.unknown("no outcome"))
    }

    /// Submits envelopes; outcomes come in the same order. They may be split over several log entries.
    pub async fn submit_many(&self, envelopes: Vec<Vec<u8>>) -> Result<Vec<Outcome>, Refusal> {
        self.inner.submit_many(envelopes.into_iter().map(Bytes::from).collect()).await
    }

    /// Returns when this node has applied everything that was committed when it was called: a [`RaftNode::view`] taken
    /// afterwards is linearizable. Costs one round to a quorum, shared with all who ask meanwhile, and relies on no clock.
    pub async fn linearize(&self) -> Result<(), Refusal> {
        let inner = &self.inner;
        inner.alive()?;
        let stale = selfsame_protocol::planted!("stale_read_after_leader_change");
        let index = if stale { 0 } else { inner.read_index().await? };
        let mut applied = inner.shared.applied.subscribe();
        let reached = tokio::time::timeout(inner.settings.request_timeout(), applied.wait_for(|at| *at >= index)).await;
        match reached.map(|reached| reached.map(|_| ())) {
            Ok(Ok(_)) => inner.alive(),
            Ok(Err(error)) => Err(inner.stopped(error)),
            Err(_) => Err(Refusal::new(
                Code::NoLeader,
                "this node did not catch up in time to answer: try again, or ask another node",
                index,
                *inner.shared.applied.borrow(),
            )),
        }
    }

    /// A consistent view of the state as applied here.
    pub fn view(&self) -> Result<StateView, ReadError> {
        self.inner.store.state.view()
    }

    /// A consistent view of the state as it is stored: as applied a moment ago.
    pub fn stored_view(&self) -> Result<StateView, ReadError> {
        self.inner.store.state.stored_view()
    }

    /// Makes the applied state durable; without it that happens from time to time, and the log holds the rest.
    pub fn sync(&self) -> Result<(), WriteError> {
        self.inner.env.executor.here(|| self.inner.store.state.sync())
    }

    /// The applied index, after each apply.
    pub fn applied(&self) -> watch::Receiver<u64> {
        self.inner.shared.applied.subscribe()
    }

    /// Stored log entries with `from <= index < to`, as bytes of [`selfsame_wire::raft::v1::LogEntry`]: for audits, which
    /// repeat what was decided.
    pub fn stored_log(&self, from: u64, to: u64) -> Result<Vec<LogRow>, ReadError> {
        self.inner.store.log.read(from, to, usize::MAX)
    }

    /// What this node knows now.
    pub fn status(&self) -> RaftStatus {
        let metrics = self.inner.raft.metrics().borrow().clone();
        let members = metrics.membership_config.membership();
        let voters: BTreeSet<u64> = members.voter_ids().collect();
        let split = |want: bool| {
            let chosen = members.nodes().filter(|(id, _)| voters.contains(id) == want);
            chosen.map(|(id, member)| (*id, member.peer_addr.clone())).collect()
        };
        let stopped = metrics.running_state.is_err() || self.inner.shared.fatal.get().is_some();
        RaftStatus {
            id: self.inner.id,
            role: match metrics.state {
                _ if stopped => Role::Stopped,
                ServerState::Learner => Role::Learner,
                ServerState::Follower => Role::Follower,
                ServerState::Candidate => Role::Candidate,
                ServerState::Leader => Role::Leader,
                ServerState::Shutdown => Role::Stopped,
            },
            term: metrics.current_term,
            leader: metrics.current_leader,
            last_log: metrics.last_log_index,
            commit: metrics.last_applied.map(|id| id.index),
            applied: *self.inner.shared.applied.borrow(),
            voters: split(true),
            learners: split(false),
            snapshot: metrics.snapshot.map(|id| id.index),
            purged: metrics.purged.map(|id| id.index),
            state_digest: self.inner.shared.digests.latest().map_or(String::new(), |(_, digest)| hex(&digest)),
        }
    }

    /// The leader as this node knows it.
    pub fn leader(&self) -> watch::Receiver<Option<u64>> {
        self.inner.leader.subscribe()
    }

    /// Starts building a snapshot; purging of old entries follows it.
    pub async fn trigger_snapshot(&self) -> Result<(), Refusal> {
        self.inner.raft.trigger().snapshot().await.map_err(|error| self.inner.stopped(error))
    }

    /// Why this node cannot continue, once that is so. The process should exit with it.
    pub fn fatal(&self) -> watch::Receiver<Option<String>> {
        self.inner.shared.fatal.subscribe()
    }

    /// Stops replication and closes the store. Returns when the core and all tasks have ended.
    pub async fn shutdown(&self) {
        self.inner.stop.cancel();
        // The core's own error was recorded when it happened.
        let _ = self.inner.raft.shutdown().await;
        let mut tasks = std::mem::take(&mut *self.inner.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        while tasks.join_next().await.is_some() {}
        self.inner.asides.ended().await;
        self.inner.env.executor.here(|| self.inner.store.close());
    }
}

impl Inner {
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).spawn(task);
    }

    /// Refuses when the node stopped for good or is stopping.
    pub(super) fn alive(&self) -> Result<(), Refusal> {
        if let Some(reason) = self.shared.fatal.get() {
            return Err(Refusal::new(Code::Quarantined, "this node stopped taking part: ask another one", "", reason));
        }
        if self.stop.is_cancelled() {
            return Err(Refusal::new(Code::ShuttingDown, "this node is stopping: ask another one", "", ""));
        }
        Ok(())
    }

    pub(super) fn leads(&self) -> bool {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow();
        metrics.current_leader == Some(self.id) && metrics.state == ServerState::Leader
    }

    pub(super) fn no_leader(&self) -> Refusal {
        let leader = self.raft.metrics().borrow().current_leader;
        let found = leader.map_or("no leader is known".to_owned(), |leader| format!("node {leader} leads"));
        let sentence = format!("node {} does not lead: try again, or ask the leader", self.id);
        Refusal::new(Code::NoLeader, &sentence, "", found)
    }

    pub(super) fn voters(&self) -> BTreeSet<u64> {
        self.raft.metrics().borrow().membership_config.membership().voter_ids().collect()
    }

    pub(super) fn peer_address(&self, id: u64) -> String {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow();
        metrics.membership_config.membership().get_node(&id).map(|member| member.peer_addr.clone()).unwrap_or_default()
    }

    /// The read index, confirmed by a quorum; only the leader can give it.
    pub(super) async fn leader_read_index(&self) -> Result<u64, Refusal> {
        self.alive()?;
        let limit = self.settings.request_timeout();
        let mut silent = self.silent.subscribe();
        let spoke = tokio::time::timeout(limit, silent.wait_for(|silent| !silent)).await.is_ok();
        if !spoke {
            return Err(self.no_leader());
        }
        match tokio::time::timeout(limit, self.raft.get_read_log_id()).await {
            Ok(Ok((read, _))) => Ok(read.map_or(0, |id| id.index)),
            Ok(Err(error)) => Err(core_error(self, error)),
            Err(_) => Err(self.no_leader()),
        }
    }

    pub(super) async fn ask_read_index(&self, leader: u64) -> Result<u64, Refusal> {
        use pb::read_index_response::Result as Wire;
        let refuse = |reason: &str| {
            Refusal::new(
                Code::NoLeader,
                "the leader could not be asked for the present state: try again",
                format!("an answer of node {leader}"),
                reason,
            )
        };
        let call = |mut client: Client, sealed| async move { client.read_index(sealed).await };
        let (address, limit) = (self.peer_address(leader), self.settings.request_timeout());
        let answer = self.peers.ask("read_index", leader, &address, &pb::ReadIndexRequest {}, limit, call).await;
        let answer: Result<pb::ReadIndexResponse, _> = answer;
        match answer.map_err(|status| refuse(status.message()))?.result {
            Some(Wire::Index(index)) => Ok(index),
            Some(Wire::Refusal(json)) => {
                Err(serde_json::from_slice(&json).unwrap_or_else(|_| refuse("a refusal that does not decode")))
            }
            None => Err(refuse("an empty answer")),
        }
    }
}

/// Stores the genesis on a fresh directory; gives the applied mark.
fn seed(store: &Store, genesis: &Genesis) -> Result<Applied, String> {
    let state = &store.state;
    if let Some(mark) = state.applied().map_err(|error| error.to_string())? {
        return Ok(mark);
    }
    let changes = genesis.changes();
    let mark = Applied { position: None, membership: String::new(), digest: String::new() };
    state.commit(changes, mark.clone()).and_then(|()| state.sync()).map_err(|error| error.to_string())?;
    Ok(mark)
}

async fn serve(inner: Arc<Inner>, listener: Box<dyn Listener>) {
    let service = PeerServiceServer::new(Service(inner.clone()))
        .max_decoding_message_size(MAX_MESSAGE)
        .max_encoding_message_size(MAX_MESSAGE);
    let clock = inner.env.clock.clone();
    let server = tonic::transport::Server::builder()
        .layer(Dated(Arc::new(move || clock.now_ms())))
        .tcp_nodelay(true)
        .initial_stream_window_size(4 << 20)
        .initial_connection_window_size(8 << 20)
        .max_concurrent_streams(256)
        .add_service(service)
        .serve_with_incoming_shutdown(incoming(listener), inner.stop.clone().cancelled_owned());
    // Calls under way end when the core stops; connections that stay idle are not waited for.
    let end = async {
        inner.stop.cancelled().await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    };
    tokio::select! {
        biased;
        served = server => if let Err(error) = served {
            inner.shared.fatal.set(format!("the peer service ended: {error}"));
        },
        () = end => {}
    }
}
