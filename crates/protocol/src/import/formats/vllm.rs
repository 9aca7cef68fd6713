//! vLLM: the OpenAI forms with its own sampling, guided decoding, templates and adapters.

use super::chat::{self, ANSWER, CALLS, ECHO, LIKELIHOOD, OPENAI, PROVIDERS, REASONING, SPEAKER, TOOLS};
use super::sampling::{
    MAX_TOKENS, MODEL, OPEN_SAMPLING, SAMPLING, SECRETS, STOP, TRANSPORT, constraint, context, parameter, transport,
};
use super::tools::CACHE;
use crate::import::rule::{Block, Blocks, Form, Format, MemberRow, OfMessage, OfPart, Prompt, Rule, Shape, row};

/// Guided decoding.
pub const GUIDED: &[MemberRow] = &[
    constraint("guided_json", Form::Exact),
    constraint("guided_regex", Form::Text),
    constraint("guided_choice", Form::Exact),
    constraint("guided_grammar", Form::Text),
    constraint("guided_decoding_backend", Form::Text),
    constraint("guided_whitespace_pattern", Form::Text),
    constraint("structural_tag", Form::Exact),
    constraint("structured_outputs", Form::Exact),
    constraint("regex", Form::Text),
    constraint("ebnf", Form::Text),
    constraint("json_schema", Form::Exact),
];

/// Sampling that only vLLM and its relatives have.
pub const VLLM_SAMPLING: &[MemberRow] = &[
    parameter("best_of", Form::Whole),
    parameter("use_beam_search", Form::Flag),
    parameter("length_penalty", Form::Number),
    parameter("stop_token_ids", Form::Exact),
    parameter("include_stop_str_in_output", Form::Flag),
    parameter("ignore_eos", Form::Flag),
    parameter("min_tokens", Form::Whole),
    parameter("skip_special_tokens", Form::Flag),
    parameter("spaces_between_special_tokens", Form::Flag),
    parameter("truncate_prompt_tokens", Form::Whole),
    parameter("prompt_logprobs", Form::Whole),
    parameter("allowed_token_ids", Form::Exact),
    parameter("bad_words", Form::Exact),
    parameter("logits_processors", Form::Exact),
    parameter("vllm_xargs", Form::Exact),
    parameter("mm_processor_kwargs", Form::Exact),
    parameter("media_io_kwargs", Form::Exact),
    parameter("repetition_detection", Form::Exact),
    parameter("truncation_side", Form::Text),
    parameter("lora_path", Form::Exact),
    parameter("custom_params", Form::Exact),
    parameter("no_stop_trim", Form::Flag),
    parameter("stop_regex", Form::Texts),
    transport("separate_reasoning"),
    transport("stream_reasoning"),
    transport("return_hidden_states"),
    transport("rid"),
    row("session_params", Rule::Outside("the server keeps the session: put its messages into the request")),
    transport("cache_salt"),
    transport("return_tokens_as_token_ids"),
    transport("return_token_ids"),
    transport("kv_transfer_params"),
];

/// How messages become text.
pub const TEMPLATE: &[MemberRow] = &[
    parameter("chat_template", Form::Text),
    parameter("chat_template_kwargs", Form::Exact),
    parameter("add_generation_prompt", Form::Flag),
    parameter("continue_final_message", Form::Flag),
    parameter("add_special_tokens", Form::Flag),
    parameter("echo", Form::Flag),
    parameter("include_reasoning", Form::Flag),
];

/// What people put there for providers of the same form.
const EXTRA_PROVIDERS: &[MemberRow] = &[
    constraint("provider", Form::Exact),
    constraint("plugins", Form::Exact),
    constraint("transforms", Form::Exact),
    parameter("reasoning", Form::Exact),
];

const EXTRA: &Shape = &Shape {
    name: "extra body",
    rows: &[OPEN_SAMPLING, VLLM_SAMPLING, GUIDED, TEMPLATE, PROVIDERS, EXTRA_PROVIDERS, SECRETS],
    snake: false,
};

/// Members that a client library puts into the body beside those that it knows.
pub const EXTRA_BODY: &[MemberRow] = &[row("extra_body", Rule::Spread(EXTRA))];

const VIDEO_ADDRESS: &Shape =
    &Shape { name: "video address", rows: &[&[row("url", Rule::Part(OfPart::Address))]], snake: false };
