//! Identity statements, with their proof or alone.

use super::Options;
use super::bundles::{logs_signed, vouched};
use super::report::{Checked, Failure, Level, Verified, altered, undecided};
use selfsame_protocol::bundle::{self, IdentityProof};
use selfsame_protocol::canon::{self, Limits};
use selfsame_protocol::ledger::PerLedger;
use selfsame_protocol::p104::IdentityStatement;
use serde_json::{Value, json};

/// An identity statement with its proof. One that stands alone, or with a proof of an earlier version, names nobody.
pub fn statement(bytes: &[u8], options: &Options) -> Result<Verified, Failure> {
    let document = canon::parse(bytes, &Limits::DOCUMENT)
        .map_err(|error| altered("STATEMENT_FORM", None, "a statement, with its proof or alone", error))?;
    if document.get("statement").is_some() && document.get("proof").is_some() {
        let found = "the form of version 1: statement and proof";
        return Err(undecided("UNSUPPORTED_VERSION", bundle::IDENTITY_PROOF_TYPE, found));
    }
    if document.get("identity").is_none() {
        return alone(document, options);
    }
    let proof = IdentityProof::read(document)?;
    let stated = proof.verify(&options.reader(), options.genesis_document.as_ref())?;
    logs_signed(&PerLedger::from_fn(|ledger| format!("{}/{ledger}", stated.origin)), &stated.signers, options)?;
    Ok(Verified {
        file_kind: "statement",
        checked: Checked {
            structure: Level::held("the members of a statement, and its hash"),
            chain: Level::not("a statement has no entries: the substrate's bundle has them"),
            tree: Level::held(format!(
                "the statement's depths are those in the trees of {} and {} entries",
                stated.evidence_size, stated.reasoning_size
            )),
            cosignatures: vouched(stated.vouched_by, &stated.signers),
            attestation: Level::not("a statement has none"),
        },
        end: None,
        detail: json!({
            "substrate_id": stated.statement.substrate_id, "statement_hash": stated.statement.statement_hash,
            "status": stated.statement.identity_continuity_status, "statement": stated.statement,
            "signers": stated.signers, "vouched_by": stated.vouched_by,
        }),
    })
}

/// A statement without a proof: nobody signed it, so that nobody can vouch for it.
fn alone(document: Value, options: &Options) -> Result<Verified, Failure> {
    let bytes = canon::to_canonical(&document);
    let statement: IdentityStatement = canon::decode_exact(&bytes, &Limits::DOCUMENT)
        .map_err(|error| altered("STATEMENT_FORM", None, "the members of a statement", error))?;
    bundle::verify_statement(&statement)?;
    if !options.consistency_only {
        let expected = "the statement with its proof, as `substrate statement` gives it";
        return Err(undecided("STATEMENT_KEY", expected, "a statement alone, which nobody signed"));
    }
    Ok(Verified {
        file_kind: "statement",
        checked: Checked {
            structure: Level::held("the members of a statement, and its hash"),
            chain: Level::not("a statement has no entries: the substrate's bundle has them"),
            tree: Level::not("a statement alone has no trees"),
            cosignatures: Level::not("nobody signed it"),
            attestation: Level::not("a statement has none"),
        },
        end: None,
        detail: json!({
            "substrate_id": statement.substrate_id, "statement_hash": statement.statement_hash,
            "status": statement.identity_continuity_status, "statement": statement,
        }),
    })
}
