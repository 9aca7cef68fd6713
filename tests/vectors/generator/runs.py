"""runs.json: run identity, docs/protocol.md, section 2."""

import base64
import copy
import json

from . import common
from .common import jcs, prefixed, sha256

TYPE = "selfsame/run-declaration/v1"
ELEMENTS = ["model", "prompt", "parameters", "context", "constraints"]
DIGEST = "sha256:" + "ab" * 32
BASE = {
    "type": TYPE,
    "model": {"provider": "example", "name": "clerk", "revision": "clerk-2026-03-08", "assurance": "provider-asserted"},
    "prompt": {
        "messages": [{"role": "user", "parts": [{"type": "text", "content": {"inline": "Why was it declined?"}}]}]
    },
    "parameters": {"temperature": 0.2, "seed": "42"},
    "context": {"none": True},
    "constraints": {"response_format": "json"},
}
CONTENT = ("prompt", "messages", 0, "parts", 0, "content")


def commitment(salt: bytes, value) -> str:
    encoded = base64.urlsafe_b64encode(salt).decode().rstrip("=")
    return prefixed(sha256(jcs({"salt": encoded, "value": value})))


def changed(*steps: tuple) -> dict:
    """The base declaration with members set at paths; `...` removes."""
    out = copy.deepcopy(BASE)
    for path, value in steps:
        at = out
        for step in path[:-1]:
            at = at[step]
        if value is ...:
            del at[path[-1]]
        else:
            at[path[-1]] = value
    return out


def accepted() -> list[tuple[str, dict]]:
    by_digest = {"media_type": "text/plain", "size": "3", "digest": prefixed(sha256(b"abc"))}
    return [
        ("base", BASE),
        ("another revision", changed((("model", "revision"), "clerk-2026-03-09"))),
        ("weights that are known", changed((("model", "assurance"), "weights-digest"), (("model", "digest"), DIGEST))),
        ("a space more in the prompt", changed(((*CONTENT, "inline"), "Why was it declined? "))),
        ("a prompt outside ASCII, precomposed", changed(((*CONTENT, "inline"), "Gr\u00f6\u00dfe \U0001f600"))),
        ("the same prompt, decomposed: text is not normalised",
         changed(((*CONTENT, "inline"), "Gro\u0308\u00dfe \U0001f600"))),
        ("a prompt by digest", changed((CONTENT, by_digest))),
        ("a prompt by digest with its place", changed((CONTENT, by_digest | {"uri": "https://example.org/a"}))),
        ("a private prompt", changed((CONTENT, {"commitment": commitment(bytes([1]) * 16, "Why was it declined?")}))),
        ("the same private prompt under another salt",
         changed((CONTENT, {"commitment": commitment(bytes([2]) * 16, "Why was it declined?")}))),
        ("a prompt of the largest inline size", changed(((*CONTENT, "inline"), "x" * 8190))),
        ("inline content that is not text", changed(((*CONTENT, "inline"), {"b": [1, 2.5], "a": True}))),
        ("two messages, a name and an id", changed((("prompt", "messages"), [
            {"role": "system", "parts": [{"type": "text", "content": {"inline": "Be brief."}}]},
            {"role": "user", "name": "ann", "parts": [
                {"type": "text", "content": {"inline": "a"}},
                {"type": "tool_call", "id": "1", "name": "search", "content": {"inline": {"q": "b"}}}]}]))),
        ("all messages by digest", changed((("prompt", "messages"), by_digest))),
        ("all messages committed", changed((("prompt", "messages"), {"commitment": DIGEST}))),
        ("a message that says nothing", changed((("prompt", "messages", 0, "parts"), []))),
        ("options of a message and of a part", changed(
            (("prompt", "messages", 0, "options"), {"inline": {"prefix": True}}),
            (("prompt", "messages", 0, "parts", 0, "options"), by_digest))),
        ("null and empty values inside inline content",
         changed(((*CONTENT, "inline"), {"a": None, "b": [], "c": {}, "uri": "x:y", "inline": [None]}))),
        ("null and empty values in a constraint that is content",
         changed((("constraints", "tools"), {"inline": [{"enum": ["open", None], "properties": {}}]}))),
        ("another temperature", changed((("parameters", "temperature"), 0.3))),
        ("no parameters", changed((("parameters",), {"none": True}))),
        ("numbers of every form",
         changed((("parameters",), {"a": 1, "b": 0.1, "c": 1e-7, "d": 1e21, "e": -5e-324, "f": 9007199254740991}))),
        ("a repeat that is to be distinct", changed((("context",), {"instance": "2"}))),
        ("documents by digest", changed((("context",), {"documents": [by_digest | {"uri": "https://example.org/a"}]}))),
        ("another constraint", changed((("constraints", "response_format"), "text"))),
        ("two elements at once",
         changed((("context",), {"instance": "2"}), (("constraints",), {"none": True}))),
        ("all five elements", changed(
            (("model", "name"), "scribe"), ((*CONTENT, "inline"), "Other"), (("parameters",), {"top_p": 1}),
            (("context",), {"instance": "3"}), (("constraints",), {"none": True}))),
    ]  # fmt: skip


