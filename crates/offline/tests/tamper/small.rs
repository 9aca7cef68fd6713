//! Alterations of files that are read at once: every bit, every truncation, and what an adversary with other keys would do.

use crate::objects::{Objects, checkpoint, ledger, reading, signed, tiles};
use crate::{Case, Named};
use selfsame_protocol::checkpoint_pair::Pair;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::merkle::{consistency_proof, inclusion_proof};
use selfsame_protocol::note::Note;
use selfsame_protocol::tlog_proof::TlogProof;

/// A note whose bytes were altered: of no kind any more, unreadable, a failing signature, or a signer who is not known.
const NOTE: &[&str] = &["FILE_KIND", "CHECKPOINT_FORM", "CHECKPOINT_SIGNATURE", "POLICY_QUORUM", "POLICY_LOG"];
const RECEIPT: &[&str] = &[
    "UNSUPPORTED_VERSION",
    "PROOF_FORM",
    "INCLUSION_INDEX_RANGE",
    "INCLUSION_PROOF_LENGTH",
    "INCLUSION_ROOT",
    "ENTRY_INDEX",
    "FILE_KIND",
    "CHECKPOINT_FORM",
    "CHECKPOINT_ORIGIN",
    "CHECKPOINT_SIGNATURE",
    "POLICY_QUORUM",
    "POLICY_LOG",
];
const HOLDER: &[&str] = &["FILE_KIND", "HOLDER_FORM", "HOLDER_SIGNATURE", "CHECKPOINT_FORM", "POLICY_QUORUM"];
const PAIR: &[&str] = &[
    "UNSUPPORTED_VERSION",
    "PAIR_FORM",
    "PAIR_TYPE",
    "PAIR_ORIGIN",
    "CONSISTENCY_INDEX_RANGE",
    "CONSISTENCY_OLD_ROOT",
    "CONSISTENCY_NEW_ROOT",
    "CONSISTENCY_PROOF_LENGTH",
    "FILE_KIND",
    "CHECKPOINT_FORM",
    "CHECKPOINT_SIGNATURE",
    "POLICY_QUORUM",
    "POLICY_LOG",
];
fn all_bits(kind: &'static str, bytes: &[u8], step: usize, checks: &'static [&'static str], cases: &mut Vec<Case>) {
    for at in 0..bytes.len() {
        for bit in (0..8).skip(at % step).step_by(step) {
            let mut input = bytes.to_vec();
            input[at] ^= 1 << bit;
            cases.push(Case { kind, how: "one bit", input, named: Named::By(checks) });
        }
    }
}

fn truncations(kind: &'static str, bytes: &[u8], checks: &'static [&'static str], cases: &mut Vec<Case>) {
    for keep in (0..bytes.len()).step_by(7).chain(bytes.len() - 3..bytes.len()) {
        cases.push(Case { kind, how: "cut short", input: bytes[..keep].to_vec(), named: Named::By(checks) });
    }
    let input = [bytes, b"x"].concat();
    cases.push(Case { kind, how: "a byte behind the end", input, named: Named::By(checks) });
}

pub fn cases(objects: &Objects) -> Vec<Case> {
    let mut cases = Vec::new();
    let note = objects.note.to_text().into_bytes();
    all_bits("checkpoint", &note, 1, NOTE, &mut cases);
    truncations("checkpoint", &note, NOTE, &mut cases);
    let receipt = objects.receipt.to_text().into_bytes();
    all_bits("receipt", &receipt, 1, RECEIPT, &mut cases);
    truncations("receipt", &receipt, RECEIPT, &mut cases);
    let holder = objects.holder.to_text().into_bytes();
    all_bits("holder status", &holder, 1, HOLDER, &mut cases);
    truncations("holder status", &holder, HOLDER, &mut cases);
    let pair = objects.pair.to_bytes();
    all_bits("pair", &pair, 4, PAIR, &mut cases);
    truncations("pair", &pair, PAIR, &mut cases);
    let mut add = |kind, how, input: Vec<u8>, checks| {
        cases.push(Case { kind, how, input, named: Named::By(checks) });
    };
    notes(objects, &mut add);
    holders(objects, &mut add);
    receipts(objects, &mut add);
    pairs(objects, &mut add);
    equivocations(objects, &mut add);
    cases
}

type Add<'a> = &'a mut dyn FnMut(&'static str, &'static str, Vec<u8>, &'static [&'static str]);

fn notes(objects: &Objects, add: Add<'_>) {
    let note = &objects.note;
    for missing in 0..note.signatures.len() {
        let mut fewer = note.clone();
        fewer.signatures.remove(missing);
        let named: &[&str] = if missing == 0 { &["POLICY_LOG"] } else { &["POLICY_QUORUM"] };
        add("checkpoint", "a signature cut out", fewer.to_text().into_bytes(), named);
        let mut twice = fewer.clone();
        twice.signatures.push(note.signatures[(missing + 1) % 4].clone());
        add("checkpoint", "one signer twice for another", twice.to_text().into_bytes(), named);
    }
    for (a, b) in [(1, 2), (1, 3), (2, 3)] {
        let mut exchanged = note.clone();
        let bytes = exchanged.signatures[a].bytes.clone();
        exchanged.signatures[a].bytes = std::mem::replace(&mut exchanged.signatures[b].bytes, bytes);
        add("checkpoint", "signatures exchanged", exchanged.to_text().into_bytes(), &["CHECKPOINT_SIGNATURE"]);
    }
    let other = checkpoint(Ledger::Evidence, &objects.leaves[..6]);
    let replayed = Note { text: other.to_text(), signatures: note.signatures.clone() };
    add("checkpoint", "signatures of another size", replayed.to_text().into_bytes(), &["CHECKPOINT_SIGNATURE"]);
    let this = checkpoint(Ledger::Evidence, &objects.leaves);
    add("checkpoint", "all keys exchanged", signed(&this, 100).to_text().into_bytes(), &["POLICY_QUORUM"]);
    let mut untyped = note.clone();
    // A cosignature shown as a plain signature: the id of the key is that of its type.
    untyped.signatures[1].bytes.drain(..8);
    add("checkpoint", "a cosignature without its time", untyped.to_text().into_bytes(), &["CHECKPOINT_SIGNATURE"]);
    let foreign = selfsame_protocol::note::Checkpoint { origin: "demo.example/other".into(), ..this };
    add("checkpoint", "another log", signed(&foreign, 0).to_text().into_bytes(), &["POLICY_ORIGIN"]);
}

fn holders(objects: &Objects, add: Add<'_>) {
    let status = &objects.holder;
    for missing in 0..status.signatures.len() {
        let mut fewer = status.clone();
        fewer.signatures.remove(missing);
        add("holder status", "a signature cut out", fewer.to_text().into_bytes(), &["POLICY_QUORUM"]);
    }
    let lines: Vec<&str> = status.text.lines().collect();
    for (at, changed) in [
        (2, "state sealed"),
        (3, "chip sha256:0000000000000000000000000000000000000000000000000000000000000000"),
        (4, "epoch 4"),
        (0, "other.example/holder"),
    ] {
        let text = status.text.replace(lines[at], changed);
        let forged = Note { text, signatures: status.signatures.clone() };
        add("holder status", "another status", forged.to_text().into_bytes(), &["HOLDER_SIGNATURE"]);
    }
    let others = crate::objects::cosigned(&status.text, 100);
    add("holder status", "all keys exchanged", others.to_text().into_bytes(), &["POLICY_QUORUM"]);
    let other = crate::objects::cosigned(&status.text.replace("demo.example", "other.example"), 0);
    add("holder status", "another cluster", other.to_text().into_bytes(), &["POLICY_ORIGIN"]);
}

fn receipts(objects: &Objects, add: Add<'_>) {
    let receipt = &objects.receipt;
    let text = |receipt: &TlogProof| receipt.to_text().into_bytes();
    let tiles_of = tiles(&objects.leaves);
    for index in (0..14).filter(|index| *index != 4) {
        let named: &[&str] = &["INCLUSION_ROOT", "INCLUSION_INDEX_RANGE", "INCLUSION_PROOF_LENGTH"];
        add("receipt", "another index", text(&TlogProof { index, ..receipt.clone() }), named);
        if index < 11 {
            let path = inclusion_proof(index, 11, &mut reading(&tiles_of)).unwrap();
            let other = TlogProof { index, path, ..receipt.clone() };
            let named: &[&str] = &["INCLUSION_ROOT", "INCLUSION_PROOF_LENGTH"];
            add("receipt", "the proof of another entry", text(&other), named);
        }
    }
    for at in 0..receipt.path.len() {
        let mut shorter = receipt.clone();
        shorter.path.remove(at);
        add("receipt", "a hash cut out", text(&shorter), &["INCLUSION_PROOF_LENGTH", "INCLUSION_ROOT"]);
        let mut longer = receipt.clone();
        longer.path.insert(at, Digest::of(b"more"));
        add("receipt", "a hash put in", text(&longer), &["INCLUSION_PROOF_LENGTH"]);
        let mut swapped = receipt.clone();
        swapped.path.swap(at, (at + 1) % receipt.path.len());
        add("receipt", "hashes exchanged", text(&swapped), &["INCLUSION_ROOT"]);
    }
    // A history of somebody who can sign with keys of his own, and one by the right keys that this entry is not in.
    let forged = ledger(Ledger::Evidence, 11, &|at, entry| entry.submission = Digest::of(&[at as u8, 1]));
    for (how, seed, named) in
        [("a fork by other keys", 100, &["INCLUSION_ROOT"][..]), ("a fork by the right keys", 0, &["INCLUSION_ROOT"])]
    {
        let note = signed(&checkpoint(Ledger::Evidence, &forged), seed);
        let path = inclusion_proof(4, 11, &mut reading(&tiles(&forged))).unwrap();
        add("receipt", how, text(&TlogProof { note, path, ..receipt.clone() }), named);
    }
    let smaller = signed(&checkpoint(Ledger::Evidence, &objects.leaves[..4]), 0);
    let older = TlogProof { note: smaller, ..receipt.clone() };
    add("receipt", "a checkpoint before the entry", text(&older), &["INCLUSION_INDEX_RANGE"]);
    // The same tree under the name of the other ledger.
    let mut reasoning = checkpoint(Ledger::Reasoning, &objects.leaves);
    reasoning.root = checkpoint(Ledger::Evidence, &objects.leaves).root;
    let elsewhere = TlogProof { note: signed(&reasoning, 0), ..receipt.clone() };
    add("receipt", "the other ledger", text(&elsewhere), &["CHECKPOINT_ORIGIN"]);
    for version in ["@v0", "@v2", "@v01", "@v"] {
        let other = receipt.to_text().replacen("@v1", version, 1).into_bytes();
        let named: &[&str] = if version == "@v2" { &["UNSUPPORTED_VERSION"] } else { &["PROOF_FORM"] };
        add("receipt", "another version", other, named);
    }
}

fn pairs(objects: &Objects, add: Add<'_>) {
    let pair = &objects.pair;
    let forged = ledger(Ledger::Evidence, 11, &|at, entry| entry.submission = Digest::of(&[at as u8, 1]));
    let forged_note = signed(&checkpoint(Ledger::Evidence, &forged), 0).to_text();
    let fork = Pair { new: forged_note.clone(), ..pair.clone() };
    add("pair", "a fork by the right keys", fork.to_bytes(), &["CONSISTENCY_NEW_ROOT"]);
    let proof = consistency_proof(6, 11, &mut reading(&tiles(&forged))).unwrap();
    let fork = Pair { new: forged_note, proof, ..pair.clone() };
    add("pair", "a fork with its own proof", fork.to_bytes(), &["CONSISTENCY_OLD_ROOT"]);
    let back = Pair { old: pair.new.clone(), new: pair.old.clone(), ..pair.clone() };
    add("pair", "old and new exchanged", back.to_bytes(), &["CONSISTENCY_INDEX_RANGE"]);
    for at in 0..pair.proof.len() {
        let mut shorter = pair.clone();
        shorter.proof.remove(at);
        let named: &[&str] = &["CONSISTENCY_PROOF_LENGTH", "CONSISTENCY_OLD_ROOT"];
        add("pair", "a hash cut out", shorter.to_bytes(), named);
        let mut longer = pair.clone();
        longer.proof.insert(at, Digest::of(b"more"));
        add("pair", "a hash put in", longer.to_bytes(), named);
    }
    let other = signed(&checkpoint(Ledger::Reasoning, &objects.leaves), 0).to_text();
    add("pair", "the other ledger", Pair { new: other, ..pair.clone() }.to_bytes(), &["PAIR_ORIGIN"]);
    let typed = Pair { pair: "selfsame/checkpoint-pair/v0".into(), ..pair.clone() };
    add("pair", "no version", typed.to_bytes(), &["PAIR_TYPE"]);
    let typed = Pair { pair: "selfsame/checkpoint-pair/v2".into(), ..pair.clone() };
    add("pair", "another version", typed.to_bytes(), &["UNSUPPORTED_VERSION"]);
}

fn equivocations(objects: &Objects, add: Add<'_>) {
    // Evidence accuses: what must not be possible is to accuse with a note that was altered or of one history.
    let evidence = &objects.evidence;
    let mut same = evidence.clone();
    same.note_b = same.note_a.clone();
    add("equivocation", "one note twice", same.to_bytes(), &["EVIDENCE_NO_CONFLICT"]);
    let mut forged = evidence.clone();
    forged.note_a = signed(&checkpoint(Ledger::Evidence, &objects.leaves), 100).to_text();
    add(
        "equivocation",
        "a note by other keys",
        forged.to_bytes(),
        &["EVIDENCE_ORDER", "EVIDENCE_NO_CONFLICT", "EVIDENCE_KEY"],
    );
    let mut origin = evidence.clone();
    origin.origin = "demo.example/other".into();
    add("equivocation", "another log", origin.to_bytes(), &["EVIDENCE_ORIGIN"]);
    let mut text = evidence.clone();
    text.note_a = text.note_a.replacen("\n11\n", "\n12\n", 1);
    add("equivocation", "a size changed", text.to_bytes(), &["EVIDENCE_SIZES"]);
}
