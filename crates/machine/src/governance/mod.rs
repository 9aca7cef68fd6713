//! Keys, nodes, chips and ballots: changed only by recorded, signed commands.

pub mod balance;
pub mod ballot;
mod carry;

use crate::apply::Fatal;
use crate::state::{self, Chip, Node, Organisation, Registration, prefix_end};
use crate::txn::{Stop, Txn, refuse};
use crate::view::{ReadError, Table, View};
use selfsame_protocol::code::{Code, Refusal};
use selfsame_protocol::command::{EnrolChip, EnrolNode, OrganisationKey, RetireChip, RetireNode, Role, RotateKey};
use selfsame_protocol::constitution::ClusterConstitution;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::Ledger;
use selfsame_protocol::governance::GovernanceAction;
use selfsame_protocol::keys::PublicKey;
use selfsame_protocol::record::Record;
use selfsame_protocol::time::U64;
use std::collections::BTreeMap;

/// [`Table::Meta`] key of the constitution of the cluster, JSON.
pub const META_CONSTITUTION: &[u8] = b"constitution";
/// [`Table::Meta`] key of the open ballots, JSON: proposal id → organisation that proposed.
pub const META_BALLOTS: &[u8] = b"ballots";
/// [`Table::Meta`] key of the number of recoveries, u64be; absent before the first. It repeats what the constitution
/// says, because every write of a chip reads it.
pub const META_RECOVERIES: &[u8] = b"recoveries";

/// [`Table::Meta`] key of the log keys of publishers of before, JSON: no key is used again. Absent before the first.
pub const META_LOG_KEYS: &[u8] = b"log_keys";

/// The constitution in force.
pub fn in_force(view: &dyn View) -> Result<Option<ClusterConstitution>, ReadError> {
    state::load(view, Table::Meta, META_CONSTITUTION)
}

/// Recoveries so far.
pub fn recoveries(view: &dyn View) -> Result<u64, ReadError> {
    Ok(state::load_u64(view, Table::Meta, META_RECOVERIES)?.unwrap_or(0))
}

/// Open ballots: proposal id → organisation that proposed.
pub fn all_open(view: &dyn View) -> Result<BTreeMap<String, String>, ReadError> {
    Ok(state::load(view, Table::Meta, META_BALLOTS)?.unwrap_or_default())
}

fn save_open(txn: &mut Txn<'_>, open: &BTreeMap<String, String>) {
    state::save(&mut txn.over, Table::Meta, META_BALLOTS, open);
}

fn constitution(txn: &Txn<'_>) -> Result<ClusterConstitution, Stop> {
    match in_force(&txn.over)? {
        Some(constitution) => Ok(constitution),
        None => Err(Stop::Fatal(Fatal::Invariant("the state has no constitution: it was not initialised".into()))),
    }
}

/// Log keys of publishers of before.
fn former_log_keys(view: &dyn View) -> Result<Vec<PublicKey>, ReadError> {
    Ok(state::load(view, Table::Meta, META_LOG_KEYS)?.unwrap_or_default())
}

/// Puts a constitution into force. The log key of a publisher that goes is kept as one that was used.
fn amend(txn: &mut Txn<'_>, before: &ClusterConstitution, after: &ClusterConstitution) -> Result<(), Stop> {
    let key = |constitution: &ClusterConstitution| constitution.publisher.as_ref().map(|publisher| publisher.log_key);
    if let Some(gone) = key(before).filter(|gone| Some(*gone) != key(after)) {
        let mut former = former_log_keys(&txn.over)?;
        former.push(gone);
        state::save(&mut txn.over, Table::Meta, META_LOG_KEYS, &former);
    }
    state::save(&mut txn.over, Table::Meta, META_CONSTITUTION, after);
    Ok(())
}

/// The refusal of a key that ended at log index `until`: it says whether the key alone ended or its organisation too, and
/// which key signs in its place.
pub fn ended(view: &dyn View, author: &Registration, until: U64) -> Result<Refusal, ReadError> {
    let name = &author.organisation;
    let organisation: Option<Organisation> = state::load(view, Table::Organisations, name.as_bytes())?;
    let now = |key: fn(&Organisation) -> PublicKey| organisation.as_ref().map(|found| key(found).to_string());
    let successor = match author.role {
        Role::Root => now(|organisation| organisation.root_key),
        Role::Operator => now(|organisation| organisation.operator_key),
        Role::Node | Role::Chip => None,
    };
    Ok(match organisation.as_ref().and_then(|organisation| organisation.removed) {
        Some(at) => {
            let found = format!("{name}, removed at log index {at}");
            Refusal::new(Code::OrganisationRemoved, "the organisation of this key is no member any more", "", found)
        }
        None => {
            let sentence = match (author.role, author.node) {
                (Role::Root | Role::Operator, _) => format!(
                    "this {} key of {name} was replaced at log index {until}: sign with the key that replaced it",
                    author.role
                ),
                (Role::Node, Some(id)) => format!(
                    "node {id} was retired at log index {until}, and its key with it: its organisation enrols a new node \
                     with a new key"
                ),
                (Role::Node, None) | (Role::Chip, _) => {
                    format!("this {} was retired for good at log index {until}: sign with another one", author.role)
                }
            };
            Refusal::new(Code::KeyEnded, &sentence, successor.unwrap_or_default(), "")
        }
    })
}

