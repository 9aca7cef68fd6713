//! The replica: what a node keeps, how nodes agree, and what they answer.
//!
//! [`node::start`] puts one together from its configuration and its environment; everything that it takes from the machine
//! comes through [`selfsame_env::Env`], so that a simulator runs the same node.

pub mod api;
pub mod backup;
pub mod config;
pub mod cosign;
pub mod http;
pub mod keys;
pub mod metrics;
pub mod node;
pub mod raft;
pub mod scrub;
pub mod store;
pub mod witness;
