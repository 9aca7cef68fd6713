//! Declarations from the request bodies that people already have.
//!
//! Every format is brought to one message schema, so that a text given as a string and the same text given as one part
//! are one prompt. Sampling members go to `parameters`; what the answer must keep to (tools, response format, stop
//! sequences' policy, safety) to `constraints`. State that the server keeps cannot be declared and is refused.

use crate::canon::{self, CanonError, Limits};
use crate::digest::Digest;
use crate::run::{DECLARATION_TYPE, Declaration};
use crate::time::U64;
use base64::Engine as _;
use serde_json::{Map, Value, json};

/// A request format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// OpenAI chat completions, and vLLM's OpenAI server with its sampling parameters.
    OpenAiChat,
    /// OpenAI Responses.
    OpenAiResponses,
    /// Anthropic Messages.
    AnthropicMessages,
}

impl Format {
    /// Guesses the format from the members of a body.
    pub fn detect(body: &Value) -> Option<Format> {
        let has = |name: &str| body.get(name).is_some();
        if has("input") {
            Some(Format::OpenAiResponses)
        } else if has("messages")
            && has("max_tokens")
            && (has("system")
                || has("stop_sequences")
                || has("anthropic_version")
                || body["model"].as_str().is_some_and(|m| m.starts_with("claude")))
        {
            Some(Format::AnthropicMessages)
        } else if has("messages") {
            Some(Format::OpenAiChat)
        } else {
            None
        }
    }
}

/// What the body does not say.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// Provider; the format's own by default.
    pub provider: Option<String>,
    /// The resolved revision of the model; the model name as requested by default (lint warns).
    pub revision: Option<String>,
    /// Digest of the weights, where they are known.
    pub weights: Option<Digest>,
    /// `context.instance`, for repeats that are to be distinct.
    pub instance: Option<String>,
}

/// Why a body has no declaration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// Not strict JSON, or the result is not a valid declaration.
    #[error(transparent)]
    Canon(#[from] CanonError),
    /// No known format.
    #[error("no known request format: expected a body with \"messages\" or \"input\"")]
    UnknownFormat,
    /// Something that cannot be declared.
    #[error("{pointer}: {rule}")]
    Refused {
        /// Where.
        pointer: String,
        /// Why.
        rule: String,
    },
}

fn refused<T>(pointer: impl Into<String>, rule: &str) -> Result<T, ImportError> {
    Err(ImportError::Refused { pointer: pointer.into(), rule: rule.into() })
}

/// Members that only carry transport and never change what was asked.
const TRANSPORT: &[&str] = &[
    "stream",
    "stream_options",
    "user",
    "metadata",
    "store",
    "service_tier",
    "request_id",
    "priority",
    "safety_identifier",
    "prompt_cache_key",
];
/// Members that say how the answer is bound rather than how it is sampled.
const CONSTRAINTS: &[&str] = &[
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "response_format",
    "text",
    "guided_json",
    "guided_regex",
    "guided_choice",
    "guided_grammar",
    "structured_outputs",
    "modalities",
    "include",
    "truncation",
];
/// State on the server that a declaration cannot contain.
const SERVER_STATE: &[&str] =
    &["previous_response_id", "conversation", "prompt", "container", "mcp_servers", "background"];

