//! Key files: JSON with the secret seed in hex, readable by their owner alone, never overwritten.

use crate::files;
use selfsame_protocol::digest::{hex, unhex};
use selfsame_protocol::keys::{PublicKey, SecretKey};
use serde::{Deserialize, Serialize};
use std::path::Path;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    algorithm: String,
    public: PublicKey,
    secret: String,
}

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The system refused.
    #[error("key file {path}: {error}")]
    Io {
        /// File.
        path: String,
        /// Reason.
        error: std::io::Error,
    },
    /// Nothing was written.
    #[error("key file {path} was not written: {error}")]
    Unsaved {
        /// File.
        path: String,
        /// Reason.
        error: std::io::Error,
    },
    /// The content is not a key.
    #[error("key file {path}: {reason}")]
    Content {
        /// File.
        path: String,
        /// Reason.
        reason: String,
    },
}

/// Reads a key; the public half must be the secret's.
pub fn load(path: &Path) -> Result<SecretKey, KeyFileError> {
    let name = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|error| KeyFileError::Io { path: name.clone(), error })?;
    let bad = |reason: String| KeyFileError::Content { path: name.clone(), reason };
    let file: KeyFile = serde_json::from_slice(&bytes).map_err(|e| bad(e.to_string()))?;
    if file.algorithm != "ed25519" {
        return Err(bad(format!("algorithm is \"ed25519\", found {:?}", file.algorithm)));
    }
    let seed = unhex(&file.secret)
        .and_then(|b| <[u8; 32]>::try_from(b).ok())
        .ok_or_else(|| bad("secret is 64 lowercase hex characters".into()))?;
    let key = SecretKey::from_seed(&seed);
    if key.public() != file.public {
        return Err(bad(format!("the public half of the secret is {}, found {}", key.public(), file.public)));
    }
    Ok(key)
}

/// Writes a key to a new file, mode 0600, whole or not at all.
pub fn save(path: &Path, key: &SecretKey) -> Result<(), KeyFileError> {
    let io = |error| KeyFileError::Unsaved { path: path.display().to_string(), error };
    let file = KeyFile { algorithm: "ed25519".into(), public: key.public(), secret: hex(&key.seed()) };
    let mut text = serde_json::to_vec_pretty(&file).map_err(|e| io(std::io::Error::other(e)))?;
    text.push(b'\n');
    files::write_new_secret(path, &text).map_err(io)
}

/// A fresh key from the system's entropy.
pub fn fresh() -> std::io::Result<SecretKey> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|e| std::io::Error::other(e.to_string()))?;
    Ok(SecretKey::from_seed(&seed))
}
