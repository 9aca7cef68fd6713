"""What was decided by hand about the bodies: refusals with their pointers, and pairs that are one request or two."""

from .import_formats import FORMATS

# Beginning of a name -> the format of the body.
FORMAT_OF = {
    "an": "anthropic-messages", "be": "bedrock-converse", "ge0": "gemini", "lc01": "llamacpp-completion",
    "lc02": "llamacpp-chat", "lc03": "llamacpp-chat", "ll04": "openrouter", "ll06": "mistral-chat", "ll0": "litellm",
    "oa20": "openai-chat", "oa": "openai-chat", "ol04": "ollama-generate", "ol0": "ollama-chat", "or0": "openai-responses",
    "or1": "openai-responses", "ot01": "mistral-chat", "ot02": "cohere-chat", "ot03": "otel-genai", "tg01": "tgi-generate",
    "tg02": "tgi-chat", "vl03": "vllm-completions", "vl0": "vllm-chat",
    **{f"{name}-": name for name in FORMATS},
}  # fmt: skip

# Body -> the pointer of the refusal, with and without the format stated.
REFUSED = {
    "an09-mcp-servers": "/mcp_servers",
    "oa06-chat-image-url": "/messages/0/content/1/image_url/url",
    "oa08-chat-audio-history-id": "/messages/1/audio/id",
    "oa19-azure-data-sources": "/data_sources",
    "or04-resp-previous-id": "/previous_response_id",
    "or06-resp-mcp-tool": "/tools/0/server_url",
    "or07-resp-file-search": "/tools/0/vector_store_ids",
    "or08-resp-item-reference": "/input/0/id",
    "ot04-langchain-dump": "/lc",
    "vl04-chat-video-audio-url": "/messages/0/content/1/video_url/url",
    "address-video": "/messages/0/content/1/video_url/url",
    "bound-twice.a": "/max_completion_tokens",
    "bound-twice.b": "/max_completion_tokens",
    "deep-41-levels": "",
    "stop-twice.a": "/stop_sequences",  # no table has both spellings
    "stop-twice.b": "/stop_sequences",
    "secret-mcp-token": "/tools/0/server_url",
    "state-code-container": "/tools/0/container",
    "state-vector-store": "/tools/0/vector_store_ids",
    # Gemini
    "gemini-12-cached-content": "/cachedContent",
    "gemini-13-file-uri": "/contents/0/parts/0/fileData/fileUri",
    "gemini-14-file-search": "/tools/0/fileSearch",
    "gemini-17-model-twice-in-camel-and-snake": "/generationConfig/top_p",
    "gemini-18-unknown-in-part": "/contents/0/parts/0/colour",
    "gemini-22-mcp-servers": "/tools/0/mcpServers",
    "gemini-23-function-response-at-an-address": "/contents/0/parts/0/functionResponse/parts/0/fileData",
    # Bedrock
    "bedrock-converse-13-prompt-template": "/modelId",
    "bedrock-converse-04-s3-locations": "/messages/0/content/0/video/source/s3Location",
    "bedrock-converse-11-document-in-s3": "/messages/0/content/0/document/source/s3Location",
    # Mistral
    "mistral-chat-02-vision-address": "/messages/0/content/1/image_url",
    "mistral-chat-04-document-address": "/messages/0/content/0/document_url",
    "mistral-chat-10-file-id": "/messages/0/content/0/file_id",
    "mistral-chat-11-agent": "/agent_id",
    "mistral-chat-13-seed-twice": "/seed",
    # Cohere
    "cohere-chat-08-vision-address": "/messages/0/content/0/image_url/url",
    "cohere-chat-11-top-p-twice": "/top_p",
    # Ollama
    "ollama-chat-11-unknown-option": "/options/temprature",
    "ollama-chat-13-picture-by-address": "/messages/0/images/0",
    # llama.cpp
    "llamacpp-completion-09-repetition-twice": "/repetition_penalty",
    "llamacpp-completion-12-fraction-of-tokens": "/n_predict",
    "llamacpp-chat-09-bound-twice": "/max_tokens",
    "llamacpp-chat-12-picture-by-address": "/messages/0/content/0/image_url/url",
    # TGI
    "tgi-generate-09-unknown-parameter": "/parameters/max_tokens",
    "tgi-generate-11-flag-as-text": "/parameters/do_sample",
    "tgi-chat-09-vision-address": "/messages/0/content/0/image_url/url",
    "tgi-chat-11-unknown-in-message": "/messages/0/mood",
    # vLLM
    "vllm-chat-06-image-embeds": "/messages/0/content/0/image_embeds",
    "vllm-chat-09-extra-body-twice": "/extra_body/top_k",
    "vllm-chat-13-unknown-member": "/tempreature",
    "vllm-chat-14-audio-answer-format": "/messages/0/content/0/input_audio/format",
    "vllm-chat-18-session": "/session_params",
    "vllm-completions-05-embeds": "/prompt_embeds",
    # OpenAI completions
    "openai-completions-11-logprobs-as-flag": "/logprobs",
    # Gateways
    "litellm-07-prompt-management": "/prompt_id",
    "litellm-08-mock": "/mock_response",
    "litellm-12-file-by-address": "/messages/0/content/0/file/file_id",
    "litellm-13-extra-body-unknown": "/extra_body/temperature",
    "openrouter-06-file-by-address": "/messages/0/content/0/file/file_data",
    "openrouter-08-preset": "/preset",
    "litellm-17-vector-stores": "/vector_store_ids",
    "litellm-18-mock-calls": "/mock_tool_calls",
    # OpenTelemetry
    "otel-genai-08-uri": "/gen_ai.input.messages/0/parts/1/uri",
    "otel-genai-09-file": "/gen_ai.input.messages/0/parts/1/file_id",
    "otel-genai-11-two-providers": "/gen_ai.provider.name",
    "otel-genai-12-data-source": "/gen_ai.data_source.id",
    "otel-genai-14-unknown-part": "/gen_ai.input.messages/0/parts/0/type",
    "otel-genai-15-unknown-attribute": "/gen_ai.request.colour",
    "otel-genai-20-address-in-json-as-text": "/gen_ai.input.messages/0/parts/0/uri",
    # Batch lines
    "batch-19-answer-of-a-batch": "",
    "batch-04-openai-embeddings": "/url",
    "batch-10-refused-inside": "/body/messages/0/content/0/image_url/url",
    "batch-11-anthropic-refused-inside": "/params/messages/0/content/0/source/url",
    "batch-14-bedrock-refused-inside": "/modelInput/messages/0/content/0/image/source/s3Location",
    # OpenAI chat
    "openai-chat-01-file-id": "/messages/0/content/0/file/file_id",
    "openai-chat-02-audio-echo": "/messages/1/audio/id",
    "openai-chat-13-number-beyond": "/max_tokens",
    "openai-chat-14-unknown-block": "/messages/0/content/0/type",
    "openai-chat-15-content-is-number": "/messages/0/content",
    "openai-chat-16-no-role": "/messages/0/role",
    "openai-chat-17-charset": "/messages/0/content/0/file/file_data",
    "openai-chat-18-bad-base64": "/messages/0/content/0/image_url/url",
    "openai-chat-19-number-beyond-in-tool": "/tools/0/function/parameters/maximum",
    # OpenAI Responses
    "openai-responses-03-computer-screenshot-file": "/input/0/output/file_id",
    "openai-responses-06-file-search-settings": "/tools/0/vector_store_ids",
    "openai-responses-09-code-interpreter-files": "/tools/0/container/file_ids",
    "openai-responses-10-code-interpreter-echo": "/input/1/container_id",
    "openai-responses-13-image-mask-file": "/tools/0/input_image_mask/file_id",
    "openai-responses-17-mcp-connector": "/tools/0/connector_id",
    "openai-responses-19-reasoning-without-content": "/input/1",
    "openai-responses-22-conversation": "/conversation",
    "openai-responses-23-stored-prompt": "/prompt",
    "openai-responses-25-file-by-address": "/input/0/content/0/file_url",
    "openai-responses-26-file-by-id": "/input/0/content/0/file_id",
    "openai-responses-30-picture-by-address": "/input/0/content/1/image_url",
    "openai-responses-31-picture-call-with-id-alone": "/input/1",
    "openai-responses-35-shell-in-a-container": "/tools/0/environment/container_id",
    "openai-responses-36-shell-call-in-a-container": "/input/0/environment/file_ids",
    "openai-responses-37-mask-by-address": "/tools/0/input_image_mask/image_url",
    # Anthropic
    "anthropic-messages-22-mcp-toolset-configured": "/mcp_servers",
    "anthropic-messages-02-addresses": "/messages/0/content/0/source/url",
    "anthropic-messages-03-file-ids": "/messages/0/content/0/source/file_id",
    "anthropic-messages-10-container": "/container/id",
    "anthropic-messages-11-container-text": "/container",
    "anthropic-messages-12-mcp-toolset": "/tools/0/mcp_server_name",
    "anthropic-messages-20-upload-with-mark": "/messages/0/content/0/file_id",
    "anthropic-messages-17-text-source-of-html": "/messages/0/content/0/source/media_type",
}

