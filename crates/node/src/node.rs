//! Assembly: one node from its configuration and its environment.

use crate::api::{Api, verifier};
use crate::backup::{self, BackupError, Restored, Whose};
use crate::cosign::{self, Archive, CosignMemory, Cosigner, PublishSettings};
use crate::http;
use crate::metrics::Metrics;
use crate::raft::{MemberAddress, RaftNode, RaftSettings};
use crate::scrub::{self, Scrubbed};
use crate::store::{Identity, OpenError, Store, StoreOptions};
use crate::witness::{StateError, Witness, WitnessSettings, Witnesses};
use selfsame_env::{Env, incoming};
use selfsame_machine::Genesis;
use selfsame_protocol::code::Refusal;
use selfsame_protocol::keys::SecretKey;
use selfsame_protocol::note::Vkey;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
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
    /// Address of health, metrics and tiles over HTTP; `None` serves none.
    pub http_listen: Option<String>,
    /// Milliseconds between two readings of every stored row; 0 reads them at the start only.
    pub scrub_every_ms: u64,
    /// How the store is opened.
    pub store: StoreOptions,
    /// Where every founding member is reached, this node included.
    pub members: BTreeMap<u64, MemberAddress>,
    /// Timing and batching.
    pub raft: RaftSettings,
    /// Logs that this node witnesses, and witnesses that it asks.
    pub witness: WitnessSettings,
    /// How this node takes part in publishing checkpoints.
    pub publish: PublishSettings,
}

