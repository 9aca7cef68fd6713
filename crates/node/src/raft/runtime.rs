//! The runtime that openraft runs on: tokio, with randomness from the node's environment.
//!
//! openraft asks for a random number generator by a function without arguments. Which node asks is known by a value
//! that every task of the core carries, so that many nodes can share a thread and each draws from its own source.

use openraft::AsyncRuntime;
use rand_core::{Error, RngCore, impls};
use selfsame_env::{Entropy, OsEntropy};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::futures::TaskLocalFuture;
use tokio::task_local;

type Source = Arc<dyn Entropy>;

task_local! {
    static SOURCE: Source;
}

/// Runs the start of a core, and everything that it spawns, with this randomness.
pub(super) fn with_entropy<F: Future>(source: Source, core: F) -> TaskLocalFuture<Source, F> {
    SOURCE.scope(source, core)
}

fn source() -> Source {
    SOURCE.try_with(Source::clone).unwrap_or_else(|_| Arc::new(OsEntropy))
}

/// Random numbers of one node.
pub struct NodeRng(Source);

impl RngCore for NodeRng {
    fn next_u32(&mut self) -> u32 {
        impls::next_u32_via_fill(self)
    }
    fn next_u64(&mut self) -> u64 {
        impls::next_u64_via_fill(self)
    }
    fn fill_bytes(&mut self, dest: &mut [u8]) {
        dest.fill(0);
        // openraft draws election timeouts: without entropy they are all the shortest, and elections may take longer.
        if let Err(error) = self.0.fill(dest) {
            tracing::warn!(%error, "no entropy for an election timeout");
        }
    }
    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(dest);
        Ok(())
    }
}

type Tokio = openraft::TokioRuntime;

/// tokio with [`NodeRng`].
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Runtime;

impl AsyncRuntime for Runtime {
    type JoinError = <Tokio as AsyncRuntime>::JoinError;
    type JoinHandle<T: Send + 'static> = <Tokio as AsyncRuntime>::JoinHandle<T>;
    type Sleep = <Tokio as AsyncRuntime>::Sleep;
    type Instant = <Tokio as AsyncRuntime>::Instant;
    type TimeoutError = <Tokio as AsyncRuntime>::TimeoutError;
    type Timeout<R, T: Future<Output = R> + Send> = <Tokio as AsyncRuntime>::Timeout<R, T>;
    type ThreadLocalRng = NodeRng;
    type OneshotSender<T: Send> = <Tokio as AsyncRuntime>::OneshotSender<T>;
    type OneshotReceiverError = <Tokio as AsyncRuntime>::OneshotReceiverError;
    type OneshotReceiver<T: Send> = <Tokio as AsyncRuntime>::OneshotReceiver<T>;

    fn spawn<T>(future: T) -> Self::JoinHandle<T::Output>
    where
        T: Future + Send + 'static,
        T::Output: Send + 'static,
    {
        Tokio::spawn(SOURCE.scope(source(), future))
    }
    fn sleep(duration: Duration) -> Self::Sleep {
        Tokio::sleep(duration)
    }
    fn sleep_until(deadline: Self::Instant) -> Self::Sleep {
        Tokio::sleep_until(deadline)
    }
    fn timeout<R, F: Future<Output = R> + Send>(duration: Duration, future: F) -> Self::Timeout<R, F> {
        Tokio::timeout(duration, future)
    }
    fn timeout_at<R, F: Future<Output = R> + Send>(deadline: Self::Instant, future: F) -> Self::Timeout<R, F> {
        Tokio::timeout_at(deadline, future)
    }
    fn is_panic(join_error: &Self::JoinError) -> bool {
        Tokio::is_panic(join_error)
    }
    fn thread_rng() -> NodeRng {
        NodeRng(source())
    }
    fn oneshot<T: Send>() -> (Self::OneshotSender<T>, Self::OneshotReceiver<T>) {
        Tokio::oneshot()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    struct Counting(Mutex<u8>);
    impl Entropy for Counting {
        fn fill(&self, out: &mut [u8]) -> std::io::Result<()> {
            let mut next = self.0.lock().unwrap();
            *next += 1;
            out.fill(*next);
            Ok(())
        }
    }

    #[tokio::test]
    async fn spawned_tasks_draw_from_the_entropy_of_their_node() {
        let node = |first: u8| {
            let core = async {
                let inner = Runtime::spawn(async { Runtime::thread_rng().next_u32() });
                (Runtime::thread_rng().next_u32(), inner.await.unwrap())
            };
            with_entropy(Arc::new(Counting(Mutex::new(first))), core)
        };
        assert_eq!(tokio::join!(node(0), node(100)), ((0x0101_0101, 0x0202_0202), (0x6565_6565, 0x6666_6666)));
    }
}
