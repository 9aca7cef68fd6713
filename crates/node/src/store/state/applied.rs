//! How far the state was applied.

use crate::store::position::Position;
use crate::store::records::{decode, read_record_in};
use redb::ReadTransaction;
use selfsame_machine::view::ReadError;
use serde::{Deserialize, Serialize};

pub(super) const APPLIED: &[u8] = b"applied";

/// How far the state was applied, and what consensus needs to know about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Applied {
    /// Last applied place; absent when only the genesis was stored.
    pub position: Option<Position>,
    /// Membership as of then, in the consensus layer's own bytes (UTF-8).
    pub membership: String,
    /// State digest after it, lowercase hex of 32 bytes; empty before the first batch.
    pub digest: String,
}

/// The applied mark of the file.
pub(super) fn read_applied(transaction: &ReadTransaction) -> Result<Option<Applied>, ReadError> {
    read_record_in(transaction, APPLIED)?.map(|bytes| decode(APPLIED, &bytes)).transpose()
}
