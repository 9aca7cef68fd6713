//! Chips that are cloned or rolled back, migrations with stolen attestations, and organisations that vote too often.

use super::Kind;
use super::byzantine::{Adversary, attack};
use crate::invariants::g16_served;
use crate::oracle::Answer;
use crate::random::uuid;
use crate::world::CLUSTER;
use rand::Rng;
use selfsame::actor::Actor;
use selfsame_machine::state::{HolderStatus, Phase, Substrate};
use selfsame_protocol::bundle::Reader;
use selfsame_protocol::canon;
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{
    AbortMigration, Append, Arrive, CloseCycle, CloseSession, Command, EnrolChip, EnrolNode, FencingToken, GiveVerdict,
    GoalVector, InitSubstrate, Item, OpenSession, Proposal, Propose, RetireNode, Role, Seal, Vote,
};
use selfsame_protocol::constitution::ballot_digest;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::Ledger;
use selfsame_protocol::p104::{self, Attestation, Claims, Outcome, Technology, Thresholds};
use selfsame_protocol::record::Finding;
use selfsame_protocol::response::{BallotCounted, SessionRequested};
use selfsame_protocol::time::U64;
use serde_json::json;
use std::collections::BTreeMap;

/// B8: attestations over the wrong nonce, migration, epoch or head, by the wrong chip, or used again.
pub const STALE_ATTESTATION: Kind = Kind {
    name: "B8_stale_attestation",
    most: 1,
    for_ms: (1_000, 2_000),
    draw: |random, _| attack(STALE_ATTESTATION.name, |adversary| Box::pin(stale_attestation(adversary)), random),
};

/// B9: two holders of one chip's key append at the same time.
pub const CLONED_CHIP: Kind = Kind {
    name: "B9_cloned_chip",
    most: 1,
    for_ms: (1_000, 2_000),
    draw: |random, _| attack(CLONED_CHIP.name, |adversary| Box::pin(cloned_chip(adversary)), random),
};

/// B10: a chip comes back with the memory of an earlier time.
pub const ROLLED_BACK_CHIP: Kind = Kind {
    name: "B10_rolled_back_chip",
    most: 1,
    for_ms: (1_000, 2_000),
    draw: |random, _| attack(ROLLED_BACK_CHIP.name, |adversary| Box::pin(rolled_back_chip(adversary)), random),
};

/// B11: a ballot with too few organisations, and one that votes twice.
pub const STUFFED_BALLOT: Kind = Kind {
    name: "B11_stuffed_ballot",
    most: 1,
    for_ms: (1_000, 2_000),
    draw: |random, _| attack(STUFFED_BALLOT.name, |adversary| Box::pin(stuffed_ballot(adversary)), random),
};

/// B12: one organisation's key speaks for another organisation's node.
pub const FOREIGN_NODE: Kind = Kind {
    name: "B12_foreign_node",
    most: 1,
    for_ms: (1_000, 2_000),
    draw: |random, _| attack(FOREIGN_NODE.name, |adversary| Box::pin(foreign_node(adversary)), random),
};

/// The birth of a substrate with a random id: the id, and the chip's command.
pub fn birth(adversary: &mut Adversary, chip: &Actor) -> (String, Command) {
    let id = uuid(&mut adversary.random);
    let founding = json!({"branch_a": {"claim": "It is I."}, "branch_b": {"claim": "It was somebody else.", "of": id}});
    let initialised = adversary.now();
    let claims = Claims::Birth {
        substrate_id: id.clone(),
        founding_tension_hash: p104::founding_tension_hash(&canon::to_canonical(&founding)),
        initialisation_timestamp: initialised,
        schema_version_at_init: p104::SCHEMA_VERSION.into(),
    };
    let init = Command::InitSubstrate(InitSubstrate {
        substrate_id: id.clone(),
        founding,
        initialisation_timestamp: initialised,
        schema_version: p104::SCHEMA_VERSION.into(),
        parameters: BTreeMap::new(),
        thresholds: Thresholds::default(),
        attestation: Some(Attestation::software(&claims, &chip.key)),
    });
    (id, init)
}

