"""The tables of the other formats; see import_tables.py."""

from .import_tables import (
    ALONG, ANSWER, AUDIO, CACHE, CALLS, CHAT_BLOCKS, CHAT_TOOLS, ECHO, EXACT, FILE, FLAG, FORMATS, GATEWAY_TOOLS, IMAGE_URL,
    LIKELIHOOD, LOOSE_TOOLS, MAX_TOKENS, MISTRAL_TOOLS, MODEL, NUMBER, OPENAI, OPEN_SAMPLING, PART_EXACT, PART_ID, PART_NAME,
    PART_TEXT, PREFIX, PROVIDERS, REASONING, REDACTED, REFUSAL, REFUSED, RESPONSE_FORMAT, ROLE, SAMPLING, SECRETS, SPEAKER, STOP, TEXT,
    TEXTS, TEXT_BLOCK, THINKING, THINKING_SETTINGS, TOOL_CALLS, TOOLS, WHOLE, WIDE, Shape, constraint, context, each, fmt, keep,
    m_option, member, messages, option, outside, param, put, says, secret, tagged, transport,
)  # fmt: skip


# Gemini.
def gemini(name: str, rows: dict) -> Shape:
    return Shape(name, rows, snake=True)


G_BYTES = gemini("gemini inline data", {"mimeType": ("media_type",), "data": ("data",), "displayName": PART_NAME})
G_FILE = gemini("gemini file data", outside("fileUri") | option(TEXT, "mimeType>media_type") | {"displayName": PART_NAME})
G_CALL = gemini("gemini function call", {"id": PART_ID, "name": PART_NAME, "args": PART_EXACT})
G_MORE = gemini("gemini function response part", keep(EXACT, "inlineData") | outside("fileData"))
G_RESPONSE = gemini(
    "gemini function response",
    {"id": PART_ID, "name": PART_NAME, "response": ("json",)} | option(FLAG, "willContinue>will_continue")
    | option(TEXT, "scheduling") | option(("objects", G_MORE), "parts"),
)  # fmt: skip
G_CODE = gemini("gemini executable code", member(TEXT, "language code"))
G_RESULT = gemini("gemini code result", member(TEXT, "outcome output"))
G_PART = gemini(
    "gemini part",
    {
        "text": PART_TEXT, "inlineData": ("variant", "blob", G_BYTES), "fileData": ("variant", "blob", G_FILE),
        "functionCall": ("variant", "tool_call", G_CALL), "functionResponse": ("variant", "tool_result", G_RESPONSE),
        "executableCode": ("variant", "executable_code", G_CODE),
        "codeExecutionResult": ("variant", "code_execution_result", G_RESULT),
    }
    | option(FLAG, "thought") | option(TEXT, "thoughtSignature>signature")
    | option("camel", "videoMetadata>video_metadata mediaResolution>media_resolution"),
)  # fmt: skip
G_PARTS = ("plain", G_PART)
G_CONTENT = gemini(
    "gemini content",
    {"role": ("role", (("model", "assistant"), ("function", "tool")), "user"), "parts": ("m_content", G_PARTS)},
)
G_SYSTEM = gemini("gemini system instruction", transport("role") | {"parts": ("m_content", G_PARTS)})
G_CONFIG = gemini(
    "gemini generation config",
    param(NUMBER, "temperature topP>top_p topK>top_k presencePenalty>presence_penalty frequencyPenalty>frequency_penalty")
    | param(WIDE, "seed") | param(WHOLE, "maxOutputTokens>max_tokens candidateCount>n logprobs>top_logprobs")
    | param(TEXTS, "stopSequences>stop_sequences")
    | param(FLAG, "responseLogprobs>logprobs audioTimestamp>audio_timestamp enableAffectiveDialog>enable_affective_dialog")
    | param(FLAG, "enableEnhancedCivicAnswers>enable_enhanced_civic_answers")
    | param("camel", "thinkingConfig>thinking_config routingConfig>routing_config")
    | param("camel", "modelSelectionConfig>model_selection_config") | param(TEXT, "mediaResolution>media_resolution")
    | constraint(TEXT, "responseMimeType>response_mime_type")
    | constraint(EXACT, "responseSchema>response_schema responseJsonSchema>response_json_schema")
    | constraint(EXACT, "responseModalities>modalities")
    | constraint("camel", "speechConfig>speech_config imageConfig>image_config"),
)  # fmt: skip
G_DECLARATION = gemini(
    "gemini function declaration",
    keep(TEXT, "name description behavior") | keep(EXACT, "parameters parametersJsonSchema response responseJsonSchema"),
)
G_TOOL = gemini(
    "gemini tool",
    keep(("objects", G_DECLARATION), "functionDeclarations")
    | keep("camel", "googleSearch googleSearchRetrieval googleMaps enterpriseWebSearch codeExecution urlContext computerUse")
    | outside("retrieval fileSearch mcpServers"),
)  # fmt: skip
fmt(
    "gemini",
    {"model": ("model", "resource"), "systemInstruction": ("prompt", "system_object", G_SYSTEM),
     "contents": ("prompt", "messages", G_CONTENT), "generationConfig": ("spread", G_CONFIG)},
    constraint("camel", "safetySettings>safety_settings toolConfig>tool_choice modelArmorConfig>model_armor_config"),
    constraint(("objects", G_TOOL), "tools"), outside("cachedContent"), transport("labels store serviceTier"), SECRETS, snake=True,
)  # fmt: skip

