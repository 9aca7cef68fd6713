//! Commands about runs, of an organisation's operator key.

use crate::digest::Digest;
use crate::record::run::Output;
use crate::record::words::ExecutionStatus;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Operator: declare a run before it executes, and attest its identity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclareRun {
    /// The declaration.
    pub declaration: Value,
    /// External reference that the organisation ties to the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
}

/// Operator: report an execution of a declared run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportOutcome {
    /// Identity.
    pub run_id: Digest,
    /// Unique within the run.
    pub execution_id: String,
    /// How it ended.
    pub status: ExecutionStatus,
    /// Digests of the outputs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<Output>,
    /// Execution that this one reproduces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reproduction_of: Option<String>,
}
