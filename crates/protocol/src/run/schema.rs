//! Which members a declaration has.

use super::element::{DECLARATION_TYPE, Element};
use crate::canon::{self, CanonCode, CanonError};
use crate::digest::Digest;
use crate::names::is_name;
use serde_json::{Map, Value};

/// Largest inline content, canonical bytes: most prompts stay readable, and eight of them fit a ledger entry.
pub(crate) const MAX_INLINE: usize = 8 << 10;

type Check = Result<(), CanonError>;

fn fail(code: CanonCode, pointer: &str, detail: impl Into<String>) -> Check {
    Err(CanonError::new(code, pointer, detail))
}

/// What a pointer names, as the beginning of a sentence.
fn whose(pointer: &str) -> &str {
    if pointer.is_empty() { "a declaration" } else { pointer }
}

/// Exactly these members: `required` and possibly `optional`.
fn members<'a>(
    value: &'a Value,
    pointer: &str,
    required: &[&str],
    optional: &[&str],
) -> Result<&'a Map<String, Value>, CanonError> {
    let Some(object) = value.as_object() else {
        return Err(CanonError::new(CanonCode::WrongType, pointer, "this must be an object"));
    };
    if let Some(name) = required.iter().find(|name| !object.contains_key(**name)) {
        return Err(CanonError::new(
            CanonCode::MissingMember,
            format!("{pointer}/{name}"),
            format!("this member is missing: {} has {}", whose(pointer), required.join(", ")),
        ));
    }
    let known = |name: &&String| required.contains(&name.as_str()) || optional.contains(&name.as_str());
    if let Some(name) = object.keys().find(|name| !known(name)) {
        let known = [required, optional].concat().join(", ");
        let detail = format!("{} has no such member: it has {known}", whose(pointer));
        let name = name.replace('~', "~0").replace('/', "~1");
        return Err(CanonError::new(CanonCode::UnknownMember, format!("{pointer}/{name}"), detail));
    }
    Ok(object)
}

fn text(value: &Value, pointer: &str) -> Check {
    match value.as_str() {
        Some(text) if !text.is_empty() => Ok(()),
        _ => fail(CanonCode::WrongType, pointer, "this must be a text that is not empty"),
    }
}

/// Members that may be left out and are texts, empty ones too.
fn texts(object: &Value, names: &[&str], pointer: &str) -> Check {
    match names.iter().find(|name| object.get(**name).is_some_and(|value| !value.is_string())) {
        None => Ok(()),
        Some(name) => fail(CanonCode::WrongType, &format!("{pointer}/{name}"), "this must be a text"),
    }
}

fn digest(value: &Value, pointer: &str) -> Check {
    match value.as_str().map(str::parse::<Digest>) {
        Some(Ok(_)) => Ok(()),
        _ => fail(CanonCode::WrongType, pointer, "this is no digest: write sha256: and 64 lowercase hex characters"),
    }
}

pub fn check(value: &Value) -> Check {
    let names = Element::ALL.map(Element::as_str);
    members(value, "", &["type", names[0], names[1], names[2], names[3], names[4]], &[])?;
    if value["type"] != DECLARATION_TYPE {
        return fail(
            CanonCode::WrongType,
            "/type",
            format!("this is {}: a declaration has the type {DECLARATION_TYPE:?}", value["type"]),
        );
    }
    no_holes(value, &mut String::new())?;
    model(&value["model"])?;
    prompt(&value["prompt"])?;
    for element in ["parameters", "context", "constraints"] {
        let pointer = format!("/{element}");
        let Some(object) = value[element].as_object() else {
            return fail(
                CanonCode::WrongType,
                &pointer,
                "this must be an object: {\"none\":true} says that there is nothing",
            );
        };
        if object.contains_key("none") && (object.len() != 1 || object["none"] != Value::Bool(true)) {
            return fail(
                CanonCode::WrongType,
                &format!("{pointer}/none"),
                "beside \"none\" stands something else: write {\"none\":true} alone, or leave it out",
            );
        }
        for name in object.keys() {
            if !is_name(name) {
                return fail(
                    CanonCode::WrongType,
                    &pointer,
                    format!("{name:?} is no member name: use A-Z a-z 0-9 . _ : / -"),
                );
            }
        }
        external(&value[element], &pointer)?;
    }
    Ok(())
}

