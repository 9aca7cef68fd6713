"""The history of a substrate, replayed: docs/protocol.md, section 11.1; with the history of keys 14.6 as well."""
import copy

from . import sessions
from .base import EMPTY, attested, bare, framed, jcs, key_id, name_of, need, same, says, sha, tagged
from .chains import Chain, Ledger
from .forms import FORMS, entry

KINDS = """reasoning substrate_identity identity_propagation session_close identity_verification tampering_detection suppression
new_identity_lineage amendment amendment_refusal migration_seal migration_identity_attestation migration_abort write_refusal
holder_recovery""".split()
GATED = "reasoning amendment amendment_refusal write_refusal session_close".split()
LEDGERS = ("evidence", "reasoning")
ANCHORED = "substrate_identity identity_propagation migration_seal session_close".split()
# A record and those that the same submission writes directly behind it.
TOGETHER = {
    "amendment": ["amendment", "resolution cycle"], "HASH_MISMATCH": ["tampering_detection"], "tampering_detection": ["suppression"],
    "DRIFT_EXCEEDED": ["new_identity_lineage"], "migration_identity_attestation": ["migration cycle"],
    "holder_recovery": ["migration_identity_attestation", "migration_abort", "recovered close", "ballot seal"],
}
MAY = [("reasoning", "reasoning"), ("recovered close", "ballot seal"), ("evidence", "evidence")]


def sort_of(r):
    """What a record is, where its kind alone does not say what may follow it."""
    kind = r["record_type"]
    if kind == "identity_propagation":
        return r["cycle_kind"] + " cycle"
    if kind == "session_close" and r["recovered"]:
        return "recovered close"
    if kind == "migration_seal" and "ballot" in r:
        return "ballot seal"
    return r["outcome"] if kind == "identity_verification" else kind


