//! Processes that die. What was not synced is lost, sector by sector.

use super::{Fault, Kind};
use crate::plan::Shape;
use crate::random::Stream;
use crate::world::World;
use rand::Rng;

/// One node dies and comes back.
pub const CRASH: Kind = Kind {
    name: "crash",
    most: 3,
    for_ms: (50, 6_000),
    draw: |random, shape| Box::new(Crash { node: Some(random.gen_range(1..=shape.nodes)), down: None }),
};

/// The leader of the moment dies and comes back.
pub const CRASH_LEADER: Kind = Kind {
    name: "crash_leader",
    most: 2,
    for_ms: (50, 6_000),
    draw: |_, _| Box::new(CrashLeader(Crash { node: None, down: None })),
};

/// All nodes die at once.
pub const POWER_LOSS: Kind =
    Kind { name: "power_loss", most: 1, for_ms: (100, 3_000), draw: |random, shape| power_loss(random, shape) };

#[derive(Debug)]
struct Crash {
    node: Option<u64>,
    down: Option<u64>,
}

impl Fault for Crash {
    fn kind(&self) -> &'static str {
        CRASH.name
    }
    fn begin(&mut self, world: &mut World) -> bool {
        self.down = self.node.filter(|node| world.crash(*node));
        self.down.is_some()
    }
    fn end(&mut self, world: &mut World) {
        if let Some(node) = self.down.take() {
            world.restart(node);
        }
    }
}

#[derive(Debug)]
struct CrashLeader(Crash);

impl Fault for CrashLeader {
    fn kind(&self) -> &'static str {
        CRASH_LEADER.name
    }
    fn begin(&mut self, world: &mut World) -> bool {
        self.0.node = world.leader();
        self.0.begin(world)
    }
    fn end(&mut self, world: &mut World) {
        self.0.end(world);
    }
}

#[derive(Debug)]
struct PowerLoss {
    /// Order in which the nodes come back.
    order: Vec<u64>,
    down: Vec<u64>,
}

fn power_loss(random: &mut Stream, shape: &Shape) -> Box<dyn Fault> {
    let mut order: Vec<u64> = (1..=shape.nodes).collect();
    rand::seq::SliceRandom::shuffle(&mut order[..], random);
    Box::new(PowerLoss { order, down: Vec::new() })
}

impl Fault for PowerLoss {
    fn kind(&self) -> &'static str {
        POWER_LOSS.name
    }
    fn begin(&mut self, world: &mut World) -> bool {
        self.down = self.order.iter().copied().filter(|node| world.crash(*node)).collect();
        !self.down.is_empty()
    }
    fn end(&mut self, world: &mut World) {
        for node in std::mem::take(&mut self.down) {
            world.restart(node);
        }
    }
}
