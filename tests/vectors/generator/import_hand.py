"""Declarations written by hand, without the reader: what the reader makes of these bodies has to be the same."""

import base64

from .common import prefixed, sha256
from .import_reader import TYPE, VERSION

PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ")
PDF = base64.b64decode("JVBERi0xLjQKMSAwIG9iajw8Pj5lbmRvYmoKdHJhaWxlcjw8Pj4KJSVFT0YK")
TIDE = {
    "name": "get_tide", "description": "Tide height at a harbour", "strict": True,
    "parameters": {
        "type": "object",
        "properties": {"harbour": {"type": "string"}, "unit": {"type": ["string", "null"], "enum": ["m", "ft", None]}},
        "required": ["harbour", "unit"], "additionalProperties": False,
    },
}  # fmt: skip


def part(kind: str, value, **more) -> dict:
    options = more.pop("options", None)
    return {"type": kind, "content": {"inline": value}} | more | ({"options": {"inline": options}} if options else {})


def text(value: str, **more) -> dict:
    return part("text", value, **more)


def blob(kind: str, media_type: str, data: bytes, **more) -> dict:
    content = {"media_type": media_type, "size": str(len(data)), "digest": prefixed(sha256(data))}
    return part(kind, None, **more) | {"content": content}


def said(role: str, *parts, **more) -> dict:
    options = more.pop("options", None)
    parts = [text(p) if isinstance(p, str) else p for p in parts]
    return {"role": role, "parts": parts} | more | ({"options": {"inline": options}} if options else {})


def declared(name: str, *messages, parameters=None, constraints=None, context=None, provider="unstated") -> dict:
    return {
        "type": TYPE,
        "model": {"provider": provider, "name": name, "revision": name, "assurance": "provider-asserted"},
        "prompt": {"messages": list(messages)},
        "parameters": parameters or {"none": True},
        "constraints": constraints or {"none": True},
        "context": {"importer": VERSION} | (context or {}),
    }


def kept(value) -> dict:
    return {"inline": value}


CLAUDE = "claude-sonnet-4-20250514"