/// `null` and empty containers have a second spelling (absence), so they have no place in what is hashed, but where they are
/// data: below `inline`, which is not looked into. A message may have no parts.
fn no_holes(value: &Value, pointer: &mut String) -> Check {
    let length = pointer.len();
    match value {
        Value::Null => return fail(CanonCode::NullMember, pointer, "leave the member out instead of null"),
        Value::Array(items) if items.is_empty() => {
            return fail(CanonCode::EmptyContainer, pointer, "leave the member out instead of []");
        }
        Value::Object(map) if map.is_empty() => {
            return fail(CanonCode::EmptyContainer, pointer, "leave the member out instead of {}");
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                pointer.push_str(&format!("/{index}"));
                no_holes(item, pointer)?;
                pointer.truncate(length);
            }
        }
        Value::Object(map) => {
            for (name, item) in map {
                let silent =
                    name == "parts" && *item == Value::Array(Vec::new()) && pointer.starts_with("/prompt/messages/");
                if name == "inline" || silent {
                    continue;
                }
                pointer.push_str(&format!("/{}", name.replace('~', "~0").replace('/', "~1")));
                no_holes(item, pointer)?;
                pointer.truncate(length);
            }
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    Ok(())
}

fn model(value: &Value) -> Check {
    let object = members(value, "/model", &["provider", "name", "revision", "assurance"], &["digest"])?;
    for name in ["provider", "name", "revision"] {
        text(&object[name], &format!("/model/{name}"))?;
    }
    match (object["assurance"].as_str(), object.get("digest")) {
        (Some("weights-digest"), Some(value)) => digest(value, "/model/digest"),
        (Some("weights-digest"), None) => fail(
            CanonCode::MissingDigest,
            "/model/digest",
            "the digest of the weights is missing: give it, or state assurance provider-asserted",
        ),
        (Some("provider-asserted"), None) => Ok(()),
        (Some("provider-asserted"), Some(_)) => fail(
            CanonCode::UnknownMember,
            "/model/digest",
            "a digest of weights stands here, but the assurance is provider-asserted: state weights-digest, or leave the digest out",
        ),
        _ => fail(
            CanonCode::WrongType,
            "/model/assurance",
            format!("this is {}: write weights-digest or provider-asserted", object["assurance"]),
        ),
    }
}

/// A list of messages, or its digest. A message has a role and parts; a part has a type and content.
fn prompt(value: &Value) -> Check {
    let object = members(value, "/prompt", &["messages"], &[])?;
    let messages = match &object["messages"] {
        Value::Array(messages) => messages,
        Value::Object(reference) if reference.contains_key("digest") || reference.contains_key("commitment") => {
            return content(&object["messages"], "/prompt/messages");
        }
        _ => return fail(CanonCode::WrongType, "/prompt/messages", "this must be a list of messages, or their digest"),
    };
    for (index, message) in messages.iter().enumerate() {
        let pointer = format!("/prompt/messages/{index}");
        members(message, &pointer, &["role", "parts"], &["name", "options"])?;
        options(message, &pointer)?;
        texts(message, &["name"], &pointer)?;
        text(&message["role"], &format!("{pointer}/role"))?;
        let Some(parts) = message["parts"].as_array() else {
            return fail(CanonCode::WrongType, &format!("{pointer}/parts"), "this must be a list of parts");
        };
        for (number, part) in parts.iter().enumerate() {
            let pointer = format!("{pointer}/parts/{number}");
            members(part, &pointer, &["type", "content"], &["id", "name", "options"])?;
            options(part, &pointer)?;
            texts(part, &["id", "name"], &pointer)?;
            text(&part["type"], &format!("{pointer}/type"))?;
            content(&part["content"], &format!("{pointer}/content"))?;
        }
    }
    Ok(())
}

/// What belongs to a message or part and is not its content.
fn options(value: &Value, pointer: &str) -> Check {
    value.get("options").map_or(Ok(()), |options| content(options, &format!("{pointer}/options")))
}

/// Exactly one of inline, by digest, or committed.
fn content(value: &Value, pointer: &str) -> Check {
    let Some(object) = value.as_object() else {
        return fail(CanonCode::WrongType, pointer, "this must be an object with inline, digest or commitment");
    };
    if let Some(inline) = object.get("inline") {
        members(value, pointer, &["inline"], &[])?;
        let size = canon::to_canonical(inline).len();
        if size > MAX_INLINE {
            return fail(
                CanonCode::TooLarge,
                &format!("{pointer}/inline"),
                format!("{size} bytes are too many inline, at most {MAX_INLINE}: declare larger content by digest"),
            );
        }
        return Ok(());
    }
    if object.contains_key("commitment") {
        members(value, pointer, &["commitment"], &[])?;
        return digest(&object["commitment"], &format!("{pointer}/commitment"));
    }
    if object.contains_key("uri") && !object.contains_key("digest") {
        return fail(
            CanonCode::MissingDigest,
            &format!("{pointer}/digest"),
            "content outside is named without its digest: add the digest, so that nobody can change it",
        );
    }
    members(value, pointer, &["media_type", "size", "digest"], &["uri"])?;
    texts(value, &["uri"], pointer)?;
    text(&object["media_type"], &format!("{pointer}/media_type"))?;
    match object["size"].as_str().map(str::parse::<crate::time::U64>) {
        Some(Ok(_)) => {}
        _ => {
            return fail(
                CanonCode::WrongType,
                &format!("{pointer}/size"),
                "this must be the number of bytes as a decimal string, like \"1024\"",
            );
        }
    }
    digest(&object["digest"], &format!("{pointer}/digest"))
}

/// Wherever an object names a uri, it is content and needs its digest: external state is resolved into the declaration.
fn external(value: &Value, pointer: &str) -> Check {
    match value {
        Value::Object(map) => {
            if map.contains_key("uri") || map.contains_key("commitment") || map.contains_key("inline") {
                return content(value, pointer);
            }
            map.iter().try_for_each(|(name, item)| {
                external(item, &format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1")))
            })
        }
        Value::Array(items) => {
            items.iter().enumerate().try_for_each(|(index, item)| external(item, &format!("{pointer}/{index}")))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}
