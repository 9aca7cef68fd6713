"""Bundles of runs, for verify.py: docs/protocol.md, sections 5, 9, 14 and 18.2.

Every entry stands in its chain and in the tree, every submission is signed by a key that its organisation had then, and the
run's identity is recomputed from its declaration. Of governance the keys are followed; ballots are not counted again."""
import re

from verify import (ENTRY, TIME, Vkey, canonical, included, jcs, name_of, need, raw, says, sha, signed, statement_signed,
                    tagged, unbase64)

HEADER = "bundle checkpoints genesis keys run_id statement statement_signatures".split()
STATEMENT = "entries evidence genesis governance head reasoning record_type run_id".split()
ELEMENTS = "model prompt parameters context constraints".split()
TYPE = "application/vnd.selfsame.submission.v1+json"


def submission(line, cluster):
    """The payload of a submission, its digest, and the key whose signature it carries."""
    envelope = canonical(line, ["submission"], b"\n")["submission"]
    [signature] = envelope["signatures"]
    need(set(envelope) == {"payload", "payloadType", "signatures"} and set(signature) == {"keyid", "sig"}
         and envelope["payloadType"] == TYPE, "SUBMISSION_FORM")
    data = unbase64(envelope["payload"])
    payload = canonical(data, "author cluster command request_id type".split())
    author = payload["author"]
    need(set(author) == {"key", "role"} and re.fullmatch("ed25519:[0-9a-f]{64}", author["key"]), "SUBMISSION_FORM")
    says(payload, type="selfsame/submission/v1", cluster=cluster)
    key = bytes.fromhex(author["key"][8:])
    says(signature, keyid=name_of(sha(key)))
    pae = b"DSSEv1 %d %s %d %s" % (len(TYPE), TYPE.encode(), len(data), data)
    need(signed(key, unbase64(signature["sig"]), pae), "SUBMISSION_SIGNATURE", author["key"])
    return payload, name_of(sha(data))


class Keys:
    """Every key with role, organisation, and the times at which it was registered and ended."""
    def __init__(self, genesis):
        self.spans, self.chips, self.nodes = {}, {}, {}
        for founder in genesis["organisations"]:
            for role in ("root", "operator"):
                self.register(founder[role + "_key"], role, founder["name"], "")
        for node in genesis["nodes"]:
            self.register(node["key"], "node", node["organisation"], "")
            self.nodes[str(node["id"])] = node["key"]
        need(genesis["nodes"], "GENESIS_FORM", "no nodes")

    def register(self, key, role, organisation, time):
        need(key not in self.spans, "KEY_ONCE", key)
        self.spans[key] = [role, organisation, time, None]

    def end(self, key, organisation, time, check="KEY_IN_FORCE"):
        need(key in self.spans and self.spans[key][1] == organisation and self.spans[key][3] is None, check, key)
        self.spans[key][3] = time

    def author(self, payload, time):
        """The organisation of whoever signed, when the key had the right at that time."""
        key, role = payload["author"]["key"], payload["author"]["role"]
        need(key in self.spans, "SUBMISSION_KEY", key)
        known, organisation, since, until = self.spans[key]
        need(known == role, "SUBMISSION_ROLE", role)
        need(since <= time and (until is None or until >= time), "SUBMISSION_KEY", f"{key}: not in force at {time}")
        return organisation

    def action(self, organisation, a, time):
        if a["action"] == "rotate_key":
            need(self.spans.get(a["old"], [None])[0] == a["key"], "KEY_IN_FORCE", a["old"])
            self.end(a["old"], organisation, time)
            self.register(a["new"], a["key"], organisation, time)
        elif a["action"] == "enrol_node":
            need(a["node"] not in self.nodes, "NODE_ID", a["node"])
            self.nodes[a["node"]] = a["key"]
            self.register(a["key"], "node", organisation, time)
        elif a["action"] == "retire_node":
            self.end(self.nodes.get(a["node"]), organisation, time, "NODE_ID")
        elif a["action"] == "enrol_chip":
            need(name_of(sha(bytes.fromhex(a["key"][8:]))) == a["chip"], "CHIP_ID", a["chip"])
            self.chips[a["chip"]] = a["key"]
            self.register(a["key"], "chip", organisation, time)
        elif a["action"] == "retire_chip":
            self.end(self.chips.get(a["chip"]), organisation, time, "CHIP_IN_SERVICE")
        elif a["action"] == "add_organisation":
            self.register(a["root_key"], "root", organisation, time)
            self.register(a["operator_key"], "operator", organisation, time)
        elif a["action"] == "remove_organisation":
            for span in self.spans.values():
                span[3] = time if span[1] == organisation and span[3] is None else span[3]
        else:
            need(a["action"] in ("propose", "vote", "conclude"), "GOVERNANCE_ACTION", a["action"])


