//! A ledger in a folder: every entry re-hashed, every tile compared, the chains followed, the root compared with the
//! checkpoint.
//!
//! Threads read and hash bundles of 256 entries; this thread takes them in order, follows the chains and builds the upper
//! levels of the tree. Each thread has at most [`AHEAD`] bundles waiting, so that memory depends on the number of threads
//! and not on the ledger.

use super::apart::{self, NamedTree};
use super::chain::{AT_ONCE, ChainRows, Chains};
use super::folder::Folder;
use super::report::{Checked, Failure, Level, Verified, altered, undecided};
use super::small::vouch::{self, UnverifiedNote, Voices};
use super::threads::start;
use super::{Options, Progress};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::Entry;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::merkle::layout::{TilePath, WIDTH, entries};
use selfsame_protocol::merkle::{Frontier, full_root, leaf_hash};
use selfsame_protocol::note::Checkpoint;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

/// Bundles that one thread reads ahead.
const AHEAD: usize = 4;

/// What a thread made of one bundle.
struct Block {
    bytes: Vec<u8>,
    hashes: Vec<[u8; 32]>,
    rows: ChainRows,
    /// Root of a full block.
    root: Option<Digest>,
    /// The Evidence tree that a record names last.
    named: Option<NamedTree>,
}

/// A bundle as a thread hands it over.
type Hashed = Result<Block, Failure>;

/// One ledger of a folder: where it is, and its checkpoint.
struct Head {
    folder: Folder,
    ledger: Ledger,
    signed: UnverifiedNote,
}

/// One ledger that holds.
struct Held {
    ledger: Ledger,
    checkpoint: Checkpoint,
    signers: Vec<String>,
    bytes: u64,
    tiles: u64,
    passes: u64,
    /// The last Evidence tree that a record names.
    named: Option<NamedTree>,
}

/// The checkpoints of a folder that holds one ledger, or both of one cluster in `evidence` and `reasoning`.
fn heads(path: &Path) -> Result<Vec<Head>, Failure> {
    if path.join("checkpoint").exists() {
        let folder = Folder::new(path);
        let signed = vouch::read(folder.checkpoint()?.as_bytes())?;
        let origin = &signed.checkpoint.origin;
        let named = Ledger::BOTH.into_iter().find(|ledger| origin.ends_with(&format!("/{ledger}")));
        let ledger =
            named.ok_or_else(|| altered("CHECKPOINT_ORIGIN", None, "…/evidence or …/reasoning", origin.clone()))?;
        return Ok(vec![Head { folder, ledger, signed }]);
    }
    let mut heads: Vec<Head> = Vec::new();
    for ledger in Ledger::BOTH {
        let inside = path.join(ledger.as_str());
        if !inside.join("checkpoint").exists() {
            let expected = format!("{} or both ledgers below it", path.join("checkpoint").display());
            return Err(undecided("FILE_MISSING", expected, format!("no {ledger}/checkpoint")));
        }
        let folder = Folder::new(inside);
        let signed = vouch::read(folder.checkpoint()?.as_bytes())?;
        heads.push(Head { folder, ledger, signed });
    }
    let prefix = heads.first().and_then(|head| head.signed.checkpoint.origin.strip_suffix("/evidence"));
    let prefix = prefix.unwrap_or("…").to_owned();
    for head in &heads {
        let (expected, origin) = (format!("{prefix}/{}", head.ledger), &head.signed.checkpoint.origin);
        if *origin != expected {
            return Err(altered("CHECKPOINT_ORIGIN", None, expected, origin));
        }
    }
    Ok(heads)
}

