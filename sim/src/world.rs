//! The nodes, and everything around them that can be broken and mended.

use crate::env::{NodeClock, SeededEntropy, SimDisk, SimNet, SimTime, crash};
use crate::invariants::{NodeView, Snapshot};
use crate::plan::Plan;
use crate::random::{Stream, key, stream};
use crate::trace::Trace;
use selfsame::env::{Env, Executor};
use selfsame::node::{self, NodeConfig};
use selfsame::raft::{Member, RaftNode, RaftSettings, Role};
use selfsame_machine::Genesis;
use selfsame_machine::genesis::{GenesisNode, GenesisOrganisation};
use selfsame_protocol::command::ItemLimits;
use selfsame_protocol::keys::SecretKey;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Cluster id of every simulated cluster.
pub const CLUSTER: &str = "sim";
/// Milliseconds of one step: messages are delivered and nodes run in turns of this length.
pub const STEP_MS: u64 = 1;
const PEER_PORT: u16 = 7_000;
const CLIENT_PORT: u16 = 7_001;

/// The simulated host of a node.
pub fn host(node: u64) -> String {
    format!("n{node}")
}

/// What the running software of a node shows to the world.
#[derive(Default)]
struct Inside {
    running: Option<RaftNode>,
    /// Why the process ended by itself, until the world has seen it.
    ended: Option<String>,
}

struct Node {
    disk: SimDisk,
    clock: Arc<NodeClock>,
    /// What becomes of un-synced sectors.
    fate: Stream,
    inside: Rc<RefCell<Inside>>,
    up: bool,
}

/// The simulated world.
pub struct World<'a> {
    sim: turmoil::Sim<'a>,
    time: SimTime,
    /// Consensus identity.
    pub genesis: Arc<Genesis>,
    /// What happened.
    pub trace: Trace,
    nodes: BTreeMap<u64, Node>,
    /// Cuts from one host to another, and how many faults want each.
    cuts: BTreeMap<(String, String), u64>,
    latency_ms: (u64, u64),
    seed: u64,
}

fn genesis(plan: &Plan) -> Genesis {
    let name = |org: u64| format!("org{org}");
    Genesis {
        cluster: CLUSTER.into(),
        origin: "sim.example".into(),
        limits: ItemLimits::default(),
        organisations: (0..plan.organisations)
            .map(|org| GenesisOrganisation {
                name: name(org),
                root_key: root_key(plan.seed, org).public(),
                operator_key: operator_key(plan.seed, org).public(),
            })
            .collect(),
        nodes: (1..=plan.nodes)
            .map(|id| GenesisNode {
                id,
                organisation: name(plan.organisation_of(id)),
                key: node_key(plan.seed, id).public(),
            })
            .collect(),
    }
}

/// The root key of an organisation, counted from 0.
pub fn root_key(seed: u64, organisation: u64) -> SecretKey {
    key(seed, &format!("root/{organisation}"))
}

/// The operator key of an organisation, counted from 0.
pub fn operator_key(seed: u64, organisation: u64) -> SecretKey {
    key(seed, &format!("operator/{organisation}"))
}

/// The key of a node, with which it signs verdicts and checkpoints.
pub fn node_key(seed: u64, id: u64) -> SecretKey {
    key(seed, &format!("node/{id}"))
}

/// Client addresses of all nodes.
pub fn endpoints(nodes: u64) -> Vec<String> {
    (1..=nodes).map(|id| format!("{}:{CLIENT_PORT}", host(id))).collect()
}

