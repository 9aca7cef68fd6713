//! Files that the product writes or reads and that nobody can verify, each with what it is and which command is for it.

use crate::members::{Members, trimmed};
use crate::report::{Failure, undecided};
use selfsame_protocol::note::Vkey;
use selfsame_protocol::subject_head::SubjectHead;

/// What `verify` takes.
const KNOWN: &str = "a bundle, statement, receipt, checkpoint, pair of checkpoints, holder status, evidence of \
                     equivocation, backup or exported ledger";

/// First bytes.
const MARKS: &[(&[u8], &str)] = &[
    (b"SFSNAP", "a snapshot of a node's state: make a backup of the node with selfsame node backup, and verify that"),
    (b"sscosig1", "what a node cosigned last: the node alone reads it"),
    (b"redb", "the database of a node: selfsame ledger export and selfsame node backup give what can be verified"),
    (b"-----BEGIN ", "a certificate or a key of TLS: the configuration of a node or client names it"),
];

/// A member of a JSON document.
const MEMBERS: &[(&str, &str)] = &[
    ("apiVersion", "a document that a command printed, which nobody signed: the commands that give files are for this"),
    ("secret", "a key file: keep it to yourself; selfsame key show shows its public half"),
    ("payloadType", "a signed submission: what came of it stands in the receipt of its entry, selfsame ledger receipt"),
    (
        "prior_entry_hash",
        "an entry of a ledger, which says nothing without its receipt: selfsame ledger receipt, then \
         selfsame verify RECEIPT --entry FILE",
    ),
    ("organisations", "the genesis of a cluster: compare its digest, and give it with --genesis"),
    ("model", "a declaration of a run, or a request: selfsame run id computes its identity"),
    ("endpoints", "the context of a command line: selfsame itself reads it"),
];

/// First word of a line.
const LINES: &[(&str, &str)] = &[
    ("quorum", "a policy, which says whom you trust: give it with --policy"),
    ("[[organisations]]", "the genesis of a cluster: compare its digest, and give it with --genesis"),
    ("[node]", "the configuration of a node: selfsame config check reads it"),
];

/// The failure of a file of no kind that can be verified.
pub fn of(bytes: &[u8], most: u64) -> Failure {
    undecided("FILE_KIND", KNOWN, what(bytes, most))
}

fn what(bytes: &[u8], most: u64) -> String {
    let shown = trimmed(bytes);
    if shown.is_empty() {
        return "an empty file".into();
    }
    if let Some((_, what)) = MARKS.iter().find(|(mark, _)| shown.starts_with(mark)) {
        return (*what).into();
    }
    if shown.starts_with(b"{") {
        let named = Members::of(shown).find_map(|member| MEMBERS.iter().find(|(name, _)| *name == member.name));
        return named.map_or("a JSON document of another kind", |(_, what)| what).into();
    }
    if let Some(text) = std::str::from_utf8(shown).ok().filter(|_| bytes.len() as u64 <= most) {
        let mut lines = text.lines();
        if lines.clone().next().is_some_and(|line| Vkey::parse(line.trim()).is_ok()) {
            return "keys, which say whom you trust: give each with --trust".into();
        }
        let first: Vec<&str> = text.lines().take(2).collect();
        if let [digest, content] = first[..]
            && digest.starts_with("sha256:")
            && content.starts_with("{\"logs\":")
        {
            return "what an auditor has verified so far: selfsame audit reads it".into();
        }
        if SubjectHead::is_meant(text) {
            return "a subject head, which stands in a bundle or an identity proof: verify that".into();
        }
        let word = |line: &str| LINES.iter().find(|(word, _)| line.split_whitespace().next() == Some(word));
        return lines.find_map(word).map_or("text of another kind", |(_, what)| what).into();
    }
    if bytes.len() as u64 > most { format!("more than {most} bytes of another kind") } else { "other bytes".into() }
}
