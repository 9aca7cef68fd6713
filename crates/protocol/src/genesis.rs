//! The genesis of a cluster as a document: what all nodes agreed on before the first entry, and what a reader of the
//! ledgers starts from. It holds no addresses, and everything that follows from it is recomputed from the ledgers.

use crate::code::{Code, Refusal};
use crate::command::{ItemLimits, is_name};
use crate::constitution::{ClusterConstitution, MAX_ORGANISATIONS, Publisher, Share};
use crate::digest::Digest;
use crate::entry::Ledger;
use crate::keys::PublicKey;
use crate::quorum::smallest_threshold;
use crate::replay::governance::Governance;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

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
    pub name: String,
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
    pub organisation: String,
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

    /// What a reader of the Reasoning ledger starts from to verify the cluster's governance.
    pub fn audit(&self) -> Governance {
        let founders = self.organisations.iter();
        let founders: Vec<_> =
            founders.map(|founder| (founder.name.clone(), founder.root_key, founder.operator_key)).collect();
        let nodes: Vec<_> = self.nodes.iter().map(|node| (node.id, node.organisation.clone(), node.key)).collect();
        Governance::new(&self.cluster, self.constitution(), &founders, &nodes)
    }

    /// Checks what every node must be able to rely on. Names the rule and the values.
    pub fn check(&self) -> Result<(), Refusal> {
        let bad = |rule: &str, expected: &str, found: String| Err(Refusal::new(Code::Malformed, rule, expected, found));
        if !is_name(&self.cluster) {
            return bad("cluster", "1 to 128 of A-Z a-z 0-9 . _ : / -", self.cluster.clone());
        }
        if !is_name(&self.origin) || self.origin.ends_with('/') || self.origin.contains(':') {
            return bad("origin", "a schemeless URL without trailing slash", self.origin.clone());
        }
        if self.organisations.len() > MAX_ORGANISATIONS {
            let expected = format!("at most {MAX_ORGANISATIONS}");
            return bad("founding organisations", &expected, self.organisations.len().to_string());
        }
        let mut names = BTreeSet::new();
        let mut keys = BTreeSet::new();
        for organisation in &self.organisations {
            if !is_name(&organisation.name) || !names.insert(organisation.name.as_str()) {
                return bad("organisation names", "different names", organisation.name.clone());
            }
            for key in [organisation.root_key, organisation.operator_key] {
                if !keys.insert(key) {
                    return bad("keys", "one use of each key", key.to_string());
                }
            }
        }
        let mut ids = BTreeSet::new();
        for node in &self.nodes {
            if node.id == 0 || !ids.insert(node.id) {
                return bad("node ids", "different ids from 1", node.id.to_string());
            }
            if !names.contains(node.organisation.as_str()) {
                return bad("organisation of a node", "a founding organisation", node.organisation.clone());
            }
            for key in [node.key, node.cosigner] {
                if !keys.insert(key) {
                    return bad("keys", "one use of each key", key.to_string());
                }
            }
        }
        if let Some(publisher) = &self.publication.publisher {
            if !names.contains(publisher.organisation.as_str()) {
                return bad("publisher", "a founding organisation", publisher.organisation.clone());
            }
            if !keys.insert(publisher.log_key) {
                return bad("keys", "one use of each key", publisher.log_key.to_string());
            }
        }
        if let Some(threshold) = self.publication.threshold
            && self.publication.threshold(names.len()) as u64 != threshold
        {
            let least = smallest_threshold(names.len());
            let expected = format!("{least} to {} of {} organisations", names.len(), names.len());
            return bad("publication threshold", &expected, threshold.to_string());
        }
        if self.nodes.is_empty() {
            return bad("nodes", "at least one founding node", "none".into());
        }
        // With several organisations none may hold a quorum of the voters alone.
        if self.organisations.len() > 1 {
            let quorum = self.nodes.len() / 2 + 1;
            for organisation in &self.organisations {
                let own = self.nodes.iter().filter(|n| n.organisation == organisation.name).count();
                if own >= quorum {
                    let refusal = Refusal::new(
                        Code::OrganisationQuorum,
                        "voters of one organisation",
                        format!("fewer than {quorum}"),
                        format!("{own} of {}", organisation.name),
                    );
                    return Err(refusal);
                }
            }
        }
        Ok(())
    }
}
