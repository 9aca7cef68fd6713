//! Files of a few kilobytes: checkpoints, pairs of checkpoints, receipts, holder statuses, statements, evidence of
//! equivocation.

mod holder;
pub mod vouch;

pub use holder::holder;

use super::Options;
use super::report::{Checked, Failure, Level, Verified, altered, undecided};
use selfsame_protocol::bundle::{BundleError, Voucher};
use selfsame_protocol::checkpoint_pair::Pair;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::Entry;
use selfsame_protocol::equivocation::Evidence;
use selfsame_protocol::leaf_header;
use selfsame_protocol::merkle::leaf_hash;
use selfsame_protocol::tlog_proof::{TlogProof, TlogProofError};
use serde_json::json;
use vouch::Voices;

/// One signed checkpoint.
pub fn note(bytes: &[u8], options: &Options) -> Result<Verified, Failure> {
    let signed = vouch::read(bytes)?;
    let voices = Voices::of(&[&signed], options)?;
    options.reader().named()?;
    let checkpoint = signed.checkpoint;
    Ok(Verified {
        file_kind: "checkpoint",
        checked: Checked {
            structure: Level::held("a signed note over origin, size and root"),
            chain: Level::not("a checkpoint alone has no entries"),
            tree: Level::not("a checkpoint alone has no entries"),
            cosignatures: voices.cosignatures(),
            attestation: voices.signatures(),
        },
        end: None,
        detail: voices.beside(json!({
            "text": checkpoint.to_text(), "origin": checkpoint.origin, "size": checkpoint.size, "root": checkpoint.root,
        })),
    })
}

/// Two checkpoints of one log and the proof that the later extends the earlier.
pub fn pair(bytes: &[u8], options: &Options) -> Result<Verified, Failure> {
    let pair = Pair::from_bytes(bytes)?;
    let (old, new) = (vouch::read(pair.old.as_bytes())?, vouch::read(pair.new.as_bytes())?);
    pair.consistent(&old.checkpoint, &new.checkpoint)?;
    let voices = Voices::of(&[&old, &new], options)?;
    options.reader().named()?;
    let (old, new) = (old.checkpoint, new.checkpoint);
    Ok(Verified {
        file_kind: "checkpoint_pair",
        checked: Checked {
            structure: Level::held("two signed notes of one log and a proof"),
            chain: Level::not("checkpoints have no entries"),
            tree: Level::held(format!("the tree of {} entries extends that of {}", new.size, old.size)),
            cosignatures: voices.cosignatures(),
            attestation: voices.signatures(),
        },
        end: None,
        detail: voices.beside(json!({
            "origin": new.origin, "old_size": old.size, "old_root": old.root, "new_size": new.size,
            "new_root": new.root,
        })),
    })
}

fn receipt_failure(error: TlogProofError) -> Failure {
    BundleError { tampered: !error.undecidable(), ..altered(error.check, None, error.expected, error.found) }
}

/// An entry of a receipt against what it says of itself; whether it is one of these ledgers'.
fn entry_of(proof: &TlogProof, entry: &[u8], origin: &str) -> Result<bool, Failure> {
    let Some(edges) = leaf_header::read(entry) else { return Ok(false) };
    let (ledger, index) = (edges.ledger, edges.index);
    if index != proof.index {
        return Err(altered("ENTRY_INDEX", Some((ledger, proof.index)), proof.index, index));
    }
    if !origin.ends_with(&format!("/{ledger}")) {
        return Err(altered("CHECKPOINT_ORIGIN", Some((ledger, index)), format!("…/{ledger}"), origin));
    }
    Entry::from_leaf(entry)
        .map_err(|error| altered("ENTRY_FORM", Some((ledger, index)), "a canonical entry", error))?;
    if let Some(extra) = proof.extra.as_deref().filter(|extra| *extra != entry) {
        let (expected, found) = (leaf_hash(entry), leaf_hash(extra));
        return Err(altered("RECEIPT_EXTRA", Some((ledger, index)), format!("the entry {expected}"), found));
    }
    Ok(true)
}

/// A receipt. The entry that it is about is the reader's, or stands in its extra data: either way it is hashed here.
pub fn receipt(bytes: &[u8], options: &Options) -> Result<Verified, Failure> {
    let proof = TlogProof::parse(bytes).map_err(receipt_failure)?;
    let signed = vouch::read(proof.note.to_text().as_bytes())?;
    let (entry, whose) = match (&options.entry, &proof.extra) {
        (Some(entry), _) => (Some(entry.as_slice()), "the reader's"),
        (None, extra) => (extra.as_deref(), "carried by the receipt"),
    };
    // A file that was printed ends in a line feed, which is no part of the entry.
    let fits = |entry: &&[u8]| proof.includes(&leaf_hash(entry)).is_ok();
    let bare = options.entry.as_deref().and_then(|entry| entry.strip_suffix(b"\n")).filter(fits);
    let entry = bare.or(entry);
    // Without an entry everything but the root is looked at.
    let hash = entry.map_or_else(|| Digest::of(b""), leaf_hash);
    match proof.includes(&hash).map_err(receipt_failure) {
        Err(failure) if entry.is_some() || failure.check != "INCLUSION_ROOT" => return Err(failure),
        _ => {}
    }
    let is_ours = entry.map(|entry| entry_of(&proof, entry, &signed.checkpoint.origin)).transpose()?;
    let voices = Voices::of(&[&signed], options)?;
    let Some(is_ours) = is_ours else {
        return Err(undecided("RECEIPT_ENTRY", "the entry, in the receipt or brought by the reader", "neither"));
    };
    options.reader().named()?;
    let checkpoint = signed.checkpoint;
    let structure = match is_ours {
        true => Level::held(format!("the receipt, and its entry ({whose}) in canonical form")),
        false => {
            Level::held(format!("the receipt; its entry ({whose}) is not one of these ledgers' and was only hashed"))
        }
    };
    Ok(Verified {
        file_kind: "receipt",
        checked: Checked {
            structure,
            chain: Level::not("a receipt is about one entry"),
            tree: Level::held(format!("entry {} of {} under the root", proof.index, checkpoint.size)),
            cosignatures: voices.cosignatures(),
            attestation: voices.signatures(),
        },
        end: None,
        detail: voices.beside(json!({
            "origin": checkpoint.origin, "index": proof.index, "size": checkpoint.size, "root": checkpoint.root,
            "leaf_hash": hash,
        })),
    })
}

/// Two notes that exclude each other.
pub fn equivocation(bytes: &[u8], options: &Options) -> Result<Verified, Failure> {
    let evidence = Evidence::from_bytes(bytes)?;
    evidence.conflict()?;
    let (cosignatures, detail) = if options.reader().voucher() == Voucher::Nobody {
        options.reader().named()?;
        let guilty: [&str; 0] = [];
        (vouch::nobody(), json!({"origin": evidence.origin, "kind": evidence.kind, "guilty": guilty}))
    } else {
        let verdict = evidence.verify(&vouch::keys(options)?)?;
        let names: Vec<&str> = verdict.guilty.iter().map(|guilty| guilty.name.as_str()).collect();
        (Level::held(format!("both notes are signed by {}", names.join(", "))), json!(verdict))
    };
    Ok(Verified {
        file_kind: "equivocation",
        checked: Checked {
            structure: Level::held("two signed notes of one log"),
            chain: Level::not("evidence has no chains"),
            tree: Level::held("the two states exclude each other"),
            cosignatures,
            attestation: Level::not("evidence has none"),
        },
        end: None,
        detail,
    })
}
