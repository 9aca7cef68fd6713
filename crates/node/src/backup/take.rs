//! Taking a backup.

use super::{BackupError, Whose, refused};
use crate::cosign::Archive;
use crate::store::{Identity, SnapshotFile, SnapshotMeta, Store};
use selfsame_env::{DirDisk, Disk, DiskFile, ReadDir};
use selfsame_machine::trees::head_key;
use selfsame_machine::view::Table;
use selfsame_offline::backup::{BackupHeader, PublishedCheckpoints, TYPE, write};
use selfsame_offline::files::{self, Unfinished};
use selfsame_offline::{Options, verify};
use selfsame_protocol::ledger::{Ledger, PerLedger};
use selfsame_protocol::merkle::Frontier;
use selfsame_protocol::note::{Checkpoint, Note};
use selfsame_protocol::number::NodeId;
use selfsame_protocol::time::Timestamp;
use std::io::{self, BufWriter, Read, Write as _};
use std::path::Path;
use std::sync::Arc;

/// What was taken.
#[derive(Debug)]
pub struct BackupTaken {
    /// Whether the node was running, so that this is its newest snapshot and not its last state.
    pub running: bool,
    /// Bytes of the file.
    pub bytes: u64,
    /// Log index of the state.
    pub index: u64,
    /// What its verification says.
    pub verified: serde_json::Value,
}

/// Reads a file of a data directory from its beginning.
struct Reading(Arc<dyn DiskFile>, u64);

impl Read for Reading {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let left = self.0.len()?.saturating_sub(self.1);
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(out.len());
        self.0.read(self.1, &mut out[..length])?;
        self.1 += length as u64;
        Ok(length)
    }
}

/// Takes a backup of the node in `data` into a new file: written under another name, verified, made durable, and only then
/// given its name. `options` are whom to believe about its checkpoints; without keys they are only read.
pub fn take(
    data: &Path,
    whose: &Whose<'_>,
    target: &Path,
    taken: Timestamp,
    options: &Options,
    progress: &mut dyn FnMut(&str, u64, u64),
) -> Result<BackupTaken, BackupError> {
    let read = ReadDir::new(data);
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error| BackupError::File { path, error }
    };
    if !Store::exists(&read).map_err(failed(data))? {
        return Err(refused("there is no node's data in this directory: check node.data_dir", "", data.display()));
    }
    if files::unused(target).is_err() {
        return Err(refused(
            "the file exists already, and a backup is a new file: choose another name",
            "",
            target.display(),
        ));
    }
    match DirDisk::open(data) {
        Ok(disk) => {
            let disk: Arc<dyn Disk> = Arc::new(disk);
            let identity =
                Identity { cluster: whose.cluster.to_owned(), genesis: whose.genesis.clone(), node: whose.node };
            let store = Store::open(disk.clone(), &identity)?;
            let exported = store.state.export();
            let made = exported.map_err(BackupError::from).and_then(|(_, snapshot)| {
                let made = copy(&*disk, &snapshot, whose, target, taken, options, progress);
                // Whether it is needed or not: the node makes its own.
                store.state.remove_snapshot(&snapshot.name).map_err(failed(data))?;
                made
            });
            store.close();
            made
        }
        Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
            let snapshot = SnapshotFile::newest(&read).map_err(failed(data))?;
            let Some(snapshot) = snapshot else {
                return Err(refused(
                    "the running node has no whole snapshot to copy: ask it for one, without --as-it-is or with `selfsame cluster snapshot`",
                    "",
                    "",
                ));
            };
            let made = copy(&read, &snapshot, whose, target, taken, options, progress)?;
            Ok(BackupTaken { running: true, ..made })
        }
        Err(error) => Err(failed(data)(error)),
    }
}

/// Sizes of both ledgers in a snapshot.
fn sizes(rows: &[(Vec<u8>, Vec<u8>)]) -> PerLedger<u64> {
    PerLedger::from_fn(|ledger| {
        let row = rows.iter().find(|(key, _)| *key == head_key(ledger));
        row.and_then(|(_, value)| Frontier::from_bytes(value).ok()).map_or(0, |tree| tree.size())
    })
}

/// The newest note of each ledger whose entries are all there.
fn checkpoints(notes: &[String], sizes: PerLedger<u64>) -> PublishedCheckpoints {
    let newest = |ledger: Ledger| {
        let fitting = notes.iter().filter_map(|text| {
            let note = Note::parse(text.as_bytes()).ok()?;
            let checkpoint = Checkpoint::parse(&note.text).ok()?;
            let fits = checkpoint.origin.ends_with(&format!("/{ledger}")) && checkpoint.size <= sizes[ledger];
            fits.then_some((checkpoint.size, text))
        });
        fitting.max_by_key(|(size, _)| *size).map(|(_, text)| text.clone())
    };
    PublishedCheckpoints { evidence: newest(Ledger::Evidence), reasoning: newest(Ledger::Reasoning) }
}

fn copy(
    disk: &dyn Disk,
    snapshot: &SnapshotFile,
    whose: &Whose<'_>,
    target: &Path,
    taken: Timestamp,
    options: &Options,
    progress: &mut dyn FnMut(&str, u64, u64),
) -> Result<BackupTaken, BackupError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error| BackupError::File { path, error }
    };
    let (SnapshotMeta { cluster, genesis, applied }, rows) = snapshot.verify_with(Table::Meta)?;
    for (rule, expected, found) in [
        ("the data is of another cluster than the node file names", whose.cluster, &cluster),
        ("the data is of another consensus identity than the node file names", &whose.genesis, &genesis),
    ] {
        if expected != found {
            return Err(refused(rule, expected, found));
        }
    }
    let notes = Archive::peek(disk).map_err(failed(Path::new("published notes")))?;
    let header = BackupHeader {
        backup: TYPE.into(),
        checkpoints: checkpoints(&notes, sizes(&rows)),
        cluster,
        genesis,
        node: NodeId(whose.node),
        taken,
    };
    let mut out = Unfinished::of(target).map_err(failed(target))?;
    let part = out.path().to_owned();
    let length = snapshot.file.len().map_err(failed(Path::new(&snapshot.name)))?;
    let mut attempt = || -> io::Result<u64> {
        let mut out = BufWriter::with_capacity(256 << 10, &mut out);
        let mut reading = Reading(snapshot.file.clone(), 0);
        let bytes = write(&mut out, &header, &mut reading, |done| progress("bytes written", done, length))?;
        out.flush()?;
        Ok(bytes)
    };
    let bytes = attempt().map_err(failed(target))?;
    // What was written is what holds: a backup that nobody could use is not kept.
    let verified = match verify(&part, options, progress) {
        Ok(verified) => serde_json::json!(verified),
        // A young cluster has nothing published; the file says so, and what is there was checked before.
        Err(failure) if failure.check == "CHECKPOINT_MISSING" && options.policy.is_none() => {
            serde_json::json!({"failure": failure})
        }
        Err(failure) => return Err(BackupError::Failed(failure)),
    };
    out.place_new().map_err(failed(target))?;
    let index = applied.position.map_or(0, |position| position.index);
    Ok(BackupTaken { running: false, bytes, index, verified })
}
