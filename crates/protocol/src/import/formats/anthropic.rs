//! Anthropic Messages, also as Bedrock and Vertex take it.

use super::sampling::{MAX_TOKENS, MODEL, SECRETS, constraint, parameter, transport};
use super::tools::{self, ADDRESS, CACHE, LISTED_LATER, STORED};
use crate::import::rule::{
    Absent, Block, Blocks, Form, Format, MemberRow, OfMessage, OfPart, Prompt, ProviderName, Rule, Shape, row,
};
use crate::run::Element::Parameters;

const TEXT: &Shape = &Shape {
    name: "anthropic text block",
    rows: &[
        &[
            row("text", Rule::Part(OfPart::Text)),
            row("citations", Rule::Part(OfPart::Option("citations", Form::Exact))),
            transport("parsed_output"),
        ],
        CACHE,
    ],
    snake: false,
};

const BASE64: &Shape = &Shape {
    name: "base64 source",
    rows: &[&[row("media_type", Rule::Part(OfPart::MediaType)), row("data", Rule::Part(OfPart::Data))]],
    snake: false,
};
const PLAIN: &Shape = &Shape {
    name: "text source",
    rows: &[&[
        row("media_type", Rule::Part(OfPart::Option("media_type", Form::Only("text/plain")))),
        row("data", Rule::Part(OfPart::Text)),
    ]],
    snake: false,
};
const AT_URL: &Shape = &Shape { name: "url source", rows: &[&[row("url", Rule::Outside(ADDRESS))]], snake: false };
const AT_FILE: &Shape = &Shape { name: "file source", rows: &[&[row("file_id", Rule::Outside(STORED))]], snake: false };
const IN_BLOCKS: &Shape = &Shape {
    name: "content source",
    rows: &[&[row("content", Rule::Part(OfPart::Parts(SOURCE_BLOCKS)))]],
    snake: false,
};

const IMAGE_SOURCES: &[Block] = &[
    Block { tag: "base64", kind: "image", shape: BASE64 },
    Block { tag: "url", kind: "image", shape: AT_URL },
    Block { tag: "file", kind: "image", shape: AT_FILE },
];
const IMAGE: &Shape = &Shape {
    name: "anthropic image block",
    rows: &[&[row("source", Rule::Part(OfPart::Choice(IMAGE_SOURCES)))], CACHE],
    snake: false,
};
const SOURCE_BLOCKS: Blocks = Blocks::Tagged(&[
    Block { tag: "text", kind: "text", shape: TEXT },
    Block { tag: "image", kind: "image", shape: IMAGE },
]);
const DOCUMENT_SOURCES: &[Block] = &[
    Block { tag: "base64", kind: "document", shape: BASE64 },
    Block { tag: "text", kind: "document", shape: PLAIN },
    Block { tag: "content", kind: "document", shape: IN_BLOCKS },
    Block { tag: "url", kind: "document", shape: AT_URL },
    Block { tag: "file", kind: "document", shape: AT_FILE },
];
const DOCUMENT: &Shape = &Shape {
    name: "anthropic document block",
    rows: &[
        &[
            row("source", Rule::Part(OfPart::Choice(DOCUMENT_SOURCES))),
            row("title", Rule::Part(OfPart::Name)),
            row("context", Rule::Part(OfPart::Option("context", Form::Text))),
            row("citations", Rule::Part(OfPart::Option("citations", Form::Exact))),
        ],
        CACHE,
    ],
    snake: false,
};
const SEARCH_RESULT: &Shape = &Shape {
    name: "search result block",
    rows: &[
        &[
            row("content", Rule::Part(OfPart::Parts(SOURCE_BLOCKS))),
            row("title", Rule::Part(OfPart::Name)),
            row("source", Rule::Part(OfPart::Option("source", Form::Text))),
            row("citations", Rule::Part(OfPart::Option("citations", Form::Exact))),
        ],
        CACHE,
    ],
    snake: false,
};
const REFERENCE: &Shape = &Shape {
    name: "tool reference block",
    rows: &[&[row("tool_name", Rule::Part(OfPart::Text))], CACHE],
    snake: false,
};
const RESULT_BLOCKS: Blocks = Blocks::Tagged(&[
    Block { tag: "text", kind: "text", shape: TEXT },
    Block { tag: "image", kind: "image", shape: IMAGE },
    Block { tag: "document", kind: "document", shape: DOCUMENT },
    Block { tag: "search_result", kind: "search_result", shape: SEARCH_RESULT },
    Block { tag: "tool_reference", kind: "tool_reference", shape: REFERENCE },
]);

