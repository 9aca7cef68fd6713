use crate::{cases, load, number, text};
use selfsame_protocol::bundle::{self, BundleError, Report};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::Ledger;
use selfsame_protocol::note::Vkey;
use selfsame_protocol::p104::IdentityStatement;
use selfsame_protocol::replay::{History, Replay};
use serde_json::Value;

fn keys(vectors: &Value, list: &str) -> Vec<Vkey> {
    cases(vectors, list).iter().map(|key| Vkey::parse(key.as_str().unwrap()).unwrap()).collect()
}

/// The lines or leaves of a case; a number stands for one of the good bundle.
fn lines<'a>(case: &'a Value, list: &str, good: &'a [Value]) -> Vec<&'a str> {
    let line = |line: &'a Value| line.as_u64().map_or(line, |at| &good[at as usize]).as_str().unwrap();
    case[list].as_array().unwrap().iter().map(line).collect()
}

fn verify(lines: &[&str], keys: &[Vkey]) -> Result<(Report, History), BundleError> {
    bundle::verify(lines.iter().copied(), keys, |_| {})
}

/// shows: P-004, P-053, P-090, P-094, P-095, P-105, P-113
#[test]
fn a_history_that_another_implementation_wrote_verifies() {
    let vectors = load("bundle");
    let good = lines(&vectors, "lines", &[]);
    let expected = &vectors["report"];
    let chain: Vec<Digest> = serde_json::from_value(expected["identity_chain"].clone()).unwrap();
    for keys in [Vec::new(), keys(&vectors, "keys")] {
        let mut seen = 0;
        let (report, history) = bundle::verify(good.iter().copied(), &keys, |n| seen = n).unwrap();
        assert_eq!(report.substrate_id, text(&vectors, "substrate_id"));
        assert_eq!((report.entries, seen), (number(expected, "entries"), number(expected, "entries")));
        assert_eq!(report.lineage_depth, number(expected, "lineage_depth"));
        assert_eq!(report.head.to_string(), text(expected, "head"));
        assert_eq!(report.keys_from_reader, !keys.is_empty());
        assert_eq!(history.identity_chain, chain);
    }
    let stranger = verify(&good, &keys(&vectors, "other_keys")).unwrap_err();
    assert_eq!((stranger.check.as_str(), stranger.tampered), ("CHECKPOINT_KEY", false));
}

/// Every case whose check is not the expected one.
fn compare<'a>(cases: &'a [Value], check: impl Fn(&'a Value) -> (String, bool)) {
    let wrong: Vec<String> = cases
        .iter()
        .map(|case| (text(case, "name"), text(case, "check"), case["tampered"].as_bool().unwrap_or(true), check(case)))
        .filter(|(_, expected, tampered, found)| (*expected, *tampered) != (found.0.as_str(), found.1))
        .map(|(name, expected, tampered, found)| {
            format!("{name}: expected {:?}, found {found:?}", (expected, tampered))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// shows: P-052, P-054, P-063, P-095, WL-13
#[test]
fn every_altered_bundle_fails_at_the_check_that_the_vectors_name() {
    let vectors = load("bundle");
    let keys = keys(&vectors, "keys");
    compare(cases(&vectors, "altered"), |case| {
        let verdict = verify(&lines(case, "lines", cases(&vectors, "lines")), &keys);
        verdict.map_or_else(|e| (e.check, e.tampered), |_| ("verified".into(), false))
    });
}

/// shows: P-010, P-018, P-027, P-031, P-033, P-044, P-051, P-054, P-060, P-076, P-089
#[test]
fn no_rewritten_history_keeps_the_identity() {
    let vectors = load("bundle");
    let good: Vec<bundle::Line> =
        lines(&vectors, "lines", &[])[1..].iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    compare(cases(&vectors, "rewritten"), |case| {
        let mut replay = Replay::new(text(&vectors, "cluster"), text(&vectors, "substrate_id"));
        for ledger in Ledger::BOTH {
            let base: Vec<Value> =
                good.iter().filter(|line| line.ledger == ledger).map(|line| line.leaf.as_str().into()).collect();
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
    let (_, history) = verify(&lines(&vectors, "lines", &[]), &keys(&vectors, "keys")).unwrap();
    for case in cases(&vectors, "baselines") {
        let baseline: IdentityStatement = serde_json::from_value(case["statement"].clone()).unwrap();
        let check = bundle::same_entity(&baseline, &history).map_or_else(|e| e.check, |()| String::new());
        assert_eq!(check, text(case, "check"), "{}", text(case, "name"));
    }
}
