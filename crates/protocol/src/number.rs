//! Numbers that must not be taken for one another. In JSON each is a decimal string, as [`U64`] is.

use crate::time::{FormatError, U64};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, str::FromStr};

macro_rules! numbers {
    ($($(#[$about:meta])* $name:ident;)*) => {$(
        $(#[$about])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = FormatError;
            fn from_str(text: &str) -> Result<Self, FormatError> {
                text.parse::<U64>().map(|number| Self(number.0))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                U64(self.0).serialize(s)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                U64::deserialize(d).map(|number| Self(number.0))
            }
        }
    )*};
}

numbers! {
    /// Numbers the tenures of a substrate's holders: 1 at birth, one more with each migration and each abort of one, and
    /// 2^32 more for each recovery of the cluster.
    Epoch;
    /// Place in the log that the nodes replicate, from 1; 0 is the genesis. It counts proposals, and is no index of a
    /// ledger, which counts entries.
    LogIndex;
    /// A node of the cluster, from 1. It is never given to another node, not even after the node was retired.
    NodeId;
}

impl Epoch {
    /// Epochs that a recovery of the cluster skips: no epoch of before it can be reached again by counting.
    pub const OF_A_RECOVERY: u64 = 1 << 32;

    /// The epoch of a birth after so many recoveries.
    pub fn first(recoveries: u64) -> Epoch {
        Epoch(1).after_recoveries(recoveries)
    }

    /// The epoch that the next activation has.
    pub fn next(self) -> Epoch {
        Epoch(self.0.saturating_add(1))
    }

    /// The epoch that so many recoveries of the cluster move this one to.
    pub fn after_recoveries(self, recoveries: u64) -> Epoch {
        Epoch(self.0.saturating_add(recoveries.saturating_mul(Self::OF_A_RECOVERY)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_spelling() {
        assert_eq!(serde_json::to_string(&Epoch(7)).unwrap(), "\"7\"");
        assert_eq!(serde_json::from_str::<Epoch>("\"7\"").unwrap(), Epoch(7));
        for bad in ["7", "\"07\"", "\"+7\"", "\"-1\"", "\"\"", "\"18446744073709551616\"", "null", "[7]"] {
            assert!(serde_json::from_str::<Epoch>(bad).is_err(), "{bad}");
        }
    }
}
