//! Verifications, what follows from their outcome, and closes.

use super::super::Book;
use super::at;
use crate::cast::{tension, uuid};
use selfsame_protocol::ledger::Ledger::{Evidence, Reasoning};
use serde_json::{Value, json};

const VERIFIED: &str = "identity_verification";

/// A verdict's finding with one member set, in all verdicts.
fn findings(member: &'static str, value: Value) -> impl Fn(&mut Value) + Send + Sync {
    move |record| {
        for verdict in record["verdicts"].as_array_mut().into_iter().flatten() {
            verdict["finding"][member] = value.clone();
        }
    }
}

/// A third verdict beside two.
fn third(record: &mut Value, verdict: Value) {
    let verdicts = record["verdicts"].as_array_mut().expect("verdicts");
    verdicts.truncate(2);
    verdicts.push(verdict);
}

pub fn cases(life: &mut Book, young: &mut Book, shallow: &mut Book, [window, narrow]: [&mut Book; 2]) {
    narrow.case("VERIFICATION_NOTICE", "another sentence where the notice is left open", |d| {
        d.last(VERIFIED, 1, "/notice", json!("Substrate identity verified."));
    });
    verifications(young);
    verdicts(young, shallow);
    closes(young);
    let b = life;
    b.case("SESSION_CLOSED", "a verification in an open session", |d| {
        let (verification, reasoning) = (d.at(VERIFIED, 1), d.at("reasoning", 1));
        d.again(verification, reasoning);
    });
    b.case("VERIFICATION_EVENTS", "an amendment that the next verification does not name", |d| {
        d.set(VERIFIED, 2, "/continuity_events", json!(["MIGRATION"]));
    });
    b.case("VERIFICATION_EVENTS", "events in another order", |d| {
        d.set(VERIFIED, 2, "/continuity_events", json!(["MIGRATION", "AMENDMENT"]));
    });
    b.case("EVIDENCE_SINCE", "evidence of a session that had not been verified yet", |d| {
        let time = d.world.entries[d.at("session_close", 0)].value["time"].clone();
        for n in [1, 2] {
            let evidence = d.within(Evidence, "evidence", n);
            d.world.entries[evidence].value["time"] = time.clone();
        }
    });
    b.case("EVIDENCE_SINCE", "evidence inside of a tree that was named before its session", |d| {
        d.set("identity_propagation", 2, "/evidence_ledger/size", json!("9"));
    });
    let b = window;
    b.case("VERIFICATION_NOTICE", "the notice left out within the window", |d| {
        d.pin(VERIFIED, 1, |record| drop(record.as_object_mut().map(|record| record.remove("notice"))));
    });
    b.case("VERIFICATION_NOTICE", "a notice behind the window", |d| {
        // Nothing came in between, so that it was asked between the close and the outcome: the window is over only when
        // the close was long before. The holder's recovery says when it was asked.
        let (verification, recovery) = (d.at(VERIFIED, 1), json!({"record_type": "holder_recovery",
            "recovery_count": "1", "chip": tension(&json!(0)), "ended": "1", "epoch": "1"}));
        for number in 0..8 {
            let governance = json!({"record_type": "governance", "action": {"action": "conclude", "proposal_id": number.to_string()}});
            d.before(verification, Reasoning, governance);
            d.world.entries[verification].subject = "organisation:agency".into();
        }
        let moved = d.before(verification + 8, Reasoning, recovery);
        for (entry, second) in [(moved, 30), (moved + 1, 31)] {
            d.time(entry, &at(second, 0));
        }
        for later in moved + 2..d.world.entries.len() {
            d.time(later, &at(32, 0));
        }
    });
}

