//! Who stands behind signed checkpoints, for a reader who names a policy, a genesis, keys, or nobody.
//!
//! What was altered is said before what cannot be decided: every signature of a key that counts is verified before anybody
//! asks whether they are enough. A checkpoint has no history of keys: of a genesis its founders count.

use crate::Options;
use crate::report::{Failure, Level, altered, undecided};
use selfsame_protocol::bundle::{self, Voucher};
use selfsame_protocol::genesis::GenesisDocument;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::note::{Checkpoint, Note, TYPE_COSIGNATURE, TYPE_ED25519, Vkey};
use selfsame_protocol::policy::Policy;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// A note over a checkpoint, of which no signature was verified.
pub struct UnverifiedNote {
    /// The note.
    pub note: Note,
    /// What it says.
    pub checkpoint: Checkpoint,
}

/// Reads a signed checkpoint.
pub fn read(bytes: &[u8]) -> Result<UnverifiedNote, Failure> {
    let read =
        Note::parse(bytes).and_then(|note| Ok(UnverifiedNote { checkpoint: Checkpoint::parse(&note.text)?, note }));
    read.map_err(|error| altered("CHECKPOINT_FORM", None, "a signed checkpoint", error))
}

/// The policy of the founders of a genesis: what `cluster policy` printed on the first day.
fn founders(document: &GenesisDocument) -> Result<Policy, Failure> {
    document.policy().map_err(|error| undecided("GENESIS_DOCUMENT", "founders who can vouch for a note", error))
}

/// The genesis itself, where the reader names one that decides.
fn document(options: &Options) -> Result<&GenesisDocument, Failure> {
    let expected = "the genesis as a file: this file has no history of keys, and a digest names no key";
    options.genesis_document.as_ref().ok_or_else(|| undecided("GENESIS_DOCUMENT", expected, "its digest alone"))
}

/// The policy that decides: the reader's, or that of the founders of its genesis. `None` for keys and for nobody.
pub fn policy(options: &Options) -> Result<Option<Cow<'_, Policy>>, Failure> {
    match options.reader().voucher() {
        Voucher::Policy => Ok(options.policy.as_ref().map(Cow::Borrowed)),
        Voucher::Genesis => Ok(Some(Cow::Owned(founders(document(options)?)?))),
        Voucher::Keys | Voucher::Nobody => Ok(None),
    }
}

/// A failure under the policy of founders is one of their genesis.
pub(crate) fn of_genesis(failure: Failure, options: &Options, quorum: &str) -> Failure {
    if options.reader().voucher() != Voucher::Genesis {
        return failure;
    }
    let check = match failure.check.as_str() {
        "POLICY_ORIGIN" => "GENESIS",
        "POLICY_QUORUM" => quorum,
        other => other,
    };
    Failure { check: check.into(), ..failure }
}

/// What a policy says of a note of a log, and that the log is one of the genesis that the reader brings, whoever decides:
/// asked after the policy's own logs, and before its quorum.
pub fn judged<T>(judged: Result<T, Failure>, options: &Options, origin: &str) -> Result<T, Failure> {
    let Some(document) = &options.genesis_document else { return judged };
    let origins = Ledger::BOTH.map(|ledger| document.ledger_origin(ledger));
    match &judged {
        Err(failure) if failure.tampered || failure.check == "POLICY_ORIGIN" => judged,
        _ if origins.iter().any(|known| known == origin) => judged,
        _ => Err(undecided("GENESIS", format!("a note of {}", origins.join(" or ")), origin)),
    }
}

/// Every key that the reader names, whoever decides: for evidence, which needs no quorum.
pub fn keys(options: &Options) -> Result<Vec<Vkey>, Failure> {
    let mut keys = options.keys.clone();
    keys.extend(options.policy.iter().flat_map(Policy::keys));
    if options.reader().voucher() == Voucher::Genesis || options.genesis_document.is_some() {
        let document = document(options)?;
        keys.extend(founders(document)?.keys());
        keys.extend(document.nodes.iter().map(|node| {
            let name = format!("{}/node/{}", document.origin, node.id);
            Vkey { name, kind: TYPE_ED25519, key: node.key }
        }));
    }
    Ok(keys)
}