# Bedrock Converse.
B_BYTES = Shape("bedrock source", {"bytes": ("data",)} | outside("s3Location"))


def media(kind: str) -> Shape:
    return Shape(f"bedrock {kind}", {"format": ("media_format", f"{kind}/"), "source": ("within", B_BYTES)})


B_IMAGE, B_VIDEO, B_AUDIO = media("image"), media("video"), media("audio")
B_SOURCE = Shape(
    "bedrock document source", {"bytes": ("data",), "text": PART_TEXT, "content": PART_EXACT} | outside("s3Location")
)
B_DOCUMENT = Shape(
    "bedrock document",
    {"format": ("media_format", "application/"), "name": PART_NAME, "source": ("within", B_SOURCE)}
    | option(TEXT, "context") | option(EXACT, "citations"),
)  # fmt: skip
B_SEARCH = Shape("bedrock search result", member(TEXT, "source title") | member(EXACT, "content citations"))
B_CALL = Shape("bedrock tool use", {"toolUseId": PART_ID, "name": PART_NAME, "input": PART_EXACT} | option(TEXT, "type"))
B_RESULT_PART = Shape(
    "bedrock tool result part",
    {"text": PART_TEXT, "json": ("exact_variant", "json"), "image": ("variant", "image", B_IMAGE),
     "document": ("variant", "document", B_DOCUMENT), "video": ("variant", "video", B_VIDEO),
     "searchResult": ("variant", "search_result", B_SEARCH)},
)  # fmt: skip
B_RESULT = Shape(
    "bedrock tool result",
    {"toolUseId": PART_ID, "content": ("parts", ("plain", B_RESULT_PART))} | option(TEXT, "status type"),
)
B_REASONING_TEXT = Shape("bedrock reasoning text", {"text": PART_TEXT} | option(TEXT, "signature"))
B_REASONING = Shape("bedrock reasoning", {"reasoningText": ("within", B_REASONING_TEXT), "redactedContent": ("data",)})
CACHE_POINT = {"cachePoint": ("nothing",)}
B_PART = Shape(
    "bedrock part",
    {"text": PART_TEXT, "image": ("variant", "image", B_IMAGE), "video": ("variant", "video", B_VIDEO),
     "audio": ("variant", "audio", B_AUDIO), "document": ("variant", "document", B_DOCUMENT),
     "searchResult": ("variant", "search_result", B_SEARCH), "toolUse": ("variant", "tool_call", B_CALL),
     "toolResult": ("variant", "tool_result", B_RESULT), "reasoningContent": ("variant", "reasoning", B_REASONING),
     "guardContent": ("exact_variant", "guard_content"), "citationsContent": ("exact_variant", "citations_content")}
    | CACHE_POINT,
)  # fmt: skip
B_SYSTEM = Shape("bedrock system part", {"text": PART_TEXT, "guardContent": ("exact_variant", "guard_content")} | CACHE_POINT)
B_CONFIG = Shape(
    "bedrock inference config",
    param(WHOLE, "maxTokens>max_tokens") | param(NUMBER, "temperature topP>top_p") | param(TEXTS, "stopSequences>stop_sequences"),
)
B_SPEC = Shape("bedrock tool spec", keep(TEXT, "name description") | keep(EXACT, "inputSchema") | keep(FLAG, "strict"))
B_TOOL = Shape("bedrock tool", keep(("object", B_SPEC), "toolSpec") | keep(EXACT, "systemTool") | CACHE_POINT)
B_TOOLS = Shape(
    "bedrock tool config", constraint(("objects", B_TOOL), "tools") | constraint(EXACT, "toolChoice>tool_choice")
)
fmt(
    "bedrock-converse",
    {"modelId": ("model", "no template"), "system": ("prompt", "system", ("plain", B_SYSTEM)),
     "inferenceConfig": ("spread", B_CONFIG), "toolConfig": ("spread", B_TOOLS)},
    messages(Shape("bedrock message", ROLE | says(("plain", B_PART)))),
    constraint(EXACT, "guardrailConfig>guardrail_config outputConfig>output_config"),
    param(EXACT, "additionalModelRequestFields>additional_model_request_fields"),
    context(EXACT, "promptVariables>prompt_variables"),
    transport("additionalModelResponseFieldPaths requestMetadata performanceConfig serviceTier"),
)  # fmt: skip

