//! When this node writes a snapshot by itself: once the log behind the last one has grown to a size worth it, and when
//! the last one is damaged. Bytes of applied entries are counted, so no clock decides. Decision 0021.

use crate::store::Store;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Bytes that an entry takes in the log besides its submissions: place, time, lengths and digest. So entries without any
/// submission count too.
const FRAME: u64 = 64;
/// Entries whose sizes are looked at after a start.
const SAMPLES: u64 = 64;

/// Whether so many bytes of log behind a snapshot of so many bytes are worth another one. Writing what the last snapshot
/// held again costs at most two bytes for each byte of the log, whatever the size of the state.
fn is_due(log: u64, snapshot: u64, least: u64) -> bool {
    log >= least.max(snapshot / 2)
}

/// Bytes that count for an entry with these submissions.
pub(super) fn weight<'a>(submissions: impl IntoIterator<Item = &'a [u8]>) -> u64 {
    submissions.into_iter().fold(FRAME, |sum, submission| sum.saturating_add(submission.len() as u64))
}

/// What is known about the snapshots of this node.
pub(in crate::raft) struct Snapshots {
    least: u64,
    known: Mutex<Known>,
    /// Told when another snapshot is wanted.
    pub wanted: Notify,
}

#[derive(Default)]
struct Known {
    /// Bytes of the log applied since the last snapshot was begun.
    log: u64,
    /// Bytes of the current snapshot; 0 when there is none.
    snapshot: u64,
    /// One is being written.
    building: bool,
    /// Which nodes refused the current snapshot as damaged, so that it was looked at, each with its name then.
    looked: BTreeMap<u64, String>,
    /// The current snapshot, when it is damaged.
    damaged: Option<String>,
}

impl Known {
    fn wants(&self, least: u64) -> bool {
        !self.building && (self.damaged.is_some() || is_due(self.log, self.snapshot, least))
    }
}

