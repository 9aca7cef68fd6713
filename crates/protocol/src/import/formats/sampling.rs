//! Rows that many formats share. A member that means the same has one name in the declaration, after the OpenTelemetry
//! registry of generative AI where that has one.

use crate::import::rule::{Form, MemberRow, ModelName, Rule, row};
use crate::run::Element::{Constraints, Context, Parameters};

/// A parameter under its own name.
pub const fn parameter(name: &'static str, form: Form) -> MemberRow {
    row(name, Rule::Put(Parameters, name, form))
}

/// A constraint under its own name.
pub const fn constraint(name: &'static str, form: Form) -> MemberRow {
    row(name, Rule::Put(Constraints, name, form))
}

/// Something given besides the prompt, under its own name.
pub const fn context(name: &'static str, form: Form) -> MemberRow {
    row(name, Rule::Put(Context, name, form))
}

/// A member that says nothing to the model.
pub const fn transport(name: &'static str) -> MemberRow {
    row(name, Rule::Transport)
}

/// The model.
pub const MODEL: &[MemberRow] = &[row("model", Rule::Model(ModelName::Plain))];

/// Sampling that nearly every server knows under these names.
pub const SAMPLING: &[MemberRow] = &[
    parameter("temperature", Form::Number),
    parameter("top_p", Form::Number),
    parameter("frequency_penalty", Form::Number),
    parameter("presence_penalty", Form::Number),
    parameter("seed", Form::Wide),
    parameter("n", Form::Whole),
];

/// The bound on the answer.
pub const MAX_TOKENS: &[MemberRow] = &[parameter("max_tokens", Form::Whole)];

/// The texts that end the answer.
pub const STOP: &[MemberRow] = &[row("stop", Rule::Put(Parameters, "stop_sequences", Form::Texts))];

/// Sampling of the common open servers.
pub const OPEN_SAMPLING: &[MemberRow] =
    &[parameter("top_k", Form::Whole), parameter("min_p", Form::Number), parameter("repetition_penalty", Form::Number)];

/// What the gateways and servers of the OpenAI form carry beside a request.
pub const TRANSPORT: &[MemberRow] = &[
    transport("stream"),
    transport("stream_options"),
    transport("user"),
    transport("metadata"),
    transport("store"),
    transport("service_tier"),
    transport("request_id"),
    transport("priority"),
    transport("safety_identifier"),
    transport("prompt_cache_key"),
    transport("prompt_cache_retention"),
];

/// Keys and headers that a client library put beside a request.
pub const SECRETS: &[MemberRow] = &[
    row("api_key", Rule::Secret),
    row("authorization", Rule::Secret),
    row("Authorization", Rule::Secret),
    row("headers", Rule::Secret),
    row("extra_headers", Rule::Secret),
    row("default_headers", Rule::Secret),
];
