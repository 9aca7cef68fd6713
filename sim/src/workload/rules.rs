//! A client that breaks the rules on purpose: each attempt must be refused, and for the reason that the rule gives.
//!
//! The other clients do what they may, so a rule that is not enforced would change nothing for them. This one holds
//! three chips and its own substrates and walks once through everything that must not work.

use super::Session;
use super::operator;
use crate::invariants::g16_served;
use crate::oracle::Answer;
use crate::random::{key, stream, uuid};
use rand::Rng;
use selfsame::actor::Actor;
use selfsame::client::ClientError;
use selfsame_protocol::bundle::Reader;
use selfsame_protocol::canon;
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{
    AbortMigration, Amend, Amendment, Append, Arrive, CloseCycle, CloseSession, Command, DeclareRun, EnrolChip,
    FencingToken, GiveVerdict, GoalVector, InitSubstrate, Item, OpenSession, Proposal, Propose, Role, Seal, Vote,
};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::Ledger;
use selfsame_protocol::envelope::Envelope;
use selfsame_protocol::p104::{self, Attestation, Claims, Outcome, Technology, Thresholds};
use selfsame_protocol::record::Finding;
use selfsame_protocol::response::{
    BallotCounted, BallotStanding, CommandResult, CycleClosed, MigrationArrived, MigrationSealed, SessionClosed,
    SubmitResponse, SubstrateBorn,
};
use selfsame_protocol::time::U64;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What ends the walk before its end: the world stopped, or a rule did not hold (which is recorded where it is seen).
struct Stopped;
type Step<T = ()> = Result<T, Stopped>;

struct Rules {
    session: Session,
    organisations: u64,
    nodes: u64,
    chips: [Actor; 3],
    substrate: String,
    founding: Value,
    epoch: u64,
    seq: u64,
    head: Digest,
    /// Continuity hash of the last close.
    kept: Option<Digest>,
    migrations: u64,
}

/// The node that loses its vote in the course of a run, now and then: one fault of those that a cluster survives.
pub fn quarantined(seed: u64, nodes: u64) -> Option<u64> {
    let mut random = stream(seed, "rules/quarantine");
    random.gen_bool(0.25).then(|| random.gen_range(1..=nodes))
}

/// Walks through the rules, once.
pub async fn run(mut session: Session, organisations: u64, nodes: u64) -> turmoil::Result {
    let seed = session.seed;
    let chips = ["a", "b", "c"].map(|letter| {
        let key = key(seed, &format!("chip/{}/{letter}", session.name));
        session.actor(Role::Chip, key)
    });
    let root = session.root(0);
    for chip in &chips {
        let enrol = Command::EnrolChip(EnrolChip { chip: chip.key.public(), technology: Technology::Software });
        session.submit("enrol", &root, enrol).await;
    }
    let mut rules = Rules {
        session,
        organisations,
        nodes,
        chips,
        substrate: String::new(),
        founding: Value::Null,
        epoch: 1,
        seq: 0,
        head: Digest::of(b""),
        kept: None,
        migrations: 0,
    };
    // Whoever stops early has nothing to report: what was wrong is recorded already.
    let _ = rules.walk().await;
    Ok(())
}

impl Rules {
    async fn walk(&mut self) -> Step {
        self.birth().await?;
        self.writes().await?;
        self.governance().await?;
        self.migration().await?;
        self.ballot().await?;
        self.bundle().await?;
        self.quarantine().await?;
        self.tamper().await?;
        self.drift().await
    }

    fn fence(&self) -> FencingToken {
        FencingToken { epoch: U64(self.epoch), seq: U64(self.seq + 1) }
    }

    async fn must(&mut self, what: &'static str, chip: usize, command: Command) -> Step<SubmitResponse> {
        let actor = self.chips[chip].clone();
        self.must_by(what, &actor, command).await
    }

