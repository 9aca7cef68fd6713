//! What stands in a declaration and what goes by digest. The form depends on the bytes alone, never on a flag.

use crate::canon;
use crate::digest::Digest;
use crate::run::MAX_INLINE;
use crate::time::U64;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Canonical bytes of all messages above which they go by one digest. With the three bounds below, a model of 3 KiB and
/// the members of an entry, 24,576 + 8,192 + 16,384 + 4,096 stay below the 65,535 bytes of a leaf.
pub const MAX_MESSAGES: usize = 24_576;
/// The same for `parameters`.
pub const MAX_PARAMETERS: usize = 8_192;
/// The same for `constraints`, which hold the tools.
pub const MAX_CONSTRAINTS: usize = 16_384;
/// The same for `context`.
pub const MAX_CONTEXT: usize = 4_096;

/// Media type of a value that went by digest for its size. No bytes of a request have it, since theirs have no such parameter: a
/// list of parts is never taken for a document of the same bytes.
pub const CANONICAL: &str = "application/json; canonical=rfc8785";

/// Something that a declaration names by digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its media type.
    pub media_type: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Everything that went by digest, by digest.
pub type Contents = BTreeMap<Digest, Kept>;

/// Content by digest.
pub fn by_digest(contents: &mut Contents, media_type: &str, bytes: Vec<u8>) -> Value {
    let digest = Digest::of(&bytes);
    let reference = json!({"media_type": media_type, "size": U64(bytes.len() as u64), "digest": digest});
    contents.insert(digest, Kept { media_type: media_type.into(), bytes });
    reference
}

/// A value by digest: a text of its own bytes, everything else of its canonical form.
fn value_by_digest(contents: &mut Contents, value: Value, canonical: Vec<u8>) -> Value {
    match value {
        Value::String(text) => by_digest(contents, "text/plain; charset=utf-8", text.into_bytes()),
        _ => by_digest(contents, CANONICAL, canonical),
    }
}

/// Content: inline up to the bound of the declaration's schema, else by digest.
pub fn content(contents: &mut Contents, value: Value) -> Value {
    let canonical = canon::to_canonical(&value);
    if canonical.len() <= MAX_INLINE { json!({"inline": value}) } else { value_by_digest(contents, value, canonical) }
}

/// A member of an element: plain where it has no parts and is small, else content.
pub fn member(contents: &mut Contents, value: Value) -> Value {
    match value {
        Value::Number(_) | Value::Bool(_) => value,
        Value::String(text) if text.len() <= MAX_INLINE && canon::to_canonical(&json!(text)).len() <= MAX_INLINE => {
            Value::String(text)
        }
        other => content(contents, other),
    }
}

/// The messages, or their one digest.
pub fn messages(contents: &mut Contents, messages: Vec<Value>) -> Value {
    let value = Value::Array(messages);
    let canonical = canon::to_canonical(&value);
    if canonical.len() <= MAX_MESSAGES { value } else { value_by_digest(contents, value, canonical) }
}

/// An element, or its one digest; what is `beside` stands in it in any case.
pub fn element(
    contents: &mut Contents,
    members: Map<String, Value>,
    beside: Map<String, Value>,
    bound: usize,
) -> Value {
    if members.is_empty() && beside.is_empty() {
        return json!({"none": true});
    }
    // Measured without what stands beside the body, so that the form depends on the body alone.
    let canonical = canon::to_canonical_of(&members);
    let mut out = beside;
    if canonical.len() <= bound {
        out.extend(members);
    } else {
        out.insert("imported".into(), by_digest(contents, CANONICAL, canonical));
    }
    Value::Object(out)
}
