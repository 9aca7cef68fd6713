//! The canonical form against its rules and against the library that wrote it before.

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
        let error = parse(text.as_bytes(), &wide).unwrap_err();
        assert_eq!(error.code.as_str(), "UNSAFE_INTEGER", "{text}");
        assert!(!error.detail.contains("string"), "a form of others may take none: {}", error.detail);
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
        assert_eq!(String::from_utf8(canonicalize(input.as_bytes(), &Limits::DECLARATION).unwrap()).unwrap(), expected);
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
            .prop_filter("in profile", |f| f.is_finite() && !(f.fract() == 0.0 && f.abs() >= 9e15 && f.abs() < 1e21))
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
