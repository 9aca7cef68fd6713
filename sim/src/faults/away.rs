//! A node that was down until the log no longer reached back to it. It must take a snapshot, and a fault waits for that.

use super::client::Guest;
use super::kind::{Fault, Kind, Shape};
use crate::random::Stream;
use crate::workload::load;
use crate::world::World;
use rand::Rng;
use selfsame_env::sim_disk::{Effect, Loss, Op, Target, Trap};

const FOR_MS: (u64, u64) = (5_000, 9_000);

/// A snapshot is damaged on its way: it is refused and sent again.
pub const TRANSFER: Kind = Kind {
    name: "D16_snapshot_corrupt_in_transfer",
    most: 2,
    for_ms: FOR_MS,
    draw: |random, shape| {
        let flip = Effect::Flip(random.r#gen());
        let trap = Trap::new(TRANSFER.name, Target::Received, Op::Write, random.gen_range(1..3), flip);
        away(random, shape, trap)
    },
};

/// Power goes off while a snapshot is received, or while it takes the place of the state.
pub const INSTALL: Kind = Kind {
    name: "P2_crash_snapshot_install",
    most: 2,
    for_ms: FOR_MS,
    draw: |random, shape| {
        let effect = Effect::PowerOff { after: random.gen_bool(0.5), loss: Loss::Mixed };
        let op = [Op::Write, Op::Sync][random.gen_range(0..2)];
        let trap = if random.gen_bool(0.5) {
            Trap::new(INSTALL.name, Target::Received, op, 1, effect)
        } else {
            // Its commit writes many pages and syncs twice.
            let most = if op == Op::Write { 40 } else { 2 };
            Trap::new(INSTALL.name, Target::State, op, random.gen_range(1..=most), effect).once(Target::Received)
        };
        away(random, shape, trap)
    },
};

fn away(random: &mut Stream, shape: &Shape, trap: Trap) -> Box<dyn Fault> {
    let guest = Guest::new(trap.label, |visit| Box::pin(load::fill(visit, 2)));
    Box::new(Away {
        node: random.gen_range(1..=shape.nodes),
        nodes: shape.nodes,
        trap,
        guest,
        last_log: None,
        back: false,
    })
}

#[derive(Debug)]
struct Away {
    node: u64,
    nodes: u64,
    trap: Trap,
    /// Writes, and asks for snapshots, so that logs are purged.
    guest: Guest,
    /// End of the node's log when it went.
    last_log: Option<u64>,
    back: bool,
}

impl Fault for Away {
    fn kind(&self) -> &'static str {
        self.trap.label
    }
    fn fired(&self) -> u64 {
        0
    }
    fn begin(&mut self, world: &mut World) -> bool {
        if world.leader() == Some(self.node) {
            self.node = self.node % self.nodes + 1;
        }
        let Some(status) = world.status(self.node) else { return false };
        self.last_log = status.last_log;
        world.crash(self.node) && self.guest.begin(world)
    }
    fn step(&mut self, world: &mut World) {
        if self.back || !world.now_ms().is_multiple_of(100) {
            return;
        }
        let leader = world.leader().and_then(|leader| world.status(leader));
        if leader.is_some_and(|leader| leader.purged > self.last_log) && world.restart(self.node) {
            self.back = true;
            self.guest.end(world);
            world.disk(self.node).arm(self.trap.clone());
        }
    }
    fn end(&mut self, world: &mut World) {
        self.guest.end(world);
        world.disk(self.node).disarm_only(self.trap.label);
        world.restart(self.node);
    }
}
