//! The stay of a client that a fault brings into the world, and the honest steps on the way to what it comes for.

use super::caller::{Caller, Callers};
use super::chip::Chip;
use crate::history::Answer;
use rand::Rng;
use selfsame_client::{ChipSession, HolderStatus, Migration, Phase, Signer, Substrate};
use selfsame_protocol::command::FencingToken;
use selfsame_protocol::envelope::Envelope;
use selfsame_protocol::names::SubstrateId;
use selfsame_protocol::p104::Outcome;
use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;

/// A client's stay in the world.
pub struct Visit {
    /// Makes its sessions.
    pub callers: Callers,
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
    pub(super) fn caller(&self, part: &str) -> Caller {
        self.callers.spec(format!("{}.{part}", self.name), &self.stop).start()
    }

    pub(super) fn happened(&self) {
        self.fired.set(self.fired.get() + 1);
    }

    pub(super) async fn found(&self) -> Chip {
        let mut caller = self.caller("a");
        let organisation = caller.random.gen_range(0..self.callers.organisations);
        Chip::found(caller, organisation).await
    }

    /// Two different nodes.
    pub(super) fn two(&self, caller: &mut Caller) -> (u64, u64) {
        let first = caller.random.gen_range(1..=self.callers.nodes);
        (first, first % self.callers.nodes + 1)
    }
}

pub(super) fn may_migrate(state: &Substrate) -> bool {
    state.holder.status == HolderStatus::Active
        && state.phase == Phase::Closed
        && state.status == Some(Outcome::Verified)
        && state.last_close.is_some()
}

impl Chip {
    pub(super) fn stopped(&self) -> bool {
        self.caller.stopped()
    }

    pub(super) fn wrong(&self, invariant: &'static str, what: String) {
        self.caller.oracle.violated(invariant, format!("{}: {what}", self.caller.name));
    }

    /// The chip that is active, by what was read.
    pub(super) fn holder(&self, state: &Substrate) -> Signer {
        let found = self.chips.iter().find(|chip| chip.key.public() == state.holder.key);
        found.unwrap_or(&self.chips[0]).clone()
    }

    /// The active chip's place, by what was read.
    pub(super) fn writer(&mut self, state: &Substrate) -> ChipSession {
        let holder = self.holder(state);
        self.caller.writer(&holder, state)
    }

    /// Submits what was signed under a token, until the answer is known.
    pub(super) async fn send(&mut self, what: &'static str, token: FencingToken, envelope: &Envelope) -> Answer {
        let answer = self.caller.insist(what, envelope).await;
        if matches!(answer, Answer::Ok(_)) {
            self.acknowledged = self.acknowledged.max((token.epoch.0, token.seq.0));
        }
        answer
    }

    /// Brings the substrate into a caller. `None` when the visit ends before.
    pub(super) async fn opened(&mut self) -> Option<Substrate> {
        while !self.stopped() {
            let Some(state) = self.read().await else {
                self.caller.pause(200).await;
                continue;
            };
            match (state.holder.status, state.phase) {
                (HolderStatus::Active, Phase::Open) => return Some(state),
                (HolderStatus::Active, Phase::Closed) => {
                    let mut writer = self.writer(&state);
                    self.open(&mut writer).await;
                }
                _ => self.caller.pause(100).await,
            }
        }
        None
    }

    /// As [`Chip::opened`], with one more cycle: only a substrate with history is verified and may migrate.
    pub(super) async fn cycled(&mut self) -> Option<Substrate> {
        loop {
            let state = self.opened().await?;
            let mut writer = self.writer(&state);
            let (token, cycle) = (writer.next_token(), self.cycle(&mut writer));
            if matches!(self.send("cycle", token, &cycle).await, Answer::Ok(_))
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
            let mut writer = self.writer(&state);
            let (token, close) = (writer.next_token(), writer.sign_close());
            if !matches!(self.send("close", token, &close).await, Answer::Ok(_)) {
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
    pub(super) async fn sealed(&mut self) -> Option<(Signer, Signer, Migration)> {
        loop {
            let state = self.ready().await?;
            let origin = self.holder(&state);
            let destination = usize::from(self.chips[0].id() == origin.id());
            let Some(sealing) = self.sealing(destination).await else { continue };
            let mut writer = self.caller.writer(&origin, &state);
            let token = writer.next_token();
            let Some(seal) = writer.sign_seal(sealing) else { continue };
            if matches!(self.send("seal", token, &seal).await, Answer::Ok(_))
                && let Some(migration) = self.migration().await
            {
                return Some((origin, self.chips[destination].clone(), migration));
            }
        }
    }

    pub(super) async fn arrived(&mut self, migration: &Migration, chip: &Signer) -> bool {
        let envelope = self.arrival_at(migration, chip);
        let answer = self.caller.insist("arrive", &envelope).await;
        if matches!(answer, Answer::Ok(_)) {
            self.acknowledged = (migration.epoch.0 + 1, 0);
        }
        matches!(answer, Answer::Ok(_))
    }
}

impl Chip {
    /// The same substrate in the hands of another client.
    pub(super) fn resumed(caller: Caller, substrate: SubstrateId, chips: [Signer; 2]) -> Chip {
        Chip { caller, substrate, chips, acknowledged: (0, 0), cycles: 0, migrations: 0 }
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