fn verifications(b: &mut Book) {
    let other = json!(tension(&json!("other")));
    b.case("EVIDENCE_GATE", "evidence behind a close", |d| {
        let (evidence, close) = (d.within(Evidence, "evidence", 0), d.at("session_close", 0));
        d.again(evidence, close);
        d.set(VERIFIED, 1, "/evidence_ledger_depth", json!("3"));
        d.pin(VERIFIED, 1, findings("entries_checked", json!("8")));
    });
    b.case("EVIDENCE_GATE", "evidence behind the last close", |d| {
        let close = d.at("session_close", 0);
        d.end(close);
        d.again(d.within(Evidence, "evidence", 0), close);
    });
    for (check, name, pointer, value) in [
        ("EVIDENCE_GATE", "a verification at another Evidence depth", "/evidence_ledger_depth", json!("1")),
        ("VERIFICATION_SESSION", "a session left out", "/session", json!("3")),
        ("VERIFICATION_SESSION", "one session twice", "/session", json!("1")),
        ("VERIFICATION_THRESHOLDS", "a minimum that is not in force", "/thresholds/minimum_lineage_depth", json!("0")),
        ("VERIFICATION_LINEAGE_DEPTH", "another lineage depth", "/lineage_depth", json!("7")),
        ("VERIFICATION_RETRIEVED", "a hash that no close stored", "/retrieved", other.clone()),
        ("VERIFICATION_FROM", "continuing from another time", "/continuing_from", json!(at(9, 0))),
        ("VERIFICATION_EVENTS", "an event that did not happen", "/continuity_events", json!(["MIGRATION"])),
        ("VERIFICATION_PRESENTED", "VERIFIED against another hash that was presented", "/presented", other.clone()),
    ] {
        b.case(check, name, |d| d.set(VERIFIED, 1, pointer, value));
    }
    for (check, name, pointer, value) in [
        ("VERIFICATION_OUTCOME", "another outcome than the verdicts'", "/outcome", json!("INSUFFICIENT_DEPTH")),
        ("VERIFICATION_OUTCOME", "another deciding check", "/detail", json!("LINEAGE_DEPTH")),
        ("VERIFICATION_OUTCOME", "another drift than the verdicts'", "/drift", json!(3)),
        ("VERIFICATION_OUTCOME", "another recomputed hash than the verdicts'", "/recomputed", other.clone()),
        ("VERIFICATION_NOTICE", "another sentence", "/notice", json!("Substrate identity verified.")),
        ("CLAIM_LEVEL", "a reduced claim without reason", "/claim_level", json!("reduced")),
    ] {
        b.case(check, name, |d| d.last(VERIFIED, 1, pointer, value));
    }
    b.case("VERIFICATION_NOTICE", "a notice under another outcome", |d| {
        d.last(VERIFIED, 0, "/notice", json!("Substrate identity verified."));
    });
    b.case("CLAIM_LEVEL", "a full claim before continuity was verified", |d| {
        d.last(VERIFIED, 0, "/claim_level", json!("full"));
    });
}

fn verdicts(b: &mut Book, shallow: &mut Book) {
    b.case("VERDICT_ONCE", "an outcome that nobody found", |d| d.set(VERIFIED, 1, "/verdicts", json!([])));
    b.case("VERDICT_ONCE", "two verdicts of one node", |d| d.set(VERIFIED, 1, "/verdicts/1/node", json!("1")));
    b.case("VERIFICATION_OUTCOME", "VERIFIED by a minority", |d| {
        d.pin(VERIFIED, 1, |record| {
            let mut verdict = record["verdicts"][0].clone();
            verdict["finding"]["outcome"] = json!("HASH_MISMATCH");
            let verdicts = record["verdicts"].as_array_mut().expect("verdicts");
            verdicts.truncate(2);
            for node in ["4", "5", "6"] {
                verdict["node"] = json!(node);
                verdicts.push(verdict.clone());
            }
        });
        d.last(VERIFIED, 1, "/outcome", json!("VERIFIED"));
        d.last(VERIFIED, 1, "/detail", json!("CONTINUITY_HASH"));
    });
    b.case("VERDICT_NODE", "a node of two organisations", |d| {
        d.set(VERIFIED, 1, "/verdicts/0/organisation", json!("bureau"));
    });
    b.case("VERDICT_NODE", "a node that is heard after its copy failed", |d| {
        d.pin(VERIFIED, 0, |record| {
            let mut verdict = record["verdicts"][0].clone();
            verdict["node"] = json!("3");
            verdict["finding"]["outcome"] = json!("HASH_MISMATCH");
            third(record, verdict);
        });
        d.pin(VERIFIED, 1, |record| {
            let mut verdict = record["verdicts"][0].clone();
            verdict["node"] = json!("3");
            third(record, verdict);
        });
    });
    for (name, member, value) in [
        ("verdicts on another depth", "lineage_depth", json!("4")),
        ("verdicts on more entries", "entries_checked", json!("99")),
        ("verdicts on another hash", "recomputed", json!(tension(&json!("other")))),
        ("verdicts that hold and name a bad entry", "at", json!({"ledger": "evidence", "index": "0"})),
        ("verdicts by another check", "check", json!("HEAD")),
        ("VERIFIED with a drift", "drift", json!(1)),
        ("DRIFT_EXCEEDED without a drift", "outcome", json!("DRIFT_EXCEEDED")),
    ] {
        b.case("VERDICT_FINDING", name, |d| d.pin(VERIFIED, 1, findings(member, value)));
    }
    b.case("VERDICT_FINDING", "a first session that is VERIFIED", |d| {
        d.pin(VERIFIED, 0, findings("outcome", json!("VERIFIED")));
    });
    b.case("VERDICT_FINDING", "two drifts of one document", |d| {
        d.pin(VERIFIED, 1, |record| {
            for (at, drift) in [(0, 120), (1, 130)] {
                let finding = &mut record["verdicts"][at]["finding"];
                finding["drift"] = json!(drift);
                finding["outcome"] = json!("DRIFT_EXCEEDED");
                finding["check"] = json!("FOUNDING_TENSION_DRIFT");
            }
        });
    });
    shallow.case("VERDICT_FINDING", "VERIFIED below the minimum depth", |d| {
        d.pin(VERIFIED, 1, findings("outcome", json!("VERIFIED")));
        d.pin(VERIFIED, 1, findings("check", json!("CONTINUITY_HASH")));
    });
    shallow.case("VERIFICATION_OUTCOME", "VERIFIED below the minimum depth, against the verdicts", |d| {
        d.last(VERIFIED, 1, "/outcome", json!("VERIFIED"));
    });
}

