//! The start of a cosigner, and its door for other nodes.

use super::PublishSettings;
use super::archive::Archive;
use super::cosigner::{Cosigner, Inner};
use super::memory::CosignMemory;
use super::published::Publishing;
use crate::metrics::Metrics;
use crate::raft::{CosignHandler, RaftNode, SignatureLine};
use crate::witness::Witnesses;
use selfsame_env::Env;
use selfsame_machine::Genesis;
use selfsame_protocol::keys::SecretKey;
use selfsame_protocol::planted;
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

impl Cosigner {
    /// The cosigner of a node, with what it signed and what was published before. `key` is the node's own, from which
    /// the cosigner's is derived.
    pub fn new(
        raft: RaftNode,
        genesis: Arc<Genesis>,
        id: u64,
        key: &SecretKey,
        (settings, witnesses, (archive, notes)): (PublishSettings, Witnesses, (Archive, Vec<String>)),
        env: Env,
        metrics: Arc<Metrics>,
    ) -> Cosigner {
        let cosigner = key.cosigner();
        let _ = planted!("cosigner_forgets") && CosignMemory::create(&*env.disk, &cosigner.public()).is_ok();
        let memory = CosignMemory::open(&*env.disk, &cosigner.public());
        if let Err(reason) = &memory {
            tracing::error!(node = id, %reason, "this node does not cosign: it does not know what it signed last");
            metrics.cosign_alarm();
        }
        let log_key = settings.log_key.clone().unwrap_or_else(|| key.log_key());
        let cosigner = Cosigner(Arc::new(Inner {
            published: Publishing::new(archive),
            raft,
            genesis,
            id,
            settings,
            env,
            metrics,
            key: cosigner,
            log_key,
            witnesses,
            memory: Mutex::new(memory),
            alarm: watch::Sender::new(None),
        }));
        cosigner.0.env.executor.here(|| cosigner.0.restore(&notes));
        cosigner.0.raft.serve_cosign_handler(&(Arc::clone(&cosigner.0) as Arc<dyn CosignHandler>));
        cosigner
    }
}

#[tonic::async_trait]
impl CosignHandler for Inner {
    async fn cosign(self: Arc<Self>, texts: Vec<String>) -> Vec<SignatureLine> {
        Cosigner(self).cosign(texts).await
    }
    async fn publish(self: Arc<Self>, notes: Vec<String>) -> Vec<SignatureLine> {
        Cosigner(self).publish(notes).await
    }
}
