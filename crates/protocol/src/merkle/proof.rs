//! Checking proofs (RFC 9162 sections 2.1.3.2 and 2.1.4.2). Total on any input.

use super::{empty_root, node_hash};
use crate::digest::Digest;

/// Why a proof does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{check}: expected {expected}, found {found}")]
pub struct ProofFailure {
    /// `INDEX_RANGE`, `PROOF_LENGTH`, `ROOT`, `OLD_ROOT` or `NEW_ROOT`.
    pub check: &'static str,
    /// Expected value.
    pub expected: String,
    /// Found value.
    pub found: String,
}

fn fail(check: &'static str, expected: impl ToString, found: impl ToString) -> Result<(), ProofFailure> {
    Err(ProofFailure { check, expected: expected.to_string(), found: found.to_string() })
}

fn same(check: &'static str, expected: &Digest, found: &Digest) -> Result<(), ProofFailure> {
    if expected == found { Ok(()) } else { fail(check, expected, found) }
}

/// Checks that the leaf hash stands at `index` in the tree of `size` with `root`.
pub fn verify_inclusion(
    leaf: &Digest,
    index: u64,
    size: u64,
    proof: &[Digest],
    root: &Digest,
) -> Result<(), ProofFailure> {
    if index >= size {
        return fail("INDEX_RANGE", format!("an index below {size}"), index);
    }
    let (mut fnode, mut snode) = (index, size - 1);
    let mut hash = *leaf;
    for sibling in proof {
        if snode == 0 {
            return fail("PROOF_LENGTH", "a shorter proof", format!("{} hashes", proof.len()));
        }
        if fnode & 1 == 1 || fnode == snode {
            hash = node_hash(sibling, &hash);
            while fnode & 1 == 0 && fnode != 0 {
                fnode >>= 1;
                snode >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        fnode >>= 1;
        snode >>= 1;
    }
    if snode != 0 {
        return fail("PROOF_LENGTH", "a longer proof", format!("{} hashes", proof.len()));
    }
    same("ROOT", root, &hash)
}

/// Checks that the tree of `new_size` extends the tree of `old_size`.
pub fn verify_consistency(
    old_size: u64,
    old_root: &Digest,
    new_size: u64,
    new_root: &Digest,
    proof: &[Digest],
) -> Result<(), ProofFailure> {
    if old_size > new_size {
        return fail("INDEX_RANGE", format!("an old size of at most {new_size}"), old_size);
    }
    if old_size == new_size || old_size == 0 {
        if !proof.is_empty() {
            return fail("PROOF_LENGTH", "no hashes", format!("{} hashes", proof.len()));
        }
        let expected = if old_size == 0 { empty_root() } else { *new_root };
        same("OLD_ROOT", &expected, old_root)?;
        return if new_size == 0 { same("NEW_ROOT", &expected, new_root) } else { Ok(()) };
    }
    // A power of two is itself a node of the new tree: its root starts the path.
    let (first, rest) = match proof.split_first() {
        _ if old_size.is_power_of_two() => (old_root, proof),
        Some((first, rest)) => (first, rest),
        None => return fail("PROOF_LENGTH", "a longer proof", "0 hashes"),
    };
    let (old, new) = roots(old_size, new_size, first, rest)?;
    same("OLD_ROOT", old_root, &old)?;
    same("NEW_ROOT", new_root, &new)
}

/// The two roots that a path leads to: of the first `old_size` entries, and of all `new_size`. The path starts at the
/// largest full subtree that ends at `old_size`, whose root is `first`; what follows are the hashes of a consistency
/// proof. Whoever knows one root of the new tree knows thereby, short of a collision, its only root at the old size.
/// `old_size` is 1 or more and below `new_size`.
pub fn roots(old_size: u64, new_size: u64, first: &Digest, rest: &[Digest]) -> Result<(Digest, Digest), ProofFailure> {
    if old_size == 0 || old_size >= new_size {
        fail("INDEX_RANGE", format!("an old size of 1 or more and below {new_size}"), old_size)?;
    }
    let (mut fnode, mut snode) = (old_size - 1, new_size - 1);
    while fnode & 1 == 1 {
        fnode >>= 1;
        snode >>= 1;
    }
    let (mut old, mut new) = (*first, *first);
    for hash in rest {
        if snode == 0 {
            fail("PROOF_LENGTH", "a shorter proof", format!("{} hashes", rest.len()))?;
        }
        if fnode & 1 == 1 || fnode == snode {
            old = node_hash(hash, &old);
            new = node_hash(hash, &new);
            while fnode & 1 == 0 && fnode != 0 {
                fnode >>= 1;
                snode >>= 1;
            }
        } else {
            new = node_hash(&new, hash);
        }
        fnode >>= 1;
        snode >>= 1;
    }
    if snode != 0 {
        fail("PROOF_LENGTH", "a longer proof", format!("{} hashes", rest.len()))?;
    }
    Ok((old, new))
}
