//! Genuine histories in which everything happens that a machine can make happen to a substrate.

use crate::cast::*;
use crate::stage::Stage;
use selfsame_machine::read;
use selfsame_protocol::code::Code;
use selfsame_protocol::command::*;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::number::NodeId;
use selfsame_protocol::p104::{Attestation, Outcome, Thresholds};
use selfsame_protocol::record::EvidenceAnchor;
use selfsame_protocol::time::U64;
use serde_json::json;

/// A recovery of the cluster at its present trees.
pub fn recover(stage: &mut Stage, ballot: &str) {
    let anchor = |ledger| {
        let (size, root) = read::head(&stage.model, ledger).expect("a readable state");
        EvidenceAnchor { size: U64(size), root }
    };
    let proposal = Proposal::Recovery {
        reason: "two disks were lost".into(),
        evidence: anchor(Ledger::Evidence),
        reasoning: anchor(Ledger::Reasoning),
    };
    stage.ballot(3, ballot, proposal);
}

/// A ballot seals a substrate.
pub fn force_seal(stage: &mut Stage, ballot: &str, id: &str, migration: &str, destination: u8) {
    let proposal = Proposal::ForceSeal {
        substrate_id: id.parse().unwrap(),
        migration_id: migration.into(),
        destination: chip(destination).public().id(),
        reason: "the chip is lost".into(),
    };
    stage.ballot(3, ballot, proposal);
}

/// An abort at the epoch that follows, also after a recovery.
pub fn abort(stage: &mut Stage, id: &str, migration: &str, origin: u8) {
    let mut command = stage.abort_command(id, migration, &chip(origin));
    if let Command::AbortMigration(AbortMigration { attestation, .. }) = &mut command {
        *attestation = stage.activation(id, migration, &chip(origin));
    }
    stage.ok(Role::Chip, &chip(origin), command);
}

/// An arrival at the epoch that follows, also after a recovery.
pub fn arrive(stage: &mut Stage, id: &str, migration: &str, destination: u8) {
    let mut command = stage.arrive_command(id, migration, &chip(destination));
    if let Command::Arrive(Arrive { attestation, .. }) = &mut command {
        *attestation = stage.activation(id, migration, &chip(destination));
    }
    stage.ok(Role::Chip, &chip(destination), command);
}

/// A session in which something is written, and its close.
pub fn session(stage: &mut Stage, id: &str, by: u8, cycle: &str) {
    stage.open(id, &chip(by));
    stage.append(id, &chip(by), vec![item(Ledger::Evidence, cycle), item(Ledger::Reasoning, cycle)]);
    stage.cycle(id, &chip(by), cycle);
    stage.close(id, &chip(by));
}

/// A long life: sessions, amendments, recorded refusals, an abandoned session, migrations that arrive, are aborted,
/// forced, superseded, and three recoveries of the cluster. It ends in an open session.
pub fn life(stage: &mut Stage, id: &str) {
    stage.seasoned(id, 0);
    stage.open(id, &chip(0));
    let receipt = stage.append(id, &chip(0), vec![item(Ledger::Evidence, "again"), item(Ledger::Evidence, "more")]);
    let mut known = item(Ledger::Reasoning, "because of it");
    known.evidence = vec![receipt.entries[0].hash];
    stage.append(id, &chip(0), vec![known, item(Ledger::Evidence, "third")]);
    let mut dangling = item(Ledger::Reasoning, "of nothing");
    dangling.evidence = vec![tension(&json!("nowhere"))];
    let command = stage.append_command(id, vec![dangling]);
    stage.recorded(Role::Chip, &chip(0), command, Code::DanglingReference);
    for (limit, name) in [("12", "limit"), ("1", "other")] {
        let command = stage.amend_command(id, amendment(&[(name, json!(limit))]));
        stage.ok(Role::Chip, &chip(0), command);
    }
    let mut founding = amendment(&[]);
    founding.founding = Some(other_founding());
    let command = stage.amend_command(id, founding);
    stage.recorded(Role::Chip, &chip(0), command, Code::FoundingTensionProtected);
    let mut goal = goal("cycle/2");
    goal.evidence = vec![receipt.entries[1].hash];
    let mut command = stage.cycle_command(id, "cycle/2");
    if let Command::CloseCycle(CloseCycle { goalvector, .. }) = &mut command {
        *goalvector = goal;
    }
    stage.ok(Role::Chip, &chip(0), command);
    stage.ok(Role::Operator, &operator(0), Command::RecoverClose(RecoverClose { substrate_id: id.parse().unwrap() }));
    // Away and back, and away again.
    stage.seal(id, "m1", &chip(0), &chip(1));
    abort(stage, id, "m1", 0);
    stage.seal(id, "m2", &chip(0), &chip(1));
    arrive(stage, id, "m2", 1);
    session(stage, id, 1, "cycle/3");
    // Lost in an open session, then sent elsewhere before it arrived.
    stage.open(id, &chip(1));
    stage.append(id, &chip(1), vec![item(Ledger::Evidence, "last words")]);
    force_seal(stage, "b1", id, "m3", 2);
    force_seal(stage, "b2", id, "m4", 0);
    arrive(stage, id, "m4", 0);
    // Recoveries: before a session, within one that a ballot ends, before an arrival.
    recover(stage, "r1");
    session(stage, id, 0, "cycle/4");
    stage.open(id, &chip(0));
    recover(stage, "r2");
    force_seal(stage, "b3", id, "m5", 1);
    recover(stage, "r3");
    arrive(stage, id, "m5", 1);
    stage.open(id, &chip(1));
    stage.append(id, &chip(1), vec![item(Ledger::Reasoning, "at the end")]);
}