/// A substrate of the adversary's own, with two chips: what it does honestly, so that what it does besides is the only
/// thing wrong.
pub struct Own {
    /// UUID.
    pub id: String,
    /// Its chips; the first is born active.
    pub chips: [Actor; 2],
}

impl Own {
    /// Enrols the chips and lets the substrate be born.
    pub async fn born(adversary: &mut Adversary) -> Option<Own> {
        let root = adversary.root(0);
        let chips = ["a", "b"].map(|letter| adversary.actor(Role::Chip, adversary.fresh_key(letter)));
        for chip in &chips {
            let enrol = Command::EnrolChip(EnrolChip { chip: chip.key.public(), technology: Technology::Software });
            adversary.honest("B enrol", &root, enrol).await?;
        }
        let (id, init) = birth(adversary, &chips[0]);
        adversary.honest("B birth", &chips[0], init).await?;
        Some(Own { id, chips })
    }

    /// Its state, once a node gives it.
    pub async fn state(&self, adversary: &Adversary) -> Option<Substrate> {
        for _ in 0..12 {
            if let Ok(state) = adversary.client.substrate(&self.id).await {
                return Some(state);
            }
            adversary.pause(300).await;
        }
        None
    }

    /// The next right to write.
    pub fn fence(state: &Substrate) -> FencingToken {
        FencingToken { epoch: state.holder.epoch, seq: U64(state.holder.seq.0 + 1) }
    }

    /// An append of one item.
    pub fn append(&self, fence: FencingToken, text: &str) -> Command {
        let item = Item { ledger: Ledger::Evidence, data: json!(text), evidence: Vec::new(), runs: Vec::new() };
        Command::Append(Append { substrate_id: self.id.clone(), fence, items: vec![item] })
    }

    /// Asks for a session and waits for the verdicts.
    pub async fn open(&self, adversary: &mut Adversary, chip: usize, kept: Option<Digest>) -> Option<Substrate> {
        let state = self.state(adversary).await?;
        let open = Command::OpenSession(OpenSession {
            substrate_id: self.id.clone(),
            fence: Own::fence(&state),
            continuity_hash: kept,
            founding: None,
            new_lineage: None,
        });
        adversary.honest("B open", &self.chips[chip], open).await?;
        for _ in 0..40 {
            let state = self.state(adversary).await?;
            if state.phase != Phase::Verifying {
                return Some(state);
            }
            adversary.pause(300).await;
        }
        None
    }

    /// One whole session with a cycle, so that the substrate has a continuity hash to keep.
    pub async fn session(&self, adversary: &mut Adversary, chip: usize) -> Option<Substrate> {
        let kept = self.state(adversary).await?.last_close.map(|close| close.cross_session_identity_continuity_hash);
        let state = self.open(adversary, chip, kept).await?;
        let actor = self.chips[chip].clone();
        let cycle = Command::CloseCycle(CloseCycle {
            substrate_id: self.id.clone(),
            fence: Own::fence(&state),
            cycle_id: format!("cycle/{}", state.lineage_depth),
            goalvector: GoalVector {
                goalvector_id: "goal".into(),
                outcome: json!({"resolved": true}),
                evidence: Vec::new(),
                runs: Vec::new(),
            },
            prior_identity_hash: state.head,
        });
        adversary.honest("B cycle", &actor, cycle).await?;
        let state = self.state(adversary).await?;
        let append = self.append(Own::fence(&state), "seen");
        adversary.honest("B append", &actor, append).await?;
        let state = self.state(adversary).await?;
        let close = Command::CloseSession(CloseSession {
            substrate_id: self.id.clone(),
            fence: Own::fence(&state),
            head: state.head,
        });
        adversary.honest("B close", &actor, close).await?;
        self.state(adversary).await
    }

