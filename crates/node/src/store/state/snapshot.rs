//! Snapshots: one consistent state in one file, written and read in chunks.
//!
//! ```text
//! file   = "SFSNAP01" ‖ u32be len ‖ header JSON ‖ chunk* ‖ end
//! chunk  = 0x01 ‖ u32be len ‖ BLAKE3(rows) ‖ rows            rows of at most about 1 MiB
//! row    = table u8 ‖ u32be len ‖ key ‖ u32be len ‖ value
//! end    = 0x00 ‖ u64be chunks ‖ BLAKE3( header JSON ‖ every chunk's digest )
//! ```
//! The end is written only after everything before it is durable: a file with a right end was whole. An import verifies
//! the whole file before it changes anything; a start reads its structure alone. Memory is bounded by one chunk and redb's
//! cache.

use super::applied::AppliedMark;
use crate::store::error::SnapshotError;
use crate::store::records::encode;
use selfsame_env::{Disk, DiskFile};
use selfsame_machine::view::{Row, Table};
use selfsame_protocol::digest::hex;
use selfsame_protocol::planted;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

const MAGIC: &[u8; 8] = b"SFSNAP01";
const CHUNK: usize = 1 << 20;
/// A chunk ends with the row that passes CHUNK; a row is at most a submission (4 MiB) or a list of tiles.
const MAX_CHUNK: usize = 16 << 20;
/// Membership of a few dozen nodes and fixed members.
const MAX_HEADER: usize = 1 << 20;

/// What a snapshot holds, from its header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnapshotMeta {
    /// Cluster id.
    pub cluster: String,
    /// Genesis digest.
    pub genesis: String,
    /// AppliedMark mark of the state.
    pub applied: AppliedMark,
}

/// A snapshot file. The handle keeps the bytes readable even after the name was removed.
#[derive(Clone, Debug)]
pub struct SnapshotFile {
    /// Name in the data directory.
    pub name: String,
    /// The bytes.
    pub file: Arc<dyn DiskFile>,
}

struct Cursor<'a> {
    snapshot: &'a SnapshotFile,
    at: u64,
}

impl SnapshotFile {
    pub(super) fn bad(&self, rule: &'static str, expected: impl ToString, found: impl ToString) -> SnapshotError {
        SnapshotError::Bad { name: self.name.clone(), rule, expected: expected.to_string(), found: found.to_string() }
    }

    /// Reads and checks the header alone.
    pub fn meta(&self) -> Result<SnapshotMeta, SnapshotError> {
        Ok(Cursor { snapshot: self, at: 0 }.header()?.0)
    }

    /// Verifies the whole file, and gives the rows of one table, of which there are few.
    pub(crate) fn verify_with(&self, wanted: Table) -> Result<(SnapshotMeta, Vec<Row>), SnapshotError> {
        let mut found = Vec::new();
        let meta = self.walk(|rows| {
            let wanted = rows.iter().filter(|(table, ..)| *table == wanted);
            found.extend(wanted.map(|(_, key, value)| (key.to_vec(), value.to_vec())));
            Ok(())
        })?;
        Ok((meta, found))
    }

    /// The newest snapshot in a directory that begins and ends as one that is whole; `None` when there is none. Whoever
    /// uses it verifies it.
    pub fn newest(disk: &dyn Disk) -> std::io::Result<Option<SnapshotFile>> {
        for name in disk.list()?.into_iter().rev().filter(|name| name.ends_with(".snap")) {
            // One that is removed in between was not the newest.
            let Ok(file) = disk.open(&name, false) else { continue };
            let snapshot = SnapshotFile { name, file };
            if snapshot.verify().is_ok() {
                return Ok(Some(snapshot));
            }
        }
        Ok(None)
    }

    /// Verifies the whole file.
    pub fn verify(&self) -> Result<SnapshotMeta, SnapshotError> {
        self.walk(|_| Ok(()))
    }

    /// Verifies everything but the rows: header, heads of the chunks, and the end over them. The end of an exported one is
    /// written last, so it was whole once; damage in the rows is found by whoever reads them.
    pub(super) fn verify_structure(&self) -> Result<SnapshotMeta, SnapshotError> {
        self.chunks(|cursor, _, len| cursor.skip(len))
    }

