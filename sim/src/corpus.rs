//! What a simulated run proves, for programs of others: receipts, checkpoints, pairs and ledgers, and altered ones beside
//! them, in the form of the tamper corpus that `tests/interop` reads.
//!
//! ```text
//! DIR/policy.txt                              who has to have cosigned
//! DIR/<ledger>/small/manifest.jsonl           a line {"accept":bool,"file":…,"how":…,"kind":…,"of":…[,"entry":…]} for each file
//! DIR/<ledger>/small/<number>                 checkpoints, receipts, pairs; entry-<index>: the leaf of a receipt
//! DIR/<ledger>/ledgers/log.vkey               the log's key
//! DIR/<ledger>/ledgers/original               the ledger at its last published checkpoint, as files
//! DIR/<ledger>/ledgers/fork-<n>, entry-<n>    one entry altered, with tiles made anew and with the true ones
//! ```
//! This project's verifier sees every altered file first. It refuses the file, or it says the same as of the original,
//! because a note may have more lines than it needs.

use crate::history::History;
use crate::invariants::Snapshot;
use crate::invariants::g20_cosigned::policy;
use crate::random::{Stream, stream};
use crate::tap::ledger as ledger_of;
use rand::Rng;
use selfsame_machine::view::View;
use selfsame_machine::{Genesis, read};
use selfsame_offline::{Options, Writer, verify_input};
use selfsame_protocol::checkpoint_pair::Pair;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::merkle::layout::{TilePath, push_entry};
use selfsame_protocol::merkle::{append_to_tiles, leaf_hash};
use selfsame_protocol::note::{Checkpoint, Note};
use selfsame_protocol::policy::Policy;
use selfsame_protocol::tlog_proof::TlogProof;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Originals of one kind that are altered.
const MOST: usize = 12;
/// Bits of one original that are flipped, each alone.
const BITS: usize = 90;

fn said(error: impl Display) -> String {
    error.to_string()
}

/// Notes of one ledger under which the log's line stands, by size: what the programs of others know.
type Notes = BTreeMap<u64, Note>;

/// Writes everything; gives the number of files, or why it cannot be shown to anybody. `kept` are the notes that nodes
/// published.
pub fn write(
    dir: &Path,
    genesis: &Genesis,
    world: &Snapshot,
    (history, kept): (&History, &[String]),
    seed: u64,
) -> Result<usize, String> {
    let node = world.nodes.iter().find(|node| !world.damaged.contains(&node.id)).ok_or("no sound node runs")?;
    let view = node.state().map_err(said)?;
    let policy = policy(genesis)?;
    fs::create_dir_all(dir).map_err(said)?;
    fs::write(dir.join("policy.txt"), policy.to_text()).map_err(said)?;
    let mut files = 0;
    for ledger in Ledger::BOTH {
        let receipts: Vec<TlogProof> = history
            .receipts
            .iter()
            .filter(|taken| taken.entry.ledger == ledger)
            .filter_map(|taken| TlogProof::parse(taken.proof.as_bytes()).ok())
            .filter(|proof| logged(&proof.note))
            .collect();
        let mut notes = Notes::new();
        let published = history.published.iter().map(|served| &served.note).chain(kept);
        let parsed = published.filter_map(|text| Note::parse(text.as_bytes()).ok());
        for note in parsed.chain(receipts.iter().map(|receipt| receipt.note.clone())).filter(logged) {
            let checkpoint = Checkpoint::parse(&note.text).map_err(said)?;
            if ledger_of(&checkpoint.origin) == Some(ledger) {
                notes.insert(checkpoint.size, note);
            }
        }
        if receipts.is_empty() || notes.len() < 2 {
            return Err(format!(
                "{ledger}: {} receipts, {} checkpoints with the log's line",
                receipts.len(),
                notes.len()
            ));
        }
        let dir = dir.join(ledger.as_str());
        let options = Options { policy: Some(policy.clone()), require_log: true, threads: 1, ..Options::default() };
        let random = stream(seed, &format!("corpus/{ledger}"));
        let mut small = Small::new(&dir.join("small"), options, random)?;
        small.checkpoints(&notes)?;
        small.receipts(&receipts, &notes)?;
        small.pairs(&notes, ledger, &view)?;
        files += small.number;
        ledgers(&dir.join("ledgers"), &policy, ledger, &notes, &view)?;
    }
    Ok(files)
}

fn logged(note: &Note) -> bool {
    Checkpoint::parse(&note.text).is_ok_and(|c| note.signatures.iter().any(|line| line.name == c.origin))
}

