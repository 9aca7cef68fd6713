//! Why a call has no answer.

use crate::read::Unreadable;
use selfsame_protocol::code::{Code, Refusal};
use selfsame_protocol::digest::Digest;
use selfsame_wire::code::from_status;
use tonic::Status;

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The cluster refused, by rule. The refusal names the rule and both values;
    /// [`next_step`](ClientError::next_step) says what follows from its code.
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
    /// An answer cannot be read, answers something else, or is larger than any such answer is. What was submitted may
    /// have been taken. The node is of another version, or no node: the next call asks another endpoint; or update.
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
    /// An earlier write of this [`ChipSession`](crate::ChipSession) is not answered yet, and nothing was sent. Send that one
    /// again with [`ChipSession::retry`](crate::ChipSession::retry), then this one. Nothing else settles it: a node may
    /// go on forwarding it, and the cluster take it after its state was read.
    #[error("an earlier write, {submission}, is not answered yet, and nothing was sent: send that one again first")]
    Unanswered {
        /// Digest of the submission.
        submission: Digest,
    },
    /// A seal was asked for before any session of the substrate was closed, and nothing was sent: only what was verified
    /// migrates. Open a session and close it first.
    #[error(
        "no session of this substrate was closed yet, and only what was verified migrates: open one and close it first"
    )]
    NeverClosed,
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
            | ClientError::Unanswered { .. }
            | ClientError::NeverClosed => None,
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
        if let Some(refusal) = from_status(status) {
            return Self::Refused(refusal);
        }
        if too_large(status) {
            return Self::invalid(endpoint, Unreadable(status.message().into()));
        }
        Self::unreachable(endpoint, status.message())
    }
}

/// Whether an answer was not read because it is larger than an answer of its kind: tonic says so with this code, and a
/// node never does.
pub(crate) fn too_large(status: &Status) -> bool {
    status.code() == tonic::Code::OutOfRange
}
