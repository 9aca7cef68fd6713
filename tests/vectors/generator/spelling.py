"""spelling.json: documents in their one spelling, and what could stand at their places instead, with the verdict of the page."""

import copy

from . import ed25519
from .common import sha256
from .p104 import public
from .spelling_records import COMMANDS, ENTRY, PAYLOAD, PLACES
from .spelling_schema import ACTION, GENESIS, NAME, PROPOSAL, STATEMENT, Source

DIGEST = "sha256:" + "7" * 64
WEAK = {ed25519.compress(point).hex() for point in ed25519.torsion()}
AUTHOR = 0xC1


def documents() -> list[tuple[str, str, dict]]:
    """Name, kind and value: with everything that may be left out, and without."""
    found = []
    for full in (True, False):
        extent = "whole" if full else "bare"

        def leaf(name: str, record: str, extent=extent, full=full, **variants):
            for (subject, ledger), kinds in PLACES.items():
                if record in kinds.split():
                    where = f" in {ledger}" if record == "session_close" else ""
                    variants |= {"record_type": record, "subject": subject, "ledger": ledger}
                    found.append((f"{name}{where}, {extent}", "leaf", ENTRY.sample(Source(full, variants))))

        for record in " ".join(PLACES.values()).split():
            if record not in ("governance", "ballot_decided", "identity_propagation", "session_close"):
                leaf(record, record)
        leaf("session_close", "session_close")
        for action in ACTION.variants:
            leaf(f"the action {action}", "governance", action=action)
        for proposal in PROPOSAL.variants:
            leaf(f"{proposal} carried", "ballot_decided", action=proposal)
        for cycle in ("resolution", "migration"):
            leaf(f"a cycle of {cycle}", "identity_propagation", cycle=cycle)
        for kind, (role, _) in COMMANDS.items():
            for proposal in PROPOSAL.variants if kind == "propose" else ("",):
                payload = PAYLOAD.sample(Source(full, {"kind": kind, "action": proposal}))
                payload["author"] = {"key": "ed25519:" + public(AUTHOR).hex(), "role": role}
                found.append((f"{kind} {proposal}".strip() + f", {extent}", "payload", payload))
        statement = STATEMENT.sample(Source(full))
        found.append((f"a statement, {extent}", "statement", statement | {"record_type": "identity_statement"}))
        found.append((f"a genesis, {extent}", "genesis", genesis(full)))
    return found


def genesis(full: bool) -> dict:
    key = lambda seed: "ed25519:" + public(seed).hex()  # noqa: E731
    value = {
        "cluster": "demo",
        "origin": "ledger.example",
        "limits": {"max_item_bytes": 60000, "max_items": 1000, "max_submission_bytes": 4194304},
        "nodes": [{"id": n, "organisation": "abc"[n - 1], "key": key(n), "cosigner": key(10 + n)} for n in (1, 2, 3)],
        "organisations": [{"name": name, "root_key": key(20 + n), "operator_key": key(30 + n)} for n, name in enumerate("abc")],
    }
    if full:
        value["publication"] = {"publisher": {"organisation": "a", "log_key": key(40)}, "threshold": 2}
    return value


def registered(command: dict) -> list[str]:
    """The keys that a command would register."""
    proposal = command.get("proposal", {})
    place = {
        "rotate_key": [command.get("new")],
        "enrol_node": [command.get("key"), command.get("cosigner")],
        "enrol_chip": [command.get("chip")],
        "propose": {
            "add_organisation": [proposal.get("root_key"), proposal.get("operator_key")],
            "rotate_key": [proposal.get("new")],
            "move_publisher": [proposal.get("publisher", {}).get("log_key")],
        }.get(proposal.get("action"), []),
    }  # fmt: skip
    return place.get(command["kind"], [])


