use crate::{bytes, cases, load, number, text};
use proptest::prelude::*;
use selfsame_protocol::canon::{self, Limits};
use selfsame_protocol::digest::{Digest, hex};
use serde_json::Value;

/// The bytes of a case: a text, hex where it is not UTF-8, or repetitions where it is long.
fn input(case: &Value) -> Vec<u8> {
    if let Some(repetitions) = case["input_repeat"].as_array() {
        return repetitions.iter().flat_map(|r| r[0].as_str().unwrap().repeat(number_at(r)).into_bytes()).collect();
    }
    if case.get("input_hex").is_some() { bytes(case, "input_hex") } else { text(case, "input").into() }
}

fn number_at(repetition: &Value) -> usize {
    usize::try_from(repetition[1].as_u64().unwrap()).unwrap()
}

fn profile(case: &Value) -> Limits {
    match text(case, "profile") {
        "declaration" => Limits::DECLARATION,
        "document" => Limits::DOCUMENT,
        "leaf" => Limits::LEAF,
        other => panic!("profile {other}"),
    }
}

/// shows: P-005, RI-12, RI-27
#[test]
fn the_bounds_of_every_profile_are_those_of_the_vectors() {
    let vectors = load("canonical");
    for name in ["declaration", "document", "leaf"] {
        let expected = &vectors["profiles"][name];
        let limits = profile(&serde_json::json!({ "profile": name }));
        assert_eq!(limits.max_bytes as u64, number(expected, "max_bytes"), "{name}");
        assert_eq!(limits.max_depth as u64, number(expected, "max_depth"), "{name}");
    }
}

/// shows: P-005, RI-12, RI-27
#[test]
fn accepted_documents_have_the_canonical_form_of_other_implementations() {
    for case in cases(&load("canonical"), "accepted") {
        let (name, limits) = (text(case, "name"), profile(case));
        let canonical = canon::canonicalize(&input(case), &limits).unwrap_or_else(|e| panic!("{name}: {e}"));
        if case.get("canonical_hex").is_some() {
            assert_eq!(hex(&canonical), text(case, "canonical_hex"), "{name}: {}", String::from_utf8_lossy(&canonical));
        }
        assert_eq!(Digest::of(&canonical).hex(), text(case, "sha256"), "{name}");
        canon::require_canonical(&canonical, &limits).unwrap_or_else(|e| panic!("{name}: {e}"));
    }
}

/// shows: RI-14, RI-28, C-06
#[test]
fn refused_documents_are_refused_for_the_reason_and_at_the_place_that_the_vectors_name() {
    for case in cases(&load("canonical"), "refused") {
        let name = text(case, "name");
        let error = canon::canonicalize(&input(case), &profile(case)).expect_err(name);
        assert_eq!(error.code.as_str(), text(case, "code"), "{name}: {error}");
        if case.get("pointer").is_some() {
            assert_eq!(error.pointer, text(case, "pointer"), "{name}: {error}");
        }
    }
}

/// shows: WL-15, X-01
#[test]
fn bytes_that_must_be_canonical_have_one_spelling() {
    for case in cases(&load("canonical"), "not_canonical") {
        let (name, input) = (text(case, "name"), text(case, "input").as_bytes());
        canon::parse(input, &Limits::DOCUMENT).unwrap_or_else(|e| panic!("{name}: {e}"));
        let error = canon::require_canonical(input, &Limits::DOCUMENT).expect_err(name);
        assert_eq!(error.code.as_str(), "NOT_CANONICAL", "{name}");
    }
}

/// A document as text, the members of every object in the order that `order` gives, with white space.
fn spelled(value: &Value, order: &mut impl FnMut(&mut Vec<(&String, &Value)>)) -> String {
    match value {
        Value::Object(map) => {
            let mut members: Vec<_> = map.iter().collect();
            order(&mut members);
            let members: Vec<String> = members
                .into_iter()
                .map(|(n, v)| format!("{} :\n{}", Value::from(n.as_str()), spelled(v, order)))
                .collect();
            format!("{{ {} }}", members.join(" ,"))
        }
        Value::Array(items) => {
            format!("[\t{}]", items.iter().map(|v| spelled(v, order)).collect::<Vec<_>>().join(" , "))
        }
        other => other.to_string(),
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        (-9_007_199_254_740_991..=9_007_199_254_740_991_i64).prop_map(Value::from),
        (-1e15..1e15_f64).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        Just(Value::Null),
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

proptest! {
    /// shows: RI-27
    #[test]
    fn canonicalisation_is_idempotent_and_independent_of_member_order(value in any_json(), turn in 0_usize..6) {
        let canonical = canon::canonicalize(value.to_string().as_bytes(), &Limits::DOCUMENT).unwrap();
        prop_assert_eq!(&canon::canonicalize(&canonical, &Limits::DOCUMENT).unwrap(), &canonical);
        let reversed = spelled(&value, &mut |members| members.reverse());
        prop_assert_eq!(&canon::canonicalize(reversed.as_bytes(), &Limits::DOCUMENT).unwrap(), &canonical);
        let turned = spelled(&value, &mut |members| {
            let by = turn.checked_rem(members.len()).unwrap_or(0);
            members.rotate_left(by);
        });
        prop_assert_eq!(&canon::canonicalize(turned.as_bytes(), &Limits::DOCUMENT).unwrap(), &canonical);
    }
}
