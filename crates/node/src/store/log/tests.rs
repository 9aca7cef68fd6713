//! What the log promises, on a disk that loses, damages and misplaces.

use super::frame::{self, SECTOR};
use super::segment::{self, GROW, name};
use crate::store::{AppliedMark, Identity, LogId, LogRow, OpenError, Store, StoreOptions, StoredVote};
use bytes::Bytes;
use proptest::prelude::*;
use selfsame_env::Disk as _;
use selfsame_env::sim_disk::{Effect, Faults, Loss, Op, SimDisk, Target, Trap};
use std::sync::Arc;

fn open_with(disk: &SimDisk, segment_bytes: u64) -> Result<Store, OpenError> {
    let identity = Identity { cluster: "test".into(), genesis: "sha256:00".into(), node: 1 };
    Store::open_with(Arc::new(disk.clone()), &identity, &StoreOptions { segment_bytes, ..StoreOptions::default() })
}

fn open(disk: &SimDisk) -> Store {
    open_with(disk, 4_096).unwrap()
}

fn damage(disk: &SimDisk) -> String {
    match open_with(disk, 4_096) {
        Err(error @ OpenError::Damaged { .. }) => error.to_string(),
        other => panic!("{:?}", other.map(|store| store.log.last())),
    }
}

fn row(index: u64, len: usize) -> LogRow {
    (index, Bytes::from(vec![index as u8 | 1; len]))
}

fn all(store: &Store) -> Vec<LogRow> {
    store.log.read(0, u64::MAX, usize::MAX).unwrap()
}

fn at(index: u64) -> LogId {
    LogId { term: 1, node: 1, index }
}

/// The state holds the effects of the entries up to here.
fn apply(store: &Store, index: u64) {
    let mark = AppliedMark { position: Some(at(index)), membership: String::new(), digest: String::new() };
    store.state.commit(selfsame_machine::view::Changes::new(), mark).unwrap();
    store.state.sync().unwrap();
}

fn segments(disk: &SimDisk) -> Vec<String> {
    disk.list().unwrap().into_iter().filter(|name| segment::is_segment(name)).collect()
}

#[test]
fn segments_follow_each_other_and_go_when_all_their_entries_are_purged() {
    let disk = SimDisk::new();
    let store = open(&disk);
    for index in 1..=20 {
        store.log.append(&[row(index, 1_000)]).unwrap();
    }
    let rows: Vec<_> = (1..=20).map(|index| row(index, 1_000)).collect();
    assert_eq!(all(&store), rows, "from memory");
    let before = segments(&disk);
    assert!(before.len() > 4, "{before:?}");
    apply(&store, 15);
    let gone = store.log.purge(at(15)).unwrap();
    assert_eq!(segments(&disk), before);
    store.log.remove(&gone).unwrap();
    let after = segments(&disk);
    assert!(after.len() < before.len() && before.ends_with(&after), "{after:?}");
    assert_eq!(all(&store), rows[15..]);
    // What a crash left in the way: a segment that was begun and not recorded, one that was purged and not removed.
    for leftover in [1, 99] {
        disk.open(&name(leftover), true).unwrap().set_len(3).unwrap();
    }
    drop(store);
    let store = open(&disk);
    assert_eq!(segments(&disk), after);
    assert_eq!(all(&store), rows[15..], "from the disk");
    assert_eq!(store.log.read(17, 20, 1_500).unwrap(), rows[16..17]);
    assert_eq!(store.log.read(3, 17, usize::MAX).unwrap(), rows[15..16]);
    assert!(store.log.append(&[row(22, 1)]).is_err(), "a gap");
    assert!(store.log.append(&[row(15, 1)]).is_err(), "purged");
    // A snapshot that is ahead of the log: what follows begins behind it.
    apply(&store, 50);
    store.log.purge(at(50)).unwrap();
    assert_eq!((all(&store), store.log.last().unwrap()), (Vec::new(), None));
    store.log.append(&[row(51, 1), row(52, 1)]).unwrap();
    drop(store);
    assert_eq!(all(&open(&disk)), [row(51, 1), row(52, 1)]);
}

