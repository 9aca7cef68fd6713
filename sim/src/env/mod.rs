//! The outside of a simulated node: what `selfsame::env::Env` is made of here.

mod clock;
mod disk;
mod entropy;
mod net;
pub mod tamper;

pub use clock::{EPOCH_MS, NodeClock, SimTime};
pub use disk::{SimDisk, crash};
pub use entropy::SeededEntropy;
pub use net::SimNet;
