//! The handle of a replicating node.

use super::background::BackgroundTasks;
use super::core::Core;
use super::digests::Digests;
use super::fatal::Fatal;
use super::ingress::{Ingress, batcher};
use super::peer::{CosignHandler, CosignHandlerSlot, LeaderRequests, Network, Peers, Service, SignatureLine, serve};
use super::prepare::Preparer;
use super::reads::Reads;
use super::runtime::with_entropy;
use super::settings::RaftSettings;
use super::status::{RaftRole, RaftStatus};
use super::storage::{LogSyncer, RaftLog, Snapshots, StateMachine, StateMachineParts};
use super::types::{MemberAddress, Raft};
use super::watch as watchers;
use crate::store::{AppliedMark, LogRow, StateView, Store, WriteError};
use bytes::Bytes;
use openraft::ServerState;
use openraft::error::{InitializeError, RaftError};
use selfsame_env::{Env, Listener};
use selfsame_machine::view::ReadError;
use selfsame_machine::{Genesis, Outcome};
use selfsame_protocol::code::{Code, Refusal};
use selfsame_protocol::digest::hex;
use selfsame_protocol::keys::SecretKey;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub enum RaftStartError {
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
    pub(super) core: Arc<Core>,
    pub(super) ingress: Arc<Ingress>,
    reads: Arc<Reads>,
    cosign_handler: CosignHandlerSlot,
    tasks: Arc<Mutex<JoinSet<()>>>,
    background: BackgroundTasks,
}

/// What this node answers other nodes while it leads.
struct Leader {
    ingress: Arc<Ingress>,
    reads: Arc<Reads>,
}

#[tonic::async_trait]
impl LeaderRequests for Leader {
    async fn submit(&self, submissions: Vec<Bytes>) -> Result<Vec<Outcome>, Refusal> {
        self.ingress.submit_forwarded(submissions).await
    }
    async fn read_index(&self) -> Result<u64, Refusal> {
        self.reads.of_this_leader().await
    }
}

impl RaftNode {
    /// Starts replication on `listener`. On a fresh directory the genesis is stored, and a founding node forms the
    /// cluster from `addresses`; any number of founding nodes may do so at once, with the same addresses. `key` is the
    /// node's own, which authenticates what it says to its peers.
    #[allow(clippy::too_many_arguments, reason = "called in one place; each is something else")]
    pub async fn start(
        id: u64,
        key: SecretKey,
        genesis: Arc<Genesis>,
        settings: RaftSettings,
        store: Store,
        env: Env,
        listener: Box<dyn Listener>,
        addresses: BTreeMap<u64, MemberAddress>,
    ) -> Result<RaftNode, RaftStartError> {
        let config =
            settings.openraft(&genesis.cluster).map_err(|error| RaftStartError::Settings(error.to_string()))?;
        if settings.max_inflight == 0 || settings.max_batch == 0 || settings.queue == 0 {
            return Err(RaftStartError::Settings("max_inflight, max_batch and queue are at least 1".into()));
        }
        let fatal = Fatal::new();
        let stop = env.shutdown.child_token();
        let executor = env.executor;
        let log_syncer = LogSyncer::new(store.log.clone(), fatal.clone(), stop.clone(), executor);
        let mark = executor.here(|| seed(&store, &genesis)).map_err(RaftStartError::Store)?;
        let shared = Arc::new(StateMachineParts {
            store: store.state.clone(),
            preparer: Arc::new(Preparer::new(genesis.limits.clone(), executor)),
            digests: Arc::new(Digests::default()),
            snapshots: executor.here(|| Snapshots::new(&store, settings.snapshot_after_bytes)),
            applied: watch::Sender::new(0),
            log_syncer: log_syncer.clone(),
            fatal: fatal.clone(),
            executor,
        });
        shared.restore(&mark);
        let known = addresses.iter().map(|(id, member)| (*id, member.peer_addr.clone())).collect();
        let peers = Peers::new(&env, &genesis, id, key, store.state.clone(), known);
        let peers = Arc::new(peers.map_err(|error| RaftStartError::Core(format!("no entropy: {error}")))?);
        let log = RaftLog::new(id, &store, shared.applied.subscribe(), log_syncer.clone(), fatal, executor);
        let background = log.background();
        let network = Network(peers.clone(), shared.clone());
        let starting = Raft::new(id, Arc::new(config), network, log, StateMachine(shared.clone()));
        let raft = with_entropy(env.entropy.clone(), starting)
            .await
            .map_err(|error| RaftStartError::Core(error.to_string()))?;
        let core = Arc::new(Core {
            id,
            raft,
            peers,
            shared,
            store,
            stop,
            silent: watch::Sender::new(false),
            leader: watch::Sender::new(None),
            settings,
            env,
        });
        let (ingress, queued) = Ingress::new(core.clone());
        let node = RaftNode {
            ingress: Arc::new(ingress),
            reads: Arc::new(Reads::new(core.clone())),
            cosign_handler: CosignHandlerSlot::default(),
            tasks: Arc::default(),
            background,
            core,
        };
        let service = Service {
            peers: node.core.peers.clone(),
            raft: node.core.raft.clone(),
            shared: node.core.shared.clone(),
            leader: Arc::new(Leader { ingress: node.ingress.clone(), reads: node.reads.clone() }),
            cosign_handler: node.cosign_handler.clone(),
            stop: node.core.stop.clone(),
        };
        node.spawn(batcher(node.ingress.clone(), queued));
        node.spawn(log_syncer.run());
        node.spawn(watchers::consensus(node.core.clone()));
        node.spawn(watchers::states(node.core.clone()));
        node.spawn(watchers::syncs(node.core.clone()));
        node.spawn(watchers::snapshots(node.core.clone()));
        node.spawn(serve(service, node.core.env.clock.clone(), listener));
        if let Err(error) = node.form(&genesis, &addresses).await {
            node.shutdown().await;
            return Err(error);
        }
        Ok(node)
    }

