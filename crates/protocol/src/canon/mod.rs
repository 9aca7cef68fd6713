//! Canonical JSON: RFC 8785 under a strict profile.
//!
//! Common parsers round large integers and keep the last of duplicate members, so that two different documents would get
//! one identity. This module refuses what is ambiguous before anything is hashed, and names rule, place and values.

mod check;
#[cfg(test)]
mod differential;
mod error;
mod order;
mod parser;
mod spelling;
#[cfg(test)]
mod tests;
mod writer;

pub use error::{CanonCode, CanonError, Limits};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// Parses strictly.
pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Value, CanonError> {
    if bytes.len() > limits.max_bytes {
        return Err(CanonError::new(
            CanonCode::TooLarge,
            "",
            format!("{} bytes are too many, at most {}", bytes.len(), limits.max_bytes),
        ));
    }
    let text = std::str::from_utf8(bytes).map_err(|e| {
        CanonError::new(
            CanonCode::InvalidUtf8,
            "",
            format!(
                "byte {} is 0x{:02x}, which is no UTF-8: save the file as UTF-8",
                e.valid_up_to(),
                bytes[e.valid_up_to()]
            ),
        )
    })?;
    parser::parse(text, limits)
}

/// The RFC 8785 form of a value that [`parse`] accepted or that this program built.
pub fn to_canonical(value: &Value) -> Vec<u8> {
    to_canonical_of(value)
}

/// The RFC 8785 form of one of this program's own records.
pub fn to_canonical_of<T: Serialize>(value: &T) -> Vec<u8> {
    // Fails only for maps whose keys are no texts; our records have none.
    writer::write(value).unwrap_or_default()
}

/// The same as text, for people who compare two values.
pub fn text_of<T: Serialize>(value: &T) -> String {
    String::from_utf8_lossy(&to_canonical_of(value)).into_owned()
}

/// Parses strictly and returns the canonical bytes.
pub fn canonicalize(bytes: &[u8], limits: &Limits) -> Result<Vec<u8>, CanonError> {
    Ok(to_canonical(&parse(bytes, limits)?))
}

/// Whether these bytes are a document that [`parse`] accepts, in its canonical form. One pass that builds nothing.
pub fn is_canonical(bytes: &[u8], limits: &Limits) -> bool {
    check::is_canonical(bytes, limits)
}

/// Parses bytes that must be canonical already.
pub fn require_canonical(bytes: &[u8], limits: &Limits) -> Result<Value, CanonError> {
    let value = parse(bytes, limits)?;
    if is_canonical(bytes, limits) {
        return Ok(value);
    }
    let canonical = to_canonical(&value);
    if canonical == bytes {
        return Ok(value);
    }
    let at = canonical.iter().zip(bytes).take_while(|(a, b)| a == b).count();
    Err(CanonError::new(
        CanonCode::NotCanonical,
        "",
        format!(
            "this is not in canonical form (RFC 8785) from byte {at} on: it has {} bytes, and the form {}",
            bytes.len(),
            canonical.len()
        ),
    ))
}

/// Reads a typed value in its one spelling, from JSON in any layout. What the type would read over (a member that it does
/// not know, a `null` left out, an empty list written out) is refused with its place.
pub fn decode<T: DeserializeOwned + Serialize>(value: Value) -> Result<T, CanonError> {
    let Ok(read) = T::deserialize(&value) else { return Err(schema::<T>(&value)) };
    match serde_json::to_value(&read) {
        Ok(written) if written == value => Ok(read),
        Ok(written) => Err(spelling::other(&value, &written)),
        Err(error) => Err(CanonError::new(CanonCode::Schema, "", error.to_string())),
    }
}

/// Reads a typed value from its canonical bytes, in its one spelling as [`decode`]: one value, one spelling, whether one
/// hashes the bytes or the value.
pub fn decode_exact<T: DeserializeOwned + Serialize>(bytes: &[u8], limits: &Limits) -> Result<T, CanonError> {
    // A document that is canonical has no spelling that common readers take in their own way. What a typed value is
    // written as is compared all the same: the type may read more than it writes.
    if is_canonical(bytes, limits)
        && let Ok(read) = serde_json::from_slice(bytes)
        && to_canonical_of(&read) == bytes
    {
        return Ok(read);
    }
    // What is refused is read again, by the reader that names the place. Bytes that are not canonical are named as that,
    // whatever else they are.
    decode(require_canonical(bytes, limits)?)
}

/// Unknown, missing and mistyped members are named with their place.
fn schema<T: DeserializeOwned>(value: &Value) -> CanonError {
    match crate::spelling::placed(value, |place| T::deserialize(place)) {
        Ok(_) => CanonError::new(CanonCode::Schema, "", "this was not read"),
        Err(error) => match error.split_once(": ").filter(|_| error.starts_with('/')) {
            Some((pointer, detail)) => CanonError::new(CanonCode::Schema, pointer, detail),
            None => CanonError::new(CanonCode::Schema, "", error),
        },
    }
}
