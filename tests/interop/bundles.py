#!/usr/bin/env python3
"""The verifier of examples/verify over what the vectors hold: bundles, identity proofs and histories, each for its reader, with
the check that has to fail."""
import base64
import collections
import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "examples" / "verify"))
import verify  # noqa: E402
from checks import bundle, submission  # noqa: E402
from checks.base import Refused, key_id  # noqa: E402
from checks.governance import Governance  # noqa: E402
from checks.notes import Policy, Reader, Vkey  # noqa: E402
from checks.submission import Submission  # noqa: E402
from checks.substrate import Substrate  # noqa: E402

wrong, counts = [], collections.Counter()


def readers(vectors):
    """The readers of a vector file, by name."""
    given = vectors["readers"]
    keys = {name: Reader(keys=[Vkey(key) for key in given[name]]) for name in ("keys", "other_keys")}
    genesis = {"genesis": Reader(genesis=given["genesis"], genesis_document=vectors.get("genesis_document")),
               "digest": Reader(genesis=given["genesis"]), "other_genesis": Reader(genesis=given["other_genesis"])}
    return {"policy": Reader(Policy(given["policy"].encode())), "nobody": Reader(), "consistency": Reader(consistency=True),
            **keys, **genesis}


def lines(case, name, good):
    return [good[line] if isinstance(line, int) else line for line in case[name]]


def compare(kind, case, found):
    status = 0 if not case["check"] else 10 if case.get("tampered", True) else 13
    counts[kind, status] += 1
    if (status, case["check"]) != found:
        wrong.append(f"{kind}: {case['name']}: expected {(status, case['check'])}, found {found}")


def judged(verdict):
    """The verdict of a function: exit status and check."""
    try:
        verdict()
        return 0, ""
    except Refused as refused:
        return 10 if refused.altered else 13, refused.check


def over_vectors(name):
    vectors = json.loads((ROOT / "tests" / "vectors" / f"{name}.json").read_text())
    whom, good = readers(vectors), vectors["lines"]
    cases = [{"name": "genuine", "lines": good, "check": "", "reader": reader} for reader in ("policy", "genesis", "keys")]
    for case in cases + vectors["altered"]:
        reader, text = whom[case["reader"].split()[0]], [line.encode() + b"\n" for line in lines(case, "lines", good)]
        found, known = {}, case["reader"] in ("policy", "genesis")
        compare(name, case, judged(lambda: found.update(bundle.verify(text, reader))))
        if found and (found["later"] is None) != known:
            wrong.append(f"{name}: {case['name']}: later entries {found['later'] or 'known'}")
    for case in vectors.get("identity_proofs", []):
        status, _, check, _ = verify.judge(case["text"].encode(), whom[case["reader"]])
        compare("identity proof", case, (status, check))
    for case in vectors.get("rewritten", []):
        compare("rewritten", case, judged(lambda: replayed(vectors, case)))


def replayed(vectors, case):
    history = Substrate(vectors["cluster"], vectors["substrate_id"])
    entries = [json.loads(line) for line in vectors["lines"][1:] if line.startswith('{"leaf"')]
    own = [one for one in entries if f'"subject":"substrate:{vectors["substrate_id"]}"' in one["leaf"]]
    for ledger in ("evidence", "reasoning"):
        for leaf in lines(case, ledger, [one["leaf"] for one in own if one["ledger"] == ledger]):
            history.take(ledger, leaf.encode())
    history.finish()


def over_governance():
    """Histories of keys with their submissions, genuine and altered."""
    vectors = json.loads((ROOT / "tests" / "vectors" / "governance.json").read_text())["nodes"]
    for case in [{**vectors, "name": "genuine", "check": ""}, *vectors["altered"]]:
        compare("history of keys", case, judged(lambda: governed(case.get("genesis", vectors["genesis"]), case)))


def governed(genesis, case):
    history = Governance(genesis)
    for leaf, data in zip(case["leaves"], map(bytes.fromhex, case["submissions_hex"])):
        keyid = key_id(json.loads(data[64:])["author"]["key"])
        signature, payload = (base64.b64encode(part).decode() for part in (data[:64], data[64:]))
        history.take("reasoning", leaf.encode(), Submission({
            "payload": payload, "payloadType": submission.TYPE, "signatures": [{"keyid": keyid, "sig": signature}]}))
    history.finish()


over_vectors("bundle")
over_governance()
over_vectors("run_bundle")
for line in wrong[:20]:
    print(line, file=sys.stderr)
for (kind, status), count in sorted(counts.items()):
    print(f"{kind:<28} {status:>3} {count:>6}")
print(f"{sum(counts.values())} files, {len(wrong)} wrongly judged")
sys.exit(1 if wrong or sum(counts.values()) < 250 else 0)