# Body -> what becomes of it without a format, where that is not what the format makes of it.
DIFFERS = {
    "ollama-generate-11-model-and-prompt-only": "",
    "openai-completions-09-model-and-prompt": "",
}

WEIGHTS = "sha256:" + "ab" * 32

# Body -> further cases: (what is tried, options, pointer of the refusal or None).
EXTRA = {
    "oa01-chat-minimal": [
        ("provider stated", {"provider": "openai"}, None),
        ("revision stated", {"revision": "gpt-4o-mini-2024-07-18"}, None),
        ("weights", {"weights": WEIGHTS}, None),
        ("an instance", {"instance": "2"}, None),
        ("everything stated", {"format": "openai-chat", "model": "gpt-4o-mini", "provider": "azure.ai.openai",
                               "revision": "r-1", "weights": WEIGHTS, "instance": "i-1"}, None),
        ("the same model stated", {"model": "gpt-4o-mini"}, None),
        ("another model stated", {"model": "gpt-4o"}, "/model"),
        ("another format stated", {"format": "gemini"}, "/messages"),
    ],
    "an08-bedrock-invoke": [
        ("the same provider stated", {"model": "m", "provider": "aws.bedrock"}, None),
        ("another provider stated", {"model": "m", "provider": "anthropic"}, "/anthropic_version"),
    ],
    "anthropic-messages-14-vertex": [("another provider stated", {"model": "m", "provider": "x"}, "/anthropic_version")],
    "ge02-inline-data-model": [
        ("the same model stated", {"model": "gemini-2.0-flash"}, None),
        ("another model stated", {"model": "gemini-2.5-flash"}, "/model"),
    ],
    "be01-converse": [("another model stated", {"model": "m"}, "/modelId")],
    "ot03-otel-genai": [("provider stated", {"provider": "openai"}, None), ("another model", {"model": "m"}, "/gen_ai.request.model")],
    "otel-genai-01-all-settings": [("another provider stated", {"provider": "anthropic"}, "/gen_ai.provider.name")],
    "otel-genai-02-whole-span": [("another model stated", {"model": "m"}, "/attributes/gen_ai.request.model")],
    "oa20-batch-line": [("another model stated", {"model": "m"}, "/body/model")],
    "batch-06-vertex-gemini": [("provider stated", {"model": "m", "provider": "gcp.vertex_ai"}, None)],
    "ollama-generate-11-model-and-prompt-only": [
        ("as text to continue", {"format": "openai-completions"}, None),
        ("as text to continue by llama.cpp", {"format": "llamacpp-completion"}, None),
    ],
}

