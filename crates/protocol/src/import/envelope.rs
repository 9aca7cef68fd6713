//! What stands around a request: lines of batches, and spans.

use super::formats;
use super::reader::{Decided, step};
use super::rule::{Fate, Format};
use super::{ImportError, RefusedMember};
use serde_json::{Map, Value};

/// A request out of its envelope.
pub struct Opened {
    /// Its members.
    pub members: Map<String, Value>,
    /// Where they stand in the body.
    pub at: String,
    /// The formats that the envelope leaves; all of them where it says nothing of it.
    pub formats: &'static [&'static Format],
    /// What became of the envelope.
    pub decided: Vec<Decided>,
}

/// Paths of OpenAI's batches, and what they take.
const PATHS: &[(&str, &[&Format])] = &[
    (
        "/chat/completions",
        &[
            formats::chat::FORMAT,
            formats::mistral::FORMAT,
            formats::vllm::CHAT,
            formats::completion::LLAMA_CHAT,
            formats::completion::TGI_CHAT,
            formats::gateway::LITELLM,
            formats::gateway::OPENROUTER,
        ],
    ),
    ("/responses", &[formats::responses::FORMAT]),
    ("/completions", &[formats::completion::OPENAI, formats::vllm::COMPLETIONS]),
];

/// Members of a span that OpenTelemetry's SDKs write beside its attributes.
const SPAN: &[&str] = &[
    "name",
    "kind",
    "context",
    "parent_id",
    "trace_id",
    "span_id",
    "parent_span_id",
    "trace_state",
    "parentSpanId",
    "traceId",
    "spanId",
    "traceState",
    "flags",
    "start_time",
    "end_time",
    "startTimeUnixNano",
    "endTimeUnixNano",
    "status",
    "events",
    "links",
    "resource",
    "scope",
    "droppedAttributesCount",
    "droppedEventsCount",
    "droppedLinksCount",
];

/// Opens a body.
///
/// # Errors
/// An envelope that is known and broken, with a pointer into it.
pub fn open(body: Value) -> Result<Opened, ImportError> {
    let Value::Object(members) = body else {
        return Err(ImportError::Unknown("a request is a JSON object".into()));
    };
    let has = |names: &[&str]| names.iter().all(|name| members.contains_key(*name));
    let request = ["messages", "input", "prompt", "contents", "inputs"].iter().any(|name| members.contains_key(*name));
    if request {
        return Ok(Opened { members, at: String::new(), formats: formats::ALL, decided: Vec::new() });
    }
    if has(&["body"]) {
        return inner(members, "body", &["custom_id", "method", "url"]);
    }
    if has(&["custom_id", "params"]) {
        return inner(members, "params", &["custom_id"])
            .map(|opened| Opened { formats: &[formats::anthropic::FORMAT], ..opened });
    }
    if has(&["modelInput"]) {
        return inner(members, "modelInput", &["recordId"]);
    }
    if has(&["request"]) {
        return inner(members, "request", &["key", "id", "custom_id", "metadata"]);
    }
    if has(&["attributes"]) {
        return span(members);
    }
    if members.keys().any(|name| name.starts_with("gen_ai.")) {
        let members = texts_of_json(members, "")?;
        return Ok(Opened { members, at: String::new(), formats: &[formats::otel::FORMAT], decided: Vec::new() });
    }
    Ok(Opened { members, at: String::new(), formats: formats::ALL, decided: Vec::new() })
}

fn refused(pointer: &str, reason: impl Into<String>) -> ImportError {
    ImportError::Refused(vec![RefusedMember { pointer: pointer.into(), reason: reason.into(), unknown: false }])
}

