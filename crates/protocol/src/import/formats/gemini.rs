//! Gemini generateContent, of the Gemini API and of Vertex. Members may be spelled in snake_case too.

use super::sampling::{SECRETS, constraint, transport};
use super::tools::{ADDRESS, LISTED_LATER, STORED};
use crate::import::rule::{
    Absent, Blocks, Form, Format, MemberRow, ModelName, OfMessage, OfPart, Prompt, Rule, Shape, row,
};
use crate::run::Element::{Constraints, Parameters};

const BYTES: &Shape = &Shape {
    name: "gemini inline data",
    rows: &[&[
        row("mimeType", Rule::Part(OfPart::MediaType)),
        row("data", Rule::Part(OfPart::Data)),
        row("displayName", Rule::Part(OfPart::Name)),
    ]],
    snake: true,
};
const AT_FILE: &Shape = &Shape {
    name: "gemini file data",
    rows: &[&[
        row("fileUri", Rule::Outside(ADDRESS)),
        row("mimeType", Rule::Part(OfPart::Option("media_type", Form::Text))),
        row("displayName", Rule::Part(OfPart::Name)),
    ]],
    snake: true,
};
const CALL: &Shape = &Shape {
    name: "gemini function call",
    rows: &[&[
        row("id", Rule::Part(OfPart::Id)),
        row("name", Rule::Part(OfPart::Name)),
        row("args", Rule::Part(OfPart::Exact)),
    ]],
    snake: true,
};
/// What a function answers besides its value: bytes, or an address of them.
const RESPONSE_PART: &Shape = &Shape {
    name: "gemini function response part",
    rows: &[&[row("inlineData", Rule::Keep(Form::Exact)), row("fileData", Rule::Outside(ADDRESS))]],
    snake: true,
};
const RESPONSE: &Shape = &Shape {
    name: "gemini function response",
    rows: &[&[
        row("id", Rule::Part(OfPart::Id)),
        row("name", Rule::Part(OfPart::Name)),
        row("response", Rule::Part(OfPart::Json)),
        row("parts", Rule::Part(OfPart::Option("parts", Form::Objects(RESPONSE_PART)))),
        row("willContinue", Rule::Part(OfPart::Option("will_continue", Form::Flag))),
        row("scheduling", Rule::Part(OfPart::Option("scheduling", Form::Text))),
    ]],
    snake: true,
};
const CODE: &Shape = &Shape {
    name: "gemini executable code",
    rows: &[&[
        row("language", Rule::Part(OfPart::Member(Form::Text))),
        row("code", Rule::Part(OfPart::Member(Form::Text))),
    ]],
    snake: true,
};
const CODE_RESULT: &Shape = &Shape {
    name: "gemini code result",
    rows: &[&[
        row("outcome", Rule::Part(OfPart::Member(Form::Text))),
        row("output", Rule::Part(OfPart::Member(Form::Text))),
    ]],
    snake: true,
};

const PART: &Shape = &Shape {
    name: "gemini part",
    rows: &[&[
        row("text", Rule::Part(OfPart::Text)),
        row("inlineData", Rule::Part(OfPart::Variant("blob", BYTES))),
        row("fileData", Rule::Part(OfPart::Variant("blob", AT_FILE))),
        row("functionCall", Rule::Part(OfPart::Variant("tool_call", CALL))),
        row("functionResponse", Rule::Part(OfPart::Variant("tool_result", RESPONSE))),
        row("executableCode", Rule::Part(OfPart::Variant("executable_code", CODE))),
        row("codeExecutionResult", Rule::Part(OfPart::Variant("code_execution_result", CODE_RESULT))),
        row("thought", Rule::Part(OfPart::Option("thought", Form::Flag))),
        row("thoughtSignature", Rule::Part(OfPart::Option("signature", Form::Text))),
        row("videoMetadata", Rule::Part(OfPart::Option("video_metadata", Form::Camel))),
        row("mediaResolution", Rule::Part(OfPart::Option("media_resolution", Form::Camel))),
    ]],
    snake: true,
};

const PARTS: Blocks = Blocks::Plain(PART);

const CONTENT: &Shape = &Shape {
    name: "gemini content",
    rows: &[&[
        row("role", Rule::Message(OfMessage::Role(&[("model", "assistant"), ("function", "tool")], Absent::User))),
        row("parts", Rule::Message(OfMessage::Content(PARTS))),
    ]],
    snake: true,
};

const SYSTEM: &Shape = &Shape {
    name: "gemini system instruction",
    rows: &[&[transport("role"), row("parts", Rule::Message(OfMessage::Content(PARTS)))]],
    snake: true,
};

