//! Alterations of a backup: single bits, and files that somebody made anew with every digest that needs no key.

use crate::objects::{self, checkpoint, ledger, signed, tiles};
use crate::{Case, Named};
use selfsame_machine::Genesis;
use selfsame_machine::state::{META_CLOCK, META_DIGEST, META_GENESIS, hash_key, subject_key};
use selfsame_machine::trees::{head_key, tile_key};
use selfsame_machine::view::Table;
use selfsame_offline::backup::{BackupHeader, PublishedCheckpoints, TYPE, write};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::Entry;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::merkle::{Frontier, leaf_hash};
use selfsame_protocol::note::Checkpoint;
use selfsame_protocol::number::NodeId;
use selfsame_protocol::subject::Subject;
use selfsame_protocol::time::Timestamp;
use serde_json::json;
use std::collections::BTreeMap;

/// A full bundle, a partial one, and a tile of level 1; the newest entries are behind the checkpoint.
const SIZES: [(u64, u64); 2] = [(330, 322), (40, 40)];
const CHUNK: usize = 40_000;

/// A row with the number of its table.
type Row = (u8, Vec<u8>, Vec<u8>);

/// A backup in parts, of which the bytes are made with digests that hold.
#[derive(Clone)]
pub struct Made {
    header: BackupHeader,
    meta: serde_json::Value,
    rows: Vec<Row>,
}

fn genesis() -> Genesis {
    serde_json::from_value(json!({
        "cluster": "demo", "origin": "demo.example",
        "limits": {"max_submission_bytes": 4_194_304, "max_items": 1000, "max_item_bytes": 60_000},
        "organisations": [], "nodes": [],
    }))
    .unwrap()
}

/// What a state has beside its ledgers, as far as these entries demand it.
fn derived(genesis: &Genesis, leaves: &[Vec<Vec<u8>>; 2]) -> Vec<Row> {
    let founding = genesis.changes().into_iter().filter(|((_, key), _)| key != META_DIGEST && key != META_GENESIS);
    let mut rows: Vec<Row> = founding.map(|((table, key), value)| (table as u8, key, value.unwrap())).collect();
    let mut ends = BTreeMap::new();
    let mut clock = 0;
    for (ledger, leaves) in Ledger::BOTH.into_iter().zip(leaves) {
        for leaf in leaves {
            let (entry, hash) = (Entry::from_leaf(leaf).unwrap(), leaf_hash(leaf));
            let (index, subject) = (entry.index.0.to_be_bytes().to_vec(), entry.subject.to_string());
            clock = clock.max(entry.time.millis());
            rows.push((Table::Subjects as u8, subject_key(&entry.subject, ledger, entry.depth.0), index.clone()));
            rows.push((Table::EntryHashes as u8, hash_key(ledger, &hash), index));
            if ledger == Ledger::Evidence && entry.depth.0 == 0 {
                let Subject::Run(run) = entry.subject else { panic!("{}", entry.subject) };
                rows.push((Table::Runs as u8, run.as_bytes().to_vec(), b"{}".to_vec()));
            }
            let end = [&(entry.depth.0 + 1).to_be_bytes()[..], hash.as_bytes()].concat();
            ends.insert(format!("chain/{ledger}/{subject}").into_bytes(), end);
        }
    }
    rows.extend(ends.into_iter().map(|(key, end)| (Table::Meta as u8, key, end)));
    rows.push((Table::Meta as u8, META_CLOCK.to_vec(), clock.to_be_bytes().to_vec()));
    for table in [Table::Submissions, Table::Requests] {
        rows.push((table as u8, vec![0; 32], b"{}".to_vec()));
    }
    rows
}

impl Made {
    pub fn new() -> Made {
        Made::of(&[leaves(Ledger::Evidence), leaves(Ledger::Reasoning)])
    }

