"""Keys, nodes and chips, and who signs notes: docs/protocol.md, sections 14, 14.3, 16.1 and 18.3."""
from .ballots import share
from .base import is_point, key_bytes, need
from .notes import Vkey


class Key:
    def __init__(self, role, organisation, since):
        self.role, self.organisation, self.since, self.until = role, organisation, since, None


class Registry:
    def __init__(self, genesis):
        self.cluster, self.origin, self.limits = genesis["cluster"], genesis["origin"], genesis["limits"]
        self.index = -1  # of the entry that is read; what the genesis says was there before the first one
        self.keys, self.nodes, self.chips, self.logs, self.used = {}, {}, {}, [], set()
        self.joined = {one["name"]: "" for one in genesis["organisations"]}
        for founder in genesis["organisations"]:
            for role in ("root", "operator"):
                self.register(founder[role + "_key"], role, founder["name"], "")
        for node in genesis["nodes"]:
            self.enrol(str(node["id"]), node["organisation"], node["key"], node["cosigner"], "")
        publisher = genesis.get("publication", {}).get("publisher")
        if publisher:
            self.log(publisher["log_key"])

    def once(self, *keys):
        for key in keys:
            need(is_point(key_bytes(key)), "KEY_FORM", key)
        for key in keys:
            need(key not in self.used, "KEY_ONCE", key)
            self.used.add(key)

    def register(self, key, role, organisation, time):
        self.once(key)
        self.keys[key] = Key(role, organisation, time)

    def log(self, key):
        self.once(key)
        self.logs.append(key)

    def enrol(self, node, organisation, key, cosigner, time):
        self.once(key, cosigner)
        self.keys[key] = Key("node", organisation, time)
        self.nodes[node] = {"organisation": organisation, "key": key, "cosigner": cosigner, "serves": True, "retired": False,
                            "since": self.index, "left": None}

    def end(self, key, time):
        self.keys[key].until = time

    def leave(self, node):
        """A node is out of service, from this entry on."""
        if node["serves"]:
            node["serves"], node["left"] = False, self.index

    def retire(self, node, time):
        self.leave(node)
        node["retired"] = True
        self.end(node["key"], time)

    def retire_chip(self, chip, time):
        if chip["serves"]:
            chip["serves"], chip["retired"] = False, (self.index, time)

    def author(self, submission, role, time):
        """The organisation of whoever signed a submission: a key registered, in this role, that had the right then."""
        author = submission.payload["author"]
        key = self.keys.get(author["key"])
        need(key, "SUBMISSION_KEY", author["key"])
        need(key.role == author["role"] == (role or key.role), "SUBMISSION_ROLE", author["role"])
        if time is None:
            quarantined = [node for node in self.nodes.values() if node["key"] == author["key"] and not node["serves"]]
            need(key.until is None and not quarantined, "SUBMISSION_KEY", f"{author['key']} has ended")
        else:
            need(key.since <= time and (key.until is None or key.until >= time), "SUBMISSION_KEY", f"not at {time}")
        return key.organisation

    def within(self, submission):
        """A submission is for this cluster and within its limits."""
        command = submission.payload["command"]
        need(submission.payload["cluster"] == self.cluster, "SUBMISSION_CLUSTER", submission.payload["cluster"])
        most = max(len(command.get("items", [])), len(command.get("outputs", [])))
        need(submission.size <= self.limits["max_submission_bytes"] and most <= self.limits["max_items"], "SUBMISSION_LIMITS")

    def serving(self):
        """How many nodes in service each organisation has, and how many there are."""
        held = {}
        for node in self.nodes.values():
            if node["serves"]:
                held[node["organisation"]] = held.get(node["organisation"], 0) + 1
        return held, sum(held.values())

    def holders(self):
        """The organisations that hold a quorum of the nodes in service."""
        held, total = self.serving()
        return {name for name, number in held.items() if number >= total // 2 + 1}

    def known(self):
        """Every key that may stand under a note: of nodes and cosigners ever enrolled, of logs ever recorded."""
        for node, one in self.nodes.items():
            yield Vkey.of(f"{self.origin}/node/{node}", 1, key_bytes(one["key"]))
            yield Vkey.of(f"{self.origin}/cosigner/{node}", 4, key_bytes(one["cosigner"]))
        for key in self.logs:
            for ledger in ("evidence", "reasoning"):
                yield Vkey.of(f"{self.origin}/{ledger}", 1, key_bytes(key))

    def quorum(self, constitution):
        """The cosigners of nodes in service with their organisation, and how many organisations have to sign (16.1)."""
        cosigners = [(Vkey.of(f"{self.origin}/cosigner/{n}", 4, key_bytes(one["cosigner"])), one["organisation"])
                     for n, one in self.nodes.items() if one["serves"]]
        n = len(constitution["organisations"])
        return cosigners, min(n, max(n // 2 + 1, share(constitution["rules"]["cosigning"], n)))
