//! Run identity: a pure function of what was declared before execution.
//!
//! ```text
//! element_digest(e) = SHA-256(JCS(declaration[e]))          for model, prompt, parameters, context, constraints
//! run_id            = SHA-256(JCS({type, constraints, context, model, parameters, prompt}))   with the five digests
//! ```
//! The outer object is ASCII, so `jq -cSj . | sha256sum` recomputes the last step. No clock, node, index, signer, session
//! or output enters.

mod element;
mod schema;

pub use element::{DECLARATION_TYPE, Element, ElementDigests, compare};
pub(crate) use schema::MAX_INLINE;

use crate::canon::{self, CanonError, Limits};
use crate::digest::{Digest, framed};
use serde::Serialize;
use serde_json::Value;

/// A valid declaration with its exact canonical bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Declaration {
    value: Value,
    canonical: Vec<u8>,
    digests: ElementDigests,
}

impl Declaration {
    /// Reads a declaration from JSON in any layout. See [`Declaration::from_value`] for the rules.
    pub fn parse(bytes: &[u8]) -> Result<Self, CanonError> {
        Self::from_value(canon::parse(bytes, &Limits::DECLARATION)?)
    }

    /// Checks a parsed declaration: exactly the type and the five elements, content pinned by digest, no `null` and no
    /// empty container outside of `inline`, at most 1 MiB canonical.
    pub fn from_value(value: Value) -> Result<Self, CanonError> {
        schema::check(&value)?;
        let canonical = canon::to_canonical(&value);
        if canonical.len() > Limits::DECLARATION.max_bytes {
            let detail = format!(
                "the declaration has {} bytes, at most {}: declare large content by digest",
                canonical.len(),
                Limits::DECLARATION.max_bytes
            );
            return Err(CanonError::new(canon::CanonCode::TooLarge, "", detail));
        }
        let digest = |element: Element| Digest::of(&canon::to_canonical(&value[element.as_str()]));
        let digests = ElementDigests {
            model: digest(Element::Model),
            prompt: digest(Element::Prompt),
            parameters: digest(Element::Parameters),
            context: digest(Element::Context),
            constraints: digest(Element::Constraints),
        };
        Ok(Self { value, canonical, digests })
    }

    /// The exact canonical bytes.
    pub fn canonical(&self) -> &[u8] {
        &self.canonical
    }
    /// The declaration as JSON.
    pub fn value(&self) -> &Value {
        &self.value
    }
    /// The digests of its elements.
    pub fn element_digests(&self) -> ElementDigests {
        self.digests.clone()
    }
    /// Its identity.
    pub fn run_id(&self) -> Digest {
        self.digests.run_id()
    }
}

/// A leaf in which two declarations differ.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// JSON pointer.
    pub pointer: String,
    /// Value in the first; absent when it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub a: Option<Value>,
    /// Value in the second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub b: Option<Value>,
}

/// Every leaf in which two known declarations differ, in order of pointer.
pub fn explain(a: &Declaration, b: &Declaration) -> Vec<Difference> {
    let mut out = Vec::new();
    walk("", Some(&a.value), Some(&b.value), &mut out);
    out
}

fn walk(pointer: &str, a: Option<&Value>, b: Option<&Value>, out: &mut Vec<Difference>) {
    match (a, b) {
        (Some(a), Some(b)) if a == b => {}
        (Some(Value::Object(x)), Some(Value::Object(y))) => {
            let names: std::collections::BTreeSet<&String> = x.keys().chain(y.keys()).collect();
            for name in names {
                let escaped = name.replace('~', "~0").replace('/', "~1");
                walk(&format!("{pointer}/{escaped}"), x.get(name), y.get(name), out);
            }
        }
        (Some(Value::Array(x)), Some(Value::Array(y))) => {
            for index in 0..x.len().max(y.len()) {
                walk(&format!("{pointer}/{index}"), x.get(index), y.get(index), out);
            }
        }
        (a, b) => out.push(Difference { pointer: pointer.into(), a: a.cloned(), b: b.cloned() }),
    }
}

/// A commitment to private content: `SHA-256(JCS({"salt": base64url(salt), "value": value}))`.
pub fn commitment(salt: &[u8; 16], value: &Value) -> Digest {
    use base64::Engine as _;
    let salt = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(salt);
    Digest::of(&canon::to_canonical(&serde_json::json!({"salt": salt, "value": value})))
}

/// Something that is allowed but weakens what the identity says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LintWarning {
    /// Stable name.
    pub rule: &'static str,
    /// Where.
    pub pointer: String,
    /// What to do.
    pub advice: String,
}

/// Looks for what a careful declarer would pin down.
pub fn lint(declaration: &Declaration) -> Vec<LintWarning> {
    let mut out = Vec::new();
    let mut warn = |rule, pointer: &str, advice: &str| {
        out.push(LintWarning { rule, pointer: pointer.into(), advice: advice.into() })
    };
    let model = &declaration.value["model"];
    if model["assurance"] == "provider-asserted" {
        warn(
            "PROVIDER_ASSERTED_MODEL",
            "/model/assurance",
            "the provider says which model ran; declare a weights digest where weights are known",
        );
    }
    let revision = model["revision"].as_str().unwrap_or_default();
    if ["latest", "main", "master", "default", "stable"].contains(&revision)
        || revision == model["name"].as_str().unwrap_or_default()
    {
        warn(
            "MUTABLE_REVISION",
            "/model/revision",
            "this name can point to another model tomorrow; declare the resolved revision",
        );
    }
    let parameters = &declaration.value["parameters"];
    let samples = parameters["temperature"].as_f64().is_none_or(|t| t > 0.0);
    if samples && parameters.get("seed").is_none() {
        warn("NO_SEED", "/parameters/seed", "sampling without a declared seed cannot be reproduced");
    }
    for (name, value) in parameters.as_object().into_iter().flatten() {
        if value.is_f64() && value.to_string().trim_start_matches('-').chars().filter(char::is_ascii_digit).count() > 15
        {
            warn(
                "LONG_NUMBER",
                &format!("/parameters/{name}"),
                "more than 15 digits: probably a 32-bit float widened to 64 bits",
            );
        }
    }
    out
}

/// `H(tag, run id, execution id)`: a short name of an execution for tools that want one string.
pub fn execution_digest(run_id: &Digest, execution_id: &str) -> Digest {
    framed(&[b"selfsame/execution/v1", run_id.hex().as_bytes(), execution_id.as_bytes()])
}

#[cfg(test)]
mod tests;
