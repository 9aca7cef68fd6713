//! A walk through a document: what could stand at each of its places instead.

use crate::documents::Document;
use selfsame_protocol::digest::Digest;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// What a walk met.
#[derive(Default)]
pub struct Met {
    /// Texts that are one of a closed list: enumerations, tags and types.
    pub closed: BTreeSet<String>,
    /// Members where any JSON may stand.
    pub free: BTreeSet<String>,
    /// Members whose own members have any name.
    pub maps: BTreeSet<String>,
    /// Spellings that were tried and refused.
    pub refused: usize,
}

/// The JSON pointers of a value, itself first.
fn places(value: &Value, at: &str, into: &mut Vec<String>) {
    into.push(at.into());
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                places(value, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), into);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                places(value, &format!("{at}/{index}"), into);
            }
        }
        _ => {}
    }
}

fn with(document: &Value, at: &str, value: Value) -> Value {
    let mut other = document.clone();
    *other.pointer_mut(at).unwrap() = value;
    other
}

/// The name of the member at a place, or of the list that it stands in.
fn member(at: &str) -> String {
    at.rsplit('/').find(|name| name.parse::<usize>().is_err()).unwrap_or_default().into()
}

/// Texts of every form that a member may have.
fn samples() -> Vec<String> {
    let digest = Digest::of(b"sample");
    let hex = digest.hex();
    [
        digest.to_string(),
        "7".into(),
        "2026-03-08T00:00:00.000Z".into(),
        "zz".into(),
        "00000000-0000-4000-8000-0000000000ff".into(),
        "¿ zz ?".into(),
        format!("ed25519:{hex}"),
        format!("{hex}{hex}"),
        "migration/zz".into(),
        "organisation:zz".into(),
        "3/4".into(),
        "AAAA".into(),
        "A".repeat(86) + "==",
    ]
    .into()
}

/// The same in another type: what a lax reader takes for the same value.
fn other_types(value: &Value) -> Vec<Value> {
    let mut all = vec![json!([value]), json!({"value": value})];
    match value {
        Value::String(text) => {
            all.extend([json!(0), json!(1)]);
            all.extend([
                json!(true),
                json!(null),
                json!({text: null}),
                json!({text: {}}),
                json!({text: []}),
                json!([]),
            ]);
        }
        Value::Number(number) => all.extend([json!(number.to_string()), json!(true), json!(null)]),
        Value::Bool(yes) => all.extend([json!(u8::from(*yes)), json!(yes.to_string()), json!(null)]),
        Value::Null => all.extend([json!(""), json!(0), json!(false), json!({}), json!([])]),
        Value::Array(items) => {
            let numbered: Map<String, Value> = (0..).map(|n: u32| n.to_string()).zip(items.iter().cloned()).collect();
            all.extend([json!(numbered), json!(null), json!(""), json!(0)]);
        }
        // What serde reads as well: the members of a structure one after the other, and its tag with the rest.
        Value::Object(object) => {
            let values: Vec<_> = object.values().cloned().collect();
            all.extend([json!(values), json!(null), json!(""), json!(0), json!([object.values().next(), object])]);
        }
    }
    all
}

/// The same in other letters: what a lax reader takes for the same name.
fn other_letters(text: &str) -> Vec<String> {
    let mut capital = text.to_lowercase();
    if let Some(first) = capital.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let all = [
        text.to_uppercase(),
        text.to_lowercase(),
        capital,
        text.replace('_', "-"),
        text.replace('_', ""),
        format!(" {text}"),
        format!("{text} "),
        format!("{text}\n"),
        format!("{text}\u{0}"),
        format!("\u{feff}{text}"),
        String::new(),
    ];
    all.into_iter().filter(|other| other != text).collect()
}

impl Document {
    fn reads(&self, other: &Value) -> bool {
        (self.door)(other).is_ok()
    }

    fn refuse(&self, other: &Value, at: &str, met: &mut Met) {
        assert!(!self.reads(other), "{} at {at:?}: read as {other}", self.name);
        met.refused += 1;
    }

