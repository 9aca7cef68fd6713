"""governance.json: shares and ballots counted, the constitution of a cluster and its hash, and a history of governance
that verifies, with altered ones that do not."""

import copy
import json

from .common import jcs, prefixed, sha256, tagged
from .p104 import public, secret
from .envelope import pae, submission

TAG = "selfsame/cluster-constitution/v1"
DAY = 24 * 60 * 60 * 1000
# Root and operator seed of each organisation.
SEEDS = {"aurora": (0xB0, 0xB1), "borealis": (0xB2, 0xB3), "cygnus": (0xB4, 0xB5), "delta": (0xB6, 0xB7)}
START = 1_772_928_000_000


def key(seed: int) -> str:
    return "ed25519:" + public(seed).hex()


def needed(share: str, members: int) -> int:
    above, of = map(int, share.split("/"))
    return members * above // of + 1


def rules(**changed) -> dict:
    return {
        "ordinary": "2/3", "constitutional": "2/3", "cosigning": "2/3", "vetoes": [], "ballot_entries": "0",
        "ballot_ms": str(30 * DAY), "objection_ms": str(7 * DAY), **changed,
    }  # fmt: skip


def constitution(**changed) -> dict:
    return {
        "revision": "0", "organisations": ["aurora", "borealis", "cygnus"], "rules": rules(), "publisher": None,
        "recovery_count": "0", **changed,
    }  # fmt: skip


def digest(value: dict) -> str:
    return prefixed(tagged(TAG, value))


def about(proposal_id: str, proposal: dict, state: str) -> dict:
    """What a vote is about."""
    return {"constitution": state, "proposal": proposal, "proposal_id": proposal_id}


def ballot_digest(*of) -> str:
    return prefixed(tagged("selfsame/ballot/v1", about(*of)))


def time(step: int) -> str:
    # Seconds after 2026-03-08T00:00:00.000Z, up to a minute.
    return f"2026-03-08T00:00:{step:02}.000Z"


class History:
    """The chains of the cluster and of organisations, as a node would write them."""

    def __init__(self):
        self.entries, self.submissions, self.chains, self.step = [], [], {}, 0
        self.proposals, self.state = {}, digest(constitution())

    def signed(self, organisation: str, command: dict):
        self.step += 1
        payload = jcs(submission("root", SEEDS[organisation][0], command, f"request-{self.step}"))
        signature = secret(SEEDS[organisation][0]).sign(pae(payload))
        self.submission = prefixed(sha256(payload))
        self.envelope = (signature + payload).hex()

    def push(self, subject: str, record: dict):
        depth, head = self.chains.get(subject, (0, None))
        entry = {
            "index": str(len(self.entries)), "ledger": "reasoning", "subject": subject, "depth": str(depth),
            "prior_entry_hash": head, "time": time(self.step), "submission": self.submission, "record": record,
        }  # fmt: skip
        self.entries.append(entry)
        self.submissions.append(self.envelope)
        self.chains[subject] = (depth + 1, prefixed(sha256(b"\0" + jcs(entry))))

    def governance(self, organisation: str, action: dict):
        self.push(f"organisation:{organisation}", {"record_type": "governance", "action": action})

    def vote(self, organisation: str, ballot: str, approve: bool = True):
        said = {
            "proposal_id": ballot, "ballot": ballot_digest(ballot, self.proposals[ballot], self.state), "approve": approve,
        }  # fmt: skip
        self.signed(organisation, {"kind": "vote"} | said)
        self.governance(organisation, {"action": "vote"} | said)

    def propose(self, organisation: str, ballot: str, proposal: dict):
        self.proposals[ballot] = proposal
        self.signed(organisation, {"kind": "propose", "proposal_id": ballot, "proposal": proposal})
        self.governance(organisation, {"action": "propose", "proposal_id": ballot, "proposal": proposal})

    def decided(self, ballot: str, proposal: dict, approvals: list, threshold: int, state: str):
        record = {
            "record_type": "ballot_decided", "proposal_id": ballot, "proposal": proposal, "approvals": approvals,
            "threshold": str(threshold), "constitutional_state_hash": state,
        }  # fmt: skip
        self.push("cluster", record)

    def changed(self, ballot: str, before: dict, after: dict, voided: list):
        record = {
            "record_type": "constitution_changed", "proposal_id": ballot, "before": before,
            "before_hash": digest(before), "after": after, "after_hash": digest(after),
        }  # fmt: skip
        self.push("cluster", {**record, "voided": voided} if voided else record)
        self.state = digest(after)


