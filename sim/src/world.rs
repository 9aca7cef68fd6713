//! The nodes, and everything around them that can be broken and mended.

use crate::env::tamper::TamperedNet;
use crate::env::{NodeClock, SeededEntropy, SimDisk, SimNet, SimTime, Wire, crash};
use crate::guard::{self, Alive};
use crate::invariants::image::Image;
use crate::invariants::{NodeView, Snapshot};
use crate::oracle::Oracle;
use crate::plan::Plan;
use crate::random::{Stream, key, stream};
use crate::tap::{Tap, Tapped};
use crate::trace::Trace;
use crate::workload::Seats;
use rand::Rng as _;
use selfsame_env::sim_disk::Loss;
use selfsame_env::{Env, Executor};
use selfsame_machine::Genesis;
use selfsame_machine::genesis::{GenesisNode, GenesisOrganisation};
use selfsame_machine::state::Publication;
use selfsame_node::cosign::PublishSettings;
use selfsame_node::node::{self, NodeConfig};
use selfsame_node::raft::{Member, Notary, RaftNode, RaftSettings, RaftStatus, Role};
use selfsame_node::store::Options;
use selfsame_node::witness::WitnessSettings;
use selfsame_protocol::command::ItemLimits;
use selfsame_protocol::constitution::Publisher;
use selfsame_protocol::keys::SecretKey;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Cluster id of every simulated cluster.
pub const CLUSTER: &str = "sim";
/// Milliseconds of one step: messages are delivered and nodes run in turns of this length.
pub const STEP_MS: u64 = 1;
pub(crate) const PEER_PORT: u16 = 7_000;
pub(crate) const CLIENT_PORT: u16 = 7_001;

/// The simulated host of a node.
pub fn host(node: u64) -> String {
    format!("n{node}")
}

/// What the running software of a node shows to the world.
#[derive(Default)]
struct Inside {
    running: Option<RaftNode>,
    /// Its cosigner, through which others ask it to sign.
    tap: Option<Arc<Tap>>,
    /// Why the process ended by itself, until the world has seen it.
    ended: Option<String>,
    /// Term and last log index when it ended by itself.
    before: Option<(u64, u64)>,
    /// Asks the process to stop.
    stop: CancellationToken,
    /// Its data directory was made: it must never be made again.
    initialised: bool,
    /// Dies with the tasks of the process.
    alive: Alive,
}

/// What faults did to a node, beyond killing it.
#[derive(Default)]
struct Standing {
    /// Its data may be damaged: it may stop for good.
    excused: bool,
    /// Whether it is to show that it forgot nothing. Not after a fault that nothing on the node can notice.
    may_forget: bool,
    /// Until when it may end by itself.
    tolerated_until_ms: u64,
    /// It does not come back.
    gone: bool,
    /// When its supervisor starts it again.
    respawn_at_ms: Option<u64>,
    /// How often it ended since its data was damaged.
    ends: u64,
    /// Asked to stop.
    asked: bool,
    /// Term and last log index when it was seen last before it went down.
    before: Option<(u64, u64)>,
    /// Term and last log index in its synced files when it went down: it must never know less.
    known: Option<(u64, u64)>,
    /// What struck it.
    struck: BTreeSet<&'static str>,
    /// Until when its messages wait.
    held_until_ms: Option<u64>,
}

struct Node {
    disk: SimDisk,
    clock: Arc<NodeClock>,
    /// What becomes of un-synced sectors.
    fate: Stream,
    inside: Rc<RefCell<Inside>>,
    up: bool,
    standing: Standing,
}

/// How the reason of a process begins that a panic ended.
pub const PANICKED: &str = "panicked:";

/// Milliseconds after which a supervisor starts a process again.
const RESPAWN_MS: u64 = 500;
/// Milliseconds that a process may take to end after its fault is over.
const GRACE_MS: u64 = 5_000;
/// Panics in a row that the world takes.
const STEPS_WITHOUT_TIME: u64 = 100;
/// Times that a supervisor starts a node with damaged data.
const DAMAGED_STARTS: u64 = 3;

