"""What a file is: docs/protocol.md, section 16.10 and the first steps of sections 17 and 18.2."""
import io
import json
import re

from . import bundle, small, statement
from .base import BadJson, DOCUMENT, Refused, need, read, undecided

STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
SPACE = re.compile(r"[ \t\n\r]*")


def shown(text):
    """The outermost members of what looks like an object, read as far as it goes: names, and texts or None."""
    at, found = 1, []
    while True:
        at = SPACE.match(text, at).end()
        name = STRING.match(text, at)
        if not name:
            return found
        at = SPACE.match(text, name.end()).end()
        if text[at:at + 1] != ":":
            return found + [(unquoted(name[0]), None)]
        at = SPACE.match(text, at + 1).end()
        value = STRING.match(text, at)
        found.append((unquoted(name[0]), unquoted(value[0]) if value else None))
        at = value.end() if value else at
        depth = 0
        while at < len(text):
            inner = STRING.match(text, at)
            if inner:
                at = inner.end()
                continue
            sign = text[at]
            if depth == 0 and sign in ",}]":
                break
            depth += (sign in "[{") - (sign in "]}")
            at += 1
        if text[at:at + 1] != ",":
            return found
        at += 1


def unquoted(text):
    try:
        return json.loads(text, strict=False)
    except ValueError:
        return None


def kind_of(data):
    text = data.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\n\f\r").decode(errors="replace")
    if text.startswith("{"):
        members = shown(text)
        first, texts = (members or [("", None)])[0][0], {}
        for name, value in members:
            texts.setdefault(name, value)

        def ours(name):
            return isinstance(texts.get(name), str) and texts[name].startswith("selfsame/")

        if first == "bundle" or ours("bundle"):
            return "bundle"
        if first == "equivocation" or ours("equivocation"):
            return "evidence"
        if first == "new" or ours("pair"):
            return "pair"
        if texts.keys() & {"identity", "statement", "record_type"}:
            return "statement"
        return None
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    if lines[0].startswith("c2sp.org/tlog-proof@v"):
        return "receipt"
    if len(lines) > 1 and lines[1].startswith("substrate "):
        return "holder"
    if len(lines) > 2 and re.fullmatch("[A-Za-z0-9+/=]{44}", lines[2]):
        return "checkpoint"
    if any(re.search("^\u2014 .* [A-Za-z0-9+/=]{40,}$", line) for line in lines):
        return "checkpoint"
    return None


VERSIONS = {"evidence": ("equivocation", "selfsame/equivocation/v", "1"), "pair": ("pair", "selfsame/checkpoint-pair/v", "1")}


def verify(data, reader):
    """Verifies the bytes of a file; gives its kind and what was found."""
    kind = kind_of(data)
    if kind is None:
        undecided("FILE_KIND", "of no known kind")
    if kind == "bundle":
        return kind, bundle.verify(io.BytesIO(data), reader)
    need(len(data) <= DOCUMENT, "FILE_LENGTH", "too long")
    if kind == "statement":
        try:
            value = read(data)
        except BadJson as error:
            raise Refused("FILE_KIND", error, altered=False) from None
        return kind, statement.verify(value, reader)
    if kind in VERSIONS:
        member, prefix, version = VERSIONS[kind]
        value = dict(reversed(shown(data.decode(errors="replace").lstrip("\ufeff \t\n\f\r")))).get(member)
        number = value[len(prefix):] if isinstance(value, str) and value.startswith(prefix) else version
        if re.fullmatch("0|[1-9][0-9]*", number) and number != version:
            undecided("UNSUPPORTED_VERSION", value)
    return kind, getattr(small, "verify_" + kind)(data, reader)