/// Verifies a folder that holds one ledger, or both in `evidence` and `reasoning`. Who vouches is looked at before
/// anything is hashed, because hashing may take long; that nobody is named is said at the end.
pub fn verify_folder(path: &Path, options: &Options, progress: Progress<'_>) -> Result<Verified, Failure> {
    let heads = heads(path)?;
    let all: Vec<&UnverifiedNote> = heads.iter().map(|head| &head.signed).collect();
    let voices = Voices::of(&all, options)?;
    let mut held = Vec::new();
    for Head { folder, ledger, signed } in &heads {
        let signers = Voices::of(&[signed], options)?.names().into_iter().cloned().collect();
        held.push(one(folder, *ledger, &signed.checkpoint, signers, options, progress)?);
    }
    let named = held.iter().find_map(|one| one.named);
    let sizes: Vec<(Ledger, u64)> = held.iter().map(|one| (one.ledger, one.checkpoint.size)).collect();
    if let [(Ledger::Evidence, evidence), _] = sizes[..] {
        apart::check(named, evidence)?;
    }
    options.reader().named()?;
    let total: u64 = held.iter().map(|one| one.checkpoint.size).sum();
    let structure = if options.deep {
        format!("{total} entries read whole, in canonical form and with the members of their record")
    } else {
        format!("the members around the record of {total} entries (--deep reads the records)")
    };
    let ledgers: Vec<Value> = held
        .iter()
        .map(|one| {
            json!({
                "ledger": one.ledger,
                "origin": one.checkpoint.origin,
                "size": one.checkpoint.size,
                "root": one.checkpoint.root,
                "bytes": one.bytes,
                "tiles": one.tiles,
                "chain_passes": one.passes,
                "signers": one.signers,
            })
        })
        .collect();
    Ok(Verified {
        file_kind: "ledger",
        checked: Checked {
            structure: Level::held(structure),
            chain: Level::held(format!("{total} entries, each after the one before it of its subject")),
            tree: Level::held(format!("{total} entries re-hashed to the root of the checkpoint, every tile compared")),
            cosignatures: voices.cosignatures(),
            attestation: voices.signatures(),
        },
        end: None,
        detail: voices.beside(json!({
            "entries": total, "ledgers": ledgers, "not_checked": apart::not_checked(&sizes, named),
        })),
    })
}

fn one(
    folder: &Folder,
    ledger: Ledger,
    checkpoint: &Checkpoint,
    signers: Vec<String>,
    options: &Options,
    progress: Progress<'_>,
) -> Result<Held, Failure> {
    let mut walk = Walk { folder, ledger, size: checkpoint.size, options, bytes: 0, tiles: 0, named: None };
    let mut chains = Chains::new(ledger, AT_ONCE);
    let mut passes = 1;
    walk.first(&mut chains, &checkpoint.root, progress)?;
    while chains.next_pass() {
        passes += 1;
        walk.again(&mut chains, passes, progress)?;
    }
    let Walk { bytes, tiles, named, .. } = walk;
    Ok(Held { ledger, checkpoint: checkpoint.clone(), signers, bytes, tiles, passes, named })
}

struct Walk<'a> {
    folder: &'a Folder,
    ledger: Ledger,
    size: u64,
    options: &'a Options,
    bytes: u64,
    tiles: u64,
    named: Option<NamedTree>,
}

