//! Typed client: finds a node that answers, retries what may be retried, decodes refusals.
//!
//! A retry sends the same bytes, and the request id inside them makes it safe: an answer that was lost is given again.

use selfsame_protocol::code::{Code, Refusal};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::EntryRef;
use selfsame_protocol::envelope::Envelope;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::p104::{IdentityStatement, Outcome};
use selfsame_protocol::record::Record;
use selfsame_protocol::response::SubmitResponse;
use selfsame_protocol::time::U64;
use selfsame_wire::code::from_status;
use selfsame_wire::v1;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;
use tonic::{Request, Response, Status};
use v1::cluster_service_client::ClusterServiceClient;
use v1::ledger_service_client::LedgerServiceClient;
use v1::run_service_client::RunServiceClient;
use v1::substrate_service_client::SubstrateServiceClient;

/// Time for what a node says of itself.
const STATUS: Duration = Duration::from_secs(3);
/// Largest answer read.
const MAX_MESSAGE: usize = 16 << 20;

/// Why a call has no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ClientError {
    /// The cluster refused, by rule.
    #[error("{0}")]
    Refused(Refusal),
    /// No node answered.
    #[error("no node answered: {0}")]
    Unreachable(String),
    /// An answer does not decode.
    #[error("a node sent an answer that this program does not understand ({0}): its version may be another")]
    Answer(String),
    /// No endpoint was given, or one is not an address.
    #[error("endpoint: {0}")]
    Endpoint(String),
}

impl ClientError {
    /// Exit status of the command line.
    pub fn exit_status(&self) -> u8 {
        match self {
            ClientError::Refused(refusal) => refusal.code.exit_status(),
            ClientError::Unreachable(_) => 3,
            ClientError::Answer(_) => 1,
            ClientError::Endpoint(_) => 2,
        }
    }
    /// The refusal's code.
    pub fn code(&self) -> Option<Code> {
        match self {
            ClientError::Refused(refusal) => Some(refusal.code),
            ClientError::Unreachable(_) | ClientError::Answer(_) | ClientError::Endpoint(_) => None,
        }
    }
}

pub use proofs::{Accepted, Proof};

/// One item of the Evidence Rail.
#[derive(Clone, Debug)]
pub struct RailItem {
    /// The record.
    pub record: Record,
    /// Its place.
    pub entry: EntryRef,
}

/// What an open answers: the rail, the verification first.
#[derive(Clone, Debug)]
pub struct Rail {
    /// The items.
    pub items: Vec<RailItem>,
}

impl Rail {
    /// The outcome that the first item states.
    pub fn outcome(&self) -> Option<Outcome> {
        match self.items.first().map(|item| &item.record) {
            Some(Record::IdentityVerification(result)) => Some(result.outcome),
            _ => None,
        }
    }
    /// The sentence for VERIFIED.
    pub fn notice(&self) -> Option<&str> {
        match self.items.first().map(|item| &item.record) {
            Some(Record::IdentityVerification(result)) => result.notice.as_deref(),
            _ => None,
        }
    }
}

/// An inclusion proof as a node gives it.
#[derive(Clone, Debug)]
pub struct Inclusion {
    /// Tree size.
    pub size: u64,
    /// The leaf.
    pub leaf: Vec<u8>,
    /// Sibling of the leaf first.
    pub hashes: Vec<Digest>,
    /// Signed checkpoint of the size; empty for an older size.
    pub checkpoint: String,
}

/// A client of one cluster. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    nodes: Arc<Vec<Reach>>,
    at: Arc<AtomicUsize>,
    patience: Patience,
}

/// Calls a method of a service until it answers, moving to the next node when one cannot.
macro_rules! call {
    ($self:ident, $service:ident, $method:ident, $message:expr) => {{
        let message = $message;
        $self
            .retry(|channel| {
                let message = message.clone();
                async move {
                    let mut request = Request::new(message);
                    request.set_timeout($self.patience.attempt);
                    $service::new(channel)
                        .max_decoding_message_size(MAX_MESSAGE)
                        .$method(request)
                        .await
                        .map(Response::into_inner)
                }
            })
            .await
    }};
}

mod actor;
mod bundles;
mod governance;
mod lists;
pub use actor::Actor;
pub use bundles::Bundle;
pub use governance::Listed;
pub use lists::{Part, Wanted};
pub use v1::SubstrateSummary as SubstrateLine;
mod once;
mod patience;
mod proofs;
mod stream;
pub use once::Missed;
pub use patience::Notice;
use patience::{Patience, Reach};

impl Client {
    /// Submits an envelope; answers when it is committed and applied.
    pub async fn submit(&self, envelope: &Envelope) -> Result<SubmitResponse, ClientError> {
        let answer = call!(
            self,
            LedgerServiceClient,
            submit,
            v1::SubmitRequest { envelope: envelope.to_bytes().into(), proofs_within_ms: 0 }
        )?;
        json(&answer.receipt)
    }

