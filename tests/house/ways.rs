//! The ways that ARCHITECTURE.md draws are those that the code goes: at each arrow the code on its left takes names from the
//! code on its right.

use crate::graph::Graph;
use crate::{crates, text};
use std::collections::BTreeMap;

/// Every crate by its name, and the program.
fn graphs() -> BTreeMap<String, Graph> {
    let below = crates().into_iter().map(|name| (name.clone(), Graph::read(&format!("crates/{name}/src"))));
    below.chain([("program".to_owned(), Graph::read("src"))]).collect()
}

fn parts(path: &str) -> (String, Vec<String>) {
    let mut parts = path.split("::").map(str::to_owned);
    (parts.next().unwrap(), parts.collect())
}

/// Whether the arrow is true, or what is wrong with it.
fn arrow(graphs: &BTreeMap<String, Graph>, from: &str, to: &str) -> Result<(), String> {
    let ((from_crate, from_module), (to_crate, to_module)) = (parts(from), parts(to));
    let graph = |name: &str| graphs.get(name).ok_or_else(|| format!("there is no crate {name}"));
    let (left, right) = (graph(&from_crate)?, graph(&to_crate)?);
    for (graph, module, name) in [(left, &from_module, from), (right, &to_module, to)] {
        if !graph.has(module) {
            return Err(format!("there is no module {name}"));
        }
    }
    let takes = if from_crate == to_crate {
        left.takes(&from_module, &to_module)
    } else {
        let head = format!("selfsame_{to_crate}");
        let named = left.abroad(&from_module).into_iter().filter(|path| path[0] == head);
        named.filter_map(|path| right.defines(&path[1..])).any(|home| home.starts_with(&to_module))
    };
    if takes { Ok(()) } else { Err(format!("{from} takes nothing from {to}")) }
}

#[test]
fn each_arrow_of_the_page_is_one_of_the_code() {
    let (page, graphs) = (text("ARCHITECTURE.md"), graphs());
    let (_, rest) = page.split_once("\n## Ways\n").expect("no section of ways");
    let mut wrong = Vec::new();
    let mut seen = 0;
    for line in rest.split("\n## ").next().unwrap().lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [from, to, _] = cells[..] else { panic!("a row has three cells: {line}") };
        wrong.extend(arrow(&graphs, from.trim_matches('`'), to.trim_matches('`')).err());
        seen += 1;
    }
    assert!(seen >= 20, "{seen} arrows were read");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn an_arrow_that_is_not_there_is_seen() {
    let graphs = graphs();
    assert_eq!(arrow(&graphs, "machine::apply", "protocol::envelope"), Ok(()));
    assert!(arrow(&graphs, "protocol::envelope", "machine::apply").is_err());
    assert!(arrow(&graphs, "machine::apply", "machine::nowhere").is_err());
    assert!(arrow(&graphs, "machine::head", "machine::migration").is_err());
}
