//! The forms of members: what a text or number may be where a record, or a document, says so.
//!
//! Each reader here stands at its members as `#[serde(deserialize_with = "form::…")]`. A name, for example, is read from
//! one text, from a text that may be absent, or from a list of texts. What has another form is not read at all: for a
//! leaf that is `ENTRY_FORM`.

use crate::digest::{MAX_BITS, unhex};
use crate::names::{MAX_REASON_BYTES, is_name};
use serde::de::{Deserialize, Deserializer, Error};
use serde_json::Value;

/// Characters of one text of a finding that are recorded: what a node writes there cannot outgrow the record.
pub(crate) const FINDING_TEXT: usize = 200;
/// Characters of the two values of a refusal.
pub(crate) const REFUSAL_TEXT: usize = 300;
/// Start of the ids of migration cycles; a migration's id follows. No other cycle has such an id: a chip cannot take one
/// beforehand and so prevent an arrival.
pub const MIGRATION_CYCLE: &str = "migration/";

/// What holds texts: one, one that may be absent, or a list.
pub trait Texts {
    /// The first text that is not of a form.
    fn other(&self, form: impl Fn(&str) -> bool) -> Option<&str>;
}

impl Texts for String {
    fn other(&self, form: impl Fn(&str) -> bool) -> Option<&str> {
        Some(self.as_str()).filter(|text| !form(text))
    }
}
impl Texts for Option<String> {
    fn other(&self, form: impl Fn(&str) -> bool) -> Option<&str> {
        self.as_deref().filter(|text| !form(text))
    }
}
impl Texts for Vec<String> {
    fn other(&self, form: impl Fn(&str) -> bool) -> Option<&str> {
        self.iter().map(String::as_str).find(|text| !form(text))
    }
}

/// Reads texts of one form.
pub(crate) fn texts<'de, T, D>(deserializer: D, what: &str, form: impl Fn(&str) -> bool) -> Result<T, D::Error>
where
    T: Texts + Deserialize<'de>,
    D: Deserializer<'de>,
{
    let read = T::deserialize(deserializer)?;
    match read.other(form) {
        None => Ok(read),
        Some(text) => {
            let found: String = text.chars().take(100).collect();
            Err(D::Error::custom(format!("{found:?} is not {what}")))
        }
    }
}

/// Names: 1 to 128 bytes of `A-Z a-z 0-9 . _ : / -`.
pub fn name<'de, T: Texts + Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    texts(deserializer, "a name: 1 to 128 of A-Z a-z 0-9 . _ : / -", is_name)
}

/// The id of a cycle: a name, or `migration/` and the id of the migration, which is a name.
pub fn cycle_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    texts(deserializer, "the id of a cycle: a name, or migration/ and a name", |text| {
        is_name(text) || text.strip_prefix(MIGRATION_CYCLE).is_some_and(is_name)
    })
}

/// An Ed25519 signature: 128 lowercase hex characters.
pub fn signature<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    texts(deserializer, "a signature of 128 lowercase hex characters", |text| {
        unhex(text).is_some_and(|bytes| bytes.len() == 64)
    })
}

/// Whether a text has at most so many characters, or was cut after them and says so.
pub(crate) fn is_cut(text: &str, most: usize) -> bool {
    match text.char_indices().nth(most) {
        Some((at, _)) => text.get(at..) == Some("…"),
        None => true,
    }
}

/// A text of a finding as it is recorded: the whole of it, or its first 200 characters and `…`.
pub(crate) fn finding_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    texts(deserializer, "cut to 200 characters", |text| is_cut(text, FINDING_TEXT))
}

/// A value of a refusal as it is recorded: the whole of it, or its first 300 characters and `…`.
pub(crate) fn refusal_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    texts(deserializer, "cut to 300 characters", |text| is_cut(text, REFUSAL_TEXT))
}

/// Why something is asked for, in words.
pub fn reason<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    texts(deserializer, "a reason of at most 4096 bytes", |text| text.len() <= MAX_REASON_BYTES)
}

/// A distance of two digests: 0 to 256 bits.
pub fn bits<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        bits @ 0..=MAX_BITS => Ok(bits),
        bits => Err(D::Error::custom(format!("{bits} is more than {MAX_BITS} bits"))),
    }
}

/// A founding document.
pub fn founding<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    let document = Value::deserialize(deserializer)?;
    match is_founding(&document) {
        Ok(()) => Ok(document),
        Err(found) => Err(D::Error::custom(format!("the founding document does not state two branches: {found}"))),
    }
}

/// Whether a document is a founding incompatibility: an object with `branch_a` and `branch_b`, two different objects that
/// are not empty. Says what was found instead.
pub fn is_founding(document: &Value) -> Result<(), String> {
    let Some(object) = document.as_object() else { return Err("not an object".into()) };
    let (Some(a), Some(b)) = (object.get("branch_a"), object.get("branch_b")) else {
        return Err(format!("members {:?}", object.keys().collect::<Vec<_>>()));
    };
    let filled = |branch: &Value| branch.as_object().is_some_and(|o| !o.is_empty());
    if !filled(a) || !filled(b) {
        return Err("a branch that is empty or not an object".into());
    }
    if a == b {
        return Err("two equal branches".into());
    }
    Ok(())
}
