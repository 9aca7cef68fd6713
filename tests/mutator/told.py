"""Histories of the substrate of the vectors that need the history of keys: recoveries, seals by ballot, chips and nodes that leave."""
import datetime
import json

from generator import bundle_history, cluster, merkle
from generator.bundle_history import CHIP, DESTINATION, SUBSTRATE, chip_id
from generator.common import jcs, prefixed, sha256, tagged
from generator.envelope import json_form, pae, submission
from generator.governance import SEEDS, ballot_digest, constitution, digest, key
from generator.p104 import attest, secret

THIRD, NEW_ROOT = 0xC3, 0xD3  # a third chip, and a key that replaces another
MORE = {"4": (0xE0, 0xE1), "5": (0xE2, 0xE3)}  # key and cosigner of nodes that are enrolled later
WEEK = 7 * 86_400


class Told(bundle_history.History):
    """A history that goes on in the chains of governance as well as in those of the substrate."""

    def __init__(self, tell, before=lambda history: None):
        self.roots, self.nodes = {name: seeds[0] for name, seeds in SEEDS.items()}, [("1", "aurora"), ("2", "borealis")]
        self.heads, self.requests, self.epoch, self.held, self.before = {}, 0, 1, False, before
        super().__init__({"at the end": lambda history: tell(history) or True})
        self.rules = constitution(publisher={"organisation": "aurora", "log_key": key(cluster.LOG)})
        for _, leaf, _ in self.keys:
            self.chained(leaf)
        self.write()

    def time(self):
        return (datetime.datetime(2026, 3, 8) + datetime.timedelta(seconds=self.clock)).strftime("%Y-%m-%dT%H:%M:%S.000Z")

    def begin(self, group):
        if not self.held:
            super().begin(group)

    # The history of keys.

    def chained(self, leaf):
        subject = json.loads(leaf)["subject"]
        self.heads[subject] = self.heads.get(subject, (0, None))[0] + 1, prefixed(merkle.leaf_hash(leaf))

    def signed(self, role, seed, command):
        """The next submission; what follows is of it, also in the chains of the substrate, as long as `held` says so."""
        self.requests += 1
        payload = jcs(submission(role, seed, command, f"told-{self.requests}"))
        self.begin(payload.decode())
        self.group = payload.decode()
        self.pending = jcs({"submission": json_form(payload, secret(seed).sign(pae(payload)), seed)}).decode()

    def push(self, subject, record):
        depth, head = self.heads.get(subject, (0, None))
        index = len(self.leaves["reasoning"])
        leaf = jcs({"index": str(index), "ledger": "reasoning", "subject": subject, "depth": str(depth), "prior_entry_hash": head,
                    "time": self.time(), "submission": prefixed(sha256(self.group.encode())), "record": record})
        self.keys.append((index, leaf, self.pending))
        self.pending = None
        self.leaves["reasoning"].append(leaf)
        self.chained(leaf)

    def action(self, organisation, /, **action):
        self.push(f"organisation:{organisation}", {"record_type": "governance", "action": action})

    def acts(self, organisation, kind, /, **members):
        """What an organisation does itself."""
        self.signed("root", self.roots[organisation], {"kind": kind, **members})
        self.action(organisation, action=kind, **members)

    def enrol_chip(self, organisation, seed):
        members = {"technology": "software"}
        self.signed("root", self.roots[organisation], {"kind": "enrol_chip", "chip": key(seed), **members})
        self.action(organisation, action="enrol_chip", chip=chip_id(seed), key=key(seed), **members)

    def enrol_node(self, organisation, node):
        self.acts(organisation, "enrol_node", node=node, key=key(MORE[node][0]), cosigner=key(MORE[node][1]))

    def ballot(self, ballot, proposal, by=("aurora", "borealis", "cygnus"), waits=0):
        """A ballot that the last vote carries, or a conclusion after some time. Its decision is the last entry."""
        self.acts(by[0], "propose", proposal_id=ballot, proposal=proposal)
        for name in by[1:]:
            self.acts(name, "vote", proposal_id=ballot, ballot=ballot_digest(ballot, proposal, digest(self.rules)), approve=True)
        if waits:
            self.clock += waits
            self.acts(by[0], "conclude", proposal_id=ballot)
        self.push("cluster", {
            "record_type": "ballot_decided", "proposal_id": ballot, "proposal": proposal, "approvals": sorted(by),
            "threshold": str(len(by)), "constitutional_state_hash": digest(self.rules)})

    def changed(self, ballot, voided=(), **members):
        before, self.rules = self.rules, {**self.rules, "revision": str(int(self.rules["revision"]) + 1), **members}
        self.push("cluster", {"record_type": "constitution_changed", "proposal_id": ballot, "before": before,
                              "before_hash": digest(before), "after": self.rules, "after_hash": digest(self.rules),
                              **({"voided": list(voided)} if voided else {})})

    def recovery(self, ballot="recovery"):
        trees = {ledger: {"size": str(size), "root": prefixed(root)} for ledger, (size, root) in self.trees().items()}
        proposal = {"action": "recovery", "reason": "two disks are lost", **trees}
        self.ballot(ballot, proposal)
        count = str(int(self.rules["recovery_count"]) + 1)
        self.changed(ballot, recovery_count=count)
        self.push("cluster", {"record_type": "recovery", "proposal_id": ballot, "recovery_count": count,
                              "reason": proposal["reason"], **trees})

    def quarantine(self, node, organisation, finding):
        self.push("cluster", {"record_type": "node_quarantine", "node": node, "organisation": organisation, "finding": finding,
                              "substrate_id": SUBSTRATE})

    def verdict(self, node, finding):
        """A verdict, and what it causes is of this submission."""
        seed = MORE[node][0] if node in MORE else cluster.NODES[int(node) - 1]
        self.signed("node", seed, {"kind": "verdict", "substrate_id": SUBSTRATE, "verification": "7", "finding": finding})

    # The substrate.

    def birth(self):
        self.before(self)
        super().birth()

    def holds(self, *steps):
        """Steps of one submission."""
        self.held = True
        for step in steps:
            step()
        self.held = False

    def verification(self, finding=None, outvoted=(), said=None):
        """The outcome of the electorate's verdicts, the last of which decided; `outvoted` found something else before."""
        finding = finding or self.finding()
        says = said or [*[(*one, self.mismatch()) for one in outvoted], *[(*one, finding) for one in self.nodes]]
        verdicts = [{"node": node, "organisation": name, "finding": found} for node, name, found in says]
        self.hooks[f"verification {self.session + 1}"] = lambda record: {**record, "verdicts": verdicts}
        return super().verification(finding)

    def holder_recovery(self, chip):
        count = int(self.rules["recovery_count"])
        more = count - int(self.constitution.get("recovery_count", "0"))
        ended, self.epoch = self.epoch, self.epoch + (more << 32)
        self.append("reasoning", "recovered holder", {
            "record_type": "holder_recovery", "recovery_count": str(count), "chip": chip_id(chip), "ended": str(ended),
            "epoch": str(self.epoch)})
        self.constitution = {**self.constitution, "recovery_count": str(count)}

    def recover_close(self):
        self.hooks[f"close {self.session}"] = lambda record: {**record, "recovered": True}
        self.close()

    def sealed(self, migration, origin, destination, ballot=None):
        self.hooks[migration] = lambda record: {**record, "ballot": ballot} if ballot else record
        self.nonce = self.seal(migration, migration, str(self.epoch), origin, destination)

    def forced(self, migration, origin, destination, *before, by=("aurora", "borealis", "cygnus")):
        """A seal by ballot, in the submission of the last vote."""
        self.ballot("seal-" + migration, {"action": "force_seal", "substrate_id": SUBSTRATE, "migration_id": migration,
                                          "destination": chip_id(destination), "reason": "the chip is lost"}, by)
        self.holds(*before, lambda: self.sealed(migration, origin, destination, "seal-" + migration))

    def activation(self, migration, chip):
        self.epoch += 1
        claims = {"purpose": "activation", "cluster": cluster.NAME, "substrate_id": SUBSTRATE, "migration_id": migration,
                  "nonce": self.nonce, "epoch": str(self.epoch), "continuity_hash": self.continuity, "head": self.head}
        attestation = attest(claims, chip)
        return attestation, prefixed(tagged("selfsame/attestation/v1", attestation))

    def arrive(self, migration, origin, destination, *before):
        self.begin("arrival " + migration)
        self.holds(*before)
        attestation, attested = self.activation(migration, destination)
        record = self.append("reasoning", "arrival " + migration, {
            "record_type": "migration_identity_attestation", "migration_id": migration, "origin": chip_id(origin),
            "destination": chip_id(destination), "origin_attestation_hash": self.attested,
            "destination_attestation_hash": attested, "attestation": attestation, "continuity_hash": self.continuity,
            "nonce": self.nonce, "epoch": str(self.epoch)})
        self.constitution = {**self.constitution, "chip": chip_id(destination)}
        self.cycle("migration/" + migration, record, attestations=(self.attested, attested))
        self.attested = attested

    def abort(self, migration, chip, *before):
        self.begin("abort " + migration)
        self.holds(*before)
        attestation, self.attested = self.activation(migration, chip)
        self.append("reasoning", "abort " + migration, {
            "record_type": "migration_abort", "migration_id": migration, "chip": chip_id(chip), "epoch": str(self.epoch),
            "attestation": attestation, "attestation_hash": self.attested})
        self.events = [*self.events, "MIGRATION"]

    def worked(self, name):
        """A session in which something is written."""
        self.verification()
        self.write_record("evidence", "evidence of " + name, {"record_type": "evidence", "data": name})
        self.write_record("reasoning", "reasoning of " + name, {"record_type": "reasoning", "data": name})
        self.cycle(name, {"goalvector_id": "gv-" + name, "outcome": None})
        self.close()

    def lines(self):
        return [line for line in super().lines() if line is not None]


