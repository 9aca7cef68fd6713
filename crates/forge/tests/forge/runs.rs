//! Every history of a run that no machine could have made is refused by the check that its rule names, and the genuine one
//! beside it passes.

use selfsame_forge::runs::{cases, read};

/// shows: RI-06, WL-02, G-22
#[test]
fn every_altered_run_is_refused_by_its_own_check() {
    let mut wrong = Vec::new();
    for case in cases() {
        let run = case.subject.strip_prefix("run:").and_then(|id| id.parse().ok()).expect("a run");
        if let Err(bad) = read(&case.genuine, run) {
            wrong.push(format!("{}: the genuine one: {bad}", case.name));
        }
        let found = read(&case.altered, run).map_or_else(|bad| bad.to_string(), |_| "nothing".into());
        if found.split_whitespace().next() != Some(case.check) {
            wrong.push(format!("{}: {} is right, found {found}", case.name, case.check));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
