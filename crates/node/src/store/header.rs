//! Whose files these are: checked before anything else is read.

use super::backend::{Db, Raw};
use super::error::{OpenError, WriteError, read_io};
use super::row;
use selfsame_env::Disk;
use selfsame_machine::view::ReadError;
use serde::{Deserialize, Serialize};

/// The format that this program writes. History: 1, the log's entries in its database; 2, in segments.
pub(super) const FORMAT: u32 = 2;
/// Table of single records in both files.
pub(super) const SELF: Raw<'static> = Raw::new("self");
pub(super) const SELF_NAME: &str = "self";
const HEADER: &[u8] = b"header";

/// Whose files these are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Cluster id.
    pub cluster: String,
    /// Digest of the genesis, `sha256:…`.
    pub genesis: String,
    /// Node id.
    pub node: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    // Read first and alone, so that a newer header with other members is still named as newer.
    format: u32,
    cluster: String,
    genesis: String,
    node: u64,
}
#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
}

impl Header {
    fn of(identity: &Identity) -> Header {
        Header {
            format: FORMAT,
            cluster: identity.cluster.clone(),
            genesis: identity.genesis.clone(),
            node: identity.node,
        }
    }
}

/// A copy of the header beside the databases. It is read before they are opened, because opening a database writes to
/// it: the files of somebody else must stay as they are. The databases' own headers decide; this copy only refuses
/// early, and one that cannot be read says nothing.
pub const FILE: &str = "identity";

/// Refuses a directory whose copy of the header names something else. True when the copy is there and right.
pub(super) fn check_file(disk: &dyn Disk, identity: &Identity) -> Result<bool, OpenError> {
    match super::read_small(disk, FILE)? {
        Some(text) => check_copy(&text, identity),
        None => Ok(false),
    }
}

/// The same with the text of the copy, for whoever may not touch the directory.
pub fn check_copy(text: &str, identity: &Identity) -> Result<bool, OpenError> {
    match serde_json::from_str::<FormatOnly>(text) {
        Ok(_) => check(FILE, text.as_bytes(), identity).map(|()| true),
        Err(_) => Ok(false),
    }
}

/// Writes the copy, after the databases accepted the identity.
pub(super) fn write_file(disk: &dyn Disk, identity: &Identity) -> Result<(), OpenError> {
    let bytes = encode("header", &Header::of(identity))?;
    let file = disk.open(FILE, true)?;
    file.set_len(bytes.len() as u64)?;
    file.write(0, &bytes)?;
    Ok(file.sync()?)
}

/// Checks the header, or writes it into an empty file together with `first`'s tables.
pub(super) fn check_or_create(
    db: &Db,
    file: &'static str,
    identity: &Identity,
    first: impl FnOnce(&redb::WriteTransaction) -> Result<(), WriteError>,
) -> Result<(), OpenError> {
    match read_record(db, HEADER)? {
        Some(bytes) => check(file, &bytes, identity),
        None => {
            let bytes = encode("header", &Header::of(identity))?;
            db.write("header", |transaction| {
                write_record(transaction, HEADER, &bytes)?;
                first(transaction)
            })?;
            Ok(())
        }
    }
}

fn check(file: &'static str, bytes: &[u8], identity: &Identity) -> Result<(), OpenError> {
    let format: FormatOnly = decode(HEADER, bytes)?;
    if format.format > FORMAT {
        return Err(OpenError::Newer { file, found: format.format, supported: FORMAT });
    }
    if format.format < FORMAT {
        return Err(OpenError::Older { file, found: format.format, supported: FORMAT });
    }
    let header: Header = decode(HEADER, bytes)?;
    let pairs = [
        ("cluster", &identity.cluster, &header.cluster),
        ("genesis", &identity.genesis, &header.genesis),
        ("node", &identity.node.to_string(), &header.node.to_string()),
    ];
    match pairs.into_iter().find(|(_, expected, found)| expected != found) {
        Some((what, expected, found)) => {
            Err(OpenError::Foreign { file, what, expected: expected.clone(), found: found.clone() })
        }
        None => Ok(()),
    }
}

/// Whether the state file holds applied entries, so that a missing log is a loss and not a first start.
pub(super) fn state_is_used(disk: &dyn Disk) -> Result<bool, OpenError> {
    let db = Db::open(disk, super::state::FILE)?;
    Ok(super::state::read_applied(&db.read()?)?.is_some_and(|applied| applied.position.is_some()))
}

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
        Some(stored) => Ok(Some(row::unseal(SELF_NAME, key, stored.value())?.to_vec())),
        None => Ok(None),
    }
}

pub(super) fn write_record(transaction: &redb::WriteTransaction, key: &[u8], value: &[u8]) -> Result<(), WriteError> {
    let fail = |error: String| WriteError::new("a record", error);
    let mut table = transaction.open_table(SELF).map_err(|error| fail(error.to_string()))?;
    table.insert(key, &row::seal(SELF_NAME, key, value)[..]).map_err(|error| fail(error.to_string()))?;
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