    async fn must_by(&mut self, what: &'static str, actor: &Actor, command: Command) -> Step<SubmitResponse> {
        match self.session.submit(what, actor, command).await {
            Answer::Ok(receipt) => Ok(receipt),
            Answer::Refused(code) => self.wrong(format!("{what} is allowed and was refused as {code}")),
            Answer::Opened(_) | Answer::Unknown(_) => Err(Stopped),
        }
    }

    /// The answer to an envelope, asked for until there is one.
    async fn settled(&mut self, what: &'static str, envelope: &Envelope) -> Step<Answer> {
        loop {
            match self.session.once(what, envelope).await {
                Answer::Unknown(_) if self.session.stopped() => return Err(Stopped),
                Answer::Unknown(_) => self.session.pause(200).await,
                answer => return Ok(answer),
            }
        }
    }

    /// Demands one of these refusals.
    async fn never(&mut self, what: &'static str, actor: &Actor, command: Command, codes: &[Code]) -> Step {
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

    fn wrong<T>(&self, what: String) -> Step<T> {
        self.session.oracle.violated("rules", format!("{}: {what}", self.session.name));
        Err(Stopped)
    }

    async fn open(&mut self, chip: usize, kept: Option<Digest>, founding: Option<Value>) -> Step<Outcome> {
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

    async fn opened(&mut self, chip: usize, outcome: Outcome) -> Step {
        let found = self.open(chip, self.kept, None).await?;
        if found == outcome { Ok(()) } else { self.wrong(format!("an open came to {found}, not to {outcome}")) }
    }

    fn append(&self, fence: FencingToken) -> Command {
        let item = |ledger| Item { ledger, data: json!({"rule": "kept"}), evidence: Vec::new(), runs: Vec::new() };
        let items = vec![item(Ledger::Evidence), item(Ledger::Reasoning)];
        Command::Append(Append { substrate_id: self.substrate.clone(), fence, items })
    }

    fn cycle(&mut self, prior_identity_hash: Digest) -> Command {
        let cycle_id = format!("cycle/{}/{}", self.epoch, self.seq);
        let outcome = json!({"resolved": cycle_id});
        let goalvector = GoalVector { goalvector_id: "goal".into(), outcome, evidence: Vec::new(), runs: Vec::new() };
        let (substrate_id, fence) = (self.substrate.clone(), self.fence());
        Command::CloseCycle(CloseCycle { substrate_id, fence, cycle_id, goalvector, prior_identity_hash })
    }

    async fn close(&mut self, chip: usize) -> Step {
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

    async fn birth(&mut self) -> Step {
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

    /// Signature, chip, epoch, sequence number, prior hash, founding document.
    async fn writes(&mut self) -> Step {
        let (a, b) = (self.chips[0].clone(), self.chips[1].clone());
        self.never("append without session", &a, self.append(self.fence()), &[Code::SessionNotOpen]).await?;
        self.opened(0, Outcome::InsufficientDepth).await?;
        self.must("append", 0, self.append(self.fence())).await?;
        self.seq += 1;
        let mut forged = self.session.sign(&a, self.append(self.fence()));
        forged.signature[7] ^= 1;
        match self.session.once("append with a forged signature", &forged).await {
            Answer::Refused(Code::BadSignature) | Answer::Unknown(_) => {}
            other => return self.wrong(format!("a forged signature was answered with {other:?}")),
        }
        self.never("append by another chip", &b, self.append(self.fence()), &[Code::ChipNotActive]).await?;
        let (epoch, next) = (U64(self.epoch), U64(self.seq + 1));
        let early = FencingToken { epoch: U64(self.epoch + 1), seq: next };
        self.never("append at a later epoch", &a, self.append(early), &[Code::StaleEpoch]).await?;
        for seq in [self.seq, self.seq + 2] {
            let fence = FencingToken { epoch, seq: U64(seq) };
            self.never("append out of sequence", &a, self.append(fence), &[Code::StaleSequence]).await?;
        }
        let other = self.cycle(Digest::of(b"another head"));
        self.never("cycle on another head", &a, other, &[Code::StateMismatch]).await?;
        let founding_tension_hash = p104::founding_tension_hash(&canon::to_canonical(&self.founding));
        let named = BTreeMap::from([("founding.claim".to_string(), json!("A rule yields."))]);
        let whole = json!({"branch_a": {"claim": "None."}, "branch_b": {"claim": "Nothing."}});
        for (set, founding) in [(named, None), (BTreeMap::new(), Some(whole))] {
            let reason = "to see whether it is refused".into();
            let amendment = Amendment { founding_tension_hash, reason, set, remove: Vec::new(), founding };
            let amend = Command::Amend(Amend { substrate_id: self.substrate.clone(), fence: self.fence(), amendment });
            self.never("amendment of the founding", &a, amend, &[Code::FoundingTensionProtected]).await?;
        }
        self.close(0).await
    }

    /// Ballots that do not exist, and request ids, which belong to a key.
    async fn governance(&mut self) -> Step {
        let root = self.session.root(0);
        let proposal_id = format!("{}/none", self.session.name);
        let vote = Command::Vote(Vote { proposal_id, ballot: Digest::of(b"none"), approve: true });
        self.never("vote on nothing", &root, vote, &[Code::UnknownProposal]).await?;
        for organisation in 0..2 {
            let actor = self.session.operator(organisation);
            let text = format!("{} of {organisation}", self.session.name);
            let command = Command::DeclareRun(DeclareRun { declaration: operator::declaration(&text), request: None });
            let envelope = actor.sign("rules/shared", command);
            loop {
                match self.session.once("declare", &envelope).await {
                    Answer::Ok(_) => break,
                    Answer::Unknown(_) if !self.session.stopped() => self.session.pause(200).await,
                    Answer::Unknown(_) => return Err(Stopped),
                    other => return self.wrong(format!("a request id of another key changed the answer to {other:?}")),
                }
            }
        }
        Ok(())
    }

    async fn seal(&mut self, origin: usize, destination: usize) -> Step<(String, Digest)> {
        let Ok(bundle) = self.session.client.bundle(&self.substrate).await else { return Err(Stopped) };
        let [evidence, reasoning] = match g16_served::bundle(&bundle, Reader::consistency()) {
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

    fn attestation(&self, chip: usize, migration_id: &str, nonce: Digest) -> Step<Attestation> {
        let claims = Claims::Activation {
            cluster: crate::world::CLUSTER.into(),
            substrate_id: self.substrate.clone(),
            migration_id: migration_id.into(),
            nonce,
            epoch: U64(self.epoch + 1),
            continuity_hash: self.kept.ok_or(Stopped)?,
            head: self.head,
        };
        Ok(Attestation::software(&claims, &self.chips[chip].key))
    }

    fn arrival(&self, chip: usize, migration_id: &str, nonce: Digest) -> Step<Command> {
        Ok(Command::Arrive(Arrive {
            substrate_id: self.substrate.clone(),
            migration_id: migration_id.into(),
            attestation: self.attestation(chip, migration_id, nonce)?,
            continuity_hash: self.kept.ok_or(Stopped)?,
            head: self.head,
        }))
    }

    async fn arrive(&mut self, chip: usize, migration_id: &str, nonce: Digest) -> Step {
        let arrived = self.must("arrive", chip, self.arrival(chip, migration_id, nonce)?).await?;
        self.head = result::<MigrationArrived>(arrived)?.cycle_identity_hash;
        (self.epoch, self.seq) = (self.epoch + 1, 0);
        Ok(())
    }

    /// Whoever lost an activation never acts with it again.
    async fn stays_invalidated(&mut self, chip: usize, epoch: u64) -> Step {
        let actor = self.chips[chip].clone();
        let fence = FencingToken { epoch: U64(epoch), seq: U64(self.seq + 1) };
        let open = Command::OpenSession(OpenSession {
            substrate_id: self.substrate.clone(),
            fence,
            continuity_hash: self.kept,
            founding: None,
            new_lineage: None,
        });
        self.never("open with an invalidated activation", &actor, open, &[Code::ChipInvalidated]).await
    }

    /// Seal, abort, seal again, arrive: nobody writes in between, no nonce serves twice, no activation returns.
    async fn migration(&mut self) -> Step {
        let (a, b) = (self.chips[0].clone(), self.chips[1].clone());
        let (first, nonce) = self.seal(0, 1).await?;
        let open = Command::OpenSession(OpenSession {
            substrate_id: self.substrate.clone(),
            fence: self.fence(),
            continuity_hash: self.kept,
            founding: None,
            new_lineage: None,
        });
        self.never("open while sealed", &a, open, &[Code::Sealed]).await?;
        let (substrate_id, migration_id) = (self.substrate.clone(), first.clone());
        let attestation = self.attestation(0, &first, Digest::of(b"another nonce"))?;
        let abort = Command::AbortMigration(AbortMigration { substrate_id, migration_id, attestation });
        self.never("abort under another nonce", &a, abort, &[Code::AttestationInvalid]).await?;
        let (substrate_id, migration_id) = (self.substrate.clone(), first.clone());
        let attestation = self.attestation(0, &first, nonce)?;
        self.must("abort", 0, Command::AbortMigration(AbortMigration { substrate_id, migration_id, attestation }))
            .await?;
        (self.epoch, self.seq) = (self.epoch + 1, 0);
        self.stays_invalidated(0, 1).await?;
        let (second, fresh) = self.seal(0, 1).await?;
        let replayed = self.arrival(1, &second, nonce)?;
        self.never("arrival under an old nonce", &b, replayed, &[Code::AttestationInvalid]).await?;
        let elsewhere = self.arrival(2, &second, fresh)?;
        let c = self.chips[2].clone();
        self.never("arrival at another chip", &c, elsewhere, &[Code::WrongDestination]).await?;
        self.arrive(1, &second, fresh).await?;
        self.stays_invalidated(0, 2).await?;
        self.stays_invalidated(0, 1).await
    }

    /// One organisation alone cannot move a substrate; the quorum can.
    async fn ballot(&mut self) -> Step {
        let proposal_id = format!("{}/ballot", self.session.name);
        let migration_id = "rules/forced".to_string();
        let proposal = Proposal::ForceSeal {
            substrate_id: self.substrate.clone(),
            migration_id: migration_id.clone(),
            destination: self.chips[0].id(),
            reason: "the chip is lost".into(),
        };
        // Refused now, due after the proposal: a refusal leaves nothing behind, so the same envelope is accepted then.
        let ballot = self.session.about(&proposal_id, &proposal).await.ok_or(Stopped)?;
        let vote = Command::Vote(Vote { proposal_id: proposal_id.clone(), ballot, approve: true });
        let early = self.session.sign(&self.session.root(1), vote.clone());
        match self.settled("vote before the proposal", &early).await? {
            Answer::Refused(Code::UnknownProposal) => {}
            other => return self.wrong(format!("a vote before its proposal was answered with {other:?}")),
        }
        let root = self.session.root(0);
        let mut receipt = self
            .must_by("propose", &root, Command::Propose(Propose { proposal_id: proposal_id.clone(), proposal }))
            .await?;
        if decided(&receipt)? {
            return self.wrong("one organisation of several sealed a substrate alone".into());
        }
        for organisation in 1..self.organisations {
            if decided(&receipt)? {
                break;
            }
            receipt = match organisation {
                1 => match self.settled("vote after the proposal", &early).await? {
                    Answer::Ok(receipt) => receipt,
                    other => return self.wrong(format!("a vote that is due now was answered with {other:?}")),
                },
                _ => self.must_by("vote", &self.session.root(organisation), vote.clone()).await?,
            };
        }
        let BallotStanding::Carried { nonce: Some(nonce), .. } = result::<BallotCounted>(receipt)?.standing else {
            return Err(Stopped);
        };
        self.arrive(0, &migration_id, nonce).await?;
        self.stays_invalidated(1, 3).await
    }

    /// A stranger verifies the whole history, with the bytes alone.
    async fn bundle(&mut self) -> Step {
        for _ in 0..2 {
            self.opened(0, Outcome::Verified).await?;
            self.close(0).await?;
            // A reader that is cut off asks again later; only whole bundles are judged.
            if let Ok(bundle) = self.session.client.bundle(&self.substrate).await
                && let Err(what) = g16_served::bundle(&bundle, Reader::consistency())
            {
                return self.wrong(what);
            }
        }
        Ok(())
    }

    /// A node whose copy fails where the others' hold is out, and its later verdicts do not count.
    async fn quarantine(&mut self) -> Step {
        let Some(id) = quarantined(self.session.seed, self.nodes) else { return Ok(()) };
        self.opened(0, Outcome::Verified).await?;
        let Ok(state) = self.session.client.substrate(&self.substrate).await else { return Err(Stopped) };
        let (verification, _) = state.decided.ok_or(Stopped)?;
        let node = self.session.actor(Role::Node, crate::world::node_key(self.session.seed, id));
        let verdict = |substrate_id: &str, text: &str| {
            Command::Verdict(GiveVerdict {
                substrate_id: substrate_id.into(),
                verification,
                finding: Finding {
                    outcome: Outcome::HashMismatch,
                    check: text.into(),
                    at: None,
                    expected: "an honest disk".into(),
                    found: "another".into(),
                    drift: 0,
                    lineage_depth: U64(0),
                    recomputed: None,
                    entries_checked: U64(0),
                },
            })
        };
        let (first, second) = (verdict(&self.substrate, "FIRST"), verdict(&self.substrate, "SECOND"));
        self.must_by("failing verdict", &node, first).await?;
        // To a client QUARANTINED also means that the node it asked does not serve: no answer is no proof of a mistake.
        let envelope = self.session.sign(&node, second);
        self.session.oracle.never(envelope.digest());
        if let Answer::Ok(_) = self.session.once("verdict of a quarantined node", &envelope).await {
            return self.wrong("a verdict of a quarantined node counted".into());
        }
        self.close(0).await
    }

    /// A wrong continuity hash suppresses for ever.
    async fn tamper(&mut self) -> Step {
        let found = self.open(0, Some(Digest::of(b"another history")), None).await?;
        if found != Outcome::HashMismatch {
            return self.wrong(format!("another continuity hash came to {found}"));
        }
        let a = self.chips[0].clone();
        let open = Command::OpenSession(OpenSession {
            substrate_id: self.substrate.clone(),
            fence: self.fence(),
            continuity_hash: self.kept,
            founding: None,
            new_lineage: None,
        });
        self.never("open after suppression", &a, open, &[Code::Suppressed]).await
    }

    /// Another founding document is another entity.
    async fn drift(&mut self) -> Step {
        self.birth().await?;
        self.opened(0, Outcome::InsufficientDepth).await?;
        self.close(0).await?;
        let other = json!({"branch_a": {"claim": "Another."}, "branch_b": {"claim": "Entity."}});
        let found = self.open(0, self.kept, Some(other)).await?;
        if found != Outcome::DriftExceeded {
            return self.wrong(format!("another founding document came to {found}"));
        }
        let a = self.chips[0].clone();
        self.never("append to an ended lineage", &a, self.append(self.fence()), &[Code::LineageEnded]).await
    }
}

/// The result of an answer, when it is one of this command.
fn result<T: TryFrom<CommandResult>>(answer: SubmitResponse) -> Step<T> {
    T::try_from(answer.result).map_err(|_| Stopped)
}

/// Whether a ballot is carried.
fn decided(answer: &SubmitResponse) -> Step<bool> {
    result::<BallotCounted>(answer.clone()).map(|ballot| ballot.carried())
}