/// Why a node does not start. No data was touched unless the reason says so.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The consensus identity is not acceptable.
    #[error("cluster configuration: {0}")]
    Genesis(Refusal),
    /// The key is not the one that the cluster registered for this node.
    #[error("node {id}: the key in use is {found}, but the cluster names {expected}: start it with its own key file")]
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
    #[error("cannot listen on {address}: {error}: stop what uses it, or give another address")]
    Listen {
        /// Address.
        address: String,
        /// Reason of the system.
        error: std::io::Error,
    },
    /// An external witness has no address that can be asked.
    #[error("external witness: {0}")]
    External(#[from] selfsame_env::fetch::FetchError),
    /// The witness has lost its memory: it must not sign.
    #[error("{0}")]
    Witness(#[from] StateError),
    /// What was shown as published cannot be read: the node might show less than it did.
    #[error("published notes: {0}")]
    Notes(std::io::Error),
    /// Replication does not start.
    #[error("replication: {0}")]
    Raft(#[from] crate::raft::RaftStartError),
}

/// A running node.
pub struct Node {
    /// Replication and state.
    pub raft: RaftNode,
    /// Address of the client API as bound.
    pub client_addr: String,
    /// Address of HTTP as bound.
    pub http_addr: Option<String>,
    /// What the node counts.
    pub metrics: Arc<Metrics>,
    /// The key under which the node witnesses logs, when it serves HTTP.
    pub witness: Option<Vkey>,
    /// What the node cosigns, and what is published.
    pub cosigner: Cosigner,
    scrubbed: watch::Receiver<Scrubbed>,
    env: Env,
    tasks: JoinSet<()>,
}

fn open(id: u64, genesis: &Genesis, key: &SecretKey, env: &Env, options: &StoreOptions) -> Result<Store, OpenError> {
    // Only a new directory begins without a memory of what was signed; one that lost it must not begin anew, and one
    // that has it keeps it.
    let cosigner = key.cosigner().public();
    if !Store::exists(&*env.disk)? && CosignMemory::open(&*env.disk, &cosigner).is_err() {
        CosignMemory::create(&*env.disk, &cosigner)?;
    }
    let identity = Identity { cluster: genesis.cluster.clone(), genesis: genesis.digest().to_string(), node: id };
    Store::open_with(env.disk.clone(), &identity, options)
}

/// The name under which a node witnesses logs.
pub(crate) fn witness_name(config: &NodeConfig, genesis: &Genesis) -> String {
    config.witness.name.clone().unwrap_or_else(|| format!("{}/witness/{}", genesis.origin, config.id))
}

/// The node as a witness.
fn open_witness(
    config: &NodeConfig,
    genesis: &Genesis,
    key: &SecretKey,
    env: &Env,
    metrics: Arc<Metrics>,
) -> Result<Witness, StateError> {
    let name = witness_name(config, genesis);
    let owner = format!("{} node {}", genesis.digest(), config.id);
    Witness::open(name, key, owner, config.witness.logs.clone(), env.clone(), metrics)
}

/// Whether the data directory was made by [`init`] or used before. A node that lost its disk must not come back under
/// its old id with an empty one: it would have forgotten its votes.
pub fn is_initialised(env: &Env) -> Result<bool, StartError> {
    Store::exists(&*env.disk).map_err(|error| StartError::Store(error.into()))
}

/// Makes the data directory of a node, or checks that it is this node's.
pub fn init(id: u64, genesis: &Genesis, key: &SecretKey, env: &Env) -> Result<(), StartError> {
    open(id, genesis, key, env, &StoreOptions::default())?.close();
    Ok(())
}

/// Makes the data directory of a new node that begins with the state of a backup.
pub fn restore(
    file: &std::path::Path,
    config: &NodeConfig,
    genesis: &Genesis,
    key: &SecretKey,
    env: &Env,
    options: &selfsame_offline::Options,
    progress: &mut dyn FnMut(&str, u64, u64),
) -> Result<Restored, BackupError> {
    let whose = Whose { cluster: &genesis.cluster, genesis: genesis.digest().to_string(), node: config.id };
    let store = || Ok(open(config.id, genesis, key, env, &config.store)?);
    backup::restore(file, &whose, &*env.disk, store, options, progress)
}

/// Starts a node: configuration, listeners, store, replication, verdicts, API. Nothing is served before replication
/// stands; the ports are taken before the store is touched, so that a busy port changes no data.
pub async fn start(config: NodeConfig, genesis: Arc<Genesis>, key: SecretKey, env: Env) -> Result<Node, StartError> {
    genesis.check().map_err(StartError::Genesis)?;
    if let Some(node) = genesis.nodes.iter().find(|n| n.id == config.id) {
        for (expected, found) in [(node.key, key.public()), (node.cosigner, key.cosigner().public())] {
            if expected != found {
                let (expected, found) = (expected.to_string(), found.to_string());
                return Err(StartError::Key { id: config.id, expected, found });
            }
        }
    }
    let listen = |address: &str| {
        let (net, address) = (env.net.clone(), address.to_string());
        async move { net.listen(&address).await.map_err(|error| StartError::Listen { address, error }) }
    };
    let peers = listen(&config.peer_listen).await?;
    let clients = listen(&config.client_listen).await?;
    let http_listener = match &config.http_listen {
        Some(address) => Some(listen(address).await?),
        None => None,
    };
    let client_addr = clients.local_addr().unwrap_or_else(|_| config.client_listen.clone());
    let store = open(config.id, &genesis, &key, &env, &config.store)?;
    let metrics = Arc::new(Metrics::new());
    let witness = match &http_listener {
        Some(_) => Some(Arc::new(open_witness(&config, &genesis, &key, &env, metrics.clone())?)),
        None => None,
    };
    let kept = Archive::open(env.disk.clone()).map_err(StartError::Notes)?;
    let witnesses = Witnesses::new(&config.witness.external, env.clone(), metrics.clone())?;
    let (scrubbing, scrubbed) = watch::channel(Scrubbed::default());
    let pause = Duration::from_millis(config.scrub_every_ms);
    let scrub = scrub::run(store.clone(), config.id, pause, metrics.clone(), scrubbing, env.clone());
    let raft = RaftNode::start(
        config.id,
        key.clone(),
        genesis.clone(),
        config.raft,
        store,
        env.clone(),
        peers,
        config.members,
    )
    .await?;
    let (id, publishing) = (config.id, (config.publish, witnesses, kept));
    let cosigner = Cosigner::new(raft.clone(), genesis.clone(), id, &key, publishing, env.clone(), metrics.clone());
    let (api, watch, router) = Api::new(raft.clone(), genesis, key, id, env.clone(), metrics.clone(), cosigner.clone());
    let mut tasks = JoinSet::new();
    tasks.spawn(scrub);
    tasks.spawn(verifier::run(api.clone()));
    tasks.spawn(cosign::run(cosigner.clone()));
    tasks.spawn(api.clone().watch(watch));
    let stop = env.shutdown.clone();
    tasks.spawn(async move {
        let served = router.serve_with_incoming_shutdown(incoming(clients), stop.cancelled_owned()).await;
        if let Err(error) = served {
            tracing::error!(%error, "the client API ended");
        }
    });
    let witnesses_as = witness.as_ref().map(|witness| witness.vkey());
    let http_addr = http_listener.as_ref().and_then(|listener| listener.local_addr().ok());
    if let Some(listener) = http_listener {
        let state = http::Http { api, scrubbed: scrubbed.clone(), witness };
        tasks.spawn(http::serve(state, listener, env.shutdown.clone()));
    }
    Ok(Node { raft, client_addr, http_addr, metrics, witness: witnesses_as, cosigner, scrubbed, env, tasks })
}

impl Node {
    /// The result of reading every stored row, once it is there.
    pub fn scrubbed(&self) -> watch::Receiver<Scrubbed> {
        self.scrubbed.clone()
    }

    /// Why the node cannot continue, once that is so. The process should exit with it.
    pub fn fatal(&self) -> watch::Receiver<Option<String>> {
        self.raft.fatal()
    }

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
