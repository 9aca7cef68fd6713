//! The one seam between async code and the store's blocking calls.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::JoinSet;

/// Runs blocking work. On a runtime of many threads the other tasks of this thread move elsewhere meanwhile; on a
/// runtime of one thread, which is how the simulator runs nodes, it runs inline, so that no thread order leaks in.
pub(super) fn blocking<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}

/// Blocking work that nobody waits for before the node stops: on threads of its own, or inline on a runtime of one thread.
#[derive(Clone, Default)]
pub(super) struct Asides(Arc<Mutex<JoinSet<()>>>);

impl Asides {
    fn tasks(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a piece of work.
    pub(super) fn run(&self, work: impl FnOnce() + Send + 'static) {
        match Handle::try_current() {
            Ok(handle) if handle.runtime_flavor() == RuntimeFlavor::MultiThread => {
                let mut tasks = self.tasks();
                while tasks.try_join_next().is_some() {}
                tasks.spawn_blocking(work);
            }
            _ => work(),
        }
    }

    /// Waits for what was begun: it holds the data directory.
    pub(super) async fn ended(&self) {
        let mut tasks = std::mem::take(&mut *self.tasks());
        while tasks.join_next().await.is_some() {}
    }
}