# Mistral.
M_ADDRESS = Shape("mistral image address", {"url": ("data_or_address",)} | option(TEXT, "detail"))
M_REFERENCE = Shape("mistral reference block", {"reference_ids": PART_EXACT})
M_THINKING = Shape(
    "mistral thinking block",
    {"thinking": ("parts", tagged(("text", "text", TEXT_BLOCK), ("reference", M_REFERENCE)))} | option(FLAG, "closed"),
)
M_BLOCKS = tagged(
    ("text", "text", TEXT_BLOCK),
    ("image_url", "image", Shape("mistral image block", {"image_url": ("within", M_ADDRESS, "url")})),
    ("input_audio", "audio", Shape("mistral audio block", {"input_audio": ("data_or_address",)})),
    ("document_url", "document",
     Shape("mistral document block", {"document_url": ("address",), "document_name": PART_NAME})),
    ("file", "file", Shape("mistral file block", outside("file_id"))),
    ("reference", M_REFERENCE), ("thinking", "reasoning", M_THINKING),
)  # fmt: skip
fmt(
    "mistral-chat", MODEL, messages(Shape("mistral message", SPEAKER | says(M_BLOCKS) | CALLS | PREFIX)),
    param(WIDE, "random_seed>seed"), param(FLAG, "safe_prompt"), param(TEXT, "prompt_mode reasoning_effort"),
    param(WHOLE, "document_image_limit document_page_limit"), constraint(MISTRAL_TOOLS, "tools"),
    constraint(EXACT, "tool_choice guardrails"), constraint(FLAG, "parallel_tool_calls"),
    constraint(("object_or", RESPONSE_FORMAT), "response_format"), context(EXACT, "prediction"), outside("agent_id"),
    SAMPLING, MAX_TOKENS, STOP, LIKELIHOOD, ALONG, SECRETS,
)  # fmt: skip

