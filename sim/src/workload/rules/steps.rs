//! The client of the rules, what it may do, and how it demands a refusal.

use super::super::session::Session;
use crate::cluster::CLUSTER;
use crate::history::Answer;
use crate::invariants::g16_served;
use crate::random::uuid;
use selfsame_client::Actor;
use selfsame_client::ClientError;
use selfsame_protocol::bundle::Reader;
use selfsame_protocol::canon;
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{
    Append, Arrive, CloseCycle, CloseSession, Command, FencingToken, GoalVector, InitSubstrate, Item, OpenSession, Seal,
};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::envelope::Envelope;
use selfsame_protocol::ledger::{Ledger, PerLedger};
use selfsame_protocol::p104::{self, Attestation, Claims, Outcome, Thresholds};
use selfsame_protocol::response::{
    BallotCounted, CommandResult, CycleClosed, MigrationArrived, MigrationSealed, SessionClosed, SubmitResponse,
    SubstrateBorn,
};
use selfsame_protocol::time::U64;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What ends the walk before its end: the world stopped, or a rule did not hold (which is recorded where it is seen).
pub(super) struct Stopped;
pub(super) type Step<T = ()> = Result<T, Stopped>;

/// The client, and what it knows of its substrate.
pub(super) struct Rules {
    pub(super) session: Session,
    pub(super) organisations: u64,
    pub(super) nodes: u64,
    pub(super) chips: [Actor; 3],
    pub(super) substrate: String,
    pub(super) founding: Value,
    pub(super) epoch: u64,
    pub(super) seq: u64,
    pub(super) head: Digest,
    /// Continuity hash of the last close.
    pub(super) kept: Option<Digest>,
    pub(super) migrations: u64,
}

impl Rules {
    pub(super) fn fence(&self) -> FencingToken {
        FencingToken { epoch: U64(self.epoch), seq: U64(self.seq + 1) }
    }

    pub(super) async fn must(&mut self, what: &'static str, chip: usize, command: Command) -> Step<SubmitResponse> {
        let actor = self.chips[chip].clone();
        self.must_by(what, &actor, command).await
    }

    pub(super) async fn must_by(
        &mut self,
        what: &'static str,
        actor: &Actor,
        command: Command,
    ) -> Step<SubmitResponse> {
        match self.session.submit(what, actor, command).await {
            Answer::Ok(receipt) => Ok(receipt),
            Answer::Refused(code) => self.wrong(format!("{what} is allowed and was refused as {code}")),
            Answer::Opened(_) | Answer::Unknown(_) => Err(Stopped),
        }
    }

    /// The answer to an envelope, asked for until there is one.
    pub(super) async fn settled(&mut self, what: &'static str, envelope: &Envelope) -> Step<Answer> {
        loop {
            match self.session.once(what, envelope).await {
                Answer::Unknown(_) if self.session.stopped() => return Err(Stopped),
                Answer::Unknown(_) => self.session.pause(200).await,
                answer => return Ok(answer),
            }
        }
    }

    /// Demands one of these refusals.
    pub(super) async fn never(&mut self, what: &'static str, actor: &Actor, command: Command, codes: &[Code]) -> Step {
        let envelope = self.session.sign(actor, command);
        self.session.oracle.never(envelope.digest());
        loop {
            match self.session.once(what, &envelope).await {
                Answer::Refused(code) if codes.contains(&code) => return Ok(()),
                Answer::Refused(code) => {
                    return self.wrong(format!("{what} must be refused as {codes:?}, not as {code}"));
                }
                Answer::Ok(_) | Answer::Opened(_) => return self.wrong(format!("{what} was accepted")),
                Answer::Unknown(_) if self.session.stopped() => return Err(Stopped),
                Answer::Unknown(_) => self.session.pause(200).await,
            }
        }
    }

    pub(super) fn wrong<T>(&self, what: String) -> Step<T> {
        self.session.oracle.violated("rules", format!("{}: {what}", self.session.name));
        Err(Stopped)
    }

    pub(super) async fn open(&mut self, chip: usize, kept: Option<Digest>, founding: Option<Value>) -> Step<Outcome> {
        let actor = self.chips[chip].clone();
        let command = Command::OpenSession(OpenSession {
            substrate_id: self.substrate.clone(),
            fence: self.fence(),
            continuity_hash: kept,
            founding,
            new_lineage: None,
        });
        let envelope = self.session.sign(&actor, command);
        loop {
            let call = self.session.oracle.invoked(&self.session.name, "open", Digest::of(&envelope.to_bytes()));
            match self.session.client.open_session(&envelope).await {
                Ok(rail) => {
                    self.session.oracle.opened(call, rail.outcome());
                    self.seq += 1;
                    return rail.outcome().ok_or(Stopped);
                }
                Err(ClientError::Refused(refusal)) if !refusal.code.retryable() => {
                    self.session.oracle.answered(call, Answer::Refused(refusal.code));
                    return self.wrong(format!("an open is allowed and was refused as {}", refusal.code));
                }
                Err(error) => self.session.oracle.answered(call, Answer::of(Err(error))),
            }
            if self.session.stopped() {
                return Err(Stopped);
            }
            self.session.pause(200).await;
        }
    }

    pub(super) async fn opened(&mut self, chip: usize, outcome: Outcome) -> Step {
        let found = self.open(chip, self.kept, None).await?;
        if found == outcome { Ok(()) } else { self.wrong(format!("an open came to {found}, not to {outcome}")) }
    }

