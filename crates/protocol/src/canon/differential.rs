//! The writer and the one-pass check against what stood in their place: the library that wrote the canonical form, and
//! reading, writing again and comparing.
#![cfg(test)]

use super::*;
use proptest::prelude::*;
use serde::Deserialize;
use std::collections::BTreeMap;

fn oracle<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json_canonicalizer::to_vec(value).unwrap_or_default()
}

/// What `require_canonical` did before.
fn required(bytes: &[u8], limits: &Limits) -> Result<Value, CanonError> {
    let value = parse(bytes, limits)?;
    let canonical = oracle(&value);
    if canonical == bytes {
        return Ok(value);
    }
    let at = canonical.iter().zip(bytes).take_while(|(a, b)| a == b).count();
    let detail = format!(
        "this is not in canonical form (RFC 8785) from byte {at} on: it has {} bytes, and the form {}",
        bytes.len(),
        canonical.len()
    );
    Err(CanonError::new(CanonCode::NotCanonical, "", detail))
}

/// What `decode_exact` did before.
fn decoded<T: DeserializeOwned + Serialize>(bytes: &[u8], limits: &Limits) -> Result<T, CanonError> {
    match serde_json::from_value(parse(bytes, limits)?) {
        Ok(read) if oracle(&read) == bytes => Ok(read),
        _ => decode(required(bytes, limits)?),
    }
}

/// A type that reads more than it writes, in an order that is not the canonical one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Typed {
    zeta: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    maybe: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    list: Vec<Kind>,
    alpha: BTreeMap<String, Value>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Kind {
    Unit,
    Of { z: i64, a: f64 },
}

/// Members by their names, as a structure hands them over: in any order, some twice.
struct Members<'a>(&'a [(String, Value)]);
impl Serialize for Members<'_> {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// Characters at every border that the order and the escapes know.
fn nasty_string() -> impl Strategy<Value = String> {
    let chars: Vec<char> = "\u{0}\u{1}\u{8}\t\n\u{b}\u{c}\r\u{e}\u{f}\u{10}\u{1f} !\"/09AZ\\az~\u{7f}\u{80}é\u{7ff}\u{800}\u{2028}\u{d7ff}\u{e000}\u{fb33}\u{fffd}\u{ffff}\u{10000}😀\u{10ffff}".chars().collect();
    prop_oneof![prop::collection::vec(prop::sample::select(chars), 0..5).prop_map(String::from_iter), any::<String>(),]
}

fn nasty_number() -> impl Strategy<Value = Value> {
    const EDGES: &[f64] = &[0.0, -0.0, 5e-324, 1e-7, 1e-6, 0.1, 1e20, 1e21, 123456789012345680000.0, 1.5e300, f64::MAX];
    prop_oneof![
        any::<u64>().prop_map(f64::from_bits).prop_filter("finite", |f| f.is_finite()).prop_map(Value::from),
        prop::sample::select(EDGES).prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-20_i64..20).prop_map(Value::from),
        ((1_i64 << 53) - 3..(1 << 53) + 3).prop_map(Value::from),
        (-(1_i64 << 53) - 3..3 - (1 << 53)).prop_map(Value::from),
    ]
}

