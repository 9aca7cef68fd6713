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
use crate::note::{Note, NoteError, TYPE_COSIGNATURE, Verified, Vkey, bad};
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
    pub substrate_id: String,
    /// What the chip may do.
    pub state: HolderState,
    /// Chip id.
    pub chip: Digest,
    /// Epoch of its activation, from 1.
    pub epoch: u64,
    /// The Evidence ledger.
    pub evidence: Tree,
    /// The Reasoning ledger.
    pub reasoning: Tree,
}

/// Why a status is not to be relied on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{check}: expected {expected}, found {found}")]
pub struct HolderError {
    /// `HOLDER_FORM`, `HOLDER_KEY`, `HOLDER_SIGNATURE`, `HOLDER_ORIGIN` or `HOLDER_SUBSTRATE`.
    pub check: &'static str,
    /// What the check wanted.
    pub expected: String,
    /// What was found.
    pub found: String,
}

impl HolderError {
    /// Whether nothing is wrong, but no signature is by a known key.
    pub fn undecidable(&self) -> bool {
        self.check == "HOLDER_KEY"
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
        text.split('\n').next().is_some_and(|first| first.ends_with("/holder"))
            && text.split('\n').nth(1).is_some_and(|second| second.starts_with("substrate "))
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
        if !crate::command::is_uuid(&substrate_id) {
            return bad(RULE, "a UUID", substrate_id);
        }
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
            epoch: number(&field(epoch, "epoch")?)?,
            evidence: tree(evidence, "evidence")?,
            reasoning: tree(reasoning, "reasoning")?,
        })
    }
}

/// Verifies a status note: it is of this origin and substrate, at least one known key cosigned it, and none of them
/// failed. Who has to have cosigned, and how recently, is the reader's policy: see [`fresh`] and [`crate::quorum`].
pub fn verify(
    note: &Note,
    origin: &str,
    substrate_id: &str,
    known: &[Vkey],
) -> Result<(HolderStatus, Vec<Verified>), HolderError> {
    let status = HolderStatus::parse(&note.text).map_err(HolderError::note("HOLDER_FORM"))?;
    for (check, expected, found) in
        [("HOLDER_ORIGIN", origin, &status.origin), ("HOLDER_SUBSTRATE", substrate_id, &status.substrate_id)]
    {
        if expected != found {
            return Err(HolderError { check, expected: expected.into(), found: found.clone() });
        }
    }
    let cosigners: Vec<Vkey> = known.iter().filter(|key| key.kind == TYPE_COSIGNATURE).cloned().collect();
    if !note.signatures.iter().any(|signature| cosigners.iter().any(|key| key.is_of(signature))) {
        return Err(HolderError {
            check: "HOLDER_KEY",
            expected: "a cosignature of a known key".into(),
            found: "none".into(),
        });
    }
    let verified = note.verify(&cosigners).map_err(HolderError::note("HOLDER_SIGNATURE"))?;
    Ok((status, verified))
}

