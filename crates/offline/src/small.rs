//! Files of a few kilobytes: checkpoints, pairs of checkpoints, receipts, holder statuses, statements, evidence of
//! equivocation.

mod holder;
pub mod vouch;

pub use holder::holder;

use super::Options;
use super::report::{Checked, Failure, Level, Verified, altered, undecided};
use selfsame_protocol::bundle::{self, BundleError, Checkpoints, Trust};
use selfsame_protocol::canon::{self, Limits};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::edges;
use selfsame_protocol::entry::Entry;
use selfsame_protocol::equivocation::Evidence;
use selfsame_protocol::merkle::leaf_hash;
use selfsame_protocol::note::{Checkpoint, TYPE_ED25519, Vkey};
use selfsame_protocol::p104::{IdentityStatement, StatementSignature};
use selfsame_protocol::pair::Pair;
use selfsame_protocol::tlog_proof::{TlogProof, TlogProofError};
use serde::Deserialize;
use serde_json::{Value, json};
use vouch::Voices;

/// A checkpoint under the reader's keys or policy; with the names whose signatures count.
pub fn signed(text: &str, options: &Options) -> Result<(Checkpoint, Vec<String>), Failure> {
    let signed = vouch::read(text.as_bytes())?;
    let voices = Voices::of(&[&signed], options)?;
    Ok((signed.checkpoint, voices.names().into_iter().cloned().collect()))
}

fn cosigned(signers: &[String]) -> Level {
    Level::held(signers.join(", "))
}

/// One signed checkpoint.
pub fn note(bytes: &[u8], options: &Options) -> Result<Verified, Failure> {
    let signed = vouch::read(bytes)?;
    let voices = Voices::of(&[&signed], options)?;
    vouch::somebody(options)?;
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
        detail: json!({
            "text": checkpoint.to_text(), "origin": checkpoint.origin, "size": checkpoint.size, "root": checkpoint.root,
            "signers": voices.names(),
        }),
    })
}

/// Two checkpoints of one log and the proof that the later extends the earlier.
pub fn pair(bytes: &[u8], options: &Options) -> Result<Verified, Failure> {
    let pair = Pair::from_bytes(bytes)?;
    let (old, new) = (vouch::read(pair.old.as_bytes())?, vouch::read(pair.new.as_bytes())?);
    pair.consistent(&old.checkpoint, &new.checkpoint)?;
    let voices = Voices::of(&[&old, &new], options)?;
    vouch::somebody(options)?;
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
        detail: json!({
            "origin": new.origin, "old_size": old.size, "old_root": old.root, "new_size": new.size,
            "new_root": new.root, "signers": voices.names(),
        }),
    })
}

fn receipt_failure(error: TlogProofError) -> Failure {
    BundleError { tampered: !error.undecidable(), ..altered(error.check, None, error.expected, error.found) }
}

/// An entry of a receipt against what it says of itself; whether it is one of these ledgers'.
fn entry_of(proof: &TlogProof, entry: &[u8], origin: &str) -> Result<bool, Failure> {
    let Some(edges) = edges::read(entry) else { return Ok(false) };
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
        (Some(entry), _) => (Some(entry), "the reader's"),
        (None, extra) => (extra.as_ref(), "carried by the receipt"),
    };
    // Without an entry everything but the root is looked at.
    let hash = entry.map_or_else(|| Digest::of(b""), |entry| leaf_hash(entry));
    match proof.includes(&hash).map_err(receipt_failure) {
        Err(failure) if entry.is_some() || failure.check != "INCLUSION_ROOT" => return Err(failure),
        _ => {}
    }
    let is_ours = entry.map(|entry| entry_of(&proof, entry, &signed.checkpoint.origin)).transpose()?;
    let voices = Voices::of(&[&signed], options)?;
    let Some(is_ours) = is_ours else {
        return Err(undecided("RECEIPT_ENTRY", "the entry, in the receipt or brought by the reader", "neither"));
    };
    vouch::somebody(options)?;
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
        detail: json!({
            "origin": checkpoint.origin, "index": proof.index, "size": checkpoint.size, "root": checkpoint.root,
            "leaf_hash": hash, "signers": voices.names(),
        }),
    })
}