def history() -> tuple[History, list]:
    made = History()
    before = constitution()
    # Somebody's ballot is open meanwhile.
    rotate = {
        "action": "rotate_key", "organisation": "cygnus", "key": "operator", "new": key(0xD0), "reason": "lost",
    }  # fmt: skip
    made.propose("borealis", "rotate", rotate)
    join = {
        "action": "add_organisation", "name": "delta", "root_key": key(0xB6), "operator_key": key(0xB7),
    }  # fmt: skip
    made.propose("aurora", "join", join)
    made.vote("cygnus", "join")
    made.vote("borealis", "join")
    made.decided("join", join, ["aurora", "borealis", "cygnus"], 3, digest(before))
    closed = {
        "record_type": "ballot_closed", "proposal_id": "rotate", "result": "void", "approvals": ["borealis"],
        "threshold": "3", "constitutional_state_hash": digest(before),
    }  # fmt: skip
    made.push("cluster", closed)
    after = constitution(revision="1", organisations=["aurora", "borealis", "cygnus", "delta"])
    made.changed("join", before, after, ["rotate"])
    joined = {
        "action": "add_organisation", "organisation": "delta", "root_key": key(0xB6), "operator_key": key(0xB7),
        "proposal_id": "join",
    }  # fmt: skip
    made.governance("delta", joined)
    # The newcomer votes; three of four are enough, and the veto that they give is the newcomer's.
    given = rules(vetoes=["delta"], constitutional="1/2")
    made.propose("delta", "rules", {"action": "change_rules", "rules": given})
    made.vote("aurora", "rules")
    made.vote("cygnus", "rules")
    made.decided("rules", {"action": "change_rules", "rules": given}, ["aurora", "cygnus", "delta"], 3, digest(after))
    last = {**after, "revision": "2", "rules": given}
    made.changed("rules", after, last, [])
    return made, [before, after, last]


def rechained(entries: list) -> list[str]:
    """Leaves of entries whose indexes, depths and hashes are put right, as somebody could who writes the ledger anew."""
    chains, leaves = {}, []
    for index, entry in enumerate(entries):
        depth, head = chains.get(entry["subject"], (0, None))
        entry = {**entry, "index": str(index), "depth": str(depth), "prior_entry_hash": head}
        leaf = jcs(entry)
        chains[entry["subject"]] = (depth + 1, prefixed(sha256(b"\0" + leaf)))
        leaves.append(leaf.decode())
    return leaves


