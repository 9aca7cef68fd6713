//! Text that the model continues, and the chat forms of llama.cpp and TGI.

use super::chat::{self, ANSWER, CALLS, ECHO, LIKELIHOOD, REASONING, SPEAKER, TOOLS};
use super::sampling::{
    MAX_TOKENS, MODEL, OPEN_SAMPLING, SAMPLING, SECRETS, STOP, TRANSPORT, constraint, parameter, transport,
};
use super::tools;
use super::vllm;
use crate::import::rule::{Form, Format, MemberRow, OfMessage, Prompt, Rule, Shape, row};
use crate::run::Element::Parameters;

const OPENAI_REQUEST: &[MemberRow] = &[
    row("prompt", Rule::Prompt(Prompt::Raw)),
    parameter("suffix", Form::Text),
    parameter("best_of", Form::Whole),
    parameter("echo", Form::Flag),
    parameter("logit_bias", Form::Exact),
    parameter("logprobs", Form::Whole),
];

/// OpenAI completions.
pub const OPENAI: &Format = &Format {
    name: "openai-completions",
    about: "OpenAI completions of plain text",
    shape: &Shape {
        name: "openai-completions",
        rows: &[MODEL, OPENAI_REQUEST, SAMPLING, MAX_TOKENS, STOP, TRANSPORT, SECRETS],
        snake: false,
    },
};

/// Sampling of llama.cpp beside that of the common open servers.
const LLAMA_SAMPLING: &[MemberRow] = &[
    parameter("dynatemp_range", Form::Number),
    parameter("dynatemp_exponent", Form::Number),
    parameter("typical_p", Form::Number),
    parameter("top_n_sigma", Form::Number),
    parameter("xtc_probability", Form::Number),
    parameter("xtc_threshold", Form::Number),
    parameter("mirostat", Form::Whole),
    parameter("mirostat_tau", Form::Number),
    parameter("mirostat_eta", Form::Number),
    row("repeat_penalty", Rule::Put(Parameters, "repetition_penalty", Form::Number)),
    parameter("repeat_last_n", Form::Whole),
    parameter("dry_multiplier", Form::Number),
    parameter("dry_base", Form::Number),
    parameter("dry_allowed_length", Form::Whole),
    parameter("dry_penalty_last_n", Form::Whole),
    parameter("dry_sequence_breakers", Form::Exact),
    parameter("min_keep", Form::Whole),
    parameter("n_keep", Form::Whole),
    parameter("n_indent", Form::Whole),
    parameter("n_discard", Form::Whole),
    parameter("n_probs", Form::Whole),
    parameter("adaptive_target", Form::Number),
    parameter("adaptive_decay", Form::Number),
    transport("speculative.*"),
    parameter("post_sampling_probs", Form::Flag),
    parameter("samplers", Form::Exact),
    parameter("ignore_eos", Form::Flag),
    parameter("lora", Form::Exact),
    parameter("t_max_predict_ms", Form::Whole),
    constraint("grammar", Form::Text),
    constraint("grammar_lazy", Form::Flag),
    constraint("grammar_triggers", Form::Exact),
    constraint("preserved_tokens", Form::Exact),
    constraint("json_schema", Form::Exact),
    transport("cache_prompt"),
    transport("n_cache_reuse"),
    transport("id_slot"),
    transport("timings_per_token"),
    transport("return_progress"),
    transport("return_tokens"),
    transport("response_fields"),
];

const LLAMA_BOUND: &[MemberRow] = &[row("n_predict", Rule::Put(Parameters, "max_tokens", Form::Whole))];

const LLAMA_REQUEST: &[MemberRow] = &[row("prompt", Rule::Prompt(Prompt::Raw)), parameter("logit_bias", Form::Exact)];

/// llama.cpp completion.
pub const LLAMA: &Format = &Format {
    name: "llamacpp-completion",
    about: "llama.cpp server: completion",
    shape: &Shape {
        name: "llamacpp-completion",
        rows: &[
            MODEL,
            LLAMA_REQUEST,
            LLAMA_BOUND,
            MAX_TOKENS,
            SAMPLING,
            OPEN_SAMPLING,
            LLAMA_SAMPLING,
            STOP,
            TRANSPORT,
            SECRETS,
        ],
        snake: false,
    },
};

