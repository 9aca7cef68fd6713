#!/usr/bin/env python3
"""verify.py [--require-log] BUNDLE POLICY [VKEY ...]

Exit status: 0 holds, 10 altered, 13 cannot be decided, 2 usage.

Verifies a bundle of selfsame (of a run with runs.py beside) without any of selfsame's code, by docs/protocol.md; not the
rules of amendments, of the gate between sessions and of ballots, which only a history signed anew could break. POLICY is a
c2sp.org/tlog-policy of logs and cosigners, VKEY the key of a node that signs statements (`selfsame node vkey --use
statement -q`). Needs `cryptography`."""
import base64
import decimal
import hashlib
import json
import os
import re
import sys

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:
    print("CANNOT BE DECIDED: Python's package cryptography is not there: pip install cryptography", file=sys.stderr)
    sys.exit(13)

class Refused(Exception):
    """A check that failed: its name, and whether the bytes were altered (else nothing can be decided)."""
    def __init__(self, check, detail="", altered=True):
        super().__init__(f"{check}: {detail}")
        self.check, self.altered = check, altered
def need(holds, check, detail="", altered=True):
    if not holds:
        raise Refused(check, detail, altered)
def says(record, **values):
    """The members have these values; a check has the name of its member."""
    for name, value in values.items():
        need(record.get(name) == value, name.upper(), f"expected {value!r}, found {record.get(name)!r}")
def number(text):
    value = float(text)
    need(abs(value) < float("inf"), "NON_FINITE", text)
    if value == int(value) and abs(value) < 1e21:
        need(abs(value) <= 2**53 - 1, "UNSAFE_INTEGER", text)
        return int(value)
    return value
def members(pairs):
    need(len(dict(pairs)) == len(pairs), "DUPLICATE_KEY")
    return dict(pairs)
def spell(value):
    """A number as ECMAScript writes it; whole ones below 10^21 are integers here."""
    digits, exponent = (repr(value).split("e") + [""])[:2]
    plain = exponent in ("", "-05", "-06")
    return format(decimal.Decimal(repr(value)), "f") if plain else f"{digits}e{int(exponent):+}"
def jcs(value):
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
        return "{" + ",".join(jcs(name) + ":" + jcs(value[name]) for name in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(jcs, value)) + "]"
    return spell(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)
def canonical(data, names, end=b""):
    """An object that stands in its canonical form and has exactly these members."""
    value = json.loads(data.decode(), object_pairs_hook=members, parse_int=number, parse_float=number,
                       parse_constant=number)
    need(isinstance(value, dict) and set(value) == set(names), "MEMBERS", names)
    need(jcs(value).encode() + end == data, "NOT_CANONICAL")
    return value
def sha(data):
    return hashlib.sha256(data).digest()
def name_of(digest):
    return "sha256:" + digest.hex()
def raw(text):
    need(re.fullmatch("sha256:[0-9a-f]{64}", text), "DIGEST", text)
    return bytes.fromhex(text[7:])
def framed(*parts):
    """H of section 3; a digest stands as its hex."""
    parts = [part.removeprefix("sha256:").encode() for part in parts]
    return name_of(sha(b"".join(len(part).to_bytes(8, "big") + part for part in parts)))
def tagged(tag, value):
    return framed(f"selfsame/{tag}/v1", jcs(value))
def included(leaf, index, size, proof, root):
    """RFC 9162, section 2.1.3.2."""
    need(index < size, "INCLUSION_INDEX_RANGE", f"{index} of {size}")
    node, last, value = index, size - 1, leaf
    for sibling in proof:
        need(last, "INCLUSION_PROOF_LENGTH", "too long")
        left = node % 2 or node == last
        value = sha(b"\x01" + (sibling + value if left else value + sibling))
        while left and node and node % 2 == 0:
            node, last = node // 2, last // 2
        node, last = node // 2, last // 2
    need(last == 0, "INCLUSION_PROOF_LENGTH", "too short")
    need(value == root, "INCLUSION_ROOT", f"entry {index}")
def signed(key, signature, message):
    try:
        return Ed25519PublicKey.from_public_bytes(key).verify(signature, message) is None
    except (InvalidSignature, ValueError):
        return False
def unbase64(text):
    data = base64.b64decode(text)
    need(base64.b64encode(data).decode() == text, "BASE64", text)
    return data
