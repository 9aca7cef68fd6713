"""Envelopes, the choice of the format, and the declaration of a body: docs/imports.md, "Which format"."""

import json

from .common import jcs
from .import_formats import FORMATS
from .import_reader import Reader, depth, escape, snake

CHAT = ["openai-chat", "mistral-chat", "vllm-chat", "llamacpp-chat", "tgi-chat", "litellm", "openrouter"]
PATHS = {
    "/chat/completions": CHAT,
    "/responses": ["openai-responses"],
    "/completions": ["openai-completions", "vllm-completions", "llamacpp-completion"],
}
STRUCTURED = ("gen_ai.input.messages", "gen_ai.system_instructions", "gen_ai.tool.definitions")
LEVELS, REACHED = 40, set()


class Refusal(Exception):
    """The pointers of all refusals; of each format where several were tried."""


def open_envelope(body: dict) -> tuple:
    """The request, where it stands, and the formats that the envelope leaves; none for all."""
    has = lambda *names: all(n in body for n in names)
    if any(n in body for n in ("messages", "input", "prompt", "contents", "inputs")):
        return body, "", None
    if has("body"):
        path = str(body.get("url")).split("?")[0].split("#")[0]
        known = next((PATHS[end] for end in PATHS if path.endswith(end)), None)
        if "url" in body and known is None:
            raise Refusal(["/url"])
        return body["body"], "/body", known
    if has("custom_id", "params"):
        return body["params"], "/params", ["anthropic-messages"]
    if has("request"):
        return body["request"], "/request", None
    if has("modelInput"):
        return body["modelInput"], "/modelInput", None
    if has("attributes"):
        return span(body["attributes"]), "/attributes", ["otel-genai"]
    return span(body), "", None


def span(attributes):
    """The attributes of a span as one object: OTLP's list of keys and values, JSON that stands as a text."""
    if isinstance(attributes, list):
        attributes = {a["key"]: value_of(a["value"]) for a in attributes}
    out = {}
    for name, value in attributes.items():
        if name in STRUCTURED and isinstance(value, str) and value[:1] in ("[", "{"):
            value = json.loads(value)
        out[name] = value
    return out


def value_of(value: dict):
    [(kind, inner)] = value.items()
    if kind == "arrayValue":
        return [value_of(v) for v in inner.get("values", [])]
    if kind == "kvlistValue":
        return {v["key"]: value_of(v["value"]) for v in inner.get("values", [])}
    return int(inner) if kind == "intValue" else inner


def knows(shape, name: str) -> bool:
    exact = lambda row: name == row or shape.snake and name == snake(row)
    return any(name.startswith(row[:-1]) if row.endswith("*") else exact(row) for row in shape.rows)


def read(name: str, body: dict, at: str, options: dict) -> dict:
    shape = FORMATS[name]
    reader = Reader(REACHED)
    reader.request(shape, body, at)
    row = next(r for r, rule in shape.rows.items() if rule[0] == "model")
    if reader.model and options.get("model", reader.model) != reader.model:
        reader.refuse(f"{at}/{escape(row)}")
    reader.model = reader.model or options.get("model")
    if reader.model is None:
        reader.refuse(f"{at}/{escape(row)}")
    if reader.provider and options.get("provider", reader.provider) != reader.provider:
        rows = {r for r, rule in shape.rows.items() if rule[0] == "provider"}
        reader.refusals += [f"{at}/{escape(n)}" for n in body if n in rows]
    reader.provider = reader.provider or options.get("provider")
    if reader.refusals:
        raise Refusal(reader.refusals)
    return reader.declaration(options)


def finds_a_prompt(shape, request: dict) -> bool:
    rows = {r for r, rule in shape.rows.items() if rule[0] == "prompt" and rule[1] in ("messages", "items", "raw", "templated")}
    return any(row in request or shape.snake and snake(row) in request for row in rows)


def depths(pointers: list) -> list:
    """How deep refusals lie: the reading whose refusals lie deepest went furthest, and says what is wrong."""
    return [-p.count("/") for p in sorted(set(pointers), key=lambda p: p.count("/"))]


def declare(body: dict, options: dict) -> dict:
    """The declaration, or Refusal with all pointers."""
    if depth(body) > LEVELS:
        raise Refusal([""])
    request, at, left = open_envelope(body)
    tried = {options["format"]: FORMATS[options["format"]]} if "format" in options else FORMATS
    tried = {n: shape for n, shape in tried.items() if left is None or n in left} or tried
    names = list(tried)
    if len(names) > 1:
        names = [n for n, shape in tried.items() if all(knows(shape, m) for m in request)]
        names = names or [n for n, shape in tried.items() if finds_a_prompt(shape, request)]
    if not names:
        raise Refusal([at, *(f"{at}/{escape(m)}" for m in request)])
    found, refused = {}, []
    for name in names:
        try:
            declaration = read(name, request, at, options)
            found[jcs(declaration)] = declaration
        except Refusal as refusal:
            refused.append(refusal.args[0])
    if len(found) > 1:
        raise Refusal([at])
    if not found:
        best = min(map(depths, refused))
        raise Refusal([p for pointers in refused if depths(pointers) == best for p in pointers])
    return next(iter(found.values()))


def parse(text: str) -> dict:
    def unique(pairs):
        names = [n for n, _ in pairs]
        assert len(names) == len(set(names)), f"a member stands twice: {names}"
        return dict(pairs)

    return json.loads(text, object_pairs_hook=unique)
