//! Evidence that somebody signed two states of one log that exclude each other: one file, verified offline by anyone.
//!
//! ```text
//! {"equivocation":"selfsame/equivocation/v1","kind":…,"note_a":note,"note_b":note,"origin":…,"proof":["sha256:…",…]}
//!
//! same_size      sizes equal, roots different; no proof
//! inconsistent   a is smaller than b; the proof leads to b's root and to another root than a's at a's size
//! double_epoch   two entries under the two notes name different holders of one substrate and epoch; no proof, and
//!                "holders":[{"index":…,"leaf":…,"proof":[…]},{…}], the first under note_a, the second under note_b;
//!                or, without holders, two holder statuses that do
//! ```
//! Guilty is every key that signed both notes. The file accuses nobody else: a note of somebody else beside it shows only
//! that one of two parties is wrong.

use crate::bundle::{BundleError, bad};
use crate::canon::{self, Limits};
use crate::digest::Digest;
use crate::entry::Entry;
use crate::holder::HolderStatus;
use crate::merkle::{self, ProofError, TileId, consistency_proof, leaf_hash, root_at, verify_inclusion};
use crate::note::{Checkpoint, Note, Vkey};
use crate::number::Epoch;
use crate::record::Record;
use crate::subject::Subject;
use crate::time::U64;
use crate::version;
use serde::{Deserialize, Serialize};

/// The type string of an evidence file.
pub const EQUIVOCATION_TYPE: &str = "selfsame/equivocation/v1";
/// Bounds of an evidence file: two notes, two leaves and their proofs fit many times.
pub const EVIDENCE: Limits = Limits { max_bytes: 4 << 20, max_depth: 8, wide: false };
/// Hashes of the longest path between two 64-bit sizes, with its first.
const MAX_PROOF: usize = 64;

crate::named! {
    /// Which promise was broken.
    pub enum Kind: "a kind of evidence" {
        /// One size, two roots.
        SameSize = "same_size",
        /// The larger tree does not contain the smaller.
        Inconsistent = "inconsistent",
        /// Two holders of one substrate in one epoch.
        DoubleEpoch = "double_epoch",
    }
}

/// An entry that names a holder, with its place under a note.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HolderEntry {
    /// Position in the ledger.
    pub index: U64,
    /// Canonical JSON of the entry.
    pub leaf: String,
    /// Inclusion proof, sibling of the leaf first.
    pub proof: Vec<Digest>,
}

/// The file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// [`EQUIVOCATION_TYPE`].
    pub equivocation: String,
    /// For [`Kind::DoubleEpoch`] under checkpoints exactly two, otherwise none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holders: Vec<HolderEntry>,
    /// Which promise.
    pub kind: Kind,
    /// The smaller note, or at equal sizes the one whose text sorts first.
    pub note_a: String,
    /// The other note.
    pub note_b: String,
    /// The log.
    pub origin: String,
    /// For [`Kind::Inconsistent`] the path of [`merkle::roots`], its first hash in front; empty otherwise.
    pub proof: Vec<Digest>,
}

/// A key that signed both notes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Guilty {
    /// Key name.
    pub name: String,
    /// The verifier key.
    pub key: String,
    /// When it cosigned each note, seconds since 1970; `None` where the signature carries no time.
    pub times: [Option<u64>; 2],
}

/// What an evidence file shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The log.
    pub origin: String,
    /// Which promise was broken.
    pub kind: Kind,
    /// What note_a says.
    pub a: String,
    /// What note_b says.
    pub b: String,
    /// Every trusted key that is valid on both notes; never empty.
    pub guilty: Vec<Guilty>,
}

fn read_note(text: &str, which: &str) -> Result<(Note, Checkpoint), BundleError> {
    let read = Note::parse(text.as_bytes()).and_then(|note| Ok((Checkpoint::parse(&note.text)?, note)));
    match read {
        Ok((checkpoint, note)) => Ok((note, checkpoint)),
        Err(error) => bad("EVIDENCE_NOTE", format!("{which}: a signed checkpoint"), error),
    }
}

