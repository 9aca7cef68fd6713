//! G1: at most one leader in a term (Raft, figure 3), over the whole run and not only at one moment.

use super::{Invariant, Moment};
use selfsame::raft::Role;
use std::collections::BTreeMap;

/// Remembers who led each term.
#[derive(Debug, Default)]
pub struct ElectionSafety(BTreeMap<u64, u64>);

impl Invariant for ElectionSafety {
    fn name(&self) -> &'static str {
        "G1 election_safety"
    }
    fn check(&mut self, now: &Moment) -> Result<(), String> {
        for node in now.world.nodes.iter().filter(|node| node.status.role == Role::Leader) {
            let term = node.status.term;
            let first = *self.0.entry(term).or_insert(node.id);
            if first != node.id {
                return Err(format!("term {term} has two leaders: nodes {first} and {}", node.id));
            }
        }
        Ok(())
    }
}
