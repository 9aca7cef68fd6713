//! What goes out to be decided, and the answer to it.

use crate::read::{Unreadable, json};
use crate::rpc::{self, SIGNATURE};
use crate::{Client, ClientError};
use bytes::Bytes;
use selfsame_protocol::canon::Limits;
use selfsame_protocol::code::{Code, Refusal};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::EntryRef;
use selfsame_protocol::envelope::Envelope;
use selfsame_protocol::response::{CommandResult, OtherResult, SubmitResponse};
use selfsame_wire::v1;

/// An accepted submission, with the result of its command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written<T> {
    /// Digest of the submission.
    pub submission: Digest,
    /// Entries that it caused, in order.
    pub entries: Vec<EntryRef>,
    /// What came of it.
    pub result: T,
}

/// Of a response whose kind is known, as those of [`ChipSession::retry`](crate::ChipSession::retry).
impl<T: TryFrom<CommandResult, Error = OtherResult>> TryFrom<SubmitResponse> for Written<T> {
    type Error = OtherResult;
    fn try_from(response: SubmitResponse) -> Result<Self, OtherResult> {
        let SubmitResponse { submission, entries, result } = response;
        Ok(Written { submission, entries, result: result.try_into()? })
    }
}

/// The bytes to send. An envelope that no node takes is refused here as a node would: it could not even be read there.
pub(crate) fn outgoing(envelope: &Envelope) -> Result<Bytes, ClientError> {
    let bytes = envelope.to_bytes();
    let most = Limits::SUBMISSION.max_bytes + SIGNATURE;
    if bytes.len() <= most {
        return Ok(bytes.into());
    }
    let rule = "the submission is too large: send less at a time";
    let refusal = Refusal::new(Code::LimitExceeded, rule, format!("at most {most} bytes"), bytes.len());
    Err(ClientError::Refused(refusal))
}

/// Reads the answer to an envelope. An answer to another submission says nothing about this one.
pub(crate) fn answer_to(envelope: &Envelope, receipt: &[u8]) -> Result<SubmitResponse, Unreadable> {
    let response: SubmitResponse = json(receipt)?;
    if response.submission == envelope.digest() {
        return Ok(response);
    }
    Err(Unreadable(format!("the answer to {} and not to {}", response.submission, envelope.digest())))
}

impl Client {
    /// Submits an envelope; answers when it is committed and applied. The same envelope again gets the same answer. An
    /// envelope of more than 8 MiB is refused with LIMIT_EXCEEDED and not sent.
    pub async fn submit(&self, envelope: &Envelope) -> Result<SubmitResponse, ClientError> {
        self.submitted(envelope, Ok).await
    }

    /// As [`submit`](Self::submit), when the result is known to be of one kind: another is an
    /// [`InvalidAnswer`](ClientError::InvalidAnswer). The response is given too, as it came.
    pub(crate) async fn submit_for<T>(&self, envelope: &Envelope) -> Result<(SubmitResponse, Written<T>), ClientError>
    where
        T: TryFrom<CommandResult, Error = OtherResult>,
    {
        self.submitted(envelope, |response| {
            let written = response.clone().try_into().map_err(|error: OtherResult| Unreadable(error.to_string()))?;
            Ok((response, written))
        })
        .await
    }

    async fn submitted<T>(
        &self,
        envelope: &Envelope,
        read: impl FnOnce(SubmitResponse) -> Result<T, Unreadable>,
    ) -> Result<T, ClientError> {
        let message = v1::SubmitRequest { envelope: outgoing(envelope)?, proofs_within_ms: 0 };
        self.retry(
            |channel| rpc::submit(channel, Some(self.timeouts.attempt), message.clone()),
            |answer, _| answer_to(envelope, &answer.receipt).and_then(read),
        )
        .await
    }
}
