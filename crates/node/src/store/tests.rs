//! What the store promises, on a disk that loses what was not synced.

use super::*;
use proptest::prelude::*;
use selfsame_env::sim_disk::{Faults, SimDisk};
use selfsame_machine::view::{Changes, Model, ReadError, Table, View};

fn identity() -> Identity {
    Identity { cluster: "test".into(), genesis: "sha256:00".into(), node: 1 }
}

fn open(disk: &SimDisk) -> Store {
    Store::open(Arc::new(disk.clone()), &identity()).unwrap()
}

fn mark(index: u64) -> AppliedMark {
    AppliedMark { position: Some(LogId { term: 1, node: 1, index }), membership: String::new(), digest: String::new() }
}

fn change(key: u64, value: &[u8]) -> Changes {
    // Two tables, so that a half-applied commit would show.
    let key = key.to_be_bytes().to_vec();
    Changes::from([((Table::Evidence, key.clone()), Some(value.to_vec())), ((Table::Runs, key), Some(value.to_vec()))])
}

#[test]
fn reopening_gives_everything_back() {
    let disk = SimDisk::new();
    let store = open(&disk);
    store.log.append(&[(1, vec![1].into()), (2, vec![2].into()), (3, vec![3].into())]).unwrap();
    store.log.truncate(3).unwrap();
    store.log.purge(LogId { term: 1, node: 1, index: 1 }).unwrap();
    store.log.save_vote(StoredVote { term: 4, node: 2, committed: true }).unwrap();
    store.state.commit(change(7, b"value"), mark(2)).unwrap();
    store.close();
    let store = open(&disk);
    assert_eq!(store.log.read(0, 9, usize::MAX).unwrap(), [(2, bytes::Bytes::from(vec![2]))]);
    assert_eq!(store.log.purged().unwrap().unwrap().index, 1);
    assert_eq!(store.log.vote().unwrap().unwrap(), StoredVote { term: 4, node: 2, committed: true });
    let view = store.state.view().unwrap();
    assert_eq!(view.applied_index(), 2);
    assert_eq!(view.get(Table::Runs, &7u64.to_be_bytes()).unwrap().unwrap(), b"value");
}

#[test]
fn a_flipped_bit_is_found_and_named() {
    let disk = SimDisk::new();
    let store = open(&disk);
    let value = b"a value that can be found in the file";
    store.state.commit(change(7, value), mark(1)).unwrap();
    store.close();
    let bytes = disk.bytes(state::FILE);
    for at in (0..bytes.len() - value.len()).filter(|at| bytes[*at..].starts_with(value)) {
        disk.flip_bit(state::FILE, at as u64 + 3, 2);
    }
    let store = open(&disk);
    let view = store.state.view().unwrap();
    match view.get(Table::Runs, &7u64.to_be_bytes()) {
        Err(ReadError::Corrupt { table, key, expected, found }) => {
            assert_eq!((table, key.as_str()), ("runs", "0000000000000007"));
            assert_ne!(expected, found);
        }
        other => panic!("{other:?}"),
    }
    let mut scrub = store.scrub();
    while !scrub.slice(3).unwrap() {}
    assert_eq!(scrub.bad().len(), 2, "{:?}", scrub.bad());
}

#[test]
fn a_foreign_directory_is_refused_and_left_alone() {
    let disk = SimDisk::new();
    open(&disk).close();
    for (other, name) in [
        (Identity { node: 2, ..identity() }, "node"),
        (Identity { cluster: "other".into(), ..identity() }, "cluster"),
        (Identity { genesis: "sha256:01".into(), ..identity() }, "genesis"),
    ] {
        match Store::open(Arc::new(disk.clone()), &other) {
            Err(OpenError::Foreign { what, .. }) => assert_eq!(what, name),
            other => panic!("{:?}", other.map(|_| ())),
        }
    }
    open(&disk);
}

