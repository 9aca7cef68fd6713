//! Stored rows: a value behind the digest that binds it to its place.
//!
//! ```text
//! row    = digest (32) ‖ value
//! digest = BLAKE3( len(table) u8 ‖ table ‖ u32be len(key) ‖ key ‖ value )
//! ```
//! Table and key are inside the digest, so that a value moved to another key is found as well.

use selfsame_machine::view::ReadError;
use selfsame_protocol::digest::hex;

/// Bytes of a stored row that are its digest.
pub(super) const DIGEST: usize = 32;

pub(super) fn digest(table: &str, key: &[u8], value: &[u8]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[table.len() as u8]);
    hasher.update(table.as_bytes());
    hasher.update(&(key.len() as u32).to_be_bytes());
    hasher.update(key);
    hasher.update(value);
    hasher.finalize()
}

/// The row of a value.
pub(super) fn encode(table: &str, key: &[u8], value: &[u8]) -> Vec<u8> {
    let mut row = Vec::with_capacity(DIGEST + value.len());
    row.extend_from_slice(digest(table, key, value).as_bytes());
    row.extend_from_slice(value);
    row
}

/// The value of a row, or `Corrupt` naming table, key and both digests.
pub(super) fn decode<'a>(table: &'static str, key: &[u8], row: &'a [u8]) -> Result<&'a [u8], ReadError> {
    let corrupt = |expected: &[u8], found: &[u8]| ReadError::Corrupt {
        table,
        key: hex(key),
        expected: hex(expected),
        found: hex(found),
    };
    let Some((stored, value)) = row.split_first_chunk::<DIGEST>() else {
        return Err(corrupt(&[], row));
    };
    let found = digest(table, key, value);
    if found.as_bytes() == stored || selfsame_protocol::planted!("read_without_digest_check") {
        Ok(value)
    } else {
        Err(corrupt(stored, found.as_bytes()))
    }
}
