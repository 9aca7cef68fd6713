//! What the cluster decides.
//!
//! [`apply()`] takes a consistent view of the state, the log index and one batch of submissions, and returns the outcomes
//! and the changes to store. It has no clock, entropy, I/O or hash-map order: the same view, index and batch give the
//! same bytes on every replica. Rules are checked here by every node; the leader is not trusted to have checked them.

mod aggregate;
pub mod apply;
mod balance;
mod error;
mod fence;
pub mod genesis;
mod governance;
pub mod head;
pub mod list;
mod migration;
pub mod read;
mod registry;
mod runs;
mod session;
pub mod state;
mod substrate;
pub mod trees;
mod txn;
pub mod verify;
pub mod view;

pub use apply::{Applied, Batch, Outcome, apply};
pub use error::Fatal;
pub use genesis::Genesis;
