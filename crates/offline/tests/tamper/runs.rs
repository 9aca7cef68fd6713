//! Alterations of a run's bundle.

use crate::bundles::{Add, bits, join, records};
use crate::objects::{Objects, key, run, signed, vectors};
use crate::{Case, Named};
use selfsame_protocol::bundle::{Line, RunHeader};
use selfsame_protocol::canon;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::note::{Checkpoint, Note};
use selfsame_protocol::p104::StatementSignature;
use selfsame_protocol::time::U64;
use serde_json::Value;

const KIND: &str = "run_bundle";
/// What can be wrong with the first line.
const HEADER: &[&str] = &[
    "BUNDLE_LINE",
    "BUNDLE_TYPE",
    "BUNDLE_KEYS",
    "FILE_KIND",
    "GENESIS_FORM",
    "CHECKPOINT_FORM",
    "CHECKPOINT_ORIGIN",
    "CHECKPOINT_SIGNATURE",
    "POLICY_ORIGIN",
    "POLICY_QUORUM",
    "POLICY_LOG",
    "ENTRY_SUBJECT",
    "RECORD_TYPE",
    "STATEMENT_KEY",
    "STATEMENT_NODE",
    "STATEMENT_SIGNATURE",
    "STATEMENT_GENESIS",
    "SUBMISSION_AUTHOR",
    "SUBMISSION_CLUSTER",
    "SUBMISSION_KEY",
    "GOVERNANCE_MEMBER",
    "KEY_IN_FORCE",
];
/// What a line more, less or in another place comes to.
const ORDER: &[&str] = &[
    "BUNDLE_ORDER",
    "DECLARATION_ATTESTED",
    "DECLARATION_FIRST",
    "ENTRY_DEPTH",
    "ENTRY_INDEX",
    "ENTRY_TIME",
    "PRIOR_ENTRY_HASH",
    "STATEMENT_ENTRIES",
    "STATEMENT_GOVERNANCE",
    "SUBMISSION_DIGEST",
    "SUBMISSION_KEY",
    "SUBMISSION_ONCE",
    "SUBMISSION_UNUSED",
];

pub fn cases(objects: &Objects) -> Vec<Case> {
    let bytes = &objects.run;
    let lines: Vec<Vec<u8>> = bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let lines = &lines[..lines.len() - 1];
    let mut cases = Vec::new();
    let mut add = |how, input: Vec<u8>, named: Named| cases.push(Case { kind: KIND, how, input, named });
    bits(bytes, lines, HEADER, &mut add);
    for keep in (0..bytes.len()).step_by(131).chain([bytes.len() - 2, bytes.len() - 1]) {
        let named: &[&str] = if keep < 64 { &["FILE_KIND", "BUNDLE_LINE"] } else { &["BUNDLE_LINE"] };
        add("cut short", bytes[..keep].to_vec(), Named::By(named));
    }
    for keep in 1..lines.len() {
        add("lines cut off", join(&lines[..keep]), Named::By(ORDER));
    }
    excisions(lines, &mut add);
    headers(&mut add);
    records(lines, &mut add);
    conspiracies(&mut add);
    cases
}

fn excisions(lines: &[Vec<u8>], add: Add<'_>) {
    for at in 1..lines.len() {
        let mut fewer = lines.to_vec();
        fewer.remove(at);
        add("a line cut out", join(&fewer), Named::By(ORDER));
        let mut twice = lines.to_vec();
        twice.insert(at, lines[at].clone());
        add("a line twice", join(&twice), Named::By(ORDER));
        for other in at + 1..lines.len() {
            let mut exchanged = lines.to_vec();
            exchanged.swap(at, other);
            add("two lines exchanged", join(&exchanged), Named::By(ORDER));
        }
        // With its submission, so that nothing is left that points to it.
        if serde_json::from_slice::<Line>(&lines[at]).is_err() {
            let mut without = lines.to_vec();
            let end = (at + 1..lines.len()).find(|other| serde_json::from_slice::<Line>(&lines[*other]).is_err());
            without.drain(at..end.unwrap_or(lines.len()));
            add("a submission and its entries cut out", join(&without), Named::By(ORDER));
        }
    }
}

