//! A client that holds two chips and one substrate: birth, sessions, appends, cycles, closes and migrations.
//!
//! It reads the substrate's state before each step, so every step also checks that reads are linearizable: nothing that
//! was acknowledged to this client may be missing from what it reads afterwards.

use super::caller::Caller;
use crate::history::Answer;
use crate::invariants::g16_served;
use crate::random::{key, uuid};
use rand::Rng;
use selfsame_client::{Activation, Birth, ChipSession, HolderStatus, Migration, Phase, Sealing, Signer, Substrate};
use selfsame_protocol::bundle::Reader;
use selfsame_protocol::command::{Command, EnrolChip, GoalVector, Item, Role};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::envelope::Envelope;
use selfsame_protocol::ledger::{Ledger, PerLedger};
use selfsame_protocol::names::SubstrateId;
use selfsame_protocol::p104::{Outcome, Technology};
use serde_json::json;

pub(super) struct Chip {
    pub(super) caller: Caller,
    pub(super) substrate: SubstrateId,
    pub(super) chips: [Signer; 2],
    /// Epoch and sequence number of the last acknowledged write. No read may show less.
    pub(super) acknowledged: (u64, u64),
    pub(super) cycles: u64,
    pub(super) migrations: u64,
}

/// Works until the world stops.
pub async fn run(caller: Caller, organisation: u64) -> turmoil::Result {
    let mut chip = Chip::found(caller, organisation).await;
    chip.caller.oracle.minds(&chip.substrate);
    while !chip.caller.stopped() {
        chip.caller.pause(200).await;
        if let Some(state) = chip.read().await {
            chip.step(state).await;
        }
    }
    chip.finish().await;
    Ok(())
}

async fn found(mut caller: Caller, organisation: u64) -> Chip {
    let substrate = uuid(&mut caller.random);
    let chips = ["a", "b"].map(|letter| {
        let key = key(caller.seed, &format!("chip/{}/{letter}", caller.name));
        caller.actor(Role::Chip, key)
    });
    let root = caller.root(organisation);
    for chip in &chips {
        let enrol = Command::EnrolChip(EnrolChip { chip: chip.key.public(), technology: Technology::Software });
        caller.submit("enrol", &root, enrol).await;
    }
    let mut chip = Chip { caller, substrate, chips, acknowledged: (0, 0), cycles: 0, migrations: 0 };
    chip.birth().await;
    chip
}

impl Chip {
    /// Enrols two chips and lets a substrate be born on the first.
    pub(super) async fn found(caller: Caller, organisation: u64) -> Chip {
        found(caller, organisation).await
    }

    async fn birth(&mut self) {
        let founding = json!({
            "record_type": "founding_incompatibility",
            "branch_a": {"claim": "Every append is answered at once.", "of": self.substrate},
            "branch_b": {"claim": "No append is answered before a quorum holds it."},
        });
        let birth = Birth::new(founding, self.caller.now());
        let envelope = self.caller.newcomer(&self.chips[0].clone(), &self.substrate).sign_birth(birth);
        let answer = self.caller.insist("birth", &envelope).await;
        self.believes(0, matches!(answer, Answer::Ok(_)));
    }

    /// A birth of another substrate by a clock that is so far from the ledger's: it is refused.
    pub(super) async fn dated(&mut self, clock_ms: i64) {
        let right = std::mem::replace(&mut self.caller.clock_ms, clock_ms);
        let id = uuid(&mut self.caller.random);
        let founding = json!({"branch_a": {"claim": "It is now."}, "branch_b": {"claim": "It was then.", "of": id}});
        let birth = Birth::new(founding, self.caller.now());
        let envelope = self.caller.newcomer(&self.chips[0].clone(), &id).sign_birth(birth);
        let answer = self.caller.insist("birth", &envelope).await;
        if matches!(answer, Answer::Ok(_)) {
            self.wrong("wrong_clock", format!("a birth was dated {clock_ms} ms from now"));
        }
        self.caller.clock_ms = right;
    }

    /// Notes whether one of the chips believes itself active.
    fn believes(&self, chip: usize, active: bool) {
        self.caller.oracle.believes(&self.substrate, ["a", "b"][chip], active);
    }

    /// Ends a migration under way: nobody leaves a substrate sealed.
    async fn finish(&mut self) {
        loop {
            match self.read().await {
                Some(state) if state.holder.status == HolderStatus::Sealed => {
                    let active = self.chips.iter().position(|chip| chip.key.public() == state.holder.key).unwrap_or(0);
                    self.arrive(&state, active).await;
                }
                Some(_) => return,
                None => {}
            }
            self.caller.pause(200).await;
        }
    }

    pub(super) async fn read(&mut self) -> Option<Substrate> {
        let floor = self.acknowledged;
        let invoked = self.caller.oracle.now_ms();
        let state = self.caller.client.substrate(&self.substrate).await.ok()?;
        let seen = (state.holder.epoch.0, state.holder.seq.0);
        self.caller.oracle.read(&self.caller.name, &self.substrate, invoked, Some(seen));
        if seen < floor {
            let text =
                format!("{} read epoch and sequence {seen:?} after {floor:?} was acknowledged", self.caller.name);
            self.caller.oracle.violated("G12 linearizable_read", text);
        }
        Some(state)
    }

