"""bundle.json: a substrate's whole history with proofs, and altered histories with the check that finds the change.

The history: birth, first session (evidence, reasoning, an amendment, a cycle, close), second session (a cycle, close),
migration to another chip. Entries of others stand between its own."""

import copy
import json

from . import merkle
from .common import framed, jcs, prefixed, sha256, tagged
from .notes import ED25519, checkpoint, signed, vkey
from .p104 import FOUNDING, SCHEMA, THRESHOLDS, attest, public, secret, statement_with_hash

CLUSTER, SUBSTRATE = "demo", "6f1e0c52-9a3b-4d7e-8f00-5a6b7c8d9e0f"
SIGNER, SEED = "node-1.example/log", 0x11
CHIP, DESTINATION = 0xC1, 0xC2
GOALVECTOR, CONSTITUTION = "selfsame/goalvector-resolution/v1", "selfsame/constitutional-state/v1"


def chip_id(seed: int) -> str:
    return prefixed(sha256(public(seed)))


def plain(digest: str | None) -> str:
    """A digest as operand of a formula."""
    return "" if digest is None else digest.removeprefix("sha256:")


def cycle_hash(cycle: dict) -> str:
    operands = [plain(cycle[m]) for m in ("prior_identity_hash", "goalvector_resolution_hash", "constitutional_state_hash")]
    operands += [cycle["reasoning_ledger_depth"], cycle["cycle_timestamp"]]
    attestations = [cycle.get("origin_attestation_hash"), cycle.get("destination_attestation_hash")]
    return prefixed(framed(*operands, *[plain(a) for a in attestations if a]))


def close_hash(close: dict) -> str:
    return prefixed(framed(plain(close["latest_cycle_identity_hash"]), close["evidence_ledger_depth"],
                           close["reasoning_ledger_depth"], close["session_close_timestamp"], close["schema_version"]))  # fmt: skip


def sign_statement(statement: dict, seed: int) -> dict:
    """A node's signature under a statement: a prefix that names the purpose, then the canonical statement."""
    signature = secret(seed).sign(b"selfsame/identity-statement/v1\n" + jcs(statement))
    return {"key": "ed25519:" + public(seed).hex(), "name": SIGNER, "signature": signature.hex()}


