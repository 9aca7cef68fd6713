//! More work than there is room for, and nodes that fall behind it.

use super::client::Guest;
use super::kind::{Fault, Kind};
use crate::cluster::host;
use crate::workload::load;
use crate::world::World;
use rand::Rng;

/// Ten times the clients at once.
pub const BURST: Kind = Kind {
    name: "G1_overload",
    most: 1,
    for_ms: (2_000, 4_000),
    draw: |_, _| Box::new(Guest::new("G1_overload", |visit| Box::pin(load::burst(visit)))),
};

/// Clients repeat without a pause while the leader is cut off, and go on when it is not any more.
pub const STORM: Kind = Kind {
    name: "G2_retry_storm",
    most: 1,
    for_ms: (3_000, 6_000),
    draw: |random, _| {
        let guest = Guest::new(STORM.name, |visit| Box::pin(load::retry_storm(visit)));
        Box::new(Storm { cut_ms: random.gen_range(500..2_500), guest, since_ms: 0, cut: Vec::new() })
    },
};

/// A follower is cut off until the leader's log no longer reaches back to it.
pub const LAG: Kind = Kind {
    name: "G3_lag_past_snapshot",
    most: 1,
    for_ms: (4_000, 8_000),
    draw: |random, shape| {
        let guest = Guest::new(LAG.name, |visit| Box::pin(load::fill(visit, 6)));
        Box::new(Lag { node: random.gen_range(1..=shape.nodes), nodes: shape.nodes, guest, cut: Vec::new(), fired: 0 })
    },
};

/// Nobody writes, and the leader purges its log to the last entry.
pub const TIP: Kind = Kind {
    name: "G5_purge_to_tip",
    most: 1,
    for_ms: (2_000, 4_000),
    draw: |_, _| {
        Box::new(Tip { guest: Guest::new(TIP.name, |visit| Box::pin(load::snapshot_when_idle(visit))), fired: 0 })
    },
};

/// Cuts a node off from all others, in both directions.
fn isolate(world: &mut World, node: u64, nodes: u64) -> Vec<(String, String)> {
    let others = (1..=nodes).filter(|other| *other != node);
    let cut: Vec<_> = others.flat_map(|other| [(host(node), host(other)), (host(other), host(node))]).collect();
    for (from, to) in &cut {
        world.cut(from, to);
    }
    cut
}

fn mend(world: &mut World, cut: &mut Vec<(String, String)>) {
    for (from, to) in std::mem::take(cut) {
        world.uncut(&from, &to);
    }
}

#[derive(Debug)]
struct Storm {
    cut_ms: u64,
    guest: Guest,
    since_ms: u64,
    cut: Vec<(String, String)>,
}

impl Fault for Storm {
    fn kind(&self) -> &'static str {
        STORM.name
    }
    fn begin(&mut self, world: &mut World) -> bool {
        let Some(leader) = world.leader() else { return false };
        let nodes = world.ids().len() as u64;
        self.since_ms = world.now_ms();
        self.cut = isolate(world, leader, nodes);
        self.guest.begin(world)
    }
    fn step(&mut self, world: &mut World) {
        if world.now_ms() >= self.since_ms + self.cut_ms {
            mend(world, &mut self.cut);
        }
    }
    fn end(&mut self, world: &mut World) {
        mend(world, &mut self.cut);
        self.guest.end(world);
    }
    fn fired(&self) -> u64 {
        self.guest.fired()
    }
}

#[derive(Debug)]
struct Lag {
    node: u64,
    nodes: u64,
    guest: Guest,
    cut: Vec<(String, String)>,
    fired: u64,
}

impl Fault for Lag {
    fn kind(&self) -> &'static str {
        LAG.name
    }
    fn begin(&mut self, world: &mut World) -> bool {
        if world.leader() == Some(self.node) {
            self.node = self.node % self.nodes + 1;
        }
        self.cut = isolate(world, self.node, self.nodes);
        self.guest.begin(world)
    }
    fn step(&mut self, world: &mut World) {
        if !world.now_ms().is_multiple_of(100) || self.cut.is_empty() {
            return;
        }
        let leader = world.leader().and_then(|leader| world.status(leader));
        if let (Some(leader), Some(behind)) = (leader, world.status(self.node))
            && leader.purged > behind.last_log
        {
            self.fired = 1;
            // It must catch up while others still write.
            mend(world, &mut self.cut);
        }
    }
    fn end(&mut self, world: &mut World) {
        mend(world, &mut self.cut);
        self.guest.end(world);
    }
    fn fired(&self) -> u64 {
        self.fired
    }
}

#[derive(Debug)]
struct Tip {
    guest: Guest,
    fired: u64,
}

impl Fault for Tip {
    fn kind(&self) -> &'static str {
        TIP.name
    }
    fn begin(&mut self, world: &mut World) -> bool {
        world.quiet.set(world.quiet.get() + 1);
        self.guest.begin(world)
    }
    fn step(&mut self, world: &mut World) {
        let leader = world.leader().and_then(|leader| world.status(leader));
        if leader.is_some_and(|leader| leader.purged.is_some() && leader.purged == leader.last_log) {
            self.fired = 1;
        }
    }
    fn end(&mut self, world: &mut World) {
        world.quiet.set(world.quiet.get().saturating_sub(1));
        self.guest.end(world);
    }
    fn fired(&self) -> u64 {
        self.fired
    }
}
