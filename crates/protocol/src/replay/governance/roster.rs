//! Who is who in a history: organisations, keys, nodes and chips, each used once and ended once.

use super::check::{bad, equal};
use crate::command::{OrganisationKey, Role};
use crate::constitution::{Majority, majority_of_seats};
use crate::digest::Digest;
use crate::genesis::GenesisDocument;
use crate::keys::PublicKey;
use crate::names::OrganisationName;
use crate::number::NodeId;
use crate::replay::check::{BadCheck, Check};
use crate::time::U64;
use std::collections::BTreeMap;

/// What a key was registered for, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySpan {
    /// Role.
    pub role: Role,
    /// Organisation.
    pub organisation: OrganisationName,
    /// Node id, for node keys.
    pub node: Option<NodeId>,
    /// Reasoning index of the record that registered it; `None` for a founding key.
    pub since: Option<u64>,
    /// Reasoning index of the record that ended it.
    pub until: Option<u64>,
}

/// The keys in force of an organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberKeys {
    /// Root key.
    pub root_key: PublicKey,
    /// Operator key.
    pub operator_key: PublicKey,
    /// Reasoning index of the record by which it joined; `None` for a founder.
    pub since: Option<u64>,
    /// Reasoning index of the record that ended the membership.
    pub removed: Option<u64>,
}

/// A node that was ever enrolled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSpan {
    /// Organisation.
    pub organisation: OrganisationName,
    /// Key that signs its verdicts.
    pub key: PublicKey,
    /// Key that cosigns checkpoints.
    pub cosigner: PublicKey,
    /// Reasoning index of the record that enrolled it; `None` for a founding node.
    pub since: Option<u64>,
    /// Reasoning index of the record that retired it.
    pub retired: Option<u64>,
    /// Reasoning index of the record that quarantined it.
    pub quarantined: Option<u64>,
}

impl NodeSpan {
    /// Neither retired nor quarantined.
    pub(crate) fn in_service(&self) -> bool {
        self.retired.is_none() && self.quarantined.is_none()
    }
}

/// A chip that was ever enrolled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChipSpan {
    /// Organisation.
    pub organisation: OrganisationName,
    /// Its key.
    pub key: PublicKey,
    /// Reasoning index of the record that enrolled it.
    pub since: u64,
    /// Reasoning index of the record that retired it, or its organisation with it.
    pub retired: Option<u64>,
}

/// Everybody, as far as the history was read. Nothing is ever taken out.
#[derive(Clone, Debug, Default)]
pub(super) struct Roster {
    pub organisations: BTreeMap<OrganisationName, MemberKeys>,
    pub keys: BTreeMap<[u8; 32], KeySpan>,
    /// Keys that author nothing, those of cosigners and of publishers, with what each is.
    reserved: BTreeMap<[u8; 32], String>,
    pub nodes: BTreeMap<NodeId, NodeSpan>,
    /// Nodes in service of each organisation that has some. Counted as they come and go: a genesis may name as many nodes
    /// as a line has room for, and a history retire them one by one.
    seats: BTreeMap<OrganisationName, usize>,
    /// Organisations that are members.
    members: usize,
    pub chips: BTreeMap<Digest, ChipSpan>,
    /// Every log key that a publisher ever had.
    pub log_keys: Vec<PublicKey>,
}

impl Roster {
    /// The founders.
    pub fn new(genesis: &GenesisDocument) -> Self {
        let mut roster = Self::default();
        let mut register = |key: PublicKey, role, organisation: &OrganisationName, node| {
            let span = KeySpan { role, organisation: organisation.clone(), node, since: None, until: None };
            roster.keys.insert(*key.as_bytes(), span);
        };
        for founder in &genesis.organisations {
            register(founder.root_key, Role::Root, &founder.name, None);
            register(founder.operator_key, Role::Operator, &founder.name, None);
            let (root_key, operator_key) = (founder.root_key, founder.operator_key);
            let member = MemberKeys { root_key, operator_key, since: None, removed: None };
            roster.organisations.insert(founder.name.clone(), member);
        }
        roster.members = roster.organisations.len();
        for node in &genesis.nodes {
            register(node.key, Role::Node, &node.organisation, Some(NodeId(node.id)));
            roster.reserved.insert(*node.cosigner.as_bytes(), format!("the cosigner key of node {}", node.id));
            let span = NodeSpan {
                organisation: node.organisation.clone(),
                key: node.key,
                cosigner: node.cosigner,
                since: None,
                retired: None,
                quarantined: None,
            };
            roster.nodes.insert(NodeId(node.id), span);
        }
        let serving: Vec<OrganisationName> = roster.nodes.values().map(|node| node.organisation.clone()).collect();
        serving.iter().for_each(|organisation| roster.sits(organisation));
        if let Some(publisher) = &genesis.publication.publisher {
            roster.reserved.insert(*publisher.log_key.as_bytes(), log_key(&publisher.organisation));
            roster.log_keys.push(publisher.log_key);
        }
        roster
    }

