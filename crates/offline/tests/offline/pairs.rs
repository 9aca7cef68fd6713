//! Genuine files hold under their policy, and their altered twins are refused by the check that names what was done.

use selfsame_forge::files::Files;
use selfsame_forge::pairs::{self, Pair};
use selfsame_offline::{Failure, Options, Verified, verify_input};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::p104::IdentityStatement;
use selfsame_protocol::policy::Policy;
use serde_json::{Value, json};

fn verify(bytes: &[u8], options: &Options) -> Result<Verified, Failure> {
    let input = Box::new(std::io::Cursor::new(bytes.to_vec()));
    verify_input(input, options, &mut |_, _, _| {})
}

fn options(policy: &str) -> Options {
    Options { policy: Some(Policy::parse(policy.as_bytes()).unwrap()), threads: 1, ..Options::default() }
}

fn said(verdict: Result<Verified, Failure>) -> String {
    match verdict {
        Ok(verified) if verified.end.as_ref().is_some_and(|end| !end.is_known()) => "LaterUnknown".into(),
        Ok(_) => "holds".into(),
        Err(failure) if failure.tampered => format!("Altered({:?})", failure.check),
        Err(failure) => format!("Undecided({:?})", failure.check),
    }
}

/// shows: P-052, P-054, P-063, P-095, P-096, WL-13, WL-15, WL-31, RI-13
#[test]
fn of_each_pair_the_genuine_file_holds_and_its_twin_does_not() {
    let (policy, pairs) = pairs::all();
    let options = options(&policy);
    let mut wrong = Vec::new();
    let mut genuine: Vec<&Pair> = Vec::new();
    for pair in &pairs {
        if !genuine.iter().any(|one| one.genuine == pair.genuine) {
            genuine.push(pair);
        }
        let found = said(verify(&pair.altered, &options));
        if found != format!("{:?}", pair.right) {
            wrong.push(format!("{}/{}: right is {:?}, found {found}", pair.kind, pair.name, pair.right));
        }
    }
    for pair in genuine {
        if let Err(failure) = verify(&pair.genuine, &options) {
            wrong.push(format!("genuine file of {}/{}: {failure}", pair.kind, pair.name));
        }
    }
    assert!(wrong.is_empty(), "{} of {} wrong:\n{}", wrong.len(), pairs.len(), wrong.join("\n"));
}

/// Without anybody named nothing holds, whatever is right in itself; and nothing that is wrong in itself becomes right.
/// shows: P-095
#[test]
fn without_somebody_named_nothing_holds() {
    let (_, pairs) = pairs::all();
    for pair in &pairs {
        let nobody = Options { threads: 1, ..Options::default() };
        assert_eq!(
            said(verify(&pair.genuine, &nobody)),
            "Undecided(\"NOBODY_TRUSTED\")",
            "{}/{}",
            pair.kind,
            pair.name
        );
        assert_ne!(said(verify(&pair.altered, &nobody)), "holds", "{}/{}", pair.kind, pair.name);
        let consistent = Options { consistency_only: true, ..nobody };
        assert!(verify(&pair.genuine, &consistent).is_ok(), "{}/{}", pair.kind, pair.name);
    }
}

/// shows: P-095, RI-13
#[test]
fn the_genesis_alone_is_enough_and_another_one_is_refused() {
    let world = pairs::world();
    let files = Files::of(&world);
    let document = world.genesis.document();
    let subject = format!("substrate:{}", pairs::substrate());
    let bundle = files.bundle(&subject).to_text();
    let named = Options { genesis: Some(document.digest()), threads: 1, ..Options::default() };
    assert_eq!(said(verify(bundle.as_bytes(), &named)), "holds");
    let mut other = document.clone();
    other.cluster = "other".into();
    let another = Options { genesis: Some(other.digest()), ..named.clone() };
    assert_eq!(said(verify(bundle.as_bytes(), &another)), "Undecided(\"GENESIS\")");
    // Two of three organisations are no quorum of this genesis.
    let mut few = files.bundle(&subject);
    for note in [&mut few.header.checkpoints.evidence, &mut few.header.checkpoints.reasoning] {
        *note = note.lines().filter(|line| !line.contains("/cosigner/3 ")).map(|line| format!("{line}\n")).collect();
    }
    assert_eq!(said(verify(few.to_text().as_bytes(), &named)), "Undecided(\"CHECKPOINT_QUORUM\")");
    // A statement has no history of keys: a digest names nobody, the document its own nodes.
    let proof = serde_json::to_vec(&files.identity_proof(&pairs::substrate())).unwrap();
    assert_eq!(said(verify(&proof, &named)), "Undecided(\"GENESIS_DOCUMENT\")");
    let with = Options { genesis_document: Some(document), ..named };
    assert_eq!(said(verify(&proof, &with)), "holds");
}

/// A key that the reader names speaks for itself, and not for the end of a history.
/// shows: P-095
#[test]
fn a_named_key_leaves_the_end_open() {
    let world = pairs::world();
    let files = Files::of(&world);
    let bundle = files.bundle(&format!("substrate:{}", pairs::substrate())).to_text();
    let mut key = files.node_key();
    let named = Options { keys: vec![key.clone()], threads: 1, ..Options::default() };
    assert_eq!(said(verify(bundle.as_bytes(), &named)), "LaterUnknown");
    // The same name under another key is another key.
    key.key = selfsame_forge::cast::key(250).public();
    let other = Options { keys: vec![key], ..named };
    assert_eq!(said(verify(bundle.as_bytes(), &other)), "Undecided(\"CHECKPOINT_KEY\")");
}

