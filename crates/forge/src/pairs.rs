//! Pairs of files: a genuine one, which holds under its policy, and an altered twin, which must not pass.
//!
//! A verifier that refuses everything fails half of them. Each alteration is one that somebody could make who has the keys
//! that its kind says, and everything else is right.

use crate::files::{Bundle, Files, TIME};
use crate::stage::Stage;
use crate::{World, cast, story};
use selfsame_protocol::canon;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::keys::SecretKey;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::names::SubstrateId;
use selfsame_protocol::note::Note;
use selfsame_protocol::subject::Subject;
use selfsame_protocol::subject_head::SubjectHead;
use selfsame_protocol::time::Timestamp;
use serde_json::{Value, json};

/// What a verifier that was given the policy must say of the altered file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// Altered (10), by this check.
    Altered(&'static str),
    /// Cannot be decided (13), by this check.
    Undecided(&'static str),
    /// Holds (0), and says that later entries are unknown.
    LaterUnknown,
}

/// A genuine file and its altered twin.
#[derive(Clone, Debug)]
pub struct Pair {
    /// What kind of forgery it is.
    pub kind: &'static str,
    /// What was done.
    pub name: String,
    /// Ending of the file's name.
    pub ending: &'static str,
    /// Holds under the policy.
    pub genuine: Vec<u8>,
    /// Its twin.
    pub altered: Vec<u8>,
    /// What is right for the twin.
    pub right: Right,
}

/// A key that nobody registered.
fn stranger() -> SecretKey {
    cast::key(250)
}

/// The id of the substrate of [`world`].
pub fn substrate() -> SubstrateId {
    cast::uuid(1)
}

/// A world with a long-lived substrate and a run.
pub fn world() -> World {
    let mut stage = Stage::new();
    story::life(&mut stage, &substrate());
    World::of(&stage)
}

/// All pairs, with the policy under which they are judged.
pub fn all() -> (String, Vec<Pair>) {
    let world = world();
    let files = Files::of(&world);
    let mut pairs = Vec::new();
    statements(&files, &mut pairs);
    bundles(&files, &mut pairs);
    versions(&files, &mut pairs);
    (files.policy().to_text(), pairs)
}

struct Taker<'a> {
    pairs: &'a mut Vec<Pair>,
    kind: &'static str,
    ending: &'static str,
    genuine: Vec<u8>,
}

impl Taker<'_> {
    fn take(&mut self, name: &str, right: Right, altered: Vec<u8>) {
        assert_ne!(altered, self.genuine, "{name} alters nothing");
        let (kind, ending, genuine) = (self.kind, self.ending, self.genuine.clone());
        self.pairs.push(Pair { kind, name: name.into(), ending, genuine, altered, right });
    }
}

/// A note's text under the stranger's key alone, in the name of node 1.
fn forged(text: &str) -> String {
    let mut note = Note::new(text.into());
    note.sign("ledger.example/node/1", &stranger());
    note.to_text()
}

/// A note with other lines.
fn resigned(note: &str, lines: impl FnOnce(&mut Note)) -> String {
    let mut note = Note::parse(note.as_bytes()).expect("a note");
    lines(&mut note);
    note.to_text()
}

