//! The state into a snapshot file, and out of one.

use super::applied::APPLIED;
use super::snapshot::{SnapshotFile, SnapshotMeta, Writer};
use super::state_store::{StateStore, extend, fail};
use crate::store::backend::Raw;
use crate::store::error::{SnapshotError, read_io};
use crate::store::records::{encode, write_record};
use crate::store::row;
use selfsame_machine::view::Table;
use selfsame_protocol::planted;

impl StateStore {
    /// Creates an empty file for a snapshot at `index`, under a name that is not taken.
    pub(crate) fn new_snapshot_file(&self, index: u64) -> std::io::Result<SnapshotFile> {
        let mut n = 0u64;
        loop {
            let name = format!("snapshot-{index:020}-{n}.snap");
            if !self.disk.exists(&name)? {
                let file = self.disk.open(&name, true)?;
                return Ok(SnapshotFile { name, file });
            }
            n += 1;
        }
    }

    /// Exports the state as it is now. The file is durable and whole when this returns, and so is what it holds.
    pub fn export(&self) -> Result<(SnapshotMeta, SnapshotFile), SnapshotError> {
        let view = self.durable_view()?;
        let applied = view.applied().cloned().ok_or_else(|| read_io("no state was stored yet"))?;
        let meta =
            SnapshotMeta { cluster: self.identity.cluster.clone(), genesis: self.identity.genesis.clone(), applied };
        let target = self.new_snapshot_file(view.applied_index())?;
        let mut out = Writer::begin(target.file.clone(), &meta)?;
        let forgets = |table: &Table| planted!("snapshot_without_tombstones") && *table == Table::Invalidated;
        for table in Table::ALL.iter().filter(|table| !forgets(table)) {
            for item in view.table(*table)?.range::<&[u8]>(..).map_err(read_io)? {
                let (key, stored) = item.map_err(read_io)?;
                let value = row::decode(table.name(), key.value(), stored.value())?;
                out.row(*table, key.value(), value)?;
            }
        }
        out.end()?;
        Ok((meta, target))
    }

    /// Replaces the state by a snapshot, in one transaction, after every digest of the file was verified.
    pub fn import(&self, snapshot: &SnapshotFile) -> Result<SnapshotMeta, SnapshotError> {
        let meta = snapshot.meta()?;
        let pairs =
            [("cluster", &self.identity.cluster, &meta.cluster), ("genesis", &self.identity.genesis, &meta.genesis)];
        if let Some((_, expected, found)) = pairs.into_iter().find(|(_, expected, found)| expected != found) {
            return Err(snapshot.bad("a snapshot is of this cluster", expected, found));
        }
        snapshot.file.sync()?;
        let record = encode("applied mark", &meta.applied)?;
        // What is written is what is verified on the way; nothing stays of it when the file does not hold up to its end.
        let mut failed = None;
        let written = self.replace("a snapshot", |transaction| {
            for table in Table::ALL {
                transaction.delete_table(Raw::new(table.name())).map_err(fail)?;
                transaction.open_table(Raw::new(table.name())).map_err(fail)?;
            }
            let walked = snapshot.walk(|rows| {
                for run in rows.chunk_by(|one, next| one.0 == next.0) {
                    let Some((table, ..)) = run.first() else { continue };
                    let mut open = transaction.open_table(Raw::new(table.name())).map_err(fail)?;
                    extend(&mut open, *table, run.iter().map(|(_, key, value)| (*key, *value)))?;
                }
                Ok(())
            });
            if let Err(error) = walked {
                let reason = fail(&error);
                failed = Some(error);
                return Err(reason);
            }
            write_record(transaction, APPLIED, &record)
        });
        match (written, failed) {
            (Ok(()), _) => Ok(meta),
            (Err(_), Some(error)) => Err(error),
            (Err(error), None) => Err(error.into()),
        }
    }
}
