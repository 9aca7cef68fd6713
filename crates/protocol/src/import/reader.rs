//! Reads a request by the table of its format. Everything that cannot be declared is collected, not only the first.

use super::ImportOptions;
use super::bytes;
use super::rule::{Fate, Format, MemberRow, ModelName, Prompt, ProviderName, Rule, Shape};
use super::size::{self, Contents};
use crate::run::{DECLARATION_TYPE, Element, LintWarning};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Refusals that are collected of one body.
const MAX_REFUSED: usize = 64;
/// Bytes of a model's name, and of whatever else is named beside it.
const MAX_NAME: usize = 1_024;

/// What became of one member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Decided {
    /// The member, as JSON pointer into the body.
    pub pointer: String,
    /// What became of it.
    pub fate: Fate,
    /// Where it stands in the declaration, or what to do about it.
    pub detail: String,
}

/// A member that cannot be declared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RefusedMember {
    /// The member, as JSON pointer into the body; empty for the whole body.
    pub pointer: String,
    /// What is wrong and what to do.
    pub reason: String,
    /// Whether the table has no such member: another format may.
    #[serde(skip)]
    pub unknown: bool,
}

/// A row of a table that was reached: shape and member.
pub type Hit = (&'static str, &'static str);

/// Everything known of a request while it is read.
pub struct RequestReader<'a> {
    pub(super) options: &'a ImportOptions,
    /// Whether it is kept what became of each member.
    explains: bool,
    /// Whether Ollama was asked to use no template.
    pub(super) raw: bool,
    pub(super) system: Vec<Value>,
    pub(super) messages: Vec<Value>,
    pub(super) templated: Option<String>,
    pub(super) pictures: Vec<Value>,
    pub(super) contents: Contents,
    model: Option<String>,
    provider: Option<(String, String)>,
    elements: BTreeMap<Element, Map<String, Value>>,
    /// Where what stands in the elements came from.
    from: BTreeMap<(Element, &'static str), String>,
    pub(super) decided: Vec<Decided>,
    pub(super) refused: Vec<RefusedMember>,
    pub(super) warnings: Vec<LintWarning>,
    pub(super) hits: Vec<Hit>,
}

/// What a format makes of a request.
pub struct Reading {
    /// The declaration as JSON, where nothing was refused.
    pub declaration: Option<Value>,
    /// What went by digest.
    pub contents: Contents,
    /// What became of each member, in order of pointers as met.
    pub decided: Vec<Decided>,
    /// What cannot be declared.
    pub refused: Vec<RefusedMember>,
    /// What a careful declarer should know.
    pub warnings: Vec<LintWarning>,
    /// The rows that were reached.
    pub hits: Vec<Hit>,
}

/// A member of a pointer, with its escapes.
pub fn step(at: &str, name: &str) -> String {
    format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"))
}

impl Shape {
    /// The row of a member, and its place in the table.
    pub fn find(&self, name: &str) -> Option<(usize, &'static MemberRow)> {
        let camel = if self.snake && name.contains('_') { camel(name) } else { String::new() };
        let matches = |row: &MemberRow| match row.name.strip_suffix('*') {
            Some(begin) => name.starts_with(begin),
            None => row.name == name || (!camel.is_empty() && row.name == camel),
        };
        self.rows.iter().flat_map(|group| group.iter()).enumerate().find(|(_, row)| matches(row))
    }
}

/// `top_p` as `topP`.
pub(super) fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |out, word| {
        let mut letters = word.chars();
        let head = letters.next().map(|letter| letter.to_ascii_uppercase());
        out + &head.into_iter().chain(letters).collect::<String>()
    })
}

/// The names that a person may try instead, for a member that no row knows.
fn known(shape: &Shape) -> String {
    let mut names: Vec<&str> = shape.rows.iter().flat_map(|group| group.iter()).map(|row| row.name).collect();
    names.sort_unstable();
    names.dedup();
    let shown = names.len().min(12);
    let more = if names.len() > shown { format!(" and {} more", names.len() - shown) } else { String::new() };
    format!("{}{more}", names[..shown].join(", "))
}

/// One row with the member that it is about.
pub type FoundRow<'v> = (&'static MemberRow, &'v Value, String);