# Cohere.
C_BLOCKS = tagged(
    ("text", "text", TEXT_BLOCK), ("image_url", "image", IMAGE_URL),
    ("document", "document", Shape("cohere document block", {"document": PART_EXACT})),
    ("thinking", "reasoning", Shape("cohere thinking block", {"thinking": PART_TEXT})),
)  # fmt: skip
C_MESSAGE = Shape(
    "cohere message",
    ROLE | {"tool_plan": ("m_text", "tool_plan")} | says(C_BLOCKS)
    | {"tool_calls": ("m_parts", TOOL_CALLS), "tool_call_id": ("m_answers",)} | m_option(EXACT, "citations"),
)  # fmt: skip
# The schema itself stands under json_schema here, not a name beside it.
C_ANSWER = Shape("cohere response format", keep(EXACT, "json_schema schema"))
fmt(
    "cohere-chat", MODEL, messages(C_MESSAGE), param(TEXTS, "stop_sequences"), param(NUMBER, "p>top_p"),
    param(WHOLE, "k>top_k"), param(FLAG, "logprobs raw_prompting"), param(EXACT, "thinking"), param(TEXT, "reasoning_effort"),
    context(EXACT, "documents"), constraint(CHAT_TOOLS, "tools"), constraint(EXACT, "tool_choice citation_options"),
    constraint(FLAG, "strict_tools"), constraint(("one_tagged", [("json_object", C_ANSWER), ("text", C_ANSWER)]), "response_format"),
    constraint(TEXT, "safety_mode"), transport("stream priority"), SAMPLING, MAX_TOKENS, SECRETS,
)  # fmt: skip

# vLLM.
GUIDED = (
    constraint(EXACT, "guided_json guided_choice structural_tag structured_outputs")
    | constraint(TEXT, "guided_regex guided_grammar guided_decoding_backend guided_whitespace_pattern regex ebnf")
    | constraint(EXACT, "json_schema")
)  # fmt: skip
V_SAMPLING = (
    param(WHOLE, "best_of min_tokens truncate_prompt_tokens prompt_logprobs") | param(NUMBER, "length_penalty")
    | param(FLAG, "use_beam_search include_stop_str_in_output ignore_eos skip_special_tokens spaces_between_special_tokens")
    | param(EXACT, "stop_token_ids allowed_token_ids bad_words logits_processors vllm_xargs mm_processor_kwargs")
    | param(EXACT, "media_io_kwargs repetition_detection lora_path custom_params") | param(TEXT, "truncation_side")
    | param(FLAG, "no_stop_trim") | param(TEXTS, "stop_regex") | outside("session_params")
    | transport("separate_reasoning stream_reasoning return_hidden_states rid")
    | transport("cache_salt return_tokens_as_token_ids return_token_ids kv_transfer_params")
)  # fmt: skip
TEMPLATE = (
    param(TEXT, "chat_template") | param(EXACT, "chat_template_kwargs")
    | param(FLAG, "add_generation_prompt continue_final_message add_special_tokens echo include_reasoning")
)  # fmt: skip
EXTRA = Shape(
    "extra body",
    OPEN_SAMPLING | V_SAMPLING | GUIDED | TEMPLATE | PROVIDERS | constraint(EXACT, "provider plugins transforms")
    | param(EXACT, "reasoning") | SECRETS,
)  # fmt: skip
EXTRA_BODY = {"extra_body": ("spread", EXTRA)}
V_VIDEO = Shape("video block", {"video_url": ("within", Shape("video address", {"url": ("address",)}))} | transport("uuid"))
V_AUDIO = Shape(
    "audio address block", {"audio_url": ("within", Shape("audio address", {"url": ("address",)}))} | transport("uuid")
)
V_BLOCKS = tagged(
    ("text", "text", TEXT_BLOCK), ("image_url", "image", IMAGE_URL), ("input_audio", "audio", AUDIO),
    ("audio_url", "audio", V_AUDIO), ("video_url", "video", V_VIDEO), ("file", "file", FILE),
    ("refusal", "refusal", REFUSAL),
    ("thinking", "reasoning", Shape("thinking text block", {"thinking": PART_TEXT} | option(FLAG, "closed") | CACHE)),
    ("image_embeds", "image", Shape("embeddings block", each(REFUSED, "image_embeds"))),
)  # fmt: skip
V_REASONING = {"reasoning": ("m_text", "reasoning")}
fmt(
    "vllm-chat", MODEL, messages(Shape("vllm message", SPEAKER | REASONING | V_REASONING | says(V_BLOCKS) | ECHO | CALLS)),
    context(EXACT, "documents"), param(WHOLE, "thinking_token_budget"), SAMPLING, MAX_TOKENS, STOP, LIKELIHOOD, TOOLS, ANSWER,
    OPENAI, OPEN_SAMPLING, V_SAMPLING, GUIDED, TEMPLATE, PROVIDERS, EXTRA_BODY, ALONG, SECRETS,
)  # fmt: skip
RAW = ("prompt", "raw")

