//! Who holds a substrate now, as a note that organisations cosign.
//!
//! ```text
//! text = origin "/holder\n"
//!        "substrate " UUID "\n"
//!        "state " ("active" | "sealed" | "suppressed" | "ended" | "retired") "\n"
//!        "chip " digest "\n"
//!        "epoch " decimal "\n"
//!        "evidence " decimal size " " base64(root) "\n"
//!        "reasoning " decimal size " " base64(root) "\n"
//! ```
//! Each cosignature has its own time. It says: at that time, in a state that holds both trees, this was the holder. The
//! text cannot be taken for a checkpoint, whose second line is a number.

use crate::digest::Digest;
use crate::ledger::Ledger;
use crate::names::SubstrateId;
use crate::note::{Note, NoteError, TYPE_COSIGNATURE, VerifiedKey, Vkey, bad};
use crate::number::Epoch;
use crate::policy::{Cosigner, Policy};
use crate::time::U64;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Seconds by which a cosigner's clock may be ahead of the reader's. Source: far beyond what a synchronised clock is off,
/// far below any useful age.
pub const AHEAD: u64 = 60;

/// What the holder may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HolderState {
    /// The chip may write.
    Active,
    /// A migration is under way: nobody may write.
    Sealed,
    /// Suppressed after HASH_MISMATCH, for ever.
    Suppressed,
    /// Another substrate continues.
    Ended,
    /// The chip was retired by its organisation.
    Retired,
}

impl HolderState {
    const ALL: [HolderState; 5] = [Self::Active, Self::Sealed, Self::Suppressed, Self::Ended, Self::Retired];

    /// The word in the note.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Sealed => "sealed",
            Self::Suppressed => "suppressed",
            Self::Ended => "ended",
            Self::Retired => "retired",
        }
    }
}

/// Size and root of a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tree {
    /// Number of entries.
    pub size: u64,
    /// Root.
    pub root: Digest,
}

/// Who holds a substrate, and in which trees that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HolderStatus {
    /// Prefix of the ledgers' origins.
    pub origin: String,
    /// UUID.
    pub substrate_id: SubstrateId,
    /// What the chip may do.
    pub state: HolderState,
    /// Chip id.
    pub chip: Digest,
    /// Epoch of its activation, from 1.
    pub epoch: Epoch,
    /// The Evidence ledger.
    pub evidence: Tree,
    /// The Reasoning ledger.
    pub reasoning: Tree,
}

/// Why a status is not to be relied on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{check}: expected {expected}, found {found}")]
pub struct HolderError {
    /// `HOLDER_FORM`, `HOLDER_SIGNATURE`, `HOLDER_ORIGIN`, `HOLDER_SUBSTRATE`, `HOLDER_KEY`, `HOLDER_STALE`,
    /// `POLICY_ORIGIN` or `POLICY_QUORUM`.
    pub check: &'static str,
    /// What the check wanted.
    pub expected: String,
    /// What was found.
    pub found: String,
}

impl HolderError {
    /// Whether nothing is wrong with the note, but it is not what the reader asked for, or nobody or too few whom the
    /// reader knows say so, or too long ago.
    pub fn undecidable(&self) -> bool {
        !matches!(self.check, "HOLDER_FORM" | "HOLDER_SIGNATURE")
    }

    fn note(check: &'static str) -> impl Fn(NoteError) -> Self {
        move |error| Self { check, expected: format!("{}: {}", error.rule, error.expected), found: error.found }
    }
}

fn tree_line(name: &str, tree: &Tree) -> String {
    format!("{name} {} {}\n", tree.size, STANDARD.encode(tree.root.as_bytes()))
}

impl HolderStatus {
    /// The text that is cosigned.
    pub fn to_text(&self) -> String {
        format!(
            "{}/holder\nsubstrate {}\nstate {}\nchip {}\nepoch {}\n{}{}",
            self.origin,
            self.substrate_id,
            self.state.as_str(),
            self.chip,
            self.epoch,
            tree_line("evidence", &self.evidence),
            tree_line("reasoning", &self.reasoning),
        )
    }

    /// Whether a text is meant as one, so that its reader knows which form to refuse it by.
    pub fn is_meant(text: &str) -> bool {
        text.split('\n').nth(1).is_some_and(|second| second.starts_with("substrate "))
    }

