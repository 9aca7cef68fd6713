//! The client of the rules, what it may do, and how it demands a refusal.

use super::super::caller::Caller;
use crate::history::Answer;
use crate::invariants::g16_served;
use crate::random::uuid;
use selfsame_client::{Activation, Birth, ChipSession, ClientError, Opening, Sealing, Signer};
use selfsame_protocol::bundle::Reader;
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{Append, CloseCycle, Command, FencingToken, GoalVector, Item};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::envelope::Envelope;
use selfsame_protocol::ledger::{Ledger, PerLedger};
use selfsame_protocol::names::SubstrateId;
use selfsame_protocol::p104::Outcome;
use selfsame_protocol::response::{BallotCounted, CommandResult, MigrationSealed, SubmitResponse};
use serde_json::{Value, json};

/// What ends the walk before its end: the world stopped, or a rule did not hold (which is recorded where it is seen).
pub(super) struct Stopped;
pub(super) type Step<T = ()> = Result<T, Stopped>;

/// The client, and what it knows of its substrate.
pub(super) struct Rules {
    pub(super) caller: Caller,
    pub(super) organisations: u64,
    pub(super) nodes: u64,
    pub(super) chips: [Signer; 3],
    pub(super) substrate: SubstrateId,
    pub(super) founding: Value,
    /// The active chip's place in it.
    pub(super) writer: ChipSession,
    pub(super) migrations: u64,
}

impl Rules {
    pub(super) fn fence(&self) -> FencingToken {
        self.writer.next_token()
    }

    /// Names the active chip's next request like all of this client.
    pub(super) fn name_next(&mut self) {
        let id = self.caller.request_id();
        self.writer.set_request_id(id);
    }

    /// Demands that what the active chip signed is accepted.
    pub(super) async fn must(&mut self, what: &'static str, envelope: &Envelope) -> Step<SubmitResponse> {
        match self.caller.insist(what, envelope).await {
            Answer::Ok(response) => {
                self.writer.accepted(&response);
                Ok(response)
            }
            Answer::Refused(code) => self.wrong(format!("{what} is allowed and was refused as {code}")),
            Answer::Opened(_) | Answer::Unknown(_) => Err(Stopped),
        }
    }

    pub(super) async fn must_by(
        &mut self,
        what: &'static str,
        actor: &Signer,
        command: Command,
    ) -> Step<SubmitResponse> {
        match self.caller.submit(what, actor, command).await {
            Answer::Ok(receipt) => Ok(receipt),
            Answer::Refused(code) => self.wrong(format!("{what} is allowed and was refused as {code}")),
            Answer::Opened(_) | Answer::Unknown(_) => Err(Stopped),
        }
    }

    /// The answer to an envelope, asked for until there is one.
    pub(super) async fn settled(&mut self, what: &'static str, envelope: &Envelope) -> Step<Answer> {
        loop {
            match self.caller.once(what, envelope).await {
                Answer::Unknown(_) if self.caller.stopped() => return Err(Stopped),
                Answer::Unknown(_) => self.caller.pause(200).await,
                answer => return Ok(answer),
            }
        }
    }

    /// Demands one of these refusals.
    pub(super) async fn never(&mut self, what: &'static str, actor: &Signer, command: Command, codes: &[Code]) -> Step {
        let envelope = self.caller.sign(actor, command);
        self.never_signed(what, &envelope, codes).await
    }

    /// Demands one of these refusals of an envelope.
    pub(super) async fn never_signed(&mut self, what: &'static str, envelope: &Envelope, codes: &[Code]) -> Step {
        self.caller.oracle.never(envelope.digest());
        loop {
            match self.caller.once(what, envelope).await {
                Answer::Refused(code) if codes.contains(&code) => return Ok(()),
                Answer::Refused(code) => {
                    return self.wrong(format!("{what} must be refused as {codes:?}, not as {code}"));
                }
                Answer::Ok(_) | Answer::Opened(_) => return self.wrong(format!("{what} was accepted")),
                Answer::Unknown(_) if self.caller.stopped() => return Err(Stopped),
                Answer::Unknown(_) => self.caller.pause(200).await,
            }
        }
    }

    pub(super) fn wrong<T>(&self, what: String) -> Step<T> {
        self.caller.oracle.violated("rules", format!("{}: {what}", self.caller.name));
        Err(Stopped)
    }

    /// The active chip opens a session that presents this.
    pub(super) async fn open(&mut self, continuity_hash: Option<Digest>, founding: Option<Value>) -> Step<Outcome> {
        self.name_next();
        let envelope = self.writer.sign_opening(Opening { continuity_hash, founding, new_lineage: None });
        loop {
            let call = self.caller.oracle.invoked(&self.caller.name, "open", Digest::of(&envelope.to_bytes()));
            match self.caller.client.open_session(&envelope).await {
                Ok(rail) => {
                    self.caller.oracle.opened(call, rail.outcome());
                    self.writer.accepted(&rail.response);
                    return rail.outcome().ok_or(Stopped);
                }
                Err(ClientError::Refused(refusal)) if !refusal.code.retryable() => {
                    self.caller.oracle.answered(call, Answer::Refused(refusal.code));
                    return self.wrong(format!("an open is allowed and was refused as {}", refusal.code));
                }
                Err(error) => self.caller.oracle.answered(call, Answer::of(Err(error))),
            }
            if self.caller.stopped() {
                return Err(Stopped);
            }
            self.caller.pause(200).await;
        }
    }