impl Snapshots {
    /// Begins with what the store holds. `least` bytes of log are behind every snapshot that is written for its size.
    pub(in crate::raft) fn new(store: &Store, least: u64) -> Self {
        let (from, snapshot) = match store.state.current_snapshot() {
            // One whose size cannot be read counts as a small one: the next is written the sooner.
            Some((meta, file)) => (meta.applied.position, file.file.len().unwrap_or(0)),
            None => (store.log.purged().unwrap_or(None), 0),
        };
        let log = behind(store, from.map_or(0, |at| at.index));
        Self { least, known: Mutex::new(Known { log, snapshot, ..Known::default() }), wanted: Notify::new() }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether another snapshot is to be written now.
    pub(in crate::raft) fn is_wanted(&self) -> bool {
        self.known().wants(self.least)
    }

    /// Counts applied entries of this weight.
    pub(super) fn applied(&self, bytes: u64) {
        let mut known = self.known();
        known.log = known.log.saturating_add(bytes);
        // Said again with each entry while it is so: the consensus does not hear it while it ends another build.
        if known.wants(self.least) {
            self.wanted.notify_one();
        }
    }

    /// A snapshot of what is applied now is begun; what is applied meanwhile counts for the next one.
    pub(super) fn begun(&self) {
        let mut known = self.known();
        known.building = true;
        known.log = 0;
    }

    /// A snapshot of this size is the current one.
    pub(super) fn kept(&self, bytes: u64) {
        let mut known = self.known();
        *known = Known { log: known.log, snapshot: bytes, ..Known::default() };
    }

    /// Whether to look at a snapshot that a node refused as damaged: once for each node, so that none can make this one
    /// read its disk for ever.
    pub(in crate::raft) fn may_look(&self, node: u64, name: &str) -> bool {
        self.known().looked.insert(node, name.to_owned()).is_none_or(|before| before != name)
    }

    /// The current snapshot is damaged: it is not sent any more, and another one is wanted in its place.
    pub(in crate::raft) fn damaged(&self, name: &str) {
        self.known().damaged = Some(name.to_owned());
        self.wanted.notify_one();
    }

    /// Whether this snapshot is known to be damaged. Asking says again that another one is wanted.
    pub(in crate::raft) fn is_damaged(&self, name: &str) -> bool {
        let damaged = self.known().damaged.as_deref() == Some(name);
        if damaged {
            self.wanted.notify_one();
        }
        damaged
    }
}

/// About how many bytes of the log lie behind an index, from the sizes of a few entries: a node that starts often must not
/// count from zero each time, and to read them all could take long.
fn behind(store: &Store, index: u64) -> u64 {
    // One that cannot be read counts as none here; whoever needs it says so.
    let end = store.state.applied().ok().flatten().and_then(|applied| applied.position).map_or(0, |at| at.index);
    let entries = end.saturating_sub(index);
    let step = usize::try_from(entries.div_ceil(SAMPLES).max(1)).unwrap_or(usize::MAX);
    let (mut bytes, mut found) = (0u64, 0u64);
    for at in (index.saturating_add(1)..=end).step_by(step) {
        for (_, entry) in store.log.read(at, at.saturating_add(1), 0).unwrap_or_default() {
            bytes = bytes.saturating_add(weight([&entry[..]]));
            found += 1;
        }
    }
    bytes.checked_div(found).unwrap_or(0).saturating_mul(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{AppliedMark, Identity, LogId};
    use selfsame_env::sim_disk::SimDisk;
    use selfsame_machine::view::Changes;
    use std::sync::Arc;

    const MIB: u64 = 1 << 20;

    fn snapshots(log: u64, snapshot: u64) -> Snapshots {
        let known = Mutex::new(Known { log, snapshot, ..Known::default() });
        Snapshots { least: 64 * MIB, known, wanted: Notify::new() }
    }

    #[test]
    fn a_snapshot_is_due_behind_half_its_size_of_log_and_never_behind_little() {
        assert!(!is_due(0, 0, 64 * MIB));
        assert!(!is_due(64 * MIB - 1, 0, 64 * MIB));
        assert!(is_due(64 * MIB, 0, 64 * MIB));
        assert!(is_due(64 * MIB, 128 * MIB, 64 * MIB));
        assert!(!is_due(64 * MIB, 130 * MIB, 64 * MIB));
        assert!(!is_due(3_499 * MIB, 7_000 * MIB, 64 * MIB));
        assert!(is_due(3_500 * MIB, 7_000 * MIB, 64 * MIB));
    }

    /// The promise: what snapshots repeat stays below two bytes for each byte of log, with a state that does not grow and
    /// with one that grows by twice the log.
    #[test]
    fn what_is_written_again_is_bounded_by_the_log() {
        for growth in [0, 2] {
            let (mut state, mut log, mut again) = (7_000 * MIB, 0, 0);
            let snapshots = snapshots(0, state);
            for _ in 0..100_000 {
                log += MIB;
                state += growth * MIB;
                snapshots.applied(MIB);
                if snapshots.is_wanted() {
                    again += snapshots.known().snapshot;
                    snapshots.begun();
                    snapshots.kept(state);
                }
            }
            assert!(again > 0 && again <= 2 * log, "{again} behind {log}");
        }
    }

    #[test]
    fn what_is_applied_while_one_is_written_counts_for_the_next() {
        let snapshots = snapshots(0, 0);
        snapshots.applied(64 * MIB);
        assert!(snapshots.is_wanted());
        snapshots.begun();
        snapshots.applied(65 * MIB);
        assert!(!snapshots.is_wanted(), "one at a time");
        snapshots.kept(10 * MIB);
        assert!(snapshots.is_wanted());
    }

    #[test]
    fn a_damaged_one_is_replaced_and_looked_at_once_for_each_node() {
        let snapshots = snapshots(0, 10 * MIB);
        assert!(snapshots.may_look(2, "a") && !snapshots.may_look(2, "a") && snapshots.may_look(3, "a"));
        assert!(!snapshots.is_damaged("a") && !snapshots.is_wanted());
        snapshots.damaged("a");
        assert!(snapshots.is_damaged("a") && snapshots.is_wanted());
        snapshots.begun();
        snapshots.kept(10 * MIB);
        // A later one may have the name again.
        assert!(!snapshots.is_damaged("a") && !snapshots.is_wanted() && snapshots.may_look(2, "a"));
    }

    #[test]
    fn a_start_counts_on_from_what_the_log_holds() {
        let identity = Identity { cluster: "test".into(), genesis: "g".into(), node: 1 };
        let store = Store::open(Arc::new(SimDisk::new()), &identity).unwrap();
        let mark = |index| {
            let position = Some(LogId { term: 1, node: 1, index });
            AppliedMark { position, membership: String::new(), digest: String::new() }
        };
        let rows: Vec<_> = (1..=1_000).map(|index| (index, vec![1; 1_000].into())).collect();
        store.log.append(&rows).unwrap();
        store.state.commit(Changes::new(), mark(500)).unwrap();
        let (meta, file) = store.state.export().unwrap();
        store.state.set_current_snapshot(meta, file.clone()).unwrap();
        store.state.commit(Changes::new(), mark(900)).unwrap();
        let snapshots = Snapshots::new(&store, MIB);
        let known = snapshots.known();
        assert_eq!((known.log, known.snapshot), (400 * (1_000 + FRAME), file.file.len().unwrap()));
    }
}