/// Files of a few kilobytes.
struct Small {
    dir: PathBuf,
    manifest: fs::File,
    number: usize,
    options: Options,
    random: Stream,
}

impl Small {
    fn new(dir: &Path, options: Options, random: Stream) -> Result<Small, String> {
        fs::create_dir_all(dir).map_err(said)?;
        let manifest = fs::File::create(dir.join("manifest.jsonl")).map_err(said)?;
        Ok(Small { dir: dir.to_owned(), manifest, number: 0, options, random })
    }

    /// What this project's verifier makes of a file: what it says, without the names of those who vouch.
    fn says(&self, bytes: &[u8]) -> Result<Value, String> {
        let input = Box::new(std::io::Cursor::new(bytes.to_vec()));
        let verified = verify_input(input, &self.options, &mut |_, _, _| {}).map_err(said)?;
        let mut detail = verified.detail;
        detail.as_object_mut().map(|members| members.remove("signers"));
        Ok(json!([verified.file_kind, detail]))
    }

    fn put(&mut self, bytes: &[u8], mut line: Value) -> Result<String, String> {
        let file = format!("{:06}", self.number);
        self.number += 1;
        fs::write(self.dir.join(&file), bytes).map_err(said)?;
        line["file"] = json!(file);
        if line["of"].is_null() {
            line["of"] = json!(file);
        }
        writeln!(self.manifest, "{line}").map_err(said)?;
        Ok(file)
    }

    /// An original, and what it is altered to; `entry` names the file with the entry of a receipt.
    fn add(&mut self, kind: &str, original: &[u8], more: Vec<Altered>, entry: Option<&str>) -> Result<(), String> {
        let truth = self.says(original).map_err(|what| format!("the original {kind}: {what}"))?;
        let line = |accept: bool, how: &str, of: Option<&str>| match entry {
            Some(entry) => json!({"accept": accept, "how": how, "kind": kind, "of": of, "entry": entry}),
            None => json!({"accept": accept, "how": how, "kind": kind, "of": of}),
        };
        let of = self.put(original, line(true, "original", None))?;
        let mut altered: Vec<Altered> = Vec::new();
        for _ in 0..BITS {
            let at = self.random.gen_range(0..original.len());
            let mut bytes = original.to_vec();
            bytes[at] ^= 1 << self.random.gen_range(0..8);
            altered.push(("one bit", bytes));
        }
        altered.extend((1..4).map(|part| ("cut short", original[..original.len() * part / 4].to_vec())));
        altered.push(("a byte behind the end", [original, b"x"].concat()));
        altered.extend(more);
        for (how, bytes) in altered {
            match self.says(&bytes) {
                Ok(says) if says != truth => return Err(format!("{kind}, {how}: accepted, and says {says}")),
                Ok(_) | Err(_) => {}
            }
            self.put(&bytes, line(false, how, Some(&of)))?;
        }
        Ok(())
    }

    fn checkpoints(&mut self, notes: &Notes) -> Result<(), String> {
        for (size, note) in notes.iter().rev().take(3) {
            let mut altered = Vec::new();
            for other in notes.values().filter(|other| other.text != note.text).take(3) {
                let mixed = Note { text: other.text.clone(), signatures: note.signatures.clone() };
                altered.push(("signatures of another size", mixed.to_text().into_bytes()));
            }
            let grown = note.text.replacen(&format!("\n{size}\n"), &format!("\n{}\n", size + 1), 1);
            let grown = Note { text: grown, signatures: note.signatures.clone() };
            altered.push(("another size", grown.to_text().into_bytes()));
            self.add("checkpoint", note.to_text().as_bytes(), altered, None)?;
        }
        Ok(())
    }

    fn receipts(&mut self, receipts: &[TlogProof], notes: &Notes) -> Result<(), String> {
        let step = receipts.len().div_ceil(MOST);
        for receipt in receipts.iter().step_by(step) {
            let leaf = receipt.extra.clone().ok_or("a receipt without its entry")?;
            let entry = format!("entry-{}", receipt.index);
            fs::write(self.dir.join(&entry), &leaf).map_err(said)?;
            let text = |receipt: TlogProof| receipt.to_text().into_bytes();
            let same = || receipt.clone();
            let mut altered = vec![("another index", text(TlogProof { index: receipt.index + 1, ..same() }))];
            for at in 0..receipt.path.len() {
                let (mut cut, mut long, mut swapped) = (same(), same(), same());
                cut.path.remove(at);
                long.path.insert(at, Digest::of(b"more"));
                swapped.path[at] = Digest::of(swapped.path[at].as_bytes());
                let how = ["a hash cut out", "a hash put in", "a hash exchanged"];
                altered.extend(how.into_iter().zip([cut, long, swapped].map(text)));
            }
            for other in notes.values().filter(|other| other.text != receipt.note.text).take(2) {
                altered.push(("another checkpoint", text(TlogProof { note: other.clone(), ..same() })));
            }
            if let Some(other) = receipts.iter().find(|other| other.index != receipt.index) {
                let mixed = TlogProof { path: other.path.clone(), index: other.index, ..same() };
                altered.push(("the proof of another entry", text(mixed)));
            }
            self.add("receipt", receipt.to_text().as_bytes(), altered, Some(&entry))?;
        }
        Ok(())
    }

