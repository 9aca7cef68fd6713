//! A new node from a backup: it begins where the backup ends, as a learner that was given a snapshot does, and gets the
//! rest from the cluster.
//!
//! Sound for a node that never was a member: it has given no vote and acknowledged no entry that it could forget. What the
//! backup holds was committed, which its checkpoints show as far as they go; what is behind them is compared by the state
//! digests of the members once the node follows. A member that lost its disk must not come back this way under its old id.

use super::{BackupError, Whose, refused};
use crate::store::{SnapshotFile, Store};
use selfsame_env::Disk;
use selfsame_offline::backup::MAGIC;
use selfsame_offline::{Options, verify};
use serde_json::Value;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom};
use std::path::Path;

/// What was restored.
#[derive(Debug)]
pub struct Restored {
    /// Log index at which the node begins.
    pub index: u64,
    /// What the verification of the backup says.
    pub verified: Value,
}

/// Verifies a backup and puts its state into the store of a new node. `store` makes the directory once everything else is
/// known to be right.
pub fn restore(
    path: &Path,
    whose: &Whose<'_>,
    disk: &dyn Disk,
    store: impl FnOnce() -> Result<Store, BackupError>,
    options: &Options,
    progress: &mut dyn FnMut(&str, u64, u64),
) -> Result<Restored, BackupError> {
    let failed = |error| BackupError::File { path: path.to_owned(), error };
    if Store::exists(disk).map_err(failed)? {
        return Err(refused("the data directory holds a node already: restore into an empty directory", "", ""));
    }
    let verified = verify(path, options, progress).map_err(BackupError::Failed)?;
    if verified.file_kind != "backup" {
        return Err(refused(
            "the file is no backup: make one with `selfsame node backup`",
            "a backup",
            verified.file_kind,
        ));
    }
    let said = |member: &str| verified.detail[member].as_str().unwrap_or_default().to_owned();
    for (rule, member, expected) in [
        ("the backup is of another cluster", "cluster", whose.cluster),
        ("the backup is of another consensus identity", "genesis", &whose.genesis),
    ] {
        if said(member) != expected {
            return Err(refused(rule, expected, said(member)));
        }
    }
    if names(&verified.detail["membership"], whose.node) {
        let expected = "an id that was no member when the backup was taken";
        return Err(refused(
            "this node was a member, and has forgotten its votes: restore under a new id",
            expected,
            whose.node,
        ));
    }
    let store = store()?;
    let put = put(path, &store, progress);
    store.close();
    let index = put?;
    Ok(Restored { index, verified: serde_json::json!(verified) })
}

/// Whether a membership, in the consensus layer's JSON, knows a node: as a key or as a member of a set of voters.
fn names(membership: &Value, id: u64) -> bool {
    match membership {
        Value::Object(members) => {
            let known = members.get("nodes").is_some_and(|nodes| nodes.get(id.to_string()).is_some());
            known || members.values().any(|value| names(value, id))
        }
        Value::Array(sets) => sets.iter().any(|set| match set {
            Value::Array(voters) => voters.iter().any(|voter| voter.as_u64() == Some(id)),
            other => names(other, id),
        }),
        _ => false,
    }
}

/// Copies the snapshot out of the backup into the directory and takes it for the state.
fn put(path: &Path, store: &Store, progress: &mut dyn FnMut(&str, u64, u64)) -> Result<u64, BackupError> {
    let failed = |error| BackupError::File { path: path.to_owned(), error };
    let snapshot = store.state.new_snapshot_file(0).map_err(failed)?;
    copy(path, &snapshot, progress).map_err(failed)?;
    let imported = store.state.import(&snapshot);
    store.state.remove_snapshot(&snapshot.name).map_err(failed)?;
    let meta = imported?;
    let Some(position) = meta.applied.position else {
        return Err(refused("the backup holds no applied entry: there is nothing to restore", "", ""));
    };
    // As after a snapshot from the leader: the log begins behind it.
    store.log.purge(position)?;
    Ok(position.index)
}

fn copy(path: &Path, snapshot: &SnapshotFile, progress: &mut dyn FnMut(&str, u64, u64)) -> io::Result<()> {
    let mut file = BufReader::with_capacity(256 << 10, File::open(path)?);
    let mut head = [0; MAGIC.len() + 4];
    file.read_exact(&mut head)?;
    let header = head[MAGIC.len()..].iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    let begin = head.len() as u64 + header;
    let end = file.get_ref().metadata()?.len().saturating_sub(32);
    file.seek(SeekFrom::Start(begin))?;
    let mut rest = file.take(end.saturating_sub(begin));
    let (mut block, mut at) = (vec![0; 256 << 10], 0);
    loop {
        let read = rest.read(&mut block)?;
        if read == 0 {
            break;
        }
        snapshot.file.write(at, &block[..read])?;
        at += read as u64;
        progress("bytes restored", at, end - begin);
    }
    snapshot.file.sync()
}
