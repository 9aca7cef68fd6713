//! Work of the store beside the core.

use selfsame_env::Executor;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::task::JoinSet;

/// Blocking work that nobody waits for before the node stops: off the threads that serve, or inline as the executor says.
#[derive(Clone)]
pub(super) struct BackgroundTasks(Arc<Mutex<JoinSet<()>>>, Executor);

impl BackgroundTasks {
    pub(super) fn new(executor: Executor) -> Self {
        Self(Arc::default(), executor)
    }

    fn tasks(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a piece of work.
    pub(super) fn run(&self, work: impl FnOnce() + Send + 'static) {
        match self.1 {
            Executor::Threads => {
                let mut tasks = self.tasks();
                while tasks.try_join_next().is_some() {}
                tasks.spawn_blocking(work);
            }
            Executor::Inline => work(),
        }
    }

    /// Waits for what was begun: it holds the data directory.
    pub(super) async fn ended(&self) {
        let mut tasks = std::mem::take(&mut *self.tasks());
        while tasks.join_next().await.is_some() {}
    }
}