    async fn seal(&self, adversary: &mut Adversary, migration: &str, from: usize) -> Option<Substrate> {
        let state = self.state(adversary).await?;
        let close = state.last_close.as_ref()?;
        // The close itself stands in both ledgers, and verifications after it in one.
        let [evidence, reasoning] = self.depths(adversary).await?;
        let seal = Command::Seal(Seal {
            substrate_id: self.id.clone(),
            fence: Own::fence(&state),
            migration_id: migration.into(),
            destination: self.chips[1 - from].id(),
            head: state.head,
            continuity_hash: close.cross_session_identity_continuity_hash,
            evidence_ledger_depth: U64(evidence),
            reasoning_ledger_depth: U64(reasoning),
        });
        adversary.honest("B seal", &self.chips[from].clone(), seal).await?;
        self.state(adversary).await
    }

    /// The substrate's entries in each ledger, as a bundle shows them.
    async fn depths(&self, adversary: &Adversary) -> Option<[u64; 2]> {
        for _ in 0..12 {
            if let Ok(bundle) = adversary.client.bundle(&self.id).await {
                let shown = g16_served::bundle(&bundle, Reader::consistency());
                return shown.map_err(|what| adversary.oracle.violated(g16_served::NAME, what)).ok();
            }
            adversary.pause(300).await;
        }
        None
    }
}

/// What an attestation for the migration under way must claim.
fn claims(id: &str, state: &Substrate) -> Option<Claims> {
    let migration = state.migration.as_ref()?;
    Some(Claims::Activation {
        cluster: CLUSTER.into(),
        substrate_id: id.into(),
        migration_id: migration.migration_id.clone(),
        nonce: migration.nonce,
        epoch: U64(migration.epoch.0 + 1),
        continuity_hash: migration.continuity_hash,
        head: migration.head,
    })
}

async fn stale_attestation(mut adversary: Adversary) {
    let adversary = &mut adversary;
    let Some(own) = Own::born(adversary).await else { return };
    if own.session(adversary, 0).await.is_none() {
        return;
    }
    let Some(sealed) = own.seal(adversary, "first", 0).await else { return };
    let (Some(right), Some(migration)) = (claims(&own.id, &sealed), sealed.migration.clone()) else { return };
    let arrive = |migration_id: &str, attestation: Attestation| {
        Command::Arrive(Arrive {
            substrate_id: own.id.clone(),
            migration_id: migration_id.into(),
            attestation,
            continuity_hash: migration.continuity_hash,
            head: migration.head,
        })
    };
    let [origin, destination] = own.chips.clone();
    let bent = |change: fn(&mut Claims)| {
        let mut claims = right.clone();
        change(&mut claims);
        Attestation::software(&claims, &destination.key)
    };
    let mut flipped = Attestation::software(&right, &destination.key);
    flipped.signature = flipped.signature.chars().rev().collect();
    let attempts = [
        (
            "B8 wrong nonce",
            bent(|claims| {
                if let Claims::Activation { nonce, .. } = claims {
                    *nonce = Digest::of(b"another nonce");
                }
            }),
        ),
        (
            "B8 other migration",
            bent(|claims| {
                if let Claims::Activation { migration_id, .. } = claims {
                    *migration_id = "another".into();
                }
            }),
        ),
        (
            "B8 other cluster",
            bent(|claims| {
                if let Claims::Activation { cluster, .. } = claims {
                    *cluster = "elsewhere".into();
                }
            }),
        ),
        (
            "B8 old epoch",
            bent(|claims| {
                if let Claims::Activation { epoch, .. } = claims {
                    epoch.0 -= 1;
                }
            }),
        ),
        (
            "B8 other head",
            bent(|claims| {
                if let Claims::Activation { head, .. } = claims {
                    *head = Digest::of(b"another head");
                }
            }),
        ),
        ("B8 attested by the origin", Attestation::software(&right, &origin.key)),
        ("B8 flipped", flipped),
    ];
    for (what, attestation) in attempts {
        let command = arrive("first", attestation);
        adversary.denied(what, &destination, command, &[Code::AttestationInvalid]).await;
    }
    let good = Attestation::software(&right, &destination.key);
    let as_origin = arrive("first", Attestation::software(&right, &origin.key));
    adversary.denied("B8 origin arrives", &origin, as_origin, &[Code::WrongDestination]).await;
    adversary.denied("B8 unknown migration", &destination, arrive("none", good.clone()), &[Code::MigrationState]).await;
    let append = own.append(Own::fence(&sealed), "while sealed");
    adversary.denied("B8 append while sealed", &origin, append, &[Code::Sealed]).await;
    let abort = Command::AbortMigration(AbortMigration {
        substrate_id: own.id.clone(),
        migration_id: "first".into(),
        attestation: Attestation::software(&right, &origin.key),
    });
    if adversary.honest("B8 abort", &origin, abort).await.is_none() {
        return;
    }
    adversary.denied("B8 after abort", &destination, arrive("first", good.clone()), &[Code::MigrationState]).await;
    let append = own.append(Own::fence(&sealed), "from the ended epoch");
    adversary.denied("B8 ended epoch", &origin, append, &[Code::ChipInvalidated]).await;
    // A second migration has a nonce of its own: what was attested for the first is worth nothing.
    let Some(again) = own.seal(adversary, "second", 0).await else { return };
    adversary.denied("B8 nonce of the first", &destination, arrive("second", good), &[Code::AttestationInvalid]).await;
    let Some(right) = claims(&own.id, &again) else { return };
    let good = arrive("second", Attestation::software(&right, &destination.key));
    if adversary.honest("B8 arrive", &destination, good.clone()).await.is_some() {
        adversary.denied("B8 arrive twice", &destination, good, &[Code::MigrationState]).await;
        let append = own.append(Own::fence(&again), "from the source");
        adversary.denied("B8 source writes on", &origin, append, &[Code::ChipInvalidated]).await;
    }
}

