//! One batch of submissions on its way to an answer: proposed here, or forwarded to the leader.

use super::queue::Answers;
use crate::raft::core::Core;
use crate::raft::peer::Client;
use crate::raft::types::{ProposedBatch, TypeConfig};
use bytes::Bytes;
use openraft::error::ClientWriteError;
use openraft::raft::ClientWriteResult;
use selfsame_machine::Outcome;
use selfsame_protocol::code::{Code, Refusal};
use selfsame_wire::raft::v1 as pb;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

/// Why an attempt gave no outcomes.
pub(super) enum Attempt {
    /// Certainly not taken by this attempt, or taken back.
    NotLeader,
    /// May have taken effect.
    Unknown(Refusal),
}

impl Core {
    pub(super) fn proposal(&self, submissions: Vec<Bytes>) -> ProposedBatch {
        ProposedBatch { time_ms: self.env.clock.now_ms(), submissions }
    }

    async fn propose(&self, submissions: Vec<Bytes>, deadline: Instant) -> Result<Vec<Outcome>, Attempt> {
        let sent = self.raft.client_write_ff(self.proposal(submissions)).await;
        let answer = sent.map_err(|error| Attempt::Unknown(self.stopped(error)))?;
        self.applied(answer, deadline).await
    }

    pub(super) async fn applied(
        &self,
        answer: oneshot::Receiver<ClientWriteResult<TypeConfig>>,
        deadline: Instant,
    ) -> Result<Vec<Outcome>, Attempt> {
        match timeout_at(deadline, answer).await {
            Ok(Ok(Ok(done))) => Ok(done.data),
            Ok(Ok(Err(ClientWriteError::ForwardToLeader(_)))) => Err(Attempt::NotLeader),
            Ok(Ok(Err(ClientWriteError::ChangeMembershipError(error)))) => Err(Attempt::Unknown(self.unknown(error))),
            Ok(Err(error)) => Err(Attempt::Unknown(self.unknown(error))),
            Err(_) => Err(Attempt::Unknown(self.unknown("no quorum answered in time"))),
        }
    }

    async fn forward(&self, leader: u64, submissions: &[Bytes], deadline: Instant) -> Result<Vec<Outcome>, Attempt> {
        use pb::submit_response::Result as Wire;
        let request = pb::SubmitRequest { submissions: submissions.to_vec() };
        let limit = deadline.saturating_duration_since(Instant::now());
        let call = |mut client: Client, sealed| async move { client.submit(sealed).await };
        let answer: Result<pb::SubmitResponse, _> =
            self.peers.ask("submit", leader, &self.peer_address(leader), &request, limit, call).await;
        let unknown = |error: &dyn std::fmt::Display| Attempt::Unknown(self.unknown(error));
        match answer.map_err(|status| unknown(&status))?.result {
            Some(Wire::Outcomes(wire)) if wire.outcomes.len() == submissions.len() => {
                let outcomes = wire.outcomes.iter().map(|json| serde_json::from_slice(json));
                outcomes.collect::<Result<_, _>>().map_err(|error| unknown(&error))
            }
            Some(Wire::Refusal(json)) => match serde_json::from_slice::<Refusal>(&json) {
                Ok(refusal) if refusal.code == Code::NoLeader => Err(Attempt::NotLeader),
                Ok(refusal) => Err(Attempt::Unknown(refusal)),
                Err(error) => Err(unknown(&error)),
            },
            Some(Wire::Outcomes(_)) | None => Err(unknown(&"the leader's answer does not fit the request")),
        }
    }

    /// Tries until the batch is answered or time is up. Trying again is safe: a submission that was applied already
    /// gives its first answer.
    pub(super) async fn deliver(&self, submissions: &[Bytes], deadline: Instant) -> Answers {
        let mut metrics = self.raft.metrics();
        let mut unknown = None;
        loop {
            let leader = metrics.borrow_and_update().current_leader;
            let attempt = match leader {
                Some(id) if id == self.id => self.propose(submissions.to_vec(), deadline).await,
                Some(id) => self.forward(id, submissions, deadline).await,
                None => Err(Attempt::NotLeader),
            };
            match attempt {
                Ok(outcomes) => return Ok(outcomes),
                Err(Attempt::Unknown(refusal)) => unknown = Some(refusal),
                Err(Attempt::NotLeader) => {}
            }
            self.alive()?;
            let give_up = || unknown.clone().unwrap_or_else(|| self.no_leader());
            if Instant::now() >= deadline {
                return Err(give_up());
            }
            // Leadership moved or is open: metrics change when it is settled, and at every heartbeat.
            let pause = (Instant::now() + std::time::Duration::from_millis(self.settings.heartbeat_ms)).min(deadline);
            if let Ok(Err(_)) = timeout_at(pause, metrics.changed()).await {
                return Err(give_up());
            }
        }
    }
}
