//! Files of a few kilobytes: checkpoints, pairs of checkpoints, receipts, statements, evidence of equivocation.

use super::Options;
use super::report::{Checked, Failure, Level, Verified, altered, undecided};
use selfsame_protocol::bundle::{self, BundleError, Signed, Voucher};
use selfsame_protocol::edges;
use selfsame_protocol::entry::Entry;
use selfsame_protocol::equivocation::Evidence;
use selfsame_protocol::merkle::leaf_hash;
use selfsame_protocol::note::{Checkpoint, Note};
use selfsame_protocol::pair::Pair;
use selfsame_protocol::tlog_proof::{TlogProof, TlogProofError};
use serde_json::json;

/// A checkpoint under the reader's keys or policy; with the names whose signatures count.
pub fn signed(text: &str, options: &Options) -> Result<(Checkpoint, Vec<String>), Failure> {
    let Signed { content: checkpoint, note, mut signers } = options.reader().checkpoint(text)?;
    // A note has no history of keys: the genesis itself says whose cosignatures count.
    if options.reader().voucher() == Voucher::Genesis {
        signers.extend(bundle::by_genesis(&note, options.genesis_document.as_ref())?);
    }
    if options.require_log && options.policy.is_some() && !signers.contains(&checkpoint.origin) {
        return Err(undecided(
            "POLICY_LOG",
            format!("a signature of the log {}", checkpoint.origin),
            signers.join(", "),
        ));
    }
    Ok((checkpoint, signers))
}

fn cosigned(signers: &[String]) -> Level {
    Level::held(signers.join(", "))
}

/// One signed note.
pub fn note(text: &str, options: &Options) -> Result<Verified, Failure> {
    let (checkpoint, signers) = signed(text, options)?;
    Ok(Verified {
        file_kind: "checkpoint",
        checked: Checked {
            structure: Level::held("a signed note over origin, size and root"),
            chain: Level::not("a checkpoint alone has no entries"),
            tree: Level::not("a checkpoint alone has no entries"),
            cosignatures: cosigned(&signers),
            attestation: Level::not("a checkpoint has none"),
        },
        end: None,
        detail: json!({
            "text": checkpoint.to_text(), "origin": checkpoint.origin, "size": checkpoint.size, "root": checkpoint.root,
            "signers": signers,
        }),
    })
}

/// Two checkpoints of one log and the proof that the later extends the earlier.
pub fn pair(bytes: &[u8], options: &Options) -> Result<Verified, Failure> {
    let pair = Pair::from_bytes(bytes)?;
    let (old, mut signers) = signed(&pair.old, options)?;
    let (new, more) = signed(&pair.new, options)?;
    pair.consistent(&old, &new)?;
    signers.extend(more);
    signers.sort();
    signers.dedup();
    Ok(Verified {
        file_kind: "checkpoint_pair",
        checked: Checked {
            structure: Level::held("two signed notes of one log and a proof"),
            chain: Level::not("checkpoints have no entries"),
            tree: Level::held(format!("the tree of {} entries extends that of {}", new.size, old.size)),
            cosignatures: cosigned(&signers),
            attestation: Level::not("a checkpoint has none"),
        },
        end: None,
        detail: json!({
            "origin": new.origin, "old_size": old.size, "old_root": old.root, "new_size": new.size,
            "new_root": new.root, "signers": signers,
        }),
    })
}

fn receipt_failure(error: TlogProofError) -> Failure {
    BundleError { tampered: !error.undecidable(), ..altered(error.check, None, error.expected, error.found) }
}

/// A receipt. The entry that it is about is the reader's, or stands in its extra data: either way it is hashed here.
pub fn receipt(bytes: &[u8], options: &Options) -> Result<Verified, Failure> {
    let proof = TlogProof::parse(bytes).map_err(receipt_failure)?;
    let (checkpoint, signers) = signed(&proof.note.to_text(), options)?;
    let (entry, whose) = match (&options.entry, &proof.extra) {
        (Some(entry), _) => (entry, "the reader's"),
        (None, Some(extra)) => (extra, "carried by the receipt"),
        (None, None) => {
            return Err(undecided("RECEIPT_ENTRY", "the entry, by --entry FILE or in the receipt", "neither"));
        }
    };
    let hash = leaf_hash(entry);
    proof.includes(&hash).map_err(receipt_failure)?;
    // The place that an entry of ours names is the place where it stands.
    let named = edges::read(entry);
    if let Some(edges) = &named {
        let (ledger, index) = (edges.ledger, edges.index);
        if index != proof.index {
            return Err(altered("ENTRY_INDEX", Some((ledger, proof.index)), proof.index, index));
        }
        if !checkpoint.origin.ends_with(&format!("/{ledger}")) {
            return Err(altered("CHECKPOINT_ORIGIN", Some((ledger, index)), format!("…/{ledger}"), checkpoint.origin));
        }
        Entry::from_leaf(entry)
            .map_err(|error| altered("ENTRY_FORM", Some((ledger, index)), "a canonical entry", error))?;
    }
    let structure = match named {
        Some(_) => Level::held(format!("the receipt, and its entry ({whose}) in canonical form")),
        None => {
            Level::held(format!("the receipt; its entry ({whose}) is not one of these ledgers' and was only hashed"))
        }
    };
    Ok(Verified {
        file_kind: "receipt",
        checked: Checked {
            structure,
            chain: Level::not("a receipt is about one entry"),
            tree: Level::held(format!("entry {} of {} under the root", proof.index, checkpoint.size)),
            cosignatures: cosigned(&signers),
            attestation: Level::not("a receipt has none"),
        },
        end: None,
        detail: json!({
            "origin": checkpoint.origin, "index": proof.index, "size": checkpoint.size, "root": checkpoint.root,
            "leaf_hash": hash, "signers": signers,
        }),
    })
}

/// Two notes that exclude each other.
pub fn equivocation(bytes: &[u8], options: &Options) -> Result<Verified, Failure> {
    let evidence = Evidence::from_bytes(bytes)?;
    let mut keys = options.keys.clone();
    keys.extend(options.policy.iter().flat_map(|policy| policy.keys()));
    let verdict = evidence.verify(&keys)?;
    let names: Vec<&str> = verdict.guilty.iter().map(|guilty| guilty.name.as_str()).collect();
    Ok(Verified {
        file_kind: "equivocation",
        checked: Checked {
            structure: Level::held("two signed notes of one log"),
            chain: Level::not("evidence has no chains"),
            tree: Level::held("the two states exclude each other"),
            cosignatures: Level::held(format!("both notes are signed by {}", names.join(", "))),
            attestation: Level::not("evidence has none"),
        },
        end: None,
        detail: json!(verdict),
    })
}

/// Whether text is a signed note over a checkpoint, without a look at its signatures.
pub fn is_note(text: &str) -> bool {
    Note::parse(text.as_bytes()).is_ok_and(|note| Checkpoint::parse(&note.text).is_ok())
}
