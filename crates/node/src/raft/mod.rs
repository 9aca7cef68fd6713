//! Replication: the only place that names openraft.
//!
//! [`RaftNode`] is what the rest of the node sees. Around openraft's core stand the log store and the state machine
//! adapter over [`crate::store`], the peer service and its client, the ingress queue that groups submissions into log
//! entries, and a watch that compares state digests between replicas.

#![allow(clippy::result_large_err, reason = "openraft's traits fix their error types, which are that large")]

mod admission;
mod blocking;
mod codec;
mod digests;
mod durable;
mod fatal;
mod ingress;
mod line;
mod log_store;
mod machine;
mod membership;
mod network;
mod node;
mod notary;
#[doc(hidden)]
pub mod pair;
mod peer;
mod prepare;
mod reads;
mod runtime;
#[doc(hidden)]
pub mod seal;
mod service;
mod settings;
mod snapshots;
mod status;
#[cfg(test)]
mod tests;
mod types;
mod watch;

pub use node::{RaftNode, StartError};
pub use notary::{Line, Notary};
pub use settings::RaftSettings;
pub use status::{RaftStatus, Role};
pub use types::{Member, Proposal};
