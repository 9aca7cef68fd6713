//! Carrying out what a ballot decided, in the entry that decides it. What cannot be carried out refuses the deciding vote.

use super::closing::void_all;
use super::replace_key;
use crate::error::{Fatal, Stop, refuse};
use crate::registry::{all, amend, constitution, end_key, register, unused_key, usable_chip};
use crate::state::{self, META_RECOVERIES, Organisation, RegisteredNode, Registration, prefix_end};
use crate::txn::Txn;
use crate::view::{Table, View};
use crate::{balance, trees};
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{OrganisationKey, Proposal, Role};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::governance::GovernanceAction;
use selfsame_protocol::keys::PublicKey;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::merkle::{consistency_proof, verify_consistency};
use selfsame_protocol::names::OrganisationName;
use selfsame_protocol::record::{ConstitutionChange, EvidenceAnchor, QuorumCause, Record};
use selfsame_protocol::response::BallotStanding;
use selfsame_protocol::subject::Subject;
use selfsame_protocol::time::U64;

/// Carries a proposal out; gives what came of it.
pub fn execute_proposal(txn: &mut Txn<'_>, id: &str, proposal: &Proposal) -> Result<BallotStanding, Stop> {
    let (mut constitutional_state_hash, mut nonce) = (None, None);
    if let Proposal::MovePublisher { publisher } = proposal {
        unused_key(txn, publisher.log_key)?;
    }
    let before = constitution(txn)?;
    if let Some(after) = before.amended(proposal)? {
        let voided = void_all(txn)?;
        let change = ConstitutionChange {
            proposal_id: id.into(),
            before_hash: before.hash(),
            before: before.clone(),
            after_hash: after.hash(),
            after: after.clone(),
            voided,
        };
        constitutional_state_hash = Some(change.after_hash);
        txn.push(Ledger::Reasoning, &Subject::Cluster, Record::ConstitutionChanged(Box::new(change)))?;
        amend(txn, &before, &after)?;
    }
    match proposal {
        Proposal::ForceSeal { substrate_id, migration_id, destination, .. } => {
            nonce = Some(crate::migration::force_seal(txn, id, substrate_id, migration_id, destination)?);
        }
        Proposal::RetireChip { chip, .. } => retire_chip(txn, id, chip)?,
        Proposal::AddOrganisation { name, root_key, operator_key } => add(txn, id, name, *root_key, *operator_key)?,
        Proposal::RemoveOrganisation { name, .. } => remove(txn, id, name)?,
        Proposal::RotateKey { organisation, key, new, .. } => rotate(txn, id, organisation, *key, *new)?,
        Proposal::ChangeRules { .. } | Proposal::MovePublisher { .. } => {}
        Proposal::Recovery { reason, evidence, reasoning } => recover(txn, id, reason, evidence, reasoning)?,
    }
    Ok(BallotStanding::Carried { constitutional_state_hash, nonce })
}

/// A record in the chain of the organisation that is concerned, which need not be the author's.
fn concern(txn: &mut Txn<'_>, organisation: &OrganisationName, action: GovernanceAction) -> Result<(), Stop> {
    let subject = Subject::Organisation(organisation.clone());
    txn.push(Ledger::Reasoning, &subject, Record::Governance { action }).map(|_| ())
}

fn organisation(txn: &Txn<'_>, name: &str) -> Result<Organisation, Stop> {
    match state::load::<Organisation>(&txn.over, Table::Organisations, name.as_bytes())? {
        Some(found) if found.removed.is_none() => Ok(found),
        Some(_) | None => refuse(
            Code::UnknownOrganisation,
            "there is no member organisation of this name: see `governance constitution`",
            "",
            name,
        ),
    }
}

fn add(
    txn: &mut Txn<'_>,
    id: &str,
    name: &OrganisationName,
    root_key: PublicKey,
    operator_key: PublicKey,
) -> Result<(), Stop> {
    if txn.over.get(Table::Organisations, name.as_bytes())?.is_some() {
        let rule = "an organisation of this name is or was a member, and no name is given twice: choose another";
        return refuse(Code::OrganisationExists, rule, "", name);
    }
    for (key, role) in [(root_key, Role::Root), (operator_key, Role::Operator)] {
        unused_key(txn, key)?;
        register(txn, name, key, role, None);
    }
    let value = Organisation { name: name.clone(), root_key, operator_key, removed: None };
    state::save(&mut txn.over, Table::Organisations, name.clone(), &value);
    let action = GovernanceAction::AddOrganisation {
        organisation: name.clone(),
        root_key,
        operator_key,
        proposal_id: id.into(),
    };
    concern(txn, name, action)?;
    balance::warn(txn, QuorumCause::AddOrganisation)
}

