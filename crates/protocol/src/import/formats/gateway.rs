//! LiteLLM and OpenRouter: the chat form with what the gateways add.

use super::anthropic::{REDACTED, THINKING, THINKING_SETTINGS};
use super::chat::{ANSWER, CALLS, ECHO, LIKELIHOOD, OPENAI, PREFIX, REASONING, SPEAKER};
use super::sampling::{
    MAX_TOKENS, MODEL, OPEN_SAMPLING, SAMPLING, SECRETS, STOP, TRANSPORT, constraint, context, parameter, transport,
};
use super::tools::{self, STORED};
use super::vllm::{self, EXTRA_BODY};
use crate::import::rule::{Block, Blocks, Form, Format, MemberRow, OfMessage, Prompt, Rule, Shape, row};

const THOUGHT_BLOCKS: Blocks = Blocks::Tagged(&[
    Block { tag: "thinking", kind: "reasoning", shape: THINKING },
    Block { tag: "redacted_thinking", kind: "redacted_reasoning", shape: REDACTED },
]);

const THOUGHTS: &[MemberRow] = &[
    row("reasoning", Rule::Message(OfMessage::Text("reasoning"))),
    row("reasoning_details", Rule::Message(OfMessage::Exact("reasoning_details"))),
    row("thinking_blocks", Rule::Message(OfMessage::Parts(THOUGHT_BLOCKS))),
    row("provider_specific_fields", Rule::Message(OfMessage::Option("provider_specific_fields", Form::Exact))),
    row("cache_control", Rule::Transport),
];
const CONTENT: &[MemberRow] = &[row("content", Rule::Message(OfMessage::Content(vllm::BLOCKS)))];

const MESSAGE: &Shape = &Shape {
    name: "gateway message",
    rows: &[SPEAKER, REASONING, THOUGHTS, CONTENT, ECHO, CALLS, PREFIX],
    snake: false,
};

const MESSAGES: &[MemberRow] = &[
    row("messages", Rule::Prompt(Prompt::Messages(MESSAGE))),
    constraint("tools", Form::Tagged(tools::GATEWAY)),
    parameter("top_a", Form::Number),
];

/// Switches of thinking that some providers behind the gateway have.
const THOUGHT_SETTINGS: &[MemberRow] =
    &[parameter("enable_thinking", Form::Flag), parameter("thinking_budget", Form::Whole)];

const ROUTING: &[MemberRow] = &[
    constraint("fallbacks", Form::Exact),
    constraint("context_window_fallbacks", Form::Exact),
    constraint("content_policy_fallbacks", Form::Exact),
    constraint("drop_params", Form::Flag),
    constraint("additional_drop_params", Form::Exact),
    constraint("allowed_openai_params", Form::Exact),
    constraint("guardrails", Form::Exact),
    context("custom_llm_provider", Form::Text),
    context("api_version", Form::Text),
    parameter("supports_system_message", Form::Flag),
    constraint("disable_fallbacks", Form::Flag),
    constraint("max_fallbacks", Form::Whole),
    constraint("safety_settings", Form::Exact),
    constraint("merge_reasoning_content_in_choices", Form::Flag),
    context("deployment_id", Form::Text),
    row("vector_store_ids", Rule::Outside(STORED)),
    row("mock_tool_calls", Rule::Refused("no model answers such a request")),
    row("provider_specific_header", Rule::Secret),
    transport("organization"),
    transport("ssl_verify"),
    transport("prompt_label"),
    transport("prompt_version"),
    row("prompt_id", Rule::Outside("the gateway keeps the template: put its text into messages")),
    row("prompt_variables", Rule::Outside("the gateway keeps the template: put its text into messages")),
    row("mock_response", Rule::Refused("no model answers such a request")),
    transport("num_retries"),
    transport("max_retries"),
    transport("timeout"),
    transport("request_timeout"),
    transport("cache"),
    transport("caching"),
    transport("tags"),
    transport("api_base"),
    transport("base_url"),
    transport("litellm_metadata"),
    transport("litellm_call_id"),
    transport("litellm_session_id"),
    transport("litellm_trace_id"),
    transport("no-log"),
    row("vertex_credentials", Rule::Secret),
    row("aws_access_key_id", Rule::Secret),
    row("aws_secret_access_key", Rule::Secret),
    row("aws_session_token", Rule::Secret),
    row("azure_ad_token", Rule::Secret),
    transport("vertex_project"),
    transport("vertex_location"),
    transport("aws_region_name"),
    transport("aws_role_name"),
    transport("aws_session_name"),
    transport("aws_profile_name"),
    transport("vertex_ai_project"),
    transport("vertex_ai_location"),
    row("vertex_ai_credentials", Rule::Secret),
];

/// LiteLLM, as its library and its proxy take a request.
pub const LITELLM: &Format = &Format {
    name: "litellm",
    about: "LiteLLM, library and proxy: chat completions",
    shape: &Shape {
        name: "litellm",
        rows: &[
            MODEL,
            MESSAGES,
            SAMPLING,
            MAX_TOKENS,
            STOP,
            LIKELIHOOD,
            ANSWER,
            OPENAI,
            OPEN_SAMPLING,
            THINKING_SETTINGS,
            THOUGHT_SETTINGS,
            ROUTING,
            EXTRA_BODY,
            TRANSPORT,
            SECRETS,
        ],
        snake: false,
    },
};

const OPENROUTER_REQUEST: &[MemberRow] = &[
    constraint("provider", Form::Exact),
    constraint("models", Form::Exact),
    constraint("route", Form::Text),
    constraint("transforms", Form::Exact),
    constraint("plugins", Form::Exact),
    parameter("reasoning", Form::Exact),
    parameter("include_reasoning", Form::Flag),
    row("preset", Rule::Outside("the gateway keeps the preset: put its settings into the request")),
    constraint("image_config", Form::Exact),
    constraint("structured_outputs", Form::Flag),
    transport("debug"),
    transport("cache_control"),
    transport("usage"),
    transport("session_id"),
    transport("trace"),
];

/// OpenRouter.
pub const OPENROUTER: &Format = &Format {
    name: "openrouter",
    about: "OpenRouter: chat completions",
    shape: &Shape {
        name: "openrouter",
        rows: &[
            MODEL,
            MESSAGES,
            SAMPLING,
            MAX_TOKENS,
            STOP,
            LIKELIHOOD,
            ANSWER,
            OPENAI,
            OPEN_SAMPLING,
            OPENROUTER_REQUEST,
            TRANSPORT,
            SECRETS,
        ],
        snake: false,
    },
};
