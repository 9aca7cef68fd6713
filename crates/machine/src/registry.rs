//! Who there is: the constitution in force, keys, nodes and chips, and the open ballots.

use crate::error::{Fatal, Stop, refuse};
use crate::state::{
    self, Chip, META_BALLOTS, META_CONSTITUTION, META_LOG_KEYS, META_RECOVERIES, Organisation, RegisteredNode,
    Registration, prefix_end,
};
use crate::txn::Txn;
use crate::view::{ReadError, Table, View};
use selfsame_protocol::code::{Code, Refusal};
use selfsame_protocol::command::Role;
use selfsame_protocol::constitution::ClusterConstitution;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::keys::PublicKey;
use selfsame_protocol::names::OrganisationName;
use selfsame_protocol::number::{LogIndex, NodeId};
use std::collections::BTreeMap;

/// The constitution in force.
pub fn in_force(view: &dyn View) -> Result<Option<ClusterConstitution>, ReadError> {
    state::load(view, Table::Meta, META_CONSTITUTION)
}

/// Recoveries so far.
pub fn recoveries(view: &dyn View) -> Result<u64, ReadError> {
    Ok(state::load_u64(view, Table::Meta, META_RECOVERIES)?.unwrap_or(0))
}

/// Open ballots: proposal id → organisation that proposed.
pub(crate) fn all_open(view: &dyn View) -> Result<BTreeMap<String, OrganisationName>, ReadError> {
    Ok(state::load(view, Table::Meta, META_BALLOTS)?.unwrap_or_default())
}

/// Stores the open ballots.
pub(crate) fn save_open(txn: &mut Txn<'_>, open: &BTreeMap<String, OrganisationName>) {
    state::save(&mut txn.over, Table::Meta, META_BALLOTS, open);
}

/// The constitution in force; a state without one was never initialised.
pub fn constitution(txn: &Txn<'_>) -> Result<ClusterConstitution, Stop> {
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
pub fn amend(txn: &mut Txn<'_>, before: &ClusterConstitution, after: &ClusterConstitution) -> Result<(), Stop> {
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
pub fn ended(view: &dyn View, author: &Registration, until: LogIndex) -> Result<Refusal, ReadError> {
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

/// Refuses a key that is or was anybody's, or that nobody can sign with.
pub(crate) fn unused_key(txn: &Txn<'_>, key: PublicKey) -> Result<(), Stop> {
    // Preparing a submission checks its keys; this one is for ballots that were opened before that was so.
    if let Err(weak) = key.check() {
        return refuse(Code::Malformed, &weak.to_string(), "", "");
    }
    // The keys of cosigners and of publishers stand in no registration, because they may author nothing.
    let cosigns = all::<RegisteredNode>(&txn.over, Table::Nodes)?.iter().any(|node| node.cosigner == key);
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

/// Refuses what belongs to another organisation than the author's: only its owner may do this.
pub(crate) fn owned(txn: &Txn<'_>, owner: &OrganisationName, sentence: &str) -> Result<(), Stop> {
    match txn.author.organisation == *owner {
        true => Ok(()),
        false => refuse(Code::RoleDenied, sentence, owner, &txn.author.organisation),
    }
}

/// Registers a key from this entry on.
pub fn register(txn: &mut Txn<'_>, organisation: &OrganisationName, key: PublicKey, role: Role, node: Option<NodeId>) {
    let registration = Registration { role, organisation: organisation.clone(), node, since: txn.index, until: None };
    state::save(&mut txn.over, Table::Keys, *key.as_bytes(), &registration);
}

/// Ends a key with this entry.
pub(crate) fn end_key(txn: &mut Txn<'_>, key: PublicKey) -> Result<(), Stop> {
    if let Some(mut registration) = state::load::<Registration>(&txn.over, Table::Keys, key.as_bytes())? {
        registration.until = Some(txn.index);
        state::save(&mut txn.over, Table::Keys, *key.as_bytes(), &registration);
    }
    Ok(())
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
