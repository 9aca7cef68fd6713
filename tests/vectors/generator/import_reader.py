"""What docs/imports.md makes of the body of a request: a reading of its own, driven by the tables of import_tables.py.

A rule is a tuple whose first word says what becomes of the member. The reader collects every refusal as a JSON pointer
into the body, and every row that it reached.
"""

import base64
import json
import re
import urllib.parse

from .common import jcs, prefixed, sha256

TYPE = "selfsame/run-declaration/v1"
VERSION = "selfsame/import/v2"
INLINE, MESSAGES, BOUNDS = 8192, 24576, {"parameters": 8192, "constraints": 16384, "context": 4096}
TEXT_PLAIN, OCTETS = "text/plain; charset=utf-8", "application/octet-stream"
SAFE = 2**53 - 1


class Refused(Exception):
    """A value that has no reading; the pointer says where."""


def same(a, b) -> bool:
    return jcs(a) == jcs(b)


def digested(media_type: str, data: bytes) -> dict:
    return {"media_type": media_type, "size": str(len(data)), "digest": prefixed(sha256(data))}


def by_digest(value) -> dict:
    if isinstance(value, str):
        return digested(TEXT_PLAIN, value.encode())
    return digested("application/json; canonical=rfc8785", jcs(value))


def content(value) -> dict:
    return by_digest(value) if len(jcs(value)) > INLINE else {"inline": value}


def names_nothing(value) -> bool:
    return value is False or value == "" or value == [] or value == {}


def escape(name) -> str:
    return str(name).replace("~", "~0").replace("/", "~1")


def snake(name: str) -> str:
    return re.sub(r"([A-Z])", lambda m: "_" + m[1].lower(), name)


def depth(value) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


def integer(value) -> bool:
    whole = isinstance(value, int) or isinstance(value, float) and value.is_integer()
    return whole and not isinstance(value, bool)


