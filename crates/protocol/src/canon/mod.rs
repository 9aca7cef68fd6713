//! Canonical JSON: RFC 8785 under a strict profile.
//!
//! Common parsers round large integers and keep the last of duplicate members, so that two different documents would get
//! one identity. This module refuses what is ambiguous before anything is hashed, and names rule, place and values.

mod check;
#[cfg(test)]
mod differential;
mod order;
mod parser;
mod spelling;
#[cfg(test)]
mod tests;
mod writer;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::fmt;

/// Bounds of one document.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes.
    pub max_bytes: usize,
    /// Nesting of arrays and objects.
    pub max_depth: usize,
    /// Whether integers up to 64 bits are read. Canonical JSON cannot hold them: the reader of such a document has to make
    /// texts of them.
    pub wide: bool,
}

impl Limits {
    /// Nesting limit of every document.
    pub const MAX_DEPTH: usize = 64;
    /// A signed submission.
    pub const SUBMISSION: Limits = Limits { max_bytes: 8 << 20, max_depth: Self::MAX_DEPTH, wide: false };
    /// A ledger leaf; two levels more than the submission that it holds a part of.
    pub const LEAF: Limits = Limits { max_bytes: 65_535, max_depth: Self::MAX_DEPTH + 2, wide: false };
    /// A run declaration.
    pub const DECLARATION: Limits = Limits { max_bytes: 1 << 20, max_depth: Self::MAX_DEPTH, wide: false };
    /// A document that a user gives us to read, for example a request body.
    pub const DOCUMENT: Limits = Limits { max_bytes: 16 << 20, max_depth: Self::MAX_DEPTH, wide: false };
}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal;)*) => {
        /// Stable name of a broken rule.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum CanonCode { $($(#[$doc])* $variant,)* }
        impl CanonCode {
            /// The name, UPPER_SNAKE.
            pub const fn as_str(self) -> &'static str { match self { $(CanonCode::$variant => $name,)* } }
        }
    };
}
codes! {
    /// Not JSON.
    Syntax = "SYNTAX";
    /// A member name stands twice in one object.
    DuplicateKey = "DUPLICATE_KEY";
    /// An integer outside ±(2^53−1).
    UnsafeInteger = "UNSAFE_INTEGER";
    /// A number too large for a double.
    NonFinite = "NON_FINITE";
    /// Bytes that are not UTF-8.
    InvalidUtf8 = "INVALID_UTF8";
    /// A surrogate escape without its partner.
    LoneSurrogate = "LONE_SURROGATE";
    /// `null` where the schema does not name it.
    NullMember = "NULL_MEMBER";
    /// `[]` or `{}` where the schema does not name it.
    EmptyContainer = "EMPTY_CONTAINER";
    /// Nested too deep.
    TooDeep = "TOO_DEEP";
    /// Too many bytes.
    TooLarge = "TOO_LARGE";
    /// The bytes are not their own canonical form.
    NotCanonical = "NOT_CANONICAL";
    /// Members or types that the schema does not allow.
    Schema = "SCHEMA";
    /// A value or member in another spelling than the one that the schema has.
    OtherSpelling = "OTHER_SPELLING";
    /// A member that the schema does not name.
    UnknownMember = "UNKNOWN_MEMBER";
    /// A required member is absent.
    MissingMember = "MISSING_MEMBER";
    /// A value of the wrong type or form.
    WrongType = "WRONG_TYPE";
    /// External content without a digest.
    MissingDigest = "MISSING_DIGEST";
}

impl fmt::Display for CanonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A broken rule: its code, the place as JSON pointer (`""` is the whole document), and the values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code} at {}: {detail}", if pointer.is_empty() { "the document" } else { pointer })]
pub struct CanonError {
    /// Which rule.
    pub code: CanonCode,
    /// Where.
    pub pointer: String,
    /// What was wanted and what was found.
    pub detail: String,
}

impl CanonError {
    /// An error at a place.
    pub fn new(code: CanonCode, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { code, pointer: pointer.into(), detail: detail.into() }
    }
}

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
