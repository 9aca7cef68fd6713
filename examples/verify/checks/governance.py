"""The history of keys, replayed: docs/protocol.md, sections 14 and 16.1."""
import copy
import datetime

from .base import key_bytes, key_id, need, same, says, tagged
from .forms import entry
from .notes import Vkey
from .chains import Chain, Ledger

DAY = 86_400_000
KINDS = """governance ballot_decided ballot_closed constitution_changed recovery organisation_quorum_warning node_quarantine
duplicate_refused""".split()
CHANGES = "add_organisation remove_organisation change_rules move_publisher recovery".split()
CONCERNS = {"rotate_key": "organisation", "remove_organisation": "name"}


def milliseconds(time):
    moment = datetime.datetime.strptime(time, "%Y-%m-%dT%H:%M:%S.%fZ")
    return (moment - datetime.datetime(1970, 1, 1)) // datetime.timedelta(milliseconds=1)


def share(text, members):
    above, of = map(int, text.split("/"))
    return members * above // of + 1


class Key:
    def __init__(self, role, organisation, since):
        self.role, self.organisation, self.since, self.until = role, organisation, since, None


class Ballot:
    def __init__(self, proposal_id, proposal, index, time):
        self.id, self.proposal, self.index, self.time = proposal_id, proposal, index, milliseconds(time)
        self.approvals, self.rejections, self.open = set(), set(), True


