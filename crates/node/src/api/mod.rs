//! Services for clients, one file each.

mod bundles;
mod checkpoints;
mod cluster;
mod governance;
mod ledger;
mod lists;
mod runs;
mod serving_status;
mod substrates;
pub mod verifier;

use crate::cosign::Cosigner;
use crate::metrics::Metrics;
use crate::raft::RaftNode;
use crate::store::StateView;
use selfsame_env::Env;
use selfsame_machine::{Genesis, read};
use selfsame_protocol::code::{Code, Refusal};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::EntryRef;
use selfsame_protocol::keys::SecretKey;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::note::{Checkpoint, Note};
use selfsame_protocol::response::SubmitResponse;
use selfsame_wire::code::to_status;
use selfsame_wire::date::Dated;
use selfsame_wire::v1;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tonic::Status;
use tonic_health::server::HealthReporter;
use tower::layer::util::{Identity, Stack};

/// All services, each answer with its date.
pub type Router = tonic::transport::server::Router<Stack<Dated, Identity>>;

/// Largest message that clients may send: one submission and its framing.
pub(crate) const MAX_MESSAGE: usize = 9 << 20;
/// Requests of one connection handled at once.
pub(crate) const CONCURRENCY: usize = 1_024;
/// Bundles written at once. Each holds a view of the state, which keeps old pages from being used again, and a thread.
const BUNDLES: usize = 8;
/// Holder statuses collected at once. Each asks every node.
const HOLDERS: usize = 16;
/// Bytes of entries in one paged answer; one entry more (64 KiB) fits the client's limit with room.
const PAGE_BYTES: usize = 4 << 20;
/// No answer of one call takes longer; every wait inside is shorter.
const CALL: Duration = Duration::from_secs(60);

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
    /// What this node counts.
    pub metrics: Arc<Metrics>,
    /// What this node cosigns, and what is published.
    pub cosigner: Cosigner,
    serving_status: watch::Receiver<Option<Refusal>>,
    bundles: Arc<Semaphore>,
    holders: Arc<Semaphore>,
}

/// What keeps an [`Api`]'s serving status up to date; [`Api::watch`] runs it.
pub struct Watch {
    serving_status: watch::Sender<Option<Refusal>>,
    reporter: HealthReporter,
}

/// An error on the way to an answer.
fn refused(refusal: Refusal) -> Status {
    to_status(&refusal)
}

fn unreadable(error: impl ToString) -> Status {
    to_status(&Refusal::new(
        Code::Corrupt,
        "what this node has stored cannot be read or does not match its digest: ask another node",
        "",
        error,
    ))
}

/// The refusal of what is not there; `what` is named without its article.
fn not_found(what: &str, name: impl ToString) -> Status {
    let sentence =
        format!("there is no {what} {} here: check the name, and whether this is the right cluster", name.to_string());
    to_status(&Refusal::new(Code::NotFound, &sentence, "", ""))
}

impl Api {
    /// The services of one node, with the health service and what keeps both up to date.
    pub fn new(
        raft: RaftNode,
        genesis: Arc<Genesis>,
        key: SecretKey,
        id: u64,
        env: Env,
        metrics: Arc<Metrics>,
        cosigner: Cosigner,
    ) -> (Api, Watch, Router) {
        let (sender, serving_status) = watch::channel(None);
        let (reporter, health) = tonic_health::server::health_reporter();
        let bundles = Arc::new(Semaphore::new(BUNDLES));
        let holders = Arc::new(Semaphore::new(HOLDERS));
        let key = Arc::new(key);
        let api = Api { raft, genesis, key, id, env, metrics, cosigner, serving_status, bundles, holders };
        let clock = api.env.clock.clone();
        let router = router(api.clone(), health, Dated(Arc::new(move || clock.now_ms())));
        (api, Watch { serving_status: sender, reporter }, router)
    }

    /// Keeps the serving status up to date until the node stops.
    pub async fn watch(self, watch: Watch) {
        serving_status::run(self, watch.reporter, watch.serving_status).await;
    }

    /// Why this node does not serve now, if so.
    pub(crate) fn serving_status(&self) -> Option<Refusal> {
        self.serving_status.borrow().clone()
    }

    /// Refuses writes while this node does not serve. Cheap, for it stands in front of every submission.
    fn writable(&self) -> Result<(), Refusal> {
        self.serving_status.borrow().clone().map_or(Ok(()), Err)
    }

    /// Submits one envelope and counts the answer.
    async fn submit_one(&self, envelope: bytes::Bytes) -> Result<SubmitResponse, Refusal> {
        let start = tokio::time::Instant::now();
        let outcome = match self.writable() {
            Ok(()) => self.raft.submit(envelope).await.and_then(|outcome| outcome),
            Err(refusal) => Err(refusal),
        };
        self.metrics.answered(start.elapsed(), outcome.as_ref().err().map(|refusal| refusal.code));
        outcome
    }

