//! The selfsame node: replication, storage, API and command line around the pure crates.

pub mod api;
pub mod client;
pub mod env;
pub mod node;
pub mod raft;
pub mod store;
pub mod wire;
