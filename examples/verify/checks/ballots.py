"""Shares, ballots and the constitution of a cluster: docs/protocol.md, sections 14.1 and 14.2."""
import copy

from .base import tagged
from .sessions import milliseconds

DAY = 86_400_000
CHANGES = "add_organisation remove_organisation change_rules move_publisher recovery".split()
CONCERNS = {"rotate_key": "organisation", "remove_organisation": "name"}


def share(text, members):
    above, of = map(int, text.split("/"))
    return members * above // of + 1


def founding(genesis):
    """The constitution that follows from a genesis."""
    names, publication = sorted(one["name"] for one in genesis["organisations"]), genesis.get("publication", {})
    threshold, n = publication.get("threshold"), len(names)
    cosigning = "2/3" if threshold is None else f"{threshold - 1}/{n}" if 2 * (threshold - 1) >= n else "1/2"
    rules = {"ordinary": "2/3", "constitutional": "2/3", "cosigning": cosigning, "vetoes": [], "ballot_entries": "0",
             "ballot_ms": str(30 * DAY), "objection_ms": str(7 * DAY)}
    return {"revision": "0", "organisations": names, "rules": rules, "publisher": publication.get("publisher"),
            "recovery_count": "0"}


class Ballot:
    def __init__(self, proposal_id, proposal, index, time, organisation):
        self.id, self.proposal, self.index, self.time = proposal_id, proposal, index, milliseconds(time)
        self.approvals, self.rejections, self.open, self.by = {organisation}, set(), True, organisation
        self.kind = proposal["action"]
        self.concerned = proposal[CONCERNS[self.kind]] if self.kind in CONCERNS else None
        self.constitutional = self.kind not in ("force_seal", "retire_chip")

    def digest(self, constitution):
        """What a vote is about; a ballot is open only under the constitution under which it was opened."""
        return tagged("ballot", {"constitution": tagged("cluster-constitution", constitution), "proposal": self.proposal,
                                 "proposal_id": self.id})

    def over(self, rules, entries, time):
        """Whether its time is over in a ledger of so many entries, at a time."""
        most, ms = int(rules["ballot_entries"]), int(rules["ballot_ms"])
        return bool(most and entries >= self.index + most) or bool(ms and milliseconds(time) >= self.time + ms)

    def numbers(self, constitution):
        """The number that carries it, and the lower one of rule 3 where there is one."""
        rules, n = constitution["rules"], len(constitution["organisations"])
        number = share(rules["constitutional" if self.constitutional else "ordinary"], n)
        lower = max(2, share(rules["constitutional"], n - 1)) if self.concerned and n > 2 else None
        return number, lower

    def result(self, constitution, time):
        """`carried`, `rejected` or None, and the number that stands as threshold."""
        rules, n = constitution["rules"], len(constitution["organisations"])
        number, lower = self.numbers(constitution)
        vetoes = set(rules["vetoes"]) if self.constitutional else set()
        if (vetoes | {self.concerned}) & self.rejections:
            return "rejected", number
        if len(self.approvals) >= number:
            return "carried", number
        if lower and len(self.approvals - {self.concerned}) >= lower and (
                milliseconds(time) >= self.time + int(rules["objection_ms"])):
            return "carried", lower
        reach = len(self.rejections)
        if n - reach < number and (lower is None or n - 1 - reach < lower):
            return "rejected", number
        return None, number


def possible(proposal, constitution):
    """Whether a proposal about an organisation, a rule or the publisher can be carried out."""
    kind, members = proposal["action"], constitution["organisations"]
    if kind == "add_organisation":
        return proposal["name"] not in members and len(members) < 32
    if kind == "remove_organisation":
        return proposal["name"] in members and len(members) > 1
    if kind == "rotate_key":
        return proposal["organisation"] in members
    if kind == "move_publisher":
        return proposal["publisher"]["organisation"] in members and proposal["publisher"] != constitution["publisher"]
    if kind == "change_rules":
        rules = proposal["rules"]
        vetoes, ms = rules["vetoes"], int(rules["ballot_ms"])
        return rules != constitution["rules"] and vetoes == sorted(set(vetoes)) and set(vetoes) <= set(members) and (
            ms == 0 or int(rules["objection_ms"]) < ms)
    return True


def changed(constitution, proposal):
    """The constitution with a carried proposal."""
    after, kind = copy.deepcopy(constitution), proposal["action"]
    after["revision"] = str(int(after["revision"]) + 1)
    if kind == "add_organisation":
        after["organisations"] = sorted([*after["organisations"], proposal["name"]])
    elif kind == "remove_organisation":
        after["organisations"] = [name for name in after["organisations"] if name != proposal["name"]]
        after["rules"]["vetoes"] = [name for name in after["rules"]["vetoes"] if name != proposal["name"]]
        if after["publisher"] and after["publisher"]["organisation"] == proposal["name"]:
            after["publisher"] = None
    elif kind == "change_rules":
        after["rules"] = proposal["rules"]
    elif kind == "move_publisher":
        after["publisher"] = proposal["publisher"]
    else:
        after["recovery_count"] = str(int(after["recovery_count"]) + 1)
    return after
