//! Single records of a database: one row each in its table `self`.

use super::backend::{Db, Raw};
use super::error::{WriteError, read_io};
use super::row;
use selfsame_machine::view::ReadError;
use serde::{Deserialize, Serialize};

/// Table of single records in both files.
pub(super) const SELF: Raw<'static> = Raw::new("self");
pub(super) const SELF_NAME: &str = "self";

/// A record of the `self` table.
pub(super) fn read_record(db: &Db, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
    let transaction = db.read()?;
    read_record_in(&transaction, key)
}

pub(super) fn read_record_in(transaction: &redb::ReadTransaction, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
    let table = match transaction.open_table(SELF) {
        Ok(table) => table,
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
        Err(error) => return Err(read_io(error)),
    };
    match table.get(key).map_err(read_io)? {
        Some(stored) => Ok(Some(row::decode(SELF_NAME, key, stored.value())?.to_vec())),
        None => Ok(None),
    }
}

pub(super) fn write_record(transaction: &redb::WriteTransaction, key: &[u8], value: &[u8]) -> Result<(), WriteError> {
    let fail = |error: String| WriteError::new("a record", error);
    let mut table = transaction.open_table(SELF).map_err(|error| fail(error.to_string()))?;
    table.insert(key, &row::encode(SELF_NAME, key, value)[..]).map_err(|error| fail(error.to_string()))?;
    Ok(())
}

pub(super) fn encode<T: Serialize>(what: &'static str, value: &T) -> Result<Vec<u8>, WriteError> {
    serde_json::to_vec(value).map_err(|error| WriteError::new(what, error))
}

pub(super) fn decode<'a, T: Deserialize<'a>>(key: &[u8], bytes: &'a [u8]) -> Result<T, ReadError> {
    serde_json::from_slice(bytes).map_err(|error| ReadError::Undecodable {
        table: SELF_NAME,
        key: selfsame_protocol::digest::hex(key),
        reason: error.to_string(),
    })
}
