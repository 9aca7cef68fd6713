//! Writing a ledger into a folder: what is kept, what is fetched again, what is refused, and what the report says of it.

use crate::objects::{Objects, checkpoint, ledger, signed};
use selfsame_offline::{Exported, Failure, Verified, Writer, verify_folder};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::note::Checkpoint;
use std::path::Path;

const LEDGER: Ledger = Ledger::Evidence;

/// Continues the folder to all of these entries.
fn export(dir: &Path, leaves: &[Vec<u8>]) -> Result<Exported, Failure> {
    let mut writer = Writer::open(dir, LEDGER)?;
    leaves[writer.next() as usize..].iter().try_for_each(|leaf| writer.push(leaf))?;
    let checkpoint = checkpoint(LEDGER, leaves);
    writer.finish(&signed(&checkpoint, 0).to_text(), &checkpoint)
}

fn verified(dir: &Path) -> Verified {
    verify_folder(dir, &Objects::new().options(), &mut |_, _, _| {}).unwrap()
}

fn length(leaves: &[Vec<u8>]) -> u64 {
    leaves.iter().map(|leaf| leaf.len() as u64).sum()
}

fn names(dir: &Path) -> Vec<String> {
    let mut list = Vec::new();
    crate::ledgers::files(dir, &mut list);
    list.iter().map(|file| file.strip_prefix(dir).unwrap().display().to_string()).collect()
}

/// What stood there is not fetched again, and the report counts what was.
/// shows: P-007
#[test]
fn a_folder_is_continued_from_its_full_bundles_and_the_report_counts() {
    let dir = tempfile::tempdir().unwrap();
    let good = ledger(LEDGER, 600, &|_, _| {});
    // Size, entries and files of each step: bundles and tiles that are new or wider, and the checkpoint.
    for (size, fetched, files) in [(0, 0..0, 1), (3, 0..3, 3), (256, 0..256, 4), (300, 256..300, 3), (600, 256..600, 6)]
    {
        let leaves = &good[..size];
        let done = export(dir.path(), leaves).unwrap();
        let expected = checkpoint(LEDGER, leaves);
        assert_eq!(
            (done.ledger, &done.origin, done.size, done.root),
            (LEDGER, &expected.origin, size as u64, expected.root)
        );
        assert_eq!(done.fetched, fetched.len() as u64, "{size}");
        assert_eq!(done.bytes, length(&good[fetched]), "{size}");
        assert_eq!(done.files, files, "{size}");
        let seen = verified(dir.path());
        let one = &seen.detail["ledgers"][0];
        assert_eq!((&one["size"], &one["bytes"]), (&(size as u64).into(), &length(leaves).into()));
        assert_eq!((&seen.detail["entries"], &one["chain_passes"]), (&(size as u64).into(), &1.into()));
        assert_eq!(one["root"], expected.root.to_string());
        // Each bundle is compared with its tile of level 0, and each tile above.
        let tiles = size.div_ceil(256) + usize::from(size >= 256);
        assert_eq!(one["tiles"], tiles as u64, "{size}");
    }
    // Nothing new: the checkpoint alone is written.
    let again = export(dir.path(), &good).unwrap();
    assert_eq!((again.fetched, again.files), (88, 1), "the partial bundle is fetched, and stands there already");
}

/// One size has one set of files: what the checkpoint before had at its edge is gone.
#[test]
fn partial_files_of_before_are_tidied_away() {
    let good = ledger(LEDGER, 520, &|_, _| {});
    let dir = tempfile::tempdir().unwrap();
    for size in [10, 260, 300, 520] {
        export(dir.path(), &good[..size]).unwrap();
        let fresh = tempfile::tempdir().unwrap();
        export(fresh.path(), &good[..size]).unwrap();
        assert_eq!(names(dir.path()), names(fresh.path()), "{size}");
    }
    assert!(!dir.path().join("tile/entries/001.p").exists(), "nor the folders that held them");
}

