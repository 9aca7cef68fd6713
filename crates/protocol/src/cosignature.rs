//! Cosignatures of checkpoints (C2SP cosignature/v1, signature type 0x04).
//!
//! ```text
//! signed message  = "cosignature/v1\n" "time " seconds "\n" checkpoint text
//! signature bytes = u64be seconds ‖ Ed25519 signature[64]
//! ```
//!
//! A cosignature says: at that time, the largest consistent tree that I saw for this origin has this root. The key of a
//! cosigner is used for nothing else, because the message does not name the cosigner.

use crate::keys::PublicKey;

/// A time and the signature over it and a checkpoint text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosignature {
    /// Seconds since 1970.
    pub time: u64,
    /// Ed25519.
    pub signature: [u8; 64],
}

/// The bytes that are signed for a checkpoint text, which ends in a newline.
pub fn message(text: &str, time: u64) -> Vec<u8> {
    format!("cosignature/v1\ntime {time}\n{text}").into_bytes()
}

impl Cosignature {
    /// `u64be time ‖ signature`.
    pub fn to_bytes(&self) -> Vec<u8> {
        [&self.time.to_be_bytes()[..], &self.signature].concat()
    }

    /// Reads exactly 72 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (time, signature) = bytes.split_first_chunk::<8>()?;
        Some(Self { time: u64::from_be_bytes(*time), signature: signature.try_into().ok()? })
    }

    /// Whether the signature is the key's over the text at this time.
    pub fn holds(&self, text: &str, key: &PublicKey) -> bool {
        key.verify(&message(text, self.time), &self.signature)
    }
}