fn closes(b: &mut Book) {
    let other = json!(tension(&json!("other")));
    b.case("CLOSE_IN_BOTH_LEDGERS", "a close in Reasoning alone", |d| {
        let at = d.within(Evidence, "session_close", 0);
        d.world.remove(at);
        d.set(VERIFIED, 1, "/evidence_ledger_depth", json!("1"));
    });
    b.case("CLOSE_IN_BOTH_LEDGERS", "a close in Evidence alone", |d| {
        let close = d.at("session_close", 0);
        d.end(close);
        d.world.remove(close);
    });
    b.case("CLOSE_COPIES_EQUAL", "two copies that differ", |d| {
        d.last("session_close", 0, "/recovered", json!(true));
    });
    b.case("CLOSE_SUBMISSION", "two submissions that close one session", |d| d.alone(d.at("session_close", 0)));
    for (check, name, pointer, value) in [
        ("EVIDENCE_DEPTH", "a close at another Evidence depth", "/evidence_ledger_depth", json!("0")),
        ("CLOSE_SESSION", "a close of another session", "/session", json!("2")),
        ("CLOSE_HEAD", "a close with another head", "/latest_cycle_identity_hash", other.clone()),
        ("REASONING_DEPTH", "a close at another Reasoning depth", "/reasoning_ledger_depth", json!("1")),
        ("EVIDENCE_HEAD", "a close behind other evidence", "/evidence_head", json!(null)),
        ("REASONING_HEAD", "a close behind other reasoning", "/reasoning_head", other.clone()),
        ("CLOSE_SCHEMA", "a close under another schema", "/schema_version", json!("p104-9")),
        ("CLOSE_TIME", "a close of another year", "/session_close_timestamp", json!("2020-01-01T00:00:00.000Z")),
        ("CLOSE_TIME", "a close a millisecond later", "/session_close_timestamp", json!(at(10, 1))),
        ("CLOSE_ANCHOR", "an anchor behind the close itself", "/evidence_ledger/size", json!("2")),
        ("ANCHOR_ROOT", "an anchor with another root", "/evidence_ledger/root", other.clone()),
    ] {
        b.case(check, name, |d| d.close(0, pointer, value));
    }
    b.case("CLOSE_TIME", "copies of a close at two times", |d| {
        let later = json!(at(10, 500));
        let close = d.at("session_close", 0);
        d.entry(close, "time", later.clone());
    });
    b.case("CLOSE_TIME", "a close that stands in Evidence at another time", |d| {
        d.entry(d.within(Evidence, "session_close", 0), "time", json!(at(10, 500)));
    });
    b.case("CONTINUITY_HASH", "another continuity hash", |d| {
        for ledger in [Evidence, Reasoning] {
            let (close, value) = (d.within(ledger, "session_close", 0), other.clone());
            d.world.pin_last(close, move |entry| {
                entry["record"]["cross_session_identity_continuity_hash"] = value.clone();
            });
        }
    });
}

