//! The network between hosts: links that faults cut, hold, slow down or make lossy.
//!
//! Several faults may want the same link cut or held. Each link counts them, and it works again when the last one ends.

use crate::cluster::host;
use crate::trace::Trace;
use std::collections::BTreeMap;
use std::time::Duration;
use turmoil::Sim;

/// What is wrong with the links of the world. Turmoil does the work; this is what it should do.
pub(super) struct Links {
    /// Ids of all nodes.
    nodes: Vec<u64>,
    /// Hosts of all clients.
    clients: Vec<String>,
    /// Cuts from one host to another, and how many faults want each.
    cuts: BTreeMap<(String, String), u64>,
    /// Links whose messages wait, and how many faults want each.
    holds: BTreeMap<(String, String), u64>,
    /// Nodes whose messages wait, and until when in simulated milliseconds.
    paused: BTreeMap<u64, u64>,
    /// Longest time of a message when nothing is wrong, milliseconds.
    latency_ms: u64,
    trace: Trace,
}

impl Links {
    pub(super) fn new(nodes: Vec<u64>, latency_ms: u64, trace: Trace) -> Links {
        let (clients, cuts, holds, paused) = (Vec::new(), BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Links { nodes, clients, cuts, holds, paused, latency_ms, trace }
    }

    /// A client has come.
    pub(super) fn add_client(&mut self, name: &str) {
        self.clients.push(name.to_owned());
    }

    /// Repeats what turmoil forgets: a broken and repaired link has no cut in one direction any more, and no message
    /// waits on it.
    pub(super) fn refresh(&self, sim: &Sim) {
        for (a, b) in self.holds.keys() {
            sim.hold(a.as_str(), b.as_str());
        }
        for (from, to) in self.cuts.keys() {
            sim.partition_oneway(from.as_str(), to.as_str());
        }
    }

    pub(super) fn cut(&mut self, sim: &Sim, from: &str, to: &str) {
        let wanted = self.cuts.entry((from.to_owned(), to.to_owned())).or_default();
        *wanted += 1;
        if *wanted == 1 {
            sim.partition_oneway(from, to);
            self.trace.line(format!("cut {from} -> {to}"));
        }
    }

    pub(super) fn uncut(&mut self, sim: &Sim, from: &str, to: &str) {
        let key = (from.to_owned(), to.to_owned());
        let Some(wanted) = self.cuts.get_mut(&key) else { return };
        *wanted -= 1;
        if *wanted == 0 {
            self.cuts.remove(&key);
            sim.repair_oneway(from, to);
            self.trace.line(format!("uncut {from} -> {to}"));
        }
    }

    pub(super) fn hold(&mut self, sim: &Sim, a: &str, b: &str) {
        *self.holds.entry((a.to_owned(), b.to_owned())).or_default() += 1;
        sim.hold(a, b);
        self.trace.line(format!("hold {a} - {b}"));
    }

    pub(super) fn release(&mut self, sim: &Sim, a: &str, b: &str) {
        let key = (a.to_owned(), b.to_owned());
        let Some(wanted) = self.holds.get_mut(&key) else { return };
        *wanted -= 1;
        if *wanted == 0 {
            self.holds.remove(&key);
            sim.release(a, b);
            self.trace.line(format!("release {a} - {b}"));
        }
    }

    pub(super) fn loss(&self, sim: &mut Sim, per_million: u32) {
        sim.set_fail_rate(f64::from(per_million) / 1_000_000.0);
        self.trace.line(format!("loss of {per_million} messages per million"));
    }

    pub(super) fn slow(&self, sim: &Sim, a: &str, b: &str, ms: Option<u64>) {
        let ms = ms.unwrap_or(self.latency_ms);
        sim.set_link_max_message_latency(a, b, Duration::from_millis(ms));
        self.trace.line(format!("messages {a} - {b} take up to {ms} ms"));
    }

    /// Holds every message from and to a node until this millisecond.
    pub(super) fn pause(&mut self, sim: &Sim, id: u64, until_ms: u64) {
        if self.paused.insert(id, until_ms).is_none() {
            self.set_paused(sim, id, true);
        }
    }

    /// Lets the messages of a node go when its pause is over.
    pub(super) fn resume_if_due(&mut self, sim: &Sim, id: u64, now_ms: u64) {
        if self.paused.get(&id).is_some_and(|until| *until <= now_ms) {
            self.paused.remove(&id);
            self.set_paused(sim, id, false);
        }
    }

    fn set_paused(&self, sim: &Sim, id: u64, paused: bool) {
        let others = self.nodes.iter().filter(|other| **other != id && !self.paused.contains_key(other));
        for other in others.map(|other| host(*other)).chain(self.clients.iter().cloned()) {
            match paused {
                true => sim.hold(host(id), other),
                false => sim.release(host(id), other),
            }
        }
        self.trace.line(format!("{} is {}", host(id), if paused { "held" } else { "let go" }));
    }

    /// Makes every link work again.
    pub(super) fn heal(&mut self, sim: &mut Sim) {
        for (from, to) in std::mem::take(&mut self.cuts).into_keys() {
            sim.repair_oneway(from.as_str(), to.as_str());
        }
        for (a, b) in std::mem::take(&mut self.holds).into_keys() {
            sim.release(a.as_str(), b.as_str());
        }
        self.loss(sim, 0);
        while let Some((id, _)) = self.paused.pop_first() {
            self.set_paused(sim, id, false);
        }
    }
}
