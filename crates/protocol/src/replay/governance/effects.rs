//! What governance records do: keys, nodes, chips and members, each with its right.

use super::{Governance, KeySpan, Member, bad, equal};
use crate::command::{Command, OrganisationKey, Proposal, Role};
use crate::digest::Digest;
use crate::entry::Entry;
use crate::keys::PublicKey;
use crate::p104::Technology;
use crate::record::Record;
use crate::replay::{Check, same};
use crate::time::U64;
use serde::Deserialize;

/// The content of a `governance` record. With `proposal_id` a ballot brought it about, without the organisation itself.
#[derive(Debug, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Action {
    RotateKey { key: OrganisationKey, old: PublicKey, new: PublicKey, proposal_id: Option<String> },
    EnrolNode { node: U64, key: PublicKey, cosigner: PublicKey },
    RetireNode { node: U64 },
    EnrolChip { chip: Digest, key: PublicKey, technology: Technology },
    RetireChip { chip: Digest, proposal_id: Option<String> },
    Propose { proposal_id: String, proposal: Proposal },
    Vote { proposal_id: String, approve: bool },
    Conclude { proposal_id: String },
    AddOrganisation { organisation: String, root_key: PublicKey, operator_key: PublicKey, proposal_id: String },
    RemoveOrganisation { organisation: String, nodes: Vec<U64>, keys_ended: U64, proposal_id: String },
}

impl Action {
    /// The action of an entry, when it has one and that reads.
    pub(super) fn of(entry: &Entry) -> Option<Action> {
        match &entry.record {
            Record::Governance { action } => serde_json::from_value(action.clone()).ok(),
            _ => None,
        }
    }

    /// Whether the author's own organisation did it by a command of its own.
    pub(super) fn is_own(&self) -> bool {
        match self {
            Action::RotateKey { proposal_id, .. } | Action::RetireChip { proposal_id, .. } => proposal_id.is_none(),
            Action::EnrolNode { .. }
            | Action::RetireNode { .. }
            | Action::EnrolChip { .. }
            | Action::Propose { .. }
            | Action::Vote { .. }
            | Action::Conclude { .. } => true,
            Action::AddOrganisation { .. } | Action::RemoveOrganisation { .. } => false,
        }
    }

    /// Refuses unless the command asked for exactly this.
    pub(super) fn is_of(&self, command: &Command, index: u64) -> Check {
        let holds = match (self, command) {
            (Action::RotateKey { key, new, .. }, Command::RotateKey { key: asked, new: wanted }) => {
                key == asked && new == wanted
            }
            (
                Action::EnrolNode { node, key, cosigner },
                Command::EnrolNode { node: asked, key: wanted, cosigner: beside },
            ) => node == asked && key == wanted && cosigner == beside,
            (Action::RetireNode { node }, Command::RetireNode { node: asked }) => node == asked,
            (Action::EnrolChip { key, technology, .. }, Command::EnrolChip { chip, technology: asked }) => {
                key == chip && technology == asked
            }
            (Action::RetireChip { chip, .. }, Command::RetireChip { chip: asked }) => chip == asked,
            (Action::Propose { proposal_id, proposal }, Command::Propose { proposal_id: id, proposal: asked }) => {
                proposal_id == id && proposal == asked
            }
            (Action::Vote { proposal_id, approve }, Command::Vote { proposal_id: id, approve: asked }) => {
                proposal_id == id && approve == asked
            }
            (Action::Conclude { proposal_id }, Command::Conclude { proposal_id: id }) => proposal_id == id,
            _ => false,
        };
        if holds { Ok(()) } else { bad("SUBMISSION_COMMAND", index, format!("{self:?}"), format!("{command:?}")) }
    }
}