    pub(super) async fn opened(&mut self, outcome: Outcome) -> Step {
        let found = self.open(self.writer.continuity_hash(), None).await?;
        if found == outcome { Ok(()) } else { self.wrong(format!("an open came to {found}, not to {outcome}")) }
    }

    pub(super) fn append(&self, fence: FencingToken) -> Command {
        Command::Append(Append { substrate_id: self.substrate.clone(), fence, items: items() })
    }

    /// The active chip appends.
    pub(super) async fn appended(&mut self) -> Step {
        self.name_next();
        let envelope = self.writer.sign_append(items());
        self.must("append", &envelope).await.map(|_| ())
    }

    fn goal(&self) -> (String, GoalVector) {
        let token = self.fence();
        let cycle_id = format!("cycle/{}/{}", token.epoch, token.seq);
        let outcome = json!({"resolved": cycle_id});
        (cycle_id, GoalVector { goalvector_id: "goal".into(), outcome, evidence: Vec::new(), runs: Vec::new() })
    }

    pub(super) fn cycle(&self, prior_identity_hash: Digest) -> Command {
        let (cycle_id, goalvector) = self.goal();
        let (substrate_id, fence) = (self.substrate.clone(), self.fence());
        Command::CloseCycle(CloseCycle { substrate_id, fence, cycle_id, goalvector, prior_identity_hash })
    }

    /// The active chip closes a cycle and its caller.
    pub(super) async fn close(&mut self) -> Step {
        self.name_next();
        let (cycle_id, goalvector) = self.goal();
        let cycle = self.writer.sign_close_cycle(cycle_id, goalvector);
        self.must("cycle", &cycle).await?;
        self.name_next();
        let close = self.writer.sign_close();
        self.must("close", &close).await.map(|_| ())
    }

    pub(super) async fn birth(&mut self) -> Step {
        self.substrate = uuid(&mut self.caller.random);
        self.founding = json!({"branch_a": {"claim": "A rule binds.", "of": self.substrate}, "branch_b": {"claim": "A rule yields."}});
        self.writer = self.caller.newcomer(&self.chips[0], &self.substrate);
        let birth = self.writer.sign_birth(Birth::new(self.founding.clone(), self.caller.now()));
        self.must("birth", &birth).await.map(|_| ())
    }

    /// The active chip seals for another: the activation that may follow.
    pub(super) async fn seal(&mut self, destination: usize) -> Step<Activation> {
        let Ok(bundle) = self.caller.client.bundle(&self.substrate).await else { return Err(Stopped) };
        let PerLedger { evidence: evidence_depth, reasoning: reasoning_depth } =
            match g16_served::bundle(&bundle, Reader::consistency()) {
                Ok(depths) => depths,
                Err(what) => return self.wrong(format!("the bundle for a seal: {what}")),
            };
        self.migrations += 1;
        self.name_next();
        let sealing = self.writer.sign_seal(Sealing {
            migration_id: format!("rules/{}", self.migrations),
            destination: self.chips[destination].id(),
            evidence_depth,
            reasoning_depth,
        });
        let sealed = self.must("seal", &sealing.ok_or(Stopped)?).await?;
        let MigrationSealed { nonce, migration_id, .. } = result(sealed)?;
        self.activation(migration_id, nonce)
    }

    /// What a chip claims that becomes active by a migration of what the active chip holds.
    pub(super) fn activation(&self, migration_id: String, nonce: Digest) -> Step<Activation> {
        let continuity_hash = self.writer.continuity_hash().ok_or(Stopped)?;
        let head = self.writer.head().ok_or(Stopped)?;
        Ok(Activation { migration_id, nonce, epoch: self.writer.epoch().next(), continuity_hash, head })
    }

    /// An arrival at a chip.
    pub(super) fn arrival(&mut self, chip: usize, activation: &Activation) -> Envelope {
        self.caller.newcomer(&self.chips[chip], &self.substrate).sign_arrive(activation)
    }

    /// The migration arrives at a chip, which is the active one from then on.
    pub(super) async fn arrive(&mut self, chip: usize, activation: &Activation) -> Step {
        self.writer = self.caller.newcomer(&self.chips[chip], &self.substrate);
        let arrival = self.writer.sign_arrive(activation);
        self.must("arrive", &arrival).await.map(|_| ())
    }
}

/// What the active chip appends.
fn items() -> Vec<Item> {
    let item = |ledger| Item { ledger, data: json!({"rule": "kept"}), evidence: Vec::new(), runs: Vec::new() };
    vec![item(Ledger::Evidence), item(Ledger::Reasoning)]
}

/// The result of an answer, when it is one of this command.
pub(super) fn result<T: TryFrom<CommandResult>>(answer: SubmitResponse) -> Step<T> {
    T::try_from(answer.result).map_err(|_| Stopped)
}

/// Whether a ballot is carried.
pub(super) fn decided(answer: &SubmitResponse) -> Step<bool> {
    result::<BallotCounted>(answer.clone()).map(|ballot| ballot.carried())
}
