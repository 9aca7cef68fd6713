//! The nodes, and everything around them that can be broken and mended.
//!
//! [`World`] holds the simulation and is what faults act on. Its parts keep their own state: `nodes` the disk, clock and
//! process of each node, `links` the network between hosts, `supervisor` what each node may do after a fault and when
//! it starts again. `process` is the software of one host.

mod links;
mod nodes;
mod process;
mod supervisor;

pub use process::PANICKED;

use crate::cluster::{genesis, host};
use crate::env::{NodeClock, SimDisk, Wire};
use crate::guard;
use crate::invariants::{NodeView, Snapshot};
use crate::oracle::Oracle;
use crate::setup::Setup;
use crate::tap::{Tap, Tapped};
use crate::time::SimTime;
use crate::trace::Trace;
use links::Links;
use nodes::{Nodes, Surroundings};
use selfsame_env::sim_disk::Loss;
use selfsame_machine::Genesis;
use selfsame_node::raft::{RaftNode, RaftStatus};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use supervisor::Supervisor;

/// Milliseconds of one step: messages are delivered and nodes run in turns of this length.
pub const STEP_MS: u64 = 1;
/// Panics in a row that the world takes.
const STEPS_WITHOUT_TIME: u64 = 100;

/// The simulated world.
pub struct World<'a> {
    sim: turmoil::Sim<'a>,
    nodes: Nodes,
    links: Links,
    supervisor: Supervisor,
    time: SimTime,
    seed: u64,
    /// Consensus identity.
    pub genesis: Arc<Genesis>,
    /// What happened.
    pub trace: Trace,
    /// What clients were told, for faults that act as clients.
    pub oracle: Oracle,
    /// How many faults want that the plan's clients call nobody.
    pub quiet: Rc<Cell<u64>>,
    /// What all connections share.
    pub wire: Wire,
    /// Signatures that left nodes.
    pub tapped: Tapped,
    /// True while the voters are fewer than the nodes: none of them may be lost.
    reshaping: Rc<Cell<bool>>,
    /// What must not be, as seen by the world itself.
    found: Vec<String>,
    guests: u64,
    /// Steps in a row that a panic ended.
    stood_still: u64,
}

