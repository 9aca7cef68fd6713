//! From envelopes to log entries: check at the door, queue within bounds, group, propose or forward, answer.

use super::admission::overloaded;
use crate::raft::node::Inner;
use crate::raft::peer::Client;
use crate::raft::types::{Proposal, TypeConfig};
use bytes::Bytes;
use openraft::error::{ClientWriteError, RaftError};
use openraft::raft::ClientWriteResult;
use selfsame_machine::Outcome;
use selfsame_protocol::code::{Code, Refusal};
use selfsame_wire::raft::v1 as pb;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

/// One submission on its way.
pub(in crate::raft) struct Queued {
    bytes: Bytes,
    since: Instant,
    answer: oneshot::Sender<Result<Outcome, Refusal>>,
    from: From,
}

impl Queued {
    /// Whether its author does not wait any more: what was never proposed need not be.
    fn is_given_up(&self) -> bool {
        self.answer.is_closed()
    }
}

/// Who waits for the answer.
enum From {
    /// A client of this node. Its share of the queue's bytes comes back with the answer.
    Client { _room: OwnedSemaphorePermit },
    /// A node that took this one for the leader.
    Node,
}

type Answers = Result<Vec<Outcome>, Refusal>;
type Answer = oneshot::Receiver<Result<Outcome, Refusal>>;

/// Envelopes that are checked on the thread that took them in.
const INLINE: usize = 4;

/// No answer came in time: what was submitted may have taken effect.
fn late() -> Refusal {
    Refusal::new(
        Code::OutcomeUnknown,
        "no answer came in time, and it is not known whether the write took effect: send the same request again",
        "",
        "",
    )
}

impl Inner {
    /// Checks envelopes and queues those that pass; answers all when the last is answered. Whether there is room is
    /// asked first: a node that has more to do than it can must not spend its time on signatures of what it refuses.
    pub(in crate::raft) async fn submit_many(&self, envelopes: Vec<Bytes>) -> Answers {
        self.alive()?;
        self.admits()?;
        let (mut outcomes, waiting) = self.enqueue(envelopes)?;
        let deadline = Instant::now() + self.settings.request_timeout() * 2;
        let mut waiting = waiting.into_iter();
        for slot in outcomes.iter_mut().filter(|slot| slot.is_none()) {
            let Some(answer) = waiting.next() else { break };
            *slot = Some(match timeout_at(deadline, answer).await {
                Ok(Ok(answer)) => answer?,
                Ok(Err(_)) | Err(_) => return Err(late()),
            });
        }
        Ok(outcomes.into_iter().flatten().collect())
    }

    /// Refuses when one more would wait too long, and its author would ask again in vain.
    pub(in crate::raft) fn admits(&self) -> Result<(), Refusal> {
        self.admission.check(self.settings.queue.saturating_sub(self.queue.capacity()))
    }

    /// The refusals that need no log entry, in order, with a gap for each submission that was queued, and the answers
    /// that are to fill the gaps.
    fn enqueue(&self, envelopes: Vec<Bytes>) -> Result<(Vec<Option<Outcome>>, Vec<Answer>), Refusal> {
        let count = envelopes.len();
        let bytes: usize = envelopes.iter().map(Bytes::len).sum();
        let full =
            || overloaded("the submissions in this node's queue have too many bytes", self.settings.queue_bytes, bytes);
        let mut rooms = Vec::with_capacity(count);
        for bytes in &envelopes {
            let len = u32::try_from(bytes.len()).map_err(|_| full())?;
            rooms.push(self.room.clone().try_acquire_many_owned(len).map_err(|_| full())?);
        }
        let places = self.queue.try_reserve_many(count);
        let mut places = places
            .map_err(|_| overloaded("too many submissions are in this node's queue", self.settings.queue, count))?;
        let prepare = || self.shared.preparer.prepare(&envelopes);
        // A few signatures take less time than to move the other tasks of this thread elsewhere.
        let prepared = if count <= INLINE { prepare() } else { self.env.executor.here(prepare) };
        let mut outcomes = Vec::with_capacity(count);
        let (mut passed, mut keep) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for ((bytes, room), result) in envelopes.iter().zip(rooms).zip(prepared) {
            outcomes.push(match result {
                Ok(prepared) => {
                    keep.push((bytes.clone(), prepared));
                    passed.push((bytes.clone(), room));
                    None
                }
                Err(refusal) => Some(Err(refusal)),
            });
        }
        self.shared.preparer.keep(keep);
        let mut waiting = Vec::with_capacity(passed.len());
        let since = Instant::now();
        for ((bytes, room), place) in passed.into_iter().zip(&mut places) {
            let (answer, receiver) = oneshot::channel();
            place.send(Queued { bytes, since, answer, from: From::Client { _room: room } });
            waiting.push(receiver);
        }
        Ok((outcomes, waiting))
    }

    /// Takes what another node forwarded into this node's own log entries. Never forwards again: two nodes that each
    /// take the other for the leader must not play ball. The queue is waited for: nodes have few batches under way.
    pub(in crate::raft) async fn submit_forwarded(&self, submissions: Vec<Bytes>) -> Answers {
        self.alive()?;
        if !self.leads() {
            return Err(self.no_leader());
        }
        let deadline = Instant::now() + self.settings.request_timeout();
        let mut waiting = Vec::with_capacity(submissions.len());
        for bytes in submissions {
            let place = timeout_at(deadline, self.queue.reserve()).await.map_err(|_| late())?;
            let place = place.map_err(|_| self.no_leader())?;
            let (answer, receiver) = oneshot::channel();
            place.send(Queued { bytes, since: Instant::now(), answer, from: From::Node });
            waiting.push(receiver);
        }
        let mut outcomes = Vec::with_capacity(waiting.len());
        let mut metrics = self.raft.metrics();
        for answer in waiting {
            let answer = tokio::select! {
                biased;
                answer = timeout_at(deadline, answer) => answer,
                // What waits here may wait for what waits at the new leader, which may wait for this. The node that
                // asked tries again; whether this one is still taken is not known.
                _ = metrics.wait_for(|metrics| metrics.current_leader != Some(self.id)) => {
                    return Err(self.unknown("the leadership moved"));
                }
            };
            outcomes.push(answer.map_err(|_| late())?.map_err(|_| late())??);
        }
        Ok(outcomes)
    }