/// A life that ends with the next open: the chip presents another continuity hash than the ledger's.
pub fn suppressed(stage: &mut Stage, id: &str) {
    stage.seasoned(id, 0);
    let mut command = stage.open_command(id);
    if let Command::OpenSession(OpenSession { continuity_hash, .. }) = &mut command {
        *continuity_hash = Some(tension(&json!("another past")));
    }
    stage.ask_with(&chip(0), command);
    stage.honest(id, 1);
    stage.honest(id, 2);
    assert!(stage.substrate(id).suppressed.is_some());
}

/// A life that ends because two of four nodes found a failing copy.
pub fn undecided(stage: &mut Stage, id: &str) {
    let (key, cosigner) = (node(4).public(), node(4).cosigner().public());
    stage.ok(Role::Root, &root(0), Command::EnrolNode(EnrolNode { node: NodeId(4), key, cosigner }));
    stage.seasoned_by(id, 0, 3);
    let verification = stage.ask(id, &chip(0));
    stage.honest(id, 1);
    stage.honest(id, 4);
    for from in [2, 3] {
        let _ = stage.verdict(id, verification, from, claim(Outcome::HashMismatch));
    }
    assert!(stage.substrate(id).suppressed.is_some());
}

/// A life that another entity continues.
pub fn drifted(stage: &mut Stage, id: &str) {
    stage.seasoned(id, 0);
    let command = crate::stage::open_with_founding(stage, id, None);
    stage.ask_with(&chip(0), command);
    stage.honest(id, 1);
    stage.honest(id, 2);
    assert!(stage.substrate(id).successor.is_some());
}

/// Two sessions, a seal and an open session, as a substrate with these thresholds can have them.
fn two_sessions(stage: &mut Stage, id: &str) {
    session(stage, id, 0, "cycle/1");
    session(stage, id, 0, "cycle/2");
    stage.open(id, &chip(0));
    stage.append(id, &chip(0), vec![item(Ledger::Reasoning, "at the end")]);
}

/// A life without attestation, under other thresholds; it migrates.
pub fn unattested(stage: &mut Stage, id: &str, thresholds: Thresholds) {
    stage.ok(Role::Chip, &chip(0), birth_with(id, None, thresholds));
    session(stage, id, 0, "cycle/1");
    stage.seal(id, "m1", &chip(0), &chip(1));
    arrive(stage, id, "m1", 1);
}

/// A life with an attested birth, under other thresholds.
pub fn under(stage: &mut Stage, id: &str, thresholds: Thresholds) {
    let attestation = Attestation::software(&birth_claims(id, &founding()), &chip(0));
    stage.ok(Role::Chip, &chip(0), birth_with(id, Some(attestation), thresholds));
    two_sessions(stage, id);
}

/// A short life: two sessions, the second one open.
pub fn young(stage: &mut Stage, id: &str) {
    stage.seasoned(id, 0);
    stage.open(id, &chip(0));
    stage.append(id, &chip(0), vec![item(Ledger::Evidence, "one"), item(Ledger::Evidence, "two")]);
    stage.append(id, &chip(0), vec![item(Ledger::Reasoning, "three")]);
    stage.cycle(id, &chip(0), "cycle/2");
}