impl<'a> World<'a> {
    /// The world of a plan, with its nodes about to start.
    pub fn new(plan: &Plan, time: SimTime, trace: Trace) -> World<'a> {
        let mut builder = turmoil::Builder::new();
        builder
            .rng_seed(plan.seed)
            .tick_duration(Duration::from_millis(STEP_MS))
            .simulation_duration(Duration::from_secs(86_400))
            .min_message_latency(Duration::from_millis(plan.latency_ms.0))
            .max_message_latency(Duration::from_millis(plan.latency_ms.1))
            // Segments under way on one connection; HTTP/2 writes many small ones.
            .tcp_capacity(4_096);
        let mut world = World {
            sim: builder.build(),
            time,
            genesis: Arc::new(genesis(plan)),
            trace,
            nodes: BTreeMap::new(),
            cuts: BTreeMap::new(),
            latency_ms: plan.latency_ms,
            seed: plan.seed,
        };
        for id in 1..=plan.nodes {
            world.add_node(id, plan);
        }
        world
    }

    fn add_node(&mut self, id: u64, plan: &Plan) {
        let node = Node {
            disk: SimDisk::new(),
            clock: Arc::new(NodeClock::new(self.time.clone())),
            fate: stream(plan.seed, &format!("fate/{id}")),
            inside: Rc::default(),
            up: true,
        };
        let address = |id: u64, port: u16| format!("{}:{port}", host(id));
        let members = (1..=plan.nodes)
            .map(|id| (id, Member { peer_addr: address(id, PEER_PORT), client_addr: address(id, CLIENT_PORT) }));
        let config = NodeConfig {
            id,
            peer_listen: address(id, PEER_PORT),
            client_listen: address(id, CLIENT_PORT),
            http_listen: None,
            scrub_every_ms: 10_000,
            members: members.collect(),
            raft: RaftSettings {
                snapshot_every: plan.snapshot_every,
                keep_logs: plan.snapshot_every / 4,
                lag_before_snapshot: plan.snapshot_every / 2,
                request_timeout_ms: 3_000,
                digest_every_ms: 1_000,
                ..RaftSettings::default()
            },
        };
        let env = Env {
            net: Arc::new(SimNet),
            disk: Arc::new(node.disk.clone()),
            clock: node.clock.clone(),
            // One stream for all lives of the node: a restart does not repeat the numbers of the life before.
            entropy: Arc::new(SeededEntropy::new(plan.seed, &format!("entropy/{id}"))),
            executor: Executor::Inline,
            shutdown: CancellationToken::new(),
        };
        let process = Process {
            config,
            genesis: self.genesis.clone(),
            key: node_key(plan.seed, id),
            env,
            inside: node.inside.clone(),
        };
        self.sim.host(host(id), move || process.clone().run());
        self.nodes.insert(id, node);
    }

    /// Adds a host that runs a client.
    pub fn client(&mut self, name: &str, client: impl Future<Output = turmoil::Result> + 'static) {
        self.sim.client(name, client);
    }

    /// Runs everything for one step. Fails when a client of the simulation fails.
    pub fn step(&mut self) -> Result<(), String> {
        self.sim.step().map_err(|error| error.to_string())?;
        self.time.set(u64::try_from(self.sim.elapsed().as_micros()).unwrap_or(u64::MAX));
        // A broken and repaired link forgets a cut in one direction.
        for (from, to) in self.cuts.keys() {
            self.sim.partition_oneway(from.as_str(), to.as_str());
        }
        Ok(())
    }

    /// Simulated milliseconds since the beginning.
    pub fn now_ms(&self) -> u64 {
        self.time.ms()
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Ids of all nodes.
    pub fn ids(&self) -> Vec<u64> {
        self.nodes.keys().copied().collect()
    }

    /// The leader of the highest term among the running nodes.
    pub fn leader(&self) -> Option<u64> {
        let leaders = self.nodes.iter().filter_map(|(id, node)| {
            let inside = node.inside.borrow();
            let status = inside.running.as_ref()?.status();
            (status.role == Role::Leader).then_some((status.term, *id))
        });
        leaders.max().map(|(_, id)| id)
    }

    /// Kills a node's process as a loss of power does: un-synced writes are lost in part. False when it is down.
    pub fn crash(&mut self, id: u64) -> bool {
        let Some(node) = self.nodes.get_mut(&id).filter(|node| node.up) else { return false };
        node.up = false;
        // The disk first: what the dying process still tries to write must not arrive.
        crash(&node.disk, &mut node.fate);
        let inside = std::mem::take(&mut *node.inside.borrow_mut());
        self.sim.crash(host(id));
        drop(inside);
        self.trace.line(format!("{} crashed", host(id)));
        true
    }

    /// Starts a node's process again on the disk that it left. False when it runs.
    pub fn restart(&mut self, id: u64) -> bool {
        let Some(node) = self.nodes.get_mut(&id).filter(|node| !node.up) else { return false };
        node.up = true;
        self.sim.bounce(host(id));
        self.trace.line(format!("{} restarted", host(id)));
        true
    }

    /// Nodes whose process ended by itself since the last call, with the reason. They are down now.
    pub fn ended(&mut self) -> Vec<(u64, String)> {
        let mut ended = Vec::new();
        for (id, node) in &mut self.nodes {
            if let Some(reason) = node.inside.borrow_mut().ended.take() {
                node.up = false;
                self.trace.line(format!("{} ended: {reason}", host(*id)));
                ended.push((*id, reason));
            }
        }
        ended
    }

    /// Drops every message from one host to another until [`World::uncut`] was called as often.
    pub fn cut(&mut self, from: &str, to: &str) {
        let wanted = self.cuts.entry((from.to_owned(), to.to_owned())).or_default();
        *wanted += 1;
        if *wanted == 1 {
            self.sim.partition_oneway(from, to);
            self.trace.line(format!("cut {from} -> {to}"));
        }
    }

    /// Takes back one [`World::cut`].
    pub fn uncut(&mut self, from: &str, to: &str) {
        let key = (from.to_owned(), to.to_owned());
        let Some(wanted) = self.cuts.get_mut(&key) else { return };
        *wanted -= 1;
        if *wanted == 0 {
            self.cuts.remove(&key);
            self.sim.repair_oneway(from, to);
            self.trace.line(format!("uncut {from} -> {to}"));
        }
    }

    /// Loses so many of a million messages, each with everything under way on its link; 0 loses none.
    pub fn loss(&mut self, per_million: u32) {
        self.sim.set_fail_rate(f64::from(per_million) / 1_000_000.0);
        self.trace.line(format!("loss of {per_million} messages per million"));
    }

    /// Lets messages between two hosts take up to so many milliseconds; `None` is the plan's time.
    pub fn slow(&mut self, a: &str, b: &str, ms: Option<u64>) {
        let ms = ms.unwrap_or(self.latency_ms.1);
        self.sim.set_link_max_message_latency(a, b, Duration::from_millis(ms));
        self.trace.line(format!("messages {a} - {b} take up to {ms} ms"));
    }

    /// A node's wall clock.
    pub fn clock(&self, id: u64) -> Arc<NodeClock> {
        self.nodes.get(&id).map(|node| node.clock.clone()).unwrap_or_else(|| panic!("no node {id}"))
    }

    /// A node's disk.
    pub fn disk(&self, id: u64) -> SimDisk {
        self.nodes.get(&id).map(|node| node.disk.clone()).unwrap_or_else(|| panic!("no node {id}"))
    }

    /// Undoes everything that is wrong with the world itself: links, clocks, and nodes that are down.
    pub fn heal(&mut self) {
        for (from, to) in std::mem::take(&mut self.cuts).into_keys() {
            self.sim.repair_oneway(from.as_str(), to.as_str());
        }
        self.loss(0);
        for node in self.nodes.values() {
            node.clock.heal();
        }
        for id in self.ids() {
            self.restart(id);
        }
    }

    /// All nodes as they are now.
    pub fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot { at_ms: self.now_ms(), nodes: Vec::new(), down: Vec::new() };
        for (id, node) in &self.nodes {
            match &node.inside.borrow().running {
                Some(raft) => snapshot.nodes.push(NodeView::new(*id, raft.clone(), node.disk.clone())),
                None => snapshot.down.push(*id),
            }
        }
        snapshot
    }
}