    async fn form(&self, genesis: &Genesis, addresses: &BTreeMap<u64, MemberAddress>) -> Result<(), RaftStartError> {
        let raft = &self.core.raft;
        let founding = genesis.nodes.iter().any(|node| node.id == self.core.id);
        let formed = raft.is_initialized().await.map_err(|error| RaftStartError::Core(error.to_string()))?;
        if formed || !founding {
            return Ok(());
        }
        let member = |id: u64| addresses.get(&id).cloned().ok_or(RaftStartError::NoAddress(id));
        let founders = genesis.nodes.iter().map(|node| Ok((node.id, member(node.id)?)));
        let founders: BTreeMap<u64, MemberAddress> = founders.collect::<Result<_, RaftStartError>>()?;
        match raft.initialize(founders).await {
            // Another founder was faster: its entries are here already.
            Ok(()) | Err(RaftError::APIError(InitializeError::NotAllowed(_))) => Ok(()),
            Err(error) => Err(RaftStartError::Core(error.to_string())),
        }
    }

    /// Submits one envelope (signature ‖ payload). `Ok(Err(_))` is a refusal by rule; `Err(_)` means that no answer was
    /// had, and with `OUTCOME_UNKNOWN` that it may have taken effect: retry the same bytes.
    pub async fn submit(&self, envelope: impl Into<Bytes>) -> Result<Outcome, Refusal> {
        let mut outcomes = self.ingress.submit_many(vec![envelope.into()]).await?;
        outcomes.pop().ok_or_else(|| self.core.unknown("no outcome"))
    }

    /// Returns when this node has applied everything that was committed when it was called: a [`RaftNode::view`] taken
    /// afterwards is linearizable. Costs one round to a quorum, shared with all who ask meanwhile, and relies on no clock.
    pub async fn linearize(&self) -> Result<(), Refusal> {
        let core = &self.core;
        core.alive()?;
        let stale = selfsame_protocol::planted!("stale_read_after_leader_change");
        let index = if stale { 0 } else { self.reads.read_index().await? };
        let mut applied = core.shared.applied.subscribe();
        let reached = tokio::time::timeout(core.settings.request_timeout(), applied.wait_for(|at| *at >= index)).await;
        match reached.map(|reached| reached.map(|_| ())) {
            Ok(Ok(_)) => core.alive(),
            Ok(Err(error)) => Err(core.stopped(error)),
            Err(_) => Err(Refusal::new(
                Code::NoLeader,
                "this node did not catch up in time to answer: try again, or ask another node",
                index,
                *core.shared.applied.borrow(),
            )),
        }
    }

    /// Reads from a view of the state as applied here. What the disk takes holds up no other task.
    pub fn read<T>(&self, work: impl FnOnce(StateView) -> T) -> Result<T, ReadError> {
        self.core.env.executor.here(|| self.view().map(work))
    }

    /// A consistent view of the state as applied here, for work that runs where it holds up no task; see
    /// [`RaftNode::read`].
    pub fn view(&self) -> Result<StateView, ReadError> {
        self.core.store.state.view()
    }

    /// A consistent view of the state as it is stored: as applied a moment ago.
    pub(crate) fn stored_view(&self) -> Result<StateView, ReadError> {
        self.core.store.state.stored_view()
    }