impl Walk<'_> {
    fn blocks(&self) -> u64 {
        self.size.div_ceil(WIDTH)
    }

    fn width(&self, block: u64) -> u64 {
        (self.size - block * WIDTH).min(WIDTH)
    }

    /// Reads and hashes everything.
    fn first(&mut self, chains: &mut Chains, root: &Digest, progress: Progress<'_>) -> Result<(), Failure> {
        let mut tree = Frontier::default();
        let mut upper = Upper { folder: self.folder, ledger: self.ledger, pending: Vec::new(), compared: 0 };
        let threads = (self.options.threads() as u64).min(self.blocks()).max(1);
        let this = &*self;
        let entries_of = &format!("{} entries", self.ledger);
        let (mut bytes, mut named) = (0, None);
        std::thread::scope(|scope| {
            let blocks = (0..threads)
                .map(|first| {
                    let (send, receive) = sync_channel(AHEAD);
                    let (give_back, used) = channel();
                    start(scope, move || this.hash_every(first, threads, &send, &used))?;
                    Ok((receive, give_back))
                })
                .collect::<Result<Vec<(Receiver<Hashed>, Sender<Vec<u8>>)>, Failure>>()?;
            for number in 0..this.blocks() {
                let (receive, give_back) = &blocks[(number % threads) as usize];
                let block = receive.recv().unwrap_or_else(|_| {
                    Err(undecided("THREAD", "a thread that reads to the end", "one that stopped"))
                })?;
                let start = number * WIDTH;
                chains.follow(&block.rows, &block.bytes, &block.hashes)?;
                bytes += block.bytes.len() as u64 - 2 * block.hashes.len() as u64;
                named = block.named.or(named);
                match block.root {
                    Some(root) => {
                        tree.append_full(root, 8);
                        upper.push(0, root)?;
                    }
                    None => block.hashes.iter().for_each(|hash| tree.append(Digest::from_bytes(*hash))),
                }
                progress(entries_of, start + block.hashes.len() as u64, this.size);
                // The thread that filled the buffer fills it again; it may be gone, at the end.
                let _ = give_back.send(block.bytes);
            }
            upper.edge()
        })?;
        (self.bytes, self.named) = (bytes, named);
        self.tiles = self.blocks() + upper.compared;
        if tree.root() != *root {
            let found = tree.root();
            return Err(Failure { ledger: Some(self.ledger), ..altered("TREE_ROOT", None, root, found) });
        }
        Ok(())
    }

    /// Reads again for the chains that had no room before. The hashes are those of the tiles, compared before.
    fn again(&self, chains: &mut Chains, pass: u64, progress: Progress<'_>) -> Result<(), Failure> {
        let (mut bytes, mut tile) = (Vec::new(), Vec::new());
        for number in 0..self.blocks() {
            let (start, width) = (number * WIDTH, self.width(number));
            self.folder.read(TilePath { level: None, index: number, width }, &mut bytes)?;
            self.folder.read(TilePath { level: Some(0), index: number, width }, &mut tile)?;
            let mut rows = ChainRows::new(self.ledger, start);
            self.split(start, &bytes, width)?.into_iter().try_for_each(|leaf| rows.push(leaf))?;
            chains.follow(&rows, &bytes, tile.as_chunks::<32>().0)?;
            progress(&format!("{} chains, pass {pass}", self.ledger), start + width, self.size);
        }
        Ok(())
    }

    fn split<'b>(&self, start: u64, bytes: &'b [u8], width: u64) -> Result<Vec<&'b [u8]>, Failure> {
        entries(bytes, width).map_err(|error| {
            let expected = format!("{} bytes", error.expected);
            altered("ENTRY_BUNDLE", Some((self.ledger, start + error.position)), expected, error.found)
        })
    }

    /// One thread: every `step`th block from `first` on, until the first that does not hold.
    fn hash_every(&self, first: u64, step: u64, send: &SyncSender<Hashed>, used: &Receiver<Vec<u8>>) {
        let mut tile = Vec::new();
        for number in (first..self.blocks()).step_by(step as usize) {
            let block = self.hash(number, used.try_recv().unwrap_or_default(), &mut tile);
            let failed = block.is_err();
            // The reader is gone when another block failed before this one.
            if send.send(block).is_err() || failed {
                return;
            }
        }
    }

    fn hash(&self, number: u64, mut bytes: Vec<u8>, tile: &mut Vec<u8>) -> Result<Block, Failure> {
        let (start, width) = (number * WIDTH, self.width(number));
        self.folder.read(TilePath { level: None, index: number, width }, &mut bytes)?;
        let leaves = self.split(start, &bytes, width)?;
        let mut hashes = Vec::with_capacity(leaves.len());
        let (mut rows, mut wrong) = (ChainRows::new(self.ledger, start), None);
        for leaf in &leaves {
            // One after the other while the leaf is at hand; what the edges say counts only if the hash is right.
            hashes.push(*leaf_hash(leaf).as_bytes());
            if wrong.is_none() {
                wrong = rows.push(leaf).err();
            }
        }
        self.folder.read(TilePath { level: Some(0), index: number, width }, tile)?;
        self.compare(number, &hashes, tile)?;
        if let Some(failure) = wrong {
            return Err(failure);
        }
        if self.options.deep {
            for (at, leaf) in (start..).zip(&leaves) {
                Entry::from_leaf(leaf)
                    .map_err(|error| altered("ENTRY_FORM", Some((self.ledger, at)), "a canonical entry", error))?;
            }
        }
        let root = (width == WIDTH).then(|| full_root(&hashes));
        let named = if self.ledger == Ledger::Reasoning { apart::last(&leaves, start) } else { None };
        Ok(Block { bytes, hashes, rows, root, named })
    }

    /// The leaf hashes against their tile. When they differ, the level above tells which of the two was altered.
    fn compare(&self, number: u64, hashes: &[[u8; 32]], tile: &[u8]) -> Result<(), Failure> {
        let (kept, rest) = tile.as_chunks::<32>();
        if kept == hashes && rest.is_empty() {
            return Ok(());
        }
        let start = number * WIDTH;
        if tile.len() != hashes.len() * 32 {
            let expected = format!("{} bytes in tile 0/{number}", hashes.len() * 32);
            return Err(altered("TILE_LENGTH", Some((self.ledger, start)), expected, tile.len()));
        }
        let first = hashes.iter().zip(kept).position(|(a, b)| a != b).unwrap_or(0);
        let (hashed, kept_hash) = (Digest::from_bytes(hashes[first]), Digest::from_bytes(kept[first]));
        let at = Some((self.ledger, start + first as u64));
        if self.vouched(number, hashes) {
            return Err(altered("TILE_HASH", at, hashed, kept_hash));
        }
        Err(altered("ENTRY_HASH", at, kept_hash, hashed))
    }

    /// Whether the level above a full block holds the root of these hashes.
    fn vouched(&self, number: u64, hashes: &[[u8; 32]]) -> bool {
        let (tiles, position) = (self.size / WIDTH, number % WIDTH);
        let width = (tiles - (number - position).min(tiles)).min(WIDTH);
        let mut above = Vec::new();
        hashes.len() as u64 == WIDTH
            && width > position
            && self.folder.read(TilePath { level: Some(1), index: number / WIDTH, width }, &mut above).is_ok()
            && above.as_chunks::<32>().0.get(position as usize) == Some(full_root(hashes).as_bytes())
    }
}