def layouts() -> list[tuple[str, str]]:
    """Other spellings of the base declaration: all of them have its identity."""
    reverse = lambda v: (
        {k: reverse(v[k]) for k in reversed(v)} if isinstance(v, dict) else [reverse(i) for i in v] if isinstance(v, list) else v
    )
    plain = json.dumps(BASE)
    return [
        ("compact", json.dumps(BASE, separators=(",", ":"))),
        ("indented", json.dumps(BASE, indent="\t")),
        ("members in the other order", json.dumps(reverse(BASE))),
        ("members sorted", json.dumps(BASE, sort_keys=True)),
        ("the temperature as 2e-1", plain.replace("0.2", "2e-1")),
        ("the temperature as 0.20", plain.replace("0.2", "0.20")),
        ("escapes", plain.replace("Why", "\\u0057h\\u0079").replace('"seed"', '"\\u0073eed"')),
    ]


def refused() -> list[tuple]:
    long = {"inline": "x" * 8191}
    out = [(f"no {e}", changed(((e,), ...)), "MISSING_MEMBER", f"/{e}") for e in ELEMENTS]
    out += [(f"{e} is a text", changed(((e,), "x")), "WRONG_TYPE", f"/{e}") for e in ELEMENTS]
    out += [
        ("no type", changed((("type",), ...)), "MISSING_MEMBER", "/type"),
        ("another type", changed((("type",), "selfsame/run-declaration/v2")), "WRONG_TYPE", "/type"),
        ("a sixth element", changed((("output",), "x")), "UNKNOWN_MEMBER", "/output"),
        ("a sixth element whose name needs escapes", changed((("a/b~c",), "x")), "UNKNOWN_MEMBER", "/a~1b~0c"),
        ("a time beside the elements", changed((("timestamp",), "2026-03-08T00:00:00.000Z")), "UNKNOWN_MEMBER", "/timestamp"),
        ("an unknown member of the model", changed((("model", "region"), "eu")), "UNKNOWN_MEMBER", "/model/region"),
        ("a model without revision", changed((("model", "revision"), ...)), "MISSING_MEMBER", "/model/revision"),
        ("an empty revision", changed((("model", "revision"), "")), "WRONG_TYPE", "/model/revision"),
        ("a revision that is a number", changed((("model", "revision"), 1)), "WRONG_TYPE", "/model/revision"),
        ("an unknown assurance", changed((("model", "assurance"), "trust-me")), "WRONG_TYPE", "/model/assurance"),
        ("weights without digest", changed((("model", "assurance"), "weights-digest")), "MISSING_DIGEST", "/model/digest"),
        ("a weights digest in capitals", changed((("model", "assurance"), "weights-digest"),
         (("model", "digest"), DIGEST.upper())), "WRONG_TYPE", "/model/digest"),
        ("an asserted model with a digest", changed((("model", "digest"), DIGEST)), "UNKNOWN_MEMBER", "/model/digest"),
        ("messages that are no list", changed((("prompt", "messages"), {"role": "user"})), "WRONG_TYPE", "/prompt/messages"),
        ("a message without role", changed((("prompt", "messages", 0, "role"), ...)), "MISSING_MEMBER",
         "/prompt/messages/0/role"),
        ("a message with an unknown member", changed((("prompt", "messages", 0, "x/y"), 1)), "UNKNOWN_MEMBER",
         "/prompt/messages/0/x~1y"),
        ("a part without type", changed((("prompt", "messages", 0, "parts", 0, "type"), ...)), "MISSING_MEMBER",
         "/prompt/messages/0/parts/0/type"),
        ("content that is a text", changed((CONTENT, "x")), "WRONG_TYPE", "/prompt/messages/0/parts/0/content"),
        ("inline content that is too long", changed((CONTENT, long)), "TOO_LARGE",
         "/prompt/messages/0/parts/0/content/inline"),
        ("inline content and a commitment", changed(((*CONTENT, "commitment"), DIGEST)), "UNKNOWN_MEMBER",
         "/prompt/messages/0/parts/0/content/commitment"),
        ("a commitment with its place", changed((CONTENT, {"commitment": DIGEST, "uri": "x:y"})), "UNKNOWN_MEMBER",
         "/prompt/messages/0/parts/0/content/uri"),
        ("a commitment that is no digest", changed((CONTENT, {"commitment": "ab"})), "WRONG_TYPE",
         "/prompt/messages/0/parts/0/content/commitment"),
        ("external content without digest", changed((CONTENT, {"uri": "https://example.org/a"})), "MISSING_DIGEST",
         "/prompt/messages/0/parts/0/content/digest"),
        ("external context without digest", changed((("context",), {"index": {"uri": "https://example.org/a"}})),
         "MISSING_DIGEST", "/context/index/digest"),
        ("external context without digest, deeper",
         changed((("constraints",), {"tools": [{"spec": {"uri": "https://example.org/a"}}]})),
         "MISSING_DIGEST", "/constraints/tools/0/spec/digest"),
        ("inline messages", changed((("prompt", "messages"), {"inline": []})), "WRONG_TYPE", "/prompt/messages"),
        ("options that are no content", changed((("prompt", "messages", 0, "options"), {"prefix": True})),
         "MISSING_MEMBER", "/prompt/messages/0/options/media_type"),
        ("null beside inline content", changed((("constraints", "a"), None), (("constraints", "tools"), {"inline": None})),
         "NULL_MEMBER", "/constraints/a"),
        ("parts that say nothing outside of messages", changed((("parameters", "parts"), [])), "EMPTY_CONTAINER",
         "/parameters/parts"),
        ("a size as number", changed((CONTENT, {"media_type": "a/b", "size": 3, "digest": DIGEST})), "WRONG_TYPE",
         "/prompt/messages/0/parts/0/content/size"),
        ("a size with a leading zero", changed((CONTENT, {"media_type": "a/b", "size": "03", "digest": DIGEST})),
         "WRONG_TYPE", "/prompt/messages/0/parts/0/content/size"),
        ("a message's name that is a number", changed((("prompt", "messages", 0, "name"), 1)), "WRONG_TYPE",
         "/prompt/messages/0/name"),
        ("a part's id that is a number", changed((("prompt", "messages", 0, "parts", 0, "id"), 1)), "WRONG_TYPE",
         "/prompt/messages/0/parts/0/id"),
        ("a part's name that is a flag", changed((("prompt", "messages", 0, "parts", 0, "name"), True)), "WRONG_TYPE",
         "/prompt/messages/0/parts/0/name"),
        ("a place that is no text", changed((CONTENT, {"media_type": "a/b", "size": "3", "digest": DIGEST, "uri": 1})),
         "WRONG_TYPE", "/prompt/messages/0/parts/0/content/uri"),
        ("none with something", changed((("context",), {"none": True, "a": 1})), "WRONG_TYPE", "/context/none"),
        ("none that is false", changed((("context",), {"none": False})), "WRONG_TYPE", "/context/none"),
        ("null", changed((("parameters", "seed"), None)), "NULL_MEMBER", "/parameters/seed"),
        ("an empty list", changed((("parameters", "stop_sequences"), [])), "EMPTY_CONTAINER", "/parameters/stop_sequences"),
        ("an empty element", changed((("context",), {})), "EMPTY_CONTAINER", "/context"),
        ("an unsafe integer", changed((("parameters", "seed"), 2**53)), "UNSAFE_INTEGER", "/parameters/seed"),
    ]  # fmt: skip
    return out