    /// Verifies every digest, and that the rows ascend by table and key; `each` sees the rows of each chunk on the way.
    pub(super) fn walk(
        &self,
        mut each: impl FnMut(&[Placed<'_>]) -> Result<(), SnapshotError>,
    ) -> Result<SnapshotMeta, SnapshotError> {
        let mut last: Option<(Table, Vec<u8>)> = None;
        self.chunks(|cursor, stored, len| {
            let chunk = cursor.take(len)?;
            let found = blake3::hash(&chunk);
            if found.as_bytes()[..] != *stored && !planted!("snapshot_chunk_digest_ignored") {
                return Err(self.bad("a chunk matches its digest", hex(stored), found.to_hex()));
            }
            let rows = self.rows(&chunk)?;
            let mut before = last.as_ref().map(|(table, key)| (*table, &key[..]));
            for (table, key, _) in &rows {
                let place = (*table, *key);
                if let Some(before) = before.replace(place)
                    && before >= place
                {
                    let said = |(table, key): (Table, &[u8])| format!("{} {}", table.name(), hex(key));
                    let expected = format!("a row after {}", said(before));
                    return Err(self.bad("rows ascend by table and key", expected, said(place)));
                }
            }
            last = before.map(|(table, key)| (table, key.to_vec()));
            each(&rows)
        })
    }

    /// Verifies header, heads of the chunks and end; `chunk` is at the rows of each chunk, with their digest and length,
    /// and moves behind them.
    fn chunks(
        &self,
        mut chunk: impl FnMut(&mut Cursor<'_>, &[u8], usize) -> Result<(), SnapshotError>,
    ) -> Result<SnapshotMeta, SnapshotError> {
        let mut cursor = Cursor { snapshot: self, at: 0 };
        let (meta, header) = cursor.header()?;
        let mut total = blake3::Hasher::new();
        total.update(&header);
        let mut chunks = 0u64;
        loop {
            match cursor.take(1)?[0] {
                1 => {
                    let len = cursor.length(MAX_CHUNK, "bytes of a chunk")?;
                    let stored = cursor.take(32)?;
                    total.update(&stored);
                    chunks += 1;
                    chunk(&mut cursor, &stored, len)?;
                }
                0 => break,
                other => return Err(self.bad("a part is a chunk (1) or the end (0)", "0 or 1", other)),
            }
        }
        let stored_chunks = cursor.take(8)?;
        if stored_chunks[..] != chunks.to_be_bytes() {
            return Err(self.bad("the end counts the chunks", hex(&stored_chunks), chunks));
        }
        let stored = cursor.take(32)?;
        let found = total.finalize();
        if found.as_bytes()[..] != stored[..] {
            return Err(self.bad("the file matches its total digest", hex(&stored), found.to_hex()));
        }
        match self.file.len()? {
            len if len == cursor.at => Ok(meta),
            len => Err(self.bad("nothing follows the end", cursor.at, len)),
        }
    }

    fn rows<'a>(&self, mut chunk: &'a [u8]) -> Result<Vec<Placed<'a>>, SnapshotError> {
        fn part<'a>(chunk: &mut &'a [u8]) -> Option<&'a [u8]> {
            let (len, rest) = chunk.split_first_chunk::<4>()?;
            let (part, rest) = rest.split_at_checked(u32::from_be_bytes(*len) as usize)?;
            *chunk = rest;
            Some(part)
        }
        let mut rows = Vec::new();
        while let Some((&number, rest)) = chunk.split_first() {
            let table =
                Table::from_number(number).ok_or_else(|| self.bad("a row names a table", "a number", number))?;
            chunk = rest;
            let short = || self.bad("a row lies inside its chunk", "key and value", "fewer bytes");
            let key = part(&mut chunk).ok_or_else(short)?;
            let value = part(&mut chunk).ok_or_else(short)?;
            rows.push((table, key, value));
        }
        Ok(rows)
    }
}

/// A row of a table: key and value.
pub(super) type Placed<'a> = (Table, &'a [u8], &'a [u8]);