    /// A key that can sign and was never used, in whatever role.
    pub fn unused(&self, index: u64, key: &PublicKey) -> Check {
        if let Err(weak) = key.check() {
            return bad("KEY_FORM", index, "a key that one can sign with", weak);
        }
        let registered =
            self.keys.get(key.as_bytes()).map(|span| format!("a {} key of {}", span.role, span.organisation));
        match registered.or_else(|| self.reserved.get(key.as_bytes()).cloned()) {
            None => Ok(()),
            Some(earlier) => bad("KEY_ONCE", index, "an unused key", format!("{key}, {earlier}")),
        }
    }

    /// A key that authors something.
    pub fn register(
        &mut self,
        index: u64,
        key: PublicKey,
        role: Role,
        organisation: &OrganisationName,
        node: Option<NodeId>,
    ) -> Check {
        self.unused(index, &key)?;
        let span = KeySpan { role, organisation: organisation.clone(), node, since: Some(index), until: None };
        self.keys.insert(*key.as_bytes(), span);
        Ok(())
    }

    /// The log key of a publisher.
    pub fn publishes(&mut self, index: u64, key: PublicKey, organisation: &OrganisationName) -> Check {
        self.unused(index, &key)?;
        self.reserved.insert(*key.as_bytes(), log_key(organisation));
        self.log_keys.push(key);
        Ok(())
    }

    fn end(&mut self, key: &PublicKey, index: u64) {
        if let Some(span) = self.keys.get_mut(key.as_bytes()) {
            span.until.get_or_insert(index);
        }
    }

    /// The organisation that holds a quorum of the nodes in service alone.
    pub fn majority(&self) -> Option<Majority> {
        let seats = self.seats.iter().map(|(organisation, held)| (organisation, *held));
        majority_of_seats(seats, self.members)
    }

    /// Number of nodes in service.
    pub fn serving(&self) -> usize {
        self.seats.values().sum()
    }

    /// A node of an organisation comes into service.
    fn sits(&mut self, organisation: &OrganisationName) {
        match self.seats.get_mut(organisation) {
            Some(held) => *held += 1,
            None => {
                self.seats.insert(organisation.clone(), 1);
            }
        }
    }

    /// A node of an organisation goes out of service.
    fn stands_up(&mut self, organisation: &OrganisationName) {
        if let Some(held) = self.seats.get_mut(organisation) {
            *held = held.saturating_sub(1);
            if *held == 0 {
                self.seats.remove(organisation);
            }
        }
    }

    /// A node in service is put out of it.
    pub fn quarantine(&mut self, index: u64, id: NodeId, organisation: &OrganisationName) -> Check {
        let own = |node: &&mut NodeSpan| node.in_service() && node.organisation == *organisation;
        let Some(node) = self.nodes.get_mut(&id).filter(own) else {
            return bad("NODE_ID", index, format!("a node in service of {organisation}"), id.0);
        };
        node.quarantined = Some(index);
        self.stands_up(organisation);
        Ok(())
    }

    /// A chip in service.
    pub fn chip(&self, index: u64, chip: &Digest) -> Result<&ChipSpan, BadCheck> {
        match self.chips.get(chip).filter(|span| span.retired.is_none()) {
            Some(span) => Ok(span),
            None => bad("CHIP_IN_SERVICE", index, "a chip in service", chip),
        }
    }

    /// A node joins those of its organisation.
    pub fn enrol_node(
        &mut self,
        index: u64,
        id: NodeId,
        organisation: &OrganisationName,
        key: PublicKey,
        cosigner: PublicKey,
    ) -> Check {
        if id.0 == 0 || self.nodes.contains_key(&id) {
            return bad("NODE_ID", index, "an unused node id, from 1", id.0);
        }
        self.register(index, key, Role::Node, organisation, Some(id))?;
        self.unused(index, &cosigner)?;
        self.reserved.insert(*cosigner.as_bytes(), format!("the cosigner key of node {id}"));
        let (retired, quarantined) = (None, None);
        let span =
            NodeSpan { organisation: organisation.clone(), key, cosigner, since: Some(index), retired, quarantined };
        self.nodes.insert(id, span);
        self.sits(organisation);
        match self.majority() {
            Some(majority) if majority.organisation == *organisation => unbalanced(index, &majority),
            _ => Ok(()),
        }
    }