/// The cosignatures that are not older than `max_age` seconds at `now`, seconds since 1970, and not from the future.
pub fn fresh(verified: &[Verified], now: u64, max_age: u64) -> Vec<Verified> {
    let young = |time: u64| time <= now.saturating_add(AHEAD) && now.saturating_sub(time) <= max_age;
    verified.iter().filter(|v| v.time.is_some_and(young)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cosignature;
    use crate::keys::SecretKey;
    use crate::merkle::empty_root;
    use crate::note::Checkpoint;
    use crate::quorum::{Cosigner, Quorum};

    const ID: &str = "00000000-0000-4000-8000-000000000001";

    fn status() -> HolderStatus {
        let tree = Tree { size: 7, root: empty_root() };
        HolderStatus {
            origin: "ledger.example".into(),
            substrate_id: ID.into(),
            state: HolderState::Active,
            chip: Digest::of(b"chip"),
            epoch: 3,
            evidence: tree,
            reasoning: Tree { size: 0, ..tree },
        }
    }

    #[test]
    fn the_text_has_one_spelling_and_is_no_checkpoint() {
        let text = status().to_text();
        assert!(text.starts_with(
            "ledger.example/holder\nsubstrate 00000000-0000-4000-8000-000000000001\nstate active\nchip sha256:"
        ));
        assert!(text.ends_with("epoch 3\nevidence 7 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nreasoning 0 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"));
        assert!(HolderStatus::is_meant(&text));
        assert_eq!(HolderStatus::parse(&text), Ok(status()));
        assert!(Checkpoint::parse(&text).is_err());
        assert!(HolderStatus::parse("o\n1\nLP73YnWX4AtWSXV3Stco7yEHBnWfym1kE4xt/By/LNo=\n").is_err());
        for (from, to) in [
            ("/holder", ""),
            ("ledger.example/holder", "/holder"),
            ("state active", "state Active"),
            ("state active", "status active"),
            ("epoch 3", "epoch 03"),
            ("evidence 7 ", "evidence 7  "),
            ("sha256:", "sha512:"),
            (ID, "x"),
            ("epoch 3\n", ""),
        ] {
            assert!(HolderStatus::parse(&text.replace(from, to)).is_err(), "{from} -> {to}");
        }
        assert!(HolderStatus::parse(&format!("{text}more\n")).is_err());
    }

    /// A stale chip is rejected by the age of what vouches for it.
    #[test]
    fn organisations_vouch_for_the_holder_at_a_time() {
        let key = |n: u8| SecretKey::from_seed(&[n; 32]);
        let cosigners: Vec<Cosigner> = (1..=3)
            .map(|n| Cosigner {
                organisation: format!("org{n}"),
                vkey: cosignature::vkey(&format!("ledger.example/cosigner/{n}"), key(n).public()),
            })
            .collect();
        let quorum = Quorum { cosigners, threshold: 2 };
        let mut note = Note::new(status().to_text());
        for (n, time) in [(1, 1_000), (2, 1_010), (3, 400)] {
            note.cosign(&format!("ledger.example/cosigner/{n}"), &key(n), time);
        }
        let (found, verified) = verify(&note, "ledger.example", ID, &quorum.vkeys()).unwrap();
        assert_eq!(found, status());
        let young = |now, age| quorum.count(&fresh(&verified, now, age)).len();
        assert_eq!((young(1_020, 60), young(1_020, 1_000), young(1_071, 60), young(2_000, 60)), (2, 3, 0, 0));
        assert_eq!(young(1_065, 60), 1);
        // At the very age it counts, a second later no more; and so with the clock that is ahead.
        assert_eq!((young(1_070, 60), young(1_060, 60), young(1_061, 60)), (1, 2, 1));
        assert_eq!((young(1_000 - AHEAD, 600), young(1_000 - AHEAD - 1, 600)), (2, 1));
        // One from the future is none.
        assert_eq!(young(900, 60), 0);
        let check =
            |note: &Note, origin: &str, id: &str, keys: &[Vkey]| verify(note, origin, id, keys).unwrap_err().check;
        assert_eq!(check(&note, "other.example", ID, &quorum.vkeys()), "HOLDER_ORIGIN");
        assert_eq!(
            check(&note, "ledger.example", "00000000-0000-4000-8000-000000000002", &quorum.vkeys()),
            "HOLDER_SUBSTRATE"
        );
        assert_eq!(check(&note, "ledger.example", ID, &[]), "HOLDER_KEY");
        let other = Note { text: note.text.replace("epoch 3", "epoch 4"), ..note.clone() };
        assert_eq!(check(&other, "ledger.example", ID, &quorum.vkeys()), "HOLDER_SIGNATURE");
        assert_eq!(check(&Note { text: "x\n".into(), ..note }, "ledger.example", ID, &[]), "HOLDER_FORM");
    }
}
