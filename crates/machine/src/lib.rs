//! What the cluster decides.
//!
//! [`apply`] takes a consistent view of the state, the log index and one batch of submissions, and returns the outcomes
//! and the changes to store. It has no clock, entropy, I/O or hash-map order: the same view, index and batch give the
//! same bytes on every replica. Rules are checked here by every node; the leader is not trusted to have checked them.

pub mod apply;
mod fence;
pub mod genesis;
mod governance;
pub mod head;
pub mod list;
mod migration;
pub mod read;
mod runs;
mod session;
pub mod state;
mod substrate;
mod txn;
pub mod verify;
pub mod view;

pub use apply::{Applied, Batch, Fatal, Outcome, apply};
pub use genesis::Genesis;
