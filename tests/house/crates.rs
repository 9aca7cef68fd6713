//! Crates and who may use whom. Cargo enforces what a manifest says; this holds what manifests may say.

use crate::{crates, root, rust, text};
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// What each package may use of the others, in what it ships. Tests may use more.
pub const DOORS: &[(&str, &[&str])] = &[
    ("protocol", &[]),
    ("machine", &["protocol"]),
    ("offline", &["machine", "protocol"]),
    ("env", &["protocol"]),
    ("wire", &["protocol"]),
    ("client", &["env", "protocol", "wire"]),
    ("audit", &["env", "machine", "offline", "protocol"]),
    ("node", &["env", "machine", "offline", "protocol", "wire"]),
    ("forge", &["machine", "protocol"]),
    ("program", &["audit", "client", "env", "machine", "node", "offline", "protocol"]),
    ("sim", &["audit", "client", "env", "machine", "node", "offline", "protocol", "wire"]),
    ("model", &[]),
];

/// Where a package lies.
pub fn home(package: &str) -> String {
    match package {
        "program" => ".".into(),
        "sim" => "sim".into(),
        "model" => "sim/model".into(),
        name => format!("crates/{name}"),
    }
}

/// Our packages that a manifest names under `[dependencies]`.
fn used(package: &str) -> BTreeSet<String> {
    let manifest: toml::Value = toml::from_str(&text(&format!("{}/Cargo.toml", home(package)))).unwrap();
    let named = manifest.get("dependencies").and_then(toml::Value::as_table).cloned().unwrap_or_default();
    named.keys().filter_map(|name| name.strip_prefix("selfsame-")).map(str::to_owned).collect()
}

#[test]
fn packages_use_each_other_only_through_their_doors() {
    let doors: BTreeMap<_, _> = DOORS.iter().copied().collect();
    for name in crates() {
        assert!(doors.contains_key(name.as_str()), "crates/{name} has no door");
    }
    for (package, allowed) in DOORS {
        let allowed: BTreeSet<String> = allowed.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(used(package), allowed, "what {package} uses, and what it may");
    }
}

/// A crate of others is named in one place, so that an upgrade touches one folder.
#[test]
fn each_engine_is_named_in_one_place() {
    let homes = [
        ("openraft::", "crates/node/src/raft"),
        ("redb::", "crates/node/src/store"),
        ("axum::", "crates/node/src/http"),
    ];
    for (engine, home) in homes {
        for (path, text) in ["src", "crates", "sim"].into_iter().flat_map(rust) {
            let used = text.lines().any(|line| line.contains(engine) && !line.trim_start().starts_with("//"));
            assert!(path.starts_with(root().join(home)) || !used, "{} names {engine}", path.display());
        }
    }
}

/// Whoever links the client does not compile a replica.
#[test]
fn the_client_brings_no_engine_with_it() {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let tree = |package: &str| -> BTreeSet<String> {
        let arguments =
            ["tree", "--offline", "--locked", "--edges", "normal", "--prefix", "none", "--package", package];
        let output = Command::new(&cargo).args(arguments).current_dir(root()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
    };
    let client = tree("selfsame-client");
    for engine in ["openraft", "redb", "axum", "clap", "selfsame-node", "selfsame-offline", "selfsame-machine"] {
        assert!(!client.contains(engine), "the client brings {engine}");
    }
    assert!(client.contains("tonic"), "the tree was not read");
    assert!(client.len() <= 110, "the client brings {} packages", client.len());
    assert!(tree("selfsame-node").contains("openraft"), "the tree was not read");
}

/// What the client says in public is its own: no generated type, and no type of the transport.
#[test]
fn no_generated_type_is_public_in_the_client() {
    let mut public = 0;
    for (path, text) in rust("crates/client/src") {
        let shipped = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (at, _) in shipped.match_indices("pub ") {
            let item = &shipped[at..];
            // A signature or a member: up to where its body begins, or it ends.
            let ends = ["{", ";", ",\n"].into_iter().filter_map(|end| item.find(end)).min().unwrap_or(item.len());
            let said = if item.starts_with("pub async fn") || item.starts_with("pub fn") {
                &item[..item.find('{').unwrap_or(ends)]
            } else {
                &item[..ends]
            };
            public += 1;
            for generated in ["v1::", "tonic", "Status)", "Streaming<", "Channel"] {
                let excused = path.ends_with("retry.rs");
                assert!(excused || !said.contains(generated), "{}: {said}", path.display());
            }
        }
        assert!(!shipped.contains("impl From<Status>") && !shipped.contains("impl TryFrom<v1::"), "{}", path.display());
    }
    assert!(public > 100, "the client was not read");
}
