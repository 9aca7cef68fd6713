//! Who stands behind signed checkpoints, for a reader who names a policy, keys, or nobody.
//!
//! What was altered is said before what cannot be decided: every signature of a key that the reader names is verified
//! before anybody asks whether they are enough. A policy decides about checkpoints alone; keys that are given beside it are
//! those of statements.

use crate::Options;
use crate::report::{Failure, Level, altered, undecided};
use selfsame_protocol::bundle;
use selfsame_protocol::note::{Checkpoint, Note, TYPE_COSIGNATURE};
use std::collections::BTreeSet;

/// A note over a checkpoint, of which no signature was verified.
pub struct Signed {
    /// The note.
    pub note: Note,
    /// What it says.
    pub checkpoint: Checkpoint,
}

/// Reads a signed checkpoint.
pub fn read(bytes: &[u8]) -> Result<Signed, Failure> {
    let read = Note::parse(bytes).and_then(|note| Ok(Signed { checkpoint: Checkpoint::parse(&note.text)?, note }));
    read.map_err(|error| altered("CHECKPOINT_FORM", None, "a signed checkpoint", error))
}

/// What a file says of which nobody is named who could vouch for it.
pub const NOBODY: &str = "consistent in itself, nobody that you trust vouches for it";

/// Refuses to decide about a file when the reader names nobody and does not ask for consistency alone.
pub fn somebody(options: &Options) -> Result<(), Failure> {
    if options.consistency_only || !is_nobody(options) {
        return Ok(());
    }
    Err(undecided("NOBODY_TRUSTED", "somebody whom you trust: a policy, or keys", NOBODY))
}

/// Whether the reader names nobody.
pub const fn is_nobody(options: &Options) -> bool {
    options.policy.is_none() && options.keys.is_empty()
}

/// Whose signatures of those whom the reader names verified.
#[derive(Clone, Debug, Default)]
pub struct Voices {
    /// Names of the keys of cosigners.
    cosigners: BTreeSet<String>,
    /// Names of other keys: of logs and nodes.
    others: BTreeSet<String>,
    /// Whether the reader names nobody.
    nobody: bool,
    /// Whether keys were given that a policy made idle.
    idle: bool,
}

impl Voices {
    /// Those under all of these checkpoints, each of which must satisfy the reader.
    pub fn of(notes: &[&Signed], options: &Options) -> Result<Voices, Failure> {
        let mut voices = Voices {
            nobody: is_nobody(options),
            idle: options.policy.is_some() && !options.keys.is_empty(),
            ..Voices::default()
        };
        let heard = notes.iter().map(|signed| voices.hear(signed, options)).collect::<Vec<_>>();
        let mut failures: Vec<Failure> = heard.into_iter().filter_map(Result::err).collect();
        // Stable: among those of one sort the first note's stands first.
        failures.sort_by_key(|failure| !failure.tampered);
        failures.into_iter().next().map_or(Ok(voices), Err)
    }

    fn hear(&mut self, signed: &Signed, options: &Options) -> Result<(), Failure> {
        let Signed { note, checkpoint } = signed;
        if let Some(policy) = &options.policy {
            let accepted = policy.evaluate(note).map_err(|unsatisfied| bundle::unsatisfied_by(&unsatisfied))?;
            self.cosigners.extend(accepted.cosigners.into_iter().map(|cosigner| cosigner.key));
            if accepted.log_signed {
                self.others.insert(checkpoint.origin.clone());
            } else if options.require_log {
                let expected = format!("a signature of the log {}", checkpoint.origin);
                return Err(undecided("POLICY_LOG", expected, "none"));
            }
            return Ok(());
        }
        if self.nobody {
            return Ok(());
        }
        if !note.signatures.iter().any(|signature| options.keys.iter().any(|key| key.is_of(signature))) {
            let found: Vec<&str> = note.signatures.iter().map(|signature| signature.name.as_str()).collect();
            return Err(undecided("CHECKPOINT_KEY", "a signature of a key that the reader knows", found.join(", ")));
        }
        let verified = note.verify(&options.keys);
        for voice in
            verified.map_err(|error| altered("CHECKPOINT_SIGNATURE", None, "a signature that verifies", error))?
        {
            let names = if voice.kind == TYPE_COSIGNATURE { &mut self.cosigners } else { &mut self.others };
            names.insert(voice.name);
        }
        Ok(())
    }

    /// Their names, each once, sorted.
    pub fn names(&self) -> Vec<&String> {
        self.cosigners.union(&self.others).collect()
    }

    /// Who cosigned.
    pub fn cosignatures(&self) -> Level {
        let idle =
            if self.idle { "; the keys beside the policy count for statements and not for checkpoints" } else { "" };
        match (self.nobody, self.cosigners.is_empty()) {
            (true, _) => Level::not(NOBODY),
            (false, true) => Level::not(format!("no cosigner whom you trust signed{idle}")),
            (false, false) => Level::held(format!("cosigned by {}{idle}", list(&self.cosigners))),
        }
    }

    /// Who signed without being a cosigner.
    pub fn signatures(&self) -> Level {
        match (self.nobody, self.others.is_empty()) {
            (true, _) => Level::not(NOBODY),
            (false, true) => Level::not("no log and no node whom you trust signed beside the cosigners"),
            (false, false) => Level::held(format!("signed by {}, no cosigner", list(&self.others))),
        }
    }
}

fn list(names: &BTreeSet<String>) -> String {
    names.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}
