//! Tools as the formats write them. What a tool's caller fills in (a schema) is foreign data.

use super::sampling::transport;
use crate::import::rule::{Form, MemberRow, Rule, Shape, Tagged, row};

/// Advice for a server of tools.
pub const LISTED_LATER: &str =
    "the server says which tools it has only when the run executes: declare its tools one by one as functions";
/// Advice for files and stores of a provider.
pub const STORED: &str = "what the provider keeps under this name can change: send the content itself";
/// Advice for an address.
pub const ADDRESS: &str = "what stands at an address can change: send the content itself, as a data: URL or in base64";

/// A caching mark, which says nothing to the model.
pub const CACHE: &[MemberRow] = &[transport("cache_control")];

/// A function as OpenAI describes it.
pub const FUNCTION: &[MemberRow] = &[
    row("name", Rule::Keep(Form::Text)),
    row("description", Rule::Keep(Form::Text)),
    row("parameters", Rule::Keep(Form::Exact)),
    row("strict", Rule::Keep(Form::Flag)),
];

const FUNCTION_SHAPE: &Shape = &Shape { name: "function", rows: &[FUNCTION, CACHE], snake: false };

/// The older list `functions`.
pub const FUNCTIONS: &Shape = &Shape { name: "functions", rows: &[FUNCTION, CACHE], snake: false };

const CUSTOM: &[MemberRow] = &[
    row("name", Rule::Keep(Form::Text)),
    row("description", Rule::Keep(Form::Text)),
    row("format", Rule::Keep(Form::Exact)),
];

const CUSTOM_INNER: &Shape = &Shape { name: "custom", rows: &[CUSTOM], snake: false };

const CHAT_FUNCTION: &Shape = &Shape {
    name: "chat function tool",
    rows: &[&[row("function", Rule::Keep(Form::Object(FUNCTION_SHAPE)))], CACHE],
    snake: false,
};

const CHAT_CUSTOM: &Shape = &Shape {
    name: "chat custom tool",
    rows: &[&[row("custom", Rule::Keep(Form::Object(CUSTOM_INNER)))], CACHE],
    snake: false,
};

/// Tools of chat completions.
pub const CHAT: &[Tagged] =
    &[Tagged { tag: "function", shape: CHAT_FUNCTION }, Tagged { tag: "custom", shape: CHAT_CUSTOM }];

/// Tools of chat completions where `type` may be left out.
pub const CHAT_LOOSE: &[Tagged] = &[
    Tagged { tag: "function", shape: CHAT_FUNCTION },
    Tagged { tag: "custom", shape: CHAT_CUSTOM },
    Tagged { tag: "", shape: CHAT_FUNCTION },
];

/// A tool that runs in the provider's house and has only settings.
const SETTINGS: &Shape = &Shape {
    name: "built-in tool",
    rows: &[
        &[
            row("name", Rule::Keep(Form::Text)),
            row("max_uses", Rule::Keep(Form::Whole)),
            row("allowed_domains", Rule::Keep(Form::Exact)),
            row("blocked_domains", Rule::Keep(Form::Exact)),
            row("allowed_callers", Rule::Keep(Form::Exact)),
            row("user_location", Rule::Keep(Form::Exact)),
            row("search_context_size", Rule::Keep(Form::Text)),
            row("search_content_types", Rule::Keep(Form::Exact)),
            row("external_web_access", Rule::Keep(Form::Flag)),
            row("filters", Rule::Keep(Form::Exact)),
            row("citations", Rule::Keep(Form::Exact)),
            row("max_content_tokens", Rule::Keep(Form::Whole)),
            row("max_characters", Rule::Keep(Form::Whole)),
            row("display_width", Rule::Keep(Form::Whole)),
            row("display_height", Rule::Keep(Form::Whole)),
            row("display_width_px", Rule::Keep(Form::Whole)),
            row("display_height_px", Rule::Keep(Form::Whole)),
            row("display_number", Rule::Keep(Form::Whole)),
            row("enable_zoom", Rule::Keep(Form::Flag)),
            row("environment", Rule::Keep(Form::ObjectOr(ENVIRONMENT))),
            row("use_cache", Rule::Keep(Form::Flag)),
            row("response_inclusion", Rule::Keep(Form::Exact)),
            row("description", Rule::Keep(Form::Text)),
            row("parameters", Rule::Keep(Form::Exact)),
            row("execution", Rule::Keep(Form::Text)),
            row("defer_loading", Rule::Keep(Form::Flag)),
            row("strict", Rule::Keep(Form::Flag)),
        ],
        CACHE,
    ],
    snake: false,
};

