//! Imports: what holds for every body, shown on all bodies of the vectors and all their leaves.

use super::imports::{body_of, options};
use super::{cases, load, text};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::import::rule::{Fate, Rule};
use selfsame_protocol::import::{self, ImportOptions};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Every body that can be declared, with its identity, under the options of its first such case.
fn declared() -> Vec<(String, Value, ImportOptions, Digest)> {
    let vectors = load("imports");
    let mut found = BTreeMap::new();
    for case in cases(&vectors, "cases").iter().filter(|case| case.get("grow").is_none()) {
        let (body, options) = (body_of(case), options(case));
        if let Ok(imported) = import::import(&body, &options) {
            let value: Value = serde_json::from_slice(&body).unwrap();
            found.entry(text(case, "body").to_owned()).or_insert((value, options, imported.declaration.run_id()));
        }
    }
    assert!(found.len() > 300, "{} bodies", found.len());
    found.into_iter().map(|(name, (value, options, id))| (name, value, options, id)).collect()
}

fn id(value: &Value, options: &ImportOptions) -> Option<Digest> {
    let bytes = serde_json::to_vec(value).unwrap();
    import::import(&bytes, options).ok().map(|imported| imported.declaration.run_id())
}

/// Pointers of all leaves; empty lists and objects are leaves too.
fn leaves(value: &Value, at: &str, out: &mut Vec<String>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, inner) in members {
                leaves(inner, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), out);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            items.iter().enumerate().for_each(|(index, item)| leaves(item, &format!("{at}/{index}"), out));
        }
        _ => out.push(at.to_owned()),
    }
}

/// Another value in the place of a leaf, as near as possible.
fn others(leaf: &Value) -> Vec<Value> {
    match leaf {
        Value::Null => vec![json!("x"), json!(0), json!(true)],
        Value::Bool(flag) => vec![json!(!flag)],
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(value), _) => vec![json!(value.wrapping_add(1))],
            (None, Some(value)) => vec![json!(value - 1)],
            (None, None) => vec![json!(number.as_f64().unwrap() + 0.25)],
        },
        Value::String(text) => vec![json!(format!("{text}x")), json!(format!("x{text}")), Value::Null],
        Value::Array(_) => vec![json!(["x"])],
        Value::Object(_) => vec![json!({"x": 1})],
    }
}

/// Whether a table leaves out a place of a body, or something around it.
fn left_out(value: &Value, options: &ImportOptions, pointer: &str) -> bool {
    let bytes = serde_json::to_vec(value).unwrap();
    let Ok(explanation) = import::explain(&bytes, options) else { return false };
    explanation.decided.iter().any(|decided| {
        let around = pointer == decided.pointer || pointer.starts_with(&format!("{}/", decided.pointer));
        around && matches!(decided.fate, Fate::Transport | Fate::Secret)
    })
}

/// Change one leaf, and it is another run, or none.
/// shows: RI-14, RI-28, WL-14
#[test]
fn no_leaf_changes_unseen() {
    let mut faults = Vec::new();
    let mut changes = 0;
    for (name, body, options, before) in declared() {
        // OTLP's list of attributes is read as an object; its pointers are those of the object.
        if body["attributes"].is_array() {
            continue;
        }
        let mut all = Vec::new();
        leaves(&body, "", &mut all);
        for pointer in all {
            // Of the path in a line of a batch only the end counts, which states the format.
            if pointer == "/url" {
                continue;
            }
            let leaf = body.pointer(&pointer).unwrap();
            for other in others(leaf) {
                // The text that says nothing is no part; a role or type that is absent has one meaning in the tables.
                let implied = pointer.ends_with("/role") || pointer.ends_with("/type");
                if other.is_null() && (leaf == "" || implied) {
                    continue;
                }
                let mut changed = body.clone();
                *changed.pointer_mut(&pointer).unwrap() = other.clone();
                changes += 1;
                if id(&changed, &options) == Some(before)
                    && !left_out(&changed, &options, &pointer)
                    && !left_out(&body, &options, &pointer)
                {
                    faults.push(format!("{name} {pointer}: {leaf} as {other}"));
                }
            }
        }
    }
    assert!(changes > 9_000, "{changes}");
    assert!(faults.is_empty(), "{} of {changes} changes went unseen:\n{}", faults.len(), faults.join("\n"));
}

