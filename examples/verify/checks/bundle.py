"""Bundles of substrates and runs: docs/protocol.md, section 18."""
import json
import re

from .base import BadJson, DOCUMENT, Refused, canonical, included, leaf_hash, need, raw, read, tagged, undecided
from .forms import FORMS, entry, list_of
from .governance import Governance
from .notes import DIGEST, UUID, checkpoint, head
from .oversight import Oversight
from .runs import Run
from .submission import Submission, genesis_form
from .substrate import Substrate

TYPE = "selfsame/bundle/v2"
HEADER = {"bundle", "checkpoints", "genesis", "head", "subject"}
LEDGERS = ("evidence", "reasoning")
is_proof = list_of(FORMS["digest"])


def another_version(kind):
    return kind != TYPE and kind.startswith("selfsame/") and "bundle/v" in kind


def plain(line):
    """A line without its line feed: text that is not too long."""
    need(line.endswith(b"\n") and len(line) <= DOCUMENT + 1, "BUNDLE_LINE", "no line feed, or too long")
    try:
        line.decode()
    except UnicodeDecodeError:
        raise Refused("BUNDLE_LINE", "no UTF-8") from None
    return line[:-1]


def document(line, form=canonical):
    """The value of a line, which stands in its canonical form."""
    try:
        value = form(plain(line))
    except BadJson as error:
        raise Refused("BUNDLE_LINE", error) from None
    need(isinstance(value, dict), "BUNDLE_LINE", "no object")
    return value


def vouched(note, reader):
    """The checks of 18.1 of a checkpoint, under a policy or keys."""
    by = reader.by()
    if by in ("policy", "keys"):
        signers = note.by(reader.known(), "CHECKPOINT_SIGNATURE")
        if by == "policy":
            need(reader.accepts(note.origin), "POLICY_ORIGIN", note.origin, altered=False)
            need(reader.policy.met(signers, note.origin), "POLICY_QUORUM", "too few cosignatures", altered=False)
        else:
            need(signers, "CHECKPOINT_KEY", "no line by a key of the reader", altered=False)


def type_of(line):
    """The type with which the first line begins."""
    kind = re.match(rb'{"bundle":("(?:[^"\\]|\\.)*")', plain(line))
    need(kind, "BUNDLE_LINE", line[:60])
    try:
        return json.loads(kind[1], strict=False)
    except ValueError:
        return kind[1].decode()


class Header:
    def __init__(self, line, reader):
        kind = type_of(line)
        if kind != TYPE:
            if another_version(kind):
                undecided("UNSUPPORTED_VERSION", kind)
            undecided("BUNDLE_TYPE", kind)
        value = document(line)
        need(set(value) == HEADER, "BUNDLE_LINE", "the members of the header")
        notes, self.subject, self.genesis = value["checkpoints"], value["subject"], value["genesis"]
        need(isinstance(notes, dict) and set(notes) == set(LEDGERS) and all(isinstance(one, str) for one in notes.values())
             and isinstance(value["head"], str), "BUNDLE_LINE", "checkpoints and head")
        need(isinstance(self.subject, str) and re.fullmatch(f"substrate:{UUID}|run:{DIGEST}", self.subject), "BUNDLE_LINE",
             "the subject")
        genesis_form(self.genesis)
        digest = tagged("genesis", self.genesis)
        need(reader.genesis in (None, digest), "GENESIS", digest, altered=False)
        self.notes, origin = {}, self.genesis["origin"]
        for ledger in LEDGERS:
            note = self.notes[ledger] = checkpoint(notes[ledger])
            vouched(note, reader)
            need(note.origin == f"{origin}/{ledger}", "CHECKPOINT_ORIGIN", note.origin)
        self.head = head(value["head"])
        need(self.head.origin == origin, "HEAD_ORIGIN", self.head.origin)
        need(self.head.genesis == digest, "HEAD_GENESIS", self.head.genesis)
        need(self.head.subject == self.subject, "HEAD_SUBJECT", self.head.subject)
        for ledger in LEDGERS:
            note = self.notes[ledger]
            need(self.head.trees[ledger] == (note.size, note.root), f"HEAD_{ledger.upper()}")
        need(self.head.statement is None, "HEAD_STATEMENT")


