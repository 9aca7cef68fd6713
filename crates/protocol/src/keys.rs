//! Ed25519 keys. A key's id is the SHA-256 digest of its 32 public bytes; a chip's id is its key's id.

use crate::digest::{Digest, framed, hex, unhex};
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, str::FromStr};

/// An Ed25519 public key; in JSON `ed25519:<64 lowercase hex>`. Not checked to be a curve point until it verifies.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; 32]);

/// Why text is not a public key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a public key is \"ed25519:\" followed by 64 lowercase hex characters, found {found:?}")]
pub struct KeyError {
    /// At most 100 characters of what was found.
    pub found: String,
}

impl PublicKey {
    /// From its 32 bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
    /// Its 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
    /// The key's id: SHA-256 of its 32 bytes.
    pub fn id(&self) -> Digest {
        Digest::of(&self.0)
    }
    /// Strict verification (no malleable signature, no small-order key): the same verdict on every node.
    pub fn verify(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        VerifyingKey::from_bytes(&self.0)
            .is_ok_and(|key| key.verify_strict(message, &ed25519_dalek::Signature::from_bytes(signature)).is_ok())
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ed25519:{}", hex(&self.0))
    }
}
impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl FromStr for PublicKey {
    type Err = KeyError;
    fn from_str(text: &str) -> Result<Self, KeyError> {
        text.strip_prefix("ed25519:")
            .and_then(unhex)
            .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
            .map(Self)
            .ok_or_else(|| KeyError { found: text.chars().take(100).collect() })
    }
}
impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// An Ed25519 secret key, wiped from memory when dropped. Never printed.
#[derive(Clone)]
pub struct SecretKey(SigningKey);

impl SecretKey {
    /// From a 32-byte seed (entropy is the caller's).
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }
    /// The seed, for storing the key.
    pub fn seed(&self) -> [u8; 32] {
        self.0.to_bytes()
    }
    /// The public key.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }
    /// The key with which the node of this key cosigns checkpoints, and which is used for nothing else: its seed is
    /// `H("selfsame/cosigner-key/v1", seed)`.
    pub fn cosigner(&self) -> Self {
        self.derived("selfsame/cosigner-key/v1")
    }
    /// The log key of the node of this key, used only while its organisation is the publisher: its seed is
    /// `H("selfsame/log-key/v1", seed)`.
    pub fn log_key(&self) -> Self {
        self.derived("selfsame/log-key/v1")
    }
    fn derived(&self, label: &str) -> Self {
        Self::from_seed(framed(&[label.as_bytes(), &self.seed()]).as_bytes())
    }
    /// The Ed25519 signature of `message`.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}
impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({})", self.public())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_verifies_only_over_its_message_and_key() {
        let key = SecretKey::from_seed(&[7; 32]);
        let signature = key.sign(b"message");
        assert!(key.public().verify(b"message", &signature));
        assert!(!key.public().verify(b"massage", &signature));
        assert!(!SecretKey::from_seed(&[8; 32]).public().verify(b"message", &signature));
        // The small-order identity point "verifies" anything under the lax rule.
        let mut identity = [0; 32];
        identity[0] = 1;
        assert!(!PublicKey(identity).verify(b"message", &{
            let mut s = [0; 64];
            s[0] = 1;
            s
        }));
    }
}