/// What a node answers when it is asked for a statement.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    statement: Value,
    proof: Option<Proof>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Proof {
    checkpoints: Option<Checkpoints>,
    #[serde(default)]
    signatures: Vec<StatementSignature>,
}

/// An identity statement, alone or with its signatures.
pub fn statement(bytes: &[u8], options: &Options) -> Result<Verified, Failure> {
    let document = canon::parse(bytes, &Limits::DOCUMENT)
        .map_err(|error| undecided("FILE_KIND", "a file of a kind that is known", error))?;
    let Answer { statement, proof } = if document.get("record_type").is_some() {
        Answer { statement: document, proof: None }
    } else {
        canon::decode(document).map_err(|error| {
            undecided("FILE_KIND", "a bundle, statement, receipt or note", format!("another JSON document ({error})"))
        })?
    };
    let statement: IdentityStatement = canon::decode(statement)
        .map_err(|error| altered("STATEMENT_FORM", None, "the members of a statement", error))?;
    bundle::verify_statement(&statement)?;
    let Proof { checkpoints, signatures } = proof.unwrap_or(Proof { checkpoints: None, signatures: Vec::new() });
    let own: Vec<Vkey> =
        signatures.iter().map(|s| Vkey { name: s.name.clone(), kind: TYPE_ED25519, key: s.key }).collect();
    let known = if options.keys.is_empty() { &own } else { &options.keys };
    let mut signers = bundle::statement_signers(&statement, &signatures, known)?;
    // With a policy the checkpoints beside it must satisfy it. Keys alone may be those of statements and not of these.
    let mut cosignatures = Level::not("no policy was given, or the statement stands without checkpoints");
    if let (Trust::Policy(..), Some(notes)) = (options.trust(), &checkpoints) {
        let mut names = Vec::new();
        for (ledger, note) in [("evidence", &notes.evidence), ("reasoning", &notes.reasoning)] {
            let (checkpoint, more) = signed(note, options)?;
            if !checkpoint.origin.ends_with(&format!("/{ledger}")) {
                return Err(altered("CHECKPOINT_ORIGIN", None, format!("…/{ledger}"), checkpoint.origin));
            }
            names.extend(more);
        }
        names.sort();
        names.dedup();
        cosignatures = cosigned(&names);
    }
    signers.sort();
    signers.dedup();
    Ok(Verified {
        file_kind: "statement",
        checked: Checked {
            structure: Level::held("the members of a statement, and its hash"),
            chain: Level::not("a statement has no entries: the substrate's bundle has them"),
            tree: Level::not("a statement has no entries: the substrate's bundle has them"),
            cosignatures,
            attestation: Level::held(format!("signed by {}", signers.join(", "))),
        },
        detail: json!({
            "substrate_id": statement.substrate_id, "statement_hash": statement.statement_hash,
            "status": statement.identity_continuity_status, "signers": signers,
            "keys_from_reader": !options.keys.is_empty(),
        }),
    })
}

/// Two notes that exclude each other.
pub fn equivocation(bytes: &[u8], options: &Options) -> Result<Verified, Failure> {
    let evidence = Evidence::from_bytes(bytes)?;
    let mut keys = options.keys.clone();
    keys.extend(options.policy.iter().flat_map(|policy| policy.keys()));
    let (cosignatures, detail) = if keys.is_empty() {
        evidence.conflict()?;
        vouch::somebody(options)?;
        let guilty: [&str; 0] = [];
        (Level::not(vouch::NOBODY), json!({"origin": evidence.origin, "kind": evidence.kind, "guilty": guilty}))
    } else {
        let verdict = evidence.verify(&keys)?;
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
        detail,
    })
}
