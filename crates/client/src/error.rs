//! Why a call has no answer.

use crate::read::Unreadable;
use selfsame_protocol::code::{Code, Refusal};
use selfsame_protocol::digest::Digest;
use selfsame_wire::code::from_status;
use tonic::Status;

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The cluster refused, by rule. The refusal names the rule and both values, and [`Code::retryable`] says whether the
    /// same bytes may be accepted later.
    #[error("{0}")]
    Refused(Refusal),
    /// No node answered in time. What was submitted may have been taken: submit the same envelope again, or see that a
    /// node runs at the endpoint.
    #[error("no node answered: {endpoint}: {reason}")]
    Unreachable {
        /// The endpoint that was asked last.
        endpoint: String,
        /// What went wrong there.
        reason: String,
    },
    /// An answer cannot be read. The node is of another version, or no node: ask another endpoint, or update.
    #[error("{endpoint} sent an answer that this program does not understand ({reason}): its version may be another")]
    InvalidAnswer {
        /// The endpoint that gave it.
        endpoint: String,
        /// What cannot be read.
        reason: String,
    },
    /// An endpoint is no address, or none was given: say `host:port`.
    #[error("endpoint: {reason}")]
    InvalidEndpoint {
        /// What was given; empty when nothing was.
        endpoint: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A client was built outside of a tokio runtime, which its connections live in.
    #[error("a client is built inside of a tokio runtime")]
    NoRuntime,
    /// A write of this [`ChipSession`](crate::ChipSession) is not answered yet, and nothing was sent: whether it was
    /// taken, the cluster alone knows. Send it again with [`ChipSession::retry`](crate::ChipSession::retry), or take what
    /// the cluster knows with [`ChipSession::resume`](crate::ChipSession::resume).
    #[error(
        "the write {submission} is not answered yet: send it again, or resume the session from the cluster's state"
    )]
    Unanswered {
        /// Digest of the submission.
        submission: Digest,
    },
}

impl ClientError {
    /// The refusal's code.
    pub fn code(&self) -> Option<Code> {
        match self {
            ClientError::Refused(refusal) => Some(refusal.code),
            ClientError::Unreachable { .. }
            | ClientError::InvalidAnswer { .. }
            | ClientError::InvalidEndpoint { .. }
            | ClientError::NoRuntime
            | ClientError::Unanswered { .. } => None,
        }
    }

    pub(crate) fn unreachable(endpoint: &str, reason: impl Into<String>) -> Self {
        ClientError::Unreachable { endpoint: endpoint.into(), reason: reason.into() }
    }

    pub(crate) fn invalid(endpoint: &str, Unreadable(reason): Unreadable) -> Self {
        ClientError::InvalidAnswer { endpoint: endpoint.into(), reason }
    }

    /// What a status means that ended a stream, or an attempt.
    pub(crate) fn of_status(endpoint: &str, status: &Status) -> Self {
        from_status(status).map_or_else(|| Self::unreachable(endpoint, status.message()), Self::Refused)
    }
}