class Vkey:
    """A verifier key, name+id+base64."""
    def __init__(self, text):
        self.name, key_id, data = text.split("+", 2)
        data = unbase64(data)
        self.kind, self.key, self.id = data[0], data[1:], sha(self.name.encode() + b"\n" + data)[:4]
        need(len(data) == 33 and self.kind in (1, 4) and self.id.hex() == key_id, "VKEY", text)
    def vouches(self, text, lines):
        """Whether this key signed the text; a line of this key that fails refuses the note."""
        own = [data[4:] for name, data in lines if (name, data[:4]) == (self.name, self.id)]
        for signature in own:
            message = text
            if self.kind == 4:
                message = f"cosignature/v1\ntime {int.from_bytes(signature[:8], 'big')}\n{text}"
                signature = signature[8:]
            need(signed(self.key, signature, message.encode()), "CHECKPOINT_SIGNATURE", self.name)
        return bool(own)
class Policy:
    """c2sp.org/tlog-policy."""
    def __init__(self, text):
        self.logs, self.known, self.quorum = [], {"none": (0, [])}, None
        for number, line in enumerate(text.split("\n"), 1):
            try:
                self.line(*line.split() or ["#"])
            except (ValueError, KeyError, IndexError, Refused) as error:
                raise Refused("POLICY", f"line {number} is none of a policy: {line[:100]!r} ({error})", False) from None
        need(self.quorum, "POLICY", "no quorum line says who must have cosigned", altered=False)
    def line(self, kind, *items):
        if kind == "log":
            self.logs.append(Vkey(items[0]))
        elif kind == "witness":
            self.known[items[0]] = Vkey(items[1])
        elif kind == "group":
            least = {"any": 1, "all": len(items) - 2}.get(items[1]) or int(items[1])
            self.known[items[0]] = (least, [self.known[name] for name in items[2:]])
        elif kind == "quorum":
            self.quorum = self.known[items[0]]
        else:
            need(kind.startswith("#"), "POLICY_LINE", kind)
    def checkpoint(self, note, ledger, require_log):
        """Size and root of a note that satisfies the policy."""
        text, empty, tail = note.rpartition("\n\n")
        need(empty and tail.endswith("\n"), "CHECKPOINT_FORM", "no signatures")
        text, lines = text + "\n", []
        for dash, name, data in (line.split(" ") for line in tail[:-1].split("\n")):
            need(dash == "\u2014", "CHECKPOINT_FORM", "a signature line")
            lines.append((name, unbase64(data)))
        origin, size, root, _ = text.split("\n")
        need(re.fullmatch("0|[1-9][0-9]*", size) and len(unbase64(root)) == 32 and origin.endswith("/" + ledger),
             "CHECKPOINT_FORM", text)
        by_log = [log.vouches(text, lines) for log in self.logs if log.name == origin]
        need(by_log, "POLICY_ORIGIN", origin, altered=False)
        def met(member):
            return member.vouches(text, lines) if isinstance(member, Vkey) else sum(map(met, member[1])) >= member[0]
        need(met(self.quorum), "POLICY_QUORUM", "too few cosignatures", altered=False)
        need(any(by_log) or not require_log, "POLICY_LOG", origin, altered=False)
        return int(size), unbase64(root)
ENTRY = "depth index ledger prior_entry_hash record subject submission time".split()
TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z"
HEADER = "bundle checkpoints cluster keys statement statement_signatures substrate_id".split()
def attested(attestation, claims):
    key, signature = bytes.fromhex(attestation["chip"][8:]), bytes.fromhex(attestation["signature"])
    return signed(key, signature, b"selfsame/attestation/v1\n" + jcs(claims).encode())
