//! Genuine documents of every kind that a stranger hands in, each with the door by which it comes.

use crate::chance::{Chance, Optional};
use crate::{commands, records};
use selfsame_protocol::bundle::{Line, RunVerifier, Trust, Verifier};
use selfsame_protocol::canon::{self, Limits};
use selfsame_protocol::code::Code;
use selfsame_protocol::command::ItemLimits;
use selfsame_protocol::entry::Entry;
use selfsame_protocol::envelope::{self, Envelope};
use selfsame_protocol::equivocation::Evidence;
use selfsame_protocol::genesis::GenesisDocument;
use selfsame_protocol::p104::IdentityStatement;
use selfsame_protocol::pair::Pair;
use selfsame_protocol::record::{RecordKind, Resolved};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// Whether a document is read.
pub type Door = fn(&Value) -> Result<(), String>;

/// A document that is read.
pub struct Document {
    /// What it is.
    pub name: String,
    /// Where it is read.
    pub door: Door,
    /// Its content.
    pub value: Value,
}

fn exact<T: DeserializeOwned + Serialize>(value: &Value) -> Result<(), String> {
    let bytes = canon::to_canonical(value);
    let read: T = canon::decode_exact(&bytes, &Limits::DOCUMENT).map_err(|error| error.to_string())?;
    assert_eq!(canon::to_canonical_of(&read), bytes, "read in another spelling than it is written in");
    Ok(())
}

pub fn leaf(value: &Value) -> Result<(), String> {
    let bytes = canon::to_canonical(value);
    let entry = Entry::from_leaf(&bytes).map_err(|error| error.to_string())?;
    assert_eq!(entry.leaf(), bytes, "read in another spelling than it is written in");
    Ok(())
}

/// The form alone: nobody signed it, which is found after that.
pub fn payload(value: &Value) -> Result<(), String> {
    let bytes = [&[0; 64][..], &canon::to_canonical(value)].concat();
    match envelope::prepare(&bytes, &ItemLimits::NONE) {
        Err(refusal) if refusal.code == Code::Malformed => Err(refusal.to_string()),
        Err(refusal) if refusal.code == Code::BadSignature => Ok(()),
        other => panic!("{other:?}"),
    }
}

fn envelope(value: &Value) -> Result<(), String> {
    Envelope::from_json(&canon::to_canonical(value)).map(drop).map_err(|error| error.to_string())
}

fn pair(value: &Value) -> Result<(), String> {
    let line = [&canon::to_canonical(value)[..], b"\n"].concat();
    Pair::from_bytes(&line).map(drop).map_err(|error| error.to_string())
}

fn equivocation(value: &Value) -> Result<(), String> {
    Evidence::from_bytes(&canon::to_canonical(value)).map(drop).map_err(|error| error.to_string())
}

fn header(value: &Value) -> Result<(), String> {
    let line = String::from_utf8(canon::to_canonical(value)).unwrap();
    Verifier::new(&line, Trust::File).map(drop).map_err(|error| error.to_string())
}

fn run_header(value: &Value) -> Result<(), String> {
    let line = String::from_utf8(canon::to_canonical(value)).unwrap();
    RunVerifier::new(&line, Trust::File, None).map(drop).map_err(|error| error.to_string())
}

fn vectors(name: &str) -> Value {
    let path = format!("{}/../../tests/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn line(vectors: &Value, at: usize) -> Value {
    serde_json::from_str(vectors["lines"][at].as_str().unwrap()).unwrap()
}

/// Entries of every kind, with what may be left out and without.
pub fn leaves(seed: u64, optional: Optional) -> Vec<Document> {
    let mut c = Chance::new(seed, optional);
    let mut all: Vec<_> =
        RecordKind::ALL.into_iter().map(|kind| (kind.to_string(), records::entry(kind, &mut c))).collect();
    // Both kinds of cycle, whatever chance brought.
    for kind in ["migration", "resolution"] {
        let cycle = std::iter::repeat_with(|| records::entry(RecordKind::IdentityPropagation, &mut c));
        let found = cycle.into_iter().find(|entry| json!(entry)["record"]["cycle_kind"] == kind).unwrap();
        all.push((format!("a cycle of the kind {kind}"), found));
    }
    let mut documents: Vec<_> =
        all.into_iter().map(|(name, entry)| Document { name, door: leaf, value: json!(entry) }).collect();
    let mut around = json!(records::entry(RecordKind::Governance, &mut c));
    for action in records::actions(&mut c) {
        let name = format!("the action {}", action["action"]);
        around["record"]["action"] = action;
        documents.push(Document { name, door: leaf, value: around.clone() });
    }
    let mut around = json!(records::entry(RecordKind::BallotDecided, &mut c));
    for proposal in commands::proposals(&mut c) {
        around["record"]["proposal"] = json!(proposal);
        documents.push(Document { name: format!("{} carried", proposal.action()), door: leaf, value: around.clone() });
    }
    documents
}

/// Submissions of every command and proposal.
pub fn payloads(seed: u64, optional: Optional) -> Vec<Document> {
    let mut c = Chance::new(seed, optional);
    let mut documents = Vec::new();
    for command in commands::commands(&mut c) {
        let (submission, _) = commands::submission(command, &mut c);
        let value = json!(submission);
        let name = format!("{} {}", value["command"]["kind"], value["command"]["proposal"]["action"]);
        documents.push(Document { name, door: payload, value });
    }
    documents
}

/// Everything else that is JSON.
pub fn others(seed: u64, optional: Optional) -> Vec<Document> {
    let mut c = Chance::new(seed, optional);
    let (substrate, run) = (vectors("bundle"), vectors("run_bundle"));
    let (header_of_substrate, header_of_run) = (line(&substrate, 0), line(&run, 0));
    let mut genesis = header_of_run["genesis"].clone();
    if optional == Optional::Never {
        genesis.as_object_mut().unwrap().remove("publication");
    } else {
        genesis["publication"] = json!({"threshold": 2, "publisher": {"log_key": c.key(), "organisation": c.name()}});
    }
    let [a, b] = [1, 2].map(|size| format!("ledger.example/evidence\n{size}\n\n"));
    let mut evidence = json!({"equivocation": "selfsame/equivocation/v1", "kind": "inconsistent", "note_a": a, "note_b": b,
        "origin": "ledger.example/evidence", "proof": c.list(Chance::digest)});
    if let Some(leaf) = c.maybe(Chance::text) {
        evidence["kind"] = json!("double_epoch");
        evidence["holders"] = json!([{"index": c.counter(), "leaf": leaf, "proof": c.list(Chance::digest)}]);
    }
    [
        ("the header of a substrate's bundle", header as Door, header_of_substrate.clone()),
        ("the header of a run's bundle", run_header, header_of_run),
        ("a line of a bundle", exact::<Line>, line(&substrate, 1)),
        ("a statement", exact::<IdentityStatement>, header_of_substrate["statement"].clone()),
        ("a genesis", exact::<GenesisDocument>, genesis),
        ("a goal vector or an arrival", exact::<Resolved>, json!(commands::goal(&mut c))),
        ("an envelope", envelope, line(&run, 1)["submission"].clone()),
        ("a pair", pair, json!(Pair::new(a, b, c.list(Chance::digest)))),
        ("evidence of equivocation", equivocation, evidence),
    ]
    .map(|(name, door, value)| Document { name: name.into(), door, value })
    .into()
}