/// What a file leaves open is said with it, and nothing is called open that the reader closed.
/// shows: P-095
#[test]
fn what_a_bundle_leaves_open_is_said() {
    let world = pairs::world();
    let files = Files::of(&world);
    let bundle = files.bundle(&format!("substrate:{}", pairs::substrate())).to_text();
    let open = |options: &Options| {
        let detail = verify(bundle.as_bytes(), options).unwrap().detail;
        let list: Vec<String> = serde_json::from_value(detail["not_checked"].clone()).unwrap();
        let (sizes, rest) = list.split_first().unwrap();
        let [evidence, reasoning] = [&detail["evidence_size"], &detail["reasoning_size"]];
        let sizes_of = format!("behind entry {evidence} of Evidence and entry {reasoning} of Reasoning");
        assert!(sizes.contains(&sizes_of), "{sizes}");
        let about = |part: &str| rest.iter().filter(|line| line.contains(part)).count();
        let counts = [
            "that the last entries in these trees are all here",
            "the signatures of chips and nodes",
            "is the genesis of the cluster that you mean",
            "that a model really produced the outputs",
        ]
        .map(about);
        assert_eq!(counts.iter().sum::<usize>(), rest.len(), "{rest:?}");
        counts
    };
    let by_policy = options(&files.policy().to_text());
    assert_eq!(open(&by_policy), [0, 1, 0, 0]);
    let genesis = Options { genesis: Some(world.genesis.digest()), threads: 1, ..Options::default() };
    assert_eq!(open(&genesis), [0, 1, 0, 0]);
    let key = Options { keys: vec![files.node_key()], threads: 1, ..Options::default() };
    assert_eq!(open(&key), [1, 1, 1, 0]);
    let nobody = Options { consistency_only: true, threads: 1, ..Options::default() };
    assert_eq!(open(&nobody), [1, 1, 1, 0]);
}

/// No bit of a bundle or of an identity proof can be altered.
/// shows: P-052, P-054, P-063
#[test]
fn no_bit_can_be_altered() {
    let world = pairs::world();
    let files = Files::of(&world);
    let policy = options(&files.policy().to_text());
    let bundle = files.bundle(&format!("substrate:{}", pairs::substrate())).to_text().into_bytes();
    // A policy knows no keys of nodes, and a proof has no history of keys: a line of a node's own would be passed over.
    let mut proof = files.identity_proof(&pairs::substrate());
    for note in [&mut proof.checkpoints.evidence, &mut proof.checkpoints.reasoning, &mut proof.head] {
        *note = note.lines().filter(|line| !line.contains("/node/1 ")).map(|line| format!("{line}\n")).collect();
    }
    let proof = serde_json::to_vec(&proof).unwrap();
    let mut least = 0;
    for (bytes, step) in [(bundle, 1_009), (proof, 61)] {
        for bit in (0..bytes.len() * 8).step_by(step) {
            let mut altered = bytes.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            let found = said(verify(&altered, &policy));
            assert!(found.starts_with("Altered") || found.starts_with("Undecided"), "bit {bit}: {found}");
            least += 1;
        }
    }
    assert!(least > 500, "{least}");
}

/// Every member of a statement counts.
/// shows: P-092, P-094
#[test]
fn no_member_of_a_statement_can_be_altered() {
    let world = pairs::world();
    let files = Files::of(&world);
    let policy = options(&files.policy().to_text());
    let genuine = serde_json::to_value(files.identity_proof(&pairs::substrate())).unwrap();
    let said_of = |document: &Value| said(verify(&serde_json::to_vec(document).unwrap(), &policy));
    for (name, value) in genuine["statement"].as_object().unwrap() {
        let mut without = genuine.clone();
        without["statement"].as_object_mut().unwrap().remove(name);
        assert_eq!(said_of(&without), "Altered(\"STATEMENT_FORM\")", "{name} left out");
        let mut changed = genuine.clone();
        changed["statement"][name] = match value {
            Value::Number(number) => json!(number.as_u64().unwrap() + 1),
            Value::String(text) if text.starts_with("sha256:") => json!(Digest::of(text.as_bytes())),
            Value::String(text) if text.ends_with('Z') => json!("2026-03-08T00:00:00.001Z"),
            Value::String(text) if text.len() == 36 => json!("00000000-0000-4000-8000-0000000000ff"),
            Value::String(text) if text == "VERIFIED" => json!("INSUFFICIENT_DEPTH"),
            Value::String(_) => json!("VERIFIED"),
            _ => continue,
        };
        let found = said_of(&changed);
        let right = ["Altered(\"STATEMENT_HASH\")", "Altered(\"RECORD_TYPE\")"];
        assert!(right.contains(&found.as_str()), "{name} changed: {found}");
        // With the hash made anew it is another statement than the one under the head.
        let Ok(mut statement) = serde_json::from_value::<IdentityStatement>(changed["statement"].clone()) else {
            continue;
        };
        if name == "statement_hash" || name == "record_type" {
            continue;
        }
        statement.statement_hash = statement.expected_hash();
        changed["statement"] = json!(statement);
        assert!(said_of(&changed).starts_with("Altered(\"HEAD_"), "{name} changed, hash anew: {}", said_of(&changed));
    }
}
