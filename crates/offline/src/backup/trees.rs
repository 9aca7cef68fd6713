//! One ledger of a backup: every entry re-hashed, its chains followed, its tree recomputed, and the stored tiles against
//! that tree, in memory that does not grow with it.

use super::chunks::Leaf;
use super::derived::Derived;
use crate::chain::{AT_ONCE, ChainRows, Chains};
use crate::report::{Failure, altered};
use selfsame_protocol::digest::{Digest, hex};
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::merkle::layout::{WIDTH, push_entry};
use selfsame_protocol::merkle::{Frontier, full_root};

/// Levels of tiles of the largest ledger.
const LEVELS: usize = 8;

/// A ledger while its rows arrive.
pub struct Walk {
    ledger: Ledger,
    /// Size and root of the checkpoint, and the root that was found there.
    checkpoint: Option<(u64, Digest, Option<Digest>)>,
    /// What the state says of its own tree; it stands before the entries.
    head: Frontier,
    tree: Frontier,
    chains: Chains,
    bundle: Vec<u8>,
    hashes: Vec<[u8; 32]>,
    rows: ChainRows,
    /// Roots at the sizes at which the full tiles of each level end.
    edges: [Option<Digest>; LEVELS],
    /// The tree as the tiles of one level have it, with the next tile.
    tiles: Option<(u8, u64, Frontier)>,
    /// Levels seen.
    levels: u8,
    /// Bytes of the entries.
    pub bytes: u64,
}

impl Walk {
    /// Before the first row.
    pub fn new(ledger: Ledger, checkpoint: Option<(u64, Digest)>) -> Walk {
        let mut walk = Walk {
            ledger,
            checkpoint: checkpoint.map(|(size, root)| (size, root, None)),
            head: Frontier::default(),
            tree: Frontier::default(),
            chains: Chains::new(ledger, AT_ONCE),
            bundle: Vec::new(),
            hashes: Vec::new(),
            rows: ChainRows::new(ledger, 0),
            edges: [None; LEVELS],
            tiles: None,
            levels: 0,
            bytes: 0,
        };
        walk.marks();
        walk
    }

    fn bad(&self, check: &str, expected: impl ToString, found: impl ToString) -> Failure {
        Failure { ledger: Some(self.ledger), ..altered(check, None, expected, found) }
    }

    /// Entries so far.
    pub fn size(&self) -> u64 {
        self.tree.size()
    }

    /// What the state says of its tree.
    pub fn head(&mut self, row: &[u8]) -> Result<(), Failure> {
        self.head =
            Frontier::from_bytes(row).map_err(|error| self.bad("TREE_HEAD", "size and peaks of a tree", error))?;
        self.marks();
        Ok(())
    }

    /// Notes the root where somebody needs it.
    fn marks(&mut self) {
        let size = self.tree.size();
        if let Some((wanted, _, found)) = &mut self.checkpoint
            && *wanted == size
        {
            *found = Some(self.tree.root());
        }
        for (level, edge) in self.edges.iter_mut().enumerate().skip(1) {
            if self.head.size() >> (8 * level) << (8 * level) == size {
                *edge = Some(self.tree.root());
            }
        }
    }

    /// The next entry, in a row of its index, with its hash. In a further pass it was compared with the tree before.
    pub fn entry(&mut self, key: &[u8], leaf: &[u8], hashed: Leaf) -> Result<(), Failure> {
        let at = self.tree.size();
        let place = Some((self.ledger, at));
        if key != at.to_be_bytes() {
            return Err(altered("ENTRY_MISSING", place, format!("the row of index {at}"), hex(key)));
        }
        self.rows.push(leaf)?;
        if let Some(error) = hashed.form {
            return Err(altered("ENTRY_FORM", place, "a canonical entry", error));
        }
        push_entry(&mut self.bundle, leaf)
            .ok_or_else(|| altered("ENTRY_FORM", place, "at most 65535 bytes", leaf.len()))?;
        self.hashes.push(*hashed.hash.as_bytes());
        self.bytes += leaf.len() as u64;
        self.tree.append(hashed.hash);
        self.marks();
        if self.hashes.len() as u64 == WIDTH { self.follow() } else { Ok(()) }
    }

    fn follow(&mut self) -> Result<(), Failure> {
        self.chains.follow(&self.rows, &self.bundle, &self.hashes)?;
        self.rows = ChainRows::new(self.ledger, self.tree.size());
        self.bundle.clear();
        self.hashes.clear();
        Ok(())
    }

