//! Wall clocks that go wrong, one for each node. Timers follow simulated time, which is never wrong.

use crate::time::{EPOCH_MS, SimTime};
use selfsame_env::Clock;
use std::sync::{Mutex, MutexGuard, PoisonError};

#[derive(Clone, Copy, Debug)]
struct Course {
    /// Simulated time of the last change, microseconds.
    since: u64,
    /// What the clock showed then, microseconds since 1970.
    shown: u64,
    /// Parts per million by which it runs too fast; negative is too slow.
    drift: i64,
    frozen: bool,
}

/// A wall clock that can be set, run fast or slow, and stop.
#[derive(Debug)]
pub struct NodeClock {
    time: SimTime,
    course: Mutex<Course>,
}

impl NodeClock {
    /// A true clock.
    pub fn new(time: SimTime) -> Self {
        let since = time.micros();
        let course = Course { since, shown: EPOCH_MS * 1_000 + since, drift: 0, frozen: false };
        Self { time, course: Mutex::new(course) }
    }

    fn lock(&self) -> MutexGuard<'_, Course> {
        self.course.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shown(&self, course: &Course) -> u64 {
        let passed = if course.frozen { 0 } else { self.time.micros().saturating_sub(course.since) };
        let gained = i128::from(passed) * i128::from(course.drift) / 1_000_000;
        let shown = i128::from(course.shown) + i128::from(passed) + gained;
        u64::try_from(shown.max(0)).unwrap_or(u64::MAX)
    }

    fn change(&self, change: impl FnOnce(&mut Course)) {
        let mut course = self.lock();
        course.shown = self.shown(&course);
        course.since = self.time.micros();
        change(&mut course);
    }

    /// Sets it forward or back.
    pub fn jump(&self, ms: i64) {
        self.change(|course| course.shown = course.shown.saturating_add_signed(ms.saturating_mul(1_000)));
    }

    /// Lets it run too fast (or, negative, too slow) by parts per million.
    pub fn drift(&self, parts_per_million: i64) {
        self.change(|course| course.drift = parts_per_million);
    }

    /// Stops it.
    pub fn freeze(&self) {
        self.change(|course| course.frozen = true);
    }

    /// Makes it true again.
    pub fn heal(&self) {
        let since = self.time.micros();
        *self.lock() = Course { since, shown: EPOCH_MS * 1_000 + since, drift: 0, frozen: false };
    }
}

impl Clock for NodeClock {
    fn now_ms(&self) -> u64 {
        self.shown(&self.lock()) / 1_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_jumps_drifts_freezes_and_heals() {
        let time = SimTime::default();
        let clock = NodeClock::new(time.clone());
        let shows = |micros: u64| {
            time.set(micros);
            clock.now_ms() as i64 - EPOCH_MS as i64
        };
        assert_eq!(shows(5_000_000), 5_000);
        clock.jump(-60_000);
        assert_eq!(shows(6_000_000), -54_000);
        clock.drift(10_000);
        assert_eq!(shows(106_000_000), -54_000 + 101_000);
        clock.freeze();
        assert_eq!(shows(200_000_000), 47_000);
        clock.heal();
        assert_eq!(shows(201_000_000), 201_000);
    }
}
