//! The software of one host, from boot to end.

use crate::env::SimDisk;
use crate::guard::{self, Alive};
use crate::tap::{Tap, Tapped};
use crate::time::SimTime;
use selfsame_env::Env;
use selfsame_machine::Genesis;
use selfsame_node::node::{self, NodeConfig};
use selfsame_node::raft::{CosignHandler, RaftNode};
use selfsame_protocol::keys::SecretKey;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// How the reason of a process begins that a panic ended.
pub const PANICKED: &str = "panicked:";

/// What the running software of a node shows to the world.
#[derive(Default)]
pub(super) struct ProcessState {
    /// Its replication, while it serves.
    pub running: Option<RaftNode>,
    /// Its cosigner, through which others ask it to sign.
    pub tap: Option<Arc<Tap>>,
    /// Why the process ended by itself, until the world has seen it.
    pub ended: Option<String>,
    /// Term and last log index when it ended by itself.
    pub before: Option<(u64, u64)>,
    /// Asks the process to stop.
    pub stop: CancellationToken,
    /// Its data directory was made: it must never be made again.
    pub initialised: bool,
    /// Dies with the tasks of the process.
    pub alive: Alive,
}

/// What a process needs to start. Every start of a host begins with a clone.
#[derive(Clone)]
pub(super) struct Process {
    pub config: NodeConfig,
    pub genesis: Arc<Genesis>,
    pub key: SecretKey,
    pub env: Env,
    pub state: Rc<RefCell<ProcessState>>,
    pub disk: SimDisk,
    pub time: SimTime,
    pub tapped: Tapped,
}

impl Process {
    pub(super) async fn run(self) -> turmoil::Result {
        let Process { config, genesis, key, mut env, state, disk, time, tapped } = self;
        env.shutdown = CancellationToken::new();
        let stop = CancellationToken::new();
        state.borrow_mut().stop = stop.clone();
        state.borrow_mut().alive = Alive::watch();
        let (id, cosigner) = (config.id, key.cosigner().public());
        let life = async {
            match start(config, genesis, key, env, &state).await {
                Ok(node) => {
                    let tap = Tap { node: id, cosigner: node.cosigner.clone(), key: cosigner, disk, time, tapped };
                    let tap = Arc::new(tap);
                    node.raft.serve_cosign_handler(&(tap.clone() as Arc<dyn CosignHandler>));
                    state.borrow_mut().running = Some(node.raft.clone());
                    state.borrow_mut().tap = Some(tap);
                    let mut fatal = node.fatal();
                    let reason = tokio::select! {
                        biased;
                        reason = fatal.wait_for(Option::is_some) => reason.ok().and_then(|reason| reason.clone()),
                        () = stop.cancelled() => Some("asked to stop".into()),
                    };
                    let status = node.raft.status();
                    {
                        let mut now = state.borrow_mut();
                        now.before = Some((status.term, status.last_log.unwrap_or_default()));
                        now.running = None;
                        now.tap = None;
                    }
                    node.shutdown().await;
                    reason.unwrap_or_default()
                }
                Err(error) => format!("not started: {error}"),
            }
        };
        let reason = guard::catch_async(life).await.unwrap_or_else(|said| format!("{PANICKED} {said}"));
        let mut state = state.borrow_mut();
        state.running = None;
        state.tap = None;
        state.ended = Some(reason);
        Ok(())
    }
}

async fn start(
    config: NodeConfig,
    genesis: Arc<Genesis>,
    key: SecretKey,
    env: Env,
    state: &RefCell<ProcessState>,
) -> Result<node::Node, String> {
    // An operator makes the directory once. One that is gone is not made again: its node would forget its votes.
    if !node::is_initialised(&env).map_err(|error| error.to_string())? {
        if state.borrow().initialised {
            return Err("the data directory is empty, and this node had one".into());
        }
        state.borrow_mut().initialised = true;
        node::init(config.id, &genesis, &key, &env).map_err(|error| error.to_string())?;
    }
    node::start(config, genesis, key, env).await.map_err(|error| error.to_string())
}
