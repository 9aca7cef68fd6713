"""Changes of a substrate's history against the history of keys, and the other way round: what was recorded earlier, later, by
somebody else, or not at all. Everything is signed, numbered and hashed again."""
import copy

import forge
import told
from generator import cluster
from generator.bundle_history import CHIP, DESTINATION, SUBSTRATE, chip_id
from generator.envelope import submission
from generator.governance import SEEDS, ballot_digest, key

NAMES = ["aurora", "borealis", "cygnus"]
CHIPS = (CHIP, DESTINATION, told.THIRD)
NODES = {"1": "aurora", "2": "borealis", "3": "cygnus", "4": "cygnus", "5": "aurora"}
OTHER = "6f1e0c52-9a3b-4d7e-8f00-5a6b7c8d9e11"


def strings(value):
    """Every container and member that is a text."""
    for name, inner in list(value.items() if isinstance(value, dict) else enumerate(value)):
        if isinstance(inner, str):
            yield value, name
        elif isinstance(inner, (dict, list)):
            yield from strings(inner)


class Timeline:
    """The Reasoning entries of a bundle in order, those of one submission together."""

    def __init__(self, bundle):
        self.bundle, self.groups, payloads, payload = bundle, [], {}, None
        for item in bundle.items:
            if "payload" in item:
                payload = item
            elif item["entry"]["subject"] != bundle.header["subject"]:
                payloads[id(item)] = payload
        entries = [item for item in bundle.items if item.get("ledger") == "reasoning"]
        for item in sorted(entries, key=lambda item: int(item["entry"]["index"])):
            if not self.groups or self.groups[-1][-1]["entry"]["submission"] != item["entry"]["submission"]:
                self.groups.append([])
            self.groups[-1].append(item)
        self.payloads = payloads

    def of_keys(self, group):
        """Whether a submission wrote in the history of keys."""
        return any(id(item) in self.payloads for item in group)

    def keys(self, alone=False):
        return [at for at, group in enumerate(self.groups) if self.of_keys(group) and not (alone and any(
            id(item) not in self.payloads for item in group))]

    def records(self, kind):
        """The items with a record of this kind."""
        return [item for group in self.groups for item in group if item["entry"]["record"]["record_type"] == kind]

    def new(self, role, seed, command, *records):
        """Another submission with its entries, which stands nowhere yet."""
        request = f"mutant-{len(self.payloads)}"
        payload = {"payload": submission(role, seed, command, request), "seed": seed}
        group = []
        for at, (subject, record) in enumerate(records):
            group.append({"ledger": "reasoning", "entry": {
                "index": str(at), "ledger": "reasoning", "subject": subject, "depth": "0", "prior_entry_hash": None,
                "time": "", "submission": request, "record": record}})
            self.payloads[id(group[-1])] = payload
        return group

    def own(self, name, kind, command=None, **members):
        record = {"record_type": "governance", "action": {"action": kind, **members}}
        return self.new("root", SEEDS[name][0], {"kind": kind, **(command or members)}, (f"organisation:{name}", record))

    def put(self, rng, at, *groups):
        """Groups at a place, at a time that fits there."""
        for group in groups:
            times = {self.groups[near][0]["entry"]["time"] for near in (at - 1, at) if 0 <= near < len(self.groups)}
            least, most = min(times), max(times)
            times |= {item["entry"]["time"] for item in self.bundle.items if item.get("ledger") == "evidence"
                      and least <= item["entry"]["time"] <= most}
            time = rng.choice(sorted(times))
            for item in group:
                item["entry"]["time"] = time
            self.groups.insert(at, group)
            at += 1

    def write(self):
        """The bundle in this order; what stood directly behind each other in a submission does so again."""
        index, own, keys, written = 0, [], [], set()
        for group in self.groups:
            first, index = int(group[0]["entry"]["index"]), index + 2
            base = index
            for item in group:
                index = base + int(item["entry"]["index"]) - first
                item["entry"]["index"] = str(index)
                payload = self.payloads.get(id(item))
                if payload is None:
                    own.append(item)
                    continue
                if id(payload) not in written:
                    keys.append(payload)
                    written.add(id(payload))
                keys.append(item)
        evidence = [item for item in self.bundle.items if item.get("ledger") == "evidence"]
        self.bundle.items = keys + evidence + own
        depths = {}
        for item in keys + own:
            subject = item["entry"]["subject"] if "entry" in item else None
            if subject:
                item["entry"]["depth"], depths[subject] = str(depths.get(subject, 0)), depths.get(subject, 0) + 1


def dropped(rng, line):
    """A submission never came."""
    line.groups.pop(rng.choice(line.keys(rng.random() < 0.7)))