class Run:
    """The records of a run, each against the command that asked for it."""
    def __init__(self, run_id):
        self.run_id, self.first, self.attested, self.executions, self.declaring = run_id, True, set(), set(), None

    def identity(self, declaration):
        """Element digests and run id; the schema of a declaration is not checked again."""
        elements = {name: name_of(sha(jcs(declaration[name]).encode())) for name in ELEMENTS}
        need(set(declaration) == {"type", *ELEMENTS}, "DECLARATION", "six members")
        says(declaration, type="selfsame/run-declaration/v1")
        return elements, name_of(sha(jcs({"type": declaration["type"], **elements}).encode()))

    def record(self, r, organisation, command, digest):
        kind = r["record_type"]
        need(self.first == (kind == "run_declaration"), "DECLARATION_FIRST", kind)
        need(self.declaring in (None, digest) and (self.declaring is None or kind == "run_attestation"),
             "DECLARATION_ATTESTED", kind)
        self.first, self.declaring = False, digest if kind == "run_declaration" else None
        if kind == "run_outcome":
            asked = {"kind": "report_outcome", **{k: v for k, v in r.items() if k not in ("record_type", "organisation")}}
            need(command == asked, "SUBMISSION_COMMAND", kind)
            says(r, run_id=self.run_id, organisation=organisation)
            need(r["status"] in ("succeeded", "failed", "cancelled"), "EXECUTION_STATUS", r["status"])
            need(r.get("reproduction_of") in {None, *self.executions}, "EXECUTION_REPRODUCED", r)
            need(r.get("outputs") != [] and r["execution_id"] not in self.executions, "EXECUTION_ONCE", r)
            self.executions.add(r["execution_id"])
            return
        need(command["kind"] == "declare_run", "SUBMISSION_COMMAND", kind)
        elements, run_id = self.identity(command["declaration"])
        need(run_id == self.run_id, "SUBMISSION_COMMAND", run_id)
        if kind == "run_declaration":
            need(jcs(r["declaration"]) == jcs(command["declaration"]), "SUBMISSION_COMMAND", "another declaration")
            says(r, run_id=self.run_id, elements=elements)
            return
        request = command.get("request")
        need(r.get("request") == request, "SUBMISSION_COMMAND", r.get("request"))
        if kind == "run_attestation":
            says(r, run_id=self.run_id, organisation=organisation)
            new = (organisation, request) not in self.attested and (request or not any(
                who == organisation for who, _ in self.attested))
            need(new, "ATTESTATION_ONCE", organisation)
            self.attested.add((organisation, request))
            return
        need(kind == "run_disagreement", "RECORD_KIND", kind)
        says(r, second={"organisation": organisation, "run_id": self.run_id})
        need((organisation, request) in self.attested, "DISAGREEMENT_REQUEST", request)
        need(r["first"]["run_id"] != self.run_id and r["first"]["organisation"] != organisation, "DISAGREEMENT_RUNS")
        order = [ELEMENTS.index(name) for name in r["elements"]]
        need(order and order == sorted(set(order)), "DISAGREEMENT_ELEMENTS", r["elements"])


