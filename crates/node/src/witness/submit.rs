//! Asking other people's witnesses to cosign what this node publishes.

use super::keep;
use crate::metrics::Metrics;
use futures::future::join_all;
use selfsame_env::Env;
use selfsame_env::fetch::{FetchError, Server};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::equivocation::{self, Evidence};
use selfsame_protocol::merkle::TileId;
use selfsame_protocol::note::{Checkpoint, Note, NoteSignature, Vkey};
use selfsame_protocol::time::U64;
use selfsame_protocol::witness::{AddCheckpoint, MAX_ANSWER, SIZE_TYPE, cosignatures, monitoring_name};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Time that one witness has for one checkpoint, its retry included.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a witness that is not required is left alone after it did not answer in that time.
const AWAY: Duration = Duration::from_secs(30);
/// Requests to one witness for one checkpoint: one to learn what it has, one with the proof, one if another publisher of
/// the log was faster.
const TRIES: usize = 3;

/// A witness of somebody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct External {
    /// The key, a cosigner's.
    pub vkey: Vkey,
    /// `http://host:port/prefix` below which `add-checkpoint` is.
    pub url: String,
    /// Below which its notes are read, if it is another prefix.
    pub monitoring: Option<String>,
    /// Whether nothing is published without it (fail-closed).
    pub required: bool,
}

/// What the witnesses said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cosigned {
    /// The lines that hold, in order of the configuration: to be added to the note.
    pub lines: Vec<NoteSignature>,
    /// Name and reason of each witness that gave none.
    pub missing: Vec<(String, String)>,
    /// Names of those among them without which nothing may be published.
    pub required: Vec<String>,
}

/// Tiles of the log that is published: what proofs are made from.
pub type Tiles = dyn Fn(TileId) -> Result<Option<Vec<u8>>, String> + Send + Sync;

struct One {
    settings: External,
    server: Server,
    monitoring: Server,
    /// Last size that it is known to have, by origin. A wrong guess costs one request.
    known: Mutex<BTreeMap<String, u64>>,
    /// Until when it is left alone because it did not answer, so that it does not hold up every checkpoint.
    away: Mutex<Option<Instant>>,
}

/// The witnesses of a node's policy.
pub struct Witnesses {
    all: Vec<One>,
    env: Env,
    metrics: Arc<Metrics>,
}

impl Witnesses {
    /// The witnesses of the configuration. Nobody is asked yet.
    pub fn new(external: &[External], env: Env, metrics: Arc<Metrics>) -> Result<Witnesses, FetchError> {
        let one = |settings: &External| {
            let server = Server::new(&settings.url, env.net.clone())?;
            let monitoring = Server::new(settings.monitoring.as_ref().unwrap_or(&settings.url), env.net.clone())?;
            Ok(One { settings: settings.clone(), server, monitoring, known: Mutex::default(), away: Mutex::default() })
        };
        let all = external.iter().map(one).collect::<Result<_, FetchError>>()?;
        Ok(Witnesses { all, env, metrics })
    }

    /// Their keys.
    pub fn keys(&self) -> Vec<Vkey> {
        self.all.iter().map(|one| one.settings.vkey.clone()).collect()
    }

    /// Names of those without which nothing may be published.
    pub fn required(&self) -> Vec<&str> {
        let required = self.all.iter().filter(|one| one.settings.required);
        required.map(|one| one.settings.vkey.name.as_str()).collect()
    }

    /// Whether a note whose signatures were verified has a line of each witness without which nothing may be published.
    pub fn satisfied(&self, note: &Note) -> bool {
        let mut required = self.all.iter().filter(|one| one.settings.required);
        required.all(|one| note.signatures.iter().any(|line| one.settings.vkey.is_of(line)))
    }