    /// Submits an open_session envelope and returns the Evidence Rail of the decided verification.
    pub async fn open_session(&self, envelope: &Envelope) -> Result<Rail, ClientError> {
        let answer = call!(
            self,
            SubstrateServiceClient,
            open_session,
            v1::OpenSessionRequest { envelope: envelope.to_bytes().into() }
        )?;
        let items = answer
            .rail
            .iter()
            .map(|item| Ok(RailItem { record: json(&item.record)?, entry: entry(item.entry.as_ref())? }))
            .collect::<Result<_, ClientError>>()?;
        Ok(Rail { items })
    }

    /// A substrate's state.
    pub async fn substrate(&self, id: &str) -> Result<selfsame_machine::state::Substrate, ClientError> {
        let answer = call!(
            self,
            SubstrateServiceClient,
            get_substrate,
            v1::GetSubstrateRequest { substrate_id: id.into(), stale_ok: false }
        )?;
        json(&answer.state)
    }

    /// The identity statement with its proof, as JSON.
    pub async fn statement(
        &self,
        id: &str,
        regulated: bool,
    ) -> Result<(IdentityStatement, serde_json::Value), ClientError> {
        let answer = call!(
            self,
            SubstrateServiceClient,
            get_statement,
            v1::GetStatementRequest { substrate_id: id.into(), regulated }
        )?;
        let document: serde_json::Value = json(&answer.statement)?;
        let statement =
            serde_json::from_value(document["statement"].clone()).map_err(|e| ClientError::Answer(e.to_string()))?;
        Ok((statement, document))
    }

    /// Evidence of an open session from a depth on.
    pub async fn evidence(&self, id: &str, from: u64, limit: u32) -> Result<Vec<RailItem>, ClientError> {
        let answer = call!(
            self,
            SubstrateServiceClient,
            read_evidence,
            v1::ReadEvidenceRequest { substrate_id: id.into(), from_depth: from, limit }
        )?;
        answer
            .items
            .iter()
            .map(|item| Ok(RailItem { record: json(&item.record)?, entry: entry(item.entry.as_ref())? }))
            .collect()
    }

    /// A declared run.
    pub async fn run(&self, id: &Digest) -> Result<v1::GetRunResponse, ClientError> {
        call!(
            self,
            RunServiceClient,
            get_run,
            v1::GetRunRequest { run_id: id.as_bytes().to_vec().into(), stale_ok: false }
        )
    }

    /// Which organisation ties a reference to which run, and whether they agree.
    pub async fn agreement(&self, request: &str) -> Result<v1::GetAgreementResponse, ClientError> {
        call!(
            self,
            RunServiceClient,
            get_agreement,
            v1::GetAgreementRequest { request: request.into(), stale_ok: false }
        )
    }

    /// Names the elements in which two declared runs differ.
    pub async fn compare(&self, first: &Digest, second: &Digest) -> Result<Vec<String>, ClientError> {
        let message = v1::CompareRunsRequest {
            first: first.as_bytes().to_vec().into(),
            second: second.as_bytes().to_vec().into(),
            stale_ok: false,
        };
        let answer = call!(self, RunServiceClient, compare_runs, message)?;
        Ok(answer.differences.into_iter().map(|d| d.element).collect())
    }

    /// Executions of a run.
    pub async fn outcomes(&self, id: &Digest) -> Result<Vec<Record>, ClientError> {
        let (mut records, mut from_depth) = (Vec::new(), 0);
        loop {
            let message =
                v1::ListOutcomesRequest { run_id: id.as_bytes().to_vec().into(), stale_ok: false, from_depth };
            let answer = call!(self, RunServiceClient, list_outcomes, message)?;
            for outcome in &answer.outcomes {
                records.push(json(&outcome.record)?);
            }
            if answer.next_depth <= from_depth {
                return Ok(records);
            }
            from_depth = answer.next_depth;
        }
    }

    /// One entry's leaf.
    pub async fn leaf(&self, ledger: Ledger, index: u64) -> Result<Vec<u8>, ClientError> {
        let selector = Some(v1::get_entry_request::Selector::Index(index));
        let answer = call!(
            self,
            LedgerServiceClient,
            get_entry,
            v1::GetEntryRequest { ledger: wire(ledger), selector, stale_ok: false }
        )?;
        Ok(answer.leaf.to_vec())
    }

    /// The signed submission of a digest.
    pub async fn submission(&self, digest: &Digest) -> Result<Envelope, ClientError> {
        let message = v1::GetSubmissionRequest { digest: digest.as_bytes().to_vec().into(), stale_ok: false };
        let answer = call!(self, LedgerServiceClient, get_submission, message)?;
        Envelope::from_bytes(&answer.envelope).map_err(|error| ClientError::Answer(error.to_string()))
    }

    /// Streams a ledger from an index; with `follow` it does not end.
    pub async fn tail(
        &self,
        ledger: Ledger,
        from_index: u64,
        follow: bool,
    ) -> Result<tonic::Streaming<v1::TailResponse>, ClientError> {
        let message = v1::TailRequest { ledger: wire(ledger), from_index, follow, stale_ok: false };
        // A stream may last: it has no deadline of its own.
        self.retry(
            |channel| async move { LedgerServiceClient::new(channel).tail(message).await.map(Response::into_inner) },
        )
        .await
    }

