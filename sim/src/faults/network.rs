//! Links that are cut, in both directions or in one, lose messages, or slow down.
//!
//! The simulated TCP never sends again: a message that is lost breaks its connection for good, until one of its ends
//! notices and opens another.

use super::kind::{Fault, Kind, Shape};
use crate::cluster::host;
use crate::random::Stream;
use crate::world::World;
use rand::Rng;
use rand::seq::SliceRandom;

const CUT_MS: (u64, u64) = (300, 8_000);

/// One node hears and reaches no other node.
pub const ISOLATE: Kind = Kind {
    name: "N7_isolate",
    most: 2,
    for_ms: CUT_MS,
    draw: |random, shape| {
        let node = random.gen_range(1..=shape.nodes);
        Box::new(Cut {
            kind: ISOLATE.name,
            side: vec![node],
            rest: others(shape, &[node]),
            both: true,
            cut: Vec::new(),
        })
    },
};

/// The leader of the moment is isolated.
pub const ISOLATE_LEADER: Kind = Kind {
    name: "N9_isolate_leader",
    most: 2,
    for_ms: CUT_MS,
    draw: |_, shape| Box::new(IsolateLeader { shape: *shape, cut: None }),
};

/// The nodes fall into two parts; the smaller has no quorum.
pub const SPLIT: Kind = Kind { name: "N7_split", most: 2, for_ms: CUT_MS, draw: |random, shape| split(random, shape) };

/// Messages pass from one node to another, but not back.
pub const ONE_WAY: Kind = Kind {
    name: "N8_one_way",
    most: 3,
    for_ms: CUT_MS,
    draw: |random, shape| {
        let from = random.gen_range(1..=shape.nodes);
        let rest = others(shape, &[from]);
        let to = rest[random.gen_range(0..rest.len())];
        Box::new(Cut { kind: ONE_WAY.name, side: vec![from], rest: vec![to], both: false, cut: Vec::new() })
    },
};

/// Messages are lost now and then, between all hosts.
pub const LOSS: Kind = Kind {
    name: "N1_loss",
    most: 2,
    for_ms: (1_000, 6_000),
    draw: |random, _| Box::new(Loss { per_million: random.gen_range(100..5_000) }),
};

/// One link is slow.
pub const SLOW: Kind = Kind {
    name: "N6_slow",
    most: 2,
    for_ms: (1_000, 8_000),
    draw: |random, shape| {
        let from = random.gen_range(1..=shape.nodes);
        let rest = others(shape, &[from]);
        let to = rest[random.gen_range(0..rest.len())];
        Box::new(Slow { from, to, ms: random.gen_range(50..1_500) })
    },
};

/// Messages on all links between nodes take very different times.
pub const JITTER: Kind = Kind {
    name: "N5_jitter",
    most: 1,
    for_ms: (1_000, 6_000),
    draw: |random, shape| Box::new(Jitter { nodes: shape.nodes, ms: random.gen_range(50..300) }),
};

/// One link delivers nothing for a while, and then everything at once.
pub const CLOG: Kind = Kind {
    name: "N6_clog",
    most: 2,
    for_ms: (200, 4_000),
    draw: |random, shape| {
        let (a, b) = two(random, shape);
        Box::new(Clog { a, b })
    },
};

/// The nodes fall into two parts, and only one node hears both.
pub const BRIDGE: Kind = Kind {
    name: "N10_bridge",
    most: 1,
    for_ms: CUT_MS,
    draw: |random, shape| {
        let mut side: Vec<u64> = (1..=shape.nodes).collect();
        side.shuffle(random);
        let bridge = side.pop();
        let rest = side.split_off(side.len() / 2);
        let cut = Cut { kind: BRIDGE.name, side, rest, both: true, cut: Vec::new() };
        Box::new(Bridge { bridge, cut })
    },
};

/// One link is cut and mended, again and again.
pub const FLAP: Kind = Kind {
    name: "N11_flap",
    most: 2,
    for_ms: (1_000, 8_000),
    draw: |random, shape| {
        let (a, b) = two(random, shape);
        let cut = Cut { kind: FLAP.name, side: vec![a], rest: vec![b], both: true, cut: Vec::new() };
        Box::new(Flap { cut, up_ms: random.gen_range(50..800), down_ms: random.gen_range(50..800), since_ms: 0 })
    },
};

pub(super) fn two(random: &mut Stream, shape: &Shape) -> (u64, u64) {
    let a = random.gen_range(1..=shape.nodes);
    let rest = others(shape, &[a]);
    (a, rest[random.gen_range(0..rest.len())])
}

fn others(shape: &Shape, side: &[u64]) -> Vec<u64> {
    (1..=shape.nodes).filter(|node| !side.contains(node)).collect()
}

fn split(random: &mut Stream, shape: &Shape) -> Box<dyn Fault> {
    let mut all: Vec<u64> = (1..=shape.nodes).collect();
    all.shuffle(random);
    let mut side = all.split_off(all.len() - random.gen_range(1..=shape.minority() as usize));
    side.sort_unstable();
    Box::new(Cut { kind: SPLIT.name, rest: others(shape, &side), side, both: true, cut: Vec::new() })
}

