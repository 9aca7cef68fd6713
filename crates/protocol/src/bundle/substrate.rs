//! A substrate's whole history.
//!
//! ```text
//! {"bundle":"selfsame/substrate-bundle/v1","checkpoints":{"evidence":note,"reasoning":note},"cluster":…,
//!  "keys":[vkey,…],"statement":{…},"statement_signatures":[{"key":…,"name":…,"signature":hex},…],"substrate_id":…}
//! {"leaf":"<canonical entry>","ledger":"evidence","proof":["sha256:…",…]}      every Evidence entry, in order
//! {"leaf":"<canonical entry>","ledger":"reasoning","proof":[…]}                every Reasoning entry, in order
//! ```
//! Memory does not grow with the number of entries, but by one digest for each cycle.

use super::error::{BundleError, bad, from_replay};
use super::line::{EntryLine, Prepared, prepare};
use super::statement::{statement_signers, verify_statement};
use super::trust::{Checkpoints, Heads, Trust};
use super::{Kind, read};
use crate::digest::Digest;
use crate::entry::Ledger;
use crate::note::{Checkpoint, Vkey};
use crate::p104::{IdentityStatement, Outcome, StatementSignature};
use crate::replay::{History, Replay};
use serde::{Deserialize, Serialize};

/// The type string of a bundle.
pub const BUNDLE_TYPE: &str = "selfsame/substrate-bundle/v1";

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

/// A verification under way.
#[derive(Debug)]
pub struct Verifier {
    header: Header,
    heads: Heads,
    replay: Replay,
    last: Ledger,
}

impl Verifier {
    /// Reads the first line and verifies its checkpoints.
    pub fn new(first: &str, trust: Trust<'_>) -> Result<Self, BundleError> {
        Kind::Substrate.require(first)?;
        let header: Header = read(first, 1)?;
        let heads = Heads::read(&header.checkpoints, &header.keys, trust)?;
        let replay = Replay::new(&header.cluster, &header.substrate_id);
        Ok(Self { header, heads, replay, last: Ledger::Evidence })
    }

    /// The checkpoints, Evidence first, for [`prepare`].
    pub fn heads(&self) -> &[Checkpoint; 2] {
        &self.heads.checkpoints
    }

    /// Applies the next line, in the order of the file.
    pub fn apply(&mut self, prepared: Prepared) -> Result<(), BundleError> {
        let (number, EntryLine { ledger, entry, hash, included }) = prepared.entry()?;
        if ledger < self.last {
            let found = format!("line {number}");
            return bad("BUNDLE_ORDER", "Evidence entries before Reasoning entries", found);
        }
        self.last = ledger;
        self.replay.decoded(ledger, entry, hash).map_err(from_replay)?;
        included
    }

    /// Checks what only the whole file shows.
    pub fn finish(self) -> Result<(Report, History), BundleError> {
        let Self { mut heads, header, replay, .. } = self;
        let entries = replay.checked();
        let history = replay.finish().map_err(from_replay)?;
        let statement = &header.statement;
        verify_statement(statement)?;
        heads.sign(statement_signers(statement, &header.statement_signatures, &heads.statement_keys)?);
        compare(&header, &history)?;
        let report = Report {
            entries,
            lineage_depth: history.lineage_depth,
            status: statement.identity_continuity_status,
            head: history.head,
            signers: heads.signers,
            keys_from_reader: heads.from_reader[0],
            statement_keys_from_reader: heads.from_reader[1],
            identity_chain: history.identity_chain.clone(),
            substrate_id: header.substrate_id,
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
