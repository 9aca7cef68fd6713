//! What a node signs about a file as a whole.

use super::error::{BundleError, bad, undecided};
use crate::canon;
use crate::digest::Digest;
use crate::note::Vkey;
use crate::p104::{IdentityStatement, StatementSignature};
use crate::record::EvidenceAnchor;
use crate::time::U64;
use serde::{Deserialize, Serialize};

/// Prefix of the bytes that a node signs under a run statement, before the line feed.
pub const TAG_RUN_STATEMENT: &str = "selfsame/run-statement/v1";

/// How many entries of a run, and of governance, stand in the trees of two checkpoints. Inclusion proofs and chains show
/// that none of them is missing in between; that the last ones are there is what this adds. It holds no time: the same
/// trees give the same statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunStatement {
    /// `run_statement`.
    pub record_type: String,
    /// Digest of the cluster's genesis.
    pub genesis: Digest,
    /// The run.
    pub run_id: Digest,
    /// The Evidence tree.
    pub evidence: EvidenceAnchor,
    /// The Reasoning tree.
    pub reasoning: EvidenceAnchor,
    /// Entries of the run in the Evidence tree.
    pub entries: U64,
    /// Hash of the last of them.
    pub head: Digest,
    /// Entries of the subjects `cluster` and `organisation:…` in the Reasoning tree.
    pub governance: U64,
}

impl RunStatement {
    /// What a node signs: `"selfsame/run-statement/v1\n" ‖ JCS(statement)`.
    pub fn signed_bytes(&self) -> Vec<u8> {
        [TAG_RUN_STATEMENT.as_bytes(), b"\n", &canon::to_canonical_of(self)].concat()
    }
}

/// Checks an identity statement by itself: its hash, and the members that must agree.
pub fn verify_statement(statement: &IdentityStatement) -> Result<(), BundleError> {
    if statement.record_type != "identity_statement" {
        return bad("RECORD_TYPE", "identity_statement", &statement.record_type);
    }
    let expected = statement.expected_hash();
    if expected != statement.statement_hash {
        return bad("STATEMENT_HASH", expected, statement.statement_hash);
    }
    Ok(())
}

/// Names of the trusted keys that signed an identity statement, as [`signers`] has it.
pub fn statement_signers(
    statement: &IdentityStatement,
    signatures: &[StatementSignature],
    trusted: &[Vkey],
) -> Result<Vec<String>, BundleError> {
    signers(&statement.signed_bytes(), signatures, trusted)
}

/// Names of the trusted keys that signed the bytes of a statement. Every signature must verify, and one must be trusted:
/// without it nothing can be decided about who says so.
pub(super) fn signers(
    bytes: &[u8],
    signatures: &[StatementSignature],
    trusted: &[Vkey],
) -> Result<Vec<String>, BundleError> {
    let mut names = Vec::new();
    for signature in signatures {
        if !signature.signs(bytes) {
            let expected = format!("a signature of {} under this statement", signature.key);
            return bad("STATEMENT_SIGNATURE", expected, "none");
        }
        if trusted.iter().any(|known| known.key == signature.key && known.name == signature.name) {
            names.push(signature.name.clone());
        }
    }
    if names.is_empty() {
        let found = match signatures {
            [] => "no signature".into(),
            _ => signatures.iter().map(|signature| signature.name.clone()).collect::<Vec<_>>().join(", "),
        };
        return undecided("STATEMENT_KEY", "a signature of a key that the reader knows", found);
    }
    Ok(names)
}
