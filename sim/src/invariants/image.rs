//! What a node's disk would still hold after a loss of power: only synced bytes, read as a starting node reads them.

use prost::Message as _;
use selfsame_env::sim_disk::SimDisk;
use selfsame_machine::Genesis;
use selfsame_node::store::{Identity, LogId, Store, StoredVote};
use selfsame_wire::raft::v1 as pb;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The synced part of one node's files.
#[derive(Clone, Debug, Default)]
pub struct Image {
    /// Node id.
    pub id: u64,
    /// The vote.
    pub ballot: Option<StoredVote>,
    /// Last purged place of the log.
    pub purged: Option<LogId>,
    /// Place and BLAKE3 of every stored log entry.
    pub log: BTreeMap<u64, (LogId, [u8; 32])>,
    /// Last applied place.
    pub applied: Option<LogId>,
    /// State digest there.
    pub digest: String,
}

impl Image {
    /// Last index that the files account for.
    pub fn last(&self) -> Option<u64> {
        let log = self.log.last_key_value().map(|(index, _)| *index);
        log.max(self.purged.map(|at| at.index)).max(self.applied.map(|at| at.index))
    }

    /// Reads a disk. `None` when it cannot be opened: a node that has not begun yet, or files that are broken and say so.
    pub fn read(id: u64, disk: &SimDisk, genesis: &Genesis) -> Option<Image> {
        let identity = Identity { cluster: genesis.cluster.clone(), genesis: genesis.digest().to_string(), node: id };
        let store = Store::open(Arc::new(disk.durable_copy()), &identity).ok()?;
        let mut log = BTreeMap::new();
        for (index, bytes) in store.log.read(0, u64::MAX, usize::MAX).ok()? {
            let at = pb::LogEntry::decode(&bytes[..]).ok()?.position?;
            let position = LogId { term: at.term, node: at.node, index: at.index };
            log.insert(index, (position, *blake3::hash(&bytes).as_bytes()));
        }
        let applied = store.state.applied().ok()??;
        Some(Image {
            id,
            ballot: store.log.vote().ok()?,
            purged: store.log.purged().ok()?,
            log,
            applied: applied.position,
            digest: applied.digest,
        })
    }
}
