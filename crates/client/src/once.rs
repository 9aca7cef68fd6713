//! One attempt, for callers that decide themselves when to try again.

use super::{Client, ClientError, json};
use selfsame_protocol::code::Code;
use selfsame_protocol::envelope::Envelope;
use selfsame_protocol::response::SubmitResponse;
use selfsame_wire::code::from_status;
use selfsame_wire::v1::{self, ledger_service_client::LedgerServiceClient};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tonic::{Request, Status};
use tonic_types::StatusExt as _;

/// Why one attempt has no receipt.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{error}")]
pub struct Missed {
    /// What was answered, or that nothing was.
    pub error: ClientError,
    /// Whether the node had too much to do (RESOURCE_EXHAUSTED).
    pub exhausted: bool,
    /// Pause after which the node wants to be asked again (RetryInfo), if it said so.
    pub retry_after: Option<Duration>,
}

impl Missed {
    /// Whether the same bytes may be accepted later.
    pub fn retryable(&self) -> bool {
        self.error.code().is_none_or(Code::retryable)
    }
}

impl From<Status> for Missed {
    fn from(status: Status) -> Self {
        let error = from_status(&status)
            .map_or_else(|| ClientError::Unreachable(status.message().to_string()), ClientError::Refused);
        let exhausted = status.code() == tonic::Code::ResourceExhausted;
        Missed { error, exhausted, retry_after: status.get_details_retry_info().and_then(|info| info.retry_delay) }
    }
}

impl Client {
    /// Submits an envelope once. When it may be tried again, the next attempt goes to the next node.
    pub async fn submit_once(&self, envelope: &Envelope) -> Result<SubmitResponse, Missed> {
        let at = self.at.load(Ordering::Relaxed);
        let mut request = Request::new(v1::SubmitRequest { envelope: envelope.to_bytes().into(), proofs_within_ms: 0 });
        request.set_timeout(self.patience.attempt);
        let channel = self.nodes[at % self.nodes.len()].channel.clone();
        match LedgerServiceClient::new(channel).submit(request).await {
            Ok(answer) => json(&answer.into_inner().receipt).map_err(|error| Missed {
                error,
                exhausted: false,
                retry_after: None,
            }),
            Err(status) => {
                let missed = Missed::from(status);
                if missed.retryable() {
                    self.at.store(at + 1, Ordering::Relaxed);
                }
                Err(missed)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_protocol::code::Refusal;
    use selfsame_wire::code::to_status;

    #[test]
    fn what_the_node_says_about_a_retry_is_kept() {
        let missed = |code| Missed::from(to_status(&Refusal::new(code, "a rule", "this", "that")));
        let overloaded = missed(Code::Overloaded);
        assert!(overloaded.exhausted && overloaded.retryable() && overloaded.retry_after.is_some());
        let sealed = missed(Code::Sealed);
        assert!(!sealed.exhausted && !sealed.retryable() && sealed.retry_after.is_none());
        assert!(Missed::from(Status::unavailable("gone")).retryable());
    }
}
