//! Bulk appends over one stream.

use crate::read::Unreadable;
use crate::rpc;
use crate::submission::{answer_to, outgoing};
use crate::{Client, ClientError};
use selfsame_protocol::code::{Code, Refusal};
use selfsame_protocol::envelope::Envelope;
use selfsame_protocol::response::SubmitResponse;
use selfsame_wire::v1;
use std::sync::atomic::Ordering;
use tokio::time::{Instant, timeout};
use tonic::Status;

impl Client {
    /// Submits envelopes in order over one stream, without waiting for one before the next is sent. `each` gets every
    /// answer, in order. Stops at the first refusal that no retry can change, and says it; what comes after it in
    /// `envelopes` may or may not have been taken, as its own rules decide. A stream that breaks is taken up again from
    /// the first unanswered envelope, on another node: a retry is safe.
    pub async fn submit_all(
        &self,
        envelopes: &[Envelope],
        mut each: impl FnMut(usize, SubmitResponse),
    ) -> Result<(), ClientError> {
        let (mut done, mut progress, mut tries) = (0, Instant::now(), 0);
        while done < envelopes.len() {
            let before = done;
            let broke = match self.stream(&envelopes[done..], &mut done, &mut each).await {
                Ok(()) => continue,
                Err(broke) => broke,
            };
            if done > before {
                (progress, tries) = (Instant::now(), 0);
            }
            // When the leader changes, submissions under way may reach the next one in another order. One that came
            // before its predecessor was refused, which kept nothing of it; the predecessor is in now.
            let overtook = done > before && broke.code() == Some(Code::StaleSequence);
            let again = overtook || broke.code().is_none_or(Code::retryable);
            if !again || !self.pause(tries, progress + self.timeouts.after(&broke), &broke).await {
                return Err(broke);
            }
            tries += 1;
            self.at.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    async fn stream(
        &self,
        envelopes: &[Envelope],
        done: &mut usize,
        each: &mut impl FnMut(usize, SubmitResponse),
    ) -> Result<(), ClientError> {
        // For the next answer, and one attempt's time at least.
        let within = self.timeouts.call.max(self.timeouts.attempt);
        // What is too large is not sent; it is refused when those before it are answered.
        let messages: Vec<_> = envelopes
            .iter()
            .map_while(|envelope| Some(v1::SubmitStreamRequest { envelope: outgoing(envelope).ok()? }))
            .collect();
        let sent = messages.len();
        let node = self.node().1;
        let late = |_| ClientError::unreachable(&node.address, "no answer in time");
        let lost = |status: Status| ClientError::of_status(&node.address, &status);
        let invalid = |reason: String| ClientError::invalid(&node.address, Unreadable(reason));
        let opened = timeout(within, rpc::submit_stream(node.channel.clone(), messages)).await.map_err(late)?;
        let mut answers = opened.map_err(lost)?;
        let first = *done;
        while let Some(answer) = timeout(within, answers.message()).await.map_err(late)?.map_err(lost)? {
            let place = *done - first;
            let Some(envelope) = envelopes.get(place).filter(|_| place < sent && answer.position == place as u64)
            else {
                return Err(invalid(format!("position {place} of {sent} comes next, found {}", answer.position)));
            };
            match answer.result {
                Some(v1::submit_stream_response::Result::Receipt(bytes)) => {
                    let response = answer_to(envelope, &bytes);
                    each(*done, response.map_err(|error| ClientError::invalid(&node.address, error))?);
                }
                Some(v1::submit_stream_response::Result::Refusal(wire)) => {
                    return Err(match Code::from_name(&wire.code) {
                        Some(code) => {
                            let v1::Refusal { rule, expected, found, .. } = wire;
                            ClientError::Refused(Refusal { code, rule, expected, found })
                        }
                        None => invalid(format!("unknown refusal {}: {}", wire.code, wire.rule)),
                    });
                }
                None => return Err(invalid("an empty answer".into())),
            }
            *done += 1;
        }
        let answered = *done - first;
        if answered < sent {
            let reason = format!("the stream ended after {answered} of {sent}");
            return Err(ClientError::unreachable(&node.address, reason));
        }
        envelopes.get(sent).map_or(Ok(()), |large| outgoing(large).map(|_| ()))
    }
}