class History:
    """Builds the ledgers. A hook changes a record by name before it is appended; what follows is built on the change,
    as somebody would who can sign everything again."""

    def __init__(self, hooks: dict | None = None):
        self.hooks = hooks or {}
        self.leaves: dict[str, list[bytes]] = {"evidence": [b'{"of":"others"}'], "reasoning": [b'{"of":"others"}'] * 2}
        self.own: dict[str, list[tuple[int, bytes]]] = {"evidence": [], "reasoning": []}
        self.clock = 0
        self.baselines: dict[str, dict] = {}
        # How many Reasoning entries a verifier needs to see to find the change: up to the changed one.
        self.needed = 0

    def time(self) -> str:
        return f"2026-03-08T00:{self.clock // 60:02}:{self.clock % 60:02}.000Z"

    def root(self, ledger: str) -> bytes:
        return merkle.root([merkle.leaf_hash(leaf) for leaf in self.leaves[ledger]])

    def anchor(self) -> dict:
        return {"size": str(len(self.leaves["evidence"])), "root": prefixed(self.root("evidence"))}

    def depth(self, ledger: str) -> str:
        return str(len(self.own[ledger]))

    def last(self, ledger: str) -> str | None:
        own = self.own[ledger]
        return prefixed(merkle.leaf_hash(own[-1][1])) if own else None

    def append(self, ledger: str, name: str, record: dict) -> dict:
        record = copy.deepcopy(record)
        hook = self.hooks.get(name)
        if hook is not None:
            changed = hook(record)
            if changed is None:
                return record
            record = changed
        entry = {
            "index": str(len(self.leaves[ledger])),
            "ledger": ledger,
            "subject": f"substrate:{SUBSTRATE}",
            "depth": self.depth(ledger),
            "prior_entry_hash": self.last(ledger),
            "time": self.time(),
            "submission": prefixed(sha256(name.encode())),
            "record": record,
        }
        entry = self.hooks.get(name + " entry", lambda e: e)(entry)
        leaf = jcs(entry)
        self.own[ledger].append((len(self.leaves[ledger]), leaf))
        self.leaves[ledger].append(leaf)
        touched = {name, name + " entry", name.removesuffix(" in reasoning")} & self.hooks.keys()
        if ledger == "reasoning" and touched:
            self.needed = len(self.own[ledger])
        if len(self.leaves[ledger]) % 4 == 0:
            self.leaves[ledger].append(b'{"of":"others"}')
        self.clock += 1
        return record

    def birth(self) -> None:
        fth = prefixed(sha256(jcs(FOUNDING)))
        time = self.time()
        claims = {"purpose": "birth", "substrate_id": SUBSTRATE, "founding_tension_hash": fth,
                  "initialisation_timestamp": time, "schema_version_at_init": SCHEMA}  # fmt: skip
        attestation = attest(claims, CHIP)
        attested = prefixed(tagged("selfsame/attestation/v1", attestation))
        constitution = {"founding_tension_hash": fth, "schema_version": SCHEMA, "parameters": {"limit": 0.5},
                        "thresholds": THRESHOLDS, "amendment_head": None, "amendments": "0", "chip": chip_id(CHIP)}  # fmt: skip
        record = self.append("reasoning", "birth", {
            "record_type": "substrate_identity", "substrate_id": SUBSTRATE, "founding_tension_hash": fth,
            "initialisation_timestamp": time, "governance_chip_attestation_hash": attested,
            "schema_version_at_init": SCHEMA,
            "substrate_identity_hash": prefixed(framed(SUBSTRATE, plain(fth), time, plain(attested), SCHEMA)),
            "completeness": "complete", "founding": FOUNDING, "organisation": "org-a", "attestation": attestation,
            "chip": "ed25519:" + public(CHIP).hex(), "constitution": constitution, "evidence_ledger": self.anchor(),
        })  # fmt: skip
        self.fth, self.attested = record["founding_tension_hash"], record["governance_chip_attestation_hash"]
        self.identity = self.head = record["substrate_identity_hash"]
        self.constitution, self.lineage, self.session, self.continuity = record["constitution"], 0, 0, None
        self.closed = None

    def verification(self, outcome: str, detail: str) -> None:
        self.session += 1
        record = {
            "record_type": "identity_verification", "session": str(self.session), "outcome": outcome, "detail": detail,
            "retrieved": self.continuity, "recomputed": self.continuity, "presented": self.continuity, "drift": 0,
            "lineage_depth": str(self.lineage), "evidence_ledger_depth": self.depth("evidence"), "thresholds": THRESHOLDS, "verdicts": [],
            "continuing_from": self.closed, "claim_level": "full" if outcome == "VERIFIED" else "reduced",
        }  # fmt: skip
        if outcome == "VERIFIED":
            record["notice"] = f"Substrate identity verified \u2014 continuing from {self.closed}/{self.lineage}."
        self.append("reasoning", f"verification {self.session}", record)

    def amend(self) -> list[str]:
        amendment = {"founding_tension_hash": self.fth, "reason": "A tighter limit", "set": {"limit": 0.25, "mode": "careful"}}
        record = self.append("reasoning", "amendment", {
            "record_type": "amendment", "amendment_hash": prefixed(tagged("selfsame/amendment/v1", amendment)),
            "prior_amendment": self.constitution["amendment_head"], "amendment": amendment,
        })  # fmt: skip
        head = record["amendment_hash"]
        self.constitution = copy.deepcopy(self.constitution) | {"amendment_head": head, "amendments": "1"}
        self.constitution["parameters"] |= amendment["set"]
        return [head]

    def cycle(self, name: str, resolution, amendments=None, attestations=None) -> None:
        migration = attestations is not None
        tag = "selfsame/migration-identity-attestation/v1" if migration else GOALVECTOR
        record = {
            "record_type": "identity_propagation", "cycle_id": name, "sequence": str(self.lineage + 1),
            "founding_tension_hash": self.fth, "prior_identity_hash": self.head,
            "goalvector_resolution_hash": prefixed(tagged(tag, resolution)), "goalvector": resolution,
            "constitutional_state_hash": prefixed(tagged(CONSTITUTION, self.constitution)),
            "constitution": self.constitution, "reasoning_ledger_depth": self.depth("reasoning"),
            "cycle_timestamp": self.time(), "cycle_kind": "migration" if migration else "resolution",
            "evidence_ledger": self.anchor(),
        }  # fmt: skip
        if amendments:
            record["amendments"] = amendments
        if migration:
            record["origin_attestation_hash"], record["destination_attestation_hash"] = attestations
        record["cycle_identity_hash"] = cycle_hash(record)
        record = self.append("reasoning", name, record)
        self.head, self.constitution = record["cycle_identity_hash"], record["constitution"]
        self.lineage += 1
        self.baselines[name] = self.statement()

    def close(self) -> None:
        name = f"close {self.session}"
        record = {
            "record_type": "session_close", "session": str(self.session), "latest_cycle_identity_hash": self.head,
            "evidence_ledger_depth": self.depth("evidence"), "reasoning_ledger_depth": self.depth("reasoning"),
            "session_close_timestamp": self.time(), "schema_version": SCHEMA,
            "evidence_head": self.last("evidence"), "reasoning_head": self.last("reasoning"), "recovered": False,
            "evidence_ledger": self.anchor(),
        }  # fmt: skip
        record["cross_session_identity_continuity_hash"] = close_hash(record)
        record = self.hooks.get(name, lambda r: r)(record)
        clock = self.clock
        self.append("evidence", name + " in evidence", record)
        self.clock = clock
        self.append("reasoning", name + " in reasoning", record)
        self.continuity, self.closed = record["cross_session_identity_continuity_hash"], record["session_close_timestamp"]

    def migrate(self) -> None:
        nonce = framed("selfsame/migration-nonce/v1", CLUSTER, SUBSTRATE, "m-1", "17", plain(self.head))
        self.append("reasoning", "seal", {
            "record_type": "migration_seal", "migration_id": "m-1", "origin": chip_id(CHIP),
            "destination": chip_id(DESTINATION), "epoch": "1", "head": self.head, "continuity_hash": self.continuity,
            "evidence_ledger_depth": self.depth("evidence"), "reasoning_ledger_depth": self.depth("reasoning"),
            "nonce": prefixed(nonce), "seal_index": "17", "evidence_ledger": self.anchor(),
        })  # fmt: skip
        claims = {"purpose": "activation", "cluster": CLUSTER, "substrate_id": SUBSTRATE, "migration_id": "m-1",
                  "nonce": prefixed(nonce), "epoch": "2", "continuity_hash": self.continuity, "head": self.head}  # fmt: skip
        attestation = attest(claims, DESTINATION)
        arrived = prefixed(tagged("selfsame/attestation/v1", attestation))
        record = self.append("reasoning", "arrival", {
            "record_type": "migration_identity_attestation", "migration_id": "m-1", "origin": chip_id(CHIP),
            "destination": chip_id(DESTINATION), "origin_attestation_hash": self.attested,
            "destination_attestation_hash": arrived, "attestation": attestation,
            "continuity_hash": self.continuity, "nonce": prefixed(nonce), "epoch": "2",
        })  # fmt: skip
        self.constitution = self.constitution | {"chip": chip_id(DESTINATION)}
        self.cycle("migration/m-1", record, attestations=(self.attested, arrived))
        self.attested = arrived
        self.baselines["migration/m-1"] = self.statement()

    def statement(self) -> dict:
        return statement_with_hash({
            "record_type": "identity_statement", "substrate_id": SUBSTRATE, "founding_tension_hash": self.fth,
            "substrate_identity_hash": self.identity, "identity_lineage_depth": self.lineage,
            "latest_cycle_identity_hash": self.head, "cross_session_continuity_hash": self.continuity,
            "evidence_ledger_depth": len(self.own["evidence"]), "reasoning_ledger_depth": len(self.own["reasoning"]),
            "constitutional_state_hash": prefixed(tagged(CONSTITUTION, self.constitution)),
            "governance_chip_attestation_hash": self.attested, "identity_continuity_status": "VERIFIED",
            "statement_timestamp": "2026-03-08T01:00:00.000Z",
        })  # fmt: skip

    def write(self) -> "History":
        self.birth()
        self.verification("INSUFFICIENT_DEPTH", "NO_PRIOR_SESSION")
        self.append("evidence", "evidence", {"record_type": "evidence", "data": {"reading": 21.5, "place": "Größe"}})
        seen = [self.last("evidence")]
        self.append("reasoning", "reasoning", {"record_type": "reasoning", "data": "within limits", "evidence": seen})
        amendments = self.amend()
        self.cycle("cycle-1", {"goalvector_id": "gv-1", "outcome": {"decision": "hold"}, "evidence": seen}, amendments)
        self.close()
        if "late evidence" in self.hooks:
            self.append("evidence", "late evidence", {"record_type": "evidence", "data": "past the gate"})
        self.verification("VERIFIED", "CONTINUITY_HASH")
        self.cycle("cycle-2", {"goalvector_id": "gv-2", "outcome": "go"})
        self.append("evidence", "more evidence", {"record_type": "evidence", "data": 7})
        self.close()
        self.migrate()
        return self

    def header(self, seed: int = SEED) -> dict:
        statement, notes = self.statement(), {}
        for ledger in ("evidence", "reasoning"):
            text = checkpoint(f"{CLUSTER}.example/{ledger}", len(self.leaves[ledger]), self.root(ledger))
            notes[ledger] = text + "\n" + signed(text, SIGNER, seed)
        return {
            "bundle": "selfsame/substrate-bundle/v1", "cluster": CLUSTER, "substrate_id": SUBSTRATE,
            "keys": [vkey(SIGNER, ED25519, public(SEED))], "checkpoints": notes, "statement": statement,
            "statement_signatures": [sign_statement(statement, seed)],
        }  # fmt: skip

    def lines(self, header: dict | None = None) -> list[str]:
        out = [jcs(header or self.header()).decode()]
        for ledger in ("evidence", "reasoning"):
            hashes = [merkle.leaf_hash(leaf) for leaf in self.leaves[ledger]]
            for index, leaf in self.own[ledger]:
                proof = [prefixed(h) for h in merkle.path(index, hashes)]
                out.append(jcs({"ledger": ledger, "leaf": leaf.decode(), "proof": proof}).decode())
        return out