pub fn ends(suppressed: &mut Book, undecided: &mut Book, drifted: &mut Book) {
    let other = json!(tension(&json!("other")));
    let b = suppressed;
    b.case("SUPPRESSED", "a session after suppression", |d| {
        let (verification, end) = (d.at(VERIFIED, 0), d.at("suppression", 0));
        d.again(verification, end);
    });
    b.case("SUPPRESSED", "a refused write after suppression", |d| {
        let record = json!({"record_type": "write_refusal", "code": "DANGLING_REFERENCE", "rule": "", "expected": "",
                            "found": other});
        d.behind(d.at("suppression", 0), Reasoning, record);
    });
    b.case("OUTCOME_RECORDS", "HASH_MISMATCH without its detection", |d| d.remove("tampering_detection", 0));
    b.case("OUTCOME_RECORDS", "HASH_MISMATCH without suppression", |d| d.remove("suppression", 0));
    b.case("OUTCOME_RECORDS", "HASH_MISMATCH at the end", |d| d.end(d.at(VERIFIED, 1)));
    b.case("OUTCOME_RECORDS", "HASH_MISMATCH, and a session all the same", |d| {
        let (verification, mismatch) = (d.at(VERIFIED, 0), d.at(VERIFIED, 1));
        d.again(verification, mismatch);
    });
    b.case("OUTCOME_RECORDS", "a suppression that no outcome demands", |d| {
        let (suppression, close) = (d.at("suppression", 0), d.at("session_close", 0));
        d.again(suppression, close);
    });
    b.case("OUTCOME_RECORDS", "a detection that no outcome demands", |d| {
        let (detection, close) = (d.at("tampering_detection", 0), d.at("session_close", 0));
        d.again(detection, close);
    });
    b.case("SUBMISSION_GROUP", "a suppression by another submission", |d| d.alone(d.at("suppression", 0)));
    for (name, pointer, value) in [
        ("a detection in another session", "/session", json!("1")),
        ("a detection at another head", "/head", other.clone()),
        ("a detection of something else", "/finding/check", json!("HEAD")),
    ] {
        b.case("TAMPERING_DETECTION", name, |d| d.set("tampering_detection", 0, pointer, value));
    }
    b.case("ENTRY_FORM", "a suppression for another reason", |d| {
        d.set("suppression", 0, "/reason", json!("DRIFT_EXCEEDED"));
    });
    b.case("ENTRY_FORM", "a finding that was not cut", |d| {
        d.pin(VERIFIED, 1, findings("expected", json!("a".repeat(300))));
    });
    let b = undecided;
    b.case("TAMPERING_DETECTION", "no majority of another electorate", |d| {
        d.set("tampering_detection", 0, "/finding/expected", json!("2 equal verdicts of 2"));
    });
    b.case("VERIFICATION_OUTCOME", "VERIFIED without a majority", |d| {
        d.last(VERIFIED, 1, "/outcome", json!("VERIFIED"));
        d.last(VERIFIED, 1, "/detail", json!("CONTINUITY_HASH"));
    });
    let b = drifted;
    b.case("LINEAGE_ENDED", "a session after a new lineage", |d| {
        let (verification, end) = (d.at(VERIFIED, 0), d.at("new_identity_lineage", 0));
        d.again(verification, end);
    });
    b.case("OUTCOME_RECORDS", "DRIFT_EXCEEDED without a new lineage", |d| d.remove("new_identity_lineage", 0));
    b.case("OUTCOME_RECORDS", "a new lineage that no outcome demands", |d| {
        let (lineage, close) = (d.at("new_identity_lineage", 0), d.at("session_close", 0));
        d.again(lineage, close);
    });
    b.case("SUBMISSION_GROUP", "a new lineage by another submission", |d| d.alone(d.at("new_identity_lineage", 0)));
    for (name, pointer, value) in [
        ("a new lineage of another substrate", "/prior_substrate_id", json!(uuid(9))),
        ("a new lineage from another head", "/prior_head", other.clone()),
        ("a new lineage of another founding tension", "/prior_founding_tension_hash", other.clone()),
        ("a new lineage by another drift", "/drift", json!(1)),
        ("a new lineage under another tolerance", "/tolerance", json!(9)),
        ("a new lineage of the same substrate", "/new_substrate_id", json!(uuid(1))),
    ] {
        b.case("NEW_LINEAGE", name, |d| d.set("new_identity_lineage", 0, pointer, value));
    }
}
