//! By which rules organisations decide, and who publishes.

use crate::keys::PublicKey;
use crate::names::OrganisationName;
use crate::time::U64;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Milliseconds after which a ballot expires by default: 30 days.
pub(crate) const BALLOT_MS: u64 = 30 * 24 * 60 * 60 * 1_000;

/// Milliseconds of the time to object by default: 7 days.
pub const OBJECTION_MS: u64 = 7 * 24 * 60 * 60 * 1_000;

/// A share of the organisations that must be exceeded: `2/3` asks for `floor(2n/3) + 1` of n.
///
/// At least one half, so that two ballots that contradict each other cannot both find their number, and below one, so
/// that all together always suffice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    numerator: u32,
    denominator: u32,
}

/// Largest denominator of a [`Share`].
const MAX_DENOMINATOR: u32 = 1_000;

impl Share {
    /// More than two thirds.
    pub const TWO_THIRDS: Share = Share { numerator: 2, denominator: 3 };

    /// A share; `None` unless `1/2 <= numerator/denominator < 1` and the denominator is at most 1000.
    pub fn new(numerator: u32, denominator: u32) -> Option<Share> {
        let fits = denominator <= MAX_DENOMINATOR && numerator < denominator && numerator * 2 >= denominator;
        fits.then_some(Share { numerator, denominator })
    }

    /// The share that asks for `number` of `members`, as far as a share can: at least for more than half of them, and at
    /// most for all.
    pub fn asking(number: usize, members: usize) -> Share {
        let fraction = u32::try_from(number.saturating_sub(1)).ok().zip(u32::try_from(members).ok());
        let half = Share { numerator: 1, denominator: 2 };
        match fraction.and_then(|(below, members)| Share::new(below.min(members.saturating_sub(1)), members)) {
            Some(share) => share,
            None => half,
        }
    }

    /// How many of `members` exceed it; 1 of 1, never more than `members` unless that is 0.
    pub const fn needed(self, members: usize) -> usize {
        members.saturating_mul(self.numerator as usize) / self.denominator as usize + 1
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.numerator, self.denominator)
    }
}

impl FromStr for Share {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let number = |digits: &str| digits.parse::<u32>().ok();
        let share = text.split_once('/').and_then(|(a, b)| number(a).zip(number(b)));
        let share = share.and_then(|(numerator, denominator)| Share::new(numerator, denominator));
        // One spelling: what was read is what is written.
        share.filter(|share| share.to_string() == text).ok_or_else(|| {
            format!("a share is a/b with 1/2 <= a/b < 1 and b at most {MAX_DENOMINATOR}, found {text:?}")
        })
    }
}

impl Serialize for Share {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// By which rules organisations decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Approvals that carry an ordinary proposal ([`Class::Ordinary`]).
    pub ordinary: Share,
    /// Approvals that carry a constitutional proposal ([`Class::Constitutional`]).
    pub constitutional: Share,
    /// Organisations whose cosignatures a published checkpoint needs.
    pub cosigning: Share,
    /// Organisations whose vote against a constitutional proposal ends it; sorted, each once.
    pub vetoes: Vec<OrganisationName>,
    /// A ballot expires once the Reasoning ledger has grown by so many entries since it was opened; 0 is never. Members
    /// can make entries, so a small number lets one of them talk a ballot to death.
    pub ballot_entries: U64,
    /// A ballot expires so many milliseconds of the ledger's time after it was opened; 0 is never.
    pub ballot_ms: U64,
    /// Milliseconds of the ledger's time in which an organisation can object to losing its key or its membership: after
    /// them the others suffice, see [`super::ClusterConstitution::unopposed`].
    pub objection_ms: U64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            ordinary: Share::TWO_THIRDS,
            constitutional: Share::TWO_THIRDS,
            cosigning: Share::TWO_THIRDS,
            vetoes: Vec::new(),
            ballot_entries: U64(0),
            ballot_ms: U64(BALLOT_MS),
            objection_ms: U64(OBJECTION_MS),
        }
    }
}

crate::named! {
    /// How much a proposal weighs.
    pub enum Class: "a class of proposals" {
        /// It acts within the rules.
        Ordinary = "ordinary",
        /// It changes the rules, the members, or a member's own keys.
        Constitutional = "constitutional",
    }
}

/// Who publishes the checkpoints that third-party tools read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publisher {
    /// The designated organisation.
    pub organisation: OrganisationName,
    /// Its log key: signs checkpoints under the ledgers' own names, and nothing else.
    pub log_key: PublicKey,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::constitution::MAX_ORGANISATIONS;

    #[test]
    fn a_share_asks_for_more_than_itself_and_never_for_more_than_all() {
        let needed: Vec<_> = (1..=7).map(|n| Share::TWO_THIRDS.needed(n)).collect();
        assert_eq!(needed, [1, 2, 3, 3, 4, 5, 5]);
        for denominator in 1..=40 {
            for share in (0..=denominator).filter_map(|numerator| Share::new(numerator, denominator)) {
                for members in 1..=MAX_ORGANISATIONS {
                    let needed = share.needed(members);
                    assert!(needed <= members && 2 * needed > members, "{share} of {members}: {needed}");
                }
            }
        }
    }

    #[test]
    fn a_number_of_members_has_its_share() {
        for members in 1..=MAX_ORGANISATIONS {
            for number in members / 2 + 1..=members {
                assert_eq!(Share::asking(number, members).needed(members), number, "{number} of {members}");
            }
            assert_eq!(Share::asking(0, members).needed(members), members / 2 + 1);
            assert_eq!(Share::asking(99, members).needed(members), members);
        }
    }

    #[test]
    fn a_share_has_one_spelling_and_is_at_least_one_half() {
        for good in ["1/2", "2/3", "2/4", "999/1000"] {
            assert_eq!(good.parse::<Share>().unwrap().to_string(), good);
        }
        for bad in ["", "2", "1/3", "3/3", "0/0", "02/3", "+2/3", "2/3 ", "999/1001", "4/3", "2/-3", "1/0"] {
            assert!(bad.parse::<Share>().is_err(), "{bad}");
        }
    }
}
