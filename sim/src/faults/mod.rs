//! What goes wrong. One file per family; a new kind is a [`Fault`] and one line in [`KINDS`].
//!
//! Each kind draws from a stream of its own name, so that a new kind changes nothing about what a seed did before,
//! except for happening as well.

mod away;
mod byzantine;
mod byzantine_bytes;
mod byzantine_chip;
mod byzantine_client;
mod byzantine_disk;
mod byzantine_leader;
mod byzantine_own;
mod byzantine_peer;
mod byzantine_vote;
mod client;
mod clock;
mod damage;
pub mod disk;
mod failpoint;
mod kind;
mod network;
mod overload;
mod process;
mod wire;

pub use kind::{Draw, Fault, Kind, Planned, Shape};

use crate::random::stream;
use rand::Rng;

/// The kind that needs a log of which nothing is kept behind a snapshot.
pub const TO_THE_TIP: &str = overload::TIP.name;

/// Every kind that the default profile draws from.
pub const KINDS: &[Kind] = &[
    process::CRASH,
    process::CRASH_LEADER,
    process::PAUSE,
    process::STORM,
    process::RECOVERY,
    process::POWER_LOSS,
    process::ROLLING,
    process::MEMBERSHIP,
    process::PANIC,
    process::ABORT,
    failpoint::LOG_WRITE,
    failpoint::LOG_SYNC,
    failpoint::VOTE,
    failpoint::APPLY_WRITE,
    failpoint::APPLY_SYNC,
    failpoint::BUILD_WRITE,
    failpoint::BUILD_SYNC,
    failpoint::PURGE,
    away::INSTALL,
    failpoint::LOSE,
    failpoint::TORN,
    failpoint::REORDERED,
    damage::ROT_LOG,
    damage::ROT_STATE,
    damage::ROT_SNAPSHOT,
    damage::ROT_VOTE,
    damage::FLIP,
    disk::FULL,
    disk::FULL_SYNC,
    disk::READ,
    disk::SYNC,
    disk::SLOW,
    damage::MISDIRECTED,
    damage::STALE,
    damage::CUT,
    damage::GROWN,
    damage::WIPED,
    damage::BACKUP,
    away::TRANSFER,
    network::LOSS,
    wire::DUPLICATE,
    wire::REORDER,
    wire::REPLAY,
    network::JITTER,
    network::SLOW,
    network::CLOG,
    network::ISOLATE,
    network::SPLIT,
    network::ONE_WAY,
    network::ISOLATE_LEADER,
    network::BRIDGE,
    network::FLAP,
    wire::HALF,
    wire::GARBAGE,
    wire::RESET,
    clock::SKEW,
    clock::JUMP,
    clock::DRIFT,
    clock::FREEZE,
    client::C1,
    client::C2,
    client::C3,
    client::C4,
    client::C5,
    client::C6,
    client::C7,
    client::C8,
    client::C9,
    overload::BURST,
    overload::STORM,
    overload::LAG,
    client::G4,
    overload::TIP,
    byzantine_client::FORGED,
    byzantine_client::WRONG_KEY,
    byzantine_client::REPLAYED,
    byzantine_peer::EQUIVOCATING_LEADER,
    byzantine_peer::IMPOSTOR,
    byzantine_disk::REWRITTEN_HISTORY,
    byzantine_leader::WITHHOLDING_LEADER,
    byzantine_chip::STALE_ATTESTATION,
    byzantine_chip::CLONED_CHIP,
    byzantine_chip::ROLLED_BACK_CHIP,
    byzantine_vote::STUFFED_BALLOT,
    byzantine_vote::FOREIGN_NODE,
    byzantine_bytes::MALFORMED,
    byzantine_bytes::OVERFLOW,
];

/// Draws the faults of a run: each kind is off with probability 1/2, otherwise it comes one to `most` times. With `only`
/// these kinds come, all of them and more often, and no others.
pub fn draw(seed: u64, shape: &Shape, work_ms: u64, only: Option<&[&str]>) -> Vec<Planned> {
    let mut faults = Vec::new();
    for kind in KINDS {
        let mut random = stream(seed, &format!("fault/{}", kind.name));
        let off = random.gen_bool(0.5);
        let times = match only {
            None if off => 0,
            None => random.gen_range(1..=kind.most),
            Some(only) if only.contains(&kind.name) => random.gen_range(kind.most..=kind.most * 2),
            Some(_) => 0,
        };
        for _ in 0..times {
            faults.push(Planned {
                at_ms: random.gen_range(work_ms / 10..work_ms * 9 / 10),
                for_ms: random.gen_range(kind.for_ms.0..=kind.for_ms.1),
                fault: (kind.draw)(&mut random, shape),
            });
        }
    }
    // The sort is stable: of two faults at one moment the kind that is first in the table comes first.
    faults.sort_by_key(|planned| planned.at_ms);
    faults
}
