//! No organisation may hold a quorum of the nodes alone, unless it is the only one.
//!
//! Counted are the nodes in service: neither retired nor quarantined. A member of the consensus must be one of them, so
//! that this bounds the voters too; the change of membership itself is checked against the voters where it is made.
//! What an organisation asks for is refused. What must happen all the same (a node whose copy failed is put out of
//! service; a second organisation joins a cluster of one) is done, and a warning recorded.

use crate::error::{Stop, refuse};
use crate::registry;
use crate::state::{Organisation, RegisteredNode};
use crate::txn::Txn;
use crate::view::Table;
use selfsame_protocol::code::Code;
use selfsame_protocol::constitution;
pub use selfsame_protocol::constitution::Majority;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::names::OrganisationName;
use selfsame_protocol::record::{QuorumCause, Record};
use selfsame_protocol::subject::Subject;
use selfsame_protocol::time::U64;

/// The organisation that holds a quorum of the nodes in service alone, while there are several.
pub fn majority(nodes: &[RegisteredNode], organisations: &[Organisation]) -> Option<Majority> {
    let members = organisations.iter().filter(|organisation| organisation.removed.is_none()).count();
    let serving = nodes.iter().filter(|node| node.counts()).map(|node| &node.organisation);
    constitution::majority(serving, members)
}

fn now(txn: &Txn<'_>) -> Result<Option<Majority>, Stop> {
    let nodes: Vec<RegisteredNode> = registry::all(&txn.over, Table::Nodes)?;
    let organisations: Vec<Organisation> = registry::all(&txn.over, Table::Organisations)?;
    Ok(majority(&nodes, &organisations))
}

/// Refuses a change that gives an organisation a quorum which it did not hold before. `change` is made, then looked at;
/// a refusal drops it with the rest of the submission.
pub fn keep<T>(txn: &mut Txn<'_>, change: impl FnOnce(&mut Txn<'_>) -> Result<T, Stop>) -> Result<T, Stop> {
    let before = now(txn)?.map(|majority| majority.organisation);
    let done = change(txn)?;
    match now(txn)? {
        Some(majority) if before.as_ref() != Some(&majority.organisation) => refused(&majority),
        Some(_) | None => Ok(done),
    }
}

/// Refuses while the organisation holds a quorum, however it came to it: it adds no node to that.
pub(crate) fn refuse_more(txn: &Txn<'_>, organisation: &OrganisationName) -> Result<(), Stop> {
    match now(txn)? {
        Some(majority) if majority.organisation == *organisation => refused(&majority),
        Some(_) | None => Ok(()),
    }
}

fn refused<T>(majority: &Majority) -> Result<T, Stop> {
    refuse(
        Code::OrganisationQuorum,
        "one organisation would hold a quorum of the nodes in service alone: the others enrol more nodes first",
        format!("at most {} of {}", majority.total / 2, majority.total),
        format!("{} of {}", majority.held, majority.organisation),
    )
}

/// Records that an organisation holds a quorum now, when it does.
pub fn warn(txn: &mut Txn<'_>, cause: QuorumCause) -> Result<(), Stop> {
    if let Some(Majority { organisation, held, total }) = now(txn)? {
        let record =
            Record::OrganisationQuorumWarning { organisation, held: U64(held as u64), total: U64(total as u64), cause };
        txn.push(Ledger::Reasoning, &Subject::Cluster, record)?;
    }
    Ok(())
}
