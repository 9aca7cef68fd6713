use super::*;
use proptest::prelude::*;
use serde_json::json;

pub fn sample() -> Value {
    json!({
        "type": DECLARATION_TYPE,
        "model": {"provider": "example", "name": "clerk", "revision": "clerk-2026-03-08", "assurance": "provider-asserted"},
        "prompt": {"messages": [{"role": "user", "parts": [{"type": "text", "content": {"inline": "Why was it declined?"}}]}]},
        "parameters": {"temperature": 0.2, "seed": "42"},
        "context": {"none": true},
        "constraints": {"response_format": "json"},
    })
}

// shows: WL-01, WL-04, WL-18, WL-21, WL-35, RI-01, RI-07, RI-09, RI-12, RI-29, RI-32
#[test]
fn the_identity_is_recomputed_from_the_declaration_alone() {
    let declaration = Declaration::from_value(sample()).unwrap();
    let digests = declaration.element_digests();
    let outer = format!(
        r#"{{"constraints":"{}","context":"{}","model":"{}","parameters":"{}","prompt":"{}","type":"selfsame/run-declaration/v1"}}"#,
        Digest::of(br#"{"response_format":"json"}"#),
        Digest::of(br#"{"none":true}"#),
        digests.model,
        Digest::of(br#"{"seed":"42","temperature":0.2}"#),
        digests.prompt
    );
    assert_eq!(declaration.run_id(), Digest::of(outer.as_bytes()));
    assert!(outer.is_ascii());
}

// shows: WL-28, RI-02, RI-31
#[test]
fn every_element_is_required_and_no_other_is_known() {
    for element in Element::ALL {
        let mut value = sample();
        value.as_object_mut().unwrap().remove(element.as_str());
        let error = Declaration::from_value(value).unwrap_err();
        assert_eq!((error.code, error.pointer), (CanonCode::MissingMember, format!("/{element}")));
    }
    let mut value = sample();
    value["output"] = json!("a result");
    assert_eq!(Declaration::from_value(value).unwrap_err().code, CanonCode::UnknownMember);
}
use crate::canon::CanonCode;

// shows: RI-03, RI-10, RI-33, WL-25, WL-34
#[test]
fn each_element_changes_the_identity_and_compare_names_it() {
    let one = Declaration::from_value(sample()).unwrap();
    for (pointer, to, element) in [
        ("/model/revision", json!("clerk-2026-03-09"), Element::Model),
        ("/prompt/messages/0/parts/0/content/inline", json!("Why was it declined? "), Element::Prompt),
        ("/parameters/temperature", json!(0.3), Element::Parameters),
        ("/context", json!({"instance": "7"}), Element::Context),
        ("/constraints/response_format", json!("text"), Element::Constraints),
    ] {
        let mut value = sample();
        *value.pointer_mut(pointer).unwrap() = to;
        let other = Declaration::from_value(value).unwrap();
        assert_ne!(one.run_id(), other.run_id());
        assert_eq!(compare(&one.element_digests(), &other.element_digests()), vec![element]);
        assert!(!explain(&one, &other).is_empty());
    }
    assert!(compare(&one.element_digests(), &one.element_digests()).is_empty());
}

// shows: RI-34
#[test]
fn external_content_is_pinned_by_digest() {
    for place in ["/context", "/constraints", "/prompt/messages/0/parts/0/content"] {
        let mut value = sample();
        *value.pointer_mut(place).unwrap() = json!({"uri": "https://example.org/index"});
        assert_eq!(Declaration::from_value(value).unwrap_err().code, CanonCode::MissingDigest, "{place}");
    }
    let mut value = sample();
    value["context"] = json!({"documents": [{"uri": "https://example.org/a", "media_type": "text/plain", "size": "3", "digest": Digest::of(b"abc")}]});
    assert!(Declaration::from_value(value.clone()).is_ok());
    value["context"]["documents"][0]["size"] = json!(3);
    assert_eq!(Declaration::from_value(value).unwrap_err().pointer, "/context/documents/0/size");
}

#[test]
fn a_commitment_hides_and_binds() {
    let value = json!("a private prompt");
    assert_eq!(commitment(&[1; 16], &value), commitment(&[1; 16], &value));
    assert_ne!(commitment(&[1; 16], &value), commitment(&[2; 16], &value));
    assert_ne!(commitment(&[1; 16], &value), commitment(&[1; 16], &json!("another")));
    let mut declared = sample();
    declared["prompt"]["messages"][0]["parts"][0]["content"] = json!({"commitment": commitment(&[1; 16], &value)});
    assert!(Declaration::from_value(declared).is_ok());
}

#[test]
fn lint_names_what_is_not_pinned() {
    let mut value = sample();
    value["model"]["revision"] = json!("latest");
    value["parameters"] = json!({"temperature": 0.10000000149011612});
    let rules: Vec<_> = lint(&Declaration::from_value(value).unwrap()).into_iter().map(|w| w.rule).collect();
    assert_eq!(rules, ["PROVIDER_ASSERTED_MODEL", "MUTABLE_REVISION", "NO_SEED", "LONG_NUMBER"]);
}

proptest! {
    // shows: RI-14, RI-27, RI-28
    #[test]
    fn layout_never_matters_and_any_leaf_does(text in "[a-z ]{1,20}", temperature in 0.0..2.0_f64, other in 0.0..2.0_f64) {
        let mut value = sample();
        value["prompt"]["messages"][0]["parts"][0]["content"]["inline"] = json!(text);
        value["parameters"]["temperature"] = json!(temperature);
        let one = Declaration::from_value(value.clone()).unwrap();
        let pretty = Declaration::parse(&serde_json::to_vec_pretty(&value).unwrap()).unwrap();
        prop_assert_eq!(one.run_id(), pretty.run_id());
        value["parameters"]["temperature"] = json!(other);
        prop_assert_eq!(temperature == other, one.run_id() == Declaration::from_value(value).unwrap().run_id());
    }
}
