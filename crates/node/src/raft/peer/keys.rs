//! The key of two nodes, under which they authenticate what they say to each other.
//!
//! ```text
//! pair key = BLAKE3-derive-key( "selfsame/peer-pair-key/v1", F(secret, cluster, genesis, lower key, higher key) )
//! secret   = X25519 of the two node keys in Montgomery form
//! F(…)     = each part behind its length, a u64 in big-endian bytes
//! ```
//! Both nodes compute it from their own secret key and the other's public one: no handshake, nothing to keep, and
//! nothing that a restart loses.

use bytes::Bytes;
use selfsame_protocol::keys::{AgreementError, PublicKey, SecretKey};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use zeroize::Zeroizing;

const CONTEXT: &str = "selfsame/peer-pair-key/v1";
/// Pair keys that are kept. A cluster has fewer nodes; with more, some are computed again.
const MOST: usize = 256;

/// The key of two nodes of one cluster, the same for both. Wiped from memory when dropped. Never printed.
pub struct PairKey(Zeroizing<[u8; 32]>);

impl PairKey {
    /// The key of the holder of `own` and of the holder of `other`.
    pub fn new(cluster: &str, genesis: &[u8], own: &SecretKey, other: &PublicKey) -> Result<Self, AgreementError> {
        let secret = own.agree(other)?;
        // Both sides name the two keys in the same order.
        let public = own.public();
        let (lower, higher) = if public <= *other { (&public, other) } else { (other, &public) };
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        frame(&mut hasher, &[secret.as_bytes(), cluster.as_bytes(), genesis, lower.as_bytes(), higher.as_bytes()]);
        Ok(Self(Zeroizing::new(hasher.finalize().into())))
    }

    /// What only the two nodes compute over a list of parts. Equality of what it gives takes the same time wherever
    /// the difference is.
    pub(super) fn tag(&self, domain: &[u8], parts: &[&[u8]]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(domain);
        frame(&mut hasher, parts);
        hasher.finalize()
    }
}

impl fmt::Debug for PairKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PairKey")
    }
}

/// Each part behind its length, so that no two lists of parts read the same.
fn frame(hasher: &mut blake3::Hasher, parts: &[&[u8]]) {
    for part in parts {
        hasher.update(&(part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
}

/// The keys of this node and others, each computed once. They are found by the other's public key and not by its id:
/// a node under another key has another pair key from that moment on.
pub(super) struct PeerKeys {
    cluster: String,
    genesis: Bytes,
    own: SecretKey,
    kept: Mutex<BTreeMap<PublicKey, Arc<PairKey>>>,
}

impl PeerKeys {
    pub(in crate::raft) fn new(cluster: String, genesis: Bytes, own: SecretKey) -> Self {
        Self { cluster, genesis, own, kept: Mutex::default() }
    }

    /// The key of this node and the one that holds `other`.
    pub(in crate::raft) fn with(&self, other: &PublicKey) -> Result<Arc<PairKey>, AgreementError> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pair) = kept.get(other) {
            return Ok(pair.clone());
        }
        let pair = Arc::new(PairKey::new(&self.cluster, &self.genesis, &self.own, other)?);
        if kept.len() >= MOST {
            kept.clear();
        }
        kept.insert(*other, pair.clone());
        Ok(pair)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u8) -> SecretKey {
        SecretKey::from_seed(&[n; 32])
    }
    fn tag(cluster: &str, genesis: u8, own: u8, other: u8) -> blake3::Hash {
        PairKey::new(cluster, &[genesis; 32], &key(own), &key(other).public()).unwrap().tag(b"", &[])
    }

    #[test]
    fn two_nodes_compute_one_key_and_every_other_pair_another() {
        let pair = tag("c", 0, 1, 2);
        assert_eq!(pair, tag("c", 0, 2, 1));
        for (cluster, genesis, own, other) in [("d", 0, 1, 2), ("c", 1, 1, 2), ("c", 0, 1, 3), ("c", 0, 3, 2)] {
            assert_ne!(pair, tag(cluster, genesis, own, other), "{cluster} {genesis} {own} {other}");
        }
        assert_ne!(tag("c", 0, 1, 1), tag("c", 0, 2, 2), "a node with itself");
    }

    #[test]
    fn no_two_lists_of_parts_have_one_tag() {
        let pair = PairKey::new("c", &[0; 32], &key(1), &key(2).public()).unwrap();
        let lists: [&[&[u8]]; 6] = [&[b"ab", b"c"], &[b"a", b"bc"], &[b"abc"], &[b"abc", b""], &[b"", b"abc"], &[]];
        for (at, one) in lists.iter().enumerate() {
            for other in &lists[at + 1..] {
                assert_ne!(pair.tag(b"d", one), pair.tag(b"d", other), "{one:?} and {other:?}");
            }
            assert_ne!(pair.tag(b"d", one), pair.tag(b"e", one), "{one:?} in two domains");
        }
    }

    #[test]
    fn another_key_of_a_node_has_another_pair_key_at_once_and_few_are_kept() {
        let pairs = PeerKeys::new("c".into(), vec![0; 32].into(), key(1));
        let before = pairs.with(&key(2).public()).unwrap();
        assert!(Arc::ptr_eq(&before, &pairs.with(&key(2).public()).unwrap()), "computed once");
        let after = pairs.with(&key(3).public()).unwrap();
        assert_ne!(before.tag(b"", &[]), after.tag(b"", &[]));
        for n in 0..=MOST {
            let mut seed = [9; 32];
            seed[..8].copy_from_slice(&n.to_be_bytes());
            pairs.with(&SecretKey::from_seed(&seed).public()).unwrap();
            assert!(pairs.kept.lock().unwrap().len() <= MOST);
        }
        assert_eq!(pairs.with(&key(2).public()).unwrap().tag(b"", &[]), before.tag(b"", &[]));
    }

    #[test]
    fn a_key_that_shares_no_secret_has_no_pair_key() {
        let pairs = PeerKeys::new("c".into(), vec![0; 32].into(), key(1));
        let small = PublicKey::from_bytes([0; 32]);
        let error = pairs.with(&small).unwrap_err();
        assert_eq!(error, AgreementError::SmallOrder(small));
        let expected = format!("the key {small} is of small order, so that what is shared with it is no secret");
        assert_eq!(error.to_string(), expected);
        assert!(pairs.kept.lock().unwrap().is_empty());
    }

    #[test]
    fn a_pair_key_is_never_printed() {
        let pair = PairKey::new("c", &[0; 32], &key(1), &key(2).public()).unwrap();
        assert_eq!(format!("{pair:?}"), "PairKey");
    }
}