/// Whose signatures of those whom the reader names verified.
#[derive(Clone, Debug)]
pub struct Voices {
    by: Voucher,
    /// Names of the keys of cosigners.
    cosigners: BTreeSet<String>,
    /// Names of other keys: of logs and nodes.
    others: BTreeSet<String>,
}

impl Voices {
    /// Nobody yet.
    pub fn none(options: &Options) -> Voices {
        Voices { by: options.reader().voucher(), cosigners: BTreeSet::new(), others: BTreeSet::new() }
    }

    /// Those under all of these checkpoints, each of which must satisfy the reader.
    pub fn of(notes: &[&UnverifiedNote], options: &Options) -> Result<Voices, Failure> {
        let mut voices = Voices::none(options);
        let heard = notes.iter().map(|signed| voices.hear(signed, options)).collect::<Vec<_>>();
        let mut failures: Vec<Failure> = heard.into_iter().filter_map(Result::err).collect();
        // Stable: among those of one sort the first note's stands first.
        failures.sort_by_key(|failure| !failure.tampered);
        failures.into_iter().next().map_or(Ok(voices), Err)
    }

    fn hear(&mut self, signed: &UnverifiedNote, options: &Options) -> Result<(), Failure> {
        let UnverifiedNote { note, checkpoint } = signed;
        if let Some(policy) = policy(options)? {
            let accepted = policy
                .evaluate(note)
                .map_err(|unsatisfied| of_genesis(bundle::unsatisfied_by(&unsatisfied), options, "CHECKPOINT_QUORUM"));
            let accepted = judged(accepted, options, &checkpoint.origin)?;
            self.cosigners.extend(accepted.cosigners.into_iter().map(|cosigner| cosigner.key));
            if accepted.log_signed {
                self.others.insert(checkpoint.origin.clone());
            } else if options.require_log && options.policy.is_some() {
                let expected = format!("a signature of the log {}", checkpoint.origin);
                return Err(undecided("POLICY_LOG", expected, "none"));
            }
            return Ok(());
        }
        if self.by == Voucher::Nobody {
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

    /// Adds cosigners of a note that is no checkpoint.
    pub fn cosigned_by(mut self, names: impl IntoIterator<Item = String>) -> Voices {
        self.cosigners.extend(names);
        self
    }

    /// Their names, each once, sorted.
    pub fn names(&self) -> Vec<&String> {
        self.cosigners.union(&self.others).collect()
    }

    /// Their names and on whose word they count, among the members of a report.
    pub fn beside(&self, mut detail: Value) -> Value {
        if let Some(members) = detail.as_object_mut() {
            members.insert("signers".into(), json!(self.names()));
            members.insert("vouched_by".into(), json!(self.by));
        }
        detail
    }

    /// Who cosigned.
    pub fn cosignatures(&self) -> Level {
        let whose = match self.by {
            Voucher::Policy => "cosigners of your policy",
            Voucher::Genesis => "cosigners of your genesis",
            Voucher::Keys => "cosigners that you named",
            Voucher::Nobody => return nobody(),
        };
        match self.cosigners.is_empty() {
            true => Level::not(format!("none of the {whose} signed")),
            false => Level::held(format!("{whose}: {}", list(&self.cosigners))),
        }
    }

    /// Who signed without being a cosigner.
    pub fn signatures(&self) -> Level {
        match (self.by, self.others.is_empty()) {
            (Voucher::Nobody, _) => nobody(),
            (_, true) => Level::not("no log and no node that you know signed beside the cosigners"),
            (_, false) => Level::held(format!("signed by {}, no cosigner", list(&self.others))),
        }
    }
}

/// The level of a check of signatures when nobody is named.
pub fn nobody() -> Level {
    Level::not("nobody that you trust vouches for it: no policy, no genesis and no key was given")
}

fn list(names: &BTreeSet<String>) -> String {
    names.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}
