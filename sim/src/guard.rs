//! Panics of simulated processes. In a real process of many threads a panic ends a task or the process. Here it always
//! ends the process, which is harsher.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without text".into())
}

/// Runs it; a panic becomes its text.
pub fn catch<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| said(&*panic))
}

/// Waits for it; a panic becomes its text.
pub async fn catch_async<T>(work: impl Future<Output = T>) -> Result<T, String> {
    let mut work = pin!(work);
    std::future::poll_fn(|context| match catch(|| work.as_mut().poll(context)) {
        Ok(Poll::Ready(done)) => Poll::Ready(Ok(done)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(said) => Poll::Ready(Err(said)),
    })
    .await
}

/// Tells when the tasks of a process were torn down.
#[derive(Clone, Debug, Default)]
pub struct Alive(Arc<AtomicBool>);

struct Flag(Arc<AtomicBool>);

impl Drop for Flag {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Alive {
    /// Starts a task that lives as long as the runtime of this host, which a panic of any of its tasks shuts down.
    pub fn watch() -> Alive {
        let alive = Alive::default();
        let flag = Flag(alive.0.clone());
        tokio::spawn(async move {
            std::future::pending::<()>().await;
            drop(flag);
        });
        alive
    }

    /// Whether they were.
    pub fn is_dead(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
