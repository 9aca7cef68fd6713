//! No two files need each other: who reads one has not to read the other first.

use crate::crates;
use crate::graph::Graph;

#[test]
fn no_files_need_each_other_in_a_ring() {
    let mut found = Vec::new();
    for folder in crates().iter().map(|name| format!("crates/{name}/src")).chain([
        "src".into(),
        "sim/src".into(),
        "sim/model/src".into(),
    ]) {
        for circle in Graph::read(&folder).circles() {
            found.push(format!("{folder}:\n  {}", circle.join("\n  ")));
        }
    }
    assert!(found.is_empty(), "{} rings of files\n{}", found.len(), found.join("\n"));
}
