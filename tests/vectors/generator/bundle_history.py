"""The history of the substrate in bundle.json, written into the ledgers of the cluster (cluster.py).

Birth, first session (evidence, reasoning, an amendment, a cycle, close), second session (a cycle, close), migration to another
chip. Two chips were enrolled before. Entries of others stand between."""

import copy

from . import cluster, merkle
from .common import framed, jcs, prefixed, sha256, tagged
from .envelope import json_form, pae, submission
from .governance import SEEDS, key
from .p104 import FOUNDING, SCHEMA, THRESHOLDS, attest, public, secret, statement_with_hash

CLUSTER, SUBSTRATE = cluster.NAME, "6f1e0c52-9a3b-4d7e-8f00-5a6b7c8d9e0f"
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


class History:
    """Builds the ledgers. A hook changes a record by name before it is appended; what follows is built on the change,
    as somebody would who can sign everything again."""

    def __init__(self, hooks: dict | None = None):
        self.hooks = hooks or {}
        self.leaves: dict[str, list[bytes]] = {"evidence": [b'{"of":"others"}'], "reasoning": [b'{"of":"others"}'] * 2}
        self.own: dict[str, list[tuple[int, bytes]]] = {"evidence": [], "reasoning": []}
        self.clock = 0
        self.group = ""
        self.baselines: dict[str, dict] = {}
        self.keys: list[tuple[int, bytes, str]] = []
        self.chips()
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

    def begin(self, group: str) -> None:
        """The next submission. What it writes has one time, and stands together: others write before it."""
        for leaves in self.leaves.values():
            if len(leaves) % 4 == 0:
                leaves.append(b'{"of":"others"}')
        self.group = group
        self.clock += 1

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
            "submission": prefixed(sha256(self.group.encode())),
            "record": record,
        }
        entry = self.hooks.get(name + " entry", lambda e: e)(entry)
        leaf = jcs(entry)
        self.own[ledger].append((len(self.leaves[ledger]), leaf))
        self.leaves[ledger].append(leaf)
        touched = {name, name + " entry", name.removesuffix(" in reasoning")} & self.hooks.keys()
        if ledger == "reasoning" and touched:
            self.needed = len(self.own[ledger])
        self.hooks.get(name + " after", lambda history: None)(self)
        return record

    def write_record(self, ledger: str, name: str, record: dict) -> None:
        """A record of a submission of its own."""
        self.begin(name)
        self.append(ledger, name, record)

    def birth(self) -> None:
        self.begin("birth")
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
            "completeness": "complete", "founding": FOUNDING, "organisation": "aurora", "attestation": attestation,
            "chip": "ed25519:" + public(CHIP).hex(), "constitution": constitution, "evidence_ledger": self.anchor(),
        })  # fmt: skip
        self.fth, self.attested = record["founding_tension_hash"], record["governance_chip_attestation_hash"]
        self.identity = self.head = record["substrate_identity_hash"]
        self.constitution, self.lineage, self.session, self.continuity = record["constitution"], 0, 0, None
        self.closed, self.gate, self.events, self.thresholds = None, 0, [], record["constitution"]["thresholds"]

    def finding(self, drift: int = 0) -> dict:
        """What every node whose copy holds says."""
        if drift > self.thresholds["drift_tolerance"]:
            outcome, check = "DRIFT_EXCEEDED", "FOUNDING_TENSION_DRIFT"
        elif self.continuity is None:
            outcome, check = "INSUFFICIENT_DEPTH", "NO_PRIOR_SESSION"
        elif self.lineage < int(self.thresholds["minimum_lineage_depth"]):
            outcome, check = "INSUFFICIENT_DEPTH", "LINEAGE_DEPTH"
        else:
            outcome, check = "VERIFIED", "CONTINUITY_HASH"
        finding = {
            "outcome": outcome, "check": check, "expected": self.continuity or "none", "found": self.continuity or "none",
            "drift": drift, "lineage_depth": str(self.lineage),
            "entries_checked": str(self.gate + len(self.own["reasoning"])),
        }  # fmt: skip
        return finding | ({"recomputed": self.continuity} if self.continuity else {})

    def verification(self, finding: dict | None = None) -> dict:
        """The outcome of two equal verdicts."""
        self.session += 1
        self.begin(f"verification {self.session}")
        finding = finding or self.finding()
        nodes = [("1", "aurora"), ("2", "borealis")]
        verdicts = [{"node": node, "organisation": name, "finding": finding} for node, name in nodes]
        verified = finding["outcome"] == "VERIFIED"
        record = {
            "record_type": "identity_verification", "session": str(self.session), "outcome": finding["outcome"],
            "detail": finding["check"], "retrieved": self.continuity, "recomputed": finding.get("recomputed"),
            "presented": self.continuity, "drift": finding["drift"], "lineage_depth": str(self.lineage),
            "evidence_ledger_depth": self.depth("evidence"), "thresholds": self.thresholds, "verdicts": verdicts,
            "continuing_from": self.closed, "claim_level": "full" if verified and self.attested else "reduced",
        }  # fmt: skip
        if verified:
            record["notice"] = f"Substrate identity verified \u2014 continuing from {self.closed}/{self.lineage}."
        if self.events:
            record["continuity_events"] = self.events
        self.events = []
        return self.append("reasoning", f"verification {self.session}", record)

    def mismatch(self) -> dict:
        """What a node says whose copy failed."""
        return self.finding() | {"outcome": "HASH_MISMATCH", "check": "ENTRY_HASH"}

    def suppress(self) -> None:
        finding = self.mismatch()
        self.verification(finding)
        self.append("reasoning", "tampering", {"record_type": "tampering_detection", "session": str(self.session),
                                               "finding": finding, "head": self.head})  # fmt: skip
        self.append("reasoning", "suppression", {"record_type": "suppression", "reason": "HASH_MISMATCH"})

    def drift(self) -> None:
        self.verification(self.finding(130))
        self.append("reasoning", "lineage", {
            "record_type": "new_identity_lineage", "prior_substrate_id": SUBSTRATE, "prior_head": self.head,
            "prior_founding_tension_hash": self.fth, "drift": 130, "tolerance": self.thresholds["drift_tolerance"],
            "new_substrate_id": "6f1e0c52-9a3b-4d7e-8f00-5a6b7c8d9e10",
        })  # fmt: skip

    def recover(self, count: int = 1, others: int = 4) -> None:
        """The cluster was recovered: entries of others, and the holder is taken through it."""
        self.leaves["reasoning"] += [b'{"of":"others"}'] * others
        self.begin("open")
        self.append("reasoning", "recovery", {
            "record_type": "holder_recovery", "recovery_count": str(count), "chip": chip_id(CHIP), "ended": "1",
            "epoch": str(1 + (count << 32)),
        })  # fmt: skip

    def amend(self) -> list[str]:
        self.begin("cycle-1")
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
        if not migration and not amendments:
            self.begin(name)
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
        self.events = self.events + (["MIGRATION"] if migration else ["AMENDMENT"] if amendments else [])
        self.baselines[name] = self.statement()

    def close(self) -> None:
        name = f"close {self.session}"
        self.begin(name)
        record = {
            "record_type": "session_close", "session": str(self.session), "latest_cycle_identity_hash": self.head,
            "evidence_ledger_depth": self.depth("evidence"), "reasoning_ledger_depth": self.depth("reasoning"),
            "session_close_timestamp": self.time(), "schema_version": SCHEMA,
            "evidence_head": self.last("evidence"), "reasoning_head": self.last("reasoning"), "recovered": False,
            "evidence_ledger": self.anchor(),
        }  # fmt: skip
        record["cross_session_identity_continuity_hash"] = close_hash(record)
        record = self.hooks.get(name, lambda r: r)(record)
        self.continuity, self.closed = record["cross_session_identity_continuity_hash"], record["session_close_timestamp"]
        self.append("evidence", name + " in evidence", record)
        self.gate = len(self.own["evidence"])
        self.append("reasoning", name + " in reasoning", record)

    def seal(self, name: str, migration: str, epoch: str = "1", origin: int = CHIP, destination: int = DESTINATION) -> str:
        nonce = prefixed(framed("selfsame/migration-nonce/v1", CLUSTER, SUBSTRATE, migration, "17", plain(self.head)))
        self.begin(name)
        self.append("reasoning", name, {
            "record_type": "migration_seal", "migration_id": migration, "origin": chip_id(origin),
            "destination": chip_id(destination), "epoch": epoch, "head": self.head, "continuity_hash": self.continuity,
            "evidence_ledger_depth": self.depth("evidence"), "reasoning_ledger_depth": self.depth("reasoning"),
            "nonce": nonce, "seal_index": "17", "evidence_ledger": self.anchor(),
        })  # fmt: skip
        return nonce

    def migrate(self) -> None:
        nonce = self.seal("seal", "m-1")
        self.begin("arrival")
        claims = {"purpose": "activation", "cluster": CLUSTER, "substrate_id": SUBSTRATE, "migration_id": "m-1",
                  "nonce": nonce, "epoch": "2", "continuity_hash": self.continuity, "head": self.head}  # fmt: skip
        attestation = attest(claims, DESTINATION)
        arrived = prefixed(tagged("selfsame/attestation/v1", attestation))
        record = self.append("reasoning", "arrival", {
            "record_type": "migration_identity_attestation", "migration_id": "m-1", "origin": chip_id(CHIP),
            "destination": chip_id(DESTINATION), "origin_attestation_hash": self.attested,
            "destination_attestation_hash": arrived, "attestation": attestation,
            "continuity_hash": self.continuity, "nonce": nonce, "epoch": "2",
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
        self.verification()
        self.write_record("evidence", "evidence", {"record_type": "evidence", "data": {"reading": 21.5, "place": "Größe"}})
        seen = [self.last("evidence")]
        self.write_record("reasoning", "reasoning", {"record_type": "reasoning", "data": "within limits", "evidence": seen})
        amendments = self.amend()
        self.cycle("cycle-1", {"goalvector_id": "gv-1", "outcome": {"decision": "hold"}, "evidence": seen}, amendments)
        self.close()
        if "late evidence" in self.hooks:
            self.write_record("evidence", "late evidence", {"record_type": "evidence", "data": "past the gate"})
        self.verification()
        self.cycle("cycle-2", {"goalvector_id": "gv-2", "outcome": "go"})
        self.write_record("evidence", "more evidence", {"record_type": "evidence", "data": 7})
        self.close()
        if not self.hooks.get("at the end", lambda history: False)(self):
            self.migrate()
        return self

    def chips(self) -> None:
        """The history of keys: two organisations enrol a chip each."""
        for organisation, seed in (("aurora", CHIP), ("borealis", DESTINATION)):
            command = {"kind": "enrol_chip", "chip": key(seed), "technology": "software"}
            action = {"action": "enrol_chip", "chip": chip_id(seed), "key": key(seed), "technology": "software"}
            root = SEEDS[organisation][0]
            payload = jcs(submission("root", root, command, f"enrol-{seed:x}"))
            line = jcs({"submission": json_form(payload, secret(root).sign(pae(payload)), root)}).decode()
            entry = {
                "index": str(len(self.leaves["reasoning"])), "ledger": "reasoning", "subject": f"organisation:{organisation}",
                "depth": "0", "prior_entry_hash": None, "time": self.time(), "submission": cluster.digest_of(payload),
                "record": {"record_type": "governance", "action": action},
            }  # fmt: skip
            self.keys.append((len(self.leaves["reasoning"]), jcs(entry), line))
            self.leaves["reasoning"].append(jcs(entry))

    def trees(self) -> dict:
        return {ledger: (len(self.leaves[ledger]), self.root(ledger)) for ledger in cluster.LEDGERS}

    def entries(self) -> dict:
        return {ledger: len(self.own[ledger]) for ledger in cluster.LEDGERS}

    def header(self) -> dict:
        return cluster.header(f"substrate:{SUBSTRATE}", self.trees(), self.entries(), len(self.keys))

    def proof(self) -> dict:
        """The identity proof of the last statement."""
        statement, head = self.statement(), self.header()
        text = cluster.head_text(f"substrate:{SUBSTRATE}", self.trees(), self.entries(), len(self.keys),
                                 (statement["statement_timestamp"], statement["statement_hash"]))  # fmt: skip
        return {"checkpoints": head["checkpoints"], "head": cluster.headed(text), "identity": "selfsame/identity-proof/v2",
                "statement": statement}  # fmt: skip

    def lines(self) -> list[str]:
        out = [jcs(self.header()).decode()]
        hashes = {ledger: [merkle.leaf_hash(leaf) for leaf in self.leaves[ledger]] for ledger in cluster.LEDGERS}

        def entry(ledger: str, index: int, leaf: bytes) -> str:
            proof = [prefixed(h) for h in merkle.path(index, hashes[ledger])]
            return jcs({"ledger": ledger, "leaf": leaf.decode(), "proof": proof}).decode()

        for index, leaf, pending in self.keys:
            out += [pending, entry("reasoning", index, leaf)]
        return out + [entry(ledger, index, leaf) for ledger in cluster.LEDGERS for index, leaf in self.own[ledger]]
