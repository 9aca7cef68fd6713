//! redb over a file of the environment's disk.

use super::error::{OpenError, WriteError, read_io};
use redb::{Database, Durability, ReadTransaction, ReadableDatabase, WriteTransaction};
use selfsame_env::{Disk, DiskFile};
use selfsame_machine::view::ReadError;
use selfsame_protocol::planted;
use std::io;
use std::sync::{Arc, PoisonError, RwLock};

#[derive(Debug)]
struct Backend(Arc<dyn DiskFile>);

impl redb::StorageBackend for Backend {
    fn len(&self) -> Result<u64, io::Error> {
        self.0.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        self.0.read(offset, out)
    }
    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        self.0.set_len(len)
    }
    fn sync_data(&self) -> Result<(), io::Error> {
        self.0.sync()
    }
    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        self.0.write(offset, data)
    }
}

/// A table of raw keys to stored rows.
pub(super) type Raw<'a> = redb::TableDefinition<'a, &'static [u8], &'static [u8]>;

/// A database that can be closed while others still hold the store.
pub(super) struct Db(RwLock<Option<Arc<Database>>>);

/// Bytes of redb's page cache for a file of which little is read twice.
const SMALL_CACHE: usize = 4 << 20;

impl Db {
    pub(super) fn open(disk: &dyn Disk, file: &'static str) -> Result<Self, OpenError> {
        Self::open_with(disk, file, SMALL_CACHE)
    }

    /// Like [`Db::open`], with so many bytes of page cache.
    pub(super) fn open_with(disk: &dyn Disk, file: &'static str, cache_bytes: usize) -> Result<Self, OpenError> {
        let backend = Backend(disk.open(file, true)?);
        let open = || redb::Builder::new().set_cache_size(cache_bytes).create_with_backend(backend);
        let database = open().map_err(|error| OpenError::Unusable { file, reason: error.to_string() })?;
        Ok(Self(RwLock::new(Some(Arc::new(database)))))
    }

    fn get(&self) -> Option<Arc<Database>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn close(&self) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).take();
    }

    pub(super) fn read(&self) -> Result<ReadTransaction, ReadError> {
        let database = self.get().ok_or_else(|| read_io("the store is closed"))?;
        database.begin_read().map_err(read_io)
    }

    /// Runs `work` in one durable two-phase transaction.
    pub(super) fn write<T>(
        &self,
        what: &'static str,
        work: impl FnOnce(&WriteTransaction) -> Result<T, WriteError>,
    ) -> Result<T, WriteError> {
        let fail = |reason: String| WriteError::new(what, reason);
        let database = self.get().ok_or_else(|| fail("the store is closed".into()))?;
        let mut transaction = database.begin_write().map_err(|error| fail(error.to_string()))?;
        let lazy = planted!("vote_not_fsynced") && what == "vote";
        let durability = if lazy { Durability::None } else { Durability::Immediate };
        transaction.set_durability(durability).map_err(|error| fail(error.to_string()))?;
        transaction.set_two_phase_commit(true);
        let done = work(&transaction)?;
        transaction.commit().map_err(|error| fail(error.to_string()))?;
        Ok(done)
    }
}
