//! Entries, what may follow what, and births.

use super::super::Book;
use super::at;
use crate::cast::{birth_claims, chip, founding, tension, uuid};
use selfsame_protocol::ledger::Ledger::{Evidence, Reasoning};
use selfsame_protocol::p104::Attestation;
use serde_json::json;

pub fn cases(life: &mut Book, young: &mut Book) {
    let zero = tension(&json!("zero"));
    let b = young;
    b.case("ENTRY_FORM", "an unknown member", |d| d.last("reasoning", 0, "/note", json!(1)));
    b.case("ENTRY_LEDGER", "an entry of the other ledger", |d| {
        d.entry(d.at("reasoning", 0), "ledger", json!("evidence"));
    });
    b.case("ENTRY_SUBJECT", "an entry of another subject", |d| {
        d.entry(d.at("reasoning", 0), "subject", json!("cluster"));
    });
    b.case("ENTRY_DEPTH", "an entry at another depth", |d| d.entry(d.at("reasoning", 0), "depth", json!("9")));
    b.case("PRIOR_ENTRY_HASH", "an entry that forgets the one before", |d| {
        d.entry(d.at("reasoning", 0), "prior_entry_hash", json!(null));
    });
    b.case("ENTRY_INDEX", "an entry before the one before", |d| {
        d.entry(d.at("reasoning", 0), "index", json!("0"));
    });
    b.case("ENTRY_TIME", "an entry of an earlier time", |d| {
        d.entry(d.at("reasoning", 0), "time", json!(at(1, 0)));
    });
    b.case("RECORD_KIND", "a record of governance in a substrate", |d| {
        let record = json!({"record_type": "governance", "action": {"action": "retire_node", "node": "1"}});
        d.behind(d.at("reasoning", 0), Reasoning, record);
    });
    b.case("RECORD_KIND", "evidence in Reasoning", |d| {
        d.behind(d.at("reasoning", 0), Reasoning, json!({"record_type": "evidence", "data": 1}));
    });
    b.case("RECORD_KIND", "reasoning in Evidence", |d| {
        d.behind(d.within(Evidence, "evidence", 0), Evidence, json!({"record_type": "reasoning", "data": 1}));
    });
    b.case("RECORD_KIND", "a refused duplicate in the chain of the substrate itself", |d| {
        let record = json!({"record_type": "duplicate_refused", "substrate_id": uuid(1), "chip": zero,
                            "code": "CHIP_NOT_ACTIVE"});
        d.behind(d.at("session_close", 0), Reasoning, record);
    });
    b.case("RECORD_KIND", "the outcome of a run in a substrate", |d| {
        let record = json!({"record_type": "run_attestation", "run_id": zero, "organisation": "agency"});
        d.behind(d.within(Evidence, "evidence", 0), Evidence, record);
    });
    b.case("BIRTH_FIRST", "a second birth", |d| {
        d.again(d.at("substrate_identity", 0), d.at("session_close", 0));
    });
    b.case("BIRTH_FIRST", "no birth", |d| d.remove("substrate_identity", 0));
    b.case("SUBMISSION_GROUP", "two appends with one submission", |d| {
        let (first, second) = (d.at("reasoning", 0), d.at("identity_propagation", 0));
        d.world.entries[second].submission = d.world.entries[first].submission;
    });
    b.case("SUBMISSION_GROUP", "evidence with the submission of the close before it", |d| {
        let (first, second) = (d.within(Evidence, "session_close", 0), d.within(Evidence, "evidence", 1));
        d.world.entries[second].submission = d.world.entries[first].submission;
    });
    b.case("SUBMISSION_GROUP", "a verification by the submission that closed the session before it", |d| {
        let (first, second) = (d.at("session_close", 0), d.at("identity_verification", 1));
        d.world.entries[second].submission = d.world.entries[first].submission;
    });
    b.case("SUBMISSION_GROUP", "somebody else's evidence in between one append", |d| {
        let second = d.within(Evidence, "evidence", 2);
        d.before(second, Evidence, json!({"record_type": "evidence", "data": 1}));
        d.world.entries[second].subject = format!("substrate:{}", uuid(7));
    });
    b.case("SUBMISSION_TIME", "one append at two times", |d| {
        let time = json!(at(17, 500));
        d.entry(d.within(Evidence, "evidence", 2), "time", time);
    });
    let b = life;
    b.case("SUBMISSION_GROUP", "a cycle by another submission than its amendments", |d| {
        d.alone(d.at("identity_propagation", 1));
    });
    b.case("SUBMISSION_GROUP", "an arrival by another submission than its cycle", |d| {
        d.alone(d.at("identity_propagation", 2));
    });
    b.case("SUBMISSION_GROUP", "an arrival by another submission than the recovery of its holder", |d| {
        let at = d.at("migration_identity_attestation", 2);
        d.alone(at);
        d.world.entries[at + 1].submission = d.world.entries[at].submission;
    });
    b.case("SUBMISSION_GROUP", "somebody else's entry in between an amendment and its cycle", |d| {
        let cycle = d.at("identity_propagation", 1);
        d.before(cycle, Reasoning, json!({"record_type": "reasoning", "data": 1}));
        d.world.entries[cycle].subject = format!("substrate:{}", uuid(7));
    });
    b.case("SUBMISSION_TIME", "an amendment and its cycle at two times", |d| {
        let time = d.world.entries[d.at("amendment_refusal", 0)].value["time"].clone();
        d.entry(d.at("amendment", 0), "time", time);
    });
    b.case("SESSION_GATE", "reasoning behind the close", |d| {
        let (reasoning, close) = (d.at("reasoning", 0), d.at("session_close", 0));
        d.again(reasoning, close);
    });
    b.case("SESSION_GATE", "a cycle before the first session", |d| {
        let (cycle, birth) = (d.at("identity_propagation", 0), d.at("substrate_identity", 0));
        let at = d.again(cycle, birth);
        d.world.pin(at, |record| record["cycle_id"] = json!("early"));
    });
    b.case("SESSION_GATE", "a refused write behind the close", |d| {
        let (refusal, close) = (d.at("write_refusal", 0), d.at("session_close", 0));
        d.again(refusal, close);
    });
    b.case("SESSION_GATE", "a refused amendment behind the close", |d| {
        let (refusal, close) = (d.at("amendment_refusal", 0), d.at("session_close", 0));
        d.again(refusal, close);
    });
    b.case("SESSION_GATE", "an amendment behind the close", |d| {
        let (amendment, close) = (d.at("amendment", 0), d.at("session_close", 0));
        d.again(amendment, close);
    });
    b.case("SESSION_GATE", "a second close", |d| {
        let close = d.within(Evidence, "session_close", 0);
        let at = d.again(close, d.at("session_close", 0));
        let second = d.again(close, at);
        d.world.entries[second].ledger = Reasoning;
        d.world.entries[second].submission = d.world.entries[at].submission;
    });
}