def payload_code(value) -> str | None:
    """Steps 2 and 3 of section 9."""
    if not PAYLOAD.holds(value):
        # The words of a reason are of the form of texts, and too many of them a limit.
        shorter = copy.deepcopy(value)
        try:
            shorter["command"]["proposal"]["reason"] = shorter["command"]["proposal"]["reason"][:1]
        except (KeyError, TypeError):
            return "MALFORMED"
        return "LIMIT_EXCEEDED" if PAYLOAD.holds(shorter) else "MALFORMED"
    command = value["command"]
    if value["author"]["role"] != COMMANDS[command["kind"]][0]:
        return "ROLE_DENIED"
    if "items" in command and not 1 <= len(command["items"]) <= 1000:
        return "LIMIT_EXCEEDED"
    if "thresholds" in command and command["thresholds"]["drift_tolerance"] > 256:
        return "LIMIT_EXCEEDED"
    if any(key.removeprefix("ed25519:") in WEAK for key in registered(command)):
        return "MALFORMED"
    return None


def genesis_code(value) -> str | None:
    """Exactly its members first, then what they say."""
    if not GENESIS.holds(value):
        return "GENESIS_FORM"
    nodes, organisations, publication = value["nodes"], value["organisations"], value.get("publication", {})
    named = [organisation["name"] for organisation in organisations]
    keys = [node[k] for node in nodes for k in ("key", "cosigner")] + [o[k] for o in organisations for k in ("root_key", "operator_key")]
    members = [node["organisation"] for node in nodes]
    origin = value["origin"]
    good = [
        NAME.holds(value["cluster"]),
        NAME.holds(origin) and ":" not in origin and not origin.endswith("/"),
        1 <= len(organisations) <= 32 and len(nodes) >= 1,
        all(map(NAME.holds, named)) and len(set(named)) == len(named),
        all(node["id"] >= 1 for node in nodes) and len({node["id"] for node in nodes}) == len(nodes),
        all(member in named for member in members),
        len(named) < 2 or all(members.count(name) <= len(nodes) // 2 for name in named),
    ]
    if "publisher" in publication:
        keys.append(publication["publisher"]["log_key"])
        good.append(publication["publisher"]["organisation"] in named)
    if "threshold" in publication:
        good.append(len(named) // 2 + 1 <= publication["threshold"] <= len(named))
    good.append(len(set(keys)) == len(keys))
    return None if all(good) else "GENESIS_FORM"


CODES = {
    "leaf": lambda value: None if ENTRY.holds(value) else "ENTRY_FORM",
    "payload": payload_code,
    "statement": lambda value: None if STATEMENT.holds(value) else "STATEMENT_FORM",
    "genesis": genesis_code,
}


def places(value, at: tuple = ()):
    yield at, value
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, child in children:
        yield from places(child, (*at, name))


def pointer(at: tuple) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in at)


def altered(document: dict, at: tuple, change):
    """The document with what stands above the place changed."""
    value = copy.deepcopy(document)
    above = value
    for part in at[:-1]:
        above = above[part]
    change(above, at[-1])
    return value


def instead(value) -> list:
    """What a lax reader might take for the same, and values of other forms."""
    if isinstance(value, str):
        letters = [value.upper(), value.capitalize(), " " + value, value + " ", value + "\n", value + "\u0000"]
        forms = ["", "zz", "no name", "7", "07", "-1", "18446744073709551616", DIGEST, DIGEST.upper(), "migration/", "a" * 129]
        times = ["2026-03-08T00:00:00Z", "1969-12-31T23:59:59.999Z", "2026-02-30T00:00:00.000Z"]
        return [0, 1, None, True, {value: None}, [value], {}, [], *letters, *forms, *times]
    if isinstance(value, bool):
        return [int(value), str(value).lower(), None, not value]
    if isinstance(value, int):
        return [str(value), None, [value], -1, 0, 256, 257, True]
    if value is None:
        return ["", 0, {}, [], False, DIGEST]
    if isinstance(value, list):
        return [None, {}, "", [None], [*value, {}], [*value, "zz"], []]
    return [None, [], {}, "", list(value.values())]


def chosen(name: str, at: tuple, number: int) -> bool:
    """One of thirty-one, and always the same: all together are too many for a file."""
    return sha256(f"{name} {at} {number}".encode())[0] % 31 == 0


def cases(name: str, kind: str, document: dict) -> list[dict]:
    found = []

    def case(change: dict, at: tuple, value):
        found.append({"document": name, "at": pointer(at), **change, "code": CODES[kind](value)})

    number = 0
    for at, value in places(document):
        if at:
            for other in instead(value):
                number += 1
                if other != value and chosen(name, at, number):
                    case({"put": other}, at, altered(document, at, lambda above, part, v=other: above.__setitem__(part, v)))
            if isinstance(at[-1], str) and chosen(name, at, 0):
                case({"removed": True}, at, altered(document, at, lambda above, part: above.pop(part)))
        if isinstance(value, dict):
            for more, other in (("zz", None), ("zz", 1), (" kind", "x"), ("founding", None), ("runs", []), ("set", {})):
                number += 1
                if more not in value and chosen(name, at, number):
                    where = (*at, more)
                    case({"put": other}, where, altered(document, where, lambda above, part, v=other: above.__setitem__(part, v)))
    return found


def build() -> dict:
    made = documents()
    listed, tried = [], []
    for name, kind, value in made:
        assert CODES[kind](value) is None, (name, CODES[kind](value), value)
        listed.append({"name": name, "kind": kind, "value": value})
        tried += cases(name, kind, value)
    # What was once committed by a real cluster, and what only step 3 refuses.
    by_name = {name: (kind, value) for name, kind, value in made}
    for name, at, other in [
        ("rotate_key, whole", ("author", "role"), {"root": None}),
        ("rotate_key, whole", ("command", "key"), {"operator": None}),
        ("propose add_organisation, whole", ("command", "proposal", "action"), 1),
        ("the action propose, whole", ("record", "action", "proposal", "action"), 1),
        ("the action vote, whole", ("record", "action", "action"), 6),
        ("rotate_key, whole", ("command", "new"), "ed25519:" + (1).to_bytes(32, "little").hex()),
        ("the action rotate_key, whole", ("record", "action", "new"), "ed25519:" + (1).to_bytes(32, "little").hex()),
        ("rotate_key, whole", ("author", "role"), "chip"),
        ("append, whole", ("command", "items"), []),
        ("init_substrate, whole", ("command", "thresholds", "drift_tolerance"), 257),
        ("init_substrate, whole", ("command", "founding"), None),
        ("propose recovery, whole", ("command", "proposal", "reason"), "r" * 4097),
        ("recovery, whole", ("record", "reason"), "r" * 4097),
        ("a genesis, whole", ("nodes", 0, "id"), 0),
        ("a genesis, whole", ("publication", "threshold"), 1),
        ("a genesis, whole", ("origin",), "ledger.example:443"),
        ("substrate_identity, whole", ("record", "founding", "branch_b"), {"claim": "A"}),
        ("substrate_identity, whole", ("record", "attestation", "technology"), "tpm2"),
        ("amendment_refusal, whole", ("record", "code"), "NO_SUCH_CODE"),
        ("a cycle of resolution, whole", ("record", "goalvector"), None),
        ("a cycle of resolution, whole", ("record", "cycle_id"), "migration/"),
        ("a cycle of resolution, whole", ("record", "cycle_kind"), "migration"),
    ]:
        kind, document = by_name[name]
        value = altered(document, at, lambda above, part, v=other: above.__setitem__(part, v))
        tried.append({"document": name, "at": pointer(at), "put": other, "code": CODES[kind](value)})
    codes = {case["code"] for case in tried}
    assert codes == {None, "ENTRY_FORM", "MALFORMED", "LIMIT_EXCEEDED", "ROLE_DENIED", "STATEMENT_FORM", "GENESIS_FORM"}, codes
    places_ = [{"subject": subject, "ledger": ledger, "kinds": kinds.split()} for (subject, ledger), kinds in PLACES.items()]
    return {"seed": (bytes([AUTHOR]) * 32).hex(), "places": places_, "documents": listed, "cases": tried}
