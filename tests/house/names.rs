//! One name, one thing: who reads a name in one crate knows it in the next.

use crate::{code, crates, root, rust};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Types that a file offers to others.
fn offered(text: &str) -> Vec<&str> {
    let kinds = ["pub struct ", "pub enum ", "pub trait ", "pub type ", "pub union "];
    let named =
        |line: &'_ str| -> Option<usize> { kinds.iter().find(|kind| line.starts_with(**kind)).map(|kind| kind.len()) };
    let name =
        |line: &'_ str, from: usize| line[from..].find(|c: char| !c.is_alphanumeric()).unwrap_or(line.len() - from);
    text.lines()
        .filter_map(|line| named(line).map(|from| (line, from)))
        .map(|(line, from)| &line[from..from + name(line, from)])
        .collect()
}

/// Where each name of a public type of the library crates stands.
fn homes() -> BTreeMap<String, Vec<PathBuf>> {
    let mut homes: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for name in crates().iter().filter(|name| *name != "forge") {
        for (path, text) in rust(&format!("crates/{name}/src")) {
            for name in offered(code(&text)) {
                homes.entry(name.to_owned()).or_default().push(path.strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    homes
}

/// What the machine keeps and what the client reads of it are one thing, seen from two sides; a test of the client holds them
/// in agreement.
const SEEN_FROM_OUTSIDE: [&str; 2] = ["crates/client/src", "crates/machine/src"];

#[test]
fn each_public_type_has_a_name_of_its_own() {
    let one_thing = |homes: &[PathBuf]| {
        homes.len() == 2 && homes.iter().zip(SEEN_FROM_OUTSIDE).all(|(home, side)| home.starts_with(side))
    };
    let twice: Vec<_> = homes().into_iter().filter(|(_, homes)| homes.len() > 1 && !one_thing(homes)).collect();
    assert!(twice.is_empty(), "{} names stand for several types: {twice:#?}", twice.len());
}

#[test]
fn a_type_is_seen_whatever_its_kind() {
    let text = "pub struct A;\npub enum B {}\npub(crate) struct C;\n    pub struct D;\npub type E<T> = F<T>;\npub trait G: H {}";
    assert_eq!(offered(text), ["A", "B", "E", "G"]);
}
