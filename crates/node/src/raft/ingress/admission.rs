//! Who may wait: as many submissions as will be answered in time.
//!
//! Whoever is refused early asks again when there is room. Whoever waits too long gives up, and what the cluster then
//! does for him nobody hears of. How many can be answered in time depends on the load and the machines, so the bound
//! follows what was seen: it shrinks by up to half with each log entry whose first submission waited too long, and grows
//! by an eighth with each whose did not while half of the room was in use. It begins low: a burst that meets a calm
//! cluster takes processor time from it, and fills a queue faster than anybody can see that it moves slowly now.

use crate::raft::settings::RaftSettings;
use selfsame_protocol::code::{Code, Refusal};
use std::fmt::Display;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// The refusal of one more than `most`; `what` is how there is too much.
pub(super) fn overloaded(what: &str, most: impl Display, found: impl ToString) -> Refusal {
    let sentence = format!("{what}: wait a moment, and send it again");
    Refusal::new(Code::Overloaded, &sentence, format!("at most {most}"), found)
}

/// Full log entries that may always wait.
const ENTRIES: usize = 4;

/// What the queue of a node takes.
pub(super) struct Admission {
    /// Longest time in the queue.
    target: Duration,
    /// Bounds of the bound: a few log entries, and the queue's size.
    least: usize,
    most: usize,
    /// Submissions that may wait now.
    bound: AtomicUsize,
    /// Since when the first in the queue waits.
    oldest: Mutex<Option<Instant>>,
}

impl Admission {
    pub fn new(settings: &RaftSettings) -> Self {
        let most = settings.queue.max(1);
        let least = settings.max_batch.saturating_mul(ENTRIES).clamp(1, most);
        Self {
            target: Duration::from_millis(settings.queue_wait_ms),
            least,
            most,
            bound: AtomicUsize::new(least),
            oldest: Mutex::default(),
        }
    }

    /// Whether one more may wait beside `waiting` others.
    pub fn check(&self, waiting: usize) -> Result<(), Refusal> {
        let oldest = *self.oldest.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = oldest.map_or(Duration::ZERO, |since| since.elapsed());
        if waited > self.target {
            let rule = "submissions wait too long in this node's queue, milliseconds";
            return Err(overloaded(rule, self.target.as_millis(), waited.as_millis()));
        }
        let bound = self.bound.load(Ordering::Relaxed);
        if waiting >= bound {
            let rule = "this node has too many submissions to answer in time";
            return Err(overloaded(rule, bound, waiting + 1));
        }
        Ok(())
    }

    /// The first in the queue waits since then; nobody waits when absent.
    pub(crate) fn first_waits(&self, since: Option<Instant>) {
        *self.oldest.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    /// A log entry is proposed whose first submission waited so long, while so many others wait.
    pub fn proposed(&self, waited: Duration, waiting: usize) {
        let bound = self.bound.load(Ordering::Relaxed);
        let next = match waited > self.target {
            true => bound / 2,
            false if waiting >= bound / 2 => bound.saturating_add(bound / 8 + 1),
            false => bound,
        };
        // One task proposes; whoever reads meanwhile has the one or the other.
        self.bound.store(next.clamp(self.least, self.most), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATE: Duration = Duration::from_millis(2_001);
    const SOON: Duration = Duration::from_millis(100);

    fn admission() -> Admission {
        let settings = RaftSettings { queue: 4_096, max_batch: 256, queue_wait_ms: 2_000, ..RaftSettings::default() };
        Admission::new(&settings)
    }

    #[test]
    fn more_may_wait_when_nobody_waits_long_and_fewer_when_somebody_does() {
        let admission = admission();
        admission.check(1_023).unwrap();
        assert_eq!(admission.check(1_024).unwrap_err().code, Code::Overloaded);
        admission.proposed(SOON, 511);
        assert!(admission.check(1_024).is_err(), "nobody needs more room");
        let grown = (1..20).find(|_| {
            admission.proposed(SOON, 4_000);
            admission.check(4_095).is_ok()
        });
        assert!(grown.is_some());
        assert!(admission.check(4_096).is_err(), "never more than the queue holds");
        admission.proposed(LATE, 4_000);
        admission.check(2_047).unwrap();
        let refusal = admission.check(2_048).unwrap_err();
        assert!(refusal.code.retryable() && refusal.to_string().contains("at most 2048"), "{refusal}");
        (0..20).for_each(|_| admission.proposed(LATE, 4_000));
        // Never so few that log entries cannot be filled.
        admission.check(1_023).unwrap();
        assert!(admission.check(1_024).is_err());
    }

    #[test]
    fn nobody_is_taken_while_the_first_waits_too_long() {
        let admission = admission();
        admission.first_waits(Instant::now().checked_sub(LATE));
        assert!(admission.check(1).unwrap_err().to_string().contains("milliseconds"));
        admission.first_waits(None);
        admission.check(1).unwrap();
    }
}
