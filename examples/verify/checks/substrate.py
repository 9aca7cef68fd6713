"""The history of a substrate, replayed: docs/protocol.md, section 11.1."""
import copy

from .base import attested, bare, framed, jcs, key_id, leaf_hash, name_of, need, same, says, sha, tagged
from .forms import entry

KINDS = """reasoning substrate_identity identity_propagation session_close identity_verification tampering_detection suppression
new_identity_lineage amendment amendment_refusal migration_seal migration_identity_attestation migration_abort write_refusal
holder_recovery""".split()
GATED = "reasoning amendment session_close".split()
LEDGERS = ("evidence", "reasoning")


class Chain:
    """What every entry of one chain goes through, but for its form."""

    def __init__(self):
        self.depth, self.prior = 0, None

    def next(self, value, leaf):
        need(value["depth"] == str(self.depth), "ENTRY_DEPTH", value["depth"])
        need(value["prior_entry_hash"] == self.prior, "PRIOR_ENTRY_HASH")
        self.depth, self.prior = self.depth + 1, name_of(leaf_hash(leaf))


class Ledger:
    """Index and time in one ledger."""

    def __init__(self):
        self.index, self.time = -1, ""

    def next(self, value):
        need(int(value["index"]) > self.index, "ENTRY_INDEX", value["index"])
        need(value["time"] >= self.time, "ENTRY_TIME", value["time"])
        self.index, self.time = int(value["index"]), value["time"]