const CONTENT: &[MemberRow] = &[row("content", Rule::Message(OfMessage::Content(vllm::BLOCKS)))];
const LLAMA_MESSAGE: &Shape =
    &Shape { name: "llamacpp message", rows: &[SPEAKER, REASONING, CONTENT, ECHO, CALLS], snake: false };
const LLAMA_CHAT_REQUEST: &[MemberRow] = &[
    row("messages", Rule::Prompt(Prompt::Messages(LLAMA_MESSAGE))),
    parameter("chat_template_kwargs", Form::Exact),
    parameter("reasoning_format", Form::Text),
    parameter("reasoning_budget", Form::Whole),
    parameter("thinking_forced_open", Form::Flag),
    parameter("reasoning_in_content", Form::Flag),
    parameter("add_generation_prompt", Form::Flag),
    parameter("parse_tool_calls", Form::Flag),
];

/// llama.cpp chat.
pub const LLAMA_CHAT: &Format = &Format {
    name: "llamacpp-chat",
    about: "llama.cpp server: chat completions",
    shape: &Shape {
        name: "llamacpp-chat",
        rows: &[
            MODEL,
            LLAMA_CHAT_REQUEST,
            LLAMA_BOUND,
            SAMPLING,
            MAX_TOKENS,
            STOP,
            LIKELIHOOD,
            TOOLS,
            ANSWER,
            chat::OPENAI,
            OPEN_SAMPLING,
            LLAMA_SAMPLING,
            TRANSPORT,
            SECRETS,
        ],
        snake: false,
    },
};
const TGI_PARAMETERS: &Shape = &Shape {
    name: "tgi parameters",
    rows: &[&[
        parameter("temperature", Form::Number),
        parameter("top_p", Form::Number),
        parameter("top_k", Form::Whole),
        parameter("top_n_tokens", Form::Whole),
        parameter("typical_p", Form::Number),
        parameter("repetition_penalty", Form::Number),
        parameter("frequency_penalty", Form::Number),
        parameter("seed", Form::Wide),
        row("max_new_tokens", Rule::Put(Parameters, "max_tokens", Form::Whole)),
        row("stop", Rule::Put(Parameters, "stop_sequences", Form::Texts)),
        parameter("best_of", Form::Whole),
        parameter("do_sample", Form::Flag),
        parameter("truncate", Form::Whole),
        parameter("watermark", Form::Flag),
        parameter("return_full_text", Form::Flag),
        parameter("adapter_id", Form::Text),
        constraint("grammar", Form::Exact),
        transport("details"),
        transport("decoder_input_details"),
    ]],
    snake: false,
};

const TGI_REQUEST: &[MemberRow] = &[
    row("inputs", Rule::Prompt(Prompt::Raw)),
    row("parameters", Rule::Spread(TGI_PARAMETERS)),
    transport("stream"),
    transport("options"),
];

/// TGI generate.
pub const TGI: &Format = &Format {
    name: "tgi-generate",
    about: "Hugging Face TGI: generate",
    shape: &Shape { name: "tgi-generate", rows: &[MODEL, TGI_REQUEST, SECRETS], snake: false },
};

const TGI_MESSAGE: &Shape = &Shape { name: "tgi message", rows: &[SPEAKER, CHAT_CONTENT, CALLS], snake: false };
const CHAT_CONTENT: &[MemberRow] = &[row("content", Rule::Message(OfMessage::Content(chat::BLOCKS)))];

const TGI_CHAT_REQUEST: &[MemberRow] = &[
    row("messages", Rule::Prompt(Prompt::Messages(TGI_MESSAGE))),
    parameter("adapter_id", Form::Text),
    constraint("guideline", Form::Text),
    constraint("tool_prompt", Form::Text),
    constraint("tools", Form::Tagged(tools::CHAT)),
    constraint("tool_choice", Form::Exact),
    constraint("response_format", Form::ObjectOr(tools::RESPONSE_FORMAT)),
];

/// TGI chat.
pub const TGI_CHAT: &Format = &Format {
    name: "tgi-chat",
    about: "Hugging Face TGI: chat completions",
    shape: &Shape {
        name: "tgi-chat",
        rows: &[MODEL, TGI_CHAT_REQUEST, SAMPLING, MAX_TOKENS, STOP, LIKELIHOOD, TRANSPORT, SECRETS],
        snake: false,
    },
};
