//! Keys, nodes, chips and ballots: changed only by recorded, signed commands.

use crate::state::{self, Ballot, Chip, Node, Organisation, Registration, prefix_end};
use crate::txn::{Stop, Txn, refuse};
use crate::view::{Table, View};
use selfsame_protocol::code::{Code, Refusal};
use selfsame_protocol::command::{OrganisationKey, Proposal, Role};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::Ledger;
use selfsame_protocol::keys::PublicKey;
use selfsame_protocol::record::Record;
use selfsame_protocol::time::U64;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// All of a table's JSON values. For tables bounded by governance (organisations, nodes), not by load.
pub fn all<T: serde::de::DeserializeOwned>(view: &dyn View, table: Table) -> Result<Vec<T>, crate::view::ReadError> {
    let rows = view.scan(table, &[], &prefix_end(&[]), 100_000)?;
    rows.iter()
        .map(|(key, value)| serde_json::from_slice(value).map_err(|e| state::undecodable(table, key, e)))
        .collect()
}

fn organisation(txn: &Txn<'_>) -> Result<Organisation, Stop> {
    let name = &txn.author.organisation;
    match state::load(&txn.over, Table::Organisations, name.as_bytes())? {
        Some(found) => Ok(found),
        None => refuse(Code::UnknownOrganisation, "the author's organisation is a member", "a member", name),
    }
}

fn unused_key(txn: &Txn<'_>, key: PublicKey) -> Result<(), Stop> {
    // A cosigner's key stands in no registration, because it may author nothing.
    let cosigns = all::<Node>(&txn.over, Table::Nodes)?.iter().any(|node| node.cosigner == key);
    match txn.over.get(Table::Keys, key.as_bytes())? {
        None if !cosigns => Ok(()),
        _ => refuse(Code::KeyExists, "a key is registered once", "an unused key", key),
    }
}

fn register(txn: &mut Txn<'_>, key: PublicKey, role: Role, node: Option<u64>) {
    let registration = Registration {
        role,
        organisation: txn.author.organisation.clone(),
        node: node.map(U64),
        since: U64(txn.index),
        until: None,
    };
    state::save(&mut txn.over, Table::Keys, *key.as_bytes(), &registration);
}

fn end_key(txn: &mut Txn<'_>, key: PublicKey) -> Result<(), Stop> {
    if let Some(mut registration) = state::load::<Registration>(&txn.over, Table::Keys, key.as_bytes())? {
        registration.until = Some(U64(txn.index));
        state::save(&mut txn.over, Table::Keys, *key.as_bytes(), &registration);
    }
    Ok(())
}

fn record(txn: &mut Txn<'_>, action: Value) -> Result<Value, Stop> {
    let subject = format!("organisation:{}", txn.author.organisation);
    txn.push(Ledger::Reasoning, &subject, Record::Governance { action: action.clone() })?;
    Ok(action)
}

pub fn rotate_key(txn: &mut Txn<'_>, kind: OrganisationKey, new: PublicKey) -> Result<Value, Stop> {
    let mut organisation = organisation(txn)?;
    unused_key(txn, new)?;
    let (slot, role) = match kind {
        OrganisationKey::Root => (&mut organisation.root_key, Role::Root),
        OrganisationKey::Operator => (&mut organisation.operator_key, Role::Operator),
    };
    let old = std::mem::replace(slot, new);
    end_key(txn, old)?;
    register(txn, new, role, None);
    state::save(&mut txn.over, Table::Organisations, organisation.name.clone(), &organisation);
    record(txn, json!({"action": "rotate_key", "key": kind, "old": old, "new": new}))
}

pub fn enrol_node(txn: &mut Txn<'_>, id: u64, key: PublicKey, cosigner: PublicKey) -> Result<Value, Stop> {
    if id == 0 {
        return refuse(Code::Malformed, "node ids", "1 or more", id);
    }
    if let Some(node) = state::load::<Node>(&txn.over, Table::Nodes, &id.to_be_bytes())? {
        return refuse(
            Code::NodeIdReused,
            "a node id is used once, also after removal",
            "an unused id",
            format!("node {id} of {}", node.organisation),
        );
    }
    unused_key(txn, key)?;
    unused_key(txn, cosigner)?;
    if key == cosigner {
        return refuse(Code::KeyExists, "the key of a cosigner is used for nothing else", "another key", cosigner);
    }
    let nodes: Vec<Node> = all(&txn.over, Table::Nodes)?;
    let organisations: Vec<Organisation> = all(&txn.over, Table::Organisations)?;
    let active = |n: &&Node| !n.retired;
    let total = nodes.iter().filter(active).count() + 1;
    let own = nodes.iter().filter(active).filter(|n| n.organisation == txn.author.organisation).count() + 1;
    if organisations.len() > 1 && total > 2 && own > total / 2 {
        return refuse(
            Code::OrganisationQuorum,
            "nodes of one organisation",
            format!("at most {} of {total}", total / 2),
            own,
        );
    }
    let organisation = txn.author.organisation.clone();
    let node = Node { id: U64(id), organisation, key, cosigner, retired: false, quarantined: None };
    state::save(&mut txn.over, Table::Nodes, id.to_be_bytes(), &node);
    register(txn, key, Role::Node, Some(id));
    record(txn, json!({"action": "enrol_node", "node": U64(id), "key": key, "cosigner": cosigner}))
}