    /// Makes the applied state durable; without it that happens from time to time, and the log holds the rest.
    pub fn sync(&self) -> Result<(), WriteError> {
        self.core.env.executor.here(|| self.core.store.state.sync())
    }

    /// The applied index, after each apply.
    pub fn applied(&self) -> watch::Receiver<u64> {
        self.core.shared.applied.subscribe()
    }

    /// Stored log entries with `from <= index < to`, as bytes of [`selfsame_wire::raft::v1::LogEntry`]: for audits, which
    /// repeat what was decided.
    pub fn stored_log(&self, from: u64, to: u64) -> Result<Vec<LogRow>, ReadError> {
        self.core.store.log.read(from, to, usize::MAX)
    }

    /// What this node knows now.
    pub fn status(&self) -> RaftStatus {
        let metrics = self.core.raft.metrics().borrow().clone();
        let members = metrics.membership_config.membership();
        let voters: BTreeSet<u64> = members.voter_ids().collect();
        let split = |want: bool| {
            let chosen = members.nodes().filter(|(id, _)| voters.contains(id) == want);
            chosen.map(|(id, member)| (*id, member.peer_addr.clone())).collect()
        };
        let stopped = metrics.running_state.is_err() || self.core.shared.fatal.get().is_some();
        RaftStatus {
            id: self.core.id,
            role: match metrics.state {
                _ if stopped => RaftRole::Stopped,
                ServerState::Learner => RaftRole::Learner,
                ServerState::Follower => RaftRole::Follower,
                ServerState::Candidate => RaftRole::Candidate,
                ServerState::Leader => RaftRole::Leader,
                ServerState::Shutdown => RaftRole::Stopped,
            },
            term: metrics.current_term,
            leader: metrics.current_leader,
            last_log: metrics.last_log_index,
            commit: metrics.last_applied.map(|id| id.index),
            applied: *self.core.shared.applied.borrow(),
            voters: split(true),
            learners: split(false),
            snapshot: metrics.snapshot.map(|id| id.index),
            purged: metrics.purged.map(|id| id.index),
            state_digest: self.core.shared.digests.latest().map_or(String::new(), |(_, digest)| hex(&digest)),
        }
    }

    /// The leader as this node knows it.
    pub fn leader(&self) -> watch::Receiver<Option<u64>> {
        self.core.leader.subscribe()
    }

    /// Starts building a snapshot; purging of old entries follows it.
    pub async fn trigger_snapshot(&self) -> Result<(), Refusal> {
        self.core.raft.trigger().snapshot().await.map_err(|error| self.core.stopped(error))
    }

    /// Why this node cannot continue, once that is so. The process should exit with it.
    pub fn fatal(&self) -> watch::Receiver<Option<String>> {
        self.core.shared.fatal.subscribe()
    }

    /// Lets peers reach the cosign handler for as long as somebody else keeps it.
    pub fn serve_cosign_handler(&self, cosign_handler: &Arc<dyn CosignHandler>) {
        self.cosign_handler.put(cosign_handler);
    }

    /// Asks another node for cosignatures. A word of explanation when it gave no answer.
    pub(crate) async fn ask_cosign(
        &self,
        node: u64,
        texts: &[String],
        limit: Duration,
    ) -> Result<Vec<SignatureLine>, String> {
        self.core.peers.ask_cosign(node, &self.core.peer_address(node), texts, limit).await
    }

    /// Hands notes to another node and gives the lines that it adds.
    pub(crate) async fn ask_publish(
        &self,
        node: u64,
        notes: &[String],
        limit: Duration,
    ) -> Result<Vec<SignatureLine>, String> {
        self.core.peers.ask_publish(node, &self.core.peer_address(node), notes, limit).await
    }

    /// Stops replication and closes the store. Returns when the core and all tasks have ended.
    pub async fn shutdown(&self) {
        self.core.stop.cancel();
        // The core's own error was recorded when it happened.
        let _ = self.core.raft.shutdown().await;
        let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        while tasks.join_next().await.is_some() {}
        self.background.ended().await;
        self.core.env.executor.here(|| self.core.store.close());
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).spawn(task);
    }
}

/// Stores the genesis on a fresh directory; gives the applied mark.
fn seed(store: &Store, genesis: &Genesis) -> Result<AppliedMark, String> {
    let state = &store.state;
    if let Some(mark) = state.applied().map_err(|error| error.to_string())? {
        return Ok(mark);
    }
    let changes = genesis.changes();
    let mark = AppliedMark { position: None, membership: String::new(), digest: String::new() };
    state.commit(changes, mark.clone()).and_then(|()| state.sync()).map_err(|error| error.to_string())?;
    Ok(mark)
}
