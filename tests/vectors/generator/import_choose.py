"""Envelopes, the choice of the format, and the declaration of a body: docs/imports.md, "Which format"."""

import json

from .common import jcs
from .import_formats import FORMATS
from .import_reader import Reader, depth, escape, snake

URLS = {"/v1/chat/completions": "openai-chat", "/v1/responses": "openai-responses", "/v1/completions": "openai-completions"}
LEVELS, REACHED = 40, set()


class Refusal(Exception):
    """The pointers of all refusals; of each format where several were tried."""


def open_envelope(body: dict) -> tuple:
    """The request, where it stands, and the format that the envelope states."""
    has = lambda *names: all(n in body for n in names)
    if has("custom_id", "method", "url", "body"):
        if body["url"] not in URLS:
            raise Refusal(["/url"])
        return body["body"], "/body", URLS[body["url"]]
    if has("custom_id", "params"):
        return body["params"], "/params", "anthropic-messages"
    if has("request"):
        return body["request"], "/request", None
    if has("recordId", "modelInput"):
        return body["modelInput"], "/modelInput", None
    if has("attributes"):
        return body["attributes"], "/attributes", "otel-genai"
    return body, "", None


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


def declare(body: dict, options: dict) -> dict:
    """The declaration, or Refusal with all pointers."""
    if depth(body) > LEVELS:
        raise Refusal([""])
    request, at, stated = open_envelope(body)
    stated = options.get("format", stated)
    names = [stated] if stated else [n for n, shape in FORMATS.items() if all(knows(shape, m) for m in request)]
    if not names:  # every member that one of the nearest tables does not have
        unknown = [[m for m in request if not knows(shape, m)] for shape in FORMATS.values()]
        nearest = [u for u in unknown if len(u) == min(map(len, unknown))]
        raise Refusal([f"{at}/{escape(m)}" for m in dict.fromkeys(m for u in nearest for m in u)])
    found, pointers = {}, []
    for name in names:
        try:
            declaration = read(name, request, at, options)
            found[jcs(declaration)] = declaration
        except Refusal as refusal:
            pointers += refusal.args[0]
    if len(found) > 1:
        raise Refusal([at])
    if not found:
        raise Refusal(pointers)
    return next(iter(found.values()))


def parse(text: str) -> dict:
    def unique(pairs):
        names = [n for n, _ in pairs]
        assert len(names) == len(set(names)), f"a member stands twice: {names}"
        return dict(pairs)

    return json.loads(text, object_pairs_hook=unique)
