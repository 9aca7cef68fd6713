//! Preparing envelopes: signatures in parallel, and never twice on the same node.

use bytes::Bytes;
use selfsame_env::Executor;
use selfsame_protocol::code::Refusal;
use selfsame_protocol::command::ItemLimits;
use selfsame_protocol::envelope::{self, Prepared};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of envelopes whose preparation is kept between ingress and apply.
const KEPT_BYTES: usize = 64 << 20;
/// Envelopes of one part of divided work: fewer cost less than it takes to wake a thread.
const PART: usize = 16;

/// Prepares envelopes under the limits of the genesis.
pub(super) struct Preparer {
    limits: Arc<ItemLimits>,
    executor: Executor,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    ready: HashMap<[u8; 32], Prepared>,
    order: VecDeque<([u8; 32], usize)>,
    bytes: usize,
}

impl Preparer {
    pub(super) fn new(limits: ItemLimits, executor: Executor) -> Self {
        Self { limits: Arc::new(limits), executor, kept: Mutex::default() }
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
        if todo.len() < 2 * PART || self.executor.parallelism() < 2 {
            return todo.iter().map(one).collect();
        }
        let parts = todo.chunks(PART).map(|part| {
            let part: Vec<(usize, Bytes)> = part.iter().map(|at| (*at, envelopes[*at].clone())).collect();
            let limits = self.limits.clone();
            move || part.iter().map(|(at, bytes)| (*at, envelope::prepare(bytes, &limits))).collect::<Vec<_>>()
        });
        let done = self.executor.divide(parts.collect());
        // A part that panicked elsewhere is done again here, where the panic belongs to the caller.
        let parts = todo.chunks(PART).zip(done);
        parts.flat_map(|(part, done)| done.unwrap_or_else(|| part.iter().map(one).collect())).collect()
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
