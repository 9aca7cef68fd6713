//! The consensus identity of a cluster: what every node must agree on before the first entry.

use crate::apply::Fatal;
use crate::view::{Changes, View};
use selfsame_protocol::command::ItemLimits;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::keys::PublicKey;
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
}

impl Genesis {
    /// Digest of the consensus identity; checked in every peer handshake and in the data directory's header.
    pub fn digest(&self) -> Digest {
        selfsame_protocol::p104::tagged("selfsame/genesis/v1", self)
    }

    /// The state before the first entry.
    pub fn changes(&self, _view: &dyn View) -> Result<Changes, Fatal> {
        Ok(Changes::new())
    }
}
