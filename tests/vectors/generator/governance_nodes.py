"""Part of governance.json: nodes that fail, chips that are refused, ballots whose time is over, with the genesis and every
signed submission; and altered histories, which are signed and chained like a genuine one."""

import copy

from . import governance as rules_of
from .common import jcs, prefixed, sha256
from .envelope import pae, submission
from .governance import SEEDS, ballot_digest, constitution, digest, key
from .p104 import public, secret

NAMES = ["aurora", "borealis", "cygnus"]
# Key and cosigner of each node; of the chips.
NODES = {1: (0xE0, 0xE1), 2: (0xE2, 0xE3), 3: (0xE4, 0xE5), 4: (0xE6, 0xE7), 5: (0xE8, 0xE9)}
CHIP, OTHER_CHIP = 0xC2, 0xC3
SUBSTRATE = "00000000-0000-4000-8000-00000000abcd"
RULES = {"ballot_ms": "10000", "objection_ms": "1000"}


def genesis(**limits) -> dict:
    return {
        "cluster": "demo",
        "origin": "ledger.example",
        "limits": {"max_submission_bytes": 4194304, "max_items": 1000, "max_item_bytes": 60000} | limits,
        "organisations": [
            {"name": name, "root_key": key(SEEDS[name][0]), "operator_key": key(SEEDS[name][1])} for name in NAMES
        ],
        "nodes": [
            {"id": n, "organisation": name, "key": key(NODES[n][0]), "cosigner": key(NODES[n][1])}
            for n, name in enumerate(NAMES, 1)
        ],
    }


def chip_id(seed: int) -> str:
    return prefixed(sha256(public(seed)))


def finding(outcome: str, check: str) -> dict:
    return {
        "outcome": outcome, "check": check, "expected": "a", "found": "b", "drift": 0, "lineage_depth": "3",
        "entries_checked": "12",
    }  # fmt: skip


def write(second: int, who: str, role: str, seed: int, command: dict, *records) -> list[dict]:
    """The entries of one submission, without what relinking computes."""
    return [
        {"second": second, "role": role, "seed": seed, "command": command, "request": f"{who}/{second}",
         "subject": subject, "record": record}
        for subject, record in records
    ]  # fmt: skip


def own(second: int, name: str, command: dict, action: dict, *more) -> list[dict]:
    """What an organisation did itself, and what follows."""
    record = {"record_type": "governance", "action": action}
    return write(second, name, "root", SEEDS[name][0], command, (f"organisation:{name}", record), *more)


def enrols(second: int, name: str, node: int, **changed) -> list[dict]:
    members = {"node": str(node), "key": key(NODES[node][0]), "cosigner": key(NODES[node][1])} | changed
    return own(second, name, {"kind": "enrol_node"} | members, {"action": "enrol_node"} | members)


def chip(second: int, name: str, seed: int) -> list[dict]:
    command = {"kind": "enrol_chip", "chip": key(seed), "technology": "software"}
    action = {"action": "enrol_chip", "chip": chip_id(seed), "key": key(seed), "technology": "software"}
    return own(second, name, command, action)


def opens(second: int, name: str, ballot: str, proposal: dict, *before) -> list[dict]:
    members = {"proposal_id": ballot, "proposal": proposal}
    made = own(second, name, {"kind": "propose"} | members, {"action": "propose"} | members)
    return [{**made[0], "subject": "cluster", "record": record} for record in before] + made


def votes(second: int, name: str, ballot: str, proposal: dict, state: str, *more) -> list[dict]:
    members = {"proposal_id": ballot, "ballot": ballot_digest(ballot, proposal, state), "approve": True}
    return own(second, name, {"kind": "vote"} | members, {"action": "vote"} | members, *more)


def verdict(second: int, node: int, name: str, outcome: str, *records) -> list[dict]:
    command = {"kind": "verdict", "substrate_id": SUBSTRATE, "verification": "7", "finding": finding(outcome, "ENTRY_HASH")}
    return write(second, f"node-{node}", "node", NODES[node][0], command, *records)


def quarantine(node: int, name: str) -> tuple:
    return "cluster", {
        "record_type": "node_quarantine", "node": str(node), "organisation": name,
        "finding": finding("HASH_MISMATCH", "ENTRY_HASH"), "substrate_id": SUBSTRATE,
    }  # fmt: skip


def warning(name: str, held: int, total: int) -> tuple:
    return "cluster", {
        "record_type": "organisation_quorum_warning", "organisation": name, "held": str(held), "total": str(total),
        "cause": "node_quarantine",
    }  # fmt: skip