/// What stands behind the last checkpoint may have lost its content: it is hashed before it is kept. What stands before
/// it was made durable, and its tile is believed here and compared by whoever verifies.
#[test]
fn bundles_behind_the_checkpoint_are_kept_only_with_the_hashes_of_their_tile() {
    let good = ledger(LEDGER, 600, &|_, _| {});
    let interrupted = |damage: &dyn Fn(&Path)| {
        let dir = tempfile::tempdir().unwrap();
        export(dir.path(), &good[..100]).unwrap();
        let mut writer = Writer::open(dir.path(), LEDGER).unwrap();
        good.iter().try_for_each(|leaf| writer.push(leaf)).unwrap();
        drop(writer);
        damage(dir.path());
        let next = Writer::open(dir.path(), LEDGER).unwrap().next();
        export(dir.path(), &good).unwrap();
        verified(dir.path());
        next
    };
    let put = |file: &'static str, change: &'static dyn Fn(&mut Vec<u8>)| {
        move |dir: &Path| {
            let path = dir.join(file);
            let mut bytes = std::fs::read(&path).unwrap();
            change(&mut bytes);
            std::fs::write(path, bytes).unwrap();
        }
    };
    assert_eq!(interrupted(&|_| {}), 512);
    assert_eq!(interrupted(&put("tile/entries/000", &|bytes| bytes[40] ^= 1)), 0);
    assert_eq!(interrupted(&put("tile/entries/001", &|bytes| bytes[40] ^= 1)), 256);
    assert_eq!(interrupted(&put("tile/entries/001", &|bytes| bytes.clear())), 256);
    assert_eq!(interrupted(&put("tile/0/001", &|bytes| bytes.truncate(31 * 32))), 256);
    assert_eq!(interrupted(&put("tile/0/001", &|bytes| bytes[40] ^= 1)), 256);
    assert_eq!(interrupted(&|dir| std::fs::remove_file(dir.join("tile/0/000")).unwrap()), 0);
    assert_eq!(interrupted(&|dir| std::fs::remove_file(dir.join("tile/entries/001")).unwrap()), 256);
}

/// shows: P-052
#[test]
fn a_folder_does_not_go_back_and_is_not_led_to_another_history() {
    let dir = tempfile::tempdir().unwrap();
    let good = ledger(LEDGER, 400, &|_, _| {});
    let other = ledger(LEDGER, 400, &|at, entry| {
        if at == 299 {
            entry.submission = Digest::of(b"x");
        }
    });
    export(dir.path(), &good[..300]).unwrap();
    let kept = std::fs::read(dir.path().join("checkpoint")).unwrap();
    let said = |failure: Failure| (failure.check, failure.tampered, failure.ledger);
    let fork = export(dir.path(), &other).unwrap_err();
    assert!(fork.expected.contains("at size 300, kept in"), "{fork}");
    assert_eq!(said(fork), ("FORK".into(), true, Some(LEDGER)));
    // Shorter than what stands there, whatever is given.
    let earlier = checkpoint(LEDGER, &good[..280]);
    let finish = |count: usize, checkpoint: &Checkpoint| {
        let mut writer = Writer::open(dir.path(), LEDGER).unwrap();
        good[256..count].iter().try_for_each(|leaf| writer.push(leaf)).unwrap();
        writer.finish("", checkpoint).unwrap_err()
    };
    let short = finish(280, &earlier);
    assert!(short.expected.starts_with("a size of 300 or more"), "{short}");
    assert_eq!(said(short), ("CHECKPOINT_SIZE".into(), false, None));
    // Fewer and more entries than the checkpoint has, and another root.
    let now = checkpoint(LEDGER, &good);
    for count in [399, 301] {
        let failure = finish(count, &now);
        assert_eq!((failure.check.as_str(), failure.tampered), ("CHECKPOINT_SIZE", false));
        assert_eq!((failure.expected, failure.found), ("400".into(), count.to_string()));
    }
    let root = finish(400, &checkpoint(LEDGER, &other));
    assert_eq!(said(root), ("TREE_ROOT".into(), true, Some(LEDGER)));
    assert_eq!(
        std::fs::read(dir.path().join("checkpoint")).unwrap(),
        kept,
        "nothing of this is the folder's new state"
    );
    export(dir.path(), &good).unwrap();
}

/// A folder at the size that its checkpoint names is looked at before anything is added.
#[test]
fn a_folder_whose_full_bundles_are_not_its_checkpoints_is_not_continued() {
    let good = ledger(LEDGER, 512, &|_, _| {});
    let other = ledger(LEDGER, 512, &|_, entry| entry.submission = Digest::of(b"x"));
    for size in [256, 512] {
        let dir = tempfile::tempdir().unwrap();
        export(dir.path(), &good[..size]).unwrap();
        let note = signed(&checkpoint(LEDGER, &other[..size]), 0).to_text();
        std::fs::write(dir.path().join("checkpoint"), note).unwrap();
        assert_eq!(Writer::open(dir.path(), LEDGER).err().map(|failure| failure.check), Some("FORK".into()));
        std::fs::write(dir.path().join("checkpoint"), "no checkpoint\n").unwrap();
        assert_eq!(Writer::open(dir.path(), LEDGER).err().map(|failure| failure.check), Some("CHECKPOINT_FORM".into()));
    }
}

