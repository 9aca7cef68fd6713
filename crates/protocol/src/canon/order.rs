//! The order of an object's members in the canonical form: that of their names in UTF-16.

use std::cmp::Ordering;

/// Compares two names as they stand between their quotes, written with the escapes of the canonical form.
pub(crate) fn by_utf16(one: &[u8], other: &[u8]) -> Ordering {
    for (a, b) in one.iter().zip(other) {
        if *a == b'\\' || *b == b'\\' {
            return units(one).cmp(&units(other));
        }
        if a != b {
            return rank(*a).cmp(&rank(*b));
        }
    }
    one.len().cmp(&other.len())
}

/// The order of UTF-8 is that of the characters. UTF-16 differs from it in one thing: characters above U+FFFF are written
/// as surrogates, which come before U+E000. Bytes from 0xEE on only begin characters, those from U+E000 on.
fn rank(byte: u8) -> u8 {
    match byte {
        0xee | 0xef => byte + 0x10,
        other => other,
    }
}

/// A name with escapes is rare: it is read as the string that it is.
fn units(name: &[u8]) -> Vec<u16> {
    let quoted = [b"\"", name, b"\""].concat();
    serde_json::from_slice::<String>(&quoted).unwrap_or_default().encode_utf16().collect()
}