def recovered(history):
    """The cluster is recovered twice; a holder goes on, and the next arrives."""
    history.recovery()
    history.begin("open")
    history.holder_recovery(CHIP)
    history.verification()
    amendment = {"founding_tension_hash": history.fth, "reason": "none", "remove": ["never there"]}
    history.write_record("reasoning", "refusal", {"record_type": "amendment_refusal", "code": "AMENDMENT_INVALID",
                                                  "rule": "it is not in force", "amendment": amendment, "drift": 0})
    history.write_record("reasoning", "refused", {
        "record_type": "write_refusal", "code": "DANGLING_REFERENCE", "rule": "no such entry", "expected": "an entry",
        "found": "sha256:" + "0" * 64})
    history.cycle("cycle-3", {"goalvector_id": "gv-3", "outcome": None})
    history.close()
    history.sealed("m-1", CHIP, DESTINATION)
    history.recovery("again")
    history.arrive("m-1", CHIP, DESTINATION, lambda: history.holder_recovery(CHIP))


def newborn():
    """A substrate that is born after a recovery; its first migration is given up."""
    def before(history):
        history.recovery()
        history.epoch += 1 << 32
        history.hooks["birth"] = lambda r: {**r, "constitution": {**r["constitution"], "recovery_count": "1"}}

    def tell(history):
        history.sealed("m-1", CHIP, DESTINATION)
        history.abort("m-1", CHIP)
        history.worked("cycle-3")
        history.acts("borealis", "retire_chip", chip=chip_id(DESTINATION))
    return Told(tell, before)


