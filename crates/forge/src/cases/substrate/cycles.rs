//! Cycles, amendments and recorded refusals.

use super::super::{Book, put};
use super::at;
use crate::cast::{chip, other_founding, tension};
use selfsame_protocol::ledger::Ledger::Reasoning;
use serde_json::{Value, json};

const CYCLE: &str = "identity_propagation";

pub fn cases(life: &mut Book, young: &mut Book) {
    cycles(young);
    amendments(life);
    refusals(life);
}

fn cycles(b: &mut Book) {
    let other = json!(tension(&json!("other")));
    for (check, name, pointer, value) in [
        ("PRIOR_IDENTITY_HASH", "a cycle that continues another", "/prior_identity_hash", other.clone()),
        ("FOUNDING_TENSION_HASH", "a cycle of another founding tension", "/founding_tension_hash", other.clone()),
        (
            "FOUNDING_IN_CONSTITUTION",
            "a cycle whose constitution has another founding tension",
            "/constitution/founding_tension_hash",
            other.clone(),
        ),
        ("CYCLE_SEQUENCE", "a cycle left out", "/sequence", json!("3")),
        ("REASONING_DEPTH", "a cycle at another depth", "/reasoning_ledger_depth", json!("9")),
        ("CYCLE_TIME", "a cycle of another year", "/cycle_timestamp", json!("2020-01-01T00:00:00.000Z")),
        ("CYCLE_TIME", "a cycle a millisecond later", "/cycle_timestamp", json!(at(16, 1))),
        ("CYCLE_KIND", "a cycle of the other kind", "/cycle_kind", json!("migration")),
        ("CONSTITUTION_UNCHANGED", "a parameter that nobody amended", "/constitution/parameters/limit", json!("99")),
        ("CONSTITUTION_UNCHANGED", "another chip without a migration", "/constitution/chip", other.clone()),
        ("CONSTITUTION_UNCHANGED", "other thresholds", "/constitution/thresholds/drift_tolerance", json!(256)),
        ("CYCLE_ID", "a resolution cycle with the id of a migration", "/cycle_id", json!("migration/m1")),
        ("CYCLE_ID_ONCE", "one cycle id twice", "/cycle_id", json!("cycle/1")),
        ("AMENDMENTS_LISTED", "an amendment listed that is not there", "/amendments", json!([other])),
        (
            "MIGRATION_ATTESTATIONS",
            "a resolution cycle with one attestation",
            "/origin_attestation_hash",
            other.clone(),
        ),
    ] {
        b.case(check, name, |d| d.set(CYCLE, 1, pointer, value));
    }
    for (check, name, pointer) in [
        ("GOALVECTOR_RESOLUTION_HASH", "another resolution hash", "/goalvector_resolution_hash"),
        ("CONSTITUTIONAL_STATE_HASH", "another constitutional state hash", "/constitutional_state_hash"),
        ("CYCLE_IDENTITY_HASH", "another cycle identity hash", "/cycle_identity_hash"),
    ] {
        b.case(check, name, |d| d.last(CYCLE, 1, pointer, other.clone()));
    }
    b.case("GOALVECTOR_RESOLUTION_HASH", "another outcome under the same hash", |d| {
        d.last(CYCLE, 1, "/goalvector/outcome", json!("the opposite"));
    });
}