/// The software of one host, from boot to end.
#[derive(Clone)]
struct Process {
    config: NodeConfig,
    genesis: Arc<Genesis>,
    key: SecretKey,
    env: Env,
    inside: Rc<RefCell<Inside>>,
}

impl Process {
    async fn run(self) -> turmoil::Result {
        let Process { config, genesis, key, mut env, inside } = self;
        env.shutdown = CancellationToken::new();
        let reason = match Self::start(config, genesis, key, env).await {
            Ok(node) => {
                inside.borrow_mut().running = Some(node.raft.clone());
                let reason = node.fatal().wait_for(Option::is_some).await.ok().and_then(|reason| reason.clone());
                inside.borrow_mut().running = None;
                node.shutdown().await;
                reason.unwrap_or_default()
            }
            Err(error) => format!("not started: {error}"),
        };
        inside.borrow_mut().ended = Some(reason);
        Ok(())
    }

    async fn start(
        config: NodeConfig,
        genesis: Arc<Genesis>,
        key: SecretKey,
        env: Env,
    ) -> Result<node::Node, node::StartError> {
        // An operator makes the directory once, and again if the first attempt was cut off.
        if !node::is_initialised(&env)? {
            node::init(config.id, &genesis, &env)?;
        }
        node::start(config, genesis, key, env).await
    }
}
