//! Trust policies (c2sp.org/tlog-policy): which logs and witnesses a reader knows, and how many of them must have signed.
//!
//! ```text
//! log <vkey> [<url>]                        a checkpoint of this origin; the key signs it (type 0x01)
//! witness <name> <vkey> [<url>]             a cosigner (type 0x04)
//! group <name> all|any|<k> <member>…        members stand on lines before
//! quorum <name>|none                        exactly once
//! ```
//! Deviations: names and URLs are UTF-8, and a file has at most [`MAX_BYTES`] bytes and [`MAX_ITEMS`] lines of each kind
//! (the format asks for 32 or more). One key may stand in several log lines under different names, because a cluster's two
//! ledgers may have one log key; the format gives each log its own, so that for other tools a policy names one ledger.
//!
//! A policy without logs says nothing of origins: the reader names those that it means ([`Policy::with_origins`]).
//!
//! A log's own signature is one more signature here, not a condition, unless the quorum is `none`: the organisations'
//! cosignatures are what cannot be given for two histories, and receipts keep flowing while the publisher is away. A
//! reader that wants the log's line as well demands [`Accepted::log_signed`].

mod parse;
#[cfg(test)]
mod tests;

use crate::note::{Checkpoint, Note, NoteError, TYPE_COSIGNATURE, TYPE_ED25519, VerifiedKey, Vkey};
use serde::Serialize;
use std::fmt;

/// Largest policy file read.
pub const MAX_BYTES: usize = 256 << 10;
/// Most logs, most witnesses and most groups of a policy.
pub const MAX_ITEMS: usize = 1_024;

/// A log that is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Its key; the key's name is the origin.
    pub vkey: Vkey,
    /// Where it is, if anybody said.
    pub url: Option<String>,
}

/// A cosigner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// Its name in this policy.
    pub name: String,
    /// Its key.
    pub vkey: Vkey,
    /// Where it is, if anybody said.
    pub url: Option<String>,
}

/// What a group counts, by position in the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Member {
    /// A witness.
    Witness(usize),
    /// An earlier group.
    Group(usize),
}

/// Witnesses and groups of which `threshold` must have signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name in this policy.
    pub name: String,
    /// 1 to the number of members.
    pub threshold: usize,
    /// At least one.
    pub members: Vec<Member>,
}

/// A policy whose references hold: members stand before the groups that name them, and each in one group at most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    logs: Vec<Log>,
    witnesses: Vec<Witness>,
    groups: Vec<Group>,
    quorum: Option<Member>,
    /// Origins accepted beside those of the logs; no part of the written form.
    origins: Vec<String>,
}

/// Why text is not a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {rule}: expected {expected}, found {found}", place(*line))]
pub struct PolicyError {
    /// From 1; 0 for the file as a whole.
    pub line: usize,
    /// The rule.
    pub rule: &'static str,
    /// What it wanted.
    pub expected: String,
    /// What was found.
    pub found: String,
}

/// Where a policy is wrong, in words.
fn place(line: usize) -> String {
    if line == 0 { "policy".into() } else { format!("policy line {line}") }
}

/// Why a note does not satisfy a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsatisfied {
    /// The text is no checkpoint.
    #[error("{0}")]
    Form(NoteError),
    /// A key that the policy names stands under the note, and its signature does not verify: the note was altered.
    #[error("{0}")]
    Signature(NoteError),
    /// The policy knows no log of this origin: nothing can be decided.
    #[error("POLICY_ORIGIN: expected a log that the policy names, found {0}")]
    Origin(String),
    /// The signatures that verify do not reach the quorum: nothing can be decided.
    #[error("POLICY_QUORUM: expected {expected}, found {found}")]
    Quorum {
        /// The quorum in words.
        expected: String,
        /// The witnesses whose cosignatures verified.
        found: String,
    },
}

impl Unsatisfied {
    /// Whether the note was altered; `false` when nothing can be decided about it.
    pub const fn tampered(&self) -> bool {
        match self {
            Unsatisfied::Form(_) | Unsatisfied::Signature(_) => true,
            Unsatisfied::Origin(_) | Unsatisfied::Quorum { .. } => false,
        }
    }
    /// Stable name of the check.
    pub const fn check(&self) -> &'static str {
        match self {
            Unsatisfied::Form(_) => "CHECKPOINT_FORM",
            Unsatisfied::Signature(_) => "CHECKPOINT_SIGNATURE",
            Unsatisfied::Origin(_) => "POLICY_ORIGIN",
            Unsatisfied::Quorum { .. } => "POLICY_QUORUM",
        }
    }
}

/// A cosignature that verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cosigner {
    /// The witness's name in the policy.
    pub witness: String,
    /// The name of its key.
    pub key: String,
    /// Seconds since 1970 that it stated.
    pub time: u64,
}