impl Governance {
    /// A `governance` record, in the chain of the organisation that it concerns.
    pub(super) fn action(&mut self, entry: &Entry) -> Check {
        let index = entry.index.0;
        let Some(name) = entry.subject.strip_prefix("organisation:") else {
            return bad("ENTRY_SUBJECT", index, "organisation:…", &entry.subject);
        };
        let Some(action) = Action::of(entry) else {
            return bad("GOVERNANCE_ACTION", index, "a known action with its members", format!("{:?}", entry.record));
        };
        let joins = matches!(action, Action::AddOrganisation { .. });
        let leaves = matches!(action, Action::RemoveOrganisation { .. });
        // The constitution has changed already when the record of a joining or leaving member is written.
        if !joins && !leaves && !self.constitution.is_member(name) {
            return bad("GOVERNANCE_MEMBER", index, self.constitution.organisations.join(", "), name);
        }
        match action {
            Action::Propose { proposal_id, proposal } => self.proposed(entry, name, &proposal_id, &proposal),
            Action::Vote { proposal_id, approve } => self.voted(entry, name, &proposal_id, approve),
            Action::Conclude { proposal_id } => self.concluded(entry, &proposal_id),
            Action::RotateKey { key, old, new, proposal_id } => {
                if let Some(id) = proposal_id {
                    let decided = self.effect(index, &id)?;
                    let holds = matches!(&decided, Proposal::RotateKey { organisation, key: asked, new: wanted, .. }
                        if organisation == name && *asked == key && *wanted == new);
                    carried_out(index, &decided, holds)?;
                }
                self.rotated(index, name, key, old, new)
            }
            Action::EnrolNode { node, key, .. } => {
                let taken = self.keys.values().any(|span| span.node == Some(node.0));
                if taken {
                    return bad("NODE_ID", index, "an unused node id", node);
                }
                self.register(index, key, Role::Node, name, Some(node.0))
            }
            Action::RetireNode { node } => {
                let own = |span: &KeySpan| span.node == Some(node.0) && span.organisation == name;
                let key = self.keys.iter().find(|(_, span)| own(span) && span.until.is_none());
                let Some(key) = key.map(|(key, _)| *key) else {
                    return bad("NODE_ID", index, format!("a node in service of {name}"), node);
                };
                self.end(&key, index);
                Ok(())
            }
            Action::EnrolChip { chip, key, .. } => {
                same("CHIP_ID", index, key.id(), chip)?;
                self.chips.insert(chip, (name.into(), true));
                self.register(index, key, Role::Chip, name, None)
            }
            Action::RetireChip { chip, proposal_id } => {
                if let Some(id) = proposal_id {
                    let decided = self.effect(index, &id)?;
                    let holds = matches!(&decided, Proposal::RetireChip { chip: asked, .. } if *asked == chip);
                    carried_out(index, &decided, holds)?;
                }
                self.chip_retired(index, name, chip)
            }
            Action::AddOrganisation { organisation, root_key, operator_key, proposal_id } => {
                equal("ENTRY_SUBJECT", index, &organisation.as_str(), &name)?;
                let decided = self.effect(index, &proposal_id)?;
                let holds = matches!(&decided, Proposal::AddOrganisation { name, root_key: a, operator_key: b }
                    if *name == organisation && *a == root_key && *b == operator_key);
                carried_out(index, &decided, holds)?;
                if self.organisations.contains_key(name) {
                    return bad("ORGANISATION_NAME", index, "an unused name", name);
                }
                self.register(index, root_key, Role::Root, name, None)?;
                self.register(index, operator_key, Role::Operator, name, None)?;
                self.organisations.insert(name.into(), Member { root_key, operator_key, removed: None });
                Ok(())
            }
            Action::RemoveOrganisation { organisation, nodes, keys_ended, proposal_id } => {
                equal("ENTRY_SUBJECT", index, &organisation.as_str(), &name)?;
                let decided = self.effect(index, &proposal_id)?;
                let holds = matches!(&decided, Proposal::RemoveOrganisation { name, .. } if *name == organisation);
                carried_out(index, &decided, holds)?;
                self.removed(index, name, &nodes, keys_ended)
            }
        }
    }

    fn register(&mut self, index: u64, key: PublicKey, role: Role, organisation: &str, node: Option<u64>) -> Check {
        let span = KeySpan { role, organisation: organisation.into(), node, since: Some(index), until: None };
        match self.keys.insert(*key.as_bytes(), span) {
            None => Ok(()),
            Some(earlier) => bad("KEY_ONCE", index, "an unused key", format!("{key} of {}", earlier.organisation)),
        }
    }

    fn end(&mut self, key: &[u8; 32], index: u64) {
        if let Some(span) = self.keys.get_mut(key) {
            span.until.get_or_insert(index);
        }
    }

    fn rotated(&mut self, index: u64, name: &str, kind: OrganisationKey, old: PublicKey, new: PublicKey) -> Check {
        let Some(member) = self.organisations.get_mut(name) else {
            return bad("GOVERNANCE_MEMBER", index, "a member", name);
        };
        let (slot, role) = match kind {
            OrganisationKey::Root => (&mut member.root_key, Role::Root),
            OrganisationKey::Operator => (&mut member.operator_key, Role::Operator),
        };
        let before = std::mem::replace(slot, new);
        equal("KEY_IN_FORCE", index, &before, &old)?;
        self.end(old.as_bytes(), index);
        self.register(index, new, role, name, None)
    }

    fn chip_retired(&mut self, index: u64, name: &str, chip: Digest) -> Check {
        let Some((owner, _)) = self.chips.get(&chip).filter(|(_, serves)| *serves).cloned() else {
            return bad("CHIP_IN_SERVICE", index, "a chip in service", chip);
        };
        equal("ENTRY_SUBJECT", index, &owner.as_str(), &name)?;
        self.chips.insert(chip, (owner, false));
        let key = self.keys.keys().find(|key| Digest::of(&key[..]) == chip).copied();
        if let Some(key) = key {
            self.end(&key, index);
        }
        Ok(())
    }

    fn removed(&mut self, index: u64, name: &str, nodes: &[U64], keys_ended: U64) -> Check {
        let Some(member) = self.organisations.get_mut(name).filter(|member| member.removed.is_none()) else {
            return bad("GOVERNANCE_MEMBER", index, "a member", name);
        };
        member.removed = Some(index);
        let (mut serving, mut ended) = (Vec::new(), 0);
        for span in self.keys.values_mut().filter(|span| span.organisation == name && span.until.is_none()) {
            span.until = Some(index);
            ended += 1;
            serving.extend(span.node.map(U64));
        }
        serving.sort_unstable_by_key(|node| node.0);
        equal("ORGANISATION_NODES", index, &serving, &nodes.to_vec())?;
        equal("ORGANISATION_KEYS", index, &U64(ended), &keys_ended)
    }
}

fn carried_out(index: u64, decided: &Proposal, holds: bool) -> Check {
    if holds { Ok(()) } else { bad("CARRIED_OUT", index, format!("{decided:?}"), "something else") }
}