#[test]
fn what_was_truncated_or_replaced_does_not_come_back() {
    let disk = SimDisk::new();
    let store = open(&disk);
    store.log.append(&(1..=9).map(|index| row(index, 900)).collect::<Vec<_>>()).unwrap();
    store.log.truncate(7).unwrap();
    store.log.truncate(8).unwrap();
    assert_eq!(all(&store).len(), 6);
    disk.crash_with(Loss::All, || 0);
    let store = open(&disk);
    assert_eq!(all(&store), (1..=6).map(|index| row(index, 900)).collect::<Vec<_>>());
    store.log.append(&[row(4, 5), row(5, 5)]).unwrap();
    for store in [store, open(&disk)] {
        let found = all(&store);
        assert_eq!((found.len(), &found[3..]), (5, &[row(4, 5), row(5, 5)][..]));
    }
}

// shows: X-02
#[test]
fn what_a_killed_process_wrote_and_did_not_sync_is_durable_once_it_was_read() {
    let disk = SimDisk::new();
    let store = open(&disk);
    store.log.write(&[row(1, 10)]).unwrap();
    disk.crash_with(Loss::Nothing, || 0);
    assert_eq!(all(&open(&disk)), [row(1, 10)]);
    disk.crash_with(Loss::All, || 0);
    assert_eq!(all(&open(&disk)), [row(1, 10)]);
}

#[test]
fn entries_are_durable_once_they_were_synced_and_what_takes_their_place_is_not() {
    let disk = SimDisk::new();
    let store = open(&disk);
    let durable = |store: &Store| (0..9).take_while(|index| store.log.is_durable(*index)).count();
    store.log.write(&[row(0, 10), row(1, 10)]).unwrap();
    assert_eq!(durable(&store), 0);
    store.log.sync().unwrap();
    assert_eq!(durable(&store), 2);
    store.log.write(&[row(1, 10), row(2, 10)]).unwrap();
    assert_eq!(durable(&store), 1);
    store.log.truncate(1).unwrap();
    store.log.write(&[row(1, 10)]).unwrap();
    assert_eq!(durable(&store), 1);
    disk.crash_with(Loss::Nothing, || 0);
    assert_eq!(durable(&open(&disk)), 2, "the start syncs");
}

/// A sync that fails once succeeds when it is asked again, and the disk holds nothing of it.
// shows: X-02
#[test]
fn what_a_failed_sync_left_in_memory_alone_is_written_again() {
    let disk = SimDisk::new();
    let store = open(&disk);
    store.log.append(&[row(1, 10)]).unwrap();
    disk.set_faults(Faults { fail_sync_in: Some(1), ..Faults::default() });
    assert!(store.log.append(&[row(2, 600)]).is_err());
    assert!(store.log.append(&[row(3, 10)]).is_err(), "nothing is written after a failed sync");
    disk.crash_with(Loss::Nothing, || 0);
    let store = open(&disk);
    assert_eq!(all(&store), [row(1, 10), row(2, 600)]);
    store.log.append(&[row(3, 10)]).unwrap();
    disk.crash_with(Loss::All, || 0);
    assert_eq!(all(&open(&disk)), [row(1, 10), row(2, 600), row(3, 10)]);
}

/// A vote may rest on entries that were written before it.
#[test]
fn a_vote_makes_the_entries_before_it_durable() {
    let disk = SimDisk::new();
    let store = open(&disk);
    store.log.write(&[row(1, 10)]).unwrap();
    store.log.save_vote(StoredVote { term: 2, node: 1, committed: false }).unwrap();
    disk.crash_with(Loss::All, || 0);
    assert_eq!(all(&open(&disk)), [row(1, 10)]);
}

/// A disk with three synced frames in one segment.
fn three() -> SimDisk {
    let disk = SimDisk::new();
    let store = open(&disk);
    for index in 1..=3 {
        store.log.append(&[row(index, 1_100)]).unwrap();
    }
    disk
}

/// One frame of [`three`].
const FRAME: usize = 3 * SECTOR;

// shows: WL-15
#[test]
fn a_flipped_bit_is_refused_at_the_start_wherever_it_matters() {
    let whole = three();
    let rows = all(&open(&whole));
    let bytes = whole.bytes(&name(1));
    for byte in (0..3 * FRAME).filter(|at| bytes[*at] != 0) {
        let disk = whole.durable_copy();
        disk.flip_bit(&name(1), byte as u64, byte as u8);
        assert!(damage(&disk).contains("log-00000000000000000001.seg is damaged"), "byte {byte}");
    }
    // The zeros after a frame's rows hold nothing.
    let disk = whole.durable_copy();
    disk.flip_bit(&name(1), FRAME as u64 - 1, 0);
    assert_eq!(all(&open(&disk)), rows);
}