#[test]
fn a_newer_format_and_a_lost_file_are_named_and_nothing_is_made_anew() {
    let disk = SimDisk::new();
    let store = open(&disk);
    store.log.append(&[(1, vec![1].into())]).unwrap();
    store.state.commit(change(7, b"value"), mark(1)).unwrap();
    store.close();
    let newer = |disk: &SimDisk| {
        let text = String::from_utf8(disk.bytes(header::FILE)).unwrap().replacen("\"format\":2", "\"format\":3", 1);
        disk.open(header::FILE, false).unwrap().write(0, text.as_bytes()).unwrap();
    };
    // Without the copy the database's own header decides.
    let kept = disk.bytes(header::FILE);
    disk.remove(header::FILE).unwrap();
    open(&disk).close();
    assert_eq!(disk.bytes(header::FILE), kept);
    newer(&disk);
    match Store::open(Arc::new(disk.clone()), &identity()) {
        Err(OpenError::Newer { found: 3, supported: 2, .. }) => {}
        other => panic!("{:?}", other.map(|_| ())),
    }
    disk.open(header::FILE, false).unwrap().write(0, &kept).unwrap();
    disk.remove(log::FILE).unwrap();
    match Store::open(Arc::new(disk.clone()), &identity()) {
        Err(OpenError::Missing { missing, .. }) => assert_eq!(missing, log::FILE),
        other => panic!("{:?}", other.map(|_| ())),
    }
}

/// Names of tables stand in the files as text; a damaged one is no text any more, and redb unwraps it.
#[test]
fn files_that_the_database_engine_panics_on_are_refused_and_not_a_panic() {
    let disk = SimDisk::new();
    let store = open(&disk);
    store.log.append(&[(1, vec![1].into())]).unwrap();
    store.state.commit(change(7, b"value"), mark(1)).unwrap();
    store.close();
    drop(store);
    let mut refused = 0;
    for file in [log::FILE, state::FILE] {
        let bytes = disk.bytes(file);
        for name in [&b"allocator_state"[..], b"entries", b"evidence", b"header"] {
            for at in (0..bytes.len() - name.len()).filter(|at| bytes[*at..].starts_with(name)) {
                let damaged = disk.durable_copy();
                damaged.flip_bit(file, at as u64, 7);
                refused += usize::from(Store::open(Arc::new(damaged), &identity()).is_err());
            }
        }
    }
    assert!(refused > 0);
}

#[test]
fn a_failed_sync_is_an_error() {
    let disk = SimDisk::new();
    let store = open(&disk);
    disk.set_faults(Faults { fail_sync_in: Some(1), ..Faults::default() });
    assert!(store.log.append(&[(1, vec![1].into())]).is_err());
    assert!(store.log.append(&[(1, vec![1].into())]).is_err(), "nothing is written after a failed sync");
}

// shows: X-03
#[test]
fn a_snapshot_carries_the_state_and_a_damaged_one_changes_nothing() {
    let (from, to) = (SimDisk::new(), SimDisk::new());
    let source = open(&from);
    for n in 0..50 {
        source.state.commit(change(n, &vec![n as u8; 100_000]), mark(n)).unwrap();
    }
    let (meta, file) = source.state.export().unwrap();
    assert_eq!(meta.applied, mark(49));
    let target = open(&to);
    target.state.commit(change(1_000, b"old"), mark(3)).unwrap();
    from.flip_bit(&file.name, 3_000_000, 1);
    assert!(matches!(target.state.import(&file), Err(SnapshotError::Bad { .. })));
    assert_eq!(target.state.view().unwrap().applied_index(), 3);
    from.flip_bit(&file.name, 3_000_000, 1);
    target.state.import(&file).unwrap();
    let view = target.state.view().unwrap();
    assert_eq!(view.applied_index(), 49);
    assert_eq!(view.get(Table::Evidence, &1_000u64.to_be_bytes()).unwrap(), None);
    assert_eq!(view.scan(Table::Evidence, &[], &[255], 99).unwrap().len(), 50);
}

// shows: X-02
#[test]
fn many_changes_are_synced_without_being_asked_each_whole_or_not_at_all() {
    let disk = SimDisk::new();
    let store = open(&disk);
    for n in 1..=50 {
        store.state.commit(change(n, &vec![n as u8; 500_000]), mark(n)).unwrap();
    }
    let copy = open(&disk.durable_copy());
    let view = copy.state.view().unwrap();
    let kept = view.applied_index();
    assert!((1..50).contains(&kept), "{kept} of 50 MB in changes of 1 MB each");
    for n in 1..=50_u64 {
        let rows = [Table::Evidence, Table::Runs].map(|table| view.get(table, &n.to_be_bytes()).unwrap().is_some());
        assert_eq!(rows, [n <= kept; 2], "change {n} with {kept} kept");
    }
}

