//! Processes that die, hang, restart and change their part in the cluster.

use super::kind::{Fault, Kind, Shape};
use crate::cluster::endpoints;
use crate::env::SimNet;
use crate::random::Stream;
use crate::world::World;
use rand::Rng;
use rand::seq::SliceRandom;
use selfsame_client::Client;
use selfsame_env::sim_disk::{Effect, Loss, Op, Target, Trap};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

fn any(random: &mut Stream, shape: &Shape) -> u64 {
    random.gen_range(1..=shape.nodes)
}

/// One node dies and comes back.
pub const CRASH: Kind = Kind {
    name: "P1_crash",
    most: 3,
    for_ms: (50, 6_000),
    draw: |random, shape| crash(CRASH.name, Some(any(random, shape)), Loss::Mixed),
};

/// The leader of the moment dies and comes back.
pub const CRASH_LEADER: Kind = Kind {
    name: "P1_crash_leader",
    most: 2,
    for_ms: (50, 6_000),
    draw: |_, _| crash(CRASH_LEADER.name, None, Loss::Mixed),
};

/// A process aborts; the machine and its page cache live on.
pub const ABORT: Kind = Kind {
    name: "P9_abort",
    most: 1,
    for_ms: (50, 4_000),
    draw: |random, shape| crash(ABORT.name, Some(any(random, shape)), Loss::Nothing),
};

#[derive(Debug)]
struct Crash {
    kind: &'static str,
    /// `None` is the leader of the moment.
    node: Option<u64>,
    loss: Loss,
    down: Option<u64>,
}

fn crash(kind: &'static str, node: Option<u64>, loss: Loss) -> Box<dyn Fault> {
    Box::new(Crash { kind, node, loss, down: None })
}

impl Fault for Crash {
    fn kind(&self) -> &'static str {
        self.kind
    }
    fn begin(&mut self, world: &mut World) -> bool {
        let node = self.node.or_else(|| world.leader());
        self.down = node.filter(|node| world.crash_with(*node, self.loss));
        self.down.is_some()
    }
    fn end(&mut self, world: &mut World) {
        if let Some(node) = self.down.take() {
            world.restart(node);
        }
    }
}

/// A process hangs for 10 ms to 10 election timeouts: nobody hears of it, and what it is sent waits. Its own timers run
/// on meanwhile, so a leader finds its lease run out when it comes back, as after a real stop.
pub const PAUSE: Kind = Kind {
    name: "P3_pause",
    most: 2,
    for_ms: (10, 12_000),
    draw: |random, shape| Box::new(Pause { node: any(random, shape) }),
};

#[derive(Debug)]
struct Pause {
    node: u64,
}

impl Fault for Pause {
    fn kind(&self) -> &'static str {
        PAUSE.name
    }
    fn begin(&mut self, world: &mut World) -> bool {
        world.pause(self.node, PAUSE.for_ms.1);
        true
    }
    fn end(&mut self, world: &mut World) {
        world.pause(self.node, 0);
    }
}

/// A node dies and comes back again and again.
pub const STORM: Kind = Kind {
    name: "P4_restart_storm",
    most: 1,
    for_ms: (1_000, 6_000),
    draw: |random, shape| {
        let gaps = (0..16).map(|_| random.gen_range(5..400)).collect();
        Box::new(Storm { node: any(random, shape), gaps, next: 0, at_ms: 0 })
    },
};

#[derive(Debug)]
struct Storm {
    node: u64,
    /// Milliseconds up, then down, then up, …
    gaps: Vec<u64>,
    next: usize,
    at_ms: u64,
}

impl Fault for Storm {
    fn kind(&self) -> &'static str {
        STORM.name
    }
    fn begin(&mut self, world: &mut World) -> bool {
        self.at_ms = world.now_ms();
        world.is_up(self.node)
    }
    fn step(&mut self, world: &mut World) {
        if world.now_ms() < self.at_ms {
            return;
        }
        self.at_ms = world.now_ms() + self.gaps[self.next % self.gaps.len()];
        self.next += 1;
        if !world.crash(self.node) {
            world.restart(self.node);
        }
    }
    fn end(&mut self, world: &mut World) {
        world.restart(self.node);
    }
}

/// A node dies while it comes back, and again.
pub const RECOVERY: Kind = Kind {
    name: "P5_crash_in_recovery",
    most: 2,
    for_ms: (500, 3_000),
    draw: |random, shape| {
        let traps = (0..random.gen_range(1..4)).map(|_| {
            let (op, most) = [(Op::Read, 20), (Op::Write, 8), (Op::Sync, 4)][random.gen_range(0..3)];
            let after = random.gen_bool(0.5);
            let effect = Effect::PowerOff { after, loss: Loss::Mixed };
            Trap::new(RECOVERY.name, Target::Any, op, random.gen_range(1..=most), effect)
        });
        Box::new(Recovery { traps: traps.collect(), node: any(random, shape), began: false })
    },
};

#[derive(Debug)]
struct Recovery {
    node: u64,
    traps: Vec<Trap>,
    began: bool,
}

