//! Services for clients, one file each.

mod cluster;
pub mod code;
mod ledger;
mod runs;
mod substrates;
pub mod verifier;

use crate::env::Env;
use crate::raft::RaftNode;
use crate::store::StateView;
use crate::wire::v1;
use code::to_status;
use selfsame_machine::{Genesis, read};
use selfsame_protocol::code::{Code, Refusal};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::{EntryRef, Ledger};
use selfsame_protocol::keys::SecretKey;
use selfsame_protocol::note::{Checkpoint, Note};
use std::sync::Arc;
use tonic::Status;

/// Largest message that clients may send: one submission and its framing.
pub const MAX_MESSAGE: usize = 9 << 20;
/// Requests of one connection handled at once.
pub const CONCURRENCY: usize = 4_096;

/// What every service needs.
#[derive(Clone)]
pub struct Api {
    /// Replication.
    pub raft: RaftNode,
    /// Consensus identity.
    pub genesis: Arc<Genesis>,
    /// This node's key.
    pub key: Arc<SecretKey>,
    /// This node's id.
    pub id: u64,
    /// Clock.
    pub env: Env,
}

/// An error on the way to an answer.
fn refused(refusal: Refusal) -> Status {
    to_status(&refusal)
}

fn unreadable(error: impl ToString) -> Status {
    to_status(&Refusal::new(Code::Corrupt, "stored data matches its digest", "readable data", error))
}

fn not_found(what: &str, name: impl ToString) -> Status {
    to_status(&Refusal::new(Code::NotFound, "the thing asked for exists", what, name))
}

impl Api {
    /// A view for reading: linearizable unless `stale_ok`. Refused while this node is quarantined.
    async fn read(&self, stale_ok: bool) -> Result<StateView, Status> {
        if !stale_ok {
            self.raft.linearize().await.map_err(refused)?;
        }
        let view = self.raft.view().map_err(unreadable)?;
        self.serving(&view)?;
        Ok(view)
    }

    /// Refuses while this node is quarantined: its copy failed where a quorum's copies hold.
    fn serving(&self, view: &StateView) -> Result<(), Status> {
        let nodes = read::nodes(view).map_err(unreadable)?;
        match nodes.iter().find(|n| n.id.0 == self.id).and_then(|n| n.quarantined) {
            Some(at) => Err(refused(Refusal::new(
                Code::Quarantined,
                "a quarantined node does not serve",
                "another node",
                format!("node {}, quarantined in Reasoning entry {at}", self.id),
            ))),
            None => Ok(()),
        }
    }

    /// A ledger's checkpoint, signed with this node's key under the ledger's origin and the node's number.
    fn checkpoint(&self, view: &StateView, ledger: Ledger) -> Result<String, Status> {
        let (size, root) = read::head(view, ledger).map_err(unreadable)?;
        let origin = format!("{}/{ledger}", self.genesis.origin);
        let mut note = Note::new(Checkpoint { origin, size, root }.to_text());
        note.sign(&node_key_name(&self.genesis, self.id), &self.key);
        Ok(note.to_text())
    }
}

/// The name under which a node signs checkpoints.
pub fn node_key_name(genesis: &Genesis, id: u64) -> String {
    format!("{}/node/{id}", genesis.origin)
}

fn ledger_of(number: i32) -> Result<Ledger, Status> {
    match v1::Ledger::try_from(number) {
        Ok(v1::Ledger::Evidence) => Ok(Ledger::Evidence),
        Ok(v1::Ledger::Reasoning) => Ok(Ledger::Reasoning),
        Ok(v1::Ledger::Unspecified) | Err(_) => {
            Err(refused(Refusal::new(Code::Malformed, "ledger", "LEDGER_EVIDENCE or LEDGER_REASONING", number)))
        }
    }
}

fn wire_ledger(ledger: Ledger) -> i32 {
    match ledger {
        Ledger::Evidence => v1::Ledger::Evidence as i32,
        Ledger::Reasoning => v1::Ledger::Reasoning as i32,
    }
}

fn wire_ref(entry: &EntryRef) -> v1::EntryRef {
    v1::EntryRef {
        ledger: wire_ledger(entry.ledger),
        index: entry.index.0,
        hash: entry.hash.as_bytes().to_vec().into(),
    }
}

fn digest_of(bytes: &[u8], what: &str) -> Result<Digest, Status> {
    match <[u8; 32]>::try_from(bytes) {
        Ok(array) => Ok(Digest::from_bytes(array)),
        Err(_) => Err(refused(Refusal::new(Code::Malformed, what, "32 bytes", bytes.len()))),
    }
}

fn bytes_of(digest: &Digest) -> bytes::Bytes {
    digest.as_bytes().to_vec().into()
}

/// The canonical JSON of one of our own values.
fn json_of<T: serde::Serialize>(value: &T) -> bytes::Bytes {
    selfsame_protocol::canon::to_canonical_of(value).into()
}

/// Every client service on one router.
pub fn router(api: Api) -> tonic::transport::server::Router {
    use v1::cluster_service_server::ClusterServiceServer;
    use v1::ledger_service_server::LedgerServiceServer;
    use v1::run_service_server::RunServiceServer;
    use v1::substrate_service_server::SubstrateServiceServer;
    let (_reporter, health) = tonic_health::server::health_reporter();
    let builder = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(crate::wire::FILE_DESCRIPTOR_SET);
    let mut server = tonic::transport::Server::builder().concurrency_limit_per_connection(CONCURRENCY);
    let router = server
        .add_service(health)
        .add_service(LedgerServiceServer::new(api.clone()).max_decoding_message_size(MAX_MESSAGE))
        .add_service(RunServiceServer::new(api.clone()).max_decoding_message_size(MAX_MESSAGE))
        .add_service(SubstrateServiceServer::new(api.clone()).max_decoding_message_size(MAX_MESSAGE))
        .add_service(ClusterServiceServer::new(api).max_decoding_message_size(MAX_MESSAGE));
    match builder.build_v1() {
        Ok(reflection) => router.add_service(reflection),
        // The descriptors were made by this build; without them only reflection is missing.
        Err(error) => {
            tracing::error!(%error, "reflection is off");
            router
        }
    }
}
