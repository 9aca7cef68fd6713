"""run_bundle.json: everything about one run with the history of keys, and altered files with the check that finds the change.

The story: aurora declares under a reference and borealis declares the same; borealis replaces its operator key by its root
key, and reports an execution with the new one; cygnus ties a reference to it that aurora tied to another run, and reports
an execution that reproduces the first. Entries of others stand between."""

import copy
import json

from . import cluster, merkle, runs
from .bundle import compact
from .cluster import LOG, NAMES, genesis
from .common import jcs, prefixed, sha256
from .envelope import json_form, pae, submission
from .governance import SEEDS, constitution, digest, key
from .p104 import public, secret

NEW = 0xD3


class History:
    """Builds both ledgers. A hook by name changes a record, its submission's payload, or the seed that signs it, before
    the rest is built on it: as a cluster would whose members lie together, but that lacks the keys of others."""

    def __init__(self, hooks: dict | None = None):
        self.hooks = hooks or {}
        self.leaves = {"evidence": [b'{"of":"others"}'], "reasoning": [b'{"of":"others"}'] * 2}
        self.own = {"evidence": [], "reasoning": []}
        self.chains: dict[str, tuple[int, str | None]] = {}
        self.step = 0
        # The entry at which the first hook was used, as ledger and depth: a verifier needs to see no more to find it.
        self.changed = None

    def hook(self, name: str, value, ledger: str = "evidence"):
        if name not in self.hooks:
            return value
        self.changed = (ledger, len(self.own[ledger]))
        return self.hooks[name](copy.deepcopy(value))

    def submit(self, name: str, organisation: str, role: str, command: dict, seed: int | None = None):
        self.step += 1
        ledger = "evidence" if role == "operator" else "reasoning"
        seed = self.hook(name + " seed", SEEDS[organisation][role == "operator"] if seed is None else seed, ledger)
        payload = self.hook(name + " payload", submission(role, seed, command, f"request-{self.step}"), ledger)
        payload = jcs(payload)
        self.digest = prefixed(sha256(payload))
        self.pending = jcs({"submission": json_form(payload, secret(seed).sign(pae(payload)), seed)}).decode()

    def append(self, name: str, ledger: str, subject: str, record: dict):
        record = self.hook(name, record, ledger)
        if record is None:
            return
        depth, head = self.chains.get(subject, (0, None))
        entry = self.hook(name + " entry", {
            "index": str(len(self.leaves[ledger])), "ledger": ledger, "subject": subject, "depth": str(depth),
            "prior_entry_hash": head, "time": f"2026-03-08T00:00:{self.step:02}.000Z", "submission": self.digest,
            "record": record,
        }, ledger)  # fmt: skip
        leaf = jcs(entry)
        self.chains[subject] = (depth + 1, prefixed(merkle.leaf_hash(leaf)))
        self.own[ledger].append((len(self.leaves[ledger]), leaf, self.pending))
        self.pending = None
        self.leaves[ledger].append(leaf)
        if len(self.leaves[ledger]) % 3 == 0:
            self.leaves[ledger].append(b'{"of":"others"}')

    def governance(self, name: str, organisation: str, command: dict, action: dict):
        self.submit(name, organisation, "root", command)
        record = {"record_type": "governance", "action": action}
        self.append(name, "reasoning", f"organisation:{organisation}", record)

    def declare(self, name: str, organisation: str, request: str | None, records: list):
        command = {"kind": "declare_run", "declaration": self.declaration}
        self.submit(name, organisation, "operator", command | ({"request": request} if request else {}))
        for suffix, record in records:
            self.append(name + suffix, "evidence", self.subject, record)

    def attestation(self, organisation: str, request: str | None) -> dict:
        record = {"record_type": "run_attestation", "run_id": self.run, "organisation": organisation}
        return record | ({"request": request} if request else {})

    def report(self, name: str, organisation: str, execution: str, seed: int | None = None, **more):
        command = {"kind": "report_outcome", "run_id": self.run, "execution_id": execution, "status": "succeeded"} | more
        self.submit(name, organisation, "operator", command, seed)
        record = {k: v for k, v in command.items() if k != "kind"}
        self.append(name, "evidence", self.subject, {"record_type": "run_outcome", "organisation": organisation} | record)

    def rotate(self):
        command = {"kind": "rotate_key", "key": "operator", "new": key(NEW)}
        action = {"action": "rotate_key", "key": "operator", "old": key(SEEDS["borealis"][1]), "new": key(NEW)}
        self.governance("rotation", "borealis", command, action)

    def write(self) -> "History":
        self.declaration = dict(runs.accepted())["base"]
        elements, outer = runs.identity(self.declaration)
        self.elements, self.run = elements, prefixed(sha256(outer))
        self.subject = f"run:{self.run}"
        chip = {"kind": "enrol_chip", "chip": key(0xC1), "technology": "software"}
        action = {"action": "enrol_chip", "chip": prefixed(sha256(public(0xC1))), "key": key(0xC1), "technology": "software"}
        self.governance("chip", "aurora", chip, action)
        declared = {
            "record_type": "run_declaration", "run_id": self.run, "elements": elements, "declaration": self.declaration,
        }  # fmt: skip
        self.declare("declaration", "aurora", "case/1", [
            ("", declared), (" attestation", self.attestation("aurora", "case/1")),
        ])  # fmt: skip
        self.declare("second", "borealis", None, [("", self.attestation("borealis", None))])
        if "early" not in self.hooks:
            self.rotate()
        output = {"digest": prefixed(sha256(b"output")), "media_type": "text/plain", "size": "6"}
        self.report("execution", "borealis", "e1", NEW, outputs=[output])
        if "early" in self.hooks:
            self.rotate()
        other = prefixed(sha256(b"another run"))
        disagreement = {
            "record_type": "run_disagreement", "request": "case/9",
            "first": {"organisation": "aurora", "run_id": other},
            "second": {"organisation": "cygnus", "run_id": self.run}, "elements": ["prompt", "constraints"],
        }  # fmt: skip
        self.declare("third", "cygnus", "case/9", [
            ("", self.attestation("cygnus", "case/9")), (" disagreement", disagreement),
        ])  # fmt: skip
        self.report("reproduction", "cygnus", "e2", reproduction_of="e1")
        return self

    def trees(self) -> dict:
        return {
            ledger: (len(leaves), merkle.root([merkle.leaf_hash(leaf) for leaf in leaves])) for ledger, leaves in self.leaves.items()
        }

    def entries(self) -> dict:
        return {"evidence": len(self.own["evidence"]), "reasoning": 0}

    def header(self) -> dict:
        return cluster.header(self.subject, self.trees(), self.entries(), len(self.own["reasoning"]))

    def lines(self) -> list[str]:
        out = [jcs(self.header()).decode()]
        for ledger in ("reasoning", "evidence"):
            hashes = [merkle.leaf_hash(leaf) for leaf in self.leaves[ledger]]
            for depth, (index, leaf, pending) in enumerate(self.own[ledger]):
                if self.changed and ledger == self.changed[0] and depth > self.changed[1] + 1:
                    return out
                proof = [prefixed(h) for h in merkle.path(index, hashes)]
                out += [pending] if pending else []
                out.append(jcs({"ledger": ledger, "leaf": leaf.decode(), "proof": proof}).decode())
        return out