impl World<'_> {
    /// The world of a setup, with its nodes about to start.
    pub fn new(setup: &Setup, time: SimTime, trace: Trace) -> Self {
        let mut sim = turmoil::Builder::new()
            .rng_seed(setup.seed)
            .tick_duration(Duration::from_millis(STEP_MS))
            .simulation_duration(Duration::from_secs(86_400))
            .min_message_latency(Duration::from_millis(setup.latency_ms.0))
            .max_message_latency(Duration::from_millis(setup.latency_ms.1))
            // Segments under way on one connection; HTTP/2 writes many small ones.
            .tcp_capacity(4_096)
            .build();
        let genesis = Arc::new(genesis(setup));
        let (wire, tapped) = (Wire::new(time.clone()), Tapped::default());
        let mut nodes = Nodes::new(genesis.clone(), trace.clone());
        let around = Surroundings { setup, time: &time, wire: &wire, tapped: &tapped };
        for id in 1..=setup.nodes {
            nodes.add(&mut sim, id, &around);
        }
        World {
            sim,
            links: Links::new(nodes.ids(), setup.latency_ms.1, trace.clone()),
            supervisor: Supervisor::of(nodes.ids()),
            nodes,
            seed: setup.seed,
            genesis,
            oracle: Oracle::new(trace.clone(), time.clone()),
            time,
            trace,
            quiet: Rc::default(),
            wire,
            tapped,
            reshaping: Rc::default(),
            found: Vec::new(),
            guests: 0,
            stood_still: 0,
        }
    }

    /// Adds a host that runs a client.
    pub fn client(&mut self, name: &str, client: impl Future<Output = turmoil::Result> + 'static) {
        self.links.add_client(name);
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
        self.links.refresh(&self.sim);
        Ok(())
    }

    /// A task panicked: its process aborts. The machine does not, so nothing un-synced is lost.
    fn panicked(&mut self, said: &str) -> Result<(), String> {
        // A step that panics takes no time: a process that is started at once and panics again would never end.
        self.stood_still += 1;
        if self.stood_still > STEPS_WITHOUT_TIME {
            return Err(format!("time stands still: {} panics in a row, the last: {said}", self.stood_still));
        }
        let Some(id) = self.nodes.dead() else { return Err(format!("a panic outside of any node: {said}")) };
        self.crash_with(id, Loss::Nothing);
        // The next step of its supervisor sees it.
        self.nodes.set_ended(id, format!("{PANICKED} {said}"));
        Ok(())
    }

    /// Looks at what the disks did in the step: traps that went off, and power that went with them.
    fn strike(&mut self) {
        let mut off = Vec::new();
        for (id, node) in self.nodes.iter() {
            for label in node.disk.take_hits() {
                self.trace.line(format!("{} is struck by {label}", host(id)));
                self.supervisor.strike(id, label);
            }
            off.extend(node.disk.off().map(|loss| (id, loss)));
        }
        for (id, loss) in off {
            self.crash_with(id, loss);
        }
    }

    /// Starts again what may start again, lets go what was held, and looks whether a node forgot something.
    fn supervise(&mut self) {
        let now = self.now_ms();
        for id in self.nodes.ids() {
            self.links.resume_if_due(&self.sim, id, now);
            if !self.nodes.is_up(id) && self.supervisor.is_due(id, now) {
                self.restart(id);
            }
            self.remember(id);
        }
    }

    /// A node that comes back must know at least what it knew: its term, and the entries that it held.
    fn remember(&mut self, id: u64) {
        let Some(((term, last), now)) = self.nodes.take_return(id) else { return };
        if (now.0 < term || (now.0 == term && now.1 < last)) && !self.supervisor.may_forget(id) {
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

    /// Nodes whose process ended by itself since the last call and should not have, with the reason. They are down now.
    pub fn ended(&mut self) -> Vec<(u64, String)> {
        let now = self.now_ms();
        let mut ended = self.nodes.take_ended();
        ended.retain(|(id, reason)| !self.supervisor.accept_end(*id, reason, now));
        ended
    }

    /// Undoes everything that is wrong with the world itself: links, clocks, and nodes that are down.
    pub fn heal(&mut self) {
        self.quiet.set(0);
        for (_, node) in self.nodes.iter() {
            node.clock.heal();
            node.disk.disarm();
        }
        self.links.heal(&mut self.sim);
        self.supervisor.heal(&self.nodes, self.time.ms());
    }

    /// All nodes as they are now.
    pub fn snapshot(&self) -> Snapshot {
        let now = self.now_ms();
        let mut snapshot = Snapshot { at_ms: now, nodes: Vec::new(), down: Vec::new(), damaged: Vec::new() };
        for (id, node) in self.nodes.iter() {
            let damaged = self.supervisor.is_excused(id);
            match node.raft() {
                Some(raft) => {
                    let published = node.tap().map(|tap| tap.cosigner.publications().borrow().clone());
                    let shaken = self.supervisor.is_shaken(id, now);
                    let view = NodeView::new(id, raft, node.disk.clone()).shaken(shaken);
                    snapshot.nodes.push(view.publishing(published.unwrap_or_default()));
                }
                None if damaged => {}
                None => snapshot.down.push(id),
            }
            if damaged {
                snapshot.damaged.push(id);
            }
        }
        snapshot
    }
}

/// What there is.
impl World<'_> {
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
        self.nodes.ids()
    }

    /// A node's wall clock.
    pub fn clock(&self, id: u64) -> Arc<NodeClock> {
        self.nodes.get(id).map(|node| node.clock.clone()).unwrap_or_else(|| panic!("no node {id}"))
    }

    /// A node's disk.
    pub fn disk(&self, id: u64) -> SimDisk {
        self.nodes.get(id).map(|node| node.disk.clone()).unwrap_or_else(|| panic!("no node {id}"))
    }

    /// Whether a node's process runs, or is about to.
    pub fn is_up(&self, id: u64) -> bool {
        self.nodes.is_up(id)
    }

    /// What a node says of itself; `None` when it does not run.
    pub fn status(&self, id: u64) -> Option<RaftStatus> {
        self.nodes.get(id)?.status()
    }

    /// The leader of the highest term among the running nodes.
    pub fn leader(&self) -> Option<u64> {
        self.nodes.leader()
    }

    /// Gives the replication of the leader of the moment, whenever it is asked.
    pub fn leads(&self) -> impl Fn() -> Option<RaftNode> + 'static {
        self.nodes.leads()
    }

    /// Gives the cosigner of a node that runs, whenever it is asked.
    pub fn cosigners(&self) -> impl Fn(u64) -> Option<Arc<Tap>> + 'static {
        self.nodes.cosigners()
    }

    /// Every published note that some node keeps.
    pub fn kept_notes(&self) -> Vec<String> {
        self.nodes.kept_notes()
    }

    /// Whether a majority without this node has applied its log to the end now.
    pub fn is_covered(&self, id: u64) -> bool {
        let own = self.status(id).map(|own| (own.term, own.last_log.unwrap_or_default()));
        own.is_some_and(|own| self.supervisor.others_hold(&self.nodes, id, own))
    }

    /// How often kinds struck that wait for their moment.
    pub fn struck(&self) -> &BTreeMap<&'static str, u64> {
        self.supervisor.struck()
    }

    /// Counts a strike that no disk shows.
    pub fn strikes(&mut self, label: &'static str) {
        self.supervisor.count_strike(label);
    }

    /// Whether a trap of this label went off on the node.
    pub fn was_struck(&self, id: u64, label: &str) -> bool {
        self.supervisor.was_struck(id, label)
    }
}

