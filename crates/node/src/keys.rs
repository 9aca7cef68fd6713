//! Key files: JSON with the secret seed in hex, readable by their owner alone, never overwritten.

use selfsame_offline::files;
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
    #[error("key file {path}: {error}{}", hint(.error))]
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

/// What to do about an error of the system.
fn hint(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::NotFound => ": make one with `selfsame key new`, or check the path",
        std::io::ErrorKind::AlreadyExists => ": a key file is never overwritten, choose another name",
        std::io::ErrorKind::PermissionDenied => ": a key file belongs to the user who runs the command",
        _ => "",
    }
}

/// Reads a key; the public half must be the secret's.
pub fn load(path: &Path) -> Result<SecretKey, KeyFileError> {
    let name = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|error| KeyFileError::Io { path: name.clone(), error })?;
    let bad = |reason: String| KeyFileError::Content { path: name.clone(), reason };
    let file: KeyFile = serde_json::from_slice(&bytes).map_err(|e| bad(format!("this is no key file: {e}")))?;
    if file.algorithm != "ed25519" {
        return Err(bad(format!("the algorithm {:?} is not known: only ed25519 is", file.algorithm)));
    }
    let seed = unhex(&file.secret)
        .and_then(|b| <[u8; 32]>::try_from(b).ok())
        .ok_or_else(|| bad("the secret is damaged: it is not 64 lowercase hex characters".into()))?;
    let key = SecretKey::from_seed(&seed);
    if key.public() != file.public {
        return Err(bad(format!(
            "public and secret half do not belong together: those of the secret are {}, the file says {}",
            key.public(),
            file.public
        )));
    }
    Ok(key)
}

/// The public halves that a key file tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicHalves {
    /// Of the key itself.
    pub public: PublicKey,
    /// Of the cosigner key of a node with this key, when the file tells it.
    pub cosigner: Option<PublicKey>,
    /// Of the log key of a node with this key, when the file tells it.
    pub log_key: Option<PublicKey>,
}

/// Reads the public halves of a key file. The secret need not be in it: the document that `selfsame key show -o json`
/// prints is enough, and so is a file with `public` alone.
pub fn public(path: &Path) -> Result<PublicHalves, KeyFileError> {
    let name = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|error| KeyFileError::Io { path: name.clone(), error })?;
    let bad = |reason: String| KeyFileError::Content { path: name.clone(), reason };
    let file: serde_json::Value =
        serde_json::from_slice(&bytes).map_err(|e| bad(format!("this is no key file: {e}")))?;
    if file.get("secret").is_some() {
        let key = load(path)?;
        let (cosigner, log_key) = (Some(key.cosigner().public()), Some(key.log_key().public()));
        return Ok(PublicHalves { public: key.public(), cosigner, log_key });
    }
    let half = |member: &str| match &file[member] {
        serde_json::Value::Null => Ok(None),
        serde_json::Value::String(text) => text.parse().map(Some).map_err(|e| bad(format!("{member}: {e}"))),
        other => Err(bad(format!("{member} is {other}: a key is text"))),
    };
    let public = half("public")?.ok_or_else(|| bad("this is no key file: it has no member public".into()))?;
    Ok(PublicHalves { public, cosigner: half("cosigner")?, log_key: half("log_key")? })
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
