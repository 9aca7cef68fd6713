"""Signed notes, checkpoints, subject heads, holder statuses and policies: docs/protocol.md, section 16."""
import re

from .base import Refused, need, sha, signed, unbase64, undecided

COUNTER = "0|[1-9][0-9]{0,19}"
DIGEST = "sha256:[0-9a-f]{64}"
UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z"
SPACES = "\t\n\v\f\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
NAME = re.compile(f"[^+{SPACES}\x00-\x1f\x7f-\x9f]+")


def counter(text):
    """The number of a counter; None for any other text."""
    return int(text) if re.fullmatch(COUNTER, text) and int(text) < 2**64 else None


class BadNote(Exception):
    pass


def demand(holds):
    if not holds:
        raise BadNote


class Vkey:
    """A verifier key, name+id+base64."""

    def __init__(self, text):
        name, plus, rest = text.partition("+")
        key_id, plus, data = rest.partition("+")
        data = unbase64(data) or b""
        if not (plus and NAME.fullmatch(name) and len(data) == 33 and data[0] in (1, 4)
                and re.fullmatch("[0-9a-f]{8}", key_id)):
            raise ValueError(f"{text[:100]!r} is no verifier key")
        self.set(name, data[0], data[1:])
        if self.id.hex() != key_id:
            raise ValueError(f"{text[:100]!r} has another id")

    def set(self, name, kind, key):
        self.name, self.kind, self.key = name, kind, key
        self.id = sha(name.encode() + b"\n" + bytes([kind]) + key)[:4]

    @classmethod
    def of(cls, name, kind, key):
        made = cls.__new__(cls)
        made.set(name, kind, key)
        return made

    def verifies(self, text, data):
        """Whether this is a signature of this key over the text of a note."""
        message = text
        if self.kind == 4:
            if len(data) != 72:
                return False
            message = f"cosignature/v1\ntime {int.from_bytes(data[:8], 'big')}\n{text}"
            data = data[8:]
        return signed(self.key, data, message.encode())


