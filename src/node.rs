//! Assembly: one node from its configuration and its environment.

use crate::api::{self, Api, verifier};
use crate::env::{Env, incoming};
use crate::raft::{Member, RaftNode, RaftSettings};
use crate::store::{Identity, OpenError, Store};
use selfsame_machine::Genesis;
use selfsame_protocol::code::Refusal;
use selfsame_protocol::keys::SecretKey;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::task::JoinSet;

/// What a process decides about its node; what all nodes must agree on is in [`Genesis`].
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// Node id, from 1.
    pub id: u64,
    /// Address that peers connect to.
    pub peer_listen: String,
    /// Address that clients connect to.
    pub client_listen: String,
    /// Where every founding member is reached, this node included.
    pub members: BTreeMap<u64, Member>,
    /// Timing and batching.
    pub raft: RaftSettings,
}

/// Why a node does not start. No data was touched unless the reason says so.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The consensus identity is not acceptable.
    #[error("cluster configuration: {0}")]
    Genesis(Refusal),
    /// The key is not the one that the cluster registered for this node.
    #[error("node {id}: the key in use is {found}, but the cluster names {expected}")]
    Key {
        /// Node id.
        id: u64,
        /// Registered key.
        expected: String,
        /// Key in use.
        found: String,
    },
    /// The data directory cannot be used.
    #[error("data directory: {0}")]
    Store(#[from] OpenError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// Address.
        address: String,
        /// Reason of the system.
        error: std::io::Error,
    },
    /// Replication does not start.
    #[error("replication: {0}")]
    Raft(#[from] crate::raft::StartError),
}

/// A running node.
pub struct Node {
    /// Replication and state.
    pub raft: RaftNode,
    /// Address of the client API as bound.
    pub client_addr: String,
    env: Env,
    tasks: JoinSet<()>,
}

/// Starts a node: configuration, listeners, store, replication, verdicts, API. Nothing is served before replication
/// stands; the ports are taken before the store is touched, so that a busy port changes no data.
pub async fn start(config: NodeConfig, genesis: Arc<Genesis>, key: SecretKey, env: Env) -> Result<Node, StartError> {
    genesis.check().map_err(StartError::Genesis)?;
    if let Some(node) = genesis.nodes.iter().find(|n| n.id == config.id)
        && node.key != key.public()
    {
        return Err(StartError::Key { id: config.id, expected: node.key.to_string(), found: key.public().to_string() });
    }
    let listen = |address: &str| {
        let (net, address) = (env.net.clone(), address.to_string());
        async move { net.listen(&address).await.map_err(|error| StartError::Listen { address, error }) }
    };
    let peers = listen(&config.peer_listen).await?;
    let clients = listen(&config.client_listen).await?;
    let client_addr = clients.local_addr().unwrap_or_else(|_| config.client_listen.clone());
    let identity =
        Identity { cluster: genesis.cluster.clone(), genesis: genesis.digest().to_string(), node: config.id };
    let store = Store::open(env.disk.clone(), &identity)?;
    scrub(&store, config.id);
    let raft =
        RaftNode::start(config.id, genesis.clone(), config.raft, store, env.clone(), peers, config.members).await?;
    let api = Api { raft: raft.clone(), genesis, key: Arc::new(key), id: config.id, env: env.clone() };
    let mut tasks = JoinSet::new();
    tasks.spawn(verifier::run(api.clone()));
    let stop = env.shutdown.clone();
    tasks.spawn(async move {
        let served = api::router(api).serve_with_incoming_shutdown(incoming(clients), stop.cancelled_owned()).await;
        if let Err(error) = served {
            tracing::error!(%error, "the client API ended");
        }
    });
    Ok(Node { raft, client_addr, env, tasks })
}

/// Reads every row once before serving. A bad row is an alarm, not an end: the node still gives its verdicts, and the
/// quorum decides whether it stays.
fn scrub(store: &Store, id: u64) {
    let mut scrub = store.scrub();
    loop {
        match scrub.slice(4_096) {
            Ok(true) => break,
            Ok(false) => {}
            Err(error) => {
                tracing::error!(node = id, %error, "the scrub at start could not read on");
                break;
            }
        }
    }
    for bad in scrub.bad() {
        tracing::error!(node = id, table = bad.table, key = bad.key, error = %bad.error, "stored data failed its digest");
    }
}

impl Node {
    /// The node's clock, milliseconds since 1970.
    pub fn now_ms(&self) -> u64 {
        self.env.clock.now_ms()
    }

    /// Stops serving and replicating, and closes the store. Every acknowledged write is durable before this is called.
    pub async fn shutdown(mut self) {
        self.env.shutdown.cancel();
        self.raft.shutdown().await;
        self.tasks.abort_all();
        while self.tasks.join_next().await.is_some() {}
    }
}
