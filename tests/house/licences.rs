//! What others wrote: its licences and where it comes from.

use crate::root;
use serde_json::Value;
use std::fs;
use std::process::Command;

/// Whether an SPDX expression is satisfied by the allowed licences. `/` is the old spelling of OR.
fn satisfied(expression: &str, allowed: &[&str]) -> bool {
    let plain = expression.replace(['(', ')'], " ").replace('/', " OR ");
    // Every crate in use writes AND between whole groups and OR inside them, which this reading is exact for.
    plain.split(" AND ").all(|group| {
        group
            .split(" OR ")
            .map(|one| one.split(" WITH ").next().unwrap_or_default().trim())
            .any(|one| allowed.contains(&one))
    })
}

#[test]
fn every_dependency_has_an_allowed_licence_and_source() {
    let deny: toml::Value = toml::from_str(&fs::read_to_string(root().join("deny.toml")).unwrap()).unwrap();
    let allowed: Vec<&str> =
        deny["licenses"]["allow"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    let banned: Vec<&str> =
        deny["bans"]["deny"].as_array().unwrap().iter().map(|ban| ban["crate"].as_str().unwrap()).collect();
    let registry = deny["sources"]["allow-registry"][0].as_str().unwrap();
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let host = Command::new("rustc").arg("-vV").output().unwrap();
    let host = String::from_utf8(host.stdout).unwrap();
    let host = host.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", host])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 100);
    for package in packages {
        let name = package["name"].as_str().unwrap();
        let license = package["license"].as_str().unwrap_or_default();
        assert!(satisfied(license, &allowed), "{name} has licence {license:?}");
        assert!(!banned.contains(&name), "{name} is banned");
        let source = package["source"].as_str();
        let own = source.is_none() && name.starts_with("selfsame");
        assert!(own || source == Some(&format!("registry+{registry}")), "{name} comes from {source:?}");
    }
}

#[test]
fn licence_expressions_are_read_as_they_are_meant() {
    let allowed = ["MIT", "Apache-2.0"];
    for good in ["MIT", "MIT OR GPL-3.0", "MIT/Apache-2.0", "Apache-2.0 WITH LLVM-exception OR X", "(A OR MIT) AND MIT"]
    {
        assert!(satisfied(good, &allowed), "{good}");
    }
    for bad in ["", "GPL-3.0", "MIT AND GPL-3.0", "GPL-3.0 OR AGPL-3.0"] {
        assert!(!satisfied(bad, &allowed), "{bad}");
    }
}
