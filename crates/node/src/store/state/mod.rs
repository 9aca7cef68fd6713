//! The replicated state: tables with the applied mark, one consistent view of them, and snapshots.

mod current;
mod layer;
mod snapshot;
mod state_store;
mod view;

pub use snapshot::{SnapshotFile, SnapshotMeta};
pub use state_store::{Applied, StateStore};
pub(super) use state_store::{FILE, read_applied};
pub use view::StateView;