/// The path that shows what the tree of `new` entries had at size `old`: for [`Evidence::inconsistent`]. The tiles are
/// those of the larger tree. `old` is 1 or more and below `new`.
pub fn path<E>(
    old: u64,
    new: u64,
    read: &mut dyn FnMut(TileId) -> Result<Option<Vec<u8>>, E>,
) -> Result<Vec<Digest>, ProofError<E>> {
    let mut path = consistency_proof(old, new, read)?;
    // A consistency proof leaves the first hash out where the verifier knows it; here that is the hash in dispute.
    if old.is_power_of_two() {
        path.insert(0, root_at(old, read)?);
    }
    Ok(path)
}

/// Substrate, epoch and chip that an entry makes the holder.
fn holder(entry: &Entry) -> Option<(&Subject, Epoch, Digest)> {
    let (epoch, chip) = match &entry.record {
        Record::SubstrateIdentity(birth) => (Epoch::first(birth.constitution.recovery_count.0), birth.chip.id()),
        Record::MigrationIdentityAttestation { epoch, destination, .. } => (*epoch, *destination),
        Record::MigrationAbort { epoch, chip, .. } => (*epoch, *chip),
        _ => return None,
    };
    Some((&entry.subject, epoch, chip))
}

impl Evidence {
    fn new(kind: Kind, origin: &str, a: &Note, b: &Note) -> Self {
        Self {
            equivocation: EQUIVOCATION_TYPE.into(),
            holders: Vec::new(),
            kind,
            note_a: a.to_text(),
            note_b: b.to_text(),
            origin: origin.into(),
            proof: Vec::new(),
        }
    }

    /// Evidence from two notes of equal size and different roots, in either order. The same two notes give the same file.
    pub fn same_size(a: &Note, b: &Note) -> Result<Self, BundleError> {
        let (a, b) = if a.text <= b.text { (a, b) } else { (b, a) };
        let origin = Checkpoint::parse(&a.text).or_else(|error| bad("EVIDENCE_NOTE", "a checkpoint", error))?.origin;
        Self::new(Kind::SameSize, &origin, a, b).checked()
    }

    /// Evidence from a smaller and a larger note, and the [`path`] between them in the larger tree.
    pub fn inconsistent(smaller: &Note, larger: &Note, path: Vec<Digest>) -> Result<Self, BundleError> {
        let checkpoint =
            Checkpoint::parse(&larger.text).or_else(|error| bad("EVIDENCE_NOTE", "a checkpoint", error))?;
        Self { proof: path, ..Self::new(Kind::Inconsistent, &checkpoint.origin, smaller, larger) }.checked()
    }

    /// Evidence from two entries, each with its place under a note. The notes may be one and the same.
    pub fn double_epoch(first: (&Note, HolderEntry), second: (&Note, HolderEntry)) -> Result<Self, BundleError> {
        let checkpoint =
            Checkpoint::parse(&first.0.text).or_else(|error| bad("EVIDENCE_NOTE", "a checkpoint", error))?;
        let base = Self::new(Kind::DoubleEpoch, &checkpoint.origin, first.0, second.0);
        Self { holders: vec![first.1, second.1], ..base }.checked()
    }

    /// Evidence from two holder statuses, in either order.
    pub fn double_status(a: &Note, b: &Note) -> Result<Self, BundleError> {
        let (a, b) = if a.text <= b.text { (a, b) } else { (b, a) };
        let origin = a.text.split('\n').next().unwrap_or_default();
        Self::new(Kind::DoubleEpoch, origin, a, b).checked()
    }

    fn checked(self) -> Result<Self, BundleError> {
        self.conflict()?;
        Ok(self)
    }

    /// The canonical bytes, without a line feed at the end.
    pub fn to_bytes(&self) -> Vec<u8> {
        canon::to_canonical_of(self)
    }

