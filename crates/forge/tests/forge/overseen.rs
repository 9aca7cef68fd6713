//! What governance contradicts in the history of a substrate is refused, and genuine histories of both pass together.

use selfsame_forge::governance::overseen::{cases, genuine, read};

/// shows: P-044, P-060, G-19
#[test]
fn a_substrate_that_governance_contradicts_is_refused_by_the_check_that_its_rule_names() {
    let mut wrong = Vec::new();
    for case in cases() {
        let id = case.subject.strip_prefix("substrate:").expect("a substrate");
        if let Err(bad) = read(&case.genuine, id) {
            wrong.push(format!("{}: the genuine one: {bad}", case.name));
        }
        let found = read(&case.altered, id).map_or_else(|bad| bad.to_string(), |()| "nothing".into());
        if found.split_whitespace().next() != Some(case.check) {
            wrong.push(format!("{}: {} is right, found {found}", case.name, case.check));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// shows: P-060
#[test]
fn genuine_histories_of_substrates_hold_together_with_their_governance() {
    let all = genuine();
    assert!(all.len() > 3, "{}", all.len());
    for (world, id) in all {
        read(&world, &id).unwrap_or_else(|bad| panic!("{id}: {bad}"));
    }
}
