//! Clients that misuse the protocol, or use it at the worst moment. Faults bring them into the world.
//!
//! Each counts only what truly happened: an attempt that nobody answered proves nothing.

use super::chip::{Chip, abort_command, arrive_command};
use super::{Seats, Session};
use crate::oracle::Answer;
use crate::random::key;
use rand::Rng;
use selfsame::actor::Actor;
use selfsame_machine::state::{HolderStatus, Migration, Phase, Substrate};
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{
    Append, CloseSession, Command, EnrolChip, FencingToken, Item, OpenSession, Proposal, Propose, RecoverClose, Role,
    Seal, Vote,
};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::Ledger;
use selfsame_protocol::p104::{Outcome, Technology};
use selfsame_protocol::response::CommandResult;
use selfsame_protocol::time::U64;
use serde_json::json;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

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

    async fn found(&self) -> Chip {
        let mut session = self.sit("a");
        let organisation = session.random.gen_range(0..self.seats.organisations);
        Chip::found(session, organisation).await
    }

    /// Two different nodes.
    fn two(&self, session: &mut Session) -> (u64, u64) {
        let first = session.random.gen_range(1..=self.seats.nodes);
        (first, first % self.seats.nodes + 1)
    }
}

fn may_migrate(state: &Substrate) -> bool {
    state.holder.status == HolderStatus::Active
        && state.phase == Phase::Closed
        && state.status == Some(Outcome::Verified)
        && state.last_close.is_some()
}

fn next(state: &Substrate) -> FencingToken {
    FencingToken { epoch: state.holder.epoch, seq: U64(state.holder.seq.0 + 1) }
}

impl Chip {
    fn stopped(&self) -> bool {
        self.session.stopped()
    }

    fn wrong(&self, invariant: &'static str, what: String) {
        self.session.oracle.violated(invariant, format!("{}: {what}", self.session.name));
    }

    /// The chip that is active, by what was read.
    fn holder(&self, state: &Substrate) -> Actor {
        let found = self.chips.iter().find(|chip| chip.key.public() == state.holder.key);
        found.unwrap_or(&self.chips[0]).clone()
    }

    async fn send(&mut self, what: &'static str, chip: &Actor, fence: FencingToken, command: Command) -> Answer {
        let answer = self.session.submit(what, chip, command).await;
        if matches!(answer, Answer::Ok(_)) {
            self.acknowledged = self.acknowledged.max((fence.epoch.0, fence.seq.0));
        }
        answer
    }

