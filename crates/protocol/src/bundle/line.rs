//! The lines behind the header: entries with their proofs, and the signed submissions that caused them.

use super::error::{BundleError, bad, not_included};
use super::read;
use crate::canon::CanonError;
use crate::code::Code;
use crate::command::ItemLimits;
use crate::digest::Digest;
use crate::entry::Entry;
use crate::envelope::{self, Envelope};
use crate::ledger::{Ledger, PerLedger};
use crate::merkle::verify_inclusion;
use crate::note::Checkpoint;
use serde::{Deserialize, Serialize};

/// An entry.
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

/// How a line of a submission begins and ends; its DSSE envelope stands between.
const SUBMISSION: (&str, &str) = ("{\"submission\":", "}");

/// The line of a signed submission, without its line feed: `{"submission":{DSSE envelope}}`. `author` is the id of the key
/// that signed it.
pub fn submission_line(envelope: &Envelope, author: Digest) -> Vec<u8> {
    [SUBMISSION.0.as_bytes(), &envelope.to_json(author), SUBMISSION.1.as_bytes()].concat()
}

/// A line after the first, read and hashed; whatever is wrong with it is found when it is applied in its place.
#[derive(Debug)]
pub struct PreparedLine {
    pub(super) number: u64,
    pub(super) content: Result<Content, BundleError>,
}

#[derive(Debug)]
pub(super) enum Content {
    Entry(Box<EntryLine>),
    /// Its signature holds under the key that it names.
    Submission(Box<envelope::Prepared>),
}

#[derive(Debug)]
pub(super) struct EntryLine {
    pub ledger: Ledger,
    pub entry: Result<Entry, CanonError>,
    pub hash: Digest,
    pub included: Result<(), BundleError>,
}

/// Reads line `number` (from 1, the header being the first). Of an entry it hashes the leaf and checks the inclusion proof
/// against the checkpoint of its ledger; of a submission it checks the signature. Pure and independent of other lines.
pub fn prepare(text: &str, number: u64, heads: &PerLedger<Checkpoint>) -> PreparedLine {
    let content = match text.strip_prefix(SUBMISSION.0).and_then(|rest| rest.strip_suffix(SUBMISSION.1)) {
        Some(envelope) => submission(envelope, number).map(|prepared| Content::Submission(Box::new(prepared))),
        None => read::<Line>(text, number).map(|line| Content::Entry(Box::new(entry(line, heads)))),
    };
    PreparedLine { number, content }
}

fn entry(line: Line, heads: &PerLedger<Checkpoint>) -> EntryLine {
    let Line { ledger, leaf, proof } = line;
    let (entry, hash) = (Entry::from_leaf(leaf.as_bytes()), Entry::hash_of(leaf.as_bytes()));
    let index = entry.as_ref().map_or(0, |entry| entry.index.0);
    let head = &heads[ledger];
    let included = verify_inclusion(&hash, index, head.size, &proof, &head.root)
        .map_err(|failure| not_included(ledger, index, failure));
    EntryLine { ledger, entry, hash, included }
}

fn submission(text: &str, number: u64) -> Result<envelope::Prepared, BundleError> {
    let envelope = Envelope::from_json(text.as_bytes())
        .or_else(|error| bad("BUNDLE_LINE", format!("line {number}: a DSSE envelope"), error))?;
    let prepared = envelope::prepare(&envelope.to_bytes(), &ItemLimits::NONE).or_else(|refusal| {
        let check = if refusal.code == Code::BadSignature { "SUBMISSION_SIGNATURE" } else { "SUBMISSION_FORM" };
        bad(check, format!("line {number}: a signed submission"), refusal)
    })?;
    // DSSE lets its key id, its layout and its members' order vary; in a bundle each submission has one spelling.
    if envelope.to_json(prepared.submission.author.key.id()) != text.as_bytes() {
        let expected = format!("line {number}: the envelope in canonical form, with the key id of its author");
        return bad("BUNDLE_LINE", expected, "another spelling");
    }
    Ok(prepared)
}
