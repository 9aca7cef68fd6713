//! ARCHITECTURE.md says what is there, and nothing else: its map names each module of each crate once, and its doors are
//! those that the tests hold.

use crate::{crates, doors, root, text};
use std::collections::{BTreeMap, BTreeSet};

/// The rows of the tables below a heading, up to the next heading: their cells.
fn rows(page: &str, heading: &str) -> Vec<Vec<String>> {
    let (_, rest) = page.split_once(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no {heading}"));
    let part = rest.split("\n#").next().unwrap();
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    part.lines().filter(|line| line.starts_with("| `")).map(cells).collect()
}

/// What stands in backquotes.
fn quoted(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_map_names_each_module_once() {
    let page = text("ARCHITECTURE.md");
    for (heading, folder) in crates()
        .iter()
        .filter(|name| *name != "forge")
        .map(|name| (format!("### crates/{name}"), format!("crates/{name}/src")))
        .chain([("### src".into(), "src".into())])
    {
        let mut named = BTreeSet::new();
        for row in rows(&page, &heading) {
            for name in quoted(&row[0]) {
                assert!(named.insert(name.clone()), "{heading}: {name} stands twice");
            }
        }
        assert_eq!(named, doors::modules(&folder), "{heading}: the map, and what is there");
    }
}

#[test]
fn the_doors_of_the_page_are_those_that_are_held() {
    let page = text("ARCHITECTURE.md");
    let found: BTreeMap<String, BTreeSet<String>> = rows(&page, "## Doors")
        .into_iter()
        .map(|row| (quoted(&row[0]).pop_first().unwrap(), quoted(&row[1])))
        .collect();
    let held: BTreeMap<String, BTreeSet<String>> = crate::crates::DOORS
        .iter()
        .chain(doors::NODE)
        .map(|(name, used)| ((*name).to_owned(), used.iter().map(|name| (*name).to_owned()).collect()))
        .collect();
    for (name, used) in held {
        // The package `node` and its module of that name: the second table comes last.
        if name != "node" {
            assert_eq!(found.get(&name), Some(&used), "what {name} may use");
        }
    }
}

/// Places that the page names exist.
#[test]
fn every_place_that_the_page_names_is_there() {
    for word in quoted(&text("ARCHITECTURE.md")) {
        let place =
            ["crates/", "tests/", "src/", "benches/", "proto/", "sim/"].iter().any(|start| word.starts_with(start));
        if place && !word.contains([' ', '*', '{']) {
            assert!(root().join(&word).exists(), "{word}");
        }
    }
}
