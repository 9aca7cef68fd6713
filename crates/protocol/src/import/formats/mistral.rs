//! Mistral chat completions.

use super::chat::{self, CALLS, LIKELIHOOD, PREFIX, SPEAKER};
use super::sampling::{MAX_TOKENS, MODEL, SAMPLING, SECRETS, STOP, TRANSPORT, constraint, context, parameter};
use super::tools::{self, STORED};
use crate::import::rule::{Block, Blocks, Form, Format, MemberRow, OfMessage, OfPart, Prompt, Rule, Shape, row};
use crate::run::Element::Parameters;

const IMAGE_ADDRESS: &Shape = &Shape {
    name: "mistral image address",
    rows: &[&[
        row("url", Rule::Part(OfPart::DataOrAddress)),
        row("detail", Rule::Part(OfPart::Option("detail", Form::Text))),
    ]],
    snake: false,
};
/// A picture whose address may stand without an object around it.
const IMAGE: &Shape = &Shape {
    name: "mistral image block",
    rows: &[&[row("image_url", Rule::Part(OfPart::Within(IMAGE_ADDRESS)))]],
    snake: false,
};
const AUDIO: &Shape = &Shape {
    name: "mistral audio block",
    rows: &[&[row("input_audio", Rule::Part(OfPart::DataOrAddress))]],
    snake: false,
};
const DOCUMENT: &Shape = &Shape {
    name: "mistral document block",
    rows: &[&[row("document_url", Rule::Part(OfPart::Address)), row("document_name", Rule::Part(OfPart::Name))]],
    snake: false,
};
const FILE: &Shape =
    &Shape { name: "mistral file block", rows: &[&[row("file_id", Rule::Outside(STORED))]], snake: false };
const REFERENCE: &Shape = &Shape {
    name: "mistral reference block",
    rows: &[&[row("reference_ids", Rule::Part(OfPart::Exact))]],
    snake: false,
};
const THOUGHT_BLOCKS: Blocks = Blocks::Tagged(&[
    Block { tag: "text", kind: "text", shape: chat::TEXT },
    Block { tag: "reference", kind: "reference", shape: REFERENCE },
]);
const THINKING: &Shape = &Shape {
    name: "mistral thinking block",
    rows: &[&[
        row("thinking", Rule::Part(OfPart::Parts(THOUGHT_BLOCKS))),
        row("closed", Rule::Part(OfPart::Option("closed", Form::Flag))),
    ]],
    snake: false,
};

const BLOCKS: Blocks = Blocks::Tagged(&[
    Block { tag: "text", kind: "text", shape: chat::TEXT },
    Block { tag: "image_url", kind: "image", shape: IMAGE },
    Block { tag: "input_audio", kind: "audio", shape: AUDIO },
    Block { tag: "document_url", kind: "document", shape: DOCUMENT },
    Block { tag: "file", kind: "file", shape: FILE },
    Block { tag: "reference", kind: "reference", shape: REFERENCE },
    Block { tag: "thinking", kind: "reasoning", shape: THINKING },
]);

const CONTENT: &[MemberRow] = &[row("content", Rule::Message(OfMessage::Content(BLOCKS)))];
const MESSAGE: &Shape = &Shape { name: "mistral message", rows: &[SPEAKER, CONTENT, CALLS, PREFIX], snake: false };

const REQUEST: &[MemberRow] = &[
    row("messages", Rule::Prompt(Prompt::Messages(MESSAGE))),
    row("random_seed", Rule::Put(Parameters, "seed", Form::Wide)),
    parameter("safe_prompt", Form::Flag),
    parameter("prompt_mode", Form::Text),
    parameter("reasoning_effort", Form::Text),
    constraint("tools", Form::Tagged(tools::MISTRAL)),
    constraint("tool_choice", Form::Exact),
    constraint("parallel_tool_calls", Form::Flag),
    constraint("response_format", Form::ObjectOr(tools::RESPONSE_FORMAT)),
    constraint("guardrails", Form::Exact),
    context("prediction", Form::Exact),
    row("document_image_limit", Rule::Put(Parameters, "document_image_limit", Form::Whole)),
    row("document_page_limit", Rule::Put(Parameters, "document_page_limit", Form::Whole)),
    row("agent_id", Rule::Outside("the provider keeps the agent: put its instructions and tools into the request")),
];

/// Mistral chat completions.
pub const FORMAT: &Format = &Format {
    name: "mistral-chat",
    about: "Mistral chat completions",
    shape: &Shape {
        name: "mistral-chat",
        rows: &[MODEL, REQUEST, SAMPLING, MAX_TOKENS, STOP, LIKELIHOOD, TRANSPORT, SECRETS],
        snake: false,
    },
};
