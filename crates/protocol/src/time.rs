//! Times and 64-bit numbers as they stand in JSON.
//!
//! Times are RFC 3339 UTC with `Z` and milliseconds; the stored string is what is hashed. 64-bit values are decimal
//! strings without sign or leading zeros, because JSON numbers above 2^53−1 differ between parsers.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, str::FromStr};

/// Milliseconds since 1970-01-01T00:00:00Z. In JSON and as hash operand: `2026-03-08T00:00:00.000Z`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

/// 9999-12-30T21:59:59.999Z: the latest time that the calendar library prints; later ones are clamped to it.
const MAX_MS: u64 = 253_402_207_199_999;

/// Why a string is not a [`Timestamp`] or [`U64`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is wrong: {expected}")]
pub struct FormatError {
    /// The form that was required.
    pub expected: &'static str,
    /// At most 100 characters of what was found.
    pub found: String,
}

impl Timestamp {
    /// From Unix milliseconds; later than the year 9999 is clamped to its end, so that printing never fails.
    pub fn from_millis(ms: u64) -> Self {
        Self(ms.min(MAX_MS))
    }
    /// Unix milliseconds.
    pub fn millis(self) -> u64 {
        self.0
    }
    /// Unix seconds, rounded down.
    pub fn seconds(self) -> u64 {
        self.0 / 1000
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = jiff::Timestamp::from_millisecond(self.0 as i64).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        write!(f, "{time:.3}")
    }
}

impl FromStr for Timestamp {
    type Err = FormatError;
    fn from_str(text: &str) -> Result<Self, FormatError> {
        let bad = || FormatError {
            expected: "a time is RFC 3339 in UTC with Z and milliseconds, as 2026-03-08T00:00:00.000Z",
            found: text.chars().take(100).collect(),
        };
        let time: jiff::Timestamp = text.parse().map_err(|_| bad())?;
        let parsed = Self::from_millis(u64::try_from(time.as_millisecond()).map_err(|_| bad())?);
        // One spelling only: whatever prints differently from what was read is refused.
        if parsed.to_string() == text { Ok(parsed) } else { Err(bad()) }
    }
}

/// A 64-bit counter (index, depth, epoch, sequence) that is a decimal string in JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct U64(pub u64);

impl fmt::Display for U64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for U64 {
    type Err = FormatError;
    fn from_str(text: &str) -> Result<Self, FormatError> {
        let value = text.parse::<u64>().ok().filter(|v| v.to_string() == text);
        value.map(Self).ok_or_else(|| FormatError {
            expected: "a counter is a decimal string without sign or leading zeros, at most 18446744073709551615",
            found: text.chars().take(100).collect(),
        })
    }
}

impl From<u64> for U64 {
    fn from(value: u64) -> Self {
        Self(value)
    }
}

macro_rules! as_json_string {
    ($($name:ty),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}
as_json_string!(Timestamp, U64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_one_spelling() {
        assert_eq!(Timestamp::from_millis(1_772_928_000_000).to_string(), "2026-03-08T00:00:00.000Z");
        assert_eq!("2026-03-08T00:00:00.000Z".parse(), Ok(Timestamp::from_millis(1_772_928_000_000)));
        for bad in [
            "2026-03-08T00:00:00Z",
            "2026-03-08T00:00:00.000+00:00",
            "2026-03-08 00:00:00.000Z",
            "2026-03-08T00:00:00.0001Z",
            "",
            "now",
            "-000001-01-01T00:00:00.000Z",
        ] {
            assert!(bad.parse::<Timestamp>().is_err(), "{bad}");
        }
        assert_eq!(Timestamp::from_millis(u64::MAX).to_string(), "9999-12-30T21:59:59.999Z");
    }

    #[test]
    fn a_counter_has_one_spelling() {
        assert_eq!("18446744073709551615".parse(), Ok(U64(u64::MAX)));
        for bad in ["", "00", "01", "+1", "-1", "1.0", "18446744073709551616", "1 "] {
            assert!(bad.parse::<U64>().is_err(), "{bad}");
        }
    }
}
