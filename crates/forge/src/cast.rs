//! Who takes part: three organisations with a node and a chip each, with keys from fixed seeds, and what they say.

use selfsame_machine::Genesis;
use selfsame_machine::genesis::{GenesisNode, GenesisOrganisation};
use selfsame_machine::state::{META_CLOCK, META_DIGEST, Publication, prefix_end};
use selfsame_machine::view::{Row, Table, View};
use selfsame_protocol::canon;
use selfsame_protocol::command::*;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::envelope::Envelope;
use selfsame_protocol::keys::SecretKey;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::names::SubstrateId;
use selfsame_protocol::p104::{self, Amendment, Attestation, Claims, Outcome as Identity, SCHEMA_VERSION, Thresholds};
use selfsame_protocol::record::Finding;
use selfsame_protocol::time::{Timestamp, U64};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The cluster.
pub const CLUSTER: &str = "court";
/// Its founders.
pub const ORGANISATIONS: [&str; 3] = ["agency", "bureau", "chamber"];
/// 2026-03-08T00:00:00.000Z
pub const START: u64 = 1_772_928_000_000;

/// A key from a seed of 32 equal bytes.
pub fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}
/// Root key of organisation 0, 1 or 2.
pub fn root(organisation: u8) -> SecretKey {
    key(1 + organisation)
}
/// Operator key of organisation 0, 1 or 2.
pub fn operator(organisation: u8) -> SecretKey {
    key(11 + organisation)
}
/// Key of node 1, 2 or 3; node n belongs to organisation n − 1.
pub fn node(id: u64) -> SecretKey {
    key(20 + id as u8)
}
/// A chip's key; `World::new` enrols chip n with organisation n for 0, 1 and 2.
pub fn chip(number: u8) -> SecretKey {
    key(40 + number)
}
/// The id of a substrate.
pub fn uuid(number: u64) -> SubstrateId {
    format!("00000000-0000-4000-8000-{number:012x}").parse().unwrap()
}
/// A founding document.
pub fn founding() -> Value {
    json!({"branch_a": {"claim": "A", "evidence": ["e1"]}, "branch_b": {"claim": "not A", "evidence": ["e2"]},
           "record_type": "founding_incompatibility"})
}
/// Another founding document: about 128 bits away.
pub fn other_founding() -> Value {
    json!({"branch_a": {"claim": "A"}, "branch_b": {"claim": "B"}})
}
/// The founding tension hash of a document.
pub fn tension(document: &Value) -> Digest {
    Digest::of(&canon::to_canonical(document))
}

/// Three organisations with a node each.
pub fn genesis() -> Genesis {
    Genesis {
        cluster: CLUSTER.into(),
        origin: "ledger.example".into(),
        limits: ItemLimits::default(),
        organisations: (0..3)
            .map(|i| GenesisOrganisation {
                name: ORGANISATIONS[usize::from(i)].parse().unwrap(),
                root_key: root(i).public(),
                operator_key: operator(i).public(),
            })
            .collect(),
        nodes: (1..=3)
            .map(|id| GenesisNode {
                id,
                organisation: ORGANISATIONS[id as usize - 1].parse().unwrap(),
                key: node(id).public(),
                cosigner: node(id).cosigner().public(),
            })
            .collect(),
        publication: Publication::default(),
    }
}

