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
        self.group = ""
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
            "completeness": "complete", "founding": FOUNDING, "organisation": "org-a", "attestation": attestation,
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
        nodes = [("1", "org-a"), ("2", "org-b")]
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
        ("a cycle at another time", {"cycle-2": cycle_again(sets(cycle_timestamp="2026-03-08T00:00:00.001Z"))}, "CYCLE_TIME"),
        ("a cycle with another hash", {"cycle-2": sets(cycle_identity_hash=other)}, "CYCLE_IDENTITY_HASH"),
        ("a cycle of an unknown kind", {"cycle-2": sets(cycle_kind="other")}, "CYCLE_KIND"),
        ("a resolution cycle with an attestation", {"cycle-2": cycle_again(lambda r: text(r, origin_attestation_hash=other))},
         "MIGRATION_ATTESTATIONS"),
        ("another outcome than the verdicts'", {"verification 2": sets(outcome="HASH_MISMATCH")}, "VERIFICATION_OUTCOME"),
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
        ("a migration without arrival", {"seal": lambda r: None, "arrival": lambda r: None, "migration/m-1": with_constitution(chip=chip_id(CHIP))},
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


def verdicts_say(**members):
    """A hook that changes every verdict, and the outcome with them."""

    def hook(record: dict) -> dict:
        findings = [verdict["finding"] | members for verdict in record["verdicts"]]
        verdicts = [verdict | {"finding": finding} for verdict, finding in zip(record["verdicts"], findings)]
        first = findings[0]
        outcome = {"outcome": first["outcome"], "detail": first["check"], "drift": first["drift"],
                   "recomputed": first.get("recomputed")}  # fmt: skip
        return record | {"verdicts": verdicts} | outcome

    return hook


def at_the_end(tell):
    """A hook that tells another end than the migration."""
    return lambda history: tell(history) or True


def refusal() -> dict:
    return {"record_type": "write_refusal", "code": "DANGLING_REFERENCE", "rule": "nothing there", "expected": "",
            "found": "sha256:" + "1" * 64}  # fmt: skip


def against_the_machine() -> list[tuple[str, dict, str]]:
    """Histories that hash and sign correctly everywhere, and that no state machine could have written."""
    other = "sha256:" + "0" * 64
    text = lambda record, **members: {**record, **members}  # noqa: E731
    large = "a" * 33_000

    def later(name: str, record: dict):
        return lambda history: history.write_record("reasoning", name, record)

    def group(name: str):
        return sets(submission=prefixed(sha256(name.encode())))

    def suppressed(history):
        history.suppress()
        history.verification()

    def ended(history):
        history.drift()
        history.verification()

    def recovered(count: int = 1, others: int = 4, then=lambda history: history.verification()):
        def tell(history):
            history.recover(count, others)
            then(history)

        return {"at the end": at_the_end(tell)}

    def two_seals(history):
        history.seal("seal", "m-1")
        history.seal("second seal", "m-2")

    def again(history):
        """Arrives, returns by another seal under the same id."""
        history.migrate()
        history.seal("second seal", "m-1", "2", DESTINATION, CHIP)

    def unattested(r: dict) -> dict:
        """A birth that nobody attests."""
        identity = framed(SUBSTRATE, plain(r["founding_tension_hash"]), r["initialisation_timestamp"], "", SCHEMA)
        record = {k: v for k, v in r.items() if k != "attestation"}
        return record | {"governance_chip_attestation_hash": None, "completeness": "incomplete",
                         "substrate_identity_hash": prefixed(identity)}  # fmt: skip

    constitution = lambda **members: lambda r: text(r, constitution=r["constitution"] | members)  # noqa: E731
    anchor = lambda **members: lambda r: text(r, evidence_ledger=r["evidence_ledger"] | members)  # noqa: E731
    verified = lambda **members: {"verification 2": sets(**members)}  # noqa: E731
    return [
        ("a founding document that is too large", {"birth": lambda r: text(r, founding=FOUNDING | {"note": large})},
         "FOUNDING_SIZE"),
        ("a constitution that was amended at birth", {"birth": constitution(amendments="1")}, "BIRTH_CONSTITUTION"),
        ("a constitution of another chip at birth", {"birth": constitution(chip=chip_id(DESTINATION))}, "BIRTH_CONSTITUTION"),
        ("a tolerance beyond its range", {"birth": constitution(thresholds=THRESHOLDS | {"drift_tolerance": 257})},
         "BIRTH_THRESHOLDS"),
        ("parameters that leave no room for a cycle", {"birth": constitution(parameters={"a": large})}, "CONSTITUTION_SIZE"),
        ("recoveries before there was a cluster", {"birth": constitution(recovery_count="1")}, "RECOVERY_COUNT"),
        ("a record of governance in a substrate", {"reasoning": lambda r: {"record_type": "governance", "action": {"action": "conclude", "proposal_id": "p"}}},
         "RECORD_KIND"),
        ("evidence in the other ledger", {"reasoning": sets(record_type="evidence")}, "RECORD_KIND"),
        ("a verification in an open session", {"reasoning after": lambda h: h.verification()}, "SESSION_CLOSED"),
        ("a refused write without a session", {"close 1 in reasoning after": later("refused", refusal())}, "SESSION_GATE"),
        ("a session out of order", verified(session="3"), "VERIFICATION_SESSION"),
        ("thresholds that are not in force", verified(thresholds=loosened()), "VERIFICATION_THRESHOLDS"),
        ("another lineage depth", verified(lineage_depth="2"), "VERIFICATION_LINEAGE_DEPTH"),
        ("a hash that no close stored", verified(retrieved=other), "VERIFICATION_RETRIEVED"),
        ("a session that continues from another time", verified(continuing_from="2026-03-08T00:00:00.000Z"), "VERIFICATION_FROM"),
        ("an amendment that the verification does not name", {"verification 2": without("continuity_events")},
         "VERIFICATION_EVENTS"),
        ("VERIFIED against another hash presented", verified(presented=other), "VERIFICATION_PRESENTED"),
        ("an outcome without verdicts", verified(verdicts=[]), "VERDICT_ONCE"),
        ("two verdicts of one node", {"verification 2": lambda r: text(r, verdicts=[r["verdicts"][0]] * 2)}, "VERDICT_ONCE"),
        ("a node of two organisations", {"verification 2": lambda r: text(r, verdicts=[
            r["verdicts"][0] | {"organisation": "org-c"}, r["verdicts"][1]])}, "VERDICT_NODE"),
        ("one verdict of two for each outcome", {"verification 2": lambda r: text(r, verdicts=[
            r["verdicts"][0], r["verdicts"][1] | {"finding": r["verdicts"][1]["finding"] | {"outcome": "HASH_MISMATCH"}}])},
         "VERIFICATION_OUTCOME"),
        ("a first session that is VERIFIED", {"verification 1": verdicts_say(outcome="VERIFIED")}, "VERDICT_FINDING"),
        ("verdicts on another number of entries", {"verification 2": verdicts_say(entries_checked="3")}, "VERDICT_FINDING"),
        ("VERIFIED with a drift", {"verification 2": verdicts_say(drift=1)}, "VERDICT_FINDING"),
        ("a finding that was not cut", {"at the end": at_the_end(lambda h: h.verification(h.mismatch() | {"found": "b" * 201}))},
         "VERDICT_TEXT"),
        ("another notice", verified(notice="Substrate identity verified."), "VERIFICATION_NOTICE"),
        ("a notice under another outcome", {"verification 1": sets(notice="x")}, "VERIFICATION_NOTICE"),
        ("a reduced claim without reason", verified(claim_level="reduced"), "CLAIM_LEVEL"),
        ("evidence from before the verification", {"evidence entry": sets(time="2026-03-08T00:00:01.500Z")}, "EVIDENCE_SINCE"),
        ("a session after suppression", {"at the end": at_the_end(suppressed)}, "SUPPRESSED"),
        ("a suppression for another reason", {"suppression": sets(reason="DRIFT_EXCEEDED"), "at the end": at_the_end(suppressed)},
         "SUPPRESSION_REASON"),
        ("a detection of something else", {"tampering": sets(head=other), "at the end": at_the_end(suppressed)},
         "TAMPERING_DETECTION"),
        ("HASH_MISMATCH without suppression", {"suppression": lambda r: None, "at the end": at_the_end(suppressed)},
         "OUTCOME_RECORDS"),
        ("HASH_MISMATCH at the end", {"at the end": at_the_end(lambda h: h.verification(h.mismatch()))}, "OUTCOME_RECORDS"),
        ("a suppression that nothing demands", {"reasoning after": later("suppression", {"record_type": "suppression", "reason": "HASH_MISMATCH"})},
         "OUTCOME_RECORDS"),
        ("a session after a new lineage", {"at the end": at_the_end(ended)}, "LINEAGE_ENDED"),
        ("a new lineage by another drift", {"lineage": sets(drift=1), "at the end": at_the_end(ended)}, "NEW_LINEAGE"),
        ("an amendment of the founding document", {"amendment": amendment_again(founding=FOUNDING)}, "AMENDMENT_ACCEPTABLE"),
        ("an amendment of a name that begins with founding", {"amendment": amendment_again(set={"founding_x": 1})},
         "AMENDMENT_ACCEPTABLE"),
        ("an amendment that changes nothing", {"amendment": lambda r: amendment_again()(
            text(r, amendment={k: v for k, v in r["amendment"].items() if k != "set"}))}, "AMENDMENT_ACCEPTABLE"),
        ("an amendment that removes what is not in force", {"amendment": amendment_again(remove=["none"])}, "AMENDMENT_ACCEPTABLE"),
        ("an amendment that leaves no room for a cycle", {"amendment": amendment_again(set={"a": large})}, "AMENDMENT_ROOM"),
        ("an amendment without its cycle", {"amendment after": later("refused", refusal())}, "AMENDMENT_ENACTED"),
        ("an amendment left at the close", {"amendment": sets(), "cycle-1": lambda r: None, "cut": 5}, "AMENDMENT_ENACTED"),
        ("an amendment refused by another rule", {"reasoning after": lambda h: h.write_record("reasoning", "refusal", {
            "record_type": "amendment_refusal", "code": "WRONG_FOUNDING_TENSION", "rule": "none", "drift": 0,
            "amendment": {"founding_tension_hash": h.fth, "reason": "none"}})}, "AMENDMENT_REFUSAL"),
        ("a write refused by a rule without a record", {"reasoning after": later("refused", refusal() | {"code": "SEALED"})},
         "WRITE_REFUSAL"),
        ("a resolution cycle with the id of a migration", {"cycle-2": sets(cycle_id="migration/m-1")}, "CYCLE_ID"),
        ("a migration cycle with another id", {"migration/m-1": sets(cycle_id="cycle-3")}, "CYCLE_ID"),
        ("one cycle id twice", {"cycle-2": sets(cycle_id="cycle-1")}, "CYCLE_ID_ONCE"),
        ("a cycle whose Evidence ledger became smaller", {"cycle-2": anchor(size="1")}, "ANCHOR_SIZE"),
        ("a cycle with another root at one size", {"close 1": anchor(root=other)}, "ANCHOR_ROOT"),
        ("a close whose anchor is not its place", {"close 1": anchor(size="3")}, "CLOSE_ANCHOR"),
        ("a close of another session", {"close 1": sets(session="2")}, "CLOSE_SESSION"),
        ("a close under another schema", {"close 1": close_again(schema_version="p104-9")}, "CLOSE_SCHEMA"),
        ("a close of another year", {"close 1": close_again(session_close_timestamp="2020-01-01T00:00:00.000Z")}, "CLOSE_TIME"),
        ("a close by two submissions", {"close 1 in reasoning entry": group("another")}, "CLOSE_SUBMISSION"),
        ("a cycle by another submission than its amendment", {"cycle-1 entry": group("another")}, "SUBMISSION_GROUP"),
        ("two submissions with one digest", {"cycle-2 entry": group("verification 2")}, "SUBMISSION_GROUP"),
        ("somebody else's entry in between an amendment and its cycle",
         {"amendment after": lambda h: h.leaves["reasoning"].append(b'{"of":"others"}'), "cycle-1": sets()}, "SUBMISSION_GROUP"),
        ("one submission at two times", {"amendment entry": sets(time="2026-03-08T00:00:04.500Z"), "cut": 5}, "SUBMISSION_TIME"),
        ("a session while sealed", {"seal after": lambda h: h.verification()}, "SEALED"),
        ("two seals without a ballot", {"at the end": at_the_end(two_seals)}, "SEALED"),
        ("a seal to the chip itself", {"seal": sets(destination=chip_id(CHIP))}, "SEAL_DESTINATION"),
        ("a migration of a birth that nobody attested", {"birth": unattested, "seal": sets()}, "SEAL_COMPLETE"),
        ("an arrival below the minimum depth",
         {"birth": constitution(thresholds=THRESHOLDS | {"minimum_lineage_depth": "9"}), "arrival": sets()}, "MIGRATION_DEPTH"),
        ("a seal before the log began", {"seal": lambda r: text(r, seal_index="0", nonce=prefixed(framed(
            "selfsame/migration-nonce/v1", CLUSTER, SUBSTRATE, "m-1", "0", plain(r["head"]))))}, "SEAL_INDEX"),
        ("one migration id twice", {"at the end": at_the_end(again)}, "MIGRATION_ID_ONCE"),
        ("one ballot that sealed twice", {"seal": sets(ballot="b-1"), "second seal": sets(ballot="b-1"),
                                          "at the end": at_the_end(two_seals)}, "BALLOT_ONCE"),
        ("an arrival, then something else", {"arrival after": later("refused", refusal())}, "ARRIVAL_CYCLE"),
        ("an arrival at the end", {"arrival": sets(), "migration/m-1": lambda r: None}, "ARRIVAL_CYCLE"),
        ("an arrival from another activation", {"arrival": sets(origin_attestation_hash=other)}, "ORIGIN_ATTESTATION"),
        ("recoveries for which the ledger has no room", recovered(count=2), "RECOVERY_COUNT"),
        ("a recovery for which the ledger has no room", recovered(others=3), "RECOVERY_COUNT"),
        ("a recovery of another chip", {"recovery": sets(chip=chip_id(DESTINATION))} | recovered(), "RECOVERY_CHIP"),
        ("a recovery that skips too little", {"recovery": sets(epoch="2")} | recovered(), "RECOVERY_EPOCH"),
        ("a recovery that nobody asked for", recovered(then=lambda h: h.seal("seal", "m-1", str(1 + (1 << 32)))),
         "RECOVERY_STEP"),
    ]  # fmt: skip


def loosened() -> dict:
    return THRESHOLDS | {"minimum_lineage_depth": "0"}


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
        ("the last entry cut off", lines[:-1], "ARRIVAL_CYCLE"),
        ("the migration cut off", lines[:-3], "STATEMENT_LINEAGE_DEPTH"),
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
            {"name": name, **leaves(History(hooks).write(), good), "check": check} for name, hooks, check in rewritten() + against_the_machine()
        ],
    }
