"""The history of keys, replayed: docs/protocol.md, section 14.5."""
from .ballots import CHANGES, Ballot, changed, founding, possible
from .base import EMPTY, Refused, key_id, name_of, need, same, says, tagged
from .chains import Chain, Ledger
from .forms import entry
from .registry import Registry
from .sessions import cut

PLACES = {"governance": "organisation", "duplicate_refused": "organisation"} | {kind: "cluster" for kind in (
    "ballot_decided ballot_closed constitution_changed recovery organisation_quorum_warning node_quarantine").split()}
FENCED = "open_session append amend close_cycle close_session seal".split()
ENDS = ("ballot_decided", "ballot_closed")


class Governance(Registry):
    def __init__(self, genesis):
        super().__init__(genesis)
        self.constitution, self.ballots, self.chains, self.ledger = founding(genesis), {}, {}, Ledger()
        self.digest, self.seen, self.requests, self.due, self.entries = None, set(), set(), [], 0
        self.sealed, self.written, self.first, self.time, self.groups = False, [], 0, "", {}
        # For section 14.6: the indexes of recoveries, the seals that ballots carried, the nodes put out of service.
        self.recoveries, self.seals, self.quarantines = [], [], []

    def members(self):
        return self.constitution["organisations"]

    def quorum(self):
        return super().quorum(self.constitution)

    def take(self, ledger, leaf, submission):
        value = entry(leaf)
        need(submission and value["submission"] == submission.digest, "SUBMISSION_DIGEST")
        need(value["ledger"] == ledger == "reasoning", "ENTRY_LEDGER", value["ledger"])
        self.ledger.next(value)
        subject, digest, before = value["subject"], value["submission"], self.index
        fresh = digest != self.digest
        need(fresh or value["time"] == self.time, "SUBMISSION_TIME", value["time"])
        if fresh:
            self.settled()
            need(digest not in self.seen, "SUBMISSION_ONCE", digest)
        self.index, self.time, self.adjacent = int(value["index"]), value["time"], int(value["index"]) == before + 1
        self.chains.setdefault(subject, Chain()).next(value, leaf)
        need(not (self.sealed and self.adjacent), "CARRIED_OUT", "no seal stands between")
        self.sealed = False
        record = value["record"]
        kind = record["record_type"]
        need(kind in PLACES, "RECORD_KIND", kind)
        need(subject.split(":")[0] == PLACES[kind], "ENTRY_SUBJECT", subject)
        self.subject, self.entries = subject.removeprefix("organisation:"), self.entries + 1
        if fresh:
            self.begin(digest, submission)
        self.authored(kind, record)
        if self.due:
            check, kinds, _ = self.due[0]
            need(self.named(kind, record) in kinds, check, kind)
            need(self.adjacent, "SUBMISSION_GROUP", self.index)
        getattr(self, "on_" + kind)(record)
        self.written.append(kind)
        return self.index

    def begin(self, digest, submission):
        """The first entry of a submission."""
        self.within(submission)
        author = submission.payload["author"]["key"]
        request = author, submission.payload["request_id"]
        need(request not in self.requests, "REQUEST_ID", request[1])
        self.organisation = self.author(submission, None, None)
        self.digest, self.submission, self.command = digest, submission, submission.payload["command"]
        self.seen.add(digest)
        self.requests.add(request)
        self.written, self.first, self.groups, self.passed = [], self.index, {}, ""

    def authored(self, kind, r):
        own = kind == "governance" and (
            "proposal_id" not in r["action"] or r["action"]["action"] in ("propose", "vote", "conclude"))
        if own or kind == "duplicate_refused":
            need(self.subject == self.organisation, "SUBMISSION_AUTHOR", self.organisation)
            author = self.submission.payload["author"]["key"]
            need(own or r["chip"] == key_id(author), "SUBMISSION_AUTHOR", author)

    def named(self, kind, r):
        """What a record is, as something that may be due."""
        action = r.get("action", {})
        by_ballot = "proposal_id" in action and action["action"] not in ("propose", "vote", "conclude")
        return action["action"] + " by ballot" if by_ballot else kind

    def settled(self):
        """Of the submission before nothing is due any more, and it did what it was for."""
        if self.due:
            raise Refused(self.due[0][0], f"{self.due[0][1][0]} is missing")
        need(not self.written or any(kind != "ballot_closed" for kind in self.written), "SUBMISSION_ENTRIES", "ends alone")

    def finish(self):
        self.settled()

    def comes(self, check, *kinds):
        """What is due is of these kinds; gives what is known of it."""
        need(self.due and set(self.due[0][1]) & set(kinds), check, kinds[0])
        return self.due.pop(0)[2]

    # Actions.

    def on_governance(self, r):
        a = r["action"]
        name = a["action"]
        if self.named("governance", r) != "governance":
            ballot = self.comes("CARRIED_OUT", name + " by ballot")
            says(a, "CARRIED_OUT", proposal_id=ballot.id)
            getattr(self, "effect_" + name)(ballot.proposal, a)
            return
        ends = name == "propose" and all(kind == "ballot_closed" for kind in self.written)
        need(not self.written or ends, "SUBMISSION_ENTRIES", name)
        need(not self.written or self.adjacent, "SUBMISSION_GROUP", self.index)
        asked = {member: value for member, value in a.items() if member not in ("action", "old")}
        if name == "enrol_chip":
            need(a["chip"] == key_id(a["key"]) or a["key"] != self.command.get("chip"), "SUBMISSION_COMMAND", a["chip"])
            asked["chip"] = asked.pop("key")
        need(same({"kind": name, **asked}, self.command), "SUBMISSION_COMMAND", name)
        need(self.subject in self.members(), "GOVERNANCE_MEMBER", self.subject)
        getattr(self, "do_" + name)(a)

    def do_rotate_key(self, a):
        old = self.keys.get(a["old"])
        need(old and old.role == a["key"] and old.organisation == self.subject and old.until is None, "KEY_IN_FORCE", a["old"])
        self.register(a["new"], a["key"], self.subject, self.time)
        self.end(a["old"], self.time)

    def do_enrol_node(self, a):
        need(a["node"] not in self.nodes and a["node"] != "0", "NODE_ID", a["node"])
        self.enrol(a["node"], self.subject, a["key"], a["cosigner"], self.time)
        need(len(self.members()) < 2 or self.subject not in self.holders(), "NODE_BALANCE", self.subject)

    def balanced(self, before):
        need(len(self.members()) < 2 or self.holders() <= before, "NODE_BALANCE")

    def do_retire_node(self, a):
        node, before = self.nodes.get(a["node"]), self.holders()
        need(node and node["organisation"] == self.subject and not node["retired"], "NODE_ID", a["node"])
        self.retire(node, self.time)
        self.balanced(before)

    def do_enrol_chip(self, a):
        need(a["chip"] == key_id(a["key"]), "CHIP_ID", a["chip"])
        self.register(a["key"], "chip", self.subject, self.time)
        self.chips[a["chip"]] = {"organisation": self.subject, "key": a["key"], "serves": True, "since": self.index,
                                 "retired": None}

    def do_retire_chip(self, a):
        chip = self.chips.get(a["chip"])
        need(chip and chip["serves"], "CHIP_IN_SERVICE", a["chip"])
        need(chip["organisation"] == self.subject, "ENTRY_SUBJECT", self.subject)
        self.retire_chip(chip, self.time)
        self.end(chip["key"], self.time)

    def do_propose(self, a):
        need(a["proposal_id"] not in self.ballots, "PROPOSAL_ID", a["proposal_id"])
        need(not self.overdue(), "BALLOT_TIME", "a ballot whose time is over is open")
        own = [ballot for ballot in self.ballots.values() if ballot.open and ballot.by == self.subject]
        need(len(own) < 8, "BALLOT_LIMIT", self.subject)
        need(possible(a["proposal"], self.constitution), "BALLOT_PROPOSAL", a["proposal"]["action"])
        ballot = self.ballots[a["proposal_id"]] = Ballot(a["proposal_id"], a["proposal"], self.index, self.time, self.subject)
        self.decide(ballot)

    def ballot(self, proposal_id):
        ballot = self.ballots.get(proposal_id)
        need(ballot and ballot.open, "BALLOT_OPEN", proposal_id)
        return ballot

    def do_vote(self, a):
        ballot = self.ballot(a["proposal_id"])
        says(a, "VOTE_BALLOT", ballot=ballot.digest(self.constitution))
        need(not ballot.over(self.constitution["rules"], self.index, self.time), "BALLOT_TIME", ballot.id)
        need(self.subject not in ballot.approvals | ballot.rejections, "ONE_VOTE", self.subject)
        (ballot.approvals if a["approve"] else ballot.rejections).add(self.subject)
        self.decide(ballot)

    def decide(self, ballot):
        result, number = ballot.result(self.constitution, self.time)
        if result:
            self.due.append(("BALLOT_RESULT", ENDS, (ballot, result, number)))

    def do_conclude(self, a):
        ballot = self.ballot(a["proposal_id"])
        result, number = ballot.result(self.constitution, self.time)
        if ballot.over(self.constitution["rules"], self.index + 1, self.time):
            result, number = "expired", ballot.numbers(self.constitution)[0]
        need(result in ("carried", "expired"), "BALLOT_RESULT", ballot.id)
        self.due.append(("BALLOT_RESULT", ENDS, (ballot, result, number)))

    def overdue(self):
        """The ids of open ballots whose time is over before this entry, behind the end that stands before it in its submission."""
        rules = self.constitution["rules"]
        return sorted(one.id for one in self.ballots.values() if one.open and one.id > self.passed and one.over(
            rules, self.index, self.time))

    # Ends of ballots, and what follows from them.

    def ended(self, r, decided):
        if self.due and self.due[0][0] == "CONSTITUTION_VOIDED":
            ballot, result, number = self.due.pop(0)[2]
            says(r, "CONSTITUTION_VOIDED", proposal_id=ballot.id)
        else:
            ballot = self.ballot(r["proposal_id"])
            result = number = None
        need(r["approvals"] == sorted(ballot.approvals) and r.get("rejections", []) == sorted(ballot.rejections), "BALLOT_VOTES",
             ballot.id)
        says(r, "BALLOT_CONSTITUTION", constitutional_state_hash=tagged("cluster-constitution", self.constitution))
        if result is None and self.due:
            due, result, number = self.comes("BALLOT_RESULT", *ENDS)
            need(due is ballot, "BALLOT_RESULT", ballot.id)
        elif result is None:
            need(not decided and all(kind == "ballot_closed" for kind in self.written), "BALLOT_RESULT", "behind the proposal")
            need(ballot.over(self.constitution["rules"], self.index, self.time), "BALLOT_RESULT", "its time is not over")
            need(self.command["kind"] == "propose", "SUBMISSION_COMMAND", self.command["kind"])
            need(not self.written or self.adjacent, "SUBMISSION_GROUP", self.index)
            need(ballot.id in self.overdue()[:1], "BALLOT_TIME", ballot.id)
            result, number, self.passed = "expired", ballot.numbers(self.constitution)[0], ballot.id
        need(("carried" if decided else r.get("result")) == result, "BALLOT_RESULT", result)
        says(r, "BALLOT_THRESHOLD", threshold=str(number))
        ballot.open = False
        return ballot

    def on_ballot_closed(self, r):
        self.ended(r, False)

    def on_ballot_decided(self, r):
        ballot = self.ended(r, True)
        need(same(r["proposal"], ballot.proposal), "BALLOT_PROPOSAL", ballot.id)
        kind = ballot.kind
        if kind == "move_publisher":
            self.log(ballot.proposal["publisher"]["log_key"])
        if kind in CHANGES:
            others = sorted(one.id for one in self.ballots.values() if one.open)
            for other in map(self.ballots.get, others):
                self.due.append(("CONSTITUTION_VOIDED", ["ballot_closed"], (other, "void", other.numbers(self.constitution)[0])))
            self.due.append(("CARRIED_OUT", ["constitution_changed"], (ballot, others)))
        if kind in ("add_organisation", "remove_organisation", "rotate_key", "retire_chip"):
            self.due.append(("CARRIED_OUT", [kind + " by ballot"], ballot))
        if kind == "recovery":
            self.due.append(("CARRIED_OUT", ["recovery"], ballot))
        self.sealed = kind == "force_seal"
        if self.sealed:
            self.seals.append({"index": self.index, "submission": self.digest, "ballot": ballot.id, **ballot.proposal})

    def on_constitution_changed(self, r):
        ballot, voided = self.comes("CONSTITUTION_BALLOT", "constitution_changed")
        says(r, "CONSTITUTION_BALLOT", proposal_id=ballot.id)
        need(same(r["before"], self.constitution), "CONSTITUTION_BEFORE")
        after = changed(self.constitution, ballot.proposal)
        need(same(r["after"], after), "CONSTITUTION_AFTER")
        for side in ("before", "after"):
            need(r[side + "_hash"] == tagged("cluster-constitution", r[side]), "CONSTITUTION_HASH", side)
        need(r.get("voided", []) == voided, "CONSTITUTION_VOIDED")
        self.constitution = after

    def on_recovery(self, r):
        ballot = self.comes("CARRIED_OUT", "recovery")
        says(r, "CARRIED_OUT", proposal_id=ballot.id, **{
            name: value for name, value in ballot.proposal.items() if name != "action"})
        says(r, "RECOVERY_COUNT", recovery_count=self.constitution["recovery_count"])
        empty = all(int(r[one]["size"]) or r[one]["root"] == name_of(EMPTY) for one in ("evidence", "reasoning"))
        need(int(r["reasoning"]["size"]) <= self.first and empty, "RECOVERY_TREES")
        self.recoveries.append(self.index)

    def effect_add_organisation(self, p, a):
        says(a, "CARRIED_OUT", organisation=p["name"], root_key=p["root_key"], operator_key=p["operator_key"])
        need(self.subject == p["name"], "ENTRY_SUBJECT", self.subject)
        need(p["name"] not in self.joined, "ORGANISATION_NAME", p["name"])
        self.joined[p["name"]] = self.time
        self.register(a["root_key"], "root", p["name"], self.time)
        self.register(a["operator_key"], "operator", p["name"], self.time)
        self.warn("add_organisation")

    def effect_remove_organisation(self, p, a):
        says(a, "CARRIED_OUT", organisation=p["name"])
        need(self.subject == p["name"], "ENTRY_SUBJECT", self.subject)
        nodes = {n: one for n, one in self.nodes.items() if one["organisation"] == p["name"] and not one["retired"]}
        need(a["nodes"] == sorted(nodes, key=int), "ORGANISATION_NODES", a["nodes"])
        ends = [key for key, one in self.keys.items() if one.organisation == p["name"] and one.until is None]
        says(a, "ORGANISATION_KEYS", keys_ended=str(len(ends)))
        before = self.holders()
        for node in nodes.values():
            self.retire(node, self.time)
        for chip in self.chips.values():
            if chip["organisation"] == p["name"]:
                self.retire_chip(chip, self.time)
        for key in ends:
            self.end(key, self.time)
        self.balanced(before)

    def effect_rotate_key(self, p, a):
        says(a, "CARRIED_OUT", key=p["key"], new=p["new"])
        need(self.subject == p["organisation"], "CARRIED_OUT", self.subject)
        need(self.subject in self.members(), "GOVERNANCE_MEMBER", self.subject)
        self.do_rotate_key(a)

    def effect_retire_chip(self, p, a):
        says(a, "CARRIED_OUT", chip=p["chip"])
        self.do_retire_chip(a)

    # Nodes that are put out of service, and refusals.

    def warn(self, cause):
        held, total = self.serving()
        for name in sorted(self.holders()) if len(self.members()) > 1 else []:
            warning = {"organisation": name, "held": str(held[name]), "total": str(total), "cause": cause}
            self.due.append(("QUORUM_WARNING", ["organisation_quorum_warning"], warning))

    def on_organisation_quorum_warning(self, r):
        says(r, "QUORUM_WARNING", **self.comes("QUORUM_WARNING", "organisation_quorum_warning"))

    def on_node_quarantine(self, r):
        command, substrate = self.command, r["substrate_id"]
        by_verdict = command["kind"] == "verdict"
        recounts = self.written if command["kind"] == "retire_node" else command["kind"] in ("propose", "vote", "conclude") and (
            self.left())
        need(by_verdict or self.written, "SUBMISSION_COMMAND", command["kind"])
        own = by_verdict and substrate == command["substrate_id"]
        need(own or recounts or self.groups, "QUARANTINE_CAUSE", "a verdict is about its own substrate first")
        author = self.submission.payload["author"]["key"]
        late = own and command["finding"]["outcome"] == "HASH_MISMATCH"
        gave = self.nodes.get(r["node"], {}).get("key") == author
        need(not own or late == gave, "QUARANTINE_CAUSE", "a late verdict is about its own node, and no other about that")
        need(not late or not self.groups, "QUARANTINE_CAUSE", "a late verdict puts one node out of service")
        group = self.groups.get(substrate)
        if group is None:
            need(own and not self.groups or not self.adjacent, "SUBMISSION_GROUP", self.index)
        else:
            need(self.groups["last"] == substrate and self.adjacent, "SUBMISSION_GROUP", self.index)
        need(r["finding"]["outcome"] == "HASH_MISMATCH", "QUARANTINE_FINDING", r["finding"]["outcome"])
        if late:
            need(same(r["finding"], cut(command["finding"])), "QUARANTINE_FINDING", "not the verdict's own")
        node = self.nodes.get(r["node"])
        need(node and node["organisation"] == r["organisation"] and node["serves"], "NODE_ID", r["node"])
        if group is None:
            total = self.serving()[1]
            group = self.groups[substrate] = {"most": 1 if late else total - total // 2 - 1, "number": 0}
        group["number"] += 1
        need(group["number"] <= group["most"], "QUARANTINE_CAUSE", "too many")
        self.groups["last"] = substrate
        self.leave(node)
        self.quarantines.append({"submission": self.digest, "substrate_id": substrate, "node": r["node"],
                                 "finding": r["finding"], "late": late})
        self.warn("node_quarantine")

    def left(self):
        """Whether an organisation was removed in this submission, with its nodes."""
        return "constitution_changed" in self.written and not self.due

    def on_duplicate_refused(self, r):
        need(not self.written, "SUBMISSION_ENTRIES", "not alone")
        kind = self.command["kind"]
        need(kind in ("init_substrate", *FENCED) and self.command["substrate_id"] == r["substrate_id"], "SUBMISSION_COMMAND", kind)
        says(r, "REFUSAL_CODE", code="IDENTITY_CONFLICT" if kind == "init_substrate" else "CHIP_NOT_ACTIVE")
        chip = self.chips.get(r["chip"])
        need(chip and chip["serves"], "CHIP_IN_SERVICE", r["chip"])
        need(chip["organisation"] == self.subject, "ENTRY_SUBJECT", self.subject)
