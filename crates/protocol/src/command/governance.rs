//! Commands of an organisation's root key: its keys, nodes and chips, and ballots.

use super::proposal::{OrganisationKey, Proposal};
use crate::digest::Digest;
use crate::keys::PublicKey;
use crate::number::NodeId;
use crate::p104::Technology;
use serde::{Deserialize, Serialize};

/// Root: replace one of the own organisation's keys, effective from this entry on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RotateKey {
    /// Which key.
    pub key: OrganisationKey,
    /// Its replacement.
    pub new: PublicKey,
}

/// Root: register a node of the own organisation. Node ids are never reused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrolNode {
    /// Node id, from 1.
    pub node: NodeId,
    /// Key that signs its verdicts.
    pub key: PublicKey,
    /// Key that cosigns checkpoints, and does nothing else.
    pub cosigner: PublicKey,
}

/// Root: remove a node of the own organisation; its id is a tombstone for ever.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetireNode {
    /// Node id.
    pub node: NodeId,
}

/// Root: register a chip of the own organisation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrolChip {
    /// The chip's key.
    pub chip: PublicKey,
    /// Which technology.
    pub technology: Technology,
}

/// Root: retire a chip of the own organisation for good.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetireChip {
    /// Chip id.
    pub chip: Digest,
}

/// Root: open a ballot; the proposer approves it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Propose {
    /// Unique in the cluster.
    pub proposal_id: String,
    /// Content.
    pub proposal: Proposal,
}

/// Root: vote on a ballot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vote {
    /// Which.
    pub proposal_id: String,
    /// What it is about, see [`crate::constitution::ballot_digest`].
    pub ballot: Digest,
    /// For or against.
    pub approve: bool,
}

/// Root: close a ballot that only time kept open. It is no vote.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conclude {
    /// Which.
    pub proposal_id: String,
}
