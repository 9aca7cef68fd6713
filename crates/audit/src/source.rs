//! One node as an auditor sees it: notes, tiles and entries over HTTP.

use selfsame_env::Net;
use selfsame_env::fetch::{FetchError, Server};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::merkle::{ProofError, TileId, entries_path, tile_path, tile_width};
use selfsame_protocol::note::{Checkpoint, Note, Vkey};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Entries of a full bundle and hashes of a full tile.
pub const WIDTH: u64 = 256;
/// Largest note read.
const NOTE: usize = 64 << 10;
/// A full bundle of the longest entries.
const BUNDLE: usize = WIDTH as usize * (2 + 65_535);

/// Why something does not hold, or could not be checked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(tag = "problem", rename_all = "snake_case")]
pub enum Problem {
    /// No answer: try again.
    #[error("no answer: {reason}")]
    Unreachable {
        /// Reason.
        reason: String,
    },
    /// Nothing is known to be wrong, but a key that decides is not known.
    #[error("cannot be decided: expected a signature of a key that the auditor knows, found {found}")]
    Undecided {
        /// Who signed.
        found: String,
    },
    /// What was served is not what was signed.
    #[error("{check}: expected {expected}, found {found}")]
    Broken {
        /// Name of the check.
        check: String,
        /// Expected value.
        expected: String,
        /// Found value.
        found: String,
    },
}

impl Problem {
    /// What was served is not what was signed.
    pub fn broken(check: &str, expected: impl ToString, found: impl ToString) -> Problem {
        let found: String = found.to_string().chars().take(300).collect();
        Problem::Broken { check: check.into(), expected: expected.to_string(), found }
    }

    /// Exit status.
    pub const fn status(&self) -> u8 {
        match self {
            Problem::Unreachable { .. } => 3,
            Problem::Undecided { .. } => 13,
            Problem::Broken { .. } => 10,
        }
    }
}

impl From<FetchError> for Problem {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::TooLarge { limit, .. } => {
                Problem::broken("ANSWER_SIZE", format!("at most {limit} bytes"), error)
            }
            other => Problem::Unreachable { reason: other.to_string() },
        }
    }
}

/// A note that verified.
#[derive(Clone, Debug)]
pub struct VerifiedNote {
    /// The note.
    pub note: Note,
    /// What it says.
    pub checkpoint: Checkpoint,
    /// Names of the known keys that signed it.
    pub signers: Vec<String>,
    /// The latest time in a cosignature of a known key, seconds since 1970.
    pub time: Option<u64>,
}

/// Verifies a note under known keys.
pub fn signed(note: Note, keys: &[Vkey]) -> Result<VerifiedNote, Problem> {
    if !note.signatures.iter().any(|line| keys.iter().any(|key| key.is_of(line))) {
        let found = note.signatures.iter().map(|line| line.name.as_str()).collect::<Vec<_>>().join(", ");
        return Err(Problem::Undecided { found });
    }
    let form = |error| Problem::broken("CHECKPOINT_FORM", "origin, size and root", error);
    let verified =
        note.verify(keys).map_err(|e| Problem::broken("CHECKPOINT_SIGNATURE", "signatures that verify", e))?;
    let checkpoint = Checkpoint::parse(&note.text).map_err(form)?;
    let time = verified.iter().filter_map(|v| v.time).max();
    Ok(VerifiedNote { checkpoint, signers: verified.into_iter().map(|v| v.name).collect(), time, note })
}

/// A node that is asked over HTTP.
pub struct NodeSource {
    /// The address as it was given.
    pub address: String,
    server: Server,
}

impl NodeSource {
    /// The node at `http://host:port[/prefix]` or `host:port`.
    pub fn new(address: &str, net: Arc<dyn Net>) -> Result<NodeSource, FetchError> {
        Ok(NodeSource { address: address.into(), server: Server::new(address, net)? })
    }

    async fn get(&self, path: &str, limit: usize) -> Result<Vec<u8>, Problem> {
        let answer = self.server.get(path, limit).await?;
        match answer.status {
            200 => Ok(answer.body.into()),
            404 => Err(Problem::broken("SERVED", self.server.url(path), "404 not found")),
            status => {
                let text = String::from_utf8_lossy(&answer.body);
                let reason = format!("{}: status {status}: {:.200}", self.server.url(path), text.trim_end());
                Err(Problem::Unreachable { reason })
            }
        }
    }

