//! A client that breaks the rules on purpose: each attempt must be refused, and for the reason that the rule gives.
//!
//! The other clients do what they may, so a rule that is not enforced would change nothing for them. This one holds
//! three chips and its own substrates and walks once through everything that must not work.

mod steps;

use super::caller::{Caller, declaration};
use crate::cluster::node_key;
use crate::history::Answer;
use crate::invariants::g16_served;
use crate::random::{key, stream};
use rand::Rng;
use selfsame_client::{Activation, ChipSession};
use selfsame_protocol::bundle::Reader;
use selfsame_protocol::canon;
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{
    Amend, Command, DeclareRun, EnrolChip, FencingToken, GiveVerdict, OpenSession, Proposal, Propose, Role, Vote,
};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::names::SubstrateId;
use selfsame_protocol::number::Epoch;
use selfsame_protocol::p104::{self, Amendment, Outcome, Technology};
use selfsame_protocol::record::Finding;
use selfsame_protocol::response::{BallotCounted, BallotStanding};
use selfsame_protocol::time::U64;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use steps::{Rules, Step, Stopped, decided, result};

/// The node that loses its vote in the course of a run, now and then: one fault of those that a cluster survives.
pub fn quarantined(seed: u64, nodes: u64) -> Option<u64> {
    let mut random = stream(seed, "rules/quarantine");
    random.gen_bool(0.25).then(|| random.gen_range(1..=nodes))
}

