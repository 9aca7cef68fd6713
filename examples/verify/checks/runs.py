"""The entries of a run, each against the command that asked for it: docs/protocol.md, section 18.3."""
from . import declaration
from .base import Refused, need, same, says
from .forms import ELEMENTS, entry
from .chains import Chain, Ledger

KINDS = "run_declaration run_attestation run_disagreement run_outcome".split()


class Run:
    def __init__(self, run_id, keys):
        self.run_id, self.keys, self.chain, self.ledger = run_id, keys, Chain(), Ledger()
        self.attested, self.executions, self.declaring = {}, set(), None

    def take(self, ledger, leaf, submission):
        value = entry(leaf)
        need(value["ledger"] == ledger == "evidence", "ENTRY_LEDGER", value["ledger"])
        need(value["subject"] == "run:" + self.run_id, "ENTRY_SUBJECT", value["subject"])
        first = self.chain.depth == 0
        self.chain.next(value, leaf)
        self.ledger.next(value)
        need(submission and value["submission"] == submission.digest, "SUBMISSION_DIGEST")
        need(submission.payload["cluster"] == self.keys.cluster, "SUBMISSION_CLUSTER", submission.payload["cluster"])
        organisation = self.keys.author(submission, "operator", value["time"])
        record = value["record"]
        self.record(first, record, organisation, submission)
        return int(value["index"])

    def record(self, first, r, organisation, submission):
        kind = r["record_type"]
        need(first == (kind == "run_declaration"), "DECLARATION_FIRST", kind)
        if self.declaring:
            need(kind == "run_attestation" and submission.digest == self.declaring, "DECLARATION_ATTESTED", kind)
        self.declaring = submission.digest if first else None
        need(kind in KINDS, "RECORD_KIND", kind)
        if first:
            declaration.valid(r["declaration"])
            elements, run_id = declaration.identity(r["declaration"])
            says(r, "ELEMENT_DIGEST", elements=elements)
            need(run_id == self.run_id, "RUN_ID", run_id)
        stated = r["second"] if kind == "run_disagreement" else r
        says(stated, "RUN_ID", run_id=self.run_id)
        if not first:
            says(stated, "SUBMISSION_AUTHOR", organisation=organisation)
        self.command(kind, r, submission.payload["command"])
        getattr(self, kind)(r, organisation)

    def command(self, kind, r, command):
        if kind == "run_outcome":
            asked = {"kind": "report_outcome", **{k: v for k, v in r.items() if k not in ("record_type", "organisation")}}
            need(same(command, asked), "SUBMISSION_COMMAND", kind)
            return
        need(command["kind"] == "declare_run", "SUBMISSION_COMMAND", command["kind"])
        if kind == "run_declaration":
            need(same(command["declaration"], r["declaration"]), "SUBMISSION_COMMAND", "another declaration")
            return
        try:
            declaration.valid(command["declaration"])
        except Refused as refused:
            raise Refused("SUBMISSION_COMMAND", refused) from None
        need(declaration.identity(command["declaration"])[1] == self.run_id, "SUBMISSION_COMMAND", "another run")
        need(r.get("request") == command.get("request"), "SUBMISSION_COMMAND", "another reference")

    def run_declaration(self, r, organisation):
        pass

    def run_attestation(self, r, organisation):
        tied, request = self.attested.setdefault(organisation, set()), r.get("request")
        need(request not in tied and (request is not None or not tied), "ATTESTATION_ONCE", organisation)
        tied.add(request)

    def run_disagreement(self, r, organisation):
        need(r["request"] in self.attested.get(organisation, ()), "DISAGREEMENT_REQUEST", r["request"])
        first = r["first"]
        need(first["run_id"] != self.run_id and first["organisation"] != organisation, "DISAGREEMENT_RUNS")
        order = [ELEMENTS.index(name) for name in r["elements"]]
        need(order and order == sorted(set(order)), "DISAGREEMENT_ELEMENTS", r["elements"])

    def run_outcome(self, r, organisation):
        need(r.get("reproduction_of") in {None, *self.executions}, "EXECUTION_REPRODUCED", r.get("reproduction_of"))
        need(r["execution_id"] not in self.executions, "EXECUTION_ONCE", r["execution_id"])
        self.executions.add(r["execution_id"])

    def finish(self):
        need(self.chain.depth, "DECLARATION_FIRST", "no declaration")
        need(not self.declaring, "DECLARATION_ATTESTED")

    def counts(self):
        return {"evidence": self.chain.depth, "reasoning": 0}
