//! The replicated state: tables with the applied mark, one consistent view of them, and snapshots.

mod applied;
mod current;
mod export;
mod memtable;
mod snapshot;
mod state_store;
mod view;

pub use applied::AppliedMark;
pub use snapshot::{SnapshotFile, SnapshotMeta};
pub use state_store::StateStore;
pub(super) use state_store::{FILE, is_used};
pub use view::StateView;