# Bodies pair-NAME.a and pair-NAME.b that are one request, and that are two.
ONE = """
    hole-null-member-is-absence same-gemini-settings-in-snake-case alias-max-tokens alias-responses-and-chat alias-stop-text alias-gemini-snake
    alias-random-seed alias-extra-body alias-prompt-list-of-one alias-tokens-list-of-one cache-system-block
    cache-every-block cache-bedrock-points cache-chat-blocks-and-tools cache-gateway-message block-user
    block-tool-answer block-responses block-responses-output block-document-content block-empty-tool-result
    block-empty-text-and-none bytes-alphabet-and-padding bytes-white-space bytes-media-type-case bytes-parameter-name
    bytes-percent transport-all transport-anthropic transport-ollama transport-vllm transport-responses-echo
    transport-batch-line secret-key-left-out spelling-order-and-numbers provider-system-or-role role-gemini-absent
    seed-one-as-fraction hole-empty-annotations hole-empty-annotations-of-responses
"""
TWO = """
    rate-of-sound
    drop-speaker-name drop-refusal drop-thinking-signature drop-is-error drop-document-title drop-file-name
    drop-tool-strict drop-tool-max-uses drop-gemini-thought drop-bedrock-document-name drop-ollama-tool-name
    drop-reasoning-details drop-responses-phase drop-unknown-block-member drop-tool-call-id drop-second-tool-call
    hole-default-null hole-required-empty hole-web-search-options hole-ollama-arguments hole-gemini-response
    hole-schema-const-null hole-google-search hole-list-position alias-num-predict-twice drop-cohere-k
    alias-tokens-and-texts cache-schema-property block-two-are-not-one block-order block-refusal-or-text
    block-empty-or-absent-message block-cohere-thinking-member bytes-media-type-differs bytes-one-bit bytes-charset
    bytes-audio-format transport-metadata-in-tool spelling-arguments-are-text spelling-unicode-forms
    default-temperature default-tools-empty default-parallel-calls default-stop-empty default-prefix-false
    default-strict-false default-image-detail-auto provider-tools provider-bedrock-or-vertex provider-bedrock-or-none
    role-developer role-gemini-model role-tool-or-user role-raw-or-user role-system-later role-two-messages
    state-empty-store-list seed-neighbours drop-annotations
"""