def altered(made: History) -> list[dict]:
    def case(name: str, check: str, change) -> dict:
        # By way of its text: the same proposal stands in several entries, and one of them alone is changed.
        entries = json.loads(jcs(made.entries))
        change(entries)
        return {"name": name, "leaves": rechained(entries), "check": check}

    def member(index: int, *path):
        def change(entries, value):
            place = entries[index]["record"]
            for name in path[:-1]:
                place = place[name]
            place[path[-1]] = value

        return change

    at = {entry["record"]["record_type"]: index for index, entry in reversed(list(enumerate(made.entries)))}
    decided, changed = at["ballot_decided"], at["constitution_changed"]
    other = ballot_digest("join", made.proposals["rotate"], digest(constitution()))

    def put(entries):
        for index in (1, decided):
            record = entries[index]["record"]
            record.get("action", record)["proposal"]["root_key"] = key(0xD1)

    return [
        case("a vote is missing", "BALLOT_VOTES", lambda e: e.pop(3)),
        case("a vote stands twice", "ONE_VOTE", lambda e: e.insert(3, {**copy.deepcopy(e[2]), "submission": prefixed(sha256(b"again"))})),
        case("an entry stands twice in its submission", "SUBMISSION_ENTRIES", lambda e: e.insert(3, copy.deepcopy(e[2]))),
        case("a vote is about another proposal", "VOTE_BALLOT", lambda e: member(2, "action", "ballot")(e, other)),
        case("another proposal is put under the votes", "VOTE_BALLOT", lambda e: put(e)),
        case("a vote against is counted", "BALLOT_RESULT", lambda e: member(2, "action", "approve")(e, False)),
        case("a stranger votes", "GOVERNANCE_MEMBER", lambda e: e[3].update(subject="organisation:nobody")),
        case("one vote fewer is said to be enough", "BALLOT_THRESHOLD", lambda e: member(decided, "threshold")(e, "2")),
        case("another proposal is carried", "BALLOT_PROPOSAL", lambda e: member(decided, "proposal", "name")(e, "x")),
        case("the decision is missing", "BALLOT_RESULT", lambda e: e.pop(decided)),
        case("what became void is not named", "CONSTITUTION_VOIDED", lambda e: member(changed, "voided")(e, ["x"])),
        case("the rules change on the way", "CONSTITUTION_AFTER",
             lambda e: member(changed, "after", "rules", "ordinary")(e, "1/2")),
        case("a hash is another", "CONSTITUTION_HASH", lambda e: member(changed, "after_hash")(e, digest({}))),
        case("another key joins", "CARRIED_OUT", lambda e: member(changed + 1, "action", "root_key")(e, key(0xD1))),
        case("nobody joins", "CARRIED_OUT", lambda e: e.pop(changed + 1)),
        case("the newcomer was a member before", "GOVERNANCE_MEMBER", lambda e: e[1].update(subject="organisation:delta")),
    ]  # fmt: skip


def counts() -> list[dict]:
    cases = []
    for approvals, rejections, number, electorate, vetoed in [
        (1, 0, 3, 4, False), (3, 0, 3, 4, False), (3, 1, 3, 4, False), (2, 1, 3, 4, False), (2, 2, 3, 4, False),
        (3, 1, 3, 4, True), (1, 0, 1, 1, False), (0, 1, 1, 1, False), (2, 1, 2, 3, False), (0, 2, 2, 3, False),
    ]:  # fmt: skip
        if vetoed:
            result = "rejected"
        elif approvals >= number:
            result = "carried"
        else:
            result = "rejected" if electorate - rejections < number else "open"
        cases.append({
            "approvals": approvals, "rejections": rejections, "needed": number, "electorate": electorate,
            "vetoed": vetoed, "result": result,
        })  # fmt: skip
    return cases


def build() -> dict:
    from . import governance_nodes

    made, constitutions = history()
    publisher = {"organisation": "aurora", "log_key": key(0xD2)}
    more = [constitution(publisher=publisher), constitution(recovery_count="2", revision="9", rules=rules(vetoes=["aurora", "cygnus"]))]
    return {
        "shares": [
            {"share": share, "members": n, "needed": needed(share, n)}
            for share in ("1/2", "2/3", "3/4", "999/1000")
            for n in (1, 2, 3, 4, 5, 7, 32)
        ],
        "refused_shares": ["", "2", "1/3", "1/1", "3/2", "02/3", "2/03", "+2/3", "2 /3", "1000/1001", "1/0"],
        "counts": counts(),
        "ballots": [
            of | {"hash": tagged("selfsame/ballot/v1", of).hex()}
            for of in (about(name, made.proposals[name], digest(c)) for name in made.proposals for c in constitutions)
        ],
        "constitutions": [{"constitution": c, "hash": tagged(TAG, c).hex()} for c in constitutions + more],
        "history": {
            "cluster": "demo",
            "founders": [
                {"name": name, "root_key": key(root), "operator_key": key(operator)}
                for name, (root, operator) in list(SEEDS.items())[:3]
            ],
            "leaves": [jcs(entry).decode() for entry in made.entries],
            "submissions_hex": made.submissions,
            "constitutional_state_hash": digest(constitutions[-1]),
            "organisations": sorted(SEEDS),
        },
        "altered": altered(made),
        "nodes": governance_nodes.build(),
    }
