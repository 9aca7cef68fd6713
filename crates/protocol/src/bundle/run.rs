//! Everything about one run: the declaration, who attests it, its executions, and who signed each of these under keys whose
//! whole history is in the file.
//!
//! ```text
//! {"bundle":"selfsame/run-bundle/v1","checkpoints":{"evidence":note,"reasoning":note},"genesis":{…},"keys":[vkey,…],
//!  "run_id":"sha256:…","statement":{…},"statement_signatures":[{"key":…,"name":…,"signature":hex},…]}
//! {"submission":{…}}                                                          the submission of the entries behind it
//! {"leaf":"<canonical entry>","ledger":"reasoning","proof":["sha256:…",…]}     every entry of governance, in order
//! {"submission":{…}}
//! {"leaf":"<canonical entry>","ledger":"evidence","proof":[…]}                 every entry of the run, in order
//! ```
//! Memory grows with the history of keys and with the names of executions and references, not with the lines.

use super::authors::{Authors, Current};
use super::error::{BundleError, bad, from_replay, undecided};
use super::line::{Content, EntryLine, Prepared};
use super::statement::{RunStatement, signers};
use super::trust::{Checkpoints, Heads, Trust};
use super::{Kind, read};
use crate::digest::Digest;
use crate::entry::Ledger;
use crate::genesis::GenesisDocument;
use crate::note::Checkpoint;
use crate::p104::StatementSignature;
use crate::record::EvidenceAnchor;
use crate::replay::governance::Governed;
use crate::replay::run::{Attested, RunReplay};
use crate::replay::show;
use crate::run::ElementDigests;
use crate::time::{Timestamp, U64};
use serde::{Deserialize, Serialize};

/// The type string of a bundle of a run.
pub const RUN_BUNDLE_TYPE: &str = "selfsame/run-bundle/v1";

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunHeader {
    /// [`RUN_BUNDLE_TYPE`].
    pub bundle: String,
    /// Signed checkpoints.
    pub checkpoints: Checkpoints,
    /// The genesis of the cluster: the keys that every other follows from.
    pub genesis: GenesisDocument,
    /// Verifier keys of nodes, cosigners and logs, as the issuer names them: trusted only when the reader brings none.
    pub keys: Vec<String>,
    /// The run.
    pub run_id: Digest,
    /// What the whole file amounts to.
    pub statement: RunStatement,
    /// Signatures under the statement, at least one.
    pub statement_signatures: Vec<StatementSignature>,
}

/// What was checked.
#[derive(Clone, Debug, Serialize)]
pub struct RunReport {
    /// The run, recomputed from its declaration.
    pub run_id: Digest,
    /// Digests of its elements, recomputed.
    pub elements: ElementDigests,
    /// When it was declared.
    pub declared: Timestamp,
    /// Cluster.
    pub cluster: String,
    /// Digest of the genesis.
    pub genesis: Digest,
    /// Whether the reader named that genesis; else it is the file's own.
    pub genesis_from_reader: bool,
    /// Entries of the run, re-hashed and proven included.
    pub entries: u64,
    /// Entries of governance, re-hashed, proven included and recomputed.
    pub governance_entries: u64,
    /// Submissions whose signatures were verified, under keys that had the right.
    pub submissions: u64,
    /// Who attests the run.
    pub attestations: Vec<Attested>,
    /// Executions reported.
    pub executions: u64,
    /// Disagreements recorded.
    pub disagreements: u64,
    /// Hash of what was in force in the cluster at the end.
    pub constitutional_state_hash: Digest,
    /// Size of the Evidence tree that all entries of the run are proven in.
    pub evidence_size: u64,
    /// Size of the Reasoning tree that all entries of governance are proven in.
    pub reasoning_size: u64,
    /// Names whose signatures verified.
    pub signers: Vec<String>,
    /// Whether the keys of the checkpoints came from the reader (`true`) or from the bundle itself.
    pub keys_from_reader: bool,
    /// The same for the signatures under the statement.
    pub statement_keys_from_reader: bool,
}

/// A verification under way.
#[derive(Debug)]
pub struct RunVerifier {
    header: RunHeader,
    heads: Heads,
    genesis: Digest,
    genesis_from_reader: bool,
    authors: Authors,
    current: Current,
    replay: RunReplay,
}

impl RunVerifier {
    /// Reads the first line, verifies its checkpoints and checks its genesis. With `known`, the digest of the genesis that
    /// the reader means, no other is accepted.
    pub fn new(first: &str, trust: Trust<'_>, known: Option<&Digest>) -> Result<Self, BundleError> {
        Kind::Run.require(first)?;
        let header: RunHeader = read(first, 1)?;
        let heads = Heads::read(&header.checkpoints, &header.keys, trust)?;
        header.genesis.check().or_else(|refusal| bad("GENESIS_FORM", "a genesis", refusal))?;
        let genesis = header.genesis.digest();
        if let Some(known) = known.filter(|known| **known != genesis) {
            return undecided("GENESIS", known, genesis);
        }
        for (ledger, head) in Ledger::BOTH.into_iter().zip(&heads.checkpoints) {
            let origin = header.genesis.ledger_origin(ledger);
            if head.origin != origin {
                return bad("CHECKPOINT_ORIGIN", origin, &head.origin);
            }
        }
        let (authors, replay) = (Authors::new(&header.genesis), RunReplay::new(header.run_id));
        let genesis_from_reader = known.is_some();
        Ok(Self { header, heads, genesis, genesis_from_reader, authors, current: Current::default(), replay })
    }

