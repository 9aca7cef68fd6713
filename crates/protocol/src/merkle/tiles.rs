//! Trees kept as tiles (c2sp.org/tlog-tiles): tile (l, n) holds up to 256 hashes, hash i of it being the root of the
//! 256^l leaves from (n·256 + i)·256^l on. Inner hashes below a tile boundary are recomputed from the tile.

use super::node_hash;
use crate::digest::Digest;

/// log2 of the tile width, fixed by the format.
const HEIGHT: u32 = 8;
/// Hashes of a full tile.
const WIDTH: u64 = 1 << HEIGHT;

/// Names a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    /// Level, 0 to 7 (8 levels of 8 bits hold every u64 index).
    pub level: u8,
    /// Position in the level.
    pub index: u64,
}

/// Why a proof cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError<E> {
    /// The index or the old size is not below the size asked for.
    #[error("index or old size {index} is outside a tree of {size} entries")]
    OutOfRange {
        /// What was asked for.
        index: u64,
        /// Tree size.
        size: u64,
    },
    /// A tile that the size needs is missing or too short.
    #[error("tile {} of level {} is missing or too short", .0.index, .0.level)]
    MissingTile(TileId),
    /// The reader failed.
    #[error("reading a tile: {0}")]
    Read(E),
}

fn grouped(mut number: u64) -> String {
    let mut groups = vec![format!("{:03}", number % 1000)];
    number /= 1000;
    while number > 0 {
        groups.push(format!("x{:03}", number % 1000));
        number /= 1000;
    }
    groups.reverse();
    groups.join("/")
}

fn partial(width: u64) -> String {
    if width < WIDTH { format!(".p/{width}") } else { String::new() }
}

/// `tile/<L>/<N>[.p/<W>]`; `width` is 1 to 256.
pub fn tile_path(tile: TileId, width: u64) -> String {
    format!("tile/{}/{}{}", tile.level, grouped(tile.index), partial(width))
}

/// `tile/entries/<N>[.p/<W>]`; `width` is 1 to 256.
pub fn entries_path(index: u64, width: u64) -> String {
    format!("tile/entries/{}{}", grouped(index), partial(width))
}

fn hashes(bytes: &[u8]) -> &[[u8; 32]] {
    bytes.as_chunks::<32>().0
}

/// Root of a full or partial run of hashes, at most 256, whose number is a power of two or the right edge.
fn subtree(hashes: &[[u8; 32]]) -> Digest {
    let mut level: Vec<Digest> = hashes.iter().map(|h| Digest::from_bytes(*h)).collect();
    while level.len() > 1 {
        // In place: each pair is read before its half of the list is written.
        let pairs = level.len().div_ceil(2);
        for at in 0..pairs {
            level[at] = match level.get(2 * at + 1) {
                Some(right) => node_hash(&level[2 * at], right),
                None => level[2 * at],
            };
        }
        level.truncate(pairs);
    }
    level.pop().unwrap_or_else(super::empty_root)
}

/// Root of a full tile's hashes, or of fewer when their number is a power of two.
pub fn full_root(hashes: &[[u8; 32]]) -> Digest {
    subtree(hashes)
}

/// Appends leaf hashes to a tree of `start` leaves. Returns the complete new bytes of every tile that changed, once each.
pub fn append_to_tiles<E>(
    start: u64,
    leaves: &[Digest],
    read: &mut dyn FnMut(TileId) -> Result<Option<Vec<u8>>, E>,
) -> Result<Vec<(TileId, Vec<u8>)>, E> {
    let mut changed = Vec::new();
    let mut at = start;
    let mut pending: Vec<Digest> = leaves.to_vec();
    let mut level = 0;
    while !pending.is_empty() {
        let mut carried = Vec::new();
        let first = at;
        let mut rest = &pending[..];
        while !rest.is_empty() {
            let tile = TileId { level, index: at / WIDTH };
            let used = (at % WIDTH) as usize;
            let mut bytes = if used == 0 { Vec::new() } else { read(tile)?.unwrap_or_default() };
            bytes.truncate(used * 32);
            let take = rest.len().min(WIDTH as usize - used);
            for hash in &rest[..take] {
                bytes.extend_from_slice(hash.as_bytes());
            }
            rest = &rest[take..];
            at += take as u64;
            if at.is_multiple_of(WIDTH) {
                carried.push(subtree(hashes(&bytes)));
            }
            changed.push((tile, bytes));
        }
        at = first / WIDTH;
        pending = carried;
        level += 1;
    }
    Ok(changed)
}

struct Reader<'a, E> {
    read: &'a mut dyn FnMut(TileId) -> Result<Option<Vec<u8>>, E>,
    /// Tiles of this proof, so that each is read once.
    seen: Vec<(TileId, Vec<u8>)>,
}

