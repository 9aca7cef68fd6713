//! A client that holds two chips and one substrate: birth, sessions, appends, cycles, closes and migrations.
//!
//! It reads the substrate's state before each step, so every step also checks that reads are linearizable: nothing that
//! was acknowledged to this client may be missing from what it reads afterwards.

use super::session::Session;
use crate::history::Answer;
use crate::invariants::g16_served;
use crate::random::{key, uuid};
use rand::Rng;
use selfsame_client::Actor;
use selfsame_machine::state::{HolderStatus, Migration, Phase, Substrate};
use selfsame_protocol::bundle::Reader;
use selfsame_protocol::command::{
    AbortMigration, Append, Arrive, CloseCycle, CloseSession, Command, EnrolChip, FencingToken, GoalVector,
    InitSubstrate, Item, OpenSession, Role, Seal,
};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::ledger::{Ledger, PerLedger};
use selfsame_protocol::p104::{self, Attestation, Claims, Outcome, Technology, Thresholds};
use selfsame_protocol::time::U64;
use serde_json::json;
use std::collections::BTreeMap;

pub(super) struct Chip {
    pub(super) session: Session,
    pub(super) substrate: String,
    pub(super) chips: [Actor; 2],
    /// Epoch and sequence number of the last acknowledged write. No read may show less.
    pub(super) acknowledged: (u64, u64),
    pub(super) cycles: u64,
    pub(super) migrations: u64,
}

/// Works until the world stops.
pub async fn run(session: Session, organisation: u64) -> turmoil::Result {
    let mut chip = Chip::found(session, organisation).await;
    chip.session.oracle.minds(&chip.substrate);
    while !chip.session.stopped() {
        chip.session.pause(200).await;
        if let Some(state) = chip.read().await {
            chip.step(state).await;
        }
    }
    chip.finish().await;
    Ok(())
}

async fn found(mut session: Session, organisation: u64) -> Chip {
    let substrate = uuid(&mut session.random);
    let chips = ["a", "b"].map(|letter| {
        let key = key(session.seed, &format!("chip/{}/{letter}", session.name));
        session.actor(Role::Chip, key)
    });
    let root = session.root(organisation);
    for chip in &chips {
        let enrol = Command::EnrolChip(EnrolChip { chip: chip.key.public(), technology: Technology::Software });
        session.submit("enrol", &root, enrol).await;
    }
    let mut chip = Chip { session, substrate, chips, acknowledged: (0, 0), cycles: 0, migrations: 0 };
    chip.birth().await;
    chip
}

impl Chip {
    /// Enrols two chips and lets a substrate be born on the first.
    pub(super) async fn found(session: Session, organisation: u64) -> Chip {
        found(session, organisation).await
    }

    async fn birth(&mut self) {
        let founding = json!({
            "record_type": "founding_incompatibility",
            "branch_a": {"claim": "Every append is answered at once.", "of": self.substrate},
            "branch_b": {"claim": "No append is answered before a quorum holds it."},
        });
        let initialised = self.session.now();
        let claims = Claims::Birth {
            substrate_id: self.substrate.clone(),
            founding_tension_hash: p104::founding_tension_hash(&selfsame_protocol::canon::to_canonical(&founding)),
            initialisation_timestamp: initialised,
            schema_version_at_init: p104::SCHEMA_VERSION.into(),
        };
        let chip = self.chips[0].clone();
        let init = Command::InitSubstrate(InitSubstrate {
            substrate_id: self.substrate.clone(),
            founding,
            initialisation_timestamp: initialised,
            schema_version: p104::SCHEMA_VERSION.into(),
            parameters: BTreeMap::new(),
            thresholds: Thresholds::default(),
            attestation: Some(Attestation::software(&claims, &chip.key)),
        });
        let answer = self.session.submit("birth", &chip, init).await;
        self.believes(0, matches!(answer, Answer::Ok(_)));
    }

