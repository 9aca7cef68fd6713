//! How far a subject's history goes: how many entries it has in the trees of two checkpoints, as a note that cosigners sign.
//!
//! ```text
//! text = origin "/subject\n"
//!        "genesis " digest "\n"
//!        "subject " subject "\n"                                     "substrate:" UUID | "run:" digest
//!        "evidence " dec(size) " " base64(root) " " dec(entries) "\n"
//!        "reasoning " dec(size) " " base64(root) " " dec(entries) "\n"
//!        "governance " dec(entries) "\n"
//!        [ "statement " time " " digest "\n" ]                       of a substrate, when a statement is asked for
//! ```
//! Inclusion proofs and chains show that no entry is missing in between; that the last ones are there is what this adds.
//! Each cosigner counts in its own copy. The text cannot be taken for a checkpoint, whose second line is a number, nor for
//! a holder status, whose second line begins with `substrate`.

use crate::digest::Digest;
use crate::ledger::{Ledger, PerLedger};
use crate::note::{NoteError, bad};
use crate::subject::Subject;
use crate::time::{Timestamp, U64};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A tree, and how many of its entries are the subject's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Entries of the tree.
    pub size: u64,
    /// Its root.
    pub root: Digest,
    /// Entries of the subject in it: its depth.
    pub entries: u64,
}

/// How far a subject's history goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectHead {
    /// Prefix of the ledgers' origins.
    pub origin: String,
    /// Digest of the cluster's genesis.
    pub genesis: Digest,
    /// `substrate:<UUID>` or `run:<digest>`.
    pub subject: Subject,
    /// Both trees.
    pub trees: PerLedger<Extent>,
    /// Entries of `cluster` and of every `organisation:…` in the Reasoning tree.
    pub governance: u64,
    /// Time and hash of the identity statement that holds in these trees.
    pub statement: Option<(Timestamp, Digest)>,
}

const RULE: &str = "form of a subject head";

/// Reads a subject that has a head of its own: a substrate or a run, in its one spelling.
pub(crate) fn headed(text: &str) -> Option<Subject> {
    text.parse().ok().filter(|subject: &Subject| !subject.governs())
}

impl SubjectHead {
    /// The text that is signed.
    pub fn to_text(&self) -> String {
        let tree = |ledger: Ledger| {
            let Extent { size, root, entries } = &self.trees[ledger];
            format!("{ledger} {size} {} {entries}\n", STANDARD.encode(root.as_bytes()))
        };
        let statement = self.statement.map(|(time, hash)| format!("statement {time} {hash}\n")).unwrap_or_default();
        format!(
            "{}/subject\ngenesis {}\nsubject {}\n{}{}governance {}\n{statement}",
            self.origin,
            self.genesis,
            self.subject,
            tree(Ledger::Evidence),
            tree(Ledger::Reasoning),
            self.governance,
        )
    }

    /// Whether a text is meant as one, so that its reader knows which form to refuse it by.
    pub fn is_meant(text: &str) -> bool {
        let mut lines = text.split('\n');
        lines.next().is_some_and(|first| first.ends_with("/subject"))
            && lines.next().is_some_and(|second| second.starts_with("genesis "))
    }

    /// Reads the text; it has one spelling.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let lines: Vec<&str> = text.split('\n').collect();
        let ([origin, genesis, subject, evidence, reasoning, governance], last) = match lines[..] {
            [a, b, c, d, e, f, ""] => ([a, b, c, d, e, f], None),
            [a, b, c, d, e, f, statement, ""] => ([a, b, c, d, e, f], Some(statement)),
            _ => return bad(RULE, "six or seven lines", format!("{} lines", lines.len().saturating_sub(1))),
        };
        let Some(prefix) = origin.strip_suffix("/subject").filter(|prefix| !prefix.is_empty()) else {
            return bad(RULE, "an origin and /subject", origin);
        };
        let genesis = digest(field(genesis, "genesis")?)?;
        let subject = field(subject, "subject")?;
        let Some(subject) = headed(subject) else {
            return bad(RULE, "substrate: and a UUID, or run: and a digest", subject);
        };
        let trees = PerLedger { evidence: tree(evidence, "evidence")?, reasoning: tree(reasoning, "reasoning")? };
        let governance = number(field(governance, "governance")?)?;
        let statement = last.map(statement).transpose()?;
        if statement.is_some() && subject.substrate().is_none() {
            return bad(RULE, "a statement of a substrate alone", subject);
        }
        let head = Self { origin: prefix.into(), genesis, subject, trees, governance, statement };
        // Base64 with stray bits decodes as well: only the one spelling is taken.
        if head.to_text() != text {
            return bad(RULE, "its one spelling", "another spelling");
        }
        Ok(head)
    }
}

