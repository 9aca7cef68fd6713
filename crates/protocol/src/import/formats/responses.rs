//! OpenAI Responses: items of a conversation instead of messages.

use super::sampling::{MODEL, SECRETS, TRANSPORT, constraint, parameter, transport};
use super::tools::{self, ADDRESS, CACHE, STORED};
use crate::import::rule::{
    Absent, Block, Blocks, Form, Format, ItemKind, MemberRow, OfMessage, OfPart, Prompt, Rule, Shape, row,
};
use crate::run::Element::Parameters;

const TEXT: &Shape = &Shape {
    name: "responses text block",
    rows: &[
        &[
            row("text", Rule::Part(OfPart::Text)),
            row("annotations", Rule::Part(OfPart::Option("annotations", Form::Echo))),
            transport("logprobs"),
        ],
        CACHE,
    ],
    snake: false,
};

const IMAGE: &Shape = &Shape {
    name: "responses image block",
    rows: &[&[
        row("image_url", Rule::Part(OfPart::Address)),
        row("detail", Rule::Part(OfPart::Option("detail", Form::Text))),
        row("file_id", Rule::Outside(STORED)),
    ]],
    snake: false,
};

const FILE: &Shape = &Shape {
    name: "responses file block",
    rows: &[&[
        row("filename", Rule::Part(OfPart::Name)),
        row("file_data", Rule::Part(OfPart::DataOrAddress)),
        row("file_url", Rule::Outside(ADDRESS)),
        row("file_id", Rule::Outside(STORED)),
        row("detail", Rule::Part(OfPart::Option("detail", Form::Text))),
    ]],
    snake: false,
};

const REFUSAL: &Shape =
    &Shape { name: "responses refusal block", rows: &[&[row("refusal", Rule::Part(OfPart::Text))]], snake: false };

const BLOCKS: Blocks = Blocks::Tagged(&[
    Block { tag: "input_text", kind: "text", shape: TEXT },
    Block { tag: "output_text", kind: "text", shape: TEXT },
    Block { tag: "text", kind: "text", shape: TEXT },
    Block { tag: "input_image", kind: "image", shape: IMAGE },
    Block { tag: "input_file", kind: "file", shape: FILE },
    Block { tag: "input_audio", kind: "audio", shape: super::chat::AUDIO },
    Block { tag: "refusal", kind: "refusal", shape: REFUSAL },
]);

/// What an item carries as an echo of an answer.
const ECHO: &[MemberRow] = &[transport("id"), transport("status"), transport("created_by")];

const MESSAGE: &Shape = &Shape {
    name: "responses message",
    rows: &[
        &[
            row("role", Rule::Message(OfMessage::Role(&[], Absent::Refused))),
            row("content", Rule::Message(OfMessage::Content(BLOCKS))),
            row("phase", Rule::Message(OfMessage::Option("phase", Form::Text))),
        ],
        ECHO,
    ],
    snake: false,
};

const FUNCTION_CALL: &Shape = &Shape {
    name: "function call item",
    rows: &[
        &[
            row("call_id", Rule::Part(OfPart::Id)),
            row("name", Rule::Part(OfPart::Name)),
            row("arguments", Rule::Part(OfPart::Exact)),
        ],
        ECHO,
    ],
    snake: false,
};

const CUSTOM_CALL: &Shape = &Shape {
    name: "custom tool call item",
    rows: &[
        &[
            row("call_id", Rule::Part(OfPart::Id)),
            row("name", Rule::Part(OfPart::Name)),
            row("input", Rule::Part(OfPart::Text)),
        ],
        ECHO,
    ],
    snake: false,
};

const OUTPUT: &Shape = &Shape {
    name: "call output item",
    rows: &[&[row("call_id", Rule::Part(OfPart::Id)), row("output", Rule::Part(OfPart::Parts(BLOCKS)))], ECHO],
    snake: false,
};

const REASONING: &Shape = &Shape {
    name: "reasoning item",
    rows: &[
        &[
            row("summary", Rule::Part(OfPart::Member(Form::Exact))),
            row("content", Rule::Part(OfPart::Member(Form::Exact))),
            row("encrypted_content", Rule::Part(OfPart::Member(Form::Text))),
        ],
        ECHO,
    ],
    snake: false,
};