pub fn births(b: &mut Book) {
    let other = json!(tension(&json!("other")));
    let id = uuid(1);
    b.case("SUBSTRATE_ID", "a birth of another substrate", |d| {
        d.set("substrate_identity", 0, "/substrate_id", json!(uuid(9)));
    });
    b.case("FOUNDING_SIZE", "a founding document that leaves no room for a new lineage", |d| {
        d.set("substrate_identity", 0, "/founding/branch_a/claim", json!("a".repeat(25_000)));
    });
    b.case("FOUNDING_TENSION_HASH", "another founding tension than the document's", |d| {
        d.last("substrate_identity", 0, "/founding_tension_hash", other.clone());
    });
    b.case("FOUNDING_IN_CONSTITUTION", "a constitution with another founding tension", |d| {
        d.last("substrate_identity", 0, "/constitution/founding_tension_hash", other.clone());
    });
    b.case("FOUNDING_IN_CONSTITUTION", "a birth alone whose constitution has another founding tension", |d| {
        d.last("substrate_identity", 0, "/constitution/founding_tension_hash", other.clone());
        d.end(d.at("substrate_identity", 0));
    });
    b.case("BIRTH_ATTESTATION", "an attestation of another birth", |d| {
        let attestation = json!(Attestation::software(&birth_claims(&uuid(9), &founding()), &chip(0)));
        d.last("substrate_identity", 0, "/attestation", attestation);
    });
    b.case("BIRTH_CHIP", "a birth that another chip attests", |d| {
        let attestation = json!(Attestation::software(&birth_claims(&id, &founding()), &chip(2)));
        d.last("substrate_identity", 0, "/attestation", attestation);
    });
    b.case("ATTESTATION_HASH", "another attestation hash", |d| {
        d.last("substrate_identity", 0, "/governance_chip_attestation_hash", other.clone());
    });
    b.case("COMPLETENESS", "an attested birth that says incomplete", |d| {
        d.last("substrate_identity", 0, "/completeness", json!("incomplete"));
    });
    b.case("SUBSTRATE_IDENTITY_HASH", "another substrate identity hash", |d| {
        d.last("substrate_identity", 0, "/substrate_identity_hash", other.clone());
    });
    b.case("BIRTH_CONSTITUTION", "a constitution of another schema", |d| {
        d.last("substrate_identity", 0, "/constitution/schema_version", json!("p104-9"));
    });
    b.case("BIRTH_CONSTITUTION", "a constitution of another chip", |d| {
        d.last("substrate_identity", 0, "/constitution/chip", json!(chip(1).public().id()));
    });
    b.case("BIRTH_CONSTITUTION", "a constitution that was amended before the birth", |d| {
        d.set("substrate_identity", 0, "/constitution/amendment_head", other.clone());
    });
    b.case("BIRTH_CONSTITUTION", "a constitution with amendments from the birth", |d| {
        d.set("substrate_identity", 0, "/constitution/amendments", json!("3"));
    });
    for (what, time) in [("dated back", "1999-03-08T00:00:00.000Z"), ("dated ahead", "2099-03-08T00:00:00.000Z")] {
        b.case("BIRTH_TIME", &format!("a birth that is {what}"), |d| {
            d.set("substrate_identity", 0, "/initialisation_timestamp", json!(time));
        });
    }
    b.case("ENTRY_FORM", "a tolerance that no drift passes", |d| {
        d.set("substrate_identity", 0, "/constitution/thresholds/drift_tolerance", json!(257));
    });
    b.case("CONSTITUTION_SIZE", "parameters that leave no room for a cycle", |d| {
        d.set("substrate_identity", 0, "/constitution/parameters/text", json!("a".repeat(33_000)));
    });
    b.case("RECOVERY_COUNT", "a birth after more recoveries than the ledger has room for", |d| {
        d.set("substrate_identity", 0, "/constitution/recovery_count", json!("3"));
    });
    b.case("ANCHOR_ROOT", "an empty Evidence ledger with a root", |d| {
        d.set("substrate_identity", 0, "/evidence_ledger/root", other.clone());
    });
    b.case("ANCHOR_ROOT", "two roots of one size", |d| {
        d.set("identity_propagation", 0, "/evidence_ledger/root", other.clone());
    });
    b.case("ANCHOR_SIZE", "a cycle whose Evidence ledger does not hold the last close", |d| {
        d.set("identity_propagation", 1, "/evidence_ledger/size", json!("1"));
    });
}
