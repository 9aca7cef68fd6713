//! What a supervisor knows of each node beyond its process: which faults struck it, whether it may end or forget, and
//! when it starts again.

use super::nodes::{Nodes, Progress};
use super::process::PANICKED;
use std::collections::{BTreeMap, BTreeSet};

/// Milliseconds after which a supervisor starts a process again.
const RESPAWN_MS: u64 = 500;
/// Milliseconds that a process may take to end after its fault is over.
const GRACE_MS: u64 = 5_000;
/// Times that a supervisor starts a node with damaged data.
const DAMAGED_STARTS: u64 = 3;

/// What faults did to a node, beyond killing it.
#[derive(Default)]
struct FaultState {
    /// Its data may be damaged: it may stop for good.
    excused: bool,
    /// It need not show that it forgot nothing: nothing on the node can notice what struck it.
    may_forget: bool,
    /// Until when it may end by itself.
    tolerated_until_ms: u64,
    /// It does not come back.
    gone: bool,
    /// When its supervisor starts it again.
    respawn_at_ms: Option<u64>,
    /// How often it ended since its data was damaged.
    ends: u64,
    /// It was asked to stop.
    asked: bool,
    /// What struck it.
    struck: BTreeSet<&'static str>,
}

/// The supervisor of all nodes.
#[derive(Default)]
pub(super) struct Supervisor {
    states: BTreeMap<u64, FaultState>,
    /// How often kinds struck that wait for their moment.
    struck: BTreeMap<&'static str, u64>,
    /// All faults are over.
    healed: bool,
}

impl Supervisor {
    /// For these nodes, none of which is damaged.
    pub(super) fn of(ids: Vec<u64>) -> Supervisor {
        let states = ids.into_iter().map(|id| (id, FaultState::default())).collect();
        Supervisor { states, ..Supervisor::default() }
    }

    fn set(&mut self, id: u64, change: impl FnOnce(&mut FaultState)) {
        if let Some(state) = self.states.get_mut(&id) {
            change(state);
        }
    }

    fn is(&self, id: u64, what: impl FnOnce(&FaultState) -> bool) -> bool {
        self.states.get(&id).is_some_and(what)
    }

    pub(super) fn excuse(&mut self, id: u64) -> bool {
        let damaged = self.states.values().filter(|state| state.excused).count();
        let minority = (self.states.len() - 1) / 2;
        let Some(state) = self.states.get_mut(&id) else { return false };
        if state.excused || damaged >= minority {
            return false;
        }
        state.excused = true;
        true
    }

    pub(super) fn pardon(&mut self, id: u64) {
        self.set(id, |state| state.excused = false);
    }

    pub(super) fn is_excused(&self, id: u64) -> bool {
        self.is(id, |state| state.excused)
    }

    pub(super) fn any_excused(&self) -> bool {
        self.states.values().any(|state| state.excused)
    }

    pub(super) fn let_forget(&mut self, id: u64) {
        self.set(id, |state| state.may_forget = true);
    }

    pub(super) fn may_forget(&self, id: u64) -> bool {
        self.is(id, |state| state.may_forget)
    }

    pub(super) fn retire(&mut self, id: u64) {
        self.set(id, |state| state.gone = true);
    }

    pub(super) fn tolerate(&mut self, id: u64, until_ms: u64) {
        self.set(id, |state| state.tolerated_until_ms = state.tolerated_until_ms.max(until_ms + GRACE_MS));
    }

    /// Whether the node's disk fails or its data may be damaged.
    pub(super) fn is_shaken(&self, id: u64, now_ms: u64) -> bool {
        self.is(id, |state| state.excused || now_ms <= state.tolerated_until_ms)
    }

    pub(super) fn asked_to_stop(&mut self, id: u64) {
        self.set(id, |state| state.asked = true);
    }

    /// Starts the node again after the time that a supervisor takes.
    pub(super) fn respawn(&mut self, id: u64, now_ms: u64) {
        self.set(id, |state| state.respawn_at_ms = Some(now_ms + RESPAWN_MS));
    }

    /// Whether it is time to start the node again.
    pub(super) fn is_due(&self, id: u64, now_ms: u64) -> bool {
        self.is(id, |state| state.respawn_at_ms.is_some_and(|at| at <= now_ms))
    }

    pub(super) fn restarted(&mut self, id: u64) {
        self.set(id, |state| state.respawn_at_ms = None);
    }

    /// Notes that a trap of this label went off on the node.
    pub(super) fn strike(&mut self, id: u64, label: &'static str) {
        self.count_strike(label);
        self.set(id, |state| {
            state.struck.insert(label);
        });
    }

    /// Counts a strike that no disk shows.
    pub(super) fn count_strike(&mut self, label: &'static str) {
        *self.struck.entry(label).or_default() += 1;
    }

    pub(super) fn was_struck(&self, id: u64, label: &str) -> bool {
        self.is(id, |state| state.struck.contains(label))
    }

    pub(super) fn struck(&self) -> &BTreeMap<&'static str, u64> {
        &self.struck
    }

    /// Decides about a process that ended by itself: true when it may have ended. Then it starts again, except where
    /// somebody else does that or its damaged data stopped it too often.
    pub(super) fn accept_end(&mut self, id: u64, reason: &str, now_ms: u64) -> bool {
        let healed = self.healed;
        let Some(state) = self.states.get_mut(&id) else { return false };
        if std::mem::take(&mut state.asked) {
            // Whoever asked for it starts it again, unless all faults are over.
            state.respawn_at_ms = healed.then_some(now_ms);
        } else if state.excused {
            state.ends += 1;
            state.respawn_at_ms = (state.ends <= DAMAGED_STARTS).then_some(now_ms + RESPAWN_MS);
        } else if now_ms <= state.tolerated_until_ms && !reason.starts_with(PANICKED) {
            state.respawn_at_ms = Some(now_ms + RESPAWN_MS);
        } else {
            return false;
        }
        true
    }

    /// A disk may have lost what it had promised to keep, without a trace. The world lets its node come back only when
    /// the others hold everything that it knew, on a majority without it: else the fault destroys the only copy, and no
    /// protocol with one copy on each node survives that.
    pub(super) fn may_return(&mut self, nodes: &Nodes, id: u64, now_ms: u64) -> bool {
        let (Some(node), Some(state)) = (nodes.get(id), self.states.get(&id)) else { return false };
        if state.gone {
            return false;
        }
        let Some(before) = node.before.filter(|_| state.excused) else { return true };
        let covered = self.others_hold(nodes, id, before);
        if !covered {
            self.respawn(id, now_ms);
        }
        covered
    }

    /// Whether a majority without this node has applied its log as far as this.
    pub(super) fn others_hold(&self, nodes: &Nodes, id: u64, (term, last): Progress) -> bool {
        let sound = nodes.iter().filter(|(other, _)| *other != id && !self.is_excused(*other));
        let holding = sound.filter_map(|(_, node)| node.status()).filter(|own| own.applied >= last && own.term >= term);
        holding.count() > nodes.len() / 2
    }

    /// All faults are over: whatever happened, each node that is down gets one more chance.
    pub(super) fn heal(&mut self, nodes: &Nodes, now_ms: u64) {
        self.healed = true;
        for (id, state) in &mut self.states {
            state.respawn_at_ms = (!nodes.is_up(*id)).then_some(now_ms);
        }
    }
}
