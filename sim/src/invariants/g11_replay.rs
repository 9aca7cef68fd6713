//! G11: snapshot and tail equal a replay from genesis. Every node's digest is that of the run decided once more, at every
//! look; at the end every node's whole state is, byte for byte.

use super::moment::{Invariant, Moment};
use selfsame_machine::view::{Model, ReadError, Table, View};

/// Remembers nothing: the replay does.
#[derive(Debug, Default)]
pub struct Replayed;

/// The first row in which two states differ.
fn difference(node: &dyn View, replayed: &Model) -> Result<Option<String>, ReadError> {
    for table in Table::ALL {
        let all = |view: &dyn View| view.scan(*table, &[], &[255; 512], usize::MAX);
        let (found, expected) = (all(node)?, all(replayed)?);
        let different = found.iter().zip(&expected).find(|(a, b)| a != b);
        let row = different.map(|(a, b)| a.0.as_slice().min(b.0.as_slice())).or_else(|| {
            let longer = if found.len() > expected.len() { &found } else { &expected };
            longer.get(found.len().min(expected.len())).map(|(key, _)| key.as_slice())
        });
        if let Some(key) = row {
            return Ok(Some(format!("table {}, key {}", table.name(), selfsame_protocol::digest::hex(key))));
        }
    }
    Ok(None)
}

impl Invariant for Replayed {
    fn name(&self) -> &'static str {
        "G11 replay"
    }
    fn check(&mut self, now: &Moment) -> Result<(), String> {
        if !now.shadow.keeps_genesis() {
            return Err("the genesis changed".into());
        }
        for node in &now.world.nodes {
            let (index, digest) = node.applied().map_err(|error| format!("node {}: {error}", node.id))?;
            if let Some(expected) = now.shadow.digest(index).filter(|expected| *expected != digest) {
                return Err(format!("after log entry {index} node {} has {digest}, a replay {expected}", node.id));
            }
            if now.history.is_some() && index + 1 == now.shadow.next() {
                let different = node.state().and_then(|view| difference(&view, now.shadow.model()));
                if let Some(place) = different.map_err(|error| format!("node {}: {error}", node.id))? {
                    return Err(format!("node {} differs from a replay in {place}", node.id));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::{Story, judge};
    use super::*;

    #[test]
    fn a_state_that_differs_is_found_with_its_place() {
        let story = Story::migrated();
        assert_eq!(judge(&mut Replayed, &story), Ok(()));
        let replayed = story.shadow.model();
        assert_eq!(difference(replayed, replayed), Ok(None));
        for value in [Some(vec![1]), None] {
            let mut other = replayed.clone();
            other.commit([((Table::Evidence, 0_u64.to_be_bytes().to_vec()), value)].into());
            let place = "table evidence, key 0000000000000000";
            assert_eq!(difference(&other, replayed).unwrap().unwrap(), place);
            assert_eq!(difference(replayed, &other).unwrap().unwrap(), place);
        }
    }
}