/// Transport says nothing: with and without it, it is one run.
/// shows: WL-23, RI-20, RI-21
#[test]
fn transport_never_matters() {
    for (name, body, options, before) in declared() {
        let bytes = serde_json::to_vec(&body).unwrap();
        let explanation = import::explain(&bytes, &options).unwrap();
        let format = import::format(explanation.format).unwrap();
        // Around an envelope there is nothing to add to.
        if explanation
            .decided
            .iter()
            .any(|decided| decided.pointer.starts_with("/body/") || decided.pointer.starts_with("/attributes/"))
        {
            continue;
        }
        let stated = ImportOptions { format: Some(format), ..options };
        for row in format.shape.rows.iter().flat_map(|group| group.iter()) {
            if !matches!(row.rule, Rule::Transport | Rule::Secret)
                || row.name.ends_with('*')
                || body.get(row.name).is_some()
            {
                continue;
            }
            let mut more = body.clone();
            more[row.name] = json!("x");
            let found = import::import(&serde_json::to_vec(&more).unwrap(), &stated);
            // The body may stand in an envelope, which knows members of its own.
            if let Ok(found) = found {
                assert_eq!(found.declaration.run_id(), before, "{name} with {}", row.name);
            }
        }
    }
}

/// A body in another spelling: members in the other order, whole numbers with a fraction of nothing, texts all in escapes.
fn respelled(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let all: Vec<String> = members
                .iter()
                .rev()
                .map(|(name, inner)| format!("{} :\t{}", respelled(&json!(name)), respelled(inner)))
                .collect();
            format!("{{ {} }}", all.join(" ,\r\n"))
        }
        Value::Array(items) => format!("[ {} ]", items.iter().map(respelled).collect::<Vec<_>>().join(" , ")),
        Value::String(text) => {
            let units: Vec<String> = text.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect();
            format!("\"{}\"", units.join(""))
        }
        Value::Number(number) if number.as_i64().is_some_and(|value| value.unsigned_abs() < 1 << 53) => {
            format!("{number}.0")
        }
        other => other.to_string(),
    }
}

/// shows: WL-06, RI-27
#[test]
fn spelling_never_matters() {
    for (name, body, options, before) in declared() {
        let found = import::import(respelled(&body).as_bytes(), &options).map(|found| found.declaration.run_id());
        assert_eq!(found, Ok(before), "{name}");
    }
}

/// What a declaration holds is read again by the reader of declarations, and fits one entry of the ledger.
#[test]
fn every_declaration_is_read_again_and_fits_an_entry() {
    let vectors = load("imports");
    let mut largest = 0;
    for case in cases(&vectors, "cases") {
        let Ok(imported) = import::import(&body_of(case), &options(case)) else { continue };
        let again = selfsame_protocol::run::Declaration::parse(imported.declaration.canonical()).unwrap();
        assert_eq!(again, imported.declaration);
        largest = largest.max(imported.declaration.canonical().len());
        // What went by digest is what the declaration names.
        let canonical = String::from_utf8_lossy(imported.declaration.canonical());
        for (digest, kept) in &imported.contents {
            assert_eq!(Digest::of(&kept.bytes), *digest);
            let inside =
                imported.contents.values().any(|other| String::from_utf8_lossy(&other.bytes).contains(&digest.hex()));
            assert!(canonical.contains(&digest.hex()) || inside, "{}", text(case, "name"));
        }
    }
    // 65,535 bytes of a leaf less what surrounds a declaration there.
    assert!(largest < 60_000, "{largest}");
    assert!(largest > 20_000, "the large cases are missing");
}
