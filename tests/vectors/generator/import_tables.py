"""The tables of the formats, written out from the references of the providers: what becomes of each member.

`each(rule, "a b>c")` gives the rule to members; `b>c` names what stands in the declaration where that differs.
Rows of messages stand in the order of their parts.
"""

from dataclasses import dataclass

TEXT, NUMBER, WHOLE, WIDE, FLAG = "text", "number", "whole", "wide", "flag"
TEXTS, EXACT, ECHO_LIST, ADDRESS = "texts", "exact", "echo", "address"
TRANSPORT, SECRET, OUTSIDE, REFUSED = ("transport",), ("secret",), ("outside",), ("refused",)


@dataclass
class Shape:
    name: str
    rows: dict
    snake: bool = False


def each(rule: tuple, names: str) -> dict:
    out = {}
    for word in names.split():
        name, _, to = word.partition(">")
        if rule[0] == "put":
            out[name] = (*rule[:2], to or name, rule[3])
        elif rule[0] in ("option", "m_option"):
            out[name] = (rule[0], to or name, rule[2])
        else:
            out[name] = rule
    return out


def param(form, names: str) -> dict:
    return each(("put", "parameters", None, form), names)


def constraint(form, names: str) -> dict:
    return each(("put", "constraints", None, form), names)


def context(form, names: str) -> dict:
    return each(("put", "context", None, form), names)


def keep(form, names: str) -> dict:
    return each(("keep", form), names)


def option(form, names: str) -> dict:
    return each(("option", None, form), names)


def m_option(form, names: str) -> dict:
    return each(("m_option", None, form), names)


def member(form, names: str) -> dict:
    return each(("member", form), names)


def transport(names: str) -> dict:
    return each(TRANSPORT, names)


def outside(names: str) -> dict:
    return each(OUTSIDE, names)


def secret(names: str) -> dict:
    return each(SECRET, names)


def tagged(*rows) -> tuple:
    """Blocks told apart by `type`: (tag, type of the part or "" for the tag itself, shape)."""
    return ("tagged", [row if len(row) == 3 else (row[0], "", row[1]) for row in rows])


def put(element: str, form, names: str) -> dict:
    return each(("put", element, None, form), names)


PART_TEXT, PART_EXACT, PART_ID, PART_NAME = ("text",), ("exact",), ("id",), ("name",)
CACHE = transport("cache_control")

# Members that many formats share.
MODEL = {"model": ("model", "plain")}
SAMPLING = (
    param(NUMBER, "temperature top_p frequency_penalty presence_penalty") | param(WIDE, "seed") | param(WHOLE, "n")
)
MAX_TOKENS = param(WHOLE, "max_tokens")
STOP = param(TEXTS, "stop>stop_sequences")
OPEN_SAMPLING = param(WHOLE, "top_k") | param(NUMBER, "min_p repetition_penalty")
ALONG = transport(
    "stream stream_options user metadata store service_tier request_id priority safety_identifier prompt_cache_key"
    " prompt_cache_retention"
)
SECRETS = secret("api_key authorization Authorization headers extra_headers default_headers")

