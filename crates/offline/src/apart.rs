//! Whether two ledgers of one folder can be of one time: records of the Reasoning ledger name the Evidence tree of their
//! moment, and a folder that does not have so much of it has an older Evidence beside a newer Reasoning.
//!
//! These trees only grow, so that the last record that names one is enough; a recovery names an earlier one, and is passed
//! over. What is newer in Evidence than in Reasoning shows nowhere, and is not looked for.

use crate::report::{Failure, undecided};
use selfsame_protocol::entry::Entry;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::record::Record;

/// The largest Evidence tree that records name, and where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NamedTree {
    /// Entries that the Evidence ledger had then.
    pub evidence: u64,
    /// Index of the record in the Reasoning ledger.
    pub index: u64,
}

/// The entries of Evidence that there were when a record was written. The copy of a close stands behind the tree that the
/// close names.
fn evidence(record: &Record) -> Option<u64> {
    if let Record::SessionClose(close) = record {
        return close.evidence_ledger.size.0.checked_add(1);
    }
    let tree = if let Record::SubstrateIdentity(birth) = record {
        &birth.evidence_ledger
    } else if let Record::IdentityPropagation(cycle) = record {
        &cycle.evidence_ledger
    } else if let Record::MigrationSeal { evidence_ledger, .. } = record {
        evidence_ledger
    } else {
        return None;
    };
    Some(tree.size.0)
}

/// What the last of these leaves that names an Evidence tree says; the first stands at `start`. Whole entries are read only
/// where the name of a tree stands in them, wherever that is.
pub fn last(leaves: &[&[u8]], start: u64) -> Option<NamedTree> {
    let numbered = (start..).zip(leaves).collect::<Vec<_>>();
    numbered.into_iter().rev().find_map(|(index, leaf)| {
        let text = std::str::from_utf8(leaf).ok()?;
        if !text.contains("\"evidence_ledger\":{") {
            return None;
        }
        let evidence = evidence(&Entry::from_leaf(leaf).ok()?.record)?;
        Some(NamedTree { evidence, index })
    })
}

/// Refuses to say anything of a folder whose Evidence ends before what its Reasoning names.
pub fn check(named: Option<NamedTree>, evidence: u64) -> Result<(), Failure> {
    match named.filter(|named| named.evidence > evidence) {
        None => Ok(()),
        Some(named) => Err(Failure {
            ledger: Some(Ledger::Reasoning),
            index: Some(named.index),
            ..undecided(
                "LEDGERS_APART",
                format!("the {} entries of Evidence that this record names", named.evidence),
                format!("{evidence} entries of Evidence, from an earlier time"),
            )
        }),
    }
}

/// What a folder leaves open, in words. `sizes` are those of the ledgers that it has.
pub fn not_checked(sizes: &[(Ledger, u64)], named: Option<NamedTree>) -> Vec<String> {
    let ends: Vec<String> = sizes.iter().map(|(ledger, size)| format!("{size} of {ledger}")).collect();
    let mut open = vec![format!(
        "what was recorded later than the entries that are here ({}): nothing here tells whether there is more",
        ends.join(" and ")
    )];
    if sizes.len() > 1 {
        let shown = match named {
            Some(NamedTree { evidence, index }) => {
                format!("the last tree that Reasoning names, in entry {index}, has {evidence} entries, which are here")
            }
            None => "no record of Reasoning names a tree of Evidence".into(),
        };
        open.push(format!("that both ledgers are of one time: {shown}, and either may end earlier than the other"));
    }
    open
}