/// Whose signatures under a note verified, of the keys that a policy names.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    /// Names of log keys.
    logs: Vec<String>,
    /// Each witness of the policy, in its order.
    pub(crate) witnesses: Vec<Option<Cosigner>>,
}

impl Heard {
    /// The witnesses that cosigned.
    pub(crate) fn cosigners(&self) -> Vec<Cosigner> {
        self.witnesses.iter().flatten().cloned().collect()
    }
}

/// A checkpoint that satisfies a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Origin, size and root.
    pub checkpoint: Checkpoint,
    /// Whether the log's own key signed it.
    pub log_signed: bool,
    /// Every witness of the policy that cosigned it, in order of the policy.
    pub cosigners: Vec<Cosigner>,
}

impl Policy {
    /// The policy of a cluster: both logs, one group for each organisation that any of its cosigners satisfies, and
    /// `threshold` of the organisations. Refuses what [`Policy::parse`] would refuse in the written form.
    pub fn of_organisations(
        logs: Vec<Vkey>,
        organisations: &[(String, Vec<Vkey>)],
        threshold: usize,
    ) -> Result<Policy, PolicyError> {
        let mut policy = Policy::default();
        policy.logs.extend(logs.into_iter().map(|vkey| Log { vkey, url: None }));
        let mut members = Vec::new();
        for (name, cosigners) in organisations {
            let first = policy.witnesses.len();
            // Prefixes keep the names of keys, organisations and the quorum apart.
            policy.witnesses.extend(cosigners.iter().map(|vkey| Witness {
                name: format!("cosigner:{}", vkey.name),
                vkey: vkey.clone(),
                url: None,
            }));
            members.push(Member::Group(policy.groups.len()));
            policy.groups.push(Group {
                name: format!("organisation:{name}"),
                threshold: 1,
                members: (first..policy.witnesses.len()).map(Member::Witness).collect(),
            });
        }
        policy.quorum = Some(Member::Group(policy.groups.len()));
        policy.groups.push(Group { name: "organisations".into(), threshold, members });
        // The written form is what others read: what it cannot say is refused here and not there.
        Policy::parse(policy.to_text().as_bytes())
    }

    /// Cosigners that a cluster of `n` organisations demands unless it says otherwise: floor(2n/3) + 1.
    pub const fn default_threshold(n: usize) -> usize {
        n / 3 * 2 + n % 3 * 2 / 3 + 1
    }

    /// The same policy, accepting checkpoints of these origins too: for logs that have no key of their own.
    pub fn with_origins(self, origins: Vec<String>) -> Policy {
        Policy { origins, ..self }
    }

    /// The written form: logs, then witnesses, then groups, then the quorum.
    pub fn to_text(&self) -> String {
        let url = |url: &Option<String>| url.as_ref().map(|url| format!(" {url}")).unwrap_or_default();
        let mut out = String::new();
        for log in &self.logs {
            out.push_str(&format!("log {}{}\n", log.vkey.to_text(), url(&log.url)));
        }
        for witness in &self.witnesses {
            out.push_str(&format!("witness {} {}{}\n", witness.name, witness.vkey.to_text(), url(&witness.url)));
        }
        for group in &self.groups {
            let threshold = match group.threshold {
                all if all == group.members.len() => "all".to_string(),
                1 => "any".to_string(),
                k => k.to_string(),
            };
            let members: Vec<&str> = group.members.iter().map(|member| self.name(*member)).collect();
            out.push_str(&format!("group {} {threshold} {}\n", group.name, members.join(" ")));
        }
        out.push_str(&format!("quorum {}\n", self.quorum.map_or("none", |member| self.name(member))));
        out
    }

    /// The logs.
    pub fn logs(&self) -> &[Log] {
        &self.logs
    }

    /// The witnesses.
    pub fn witnesses(&self) -> &[Witness] {
        &self.witnesses
    }

    /// Every key that the policy names.
    pub fn keys(&self) -> Vec<Vkey> {
        self.logs.iter().map(|log| &log.vkey).chain(self.witnesses.iter().map(|w| &w.vkey)).cloned().collect()
    }

    fn name(&self, member: Member) -> &str {
        let name = match member {
            Member::Witness(at) => self.witnesses.get(at).map(|w| &w.name),
            Member::Group(at) => self.groups.get(at).map(|g| &g.name),
        };
        name.map_or("", String::as_str)
    }

