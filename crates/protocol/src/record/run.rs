//! What the records of a run say of organisations, executions and outputs.

use super::words::ExecutionStatus;
use crate::digest::Digest;
use crate::form;
use crate::names::OrganisationName;
use crate::time::U64;
use serde::{Deserialize, Serialize};

/// An organisation's run under a reference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrganisationRun {
    /// Who.
    pub organisation: OrganisationName,
    /// Which run.
    pub run_id: Digest,
}

/// What came of one execution. It never alters the identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunOutcome {
    /// Identity of the declared run.
    pub run_id: Digest,
    /// Caller's name of the execution, unique within the run.
    #[serde(deserialize_with = "form::name")]
    pub execution_id: String,
    /// How it ended.
    pub status: ExecutionStatus,
    /// Digests of the outputs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<Output>,
    /// Execution of the same run that this one reproduces.
    #[serde(skip_serializing_if = "Option::is_none", default, deserialize_with = "form::name")]
    pub reproduction_of: Option<String>,
    /// Organisation that reports.
    pub organisation: OrganisationName,
}

/// One output, by digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// Media type.
    pub media_type: String,
    /// Bytes.
    pub size: U64,
    /// SHA-256 of the bytes.
    pub digest: Digest,
}
