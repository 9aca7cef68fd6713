//! Where a document is spelt otherwise than the value that was read from it.

use super::error::{CanonCode, CanonError};
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn said(found: Value, written: Value) -> (String, String) {
        let error = other(&found, &written);
        assert_eq!(error.code, CanonCode::OtherSpelling);
        (error.pointer, error.detail)
    }

    #[test]
    fn the_first_place_that_is_spelt_otherwise_is_named() {
        let place = |found: Value, written: Value| said(found, written).0;
        let left_out = "the schema has no such member here, or leaves it out when it is empty";
        let whole = said(json!({"a": 1, "b": {}}), json!({"a": 1}));
        assert_eq!(whole, ("/b".into(), left_out.into()));
        let missing = said(json!({"x": {"a": 1}}), json!({"x": {"a": 1, "b": 2}}));
        assert_eq!(missing, ("/x".into(), "the member \"b\" is missing".into()));
        let inside =
            said(json!({"a": 1, "b": [0, {"c": "01"}], "d": 3}), json!({"a": 1, "b": [0, {"c": "1"}], "d": 4}));
        assert_eq!(inside, ("/b/1/c".into(), "\"01\" is another spelling of \"1\"".into()));
        // What is equal before it leaves no trace in the pointer, and the escapes of pointers are kept.
        assert_eq!(place(json!({"a": {"x": [1, 2]}, "b": 1}), json!({"a": {"x": [1, 2]}, "b": 2})), "/b");
        assert_eq!(place(json!([[1], [2], [3]]), json!([[1], [2], [4]])), "/2/0");
        assert_eq!(place(json!({"m~/n": 1}), json!({"m~/n": 2})), "/m~0~1n");
        // A list of another length, and one thing for another, are named whole.
        assert_eq!(said(json!([1]), json!([1, 2])), (String::new(), "[1] is another spelling of [1,2]".into()));
        assert_eq!(said(json!({"a": []}), json!({"a": {}})), ("/a".into(), "[] is another spelling of {}".into()));
        assert_eq!(said(json!(1), json!(1)), (String::new(), "this has another form than the schema".into()));
    }

    #[test]
    fn long_values_are_shown_by_their_first_hundred_characters() {
        assert_eq!(short(&json!("é".repeat(98))), format!("\"{}\"", "é".repeat(98)));
        assert_eq!(short(&json!("é".repeat(99))), format!("\"{}…", "é".repeat(99)));
    }
}
