//! Whom the reader names, and what stands behind the notes of a file because of it.

use super::error::{BundleError, bad, undecided};
use crate::digest::Digest;
use crate::genesis::GenesisDocument;
use crate::note::{Checkpoint, Note, NoteError, Vkey};
use crate::policy::{Policy, Unsatisfied};
use crate::quorum::Quorum;
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

/// Whom the reader names. The first of these decides that is there: the policy, the genesis, the keys.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reader<'a> {
    /// Logs, cosigners, and how many of them must have signed.
    pub policy: Option<&'a Policy>,
    /// Digest of the genesis of the cluster that the reader means: the keys that count follow from it and from the history
    /// of keys in the file. A file of another cluster is refused whatever else is named.
    pub genesis: Option<&'a Digest>,
    /// Keys of which one must have signed each note.
    pub keys: &'a [Vkey],
    /// Whether it is enough that a file is consistent in itself.
    pub consistency_only: bool,
}

/// Who stands behind what a file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Voucher {
    /// The quorum of the reader's policy.
    Policy,
    /// The quorum that follows from the genesis which the reader named, and from the history of keys in the file.
    Genesis,
    /// A key that the reader named.
    Keys,
    /// Nobody: the file is consistent in itself.
    Nobody,
}

impl<'a> Reader<'a> {
    /// A reader of a policy.
    pub const fn policy(policy: &'a Policy) -> Reader<'a> {
        Reader { policy: Some(policy), genesis: None, keys: &[], consistency_only: false }
    }

    /// A reader who names keys. Without any, nobody is named.
    pub const fn keys(keys: &'a [Vkey]) -> Reader<'a> {
        Reader { policy: None, genesis: None, keys, consistency_only: false }
    }

    /// A reader to whom consistency is enough.
    pub const fn consistency() -> Reader<'static> {
        Reader { policy: None, genesis: None, keys: &[], consistency_only: true }
    }

    /// Who will have to stand behind the file.
    pub const fn voucher(&self) -> Voucher {
        match self {
            Reader { policy: Some(_), .. } => Voucher::Policy,
            Reader { genesis: Some(_), .. } => Voucher::Genesis,
            Reader { keys: [_, ..], .. } => Voucher::Keys,
            _ => Voucher::Nobody,
        }
    }

    /// Undecided when nobody was named, unless consistency is enough. Asked last: whatever is wrong in the file was found
    /// before.
    pub fn named(&self) -> Result<(), BundleError> {
        match self.voucher() {
            Voucher::Nobody if !self.consistency_only => undecided(
                "NOBODY_TRUSTED",
                "somebody whom you trust: a policy, a genesis or a key",
                "consistent in itself, nobody that you trust vouches for it",
            ),
            _ => Ok(()),
        }
    }

    /// The file's genesis is the one that the reader means, where it means one.
    pub fn means(&self, genesis: &Digest) -> Result<(), BundleError> {
        match self.genesis.filter(|known| *known != genesis) {
            Some(known) => undecided("GENESIS", format!("a file of the cluster with genesis {known}"), genesis),
            None => Ok(()),
        }
    }

    /// A checkpoint under the policy or the keys of the reader; with the names whose signatures verified. Of the genesis,
    /// and of nobody, no key is known here: nothing but the form is looked at.
    pub fn checkpoint(&self, text: &str) -> Result<Signed<Checkpoint>, BundleError> {
        let note = Note::parse(text.as_bytes()).or_else(|error| bad("CHECKPOINT_FORM", "a signed note", error))?;
        let content =
            Checkpoint::parse(&note.text).or_else(|error| bad("CHECKPOINT_FORM", "origin, size and root", error))?;
        let signers = match self.voucher() {
            Voucher::Policy => {
                let Some(policy) = self.policy else { return bad("CHECKPOINT_KEY", "a policy", "none") };
                let accepted = policy.evaluate(&note).map_err(|unsatisfied| unsatisfied_by(&unsatisfied))?;
                let mut names: Vec<String> = accepted.cosigners.into_iter().map(|cosigner| cosigner.key).collect();
                if accepted.log_signed {
                    names.push(content.origin.clone());
                }
                names
            }
            Voucher::Keys => by_known(&note, self.keys, ["CHECKPOINT_KEY", "CHECKPOINT_SIGNATURE"])?,
            Voucher::Genesis | Voucher::Nobody => Vec::new(),
        };
        Ok(Signed { note, content, signers })
    }
}

/// A note, what its text says, and the names of those whom the reader knows and who signed it.
#[derive(Clone, Debug)]
pub struct Signed<T> {
    /// The note.
    pub note: Note,
    /// Its text, read.
    pub content: T,
    /// Names, sorted when they are shown.
    pub signers: Vec<String>,
}

/// The names of the known keys that signed a note: one at least, and none of them fails.
pub(super) fn by_known(
    note: &Note,
    keys: &[Vkey],
    [unknown, failed]: [&'static str; 2],
) -> Result<Vec<String>, BundleError> {
    if !note.signatures.iter().any(|line| keys.iter().any(|key| key.is_of(line))) {
        let found = note.signatures.iter().map(|line| line.name.clone()).collect::<Vec<_>>().join(", ");
        return undecided(unknown, "a signature of a key that the reader knows", found);
    }
    let verified = note.verify(keys).or_else(|error| bad(failed, "a signature that verifies", error))?;
    Ok(verified.into_iter().map(|v| v.name).collect())
}

/// Every line of a note is by one of these keys, and verifies: a line that nothing vouches for would be a line that anybody
/// may change.
pub(super) fn all_recorded(
    note: &Note,
    keys: &[Vkey],
    [unknown, failed]: [&'static str; 2],
) -> Result<(), BundleError> {
    if let Some(line) = note.signatures.iter().find(|line| !keys.iter().any(|key| key.is_of(line))) {
        let found = format!("{}+{}", line.name, crate::digest::hex(&line.id));
        return bad(unknown, "lines by keys of the history of keys in the file", found);
    }
    note.verify(keys).map(|_| ()).or_else(|error: NoteError| bad(failed, "a signature that verifies", error))
}

/// The names of the cosigners of a quorum that signed a note: none of them fails (`failed`, altered), and they are enough
/// (`unmet`, undecided).
pub(super) fn by_quorum(
    note: &Note,
    quorum: &Quorum,
    [unmet, failed]: [&'static str; 2],
) -> Result<Vec<String>, BundleError> {
    let keys = quorum.vkeys();
    let verified = match note.signatures.iter().any(|line| keys.iter().any(|key| key.is_of(line))) {
        true => note.verify(&keys).or_else(|error| bad(failed, "a signature that verifies", error))?,
        false => Vec::new(),
    };
    quorum.enough(&verified).or_else(|few| undecided(unmet, format!("{}: {}", few.rule, few.expected), few.found))?;
    Ok(verified.into_iter().map(|voice| voice.name).collect())
}

/// The names of the founders' cosigners who signed a note, when they are enough. A digest alone names no key.
pub(super) fn by_genesis(
    note: &Note,
    genesis: Option<&GenesisDocument>,
    [unmet, failed]: [&'static str; 2],
) -> Result<Vec<String>, BundleError> {
    let Some(document) = genesis else {
        let expected = "the genesis as a file: this file has no history of keys, and a digest names no key";
        return undecided("GENESIS_DOCUMENT", expected, "its digest alone");
    };
    let policy = document.policy().or_else(|error| undecided("GENESIS_DOCUMENT", "founders who can vouch", error))?;
    match policy.cosigned(note) {
        Ok(cosigners) => Ok(cosigners.into_iter().map(|cosigner| cosigner.key).collect()),
        Err(Unsatisfied::Signature(error)) => bad(failed, "a signature that verifies", error),
        Err(few) => undecided(unmet, "a note that the founders vouch for", few),
    }
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
