//! Writers and the time that their appends take.

use crate::actor::Actor;
use crate::client::{Client, ClientError};
use crate::demo::cluster::Failure;
use selfsame_protocol::command::{Command, Fence, Item};
use selfsame_protocol::entry::Ledger;
use selfsame_protocol::p104::{self, Attestation, Claims, Outcome, Thresholds};
use selfsame_protocol::time::{Timestamp, U64};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Time before a measurement that does not count.
const WARM_UP: Duration = Duration::from_secs(1);

/// What one submission carries.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Items.
    pub items: usize,
    /// Bytes of one item's text.
    pub bytes: usize,
}

/// A chip that appends to one substrate.
pub struct Writer {
    client: Client,
    chip: Actor,
    substrate: String,
    seq: u64,
    shape: Shape,
}

/// What one measurement saw.
#[derive(Debug, Default)]
pub struct Level {
    /// Microseconds of each acknowledged append, in no order.
    pub micros: Vec<u64>,
    /// Seconds measured.
    pub seconds: f64,
    /// Refused or unanswered appends by code.
    pub failures: BTreeMap<String, u64>,
}

/// A UUID (version 4) from the system's entropy.
fn fresh_uuid() -> Result<String, Failure> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|e| e.to_string())?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = selfsame_protocol::digest::hex(&bytes);
    Ok([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"))
}

impl Writer {
    /// Brings a substrate into being and opens its session.
    pub async fn born(client: Client, chip: Actor, shape: Shape) -> Result<Writer, Failure> {
        let substrate = fresh_uuid()?;
        let founding = json!({
            "record_type": "founding_incompatibility",
            "branch_a": {"claim": "Every append is answered at once.", "of": substrate},
            "branch_b": {"claim": "No append is answered before a quorum holds it."},
        });
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let initialised = Timestamp::from_millis(u64::try_from(now)?);
        let claims = Claims::Birth {
            substrate_id: substrate.clone(),
            founding_tension_hash: p104::founding_tension_hash(&selfsame_protocol::canon::to_canonical(&founding)),
            initialisation_timestamp: initialised,
            schema_version_at_init: p104::SCHEMA_VERSION.into(),
        };
        let init = Command::InitSubstrate {
            substrate_id: substrate.clone(),
            founding,
            initialisation_timestamp: initialised,
            schema_version: p104::SCHEMA_VERSION.into(),
            parameters: BTreeMap::new(),
            thresholds: Thresholds::default(),
            attestation: Some(Attestation::software(&claims, &chip.key)),
        };
        client.submit(&chip.sign(&format!("bench/{substrate}/init"), init)).await?;
        let open = Command::OpenSession {
            substrate_id: substrate.clone(),
            fence: Fence { epoch: U64(1), seq: U64(1) },
            continuity_hash: None,
            founding: None,
            new_lineage: None,
        };
        let rail = client.open_session(&chip.sign(&format!("bench/{substrate}/open"), open)).await?;
        match rail.outcome() {
            // A newborn has no lineage yet; its first session opens and says so.
            Some(Outcome::InsufficientDepth) => Ok(Writer { client, chip, substrate, seq: 1, shape }),
            other => Err(format!("the session of a new substrate does not open: {other:?}").into()),
        }
    }

    async fn append(&mut self) -> Result<(), ClientError> {
        self.seq += 1;
        let text = "x".repeat(self.shape.bytes);
        let item = |i| Item {
            ledger: Ledger::Evidence,
            data: json!({"n": i, "text": text}),
            evidence: Vec::new(),
            runs: Vec::new(),
        };
        let append = Command::Append {
            substrate_id: self.substrate.clone(),
            fence: Fence { epoch: U64(1), seq: U64(self.seq) },
            items: (0..self.shape.items).map(item).collect(),
        };
        let envelope = self.chip.sign(&format!("bench/{}/{}", self.substrate, self.seq), append);
        self.client.submit(&envelope).await.map(|_| ())
    }

    async fn work(mut self, from: Instant, to: Instant) -> (Writer, Vec<u64>, Vec<ClientError>) {
        let (mut micros, mut failures) = (Vec::new(), Vec::new());
        loop {
            let begin = Instant::now();
            if begin >= to {
                return (self, micros, failures);
            }
            let result = self.append().await;
            let end = Instant::now();
            match result {
                Ok(()) if end >= from && end < to => {
                    micros.push(u64::try_from((end - begin).as_micros()).unwrap_or(u64::MAX));
                }
                Ok(()) => {}
                Err(error) => {
                    // The number may or may not be used; only the cluster knows.
                    if let Ok(now) = self.client.substrate(&self.substrate).await {
                        self.seq = now.holder.seq.0;
                    }
                    failures.push(error);
                }
            }
        }
    }
}

/// Lets all writers work for a time; an append counts when it is answered in that time. Gives the writers back.
pub async fn measure(writers: Vec<Writer>, time: Duration) -> Result<(Level, Vec<Writer>), Failure> {
    let from = Instant::now() + WARM_UP;
    let to = from + time;
    let mut tasks = JoinSet::new();
    for writer in writers {
        tasks.spawn(writer.work(from, to));
    }
    let mut level = Level { seconds: time.as_secs_f64(), ..Level::default() };
    let mut back = Vec::new();
    while let Some(done) = tasks.join_next().await {
        let (writer, micros, failures) = done?;
        back.push(writer);
        level.micros.extend(micros);
        for failure in failures {
            let name = failure.code().map_or_else(|| "NO_ANSWER".into(), |code| code.to_string());
            *level.failures.entry(name).or_default() += 1;
        }
    }
    Ok((level, back))
}
