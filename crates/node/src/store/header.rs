//! Whose files these are: checked before anything else is read.

use super::backend::Db;
use super::error::{OpenError, WriteError};
use super::records::{decode, encode, read_record, write_record};
use selfsame_env::Disk;
use serde::{Deserialize, Serialize};

/// The format that this program writes. History: 1, the log's entries in its database; 2, in segments.
pub(super) const FORMAT: u32 = 2;
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
    match read_small(disk, FILE)? {
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

/// The text of a small file, when it is there.
pub(super) fn read_small(disk: &dyn Disk, name: &str) -> Result<Option<String>, OpenError> {
    if !disk.exists(name)? {
        return Ok(None);
    }
    let file = disk.open(name, false)?;
    let len = file.len()?.min(4096);
    let mut bytes = vec![0; usize::try_from(len).unwrap_or(4096)];
    file.read(0, &mut bytes)?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}
