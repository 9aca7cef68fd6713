//! Checkpoints, tiles and proofs of selfsame before the crates `signed_note` and `tlog_tiles` of others; nothing of
//! selfsame's own code is linked. `tests/interop/run` gives the folder of the tamper corpus.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use signed_note::{Note, StandardVerifier, Verifier, VerifierList};
use std::error::Error;
use std::path::{Path, PathBuf};
use tlog_tiles::{Checkpoint, Hash, Tile, TileHashReader, TileReader};

type Done<T> = Result<T, Box<dyn Error>>;

/// The checkpoint of a note that the log's key signed.
fn checkpoint(note: &[u8], key: &str) -> Done<Checkpoint> {
    let note = Note::from_bytes(note).map_err(|e| format!("{e:?}"))?;
    let verifier = StandardVerifier::new(key).map_err(|e| format!("{e:?}"))?;
    let known = VerifierList::new(vec![Box::new(verifier) as Box<dyn Verifier>]);
    note.verify(&known).map_err(|e| format!("{e:?}"))?;
    Ok(Checkpoint::from_bytes(note.text()).map_err(|e| format!("{e:?}"))?)
}

/// Tiles of a folder in the static layout.
struct Folder(PathBuf);

impl TileReader for Folder {
    fn height(&self) -> u8 {
        8
    }
    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        let read = |tile: &Tile| {
            // The crate names tiles as Go's checksum database does: tile/<height>/<level>/…
            let path = tile.path().replacen("tile/8/", "tile/", 1);
            let bytes = std::fs::read(self.0.join(&path)).map_err(|_| tlog_tiles::Error::InvalidTile)?;
            (bytes.len() == tile.width() as usize * 32).then_some(bytes).ok_or(tlog_tiles::Error::InvalidTile)
        };
        tiles.iter().map(read).collect()
    }
    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

fn entries(folder: &Path, size: u64) -> Done<Vec<Vec<u8>>> {
    let mut out = Vec::new();
    for bundle in 0..size.div_ceil(256) {
        let width = (size - bundle * 256).min(256);
        let partial = if width < 256 { format!(".p/{width}") } else { String::new() };
        let bytes = std::fs::read(folder.join(format!("tile/entries/{bundle:03}{partial}")))?;
        let mut rest = &bytes[..];
        while let Some((length, behind)) = rest.split_first_chunk::<2>() {
            let (entry, behind) =
                behind.split_at_checked(usize::from(u16::from_be_bytes(*length))).ok_or("a bundle that was cut")?;
            out.push(entry.to_vec());
            rest = behind;
        }
    }
    if out.len() as u64 == size { Ok(out) } else { Err(format!("{} entries of {size}", out.len()).into()) }
}

/// Every entry of a folder proven by the tiles that lead to the signed root; gives their number.
fn ledger(folder: &Path, key: &str) -> Done<u64> {
    let head = checkpoint(&std::fs::read(folder.join("checkpoint"))?, key)?;
    let reader = Folder(folder.to_path_buf());
    let tiles = TileHashReader::new(head.size(), *head.hash(), &reader);
    for (index, entry) in (0..).zip(entries(folder, head.size())?) {
        let proof = tlog_tiles::prove_record(head.size(), index, &tiles).map_err(|e| format!("{e:?}"))?;
        tlog_tiles::check_record(&proof, head.size(), *head.hash(), index, tlog_tiles::record_hash(&entry))
            .map_err(|e| format!("entry {index}: {e:?}"))?;
    }
    Ok(head.size())
}

fn hash(text: &str) -> Done<Hash> {
    Ok(Hash(STANDARD.decode(text)?.try_into().map_err(|_| "32 bytes")?))
}

/// A receipt: its proof, our leaf hash and the note, before the crates of others.
fn receipt(text: &str, entry: &[u8], key: &str) -> Done<u64> {
    let (head, note) = text.split_once("\n\n").ok_or("no note")?;
    let mut lines = head.split('\n').peekable();
    if lines.next() != Some("c2sp.org/tlog-proof@v1") {
        return Err("another version".into());
    }
    // Data beside the proof that nothing vouches for.
    if let Some(extra) = lines.next_if(|line| line.starts_with("extra ")) {
        STANDARD.decode(&extra["extra ".len()..])?;
    }
    let index: u64 = lines.next().and_then(|line| line.strip_prefix("index ")).ok_or("no index")?.parse()?;
    let proof = lines.map(hash).collect::<Done<Vec<Hash>>>()?;
    let head = checkpoint(note.as_bytes(), key)?;
    tlog_tiles::check_record(&proof, head.size(), *head.hash(), index, tlog_tiles::record_hash(entry))
        .map_err(|e| format!("{e:?}"))?;
    Ok(index)
}

