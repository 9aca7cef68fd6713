//! What happens to a substrate: births, sessions, cycles, migrations.

use super::{Stage, outcome, result};
use crate::cast::*;
use selfsame_machine::state::{Substrate, Verification, load};
use selfsame_machine::view::Table;
use selfsame_machine::{Outcome, read, verify};
use selfsame_protocol::command::*;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::keys::SecretKey;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::number::LogIndex;
use selfsame_protocol::p104::{Amendment, Attestation, Claims, Outcome as Identity};
use selfsame_protocol::record::Finding;
use selfsame_protocol::response::{SessionRequested, SubmitResponse};
use selfsame_protocol::subject::Subject;
use selfsame_protocol::time::U64;
use serde_json::json;

impl Stage {
    /// State of a substrate.
    pub fn substrate(&self, id: &str) -> Substrate {
        read::substrate(&self.model, id).unwrap().unwrap()
    }
    /// The next right of the active chip.
    pub fn fence(&self, id: &str) -> FencingToken {
        let holder = self.substrate(id).holder;
        FencingToken { epoch: holder.epoch, seq: U64(holder.seq.0 + 1) }
    }
    /// A birth by a chip.
    pub fn born(&mut self, id: &str, by: u8) -> SubmitResponse {
        self.ok(Role::Chip, &chip(by), birth(id, &chip(by)))
    }
    /// The open that the active chip would send.
    pub fn open_command(&self, id: &str) -> Command {
        let kept = self.substrate(id).last_close.map(|close| close.cross_session_identity_continuity_hash);
        Command::OpenSession(OpenSession {
            substrate_id: id.parse().unwrap(),
            fence: self.fence(id),
            continuity_hash: kept,
            founding: None,
            new_lineage: None,
        })
    }
    /// Asks for a session; the answer is the verification's name.
    pub fn ask(&mut self, id: &str, chip: &SecretKey) -> LogIndex {
        let command = self.open_command(id);
        self.ask_with(chip, command)
    }
    /// Asks with a command.
    pub fn ask_with(&mut self, chip: &SecretKey, command: Command) -> LogIndex {
        let receipt = self.ok(Role::Chip, chip, command);
        result::<SessionRequested>(receipt).verification
    }
    /// The verification under way.
    pub fn pending(&self, id: &str) -> Verification {
        load(&self.model, Table::Verifications, id.as_bytes()).unwrap().unwrap()
    }
    /// A verdict with what the node finds on the disk at hand.
    pub fn honest(&mut self, id: &str, from: u64) -> SubmitResponse {
        let verification = self.pending(id);
        let finding = verify::finding(&self.model, &verification).unwrap();
        let verdict = Command::Verdict(GiveVerdict {
            substrate_id: id.parse().unwrap(),
            verification: verification.index,
            finding,
        });
        self.ok(Role::Node, &node(from), verdict)
    }
    /// A verdict of a node.
    pub fn verdict(&mut self, id: &str, verification: LogIndex, from: u64, finding: Finding) -> Outcome {
        let verdict = Command::Verdict(GiveVerdict { substrate_id: id.parse().unwrap(), verification, finding });
        self.submit(Role::Node, &node(from), verdict)
    }
    /// Opens a session by the verdicts of two nodes.
    pub fn open(&mut self, id: &str, chip: &SecretKey) -> Identity {
        self.ask(id, chip);
        self.honest(id, 1);
        outcome(&self.honest(id, 2)).unwrap()
    }
    /// The close of a cycle that the active chip would send.
    pub fn cycle_command(&self, id: &str, name: &str) -> Command {
        Command::CloseCycle(CloseCycle {
            substrate_id: id.parse().unwrap(),
            fence: self.fence(id),
            cycle_id: name.into(),
            goalvector: goal(name),
            prior_identity_hash: self.substrate(id).head,
        })
    }
    /// Closes a cycle.
    pub fn cycle(&mut self, id: &str, chip: &SecretKey, name: &str) -> SubmitResponse {
        let command = self.cycle_command(id, name);
        self.ok(Role::Chip, chip, command)
    }
    /// An append that the active chip would send.
    pub fn append_command(&self, id: &str, items: Vec<Item>) -> Command {
        Command::Append(Append { substrate_id: id.parse().unwrap(), fence: self.fence(id), items })
    }
    /// Appends.
    pub fn append(&mut self, id: &str, chip: &SecretKey, items: Vec<Item>) -> SubmitResponse {
        let command = self.append_command(id, items);
        self.ok(Role::Chip, chip, command)
    }
    /// An amendment that the active chip would send.
    pub fn amend_command(&self, id: &str, amendment: Amendment) -> Command {
        Command::Amend(Amend { substrate_id: id.parse().unwrap(), fence: self.fence(id), amendment })
    }
    /// The close that the active chip would send.
    pub fn close_command(&self, id: &str) -> Command {
        Command::CloseSession(CloseSession {
            substrate_id: id.parse().unwrap(),
            fence: self.fence(id),
            head: self.substrate(id).head,
        })
    }
    /// Closes the session.
    pub fn close(&mut self, id: &str, chip: &SecretKey) -> SubmitResponse {
        let command = self.close_command(id);
        self.ok(Role::Chip, chip, command)
    }
    /// Born by chip `by`, one cycle resolved, its first session closed.
    pub fn seasoned(&mut self, id: &str, by: u8) {
        self.seasoned_by(id, by, 2);
    }
    /// The same where so many verdicts open a session.
    pub fn seasoned_by(&mut self, id: &str, by: u8, verdicts: u64) {
        self.born(id, by);
        self.ask(id, &chip(by));
        for from in 1..=verdicts {
            self.honest(id, from);
        }
        self.append(id, &chip(by), vec![item(Ledger::Evidence, "seen"), item(Ledger::Reasoning, "thought")]);
        self.cycle(id, &chip(by), "cycle/1");
        self.close(id, &chip(by));
    }

