//! An identity statement, and the proof that a quorum of organisations makes it.
//!
//! ```text
//! {"checkpoints":{"evidence":note,"reasoning":note},"head":note,"identity":"selfsame/identity-proof/v2","statement":{…}}
//! ```

use super::error::{BundleError, bad, undecided};
use super::header;
use super::trust::{Checkpoints, Reader, Signed, Voucher, by_genesis, by_known};
use crate::canon::{self, Limits};
use crate::genesis::GenesisDocument;
use crate::ledger::{Ledger, PerLedger};
use crate::note::Checkpoint;
use crate::p104::IdentityStatement;
use crate::policy::Unsatisfied;
use crate::subject::Subject;
use crate::subject_head::SubjectHead;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The type string of an identity proof.
pub const IDENTITY_PROOF_TYPE: &str = "selfsame/identity-proof/v2";

/// A statement with what vouches for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityProof {
    /// Signed checkpoints: the trees in which the statement holds.
    pub checkpoints: Checkpoints,
    /// Signed note: the subject's entries in these trees, with time and hash of the statement.
    pub head: String,
    /// [`IDENTITY_PROOF_TYPE`].
    pub identity: String,
    /// The statement.
    pub statement: IdentityStatement,
}

/// What a verified identity proof says.
#[derive(Clone, Debug, Serialize)]
pub struct Stated {
    /// The statement.
    pub statement: IdentityStatement,
    /// Prefix of the origins of both logs.
    pub origin: String,
    /// Size of the Evidence tree.
    pub evidence_size: u64,
    /// Size of the Reasoning tree.
    pub reasoning_size: u64,
    /// Who stands behind it.
    pub vouched_by: Voucher,
    /// Names of those whom the reader knows and who signed.
    pub signers: Vec<String>,
}

impl IdentityProof {
    /// Reads a document that is an identity proof. White space and the order of members are free, spellings are not.
    pub fn read(document: Value) -> Result<IdentityProof, BundleError> {
        match document.get("identity").and_then(Value::as_str) {
            Some(IDENTITY_PROOF_TYPE) => {}
            Some(other) if other.starts_with("selfsame/identity-proof/v") => {
                return undecided("UNSUPPORTED_VERSION", IDENTITY_PROOF_TYPE, super::error::cut(other));
            }
            _ => return bad("STATEMENT_FORM", IDENTITY_PROOF_TYPE, "another type, or none"),
        }
        let bytes = canon::to_canonical(&document);
        canon::decode_exact(&bytes, &Limits::DOCUMENT)
            .or_else(|error| bad("STATEMENT_FORM", "the members of an identity proof", error))
    }

    /// Verifies it for a reader. `genesis` is the document that the reader brings, where it brings one: an identity proof
    /// has no history of keys, so that a digest alone names nobody.
    pub fn verify(&self, reader: &Reader<'_>, genesis: Option<&GenesisDocument>) -> Result<Stated, BundleError> {
        verify_statement(&self.statement)?;
        let mut signers = Vec::new();
        let mut notes = Vec::new();
        let mut open = |ledger: Ledger, text: &str| -> Result<Checkpoint, BundleError> {
            let Signed { note, content, signers: more } = reader.checkpoint(text)?;
            if !content.origin.ends_with(&format!("/{ledger}")) {
                return bad("CHECKPOINT_ORIGIN", format!("…/{ledger}"), &content.origin);
            }
            signers.extend(more);
            notes.push(note);
            Ok(content)
        };
        let evidence = open(Ledger::Evidence, &self.checkpoints.evidence)?;
        let reasoning = open(Ledger::Reasoning, &self.checkpoints.reasoning)?;
        let origin = evidence.origin.strip_suffix("/evidence").unwrap_or_default().to_string();
        if reasoning.origin != format!("{origin}/{}", Ledger::Reasoning) {
            return bad("CHECKPOINT_ORIGIN", format!("{origin}/{}", Ledger::Reasoning), &reasoning.origin);
        }
        let (head, head_note) = header::head(&self.head)?;
        reader.means(&head.genesis)?;
        let subject = Subject::Substrate(self.statement.substrate_id.clone());
        let trees = PerLedger { evidence, reasoning };
        header::agrees(&head, &origin, &head.genesis, &subject, &trees)?;
        states(&head, &self.statement)?;
        let head_checks = ["STATEMENT_KEY", "HEAD_SIGNATURE"];
        let more = match reader.voucher() {
            Voucher::Policy => match reader.policy.map(|policy| policy.cosigned(&head_note)) {
                Some(Ok(cosigners)) => cosigners.into_iter().map(|cosigner| cosigner.key).collect(),
                Some(Err(Unsatisfied::Signature(error))) => {
                    return bad("HEAD_SIGNATURE", "a signature that verifies", error);
                }
                Some(Err(unmet)) => return undecided("STATEMENT_KEY", "a head that the policy accepts", unmet),
                None => return undecided("STATEMENT_KEY", "a policy", "none"),
            },
            Voucher::Genesis => {
                for note in &notes {
                    signers.extend(by_genesis(note, genesis, ["CHECKPOINT_QUORUM", "CHECKPOINT_SIGNATURE"])?);
                }
                by_genesis(&head_note, genesis, head_checks)?
            }
            Voucher::Keys => by_known(&head_note, reader.keys, head_checks)?,
            Voucher::Nobody => Vec::new(),
        };
        reader.named()?;
        signers.extend(more);
        signers.sort();
        signers.dedup();
        let (evidence_size, reasoning_size) = (trees.evidence.size, trees.reasoning.size);
        let statement = self.statement.clone();
        Ok(Stated { statement, origin, evidence_size, reasoning_size, vouched_by: reader.voucher(), signers })
    }
}

/// The head is of exactly this statement, and counts as it does.
fn states(head: &SubjectHead, statement: &IdentityStatement) -> Result<(), BundleError> {
    let shown = |time: &dyn std::fmt::Display, hash: &dyn std::fmt::Display| format!("{hash} at {time}");
    let found = head.statement.map_or_else(|| "none".to_string(), |(time, hash)| shown(&time, &hash));
    for (check, expected, found) in [
        ("HEAD_STATEMENT", shown(&statement.statement_timestamp, &statement.statement_hash), found),
        ("HEAD_EVIDENCE_ENTRIES", statement.evidence_ledger_depth.to_string(), head.trees.evidence.entries.to_string()),
        (
            "HEAD_REASONING_ENTRIES",
            statement.reasoning_ledger_depth.to_string(),
            head.trees.reasoning.entries.to_string(),
        ),
    ] {
        if expected != found {
            return bad(check, expected, found);
        }
    }
    Ok(())
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
