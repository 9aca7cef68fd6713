"""imports.json: what docs/imports.md makes of the bodies in imports/bodies."""

import copy
import pathlib

from .common import jcs, prefixed, sha256
from .import_choose import Refusal, declare, parse
from .import_expect import DIFFERS, EXTRA, FORMAT_OF, PAIRS, REFUSED
from .import_grown import GROWN
from .import_hand import HAND
from .runs import identity

BODIES = pathlib.Path(__file__).resolve().parent.parent / "imports" / "bodies"


def run_id(declaration: dict) -> str:
    return prefixed(sha256(identity(declaration)[1]))


def load(name: str) -> dict:
    return parse((BODIES / f"{name}.json").read_text(encoding="utf-8"))


def grown(body: dict, steps: list) -> dict:
    """The body with the values at some pointers replaced by a text repeated."""
    body = copy.deepcopy(body)
    for step in steps:
        *path, last = [p.replace("~1", "/").replace("~0", "~") for p in step["pointer"].split("/")[1:]]
        at = body
        for name in path:
            at = at[int(name) if isinstance(at, list) else name]
        at[int(last) if isinstance(at, list) else last] = step["text"] * step["times"]
    return body


def expected(body: dict, options: dict, refused: str | None) -> dict:
    """The declaration with its identity, or the pointer that was written down by hand."""
    try:
        declaration = declare(body, options)
    except Refusal as refusal:
        assert refused in refusal.args[0], f"refused at {refusal.args[0]}, written down {refused}"
        return {"refused": refused}
    assert refused is None, f"imports, written down as refused at {refused}"
    return {"declaration": declaration, "run_id": run_id(declaration)}


def model_pointer(body: dict, options: dict) -> str | None:
    """Where the model would stand, if nothing but the model is missing."""
    try:
        declare(body, options)
        return None
    except Refusal as refusal:
        places = set(refusal.args[0])
    last = {p.rsplit("/", 1)[-1] for p in places}
    return min(places) if last <= {"model", "modelId", "gen_ai.request.model"} else None


def cases_of(name: str) -> list[dict]:
    """A body as it is, with a model where it names none, and with its format stated; what is one again has only its id."""
    body, out, seen = load(name), [], set()

    def case(kind: str, options: dict, refused: str | None) -> None:
        try:
            result = expected(body, options, refused)
        except AssertionError as error:
            raise AssertionError(f"{name} {options}: {error}") from error
        if "run_id" in result and result["run_id"] in seen:
            del result["declaration"]
        seen.add(result.get("run_id"))
        out.append({"name": f"{name}: {kind}", "body": f"{name}.json", "options": options, "expected": result})

    stated = next((f for prefix, f in FORMAT_OF.items() if name.startswith(prefix)), None)
    for kind, options in [("as it is", {}), *([(f"as {stated}", {"format": stated})] if stated else [])]:
        refused = REFUSED.get(name)
        if not options and name in DIFFERS:
            refused = DIFFERS[name]
        where = model_pointer(body, options) if refused is None else None
        if where is not None:
            case(f"{kind}, no model", options, where)
            options = options | {"model": "m"}
        case(kind, options, refused)
    for kind, options, refused in EXTRA.get(name, []):
        case(kind, options, refused)
    return out


def build() -> dict:
    names = sorted(p.stem for p in BODIES.glob("*.json"))
    cases = [case for name in names if not name.startswith("pair-") for case in cases_of(name)]
    for name, declaration in HAND.items():
        found = next(c["expected"] for c in cases if c["body"] == f"{name}.json" and "run_id" in c["expected"])
        assert jcs(found["declaration"]) == jcs(declaration), f"{name}: {found['declaration']}"
    for name, body, options, steps in GROWN:
        result = expected(grown(load(body), steps), options, None)
        if len(jcs(result["declaration"])) > 4096:
            del result["declaration"]
        cases.append({"name": name, "body": f"{body}.json", "grow": steps, "options": options, "expected": result})
    pairs = []
    for a, b, same in PAIRS:
        ids = []
        for name in (a, b):
            try:
                ids.append(run_id(declare(load(name), {})))
            except Refusal:
                ids.append(None)
        assert (ids[0] is not None and ids[0] == ids[1]) is same, f"{a}, {b}: {ids}"
        pairs.append({"a": f"{a}.json", "b": f"{b}.json", "same": same, "run_ids": ids})
    assert len({case["name"] for case in cases}) == len(cases)
    return {"cases": cases, "pairs": pairs}