    /// The backup of ledgers, with trees, tiles and checkpoints that fit.
    fn of(leaves: &[Vec<Vec<u8>>; 2]) -> Made {
        let genesis = genesis();
        let digest = genesis.digest().to_string();
        let mut rows: Vec<Row> = vec![
            (Table::Meta as u8, META_DIGEST.to_vec(), vec![7; 32]),
            (Table::Meta as u8, META_GENESIS.to_vec(), serde_json::to_vec(&genesis).unwrap()),
        ];
        let mut notes = Vec::new();
        for (ledger, leaves) in Ledger::BOTH.into_iter().zip(leaves) {
            let mut tree = Frontier::default();
            leaves.iter().for_each(|leaf| tree.append(leaf_hash(leaf)));
            rows.push((Table::Meta as u8, head_key(ledger), tree.to_bytes()));
            let table = [Table::Evidence, Table::Reasoning][ledger.slot()] as u8;
            let entries = (0_u64..).zip(leaves).map(|(at, leaf)| (table, at.to_be_bytes().to_vec(), leaf.clone()));
            rows.extend(entries);
            let tile = |(id, bytes)| (Table::Tiles as u8, tile_key(ledger, id), bytes);
            rows.extend(tiles(leaves).into_iter().map(tile));
            let covered = (SIZES[ledger.slot()].1 as usize).min(leaves.len());
            notes.push(signed(&checkpoint(ledger, &leaves[..covered]), 0).to_text());
        }
        rows.extend(derived(&genesis, leaves));
        rows.sort();
        let reasoning = notes.pop();
        Made {
            header: BackupHeader {
                backup: TYPE.into(),
                checkpoints: PublishedCheckpoints { evidence: notes.pop(), reasoning },
                cluster: "demo".into(),
                genesis: digest.clone(),
                node: NodeId(1),
                taken: Timestamp::from_millis(objects::TIME * 1_000),
            },
            meta: json!({"cluster": "demo", "genesis": digest, "applied": {
                "position": {"term": 1, "node": 1, "index": 400}, "membership": "{}", "digest": "07".repeat(32),
            }}),
            rows,
        }
    }

    /// The same with a checkpoint under the name of another log, which nobody asks about who trusts nobody.
    pub fn of_another_log(&self) -> Made {
        let real = checkpoint(Ledger::Evidence, &leaves(Ledger::Evidence)[..SIZES[0].1 as usize]);
        let mut other = self.clone();
        other.header.checkpoints.evidence =
            Some(signed(&Checkpoint { origin: "other.example/evidence".into(), ..real }, 0).to_text());
        other
    }

    fn snapshot(&self) -> Vec<u8> {
        let header = serde_json::to_vec(&self.meta).unwrap();
        let mut out = [b"SFSNAP01", &(header.len() as u32).to_be_bytes()[..], &header].concat();
        let mut total = blake3::Hasher::new();
        total.update(&header);
        let (mut chunks, mut chunk) = (0_u64, Vec::new());
        let mut flush = |chunk: &mut Vec<u8>, out: &mut Vec<u8>| {
            let digest = blake3::hash(chunk);
            total.update(digest.as_bytes());
            out.push(1);
            out.extend_from_slice(&(chunk.len() as u32).to_be_bytes());
            out.extend_from_slice(digest.as_bytes());
            out.append(chunk);
            chunks += 1;
        };
        for (table, key, value) in &self.rows {
            chunk.push(*table);
            for part in [key, value] {
                chunk.extend_from_slice(&(part.len() as u32).to_be_bytes());
                chunk.extend_from_slice(part);
            }
            if chunk.len() > CHUNK {
                flush(&mut chunk, &mut out);
            }
        }
        flush(&mut chunk, &mut out);
        out.push(0);
        out.extend_from_slice(&chunks.to_be_bytes());
        out.extend_from_slice(total.finalize().as_bytes());
        out
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        write(&mut out, &self.header, &mut &self.snapshot()[..], |_| {}).unwrap();
        out
    }

    fn row(&mut self, table: Table, at: usize) -> &mut Row {
        self.rows.iter_mut().filter(|row| row.0 == table as u8).nth(at).unwrap()
    }

    fn meta_row(&mut self, key: &[u8]) -> &mut Vec<u8> {
        &mut self.rows.iter_mut().find(|row| row.0 == 0 && row.1 == key).unwrap().2
    }
}

fn leaves(of: Ledger) -> Vec<Vec<u8>> {
    ledger(of, SIZES[of.slot()].0, &|_, _| {})
}

/// Evidence with one entry changed, and everything after it, tree and tiles included, as the change makes it.
fn changed(change: &dyn Fn(u64, &mut Entry)) -> Made {
    Made::of(&[ledger(Ledger::Evidence, SIZES[0].0, change), leaves(Ledger::Reasoning)])
}

