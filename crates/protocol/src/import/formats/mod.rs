//! The tables: one format each, from groups of rows that they share.

pub mod anthropic;
pub mod bedrock;
pub mod chat;
pub mod cohere;
pub mod completion;
pub mod gateway;
pub mod gemini;
pub mod mistral;
pub mod ollama;
pub mod otel;
pub mod responses;
pub mod sampling;
pub mod tools;
pub mod vllm;

use super::rule::Format;

/// Every format, in the order in which they are tried and named.
pub const ALL: &[&Format] = &[
    chat::FORMAT,
    responses::FORMAT,
    anthropic::FORMAT,
    gemini::FORMAT,
    bedrock::FORMAT,
    mistral::FORMAT,
    cohere::FORMAT,
    vllm::CHAT,
    completion::LLAMA_CHAT,
    completion::TGI_CHAT,
    ollama::CHAT,
    gateway::LITELLM,
    gateway::OPENROUTER,
    completion::OPENAI,
    vllm::COMPLETIONS,
    completion::LLAMA,
    completion::TGI,
    ollama::GENERATE,
    otel::FORMAT,
];
