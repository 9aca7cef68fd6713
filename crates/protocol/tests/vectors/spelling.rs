use crate::{bytes, cases, load, text};
use selfsame_protocol::canon::{self, Limits};
use selfsame_protocol::command::ItemLimits;
use selfsame_protocol::entry::Entry;
use selfsame_protocol::envelope::{pae, prepare};
use selfsame_protocol::genesis::GenesisDocument;
use selfsame_protocol::keys::SecretKey;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::p104::IdentityStatement;
use selfsame_protocol::record::RecordKind;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

fn exact<T: DeserializeOwned + Serialize>(value: &Value) -> Option<T> {
    canon::decode_exact(&canon::to_canonical(value), &Limits::DOCUMENT).ok()
}

/// The check or code that refuses a document, and `null` where it is read.
fn refused(kind: &str, value: &Value, key: &SecretKey) -> Value {
    let code = match kind {
        "leaf" => Entry::from_leaf(&canon::to_canonical(value)).err().map(|_| "ENTRY_FORM".to_string()),
        "payload" => {
            let payload = canon::to_canonical(value);
            let envelope = [&key.sign(&pae(&payload))[..], &payload].concat();
            prepare(&envelope, &ItemLimits::default()).err().map(|refusal| refusal.code.to_string())
        }
        "statement" => exact::<IdentityStatement>(value).is_none().then(|| "STATEMENT_FORM".into()),
        "genesis" => {
            let holds = exact::<GenesisDocument>(value).is_some_and(|genesis| genesis.check().is_ok());
            (!holds).then(|| "GENESIS_FORM".into())
        }
        other => panic!("{other}"),
    };
    code.map_or(Value::Null, Value::from)
}

/// The document of a case, with one place put otherwise.
fn altered(document: &Value, case: &Value) -> Value {
    let mut value = document.clone();
    let (above, name) = text(case, "at").rsplit_once('/').unwrap();
    let name = name.replace("~1", "/").replace("~0", "~");
    match (value.pointer_mut(above).unwrap(), case.get("put")) {
        (Value::Object(object), Some(put)) => drop(object.insert(name, put.clone())),
        (Value::Object(object), None) => drop(object.remove(&name).unwrap()),
        (Value::Array(items), Some(put)) => items[name.parse::<usize>().unwrap()] = put.clone(),
        other => panic!("{other:?}"),
    }
    value
}

/// Two readings of the page agree on what is a document and what is none.
/// shows: P-109, RI-14, X-01
#[test]
fn a_document_is_read_in_its_one_spelling_alone() {
    let vectors = load("spelling");
    let key = SecretKey::from_seed(&bytes(&vectors, "seed").try_into().unwrap());
    let mut documents = BTreeMap::new();
    for document in cases(&vectors, "documents") {
        let (name, kind) = (text(document, "name"), text(document, "kind"));
        assert_eq!(refused(kind, &document["value"], &key), Value::Null, "{name}: {}", document["value"]);
        documents.insert(name, (kind, &document["value"]));
    }
    let mut wrong = Vec::new();
    for case in cases(&vectors, "cases") {
        let (kind, value) = documents[text(case, "document")];
        let found = refused(kind, &altered(value, case), &key);
        if found != case["code"] {
            wrong.push(format!("{case}: found {found}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}

/// shows: P-109
#[test]
fn a_record_stands_where_the_page_says() {
    let mut placed = BTreeSet::new();
    for place in cases(&load("spelling"), "places") {
        let (subject, ledger): (_, Ledger) = (text(place, "subject"), text(place, "ledger").parse().unwrap());
        let kinds: BTreeSet<&str> =
            place["kinds"].as_array().unwrap().iter().map(|kind| kind.as_str().unwrap()).collect();
        for kind in RecordKind::ALL {
            assert_eq!(
                kind.stands_in(ledger, &subject.parse().unwrap()),
                kinds.contains(kind.as_str()),
                "{kind} in {ledger}, {subject}"
            );
        }
        placed.extend(kinds.into_iter().map(str::to_owned));
    }
    assert_eq!(placed, RecordKind::ALL.map(|kind| kind.to_string()).into());
}