// shows: X-03
#[test]
fn a_snapshot_that_was_received_and_not_imported_before_a_crash_is_not_the_current_one() {
    let (from, to) = (SimDisk::new(), SimDisk::new());
    let source = open(&from);
    source.state.commit(change(1, b"new"), mark(49)).unwrap();
    let (_, sent) = source.state.export().unwrap();
    let target = open(&to);
    target.state.commit(change(1, b"old"), mark(3)).unwrap();
    target.state.sync().unwrap();
    let received = target.state.new_snapshot_file(49).unwrap();
    received.file.write(0, &from.bytes(&sent.name)).unwrap();
    received.file.sync().unwrap();
    received.verify().unwrap();
    drop(target);
    let target = open(&to);
    assert_eq!(target.state.view().unwrap().applied_index(), 3);
    // A current snapshot behind which the state lags would be a state that this node does not have.
    assert!(target.state.current_snapshot().is_none());
    assert!(!to.exists(&received.name).unwrap());
}

// shows: X-03
#[test]
fn a_start_takes_a_snapshot_by_its_outline() {
    let disk = SimDisk::new();
    let store = open(&disk);
    for n in 1..=3 {
        store.state.commit(change(n, &vec![n as u8; 900_000]), mark(n)).unwrap();
    }
    let (_, file) = store.state.export().unwrap();
    drop(store);
    let bytes = disk.bytes(&file.name);
    let header = u32::from_be_bytes(bytes[8..12].try_into().unwrap());
    let (first, end) = (12 + u64::from(header), bytes.len() as u64);
    let taken = |at: u64| {
        let damaged = disk.live_copy();
        damaged.flip_bit(&file.name, at, 0);
        let taken = open(&damaged).state.current_snapshot().is_some();
        assert_eq!(damaged.exists(&file.name).unwrap(), taken);
        taken
    };
    assert!(taken(end / 2), "a row is found to be damaged when the snapshot is used");
    for (what, at) in [("magic", 0), ("header", 20), ("part", first), ("digest", first + 6), ("end", end - 1)] {
        assert!(!taken(at), "{what}");
    }
    let cut = disk.live_copy();
    cut.open(&file.name, false).unwrap().set_len(end - 1).unwrap();
    assert!(open(&cut).state.current_snapshot().is_none());
}

// shows: X-03
#[test]
fn a_crash_right_after_an_import_leaves_the_imported_snapshot_as_the_current_one() {
    let (from, to) = (SimDisk::new(), SimDisk::new());
    let source = open(&from);
    source.state.commit(change(1, b"new"), mark(49)).unwrap();
    let (_, sent) = source.state.export().unwrap();
    let target = open(&to);
    target.log.append(&[(1, vec![1].into()), (2, vec![2].into()), (3, vec![3].into())]).unwrap();
    target.state.commit(change(1, b"old"), mark(3)).unwrap();
    let (own, old) = target.state.export().unwrap();
    target.state.set_current_snapshot(own, old.clone()).unwrap();
    // A name without the index, as one that is received has.
    let received = target.state.new_snapshot_file(0).unwrap();
    received.file.write(0, &from.bytes(&sent.name)).unwrap();
    target.state.import(&received).unwrap();
    drop(target);
    let target = open(&to);
    // The log will be purged up to the state, and the older snapshot would leave a gap to it.
    assert_eq!(target.state.current_snapshot().unwrap().0.applied, mark(49));
    assert!(!to.exists(&old.name).unwrap());
    drop(target);
    // With the imported file lost there is none, and the consensus builds another.
    to.remove(&received.name).unwrap();
    assert!(open(&to).state.current_snapshot().is_none());
}

// shows: X-02
#[test]
fn views_are_whole_while_others_commit_and_sync() {
    const SYNCS: u64 = 300;
    let store = open(&SimDisk::new());
    store.state.commit(change(0, &0u64.to_be_bytes()), mark(0)).unwrap();
    store.state.sync().unwrap();
    let more = || store.state.syncs() < SYNCS;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for index in (1u64..).take_while(|_| more()) {
                store.state.commit(change(0, &index.to_be_bytes()), mark(index)).unwrap();
            }
        });
        scope.spawn(|| {
            // Somebody who waits for nobody: most of the time the file is being written.
            while more() {
                store.state.sync().unwrap();
            }
        });
        let mut before = 0;
        while more() {
            for view in [store.state.view().unwrap(), store.state.stored_view().unwrap()] {
                // What is stored lags, and is as whole as what is not.
                let index = view.applied_index().to_be_bytes();
                for table in [Table::Evidence, Table::Runs] {
                    let rows = view.scan(table, &[], &[255], 9).unwrap();
                    assert_eq!(rows, [(0u64.to_be_bytes().to_vec(), index.to_vec())]);
                    assert_eq!(view.get(table, &0u64.to_be_bytes()).unwrap().unwrap(), index);
                }
            }
            let now = store.state.view().unwrap().applied_index();
            assert!(now >= before, "{now} after {before}");
            before = now;
        }
    });
}

