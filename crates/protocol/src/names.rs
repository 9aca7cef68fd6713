//! Names, ids and words that people choose: their form, and what refuses another one.

use crate::code::{Code, Refusal};

/// Bytes of a reason in words.
pub const MAX_REASON_BYTES: usize = 4 << 10;

/// Whether text may name something: 1 to 128 bytes of `A–Z a–z 0–9 . _ : / -`.
pub fn is_name(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:/-".contains(&b))
}

/// Whether text is a UUID in its one form: 36 lowercase hex characters with hyphens.
pub fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_digit() || (b'a'..=b'f').contains(&b),
        })
}

/// Refuses what is no substrate id.
pub(crate) fn check_uuid(text: &str) -> Result<(), Refusal> {
    let expected = "a UUID like 00000000-0000-4000-8000-000000000001";
    match is_uuid(text) {
        true => Ok(()),
        false => Err(Refusal::new(Code::Malformed, "substrate_id is no UUID in lowercase", expected, text)),
    }
}

/// Whether a name may name an organisation.
pub(crate) fn check_name(what: &str, text: &str) -> Result<(), Refusal> {
    match is_name(text) {
        true => Ok(()),
        false => Err(Refusal::new(
            Code::Malformed,
            &format!("the {what} is no name"),
            "1 to 128 of A-Z a-z 0-9 . _ : / -",
            text,
        )),
    }
}

/// Whether a text in words may stand in a record.
pub(crate) fn check_reason(reason: &str) -> Result<(), Refusal> {
    match reason.len() {
        0..=MAX_REASON_BYTES => Ok(()),
        found => Err(Refusal::new(
            Code::LimitExceeded,
            "the reason is too long: shorten it",
            format!("at most {MAX_REASON_BYTES} bytes"),
            found,
        )),
    }
}