class Note:
    """A text and its signature lines: (name, key id, signature)."""

    def __init__(self, note):
        demand(isinstance(note, str) and len(note.encode()) <= 1_048_576)
        demand(not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", note))
        at = note.rfind("\n\n")
        demand(at >= 0 and note.endswith("\n"))
        self.text, self.lines = note[:at + 1], []
        lines = note[at + 2:].split("\n")[:-1]
        demand(1 <= len(lines) <= 100)
        for line in lines:
            parts = line.split(" ")
            demand(len(parts) == 3 and parts[0] == "\u2014" and NAME.fullmatch(parts[1]))
            data = unbase64(parts[2])
            demand(data is not None and len(data) >= 5)
            self.lines.append((parts[1], data[:4], data[4:]))

    def of(self, key):
        """The signatures on the lines of a key."""
        return [data for name, key_id, data in self.lines if (name, key_id) == (key.name, key.id)]

    def by(self, keys, check):
        """Those of these keys that signed; a line of one of them that fails refuses the note."""
        found = []
        for key in keys:
            own = self.of(key)
            for data in own:
                need(key.verifies(self.text, data), check, key.name)
            if own:
                found.append(key)
        return found


class Checkpoint(Note):
    def __init__(self, note):
        super().__init__(note)
        lines = self.text.split("\n")
        demand(len(lines) == 4 and lines[0] and lines[3] == "")
        self.origin = lines[0]
        number, digest = counter(lines[1]), unbase64(lines[2])
        demand(number is not None and digest is not None and len(digest) == 32)
        self.size, self.root = number, digest


def checkpoint(note, check="CHECKPOINT_FORM"):
    try:
        return Checkpoint(note)
    except BadNote:
        raise Refused(check, "no checkpoint") from None


def fields(line, *forms):
    """The fields of a line; the first one is its word."""
    parts = line.split(" ")
    demand(len(parts) == len(forms) and all(re.fullmatch(form, part) for form, part in zip(forms, parts)))
    return parts[1:]


class Head(Note):
    """How far the history of a subject goes (16.10)."""

    def __init__(self, note):
        super().__init__(note)
        lines = self.text.split("\n")
        demand(len(lines) in (7, 8) and lines[-1] == "" and lines[0].endswith("/subject"))
        self.origin = lines[0][:-8]
        demand(self.origin)
        self.genesis, = fields(lines[1], "genesis", DIGEST)
        self.subject, = fields(lines[2], "subject", f"substrate:{UUID}|run:{DIGEST}")
        self.trees, self.entries = {}, {}
        for line, ledger in zip(lines[3:5], ("evidence", "reasoning")):
            size, root, entries = fields(line, ledger, COUNTER, ".*", COUNTER)
            size, root, entries = counter(size), unbase64(root), counter(entries)
            demand(size is not None and root is not None and len(root) == 32 and entries is not None)
            demand(entries <= size)
            self.trees[ledger], self.entries[ledger] = (size, root), entries
        self.governance = counter(fields(lines[5], "governance", COUNTER)[0])
        demand(self.governance is not None)
        self.statement = None
        if len(lines) == 8:
            demand(self.subject.startswith("substrate:"))
            self.statement = tuple(fields(lines[6], "statement", TIME, DIGEST))


def head(note):
    try:
        return Head(note)
    except BadNote:
        raise Refused("HEAD_FORM", "no subject head") from None


class Holder(Note):
    """Who holds a substrate (16.3)."""

    def __init__(self, note):
        super().__init__(note)
        lines = self.text.split("\n")
        demand(len(lines) == 8 and lines[-1] == "" and lines[0].endswith("/holder") and len(lines[0]) > 7)
        self.origin = lines[0][:-7]
        self.substrate, = fields(lines[1], "substrate", UUID)
        self.state, = fields(lines[2], "state", "active|sealed|suppressed|ended|retired")
        self.chip, = fields(lines[3], "chip", DIGEST)
        self.epoch = counter(fields(lines[4], "epoch", COUNTER)[0])
        demand(self.epoch is not None)
        for line, ledger in zip(lines[5:7], ("evidence", "reasoning")):
            size, root = fields(line, ledger, COUNTER, ".*")
            size, root = counter(size), unbase64(root)
            demand(size is not None and root is not None and len(root) == 32)


class Policy:
    """c2sp.org/tlog-policy (16.6)."""

    def __init__(self, data):
        self.logs, self.witnesses, self.groups, self.member, self.quorum = [], {}, {}, set(), None
        try:
            demand(len(data) <= 262_144 and not re.search(b"[\x00-\x08\x0b-\x1f\x7f]", data))
            demand(not data or data.endswith(b"\n"))
            for line in data.split(b"\n"):
                words = [word for word in re.split(b"[ \t]+", line) if word]
                if words and not words[0].startswith(b"#"):
                    self.line(*[word.decode() for word in words])
            demand(self.quorum)
            demand(max(len(self.logs), len(self.witnesses), len(self.groups)) <= 1024)
        except (BadNote, ValueError, KeyError, IndexError, TypeError) as error:
            raise Refused("POLICY", f"the policy is none: {error!r}", altered=False) from None

    def line(self, kind, *words):
        if kind == "log":
            demand(1 <= len(words) <= 2)
            key = Vkey(words[0])
            demand(key.kind == 1 and (key.name, key.key) not in [(log.name, log.key) for log in self.logs])
            self.logs.append(key)
        elif kind == "witness":
            demand(2 <= len(words) <= 3)
            key = self.new(words[0]) and Vkey(words[1])
            demand(key.kind == 4 and key.key not in [other.key for other in self.witnesses.values()])
            self.witnesses[words[0]] = key
        elif kind == "group":
            demand(len(words) >= 3)
            self.new(words[0])
            members = words[2:]
            for name in members:
                demand((name in self.witnesses or name in self.groups) and name not in self.member)
                self.member.add(name)
            least = {"any": 1, "all": len(members)}.get(words[1]) or int(words[1])
            demand(words[1] in ("any", "all") or re.fullmatch("[1-9][0-9]*", words[1]))
            demand(1 <= least <= len(members))
            self.groups[words[0]] = (least, members)
        else:
            demand(kind == "quorum" and len(words) == 1 and self.quorum is None)
            demand(words[0] == "none" or (words[0] in self.witnesses or words[0] in self.groups))
            self.quorum = words[0]

    def new(self, name):
        demand(name != "none" and name not in self.witnesses and name not in self.groups)
        return True

    def keys(self):
        return [*self.logs, *self.witnesses.values()]

    def met(self, signers, log=None):
        """Whether those who signed are the quorum; `log` is the origin whose own line is enough with `quorum none`."""
        if self.quorum == "none":
            return log is not None and any(key.kind == 1 and key.name == log for key in signers)
        names = {name for name, key in self.witnesses.items() if key in signers}

        def holds(name):
            if name in self.witnesses:
                return name in names
            least, members = self.groups[name]
            return sum(map(holds, members)) >= least

        return holds(self.quorum)


class Reader:
    """Whom the reader trusts: a policy, a genesis, keys, or nobody."""

    def __init__(self, policy=None, genesis=None, genesis_document=None, keys=(), consistency=False, require_log=False,
                 origins=()):
        self.policy, self.genesis, self.document = policy, genesis, genesis_document
        self.keys, self.consistency, self.require_log, self.origins = list(keys), consistency, require_log, set(origins)

    def by(self):
        """The voucher: the first that the reader brings decides."""
        return "policy" if self.policy else "genesis" if self.genesis else "keys" if self.keys else "nobody"

    def accepts(self, origin):
        return origin in self.origins or any(log.name == origin for log in self.policy.logs)

    def known(self):
        """The keys whose lines must verify wherever they stand."""
        return self.policy.keys() if self.policy else self.keys

    def somebody(self):
        """The last check of every object."""
        if self.by() == "nobody" and not self.consistency:
            undecided("NOBODY_TRUSTED", "consistent in itself, nobody that you trust vouches for it")