    /// Reads the text; it has one spelling.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        const RULE: &str = "form of a holder status";
        let lines: Vec<&str> = text.split('\n').collect();
        let [origin, substrate, state, chip, epoch, evidence, reasoning, ""] = lines[..] else {
            return bad(RULE, "seven lines", format!("{} lines", lines.len().saturating_sub(1)));
        };
        let field = |line: &str, name: &str| match line.strip_prefix(name).and_then(|rest| rest.strip_prefix(' ')) {
            Some(value) => Ok(value.to_string()),
            None => bad(RULE, name, line),
        };
        let number = |value: &str| match value.parse::<U64>() {
            Ok(number) => Ok(number.0),
            Err(_) => bad(RULE, "a decimal number without leading zeros", value),
        };
        let tree = |line: &str, name: &str| {
            let value = field(line, name)?;
            let parts = value.split_once(' ');
            let root = |text| STANDARD.decode(text).ok().and_then(|root| <[u8; 32]>::try_from(root).ok());
            match parts.and_then(|(size, encoded)| Some((size, root(encoded)?))) {
                Some((size, root)) => Ok(Tree { size: number(size)?, root: Digest::from_bytes(root) }),
                None => bad(RULE, "a size and 32 bytes in base64", line),
            }
        };
        let Some(prefix) = origin.strip_suffix("/holder").filter(|prefix| !prefix.is_empty()) else {
            return bad(RULE, "an origin and /holder", origin);
        };
        let substrate_id = field(substrate, "substrate")?;
        let Ok(substrate_id) = substrate_id.parse() else { return bad(RULE, "a UUID", substrate_id) };
        let word = field(state, "state")?;
        let Some(state) = HolderState::ALL.into_iter().find(|state| state.as_str() == word) else {
            return bad(RULE, "active, sealed, suppressed, ended or retired", word);
        };
        let chip = field(chip, "chip")?;
        let Ok(chip) = chip.parse() else { return bad(RULE, "the digest of a key", chip) };
        Ok(Self {
            origin: prefix.into(),
            substrate_id,
            state,
            chip,
            epoch: Epoch(number(&field(epoch, "epoch")?)?),
            evidence: tree(evidence, "evidence")?,
            reasoning: tree(reasoning, "reasoning")?,
        })
    }
}

/// How old what vouches for a status may be, and what time it is for the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Age {
    /// Seconds.
    pub most: u64,
    /// Seconds since 1970.
    pub now: u64,
}

impl Age {
    /// Whether a time is not older than that, and not from the future.
    pub const fn allows(&self, time: u64) -> bool {
        time <= self.now.saturating_add(AHEAD) && self.now.saturating_sub(time) <= self.most
    }
}

/// A status of which cosigners say that it was so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CosignedStatus {
    /// What they say.
    pub status: HolderStatus,
    /// Who, and when: all of them, whatever age is allowed.
    pub cosigners: Vec<VerifiedKey>,
}

impl CosignedStatus {
    /// Time of the oldest cosignature that counts: all of them are of then or later. One cosigner alone renews its own line
    /// and not this. `None` when nobody vouches.
    pub fn since(&self) -> Option<u64> {
        self.cosigners.iter().filter_map(|cosigner| cosigner.time).min()
    }
}

/// One young line says nothing of the others, so that what is named is the oldest, and the newest only where it is ahead.
fn stale(age: &Age, expected: &str, times: &[u64]) -> HolderError {
    let shown = |time: u64| match time.checked_sub(age.now) {
        None | Some(0) => format!("{} seconds old", age.now - time),
        Some(ahead) => format!("{ahead} seconds ahead of this clock"),
    };
    let young = times.iter().filter(|time| age.allows(**time)).count();
    let (oldest, newest) = (times.iter().min(), times.iter().max());
    let mut found = match oldest {
        Some(oldest) => format!("{young} of {} that signed are; the oldest is {}", times.len(), shown(*oldest)),
        None => "none".into(),
    };
    if let Some(ahead) = newest.filter(|newest| oldest != Some(newest) && **newest > age.now.saturating_add(AHEAD)) {
        found.push_str(&format!(", the newest {}", shown(*ahead)));
    }
    HolderError { check: "HOLDER_STALE", expected: format!("{expected}, each at most {} seconds old", age.most), found }
}