# Tools.
FUNCTION = keep(TEXT, "name description") | keep(EXACT, "parameters") | keep(FLAG, "strict")
FUNCTION_SHAPE = Shape("function", FUNCTION | CACHE)
FUNCTIONS = Shape("functions", FUNCTION | CACHE)
CUSTOM = keep(TEXT, "name description") | keep(EXACT, "format")
CHAT_FUNCTION = Shape("chat function tool", keep(("object", FUNCTION_SHAPE), "function") | CACHE)
CHAT_CUSTOM = Shape("chat custom tool", keep(("object", Shape("custom", CUSTOM)), "custom") | CACHE)
CHAT_TOOLS = ("tagged", [("function", CHAT_FUNCTION), ("custom", CHAT_CUSTOM)])
LOOSE_TOOLS = ("tagged", [*CHAT_TOOLS[1], ("", CHAT_FUNCTION)])
ENVIRONMENT = Shape(
    "environment", keep(TEXT, "type memory_limit") | outside("container_id file_ids skills") | keep(EXACT, "network_policy")
)
SETTINGS = Shape(
    "built-in tool",
    keep(TEXT, "name description execution search_context_size")
    | keep(WHOLE, "max_uses max_content_tokens max_characters display_width display_height display_width_px")
    | keep(WHOLE, "display_height_px display_number")
    | keep(EXACT, "allowed_domains blocked_domains allowed_callers user_location search_content_types filters citations")
    | keep(EXACT, "parameters response_inclusion") | keep(("object_or", ENVIRONMENT), "environment")
    | keep(FLAG, "external_web_access enable_zoom use_cache defer_loading strict")
    | CACHE,
)
FILE_SEARCH = Shape(
    "file search tool", outside("vector_store_ids") | keep(WHOLE, "max_num_results") | keep(EXACT, "ranking_options filters")
)
MCP = Shape(
    "mcp tool",
    keep(TEXT, "server_label server_description") | outside("server_url connector_id") | secret("authorization headers")
    | keep(EXACT, "allowed_tools require_approval") | keep(FLAG, "defer_loading"),
)  # fmt: skip
CONTAINER = Shape(
    "container",
    keep(("only", "auto"), "type") | outside("file_ids") | keep(TEXT, "memory_limit") | keep(EXACT, "network_policy"),
)
CODE = Shape("code interpreter tool", keep(("object", CONTAINER), "container"))
MASK = Shape("image mask", keep(ADDRESS, "image_url") | outside("file_id"))
IMAGE_TOOL = Shape(
    "image generation tool",
    keep(TEXT, "model action background input_fidelity moderation output_format quality size")
    | keep(("object", MASK), "input_image_mask") | keep(WHOLE, "output_compression partial_images"),
)  # fmt: skip
RESPONSES_TOOLS = ("tagged", [
    ("function", Shape("responses function tool", FUNCTION | keep(FLAG, "defer_loading") | CACHE)),
    ("custom", Shape("responses custom tool", CUSTOM | keep(FLAG, "defer_loading"))),
    ("file_search", FILE_SEARCH), ("mcp", MCP), ("code_interpreter", CODE), ("image_generation", IMAGE_TOOL),
    ("web_search*", SETTINGS), ("computer*", SETTINGS), ("local_shell", SETTINGS), ("apply_patch", SETTINGS),
    ("shell", SETTINGS), ("tool_search", SETTINGS),
])  # fmt: skip
ANTHROPIC_TOOL = Shape(
    "anthropic tool",
    keep(TEXT, "name description") | keep(EXACT, "input_schema input_examples allowed_callers")
    | keep(FLAG, "strict defer_loading") | transport("eager_input_streaming") | CACHE,
)  # fmt: skip
TOOLSET = Shape("mcp toolset", outside("mcp_server_name") | keep(EXACT, "configs default_config") | CACHE)
ANTHROPIC_TOOLS = ("tagged", [
    ("", ANTHROPIC_TOOL), ("custom", ANTHROPIC_TOOL), ("web_search_*", SETTINGS), ("web_fetch_*", SETTINGS),
    ("code_execution_*", SETTINGS), ("bash_*", SETTINGS), ("text_editor_*", SETTINGS), ("computer_*", SETTINGS),
    ("memory_*", SETTINGS), ("tool_search_tool_*", SETTINGS), ("mcp_toolset", TOOLSET),
])  # fmt: skip
GATEWAY_TOOLS = ("tagged", [
    *CHAT_TOOLS[1], ("", ANTHROPIC_TOOL), ("web_search_*", SETTINGS), ("computer_*", SETTINGS), ("bash_*", SETTINGS),
    ("text_editor_*", SETTINGS),
])  # fmt: skip
MISTRAL_TOOLS = ("tagged", [("function", CHAT_FUNCTION), ("", CHAT_FUNCTION), ("web_search*", SETTINGS)])
JSON_SCHEMA = Shape("json schema", keep(TEXT, "name description") | keep(EXACT, "schema") | keep(FLAG, "strict"))
RESPONSE_FORMAT = Shape(
    "response format",
    keep(TEXT, "type grammar") | keep(("object_or", JSON_SCHEMA), "json_schema")
    | keep(EXACT, "schema value structures triggers"),
)  # fmt: skip