    /// An inclusion proof; `size` 0 is the present size.
    pub async fn inclusion(&self, ledger: Ledger, index: u64, size: u64) -> Result<Inclusion, ClientError> {
        let message = v1::GetInclusionProofRequest { ledger: wire(ledger), index, size, stale_ok: false };
        let answer = call!(self, LedgerServiceClient, get_inclusion_proof, message)?;
        Ok(Inclusion {
            size: answer.size,
            leaf: answer.leaf.to_vec(),
            hashes: hashes(&answer.hashes)?,
            checkpoint: answer.checkpoint,
        })
    }

    /// A consistency proof; `new` 0 is the present size. Returns the new size, the hashes and the checkpoint.
    pub async fn consistency(
        &self,
        ledger: Ledger,
        old: u64,
        new: u64,
    ) -> Result<(u64, Vec<Digest>, String), ClientError> {
        let message =
            v1::GetConsistencyProofRequest { ledger: wire(ledger), old_size: old, new_size: new, stale_ok: false };
        let answer = call!(self, LedgerServiceClient, get_consistency_proof, message)?;
        Ok((answer.new_size, hashes(&answer.hashes)?, answer.checkpoint))
    }

    /// What each endpoint says of itself, in order of the endpoints.
    pub async fn statuses(&self) -> Vec<Result<v1::GetStatusResponse, ClientError>> {
        let ask = async |node: &Reach| {
            let mut request = Request::new(v1::GetStatusRequest {});
            request.set_timeout(STATUS.min(self.patience.answer));
            let answer = ClusterServiceClient::new(node.channel.clone()).get_status(request).await;
            answer.map(Response::into_inner).map_err(|status| node.failed(&status))
        };
        futures::future::join_all(self.nodes.iter().map(ask)).await
    }

    /// Every node that ever was.
    pub async fn nodes(&self) -> Result<Vec<v1::Node>, ClientError> {
        Ok(call!(self, ClusterServiceClient, list_nodes, v1::ListNodesRequest { stale_ok: false })?.nodes)
    }

    /// The consensus identity.
    pub async fn genesis(&self) -> Result<selfsame_machine::Genesis, ClientError> {
        json(&call!(self, ClusterServiceClient, get_genesis, v1::GetGenesisRequest {})?.genesis)
    }

    /// Adds an enrolled node as learner.
    pub async fn add_learner(&self, node_id: u64, peer: &str, client: &str) -> Result<(), ClientError> {
        let message = v1::AddLearnerRequest { node_id, peer_address: peer.into(), client_address: client.into() };
        call!(self, ClusterServiceClient, add_learner, message).map(|_| ())
    }
    /// Makes a learner a voter.
    pub async fn promote(&self, node_id: u64) -> Result<(), ClientError> {
        call!(self, ClusterServiceClient, promote_node, v1::PromoteNodeRequest { node_id }).map(|_| ())
    }
    /// Removes a node from the membership.
    pub async fn remove(&self, node_id: u64) -> Result<(), ClientError> {
        call!(self, ClusterServiceClient, remove_node, v1::RemoveNodeRequest { node_id }).map(|_| ())
    }
    /// Hands leadership to a voter.
    pub async fn transfer_leader(&self, node_id: u64) -> Result<(), ClientError> {
        call!(self, ClusterServiceClient, transfer_leader, v1::TransferLeaderRequest { node_id }).map(|_| ())
    }
    /// Makes the node that answers write a snapshot.
    pub async fn snapshot(&self) -> Result<(), ClientError> {
        call!(self, ClusterServiceClient, trigger_snapshot, v1::TriggerSnapshotRequest {}).map(|_| ())
    }
}

fn lost(status: Status) -> ClientError {
    from_status(&status).map_or_else(|| ClientError::Unreachable(status.message().to_string()), ClientError::Refused)
}

fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ClientError> {
    serde_json::from_slice(bytes).map_err(|e| ClientError::Answer(e.to_string()))
}

fn hashes(list: &[bytes::Bytes]) -> Result<Vec<Digest>, ClientError> {
    let one = |bytes: &bytes::Bytes| {
        <[u8; 32]>::try_from(&bytes[..])
            .map(Digest::from_bytes)
            .map_err(|_| ClientError::Answer(format!("a hash of {} bytes instead of 32", bytes.len())))
    };
    list.iter().map(one).collect()
}

fn wire(ledger: Ledger) -> i32 {
    match ledger {
        Ledger::Evidence => v1::Ledger::Evidence as i32,
        Ledger::Reasoning => v1::Ledger::Reasoning as i32,
    }
}

fn entry(entry: Option<&v1::EntryRef>) -> Result<EntryRef, ClientError> {
    let Some(entry) = entry else { return Err(ClientError::Answer("an item without its entry".into())) };
    let ledger = if entry.ledger == wire(Ledger::Evidence) { Ledger::Evidence } else { Ledger::Reasoning };
    let hash = hashes(std::slice::from_ref(&entry.hash))?.pop().ok_or_else(|| ClientError::Answer("no hash".into()))?;
    Ok(EntryRef { ledger, index: U64(entry.index), hash })
}