/// The digest of the whole file made anew over bytes that were changed.
fn sealed(mut bytes: Vec<u8>, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    bytes.truncate(bytes.len() - 32);
    change(&mut bytes);
    let digest = blake3::hash(&bytes);
    bytes.extend_from_slice(digest.as_bytes());
    bytes
}

const HEADER: &[&str] = &[
    "FILE_KIND",
    "UNSUPPORTED_VERSION",
    "BACKUP_FORM",
    "BACKUP_HEADER",
    "BACKUP_DIGEST",
    "CHECKPOINT_FORM",
    "CHECKPOINT_SIGNATURE",
    "CHECKPOINT_ORIGIN",
    "POLICY_ORIGIN",
    "POLICY_QUORUM",
    "POLICY_LOG",
    "CLUSTER",
    "BACKUP_GENESIS",
];
const SNAPSHOT: &[&str] = &[
    "BACKUP_FORM",
    "UNSUPPORTED_VERSION",
    "BACKUP_DIGEST",
    "SNAPSHOT_HEADER",
    "SNAPSHOT_FORM",
    "SNAPSHOT_CHUNK",
    "SNAPSHOT_DIGEST",
    "CLUSTER",
    "BACKUP_GENESIS",
    "STATE_DIGEST",
];

pub fn cases(made: &Made) -> Vec<Case> {
    let mut cases = Vec::new();
    let bytes = made.bytes();
    let begin = bytes.windows(8).position(|window| window == b"SFSNAP01").unwrap();
    let mut add = |how, input, named| cases.push(Case { kind: "backup", how, input, named: Named::By(named) });
    let mut flip = |how, at: usize, named| {
        let mut input = bytes.clone();
        input[at] ^= 1 << (at % 8);
        add(how, input, named);
    };
    (0..begin).step_by(9).for_each(|at| flip("one bit of the header", at, HEADER));
    (begin..begin + 300).for_each(|at| flip("one bit of the snapshot's header", at, SNAPSHOT));
    (begin + 300..bytes.len() - 32).step_by(1_499).for_each(|at| flip("one bit of the rows", at, SNAPSHOT));
    (bytes.len() - 73..bytes.len() - 32).for_each(|at| flip("one bit of the snapshot's end", at, SNAPSHOT));
    (bytes.len() - 32..bytes.len()).for_each(|at| flip("one bit of the digest", at, &["BACKUP_DIGEST"]));
    for part in 1..40 {
        let how = "cut short";
        let named: &[&str] = if bytes.len() * part / 40 < 64 { HEADER } else { &["BACKUP_FORM"] };
        add(how, bytes[..bytes.len() * part / 40].to_vec(), named);
    }
    add("a byte behind the end", [&bytes[..], b"x"].concat(), &["BACKUP_FORM"]);
    let inside = begin + 40_000;
    add("a row, the file's digest anew", sealed(bytes.clone(), |b| b[inside] ^= 1), &["SNAPSHOT_CHUNK"]);
    let end = bytes.len() - 40;
    add("the snapshot's digest", sealed(bytes.clone(), |b| b[end] ^= 1), &["SNAPSHOT_DIGEST"]);
    add("a later format", sealed(bytes.clone(), |b| b[7] = b'2'), &["UNSUPPORTED_VERSION"]);
    add("a snapshot of a later format", sealed(bytes.clone(), |b| b[begin + 7] = b'2'), &["UNSUPPORTED_VERSION"]);
    rows(made, &mut add);
    histories(&mut add);
    headers(made, &mut add);
    cases
}

