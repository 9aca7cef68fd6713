//! One function for each method of the services, which makes one attempt at one node.
//!
//! Each gives a boxed future and is itself neither async nor generic: the compiler makes the code of an async function
//! where it is awaited, so that every program that uses the client would compile the whole of HTTP/2 once for each method.

use crate::MAX_MESSAGE;
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

/// An attempt under way.
pub(crate) type Attempt<T> = Pin<Box<dyn Future<Output = Result<T, Status>> + Send>>;

macro_rules! rpcs {
    ($($service:ident { $($method:ident: $asked:ident => $answered:ty;)* })*) => {$($(
        /// `deadline` is also told to the node; `None` for a stream that may last.
        pub(crate) fn $method(channel: Channel, deadline: Option<Duration>, message: v1::$asked) -> Attempt<$answered> {
            Box::pin(async move {
                let mut request = Request::new(message);
                if let Some(deadline) = deadline {
                    request.set_timeout(deadline);
                }
                let mut service = $service::new(channel).max_decoding_message_size(MAX_MESSAGE);
                service.$method(request).await.map(Response::into_inner)
            })
        }
    )*)*};
}

rpcs! {
    ClusterServiceClient {
        get_status: GetStatusRequest => v1::GetStatusResponse;
        add_learner: AddLearnerRequest => v1::AddLearnerResponse;
        promote_node: PromoteNodeRequest => v1::PromoteNodeResponse;
        remove_node: RemoveNodeRequest => v1::RemoveNodeResponse;
        transfer_leader: TransferLeaderRequest => v1::TransferLeaderResponse;
        trigger_snapshot: TriggerSnapshotRequest => v1::TriggerSnapshotResponse;
        get_genesis: GetGenesisRequest => v1::GetGenesisResponse;
        list_nodes: ListNodesRequest => v1::ListNodesResponse;
        get_keys: GetKeysRequest => v1::GetKeysResponse;
    }
    GovernanceServiceClient {
        get_constitution: GetConstitutionRequest => v1::GetConstitutionResponse;
        list_ballots: ListBallotsRequest => v1::ListBallotsResponse;
        get_ballot: GetBallotRequest => v1::GetBallotResponse;
        list_chips: ListChipsRequest => v1::ListChipsResponse;
        get_chip: GetChipRequest => v1::GetChipResponse;
    }
    LedgerServiceClient {
        submit: SubmitRequest => v1::SubmitResponse;
        tail: TailRequest => Streaming<v1::TailResponse>;
        get_entry: GetEntryRequest => v1::GetEntryResponse;
        get_inclusion_proof: GetInclusionProofRequest => v1::GetInclusionProofResponse;
        get_consistency_proof: GetConsistencyProofRequest => v1::GetConsistencyProofResponse;
        get_receipt: GetReceiptRequest => v1::GetReceiptResponse;
        get_checkpoint: GetCheckpointRequest => v1::GetCheckpointResponse;
        get_submission: GetSubmissionRequest => v1::GetSubmissionResponse;
    }
    RunServiceClient {
        get_run: GetRunRequest => v1::GetRunResponse;
        find_runs: FindRunsRequest => v1::FindRunsResponse;
        get_agreement: GetAgreementRequest => v1::GetAgreementResponse;
        compare_runs: CompareRunsRequest => v1::CompareRunsResponse;
        list_outcomes: ListOutcomesRequest => v1::ListOutcomesResponse;
        get_run_bundle: GetRunBundleRequest => Streaming<v1::GetRunBundleResponse>;
    }
    SubstrateServiceClient {
        open_session: OpenSessionRequest => v1::OpenSessionResponse;
        get_substrate: GetSubstrateRequest => v1::GetSubstrateResponse;
        list_substrates: ListSubstratesRequest => v1::ListSubstratesResponse;
        get_statement: GetStatementRequest => v1::GetStatementResponse;
        get_holder: GetHolderRequest => v1::GetHolderResponse;
        get_bundle: GetBundleRequest => Streaming<v1::GetBundleResponse>;
        read_evidence: ReadEvidenceRequest => v1::ReadEvidenceResponse;
    }
}

/// Submissions over one stream, answered in order.
pub(crate) fn submit_stream(
    channel: Channel,
    messages: Vec<v1::SubmitStreamRequest>,
) -> Attempt<Streaming<v1::SubmitStreamResponse>> {
    Box::pin(async move {
        let mut service = LedgerServiceClient::new(channel).max_decoding_message_size(MAX_MESSAGE);
        service.submit_stream(tokio_stream::iter(messages)).await.map(Response::into_inner)
    })
}