    /// Reads the canonical bytes; a line feed at the end is allowed, as text files have one. What the file claims is not
    /// checked yet.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BundleError> {
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let evidence: Self = canon::decode_exact(bytes, &EVIDENCE)
            .or_else(|error| bad("EVIDENCE_FORM", "canonical JSON with the members of an evidence file", error))?;
        if version::is_other(EQUIVOCATION_TYPE, &evidence.equivocation) {
            return bad("UNSUPPORTED_VERSION", EQUIVOCATION_TYPE, &evidence.equivocation)
                .map_err(|error| BundleError { tampered: false, ..error });
        }
        if evidence.equivocation != EQUIVOCATION_TYPE {
            return bad("EVIDENCE_TYPE", EQUIVOCATION_TYPE, &evidence.equivocation);
        }
        Ok(evidence)
    }

    /// Checks that the two notes exclude each other, whoever signed them.
    pub fn conflict(&self) -> Result<[Note; 2], BundleError> {
        if self.kind == Kind::DoubleEpoch && self.holders.is_empty() {
            return self.two_statuses();
        }
        let a = read_note(&self.note_a, "note_a")?;
        let b = read_note(&self.note_b, "note_b")?;
        for (_, checkpoint) in [&a, &b] {
            if checkpoint.origin != self.origin {
                return bad("EVIDENCE_ORIGIN", &self.origin, &checkpoint.origin);
            }
        }
        let holders = if self.kind == Kind::DoubleEpoch { 2 } else { 0 };
        if self.holders.len() != holders {
            return bad("EVIDENCE_HOLDERS", format!("{holders} entries"), format!("{} entries", self.holders.len()));
        }
        if self.kind != Kind::Inconsistent && !self.proof.is_empty() {
            return bad("EVIDENCE_PROOF", "no hashes", format!("{} hashes", self.proof.len()));
        }
        match self.kind {
            Kind::SameSize => same_size(&a.1, &b.1, &a.0.text, &b.0.text)?,
            Kind::Inconsistent => inconsistent(&a.1, &b.1, &self.proof)?,
            Kind::DoubleEpoch => self.two_holders(&a.1, &b.1)?,
        }
        Ok([a.0, b.0])
    }

    fn two_statuses(&self) -> Result<[Note; 2], BundleError> {
        let read = |text: &str, which: &str| {
            let read = Note::parse(text.as_bytes()).and_then(|note| Ok((HolderStatus::parse(&note.text)?, note)));
            read.or_else(|error| bad("EVIDENCE_NOTE", format!("{which}: a holder status, or two holders"), error))
        };
        let ((one, a), (two, b)) = (read(&self.note_a, "note_a")?, read(&self.note_b, "note_b")?);
        for status in [&one, &two] {
            let origin = format!("{}/holder", status.origin);
            if origin != self.origin {
                return bad("EVIDENCE_ORIGIN", &self.origin, origin);
            }
        }
        if !self.proof.is_empty() {
            return bad("EVIDENCE_PROOF", "no hashes", format!("{} hashes", self.proof.len()));
        }
        if a.text > b.text {
            return bad("EVIDENCE_ORDER", "the text that sorts first as note_a", "the other");
        }
        let place = |status: &HolderStatus| format!("{} at epoch {}", status.substrate_id, status.epoch);
        if place(&one) != place(&two) {
            return bad("EVIDENCE_EPOCH", place(&one), place(&two));
        }
        if one.chip == two.chip {
            return bad("EVIDENCE_NO_CONFLICT", "two different holders", one.chip);
        }
        Ok([a, b])
    }

    fn two_holders(&self, a: &Checkpoint, b: &Checkpoint) -> Result<(), BundleError> {
        let mut found = Vec::new();
        for (holder_entry, checkpoint) in self.holders.iter().zip([a, b]) {
            let leaf = holder_entry.leaf.as_bytes();
            let entry = Entry::from_leaf(leaf).or_else(|error| bad("EVIDENCE_ENTRY", "a ledger entry", error))?;
            if entry.index != holder_entry.index || !self.origin.ends_with(&format!("/{}", entry.ledger)) {
                let stands = format!("entry {} of {}", holder_entry.index, self.origin);
                return bad("EVIDENCE_ENTRY", stands, format!("entry {} of {}", entry.index, entry.ledger));
            }
            let (index, proof) = (holder_entry.index.0, &holder_entry.proof);
            verify_inclusion(&leaf_hash(leaf), index, checkpoint.size, proof, &checkpoint.root)
                .or_else(|failure| bad(&format!("INCLUSION_{}", failure.check), failure.expected, failure.found))?;
            let Some((subject, epoch, chip)) = holder(&entry) else {
                return bad("EVIDENCE_ENTRY", "a birth, an arrival or an abort of a migration", "another record");
            };
            found.push((subject.clone(), epoch, chip));
        }
        if let [(subject, epoch, chip), (other_subject, other_epoch, other_chip)] = &found[..] {
            if (subject, epoch) != (other_subject, other_epoch) {
                let other = format!("{other_subject} at epoch {other_epoch}");
                return bad("EVIDENCE_EPOCH", format!("{subject} at epoch {epoch}"), other);
            }
            if chip == other_chip {
                return bad("EVIDENCE_NO_CONFLICT", "two different holders", chip);
            }
        }
        Ok(())
    }

    /// Checks the evidence and names the guilty among the trusted keys. Where no trusted key is valid on both notes,
    /// nothing can be decided.
    pub fn verify(&self, trusted: &[Vkey]) -> Result<Verdict, BundleError> {
        let [a, b] = self.conflict()?;
        let mut guilty: Vec<Guilty> = Vec::new();
        for key in trusted {
            if let (Some(first), Some(second)) = (time_of(key, &a, "note_a")?, time_of(key, &b, "note_b")?) {
                let one = Guilty { name: key.name.clone(), key: key.to_text(), times: [first, second] };
                if !guilty.contains(&one) {
                    guilty.push(one);
                }
            }
        }
        if guilty.is_empty() {
            let names = |note: &Note| note.signatures.iter().map(|s| s.name.as_str()).collect::<Vec<_>>().join(", ");
            return Err(BundleError {
                check: "EVIDENCE_KEY".into(),
                ledger: None,
                index: None,
                expected: "a key that the reader knows, valid on both notes".into(),
                found: format!("note_a signed by {}; note_b by {}", names(&a), names(&b)),
                tampered: false,
            });
        }
        Ok(Verdict { origin: self.origin.clone(), kind: self.kind, a: a.text, b: b.text, guilty })
    }
}

