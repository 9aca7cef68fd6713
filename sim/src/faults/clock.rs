//! Wall clocks that are wrong. Nothing that must hold may depend on one.

use super::kind::{Fault, Kind, Shape};
use crate::random::Stream;
use crate::world::World;
use rand::Rng;

const FOR_MS: (u64, u64) = (1_000, 15_000);

/// A clock is set up to ten minutes forward or back.
pub const SKEW: Kind = Kind {
    name: "K1_skew",
    most: 2,
    for_ms: FOR_MS,
    draw: |random, shape| wrong(random, shape, |random| What::Skew { ms: random.gen_range(-600_000..=600_000) }),
};

/// A clock jumps forward and back, again and again.
pub const JUMP: Kind = Kind {
    name: "K2_jump",
    most: 2,
    for_ms: FOR_MS,
    draw: |random, shape| {
        wrong(random, shape, |random| {
            let ms = random.gen_range(1_000..600_000) * if random.gen_bool(0.5) { 1 } else { -1 };
            What::Jumps { ms, every_ms: random.gen_range(50..1_500) }
        })
    },
};

/// A clock runs up to 1 % too fast or too slow.
pub const DRIFT: Kind = Kind {
    name: "K3_drift",
    most: 2,
    for_ms: FOR_MS,
    draw: |random, shape| {
        wrong(random, shape, |random| What::Drift { parts_per_million: random.gen_range(-10_000..10_000) })
    },
};

/// A clock stands still.
pub const FREEZE: Kind =
    Kind { name: "K4_freeze", most: 1, for_ms: FOR_MS, draw: |random, shape| wrong(random, shape, |_| What::Freeze) };

#[derive(Debug)]
enum What {
    Skew {
        ms: i64,
    },
    /// By so much, then back, then again.
    Jumps {
        ms: i64,
        every_ms: u64,
    },
    Drift {
        parts_per_million: i64,
    },
    Freeze,
}

#[derive(Debug)]
struct Wrong {
    node: u64,
    what: What,
    changed_ms: u64,
}

fn wrong(random: &mut Stream, shape: &Shape, what: impl Fn(&mut Stream) -> What) -> Box<dyn Fault> {
    Box::new(Wrong { node: random.gen_range(1..=shape.nodes), what: what(random), changed_ms: 0 })
}

impl Fault for Wrong {
    fn kind(&self) -> &'static str {
        match self.what {
            What::Skew { .. } => SKEW.name,
            What::Jumps { .. } => JUMP.name,
            What::Drift { .. } => DRIFT.name,
            What::Freeze => FREEZE.name,
        }
    }
    fn begin(&mut self, world: &mut World) -> bool {
        self.changed_ms = world.now_ms();
        let clock = world.clock(self.node);
        match self.what {
            What::Skew { ms } | What::Jumps { ms, .. } => clock.jump(ms),
            What::Drift { parts_per_million } => clock.drift(parts_per_million),
            What::Freeze => clock.freeze(),
        }
        true
    }
    fn step(&mut self, world: &mut World) {
        if let What::Jumps { ms, every_ms } = &mut self.what
            && world.now_ms() >= self.changed_ms + *every_ms
        {
            self.changed_ms = world.now_ms();
            *ms = -*ms;
            world.clock(self.node).jump(*ms);
        }
    }
    fn end(&mut self, world: &mut World) {
        world.clock(self.node).heal();
    }
}
