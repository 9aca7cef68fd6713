//! Each altered history is refused by exactly the check that its rule names, and the genuine one beside it passes.

use selfsame_forge::cases::catalogue;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Names of checks in the sources of the replay of a substrate.
fn checks() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../protocol/src/replay");
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "rs") || path.ends_with("run.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let quoted = text.lines().filter(|line| !line.trim_start().starts_with("//")).flat_map(|line| line.split('"'));
        let name = |word: &&str| {
            word.len() > 3
                && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
        };
        found.extend(quoted.filter(name).map(str::to_owned));
    }
    // Names of events in a verification.
    found.remove("AMENDMENT");
    found.remove("MIGRATION");
    found
}

/// shows: P-060, P-063
#[test]
fn every_altered_history_is_refused_by_its_own_check() {
    let mut wrong = Vec::new();
    let mut shown: BTreeMap<&str, u32> = BTreeMap::new();
    for case in catalogue() {
        if let Some(id) = case.subject.strip_prefix("substrate:") {
            case.genuine.replay(id).unwrap_or_else(|bad| panic!("{}: the genuine one: {bad}", case.name));
            let found = case.altered.replay(id).map(|_| ());
            if found.as_ref().err().map(|bad| bad.check) != Some(case.check) {
                wrong.push(format!("{}: expected {}, found {found:?}", case.name, case.check));
            }
            *shown.entry(case.check).or_default() += 1;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let without: Vec<_> = checks().into_iter().filter(|check| !shown.contains_key(check.as_str())).collect();
    assert!(without.is_empty(), "checks of the replay without a case: {without:?}");
    assert!(shown.values().sum::<u32>() > 180, "{shown:?}");
}