pub fn retire_node(txn: &mut Txn<'_>, id: u64) -> Result<Value, Stop> {
    let Some(mut node) = state::load::<Node>(&txn.over, Table::Nodes, &id.to_be_bytes())? else {
        return refuse(Code::UnknownNode, "the node is enrolled", "an enrolled node", id);
    };
    if node.organisation != txn.author.organisation {
        return refuse(
            Code::RoleDenied,
            "an organisation removes its own nodes",
            &txn.author.organisation,
            node.organisation,
        );
    }
    if node.retired {
        return refuse(Code::UnknownNode, "a node is removed once", "a node in service", id);
    }
    node.retired = true;
    end_key(txn, node.key)?;
    state::save(&mut txn.over, Table::Nodes, id.to_be_bytes(), &node);
    let action = record(txn, json!({"action": "retire_node", "node": U64(id)}))?;
    crate::session::recount(txn)?;
    Ok(action)
}

pub fn enrol_chip(txn: &mut Txn<'_>, chip: PublicKey, technology: &str) -> Result<Value, Stop> {
    if technology != "software" {
        return refuse(Code::AttestationInvalid, "technology of a chip", "software", technology);
    }
    unused_key(txn, chip)?;
    let value = Chip {
        key: chip,
        organisation: txn.author.organisation.clone(),
        technology: technology.into(),
        retired: false,
    };
    state::save(&mut txn.over, Table::Chips, *chip.id().as_bytes(), &value);
    register(txn, chip, Role::Chip, None);
    record(txn, json!({"action": "enrol_chip", "chip": chip.id(), "key": chip, "technology": technology}))
}

pub fn retire_chip(txn: &mut Txn<'_>, id: &Digest) -> Result<Value, Stop> {
    let Some(mut chip) = state::load::<Chip>(&txn.over, Table::Chips, id.as_bytes())? else {
        return refuse(Code::UnknownChip, "the chip is enrolled", "an enrolled chip", id);
    };
    if chip.organisation != txn.author.organisation {
        return refuse(
            Code::RoleDenied,
            "an organisation retires its own chips",
            &txn.author.organisation,
            chip.organisation,
        );
    }
    if chip.retired {
        return refuse(Code::ChipRetired, "a chip is retired once", "a chip in service", id);
    }
    chip.retired = true;
    end_key(txn, chip.key)?;
    state::save(&mut txn.over, Table::Chips, *id.as_bytes(), &chip);
    record(txn, json!({"action": "retire_chip", "chip": id}))
}

/// ⌊2n/3⌋+1 of the organisations.
pub fn ballot_threshold(organisations: usize) -> usize {
    if selfsame_protocol::planted!("force_seal_by_one_vote") {
        return 1;
    }
    organisations * 2 / 3 + 1
}

pub fn propose(txn: &mut Txn<'_>, id: &str, proposal: &Proposal) -> Result<Value, Stop> {
    if txn.over.get(Table::Proposals, id.as_bytes())?.is_some() {
        return refuse(Code::ProposalClosed, "a proposal id is used once", "an unused id", id);
    }
    let ballot = Ballot { proposal: proposal.clone(), votes: BTreeMap::new(), decided: None };
    state::save(&mut txn.over, Table::Proposals, id, &ballot);
    record(txn, json!({"action": "propose", "proposal_id": id, "proposal": proposal}))?;
    count(txn, id, true)
}

pub fn vote(txn: &mut Txn<'_>, id: &str, approve: bool) -> Result<Value, Stop> {
    record(txn, json!({"action": "vote", "proposal_id": id, "approve": approve}))?;
    count(txn, id, approve)
}

fn count(txn: &mut Txn<'_>, id: &str, approve: bool) -> Result<Value, Stop> {
    let Some(mut ballot) = state::load::<Ballot>(&txn.over, Table::Proposals, id.as_bytes())? else {
        return refuse(Code::UnknownProposal, "the proposal exists", "an open proposal", id);
    };
    if let Some(at) = ballot.decided {
        return refuse(
            Code::ProposalClosed,
            "the ballot is open",
            "an open ballot",
            format!("decided in Reasoning entry {at}"),
        );
    }
    if ballot.votes.insert(txn.author.organisation.clone(), approve).is_some() {
        return refuse(
            Code::ProposalClosed,
            "one vote for each organisation",
            "no earlier vote",
            &txn.author.organisation,
        );
    }
    let organisations: Vec<Organisation> = all(&txn.over, Table::Organisations)?;
    let threshold = ballot_threshold(organisations.len());
    let approvals: Vec<String> = ballot.votes.iter().filter(|(_, yes)| **yes).map(|(name, _)| name.clone()).collect();
    let mut result = json!({"proposal_id": id, "approvals": approvals, "threshold": threshold, "decided": false});
    if approvals.len() >= threshold {
        let proposal = serde_json::to_value(&ballot.proposal).unwrap_or_default();
        let entry = txn.push(
            Ledger::Reasoning,
            "cluster",
            Record::BallotDecided { proposal_id: id.into(), proposal, approvals, threshold: U64(threshold as u64) },
        )?;
        ballot.decided = Some(entry.index);
        match &ballot.proposal {
            Proposal::ForceSeal { substrate_id, migration_id, destination, .. } => {
                let nonce = crate::migration::force_seal(txn, id, substrate_id, migration_id, destination)?;
                result["nonce"] = json!(nonce);
            }
        }
        result["decided"] = json!(true);
    }
    state::save(&mut txn.over, Table::Proposals, id, &ballot);
    Ok(result)
}

/// An enrolled chip that is not retired.
pub fn usable_chip(txn: &Txn<'_>, id: &Digest) -> Result<Chip, Stop> {
    match state::load::<Chip>(&txn.over, Table::Chips, id.as_bytes())? {
        None => refuse(Code::UnknownChip, "the chip is enrolled", "an enrolled chip", id),
        Some(chip) if chip.retired => {
            Err(Stop::Refused(Refusal::new(Code::ChipRetired, "the chip is in service", "a chip in service", id)))
        }
        Some(chip) => Ok(chip),
    }
}