/// The levels above the leaves, at most 255 hashes of each waiting for their tile.
struct Upper<'a> {
    folder: &'a Folder,
    ledger: Ledger,
    /// For each level from 1 on: tiles compared, and the hashes of the next one.
    pending: Vec<(u64, Vec<[u8; 32]>)>,
    compared: u64,
}

impl Upper<'_> {
    /// The root of the next full tile of `level`.
    fn push(&mut self, level: usize, root: Digest) -> Result<(), Failure> {
        if self.pending.len() <= level {
            self.pending.push((0, Vec::with_capacity(WIDTH as usize)));
        }
        let (next, hashes) = &mut self.pending[level];
        hashes.push(*root.as_bytes());
        if (hashes.len() as u64) < WIDTH {
            return Ok(());
        }
        let (index, hashes) = (*next, std::mem::take(hashes));
        *next += 1;
        self.compare(level, index, &hashes)?;
        self.push(level + 1, full_root(&hashes))
    }

    /// The partial tiles at the right edge.
    fn edge(&mut self) -> Result<(), Failure> {
        for (level, (index, hashes)) in std::mem::take(&mut self.pending).into_iter().enumerate() {
            if !hashes.is_empty() {
                self.compare(level, index, &hashes)?;
            }
        }
        Ok(())
    }

    /// `level` counts from 0 for the tiles of level 1.
    fn compare(&mut self, level: usize, index: u64, hashes: &[[u8; 32]]) -> Result<(), Failure> {
        let level = u8::try_from(level + 1).unwrap_or(u8::MAX);
        let tile = TilePath { level: Some(level), index, width: hashes.len() as u64 };
        let mut bytes = Vec::new();
        self.folder.read(tile, &mut bytes)?;
        self.compared += 1;
        let kept = bytes.as_chunks::<32>().0;
        if bytes.len() == hashes.len() * 32 && kept == hashes {
            return Ok(());
        }
        let first = hashes.iter().zip(kept).position(|(a, b)| a != b).unwrap_or(kept.len().min(hashes.len()));
        // Each hash of this level stands for 256^level entries.
        let span = 1_u64.checked_shl(8 * u32::from(level)).unwrap_or(u64::MAX);
        let at = (index * WIDTH + first as u64).saturating_mul(span);
        let show = |list: &[[u8; 32]]| list.get(first).map_or("no hash".into(), |h| Digest::from_bytes(*h).to_string());
        Err(altered("TILE_HASH", Some((self.ledger, at)), format!("{} in {}", show(hashes), tile.path()), show(kept)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ledgers of millions of entries are not made here: the levels above are looked at alone.
    #[test]
    fn a_hash_of_an_upper_level_stands_at_the_first_of_its_entries() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::new(dir.path());
        let hashes: Vec<[u8; 32]> = (0..256).map(|n| [n as u8; 32]).collect();
        let mut upper = Upper { folder: &folder, ledger: Ledger::Reasoning, pending: Vec::new(), compared: 0 };
        for (level, index, span) in [(0, 0, 1 << 8), (0, 3, 1 << 8), (1, 2, 1 << 16), (2, 5, 1_u64 << 24)] {
            let path = folder.file(TilePath { level: Some(level as u8 + 1), index, width: WIDTH });
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            for (number, at) in [(0, index * 256), (7, index * 256 + 7), (255, index * 256 + 255)] {
                let mut bytes = hashes.concat();
                bytes[number * 32 + 31] ^= 0x80;
                std::fs::write(&path, bytes).unwrap();
                let failure = upper.compare(level, index, &hashes).unwrap_err();
                assert_eq!(failure.check, "TILE_HASH");
                assert_eq!((failure.ledger, failure.index), (Some(Ledger::Reasoning), Some(at * span)));
                assert!(failure.expected.starts_with(&Digest::from_bytes(hashes[number]).to_string()), "{failure}");
            }
            std::fs::write(&path, hashes.concat()).unwrap();
            upper.compare(level, index, &hashes).unwrap();
            std::fs::write(&path, hashes[..9].concat()).unwrap();
            let cut = upper.compare(level, index, &hashes).unwrap_err();
            assert_eq!((cut.index, cut.found.as_str()), (Some((index * 256 + 9) * span), "no hash"));
        }
        assert_eq!(upper.compared, 4 * 5, "those that are wrong were compared too");
    }

    #[test]
    fn full_tiles_are_compared_as_they_fill_and_the_edge_at_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::new(dir.path());
        let put = |level, index, hashes: &[[u8; 32]]| {
            let path = folder.file(TilePath { level: Some(level), index, width: hashes.len() as u64 });
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, hashes.concat()).unwrap();
        };
        let roots: Vec<[u8; 32]> = (0..600_u32).map(|n| *Digest::of(&n.to_be_bytes()).as_bytes()).collect();
        let mut above = Vec::new();
        for (index, chunk) in (0..).zip(roots.chunks(256)) {
            put(1, index, chunk);
            if chunk.len() == 256 {
                above.push(*full_root(chunk).as_bytes());
            }
        }
        put(2, 0, &above);
        let mut upper = Upper { folder: &folder, ledger: Ledger::Evidence, pending: Vec::new(), compared: 0 };
        let mut counts = Vec::new();
        for (number, root) in (1..).zip(&roots) {
            let before = upper.compared;
            upper.push(0, Digest::from_bytes(*root)).unwrap();
            if upper.compared > before {
                counts.push(number);
            }
        }
        assert_eq!(counts, [256, 512]);
        upper.edge().unwrap();
        assert_eq!(upper.compared, 4);
        let fresh = || Upper { folder: &folder, ledger: Ledger::Evidence, pending: Vec::new(), compared: 0 };
        put(2, 0, &[above[0], above[0]]);
        let mut upper = fresh();
        roots.iter().try_for_each(|root| upper.push(0, Digest::from_bytes(*root))).unwrap();
        assert_eq!(upper.edge().unwrap_err().index, Some(65_536));
    }
}
