//! The names of checks are those of docs/protocol.md, and the page names none that no program knows.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Sources below a folder without their tests and comments, each with its path.
fn sources(folder: &str) -> Vec<(String, String)> {
    let (mut found, mut open) = (Vec::new(), vec![root().join(folder)]);
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
            found.push((path.display().to_string(), lines.collect::<Vec<_>>().join("\n")));
        }
    }
    assert!(!found.is_empty(), "{folder}");
    found
}

/// Whether a name has the form of a check; of one word only where it stands as the name of one.
fn is_name(text: &str, one_word: bool) -> bool {
    let letters = text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    letters && text.len() > 3 && (one_word || text.contains('_'))
}

/// Names of checks among the texts of a source.
fn literals(code: &str) -> BTreeSet<String> {
    let parts: Vec<&str> = code.split('"').collect();
    let pairs = parts.windows(2);
    let called =
        |before: &str| ["altered(", "undecided(", "bad(", "fail("].iter().any(|call| before.trim_end().ends_with(call));
    pairs.filter(|pair| is_name(pair[1], called(pair[0]))).map(|pair| pair[1].to_owned()).collect()
}

/// Names in code spans of the page.
fn page() -> BTreeSet<String> {
    let text = std::fs::read_to_string(root().join("docs/protocol.md")).unwrap();
    let spans = text.split('`').skip(1).step_by(2);
    spans.filter(|span| is_name(span, true)).map(str::to_owned).collect()
}

/// What a rule of proofs is called where it fails.
fn composed() -> BTreeSet<String> {
    let of = |prefix: &str, rules: &[&str]| rules.iter().map(|rule| format!("{prefix}_{rule}")).collect::<Vec<_>>();
    let names = [
        of("INCLUSION", &["INDEX_RANGE", "PROOF_LENGTH", "ROOT"]),
        of("CONSISTENCY", &["INDEX_RANGE", "PROOF_LENGTH", "OLD_ROOT", "NEW_ROOT"]),
        of("EVIDENCE", &["PROOF_LENGTH"]),
    ];
    names.into_iter().flatten().collect()
}

/// Sources whose names are no checks of files: warnings about requests, writing, the parts of composed names.
const OTHERS: &[&str] = &[
    "protocol/src/import/",
    "protocol/src/run/",
    "protocol/src/merkle/",
    "protocol/src/planted.rs",
    "offline/src/writer.rs",
];
/// Texts of that form that name no check. A head that no quorum signed leaves the end unknown and refuses nothing.
const NO_CHECKS: &[&str] = &["SCREAMING_SNAKE_CASE", "INDEX_RANGE", "PROOF_LENGTH", "HEAD_QUORUM", "OTHER_SPELLING"];
/// shows: P-095
#[test]
fn every_check_of_a_program_is_on_the_page() {
    let page = page();
    assert!(page.len() > 100, "{}", page.len());
    let mut missing = BTreeSet::new();
    for (path, code) in sources("crates/offline/src").into_iter().chain(sources("crates/protocol/src")) {
        if OTHERS.iter().any(|other| path.contains(other)) {
            continue;
        }
        let names = literals(&code).into_iter().filter(|name| !NO_CHECKS.contains(&name.as_str()));
        missing.extend(names.filter(|name| !page.contains(name)).map(|name| format!("{name} in {path}")));
    }
    missing.extend(composed().into_iter().filter(|name| !page.contains(name)));
    assert!(missing.is_empty(), "not in docs/protocol.md: {missing:#?}");
}

/// `NO_PRIOR_SESSION` as a variant that is written so: `NoPriorSession`.
fn variant(name: &str) -> String {
    let words = name.split('_').map(|word| word[..1].to_owned() + &word[1..].to_lowercase());
    words.collect()
}

/// shows: P-095
#[test]
fn every_check_of_the_page_is_in_a_program() {
    let code: String = ["crates", "src"].iter().flat_map(|folder| sources(folder)).map(|(_, code)| code).collect();
    let known = |name: &String| {
        code.contains(&format!("\"{name}\"")) || code.contains(&variant(name)) || composed().contains(name)
    };
    let unknown: Vec<String> = page().into_iter().filter(|name| !known(name)).collect();
    assert!(unknown.is_empty(), "in docs/protocol.md and in no program: {unknown:?}");
}
