//! From envelopes to log entries: check at the door, queue within bounds, group, propose or forward, answer.

mod admission;
mod batch;
mod forward;
mod queue;

pub(super) use batch::batcher;
pub(super) use queue::Ingress;
