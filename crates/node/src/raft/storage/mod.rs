//! openraft's storage over the store: log, state machine, syncs that overlap with replication, and when a snapshot is
//! written.

mod log_store;
mod log_syncer;
mod machine;
mod snapshots;

pub(super) use log_store::LogStore;
pub(super) use log_syncer::Durable;
pub(super) use machine::{Machine, Shared};
pub(super) use snapshots::Snapshots;
