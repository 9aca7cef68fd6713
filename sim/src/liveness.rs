//! L1 to L4 and I13. After healing: a leader within ten election timeouts; within a bound of simulated time the same state
//! everywhere, a write and a read that succeed, no migration that is stuck and no verification that waits.

use crate::history::Answer;
use crate::invariants::{Snapshot, Violation};
use crate::workload::Callers;
use crate::world::World;
use selfsame_machine::state::{HolderStatus, Phase, Substrate};
use selfsame_machine::view::{Table, View};
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

/// Milliseconds in which a healed world must serve.
pub const WITHIN_MS: u64 = 30_000;

/// Milliseconds in which a healed world must have a leader: ten of the longest election timeouts of a node.
pub const LEADER_WITHIN_MS: u64 = 12_000;

/// What is demanded of a healed world.
pub struct Liveness {
    since_ms: u64,
    led: Cell<bool>,
    written: Rc<Cell<bool>>,
    read: Rc<Cell<bool>>,
}

impl Liveness {
    /// Starts a client that writes until it is answered.
    pub fn demand(world: &mut World) -> Liveness {
        let (written, read) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(false)));
        let (wrote, done) = (written.clone(), read.clone());
        let never = Rc::new(Cell::new(false));
        let spec = Callers::of(world).spec("probe".into(), &never);
        world.client("probe", async move {
            let mut caller = spec.start();
            let envelope = caller.declaration(0, "Does it serve again?");
            let receipt = loop {
                match caller.once("probe", &envelope).await {
                    Answer::Ok(receipt) => break receipt,
                    _ => tokio::time::sleep(Duration::from_millis(100)).await,
                }
            };
            wrote.set(true);
            // The write is read back, with the proof that it is in the ledger.
            for entry in &receipt.entries {
                while !caller.prove(entry).await {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
            done.set(true);
            Ok(())
        });
        Liveness { since_ms: world.now_ms(), led: Cell::new(false), written, read }
    }

    /// `Ok(true)` when all demands are met, `Ok(false)` while there is time, an error after it.
    pub fn check(
        &self,
        world: &Snapshot,
        leader: Option<u64>,
        minded: &dyn Fn(&str) -> bool,
    ) -> Result<bool, Violation> {
        self.led.set(self.led.get() || leader.is_some());
        let since = world.at_ms.saturating_sub(self.since_ms);
        let late = |invariant, what| Err(Violation { invariant, what: format!("{since} ms after healing: {what}") });
        match self.missing(world, leader, minded) {
            _ if !self.led.get() && since >= LEADER_WITHIN_MS => late("L1 leader", "no node has led yet".into()),
            None => Ok(true),
            Some(_) if since < WITHIN_MS => Ok(false),
            Some((invariant, what)) => late(invariant, what),
        }
    }

    fn missing(
        &self,
        world: &Snapshot,
        leader: Option<u64>,
        minded: &dyn Fn(&str) -> bool,
    ) -> Option<(&'static str, String)> {
        if !world.down.is_empty() {
            return Some(("L2 equal", format!("nodes {:?} do not run", world.down)));
        }
        if leader.is_none() {
            return Some(("L1 leader", "no node leads".into()));
        }
        if !self.written.get() {
            return Some(("L3 write_and_read", "no write succeeded".into()));
        }
        if !self.read.get() {
            return Some(("L3 write_and_read", "no read succeeded".into()));
        }
        let whole = world.nodes.iter().filter(|node| !world.damaged.contains(&node.id));
        let mut states = whole.map(|node| (node.id, node.applied()));
        let (first, state) = states.next()?;
        if let Some((other, found)) = states.find(|(_, other)| *other != state) {
            return Some(("L2 equal", format!("node {first} is at {state:?} and node {other} at {found:?}")));
        }
        let substrates = world
            .nodes
            .iter()
            .find(|node| node.id == first)?
            .state()
            .and_then(|view| view.scan(Table::Substrates, &[], &[255; 512], 1_000));
        let substrates = match substrates {
            Ok(rows) => rows,
            Err(error) => return Some(("L2 equal", format!("node {first}: {error}"))),
        };
        let stuck = |state: Substrate| stuck(&state, minded(&state.substrate_id));
        substrates.iter().find_map(|(_, value)| serde_json::from_slice(value).ok().and_then(stuck))
    }
}

/// What a substrate waits for although nothing is broken; `minded` when its client ends every migration that it begins.
fn stuck(state: &Substrate, minded: bool) -> Option<(&'static str, String)> {
    if minded && state.holder.status == HolderStatus::Sealed {
        return Some(("I13 migration_ends", format!("{} is sealed", state.substrate_id)));
    }
    let waits = state.phase == Phase::Verifying;
    waits.then(|| ("I13 migration_ends", format!("{} waits for verdicts", state.substrate_id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn liveness(led: bool, done: bool) -> Liveness {
        let done = || Rc::new(Cell::new(done));
        Liveness { since_ms: 1_000, led: Cell::new(led), written: done(), read: done() }
    }

    #[test]
    fn what_is_late_is_named() {
        let at = |at_ms, down: &[u64]| Snapshot { at_ms, down: down.to_vec(), ..Snapshot::default() };
        let check = |liveness: Liveness, world: Snapshot, leader| match liveness.check(&world, leader, &|_| true) {
            Ok(done) => done.to_string(),
            Err(violation) => violation.invariant.to_owned(),
        };
        assert_eq!(check(liveness(false, true), at(2_000, &[]), None), "false");
        assert_eq!(check(liveness(false, true), at(13_000, &[]), None), "L1 leader");
        assert_eq!(check(liveness(true, true), at(31_000, &[]), None), "L1 leader");
        assert_eq!(check(liveness(true, true), at(31_000, &[2]), Some(1)), "L2 equal");
        assert_eq!(check(liveness(true, false), at(31_000, &[]), Some(1)), "L3 write_and_read");
        assert_eq!(check(liveness(true, true), at(31_000, &[]), Some(1)), "true");
    }

    #[test]
    fn a_stuck_substrate_is_named() {
        let mut story = crate::invariants::story::Story::migrated();
        let arrived = story.last("arrive").touched[0].after.clone();
        assert_eq!(stuck(&arrived, true), None);
        assert_eq!(stuck(&story.last("seal").touched[0].after, true).unwrap().0, "I13 migration_ends");
        assert_eq!(stuck(&story.last("open").touched[0].after, false).unwrap().0, "I13 migration_ends");
    }
}
