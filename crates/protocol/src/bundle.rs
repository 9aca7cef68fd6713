//! A substrate's whole history in one file, for verification with the cluster gone.
//!
//! JSON lines, each canonical:
//! ```text
//! {"bundle":"selfsame/substrate-bundle/v1","checkpoints":{"evidence":note,"reasoning":note},"cluster":…,
//!  "keys":[vkey,…],"statement":{…},"statement_signatures":[{"key":…,"name":…,"signature":hex},…],"substrate_id":…}
//! {"leaf":"<canonical entry>","ledger":"evidence","proof":["sha256:…",…]}      every Evidence entry, in order
//! {"leaf":"<canonical entry>","ledger":"reasoning","proof":[…]}                every Reasoning entry, in order
//! ```
//! [`verify`] reads line by line: its memory does not grow with the number of entries.

use crate::canon::{self, Limits};
use crate::digest::Digest;
use crate::entry::{Entry, Ledger};
use crate::merkle::verify_inclusion;
use crate::note::{Checkpoint, Note, Vkey};
use crate::p104::{IdentityStatement, Outcome, StatementSignature};
use crate::replay::{History, Replay};
use serde::{Deserialize, Serialize};

/// The type string of a bundle.
pub const BUNDLE_TYPE: &str = "selfsame/substrate-bundle/v1";

/// The checkpoints that the proofs lead to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoints {
    /// Signed note of the Evidence ledger.
    pub evidence: String,
    /// Signed note of the Reasoning ledger.
    pub reasoning: String,
}

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// [`BUNDLE_TYPE`].
    pub bundle: String,
    /// Cluster.
    pub cluster: String,
    /// UUID.
    pub substrate_id: String,
    /// Verifier keys of the nodes, as the issuer names them: trusted only when the reader brings none of its own.
    pub keys: Vec<String>,
    /// Signed checkpoints.
    pub checkpoints: Checkpoints,
    /// Identity statement of the same moment.
    pub statement: IdentityStatement,
    /// Signatures under the statement, at least one.
    pub statement_signatures: Vec<StatementSignature>,
}

/// Every further line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Which ledger.
    pub ledger: Ledger,
    /// Canonical JSON of the entry.
    pub leaf: String,
    /// Inclusion proof, sibling of the leaf first.
    pub proof: Vec<Digest>,
}

/// What was checked.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The substrate.
    pub substrate_id: String,
    /// Entries re-hashed and proven included.
    pub entries: u64,
    /// Cycles.
    pub lineage_depth: u64,
    /// Status in the statement.
    pub status: Outcome,
    /// Hash of the latest cycle.
    pub head: Digest,
    /// Names whose checkpoint signatures verified.
    pub signers: Vec<String>,
    /// Whether the keys came from the reader (`true`) or from the bundle itself.
    pub keys_from_reader: bool,
    /// Every identity hash from birth to head.
    pub identity_chain: Vec<Digest>,
}

/// The first failing check of a bundle or statement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize)]
#[error("{check}{}: expected {expected}, found {found}", place(.ledger, .index))]
pub struct BundleError {
    /// Stable name of the check.
    pub check: String,
    /// Ledger of the entry, when one is named.
    pub ledger: Option<Ledger>,
    /// Ledger index of the entry.
    pub index: Option<u64>,
    /// Expected value.
    pub expected: String,
    /// Found value.
    pub found: String,
    /// `true` when the bytes were altered; `false` when nothing can be decided (no key, another format).
    pub tampered: bool,
}

fn place(ledger: &Option<Ledger>, index: &Option<u64>) -> String {
    match (ledger, index) {
        (Some(ledger), Some(index)) => format!(" at {ledger} entry {index}"),
        _ => String::new(),
    }
}

fn bad<T>(check: &str, expected: impl ToString, found: impl ToString) -> Result<T, BundleError> {
    Err(BundleError {
        check: check.into(),
        ledger: None,
        index: None,
        expected: expected.to_string(),
        found: found.to_string(),
        tampered: true,
    })
}

/// Checks a statement by itself: its hash, and the members that must agree.
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

