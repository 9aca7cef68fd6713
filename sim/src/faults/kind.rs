//! What a fault is, and what a kind of faults is.

use crate::random::Stream;
use crate::world::World;
use std::fmt::Debug;

/// One occurrence of something that goes wrong. All its choices are drawn when the plan is made; only what depends on
/// the moment (who leads) is decided when it begins. `Debug` is what the plan prints.
pub trait Fault: Debug {
    /// Name of the kind, as counted.
    fn kind(&self) -> &'static str;
    /// Begins. False when it could do nothing now (its node is down already): then it is not counted and not ended.
    fn begin(&mut self, world: &mut World) -> bool;
    /// Looks after it at every step while it lasts.
    fn step(&mut self, _world: &mut World) {}
    /// Ends, after its time or when the world is healed.
    fn end(&mut self, world: &mut World);
    /// How often it truly happened, asked after its end: what depends on others' moves may have begun in vain. None for
    /// what waits for its moment: that counts in the world when it strikes.
    fn fired(&self) -> u64 {
        1
    }
}

/// A kind of fault.
pub struct Kind {
    /// Name, as counted.
    pub name: &'static str,
    /// Most occurrences in one run.
    pub most: u64,
    /// Shortest and longest time of one occurrence, milliseconds.
    pub for_ms: (u64, u64),
    /// Draws one occurrence.
    pub draw: Draw,
}

/// Draws one occurrence of a fault.
pub type Draw = fn(&mut Stream, &Shape) -> Box<dyn Fault>;

/// What a fault may be drawn from.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Nodes, with ids from 1.
    pub nodes: u64,
}

impl Shape {
    /// A minority of the nodes: as many as may be lost without losing the quorum.
    pub fn minority(&self) -> u64 {
        (self.nodes - 1) / 2
    }
}

/// One occurrence of a fault.
#[derive(Debug)]
pub struct Planned {
    /// Simulated millisecond at which it begins.
    pub at_ms: u64,
    /// Milliseconds that it lasts.
    pub for_ms: u64,
    /// What happens.
    pub fault: Box<dyn Fault>,
}