def moved(rng, line):
    """A submission came earlier or later."""
    at = rng.choice(line.keys(rng.random() < 0.8))
    group = line.groups.pop(at)
    near = rng.random() < 0.5
    line.put(rng, max(0, min(len(line.groups), at + rng.choice([-3, -2, -1, 1, 2, 3]))) if near else rng.randrange(
        len(line.groups) + 1), group)


def came(rng, line):
    """Another submission came."""
    chip, name = rng.choice(CHIPS), rng.choice(NAMES)
    node = rng.choice(list(NODES))
    way = rng.randrange(8)
    at = rng.randrange(1, len(line.groups) + 1)
    if way <= 1:
        owner = {CHIP: "aurora", DESTINATION: "borealis"}.get(chip, "cygnus")
        line.put(rng, at, line.own(owner, "retire_chip", chip=chip_id(chip)))
    elif way == 2:
        line.put(rng, at, line.own(NODES[node], "retire_node", node=node))
    elif way == 3:
        node = rng.choice(["4", "5", "6"])
        seeds = told.MORE.get(node, told.MORE["4"])
        line.put(rng, at, line.own(name, "enrol_node", node=node, key=key(seeds[0]), cosigner=key(seeds[1])))
    elif way == 4:
        line.put(rng, at, line.own(name, "enrol_chip", {"chip": key(chip), "technology": "software"}, chip=chip_id(chip),
                                   key=key(chip), technology="software"))
    elif way <= 6:
        line.put(rng, at, failed(rng, line, node))
    else:
        proposal = rng.choice([
            {"action": "force_seal", "substrate_id": rng.choice([SUBSTRATE, SUBSTRATE, OTHER]), "migration_id": "m-9",
             "destination": chip_id(chip), "reason": "lost"},
            {"action": "retire_chip", "chip": chip_id(chip), "reason": "lost"}])
        line.put(rng, at, *ballot(line, proposal, rng.random() < 0.8))


def failed(rng, line, node):
    """A node is put out of service, by its own verdict or by another's."""
    findings = [verdict["finding"] for item in line.records("identity_verification")
                for verdict in item["entry"]["record"]["verdicts"]]
    finding = {**rng.choice(findings), "outcome": "HASH_MISMATCH", "check": "ENTRY_HASH"}
    by = rng.choice([node, node, rng.choice(list(NODES))])
    seed = told.MORE[by][0] if by in told.MORE else cluster.NODES[int(by) - 1]
    said = finding if by == node or rng.random() < 0.2 else {**finding, "outcome": "VERIFIED", "check": "CONTINUITY_HASH"}
    substrate = rng.choice([SUBSTRATE, SUBSTRATE, OTHER])
    command = {"kind": "verdict", "substrate_id": substrate, "verification": "9", "finding": said}
    return line.new("node", seed, command, ("cluster", {"record_type": "node_quarantine", "node": node, "organisation": NODES[node],
                                                        "finding": finding, "substrate_id": substrate}))


def ballot(line, proposal, effect):
    """A ballot that all carry, under the constitution of the founders."""
    state = next((item["entry"]["record"]["constitutional_state_hash"] for item in line.records("ballot_decided")), None)
    state = state or forge.prefixed(forge.tagged("selfsame/cluster-constitution/v1", told.constitution(
        publisher={"organisation": "aurora", "log_key": key(cluster.LOG)})))
    members = {"proposal_id": "mutant", "proposal": proposal}
    made = [line.own("aurora", "propose", **members)]
    about = ballot_digest("mutant", proposal, state)
    made += [line.own(name, "vote", proposal_id="mutant", ballot=about, approve=True) for name in NAMES[1:]]
    last = made.pop()
    payload = line.payloads[id(last[0])]
    records = [("cluster", {"record_type": "ballot_decided", **members, "approvals": NAMES, "threshold": "3",
                            "constitutional_state_hash": state})]
    if proposal["action"] == "retire_chip" and effect:
        owner = {chip_id(CHIP): "aurora", chip_id(DESTINATION): "borealis"}.get(proposal["chip"], "cygnus")
        records.append((f"organisation:{owner}", {"record_type": "governance", "action": {
            "action": "retire_chip", "chip": proposal["chip"], "proposal_id": "mutant"}}))
    more = line.new("root", payload["seed"], payload["payload"]["command"], (last[0]["entry"]["subject"], last[0]["entry"]["record"]),
                    *records)
    return [*made, more]


def enrolled(rng, line):
    """A chip or node is enrolled by another organisation, or under another number."""
    ways = [at for at in line.keys() if line.groups[at][0]["entry"]["record"].get("action", {}).get("action", "").startswith("enrol")]
    at = rng.choice(ways)
    action = dict(line.groups[at][0]["entry"]["record"]["action"])
    kind, command = action.pop("action"), None
    if kind == "enrol_chip":
        command = {"chip": action["key"], "technology": "software"}
    elif rng.random() < 0.5:
        action["node"] = "6"
    line.groups.pop(at)
    line.put(rng, at, line.own(rng.choice(NAMES), kind, command, **action))


