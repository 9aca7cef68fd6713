"""Declarations of runs: docs/protocol.md, section 5."""
import re

from .base import jcs, name_of, need, sha
from .forms import ELEMENTS, FORMS, NAME

TYPE = "selfsame/run-declaration/v1"
CONTENT = {"uri", "inline", "commitment"}


def wrong(place, what):
    need(False, "DECLARATION", f"{place}: {what}")


def only(value, names, place):
    if not isinstance(value, dict):
        wrong(place, "no object")
    for name in value:
        if name not in names:
            wrong(place, f"{name}: unknown member")


def text(value, name, place):
    if not (isinstance(value.get(name), str) and value[name]):
        wrong(place, f"{name}: no text")


def digest(value, place):
    if not FORMS["digest"](value):
        wrong(place, "no digest")


def content(value, place):
    if not isinstance(value, dict):
        wrong(place, "no content")
    if "inline" in value:
        only(value, ["inline"], place)
        if len(jcs(value["inline"]).encode()) > 8192:
            wrong(place, "inline content of more than 8192 bytes")
    elif "commitment" in value:
        only(value, ["commitment"], place)
        digest(value["commitment"], place)
    else:
        only(value, ["media_type", "size", "digest", "uri"], place)
        digest(value.get("digest"), place)
        text(value, "media_type", place)
        if not FORMS["counter"](value.get("size")):
            wrong(place, "size: no counter")
        if not isinstance(value.get("uri", ""), str):
            wrong(place, "uri: no text")


def free(value, place):
    """What stands in parameters, context and constraints; content where it looks like content."""
    if value is None or value == [] or value == {}:
        wrong(place, "null or empty")
    if isinstance(value, dict):
        if CONTENT & set(value):
            content(value, place)
            return
        for name, inner in value.items():
            free(inner, f"{place}/{name}")
    elif isinstance(value, list):
        for inner in value:
            free(inner, place)


def model(value, place="model"):
    only(value, ["provider", "name", "revision", "assurance", "digest"], place)
    for name in ("provider", "name", "revision"):
        text(value, name, place)
    if value.get("assurance") == "weights-digest":
        digest(value.get("digest"), place)
    elif value.get("assurance") != "provider-asserted" or "digest" in value:
        wrong(place, "assurance")


def message(value, place="message"):
    only(value, ["role", "parts", "name", "options"], place)
    text(value, "role", place)
    if not isinstance(value.get("parts"), list):
        wrong(place, "parts: no array")
    for part in value["parts"]:
        only(part, ["type", "content", "id", "name", "options"], place)
        text(part, "type", place)
        if "content" not in part:
            wrong(place, "no content")
        for name in ("id", "name"):
            if not isinstance(part.get(name, ""), str):
                wrong(place, f"{name}: no text")
        for name in ("content", "options"):
            if name in part:
                content(part[name], place)
    if not isinstance(value.get("name", ""), str):
        wrong(place, "name: no text")
    if "options" in value:
        content(value["options"], place)


def prompt(value, place="prompt"):
    only(value, ["messages"], place)
    messages = value.get("messages")
    if isinstance(messages, list):
        if not messages:
            wrong(place, "no messages")
        for one in messages:
            message(one)
    else:
        content(messages, place)
        if "inline" in messages:
            wrong(place, "inline")


def valid(value):
    only(value, ["type", *ELEMENTS], "declaration")
    if value.get("type") != TYPE:
        wrong("type", "another type")
    model(value.get("model"))
    prompt(value.get("prompt"))
    for name in ELEMENTS[2:]:
        element = value.get(name)
        if not isinstance(element, dict) or not element:
            wrong(name, "no object")
        if any(not re.fullmatch(NAME, member) for member in element):
            wrong(name, "a member that is no name")
        if "none" in element:
            if element != {"none": True} or element["none"] is not True:
                wrong(name, "none stands alone")
            continue
        for member, inner in element.items():
            free(inner, f"{name}/{member}")
        if CONTENT & set(element):
            content(element, name)


def identity(value):
    """The digests of the elements, and the run id."""
    elements = {name: name_of(sha(jcs(value[name]).encode())) for name in ELEMENTS}
    return elements, name_of(sha(jcs({"type": TYPE, **elements}).encode()))
