//! The queue of a node: what is checked at the door waits here, within bounds, for its log entry.

use super::admission::{Admission, overloaded};
use crate::raft::core::Core;
use bytes::Bytes;
use selfsame_machine::Outcome;
use selfsame_protocol::code::{Code, Refusal};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit, mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};

/// One submission on its way.
pub(in crate::raft) struct Queued {
    pub(super) bytes: Bytes,
    pub(super) since: Instant,
    pub(super) answer: oneshot::Sender<Result<Outcome, Refusal>>,
    pub(super) from: Waiter,
}

impl Queued {
    /// Whether its author does not wait any more: what was never proposed need not be.
    pub(super) fn is_given_up(&self) -> bool {
        self.answer.is_closed()
    }
}

/// Who waits for the answer.
pub(super) enum Waiter {
    /// A client of this node. Its share of the queue's bytes comes back with the answer.
    Client { _room: OwnedSemaphorePermit },
    /// A node that took this one for the leader.
    Node,
}

pub(super) type Answers = Result<Vec<Outcome>, Refusal>;
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

/// The way of submissions into the log.
pub(in crate::raft) struct Ingress {
    pub(super) core: Arc<Core>,
    queue: mpsc::Sender<Queued>,
    pub(super) admission: Admission,
    /// Bytes that may wait or be in flight.
    room: Arc<Semaphore>,
    /// Log entries that may be proposed and not yet answered.
    pub(super) inflight: Arc<Semaphore>,
}

impl Ingress {
    /// The queue, and its end from which log entries are made.
    pub(in crate::raft) fn new(core: Arc<Core>) -> (Self, mpsc::Receiver<Queued>) {
        let settings = &core.settings;
        let (queue, queued) = mpsc::channel(settings.queue);
        let admission = Admission::new(settings);
        let room = Arc::new(Semaphore::new(settings.queue_bytes));
        let inflight = Arc::new(Semaphore::new(settings.max_inflight));
        (Self { core, queue, admission, room, inflight }, queued)
    }

    /// Waits until nothing is proposed and not yet answered; nothing is proposed while the permit is held.
    pub(in crate::raft) async fn drained(&self) -> Result<SemaphorePermit<'_>, Refusal> {
        let settings = &self.core.settings;
        let all = u32::try_from(settings.max_inflight).unwrap_or(u32::MAX);
        match timeout(settings.request_timeout(), self.inflight.acquire_many(all)).await {
            Ok(Ok(drained)) => Ok(drained),
            Ok(Err(_)) | Err(_) => Err(self.core.unknown("proposals did not drain")),
        }
    }

    /// Checks envelopes and queues those that pass; answers all when the last is answered. Whether there is room is
    /// asked first: a node that has more to do than it can must not spend its time on signatures of what it refuses.
    pub(in crate::raft) async fn submit_many(&self, envelopes: Vec<Bytes>) -> Answers {
        self.core.alive()?;
        self.admits()?;
        let (mut outcomes, waiting) = self.enqueue(envelopes)?;
        let deadline = Instant::now() + self.core.settings.request_timeout() * 2;
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
    fn admits(&self) -> Result<(), Refusal> {
        self.admission.check(self.core.settings.queue.saturating_sub(self.queue.capacity()))
    }

    /// The refusals that need no log entry, in order, with a gap for each submission that was queued, and the answers
    /// that are to fill the gaps.
    fn enqueue(&self, envelopes: Vec<Bytes>) -> Result<(Vec<Option<Outcome>>, Vec<Answer>), Refusal> {
        let count = envelopes.len();
        let bytes: usize = envelopes.iter().map(Bytes::len).sum();
        let full = || {
            overloaded(
                "the submissions in this node's queue have too many bytes",
                self.core.settings.queue_bytes,
                bytes,
            )
        };
        let mut rooms = Vec::with_capacity(count);
        for bytes in &envelopes {
            let len = u32::try_from(bytes.len()).map_err(|_| full())?;
            rooms.push(self.room.clone().try_acquire_many_owned(len).map_err(|_| full())?);
        }
        let places = self.queue.try_reserve_many(count);
        let mut places = places.map_err(|_| {
            overloaded("too many submissions are in this node's queue", self.core.settings.queue, count)
        })?;
        let prepare = || self.core.shared.preparer.prepare(&envelopes);
        // A few signatures take less time than to move the other tasks of this thread elsewhere.
        let prepared = if count <= INLINE { prepare() } else { self.core.env.executor.here(prepare) };
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
        self.core.shared.preparer.keep(keep);
        let mut waiting = Vec::with_capacity(passed.len());
        let since = Instant::now();
        for ((bytes, room), place) in passed.into_iter().zip(&mut places) {
            let (answer, receiver) = oneshot::channel();
            place.send(Queued { bytes, since, answer, from: Waiter::Client { _room: room } });
            waiting.push(receiver);
        }
        Ok((outcomes, waiting))
    }

    /// Takes what another node forwarded into this node's own log entries. Never forwards again: two nodes that each
    /// take the other for the leader must not play ball. The queue is waited for: nodes have few batches under way.
    pub(in crate::raft) async fn submit_forwarded(&self, submissions: Vec<Bytes>) -> Answers {
        self.core.alive()?;
        if !self.core.leads() {
            return Err(self.core.no_leader());
        }
        let deadline = Instant::now() + self.core.settings.request_timeout();
        let mut waiting = Vec::with_capacity(submissions.len());
        for bytes in submissions {
            let place = timeout_at(deadline, self.queue.reserve()).await.map_err(|_| late())?;
            let place = place.map_err(|_| self.core.no_leader())?;
            let (answer, receiver) = oneshot::channel();
            place.send(Queued { bytes, since: Instant::now(), answer, from: Waiter::Node });
            waiting.push(receiver);
        }
        let mut outcomes = Vec::with_capacity(waiting.len());
        let mut metrics = self.core.raft.metrics();
        for answer in waiting {
            let answer = tokio::select! {
                biased;
                answer = timeout_at(deadline, answer) => answer,
                // What waits here may wait for what waits at the new leader, which may wait for this. The node that
                // asked tries again; whether this one is still taken is not known.
                _ = metrics.wait_for(|metrics| metrics.current_leader != Some(self.core.id)) => {
                    return Err(self.core.unknown("the leadership moved"));
                }
            };
            outcomes.push(answer.map_err(|_| late())?.map_err(|_| late())??);
        }
        Ok(outcomes)
    }
}