fn remove(txn: &mut Txn<'_>, id: &str, name: &OrganisationName) -> Result<(), Stop> {
    let mut gone = organisation(txn, name)?;
    let nodes = balance::keep(txn, |txn| {
        gone.removed = Some(txn.index);
        state::save(&mut txn.over, Table::Organisations, name.clone(), &gone);
        let mut retired = Vec::new();
        for mut node in all::<RegisteredNode>(&txn.over, Table::Nodes)? {
            if node.organisation == *name && !node.retired {
                node.retired = true;
                retired.push(node.id);
                state::save(&mut txn.over, Table::Nodes, node.id.0.to_be_bytes(), &node);
            }
        }
        Ok(retired)
    })?;
    // Every key that was ever its own and has not ended, those of its chips included.
    let mut ended = 0;
    for (key, value) in txn.over.scan(Table::Keys, &[], &prefix_end(&[]), usize::MAX)? {
        let mut registration: Registration =
            serde_json::from_slice(&value).map_err(|e| state::undecodable(Table::Keys, &key, e))?;
        if registration.organisation == *name && registration.until.is_none() {
            registration.until = Some(txn.index);
            state::save(&mut txn.over, Table::Keys, key, &registration);
            ended += 1;
        }
    }
    let action = GovernanceAction::RemoveOrganisation {
        organisation: name.clone(),
        nodes,
        keys_ended: U64(ended),
        proposal_id: id.into(),
    };
    concern(txn, name, action)?;
    crate::session::recount(txn)
}

fn rotate(
    txn: &mut Txn<'_>,
    id: &str,
    name: &OrganisationName,
    key: OrganisationKey,
    new: PublicKey,
) -> Result<(), Stop> {
    let changed = organisation(txn, name)?;
    let old = replace_key(txn, changed, key, new)?;
    concern(txn, name, GovernanceAction::RotateKey { key, old, new, proposal_id: Some(id.into()) })
}

fn retire_chip(txn: &mut Txn<'_>, id: &str, chip: &Digest) -> Result<(), Stop> {
    let mut value = usable_chip(txn, chip)?;
    value.retired = true;
    end_key(txn, value.key)?;
    state::save(&mut txn.over, Table::Chips, *chip.as_bytes(), &value);
    concern(txn, &value.organisation, GovernanceAction::RetireChip { chip: *chip, proposal_id: Some(id.into()) })
}

/// Every activation of before moves 2^32 epochs up, each when its substrate is next written to: see
/// [`crate::fence::renew`]. Refused when a tree that was cosigned is not a part of this ledger: then entries are gone
/// for which receipts exist, and going on under the same origin would be the fork that witnesses look for.
fn recover(
    txn: &mut Txn<'_>,
    id: &str,
    reason: &str,
    evidence: &EvidenceAnchor,
    reasoning: &EvidenceAnchor,
) -> Result<(), Stop> {
    for (ledger, stated) in Ledger::BOTH.into_iter().zip([evidence, reasoning]) {
        contains(txn, ledger, stated)?;
    }
    let count = constitution(txn)?.recovery_count;
    txn.over.put(Table::Meta, META_RECOVERIES, count.0.to_be_bytes());
    let record = Record::Recovery {
        proposal_id: id.into(),
        recovery_count: count,
        reason: reason.into(),
        evidence: evidence.clone(),
        reasoning: reasoning.clone(),
    };
    txn.push(Ledger::Reasoning, &Subject::Cluster, record).map(|_| ())
}

/// Refuses unless the stated tree is a part of the ledger as it stood before this batch.
fn contains(txn: &Txn<'_>, ledger: Ledger, stated: &EvidenceAnchor) -> Result<(), Stop> {
    // The tiles and the compact tree of before the batch belong together; both move when it ends.
    let head = trees::frontier(&txn.over, ledger)?;
    let shown = |size: u64, root: &Digest| format!("{ledger} of {size} entries with root {root}");
    let missing = |found: String| {
        let rule = "this ledger does not contain the tree that was cosigned: entries were lost, and it must not go on under its origin";
        refuse(Code::RecoveryGap, rule, shown(stated.size.0, &stated.root), found)
    };
    if stated.size.0 > head.size() {
        return missing(shown(head.size(), &head.root()));
    }
    let mut tile = |id| txn.over.get(Table::Tiles, &trees::tile_key(ledger, id));
    let proof = match consistency_proof(stated.size.0, head.size(), &mut tile) {
        Ok(proof) => proof,
        Err(error) => return Err(Stop::Fatal(Fatal::Invariant(error.to_string()))),
    };
    match verify_consistency(stated.size.0, &stated.root, head.size(), &head.root(), &proof) {
        Ok(()) => Ok(()),
        Err(failed) => missing(format!("another root: {}", failed.check)),
    }
}
