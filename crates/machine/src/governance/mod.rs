//! Keys, nodes, chips and ballots: changed only by recorded, signed commands.

pub mod ballot;
mod closing;
mod execute;

use crate::balance;
use crate::error::{Stop, refuse};
use crate::registry::{end_key, owned, register, unused_key};
use crate::state::{self, Chip, Organisation, RegisteredNode};
use crate::txn::Txn;
use crate::view::Table;
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{EnrolChip, EnrolNode, OrganisationKey, RetireChip, RetireNode, Role, RotateKey};
use selfsame_protocol::governance::GovernanceAction;
use selfsame_protocol::keys::PublicKey;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::number::NodeId;
use selfsame_protocol::record::Record;
use selfsame_protocol::subject::Subject;

fn organisation(txn: &Txn<'_>) -> Result<Organisation, Stop> {
    let name = &txn.author.organisation;
    match state::load(&txn.over, Table::Organisations, name.as_bytes())? {
        Some(found) => Ok(found),
        None => refuse(Code::UnknownOrganisation, "the organisation of this key is no member", "a member", name),
    }
}

/// Records what the author's organisation did; the answer is what was recorded.
fn record(txn: &mut Txn<'_>, action: GovernanceAction) -> Result<GovernanceAction, Stop> {
    let subject = Subject::Organisation(txn.author.organisation.clone());
    txn.push(Ledger::Reasoning, &subject, Record::Governance { action: action.clone() })?;
    Ok(action)
}

pub fn rotate_key(txn: &mut Txn<'_>, command: &RotateKey) -> Result<GovernanceAction, Stop> {
    let RotateKey { key: kind, new } = *command;
    let organisation = organisation(txn)?;
    let old = replace_key(txn, organisation, kind, new)?;
    record(txn, GovernanceAction::RotateKey { key: kind, old, new, proposal_id: None })
}

/// Ends a key of an organisation and registers its successor; gives the one that ended.
fn replace_key(
    txn: &mut Txn<'_>,
    mut organisation: Organisation,
    kind: OrganisationKey,
    new: PublicKey,
) -> Result<PublicKey, Stop> {
    unused_key(txn, new)?;
    let (slot, role) = match kind {
        OrganisationKey::Root => (&mut organisation.root_key, Role::Root),
        OrganisationKey::Operator => (&mut organisation.operator_key, Role::Operator),
    };
    let old = std::mem::replace(slot, new);
    end_key(txn, old)?;
    register(txn, &organisation.name, new, role, None);
    state::save(&mut txn.over, Table::Organisations, organisation.name.clone(), &organisation);
    Ok(old)
}

pub fn enrol_node(txn: &mut Txn<'_>, command: &EnrolNode) -> Result<GovernanceAction, Stop> {
    let EnrolNode { node: NodeId(id), key, cosigner } = *command;
    if id == 0 {
        return refuse(Code::Malformed, "this is no node id: ids start at 1", "", id);
    }
    if let Some(node) = state::load::<RegisteredNode>(&txn.over, Table::Nodes, &id.to_be_bytes())? {
        return refuse(
            Code::NodeIdReused,
            "this node id was used before, and no id is used again: give another one",
            "",
            format!("node {id} of {}", node.organisation),
        );
    }
    unused_key(txn, key)?;
    unused_key(txn, cosigner)?;
    if key == cosigner {
        return refuse(
            Code::KeyExists,
            "the cosigner key is the node key: give the cosigner key that `selfsame key show` prints beside it",
            "",
            cosigner,
        );
    }
    let organisation = txn.author.organisation.clone();
    let node = RegisteredNode {
        id: NodeId(id),
        organisation: organisation.clone(),
        key,
        cosigner,
        retired: false,
        quarantined: None,
    };
    state::save(&mut txn.over, Table::Nodes, id.to_be_bytes(), &node);
    register(txn, &organisation, key, Role::Node, Some(NodeId(id)));
    balance::refuse_more(txn, &organisation)?;
    record(txn, GovernanceAction::EnrolNode { node: NodeId(id), key, cosigner })
}

pub fn retire_node(txn: &mut Txn<'_>, command: &RetireNode) -> Result<GovernanceAction, Stop> {
    let id = command.node.0;
    let Some(mut node) = state::load::<RegisteredNode>(&txn.over, Table::Nodes, &id.to_be_bytes())? else {
        return refuse(
            Code::UnknownNode,
            "there is no node of this id: check it with `selfsame cluster members`",
            "",
            id,
        );
    };
    owned(txn, &node.organisation, "this node belongs to another organisation: only that one retires it")?;
    if node.retired {
        return refuse(Code::UnknownNode, "this node was retired before: there is nothing left to do", "", id);
    }
    // An organisation that wants its only node out enrols the next one first.
    balance::keep(txn, |txn| {
        node.retired = true;
        end_key(txn, node.key)?;
        state::save(&mut txn.over, Table::Nodes, id.to_be_bytes(), &node);
        Ok(())
    })?;
    let action = record(txn, GovernanceAction::RetireNode { node: NodeId(id) })?;
    crate::session::recount(txn)?;
    Ok(action)
}

pub fn enrol_chip(txn: &mut Txn<'_>, command: &EnrolChip) -> Result<GovernanceAction, Stop> {
    let EnrolChip { chip, technology } = *command;
    unused_key(txn, chip)?;
    let value = Chip { key: chip, organisation: txn.author.organisation.clone(), technology, retired: false };
    state::save(&mut txn.over, Table::Chips, *chip.id().as_bytes(), &value);
    let organisation = txn.author.organisation.clone();
    register(txn, &organisation, chip, Role::Chip, None);
    record(txn, GovernanceAction::EnrolChip { chip: chip.id(), key: chip, technology })
}

pub fn retire_chip(txn: &mut Txn<'_>, command: &RetireChip) -> Result<GovernanceAction, Stop> {
    let id = &command.chip;
    let Some(mut chip) = state::load::<Chip>(&txn.over, Table::Chips, id.as_bytes())? else {
        return refuse(
            Code::UnknownChip,
            "no chip of this id is enrolled: its organisation enrols it first (`governance enrol-chip`)",
            "",
            id,
        );
    };
    let others = "this chip belongs to another organisation: only that one retires it, or all by ballot";
    owned(txn, &chip.organisation, others)?;
    if chip.retired {
        return refuse(Code::ChipRetired, "this chip was retired before: there is nothing left to do", "", id);
    }
    chip.retired = true;
    end_key(txn, chip.key)?;
    state::save(&mut txn.over, Table::Chips, *id.as_bytes(), &chip);
    record(txn, GovernanceAction::RetireChip { chip: *id, proposal_id: None })
}