# llama.cpp and TGI.
L_SAMPLING = (
    param(NUMBER, "dynatemp_range dynatemp_exponent typical_p top_n_sigma xtc_probability xtc_threshold mirostat_tau")
    | param(NUMBER, "mirostat_eta repeat_penalty>repetition_penalty dry_multiplier dry_base")
    | param(WHOLE, "mirostat repeat_last_n dry_allowed_length dry_penalty_last_n min_keep n_keep n_indent n_probs")
    | param(WHOLE, "t_max_predict_ms") | param(EXACT, "dry_sequence_breakers samplers lora")
    | param(FLAG, "post_sampling_probs ignore_eos") | constraint(TEXT, "grammar") | constraint(FLAG, "grammar_lazy")
    | constraint(EXACT, "grammar_triggers preserved_tokens json_schema")
    | param(WHOLE, "n_discard") | param(NUMBER, "adaptive_target adaptive_decay") | transport("speculative.*")
    | transport("cache_prompt n_cache_reuse id_slot timings_per_token return_progress return_tokens response_fields")
)  # fmt: skip
L_BOUND = param(WHOLE, "n_predict>max_tokens")
fmt(
    "llamacpp-chat", MODEL, messages(Shape("llamacpp message", SPEAKER | REASONING | says(V_BLOCKS) | ECHO | CALLS)),
    param(EXACT, "chat_template_kwargs"), param(TEXT, "reasoning_format"), param(WHOLE, "reasoning_budget"),
    param(FLAG, "thinking_forced_open add_generation_prompt parse_tool_calls reasoning_in_content"), L_BOUND, SAMPLING, MAX_TOKENS, STOP,
    LIKELIHOOD, TOOLS, ANSWER, OPENAI, OPEN_SAMPLING, L_SAMPLING, ALONG, SECRETS,
)  # fmt: skip
fmt(
    "tgi-chat", MODEL, messages(Shape("tgi message", SPEAKER | says(CHAT_BLOCKS) | CALLS)), param(TEXT, "adapter_id"),
    constraint(TEXT, "guideline tool_prompt"), constraint(CHAT_TOOLS, "tools"), constraint(EXACT, "tool_choice"),
    constraint(("object_or", RESPONSE_FORMAT), "response_format"), SAMPLING, MAX_TOKENS, STOP, LIKELIHOOD, ALONG, SECRETS,
)  # fmt: skip

# Ollama.
O_OPTIONS = Shape(
    "ollama options",
    param(NUMBER, "temperature top_p min_p typical_p tfs_z repeat_penalty>repetition_penalty presence_penalty")
    | param(NUMBER, "frequency_penalty mirostat_tau mirostat_eta")
    | param(WHOLE, "top_k num_predict>max_tokens repeat_last_n mirostat num_ctx num_keep draft_num_predict")
    | param(WIDE, "seed") | param(TEXTS, "stop>stop_sequences") | param(FLAG, "penalize_newline")
    | transport("num_batch num_gpu main_gpu num_thread low_vram use_mmap use_mlock numa vocab_only f16_kv logits_all"),
)  # fmt: skip
O_COMMON = (
    {"options": ("spread", O_OPTIONS)} | param(EXACT, "think") | param(FLAG, "logprobs truncate shift")
    | param(WHOLE, "top_logprobs") | constraint(EXACT, "format") | transport("keep_alive stream")
)  # fmt: skip
O_CALLED = Shape(
    "ollama called function",
    {"name": PART_NAME, "arguments": PART_EXACT} | option(WHOLE, "index") | option(TEXT, "description"),
)
O_CALL = Shape("ollama tool call", {"id": PART_ID, "function": ("within", O_CALLED)})
O_CALLS = tagged(("", "tool_call", O_CALL), ("function", "tool_call", O_CALL))
NO_BLOCKS = tagged()
O_MESSAGE = Shape(
    "ollama message",
    ROLE | {"thinking": ("m_text", "reasoning")} | says(NO_BLOCKS)
    | {"images": ("m_pictures",), "tool_calls": ("m_parts", O_CALLS), "tool_call_id": ("m_answers",), "tool_name": ("m_name",)},
)  # fmt: skip
fmt("ollama-chat", MODEL, messages(O_MESSAGE), constraint(LOOSE_TOOLS, "tools"), O_COMMON)

