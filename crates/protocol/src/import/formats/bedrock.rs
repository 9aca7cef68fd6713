//! Amazon Bedrock Converse.

use super::sampling::transport;
use super::tools::STORED;
use crate::import::rule::{
    Absent, Blocks, Form, Format, MemberRow, ModelName, OfMessage, OfPart, Prompt, Rule, Shape, row,
};
use crate::run::Element::{Constraints, Context, Parameters};

const fn member(name: &'static str, form: Form) -> MemberRow {
    row(name, Rule::Part(OfPart::Member(form)))
}

const BYTES: &Shape = &Shape {
    name: "bedrock source",
    rows: &[&[row("bytes", Rule::Part(OfPart::Data)), row("s3Location", Rule::Outside(STORED))]],
    snake: false,
};
const IMAGE: &Shape = &Shape {
    name: "bedrock image",
    rows: &[&[
        row("format", Rule::Part(OfPart::MediaFormat("image/"))),
        row("source", Rule::Part(OfPart::Within(BYTES))),
    ]],
    snake: false,
};
const VIDEO: &Shape = &Shape {
    name: "bedrock video",
    rows: &[&[
        row("format", Rule::Part(OfPart::MediaFormat("video/"))),
        row("source", Rule::Part(OfPart::Within(BYTES))),
    ]],
    snake: false,
};
const AUDIO: &Shape = &Shape {
    name: "bedrock audio",
    rows: &[&[
        row("format", Rule::Part(OfPart::MediaFormat("audio/"))),
        row("source", Rule::Part(OfPart::Within(BYTES))),
    ]],
    snake: false,
};
const DOCUMENT_SOURCE: &Shape = &Shape {
    name: "bedrock document source",
    rows: &[&[
        row("bytes", Rule::Part(OfPart::Data)),
        row("text", Rule::Part(OfPart::Text)),
        row("content", Rule::Part(OfPart::Exact)),
        row("s3Location", Rule::Outside(STORED)),
    ]],
    snake: false,
};
const DOCUMENT: &Shape = &Shape {
    name: "bedrock document",
    rows: &[&[
        row("format", Rule::Part(OfPart::MediaFormat("application/"))),
        row("name", Rule::Part(OfPart::Name)),
        row("source", Rule::Part(OfPart::Within(DOCUMENT_SOURCE))),
        row("context", Rule::Part(OfPart::Option("context", Form::Text))),
        row("citations", Rule::Part(OfPart::Option("citations", Form::Exact))),
    ]],
    snake: false,
};
const SEARCH: &Shape = &Shape {
    name: "bedrock search result",
    rows: &[&[
        member("source", Form::Text),
        member("title", Form::Text),
        member("content", Form::Exact),
        member("citations", Form::Exact),
    ]],
    snake: false,
};
const CALL: &Shape = &Shape {
    name: "bedrock tool use",
    rows: &[&[
        row("toolUseId", Rule::Part(OfPart::Id)),
        row("name", Rule::Part(OfPart::Name)),
        row("input", Rule::Part(OfPart::Exact)),
        row("type", Rule::Part(OfPart::Option("type", Form::Text))),
    ]],
    snake: false,
};
const RESULT_PART: &Shape = &Shape {
    name: "bedrock tool result part",
    rows: &[&[
        row("text", Rule::Part(OfPart::Text)),
        row("json", Rule::Part(OfPart::ExactVariant("json"))),
        row("image", Rule::Part(OfPart::Variant("image", IMAGE))),
        row("document", Rule::Part(OfPart::Variant("document", DOCUMENT))),
        row("video", Rule::Part(OfPart::Variant("video", VIDEO))),
        row("searchResult", Rule::Part(OfPart::Variant("search_result", SEARCH))),
    ]],
    snake: false,
};
const RESULT: &Shape = &Shape {
    name: "bedrock tool result",
    rows: &[&[
        row("toolUseId", Rule::Part(OfPart::Id)),
        row("content", Rule::Part(OfPart::Parts(Blocks::Plain(RESULT_PART)))),
        row("status", Rule::Part(OfPart::Option("status", Form::Text))),
        row("type", Rule::Part(OfPart::Option("type", Form::Text))),
    ]],
    snake: false,
};
const REASONING_TEXT: &Shape = &Shape {
    name: "bedrock reasoning text",
    rows: &[&[
        row("text", Rule::Part(OfPart::Text)),
        row("signature", Rule::Part(OfPart::Option("signature", Form::Text))),
    ]],
    snake: false,
};
const REASONING: &Shape = &Shape {
    name: "bedrock reasoning",
    rows: &[&[
        row("reasoningText", Rule::Part(OfPart::Within(REASONING_TEXT))),
        row("redactedContent", Rule::Part(OfPart::Data)),
    ]],
    snake: false,
};
const CACHE: &[MemberRow] = &[row("cachePoint", Rule::Part(OfPart::Nothing))];