fn statements(files: &Files<'_>, pairs: &mut Vec<Pair>) {
    let proof = files.identity_proof(&substrate());
    let bytes = |proof: &Value| canon::to_canonical(proof);
    let document = serde_json::to_value(&proof).expect("JSON");
    let mut take = Taker { pairs, kind: "statement-unsigned", ending: "json", genuine: bytes(&document) };
    take.take("alone", Right::Undecided("STATEMENT_KEY"), bytes(&document["statement"]));
    // Another statement, right in itself, for which the forger signed with a fresh key under a node's name.
    let mut lie = proof.statement.clone();
    lie.identity_lineage_depth = 1_000_000;
    lie.latest_cycle_identity_hash = Digest::of(b"nothing");
    lie.statement_hash = lie.expected_hash();
    let mut own = files.proof_of(lie.clone());
    own.head = forged(&Note::parse(own.head.as_bytes()).expect("a note").text);
    take.take("signed-by-the-forger", Right::Undecided("STATEMENT_KEY"), canon::to_canonical_of(&own));
    let mut one = files.proof_of(lie.clone());
    one.head = resigned(&one.head, |note| note.signatures.retain(|line| line.name.ends_with("/node/1")));
    take.take("signed-by-one-node", Right::Undecided("STATEMENT_KEY"), canon::to_canonical_of(&one));
    let mut two = files.proof_of(lie.clone());
    two.head = resigned(&two.head, |note| note.signatures.retain(|line| !line.name.ends_with("/cosigner/3")));
    take.take("signed-below-the-quorum", Right::Undecided("STATEMENT_KEY"), canon::to_canonical_of(&two));
    let with = |member: &str, value: Value| {
        let mut document = document.clone();
        document[member] = value;
        bytes(&document)
    };
    let lied = serde_json::to_value(&lie).expect("JSON");
    take.take("another-under-the-old-head", Right::Altered("HEAD_STATEMENT"), with("statement", lied));
    let mut unhashed = document["statement"].clone();
    unhashed["identity_lineage_depth"] = json!(1_000_000);
    take.take("not-its-hash", Right::Altered("STATEMENT_HASH"), with("statement", unhashed));
    take.kind = "statement-checkpoints";
    let notes =
        |evidence: Value, reasoning: Value| with("checkpoints", json!({"evidence": evidence, "reasoning": reasoning}));
    let (evidence, reasoning) =
        (document["checkpoints"]["evidence"].clone(), document["checkpoints"]["reasoning"].clone());
    take.take("null", Right::Altered("STATEMENT_FORM"), with("checkpoints", Value::Null));
    take.take("left-out", Right::Altered("STATEMENT_FORM"), {
        let mut document = document.clone();
        document.as_object_mut().expect("an object").remove("checkpoints");
        bytes(&document)
    });
    take.take("empty", Right::Altered("CHECKPOINT_FORM"), notes(json!(""), json!("")));
    take.take("one-null", Right::Altered("STATEMENT_FORM"), notes(evidence.clone(), Value::Null));
    take.take("exchanged", Right::Altered("CHECKPOINT_ORIGIN"), notes(reasoning.clone(), evidence.clone()));
    take.take("twice-the-same", Right::Altered("CHECKPOINT_ORIGIN"), notes(evidence.clone(), evidence.clone()));
    let text = evidence.as_str().expect("text");
    let size = text.lines().nth(1).expect("a size");
    let larger = text.replacen(&format!("\n{size}\n"), "\n1000000\n", 1);
    take.take("size-altered", Right::Altered("CHECKPOINT_SIGNATURE"), notes(json!(larger), reasoning.clone()));
    let forged_note = forged(&Note::parse(text.as_bytes()).expect("a note").text);
    take.take("signed-by-the-forger", Right::Undecided("POLICY_QUORUM"), notes(json!(forged_note), reasoning.clone()));
    let elsewhere =
        files.signed(Note::parse(text.as_bytes()).expect("a note").text.replace("ledger.example", "other.example"));
    take.take("of-another-cluster", Right::Undecided("POLICY_ORIGIN"), notes(json!(elsewhere.to_text()), reasoning));
    for (name, right, member, value) in [
        ("unknown-member", "STATEMENT_FORM", "more", json!(true)),
        ("head-is-null", "STATEMENT_FORM", "head", Value::Null),
        ("head-is-empty", "HEAD_FORM", "head", json!("")),
        ("head-is-a-checkpoint", "HEAD_FORM", "head", document["checkpoints"]["evidence"].clone()),
    ] {
        take.take(name, Right::Altered(right), with(member, value));
    }
    let other =
        files.signed(files.head(&format!("substrate:{}", cast::uuid(2)), head_of(&proof.head).statement).to_text());
    take.take("head-of-another-substrate", Right::Altered("HEAD_SUBJECT"), with("head", json!(other.to_text())));
    let bare = files.signed(files.head(&format!("substrate:{}", substrate()), None).to_text());
    take.take("head-without-a-statement", Right::Altered("HEAD_STATEMENT"), with("head", json!(bare.to_text())));
    let mut late = head_of(&proof.head);
    late.statement = late.statement.map(|(_, hash)| (Timestamp::from_millis(TIME * 1_000 + 1), hash));
    take.take(
        "head-at-another-time",
        Right::Altered("HEAD_STATEMENT"),
        with("head", json!(files.signed(late.to_text()).to_text())),
    );
}

