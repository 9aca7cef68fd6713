//! Whole files as somebody is given them, under what the reader names: `tests/vectors/files.json`, whose verdicts come from
//! an independent generator.

use selfsame_offline::{Age, Failure, Options, verify_folder, verify_input};
use selfsame_protocol::digest::unhex;
use selfsame_protocol::genesis::GenesisDocument;
use selfsame_protocol::note::Vkey;
use selfsame_protocol::policy::Policy;
use serde_json::Value;
use std::collections::BTreeMap;

fn vectors() -> Value {
    let path = format!("{}/../../tests/vectors/files.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn options(reader: &Value) -> Options {
    let known = [
        "policy",
        "origins",
        "genesis",
        "genesis_digest",
        "trust",
        "require_log",
        "consistency_only",
        "entry",
        "max_age",
        "now",
    ];
    assert!(reader.as_object().unwrap().keys().all(|name| known.contains(&name.as_str())), "{reader}");
    let document: Option<GenesisDocument> =
        reader.get("genesis").map(|document| serde_json::from_value(document.clone()).unwrap());
    let digest = reader["genesis_digest"].as_str().map(|digest| digest.parse().unwrap());
    let policy = reader["policy"].as_str().map(|text| Policy::parse(text.as_bytes()).unwrap());
    Options {
        policy: policy.map(|policy| policy.with_origins(texts(&reader["origins"]))),
        keys: texts(&reader["trust"]).iter().map(|key| Vkey::parse(key).unwrap()).collect(),
        genesis: document.as_ref().map(GenesisDocument::digest).or(digest),
        genesis_document: document,
        require_log: reader["require_log"] == true,
        consistency_only: reader["consistency_only"] == true,
        entry: reader["entry"].as_str().map(|text| text.as_bytes().to_vec()),
        max_age: reader["max_age"].as_u64().map(|most| Age { most, now: reader["now"].as_u64().unwrap() }),
        threads: 1,
        ..Options::default()
    }
}

fn verify(case: &Value, options: &Options) -> Result<(), Failure> {
    let nothing = &mut |_: &str, _, _| {};
    if let Some(files) = case["folder"].as_object() {
        let dir = tempfile::tempdir().unwrap();
        for (name, data) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, unhex(data.as_str().unwrap()).unwrap()).unwrap();
        }
        return verify_folder(dir.path(), options, nothing).map(|_| ());
    }
    let bytes = match case["file_hex"].as_str() {
        Some(hex) => unhex(hex).unwrap(),
        None => case["file"].as_str().unwrap().as_bytes().to_vec(),
    };
    verify_input(Box::new(std::io::Cursor::new(bytes)), options, nothing).map(|_| ())
}

/// Who vouches, what was altered and what cannot be decided, and in which order that is found.
///
/// shows: P-052, P-063, P-095
#[test]
fn every_file_gets_the_verdict_of_the_vectors_under_every_reader() {
    let vectors = vectors();
    let (mut wrong, mut seen) = (Vec::new(), BTreeMap::<u64, usize>::new());
    for case in vectors["files"].as_array().unwrap() {
        for (reader, wanted) in case["verdicts"].as_object().unwrap() {
            let verdict = verify(case, &options(&vectors["readers"][reader]));
            let found = match &verdict {
                Ok(()) => (0, None),
                Err(failure) => (if failure.tampered { 10 } else { 13 }, Some(failure.check.as_str())),
            };
            let wanted = (wanted["exit"].as_u64().unwrap(), wanted["check"].as_str());
            *seen.entry(wanted.0).or_default() += 1;
            if found != wanted {
                wrong.push(format!("{}, {reader}: wanted {wanted:?}, found {found:?} {verdict:?}", case["name"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
    // Somebody who refuses everything, or decides nothing, is wrong about many.
    assert!([0, 10, 13].iter().all(|exit| seen[exit] >= 50), "{seen:?}");
}
