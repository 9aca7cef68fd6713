//! Key files: what a machine keeps of somebody who signs.
//!
//! ```text
//! {"algorithm": "ed25519", "public": "ed25519:…", "secret": "<seed, 64 lowercase hex characters>"}
//! ```
//!
//! Whoever writes one makes it readable by its owner alone and never overwrites another. It is read as it is: a file that
//! others can read is not refused.

use crate::{Entropy, OsEntropy};
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

/// Reads a key; the public half must be the secret's. Blocks for the time of reading a file of about 200 bytes.
pub fn load(path: &Path) -> Result<SecretKey, KeyFileError> {
    parse(&path.display().to_string(), &read(path)?)
}

fn read(path: &Path) -> Result<Vec<u8>, KeyFileError> {
    std::fs::read(path).map_err(|error| KeyFileError::Io { path: path.display().to_string(), error })
}

/// The key in the bytes of a file of this name.
fn parse(name: &str, bytes: &[u8]) -> Result<SecretKey, KeyFileError> {
    let bad = |reason: String| KeyFileError::Content { path: name.into(), reason };
    let file: KeyFile = serde_json::from_slice(bytes).map_err(|e| bad(format!("this is no key file: {e}")))?;
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
    let (name, bytes) = (path.display().to_string(), read(path)?);
    let bad = |reason: String| KeyFileError::Content { path: name.clone(), reason };
    let file: serde_json::Value =
        serde_json::from_slice(&bytes).map_err(|e| bad(format!("this is no key file: {e}")))?;
    if file.get("secret").is_some() {
        let key = parse(&name, &bytes)?;
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

/// The bytes of a key file.
pub fn to_bytes(key: &SecretKey) -> std::io::Result<Vec<u8>> {
    let file = KeyFile { algorithm: "ed25519".into(), public: key.public(), secret: hex(&key.seed()) };
    let mut text = serde_json::to_vec_pretty(&file).map_err(std::io::Error::other)?;
    text.push(b'\n');
    Ok(text)
}

/// A fresh key from the system's entropy.
pub fn fresh() -> std::io::Result<SecretKey> {
    let mut seed = [0; 32];
    OsEntropy.fill(&mut seed)?;
    Ok(SecretKey::from_seed(&seed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(bytes: &[u8]) -> String {
        match parse("chip.json", bytes) {
            Err(KeyFileError::Content { path, reason }) if path == "chip.json" => reason,
            other => panic!("{:?}", other.map(|key| key.public())),
        }
    }

    #[test]
    fn what_is_written_is_read_and_a_damaged_half_is_named() {
        let key = SecretKey::from_seed(&[7; 32]);
        let bytes = to_bytes(&key).unwrap();
        assert_eq!(parse("chip.json", &bytes).unwrap().seed(), key.seed());
        let text = String::from_utf8(bytes).unwrap();
        let other = SecretKey::from_seed(&[8; 32]).public().to_string();
        assert!(reason(text.replace(&key.public().to_string(), &other).as_bytes()).contains("do not belong together"));
        assert!(reason(text.replace("\"ed25519\"", "\"rsa\"").as_bytes()).contains("only ed25519"));
        assert!(reason(text.replace("0707", "07").as_bytes()).contains("64 lowercase hex"));
        assert!(reason(b"{}").contains("no key file"));
    }

    #[test]
    fn a_file_that_is_not_there_says_how_to_make_one() {
        let missing = load(Path::new("no/such/key.json")).err().unwrap().to_string();
        assert!(missing.contains("no/such/key.json") && missing.contains("selfsame key new"), "{missing}");
    }
}