    /// After the last entry: the tree is the one that the state names, and the checkpoint's is a part of it.
    pub(crate) fn end_of_entries(&mut self) -> Result<(), Failure> {
        self.follow()?;
        if self.tree != self.head {
            let show = |tree: &Frontier| format!("{} entries with root {}", tree.size(), tree.root());
            return Err(self.bad("TREE_HEAD", show(&self.head), show(&self.tree)));
        }
        match self.checkpoint {
            Some((size, _, None)) => Err(self.bad("CHECKPOINT_SIZE", format!("{size} entries"), self.tree.size())),
            Some((_, root, Some(found))) if root != found => Err(self.bad("TREE_ROOT", root, found)),
            _ => Ok(()),
        }
    }

    /// The next tile. Its hashes, with those of its level before it, must have the root that the entries have.
    pub fn tile(&mut self, level: u8, index: u64, hashes: &[u8]) -> Result<(), Failure> {
        if self.tiles.as_ref().is_none_or(|(now, _, _)| *now != level) {
            self.end_of_level()?;
            if level != self.levels || usize::from(level) >= LEVELS {
                return Err(self.bad("TILE_MISSING", format!("tiles of level {}", self.levels), level));
            }
            self.levels += 1;
            self.tiles = Some((level, 0, Frontier::default()));
        }
        let total = self.tree.size() >> (8 * u32::from(level));
        let Some((_, next, tree)) = &mut self.tiles else { return Ok(()) };
        let width = total.saturating_sub(*next * WIDTH).min(WIDTH);
        let (hashes, rest) = hashes.as_chunks::<32>();
        if index != *next || hashes.len() as u64 != width || !rest.is_empty() {
            let expected = format!("tile {level}/{next} with {width} hashes");
            let found = format!("tile {level}/{index} with {} hashes", hashes.len());
            return Err(self.bad("TILE_MISSING", expected, found));
        }
        *next += 1;
        if width == WIDTH {
            tree.append_full(full_root(hashes), 8 * (u32::from(level) + 1));
        } else {
            for hash in hashes {
                tree.append_full(Digest::from_bytes(*hash), 8 * u32::from(level));
            }
        }
        Ok(())
    }

    fn end_of_level(&mut self) -> Result<(), Failure> {
        let Some((level, _, tree)) = self.tiles.take() else { return Ok(()) };
        let total = self.tree.size() >> (8 * u32::from(level));
        let wanted = match level {
            0 => Some(self.tree.root()),
            _ => self.edges.get(usize::from(level)).copied().flatten(),
        };
        if tree.size() != total << (8 * u32::from(level)) {
            let expected = format!("{total} hashes at level {level}");
            return Err(self.bad("TILE_MISSING", expected, tree.size() >> (8 * u32::from(level))));
        }
        match wanted {
            Some(root) if root == tree.root() => Ok(()),
            wanted => {
                let expected = wanted.map_or("no tiles".to_owned(), |root| format!("level {level} of root {root}"));
                Err(self.bad("TILE_HASH", expected, tree.root()))
            }
        }
    }

    /// After the last tile.
    pub(crate) fn end_of_tiles(&mut self) -> Result<(), Failure> {
        self.end_of_level()?;
        let wanted = (0..LEVELS).filter(|level| self.tree.size() >> (8 * level) > 0).count();
        if usize::from(self.levels) != wanted {
            return Err(self.bad("TILE_MISSING", format!("{wanted} levels of tiles"), self.levels));
        }
        Ok(())
    }

    /// After a pass: the ends of the chains that it followed.
    pub fn ends(&self, derived: &mut Derived) {
        self.chains.ends().for_each(|(subject, depth, hash)| derived.end(self.ledger, subject, depth, hash));
    }

    /// Begins another pass over the entries for chains that had no room before; false when all were followed.
    pub fn again(&mut self) -> bool {
        if !self.chains.next_pass() {
            return false;
        }
        self.tree = Frontier::default();
        self.rows = ChainRows::new(self.ledger, 0);
        true
    }

    /// After the last entry of a further pass. The file must be the one of the first.
    pub(crate) fn end_of_pass(&mut self) -> Result<(), Failure> {
        self.follow()?;
        if self.tree == self.head {
            return Ok(());
        }
        Err(self.bad("TREE_HEAD", self.head.root(), self.tree.root()))
    }

    /// Root over all entries.
    pub fn root(&self) -> Digest {
        self.head.root()
    }
}