/// Walks through the rules, once.
pub async fn run(mut caller: Caller, organisations: u64, nodes: u64) -> turmoil::Result {
    let seed = caller.seed;
    let chips = ["a", "b", "c"].map(|letter| {
        let key = key(seed, &format!("chip/{}/{letter}", caller.name));
        caller.actor(Role::Chip, key)
    });
    let root = caller.root(0);
    for chip in &chips {
        let enrol = Command::EnrolChip(EnrolChip { chip: chip.key.public(), technology: Technology::Software });
        caller.submit("enrol", &root, enrol).await;
    }
    let writer = ChipSession::new(chips[0].clone(), SubstrateId::from_bytes([0; 16]));
    let mut rules = Rules {
        caller,
        organisations,
        nodes,
        chips,
        substrate: SubstrateId::from_bytes([0; 16]),
        founding: Value::Null,
        writer,
        migrations: 0,
    };
    // A walk that stops early has nothing to report: what was wrong is recorded already.
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

    /// Signature, chip, epoch, sequence number, prior hash, founding document.
    async fn writes(&mut self) -> Step {
        let (a, b) = (self.chips[0].clone(), self.chips[1].clone());
        self.never("append without session", &a, self.append(self.fence()), &[Code::SessionNotOpen]).await?;
        self.opened(Outcome::InsufficientDepth).await?;
        self.appended().await?;
        let mut forged = self.caller.sign(&a, self.append(self.fence()));
        forged.signature[7] ^= 1;
        match self.caller.once("append with a forged signature", &forged).await {
            Answer::Refused(Code::BadSignature) | Answer::Unknown(_) => {}
            other => return self.wrong(format!("a forged signature was answered with {other:?}")),
        }
        self.never("append by another chip", &b, self.append(self.fence()), &[Code::ChipNotActive]).await?;
        let FencingToken { epoch, seq: next } = self.fence();
        let early = FencingToken { epoch: epoch.next(), seq: next };
        self.never("append at a later epoch", &a, self.append(early), &[Code::StaleEpoch]).await?;
        for seq in [next.0 - 1, next.0 + 1] {
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
        self.close().await
    }

    /// Ballots that do not exist, and request ids, which belong to a key.
    async fn governance(&mut self) -> Step {
        let root = self.caller.root(0);
        let proposal_id = format!("{}/none", self.caller.name);
        let vote = Command::Vote(Vote { proposal_id, ballot: Digest::of(b"none"), approve: true });
        self.never("vote on nothing", &root, vote, &[Code::UnknownProposal]).await?;
        for organisation in 0..2 {
            let actor = self.caller.operator(organisation);
            let text = format!("{} of {organisation}", self.caller.name);
            let command = Command::DeclareRun(DeclareRun { declaration: declaration(&text), request: None });
            let envelope = actor.sign("rules/shared", command);
            loop {
                match self.caller.once("declare", &envelope).await {
                    Answer::Ok(_) => break,
                    Answer::Unknown(_) if !self.caller.stopped() => self.caller.pause(200).await,
                    Answer::Unknown(_) => return Err(Stopped),
                    other => return self.wrong(format!("a request id of another key changed the answer to {other:?}")),
                }
            }
        }
        Ok(())
    }

    /// A chip that lost an activation never acts with it again.
    async fn stays_invalidated(&mut self, chip: usize, epoch: u64) -> Step {
        let actor = self.chips[chip].clone();
        let fence = FencingToken { epoch: Epoch(epoch), seq: self.fence().seq };
        let open = Command::OpenSession(OpenSession {
            substrate_id: self.substrate.clone(),
            fence,
            continuity_hash: self.writer.continuity_hash(),
            founding: None,
            new_lineage: None,
        });
        self.never("open with an invalidated activation", &actor, open, &[Code::ChipInvalidated]).await
    }

    /// Seal, abort, seal again, arrive: nobody writes in between, no nonce serves twice, no activation returns.
    async fn migration(&mut self) -> Step {
        let a = self.chips[0].clone();
        let first = self.seal(1).await?;
        let open = Command::OpenSession(OpenSession {
            substrate_id: self.substrate.clone(),
            fence: self.fence(),
            continuity_hash: self.writer.continuity_hash(),
            founding: None,
            new_lineage: None,
        });
        self.never("open while sealed", &a, open, &[Code::Sealed]).await?;
        let other = Activation { nonce: Digest::of(b"another nonce"), ..first.clone() };
        let abort = self.caller.newcomer(&a, &self.substrate).sign_abort(&other);
        self.never_signed("abort under another nonce", &abort, &[Code::AttestationInvalid]).await?;
        self.name_next();
        let abort = self.writer.sign_abort(&first);
        self.must("abort", &abort).await?;
        self.stays_invalidated(0, 1).await?;
        let second = self.seal(1).await?;
        let replayed = self.arrival(1, &Activation { nonce: first.nonce, ..second.clone() });
        self.never_signed("arrival under an old nonce", &replayed, &[Code::AttestationInvalid]).await?;
        let elsewhere = self.arrival(2, &second);
        self.never_signed("arrival at another chip", &elsewhere, &[Code::WrongDestination]).await?;
        self.arrive(1, &second).await?;
        self.stays_invalidated(0, 2).await?;
        self.stays_invalidated(0, 1).await
    }

    /// One organisation alone cannot move a substrate; the quorum can.
    async fn ballot(&mut self) -> Step {
        let proposal_id = format!("{}/ballot", self.caller.name);
        let migration_id = "rules/forced".to_string();
        let proposal = Proposal::ForceSeal {
            substrate_id: self.substrate.clone(),
            migration_id: migration_id.clone(),
            destination: self.chips[0].id(),
            reason: "the chip is lost".into(),
        };
        // Refused now, due after the proposal: a refusal leaves nothing behind, so the same envelope is accepted then.
        let ballot = self.caller.about(&proposal_id, &proposal).await.ok_or(Stopped)?;
        let vote = Command::Vote(Vote { proposal_id: proposal_id.clone(), ballot, approve: true });
        let early = self.caller.sign(&self.caller.root(1), vote.clone());
        match self.settled("vote before the proposal", &early).await? {
            Answer::Refused(Code::UnknownProposal) => {}
            other => return self.wrong(format!("a vote before its proposal was answered with {other:?}")),
        }
        let root = self.caller.root(0);
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
                _ => self.must_by("vote", &self.caller.root(organisation), vote.clone()).await?,
            };
        }
        let BallotStanding::Carried { nonce: Some(nonce), .. } = result::<BallotCounted>(receipt)?.standing else {
            return self.wrong("a seal by ballot has no nonce".into());
        };
        let activation = self.activation(migration_id, nonce)?;
        self.arrive(0, &activation).await?;
        self.stays_invalidated(1, 3).await
    }

    /// A stranger verifies the whole history, with the bytes alone.
    async fn bundle(&mut self) -> Step {
        for _ in 0..2 {
            self.opened(Outcome::Verified).await?;
            self.close().await?;
            // A reader that is cut off asks again later; only whole bundles are judged.
            if let Ok(bundle) = self.caller.client.bundle(&self.substrate).await
                && let Err(what) = g16_served::bundle(&bundle, Reader::consistency())
            {
                return self.wrong(what);
            }
        }
        Ok(())
    }

    /// A node whose copy fails where the copies of the others hold loses its vote, and its later verdicts do not count.
    async fn quarantine(&mut self) -> Step {
        let Some(id) = quarantined(self.caller.seed, self.nodes) else { return Ok(()) };
        self.opened(Outcome::Verified).await?;
        let Ok(state) = self.caller.client.substrate(&self.substrate).await else { return Err(Stopped) };
        let (verification, _) = state.decided.ok_or(Stopped)?;
        let node = self.caller.actor(Role::Node, node_key(self.caller.seed, id));
        let verdict = |substrate_id: &str, text: &str| {
            Command::Verdict(GiveVerdict {
                substrate_id: substrate_id.parse().unwrap(),
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
        // To a client QUARANTINED also means that the node it asked does not serve, so only an accepted verdict is a mistake.
        let envelope = self.caller.sign(&node, second);
        self.caller.oracle.never(envelope.digest());
        if let Answer::Ok(_) = self.caller.once("verdict of a quarantined node", &envelope).await {
            return self.wrong("a verdict of a quarantined node counted".into());
        }
        self.close().await
    }

    /// A wrong continuity hash suppresses for ever.
    async fn tamper(&mut self) -> Step {
        let found = self.open(Some(Digest::of(b"another history")), None).await?;
        if found != Outcome::HashMismatch {
            return self.wrong(format!("another continuity hash came to {found}"));
        }
        let a = self.chips[0].clone();
        let open = Command::OpenSession(OpenSession {
            substrate_id: self.substrate.clone(),
            fence: self.fence(),
            continuity_hash: self.writer.continuity_hash(),
            founding: None,
            new_lineage: None,
        });
        self.never("open after suppression", &a, open, &[Code::Suppressed]).await
    }

    /// Another founding document is another entity.
    async fn drift(&mut self) -> Step {
        self.birth().await?;
        self.opened(Outcome::InsufficientDepth).await?;
        self.close().await?;
        let other = json!({"branch_a": {"claim": "Another."}, "branch_b": {"claim": "Entity."}});
        let found = self.open(self.writer.continuity_hash(), Some(other)).await?;
        if found != Outcome::DriftExceeded {
            return self.wrong(format!("another founding document came to {found}"));
        }
        let a = self.chips[0].clone();
        self.never("append to an ended lineage", &a, self.append(self.fence()), &[Code::LineageEnded]).await
    }
}