#[test]
fn only_the_entry_that_is_wanted_next_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let good = ledger(LEDGER, 3, &|_, _| {});
    let reasoning = ledger(Ledger::Reasoning, 3, &|_, _| {});
    let mut writer = Writer::open(dir.path(), LEDGER).unwrap();
    writer.push(&good[0]).unwrap();
    for (leaf, found) in
        [(&good[0], "evidence entry 0"), (&good[2], "evidence entry 2"), (&reasoning[1], "reasoning entry 1")]
    {
        let failure = writer.push(leaf).unwrap_err();
        assert_eq!((failure.check.as_str(), failure.index), ("ENTRY_INDEX", Some(1)));
        assert_eq!((failure.expected.as_str(), failure.found.as_str()), ("evidence entry 1", found));
    }
    assert_eq!(writer.push(b"{}").unwrap_err().found, "no entry");
    assert_eq!(writer.next(), 1);
    writer.push(&good[1]).unwrap();
}

/// A check names the entry, or the first of those that a hash stands for.
/// shows: P-063
#[test]
fn what_was_altered_is_found_at_its_place() {
    let dir = tempfile::tempdir().unwrap();
    export(dir.path(), &ledger(LEDGER, 600, &|_, _| {})).unwrap();
    let found = |file: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let path = dir.path().join(file);
        let kept = std::fs::read(&path).unwrap();
        let mut bytes = kept.clone();
        change(&mut bytes);
        std::fs::write(&path, bytes).unwrap();
        let failure = verify_folder(dir.path(), &Objects::new().options(), &mut |_, _, _| {}).unwrap_err();
        std::fs::write(&path, kept).unwrap();
        (failure.check, failure.ledger, failure.index.unwrap())
    };
    let at = |check: &str, index: u64| (check.to_owned(), Some(LEDGER), index);
    let hash = |number: usize| move |bytes: &mut Vec<u8>| bytes[number * 32] ^= 1;
    // Leaf hashes: in full tiles the level above tells that the tile is what was altered.
    assert_eq!(found("tile/0/000", &hash(0)), at("TILE_HASH", 0));
    assert_eq!(found("tile/0/001", &hash(0)), at("TILE_HASH", 256));
    assert_eq!(found("tile/0/001", &hash(200)), at("TILE_HASH", 456));
    assert_eq!(found("tile/0/002.p/88", &hash(87)), at("ENTRY_HASH", 599));
    assert_eq!(found("tile/0/001", &|bytes| bytes.truncate(40 * 32)), at("TILE_LENGTH", 256));
    assert_eq!(found("tile/0/002.p/88", &|bytes| bytes.truncate(40 * 32)), at("TILE_LENGTH", 512));
    assert_eq!(found("tile/0/001", &|bytes| bytes.truncate(40)), at("TILE_LENGTH", 256));
    // The level above: each hash stands for 256 entries.
    assert_eq!(found("tile/1/000.p/2", &hash(0)), at("TILE_HASH", 0));
    assert_eq!(found("tile/1/000.p/2", &hash(1)), at("TILE_HASH", 256));
    assert_eq!(found("tile/1/000.p/2", &|bytes| bytes.truncate(32)), at("TILE_HASH", 256));
    // Entries, and the frames between them.
    let leaf = ledger(LEDGER, 257, &|_, _| {})[256].len();
    assert_eq!(found("tile/entries/001", &|bytes| bytes[2] ^= 1), at("ENTRY_HASH", 256));
    assert_eq!(found("tile/entries/001", &|bytes| bytes[leaf + 4] ^= 1), at("ENTRY_HASH", 257));
    assert_eq!(found("tile/entries/001", &|bytes| bytes.truncate(leaf + 3)), at("ENTRY_BUNDLE", 257));
}

#[test]
fn a_verification_says_how_far_it_is() {
    let dir = tempfile::tempdir().unwrap();
    export(dir.path(), &ledger(LEDGER, 600, &|_, _| {})).unwrap();
    let mut seen = Vec::new();
    verify_folder(dir.path(), &Objects::new().options(), &mut |what, done, all| {
        seen.push((what.to_owned(), done, all))
    })
    .unwrap();
    let step = |done| ("evidence entries".to_owned(), done, 600);
    assert_eq!(seen, [step(256), step(512), step(600)]);
}

/// What is missing can be fetched; what is there and cannot be read is another matter.
#[test]
fn a_file_that_cannot_be_read_is_not_called_missing() {
    let dir = tempfile::tempdir().unwrap();
    export(dir.path(), &ledger(LEDGER, 300, &|_, _| {})).unwrap();
    let tile = dir.path().join("tile/0/000");
    let said = || {
        let failure = verify_folder(dir.path(), &Objects::new().options(), &mut |_, _, _| {}).unwrap_err();
        (failure.check, failure.tampered)
    };
    std::fs::remove_file(&tile).unwrap();
    assert_eq!(said(), ("FILE_MISSING".into(), false));
    std::fs::create_dir(&tile).unwrap();
    assert_eq!(said(), ("FILE_UNREADABLE".into(), false));
}
