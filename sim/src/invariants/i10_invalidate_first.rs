//! I10: the tenure before is invalidated in the same log entry as the next is activated, and the migration's cycle holds
//! both attestation hashes over an unbroken identity chain.

use super::moment::{Invariant, Moment};
use super::shadow::Op;
use selfsame_machine::state::{Substrate, invalidated_key};
use selfsame_machine::view::Table;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::p104;
use selfsame_protocol::record::{CycleKind, Record};
use selfsame_protocol::subject::Subject;

/// Judges each activation by itself.
#[derive(Debug, Default)]
pub struct InvalidateFirst;

fn activation(op: &Op, before: &Substrate, after: &Substrate) -> Result<(), String> {
    let id = &after.substrate_id;
    let old = invalidated_key(id, &before.holder.chip, before.holder.epoch);
    if op.changes.get(&(Table::Invalidated, old)) != Some(&Some(op.index.to_be_bytes().to_vec())) {
        return Err(format!("{id}: chip {} at epoch {} is not invalidated", before.holder.chip, before.holder.epoch));
    }
    let subject = Subject::Substrate(id.clone());
    let records = || op.leaves.iter().filter(|leaf| leaf.entry.subject == subject).map(|leaf| &leaf.entry.record);
    if records().any(|record| matches!(record, Record::MigrationAbort { .. })) {
        return Ok(());
    }
    let cycle = records().find_map(|record| match record {
        Record::IdentityPropagation(cycle) if cycle.cycle_kind == CycleKind::Migration => Some(cycle),
        _ => None,
    });
    let Some(cycle) = cycle else { return Err(format!("{id}: an arrival without its cycle")) };
    let origin = before.holder.attestation_hash.unwrap_or_else(|| Digest::of(b""));
    let held = (Some(origin), after.holder.attestation_hash);
    if (cycle.origin_attestation_hash, cycle.destination_attestation_hash) != held {
        return Err(format!("{id}: the cycle names attestations other than {held:?}"));
    }
    let hash = p104::cycle_identity_hash(
        &before.head,
        &cycle.goalvector_resolution_hash,
        &after.constitution.hash(),
        cycle.reasoning_ledger_depth,
        cycle.cycle_timestamp,
        after.holder.attestation_hash.as_ref().map(|destination| (&origin, destination)),
    );
    if (hash, after.head, after.lineage_depth.0) != (cycle.cycle_identity_hash, hash, before.lineage_depth.0 + 1) {
        return Err(format!("{id}: the identity chain continues with {}, not with {hash}", after.head));
    }
    Ok(())
}

impl Invariant for InvalidateFirst {
    fn name(&self) -> &'static str {
        "I10 invalidate_first"
    }
    fn check(&mut self, now: &Moment) -> Result<(), String> {
        for op in now.ops {
            for touched in &op.touched {
                let Some(before) = &touched.before else { continue };
                if before.holder.since != touched.after.holder.since {
                    activation(op, before, &touched.after).map_err(|what| format!("log entry {}: {what}", op.index))?;
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
    fn an_activation_beside_the_path_is_found() {
        assert_eq!(judge(&mut InvalidateFirst, &Story::migrated()), Ok(()));
        let wrong: [fn(&mut Op); 4] = [
            |op| op.changes.retain(|(table, _), _| *table != Table::Invalidated),
            |op| op.leaves.clear(),
            |op| op.touched[0].after.holder.attestation_hash = Some(Digest::of(b"another")),
            |op| op.touched[0].before.as_mut().unwrap().head = Digest::of(b"another"),
        ];
        for change in wrong {
            let mut story = Story::migrated();
            change(story.last("arrive"));
            assert!(judge(&mut InvalidateFirst, &story).is_err());
        }
    }
}
