//! What a node answers, read into types of this crate. Nothing of a node is taken as it comes: what cannot be read is
//! named, and it is an error of the answer.

use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::EntryRef;
use selfsame_protocol::keys::PublicKey;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::spelling::Named;
use selfsame_protocol::time::U64;
use selfsame_wire::v1;
use serde::de::DeserializeOwned;

/// Why an answer cannot be read.
#[derive(Debug)]
pub(crate) struct Unreadable(pub String);

pub(crate) fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Unreadable> {
    serde_json::from_slice(bytes).map_err(|error| Unreadable(error.to_string()))
}

fn array(what: &str, bytes: &[u8]) -> Result<[u8; 32], Unreadable> {
    <[u8; 32]>::try_from(bytes).map_err(|_| Unreadable(format!("{what} of {} bytes instead of 32", bytes.len())))
}

pub(crate) fn digest(bytes: &[u8]) -> Result<Digest, Unreadable> {
    array("a hash", bytes).map(Digest::from_bytes)
}

pub(crate) fn hashes(list: &[bytes::Bytes]) -> Result<Vec<Digest>, Unreadable> {
    list.iter().map(|bytes| digest(bytes)).collect()
}

pub(crate) fn public_key(bytes: &[u8]) -> Result<PublicKey, Unreadable> {
    array("a key", bytes).map(PublicKey::from_bytes)
}

pub(crate) fn named<T: Named>(name: &str) -> Result<T, Unreadable> {
    T::from_name(name).ok_or_else(|| Unreadable(selfsame_protocol::spelling::unknown::<T>(name)))
}

/// `None` for what the wire says with an empty text.
pub(crate) fn said(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

/// `None` for what the wire says with 0.
pub(crate) fn counted(number: u64) -> Option<u64> {
    (number > 0).then_some(number)
}

pub(crate) fn wire(ledger: Ledger) -> i32 {
    match ledger {
        Ledger::Evidence => v1::Ledger::Evidence as i32,
        Ledger::Reasoning => v1::Ledger::Reasoning as i32,
    }
}

pub(crate) fn entry(entry: Option<&v1::EntryRef>) -> Result<EntryRef, Unreadable> {
    let Some(entry) = entry else { return Err(Unreadable("an item without its entry".into())) };
    let named = Ledger::BOTH.into_iter().find(|ledger| entry.ledger == wire(*ledger));
    let ledger = named.ok_or_else(|| Unreadable(format!("an entry of the ledger {}", entry.ledger)))?;
    Ok(EntryRef { ledger, index: U64(entry.index), hash: digest(&entry.hash)? })
}