    /// Tries every other spelling at every place. `more` is a document of the same kind with members that this one leaves
    /// out.
    pub fn walk(&self, more: Option<&Value>, met: &mut Met) {
        (self.door)(&self.value).unwrap_or_else(|error| panic!("{}: {error} in {}", self.name, self.value));
        let mut all = Vec::new();
        places(&self.value, "", &mut all);
        let (mut free, mut maps): (Vec<String>, Vec<String>) = Default::default();
        for at in all {
            if free.iter().any(|above| at.strip_prefix(above).is_some_and(|rest| rest.starts_with('/'))) {
                continue;
            }
            // Where both of these are read, anything is.
            if [json!({"zz": [1.5, null, {}]}), json!([[1.5], null])]
                .into_iter()
                .all(|other| self.reads(&with(&self.value, &at, other)))
            {
                // A member of a map has any name: the map stands for it.
                let map = maps.iter().find(|map| at.strip_prefix(*map).is_some_and(|rest| rest.starts_with('/')));
                met.free.insert(member(map.unwrap_or(&at)));
                free.push(at);
                continue;
            }
            if self.place(&at, more, met) {
                maps.push(at);
            }
        }
    }

    /// Whether the object at this place is a map.
    fn place(&self, at: &str, more: Option<&Value>, met: &mut Met) -> bool {
        let value = self.value.pointer(at).unwrap();
        let closed = match value {
            Value::String(_) => !samples().iter().any(|text| self.reads(&with(&self.value, at, json!(text)))),
            _ => false,
        };
        let mut one_more = value.clone();
        let map = match one_more.as_object_mut() {
            Some(object) => {
                object.insert("zz".into(), json!(1));
                self.reads(&with(&self.value, at, one_more))
            }
            None => false,
        };
        for other in other_types(value).into_iter().filter(|other| !(map && other.is_object())) {
            let altered = with(&self.value, at, other.clone());
            // A member that may be `null` says something else then. No enumeration may.
            if other.is_null() && !closed && self.reads(&altered) {
                continue;
            }
            self.refuse(&altered, at, met);
        }
        match value {
            Value::String(text) if closed => {
                met.closed.insert(text.clone());
                for index in 0..64 {
                    self.refuse(&with(&self.value, at, json!(index)), at, met);
                }
                for other in other_letters(text) {
                    self.refuse(&with(&self.value, at, json!(other)), at, met);
                }
            }
            Value::Object(_) if map => drop(met.maps.insert(member(at))),
            Value::Object(object) => self.members(object, at, more, met),
            _ => {}
        }
        map
    }

    fn members(&self, object: &Map<String, Value>, at: &str, more: Option<&Value>, met: &mut Met) {
        let altered = |change: &dyn Fn(&mut Map<String, Value>)| {
            let mut other = object.clone();
            change(&mut other);
            with(&self.value, at, json!(other))
        };
        for value in [json!(null), json!([]), json!({}), json!("")] {
            self.refuse(&altered(&|other| drop(other.insert("zz".into(), value.clone()))), at, met);
        }
        for name in object.keys() {
            for spelling in other_letters(name) {
                let renamed = altered(&|other| {
                    let value = other.remove(name).unwrap();
                    other.insert(spelling.clone(), value);
                });
                self.refuse(&renamed, at, met);
                let twice = altered(&|other| drop(other.insert(spelling.clone(), other[name].clone())));
                self.refuse(&twice, at, met);
            }
        }
        // What is left out when there is nothing in it has no other way to say so.
        let Some(Value::Object(fuller)) = more.and_then(|more| more.pointer(at)) else { return };
        for (name, value) in fuller.iter().filter(|(name, _)| !object.contains_key(*name)) {
            let nothing = match value {
                Value::Array(_) => json!([]),
                _ => json!(null),
            };
            let free = self.reads(&altered(&|other| drop(other.insert(name.clone(), json!([[1.5], null])))));
            for nothing in [json!(null), nothing].into_iter().filter(|nothing| nothing.is_null() || !free) {
                self.refuse(&altered(&|other| drop(other.insert(name.clone(), nothing.clone()))), at, met);
            }
        }
    }

    /// One other spelling of a closed text, tag or member, as far as this document has such places: by its number.
    pub fn misspelt(&self, number: usize) -> Option<Value> {
        let mut all = Vec::new();
        places(&self.value, "", &mut all);
        let at = &all[number % all.len()];
        let others = other_types(self.value.pointer(at)?);
        Some(with(&self.value, at, others[number / all.len() % others.len()].clone()))
    }
}
