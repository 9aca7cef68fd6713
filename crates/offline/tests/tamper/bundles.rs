//! Alterations of a substrate's bundle.

use crate::objects::{Objects, key, signed};
use crate::{Case, Named};
use selfsame_protocol::bundle::{Header, Line};
use selfsame_protocol::canon;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::{Entry, Ledger};
use selfsame_protocol::note::{Checkpoint, Note};
use selfsame_protocol::p104::StatementSignature;
use serde_json::Value;

const KIND: &str = "substrate_bundle";
/// What can be wrong with the first line.
const HEADER: &[&str] = &[
    "BUNDLE_LINE",
    "BUNDLE_TYPE",
    "BUNDLE_KEYS",
    "FILE_KIND",
    "CHECKPOINT_FORM",
    "CHECKPOINT_SIGNATURE",
    "POLICY_ORIGIN",
    "POLICY_QUORUM",
    "POLICY_LOG",
    "MIGRATION_NONCE",
    "ENTRY_SUBJECT",
    "STATEMENT_HASH",
    "STATEMENT_SIGNATURE",
    "STATEMENT_KEY",
    "RECORD_TYPE",
];
/// Steps between the bits that are flipped, odd so that every bit of a byte is met.
const STEP: usize = 113;

pub fn join(lines: &[Vec<u8>]) -> Vec<u8> {
    lines.iter().flat_map(|line| line.iter().chain(b"\n")).copied().collect()
}

pub fn cases(objects: &Objects) -> Vec<Case> {
    let bytes = &objects.bundle;
    let lines: Vec<Vec<u8>> = bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let lines = &lines[..lines.len() - 1];
    let mut cases = Vec::new();
    let mut add = |how, input: Vec<u8>, named: Named| cases.push(Case { kind: KIND, how, input, named });
    bits(bytes, lines, HEADER, &mut add);
    for keep in (0..bytes.len()).step_by(131).chain([bytes.len() - 2, bytes.len() - 1]) {
        let whole = bytes[..keep].ends_with(b"\n");
        let named: &[&str] = match keep {
            0..64 => &["FILE_KIND", "BUNDLE_LINE"],
            _ if whole => &["CLOSE_IN_BOTH_LEDGERS", "BIRTH_FIRST"],
            _ => &["BUNDLE_LINE"],
        };
        add("cut short", bytes[..keep].to_vec(), Named::By(named));
    }
    excisions(lines, &mut add);
    headers(lines, &mut add);
    records(lines, &mut add);
    cases
}

pub type Add<'a> = &'a mut dyn FnMut(&'static str, Vec<u8>, Named);

/// What can be wrong with the line of a submission.
const SUBMISSION: &[&str] = &["BUNDLE_LINE", "SUBMISSION_FORM", "SUBMISSION_SIGNATURE"];

/// Single bits; `header` names what can be wrong with the first line.
pub fn bits(bytes: &[u8], lines: &[Vec<u8>], header: &'static [&'static str], add: Add<'_>) {
    for bit in (0..bytes.len() * 8).step_by(STEP) {
        let at = bit / 8;
        let mut input = bytes.to_vec();
        input[at] ^= 1 << (bit % 8);
        let line = bytes[..at].iter().filter(|byte| **byte == b'\n').count();
        let named = match serde_json::from_slice::<Line>(lines.get(line).map_or(&[], Vec::as_slice)) {
            Err(_) if bytes[at] == b'\n' => Named::By(&["BUNDLE_LINE"]),
            Err(_) if line > 0 => Named::By(SUBMISSION),
            Err(_) => Named::By(header),
            // A line feed that became something else joins two lines.
            Ok(_) if bytes[at] == b'\n' => Named::By(&["BUNDLE_LINE"]),
            Ok(read) => {
                let index = Entry::from_leaf(read.leaf.as_bytes()).unwrap().index.0;
                Named::At { line: line as u64 + 1, index }
            }
        };
        // What the flip makes of an entry's own number is where the failure is then said to be.
        let told = |input: &[u8]| input.split(|byte| *byte == b'\n').nth(line).map(<[u8]>::to_vec);
        let renumbered = told(&input)
            .and_then(|line| serde_json::from_slice::<Line>(&line).ok())
            .and_then(|line| Entry::from_leaf(line.leaf.as_bytes()).ok())
            .map(|entry| entry.index.0);
        let named = match (named, renumbered) {
            (Named::At { line, .. }, Some(index)) => Named::At { line, index },
            (named, _) => named,
        };
        // A line that is not an entry any more is named by the place that comes next.
        let named = match (&named, renumbered) {
            (Named::At { .. }, None) => Named::By(&["BUNDLE_LINE", "ENTRY_FORM"]),
            _ => named,
        };
        add("one bit", input, named);
    }
}

