//! From envelopes to log entries: check at the door, queue within bounds, group, propose or forward, answer.

mod admission;
mod batch;

pub(super) use admission::Admission;
pub(super) use batch::{Queued, batcher, core_error};
