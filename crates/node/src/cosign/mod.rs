//! Cosigned checkpoints: each node signs what it recomputed itself, and a checkpoint is published once enough
//! organisations did.
//!
//! [`Cosigner`] signs, for this node's collector and for other nodes, and keeps what was published. The collector asks
//! all nodes again and again; one node does so at a time, and others take its place when it is silent. Nothing here is
//! replicated state: it binds this node, and reads the state that it applied.

mod archive;
mod collect;
mod cosigner;
mod memory;
mod publish;
mod published;
mod receipt;
mod sign;
mod start;
mod witnessed;

pub use archive::Archive;
pub use collect::run;
pub use cosigner::Cosigner;
pub use memory::CosignMemory;
pub use published::{PublishedNote, PublishedNotes};

use selfsame_protocol::keys::SecretKey;

/// How this node takes part in publishing.
#[derive(Clone, Debug)]
pub struct PublishSettings {
    /// Milliseconds between two looks at whether there is something to publish; 0 collects never, but still cosigns.
    pub every_ms: u64,
    /// Milliseconds after which a published checkpoint is signed anew although nothing changed.
    pub refresh_ms: u64,
    /// Milliseconds that other nodes have to answer.
    pub timeout_ms: u64,
    /// The log key, when it is not the one that belongs to the node's key. Used only while it is the recorded one.
    pub log_key: Option<SecretKey>,
}

impl Default for PublishSettings {
    fn default() -> Self {
        Self { every_ms: 500, refresh_ms: 30_000, timeout_ms: 2_000, log_key: None }
    }
}
