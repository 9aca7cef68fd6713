//! What a person did who sent bytes that are no JSON, and texts that only look alike.

use crate::canon::{CanonCode, CanonError};
use crate::run::{Declaration, LintWarning};
use serde_json::Value;

/// Adds what is probably wrong to an error of the parser.
pub fn explain(bytes: &[u8], mut error: CanonError) -> CanonError {
    let hint = match bytes {
        [0xef, 0xbb, 0xbf, ..] => "the file begins with a byte order mark: save it as UTF-8 without one",
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "the file is UTF-16: save it as UTF-8",
        [_, 0, ..] | [0, _, ..] => "the file looks like UTF-16 without a byte order mark: save it as UTF-8",
        [] => "the file is empty",
        [0x1f, 0x8b, ..] => "the file is compressed with gzip: unpack it first",
        _ if error.code == CanonCode::Syntax && error.detail.contains("escaped control character") => {
            "a text spans lines: write its line ends as \\n (or \\r\\n)"
        }
        _ if error.code == CanonCode::Syntax && error.detail.starts_with("the end of the document") && lines(bytes) => {
            "the file has several documents, one on a line: import them with --batch"
        }
        _ => return error,
    };
    error.detail = format!("{} ({hint})", error.detail);
    error
}

/// Whether each line could be a document of its own.
fn lines(bytes: &[u8]) -> bool {
    let mut lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    lines.by_ref().take(2).all(|line| line.trim_ascii().starts_with(b"{") && line.trim_ascii().ends_with(b"}"))
}

/// A parser's error as a sentence with its place first.
pub fn display(error: &CanonError) -> String {
    let place = if error.pointer.is_empty() { "the document" } else { &error.pointer };
    format!("{place}: {}: {}", error.code, error.detail)
}

/// Texts with line ends of Windows are other texts: the same prompt from another machine has another identity.
pub fn line_ends(declaration: &Declaration) -> Option<LintWarning> {
    let pointer = find(declaration.value(), "")?;
    Some(LintWarning {
        rule: "CRLF_IN_TEXT",
        pointer,
        advice: "this text has line ends \\r\\n; the same text with \\n is another run".into(),
    })
}

fn find(value: &Value, at: &str) -> Option<String> {
    match value {
        Value::String(text) => text.contains("\r\n").then(|| at.to_owned()),
        Value::Array(items) => items.iter().enumerate().find_map(|(index, item)| find(item, &format!("{at}/{index}"))),
        Value::Object(members) => members.iter().find_map(|(name, item)| find(item, &super::reader::step(at, name))),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}
