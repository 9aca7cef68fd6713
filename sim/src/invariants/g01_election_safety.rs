//! G1: at most one leader in a term (Raft, figure 3), over the whole run and not only at one moment.

use super::{Invariant, Moment};
use selfsame::raft::Role;
use std::collections::BTreeMap;

/// Remembers who led each term.
#[derive(Debug, Default)]
pub struct ElectionSafety(BTreeMap<u64, u64>);

impl ElectionSafety {
    fn leads(&mut self, id: u64, term: u64) -> Result<(), String> {
        let first = *self.0.entry(term).or_insert(id);
        if first == id { Ok(()) } else { Err(format!("term {term} has two leaders: nodes {first} and {id}")) }
    }
}

impl Invariant for ElectionSafety {
    fn name(&self) -> &'static str {
        "G1 election_safety"
    }
    fn check(&mut self, now: &Moment) -> Result<(), String> {
        let mut leaders = now.world.nodes.iter().filter(|node| node.status.role == Role::Leader);
        leaders.try_for_each(|node| self.leads(node.id, node.status.term))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_leader_of_a_term_is_found() {
        let mut seen = ElectionSafety::default();
        assert_eq!(seen.leads(1, 1), Ok(()));
        assert_eq!(seen.leads(2, 2), Ok(()));
        assert_eq!(seen.leads(1, 1), Ok(()));
        assert!(seen.leads(2, 1).is_err());
    }
}
