"""bundle.json: a substrate's whole history with proofs, identity proofs, and altered files with the check that finds the change."""

import json

from . import cluster
from .bundle_history import SUBSTRATE, History
from .bundle_rewritten import against_the_machine, rewritten
from .common import jcs
from .p104 import statement_with_hash


def edited(good: History) -> list[tuple]:
    """Bundles changed by somebody without keys, and headers by somebody with all of them. A case is (name, lines, check,
    whether bytes were altered as opposed to nothing being decidable, reader)."""
    lines = good.lines()
    keys = 2 * len(good.keys)
    first, last = 1 + keys, len(lines) - 1
    reasoning = first + len(good.own["evidence"])
    other = "sha256:" + "0" * 64

    def line(at: int, change) -> list[str]:
        value = change(json.loads(lines[at]))
        return [*lines[:at], jcs(value).decode(), *lines[at + 1 :]]

    def leaf(at: int, old: str, new: str) -> list[str]:
        assert old in json.loads(lines[at])["leaf"]
        return line(at, lambda v: v | {"leaf": v["leaf"].replace(old, new)})

    def proof(change, at: int = first) -> list[str]:
        return line(at, lambda v: v | {"proof": change(v["proof"])})

    out = [
        ("a header alone", lines[:1], "BIRTH_FIRST"),
        ("the history of keys alone", lines[:first], "BIRTH_FIRST"),
        ("a line that is not canonical", [*lines[:2], lines[2].replace(":", ": ", 1), *lines[3:]], "BUNDLE_LINE"),
        ("a line with an unknown member", line(2, lambda v: v | {"note": 1}), "BUNDLE_LINE"),
        ("a line of an unknown ledger", line(first, lambda v: v | {"ledger": "other"}), "BUNDLE_LINE"),
        ("an empty line", [*lines[:2], "", *lines[2:]], "BUNDLE_LINE"),
        ("a line of another form", [*lines[:2], "[]", *lines[2:]], "BUNDLE_LINE"),
        ("a submission among the substrate's own entries", [*lines[: first + 1], lines[1], *lines[first + 1 :]], "BUNDLE_LINE"),
        ("a submission without its entry", [*lines[:keys], *lines[first:]], "SUBMISSION_UNUSED"),
        ("an entry of the history of keys without its submission", [lines[0], *lines[2:]], "SUBMISSION_DIGEST"),
        ("the history of keys behind the subject", [lines[0], *lines[first:], *lines[1:first]], "BUNDLE_LINE"),
        ("the end of the history of keys cut off", [*lines[: keys - 1], *lines[first:]], "HEAD_GOVERNANCE"),
        ("the proof of a key's entry changed", proof(lambda p: [other, *p[1:]], 2), "INCLUSION_ROOT"),
        ("changed evidence", leaf(first, "21.5", "22.5"), "INCLUSION_ROOT"),
        ("changed reasoning", leaf(reasoning + 2, "within limits", "outside limits"), "INCLUSION_ROOT"),
        ("a leaf that is not canonical", leaf(first, '"data":', '"data": '), "ENTRY_FORM"),
        ("a flipped bit in a proof", proof(lambda p: [other, *p[1:]]), "INCLUSION_ROOT"),
        ("a shorter proof", proof(lambda p: p[:-1]), "INCLUSION_PROOF_LENGTH"),
        ("a longer proof", proof(lambda p: [*p, other]), "INCLUSION_PROOF_LENGTH"),
        ("an index outside the ledger", leaf(first, '"index":"1"', '"index":"100"'), "INCLUSION_INDEX_RANGE"),
        ("the first evidence cut out", [*lines[:first], *lines[first + 1 :]], "ENTRY_DEPTH"),
        ("the first reasoning cut out", [*lines[:reasoning], *lines[reasoning + 1 :]], "ENTRY_DEPTH"),
        ("a cycle cut out", [*lines[: reasoning + 4], *lines[reasoning + 5 :]], "ENTRY_DEPTH"),
        ("two entries exchanged",
         [*lines[: reasoning + 1], lines[reasoning + 2], lines[reasoning + 1], *lines[reasoning + 3 :]], "ENTRY_DEPTH"),
        ("an entry twice", [*lines[: first + 1], lines[first], *lines[first + 1 :]], "ENTRY_DEPTH"),
        ("the last entry cut off", lines[:-1], "ARRIVAL_CYCLE"),
        ("the migration cut off", lines[:-3], "HEAD_REASONING_ENTRIES"),
        ("the end cut off in Evidence", [*lines[: reasoning - 1], *lines[reasoning:]], "CLOSE_IN_BOTH_LEDGERS"),
        ("Reasoning before Evidence", [*lines[:first], *lines[reasoning:], *lines[first:reasoning]], "CLOSE_IN_BOTH_LEDGERS"),
        ("an Evidence entry at the end", [*lines, lines[first]], "BUNDLE_ORDER"),
        ("the last line without its line feed", [*lines[:last], lines[last] + "\x00"], "BUNDLE_LINE"),
    ]  # fmt: skip
    made = good.header()
    cases = [(name, changed, check, True, "policy") for name, changed, check in out]
    headers = cluster.altered_headers(made, lines, good.trees(), good.entries(), len(good.keys))
    return cases + [(*case[:4], case[4] if len(case) > 4 else "policy") for case in headers]