class History:
    def __init__(self, cluster, substrate):
        self.cluster, self.substrate = cluster, substrate
        self.depth, self.prior = {"evidence": 0, "reasoning": 0}, {"evidence": None, "reasoning": None}
        self.index, self.time = {"evidence": -1, "reasoning": -1}, {"evidence": "", "reasoning": ""}
        self.closes, self.matched, self.cycles, self.birth, self.status = [], 0, 0, None, "INSUFFICIENT_DEPTH"
        self.head = self.constitution = self.attestation = self.continuity = self.seal = self.arrival = None
    def entry(self, ledger, leaf):
        """The next entry of a ledger; gives its index and hash."""
        entry = canonical(leaf, ENTRY)
        index, _ = int(entry["index"]), raw(entry["submission"])
        need(re.fullmatch(TIME, entry["time"]) and str(index) == entry["index"], "ENTRY_FORM", "index and time")
        says(entry, ledger=ledger, subject="substrate:" + self.substrate, depth=str(self.depth[ledger]),
             prior_entry_hash=self.prior[ledger])
        need(index > self.index[ledger] and entry["time"] >= self.time[ledger], "ENTRY_ORDER", f"{ledger} {index}")
        self.record(ledger, entry["record"])
        leaf_hash = sha(b"\0" + leaf)
        self.depth[ledger] += 1
        self.prior[ledger], self.index[ledger], self.time[ledger] = name_of(leaf_hash), index, entry["time"]
        return index, leaf_hash
    def record(self, ledger, r):
        kind = r["record_type"]
        if ledger == "evidence":
            need(kind in ("evidence", "session_close"), "RECORD_KIND", kind)
            if kind == "session_close":
                says(r, evidence_ledger_depth=str(self.depth[ledger]))
                self.closes.append((r, self.prior[ledger]))
            return
        need((self.birth is None) == (kind == "substrate_identity"), "BIRTH_FIRST", kind)
        self.status = r["outcome"] if kind == "identity_verification" else self.status
        getattr(self, "on_" + kind, lambda r: None)(r)
    def on_substrate_identity(self, r):
        tension, attestation = name_of(sha(jcs(r["founding"]).encode())), r.get("attestation")
        says(r, substrate_id=self.substrate, founding_tension_hash=tension)
        says(r["constitution"], founding_tension_hash=tension)
        if attestation:
            names = "founding_tension_hash initialisation_timestamp schema_version_at_init substrate_id".split()
            claims = {"purpose": "birth", **{name: r[name] for name in names}}
            need(attested(attestation, claims) and attestation["chip"] == r["chip"], "BIRTH_ATTESTATION")
            self.attestation = tagged("attestation", attestation)
        self.head = framed(self.substrate, tension, r["initialisation_timestamp"], self.attestation or "",
                           r["schema_version_at_init"])
        says(r, governance_chip_attestation_hash=self.attestation, substrate_identity_hash=self.head)
        self.birth, self.constitution = r, r["constitution"]
    def on_identity_propagation(self, r):
        migration = r["cycle_kind"] == "migration"
        tag = "migration-identity-attestation" if migration else "goalvector-resolution"
        says(r, prior_identity_hash=self.head, founding_tension_hash=self.birth["founding_tension_hash"],
             sequence=str(self.cycles + 1), reasoning_ledger_depth=str(self.depth["reasoning"]),
             goalvector_resolution_hash=tagged(tag, r["goalvector"]),
             constitutional_state_hash=tagged("constitutional-state", r["constitution"]))
        operands = [self.head, r["goalvector_resolution_hash"], r["constitutional_state_hash"],
                    r["reasoning_ledger_depth"], r["cycle_timestamp"]]
        if migration:
            says(r, goalvector=self.arrival, origin_attestation_hash=self.attestation or name_of(sha(b"")))
            self.attestation = self.arrival["destination_attestation_hash"]
            says(r, destination_attestation_hash=self.attestation)
            operands += [r["origin_attestation_hash"], r["destination_attestation_hash"]]
        self.head = framed(*operands)
        says(r, cycle_identity_hash=self.head)
        self.cycles, self.constitution, self.arrival = self.cycles + 1, r["constitution"], None
    def on_session_close(self, r):
        need(self.matched < len(self.closes), "CLOSE_IN_BOTH_LEDGERS")
        copy, before = self.closes[self.matched]
        need(copy == r, "CLOSE_COPIES_EQUAL")
        says(r, latest_cycle_identity_hash=self.head, evidence_head=before, reasoning_head=self.prior["reasoning"],
             reasoning_ledger_depth=str(self.depth["reasoning"]))
        self.matched, self.continuity = self.matched + 1, framed(
            self.head, *(r[name] for name in "evidence_ledger_depth reasoning_ledger_depth session_close_timestamp "
                         "schema_version".split()))
        says(r, cross_session_identity_continuity_hash=self.continuity)
    def on_migration_seal(self, r):
        nonce = framed("selfsame/migration-nonce/v1", self.cluster, self.substrate, r["migration_id"], r["seal_index"],
                       self.head)
        says(r, head=self.head, continuity_hash=self.continuity, nonce=nonce)
        self.seal = r
    def activated(self, r, chip):
        claims = {"cluster": self.cluster, "continuity_hash": self.continuity, "epoch": r["epoch"], "head": self.head,
                  "migration_id": r["migration_id"], "nonce": self.seal["nonce"], "purpose": "activation",
                  "substrate_id": self.substrate}
        says(r, migration_id=self.seal["migration_id"])
        need(name_of(sha(bytes.fromhex(r["attestation"]["chip"][8:]))) == chip, "MIGRATION_CHIP")
        need(attested(r["attestation"], claims), "MIGRATION_ATTESTATION")
        self.seal = None
        return tagged("attestation", r["attestation"])
    def on_migration_identity_attestation(self, r):
        says(r, destination_attestation_hash=self.activated(r, self.seal["destination"]))
        self.arrival = r
    def on_migration_abort(self, r):
        self.attestation = self.activated(r, self.seal["origin"])
        says(r, attestation_hash=self.attestation)