fn excisions(lines: &[Vec<u8>], add: Add<'_>) {
    let (first, last) = (1, lines.len() - 1);
    for at in first..=last {
        let mut fewer = lines.to_vec();
        fewer.remove(at);
        let named: &[&str] = &[
            "ENTRY_DEPTH",
            "BIRTH_FIRST",
            "CLOSE_IN_BOTH_LEDGERS",
            "EVIDENCE_GATE",
            "STATEMENT_LINEAGE_DEPTH",
            "STATEMENT_REASONING_DEPTH",
        ];
        add("an entry cut out", join(&fewer), Named::By(named));
        let mut twice = lines.to_vec();
        twice.insert(at, lines[at].clone());
        add("an entry twice", join(&twice), Named::By(&["ENTRY_DEPTH"]));
        for other in at + 1..=last {
            let mut exchanged = lines.to_vec();
            exchanged.swap(at, other);
            let named: &[&str] =
                &["ENTRY_DEPTH", "BUNDLE_ORDER", "BIRTH_FIRST", "PRIOR_ENTRY_HASH", "CLOSE_IN_BOTH_LEDGERS"];
            add("two entries exchanged", join(&exchanged), Named::By(named));
        }
    }
}

fn with_header(lines: &[Vec<u8>], change: &dyn Fn(&mut Header)) -> Vec<u8> {
    let mut header: Header = serde_json::from_slice(&lines[0]).unwrap();
    change(&mut header);
    let mut lines = lines.to_vec();
    lines[0] = canon::to_canonical_of(&header);
    join(&lines)
}