def refused(second: int, name: str, seed: int) -> list[dict]:
    fence = {"epoch": "1", "seq": "1"}
    command = {"kind": "open_session", "substrate_id": SUBSTRATE, "fence": fence}
    record = {
        "record_type": "duplicate_refused", "substrate_id": SUBSTRATE, "chip": chip_id(seed), "code": "CHIP_NOT_ACTIVE",
    }  # fmt: skip
    return write(second, f"chip-{seed}", "chip", seed, command, (f"organisation:{name}", record))


def retires(reason: str) -> dict:
    return {"action": "retire_chip", "chip": chip_id(CHIP), "reason": reason}


def history() -> list[dict]:
    before = constitution()
    changed = {"action": "change_rules", "rules": rules_of.rules(**RULES)}
    after = constitution(revision="1", rules=changed["rules"])
    decided = {
        "record_type": "ballot_decided", "proposal_id": "rules", "proposal": changed, "approvals": NAMES,
        "threshold": "3", "constitutional_state_hash": digest(before),
    }  # fmt: skip
    change = {
        "record_type": "constitution_changed", "proposal_id": "rules", "before": before, "before_hash": digest(before),
        "after": after, "after_hash": digest(after),
    }  # fmt: skip
    expired = {
        "record_type": "ballot_closed", "proposal_id": "first", "result": "expired", "approvals": ["aurora"],
        "threshold": "3", "constitutional_state_hash": digest(after),
    }  # fmt: skip
    return [
        *enrols(1, "aurora", 4),
        *chip(2, "borealis", CHIP),
        *refused(3, "borealis", CHIP),
        # Two of aurora's are two of three when node 2 fails.
        *verdict(4, 2, "borealis", "HASH_MISMATCH", quarantine(2, "borealis"), warning("aurora", 2, 3)),
        *opens(5, "aurora", "rules", changed),
        *votes(6, "borealis", "rules", changed, digest(before)),
        *votes(7, "cygnus", "rules", changed, digest(before), ("cluster", decided), ("cluster", change)),
        *opens(8, "aurora", "first", retires("lost")),
        *opens(18, "borealis", "second", retires("stolen"), expired),
    ]


def linked(made: list[dict]) -> tuple[list[str], list[str]]:
    """Leaves and submissions: everything that follows is computed, and signed by whoever it says."""
    chains, leaves, submissions = {}, [], []
    for index, entry in enumerate(made):
        payload = jcs(submission(entry["role"], entry["seed"], entry["command"], entry["request"]))
        depth, head = chains.get(entry["subject"], (0, None))
        leaf = jcs({
            "index": str(index), "ledger": "reasoning", "subject": entry["subject"], "depth": str(depth),
            "prior_entry_hash": head, "time": f"2026-03-08T00:00:{entry['second']:02}.000Z",
            "submission": prefixed(sha256(payload)), "record": entry["record"],
        })  # fmt: skip
        chains[entry["subject"]] = (depth + 1, prefixed(sha256(b"\0" + leaf)))
        leaves.append(leaf.decode())
        submissions.append((secret(entry["seed"]).sign(pae(payload)) + payload).hex())
    return leaves, submissions


