//! Genuine documents of every kind that a stranger hands in, each with the door by which it comes.

use crate::chance::{Chance, Optional};
use crate::{commands, records};
use selfsame_protocol::bundle::{BUNDLE_TYPE, Checkpoints, Header, IDENTITY_PROOF_TYPE, IdentityProof, Line};
use selfsame_protocol::canon::{self, Limits};
use selfsame_protocol::checkpoint_pair::Pair;
use selfsame_protocol::code::Code;
use selfsame_protocol::command::ItemLimits;
use selfsame_protocol::entry::Entry;
use selfsame_protocol::envelope::{self, Envelope};
use selfsame_protocol::equivocation::{EQUIVOCATION_TYPE, Evidence};
use selfsame_protocol::genesis::{GenesisDocument, GenesisNode, GenesisOrganisation, Publication};
use selfsame_protocol::p104::{IdentityStatement, Outcome};
use selfsame_protocol::record::{RecordKind, Resolved};
use selfsame_protocol::subject::Subject;
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

fn identity(value: &Value) -> Result<(), String> {
    let proof = IdentityProof::read(value.clone()).map_err(|error| error.to_string())?;
    assert_eq!(&json!(proof), value, "read in another spelling than it is written in");
    Ok(())
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
        let name = format!("the action {}", action.name());
        around["record"]["action"] = json!(action);
        assert_eq!(around["record"]["action"]["action"], action.name(), "the tag has the name that is told");
        documents.push(Document { name, door: leaf, value: around.clone() });
    }
    let mut around = json!(records::entry(RecordKind::BallotDecided, &mut c));
    for proposal in commands::proposals(&mut c) {
        around["record"]["proposal"] = json!(proposal);
        assert_eq!(around["record"]["proposal"]["action"], proposal.action(), "the tag has the name that is told");
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

fn statement(c: &mut Chance) -> IdentityStatement {
    IdentityStatement {
        record_type: "identity_statement".into(),
        substrate_id: c.uuid(),
        founding_tension_hash: c.digest(),
        substrate_identity_hash: c.digest(),
        identity_lineage_depth: c.number(),
        latest_cycle_identity_hash: c.digest(),
        cross_session_continuity_hash: c.maybe(Chance::digest),
        evidence_ledger_depth: c.number(),
        reasoning_ledger_depth: c.number(),
        constitutional_state_hash: c.digest(),
        governance_chip_attestation_hash: c.maybe(Chance::digest),
        identity_continuity_status: c.one(&Outcome::ALL),
        statement_timestamp: c.time(),
        statement_hash: c.digest(),
    }
}

fn genesis(c: &mut Chance) -> GenesisDocument {
    let organisations: Vec<_> = (0..2)
        .map(|_| GenesisOrganisation { name: c.name().parse().unwrap(), root_key: c.key(), operator_key: c.key() })
        .collect();
    GenesisDocument {
        cluster: c.name(),
        origin: c.name(),
        limits: ItemLimits::default(),
        nodes: (1..3)
            .map(|id| GenesisNode { id, organisation: organisations[0].name.clone(), key: c.key(), cosigner: c.key() })
            .collect(),
        publication: Publication { threshold: c.maybe(|_| 2), publisher: c.maybe(records::publisher) },
        organisations,
    }
}

/// Everything else that is JSON.
pub fn others(seed: u64, optional: Optional) -> Vec<Document> {
    let mut c = Chance::new(seed, optional);
    let [a, b] = [1, 2].map(|size| format!("ledger.example/evidence\n{size}\n\n"));
    let checkpoints = Checkpoints { evidence: a.clone(), reasoning: b.clone() };
    let mut evidence = json!({"equivocation": EQUIVOCATION_TYPE, "kind": "inconsistent", "note_a": a, "note_b": b,
        "origin": "ledger.example/evidence", "proof": c.list(Chance::digest)});
    if let Some(leaf) = c.maybe(Chance::text) {
        evidence["kind"] = json!("double_epoch");
        evidence["holders"] = json!([{"index": c.counter(), "leaf": leaf, "proof": c.list(Chance::digest)}]);
    }
    let header = Header {
        bundle: BUNDLE_TYPE.into(),
        checkpoints: checkpoints.clone(),
        genesis: genesis(&mut c),
        head: a.clone(),
        subject: Subject::Substrate(c.uuid()),
    };
    let proof = IdentityProof {
        checkpoints,
        head: b.clone(),
        identity: IDENTITY_PROOF_TYPE.into(),
        statement: statement(&mut c),
    };
    let line = Line { ledger: records::ledger(&mut c), leaf: c.text(), proof: c.list(Chance::digest) };
    let all = commands::commands(&mut c);
    let (submission, key) = commands::submission(c.one(&all), &mut c);
    let json_form = Envelope::sign(&submission, &key).to_json(key.public().id());
    [
        ("the header of a bundle", exact::<Header> as Door, json!(header)),
        ("a line of a bundle", exact::<Line>, json!(line)),
        ("a statement", exact::<IdentityStatement>, json!(statement(&mut c))),
        ("an identity proof", identity, json!(proof)),
        ("a genesis", exact::<GenesisDocument>, json!(genesis(&mut c))),
        ("a goal vector", exact::<Resolved>, json!(commands::goal(&mut c))),
        ("an envelope", envelope, serde_json::from_slice(&json_form).unwrap()),
        ("a pair", pair, json!(Pair::new(a, b, c.list(Chance::digest)))),
        ("evidence of equivocation", equivocation, evidence),
    ]
    .map(|(name, door, value)| Document { name: name.into(), door, value })
    .into()
}