    /// Whether there is anybody to ask.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Asks every witness at once to cosign a checkpoint that carries the log's signature, with proofs from `tiles`.
    /// Takes as long as the slowest, at most some seconds. Nothing is published when [`Cosigned::required`] is not empty.
    pub async fn cosign(&self, note: &Note, tiles: &Tiles) -> Cosigned {
        let checkpoint = match Checkpoint::parse(&note.text) {
            Ok(checkpoint) => checkpoint,
            Err(error) => {
                let missing = self.all.iter().map(|one| (one.settings.vkey.name.clone(), error.to_string())).collect();
                let required = self.required().into_iter().map(Into::into).collect();
                return Cosigned { lines: Vec::new(), missing, required };
            }
        };
        let answers = join_all(self.all.iter().map(|one| async {
            let until = *one.away.lock().unwrap_or_else(PoisonError::into_inner);
            if !one.settings.required && until.is_some_and(|until| Instant::now() < until) {
                return Err("it did not answer just now".into());
            }
            match tokio::time::timeout(PATIENCE, self.ask(one, note, &checkpoint, tiles)).await {
                Ok(answer) => answer,
                Err(_) => {
                    *one.away.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + AWAY);
                    Err(format!("no answer within {PATIENCE:?}"))
                }
            }
        }));
        let mut out = Cosigned::default();
        for (one, answer) in self.all.iter().zip(answers.await) {
            let name = &one.settings.vkey.name;
            self.metrics.cosigned_by(name, answer.is_ok());
            match answer {
                Ok(lines) => out.lines.extend(lines),
                Err(reason) => {
                    tracing::warn!(
                        witness = name,
                        reason,
                        required = one.settings.required,
                        "a witness did not cosign"
                    );
                    if one.settings.required {
                        out.required.push(name.clone());
                    }
                    out.missing.push((name.clone(), reason));
                }
            }
        }
        out
    }

    async fn ask(
        &self,
        one: &One,
        note: &Note,
        checkpoint: &Checkpoint,
        tiles: &Tiles,
    ) -> Result<Vec<NoteSignature>, String> {
        let known = |size| {
            let mut known = one.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.insert(checkpoint.origin.clone(), size);
        };
        for _ in 0..TRIES {
            let old = *one.known.lock().unwrap_or_else(PoisonError::into_inner).get(&checkpoint.origin).unwrap_or(&0);
            if old > checkpoint.size {
                // Another publisher of the log was faster, or the log went back; the next checkpoint tells.
                return Err(format!("it has size {old} already, this checkpoint is of size {}", checkpoint.size));
            }
            let proof = prove(old, checkpoint.size, tiles)?;
            let body = AddCheckpoint { old, proof, note: note.clone() }.to_text();
            let answer =
                one.server.post("add-checkpoint", body, MAX_ANSWER).await.map_err(|error| error.to_string())?;
            let text = String::from_utf8_lossy(&answer.body);
            match answer.status {
                200 => {
                    let lines = cosignatures(note, &answer.body, &one.settings.vkey)
                        .map_err(|error| format!("its answer does not hold: {error}"))?;
                    known(checkpoint.size);
                    return Ok(lines);
                }
                409 if answer.kind.split(';').next().is_some_and(|kind| kind.trim() == SIZE_TYPE) => {
                    let size = text.strip_suffix('\n').and_then(|size| size.parse::<U64>().ok());
                    let Some(size) = size else { return Err(format!("expected a size, found {:.100}", text)) };
                    if size.0 == old {
                        // It has just this size and does not take this root for it.
                        self.conflict(one, note, checkpoint, tiles).await;
                        return Err(format!("it knows another root at size {old}"));
                    }
                    known(size.0);
                }
                422 => {
                    self.conflict(one, note, checkpoint, tiles).await;
                    return Err("422: the proof does not extend what it has".into());
                }
                status => return Err(format!("status {status}: {:.200}", text.trim_end())),
            }
        }
        Err(format!("its size changed {TRIES} times while it was asked"))
    }

    /// A witness has another history of our own log: somebody signed a fork with the log's key. What it shows is compared
    /// with ours, and kept where it proves that.
    async fn conflict(&self, one: &One, ours: &Note, checkpoint: &Checkpoint, tiles: &Tiles) {
        let witness = &one.settings.vkey.name;
        tracing::error!(witness, origin = checkpoint.origin, "a witness knows another history of this log");
        self.metrics.witness_conflict();
        let path = format!("{}/checkpoint", monitoring_name(&checkpoint.origin));
        let theirs = match one.monitoring.get(&path, MAX_ANSWER).await {
            Ok(answer) if answer.status == 200 => Note::parse(&answer.body).ok(),
            _ => None,
        };
        let evidence = theirs.and_then(|theirs| {
            let size = Checkpoint::parse(&theirs.text).ok()?.size;
            if size == checkpoint.size {
                return Evidence::same_size(&theirs, ours).ok();
            }
            // Only a smaller tree of theirs can be compared here: for a larger one, the tiles are not ours.
            let path = if size == 0 {
                Vec::new()
            } else {
                equivocation::path(size, checkpoint.size, &mut |id| tiles(id)).ok()?
            };
            Evidence::inconsistent(&theirs, ours, path).ok()
        });
        if let Some(evidence) = evidence {
            keep(&self.env, &self.metrics, &evidence);
        }
    }
}

fn prove(old: u64, new: u64, tiles: &Tiles) -> Result<Vec<Digest>, String> {
    if old == 0 || old == new {
        return Ok(Vec::new());
    }
    selfsame_protocol::merkle::consistency_proof(old, new, &mut |id| tiles(id)).map_err(|error| error.to_string())
}