    /// A node leaves, quarantined or not.
    pub fn retire_node(&mut self, index: u64, id: NodeId, organisation: &OrganisationName) -> Check {
        let before = self.majority();
        let own = |node: &&mut NodeSpan| node.retired.is_none() && node.organisation == *organisation;
        let Some(node) = self.nodes.get_mut(&id).filter(own) else {
            return bad("NODE_ID", index, format!("a node of {organisation} that was not retired"), id.0);
        };
        let (served, key) = (node.in_service(), node.key);
        node.retired = Some(index);
        if served {
            self.stands_up(organisation);
        }
        self.end(&key, index);
        self.kept(index, before)
    }

    /// Refuses a quorum that an organisation did not hold before.
    fn kept(&self, index: u64, before: Option<Majority>) -> Check {
        let before = before.map(|majority| majority.organisation);
        match self.majority() {
            Some(majority) if before.as_ref() != Some(&majority.organisation) => unbalanced(index, &majority),
            _ => Ok(()),
        }
    }

    /// A chip joins.
    pub fn enrol_chip(&mut self, index: u64, organisation: &OrganisationName, key: PublicKey) -> Check {
        self.register(index, key, Role::Chip, organisation, None)?;
        let span = ChipSpan { organisation: organisation.clone(), key, since: index, retired: None };
        self.chips.insert(key.id(), span);
        Ok(())
    }

    /// A chip leaves for good.
    pub fn retire_chip(&mut self, index: u64, organisation: &OrganisationName, chip: &Digest) -> Check {
        let span = self.chip(index, chip)?;
        equal("ENTRY_SUBJECT", index, &&span.organisation, &organisation)?;
        let key = span.key;
        self.end(&key, index);
        if let Some(span) = self.chips.get_mut(chip) {
            span.retired = Some(index);
        }
        Ok(())
    }

    /// A key of an organisation is replaced.
    pub fn rotate(
        &mut self,
        index: u64,
        name: &OrganisationName,
        kind: OrganisationKey,
        old: PublicKey,
        new: PublicKey,
    ) -> Check {
        let Some(member) = self.organisations.get_mut(name) else {
            return bad("GOVERNANCE_MEMBER", index, "a member", name);
        };
        let (slot, role) = match kind {
            OrganisationKey::Root => (&mut member.root_key, Role::Root),
            OrganisationKey::Operator => (&mut member.operator_key, Role::Operator),
        };
        let before = std::mem::replace(slot, new);
        equal("KEY_IN_FORCE", index, &before, &old)?;
        self.end(&old, index);
        self.register(index, new, role, name, None)
    }

    /// An organisation joins.
    pub fn add(&mut self, index: u64, name: &OrganisationName, root_key: PublicKey, operator_key: PublicKey) -> Check {
        if self.organisations.contains_key(name) {
            return bad("ORGANISATION_NAME", index, "an unused name", name);
        }
        self.register(index, root_key, Role::Root, name, None)?;
        self.register(index, operator_key, Role::Operator, name, None)?;
        let member = MemberKeys { root_key, operator_key, since: Some(index), removed: None };
        self.organisations.insert(name.clone(), member);
        self.members += 1;
        Ok(())
    }

    /// An organisation leaves, with its nodes, chips and keys.
    pub fn remove(&mut self, index: u64, name: &OrganisationName, nodes: &[NodeId], keys_ended: U64) -> Check {
        let before = self.majority();
        let Some(member) = self.organisations.get_mut(name).filter(|member| member.removed.is_none()) else {
            return bad("GOVERNANCE_MEMBER", index, "a member", name);
        };
        member.removed = Some(index);
        self.members = self.members.saturating_sub(1);
        self.seats.remove(name);
        let mut retired = Vec::new();
        for (id, node) in self.nodes.iter_mut().filter(|(_, node)| node.organisation == *name) {
            if node.retired.is_none() {
                node.retired = Some(index);
                retired.push(*id);
            }
        }
        for chip in self.chips.values_mut().filter(|chip| chip.organisation == *name) {
            chip.retired.get_or_insert(index);
        }
        let mut ended = 0;
        for span in self.keys.values_mut().filter(|span| span.organisation == *name && span.until.is_none()) {
            span.until = Some(index);
            ended += 1;
        }
        equal("ORGANISATION_NODES", index, &retired, &nodes.to_vec())?;
        equal("ORGANISATION_KEYS", index, &U64(ended), &keys_ended)?;
        self.kept(index, before)
    }
}

fn log_key(organisation: &OrganisationName) -> String {
    format!("the log key of {organisation}")
}

fn unbalanced(index: u64, majority: &Majority) -> Check {
    let expected =
        format!("no organisation with more than {} of {} nodes in service", majority.total / 2, majority.total);
    bad("NODE_BALANCE", index, expected, format!("{} of {}", majority.held, majority.organisation))
}
