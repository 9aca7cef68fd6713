//! Bytes that stand in a body as text: base64 and `data:` URLs.

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

/// Padded or not, and whatever the last bits are: what any provider's decoder reads is one picture.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Decodes base64 of either alphabet, padded or not, with or without white space.
///
/// # Errors
/// A sentence about what is wrong.
pub fn base64(text: &str) -> Result<Vec<u8>, String> {
    let plain: String = text
        .chars()
        .filter(|c| !matches!(c, ' ' | '\t' | '\r' | '\n'))
        .map(|c| match c {
            '-' => '+',
            '_' => '/',
            other => other,
        })
        .collect();
    // Small letters alone are hardly ever base64, and mostly the name of a file.
    if text.len() > 3
        && text.starts_with('/')
        && text[1..].bytes().all(|b| b.is_ascii_lowercase() || b"/-.0123456789".contains(&b))
    {
        return Err("this looks like the path of a file: send the bytes themselves, in base64".into());
    }
    if plain.is_empty() {
        return Err("the bytes are missing: base64 is expected here".into());
    }
    LENIENT.decode(&plain).map_err(|error| format!("this is not base64 ({error}): send the bytes in base64"))
}

/// The media type and the bytes of a `data:` URL.
pub type Data = (Option<String>, Vec<u8>);

/// The bytes of a `data:` URL, and their media type where it says one; nothing for any other text.
///
/// # Errors
/// A sentence about what is wrong.
pub fn data_url(text: &str) -> Option<Result<Data, String>> {
    let scheme = text.get(..5)?;
    if !scheme.eq_ignore_ascii_case("data:") {
        return None;
    }
    let Some((head, data)) = text[5..].split_once(',') else {
        return Some(Err("a data: URL has a comma before its data".into()));
    };
    let (media, encoded) = match head.rsplit_once(';') {
        Some((media, last)) if last.trim().eq_ignore_ascii_case("base64") => (media, true),
        None if head.eq_ignore_ascii_case("base64") => ("", true),
        _ => (head, false),
    };
    let media = if media.trim().is_empty() { Ok(None) } else { media_type(media).map(Some) };
    let bytes = if encoded { base64(&unescape_text(data)) } else { Ok(unescape(data)) };
    Some(media.and_then(|media| bytes.map(|bytes| (media, bytes))))
}

/// A media type in lower case. Parameters say nothing of a picture or a document and are left out; of sound and video they
/// stay (`audio/pcm;rate=16000` is other sound at another rate), in order of their names.
///
/// # Errors
/// A sentence about what is wrong: no `type/subtype`, or a character set that would make other text of the bytes.
pub fn media_type(text: &str) -> Result<String, String> {
    let mut pieces = text.split(';').map(str::trim);
    let essence = pieces.next().unwrap_or_default().to_ascii_lowercase();
    let word =
        |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b));
    // A data: URL may begin with a parameter; RFC 2397 then means text/plain.
    let essence = if essence.is_empty() { "text/plain".to_owned() } else { essence };
    if !essence.split_once('/').is_some_and(|(kind, sub)| word(kind) && word(sub)) {
        return Err(format!("this is no media type, such as image/png: {essence:?}"));
    }
    let mut kept = std::collections::BTreeMap::new();
    for piece in pieces.filter(|piece| !piece.is_empty()) {
        let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().trim_matches('"').to_ascii_lowercase());
        if name == "charset" && !["utf-8", "utf8", "us-ascii", "ascii"].contains(&value.as_str()) {
            return Err(format!("the character set {value:?} makes other text of the bytes: send UTF-8"));
        }
        let sounds = essence.starts_with("audio/") || essence.starts_with("video/");
        if sounds && name != "charset" && kept.insert(name.clone(), value).is_some() {
            return Err(format!("the parameter {name:?} of the media type stands twice"));
        }
    }
    Ok(kept.into_iter().fold(essence, |media, (name, value)| format!("{media};{name}={value}")))
}

/// Bytes with `%xx` read; whatever is no such escape stands for itself.
fn unescape(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%')
            .then(|| bytes.get(at + 1..at + 3))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        out.push(escaped.unwrap_or(bytes[at]));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    out
}

fn unescape_text(text: &str) -> String {
    String::from_utf8_lossy(&unescape(text)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_picture_has_one_reading() {
        for spelling in ["AAEC/w==", "AAEC/w", "AAEC_w==", "AAEC\r\n/w==", " AAEC/w= ="] {
            assert_eq!(base64(spelling).ok(), Some(vec![0, 1, 2, 255]), "{spelling}");
        }
        assert_eq!(media_type("Audio/PCM; Rate=16000;codecs=\"a\"").as_deref(), Ok("audio/pcm;codecs=a;rate=16000"));
        assert_eq!(media_type("image/png;name=a.png").as_deref(), Ok("image/png"));
        for wrong in ["", " ", "A", "AA*C", "/home/u/cat", "/etc/passwd"] {
            assert!(base64(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn data_urls_are_read_as_the_standard_says() {
        let read = |text: &str| data_url(text).map(|read| read.unwrap());
        let png = Some((Some("image/png".to_owned()), vec![1, 2, 3]));
        for text in [
            "data:image/png;base64,AQID",
            "DATA:Image/PNG;name=a.png;BASE64,AQID",
            "data:image/png;charset=utf-8;base64,AQ%49D",
            "data:image/png,%01%02%03",
        ] {
            assert_eq!(read(text), png, "{text}");
        }
        assert_eq!(read("data:,a%20b"), Some((None, b"a b".to_vec())));
        assert_eq!(read("data:;charset=US-ASCII,a"), Some((Some("text/plain".into()), b"a".to_vec())));
        assert_eq!(data_url("https://example.org/a.png"), None);
        assert_eq!(data_url("é"), None);
        for text in [
            "data:image/png;base64",
            "data:image/png;base64,*",
            "data:png;base64,AQID",
            "data:text/plain;charset=utf-16,a",
        ] {
            assert!(data_url(text).is_some_and(|read| read.is_err()), "{text}");
        }
    }
}
