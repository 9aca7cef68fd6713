//! Imports: what the importer makes of request bodies, against declarations that another implementation wrote.

use super::{cases, load, text};
use selfsame_protocol::import::{self, ImportError, ImportOptions, Imported};
use serde_json::Value;
use std::collections::BTreeSet;

fn body(name: &str) -> Vec<u8> {
    let path = format!("{}/../../tests/vectors/imports/bodies/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The body of a case, with the texts grown that the case asks for.
pub fn body_of(case: &Value) -> Vec<u8> {
    let bytes = body(text(case, "body"));
    let Some(steps) = case.get("grow").and_then(Value::as_array) else { return bytes };
    let mut value: Value = serde_json::from_slice(&bytes).unwrap();
    for step in steps {
        let times = usize::try_from(step["times"].as_u64().unwrap()).unwrap();
        *value.pointer_mut(text(step, "pointer")).unwrap() = text(step, "text").repeat(times).into();
    }
    serde_json::to_vec(&value).unwrap()
}

pub fn options(case: &Value) -> ImportOptions {
    let options = &case["options"];
    let named = |name: &str| options[name].as_str().map(str::to_owned);
    ImportOptions {
        format: options["format"]
            .as_str()
            .map(|name| import::format(name).unwrap_or_else(|| panic!("no format {name}"))),
        model: named("model"),
        provider: named("provider"),
        revision: named("revision"),
        weights: options["weights"].as_str().map(|digest| digest.parse().unwrap()),
        instance: named("instance"),
    }
}

/// What is wrong with a case, in words.
fn wrong(case: &Value, found: &Result<Imported, ImportError>) -> Option<String> {
    let expected = &case["expected"];
    match (found, expected["refused"].as_str()) {
        (Ok(imported), None) => {
            let declaration = imported.declaration.value();
            if let Some(wanted) = expected.get("declaration")
                && wanted != declaration
            {
                return Some(format!("expected {wanted}\n     found {declaration}"));
            }
            let found = imported.declaration.run_id().to_string();
            (expected["run_id"] != found).then(|| format!("the run id is {}, found {found}", expected["run_id"]))
        }
        (Err(error), Some(pointer)) => {
            (!error.pointers().contains(&pointer)).then(|| format!("refused at {pointer:?}, found {error}"))
        }
        (Ok(imported), Some(pointer)) => {
            Some(format!("refused at {pointer:?}, imports as {}: {}", imported.format, imported.declaration.value()))
        }
        (Err(error), None) => Some(format!("imports, refused: {error}")),
    }
}

/// shows: WL-06, WL-14, WL-23, WL-27, RI-11, RI-20, RI-21, RI-34
#[test]
fn every_body_has_the_declaration_or_the_refusal_that_another_implementation_gives_it() {
    let vectors = load("imports");
    let mut faults = Vec::new();
    for case in cases(&vectors, "cases") {
        let found = import::import(&body_of(case), &options(case));
        faults.extend(wrong(case, &found).map(|fault| format!("{}: {fault}", text(case, "name"))));
    }
    assert!(faults.is_empty(), "{} wrong:\n{}", faults.len(), faults.join("\n"));
}

/// shows: RI-01, RI-14, RI-28
#[test]
fn pairs_are_one_request_or_two() {
    let vectors = load("imports");
    let mut faults = Vec::new();
    for pair in cases(&vectors, "pairs") {
        let [a, b] = ["a", "b"].map(|side| {
            let imported = import::import(&body(text(pair, side)), &options(pair));
            imported.map(|imported| imported.declaration.run_id())
        });
        let right = match (&a, &b) {
            (Ok(a), Ok(b)) => (a == b) == (pair["same"] == true),
            _ => pair["same"] == false,
        };
        if !right {
            faults.push(format!("{} and {}: {:?} and {:?}", pair["a"], pair["b"], a, b));
        }
    }
    assert!(faults.is_empty(), "{} wrong:\n{}", faults.len(), faults.join("\n"));
}

type Rows = BTreeSet<(&'static str, &'static str)>;

/// A row that no body reaches is a row that nobody looked at.
#[test]
fn every_row_of_every_table_is_reached_by_a_body() {
    let mut rows = Rows::new();
    for format in import::formats::ALL {
        for shape in import::tables::shapes(format.shape) {
            rows.extend(shape.rows.iter().flat_map(|group| group.iter()).map(|row| (shape.name, row.name)));
        }
    }
    let all = rows.len();
    let vectors = load("imports");
    for case in cases(&vectors, "cases") {
        let options = options(case);
        let formats = options.format.map_or_else(|| import::formats::ALL.to_vec(), |format| vec![format]);
        for format in formats {
            let options = ImportOptions { format: Some(format), ..options.clone() };
            for hit in import::hits(&body_of(case), &options) {
                rows.remove(&hit);
            }
        }
    }
    assert!(rows.is_empty(), "{} of {all} rows are reached by no body:\n{rows:#?}", rows.len());
}

#[test]
fn the_tables_in_the_docs_are_those_of_the_importer() {
    let path = format!("{}/../../docs/import-tables.md", env!("CARGO_MANIFEST_DIR"));
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(written == import::tables::all(), "write docs/import-tables.md anew: selfsame run formats --tables");
}
