//! The one seam between async code and the store's blocking calls.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Runs blocking work. On a runtime of many threads the other tasks of this thread move elsewhere meanwhile; on a
/// runtime of one thread, which is how the simulator runs nodes, it runs inline, so that no thread order leaks in.
pub(super) fn blocking<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}

/// Runs blocking work that nobody waits for: on a thread of its own, or inline on a runtime of one thread.
pub(super) fn aside(work: impl FnOnce() + Send + 'static) {
    match Handle::try_current() {
        Ok(handle) if handle.runtime_flavor() == RuntimeFlavor::MultiThread => drop(handle.spawn_blocking(work)),
        _ => work(),
    }
}
