//! Whom the reader believes, and the signed checkpoints of a file under it.

use super::error::{BundleError, bad, undecided};
use crate::entry::Ledger;
use crate::note::{Checkpoint, Note, NoteSignature, Vkey};
use crate::policy::{Policy, Unsatisfied};
use serde::{Deserialize, Serialize};

/// The checkpoints that the proofs lead to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoints {
    /// Signed note of the Evidence ledger.
    pub evidence: String,
    /// Signed note of the Reasoning ledger.
    pub reasoning: String,
}

/// Whom the reader believes.
#[derive(Clone, Copy, Debug)]
pub enum Trust<'a> {
    /// The keys that the file brings: shows that nothing was altered since, but not who vouches for it. Every line of a
    /// note must be by one of them.
    File,
    /// These keys: one of them must have signed.
    Keys(&'a [Vkey]),
    /// This policy for checkpoints. Statements are signed by keys of nodes, which a policy does not name: those of the
    /// list count, or, when it is empty, those that the file brings.
    Policy(&'a Policy, &'a [Vkey]),
}

impl<'a> Trust<'a> {
    /// The keys when there are any, else those of the file.
    pub const fn of(keys: &'a [Vkey]) -> Trust<'a> {
        if keys.is_empty() { Trust::File } else { Trust::Keys(keys) }
    }
}

/// What a header's checkpoints and keys come to.
#[derive(Debug)]
pub(super) struct Heads {
    /// Evidence first.
    pub checkpoints: [Checkpoint; 2],
    /// Names whose signatures verified.
    pub signers: Vec<String>,
    /// Keys whose signature under the statement counts.
    pub statement_keys: Vec<Vkey>,
    /// Whether the keys of the checkpoints came from the reader, and whether those of the statement did.
    pub from_reader: [bool; 2],
}

impl Heads {
    /// Verifies the checkpoints of a header, whose verifier keys are `keys`.
    pub fn read(notes: &Checkpoints, keys: &[String], trust: Trust<'_>) -> Result<Heads, BundleError> {
        let own: Result<Vec<Vkey>, _> = keys.iter().map(|key| Vkey::parse(key)).collect();
        let own = own.or_else(|error| bad("BUNDLE_KEYS", "verifier keys", error))?;
        // One spelling of each: base64 that decodes to the same key would be bytes that anybody may change.
        if let Some((key, text)) = own.iter().zip(keys).find(|(key, text)| key.to_text() != **text) {
            return bad("BUNDLE_KEYS", key.to_text(), text);
        }
        let (evidence, mut signers) = checkpoint(&notes.evidence, trust, &own)?;
        let (reasoning, more) = checkpoint(&notes.reasoning, trust, &own)?;
        signers.extend(more);
        for (ledger, checkpoint) in [(Ledger::Evidence, &evidence), (Ledger::Reasoning, &reasoning)] {
            if !checkpoint.origin.ends_with(&format!("/{ledger}")) {
                return bad("CHECKPOINT_ORIGIN", format!("…/{ledger}"), &checkpoint.origin);
            }
        }
        let (statement_keys, from_reader) = match trust {
            Trust::File => (own, [false, false]),
            Trust::Keys(keys) => (keys.to_vec(), [true, true]),
            Trust::Policy(_, []) => (own, [true, false]),
            Trust::Policy(_, keys) => (keys.to_vec(), [true, true]),
        };
        Ok(Heads { checkpoints: [evidence, reasoning], signers, statement_keys, from_reader })
    }

    /// Adds the names under the statement, each once and sorted.
    pub fn sign(&mut self, names: Vec<String>) {
        self.signers.extend(names);
        self.signers.sort();
        self.signers.dedup();
    }
}

/// A signed checkpoint under what the reader trusts, `own` being the keys that the file brings; with the names whose
/// signatures verified.
pub fn checkpoint(text: &str, trust: Trust<'_>, own: &[Vkey]) -> Result<(Checkpoint, Vec<String>), BundleError> {
    let note = Note::parse(text.as_bytes()).or_else(|error| bad("CHECKPOINT_FORM", "a signed note", error))?;
    let keys = match trust {
        Trust::File => own,
        Trust::Keys(keys) => keys,
        Trust::Policy(policy, _) => {
            let accepted = policy.evaluate(&note).map_err(|unsatisfied| unsatisfied_by(&unsatisfied))?;
            let mut names: Vec<String> = accepted.cosigners.into_iter().map(|cosigner| cosigner.key).collect();
            if accepted.log_signed {
                names.push(accepted.checkpoint.origin.clone());
            }
            return Ok((accepted.checkpoint, names));
        }
    };
    let is_known = |s: &NoteSignature| keys.iter().any(|key| key.is_of(s));
    let known = match trust {
        // The issuer names the keys of all lines: one that nothing vouches for would be a line that anybody may change.
        Trust::File => !note.signatures.is_empty() && note.signatures.iter().all(is_known),
        Trust::Keys(_) | Trust::Policy(..) => note.signatures.iter().any(is_known),
    };
    if !known {
        let found = note.signatures.iter().map(|s| s.name.clone()).collect::<Vec<_>>().join(", ");
        return undecided("CHECKPOINT_KEY", "a signature of a key that the reader knows", found);
    }
    let verified =
        note.verify(keys).or_else(|error| bad("CHECKPOINT_SIGNATURE", "a signature that verifies", error))?;
    let checkpoint =
        Checkpoint::parse(&note.text).or_else(|error| bad("CHECKPOINT_FORM", "origin, size and root", error))?;
    Ok((checkpoint, verified.into_iter().map(|v| v.name).collect()))
}

/// The failure of a note that does not satisfy a policy.
pub fn unsatisfied_by(unsatisfied: &Unsatisfied) -> BundleError {
    let (expected, found) = match unsatisfied {
        Unsatisfied::Form(error) | Unsatisfied::Signature(error) => {
            (format!("{}: {}", error.rule, error.expected), error.found.clone())
        }
        Unsatisfied::Origin(origin) => ("a log that the policy names".to_string(), origin.clone()),
        Unsatisfied::Quorum { expected, found } => (expected.clone(), found.clone()),
    };
    BundleError {
        check: unsatisfied.check().into(),
        ledger: None,
        index: None,
        expected,
        found,
        tampered: unsatisfied.tampered(),
    }
}
