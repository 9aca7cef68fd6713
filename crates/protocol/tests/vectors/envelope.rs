use crate::{bytes, cases, load, text};
use proptest::prelude::*;
use selfsame_protocol::canon;
use selfsame_protocol::command::{ItemLimits, Submission};
use selfsame_protocol::digest::hex;
use selfsame_protocol::entry::Entry;
use selfsame_protocol::envelope::{Envelope, PAYLOAD_TYPE, pae, prepare};
use selfsame_protocol::keys::{PublicKey, SecretKey};
use serde_json::Value;

fn seed(case: &Value) -> SecretKey {
    SecretKey::from_seed(&bytes(case, "seed").try_into().unwrap())
}

/// shows: P-044
#[test]
fn the_signed_bytes_are_the_pre_authentication_encoding() {
    let vectors = load("envelope");
    assert_eq!(vectors["payload_type"], PAYLOAD_TYPE);
    for case in cases(&vectors, "pae") {
        assert_eq!(hex(&pae(&bytes(case, "payload_hex"))), text(case, "pae_hex"));
    }
    for case in cases(&vectors, "keys") {
        let key = seed(case).public();
        assert_eq!(key.to_string(), text(case, "public_key"));
        assert_eq!(key.id().to_string(), text(case, "id"));
    }
}

/// shows: RI-12, X-01, X-06
#[test]
fn submissions_are_signed_and_read_byte_for_byte() {
    for case in cases(&load("envelope"), "submissions") {
        let name = text(case, "name");
        let submission: Submission = serde_json::from_value(case["submission"].clone()).unwrap();
        let key = seed(case);
        let envelope = Envelope::sign(&submission, &key);
        assert_eq!(hex(&envelope.payload), text(case, "payload_hex"), "{name}");
        assert_eq!(hex(&pae(&envelope.payload)), text(case, "pae_hex"), "{name}");
        assert_eq!(hex(&envelope.signature), text(case, "signature"), "{name}");
        assert_eq!(envelope.digest().to_string(), text(case, "digest"), "{name}");
        let json = envelope.to_json(key.public().id());
        assert_eq!(String::from_utf8(json.clone()).unwrap(), text(case, "envelope_json"), "{name}");
        assert_eq!(Envelope::from_json(&json).unwrap(), envelope, "{name}");
        let binary = [&envelope.signature[..], &envelope.payload].concat();
        assert_eq!(envelope.to_bytes(), binary, "{name}");
        let prepared = prepare(&binary, &ItemLimits::default()).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!((prepared.submission, prepared.envelope), (submission, envelope), "{name}");
        assert_eq!(prepared.digest.to_string(), text(case, "digest"), "{name}");
    }
}

#[test]
fn refused_envelopes_have_the_code_of_the_vectors() {
    let vectors = load("envelope");
    for case in cases(&vectors, "refused") {
        let name = text(case, "name");
        let refusal = prepare(&bytes(case, "envelope_hex"), &ItemLimits::default()).expect_err(name);
        assert_eq!(refusal.code.as_str(), text(case, "code"), "{name}: {refusal}");
    }
    for case in cases(&vectors, "refused_json") {
        let name = text(case, "name");
        let refusal = Envelope::from_json(&canon::to_canonical(&case["envelope"])).expect_err(name);
        assert_eq!(refusal.code.as_str(), "MALFORMED", "{name}");
    }
}

/// shows: X-01
#[test]
fn signatures_are_judged_by_the_strict_rule() {
    for case in cases(&load("envelope"), "ed25519") {
        let key = PublicKey::from_bytes(bytes(case, "key").try_into().unwrap());
        let signature = bytes(case, "signature").try_into().unwrap();
        assert_eq!(key.verify(&bytes(case, "message_hex"), &signature), case["valid"], "{}", text(case, "name"));
    }
}

proptest! {
    #[test]
    fn no_envelope_or_leaf_panics(bytes in prop::collection::vec(any::<u8>(), 0..300), at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let vectors = load("envelope");
        let case = &vectors["submissions"][2];
        let good = [self::bytes(case, "signature"), self::bytes(case, "payload_hex")].concat();
        let mut altered = good.clone();
        let at = at.index(altered.len());
        altered[at] = to;
        prop_assert_eq!(prepare(&altered, &ItemLimits::default()).is_ok(), altered == good);
        for bytes in [&bytes[..], &altered[64..]] {
            let _ = prepare(bytes, &ItemLimits::default());
            let _ = Envelope::from_json(bytes);
            let _ = Entry::from_leaf(bytes);
        }
    }
}