impl Cursor<'_> {
    fn skip(&mut self, len: usize) -> Result<(), SnapshotError> {
        let end = self.at.saturating_add(len as u64);
        let have = self.snapshot.file.len()?;
        if end > have {
            return Err(self.snapshot.bad("the file is whole", end, have));
        }
        self.at = end;
        Ok(())
    }
    fn take(&mut self, len: usize) -> Result<Vec<u8>, SnapshotError> {
        let from = self.at;
        self.skip(len)?;
        let mut out = vec![0; len];
        self.snapshot.file.read(from, &mut out)?;
        Ok(out)
    }
    fn length(&mut self, max: usize, rule: &'static str) -> Result<usize, SnapshotError> {
        let bytes = self.take(4)?;
        let len = bytes.iter().fold(0usize, |sum, byte| sum << 8 | usize::from(*byte));
        if len > max { Err(self.snapshot.bad(rule, max, len)) } else { Ok(len) }
    }
    fn header(&mut self) -> Result<(SnapshotMeta, Vec<u8>), SnapshotError> {
        let magic = self.take(MAGIC.len())?;
        if magic != MAGIC {
            return Err(self.snapshot.bad("the file starts as a snapshot of format 1", hex(MAGIC), hex(&magic)));
        }
        let len = self.length(MAX_HEADER, "bytes of the header")?;
        let header = self.take(len)?;
        let meta = serde_json::from_slice(&header)
            .map_err(|error| self.snapshot.bad("the header decodes", "its members", error))?;
        Ok((meta, header))
    }
}

/// Writes a snapshot file: header, rows in chunks, end.
pub(super) struct Writer {
    file: Arc<dyn DiskFile>,
    at: u64,
    total: blake3::Hasher,
    chunks: u64,
    rows: Vec<u8>,
}

impl Writer {
    /// Begins an empty file with its header.
    pub(super) fn begin(file: Arc<dyn DiskFile>, meta: &SnapshotMeta) -> Result<Writer, SnapshotError> {
        let header = encode("snapshot header", meta)?;
        let mut total = blake3::Hasher::new();
        total.update(&header);
        let mut out = Writer { file, at: 0, total, chunks: 0, rows: Vec::new() };
        out.put(MAGIC)?;
        out.put(&(header.len() as u32).to_be_bytes())?;
        out.put(&header)?;
        Ok(out)
    }

    /// Adds a row. Rows come by table and key.
    pub(super) fn row(&mut self, table: Table, key: &[u8], value: &[u8]) -> std::io::Result<()> {
        self.rows.push(table as u8);
        for part in [key, value] {
            self.rows.extend_from_slice(&(part.len() as u32).to_be_bytes());
            self.rows.extend_from_slice(part);
        }
        if self.rows.len() >= CHUNK { self.flush() } else { Ok(()) }
    }

    /// Ends the file, once everything before the end is durable; durable when this returns.
    pub(super) fn end(mut self) -> std::io::Result<()> {
        self.flush()?;
        self.file.sync()?;
        let mut end = vec![0];
        end.extend_from_slice(&self.chunks.to_be_bytes());
        end.extend_from_slice(self.total.finalize().as_bytes());
        self.put(&end)?;
        self.file.sync()
    }

    fn put(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.file.write(self.at, bytes)?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let rows = std::mem::take(&mut self.rows);
        let digest = blake3::hash(&rows);
        self.total.update(digest.as_bytes());
        self.chunks += 1;
        self.put(&[1])?;
        self.put(&(rows.len() as u32).to_be_bytes())?;
        self.put(digest.as_bytes())?;
        self.put(&rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_env::sim_disk::SimDisk;

    fn file(rows: &[(Table, &[u8])]) -> SnapshotFile {
        let applied = AppliedMark { position: None, membership: String::new(), digest: String::new() };
        let file = SimDisk::new().open("a.snap", true).unwrap();
        let meta = SnapshotMeta { cluster: "c".into(), genesis: "g".into(), applied };
        let mut out = Writer::begin(file.clone(), &meta).unwrap();
        for (table, key) in rows {
            out.row(*table, key, &[]).unwrap();
            out.flush().unwrap();
        }
        out.end().unwrap();
        SnapshotFile { name: "a.snap".into(), file }
    }

    /// Rows are packed into the state in the order in which they come: a file in another order is refused before.
    #[test]
    fn rows_ascend_across_chunks() {
        let ascending: [(Table, &[u8]); 3] = [(Table::Meta, b"a"), (Table::Meta, b"b"), (Table::Evidence, b"a")];
        file(&ascending).verify().unwrap();
        for (one, other) in [(0, 1), (1, 2)] {
            let mut rows = ascending;
            rows.swap(one, other);
            let said = file(&rows).verify().unwrap_err().to_string();
            assert!(said.contains("rows ascend by table and key"), "{said}");
        }
        let said = file(&[ascending[0], ascending[0]]).verify().unwrap_err().to_string();
        assert!(said.contains("expected a row after meta 61, found meta 61"), "{said}");
    }
}