def checked(first, lines, policy, trusted, require_log):
    header = canonical(first, HEADER, b"\n")
    genesis, statement, run = header["genesis"], header["statement"], Run(header["run_id"])
    list(map(Vkey, header["keys"]))
    need(set(header["checkpoints"]) == {"evidence", "reasoning"}, "MEMBERS", "checkpoints")
    heads = {ledger: policy.checkpoint(note, ledger, require_log) for ledger, note in header["checkpoints"].items()}
    for ledger, note in header["checkpoints"].items():
        need(note.startswith(f"{genesis['origin']}/{ledger}\n"), "CHECKPOINT_ORIGIN", ledger)
    keys, chains, counts, last = Keys(genesis), {}, {"reasoning": 0, "evidence": 0}, {}
    payload = digest = ledger = None
    used = True
    for line in lines:
        if line.startswith(b'{"submission":'):
            before, (payload, digest) = digest, submission(line, genesis["cluster"])
            need(used and digest != before, "SUBMISSION_UNUSED", before)
            used = False
            continue
        line = canonical(line, ("leaf", "ledger", "proof"), b"\n")
        need(line["ledger"] in heads and (line["ledger"], ledger) != ("reasoning", "evidence"), "BUNDLE_ORDER")
        ledger, leaf = line["ledger"], line["leaf"].encode()
        entry = canonical(leaf, ENTRY)
        index, subject, record = int(entry["index"]), entry["subject"], entry["record"]
        depth, head = chains.get(subject, (0, None))
        need(re.fullmatch(TIME, entry["time"]) and str(index) == entry["index"], "ENTRY_FORM", "index and time")
        says(entry, ledger=ledger, depth=str(depth), prior_entry_hash=head, submission=digest)
        before, since = last.get(ledger, (-1, ""))
        need(index > before and entry["time"] >= since, "ENTRY_ORDER", f"{ledger} {index}")
        last[ledger], used = (index, entry["time"]), True
        organisation = keys.author(payload, entry["time"])
        if ledger == "evidence":
            need(subject == "run:" + run.run_id, "ENTRY_SUBJECT", subject)
            need(payload["author"]["role"] == "operator", "SUBMISSION_ROLE", payload["author"]["role"])
            run.record(record, organisation, payload["command"], digest)
        else:
            need(subject == "cluster" or subject.startswith("organisation:"), "ENTRY_SUBJECT", subject)
            if record["record_type"] == "governance":
                action = record["action"]
                if "proposal_id" not in action or action["action"] in ("propose", "vote", "conclude"):
                    need(subject == "organisation:" + organisation, "SUBMISSION_AUTHOR", organisation)
                    asked = {name: value for name, value in action.items() if name not in ("action", "old")}
                    if action["action"] == "enrol_chip":
                        asked["chip"] = asked.pop("key")
                    need(asked | {"kind": action["action"]} == payload["command"], "SUBMISSION_COMMAND", asked)
                keys.action(subject.removeprefix("organisation:"), action, entry["time"])
        leaf_hash = sha(b"\0" + leaf)
        chains[subject], counts[ledger] = (depth + 1, name_of(leaf_hash)), counts[ledger] + 1
        included(leaf_hash, index, heads[ledger][0], [raw(one) for one in line["proof"]], heads[ledger][1])
    need(used and not run.first and run.declaring is None, "DECLARATION_FIRST or SUBMISSION_UNUSED")
    need(set(statement) == set(STATEMENT), "MEMBERS", STATEMENT)
    message = b"selfsame/run-statement/v1\n" + jcs(statement).encode()
    statement_signed(message, header["statement_signatures"], trusted)
    for s in header["statement_signatures"]:
        node = keys.nodes.get(s["name"].removeprefix(genesis["origin"] + "/node/"))
        need(node == s["key"] and keys.spans[node][3] is None, "STATEMENT_NODE", s["name"])
    trees = {ledger: {"root": name_of(root), "size": str(size)} for ledger, (size, root) in heads.items()}
    says(statement, record_type="run_statement", genesis=tagged("genesis", genesis), run_id=run.run_id,
         entries=str(counts["evidence"]), governance=str(counts["reasoning"]), head=chains["run:" + run.run_id][1], **trees)
    return sum(counts.values())


if __name__ == "__main__":
    import sys
    sys.exit("runs.py is a part of verify.py: python3 verify.py run.jsonl policy.txt VKEY")