const fn setting(name: &'static str, to: &'static str, form: Form) -> MemberRow {
    row(name, Rule::Put(Parameters, to, form))
}

const CONFIG: &Shape = &Shape {
    name: "gemini generation config",
    rows: &[&[
        setting("temperature", "temperature", Form::Number),
        setting("topP", "top_p", Form::Number),
        setting("topK", "top_k", Form::Number),
        setting("seed", "seed", Form::Wide),
        setting("maxOutputTokens", "max_tokens", Form::Whole),
        setting("stopSequences", "stop_sequences", Form::Texts),
        setting("candidateCount", "n", Form::Whole),
        setting("presencePenalty", "presence_penalty", Form::Number),
        setting("frequencyPenalty", "frequency_penalty", Form::Number),
        setting("responseLogprobs", "logprobs", Form::Flag),
        setting("logprobs", "top_logprobs", Form::Whole),
        setting("thinkingConfig", "thinking_config", Form::Camel),
        setting("mediaResolution", "media_resolution", Form::Text),
        setting("audioTimestamp", "audio_timestamp", Form::Flag),
        setting("enableAffectiveDialog", "enable_affective_dialog", Form::Flag),
        setting("enableEnhancedCivicAnswers", "enable_enhanced_civic_answers", Form::Flag),
        setting("routingConfig", "routing_config", Form::Camel),
        setting("modelSelectionConfig", "model_selection_config", Form::Camel),
        row("responseMimeType", Rule::Put(Constraints, "response_mime_type", Form::Text)),
        row("responseSchema", Rule::Put(Constraints, "response_schema", Form::Exact)),
        row("responseJsonSchema", Rule::Put(Constraints, "response_json_schema", Form::Exact)),
        row("responseModalities", Rule::Put(Constraints, "modalities", Form::Exact)),
        row("speechConfig", Rule::Put(Constraints, "speech_config", Form::Camel)),
        row("imageConfig", Rule::Put(Constraints, "image_config", Form::Camel)),
    ]],
    snake: true,
};

const DECLARATION: &Shape = &Shape {
    name: "gemini function declaration",
    rows: &[&[
        row("name", Rule::Keep(Form::Text)),
        row("description", Rule::Keep(Form::Text)),
        row("parameters", Rule::Keep(Form::Exact)),
        row("parametersJsonSchema", Rule::Keep(Form::Exact)),
        row("response", Rule::Keep(Form::Exact)),
        row("responseJsonSchema", Rule::Keep(Form::Exact)),
        row("behavior", Rule::Keep(Form::Text)),
    ]],
    snake: true,
};

const TOOL: &Shape = &Shape {
    name: "gemini tool",
    rows: &[&[
        row("functionDeclarations", Rule::Keep(Form::Objects(DECLARATION))),
        row("googleSearch", Rule::Keep(Form::Camel)),
        row("googleSearchRetrieval", Rule::Keep(Form::Camel)),
        row("googleMaps", Rule::Keep(Form::Camel)),
        row("enterpriseWebSearch", Rule::Keep(Form::Camel)),
        row("codeExecution", Rule::Keep(Form::Camel)),
        row("urlContext", Rule::Keep(Form::Camel)),
        row("computerUse", Rule::Keep(Form::Camel)),
        row("mcpServers", Rule::Outside(LISTED_LATER)),
        row("retrieval", Rule::Outside(STORED)),
        row("fileSearch", Rule::Outside(STORED)),
    ]],
    snake: true,
};

const REQUEST: &[MemberRow] = &[
    row("model", Rule::Model(ModelName::Resource)),
    row("systemInstruction", Rule::Prompt(Prompt::SystemObject(SYSTEM))),
    row("contents", Rule::Prompt(Prompt::Messages(CONTENT))),
    row("generationConfig", Rule::Spread(CONFIG)),
    row("safetySettings", Rule::Put(Constraints, "safety_settings", Form::Camel)),
    constraint("tools", Form::Objects(TOOL)),
    row("toolConfig", Rule::Put(Constraints, "tool_choice", Form::Camel)),
    row("modelArmorConfig", Rule::Put(Constraints, "model_armor_config", Form::Camel)),
    row("cachedContent", Rule::Outside("the provider keeps the cached content: put it into contents")),
    transport("labels"),
    transport("serviceTier"),
    transport("store"),
];

/// Gemini generateContent.
pub const FORMAT: &Format = &Format {
    name: "gemini",
    about: "Gemini generateContent, of the Gemini API and of Vertex",
    shape: &Shape { name: "gemini", rows: &[REQUEST, SECRETS], snake: true },
};
