//! G10: equal applied index, equal state: on all nodes, and on one node before and after a restart.

use super::moment::{Invariant, Moment};
use std::collections::BTreeMap;

/// Indexes remembered: more than nodes lag behind each other.
const KEPT: usize = 20_000;

/// Remembers the first digest seen at each index, and who showed it.
#[derive(Debug, Default)]
pub struct StateDigest(BTreeMap<u64, (u64, String)>);

impl StateDigest {
    fn shows(&mut self, id: u64, index: u64, digest: String) -> Result<(), String> {
        let (first, seen) = self.0.entry(index).or_insert_with(|| (id, digest.clone()));
        if *seen != digest {
            return Err(format!("after index {index} node {first} had {seen}, node {id} has {digest}"));
        }
        Ok(())
    }
}

impl Invariant for StateDigest {
    fn name(&self) -> &'static str {
        "G10 state_digest"
    }
    fn check(&mut self, now: &Moment) -> Result<(), String> {
        for node in &now.world.nodes {
            let (index, digest) = match node.applied() {
                Ok(applied) => applied,
                // A node with a damaged disk may fail to read.
                Err(_) if node.shaken => continue,
                Err(error) => return Err(format!("node {}: {error}", node.id)),
            };
            self.shows(node.id, index, digest)?;
        }
        // What a loss of power leaves is compared as well.
        for image in now.images {
            if let Some(applied) = image.applied {
                self.shows(image.id, applied.index, image.digest.clone())?;
            }
        }
        while self.0.len() > KEPT {
            self.0.pop_first();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::g02_log_matching::tests::{image, judge};
    use super::*;

    #[test]
    fn another_state_at_one_index_is_found() {
        let at =
            |id, applied, digest: &str| super::super::image::Image { digest: digest.into(), ..image(id, &[], applied) };
        let mut seen = StateDigest::default();
        assert_eq!(judge(&mut seen, &[at(1, 5, "a"), at(2, 4, "b"), at(3, 5, "a")]), Ok(()));
        assert!(judge(&mut seen, &[at(2, 5, "b")]).is_err());
    }
}
