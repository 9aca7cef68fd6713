//! Seals, arrivals, aborts and recoveries.

use super::super::{Book, Draft};
use crate::cast::{chip, tension};
use selfsame_protocol::ledger::Ledger::Reasoning;
use serde_json::{Value, json};

const SEAL: &str = "migration_seal";
const ARRIVAL: &str = "migration_identity_attestation";
const ABORT: &str = "migration_abort";
const CYCLE: &str = "identity_propagation";
const RECOVERY: &str = "holder_recovery";
const VERIFIED: &str = "identity_verification";

pub fn cases(life: &mut Book, young: &mut Book, shallow: &mut Book, bare: &mut Book) {
    sealed(life);
    seals(life, young, bare);
    arrivals(life, shallow);
    recoveries(life);
}

fn sealed(b: &mut Book) {
    b.case("SEALED", "a session while sealed", |d| {
        let (verification, seal) = (d.at(VERIFIED, 2), d.at(SEAL, 1));
        d.again(verification, seal);
    });
    b.case("SEALED", "a whole session while sealed, then the arrival", |d| {
        let (verification, seal) = (d.at(VERIFIED, 2), d.at(SEAL, 1));
        let at = d.again(verification, seal);
        d.again(d.at("reasoning", 0), at);
    });
    b.case("SEALED", "two seals without a ballot", |d| {
        let seal = d.at(SEAL, 0);
        let at = d.again(seal, seal);
        d.world.pin(at, |record| record["migration_id"] = json!("m9"));
        d.world.pin(seal, |_| {});
    });
    b.case("SEALED", "a refused write while sealed", |d| {
        let (refusal, seal) = (d.at("write_refusal", 0), d.at(SEAL, 0));
        d.again(refusal, seal);
    });
}

fn seals(b: &mut Book, young: &mut Book, bare: &mut Book) {
    let other = json!(tension(&json!("other")));
    for (check, name, pointer, value) in [
        ("MIGRATION_EPOCH", "a seal at another epoch", "/epoch", json!("9")),
        ("MIGRATION_ORIGIN", "a seal of another chip", "/origin", json!(chip(2).public().id())),
        ("SEAL_DESTINATION", "a seal to the chip itself", "/destination", json!(chip(0).public().id())),
        ("SEAL_HEAD", "a seal of another head", "/head", other.clone()),
        ("CONTINUITY_HASH", "a seal of another continuity hash", "/continuity_hash", other.clone()),
        ("SEAL_DEPTH", "a seal at another Evidence depth", "/evidence_ledger_depth", json!("1")),
        ("SEAL_DEPTH", "a seal at another Reasoning depth", "/reasoning_ledger_depth", json!("1")),
        ("SEAL_INDEX", "a seal before the log began", "/seal_index", json!("0")),
        ("ANCHOR_SIZE", "a seal whose Evidence ledger is smaller than before", "/evidence_ledger/size", json!("2")),
    ] {
        b.case(check, name, |d| d.set(SEAL, 0, pointer, value));
    }
    b.case("SEAL_INDEX", "a seal before the one before it", |d| d.set(SEAL, 1, "/seal_index", json!("1")));
    b.case("MIGRATION_NONCE", "a chosen nonce", |d| d.last(SEAL, 0, "/nonce", other.clone()));
    b.case("MIGRATION_ID_ONCE", "one migration id twice", |d| d.set(SEAL, 1, "/migration_id", json!("m1")));
    b.case("BALLOT_ONCE", "one ballot that sealed twice", |d| d.set(SEAL, 3, "/ballot", json!("b1")));
    b.case("SEAL_CLOSED", "a seal in an open session", |d| {
        let (seal, reasoning) = (d.at(SEAL, 0), d.at("reasoning", 1));
        d.again(seal, reasoning);
    });
    young.case("CONTINUITY_HASH", "a seal before the first close", |d| {
        let seal = json!({"record_type": SEAL, "migration_id": "m1", "origin": chip(0).public().id(),
            "destination": chip(1).public().id(), "epoch": "1", "head": other, "continuity_hash": other,
            "evidence_ledger_depth": "0", "reasoning_ledger_depth": "0", "nonce": other, "seal_index": "9",
            "evidence_ledger": {"size": "0", "root": other}});
        d.behind(d.at("substrate_identity", 0), Reasoning, seal);
    });
    bare.case("SEAL_COMPLETE", "a migration of an unattested birth where attestation is required", |d| {
        d.set("substrate_identity", 0, "/constitution/thresholds/migration_attestation", json!(true));
    });
}

