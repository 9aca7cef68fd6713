//! Alterations of an exported folder: files changed in place, and histories written anew and signed by the right keys.

use crate::objects::{Objects, checkpoint, ledger, signed};
use crate::{Named, Table};
use selfsame_offline::{Failure, Options, Writer, verify_folder};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::Entry;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::time::{Timestamp, U64};
use std::path::{Path, PathBuf};

const KIND: &str = "ledger";
/// Two full bundles, a partial one, and a tile of level 1.
const SIZE: u64 = 600;

fn verify(dir: &Path, options: &Options) -> Result<(), Failure> {
    let verdict = verify_folder(dir, options, &mut |_, _, _| {}).map(|_| ());
    verdict.map_err(|failure| {
        let here = |text: String| text.replace(&dir.display().to_string(), "FOLDER");
        Failure { expected: here(failure.expected.clone()), found: here(failure.found.clone()), ..failure }
    })
}

/// What was said, without the name of the folder, which is another each time.
pub fn without(report: &serde_json::Value, dir: &Path) -> serde_json::Value {
    serde_json::from_str(&report.to_string().replace(&dir.display().to_string(), "FOLDER")).unwrap()
}

fn write(dir: &Path, leaves: &[Vec<u8>]) {
    let mut writer = Writer::open(dir, Ledger::Evidence).unwrap();
    leaves[writer.next() as usize..].iter().for_each(|leaf| writer.push(leaf).unwrap());
    let checkpoint = checkpoint(Ledger::Evidence, leaves);
    writer.finish(&signed(&checkpoint, 0).to_text(), &checkpoint).unwrap();
}

/// Writes leaves without looking at them, as somebody does who can sign and does not care.
fn write_anyhow(dir: &Path, leaves: &[Vec<u8>]) {
    use selfsame_protocol::merkle::layout::{TilePath, push_entry};
    let put = |tile: TilePath, bytes: &[u8]| {
        let path = dir.join(tile.path());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    for (index, chunk) in (0..).zip(leaves.chunks(256)) {
        let mut bundle = Vec::new();
        chunk.iter().for_each(|leaf| push_entry(&mut bundle, leaf).unwrap());
        put(TilePath { level: None, index, width: chunk.len() as u64 }, &bundle);
    }
    for (id, bytes) in crate::objects::tiles(leaves) {
        put(TilePath { level: Some(id.level), index: id.index, width: bytes.len() as u64 / 32 }, &bytes);
    }
    let checkpoint = checkpoint(Ledger::Evidence, leaves);
    std::fs::write(dir.join("checkpoint"), signed(&checkpoint, 0).to_text()).unwrap();
}

/// A ledger and false ones beside it, for verifiers that know tiles and checkpoints and nothing of entries.
pub fn write_for_others(dir: &Path) {
    let good = ledger(Ledger::Evidence, SIZE, &|_, _| {});
    std::fs::write(dir.join("log.vkey"), crate::objects::policy().logs()[0].vkey.to_text()).unwrap();
    write_anyhow(&dir.join("original"), &good);
    let truth = signed(&checkpoint(Ledger::Evidence, &good), 0).to_text();
    for at in (0..SIZE).step_by(67) {
        // Everything made anew but the signed checkpoint, and one entry changed under the true tiles.
        let fork = ledger(Ledger::Evidence, SIZE, &|n, entry| {
            if n == at {
                entry.submission = Digest::of(b"x")
            }
        });
        let folder = dir.join(format!("fork-{at}"));
        write_anyhow(&folder, &fork);
        std::fs::write(folder.join("checkpoint"), &truth).unwrap();
        let folder = dir.join(format!("entry-{at}"));
        write_anyhow(&folder, &fork);
        for (id, bytes) in crate::objects::tiles(&good) {
            let width = bytes.len() as u64 / 32;
            let tile = selfsame_protocol::merkle::layout::TilePath { level: Some(id.level), index: id.index, width };
            std::fs::write(folder.join(tile.path()), bytes).unwrap();
        }
        std::fs::write(folder.join("checkpoint"), &truth).unwrap();
    }
    let folder = dir.join("other-keys");
    write_anyhow(&folder, &good);
    std::fs::write(folder.join("checkpoint"), signed(&checkpoint(Ledger::Evidence, &good), 100).to_text()).unwrap();
}

pub fn files(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, out) } else { out.push(path) }
    }
    out.sort();
}

