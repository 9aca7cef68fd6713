//! Cohere chat, version 2.

use super::chat;
use super::sampling::{MAX_TOKENS, MODEL, SAMPLING, SECRETS, constraint, context, parameter, transport};
use super::tools;
use crate::import::rule::{
    Absent, Block, Blocks, Form, Format, MemberRow, OfMessage, OfPart, Prompt, Rule, Shape, row,
};
use crate::run::Element::Parameters;

const DOCUMENT: &Shape =
    &Shape { name: "cohere document block", rows: &[&[row("document", Rule::Part(OfPart::Exact))]], snake: false };
const THINKING: &Shape =
    &Shape { name: "cohere thinking block", rows: &[&[row("thinking", Rule::Part(OfPart::Text))]], snake: false };

const BLOCKS: Blocks = Blocks::Tagged(&[
    Block { tag: "text", kind: "text", shape: chat::TEXT },
    Block { tag: "image_url", kind: "image", shape: chat::IMAGE_URL },
    Block { tag: "document", kind: "document", shape: DOCUMENT },
    Block { tag: "thinking", kind: "reasoning", shape: THINKING },
]);

const MESSAGE: &Shape = &Shape {
    name: "cohere message",
    rows: &[&[
        row("role", Rule::Message(OfMessage::Role(&[], Absent::Refused))),
        row("tool_plan", Rule::Message(OfMessage::Text("tool_plan"))),
        row("content", Rule::Message(OfMessage::Content(BLOCKS))),
        row("tool_calls", Rule::Message(OfMessage::Parts(chat::TOOL_CALLS))),
        row("tool_call_id", Rule::Message(OfMessage::Answers)),
        row("citations", Rule::Message(OfMessage::Option("citations", Form::Exact))),
    ]],
    snake: false,
};

const REQUEST: &[MemberRow] = &[
    row("messages", Rule::Prompt(Prompt::Messages(MESSAGE))),
    row("stop_sequences", Rule::Put(Parameters, "stop_sequences", Form::Texts)),
    row("p", Rule::Put(Parameters, "top_p", Form::Number)),
    row("k", Rule::Put(Parameters, "top_k", Form::Whole)),
    parameter("logprobs", Form::Flag),
    parameter("thinking", Form::Exact),
    parameter("reasoning_effort", Form::Text),
    context("documents", Form::Exact),
    constraint("tools", Form::Tagged(tools::CHAT)),
    constraint("tool_choice", Form::Exact),
    constraint("strict_tools", Form::Flag),
    constraint("response_format", Form::OneTagged(tools::COHERE_RESPONSE_FORMAT)),
    constraint("citation_options", Form::Exact),
    constraint("safety_mode", Form::Text),
    transport("stream"),
    transport("priority"),
    parameter("raw_prompting", Form::Flag),
];

/// Cohere chat, version 2.
pub const FORMAT: &Format = &Format {
    name: "cohere-chat",
    about: "Cohere chat, version 2",
    shape: &Shape { name: "cohere-chat", rows: &[MODEL, REQUEST, SAMPLING, MAX_TOKENS, SECRETS], snake: false },
};
