//! How far the state was applied.

use crate::store::log_id::LogId;
use crate::store::records::{decode, read_record_in};
use redb::ReadTransaction;
use selfsame_machine::view::ReadError;
use serde::{Deserialize, Serialize};

pub(super) const APPLIED: &[u8] = b"applied";

/// How far the state was applied, and what consensus needs to know about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppliedMark {
    /// Last applied place; absent when only the genesis was stored.
    pub position: Option<LogId>,
    /// Membership as of then, in the consensus memtable's own bytes (UTF-8).
    pub membership: String,
    /// State digest after it, lowercase hex of 32 bytes; empty before the first batch.
    pub digest: String,
}

/// The applied mark of the file.
pub(super) fn read_applied(transaction: &ReadTransaction) -> Result<Option<AppliedMark>, ReadError> {
    read_record_in(transaction, APPLIED)?.map(|bytes| decode(APPLIED, &bytes)).transpose()
}
