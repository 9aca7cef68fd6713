//! SHA-256 digests and the framed hash `H`.
//!
//! Whatever an outsider recomputes is SHA-256. In JSON a digest is `sha256:` and 64 lowercase hex characters; as an
//! operand of `H` it is the 64 hex characters alone, in ASCII (the rule that AIEP's published vector confirms).

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use std::{fmt, str::FromStr};

/// The largest distance of two digests, in bits.
pub(crate) const MAX_BITS: u32 = 256;

/// A SHA-256 digest: 32 bytes. Displayed, and carried in JSON, as `sha256:<64 lowercase hex>`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// Why a string is not a digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is no digest: one is \"sha256:\" and 64 lowercase hex characters")]
pub struct DigestError {
    /// The text that was found, at most 100 characters of it.
    pub found: String,
}

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// A digest from its 32 bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// 64 lowercase hex characters without prefix: the form of an operand of [`framed`].
    pub fn hex(&self) -> String {
        hex(&self.0)
    }

    /// Number of differing bits, 0 to 256 (P104 `[0021]`).
    pub fn hamming(&self, other: &Self) -> u32 {
        self.0.iter().zip(other.0).map(|(a, b)| (a ^ b).count_ones()).sum()
    }
}

/// Lowercase hex of any bytes.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)] as char);
        out.push(DIGITS[usize::from(byte & 15)] as char);
    }
    out
}

/// Bytes of a lowercase hex string; `None` for odd length, uppercase or any other character.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    fn nibble(c: u8) -> Option<u8> {
        match c {
            b'0'..=b'9' => Some(c - b'0'),
            b'a'..=b'f' => Some(c - b'a' + 10),
            _ => None,
        }
    }
    if !text.len().is_multiple_of(2) {
        return None;
    }
    text.as_bytes().chunks_exact(2).map(|pair| Some(nibble(pair[0])? << 4 | nibble(pair[1])?)).collect()
}

/// `H(p1,…,pn) = SHA-256(u64be(len p1) ‖ p1 ‖ … ‖ u64be(len pn) ‖ pn)`: the length framing makes the operand list
/// unambiguous. Source: AIEP rule R7, reproduced from its published combined hash.
pub fn framed(parts: &[&[u8]]) -> Digest {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    Digest(hasher.finalize().into())
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = DigestError;
    fn from_str(text: &str) -> Result<Self, DigestError> {
        text.strip_prefix("sha256:")
            .and_then(unhex)
            .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
            .map(Self)
            .ok_or_else(|| DigestError { found: text.chars().take(100).collect() })
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The published AIEP vector (requirements.md, section 1). shows: P-005
    #[test]
    fn framed_hash_reproduces_the_published_combined_hash() {
        let parts = [
            "1e73514dd9ec110ec3b647295df4ba6341522701db11f46c0742e46f6b79adab",
            "80b0a0ee9254de1694acb33b46d7e7a5d279ee68bf29cab67fa757d81b13dd3c",
            "d326f997a85041af0c15f1caeea44d0a9d63f4418699c6298255e3c040ebc3ca",
        ]
        .map(str::as_bytes);
        assert_eq!(framed(&parts).hex(), "455b712ece1793097089e4d11cdbd6ae48a81aa889ef5e33eaccaeae8923b311");
    }

    #[test]
    fn only_the_exact_spelling_parses() {
        let good = format!("sha256:{}", "a".repeat(64));
        assert_eq!(good.parse::<Digest>().unwrap().to_string(), good);
        let bad = [
            "".into(),
            "a".repeat(64),
            good.to_uppercase(),
            good[..70].into(),
            format!("{good}a"),
            format!("sha256:{}é", "a".repeat(62)),
        ];
        for text in bad {
            assert!(text.parse::<Digest>().is_err(), "{text}");
        }
    }
}