    pub(super) fn append(&self, fence: FencingToken) -> Command {
        let item = |ledger| Item { ledger, data: json!({"rule": "kept"}), evidence: Vec::new(), runs: Vec::new() };
        let items = vec![item(Ledger::Evidence), item(Ledger::Reasoning)];
        Command::Append(Append { substrate_id: self.substrate.clone(), fence, items })
    }

    pub(super) fn cycle(&mut self, prior_identity_hash: Digest) -> Command {
        let cycle_id = format!("cycle/{}/{}", self.epoch, self.seq);
        let outcome = json!({"resolved": cycle_id});
        let goalvector = GoalVector { goalvector_id: "goal".into(), outcome, evidence: Vec::new(), runs: Vec::new() };
        let (substrate_id, fence) = (self.substrate.clone(), self.fence());
        Command::CloseCycle(CloseCycle { substrate_id, fence, cycle_id, goalvector, prior_identity_hash })
    }

    pub(super) async fn close(&mut self, chip: usize) -> Step {
        let cycle = self.cycle(self.head);
        let done = self.must("cycle", chip, cycle).await?;
        self.seq += 1;
        self.head = result::<CycleClosed>(done)?.cycle_identity_hash;
        let (substrate_id, fence, head) = (self.substrate.clone(), self.fence(), self.head);
        let closed =
            self.must("close", chip, Command::CloseSession(CloseSession { substrate_id, fence, head })).await?;
        self.seq += 1;
        self.kept = Some(result::<SessionClosed>(closed)?.continuity_hash);
        Ok(())
    }

    pub(super) async fn birth(&mut self) -> Step {
        self.substrate = uuid(&mut self.session.random);
        self.founding = json!({"branch_a": {"claim": "A rule binds.", "of": self.substrate}, "branch_b": {"claim": "A rule yields."}});
        let initialisation_timestamp = self.session.now();
        let claims = Claims::Birth {
            substrate_id: self.substrate.clone(),
            founding_tension_hash: p104::founding_tension_hash(&canon::to_canonical(&self.founding)),
            initialisation_timestamp,
            schema_version_at_init: p104::SCHEMA_VERSION.into(),
        };
        let init = Command::InitSubstrate(InitSubstrate {
            substrate_id: self.substrate.clone(),
            founding: self.founding.clone(),
            initialisation_timestamp,
            schema_version: p104::SCHEMA_VERSION.into(),
            parameters: BTreeMap::new(),
            thresholds: Thresholds::default(),
            attestation: Some(Attestation::software(&claims, &self.chips[0].key)),
        });
        let born = self.must("birth", 0, init).await?;
        (self.epoch, self.seq, self.kept) = (1, 0, None);
        self.head = result::<SubstrateBorn>(born)?.substrate_identity_hash;
        Ok(())
    }

    pub(super) async fn seal(&mut self, origin: usize, destination: usize) -> Step<(String, Digest)> {
        let Ok(bundle) = self.session.client.bundle(&self.substrate).await else { return Err(Stopped) };
        let PerLedger { evidence, reasoning } = match g16_served::bundle(&bundle, Reader::consistency()) {
            Ok(depths) => depths,
            Err(what) => return self.wrong(format!("the bundle for a seal: {what}")),
        };
        self.migrations += 1;
        let migration_id = format!("rules/{}", self.migrations);
        let seal = Command::Seal(Seal {
            substrate_id: self.substrate.clone(),
            fence: self.fence(),
            migration_id: migration_id.clone(),
            destination: self.chips[destination].id(),
            head: self.head,
            continuity_hash: self.kept.ok_or(Stopped)?,
            evidence_ledger_depth: U64(evidence),
            reasoning_ledger_depth: U64(reasoning),
        });
        let sealed = self.must("seal", origin, seal).await?;
        self.seq += 1;
        Ok((migration_id, result::<MigrationSealed>(sealed)?.nonce))
    }

    pub(super) fn attestation(&self, chip: usize, migration_id: &str, nonce: Digest) -> Step<Attestation> {
        let claims = Claims::Activation {
            cluster: CLUSTER.into(),
            substrate_id: self.substrate.clone(),
            migration_id: migration_id.into(),
            nonce,
            epoch: U64(self.epoch + 1),
            continuity_hash: self.kept.ok_or(Stopped)?,
            head: self.head,
        };
        Ok(Attestation::software(&claims, &self.chips[chip].key))
    }

    pub(super) fn arrival(&self, chip: usize, migration_id: &str, nonce: Digest) -> Step<Command> {
        Ok(Command::Arrive(Arrive {
            substrate_id: self.substrate.clone(),
            migration_id: migration_id.into(),
            attestation: self.attestation(chip, migration_id, nonce)?,
            continuity_hash: self.kept.ok_or(Stopped)?,
            head: self.head,
        }))
    }

    pub(super) async fn arrive(&mut self, chip: usize, migration_id: &str, nonce: Digest) -> Step {
        let arrived = self.must("arrive", chip, self.arrival(chip, migration_id, nonce)?).await?;
        self.head = result::<MigrationArrived>(arrived)?.cycle_identity_hash;
        (self.epoch, self.seq) = (self.epoch + 1, 0);
        Ok(())
    }
}

/// The result of an answer, when it is one of this command.
pub(super) fn result<T: TryFrom<CommandResult>>(answer: SubmitResponse) -> Step<T> {
    T::try_from(answer.result).map_err(|_| Stopped)
}

/// Whether a ballot is carried.
pub(super) fn decided(answer: &SubmitResponse) -> Step<bool> {
    result::<BallotCounted>(answer.clone()).map(|ballot| ballot.carried())
}