fn head_of(note: &str) -> SubjectHead {
    SubjectHead::parse(&Note::parse(note.as_bytes()).expect("a note").text).expect("a head")
}

fn bundles(files: &Files<'_>, pairs: &mut Vec<Pair>) {
    let subject = format!("substrate:{}", substrate());
    let genuine = files.bundle(&subject);
    let file = |bundle: &Bundle| bundle.to_text().into_bytes();
    let altered = |change: &dyn Fn(&mut Bundle)| {
        let mut bundle = genuine.clone();
        change(&mut bundle);
        file(&bundle)
    };
    let mut take = Taker { pairs, kind: "attacks", ending: "jsonl", genuine: file(&genuine) };
    // The end cut off: with the drift, the migration or the suppression in it.
    let cut = |lines: usize, head: &dyn Fn(&SubjectHead) -> String| {
        altered(&|bundle| {
            bundle.lines.truncate(bundle.lines.len() - lines);
            let mut said = head_of(&bundle.header.head);
            said.trees.reasoning.entries -= lines as u64;
            bundle.header.head = head(&said);
        })
    };
    take.take(
        "end-cut-off",
        Right::Altered("HEAD_REASONING_ENTRIES"),
        altered(&|bundle| {
            bundle.lines.pop();
        }),
    );
    take.take(
        "end-cut-off-and-a-head-by-the-forger",
        Right::Altered("HEAD_KEY"),
        cut(1, &|head| forged(&head.to_text())),
    );
    let by_one = |head: &SubjectHead| {
        let mut note = files.signed(head.to_text());
        note.signatures.retain(|line| line.name.ends_with("/node/1"));
        note.to_text()
    };
    take.take("end-cut-off-by-one-node", Right::LaterUnknown, cut(1, &by_one));
    let by_two = |head: &SubjectHead| {
        let mut note = files.signed(head.to_text());
        note.signatures.retain(|line| !line.name.ends_with("/cosigner/3"));
        note.to_text()
    };
    take.take("end-cut-off-by-two-of-three", Right::LaterUnknown, cut(1, &by_two));
    take.take(
        "cluster-renamed",
        Right::Altered("HEAD_GENESIS"),
        altered(&|bundle| bundle.header.genesis.cluster = "other".into()),
    );
    take.take(
        "cluster-is-no-name",
        Right::Altered("GENESIS_FORM"),
        altered(&|bundle| bundle.header.genesis.cluster = "o ther".into()),
    );
    take.take(
        "founder-exchanged",
        Right::Altered("HEAD_GENESIS"),
        altered(&|bundle| {
            bundle.header.genesis.organisations[2].operator_key = stranger().public();
        }),
    );
    take.take(
        "origin-renamed",
        Right::Altered("CHECKPOINT_ORIGIN"),
        altered(&|bundle| bundle.header.genesis.origin = "other.example".into()),
    );
    take.take(
        "of-another-substrate",
        Right::Altered("HEAD_SUBJECT"),
        altered(&|bundle| {
            bundle.header.subject = Subject::Substrate(cast::uuid(2));
        }),
    );
    take.take(
        "of-a-run",
        Right::Altered("HEAD_SUBJECT"),
        altered(&|bundle| bundle.header.subject = Subject::Run(Digest::of(b""))),
    );
    take.take(
        "of-the-cluster",
        Right::Altered("BUNDLE_LINE"),
        altered(&|bundle| bundle.header.subject = "cluster".parse().unwrap()),
    );
    take.kind = "genesis";
    take.take("node-id-0", Right::Altered("GENESIS_FORM"), altered(&|bundle| bundle.header.genesis.nodes[0].id = 0));
    take.take(
        "node-id-twice",
        Right::Altered("GENESIS_FORM"),
        altered(&|bundle| bundle.header.genesis.nodes[1].id = 1),
    );
    take.take(
        "no-organisation",
        Right::Altered("GENESIS_FORM"),
        altered(&|bundle| bundle.header.genesis.organisations.clear()),
    );
    take.kind = "order";
    let line_of =
        |bundle: &Bundle, what: &str| bundle.lines.iter().position(|line| line.starts_with(what)).expect("a line");
    for (name, right, change) in [
        (
            "keys-behind-the-subject",
            "CHIP_ENROLLED",
            Box::new(|lines: &mut Vec<String>| {
                let own = |line: &String| line.contains(r#"\"subject\":\"substrate:"#);
                let first = lines.iter().position(own).expect("an entry of the substrate");
                lines.rotate_left(first);
            }) as Box<dyn Fn(&mut Vec<String>)>,
        ),
        ("submission-twice", "SUBMISSION_UNUSED", Box::new(|lines| lines.insert(0, lines[0].clone()))),
        ("submission-left-out", "SUBMISSION_DIGEST", Box::new(|lines| drop(lines.remove(0)))),
        ("submission-at-the-end", "BUNDLE_LINE", Box::new(|lines| lines.push(lines[0].clone()))),
        ("entry-twice", "ENTRY_INDEX", Box::new(|lines| lines.insert(2, lines[1].clone()))),
    ] {
        take.take(name, Right::Altered(right), altered(&|bundle| change(&mut bundle.lines)));
    }
    // A leaf that cannot be read belongs to the history of keys as long as that goes on, and to the substrate otherwise.
    let spoilt = |line: &str| line.replacen(r#"{\"depth\":\""#, r#"{\"Depth\":\""#, 1);
    let subject = |bundle: &Bundle, what: &str| {
        let leaf = |line: &String| line.contains(&format!(r#"\"subject\":\"{what}"#)) && line.starts_with(r#"{"leaf""#);
        bundle.lines.iter().position(leaf).expect("an entry")
    };
    for (name, what) in [("entry-of-the-keys-unread", "organisation:"), ("entry-of-the-substrate-unread", "substrate:")]
    {
        let change = |bundle: &mut Bundle| {
            let at = subject(bundle, what);
            bundle.lines[at] = spoilt(&bundle.lines[at]);
        };
        take.take(name, Right::Altered("ENTRY_FORM"), altered(&change));
    }
    let evidence = line_of(&genuine, r#"{"leaf":"{\"depth\":\"0\",\"index\":\"0\",\"ledger\":\"evidence"#);
    take.take(
        "reasoning-before-evidence",
        Right::Altered("BUNDLE_ORDER"),
        altered(&|bundle| {
            let own = |line: &String| {
                line.contains(r#"\"subject\":\"substrate:"#) && line.contains("\"ledger\":\"reasoning\"")
            };
            let birth = bundle.lines.iter().position(own).expect("a birth");
            let line = bundle.lines.remove(birth);
            bundle.lines.insert(evidence, line);
        }),
    );
    take.take(
        "evidence-exchanged",
        Right::Altered("ENTRY_DEPTH"),
        altered(&|bundle| bundle.lines.swap(evidence, evidence + 1)),
    );
    take.kind = "file-kind";
    let text = genuine.to_text();
    take.take("space-first", Right::Altered("BUNDLE_LINE"), format!(" {text}").into_bytes());
    take.take(
        "escape-in-type",
        Right::Altered("BUNDLE_LINE"),
        text.replacen("{\"bundle\"", "{\"b\\u0075ndle\"", 1).into_bytes(),
    );
    take.take(
        "genesis-with-another-member",
        Right::Altered("GENESIS_FORM"),
        text.replacen("\"genesis\":{", "\"genesis\":{\"a\":1,", 1).into_bytes(),
    );
    take.take("last-line-feed-left-out", Right::Altered("BUNDLE_LINE"), text.trim_end().as_bytes().to_vec());
    take.take("empty-line", Right::Altered("BUNDLE_LINE"), text.replacen('\n', "\n\n", 1).into_bytes());
    take.take("carriage-return", Right::Altered("BUNDLE_LINE"), text.replacen('\n', "\r\n", 1).into_bytes());
    take.take(
        "member-twice",
        Right::Altered("BUNDLE_LINE"),
        text.replacen("\"subject\":", "\"subject\":\"x\",\"subject\":", 1).into_bytes(),
    );
    take.take(
        "unknown-member",
        Right::Altered("BUNDLE_LINE"),
        text.replacen("\"subject\":", "\"sub\":1,\"subject\":", 1).into_bytes(),
    );
    let checkpoint = files.checkpoint(Ledger::Evidence).to_text();
    let mut take =
        Taker { pairs: take.pairs, kind: "file-kind", ending: "txt", genuine: checkpoint.clone().into_bytes() };
    let size = checkpoint.lines().nth(1).expect("a size").to_string();
    for (name, other) in [("size-with-a-letter", "1x"), ("size-with-a-leading-zero", "01"), ("size-is-nothing", "")] {
        let altered = checkpoint.replacen(&format!("\n{size}\n"), &format!("\n{other}\n"), 1);
        take.take(name, Right::Altered("CHECKPOINT_FORM"), altered.into_bytes());
    }
    take.take(
        "size-altered",
        Right::Altered("CHECKPOINT_SIGNATURE"),
        checkpoint.replacen(&format!("\n{size}\n"), "\n7\n", 1).into_bytes(),
    );
    take.kind = "control-characters";
    for (name, character) in [("delete", '\u{7f}'), ("next-line", '\u{80}'), ("escape", '\u{1b}'), ("c1", '\u{9f}')] {
        let altered = checkpoint.replacen("/node/1 ", &format!("/node/1{character} "), 1);
        take.take(name, Right::Altered("CHECKPOINT_FORM"), altered.into_bytes());
    }
    take.take(
        "signature-of-4-bytes",
        Right::Altered("CHECKPOINT_FORM"),
        format!("{checkpoint}— x.example AAAAAA==\n").into_bytes(),
    );
}

/// Files of an earlier version: nothing is said of them.
fn versions(files: &Files<'_>, pairs: &mut Vec<Pair>) {
    let genuine = files.bundle(&format!("substrate:{}", substrate())).to_text();
    let mut take = Taker { pairs, kind: "versions", ending: "jsonl", genuine: genuine.clone().into_bytes() };
    for other in ["selfsame/substrate-bundle/v1", "selfsame/run-bundle/v1", "selfsame/bundle/v3"] {
        let altered = genuine.replacen("selfsame/bundle/v2", other, 1).into_bytes();
        take.take(&other.replace('/', "-"), Right::Undecided("UNSUPPORTED_VERSION"), altered);
    }
    take.take(
        "another-type",
        Right::Undecided("BUNDLE_TYPE"),
        genuine.replacen("selfsame/bundle/v2", "other", 1).into_bytes(),
    );
    let proof = files.identity_proof(&substrate());
    let genuine = canon::to_canonical_of(&proof);
    let mut take = Taker { pairs: take.pairs, kind: "versions", ending: "json", genuine };
    let old = json!({"statement": proof.statement, "proof": {"checkpoints": proof.checkpoints, "signatures": []}});
    take.take("statement-of-version-1", Right::Undecided("UNSUPPORTED_VERSION"), canon::to_canonical(&old));
    let mut newer = serde_json::to_value(&proof).expect("JSON");
    newer["identity"] = json!("selfsame/identity-proof/v3");
    take.take("identity-proof-v3", Right::Undecided("UNSUPPORTED_VERSION"), canon::to_canonical(&newer));
}
