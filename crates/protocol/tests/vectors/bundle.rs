use crate::readers::{Readers, altered, compare, genuine, lines, verify};
use crate::{cases, load, number, text};
use selfsame_protocol::bundle::{self, Found, IdentityProof, Line};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::p104::IdentityStatement;
use selfsame_protocol::replay::Replay;
use serde_json::Value;

/// shows: P-004, P-053, P-090, P-094, P-095, P-105, P-113
#[test]
fn a_history_that_another_implementation_wrote_verifies() {
    let vectors = load("bundle");
    let expected = &vectors["report"];
    let chain: Vec<Digest> = serde_json::from_value(expected["identity_chain"].clone()).unwrap();
    genuine(&vectors, |report, history| {
        let Found::Substrate(found) = &report.found else { panic!("{:?}", report.found) };
        assert_eq!(found.substrate_id, text(&vectors, "substrate_id"));
        assert_eq!(report.entries, number(expected, "entries"));
        assert_eq!(report.governance_entries, number(expected, "governance_entries"));
        assert_eq!(found.lineage_depth, number(expected, "lineage_depth"));
        assert_eq!(found.head.to_string(), text(expected, "head"));
        assert_eq!(found.identity_chain, chain);
        assert_eq!(history.unwrap().identity_chain, chain);
    });
}

/// shows: P-052, P-054, P-063, P-095, WL-13
#[test]
fn every_altered_bundle_fails_at_the_check_that_the_vectors_name() {
    altered(&load("bundle"));
}

/// A statement alone, and a file of another kind, are told apart by whoever reads files.
///
/// shows: P-092, P-094, P-095
#[test]
fn identity_proofs_say_what_the_vectors_say_to_every_reader() {
    let vectors = load("bundle");
    let readers = Readers::of(&vectors);
    let document = |case: &Value| -> Value { serde_json::from_str(text(case, "text")).unwrap() };
    let proofs = cases(&vectors, "identity_proofs").iter().filter(|case| document(case).get("identity").is_some());
    compare(proofs, |case| {
        let named = text(case, "reader");
        let genesis = readers.document.as_ref().filter(|_| named == "genesis");
        IdentityProof::read(document(case))
            .and_then(|proof| proof.verify(&readers.named(named), genesis))
            .map_or_else(|e| (e.check, e.tampered), |_| (String::new(), false))
    });
}

/// shows: P-010, P-018, P-027, P-031, P-033, P-044, P-051, P-054, P-060, P-076, P-089
#[test]
fn no_rewritten_history_keeps_the_identity() {
    let vectors = load("bundle");
    let subject = format!("substrate:{}", text(&vectors, "substrate_id"));
    let own = |line: &&Line| line.leaf.contains(&format!("\"subject\":\"{subject}\""));
    let good: Vec<Line> =
        lines(&vectors, "lines", &[])[1..].iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    compare(cases(&vectors, "rewritten").iter(), |case| {
        let mut replay = Replay::new(text(&vectors, "cluster"), &text(&vectors, "substrate_id").parse().unwrap());
        for ledger in Ledger::BOTH {
            let base: Vec<Value> = good
                .iter()
                .filter(own)
                .filter(|line| line.ledger == ledger)
                .map(|line| line.leaf.as_str().into())
                .collect();
            for leaf in lines(case, ledger.as_str(), &base) {
                if let Err(bad) = replay.leaf(ledger, leaf.as_bytes()) {
                    return (bad.check.into(), true);
                }
            }
        }
        replay.finish().map_or_else(|bad| (bad.check.into(), true), |_| ("verified".into(), false))
    });
}

/// shows: P-012, P-096
#[test]
fn a_later_history_is_the_entity_of_an_earlier_statement_or_names_the_difference() {
    let vectors = load("bundle");
    let readers = Readers::of(&vectors);
    let (_, history) = verify(&lines(&vectors, "lines", &[]), readers.named("policy")).unwrap();
    for case in cases(&vectors, "baselines") {
        let baseline: IdentityStatement = serde_json::from_value(case["statement"].clone()).unwrap();
        let check =
            bundle::same_entity(&baseline, history.as_ref().unwrap()).map_or_else(|e| e.check, |()| String::new());
        assert_eq!(check, text(case, "check"), "{}", text(case, "name"));
    }
}
