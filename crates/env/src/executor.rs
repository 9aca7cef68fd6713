//! Where long work runs.

use tokio::task::JoinError;

/// Where work runs that would hold up the thread that serves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Executor {
    /// On threads of its own.
    #[default]
    Threads,
    /// In place, so that nothing depends on the order in which threads run: how a simulator runs nodes.
    Inline,
}

impl Executor {
    /// Threads that one piece of work may be divided over.
    pub fn parallelism(self) -> usize {
        match self {
            Executor::Threads => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            Executor::Inline => 1,
        }
    }

    /// Runs work to its end. Fails when the work panicked or the runtime ends.
    pub async fn run<T: Send + 'static>(self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, JoinError> {
        match self {
            Executor::Threads => tokio::task::spawn_blocking(work).await,
            Executor::Inline => Ok(work()),
        }
    }
}