/// The next activation as if a session had been closed and sealed again: pins one member at the end of the signing.
fn arrival(d: &mut Draft<'_>, pointer: &'static str, value: Value) {
    d.set(ARRIVAL, 0, pointer, value);
}

fn arrivals(b: &mut Book, shallow: &mut Book) {
    let other = json!(tension(&json!("other")));
    let [second, first] = [2, 0].map(|number| json!(chip(number).public().id()));
    for (check, name, pointer, value) in [
        ("MIGRATION_SEALED", "an arrival of another migration", "/migration_id", json!("m1")),
        ("MIGRATION_EPOCH", "an arrival at the epoch of before", "/epoch", json!("2")),
        ("MIGRATION_ORIGIN", "an arrival from another chip", "/origin", second.clone()),
        ("MIGRATION_DESTINATION", "an arrival of another chip than sealed", "/destination", second.clone()),
        ("MIGRATION_NONCE", "an arrival under another nonce", "/nonce", other.clone()),
        ("CONTINUITY_HASH", "an arrival with another continuity hash", "/continuity_hash", other.clone()),
        ("ORIGIN_ATTESTATION", "an arrival from another activation", "/origin_attestation_hash", other.clone()),
    ] {
        b.case(check, name, |d| arrival(d, pointer, value));
    }
    b.case("MIGRATION_CHIP", "an arrival that another chip attests", |d| {
        d.last(ARRIVAL, 0, "/destination", second.clone());
    });
    b.case("ATTESTATION_HASH", "an arrival with another attestation hash", |d| {
        d.last(ARRIVAL, 0, "/destination_attestation_hash", other.clone());
    });
    b.case("MIGRATION_ATTESTATION", "an arrival that attests something else", |d| {
        let (attestation, hash) = {
            let record = &d.world.entries[d.at(ARRIVAL, 1)].value["record"];
            (record["attestation"].clone(), record["destination_attestation_hash"].clone())
        };
        // By another chip's key, so that the chip is named too.
        d.last(ARRIVAL, 0, "/attestation", attestation);
        d.last(ARRIVAL, 0, "/destination_attestation_hash", hash);
        d.last(ARRIVAL, 0, "/destination", first.clone());
    });
    b.case("ARRIVAL_CYCLE", "an arrival without its cycle", |d| d.remove(CYCLE, 2));
    b.case("ARRIVAL_CYCLE", "an arrival, then something else, then its cycle", |d| {
        let (refusal, arrival) = (d.at("write_refusal", 0), d.at(ARRIVAL, 0));
        d.again(refusal, arrival);
    });
    b.case("ARRIVAL_CYCLE", "a history that ends between an arrival and its cycle", |d| d.end(d.at(ARRIVAL, 0)));
    b.case("MIGRATION_ARRIVAL", "a migration cycle without an arrival", |d| {
        d.remove(ARRIVAL, 0);
        d.remove(SEAL, 1);
    });
    b.case("MIGRATION_ARRIVAL", "a migration cycle that resolves another arrival", |d| {
        d.set(CYCLE, 2, "/goalvector/nonce", other.clone());
    });
    b.case("MIGRATION_ORIGIN", "a migration cycle with another origin", |d| {
        d.set(CYCLE, 2, "/origin_attestation_hash", other.clone());
    });
    b.case("MIGRATION_DESTINATION", "a migration cycle with another destination", |d| {
        d.set(CYCLE, 2, "/destination_attestation_hash", other.clone());
    });
    b.case("CONSTITUTION_UNCHANGED", "a migration to another chip than arrived", |d| {
        d.set(CYCLE, 2, "/constitution/chip", first.clone());
    });
    b.case("CONSTITUTION_UNCHANGED", "a migration that changes more than the chip", |d| {
        d.set(CYCLE, 2, "/constitution/parameters/limit", json!("99"));
    });
    b.case("CYCLE_ID", "a migration cycle with the id of another migration", |d| {
        d.set(CYCLE, 2, "/cycle_id", json!("migration/m1"));
    });
    b.case("CYCLE_ID", "a migration cycle with a plain id", |d| d.set(CYCLE, 2, "/cycle_id", json!("m2")));
    b.case("MIGRATION_ORIGIN", "an abort by the destination", |d| {
        d.set(ABORT, 0, "/chip", json!(chip(1).public().id()));
    });
    b.case("MIGRATION_EPOCH", "an abort that goes back to its epoch", |d| d.set(ABORT, 0, "/epoch", json!("1")));
    b.case("MIGRATION_SEALED", "an arrival of a migration that was superseded", |d| {
        d.set(ARRIVAL, 1, "/migration_id", json!("m3"));
    });
    b.case("MIGRATION_SEALED", "an abort behind the abort", |d| {
        let abort = d.at(ABORT, 0);
        d.again(abort, abort);
    });
    shallow.case("MIGRATION_DEPTH", "an arrival below the minimum depth", |d| {
        let close = d.at("session_close", 1);
        d.end(close);
        let other = json!(tension(&json!("other")));
        let (origin, destination) = (chip(0).public().id(), chip(1).public().id());
        let seal = json!({"record_type": SEAL, "migration_id": "m1", "origin": origin, "destination": destination,
            "epoch": "1", "head": other, "continuity_hash": other, "evidence_ledger_depth": "0",
            "reasoning_ledger_depth": "0", "nonce": other, "seal_index": "30",
            "evidence_ledger": {"size": "0", "root": other}});
        let at = d.behind(close, Reasoning, seal);
        let attestation = json!({"technology": "software", "chip": chip(1).public(), "signature": "00".repeat(64)});
        let arrival = json!({"record_type": ARRIVAL, "migration_id": "m1", "origin": origin,
            "destination": destination, "origin_attestation_hash": other, "destination_attestation_hash": other,
            "attestation": attestation, "continuity_hash": other, "nonce": other, "epoch": "2"});
        d.behind(at, Reasoning, arrival);
    });
}