impl<E> Reader<'_, E> {
    /// Root of the leaves `start..start + 2^height`, all of them present.
    fn full(&mut self, start: u64, height: u32) -> Result<Digest, ProofError<E>> {
        let level = height / HEIGHT;
        // A subtree of exactly 256^l leaves is one hash of level l; a smaller one is part of a tile of that level.
        let unit = level * HEIGHT;
        let from = start >> unit;
        let count = 1_u64 << (height - unit);
        let tile = TileId { level: level as u8, index: from / WIDTH };
        let offset = (from % WIDTH) as usize;
        let position = match self.seen.iter().position(|(id, _)| *id == tile) {
            Some(position) => position,
            None => {
                let bytes = (self.read)(tile).map_err(ProofError::Read)?.ok_or(ProofError::MissingTile(tile))?;
                self.seen.push((tile, bytes));
                self.seen.len() - 1
            }
        };
        let run =
            hashes(&self.seen[position].1).get(offset..offset + count as usize).ok_or(ProofError::MissingTile(tile))?;
        Ok(subtree(run))
    }

    /// Root of the leaves `start..end`, `end` being the edge of the tree or of a full subtree.
    fn range(&mut self, start: u64, end: u64) -> Result<Digest, ProofError<E>> {
        let width = end - start;
        if width.is_power_of_two() {
            return self.full(start, width.trailing_zeros());
        }
        let split = start + largest_power_below(width);
        let left = self.range(start, split)?;
        let right = self.range(split, end)?;
        Ok(node_hash(&left, &right))
    }
}

/// Hashes that tile `id` holds in a tree of `size` entries: 0 to 256.
pub fn tile_width(id: TileId, size: u64) -> u64 {
    let unit = u32::from(id.level) * HEIGHT;
    let all = size.checked_shr(unit).unwrap_or(0);
    all.saturating_sub(id.index.saturating_mul(WIDTH)).min(WIDTH)
}

/// Root of the first `size` leaves, from the tiles of a tree that has at least as many.
pub fn root_at<E>(
    size: u64,
    read: &mut dyn FnMut(TileId) -> Result<Option<Vec<u8>>, E>,
) -> Result<Digest, ProofError<E>> {
    if size == 0 {
        return Ok(super::empty_root());
    }
    Reader { read, seen: Vec::new() }.range(0, size)
}

/// The largest power of two smaller than `n`, for `n` of 2 or more (RFC 6962's k).
fn largest_power_below(n: u64) -> u64 {
    1 << (63 - (n - 1).leading_zeros())
}

/// RFC 6962 inclusion proof of leaf `index` in the tree of `size`, sibling of the leaf first. The tiles may hold more
/// entries than `size`.
pub fn inclusion_proof<E>(
    index: u64,
    size: u64,
    read: &mut dyn FnMut(TileId) -> Result<Option<Vec<u8>>, E>,
) -> Result<Vec<Digest>, ProofError<E>> {
    if index >= size {
        return Err(ProofError::OutOfRange { index, size });
    }
    let mut reader = Reader { read, seen: Vec::new() };
    let mut proof = Vec::new();
    let (mut start, mut end) = (0, size);
    while end - start > 1 {
        let split = start + largest_power_below(end - start);
        if index < split {
            proof.push(reader.range(split, end)?);
            end = split;
        } else {
            proof.push(reader.range(start, split)?);
            start = split;
        }
    }
    proof.reverse();
    Ok(proof)
}

