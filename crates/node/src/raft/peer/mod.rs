//! What nodes say to each other: clients and service, the tags on every message, and the keys of two nodes.

mod append_stream;
mod auth;
mod client;
mod cosign;
mod keys;
mod network;
mod service;

pub use auth::authenticate;
pub(super) use client::{Client, Peers};
pub(super) use cosign::CosignHandlerSlot;
pub use cosign::{CosignHandler, SignatureLine};
pub use keys::PairKey;
pub(super) use network::Network;
pub(super) use service::{LeaderRequests, Service, serve};
