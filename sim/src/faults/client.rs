//! Clients that misuse the protocol, or use it at the worst moment.

use super::kind::{Fault, Kind};
use crate::workload::{Callers, Play, Visit, guests, movers};
use crate::world::World;
use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

/// Long enough for a substrate's birth, sessions and migrations in a world that breaks.
const STAY_MS: (u64, u64) = (5_000, 10_000);

macro_rules! guest {
    ($(#[$doc:meta])* $constant:ident, $name:literal, $play:path) => {
        $(#[$doc])*
        pub const $constant: Kind = Kind {
            name: $name,
            most: 1,
            for_ms: STAY_MS,
            draw: |_, _| Box::new(Guest::new($name, |visit| Box::pin($play(visit)))),
        };
    };
}

guest! {
    /// A retry after a timeout, with unknown outcome.
    C1, "C1_retry_unknown", guests::retry_after_timeout
}
guest! {
    /// The same submission under way to two nodes at once.
    C2, "C2_duplicate_in_flight", guests::duplicate_in_flight
}
guest! {
    /// Many clients write for one substrate.
    C3, "C3_many_sessions", guests::many_sessions
}
guest! {
    /// A session is abandoned and closed by the operator.
    C4, "C4_abandoned_session", guests::abandoned_session
}
guest! {
    /// A client's clock is years wrong.
    C5, "C5_client_clock", guests::wrong_clock
}
guest! {
    /// A reader of a stream stalls.
    C6, "C6_slow_reader", guests::slow_reader
}
guest! {
    /// Two migrations are begun at once.
    C7, "C7_two_migrations", movers::two_migrations
}
guest! {
    /// An abort races with an arrival.
    C8, "C8_abort_arrive", movers::abort_and_arrive
}
guest! {
    /// A migration to itself, to another chip, and back.
    C9, "C9_there_and_back", movers::there_and_back
}
guest! {
    /// Snapshots are taken while a substrate is sealed.
    G4, "G4_snapshot_migrating", movers::snapshot_while_migrating
}

/// A client that comes into the world and leaves it again.
pub(super) struct Guest {
    kind: &'static str,
    play: Play,
    stop: Rc<Cell<bool>>,
    fired: Rc<Cell<u64>>,
}

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind)
    }
}

impl Guest {
    pub(super) fn new(kind: &'static str, play: Play) -> Guest {
        Guest { kind, play, stop: Rc::default(), fired: Rc::default() }
    }
}

impl Fault for Guest {
    fn kind(&self) -> &'static str {
        self.kind
    }
    fn begin(&mut self, world: &mut World) -> bool {
        let callers = Callers::of(world);
        let name = world.guest_name();
        let visit = Visit { callers, name: name.clone(), stop: self.stop.clone(), fired: self.fired.clone() };
        let playing = (self.play)(visit);
        world.client(&name, async move {
            playing.await;
            Ok(())
        });
        true
    }
    fn end(&mut self, _world: &mut World) {
        self.stop.set(true);
    }
    fn fired(&self) -> u64 {
        self.fired.get()
    }
}