# OpenAI chat completions.
TEXT_BLOCK = Shape("text block", {"text": PART_TEXT} | CACHE)
IMAGE_ADDRESS = Shape("image address", {"url": ("data_or_address",)} | option(TEXT, "detail format media_type"))
IMAGE_URL = Shape("image block", {"image_url": ("within", IMAGE_ADDRESS)} | CACHE | transport("uuid"))
AUDIO_DATA = Shape("audio data", {"data": ("data_or_address",), "format": ("media_format", "audio/")})
AUDIO = Shape("audio block", {"input_audio": ("within", AUDIO_DATA)} | CACHE | transport("uuid"))
FILE_DATA = Shape(
    "file data", {"filename": PART_NAME, "file_data": ("data_or_address",)} | outside("file_id") | option(TEXT, "format")
)
FILE = Shape("file block", {"file": ("within", FILE_DATA)} | CACHE)
REFUSAL = Shape("refusal block", {"refusal": PART_TEXT})
CHAT_BLOCKS = tagged(
    ("text", "text", TEXT_BLOCK), ("image_url", "image", IMAGE_URL), ("input_audio", "audio", AUDIO),
    ("file", "file", FILE), ("refusal", "refusal", REFUSAL),
)  # fmt: skip
CALL_FUNCTION = Shape("called function", {"name": PART_NAME, "arguments": PART_EXACT} | transport("index"))
CALL_CUSTOM = Shape("called custom tool", {"name": PART_NAME, "input": PART_TEXT})
TOOL_CALL = Shape(
    "tool call",
    {"id": PART_ID, "function": ("within", CALL_FUNCTION)} | option(EXACT, "extra_content") | transport("index"),
)
CUSTOM_CALL = Shape("custom tool call", {"id": PART_ID, "custom": ("within", CALL_CUSTOM)} | transport("index"))
TOOL_CALLS = tagged(
    ("function", "tool_call", TOOL_CALL), ("custom", "custom_tool_call", CUSTOM_CALL), ("", "tool_call", TOOL_CALL)
)
AUDIO_ANSWER = Shape("audio answer", outside("id") | each(REFUSED, "expires_at data transcript"))
ROLE = {"role": ("role", (), "required")}
SPEAKER = ROLE | {"name": ("m_name",)}
ECHO = {"refusal": ("m_text", "refusal"), "audio": ("m_one", "audio", AUDIO_ANSWER)} | m_option(ECHO_LIST, "annotations")
CALLS = {
    "tool_calls": ("m_parts", TOOL_CALLS), "function_call": ("m_one", "function_call", CALL_FUNCTION),
    "tool_call_id": ("m_answers",),
}  # fmt: skip
REASONING = {"reasoning_content": ("m_text", "reasoning")}
PREFIX = m_option(FLAG, "prefix partial")
TOOLS = constraint(CHAT_TOOLS, "tools")
ANSWER = (
    constraint(EXACT, "tool_choice function_call") | constraint(FLAG, "parallel_tool_calls")
    | constraint(("object_or", RESPONSE_FORMAT), "response_format") | constraint(("objects", FUNCTIONS), "functions")
)  # fmt: skip
LIKELIHOOD = param(EXACT, "logit_bias") | param(FLAG, "logprobs") | param(WHOLE, "top_logprobs")
PREDICTION = Shape("prediction", keep(TEXT, "type") | keep(EXACT, "content"))
VOICE = Shape("voice", keep(EXACT, "voice") | keep(TEXT, "format"))
OPENAI = (
    param(WHOLE, "max_completion_tokens>max_tokens") | param(TEXT, "reasoning_effort verbosity")
    | context(("object", PREDICTION), "prediction") | constraint(EXACT, "modalities web_search_options")
    | constraint(("object", VOICE), "audio") | outside("data_sources")
)  # fmt: skip


