//! A substrate's whole history in one file, for verification with the cluster gone.
//!
//! JSON lines, each canonical:
//! ```text
//! {"bundle":"selfsame/substrate-bundle/v1","checkpoints":{"evidence":note,"reasoning":note},"cluster":…,
//!  "keys":[vkey,…],"statement":{…},"statement_signatures":[{"key":…,"name":…,"signature":hex},…],"substrate_id":…}
//! {"leaf":"<canonical entry>","ledger":"evidence","proof":["sha256:…",…]}      every Evidence entry, in order
//! {"leaf":"<canonical entry>","ledger":"reasoning","proof":[…]}                every Reasoning entry, in order
//! ```
//! [`verify`] reads line by line: its memory does not grow with the number of entries. [`Verifier`] is the same in steps,
//! of which [`prepare`], the costly one, needs no order and can be done for many lines at once.

use crate::canon::{self, CanonError, Limits};
use crate::digest::Digest;
use crate::entry::{Entry, Ledger};
use crate::merkle::{ProofFailure, verify_inclusion};
use crate::note::{Checkpoint, Note, Vkey};
use crate::p104::{IdentityStatement, Outcome, StatementSignature};
use crate::policy::Policy;
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

/// Whom the reader believes.
#[derive(Clone, Copy, Debug)]
pub enum Trust<'a> {
    /// The keys that the file brings: shows that nothing was altered since, but not who vouches for it. Every line of a
    /// note must be by one of them.
    File,
    /// These keys: one of them must have signed.
    Keys(&'a [Vkey]),
    /// This policy for checkpoints. Statements are signed by keys of nodes, which a policy does not name: those of the
    /// list count, or, when it is empty, those that the file brings.
    Policy(&'a Policy, &'a [Vkey]),
}

