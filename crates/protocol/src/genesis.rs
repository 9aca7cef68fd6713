//! The genesis of a cluster as a document: what all nodes agreed on before the first entry, and what a reader of the
//! ledgers starts from. It holds no addresses, and everything that follows from it is recomputed from the ledgers.

use crate::code::{Code, Refusal};
use crate::command::ItemLimits;
use crate::constitution::{ClusterConstitution, MAX_ORGANISATIONS, Publisher, Share};
use crate::cosigning;
use crate::digest::Digest;
use crate::keys::PublicKey;
use crate::ledger::Ledger;
use crate::names::{OrganisationName, is_name};
use crate::note::{TYPE_ED25519, Vkey};
use crate::policy::{Policy, PolicyError};
use crate::quorum::smallest_threshold;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Tag of a genesis digest.
pub const TAG_GENESIS: &str = "selfsame/genesis/v1";

/// The document. Its canonical form is what the digest of a cluster's genesis is taken of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenesisDocument {
    /// Cluster id, a name; part of every signature.
    pub cluster: String,
    /// Schemeless prefix of the ledgers' origins.
    pub origin: String,
    /// Limits of submissions.
    pub limits: ItemLimits,
    /// Founding organisations.
    pub organisations: Vec<GenesisOrganisation>,
    /// Founding nodes: the first voters.
    pub nodes: Vec<GenesisNode>,
    /// How checkpoints are published at first.
    #[serde(default, skip_serializing_if = "Publication::is_default")]
    pub publication: Publication,
}

/// A founding organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenesisOrganisation {
    /// Name.
    pub name: OrganisationName,
    /// Root key: keys, nodes, chips, ballots.
    pub root_key: PublicKey,
    /// Operator key: runs, recovery.
    pub operator_key: PublicKey,
}

/// A founding node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenesisNode {
    /// Node id, from 1.
    pub id: u64,
    /// Organisation.
    pub organisation: OrganisationName,
    /// Key that signs its verdicts and checkpoints.
    pub key: PublicKey,
    /// Key that cosigns checkpoints, and does nothing else.
    pub cosigner: PublicKey,
}

/// How checkpoints are published: in the genesis how at first, later what the constitution says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publication {
    /// Organisations that have to cosign; absent: ⌊2n/3⌋+1 of them. Never fewer than more than half, so that two
    /// different roots would name a culprit, and never more than there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<u64>,
    /// Whose log key adds the line that third-party tools read; absent: no line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher: Option<Publisher>,
}

impl Publication {
    /// Whether nothing was decided otherwise.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Organisations that have to cosign, of so many.
    pub fn threshold(&self, organisations: usize) -> usize {
        let wanted = match self.threshold {
            Some(threshold) => usize::try_from(threshold).unwrap_or(usize::MAX),
            None => Share::TWO_THIRDS.needed(organisations),
        };
        wanted.max(smallest_threshold(organisations)).min(organisations.max(1))
    }
}

impl GenesisDocument {
    /// `H("selfsame/genesis/v1", JCS(genesis))`.
    pub fn digest(&self) -> Digest {
        crate::p104::tagged(TAG_GENESIS, self)
    }

    /// The name under which a node signs checkpoints: `<origin>/node/<id>`.
    pub fn node_key_name(&self, id: u64) -> String {
        format!("{}/node/{id}", self.origin)
    }

    /// The name under which a node cosigns: `<origin>/cosigner/<id>`.
    pub fn cosigner_name(&self, id: u64) -> String {
        format!("{}/cosigner/{id}", self.origin)
    }

    /// The origin of a ledger: `<origin>/<ledger>`.
    pub fn ledger_origin(&self, ledger: Ledger) -> String {
        format!("{}/{ledger}", self.origin)
    }

    /// The constitution before the first ballot: the founders under the default rules, publishing as the genesis says.
    pub fn constitution(&self) -> ClusterConstitution {
        let names = self.organisations.iter().map(|organisation| organisation.name.clone());
        let mut constitution = ClusterConstitution::founding(names, self.publication.publisher.clone());
        if self.publication.threshold.is_some() {
            let members = self.organisations.len();
            constitution.rules.cosigning = Share::asking(self.publication.threshold(members), members);
        }
        constitution
    }

    /// The policy of the founders, for notes of both ledgers: their cosigners, and as many organisations as the genesis asks
    /// for. The publisher's log keys stand in it where there is a publisher. Refused when there are no founders.
    pub fn policy(&self) -> Result<Policy, PolicyError> {
        let origins = Ledger::BOTH.map(|ledger| self.ledger_origin(ledger));
        let log = |publisher: &Publisher| {
            origins.each_ref().map(|name| Vkey { name: name.clone(), kind: TYPE_ED25519, key: publisher.log_key })
        };
        let logs = self.publication.publisher.iter().flat_map(log).collect();
        let mut organisations: BTreeMap<String, Vec<Vkey>> = BTreeMap::new();
        for node in &self.nodes {
            let vkey = cosigning::vkey(&self.cosigner_name(node.id), node.cosigner);
            organisations.entry(node.organisation.to_string()).or_default().push(vkey);
        }
        let organisations: Vec<_> = organisations.into_iter().collect();
        let policy = Policy::of_organisations(logs, &organisations, self.constitution().cosignatures())?;
        Ok(policy.with_origins(origins.to_vec()))
    }

