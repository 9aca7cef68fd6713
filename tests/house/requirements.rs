//! Every requirement is shown by a test that names it, or is listed with the reason why not.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `P-064` and the like; `C-08b` as well.
fn is_id(text: &str) -> bool {
    text.split_once('-').is_some_and(|(kind, number)| {
        let digits = number.strip_suffix(|c: char| c.is_ascii_lowercase()).unwrap_or(number);
        let numbered = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        ["C", "G", "P", "RI", "WL", "X"].contains(&kind) && numbered
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

/// Every Rust file of the sources and tests, with its text.
fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = ["src", "crates", "tests", "sim"].iter().map(|folder| root().join(folder)).collect();
    while let Some(dir) = open.pop() {
        let Ok(entries) = fs::read_dir(&dir) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    found
}

/// The ids after `shows:` in a comment.
fn shown(line: &str) -> impl Iterator<Item = &str> {
    let list = line.split_once("shows: ").filter(|_| line.trim_start().starts_with("//")).map_or("", |(_, list)| list);
    list.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').filter(|id| is_id(id))
}

/// Ids after `shows:` in any comment of the sources, with the file of each.
fn cited() -> BTreeMap<String, PathBuf> {
    let mut cited = BTreeMap::new();
    for (path, text) in sources() {
        for id in text.lines().flat_map(shown) {
            cited.insert(id.to_owned(), path.clone());
        }
    }
    cited
}

#[test]
fn every_requirement_is_shown_or_listed_with_a_reason() {
    let (table, exceptions) = page();
    let cited = cited();
    assert!(table.len() > 200, "{} requirements", table.len());
    let missing: BTreeSet<&String> =
        table.keys().filter(|id| !cited.contains_key(*id) && !exceptions.contains_key(*id)).collect();
    assert!(missing.is_empty(), "shown by no test: {missing:?}");
    let needless: Vec<&String> = exceptions.keys().filter(|id| cited.contains_key(*id)).collect();
    assert!(needless.is_empty(), "listed as not shown, but a test shows them: {needless:?}");
    for id in cited.keys().chain(exceptions.keys()) {
        assert!(table.contains_key(id), "{id} is no requirement: {:?}", cited.get(id));
    }
}

/// What a test that shows X-05 does: it has a command refused, with the whole state compared, or holds the codes to their
/// names. Helpers that do so have such names.
const REFUSES: [&str; 4] = ["refused", "recorded(", "rows(", "Code::ALL"];

#[test]
fn whoever_shows_that_a_refusal_changes_nothing_has_something_refused() {
    let (mut seen, mut hollow) = (0, Vec::new());
    for (path, text) in sources() {
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in lines.iter().enumerate().filter(|(_, line)| shown(line).any(|id| id == "X-05")) {
            // The function behind the comment ends with a brace in the column of the comment.
            let end = format!("{}}}", " ".repeat(line.len() - line.trim_start().len()));
            let body = lines[at..].iter().take_while(|line| **line != end).copied().collect::<Vec<_>>().join("\n");
            let name = body.split("fn ").nth(1).and_then(|rest| rest.split('(').next()).unwrap_or_default();
            let calls = body.split_once('{').map_or("", |(_, calls)| calls);
            if !REFUSES.iter().any(|call| calls.contains(call)) {
                hollow.push(format!("{} in {}", name, path.display()));
            }
            seen += 1;
        }
    }
    assert!(seen > 30, "{seen}");
    assert!(hollow.is_empty(), "nothing is refused in {hollow:#?}");
}
