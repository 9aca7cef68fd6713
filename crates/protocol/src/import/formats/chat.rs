//! OpenAI chat completions, and the parts that servers of its form share.

use super::sampling::{
    MAX_TOKENS, MODEL, SAMPLING, SECRETS, STOP, TRANSPORT, constraint, context, parameter, transport,
};
use super::tools::{self, CACHE, STORED};
use crate::import::rule::{
    Absent, Block, Blocks, Form, Format, MemberRow, OfMessage, OfPart, Prompt, Rule, Shape, row,
};
use crate::run::Element::Parameters;

/// A text.
pub const TEXT: &Shape =
    &Shape { name: "text block", rows: &[&[row("text", Rule::Part(OfPart::Text))], CACHE], snake: false };

const IMAGE_ADDRESS: &Shape = &Shape {
    name: "image address",
    rows: &[&[
        row("url", Rule::Part(OfPart::DataOrAddress)),
        row("detail", Rule::Part(OfPart::Option("detail", Form::Text))),
        row("format", Rule::Part(OfPart::Option("format", Form::Text))),
        row("media_type", Rule::Part(OfPart::Option("media_type", Form::Text))),
    ]],
    snake: false,
};

/// A picture.
pub const IMAGE_URL: &Shape = &Shape {
    name: "image block",
    rows: &[&[row("image_url", Rule::Part(OfPart::Within(IMAGE_ADDRESS)))], CACHE, UUID],
    snake: false,
};

/// A name under which a server caches media.
const UUID: &[MemberRow] = &[transport("uuid")];

const AUDIO_DATA: &Shape = &Shape {
    name: "audio data",
    rows: &[&[
        row("data", Rule::Part(OfPart::DataOrAddress)),
        row("format", Rule::Part(OfPart::MediaFormat("audio/"))),
    ]],
    snake: false,
};

/// Sound.
pub const AUDIO: &Shape = &Shape {
    name: "audio block",
    rows: &[&[row("input_audio", Rule::Part(OfPart::Within(AUDIO_DATA)))], CACHE, UUID],
    snake: false,
};

const FILE_DATA: &Shape = &Shape {
    name: "file data",
    rows: &[&[
        row("filename", Rule::Part(OfPart::Name)),
        row("file_data", Rule::Part(OfPart::DataOrAddress)),
        row("file_id", Rule::Outside(STORED)),
        row("format", Rule::Part(OfPart::Option("format", Form::Text))),
    ]],
    snake: false,
};

/// A file.
pub const FILE: &Shape =
    &Shape { name: "file block", rows: &[&[row("file", Rule::Part(OfPart::Within(FILE_DATA)))], CACHE], snake: false };

/// A refusal of the model.
pub const REFUSAL: &Shape =
    &Shape { name: "refusal block", rows: &[&[row("refusal", Rule::Part(OfPart::Text))]], snake: false };

/// Blocks of a message of chat completions.
pub const BLOCKS: Blocks = Blocks::Tagged(&[
    Block { tag: "text", kind: "text", shape: TEXT },
    Block { tag: "image_url", kind: "image", shape: IMAGE_URL },
    Block { tag: "input_audio", kind: "audio", shape: AUDIO },
    Block { tag: "file", kind: "file", shape: FILE },
    Block { tag: "refusal", kind: "refusal", shape: REFUSAL },
]);

const CALL_FUNCTION: &Shape = &Shape {
    name: "called function",
    rows: &[&[row("name", Rule::Part(OfPart::Name)), row("arguments", Rule::Part(OfPart::Exact)), transport("index")]],
    snake: false,
};

const CALL_CUSTOM: &Shape = &Shape {
    name: "called custom tool",
    rows: &[&[row("name", Rule::Part(OfPart::Name)), row("input", Rule::Part(OfPart::Text))]],
    snake: false,
};

const TOOL_CALL: &Shape = &Shape {
    name: "tool call",
    rows: &[&[
        row("id", Rule::Part(OfPart::Id)),
        row("function", Rule::Part(OfPart::Within(CALL_FUNCTION))),
        row("extra_content", Rule::Part(OfPart::Option("extra_content", Form::Exact))),
        transport("index"),
    ]],
    snake: false,
};

const CUSTOM_CALL: &Shape = &Shape {
    name: "custom tool call",
    rows: &[&[
        row("id", Rule::Part(OfPart::Id)),
        row("custom", Rule::Part(OfPart::Within(CALL_CUSTOM))),
        transport("index"),
    ]],
    snake: false,
};

/// Calls of tools in a message.
pub const TOOL_CALLS: Blocks = Blocks::Tagged(&[
    Block { tag: "function", kind: "tool_call", shape: TOOL_CALL },
    Block { tag: "custom", kind: "custom_tool_call", shape: CUSTOM_CALL },
    Block { tag: "", kind: "tool_call", shape: TOOL_CALL },
]);

/// An answer in sound that the provider keeps.
pub const AUDIO_ANSWER: &Shape = &Shape {
    name: "audio answer",
    rows: &[&[
        row("id", Rule::Outside("the sound is kept by the provider under this id: give its transcript as content")),
        row("expires_at", Rule::Refused("give the transcript as content")),
        row("data", Rule::Refused("give the transcript as content")),
        row("transcript", Rule::Refused("give the transcript as content")),
    ]],
    snake: false,
};

