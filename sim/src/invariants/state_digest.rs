//! Equal applied index, equal state: on all nodes, and on one node before and after a restart.

use super::{Invariant, Snapshot};
use std::collections::BTreeMap;

/// Indexes remembered: more than nodes lag behind each other.
const KEPT: usize = 20_000;

/// Remembers the first digest seen at each index, and who showed it.
#[derive(Debug, Default)]
pub struct StateDigest(BTreeMap<u64, (u64, String)>);

impl Invariant for StateDigest {
    fn name(&self) -> &'static str {
        "state_digest"
    }
    fn check(&mut self, world: &Snapshot) -> Result<(), String> {
        for node in &world.nodes {
            let (index, digest) = match node.applied() {
                Ok(applied) => applied,
                // To find that it cannot read is right for a node with a damaged disk.
                Err(_) if node.shaken => continue,
                Err(error) => return Err(format!("node {}: {error}", node.id)),
            };
            let (first, seen) = self.0.entry(index).or_insert_with(|| (node.id, digest.clone()));
            if *seen != digest {
                return Err(format!("after index {index} node {first} had {seen}, node {} has {digest}", node.id));
            }
        }
        while self.0.len() > KEPT {
            self.0.pop_first();
        }
        Ok(())
    }
}
