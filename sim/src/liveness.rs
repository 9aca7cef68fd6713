//! After healing: a leader, a write that succeeds, and the same state everywhere, within a bound of simulated time.

use crate::env::SimTime;
use crate::invariants::{Snapshot, Violation};
use crate::oracle::{Answer, Oracle};
use crate::plan::Plan;
use crate::workload::Seat;
use crate::world::World;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

/// Milliseconds in which a healed world must serve.
pub const WITHIN_MS: u64 = 30_000;

/// What is demanded of a healed world.
pub struct Liveness {
    since_ms: u64,
    written: Rc<Cell<bool>>,
}

impl Liveness {
    /// Starts a client that writes until it is answered.
    pub fn demand(world: &mut World, plan: &Plan, oracle: &Oracle, time: &SimTime) -> Liveness {
        let written = Rc::new(Cell::new(false));
        let done = written.clone();
        let never = Rc::new(Cell::new(false));
        let seat = Seat::new("probe".into(), plan, oracle, time, &never);
        world.client("probe", async move {
            let mut session = seat.sit();
            let envelope = session.declaration(0, "Does it serve again?");
            while !matches!(session.once("probe", &envelope).await, Answer::Ok(_)) {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            done.set(true);
            Ok(())
        });
        Liveness { since_ms: world.now_ms(), written }
    }

    /// `Ok(true)` when all demands are met, `Ok(false)` while there is time, an error after it.
    pub fn check(&self, world: &Snapshot, leader: Option<u64>) -> Result<bool, Violation> {
        let missing = self.missing(world, leader);
        match missing {
            None => Ok(true),
            Some(_) if world.at_ms < self.since_ms + WITHIN_MS => Ok(false),
            Some(what) => {
                let what = format!("{} ms after healing: {what}", world.at_ms - self.since_ms);
                Err(Violation { invariant: "liveness", what })
            }
        }
    }

    fn missing(&self, world: &Snapshot, leader: Option<u64>) -> Option<String> {
        if !world.down.is_empty() {
            return Some(format!("nodes {:?} do not run", world.down));
        }
        if leader.is_none() {
            return Some("no node leads".into());
        }
        if !self.written.get() {
            return Some("no write succeeded".into());
        }
        let whole = world.nodes.iter().filter(|node| !world.damaged.contains(&node.id));
        let mut states = whole.map(|node| (node.id, node.applied()));
        let (first, state) = states.next()?;
        let different = states.find(|(_, other)| *other != state);
        different.map(|(other, found)| format!("node {first} is at {state:?} and node {other} at {found:?}"))
    }
}
