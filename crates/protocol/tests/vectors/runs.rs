use crate::{bytes, cases, load, text};
use selfsame_protocol::canon;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::run::{Declaration, Element, ElementDigests, commitment, compare, explain};
use serde_json::Value;
use std::collections::BTreeMap;

fn declarations(vectors: &Value) -> BTreeMap<&str, Declaration> {
    cases(vectors, "declarations")
        .iter()
        .map(|case| {
            let name = text(case, "name");
            let declaration = Declaration::parse(case["declaration"].to_string().as_bytes());
            (name, declaration.unwrap_or_else(|e| panic!("{name}: {e}")))
        })
        .collect()
}

/// shows: WL-01, WL-04, WL-18, RI-01, RI-02, RI-07, RI-12, RI-32
#[test]
fn a_declaration_has_the_identity_that_another_implementation_computes() {
    let vectors = load("runs");
    let declarations = declarations(&vectors);
    for case in cases(&vectors, "declarations") {
        let name = text(case, "name");
        let declaration = &declarations[name];
        let digests = declaration.element_digests();
        assert_eq!(Digest::of(declaration.canonical()).hex(), text(case, "canonical_sha256"), "{name}");
        for element in Element::ALL {
            assert_eq!(
                digests.get(element).to_string(),
                text(&case["elements"], element.as_str()),
                "{name}: {element}"
            );
        }
        assert_eq!(String::from_utf8(digests.outer()).unwrap(), text(case, "outer"), "{name}");
        assert_eq!(declaration.run_id().to_string(), text(case, "run_id"), "{name}");
        // The digests alone give the identity: whoever knows no content can check it.
        let alone: ElementDigests = serde_json::from_value(case["elements"].clone()).unwrap();
        assert_eq!(alone.run_id().to_string(), text(case, "run_id"), "{name}");
        // And the canonical bytes give the same declaration again.
        assert_eq!(&Declaration::parse(declaration.canonical()).unwrap(), declaration, "{name}");
    }
}

/// shows: RI-27, RI-07, WL-16
#[test]
fn layout_does_not_change_the_identity() {
    for case in cases(&load("runs"), "layouts") {
        let declaration = Declaration::parse(text(case, "declaration_text").as_bytes()).unwrap();
        assert_eq!(declaration.run_id().to_string(), text(case, "run_id"), "{}", text(case, "name"));
    }
}

/// shows: RI-03, RI-10, RI-14, WL-08, WL-20, WL-25, WL-34
#[test]
fn comparisons_name_the_differing_elements() {
    let vectors = load("runs");
    let declarations = declarations(&vectors);
    for case in cases(&vectors, "comparisons") {
        let (a, b) = (&declarations[text(case, "a")], &declarations[text(case, "b")]);
        let elements = compare(&a.element_digests(), &b.element_digests());
        assert_eq!(serde_json::to_value(&elements).unwrap(), case["elements"], "{}", text(case, "b"));
        assert_eq!(elements.is_empty(), a.run_id() == b.run_id());
        let found: Vec<Value> = explain(a, b).into_iter().map(|d| d.pointer.into()).collect();
        assert_eq!(Value::from(found), case["differences"], "{}", text(case, "b"));
    }
}

/// shows: WL-28, RI-02, RI-34, C-02, C-05
#[test]
fn refused_declarations_are_refused_for_the_reason_and_at_the_place_that_the_vectors_name() {
    for case in cases(&load("runs"), "refused") {
        let name = text(case, "name");
        let error = Declaration::parse(text(case, "declaration_text").as_bytes()).expect_err(name);
        assert_eq!(
            (error.code.as_str(), error.pointer.as_str()),
            (text(case, "code"), text(case, "pointer")),
            "{name}"
        );
    }
}

/// shows: WL-35, RI-13
#[test]
fn a_commitment_binds_salt_and_value() {
    let vectors = load("runs");
    let mut seen = std::collections::BTreeSet::new();
    for case in cases(&vectors, "commitments") {
        let salt: [u8; 16] = bytes(case, "salt_hex").try_into().unwrap();
        let value = canon::parse(case["value"].to_string().as_bytes(), &canon::Limits::DOCUMENT).unwrap();
        assert_eq!(commitment(&salt, &value).to_string(), text(case, "commitment"));
        assert!(seen.insert(text(case, "commitment")));
    }
}
