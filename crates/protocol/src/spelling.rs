//! One spelling of what stands for itself: enumerations and tags are read by their names and in no other way.
//!
//! The readings that serde derives take a variant's number for its name, and an object `{"name":null}` for the text
//! `"name"`. Then one document has several spellings, and a verifier written in another language reads only one of them.
//! Here an enumeration is read from a text that is one of its names ([`named!`](crate::named)), and an enumeration with
//! members from an object whose tag is such a text ([`tagged!`](crate::tagged)). What a type still reads over (a member
//! written out that is left out when empty, an array for an object) is found by [`crate::canon::decode_exact`].

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde_json::{Map, Value};
use serde_path_to_error::Segment;
use std::fmt;
use std::marker::PhantomData;

/// An enumeration that stands in JSON as one of a closed list of names. [`named!`](crate::named) makes one.
pub trait Named: Copy + 'static {
    /// What it is, with its article, for a sentence: `a role`.
    const WHAT: &'static str;
    /// All of them, in order.
    const ALL: &'static [Self];
    /// Its name: the one spelling.
    fn as_str(self) -> &'static str;
    /// The one of exactly this name.
    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|one| one.as_str() == name)
    }
}

/// Why a text is none of the names. The list is left out where it would fill the page.
pub fn unknown<T: Named>(found: &str) -> String {
    let found: String = found.chars().take(100).collect();
    let names: Vec<_> = T::ALL.iter().map(|one| format!("{:?}", one.as_str())).collect();
    match names.len() {
        0..=16 => format!("{found:?} is not {}: one is {}", T::WHAT, names.join(", ")),
        _ => format!("{found:?} is not {}", T::WHAT),
    }
}

/// Reads one from a text, and from nothing else.
pub fn read<'de, T: Named, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    struct Name<T>(PhantomData<T>);
    impl<T: Named> Visitor<'_> for Name<T> {
        type Value = T;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "the name of {}", T::WHAT)
        }
        fn visit_str<E: de::Error>(self, name: &str) -> Result<T, E> {
            T::from_name(name).ok_or_else(|| E::custom(unknown::<T>(name)))
        }
    }
    deserializer.deserialize_str(Name(PhantomData))
}

/// The object of an enumeration with members, as serde reads one that stands under its tag: `{"append":{…}}` for
/// `{"kind":"append",…}`. The tag stands there, as a text.
pub(crate) fn under_tag<'de, D: Deserializer<'de>>(deserializer: D, tag: &str) -> Result<Value, D::Error> {
    let mut object = Map::deserialize(deserializer)?;
    match object.remove(tag) {
        Some(Value::String(name)) => Ok(Value::Object(Map::from_iter([(name, Value::Object(object))]))),
        Some(other) => Err(de::Error::custom(format!("/{tag}: this is a name, found {other}"))),
        None => Err(de::Error::custom(format!("{tag:?} is missing"))),
    }
}

