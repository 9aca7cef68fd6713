//! Canonical JSON: RFC 8785 under a strict profile.
//!
//! Common parsers round large integers and keep the last of duplicate members, so that two different documents would get
//! one identity. This module refuses what is ambiguous before anything is hashed, and names rule, place and values.

mod parser;
mod spelling;

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
    // Serialisation into memory fails only for maps with non-string keys and non-finite floats; our records have neither.
    serde_json_canonicalizer::to_vec(value).unwrap_or_default()
}

/// Parses strictly and returns the canonical bytes.
pub fn canonicalize(bytes: &[u8], limits: &Limits) -> Result<Vec<u8>, CanonError> {
    Ok(to_canonical(&parse(bytes, limits)?))
}

/// Parses bytes that must be canonical already.
pub fn require_canonical(bytes: &[u8], limits: &Limits) -> Result<Value, CanonError> {
    let value = parse(bytes, limits)?;
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
    match serde_json::from_value(parse(bytes, limits)?) {
        // The form of a typed value is canonical: when it is the bytes, they are.
        Ok(read) if to_canonical_of(&read) == bytes => Ok(read),
        // Bytes that are not canonical are named as that, whatever else they are.
        _ => decode(require_canonical(bytes, limits)?),
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn code(text: &str) -> &'static str {
        parse(text.as_bytes(), &Limits::DECLARATION).unwrap_err().code.as_str()
    }

    // shows: RI-14, RI-27
    #[test]
    fn what_is_ambiguous_is_refused_and_named() {
        assert_eq!(code(r#"{"a":1,"a":1}"#), "DUPLICATE_KEY");
        assert_eq!(code(r#"{"a":1,"\u0061":1}"#), "DUPLICATE_KEY");
        for unsafe_integer in [
            "9007199254740992",
            "-9007199254740992",
            "18446744073709551616",
            "1e20",
            "9007199254740993.0",
            "99999999999999999999999",
        ] {
            let accepted_form = parse(unsafe_integer.as_bytes(), &Limits::DECLARATION);
            assert!(accepted_form.is_err(), "{unsafe_integer}");
        }
        assert_eq!(code("1e999"), "NON_FINITE");
        assert_eq!(code(r#""\ud800""#), "LONE_SURROGATE");
        assert_eq!(code(r#""\udc00\ud800""#), "LONE_SURROGATE");
        assert_eq!(code(&"[".repeat(100_000)), "TOO_DEEP");
        for syntax in [
            "",
            "{",
            "[1,]",
            "{\"a\" 1}",
            "01",
            "1.",
            "nul",
            "\"a",
            "NaN",
            "Infinity",
            "1 2",
            "{'a':1}",
            "\"\u{1}\"",
            "+1",
            ".5",
            "-",
            "1e",
            "\"\\x\"",
            "\"\\u12\"",
        ] {
            assert_eq!(code(syntax), "SYNTAX", "{syntax}");
        }
        assert_eq!(parse(b"\xff", &Limits::DECLARATION).unwrap_err().code.as_str(), "INVALID_UTF8");
        let error = parse(br#"{"a":[{"b/c":1},{"b~/c":{"d":1e999}}]}"#, &Limits::DECLARATION).unwrap_err();
        assert_eq!(error.pointer, "/a/1/b~0~1c/d");
    }

    #[test]
    fn integers_of_64_bits_are_read_where_they_are_asked_for() {
        let wide = Limits { wide: true, ..Limits::DOCUMENT };
        for text in ["9007199254740993", "-9223372036854775808", "18446744073709551615"] {
            assert_eq!(parse(text.as_bytes(), &wide).unwrap().to_string(), text);
            assert_eq!(parse(text.as_bytes(), &Limits::DOCUMENT).unwrap_err().code.as_str(), "UNSAFE_INTEGER");
        }
        for text in ["18446744073709551616", "-9223372036854775809", "9007199254740993.0", "1e19"] {
            assert_eq!(parse(text.as_bytes(), &wide).unwrap_err().code.as_str(), "UNSAFE_INTEGER", "{text}");
        }
    }

    #[test]
    fn numbers_take_the_form_of_the_rfc() {
        // RFC 8785 appendix B and section 3.2.2.3, as far as the strict profile admits them.
        for (input, expected) in [
            ("0", "0"),
            ("-0", "0"),
            ("-0.0", "0"),
            ("1.0", "1"),
            ("1e0", "1"),
            ("4.50", "4.5"),
            ("2e-3", "0.002"),
            ("1E30", "1e+30"),
            ("1e21", "1e+21"),
            ("0.000000000000000000000000001", "1e-27"),
            ("333333333.33333329", "333333333.3333333"),
            ("9007199254740991", "9007199254740991"),
            ("5e-324", "5e-324"),
            ("1.7976931348623157e308", "1.7976931348623157e+308"),
            ("0.70", "0.7"),
            ("1e-7", "1e-7"),
            ("0.000001", "0.000001"),
        ] {
            assert_eq!(
                String::from_utf8(canonicalize(input.as_bytes(), &Limits::DECLARATION).unwrap()).unwrap(),
                expected
            );
        }
    }

    #[test]
    fn members_sort_by_utf16_and_only_controls_are_escaped() {
        let input = r#"{"\u20ac":"Euro","\r":"CR","\ufb33":"Dalet","1":"One","\ud83d\ude00":"Smiley","\u0080":"Control","\u00f6":"o","x":"\u007f\u000a\/"}"#;
        let expected = "{\"\\r\":\"CR\",\"1\":\"One\",\"x\":\"\u{7f}\\n/\",\"\u{80}\":\"Control\",\"ö\":\"o\",\"€\":\"Euro\",\"😀\":\"Smiley\",\"\u{fb33}\":\"Dalet\"}";
        assert_eq!(String::from_utf8(canonicalize(input.as_bytes(), &Limits::DECLARATION).unwrap()).unwrap(), expected);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            (-9_007_199_254_740_991..=9_007_199_254_740_991_i64).prop_map(Value::from),
            any::<f64>()
                .prop_filter("in profile", |f| f.is_finite()
                    && !(f.fract() == 0.0 && f.abs() >= 9e15 && f.abs() < 1e21))
                .prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 64, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 1..6).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 1..6)
                    .prop_map(|m| Value::Object(m.into_iter().collect())),
            ]
        })
    }

    proptest! {
        // shows: RI-27
        #[test]
        fn the_canonical_form_is_a_fixed_point_and_ignores_white_space(value in any_json()) {
            let canonical = canonicalize(&serde_json::to_vec(&value).unwrap(), &Limits::DECLARATION).unwrap();
            let pretty = canonicalize(&serde_json::to_vec_pretty(&value).unwrap(), &Limits::DECLARATION).unwrap();
            prop_assert_eq!(&canonical, &pretty);
            prop_assert_eq!(to_canonical(&require_canonical(&canonical, &Limits::DECLARATION).unwrap()), canonical);
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes, &Limits::SUBMISSION);
        }

        #[test]
        fn no_json_like_text_panics(text in r#"[\[\]{}",:0-9eE+\-.u\\ tfn]{0,60}"#) {
            let _ = canonicalize(text.as_bytes(), &Limits::SUBMISSION);
        }
    }
}
