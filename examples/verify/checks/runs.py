"""The entries of a run, each against the command that asked for it: docs/protocol.md, section 18.3."""
from . import declaration
from .base import Refused, need, same, says
from .chains import Chain, Ledger
from .forms import ELEMENTS, entry

KINDS = "run_declaration run_attestation run_disagreement run_outcome".split()


class Run:
    def __init__(self, run_id, keys):
        self.run_id, self.keys, self.chain, self.ledger = run_id, keys, Chain(), Ledger()
        self.attested, self.executions, self.seen, self.requests = {}, set(), set(), set()
        # By reference the organisations that tied it to another run, and by other run the elements that differ.
        self.elsewhere, self.differing, self.digest, self.missing, self.last = {}, {}, None, set(), None

    def take(self, ledger, leaf, submission):
        value = entry(leaf)
        need(value["ledger"] == ledger == "evidence", "ENTRY_LEDGER", value["ledger"])
        need(value["subject"] == "run:" + self.run_id, "ENTRY_SUBJECT", value["subject"])
        begun, index, time = self.chain.depth > 0, self.ledger.index, self.ledger.time
        self.chain.next(value, leaf)
        self.ledger.next(value)
        need(submission and value["submission"] == submission.digest, "SUBMISSION_DIGEST")
        self.keys.within(submission)
        fresh, r = submission.digest != self.digest, value["record"]
        if fresh:
            need(submission.digest not in self.seen, "SUBMISSION_ONCE", submission.digest)
            request = submission.payload["author"]["key"], submission.payload["request_id"]
            need(request not in self.requests, "REQUEST_ID", request[1])
            self.seen.add(submission.digest)
            self.requests.add(request)
        organisation, kind = self.keys.author(submission, "operator", value["time"]), r["record_type"]
        if kind == "run_disagreement":
            joined = self.keys.joined.get(r["first"]["organisation"])
            need(joined is not None and joined <= value["time"], "DISAGREEMENT_MEMBER", r["first"]["organisation"])
        need(begun != (kind == "run_declaration"), "DECLARATION_FIRST", kind)
        if fresh:
            self.complete()
            need(kind != "run_disagreement", "DISAGREEMENT_REQUEST", "nothing was tied before it")
            self.digest, self.named = submission.digest, ""
        else:
            need(int(value["index"]) == index + 1, "SUBMISSION_GROUP", value["index"])
            need(value["time"] == time, "SUBMISSION_TIME", value["time"])
            need(self.last["record_type"] != "run_declaration" or kind == "run_attestation", "DECLARATION_ATTESTED", kind)
            tied = self.last["record_type"] in ("run_attestation", "run_disagreement") and "request" in self.last
            need(kind == "run_attestation" if self.last["record_type"] == "run_declaration" else tied and (
                kind == "run_disagreement"), "SUBMISSION_ENTRIES", kind)
        need(kind in KINDS, "RECORD_KIND", kind)
        self.record(kind, r, organisation, submission.payload["command"])
        self.last = r
        return int(value["index"])

    def complete(self):
        """The submission before attested what it declared, and named every disagreement."""
        need(not self.last or self.last["record_type"] != "run_declaration", "DECLARATION_ATTESTED")
        need(not self.missing, "DISAGREEMENT_MISSING", sorted(self.missing))

    def record(self, kind, r, organisation, command):
        if kind == "run_declaration":
            declaration.valid(r["declaration"])
            elements, run_id = declaration.identity(r["declaration"])
            says(r, "ELEMENT_DIGEST", elements=elements)
            need(run_id == self.run_id == r["run_id"], "RUN_ID", run_id)
            need(command["kind"] == "declare_run" and same(command["declaration"], r["declaration"]), "SUBMISSION_COMMAND", kind)
            return
        stated = r["second"] if kind == "run_disagreement" else r
        says(stated, "RUN_ID", run_id=self.run_id)
        says(stated, "SUBMISSION_AUTHOR", organisation=organisation)
        if kind == "run_outcome":
            asked = {"kind": "report_outcome", **{k: v for k, v in r.items() if k not in ("record_type", "organisation")}}
            need(same(command, asked), "SUBMISSION_COMMAND", kind)
        else:
            need(command["kind"] == "declare_run", "SUBMISSION_COMMAND", command["kind"])
            try:
                declaration.valid(command["declaration"])
            except Refused as refused:
                raise Refused("SUBMISSION_COMMAND", refused) from None
            need(declaration.identity(command["declaration"])[1] == self.run_id, "SUBMISSION_COMMAND", "another run")
            need(r.get("request") == command.get("request"), "SUBMISSION_COMMAND", "another reference")
        getattr(self, kind)(r, organisation)

    def run_attestation(self, r, organisation):
        tied, request = self.attested.setdefault(organisation, set()), r.get("request")
        need(request not in tied and (request is not None or not tied), "ATTESTATION_ONCE", organisation)
        others = self.elsewhere.get(request, {})
        need(organisation not in others, "REFERENCE_ONCE", request)
        tied.add(request)
        self.missing = set(others)

    def run_disagreement(self, r, organisation):
        other, run, request = r["first"]["organisation"], r["first"]["run_id"], r["request"]
        need(run != self.run_id and other != organisation and other.encode() > self.named.encode(), "DISAGREEMENT_RUNS", other)
        known = self.elsewhere.setdefault(request, {})
        need(request not in self.attested.get(other, ()) and known.get(other, run) == run, "REFERENCE_ONCE", request)
        order = [ELEMENTS.index(name) for name in r["elements"]]
        need(order and order == sorted(set(order)) and self.differing.setdefault(run, order) == order, "DISAGREEMENT_ELEMENTS",
             r["elements"])
        known[other], self.named = run, other
        self.missing.discard(other)

    def run_outcome(self, r, organisation):
        need(r.get("reproduction_of") in {None, *self.executions}, "EXECUTION_REPRODUCED", r.get("reproduction_of"))
        need(r["execution_id"] not in self.executions, "EXECUTION_ONCE", r["execution_id"])
        self.executions.add(r["execution_id"])

    def finish(self):
        self.complete()
        need(self.chain.depth, "DECLARATION_FIRST", "no declaration")

    def counts(self):
        return {"evidence": self.chain.depth, "reasoning": 0}
