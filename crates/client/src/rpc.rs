//! One function for each method of the services, which makes one attempt at one node.
//!
//! Each gives a boxed future and is itself neither async nor generic: the compiler makes the code of an async function
//! where it is awaited, so that every program that uses the client would compile the whole of HTTP/2 once for each method.
//!
//! Each has a bound on its answer: what answers at an address need not be a node, and must not fill the memory of whoever
//! asks. An answer that is larger is [`InvalidAnswer`](crate::ClientError::InvalidAnswer), and nothing of it is kept.

use selfsame_protocol::amending::MAX_QUEUED;
use selfsame_protocol::canon::Limits;
use selfsame_protocol::entry::MAX_LEAF_BYTES;
use selfsame_protocol::note::MAX_NOTE;
use selfsame_protocol::tlog_proof::MAX_PROOF;
use selfsame_wire::v1::{
    self, cluster_service_client::ClusterServiceClient, governance_service_client::GovernanceServiceClient,
    ledger_service_client::LedgerServiceClient, run_service_client::RunServiceClient,
    substrate_service_client::SubstrateServiceClient,
};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;
use tonic::transport::Channel;
use tonic::{Request, Response, Status, Streaming};

/// Bytes of a signature, in front of its payload.
pub(crate) const SIGNATURE: usize = 64;
/// Room for tags, lengths, indexes and hashes around what is counted below, and for members that a newer node adds.
const FRAME: usize = 4 << 10;
/// Numbers, names, addresses and a sentence; an empty answer too. A node's status lists the ids of all members, of 10 bytes
/// at most: thousands of them fit.
const SMALL: usize = 64 << 10;
/// One entry's leaf, of 65,535 bytes at most.
const ENTRY: usize = MAX_LEAF_BYTES + FRAME;
/// A ballot: what is proposed stands in one entry, beside the names and votes of at most 32 members. The constitution
/// names these members, their keys and the rules, which is less.
const DOCUMENT: usize = 2 * ENTRY;
/// A decision. An append leaves at most 1,000 entries and a cycle hardly more than its 64 amendments; each is told in less
/// than 200 bytes, that is 200 KB. The result is no larger than an entry, but for a line of 300 bytes for every other
/// organisation that declared another run: thousands of them fit. So do the organisations of an agreement.
const DECISION: usize = 1 << 20;
/// A declaration of 1 MiB at most, and a line of 200 bytes for each organisation that attests it.
const RUN: usize = Limits::DECLARATION.max_bytes + DECISION;
/// A signed note of 1 MiB at most, with a leaf and the two paths of a consistency proof: twice 63 hashes of 34 bytes, less
/// than an entry.
const NOTE: usize = MAX_NOTE + 2 * ENTRY;
/// A receipt (c2sp.org/tlog-proof@v1) with its leaf.
const RECEIPT: usize = MAX_PROOF + ENTRY;
/// A substrate's state: at most 64 amendments wait for the close of a cycle, each of which an entry will hold; the rest is
/// one entry more, and the constitution in force half of one.
const STATE: usize = (MAX_QUEUED + 2) * ENTRY;
/// The verification and the 16 newest entries of evidence, with the decision on the open.
const RAIL: usize = 17 * ENTRY + DECISION;
/// A page: nodes end it with the entry that passes 4 MiB, and at 1,000 things. The place of each takes less than 64 bytes.
const PAGE: usize = (4 << 20) + ENTRY + 1_000 * 64;
/// A signed submission of 8 MiB at most.
const SUBMISSION: usize = Limits::SUBMISSION.max_bytes + SIGNATURE + FRAME;
/// What has no bound of its own: lists that are not paged by bytes, the genesis, the receipts of 1,000 entries, a statement
/// with its notes. Parts of bundles are 1 MiB today.
const LARGE: usize = 16 << 20;

/// An attempt under way.
pub(crate) type Attempt<T> = Pin<Box<dyn Future<Output = Result<T, Status>> + Send>>;

fn request<T>(message: T, deadline: Option<Duration>) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(deadline) = deadline {
        request.set_timeout(deadline);
    }
    request
}

/// Ends an attempt with its deadline, the body of the answer included: what `set_timeout` says ends with the head of it.
async fn in_time<T>(deadline: Option<Duration>, call: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
    let late = |_| Status::deadline_exceeded("no answer in time");
    match deadline {
        Some(deadline) => tokio::time::timeout(deadline, call).await.map_err(late)?,
        None => call.await,
    }
}

