//! The consensus identity of a cluster: what every node must agree on before the first entry.

use crate::state::{
    self, META_CONSTITUTION, META_DIGEST, META_GENESIS, Organisation, Publication, RegisteredNode, Registration,
};
use crate::view::{Changes, Model, Overlay, Table};
use selfsame_protocol::code::Refusal;
use selfsame_protocol::command::{ItemLimits, Role};
use selfsame_protocol::constitution::ClusterConstitution;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::genesis::{GenesisDocument, TAG_GENESIS};
pub use selfsame_protocol::genesis::{GenesisNode, GenesisOrganisation};
use selfsame_protocol::keys::PublicKey;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::names::OrganisationName;
use selfsame_protocol::number::{LogIndex, NodeId};
use selfsame_protocol::quorum::{KnownCosigner, Quorum};
use selfsame_protocol::replay::governance::Governance;
use serde::{Deserialize, Serialize};

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
        let cosigners = self.nodes.iter().map(|node| KnownCosigner {
            organisation: node.organisation.to_string(),
            vkey: selfsame_protocol::cosigning::vkey(&self.cosigner_name(node.id), node.cosigner),
        });
        Quorum { cosigners: cosigners.collect(), threshold: self.publication.threshold(self.organisations.len()) }
    }

    /// Digest of the consensus identity; checked in every peer handshake and in the data directory's header.
    pub fn digest(&self) -> Digest {
        selfsame_protocol::p104::tagged(TAG_GENESIS, self)
    }

    /// The constitution before the first ballot: the founders under the default rules, publishing as the genesis says.
    pub fn constitution(&self) -> ClusterConstitution {
        self.document().constitution()
    }

    /// What a reader of the Reasoning ledger starts from to verify the cluster's governance.
    pub fn audit(&self) -> Governance {
        Governance::new(&self.document())
    }

    /// The same as a document, for readers without a state. It has the same canonical form, and so the same digest.
    pub fn document(&self) -> GenesisDocument {
        let Genesis { cluster, origin, limits, organisations, nodes, publication } = self.clone();
        GenesisDocument { cluster, origin, limits, organisations, nodes, publication }
    }

    /// Checks what every node must be able to rely on. Says the first thing that is wrong, and both values.
    pub fn check(&self) -> Result<(), Refusal> {
        self.document().check()
    }

    /// Everything that [`Genesis::check`] could say.
    pub fn faults(&self) -> Vec<Refusal> {
        self.document().faults()
    }

    /// Whose key this is at the beginning, in words.
    pub fn owner(&self, key: &PublicKey) -> Option<String> {
        self.document().keys().into_iter().find_map(|(owner, found)| (found == *key).then_some(owner))
    }

    /// The state before the first entry.
    pub fn changes(&self) -> Changes {
        let model = Model::default();
        let mut over = Overlay::new(&model);
        state::save(&mut over, Table::Meta, META_GENESIS, self);
        let register = |over: &mut Overlay<'_>, key: PublicKey, role, organisation: &OrganisationName, node| {
            let registration =
                Registration { role, organisation: organisation.clone(), node, since: LogIndex(0), until: None };
            state::save(over, Table::Keys, *key.as_bytes(), &registration);
        };
        for organisation in &self.organisations {
            let value = Organisation {
                name: organisation.name.clone(),
                root_key: organisation.root_key,
                operator_key: organisation.operator_key,
                removed: None,
            };
            state::save(&mut over, Table::Organisations, organisation.name.as_bytes(), &value);
            register(&mut over, organisation.root_key, Role::Root, &organisation.name, None);
            register(&mut over, organisation.operator_key, Role::Operator, &organisation.name, None);
        }
        for node in &self.nodes {
            let value = RegisteredNode {
                id: NodeId(node.id),
                organisation: node.organisation.clone(),
                key: node.key,
                cosigner: node.cosigner,
                retired: false,
                quarantined: None,
            };
            state::save(&mut over, Table::Nodes, node.id.to_be_bytes(), &value);
            register(&mut over, node.key, Role::Node, &node.organisation, Some(NodeId(node.id)));
        }
        state::save(&mut over, Table::Meta, META_CONSTITUTION, &self.constitution());
        let digest = *blake3::hash(self.digest().as_bytes()).as_bytes();
        over.put(Table::Meta, META_DIGEST, digest);
        over.into_changes()
    }
}