fn field<'a>(line: &'a str, name: &str) -> Result<&'a str, NoteError> {
    match line.strip_prefix(name).and_then(|rest| rest.strip_prefix(' ')) {
        Some(value) => Ok(value),
        None => bad(RULE, name, line),
    }
}

fn number(value: &str) -> Result<u64, NoteError> {
    match value.parse::<U64>() {
        Ok(number) => Ok(number.0),
        Err(_) => bad(RULE, "a decimal number without leading zeros", value),
    }
}

fn digest(value: &str) -> Result<Digest, NoteError> {
    value.parse().or_else(|_| bad(RULE, "a digest", value))
}

fn tree(line: &str, name: &str) -> Result<Extent, NoteError> {
    let parts: Vec<&str> = field(line, name)?.split(' ').collect();
    let [size, root, entries] = parts[..] else { return bad(RULE, "a size, a root and a number of entries", line) };
    let Some(root) = STANDARD.decode(root).ok().and_then(|root| <[u8; 32]>::try_from(root).ok()) else {
        return bad(RULE, "32 bytes in base64", root);
    };
    let (size, entries) = (number(size)?, number(entries)?);
    if entries > size {
        return bad(RULE, format!("at most {size} entries"), entries);
    }
    Ok(Extent { size, root: Digest::from_bytes(root), entries })
}

fn statement(line: &str) -> Result<(Timestamp, Digest), NoteError> {
    let Some((time, hash)) = field(line, "statement")?.split_once(' ') else {
        return bad(RULE, "a time and a digest", line);
    };
    let Ok(time) = time.parse::<Timestamp>() else { return bad(RULE, "a time", time) };
    Ok((time, digest(hash)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::holder::HolderStatus;
    use crate::merkle::empty_root;
    use crate::note::Checkpoint;

    const SUBSTRATE: &str = "substrate:00000000-0000-4000-8000-000000000001";

    fn head() -> SubjectHead {
        SubjectHead {
            origin: "ledger.example".into(),
            genesis: Digest::of(b"genesis"),
            subject: SUBSTRATE.parse().unwrap(),
            trees: PerLedger {
                evidence: Extent { size: 24, root: empty_root(), entries: 7 },
                reasoning: Extent { size: 38, root: empty_root(), entries: 21 },
            },
            governance: 4,
            statement: Some(("2026-03-08T00:00:00.000Z".parse().unwrap(), Digest::of(b"statement"))),
        }
    }

    #[test]
    fn the_text_has_one_spelling_and_is_neither_a_checkpoint_nor_a_holder_status() {
        for head in [head(), SubjectHead { statement: None, ..head() }] {
            let text = head.to_text();
            assert_eq!(SubjectHead::parse(&text), Ok(head));
            assert!(SubjectHead::is_meant(&text) && !HolderStatus::is_meant(&text));
            assert!(Checkpoint::parse(&text).is_err() && HolderStatus::parse(&text).is_err());
        }
        let text = head().to_text();
        for (from, to) in [
            ("/subject", ""),
            ("ledger.example/subject", "/subject"),
            ("genesis sha256", "genesis  sha256"),
            (SUBSTRATE, "cluster"),
            (SUBSTRATE, "substrate:x"),
            (SUBSTRATE, "run:sha256:00"),
            ("evidence 24 ", "evidence 024 "),
            ("evidence 24 ", "evidence 6 "),
            ("hSuFU= 7", "hSuFV= 7"),
            (" 21\n", "\n"),
            ("governance 4", "governance +4"),
            ("statement 2026-03-08T00:00:00.000Z", "statement 2026-03-08T00:00:00Z"),
            ("reasoning", "evidence"),
            ("governance 4\n", ""),
        ] {
            let altered = text.replacen(from, to, 1);
            assert_ne!(altered, text, "{from}");
            assert!(SubjectHead::parse(&altered).is_err(), "{from} -> {to}");
        }
        assert!(SubjectHead::parse(&format!("{text}more\n")).is_err());
        let run = format!("run:{}", Digest::of(b"run"));
        assert!(SubjectHead::parse(&text.replace(SUBSTRATE, &run)).is_err(), "a run has no identity statement");
    }
}
