//! What each altered history is told, to the letter: a reader sees what was expected and what was found, and a change of these
//! words is a change that somebody has to look at.
//!
//! The words stand in `said.json` beside this file. With SELFSAME_SAID=write they are written anew.

use selfsame_forge::cases::{Case, catalogue};
use selfsame_forge::governance::{self, AS_IN_A_BUNDLE, Reading, overseen};
use selfsame_forge::runs;
use std::collections::BTreeMap;
use std::path::Path;

/// shows: P-063, G-19
#[test]
fn each_altered_history_is_told_what_was_expected_and_what_was_found() {
    let mut said: BTreeMap<String, String> = BTreeMap::new();
    let mut add = |kind: &str, cases: Vec<Case>, read: &dyn Fn(&Case) -> String| {
        for case in cases {
            // A name stands twice where one alteration is tried in two stories.
            let name = (1..)
                .map(|n| format!("{kind}: {}{}", case.name, [String::new(), format!(" ({n})")][usize::from(n > 1)]));
            let free = name.into_iter().find(|name| !said.contains_key(name)).expect("numbers without end");
            said.insert(free, read(&case));
        }
    };
    let nothing = || "nothing".to_owned();
    add("substrate", catalogue(), &|case| match case.subject.strip_prefix("substrate:") {
        Some(id) => case.altered.replay(id).map_or_else(|bad| bad.to_string(), |_| nothing()),
        None => nothing(),
    });
    add("run", runs::cases(), &|case| {
        let run = case.subject.strip_prefix("run:").and_then(|id| id.parse().ok()).expect("a run");
        runs::read(&case.altered, run).map_or_else(|bad| bad.to_string(), |_| nothing())
    });
    let governed = |how: Reading| {
        move |case: &Case| governance::read(&case.altered, how).map_or_else(|bad| bad.to_string(), |_| nothing())
    };
    add("governance", governance::cases(), &governed(AS_IN_A_BUNDLE));
    add("governance unsigned", governance::unsigned(), &governed(Reading { whole: false, signed: false }));
    add("governance whole", governance::whole(), &governed(Reading { whole: true, signed: true }));
    add("overseen", overseen::cases(), &|case| {
        let id = case.subject.strip_prefix("substrate:").expect("a substrate");
        overseen::read(&case.altered, id).map_or_else(|bad| bad.to_string(), |()| nothing())
    });
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/forge/said.json");
    if std::env::var_os("SELFSAME_SAID").is_some_and(|what| what == "write") {
        std::fs::write(&path, format!("{}\n", serde_json::to_string_pretty(&said).unwrap())).unwrap();
        return;
    }
    let kept: BTreeMap<String, String> = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    for (name, words) in &kept {
        assert_eq!(said.get(name), Some(words), "{name}");
    }
    assert_eq!(said.len(), kept.len(), "histories whose words are not kept");
}
