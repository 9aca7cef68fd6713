//! Simulated time, which all timers follow. It is never wrong; wall clocks are (see [`crate::env::NodeClock`]).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What true wall clocks show when the simulation begins, milliseconds since 1970.
pub const EPOCH_MS: u64 = 1_770_000_000_000;

/// Simulated time, microseconds since the beginning; the world moves it.
#[derive(Clone, Debug, Default)]
pub struct SimTime(Arc<AtomicU64>);

impl SimTime {
    /// Sets it.
    pub fn set(&self, micros: u64) {
        self.0.store(micros, Ordering::Relaxed);
    }
    /// Microseconds since the beginning.
    pub fn micros(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
    /// Milliseconds since the beginning.
    pub fn ms(&self) -> u64 {
        self.micros() / 1_000
    }
}