    // Migrations.

    /// The seal that the active chip would send.
    pub fn seal_command(&self, id: &str, migration: &str, destination: &SecretKey) -> Command {
        let substrate = self.substrate(id);
        let [evidence, reasoning] = Ledger::BOTH
            .map(|ledger| read::subject_depth(&self.model, &Subject::Substrate(id.parse().unwrap()), ledger).unwrap());
        Command::Seal(Seal {
            substrate_id: id.parse().unwrap(),
            fence: self.fence(id),
            migration_id: migration.into(),
            destination: destination.public().id(),
            head: substrate.head,
            continuity_hash: substrate
                .last_close
                .map_or(Digest::of(b"none"), |close| close.cross_session_identity_continuity_hash),
            evidence_ledger_depth: U64(evidence),
            reasoning_ledger_depth: U64(reasoning),
        })
    }
    /// Seals.
    pub fn seal(&mut self, id: &str, migration: &str, origin: &SecretKey, destination: &SecretKey) -> SubmitResponse {
        let command = self.seal_command(id, migration, destination);
        self.ok(Role::Chip, origin, command)
    }
    /// What an arrival or an abort attests.
    pub fn activation_claims(&self, id: &str, migration: &str) -> Claims {
        let sealed = read::migration(&self.model, id, migration).unwrap().unwrap();
        Claims::Activation {
            cluster: CLUSTER.into(),
            substrate_id: id.parse().unwrap(),
            migration_id: migration.into(),
            nonce: sealed.nonce,
            epoch: sealed.epoch.next(),
            continuity_hash: sealed.continuity_hash,
            head: sealed.head,
        }
    }
    /// The attestation of an activation at the epoch after the present one.
    pub fn activation(&self, id: &str, migration: &str, chip: &SecretKey) -> Attestation {
        let mut claims = self.activation_claims(id, migration);
        let Claims::Activation { epoch, .. } = &mut claims else { unreachable!() };
        *epoch = self.substrate(id).holder.epoch.next();
        Attestation::software(&claims, chip)
    }
    /// The arrival that the destination would send.
    pub fn arrive_command(&self, id: &str, migration: &str, destination: &SecretKey) -> Command {
        let sealed = read::migration(&self.model, id, migration).unwrap().unwrap();
        Command::Arrive(Arrive {
            substrate_id: id.parse().unwrap(),
            migration_id: migration.into(),
            attestation: Attestation::software(&self.activation_claims(id, migration), destination),
            continuity_hash: sealed.continuity_hash,
            head: sealed.head,
        })
    }
    /// Arrives.
    pub fn arrive(&mut self, id: &str, migration: &str, destination: &SecretKey) -> SubmitResponse {
        let command = self.arrive_command(id, migration, destination);
        self.ok(Role::Chip, destination, command)
    }
    /// The abort that the origin would send.
    pub fn abort_command(&self, id: &str, migration: &str, origin: &SecretKey) -> Command {
        Command::AbortMigration(AbortMigration {
            substrate_id: id.parse().unwrap(),
            migration_id: migration.into(),
            attestation: Attestation::software(&self.activation_claims(id, migration), origin),
        })
    }
}

/// Everything that a chip or its organisation could still do with a substrate.
pub fn writes(world: &Stage, id: &str) -> Vec<(Role, SecretKey, Command)> {
    let chips = [
        world.append_command(id, vec![item(Ledger::Evidence, "more")]),
        world.amend_command(id, amendment(&[("limit", json!("12"))])),
        world.cycle_command(id, "cycle/more"),
        world.close_command(id),
        world.open_command(id),
        world.seal_command(id, "m1", &chip(1)),
    ];
    let mut all: Vec<_> = chips.into_iter().map(|command| (Role::Chip, chip(0), command)).collect();
    all.push((Role::Operator, operator(0), Command::RecoverClose(RecoverClose { substrate_id: id.parse().unwrap() })));
    all
}
/// The next open, with another founding document.
pub fn open_with_founding(world: &Stage, id: &str, birth: Option<PreparedBirth>) -> Command {
    let mut command = world.open_command(id);
    let Command::OpenSession(OpenSession { founding, new_lineage, .. }) = &mut command else { unreachable!() };
    *founding = Some(other_founding());
    *new_lineage = birth;
    command
}
