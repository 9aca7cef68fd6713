use crate::{cases, load, number, text};
use selfsame_protocol::canon::CanonCode;
use selfsame_protocol::code::Code;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::p104::{Outcome, Thresholds, continuation_notice};
use serde_json::{Value, json};

/// shows: P-002, P-038, P-040, P-061, P-066, P-069, P-072, P-102
#[test]
fn exactly_one_outcome_is_decided_in_order_of_precedence() {
    let vectors = load("outcomes");
    for case in cases(&vectors, "decisions") {
        let thresholds: Thresholds = serde_json::from_value(case["thresholds"].clone()).unwrap();
        let outcome = Outcome::decide(
            case["hashes_match"].as_bool().unwrap(),
            u32::try_from(number(case, "drift")).unwrap(),
            text(case, "lineage_depth").parse().unwrap(),
            &thresholds,
        );
        assert_eq!(outcome.as_str(), text(case, "outcome"), "{case}");
        assert_eq!(serde_json::to_value(outcome).unwrap(), case["outcome"]);
    }
    let order: Vec<Outcome> = serde_json::from_value(vectors["precedence"].clone()).unwrap();
    assert!(order.is_sorted() && order.len() == 4);
    for name in ["", "UNKNOWN", "verified"] {
        assert!(serde_json::from_value::<Outcome>(json!(name)).is_err(), "{name:?} is no fifth outcome");
    }
}

/// shows: P-039
#[test]
fn drift_is_the_hamming_distance_of_two_founding_tensions() {
    for case in cases(&load("outcomes"), "drifts") {
        let (a, b): (Digest, Digest) = (text(case, "a").parse().unwrap(), text(case, "b").parse().unwrap());
        assert_eq!(u64::from(a.hamming(&b)), number(case, "drift"));
        assert_eq!(a.hamming(&b), b.hamming(&a));
    }
}

/// shows: P-062
#[test]
fn the_notice_is_the_published_sentence() {
    for case in cases(&load("outcomes"), "notices") {
        let depth = text(case, "depth").parse().unwrap();
        assert_eq!(continuation_notice(text(case, "since"), depth), text(case, "text"));
    }
}

/// shows: X-05
#[test]
fn refusal_codes_keep_their_names_classes_and_exit_statuses() {
    let vectors = load("outcomes");
    let found: Vec<Value> = Code::ALL
        .iter()
        .map(|code| {
            json!({
                "code": code.as_str(),
                "class": format!("{:?}", code.class()),
                "exit_status": code.exit_status(),
                "retryable": code.retryable(),
            })
        })
        .collect();
    assert_eq!(found, cases(&vectors, "refusal_codes"));
    for code in Code::ALL {
        assert_eq!(Code::from_name(code.as_str()), Some(code));
        assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
    }
}

#[test]
fn codes_of_canonical_json_keep_their_names() {
    use CanonCode::*;
    let all = [
        Syntax,
        DuplicateKey,
        UnsafeInteger,
        NonFinite,
        InvalidUtf8,
        LoneSurrogate,
        NullMember,
        EmptyContainer,
        TooDeep,
        TooLarge,
        NotCanonical,
        Schema,
        OtherSpelling,
        UnknownMember,
        MissingMember,
        WrongType,
        MissingDigest,
    ];
    assert_eq!(all.map(CanonCode::as_str).map(Value::from)[..], *cases(&load("outcomes"), "canonical_codes"));
}