fn nasty_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        nasty_number(),
        nasty_string().prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(nasty_string(), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Text that is mostly canonical JSON, with every other spelling and mistake in it now and then.
fn nearly_canonical() -> impl Strategy<Value = String> {
    const RARE: &[&str] = &[
        "-0",
        "1.0",
        "1e5",
        "1E+21",
        "1e21",
        "1e+21",
        "01",
        "-",
        "1.",
        "1e999",
        "9007199254740991",
        "9007199254740992",
        "-9007199254740993",
        "123456789012345678901",
        "0.10",
        "-1.5",
        "5e-324",
        "1e-7",
        "0.000001",
        "+1",
        "00",
        "-01",
        r#""\u0041""#,
        r#""\ud83d\ude00""#,
        r#""\ud800""#,
        r#""\u001f""#,
        r#""\u001F""#,
        r#""\u000a""#,
        r#""\u000b""#,
        r#""\u0008""#,
        r#""\/""#,
        "\"\n\"",
        "\"\u{7f}\"",
        r#""\x""#,
        r#""\u12"#,
        "nul",
        "tru",
        "{}",
        "[]",
        "",
        " 1",
        "1 ",
        "[1,]",
        "{\"a\":1,}",
        "\"a",
    ];
    const NAMES: &[&str] = &[
        "", "a", "b", "é", "\u{e000}", "😀", "\u{ffff}", r"\n", r"\r", r"\u0000", r"\u001f", r#"\""#, r"\\", r"\u0061",
    ];
    const COMMON: &[&str] =
        &["0", "7", "-12", "true", "false", "null", "\"x\"", "\"é😀\"", r#""\n\"""#, "0.5", "1e+30"];
    let leaf = prop_oneof![
        8 => prop::sample::select(COMMON).prop_map(str::to_string),
        1 => prop::sample::select(RARE).prop_map(str::to_string),
    ];
    let comma = || prop_oneof![30 => Just(","), 1 => Just(", "), 1 => Just(" ,"), 1 => Just(",,")];
    leaf.prop_recursive(4, 32, 5, move |inner| {
        let name = prop::sample::select(NAMES);
        let member = (name, prop_oneof![30 => Just(":"), 1 => Just(": "), 1 => Just("")], inner.clone());
        prop_oneof![
            (prop::collection::vec(inner, 0..5), comma()).prop_map(|(items, comma)| format!("[{}]", items.join(comma))),
            (prop::collection::vec(member, 0..5), comma(), 0..6).prop_map(|(mut members, comma, as_they_are)| {
                if as_they_are > 0 {
                    members.sort_by_key(|(name, _, _)| {
                        let name: String = serde_json::from_str(&format!("\"{name}\"")).unwrap_or_default();
                        name.encode_utf16().collect::<Vec<_>>()
                    });
                    members.dedup_by(|a, b| a.0 == b.0);
                }
                let members: Vec<String> =
                    members.into_iter().map(|(name, colon, value)| format!("\"{name}\"{colon}{value}")).collect();
                format!("{{{}}}", members.join(comma))
            }),
        ]
    })
}

fn typed() -> impl Strategy<Value = Typed> {
    let kind = prop_oneof![
        Just(Kind::Unit),
        (any::<i64>(), any::<f64>().prop_filter("finite", |f| f.is_finite())).prop_map(|(z, a)| Kind::Of { z, a })
    ];
    let alpha = prop::collection::btree_map(nasty_string(), nasty_value(), 0..4);
    (nasty_string(), prop::option::of(any::<u64>()), prop::collection::vec(kind, 0..4), alpha)
        .prop_map(|(zeta, maybe, list, alpha)| Typed { zeta, maybe, list, alpha })
}

/// The same answer, to the sentence.
fn same(bytes: &[u8], limits: &Limits) -> Result<(), TestCaseError> {
    let (now, before) = (require_canonical(bytes, limits), required(bytes, limits));
    prop_assert_eq!(is_canonical(bytes, limits), before.is_ok());
    prop_assert_eq!(now, before);
    prop_assert_eq!(decode_exact::<Value>(bytes, limits), decoded::<Value>(bytes, limits));
    prop_assert_eq!(decode_exact::<Typed>(bytes, limits), decoded::<Typed>(bytes, limits));
    Ok(())
}

const WIDE: Limits = Limits { wide: true, ..Limits::DOCUMENT };

proptest! {
    // shows: RI-27
    #[test]
    fn documents_are_written_as_the_library_writes_them(value in nasty_value()) {
        prop_assert_eq!(to_canonical(&value), oracle(&value));
    }

    #[test]
    fn types_are_written_as_the_library_writes_them(value in typed()) {
        prop_assert_eq!(to_canonical_of(&value), oracle(&value));
    }

    #[test]
    fn members_in_any_order_are_put_in_order_and_a_name_that_stands_twice_has_no_form(
        members in prop::collection::vec((nasty_string(), nasty_value()), 0..6)
    ) {
        prop_assert_eq!(to_canonical_of(&Members(&members)), oracle(&Members(&members)));
    }

    // shows: RI-14
    #[test]
    fn text_is_accepted_and_refused_as_before(text in nearly_canonical()) {
        same(text.as_bytes(), &Limits::DOCUMENT)?;
        same(text.as_bytes(), &WIDE)?;
        same(text.as_bytes(), &Limits { max_depth: 2, ..Limits::DOCUMENT })?;
        same(text.as_bytes(), &Limits { max_bytes: 12, ..Limits::DOCUMENT })?;
    }

    #[test]
    fn canonical_bytes_with_one_byte_changed_are_accepted_and_refused_as_before(
        value in typed(), at in any::<prop::sample::Index>(), byte in any::<u8>(), how in 0..4
    ) {
        let mut bytes = to_canonical_of(&value);
        let at = at.index(bytes.len());
        match how {
            0 => bytes[at] = byte,
            1 => bytes.insert(at, byte),
            2 => drop(bytes.remove(at)),
            _ => {}
        }
        same(&bytes, &Limits::DOCUMENT)?;
        same(&bytes, &WIDE)?;
    }
}

#[test]
fn what_has_no_names_or_numbers_of_json_is_written_as_the_library_writes_it() {
    let numbers: BTreeMap<i128, (char, u128, [u8; 2], f64)> = [
        (i128::from(i64::MIN), ('"', u128::MAX, [0, 255], 0.1)),
        (10, ('a', 1, [1, 2], 1.0)),
        (9, ('b', 0, [3, 4], 1e21)),
    ]
    .into();
    assert_eq!(to_canonical_of(&numbers), oracle(&numbers));
    // Maps whose keys are no texts have no form.
    let lists: BTreeMap<Vec<u8>, u8> = [(vec![1], 1)].into();
    assert_eq!((to_canonical_of(&lists), oracle(&lists)), (Vec::new(), Vec::new()));
    for scalar in [Value::Null, true.into(), "é\u{1}".into(), 1e21.into(), u64::MAX.into(), i64::MIN.into()] {
        assert_eq!(to_canonical(&scalar), oracle(&scalar));
    }
}

#[test]
fn depth_is_counted_as_before() {
    for depth in 60..70 {
        let text = "[".repeat(depth) + &"]".repeat(depth);
        assert_eq!(is_canonical(text.as_bytes(), &Limits::DOCUMENT), depth <= Limits::MAX_DEPTH, "{depth}");
        assert_eq!(require_canonical(text.as_bytes(), &Limits::LEAF), required(text.as_bytes(), &Limits::LEAF));
    }
}
