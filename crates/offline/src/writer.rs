//! Writing a ledger into a folder as it arrives, hashed on the way: entry bundles and tiles as they fill, the checkpoint
//! last, once the root of what was written is the checkpoint's.
//!
//! A folder that stands already is continued. Full bundles whose tile stands beside them are kept; everything is hashed
//! again from the tiles on, so that a folder that does not lead to the new checkpoint is found. A file is written under
//! another name first and then renamed: a process that dies leaves no half of one. All files are made durable before the
//! checkpoint that speaks for them; what stands behind the last checkpoint may have lost its content with the power, and
//! its entries are hashed against their tile before they are kept.

use super::folder::Folder;
use super::report::{Failure, altered, undecided};
use crate::files;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::leaf_header;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::merkle::layout::{TilePath, WIDTH, entries, push_entry};
use selfsame_protocol::merkle::{Frontier, full_root, leaf_hash};
use selfsame_protocol::note::{Checkpoint, Note};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// What was written.
#[derive(Clone, Debug, Serialize)]
pub struct Exported {
    /// Which ledger.
    pub ledger: Ledger,
    /// Its origin.
    pub origin: String,
    /// Entries in the folder.
    pub size: u64,
    /// Their root.
    pub root: Digest,
    /// Entries that were fetched; the others stood there.
    pub fetched: u64,
    /// Bytes of the entries fetched.
    pub bytes: u64,
    /// Files written.
    pub files: u64,
}

/// A ledger being written.
pub struct Writer {
    folder: Folder,
    ledger: Ledger,
    old: Option<Checkpoint>,
    tree: Frontier,
    bundle: Vec<u8>,
    /// For each level from 0 on: full tiles written, and the hashes of the next one.
    levels: Vec<(u64, Vec<[u8; 32]>)>,
    fetched: u64,
    bytes: u64,
    written: Vec<PathBuf>,
}

impl Writer {
    /// Begins in a folder, or continues there.
    pub fn open(path: &Path, ledger: Ledger) -> Result<Writer, Failure> {
        let folder = Folder::new(path);
        let old = match path.join("checkpoint").exists() {
            false => None,
            true => {
                let text = folder.checkpoint()?;
                let read = Note::parse(text.as_bytes()).and_then(|note| Checkpoint::parse(&note.text));
                Some(read.map_err(|error| altered("CHECKPOINT_FORM", None, "the checkpoint of an export", error))?)
            }
        };
        let mut writer = Writer {
            folder,
            ledger,
            old,
            tree: Frontier::default(),
            bundle: Vec::new(),
            levels: Vec::new(),
            fetched: 0,
            bytes: 0,
            written: Vec::new(),
        };
        writer.check_old()?;
        writer.keep()?;
        Ok(writer)
    }

    /// Takes over the full bundles that stand in the folder with their tiles.
    fn keep(&mut self) -> Result<(), Failure> {
        let (mut tile, mut bundle) = (Vec::new(), Vec::new());
        let durable = self.old.as_ref().map_or(0, |old| old.size);
        for index in 0.. {
            let whole = |level| TilePath { level, index, width: WIDTH };
            let stands = self.folder.file(whole(None)).exists() && self.folder.file(whole(Some(0))).exists();
            if !stands {
                break;
            }
            self.folder.read(whole(Some(0)), &mut tile)?;
            if tile.len() as u64 != WIDTH * 32 {
                break;
            }
            if (index + 1) * WIDTH > durable {
                self.folder.read(whole(None), &mut bundle)?;
                let hashes = entries(&bundle, WIDTH).map(|found| found.into_iter().map(leaf_hash).collect::<Vec<_>>());
                let same = |hashes: &Vec<Digest>| hashes.iter().flat_map(|hash| hash.as_bytes()).eq(&tile);
                if !hashes.is_ok_and(|hashes| same(&hashes)) {
                    break;
                }
            }
            for hash in tile.as_chunks::<32>().0 {
                self.hash(*hash)?;
            }
        }
        Ok(())
    }

    /// Index of the entry that is wanted next.
    pub fn next(&self) -> u64 {
        self.tree.size()
    }

    /// The next entry.
    pub fn push(&mut self, leaf: &[u8]) -> Result<(), Failure> {
        let at = self.next();
        let named = leaf_header::read(leaf).map(|edges| (edges.ledger, edges.index));
        if named != Some((self.ledger, at)) {
            let found = named.map_or("no entry".into(), |(ledger, index)| format!("{ledger} entry {index}"));
            return Err(altered("ENTRY_INDEX", Some((self.ledger, at)), format!("{} entry {at}", self.ledger), found));
        }
        push_entry(&mut self.bundle, leaf)
            .ok_or_else(|| altered("ENTRY_FORM", Some((self.ledger, at)), "at most 65535 bytes", leaf.len()))?;
        self.fetched += 1;
        self.bytes += leaf.len() as u64;
        if (at + 1).is_multiple_of(WIDTH) {
            // Before the tile: a tile that stands says that its entries do.
            let bundle = std::mem::take(&mut self.bundle);
            self.put(TilePath { level: None, index: at / WIDTH, width: WIDTH }, &bundle)?;
        }
        self.hash(*leaf_hash(leaf).as_bytes())
    }