    /// Notes whether one of the chips believes itself active.
    fn believes(&self, chip: usize, active: bool) {
        self.session.oracle.believes(&self.substrate, ["a", "b"][chip], active);
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
            self.session.pause(200).await;
        }
    }

    pub(super) async fn read(&mut self) -> Option<Substrate> {
        let floor = self.acknowledged;
        let invoked = self.session.oracle.now_ms();
        let state = self.session.client.substrate(&self.substrate).await.ok()?;
        let seen = (state.holder.epoch.0, state.holder.seq.0);
        self.session.oracle.read(&self.session.name, &self.substrate, invoked, Some(seen));
        if seen < floor {
            let text =
                format!("{} read epoch and sequence {seen:?} after {floor:?} was acknowledged", self.session.name);
            self.session.oracle.violated("G12 linearizable_read", text);
        }
        Some(state)
    }

    async fn step(&mut self, state: Substrate) {
        let active = self.chips.iter().position(|chip| chip.key.public() == state.holder.key).unwrap_or(0);
        let chip = self.chips[active].clone();
        if state.holder.status == HolderStatus::Sealed {
            return self.arrive(&state, active).await;
        }
        let fence = FencingToken { epoch: state.holder.epoch, seq: U64(state.holder.seq.0 + 1) };
        let substrate_id = self.substrate.clone();
        let dice = self.session.random.gen_range(0..100);
        let (what, command) = match state.phase {
            // The verdicts of a quorum are under way.
            Phase::Verifying => return self.session.pause(300).await,
            Phase::Closed if dice < 30 && state.status == Some(Outcome::Verified) && state.last_close.is_some() => {
                match self.seal(&state, fence, 1 - active).await {
                    Some(command) => ("seal", command),
                    None => return,
                }
            }
            Phase::Closed => {
                let kept = state.last_close.map(|close| close.cross_session_identity_continuity_hash);
                let open = Command::OpenSession(OpenSession {
                    substrate_id,
                    fence,
                    continuity_hash: kept,
                    founding: None,
                    new_lineage: None,
                });
                return self.open(&chip, fence, open).await;
            }
            Phase::Open if dice < 65 => {
                ("append", Command::Append(Append { substrate_id, fence, items: self.items() }))
            }
            Phase::Open if dice < 85 => self.cycle(&state, fence),
            Phase::Open => ("close", Command::CloseSession(CloseSession { substrate_id, fence, head: state.head })),
        };
        if what == "seal" {
            self.believes(active, false);
        }
        match self.session.submit(what, &chip, command).await {
            Answer::Ok(_) => self.acknowledged = (fence.epoch.0, fence.seq.0),
            Answer::Refused(_) if what == "seal" => self.believes(active, true),
            Answer::Opened(_) | Answer::Refused(_) | Answer::Unknown(_) => {}
        }
    }

    /// Closes a cycle.
    pub(super) fn cycle(&mut self, state: &Substrate, fence: FencingToken) -> (&'static str, Command) {
        self.cycles += 1;
        let name = format!("cycle/{}", self.cycles);
        let goalvector = GoalVector {
            goalvector_id: format!("goal/{name}"),
            outcome: json!({"resolved": name}),
            evidence: Vec::new(),
            runs: Vec::new(),
        };
        let (substrate_id, prior_identity_hash) = (self.substrate.clone(), state.head);
        (
            "cycle",
            Command::CloseCycle(CloseCycle { substrate_id, fence, cycle_id: name, goalvector, prior_identity_hash }),
        )
    }

    /// Asks for a session the way a chip does: the answer comes with the verification's result.
    pub(super) async fn open(&mut self, chip: &Actor, fence: FencingToken, command: Command) {
        let envelope = self.session.sign(chip, command);
        let call = self.session.oracle.invoked(&self.session.name, "open", Digest::of(&envelope.to_bytes()));
        match self.session.client.open_session(&envelope).await {
            Ok(rail) => {
                self.session.oracle.opened(call, rail.outcome());
                self.acknowledged = self.acknowledged.max((fence.epoch.0, fence.seq.0));
            }
            Err(error) => self.session.oracle.answered(call, Answer::of(Err(error))),
        }
    }

    pub(super) fn items(&mut self) -> Vec<Item> {
        let random = &mut self.session.random;
        (0..random.gen_range(1..4))
            .map(|_| Item {
                ledger: if random.gen_bool(0.7) { Ledger::Evidence } else { Ledger::Reasoning },
                data: json!({"n": random.r#gen::<u32>(), "text": "x".repeat(random.gen_range(0..300))}),
                evidence: Vec::new(),
                runs: Vec::new(),
            })
            .collect()
    }

    /// Seals the substrate, with the depths that a bundle shows.
    pub(super) async fn seal(&mut self, state: &Substrate, fence: FencingToken, destination: usize) -> Option<Command> {
        let bundle = self.session.client.bundle(&self.substrate).await.ok()?;
        let PerLedger { evidence, reasoning } = match g16_served::bundle(&bundle, Reader::keys(&self.session.keys)) {
            Ok(depths) => depths,
            Err(what) => {
                self.session.oracle.violated(g16_served::NAME, what);
                return None;
            }
        };
        self.migrations += 1;
        Some(Command::Seal(Seal {
            substrate_id: self.substrate.clone(),
            fence,
            migration_id: format!("migration/{}", self.migrations),
            destination: self.chips[destination].id(),
            head: state.head,
            continuity_hash: state.last_close.as_ref()?.cross_session_identity_continuity_hash,
            evidence_ledger_depth: U64(evidence),
            reasoning_ledger_depth: U64(reasoning),
        }))
    }

    /// Ends a migration: mostly on the destination, now and then back on the origin.
    async fn arrive(&mut self, state: &Substrate, origin: usize) {
        let Some(migration) = &state.migration else { return };
        let abort = self.session.random.gen_bool(0.2);
        let holder = if abort { origin } else { 1 - origin };
        let chip = self.chips[holder].clone();
        let (what, command) = if abort {
            ("abort", abort_command(migration, &self.substrate, &chip))
        } else {
            ("arrive", arrive_command(migration, &self.substrate, &chip))
        };
        if let Answer::Ok(_) = self.session.submit(what, &chip, command).await {
            self.acknowledged = (migration.epoch.0 + 1, 0);
            self.believes(holder, true);
        }
    }
}

/// A chip's attestation that it becomes active by a migration.
fn attest(migration: &Migration, substrate: &str, chip: &Actor) -> Attestation {
    let claims = Claims::Activation {
        cluster: crate::cluster::CLUSTER.into(),
        substrate_id: substrate.into(),
        migration_id: migration.migration_id.clone(),
        nonce: migration.nonce,
        epoch: U64(migration.epoch.0 + 1),
        continuity_hash: migration.continuity_hash,
        head: migration.head,
    };
    Attestation::software(&claims, &chip.key)
}

/// Ends a migration on a chip.
pub(super) fn arrive_command(migration: &Migration, substrate: &str, chip: &Actor) -> Command {
    Command::Arrive(Arrive {
        substrate_id: substrate.into(),
        migration_id: migration.migration_id.clone(),
        attestation: attest(migration, substrate, chip),
        continuity_hash: migration.continuity_hash,
        head: migration.head,
    })
}

/// Takes a migration back to a chip.
pub(super) fn abort_command(migration: &Migration, substrate: &str, chip: &Actor) -> Command {
    Command::AbortMigration(AbortMigration {
        substrate_id: substrate.into(),
        migration_id: migration.migration_id.clone(),
        attestation: attest(migration, substrate, chip),
    })
}
