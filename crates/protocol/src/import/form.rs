//! Values that are kept: what they have to be, and what may not stand in them.

use super::bytes;
use super::reader::{Plainly, RequestReader, camel, found, step, tag_matches};
use super::rule::{Form, Rule, Shape, Tagged};
use super::settings;
use super::size;
use serde_json::{Map, Number, Value, json};

/// The largest integer that every JSON reader keeps: 2^53 − 1.
const MAX_SAFE: u64 = (1 << 53) - 1;

impl RequestReader<'_> {
    /// A value of a form, as it is kept; nothing where it is refused.
    pub(super) fn form(&mut self, form: Form, value: &Value, at: &str) -> Option<Value> {
        let wrong = |reader: &mut Self, wanted: &str| {
            reader.refuse(at, format!("{wanted} is expected here, found {}", found(value)));
            None
        };
        match form {
            Form::Text if value.is_string() => Some(value.clone()),
            Form::Text => wrong(self, "a text"),
            Form::Only(text) if value == text => Some(value.clone()),
            Form::Only(text) => wrong(self, &format!("{text:?}")),
            Form::Flag if value.is_boolean() => Some(value.clone()),
            Form::Flag => wrong(self, "true or false"),
            Form::Number => match value {
                Value::Number(number) if !wide(number) => Some(value.clone()),
                _ => wrong(self, "a number that every reader keeps"),
            },
            Form::Whole => match value {
                Value::Number(number) if !number.is_f64() && !wide(number) => Some(value.clone()),
                _ => wrong(self, "a whole number within ±9007199254740991"),
            },
            Form::Wide => match value {
                Value::Number(number) if !number.is_f64() => Some(json!(number.to_string())),
                _ => wrong(self, "a whole number of at most 64 bits"),
            },
            Form::Texts => match value {
                Value::String(_) => Some(json!([value])),
                Value::Array(items) if items.iter().all(Value::is_string) => Some(value.clone()),
                _ => wrong(self, "a text or a list of texts"),
            },
            Form::Exact => self.exact(value, at),
            Form::Camel => {
                let value = self.exact(value, at)?;
                self.camel(value, at)
            }
            Form::Echo => match value {
                Value::Array(_) => self.exact(value, at),
                _ => wrong(self, "a list"),
            },
            Form::Object(shape) => match value.as_object() {
                Some(object) => Some(Value::Object(self.kept(shape, object, at, ""))),
                None => wrong(self, "an object"),
            },
            Form::ObjectOr(shape) => match value.as_object() {
                Some(object) => Some(Value::Object(self.kept(shape, object, at, ""))),
                None => self.exact(value, at),
            },
            Form::Objects(shape) => match value {
                Value::Array(items) => {
                    let each =
                        items.iter().enumerate().map(|(i, item)| (format!("{at}/{i}"), item)).collect::<Vec<_>>();
                    // An object that had only marks of transport says nothing.
                    let says = |item: &Value, kept: &Value| *kept != json!({}) || *item == json!({});
                    let kept = each.into_iter().filter_map(|(at, item)| {
                        self.form(Form::Object(shape), item, &at).filter(|kept| says(item, kept))
                    });
                    Some(kept.collect())
                }
                _ => wrong(self, "a list of objects"),
            },
            Form::OneTagged(tags) => self.tagged(tags, value, at),
            Form::Address => match value.as_str().map(bytes::data_url) {
                Some(Some(Ok((media, data)))) => {
                    let media = media.unwrap_or_else(|| "application/octet-stream".into());
                    Some(size::by_digest(&mut self.contents, &media, data))
                }
                Some(Some(Err(reason))) => {
                    self.refuse(at, reason);
                    None
                }
                Some(None) => {
                    self.plainly(Rule::Outside(super::formats::tools::ADDRESS), &json!(1), at);
                    None
                }
                None => wrong(self, "an address"),
            },
            Form::Tagged(tags) => match value {
                Value::Array(items) => {
                    let each =
                        items.iter().enumerate().map(|(i, item)| (format!("{at}/{i}"), item)).collect::<Vec<_>>();
                    Some(each.into_iter().filter_map(|(at, item)| self.tagged(tags, item, &at)).collect())
                }
                _ => wrong(self, "a list of objects"),
            },
        }
    }

    /// Foreign data, kept as it is.
    pub(super) fn exact(&mut self, value: &Value, at: &str) -> Option<Value> {
        match first_wide(value, at) {
            None => Some(value.clone()),
            Some(pointer) => {
                self.refuse(
                    &pointer,
                    "readers of JSON round this integer: write it as a text, or within ±9007199254740991",
                );
                None
            }
        }
    }

    /// A value with all names in camelCase; two spellings of one name side by side are refused.
    fn camel(&mut self, value: Value, at: &str) -> Option<Value> {
        match value {
            Value::Object(members) => {
                let mut out = Map::new();
                for (name, inner) in members {
                    let pointer = step(at, &name);
                    let inner = self.camel(inner, &pointer)?;
                    if out.insert(camel(&name), inner).is_some() {
                        self.twice(&step(at, &camel(&name)), &pointer);
                        return None;
                    }
                }
                Some(Value::Object(out))
            }
            Value::Array(items) => {
                let each = items.into_iter().enumerate();
                each.map(|(index, item)| self.camel(item, &format!("{at}/{index}")))
                    .collect::<Option<Vec<_>>>()
                    .map(Value::Array)
            }
            other => Some(other),
        }
    }

    /// Settings that are kept exactly hold no key of anybody, and name nothing outside.
    pub(super) fn settled(&mut self, name: &str, form: Form, value: Option<Value>, at: &str) -> Option<Value> {
        let looked = matches!(form, Form::Exact | Form::Camel | Form::ObjectOr(_)) && !settings::is_data(name);
        match value.as_ref().filter(|_| looked).and_then(|value| settings::find(value, at)) {
            None => value,
            Some(settings::FoundSetting::Secret(place)) => {
                self.refuse(
                    &place,
                    "a key or header stands in settings that are recorded: take it out, everybody can read the ledger",
                );
                None
            }
            Some(settings::FoundSetting::Outside(place)) => {
                self.plainly(Rule::Outside(super::formats::tools::STORED), &json!(1), &place);
                None
            }
        }
    }

    fn tagged(&mut self, tags: &'static [Tagged], value: &Value, at: &str) -> Option<Value> {
        let Some(object) = value.as_object() else {
            self.refuse(at, format!("an object is expected here, found {}", found(value)));
            return None;
        };
        let tag = self.tag(object, at)?;
        let Some(one) = tags.iter().find(|one| tag_matches(one.tag, &tag)) else {
            let names: Vec<&str> = tags.iter().map(|one| one.tag).filter(|tag| !tag.is_empty()).collect();
            self.unknown(&step(at, "type"), format!("{tag:?} is no known type here; known are {}", names.join(", ")));
            return None;
        };
        let mut members = self.kept(one.shape, object, at, "type");
        if !tag.is_empty() {
            members.insert("type".into(), json!(tag));
        }
        Some(Value::Object(members))
    }

    /// The member `type` of an object; empty where it has none.
    pub(super) fn tag(&mut self, object: &Map<String, Value>, at: &str) -> Option<String> {
        match object.get("type") {
            None | Some(Value::Null) => Some(String::new()),
            Some(Value::String(tag)) if !tag.is_empty() => Some(tag.clone()),
            Some(other) => {
                self.refuse(&step(at, "type"), format!("a text is expected here, found {}", found(other)));
                None
            }
        }
    }

    /// The members of an object that is kept.
    fn kept(&mut self, shape: &'static Shape, object: &Map<String, Value>, at: &str, skip: &str) -> Map<String, Value> {
        let mut out = Map::new();
        for (row, value, pointer) in self.rows(shape, object, at, skip) {
            match (self.plainly(row.rule, value, &pointer), row.rule) {
                (Plainly::Done, _) => {}
                (Plainly::Inert, _) => {
                    out.insert(row.name.into(), value.clone());
                }
                (Plainly::Look, Rule::Keep(form)) => {
                    let kept = self.form(form, value, &pointer);
                    if let Some(value) = self.settled(row.name, form, kept, &pointer) {
                        self.decide(&pointer, form.fate(), "");
                        out.insert(row.name.into(), value);
                    }
                }
                (Plainly::Look, _) => self.refuse(&pointer, "the table has no place for this member: please report it"),
            }
        }
        out
    }
}

fn wide(number: &Number) -> bool {
    match (number.as_i64(), number.as_u64()) {
        (Some(value), _) => value.unsigned_abs() > MAX_SAFE,
        (None, Some(value)) => value > MAX_SAFE,
        (None, None) => false,
    }
}

fn first_wide(value: &Value, at: &str) -> Option<String> {
    match value {
        Value::Number(number) => wide(number).then(|| at.to_owned()),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(index, item)| first_wide(item, &format!("{at}/{index}")))
        }
        Value::Object(members) => members.iter().find_map(|(name, item)| first_wide(item, &step(at, name))),
        Value::Null | Value::Bool(_) | Value::String(_) => None,
    }
}
