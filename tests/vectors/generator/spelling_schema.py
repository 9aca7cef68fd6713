"""The types of docs/protocol.md, sections 1, 2.3, 6, 8 to 10, 12 to 14 and 17, as data: what each member may be.

A type says whether a value is of it (`holds`) and gives a value that is (`sample`). Written from the page alone.
"""

import datetime
import re

from .common import jcs, prefixed, sha256
from .p104 import public

BLANKS = (None, [], {})


class Type:
    """A type by a test, with a value that passes it; `draw` makes one from a number."""

    def __init__(self, test, draw):
        self.test, self.draw = test, draw

    def holds(self, value) -> bool:
        return self.test(value)

    def sample(self, source):
        return self.draw(source)


class Source:
    """Numbers one after the other, and whether optional members stand."""

    def __init__(self, full: bool, variants: dict | None = None):
        self.number, self.full, self.variants = 0, full, variants or {}

    def next(self) -> int:
        self.number += 1
        return self.number


def matches(pattern: str, draw) -> Type:
    form = re.compile(pattern)
    return Type(lambda v: isinstance(v, str) and form.fullmatch(v) is not None, draw)


def whole(most: int) -> Type:
    return Type(lambda v: type(v) is int and 0 <= v <= most, lambda s: s.next() % (most + 1))


def is_time(value) -> bool:
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", value):
        return False
    try:
        datetime.datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.%fZ")
    except ValueError:
        return False
    return "1970-01-01T00:00:00.000Z" <= value <= "9999-12-30T21:59:59.999Z"


def is_counter(value) -> bool:
    return isinstance(value, str) and re.fullmatch(r"0|[1-9][0-9]*", value) is not None and int(value) < 1 << 64


def cut(most: int) -> Type:
    test = lambda v: isinstance(v, str) and (len(v) <= most or (len(v) == most + 1 and v[-1] == "…"))  # noqa: E731
    return Type(test, lambda s: ["short", "é" * most, "é" * most + "…"][s.next() % 3])


