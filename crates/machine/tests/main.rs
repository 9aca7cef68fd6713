//! The state machine, driven as the cluster drives it: signed submissions through the real path. One program, because
//! linking seventeen costs more than running them.

mod answers;
mod ballots;
mod common;
mod determinism;
mod disk;
mod edges;
mod equivocation;
mod governance;
mod governance_properties;
mod heads;
mod history;
mod holder;
mod keys;
mod lists;
mod migration;
mod progress;
mod properties;
mod recovery;
mod run_history;
mod runs;
mod session;
mod spelling;
mod substrate;
mod suppression;
mod votes;

/// How many cases a property is tried with: fewer where PROPTEST_CASES says so.
fn cases(usual: u32) -> u32 {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    asked.map_or(usual, |asked: u32| asked.min(usual))
}

/// Whether a batch of refused submissions changed nothing: only the clock and the digest move with every entry of the log.
fn refused_without_trace(applied: &selfsame_machine::Applied) -> bool {
    use selfsame_machine::state::{META_CLOCK, META_DIGEST};
    use selfsame_machine::view::Table;
    let mut keys = applied.changes.keys();
    keys.all(|(table, key)| *table == Table::Meta && [META_CLOCK, META_DIGEST].contains(&&key[..]))
}

/// A file that nobody names is not compiled, and its tests do not run.
#[test]
fn every_file_of_tests_is_part_of_this_program() {
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests")).unwrap();
    for file in files.map(|entry| entry.unwrap().file_name().into_string().unwrap()) {
        let name = file.strip_suffix(".rs").unwrap_or(&file);
        let named = name == "main" || include_str!("main.rs").lines().any(|line| line == format!("mod {name};"));
        assert!(named, "crates/machine/tests/{file} is not named in main.rs");
    }
}
