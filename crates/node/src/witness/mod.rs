//! The node as a witness of logs (C2SP tlog-witness), and as a client of other people's witnesses.
//!
//! A witness cosigns a checkpoint when it extends the last one that it cosigned for the same log. It holds no copy of the
//! log; what it adds is that nobody can show two sides of a fork with its name under both. Its key is derived from the
//! node's and used for nothing else, so that a node that lost its disk, and with it its memory, has lost its witness as
//! well: it comes back under another id with another key.

pub mod config;
mod evidence;
mod state;
pub mod submit;

pub use evidence::keep;
pub use state::StateError;
pub use submit::{Cosigned, External, Witnesses};

use crate::metrics::Metrics;
use selfsame_env::Env;
use selfsame_protocol::digest::{Digest, framed};
use selfsame_protocol::equivocation::Evidence;
use selfsame_protocol::keys::SecretKey;
use selfsame_protocol::merkle;
use selfsame_protocol::note::{Checkpoint, Note, TYPE_COSIGNATURE, Vkey};
use selfsame_protocol::witness::{AddCheckpoint, Last, Refused, judge, monitoring_name};
use state::State;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// First operand of the derived seed of a witness key.
const KEY_LABEL: &[u8] = b"selfsame/witness-key/v1";

/// What a node's file says about witnessing.
#[derive(Clone, Debug, Default)]
pub struct WitnessSettings {
    /// Name in the witness' cosignatures; by default `<origin>/witness/<node id>`.
    pub name: Option<String>,
    /// Foreign logs that this node witnesses: verifier keys by origin.
    pub logs: BTreeMap<String, Vec<Vkey>>,
    /// Witnesses that this node asks when it publishes.
    pub external: Vec<External>,
}

/// The witness key of a node.
pub fn witness_key(node: &SecretKey) -> SecretKey {
    SecretKey::from_seed(framed(&[KEY_LABEL, &node.seed()]).as_bytes())
}

/// Why there is no answer that a log could use.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// The request is refused.
    #[error("{0}")]
    Refused(#[from] Refused),
    /// The state could not be made durable, now or before: nothing is signed any more until the node starts again.
    #[error("the witness state could not be written; nothing is cosigned until the node starts again: {0}")]
    Broken(String),
}

/// What a node knows itself of its own cluster's ledgers.
pub trait Own {
    /// The keys of one of them, as the cluster records them now; `None` for any other log.
    fn keys(&self, origin: &str) -> Option<Vec<Vkey>>;
    /// The root at the size of a checkpoint; `None` for a log or size that it does not have.
    fn root(&self, checkpoint: &Checkpoint) -> Option<Digest>;
}

struct Kept {
    state: State,
    broken: Option<String>,
}

/// A witness. One lock holds comparison and write together.
pub struct Witness {
    name: String,
    key: SecretKey,
    logs: BTreeMap<String, Vec<Vkey>>,
    kept: Mutex<Kept>,
    env: Env,
    metrics: Arc<Metrics>,
}

impl Witness {
    /// Opens the witness of a node. `owner` names cluster and node; `logs` are the configured ones;
    /// those of the cluster itself come with each request.
    pub fn open(
        name: String,
        node_key: &SecretKey,
        owner: String,
        logs: BTreeMap<String, Vec<Vkey>>,
        env: Env,
        metrics: Arc<Metrics>,
    ) -> Result<Witness, StateError> {
        let state = State::open(env.clone(), owner)?;
        Ok(Witness {
            name,
            key: witness_key(node_key),
            logs,
            kept: Mutex::new(Kept { state, broken: None }),
            env,
            metrics,
        })
    }

    /// The key under which the witness cosigns.
    pub fn vkey(&self) -> Vkey {
        Vkey { name: self.name.clone(), kind: TYPE_COSIGNATURE, key: self.key.public() }
    }

