//! Preparing envelopes: signatures in parallel, and never twice on the same node.

use bytes::Bytes;
use selfsame_protocol::code::Refusal;
use selfsame_protocol::command::ItemLimits;
use selfsame_protocol::envelope::{self, Prepared};
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

/// Bytes of envelopes whose preparation is kept between ingress and apply.
const KEPT_BYTES: usize = 64 << 20;
/// Fewer envelopes than this per thread cost less inline than a thread does.
const PER_THREAD: usize = 16;

/// Prepares envelopes under the limits of the genesis.
pub(super) struct Preparer {
    limits: ItemLimits,
    threads: usize,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    ready: HashMap<[u8; 32], Prepared>,
    order: VecDeque<([u8; 32], usize)>,
    bytes: usize,
}

impl Preparer {
    /// Divides its work over at most so many threads.
    pub(super) fn new(limits: ItemLimits, threads: usize) -> Self {
        Self { limits, threads, kept: Mutex::default() }
    }

    /// Prepares envelopes in order. Pure: what is kept only saves the work of doing it again.
    pub(super) fn prepare(&self, envelopes: &[Bytes]) -> Vec<Result<Prepared, Refusal>> {
        let mut out: Vec<Option<Result<Prepared, Refusal>>> = {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            let known = !kept.ready.is_empty();
            envelopes.iter().map(|bytes| if known { kept.take(bytes).map(Ok) } else { None }).collect()
        };
        let todo: Vec<usize> = (0..out.len()).filter(|at| out[*at].is_none()).collect();
        for (at, result) in self.run(envelopes, &todo) {
            out[at] = Some(result);
        }
        // Every place was filled above; flatten has nothing to drop.
        out.into_iter().flatten().collect()
    }

    /// Keeps preparations made at ingress until the entry is applied here.
    pub(super) fn keep(&self, prepared: Vec<(Bytes, Prepared)>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        for (bytes, prepared) in prepared {
            kept.put(&bytes, prepared);
        }
    }

    fn run(&self, envelopes: &[Bytes], todo: &[usize]) -> Vec<(usize, Result<Prepared, Refusal>)> {
        let one = |at: &usize| (*at, envelope::prepare(&envelopes[*at], &self.limits));
        let threads = self.threads.min(todo.len() / PER_THREAD);
        if threads < 2 {
            return todo.iter().map(one).collect();
        }
        std::thread::scope(|scope| {
            let share = todo.len().div_ceil(threads);
            let workers: Vec<_> = todo
                .chunks(share)
                .map(|part| (part, scope.spawn(move || part.iter().map(one).collect::<Vec<_>>())))
                .collect();
            // A worker that panicked is done again here, where the panic belongs to the caller.
            workers
                .into_iter()
                .flat_map(|(part, worker)| worker.join().unwrap_or_else(|_| part.iter().map(one).collect()))
                .collect()
        })
    }
}

impl Kept {
    fn put(&mut self, bytes: &Bytes, prepared: Prepared) {
        let key = *blake3::hash(bytes).as_bytes();
        if self.ready.insert(key, prepared).is_none() {
            self.order.push_back((key, bytes.len()));
            self.bytes += bytes.len();
        }
        while self.bytes > KEPT_BYTES || self.order.len() > self.ready.len().saturating_mul(2).max(1024) {
            let Some((key, len)) = self.order.pop_front() else { break };
            self.ready.remove(&key);
            self.bytes -= len;
        }
    }

    // The key covers signature and payload, so a hit is this very envelope, verified by this very node.
    fn take(&mut self, bytes: &Bytes) -> Option<Prepared> {
        self.ready.remove(blake3::hash(bytes).as_bytes())
    }
}
