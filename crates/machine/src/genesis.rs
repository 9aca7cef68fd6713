//! The consensus identity of a cluster: what every node must agree on before the first entry.

use crate::apply::{META_DIGEST, META_GENESIS, META_PUBLICATION};
use crate::state::{self, Node, Organisation, Publication, Registration};
use crate::view::{Changes, Model, Overlay, Table};
use selfsame_protocol::code::{Code, Refusal};
use selfsame_protocol::command::{ItemLimits, Role, is_name};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::Ledger;
use selfsame_protocol::keys::PublicKey;
use selfsame_protocol::quorum::{Cosigner, Quorum};
use selfsame_protocol::time::U64;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The genesis of a cluster: `cluster.toml`, equal on all nodes, without addresses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Genesis {
    /// Cluster id, a name; part of every signature and of both origins.
    pub cluster: String,
    /// Schemeless prefix of the ledgers' origins, for example `ledger.example`; the ledgers are `<origin>/evidence`
    /// and `<origin>/reasoning`.
    pub origin: String,
    /// Limits of submissions.
    #[serde(default)]
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

impl Genesis {
    /// The name under which a node signs checkpoints: `<origin>/node/<id>`.
    pub fn node_key_name(&self, id: u64) -> String {
        format!("{}/node/{id}", self.origin)
    }

    /// The name under which a node cosigns: `<origin>/cosigner/<id>`.
    pub fn cosigner_name(&self, id: u64) -> String {
        format!("{}/cosigner/{id}", self.origin)
    }

    /// The origin of a ledger, which is also the name of its log key: `<origin>/<ledger>`.
    pub fn ledger_origin(&self, ledger: Ledger) -> String {
        format!("{}/{ledger}", self.origin)
    }

    /// Whose cosignatures counted at the beginning, and how many organisations it took. Later ones are the state's.
    pub fn quorum(&self) -> Quorum {
        let cosigners = self.nodes.iter().map(|node| Cosigner {
            organisation: node.organisation.clone(),
            vkey: selfsame_protocol::cosignature::vkey(&self.cosigner_name(node.id), node.cosigner),
        });
        Quorum { cosigners: cosigners.collect(), threshold: self.publication.threshold(self.organisations.len()) }
    }

    /// Digest of the consensus identity; checked in every peer handshake and in the data directory's header.
    pub fn digest(&self) -> Digest {
        selfsame_protocol::p104::tagged("selfsame/genesis/v1", self)
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
            let least = selfsame_protocol::quorum::smallest_threshold(names.len());
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

    /// The state before the first entry.
    pub fn changes(&self) -> Changes {
        let model = Model::default();
        let mut over = Overlay::new(&model);
        state::save(&mut over, Table::Meta, META_GENESIS, self);
        state::save(&mut over, Table::Meta, META_PUBLICATION, &self.publication);
        let register = |over: &mut Overlay<'_>, key: PublicKey, role, organisation: &str, node| {
            let registration =
                Registration { role, organisation: organisation.into(), node, since: U64(0), until: None };
            state::save(over, Table::Keys, *key.as_bytes(), &registration);
        };
        for organisation in &self.organisations {
            let value = Organisation {
                name: organisation.name.clone(),
                root_key: organisation.root_key,
                operator_key: organisation.operator_key,
            };
            state::save(&mut over, Table::Organisations, organisation.name.as_bytes(), &value);
            register(&mut over, organisation.root_key, Role::Root, &organisation.name, None);
            register(&mut over, organisation.operator_key, Role::Operator, &organisation.name, None);
        }
        for node in &self.nodes {
            let value = Node {
                id: U64(node.id),
                organisation: node.organisation.clone(),
                key: node.key,
                cosigner: node.cosigner,
                retired: false,
                quarantined: None,
            };
            state::save(&mut over, Table::Nodes, node.id.to_be_bytes(), &value);
            register(&mut over, node.key, Role::Node, &node.organisation, Some(U64(node.id)));
        }
        let digest = *blake3::hash(self.digest().as_bytes()).as_bytes();
        over.put(Table::Meta, META_DIGEST, digest);
        over.into_changes()
    }
}