/// Reads a value, and says with a JSON pointer where that fails: `/fence/seq: …`. The pointer is left out at the top.
pub fn placed<T>(
    value: &Value,
    read: impl for<'a, 'b> Fn(serde_path_to_error::Deserializer<'a, 'b, &'a Value>) -> Result<T, serde_json::Error>,
) -> Result<T, String> {
    let mut track = serde_path_to_error::Track::new();
    read(serde_path_to_error::Deserializer::new(value, &mut track)).map_err(|error| {
        let mut pointer = String::new();
        for segment in track.path().iter() {
            match segment {
                Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
                Segment::Map { key } => pointer.push_str(&format!("/{}", key.replace('~', "~0").replace('/', "~1"))),
                // The name of the tag is no level of the document.
                Segment::Enum { .. } | Segment::Unknown => {}
            }
        }
        match error.to_string() {
            // A value inside that found its own place.
            error if error.starts_with('/') => pointer + &error,
            error if pointer.is_empty() => error,
            error => format!("{pointer}: {error}"),
        }
    })
}

/// An enumeration whose members stand in JSON as exactly these names: `named! { /// … pub enum Role: "a role" { /// …
/// Root = "root", } }`. It can be printed, compared and read from a text, and it is read from JSON by name alone.
#[macro_export]
macro_rules! named {
    ($(#[$meta:meta])* $vis:vis enum $name:ident: $what:literal {
        $($(#[$doc:meta])* $variant:ident = $text:literal,)*
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis enum $name { $($(#[$doc])* $variant,)* }
        impl $name {
            /// All of them, in order.
            pub const ALL: [Self; [$(Self::$variant,)*].len()] = [$(Self::$variant,)*];
            /// Its name: the one spelling.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
        impl $crate::spelling::Named for $name {
            const WHAT: &'static str = $what;
            const ALL: &'static [Self] = &Self::ALL;
            fn as_str(self) -> &'static str {
                Self::as_str(self)
            }
        }
        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl ::std::str::FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                <Self as $crate::spelling::Named>::from_name(text)
                    .ok_or_else(|| $crate::spelling::unknown::<Self>(text))
            }
        }
        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::spelling::read(deserializer)
            }
        }
    };
}

/// An enumeration with members whose kind stands under a tag: `tagged! { "kind", /// … pub enum Command { … } }`. It is
/// written as serde writes it under `tag`, with the names of the variants in snake_case. It is read from an object alone,
/// its tag from a name alone, and what cannot be read is named with its place.
#[macro_export]
macro_rules! tagged {
    ($tag:literal, $(#[$meta:meta])* $vis:vis enum $name:ident $body:tt) => {
        $(#[$meta])*
        #[derive(::serde::Serialize)]
        #[serde(tag = $tag, rename_all = "snake_case")]
        $vis enum $name $body

        const _: () = {
            type Remote = $name;
            // The same variants once more: serde reads them here as what they are, and makes the type above of them.
            #[derive(::serde::Deserialize)]
            #[serde(remote = "Remote", rename_all = "snake_case", deny_unknown_fields)]
            #[allow(dead_code, missing_docs)]
            enum Read $body
            impl<'de> ::serde::Deserialize<'de> for $name {
                fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    let value = $crate::spelling::under_tag(deserializer, $tag)?;
                    match Read::deserialize(&value) {
                        Ok(read) => Ok(read),
                        Err(_) => $crate::spelling::placed(&value, |place| Read::deserialize(place))
                            .map_err(::serde::de::Error::custom),
                    }
                }
            }
        };
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    named! {
        /// A colour.
        enum Colour: "a colour" {
            /// Of blood.
            Red = "red",
            /// Of the sky.
            Blue = "blue",
        }
    }

    /// What is on a thing.
    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Spots {
        spots: Vec<Colour>,
    }

    tagged! { "kind",
    /// A thing.
    #[derive(Debug, PartialEq)]
    enum Thing {
        Painted { colour: Colour },
        Spotted(Spots),
        Boxed { inside: Box<Thing> },
        Bare {},
    }
    }

    #[test]
    fn an_enumeration_is_read_by_its_name_alone() {
        let read = |value: Value| serde_json::from_value::<Colour>(value);
        assert_eq!(read(json!("blue")).unwrap(), Colour::Blue);
        for other in [json!(1), json!({"blue": null}), json!(["blue"]), json!("Blue"), json!(" blue"), json!(null)] {
            assert!(read(other.clone()).is_err(), "{other}");
        }
        assert_eq!(read(json!("Blue")).unwrap_err().to_string(), "\"Blue\" is not a colour: one is \"red\", \"blue\"");
        assert_eq!(("red".parse(), Colour::Red.to_string()), (Ok(Colour::Red), "red".into()));
        for colour in Colour::ALL {
            assert_eq!(read(json!(colour)).unwrap(), colour);
        }
    }

    #[test]
    fn a_tag_is_read_by_its_name_alone_and_so_is_an_enumeration_under_it() {
        let read = |value: Value| serde_json::from_value::<Thing>(value);
        assert_eq!(read(json!({"kind": "painted", "colour": "red"})).unwrap(), Thing::Painted { colour: Colour::Red });
        for other in [
            json!({"kind": 0, "colour": "red"}),
            json!({"kind": {"painted": null}, "colour": "red"}),
            json!({"kind": ["painted"], "colour": "red"}),
            json!({"kind": "Painted", "colour": "red"}),
            json!({"kind": "painted", "colour": 0}),
            json!({"kind": "painted", "colour": {"red": null}}),
            json!({"kind": null, "colour": "red"}),
            json!({"colour": "red"}),
            json!(["painted", {"colour": "red"}]),
            json!({"kind": 1}),
            json!("bare"),
        ] {
            assert!(read(other.clone()).is_err(), "{other}");
        }
        assert_eq!(json!(Thing::Painted { colour: Colour::Blue }), json!({"kind": "painted", "colour": "blue"}));
        assert_eq!(read(json!({"kind": "bare"})).unwrap(), Thing::Bare {});
        let spotted = json!({"kind": "spotted", "spots": ["red"]});
        assert_eq!(json!(read(spotted.clone()).unwrap()), spotted);
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_place() {
        let why = |value: Value| serde_json::from_value::<Thing>(value).unwrap_err().to_string();
        let inside = |value: Value| json!({"kind": "boxed", "inside": value});
        for (value, expected) in [
            (
                json!({"kind": "painted", "colour": 1}),
                "/colour: invalid type: integer `1`, expected the name of a colour",
            ),
            (json!({"kind": 1}), "/kind: this is a name, found 1"),
            (json!({}), "\"kind\" is missing"),
            (inside(json!({"kind": "painted", "colour": 1})), "/inside/colour: invalid type"),
            (inside(json!({"kind": 0})), "/inside/kind: this is a name, found 0"),
            (inside(inside(json!({"kind": "spotted", "spots": ["red", []]}))), "/inside/inside/spots/1: invalid type"),
            (json!({"kind": "painted", "colour": "red", "more": 1}), "/more: unknown field `more`"),
            (json!({"kind": "painted"}), "missing field `colour`"),
            (json!({"kind": "other"}), "unknown variant `other`"),
        ] {
            assert!(why(value.clone()).starts_with(expected), "{}", why(value));
        }
    }
}