    async fn step(&mut self, state: Substrate) {
        let active = self.chips.iter().position(|chip| chip.key.public() == state.holder.key).unwrap_or(0);
        let chip = self.chips[active].clone();
        if state.holder.status == HolderStatus::Sealed {
            return self.arrive(&state, active).await;
        }
        let mut writer = self.caller.writer(&chip, &state);
        let token = writer.next_token();
        let dice = self.caller.random.gen_range(0..100);
        let (what, envelope) = match state.phase {
            // The verdicts of a quorum are under way.
            Phase::Verifying => return self.caller.pause(300).await,
            Phase::Closed if dice < 30 && state.status == Some(Outcome::Verified) && state.last_close.is_some() => {
                let Some(sealing) = self.sealing(1 - active).await else { return };
                match writer.sign_seal(sealing) {
                    Some(envelope) => ("seal", envelope),
                    None => return,
                }
            }
            Phase::Closed => return self.open(&mut writer).await,
            Phase::Open if dice < 65 => ("append", writer.sign_append(self.items())),
            Phase::Open if dice < 85 => ("cycle", self.cycle(&mut writer)),
            Phase::Open => ("close", writer.sign_close()),
        };
        if what == "seal" {
            self.believes(active, false);
        }
        match self.caller.insist(what, &envelope).await {
            Answer::Ok(_) => self.acknowledged = (token.epoch.0, token.seq.0),
            Answer::Refused(_) if what == "seal" => self.believes(active, true),
            Answer::Opened(_) | Answer::Refused(_) | Answer::Unknown(_) => {}
        }
    }

    /// Signs the close of a cycle.
    pub(super) fn cycle(&mut self, writer: &mut ChipSession) -> Envelope {
        self.cycles += 1;
        let name = format!("cycle/{}", self.cycles);
        let goalvector = GoalVector {
            goalvector_id: format!("goal/{name}"),
            outcome: json!({"resolved": name}),
            evidence: Vec::new(),
            runs: Vec::new(),
        };
        writer.sign_close_cycle(name, goalvector)
    }

    /// Asks for a session the way a chip does: the answer comes with the verification's result.
    pub(super) async fn open(&mut self, writer: &mut ChipSession) {
        let token = writer.next_token();
        let envelope = writer.sign_open();
        let call = self.caller.oracle.invoked(&self.caller.name, "open", Digest::of(&envelope.to_bytes()));
        match self.caller.client.open_session(&envelope).await {
            Ok(rail) => {
                self.caller.oracle.opened(call, rail.outcome());
                self.acknowledged = self.acknowledged.max((token.epoch.0, token.seq.0));
            }
            Err(error) => self.caller.oracle.answered(call, Answer::of(Err(error))),
        }
    }

    pub(super) fn items(&mut self) -> Vec<Item> {
        let random = &mut self.caller.random;
        (0..random.gen_range(1..4))
            .map(|_| Item {
                ledger: if random.gen_bool(0.7) { Ledger::Evidence } else { Ledger::Reasoning },
                data: json!({"n": random.r#gen::<u32>(), "text": "x".repeat(random.gen_range(0..300))}),
                evidence: Vec::new(),
                runs: Vec::new(),
            })
            .collect()
    }

    /// What a seal for the other chip states, with the depths that a bundle shows.
    pub(super) async fn sealing(&mut self, destination: usize) -> Option<Sealing> {
        let bundle = self.caller.client.bundle(&self.substrate).await.ok()?;
        let PerLedger { evidence: evidence_depth, reasoning: reasoning_depth } =
            match g16_served::bundle(&bundle, Reader::keys(&self.caller.keys)) {
                Ok(depths) => depths,
                Err(what) => {
                    self.caller.oracle.violated(g16_served::NAME, what);
                    return None;
                }
            };
        self.migrations += 1;
        Some(Sealing {
            migration_id: format!("migration/{}", self.migrations),
            destination: self.chips[destination].id(),
            evidence_depth,
            reasoning_depth,
        })
    }

    /// Ends a migration: mostly on the destination, now and then back on the origin.
    async fn arrive(&mut self, state: &Substrate, origin: usize) {
        let Some(migration) = &state.migration else { return };
        let abort = self.caller.random.gen_bool(0.2);
        let holder = if abort { origin } else { 1 - origin };
        let chip = self.chips[holder].clone();
        let (what, envelope) = if abort {
            ("abort", self.abort_by(migration, &chip))
        } else {
            ("arrive", self.arrival_at(migration, &chip))
        };
        if let Answer::Ok(_) = self.caller.insist(what, &envelope).await {
            self.acknowledged = (migration.epoch.0 + 1, 0);
            self.believes(holder, true);
        }
    }

    /// Signs the end of a migration on a chip.
    pub(super) fn arrival_at(&mut self, migration: &Migration, chip: &Signer) -> Envelope {
        self.caller.newcomer(chip, &self.substrate).sign_arrive(&Activation::of(migration, migration.epoch.next()))
    }

    /// Signs that a migration goes back to a chip.
    pub(super) fn abort_by(&mut self, migration: &Migration, chip: &Signer) -> Envelope {
        self.caller.newcomer(chip, &self.substrate).sign_abort(&Activation::of(migration, migration.epoch.next()))
    }
}