    /// Whether a member is satisfied when exactly these witnesses cosigned. Groups count earlier ones only, so that one
    /// pass decides all of them.
    fn satisfied(&self, wanted: Member, signed: &[Option<Cosigner>]) -> bool {
        let holds = |member: &Member, groups: &[bool]| match member {
            Member::Witness(at) => signed.get(*at).is_some_and(Option::is_some),
            Member::Group(at) => groups.get(*at).copied().unwrap_or(false),
        };
        let mut groups = Vec::with_capacity(self.groups.len());
        for group in &self.groups {
            let count = group.members.iter().filter(|member| holds(member, &groups)).count();
            groups.push(count >= group.threshold);
        }
        holds(&wanted, &groups)
    }

    /// Verifies a checkpoint's signatures under the policy's keys and evaluates the quorum. Signatures of other keys are
    /// ignored; one of a key that the policy names and that does not verify refuses the note, whatever log it is of: that
    /// it was altered is known before anything about its origin.
    pub fn evaluate(&self, note: &Note) -> Result<Accepted, Unsatisfied> {
        let checkpoint = Checkpoint::parse(&note.text).map_err(Unsatisfied::Form)?;
        let heard = self.hear(note).map_err(Unsatisfied::Signature)?;
        if !self.names(&checkpoint.origin) {
            return Err(Unsatisfied::Origin(checkpoint.origin));
        }
        // A log vouches for its own origin alone.
        let log_signed = heard.logs.contains(&checkpoint.origin);
        let lacking = match self.quorum {
            Some(_) => self.lacking(&heard),
            None if log_signed => None,
            None => Some(["the log's own signature".into(), "none".into()]),
        };
        if let Some([expected, found]) = lacking {
            return Err(Unsatisfied::Quorum { expected, found });
        }
        Ok(Accepted { checkpoint, log_signed, cosigners: heard.cosigners() })
    }

    /// The cosigners of a note that is no checkpoint, when they satisfy the quorum. Whose note it is, its reader checks. A
    /// policy without a quorum names nobody who cosigns such a note: it is never satisfied.
    pub fn cosigned(&self, note: &Note) -> Result<Vec<Cosigner>, Unsatisfied> {
        let heard = self.hear(note).map_err(Unsatisfied::Signature)?;
        match self.lacking(&heard) {
            None => Ok(heard.cosigners()),
            Some([expected, found]) => Err(Unsatisfied::Quorum { expected, found }),
        }
    }

    /// Whether this is the origin of a log that the policy accepts.
    pub(crate) fn names(&self, origin: &str) -> bool {
        self.origins.iter().any(|named| named == origin) || self.logs.iter().any(|log| log.vkey.name == origin)
    }

    /// Verifies the signatures of every key that the policy names.
    pub(crate) fn hear(&self, note: &Note) -> Result<Heard, NoteError> {
        let verified = |vkey: &Vkey| match note.signatures.iter().any(|signature| vkey.is_of(signature)) {
            false => Ok(None),
            true => note.verify(std::slice::from_ref(vkey)).map(|found| found.into_iter().next()),
        };
        let mut heard = Heard { logs: Vec::new(), witnesses: Vec::with_capacity(self.witnesses.len()) };
        for log in &self.logs {
            heard.logs.extend(verified(&log.vkey)?.map(|found| found.name));
        }
        for witness in &self.witnesses {
            let cosigner = |found: VerifiedKey| Cosigner {
                witness: witness.name.clone(),
                key: found.name,
                time: found.time.unwrap_or_default(),
            };
            heard.witnesses.push(verified(&witness.vkey)?.map(cosigner));
        }
        Ok(heard)
    }

    /// What cosignatures lack to the quorum: what it demands, and what was found. Where the quorum is `none`, they never
    /// reach it.
    pub(crate) fn lacking(&self, heard: &Heard) -> Option<[String; 2]> {
        if self.quorum.is_some_and(|quorum| self.satisfied(quorum, &heard.witnesses)) {
            return None;
        }
        let names: Vec<&str> = heard.witnesses.iter().flatten().map(|cosigner| cosigner.witness.as_str()).collect();
        let found = if names.is_empty() { "none of them".into() } else { names.join(", ") };
        Some([self.quorum_in_words(), found])
    }

    fn quorum_in_words(&self) -> String {
        match self.quorum {
            None => "cosigners, of whom the policy demands none".into(),
            Some(Member::Witness(at)) => format!("a cosignature of {}", self.name(Member::Witness(at))),
            Some(Member::Group(at)) => self.groups.get(at).map_or_else(String::new, |group| {
                let members: Vec<&str> = group.members.iter().take(20).map(|m| self.name(*m)).collect();
                format!("cosignatures of {} of {}", group.threshold, members.join(", "))
            }),
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

/// Signature type of the keys of a line.
const fn wanted_kind(log: bool) -> (u8, &'static str) {
    if log { (TYPE_ED25519, "a log key of type 1") } else { (TYPE_COSIGNATURE, "a cosignature key of type 4") }
}