/// Where a shell runs.
pub const ENVIRONMENT: &Shape = &Shape {
    name: "environment",
    rows: &[&[
        row("type", Rule::Keep(Form::Text)),
        row("container_id", Rule::Outside(STORED)),
        row("file_ids", Rule::Outside(STORED)),
        row("skills", Rule::Outside(STORED)),
        row("memory_limit", Rule::Keep(Form::Text)),
        row("network_policy", Rule::Keep(Form::Exact)),
    ]],
    snake: false,
};

const FILE_SEARCH: &Shape = &Shape {
    name: "file search tool",
    rows: &[&[
        row("vector_store_ids", Rule::Outside(STORED)),
        row("max_num_results", Rule::Keep(Form::Whole)),
        row("ranking_options", Rule::Keep(Form::Exact)),
        row("filters", Rule::Keep(Form::Exact)),
    ]],
    snake: false,
};

const MCP: &Shape = &Shape {
    name: "mcp tool",
    rows: &[&[
        row("server_label", Rule::Keep(Form::Text)),
        row("server_description", Rule::Keep(Form::Text)),
        row("server_url", Rule::Outside(LISTED_LATER)),
        row("connector_id", Rule::Outside(LISTED_LATER)),
        row("authorization", Rule::Secret),
        row("headers", Rule::Secret),
        row("allowed_tools", Rule::Keep(Form::Exact)),
        row("require_approval", Rule::Keep(Form::Exact)),
        row("defer_loading", Rule::Keep(Form::Flag)),
    ]],
    snake: false,
};

const CONTAINER: &Shape = &Shape {
    name: "container",
    rows: &[&[
        row("type", Rule::Keep(Form::Only("auto"))),
        row("file_ids", Rule::Outside(STORED)),
        row("memory_limit", Rule::Keep(Form::Text)),
        row("network_policy", Rule::Keep(Form::Exact)),
    ]],
    snake: false,
};

const CODE: &Shape = &Shape {
    name: "code interpreter tool",
    rows: &[&[row("container", Rule::Keep(Form::Object(CONTAINER)))]],
    snake: false,
};

const MASK: &Shape = &Shape {
    name: "image mask",
    rows: &[&[row("image_url", Rule::Keep(Form::Address)), row("file_id", Rule::Outside(STORED))]],
    snake: false,
};

const IMAGE: &Shape = &Shape {
    name: "image generation tool",
    rows: &[&[
        row("model", Rule::Keep(Form::Text)),
        row("action", Rule::Keep(Form::Text)),
        row("background", Rule::Keep(Form::Text)),
        row("input_fidelity", Rule::Keep(Form::Text)),
        row("input_image_mask", Rule::Keep(Form::Object(MASK))),
        row("moderation", Rule::Keep(Form::Text)),
        row("output_compression", Rule::Keep(Form::Whole)),
        row("output_format", Rule::Keep(Form::Text)),
        row("partial_images", Rule::Keep(Form::Whole)),
        row("quality", Rule::Keep(Form::Text)),
        row("size", Rule::Keep(Form::Text)),
    ]],
    snake: false,
};

const RESPONSES_FUNCTION: &Shape = &Shape {
    name: "responses function tool",
    rows: &[FUNCTION, &[row("defer_loading", Rule::Keep(Form::Flag))], CACHE],
    snake: false,
};

const RESPONSES_CUSTOM: &Shape = &Shape {
    name: "responses custom tool",
    rows: &[CUSTOM, &[row("defer_loading", Rule::Keep(Form::Flag))]],
    snake: false,
};

/// Tools of Responses.
pub const RESPONSES: &[Tagged] = &[
    Tagged { tag: "function", shape: RESPONSES_FUNCTION },
    Tagged { tag: "custom", shape: RESPONSES_CUSTOM },
    Tagged { tag: "file_search", shape: FILE_SEARCH },
    Tagged { tag: "mcp", shape: MCP },
    Tagged { tag: "code_interpreter", shape: CODE },
    Tagged { tag: "image_generation", shape: IMAGE },
    Tagged { tag: "web_search*", shape: SETTINGS },
    Tagged { tag: "computer*", shape: SETTINGS },
    Tagged { tag: "local_shell", shape: SETTINGS },
    Tagged { tag: "shell", shape: SETTINGS },
    Tagged { tag: "apply_patch", shape: SETTINGS },
    Tagged { tag: "tool_search", shape: SETTINGS },
];

