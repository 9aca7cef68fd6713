//! Doors inside the node and the program: which folder may use which.

use crate::{code, root, rust};
use std::collections::BTreeSet;
use std::fs;

/// What each module of the node may use of the others. Tests inside a module may use more.
pub const NODE: Doors = &[
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
    ("config", &["cosign", "node", "raft", "store", "witness"]),
];

/// What each of several may use of the others.
type Doors = &'static [(&'static str, &'static [&'static str])];

/// What each part of the node's largest modules may use of the parts beside it, from the ground up: no part uses one that
/// stands below it in this table. The root of a module is no part.
const PARTS: &[(&str, Doors)] = &[
    (
        "raft",
        &[
            ("background", &[]),
            ("digests", &[]),
            ("prepare", &[]),
            ("runtime", &[]),
            ("settings", &[]),
            ("status", &[]),
            ("types", &["runtime"]),
            ("codec", &["types"]),
            ("fatal", &["types"]),
            ("storage", &["background", "codec", "digests", "fatal", "prepare", "types"]),
            ("peer", &["codec", "storage", "types"]),
            ("core", &["peer", "settings", "storage", "types"]),
            ("ingress", &["core", "peer", "settings", "types"]),
            ("reads", &["core", "peer"]),
            ("watch", &["core", "peer"]),
            (
                "node",
                &[
                    "background",
                    "core",
                    "digests",
                    "fatal",
                    "ingress",
                    "peer",
                    "prepare",
                    "reads",
                    "runtime",
                    "settings",
                    "status",
                    "storage",
                    "types",
                    "watch",
                ],
            ),
            ("membership", &["core", "node", "peer", "types"]),
        ],
    ),
    (
        "store",
        &[
            ("error", &[]),
            ("log_id", &[]),
            ("options", &[]),
            ("row", &[]),
            ("backend", &["error"]),
            ("records", &["backend", "error", "row"]),
            ("header", &["backend", "error", "records"]),
            ("log", &["backend", "error", "header", "log_id", "options", "records", "row"]),
            ("state", &["backend", "error", "header", "log_id", "options", "records", "row"]),
            ("scrub", &["backend", "error", "log", "records", "row", "state"]),
        ],
    ),
];

/// What each module of the program may use of the others.
const PROGRAM: Doors =
    &[("console", &[]), ("demo", &["console"]), ("bench", &["demo"]), ("cli", &["bench", "console", "demo"])];

/// Names of modules after a path in the text.
fn names(text: &str, path: &str) -> BTreeSet<String> {
    let name = |rest: &str| rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect::<String>();
    text.match_indices(path)
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
            for used in names(&text, "crate::") {
                let holds = used == module || allowed.contains(&used.as_str());
                assert!(holds, "{}: {module} may not use {used}", path.display());
            }
        }
    }
}

#[test]
fn parts_use_each_other_only_downwards() {
    for (module, parts) in PARTS {
        let folder = root().join("crates/node/src").join(module);
        let known: BTreeSet<String> = parts.iter().map(|(part, _)| (*part).to_owned()).collect();
        let there: BTreeSet<String> = modules(&format!("crates/node/src/{module}"));
        let there: BTreeSet<String> = there.into_iter().filter(|part| part != "mod" && part != "tests").collect();
        assert_eq!(there, known, "{module}: a part without a door");
        let floor = |part: &str| parts.iter().position(|(name, _)| *name == part);
        for (part, allowed) in *parts {
            assert!(allowed.iter().all(|used| floor(used) < floor(part)), "{module}: {part} uses what stands above it");
        }
        for (path, text) in rust(&format!("crates/node/src/{module}")) {
            let inside = path.strip_prefix(&folder).unwrap();
            let part = inside.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned();
            let Some((_, allowed)) = parts.iter().find(|(name, _)| *name == part) else { continue };
            let mut used = names(code(&text), &format!("crate::{module}::"));
            if inside.iter().count() == 1 {
                used.extend(names(code(&text), "super::"));
            }
            for used in used {
                let holds = used == part || allowed.contains(&used.as_str());
                assert!(holds, "{}: {part} may not use {used}", path.display());
            }
        }
    }
}