/// The request under a member; everything else has to be known.
fn inner(mut members: Map<String, Value>, name: &str, beside: &[&str]) -> Result<Opened, ImportError> {
    let request = members.remove(name);
    let mut decided = Vec::new();
    let mut formats = formats::ALL;
    for (other, value) in &members {
        let at = step("", other);
        if !beside.contains(&other.as_str()) {
            let reason = format!("an envelope around {name:?} has only {}, and not this", beside.join(", "));
            return Err(refused(&at, reason));
        }
        let detail = match (other.as_str(), value.as_str()) {
            ("method", Some("POST")) | ("custom_id" | "recordId" | "key" | "id" | "metadata", _) => "",
            ("method", _) => return Err(refused(&at, "a request of a batch is a \"POST\"")),
            ("url", Some(path)) => {
                // Azure writes other beginnings, and versions behind.
                let bare = path.split(['?', '#']).next().unwrap_or_default();
                let Some((_, known)) = PATHS.iter().find(|(known, _)| bare.ends_with(known)) else {
                    let paths: Vec<&str> = PATHS.iter().map(|(path, _)| *path).collect();
                    return Err(refused(
                        &at,
                        format!("{path:?} is no path that is known; known are {}", paths.join(", ")),
                    ));
                };
                formats = known;
                "states the format"
            }
            _ => return Err(refused(&at, "a text is expected here")),
        };
        let fate = if detail.is_empty() { Fate::Transport } else { Fate::Normalised };
        decided.push(Decided { pointer: at, fate, detail: detail.into() });
    }
    match request {
        Some(Value::Object(request)) => Ok(Opened { members: request, at: step("", name), formats, decided }),
        _ => Err(refused(&step("", name), "the request is an object")),
    }
}

/// A span: its attributes as an object, or as OTLP's list of keys and values.
fn span(mut members: Map<String, Value>) -> Result<Opened, ImportError> {
    let attributes = members.remove("attributes").unwrap_or_default();
    let mut decided = Vec::new();
    for name in members.keys() {
        if !SPAN.contains(&name.as_str()) {
            return Err(refused(&step("", name), "a span has no such member; what is asked stands in its attributes"));
        }
        decided.push(Decided { pointer: step("", name), fate: Fate::Transport, detail: String::new() });
    }
    let attributes = match attributes {
        Value::Object(attributes) => attributes,
        Value::Array(list) => {
            let mut attributes = Map::new();
            for (index, pair) in list.iter().enumerate() {
                let at = format!("/attributes/{index}");
                let Some(key) = pair["key"].as_str() else { return Err(refused(&at, "an attribute has a key")) };
                let value = any_value(&pair["value"]).ok_or_else(|| {
                    refused(&format!("{at}/value"), "a value of OTLP has one member, such as stringValue")
                })?;
                if attributes.insert(key.to_owned(), value).is_some() {
                    return Err(refused(&at, format!("the attribute {key:?} stands twice")));
                }
            }
            attributes
        }
        _ => return Err(refused("/attributes", "attributes are an object or a list of keys and values")),
    };
    let at = "/attributes";
    let members = texts_of_json(attributes, at)?;
    Ok(Opened { members, at: at.into(), formats: &[formats::otel::FORMAT], decided })
}

/// A value of OTLP.
fn any_value(value: &Value) -> Option<Value> {
    let object = value.as_object().filter(|object| object.len() == 1)?;
    let (kind, inner) = object.iter().next()?;
    match (kind.as_str(), inner) {
        ("stringValue", Value::String(_)) | ("boolValue", Value::Bool(_)) | ("doubleValue", Value::Number(_)) => {
            Some(inner.clone())
        }
        // JSON of protobuf writes 64-bit integers as texts.
        ("intValue", Value::String(digits)) => digits.parse::<i64>().ok().map(Value::from),
        ("intValue", Value::Number(_)) => Some(inner.clone()),
        ("arrayValue", _) => {
            inner["values"].as_array()?.iter().map(any_value).collect::<Option<Vec<_>>>().map(Value::Array)
        }
        ("kvlistValue", _) => {
            let mut out = Map::new();
            for pair in inner["values"].as_array()? {
                out.insert(pair["key"].as_str()?.to_owned(), any_value(&pair["value"])?);
            }
            Some(Value::Object(out))
        }
        _ => None,
    }
}

/// Attributes hold flat values, so SDKs write lists of messages as texts of JSON.
fn texts_of_json(mut attributes: Map<String, Value>, at: &str) -> Result<Map<String, Value>, ImportError> {
    for name in ["gen_ai.input.messages", "gen_ai.system_instructions", "gen_ai.tool.definitions"] {
        if let Some(Value::String(text)) = attributes.get(name) {
            let read = super::parse(text.as_bytes()).map_err(|error| match error {
                ImportError::Canon(mut error) => {
                    error.pointer = format!("{}{}", step(at, name), error.pointer);
                    ImportError::Canon(error)
                }
                other => other,
            })?;
            attributes.insert(name.into(), read);
        }
    }
    Ok(attributes)
}
