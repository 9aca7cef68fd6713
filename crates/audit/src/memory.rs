//! What a following auditor has verified so far, in a file of its own.
//!
//! ```text
//! digest (sha256:…) "\n" canonical JSON "\n"
//! ```
//! The file is replaced as a whole: a new one is written beside it, made durable and renamed. It is read back only when
//! its digest holds; a file that does not is an error, because an auditor that has forgotten would trust a fork.

use selfsame_offline::files;
use selfsame_protocol::canon::{self, Limits};
use selfsame_protocol::digest::{Digest, hex, unhex};
use selfsame_protocol::merkle::Frontier;
use selfsame_protocol::time::U64;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// The type string of the file.
const MEMORY_TYPE: &str = "selfsame/audit-memory/v1";

/// Why the memory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// The system refused.
    #[error("{path}: {error}")]
    Io {
        /// File.
        path: String,
        /// Reason.
        error: io::Error,
    },
    /// The content does not hold.
    #[error("{path}: expected {expected}, found {found}")]
    Content {
        /// File.
        path: String,
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
    },
}

/// One log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// Verified notes to hold later ones against: the largest, and the one that most known keys signed.
    pub notes: Vec<String>,
    /// The tree that was built from the entries, as [`Frontier::to_bytes`] in hex.
    pub tree: String,
    /// Size of the largest note that each address has shown.
    pub shown: BTreeMap<String, U64>,
}

impl Log {
    /// The tree.
    pub fn frontier(&self) -> Result<Frontier, String> {
        Frontier::from_bytes(&unhex(&self.tree).ok_or("a tree is lowercase hex")?)
    }

    /// Keeps a tree.
    pub fn keep(&mut self, tree: &Frontier) {
        self.tree = hex(&tree.to_bytes());
    }
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    logs: BTreeMap<String, Log>,
    #[serde(rename = "type")]
    kind: String,
}

/// The file, and what stands in it.
#[derive(Debug)]
pub struct Memory {
    path: PathBuf,
    /// By ledger.
    pub logs: BTreeMap<String, Log>,
}

impl Memory {
    /// Reads the file, or begins with nothing where there is none.
    pub fn open(path: &Path) -> Result<Memory, MemoryError> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Memory { path: path.into(), logs: BTreeMap::new() });
            }
            Err(error) => return Err(MemoryError::Io { path: path.display().to_string(), error }),
        };
        let bad = |expected: &str, found: String| MemoryError::Content {
            path: path.display().to_string(),
            expected: expected.into(),
            found,
        };
        let text = String::from_utf8(bytes).map_err(|error| bad("UTF-8", error.to_string()))?;
        let parts = text.split_once('\n').and_then(|(digest, rest)| Some((digest, rest.strip_suffix('\n')?)));
        let Some((digest, json)) = parts else { return Err(bad("a digest and a document", "something else".into())) };
        let found = Digest::of(json.as_bytes()).to_string();
        if digest != found {
            return Err(bad(&format!("content with digest {digest}"), found));
        }
        let content: Content = canon::decode_exact(json.as_bytes(), &Limits::DOCUMENT)
            .map_err(|error| bad("the members of an auditor's memory", error.to_string()))?;
        if content.kind != MEMORY_TYPE {
            return Err(bad(MEMORY_TYPE, content.kind));
        }
        for log in content.logs.values() {
            log.frontier().map_err(|reason| bad("a compact tree", reason))?;
        }
        Ok(Memory { path: path.into(), logs: content.logs })
    }

    /// Replaces the file; returns when the new one is durable.
    pub fn save(&self) -> Result<(), MemoryError> {
        let content = Content { logs: self.logs.clone(), kind: MEMORY_TYPE.into() };
        let json = canon::to_canonical_of(&content);
        let io = |error| MemoryError::Io { path: self.path.display().to_string(), error };
        let digest = format!("{}\n", Digest::of(&json));
        files::replace(&self.path, &[digest.as_bytes(), &json[..], b"\n"].concat()).map_err(io)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_protocol::merkle::leaf_hash;

    #[test]
    fn what_was_verified_is_found_again_and_nothing_altered_is_believed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.state");
        let mut memory = Memory::open(&path).unwrap();
        let mut tree = Frontier::default();
        (0..5_u8).for_each(|n| tree.append(leaf_hash(&[n])));
        let mut log =
            Log { notes: vec!["note".into()], tree: String::new(), shown: BTreeMap::from([("a:1".into(), U64(5))]) };
        log.keep(&tree);
        memory.logs.insert("evidence".into(), log);
        memory.save().unwrap();
        memory.save().unwrap();
        let again = Memory::open(&path).unwrap();
        assert_eq!(again.logs, memory.logs);
        assert_eq!(again.logs["evidence"].frontier().unwrap(), tree);
        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut altered = whole.clone();
            altered[at] ^= 1;
            std::fs::write(&path, &altered).unwrap();
            assert!(Memory::open(&path).is_err(), "byte {at}");
            std::fs::write(&path, &whole[..at]).unwrap();
            assert!(Memory::open(&path).is_err(), "cut to {at}");
        }
    }
}