/// Term and last log index in the synced files of a node.
fn known(id: u64, disk: &SimDisk, genesis: &Genesis) -> Option<(u64, u64)> {
    let image = guard::catch(|| Image::read(id, disk, genesis)).ok()??;
    Some((image.ballot.map_or(0, |ballot| ballot.term), image.last().unwrap_or_default()))
}

/// The simulated world.
pub struct World<'a> {
    sim: turmoil::Sim<'a>,
    time: SimTime,
    /// Consensus identity.
    pub genesis: Arc<Genesis>,
    /// What happened.
    pub trace: Trace,
    /// What clients were told, for faults that act as clients.
    pub oracle: Oracle,
    nodes: BTreeMap<u64, Node>,
    /// Cuts from one host to another, and how many faults want each.
    cuts: BTreeMap<(String, String), u64>,
    /// Links whose messages wait, and how many faults want each.
    holds: BTreeMap<(String, String), u64>,
    latency_ms: (u64, u64),
    seed: u64,
    clients: Vec<String>,
    /// How often kinds struck that wait for their moment.
    struck: BTreeMap<&'static str, u64>,
    /// What must not be, as seen by the world itself.
    found: Vec<String>,
    healed: bool,
    /// True while the voters are fewer than the nodes: none of them may be lost.
    pub reshaping: Rc<Cell<bool>>,
    /// How many faults want that the plan's clients call nobody.
    pub quiet: Rc<Cell<u64>>,
    /// Seats for clients that a fault brings.
    pub seats: Option<Seats>,
    /// What all connections share.
    pub wire: Wire,
    /// Signatures that left nodes.
    pub tapped: Tapped,
    guests: u64,
    /// Steps in a row that a panic ended.
    stood_still: u64,
}

/// The consensus identity of a plan's cluster.
pub fn genesis(plan: &Plan) -> Genesis {
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
                cosigner: node_key(plan.seed, id).cosigner().public(),
            })
            .collect(),
        // The log key that third-party verifiers know is that of the first node.
        publication: Publication {
            threshold: None,
            publisher: Some(Publisher { organisation: name(0), log_key: node_key(plan.seed, 1).log_key().public() }),
        },
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