#[test]
fn an_entry_that_decays_while_the_node_runs_is_found_when_it_is_read_and_by_the_scrub() {
    let disk = three();
    let store = open(&disk);
    disk.flip_bit(&name(1), (FRAME + 700) as u64, 1);
    assert!(store.log.read(1, 2, usize::MAX).is_ok());
    assert!(matches!(store.log.read(2, 3, usize::MAX), Err(selfsame_machine::view::ReadError::Corrupt { .. })));
    let bad = |store: &Store| {
        let mut scrub = store.scrub();
        while !scrub.slice(2).unwrap() {}
        scrub.bad().iter().map(|bad| (bad.file, bad.table, bad.key.clone())).collect::<Vec<_>>()
    };
    assert_eq!(bad(&store), [("log", "entries", "0000000000000002".to_owned())]);
    // Not in the last segment any more: what others follow is only scanned at the start.
    let disk = three();
    let store = open(&disk);
    store.log.append(&[row(4, 10)]).unwrap();
    drop(store);
    assert_eq!(segments(&disk).len(), 2);
    for byte in 0..frame::HEADER + 44 {
        let disk = disk.durable_copy();
        disk.flip_bit(&name(1), (FRAME + byte) as u64, 1);
        let found = open_with(&disk, 4_096).map(|store| bad(&store));
        assert!(found.is_err() || found.is_ok_and(|bad| !bad.is_empty()), "byte {byte}");
    }
}

// shows: X-02
#[test]
fn a_synced_frame_that_is_gone_is_not_taken_for_one_that_a_crash_tore() {
    let lost = |nth: u64, effect: Effect| {
        let disk = SimDisk::new();
        let store = open(&disk);
        disk.arm(Trap::new("lost", Target::Log, Op::Write, nth, effect));
        for index in 1..=3 {
            store.log.append(&[row(index, 1_100)]).unwrap();
        }
        drop(store);
        disk.crash_with(Loss::All, || 0);
        disk
    };
    assert!(damage(&lost(2, Effect::Lose)).contains("frame 1 is gone"));
    // In the place of another, and where nothing stood.
    damage(&lost(2, Effect::Misdirect(0)));
    damage(&lost(3, Effect::Misdirect(20)));
    for by in [-1i64, 1, SECTOR as i64, -65_536] {
        let disk = three();
        disk.resize(&name(1), GROW.checked_add_signed(by).unwrap(), 7);
        assert!(damage(&disk).contains("cut or grown"));
    }
    let disk = three();
    disk.remove(&name(1)).unwrap();
    assert!(damage(&disk).contains("missing"));
    // A segment that others follow lost its last frame, whole.
    let disk = SimDisk::new();
    let store = open(&disk);
    for index in 1..=9 {
        store.log.append(&[row(index, 1_100)]).unwrap();
    }
    drop(store);
    disk.open(&name(1), false).unwrap().write(2 * FRAME as u64, &[0; FRAME]).unwrap();
    assert!(damage(&disk).contains("ends before frame 2"));
}

proptest! {
    // shows: X-02
    #[test]
    fn a_crash_takes_nothing_that_was_synced_and_leaves_no_hole(
        rounds in prop::collection::vec(
            (prop::collection::vec((1usize..4, 0usize..1_500, any::<bool>()), 1..6), 0u8..5),
            1..5,
        ),
        seed in any::<u64>(),
    ) {
        let disk = SimDisk::new();
        let mut random = seed | 1;
        let mut next = move || { random ^= random << 13; random ^= random >> 7; random ^= random << 17; random >> 11 };
        let (mut written, mut synced) = (Vec::<LogRow>::new(), 0);
        for (frames, loss) in rounds {
            let store = open(&disk);
            let found = all(&store);
            prop_assert!(found.len() >= synced && found[..] == written[..found.len()], "{} of {synced}", found.len());
            written = found;
            for (entries, len, syncs) in frames {
                let from = written.len() as u64;
                let rows: Vec<_> = (from..from + entries as u64).map(|index| row(index, len)).collect();
                store.log.write(&rows).unwrap();
                written.extend(rows);
                if syncs {
                    store.log.sync().unwrap();
                    synced = written.len();
                }
            }
            prop_assert_eq!(&all(&store), &written);
            let loss = [Loss::Mixed, Loss::All, Loss::Torn(SECTOR), Loss::Torn(4_096), Loss::Reordered][loss as usize];
            disk.crash_with(loss, &mut next);
        }
        prop_assert!(all(&open(&disk)).len() >= synced);
    }
}
