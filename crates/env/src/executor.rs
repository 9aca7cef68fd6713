//! Where work runs that is no waiting: on the disk, or long on the processor.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use tokio::runtime::{Handle, RuntimeFlavor};
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

/// A part of divided work, and its place among the parts.
type Part<F> = (usize, F);

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

    /// Runs work at once, on the thread that is here; the tasks that this thread serves go to others meanwhile. For work
    /// that borrows, and for callers that are not async.
    pub fn here<T>(self, work: impl FnOnce() -> T) -> T {
        match self {
            Executor::Threads if on_many_threads().is_some() => tokio::task::block_in_place(work),
            _ => work(),
        }
    }

    /// Runs parts of one piece of work side by side, and gives their results in order. The thread that is here takes its
    /// share, and all of it when no other is free: it waits for nothing that has not begun. A result is absent when its
    /// part panicked on another thread.
    pub fn divide<T, F>(self, parts: Vec<F>) -> Vec<Option<T>>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let mut results: Vec<Option<T>> = parts.iter().map(|_| None).collect();
        let runtime = match self {
            Executor::Threads if parts.len() > 1 => on_many_threads(),
            _ => None,
        };
        let helpers = parts.len().min(self.parallelism()).saturating_sub(1);
        let queue: Arc<Mutex<VecDeque<Part<F>>>> = Arc::new(Mutex::new(parts.into_iter().enumerate().collect()));
        let next = |queue: &Mutex<VecDeque<Part<F>>>| queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let (send, receive) = mpsc::channel();
        if let Some(runtime) = runtime {
            for _ in 0..helpers {
                let (queue, send) = (queue.clone(), send.clone());
                runtime.spawn_blocking(move || {
                    while let Some((place, part)) = next(&queue) {
                        let mut begun = Begun { place, result: None, send: send.clone() };
                        begun.result = Some(part());
                    }
                });
            }
        }
        let mut left = results.len();
        while let Some((place, part)) = next(&queue) {
            results[place] = Some(part());
            left -= 1;
        }
        // What is left was begun elsewhere.
        for (place, result) in receive.iter().take(left) {
            results[place] = result;
        }
        results
    }
}

/// Tells the result of a part that was begun on another thread, a panic included.
struct Begun<T> {
    place: usize,
    result: Option<T>,
    send: mpsc::Sender<(usize, Option<T>)>,
}

impl<T> Drop for Begun<T> {
    fn drop(&mut self) {
        // Whoever asked waits for every part that was begun.
        let _ = self.send.send((self.place, self.result.take()));
    }
}

/// The runtime that is here, when it has threads that tasks can move to.
fn on_many_threads() -> Option<Handle> {
    Handle::try_current().ok().filter(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts() -> Vec<impl FnOnce() -> usize + Send> {
        (0..9_usize).map(|part| move || if part == 4 { panic!("part 4") } else { part * part }).collect()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn divided_work_comes_back_in_order() {
        let squares = |parts: usize| Executor::Threads.divide((0..parts).map(|part| move || part * part).collect());
        for count in [0, 1, 2, 100] {
            assert_eq!(squares(count), (0..count).map(|part| Some(part * part)).collect::<Vec<_>>());
        }
        assert_eq!(Executor::Threads.here(|| squares(3)), [Some(0), Some(1), Some(4)]);
    }

    #[test]
    fn without_a_runtime_and_inline_it_is_done_in_place() {
        let here = std::thread::current().id();
        for executor in [Executor::Threads, Executor::Inline] {
            let ids = executor.divide((0..5).map(|_| || std::thread::current().id()).collect());
            assert_eq!(ids, vec![Some(here); 5]);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_part_that_panics_elsewhere_is_absent_and_the_others_are_there() {
        let done = tokio::task::spawn_blocking(|| Executor::Threads.divide(parts())).await;
        match done {
            Ok(results) => {
                let expected = (0..9).map(|part| (part != 4).then_some(part * part));
                assert_eq!(results, expected.collect::<Vec<_>>());
            }
            // The thread that asked took this part itself: then the panic is its own.
            Err(error) => assert!(error.is_panic()),
        }
    }
}