const CALL: &Shape = &Shape {
    name: "tool use block",
    rows: &[
        &[
            row("id", Rule::Part(OfPart::Id)),
            row("name", Rule::Part(OfPart::Name)),
            row("input", Rule::Part(OfPart::Exact)),
            row("caller", Rule::Part(OfPart::Option("caller", Form::Exact))),
            row("server_name", Rule::Part(OfPart::Option("server_name", Form::Text))),
        ],
        CACHE,
    ],
    snake: false,
};
const RESULT: &Shape = &Shape {
    name: "tool result block",
    rows: &[
        &[
            row("tool_use_id", Rule::Part(OfPart::Id)),
            row("content", Rule::Part(OfPart::Parts(RESULT_BLOCKS))),
            row("is_error", Rule::Part(OfPart::Option("is_error", Form::Flag))),
        ],
        CACHE,
    ],
    snake: false,
};
const SERVER_RESULT: &Shape = &Shape {
    name: "server tool result block",
    rows: &[
        &[
            row("tool_use_id", Rule::Part(OfPart::Id)),
            row("content", Rule::Part(OfPart::Exact)),
            row("caller", Rule::Part(OfPart::Option("caller", Form::Exact))),
        ],
        CACHE,
    ],
    snake: false,
};
/// A thought.
pub const THINKING: &Shape = &Shape {
    name: "thinking block",
    rows: &[
        &[
            row("thinking", Rule::Part(OfPart::Text)),
            row("signature", Rule::Part(OfPart::Option("signature", Form::Text))),
        ],
        CACHE,
    ],
    snake: false,
};
/// A thought that only its provider can read.
pub const REDACTED: &Shape =
    &Shape { name: "redacted thinking block", rows: &[&[row("data", Rule::Part(OfPart::Text))], CACHE], snake: false };
const UPLOAD: &Shape =
    &Shape { name: "container upload block", rows: &[&[row("file_id", Rule::Outside(STORED))], CACHE], snake: false };
const COMPACTION: &Shape =
    &Shape { name: "compaction block", rows: &[&[row("content", Rule::Part(OfPart::Text))], CACHE], snake: false };

/// Blocks of a message.
pub const BLOCKS: Blocks = Blocks::Tagged(&[
    Block { tag: "text", kind: "text", shape: TEXT },
    Block { tag: "image", kind: "image", shape: IMAGE },
    Block { tag: "document", kind: "document", shape: DOCUMENT },
    Block { tag: "search_result", kind: "search_result", shape: SEARCH_RESULT },
    Block { tag: "tool_use", kind: "tool_call", shape: CALL },
    Block { tag: "tool_result", kind: "tool_result", shape: RESULT },
    Block { tag: "thinking", kind: "reasoning", shape: THINKING },
    Block { tag: "redacted_thinking", kind: "redacted_reasoning", shape: REDACTED },
    Block { tag: "server_tool_use", kind: "", shape: CALL },
    Block { tag: "mcp_tool_use", kind: "", shape: CALL },
    Block { tag: "mcp_tool_result", kind: "", shape: RESULT },
    Block { tag: "web_search_tool_result", kind: "", shape: SERVER_RESULT },
    Block { tag: "web_fetch_tool_result", kind: "", shape: SERVER_RESULT },
    Block { tag: "code_execution_tool_result", kind: "", shape: SERVER_RESULT },
    Block { tag: "bash_code_execution_tool_result", kind: "", shape: SERVER_RESULT },
    Block { tag: "text_editor_code_execution_tool_result", kind: "", shape: SERVER_RESULT },
    Block { tag: "tool_search_tool_result", kind: "", shape: SERVER_RESULT },
    Block { tag: "container_upload", kind: "", shape: UPLOAD },
    Block { tag: "compaction", kind: "", shape: COMPACTION },
]);

const SYSTEM_BLOCKS: Blocks = Blocks::Tagged(&[Block { tag: "text", kind: "text", shape: TEXT }]);

const MESSAGE: &Shape = &Shape {
    name: "anthropic message",
    rows: &[&[
        row("role", Rule::Message(OfMessage::Role(&[], Absent::Refused))),
        row("content", Rule::Message(OfMessage::Content(BLOCKS))),
    ]],
    snake: false,
};

const CONTAINER: &Shape = &Shape {
    name: "anthropic container",
    rows: &[&[
        row("id", Rule::Outside("files in a container can change: send their content")),
        row("skills", Rule::Outside("the provider keeps what a skill does: put its instructions into system")),
    ]],
    snake: false,
};

/// Settings of thinking, which gateways pass on.
pub const THINKING_SETTINGS: &[MemberRow] = &[parameter("thinking", Form::Exact)];

const REQUEST: &[MemberRow] = &[
    row("system", Rule::Prompt(Prompt::System(SYSTEM_BLOCKS))),
    row("messages", Rule::Prompt(Prompt::Messages(MESSAGE))),
    parameter("temperature", Form::Number),
    parameter("top_p", Form::Number),
    parameter("top_k", Form::Whole),
    row("stop_sequences", Rule::Put(Parameters, "stop_sequences", Form::Texts)),
    parameter("output_config", Form::Exact),
    parameter("speed", Form::Text),
    constraint("tools", Form::Tagged(tools::ANTHROPIC)),
    constraint("tool_choice", Form::Exact),
    constraint("output_format", Form::Exact),
    constraint("context_management", Form::Exact),
    row("anthropic_version", Rule::Provider(ProviderName::AnthropicVersion)),
    constraint("anthropic_beta", Form::Exact),
    constraint("betas", Form::Exact),
    row("mcp_servers", Rule::Outside(LISTED_LATER)),
    row("container", Rule::Put(crate::run::Element::Constraints, "container", Form::Object(CONTAINER))),
    transport("inference_geo"),
    transport("stream"),
    transport("metadata"),
    transport("service_tier"),
    transport("cache_control"),
];

/// Anthropic Messages.
pub const FORMAT: &Format = &Format {
    name: "anthropic-messages",
    about: "Anthropic Messages, also in the form of Bedrock InvokeModel and Vertex",
    shape: &Shape {
        name: "anthropic-messages",
        rows: &[MODEL, REQUEST, MAX_TOKENS, THINKING_SETTINGS, SECRETS],
        snake: false,
    },
};
