//! Ed25519 keys. A key's id is the SHA-256 digest of its 32 public bytes; a chip's id is its key's id.

use crate::code::{Code, Refusal};
use crate::digest::{Digest, framed, hex, unhex};
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, str::FromStr};
use zeroize::{Zeroize as _, Zeroizing};

/// An Ed25519 public key; in JSON `ed25519:<64 lowercase hex>`. Not checked to be a curve point until it verifies.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; 32]);

/// Why text is not a public key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{found:?} is no public key: one is \"ed25519:\" and 64 lowercase hex characters, as `selfsame key show` prints it"
)]
pub struct KeyError {
    /// At most 100 characters of what was found.
    pub found: String,
}

/// Why a key is never registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key {key} {why}: make one with `selfsame key new`, and copy its public half whole")]
pub struct WeakKey {
    /// The key.
    pub key: PublicKey,
    /// What it is, as the end of a sentence.
    pub why: &'static str,
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
    /// Whether somebody can hold the secret of this key and nobody can sign without it: a point of the curve in its one
    /// encoding, in the large subgroup of prime order. Every key that is registered passes this first.
    pub fn check(&self) -> Result<(), WeakKey> {
        let weak = |why| Err(WeakKey { key: *self, why });
        let Ok(point) = VerifyingKey::from_bytes(&self.0) else {
            return weak("is no point of the curve");
        };
        if point.is_weak() {
            return weak("is a point of small order, under which anybody can sign");
        }
        let point = point.to_edwards();
        if point.compress().to_bytes() != self.0 {
            return weak("is not the one encoding of its point");
        }
        if !point.is_torsion_free() {
            return weak("is a point outside the subgroup of prime order, which no honest program makes");
        }
        Ok(())
    }
    /// The first sixteen characters of the key's id in groups of four, for people who compare keys by eye or by voice.
    pub fn fingerprint(&self) -> String {
        let id = self.id().hex();
        [&id[..4], &id[4..8], &id[8..12], &id[12..16]].join(" ")
    }
    /// Strict verification (no malleable signature, no small-order key): the same verdict on every node.
    pub fn verify(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        VerifyingKey::from_bytes(&self.0)
            .is_ok_and(|key| key.verify_strict(message, &ed25519_dalek::Signature::from_bytes(signature)).is_ok())
    }
}

/// Refuses a key that nobody or anybody can sign with: it is never registered.
pub(crate) fn check_keys(keys: &[PublicKey]) -> Result<(), Refusal> {
    keys.iter().try_for_each(|key| key.check().map_err(|weak| Refusal::new(Code::Malformed, &weak.to_string(), "", "")))
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

/// Why a key shares no secret with another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AgreementError {
    /// The bytes are no point of the curve.
    #[error("the key {0} is no point of the curve, so that no secret can be shared with it")]
    NoPoint(PublicKey),
    /// With such a key everybody shares the same "secret".
    #[error("the key {0} is of small order, so that what is shared with it is no secret")]
    SmallOrder(PublicKey),
}

/// What two keys share and nobody else computes: material to derive a key from, and no key itself. Wiped from memory
/// when dropped. Never printed.
pub struct SharedSecret(Zeroizing<[u8; 32]>);

impl SharedSecret {
    /// Its 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}
impl fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedSecret")
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
    /// The X25519 secret of this key and another, both in Montgomery form: the holder of the other key computes the
    /// same. Whoever derives a key from it binds both public keys, for points that differ by one of small order share
    /// the same secret.
    pub fn agree(&self, other: &PublicKey) -> Result<SharedSecret, AgreementError> {
        let point = VerifyingKey::from_bytes(&other.0).map_err(|_| AgreementError::NoPoint(*other))?;
        let scalar = Zeroizing::new(self.0.to_scalar_bytes());
        let mut shared = point.to_montgomery().mul_clamped(*scalar);
        let secret = SharedSecret(Zeroizing::new(shared.to_bytes()));
        shared.zeroize();
        if secret.0.iter().fold(0, |all, byte| all | byte) == 0 {
            return Err(AgreementError::SmallOrder(*other));
        }
        Ok(secret)
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

    /// The eight points of small order in their canonical encodings (order 1, 2, 4, 4, 8, 8, 8, 8).
    const SMALL: [&str; 8] = [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    ];

    #[test]
    fn a_key_that_anybody_or_nobody_can_sign_with_is_named_and_every_made_key_is_sound() {
        for seed in 0..50 {
            let key = SecretKey::from_seed(&[seed; 32]);
            for key in [&key, &key.cosigner(), &key.log_key()] {
                assert_eq!(key.public().check(), Ok(()));
            }
        }
        let why = |bytes: [u8; 32]| PublicKey(bytes).check().unwrap_err().why;
        let bytes = |text: &str| <[u8; 32]>::try_from(unhex(text).unwrap()).unwrap();
        for small in SMALL {
            assert!(why(bytes(small)).contains("small order"), "{small}");
        }
        let mut none = [0; 32];
        none[0] = 2;
        assert!(why(none).contains("no point"));
        // The prime is 2^255 - 19: a y below 19 has a second encoding, y + p.
        let second = (0..19).filter_map(|y| {
            let mut bytes = [0xff; 32];
            (bytes[0], bytes[31]) = (0xed + y, 0x7f);
            VerifyingKey::from_bytes(&bytes).is_ok_and(|key| !key.is_weak()).then_some(bytes)
        });
        let second: Vec<_> = second.collect();
        assert!(!second.is_empty());
        for bytes in second {
            assert!(why(bytes).contains("one encoding"));
        }
        // A good key moved by a point of order eight.
        let good = SecretKey::from_seed(&[1; 32]).0.verifying_key().to_edwards();
        let small = VerifyingKey::from_bytes(&bytes(SMALL[4])).unwrap().to_edwards();
        assert!(why((good + small).compress().to_bytes()).contains("prime order"));
    }

    #[test]
    fn two_keys_share_one_secret_and_another_pair_another() {
        let [one, two, three] = [1, 2, 3].map(|n| SecretKey::from_seed(&[n; 32]));
        let shared = |own: &SecretKey, other: &SecretKey| *own.agree(&other.public()).unwrap().as_bytes();
        assert_eq!(shared(&one, &two), shared(&two, &one));
        assert_ne!(shared(&one, &two), shared(&one, &three));
        assert_ne!(shared(&one, &two), shared(&two, &three));
        // Computed with another implementation (pyca/cryptography): X25519 of the clamped first halves of the SHA-512 of
        // both seeds.
        assert_eq!(hex(&shared(&one, &two)), "4181d7302557342bdb6d061c4b1eebea828ecb625c3368b7111680793307220b");
        let printed = format!("{:?}", one.agree(&two.public()).unwrap());
        assert_eq!(printed, "SharedSecret", "a secret is never printed");
    }

    #[test]
    fn no_secret_is_shared_with_a_key_that_gives_everybody_the_same() {
        let key = SecretKey::from_seed(&[1; 32]);
        for small in SMALL {
            let small: PublicKey = format!("ed25519:{small}").parse().unwrap();
            assert_eq!(key.agree(&small).unwrap_err(), AgreementError::SmallOrder(small));
        }
        let mut none = [0; 32];
        none[0] = 2;
        assert_eq!(key.agree(&PublicKey(none)).unwrap_err(), AgreementError::NoPoint(PublicKey(none)));
    }
}
