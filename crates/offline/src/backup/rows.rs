//! The snapshot inside a backup: its digests, and its rows in their order.

use super::chunks::{Chunk, Hashed, Leaf, Pool, Work, is_entry};
use super::format::BackupSource;
use super::split::ChunkRows;
use crate::report::{Failure, altered, undecided};
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
    pub applied: AppliedRow,
}

/// How far the state was applied.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppliedRow {
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

/// A row of a table.
pub struct StateRow<'a> {
    /// The table.
    pub table: Table,
    /// Its key.
    pub key: &'a [u8],
    /// Its value.
    pub value: &'a [u8],
    /// What was made of it when it is an entry of a ledger.
    pub leaf: Option<Leaf>,
}

/// Reads a snapshot to its end; `meta` sees its header and `row` each row in order. Tables and keys only ascend.
pub fn walk(
    source: &mut BackupSource<'_>,
    work: Work,
    meta: impl FnOnce(&Meta) -> Result<(), Failure>,
    mut row: impl FnMut(StateRow<'_>) -> Result<(), Failure>,
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
    std::thread::scope(|scope| {
        let mut pool = Pool::start(scope, work)?;
        let mut ended = None;
        loop {
            while ended.is_none() && pool.has_room() {
                match next(source) {
                    Ok(Some(chunk)) => {
                        total.update(&chunk.stored);
                        chunks += 1;
                        pool.give(chunk);
                    }
                    Ok(None) => ended = Some(Ok(())),
                    // What stands before it is judged first.
                    Err(failure) => ended = Some(Err(failure)),
                }
            }
            match pool.take() {
                Some(Ok(hashed)) => rows(hashed, &mut last, &mut row)?,
                Some(Err(())) => {
                    return Err(undecided("THREAD", "a thread that hashes to the end", "one that stopped"));
                }
                None => return ended.unwrap_or(Ok(())),
            }
        }
    })?;
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

/// The next chunk, not yet verified; `None` at the end of the chunks.
fn next(source: &mut BackupSource<'_>) -> Result<Option<Chunk>, Failure> {
    match source.take(1)?[..] {
        [1] => {
            let length = source.length(MAX_CHUNK, "a chunk")?;
            let stored = source.take(32)?;
            Ok(Some(Chunk { bytes: source.take(length)?, stored }))
        }
        [0] => Ok(None),
        ref other => Err(altered("SNAPSHOT_FORM", None, "a chunk (1) or the end (0)", hex(other))),
    }
}

/// Place of the row before.
type Last = Option<(Table, Vec<u8>)>;

fn rows(
    hashed: Hashed,
    last: &mut Last,
    row: &mut impl FnMut(StateRow<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let Hashed { chunk, found, leaves } = hashed;
    if found.as_bytes()[..] != chunk.stored[..] {
        return Err(altered("SNAPSHOT_CHUNK", None, hex(&chunk.stored), found.to_hex()));
    }
    let mut leaves = leaves.into_iter();
    for read in ChunkRows(&chunk.bytes) {
        let (table, key, value) = read?;
        if let Some((of, before)) = last
            && (*of, &before[..]) >= (table, key)
        {
            let (expected, found) = (format!("after {} {}", of.name(), hex(before)), hex(key));
            return Err(altered("ROW_ORDER", None, expected, format!("{} {found}", table.name())));
        }
        let leaf = if is_entry(table) { leaves.next() } else { None };
        row(StateRow { table, key, value, leaf })?;
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