impl<'a> Trust<'a> {
    /// The keys when there are any, else those of the file.
    pub const fn of(keys: &'a [Vkey]) -> Trust<'a> {
        if keys.is_empty() { Trust::File } else { Trust::Keys(keys) }
    }
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
    /// Whether the keys of the checkpoints came from the reader (`true`) or from the bundle itself.
    pub keys_from_reader: bool,
    /// The same for the signatures under the statement.
    pub statement_keys_from_reader: bool,
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

/// Nothing can be decided.
fn undecided<T>(check: &str, expected: impl ToString, found: impl ToString) -> Result<T, BundleError> {
    bad(check, expected, found).map_err(|error| BundleError { tampered: false, ..error })
}

/// A signed checkpoint under what the reader trusts, `own` being the keys that the file brings; with the names whose
/// signatures verified.
pub fn checkpoint(text: &str, trust: Trust<'_>, own: &[Vkey]) -> Result<(Checkpoint, Vec<String>), BundleError> {
    let note = Note::parse(text.as_bytes()).or_else(|error| bad("CHECKPOINT_FORM", "a signed note", error))?;
    let keys = match trust {
        Trust::File => own,
        Trust::Keys(keys) => keys,
        Trust::Policy(policy, _) => {
            let accepted = policy.evaluate(&note).map_err(|unsatisfied| unsatisfied_by(&unsatisfied))?;
            let mut names: Vec<String> = accepted.cosigners.into_iter().map(|cosigner| cosigner.key).collect();
            if accepted.log_signed {
                names.push(accepted.checkpoint.origin.clone());
            }
            return Ok((accepted.checkpoint, names));
        }
    };
    let is_known = |s: &crate::note::NoteSignature| keys.iter().any(|key| key.is_of(s));
    let known = match trust {
        // The issuer names the keys of all lines: one that nothing vouches for would be a line that anybody may change.
        Trust::File => !note.signatures.is_empty() && note.signatures.iter().all(is_known),
        Trust::Keys(_) | Trust::Policy(..) => note.signatures.iter().any(is_known),
    };
    if !known {
        let found = note.signatures.iter().map(|s| s.name.clone()).collect::<Vec<_>>().join(", ");
        return undecided("CHECKPOINT_KEY", "a signature of a key that the reader knows", found);
    }
    let verified =
        note.verify(keys).or_else(|error| bad("CHECKPOINT_SIGNATURE", "a signature that verifies", error))?;
    let checkpoint =
        Checkpoint::parse(&note.text).or_else(|error| bad("CHECKPOINT_FORM", "origin, size and root", error))?;
    Ok((checkpoint, verified.into_iter().map(|v| v.name).collect()))
}

/// The failure of a note that does not satisfy a policy.
pub fn unsatisfied_by(unsatisfied: &crate::policy::Unsatisfied) -> BundleError {
    use crate::policy::Unsatisfied;
    let (expected, found) = match unsatisfied {
        Unsatisfied::Form(error) | Unsatisfied::Signature(error) => {
            (format!("{}: {}", error.rule, error.expected), error.found.clone())
        }
        Unsatisfied::Origin(origin) => ("a log that the policy names".to_string(), origin.clone()),
        Unsatisfied::Quorum { expected, found } => (expected.clone(), found.clone()),
    };
    BundleError {
        check: unsatisfied.check().into(),
        ledger: None,
        index: None,
        expected,
        found,
        tampered: unsatisfied.tampered(),
    }
}

/// The failure of an inclusion proof: `INCLUSION_` and the rule.
pub fn not_included(ledger: Ledger, index: u64, failure: ProofFailure) -> BundleError {
    BundleError {
        check: format!("INCLUSION_{}", failure.check),
        ledger: Some(ledger),
        index: Some(index),
        expected: failure.expected,
        found: failure.found,
        tampered: true,
    }
}

/// A line after the first, read and hashed; whatever is wrong with it is found when it is applied in its place.
#[derive(Debug)]
pub struct Prepared {
    number: u64,
    line: Result<PreparedLine, BundleError>,
}

#[derive(Debug)]
struct PreparedLine {
    ledger: Ledger,
    entry: Result<Entry, CanonError>,
    hash: Digest,
    included: Result<(), BundleError>,
}

/// Reads line `number` (from 1, the header being the first), hashes its leaf and checks its inclusion proof against the
/// checkpoint of its ledger. Pure and independent of other lines.
pub fn prepare(text: &str, number: u64, heads: &[Checkpoint; 2]) -> Prepared {
    let line = line::<Line>(text, number).map(|Line { ledger, leaf, proof }| {
        let (entry, hash) = (Entry::from_leaf(leaf.as_bytes()), Entry::hash_of(leaf.as_bytes()));
        let index = entry.as_ref().map_or(0, |entry| entry.index.0);
        let head = &heads[ledger.slot()];
        let included = verify_inclusion(&hash, index, head.size, &proof, &head.root)
            .map_err(|failure| not_included(ledger, index, failure));
        PreparedLine { ledger, entry, hash, included }
    });
    Prepared { number, line }
}

/// A verification under way.
#[derive(Debug)]
pub struct Verifier {
    header: Header,
    heads: [Checkpoint; 2],
    signers: Vec<String>,
    /// Keys whose signature under the statement counts.
    statement_keys: Vec<Vkey>,
    from_reader: [bool; 2],
    replay: Replay,
    last: Ledger,
}

impl Verifier {
    /// Reads the first line and verifies its checkpoints.
    pub fn new(first: &str, trust: Trust<'_>) -> Result<Self, BundleError> {
        let header: Header = line(first, 1)?;
        if header.bundle != BUNDLE_TYPE {
            return bad("BUNDLE_TYPE", BUNDLE_TYPE, header.bundle);
        }
        let own: Result<Vec<Vkey>, _> = header.keys.iter().map(|k| Vkey::parse(k)).collect();
        let own = own.or_else(|error| bad("BUNDLE_KEYS", "verifier keys", error))?;
        let (evidence, mut signers) = checkpoint(&header.checkpoints.evidence, trust, &own)?;
        let (reasoning, more) = checkpoint(&header.checkpoints.reasoning, trust, &own)?;
        signers.extend(more);
        for (ledger, checkpoint) in [(Ledger::Evidence, &evidence), (Ledger::Reasoning, &reasoning)] {
            if !checkpoint.origin.ends_with(&format!("/{ledger}")) {
                return bad("CHECKPOINT_ORIGIN", format!("…/{ledger}"), &checkpoint.origin);
            }
        }
        let (statement_keys, from_reader) = match trust {
            Trust::File => (own, [false, false]),
            Trust::Keys(keys) => (keys.to_vec(), [true, true]),
            Trust::Policy(_, []) => (own, [true, false]),
            Trust::Policy(_, keys) => (keys.to_vec(), [true, true]),
        };
        let replay = Replay::new(&header.cluster, &header.substrate_id);
        let heads = [evidence, reasoning];
        Ok(Self { header, heads, signers, statement_keys, from_reader, replay, last: Ledger::Evidence })
    }

    /// The checkpoints, Evidence first, for [`prepare`].
    pub fn heads(&self) -> &[Checkpoint; 2] {
        &self.heads
    }

    /// Applies the next line, in the order of the file.
    pub fn apply(&mut self, prepared: Prepared) -> Result<(), BundleError> {
        let PreparedLine { ledger, entry, hash, included } = prepared.line?;
        if ledger < self.last {
            let found = format!("line {}", prepared.number);
            return bad("BUNDLE_ORDER", "Evidence entries before Reasoning entries", found);
        }
        self.last = ledger;
        self.replay.decoded(ledger, entry, hash).map_err(from_replay)?;
        included
    }

    /// Checks what only the whole file shows.
    pub fn finish(mut self) -> Result<(Report, History), BundleError> {
        let entries = self.replay.checked();
        let history = self.replay.finish().map_err(from_replay)?;
        let statement = &self.header.statement;
        verify_statement(statement)?;
        self.signers.extend(statement_signers(statement, &self.header.statement_signatures, &self.statement_keys)?);
        self.signers.sort();
        self.signers.dedup();
        compare(&self.header, &history)?;
        let report = Report {
            substrate_id: self.header.substrate_id,
            entries,
            lineage_depth: history.lineage_depth,
            status: statement.identity_continuity_status,
            head: history.head,
            signers: self.signers,
            keys_from_reader: self.from_reader[0],
            statement_keys_from_reader: self.from_reader[1],
            identity_chain: history.identity_chain.clone(),
        };
        Ok((report, history))
    }
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
    let mut verifier = Verifier::new(first, Trust::of(keys))?;
    for (number, text) in (2..).zip(lines) {
        verifier.apply(prepare(text, number, verifier.heads()))?;
        progress(number - 1);
    }
    verifier.finish()
}

/// The statement says what the history says.
fn compare(header: &Header, history: &History) -> Result<(), BundleError> {
    let statement = &header.statement;
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
    Ok(())
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
