use crate::{bytes, cases, load, number, text};
use proptest::prelude::*;
use selfsame_protocol::digest::hex;
use selfsame_protocol::keys::SecretKey;
use selfsame_protocol::note::{Checkpoint, Note, TYPE_COSIGNATURE, TYPE_ED25519, Vkey};
use serde_json::{Value, json};

fn keys(case: &Value) -> Vec<Vkey> {
    case["keys"].as_array().unwrap().iter().map(|key| Vkey::parse(key.as_str().unwrap()).unwrap()).collect()
}

fn note_bytes(case: &Value) -> Vec<u8> {
    if case.get("note_hex").is_some() { bytes(case, "note_hex") } else { text(case, "note").into() }
}

/// shows: P-095, WL-04
#[test]
fn the_golden_note_is_made_byte_for_byte() {
    let vectors = load("notes");
    let golden = &vectors["golden"];
    let checkpoint = Checkpoint {
        origin: text(golden, "origin").into(),
        size: number(golden, "size"),
        root: format!("sha256:{}", text(golden, "root")).parse().unwrap(),
    };
    let mut note = Note::new(checkpoint.to_text());
    for signer in cases(golden, "signers") {
        let key = SecretKey::from_seed(&bytes(signer, "seed").try_into().unwrap());
        match u8::try_from(number(signer, "type")).unwrap() {
            TYPE_ED25519 => note.sign(text(signer, "name"), &key),
            TYPE_COSIGNATURE => note.cosign(text(signer, "name"), &key, text(signer, "time").parse().unwrap()),
            other => panic!("signature type {other}"),
        }
    }
    assert_eq!(note.to_text(), text(golden, "note"));
}

/// shows: P-095
#[test]
fn verifier_keys_have_one_form() {
    let vectors = load("notes");
    for case in cases(&vectors["verifier_keys"], "accepted") {
        let key = Vkey::parse(text(case, "vkey")).unwrap();
        assert_eq!((key.name.as_str(), u64::from(key.kind)), (text(case, "name"), number(case, "type")));
        assert_eq!(hex(key.key.as_bytes()), text(case, "public_key"));
        assert_eq!(hex(&key.id()), text(case, "id"));
        assert_eq!(key.to_text(), text(case, "vkey"));
    }
    for case in cases(&vectors["verifier_keys"], "refused") {
        let refused = Vkey::parse(text(case, "vkey"));
        assert_eq!(refused.map_err(|e| e.rule), Err(text(case, "rule")), "{}", text(case, "name"));
    }
}

/// shows: P-095
#[test]
fn checkpoints_have_one_form() {
    let vectors = load("notes");
    for case in cases(&vectors["checkpoints"], "accepted") {
        let checkpoint = Checkpoint::parse(text(case, "text")).unwrap();
        assert_eq!(
            json!({"origin": checkpoint.origin, "size": checkpoint.size.to_string(), "root": checkpoint.root.hex()}),
            json!({"origin": case["origin"], "size": case["size"], "root": case["root"]}),
        );
        assert_eq!(checkpoint.to_text(), text(case, "text"));
    }
    for case in cases(&vectors["checkpoints"], "refused") {
        let refused = Checkpoint::parse(text(case, "text"));
        assert_eq!(refused.map_err(|e| e.rule), Err(text(case, "rule")), "{}", text(case, "name"));
    }
}

/// shows: P-095, P-063
#[test]
fn notes_verify_or_fail_at_the_step_and_rule_of_the_vectors() {
    for case in cases(&load("notes"), "notes") {
        let name = text(case, "name");
        let verdict = Note::parse(&note_bytes(case)).map_err(|e| ("note", e.rule)).and_then(|note| {
            assert_eq!(note.to_text().into_bytes(), note_bytes(case), "{name}: one spelling");
            let verified = note.verify(&keys(case)).map_err(|e| ("verify", e.rule))?;
            Ok((note, verified))
        });
        if case.get("verified").is_some() {
            let (_, verified) = verdict.unwrap_or_else(|e| panic!("{name}: {e:?}"));
            let found: Vec<Value> = verified
                .into_iter()
                .map(|v| match v.time {
                    Some(time) => json!({"name": v.name, "time": time.to_string()}),
                    None => json!({"name": v.name}),
                })
                .collect();
            assert_eq!(Value::from(found), case["verified"], "{name}");
        } else {
            let failed = verdict
                .and_then(|(note, _)| Checkpoint::parse(&note.text).map_err(|e| ("checkpoint", e.rule)))
                .expect_err(name);
            assert_eq!(failed, (text(case, "fails_in"), text(case, "rule")), "{name}");
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        noise in "[—+ \na-zA-Z0-9/=.]{0,120}",
        at in any::<prop::sample::Index>(),
        to in any::<u8>(),
    ) {
        let golden = load("notes")["golden"]["note"].as_str().unwrap().to_string();
        let mut altered = golden.into_bytes();
        let at = at.index(altered.len());
        altered[at] = to;
        for bytes in [&bytes[..], noise.as_bytes(), &altered] {
            if let Ok(note) = Note::parse(bytes) {
                let _ = note.verify(&[]);
                let _ = Checkpoint::parse(&note.text);
            }
        }
        let _ = Vkey::parse(&noise);
        let _ = Checkpoint::parse(&noise);
    }
}