fn amendments(b: &mut Book) {
    let other = json!(tension(&json!("other")));
    b.case("AMENDMENT_ENACTED", "an amendment left at the close", |d| {
        let (amendment, close) = (d.at("amendment", 1), d.at("session_close", 1));
        d.remove(CYCLE, 1);
        assert!(amendment < close);
    });
    b.case("AMENDMENT_ENACTED", "reasoning between an amendment and its cycle", |d| {
        let (reasoning, amendment) = (d.at("reasoning", 0), d.at("amendment", 1));
        d.again(reasoning, amendment);
    });
    b.case("AMENDMENT_ENACTED", "a history that ends between an amendment and its cycle", |d| {
        d.end(d.at("amendment", 1));
        let close = d.within(selfsame_protocol::ledger::Ledger::Evidence, "session_close", 0);
        assert!(close < d.at("amendment", 0));
    });
    b.case("AMENDMENTS_LISTED", "an amendment that its cycle does not list", |d| {
        let first = d.world.entries[d.at("amendment", 0)].value["record"]["amendment_hash"].clone();
        d.set(CYCLE, 1, "/amendments", json!([first]));
    });
    b.case("CONSTITUTION_AMENDED", "an amendment that did not come into force", |d| {
        d.set(CYCLE, 1, "/constitution/parameters/limit", json!("10"));
    });
    b.case("AMENDMENT_FOUNDING_TENSION", "an amendment of another founding tension", |d| {
        d.set("amendment", 0, "/amendment/founding_tension_hash", other.clone());
    });
    b.case("AMENDMENT_ACCEPTABLE", "an amendment of the founding document", |d| {
        d.set("amendment", 0, "/amendment/founding", other_founding());
    });
    for (name, pointer, value) in [
        ("an amendment of a name that begins with founding", "/amendment/set", json!({"founding_x": "1"})),
        ("an amendment of a name that is none", "/amendment/set", json!({"a b": "1"})),
        ("an amendment that removes the founding", "/amendment/remove", json!(["founding"])),
        ("an amendment that removes what is not in force", "/amendment/remove", json!(["nothing"])),
        ("an amendment that removes what the one before it sets", "/amendment/remove", json!(["other"])),
    ] {
        b.case("AMENDMENT_ACCEPTABLE", name, |d| d.set("amendment", 0, pointer, value));
    }
    b.case("AMENDMENT_ACCEPTABLE", "an amendment that changes nothing", |d| {
        d.pin("amendment", 1, |record| {
            record["amendment"].as_object_mut().map(|amendment| amendment.remove("set"));
        });
    });
    b.case("AMENDMENT_HASH", "another amendment hash", |d| d.last("amendment", 0, "/amendment_hash", other.clone()));
    b.case("AMENDMENT_CHAIN", "an amendment that forgets the one before", |d| {
        d.set("amendment", 1, "/prior_amendment", json!(null));
    });
    b.case("AMENDMENT_ROOM", "65 amendments in one cycle", |d| {
        let last = d.at("amendment", 1);
        for number in 0..63 {
            let again = d.again(last, last);
            d.world.entries[again].submission = d.world.entries[last].submission;
            d.world.entries[again].value["time"] = d.world.entries[last].value["time"].clone();
            d.world.edit(again, |record| put(record, "/amendment/reason", json!(format!("number {number}"))));
        }
    });
    b.case("AMENDMENT_ROOM", "an amendment that is too large", |d| {
        d.set("amendment", 0, "/amendment/reason", json!("a".repeat(33_000)));
    });
    b.case("AMENDMENT_ROOM", "amendments whose constitution leaves no room for a cycle", |d| {
        for (number, name) in ["first", "second"].into_iter().enumerate() {
            d.pin("amendment", number, move |record| {
                record["amendment"]["set"] =
                    Value::Object([(name.to_string(), json!("a".repeat(17_000)))].into_iter().collect());
            });
        }
    });
}

fn refusals(b: &mut Book) {
    for (name, pointer, value) in [
        ("a refusal by another code than the rule's", "/code", json!("AMENDMENT_INVALID")),
        ("a refusal with another drift", "/drift", json!(1)),
        ("a refusal of what is acceptable", "/amendment", json!(null)),
    ] {
        b.case("AMENDMENT_REFUSAL", name, |d| {
            let acceptable = d.world.entries[d.at("amendment", 0)].value["record"]["amendment"].clone();
            let value = if value.is_null() { acceptable } else { value };
            d.set("amendment_refusal", 0, pointer, value);
        });
    }
    for (name, pointer, value) in [
        ("a write refused by a rule that leaves no record", "/code", json!("SEALED")),
        ("a dangling reference to what is no digest", "/found", json!("nowhere")),
    ] {
        b.case("WRITE_REFUSAL", name, |d| d.set("write_refusal", 0, pointer, value));
    }
    b.case("RECORD_KIND", "a ballot in a substrate", |d| {
        let record = json!({"record_type": "ballot_closed", "proposal_id": "p", "result": "expired", "approvals": [],
                            "threshold": "2", "constitutional_state_hash": chip(0).public().id()});
        d.behind(d.at("write_refusal", 0), Reasoning, record);
    });
}