/// Who speaks, under which name.
pub const SPEAKER: &[MemberRow] =
    &[row("role", Rule::Message(OfMessage::Role(&[], Absent::Refused))), row("name", Rule::Message(OfMessage::Name))];

/// What an answer holds beside its text, echoed in the next request.
pub const ECHO: &[MemberRow] = &[
    row("refusal", Rule::Message(OfMessage::Text("refusal"))),
    row("audio", Rule::Message(OfMessage::One("audio", AUDIO_ANSWER))),
    row("annotations", Rule::Message(OfMessage::Option("annotations", Form::Echo))),
];

/// Calls, and answers to them.
pub const CALLS: &[MemberRow] = &[
    row("tool_calls", Rule::Message(OfMessage::Parts(TOOL_CALLS))),
    row("function_call", Rule::Message(OfMessage::One("function_call", CALL_FUNCTION))),
    row("tool_call_id", Rule::Message(OfMessage::Answers)),
];

/// The text of the model's thoughts, as open servers and gateways give it back.
pub const REASONING: &[MemberRow] = &[row("reasoning_content", Rule::Message(OfMessage::Text("reasoning")))];

/// The answer begins with this message.
pub const PREFIX: &[MemberRow] = &[
    row("prefix", Rule::Message(OfMessage::Option("prefix", Form::Flag))),
    row("partial", Rule::Message(OfMessage::Option("partial", Form::Flag))),
];

const CONTENT: &[MemberRow] = &[row("content", Rule::Message(OfMessage::Content(BLOCKS)))];

const MESSAGE: &Shape = &Shape { name: "chat message", rows: &[SPEAKER, CONTENT, ECHO, CALLS], snake: false };

const MESSAGES: &[MemberRow] = &[row("messages", Rule::Prompt(Prompt::Messages(MESSAGE)))];

/// Tools of the chat form, and how they are chosen.
pub const TOOLS: &[MemberRow] = &[constraint("tools", Form::Tagged(tools::CHAT))];

/// How tools are chosen, and the form of the answer.
pub const ANSWER: &[MemberRow] = &[
    constraint("tool_choice", Form::Exact),
    constraint("parallel_tool_calls", Form::Flag),
    constraint("response_format", Form::ObjectOr(tools::RESPONSE_FORMAT)),
    constraint("functions", Form::Objects(tools::FUNCTIONS)),
    constraint("function_call", Form::Exact),
];

/// Likelihoods and biases.
pub const LIKELIHOOD: &[MemberRow] =
    &[parameter("logit_bias", Form::Exact), parameter("logprobs", Form::Flag), parameter("top_logprobs", Form::Whole)];

const PREDICTION: &Shape = &Shape {
    name: "prediction",
    rows: &[&[row("type", Rule::Keep(Form::Text)), row("content", Rule::Keep(Form::Exact))]],
    snake: false,
};

const VOICE: &Shape = &Shape {
    name: "voice",
    rows: &[&[row("voice", Rule::Keep(Form::Exact)), row("format", Rule::Keep(Form::Text))]],
    snake: false,
};

/// What only OpenAI and those who follow it closely know.
pub const OPENAI: &[MemberRow] = &[
    row("max_completion_tokens", Rule::Put(Parameters, "max_tokens", Form::Whole)),
    parameter("reasoning_effort", Form::Text),
    parameter("verbosity", Form::Text),
    context("prediction", Form::Object(PREDICTION)),
    constraint("modalities", Form::Exact),
    constraint("audio", Form::Object(VOICE)),
    constraint("web_search_options", Form::Exact),
    row("data_sources", Rule::Outside("the data behind this source can change: put what it finds into the messages")),
];

/// What providers of the same form add, each under a name of its own.
pub const PROVIDERS: &[MemberRow] = &[
    parameter("thinking", Form::Exact),
    parameter("enable_thinking", Form::Flag),
    parameter("thinking_budget", Form::Whole),
    parameter("reasoning_format", Form::Text),
    parameter("context_length_exceeded_behavior", Form::Text),
    parameter("prompt_truncate_len", Form::Whole),
    constraint("enable_search", Form::Flag),
    constraint("search_settings", Form::Exact),
    constraint("search_parameters", Form::Exact),
    constraint("search_domain_filter", Form::Exact),
    constraint("search_recency_filter", Form::Text),
    constraint("return_images", Form::Flag),
];

/// OpenAI chat completions.
pub const FORMAT: &Format = &Format {
    name: "openai-chat",
    about: "OpenAI chat completions, Azure OpenAI, and servers of the same form",
    shape: &Shape {
        name: "openai-chat",
        rows: &[
            MODEL, MESSAGES, SAMPLING, MAX_TOKENS, STOP, LIKELIHOOD, TOOLS, ANSWER, OPENAI, PROVIDERS, TRANSPORT,
            SECRETS,
        ],
        snake: false,
    },
};