def statement_signed(message, signatures, trusted):
    """Every signature holds, and one is by a key that is trusted."""
    known = False
    for s in signatures:
        need(set(s) == {"key", "name", "signature"} and re.fullmatch("ed25519:[0-9a-f]{64}", s["key"])
             and re.fullmatch("[0-9a-f]{128}", s["signature"]), "STATEMENT_SIGNATURE", "key and signature in hex")
        key = bytes.fromhex(s["key"][8:])
        need(signed(key, bytes.fromhex(s["signature"]), message), "STATEMENT_SIGNATURE", s["name"])
        known |= any((key, s["name"]) == (vkey.key, vkey.name) for vkey in trusted)
    need(known, "STATEMENT_KEY", "no signature of a key that is trusted", altered=False)
def statement_holds(statement, signatures, history, trusted):
    body = {name: value for name, value in statement.items() if name != "statement_hash"}
    says(statement, record_type="identity_statement", statement_hash=tagged("identity-statement", body))
    statement_signed(b"selfsame/identity-statement/v1\n" + jcs(statement).encode(), signatures, trusted)
    says(statement, substrate_id=history.substrate, founding_tension_hash=history.birth["founding_tension_hash"],
         substrate_identity_hash=history.birth["substrate_identity_hash"], identity_lineage_depth=history.cycles,
         latest_cycle_identity_hash=history.head, cross_session_continuity_hash=history.continuity,
         constitutional_state_hash=tagged("constitutional-state", history.constitution),
         governance_chip_attestation_hash=history.attestation, identity_continuity_status=history.status,
         evidence_ledger_depth=history.depth["evidence"], reasoning_ledger_depth=history.depth["reasoning"])
def verify(lines, policy, trusted, require_log=False):
    """Verifies the lines of a bundle, each with its line feed; gives the number of entries."""
    try:
        return checked(iter(lines), policy, trusted, require_log)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError, ArithmeticError) as error:
        raise Refused("FORM", repr(error)) from None
def trust(text):
    """A key that the reader gives."""
    try:
        return Vkey(text)
    except (ValueError, IndexError, Refused):
        raise Refused("VKEY", f"{text[:100]!r} is no verifier key (name+id+key)", altered=False) from None
def checked(lines, policy, trusted, require_log):
    first = next(lines, b"")
    kind = re.match(rb'{"bundle":"selfsame/(substrate|run)-bundle/v1"', first)
    need(kind, "BUNDLE_TYPE", first[:60], altered=False)
    if kind[1] == b"run":
        from runs import checked as run_checked
        return run_checked(first, lines, policy, trusted, require_log)
    header = canonical(first, HEADER, b"\n")
    list(map(Vkey, header["keys"]))
    need(set(header["checkpoints"]) == {"evidence", "reasoning"}, "MEMBERS", "checkpoints")
    heads = {ledger: policy.checkpoint(note, ledger, require_log) for ledger, note in header["checkpoints"].items()}
    history, last = History(header["cluster"], header["substrate_id"]), "evidence"
    for line in lines:
        line = canonical(line, ("leaf", "ledger", "proof"), b"\n")
        need(line["ledger"] in heads and line["ledger"] >= last, "BUNDLE_ORDER")
        last = line["ledger"]
        index, leaf = history.entry(last, line["leaf"].encode())
        included(leaf, index, heads[last][0], [raw(one) for one in line["proof"]], heads[last][1])
    need(history.birth and history.matched == len(history.closes), "BIRTH_FIRST or CLOSE_IN_BOTH_LEDGERS")
    statement_holds(header["statement"], header["statement_signatures"], history, trusted)
    return sum(history.depth.values())
def say(text, stream=sys.stderr):
    """One line, with everything escaped that acts on a terminal; whether it could be written, or nobody reads it."""
    try:
        print("".join(c if c.isprintable() else ascii(c)[1:-1] for c in text), file=stream, flush=True)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # what is left is not tried again at the end
        return isinstance(error, BrokenPipeError)
    return True
def main():
    given = [argument for argument in sys.argv[1:] if argument != "--require-log"]
    if len(given) < 2 or given[0].startswith("-"):
        list(map(say, __doc__.split("\n")))
        return 2
    try:
        with open(given[1], encoding="utf-8") as file:
            policy = Policy(file.read())
        with open(given[0], "rb") as file:
            entries = verify(file, policy, list(map(trust, given[2:])), "--require-log" in sys.argv)
    except Refused as refused:
        say(f"{'ALTERED' if refused.altered else 'CANNOT BE DECIDED'}: {refused}")
        return 10 if refused.altered else 13
    except (OSError, UnicodeDecodeError) as error:
        say(f"verify.py cannot read its files: {error}")
        return 2
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # a failure of this program is no verdict
        say(f"CANNOT BE DECIDED: verify.py failed: {error!r}")
        return 13
    return 0 if say(f"holds: {entries} entries", sys.stdout) else 1
if __name__ == "__main__":
    import verify  # the same module that runs.py has
    sys.exit(verify.main())