# What providers of the same form add.
PROVIDERS = (
    param(EXACT, "thinking") | param(FLAG, "enable_thinking") | param(WHOLE, "thinking_budget prompt_truncate_len")
    | param(TEXT, "reasoning_format context_length_exceeded_behavior") | constraint(FLAG, "enable_search return_images")
    | constraint(EXACT, "search_settings search_parameters search_domain_filter") | constraint(TEXT, "search_recency_filter")
)  # fmt: skip


def messages(shape: Shape) -> dict:
    return {"messages": ("prompt", "messages", shape)}


def says(blocks: tuple) -> dict:
    return {"content": ("m_content", blocks)}


FORMATS = {}


def fmt(name: str, *groups: dict, snake: bool = False) -> None:
    rows = {}
    for group in groups:
        rows |= group
    FORMATS[name] = Shape(name, rows, snake)


CHAT_MESSAGE = Shape("chat message", SPEAKER | says(CHAT_BLOCKS) | ECHO | CALLS)
fmt("openai-chat", MODEL, messages(CHAT_MESSAGE), SAMPLING, MAX_TOKENS, STOP, LIKELIHOOD, TOOLS, ANSWER, OPENAI,
    PROVIDERS, ALONG, SECRETS)  # fmt: skip

# OpenAI Responses.
R_TEXT = Shape("responses text block", {"text": PART_TEXT} | option(ECHO_LIST, "annotations") | transport("logprobs") | CACHE)
R_IMAGE = Shape("responses image block", {"image_url": ("address",)} | option(TEXT, "detail") | outside("file_id"))
R_FILE = Shape(
    "responses file block",
    {"filename": PART_NAME, "file_data": ("data_or_address",)} | outside("file_url file_id") | option(TEXT, "detail"),
)
R_BLOCKS = tagged(
    ("input_text", "text", R_TEXT), ("output_text", "text", R_TEXT), ("text", "text", R_TEXT),
    ("input_image", "image", R_IMAGE), ("input_file", "file", R_FILE), ("input_audio", "audio", AUDIO),
    ("refusal", "refusal", Shape("responses refusal block", {"refusal": PART_TEXT})),
)  # fmt: skip
R_ECHO = transport("id status created_by")
R_MESSAGE = Shape("responses message", ROLE | says(R_BLOCKS) | m_option(TEXT, "phase") | R_ECHO)
R_CALL = Shape("function call item", {"call_id": PART_ID, "name": PART_NAME, "arguments": PART_EXACT} | R_ECHO)
R_CUSTOM = Shape("custom tool call item", {"call_id": PART_ID, "name": PART_NAME, "input": PART_TEXT} | R_ECHO)
R_OUTPUT = Shape("call output item", {"call_id": PART_ID, "output": ("parts", R_BLOCKS)} | R_ECHO)
R_REASONING = Shape("reasoning item", member(EXACT, "summary content") | member(TEXT, "encrypted_content") | R_ECHO)
BUILT_IN = Shape(
    "built-in call item",
    {"id": PART_ID, "name": PART_NAME}
    | member(TEXT, "call_id code server_label approval_request_id reason encrypted_content status execution")
    | member(EXACT, "action actions queries results result outputs output operation pending_safety_checks")
    | member(("object_or", ENVIRONMENT), "environment")
    | member(EXACT, "acknowledged_safety_checks arguments tools error")
    | member(WHOLE, "max_output_length") | member(FLAG, "approve") | outside("container_id") | transport("created_by"),
)  # fmt: skip
SCREEN = Shape("screenshot", option(("only", "computer_screenshot"), "type") | {"image_url": ("address",)} | outside("file_id"))
SCREEN_OUTPUT = Shape(
    "computer output item",
    {"call_id": PART_ID, "output": ("within", SCREEN)} | option(EXACT, "acknowledged_safety_checks") | R_ECHO,
)
REFERENCE = Shape("item reference", outside("id"))