/// The key of a node.
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
        let wire_time = time.clone();
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
            genesis: Arc::new(genesis(plan)),
            oracle: Oracle::new(trace.clone(), time.clone()),
            time,
            trace,
            nodes: BTreeMap::new(),
            cuts: BTreeMap::new(),
            holds: BTreeMap::new(),
            latency_ms: plan.latency_ms,
            seed: plan.seed,
            clients: Vec::new(),
            struck: BTreeMap::new(),
            found: Vec::new(),
            healed: false,
            reshaping: Rc::default(),
            quiet: Rc::default(),
            seats: None,
            tapped: Tapped::default(),
            guests: 0,
            stood_still: 0,
            wire: Wire::new(wire_time),
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
            standing: Standing::default(),
        };
        // While a leader's disk takes its time, its followers answer.
        let sync_ms = [0, 0, 5, 60][stream(plan.seed, &format!("disk/{id}")).gen_range(0..4)];
        node.disk.set_sync_takes(Duration::from_millis(sync_ms));
        let address = |id: u64, port: u16| format!("{}:{port}", host(id));
        let members = (1..=plan.nodes)
            .map(|id| (id, Member { peer_addr: address(id, PEER_PORT), client_addr: address(id, CLIENT_PORT) }));
        let config = NodeConfig {
            id,
            peer_listen: address(id, PEER_PORT),
            client_listen: address(id, CLIENT_PORT),
            http_listen: None,
            scrub_every_ms: 10_000,
            // Small enough that the log begins files and removes them.
            store: Options { segment_bytes: 128 << 10, ..Options::default() },
            members: members.collect(),
            raft: RaftSettings {
                // An entry of this world has about so many bytes.
                snapshot_after_bytes: if plan.by_size { plan.snapshot_every * 512 } else { u64::MAX },
                snapshot_every: if plan.by_size { 0 } else { plan.snapshot_every },
                keep_logs: plan.keep_logs,
                // Small enough that a burst of clients fills it.
                queue: 48,
                request_timeout_ms: 3_000,
                digest_every_ms: 1_000,
                ..RaftSettings::default()
            },
            witness: WitnessSettings::default(),
            publish: PublishSettings::default(),
        };
        let env = Env {
            net: Arc::new(TamperedNet(SimNet::new(self.wire.clone()))),
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
            disk: node.disk.clone(),
            time: self.time.clone(),
            tapped: self.tapped.clone(),
        };
        self.sim.host(host(id), move || process.clone().run());
        self.nodes.insert(id, node);
    }

    /// Adds a host that runs a client.
    pub fn client(&mut self, name: &str, client: impl Future<Output = turmoil::Result> + 'static) {
        self.clients.push(name.to_owned());
        self.sim.client(name, client);
    }

    /// A name that no host has yet, for a client that comes while the world runs.
    pub fn guest_name(&mut self) -> String {
        self.guests += 1;
        format!("guest{}", self.guests)
    }

    /// Runs everything for one step. Fails when a client of the simulation fails.
    pub fn step(&mut self) -> Result<(), String> {
        let stepped = guard::catch(|| self.sim.step().map_err(|error| error.to_string()));
        match stepped {
            Ok(done) => {
                done.map(|_| ())?;
                self.stood_still = 0;
            }
            Err(said) => self.panicked(&said)?,
        }
        self.time.set(u64::try_from(self.sim.elapsed().as_micros()).unwrap_or(u64::MAX));
        self.strike();
        self.supervise();
        // A broken and repaired link forgets a cut in one direction, and that its messages wait.
        for (a, b) in self.holds.keys() {
            self.sim.hold(a.as_str(), b.as_str());
        }
        for (from, to) in self.cuts.keys() {
            self.sim.partition_oneway(from.as_str(), to.as_str());
        }
        Ok(())
    }

    /// A task panicked: its process aborts. The machine does not, so nothing un-synced is lost.
    fn panicked(&mut self, said: &str) -> Result<(), String> {
        // A step that panics takes no time: a process that is started at once and panics again would never end.
        self.stood_still += 1;
        if self.stood_still > STEPS_WITHOUT_TIME {
            return Err(format!("time stands still: {} panics in a row, the last: {said}", self.stood_still));
        }
        let dead = self.nodes.iter().find(|(_, node)| node.up && node.inside.borrow().alive.is_dead());
        let Some((&id, _)) = dead else { return Err(format!("a panic outside of any node: {said}")) };
        self.crash_with(id, Loss::Nothing);
        if let Some(node) = self.nodes.get_mut(&id) {
            // The next step of its supervisor sees it.
            node.inside.borrow_mut().ended = Some(format!("{PANICKED} {said}"));
        }
        Ok(())
    }

    /// Looks at what the disks did in the step: traps that went off, and power that went with them.
    fn strike(&mut self) {
        let mut off = Vec::new();
        for (id, node) in &mut self.nodes {
            for label in node.disk.take_hits() {
                self.trace.line(format!("{} is struck by {label}", host(*id)));
                *self.struck.entry(label).or_default() += 1;
                node.standing.struck.insert(label);
            }
            off.extend(node.disk.off().map(|loss| (*id, loss)));
        }
        for (id, loss) in off {
            self.crash_with(id, loss);
        }
    }

    /// Starts again what may start again, lets go what was held, and looks whether a node forgot something.
    fn supervise(&mut self) {
        let now = self.now_ms();
        for id in self.ids() {
            let Some(node) = self.nodes.get_mut(&id) else { continue };
            if node.standing.held_until_ms.is_some_and(|until| until <= now) {
                node.standing.held_until_ms = None;
                self.link(id, false);
            }
            let Some(node) = self.nodes.get_mut(&id) else { continue };
            if !node.up && node.standing.respawn_at_ms.is_some_and(|at| at <= now) {
                self.restart(id);
            }
            self.remember(id);
        }
    }

    /// A node that comes back must know at least what it knew: its term, and the entries that it held.
    fn remember(&mut self, id: u64) {
        let Some(node) = self.nodes.get_mut(&id) else { return };
        if node.standing.known.is_none() {
            return;
        }
        let inside = node.inside.borrow();
        let Some(raft) = &inside.running else { return };
        let status = raft.status();
        let now = (status.term, status.last_log.unwrap_or_default());
        if let Some((term, last)) = node.standing.known.take()
            && (now.0 < term || (now.0 == term && now.1 < last))
            && !node.standing.may_forget
        {
            self.found.push(format!(
                "node {id} knew term {term} and entry {last}, and came back with term {} and entry {}",
                now.0, now.1
            ));
        }
    }

    /// What must not be, as seen by the world itself since the last call.
    pub fn take_found(&mut self) -> Vec<String> {
        std::mem::take(&mut self.found)
    }

    /// How often kinds struck that wait for their moment.
    pub fn struck(&self) -> &BTreeMap<&'static str, u64> {
        &self.struck
    }

    /// Counts a strike that no disk shows.
    pub fn strikes(&mut self, label: &'static str) {
        *self.struck.entry(label).or_default() += 1;
    }

    /// Simulated milliseconds since the beginning.
    pub fn now_ms(&self) -> u64 {
        self.time.ms()
    }

    /// Simulated time, for somebody who comes into the world.
    pub fn time(&self) -> SimTime {
        self.time.clone()
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Ids of all nodes.
    pub fn ids(&self) -> Vec<u64> {
        self.nodes.keys().copied().collect()
    }

    /// What a node says of itself; `None` when it does not run.
    pub fn status(&self, id: u64) -> Option<RaftStatus> {
        self.nodes.get(&id)?.inside.borrow().running.as_ref().map(RaftNode::status)
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
        self.crash_with(id, Loss::Mixed)
    }

    /// Kills a node's process, with what `loss` says. False when it is down.
    pub fn crash_with(&mut self, id: u64, loss: Loss) -> bool {
        let Some(node) = self.nodes.get_mut(&id).filter(|node| node.up) else { return false };
        node.up = false;
        if let Some(raft) = &node.inside.borrow().running {
            let status = raft.status();
            node.standing.before = Some((status.term, status.last_log.unwrap_or_default()));
        }
        node.standing.known = known(id, &node.disk, &self.genesis);
        // The disk first: what the dying process still tries to write must not arrive.
        crash(&node.disk, loss, &mut node.fate);
        let inside = {
            let mut inside = node.inside.borrow_mut();
            let initialised = inside.initialised;
            std::mem::replace(&mut *inside, Inside { initialised, ..Inside::default() })
        };
        self.sim.crash(host(id));
        drop(inside);
        self.trace.line(format!("{} crashed {loss:?}", host(id)));
        true
    }

    /// Asks a node's process to stop, as an operator does. False when it is down.
    pub fn stop(&mut self, id: u64) -> bool {
        let Some(node) = self.nodes.get_mut(&id).filter(|node| node.up) else { return false };
        let inside = node.inside.borrow();
        let Some(raft) = &inside.running else { return false };
        let status = raft.status();
        node.standing.before = Some((status.term, status.last_log.unwrap_or_default()));
        node.standing.asked = true;
        inside.stop.cancel();
        self.trace.line(format!("{} is asked to stop", host(id)));
        true
    }

    /// Whether a node's process runs, or is about to.
    pub fn is_up(&self, id: u64) -> bool {
        self.nodes.get(&id).is_some_and(|node| node.up)
    }

    /// Replication of a node that serves.
    pub fn raft(&self, id: u64) -> Option<RaftNode> {
        self.nodes.get(&id)?.inside.borrow().running.clone()
    }

    /// Gives the replication of the leader of the moment, whenever it is asked.
    pub fn leads(&self) -> impl Fn() -> Option<RaftNode> + 'static {
        let insides: Vec<_> = self.nodes.values().map(|node| node.inside.clone()).collect();
        move || {
            let rafts = insides.iter().filter_map(|inside| inside.borrow().running.clone());
            let leaders = rafts.filter(|raft| raft.status().role == Role::Leader);
            leaders.max_by_key(|raft| raft.status().term)
        }
    }

    /// Gives the cosigner of a node that runs, whenever it is asked.
    pub fn cosigners(&self) -> impl Fn(u64) -> Option<Arc<Tap>> + 'static {
        let insides: BTreeMap<_, _> = self.nodes.iter().map(|(id, node)| (*id, node.inside.clone())).collect();
        move |id| insides.get(&id)?.borrow().tap.clone()
    }

    /// Every published note that some node keeps.
    pub fn kept_notes(&self) -> Vec<String> {
        let taps = self.nodes.values().filter_map(|node| node.inside.borrow().tap.clone());
        taps.flat_map(|tap| tap.cosigner.kept().unwrap_or_default()).collect()
    }

    /// Starts a node's process again on the disk that it left. False when it runs, and when it may not come back yet.
    pub fn restart(&mut self, id: u64) -> bool {
        if !self.may_return(id) {
            return false;
        }
        let Some(node) = self.nodes.get_mut(&id).filter(|node| !node.up) else { return false };
        node.up = true;
        node.standing.respawn_at_ms = None;
        self.sim.bounce(host(id));
        self.trace.line(format!("{} restarted", host(id)));
        true
    }

    /// A disk may have lost what it had promised to keep, without a trace. The world lets its node come back only when
    /// the others hold everything that it knew, on a majority without it: else the fault destroys the only copy, and no
    /// protocol with one copy on each node survives that.
    fn may_return(&mut self, id: u64) -> bool {
        let Some(node) = self.nodes.get(&id) else { return false };
        if node.standing.gone {
            return false;
        }
        let Some((term, last)) = node.standing.before.filter(|_| node.standing.excused) else { return true };
        let covered = self.others_hold(id, term, last);
        if !covered && let Some(node) = self.nodes.get_mut(&id) {
            node.standing.respawn_at_ms = Some(self.time.ms() + RESPAWN_MS);
        }
        covered
    }

    /// Whether a majority without this node has applied its log to the end now.
    pub fn is_covered(&self, id: u64) -> bool {
        self.status(id).is_some_and(|own| self.others_hold(id, own.term, own.last_log.unwrap_or_default()))
    }

    fn others_hold(&self, id: u64, term: u64, last: u64) -> bool {
        let holds = |(other, node): (&u64, &Node)| {
            let status = node.inside.borrow().running.as_ref().map(RaftNode::status);
            *other != id && !node.standing.excused && status.is_some_and(|own| own.applied >= last && own.term >= term)
        };
        self.nodes.iter().filter(|node| holds(*node)).count() > self.nodes.len() / 2
    }

    /// Allows a fault to damage a node's data: the node may stop for good then. False when a minority of the nodes is
    /// damaged already: a copy must be left.
    pub fn excuse(&mut self, id: u64) -> bool {
        let damaged = self.nodes.values().filter(|node| node.standing.excused).count();
        let minority = (self.nodes.len() - 1) / 2;
        let Some(node) = self.nodes.get_mut(&id) else { return false };
        if node.standing.excused || damaged >= minority || self.reshaping.get() {
            return false;
        }
        node.standing.excused = true;
        self.trace.line(format!("{} may be damaged", host(id)));
        true
    }

    /// Whether a trap of this label went off on the node.
    pub fn was_struck(&self, id: u64, label: &str) -> bool {
        self.nodes.get(&id).is_some_and(|node| node.standing.struck.contains(label))
    }

    /// Starts a node again as soon as it has ended.
    pub fn respawn(&mut self, id: u64) {
        let now = self.now_ms();
        if let Some(node) = self.nodes.get_mut(&id) {
            node.standing.respawn_at_ms = Some(now + RESPAWN_MS);
        }
    }

    /// Takes back [`World::excuse`]: nothing was damaged after all.
    pub fn pardon(&mut self, id: u64) {
        if let Some(node) = self.nodes.get_mut(&id) {
            node.standing.excused = false;
        }
    }

    /// Whether any node's data may be damaged.
    pub fn any_excused(&self) -> bool {
        self.nodes.values().any(|node| node.standing.excused)
    }

    /// The node may come back without what it knew: nothing on it can notice.
    pub fn lets_forget(&mut self, id: u64) {
        if let Some(node) = self.nodes.get_mut(&id) {
            node.standing.may_forget = true;
        }
    }

    /// The node does not come back.
    pub fn retire(&mut self, id: u64) {
        if let Some(node) = self.nodes.get_mut(&id) {
            node.standing.gone = true;
        }
    }

    /// Allows a node to end by itself for so long, and a little longer; its supervisor starts it again.
    pub fn tolerate(&mut self, id: u64, ms: u64) {
        let until = self.now_ms() + ms + GRACE_MS;
        if let Some(node) = self.nodes.get_mut(&id) {
            node.standing.tolerated_until_ms = node.standing.tolerated_until_ms.max(until);
        }
    }

    /// Nodes whose process ended by itself since the last call and should not have, with the reason. They are down now.
    pub fn ended(&mut self) -> Vec<(u64, String)> {
        let now = self.now_ms();
        let mut ended = Vec::new();
        for (id, node) in &mut self.nodes {
            let Some(reason) = node.inside.borrow_mut().ended.take() else { continue };
            node.up = false;
            node.standing.known = known(*id, &node.disk, &self.genesis);
            let before = node.inside.borrow_mut().before.take();
            node.standing.before = before.or(node.standing.before);
            self.trace.line(format!("{} ended: {reason}", host(*id)));
            let standing = &mut node.standing;
            if std::mem::take(&mut standing.asked) {
                // Whoever asked for it starts it again, unless all faults are over.
                standing.respawn_at_ms = self.healed.then_some(now);
                continue;
            }
            if standing.excused {
                standing.ends += 1;
                standing.respawn_at_ms = (standing.ends <= DAMAGED_STARTS).then_some(now + RESPAWN_MS);
            } else if now <= standing.tolerated_until_ms && !reason.starts_with(PANICKED) {
                standing.respawn_at_ms = Some(now + RESPAWN_MS);
            } else {
                ended.push((*id, reason));
            }
        }
        ended
    }

    /// Holds every message from and to a node for so long, and delivers them then: what others see of a process that
    /// does not run for a while.
    pub fn pause(&mut self, id: u64, ms: u64) {
        let until = self.now_ms() + ms;
        let Some(node) = self.nodes.get_mut(&id) else { return };
        let held = node.standing.held_until_ms.replace(until);
        if held.is_none() {
            self.link(id, true);
        }
    }

    fn link(&self, id: u64, hold: bool) {
        let held: Vec<u64> =
            self.nodes.iter().filter(|(_, n)| n.standing.held_until_ms.is_some()).map(|(n, _)| *n).collect();
        let others = self.nodes.keys().filter(|other| **other != id && !held.contains(other)).map(|other| host(*other));
        for other in others.chain(self.clients.iter().cloned()) {
            match hold {
                true => self.sim.hold(host(id), other),
                false => self.sim.release(host(id), other),
            }
        }
        self.trace.line(format!("{} is {}", host(id), if hold { "held" } else { "let go" }));
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

    /// Lets every message between two hosts wait until [`World::release`] was called as often.
    pub fn hold(&mut self, a: &str, b: &str) {
        *self.holds.entry((a.to_owned(), b.to_owned())).or_default() += 1;
        self.sim.hold(a, b);
        self.trace.line(format!("hold {a} - {b}"));
    }

    /// Takes back one [`World::hold`]; what waited arrives.
    pub fn release(&mut self, a: &str, b: &str) {
        let key = (a.to_owned(), b.to_owned());
        let Some(wanted) = self.holds.get_mut(&key) else { return };
        *wanted -= 1;
        if *wanted == 0 {
            self.holds.remove(&key);
            self.sim.release(a, b);
            self.trace.line(format!("release {a} - {b}"));
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
        self.healed = true;
        for (from, to) in std::mem::take(&mut self.cuts).into_keys() {
            self.sim.repair_oneway(from.as_str(), to.as_str());
        }
        for (a, b) in std::mem::take(&mut self.holds).into_keys() {
            self.sim.release(a.as_str(), b.as_str());
        }
        self.quiet.set(0);
        self.loss(0);
        let now = self.now_ms();
        for id in self.ids() {
            let Some(node) = self.nodes.get_mut(&id) else { continue };
            node.clock.heal();
            node.disk.disarm();
            if node.standing.held_until_ms.take().is_some() {
                self.link(id, false);
            }
            if let Some(node) = self.nodes.get_mut(&id) {
                // Whatever happened, each gets one more chance.
                node.standing.respawn_at_ms = (!node.up).then_some(now);
            }
        }
    }

    /// All nodes as they are now.
    pub fn snapshot(&self) -> Snapshot {
        let now = self.now_ms();
        let mut snapshot = Snapshot { at_ms: now, nodes: Vec::new(), down: Vec::new(), damaged: Vec::new() };
        for (id, node) in &self.nodes {
            let shaken = node.standing.excused || now <= node.standing.tolerated_until_ms;
            match &node.inside.borrow().running {
                Some(raft) => {
                    let view = NodeView::new(*id, raft.clone(), node.disk.clone()).shaken(shaken);
                    let tap = node.inside.borrow().tap.clone();
                    let published = tap.map(|tap| tap.cosigner.publications().borrow().clone());
                    snapshot.nodes.push(view.publishing(published.unwrap_or_default()));
                }
                None if node.standing.excused => snapshot.damaged.push(*id),
                None => snapshot.down.push(*id),
            }
            if node.standing.excused && !snapshot.damaged.contains(id) {
                snapshot.damaged.push(*id);
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
    disk: SimDisk,
    time: SimTime,
    tapped: Tapped,
}

impl Process {
    async fn run(self) -> turmoil::Result {
        let Process { config, genesis, key, mut env, inside, disk, time, tapped } = self;
        env.shutdown = CancellationToken::new();
        let stop = CancellationToken::new();
        inside.borrow_mut().stop = stop.clone();
        inside.borrow_mut().alive = Alive::watch();
        let (id, cosigner) = (config.id, key.cosigner().public());
        let life = async {
            match Self::start(config, genesis, key, env, &inside).await {
                Ok(node) => {
                    let tap = Tap { node: id, cosigner: node.cosigner.clone(), key: cosigner, disk, time, tapped };
                    let tap = Arc::new(tap);
                    node.raft.serve_notary(&(tap.clone() as Arc<dyn Notary>));
                    inside.borrow_mut().running = Some(node.raft.clone());
                    inside.borrow_mut().tap = Some(tap);
                    let mut fatal = node.fatal();
                    let reason = tokio::select! {
                        biased;
                        reason = fatal.wait_for(Option::is_some) => reason.ok().and_then(|reason| reason.clone()),
                        () = stop.cancelled() => Some("asked to stop".into()),
                    };
                    let status = node.raft.status();
                    {
                        let mut now = inside.borrow_mut();
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
        let reason = guard::catch_async(life).await.unwrap_or_else(|said| format!("panicked: {said}"));
        let mut inside = inside.borrow_mut();
        inside.running = None;
        inside.tap = None;
        inside.ended = Some(reason);
        Ok(())
    }

    async fn start(
        config: NodeConfig,
        genesis: Arc<Genesis>,
        key: SecretKey,
        env: Env,
        inside: &RefCell<Inside>,
    ) -> Result<node::Node, String> {
        // An operator makes the directory once. One that is gone is not made again: its node would forget its votes.
        if !node::is_initialised(&env).map_err(|error| error.to_string())? {
            if inside.borrow().initialised {
                return Err("the data directory is empty, and this node had one".into());
            }
            inside.borrow_mut().initialised = true;
            node::init(config.id, &genesis, &key, &env).map_err(|error| error.to_string())?;
        }
        node::start(config, genesis, key, env).await.map_err(|error| error.to_string())
    }
}
