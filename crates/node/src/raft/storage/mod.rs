//! openraft's storage over the store: log, state machine, syncs that overlap with replication, and when a snapshot is
//! written.

mod log_syncer;
mod raft_log;
mod snapshots;
mod state_machine;

pub(super) use log_syncer::LogSyncer;
pub(super) use raft_log::RaftLog;
pub(super) use snapshots::Snapshots;
pub(super) use state_machine::{StateMachine, StateMachineParts};
