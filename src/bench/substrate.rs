//! One substrate of a measurement, and what its chip signs for it. Every request is named after its place in the substrate:
//! the same step sent again is the same request.

use crate::demo::cluster::Failure;
use selfsame_client::Actor;
use selfsame_client::Client;
use selfsame_machine::state::Substrate;
use selfsame_protocol::command::{
    Append, CloseCycle, CloseSession, Command, FencingToken, GoalVector, InitSubstrate, Item, OpenSession,
};
use selfsame_protocol::digest::{Digest, hex};
use selfsame_protocol::envelope::Envelope;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::p104::{self, Attestation, Claims, Outcome, Thresholds};
use selfsame_protocol::time::{Timestamp, U64};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

/// A substrate as its chip knows it.
#[derive(Clone, Debug)]
pub struct Subject {
    /// UUID.
    pub id: String,
    /// Epoch of the activation, from 1.
    pub epoch: u64,
    /// Sequence number of the last request signed, from 0.
    pub seq: u64,
}

/// A UUID (version 4) from the system's entropy.
fn fresh_uuid() -> Result<String, Failure> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|e| e.to_string())?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = hex(&bytes);
    Ok([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"))
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

impl Subject {
    /// A substrate that is not born yet.
    pub fn fresh() -> Result<Subject, Failure> {
        Ok(Subject { id: fresh_uuid()?, epoch: 1, seq: 0 })
    }

    /// A substrate as the cluster knows it.
    pub fn of(state: &Substrate) -> Subject {
        Subject { id: state.substrate_id.clone(), epoch: state.holder.epoch.0, seq: state.holder.seq.0 }
    }

    /// A newborn with an open session.
    pub async fn born(client: &Client, chip: &Actor) -> Result<Subject, Failure> {
        let mut subject = Subject::fresh()?;
        client.submit(&subject.birth(chip)).await?;
        subject.opened(client, chip).await?;
        Ok(subject)
    }

    /// Opens the first session.
    pub async fn opened(&mut self, client: &Client, chip: &Actor) -> Result<(), Failure> {
        let rail = client.open_session(&self.open(chip, None)).await?;
        match rail.outcome() {
            // A newborn has no lineage yet; its first session opens and says so.
            Some(Outcome::InsufficientDepth) => Ok(()),
            other => Err(format!("the session of a new substrate does not open: {other:?}").into()),
        }
    }

    /// The birth.
    pub fn birth(&self, chip: &Actor) -> Envelope {
        let founding = json!({
            "record_type": "founding_incompatibility",
            "branch_a": {"claim": "Every append is answered at once.", "of": self.id},
            "branch_b": {"claim": "No append is answered before a quorum holds it."},
        });
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let initialisation_timestamp = Timestamp::from_millis(u64::try_from(now).unwrap_or(u64::MAX));
        let claims = Claims::Birth {
            substrate_id: self.id.clone(),
            founding_tension_hash: p104::founding_tension_hash(&selfsame_protocol::canon::to_canonical(&founding)),
            initialisation_timestamp,
            schema_version_at_init: p104::SCHEMA_VERSION.into(),
        };
        let command = Command::InitSubstrate(InitSubstrate {
            substrate_id: self.id.clone(),
            founding,
            initialisation_timestamp,
            schema_version: p104::SCHEMA_VERSION.into(),
            parameters: BTreeMap::new(),
            thresholds: Thresholds::default(),
            attestation: Some(Attestation::software(&claims, &chip.key)),
        });
        chip.sign(&format!("bench/{}/init", self.id), command)
    }

    /// Signs a command with the next right of this substrate.
    pub fn sign_next(&mut self, chip: &Actor, command: impl FnOnce(String, FencingToken) -> Command) -> Envelope {
        self.seq += 1;
        let fence = FencingToken { epoch: U64(self.epoch), seq: U64(self.seq) };
        let name = format!("bench/{}/{}/{}", self.id, self.epoch, self.seq);
        chip.sign(&name, command(self.id.clone(), fence))
    }

    /// Asks for a session; with the continuity hash of the last close, if there was one.
    pub fn open(&mut self, chip: &Actor, continuity_hash: Option<Digest>) -> Envelope {
        self.sign_next(chip, |substrate_id, fence| {
            Command::OpenSession(OpenSession {
                substrate_id,
                fence,
                continuity_hash,
                founding: None,
                new_lineage: None,
            })
        })
    }

    /// An append of these items.
    pub fn append(&mut self, chip: &Actor, items: Vec<Item>) -> Envelope {
        self.sign_next(chip, |substrate_id, fence| Command::Append(Append { substrate_id, fence, items }))
    }

    /// A cycle after the one with this hash.
    pub fn cycle(&mut self, chip: &Actor, head: Digest) -> Envelope {
        let goalvector = GoalVector {
            goalvector_id: "bench".into(),
            outcome: json!({"resolved": "yes"}),
            evidence: Vec::new(),
            runs: Vec::new(),
        };
        self.sign_next(chip, |substrate_id, fence| {
            Command::CloseCycle(CloseCycle {
                substrate_id,
                fence,
                cycle_id: format!("cycle/{}", fence.seq),
                goalvector,
                prior_identity_hash: head,
            })
        })
    }

    /// The end of the session.
    pub fn close(&mut self, chip: &Actor, head: Digest) -> Envelope {
        self.sign_next(chip, |substrate_id, fence| Command::CloseSession(CloseSession { substrate_id, fence, head }))
    }
}