def sets(**members):
    """A hook that sets members."""
    return lambda record: record | members


def cycle_again(change):
    """A hook that changes a cycle and computes its hashes again."""

    def hook(record: dict) -> dict:
        record = change(copy.deepcopy(record))
        record["constitutional_state_hash"] = prefixed(tagged(CONSTITUTION, record["constitution"]))
        record["cycle_identity_hash"] = cycle_hash(record)
        return record

    return hook


def with_constitution(**members):
    return cycle_again(lambda r: r | {"constitution": r["constitution"] | members})


def close_again(**members):
    def hook(record: dict) -> dict:
        record = record | members
        return record | {"cross_session_identity_continuity_hash": close_hash(record)}

    return hook


def amendment_again(**members):
    def hook(record: dict) -> dict:
        amendment = record["amendment"] | members
        return record | {"amendment": amendment, "amendment_hash": prefixed(tagged("selfsame/amendment/v1", amendment))}

    return hook


def resolves_another(cycle: dict) -> dict:
    goalvector = cycle["goalvector"] | {"epoch": "3"}
    resolution = prefixed(tagged("selfsame/migration-identity-attestation/v1", goalvector))
    return cycle | {"goalvector": goalvector, "goalvector_resolution_hash": resolution}


def attests_another(arrival: dict) -> dict:
    """The arrival with a good signature under other claims."""
    attestation = attest({"purpose": "birth"}, DESTINATION)
    attested = prefixed(tagged("selfsame/attestation/v1", attestation))
    return arrival | {"attestation": attestation, "destination_attestation_hash": attested}


