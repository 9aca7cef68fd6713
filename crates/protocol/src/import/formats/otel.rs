//! Spans of the OpenTelemetry conventions for generative AI: what was asked stands in their attributes.

use super::sampling::transport;
use super::tools::{ADDRESS, STORED};
use crate::import::rule::{
    Absent, Block, Blocks, Form, Format, MemberRow, ModelName, OfMessage, OfPart, Prompt, ProviderName, Rule, Shape,
    row,
};
use crate::run::Element::{Constraints, Context, Parameters};

const TEXT: &Shape =
    &Shape { name: "otel text part", rows: &[&[row("content", Rule::Part(OfPart::Text))]], snake: false };
const CALL: &Shape = &Shape {
    name: "otel tool call part",
    rows: &[&[
        row("id", Rule::Part(OfPart::Id)),
        row("name", Rule::Part(OfPart::Name)),
        row("arguments", Rule::Part(OfPart::Exact)),
    ]],
    snake: false,
};
const RESULT: &Shape = &Shape {
    name: "otel tool call response part",
    rows: &[&[
        row("id", Rule::Part(OfPart::Id)),
        row("response", Rule::Part(OfPart::Json)),
        row("result", Rule::Part(OfPart::Json)),
    ]],
    snake: false,
};
const BLOB: &Shape = &Shape {
    name: "otel blob part",
    rows: &[&[
        row("modality", Rule::Part(OfPart::Option("modality", Form::Text))),
        row("mime_type", Rule::Part(OfPart::MediaType)),
        row("content", Rule::Part(OfPart::Data)),
    ]],
    snake: false,
};
const ELSEWHERE: &Shape = &Shape {
    name: "otel reference part",
    rows: &[&[
        row("modality", Rule::Part(OfPart::Option("modality", Form::Text))),
        row("mime_type", Rule::Part(OfPart::Option("media_type", Form::Text))),
        row("uri", Rule::Outside(ADDRESS)),
        row("file_id", Rule::Outside(STORED)),
    ]],
    snake: false,
};

const PARTS: Blocks = Blocks::Tagged(&[
    Block { tag: "text", kind: "text", shape: TEXT },
    Block { tag: "reasoning", kind: "reasoning", shape: TEXT },
    Block { tag: "tool_call", kind: "tool_call", shape: CALL },
    Block { tag: "tool_call_response", kind: "tool_result", shape: RESULT },
    Block { tag: "blob", kind: "blob", shape: BLOB },
    Block { tag: "uri", kind: "blob", shape: ELSEWHERE },
    Block { tag: "file", kind: "file", shape: ELSEWHERE },
]);

const MESSAGE: &Shape = &Shape {
    name: "otel message",
    rows: &[&[
        row("role", Rule::Message(OfMessage::Role(&[], Absent::Refused))),
        row("name", Rule::Message(OfMessage::Name)),
        row("parts", Rule::Message(OfMessage::Content(PARTS))),
        row("finish_reason", Rule::Transport),
    ]],
    snake: false,
};

const fn setting(name: &'static str, to: &'static str, form: Form) -> MemberRow {
    row(name, Rule::Put(Parameters, to, form))
}

const REQUEST: &[MemberRow] = &[
    row("gen_ai.request.model", Rule::Model(ModelName::Plain)),
    row("gen_ai.provider.name", Rule::Provider(ProviderName::Plain)),
    row("gen_ai.system", Rule::Provider(ProviderName::Plain)),
    row("gen_ai.system_instructions", Rule::Prompt(Prompt::System(PARTS))),
    row("gen_ai.input.messages", Rule::Prompt(Prompt::Messages(MESSAGE))),
    setting("gen_ai.request.temperature", "temperature", Form::Number),
    setting("gen_ai.request.top_p", "top_p", Form::Number),
    setting("gen_ai.request.top_k", "top_k", Form::Number),
    setting("gen_ai.request.max_tokens", "max_tokens", Form::Whole),
    setting("gen_ai.request.seed", "seed", Form::Wide),
    setting("gen_ai.request.stop_sequences", "stop_sequences", Form::Texts),
    setting("gen_ai.request.frequency_penalty", "frequency_penalty", Form::Number),
    setting("gen_ai.request.presence_penalty", "presence_penalty", Form::Number),
    setting("gen_ai.request.choice.count", "n", Form::Whole),
    row("gen_ai.tool.definitions", Rule::Put(Constraints, "tools", Form::Exact)),
    row("gen_ai.output.type", Rule::Put(Constraints, "output_type", Form::Text)),
    row("gen_ai.operation.name", Rule::Put(Context, "operation", Form::Text)),
    transport("gen_ai.agent.*"),
    row(
        "gen_ai.data_source.id",
        Rule::Outside("the data behind this source can change: put what it finds into the messages"),
    ),
    transport("gen_ai.prompt.name"),
    transport("gen_ai.conversation.id"),
    transport("gen_ai.output.messages"),
    transport("gen_ai.response.*"),
    transport("gen_ai.usage.*"),
    transport("server.*"),
    transport("error.type"),
    transport("service.*"),
    transport("gen_ai.request.stream"),
    transport("openai.api.type"),
    transport("openai.response.*"),
    transport("openai.request.service_tier"),
    transport("session.*"),
    transport("http.*"),
    transport("url.*"),
    transport("network.*"),
    transport("client.*"),
    transport("user.*"),
    transport("enduser.*"),
    transport("telemetry.*"),
    transport("thread.*"),
    transport("code.*"),
    transport("host.*"),
    transport("process.*"),
    transport("otel.*"),
];

/// Spans of OpenTelemetry.
pub const FORMAT: &Format = &Format {
    name: "otel-genai",
    about: "OpenTelemetry: attributes of a span of generative AI",
    shape: &Shape { name: "otel-genai", rows: &[REQUEST], snake: false },
};