    fn pairs(&mut self, notes: &Notes, ledger: Ledger, view: &dyn View) -> Result<(), String> {
        let all: Vec<(&u64, &Note)> = notes.iter().filter(|(size, _)| **size > 0).collect();
        for two in all.windows(2).take(3) {
            let [(old, before), (new, after)] = two else { continue };
            let proof = read::consistency(view, ledger, **old, **new).map_err(|error| format!("{error:?}"))?;
            let pair = Pair::new(before.to_text(), after.to_text(), proof);
            let mut altered = Vec::new();
            for at in 0..pair.proof.len() {
                let mut other = pair.clone();
                other.proof[at] = Digest::of(other.proof[at].as_bytes());
                altered.push(("a hash exchanged", other.to_bytes()));
            }
            let back = Pair { old: pair.new.clone(), new: pair.old.clone(), ..pair.clone() };
            altered.push(("old and new exchanged", back.to_bytes()));
            self.add("pair", &pair.to_bytes(), altered, None)?;
        }
        Ok(())
    }
}

/// How it was altered, and what it is now.
type Altered = (&'static str, Vec<u8>);

/// The ledger at its last published checkpoint, and false ones beside it.
fn ledgers(dir: &Path, policy: &Policy, ledger: Ledger, notes: &Notes, view: &dyn View) -> Result<(), String> {
    let (size, note) = notes.last_key_value().ok_or("no checkpoint")?;
    let checkpoint = Checkpoint::parse(&note.text).map_err(said)?;
    let leaf = |index| read::leaf(view, ledger, index).map_err(said)?.ok_or(format!("{ledger} {index} is missing"));
    let leaves: Vec<Vec<u8>> = (0..*size).map(leaf).collect::<Result<_, _>>()?;
    let mut writer = Writer::open(&dir.join("original"), ledger).map_err(said)?;
    leaves.iter().try_for_each(|leaf| writer.push(leaf)).map_err(said)?;
    writer.finish(&note.to_text(), &checkpoint).map_err(said)?;
    let key = policy.logs().iter().find(|log| log.vkey.name == checkpoint.origin).ok_or("no log key")?;
    fs::write(dir.join("log.vkey"), key.vkey.to_text()).map_err(said)?;
    for at in (0..leaves.len()).step_by(leaves.len().div_ceil(9)) {
        let mut forged = leaves.clone();
        let last = forged[at].len() / 2;
        forged[at][last] ^= 1;
        for (name, tiles_of) in [("fork", &forged), ("entry", &leaves)] {
            let folder = dir.join(format!("{name}-{at}"));
            anyhow(&folder, &forged, tiles_of)?;
            fs::write(folder.join("checkpoint"), note.to_text()).map_err(said)?;
        }
    }
    Ok(())
}

/// Writes entries, and the tiles of some, without looking at them.
fn anyhow(dir: &Path, leaves: &[Vec<u8>], tiles_of: &[Vec<u8>]) -> Result<(), String> {
    let put = |tile: TilePath, bytes: &[u8]| {
        let path = dir.join(tile.path());
        fs::create_dir_all(path.parent().unwrap_or(dir)).and_then(|()| fs::write(path, bytes)).map_err(said)
    };
    for (index, chunk) in (0..).zip(leaves.chunks(256)) {
        let mut bundle = Vec::new();
        chunk.iter().try_for_each(|leaf| push_entry(&mut bundle, leaf)).ok_or("an entry that is too long")?;
        put(TilePath { level: None, index, width: chunk.len() as u64 }, &bundle)?;
    }
    let hashes: Vec<Digest> = tiles_of.iter().map(|leaf| leaf_hash(leaf)).collect();
    let tiles = append_to_tiles::<String>(0, &hashes, &mut |_| Ok(None)).map_err(|error| format!("{error:?}"))?;
    for (id, bytes) in tiles {
        put(TilePath { level: Some(id.level), index: id.index, width: bytes.len() as u64 / 32 }, &bytes)?;
    }
    Ok(())
}
