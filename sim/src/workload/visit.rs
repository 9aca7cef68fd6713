//! The stay of a client that a fault brings into the world, and the honest steps on the way to what it comes for.

use super::chip::{Chip, arrive_command};
use super::session::{Seats, Session};
use crate::history::Answer;
use rand::Rng;
use selfsame_client::Actor;
use selfsame_machine::state::{HolderStatus, Migration, Phase, Substrate};
use selfsame_protocol::command::{CloseSession, Command, FencingToken, OpenSession};
use selfsame_protocol::p104::Outcome;
use selfsame_protocol::time::U64;
use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;

/// A client's stay in the world.
pub struct Visit {
    /// Makes its sessions.
    pub seats: Seats,
    /// Its host.
    pub name: String,
    /// Set when it must leave.
    pub stop: Rc<Cell<bool>>,
    /// How often it did what it came for.
    pub fired: Rc<Cell<u64>>,
}

/// What a client does.
pub type Play = fn(Visit) -> Pin<Box<dyn Future<Output = ()>>>;

impl Visit {
    /// A client on this host; the parts of one visit have different names.
    pub(super) fn sit(&self, part: &str) -> Session {
        self.seats.seat(format!("{}.{part}", self.name), &self.stop).sit()
    }

    pub(super) fn happened(&self) {
        self.fired.set(self.fired.get() + 1);
    }

    pub(super) async fn found(&self) -> Chip {
        let mut session = self.sit("a");
        let organisation = session.random.gen_range(0..self.seats.organisations);
        Chip::found(session, organisation).await
    }

    /// Two different nodes.
    pub(super) fn two(&self, session: &mut Session) -> (u64, u64) {
        let first = session.random.gen_range(1..=self.seats.nodes);
        (first, first % self.seats.nodes + 1)
    }
}

pub(super) fn may_migrate(state: &Substrate) -> bool {
    state.holder.status == HolderStatus::Active
        && state.phase == Phase::Closed
        && state.status == Some(Outcome::Verified)
        && state.last_close.is_some()
}

pub(super) fn next(state: &Substrate) -> FencingToken {
    FencingToken { epoch: state.holder.epoch, seq: U64(state.holder.seq.0 + 1) }
}

impl Chip {
    pub(super) fn stopped(&self) -> bool {
        self.session.stopped()
    }

    pub(super) fn wrong(&self, invariant: &'static str, what: String) {
        self.session.oracle.violated(invariant, format!("{}: {what}", self.session.name));
    }

    /// The chip that is active, by what was read.
    pub(super) fn holder(&self, state: &Substrate) -> Actor {
        let found = self.chips.iter().find(|chip| chip.key.public() == state.holder.key);
        found.unwrap_or(&self.chips[0]).clone()
    }

    pub(super) async fn send(
        &mut self,
        what: &'static str,
        chip: &Actor,
        fence: FencingToken,
        command: Command,
    ) -> Answer {
        let answer = self.session.submit(what, chip, command).await;
        if matches!(answer, Answer::Ok(_)) {
            self.acknowledged = self.acknowledged.max((fence.epoch.0, fence.seq.0));
        }
        answer
    }

    /// Brings the substrate into a session. `None` when the visit ends before.
    pub(super) async fn opened(&mut self) -> Option<Substrate> {
        while !self.stopped() {
            let Some(state) = self.read().await else {
                self.session.pause(200).await;
                continue;
            };
            match (state.holder.status, state.phase) {
                (HolderStatus::Active, Phase::Open) => return Some(state),
                (HolderStatus::Active, Phase::Closed) => {
                    let fence = next(&state);
                    let open = Command::OpenSession(OpenSession {
                        substrate_id: self.substrate.clone(),
                        fence,
                        continuity_hash: state.last_close.as_ref().map(|it| it.cross_session_identity_continuity_hash),
                        founding: None,
                        new_lineage: None,
                    });
                    let chip = self.holder(&state);
                    self.open(&chip, fence, open).await;
                }
                _ => self.session.pause(100).await,
            }
        }
        None
    }

    /// As [`Chip::opened`], with one more cycle: only a substrate with history is verified and may migrate.
    pub(super) async fn cycled(&mut self) -> Option<Substrate> {
        loop {
            let state = self.opened().await?;
            let (fence, chip) = (next(&state), self.holder(&state));
            let (_, cycle) = self.cycle(&state, fence);
            if matches!(self.send("cycle", &chip, fence, cycle).await, Answer::Ok(_))
                && let Some(state) = self.read().await
                && state.phase == Phase::Open
            {
                return Some(state);
            }
        }
    }

    /// Brings the substrate out of its session, so that it may migrate.
    pub(super) async fn closed(&mut self) -> Option<Substrate> {
        loop {
            let state = self.cycled().await?;
            let (fence, chip) = (next(&state), self.holder(&state));
            let close =
                Command::CloseSession(CloseSession { substrate_id: self.substrate.clone(), fence, head: state.head });
            if !matches!(self.send("close", &chip, fence, close).await, Answer::Ok(_)) {
                continue;
            }
            if let Some(state) = self.read().await.filter(may_migrate) {
                return Some(state);
            }
        }
    }

    /// As [`Chip::closed`], and as it is when nothing has to be done for it.
    pub(super) async fn ready(&mut self) -> Option<Substrate> {
        match self.read().await {
            Some(state) if may_migrate(&state) => Some(state),
            _ => self.closed().await,
        }
    }

    /// Seals the substrate for a migration to the other chip: the origin, the destination and the migration.
    pub(super) async fn sealed(&mut self) -> Option<(Actor, Actor, Migration)> {
        loop {
            let state = self.ready().await?;
            let (fence, origin) = (next(&state), self.holder(&state));
            let destination = usize::from(self.chips[0].id() == origin.id());
            let Some(seal) = self.seal(&state, fence, destination).await else { continue };
            if matches!(self.send("seal", &origin, fence, seal).await, Answer::Ok(_))
                && let Some(migration) = self.migration().await
            {
                return Some((origin, self.chips[destination].clone(), migration));
            }
        }
    }

    pub(super) async fn arrived(&mut self, migration: &Migration, chip: &Actor) -> bool {
        let command = arrive_command(migration, &self.substrate, chip);
        let answer = self.session.submit("arrive", chip, command).await;
        if matches!(answer, Answer::Ok(_)) {
            self.acknowledged = (migration.epoch.0 + 1, 0);
        }
        matches!(answer, Answer::Ok(_))
    }
}

impl Chip {
    /// The same substrate in the hands of another client.
    pub(super) fn resumed(session: Session, substrate: String, chips: [Actor; 2]) -> Chip {
        Chip { session, substrate, chips, acknowledged: (0, 0), cycles: 0, migrations: 0 }
    }

    pub(super) async fn migration(&mut self) -> Option<Migration> {
        while !self.stopped() {
            if let Some(state) = self.read().await {
                return state.migration;
            }
        }
        None
    }
}
