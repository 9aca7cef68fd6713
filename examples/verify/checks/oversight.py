"""A substrate under governance: docs/protocol.md, section 14.6. The history of keys was read before; what was before an entry
of Reasoning has a lower index."""
from .base import key_id, need, same

# Records that only the holder writes, while its chip is in service.
HELD = "reasoning amendment amendment_refusal write_refusal session_close".split()


class Oversight:
    def __init__(self, keys, substrate):
        self.keys, self.substrate = keys, substrate
        # The seals that ballots made, and the nodes that a verification outvoted, by submission.
        self.sealed, self.outvoted = set(), set()

    def record(self, state, sort, value):
        r, self.index, self.submission = value["record"], int(value["index"]), value["submission"]
        getattr(self, "on_" + r["record_type"], lambda state, r: None)(state, r)
        if sort in HELD or sort == "resolution cycle":
            self.serves(state.chip)
        if r["record_type"] == "session_close":
            self.wrote(state.chip, state.written)

    def finish(self, state):
        if state.open:
            self.wrote(state.chip, state.wrote())
        for seal in self.keys.seals:
            need(seal["substrate_id"] != self.substrate or seal["ballot"] in self.sealed, "SEAL_BALLOT", seal["ballot"])
        for one in self.keys.quarantines:
            caused = one["late"] or (one["submission"], one["node"]) in self.outvoted
            need(one["substrate_id"] != self.substrate or caused, "QUARANTINE_CAUSE", one["node"])

    # Chips.

    def enrolled(self, chip_id):
        chip = self.keys.chips.get(chip_id)
        need(chip and chip["since"] < self.index, "CHIP_ENROLLED", chip_id)
        return chip

    def serves(self, chip_id):
        """The chip was not retired before, by itself or with its organisation."""
        retired = self.keys.chips[chip_id]["retired"]
        need(retired is None or retired[0] > self.index, "CHIP_IN_SERVICE", chip_id)

    def wrote(self, chip_id, time):
        """The holder was not retired before the last record that the session wrote in Evidence."""
        retired = self.keys.chips[chip_id]["retired"]
        need(time is None or retired is None or retired[1] >= time, "CHIP_IN_SERVICE", f"{chip_id} at {time}")

    def recoveries(self):
        return str(sum(index < self.index for index in self.keys.recoveries))

    def on_substrate_identity(self, state, r):
        chip = self.enrolled(key_id(r["chip"]))
        need(chip["organisation"] == r["organisation"], "CHIP_ENROLLED", r["organisation"])
        need(r["constitution"].get("recovery_count", "0") == self.recoveries(), "RECOVERY_COUNT", self.recoveries())

    def on_holder_recovery(self, state, r):
        need(r["recovery_count"] == self.recoveries(), "RECOVERY_COUNT", self.recoveries())

    def on_migration_seal(self, state, r):
        self.enrolled(r["destination"])
        self.serves(r["destination"])
        if "ballot" not in r:
            self.serves(r["origin"])
            return
        asked = {"ballot": r["ballot"], "submission": self.submission, "substrate_id": self.substrate,
                 "migration_id": r["migration_id"], "destination": r["destination"]}
        carried = [seal for seal in self.keys.seals if seal["index"] < self.index and asked.items() <= seal.items()]
        need(carried, "SEAL_BALLOT", r["ballot"])
        self.sealed.add(r["ballot"])

    def on_migration_identity_attestation(self, state, r):
        self.enrolled(r["destination"])
        self.serves(r["destination"])

    def on_migration_abort(self, state, r):
        self.enrolled(r["chip"])
        self.serves(r["chip"])

    # Nodes.

    def on_identity_verification(self, state, r):
        before = {name: node for name, node in self.keys.nodes.items() if node["since"] < self.index}
        for verdict in r["verdicts"]:
            node = before.get(verdict["node"])
            need(node and node["organisation"] == verdict["organisation"], "VERDICT_ELECTORATE", verdict["node"])
        serving = {name for name, node in before.items() if node["left"] is None or node["left"] > self.index}
        verdicts = [verdict for verdict in r["verdicts"] if verdict["node"] in serving]
        need(decided(verdicts, len(serving)) == (r["outcome"], r["detail"]), "VERDICT_QUORUM", f"{len(serving)} nodes in service")
        if r["outcome"] == "HASH_MISMATCH":
            return
        for verdict in verdicts:
            if verdict["finding"]["outcome"] == "HASH_MISMATCH":
                out = {"submission": self.submission, "substrate_id": self.substrate, "node": verdict["node"]}
                need(any(out.items() <= one.items() and same(one["finding"], verdict["finding"])
                         for one in self.keys.quarantines), "QUARANTINE_MISSING", verdict["node"])
                self.outvoted.add((self.submission, verdict["node"]))


def decided(verdicts, n):
    """Outcome and check that verdicts come to where n nodes are in service (section 11); None while it is open."""
    findings = [verdict["finding"] for verdict in verdicts]
    for finding in findings:
        if sum(other["outcome"] == finding["outcome"] for other in findings) >= n // 2 + 1:
            return finding["outcome"], finding["check"]
    return ("HASH_MISMATCH", "NO_MAJORITY") if len(findings) == n else None
