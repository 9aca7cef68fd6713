//! RFC 6962 Merkle trees over SHA-256, stored as C2SP tiles.
//!
//! ```text
//! leaf = SHA-256(0x00 ‖ entry)     node = SHA-256(0x01 ‖ left ‖ right)     empty tree = SHA-256("")
//! ```

mod hash;
pub mod layout;
mod proof;
mod tiles;

pub use hash::leaf_hash;
pub(crate) use hash::node_hash;
pub use proof::{ProofFailure, roots, verify_consistency, verify_inclusion};
pub use tiles::{
    ProofError, TileId, append_to_tiles, consistency_proof, entries_path, full_root, inclusion_proof, root_at,
    tile_path, tile_width,
};

use crate::digest::Digest;

/// Root of the tree without entries.
pub fn empty_root() -> Digest {
    Digest::of(b"")
}

/// A tree reduced to its largest full subtrees, left to right: what appending and the root need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Digest>,
}

impl Frontier {
    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf hash. Amortised one node hash for each leaf.
    pub fn append(&mut self, leaf: Digest) {
        let mut hash = leaf;
        // Every trailing one of the size is a full subtree of the same height to merge with.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                hash = node_hash(&left, &hash);
            }
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// Appends a full subtree of 2^height leaves by its root. The size must be a multiple of its leaves: `false`, and
    /// nothing changed, otherwise.
    pub fn append_full(&mut self, root: Digest, height: u32) -> bool {
        let Some(leaves) = 1_u64.checked_shl(height).filter(|leaves| self.size.is_multiple_of(*leaves)) else {
            return false;
        };
        let (units, Some(grown)) = (self.size >> height, self.size.checked_add(leaves)) else { return false };
        let mut hash = root;
        for _ in 0..units.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                hash = node_hash(&left, &hash);
            }
        }
        self.peaks.push(hash);
        self.size = grown;
        true
    }

    /// Root over all leaves.
    pub fn root(&self) -> Digest {
        let mut peaks = self.peaks.iter().rev().copied();
        let Some(last) = peaks.next() else { return empty_root() };
        peaks.fold(last, |right, left| node_hash(&left, &right))
    }

    /// `u64be size ‖ peaks`, 32 bytes each.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = self.size.to_be_bytes().to_vec();
        for peak in &self.peaks {
            out.extend_from_slice(peak.as_bytes());
        }
        out
    }

    /// Reads [`Frontier::to_bytes`]; refuses any other number of peaks than the size has one bits.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let Some((size, rest)) = bytes.split_first_chunk::<8>() else {
            return Err(format!("a compact tree has 8 bytes or more, found {}", bytes.len()));
        };
        let size = u64::from_be_bytes(*size);
        let expected = size.count_ones() as usize * 32;
        if rest.len() != expected {
            return Err(format!("a compact tree of {size} leaves has {expected} bytes of peaks, found {}", rest.len()));
        }
        let peaks = rest.as_chunks::<32>().0.iter().map(|chunk| Digest::from_bytes(*chunk)).collect();
        Ok(Self { size, peaks })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// RFC 6962 section 2.1, word for word.
    pub fn naive_root(leaves: &[Digest]) -> Digest {
        match leaves {
            [] => empty_root(),
            [leaf] => *leaf,
            _ => {
                let split = leaves.len().next_power_of_two() / 2;
                node_hash(&naive_root(&leaves[..split]), &naive_root(&leaves[split..]))
            }
        }
    }

    pub fn leaves(n: u64) -> Vec<Digest> {
        (0..n).map(|i| leaf_hash(&i.to_be_bytes())).collect()
    }

    #[test]
    fn the_compact_tree_has_the_recursive_root_at_every_size() {
        let all = leaves(600);
        let mut frontier = Frontier::default();
        for (size, leaf) in all.iter().enumerate() {
            assert_eq!(frontier.root(), naive_root(&all[..size]), "size {size}");
            assert_eq!(Frontier::from_bytes(&frontier.to_bytes()).unwrap(), frontier);
            frontier.append(*leaf);
        }
        // The same tree by blocks of 256, then leaf by leaf.
        let mut blocks = Frontier::default();
        for block in all[..512].as_chunks::<256>().0 {
            let hashes: Vec<[u8; 32]> = block.iter().map(|leaf| *leaf.as_bytes()).collect();
            assert!(blocks.append_full(full_root(&hashes), 8));
        }
        all[512..].iter().for_each(|leaf| blocks.append(*leaf));
        assert_eq!(blocks, frontier);
        assert!(!blocks.append_full(empty_root(), 8) && !blocks.append_full(empty_root(), 64));
        assert_eq!(blocks, frontier);
        assert!(Frontier::from_bytes(&[0; 7]).is_err());
        assert!(Frontier::from_bytes(&[0, 0, 0, 0, 0, 0, 0, 3, 1]).is_err());
    }
}