def forced(history):
    """A key is replaced by a ballot, and with it another one seals an open session; the chip that held it is retired."""
    new = {"action": "rotate_key", "organisation": "cygnus", "key": "root", "new": key(NEW_ROOT), "reason": "lost"}
    history.ballot("rotate", new, ("aurora", "borealis"), WEEK)
    history.action("cygnus", action="rotate_key", key="root", old=key(history.roots["cygnus"]), new=key(NEW_ROOT),
                   proposal_id="rotate")
    history.roots["cygnus"] = NEW_ROOT
    history.verification()
    history.write_record("evidence", "last", {"record_type": "evidence", "data": "the last words"})
    history.forced("m-1", CHIP, DESTINATION, history.recover_close)
    history.acts("aurora", "retire_chip", chip=chip_id(CHIP))
    history.arrive("m-1", CHIP, DESTINATION)
    history.worked("cycle-3")


def resealed(history):
    """The cluster is recovered while a session is open; a ballot brings the holder to the new epoch, closes the session and seals."""
    history.verification()
    history.write_record("evidence", "last", {"record_type": "evidence", "data": "the last words"})
    history.recovery()
    history.forced("m-1", CHIP, DESTINATION, lambda: history.holder_recovery(CHIP), history.recover_close)
    history.forced("m-2", CHIP, DESTINATION)
    history.recovery("again")
    history.arrive("m-2", CHIP, DESTINATION, lambda: history.holder_recovery(CHIP))
    history.worked("cycle-3")