class Substrate:
    def __init__(self, cluster, substrate, oversight=None):
        self.cluster, self.substrate, self.oversight = cluster, substrate, oversight
        self.chains = {ledger: Chain() for ledger in LEDGERS}
        self.ledgers = {ledger: Ledger() for ledger in LEDGERS}
        self.lasts, self.closes, self.evidence = {ledger: None for ledger in LEDGERS}, [], {}
        self.matched, self.cycles, self.birth, self.open, self.session, self.events = 0, 0, None, False, 0, []
        self.head = self.constitution = self.attestation = self.continuity = self.closed = self.seal = self.arrival = None
        self.queued, self.epoch, self.chip, self.recoveries, self.gate, self.ended = [], 0, None, 0, 0, None
        self.nodes, self.overruled, self.cycle_ids, self.migrations, self.ballots = {}, set(), set(), set(), set()
        self.anchor, self.shown, self.seal_index, self.finding, self.recovering = None, -1, 0, None, False

    def take(self, ledger, leaf):
        """The next entry; gives its index."""
        value = entry(leaf)
        need(value["ledger"] == ledger, "ENTRY_LEDGER", value["ledger"])
        need(value["subject"] == "substrate:" + self.substrate, "ENTRY_SUBJECT", value["subject"])
        chain, record, index = self.chains[ledger], value["record"], int(value["index"])
        self.depth, self.before, self.time, self.value, self.index = chain.depth, chain.prior, value["time"], value, index
        chain.next(value, leaf)
        self.ledgers[ledger].next(value)
        kind, sort, self.last = record["record_type"], sort_of(record), self.lasts[ledger]
        if ledger == "evidence":
            need(kind in ("evidence", "session_close"), "RECORD_KIND", kind)
            if kind == "session_close":
                says(record, "EVIDENCE_DEPTH", evidence_ledger_depth=str(self.depth))
                self.closes.append((value, self.before, index, self.wrote()))
            if self.last is None or self.last["kind"] == "session_close":
                self.evidence[self.depth] = (value["time"], index)
        else:
            self.reasoning(kind, sort, record)
        self.group(sort, value)
        if self.oversight and ledger == "reasoning":
            self.oversight.record(self, sort, value)
        self.lasts[ledger] = {"kind": kind, "sort": sort, "time": value["time"], "submission": value["submission"], "index": index,
                               "recovering": ledger == "reasoning" and self.recovering}
        return index

    def wrote(self):
        """The time of the last Evidence entry since the close before; None where there is none."""
        last = self.lasts["evidence"]
        return last["time"] if last and last["kind"] == "evidence" else None

    def reasoning(self, kind, sort, r):
        need(kind in KINDS, "RECORD_KIND", kind)
        need((self.birth is None) == (kind == "substrate_identity"), "BIRTH_FIRST", kind)
        need(self.ended is None, self.ended or "", kind)
        self.due(sort, r)
        if self.seal:
            need(sort in ("migration_identity_attestation", "migration_abort", "holder_recovery", "ballot seal"), "SEALED", kind)
        need(self.open or not (kind in GATED or sort == "resolution cycle"), "SESSION_GATE", kind)
        need(not self.open or kind != "identity_verification", "SESSION_CLOSED")
        getattr(self, "on_" + kind, lambda r: None)(r)
        if kind in ANCHORED:
            self.anchored(r["evidence_ledger"])
        getattr(self, "once_" + kind, lambda r: None)(r)
        if kind != "identity_verification" and sort != "recovered close":
            self.shown = self.index
        self.recovering = kind == "holder_recovery" or (self.recovering and sort == "recovered close")

    def due(self, sort, r):
        """The record is the one that has to follow, and none that may not stand here. Without a record: the end."""
        last = self.lasts["reasoning"]["sort"] if self.lasts["reasoning"] else None
        if last == "amendment":
            need(sort in TOGETHER[last], "AMENDMENT_ENACTED", sort)
        if last == "migration_identity_attestation":
            need(sort in TOGETHER[last], "ARRIVAL_CYCLE", sort)
        outcome = TOGETHER[last] if last in ("HASH_MISMATCH", "tampering_detection", "DRIFT_EXCEEDED") else None
        if outcome:
            need(sort in outcome, "OUTCOME_RECORDS", sort)
        if self.recovering:
            if self.seal:
                allowed = ["migration_identity_attestation", "migration_abort", "ballot seal"]
            elif self.open:
                allowed = ["recovered close"]
            elif last == "holder_recovery":
                allowed = ["ballot seal", *sessions_of(), None]
            else:
                allowed = ["ballot seal"]
            need(sort in allowed, "RECOVERY_STEP", sort)
        need(outcome or sort not in ("tampering_detection", "suppression", "new_identity_lineage"), "OUTCOME_RECORDS", sort)

    def group(self, sort, value):
        """What one submission writes names one submission, stands together, and has one time; nothing else does."""
        last = self.last
        if last is None:
            return
        equal = last["submission"] == value["submission"]
        if sort in TOGETHER.get(last["sort"], []) or (sort == "ballot seal" and last["recovering"]):
            need(equal, "SUBMISSION_GROUP", sort)
        elif (last["sort"], sort) not in MAY:
            need(not equal, "SUBMISSION_GROUP", sort)
        need(not equal or self.index == last["index"] + 1, "SUBMISSION_GROUP", self.index)
        need(not equal or last["time"] == value["time"], "SUBMISSION_TIME", sort)

    def anchored(self, anchor):
        size, root = int(anchor["size"]), anchor["root"]
        before = self.anchor
        least = self.closes[self.matched - 1][2] if self.matched and not self.closing else (
            self.closes[self.matched - 2][2] if self.matched > 1 else -1)
        need((before is None or size >= before[0]) and size > least, "ANCHOR_SIZE", size)
        need((before is None or size != before[0] or root == before[1]) and (size or root == name_of(EMPTY)), "ANCHOR_ROOT")
        self.anchor = size, root

    closing = property(lambda self: self.value["record"]["record_type"] == "session_close")

    def on_substrate_identity(self, r):
        says(r, "SUBSTRATE_ID", substrate_id=self.substrate)
        founding, constitution = jcs(r["founding"]).encode(), r["constitution"]
        need(len(founding) <= 24_576, "FOUNDING_SIZE", len(founding))
        tension = name_of(sha(founding))
        says(r, "FOUNDING_TENSION_HASH", founding_tension_hash=tension)
        says(constitution, "FOUNDING_IN_CONSTITUTION", founding_tension_hash=tension)
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
        self.chip, self.recoveries = key_id(r["chip"]), int(constitution.get("recovery_count", "0"))
        says(constitution, "BIRTH_CONSTITUTION", schema_version=r["schema_version_at_init"], chip=self.chip, amendment_head=None,
             amendments="0")
        need(len(jcs(constitution).encode()) <= 32_768, "CONSTITUTION_SIZE")
        need(4 * self.recoveries <= self.index, "RECOVERY_COUNT", self.recoveries)
        ahead = sessions.milliseconds(r["initialisation_timestamp"]) - sessions.milliseconds(self.value["time"])
        need(-86_400_000 <= ahead <= 3_600_000, "BIRTH_TIME", r["initialisation_timestamp"])
        self.birth, self.constitution, self.attestation = r, constitution, hashed
        self.epoch = self.recoveries * 2**32 + 1

    def on_identity_verification(self, r):
        self.finding = sessions.verification(self, r)
        since = self.evidence.get(self.gate)
        if since:
            need(since[0] >= self.time and since[1] >= self.anchor[0], "EVIDENCE_SINCE", since[0])
        self.session, self.events = self.session + 1, []
        self.open = r["outcome"] in ("VERIFIED", "INSUFFICIENT_DEPTH")
        self.verified = r

    def on_tampering_detection(self, r):
        says(r, "TAMPERING_DETECTION", session=self.verified["session"], head=self.head)
        found = r["finding"]
        need(same(found, self.finding), "TAMPERING_DETECTION", found["check"])

    def on_suppression(self, r):
        self.ended = "SUPPRESSED"

    def on_new_identity_lineage(self, r):
        says(r, "NEW_LINEAGE", prior_substrate_id=self.substrate, prior_head=self.head,
             prior_founding_tension_hash=self.birth["founding_tension_hash"], drift=self.verified["drift"],
             tolerance=self.birth["constitution"]["thresholds"]["drift_tolerance"])
        need(r["new_substrate_id"] != self.substrate, "NEW_LINEAGE", "the same substrate")
        self.ended = "LINEAGE_ENDED"

    def amended(self):
        """The constitution with what was queued since the last cycle."""
        value = copy.deepcopy(self.constitution)
        for amendment_hash, amendment in self.queued:
            value["amendment_head"], value["amendments"] = amendment_hash, str(int(value["amendments"]) + 1)
            value["parameters"].update(amendment.get("set", {}))
            for name in amendment.get("remove", []):
                value["parameters"].pop(name, None)
        return value

    def refused(self, amendment):
        return sessions.refusal(amendment, self.birth["founding_tension_hash"], self.constitution["parameters"])

    def on_amendment(self, r):
        amendment = r["amendment"]
        says(amendment, "AMENDMENT_FOUNDING_TENSION", founding_tension_hash=self.birth["founding_tension_hash"])
        need(self.refused(amendment) is None, "AMENDMENT_ACCEPTABLE")
        says(r, "AMENDMENT_HASH", amendment_hash=tagged("amendment", amendment))
        says(r, "AMENDMENT_CHAIN", prior_amendment=self.queued[-1][0] if self.queued else self.constitution["amendment_head"])
        self.queued.append((r["amendment_hash"], amendment))
        need(len(self.queued) <= 64 and len(jcs(amendment).encode()) <= 32_768 and len(jcs(self.amended()).encode()) <= 32_768,
             "AMENDMENT_ROOM")

    def on_amendment_refusal(self, r):
        code, drift = self.refused(r["amendment"]) or ("LIMIT_EXCEEDED", 0)
        says(r, "AMENDMENT_REFUSAL", code=code, drift=drift)

    def on_write_refusal(self, r):
        need(r["code"] in ("DANGLING_REFERENCE", "RUN_NOT_DECLARED") and FORMS["digest"](r["found"]), "WRITE_REFUSAL", r["code"])

    def on_identity_propagation(self, r):
        migration = r["cycle_kind"] == "migration"
        says(r, "PRIOR_IDENTITY_HASH", prior_identity_hash=self.head)
        tension = self.birth["founding_tension_hash"]
        says(r, "FOUNDING_TENSION_HASH", founding_tension_hash=tension)
        says(r["constitution"], "FOUNDING_IN_CONSTITUTION", founding_tension_hash=tension)
        says(r, "CYCLE_SEQUENCE", sequence=str(self.cycles + 1))
        says(r, "REASONING_DEPTH", reasoning_ledger_depth=str(self.depth))
        says(r, "CYCLE_TIME", cycle_timestamp=self.time)
        need(("record_type" in r["goalvector"]) == migration, "CYCLE_KIND", r["cycle_kind"])
        tag = "migration-identity-attestation" if migration else "goalvector-resolution"
        says(r, "GOALVECTOR_RESOLUTION_HASH", goalvector_resolution_hash=tagged(tag, r["goalvector"]))
        says(r, "CONSTITUTIONAL_STATE_HASH", constitutional_state_hash=tagged("constitutional-state", r["constitution"]))
        need(r.get("amendments", []) == [hashed for hashed, _ in self.queued], "AMENDMENTS_LISTED")
        expected = self.amended()
        if migration and self.arrival:
            expected["chip"] = self.arrival["destination"]
        need(same(r["constitution"], expected), "CONSTITUTION_AMENDED" if self.queued else "CONSTITUTION_UNCHANGED")
        both = [r.get("origin_attestation_hash"), r.get("destination_attestation_hash")]
        need(all(both) if migration else not any(both), "MIGRATION_ATTESTATIONS")
        if migration:
            need(self.arrival and same(r["goalvector"], self.arrival), "MIGRATION_ARRIVAL")
            says(r, "MIGRATION_ORIGIN", origin_attestation_hash=self.attestation or name_of(sha(b"")))
            self.attestation = self.arrival["destination_attestation_hash"]
            says(r, "MIGRATION_DESTINATION", destination_attestation_hash=self.attestation)
            says(r, "CYCLE_ID", cycle_id="migration/" + self.arrival["migration_id"])
            self.arrival = None
        else:
            need(not r["cycle_id"].startswith("migration/"), "CYCLE_ID", r["cycle_id"])
        operands = [bare(r["prior_identity_hash"]), bare(r["goalvector_resolution_hash"]), bare(r["constitutional_state_hash"]),
                    r["reasoning_ledger_depth"], r["cycle_timestamp"]] + list(map(bare, both if migration else []))
        says(r, "CYCLE_IDENTITY_HASH", cycle_identity_hash=framed(*operands))
        if self.queued:
            self.event("AMENDMENT")
        self.head, self.constitution, self.cycles, self.queued = r["cycle_identity_hash"], r["constitution"], self.cycles + 1, []

    def once_identity_propagation(self, r):
        need(r["cycle_id"] not in self.cycle_ids, "CYCLE_ID_ONCE", r["cycle_id"])
        self.cycle_ids.add(r["cycle_id"])

    def event(self, name):
        if name not in self.events:
            self.events = [*self.events, name]

    def on_session_close(self, r):
        need(self.matched < len(self.closes), "CLOSE_IN_BOTH_LEDGERS")
        copied, before, index, self.written = self.closes[self.matched]
        need(same(copied["record"], r), "CLOSE_COPIES_EQUAL")
        need(copied["submission"] == self.value["submission"], "CLOSE_SUBMISSION")
        says(r, "CLOSE_SESSION", session=str(self.session))
        says(r, "CLOSE_HEAD", latest_cycle_identity_hash=self.head)
        says(r, "REASONING_DEPTH", reasoning_ledger_depth=str(self.depth))
        says(r, "EVIDENCE_HEAD", evidence_head=before)
        says(r, "REASONING_HEAD", reasoning_head=self.before)
        says(r, "CLOSE_SCHEMA", schema_version=self.birth["schema_version_at_init"])
        need(r["session_close_timestamp"] == self.time == copied["time"], "CLOSE_TIME")
        self.continuity = framed(bare(self.head), r["evidence_ledger_depth"], r["reasoning_ledger_depth"],
                                 r["session_close_timestamp"], r["schema_version"])
        says(r, "CONTINUITY_HASH", cross_session_identity_continuity_hash=self.continuity)
        need(r["evidence_ledger"]["size"] == str(index), "CLOSE_ANCHOR", index)
        self.matched, self.open, self.gate = self.matched + 1, False, int(r["evidence_ledger_depth"]) + 1
        self.closed = r["session_close_timestamp"]

    def on_migration_seal(self, r):
        need(not self.open, "SEAL_CLOSED")
        says(r, "MIGRATION_EPOCH", epoch=str(self.epoch))
        says(r, "MIGRATION_ORIGIN", origin=self.chip)
        need(r["destination"] != self.chip, "SEAL_DESTINATION")
        thresholds = self.birth["constitution"]["thresholds"]
        need("attestation" in self.birth or not thresholds["migration_attestation"], "SEAL_COMPLETE")
        says(r, "SEAL_HEAD", head=self.head)
        says(r, "CONTINUITY_HASH", continuity_hash=self.continuity)
        says(r, "SEAL_DEPTH", reasoning_ledger_depth=str(self.depth), evidence_ledger_depth=str(self.gate))
        nonce = framed("selfsame/migration-nonce/v1", self.cluster, self.substrate, r["migration_id"], r["seal_index"],
                       bare(self.head))
        says(r, "MIGRATION_NONCE", nonce=nonce)
        need(int(r["seal_index"]) >= max(1, self.seal_index), "SEAL_INDEX", r["seal_index"])
        self.seal, self.seal_index = r, int(r["seal_index"])

    def once_migration_seal(self, r):
        need(r["migration_id"] not in self.migrations, "MIGRATION_ID_ONCE", r["migration_id"])
        need(r.get("ballot") not in self.ballots, "BALLOT_ONCE", r.get("ballot"))
        self.migrations.add(r["migration_id"])
        self.ballots |= {r["ballot"]} if "ballot" in r else set()

    def on_holder_recovery(self, r):
        more = int(r["recovery_count"]) - self.recoveries
        need(more > 0, "RECOVERY_COUNT", r["recovery_count"])
        need(self.index - self.shown - 1 >= 4 * more, "RECOVERY_COUNT", "no room for so many recoveries")
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
        self.event("MIGRATION")

    def on_migration_identity_attestation(self, r):
        self.activated(r, r["destination"], r["destination_attestation_hash"])
        says(r, "MIGRATION_ORIGIN", origin=self.seal["origin"])
        says(r, "MIGRATION_DESTINATION", destination=self.seal["destination"])
        says(r, "MIGRATION_NONCE", nonce=self.seal["nonce"])
        says(r, "CONTINUITY_HASH", continuity_hash=self.seal["continuity_hash"])
        says(r, "ORIGIN_ATTESTATION", origin_attestation_hash=self.attestation)
        need(self.cycles >= int(self.birth["constitution"]["thresholds"]["minimum_lineage_depth"]), "MIGRATION_DEPTH", self.cycles)
        self.arrival, self.seal, self.epoch, self.chip = r, None, self.epoch + 1, r["destination"]

    def on_migration_abort(self, r):
        self.activated(r, r["chip"], r["attestation_hash"])
        says(r, "MIGRATION_ORIGIN", chip=self.seal["origin"])
        self.attestation, self.seal, self.epoch = r["attestation_hash"], None, self.epoch + 1

    def finish(self):
        need(self.matched == len(self.closes), "CLOSE_IN_BOTH_LEDGERS")
        need(self.open or self.chains["evidence"].depth == self.gate, "EVIDENCE_GATE", "Evidence behind the close")
        self.due(None, None)
        need(self.birth, "BIRTH_FIRST", "no birth")
        if self.oversight:
            self.oversight.finish(self)

    def counts(self):
        return {ledger: chain.depth for ledger, chain in self.chains.items()}


def sessions_of():
    """The sorts of an `identity_verification`."""
    return ["VERIFIED", "INSUFFICIENT_DEPTH", "DRIFT_EXCEEDED", "HASH_MISMATCH"]