impl Fault for Recovery {
    fn kind(&self) -> &'static str {
        RECOVERY.name
    }
    fn fired(&self) -> u64 {
        0
    }
    fn begin(&mut self, world: &mut World) -> bool {
        self.began = world.crash(self.node);
        self.began
    }
    fn step(&mut self, world: &mut World) {
        if !world.is_up(self.node)
            && world.restart(self.node)
            && let Some(trap) = self.traps.pop()
        {
            world.disk(self.node).arm(trap);
        }
    }
    fn end(&mut self, world: &mut World) {
        world.disk(self.node).disarm_only(RECOVERY.name);
        world.restart(self.node);
    }
}

/// All nodes die at once.
pub const POWER_LOSS: Kind = Kind {
    name: "P6_power_loss",
    most: 1,
    for_ms: (100, 3_000),
    draw: |random, shape| {
        let mut order: Vec<u64> = (1..=shape.nodes).collect();
        order.shuffle(random);
        Box::new(PowerLoss { order, down: Vec::new() })
    },
};

#[derive(Debug)]
struct PowerLoss {
    /// Order in which the nodes come back.
    order: Vec<u64>,
    down: Vec<u64>,
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

/// All nodes are stopped properly and started again, one after the other: what an upgrade does. One version only, so
/// what differs between versions is not tried here.
pub const ROLLING: Kind = Kind {
    name: "P7_rolling_restart",
    most: 1,
    for_ms: (8_000, 14_000),
    draw: |random, shape| {
        let mut order: Vec<u64> = (1..=shape.nodes).collect();
        order.shuffle(random);
        Box::new(Rolling { order, stopping: false, at_ms: 0, pause_ms: random.gen_range(50..1_000) })
    },
};

#[derive(Debug)]
struct Rolling {
    /// The last is next.
    order: Vec<u64>,
    stopping: bool,
    at_ms: u64,
    pause_ms: u64,
}

impl Fault for Rolling {
    fn kind(&self) -> &'static str {
        ROLLING.name
    }
    fn fired(&self) -> u64 {
        0
    }
    fn begin(&mut self, _: &mut World) -> bool {
        true
    }
    fn step(&mut self, world: &mut World) {
        let Some(node) = self.order.last().copied().filter(|_| self.at_ms <= world.now_ms()) else { return };
        if self.stopping && world.is_up(node) {
            return;
        }
        if self.stopping {
            self.stopping = false;
            self.order.pop();
            world.restart(node);
            self.at_ms = world.now_ms() + self.pause_ms;
        } else if world.stop(node) {
            self.stopping = true;
            world.strikes(ROLLING.name);
        } else {
            // It is down for another reason, and the operator goes on with the next.
            self.order.pop();
        }
    }
    fn end(&mut self, world: &mut World) {
        if let Some(node) = self.order.last().filter(|_| self.stopping) {
            world.respawn(*node);
        }
    }
}

/// A node loses its vote and gets it back, while everything else goes wrong.
pub const MEMBERSHIP: Kind = Kind {
    name: "P8_membership_change",
    most: 2,
    for_ms: (500, 6_000),
    draw: |random, shape| {
        let (node, nodes) = (any(random, shape), shape.nodes);
        Box::new(Membership { node, nodes, over: Rc::default(), demoted: Rc::default() })
    },
};

#[derive(Debug)]
struct Membership {
    node: u64,
    nodes: u64,
    over: Rc<Cell<bool>>,
    demoted: Rc<Cell<bool>>,
}

impl Fault for Membership {
    fn kind(&self) -> &'static str {
        MEMBERSHIP.name
    }
    fn fired(&self) -> u64 {
        0
    }
    fn begin(&mut self, world: &mut World) -> bool {
        let Some(reshaping) = world.reshape() else { return false };
        let (node, over, demoted) = (self.node, self.over.clone(), self.demoted.clone());
        let (leads, endpoints) = (world.leads(), endpoints(self.nodes));
        world.client(&format!("member{}", world.now_ms()), async move {
            let pause = || tokio::time::sleep(Duration::from_millis(200));
            while !over.get() {
                if let Some(leader) = leads()
                    && leader.demote(node).await.is_ok()
                {
                    demoted.set(true);
                    break;
                }
                pause().await;
            }
            while !over.get() {
                pause().await;
            }
            // Every node has its vote in the end, whatever became of the first change.
            let client = Client::builder()
                .endpoints(endpoints)
                .network(Arc::new(SimNet::default()))
                .attempt_timeout(Duration::from_secs(2))
                .call_timeout(Duration::from_secs(6))
                .build()?;
            while client.promote(node).await.is_err() {
                pause().await;
            }
            reshaping.set(false);
            Ok(())
        });
        true
    }
    fn step(&mut self, world: &mut World) {
        if self.demoted.take() {
            world.strikes(MEMBERSHIP.name);
        }
    }
    fn end(&mut self, world: &mut World) {
        self.step(world);
        self.over.set(true);
    }
}

/// A process aborts in the middle of its work with the disk, as after a panic that nobody catches.
pub const PANIC: Kind = Kind {
    name: "P9_abort_in_task",
    most: 1,
    for_ms: (1_000, 4_000),
    draw: |random, shape| {
        let target = [Target::Log, Target::State][random.gen_range(0..2)];
        let op = [Op::Write, Op::Sync][random.gen_range(0..2)];
        let effect = Effect::PowerOff { after: random.gen_bool(0.5), loss: Loss::Nothing };
        let trap = Trap::new(PANIC.name, target, op, random.gen_range(1..20), effect);
        super::failpoint::failpoint(any(random, shape), trap)
    },
};
