//! The selfsame node: replication, storage, API and command line around the pure crates.

pub mod actor;
pub mod api;
pub mod audit;
pub mod backup;
pub mod bench;
pub mod cli;
pub mod client;
pub mod config;
pub mod console;
pub mod cosign;
pub mod demo;
pub mod env;
pub mod fetch;
pub mod http;
pub mod keys;
pub mod metrics;
pub mod node;
pub mod raft;
pub mod scrub;
pub mod store;
pub mod wire;
pub mod witness;

/// Verification with the cluster gone.
pub use selfsame_offline as offline;
pub use selfsame_offline::files;
