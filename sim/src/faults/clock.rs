//! Wall clocks that are wrong. Nothing that must hold may depend on one.

use super::{Fault, Kind};
use crate::plan::Shape;
use crate::random::Stream;
use crate::world::World;
use rand::Rng;

const FOR_MS: (u64, u64) = (1_000, 15_000);

/// A clock is set up to ten minutes forward or back.
pub const SKEW: Kind = Kind {
    name: "clock_skew",
    most: 2,
    for_ms: FOR_MS,
    draw: |random, shape| wrong(random, shape, |random| What::Jump { ms: random.gen_range(-600_000..600_000) }),
};

/// A clock runs up to 1 % too fast or too slow.
pub const DRIFT: Kind = Kind {
    name: "clock_drift",
    most: 2,
    for_ms: FOR_MS,
    draw: |random, shape| {
        wrong(random, shape, |random| What::Drift { parts_per_million: random.gen_range(-10_000..10_000) })
    },
};

/// A clock stands still.
pub const FREEZE: Kind = Kind {
    name: "clock_freeze",
    most: 1,
    for_ms: FOR_MS,
    draw: |random, shape| wrong(random, shape, |_| What::Freeze),
};

#[derive(Debug)]
enum What {
    Jump { ms: i64 },
    Drift { parts_per_million: i64 },
    Freeze,
}

#[derive(Debug)]
struct Wrong {
    node: u64,
    what: What,
}

fn wrong(random: &mut Stream, shape: &Shape, what: impl Fn(&mut Stream) -> What) -> Box<dyn Fault> {
    Box::new(Wrong { node: random.gen_range(1..=shape.nodes), what: what(random) })
}

impl Fault for Wrong {
    fn kind(&self) -> &'static str {
        match self.what {
            What::Jump { .. } => SKEW.name,
            What::Drift { .. } => DRIFT.name,
            What::Freeze => FREEZE.name,
        }
    }
    fn begin(&mut self, world: &mut World) -> bool {
        let clock = world.clock(self.node);
        match self.what {
            What::Jump { ms } => clock.jump(ms),
            What::Drift { parts_per_million } => clock.drift(parts_per_million),
            What::Freeze => clock.freeze(),
        }
        true
    }
    fn end(&mut self, world: &mut World) {
        world.clock(self.node).heal();
    }
}