/// Names of the trusted keys that signed a statement. Every signature must verify, and one must be trusted: without it
/// nothing can be decided about who says so.
pub fn statement_signers(
    statement: &IdentityStatement,
    signatures: &[StatementSignature],
    trusted: &[Vkey],
) -> Result<Vec<String>, BundleError> {
    let mut names = Vec::new();
    for signature in signatures {
        if !signature.verifies(statement) {
            return bad(
                "STATEMENT_SIGNATURE",
                format!("a signature of {} under this statement", signature.key),
                "none",
            );
        }
        if trusted.iter().any(|known| known.key == signature.key && known.name == signature.name) {
            names.push(signature.name.clone());
        }
    }
    if names.is_empty() {
        return Err(BundleError {
            check: "STATEMENT_KEY".into(),
            ledger: None,
            index: None,
            expected: "a signature of a key that the reader knows".into(),
            found: match signatures {
                [] => "no signature".into(),
                _ => signatures.iter().map(|signature| signature.name.clone()).collect::<Vec<_>>().join(", "),
            },
            tampered: false,
        });
    }
    Ok(names)
}

fn line<T: serde::de::DeserializeOwned + Serialize>(text: &str, number: u64) -> Result<T, BundleError> {
    canon::decode_exact(text.as_bytes(), &Limits::DOCUMENT)
        .or_else(|error| bad("BUNDLE_LINE", format!("line {number} in canonical form with its members"), error))
}

/// The signed checkpoint of one ledger, under keys that are known.
fn checkpoint(text: &str, keys: &[Vkey]) -> Result<(Checkpoint, Vec<String>), BundleError> {
    let note = Note::parse(text.as_bytes()).or_else(|error| bad("CHECKPOINT_FORM", "a signed note", error))?;
    let known = note.signatures.iter().any(|s| keys.iter().any(|k| k.name == s.name && k.id() == s.id));
    if !known {
        let mut error = BundleError {
            check: "CHECKPOINT_KEY".into(),
            ledger: None,
            index: None,
            expected: "a signature of a key that the reader knows".into(),
            found: "none".into(),
            tampered: false,
        };
        error.found = note.signatures.iter().map(|s| s.name.clone()).collect::<Vec<_>>().join(", ");
        return Err(error);
    }
    let verified =
        note.verify(keys).or_else(|error| bad("CHECKPOINT_SIGNATURE", "a signature that verifies", error))?;
    let checkpoint =
        Checkpoint::parse(&note.text).or_else(|error| bad("CHECKPOINT_FORM", "origin, size and root", error))?;
    Ok((checkpoint, verified.into_iter().map(|v| v.name).collect()))
}