# (a, b, whether they are one request)
PAIRS = [
    ("otel-genai-17-json-as-text", "otel-genai-18-the-same-structured", True),
    ("otel-genai-17-json-as-text", "otel-genai-19-otlp-list-with-json-as-text", True),
    ("batch-18-together", "batch-15-mistral", False),
    *((f"pair-{name}.a", f"pair-{name}.b", same) for names, same in ((ONE, True), (TWO, False)) for name in names.split()),
    ("bound-twice.a", "bound-twice.b", False),
    ("drop-function-call.a", "drop-function-call.b", False),
    ("drop-image-detail.a", "drop-image-detail.b", False),
    ("drop-ollama-images.a", "drop-ollama-images.b", False),
    ("drop-prefix-flag.a", "drop-prefix-flag.b", False),
    ("drop-reasoning-content.a", "drop-reasoning-content.b", False),
    ("hole-any-property.a", "hole-any-property.b", False),
    ("hole-enum-null.a", "hole-enum-null.b", False),
    ("hole-tool-input-null.a", "hole-tool-input-null.b", False),
    ("provider-flips.a", "provider-flips.b", False),
    ("same-cache-control-tool.a", "same-cache-control-tool.b", True),
    ("same-data-url-parameter.a", "same-data-url-parameter.b", True),
    ("same-empty-content.a", "same-empty-content.b", True),
    ("same-tool-result-text.a", "same-tool-result-text.b", True),
    ("stop-twice.a", "stop-twice.b", False),
    ("table-forgery.a", "table-forgery.b", False),
]