HAND = {
    "an04-thinking": declared(
        CLAUDE,
        said("user", "27*453?"),
        said("assistant", part("reasoning", "27*453 = 12231", options={"signature": "c2ln"}),
             part("redacted_reasoning", "AAA="), "12231"),
        said("user", "Sure?"),
        parameters={"max_tokens": 16000, "thinking": kept({"type": "enabled", "budget_tokens": 10000})},
    ),
    "an07-document-pdf-citations": declared(
        CLAUDE,
        said("user", blob("document", "application/pdf", PDF, name="Lease",
                          options={"context": "Signed copy", "citations": {"enabled": True}}), "End?"),
        parameters={"max_tokens": 100},
    ),
    "an08-bedrock-invoke": declared(
        "m", said("system", "Be brief."), said("user", "Hi"), parameters={"max_tokens": 512}, provider="aws.bedrock",
        constraints={"anthropic_version": "bedrock-2023-05-31"},
    ),
    "an12-tool-result-string-empty": declared(
        CLAUDE,
        said("user", "go"),
        said("assistant", part("tool_call", {"path": "/srv/x"}, id="t1", name="rm")),
        said("user", part("tool_result", [], id="t1")),
        parameters={"max_tokens": 100},
        constraints={"tools": kept([
            {"name": "rm", "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}}}
        ])},
    ),
    "be02-converse-tools": declared(
        "m",
        said("user", "Tide?"),
        said("assistant", part("tool_call", {"h": "V"}, id="t1", name="tide")),
        said("user", part("tool_result", [part("json", {"height": 2.1})], id="t1", options={"status": "success"})),
        constraints={"tools": kept([{"toolSpec": {
            "name": "tide", "inputSchema": {"json": {"type": "object", "properties": {"h": {"type": "string"}}}}
        }}])},
    ),
    "ge02-inline-data-model": declared(
        "gemini-2.0-flash",
        said("user", blob("blob", "image/png", PNG), "?"),
        constraints={"tools": kept([{"functionDeclarations": [
            {"name": "f", "parameters": {"type": "OBJECT", "properties": {"a": {"type": "STRING"}}}}
        ]}])},
    ),
    "ll04-openrouter": declared(
        "deepseek/deepseek-r1",
        said("user", "Hi"),
        said("assistant", part("reasoning", "greet"),
             part("reasoning_details", [{"type": "reasoning.text", "text": "greet"}]), "Hello"),
        said("user", "More"),
        constraints={
            "provider": kept({"order": ["Together"], "allow_fallbacks": False}),
            "transforms": kept(["middle-out"]), "plugins": kept([{"id": "web"}]),
        },
    ),
    "oa02-chat-sdk-explicit-defaults": declared(
        "gpt-4o-mini",
        said("system", "Be brief."), said("user", "Name three rivers."),
        parameters={"temperature": 1, "top_p": 1, "n": 1, "presence_penalty": 0, "frequency_penalty": 0, "logprobs": False},
        constraints={"tools": kept([])},
    ),
    "oa04-chat-tool-turn": declared(
        "gpt-4o-2024-08-06",
        said("user", "Tide in Vlissingen and Breskens?"),
        said("assistant",
             part("tool_call", "{\"harbour\":\"Vlissingen\",\"unit\":null}", id="call_a1", name="get_tide"),
             part("tool_call", "{\"harbour\":\"Breskens\",\"unit\":null}", id="call_b2", name="get_tide")),
        said("tool", part("tool_result", [text("{\"height\":2.1}")], id="call_a1")),
        said("tool", part("tool_result", [text("{\"height\":1.9}")], id="call_b2")),
        constraints={"tools": kept([{"type": "function", "function": TIDE}])},
    ),
    "oa05-chat-image-data": declared(
        "gpt-4o",
        said("user", "What is on the gauge?", blob("image", "image/png", PNG, options={"detail": "high"})),
        parameters={"max_tokens": 200},
    ),
    "oa13-chat-functions-legacy": declared(
        "gpt-3.5-turbo-0613",
        said("user", "Tide?"),
        said("assistant", part("function_call", "{\"harbour\":\"Hansweert\"}", name="get_tide")),
        said("function", "2.4", name="get_tide"),
        constraints={"functions": kept([TIDE]), "function_call": "auto"},
    ),
    "oa15-chat-prediction": declared(
        "gpt-4o", said("user", "Rename x to y"),
        parameters={"verbosity": "low"},
        constraints={"web_search_options": kept({})},
        context={"prediction": kept({"type": "content", "content": "let x = 1;"})},
    ),
    "oa17-chat-empty-assistant": declared("gpt-4o", said("user", "Hi"), said("assistant"), said("user", "Are you there?")),
    "oa20-batch-line": declared("gpt-4o-mini", said("user", "hi")),
    "ol03-chat-tools-thinking": declared(
        "qwen3:8b",
        said("user", "Tide?"),
        said("assistant", part("reasoning", "The user wants a tide."),
             part("tool_call", {"harbour": "V", "unit": None}, name="get_tide")),
        said("tool", "2.1", name="get_tide"),
        parameters={"think": True},
        constraints={
            "tools": kept([{"type": "function", "function": TIDE}]),
            "format": kept({"type": "object", "properties": {"h": {"type": "number"}}, "required": ["h"]}),
        },
    ),
    "or02-resp-agent-turn": declared(
        "gpt-5",
        said("user", "Tide in Vlissingen?"),
        said("assistant", part("reasoning", {"summary": [], "encrypted_content": "AAAA"})),
        said("assistant", part("tool_call", "{\"harbour\":\"Vlissingen\"}", id="call_9", name="get_tide")),
        said("tool", part("tool_result", [text("2.1")], id="call_9")),
        parameters={"reasoning": kept({"effort": "medium", "summary": "auto"})},
        constraints={
            "parallel_tool_calls": True, "include": kept(["reasoning.encrypted_content"]),
            "tools": kept([{"type": "function", "name": "get_tide", "strict": True, "parameters": {
                "type": "object", "properties": {"harbour": {"type": "string"}}, "required": ["harbour"],
                "additionalProperties": False,
            }}]),
        },
    ),
    "or09-resp-assistant-echo": declared(
        "gpt-4.1", said("user", "Hi"), said("assistant", "Hello."), said("user", "Bye")
    ),
    "ot01-mistral": declared(
        "mistral-small-latest", said("user", "Hi"), said("assistant", "Dear", options={"prefix": True}),
        parameters={"safe_prompt": False, "seed": "7"},
    ),
    "tg01-generate": declared(
        "m", said("prompt", "What is a lock?"),
        parameters={"max_tokens": 20, "temperature": 0.5, "seed": "42", "stop_sequences": kept(["\n"])},
    ),
    "vl06-chat-seed-64bit": declared(
        "meta-llama/Llama-3.1-8B-Instruct", said("user", "Hi"), parameters={"seed": "6687881544318117707"}
    ),
}  # fmt: skip