/// All of a table's JSON values. For tables bounded by governance (organisations, nodes), not by load.
pub fn all<T: serde::de::DeserializeOwned>(view: &dyn View, table: Table) -> Result<Vec<T>, ReadError> {
    let rows = view.scan(table, &[], &prefix_end(&[]), 100_000)?;
    rows.iter()
        .map(|(key, value)| serde_json::from_slice(value).map_err(|e| state::undecodable(table, key, e)))
        .collect()
}

fn organisation(txn: &Txn<'_>) -> Result<Organisation, Stop> {
    let name = &txn.author.organisation;
    match state::load(&txn.over, Table::Organisations, name.as_bytes())? {
        Some(found) => Ok(found),
        None => refuse(Code::UnknownOrganisation, "the organisation of this key is no member", "a member", name),
    }
}

fn unused_key(txn: &Txn<'_>, key: PublicKey) -> Result<(), Stop> {
    // Preparing a submission checks its keys; this one is for ballots that were opened before that was so.
    if let Err(weak) = key.check() {
        return refuse(Code::Malformed, &weak.to_string(), "", "");
    }
    // The keys of cosigners and of publishers stand in no registration, because they may author nothing.
    let cosigns = all::<Node>(&txn.over, Table::Nodes)?.iter().any(|node| node.cosigner == key);
    let publishes = constitution(txn)?.publisher.is_some_and(|publisher| publisher.log_key == key)
        || former_log_keys(&txn.over)?.contains(&key);
    match txn.over.get(Table::Keys, key.as_bytes())? {
        None if !cosigns && !publishes => Ok(()),
        _ => refuse(
            Code::KeyExists,
            "this key is or was registered already: make a new one with `selfsame key new`",
            "",
            key,
        ),
    }
}

fn register(txn: &mut Txn<'_>, organisation: &str, key: PublicKey, role: Role, node: Option<u64>) {
    let registration = Registration {
        role,
        organisation: organisation.into(),
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

/// Records what the author's organisation did; the answer is what was recorded.
fn record(txn: &mut Txn<'_>, action: GovernanceAction) -> Result<GovernanceAction, Stop> {
    let subject = format!("organisation:{}", txn.author.organisation);
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
    let EnrolNode { node: U64(id), key, cosigner } = *command;
    if id == 0 {
        return refuse(Code::Malformed, "this is no node id: ids start at 1", "", id);
    }
    if let Some(node) = state::load::<Node>(&txn.over, Table::Nodes, &id.to_be_bytes())? {
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
    let node =
        Node { id: U64(id), organisation: organisation.clone(), key, cosigner, retired: false, quarantined: None };
    state::save(&mut txn.over, Table::Nodes, id.to_be_bytes(), &node);
    register(txn, &organisation, key, Role::Node, Some(id));
    balance::refuse_more(txn, &organisation)?;
    record(txn, GovernanceAction::EnrolNode { node: U64(id), key, cosigner })
}

pub fn retire_node(txn: &mut Txn<'_>, command: &RetireNode) -> Result<GovernanceAction, Stop> {
    let id = command.node.0;
    let Some(mut node) = state::load::<Node>(&txn.over, Table::Nodes, &id.to_be_bytes())? else {
        return refuse(
            Code::UnknownNode,
            "there is no node of this id: check it with `selfsame cluster members`",
            "",
            id,
        );
    };
    if node.organisation != txn.author.organisation {
        return refuse(
            Code::RoleDenied,
            "this node belongs to another organisation: only that one retires it",
            &txn.author.organisation,
            node.organisation,
        );
    }
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
    let action = record(txn, GovernanceAction::RetireNode { node: U64(id) })?;
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
    if chip.organisation != txn.author.organisation {
        return refuse(
            Code::RoleDenied,
            "this chip belongs to another organisation: only that one retires it, or all by ballot",
            &txn.author.organisation,
            chip.organisation,
        );
    }
    if chip.retired {
        return refuse(Code::ChipRetired, "this chip was retired before: there is nothing left to do", "", id);
    }
    chip.retired = true;
    end_key(txn, chip.key)?;
    state::save(&mut txn.over, Table::Chips, *id.as_bytes(), &chip);
    record(txn, GovernanceAction::RetireChip { chip: *id, proposal_id: None })
}

/// An enrolled chip that is not retired, of an organisation that is a member.
pub fn usable_chip(txn: &Txn<'_>, id: &Digest) -> Result<Chip, Stop> {
    let Some(chip) = state::load::<Chip>(&txn.over, Table::Chips, id.as_bytes())? else {
        return refuse(
            Code::UnknownChip,
            "no chip of this id is enrolled: its organisation enrols it first (`governance enrol-chip`)",
            "",
            id,
        );
    };
    if chip.retired {
        return refuse(Code::ChipRetired, "this chip was retired for good: use another one", "", id);
    }
    let organisation: Option<Organisation> =
        state::load(&txn.over, Table::Organisations, chip.organisation.as_bytes())?;
    if let Some(at) = organisation.and_then(|organisation| organisation.removed) {
        let found = format!("{id} of {}, removed at log index {at}", chip.organisation);
        return refuse(
            Code::ChipRetired,
            "the organisation of this chip is no member any more: use a chip of a member",
            "",
            found,
        );
    }
    Ok(chip)
}
