//! The selfsame node: replication, storage, API and command line around the pure crates.

pub mod env;
pub mod raft;
pub mod store;
pub mod wire;