type Add<'a> = &'a mut dyn FnMut(&'static str, Vec<u8>, &'static [&'static str]);

/// Rows of the state changed, with every digest of the file made anew.
fn rows(made: &Made, add: Add<'_>) {
    let mut with = |how, named, change: &dyn Fn(&mut Made)| {
        let mut other = made.clone();
        change(&mut other);
        add(how, other.bytes(), named);
    };
    for at in (0..SIZES[0].0 as usize).step_by(13) {
        // Letters stand in the place of others, so that the form holds and the tree does not.
        with("a letter of an entry", &["TREE_HEAD", "ENTRY_FORM", "PRIOR_ENTRY_HASH"], &|made| {
            let leaf = &mut made.row(Table::Evidence, at).2;
            let digit = leaf.windows(7).position(|window| window == b"\"note\":").unwrap() + 7;
            leaf[digit] = if leaf[digit] == b'9' { b'8' } else { leaf[digit] + 1 };
        });
        with("an entry cut out", &["ENTRY_MISSING", "TREE_HEAD"], &|made| {
            let row = made.row(Table::Evidence, at).clone();
            made.rows.retain(|other| *other != row);
        });
        with("an entry under another index", &["ENTRY_MISSING", "ROW_ORDER"], &|made| {
            made.row(Table::Evidence, at).1 = (at as u64 + 1).to_be_bytes().to_vec();
        });
    }
    for at in 0..SIZES[0].0 as usize - 1 {
        if at % 29 == 0 {
            with("two entries exchanged", &["ENTRY_INDEX"], &|made| {
                let other = made.row(Table::Evidence, at + 1).2.clone();
                let one = std::mem::replace(&mut made.row(Table::Evidence, at).2, other);
                made.row(Table::Evidence, at + 1).2 = one;
            });
        }
    }
    let count = made.rows.iter().filter(|row| row.0 == Table::Tiles as u8).count();
    assert_eq!(count, 4);
    for at in 0..count {
        with("a tile", &["TILE_HASH"], &|made| made.row(Table::Tiles, at).2[5] ^= 1);
        with("a tile cut out", &["TILE_MISSING"], &|made| {
            let row = made.row(Table::Tiles, at).clone();
            made.rows.retain(|other| *other != row);
        });
        with("a hash of a tile cut out", &["TILE_MISSING"], &|made| {
            let tile = &mut made.row(Table::Tiles, at).2;
            tile.truncate(tile.len() - 32);
        });
    }
    with("a tile of a third ledger", &["TILE_MISSING"], &|made| {
        made.rows.push((Table::Tiles as u8, vec![2; 10], vec![0; 32]));
        made.rows.sort();
    });
    for (how, table) in
        [("an index of subjects altered", Table::Subjects), ("an index of hashes altered", Table::EntryHashes)]
    {
        with(how, &["DERIVED_ROW"], &|made| made.row(table, 7).2[7] ^= 1);
    }
    with("the end of a chain altered", &["DERIVED_ROW"], &|made| {
        let end = made.rows.iter_mut().find(|row| row.1.starts_with(b"chain/reasoning/")).unwrap();
        end.2[30] ^= 1;
    });
    with("no ends of chains", &["DERIVED_ROW"], &|made| made.rows.retain(|row| !row.1.starts_with(b"chain/")));
    with("no derived tables", &["DERIVED_ROW"], &|made| made.rows.retain(|row| row.0 <= Table::Tiles as u8));
    with("a run that nobody declared", &["DERIVED_ROW"], &|made| made.row(Table::Runs, 2).1[3] ^= 1);
    with("an organisation that nobody added", &["DERIVED_ROW"], &|made| {
        made.rows.push((Table::Organisations as u8, b"other".to_vec(), b"{}".to_vec()));
        made.rows.sort();
    });
    with("a clock before the last entry", &["STATE_CLOCK"], &|made| made.meta_row(META_CLOCK)[2] = 0);
    with("no clock", &["STATE_CLOCK"], &|made| made.rows.retain(|row| row.1 != META_CLOCK));
    with("no constitution", &["STATE_CONSTITUTION"], &|made| made.rows.retain(|row| row.1 != b"constitution"));
    with("a row of no table", &["SNAPSHOT_FORM"], &|made| made.rows.push((99, vec![1], vec![1])));
    with("a row twice", &["ROW_ORDER"], &|made| {
        let row = made.rows.last().unwrap().clone();
        made.rows.push(row);
    });
    with("tables exchanged", &["TILE_MISSING"], &|made| {
        let last = made.rows.iter().rposition(|row| row.0 == Table::Tiles as u8).unwrap();
        made.rows.swap(last, last + 1);
    });
    with("another state digest", &["STATE_DIGEST"], &|made| made.meta_row(META_DIGEST)[3] ^= 1);
    with("no consensus identity", &["BACKUP_GENESIS"], &|made| made.rows.retain(|row| row.1 != META_GENESIS));
    with("another consensus identity", &["BACKUP_GENESIS"], &|made| {
        let row = made.meta_row(META_GENESIS);
        *row = String::from_utf8(row.clone()).unwrap().replace("60000", "50000").into_bytes();
    });
    with("another tree", &["TREE_HEAD"], &|made| made.meta_row(&head_key(Ledger::Evidence))[20] ^= 1);
    with("no tree", &["TREE_HEAD"], &|made| made.rows.retain(|row| row.1 != head_key(Ledger::Reasoning)));
    with("the snapshot of another cluster", &["CLUSTER"], &|made| made.meta["cluster"] = json!("other"));
    with("a member of the snapshot's header", &["SNAPSHOT_HEADER"], &|made| made.meta["more"] = json!(1));
}

/// Histories made anew in full: entries, chains, trees and tiles fit, and nobody signed them.
fn histories(add: Add<'_>) {
    let truth = Made::new();
    let under_true_notes = |other: Made| Made { header: truth.header.clone(), ..other }.bytes();
    for at in (0..SIZES[0].1).step_by(23) {
        let forged = changed(&|index, entry| {
            if index == at {
                entry.submission = Digest::of(b"x");
            }
        });
        add("a history made anew", under_true_notes(forged), &["TREE_ROOT"]);
    }
    let short = [ledger(Ledger::Evidence, 300, &|_, _| {}), leaves(Ledger::Reasoning)];
    add("the newest entries cut off", under_true_notes(Made::of(&short)), &["CHECKPOINT_SIZE"]);
    let none = [Vec::new(), leaves(Ledger::Reasoning)];
    add("an empty ledger", under_true_notes(Made::of(&none)), &["CHECKPOINT_SIZE"]);
    // By those who can sign: what breaks the chains and the order is found all the same.
    let fork = |change: &dyn Fn(u64, &mut Entry)| changed(change).bytes();
    let no_prior = |at: u64, entry: &mut Entry| {
        if at == 100 {
            entry.prior_entry_hash = Some(Digest::of(b"another"));
        }
    };
    add("another entry before, signed", fork(&no_prior), &["PRIOR_ENTRY_HASH"]);
    add("a depth, signed", fork(&|at, entry| entry.depth.0 += u64::from(at == 200)), &["ENTRY_DEPTH"]);
    let early = |at: u64, entry: &mut Entry| {
        if at == 150 {
            entry.time = Timestamp::from_millis(1);
        }
    };
    add("a time before, signed", fork(&early), &["ENTRY_TIME"]);
}

/// The header changed.
fn headers(made: &Made, add: Add<'_>) {
    let mut with = |how, named, change: &dyn Fn(&mut BackupHeader)| {
        let mut other = made.clone();
        change(&mut other.header);
        add(how, other.bytes(), named);
    };
    with("another cluster", &["CLUSTER"], &|header| header.cluster = "other".into());
    with("another identity", &["BACKUP_GENESIS"], &|header| header.genesis = Digest::of(b"x").to_string());
    with("a later type", &["UNSUPPORTED_VERSION"], &|header| header.backup = "selfsame/backup/v2".into());
    with("checkpoints exchanged", &["CHECKPOINT_ORIGIN"], &|header| {
        let PublishedCheckpoints { evidence, reasoning } = header.checkpoints.clone();
        header.checkpoints = PublishedCheckpoints { evidence: reasoning, reasoning: evidence };
    });
    with("a checkpoint cut out", &["CHECKPOINT_MISSING"], &|header| header.checkpoints.reasoning = None);
    let of = |seed, origin: &str| {
        let real = checkpoint(Ledger::Evidence, &leaves(Ledger::Evidence)[..SIZES[0].1 as usize]);
        Some(signed(&Checkpoint { origin: origin.into(), ..real }, seed).to_text())
    };
    with("a checkpoint by other keys", &["POLICY_QUORUM"], &|header| {
        header.checkpoints.evidence = of(100, "demo.example/evidence");
    });
    with("a checkpoint of another log", &["POLICY_ORIGIN"], &|header| {
        header.checkpoints.evidence = of(0, "other.example/evidence");
    });
    let forged =
        ledger(Ledger::Evidence, SIZES[0].1, &|at, entry| entry.submission = Digest::of(&at.to_be_bytes()[6..]));
    let note = signed(&checkpoint(Ledger::Evidence, &forged), 0).to_text();
    with("the checkpoint of a fork, signed", &["TREE_ROOT"], &|header| {
        header.checkpoints.evidence = Some(note.clone())
    });
}
