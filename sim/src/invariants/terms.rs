//! A node's term never goes back, not even over a restart: whoever forgot a term could vote twice in it.

use super::{Invariant, Snapshot};
use std::collections::BTreeMap;

/// Remembers the highest term that each node showed.
#[derive(Debug, Default)]
pub struct Terms(BTreeMap<u64, u64>);

impl Invariant for Terms {
    fn name(&self) -> &'static str {
        "terms"
    }
    fn check(&mut self, world: &Snapshot) -> Result<(), String> {
        for node in &world.nodes {
            let (term, seen) = (node.status.term, self.0.entry(node.id).or_default());
            if term < *seen {
                return Err(format!("node {} was in term {seen} and is in term {term}", node.id));
            }
            *seen = term;
        }
        Ok(())
    }
}
