//! The substrates of a measurement, and what their chip does with them. Every request is named after its place in the
//! substrate: the same step sent again is the same request.

use crate::demo::cluster::Failure;
use selfsame_client::{Birth, ChipSession, Client, Signer};
use selfsame_protocol::command::{GoalVector, Item};
use selfsame_protocol::envelope::Envelope;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::names::SubstrateId;
use selfsame_protocol::p104::Outcome;
use selfsame_protocol::time::Timestamp;
use serde_json::json;
use std::time::{SystemTime, UNIX_EPOCH};

/// A UUID (version 4) from the system's entropy.
fn fresh_uuid() -> Result<SubstrateId, Failure> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|e| e.to_string())?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    Ok(SubstrateId::from_bytes(bytes))
}

/// Items of `bytes` bytes of text each.
pub fn items(count: usize, bytes: usize) -> Vec<Item> {
    let text = "x".repeat(bytes);
    let item = |n| Item {
        ledger: Ledger::Evidence,
        data: json!({"n": n, "text": text}),
        evidence: Vec::new(),
        runs: Vec::new(),
    };
    (0..count).map(item).collect()
}

/// A substrate that is not born yet.
pub fn fresh(chip: &Signer) -> Result<ChipSession, Failure> {
    Ok(ChipSession::new(chip.clone(), fresh_uuid()?))
}

/// A newborn with an open session.
pub async fn born(client: &Client, chip: &Signer) -> Result<ChipSession, Failure> {
    let mut session = fresh(chip)?;
    birth(client, &mut session).await?;
    open_first(client, &mut session).await?;
    Ok(session)
}

/// The birth.
pub async fn birth(client: &Client, session: &mut ChipSession) -> Result<(), Failure> {
    let founding = json!({
        "record_type": "founding_incompatibility",
        "branch_a": {"claim": "Every append is answered at once.", "of": session.substrate_id()},
        "branch_b": {"claim": "No append is answered before a quorum holds it."},
    });
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let time = Timestamp::from_millis(u64::try_from(now).unwrap_or(u64::MAX));
    session.set_request_id(format!("bench/{}/init", session.substrate_id()));
    session.birth(client, Birth::new(founding, time)).await?;
    Ok(())
}

/// Opens the first session.
pub async fn open_first(client: &Client, session: &mut ChipSession) -> Result<(), Failure> {
    name_next(session);
    match session.open(client).await?.outcome() {
        // A newborn has no lineage yet; its first session opens and says so.
        Some(Outcome::InsufficientDepth) => Ok(()),
        other => Err(format!("the session of a new substrate does not open: {other:?}").into()),
    }
}

/// Names the next request after its place.
pub fn name_next(session: &mut ChipSession) {
    let token = session.next_token();
    session.set_request_id(format!("bench/{}/{}/{}", session.substrate_id(), token.epoch, token.seq));
}

/// Signs the next append.
pub fn append(session: &mut ChipSession, items: Vec<Item>) -> Envelope {
    name_next(session);
    session.sign_append(items)
}

/// Closes a cycle.
pub async fn cycle(client: &Client, session: &mut ChipSession) -> Result<(), Failure> {
    let goalvector = GoalVector {
        goalvector_id: "bench".into(),
        outcome: json!({"resolved": "yes"}),
        evidence: Vec::new(),
        runs: Vec::new(),
    };
    name_next(session);
    session.close_cycle(client, format!("cycle/{}", session.next_token().seq), goalvector).await?;
    Ok(())
}