async fn cloned_chip(mut adversary: Adversary) {
    let adversary = &mut adversary;
    let Some(own) = Own::born(adversary).await else { return };
    if own.open(adversary, 0, None).await.is_none() {
        return;
    }
    let chip = own.chips[0].clone();
    for round in 0..6 {
        let Some(state) = own.state(adversary).await else { return };
        let fence = Own::fence(&state);
        let [a, b] = ["one", "the other"].map(|who| {
            let command = own.append(fence, &format!("{who} in round {round}"));
            adversary.sign(&chip, command)
        });
        // Each through a node of its own, as far as the clients' choice of nodes goes.
        let clone = adversary.client.clone();
        let calls = [&a, &b]
            .map(|envelope| adversary.oracle.invoked(&adversary.name, "B9 append", Digest::of(&envelope.to_bytes())));
        let (first, second) = tokio::join!(clone.submit(&a), adversary.client.submit(&b));
        let answers = [Answer::of(first), Answer::of(second)];
        for (call, answer) in calls.into_iter().zip(&answers) {
            adversary.oracle.answered(call, answer.clone());
        }
        match answers {
            [Answer::Ok(a), Answer::Ok(b)] => {
                adversary.succeeded(format!("two clones wrote at {fence:?}: {a:?} and {b:?}"));
            }
            [Answer::Refused(code), _] | [_, Answer::Refused(code)] if code != Code::StaleSequence => {
                adversary.succeeded(format!("the clone that came second is refused as {code}"));
            }
            // At least one was refused as it must be; an open answer is settled by the next reading of the state.
            _ => {}
        }
        let after = own.state(adversary).await.map(|state| state.holder.seq.0);
        if after.is_some_and(|after| after > fence.seq.0) {
            adversary.succeeded(format!("one sequence number was taken twice: {fence:?} led to {after:?}"));
        }
    }
}