def baselines(good: History) -> list[dict]:
    """Is the substrate of the bundle the entity of an earlier statement? `check` is empty for yes."""
    fork = good.baselines["cycle-1"] | {"latest_cycle_identity_hash": "sha256:" + "0" * 64}
    lineage = good.baselines["cycle-1"] | {"substrate_identity_hash": "sha256:" + "0" * 64}
    ahead = good.baselines["migration/m-1"] | {"identity_lineage_depth": 4}
    born = good.baselines["cycle-1"] | {"identity_lineage_depth": 0, "latest_cycle_identity_hash": good.identity}
    again = lambda s: statement_with_hash({k: v for k, v in s.items() if k != "statement_hash"})  # noqa: E731
    cases = [
        ("at birth", again(born), ""),
        ("after the first cycle", good.baselines["cycle-1"], ""),
        ("after the second cycle", good.baselines["cycle-2"], ""),
        ("after the migration", good.baselines["migration/m-1"], ""),
        ("a statement of a fork", again(fork), "FORK"),
        ("a statement of another lineage", again(lineage), "OTHER_LINEAGE"),
        ("a statement of a longer chain", again(ahead), "ROLLED_BACK"),
        ("a statement changed without its hash", fork, "STATEMENT_HASH"),
    ]
    return [{"name": name, "statement": statement, "check": check} for name, statement, check in cases]


