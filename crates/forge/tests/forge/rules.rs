//! The table of rules is complete, and the page says the same.

use selfsame_forge::cases::catalogue;
use selfsame_forge::rules::{REFUSALS, Seen, WRITES, codes, page, sites};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The part of a source that concerns substrates.
fn source(path: &str) -> String {
    let whole = text(&format!("crates/{path}"));
    let part = |from: &str| {
        let (_, rest) = whole.split_once(from).unwrap_or_else(|| panic!("{path} has no {from}"));
        rest.split_once("\n}").unwrap().0.to_owned()
    };
    match path {
        "machine/src/registry.rs" => part("pub fn usable_chip"),
        "protocol/src/command/mod.rs" => part("impl Submission {"),
        _ => whole,
    }
}

/// Every place of the machine that refuses something of a substrate is a row; a new one makes this red.
/// shows: P-060
#[test]
fn every_refusal_of_the_machine_is_a_row() {
    let sources: BTreeSet<&str> = REFUSALS.iter().map(|row| row.source).collect();
    for module in ["aggregate", "fence", "substrate", "session", "migration", "txn", "apply"] {
        assert!(sources.contains(format!("machine/src/{module}.rs").as_str()), "{module}");
    }
    for path in sources {
        assert_eq!(codes(&source(path)), sites(REFUSALS, path), "{path}: codes in the source, and in the table");
    }
}

/// shows: P-060, P-063
#[test]
fn every_check_is_a_row_with_a_case_and_stands_on_the_page() {
    let mut named: BTreeSet<&str> = WRITES.iter().flat_map(|row| row.checks).copied().collect();
    for row in REFUSALS {
        match row.seen {
            Seen::By(checks) => named.extend(checks),
            Seen::Not(reason) => assert!(reason.len() > 20, "{}: {}", row.code, row.what),
        }
    }
    let cases = catalogue();
    let of_substrates = cases.iter().filter(|case| case.subject.starts_with("substrate:"));
    let shown: BTreeSet<&str> = of_substrates.map(|case| case.check).collect();
    assert_eq!(named, shown, "checks in the table, and checks with an altered history");
    let protocol = text("docs/protocol.md");
    let (_, section) = protocol.split_once("### 11.1 ").unwrap();
    let (section, _) = section.split_once("### 11.2 ").unwrap();
    let missing: Vec<_> = named.iter().filter(|check| !section.contains(&format!("`{check}`"))).collect();
    assert!(missing.is_empty(), "not in section 11.1: {missing:?}");
}

/// shows: P-060
#[test]
fn what_the_machine_writes_is_written_where_the_table_says() {
    for row in WRITES {
        let (module, function) = row.source.split_once("::").unwrap();
        let path = match module {
            "Txn" => "crates/machine/src/txn.rs".to_owned(),
            "verdict" => "crates/protocol/src/verdict.rs".to_owned(),
            _ => format!("crates/machine/src/{module}.rs"),
        };
        assert!(text(&path).contains(&format!("fn {function}(")), "{}", row.source);
    }
}

#[test]
fn the_page_is_the_table() {
    let file = text("docs/replay-rules.md");
    let (_, found) = file.split_once("<!-- table -->\n").unwrap();
    let (found, _) = found.split_once("<!-- end -->").unwrap();
    assert!(found == page(), "docs/replay-rules.md is to hold:\n{}", page());
}
