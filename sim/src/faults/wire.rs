//! Requests between nodes that arrive twice, late or out of order, and connections that break in the middle.

use super::kind::{Fault, Kind};
use crate::cluster::host;
use crate::random::Stream;
use crate::workload::interceptor::{Interceptor, Interference, garbage, interfere};
use crate::world::World;
use rand::{Rng, SeedableRng};
use std::cell::Cell;
use std::rc::Rc;

/// Every request of one node to another arrives a second time.
pub const DUPLICATE: Kind = Kind {
    name: "N2_duplicate",
    most: 2,
    for_ms: (500, 4_000),
    draw: |random, shape| {
        let (from, to) = super::network::two(random, shape);
        Box::new(Intercepted::new(DUPLICATE.name, random, Interference::Duplicate { from: host(from), to: host(to) }))
    },
};

/// Some requests of one node to another arrive after later ones.
pub const REORDER: Kind = Kind {
    name: "N3_reorder",
    most: 2,
    for_ms: (1_000, 5_000),
    draw: |random, shape| {
        let (from, to) = super::network::two(random, shape);
        let every = random.gen_range(2..5);
        Box::new(Intercepted::new(
            REORDER.name,
            random,
            Interference::Reorder { from: host(from), to: host(to), every },
        ))
    },
};

/// Old requests, of any node to any other, arrive again: from terms and epochs that are over.
pub const REPLAY: Kind = Kind {
    name: "N4_replay",
    most: 2,
    for_ms: (1_000, 5_000),
    draw: |random, _| Box::new(Intercepted::new(REPLAY.name, random, Interference::Replay)),
};

/// A write is cut in the middle, and its connection with it.
pub const HALF: Kind = Kind {
    name: "N12_half_frame",
    most: 3,
    for_ms: (200, 1_500),
    draw: |random, shape| {
        let (from, to) = super::network::two(random, shape);
        Box::new(Half { from, to, fired: 0 })
    },
};

/// Bytes that mean nothing, or too much, arrive at both ports of a node.
pub const GARBAGE: Kind = Kind {
    name: "N13_garbage",
    most: 2,
    for_ms: (500, 3_000),
    draw: |random, shape| {
        Box::new(Garbage {
            to: random.gen_range(1..=shape.nodes),
            interceptor: Intercepted::new(GARBAGE.name, random, Interference::Replay),
        })
    },
};

/// Every connection of a node is reset, whatever is under way on it.
pub const RESET: Kind = Kind {
    name: "N14_reset",
    most: 3,
    for_ms: (1, 2),
    draw: |random, shape| Box::new(Reset { node: random.gen_range(1..=shape.nodes) }),
};

#[derive(Debug)]
struct Intercepted {
    kind: &'static str,
    seed: u64,
    how: Interference,
    stop: Rc<Cell<bool>>,
    fired: Rc<Cell<u64>>,
}

impl Intercepted {
    fn new(kind: &'static str, random: &mut Stream, how: Interference) -> Intercepted {
        Intercepted { kind, seed: random.r#gen(), how, stop: Rc::default(), fired: Rc::default() }
    }

    fn interceptor(&self, world: &World) -> Interceptor {
        Interceptor {
            wire: world.wire.clone(),
            now: world.time(),
            random: Stream::seed_from_u64(self.seed),
            stop: self.stop.clone(),
            fired: self.fired.clone(),
        }
    }
}

impl Fault for Intercepted {
    fn kind(&self) -> &'static str {
        self.kind
    }
    fn begin(&mut self, world: &mut World) -> bool {
        let (interceptor, kind, name) = (self.interceptor(world), self.how.clone(), world.guest_name());
        world.client(&name, async move {
            interfere(interceptor, kind).await;
            Ok(())
        });
        true
    }
    fn end(&mut self, _world: &mut World) {
        self.stop.set(true);
    }
    fn fired(&self) -> u64 {
        u64::from(self.fired.get() > 0)
    }
}

#[derive(Debug)]
struct Garbage {
    to: u64,
    interceptor: Intercepted,
}

impl Fault for Garbage {
    fn kind(&self) -> &'static str {
        GARBAGE.name
    }
    fn begin(&mut self, world: &mut World) -> bool {
        let (interceptor, to, name) = (self.interceptor.interceptor(world), host(self.to), world.guest_name());
        world.client(&name, async move {
            garbage(interceptor, to).await;
            Ok(())
        });
        true
    }
    fn end(&mut self, world: &mut World) {
        self.interceptor.end(world);
    }
    fn fired(&self) -> u64 {
        self.interceptor.fired()
    }
}

#[derive(Debug)]
struct Half {
    from: u64,
    to: u64,
    fired: u64,
}

impl Fault for Half {
    fn kind(&self) -> &'static str {
        HALF.name
    }
    fn begin(&mut self, world: &mut World) -> bool {
        world.wire.halve(&host(self.from), &host(self.to));
        true
    }
    fn step(&mut self, world: &mut World) {
        if self.fired == 0 && world.wire.was_halved(&host(self.from), &host(self.to)) {
            self.fired = 1;
        }
    }
    fn end(&mut self, world: &mut World) {
        self.step(world);
        world.wire.unhalve(&host(self.from), &host(self.to));
    }
    fn fired(&self) -> u64 {
        self.fired
    }
}

#[derive(Debug)]
struct Reset {
    node: u64,
}

impl Fault for Reset {
    fn kind(&self) -> &'static str {
        RESET.name
    }
    fn begin(&mut self, world: &mut World) -> bool {
        world.wire.reset(&host(self.node)) > 0
    }
    fn end(&mut self, _world: &mut World) {}
}
