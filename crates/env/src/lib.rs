//! Everything a node takes from the machine it runs on: network, disk, clock, entropy, threads and the signal to
//! stop.
//!
//! Nothing else in the node may reach for these: a simulator replaces all of them, and then every run of a seed is the
//! same. Real implementations are [`TcpNet`], [`DirDisk`], [`SystemClock`] and [`OsEntropy`].

mod address;
mod disk;
mod executor;
pub mod fetch;
pub mod key_file;
mod net;
mod signals;
#[cfg(feature = "sim")]
pub mod sim_disk;

pub use address::check_address;
pub use disk::{DirDisk, Disk, DiskFile, ReadDir};
pub use executor::Executor;
pub use net::{Connection, Connector, Incoming, Listener, Net, REMEMBER_RESET, Stream, TcpNet, connector, incoming};
pub use signals::Signals;

use std::io;
use std::path::Path;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The outside of one node. Cheap to clone.
#[derive(Clone)]
pub struct Env {
    /// Connections.
    pub net: Arc<dyn Net>,
    /// Files of this node's data directory.
    pub disk: Arc<dyn Disk>,
    /// Wall clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Where long work runs.
    pub executor: Executor,
    /// Cancelled when the process is asked to stop.
    pub shutdown: CancellationToken,
}

impl Env {
    /// The real machine, with files in `data`; fails when the directory cannot be made or another process holds it.
    pub fn real(data: &Path) -> io::Result<Env> {
        Ok(Env {
            net: Arc::new(TcpNet),
            disk: Arc::new(DirDisk::open(data)?),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(OsEntropy),
            executor: Executor::Threads,
            shutdown: CancellationToken::new(),
        })
    }
}

/// A wall clock.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970-01-01T00:00:00Z, UTC without leap seconds. May jump; nothing may rely on it for order.
    fn now_ms(&self) -> u64;
}

/// A source of random bytes.
pub trait Entropy: Send + Sync {
    /// Fills `out`; an error means that the operating system gives none.
    fn fill(&self, out: &mut [u8]) -> io::Result<()>;
}

/// The system's clock.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> u64 {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        // A clock before 1970 reads as 0: apply clamps time to never run backwards, so this harms nothing but itself.
        since.map_or(0, |elapsed| u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
    }
}

/// The operating system's entropy.
#[derive(Clone, Copy, Debug)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&self, out: &mut [u8]) -> io::Result<()> {
        getrandom::fill(out).map_err(|error| io::Error::other(error.to_string()))
    }
}