def retired(history):
    """The holder is retired by a ballot in an open session, and the destination of its seal as well; a third chip arrives."""
    history.enrol_chip("cygnus", THIRD)
    history.verification()
    history.write_record("evidence", "last", {"record_type": "evidence", "data": "the last words"})
    history.ballot("retire", {"action": "retire_chip", "chip": chip_id(CHIP), "reason": "stolen"})
    history.action("aurora", action="retire_chip", chip=chip_id(CHIP), proposal_id="retire")
    history.recover_close()
    history.forced("m-1", CHIP, DESTINATION)
    history.acts("borealis", "retire_chip", chip=chip_id(DESTINATION))
    history.forced("m-2", CHIP, THIRD)
    history.arrive("m-2", CHIP, THIRD)
    history.worked("cycle-3")


def removed(history):
    """The organisation of the holder's chip is removed, and its node with it; the ballot of the others seals."""
    history.sealed("m-1", CHIP, DESTINATION)
    history.arrive("m-1", CHIP, DESTINATION)
    history.verification()
    history.write_record("evidence", "last", {"record_type": "evidence", "data": "the last words"})
    history.ballot("remove", {"action": "remove_organisation", "name": "borealis", "reason": "gone"}, ("aurora", "cygnus"), WEEK)
    history.changed("remove", organisations=["aurora", "cygnus"])
    history.action("borealis", action="remove_organisation", organisation="borealis", nodes=["2"], keys_ended="4",
                   proposal_id="remove")
    history.nodes = [("1", "aurora"), ("3", "cygnus")]
    history.forced("m-2", DESTINATION, CHIP, history.recover_close, by=("aurora", "cygnus"))
    history.arrive("m-2", DESTINATION, CHIP)
    history.worked("cycle-3")


def outvoted(history):
    """One node is outvoted, another says too late that its copy failed."""
    history.enrol_node("cygnus", "4")
    finding, history.nodes = history.mismatch(), [("2", "borealis"), ("1", "aurora"), ("3", "cygnus")]
    history.verdict("3", history.finding())
    history.holds(lambda: history.verification(outvoted=[("4", "cygnus")]))
    history.quarantine("4", "cygnus", finding)
    history.cycle("cycle-3", {"goalvector_id": "gv-3", "outcome": None})
    history.enrol_node("aurora", "5")
    finding = {**history.mismatch(), "found": "x" * 300}
    history.verdict("5", finding)
    history.quarantine("5", "aurora", {**finding, "found": "x" * 200 + "\u2026"})
    history.close()
    history.nodes = history.nodes[1:]
    history.worked("cycle-4")


def recounted(history):
    """A node is retired that a verification waited for: the others decide, and one of them is outvoted."""
    history.enrol_node("cygnus", "4")
    finding = history.mismatch()
    history.acts("cygnus", "retire_node", node="3")
    history.holds(lambda: history.verification(outvoted=[("4", "cygnus")]))
    history.quarantine("4", "cygnus", finding)
    history.cycle("cycle-3", {"goalvector_id": "gv-3", "outcome": None})
    history.close()
    history.worked("cycle-4")


def divided(history):
    """Of four nodes two find one thing and two another: no outcome has a majority."""
    history.enrol_node("cygnus", "4")
    finding, failed = history.finding(), history.mismatch()
    said = [("3", "cygnus", finding), ("2", "borealis", failed), ("1", "aurora", finding), ("4", "cygnus", failed)]
    found = ", ".join(f"node {node}: {one['outcome']}" for node, _, one in said)
    none = {"outcome": "HASH_MISMATCH", "check": "NO_MAJORITY", "expected": "3 equal verdicts of 4", "found": found, "drift": 0,
            "lineage_depth": "0", "entries_checked": "0"}
    history.verification(none, said=said)
    history.append("reasoning", "tampering", {"record_type": "tampering_detection", "session": str(history.session), "finding": none,
                                              "head": history.head})
    history.append("reasoning", "suppression", {"record_type": "suppression", "reason": "HASH_MISMATCH"})


HISTORIES = {"recovered": lambda: Told(recovered), "newborn": newborn, "forced": lambda: Told(forced),
             "resealed": lambda: Told(resealed), "retired": lambda: Told(retired), "removed": lambda: Told(removed),
             "outvoted": lambda: Told(outvoted), "recounted": lambda: Told(recounted), "divided": lambda: Told(divided)}
