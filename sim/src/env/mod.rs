//! The outside of a simulated node: what `selfsame_env::Env` is made of here.

mod clock;
mod disk;
mod entropy;
mod net;
pub mod tamper;
mod wire;

pub use clock::NodeClock;
pub use disk::{SimDisk, crash};
pub use entropy::SeededEntropy;
pub use net::{SimNet, trace_wire};
pub use wire::{Request, Wire};
