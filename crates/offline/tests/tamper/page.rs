//! What docs/protocol.md says about the checks of section 16: which of them show an alteration, and which decide nothing.

use std::collections::{BTreeMap, BTreeSet};

/// For each check whether it says "altered".
pub fn checks() -> BTreeMap<String, BTreeSet<bool>> {
    let path = format!("{}/../../docs/protocol.md", env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(path).unwrap();
    let section = page.split_once("\n## 16 ").unwrap().1.split_once("\n## 17 ").unwrap().0;
    let mut checks = BTreeMap::<String, BTreeSet<bool>>::new();
    for row in section.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let Some(verdict) = cells.iter().position(|cell| ["altered", "undecided"].contains(cell)) else { continue };
        for name in cells[verdict - 1].split(',').map(|name| name.trim().trim_matches('`')) {
            checks.entry(name.to_owned()).or_default().insert(cells[verdict] == "altered");
        }
    }
    assert!(checks.len() > 60, "{} checks: the tables were not found", checks.len());
    checks
}