#[derive(Debug)]
struct Cut {
    kind: &'static str,
    side: Vec<u64>,
    rest: Vec<u64>,
    both: bool,
    cut: Vec<(u64, u64)>,
}

impl Fault for Cut {
    fn kind(&self) -> &'static str {
        self.kind
    }
    fn begin(&mut self, world: &mut World) -> bool {
        for a in &self.side {
            for b in &self.rest {
                self.cut.push((*a, *b));
                if self.both {
                    self.cut.push((*b, *a));
                }
            }
        }
        for (from, to) in &self.cut {
            world.cut(&host(*from), &host(*to));
        }
        true
    }
    fn end(&mut self, world: &mut World) {
        for (from, to) in std::mem::take(&mut self.cut) {
            world.uncut(&host(from), &host(to));
        }
    }
}

#[derive(Debug)]
struct IsolateLeader {
    shape: Shape,
    cut: Option<Cut>,
}

impl Fault for IsolateLeader {
    fn kind(&self) -> &'static str {
        ISOLATE_LEADER.name
    }
    fn begin(&mut self, world: &mut World) -> bool {
        let Some(leader) = world.leader() else { return false };
        let rest = others(&self.shape, &[leader]);
        let mut cut = Cut { kind: ISOLATE_LEADER.name, side: vec![leader], rest, both: true, cut: Vec::new() };
        cut.begin(world);
        self.cut = Some(cut);
        true
    }
    fn end(&mut self, world: &mut World) {
        if let Some(mut cut) = self.cut.take() {
            cut.end(world);
        }
    }
}

#[derive(Debug)]
struct Loss {
    per_million: u32,
}

impl Fault for Loss {
    fn kind(&self) -> &'static str {
        LOSS.name
    }
    fn begin(&mut self, world: &mut World) -> bool {
        world.loss(self.per_million);
        true
    }
    fn end(&mut self, world: &mut World) {
        world.loss(0);
    }
}

#[derive(Debug)]
struct Slow {
    from: u64,
    to: u64,
    ms: u64,
}

impl Fault for Slow {
    fn kind(&self) -> &'static str {
        SLOW.name
    }
    fn begin(&mut self, world: &mut World) -> bool {
        world.slow(&host(self.from), &host(self.to), Some(self.ms));
        true
    }
    fn end(&mut self, world: &mut World) {
        world.slow(&host(self.from), &host(self.to), None);
    }
}

#[derive(Debug)]
struct Jitter {
    nodes: u64,
    ms: u64,
}

impl Jitter {
    fn set(&self, world: &mut World, ms: Option<u64>) {
        for a in 1..=self.nodes {
            for b in a + 1..=self.nodes {
                world.slow(&host(a), &host(b), ms);
            }
        }
    }
}

impl Fault for Jitter {
    fn kind(&self) -> &'static str {
        JITTER.name
    }
    fn begin(&mut self, world: &mut World) -> bool {
        self.set(world, Some(self.ms));
        true
    }
    fn end(&mut self, world: &mut World) {
        self.set(world, None);
    }
}

#[derive(Debug)]
struct Clog {
    a: u64,
    b: u64,
}

impl Fault for Clog {
    fn kind(&self) -> &'static str {
        CLOG.name
    }
    fn begin(&mut self, world: &mut World) -> bool {
        world.hold(&host(self.a), &host(self.b));
        true
    }
    fn end(&mut self, world: &mut World) {
        world.release(&host(self.a), &host(self.b));
    }
}

#[derive(Debug)]
struct Bridge {
    /// For the plan's reader: the node that is on neither side.
    #[allow(dead_code, reason = "shown by Debug")]
    bridge: Option<u64>,
    cut: Cut,
}

impl Fault for Bridge {
    fn kind(&self) -> &'static str {
        BRIDGE.name
    }
    fn begin(&mut self, world: &mut World) -> bool {
        self.cut.begin(world)
    }
    fn end(&mut self, world: &mut World) {
        self.cut.end(world);
    }
}

#[derive(Debug)]
struct Flap {
    cut: Cut,
    up_ms: u64,
    down_ms: u64,
    since_ms: u64,
}

impl Fault for Flap {
    fn kind(&self) -> &'static str {
        FLAP.name
    }
    fn begin(&mut self, world: &mut World) -> bool {
        self.since_ms = world.now_ms();
        self.cut.begin(world)
    }
    fn step(&mut self, world: &mut World) {
        let down = !self.cut.cut.is_empty();
        if world.now_ms() < self.since_ms + if down { self.down_ms } else { self.up_ms } {
            return;
        }
        self.since_ms = world.now_ms();
        if down {
            self.cut.end(world);
        } else {
            self.cut.begin(world);
        }
    }
    fn end(&mut self, world: &mut World) {
        self.cut.end(world);
    }
}