/// A call of a tool in the provider's house, with what came of it.
const BUILT_IN: &Shape = &Shape {
    name: "built-in call item",
    rows: &[&[
        row("id", Rule::Part(OfPart::Id)),
        row("call_id", Rule::Part(OfPart::Member(Form::Text))),
        row("action", Rule::Part(OfPart::Member(Form::Exact))),
        row("execution", Rule::Part(OfPart::Member(Form::Text))),
        row("actions", Rule::Part(OfPart::Member(Form::Exact))),
        row("queries", Rule::Part(OfPart::Member(Form::Exact))),
        row("results", Rule::Part(OfPart::Member(Form::Exact))),
        row("result", Rule::Part(OfPart::Member(Form::Exact))),
        row("code", Rule::Part(OfPart::Member(Form::Text))),
        row("outputs", Rule::Part(OfPart::Member(Form::Exact))),
        row(
            "container_id",
            Rule::Outside("files in a container can change: leave the call out, or give its outputs as text"),
        ),
        row("output", Rule::Part(OfPart::Member(Form::Exact))),
        row("operation", Rule::Part(OfPart::Member(Form::Exact))),
        row("environment", Rule::Part(OfPart::Member(Form::ObjectOr(tools::ENVIRONMENT)))),
        row("max_output_length", Rule::Part(OfPart::Member(Form::Whole))),
        row("pending_safety_checks", Rule::Part(OfPart::Member(Form::Exact))),
        row("acknowledged_safety_checks", Rule::Part(OfPart::Member(Form::Exact))),
        row("server_label", Rule::Part(OfPart::Member(Form::Text))),
        row("name", Rule::Part(OfPart::Name)),
        row("arguments", Rule::Part(OfPart::Member(Form::Exact))),
        row("tools", Rule::Part(OfPart::Member(Form::Exact))),
        row("error", Rule::Part(OfPart::Member(Form::Exact))),
        row("approval_request_id", Rule::Part(OfPart::Member(Form::Text))),
        row("approve", Rule::Part(OfPart::Member(Form::Flag))),
        row("reason", Rule::Part(OfPart::Member(Form::Text))),
        row("encrypted_content", Rule::Part(OfPart::Member(Form::Text))),
        row("status", Rule::Part(OfPart::Member(Form::Text))),
        transport("created_by"),
    ]],
    snake: false,
};

const SCREEN: &Shape = &Shape {
    name: "screenshot",
    rows: &[&[
        row("type", Rule::Part(OfPart::Option("type", Form::Only("computer_screenshot")))),
        row("image_url", Rule::Part(OfPart::Address)),
        row("file_id", Rule::Outside(STORED)),
    ]],
    snake: false,
};

const SCREEN_OUTPUT: &Shape = &Shape {
    name: "computer output item",
    rows: &[
        &[
            row("call_id", Rule::Part(OfPart::Id)),
            row("output", Rule::Part(OfPart::Within(SCREEN))),
            row("acknowledged_safety_checks", Rule::Part(OfPart::Option("acknowledged_safety_checks", Form::Exact))),
        ],
        ECHO,
    ],
    snake: false,
};

const REFERENCE: &Shape = &Shape {
    name: "item reference",
    rows: &[&[row("id", Rule::Outside("an item that the provider keeps: put the item itself here"))]],
    snake: false,
};

const fn call(tag: &'static str, kind: &'static str, shape: &'static Shape) -> ItemKind {
    ItemKind { tag, part: Some(("assistant", kind)), one_of: &[], shape }
}

const fn answer(tag: &'static str, kind: &'static str, shape: &'static Shape) -> ItemKind {
    ItemKind { tag, part: Some(("tool", kind)), one_of: &[], shape }
}