/// Opens a ballot.
pub fn propose(id: &str, proposal: Proposal) -> Command {
    Command::Propose(Propose { proposal_id: id.into(), proposal })
}
/// What a vote is about that does not say so yet: the stage where it is cast fills it in, and a world that is linked.
pub fn whatever() -> Digest {
    Digest::of(b"")
}
/// A vote on the ballot of a name, whatever it is about.
pub fn vote(id: &str, approve: bool) -> Command {
    Command::Vote(Vote { proposal_id: id.into(), ballot: whatever(), approve })
}
/// The organisation of number `n` joins: 3 is the `delegation`.
pub fn add(n: u8) -> Proposal {
    let name =
        if n < 3 { ORGANISATIONS[usize::from(n)] } else { ["delegation", "embassy", "forum"][usize::from(n) - 3] };
    Proposal::AddOrganisation {
        name: name.parse().unwrap(),
        root_key: root(n).public(),
        operator_key: operator(n).public(),
    }
}
/// An organisation with keys of a seed joins.
pub fn add_named(name: &str, seed: u8) -> Proposal {
    Proposal::AddOrganisation {
        name: name.parse().unwrap(),
        root_key: key(seed).public(),
        operator_key: key(seed + 10).public(),
    }
}
/// The organisation of number `n` leaves.
pub fn remove(n: u8) -> Proposal {
    let Proposal::AddOrganisation { name, .. } = add(n) else { unreachable!() };
    remove_named(&name)
}
/// An organisation leaves.
pub fn remove_named(name: &str) -> Proposal {
    Proposal::RemoveOrganisation { name: name.parse().unwrap(), reason: "as agreed".into() }
}

/// What a birth attests.
pub fn birth_claims(id: &str, founding: &Value) -> Claims {
    Claims::Birth {
        substrate_id: id.parse().unwrap(),
        founding_tension_hash: tension(founding),
        initialisation_timestamp: Timestamp::from_millis(START),
        schema_version_at_init: SCHEMA_VERSION.into(),
    }
}

/// The birth of `id` by a chip that attests it, with the default thresholds.
pub fn birth(id: &str, chip: &SecretKey) -> Command {
    birth_with(id, Some(Attestation::software(&birth_claims(id, &founding()), chip)), Thresholds::default())
}
/// A birth with these thresholds.
pub fn birth_with(id: &str, attestation: Option<Attestation>, thresholds: Thresholds) -> Command {
    Command::InitSubstrate(InitSubstrate {
        substrate_id: id.parse().unwrap(),
        founding: founding(),
        initialisation_timestamp: Timestamp::from_millis(START),
        schema_version: SCHEMA_VERSION.into(),
        parameters: BTreeMap::from([("limit".to_string(), json!("10"))]),
        thresholds,
        attestation,
    })
}

/// An item of an append.
pub fn item(ledger: Ledger, text: &str) -> Item {
    Item { ledger, data: json!({"text": text}), evidence: Vec::new(), runs: Vec::new() }
}
/// A resolved goal vector.
pub fn goal(name: &str) -> GoalVector {
    GoalVector {
        goalvector_id: name.into(),
        outcome: json!({"resolved": name}),
        evidence: Vec::new(),
        runs: Vec::new(),
    }
}
/// An amendment that sets parameters.
pub fn amendment(set: &[(&str, Value)]) -> Amendment {
    Amendment {
        founding_tension_hash: tension(&founding()),
        reason: "as decided".into(),
        set: set.iter().map(|(name, value)| (name.to_string(), value.clone())).collect(),
        remove: Vec::new(),
        founding: None,
    }
}
/// A finding that says `outcome`, for nodes whose disk is not the one at hand.
pub fn claim(outcome: Identity) -> Finding {
    Finding {
        outcome,
        check: "STORED_DIGEST".into(),
        at: None,
        expected: "a".into(),
        found: "b".into(),
        drift: 0,
        lineage_depth: U64(0),
        recomputed: None,
        entries_checked: U64(0),
    }
}

/// Every row of a state but the clock and the digest, which move with every entry.
pub fn rows(view: &dyn View) -> Vec<(Table, Row)> {
    let mut out = Vec::new();
    for table in Table::ALL {
        for row in view.scan(*table, &[], &prefix_end(&[]), usize::MAX).unwrap() {
            if *table != Table::Meta || (row.0 != META_CLOCK && row.0 != META_DIGEST) {
                out.push((*table, row));
            }
        }
    }
    out
}

/// A signed submission.
pub fn envelope(role: Role, key: &SecretKey, request: &str, command: Command) -> Envelope {
    Envelope::sign(&Submission::new(CLUSTER, request, role, key.public(), command), key)
}

/// The sentence of VERIFIED.
pub fn notice(millis: u64, depth: u64) -> String {
    p104::continuation_notice(&Timestamp::from_millis(millis).to_string(), depth)
}
