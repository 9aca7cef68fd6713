//! Replication: the only place that names openraft.
//!
//! [`RaftNode`] is what the rest of the node sees. Around openraft's core stand the log store and the state machine
//! adapter over [`crate::store`], the peer service and its client, the ingress queue that groups submissions into log
//! entries, and a watch that compares state digests between replicas.

#![allow(clippy::result_large_err, reason = "openraft's traits fix their error types, which are that large")]

mod background;
mod codec;
mod core;
mod digests;
mod fatal;
mod ingress;
mod membership;
mod node;
mod peer;
mod prepare;
mod reads;
mod runtime;
mod settings;
mod status;
mod storage;
#[cfg(test)]
mod tests;
mod types;
mod watch;

pub use node::{RaftNode, RaftStartError};
pub use peer::{CosignHandler, SignatureLine};
#[doc(hidden)]
pub use peer::{PairKey, authenticate};
pub use settings::RaftSettings;
pub use status::{RaftRole, RaftStatus};
pub use types::{MemberAddress, ProposedBatch};