def without(member: str):
    return lambda record: {k: v for k, v in record.items() if k != member}


def rewritten() -> list[tuple[str, dict, str]]:
    """Histories of somebody who can write both ledgers anew, proofs and signatures included: only the identity chain
    shows the change."""
    other = "sha256:" + "0" * 64
    text = lambda record, **members: {**record, **members}  # noqa: E731
    loose = THRESHOLDS | {"drift_tolerance": 256}
    return [
        ("another founding document", {"birth": sets(founding=FOUNDING | {"branch_a": {"claim": "C"}})}, "FOUNDING_TENSION_HASH"),
        ("a constitution with another founding tension",
         {"birth": lambda r: text(r, constitution=r["constitution"] | {"founding_tension_hash": other})},
         "FOUNDING_IN_CONSTITUTION"),
        ("a birth at another time than attested", {"birth": sets(initialisation_timestamp="2026-03-07T00:00:00.000Z")},
         "BIRTH_ATTESTATION"),
        ("a birth without its attestation", {"birth": without("attestation")}, "ATTESTATION_HASH"),
        ("a birth that calls itself incomplete", {"birth": sets(completeness="incomplete")}, "COMPLETENESS"),
        ("another substrate identity hash", {"birth": sets(substrate_identity_hash=other)}, "SUBSTRATE_IDENTITY_HASH"),
        ("the birth of another substrate", {"birth": sets(substrate_id="00000000-0000-4000-8000-000000000001")}, "SUBSTRATE_ID"),
        ("a birth by another chip than attests it", {"birth": sets(chip="ed25519:" + public(DESTINATION).hex())}, "BIRTH_CHIP"),
        ("no birth", {"birth": lambda r: None, "verification 1": sets()}, "BIRTH_FIRST"),
        ("evidence that is no evidence record", {"evidence": sets(record_type="reasoning")}, "RECORD_KIND"),
        ("an amendment whose content was changed",
         {"amendment": lambda r: text(r, amendment=r["amendment"] | {"reason": "Another"})}, "AMENDMENT_HASH"),
        ("an amendment that forgets its predecessor", {"amendment": sets(prior_amendment=other)}, "AMENDMENT_CHAIN"),
        ("an amendment of another founding tension", {"amendment": amendment_again(founding_tension_hash=other)},
         "AMENDMENT_FOUNDING_TENSION"),
        ("a cycle that does not list its amendment", {"cycle-1": without("amendments")}, "AMENDMENTS_LISTED"),
        ("a cycle that lists an amendment that is none", {"cycle-2": sets(amendments=[other])}, "AMENDMENTS_LISTED"),
        ("a cycle whose amendments change more than they say", {"cycle-1": with_constitution(thresholds=loose)},
         "CONSTITUTION_AMENDED"),
        ("a cycle whose amendments change less than they say",
         {"cycle-1": with_constitution(parameters={"limit": 0.5, "mode": "careful"})}, "CONSTITUTION_AMENDED"),
        ("a cycle that changes the constitution without amendment", {"cycle-2": with_constitution(thresholds=loose)},
         "CONSTITUTION_UNCHANGED"),
        ("a cycle after another one", {"cycle-2": sets(prior_identity_hash=other)}, "PRIOR_IDENTITY_HASH"),
        ("a cycle with another founding tension", {"cycle-2": sets(founding_tension_hash=other)}, "FOUNDING_TENSION_HASH"),
        ("a cycle out of order", {"cycle-2": sets(sequence="3")}, "CYCLE_SEQUENCE"),
        ("a cycle at another depth", {"cycle-2": sets(reasoning_ledger_depth="8")}, "REASONING_DEPTH"),
        ("a cycle with another resolution", {"cycle-2": sets(goalvector={"goalvector_id": "gv-2", "outcome": "stop"})},
         "GOALVECTOR_RESOLUTION_HASH"),
        ("a cycle with another constitutional state", {"cycle-2": sets(constitutional_state_hash=other)},
         "CONSTITUTIONAL_STATE_HASH"),
        ("a cycle at another time", {"cycle-2": sets(cycle_timestamp="2026-03-08T00:00:00.001Z")}, "CYCLE_IDENTITY_HASH"),
        ("a cycle of an unknown kind", {"cycle-2": sets(cycle_kind="other")}, "ENTRY_FORM"),
        ("a cycle of another kind than what it resolves", {"cycle-2": sets(cycle_kind="migration")}, "CYCLE_KIND"),
        ("a migration cycle that says it resolves a goal vector", {"migration/m-1": sets(cycle_kind="resolution")},
         "SESSION_GATE"),
        ("a resolution cycle with an attestation", {"cycle-2": cycle_again(lambda r: text(r, origin_attestation_hash=other))},
         "MIGRATION_ATTESTATIONS"),
        ("a cycle without an open session", {"verification 2": sets(outcome="HASH_MISMATCH"), "cycle-2": sets()}, "SESSION_GATE"),
        ("no verification before the session", {"verification 2": lambda r: None, "cycle-2": sets()}, "SESSION_GATE"),
        ("a close with another head", {"close 1": close_again(latest_cycle_identity_hash=other)}, "CLOSE_HEAD"),
        ("a close at another reasoning depth", {"close 1": close_again(reasoning_ledger_depth="6")}, "REASONING_DEPTH"),
        ("a close at a larger evidence depth", {"close 1": close_again(evidence_ledger_depth="2")}, "EVIDENCE_DEPTH"),
        ("a close at a smaller evidence depth", {"close 1": close_again(evidence_ledger_depth="0")}, "EVIDENCE_DEPTH"),
        ("a close after other evidence", {"close 1": close_again(evidence_head=other)}, "EVIDENCE_HEAD"),
        ("a close after other reasoning", {"close 1": close_again(reasoning_head=None)}, "REASONING_HEAD"),
        ("another continuity hash in both ledgers", {"close 1": sets(cross_session_identity_continuity_hash=other)},
         "CONTINUITY_HASH"),
        ("two copies of a close that differ", {"close 1 in reasoning": sets(recovered=True)}, "CLOSE_COPIES_EQUAL"),
        ("a close in Evidence alone", {"close 2 in reasoning": lambda r: None}, "SEAL_CLOSED"),
        ("a close in Reasoning alone", {"close 2 in evidence": lambda r: None}, "CLOSE_IN_BOTH_LEDGERS"),
        ("evidence between a close and the next verification",
         {"late evidence": sets(), "verification 2": sets()}, "EVIDENCE_GATE"),
        ("a verification that states another evidence depth", {"verification 2": sets(evidence_ledger_depth="3")},
         "EVIDENCE_GATE"),
        ("a seal of another origin", {"seal": sets(origin=chip_id(DESTINATION))}, "MIGRATION_ORIGIN"),
        ("a seal at another epoch", {"seal": sets(epoch="2")}, "MIGRATION_EPOCH"),
        ("a seal of another head", {"seal": sets(head=other)}, "SEAL_HEAD"),
        ("a seal of another continuity hash", {"seal": sets(continuity_hash=other)}, "CONTINUITY_HASH"),
        ("a seal at another depth", {"seal": sets(evidence_ledger_depth="1")}, "SEAL_DEPTH"),
        ("a seal with a chosen nonce", {"seal": sets(nonce=other)}, "MIGRATION_NONCE"),
        ("an arrival without a seal", {"seal": lambda r: None, "arrival": sets()}, "MIGRATION_SEALED"),
        ("an arrival at the same epoch", {"arrival": sets(epoch="1")}, "MIGRATION_EPOCH"),
        ("an arrival under another nonce", {"arrival": sets(nonce=other)}, "MIGRATION_NONCE"),
        ("an arrival of another chip than it names", {"arrival": sets(destination=chip_id(CHIP))}, "MIGRATION_CHIP"),
        ("an arrival at another destination than sealed", {"seal": sets(destination=chip_id(0xC3)), "arrival": sets()},
         "MIGRATION_DESTINATION"),
        ("an arrival that attests something else", {"arrival": attests_another}, "MIGRATION_ATTESTATION"),
        ("an arrival with another attestation hash", {"arrival": sets(destination_attestation_hash=other)}, "ATTESTATION_HASH"),
        ("a migration cycle with another origin", {"migration/m-1": cycle_again(lambda r: text(r, origin_attestation_hash=other))},
         "MIGRATION_ORIGIN"),
        ("a migration cycle with another destination",
         {"migration/m-1": cycle_again(lambda r: text(r, destination_attestation_hash=other))}, "MIGRATION_DESTINATION"),
        ("a migration to another chip than arrived", {"migration/m-1": with_constitution(chip=chip_id(CHIP))},
         "CONSTITUTION_UNCHANGED"),
        ("a migration without arrival", {"arrival": lambda r: None, "migration/m-1": with_constitution(chip=chip_id(CHIP))},
         "MIGRATION_ARRIVAL"),
        ("a migration cycle that resolves another arrival", {"migration/m-1": cycle_again(resolves_another)}, "MIGRATION_ARRIVAL"),
        ("a migration that changes more than the chip", {"migration/m-1": with_constitution(thresholds=loose, chip=chip_id(DESTINATION))},
         "CONSTITUTION_UNCHANGED"),
        ("an entry of another subject", {"reasoning entry": sets(subject="cluster")}, "ENTRY_SUBJECT"),
        ("an entry at another depth", {"reasoning entry": sets(depth="3")}, "ENTRY_DEPTH"),
        ("an entry that forgets its predecessor", {"reasoning entry": sets(prior_entry_hash=None)}, "PRIOR_ENTRY_HASH"),
        ("an entry before its predecessor", {"reasoning entry": sets(index="0")}, "ENTRY_INDEX"),
        ("an entry of an earlier time", {"reasoning entry": sets(time="2026-03-07T00:00:00.000Z")}, "ENTRY_TIME"),
        ("an entry of the other ledger", {"reasoning entry": sets(ledger="evidence")}, "ENTRY_LEDGER"),
        ("a record with an unknown member", {"amendment": sets(note="x")}, "ENTRY_FORM"),
        ("a record whose null is left out", {"amendment": without("prior_amendment")}, "ENTRY_FORM"),
        ("a constitution whose null is left out", {"cycle-2": cycle_again(
            lambda r: text(r, constitution={k: v for k, v in r["constitution"].items() if k != "chip"}))}, "ENTRY_FORM"),
        ("an empty list that the schema leaves out", {"reasoning": sets(runs=[])}, "ENTRY_FORM"),
        ("an entry with an unknown member", {"reasoning entry": sets(note="x")}, "ENTRY_FORM"),
    ]  # fmt: skip