/// Verifies a bundle: every entry re-hashed, its inclusion proven, the identity chain recomputed from the birth, the
/// statement compared with the result. With `keys` empty the keys of the bundle are used, which shows integrity but not
/// who vouches for it. `progress` is called with the number of entries done.
pub fn verify<'a>(
    mut lines: impl Iterator<Item = &'a str>,
    keys: &[Vkey],
    mut progress: impl FnMut(u64),
) -> Result<(Report, History), BundleError> {
    let Some(first) = lines.next() else { return bad("BUNDLE_LINE", "a header", "an empty file") };
    let header: Header = line(first, 1)?;
    if header.bundle != BUNDLE_TYPE {
        return bad("BUNDLE_TYPE", BUNDLE_TYPE, header.bundle);
    }
    let own: Result<Vec<Vkey>, _> = header.keys.iter().map(|k| Vkey::parse(k)).collect();
    let own = own.or_else(|error| bad("BUNDLE_KEYS", "verifier keys", error))?;
    let trusted = if keys.is_empty() { &own[..] } else { keys };
    let (evidence, mut signers) = checkpoint(&header.checkpoints.evidence, trusted)?;
    let (reasoning, more) = checkpoint(&header.checkpoints.reasoning, trusted)?;
    signers.extend(more);
    signers.sort();
    signers.dedup();
    for (ledger, checkpoint) in [(Ledger::Evidence, &evidence), (Ledger::Reasoning, &reasoning)] {
        if !checkpoint.origin.ends_with(&format!("/{ledger}")) {
            return bad("CHECKPOINT_ORIGIN", format!("…/{ledger}"), &checkpoint.origin);
        }
    }
    let heads = [evidence, reasoning];
    let mut replay = Replay::new(&header.cluster, &header.substrate_id);
    let mut last = Ledger::Evidence;
    for (number, text) in (2..).zip(lines) {
        let Line { ledger, leaf, proof } = line(text, number)?;
        if ledger < last {
            return bad("BUNDLE_ORDER", "Evidence entries before Reasoning entries", format!("line {number}"));
        }
        last = ledger;
        let hash = replay.leaf(ledger, leaf.as_bytes()).map_err(from_replay)?;
        let index = Entry::from_leaf(leaf.as_bytes()).map_or(0, |entry| entry.index.0);
        let head = &heads[ledger.slot()];
        verify_inclusion(&hash, index, head.size, &proof, &head.root).map_err(|failure| BundleError {
            check: format!("INCLUSION_{}", failure.check),
            ledger: Some(ledger),
            index: Some(index),
            expected: failure.expected,
            found: failure.found,
            tampered: true,
        })?;
        progress(number - 1);
    }
    let entries = replay.checked();
    let history = replay.finish().map_err(from_replay)?;
    let statement = &header.statement;
    verify_statement(statement)?;
    signers.extend(statement_signers(statement, &header.statement_signatures, trusted)?);
    signers.sort();
    signers.dedup();
    let close = history.last_close.as_ref().map(|c| c.cross_session_identity_continuity_hash);
    let show = |digest: &Option<Digest>| digest.map_or_else(|| "none".to_string(), |d| d.to_string());
    for (check, expected, found) in [
        ("STATEMENT_SUBSTRATE", header.substrate_id.clone(), statement.substrate_id.clone()),
        (
            "STATEMENT_FOUNDING_TENSION",
            history.birth.founding_tension_hash.to_string(),
            statement.founding_tension_hash.to_string(),
        ),
        (
            "STATEMENT_IDENTITY",
            history.birth.substrate_identity_hash.to_string(),
            statement.substrate_identity_hash.to_string(),
        ),
        ("STATEMENT_LINEAGE_DEPTH", history.lineage_depth.to_string(), statement.identity_lineage_depth.to_string()),
        ("STATEMENT_HEAD", history.head.to_string(), statement.latest_cycle_identity_hash.to_string()),
        ("STATEMENT_CONTINUITY", show(&close), show(&statement.cross_session_continuity_hash)),
        (
            "STATEMENT_CONSTITUTION",
            history.constitution.hash().to_string(),
            statement.constitutional_state_hash.to_string(),
        ),
        ("STATEMENT_ATTESTATION", show(&history.chip_attestation), show(&statement.governance_chip_attestation_hash)),
        ("STATEMENT_STATUS", history.status.to_string(), statement.identity_continuity_status.to_string()),
        ("STATEMENT_EVIDENCE_DEPTH", history.depths[0].to_string(), statement.evidence_ledger_depth.to_string()),
        ("STATEMENT_REASONING_DEPTH", history.depths[1].to_string(), statement.reasoning_ledger_depth.to_string()),
    ] {
        if expected != found {
            return bad(check, expected, found);
        }
    }
    let report = Report {
        substrate_id: header.substrate_id,
        entries,
        lineage_depth: history.lineage_depth,
        status: statement.identity_continuity_status,
        head: history.head,
        signers,
        keys_from_reader: !keys.is_empty(),
        identity_chain: history.identity_chain.clone(),
    };
    Ok((report, history))
}

fn from_replay(bad: crate::replay::BadCheck) -> BundleError {
    BundleError {
        check: bad.check.into(),
        ledger: Some(bad.ledger),
        index: Some(bad.index),
        expected: bad.expected,
        found: bad.found,
        tampered: true,
    }
}

/// Whether a later history is the entity that a baseline statement described: its birth is the same and the baseline's
/// head stands in the identity chain at the baseline's depth (P104 `[0043]`).
pub fn same_entity(baseline: &IdentityStatement, later: &History) -> Result<(), BundleError> {
    verify_statement(baseline)?;
    let birth = &later.birth;
    if baseline.substrate_identity_hash != birth.substrate_identity_hash {
        return bad("OTHER_LINEAGE", baseline.substrate_identity_hash, birth.substrate_identity_hash);
    }
    let depth = usize::try_from(baseline.identity_lineage_depth).unwrap_or(usize::MAX);
    match later.identity_chain.get(depth) {
        Some(hash) if *hash == baseline.latest_cycle_identity_hash => Ok(()),
        Some(hash) => bad("FORK", format!("{} at depth {depth}", baseline.latest_cycle_identity_hash), hash),
        None => bad("ROLLED_BACK", format!("a chain of depth {depth} or more"), later.lineage_depth),
    }
}
