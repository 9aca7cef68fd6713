//! Parts of a message, from the blocks of a request.

use super::bytes;
use super::reader::{Plainly, RequestReader, found, step, tag_matches};
use super::rule::{Block, Blocks, Form, OfPart, Rule, Shape};
use super::size;
use serde_json::{Map, Value, json};

/// What a part says.
enum Body {
    Value(Value),
    Bytes(Option<String>, Vec<u8>),
}

/// A part while its members are read.
#[derive(Default)]
pub struct Part {
    /// Its type, as far as it is known.
    pub kind: Option<String>,
    body: Option<(Body, String)>,
    members: Map<String, Value>,
    holds_members: bool,
    holds_parts: bool,
    media: Option<(String, String)>,
    pub(super) id: Option<String>,
    name: Option<String>,
    options: Map<String, Value>,
    nothing: bool,
}

impl Part {
    /// A part of a type that is known.
    pub fn of(kind: &str) -> Part {
        Part { kind: Some(kind.into()), ..Part::default() }
    }
}

/// A finished part.
pub struct Done {
    /// As it stands in the declaration.
    pub value: Value,
    /// Whether it is a text of no characters and nothing else.
    pub empty: bool,
}

/// A text as a part.
pub fn text(reader: &mut RequestReader<'_>, kind: &str, text: &str) -> Value {
    json!({"type": kind, "content": size::content(&mut reader.contents, json!(text))})
}

/// Parts of a text or a list of blocks. One empty text is no part.
pub fn parts(reader: &mut RequestReader<'_>, blocks: Blocks, value: &Value, at: &str) -> Vec<Value> {
    let one = std::slice::from_ref(value);
    let items = match (value, blocks) {
        (Value::String(text), Blocks::Tagged(_)) if text.is_empty() => return Vec::new(),
        (Value::String(words), Blocks::Tagged(_)) => return vec![text(reader, "text", words)],
        (Value::Array(_), Blocks::Tagged([])) => {
            reader.unknown(at, "a text is expected here, found a list");
            return Vec::new();
        }
        (Value::Array(items), _) => items.as_slice(),
        // Some clients leave out the list around one part.
        (Value::Object(_), Blocks::Plain(_)) => one,
        (other, Blocks::Tagged(_)) => {
            reader.refuse(at, format!("a text or a list of blocks is expected here, found {}", found(other)));
            return Vec::new();
        }
        (other, Blocks::Plain(_)) => {
            reader.refuse(at, format!("a list of parts is expected here, found {}", found(other)));
            return Vec::new();
        }
    };
    let mut out = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let at = if value.is_array() { format!("{at}/{index}") } else { at.to_owned() };
        out.extend(block(reader, blocks, item, &at));
    }
    match out.as_slice() {
        [only] if only.empty => Vec::new(),
        _ => out.into_iter().map(|part| part.value).collect(),
    }
}

fn block(reader: &mut RequestReader<'_>, blocks: Blocks, value: &Value, at: &str) -> Option<Done> {
    let Some(object) = value.as_object() else {
        reader.refuse(at, format!("a block is an object, found {}", found(value)));
        return None;
    };
    match blocks {
        Blocks::Plain(shape) => {
            let mut part = Part::default();
            fill(reader, &mut part, shape, object, at, "");
            finish(reader, part, at)
        }
        Blocks::Tagged(blocks) => {
            let (block, tag) = choose(reader, blocks, object, at)?;
            let mut part = Part::of(if block.kind.is_empty() { &tag } else { block.kind });
            fill(reader, &mut part, block.shape, object, at, "type");
            finish(reader, part, at)
        }
    }
}

/// The kind of a tagged block.
fn choose(
    reader: &mut RequestReader<'_>,
    blocks: &'static [Block],
    object: &Map<String, Value>,
    at: &str,
) -> Option<(&'static Block, String)> {
    let tag = reader.tag(object, at)?;
    if let Some(block) = blocks.iter().find(|block| tag_matches(block.tag, &tag)) {
        return Some((block, tag));
    }
    let names: Vec<&str> = blocks.iter().map(|block| block.tag).filter(|tag| !tag.is_empty()).collect();
    let known = names.join(", ");
    if tag.is_empty() {
        reader.unknown(at, format!("a block says its \"type\"; known are {known}"));
    } else {
        reader.unknown(&step(at, "type"), format!("{tag:?} is no known type here; known are {known}"));
    }
    None
}