# Gateways.
THOUGHT_BLOCKS = tagged(("thinking", "reasoning", THINKING), ("redacted_thinking", "redacted_reasoning", REDACTED))
THOUGHTS = (
    {"reasoning": ("m_text", "reasoning"), "reasoning_details": ("m_exact", "reasoning_details"),
     "thinking_blocks": ("m_parts", THOUGHT_BLOCKS)}
    | m_option(EXACT, "provider_specific_fields") | CACHE
)  # fmt: skip
W_MESSAGE = Shape("gateway message", SPEAKER | REASONING | THOUGHTS | says(V_BLOCKS) | ECHO | CALLS | PREFIX)
W_COMMON = [
    MODEL, messages(W_MESSAGE), constraint(GATEWAY_TOOLS, "tools"), param(NUMBER, "top_a"), SAMPLING, MAX_TOKENS, STOP,
    LIKELIHOOD, ANSWER, OPENAI, OPEN_SAMPLING,
]  # fmt: skip
fmt(
    "litellm", *W_COMMON, THINKING_SETTINGS,
    constraint(EXACT, "fallbacks context_window_fallbacks content_policy_fallbacks additional_drop_params"),
    constraint(EXACT, "allowed_openai_params guardrails"), constraint(FLAG, "drop_params"),
    param(FLAG, "enable_thinking"), param(WHOLE, "thinking_budget"),
    constraint(FLAG, "disable_fallbacks merge_reasoning_content_in_choices"), constraint(WHOLE, "max_fallbacks"),
    constraint(EXACT, "safety_settings"), outside("vector_store_ids"), each(REFUSED, "mock_tool_calls"),
    transport("organization ssl_verify prompt_label prompt_version aws_role_name aws_session_name aws_profile_name"),
    transport("vertex_ai_project vertex_ai_location"), secret("provider_specific_header vertex_ai_credentials"),
    context(TEXT, "deployment_id"),
    context(TEXT, "custom_llm_provider api_version"), param(FLAG, "supports_system_message"),
    outside("prompt_id prompt_variables"), each(REFUSED, "mock_response"),
    transport("num_retries max_retries timeout request_timeout cache caching tags api_base base_url litellm_metadata"),
    transport("litellm_call_id litellm_session_id litellm_trace_id no-log vertex_project vertex_location aws_region_name"),
    secret("vertex_credentials aws_access_key_id aws_secret_access_key aws_session_token azure_ad_token"),
    EXTRA_BODY, ALONG, SECRETS,
)  # fmt: skip
fmt(
    "openrouter", *W_COMMON, constraint(EXACT, "provider models transforms plugins"), constraint(TEXT, "route"),
    param(EXACT, "reasoning"), param(FLAG, "include_reasoning"), outside("preset"), constraint(EXACT, "image_config"),
    constraint(FLAG, "structured_outputs"), transport("usage session_id trace debug cache_control"),
    ALONG, SECRETS,
)  # fmt: skip