pub fn run(objects: &Objects) -> Table {
    let mut table = Table::new();
    let dir = tempfile::tempdir().unwrap();
    let options = objects.options();
    let good = ledger(Ledger::Evidence, SIZE, &|_, _| {});
    // In two steps, so that what is altered is what continuing a folder leaves behind.
    write(dir.path(), &good[..300]);
    verify(dir.path(), &options).unwrap();
    write(dir.path(), &good);
    verify(dir.path(), &options).unwrap();
    for deep in [false, true] {
        verify(dir.path(), &Options { deep, ..options.clone() }).unwrap();
    }
    let mut list = Vec::new();
    files(dir.path(), &mut list);
    let names: Vec<_> = list.iter().map(|file| file.strip_prefix(dir.path()).unwrap().display().to_string()).collect();
    assert_eq!(
        names,
        [
            "checkpoint",
            "tile/0/000",
            "tile/0/001",
            "tile/0/002.p/88",
            "tile/1/000.p/2",
            "tile/entries/000",
            "tile/entries/001",
            "tile/entries/002.p/88"
        ]
    );
    for file in &list {
        one_file(dir.path(), file, &options, &mut table);
    }
    two_files(dir.path(), &options, &mut table);
    rewritten(&good, &options, &mut table);
    table
}

fn named(file: &Path) -> &'static [&'static str] {
    let path = file.display().to_string();
    if path.ends_with("checkpoint") {
        &["CHECKPOINT_FORM", "CHECKPOINT_ORIGIN", "CHECKPOINT_SIGNATURE", "POLICY_QUORUM", "POLICY_LOG"]
    } else if path.contains("entries") {
        &["ENTRY_HASH", "ENTRY_BUNDLE"]
    } else if path.contains("tile/0") {
        // The level above tells for full tiles which of the two was altered; at the edge there is no level above.
        if path.contains(".p/") { &["ENTRY_HASH"] } else { &["TILE_HASH"] }
    } else {
        &["TILE_HASH"]
    }
}

fn one_file(dir: &Path, file: &Path, options: &Options, table: &mut Table) {
    let kept = std::fs::read(file).unwrap();
    let mut judge = |how, bytes: &[u8], checks: &'static [&'static str]| {
        std::fs::write(file, bytes).unwrap();
        table.count(KIND, how, &Named::By(checks), verify(dir, options));
    };
    let step = (kept.len() * 8 / 80).max(1) | 1;
    for bit in (0..kept.len() * 8).step_by(step) {
        let mut bytes = kept.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        judge("one bit of a file", &bytes, named(file));
    }
    let short: &[&str] = &["TILE_LENGTH", "TILE_HASH", "ENTRY_BUNDLE", "CHECKPOINT_FORM", "FILE_LENGTH"];
    for keep in [0, 1, kept.len() / 2, kept.len() - 32, kept.len() - 1] {
        judge("a file cut short", &kept[..keep], short);
    }
    judge("bytes behind a file", &[&kept[..], &[0; 32]].concat(), short);
    std::fs::remove_file(file).unwrap();
    table.count(KIND, "a file taken away", &Named::By(&["FILE_MISSING"]), verify(dir, options));
    std::fs::write(file, &kept).unwrap();
    verify(dir, options).unwrap();
}

fn two_files(dir: &Path, options: &Options, table: &mut Table) {
    for (a, b, how, checks) in [
        ("tile/entries/000", "tile/entries/001", "bundles exchanged", &["ENTRY_HASH"][..]),
        ("tile/0/000", "tile/0/001", "tiles exchanged", &["TILE_HASH"]),
    ] {
        let (a, b) = (dir.join(a), dir.join(b));
        let swap = || {
            let kept = std::fs::read(&a).unwrap();
            std::fs::copy(&b, &a).unwrap();
            std::fs::write(&b, kept).unwrap();
        };
        swap();
        table.count(KIND, how, &Named::By(checks), verify(dir, options));
        swap();
    }
    // Bundles and tiles exchanged together: only the level above remembers.
    let pairs = ["entries", "0"].map(|kind| [0, 1].map(|n| dir.join(format!("tile/{kind}/00{n}"))));
    for [a, b] in &pairs {
        let kept = std::fs::read(a).unwrap();
        std::fs::copy(b, a).unwrap();
        std::fs::write(b, kept).unwrap();
    }
    let named = Named::By(&["ENTRY_INDEX"]);
    table.count(KIND, "blocks exchanged with their tiles", &named, verify(dir, options));
}