def item(tag: str, role: str | None = None, kind: str = "", shape: Shape = BUILT_IN, one_of: tuple = ()) -> tuple:
    return (tag, (role, kind or tag) if role else None, one_of, shape)


ITEMS = [
    item("", shape=R_MESSAGE), item("message", shape=R_MESSAGE),
    item("function_call", "assistant", "tool_call", R_CALL), item("function_call_output", "tool", "tool_result", R_OUTPUT),
    item("custom_tool_call", "assistant", shape=R_CUSTOM), item("custom_tool_call_output", "tool", "tool_result", R_OUTPUT),
    item("reasoning", "assistant", shape=R_REASONING, one_of=("encrypted_content", "content")),
    item("computer_call_output", "tool", shape=SCREEN_OUTPUT), item("item_reference", "assistant", shape=REFERENCE),
    item("image_generation_call", "assistant", one_of=("result",)),
    *(item(f"{t}_call", "assistant") for t in
      "web_search file_search computer code_interpreter local_shell shell apply_patch mcp".split()),
    *(item(f"{t}_call_output", "tool") for t in "local_shell shell apply_patch".split()),
    item("tool_search_call", "assistant"), item("tool_search_output", "tool"),
    item("mcp_list_tools", "assistant"), item("mcp_approval_request", "assistant"),
    item("mcp_approval_response", "tool"), item("compaction", "assistant"),
]  # fmt: skip
R_THINKING = Shape("reasoning settings", keep(TEXT, "effort summary generate_summary"))
TEXT_FORMAT = Shape("text format", keep(TEXT, "type name description") | keep(EXACT, "schema") | keep(FLAG, "strict"))
TEXT_SETTINGS = Shape("text settings", keep(("object", TEXT_FORMAT), "format") | keep(TEXT, "verbosity"))
fmt(
    "openai-responses", MODEL,
    {"instructions": ("prompt", "system", R_BLOCKS), "input": ("prompt", "items", ITEMS)},
    param(NUMBER, "temperature top_p"), param(WHOLE, "max_output_tokens>max_tokens max_tool_calls top_logprobs"),
    param(("object", R_THINKING), "reasoning"), constraint(("object", TEXT_SETTINGS), "text"),
    constraint(RESPONSES_TOOLS, "tools"), constraint(EXACT, "tool_choice include context_management"),
    constraint(FLAG, "parallel_tool_calls"), constraint(TEXT, "truncation"), transport("background"),
    outside("previous_response_id conversation prompt"), ALONG, SECRETS,
)  # fmt: skip