    /// Judges a request and answers with the witness' signature line, after the note is durable. Blocking: it verifies
    /// signatures and waits for the disk.
    pub fn add_checkpoint(&self, body: &[u8], own: &dyn Own) -> Result<String, WitnessError> {
        let result = self.decide(body, own);
        let status = match &result {
            Ok(_) => 200,
            Err(WitnessError::Refused(refused)) => refused.status(),
            Err(WitnessError::Broken(_)) => 503,
        };
        self.metrics.witnessed(status);
        result
    }

    fn decide(&self, body: &[u8], own: &dyn Own) -> Result<String, WitnessError> {
        let request = AddCheckpoint::parse(body).map_err(Refused::Form)?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reason) = &kept.broken {
            return Err(WitnessError::Broken(reason.clone()));
        }
        // Only the first line is needed to find the log; judge reads all of it.
        let origin = request.note.text.split('\n').next().unwrap_or_default();
        let keys = own.keys(origin).or_else(|| self.logs.get(origin).cloned());
        let keys = keys.as_deref();
        let last = kept.state.last(origin);
        let judged = judge(&request, keys, last).and_then(|checkpoint| match own.root(&checkpoint) {
            // Our own replica has that size with another root: whatever the proof says, this is a fork.
            Some(root) if root != checkpoint.root => Err(Refused::Inconsistent(merkle::ProofFailure {
                check: "OWN_ROOT",
                expected: root.to_string(),
                found: checkpoint.root.to_string(),
            })),
            _ => Ok(checkpoint),
        });
        let checkpoint = match judged {
            Ok(checkpoint) => checkpoint,
            Err(refused) => {
                let denounced = kept.state.note(origin).and_then(|known| denounce(known, last, &request, &refused));
                drop(kept);
                self.alarm(origin, &refused, denounced);
                return Err(refused.into());
            }
        };
        let mut cosigned = Note::new(request.note.text.clone());
        // The log's own lines stay with the note: two notes of one log with its signature are the evidence of a fork.
        let of_log = |line: &&_| keys.unwrap_or_default().iter().any(|key| key.is_of(line));
        cosigned.signatures.extend(request.note.signatures.iter().filter(of_log).cloned());
        cosigned.cosign(&self.name, &self.key, self.env.clock.now_ms() / 1000);
        let line = cosigned.signatures.last().map(|line| line.to_line()).unwrap_or_default();
        if let Err(error) = kept.state.remember(&checkpoint.origin, cosigned) {
            tracing::error!(%error, "the witness state could not be written");
            kept.broken = Some(error.to_string());
            return Err(WitnessError::Broken(error.to_string()));
        }
        Ok(line)
    }

    /// Makes noise about a log that shows two histories, and keeps what proves it.
    fn alarm(&self, origin: &str, refused: &Refused, evidence: Option<Evidence>) {
        if matches!(refused, Refused::OtherRoot { .. } | Refused::Inconsistent(_)) {
            tracing::error!(origin, %refused, "a log showed this witness a checkpoint that does not extend the last one");
        }
        if let Some(evidence) = evidence {
            keep(&self.env, &self.metrics, &evidence);
        }
    }

    /// The last note that this witness cosigned of the log whose monitoring name is given.
    pub fn latest(&self, name: &str) -> Option<String> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.state.notes().find(|(origin, _)| monitoring_name(origin) == name).map(|(_, note)| note.to_text())
    }
}

/// Evidence from the note that was cosigned last and the one that was refused, where the two suffice for it.
fn denounce(known: &Note, last: Last, request: &AddCheckpoint, refused: &Refused) -> Option<Evidence> {
    match refused {
        Refused::OtherRoot { .. } => Evidence::same_size(known, &request.note).ok(),
        // The proof of a log that rewrote its past leads to its own new root. Where the old tree is one full subtree, the
        // proof leaves out the one hash that would show what the log has there now.
        Refused::Inconsistent(_) if !last.size.is_power_of_two() => {
            Evidence::inconsistent(known, &request.note, request.proof.clone()).ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