def judged(rng, line):
    """Other verdicts."""
    r = rng.choice(line.records("identity_verification"))["entry"]["record"]
    verdicts, way = r["verdicts"], rng.randrange(7)
    one = rng.choice(verdicts)
    finding = one["finding"]
    if way == 0:
        verdicts.remove(one)
    elif way == 1:
        rng.shuffle(verdicts)
    elif way == 2:
        one["node"] = rng.choice([*NODES, "6", "0"])
        one["organisation"] = NODES.get(one["node"], one["organisation"])
    elif way == 3:
        one["organisation"] = rng.choice([*NAMES, "delta"])
    else:
        node = rng.choice([node for node in [*NODES, "6"] if node not in [verdict["node"] for verdict in verdicts]])
        said = copy.deepcopy(finding)
        if way > 4:
            said |= {"outcome": "HASH_MISMATCH", "check": "ENTRY_HASH"}
        verdicts.insert(rng.randrange(len(verdicts) + 1), {"node": node, "organisation": NODES.get(node, "aurora"), "finding": said})
    if rng.random() < 0.3:
        rng.choice(verdicts)["finding"] |= {"outcome": "HASH_MISMATCH", "check": "ENTRY_HASH"}


def put_out(rng, line):
    """What is said of nodes that were put out of service."""
    item = rng.choice(line.records("node_quarantine"))
    r, way = item["entry"]["record"], rng.randrange(5)
    if way == 0:
        next(group for group in line.groups if item in group).remove(item)
        line.groups = [group for group in line.groups if group]
    elif way == 1:
        r["finding"] = {**r["finding"], rng.choice(["check", "expected", "found"]): "x"}
    elif way == 2:
        r["substrate_id"] = OTHER
    elif way == 3:
        r["node"] = rng.choice(list(NODES))
        r["organisation"] = NODES[r["node"]]
    else:
        r["finding"]["entries_checked"] = str(int(r["finding"]["entries_checked"]) + 1)


def renamed(rng, line):
    """A name is another one in the history of keys, or in the substrate, or in both."""
    ids = [chip_id(seed) for seed in CHIPS]
    old, new = rng.choice([("m-1", "m-3"), ("m-2", "m-1"), ("seal-m-1", "seal-m-2"), ("seal-m-2", "b-9"), (SUBSTRATE, OTHER),
                           tuple(rng.sample(ids, 2)), tuple(rng.sample(ids, 2)), tuple(rng.sample(NAMES, 2))])
    kinds = rng.choice([("governance", "ballot_decided"), ("migration_seal",), ("migration_seal",), ("substrate_identity",),
                        ("governance", "ballot_decided", "migration_seal", "migration_identity_attestation", "node_quarantine")])
    for group in line.groups:
        for item in group:
            if item["entry"]["record"]["record_type"] in kinds:
                payload = line.payloads.get(id(item), {}).get("payload", {}).get("command", {})
                for value, name in [*strings(item["entry"]["record"]), *strings(payload)]:
                    if name != "attestation":
                        value[name] = value[name].replace(old, new)


def counted(rng, line):
    """Another number of recoveries."""
    kinds = [*line.records("holder_recovery"), *line.records("recovery"), *line.records("substrate_identity")]
    r = rng.choice(kinds)["entry"]["record"]
    r = r.get("constitution", r)
    count = int(r.get("recovery_count", "0")) + rng.choice([-1, 1, 1, 2])
    r["recovery_count"] = str(count)
    if count == 0:
        del r["recovery_count"]
    if "epoch" in r:
        r["epoch"] = str(int(r["ended"]) + (count << 32))


def caused(rng, line):
    """Entries of the substrate are of another submission."""
    items = [item for group in line.groups for item in group if id(item) not in line.payloads]
    one = rng.choice([item for item in items if "cause" in item or item["entry"]["record"]["record_type"] == "migration_seal"] or items)
    together = [item for item in line.bundle.items if item.get("entry", {}).get("submission") == one["entry"]["submission"]
                and item["entry"]["subject"] == one["entry"]["subject"]]
    others = [payload["payload"] for payload in line.payloads.values()]
    another = rng.choice([None, *others])
    for item in together:
        item.pop("cause", None)
        item["entry"]["submission"] = "sha256:" + "7" * 64
        if another:
            item["cause"] = another


WAYS = [dropped, moved, moved, came, came, enrolled, judged, judged, put_out, renamed, counted, caused]


def changed(rng, bundle):
    """One or two of these changes."""
    bundle = bundle.copy()
    for _ in range(rng.choice([1, 1, 1, 2])):
        line = Timeline(bundle)
        rng.choice(WAYS)(rng, line)
        line.write()
    bundle.refreshed()
    return "".join(text + "\n" for text in bundle.lines(3)).encode("utf-8", "surrogatepass")