    /// The checkpoints, Evidence first, for [`super::prepare`].
    pub fn heads(&self) -> &[Checkpoint; 2] {
        &self.heads.checkpoints
    }

    /// Applies the next line, in the order of the file.
    pub fn apply(&mut self, prepared: Prepared) -> Result<(), BundleError> {
        let line = match prepared.content? {
            Content::Submission(submission) => return self.current.begin(prepared.number, submission),
            Content::Entry(line) => *line,
        };
        if line.ledger == Ledger::Reasoning {
            return self.authors.govern(line, &mut self.current);
        }
        self.authors.settle()?;
        let EntryLine { entry, hash, included, .. } = line;
        let (authors, current) = (&mut self.authors, &mut self.current);
        self.replay
            .decoded(entry, hash, |entry| {
                let (organisation, prepared) = authors.author(entry, current)?;
                Ok((organisation, &prepared.submission.command))
            })
            .map_err(from_replay)?;
        included
    }

    /// Checks what only the whole file shows.
    pub fn finish(mut self) -> Result<RunReport, BundleError> {
        self.current.end()?;
        self.authors.settle()?;
        let Self { header, mut heads, genesis, genesis_from_reader, mut authors, current, replay } = self;
        let history = replay.finish().map_err(from_replay)?;
        let statement = &header.statement;
        if statement.record_type != "run_statement" {
            return bad("RECORD_TYPE", "run_statement", &statement.record_type);
        }
        let names = signers(&statement.signed_bytes(), &header.statement_signatures, &heads.statement_keys)?;
        heads.sign(names);
        let governance = authors.entries();
        let governed = authors.settle()?;
        let constitution = governed.constitution.hash();
        for signature in &header.statement_signatures {
            of_node(signature, &header.genesis.origin, governed)?;
        }
        let anchor = |ledger: Ledger| {
            let head = &heads.checkpoints[ledger.slot()];
            shown(&EvidenceAnchor { size: U64(head.size), root: head.root })
        };
        for (check, expected, found) in [
            ("STATEMENT_RUN", header.run_id.to_string(), statement.run_id.to_string()),
            ("STATEMENT_GENESIS", genesis.to_string(), statement.genesis.to_string()),
            ("STATEMENT_EVIDENCE", anchor(Ledger::Evidence), shown(&statement.evidence)),
            ("STATEMENT_REASONING", anchor(Ledger::Reasoning), shown(&statement.reasoning)),
            ("STATEMENT_ENTRIES", history.entries.to_string(), statement.entries.to_string()),
            ("STATEMENT_HEAD", show(&history.head), statement.head.to_string()),
            ("STATEMENT_GOVERNANCE", governance.to_string(), statement.governance.to_string()),
        ] {
            if expected != found {
                return bad(check, expected, found);
            }
        }
        Ok(RunReport {
            run_id: header.run_id,
            elements: history.elements,
            declared: history.declared,
            cluster: header.genesis.cluster,
            genesis,
            genesis_from_reader,
            entries: history.entries,
            governance_entries: governance,
            submissions: current.count,
            attestations: history.attestations,
            executions: history.executions,
            disagreements: history.disagreements,
            constitutional_state_hash: constitution,
            evidence_size: heads.checkpoints[0].size,
            reasoning_size: heads.checkpoints[1].size,
            signers: heads.signers,
            keys_from_reader: heads.from_reader[0],
            statement_keys_from_reader: heads.from_reader[1],
        })
    }
}

/// Whoever signs for the whole file is a node in service at its end, under its own name: a policy names no keys of nodes,
/// but the history of keys does.
fn of_node(signature: &StatementSignature, origin: &str, governed: &Governed) -> Result<(), BundleError> {
    let span = governed.keys.get(signature.key.as_bytes()).filter(|span| span.until.is_none());
    let name = span.and_then(|span| span.node).map(|node| format!("{origin}/node/{node}"));
    match name {
        Some(name) if name == signature.name => Ok(()),
        name => {
            let expected = format!("a node in service, under its name {}", name.unwrap_or_default());
            bad("STATEMENT_NODE", expected.trim_end(), format!("{} by {}", signature.name, signature.key))
        }
    }
}

fn shown(tree: &EvidenceAnchor) -> String {
    format!("{} entries with root {}", tree.size, tree.root)
}