const ITEMS: &[ItemKind] = &[
    ItemKind { tag: "", part: None, one_of: &[], shape: MESSAGE },
    ItemKind { tag: "message", part: None, one_of: &[], shape: MESSAGE },
    call("function_call", "tool_call", FUNCTION_CALL),
    answer("function_call_output", "tool_result", OUTPUT),
    call("custom_tool_call", "custom_tool_call", CUSTOM_CALL),
    answer("custom_tool_call_output", "tool_result", OUTPUT),
    ItemKind {
        tag: "reasoning",
        part: Some(("assistant", "reasoning")),
        one_of: &["encrypted_content", "content"],
        shape: REASONING,
    },
    answer("computer_call_output", "computer_call_output", SCREEN_OUTPUT),
    call("item_reference", "item_reference", REFERENCE),
    call("web_search_call", "web_search_call", BUILT_IN),
    call("file_search_call", "file_search_call", BUILT_IN),
    call("computer_call", "computer_call", BUILT_IN),
    ItemKind {
        tag: "image_generation_call",
        part: Some(("assistant", "image_generation_call")),
        one_of: &["result"],
        shape: BUILT_IN,
    },
    call("code_interpreter_call", "code_interpreter_call", BUILT_IN),
    call("local_shell_call", "local_shell_call", BUILT_IN),
    answer("local_shell_call_output", "local_shell_call_output", BUILT_IN),
    call("shell_call", "shell_call", BUILT_IN),
    answer("shell_call_output", "shell_call_output", BUILT_IN),
    call("apply_patch_call", "apply_patch_call", BUILT_IN),
    answer("apply_patch_call_output", "apply_patch_call_output", BUILT_IN),
    call("mcp_list_tools", "mcp_list_tools", BUILT_IN),
    call("mcp_approval_request", "mcp_approval_request", BUILT_IN),
    answer("mcp_approval_response", "mcp_approval_response", BUILT_IN),
    call("mcp_call", "mcp_call", BUILT_IN),
    call("compaction", "compaction", BUILT_IN),
    call("tool_search_call", "tool_search_call", BUILT_IN),
    answer("tool_search_output", "tool_search_output", BUILT_IN),
];

const THINKING: &Shape = &Shape {
    name: "reasoning settings",
    rows: &[&[
        row("effort", Rule::Keep(Form::Text)),
        row("summary", Rule::Keep(Form::Text)),
        row("generate_summary", Rule::Keep(Form::Text)),
    ]],
    snake: false,
};

const TEXT_FORMAT: &Shape = &Shape {
    name: "text format",
    rows: &[&[
        row("type", Rule::Keep(Form::Text)),
        row("name", Rule::Keep(Form::Text)),
        row("description", Rule::Keep(Form::Text)),
        row("schema", Rule::Keep(Form::Exact)),
        row("strict", Rule::Keep(Form::Flag)),
    ]],
    snake: false,
};

const TEXT_SETTINGS: &Shape = &Shape {
    name: "text settings",
    rows: &[&[row("format", Rule::Keep(Form::Object(TEXT_FORMAT))), row("verbosity", Rule::Keep(Form::Text))]],
    snake: false,
};

const REQUEST: &[MemberRow] = &[
    row("instructions", Rule::Prompt(Prompt::System(BLOCKS))),
    row("input", Rule::Prompt(Prompt::Items(ITEMS))),
    parameter("temperature", Form::Number),
    parameter("top_p", Form::Number),
    row("max_output_tokens", Rule::Put(Parameters, "max_tokens", Form::Whole)),
    parameter("max_tool_calls", Form::Whole),
    parameter("top_logprobs", Form::Whole),
    parameter("reasoning", Form::Object(THINKING)),
    constraint("text", Form::Object(TEXT_SETTINGS)),
    constraint("tools", Form::Tagged(tools::RESPONSES)),
    constraint("tool_choice", Form::Exact),
    constraint("parallel_tool_calls", Form::Flag),
    constraint("include", Form::Exact),
    constraint("truncation", Form::Text),
    constraint("context_management", Form::Exact),
    transport("background"),
    row("previous_response_id", Rule::Outside("the answer before is kept by the provider: put its items into input")),
    row("conversation", Rule::Outside("the conversation is kept by the provider: put its items into input")),
    row("prompt", Rule::Outside("the template is kept by the provider: put its text into instructions or input")),
];

/// OpenAI Responses.
pub const FORMAT: &Format = &Format {
    name: "openai-responses",
    about: "OpenAI Responses",
    shape: &Shape { name: "openai-responses", rows: &[MODEL, REQUEST, TRANSPORT, SECRETS], snake: false },
};
