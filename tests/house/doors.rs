//! Doors inside the node and the program: which folder may use which.

use crate::{root, rust};
use std::collections::BTreeSet;
use std::fs;

/// What each module of the node may use of the others. Tests inside a module may use more.
pub const NODE: &[(&str, &[&str])] = &[
    ("metrics", &[]),
    ("keys", &[]),
    ("store", &[]),
    ("scrub", &["metrics", "store"]),
    ("raft", &["store"]),
    ("witness", &["metrics"]),
    ("cosign", &["metrics", "raft", "store", "witness"]),
    ("api", &["cosign", "metrics", "raft", "store"]),
    ("http", &["api", "metrics", "raft", "scrub", "store", "witness"]),
    ("backup", &["cosign", "store"]),
    ("node", &["api", "backup", "cosign", "http", "metrics", "raft", "scrub", "store", "witness"]),
    ("config", &["cosign", "keys", "node", "raft", "store", "witness"]),
];

/// What each module of the program may use of the others.
const PROGRAM: &[(&str, &[&str])] =
    &[("console", &[]), ("demo", &["console"]), ("bench", &["demo"]), ("cli", &["bench", "console", "demo"])];

/// Names after `crate::` in the text.
fn names(text: &str) -> BTreeSet<String> {
    let name = |rest: &str| rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect::<String>();
    text.match_indices("crate::")
        .map(|(at, found)| name(&text[at + found.len()..]))
        .filter(|name| !name.is_empty())
        .collect()
}

/// Files and folders of a crate, but for its root.
pub fn modules(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let name = |path: std::path::PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    entries.map(name).filter(|name| name != "lib" && name != "main").collect()
}

#[test]
fn modules_use_each_other_only_through_their_doors() {
    for (folder, doors) in [("crates/node/src", NODE), ("src", PROGRAM)] {
        let known: BTreeSet<String> = doors.iter().map(|(module, _)| (*module).to_owned()).collect();
        assert_eq!(modules(folder), known, "{folder}: a module without a door");
        for (path, text) in rust(folder) {
            let inside = path.strip_prefix(root().join(folder)).unwrap();
            let module = inside.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned();
            let Some((_, allowed)) = doors.iter().find(|(name, _)| *name == module) else { continue };
            for used in names(&text) {
                let holds = used == module || allowed.contains(&used.as_str());
                assert!(holds, "{}: {module} may not use {used}", path.display());
            }
        }
    }
}