macro_rules! rpcs {
    ($($service:ident { $($method:ident: $asked:ident => $answered:ty, $most:ident;)* })*) => {$($(
        /// `deadline` is also told to the node; `None` for a stream that may last.
        pub(crate) fn $method(channel: Channel, deadline: Option<Duration>, message: v1::$asked) -> Attempt<$answered> {
            Box::pin(async move {
                let mut service = $service::new(channel).max_decoding_message_size($most);
                in_time(deadline, service.$method(request(message, deadline))).await.map(Response::into_inner)
            })
        }
    )*)*};
}

// Of a stream the bound holds for each message.
rpcs! {
    ClusterServiceClient {
        get_status: GetStatusRequest => v1::GetStatusResponse, SMALL;
        add_learner: AddLearnerRequest => v1::AddLearnerResponse, SMALL;
        promote_node: PromoteNodeRequest => v1::PromoteNodeResponse, SMALL;
        remove_node: RemoveNodeRequest => v1::RemoveNodeResponse, SMALL;
        transfer_leader: TransferLeaderRequest => v1::TransferLeaderResponse, SMALL;
        trigger_snapshot: TriggerSnapshotRequest => v1::TriggerSnapshotResponse, SMALL;
        get_genesis: GetGenesisRequest => v1::GetGenesisResponse, LARGE;
        list_nodes: ListNodesRequest => v1::ListNodesResponse, LARGE;
        get_keys: GetKeysRequest => v1::GetKeysResponse, LARGE;
    }
    GovernanceServiceClient {
        get_constitution: GetConstitutionRequest => v1::GetConstitutionResponse, DOCUMENT;
        list_ballots: ListBallotsRequest => v1::ListBallotsResponse, LARGE;
        get_ballot: GetBallotRequest => v1::GetBallotResponse, DOCUMENT;
        list_chips: ListChipsRequest => v1::ListChipsResponse, PAGE;
        get_chip: GetChipRequest => v1::GetChipResponse, SMALL;
    }
    LedgerServiceClient {
        submit: SubmitRequest => v1::SubmitResponse, DECISION;
        tail: TailRequest => Streaming<v1::TailResponse>, ENTRY;
        get_entry: GetEntryRequest => v1::GetEntryResponse, ENTRY;
        get_inclusion_proof: GetInclusionProofRequest => v1::GetInclusionProofResponse, NOTE;
        get_consistency_proof: GetConsistencyProofRequest => v1::GetConsistencyProofResponse, NOTE;
        get_receipt: GetReceiptRequest => v1::GetReceiptResponse, RECEIPT;
        get_checkpoint: GetCheckpointRequest => v1::GetCheckpointResponse, NOTE;
        get_submission: GetSubmissionRequest => v1::GetSubmissionResponse, SUBMISSION;
    }
    RunServiceClient {
        get_run: GetRunRequest => v1::GetRunResponse, RUN;
        find_runs: FindRunsRequest => v1::FindRunsResponse, SMALL;
        get_agreement: GetAgreementRequest => v1::GetAgreementResponse, DECISION;
        compare_runs: CompareRunsRequest => v1::CompareRunsResponse, SMALL;
        list_outcomes: ListOutcomesRequest => v1::ListOutcomesResponse, PAGE;
        get_run_bundle: GetRunBundleRequest => Streaming<v1::GetRunBundleResponse>, LARGE;
    }
    SubstrateServiceClient {
        open_session: OpenSessionRequest => v1::OpenSessionResponse, RAIL;
        get_substrate: GetSubstrateRequest => v1::GetSubstrateResponse, STATE;
        list_substrates: ListSubstratesRequest => v1::ListSubstratesResponse, PAGE;
        get_statement: GetStatementRequest => v1::GetStatementResponse, LARGE;
        get_holder: GetHolderRequest => v1::GetHolderResponse, NOTE;
        get_bundle: GetBundleRequest => Streaming<v1::GetBundleResponse>, LARGE;
        read_evidence: ReadEvidenceRequest => v1::ReadEvidenceResponse, PAGE;
    }
}

/// As [`submit`], with a receipt of each entry in the answer.
pub(crate) fn submit_with_receipts(
    channel: Channel,
    deadline: Option<Duration>,
    message: v1::SubmitRequest,
) -> Attempt<v1::SubmitResponse> {
    Box::pin(async move {
        let mut service = LedgerServiceClient::new(channel).max_decoding_message_size(LARGE);
        in_time(deadline, service.submit(request(message, deadline))).await.map(Response::into_inner)
    })
}

/// Submissions over one stream, answered in order.
pub(crate) fn submit_stream(
    channel: Channel,
    messages: Vec<v1::SubmitStreamRequest>,
) -> Attempt<Streaming<v1::SubmitStreamResponse>> {
    Box::pin(async move {
        let mut service = LedgerServiceClient::new(channel).max_decoding_message_size(DECISION);
        service.submit_stream(tokio_stream::iter(messages)).await.map(Response::into_inner)
    })
}