def edited(good: History) -> list[tuple[str, list[str], str, bool]]:
    """Bundles changed by somebody without the log's key. The last value: whether bytes were altered, as opposed to
    nothing being decidable."""
    lines = good.lines()
    evidence = len(good.own["evidence"])
    first, last = 1, len(lines) - 1
    reasoning = 1 + evidence

    def line(at: int, change) -> list[str]:
        value = change(json.loads(lines[at]))
        return [*lines[:at], jcs(value).decode(), *lines[at + 1 :]]

    def header(**members) -> list[str]:
        return line(0, lambda h: h | members)

    def leaf(at: int, old: str, new: str) -> list[str]:
        assert old in json.loads(lines[at])["leaf"]
        return line(at, lambda v: v | {"leaf": v["leaf"].replace(old, new)})

    def statement(**members) -> list[str]:
        body = {k: v for k, v in good.statement().items() if k != "statement_hash"} | members
        changed = statement_with_hash(body)
        return header(statement=changed, statement_signatures=[sign_statement(changed, SEED)])

    def proof(change) -> list[str]:
        return line(first, lambda v: v | {"proof": change(v["proof"])})

    notes = good.header()["checkpoints"]
    other = "sha256:" + "0" * 64
    stolen = notes["evidence"].replace("\n6\n", "\n7\n") if "\n6\n" in notes["evidence"] else None
    assert stolen, "the size of the Evidence ledger has changed"
    out = [
        ("an empty file", [], "BUNDLE_LINE"),
        ("a header alone", lines[:1], "BIRTH_FIRST"),
        ("a line that is not canonical", [*lines[:2], lines[2].replace(":", ": ", 1), *lines[3:]], "BUNDLE_LINE"),
        ("a line with an unknown member", line(2, lambda v: v | {"note": 1}), "BUNDLE_LINE"),
        ("an empty line", [*lines[:2], "", *lines[2:]], "BUNDLE_LINE"),
        ("another bundle type", header(bundle="selfsame/substrate-bundle/v2"), "BUNDLE_TYPE", False),
        ("a broken verifier key", header(keys=["x"]), "BUNDLE_KEYS"),
        ("a broken checkpoint", header(checkpoints=notes | {"evidence": "x"}), "CHECKPOINT_FORM"),
        ("a checkpoint of another size", header(checkpoints=notes | {"evidence": stolen}), "CHECKPOINT_SIGNATURE"),
        ("checkpoints exchanged", header(checkpoints={"evidence": notes["reasoning"], "reasoning": notes["evidence"]}),
         "CHECKPOINT_ORIGIN"),
        ("changed evidence", leaf(first, "21.5", "22.5"), "INCLUSION_ROOT"),
        ("changed reasoning", leaf(reasoning + 2, "within limits", "outside limits"), "INCLUSION_ROOT"),
        ("a leaf that is not canonical", leaf(first, '"data":', '"data": '), "ENTRY_FORM"),
        ("a flipped bit in a proof", proof(lambda p: [other, *p[1:]]), "INCLUSION_ROOT"),
        ("a shorter proof", proof(lambda p: p[:-1]), "INCLUSION_PROOF_LENGTH"),
        ("a longer proof", proof(lambda p: [*p, other]), "INCLUSION_PROOF_LENGTH"),
        ("an index outside the ledger", leaf(first, '"index":"1"', '"index":"100"'), "INCLUSION_INDEX_RANGE"),
        ("the first evidence cut out", [*lines[:1], *lines[2:]], "ENTRY_DEPTH"),
        ("the first reasoning cut out", [*lines[:reasoning], *lines[reasoning + 1 :]], "ENTRY_DEPTH"),
        ("a cycle cut out", [*lines[: reasoning + 4], *lines[reasoning + 5 :]], "ENTRY_DEPTH"),
        ("two entries exchanged",
         [*lines[: reasoning + 1], lines[reasoning + 2], lines[reasoning + 1], *lines[reasoning + 3 :]], "ENTRY_DEPTH"),
        ("an entry twice", [*lines[:2], lines[1], *lines[2:]], "ENTRY_DEPTH"),
        ("the last entry cut off", lines[:-1], "STATEMENT_LINEAGE_DEPTH"),
        ("the end cut off in Evidence", [*lines[: reasoning - 1], *lines[reasoning:]], "CLOSE_IN_BOTH_LEDGERS"),
        ("Reasoning before Evidence", [lines[0], *lines[reasoning:], *lines[1:reasoning]], "CLOSE_IN_BOTH_LEDGERS"),
        ("an Evidence entry at the end", [*lines[: reasoning - 1], *lines[reasoning:last + 1], lines[reasoning - 1]],
         "CLOSE_IN_BOTH_LEDGERS"),
        ("a statement with another record type", statement(record_type="identity"), "RECORD_TYPE"),
        ("a statement changed without its hash", header(statement=good.statement() | {"identity_lineage_depth": 4}),
         "STATEMENT_HASH"),
        ("a statement of another substrate", statement(substrate_id="00000000-0000-4000-8000-000000000001"),
         "STATEMENT_SUBSTRATE"),
        ("a statement of another founding tension", statement(founding_tension_hash=other), "STATEMENT_FOUNDING_TENSION"),
        ("a statement of another birth", statement(substrate_identity_hash=other), "STATEMENT_IDENTITY"),
        ("a statement of a larger depth", statement(identity_lineage_depth=4), "STATEMENT_LINEAGE_DEPTH"),
        ("a statement of another head", statement(latest_cycle_identity_hash=other), "STATEMENT_HEAD"),
        ("a statement without continuity hash", statement(cross_session_continuity_hash=None), "STATEMENT_CONTINUITY"),
        ("a statement of another constitution", statement(constitutional_state_hash=other), "STATEMENT_CONSTITUTION"),
        ("a statement of another chip", statement(governance_chip_attestation_hash=None), "STATEMENT_ATTESTATION"),
        ("a statement of another status", statement(identity_continuity_status="INSUFFICIENT_DEPTH"), "STATEMENT_STATUS"),
        ("a signature of another statement",
         header(statement_signatures=[sign_statement(good.baselines["cycle-1"], SEED)]), "STATEMENT_SIGNATURE"),
        ("a statement without signature", header(statement_signatures=[]), "STATEMENT_KEY", False),
        ("a statement signed by a stranger", header(statement_signatures=[sign_statement(good.statement(), 0x12)]),
         "STATEMENT_KEY", False),
        ("another cluster's name", header(cluster="other"), "MIGRATION_NONCE"),
        ("a statement of another evidence depth", statement(evidence_ledger_depth=3), "STATEMENT_EVIDENCE_DEPTH"),
        ("a statement of another reasoning depth", statement(reasoning_ledger_depth=11), "STATEMENT_REASONING_DEPTH"),
        ("signed by a stranger", [jcs(good.header(seed=0x12)).decode(), *lines[1:]], "CHECKPOINT_KEY", False),
    ]  # fmt: skip
    return [(case[0], case[1], case[2], case[3] if len(case) > 3 else True) for case in out]


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


