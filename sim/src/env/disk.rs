//! Disks of simulated nodes.

pub use selfsame_env::sim_disk::SimDisk;

use crate::random::Stream;
use rand::RngCore;
use selfsame_env::sim_disk::Loss;

/// A crash: the stream decides what becomes of un-synced writes, as far as the loss leaves that open.
pub fn crash(disk: &SimDisk, loss: Loss, stream: &mut Stream) {
    disk.crash_with(loss, || stream.next_u64());
}