class Reader:
    """One reading of one body as one format."""

    def __init__(self, reached: set):
        self.refusals, self.reached = [], reached
        self.elements = {"parameters": {}, "context": {}, "constraints": {}}
        self.system, self.messages, self.raw = [], [], False
        self.model, self.provider = None, None
        self.pictures, self.templated, self.stated = [], None, {}

    def refuse(self, pointer: str) -> None:
        self.refusals.append(pointer)

    def rows(self, shape, value, pointer: str, but: tuple = ()):
        """The members of an object in the order of the rows, as (row, rule, value, pointer)."""
        if not isinstance(value, dict):
            self.refuse(pointer)
            return
        left = [name for name in value if name not in but]
        for row, rule in shape.rows.items():
            if row.endswith("*"):
                found = [n for n in left if n.startswith(row[:-1])]
            else:
                found = [n for n in left if n == row or shape.snake and n == snake(row)]
            left = [n for n in left if n not in found]
            stated = [n for n in found if value[n] is not None]
            if len(stated) > 1 and not row.endswith("*"):
                self.refusals += [f"{pointer}/{escape(n)}" for n in stated]
            for name in stated[:1] if not row.endswith("*") else stated:
                at = f"{pointer}/{escape(name)}"
                self.reached.add((shape.name, row))
                if rule[0] in ("transport", "secret"):
                    continue
                if rule[0] == "refused" or rule[0] == "outside" and not names_nothing(value[name]):
                    self.refuse(at)
                    continue
                yield row, rule, value[name], at
        for name in left:
            self.refuse(f"{pointer}/{escape(name)}")

    # What a value has to be.

    def form(self, form, value, at: str):
        """The value in the form; None where it is refused."""
        kind = form if isinstance(form, str) else form[0]
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        big = integer(value) and abs(value) > SAFE
        good = {
            "text": isinstance(value, str), "number": number and not big, "whole": integer(value) and not big,
            "wide": integer(value) and -(2**63) <= value < 2**64 and (isinstance(value, int) or not big), "flag": isinstance(value, bool),
        }  # fmt: skip
        if kind in good:
            if not good[kind]:
                return self.refuse(at)
            return str(int(value)) if kind == "wide" else value
        if kind == "texts":
            value = [value] if isinstance(value, str) else value
            if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
                return self.refuse(at)
            return value
        if kind == "exact":
            return self.exact(value, at)
        if kind == "camel":
            value = self.exact(value, at)
            return None if value is None else self.camel(value, at)
        if kind == "echo":  # what client libraries give back: an empty list of it is none
            return (self.exact(value, at) or None) if isinstance(value, list) else self.refuse(at)
        if kind == "only":
            return value if value == form[1] else self.refuse(at)
        if kind == "object_or" and not isinstance(value, dict):
            return self.exact(value, at)
        if kind in ("object", "object_or"):
            return self.kept(form[1], value, at)
        if kind == "address":
            build = {}
            self.bytes(build, "address", value, at)
            return digested(build.get("media") or OCTETS, build["bytes"]) if "bytes" in build else None
        if kind == "one_tagged":
            return self.tagged(form[1], value, at)
        if not isinstance(value, list):
            return self.refuse(at)
        if kind == "objects":
            out = [self.kept(form[1], item, f"{at}/{i}") for i, item in enumerate(value)]
            return [kept for kept in out if kept is not None]
        assert kind == "tagged"
        return [self.tagged(form[1], item, f"{at}/{i}") for i, item in enumerate(value)]

    def camel(self, value, at: str):
        """Names of a protobuf form in camelCase at every level; one name in two spellings is refused."""
        if isinstance(value, list):
            return [self.camel(item, f"{at}/{i}") for i, item in enumerate(value)]
        if not isinstance(value, dict):
            return value
        out = {}
        for name in sorted(value):
            head, *rest = name.split("_")
            spelled = head + "".join(word[:1].upper() + word[1:] for word in rest)
            if spelled in out:
                self.refuse(f"{at}/{escape(name)}")
            out[spelled] = self.camel(value[name], f"{at}/{escape(name)}")
        return out

    def exact(self, value, at: str):
        """Foreign data: everything counts; integers stay within what JSON readers agree on."""
        if integer(value) and abs(value) > SAFE:
            return self.refuse(at)
        if isinstance(value, list):
            return [self.exact(item, f"{at}/{i}") for i, item in enumerate(value)]
        if isinstance(value, dict):
            return {name: self.exact(item, f"{at}/{escape(name)}") for name, item in value.items()}
        return value

    def kept(self, shape, value, at: str, but: tuple = ()):
        """The object that is kept; None where a member makes it say nothing."""
        out = {}
        for row, rule, member, where in self.rows(shape, value, at, but):
            if rule[0] == "nothing":
                return None
            out[row] = member if rule[0] == "outside" else self.form(rule[1], member, where)
        return out

    def choose(self, table, value, at: str):
        """The row of a tagged table for an object, and its tag as stated."""
        tag = value.get("type") if isinstance(value, dict) else None
        if isinstance(value, dict) and (tag is None or isinstance(tag, str)):
            for row in table:
                star = row[0].endswith("*") and tag is not None and tag.startswith(row[0][:-1])
                if star or row[0] == (tag or ""):
                    return row, tag
            self.refuse(f"{at}/type" if tag is not None else at)
        else:
            self.refuse(at)
        return None, tag

    def tagged(self, table, value, at: str):
        row, tag = self.choose(table, value, at)
        if row is None:
            return None
        stated = {} if tag is None else {"type": tag}
        return stated | self.kept(row[1], value, at, ("type",))

    # Parts.

    def text_part(self, text: str, kind: str = "text") -> dict:
        return {"type": kind, "content": content(text)}

    def parts(self, blocks, value, at: str) -> list:
        """The parts of a content: a text or a list of blocks. The empty text alone is no part."""
        if isinstance(value, str):
            return [self.text_part(value)] if value else []
        if not isinstance(value, list):
            self.refuse(at)
            return []
        out = [part for i, block in enumerate(value) if (part := self.block(blocks, block, f"{at}/{i}")) is not None]
        return [] if len(out) == 1 and same(out[0], self.text_part("")) else out

    def block(self, blocks, value, at: str):
        if blocks[0] == "plain":
            return self.part("text", blocks[1], value, at)
        row, tag = self.choose(blocks[1], value, at)
        return None if row is None else self.part(row[1] or tag, row[2], value, at, ("type",))

    def part(self, kind: str, shape, value, at: str, but: tuple = ()):
        build = {"type": kind, "options": {}, "member": {}}
        self.fill(build, shape, value, at, but)
        return self.finish(build, at)

    def finish(self, build: dict, at: str):
        if build.get("nothing"):
            return None
        if "bytes" in build:
            media = build.get("media") or OCTETS
            self.say(build, digested(media, build["bytes"]), at)
        elif build.get("media"):  # a media type of what is no bytes is said beside it
            build["options"]["media_type"] = build["media"]
        if build["member"]:
            self.say(build, content(build["member"]), at)
        if "content" not in build and not self.refusals:
            build["content"] = {"inline": [] if build["type"] == "tool_result" else {}}
        out = {"type": build["type"], "content": build.get("content")}
        out |= {n: build[n] for n in ("id", "name") if n in build}
        return out | ({"options": content(build["options"])} if build["options"] else {})

    def say(self, build: dict, value: dict, at: str) -> None:
        if "content" in build:
            self.refuse(at)
        build["content"] = value

    def fill(self, build: dict, shape, value, at: str, but: tuple = ()) -> None:
        for row, rule, member, where in self.rows(shape, value, at, but):
            self.fill_one(build, row, rule, member, where)

    def fill_one(self, build: dict, row: str, rule: tuple, value, at: str) -> None:
        word = rule[0]
        if word == "outside":
            build["options"][row] = value
        elif word == "text":
            if self.form("text", value, at) is not None:
                self.say(build, content(value), at)
        elif word == "exact":
            self.say(build, content(self.exact(value, at)), at)
        elif word == "member":
            build["member"][row] = self.form(rule[1], value, at)
        elif word == "parts":
            self.say(build, content(self.parts(rule[1], value, at)), at)
        elif word == "json":
            part = self.text_part(value) if isinstance(value, str) else {"type": "json", "content": content(self.exact(value, at))}
            self.say(build, content([] if value == "" else [part]), at)
        elif word in ("data", "address", "data_or_address"):
            self.bytes(build, word, value, at)
        elif word in ("media_type", "media_format"):
            if self.form("text", value, at) is not None:
                media = self.media(value, at) if word == "media_type" else rule[1] + value.lower()
                if build.get("media", media) != media:
                    self.refuse(at)
                build["media"] = media
        elif word in ("id", "name"):
            build[word] = self.form("text", value, at)
        elif word == "option":
            self.option(build["options"], rule, value, at)
        elif word == "within":
            if isinstance(value, str) and rule[2:]:
                self.reached.add((rule[1].name, rule[2]))
                self.fill_one(build, rule[2], rule[1].rows[rule[2]], value, at)
            else:
                self.fill(build, rule[1], value, at)
        elif word == "choice":
            chosen, _ = self.choose(rule[1], value, at)
            if chosen is not None:
                self.fill(build, chosen[2], value, at, ("type",))
        elif word == "variant":
            build["type"] = rule[1]
            self.fill(build, rule[2], value, at)
        elif word == "exact_variant":
            build["type"] = rule[1]
            self.say(build, content(self.exact(value, at)), at)
        else:
            assert word == "nothing", word
            build["nothing"] = True

    def option(self, options: dict, rule: tuple, value, at: str) -> None:
        kept = self.form(rule[2], value, at)
        if kept is not None:
            options[rule[1]] = kept

    def bytes(self, build: dict, word: str, value, at: str) -> None:
        if not isinstance(value, str):
            return self.refuse(at)
        try:
            if value[:5].lower() == "data:" and word != "data":
                media, data = self.data_url(value)
                if media and build.get("media", media) != media:
                    return self.refuse(at)
                build["media"] = media or build.get("media")
            elif word == "address":
                return self.refuse(at)
            else:
                data = self.decode(value)
        except Refused:
            return self.refuse(at)
        if "bytes" in build:
            self.refuse(at)
        build["bytes"] = data

    def media(self, value: str, at: str) -> str:
        try:
            return self.media_type(value)
        except Refused:
            self.refuse(at)
            return value

    @staticmethod
    def media_type(value: str) -> str:
        media, *parameters = [p.strip() for p in value.split(";")]
        media, kept = media.lower(), {}
        for parameter in filter(None, parameters):
            name, _, said = parameter.partition("=")
            name, said = name.strip().lower(), said.strip().strip('"').lower()
            if name == "charset":
                if said not in ("utf-8", "utf8", "us-ascii", "ascii"):
                    raise Refused
            elif media.startswith(("audio/", "video/")):
                if name in kept:
                    raise Refused
                kept[name] = said
        return ";".join([media, *(f"{name}={kept[name]}" for name in sorted(kept))])

    def data_url(self, value: str) -> tuple:
        head, comma, data = value[5:].partition(",")
        if not comma:
            raise Refused
        is_base64 = head.lower().endswith(";base64")
        media = self.media_type(head[:-7] if is_base64 else head)
        plain = urllib.parse.unquote_to_bytes(data)
        return media, self.decode(plain.decode("latin-1")) if is_base64 else plain

    @staticmethod
    def decode(value: str) -> bytes:
        text = re.sub(r"[ \t\r\n]", "", value)
        body = text.rstrip("=")
        padded = len(text) == len(body) or len(text) % 4 == 0 and len(text) - len(body) <= 2
        if not re.fullmatch(r"[A-Za-z0-9+/]*|[A-Za-z0-9_-]*", body) or len(body) % 4 == 1 or not padded:
            raise Refused
        return base64.b64decode(body.replace("-", "+").replace("_", "/") + "=" * (-len(body) % 4))

    # Messages.

    def message(self, shape, value, at: str, but: tuple = (), role: str | None = None) -> dict:
        out, parts, options, answers = {}, [], {}, None
        allowed = None
        for row, rule, member, where in self.rows(shape, value, at, but):
            word = rule[0]
            if word == "outside":
                options[row] = member
            elif word == "role":
                allowed = self.form("text", member, where)
                role = dict(rule[1]).get(allowed, allowed)
            elif word == "m_name":
                out["name"] = self.form("text", member, where)
            elif word == "m_content":
                parts += self.parts(rule[1], member, where)
            elif word == "m_text":
                if self.form("text", member, where):
                    parts.append(self.text_part(member, rule[1]))
            elif word == "m_exact":
                parts.append({"type": rule[1], "content": content(self.exact(member, where))})
            elif word == "m_one":
                parts.append(self.part(rule[1], rule[2], member, where))
            elif word == "m_parts":
                if not isinstance(member, list):
                    self.refuse(where)
                    continue
                blocks = [self.block(rule[1], b, f"{where}/{i}") for i, b in enumerate(member)]
                parts += [b for b in blocks if b is not None]
            elif word == "m_answers":
                answers = self.form("text", member, where)
            elif word == "m_pictures":
                parts += self.images(member, where)
            else:
                assert word == "m_option", word
                self.option(options, rule, member, where)
        default = next((r[2] for r in shape.rows.values() if r[0] == "role"), "required")
        if role is None and default == "user":
            role = "user"
        if role is None:
            self.refuse(f"{at}/role")
        if answers is not None:
            parts = [{"type": "tool_result", "id": answers, "content": content(parts)}]
        out |= {"role": role, "parts": parts}
        return out | ({"options": content(options)} if options else {})

    def images(self, value, at: str) -> list:
        if not isinstance(value, list):
            self.refuse(at)
            return []
        out = []
        for i, item in enumerate(value):
            build = {"type": "image", "options": {}, "member": {}}
            self.bytes(build, "data", item, f"{at}/{i}")
            out.append(self.finish(build, f"{at}/{i}"))
        return out

    def item(self, items, value, at: str) -> None:
        chosen, tag = self.choose(items, value, at)
        if chosen is None:
            return
        _, part, one_of, shape = chosen
        if part is None:
            self.messages.append(self.message(shape, value, at, ("type",)))
            return
        if one_of and all(value.get(name) is None for name in one_of):
            self.refuse(at)
        self.messages.append({"role": part[0], "parts": [self.part(part[1], shape, value, at, ("type",))]})

    def prompt(self, rule: tuple, value, at: str) -> None:
        word = rule[1]
        if word == "system":
            self.system.append({"role": "system", "parts": self.parts(rule[2], value, at)})
        elif word == "system_object":
            self.system.append(self.message(rule[2], value, at, role="system"))
        elif word == "messages":
            if not isinstance(value, list):
                return self.refuse(at)
            self.messages += [self.message(rule[2], m, f"{at}/{i}") for i, m in enumerate(value)]
        elif word == "items":
            if isinstance(value, str):
                self.messages.append({"role": "user", "parts": self.parts(None, value, at)})
            elif isinstance(value, list):
                for i, item in enumerate(value):
                    self.item(rule[2], item, f"{at}/{i}")
            else:
                self.refuse(at)
        elif word == "raw":
            self.continued(value, at)
        elif word == "templated":
            if self.form("text", value, at) is not None:
                self.templated = self.parts(None, value, at)
        else:
            assert word == "pictures", word
            self.pictures = self.images(value, at)

    def continued(self, value, at: str) -> None:
        """Text that the model continues: a text, tokens (also mixed with texts), or a list of such prompts."""
        tokens = lambda v: isinstance(v, list) and any(map(integer, v)) and all(integer(t) or isinstance(t, str) for t in v)
        alone = isinstance(value, str) or tokens(value)
        if not alone and not isinstance(value, list):
            return self.refuse(at)
        for i, one in enumerate([value] if alone else value):
            where = at if alone else f"{at}/{i}"
            if isinstance(one, str):
                parts = self.parts(None, one, where)
            elif tokens(one):
                parts = [{"type": "tokens", "content": content(self.exact(one, where))}]
            else:
                self.refuse(where)
                continue
            self.messages.append({"role": "prompt", "parts": parts})

    # The request.

    def request(self, shape, value, at: str) -> None:
        for row, rule, member, where in self.rows(shape, value, at):
            word = rule[0]
            if word == "model":
                name = self.form("text", member, where)
                if name and rule[1] == "no template" and name.startswith("arn:") and ":prompt/" in name:
                    self.refuse(where)
                self.model = name.removeprefix("models/") if name and rule[1] == "resource" else name
            elif word == "provider":
                self.state_provider(rule[1], member, where)
            elif word == "spread":
                self.request(rule[1], member, where)
            elif word == "prompt":
                self.prompt(rule, member, where)
            elif word == "outside":
                self.put("constraints", row, member, where)
            else:
                assert word == "put", word
                if row == "raw":
                    self.raw = member is True
                self.put(rule[1], rule[2] or row, self.form(rule[3], member, where), where)

    def state_provider(self, kind: str, value, at: str) -> None:
        value = self.form("text", value, at)
        if kind == "anthropic" and value is not None:
            self.put("constraints", "anthropic_version", value, at)
            value = {"bedrock": "aws.bedrock", "vertex": "gcp.vertex_ai"}.get(value.split("-")[0])
        if value is not None and self.provider not in (None, value):
            self.refusals += [*self.stated["provider"], at]
        self.stated["provider"] = [at]
        self.provider = value or self.provider

    def put(self, element: str, name: str, value, at: str) -> None:
        stated = self.stated.setdefault((element, name), [])
        stated.append(at)
        if len(stated) > 1:  # one meaning stated twice: both places are named
            self.refusals += stated
        if isinstance(value, (list, dict)):
            value = content(value)
        elif isinstance(value, str) and len(jcs(value)) > INLINE:
            value = by_digest(value)
        self.elements[element][name] = value

    def declaration(self, options: dict) -> dict:
        if self.templated is not None or self.pictures:
            parts = (self.templated or []) + self.pictures
            self.messages.append({"role": "prompt" if self.raw else "user", "parts": parts})
        messages = self.system + self.messages
        if len(jcs(messages)) > MESSAGES:
            messages = by_digest(messages)
        model = {"provider": self.provider or "unstated", "name": self.model, "assurance": "provider-asserted"}
        model["revision"] = options.get("revision", self.model)
        if "weights" in options:
            model |= {"assurance": "weights-digest", "digest": options["weights"]}
        out = {"type": TYPE, "model": model, "prompt": {"messages": messages}}
        for element, members in self.elements.items():
            if len(jcs(members)) > BOUNDS[element]:
                members = {"imported": by_digest(members)}
            if element == "context":
                members = {"importer": VERSION} | members
                members |= {"instance": options["instance"]} if "instance" in options else {}
            out[element] = members or {"none": True}
        return json.loads(jcs(out))
