//! The snapshot inside a backup: its digests, and its rows in their order.

use super::format::Source;
use crate::offline::report::{Failure, altered};
use selfsame_machine::view::Table;
use selfsame_protocol::digest::hex;
use serde::Deserialize;

const MAGIC: &[u8; 8] = b"SFSNAP01";
/// As the writer's bounds: `store::snapshot`.
const MAX_CHUNK: usize = 16 << 20;
const MAX_HEADER: usize = 1 << 20;

/// The snapshot's own header.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meta {
    /// Cluster id.
    pub cluster: String,
    /// Digest of the consensus identity.
    pub genesis: String,
    /// How far the state was applied.
    pub applied: Applied,
}

/// How far the state was applied.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Applied {
    /// Last applied place in the log.
    pub position: Option<Position>,
    /// Membership as of then, in the consensus layer's own JSON.
    pub membership: String,
    /// State digest, lowercase hex.
    pub digest: String,
}

/// A place in the log.
#[derive(Clone, Copy, Debug, Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// Term of the leader.
    pub term: u64,
    /// Node id of the leader.
    pub node: u64,
    /// Index.
    pub index: u64,
}

/// Reads a snapshot to its end; `meta` sees its header and `row` each row. Tables and keys only ascend.
pub fn walk(
    source: &mut Source<'_>,
    meta: impl FnOnce(&Meta) -> Result<(), Failure>,
    mut row: impl FnMut(Table, &[u8], &[u8]) -> Result<(), Failure>,
) -> Result<Meta, Failure> {
    source.mark(MAGIC, "a snapshot")?;
    let length = source.length(MAX_HEADER, "a snapshot's header")?;
    let header = source.take(length)?;
    let read: Meta = serde_json::from_slice(&header)
        .map_err(|error| altered("SNAPSHOT_HEADER", None, "the members of a snapshot's header", error))?;
    meta(&read)?;
    let mut total = blake3::Hasher::new();
    total.update(&header);
    let (mut chunks, mut last) = (0_u64, None);
    loop {
        match source.take(1)?[..] {
            [1] => {
                let length = source.length(MAX_CHUNK, "a chunk")?;
                let stored = source.take(32)?;
                let chunk = source.take(length)?;
                let found = blake3::hash(&chunk);
                if found.as_bytes()[..] != stored[..] {
                    return Err(altered("SNAPSHOT_CHUNK", None, hex(&stored), found.to_hex()));
                }
                total.update(&stored);
                chunks += 1;
                rows(&chunk, &mut last, &mut row)?;
            }
            [0] => break,
            ref other => return Err(altered("SNAPSHOT_FORM", None, "a chunk (1) or the end (0)", hex(other))),
        }
    }
    let counted = source.take(8)?;
    if counted != chunks.to_be_bytes() {
        return Err(altered("SNAPSHOT_FORM", None, format!("{chunks} chunks"), hex(&counted)));
    }
    let stored = source.take(32)?;
    let found = total.finalize();
    if found.as_bytes()[..] != stored[..] {
        return Err(altered("SNAPSHOT_DIGEST", None, hex(&stored), found.to_hex()));
    }
    Ok(read)
}

fn part<'a>(chunk: &mut &'a [u8]) -> Result<&'a [u8], Failure> {
    let split = chunk.split_first_chunk::<4>().and_then(|(length, rest)| {
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        rest.split_at_checked(length)
    });
    let (part, rest) = split
        .ok_or_else(|| altered("SNAPSHOT_FORM", None, "a row inside its chunk", format!("{} bytes", chunk.len())))?;
    *chunk = rest;
    Ok(part)
}

/// Place of the row before.
type Last = Option<(Table, Vec<u8>)>;

fn rows(
    mut chunk: &[u8],
    last: &mut Last,
    row: &mut impl FnMut(Table, &[u8], &[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    while let Some((&number, rest)) = chunk.split_first() {
        let table = Table::from_number(number)
            .ok_or_else(|| altered("SNAPSHOT_FORM", None, "the number of a table", number))?;
        chunk = rest;
        let (key, value) = (part(&mut chunk)?, part(&mut chunk)?);
        if let Some((of, before)) = last
            && (*of, &before[..]) >= (table, key)
        {
            let (expected, found) = (format!("after {} {}", of.name(), hex(before)), hex(key));
            return Err(altered("ROW_ORDER", None, expected, format!("{} {found}", table.name())));
        }
        row(table, key, value)?;
        match last {
            Some((of, before)) => {
                *of = table;
                before.clear();
                before.extend_from_slice(key);
            }
            None => *last = Some((table, key.to_vec())),
        }
    }
    Ok(())
}