/// Imports a request body; `format` of `None` detects it.
pub fn import(format: Option<Format>, body: &[u8], options: &ImportOptions) -> Result<Declaration, ImportError> {
    let body = without_holes(canon::parse(body, &Limits::DOCUMENT)?);
    let Some(format) = format.or_else(|| Format::detect(&body)) else { return Err(ImportError::UnknownFormat) };
    let Value::Object(mut members) = body else { return Err(ImportError::UnknownFormat) };
    for name in TRANSPORT {
        members.remove(*name);
    }
    if let Some(name) = SERVER_STATE.iter().find(|name| members.contains_key(**name)) {
        return refused(format!("/{name}"), "state kept by the server cannot be declared: resolve it into the request");
    }
    let Some(Value::String(name)) = members.remove("model") else {
        return refused("/model", "a model name is required");
    };
    let mut messages = Vec::new();
    if let Some(system) = members.remove(if format == Format::AnthropicMessages { "system" } else { "instructions" }) {
        messages.push(message("system", &system, "/system")?);
    }
    let (list, place) = match format {
        Format::OpenAiResponses => (members.remove("input"), "/input"),
        Format::OpenAiChat | Format::AnthropicMessages => (members.remove("messages"), "/messages"),
    };
    match list {
        Some(Value::String(text)) => messages.push(message("user", &Value::String(text), place)?),
        Some(Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                let pointer = format!("{place}/{index}");
                let Some(role) = item["role"].as_str() else { return refused(pointer, "a message has a role") };
                let role = if role == "developer" { "system" } else { role };
                let mut converted = message(role, &item["content"], &pointer)?;
                if let Some(calls) = item.get("tool_calls") {
                    converted["parts"]
                        .as_array_mut()
                        .into_iter()
                        .for_each(|parts| parts.push(part("tool_call", calls.clone())));
                }
                if let Some(id) = item.get("tool_call_id") {
                    converted["parts"]
                        .as_array_mut()
                        .into_iter()
                        .for_each(|parts| parts.push(part("tool_call_id", id.clone())));
                }
                if let Some(name) = item.get("name") {
                    converted["name"] = name.clone();
                }
                messages.push(converted);
            }
        }
        _ => return refused(place, "a text or a list of messages is required"),
    }
    let mut constraints = Map::new();
    for name in CONSTRAINTS {
        if let Some(value) = members.remove(*name) {
            constraints.insert((*name).into(), value);
        }
    }
    // One spelling for the bound on the answer's length and for seeds.
    for alias in ["max_completion_tokens", "max_output_tokens"] {
        if let Some(value) = members.remove(alias) {
            members.insert("max_tokens".into(), value);
        }
    }
    if let Some(stop) = members.remove("stop").or_else(|| members.remove("stop_sequences")) {
        let list = if stop.is_array() { stop } else { json!([stop]) };
        members.insert("stop_sequences".into(), list);
    }
    if let Some(seed) = members.get("seed").and_then(Value::as_i64) {
        members.insert("seed".into(), Value::String(seed.to_string()));
    }
    let provider = options
        .provider
        .clone()
        .unwrap_or_else(|| if format == Format::AnthropicMessages { "anthropic" } else { "openai" }.into());
    let mut model = json!({"provider": provider, "revision": options.revision.clone().unwrap_or_else(|| name.clone()), "name": name, "assurance": "provider-asserted"});
    if let Some(weights) = options.weights {
        model["assurance"] = json!("weights-digest");
        model["digest"] = json!(weights);
    }
    let none = || json!({"none": true});
    let filled = |map: Map<String, Value>| if map.is_empty() { none() } else { Value::Object(map) };
    let context = options.instance.as_ref().map_or_else(none, |instance| json!({"instance": instance}));
    Ok(Declaration::from_value(json!({
        "type": DECLARATION_TYPE,
        "model": model,
        "prompt": {"messages": messages},
        "parameters": filled(members),
        "context": context,
        "constraints": filled(constraints),
    }))?)
}

/// Drops `null` and empty containers: request formats treat them as absent.
fn without_holes(value: Value) -> Value {
    let hole =
        |v: &Value| v.is_null() || v.as_array().is_some_and(Vec::is_empty) || v.as_object().is_some_and(Map::is_empty);
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(without_holes).filter(|v| !hole(v)).collect()),
        Value::Object(map) => {
            Value::Object(map.into_iter().map(|(k, v)| (k, without_holes(v))).filter(|(_, v)| !hole(v)).collect())
        }
        other => other,
    }
}

/// Content larger than this is declared by digest.
const INLINE: usize = 8_000;

fn part(kind: &str, value: Value) -> Value {
    let bytes = canon::to_canonical(&value);
    if bytes.len() <= INLINE {
        return json!({"type": kind, "content": {"inline": value}});
    }
    // Text by digest of its own bytes, so that the file it came from has the same digest.
    let (media_type, bytes) = match value {
        Value::String(text) => ("text/plain; charset=utf-8", text.into_bytes()),
        _ => ("application/json", bytes),
    };
    json!({"type": kind, "content": {"media_type": media_type, "size": U64(bytes.len() as u64), "digest": Digest::of(&bytes)}})
}