/// Headers that a node signs without the keys of the cosigners, or the other way round.
fn headers(add: Add<'_>) {
    let good = vectors("run_bundle");
    let mut with = |how, change: &dyn Fn(&mut RunHeader), named: &'static [&'static str]| {
        add(how, run(&good, change), Named::By(named));
    };
    for version in ["v0", "v2", "v10"] {
        with("another version", &|h| h.bundle = format!("selfsame/run-bundle/{version}"), &["BUNDLE_TYPE"]);
    }
    with("the other kind's type", &|h| h.bundle = "selfsame/substrate-bundle/v1".into(), &["BUNDLE_LINE"]);
    let exchange = |h: &mut RunHeader| std::mem::swap(&mut h.checkpoints.evidence, &mut h.checkpoints.reasoning);
    with("checkpoints exchanged", &exchange, &["CHECKPOINT_ORIGIN"]);
    let head = |text: &str| Checkpoint::parse(&Note::parse(text.as_bytes()).unwrap().text).unwrap();
    let forged = |h: &mut RunHeader| h.checkpoints.evidence = signed(&head(&h.checkpoints.evidence), 100).to_text();
    with("keys of the cosigners exchanged", &forged, &["POLICY_QUORUM"]);
    let fork = |h: &mut RunHeader| {
        let fork = Checkpoint { root: Digest::of(b"fork"), ..head(&h.checkpoints.reasoning) };
        h.checkpoints.reasoning = signed(&fork, 0).to_text();
        h.statement.reasoning.root = fork.root;
    };
    with("a fork by the right keys", &fork, &["INCLUSION_ROOT"]);
    with("another founder", &|h| h.genesis.organisations[0].operator_key = key(99).public(), &["SUBMISSION_KEY"]);
    with("another root key", &|h| h.genesis.organisations[1].root_key = key(99).public(), &["SUBMISSION_KEY"]);
    let renamed = |h: &mut RunHeader| {
        h.genesis.organisations[0].name = "borealis".into();
        h.genesis.organisations[1].name = "aurora".into();
        h.statement.genesis = h.genesis.digest();
    };
    with("founders under each other's names", &renamed, &["SUBMISSION_AUTHOR"]);
    with("another limit in the genesis", &|h| h.genesis.limits.max_items += 1, &["STATEMENT_GENESIS"]);
    with("another run", &|h| h.run_id = Digest::of(b"x"), &["ENTRY_SUBJECT"]);
    type Change = (fn(&mut RunHeader), &'static [&'static str]);
    let statements: [Change; 8] = [
        (|h| h.statement.run_id = Digest::of(b"x"), &["STATEMENT_RUN"]),
        (|h| h.statement.genesis = Digest::of(b"x"), &["STATEMENT_GENESIS"]),
        (|h| h.statement.evidence.size = U64(99), &["STATEMENT_EVIDENCE"]),
        (|h| h.statement.reasoning.root = Digest::of(b"x"), &["STATEMENT_REASONING"]),
        (|h| h.statement.entries.0 += 1, &["STATEMENT_ENTRIES"]),
        (|h| h.statement.head = Digest::of(b"x"), &["STATEMENT_HEAD"]),
        (|h| h.statement.governance.0 -= 1, &["STATEMENT_GOVERNANCE"]),
        (|h| h.statement.record_type = "identity_statement".into(), &["RECORD_TYPE"]),
    ];
    for (change, named) in statements {
        with("a false statement, signed", &change, named);
    }
    let bytes = run(&good, |_| {});
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap();
    let header: RunHeader = serde_json::from_slice(&bytes[..end]).unwrap();
    for (how, name, seed) in [
        ("statement by a stranger's key", "demo.example/node/1", 99),
        ("statement by another name", "demo.example/node/9", 40),
    ] {
        let signature = StatementSignature::of(&header.statement.signed_bytes(), name.into(), &key(seed));
        let header = RunHeader { statement_signatures: vec![signature], ..header.clone() };
        let input = [&canon::to_canonical_of(&header)[..], &bytes[end..]].concat();
        add(how, input, Named::By(&["STATEMENT_KEY"]));
    }
    // A key that the reader trusts for another purpose is no node of this cluster.
    let signature = StatementSignature::of(&header.statement.signed_bytes(), "demo.example/node/1".into(), &key(40));
    let header = RunHeader { statement_signatures: vec![signature], ..header };
    let input = [&canon::to_canonical_of(&header)[..], &bytes[end..]].concat();
    add("statement by another trusted key", input, Named::By(&["STATEMENT_NODE"]));
}

/// What a whole cluster could write that lacks the keys of others: the histories of the test vectors, with checkpoints that
/// everybody cosigned and a statement that the right node signed.
fn conspiracies(add: Add<'_>) {
    let vectors = vectors("run_bundle");
    let mut count = 0;
    for case in vectors["altered"].as_array().unwrap() {
        let check = case["check"].as_str().unwrap();
        let of_signatures = ["BUNDLE_", "CHECKPOINT_", "STATEMENT_", "RECORD_TYPE", "GENESIS"];
        if of_signatures.iter().any(|prefix| check.starts_with(prefix)) || case["lines"][0] == Value::Null {
            continue;
        }
        // The names of checks live as long as the test.
        let named: &'static [&'static str] = Box::leak(vec![&*Box::leak(check.to_string().into_boxed_str())].into());
        add("a history that everybody cosigned", run(case, |_| {}), Named::By(named));
        count += 1;
    }
    assert!(count > 40, "{count}");
}