/// What faults do to processes.
impl World<'_> {
    /// Kills a node's process as a loss of power does: un-synced writes are lost in part. False when it is down.
    pub fn crash(&mut self, id: u64) -> bool {
        self.crash_with(id, Loss::Mixed)
    }

    /// Kills a node's process, with what `loss` says. False when it is down.
    pub fn crash_with(&mut self, id: u64, loss: Loss) -> bool {
        self.nodes.crash(&mut self.sim, id, loss)
    }

    /// Asks a node's process to stop, as an operator does. False when it does not serve.
    pub fn stop(&mut self, id: u64) -> bool {
        let stops = self.nodes.stop(id);
        if stops {
            self.supervisor.asked_to_stop(id);
        }
        stops
    }

    /// Starts a node's process again on the disk that it left. False when it runs, and when it may not come back yet.
    pub fn restart(&mut self, id: u64) -> bool {
        let restarted =
            self.supervisor.may_return(&self.nodes, id, self.time.ms()) && self.nodes.restart(&mut self.sim, id);
        if restarted {
            self.supervisor.restarted(id);
        }
        restarted
    }

    /// Starts a node again as soon as it has ended.
    pub fn respawn(&mut self, id: u64) {
        self.supervisor.respawn(id, self.time.ms());
    }

    /// Allows a fault to damage a node's data: the node may stop for good then. False when a minority of the nodes is
    /// damaged already, since a copy must be left, and while a voter is missing.
    pub fn excuse(&mut self, id: u64) -> bool {
        let excused = !self.reshaping.get() && self.supervisor.excuse(id);
        if excused {
            self.trace.line(format!("{} may be damaged", host(id)));
        }
        excused
    }

    /// Takes back [`World::excuse`]: nothing was damaged after all.
    pub fn pardon(&mut self, id: u64) {
        self.supervisor.pardon(id);
    }

    /// The node may come back without what it knew: nothing on it can notice.
    pub fn lets_forget(&mut self, id: u64) {
        self.supervisor.let_forget(id);
    }

    /// The node does not come back.
    pub fn retire(&mut self, id: u64) {
        self.supervisor.retire(id);
    }

    /// Allows a node to end by itself for so long, and a little longer; its supervisor starts it again.
    pub fn tolerate(&mut self, id: u64, ms: u64) {
        self.supervisor.tolerate(id, self.time.ms() + ms);
    }

    /// Begins a change of the voters; whoever begins it clears the flag when all have their votes again. `None` when
    /// another change is under way, and when a node may be damaged: the others are as few as they may be then.
    pub fn reshape(&mut self) -> Option<Rc<Cell<bool>>> {
        if self.supervisor.any_excused() || self.reshaping.replace(true) {
            return None;
        }
        Some(self.reshaping.clone())
    }
}

/// What faults do to links.
impl World<'_> {
    /// Holds every message from and to a node for so long, and delivers them then: what others see of a process that
    /// does not run for a while.
    pub fn pause(&mut self, id: u64, ms: u64) {
        self.links.pause(&self.sim, id, self.time.ms() + ms);
    }

    /// Drops every message from one host to another until [`World::uncut`] was called as often.
    pub fn cut(&mut self, from: &str, to: &str) {
        self.links.cut(&self.sim, from, to);
    }

    /// Takes back one [`World::cut`].
    pub fn uncut(&mut self, from: &str, to: &str) {
        self.links.uncut(&self.sim, from, to);
    }

    /// Lets every message between two hosts wait until [`World::release`] was called as often.
    pub fn hold(&mut self, a: &str, b: &str) {
        self.links.hold(&self.sim, a, b);
    }

    /// Takes back one [`World::hold`]; what waited arrives.
    pub fn release(&mut self, a: &str, b: &str) {
        self.links.release(&self.sim, a, b);
    }

    /// Loses so many of a million messages, each with everything under way on its link; 0 loses none.
    pub fn loss(&mut self, per_million: u32) {
        self.links.loss(&mut self.sim, per_million);
    }

    /// Lets messages between two hosts take up to so many milliseconds; `None` is the plan's time.
    pub fn slow(&mut self, a: &str, b: &str, ms: Option<u64>) {
        self.links.slow(&self.sim, a, b, ms);
    }
}
