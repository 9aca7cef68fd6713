//! Is it the same entity?

use super::error::{BundleError, bad};
use super::statement::verify_statement;
use crate::ledger::PerLedger;
use crate::p104::IdentityStatement;
use crate::replay::History;

/// Whether a later history is the entity that a baseline statement described: its birth is the same and the baseline's
/// head stands in the identity chain at the baseline's depth (P104 `[0043]`), and it has at least the entries that the
/// baseline counted: what came after the last cycle, a suppression among it, is no part of the chain. Who vouches for the baseline and for the
/// history was checked before.
pub fn same_entity(baseline: &IdentityStatement, later: &History) -> Result<(), BundleError> {
    verify_statement(baseline)?;
    let birth = &later.birth;
    if baseline.substrate_identity_hash != birth.substrate_identity_hash {
        return bad("OTHER_LINEAGE", baseline.substrate_identity_hash, birth.substrate_identity_hash);
    }
    let depth = usize::try_from(baseline.identity_lineage_depth).unwrap_or(usize::MAX);
    match later.identity_chain.get(depth) {
        Some(hash) if *hash == baseline.latest_cycle_identity_hash => {
            let counted =
                PerLedger { evidence: baseline.evidence_ledger_depth, reasoning: baseline.reasoning_ledger_depth };
            let shown = |depths: PerLedger<u64>| {
                format!("{} entries in evidence and {} in reasoning", depths.evidence, depths.reasoning)
            };
            match later.depths.iter().all(|(ledger, found)| *found >= counted[ledger]) {
                true => Ok(()),
                false => bad("ROLLED_BACK", format!("{} or more", shown(counted)), shown(later.depths)),
            }
        }
        Some(hash) => bad("FORK", format!("{} at depth {depth}", baseline.latest_cycle_identity_hash), hash),
        None => bad("ROLLED_BACK", format!("a chain of depth {depth} or more"), later.lineage_depth),
    }
}
