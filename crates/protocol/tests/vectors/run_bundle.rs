use crate::{cases, load, number, text};
use selfsame_protocol::bundle::{BundleError, RunReport, RunVerifier, Trust, prepare};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::note::Vkey;
use selfsame_protocol::run::Element;
use serde_json::Value;

fn keys(vectors: &Value, list: &str) -> Vec<Vkey> {
    cases(vectors, list).iter().map(|key| Vkey::parse(key.as_str().unwrap()).unwrap()).collect()
}

/// The lines of a case; a number stands for one of the good bundle.
fn lines<'a>(case: &'a Value, good: &'a [Value]) -> Vec<&'a str> {
    let line = |line: &'a Value| line.as_u64().map_or(line, |at| &good[at as usize]).as_str().unwrap();
    case["lines"].as_array().unwrap().iter().map(line).collect()
}

fn verify(lines: &[&str], trust: Trust<'_>, genesis: Option<&Digest>) -> Result<RunReport, BundleError> {
    let mut verifier = RunVerifier::new(lines.first().copied().unwrap_or_default(), trust, genesis)?;
    for (number, line) in (2..).zip(&lines[1..]) {
        verifier.apply(prepare(line, number, &verifier.heads().clone()))?;
    }
    verifier.finish()
}

/// shows: WL-05, WL-09, WL-11, WL-21, WL-30, WL-31, RI-07, RI-09, RI-12, RI-15, RI-18
#[test]
fn a_run_that_another_implementation_wrote_verifies_with_everybody_who_signed() {
    let vectors = load("run_bundle");
    let good = lines(&vectors, &[]);
    let expected = &vectors["report"];
    let genesis: Digest = text(&vectors, "genesis").parse().unwrap();
    let known = keys(&vectors, "keys");
    for (keys, genesis) in [(Vec::new(), None), (known.clone(), None), (known.clone(), Some(&genesis))] {
        let report = verify(&good, Trust::of(&keys), genesis).unwrap();
        assert_eq!(report.run_id.to_string(), text(expected, "run_id"));
        for element in Element::ALL {
            assert_eq!(report.elements.get(element).to_string(), text(&expected["elements"], element.as_str()));
        }
        let counts = [
            ("entries", report.entries),
            ("governance_entries", report.governance_entries),
            ("submissions", report.submissions),
            ("executions", report.executions),
            ("disagreements", report.disagreements),
        ];
        for (name, count) in counts {
            assert_eq!(count, number(expected, name), "{name}");
        }
        let organisations: Vec<&str> = report.attestations.iter().map(|a| a.organisation.as_str()).collect();
        assert_eq!(serde_json::json!(organisations), expected["organisations"]);
        assert_eq!(report.constitutional_state_hash.to_string(), text(expected, "constitutional_state_hash"));
        let from_reader = (report.keys_from_reader, report.statement_keys_from_reader, report.genesis_from_reader);
        assert_eq!(from_reader, (!keys.is_empty(), !keys.is_empty(), genesis.is_some()));
    }
    let stranger = verify(&good, Trust::of(&keys(&vectors, "other_keys")), None).unwrap_err();
    assert_eq!((stranger.check.as_str(), stranger.tampered), ("CHECKPOINT_KEY", false));
    let other = verify(&good, Trust::of(&known), Some(&Digest::of(b"another cluster"))).unwrap_err();
    assert_eq!((other.check.as_str(), other.tampered), ("GENESIS", false));
}

/// shows: WL-08, WL-12, WL-13, WL-15, WL-34, RI-13, RI-23, RI-28, RI-33
#[test]
fn every_altered_run_bundle_fails_at_the_check_that_the_vectors_name() {
    let vectors = load("run_bundle");
    let keys = keys(&vectors, "keys");
    let wrong: Vec<String> = cases(&vectors, "altered")
        .iter()
        .filter_map(|case| {
            let expected = (text(case, "check").to_string(), case["tampered"].as_bool().unwrap());
            let lines = lines(case, cases(&vectors, "lines"));
            let found = verify(if lines.is_empty() { &[""] } else { &lines }, Trust::of(&keys), None)
                .map_or_else(|e| (e.check, e.tampered), |_| ("verified".into(), false));
            (expected != found).then(|| format!("{}: expected {expected:?}, found {found:?}", text(case, "name")))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A line of a note that no key of the file made is a line that anybody may have changed: without keys of the reader's own it
/// is refused, and with them it is ignored, as notes have it.
///
/// shows: WL-31, P-095
#[test]
fn without_keys_of_the_reader_every_line_of_a_note_is_by_a_key_in_the_file() {
    let vectors = load("run_bundle");
    let good = lines(&vectors, &[]);
    let known = keys(&vectors, "keys");
    let name = "demo.example/node/1";
    for ledger in ["evidence", "reasoning"] {
        let mut header: Value = serde_json::from_str(good[0]).unwrap();
        let note = header["checkpoints"][ledger].as_str().unwrap().to_string();
        let line = note.lines().last().unwrap();
        for (other, trusted) in [
            // Another line of a stranger beside, and one under a name that nobody in the file has.
            (format!("{note}{}\n", line.replace(name, "stranger.example")), true),
            (note.replace(&format!("— {name}"), "— demo.example/node/9"), false),
        ] {
            header["checkpoints"][ledger] = other.into();
            let text = String::from_utf8(selfsame_protocol::canon::to_canonical(&header)).unwrap();
            let lines: Vec<&str> = [text.as_str()].into_iter().chain(good[1..].iter().copied()).collect();
            let refused = verify(&lines, Trust::File, None).unwrap_err();
            assert_eq!((refused.check.as_str(), refused.tampered), ("CHECKPOINT_KEY", false));
            assert_eq!(verify(&lines, Trust::Keys(&known), None).is_ok(), trusted);
        }
    }
}