def altered() -> list[dict]:
    kinds = [(entry["record"]["record_type"], entry["record"].get("action", {}).get("action")) for entry in history()]

    def case(name: str, check: str, change, **limits) -> dict:
        made = copy.deepcopy(history())
        # Every member of one command stands in each of its entries: a change of one is a change of all.
        made = change(made) or made
        leaves, submissions = linked(made)
        changed = {"genesis": genesis(**limits)} if limits else {}
        return {"name": name, "leaves": leaves, "submissions_hex": submissions, "check": check, **changed}

    def at(kind: str, action: str | None = None) -> int:
        return kinds.index((kind, action))

    def record(place: int, **members):
        return lambda made: made[place]["record"].update(members)

    def both(place: int, **members):
        """In the record and in the command that asks for it."""

        def change(made):
            made[place]["record"]["action"].update(members)
            made[place]["command"].update(members)

        return change

    def pop(place: int):
        return lambda made: [entry for number, entry in enumerate(made) if number != place]

    def more(*entries):
        return lambda made: [*made, *entries]

    node, enrolled = at("governance", "enrol_node"), at("governance", "enrol_chip")
    duplicate, failed, warned = at("duplicate_refused"), at("node_quarantine"), at("organisation_quorum_warning")
    expired = at("ballot_closed")
    voted, rules = at("governance", "vote"), {"action": "change_rules", "rules": rules_of.rules(**RULES)}
    under_rules = retires("lost"), digest(constitution(revision="1", rules=rules["rules"]))
    late = finding("HASH_MISMATCH", "ENTRY_HASH")
    return [
        case("node 0", "NODE_ID", both(node, node="0")),
        case("a node id again", "NODE_ID", both(node, node="3")),
        case("a cosigner that signs otherwise", "KEY_ONCE", both(node, cosigner=key(SEEDS["cygnus"][1]))),
        case("a key that is a cosigner's", "KEY_ONCE", both(node, key=key(NODES[3][1]))),
        case("a quorum of one organisation", "NODE_BALANCE",
             lambda made: [*made[: node + 1], *enrols(2, "aurora", 5), *made[node + 1 :]]),
        case("another chip than asked for", "SUBMISSION_COMMAND", lambda made: made[enrolled]["record"]["action"].update(chip=chip_id(OTHER_CHIP))),
        case("a refusal in a stranger's chain", "SUBMISSION_AUTHOR", lambda made: made[duplicate].update(subject="organisation:cygnus")),
        case("a refusal about another substrate", "SUBMISSION_COMMAND", record(duplicate, substrate_id=SUBSTRATE[:-1] + "e")),
        case("a refusal of another chip", "SUBMISSION_AUTHOR", record(duplicate, chip=chip_id(OTHER_CHIP))),
        case("a refusal that is not recorded", "REFUSAL_CODE", record(duplicate, code="STALE_EPOCH")),
        case("a write refused as a birth", "REFUSAL_CODE", record(duplicate, code="IDENTITY_CONFLICT")),
        case("a chip that is not registered", "SUBMISSION_KEY", lambda made: pop(enrolled)(made)),
        case("a node that found nothing wrong", "QUARANTINE_FINDING", record(failed, finding=late | {"outcome": "VERIFIED"})),
        case("a finding that was not given", "QUARANTINE_FINDING", record(failed, finding=late | {"found": "c"})),
        case("a node of others", "NODE_ID", record(failed, organisation="cygnus")),
        case("a node that did not give the verdict", "QUARANTINE_CAUSE", record(failed, node="3", organisation="cygnus")),
        case("another substrate than that of the verdict", "QUARANTINE_CAUSE", record(failed, substrate_id=SUBSTRATE[:-1] + "e")),
        case("a quorum that nobody is warned of", "QUORUM_WARNING", pop(warned)),
        case("a warning of other figures", "QUORUM_WARNING", record(warned, held="3")),
        case("a warning without a quorum", "QUORUM_WARNING",
             lambda made: [*made, {**made[-1], "subject": "cluster", "record": warning("aurora", 2, 3)[1]}]),
        case("a node out of service gives a verdict", "SUBMISSION_KEY",
             more(*verdict(18, 2, "borealis", "HASH_MISMATCH", quarantine(3, "cygnus")))),
        case("a ballot whose time is over stays open", "BALLOT_TIME", pop(expired)),
        case("a vote when its time is over", "BALLOT_TIME", lambda made: [*made[:expired], *votes(18, "cygnus", "first", *under_rules)]),
        case("a vote under another constitution", "VOTE_BALLOT", both(voted, ballot=ballot_digest("rules", rules, under_rules[1]))),
        case("a vote about another ballot of the same proposal", "VOTE_BALLOT",
             both(voted, ballot=ballot_digest("first", rules, digest(constitution())))),
        case("a vote about something else when its time is over", "VOTE_BALLOT",
             lambda made: [*made[:expired], *votes(18, "cygnus", "first", retires("stolen"), under_rules[1])]),
        case("a ballot closed and no proposal", "SUBMISSION_ENTRIES", lambda made: made[: expired + 1]),
        case("entries of one submission at two times", "SUBMISSION_TIME", lambda made: made[-1].update(second=19)),
        case("a record of a substrate", "RECORD_KIND", lambda made: made[duplicate].update(record={"record_type": "suppression", "reason": "HASH_MISMATCH"})),
        case("a refusal in the chain of the cluster", "ENTRY_SUBJECT", lambda made: made[duplicate].update(subject="cluster")),
        case("a request id used again", "REQUEST_ID",
             more(*[{**entry, "request": "aurora/8"} for entry in opens(18, "aurora", "third", retires("again"))])),
        case("a submission twice", "SUBMISSION_ONCE", lambda made: [*made, {**made[node], "second": 18}]),
        case("more than the limits allow", "SUBMISSION_LIMITS", lambda made: None, max_submission_bytes=200),
        case("a ballot too many", "BALLOT_LIMIT",
             more(*[e for n in range(8) for e in opens(20 + n, "borealis", f"more-{n}", retires("again"))])),
        case("a proposal that changes nothing", "BALLOT_PROPOSAL",
             more(*opens(18, "aurora", "same", {"action": "change_rules", "rules": rules_of.rules(**RULES)}))),
    ]  # fmt: skip


def build() -> dict:
    leaves, submissions = linked(history())
    return {"genesis": genesis(), "leaves": leaves, "submissions_hex": submissions, "altered": altered()}