    /// Checks what every node must be able to rely on. Says the first thing that is wrong, and both values.
    pub fn check(&self) -> Result<(), Refusal> {
        self.faults().into_iter().next().map_or(Ok(()), Err)
    }

    /// Everything that is wrong, in the order of the document. Empty when it can be relied on.
    pub fn faults(&self) -> Vec<Refusal> {
        let mut faults = Vec::new();
        let mut bad = |sentence: &str, expected: &str, found: &str| {
            faults.push(Refusal::new(Code::Malformed, sentence, expected, found));
        };
        const NAME: &str = "1 to 128 of A-Z a-z 0-9 . _ : / -";
        if !is_name(&self.cluster) {
            bad("cluster is no name", NAME, &self.cluster);
        }
        if !is_name(&self.origin) || self.origin.ends_with('/') || self.origin.contains(':') {
            let expected = "the start of a URL without scheme, port and trailing slash, like ledger.example";
            bad("origin cannot begin the names of ledgers", expected, &self.origin);
        }
        let (members, nodes) = (self.organisations.len(), self.nodes.len());
        if members == 0 {
            bad("there is no founding organisation: name at least one under [[organisations]]", "", "");
        }
        if members > MAX_ORGANISATIONS {
            let expected = format!("at most {MAX_ORGANISATIONS}");
            bad("there are too many founding organisations", &expected, &members.to_string());
        }
        if nodes == 0 {
            bad("there is no founding node: name at least one under [[nodes]]", "", "");
        }
        let mut names = BTreeSet::new();
        for GenesisOrganisation { name, .. } in &self.organisations {
            if !names.insert(name.as_str()) {
                bad("two organisations have one name: each needs its own", "", name);
            }
        }
        let mut ids = BTreeSet::new();
        for node in &self.nodes {
            if node.id == 0 {
                bad("a node has the id 0: ids start at 1", "", "");
            } else if !ids.insert(node.id) {
                bad("two nodes have one id: each needs its own", "", &node.id.to_string());
            }
            if !names.contains(node.organisation.as_str()) {
                let sentence = format!("node {} belongs to no founding organisation", node.id);
                bad(&sentence, &names.iter().copied().collect::<Vec<_>>().join(", "), &node.organisation);
            }
        }
        if let Some(publisher) = &self.publication.publisher
            && !names.contains(publisher.organisation.as_str())
        {
            let known = names.iter().copied().collect::<Vec<_>>().join(", ");
            bad("the publisher is no founding organisation", &known, &publisher.organisation);
        }
        let mut used: BTreeMap<PublicKey, String> = BTreeMap::new();
        for (owner, key) in self.keys() {
            if let Err(weak) = key.check() {
                bad(&format!("{owner} cannot sign: {weak}"), "", "");
            }
            if let Some(first) = used.get(&key) {
                bad(&format!("{owner} is also {first}: each use needs a key of its own"), "", &key.to_string());
            } else {
                used.insert(key, owner);
            }
        }
        if let Some(threshold) = self.publication.threshold
            && self.publication.threshold(members) as u64 != threshold
        {
            let expected = format!("{} to {members} of {members} organisations", smallest_threshold(members));
            bad("publication.threshold asks for too few or too many", &expected, &threshold.to_string());
        }
        // With several organisations none may hold a quorum of the voters alone.
        let quorum = nodes / 2 + 1;
        for name in names.iter().filter(|_| names.len() > 1) {
            let own = self.nodes.iter().filter(|node| node.organisation == **name).count();
            if own >= quorum {
                let sentence = format!("{name} holds a quorum of the nodes alone: give the others more nodes");
                let (expected, found) = (format!("fewer than {quorum} of {nodes}"), own.to_string());
                faults.push(Refusal::new(Code::OrganisationQuorum, &sentence, expected, found));
            }
        }
        faults
    }

    /// Every key of the document, with whose it is in words.
    pub fn keys(&self) -> Vec<(String, PublicKey)> {
        let mut keys = Vec::new();
        for GenesisOrganisation { name, root_key, operator_key } in &self.organisations {
            keys.push((format!("the root key of {name}"), *root_key));
            keys.push((format!("the operator key of {name}"), *operator_key));
        }
        for node in &self.nodes {
            keys.push((format!("the key of node {}", node.id), node.key));
            keys.push((format!("the cosigner key of node {}", node.id), node.cosigner));
        }
        if let Some(publisher) = &self.publication.publisher {
            keys.push((format!("the log key of {}", publisher.organisation), publisher.log_key));
        }
        keys
    }
}

#[cfg(test)]
mod tests;
