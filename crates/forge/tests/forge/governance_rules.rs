//! The table of the rules of governance and of runs is complete.

use selfsame_forge::governance::table::{REFUSALS, WRITES};
use selfsame_forge::rules::{Seen, codes, sites};
use selfsame_forge::{governance, runs};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn text(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every place that refuses something of governance or of a run is a row; a new one makes this red.
/// shows: P-109, G-19, G-20, G-22
#[test]
fn every_refusal_of_the_machine_is_a_row() {
    let sources: BTreeSet<&str> = REFUSALS.iter().map(|row| row.source).collect();
    for module in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../machine/src/governance")).unwrap() {
        let name = module.unwrap().file_name().into_string().unwrap();
        assert!(sources.contains(format!("machine/src/governance/{name}").as_str()), "{name}");
    }
    for source in sources {
        let whole = text(&format!("crates/{source}"));
        let code = whole.split("#[cfg(test)]").next().unwrap();
        assert_eq!(codes(code), sites(REFUSALS, source), "{source}: codes in the source, and in the table");
    }
}

/// Names of checks in the sources of the replay.
fn checks() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../protocol/src/replay/governance");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = files.chain([Path::new(env!("CARGO_MANIFEST_DIR")).join("../protocol/src/replay/run.rs")]);
    let sources = files.map(|path| fs::read_to_string(path).unwrap());
    let name = |word: &&str| {
        word.len() > 3 && word.contains('_') && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
    };
    let code = |text: String| {
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        lines.flat_map(|line| line.split('"')).filter(name).map(str::to_owned).collect::<Vec<_>>()
    };
    let mut found: BTreeSet<String> = sources.flat_map(code).collect();
    // One of a single word.
    found.insert("DECLARATION".into());
    found
}

/// Every check of the replay is a row, has an altered history, and stands on the page.
/// shows: P-109, G-19, G-20, G-22
#[test]
fn every_check_is_a_row_with_a_case_and_stands_on_the_page() {
    let mut rows: BTreeSet<&str> = WRITES.iter().flat_map(|row| row.checks).copied().collect();
    for row in REFUSALS {
        match row.seen {
            Seen::By(checks) => rows.extend(checks),
            Seen::Not(reason) => assert!(reason.len() > 20, "{}: {}", row.code, row.what),
        }
    }
    let cases = governance::cases().into_iter().chain(governance::unsigned()).chain(runs::cases());
    let cases = cases.chain(governance::overseen::cases());
    let shown: BTreeSet<&str> = cases.map(|case| case.check).collect();
    assert_eq!(rows, shown, "checks in the table, and checks with an altered history");
    let mut all = checks();
    // The worlds of the forge are signed as they are told: what_nobody_signed_shows shows it.
    all.remove("SUBMISSION_SIGNATURE");
    let shown: BTreeSet<String> = shown.into_iter().map(str::to_owned).collect();
    assert_eq!(all, shown, "checks in the replay, and checks with an altered history");
    let page = text("docs/protocol.md");
    let section = |from: &str, to: &str| page.split_once(from).unwrap().1.split_once(to).unwrap().0.to_owned();
    let page = section("### 14.5 ", "## 15 ") + &section("### 18.3 ", "## 19 ");
    let missing: Vec<_> = all.iter().filter(|check| !page.contains(&format!("`{check}`"))).collect();
    assert!(missing.is_empty(), "in neither section: {missing:?}");
}