    /// Reads from a view that is linearizable unless `stale_ok`. Refused while this node is quarantined.
    async fn read<T>(&self, stale_ok: bool, work: impl FnOnce(StateView) -> Result<T, Status>) -> Result<T, Status> {
        if !stale_ok {
            self.raft.linearize().await.map_err(refused)?;
        }
        self.look(|view| {
            self.serving(&view)?;
            work(view)
        })
    }

    /// Reads from the newest view, whatever this node's serving status. Every read of the API comes through here: what the disk
    /// takes holds up no other task.
    fn look<T>(&self, work: impl FnOnce(StateView) -> Result<T, Status>) -> Result<T, Status> {
        self.raft.read(work).map_err(unreadable)?
    }

    /// Refuses while this node is quarantined: its copy failed where a quorum's copies hold.
    pub(crate) fn serving(&self, view: &StateView) -> Result<(), Status> {
        let differs = self.cosigner.alarm().borrow().clone();
        match differs.or(serving_status::quarantine(view, self.id).map_err(unreadable)?) {
            Some(refusal) => Err(refused(refusal)),
            None => Ok(()),
        }
    }

    /// A ledger's checkpoint of what this node applied, signed with its key alone under the ledger's origin and the node's number.
    pub(crate) fn checkpoint(&self, view: &StateView, ledger: Ledger) -> Result<String, Status> {
        let (size, root) = read::head(view, ledger).map_err(unreadable)?;
        let size = size + u64::from(selfsame_protocol::planted!("checkpoint_signed_before_apply"));
        let origin = format!("{}/{ledger}", self.genesis.origin);
        let mut note = Note::new(Checkpoint { origin, size, root }.to_text());
        note.sign(&self.genesis.node_key_name(self.id), &self.key);
        Ok(note.to_text())
    }
}

fn ledger_of(number: i32) -> Result<Ledger, Status> {
    match v1::Ledger::try_from(number) {
        Ok(v1::Ledger::Evidence) => Ok(Ledger::Evidence),
        Ok(v1::Ledger::Reasoning) => Ok(Ledger::Reasoning),
        Ok(v1::Ledger::Unspecified) | Err(_) => Err(refused(Refusal::new(
            Code::Malformed,
            "the request names no ledger",
            "LEDGER_EVIDENCE or LEDGER_REASONING",
            number,
        ))),
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
        Err(_) => {
            let sentence = format!("the {what} is no digest");
            Err(refused(Refusal::new(Code::Malformed, &sentence, "32 bytes", bytes.len())))
        }
    }
}

fn bytes_of(digest: &Digest) -> bytes::Bytes {
    digest.as_bytes().to_vec().into()
}

/// The canonical JSON of one of our own values.
fn json_of<T: serde::Serialize>(value: &T) -> bytes::Bytes {
    selfsame_protocol::canon::to_canonical_of(value).into()
}

fn shutting_down() -> Status {
    refused(Refusal::new(Code::ShuttingDown, "this node is stopping: ask another one", "", ""))
}

/// Every client service on one router.
fn router<H: tonic_health::pb::health_server::Health>(
    api: Api,
    health: tonic_health::pb::health_server::HealthServer<H>,
    dated: Dated,
) -> Router {
    use v1::cluster_service_server::ClusterServiceServer;
    use v1::governance_service_server::GovernanceServiceServer;
    use v1::ledger_service_server::LedgerServiceServer;
    use v1::run_service_server::RunServiceServer;
    use v1::substrate_service_server::SubstrateServiceServer;
    let builder = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(selfsame_wire::FILE_DESCRIPTOR_SET);
    let mut server = tonic::transport::Server::builder()
        .layer(dated)
        .concurrency_limit_per_connection(CONCURRENCY)
        .timeout(CALL)
        // A caller that vanished without closing its connection frees its streams.
        .http2_keepalive_interval(Some(Duration::from_secs(20)))
        .http2_keepalive_timeout(Some(Duration::from_secs(10)));
    let router = server
        .add_service(health)
        .add_service(LedgerServiceServer::new(api.clone()).max_decoding_message_size(MAX_MESSAGE))
        .add_service(RunServiceServer::new(api.clone()).max_decoding_message_size(MAX_MESSAGE))
        .add_service(SubstrateServiceServer::new(api.clone()).max_decoding_message_size(MAX_MESSAGE))
        .add_service(GovernanceServiceServer::new(api.clone()).max_decoding_message_size(MAX_MESSAGE))
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