# Text that the model continues.
fmt(
    "openai-completions", MODEL, {"prompt": RAW}, param(TEXT, "suffix"), param(WHOLE, "best_of logprobs"), param(FLAG, "echo"),
    param(EXACT, "logit_bias"), SAMPLING, MAX_TOKENS, STOP, ALONG, SECRETS,
)  # fmt: skip
fmt(
    "vllm-completions", MODEL, {"prompt": RAW}, each(REFUSED, "prompt_embeds"), param(TEXT, "suffix"),
    param(FLAG, "echo add_special_tokens"), param(EXACT, "logit_bias"), param(WHOLE, "logprobs"),
    constraint(("object_or", RESPONSE_FORMAT), "response_format"), SAMPLING, MAX_TOKENS, STOP, OPEN_SAMPLING, V_SAMPLING,
    GUIDED, EXTRA_BODY, ALONG, SECRETS,
)  # fmt: skip
fmt(
    "llamacpp-completion", MODEL, {"prompt": RAW}, param(EXACT, "logit_bias"), L_BOUND, MAX_TOKENS, SAMPLING, OPEN_SAMPLING, L_SAMPLING,
    STOP, ALONG, SECRETS,
)  # fmt: skip
T_PARAMETERS = Shape(
    "tgi parameters",
    param(NUMBER, "temperature top_p typical_p repetition_penalty frequency_penalty")
    | param(WHOLE, "top_k top_n_tokens max_new_tokens>max_tokens best_of truncate") | param(WIDE, "seed")
    | param(TEXTS, "stop>stop_sequences") | param(FLAG, "do_sample watermark return_full_text") | param(TEXT, "adapter_id")
    | constraint(EXACT, "grammar") | transport("details decoder_input_details"),
)  # fmt: skip
fmt("tgi-generate", MODEL, {"inputs": RAW, "parameters": ("spread", T_PARAMETERS)}, transport("stream options"), SECRETS)
fmt(
    "ollama-generate", MODEL,
    {"system": ("prompt", "system", NO_BLOCKS), "prompt": ("prompt", "templated"), "images": ("prompt", "pictures")},
    param(FLAG, "raw"), param(TEXT, "template suffix"), context(EXACT, "context"), O_COMMON,
)  # fmt: skip

# Spans of OpenTelemetry.
T_TEXT = Shape("otel text part", {"content": PART_TEXT})
T_CALL = Shape("otel tool call part", {"id": PART_ID, "name": PART_NAME, "arguments": PART_EXACT})
T_RESULT = Shape("otel tool call response part", {"id": PART_ID, "response": ("json",), "result": ("json",)})
T_BLOB = Shape("otel blob part", option(TEXT, "modality") | {"mime_type": ("media_type",), "content": ("data",)})
T_ELSEWHERE = Shape("otel reference part", option(TEXT, "modality mime_type>media_type") | outside("uri file_id"))
T_PARTS = tagged(
    ("text", "text", T_TEXT), ("reasoning", "reasoning", T_TEXT), ("tool_call", "tool_call", T_CALL),
    ("tool_call_response", "tool_result", T_RESULT), ("blob", "blob", T_BLOB), ("uri", "blob", T_ELSEWHERE),
    ("file", "file", T_ELSEWHERE),
)  # fmt: skip
T_MESSAGE = Shape("otel message", SPEAKER | {"parts": ("m_content", T_PARTS)} | transport("finish_reason"))


def otel(rule: str, form, names: str) -> dict:
    return {f"gen_ai.{n}": r for n, r in put(rule, form, names).items()}


fmt(
    "otel-genai",
    {"gen_ai.request.model": ("model", "plain"), "gen_ai.provider.name": ("provider", "plain"),
     "gen_ai.system": ("provider", "plain"), "gen_ai.system_instructions": ("prompt", "system", T_PARTS),
     "gen_ai.input.messages": ("prompt", "messages", T_MESSAGE)},
    otel("parameters", NUMBER, "request.temperature>temperature request.top_p>top_p request.top_k>top_k"),
    otel("parameters", NUMBER, "request.frequency_penalty>frequency_penalty request.presence_penalty>presence_penalty"),
    otel("parameters", WHOLE, "request.max_tokens>max_tokens request.choice.count>n"),
    otel("parameters", WIDE, "request.seed>seed"), otel("parameters", TEXTS, "request.stop_sequences>stop_sequences"),
    otel("constraints", EXACT, "tool.definitions>tools"), otel("constraints", TEXT, "output.type>output_type"),
    otel("context", TEXT, "operation.name>operation"), outside("gen_ai.data_source.id"),
    transport("gen_ai.agent.* gen_ai.prompt.name gen_ai.conversation.id gen_ai.output.messages gen_ai.response.*"),
    transport("gen_ai.usage.* server.* error.type service.* gen_ai.request.stream openai.api.type openai.response.*"),
    transport("openai.request.service_tier session.* http.* url.* network.* client.* user.* enduser.* telemetry.* thread.*"),
    transport("code.* host.* process.* otel.*"),
)  # fmt: skip

ORDER = list(FORMATS)
assert len(ORDER) == 19
