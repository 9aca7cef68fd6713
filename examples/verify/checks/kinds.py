"""What a file is: docs/protocol.md, section 16.11 and the first steps of sections 17 and 18.2."""
import io
import json
import re

from . import bundle, small, statement
from .base import BadJson, Refused, read, undecided

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
            return found
        at = SPACE.match(text, at + 1).end()
        value = STRING.match(text, at)
        found.append((unquoted(name[0]), unquoted(value[0]) if value else None))
        at, depth = SPACE.match(text, value.end()).end() if value else at, 0
        while not value and at < len(text):
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


def bare(data):
    """The text of a file without what may stand in front."""
    return data.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\n\f\r").decode(errors="replace")


def ours(texts, name):
    return isinstance(texts.get(name), str) and texts[name].startswith("selfsame/")


def kind_of(data):
    text = bare(data)
    if text.startswith("{"):
        members = shown(text)
        first, texts = (members or [("", None)])[0][0], {}
        for name, value in members:
            texts.setdefault(name, value)
        if first == "bundle" or ours(texts, "bundle"):
            return "bundle"
        if first == "equivocation" or ours(texts, "equivocation"):
            return "evidence"
        if first == "new" or ours(texts, "pair"):
            return "pair"
        if first in ("checkpoints", "proof", "statement") or ours(texts, "identity") or isinstance(texts.get("statement_hash"), str) or (
                texts.get("record_type") == "identity_statement"):
            return "statement"
        return None
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    if lines[0].startswith("c2sp.org/tlog-proof@v"):
        return "receipt"
    if len(lines) > 1 and lines[1].startswith("substrate "):
        return "holder"
    if lines[0].endswith("/subject") and len(lines) > 1 and lines[1].startswith("genesis "):
        return None
    if len(lines) > 2 and re.fullmatch("[A-Za-z0-9+/=]{44}", lines[2]):
        return "checkpoint"
    if any(re.search("^\u2014 .* [A-Za-z0-9+/=]{40,}$", line) for line in lines):
        return "checkpoint"
    return None


VERSIONS = {"evidence": ("equivocation", "selfsame/equivocation/v", "1"), "pair": ("pair", "selfsame/checkpoint-pair/v", "1"),
            "statement": ("identity", "selfsame/identity-proof/v", "2")}


def version(kind, data):
    """A file of another version is said to be that, before anything else is looked at."""
    text = bare(data)
    if kind == "receipt":
        first = text.split("\n")[0].removesuffix("\r").removeprefix("c2sp.org/tlog-proof@v")
        if re.fullmatch("[1-9][0-9]*", first) and first != "1":
            undecided("UNSUPPORTED_VERSION", first)
        return
    if data.startswith(b'{"bundle":'):
        bundle.type_of(data[:data.find(b"\n") + 1])
    members = shown(text)
    texts = {}
    for name, value in members:
        texts.setdefault(name, value)
    if kind == "bundle":
        text = texts.get("bundle")
        another = isinstance(text, str) and bundle.another_version(text)
    else:
        member, prefix, known = VERSIONS[kind]
        text = texts.get(member)
        number = text[len(prefix):] if isinstance(text, str) and text.startswith(prefix) else known
        another = (re.fullmatch("[1-9][0-9]*", number) and number != known) or (
            kind == "statement" and members[0][0] in ("proof", "statement") and not ours(texts, "identity"))
    if another:
        undecided("UNSUPPORTED_VERSION", text)


def verify(data, reader):
    """Verifies the bytes of a file; gives its kind and what was found."""
    kind = kind_of(data)
    if kind is None:
        undecided("FILE_KIND", "of no known kind")
    if kind in VERSIONS or kind in ("bundle", "receipt"):
        version(kind, data)
    if kind == "bundle":
        return kind, bundle.verify(io.BytesIO(data), reader)
    if kind == "statement":
        try:
            value = read(data)
        except BadJson as error:
            raise Refused("STATEMENT_FORM", error) from None
        return kind, statement.verify(value, reader)
    return kind, getattr(small, "verify_" + kind)(data, reader)