type Change<'a> = (&'static str, &'static [&'static str], u64, &'a dyn Fn(&mut Entry));

/// Histories that are false in themselves, with every tile made anew and the right signatures: what is left to find is the
/// meaning. And false histories under the checkpoint of the true one.
fn rewritten(good: &[Vec<u8>], options: &Options, table: &mut Table) {
    let changes: &[Change<'_>] = &[
        ("another index, signed", &["ENTRY_INDEX"], 300, &|e| e.index = U64(301)),
        ("another ledger, signed", &["ENTRY_LEDGER"], 300, &|e| e.ledger = Ledger::Reasoning),
        ("another depth, signed", &["ENTRY_DEPTH"], 300, &|e| e.depth.0 += 1),
        ("a depth again, signed", &["ENTRY_DEPTH"], 300, &|e| e.depth.0 -= 1),
        ("another predecessor, signed", &["PRIOR_ENTRY_HASH"], 300, &|e| e.prior_entry_hash = Some(Digest::of(b"x"))),
        ("no predecessor, signed", &["PRIOR_ENTRY_HASH"], 300, &|e| e.prior_entry_hash = None),
        ("a predecessor of the first, signed", &["PRIOR_ENTRY_HASH"], 3, &|e| {
            e.prior_entry_hash = Some(Digest::of(b"x"))
        }),
        ("time runs back, signed", &["ENTRY_TIME"], 300, &|e| e.time = Timestamp::from_millis(1)),
        ("a chain begun late, signed", &["ENTRY_DEPTH"], 300, &|e| e.subject = "organisation:new".parse().unwrap()),
    ];
    let judge = |table: &mut Table, how, checks, leaves: &[Vec<u8>], note: Option<String>, options: &Options| {
        let dir = tempfile::tempdir().unwrap();
        write_anyhow(dir.path(), leaves);
        if let Some(note) = note {
            std::fs::write(dir.path().join("checkpoint"), note).unwrap();
        }
        table.count(KIND, how, &Named::By(checks), verify(dir.path(), options));
    };
    for (how, checks, at, change) in changes {
        for shift in [0, 77, 256] {
            let at = if *at < 7 { *at } else { at + shift };
            let leaves = ledger(Ledger::Evidence, SIZE, &|n, entry| {
                if n == at {
                    change(entry)
                }
            });
            judge(table, how, checks, &leaves, None, options);
        }
    }
    let truth = signed(&checkpoint(Ledger::Evidence, good), 0).to_text();
    for at in (0..SIZE).step_by(29) {
        let fork = ledger(Ledger::Evidence, SIZE, &|n, entry| {
            if n == at {
                entry.submission = Digest::of(b"x")
            }
        });
        judge(table, "a fork under the true checkpoint", &["TREE_ROOT"], &fork, Some(truth.clone()), options);
        let mut cut = good.to_vec();
        cut.remove(at as usize);
        let named: &[&str] = &["ENTRY_INDEX", "TREE_ROOT"];
        judge(table, "an entry cut out, signed", named, &cut, None, options);
    }
    let by_others = signed(&checkpoint(Ledger::Evidence, good), 100).to_text();
    judge(table, "all keys exchanged", &["POLICY_QUORUM"], good, Some(by_others), options);
    let other_log = signed(&checkpoint(Ledger::Reasoning, good), 0).to_text();
    judge(table, "the other ledger's name", &["ENTRY_LEDGER"], good, Some(other_log), options);
    // What only the whole reading finds: a record that is none, with everything around it in order.
    let leaves = ledger(Ledger::Evidence, 20, &|_, _| {});
    let broken: Vec<Vec<u8>> = leaves
        .iter()
        .enumerate()
        .map(|(at, leaf)| match at {
            19 => String::from_utf8(leaf.clone()).unwrap().replace("\"note\"", "\"note\":").into_bytes(),
            _ => leaf.clone(),
        })
        .collect();
    let deep = Options { deep: true, ..options.clone() };
    judge(table, "a record that is no JSON, signed", &["ENTRY_FORM"], &broken, None, &deep);
}
