//! The types that openraft is instantiated with.

use crate::store::SnapshotFile;
use bytes::Bytes;
use selfsame_machine::Outcome;
use serde::{Deserialize, Serialize};

openraft::declare_raft_types!(
    /// The instantiation of openraft.
    pub TypeConfig:
        D = ProposedBatch,
        R = Vec<Outcome>,
        NodeId = u64,
        Node = MemberAddress,
        Entry = openraft::Entry<TypeConfig>,
        SnapshotData = SnapshotFile,
        AsyncRuntime = super::runtime::Runtime,
);

pub(super) type Raft = openraft::Raft<TypeConfig>;
pub(super) type Entry = openraft::Entry<TypeConfig>;
pub(super) type LogId = openraft::LogId<u64>;
pub(super) type Vote = openraft::Vote<u64>;
pub(super) type StoredMembership = openraft::StoredMembership<u64, MemberAddress>;
pub(super) type StorageError = openraft::StorageError<u64>;

/// What one log entry carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposedBatch {
    /// The proposer's clock, milliseconds since 1970; the machine clamps it to never run backwards.
    pub time_ms: u64,
    /// Envelopes in binary form.
    #[serde(with = "envelopes")]
    pub submissions: Vec<Bytes>,
}

/// Where a member is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberAddress {
    /// `host:port` for peers.
    pub peer_addr: String,
    /// `host:port` or URL for clients.
    pub client_addr: String,
}

// openraft asks for serde on its data; entries themselves are encoded by `codec`.
mod envelopes {
    use bytes::Bytes;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(list: &[Bytes], s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(list.iter().map(|bytes| &bytes[..]))
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<Bytes>, D::Error> {
        Ok(Vec::<Vec<u8>>::deserialize(d)?.into_iter().map(Bytes::from).collect())
    }
}