class Governance:
    def __init__(self, genesis):
        self.cluster, self.origin, names = genesis["cluster"], genesis["origin"], [o["name"] for o in genesis["organisations"]]
        self.keys, self.nodes, self.chips, self.logs, self.cosigners, self.ballots = {}, {}, {}, [], set(), {}
        self.names, self.used, self.chains, self.ledger = set(names), set(), {}, Ledger()
        publication = genesis.get("publication", {})
        for founder in genesis["organisations"]:
            for role in ("root", "operator"):
                self.register(founder[role + "_key"], role, founder["name"], "")
        for node in genesis["nodes"]:
            self.enrol(str(node["id"]), node["organisation"], node["key"], node["cosigner"], "")
        publisher, threshold, n = publication.get("publisher"), publication.get("threshold"), len(names)
        if publisher:
            self.log(publisher["log_key"])
        cosigning = "2/3" if threshold is None else f"{threshold - 1}/{n}" if 2 * (threshold - 1) > n else "1/2"
        rules = {"ordinary": "2/3", "constitutional": "2/3", "cosigning": cosigning, "vetoes": [], "ballot_entries": "0",
                 "ballot_ms": str(30 * DAY), "objection_ms": str(7 * DAY)}
        self.constitution = {"revision": "0", "organisations": sorted(names), "rules": rules, "publisher": publisher,
                             "recovery_count": "0"}
        self.submission, self.expected, self.entries = None, [], 0

    # Keys, nodes and chips.

    def once(self, key):
        need(key not in self.used, "KEY_ONCE", key)
        self.used.add(key)

    def register(self, key, role, organisation, time):
        self.once(key)
        self.keys[key] = Key(role, organisation, time)

    def end(self, key, time):
        self.keys[key].until = time

    def log(self, key):
        self.once(key)
        self.logs.append(key)

    def enrol(self, node, organisation, key, cosigner, time):
        need(node not in self.nodes, "NODE_ID", node)
        self.register(key, "node", organisation, time)
        self.once(cosigner)
        self.nodes[node] = {"organisation": organisation, "key": key, "cosigner": cosigner, "serves": True, "retired": False}

    def author(self, submission, role, time=None):
        """The organisation of whoever signed, when the key had the right: at a time, or now."""
        author = submission.payload["author"]
        key = self.keys.get(author["key"])
        need(key, "SUBMISSION_KEY", author["key"])
        need(key.role == author["role"] == (role or key.role), "SUBMISSION_ROLE", author["role"])
        if time is None:
            need(key.until is None, "SUBMISSION_KEY", f"{author['key']} has ended")
        else:
            need(key.since <= time and (key.until is None or key.until >= time), "SUBMISSION_KEY", f"not at {time}")
        return key.organisation

    def members(self):
        return self.constitution["organisations"]

    def digest(self):
        return tagged("cluster-constitution", self.constitution)

    # Entries.

    def take(self, ledger, leaf, submission):
        value = entry(leaf)
        need(value["ledger"] == ledger == "reasoning", "ENTRY_LEDGER", value["ledger"])
        subject = value["subject"]
        need(subject == "cluster" or subject.startswith("organisation:"), "ENTRY_SUBJECT", subject)
        self.chains.setdefault(subject, Chain()).next(value, leaf)
        self.ledger.next(value)
        need(submission and value["submission"] == submission.digest, "SUBMISSION_DIGEST")
        fresh = submission is not self.submission
        if fresh:
            self.settled()
            self.submission, self.organisation = submission, None
        need(submission.payload["cluster"] == self.cluster, "SUBMISSION_CLUSTER", submission.payload["cluster"])
        if fresh:
            self.organisation = self.author(submission, None)
        self.index, self.time, self.subject = int(value["index"]), value["time"], subject.removeprefix("organisation:")
        self.command, self.entries = submission.payload["command"], self.entries + 1
        record = value["record"]
        kind = record["record_type"]
        need(kind in KINDS, "RECORD_KIND", kind)
        need((subject == "cluster") == (kind not in ("governance", "duplicate_refused")), "ENTRY_SUBJECT", subject)
        getattr(self, "on_" + kind)(record)
        return self.index

    def settled(self):
        """What a submission had to bring has come."""
        if self.expected:
            check, what = self.expected[0][:2]
            need(False, check, f"{what} is missing")

    def comes(self, what, otherwise):
        """The next that this submission has to bring is this."""
        need(self.expected and self.expected[0][1] == what, otherwise, what)
        return self.expected.pop(0)[2]

    def finish(self):
        self.settled()

    def on_duplicate_refused(self, r):
        need(self.subject == self.organisation, "SUBMISSION_AUTHOR", self.organisation)
        author = self.submission.payload["author"]
        need(author["role"] == "chip", "SUBMISSION_ROLE", author["role"])
        need(self.command["substrate_id"] == r["substrate_id"] and r["chip"] == key_id(author["key"]), "SUBMISSION_COMMAND")

    def on_node_quarantine(self, r):
        node = self.nodes.get(r["node"])
        need(node and node["organisation"] == r["organisation"] and node["serves"], "NODE_ID", r["node"])
        node["serves"] = False

    def on_organisation_quorum_warning(self, r):
        need(r["organisation"] in self.members(), "GOVERNANCE_MEMBER", r["organisation"])

    def on_governance(self, r):
        action = r["action"]
        name = action["action"]
        by_ballot = "proposal_id" in action and name not in ("propose", "vote", "conclude")
        if by_ballot:
            ballot = self.comes(name, "CARRIED_OUT")
            self.effect(ballot, action)
            return
        need(not self.expected, self.expected[0][0] if self.expected else "", "something else has to come before")
        need(self.subject == self.organisation, "SUBMISSION_AUTHOR", self.organisation)
        asked = {member: value for member, value in action.items() if member not in ("action", "old")}
        if name == "enrol_chip":
            need(asked.pop("chip") == key_id(action["key"]), "CHIP_ID", action["chip"])
            asked["chip"] = asked.pop("key")
        need(same({"kind": name, **asked}, self.command), "SUBMISSION_COMMAND", name)
        need(self.subject in self.members(), "GOVERNANCE_MEMBER", self.subject)
        getattr(self, "do_" + name)(action)

    def do_rotate_key(self, a):
        old = self.keys.get(a["old"])
        need(old and old.role == a["key"] and old.organisation == self.subject and old.until is None, "KEY_IN_FORCE", a["old"])
        self.end(a["old"], self.time)
        self.register(a["new"], a["key"], self.subject, self.time)

    def do_enrol_node(self, a):
        self.enrol(a["node"], self.subject, a["key"], a["cosigner"], self.time)

    def retire(self, node):
        node["serves"], node["retired"] = False, True
        self.end(node["key"], self.time)

    def do_retire_node(self, a):
        node = self.nodes.get(a["node"])
        need(node and node["organisation"] == self.subject and not node["retired"], "NODE_ID", a["node"])
        self.retire(node)

    def do_enrol_chip(self, a):
        need(a["chip"] not in self.chips, "CHIP_ID", a["chip"])
        self.register(a["key"], "chip", self.subject, self.time)
        self.chips[a["chip"]] = {"organisation": self.subject, "key": a["key"], "serves": True}

    def do_retire_chip(self, a):
        chip = self.chips.get(a["chip"])
        need(chip and chip["serves"] and chip["organisation"] == self.subject, "CHIP_IN_SERVICE", a["chip"])
        chip["serves"] = False
        self.end(chip["key"], self.time)

    # Ballots.

    def over(self, ballot):
        rules = self.constitution["rules"]
        entries, ms = int(rules["ballot_entries"]), int(rules["ballot_ms"])
        return bool(entries and self.index - ballot.index >= entries) or bool(
            ms and milliseconds(self.time) - ballot.time >= ms)

    def needed(self, ballot):
        """The number that carries the ballot, and the lower one of rule 3 where there is one."""
        rules, n = self.constitution["rules"], len(self.members())
        kind = ballot.proposal["action"]
        number = share(rules["ordinary" if kind in ("force_seal", "retire_chip") else "constitutional"], n)
        lower = None
        if kind in CONCERNS and ballot.proposal[CONCERNS[kind]] in self.members() and n > 2:
            lower = max(2, share(rules["constitutional"], n - 1))
        return number, lower

    def outcome(self, ballot):
        """`carried`, `rejected` or None, and the number that decided."""
        rules, n = self.constitution["rules"], len(self.members())
        number, lower = self.needed(ballot)
        kind = ballot.proposal["action"]
        constitutional = kind not in ("force_seal", "retire_chip")
        concerned = ballot.proposal[CONCERNS[kind]] if kind in CONCERNS else None
        if constitutional and set(rules["vetoes"]) & ballot.rejections or concerned in ballot.rejections:
            return "rejected", number
        if len(ballot.approvals) >= number:
            return "carried", number
        if lower is not None and len(ballot.approvals - {concerned}) >= lower and (
                milliseconds(self.time) - ballot.time >= int(rules["objection_ms"])):
            return "carried", lower
        least = number if lower is None else min(number, lower)
        return ("rejected", number) if n - len(ballot.rejections) < least else (None, number)

    def decide(self, ballot):
        result, number = self.outcome(ballot)
        if result:
            record = "ballot_decided" if result == "carried" else "ballot_closed"
            self.expected.append(("BALLOT_RESULT", f"{record} {ballot.id}", (ballot, result, number)))

    def do_propose(self, a):
        need(a["proposal_id"] not in self.ballots, "PROPOSAL_ID", a["proposal_id"])
        ballot = self.ballots[a["proposal_id"]] = Ballot(a["proposal_id"], a["proposal"], self.index, self.time)
        ballot.approvals.add(self.subject)
        self.decide(ballot)

    def ballot(self, proposal_id):
        ballot = self.ballots.get(proposal_id)
        need(ballot and ballot.open, "BALLOT_OPEN", proposal_id)
        return ballot

    def do_vote(self, a):
        ballot = self.ballot(a["proposal_id"])
        need(not self.over(ballot), "BALLOT_TIME", ballot.id)
        need(self.subject not in ballot.approvals | ballot.rejections, "ONE_VOTE", self.subject)
        (ballot.approvals if a["approve"] else ballot.rejections).add(self.subject)
        self.decide(ballot)

    def do_conclude(self, a):
        ballot = self.ballot(a["proposal_id"])
        result, number = self.outcome(ballot)
        if result == "carried":
            self.expected.append(("BALLOT_RESULT", f"ballot_decided {ballot.id}", (ballot, "carried", number)))
        else:
            need(self.over(ballot), "BALLOT_TIME", ballot.id)
            self.expected.append(("BALLOT_RESULT", f"ballot_closed {ballot.id}", (ballot, "expired", number)))

    def ended(self, r, ballot, number):
        says(r, "BALLOT_VOTES", approvals=sorted(ballot.approvals))
        need(r.get("rejections", []) == sorted(ballot.rejections), "BALLOT_VOTES", "rejections")
        says(r, "BALLOT_CONSTITUTION", constitutional_state_hash=self.digest())
        says(r, "BALLOT_THRESHOLD", threshold=str(number))
        ballot.open = False

    def on_ballot_decided(self, r):
        ballot, result, number = self.comes(f"ballot_decided {r['proposal_id']}", "BALLOT_RESULT")
        self.ended(r, ballot, number)
        need(same(r["proposal"], ballot.proposal), "BALLOT_PROPOSAL", ballot.id)
        kind = ballot.proposal["action"]
        if kind in CHANGES:
            others = sorted(one.id for one in self.ballots.values() if one.open)
            for other in others:
                self.expected.append(("CONSTITUTION_VOIDED", f"ballot_closed {other}",
                                      (self.ballots[other], "void", self.needed(self.ballots[other])[0])))
            self.expected.append(("CARRIED_OUT", "constitution_changed", (ballot, others)))
        if kind not in ("change_rules", "move_publisher", "force_seal"):
            self.expected.append(("CARRIED_OUT", kind, ballot))

    def on_ballot_closed(self, r):
        what = f"ballot_closed {r['proposal_id']}"
        if self.expected and self.expected[0][1] == what:
            ballot, result, number = self.comes(what, "BALLOT_RESULT")
        else:
            ballot = self.ballot(r["proposal_id"])
            need(self.command["kind"] == "propose" and self.over(ballot), "BALLOT_RESULT", r["proposal_id"])
            result, number = "expired", self.needed(ballot)[0]
        self.ended(r, ballot, number)
        says(r, "BALLOT_RESULT", result=result)

    def on_constitution_changed(self, r):
        ballot, voided = self.comes("constitution_changed", "CONSTITUTION_BALLOT")
        says(r, "CONSTITUTION_BALLOT", proposal_id=ballot.id)
        need(same(r["before"], self.constitution), "CONSTITUTION_BEFORE")
        after = self.changed(ballot.proposal)
        need(same(r["after"], after), "CONSTITUTION_AFTER")
        for side in ("before", "after"):
            need(r[side + "_hash"] == tagged("cluster-constitution", r[side]), "CONSTITUTION_HASH", side)
        need(r.get("voided", []) == voided, "CONSTITUTION_VOIDED")
        self.constitution = after

    def changed(self, p):
        after, kind = copy.deepcopy(self.constitution), p["action"]
        after["revision"] = str(int(after["revision"]) + 1)
        if kind == "add_organisation":
            after["organisations"] = sorted([*after["organisations"], p["name"]])
        elif kind == "remove_organisation":
            after["organisations"] = [name for name in after["organisations"] if name != p["name"]]
            after["rules"]["vetoes"] = [name for name in after["rules"]["vetoes"] if name != p["name"]]
            if after["publisher"] and after["publisher"]["organisation"] == p["name"]:
                after["publisher"] = None
        elif kind == "change_rules":
            after["rules"] = p["rules"]
        elif kind == "move_publisher":
            self.log(p["publisher"]["log_key"])
            after["publisher"] = p["publisher"]
        else:
            after["recovery_count"] = str(int(after["recovery_count"]) + 1)
        return after

    def on_recovery(self, r):
        ballot = self.comes("recovery", "CARRIED_OUT")
        says(r, "CARRIED_OUT", proposal_id=ballot.id, reason=ballot.proposal["reason"])
        need(same([r["evidence"], r["reasoning"]], [ballot.proposal[l] for l in ("evidence", "reasoning")]), "CARRIED_OUT")
        says(r, "RECOVERY_COUNT", recovery_count=self.constitution["recovery_count"])

    def effect(self, ballot, a):
        """A record of governance that a carried ballot asks for."""
        p, kind = ballot.proposal, a["action"]
        says(a, "CARRIED_OUT", proposal_id=ballot.id)
        if kind == "add_organisation":
            says(a, "CARRIED_OUT", organisation=p["name"], root_key=p["root_key"], operator_key=p["operator_key"])
            need(self.subject == p["name"], "CARRIED_OUT", self.subject)
            need(p["name"] not in self.names, "ORGANISATION_NAME", p["name"])
            self.names.add(p["name"])
            self.register(a["root_key"], "root", p["name"], self.time)
            self.register(a["operator_key"], "operator", p["name"], self.time)
        elif kind == "remove_organisation":
            need(self.subject == a["organisation"] == p["name"], "CARRIED_OUT", self.subject)
            nodes = {n: node for n, node in self.nodes.items() if node["organisation"] == p["name"] and not node["retired"]}
            need(a["nodes"] == sorted(nodes, key=int), "ORGANISATION_NODES", a["nodes"])
            ends = [key for key, one in self.keys.items() if one.organisation == p["name"] and one.until is None]
            says(a, "ORGANISATION_KEYS", keys_ended=str(len(ends)))
            for node in nodes.values():
                node["serves"], node["retired"] = False, True
            for chip in self.chips.values():
                chip["serves"] &= chip["organisation"] != p["name"]
            for key in ends:
                self.end(key, self.time)
        elif kind == "rotate_key":
            need(self.subject == p["organisation"] and a["key"] == p["key"] and a["new"] == p["new"], "CARRIED_OUT", kind)
            self.do_rotate_key(a)
        else:
            need(a["chip"] == p["chip"], "CARRIED_OUT", kind)
            self.do_retire_chip(a)

    # Who signs notes.

    def known(self):
        """Every key that may stand under a note: of nodes and cosigners ever enrolled, of logs ever recorded."""
        for node, one in self.nodes.items():
            yield Vkey.of(f"{self.origin}/node/{node}", 1, key_bytes(one["key"]))
            yield Vkey.of(f"{self.origin}/cosigner/{node}", 4, key_bytes(one["cosigner"]))
        for key in self.logs:
            for ledger in ("evidence", "reasoning"):
                yield Vkey.of(f"{self.origin}/{ledger}", 1, key_bytes(key))

    def quorum(self):
        """The cosigners of nodes in service with their organisation, and how many organisations have to sign (16.1)."""
        cosigners = [(Vkey.of(f"{self.origin}/cosigner/{n}", 4, key_bytes(one["cosigner"])), one["organisation"])
                     for n, one in self.nodes.items() if one["serves"]]
        n = len(self.members())
        return cosigners, min(n, max(n // 2 + 1, share(self.constitution["rules"]["cosigning"], n)))
