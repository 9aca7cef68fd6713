//! Building a tree anew from the entries that a node serves. Memory is one bundle and one tile for each level.

use super::source::{NodeSource, Problem, WIDTH};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::merkle::{Frontier, TileId, leaf_hash};
use std::collections::{BTreeMap, BTreeSet};

/// The rightmost tile of each level while a tree grows from its first entry, compared with what the node serves.
#[derive(Debug, Default)]
struct Tiles {
    levels: Vec<Vec<u8>>,
    /// Full tiles of each level that were compared.
    done: Vec<u64>,
    compared: u64,
}

impl Tiles {
    async fn add(&mut self, source: &NodeSource, ledger: Ledger, leaf: Digest) -> Result<(), Problem> {
        let mut hash = leaf;
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
                self.done.push(0);
            }
            self.levels[level].extend_from_slice(hash.as_bytes());
            if self.levels[level].len() < WIDTH as usize * 32 {
                return Ok(());
            }
            let full = std::mem::take(&mut self.levels[level]);
            self.same(source, ledger, level, &full).await?;
            self.done[level] += 1;
            let mut above = Frontier::default();
            full.as_chunks::<32>().0.iter().for_each(|hash| above.append(Digest::from_bytes(*hash)));
            hash = above.root();
        }
        Ok(())
    }

    async fn same(&mut self, source: &NodeSource, ledger: Ledger, level: usize, own: &[u8]) -> Result<(), Problem> {
        let id = TileId { level: level as u8, index: self.done[level] };
        let width = own.len() as u64 / 32;
        let served = source.tile(ledger, id, width).await?;
        self.compared += 1;
        let differs = own.as_chunks::<32>().0.iter().zip(served.as_chunks::<32>().0).position(|(a, b)| a != b);
        match differs {
            None => Ok(()),
            Some(at) => {
                let hash = |bytes: &[u8]| Digest::from_bytes(bytes.as_chunks::<32>().0[at]);
                let expected = format!("{} as hash {at} of tile {} of level {level}", hash(own), id.index);
                Err(Problem::broken("TILE_HASH", expected, hash(&served)))
            }
        }
    }

    async fn finish(&mut self, source: &NodeSource, ledger: Ledger) -> Result<(), Problem> {
        for level in 0..self.levels.len() {
            let partial = std::mem::take(&mut self.levels[level]);
            if !partial.is_empty() {
                self.same(source, ledger, level, &partial).await?;
            }
        }
        Ok(())
    }
}

/// What re-hashing a whole ledger gave.
#[derive(Clone, Debug, Default)]
pub struct Rehashed {
    /// Root at each size that was asked for.
    pub roots: BTreeMap<u64, Digest>,
    /// Entries hashed.
    pub entries: u64,
    /// Tiles compared.
    pub tiles: u64,
}

/// Hashes the first `size` entries that a node serves and compares all its tiles of that tree. `progress` is called with
/// the number of entries done.
pub(crate) async fn rehash(
    source: &NodeSource,
    ledger: Ledger,
    size: u64,
    marks: &BTreeSet<u64>,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Rehashed, Problem> {
    let mut frontier = Frontier::default();
    let mut tiles = Tiles::default();
    let mut out = Rehashed::default();
    if marks.contains(&0) {
        out.roots.insert(0, frontier.root());
    }
    while frontier.size() < size {
        let width = (size - frontier.size()).min(WIDTH);
        for entry in source.entries(ledger, frontier.size() / WIDTH, width).await? {
            let leaf = leaf_hash(&entry);
            frontier.append(leaf);
            tiles.add(source, ledger, leaf).await?;
            if marks.contains(&frontier.size()) {
                out.roots.insert(frontier.size(), frontier.root());
            }
        }
        progress(frontier.size());
    }
    tiles.finish(source, ledger).await?;
    out.entries = size;
    out.tiles = tiles.compared;
    Ok(out)
}

/// Hashes the entries that a node serves from the tree's size on to `size`.
pub async fn extend(source: &NodeSource, ledger: Ledger, tree: &mut Frontier, size: u64) -> Result<(), Problem> {
    while tree.size() < size {
        let (index, known) = (tree.size() / WIDTH, (tree.size() % WIDTH) as usize);
        let width = (size - index * WIDTH).min(WIDTH);
        for entry in source.entries(ledger, index, width).await?.into_iter().skip(known) {
            tree.append(leaf_hash(&entry));
        }
    }
    Ok(())
}
