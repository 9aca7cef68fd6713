//! Where a document is spelt otherwise than the value that was read from it.

use super::{CanonCode, CanonError};
use serde_json::Value;
use std::fmt::Write as _;

/// The first place, in the order of the canonical form, at which `found` is not what the value that was read from it is
/// written as.
pub fn other(found: &Value, written: &Value) -> CanonError {
    let mut pointer = String::new();
    let detail = walk(found, written, &mut pointer).unwrap_or_else(|| "this has another form than the schema".into());
    CanonError::new(CanonCode::OtherSpelling, pointer, detail)
}

/// Goes on to where the two differ; `None` when they do not.
fn walk(found: &Value, written: &Value, pointer: &mut String) -> Option<String> {
    let here = pointer.len();
    match (found, written) {
        (Value::Object(found), Value::Object(written)) => {
            for (name, value) in found {
                // A JSON pointer writes these two characters otherwise.
                let _ = write!(pointer, "/{}", name.replace('~', "~0").replace('/', "~1"));
                match written.get(name) {
                    None => {
                        return Some("the schema has no such member here, or leaves it out when it is empty".into());
                    }
                    Some(other) => {
                        if let Some(detail) = walk(value, other, pointer) {
                            return Some(detail);
                        }
                    }
                }
                pointer.truncate(here);
            }
            let missing = written.keys().find(|name| !found.contains_key(*name))?;
            Some(format!("the member {missing:?} is missing"))
        }
        (Value::Array(found), Value::Array(written)) if found.len() == written.len() => {
            for (at, (found, written)) in found.iter().zip(written).enumerate() {
                let _ = write!(pointer, "/{at}");
                if let Some(detail) = walk(found, written, pointer) {
                    return Some(detail);
                }
                pointer.truncate(here);
            }
            None
        }
        _ if found == written => None,
        _ => Some(format!("{} is another spelling of {}", short(found), short(written))),
    }
}

/// At most 100 characters of a value.
fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(100) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    }
}