def compact(lines: list[str], base: list[str]) -> list:
    """Lines of a bundle; a line of the good bundle stands as its number from 0."""
    return [base.index(line) if line in base else line for line in lines]


def leaves(history: History, good: History) -> dict:
    """The substrate's leaves, Reasoning up to the changed entry; a leaf of the good history stands as its depth."""
    out = {}
    for ledger, needed in (("evidence", None), ("reasoning", history.needed or None)):
        base = [leaf.decode() for _, leaf in good.own[ledger]]
        out[ledger] = compact([leaf.decode() for _, leaf in history.own[ledger][:needed]], base)
    return out


def build() -> dict:
    good = History().write()
    base = good.lines()
    assert len(set(base)) == len(base)
    return {
        "cluster": CLUSTER,
        "substrate_id": SUBSTRATE,
        "keys": good.header()["keys"],
        "other_keys": [vkey(SIGNER, ED25519, public(0x13))],
        "lines": base,
        "report": {
            "entries": len(good.own["evidence"]) + len(good.own["reasoning"]),
            "lineage_depth": good.lineage,
            "head": good.head,
            "identity_chain": [good.identity, *[s["latest_cycle_identity_hash"] for s in good.baselines.values()]],
        },
        "baselines": baselines(good),
        "altered": [
            {"name": name, "lines": compact(lines, base), "check": check, "tampered": tampered}
            for name, lines, check, tampered in edited(good)
        ],
        "rewritten": [
            {"name": name, **leaves(History(hooks).write(), good), "check": check} for name, hooks, check in rewritten()
        ],
    }
