//! Messages of the declaration, from messages, items and plain text.

use super::part::{self, Part, fill, finish, parts, set, text};
use super::reader::{Plainly, RequestReader, found, step};
use super::rule::{Absent, ItemKind, OfMessage, Prompt, Rule, Shape};
use super::size;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A message while its members are read.
#[derive(Default)]
struct Message {
    role: Option<String>,
    name: Option<String>,
    parts: Vec<Value>,
    answers: Option<String>,
    options: Map<String, Value>,
    /// Types of the parts that members of one text became, and where.
    texts: BTreeMap<&'static str, String>,
}

impl RequestReader<'_> {
    /// Reads a member that becomes messages.
    pub(super) fn prompt(&mut self, prompt: Prompt, value: &Value, at: &str) {
        match prompt {
            Prompt::System(blocks) => {
                let parts = parts(self, blocks, value, at);
                self.system.push(json!({"role": "system", "parts": parts}));
            }
            Prompt::SystemObject(shape) => match value.as_object() {
                Some(object) => {
                    let mut message = Message { role: Some("system".into()), ..Message::default() };
                    self.message(&mut message, shape, object, at, "");
                    let message = self.finished(message);
                    self.system.push(message);
                }
                None => self.refuse(at, format!("an object is expected here, found {}", found(value))),
            },
            Prompt::Messages(shape) => self.each(value, at, "messages", |reader, object, at| {
                let mut message = Message::default();
                reader.message(&mut message, shape, object, at, "");
                Some(reader.finished(message))
            }),
            Prompt::Items(items) => match value {
                Value::String(words) => {
                    let parts = if words.is_empty() { Vec::new() } else { vec![text(self, "text", words)] };
                    self.messages.push(json!({"role": "user", "parts": parts}));
                }
                _ => self.each(value, at, "items", |reader, object, at| reader.item(items, object, at)),
            },
            Prompt::Raw => self.plain(value, at),
            Prompt::Templated => match value {
                Value::String(words) => self.templated = Some(words.clone()),
                _ => self.refuse(at, format!("a text is expected here, found {}", found(value))),
            },
            Prompt::Pictures => self.pictures = self.base64_list(value, at),
        }
    }

    fn each(
        &mut self,
        value: &Value,
        at: &str,
        what: &str,
        read: impl Fn(&mut Self, &Map<String, Value>, &str) -> Option<Value>,
    ) {
        let one = std::slice::from_ref(value);
        let items = match value {
            Value::Array(items) => items.as_slice(),
            // As with parts, some clients leave out the list around one.
            Value::Object(_) => one,
            _ => return self.refuse(at, format!("a list of {what} is expected here, found {}", found(value))),
        };
        for (index, item) in items.iter().enumerate() {
            if self.full() {
                return;
            }
            let at = if value.is_array() { format!("{at}/{index}") } else { at.to_owned() };
            match item.as_object() {
                Some(object) => {
                    let message = read(self, object, &at);
                    self.messages.extend(message);
                }
                None => self.refuse(&at, format!("an object is expected here, found {}", found(item))),
            }
        }
    }

    /// Text that the model continues: one prompt, tokens, or a list of prompts.
    fn plain(&mut self, value: &Value, at: &str) {
        let prompts = match value {
            Value::String(_) => std::slice::from_ref(value),
            Value::Array(items) if items.iter().any(Value::is_number) => std::slice::from_ref(value),
            Value::Array(items) => items.as_slice(),
            _ => {
                return self
                    .refuse(at, format!("a text, tokens or a list of them is expected here, found {}", found(value)));
            }
        };
        for prompt in prompts {
            let part = match prompt {
                Value::String(words) if words.is_empty() => None,
                Value::String(words) => Some(text(self, "text", words)),
                Value::Array(tokens) if tokens.iter().all(|token| token.is_number() || token.is_string()) => {
                    let Some(tokens) = self.exact(prompt, at) else { continue };
                    Some(json!({"type": "tokens", "content": size::content(&mut self.contents, tokens)}))
                }
                other => {
                    self.refuse(at, format!("a prompt is a text or a list of tokens, found {}", found(other)));
                    continue;
                }
            };
            self.messages.push(json!({"role": "prompt", "parts": part.into_iter().collect::<Vec<_>>()}));
        }
    }

    fn base64_list(&mut self, value: &Value, at: &str) -> Vec<Value> {
        let Some(items) = value.as_array() else {
            self.refuse(at, format!("a list of pictures in base64 is expected here, found {}", found(value)));
            return Vec::new();
        };
        let mut out = Vec::new();
        for (index, item) in items.iter().enumerate() {
            if let Some(bytes) = self.base64(item, &format!("{at}/{index}")) {
                let content = size::by_digest(&mut self.contents, "application/octet-stream", bytes);
                out.push(json!({"type": "image", "content": content}));
            }
        }
        out
    }

    fn item(&mut self, items: &'static [ItemKind], object: &Map<String, Value>, at: &str) -> Option<Value> {
        let tag = self.tag(object, at)?;
        let Some(item) = items.iter().find(|item| item.tag == tag) else {
            let names: Vec<&str> = items.iter().map(|item| item.tag).filter(|tag| !tag.is_empty()).collect();
            self.unknown(&step(at, "type"), format!("{tag:?} is no known type here; known are {}", names.join(", ")));
            return None;
        };
        let Some((role, kind)) = item.part else {
            let mut message = Message::default();
            self.message(&mut message, item.shape, object, at, "type");
            return Some(self.finished(message));
        };
        let nothing = [Value::Null, json!([]), json!("")];
        let present = |name: &&str| object.get(*name).is_some_and(|value| !nothing.contains(value));
        if !item.one_of.is_empty() && !item.one_of.iter().any(present) {
            let advice = "the provider keeps what this item says: ask for it with the answer, and send it";
            self.plainly(Rule::Outside(advice), &json!(1), at);
            return None;
        }
        let mut part = Part::of(kind);
        fill(self, &mut part, item.shape, object, at, "type");
        let part = finish(self, part, at)?;
        Some(json!({"role": role, "parts": [part.value]}))
    }

    fn message(
        &mut self,
        message: &mut Message,
        shape: &'static Shape,
        object: &Map<String, Value>,
        at: &str,
        skip: &str,
    ) {
        let mut allowed = Absent::User;
        for row in shape.rows.iter().flat_map(|group| group.iter()) {
            if let Rule::Message(OfMessage::Role(_, absent)) = row.rule {
                allowed = absent;
            }
        }
        for (row, value, pointer) in self.rows(shape, object, at, skip) {
            match (self.plainly(row.rule, value, &pointer), row.rule) {
                (Plainly::Done, _) => {}
                (Plainly::Inert, _) => {
                    message.options.insert(row.name.into(), value.clone());
                }
                (Plainly::Look, Rule::Message(of)) => {
                    self.decide(&pointer, row.rule.fate(), "/prompt/messages");
                    self.of_message(message, of, value, &pointer);
                }
                (Plainly::Look, _) => self.refuse(&pointer, "the table has no place for this member: please report it"),
            }
        }
        if message.role.is_none() && !self.refused.iter().any(|refused| refused.pointer == step(at, "role")) {
            match allowed {
                Absent::User => message.role = Some("user".into()),
                Absent::Refused => {
                    self.refuse(&step(at, "role"), "the message does not say whose it is: give its role")
                }
            }
        }
    }

    fn of_message(&mut self, message: &mut Message, of: OfMessage, value: &Value, at: &str) {
        match of {
            OfMessage::Role(names, _) => match value.as_str() {
                Some(role) if !role.is_empty() => {
                    let read = names.iter().find(|(name, _)| *name == role).map_or(role, |(_, read)| read);
                    message.role = Some(read.into());
                }
                _ => self.refuse(at, format!("a role is a text, found {}", found(value))),
            },
            OfMessage::Name => match value.as_str() {
                Some("") => {}
                Some(name) => message.name = Some(name.into()),
                None => self.refuse(at, format!("a name is a text, found {}", found(value))),
            },
            OfMessage::Content(blocks) | OfMessage::Parts(blocks) => {
                if matches!(of, OfMessage::Parts(_)) && !value.is_array() {
                    return self.refuse(at, format!("a list is expected here, found {}", found(value)));
                }
                let mut more = parts(self, blocks, value, at);
                message.parts.append(&mut more);
            }
            OfMessage::Text(kind) => match value.as_str() {
                Some("") => {}
                Some(words) => match message.texts.insert(kind, at.into()) {
                    None => message.parts.push(text(self, kind, words)),
                    Some(first) => self.twice(&first, at),
                },
                None => self.refuse(at, format!("a text is expected here, found {}", found(value))),
            },
            OfMessage::Exact(kind) => {
                if let Some(value) = self.exact(value, at) {
                    let content = size::content(&mut self.contents, value);
                    message.parts.push(json!({"type": kind, "content": content}));
                }
            }
            OfMessage::One(kind, shape) => match value.as_object() {
                Some(object) => {
                    let mut part = Part::of(kind);
                    fill(self, &mut part, shape, object, at, "");
                    if let Some(done) = part::finish(self, part, at) {
                        message.parts.push(done.value);
                    }
                }
                None => self.refuse(at, format!("an object is expected here, found {}", found(value))),
            },
            OfMessage::Answers => match value.as_str() {
                Some(id) => message.answers = Some(id.into()),
                None => self.refuse(at, format!("the id of a call is a text, found {}", found(value))),
            },
            OfMessage::Pictures => {
                let mut more = self.base64_list(value, at);
                message.parts.append(&mut more);
            }
            OfMessage::Option(name, form) => {
                if let Some(value) = self.form(form, value, at) {
                    set(&mut message.options, name, form, value);
                }
            }
        }
    }

    fn finished(&mut self, message: Message) -> Value {
        let parts = match message.answers {
            None => message.parts,
            Some(id) => {
                let content = size::content(&mut self.contents, Value::Array(message.parts));
                vec![json!({"type": "tool_result", "id": id, "content": content})]
            }
        };
        let mut out = json!({"role": message.role.unwrap_or_default(), "parts": parts});
        if let Some(name) = message.name {
            out["name"] = json!(name);
        }
        if !message.options.is_empty() {
            out["options"] = size::content(&mut self.contents, Value::Object(message.options));
        }
        out
    }

    /// Puts the text of one user together with its pictures, and holds that there is something to answer.
    pub(super) fn assemble(&mut self, at: &str) {
        let words = self.templated.take();
        let mut pictures = std::mem::take(&mut self.pictures);
        if words.is_some() || !pictures.is_empty() {
            let words = words.filter(|words| !words.is_empty());
            let mut parts: Vec<Value> = words.map(|words| text(self, "text", &words)).into_iter().collect();
            parts.append(&mut pictures);
            self.messages.push(json!({"role": if self.raw { "prompt" } else { "user" }, "parts": parts}));
        }
        if self.messages.is_empty() && self.refused.is_empty() {
            self.refuse(at, "the body asks nothing: it has no message and no prompt");
        }
    }
}
