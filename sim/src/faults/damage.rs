//! Disks that damage what they hold and say nothing. At most a minority of the nodes is hit in one run, and a node that
//! was hit comes back only when the others hold what it knew: a fault that destroys the only copy proves nothing.
//! Such a node may refuse to start, stop, or be quarantined; it must not serve anything wrong.

use super::kind::{Fault, Kind};
use crate::random::Stream;
use crate::world::World;
use rand::Rng;
use selfsame_env::Disk as _;
use selfsame_env::sim_disk::{Effect, Op, SimDisk, Target, Trap};

const AWAY_MS: (u64, u64) = (500, 5_000);
/// The vote and the list of the log's files.
const LOG: &str = "log.redb";
/// The newest entries.
const ENTRIES: &str = ".seg";
const STATE: &str = "state.redb";

/// Bits of the log decay.
pub const ROT_LOG: Kind = rest("D4_bit_rot_log", |random, _| {
    let flips = (0..random.gen_range(1..6)).map(|_| random.r#gen()).collect();
    let file = [LOG, ENTRIES][random.gen_range(0..2)];
    Box::new(Rest::new("D4_bit_rot_log", random, What::Rot { file, flips }))
});
/// Bits of the state decay.
pub const ROT_STATE: Kind = rest("D4_bit_rot_state", |random, _| {
    let flips = (0..random.gen_range(1..6)).map(|_| random.r#gen()).collect();
    Box::new(Rest::new("D4_bit_rot_state", random, What::Rot { file: STATE, flips }))
});
/// Bits of a snapshot decay.
pub const ROT_SNAPSHOT: Kind = rest("D4_bit_rot_snapshot", |random, _| {
    let flips = (0..random.gen_range(1..6)).map(|_| random.r#gen()).collect();
    Box::new(Rest::new("D4_bit_rot_snapshot", random, What::Rot { file: ".snap", flips }))
});
/// Every copy of the vote decays.
pub const ROT_VOTE: Kind = rest("D4_bit_rot_vote", |random, _| {
    let bit = random.r#gen();
    Box::new(Rest::new("D4_bit_rot_vote", random, What::Vote { bit }))
});
/// A file loses its end.
pub const CUT: Kind = rest("D13_file_truncated", |random, _| {
    let file = [LOG, ENTRIES, STATE][random.gen_range(0..3)];
    let by = [1, 511, 4_096, 65_536][random.gen_range(0..4)];
    Box::new(Rest::new("D13_file_truncated", random, What::Cut { file, by }))
});
/// A file gets an end that nobody wrote.
pub const GROWN: Kind = rest("D13_file_extended", |random, _| {
    let file = [LOG, ENTRIES, STATE][random.gen_range(0..3)];
    let by = [1, 512, 4_096, 65_536][random.gen_range(0..4)];
    let fill = random.r#gen();
    Box::new(Rest::new("D13_file_extended", random, What::Grow { file, by, fill }))
});
/// All files are gone, and the node comes back under its id: it must refuse.
pub const WIPED: Kind = rest("D14_disk_wiped", |random, _| Box::new(Rest::new("D14_disk_wiped", random, What::Wipe)));

const fn rest(name: &'static str, draw: super::kind::Draw) -> Kind {
    Kind { name, most: 1, for_ms: AWAY_MS, draw }
}

/// All files are those of some seconds ago.
pub const BACKUP: Kind = Kind {
    name: "D15_old_backup",
    most: 1,
    for_ms: (1_000, 8_000),
    draw: |random, shape| {
        Box::new(Backup { node: random.gen_range(1..=shape.nodes), leader: random.gen_bool(0.5), copy: None })
    },
};

/// A bit flips between the row's digest and the platter.
pub const FLIP: Kind = Kind {
    name: "D5_bit_flip_on_write",
    most: 1,
    for_ms: AWAY_MS,
    draw: |random, shape| Spoilt::draw(FLIP.name, random, shape.nodes, Effect::Flip),
};
/// A write lands in another block.
pub const MISDIRECTED: Kind = Kind {
    name: "D10_misdirected_write",
    most: 1,
    for_ms: AWAY_MS,
    draw: |random, shape| Spoilt::draw(MISDIRECTED.name, random, shape.nodes, Effect::Misdirect),
};
/// A block reads as it was before a write that was acknowledged.
pub const STALE: Kind = Kind {
    name: "D11_stale_read",
    most: 1,
    for_ms: AWAY_MS,
    draw: |random, shape| Spoilt::draw(STALE.name, random, shape.nodes, |_| Effect::Lose),
};

#[derive(Debug)]
enum What {
    Rot { file: &'static str, flips: Vec<u64> },
    Vote { bit: u64 },
    Cut { file: &'static str, by: u64 },
    Grow { file: &'static str, by: u64, fill: u8 },
    Wipe,
}

/// The newest file whose name ends so.
fn newest(disk: &SimDisk, end: &str) -> Option<String> {
    disk.list().unwrap_or_default().into_iter().rev().find(|name| name.ends_with(end))
}

impl What {
    /// False when there is nothing to damage.
    fn strike(&self, disk: &SimDisk) -> bool {
        match self {
            What::Rot { file, flips } => {
                let Some(name) = newest(disk, file) else { return false };
                let bytes = disk.bytes(&name);
                // Most of a database is free space. Damage there tests nothing.
                let used: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] != 0).collect();
                for flip in flips {
                    if let Some(at) = used.get((flip >> 3) as usize % used.len().max(1)) {
                        disk.flip_bit(&name, *at as u64, *flip as u8);
                    }
                }
                !used.is_empty()
            }
            What::Vote { bit } => {
                let (bytes, mark) = (disk.bytes(LOG), b"\"committed\":");
                let places: Vec<usize> =
                    bytes.windows(mark.len()).enumerate().filter(|(_, w)| w == mark).map(|(at, _)| at).collect();
                for at in &places {
                    disk.flip_bit(LOG, (at - 2) as u64, *bit as u8 % 3);
                }
                !places.is_empty()
            }
            What::Cut { file, by } => {
                let Some(name) = newest(disk, file) else { return false };
                let len = disk.bytes(&name).len() as u64;
                disk.resize(&name, len.saturating_sub(*by), 0);
                len > 0
            }
            What::Grow { file, by, fill } => {
                let Some(name) = newest(disk, file) else { return false };
                disk.resize(&name, disk.bytes(&name).len() as u64 + by, *fill);
                true
            }
            What::Wipe => {
                disk.replace(&SimDisk::new());
                true
            }
        }
    }
}

/// Damage to files while their node is down.
#[derive(Debug)]
struct Rest {
    kind: &'static str,
    /// Modulo the number of nodes.
    node: u64,
    what: What,
    hit: Option<u64>,
}

impl Rest {
    fn new(kind: &'static str, random: &mut Stream, what: What) -> Rest {
        Rest { kind, node: random.gen_range(0..105), what, hit: None }
    }
}

impl Fault for Rest {
    fn kind(&self) -> &'static str {
        self.kind
    }
    fn begin(&mut self, world: &mut World) -> bool {
        let node = self.node % world.ids().len() as u64 + 1;
        if !world.is_up(node) || !world.excuse(node) {
            return false;
        }
        world.crash(node);
        let hit = self.what.strike(&world.disk(node));
        if hit {
            self.hit = Some(node);
        } else {
            world.pardon(node);
            world.restart(node);
        }
        hit
    }
    fn end(&mut self, world: &mut World) {
        if let Some(node) = self.hit.take() {
            world.restart(node);
        }
    }
}

/// Damage in a write, which shows when the node starts again and nothing is cached.
#[derive(Debug)]
struct Spoilt {
    node: u64,
    trap: Trap,
}

impl Spoilt {
    fn draw(kind: &'static str, random: &mut Stream, nodes: u64, effect: impl Fn(u64) -> Effect) -> Box<dyn Fault> {
        let target = [Target::Log, Target::State][random.gen_range(0..2)];
        let trap = Trap::new(kind, target, Op::Write, random.gen_range(1..30), effect(random.r#gen()));
        Box::new(Spoilt { node: random.gen_range(1..=nodes), trap })
    }
}

impl Fault for Spoilt {
    fn kind(&self) -> &'static str {
        self.trap.label
    }
    fn fired(&self) -> u64 {
        0
    }
    fn begin(&mut self, world: &mut World) -> bool {
        if !world.is_up(self.node) || !world.excuse(self.node) {
            return false;
        }
        world.disk(self.node).arm(self.trap.clone());
        true
    }
    fn end(&mut self, world: &mut World) {
        world.disk(self.node).disarm_only(self.trap.label);
        if world.was_struck(self.node, self.trap.label) {
            world.crash(self.node);
            world.restart(self.node);
        } else {
            world.pardon(self.node);
        }
    }
}

#[derive(Debug)]
struct Backup {
    node: u64,
    /// It is the leader, and back before the others have missed it: with an old log, in the term in which it led.
    leader: bool,
    copy: Option<(SimDisk, u64)>,
}

/// Entries that the old copy lacks before the leader gets it.
const BEHIND: u64 = 3;

impl Fault for Backup {
    fn kind(&self) -> &'static str {
        BACKUP.name
    }
    fn begin(&mut self, world: &mut World) -> bool {
        if self.leader {
            self.node = world.leader().unwrap_or(self.node);
        }
        if !world.is_up(self.node) || !world.excuse(self.node) {
            return false;
        }
        let last_log = world.status(self.node).and_then(|status| status.last_log);
        self.copy = Some((world.disk(self.node).durable_copy(), last_log.unwrap_or_default()));
        true
    }
    fn step(&mut self, world: &mut World) {
        if self.leader
            && world.leader() == Some(self.node)
            && let Some((_, then)) = self.copy
            && world.status(self.node).is_some_and(|now| now.last_log >= Some(then + BEHIND))
            && world.is_covered(self.node)
        {
            self.end(world);
        }
    }
    fn end(&mut self, world: &mut World) {
        if let Some((copy, _)) = self.copy.take() {
            world.crash(self.node);
            world.disk(self.node).replace(&copy);
            // Nothing on the node can notice this, so the world waits until the others hold what it knew.
            world.lets_forget(self.node);
            world.restart(self.node);
        }
    }
}
