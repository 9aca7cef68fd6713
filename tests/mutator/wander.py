"""Histories of a substrate among ballots by chance: proposals of every kind, votes, and time that passes. Each is genuine."""
from checks.ballots import CHANGES, Ballot, changed, possible
from generator.bundle_history import CHIP, DESTINATION, chip_id
from generator.common import prefixed
from generator.governance import SEEDS, digest, key, rules
from told import Told

DAY, OTHER = 86_400, "6f1e0c52-9a3b-4d7e-8f00-5a6b7c8d9e11"
FRESH = range(0x30, 0x60)  # seeds of keys that ballots bring
NODES = {"aurora": ["1"], "borealis": ["2"], "cygnus": ["3"], "delta": []}
KINDS = "rotate_key change_rules change_rules remove_organisation retire_chip add_organisation force_seal recovery move_publisher".split()


class Wander(Told):
    def __init__(self, rng, steps):
        self.rng, self.open, self.fresh, self.proposals = rng, {}, iter(FRESH), 0
        self.owners, self.gone = {chip_id(CHIP): "aurora", chip_id(DESTINATION): "borealis"}, set()
        super().__init__(lambda history: [history.step() for _ in range(steps)])

    def members(self):
        return self.rules["organisations"]

    def over(self, ballot, more=0):
        return ballot.over(self.rules["rules"], len(self.leaves["reasoning"]) + more, self.time())

    def step(self):
        if self.rng.random() < 0.25:
            self.clock += self.rng.choice([1, 3600, DAY, 3 * DAY, 7 * DAY, 8 * DAY, 29 * DAY])
        self.begin("others")  # index and time of what comes are known from here
        way, self.held = self.rng.random(), True
        if way < 0.4 or not self.open:
            self.propose()
        elif way < 0.85:
            self.vote(self.rng.choice(list(self.open.values())))
        else:
            self.conclude(self.rng.choice(list(self.open.values())))
        self.held = False

    def ask(self, organisation, kind, **members):
        self.signed("root", self.roots[organisation], {"kind": kind, **members})
        self.action(organisation, action=kind, **members)

    def proposal(self):
        """A proposal that can be carried out."""
        rng, members, kind = self.rng, self.members(), self.rng.choice(KINDS)
        if kind == "rotate_key":
            return {"action": kind, "organisation": rng.choice(members), "key": "root", "new": key(next(self.fresh)), "reason": "lost"}
        if kind == "change_rules":
            shares = {name: rng.choice(["1/2", "2/3", "3/4"]) for name in ("ordinary", "constitutional")}
            vetoes = rng.sample(members, rng.choice([0, 0, 1]))
            return {"action": kind, "rules": rules(vetoes=vetoes, ballot_entries=rng.choice(["0", "5", "6", "8", "12"]),
                                                   objection_ms=rng.choice(["0", "1000", str(7 * DAY * 1000)]), **shares)}
        if kind == "remove_organisation":
            return self.proposal() if "delta" in members else {"action": kind, "name": rng.choice(members), "reason": "gone"}
        if kind == "retire_chip":
            chips = self.serving()
            return {"action": kind, "chip": rng.choice(chips), "reason": "lost"} if chips else self.proposal()
        if kind == "add_organisation":
            root, operator = map(key, SEEDS["delta"])
            mine = {"action": kind, "name": "delta", "root_key": root, "operator_key": operator}
            return self.proposal() if "delta" in members or self.gone else mine
        if kind == "force_seal":
            return {"action": kind, "substrate_id": OTHER, "migration_id": "m", "destination": chip_id(CHIP), "reason": "lost"}
        if kind == "move_publisher":
            return {"action": kind, "publisher": {"organisation": rng.choice(members), "log_key": key(next(self.fresh))}}
        trees = {ledger: {"size": str(size), "root": prefixed(root)} for ledger, (size, root) in self.trees().items()}
        return {"action": kind, "reason": "lost", **trees}

    def serving(self):
        return [chip for chip, owner in self.owners.items() if owner not in self.gone]

    def propose(self):
        proposal, by = self.proposal(), self.rng.choice(self.members())
        if not possible(proposal, self.rules) or sum(one.by == by for one in self.open.values()) >= 8:
            return
        self.proposals += 1
        ballot = f"b{self.rng.randrange(100, 999)}-{self.proposals}"
        self.signed("root", self.roots[by], {"kind": "propose", "proposal_id": ballot, "proposal": proposal})
        for one in sorted(self.open):
            if self.over(self.open[one]):
                self.end(self.open[one], "expired", self.rules)
        made = Ballot(ballot, proposal, len(self.leaves["reasoning"]), self.time(), by)
        self.action(by, action="propose", proposal_id=ballot, proposal=proposal)
        self.open[ballot] = made
        self.decide(made)

    def vote(self, ballot):
        names = [name for name in self.members() if name not in ballot.approvals | ballot.rejections]
        if not names or self.over(ballot):
            return
        by = self.rng.choice(names)
        approve = self.rng.random() < 0.75 and ballot.proposal.get("chip") in (None, *self.serving())
        self.ask(by, "vote", proposal_id=ballot.id, ballot=ballot.digest(self.rules), approve=approve)
        (ballot.approvals if approve else ballot.rejections).add(by)
        self.decide(ballot)

    def conclude(self, ballot):
        over, by = self.over(ballot, 1), self.rng.choice(self.members())
        if not over and ballot.result(self.rules, self.time())[0] != "carried":
            return
        self.ask(by, "conclude", proposal_id=ballot.id)
        self.end(ballot, "expired", self.rules) if over else self.decide(ballot)

    def ended(self, ballot, number, state, **members):
        del self.open[ballot.id]
        against = {"rejections": sorted(ballot.rejections)} if ballot.rejections else {}
        self.push("cluster", {"proposal_id": ballot.id, "approvals": sorted(ballot.approvals), **against, "threshold": str(number),
                              "constitutional_state_hash": digest(state), **members})

    def end(self, ballot, result, state):
        self.ended(ballot, ballot.numbers(state)[0], state, record_type="ballot_closed", result=result)

    def decide(self, ballot):
        result, number = ballot.result(self.rules, self.time())
        if result == "rejected":
            self.end(ballot, result, self.rules)
        if result != "carried":
            return
        p, kind = ballot.proposal, ballot.kind
        self.ended(ballot, number, self.rules, record_type="ballot_decided", proposal=p)
        if kind in CHANGES:
            before, voided = self.rules, sorted(self.open)
            for one in voided:
                self.end(self.open[one], "void", before)
            after = {name: value for name, value in changed(before, p).items() if name != "revision"}
            self.changed(ballot.id, voided, **after)
        getattr(self, "effect_" + kind, lambda ballot, p: None)(ballot.id, p)

    def effect_rotate_key(self, ballot, p):
        name = p["organisation"]
        self.action(name, action="rotate_key", key="root", old=key(self.roots[name]), new=p["new"], proposal_id=ballot)
        self.roots[name] = next(seed for seed in FRESH if key(seed) == p["new"])

    def effect_retire_chip(self, ballot, p):
        self.action(self.owners.pop(p["chip"]), action="retire_chip", chip=p["chip"], proposal_id=ballot)

    def effect_add_organisation(self, ballot, p):
        self.action("delta", action="add_organisation", organisation="delta", root_key=p["root_key"],
                    operator_key=p["operator_key"], proposal_id=ballot)

    def effect_remove_organisation(self, ballot, p):
        name = p["name"]
        self.gone.add(name)
        keys = 2 + len(NODES[name]) + list(self.owners.values()).count(name)
        self.action(name, action="remove_organisation", organisation=name, nodes=NODES[name], keys_ended=str(keys),
                    proposal_id=ballot)

    def effect_recovery(self, ballot, p):
        trees = {ledger: p[ledger] for ledger in ("evidence", "reasoning")}
        self.push("cluster", {"record_type": "recovery", "proposal_id": ballot, "recovery_count": self.rules["recovery_count"],
                              "reason": p["reason"], **trees})

    def effect_force_seal(self, ballot, p):
        self.leaves["reasoning"].append(b'{"of":"others"}')