def sets(**members):
    return lambda value: value | members


def commands(**members):
    return lambda payload: payload | {"command": payload["command"] | members}


def rewritten() -> list[tuple]:
    """What a cluster could write whose members lie together, and the check that finds it."""
    other = prefixed(sha256(b"x"))
    elements, _ = runs.identity(dict(runs.accepted())["base"])
    another = next(d for _, d in runs.accepted()[1:] if runs.identity(d)[1] != runs.identity(runs.accepted()[0][1])[1])
    return [
        ("a declaration of another run", {"declaration": sets(declaration=another)}, "ELEMENT_DIGEST"),
        ("a declaration of another run with its digests",
         {"declaration": sets(declaration=another, elements=runs.identity(another)[0])}, "RUN_ID"),
        ("another digest of an element", {"declaration": sets(elements=elements | {"prompt": other})}, "ELEMENT_DIGEST"),
        ("another identity", {"declaration": sets(run_id=other)}, "RUN_ID"),
        ("a declaration without parameters", {"declaration": lambda r: r | {
            "declaration": {k: v for k, v in r["declaration"].items() if k != "parameters"}}}, "DECLARATION"),
        ("no declaration", {"declaration": lambda r: None}, "DECLARATION_FIRST"),
        ("a declaration that nobody attests", {"declaration attestation": lambda r: None}, "DECLARATION_ATTESTED"),
        ("a declaration that another asked for", {"declaration payload": commands(declaration=another)},
         "SUBMISSION_COMMAND"),
        ("an attestation under another reference", {"declaration attestation": sets(request="case/2")},
         "SUBMISSION_COMMAND"),
        ("an attestation in the name of another", {"second": sets(organisation="cygnus")}, "SUBMISSION_AUTHOR"),
        ("an attestation signed by another organisation", {"second seed": lambda _: SEEDS["cygnus"][1]},
         "SUBMISSION_AUTHOR"),
        ("an attestation of another run", {"second": sets(run_id=other)}, "RUN_ID"),
        ("an attestation twice", {"second": sets(organisation="aurora", request="case/1"),
         "second seed": lambda _: SEEDS["aurora"][1], "second payload": commands(request="case/1")}, "ATTESTATION_ONCE"),
        ("an execution signed by a stranger", {"execution seed": lambda _: 0xEE}, "SUBMISSION_KEY"),
        ("an execution signed by the key that was replaced", {"execution seed": lambda _: SEEDS["borealis"][1]},
         "SUBMISSION_KEY"),
        ("an execution signed before the key was registered", {"early": None}, "SUBMISSION_KEY"),
        ("an execution signed by a root key", {"execution seed": lambda _: SEEDS["borealis"][0]}, "SUBMISSION_ROLE"),
        ("an execution signed as root", {"execution payload": lambda p: p | {"author": p["author"] | {"role": "root"}}},
         "SUBMISSION_FORM"),
        ("an execution signed for another cluster", {"execution payload": sets(cluster="other")}, "SUBMISSION_CLUSTER"),
        ("an execution with another output", {"execution": sets(outputs=[])}, "ENTRY_FORM"),
        ("an execution with no output", {"execution": lambda r: {k: v for k, v in r.items() if k != "outputs"}},
         "SUBMISSION_COMMAND"),
        ("an execution of another status", {"execution": sets(status="failed")}, "SUBMISSION_COMMAND"),
        ("an execution of an unknown status", {"execution": sets(status="done")}, "ENTRY_FORM"),
        ("a command to report an unknown status",
         {"execution": sets(status="done"), "execution payload": commands(status="done")}, "SUBMISSION_FORM"),
        ("an execution twice", {"reproduction": sets(execution_id="e1"), "reproduction payload": commands(execution_id="e1")},
         "EXECUTION_ONCE"),
        ("a reproduction of nothing", {"reproduction": sets(reproduction_of="e0"),
         "reproduction payload": commands(reproduction_of="e0")}, "EXECUTION_REPRODUCED"),
        ("a disagreement about an unknown reference", {"third disagreement": sets(request="case/8")},
         "SUBMISSION_COMMAND"),
        ("a disagreement before the reference is tied", {"third": lambda r: None}, "DISAGREEMENT_REQUEST"),
        ("a disagreement with itself", {"third disagreement": lambda r: r | {"first": r["second"] | {"organisation": "aurora"}}},
         "DISAGREEMENT_RUNS"),
        ("a disagreement in no element", {"third disagreement": sets(elements=[])}, "DISAGREEMENT_ELEMENTS"),
        ("a disagreement in another order", {"third disagreement": sets(elements=["constraints", "prompt"])},
         "DISAGREEMENT_ELEMENTS"),
        ("a record of another kind", {"second": lambda r: {"record_type": "evidence", "data": 1}}, "RECORD_KIND"),
        ("an entry of another run", {"second entry": sets(subject="run:sha256:" + "0" * 64)}, "ENTRY_SUBJECT"),
        ("an entry of the cluster among the run's", {"second entry": sets(subject="cluster")}, "BUNDLE_ORDER"),
        ("an entry at another depth", {"second entry": sets(depth="7")}, "ENTRY_DEPTH"),
        ("an entry that forgets its predecessor", {"second entry": sets(prior_entry_hash=None)}, "PRIOR_ENTRY_HASH"),
        ("an entry of an earlier time", {"second entry": sets(time="2026-03-07T00:00:00.000Z")}, "ENTRY_TIME"),
        ("an entry before its predecessor", {"second entry": sets(index="0")}, "ENTRY_INDEX"),
        ("an entry of another submission", {"second entry": sets(submission=other)}, "SUBMISSION_DIGEST"),
        ("a key that the root key did not register",
         {"rotation": lambda r: r | {"action": r["action"] | {"new": key(0xD4)}}}, "SUBMISSION_COMMAND"),
        ("a rotation signed by another organisation", {"rotation seed": lambda _: SEEDS["cygnus"][0]},
         "SUBMISSION_AUTHOR"),
        ("a rotation of a key that was not in force",
         {"rotation": lambda r: r | {"action": r["action"] | {"old": key(0xD4)}}}, "KEY_IN_FORCE"),
        ("an entry that is none of governance", {"chip entry": sets(subject="run:sha256:" + "0" * 64)}, "ENTRY_LEDGER"),
        ("an entry of no subject", {"chip entry": sets(subject="run:x")}, "ENTRY_FORM"),
    ]  # fmt: skip