    /// The notes that the node serves of a ledger: the published checkpoint, and the node's own where it has one and its
    /// key is known. A mirror has the published one alone.
    pub async fn notes(&self, ledger: Ledger, keys: &[Vkey]) -> Result<Vec<VerifiedNote>, Problem> {
        let read = |bytes: Vec<u8>| {
            let note = Note::parse(&bytes).map_err(|e| Problem::broken("CHECKPOINT_FORM", "a signed note", e))?;
            signed(note, keys)
        };
        let mut notes = vec![read(self.get(&format!("{ledger}/checkpoint"), NOTE).await?)?];
        let own = self.server.get(&format!("{ledger}/node-checkpoint"), NOTE).await?;
        if own.status == 200 {
            match read(own.body.into()) {
                Ok(note) => notes.push(note),
                Err(Problem::Undecided { .. }) => {}
                Err(problem) => return Err(problem),
            }
        }
        Ok(notes)
    }

    /// The entries of a bundle, `width` of them.
    pub async fn entries(&self, ledger: Ledger, index: u64, width: u64) -> Result<Vec<Vec<u8>>, Problem> {
        let path = format!("{ledger}/{}", entries_path(index, width));
        let bytes = self.get(&path, BUNDLE).await?;
        let form = |found: String| Problem::broken("BUNDLE_FORM", format!("{width} entries in {path}"), found);
        let mut entries = Vec::new();
        let mut rest = &bytes[..];
        while let Some((len, after)) = rest.split_first_chunk::<2>() {
            let len = usize::from(u16::from_be_bytes(*len));
            let entry = after.get(..len).ok_or_else(|| form(format!("entry {} cut short", entries.len())))?;
            entries.push(entry.to_vec());
            rest = &after[len..];
        }
        if entries.len() as u64 != width || !rest.is_empty() {
            return Err(form(format!("{} entries and {} bytes more", entries.len(), rest.len())));
        }
        Ok(entries)
    }

    /// The hashes of a tile, `width` of them.
    pub async fn tile(&self, ledger: Ledger, id: TileId, width: u64) -> Result<Vec<u8>, Problem> {
        let path = format!("{ledger}/{}", tile_path(id, width));
        let bytes = self.get(&path, WIDTH as usize * 32).await?;
        if bytes.len() as u64 != width * 32 {
            return Err(Problem::broken(
                "TILE_FORM",
                format!("{width} hashes in {path}"),
                format!("{} bytes", bytes.len()),
            ));
        }
        Ok(bytes)
    }

    /// Makes something from the tiles of the tree of `size` entries, which are fetched as they are wanted: a proof needs a
    /// few of them.
    pub(crate) async fn make_of_tiles<T>(
        &self,
        ledger: Ledger,
        size: u64,
        make: impl Fn(&mut dyn FnMut(TileId) -> Result<Option<Vec<u8>>, TileId>) -> Result<T, ProofError<TileId>>,
    ) -> Result<T, Problem> {
        let mut have: BTreeMap<TileId, Vec<u8>> = BTreeMap::new();
        loop {
            match make(&mut |id| have.get(&id).map(|bytes| Some(bytes.clone())).ok_or(id)) {
                Ok(made) => return Ok(made),
                Err(ProofError::Read(id)) => {
                    let bytes = self.tile(ledger, id, tile_width(id, size)).await?;
                    have.insert(id, bytes);
                }
                Err(ProofError::MissingTile(id)) => {
                    let found = format!("tile {} of level {} too short", id.index, id.level);
                    return Err(Problem::broken("TILES", format!("a tree of {size} entries"), found));
                }
                Err(ProofError::OutOfRange { index, size }) => {
                    return Err(Problem::broken("TILES", format!("a tree of {size} entries"), format!("size {index}")));
                }
            }
        }
    }
}

/// A size and a root in the words of a report.
pub fn place(size: u64, root: &Digest) -> String {
    format!("size {size} root {root}")
}
