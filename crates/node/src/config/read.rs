//! Reading a file member by member against a table of its members, so that everything that is wrong with its form is said
//! at once, each with its line, and a misspelt member with the one that was meant.

use super::Fault;
use selfsame_protocol::keys::{PublicKey, SecretKey};
use std::collections::{BTreeMap, BTreeSet};
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

/// What stands in a member.
#[derive(Debug)]
pub(super) enum Shape {
    /// Text.
    Text,
    /// A whole number from 0.
    Number,
    /// `true` or `false`.
    Flag,
    /// A list of texts.
    Texts,
    /// A public key that can sign.
    Key,
    /// One table.
    One(&'static [Field]),
    /// A list of tables.
    Many(&'static [Field]),
    /// A table for each name.
    Named(&'static [Field]),
}

/// A member that a table may have.
#[derive(Debug)]
pub(super) struct Field {
    pub name: &'static str,
    pub shape: Shape,
    pub needed: bool,
}

/// A member that must be there.
pub(super) const fn needs(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, needed: true }
}

/// A member that may be left out.
pub(super) const fn may(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, needed: false }
}

/// A file as it was read: what is sound in it, with something harmless in the place of what is needed and missing.
pub(super) struct Reading {
    file: String,
    text: String,
    /// What can be decoded.
    pub table: Table,
    /// Line of each member that stands in the file, by path.
    pub lines: BTreeMap<String, usize>,
    /// What is wrong.
    pub faults: Vec<Fault>,
    /// Members with a fault, and those that something stands in for: nothing more is said about them.
    said: BTreeSet<String>,
    /// Whether something stands in for more than a key, so that what the members say together means nothing.
    pub incomplete: bool,
    stand_ins: u8,
}

impl Reading {
    /// Reads a text against the members of its kind of file.
    pub fn of(file: String, text: &str, fields: &'static [Field]) -> Reading {
        let mut reading = Reading {
            file,
            text: text.into(),
            table: Table::new(),
            lines: BTreeMap::new(),
            faults: Vec::new(),
            said: BTreeSet::new(),
            incomplete: false,
            stand_ins: 0,
        };
        let (parsed, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let line = error.span().map(|span| reading.line(span.start));
            let reason = format!("{}: this is no TOML", error.message());
            reading.faults.push(Fault { file: reading.file.clone(), line, member: String::new(), reason, status: 2 });
        }
        // What was recovered from a broken text may be a part of what is there: no member is called missing then.
        reading.incomplete = !errors.is_empty();
        reading.table = match errors.is_empty() {
            true => reading.members(parsed.get_ref(), fields, ""),
            false => Table::new(),
        };
        reading
    }

    fn line(&self, offset: usize) -> usize {
        self.text.get(..offset).map_or(1, |before| before.matches('\n').count() + 1)
    }

    /// Notes what is wrong with a member, once.
    pub fn fault(&mut self, member: &str, reason: impl Into<String>) {
        self.fault_of(2, member, reason);
    }

    /// The same with another exit status than that of a configuration.
    pub(crate) fn fault_of(&mut self, status: u8, member: &str, reason: impl Into<String>) {
        if self.said.insert(member.into()) {
            let (file, line, reason) = (self.file.clone(), self.lines.get(member).copied(), reason.into());
            self.faults.push(Fault { file, line, member: member.into(), reason, status });
        }
    }

    /// Whether something is wrong with a member: what follows from it is not said again.
    pub(crate) fn is_faulty(&self, member: &str) -> bool {
        self.said.contains(member)
    }

    fn members(&mut self, found: &DeTable<'_>, fields: &'static [Field], path: &str) -> Table {
        let mut out = Table::new();
        for (key, value) in found {
            let at = join(path, key.get_ref());
            let line = self.line(key.span().start);
            self.lines.insert(at.clone(), line);
            match fields.iter().find(|field| field.name == key.get_ref()) {
                Some(field) => {
                    if let Some(value) = self.value(value, &field.shape, &at) {
                        out.insert(field.name.into(), value);
                    }
                }
                None => self.fault(&at, unknown(key.get_ref(), fields)),
            }
        }
        for field in fields.iter().filter(|field| field.needed) {
            if !out.contains_key(field.name) {
                let at = join(path, field.name);
                if !self.said.contains(path) {
                    self.fault(&at, "is missing");
                }
                let value = self.stand_in(&field.shape, &at);
                out.insert(field.name.into(), value);
            }
        }
        out
    }

