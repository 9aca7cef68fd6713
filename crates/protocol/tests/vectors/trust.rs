use crate::{cases, load, number, text};
use proptest::prelude::*;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::equivocation::Evidence;
use selfsame_protocol::note::Vkey;
use selfsame_protocol::witness::{AddCheckpoint, Last, Refused, checkpoint_of, judge};
use serde_json::{Value, json};

fn keys(part: &Value) -> Vec<Vkey> {
    cases(part, "keys").iter().map(|key| Vkey::parse(key.as_str().unwrap()).unwrap()).collect()
}

#[test]
fn evidence_names_the_guilty_or_the_check_that_the_vectors_name() {
    let vectors = load("trust");
    let keys = keys(&vectors["equivocation"]);
    for case in cases(&vectors["equivocation"], "files") {
        let (name, file) = (text(case, "name"), text(case, "file"));
        let verdict = Evidence::from_bytes(file.as_bytes()).and_then(|evidence| {
            assert_eq!(evidence.to_bytes(), file.as_bytes(), "{name}: one spelling");
            evidence.verify(&keys)
        });
        match verdict {
            Ok(verdict) => {
                let guilty: Vec<Value> = verdict.guilty.iter().map(|g| json!({"key": g.key, "name": g.name})).collect();
                assert_eq!(Value::from(guilty), case["guilty"], "{name}");
            }
            Err(error) => {
                assert_eq!(
                    (error.check.as_str(), error.tampered),
                    (text(case, "check"), case["tampered"] == true),
                    "{name}: {error}"
                );
            }
        }
    }
}

#[test]
fn a_witness_answers_with_the_status_of_the_vectors() {
    let vectors = load("trust");
    let part = &vectors["witness"];
    let keys = keys(part);
    for case in cases(part, "requests") {
        let size = number(case, "last");
        let root = format!("sha256:{}", text(&cases(part, "roots")[size as usize], "root")).parse::<Digest>().unwrap();
        let judged = AddCheckpoint::parse(text(case, "body").as_bytes()).map_err(Refused::Form).and_then(|request| {
            assert_eq!(request.to_text(), text(case, "body"), "one spelling");
            let origin = checkpoint_of(&request.note.text).map_err(Refused::Form)?.origin;
            let known = (origin == text(part, "origin")).then_some(&keys[..]);
            judge(&request, known, Last { size, root })
        });
        let status = judged.as_ref().map_or_else(Refused::status, |_| 200);
        assert_eq!(u64::from(status), number(case, "status"), "{}: {judged:?}", text(case, "name"));
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        at in any::<prop::sample::Index>(),
        to in any::<u8>(),
    ) {
        let vectors = load("trust");
        let file = text(&vectors["equivocation"]["files"][1], "file").to_owned();
        let body = text(&vectors["witness"]["requests"][2], "body").to_owned();
        for good in [file, body] {
            let mut altered = good.into_bytes();
            let at = at.index(altered.len());
            altered[at] = to;
            for bytes in [&bytes[..], &altered] {
                let _ = Evidence::from_bytes(bytes).and_then(|evidence| evidence.verify(&[]));
                let _ = AddCheckpoint::parse(bytes).map(|request| judge(&request, Some(&[]), Last::default()).is_err());
            }
        }
    }
}
