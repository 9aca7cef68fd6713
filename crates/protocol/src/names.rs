//! Names, ids and words that people choose: their form, and what refuses another one.

use crate::code::{Code, Refusal};
use serde::de::{Deserialize, Deserializer, Error};
use serde::{Serialize, Serializer};
use std::borrow::Borrow;
use std::{fmt, ops::Deref, str::FromStr};

/// Bytes of a reason in words.
pub const MAX_REASON_BYTES: usize = 4 << 10;

/// Whether text may name something: 1 to 128 bytes of `A–Z a–z 0–9 . _ : / -`.
pub fn is_name(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:/-".contains(&b))
}

/// Whether text is a UUID in its one form: 36 lowercase hex characters with hyphens.
pub fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_digit() || (b'a'..=b'f').contains(&b),
        })
}

/// Refuses what is no name; `what` says of which thing.
pub(crate) fn check_name(what: &str, text: &str) -> Result<(), Refusal> {
    match is_name(text) {
        true => Ok(()),
        false => Err(Refusal::new(
            Code::Malformed,
            &format!("the {what} is no name"),
            "1 to 128 of A-Z a-z 0-9 . _ : / -",
            text,
        )),
    }
}

/// Whether a text in words may stand in a record.
pub(crate) fn check_reason(reason: &str) -> Result<(), Refusal> {
    match reason.len() {
        0..=MAX_REASON_BYTES => Ok(()),
        found => Err(Refusal::new(
            Code::LimitExceeded,
            "the reason is too long: shorten it",
            format!("at most {MAX_REASON_BYTES} bytes"),
            found,
        )),
    }
}

macro_rules! texts {
    ($($(#[$about:meta])* $name:ident: $form:ident, $what:literal;)*) => {$(
        $(#[$about])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                text.to_owned().try_into()
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                match $form(&text) {
                    true => Ok(Self(text)),
                    false => Err(NameError { found: text.chars().take(100).collect(), expected: $what }),
                }
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl From<$name> for Vec<u8> {
            fn from(name: $name) -> Vec<u8> {
                name.0.into()
            }
        }

        impl Deref for $name {
            type Target = str;
            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.0 == other
            }
        }

        impl PartialEq<String> for $name {
            fn eq(&self, other: &String) -> bool {
                self.0 == *other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                self.0 == *other
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                self.0.serialize(s)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                String::deserialize(d)?.try_into().map_err(D::Error::custom)
            }
        }
    )*};
}

texts! {
    /// A substrate: a UUID in its one form, see [`is_uuid`]. Read only from such a text.
    SubstrateId: is_uuid, "a UUID in lowercase";
    /// A member organisation: a name, see [`is_name`]. Read only from such a text.
    OrganisationName: is_name, "a name: 1 to 128 of A-Z a-z 0-9 . _ : / -";
}

impl SubstrateId {
    /// The UUID of these bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        let hex = crate::digest::hex(&bytes);
        Self([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"))
    }
}

/// A text that is no id, or no name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameError {
    found: String,
    expected: &'static str,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not {}", self.found, self.expected)
    }
}

impl std::error::Error for NameError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_and_a_name_are_read_from_their_one_form_only() {
        let id = "00000000-0000-4000-8000-000000000001";
        assert_eq!(serde_json::from_str::<SubstrateId>(&format!("{id:?}")).unwrap(), *id);
        for bad in ["", "00000000-0000-4000-8000-00000000000A", &id[1..], &format!("{id} ")] {
            let found = format!("{bad:?} is not a UUID in lowercase");
            assert_eq!(bad.parse::<SubstrateId>().unwrap_err().to_string(), found);
            assert!(serde_json::from_str::<SubstrateId>(&format!("{bad:?}")).is_err(), "{bad}");
        }
        assert_eq!("a.example/b".parse::<OrganisationName>().unwrap(), *"a.example/b");
        for bad in ["", "a b", "ä", &"a".repeat(129)] {
            assert!(bad.parse::<OrganisationName>().is_err(), "{bad}");
            assert!(serde_json::from_str::<OrganisationName>(&format!("{bad:?}")).is_err(), "{bad}");
        }
    }
}
