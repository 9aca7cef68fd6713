//! The nodes: disk, clock and process of each, and how a process starts, stops and dies.

use super::process::{Process, ProcessState};
use crate::cluster::{CLIENT_PORT, PEER_PORT, host, node_key};
use crate::env::tamper::TamperedNet;
use crate::env::{NodeClock, SeededEntropy, SimDisk, SimNet, Wire, crash};
use crate::guard;
use crate::invariants::image::Image;
use crate::random::{Stream, stream};
use crate::setup::Setup;
use crate::tap::{Tap, Tapped};
use crate::time::SimTime;
use crate::trace::Trace;
use rand::Rng as _;
use selfsame_env::sim_disk::Loss;
use selfsame_env::{Env, Executor};
use selfsame_machine::Genesis;
use selfsame_node::cosign::PublishSettings;
use selfsame_node::node::NodeConfig;
use selfsame_node::raft::{MemberAddress, RaftNode, RaftRole, RaftSettings, RaftStatus};
use selfsame_node::store::StoreOptions;
use selfsame_node::witness::WitnessSettings;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use turmoil::Sim;

/// Term and last log index of a node.
pub(super) type Progress = (u64, u64);

fn progress(status: &RaftStatus) -> Progress {
    (status.term, status.last_log.unwrap_or_default())
}

/// One node.
pub(super) struct Node {
    pub disk: SimDisk,
    pub clock: Arc<NodeClock>,
    /// Decides what becomes of un-synced sectors.
    fate: Stream,
    process: Rc<RefCell<ProcessState>>,
    /// Its process runs, or is about to.
    pub up: bool,
    /// Its progress when it was seen last before it went down.
    pub before: Option<Progress>,
    /// Its progress by its synced files when it went down: it must never know less.
    known: Option<Progress>,
}

impl Node {
    /// Its replication, while it serves.
    pub(super) fn raft(&self) -> Option<RaftNode> {
        self.process.borrow().running.clone()
    }

    /// Its cosigner, while it serves.
    pub(super) fn tap(&self) -> Option<Arc<Tap>> {
        self.process.borrow().tap.clone()
    }

    pub(super) fn status(&self) -> Option<RaftStatus> {
        self.process.borrow().running.as_ref().map(RaftNode::status)
    }
}

/// All nodes of the world.
pub(super) struct Nodes {
    nodes: BTreeMap<u64, Node>,
    genesis: Arc<Genesis>,
    trace: Trace,
}

/// What all nodes are made with.
pub(super) struct Surroundings<'a> {
    pub setup: &'a Setup,
    pub time: &'a SimTime,
    pub wire: &'a Wire,
    pub tapped: &'a Tapped,
}

impl Nodes {
    /// No nodes yet.
    pub(super) fn new(genesis: Arc<Genesis>, trace: Trace) -> Nodes {
        Nodes { nodes: BTreeMap::new(), genesis, trace }
    }

    /// Adds a node whose process is about to start.
    pub(super) fn add(&mut self, sim: &mut Sim, id: u64, around: &Surroundings) {
        let Surroundings { setup, time, wire, tapped } = around;
        let node = Node {
            disk: SimDisk::new(),
            clock: Arc::new(NodeClock::new((*time).clone())),
            fate: stream(setup.seed, &format!("fate/{id}")),
            process: Rc::default(),
            up: true,
            before: None,
            known: None,
        };
        // While a leader's disk takes its time, its followers answer.
        let sync_ms = [0, 0, 5, 60][stream(setup.seed, &format!("disk/{id}")).gen_range(0..4)];
        node.disk.set_sync_takes(Duration::from_millis(sync_ms));
        let env = Env {
            net: Arc::new(TamperedNet(SimNet::new((*wire).clone()))),
            disk: Arc::new(node.disk.clone()),
            clock: node.clock.clone(),
            // One stream for all lives of the node: a restart does not repeat the numbers of the life before.
            entropy: Arc::new(SeededEntropy::new(setup.seed, &format!("entropy/{id}"))),
            executor: Executor::Inline,
            shutdown: CancellationToken::new(),
        };
        let process = Process {
            config: config(id, setup),
            genesis: self.genesis.clone(),
            key: node_key(setup.seed, id),
            env,
            state: node.process.clone(),
            disk: node.disk.clone(),
            time: (*time).clone(),
            tapped: (*tapped).clone(),
        };
        sim.host(host(id), move || process.clone().run());
        self.nodes.insert(id, node);
    }

    pub(super) fn ids(&self) -> Vec<u64> {
        self.nodes.keys().copied().collect()
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &Node)> {
        self.nodes.iter().map(|(id, node)| (*id, node))
    }

    pub(super) fn get(&self, id: u64) -> Option<&Node> {
        self.nodes.get(&id)
    }

    pub(super) fn is_up(&self, id: u64) -> bool {
        self.nodes.get(&id).is_some_and(|node| node.up)
    }

    pub(super) fn leader(&self) -> Option<u64> {
        let leaders = self.nodes.iter().filter_map(|(id, node)| {
            let status = node.status()?;
            (status.role == RaftRole::Leader).then_some((status.term, *id))
        });
        leaders.max().map(|(_, id)| id)
    }