/// Reads the members of an object into a part.
pub fn fill(
    reader: &mut RequestReader<'_>,
    part: &mut Part,
    shape: &'static Shape,
    object: &Map<String, Value>,
    at: &str,
    skip: &str,
) {
    for row in shape.rows.iter().flat_map(|group| group.iter()) {
        part.holds_members |= matches!(row.rule, Rule::Part(OfPart::Member(_)));
        part.holds_parts |= matches!(row.rule, Rule::Part(OfPart::Parts(_) | OfPart::Json));
    }
    for (row, value, pointer) in reader.rows(shape, object, at, skip) {
        match (reader.plainly(row.rule, value, &pointer), row.rule) {
            (Plainly::Done, _) => {}
            (Plainly::Inert, _) => {
                part.options.insert(row.name.into(), value.clone());
            }
            (Plainly::Look, Rule::Part(of)) => {
                if !matches!(of, OfPart::Within(_) | OfPart::Choice(_) | OfPart::Variant(..)) {
                    reader.decide(&pointer, row.rule.fate(), "/prompt/messages");
                }
                member(reader, part, of, row.name, value, &pointer);
            }
            (Plainly::Look, _) => reader.refuse(&pointer, "the table has no place for this member: please report it"),
        }
    }
}

fn member(reader: &mut RequestReader<'_>, part: &mut Part, of: OfPart, name: &str, value: &Value, at: &str) {
    let as_text =
        |reader: &mut RequestReader<'_>| reader.form(Form::Text, value, at).and_then(|v| v.as_str().map(str::to_owned));
    match of {
        OfPart::Text => {
            if let Some(words) = as_text(reader) {
                say(reader, part, Body::Value(json!(words)), at);
            }
        }
        OfPart::Exact => {
            if let Some(value) = reader.exact(value, at) {
                say(reader, part, Body::Value(value), at);
            }
        }
        OfPart::ExactVariant(kind) => {
            let kept = reader.exact(value, at);
            if let Some(value) = reader.settled(name, if kind == "json" { Form::Text } else { Form::Exact }, kept, at) {
                say(reader, part, Body::Value(value), at);
                kind_of(reader, part, kind, at);
            }
        }
        OfPart::Member(form) => {
            let kept = reader.form(form, value, at);
            if let Some(value) = reader.settled(name, form, kept, at) {
                part.members.insert(name.into(), value);
            }
        }
        OfPart::Parts(blocks) => {
            let parts = parts(reader, blocks, value, at);
            say(reader, part, Body::Value(Value::Array(parts)), at);
        }
        OfPart::Json => {
            let parts = match value {
                Value::String(words) if words.is_empty() => Vec::new(),
                Value::String(words) => vec![text(reader, "text", words)],
                _ => match reader.exact(value, at) {
                    Some(value) => vec![json!({"type": "json", "content": size::content(&mut reader.contents, value)})],
                    None => return,
                },
            };
            say(reader, part, Body::Value(Value::Array(parts)), at);
        }
        OfPart::Data => {
            if let Some(bytes) = reader.base64(value, at) {
                say(reader, part, Body::Bytes(None, bytes), at);
            }
        }
        OfPart::Address | OfPart::DataOrAddress => address(reader, part, of, value, at),
        OfPart::MediaType => {
            if let Some(words) = as_text(reader) {
                match bytes::media_type(&words) {
                    Ok(media) => part.media = Some((media, at.into())),
                    Err(reason) => reader.refuse(at, reason),
                }
            }
        }
        OfPart::MediaFormat(begin) => {
            if let Some(words) = as_text(reader) {
                match bytes::media_type(&format!("{begin}{words}")) {
                    Ok(media) => part.media = Some((media, at.into())),
                    Err(reason) => reader.refuse(at, reason),
                }
            }
        }
        OfPart::Id => part.id = as_text(reader),
        OfPart::Name => part.name = as_text(reader),
        OfPart::Option(name, form) => {
            if let Some(value) = reader.form(form, value, at) {
                set(&mut part.options, name, form, value);
            }
        }
        OfPart::Within(shape) => match (value, shape.rows) {
            (Value::Object(object), _) => fill(reader, part, shape, object, at, ""),
            // An address may stand without the object around it.
            (Value::String(_), [[first, ..], ..])
                if matches!(first.rule, Rule::Part(OfPart::Address | OfPart::DataOrAddress)) =>
            {
                address(reader, part, OfPart::DataOrAddress, value, at);
            }
            _ => reader.refuse(at, format!("an object is expected here, found {}", found(value))),
        },
        OfPart::Choice(blocks) => match value.as_object() {
            Some(object) => {
                if let Some((block, _)) = choose(reader, blocks, object, at) {
                    fill(reader, part, block.shape, object, at, "type");
                }
            }
            None => reader.refuse(at, format!("an object is expected here, found {}", found(value))),
        },
        OfPart::Variant(kind, shape) => match value.as_object() {
            Some(object) => {
                kind_of(reader, part, kind, at);
                fill(reader, part, shape, object, at, "");
            }
            None => reader.refuse(at, format!("an object is expected here, found {}", found(value))),
        },
        OfPart::Nothing => part.nothing = true,
    }
}

