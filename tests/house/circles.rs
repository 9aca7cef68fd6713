//! No two files need each other: who reads one has not to read the other first.

use crate::crates;
use crate::graph::Graph;
use std::path::Path;

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

/// A ring is seen however a name is written, and what is no ring is not.
#[test]
fn a_ring_is_seen() {
    let circles = |files: &[(&str, &str)]| {
        let files: Vec<(&Path, &str)> = files.iter().map(|(path, text)| (Path::new(path), *text)).collect();
        Graph::of(files.iter().copied()).circles()
    };
    let other = ("b.rs", "use crate::a::A;\npub struct B(A);");
    for ring in [
        "use crate::b::B;\npub struct A;",
        "pub struct A; fn f(b: crate::b::B) {}",
        "pub struct A; fn f(b: super::b::B) {}",
        "use super::{b as c};\npub struct A; fn f(b: c::B) {}",
        "use crate::{b::{self, B}, c};\npub struct A;",
        "use crate::B;\npub struct A;",
    ] {
        let found = circles(&[("lib.rs", "mod a; mod b; pub use b::B;"), ("a.rs", ring), other]);
        assert_eq!(found, [["a takes from b (B)", "b takes from a (A)"]], "{ring}");
    }
    for none in [
        "pub struct A; // crate::b::B",
        "pub struct A; const TEXT: &str = \"crate::b::B\";",
        "pub struct A;\n#[cfg(test)]\nmod tests {\n    use crate::b::B;\n}",
        "use b::B;\npub struct A;",
    ] {
        assert!(circles(&[("lib.rs", "mod a; mod b;"), ("a.rs", none), other]).is_empty(), "{none}");
    }
    // A module puts its own parts together.
    let parent = ("a/mod.rs", "mod part; pub use part::Part; pub struct Whole(Part);");
    let part = ("a/part.rs", "use super::Whole; pub struct Part; fn f(whole: Whole) {}");
    assert!(circles(&[("lib.rs", "mod a;"), parent, part]).is_empty());
    // Its parts are strangers to each other.
    let parent = ("a/mod.rs", "mod part; mod other;");
    let part = ("a/part.rs", "pub struct Part; fn f(other: super::other::Other) {}");
    let other = ("a/other.rs", "pub struct Other; fn f(part: super::part::Part) {}");
    assert_eq!(circles(&[("lib.rs", "mod a;"), parent, part, other]).len(), 1);
}