def identity(declaration: dict) -> tuple[dict, bytes]:
    elements = {e: prefixed(sha256(jcs(declaration[e]))) for e in ELEMENTS}
    return elements, jcs({"type": TYPE, **elements})


def escape(step) -> str:
    return str(step).replace("~", "~0").replace("/", "~1")


def differences(a, b, pointer: str = "") -> list[str]:
    """Pointers to the leaves in which two documents differ, members in order of their names."""
    if a == b and type(a) is type(b):
        return []
    if isinstance(a, dict) and isinstance(b, dict):
        out = []
        for name in sorted(a.keys() | b.keys()):
            at = f"{pointer}/{escape(name)}"
            out += differences(a[name], b[name], at) if name in a and name in b else [at]
        return out
    if isinstance(a, list) and isinstance(b, list):
        out = []
        for index in range(max(len(a), len(b))):
            at = f"{pointer}/{index}"
            out += differences(a[index], b[index], at) if index < min(len(a), len(b)) else [at]
        return out
    return [pointer]


def build() -> dict:
    good, ids = [], {}
    declarations = dict(accepted())
    for name, declaration in declarations.items():
        elements, outer = identity(declaration)
        ids[name] = prefixed(sha256(outer))
        good.append({
            "name": name, "declaration": declaration, "canonical_sha256": sha256(jcs(declaration)).hex(),
            "elements": elements, "outer": outer.decode(), "run_id": ids[name],
        })  # fmt: skip
    assert len(set(ids.values())) == len(ids)
    node = common.node_canonical([json.dumps(d) for d in declarations.values()])
    assert node is None or node == [jcs(d).hex() for d in declarations.values()]
    spellings = []
    for name, text in layouts():
        assert prefixed(sha256(identity(json.loads(text))[1])) == ids["base"]
        spellings.append({"name": name, "declaration_text": text, "run_id": ids["base"]})
    comparisons = []
    for name in declarations:
        a, b = declarations["base"], declarations[name]
        comparisons.append({
            "a": "base", "b": name, "elements": [e for e in ELEMENTS if jcs(a[e]) != jcs(b[e])],
            "differences": differences(a, b),
        })  # fmt: skip
    first, second = ("a prompt outside ASCII, precomposed", "the same prompt, decomposed: text is not normalised")
    comparisons.append({"a": first, "b": second, "elements": ["prompt"],
                        "differences": differences(declarations[first], declarations[second])})  # fmt: skip
    secrets = [
        (bytes(16), "Why was it declined?"),
        (bytes([255]) * 16, "Why was it declined?"),
        (bytes(range(16)), "Gr\u00f6\u00dfe"),
        (bytes(range(16)), {"b": 1, "a": [0.5, True]}),
        (bytes(range(16)), ""),
    ]
    return {
        "declarations": good,
        "layouts": spellings,
        "comparisons": comparisons,
        "refused": [
            {"name": name, "declaration_text": json.dumps(d), "code": code, "pointer": pointer}
            for name, d, code, pointer in refused()
        ],
        "commitments": [
            {"salt_hex": salt.hex(), "value": value, "commitment": commitment(salt, value)} for salt, value in secrets
        ],
    }
