//! Every requirement is shown by a test that names it, or is listed with the reason why not.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `P-064` and the like.
fn is_id(text: &str) -> bool {
    text.split_once('-').is_some_and(|(kind, number)| {
        ["C", "P", "RI", "WL", "X"].contains(&kind) && !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
    })
}

/// The rows `| id | text |` of the two parts of the page: requirements, and those without a test of their own.
fn page() -> (BTreeMap<String, String>, BTreeMap<String, String>) {
    let page = fs::read_to_string(root().join("docs/requirements.md")).unwrap();
    let (table, exceptions) = page.split_once("## Not shown by a test of its own").unwrap();
    let rows = |text: &str| {
        let mut rows = BTreeMap::new();
        for line in text.lines().filter(|line| line.starts_with('|')) {
            let cells: Vec<&str> = line.trim_matches('|').splitn(2, '|').map(str::trim).collect();
            if let [id, text] = cells[..]
                && is_id(id)
            {
                assert!(text.len() > 10, "{id} says nothing");
                assert!(rows.insert(id.to_owned(), text.to_owned()).is_none(), "{id} stands twice");
            }
        }
        rows
    };
    (rows(table), rows(exceptions))
}

/// Ids after `shows:` in any comment of the sources, with the file of each.
fn cited() -> BTreeMap<String, PathBuf> {
    let mut cited = BTreeMap::new();
    let mut open: Vec<PathBuf> = ["src", "crates", "tests", "sim"].iter().map(|folder| root().join(folder)).collect();
    while let Some(dir) = open.pop() {
        let Ok(entries) = fs::read_dir(&dir) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                for line in text.lines().filter(|line| line.trim_start().starts_with("//")) {
                    let Some((_, list)) = line.split_once("shows: ") else { continue };
                    for id in list.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').filter(|id| is_id(id)) {
                        cited.insert(id.to_owned(), path.clone());
                    }
                }
            }
        }
    }
    cited
}

#[test]
fn every_requirement_is_shown_or_listed_with_a_reason() {
    let (table, exceptions) = page();
    let cited = cited();
    assert!(table.len() > 200, "{} requirements", table.len());
    // A C id settles a contradiction of the sources: what it says is part of the requirement that it settles.
    let missing: BTreeSet<&String> = table
        .keys()
        .filter(|id| !id.starts_with("C-") && !cited.contains_key(*id) && !exceptions.contains_key(*id))
        .collect();
    assert!(missing.is_empty(), "shown by no test: {missing:?}");
    let needless: Vec<&String> = exceptions.keys().filter(|id| cited.contains_key(*id)).collect();
    assert!(needless.is_empty(), "listed as not shown, but a test shows them: {needless:?}");
    for id in cited.keys().chain(exceptions.keys()) {
        assert!(table.contains_key(id), "{id} is no requirement: {:?}", cited.get(id));
    }
}