/// Rows of a table below a key, at most so many.
fn some(view: &dyn View, to: u64, limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
    view.scan(Table::Evidence, &1u64.to_be_bytes(), &to.to_be_bytes(), limit).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    // shows: X-02
    #[test]
    fn a_view_shows_one_state_whether_it_lies_in_memory_or_in_the_file(
        steps in prop::collection::vec((0u64..8, prop::option::of(any::<u8>()), 0..6), 1..60),
    ) {
        let store = open(&SimDisk::new());
        let mut model = Model::default();
        let mut held = Vec::new();
        for (index, (key, value, also)) in (1..).zip(steps) {
            let changes = Changes::from([((Table::Evidence, key.to_be_bytes().to_vec()), value.map(|byte| vec![byte]))]);
            model.commit(changes.clone());
            store.state.commit(changes, mark(index)).unwrap();
            match also {
                0 => store.state.sync().unwrap(),
                // A view that is held keeps its memtable from growing in place.
                1 | 2 => held.push((index, model.clone(), store.state.view().unwrap())),
                _ => {}
            }
        }
        for (index, model, view) in held {
            prop_assert_eq!(view.applied_index(), index);
            for key in 0..8u64 {
                let key = key.to_be_bytes();
                prop_assert_eq!(view.get(Table::Evidence, &key).unwrap(), model.get(Table::Evidence, &key).unwrap());
            }
            for (to, limit) in [(8, 99), (8, 2), (5, 3), (1, 9)] {
                prop_assert_eq!(some(&view, to, limit), some(&model, to, limit));
            }
        }
    }

    // shows: X-02
    #[test]
    fn a_crash_takes_back_whole_commits_since_the_last_sync_and_nothing_of_the_log(
        rounds in prop::collection::vec((1u64..6, any::<bool>(), prop::option::of(1u64..8)), 1..5),
        seed in any::<u64>(),
    ) {
        let disk = SimDisk::new();
        let mut random = seed | 1;
        let mut next = move || { random ^= random << 13; random ^= random >> 7; random ^= random << 17; random >> 11 };
        let (mut index, mut synced) = (0u64, 0u64);
        for (commits, syncs, interrupted) in rounds {
            let store = open(&disk);
            // What the state lacks is applied again from the log, as a node does.
            for at in synced + 1..=index {
                store.state.commit(change(at % 5, &at.to_be_bytes()), mark(at)).unwrap();
            }
            for _ in 0..commits {
                index += 1;
                store.log.append(&[(index, index.to_be_bytes().to_vec().into())]).unwrap();
                store.state.commit(change(index % 5, &index.to_be_bytes()), mark(index)).unwrap();
            }
            prop_assert_eq!(store.state.view().unwrap().applied_index(), index, "reads see it at once");
            let interrupted = match interrupted {
                // Dies in the middle of a sync: after it, all of it or nothing of it is there.
                Some(nth) => {
                    disk.set_faults(Faults { fail_sync_in: Some(nth), ..Faults::default() });
                    store.state.sync().is_err()
                }
                None => false,
            };
            if syncs && !interrupted {
                store.state.sync().unwrap();
                synced = index;
            }
            disk.crash(&mut next);
            let store = open(&disk);
            let view = store.state.view().unwrap();
            let applied = view.applied_index();
            prop_assert!(applied == synced || (!syncs || interrupted) && applied == index, "{applied} after {synced}");
            if applied > 0 {
                for table in [Table::Evidence, Table::Runs] {
                    let value = view.get(table, &(applied % 5).to_be_bytes()).unwrap().unwrap();
                    prop_assert_eq!(value, applied.to_be_bytes().to_vec());
                }
            }
            prop_assert_eq!(store.log.last().unwrap().map_or(0, |(last, _)| last), index);
            synced = applied;
            disk.crash(&mut next);
        }
    }
}
