//! What a verified bundle says.

use super::error::BundleError;
use super::trust::Voucher;
use crate::digest::Digest;
use crate::names::{OrganisationName, SubstrateId};
use crate::p104::Outcome;
use crate::replay::History;
use crate::replay::run::{Attested, RunHistory};
use crate::run::ElementDigests;
use crate::subject::Subject;
use crate::time::Timestamp;
use serde::Serialize;

/// Whether somebody whom the reader named says that the file has every entry of its subject in the trees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// A quorum of organisations does.
    Known {
        /// Names of its keys.
        by: Vec<String>,
    },
    /// Nobody does, or too few: entries may have been cut off at the end.
    Unknown {
        /// What is missing.
        why: String,
    },
}

impl End {
    pub(super) fn unknown(error: &BundleError) -> End {
        End::Unknown { why: format!("expected {}, found {}", error.expected, error.found) }
    }

    /// Whether the end is vouched for.
    pub const fn is_known(&self) -> bool {
        matches!(self, End::Known { .. })
    }
}

/// What was checked, and what follows.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// `substrate:<UUID>` or `run:<digest>`.
    pub subject: Subject,
    /// Cluster.
    pub cluster: String,
    /// Digest of its genesis.
    pub genesis: Digest,
    /// Whether the reader named that genesis.
    pub genesis_from_reader: bool,
    /// Who stands behind all of this.
    pub vouched_by: Voucher,
    /// Whether these are all entries of the subject in the trees.
    pub later_entries: End,
    /// Entries of the subject, re-hashed and proven included.
    pub entries: u64,
    /// Entries of governance, re-hashed, proven included and recomputed.
    pub governance_entries: u64,
    /// Submissions whose signatures were verified, under keys that had the right.
    pub submissions: u64,
    /// Hash of what was in force in the cluster at the end.
    pub cluster_constitution_hash: Digest,
    /// Size of the Evidence tree.
    pub evidence_size: u64,
    /// Size of the Reasoning tree.
    pub reasoning_size: u64,
    /// Names of those whom the reader knows and who signed the checkpoints.
    pub signers: Vec<String>,
    /// What is said of the subject.
    #[serde(flatten)]
    pub found: Found,
}

/// What a history comes to.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Found {
    /// Of a substrate.
    Substrate(SubstrateFound),
    /// Of a run.
    Run(RunFound),
}

/// What the history of a substrate comes to.
#[derive(Clone, Debug, Serialize)]
pub struct SubstrateFound {
    /// UUID.
    pub substrate_id: SubstrateId,
    /// The organisation that gave birth to it.
    pub organisation: OrganisationName,
    /// The chip that holds it.
    pub chip: Option<Digest>,
    /// Its epoch: one more with each migration.
    pub epoch: u64,
    /// Time of the last entry: the file knows of nothing later.
    pub last_entry: Timestamp,
    /// Cycles since the birth.
    pub lineage_depth: u64,
    /// Outcome of the last verification.
    pub status: Outcome,
    /// Latest cycle identity hash.
    pub head: Digest,
    /// Every identity hash from birth to head.
    pub identity_chain: Vec<Digest>,
}

impl SubstrateFound {
    pub(super) fn of(history: &History) -> SubstrateFound {
        SubstrateFound {
            substrate_id: history.birth.substrate_id.clone(),
            organisation: history.birth.organisation.clone(),
            chip: history.constitution.chip,
            epoch: history.epoch.0,
            last_entry: history.time,
            lineage_depth: history.lineage_depth,
            status: history.status,
            head: history.head,
            identity_chain: history.identity_chain.clone(),
        }
    }
}

/// What the history of a run comes to.
#[derive(Clone, Debug, Serialize)]
pub struct RunFound {
    /// The run, recomputed from its declaration.
    pub run_id: Digest,
    /// Digests of its elements, recomputed.
    pub elements: ElementDigests,
    /// When it was declared.
    pub declared: Timestamp,
    /// Who attests the run.
    pub attestations: Vec<Attested>,
    /// Executions reported.
    pub executions: u64,
    /// Disagreements recorded.
    pub disagreements: u64,
}

impl RunFound {
    pub(super) fn of(run_id: Digest, history: RunHistory) -> RunFound {
        let RunHistory { elements, declared, attestations, executions, disagreements, .. } = history;
        RunFound { run_id, elements, declared, attestations, executions, disagreements }
    }
}