NAME = matches(r"[A-Za-z0-9._:/-]{1,128}", lambda s: f"name-{s.next()}")
UUID = matches(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", lambda s: f"00000000-0000-4000-8000-{s.next():012x}")
DIGEST = matches(r"sha256:[0-9a-f]{64}", lambda s: prefixed(sha256(b"%d" % s.next())))
KEY = matches(r"ed25519:[0-9a-f]{64}", lambda s: "ed25519:" + public(s.next() % 250 + 1).hex())
SIGNATURE = matches(r"[0-9a-f]{128}", lambda s: f"{s.next():0128x}")
CYCLE_ID = matches(r"(migration/)?[A-Za-z0-9._:/-]{1,128}", lambda s: f"migration/{'m' * 128}")
TIME = Type(is_time, lambda s: f"2026-03-08T00:00:{s.next() % 60:02d}.000Z")
COUNTER = Type(is_counter, lambda s: str(s.next()))
BITS = whole(256)
NUMBER = whole((1 << 53) - 1)
BOOL = Type(lambda v: isinstance(v, bool), lambda s: s.next() % 2 == 0)
TEXT = Type(lambda v: isinstance(v, str), lambda s: f"in words, {s.next()}: \u0000 \u20ac")
REASON = Type(lambda v: isinstance(v, str) and len(v.encode()) <= 4096, lambda s: "as agreed")
ANY = Type(lambda v: True, lambda s: {"any": [s.next(), None, {}]})
SOME = Type(lambda v: v is not None, lambda s: [s.next()])


class OneOf(Type):
    def __init__(self, *texts):
        super().__init__(lambda v: isinstance(v, str) and v in texts, lambda s: texts[s.next() % len(texts)])


class Or(Type):
    """A type, or `null`."""

    def __init__(self, inner):
        super().__init__(lambda v: v is None or inner.holds(v), lambda s: inner.sample(s) if s.full else None)


class List(Type):
    def __init__(self, inner, least: int = 0):
        test = lambda v: isinstance(v, list) and len(v) >= least and all(map(inner.holds, v))  # noqa: E731
        super().__init__(test, lambda s: [inner.sample(s) for _ in range(2 if s.full else least)])


class Map(Type):
    """Members of any names and any JSON."""

    def __init__(self):
        super().__init__(lambda v: isinstance(v, dict), lambda s: {"any name\n": s.next()} if s.full else {})


class Object(Type):
    """Exactly these members; `?` after a name: left out when there is nothing to say."""

    def __init__(self, **members):
        self.members = members

    def holds(self, value) -> bool:
        if not isinstance(value, dict):
            return False
        names = {name.removesuffix("?"): (name.endswith("?"), inner) for name, inner in self.members.items()}
        if any(name not in names for name in value):
            return False
        for name, (optional, inner) in names.items():
            if name not in value:
                if not optional:
                    return False
            elif optional and inner is not SOME and any(value[name] is b or value[name] == b for b in BLANKS):
                return False
            elif not inner.holds(value[name]):
                return False
        return not (value.get("recovery_count") == "0" and "recovery_count?" in self.members)

    def sample(self, source):
        return {
            name.removesuffix("?"): inner.sample(source)
            for name, inner in self.members.items()
            if source.full or not name.endswith("?")
        }


class Tagged(Type):
    """One of several structures, named by a tag."""

    def __init__(self, tag: str, **variants):
        self.tag, self.variants = tag, variants

    def holds(self, value) -> bool:
        if not isinstance(value, dict) or not isinstance(value.get(self.tag), str):
            return False
        inner = self.variants.get(value[self.tag])
        return inner is not None and inner.holds({k: v for k, v in value.items() if k != self.tag})

    def sample(self, source):
        """The variant that the source asks for, or the first."""
        asked = source.variants.get(self.tag)
        name = asked if asked in self.variants else next(iter(self.variants))
        return {self.tag: name, **self.variants[name].sample(source)}


def o(members: dict) -> Object:
    return Object(**members)


def names(text: str, inner) -> dict:
    return {name: inner for name in text.split()}


OUTCOME = OneOf("VERIFIED", "INSUFFICIENT_DEPTH", "DRIFT_EXCEEDED", "HASH_MISMATCH")
LEDGER = OneOf("evidence", "reasoning")
TECHNOLOGY = OneOf("software")
KIND_OF_KEY = OneOf("root", "operator")
STATUS = OneOf("succeeded", "failed", "cancelled")
ELEMENT = OneOf("model", "prompt", "parameters", "context", "constraints")
DIGESTS = List(DIGEST)
NAMES = List(NAME)
ANCHOR = Object(root=DIGEST, size=COUNTER)
ATTESTATION = Object(chip=KEY, signature=SIGNATURE, technology=TECHNOLOGY)
OUTPUTS = List(Object(digest=DIGEST, media_type=TEXT, size=COUNTER))
GOALVECTOR = o({"goalvector_id": NAME, "outcome": ANY, "evidence?": DIGESTS, "runs?": DIGESTS})
AMENDMENT = o({"founding_tension_hash": DIGEST, "reason": TEXT, "set?": Map(), "remove?": List(TEXT), "founding?": SOME})


def thresholds(tolerance: Type) -> Object:
    return Object(drift_tolerance=tolerance, migration_attestation=BOOL, minimum_lineage_depth=COUNTER,
                  verification_window_ms=COUNTER)  # fmt: skip


def finding(words: Type) -> Object:
    return o({
        "outcome": OUTCOME, "check": words, "at?": Object(index=COUNTER, ledger=LEDGER), "expected": words, "found": words,
        "drift": BITS, "lineage_depth": COUNTER, "recomputed?": DIGEST, "entries_checked": COUNTER,
    })  # fmt: skip


CONSTITUTION = o({
    "founding_tension_hash": DIGEST, "schema_version": NAME, "parameters": Map(), "thresholds": thresholds(BITS),
    "amendment_head": Or(DIGEST), "amendments": COUNTER, "chip": Or(DIGEST), "recovery_count?": COUNTER,
})  # fmt: skip


def is_founding(value) -> bool:
    if not isinstance(value, dict):
        return False
    a, b = value.get("branch_a"), value.get("branch_b")
    filled = isinstance(a, dict) and isinstance(b, dict) and bool(a) and bool(b)
    return filled and jcs(a) != jcs(b)


FOUNDING = Type(is_founding, lambda s: {"branch_a": {"claim": "A"}, "branch_b": {"claim": ["not", s.next()]}, "more": None})


def is_share(value) -> bool:
    found = re.fullmatch(r"(0|[1-9][0-9]*)/(0|[1-9][0-9]*)", value) if isinstance(value, str) else None
    if found is None:
        return False
    a, b = map(int, found.groups())
    return a < b <= 1000 and 2 * a >= b


SHARE = Type(is_share, lambda s: f"{500 + s.next() % 400}/1000")
RULES = Object(**names("ordinary constitutional cosigning", SHARE), vetoes=NAMES,
               **names("ballot_entries ballot_ms objection_ms", COUNTER))  # fmt: skip
PUBLISHER = Object(log_key=KEY, organisation=NAME)
CLUSTER = Object(revision=COUNTER, organisations=NAMES, rules=RULES, publisher=Or(PUBLISHER), recovery_count=COUNTER)

PROPOSAL = Tagged(
    "action",
    force_seal=Object(substrate_id=UUID, migration_id=NAME, destination=DIGEST, reason=REASON),
    retire_chip=Object(chip=DIGEST, reason=REASON),
    add_organisation=Object(name=NAME, root_key=KEY, operator_key=KEY),
    remove_organisation=Object(name=NAME, reason=REASON),
    rotate_key=Object(organisation=NAME, key=KIND_OF_KEY, new=KEY, reason=REASON),
    change_rules=Object(rules=RULES),
    move_publisher=Object(publisher=PUBLISHER),
    recovery=Object(reason=REASON, evidence=ANCHOR, reasoning=ANCHOR),
)

ACTION = Tagged(
    "action",
    rotate_key=o({"key": KIND_OF_KEY, "old": KEY, "new": KEY, "proposal_id?": NAME}),
    enrol_node=Object(node=COUNTER, key=KEY, cosigner=KEY),
    retire_node=Object(node=COUNTER),
    enrol_chip=Object(chip=DIGEST, key=KEY, technology=TECHNOLOGY),
    retire_chip=o({"chip": DIGEST, "proposal_id?": NAME}),
    propose=Object(proposal_id=NAME, proposal=PROPOSAL),
    vote=Object(proposal_id=NAME, ballot=DIGEST, approve=BOOL),
    conclude=Object(proposal_id=NAME),
    add_organisation=Object(organisation=NAME, root_key=KEY, operator_key=KEY, proposal_id=NAME),
    remove_organisation=Object(organisation=NAME, nodes=List(COUNTER), keys_ended=COUNTER, proposal_id=NAME),
)

STATEMENT = Object(
    record_type=TEXT, substrate_id=UUID, **names("founding_tension_hash substrate_identity_hash", DIGEST),
    **names("identity_lineage_depth evidence_ledger_depth reasoning_ledger_depth", NUMBER),
    latest_cycle_identity_hash=DIGEST, cross_session_continuity_hash=Or(DIGEST), constitutional_state_hash=DIGEST,
    governance_chip_attestation_hash=Or(DIGEST), identity_continuity_status=OUTCOME, statement_timestamp=TIME,
    statement_hash=DIGEST,
)  # fmt: skip

LIMITS = Object(**names("max_item_bytes max_items max_submission_bytes", NUMBER))
GENESIS = o({
    "cluster": TEXT, "limits": LIMITS, "origin": TEXT,
    "nodes": List(Object(cosigner=KEY, id=NUMBER, key=KEY, organisation=TEXT)),
    "organisations": List(Object(name=TEXT, operator_key=KEY, root_key=KEY)),
    "publication?": o({"publisher?": Object(log_key=KEY, organisation=TEXT), "threshold?": NUMBER}),
})  # fmt: skip