fn headers(lines: &[Vec<u8>], add: Add<'_>) {
    let original: Header = serde_json::from_slice(&lines[0]).unwrap();
    let checkpoint = |text: &str| Checkpoint::parse(&Note::parse(text.as_bytes()).unwrap().text).unwrap();
    let evidence = checkpoint(&original.checkpoints.evidence);
    for version in ["v0", "v2", "v10"] {
        let other = with_header(lines, &|h| h.bundle = format!("selfsame/substrate-bundle/{version}"));
        add("another version", other, Named::By(&["BUNDLE_TYPE"]));
    }
    let exchanged = with_header(lines, &|h| std::mem::swap(&mut h.checkpoints.evidence, &mut h.checkpoints.reasoning));
    add("checkpoints exchanged", exchanged, Named::By(&["CHECKPOINT_ORIGIN"]));
    let forged = with_header(lines, &|h| h.checkpoints.evidence = signed(&evidence, 100).to_text());
    add("keys of the cosigners exchanged", forged, Named::By(&["POLICY_QUORUM"]));
    for size in [evidence.size - 1, evidence.size + 1] {
        let note = signed(&Checkpoint { size, ..evidence.clone() }, 0).to_text();
        let other = with_header(lines, &|h| h.checkpoints.evidence.clone_from(&note));
        let named: &[&str] = &["INCLUSION_ROOT", "INCLUSION_PROOF_LENGTH", "INCLUSION_INDEX_RANGE"];
        add("a checkpoint of another size", other, Named::By(named));
    }
    let fork = signed(&Checkpoint { root: Digest::of(b"fork"), ..evidence }, 0).to_text();
    let other = with_header(lines, &|h| h.checkpoints.evidence.clone_from(&fork));
    add("a fork by the right keys", other, Named::By(&["INCLUSION_ROOT"]));
    for (how, name, seed) in [
        ("statement by a stranger's key", "demo.example/node/1", 99),
        ("statement by another name", "demo.example/node/9", 40),
    ] {
        let other = with_header(lines, &|h| {
            h.statement_signatures = vec![StatementSignature::sign(&h.statement, name.into(), &key(seed))];
        });
        add(how, other, Named::By(&["STATEMENT_KEY"]));
    }
    let none = with_header(lines, &|h| h.statement_signatures.clear());
    add("statement without signature", none, Named::By(&["STATEMENT_KEY"]));
    // Each number and digest of the statement changed, hashed and signed anew by the right node.
    let members = serde_json::to_value(&original.statement).unwrap();
    for (name, value) in members.as_object().unwrap() {
        let changed = match value {
            Value::Number(n) => Value::from(n.as_u64().unwrap() + 1),
            Value::String(text) if text.starts_with("sha256:") => serde_json::json!(Digest::of(text.as_bytes())),
            _ => continue,
        };
        if name == "statement_hash" {
            continue;
        }
        let other = with_header(lines, &|h| {
            let mut statement = members.clone();
            statement[name] = changed.clone();
            h.statement = serde_json::from_value(statement).unwrap();
            h.statement.statement_hash = h.statement.expected_hash();
            h.statement_signatures =
                vec![StatementSignature::sign(&h.statement, "demo.example/node/1".into(), &key(40))];
        });
        let named: &[&str] = &[
            "STATEMENT_FOUNDING_TENSION",
            "STATEMENT_IDENTITY",
            "STATEMENT_LINEAGE_DEPTH",
            "STATEMENT_HEAD",
            "STATEMENT_CONTINUITY",
            "STATEMENT_CONSTITUTION",
            "STATEMENT_ATTESTATION",
            "STATEMENT_EVIDENCE_DEPTH",
            "STATEMENT_REASONING_DEPTH",
        ];
        add("a false statement, signed", other, Named::By(named));
    }
}

/// Leaves changed in their members, in canonical form, so that the meaning is found and not only the form.
pub fn records(lines: &[Vec<u8>], add: Add<'_>) {
    for at in 1..lines.len() {
        // The line of a submission has no leaf.
        let Ok(read) = serde_json::from_slice::<Line>(&lines[at]) else { continue };
        let entry = Entry::from_leaf(read.leaf.as_bytes()).unwrap();
        let index = entry.index.0;
        let mut put = |how, line: &Line, index| {
            let mut other = lines.to_vec();
            other[at] = canon::to_canonical_of(line);
            add(how, join(&other), Named::At { line: at as u64 + 1, index });
        };
        let mut leaf = |how, change: &dyn Fn(&mut Entry), index| {
            let mut changed = entry.clone();
            change(&mut changed);
            let leaf = String::from_utf8(changed.leaf()).unwrap();
            put(how, &Line { leaf, ..read.clone() }, index);
        };
        leaf("another predecessor", &|e| e.prior_entry_hash = Some(Digest::of(b"x")), index);
        leaf("another depth", &|e| e.depth.0 += 1, index);
        leaf("another index", &|e| e.index.0 += 100, index + 100);
        leaf("another submission", &|e| e.submission = Digest::of(b"x"), index);
        leaf("another subject", &|e| e.subject = "cluster".into(), index);
        leaf(
            "another ledger",
            &|e| e.ledger = if e.ledger == Ledger::Evidence { Ledger::Reasoning } else { Ledger::Evidence },
            index,
        );
        for place in 0..read.proof.len() {
            let mut line = read.clone();
            line.proof[place] = Digest::of(b"x");
            put("a hash of a proof changed", &line, index);
            line.proof.remove(place);
            put("a hash of a proof cut out", &line, index);
        }
        let mut line = read.clone();
        line.proof.push(Digest::of(b"x"));
        put("a hash of a proof put in", &line, index);
    }
}