async fn rolled_back_chip(mut adversary: Adversary) {
    let adversary = &mut adversary;
    let Some(own) = Own::born(adversary).await else { return };
    let chip = own.chips[0].clone();
    let Some(first) = own.session(adversary, 0).await else { return };
    let Some(second) = own.session(adversary, 0).await else { return };
    // It wakes with the sequence number of an hour ago.
    let kept = |state: &Substrate| state.last_close.as_ref().map(|close| close.cross_session_identity_continuity_hash);
    let open = |fence: FencingToken, kept: Option<Digest>| {
        Command::OpenSession(OpenSession {
            substrate_id: own.id.clone(),
            fence,
            continuity_hash: kept,
            founding: None,
            new_lineage: None,
        })
    };
    let old = Own::fence(&first);
    adversary.denied("B10 old sequence", &chip, open(old, kept(&first)), &[Code::StaleSequence]).await;
    adversary.denied("B10 old append", &chip, own.append(old, "again"), &[Code::StaleSequence]).await;
    let repeated = FencingToken { epoch: second.holder.epoch, seq: second.holder.seq };
    adversary.denied("B10 last sequence", &chip, own.append(repeated, "again"), &[Code::StaleSequence]).await;
    // It learns the number from the ledger, but what it remembers of its last session is older than the ledger's: the
    // nodes find that out, and nobody writes for this substrate again.
    let Some(state) = own.open(adversary, 0, kept(&first)).await else { return };
    if state.status != Some(Outcome::HashMismatch) || state.suppressed.is_none() {
        adversary.succeeded(format!("a chip with an old memory was let in: {:?}", state.status));
        return;
    }
    let next = Own::fence(&state);
    adversary.denied("B10 suppressed append", &chip, own.append(next, "after"), &[Code::Suppressed]).await;
    adversary.denied("B10 suppressed open", &chip, open(next, kept(&second)), &[Code::Suppressed]).await;
}

async fn stuffed_ballot(mut adversary: Adversary) {
    let adversary = &mut adversary;
    let Some(own) = Own::born(adversary).await else { return };
    if own.session(adversary, 0).await.is_none() {
        return;
    }
    let ballot = format!("ballot/{}", adversary.name);
    let proposal = Proposal::ForceSeal {
        substrate_id: own.id.clone(),
        migration_id: "forced".into(),
        destination: own.chips[1].id(),
        reason: "They say that the chip is lost.".into(),
    };
    let about = ballot_digest(&adversary.genesis.constitution().hash(), &ballot, &proposal);
    let propose = Command::Propose(Propose { proposal_id: ballot.clone(), proposal });
    let vote = |approve| Command::Vote(Vote { proposal_id: ballot.clone(), ballot: about, approve });
    let root = adversary.root(0);
    let operator = adversary.operator(0);
    let as_root = adversary.actor(Role::Root, operator.key.clone());
    let wrong = [Code::RoleDenied, Code::UnknownKey];
    adversary.denied("B11 operator proposes", &as_root, propose.clone(), &wrong).await;
    let unknown = Command::Vote(Vote { proposal_id: format!("{ballot}/none"), ballot: about, approve: true });
    adversary.denied("B11 unknown ballot", &root, unknown, &[Code::UnknownProposal]).await;
    if adversary.honest("B11 propose", &root, propose.clone()).await.is_none() {
        return;
    }
    adversary.denied("B11 propose twice", &root, propose, &[Code::ProposalIdReused]).await;
    // Votes of others on another ballot do not count for this one.
    let other = Command::Vote(Vote { proposal_id: ballot.clone(), ballot: Digest::of(b"another"), approve: true });
    let second = adversary.root(1);
    adversary.denied("B11 another proposal", &second, other, &[Code::StateMismatch]).await;
    let organisations = adversary.organisations();
    // More than two thirds.
    let threshold = organisations * 2 / 3 + 1;
    for approvals in 1..=threshold {
        // Whoever voted may not vote again, neither the same nor otherwise.
        let voted = adversary.random.gen_range(0..approvals);
        let again = adversary.root(voted);
        let approve = adversary.random.gen_bool(0.5);
        if approvals < threshold {
            adversary.denied("B11 second vote", &again, vote(approve), &[Code::AlreadyVoted]).await;
            let Some(state) = own.state(adversary).await else { return };
            if state.holder.status != HolderStatus::Active {
                adversary.succeeded(format!("sealed with {approvals} of {threshold} organisations"));
            }
            let next = adversary.root(approvals);
            let Some(receipt) = adversary.honest("B11 vote", &next, vote(true)).await else { return };
            let carried = BallotCounted::try_from(receipt.result).map(|ballot| ballot.carried());
            if carried != Ok(approvals + 1 >= threshold) {
                adversary.succeeded(format!("{} of {threshold} votes: carried {carried:?}", approvals + 1));
            }
        } else {
            adversary.denied("B11 vote after the end", &again, vote(approve), &[Code::ProposalClosed]).await;
        }
    }
    let Some(state) = own.state(adversary).await else { return };
    let append = own.append(Own::fence(&state), "after the ballot");
    let chip = own.chips[0].clone();
    adversary.denied("B11 sealed", &chip, append, &[Code::Sealed]).await;
}