impl<'a> RequestReader<'a> {
    /// Reads a request under a prefix of pointers.
    pub fn read(
        format: &'static Format,
        members: &Map<String, Value>,
        at: &str,
        options: &'a ImportOptions,
        explains: bool,
    ) -> Reading {
        let mut reader = RequestReader {
            options,
            explains,
            raw: members.get("raw") == Some(&Value::Bool(true)),
            system: Vec::new(),
            messages: Vec::new(),
            templated: None,
            pictures: Vec::new(),
            contents: Contents::new(),
            model: None,
            provider: None,
            elements: BTreeMap::new(),
            from: BTreeMap::new(),
            decided: Vec::new(),
            refused: Vec::new(),
            warnings: Vec::new(),
            hits: Vec::new(),
        };
        reader.request(format.shape, members, at);
        reader.finish(format, at)
    }

    pub(super) fn refuse(&mut self, pointer: &str, reason: impl Into<String>) {
        let (pointer, reason) = (pointer.to_owned(), reason.into());
        self.decide(&pointer, Fate::Refused, &reason);
        self.refused.push(RefusedMember { pointer, reason, unknown: false });
    }

    /// One meaning, stated at two places.
    pub(super) fn twice(&mut self, first: &str, second: &str) {
        self.refuse(first, format!("this and {second} say the same: state one of them"));
        self.refuse(second, format!("this and {first} say the same: state one of them"));
    }

    pub(super) fn unknown(&mut self, pointer: &str, reason: impl Into<String>) {
        self.refuse(pointer, reason);
        if let Some(last) = self.refused.last_mut() {
            last.unknown = true;
        }
    }

    /// Whether so much is wrong that more of it helps nobody.
    pub(super) fn full(&self) -> bool {
        self.refused.len() >= MAX_REFUSED
    }

    pub(super) fn decide(&mut self, pointer: &str, fate: Fate, detail: &str) {
        if !self.explains || self.full() {
            return;
        }
        self.decided.push(Decided { pointer: pointer.into(), fate, detail: detail.into() });
    }

