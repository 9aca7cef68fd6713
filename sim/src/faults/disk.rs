//! Disks that fail, and say so: the node must stop, lose nothing, and come back when the disk does.

use super::kind::{Fault, Kind};
use crate::world::World;
use rand::Rng;
use selfsame_env::sim_disk::{Effect, Faults, Loss, Op, Target, Trap};

const EIO: i32 = 5;
const ENOSPC: i32 = 28;
const FOR_MS: (u64, u64) = (1_000, 5_000);

/// There is no room for more.
pub const FULL: Kind = Kind {
    name: selfsame_env::sim_disk::FULL,
    most: 1,
    for_ms: FOR_MS,
    draw: |random, shape| {
        Box::new(Full { node: random.gen_range(1..=shape.nodes), room: random.gen_range(0..65_536), capacity: 0 })
    },
};

/// There is no room for what a sync wants to place.
pub const FULL_SYNC: Kind = Kind {
    name: "D6_enospc_sync",
    most: 1,
    for_ms: FOR_MS,
    draw: |random, shape| {
        let trap = Trap::new(FULL_SYNC.name, Target::Any, Op::Sync, random.gen_range(1..30), Effect::Fail(ENOSPC));
        failing(random.gen_range(1..=shape.nodes), trap, false)
    },
};

/// A read fails: while the node starts, when nothing is cached, or later.
pub const READ: Kind = Kind {
    name: "D7_eio_read",
    most: 2,
    for_ms: FOR_MS,
    draw: |random, shape| {
        let trap = Trap::new(READ.name, Target::Any, Op::Read, random.gen_range(1..40), Effect::Fail(EIO));
        failing(random.gen_range(1..=shape.nodes), trap, random.gen_bool(0.8))
    },
};

/// A sync fails, and the next one succeeds without what it should have kept.
pub const SYNC: Kind = Kind {
    name: "D8_fsync_eio",
    most: 2,
    for_ms: FOR_MS,
    draw: |random, shape| {
        let target = [Target::Log, Target::State, Target::Built, Target::Any][random.gen_range(0..4)];
        let trap = Trap::new(SYNC.name, target, Op::Sync, random.gen_range(1..20), Effect::Fail(EIO));
        failing(random.gen_range(1..=shape.nodes), trap, false)
    },
};

/// Syncs take up to seconds, and the node hangs with them: a machine that is neither up nor down.
pub const SLOW: Kind = Kind {
    name: "D9_slow_disk",
    most: 1,
    for_ms: (2_000, 10_000),
    draw: |random, shape| {
        let most = [100, 1_000, 5_000][random.gen_range(0..3)];
        let stalls = (0..32).map(|_| if random.gen_bool(0.5) { 0 } else { random.gen_range(1..=most) }).collect();
        Box::new(Slow { node: random.gen_range(1..=shape.nodes), stalls, next: 0 })
    },
};

/// Every sync of every node lies until all lose power: a negative control, which must be caught. No kind of the swarm.
pub const LYING: Kind = Kind { name: "D12_lying_fsync", most: 1, for_ms: (5_000, 6_000), draw: |_, _| Box::new(Lying) };

#[derive(Debug)]
struct Full {
    node: u64,
    /// Bytes left at the beginning.
    room: u64,
    capacity: u64,
}

impl Fault for Full {
    fn kind(&self) -> &'static str {
        FULL.name
    }
    fn fired(&self) -> u64 {
        0
    }
    fn begin(&mut self, world: &mut World) -> bool {
        self.capacity = world.disk(self.node).used() + self.room;
        true
    }
    fn step(&mut self, world: &mut World) {
        // Set it at every step: a loss of power clears the setting, but makes no room.
        world.disk(self.node).set_faults(Faults { capacity: Some(self.capacity), ..Faults::default() });
        world.tolerate(self.node, 0);
    }
    fn end(&mut self, world: &mut World) {
        world.disk(self.node).set_faults(Faults::default());
    }
}

#[derive(Debug)]
struct Failing {
    node: u64,
    trap: Trap,
    /// The node starts anew into it.
    cold: bool,
}

/// An operation of a node fails, and its supervisor starts it again.
pub fn failing(node: u64, trap: Trap, cold: bool) -> Box<dyn Fault> {
    Box::new(Failing { node, trap, cold })
}

impl Fault for Failing {
    fn kind(&self) -> &'static str {
        self.trap.label
    }
    fn fired(&self) -> u64 {
        0
    }
    fn begin(&mut self, world: &mut World) -> bool {
        if !world.is_up(self.node) || (self.cold && !world.crash(self.node)) {
            return false;
        }
        world.disk(self.node).arm(self.trap.clone());
        world.restart(self.node);
        true
    }
    fn step(&mut self, world: &mut World) {
        world.tolerate(self.node, 0);
    }
    fn end(&mut self, world: &mut World) {
        world.disk(self.node).disarm_only(self.trap.label);
        if self.cold {
            world.restart(self.node);
        }
    }
}

#[derive(Debug)]
struct Slow {
    node: u64,
    stalls: Vec<u64>,
    next: usize,
}

impl Fault for Slow {
    fn kind(&self) -> &'static str {
        SLOW.name
    }
    fn begin(&mut self, world: &mut World) -> bool {
        world.disk(self.node).take_syncs();
        world.is_up(self.node)
    }
    fn step(&mut self, world: &mut World) {
        if world.disk(self.node).take_syncs() > 0 {
            let ms = self.stalls[self.next % self.stalls.len()];
            self.next += 1;
            if ms > 0 {
                world.pause(self.node, ms);
            }
        }
    }
    fn end(&mut self, world: &mut World) {
        world.pause(self.node, 0);
    }
}

#[derive(Debug)]
struct Lying;

impl Fault for Lying {
    fn kind(&self) -> &'static str {
        LYING.name
    }
    fn begin(&mut self, world: &mut World) -> bool {
        for node in world.ids() {
            world.disk(node).set_lying(true);
        }
        true
    }
    fn end(&mut self, world: &mut World) {
        for node in world.ids() {
            world.crash_with(node, Loss::All);
            world.disk(node).set_lying(false);
        }
        for node in world.ids() {
            world.restart(node);
        }
    }
}