async fn foreign_node(mut adversary: Adversary) {
    let adversary = &mut adversary;
    // Organisation 0 tries to speak for a node of another one.
    let victim = 2;
    let root = adversary.root(0);
    let stolen = adversary.node_key(victim).public();
    let fresh = adversary.fresh_key("node");
    let cosigner = fresh.cosigner().public();
    let enrol = |node, key| Command::EnrolNode(EnrolNode { node: U64(node), key, cosigner });
    adversary.denied("B12 node id taken", &root, enrol(victim, fresh.public()), &[Code::NodeIdReused]).await;
    adversary.denied("B12 node key taken", &root, enrol(1_000, stolen), &[Code::KeyExists]).await;
    let retire = Command::RetireNode(RetireNode { node: U64(victim) });
    adversary.denied("B12 foreign node retired", &root, retire, &[Code::RoleDenied]).await;
    let Some(own) = Own::born(adversary).await else { return };
    let Some(state) = own.state(adversary).await else { return };
    let open = Command::OpenSession(OpenSession {
        substrate_id: own.id.clone(),
        fence: Own::fence(&state),
        continuity_hash: None,
        founding: None,
        new_lineage: None,
    });
    let chip = own.chips[0].clone();
    let Some(receipt) = adversary.honest("B12 open", &chip, open).await else { return };
    let Ok(requested) = SessionRequested::try_from(receipt.result) else {
        adversary.succeeded("an open was answered with the result of another command");
        return;
    };
    // A damning verdict, by everybody who is not a node of the cluster.
    let verdict = Command::Verdict(GiveVerdict {
        substrate_id: own.id.clone(),
        verification: requested.verification,
        finding: Finding {
            outcome: Outcome::HashMismatch,
            check: "HEAD".into(),
            at: None,
            expected: String::new(),
            found: String::new(),
            drift: 0,
            lineage_depth: U64(0),
            recomputed: None,
            entries_checked: U64(0),
        },
    });
    for (what, key, code) in [
        ("B12 verdict by a stranger", fresh, Code::UnknownKey),
        ("B12 verdict by a root key", root.key.clone(), Code::RoleDenied),
        ("B12 verdict by the chip", chip.key.clone(), Code::RoleDenied),
    ] {
        let actor = adversary.actor(Role::Node, key);
        adversary.denied(what, &actor, verdict.clone(), &[code]).await;
    }
    for _ in 0..40 {
        let Some(state) = own.state(adversary).await else { return };
        if state.phase != Phase::Verifying {
            if state.status == Some(Outcome::HashMismatch) {
                adversary.succeeded("a verdict by somebody else counted");
            }
            return;
        }
        adversary.pause(300).await;
    }
}