    /// Brings the substrate into a session. `None` when the visit ends before.
    async fn opened(&mut self) -> Option<Substrate> {
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
    async fn cycled(&mut self) -> Option<Substrate> {
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
    async fn closed(&mut self) -> Option<Substrate> {
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
    async fn ready(&mut self) -> Option<Substrate> {
        match self.read().await {
            Some(state) if may_migrate(&state) => Some(state),
            _ => self.closed().await,
        }
    }

    /// Seals the substrate for a migration to the other chip: the origin, the destination and the migration.
    async fn sealed(&mut self) -> Option<(Actor, Actor, Migration)> {
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

    async fn arrived(&mut self, migration: &Migration, chip: &Actor) -> bool {
        let command = arrive_command(migration, &self.substrate, chip);
        let answer = self.session.submit("arrive", chip, command).await;
        if matches!(answer, Answer::Ok(_)) {
            self.acknowledged = (migration.epoch.0 + 1, 0);
        }
        matches!(answer, Answer::Ok(_))
    }
}

/// Gives up on an answer soon after asking, and asks again: the append must have happened exactly once.
pub async fn retry_after_timeout(visit: Visit) {
    let mut chip = visit.found().await;
    while let Some(state) = chip.opened().await {
        let fence = next(&state);
        let append = Command::Append(Append { substrate_id: chip.substrate.clone(), fence, items: chip.items() });
        let holder = chip.holder(&state);
        let envelope = chip.session.sign(&holder, append);
        let patience = Duration::from_millis(chip.session.random.gen_range(1..80));
        let call = chip.session.oracle.invoked(&chip.session.name, "append", Digest::of(&envelope.to_bytes()));
        let early = tokio::time::timeout(patience, chip.session.client.submit(&envelope)).await;
        let lost = early.is_err();
        let answer = early.map_or(Answer::Unknown("gave up on it".into()), Answer::of);
        chip.session.oracle.answered(call, answer);
        match chip.session.insist("append", &envelope).await {
            Answer::Ok(_) => {
                chip.acknowledged = (fence.epoch.0, fence.seq.0);
                if let Some(after) = chip.read().await
                    && after.holder.seq != fence.seq
                {
                    chip.wrong("exactly_once", format!("one append moved {fence:?} to {}", after.holder.seq));
                }
                if lost {
                    visit.happened();
                }
            }
            Answer::Refused(code) => chip.wrong("exactly_once", format!("the only writer's append is refused: {code}")),
            Answer::Opened(_) | Answer::Unknown(_) => {}
        }
    }
}

/// Sends the same bytes to two nodes at once: both answers are the same.
pub async fn duplicate_in_flight(visit: Visit) {
    let mut chip = visit.found().await;
    while let Some(state) = chip.opened().await {
        let fence = next(&state);
        let append = Command::Append(Append { substrate_id: chip.substrate.clone(), fence, items: chip.items() });
        let holder = chip.holder(&state);
        let envelope = chip.session.sign(&holder, append);
        let (first, second) = visit.two(&mut chip.session);
        let (first, second) = (chip.session.at(first), chip.session.at(second));
        let session = &chip.session;
        let answers = tokio::join!(session.by(&first, "append", &envelope), session.by(&second, "append", &envelope));
        match answers {
            (Answer::Ok(_), Answer::Ok(_)) => visit.happened(),
            (Answer::Refused(code), Answer::Ok(_)) | (Answer::Ok(_), Answer::Refused(code)) => {
                chip.wrong("exactly_once", format!("one of two equal submissions is refused: {code}"));
            }
            _ => {}
        }
        chip.session.insist("append", &envelope).await;
    }
}

/// Several clients hold the same chip and write at once: of those who claim one sequence number, one succeeds.
pub async fn many_sessions(visit: Visit) {
    let mut chip = visit.found().await;
    let Some(_) = chip.opened().await else { return };
    let taken: Rc<RefCell<BTreeMap<(u64, u64), u64>>> = Rc::default();
    let parts = (0..4_u64).map(|part| {
        let session = visit.sit(&part.to_string());
        let (chips, substrate) = (chip.chips.clone(), chip.substrate.clone());
        let (taken, fired) = (taken.clone(), visit.fired.clone());
        tokio::task::spawn_local(async move {
            let mut own = Chip::resumed(session, substrate, chips);
            while let Some(state) = own.opened().await {
                let fence = next(&state);
                let append = Command::Append(Append { substrate_id: own.substrate.clone(), fence, items: own.items() });
                let holder = own.holder(&state);
                match own.send("append", &holder, fence, append).await {
                    Answer::Ok(_) => {
                        let before = taken.borrow_mut().insert((fence.epoch.0, fence.seq.0), part);
                        if let Some(other) = before {
                            own.wrong("one_writer", format!("{fence:?} was given to {other} and to {part}"));
                        }
                    }
                    Answer::Refused(_) if taken.borrow().is_empty() => {}
                    Answer::Refused(_) => fired.set(1),
                    Answer::Opened(_) | Answer::Unknown(_) => {}
                }
            }
        })
    });
    for part in parts.collect::<Vec<_>>() {
        let _ = part.await;
    }
}

/// Leaves a session open and goes away; the operator closes it, and what the chip still sends is refused.
pub async fn abandoned_session(visit: Visit) {
    let mut session = visit.sit("a");
    // The last organisation's operator may lose its key.
    let organisation = session.random.gen_range(0..visit.seats.organisations - 1);
    let operator = session.operator(organisation);
    let mut chip = Chip::found(session, organisation).await;
    while let Some(state) = chip.opened().await {
        let holder = chip.holder(&state);
        chip.session.pause(500).await;
        let recover = Command::RecoverClose(RecoverClose { substrate_id: chip.substrate.clone() });
        if !matches!(chip.session.submit("recover", &operator, recover).await, Answer::Ok(_)) {
            continue;
        }
        let append =
            Command::Append(Append { substrate_id: chip.substrate.clone(), fence: next(&state), items: chip.items() });
        match chip.session.submit("append", &holder, append).await {
            Answer::Refused(Code::SessionNotOpen) => visit.happened(),
            Answer::Unknown(_) => {}
            other => chip.wrong("recovered", format!("an append after the recovered close: {other:?}")),
        }
    }
}

/// A client whose clock is years wrong: its substrate lives like any other.
pub async fn wrong_clock(visit: Visit) {
    let mut session = visit.sit("a");
    let years = [-30, -1, 1, 60][session.random.gen_range(0..4)];
    session.clock_ms = years * 365 * 86_400_000;
    let organisation = session.random.gen_range(0..visit.seats.organisations);
    let mut chip = Chip::found(session, organisation).await;
    while let Some(state) = chip.closed().await {
        visit.happened();
        if state.status != Some(Outcome::Verified) {
            chip.wrong("wrong_clock", format!("a client's clock changed an outcome: {:?}", state.status));
        }
    }
}

/// Follows a ledger, reads nothing for a long time while much is written, and then reads on: nothing is missing.
pub async fn slow_reader(visit: Visit) {
    let mut chip = visit.found().await;
    let mut from = 0;
    while let Some(state) = chip.opened().await {
        let Ok(mut tail) = chip.session.client.tail(Ledger::Evidence, from, true).await else { continue };
        match tail.message().await {
            Ok(Some(first)) if first.index == from => {}
            Ok(Some(first)) => return chip.wrong("tail", format!("from entry {from}, found {}", first.index)),
            Ok(None) | Err(_) => continue,
        }
        from += 1;
        // More than the windows of the stream hold.
        let items = (0..20).map(|n| Item {
            ledger: Ledger::Evidence,
            data: json!({"n": n, "text": "y".repeat(20_000)}),
            evidence: Vec::new(),
            runs: Vec::new(),
        });
        let fence = next(&state);
        let append = Command::Append(Append { substrate_id: chip.substrate.clone(), fence, items: items.collect() });
        let holder = chip.holder(&state);
        chip.send("append", &holder, fence, append).await;
        let stall = chip.session.random.gen_range(500..3_000);
        tokio::time::sleep(Duration::from_millis(stall)).await;
        let mut read = 0_u64;
        while let Ok(Ok(Some(next))) = tokio::time::timeout(Duration::from_millis(300), tail.message()).await {
            if next.index != from {
                chip.wrong("tail", format!("entry {from} comes next, found {}", next.index));
                return;
            }
            from += 1;
            read += 1;
        }
        if read > 0 {
            visit.happened();
        }
    }
}

/// Two operators want the substrate elsewhere at once, by two seals of the chip or by two ballots: one migration begins.
pub async fn two_migrations(visit: Visit) {
    let mut chip = visit.found().await;
    let third = chip.session.actor(Role::Chip, key(chip.session.seed, &format!("chip/{}/c", visit.name)));
    let root = chip.session.root(0);
    let enrol = Command::EnrolChip(EnrolChip { chip: third.key.public(), technology: Technology::Software });
    chip.session.submit("enrol", &root, enrol).await;
    for round in 0.. {
        let Some(state) = chip.closed().await else { return };
        let holder = chip.holder(&state);
        let other = chip.chips.iter().find(|it| it.id() != holder.id()).unwrap_or(&chip.chips[1]).clone();
        let wanted = [other, third.clone()];
        let ballots = chip.session.random.gen_bool(0.5);
        let won = if ballots {
            two_ballots(&visit, &mut chip, &wanted, round).await
        } else {
            two_seals(&visit, &mut chip, &state, &holder, &wanted, round).await
        };
        // A ballot may seal anew what another sealed: the later one counts.
        if won > 1 && !ballots {
            chip.wrong("one_migration", format!("{won} migrations began at once"));
        }
        let Some(migration) = chip.migration().await else { continue };
        for chosen in &wanted {
            let destined = chosen.id() == migration.destination;
            let arrived = chip.arrived(&migration, chosen).await;
            if arrived && !destined {
                chip.wrong("one_migration", format!("{} arrived and is not the destination", chosen.id()));
            }
            if arrived && won > 0 {
                visit.happened();
            }
        }
        // The third chip is not one that this client writes with.
        if migration.destination == third.id() {
            return;
        }
    }
}

impl Chip {
    /// The same substrate in the hands of another client.
    fn resumed(session: Session, substrate: String, chips: [Actor; 2]) -> Chip {
        Chip { session, substrate, chips, acknowledged: (0, 0), cycles: 0, migrations: 0 }
    }

    async fn migration(&mut self) -> Option<Migration> {
        while !self.stopped() {
            if let Some(state) = self.read().await {
                return state.migration;
            }
        }
        None
    }
}

async fn two_seals(
    visit: &Visit,
    chip: &mut Chip,
    state: &Substrate,
    holder: &Actor,
    wanted: &[Actor; 2],
    round: u64,
) -> u64 {
    let fence = next(state);
    let Some(seal) = chip.seal(state, fence, 0).await else { return 0 };
    let (first, second) = visit.two(&mut chip.session);
    let mut envelopes = Vec::new();
    for (letter, to) in ["a", "b"].iter().zip(wanted) {
        let mut seal = seal.clone();
        if let Command::Seal(Seal { destination, migration_id, .. }) = &mut seal {
            (*destination, *migration_id) = (to.id(), format!("two/{round}/{letter}"));
        }
        envelopes.push(chip.session.sign(holder, seal));
    }
    let (first, second) = (chip.session.at(first), chip.session.at(second));
    let session = &chip.session;
    tokio::join!(session.by(&first, "seal", &envelopes[0]), session.by(&second, "seal", &envelopes[1]));
    let mut won = 0;
    for envelope in &envelopes {
        won += u64::from(matches!(chip.session.insist("seal", envelope).await, Answer::Ok(_)));
    }
    won
}

async fn two_ballots(visit: &Visit, chip: &mut Chip, wanted: &[Actor; 2], round: u64) -> u64 {
    let mut tasks = Vec::new();
    for (letter, to) in ["a", "b"].iter().zip(wanted) {
        let mut session = visit.sit(&format!("{letter}{round}"));
        let id = format!("{}/{round}/{letter}", visit.name);
        let proposal = Proposal::ForceSeal {
            substrate_id: chip.substrate.clone(),
            migration_id: format!("ballot/{round}/{letter}"),
            destination: to.id(),
            reason: "The chip is lost.".into(),
        };
        let organisations = visit.seats.organisations;
        tasks.push(tokio::task::spawn_local(async move {
            let Some(ballot) = session.about(&id, &proposal).await else { return false };
            let propose = Command::Propose(Propose { proposal_id: id.clone(), proposal });
            let root = session.root(0);
            session.submit("propose", &root, propose).await;
            let mut decided = false;
            for organisation in 1..organisations {
                let root = session.root(organisation);
                let vote = Command::Vote(Vote { proposal_id: id.clone(), ballot, approve: true });
                if let Answer::Ok(receipt) = session.submit("vote", &root, vote).await {
                    decided |= matches!(receipt.result, CommandResult::BallotCounted(ballot) if ballot.carried());
                }
            }
            decided
        }));
    }
    let mut won = 0;
    for task in tasks {
        won += u64::from(task.await.unwrap_or(false));
    }
    won
}

/// The origin takes a migration back while the destination arrives: exactly one of them becomes active.
pub async fn abort_and_arrive(visit: Visit) {
    let mut chip = visit.found().await;
    while let Some((origin, arriving, migration)) = chip.sealed().await {
        let abort = chip.session.sign(&origin, abort_command(&migration, &chip.substrate, &origin));
        let arrive = chip.session.sign(&arriving, arrive_command(&migration, &chip.substrate, &arriving));
        let (first, second) = visit.two(&mut chip.session);
        let (first, second) = (chip.session.at(first), chip.session.at(second));
        let session = &chip.session;
        tokio::join!(session.by(&first, "abort", &abort), session.by(&second, "arrive", &arrive));
        let aborted = chip.session.insist("abort", &abort).await;
        let arrived = chip.session.insist("arrive", &arrive).await;
        match (&aborted, &arrived) {
            (Answer::Ok(_), Answer::Refused(_)) | (Answer::Refused(_), Answer::Ok(_)) => {
                chip.acknowledged = (migration.epoch.0 + 1, 0);
                visit.happened();
            }
            (Answer::Unknown(_), _) | (_, Answer::Unknown(_)) => {}
            _ => chip.wrong("abort_or_arrive", format!("abort: {aborted:?}, arrive: {arrived:?}")),
        }
    }
}

/// Migrates to itself (refused), to another chip, and back: what the first activation left unsaid stays unsaid.
pub async fn there_and_back(visit: Visit) {
    let mut chip = visit.found().await;
    while let Some(state) = chip.ready().await {
        let home = chip.holder(&state);
        let here = usize::from(chip.chips[1].id() == home.id());
        let fence = next(&state);
        // The activation that ends now; its next write is signed and kept for later.
        let late = Command::Append(Append { substrate_id: chip.substrate.clone(), fence, items: chip.items() });
        if let Some(seal) = chip.seal(&state, fence, here).await {
            match chip.session.submit("seal", &home, seal).await {
                Answer::Refused(Code::WrongDestination) | Answer::Unknown(_) => {}
                other => chip.wrong("to_itself", format!("a migration to the active chip itself: {other:?}")),
            }
        }
        for _ in ["there", "back"] {
            let Some((_, arriving, migration)) = chip.sealed().await else { return };
            if !chip.arrived(&migration, &arriving).await {
                return;
            }
        }
        match chip.session.submit("append", &home, late).await {
            Answer::Refused(Code::ChipInvalidated | Code::StaleEpoch) => visit.happened(),
            Answer::Unknown(_) => {}
            other => chip.wrong("fence_by_tenure", format!("an append of an ended activation: {other:?}")),
        }
    }
}

/// Takes snapshots on every node while the substrate is sealed, and then arrives.
pub async fn snapshot_while_migrating(visit: Visit) {
    let mut chip = visit.found().await;
    while let Some((_, arriving, migration)) = chip.sealed().await {
        let mut taken = 0;
        for node in 1..=visit.seats.nodes {
            let client = chip.session.at(node).with_patience(Duration::from_secs(1), Duration::ZERO);
            taken += u64::from(client.snapshot().await.is_ok());
        }
        // Snapshots are written after the answer; the arrival may be in them or not.
        chip.session.pause(300).await;
        if chip.arrived(&migration, &arriving).await && taken > 0 {
            visit.happened();
        }
    }
}