const ANTHROPIC_TOOL: &Shape = &Shape {
    name: "anthropic tool",
    rows: &[
        &[
            row("name", Rule::Keep(Form::Text)),
            row("description", Rule::Keep(Form::Text)),
            row("input_schema", Rule::Keep(Form::Exact)),
            row("input_examples", Rule::Keep(Form::Exact)),
            row("strict", Rule::Keep(Form::Flag)),
            row("defer_loading", Rule::Keep(Form::Flag)),
            row("allowed_callers", Rule::Keep(Form::Exact)),
        ],
        &[transport("eager_input_streaming")],
        CACHE,
    ],
    snake: false,
};

const TOOLSET: &Shape = &Shape {
    name: "mcp toolset",
    rows: &[
        &[
            row("mcp_server_name", Rule::Outside(LISTED_LATER)),
            row("configs", Rule::Keep(Form::Exact)),
            row("default_config", Rule::Keep(Form::Exact)),
        ],
        CACHE,
    ],
    snake: false,
};

/// Tools of Anthropic Messages.
pub const ANTHROPIC: &[Tagged] = &[
    Tagged { tag: "", shape: ANTHROPIC_TOOL },
    Tagged { tag: "custom", shape: ANTHROPIC_TOOL },
    Tagged { tag: "web_search_*", shape: SETTINGS },
    Tagged { tag: "web_fetch_*", shape: SETTINGS },
    Tagged { tag: "code_execution_*", shape: SETTINGS },
    Tagged { tag: "bash_*", shape: SETTINGS },
    Tagged { tag: "text_editor_*", shape: SETTINGS },
    Tagged { tag: "computer_*", shape: SETTINGS },
    Tagged { tag: "memory_*", shape: SETTINGS },
    Tagged { tag: "tool_search_tool_*", shape: SETTINGS },
    Tagged { tag: "mcp_toolset", shape: TOOLSET },
];

/// Tools that a gateway passes on: chat functions and Anthropic's.
pub const GATEWAY: &[Tagged] = &[
    Tagged { tag: "function", shape: CHAT_FUNCTION },
    Tagged { tag: "custom", shape: CHAT_CUSTOM },
    Tagged { tag: "", shape: ANTHROPIC_TOOL },
    Tagged { tag: "web_search_*", shape: SETTINGS },
    Tagged { tag: "computer_*", shape: SETTINGS },
    Tagged { tag: "bash_*", shape: SETTINGS },
    Tagged { tag: "text_editor_*", shape: SETTINGS },
];

/// Tools of Mistral: functions, and tools in its own house.
pub const MISTRAL: &[Tagged] = &[
    Tagged { tag: "function", shape: CHAT_FUNCTION },
    Tagged { tag: "", shape: CHAT_FUNCTION },
    Tagged { tag: "web_search*", shape: SETTINGS },
];

const JSON_SCHEMA: &Shape = &Shape {
    name: "json schema",
    rows: &[&[
        row("name", Rule::Keep(Form::Text)),
        row("description", Rule::Keep(Form::Text)),
        row("schema", Rule::Keep(Form::Exact)),
        row("strict", Rule::Keep(Form::Flag)),
    ]],
    snake: false,
};

const COHERE_FORMAT: &Shape = &Shape {
    name: "cohere response format",
    rows: &[&[row("json_schema", Rule::Keep(Form::Exact)), row("schema", Rule::Keep(Form::Exact))]],
    snake: false,
};

/// The member `response_format` of Cohere, which has the schema itself where others have it named.
pub const COHERE_RESPONSE_FORMAT: &[Tagged] =
    &[Tagged { tag: "json_object", shape: COHERE_FORMAT }, Tagged { tag: "text", shape: COHERE_FORMAT }];

/// The member `response_format` of the chat forms.
pub const RESPONSE_FORMAT: &Shape = &Shape {
    name: "response format",
    rows: &[&[
        row("type", Rule::Keep(Form::Text)),
        row("json_schema", Rule::Keep(Form::ObjectOr(JSON_SCHEMA))),
        row("schema", Rule::Keep(Form::Exact)),
        row("value", Rule::Keep(Form::Exact)),
        row("grammar", Rule::Keep(Form::Text)),
        row("structures", Rule::Keep(Form::Exact)),
        row("triggers", Rule::Keep(Form::Exact)),
    ]],
    snake: false,
};
