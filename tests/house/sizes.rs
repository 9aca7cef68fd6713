//! Rooms are small.

use crate::{EVERYWHERE, rust};

#[test]
fn rooms_are_small() {
    for (path, text) in EVERYWHERE.into_iter().flat_map(rust) {
        let most = if path.ends_with("crates/node/src/node.rs") { 300 } else { 600 };
        let lines = text.lines().count();
        assert!(lines <= most, "{} has {lines} lines, at most {most}", path.display());
    }
}
