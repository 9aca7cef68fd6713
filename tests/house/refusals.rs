//! Refusals say what is wrong. A sentence that states the rule as if it held ("the key is still valid") tells its reader
//! the opposite of what happened.

use std::fs;
use std::path::{Path, PathBuf};

fn rust(folder: &str) -> Vec<(PathBuf, String)> {
    let (mut found, mut open) = (Vec::new(), vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)]);
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
                let text = fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]").next().unwrap().to_owned();
                found.push((path, code));
            }
        }
    }
    found
}

/// The string literal that the text begins with, behind white space and `&format!(`.
fn literal(text: &str) -> Option<String> {
    let text = text.trim_start();
    let text = text.strip_prefix("&format!(").unwrap_or(text).trim_start().strip_prefix('"')?;
    let mut out = String::new();
    let mut characters = text.chars();
    loop {
        match characters.next()? {
            '"' => return Some(out),
            '\\' => match characters.next()? {
                // A line that goes on: its indentation is no part of the text.
                '\n' => characters = characters.as_str().trim_start().chars(),
                other => out.push(other),
            },
            other => out.push(other),
        }
    }
}

/// Every sentence of a refusal that is written as a literal: the argument behind the code, or a binding for it.
fn sentences(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("Code::").filter(|(at, _)| !code[..*at].ends_with("Canon")) {
        let rest = code[at + 6..].trim_start_matches(|c: char| c.is_ascii_alphanumeric());
        found.extend(rest.strip_prefix(',').and_then(literal));
    }
    for name in ["let rule = ", "let sentence = "] {
        found.extend(code.match_indices(name).filter_map(|(at, _)| {
            let rest = &code[at + name.len()..];
            literal(rest.strip_prefix("format!(").unwrap_or(rest))
        }));
    }
    found
}

/// Words of which a sentence about something wrong has one.
const WRONG: &[&str] = &[
    "no", "not", "nothing", "nobody", "never", "cannot", "too", "another", "already", "before", "lost", "was", "were",
    "would", "wrong", "missing", "over", "ended", "expired", "removed", "unknown", "beyond", "needs", "stopping",
    "stopped", "failed", "sealed", "changed", "others", "other", "still",
];

/// Words with which advice begins.
const ADVICE: &[&str] = &["close", "give", "wait", "remove"];

/// Whether a sentence says that something is wrong. One that could be a law ("a …", "one …", "only …", "no …") also has
/// to go on behind a colon; and one that says what to do needs no word of those above.
fn says_what_is_wrong(sentence: &str) -> bool {
    let words =
        |text: &str| text.to_lowercase().split(|c: char| !c.is_alphanumeric()).map(String::from).collect::<Vec<_>>();
    let wrong = words(sentence).iter().any(|word| WRONG.contains(&word.as_str()));
    let law = ["a ", "an ", "one ", "only ", "no ", "every ", "each "].iter().any(|start| sentence.starts_with(start));
    let behind = sentence.split_once(": ").map(|(_, behind)| behind);
    let advice =
        behind.and_then(|behind| words(behind).into_iter().next()).is_some_and(|word| ADVICE.contains(&word.as_str()));
    advice || (wrong && (!law || behind.is_some()) && !sentence.contains("is still"))
}

#[test]
fn every_refusal_says_what_is_wrong() {
    let (mut seen, mut wrong) = (0, Vec::new());
    for (path, code) in [
        "crates/node/src/api",
        "crates/node/src/cosign",
        "crates/node/src/raft",
        "crates/machine/src",
        "crates/protocol/src",
    ]
    .into_iter()
    .flat_map(rust)
    {
        for sentence in sentences(&code) {
            seen += 1;
            if !says_what_is_wrong(&sentence) {
                wrong.push(format!("{}: {sentence:?}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "these state a rule as if it held:\n{}", wrong.join("\n"));
    assert!(seen > 120, "only {seen} sentences were found: the test reads the sources wrongly");
}

/// The test can fail: sentences of before.
#[test]
fn a_rule_as_if_it_held_is_noticed() {
    for before in [
        "the thing asked for exists",
        "the key is still valid",
        "the key is registered for the role",
        "a submission names this cluster",
        "the author's key is registered",
        "a reference names an existing Evidence entry",
        "an invalidated activation never acts again",
        "only the active chip writes",
        "no write after HASH_MISMATCH, for ever",
        "one substrate, one birth",
        "one vote for each organisation",
        "the ballot is open",
        "no organisation holds a quorum of the voters",
        "a key is registered once",
        "bytes of one submission",
        "the node takes part",
        "stored data matches its digest",
    ] {
        let noticed = !says_what_is_wrong(before);
        assert!(noticed, "{before:?} passes");
    }
}

#[test]
fn sentences_are_found_where_they_are_written() {
    let code = "refuse(Code::Sealed, \"one\", a)\nRefusal::new(\n    Code::Sealed,\n    &format!(\"two {x} \\\n        three\"),\n)\nlet rule = \"four\";";
    assert_eq!(sentences(code), ["one", "two {x} three", "four"]);
}
