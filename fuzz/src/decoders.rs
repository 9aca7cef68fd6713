use selfsame_protocol::bundle::{IdentityProof, Reader, Verifier, prepare};
use selfsame_protocol::canon::{self, Limits};
use selfsame_protocol::command::ItemLimits;
use selfsame_protocol::leaf_header;
use selfsame_protocol::entry::Entry;
use selfsame_protocol::envelope::{self, Envelope};
use selfsame_protocol::equivocation::Evidence;
use selfsame_protocol::genesis::GenesisDocument;
use selfsame_protocol::holder::HolderStatus;
use selfsame_protocol::import::{ImportOptions, import};
use selfsame_protocol::merkle::Frontier;
use selfsame_protocol::merkle::layout::{TilePath, entries};
use selfsame_protocol::note::{Checkpoint, Note, Vkey};
use selfsame_protocol::checkpoint_pair::Pair;
use selfsame_protocol::policy::Policy;
use selfsame_protocol::run::Declaration;
use selfsame_protocol::subject_head::SubjectHead;
use selfsame_protocol::tlog_proof::TlogProof;
use selfsame_protocol::witness::AddCheckpoint;

/// A decoder and its name, which is that of its fuzz target.
pub type Decoder = (&'static str, fn(&[u8]));

/// All of them.
pub const DECODERS: &[Decoder] = &[
    ("canonical_json", canonical_json),
    ("canonical_writer", canonical_writer),
    ("note", note),
    ("vkey", vkey),
    ("receipt", receipt),
    ("pair", pair),
    ("policy", policy),
    ("bundle", bundle),
    ("identity_proof", identity_proof),
    ("subject_head", subject_head),
    ("leaf", leaf),
    ("envelope", envelope_),
    ("genesis", genesis),
    ("declaration", declaration),
    ("entry_bundle", entry_bundle),
    ("tile_path", tile_path),
    ("frontier", frontier),
    ("equivocation", equivocation),
    ("add_checkpoint", add_checkpoint),
    ("request_body", request_body),
];

/// Strict JSON: what is accepted has a canonical form that is a fixed point.
pub fn canonical_json(bytes: &[u8]) {
    if let Ok(canonical) = canon::canonicalize(bytes, &Limits::SUBMISSION) {
        assert_eq!(canon::canonicalize(&canonical, &Limits::SUBMISSION).as_deref(), Ok(&canonical[..]));
    }
}

/// The canonical writer writes what the library writes that wrote the form before, and the check in one pass finds what
/// writing and comparing finds.
pub fn canonical_writer(bytes: &[u8]) {
    let written = canon::parse(bytes, &Limits::LEAF).ok().map(|document| {
        let written = canon::to_canonical(&document);
        assert_eq!(Some(&written), serde_json_canonicalizer::to_vec(&document).ok().as_ref());
        written
    });
    assert_eq!(canon::is_canonical(bytes, &Limits::LEAF), written.as_deref() == Some(bytes));
    if let Some(written) = written {
        assert!(canon::is_canonical(&written, &Limits::SUBMISSION));
    }
}

/// Signed notes and checkpoints.
pub fn note(bytes: &[u8]) {
    if let Ok(note) = Note::parse(bytes) {
        assert_eq!(Note::parse(note.to_text().as_bytes()).as_ref(), Ok(&note));
        if let Ok(checkpoint) = Checkpoint::parse(&note.text) {
            assert_eq!(checkpoint.to_text(), note.text);
        }
    }
}

/// Verifier keys.
pub fn vkey(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(vkey) = Vkey::parse(text)
    {
        assert_eq!(vkey.to_text(), text);
    }
}

/// Receipts.
pub fn receipt(bytes: &[u8]) {
    if let Ok(proof) = TlogProof::parse(bytes) {
        assert_eq!(proof.to_text().as_bytes(), bytes);
        let _ = proof.verify(bytes, "demo.example/evidence", &[]);
    }
}

/// Pairs of checkpoints.
pub fn pair(bytes: &[u8]) {
    if let Ok(pair) = Pair::from_bytes(bytes) {
        assert_eq!(pair.to_bytes(), bytes);
        let head = |text: &str| Note::parse(text.as_bytes()).ok().and_then(|note| Checkpoint::parse(&note.text).ok());
        if let (Some(old), Some(new)) = (head(&pair.old), head(&pair.new)) {
            let _ = pair.consistent(&old, &new);
        }
    }
}

/// Policies.
pub fn policy(bytes: &[u8]) {
    if let Ok(policy) = Policy::parse(bytes) {
        assert_eq!(Policy::parse(policy.to_text().as_bytes()).as_ref(), Ok(&policy));
    }
}

/// Bundles, for a reader to whom consistency is enough.
pub fn bundle(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    let Ok(mut verifier) = Verifier::new(first, Reader::consistency()) else { return };
    let heads = verifier.heads().clone();
    for (number, line) in (2..).zip(lines) {
        if verifier.apply(prepare(line, number, &heads)).is_err() {
            return;
        }
    }
    let _ = verifier.finish();
}

/// Identity proofs, for a reader to whom consistency is enough.
pub fn identity_proof(bytes: &[u8]) {
    let Ok(document) = canon::parse(bytes, &Limits::DOCUMENT) else { return };
    let Ok(proof) = IdentityProof::read(document) else { return };
    let _ = proof.verify(&Reader::consistency(), None);
}

/// Subject heads: they have one spelling, and are nothing else.
pub fn subject_head(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(head) = SubjectHead::parse(text) {
        assert_eq!(head.to_text(), text);
        assert!(Checkpoint::parse(text).is_err() && HolderStatus::parse(text).is_err());
    }
}

/// Leaves: the edges are those of the whole reading.
pub fn leaf(bytes: &[u8]) {
    let edges = leaf_header::read(bytes);
    if let Ok(entry) = Entry::from_leaf(bytes) {
        assert_eq!(entry.leaf(), bytes);
        let read = edges.map(|edges| (edges.index, edges.depth, edges.prior));
        assert_eq!(read, Some((entry.index.0, entry.depth.0, entry.prior_entry_hash)));
    }
}

/// Submissions in both forms.
pub fn envelope_(bytes: &[u8]) {
    let _ = Envelope::from_json(bytes);
    if let Ok(read) = Envelope::from_bytes(bytes) {
        assert_eq!(read.to_bytes(), bytes);
    }
    if let Ok(prepared) = envelope::prepare(bytes, &ItemLimits::default()) {
        assert_eq!(canon::to_canonical_of(&prepared.submission), prepared.envelope.payload);
    }
}

/// Genesis documents: what reads is written as it was read.
pub fn genesis(bytes: &[u8]) {
    if let Ok(genesis) = canon::decode_exact::<GenesisDocument>(bytes, &Limits::DOCUMENT) {
        assert_eq!(canon::to_canonical_of(&genesis), bytes);
        let _ = genesis.faults();
    }
}

/// Run declarations.
pub fn declaration(bytes: &[u8]) {
    if let Ok(value) = canon::parse(bytes, &Limits::DECLARATION)
        && let Ok(declaration) = Declaration::from_value(value)
    {
        let _ = declaration.run_id();
    }
}

/// Entry bundles of any width.
pub fn entry_bundle(bytes: &[u8]) {
    for width in [0, 1, 3, 256] {
        if let Ok(list) = entries(bytes, width) {
            assert_eq!(list.iter().map(|entry| entry.len() + 2).sum::<usize>(), bytes.len());
        }
    }
}

/// Paths of tiles.
pub fn tile_path(bytes: &[u8]) {
    if let Some(path) = std::str::from_utf8(bytes).ok().and_then(TilePath::parse) {
        assert_eq!(path.path().strip_prefix("tile/").map(str::as_bytes), Some(bytes));
    }
}

/// Compact trees.
pub fn frontier(bytes: &[u8]) {
    if let Ok(tree) = Frontier::from_bytes(bytes) {
        assert_eq!(tree.to_bytes(), bytes);
        let _ = tree.root();
    }
}

/// Evidence of equivocation.
pub fn equivocation(bytes: &[u8]) {
    if let Ok(evidence) = Evidence::from_bytes(bytes) {
        let _ = evidence.verify(&[]);
    }
}

/// What a witness is asked.
pub fn add_checkpoint(bytes: &[u8]) {
    let _ = AddCheckpoint::parse(bytes);
}

/// Request bodies of other systems.
pub fn request_body(bytes: &[u8]) {
    let _ = import(bytes, &ImportOptions::default());
}