fn recoveries(b: &mut Book) {
    b.case("RECOVERY_COUNT", "a recovery that was gone through before", |d| {
        d.set(RECOVERY, 2, "/recovery_count", json!("2"));
    });
    b.case("RECOVERY_COUNT", "more recoveries than the ledger has room for", |d| {
        // The last one: no later one shows the jump by what it says.
        d.set(RECOVERY, 2, "/recovery_count", json!("4000000000"));
    });
    b.case("RECOVERY_CHIP", "a recovery of another chip", |d| {
        d.set(RECOVERY, 0, "/chip", json!(chip(2).public().id()));
    });
    b.case("RECOVERY_EPOCH", "a recovery that ends another epoch", |d| d.last(RECOVERY, 0, "/ended", json!("2")));
    b.case("RECOVERY_EPOCH", "a recovery that skips too little", |d| d.last(RECOVERY, 0, "/epoch", json!("5")));
    b.case("RECOVERY_STEP", "the recovery of a holder that nobody asked for", |d| {
        let (recovery, verification) = (d.at(RECOVERY, 0), d.at(VERIFIED, 4));
        let seal = d.at(SEAL, 0);
        d.again(seal, recovery);
        assert!(recovery < verification);
    });
    b.case("RECOVERY_STEP", "the recovery of a holder in a session that goes on", |d| {
        let (reasoning, recovery) = (d.at("reasoning", 0), d.at(RECOVERY, 1));
        d.again(reasoning, recovery);
    });
    b.case("RECOVERY_STEP", "the recovery of a holder in a session that is closed and not sealed", |d| {
        let seal = d.at(SEAL, 4);
        let verification = d.at(VERIFIED, 6);
        d.world.remove(seal);
        assert!(verification > seal);
    });
    b.case("RECOVERY_STEP", "the recovery of a sealed holder at the end", |d| d.end(d.at(RECOVERY, 2)));
    b.case("SUBMISSION_GROUP", "a verification by the submission that asked for it", |d| {
        let recovery = d.at(RECOVERY, 0);
        let verification = d.at(VERIFIED, 4);
        d.world.entries[verification].submission = d.world.entries[recovery].submission;
    });
}
