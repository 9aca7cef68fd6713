//! Chunks of a snapshot: threads hash them while the next ones are read. They are handed on in their order, and each
//! thread has at most [`AHEAD`] waiting, so that memory depends on the number of threads and not on the file.

use super::split::ChunkRows;
use crate::Failure;
use crate::threads::start;
use selfsame_machine::view::Table;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::Entry;
use selfsame_protocol::merkle::leaf_hash;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Scope;

/// Chunks that one thread has before it.
const AHEAD: u64 = 2;

/// How the rows are worked on.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    /// Threads that hash, 1 or more.
    pub threads: usize,
    /// Whether every entry is read whole.
    pub deep: bool,
}

/// A chunk as it was read.
pub struct Chunk {
    /// Its rows.
    pub bytes: Vec<u8>,
    /// The digest that the file has for it.
    pub stored: Vec<u8>,
}

/// An entry, hashed.
pub struct Leaf {
    /// RFC 6962 leaf hash.
    pub hash: Digest,
    /// Why it is no canonical entry, when it was read whole and is none.
    pub form: Option<String>,
}

/// What a thread made of a chunk.
pub struct Hashed {
    /// The chunk.
    pub chunk: Chunk,
    /// BLAKE3 of its rows.
    pub found: blake3::Hash,
    /// The rows of the ledgers, in their order; up to the first that does not read.
    pub leaves: Vec<Leaf>,
}

/// Whether a row of this table is an entry of a ledger.
pub(crate) fn is_entry(table: Table) -> bool {
    matches!(table, Table::Evidence | Table::Reasoning)
}

fn hash(chunk: Chunk, deep: bool) -> Hashed {
    let rows = ChunkRows(&chunk.bytes).map_while(Result::ok).filter(|(table, _, _)| is_entry(*table));
    let form = |leaf| if deep { Entry::from_leaf(leaf).err().map(|error| error.to_string()) } else { None };
    let leaves = rows.map(|(_, _, leaf)| Leaf { hash: leaf_hash(leaf), form: form(leaf) }).collect();
    Hashed { found: blake3::hash(&chunk.bytes), leaves, chunk }
}

/// The threads. They end when this is dropped.
pub struct Pool {
    threads: Vec<(SyncSender<Chunk>, Receiver<Hashed>)>,
    given: u64,
    taken: u64,
}

impl Pool {
    /// Starts them.
    pub fn start<'scope>(scope: &'scope Scope<'scope, '_>, work: Work) -> Result<Pool, Failure> {
        let thread = |_| {
            let (give, chunks) = sync_channel(AHEAD as usize);
            let (send, hashed) = sync_channel(AHEAD as usize);
            start(scope, move || chunks.into_iter().try_for_each(|chunk| send.send(hash(chunk, work.deep))))?;
            Ok((give, hashed))
        };
        let threads = (0..work.threads.max(1)).map(thread).collect::<Result<_, Failure>>()?;
        Ok(Pool { threads, given: 0, taken: 0 })
    }

    fn of(&self, number: u64) -> &(SyncSender<Chunk>, Receiver<Hashed>) {
        &self.threads[(number % self.threads.len() as u64) as usize]
    }

    /// Whether another chunk can be given before one was taken.
    pub(crate) fn has_room(&self) -> bool {
        self.given - self.taken < AHEAD * self.threads.len() as u64
    }

    /// Gives the next chunk to a thread.
    pub fn give(&mut self, chunk: Chunk) {
        // A thread that is gone shows itself when its answer is taken.
        let _ = self.of(self.given).0.send(chunk);
        self.given += 1;
    }

    /// The next chunk in order; `None` when all that were given were taken, and an error when a thread is gone.
    pub fn take(&mut self) -> Option<Result<Hashed, ()>> {
        if self.taken == self.given {
            return None;
        }
        let hashed = self.of(self.taken).1.recv().map_err(|_| ());
        self.taken += 1;
        Some(hashed)
    }
}