/// RFC 6962 consistency proof between the trees of `old` and `new` entries; empty for `old` 0 or equal sizes.
pub fn consistency_proof<E>(
    old: u64,
    new: u64,
    read: &mut dyn FnMut(TileId) -> Result<Option<Vec<u8>>, E>,
) -> Result<Vec<Digest>, ProofError<E>> {
    if old > new {
        return Err(ProofError::OutOfRange { index: old, size: new });
    }
    if old == 0 || old == new {
        return Ok(Vec::new());
    }
    let mut reader = Reader { read, seen: Vec::new() };
    let mut proof = Vec::new();
    let (mut start, mut end) = (0, new);
    // Whether the old tree so far is a whole subtree of the new one, whose root the verifier has already.
    let mut whole = true;
    while old != end {
        let split = start + largest_power_below(end - start);
        if old <= split {
            proof.push(reader.range(split, end)?);
            end = split;
        } else {
            proof.push(reader.range(start, split)?);
            start = split;
            whole = false;
        }
    }
    if !whole {
        proof.push(reader.range(start, end)?);
    }
    proof.reverse();
    Ok(proof)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{leaves, naive_root};
    use super::super::{verify_consistency, verify_inclusion};
    use super::*;
    use std::collections::BTreeMap;
    use std::convert::Infallible;

    type Tiles = BTreeMap<TileId, Vec<u8>>;

    fn grow(sizes: &[usize], all: &[Digest]) -> Tiles {
        let mut tiles = Tiles::new();
        let mut at = 0;
        for size in sizes {
            let changed =
                append_to_tiles(at as u64, &all[at..*size], &mut |id| Ok::<_, Infallible>(tiles.get(&id).cloned()))
                    .unwrap();
            tiles.extend(changed);
            at = *size;
        }
        tiles
    }

    #[test]
    fn tiles_do_not_depend_on_how_the_batches_were_cut() {
        let all = leaves(70_000);
        let one = grow(&[70_000], &all);
        assert_eq!(grow(&[1, 255, 256, 257, 1000, 65_535, 65_536, 65_537, 70_000], &all), one);
        assert_eq!(one[&TileId { level: 2, index: 0 }].len(), 32);
        assert_eq!(one[&TileId { level: 1, index: 1 }].len(), 32 * (70_000 / 256 - 256));
    }

    #[test]
    fn every_proof_of_every_small_tree_verifies_and_no_altered_one_does() {
        let all = leaves(300);
        let tiles = grow(&[300], &all);
        let mut read = |id| Ok::<_, Infallible>(tiles.get(&id).cloned());
        for size in (1..=300_u64).step_by(7).chain([2, 255, 256, 257, 300]) {
            let root = naive_root(&all[..size as usize]);
            assert_eq!(root_at(size, &mut read), Ok(root));
            for index in (0..size).step_by(5).chain([size - 1]) {
                let leaf = &all[index as usize];
                let proof = inclusion_proof(index, size, &mut read).unwrap();
                verify_inclusion(leaf, index, size, &proof, &root).unwrap();
                for bit in 0..proof.len() {
                    let mut bytes = *proof[bit].as_bytes();
                    bytes[bit % 32] ^= 1;
                    let mut altered = proof.clone();
                    altered[bit] = Digest::from_bytes(bytes);
                    assert_eq!(verify_inclusion(leaf, index, size, &altered, &root).unwrap_err().check, "ROOT");
                }
                let mut longer = proof.clone();
                longer.push(root);
                assert_eq!(verify_inclusion(leaf, index, size, &longer, &root).unwrap_err().check, "PROOF_LENGTH");
                if index > 0 {
                    assert!(verify_inclusion(leaf, index - 1, size, &proof, &root).is_err());
                }
            }
            for old in (0..=size).step_by(3).chain([size]) {
                let old_root = naive_root(&all[..old as usize]);
                let proof = consistency_proof(old, size, &mut read).unwrap();
                verify_consistency(old, &old_root, size, &root, &proof).unwrap();
                assert!(verify_consistency(old, &leaves(1)[0], size, &root, &proof).is_err() || old == 1);
            }
        }
        assert_eq!(root_at(0, &mut read), Ok(super::super::empty_root()));
        assert!(root_at(301, &mut read).is_err());
        assert!(inclusion_proof(5, 5, &mut read).is_err());
        assert!(verify_inclusion(&all[0], u64::MAX, u64::MAX, &[], &all[0]).is_err());
        assert!(verify_inclusion(&all[0], u64::MAX - 1, u64::MAX, &all[..70], &all[0]).is_err());
        assert!(verify_consistency(u64::MAX - 1, &all[0], u64::MAX, &all[0], &all[..3]).is_err());
    }

    #[test]
    fn large_proofs_cross_tile_levels() {
        let all = leaves(70_000);
        let tiles = grow(&[70_000], &all);
        let mut read = |id| Ok::<_, Infallible>(tiles.get(&id).cloned());
        for size in [65_536_u64, 65_537, 70_000] {
            let root = naive_root(&all[..size as usize]);
            assert_eq!(root_at(size, &mut read), Ok(root));
            for index in [0, 255, 256, 65_535, size - 1] {
                verify_inclusion(
                    &all[index as usize],
                    index,
                    size,
                    &inclusion_proof(index, size, &mut read).unwrap(),
                    &root,
                )
                .unwrap();
            }
            for old in [1, 256, 40_000, 65_536] {
                verify_consistency(
                    old,
                    &naive_root(&all[..old as usize]),
                    size,
                    &root,
                    &consistency_proof(old, size, &mut read).unwrap(),
                )
                .unwrap();
            }
        }
    }

    #[test]
    fn the_root_of_every_earlier_size_comes_from_the_tiles() {
        let all = leaves(600);
        let tiles = grow(&[600], &all);
        let mut read = |id| Ok::<_, Infallible>(tiles.get(&id).cloned());
        for size in 0..=600_u64 {
            assert_eq!(root_at(size, &mut read).unwrap(), naive_root(&all[..size as usize]), "size {size}");
        }
        assert!(root_at(601, &mut read).is_err());
        for (id, bytes) in &tiles {
            assert_eq!(tile_width(*id, 600) * 32, bytes.len() as u64, "{id:?}");
        }
        assert_eq!(tile_width(TileId { level: 8, index: 0 }, u64::MAX), 0);
        assert_eq!(tile_width(TileId { level: 0, index: u64::MAX }, 600), 0);
    }

    #[test]
    fn paths_are_those_of_the_format() {
        assert_eq!(tile_path(TileId { level: 0, index: 1_234_067 }, 256), "tile/0/x001/x234/067");
        assert_eq!(tile_path(TileId { level: 1, index: 0 }, 3), "tile/1/000.p/3");
        assert_eq!(entries_path(1000, 255), "tile/entries/x001/000.p/255");
    }
}
