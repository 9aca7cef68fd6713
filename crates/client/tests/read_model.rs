//! What a node answers about a substrate and a ballot is the row that the machine keeps. The client reads it into types of
//! its own: both have the same members, with the same bytes.

use selfsame_client::{Ballot, BallotStatus, HolderStatus, MigrationState, Phase, Substrate};
use selfsame_machine::state;
use selfsame_protocol::command::Proposal;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::keys::SecretKey;
use selfsame_protocol::number::{Epoch, LogIndex};
use selfsame_protocol::p104::{Amendment, Constitution, Outcome, Thresholds};
use selfsame_protocol::record::{ContinuityEvent, EvidenceAnchor, SessionClose};
use selfsame_protocol::time::{Timestamp, U64};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// A row as the client reads it, and as it writes it again; `added` is what a node says beside the row.
fn same<Row: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug, Read: Serialize + DeserializeOwned>(
    row: &Row,
    added: Option<(&str, &str)>,
) {
    let mut told = serde_json::to_value(row).unwrap();
    if let Some((name, value)) = added {
        told[name] = value.into();
    }
    let read: Read = serde_json::from_value(told.clone()).unwrap();
    let mut again = serde_json::to_value(&read).unwrap();
    assert_eq!(again, told);
    if let Some((name, _)) = added {
        again.as_object_mut().unwrap().remove(name).unwrap();
    }
    assert_eq!(again, serde_json::to_value(row).unwrap());
    assert_eq!(&serde_json::from_value::<Row>(again).unwrap(), row);
}

fn hash(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

/// A substrate in which everything that may be absent is there.
fn substrate() -> state::Substrate {
    let key = SecretKey::from_seed(&[7; 32]).public();
    state::Substrate {
        substrate_id: "6f1d7a52-0c1e-4b7e-9d6a-2f60b1d3c8a4".parse().unwrap(),
        organisation: "aurora".parse().unwrap(),
        founding_tension_hash: hash("tension"),
        substrate_identity_hash: hash("birth"),
        schema_version: "1".into(),
        initialisation_timestamp: Timestamp::from_millis(1),
        complete: true,
        holder: state::Holder {
            status: state::HolderStatus::Sealed,
            chip: key.id(),
            key,
            attestation_hash: Some(hash("attestation")),
            epoch: Epoch(2),
            seq: U64(3),
            since: LogIndex(4),
        },
        lineage_depth: U64(5),
        head: hash("head"),
        constitution: Constitution {
            founding_tension_hash: hash("tension"),
            schema_version: "1".into(),
            parameters: BTreeMap::from([("limit".into(), serde_json::json!("0.8"))]),
            thresholds: Thresholds::default(),
            amendment_head: Some(hash("amendment")),
            amendments: U64(1),
            chip: Some(key.id()),
            recovery_count: U64(1),
        },
        session: U64(6),
        phase: state::Phase::Verifying,
        last_close: Some(SessionClose {
            session: U64(5),
            latest_cycle_identity_hash: hash("head"),
            evidence_ledger_depth: U64(10),
            reasoning_ledger_depth: U64(11),
            session_close_timestamp: Timestamp::from_millis(2),
            schema_version: "1".into(),
            cross_session_identity_continuity_hash: hash("kept"),
            evidence_head: Some(hash("evidence")),
            reasoning_head: Some(hash("reasoning")),
            recovered: false,
            evidence_ledger: EvidenceAnchor { size: U64(12), root: hash("root") },
        }),
        queued: vec![Amendment {
            founding_tension_hash: hash("tension"),
            reason: "a reason".into(),
            set: BTreeMap::new(),
            remove: vec!["limit".into()],
            founding: None,
        }],
        status: Some(Outcome::Verified),
        decided: Some((LogIndex(7), Outcome::Verified)),
        events: ContinuityEvent::ALL.to_vec(),
        suppressed: Some(U64(8)),
        successor: Some("6f1d7a52-0c1e-4b7e-9d6a-2f60b1d3c8a5".parse().unwrap()),
        migration: Some(state::Migration {
            migration_id: "m".into(),
            origin: key.id(),
            destination: hash("destination"),
            epoch: Epoch(2),
            head: hash("head"),
            continuity_hash: hash("kept"),
            nonce: hash("nonce"),
            seal_index: LogIndex(9),
            state: state::MigrationState::Sealed,
            ballot: Some("b".into()),
        }),
    }
}

#[test]
fn a_substrate_reads_as_the_machine_keeps_it() {
    let full = substrate();
    same::<_, Substrate>(&full, Some(("state", "suppressed")));
    let young = state::Substrate {
        last_close: None,
        queued: Vec::new(),
        status: None,
        decided: None,
        events: Vec::new(),
        suppressed: None,
        successor: None,
        migration: None,
        ..full
    };
    same::<_, Substrate>(&young, Some(("state", "suppressed")));
}

#[test]
fn a_ballot_reads_as_the_machine_keeps_it() {
    let full = state::Ballot {
        proposal: Proposal::RetireChip { chip: hash("chip"), reason: "it is lost".into() },
        proposer: "aurora".parse().unwrap(),
        opened: U64(1),
        opened_time: Timestamp::from_millis(1),
        constitution: hash("constitution"),
        electorate: vec!["aurora".parse().unwrap(), "borealis".parse().unwrap()],
        needed: U64(2),
        unopposed: Some(state::Unopposed { needed: U64(1), from: Timestamp::from_millis(2) }),
        vetoes: vec!["borealis".parse().unwrap()],
        expires_entries: Some(U64(100)),
        expires_time: Some(Timestamp::from_millis(3)),
        votes: BTreeMap::from([("aurora".parse().unwrap(), true), ("borealis".parse().unwrap(), false)]),
        status: state::BallotStatus::Open,
        decided: Some(U64(9)),
    };
    same::<_, Ballot>(&full, None);
    let read: Ballot = serde_json::from_slice(&state::row(&full)).unwrap();
    assert_eq!((read.voted(true), read.voted(false)), (full.voted(true), full.voted(false)));
    let bare = state::Ballot { unopposed: None, expires_entries: None, expires_time: None, decided: None, ..full };
    same::<_, Ballot>(&bare, None);
}

#[test]
fn the_names_are_the_same() {
    assert_eq!(state::Phase::ALL.map(|one| one.as_str()), Phase::ALL.map(|one| one.as_str()));
    assert_eq!(state::HolderStatus::ALL.map(|one| one.as_str()), HolderStatus::ALL.map(|one| one.as_str()));
    assert_eq!(state::MigrationState::ALL.map(|one| one.as_str()), MigrationState::ALL.map(|one| one.as_str()));
    assert_eq!(state::BallotStatus::ALL.map(|one| one.as_str()), BallotStatus::ALL.map(|one| one.as_str()));
}