/// Verifies a status note under keys, of which those of cosigners count: none of them failed, and at least one signed, at
/// most as long ago as the age allows.
pub fn by_keys(note: &Note, known: &[Vkey], age: Option<&Age>) -> Result<CosignedStatus, HolderError> {
    let status = HolderStatus::parse(&note.text).map_err(HolderError::note("HOLDER_FORM"))?;
    let cosigners: Vec<Vkey> = known.iter().filter(|key| key.kind == TYPE_COSIGNATURE).cloned().collect();
    if !note.signatures.iter().any(|signature| cosigners.iter().any(|key| key.is_of(signature))) {
        let expected = "a cosignature of a known key".into();
        return Err(HolderError { check: "HOLDER_KEY", expected, found: "none".into() });
    }
    let cosigners = note.verify(&cosigners).map_err(HolderError::note("HOLDER_SIGNATURE"))?;
    let times: Vec<u64> = cosigners.iter().filter_map(|cosigner| cosigner.time).collect();
    match age.filter(|age| !times.iter().any(|time| age.allows(*time))) {
        Some(age) => Err(stale(age, "a cosignature of a known key", &times)),
        None => Ok(CosignedStatus { status, cosigners }),
    }
}

/// Verifies a status note under a policy that names both logs of its origin: no key that the policy names failed, and its
/// quorum cosigned, at most as long ago as the age allows. The logs' own keys sign no statuses and count for nothing here,
/// so that a quorum of none is never met.
pub fn by_policy(note: &Note, policy: &Policy, age: Option<&Age>) -> Result<CosignedStatus, HolderError> {
    let status = HolderStatus::parse(&note.text).map_err(HolderError::note("HOLDER_FORM"))?;
    let heard = policy.hear(note).map_err(HolderError::note("HOLDER_SIGNATURE"))?;
    let logs = Ledger::BOTH.map(|ledger| format!("{}/{ledger}", status.origin));
    if let Some(unknown) = logs.iter().find(|log| !policy.names(log)) {
        let (expected, found) = ("a policy that names both logs of the status".into(), format!("none of {unknown}"));
        return Err(HolderError { check: "POLICY_ORIGIN", expected, found });
    }
    if let Some([expected, found]) = policy.lacking(&heard) {
        return Err(HolderError { check: "POLICY_QUORUM", expected, found });
    }
    let all = heard.cosigners();
    if let Some(age) = age {
        let mut young = heard;
        young.witnesses.iter_mut().for_each(|one| *one = one.take().filter(|cosigner| age.allows(cosigner.time)));
        if let Some([expected, _]) = policy.lacking(&young) {
            return Err(stale(age, &expected, &all.iter().map(|cosigner| cosigner.time).collect::<Vec<_>>()));
        }
    }
    let cosigner = |one: Cosigner| VerifiedKey { name: one.key, kind: TYPE_COSIGNATURE, time: Some(one.time) };
    Ok(CosignedStatus { status, cosigners: all.into_iter().map(cosigner).collect() })
}

/// Verifies a status note for a reader who asked for this origin and substrate: at least one known key cosigned it, and
/// none of them failed. Who has to have cosigned, and how recently, is the reader's policy: see [`fresh`] and
/// [`crate::quorum`].
pub fn verify(
    note: &Note,
    origin: &str,
    substrate_id: &str,
    known: &[Vkey],
) -> Result<(HolderStatus, Vec<VerifiedKey>), HolderError> {
    let CosignedStatus { status, cosigners } = by_keys(note, known, None)?;
    for (check, expected, found) in
        [("HOLDER_ORIGIN", origin, status.origin.as_str()), ("HOLDER_SUBSTRATE", substrate_id, &status.substrate_id)]
    {
        if expected != found {
            return Err(HolderError { check, expected: expected.into(), found: found.into() });
        }
    }
    Ok((status, cosigners))
}

/// The cosignatures that are not older than `max_age` seconds at `now`, seconds since 1970, and not from the future.
pub fn fresh(verified: &[VerifiedKey], now: u64, max_age: u64) -> Vec<VerifiedKey> {
    let age = Age { most: max_age, now };
    verified.iter().filter(|v| v.time.is_some_and(|time| age.allows(time))).cloned().collect()
}

#[cfg(test)]
mod tests;