fn message(role: &str, content: &Value, pointer: &str) -> Result<Value, ImportError> {
    let mut parts = Vec::new();
    match content {
        Value::Null => {}
        Value::String(text) => parts.push(part("text", json!(text))),
        Value::Array(blocks) => {
            for (index, block) in blocks.iter().enumerate() {
                parts.push(block_part(block, &format!("{pointer}/content/{index}"))?);
            }
        }
        _ => return refused(format!("{pointer}/content"), "content is a text or a list of blocks"),
    }
    Ok(json!({"role": role, "parts": parts}))
}

fn block_part(block: &Value, pointer: &str) -> Result<Value, ImportError> {
    match block["type"].as_str() {
        Some("text" | "input_text" | "output_text") => Ok(part("text", block["text"].clone())),
        Some("image_url" | "input_image") => {
            let url = block["image_url"]["url"].as_str().or_else(|| block["image_url"].as_str());
            match url {
                Some(url) => image(url, pointer),
                None => refused(pointer, "an image by file id is state kept by the server: send it as data"),
            }
        }
        Some("image" | "document") if block["source"]["type"] == "base64" => {
            let data = block["source"]["data"].as_str().unwrap_or_default();
            binary(block["source"]["media_type"].as_str().unwrap_or("application/octet-stream"), data, pointer)
        }
        Some("image" | "document" | "file" | "input_file") => {
            refused(pointer, "external content is pinned by its digest: send it as data")
        }
        Some(kind) => Ok(part(kind, block.clone())),
        None => refused(pointer, "a content block has a type"),
    }
}

fn image(url: &str, pointer: &str) -> Result<Value, ImportError> {
    match url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,")) {
        Some((media_type, data)) => binary(media_type, data, pointer),
        None => refused(pointer, "an image by address can change: send it as a data: URL"),
    }
}

fn binary(media_type: &str, data: &str, pointer: &str) -> Result<Value, ImportError> {
    match base64::engine::general_purpose::STANDARD.decode(data) {
        Ok(bytes) => Ok(
            json!({"type": "blob", "content": {"media_type": media_type, "size": U64(bytes.len() as u64), "digest": Digest::of(&bytes)}}),
        ),
        Err(error) => refused(pointer, &format!("content is padded base64: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(body: Value) -> Digest {
        import(None, &serde_json::to_vec(&body).unwrap(), &ImportOptions::default()).unwrap().run_id()
    }

    // shows: WL-06, WL-14, WL-23, WL-27, RI-11, RI-20, RI-21
    #[test]
    fn equivalent_requests_are_one_declaration() {
        let plain = json!({"model": "m-1", "messages": [{"role": "user", "content": "hello"}], "temperature": 0.5});
        let parts = json!({"temperature": 0.5, "messages": [{"content": [{"type": "text", "text": "hello"}], "role": "user"}], "model": "m-1", "stream": true, "user": "u-7", "metadata": {"trace_id": "abc"}, "tools": [], "seed": null});
        assert_eq!(id(plain.clone()), id(parts));
        let mut other = plain.clone();
        other["temperature"] = json!(0.6);
        assert_ne!(id(plain.clone()), id(other));
        // Formats differ in what they call things, not in what was asked.
        let responses = json!({"model": "m-1", "input": "hello", "temperature": 0.5});
        assert_eq!(id(plain), id(responses));
    }

    #[test]
    fn server_state_and_addresses_are_refused_by_name() {
        let error = |body: Value| {
            import(None, &serde_json::to_vec(&body).unwrap(), &ImportOptions::default()).unwrap_err().to_string()
        };
        assert!(
            error(json!({"model": "m", "input": "x", "previous_response_id": "r"}))
                .starts_with("/previous_response_id")
        );
        let image = json!({"model": "m", "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]}]});
        assert!(error(image).starts_with("/messages/0/content/0"));
        assert!(error(json!({"model": "m"})).contains("no known request format"));
    }

    // shows: WL-32
    #[test]
    fn the_shipped_requests_import() {
        for file in ["openai-chat", "anthropic-messages", "vllm-chat"] {
            let path = format!("{}/../../examples/requests/{file}.json", env!("CARGO_MANIFEST_DIR"));
            let body = std::fs::read(path).unwrap();
            import(None, &body, &ImportOptions::default()).unwrap();
        }
    }
}