    fn value(&mut self, found: &Spanned<DeValue<'_>>, shape: &Shape, at: &str) -> Option<Value> {
        match (shape, found.get_ref()) {
            (Shape::Text, DeValue::String(text)) => Some(Value::String(text.to_string())),
            (Shape::Flag, DeValue::Boolean(flag)) => Some(Value::Boolean(*flag)),
            (Shape::Number, DeValue::Integer(number)) => match i64::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) if number >= 0 => Some(Value::Integer(number)),
                Ok(number) => {
                    self.fault(at, format!("is {number}: a number from 0 is needed"));
                    None
                }
                Err(_) => {
                    self.fault(at, format!("is {number}: at most {} is understood", i64::MAX));
                    None
                }
            },
            (Shape::Key, DeValue::String(text)) => match key(text) {
                Ok(()) => Some(Value::String(text.to_string())),
                Err(reason) => {
                    self.fault(at, reason);
                    None
                }
            },
            (Shape::Texts, DeValue::Array(items)) => {
                let mut out = Vec::new();
                for (place, item) in items.iter().enumerate() {
                    out.extend(self.value(item, &Shape::Text, &format!("{at}[{place}]")));
                }
                Some(Value::Array(out))
            }
            (Shape::One(fields), DeValue::Table(table)) => Some(Value::Table(self.members(table, fields, at))),
            (Shape::Many(fields), DeValue::Array(items)) => {
                let mut out = Vec::new();
                for (place, item) in items.iter().enumerate() {
                    let at = format!("{at}[{place}]");
                    let line = self.line(item.span().start);
                    self.lines.insert(at.clone(), line);
                    out.extend(self.value(item, &Shape::One(fields), &at));
                }
                Some(Value::Array(out))
            }
            (Shape::Named(fields), DeValue::Table(table)) => {
                let mut out = Table::new();
                for (name, item) in table {
                    let at = join(at, name.get_ref());
                    let line = self.line(name.span().start);
                    self.lines.insert(at.clone(), line);
                    if let Some(value) = self.value(item, &Shape::One(fields), &at) {
                        out.insert(name.get_ref().to_string(), value);
                    }
                }
                Some(Value::Table(out))
            }
            (_, other) => {
                self.fault(at, format!("has an invalid type: it is {}, and {} is needed", kind(other), wanted(shape)));
                None
            }
        }
    }

    /// Something that decodes in the place of what is needed. A key that is like no other, so that nothing is said to be
    /// used twice; anything else makes the reading incomplete.
    fn stand_in(&mut self, shape: &Shape, at: &str) -> Value {
        self.said.insert(at.into());
        match shape {
            Shape::Key => {
                self.stand_ins = self.stand_ins.wrapping_add(1);
                let seed = [self.stand_ins; 32];
                return Value::String(SecretKey::from_seed(&seed).cosigner().log_key().public().to_string());
            }
            Shape::One(fields) => {
                let mut out = Table::new();
                for field in fields.iter().filter(|field| field.needed) {
                    let value = self.stand_in(&field.shape, &join(at, field.name));
                    out.insert(field.name.into(), value);
                }
                return Value::Table(out);
            }
            Shape::Text | Shape::Number | Shape::Flag | Shape::Texts | Shape::Many(_) | Shape::Named(_) => {}
        }
        self.incomplete = true;
        match shape {
            Shape::Number => Value::Integer(0),
            Shape::Flag => Value::Boolean(false),
            Shape::Texts | Shape::Many(_) => Value::Array(Vec::new()),
            Shape::Named(_) | Shape::One(_) => Value::Table(Table::new()),
            Shape::Text | Shape::Key => Value::String(String::new()),
        }
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.into() } else { format!("{path}.{name}") }
}

/// Whether text is a public key that can sign, in words when it is not.
fn key(text: &str) -> Result<(), String> {
    let key: PublicKey = text.parse().map_err(|error: selfsame_protocol::keys::KeyError| error.to_string())?;
    key.check().map_err(|error| error.to_string())
}

fn unknown(name: &str, fields: &[Field]) -> String {
    let known = || fields.iter().map(|field| field.name);
    let near = known().map(|other| (strsim::damerau_levenshtein(&name.to_lowercase(), other), other)).min();
    match near {
        Some((steps, meant)) if steps <= 1 + meant.len() / 4 => format!("is no member: did you mean {meant}?"),
        Some(_) | None => format!("is no member: members here are {}", known().collect::<Vec<_>>().join(", ")),
    }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn wanted(shape: &Shape) -> &'static str {
    match shape {
        Shape::Text => "text in quotes",
        Shape::Number => "a whole number",
        Shape::Flag => "true or false",
        Shape::Texts => "a list of texts",
        Shape::Key => "a public key in quotes",
        Shape::One(_) | Shape::Named(_) => "a table",
        Shape::Many(_) => "a list of tables ([[…]])",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: &[Field] = &[
        needs("node", Shape::One(&[needs("id", Shape::Number), needs("key", Shape::Key)])),
        may("raft", Shape::One(&[may("heartbeat_ms", Shape::Number)])),
        may("list", Shape::Many(&[needs("names", Shape::Texts)])),
    ];

    fn said(text: &str) -> String {
        let reading = Reading::of("f".into(), text, FIELDS);
        reading.faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn every_fault_is_said_with_its_line_and_what_was_meant() {
        let text = "[node]\nid = \"one\"\nkey = \"ed25519:00\"\n[raft]\nheartbeat = 1\nzzz = 1\n[[list]]\nnames = [1]\n[lst]\n";
        let said = said(text);
        for part in [
            "f:2: node.id has an invalid type: it is text, and a whole number is needed",
            "f:3: node.key",
            "f:5: raft.heartbeat is no member: did you mean heartbeat_ms?",
            "f:6: raft.zzz is no member: members here are heartbeat_ms",
            "list[0].names[0] has an invalid type",
            "f:9: lst is no member: did you mean list?",
        ] {
            assert!(said.contains(part), "{part} in\n{said}");
        }
        assert_eq!(said.lines().count(), 6, "{said}");
    }

    #[test]
    fn what_is_missing_is_said_once_and_a_broken_text_is_no_list_of_missing_members() {
        assert_eq!(said("[raft]\n"), "f: node is missing");
        assert_eq!(said("[node]\nid = -1\n"), "f:2: node.id is -1: a number from 0 is needed\nf: node.key is missing");
        let said = said("[node\nid = 1\n= 2\n");
        assert!(said.lines().count() >= 2 && !said.contains("missing"), "{said}");
        assert!(self::said("[node]\nid = 99999999999999999999\n").contains("at most 9223372036854775807"));
    }
}