fn same_size(a: &Checkpoint, b: &Checkpoint, text_a: &str, text_b: &str) -> Result<(), BundleError> {
    if a.size != b.size {
        return bad("EVIDENCE_SIZES", format!("two notes of size {}", a.size), b.size);
    }
    // One pair of notes has one file.
    if text_a > text_b {
        return bad("EVIDENCE_ORDER", "the text that sorts first as note_a", "the other");
    }
    if a.root == b.root {
        return bad("EVIDENCE_NO_CONFLICT", "two different roots", a.root);
    }
    Ok(())
}

fn inconsistent(a: &Checkpoint, b: &Checkpoint, proof: &[Digest]) -> Result<(), BundleError> {
    if a.size >= b.size {
        return bad("EVIDENCE_SIZES", format!("a note_a smaller than {}", b.size), a.size);
    }
    let old = if a.size == 0 {
        if !proof.is_empty() {
            return bad("EVIDENCE_PROOF", "no hashes", format!("{} hashes", proof.len()));
        }
        merkle::empty_root()
    } else {
        let Some((first, rest)) = proof.split_first().filter(|_| proof.len() <= MAX_PROOF) else {
            return bad("EVIDENCE_PROOF", format!("1 to {MAX_PROOF} hashes"), format!("{} hashes", proof.len()));
        };
        let (old, new) = merkle::roots(a.size, b.size, first, rest)
            .or_else(|failure| bad(&format!("EVIDENCE_{}", failure.check), failure.expected, failure.found))?;
        if new != b.root {
            return bad("EVIDENCE_ROOT", b.root, new);
        }
        old
    };
    if old == a.root {
        return bad("EVIDENCE_NO_CONFLICT", format!("another root than {old} at size {}", a.size), a.root);
    }
    Ok(())
}

/// The time of a key's signature under a note (`None` inside for a signature without one), or `None` when the key did
/// not sign it. A signature of this key that does not verify shows that the file was altered.
fn time_of(key: &Vkey, note: &Note, which: &str) -> Result<Option<Option<u64>>, BundleError> {
    if !note.signatures.iter().any(|s| s.name == key.name && s.id == key.id()) {
        return Ok(None);
    }
    match note.verify(std::slice::from_ref(key)) {
        Ok(verified) => Ok(verified.first().map(|v| v.time)),
        Err(error) => bad("EVIDENCE_SIGNATURE", format!("{which}: a signature of {} that verifies", key.name), error),
    }
}

#[cfg(test)]
mod tests;
