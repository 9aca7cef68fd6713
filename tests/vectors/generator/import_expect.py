"""What was decided by hand about the bodies: refusals with their pointers, and pairs that are one request or two."""

# Beginning of a name -> the format of the body.
FORMAT_OF = {
    "an": "anthropic-messages", "be": "bedrock-converse", "ge0": "gemini", "lc01": "llamacpp-completion",
    "lc02": "llamacpp-chat", "lc03": "llamacpp-chat", "ll04": "openrouter", "ll06": "mistral-chat", "ll0": "litellm",
    "oa20": "openai-chat", "oa": "openai-chat", "ol04": "ollama-generate", "ol0": "ollama-chat", "or0": "openai-responses",
    "or1": "openai-responses", "ot01": "mistral-chat", "ot02": "cohere-chat", "ot03": "otel-genai", "tg01": "tgi-generate",
    "tg02": "tgi-chat", "vl03": "vllm-completions", "vl0": "vllm-chat",
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
    "stop-twice.a": "",
    "stop-twice.b": "",
    "secret-mcp-token": "/tools/0/server_url",
    "state-code-container": "/tools/0/container",
    "state-vector-store": "/tools/0/vector_store_ids",
}

# Body -> what becomes of it without a format, where that is not what the format makes of it.
DIFFERS = {}

# Body -> further cases: (what is tried, options, pointer of the refusal or None).
EXTRA = {}

# (name, body, options, what is grown)
GROWN = []

# (a, b, whether they are one request)
PAIRS = [
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