const AUDIO_ADDRESS: &Shape =
    &Shape { name: "audio address", rows: &[&[row("url", Rule::Part(OfPart::Address))]], snake: false };
const VIDEO: &Shape = &Shape {
    name: "video block",
    rows: &[&[row("video_url", Rule::Part(OfPart::Within(VIDEO_ADDRESS))), transport("uuid")]],
    snake: false,
};
const AUDIO_URL: &Shape = &Shape {
    name: "audio address block",
    rows: &[&[row("audio_url", Rule::Part(OfPart::Within(AUDIO_ADDRESS))), transport("uuid")]],
    snake: false,
};
const THOUGHT: &Shape = &Shape {
    name: "thinking text block",
    rows: &[
        &[row("thinking", Rule::Part(OfPart::Text)), row("closed", Rule::Part(OfPart::Option("closed", Form::Flag)))],
        CACHE,
    ],
    snake: false,
};
const EMBEDS: &Shape =
    &Shape { name: "embeddings block", rows: &[&[row("image_embeds", Rule::Refused(TENSOR))]], snake: false };

const TENSOR: &str = "numbers of a model's inside are no prompt that others can read: send the text or picture itself";

/// Blocks of open servers: video and sound by address too, which is only good as a `data:` URL.
pub const BLOCKS: Blocks = Blocks::Tagged(&[
    Block { tag: "text", kind: "text", shape: chat::TEXT },
    Block { tag: "image_url", kind: "image", shape: chat::IMAGE_URL },
    Block { tag: "input_audio", kind: "audio", shape: chat::AUDIO },
    Block { tag: "audio_url", kind: "audio", shape: AUDIO_URL },
    Block { tag: "video_url", kind: "video", shape: VIDEO },
    Block { tag: "file", kind: "file", shape: chat::FILE },
    Block { tag: "refusal", kind: "refusal", shape: chat::REFUSAL },
    Block { tag: "thinking", kind: "reasoning", shape: THOUGHT },
    Block { tag: "image_embeds", kind: "image", shape: EMBEDS },
]);

const CONTENT: &[MemberRow] = &[row("content", Rule::Message(OfMessage::Content(BLOCKS)))];
const THOUGHTS: &[MemberRow] = &[row("reasoning", Rule::Message(OfMessage::Text("reasoning")))];

const MESSAGE: &Shape =
    &Shape { name: "vllm message", rows: &[SPEAKER, REASONING, THOUGHTS, CONTENT, ECHO, CALLS], snake: false };

const MESSAGES: &[MemberRow] = &[
    row("messages", Rule::Prompt(Prompt::Messages(MESSAGE))),
    context("documents", Form::Exact),
    parameter("thinking_token_budget", Form::Whole),
];

/// vLLM's chat completions.
pub const CHAT: &Format = &Format {
    name: "vllm-chat",
    about: "vLLM, SGLang and their relatives: chat completions",
    shape: &Shape {
        name: "vllm-chat",
        rows: &[
            MODEL,
            MESSAGES,
            SAMPLING,
            MAX_TOKENS,
            STOP,
            LIKELIHOOD,
            TOOLS,
            ANSWER,
            OPENAI,
            OPEN_SAMPLING,
            VLLM_SAMPLING,
            GUIDED,
            TEMPLATE,
            PROVIDERS,
            EXTRA_BODY,
            TRANSPORT,
            SECRETS,
        ],
        snake: false,
    },
};

const PROMPT: &[MemberRow] = &[
    row("prompt", Rule::Prompt(Prompt::Raw)),
    row("prompt_embeds", Rule::Refused(TENSOR)),
    parameter("suffix", Form::Text),
    parameter("echo", Form::Flag),
    parameter("add_special_tokens", Form::Flag),
    parameter("logit_bias", Form::Exact),
    parameter("logprobs", Form::Whole),
    constraint("response_format", Form::ObjectOr(super::tools::RESPONSE_FORMAT)),
];

/// vLLM's completions.
pub const COMPLETIONS: &Format = &Format {
    name: "vllm-completions",
    about: "vLLM, SGLang and their relatives: completions of plain text",
    shape: &Shape {
        name: "vllm-completions",
        rows: &[
            MODEL,
            PROMPT,
            SAMPLING,
            MAX_TOKENS,
            STOP,
            OPEN_SAMPLING,
            VLLM_SAMPLING,
            GUIDED,
            EXTRA_BODY,
            TRANSPORT,
            SECRETS,
        ],
        snake: false,
    },
};