def proofs(good: History) -> list[tuple]:
    """Identity proofs: (name, text, check, tampered, reader)."""
    proof, other = good.proof(), "sha256:" + "0" * 64
    trees, entries, keys = good.trees(), good.entries(), len(good.keys)
    statement = proof["statement"]

    def stated(**members) -> dict:
        return statement_with_hash({k: v for k, v in statement.items() if k != "statement_hash"} | members)

    def headed(said: dict, nodes=(1, 2, 3), **changed) -> str:
        values = {"subject": f"substrate:{SUBSTRATE}", "trees": trees, "entries": entries, "governance": keys,
                  "statement": (said["statement_timestamp"], said["statement_hash"])} | changed  # fmt: skip
        return cluster.headed(cluster.head_text(**values), nodes)

    def put(**members) -> dict:
        return proof | members

    smaller = trees | {"evidence": (trees["evidence"][0] - 1, trees["evidence"][1])}
    depth, later = stated(evidence_ledger_depth=entries["evidence"] + 1), stated(statement_timestamp="2026-03-08T02:00:00.000Z")
    exchanged = {"evidence": proof["checkpoints"]["reasoning"], "reasoning": proof["checkpoints"]["evidence"]}
    unsigned = proof["head"].split("\n\n")[0] + "\n\n" + cluster.node_line(proof["head"].split("\n\n")[0] + "\n")
    cases = [
        ("the proof", proof, "", False, "policy"),
        ("the proof for a reader of the genesis", proof, "", False, "genesis"),
        ("the proof for a reader of the genesis' digest", proof, "GENESIS_DOCUMENT", False, "digest"),
        ("the proof for a reader of a node's key", proof, "", False, "keys"),
        ("the proof for a reader of another key", proof, "CHECKPOINT_KEY", False, "other_keys"),
        ("the proof for nobody", proof, "NOBODY_TRUSTED", False, "nobody"),
        ("the proof for consistency alone", proof, "", False, "consistency"),
        ("the proof for a reader of another genesis", proof, "GENESIS", False, "other_genesis"),
        ("a document of version 1", {"statement": statement, "proof": {}}, "UNSUPPORTED_VERSION", False, "policy"),
        ("a later version", put(identity="selfsame/identity-proof/v3"), "UNSUPPORTED_VERSION", False, "policy"),
        ("an unknown member", put(note=1), "STATEMENT_FORM", True, "policy"),
        ("no checkpoints", put(checkpoints=None), "STATEMENT_FORM", True, "policy"),
        ("a statement with an unknown member", put(statement=statement | {"note": 1}), "STATEMENT_FORM", True, "policy"),
        ("a statement with a depth as text", put(statement=statement | {"identity_lineage_depth": "3"}), "STATEMENT_FORM", True,
         "policy"),
        ("a statement with another record type", put(statement=stated(record_type="identity")), "RECORD_TYPE", True, "policy"),
        ("a statement changed without its hash", put(statement=statement | {"identity_lineage_depth": 4}), "STATEMENT_HASH", True,
         "policy"),
        ("checkpoints exchanged", put(checkpoints=exchanged), "CHECKPOINT_ORIGIN", True, "policy"),
        ("a checkpoint that is none", put(checkpoints=proof["checkpoints"] | {"evidence": ""}), "CHECKPOINT_FORM", True, "policy"),
        ("a head that is none", put(head=""), "HEAD_FORM", True, "policy"),
        ("another statement than was signed", put(statement=stated(identity_lineage_depth=4)), "HEAD_STATEMENT", True, "policy"),
        ("a head without a statement", put(head=headed(statement, statement=None)), "HEAD_STATEMENT", True, "policy"),
        ("a statement of another time", put(statement=later), "HEAD_STATEMENT", True, "policy"),
        ("a head of another origin", put(head=headed(statement, origin="other.example")), "HEAD_ORIGIN", True, "policy"),
        ("a head of another substrate", put(head=headed(statement, subject="substrate:00000000-0000-4000-8000-000000000009")),
         "HEAD_SUBJECT", True, "policy"),
        ("a head of a smaller tree", put(head=headed(statement, trees=smaller)), "HEAD_EVIDENCE", True, "policy"),
        ("another depth than the head's", put(statement=depth, head=headed(depth)), "HEAD_EVIDENCE_ENTRIES", True, "policy"),
        ("a head of other Reasoning entries", put(head=headed(statement, entries=entries | {"reasoning": 1})),
         "HEAD_REASONING_ENTRIES", True, "policy"),
        ("a head that two of three organisations signed", put(head=headed(statement, (1, 2))), "STATEMENT_KEY", False, "policy"),
        ("a head that the node alone signed", put(head=unsigned), "STATEMENT_KEY", False, "policy"),
        ("the same for a reader of its key", put(head=unsigned), "", False, "keys"),
        ("a signature under the head that fails", put(head=proof["head"] + cluster.cosigner_lines("x", (1,))), "HEAD_SIGNATURE",
         True, "policy"),
        ("a statement alone", statement, "STATEMENT_KEY", False, "policy"),
        ("a statement alone, for consistency", statement, "", False, "consistency"),
        ("a statement alone with another hash", statement | {"statement_hash": other}, "STATEMENT_HASH", True, "policy"),
        ("an object of another kind", {"note": 1}, "FILE_KIND", False, "policy"),
    ]  # fmt: skip
    return [(name, json.dumps(value), check, tampered, reader) for name, value, check, tampered, reader in cases]


def compact(lines: list[str], base: list[str]) -> list:
    """Lines of a bundle; a line of the good bundle stands as its number from 0."""
    return [base.index(line) if line in base else line for line in lines]


def leaves(history: History, good: History) -> dict:
    """The substrate's leaves, Reasoning up to the changed entry; a leaf of the good history stands as its depth."""
    out = {}
    needed = history.hooks.get("cut", history.needed or None)
    for ledger, needed in (("evidence", None), ("reasoning", needed)):
        base = [leaf.decode() for _, leaf in good.own[ledger]]
        out[ledger] = compact([leaf.decode() for _, leaf in history.own[ledger][:needed]], base)
    return out


def build() -> dict:
    good = History().write()
    base = good.lines()
    assert len(set(base)) == len(base)
    return {
        "cluster": cluster.NAME,
        "substrate_id": SUBSTRATE,
        "readers": cluster.readers(),
        "genesis_document": cluster.genesis(),
        "lines": base,
        "report": {
            "entries": len(good.own["evidence"]) + len(good.own["reasoning"]),
            "governance_entries": len(good.keys),
            "lineage_depth": good.lineage,
            "head": good.head,
            "identity_chain": [good.identity, *[s["latest_cycle_identity_hash"] for s in good.baselines.values()]],
        },
        "baselines": baselines(good),
        "altered": [
            {"name": name, "lines": compact(lines, base), "check": check, "tampered": tampered, "reader": reader}
            for name, lines, check, tampered, reader in edited(good)
        ],
        "identity_proofs": [
            {"name": name, "text": text, "check": check, "tampered": tampered, "reader": reader}
            for name, text, check, tampered, reader in proofs(good)
        ],
        "rewritten": [
            {"name": name, **leaves(History(hooks).write(), good), "check": check}
            for name, hooks, check in rewritten() + against_the_machine()
        ],
    }
