//! The first line of a bundle.

use super::error::{self, BundleError, bad, undecided};
use super::trust::{Checkpoints, Reader, Signed};
use crate::canon;
use crate::digest::Digest;
use crate::genesis::GenesisDocument;
use crate::ledger::{Ledger, PerLedger};
use crate::note::{Checkpoint, Note};
use crate::subject::Subject;
use crate::subject_head::{SubjectHead, headed};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The type string of a bundle.
pub const BUNDLE_TYPE: &str = "selfsame/bundle/v2";

/// A header whose genesis is read by itself, so that what fails there is named as that.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Unread {
    bundle: String,
    checkpoints: Checkpoints,
    genesis: Value,
    head: String,
    subject: String,
}

/// How a header begins: its type stands first in the canonical form.
pub const BUNDLE_START: &str = "{\"bundle\":\"";

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// [`BUNDLE_TYPE`].
    pub bundle: String,
    /// Signed checkpoints: the trees that all entries are proven in.
    pub checkpoints: Checkpoints,
    /// The genesis of the cluster: the keys that every other follows from.
    pub genesis: GenesisDocument,
    /// Signed note: how many entries the subject and the history of keys have in these trees.
    pub head: String,
    /// A substrate or a run.
    pub subject: Subject,
}

/// Refuses a header that is of another type. The type is read before anything else: of another version nothing can be said,
/// whatever its other members are.
pub fn require_type(first: &str) -> Result<(), BundleError> {
    let named = first.strip_prefix(BUNDLE_START).and_then(|rest| rest.split_once('"'));
    match named {
        Some((BUNDLE_TYPE, _)) => Ok(()),
        Some((other, _)) if other.starts_with("selfsame/") && other.contains("bundle/v") => {
            undecided("UNSUPPORTED_VERSION", BUNDLE_TYPE, error::cut(other))
        }
        Some((other, _)) => undecided("BUNDLE_TYPE", BUNDLE_TYPE, error::cut(other)),
        None => bad("BUNDLE_LINE", "a header whose first member is its type", error::cut(first)),
    }
}

/// What a header comes to: its notes agree with each other, with the genesis and with the subject.
#[derive(Debug)]
pub(super) struct Opened {
    pub header: Header,
    /// Digest of the genesis.
    pub genesis: Digest,
    /// The trees.
    pub checkpoints: PerLedger<Checkpoint>,
    /// The notes of the checkpoints.
    pub notes: PerLedger<Note>,
    /// Names of those whom the reader knows and who signed the checkpoints.
    pub signers: Vec<String>,
    pub head: SubjectHead,
    pub head_note: Note,
}

impl Opened {
    /// Reads the first line, in the order of the page.
    pub fn new(first: &str, reader: &Reader<'_>) -> Result<Opened, BundleError> {
        require_type(first)?;
        let Unread { bundle, checkpoints, genesis, head: signed, subject } = super::read(first, 1)?;
        let Some(subject) = headed(&subject) else {
            return bad("BUNDLE_LINE", "substrate: and a UUID, or run: and a digest", error::cut(&subject));
        };
        let genesis: GenesisDocument =
            canon::decode(genesis).or_else(|error| bad("GENESIS_FORM", "a genesis in its members", error))?;
        genesis.check().or_else(|refusal| bad("GENESIS_FORM", "a genesis", refusal))?;
        let header = Header { bundle, checkpoints, genesis, head: signed, subject };
        let genesis = header.genesis.digest();
        reader.means(&genesis)?;
        let mut signers = Vec::new();
        let mut open = |ledger: Ledger, text: &str| {
            let Signed { note, content, signers: more } = reader.checkpoint(text)?;
            let origin = header.genesis.ledger_origin(ledger);
            if content.origin != origin {
                return bad("CHECKPOINT_ORIGIN", origin, &content.origin);
            }
            signers.extend(more);
            Ok((content, note))
        };
        let (evidence, evidence_note) = open(Ledger::Evidence, &header.checkpoints.evidence)?;
        let (reasoning, reasoning_note) = open(Ledger::Reasoning, &header.checkpoints.reasoning)?;
        let (head, head_note) = head(&header.head)?;
        let checkpoints = PerLedger { evidence, reasoning };
        agrees(&head, &header.genesis.origin, &genesis, &header.subject, &checkpoints)?;
        if head.statement.is_some() {
            return bad("HEAD_STATEMENT", "a head without a statement", "one with a statement");
        }
        let notes = PerLedger { evidence: evidence_note, reasoning: reasoning_note };
        Ok(Opened { header, genesis, checkpoints, notes, signers, head, head_note })
    }
}

/// A subject head and its note.
pub(super) fn head(text: &str) -> Result<(SubjectHead, Note), BundleError> {
    let note = Note::parse(text.as_bytes()).or_else(|error| bad("HEAD_FORM", "a signed note", error))?;
    let head = SubjectHead::parse(&note.text).or_else(|error| bad("HEAD_FORM", "a subject head", error))?;
    Ok((head, note))
}

/// The head is about this subject, in these trees of this cluster.
pub(super) fn agrees(
    head: &SubjectHead,
    origin: &str,
    genesis: &Digest,
    subject: &Subject,
    checkpoints: &PerLedger<Checkpoint>,
) -> Result<(), BundleError> {
    let tree = |size: u64, root: &Digest| format!("{size} entries with root {root}");
    let expected = checkpoints.each_ref().map(|checkpoint| tree(checkpoint.size, &checkpoint.root));
    let found = head.trees.each_ref().map(|extent| tree(extent.size, &extent.root));
    for (check, expected, found) in [
        ("HEAD_ORIGIN", origin.to_string(), head.origin.clone()),
        ("HEAD_GENESIS", genesis.to_string(), head.genesis.to_string()),
        ("HEAD_SUBJECT", subject.to_string(), head.subject.to_string()),
        ("HEAD_EVIDENCE", expected.evidence, found.evidence),
        ("HEAD_REASONING", expected.reasoning, found.reasoning),
    ] {
        if expected != found {
            return bad(check, expected, found);
        }
    }
    Ok(())
}
