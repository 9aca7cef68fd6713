//! One attempt, for callers that decide themselves when to try again.

use crate::rpc;
use crate::submission::{answer_to, outgoing};
use crate::{Client, ClientError, NextStep};
use selfsame_protocol::envelope::Envelope;
use selfsame_protocol::response::SubmitResponse;
use selfsame_wire::v1;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tonic::Status;
use tonic_types::StatusExt as _;

/// Why one attempt has no answer.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{error}")]
pub struct AttemptError {
    /// What was answered, or that nothing was.
    pub error: ClientError,
    /// Whether the node had too much to do (RESOURCE_EXHAUSTED).
    pub exhausted: bool,
    /// Pause after which the node wants to be asked again (RetryInfo), if it said so.
    pub retry_after: Option<Duration>,
}

impl AttemptError {
    /// Whether the same bytes may be accepted later: [`NextStep::Retry`].
    pub fn retryable(&self) -> bool {
        self.error.next_step() == NextStep::Retry
    }
}

impl AttemptError {
    fn plain(error: ClientError) -> Self {
        AttemptError { error, exhausted: false, retry_after: None }
    }

    fn of(endpoint: &str, status: &Status) -> Self {
        let exhausted = status.code() == tonic::Code::ResourceExhausted;
        let retry_after = status.get_details_retry_info().and_then(|info| info.retry_delay);
        AttemptError { error: ClientError::of_status(endpoint, status), exhausted, retry_after }
    }
}

impl Client {
    /// Submits an envelope once. When it may be tried again, the next attempt goes to the next node.
    pub async fn submit_once(&self, envelope: &Envelope) -> Result<SubmitResponse, AttemptError> {
        let (at, node) = self.node();
        let message =
            v1::SubmitRequest { envelope: outgoing(envelope).map_err(AttemptError::plain)?, proofs_within_ms: 0 };
        let answered = rpc::submit(node.channel.clone(), Some(self.timeouts.attempt), message).await;
        let result = match answered {
            Ok(answer) => answer_to(envelope, &answer.receipt)
                .map_err(|error| AttemptError::plain(ClientError::invalid(&node.address, error))),
            Err(status) => Err(AttemptError::of(&node.address, &status)),
        };
        if result.as_ref().is_err_and(AttemptError::retryable) {
            self.at.store(at + 1, Ordering::Relaxed);
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_protocol::code::{Code, Refusal};
    use selfsame_wire::code::to_status;

    #[test]
    fn what_the_node_says_about_a_retry_is_kept() {
        let failed = |code| AttemptError::of("a:1", &to_status(&Refusal::new(code, "a rule", "this", "that")));
        let overloaded = failed(Code::Overloaded);
        assert!(overloaded.exhausted && overloaded.retryable() && overloaded.retry_after.is_some());
        let sealed = failed(Code::Sealed);
        assert!(!sealed.exhausted && !sealed.retryable() && sealed.retry_after.is_none());
        assert!(AttemptError::of("a:1", &Status::unavailable("gone")).retryable());
    }
}