/// A pair of checkpoints with its consistency proof.
fn pair(bytes: &[u8], key: &str) -> Done<(u64, u64)> {
    let pair: Value = serde_json::from_slice(bytes)?;
    let note = |name: &str| -> Done<Checkpoint> { checkpoint(pair[name].as_str().ok_or(name)?.as_bytes(), key) };
    let (old, new) = (note("old")?, note("new")?);
    let digest = |value: &Value| -> Done<Hash> {
        let hex = value.as_str().and_then(|text| text.strip_prefix("sha256:")).ok_or("a digest")?;
        let bytes: Result<Vec<u8>, _> =
            (0..32).map(|at| u8::from_str_radix(hex.get(at * 2..at * 2 + 2).unwrap_or("x"), 16)).collect();
        Ok(Hash(bytes?.try_into().map_err(|_| "32 bytes")?))
    };
    let proof = pair["proof"].as_array().ok_or("proof")?.iter().map(digest).collect::<Done<Vec<Hash>>>()?;
    tlog_tiles::check_tree(&proof, new.size(), *new.hash(), old.size(), *old.hash()).map_err(|e| format!("{e:?}"))?;
    Ok((old.size(), new.size()))
}

fn main() -> Done<()> {
    let corpus = PathBuf::from(std::env::args().nth(1).ok_or("usage: selfsame-interop CORPUS")?);
    let key = std::fs::read_to_string(corpus.join("ledgers/log.vkey"))?;
    let manifest = std::fs::read_to_string(corpus.join("small/manifest.jsonl"))?;
    let mut counts = std::collections::BTreeMap::<(String, &str), u32>::new();
    let mut original = std::collections::BTreeMap::<String, String>::new();
    let mut wrong = 0;
    for line in manifest.lines() {
        let case: Value = serde_json::from_str(line)?;
        let text = |name: &str| case[name].as_str().unwrap_or_default().to_owned();
        let bytes = std::fs::read(corpus.join("small").join(text("file")))?;
        // The original that it was made of, and the entry that its receipts are about.
        let of = if case["of"].is_string() { text("of") } else { text("kind") };
        let entry = case["entry"].as_str().unwrap_or("entry");
        // What was believed, in words: an altered file may be accepted only when it still says the same (these crates look
        // at the log's line alone, so that a changed cosignature does not concern them).
        let believed = match text("kind").as_str() {
            "checkpoint" => checkpoint(&bytes, &key).map(|c| format!("{} {:?}", c.size(), c.hash().0)),
            "receipt" => String::from_utf8(bytes)
                .map_err(Into::into)
                .and_then(|text| receipt(&text, &std::fs::read(corpus.join("small").join(entry))?, &key))
                .map(|index| index.to_string()),
            "pair" => pair(&bytes, &key).map(|sizes| format!("{sizes:?}")),
            _ => continue,
        };
        let verdict = match (case["accept"].as_bool().unwrap_or(false), believed) {
            (true, Ok(said)) => {
                original.insert(of, said);
                "original, accepted"
            }
            (true, Err(error)) => {
                eprintln!("the original {} is refused: {error}", text("kind"));
                wrong += 1;
                "original, REFUSED"
            }
            (false, Err(_)) => "altered, refused",
            (false, Ok(said)) if original.get(&of) == Some(&said) => "altered, says the same",
            (false, Ok(_)) => {
                eprintln!("{}: {} in {} is accepted", text("kind"), text("how"), text("file"));
                wrong += 1;
                "altered, ACCEPTED"
            }
        };
        *counts.entry((text("kind"), verdict)).or_default() += 1;
    }
    for folder in std::fs::read_dir(corpus.join("ledgers"))? {
        let folder = folder?.path();
        if !folder.is_dir() {
            continue;
        }
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (good, read) = (name == "original", ledger(&folder, &key));
        let verdict = match (good, &read) {
            (true, Ok(_)) => "original, accepted",
            (false, Err(_)) => "altered, refused",
            _ => {
                eprintln!("ledger {name}: {read:?}");
                wrong += 1;
                "WRONG"
            }
        };
        *counts.entry(("ledger".into(), verdict)).or_default() += 1;
    }
    for ((kind, verdict), count) in &counts {
        println!("{kind:<12} {verdict:<24} {count:>6}");
    }
    if wrong == 0 && counts.len() >= 8 { Ok(()) } else { Err(format!("{wrong} wrong of {counts:?}").into()) }
}