    /// Matches members with rows, in the order of the rows. Unknown members are refused, those that are `null` are absent.
    pub(super) fn rows<'v>(
        &mut self,
        shape: &'static Shape,
        object: &'v Map<String, Value>,
        at: &str,
        skip: &str,
    ) -> Vec<FoundRow<'v>> {
        let mut found: Vec<(usize, FoundRow<'v>)> = Vec::new();
        for (name, value) in object {
            if name == skip {
                continue;
            }
            if self.full() {
                break;
            }
            let pointer = step(at, name);
            let Some((order, row)) = shape.find(name) else {
                self.unknown(&pointer, format!("{} has no member {name:?}; it has {}", shape.name, known(shape)));
                continue;
            };
            if self.explains {
                self.hits.push((shape.name, row.name));
            }
            if value.is_null() {
                self.decide(&pointer, Fate::Absent, "");
                continue;
            }
            if let Some((_, (_, _, first))) =
                found.iter().find(|(place, (row, ..))| *place == order && !row.name.ends_with('*'))
            {
                let first = first.clone();
                self.twice(&first, &pointer);
                continue;
            }
            found.push((order, (row, value, pointer)));
        }
        found.sort_by_key(|(order, _)| *order);
        found.into_iter().map(|(_, found)| found).collect()
    }

    /// What is decided without a look at where the member stands. `inert` says that it is state outside that names nothing.
    pub(super) fn plainly(&mut self, rule: Rule, value: &Value, pointer: &str) -> Plainly {
        let inert = match value {
            Value::Bool(false) => true,
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::Object(members) => members.is_empty(),
            _ => false,
        };
        match rule {
            Rule::Transport => self.decide(pointer, Fate::Transport, ""),
            Rule::Secret => {
                self.decide(pointer, Fate::Secret, "the ledger is read by all members and forgets nothing");
                self.warnings.push(LintWarning {
                    rule: "SECRET_LEFT_OUT",
                    pointer: pointer.into(),
                    advice: "a key or header is no part of what was asked; it was left out".into(),
                });
            }
            Rule::Outside(_) if inert => {
                self.decide(pointer, Fate::Normalised, "names nothing outside");
                return Plainly::Inert;
            }
            Rule::Outside(advice) => {
                self.decide(pointer, Fate::Outside, advice);
                self.refused.push(RefusedMember { pointer: pointer.into(), reason: advice.into(), unknown: false });
            }
            Rule::Refused(advice) => self.refuse(pointer, advice),
            _ => return Plainly::Look,
        }
        Plainly::Done
    }

    fn request(&mut self, shape: &'static Shape, object: &Map<String, Value>, at: &str) {
        for (row, value, pointer) in self.rows(shape, object, at, "") {
            match self.plainly(row.rule, value, &pointer) {
                Plainly::Done => continue,
                Plainly::Inert => {
                    self.put(Element::Constraints, row.name, value.clone(), &pointer);
                    continue;
                }
                Plainly::Look => {}
            }
            match row.rule {
                Rule::Model(form) => self.model(form, value, &pointer),
                Rule::Provider(form) => self.provider(form, value, &pointer),
                Rule::Spread(inner) => match value.as_object() {
                    Some(object) => self.request(inner, object, &pointer),
                    None => self.refuse(&pointer, "an object is expected here"),
                },
                Rule::Put(element, name, form) => {
                    let kept = self.form(form, value, &pointer);
                    if let Some(value) = self.settled(row.name, form, kept, &pointer) {
                        self.decide(&pointer, form.fate(), &format!("/{element}/{name}"));
                        self.put(element, name, value, &pointer);
                    }
                }
                Rule::Prompt(prompt) => {
                    self.decide(&pointer, Fate::Normalised, "/prompt/messages");
                    self.prompt(prompt, value, &pointer);
                }
                _ => self.refuse(&pointer, "the table has no place for this member: please report it"),
            }
        }
    }

    fn put(&mut self, element: Element, name: &'static str, value: Value, pointer: &str) {
        if let Some(first) = self.from.insert((element, name), pointer.into()) {
            return self.twice(&first, pointer);
        }
        let value = size::member(&mut self.contents, value);
        self.elements.entry(element).or_default().insert(name.into(), value);
    }

    fn named(&mut self, value: &Value, pointer: &str) -> Option<String> {
        match value.as_str() {
            Some(name) if !name.is_empty() && name.len() <= MAX_NAME => Some(name.into()),
            _ => {
                self.refuse(pointer, format!("a text of 1 to {MAX_NAME} bytes is expected here"));
                None
            }
        }
    }

    fn model(&mut self, form: ModelName, value: &Value, pointer: &str) {
        let Some(name) = self.named(value, pointer) else { return };
        let name = match form {
            ModelName::NoTemplate if name.contains(":prompt/") => {
                let rule =
                    Rule::Outside("the provider keeps this template: put its text into messages, and name the model");
                self.plainly(rule, value, pointer);
                return;
            }
            _ if name.contains("@preset/") => {
                let rule = Rule::Outside(
                    "the gateway keeps the preset: name the model, and put the preset's settings into the request",
                );
                self.plainly(rule, value, pointer);
                return;
            }
            ModelName::Plain | ModelName::NoTemplate => name,
            ModelName::Resource => name.strip_prefix("models/").unwrap_or(&name).to_owned(),
        };
        if let Some(stated) = &self.options.model
            && *stated != name
        {
            let reason =
                format!("the body asks for {name:?} and the model stated beside it is {stated:?}: state one of them");
            return self.refuse(pointer, reason);
        }
        self.decide(pointer, Fate::Normalised, "/model/name");
        self.model = Some(name);
    }

    fn provider(&mut self, form: ProviderName, value: &Value, pointer: &str) {
        let Some(text) = self.named(value, pointer) else { return };
        let name = match form {
            ProviderName::Plain => text,
            ProviderName::AnthropicVersion => {
                let name = match text.split_once('-') {
                    Some(("bedrock", _)) => Some("aws.bedrock"),
                    Some(("vertex", _)) => Some("gcp.vertex_ai"),
                    _ => None,
                };
                self.put(Element::Constraints, "anthropic_version", json!(text), pointer);
                let Some(name) = name else {
                    return self.decide(pointer, Fate::Normalised, "/constraints/anthropic_version");
                };
                name.to_owned()
            }
        };
        let stated = self.options.provider.clone().map(|name| (name, "beside the body".to_owned()));
        if let Some((other, place)) = self.provider.clone().or(stated)
            && other != name
        {
            if place.starts_with('/') {
                self.refuse(
                    &place,
                    format!("this says that the provider is {other:?}, and {pointer} says {name:?}: state one of them"),
                );
            }
            let reason =
                format!("this says that the provider is {name:?}, and {place} says {other:?}: state one of them");
            return self.refuse(pointer, reason);
        }
        self.decide(pointer, Fate::Normalised, "/model/provider");
        self.provider = Some((name, pointer.into()));
    }

    fn finish(mut self, format: &'static Format, at: &str) -> Reading {
        self.assemble(at);
        let missing = |rows: &[&'static [MemberRow]]| {
            rows.iter()
                .flat_map(|group| group.iter())
                .find(|row| matches!(row.rule, Rule::Model(_)))
                .map(|row| row.name)
        };
        let name = self.model.take().or_else(|| self.options.model.clone());
        if name.is_none()
            && !self
                .refused
                .iter()
                .any(|refused| refused.pointer == step(at, missing(format.shape.rows).unwrap_or("model")))
        {
            let pointer = step(at, missing(format.shape.rows).unwrap_or("model"));
            self.refuse(&pointer, "the body names no model: state it with --model");
        }
        let provider = self.provider.take().map(|(name, _)| name).or_else(|| self.options.provider.clone());
        if provider.is_none() {
            self.warnings.push(LintWarning {
                rule: "PROVIDER_UNSTATED",
                pointer: "/model/provider".into(),
                advice: "the body does not say who runs the model; state it with --provider".into(),
            });
        }
        let declaration = name.filter(|_| self.refused.is_empty()).map(|name| self.declaration(&name, provider));
        Reading {
            declaration,
            contents: self.contents,
            decided: self.decided,
            refused: self.refused,
            warnings: self.warnings,
            hits: self.hits,
        }
    }

    fn declaration(&mut self, name: &str, provider: Option<String>) -> Value {
        let options = self.options;
        let mut model = json!({
            "provider": provider.unwrap_or_else(|| "unstated".into()),
            "name": name,
            "revision": options.revision.clone().unwrap_or_else(|| name.into()),
            "assurance": "provider-asserted",
        });
        if let Some(weights) = options.weights {
            model["assurance"] = json!("weights-digest");
            model["digest"] = json!(weights);
        }
        let mut beside = Map::new();
        beside.insert("importer".into(), json!(super::VERSION));
        if let Some(instance) = &options.instance {
            beside.insert("instance".into(), json!(instance));
        }
        let mut messages = std::mem::take(&mut self.system);
        messages.append(&mut self.messages);
        let mut take = |element| self.elements.remove(&element).unwrap_or_default();
        let (parameters, context, constraints) =
            (take(Element::Parameters), take(Element::Context), take(Element::Constraints));
        let contents = &mut self.contents;
        json!({
            "type": DECLARATION_TYPE,
            "model": model,
            "prompt": {"messages": size::messages(contents, messages)},
            "parameters": size::element(contents, parameters, Map::new(), size::MAX_PARAMETERS),
            "context": size::element(contents, context, beside, size::MAX_CONTEXT),
            "constraints": size::element(contents, constraints, Map::new(), size::MAX_CONSTRAINTS),
        })
    }

    /// Bytes in base64, or refused.
    pub(super) fn base64(&mut self, value: &Value, at: &str) -> Option<Vec<u8>> {
        let Some(text) = value.as_str() else {
            self.refuse(at, format!("bytes in base64 are expected here, found {}", found(value)));
            return None;
        };
        match bytes::base64(text) {
            Ok(bytes) => Some(bytes),
            Err(reason) => {
                self.refuse(at, reason);
                None
            }
        }
    }
}

/// What [`RequestReader::plainly`] found.
pub enum Plainly {
    /// Nothing is left to do.
    Done,
    /// The value is kept as it is.
    Inert,
    /// The rule decides.
    Look,
}

/// Whether a tag of a table is meant: the same, or its beginning.
pub fn tag_matches(pattern: &str, tag: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(begin) => tag.starts_with(begin),
        None => pattern == tag,
    }
}

/// A value in a sentence.
pub fn found(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => format!("the text {:?}", text.chars().take(40).collect::<String>()),
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "an object".into(),
    }
}

/// Whether the table knows every member at the top of a body.
pub fn knows(shape: &Shape, members: &Map<String, Value>) -> bool {
    members.keys().all(|name| shape.find(name).is_some())
}

/// Whether a body has what the table makes a prompt of.
pub fn has_prompt(shape: &Shape, members: &Map<String, Value>) -> bool {
    members.keys().any(|name| {
        shape.find(name).is_some_and(|(_, row)| {
            matches!(row.rule, Rule::Prompt(Prompt::Messages(_) | Prompt::Items(_) | Prompt::Raw | Prompt::Templated))
        })
    })
}