    fn hash(&mut self, hash: [u8; 32]) -> Result<(), Failure> {
        self.tree.append(Digest::from_bytes(hash));
        self.check_old()?;
        self.climb(0, hash)
    }

    /// At the size of the checkpoint that stood here, the root must be its root.
    fn check_old(&self) -> Result<(), Failure> {
        match &self.old {
            Some(old) if old.size == self.tree.size() && old.root != self.tree.root() => {
                let expected = format!("{} at size {}, kept in {}", old.root, old.size, self.folder.path().display());
                let at = Failure { ledger: Some(self.ledger), ..altered("FORK", None, expected, self.tree.root()) };
                Err(at)
            }
            _ => Ok(()),
        }
    }

    fn climb(&mut self, level: usize, hash: [u8; 32]) -> Result<(), Failure> {
        if self.levels.len() <= level {
            self.levels.push((0, Vec::with_capacity(WIDTH as usize)));
        }
        let (next, hashes) = &mut self.levels[level];
        hashes.push(hash);
        if (hashes.len() as u64) < WIDTH {
            return Ok(());
        }
        let (index, hashes) = (*next, std::mem::take(hashes));
        *next += 1;
        let level_number = u8::try_from(level).unwrap_or(u8::MAX);
        self.put(TilePath { level: Some(level_number), index, width: WIDTH }, &hashes.concat())?;
        self.climb(level + 1, *full_root(&hashes).as_bytes())
    }

    /// Writes a file unless it stands there with the same bytes.
    fn put(&mut self, tile: TilePath, bytes: &[u8]) -> Result<(), Failure> {
        let path = self.folder.file(tile);
        if std::fs::read(&path).is_ok_and(|kept| kept == bytes) {
            return Ok(());
        }
        write(&path, bytes)?;
        self.written.push(path);
        Ok(())
    }

    /// The right edge and the checkpoint, whose signatures the caller verified. The folder is left without the new
    /// checkpoint when its root is another one.
    pub fn finish(mut self, note: &str, checkpoint: &Checkpoint) -> Result<Exported, Failure> {
        let size = self.tree.size();
        if let Some(old) = self.old.as_ref().filter(|old| old.size > checkpoint.size) {
            return Err(undecided(
                "CHECKPOINT_SIZE",
                format!("a size of {} or more, as kept in {}", old.size, self.folder.path().display()),
                checkpoint.size,
            ));
        }
        if size != checkpoint.size {
            return Err(undecided("CHECKPOINT_SIZE", checkpoint.size, size));
        }
        if self.tree.root() != checkpoint.root {
            let expected = format!("{}; if the folder was damaged, export into another one", checkpoint.root);
            return Err(Failure {
                ledger: Some(self.ledger),
                ..altered("TREE_ROOT", None, expected, self.tree.root())
            });
        }
        if !self.bundle.is_empty() {
            let bundle = std::mem::take(&mut self.bundle);
            self.put(TilePath { level: None, index: size / WIDTH, width: size % WIDTH }, &bundle)?;
        }
        for (level, (index, hashes)) in (0_u8..).zip(std::mem::take(&mut self.levels)) {
            if !hashes.is_empty() {
                let width = hashes.len() as u64;
                self.put(TilePath { level: Some(level), index, width }, &hashes.concat())?;
            }
        }
        let unwritable = |error: std::io::Error| undecided("FILE_UNWRITABLE", self.folder.path().display(), error);
        let folder = self.folder.path();
        // An empty ledger has nothing but its checkpoint.
        std::fs::create_dir_all(folder).map_err(unwritable)?;
        files::sync_all(folder, &self.written).map_err(unwritable)?;
        files::replace(&folder.join("checkpoint"), note.as_bytes()).map_err(unwritable)?;
        self.tidy(size);
        Ok(Exported {
            ledger: self.ledger,
            origin: checkpoint.origin.clone(),
            size,
            root: checkpoint.root,
            fetched: self.fetched,
            bytes: self.bytes,
            files: self.written.len() as u64 + 1,
        })
    }

    /// Removes the partial files of the checkpoint before, so that one size has one set of files.
    fn tidy(&self, size: u64) {
        let edge = |size: u64| {
            TilePath::levels(size)
                .filter(|(_, _, width)| *width > 0)
                .map(|(level, index, width)| TilePath { level, index, width })
                .collect::<Vec<_>>()
        };
        let now = edge(size);
        for stale in edge(self.old.as_ref().map_or(0, |old| old.size)) {
            if !now.contains(&stale) {
                let path = self.folder.file(stale);
                // A file that is gone already, or a folder with others in it, is fine as it is.
                let _ = std::fs::remove_file(&path);
                let _ = path.parent().map(std::fs::remove_dir);
            }
        }
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let attempt = || {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        files::replace_unsynced(path, bytes)
    };
    attempt().map_err(|error: std::io::Error| undecided("FILE_UNWRITABLE", path.display(), error))
}