class Substrate:
    def __init__(self, cluster, substrate):
        self.cluster, self.substrate = cluster, substrate
        self.chains = {ledger: Chain() for ledger in LEDGERS}
        self.ledgers = {ledger: Ledger() for ledger in LEDGERS}
        self.closes, self.matched, self.cycles, self.birth, self.open = [], 0, 0, None, False
        self.head = self.constitution = self.attestation = self.continuity = self.seal = self.arrival = None
        self.queued, self.epoch, self.chip, self.recoveries, self.gate = [], 0, None, 0, 0

    def take(self, ledger, leaf):
        """The next entry; gives its index."""
        value = entry(leaf)
        need(value["ledger"] == ledger, "ENTRY_LEDGER", value["ledger"])
        need(value["subject"] == "substrate:" + self.substrate, "ENTRY_SUBJECT", value["subject"])
        chain = self.chains[ledger]
        self.depth, self.before, self.time = chain.depth, chain.prior, value["time"]
        chain.next(value, leaf)
        self.ledgers[ledger].next(value)
        record = value["record"]
        kind = record["record_type"]
        if ledger == "evidence":
            need(kind in ("evidence", "session_close"), "RECORD_KIND", kind)
            if kind == "session_close":
                says(record, "EVIDENCE_DEPTH", evidence_ledger_depth=str(self.depth))
                self.closes.append((record, self.before))
        else:
            self.reasoning(kind, record)
        return int(value["index"])

    def reasoning(self, kind, record):
        need(kind in KINDS, "RECORD_KIND", kind)
        need((self.birth is None) == (kind == "substrate_identity"), "BIRTH_FIRST", kind)
        gated = kind in GATED or (kind == "identity_propagation" and record["cycle_kind"] == "resolution")
        need(self.open or not gated, "SESSION_GATE", kind)
        getattr(self, "on_" + kind, lambda record: None)(record)

    def on_substrate_identity(self, r):
        says(r, "SUBSTRATE_ID", substrate_id=self.substrate)
        tension = name_of(sha(jcs(r["founding"]).encode()))
        says(r, "FOUNDING_TENSION_HASH", founding_tension_hash=tension)
        says(r["constitution"], "FOUNDING_IN_CONSTITUTION", founding_tension_hash=tension)
        attestation, hashed = r.get("attestation"), None
        if attestation:
            names = "founding_tension_hash initialisation_timestamp schema_version_at_init substrate_id".split()
            claims = {"purpose": "birth", **{name: r[name] for name in names}}
            need(attested(attestation, claims), "BIRTH_ATTESTATION")
            need(attestation["chip"] == r["chip"], "BIRTH_CHIP")
            hashed = tagged("attestation", attestation)
        says(r, "ATTESTATION_HASH", governance_chip_attestation_hash=hashed)
        says(r, "COMPLETENESS", completeness="complete" if attestation else "incomplete")
        self.head = framed(self.substrate, bare(tension), r["initialisation_timestamp"], bare(hashed), r["schema_version_at_init"])
        says(r, "SUBSTRATE_IDENTITY_HASH", substrate_identity_hash=self.head)
        self.birth, self.constitution, self.attestation = r, r["constitution"], hashed
        self.chip, self.recoveries = key_id(r["chip"]), int(r["constitution"].get("recovery_count", "0"))
        self.epoch = self.recoveries * 2**32 + 1

    def on_identity_verification(self, r):
        says(r, "EVIDENCE_GATE", evidence_ledger_depth=str(self.gate))
        self.open = r["outcome"] in ("VERIFIED", "INSUFFICIENT_DEPTH")

    def amended(self):
        """The constitution with what was queued since the last cycle."""
        value = copy.deepcopy(self.constitution)
        for amendment_hash, amendment in self.queued:
            value["amendment_head"], value["amendments"] = amendment_hash, str(int(value["amendments"]) + 1)
            value["parameters"].update(amendment.get("set", {}))
            for name in amendment.get("remove", []):
                value["parameters"].pop(name, None)
        return value

    def on_amendment(self, r):
        says(r, "AMENDMENT_HASH", amendment_hash=tagged("amendment", r["amendment"]))
        prior = self.queued[-1][0] if self.queued else self.constitution["amendment_head"]
        says(r, "AMENDMENT_CHAIN", prior_amendment=prior)
        says(r["amendment"], "AMENDMENT_FOUNDING_TENSION", founding_tension_hash=self.birth["founding_tension_hash"])
        self.queued.append((r["amendment_hash"], r["amendment"]))

    def on_identity_propagation(self, r):
        migration = r["cycle_kind"] == "migration"
        says(r, "PRIOR_IDENTITY_HASH", prior_identity_hash=self.head)
        tension = self.birth["founding_tension_hash"]
        says(r, "FOUNDING_TENSION_HASH", founding_tension_hash=tension)
        says(r["constitution"], "FOUNDING_IN_CONSTITUTION", founding_tension_hash=tension)
        says(r, "CYCLE_SEQUENCE", sequence=str(self.cycles + 1))
        says(r, "REASONING_DEPTH", reasoning_ledger_depth=str(self.depth))
        need(("record_type" in r["goalvector"]) == migration, "CYCLE_KIND", r["cycle_kind"])
        tag = "migration-identity-attestation" if migration else "goalvector-resolution"
        says(r, "GOALVECTOR_RESOLUTION_HASH", goalvector_resolution_hash=tagged(tag, r["goalvector"]))
        says(r, "CONSTITUTIONAL_STATE_HASH", constitutional_state_hash=tagged("constitutional-state", r["constitution"]))
        need(r.get("amendments", []) == [hashed for hashed, _ in self.queued], "AMENDMENTS_LISTED")
        expected = self.amended()
        if migration:
            need(self.arrival, "MIGRATION_ARRIVAL", "no arrival")
            expected["chip"] = self.arrival["destination"]
        need(same(r["constitution"], expected), "CONSTITUTION_AMENDED" if self.queued else "CONSTITUTION_UNCHANGED")
        both = [r.get("origin_attestation_hash"), r.get("destination_attestation_hash")]
        need(all(both) if migration else not any(both), "MIGRATION_ATTESTATIONS")
        operands = [bare(r["prior_identity_hash"]), bare(r["goalvector_resolution_hash"]), bare(r["constitutional_state_hash"]),
                    r["reasoning_ledger_depth"], r["cycle_timestamp"]] + list(map(bare, both if migration else []))
        says(r, "CYCLE_IDENTITY_HASH", cycle_identity_hash=framed(*operands))
        if migration:
            need(same(r["goalvector"], self.arrival), "MIGRATION_ARRIVAL", "it resolves another arrival")
            says(r, "MIGRATION_ORIGIN", origin_attestation_hash=self.attestation or name_of(sha(b"")))
            self.attestation = self.arrival["destination_attestation_hash"]
            says(r, "MIGRATION_DESTINATION", destination_attestation_hash=self.attestation)
            self.arrival = None
        self.head, self.constitution, self.cycles, self.queued = r["cycle_identity_hash"], r["constitution"], self.cycles + 1, []

    def on_session_close(self, r):
        need(self.matched < len(self.closes), "CLOSE_IN_BOTH_LEDGERS")
        copied, before = self.closes[self.matched]
        need(same(copied, r), "CLOSE_COPIES_EQUAL")
        says(r, "CLOSE_HEAD", latest_cycle_identity_hash=self.head)
        says(r, "REASONING_DEPTH", reasoning_ledger_depth=str(self.depth))
        says(r, "EVIDENCE_HEAD", evidence_head=before)
        says(r, "REASONING_HEAD", reasoning_head=self.before)
        self.continuity = framed(bare(self.head), r["evidence_ledger_depth"], r["reasoning_ledger_depth"],
                                 r["session_close_timestamp"], r["schema_version"])
        says(r, "CONTINUITY_HASH", cross_session_identity_continuity_hash=self.continuity)
        self.matched, self.open, self.gate = self.matched + 1, False, int(r["evidence_ledger_depth"]) + 1

    def on_migration_seal(self, r):
        need(not self.open, "SEAL_CLOSED")
        says(r, "MIGRATION_EPOCH", epoch=str(self.epoch))
        says(r, "MIGRATION_ORIGIN", origin=self.chip)
        says(r, "SEAL_HEAD", head=self.head)
        says(r, "CONTINUITY_HASH", continuity_hash=self.continuity)
        says(r, "SEAL_DEPTH", reasoning_ledger_depth=str(self.depth), evidence_ledger_depth=str(self.gate))
        nonce = framed("selfsame/migration-nonce/v1", self.cluster, self.substrate, r["migration_id"], r["seal_index"],
                       bare(self.head))
        says(r, "MIGRATION_NONCE", nonce=nonce)
        self.seal = r

    def on_holder_recovery(self, r):
        more = int(r["recovery_count"]) - self.recoveries
        need(more > 0, "RECOVERY_COUNT", r["recovery_count"])
        says(r, "RECOVERY_CHIP", chip=self.chip)
        says(r, "RECOVERY_EPOCH", ended=str(self.epoch), epoch=str(self.epoch + more * 2**32))
        self.epoch, self.recoveries = int(r["epoch"]), int(r["recovery_count"])
        self.constitution = {**self.constitution, "recovery_count": r["recovery_count"]}

    def activated(self, r, chip, hashed):
        need(self.seal and self.seal["migration_id"] == r["migration_id"], "MIGRATION_SEALED", r["migration_id"])
        says(r, "MIGRATION_EPOCH", epoch=str(self.epoch + 1))
        need(key_id(r["attestation"]["chip"]) == chip, "MIGRATION_CHIP")
        need(tagged("attestation", r["attestation"]) == hashed, "ATTESTATION_HASH")
        claims = {"cluster": self.cluster, "continuity_hash": self.seal["continuity_hash"], "epoch": r["epoch"],
                  "head": self.seal["head"], "migration_id": r["migration_id"], "nonce": self.seal["nonce"],
                  "purpose": "activation", "substrate_id": self.substrate}
        need(attested(r["attestation"], claims), "MIGRATION_ATTESTATION")

    def on_migration_identity_attestation(self, r):
        self.activated(r, r["destination"], r["destination_attestation_hash"])
        says(r, "MIGRATION_ORIGIN", origin=self.seal["origin"])
        says(r, "MIGRATION_DESTINATION", destination=self.seal["destination"])
        says(r, "MIGRATION_NONCE", nonce=self.seal["nonce"])
        says(r, "CONTINUITY_HASH", continuity_hash=self.seal["continuity_hash"])
        says(r, "ORIGIN_ATTESTATION", origin_attestation_hash=self.attestation)
        self.arrival, self.seal, self.epoch, self.chip = r, None, self.epoch + 1, r["destination"]

    def on_migration_abort(self, r):
        self.activated(r, r["chip"], r["attestation_hash"])
        says(r, "MIGRATION_ORIGIN", chip=self.seal["origin"])
        self.attestation, self.seal, self.epoch = r["attestation_hash"], None, self.epoch + 1

    def finish(self):
        need(self.birth, "BIRTH_FIRST", "no birth")
        need(self.matched == len(self.closes), "CLOSE_IN_BOTH_LEDGERS")
        need(self.open or self.chains["evidence"].depth == self.gate, "EVIDENCE_GATE", "Evidence behind the close")

    def counts(self):
        return {ledger: chain.depth for ledger, chain in self.chains.items()}