class Bundle:
    def __init__(self, line, reader):
        self.reader, self.header = reader, Header(line, reader)
        self.keys = Governance(self.header.genesis)
        kind, _, name = self.header.subject.partition(":")
        self.own = Run(name, self.keys) if kind == "run" else Substrate(self.keys.cluster, name, Oversight(self.keys, name))
        self.is_run, self.began, self.last = kind == "run", False, "evidence"
        self.pending, self.current, self.unused = None, None, False

    def line(self, line):
        if line.startswith(b'{"submission":'):
            value = document(line, read)
            need(set(value) == {"submission"}, "BUNDLE_LINE", "the members of a line")
            submission = Submission(value["submission"])
            document(line)
            need(self.is_run or not self.began, "BUNDLE_LINE", "a submission among a substrate's own entries")
            need(not self.unused, "SUBMISSION_UNUSED", self.current and self.current.digest)
            need(self.current is None or self.current.digest != submission.digest, "SUBMISSION_ONCE", submission.digest)
            self.current, self.unused = submission, True
            return
        value = document(line)
        need(set(value) == {"leaf", "ledger", "proof"} and isinstance(value["leaf"], str) and value["ledger"] in LEDGERS
             and isinstance(value["ledger"], str) and is_proof(value["proof"]), "BUNDLE_LINE", "the members of a line")
        ledger, leaf = value["ledger"], value["leaf"].encode()
        own = belongs(leaf, ledger, self.began)
        need(own or not self.began, "BUNDLE_ORDER", "the history of keys behind the subject")
        if own and not self.began:
            need(self.is_run or not self.unused, "SUBMISSION_UNUSED")
            self.keys.finish()
            self.began = True
        if own and not self.is_run:
            need(self.last == "evidence" or ledger == "reasoning", "BUNDLE_ORDER", "Evidence behind Reasoning")
            self.last = ledger
            index = self.own.take(ledger, leaf)
        else:
            index = (self.own if own else self.keys).take(ledger, leaf, self.current)
        self.unused = False
        note = self.header.notes[ledger]
        included(leaf_hash(leaf), index, note.size, list(map(raw, value["proof"])), note.root)

    def finish(self):
        need(not self.unused, "SUBMISSION_UNUSED", "at the end")
        if not self.began:
            self.keys.finish()
        self.own.finish()
        note, counts = self.header.head, self.own.counts()
        need(note.governance == self.keys.entries, "HEAD_GOVERNANCE", note.governance)
        for ledger in LEDGERS:
            need(note.entries[ledger] == counts[ledger], f"HEAD_{ledger.upper()}_ENTRIES", note.entries[ledger])
        known = {(key.name, key.id): key for key in self.keys.known()}
        notes = [(self.header.notes[ledger], "CHECKPOINT") for ledger in LEDGERS] + [(note, "HEAD")]
        for one, name in notes:
            for line, key_id, _ in one.lines:
                need((line, key_id) in known, name + "_KEY", line)
            one.by(known.values(), name + "_SIGNATURE")
        by = self.reader.by()
        if by == "genesis":
            for ledger in LEDGERS:
                need(enough(self.keys.quorum(), self.header.notes[ledger]), "CHECKPOINT_QUORUM", ledger, altered=False)
        later = self.later(by, note)
        self.reader.somebody()
        if by == "policy" and self.reader.require_log:
            for ledger in LEDGERS:
                logs = [log for log in self.reader.policy.logs if log.name == self.header.notes[ledger].origin]
                need(any(map(self.header.notes[ledger].of, logs)), "POLICY_LOG", ledger, altered=False)
        return later

    def later(self, by, note):
        """Whether a quorum says that these are all entries: None, or why that is unknown."""
        if by == "policy":
            signers = note.by(self.reader.policy.keys(), "HEAD_SIGNATURE")
            return None if self.reader.policy.met(signers) else "the policy's quorum did not sign how far the history goes"
        if by == "genesis":
            return None if enough(self.keys.quorum(), note) else "too few organisations signed how far the history goes"
        return "keys speak for themselves" if by == "keys" else "nobody that you trust vouches for it"


def belongs(leaf, ledger, over):
    """Whether an entry is of the subject's own, and not of the history of keys; one that cannot be read by where it stands."""
    try:
        subject = entry(leaf)["subject"]
    except Refused:
        return over or ledger != "reasoning"
    return subject != "cluster" and not subject.startswith("organisation:")


def enough(quorum, note):
    """Whether as many organisations as it takes cosigned a note, whose lines were verified."""
    cosigners, number = quorum
    return len({organisation for key, organisation in cosigners if note.of(key)}) >= number


def founders(reader):
    """What a genesis says without a history of keys: its keys, and who has to cosign."""
    if reader.document is None:
        undecided("GENESIS_DOCUMENT", "a digest names nobody")
    made = Governance(reader.document)
    cosigners, number = made.quorum()
    if len({organisation for _, organisation in cosigners}) < number or len(cosigners) > 1024:
        undecided("GENESIS_DOCUMENT", "the founders can vouch for nothing")
    return made


def verify(lines, reader):
    """Verifies the lines of a bundle, each with its line feed; gives what was verified and why later entries are unknown."""
    lines = iter(lines)
    bundle = Bundle(next(lines, b""), reader)
    for line in lines:
        bundle.line(line)
    later = bundle.finish()
    return {"entries": sum(bundle.own.counts().values()), "governance": bundle.keys.entries, "later": later}