/// Keeps an option; an echo of nothing is none.
pub fn set(options: &mut Map<String, Value>, name: &str, form: Form, value: Value) {
    if matches!(form, Form::Echo) && value.as_array().is_some_and(Vec::is_empty) {
        return;
    }
    options.insert(name.into(), value);
}

fn kind_of(reader: &mut RequestReader<'_>, part: &mut Part, kind: &str, at: &str) {
    match &part.kind {
        Some(first) => {
            let reason = format!("one part says one thing: it is {first} already");
            reader.refuse(at, reason);
        }
        None => part.kind = Some(kind.into()),
    }
}

/// The content of a part, once.
fn say(reader: &mut RequestReader<'_>, part: &mut Part, body: Body, at: &str) {
    if let Some((_, first)) = &part.body {
        let reason = format!("the content of this part is stated at {first} already: state one of them");
        return reader.refuse(at, reason);
    }
    part.body = Some((body, at.into()));
}

fn address(reader: &mut RequestReader<'_>, part: &mut Part, of: OfPart, value: &Value, at: &str) {
    let Some(words) = value.as_str() else {
        return reader.refuse(at, format!("an address is a text, found {}", found(value)));
    };
    match bytes::data_url(words) {
        Some(Ok((media, data))) => say(reader, part, Body::Bytes(media, data), at),
        Some(Err(reason)) => reader.refuse(at, reason),
        None if matches!(of, OfPart::DataOrAddress) && !words.contains(':') && bytes::base64(words).is_ok() => {
            say(reader, part, Body::Bytes(None, bytes::base64(words).unwrap_or_default()), at);
        }
        None => {
            // A place for the content, so that the part is not called empty as well.
            part.nothing = true;
            let rule = Rule::Outside(super::formats::tools::ADDRESS);
            reader.plainly(rule, &json!(if words.is_empty() { " " } else { words }), at);
        }
    }
}

/// A part as it stands in the declaration; nothing for one that says nothing or was refused.
pub fn finish(reader: &mut RequestReader<'_>, mut part: Part, at: &str) -> Option<Done> {
    let kind = part.kind.take().unwrap_or_else(|| "text".into());
    let bare = part.options.is_empty() && part.id.is_none() && part.name.is_none();
    let mut empty = false;
    let content = match part.body {
        Some((_, first)) if !part.members.is_empty() => {
            reader.refuse(at, format!("the content of this part is stated at {first} already"));
            return None;
        }
        Some((Body::Value(value), _)) => {
            // A media type of what is no bytes is said beside it.
            if let Some((media, _)) = part.media {
                part.options.insert("media_type".into(), json!(media));
            }
            empty = kind == "text" && bare && value == "";
            size::content(&mut reader.contents, value)
        }
        Some((Body::Bytes(inside, bytes), _)) => {
            let media = match (inside, part.media) {
                (Some(inside), Some((media, pointer))) if inside != media => {
                    reader.refuse(
                        &pointer,
                        format!("this is {media} and the data: URL says {inside}: state one of them"),
                    );
                    return None;
                }
                (Some(media), _) | (None, Some((media, _))) => media,
                (None, None) => "application/octet-stream".into(),
            };
            size::by_digest(&mut reader.contents, &media, bytes)
        }
        None if !part.members.is_empty() || part.holds_members => {
            size::content(&mut reader.contents, Value::Object(part.members))
        }
        None if kind == "tool_call" => size::content(&mut reader.contents, json!({})),
        None if part.holds_parts => size::content(&mut reader.contents, json!([])),
        None if part.nothing && bare => return None,
        None => {
            // What was refused in it is said already.
            if !reader.refused.iter().any(|refused| refused.pointer.starts_with(at)) {
                reader.refuse(at, format!("this {kind} has no content"));
            }
            return None;
        }
    };
    let mut value = json!({"type": kind, "content": content});
    if let Some(id) = part.id {
        value["id"] = json!(id);
    }
    if let Some(name) = part.name {
        value["name"] = json!(name);
    }
    if !part.options.is_empty() {
        value["options"] = size::content(&mut reader.contents, Value::Object(part.options));
    }
    Some(Done { value, empty })
}
