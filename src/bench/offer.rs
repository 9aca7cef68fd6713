//! An open loop: appends are offered by a clock, whether or not those before are answered.

use super::load::micros;
use super::report::{Failures, count};
use super::substrate::{self, items};
use selfsame_client::{ChipSession, Client};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

/// Time between two looks at the clock.
const TICK: Duration = Duration::from_millis(2);

/// A substrate that takes part, with one append under way at most: its order allows no more.
pub struct Slot {
    /// Its chip's place in it. What was offered last and is not acknowledged waits there: it is offered again, as it may
    /// have been taken.
    pub session: ChipSession,
    client: Client,
    /// Sequence number of the last acknowledged append; before the first, of the open session.
    pub acknowledged: u64,
}

/// What came of the offers.
#[derive(Debug, Default)]
pub struct Offered {
    /// Appends sent.
    pub sent: u64,
    /// Appends that were due while every slot had one under way: they were not sent.
    pub held_back: u64,
    /// Microseconds to the receipt of each append that was acknowledged while offers went on.
    pub acknowledged: Vec<u64>,
    /// Microseconds to each answer that is no receipt.
    pub refused: Vec<u64>,
    /// Those answers by code.
    pub failures: Failures,
    /// Answers with RESOURCE_EXHAUSTED.
    pub exhausted: u64,
    /// Of these, with the pause after which to try again.
    pub with_retry_info: u64,
    /// Receipts that came after the last offer.
    pub late: u64,
}

/// What all tasks share.
struct Shared {
    bytes: usize,
    until: Instant,
    idle: Mutex<Vec<Slot>>,
    seen: Mutex<Offered>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Slot {
    /// A slot of a substrate whose session is open.
    pub fn new(session: ChipSession, client: Client) -> Slot {
        let acknowledged = session.seq();
        Slot { session, client, acknowledged }
    }
}

async fn offer(shared: Arc<Shared>, mut slot: Slot) {
    let waiting = slot.session.unanswered().next().cloned();
    let envelope = waiting.unwrap_or_else(|| substrate::append(&mut slot.session, items(1, shared.bytes)));
    let begin = Instant::now();
    let answer = slot.client.submit_once(&envelope).await;
    let (now, taken) = (Instant::now(), micros(begin.elapsed()));
    {
        let mut seen = lock(&shared.seen);
        match answer {
            Ok(response) => {
                slot.session.accepted(&response);
                slot.acknowledged = slot.session.seq();
                if now < shared.until { seen.acknowledged.push(taken) } else { seen.late += 1 }
            }
            Err(error) => {
                seen.refused.push(taken);
                count(&mut seen.failures, &error.error);
                if error.exhausted {
                    seen.exhausted += 1;
                    seen.with_retry_info += u64::from(error.retry_after.is_some());
                }
            }
        }
    }
    lock(&shared.idle).push(slot);
}

/// How many offers are due after a time, at a rate per second.
fn due(rate: f64, after: Duration) -> u64 {
    (rate * after.as_secs_f64()) as u64
}

/// An open loop under way.
pub struct Offers {
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
}

impl Offers {
    /// Offers appends of one item of `bytes` at `rate` per second for a time; returns when the last was offered.
    pub async fn make(slots: Vec<Slot>, bytes: usize, rate: f64, time: Duration) -> Offers {
        let begin = Instant::now();
        let until = begin + time;
        let (idle, seen) = (Mutex::new(slots), Mutex::default());
        let shared = Arc::new(Shared { bytes, until, idle, seen });
        let (mut tasks, mut offered) = (JoinSet::new(), 0);
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        while Instant::now() < until {
            ticks.tick().await;
            let new = due(rate, begin.elapsed()).saturating_sub(offered);
            offered += new;
            // The ones that were idle longest are at the front: none is left out for good.
            let (some, missing) = {
                let mut idle = lock(&shared.idle);
                let some = usize::try_from(new).unwrap_or(usize::MAX).min(idle.len());
                (idle.drain(..some).collect::<Vec<_>>(), new - some as u64)
            };
            {
                let mut seen = lock(&shared.seen);
                seen.sent += some.len() as u64;
                seen.held_back += missing;
            }
            for slot in some {
                tasks.spawn(offer(shared.clone(), slot));
            }
            while tasks.try_join_next().is_some() {}
        }
        Offers { shared, tasks }
    }

    /// Waits for the answers that are missing, and gives back what came of it, and the slots.
    pub async fn end(mut self) -> (Offered, Vec<Slot>) {
        while self.tasks.join_next().await.is_some() {}
        (std::mem::take(&mut *lock(&self.shared.seen)), std::mem::take(&mut *lock(&self.shared.idle)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_follow_the_clock() {
        assert_eq!(due(2_000.0, Duration::from_millis(2)), 4);
        assert_eq!(due(0.5, Duration::from_secs(3)), 1);
        assert_eq!(due(1_000.0, Duration::ZERO), 0);
    }
}