    fn proposal(&self, submissions: Vec<Bytes>) -> Proposal {
        Proposal { time_ms: self.env.clock.now_ms(), submissions }
    }

    async fn propose(&self, submissions: Vec<Bytes>, deadline: Instant) -> Result<Vec<Outcome>, Attempt> {
        let sent = self.raft.client_write_ff(self.proposal(submissions)).await;
        let answer = sent.map_err(|error| Attempt::Unknown(self.stopped(error)))?;
        self.applied(answer, deadline).await
    }

    async fn applied(
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
    async fn deliver(&self, submissions: &[Bytes], deadline: Instant) -> Answers {
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

    pub(in crate::raft) fn unknown(&self, reason: impl ToString) -> Refusal {
        Refusal::new(
            Code::OutcomeUnknown,
            "no quorum confirmed the write, and it is not known whether it took effect: send the same request again",
            "",
            reason,
        )
    }

    pub(in crate::raft) fn stopped(&self, error: impl ToString) -> Refusal {
        match self.alive() {
            Err(refusal) => refusal,
            Ok(()) => Refusal::new(Code::ShuttingDown, "this node is stopping: ask another one", "", error),
        }
    }
}

enum Attempt {
    /// Certainly not taken by this attempt, or taken back.
    NotLeader,
    /// May have taken effect.
    Unknown(Refusal),
}

/// Groups what is queued into log entries until the node stops.
pub(in crate::raft) async fn batcher(inner: Arc<Inner>, mut queue: mpsc::Receiver<Queued>) {
    loop {
        let first = tokio::select! {
            biased;
            () = inner.stop.cancelled() => break,
            first = queue.recv() => first,
        };
        let Some(first) = first else { break };
        inner.admission.first_waits(Some(first.since));
        // While all proposals are in flight the queue fills, and the next entry carries more: group commit.
        let Ok(permit) = inner.inflight.clone().acquire_owned().await else { break };
        inner.admission.proposed(first.since.elapsed(), queue.len());
        let (mut bytes, mut last, mut next) = (0, first.since, Some(first));
        let mut batch: Vec<Queued> = Vec::new();
        while let Some(queued) = next {
            last = queued.since;
            if !queued.is_given_up() {
                bytes += queued.bytes.len();
                batch.push(queued);
            }
            let full = batch.len() >= inner.settings.max_batch || bytes >= inner.settings.max_batch_bytes;
            next = if full { None } else { queue.try_recv().ok() };
        }
        // The next in the queue came after the last that was taken.
        inner.admission.first_waits(Some(last).filter(|_| !queue.is_empty()));
        if batch.is_empty() {
            continue;
        }
        let submissions: Vec<Bytes> = batch.iter().map(|queued| queued.bytes.clone()).collect();
        let deadline = Instant::now() + inner.settings.request_timeout();
        // On the leader entries enter the log in queue order; the answer is awaited apart.
        let early = match inner.leads() {
            true => inner.raft.client_write_ff(inner.proposal(submissions)).await.ok(),
            false => None,
        };
        let inner = inner.clone();
        tokio::spawn(async move {
            let first = match early {
                Some(answer) => inner.applied(answer, deadline).await,
                None => Err(Attempt::NotLeader),
            };
            match first {
                Ok(outcomes) => answer(batch, Ok(outcomes)),
                Err(Attempt::Unknown(refusal)) => answer(batch, Err(refusal)),
                Err(Attempt::NotLeader) => {
                    let (theirs, ours): (Vec<_>, Vec<_>) =
                        batch.into_iter().partition(|queued| matches!(queued.from, From::Node));
                    answer(theirs, Err(inner.no_leader()));
                    if !ours.is_empty() {
                        let submissions: Vec<Bytes> = ours.iter().map(|queued| queued.bytes.clone()).collect();
                        let answers = inner.deliver(&submissions, deadline).await;
                        answer(ours, answers);
                    }
                }
            }
            drop(permit);
        });
    }
    queue.close();
    while let Some(queued) = queue.recv().await {
        let refusal = Refusal::new(Code::ShuttingDown, "this node is stopping: ask another one", "", "");
        let _ = queued.answer.send(Err(refusal));
    }
}

// A receiver that is gone gave up waiting; its submission is answered from the state when it asks again.
fn answer(batch: Vec<Queued>, answers: Answers) {
    match answers {
        Ok(outcomes) => {
            for (queued, outcome) in batch.into_iter().zip(outcomes) {
                let _ = queued.answer.send(Ok(outcome));
            }
        }
        Err(refusal) => {
            for queued in batch {
                let _ = queued.answer.send(Err(refusal.clone()));
            }
        }
    }
}

/// The refusal of a core that answered with an error to something else than a write.
pub(in crate::raft) fn core_error<E: std::error::Error>(inner: &Inner, error: RaftError<u64, E>) -> Refusal {
    match error {
        RaftError::APIError(error) => {
            Refusal::new(Code::NoLeader, "no leader with a quorum answers now: try again", "", error)
        }
        RaftError::Fatal(error) => inner.stopped(error),
    }
}
