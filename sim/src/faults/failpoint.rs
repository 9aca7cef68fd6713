//! Power that goes off inside a step of storage: before or after the k-th write or sync of one file. A crash between two
//! steps never finds half of a commit, a vote that was given and not kept, or half of a snapshot; these faults do.

use super::kind::{Fault, Kind, Shape};
use crate::random::Stream;
use crate::world::World;
use rand::Rng;
use selfsame_env::sim_disk::{Effect, Loss, Op, PageRule, Target, Trap};

const DOWN_MS: (u64, u64) = (1_000, 5_000);

#[derive(Debug)]
struct Failpoint {
    node: u64,
    trap: Trap,
}

/// Writes and syncs of one commit: two syncs, and as many writes as pages changed.
fn at(
    random: &mut Stream,
    shape: &Shape,
    (kind, target, page): (&'static str, Target, PageRule),
    op: Op,
    most: u64,
    loss: Loss,
) -> Box<dyn Fault> {
    let effect = Effect::PowerOff { after: random.gen_bool(0.5), loss };
    let trap = Trap::new(kind, target, op, random.gen_range(1..=most), effect).on(page);
    failpoint(random.gen_range(1..=shape.nodes), trap)
}

/// A node that loses power, or its process, when it steps into a trap.
pub fn failpoint(node: u64, trap: Trap) -> Box<dyn Fault> {
    Box::new(Failpoint { node, trap })
}

macro_rules! failpoint {
    ($(#[$doc:meta])* $constant:ident, $name:literal, $target:expr, $page:expr, $op:expr, $most:literal, $loss:expr) => {
        $(#[$doc])*
        pub const $constant: Kind = Kind {
            name: $name,
            most: 1,
            for_ms: DOWN_MS,
            draw: |random, shape| {
                let loss = $loss(random);
                at(random, shape, ($name, $target, $page), $op, $most, loss)
            },
        };
    };
}

fn mixed(_: &mut Stream) -> Loss {
    Loss::Mixed
}

failpoint!(
    /// Nothing that was not synced survives.
    LOSE, "D1_lose_unsynced", Target::Any, PageRule::Any, Op::Sync, 12, |_: &mut Stream| Loss::All
);
failpoint!(
    /// The last write that arrives is cut inside, at a sector or at a block.
    TORN, "D2_torn_write", Target::Any, PageRule::Any, Op::Sync, 12,
    |random: &mut Stream| Loss::Torn([512, 4_096][random.gen_range(0..2)])
);
failpoint!(
    /// Later writes arrive, earlier ones do not.
    REORDERED, "D3_reordered_flush", Target::Any, PageRule::Any, Op::Sync, 12, |_: &mut Stream| Loss::Reordered
);
failpoint!(
    /// Around a write of the log.
    LOG_WRITE, "P2_crash_log_write", Target::Log, PageRule::Any, Op::Write, 30, mixed
);
failpoint!(
    /// Around a sync of the log.
    LOG_SYNC, "P2_crash_log_sync", Target::Log, PageRule::Any, Op::Sync, 12, mixed
);
failpoint!(
    /// Around the write of a vote: restart storms and cuts give the elections.
    VOTE, "P2_crash_vote", Target::Log, PageRule::Vote, Op::Write, 1, mixed
);
failpoint!(
    /// Around a write of applied state.
    APPLY_WRITE, "P2_crash_apply_write", Target::State, PageRule::Any, Op::Write, 40, mixed
);
failpoint!(
    /// Around a sync of applied state.
    APPLY_SYNC, "P2_crash_apply_sync", Target::State, PageRule::Any, Op::Sync, 12, mixed
);
failpoint!(
    /// While a snapshot is built.
    BUILD_WRITE, "P2_crash_snapshot_build", Target::Built, PageRule::Any, Op::Write, 6, mixed
);
failpoint!(
    /// Around a sync of a snapshot that is built: before its end is written, or after.
    BUILD_SYNC, "P2_crash_snapshot_sync", Target::Built, PageRule::Any, Op::Sync, 2, mixed
);
failpoint!(
    /// While old entries are removed.
    PURGE, "P2_crash_purge", Target::Log, PageRule::Purge, Op::Write, 1, mixed
);

impl Fault for Failpoint {
    fn kind(&self) -> &'static str {
        self.trap.label
    }
    fn fired(&self) -> u64 {
        0
    }
    fn begin(&mut self, world: &mut World) -> bool {
        if world.is_up(self.node) {
            world.disk(self.node).arm(self.trap.clone());
        }
        world.is_up(self.node)
    }
    fn end(&mut self, world: &mut World) {
        world.disk(self.node).disarm_only(self.trap.label);
        world.restart(self.node);
    }
}