def edited(good: History) -> list[tuple]:
    """Files changed by somebody without keys, and headers by somebody with all of them: (name, lines, check, whether bytes
    were altered, reader)."""
    lines = good.lines()
    other = prefixed(sha256(b"x"))
    names = ["submission" if line.startswith('{"submission"') else json.loads(line).get("ledger", "header") for line in lines]
    first_submission, first_entry, run = names.index("submission"), names.index("reasoning"), names.index("evidence")

    def line(at: int, change) -> list[str]:
        return [*lines[:at], jcs(change(json.loads(lines[at]))).decode(), *lines[at + 1 :]]

    def envelope(change) -> list[str]:
        return line(first_submission, lambda v: {"submission": change(v["submission"])})

    def signature(change) -> list[str]:
        return envelope(lambda s: s | {"signatures": [change(s["signatures"][0])]})

    def founders(change) -> list[str]:
        changed = copy.deepcopy(genesis())
        change(changed)
        digest = cluster.genesis_digest(changed)
        text = cluster.head_text(good.subject, good.trees(), good.entries(), len(good.own["reasoning"]), digest=digest)
        return line(0, lambda h: h | {"genesis": changed, "head": cluster.headed(text)})

    def without(at: int) -> list[str]:
        return [*lines[:at], *lines[at + 1 :]]

    out = [
        ("a header alone", lines[:1], "DECLARATION_FIRST"),
        ("the history of keys alone", lines[:run - 1], "DECLARATION_FIRST"),
        ("a line that is not canonical", [*lines[:2], lines[2].replace(":", ": ", 1), *lines[3:]], "BUNDLE_LINE"),
        ("another founder's operator key", founders(lambda g: g["organisations"][0].update(operator_key=key(0xEE))),
         "SUBMISSION_KEY"),
        ("founders under each other's names", founders(lambda g: (
            g["organisations"][0].update(name="borealis"), g["organisations"][1].update(name="aurora"))),
         "SUBMISSION_AUTHOR"),
        ("no submission before an entry", without(first_submission), "SUBMISSION_DIGEST"),
        ("the submission of another entry", [*lines[:first_submission], lines[run - 1], *lines[first_submission + 1 :]],
         "SUBMISSION_DIGEST"),
        ("a submission without its entry", without(first_entry), "SUBMISSION_UNUSED"),
        ("a submission twice", [*lines[: first_entry + 1], lines[first_submission], *lines[first_entry + 1 :]],
         "SUBMISSION_ONCE"),
        ("a submission at the end", [*lines, lines[first_submission]], "SUBMISSION_UNUSED"),
        ("a submission of another type", envelope(sets(payloadType="text/plain")), "BUNDLE_LINE"),
        ("a submission with another key id", signature(sets(keyid=other)), "BUNDLE_LINE"),
        ("a submission with another signature", signature(sets(sig="A" * 86 + "==")), "SUBMISSION_SIGNATURE"),
        ("a submission with two signatures", envelope(lambda s: s | {"signatures": s["signatures"] * 2}), "BUNDLE_LINE"),
        ("a submission with a changed payload", envelope(lambda s: s | {"payload": "eyJ" + s["payload"][3:].replace("m", "n", 1)}),
         "SUBMISSION_FORM"),
        ("a changed declaration", line(run, lambda v: v | {"leaf": v["leaf"].replace("clerk", "clark")}), "ELEMENT_DIGEST"),
        ("a changed attestation", line(run + 1, lambda v: v | {"leaf": v["leaf"].replace("aurora", "boreal")}),
         "SUBMISSION_AUTHOR"),
        ("a leaf that is not canonical", line(run, lambda v: v | {"leaf": v["leaf"].replace(":", ": ", 1)}), "ENTRY_FORM"),
        ("a flipped bit in a proof", line(run, lambda v: v | {"proof": [other, *v["proof"][1:]]}), "INCLUSION_ROOT"),
        ("a shorter proof", line(run, lambda v: v | {"proof": v["proof"][:-1]}), "INCLUSION_PROOF_LENGTH"),
        ("the proof of governance changed", line(first_entry, lambda v: v | {"proof": [other, *v["proof"][1:]]}),
         "INCLUSION_ROOT"),
        ("the last entry cut off", lines[:-2], "HEAD_EVIDENCE_ENTRIES"),
        ("the run before governance", [lines[0], *lines[run - 1 :], *lines[1 : run - 1]], "SUBMISSION_KEY"),
        ("governance after the run", [*lines[: first_entry + 1], *lines[run - 1 : run + 2], *lines[first_entry + 1 : run - 1]],
         "BUNDLE_ORDER"),
        ("the end of governance cut off", [*lines[: first_entry + 1], *lines[run - 1 :]], "SUBMISSION_KEY"),
    ]  # fmt: skip
    cases = [(name, changed, check, True, "policy") for name, changed, check in out]
    headers = cluster.altered_headers(good.header(), lines, good.trees(), good.entries(), len(good.own["reasoning"]))
    return cases + [(*case[:4], case[4] if len(case) > 4 else "policy") for case in headers]


def build() -> dict:
    good = History().write()
    base = good.lines()
    assert len(set(base)) == len(base)
    altered = edited(good)
    altered += [(name, History(hooks).write().lines(), check, True, "policy") for name, hooks, check in rewritten()]
    return {
        "readers": cluster.readers(),
        "lines": base,
        "report": {
            "run_id": good.run,
            "elements": good.elements,
            "entries": len(good.own["evidence"]),
            "governance_entries": len(good.own["reasoning"]),
            "submissions": sum(line.startswith('{"submission"') for line in base),
            "executions": 2,
            "disagreements": 1,
            "organisations": NAMES,
            "constitutional_state_hash": digest(constitution(publisher={"organisation": "aurora", "log_key": key(LOG)})),
        },
        "altered": [
            {"name": name, "lines": compact(lines, base), "check": check, "tampered": tampered, "reader": reader}
            for name, lines, check, tampered, reader in altered
        ],
    }
