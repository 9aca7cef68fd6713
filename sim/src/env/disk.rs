//! Disks of simulated nodes.

pub use selfsame::env::sim_disk::SimDisk;

use crate::random::Stream;
use rand::RngCore;

/// Power loss: the stream decides what becomes of each un-synced sector.
pub fn crash(disk: &SimDisk, stream: &mut Stream) {
    disk.crash(|| stream.next_u64());
}
