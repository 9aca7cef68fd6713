//! Ollama: chat and generate.

use super::sampling::{MODEL, constraint, context, parameter, transport};
use super::tools;
use crate::import::rule::{
    Absent, Block, Blocks, Form, Format, MemberRow, OfMessage, OfPart, Prompt, Rule, Shape, row,
};
use crate::run::Element::Parameters;

const fn setting(name: &'static str, to: &'static str, form: Form) -> MemberRow {
    row(name, Rule::Put(Parameters, to, form))
}

const OPTIONS: &Shape = &Shape {
    name: "ollama options",
    rows: &[&[
        parameter("temperature", Form::Number),
        parameter("top_p", Form::Number),
        parameter("top_k", Form::Whole),
        parameter("min_p", Form::Number),
        parameter("typical_p", Form::Number),
        parameter("tfs_z", Form::Number),
        parameter("seed", Form::Wide),
        setting("num_predict", "max_tokens", Form::Whole),
        setting("stop", "stop_sequences", Form::Texts),
        setting("repeat_penalty", "repetition_penalty", Form::Number),
        parameter("repeat_last_n", Form::Whole),
        parameter("presence_penalty", Form::Number),
        parameter("frequency_penalty", Form::Number),
        parameter("penalize_newline", Form::Flag),
        parameter("mirostat", Form::Whole),
        parameter("mirostat_tau", Form::Number),
        parameter("mirostat_eta", Form::Number),
        parameter("num_ctx", Form::Whole),
        parameter("num_keep", Form::Whole),
        parameter("draft_num_predict", Form::Whole),
        transport("num_batch"),
        transport("num_gpu"),
        transport("main_gpu"),
        transport("num_thread"),
        transport("low_vram"),
        transport("use_mmap"),
        transport("use_mlock"),
        transport("numa"),
        transport("vocab_only"),
        transport("f16_kv"),
        transport("logits_all"),
    ]],
    snake: false,
};

const COMMON: &[MemberRow] = &[
    row("options", Rule::Spread(OPTIONS)),
    parameter("think", Form::Exact),
    parameter("logprobs", Form::Flag),
    parameter("top_logprobs", Form::Whole),
    constraint("format", Form::Exact),
    parameter("truncate", Form::Flag),
    parameter("shift", Form::Flag),
    transport("keep_alive"),
    transport("stream"),
];

const CALLED: &Shape = &Shape {
    name: "ollama called function",
    rows: &[&[
        row("name", Rule::Part(OfPart::Name)),
        row("arguments", Rule::Part(OfPart::Exact)),
        row("index", Rule::Part(OfPart::Option("index", Form::Whole))),
        row("description", Rule::Part(OfPart::Option("description", Form::Text))),
    ]],
    snake: false,
};
const CALL: &Shape = &Shape {
    name: "ollama tool call",
    rows: &[&[row("id", Rule::Part(OfPart::Id)), row("function", Rule::Part(OfPart::Within(CALLED)))]],
    snake: false,
};
const CALLS: Blocks = Blocks::Tagged(&[
    Block { tag: "", kind: "tool_call", shape: CALL },
    Block { tag: "function", kind: "tool_call", shape: CALL },
]);
/// Content is a text here and nothing else, so there are no blocks.
const TEXT_ONLY: Blocks = Blocks::Tagged(&[]);

const MESSAGE: &Shape = &Shape {
    name: "ollama message",
    rows: &[&[
        row("role", Rule::Message(OfMessage::Role(&[], Absent::Refused))),
        row("thinking", Rule::Message(OfMessage::Text("reasoning"))),
        row("content", Rule::Message(OfMessage::Content(TEXT_ONLY))),
        row("images", Rule::Message(OfMessage::Pictures)),
        row("tool_calls", Rule::Message(OfMessage::Parts(CALLS))),
        row("tool_call_id", Rule::Message(OfMessage::Answers)),
        row("tool_name", Rule::Message(OfMessage::Name)),
    ]],
    snake: false,
};

const CHAT_REQUEST: &[MemberRow] =
    &[row("messages", Rule::Prompt(Prompt::Messages(MESSAGE))), constraint("tools", Form::Tagged(tools::CHAT_LOOSE))];

/// Ollama chat.
pub const CHAT: &Format = &Format {
    name: "ollama-chat",
    about: "Ollama chat",
    shape: &Shape { name: "ollama-chat", rows: &[MODEL, CHAT_REQUEST, COMMON], snake: false },
};

const GENERATE_REQUEST: &[MemberRow] = &[
    row("system", Rule::Prompt(Prompt::System(TEXT_ONLY))),
    row("prompt", Rule::Prompt(Prompt::Templated)),
    row("images", Rule::Prompt(Prompt::Pictures)),
    parameter("raw", Form::Flag),
    parameter("template", Form::Text),
    parameter("suffix", Form::Text),
    context("context", Form::Exact),
];

/// Ollama generate.
pub const GENERATE: &Format = &Format {
    name: "ollama-generate",
    about: "Ollama generate",
    shape: &Shape { name: "ollama-generate", rows: &[MODEL, GENERATE_REQUEST, COMMON], snake: false },
};