    pub(super) fn leads(&self) -> impl Fn() -> Option<RaftNode> + 'static {
        let processes: Vec<_> = self.nodes.values().map(|node| node.process.clone()).collect();
        move || {
            let rafts = processes.iter().filter_map(|process| process.borrow().running.clone());
            let leaders = rafts.filter(|raft| raft.status().role == RaftRole::Leader);
            leaders.max_by_key(|raft| raft.status().term)
        }
    }

    pub(super) fn cosigners(&self) -> impl Fn(u64) -> Option<Arc<Tap>> + 'static {
        let processes: BTreeMap<_, _> = self.nodes.iter().map(|(id, node)| (*id, node.process.clone())).collect();
        move |id| processes.get(&id)?.borrow().tap.clone()
    }

    pub(super) fn kept_notes(&self) -> Vec<String> {
        let taps = self.nodes.values().filter_map(Node::tap);
        taps.flat_map(|tap| tap.cosigner.kept().unwrap_or_default()).collect()
    }

    /// Kills a node's process, with what `loss` says about its disk. False when it is down.
    pub(super) fn crash(&mut self, sim: &mut Sim, id: u64, loss: Loss) -> bool {
        let Some(node) = self.nodes.get_mut(&id).filter(|node| node.up) else { return false };
        node.up = false;
        if let Some(status) = node.status() {
            node.before = Some(progress(&status));
        }
        node.known = known(id, &node.disk, &self.genesis);
        // The disk first: what the dying process still tries to write must not arrive.
        crash(&node.disk, loss, &mut node.fate);
        let dying = {
            let mut process = node.process.borrow_mut();
            let initialised = process.initialised;
            std::mem::replace(&mut *process, ProcessState { initialised, ..ProcessState::default() })
        };
        sim.crash(host(id));
        drop(dying);
        self.trace.line(format!("{} crashed {loss:?}", host(id)));
        true
    }

    /// Asks a node's process to stop. False when it does not serve.
    pub(super) fn stop(&mut self, id: u64) -> bool {
        let Some(node) = self.nodes.get_mut(&id).filter(|node| node.up) else { return false };
        let Some(status) = node.status() else { return false };
        node.before = Some(progress(&status));
        node.process.borrow().stop.cancel();
        self.trace.line(format!("{} is asked to stop", host(id)));
        true
    }

    /// Starts a node's process again on the disk that it left. False when it runs.
    pub(super) fn restart(&mut self, sim: &mut Sim, id: u64) -> bool {
        let Some(node) = self.nodes.get_mut(&id).filter(|node| !node.up) else { return false };
        node.up = true;
        sim.bounce(host(id));
        self.trace.line(format!("{} restarted", host(id)));
        true
    }

    /// A node that runs and whose tasks were torn down: one of them panicked.
    pub(super) fn dead(&self) -> Option<u64> {
        let dead = self.nodes.iter().find(|(_, node)| node.up && node.process.borrow().alive.is_dead());
        dead.map(|(id, _)| *id)
    }

    /// Notes why a process ended that cannot say it itself.
    pub(super) fn set_ended(&mut self, id: u64, reason: String) {
        if let Some(node) = self.nodes.get_mut(&id) {
            node.process.borrow_mut().ended = Some(reason);
        }
    }

    /// Nodes whose process ended by itself since the last call, with the reason. They are down now.
    pub(super) fn take_ended(&mut self) -> Vec<(u64, String)> {
        let mut ended = Vec::new();
        for (id, node) in &mut self.nodes {
            let Some(reason) = node.process.borrow_mut().ended.take() else { continue };
            node.up = false;
            node.known = known(*id, &node.disk, &self.genesis);
            let before = node.process.borrow_mut().before.take();
            node.before = before.or(node.before);
            self.trace.line(format!("{} ended: {reason}", host(*id)));
            ended.push((*id, reason));
        }
        ended
    }

    /// What a node knew when it went down, and what it knows now. Only once for each time that it comes back.
    pub(super) fn take_return(&mut self, id: u64) -> Option<(Progress, Progress)> {
        let node = self.nodes.get_mut(&id)?;
        node.known?;
        let now = progress(&node.status()?);
        Some((node.known.take()?, now))
    }
}

/// The progress of a node by its synced files.
fn known(id: u64, disk: &SimDisk, genesis: &Genesis) -> Option<Progress> {
    let image = guard::catch(|| Image::read(id, disk, genesis)).ok()??;
    Some((image.ballot.map_or(0, |ballot| ballot.term), image.last().unwrap_or_default()))
}

fn config(id: u64, setup: &Setup) -> NodeConfig {
    let address = |id: u64, port: u16| format!("{}:{port}", host(id));
    let members = (1..=setup.nodes)
        .map(|id| (id, MemberAddress { peer_addr: address(id, PEER_PORT), client_addr: address(id, CLIENT_PORT) }));
    NodeConfig {
        id,
        peer_listen: address(id, PEER_PORT),
        client_listen: address(id, CLIENT_PORT),
        http_listen: None,
        scrub_every_ms: 10_000,
        // Small enough that the log begins files and removes them.
        store: StoreOptions { segment_bytes: 128 << 10, ..StoreOptions::default() },
        members: members.collect(),
        raft: RaftSettings {
            // An entry of this world has about so many bytes.
            snapshot_after_bytes: if setup.by_size { setup.snapshot_every * 512 } else { u64::MAX },
            snapshot_every: if setup.by_size { 0 } else { setup.snapshot_every },
            keep_logs: setup.keep_logs,
            // Small enough that a burst of clients fills it.
            queue: 48,
            request_timeout_ms: 3_000,
            digest_every_ms: 1_000,
            ..RaftSettings::default()
        },
        witness: WitnessSettings::default(),
        publish: PublishSettings::default(),
    }
}
