//! The crate against the language-neutral vectors in `tests/vectors` at the root of the repository.
//!
//! The expected values there come from another implementation (`tests/vectors/generate.py`), so that these tests compare
//! two readings of the protocol, not one with itself.

mod bundle;
mod canonical;
mod envelope;
mod governance;
mod import_properties;
mod imports;
mod merkle;
mod notes;
mod outcomes;
mod p104;
mod policies;
mod readers;
mod run_bundle;
mod runs;
mod spelling;
mod trust;

use selfsame_protocol::digest::unhex;
use serde_json::Value;

/// The content of a vector file.
fn load(name: &str) -> Value {
    let path = format!("{}/../../tests/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let value: Value = serde_json::from_slice(&text).unwrap_or_else(|e| panic!("{path}: {e}"));
    assert_eq!(value["vectors"], format!("selfsame/test-vectors/{name}/v1"));
    value
}

/// The cases of a list, which must not be empty: a misspelt name would test nothing.
fn cases<'a>(value: &'a Value, list: &str) -> &'a [Value] {
    let cases = value[list].as_array().unwrap_or_else(|| panic!("no list {list}"));
    assert!(!cases.is_empty(), "{list} is empty");
    cases
}

/// How many cases a property is tried with: fewer where PROPTEST_CASES says so.
fn tries(usual: u32) -> u32 {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    asked.map_or(usual, |asked: u32| asked.min(usual))
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_else(|| panic!("no text {member} in {value}"))
}

fn number(value: &Value, member: &str) -> u64 {
    value[member].as_u64().unwrap_or_else(|| panic!("no number {member} in {value}"))
}

fn bytes(value: &Value, member: &str) -> Vec<u8> {
    unhex(text(value, member)).unwrap_or_else(|| panic!("no hex {member} in {value}"))
}