const PART: &Shape = &Shape {
    name: "bedrock part",
    rows: &[
        &[
            row("text", Rule::Part(OfPart::Text)),
            row("image", Rule::Part(OfPart::Variant("image", IMAGE))),
            row("video", Rule::Part(OfPart::Variant("video", VIDEO))),
            row("audio", Rule::Part(OfPart::Variant("audio", AUDIO))),
            row("document", Rule::Part(OfPart::Variant("document", DOCUMENT))),
            row("searchResult", Rule::Part(OfPart::Variant("search_result", SEARCH))),
            row("toolUse", Rule::Part(OfPart::Variant("tool_call", CALL))),
            row("toolResult", Rule::Part(OfPart::Variant("tool_result", RESULT))),
            row("reasoningContent", Rule::Part(OfPart::Variant("reasoning", REASONING))),
            row("guardContent", Rule::Part(OfPart::ExactVariant("guard_content"))),
            row("citationsContent", Rule::Part(OfPart::ExactVariant("citations_content"))),
        ],
        CACHE,
    ],
    snake: false,
};

const SYSTEM_PART: &Shape = &Shape {
    name: "bedrock system part",
    rows: &[
        &[
            row("text", Rule::Part(OfPart::Text)),
            row("guardContent", Rule::Part(OfPart::ExactVariant("guard_content"))),
        ],
        CACHE,
    ],
    snake: false,
};

const MESSAGE: &Shape = &Shape {
    name: "bedrock message",
    rows: &[&[
        row("role", Rule::Message(OfMessage::Role(&[], Absent::Refused))),
        row("content", Rule::Message(OfMessage::Content(Blocks::Plain(PART)))),
    ]],
    snake: false,
};

const fn setting(name: &'static str, to: &'static str, form: Form) -> MemberRow {
    row(name, Rule::Put(Parameters, to, form))
}

const CONFIG: &Shape = &Shape {
    name: "bedrock inference config",
    rows: &[&[
        setting("maxTokens", "max_tokens", Form::Whole),
        setting("temperature", "temperature", Form::Number),
        setting("topP", "top_p", Form::Number),
        setting("stopSequences", "stop_sequences", Form::Texts),
    ]],
    snake: false,
};

const SPEC: &Shape = &Shape {
    name: "bedrock tool spec",
    rows: &[&[
        row("name", Rule::Keep(Form::Text)),
        row("description", Rule::Keep(Form::Text)),
        row("inputSchema", Rule::Keep(Form::Exact)),
        row("strict", Rule::Keep(Form::Flag)),
    ]],
    snake: false,
};
const TOOL: &Shape = &Shape {
    name: "bedrock tool",
    rows: &[&[
        row("toolSpec", Rule::Keep(Form::Object(SPEC))),
        row("systemTool", Rule::Keep(Form::Exact)),
        transport("cachePoint"),
    ]],
    snake: false,
};
const TOOL_CONFIG: &Shape = &Shape {
    name: "bedrock tool config",
    rows: &[&[
        row("tools", Rule::Put(Constraints, "tools", Form::Objects(TOOL))),
        row("toolChoice", Rule::Put(Constraints, "tool_choice", Form::Exact)),
    ]],
    snake: false,
};

const REQUEST: &[MemberRow] = &[
    row("modelId", Rule::Model(ModelName::NoTemplate)),
    row("system", Rule::Prompt(Prompt::System(Blocks::Plain(SYSTEM_PART)))),
    row("messages", Rule::Prompt(Prompt::Messages(MESSAGE))),
    row("inferenceConfig", Rule::Spread(CONFIG)),
    row("toolConfig", Rule::Spread(TOOL_CONFIG)),
    row("guardrailConfig", Rule::Put(Constraints, "guardrail_config", Form::Exact)),
    setting("additionalModelRequestFields", "additional_model_request_fields", Form::Exact),
    row("outputConfig", Rule::Put(Constraints, "output_config", Form::Exact)),
    row("promptVariables", Rule::Put(Context, "prompt_variables", Form::Exact)),
    transport("additionalModelResponseFieldPaths"),
    transport("requestMetadata"),
    transport("performanceConfig"),
    transport("serviceTier"),
];

/// Amazon Bedrock Converse.
pub const FORMAT: &Format = &Format {
    name: "bedrock-converse",
    about: "Amazon Bedrock Converse",
    shape: &Shape { name: "bedrock-converse", rows: &[REQUEST], snake: false },
};