# Anthropic Messages.
A_TEXT = Shape("anthropic text block", {"text": PART_TEXT} | option(EXACT, "citations") | transport("parsed_output") | CACHE)
A_BASE64 = Shape("base64 source", {"media_type": ("media_type",), "data": ("data",)})
A_PLAIN = Shape("text source", option(("only", "text/plain"), "media_type") | {"data": PART_TEXT})
A_URL = Shape("url source", outside("url"))
A_FILE = Shape("file source", outside("file_id"))
A_IMAGE = Shape(
    "anthropic image block",
    {"source": ("choice", [("base64", "image", A_BASE64), ("url", "image", A_URL), ("file", "image", A_FILE)])} | CACHE,
)
SOURCE_BLOCKS = tagged(("text", "text", A_TEXT), ("image", "image", A_IMAGE))
A_CONTENT = Shape("content source", {"content": ("parts", SOURCE_BLOCKS)})
A_DOCUMENT = Shape(
    "anthropic document block",
    {"source": ("choice", [
        ("base64", "document", A_BASE64), ("text", "document", A_PLAIN), ("content", "document", A_CONTENT),
        ("url", "document", A_URL), ("file", "document", A_FILE),
    ]), "title": PART_NAME} | option(TEXT, "context") | option(EXACT, "citations") | CACHE,
)  # fmt: skip
A_SEARCH = Shape(
    "search result block",
    {"content": ("parts", SOURCE_BLOCKS), "title": PART_NAME} | option(TEXT, "source") | option(EXACT, "citations") | CACHE,
)
A_REFERENCE = Shape("tool reference block", {"tool_name": PART_TEXT} | CACHE)
RESULT_BLOCKS = tagged(
    ("text", "text", A_TEXT), ("image", "image", A_IMAGE), ("document", "document", A_DOCUMENT),
    ("search_result", "search_result", A_SEARCH), ("tool_reference", "tool_reference", A_REFERENCE),
)  # fmt: skip
A_CALL = Shape(
    "tool use block",
    {"id": PART_ID, "name": PART_NAME, "input": PART_EXACT} | option(EXACT, "caller") | option(TEXT, "server_name") | CACHE,
)
A_RESULT = Shape(
    "tool result block", {"tool_use_id": PART_ID, "content": ("parts", RESULT_BLOCKS)} | option(FLAG, "is_error") | CACHE
)
A_SERVER = Shape(
    "server tool result block",
    {"tool_use_id": PART_ID, "content": PART_EXACT} | option(EXACT, "caller") | CACHE,
)
THINKING = Shape("thinking block", {"thinking": PART_TEXT} | option(TEXT, "signature") | CACHE)
REDACTED = Shape("redacted thinking block", {"data": PART_TEXT} | CACHE)
A_BLOCKS = tagged(
    ("text", "text", A_TEXT), ("image", "image", A_IMAGE), ("document", "document", A_DOCUMENT),
    ("search_result", "search_result", A_SEARCH), ("tool_use", "tool_call", A_CALL),
    ("tool_result", "tool_result", A_RESULT), ("thinking", "reasoning", THINKING),
    ("redacted_thinking", "redacted_reasoning", REDACTED), ("server_tool_use", A_CALL), ("mcp_tool_use", A_CALL),
    ("mcp_tool_result", A_RESULT),
    *((f"{t}_tool_result", A_SERVER) for t in
      "web_search web_fetch code_execution bash_code_execution text_editor_code_execution tool_search".split()),
    ("container_upload", Shape("container upload block", outside("file_id") | CACHE)),
    ("compaction", Shape("compaction block", {"content": PART_TEXT} | CACHE)),
)  # fmt: skip
A_MESSAGE = Shape("anthropic message", ROLE | says(A_BLOCKS))
A_CONTAINER = Shape("anthropic container", outside("id skills"))
THINKING_SETTINGS = param(EXACT, "thinking")
fmt(
    "anthropic-messages", MODEL,
    {"system": ("prompt", "system", tagged(("text", "text", A_TEXT)))} | messages(A_MESSAGE),
    param(NUMBER, "temperature top_p"), param(WHOLE, "top_k"), param(TEXTS, "stop_sequences"),
    param(EXACT, "output_config"), param(TEXT, "speed"), constraint(ANTHROPIC_TOOLS, "tools"),
    constraint(EXACT, "tool_choice output_format context_management anthropic_beta betas"),
    {"anthropic_version": ("provider", "anthropic")}, outside("mcp_servers"),
    constraint(("object", A_CONTAINER), "container"),
    transport("inference_geo stream metadata service_tier cache_control"), MAX_TOKENS, THINKING_SETTINGS, SECRETS,
)  # fmt: skip
