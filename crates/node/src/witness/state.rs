//! What a witness remembers of each log, outside consensus: the last note that it cosigned.
//!
//! Two copies, `witness-0` and `witness-1`, each written and made durable before an answer leaves:
//! ```text
//! digest (32) ‖ generation u64be ‖ canonical JSON        digest = BLAKE3( generation ‖ JSON )
//! ```
//! A crash can spoil the copy that was being written, and a disk one of the two; whatever was answered is in the other. A
//! file that exists while no copy holds is an error: a witness that has forgotten must not sign.

use selfsame_env::{Disk, Env};
use selfsame_protocol::canon::{self, Limits};
use selfsame_protocol::note::{Note, NoteError};
use selfsame_protocol::witness::{Last, checkpoint_of};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;

const COPIES: [&str; 2] = ["witness-0", "witness-1"];
/// The type string of the file.
const STATE_TYPE: &str = "selfsame/witness-state/v1";

/// Why the state cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The disk failed.
    #[error("witness state: {0}")]
    Disk(#[from] io::Error),
    /// No copy holds.
    #[error("witness state: expected a copy that matches its digest, found none in {}: {reason}", COPIES.join(" and "))]
    Corrupt {
        /// What is wrong with the copies.
        reason: String,
    },
    /// The files are another node's.
    #[error("witness state: expected the files of {expected}, found those of {found}")]
    Foreign {
        /// This node.
        expected: String,
        /// Whose they are.
        found: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    /// Genesis digest and node id: files of another node are never used.
    owner: String,
    /// The last cosigned note of each origin.
    logs: BTreeMap<String, String>,
    #[serde(rename = "type")]
    kind: String,
}

/// The notes, by origin.
pub struct State {
    env: Env,
    owner: String,
    generation: u64,
    logs: BTreeMap<String, Note>,
}

impl State {
    /// Reads the state, or begins with none where there are no files yet.
    pub fn open(env: Env, owner: String) -> Result<State, StateError> {
        let mut best: Option<(u64, Content)> = None;
        let mut bad = Vec::new();
        let mut held = [None; 2];
        for (name, held) in COPIES.into_iter().zip(&mut held) {
            if !env.disk.exists(name)? {
                continue;
            }
            match read(&*env.disk, name)? {
                Ok((generation, content)) => {
                    *held = Some(generation);
                    if best.as_ref().is_none_or(|(known, _)| *known < generation) {
                        best = Some((generation, content));
                    }
                }
                Err(reason) => bad.push(format!("{name}: {reason}")),
            }
        }
        for reason in &bad {
            tracing::warn!(reason, "a copy of the witness state does not hold");
        }
        let Some((generation, content)) = best else {
            // The first write may have been cut off before its first answer: then the other copy does not exist.
            if env.disk.exists(COPIES[1])? || bad.len() > 1 {
                return Err(StateError::Corrupt { reason: bad.join("; ") });
            }
            return Ok(State { env, owner, generation: 0, logs: BTreeMap::new() });
        };
        if content.owner != owner {
            return Err(StateError::Foreign { expected: owner, found: content.owner });
        }
        let corrupt = |error: NoteError| StateError::Corrupt { reason: error.to_string() };
        let mut logs = BTreeMap::new();
        for (origin, text) in content.logs {
            let note = Note::parse(text.as_bytes()).map_err(corrupt)?;
            checkpoint_of(&note.text).map_err(corrupt)?;
            logs.insert(origin, note);
        }
        let state = State { env, owner, generation, logs };
        // The next write starts with the first copy: a copy that does not hold is put right before, while the other does.
        let stale = COPIES.into_iter().zip(held).filter(|(_, held)| *held != Some(generation));
        for (name, _) in stale {
            state.write(name)?;
        }
        Ok(state)
    }

    /// The last cosigned note of a log.
    pub fn note(&self, origin: &str) -> Option<&Note> {
        self.logs.get(origin)
    }

    /// Size and root of the last cosigned note of a log.
    pub fn last(&self, origin: &str) -> Last {
        let checkpoint = self.note(origin).and_then(|note| checkpoint_of(&note.text).ok());
        checkpoint.map_or_else(Last::default, |checkpoint| Last { size: checkpoint.size, root: checkpoint.root })
    }

    /// Every origin with its note.
    pub fn notes(&self) -> impl Iterator<Item = (&String, &Note)> {
        self.logs.iter()
    }

    /// Remembers a note; returns when both copies are durable. After an error nothing is known about the disk, and the
    /// caller must not sign any more.
    pub fn remember(&mut self, origin: &str, note: Note) -> io::Result<()> {
        self.logs.insert(origin.into(), note);
        self.generation += 1;
        COPIES.into_iter().try_for_each(|name| self.write(name))
    }

    fn write(&self, name: &str) -> io::Result<()> {
        let content = Content {
            owner: self.owner.clone(),
            logs: self.logs.iter().map(|(origin, note)| (origin.clone(), note.to_text())).collect(),
            kind: STATE_TYPE.into(),
        };
        let body = [&self.generation.to_be_bytes()[..], &canon::to_canonical_of(&content)].concat();
        let bytes = [blake3::hash(&body).as_bytes(), &body[..]].concat();
        let file = self.env.disk.open(name, true)?;
        file.write(0, &bytes)?;
        file.set_len(bytes.len() as u64)?;
        file.sync()
    }
}

/// A copy, or why it does not hold. The outer error is the disk's.
fn read(disk: &dyn Disk, name: &str) -> io::Result<Result<(u64, Content), String>> {
    let file = disk.open(name, false)?;
    let len = usize::try_from(file.len()?).unwrap_or(usize::MAX);
    if len > Limits::DOCUMENT.max_bytes + 40 {
        return Ok(Err(format!("expected at most {} bytes, found {len}", Limits::DOCUMENT.max_bytes + 40)));
    }
    let mut bytes = vec![0; len];
    file.read(0, &mut bytes)?;
    let Some((digest, body)) = bytes.split_first_chunk::<32>() else {
        return Ok(Err(format!("expected a digest, found {len} bytes")));
    };
    let Some((generation, json)) = body.split_first_chunk::<8>() else {
        return Ok(Err(format!("expected a generation, found {len} bytes")));
    };
    let found = blake3::hash(body);
    if found.as_bytes() != digest {
        return Ok(Err(format!("expected digest {}, found {found}", blake3::Hash::from_bytes(*digest))));
    }
    Ok(match canon::decode_exact::<Content>(json, &Limits::DOCUMENT) {
        Ok(content) if content.kind == STATE_TYPE => Ok((u64::from_be_bytes(*generation), content)),
        Ok(content) => Err(format!("expected type {STATE_TYPE}, found {}", content.kind)),
        Err(error) => Err(error.to_string()),
    })
}
