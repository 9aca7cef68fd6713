#!/usr/bin/env python3
"""Verifies a substrate bundle of selfsame without any of selfsame's code: exit 0 holds, 10 altered, 13 cannot be decided.
The checks are those of docs/protocol.md, sections 2, 3, 6, 7 and 15 to 18. Not repeated here, unlike in `selfsame verify`:
the rules of amendments and of the gate between sessions, which only a history that was signed anew could break."""
import argparse
import base64
import decimal
import hashlib
import json
import re
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

class Refused(Exception):
    """A check that failed: its name, and whether the bytes were altered (else nothing can be decided)."""

    def __init__(self, check, detail, altered):
        super().__init__(f"{check}: {detail}")
        self.check, self.altered = check, altered

def need(holds, check, detail="", altered=True):
    if not holds:
        raise Refused(check, detail, altered)

def same(**pairs):
    for check, (expected, found) in pairs.items():
        need(expected == found, check, f"expected {expected!r}, found {found!r}")

def number(text):
    value = float(text)
    need(abs(value) != float("inf"), "NON_FINITE", text)
    if value == int(value) and abs(value) < 1e21:
        need(abs(value) <= 2**53 - 1, "UNSAFE_INTEGER", text)
        return int(value)
    return value

def members(pairs):
    need(len(dict(pairs)) == len(pairs), "DUPLICATE_KEY")
    return dict(pairs)

def parse(data, check):
    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=members, parse_int=number, parse_float=number,
                          parse_constant=lambda text: need(False, "SYNTAX", text))
    except (ValueError, RecursionError) as error:
        raise Refused(check, error, True) from None

def spell(value):
    """A number as ECMAScript writes it; whole ones below 10^21 are integers here."""
    digits, exponent = (repr(value).split("e") + [""])[:2]
    if exponent in ("", "-05", "-06"):
        return format(decimal.Decimal(repr(value)), "f")
    return f"{digits}e{int(exponent):+}"

def jcs(value):
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
        return "{" + ",".join(jcs(name) + ":" + jcs(value[name]) for name in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(jcs, value)) + "]"
    return spell(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)

def canonical(data, names, check):
    """An object that stands in its canonical form and has exactly these members."""
    value = parse(data, check)
    need(isinstance(value, dict) and set(value) == set(names), check, "other members")
    need(jcs(value).encode("utf-8", "replace") == data, check, "not in canonical form")
    return value

def sha(data):
    return hashlib.sha256(data).digest()

def name_of(digest):
    return "sha256:" + digest.hex()

def raw(text, check):
    need(isinstance(text, str) and re.fullmatch("sha256:[0-9a-f]{64}", text), check, f"{text!r} is no digest")
    return bytes.fromhex(text[7:])

def framed(*parts):
    """H of section 3; a digest stands as its hex."""
    parts = [(part[7:] if part.startswith("sha256:") else part).encode() for part in parts]
    return name_of(sha(b"".join(len(part).to_bytes(8, "big") + part for part in parts)))

def tagged(tag, value):
    return framed(f"selfsame/{tag}/v1", jcs(value))

def included(leaf, index, size, proof, root):
    """RFC 9162, section 2.1.3.2."""
    need(index < size, "INCLUSION_INDEX_RANGE", f"{index} of {size}")
    node, last, value = index, size - 1, leaf
    for sibling in proof:
        need(last > 0, "INCLUSION_PROOF_LENGTH", "too long")
        if node % 2 or node == last:
            value = sha(b"\x01" + sibling + value)
            while node % 2 == 0 and node:
                node, last = node // 2, last // 2
        else:
            value = sha(b"\x01" + value + sibling)
        node, last = node // 2, last // 2
    need(last == 0, "INCLUSION_PROOF_LENGTH", "too short")
    need(value == root, "INCLUSION_ROOT", f"entry {index}")

def signed(key, signature, message):
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
        return True
    except (InvalidSignature, ValueError):
        return False

def unbase64(text, check):
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise Refused(check, "not base64", True) from None
    need(base64.b64encode(data).decode() == text, check, "another spelling of base64")
    return data

class Vkey:
    def __init__(self, text, check="VKEY"):
        fields = text.split("+", 2)
        need(len(fields) == 3, check, text)
        self.name, data = fields[0], unbase64(fields[2], check)
        need(len(data) == 33 and data[0] in (1, 4), check, "the type of the key")
        self.kind, self.key = data[0], data[1:]
        self.id = sha(self.name.encode() + b"\n" + data)[:4]
        need(self.id.hex() == fields[1], check, "the id of the key")

    def vouches(self, text, lines):
        """Whether this key signed the text; a line of this key that fails refuses the note."""
        found = False
        for name, data in lines:
            if (name, data[:4]) == (self.name, self.id):
                message, signature = text, data[4:]
                if self.kind == 4:
                    time, signature = int.from_bytes(data[4:12], "big"), data[12:]
                    message = f"cosignature/v1\ntime {time}\n{text}"
                need(signed(self.key, signature, message.encode()), "CHECKPOINT_SIGNATURE", name)
                found = True
        return found

class Policy:
    """c2sp.org/tlog-policy."""

    def __init__(self, text):
        self.logs, self.known, self.quorum = [], {}, None
        for line in text.split("\n"):
            items = re.split("[ \t]+", line.strip(" \t"))
            if items[0] == "log":
                self.logs.append(Vkey(items[1]))
            elif items[0] == "witness":
                self.known[items[1]] = Vkey(items[2])
            elif items[0] == "group":
                names = items[3:]
                least = {"any": 1, "all": len(names)}.get(items[2]) or int(items[2])
                self.known[items[1]] = (least, [self.known[name] for name in names])
            elif items[0] == "quorum":
                self.quorum = self.known[items[1]] if items[1] != "none" else (0, [])

    def checkpoint(self, note, ledger, require_log):
        """Size and root of a note that satisfies the policy."""
        text, empty, tail = note.rpartition("\n\n")
        need(empty and tail.endswith("\n"), "CHECKPOINT_FORM", "no signatures")
        text += "\n"
        lines = []
        for line in tail[:-1].split("\n"):
            parts = line.split(" ")
            need(len(parts) == 3 and parts[0] == "\u2014", "CHECKPOINT_FORM", "a signature line")
            lines.append((parts[1], unbase64(parts[2], "CHECKPOINT_FORM")))
        fields = text.split("\n")
        need(len(fields) == 4 and re.fullmatch("0|[1-9][0-9]*", fields[1]), "CHECKPOINT_FORM", "origin, size, root")
        logs = [log for log in self.logs if log.name == fields[0]]
        need(logs, "POLICY_ORIGIN", fields[0], altered=False)
        by_log = [log.vouches(text, lines) for log in logs]

        def met(member):
            if isinstance(member, Vkey):
                return member.vouches(text, lines)
            return sum([met(inner) for inner in member[1]]) >= member[0]

        need(met(self.quorum), "POLICY_QUORUM", "too few cosignatures", altered=False)
        need(any(by_log) or not require_log, "POLICY_LOG", fields[0], altered=False)
        need(fields[0].endswith("/" + ledger), "CHECKPOINT_ORIGIN", fields[0])
        root = unbase64(fields[2], "CHECKPOINT_FORM")
        need(len(root) == 32, "CHECKPOINT_FORM", "the root")
        return int(fields[1]), root

ENTRY = "depth index ledger prior_entry_hash record subject submission time".split()
TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z"
HEADER = "bundle checkpoints cluster keys statement statement_signatures substrate_id".split()

def attested(attestation, claims):
    message = b"selfsame/attestation/v1\n" + jcs(claims).encode()
    key, signature = bytes.fromhex(attestation["chip"][8:]), bytes.fromhex(attestation["signature"])
    return signed(key, signature, message)

class History:
    def __init__(self, cluster, substrate):
        self.cluster, self.substrate = cluster, substrate
        self.depth, self.prior = {"evidence": 0, "reasoning": 0}, {"evidence": None, "reasoning": None}
        self.index, self.time = {"evidence": -1, "reasoning": -1}, {"evidence": "", "reasoning": ""}
        self.closes, self.matched, self.cycles, self.birth, self.head = [], 0, 0, None, None
        self.constitution, self.attestation, self.status, self.continuity = None, None, "INSUFFICIENT_DEPTH", None
        self.seal, self.arrival = None, None

    def entry(self, ledger, leaf):
        """The next entry of a ledger; gives its index and hash."""
        entry = canonical(leaf, ENTRY, "ENTRY_FORM")
        record, index = entry["record"], entry["index"]
        need(isinstance(record, dict) and re.fullmatch(TIME, str(entry["time"])), "ENTRY_FORM")
        need(isinstance(index, str) and re.fullmatch("0|[1-9][0-9]{0,19}", index), "ENTRY_FORM")
        index = int(index)
        raw(entry["submission"], "ENTRY_FORM")
        same(ENTRY_LEDGER=(ledger, entry["ledger"]), ENTRY_SUBJECT=("substrate:" + self.substrate, entry["subject"]),
             ENTRY_DEPTH=(str(self.depth[ledger]), entry["depth"]),
             PRIOR_ENTRY_HASH=(self.prior[ledger], entry["prior_entry_hash"]))
        need(index > self.index[ledger], "ENTRY_INDEX", index)
        need(entry["time"] >= self.time[ledger], "ENTRY_TIME", entry["time"])
        try:
            self.record(ledger, record)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Refused("ENTRY_FORM", f"a record without its members: {error}", True) from None
        leaf_hash = sha(b"\0" + leaf)
        self.depth[ledger] += 1
        self.prior[ledger], self.index[ledger], self.time[ledger] = name_of(leaf_hash), index, entry["time"]
        return index, leaf_hash

    def record(self, ledger, r):
        kind = r["record_type"]
        if ledger == "evidence":
            need(kind in ("evidence", "session_close"), "RECORD_KIND", kind)
            if kind == "session_close":
                same(EVIDENCE_DEPTH=(str(self.depth[ledger]), r["evidence_ledger_depth"]))
                self.closes.append((r, self.prior[ledger]))
            return
        need((self.birth is None) == (kind == "substrate_identity"), "BIRTH_FIRST", kind)
        getattr(self, "on_" + kind, lambda r: None)(r)

    def on_identity_verification(self, r):
        self.status = r["outcome"]

    def on_substrate_identity(self, r):
        tension = name_of(sha(jcs(r["founding"]).encode()))
        same(SUBSTRATE_ID=(self.substrate, r["substrate_id"]), FOUNDING_TENSION_HASH=(tension, r["founding_tension_hash"]),
             FOUNDING_IN_CONSTITUTION=(tension, r["constitution"]["founding_tension_hash"]))
        attestation = r.get("attestation")
        if attestation:
            claims = {"founding_tension_hash": tension, "initialisation_timestamp": r["initialisation_timestamp"],
                      "purpose": "birth", "schema_version_at_init": r["schema_version_at_init"],
                      "substrate_id": self.substrate}
            need(attested(attestation, claims) and attestation["chip"] == r["chip"], "BIRTH_ATTESTATION")
            self.attestation = tagged("attestation", attestation)
        self.head = framed(self.substrate, tension, r["initialisation_timestamp"], self.attestation or "",
                           r["schema_version_at_init"])
        same(ATTESTATION_HASH=(self.attestation, r["governance_chip_attestation_hash"]),
             SUBSTRATE_IDENTITY_HASH=(self.head, r["substrate_identity_hash"]))
        self.birth, self.constitution = r, r["constitution"]

    def on_identity_propagation(self, r):
        migration = r["cycle_kind"] == "migration"
        tag = "migration-identity-attestation" if migration else "goalvector-resolution"
        same(PRIOR_IDENTITY_HASH=(self.head, r["prior_identity_hash"]),
             FOUNDING_TENSION_HASH=(self.birth["founding_tension_hash"], r["founding_tension_hash"]),
             CYCLE_SEQUENCE=(str(self.cycles + 1), r["sequence"]),
             REASONING_DEPTH=(str(self.depth["reasoning"]), r["reasoning_ledger_depth"]),
             GOALVECTOR_RESOLUTION_HASH=(tagged(tag, r["goalvector"]), r["goalvector_resolution_hash"]),
             CONSTITUTIONAL_STATE_HASH=(tagged("constitutional-state", r["constitution"]), r["constitutional_state_hash"]))
        operands = [self.head, r["goalvector_resolution_hash"], r["constitutional_state_hash"],
                    r["reasoning_ledger_depth"], r["cycle_timestamp"]]
        if migration:
            same(MIGRATION_ARRIVAL=(self.arrival, r["goalvector"]),
                 MIGRATION_ORIGIN=(self.attestation or name_of(sha(b"")), r["origin_attestation_hash"]))
            self.attestation = self.arrival["destination_attestation_hash"]
            same(MIGRATION_DESTINATION=(self.attestation, r["destination_attestation_hash"]))
            operands += [r["origin_attestation_hash"], r["destination_attestation_hash"]]
        self.head = framed(*operands)
        same(CYCLE_IDENTITY_HASH=(self.head, r["cycle_identity_hash"]))
        self.cycles, self.constitution, self.arrival = self.cycles + 1, r["constitution"], None

    def on_session_close(self, r):
        need(self.matched < len(self.closes), "CLOSE_IN_BOTH_LEDGERS")
        copy, before = self.closes[self.matched]
        same(CLOSE_COPIES_EQUAL=(copy, r), CLOSE_HEAD=(self.head, r["latest_cycle_identity_hash"]),
             EVIDENCE_HEAD=(before, r["evidence_head"]), REASONING_HEAD=(self.prior["reasoning"], r["reasoning_head"]),
             REASONING_DEPTH=(str(self.depth["reasoning"]), r["reasoning_ledger_depth"]))
        self.continuity = framed(self.head, r["evidence_ledger_depth"], r["reasoning_ledger_depth"],
                                 r["session_close_timestamp"], r["schema_version"])
        same(CONTINUITY_HASH=(self.continuity, r["cross_session_identity_continuity_hash"]))
        self.matched += 1

    def on_migration_seal(self, r):
        nonce = framed("selfsame/migration-nonce/v1", self.cluster, self.substrate, r["migration_id"], r["seal_index"],
                       self.head)
        same(SEAL_HEAD=(self.head, r["head"]), CONTINUITY_HASH=(self.continuity, r["continuity_hash"]),
             MIGRATION_NONCE=(nonce, r["nonce"]))
        self.seal = r

    def activated(self, r, chip):
        claims = {"cluster": self.cluster, "continuity_hash": self.continuity, "epoch": r["epoch"], "head": self.head,
                  "migration_id": r["migration_id"], "nonce": self.seal["nonce"], "purpose": "activation",
                  "substrate_id": self.substrate}
        same(MIGRATION_SEALED=(self.seal["migration_id"], r["migration_id"]),
             MIGRATION_CHIP=(chip, name_of(sha(bytes.fromhex(r["attestation"]["chip"][8:])))))
        need(attested(r["attestation"], claims), "MIGRATION_ATTESTATION")
        self.seal = None
        return tagged("attestation", r["attestation"])

    def on_migration_identity_attestation(self, r):
        same(ATTESTATION_HASH=(self.activated(r, self.seal["destination"]), r["destination_attestation_hash"]))
        self.arrival = r

    def on_migration_abort(self, r):
        self.attestation = self.activated(r, self.seal["origin"])
        same(ATTESTATION_HASH=(self.attestation, r["attestation_hash"]))

def statement_holds(statement, signatures, history, trusted):
    body = {name: value for name, value in statement.items() if name != "statement_hash"}
    need(statement.get("record_type") == "identity_statement", "RECORD_TYPE")
    need(tagged("identity-statement", body) == statement.get("statement_hash"), "STATEMENT_HASH")
    message, known = b"selfsame/identity-statement/v1\n" + jcs(statement).encode(), False
    for s in signatures:
        need(isinstance(s, dict) and set(s) == {"key", "name", "signature"}, "BUNDLE_LINE")
        form = re.fullmatch("ed25519:[0-9a-f]{64} [0-9a-f]{128}", f"{s['key']} {s['signature']}")
        need(form, "STATEMENT_SIGNATURE", "key and signature in hex")
        key = bytes.fromhex(s["key"][8:])
        need(signed(key, bytes.fromhex(s["signature"]), message), "STATEMENT_SIGNATURE", s["name"])
        known |= any((key, s["name"]) == (vkey.key, vkey.name) for vkey in trusted)
    need(known, "STATEMENT_KEY", "no signature of a key that is trusted", altered=False)
    said = {"substrate_id": history.substrate, "identity_lineage_depth": history.cycles,
            "founding_tension_hash": history.birth["founding_tension_hash"],
            "substrate_identity_hash": history.birth["substrate_identity_hash"],
            "latest_cycle_identity_hash": history.head, "cross_session_continuity_hash": history.continuity,
            "constitutional_state_hash": tagged("constitutional-state", history.constitution),
            "governance_chip_attestation_hash": history.attestation, "identity_continuity_status": history.status,
            "evidence_ledger_depth": history.depth["evidence"], "reasoning_ledger_depth": history.depth["reasoning"]}
    same(**{"STATEMENT_" + name.upper(): (value, statement.get(name)) for name, value in said.items()})

def verify(lines, policy, trusted, require_log=False):
    """Verifies the lines of a bundle, each with its line feed; gives the number of entries."""
    lines = iter(lines)

    def whole(line, names):
        need(line.endswith(b"\n"), "BUNDLE_LINE", "cut")
        return canonical(line[:-1], names, "BUNDLE_LINE")

    header = whole(next(lines, b""), HEADER)
    need(header["bundle"] == "selfsame/substrate-bundle/v1", "BUNDLE_TYPE", header["bundle"])
    [Vkey(text, "BUNDLE_KEYS") for text in header["keys"]]
    notes = header["checkpoints"]
    need(isinstance(notes, dict) and set(notes) == {"evidence", "reasoning"}, "BUNDLE_LINE")
    heads = {ledger: policy.checkpoint(note, ledger, require_log) for ledger, note in notes.items()}
    history, last = History(header["cluster"], header["substrate_id"]), "evidence"
    for line in lines:
        line = whole(line, ("leaf", "ledger", "proof"))
        need(line["ledger"] in heads and line["ledger"] >= last, "BUNDLE_ORDER")
        last = line["ledger"]
        index, leaf = history.entry(last, line["leaf"].encode())
        included(leaf, index, heads[last][0], [raw(one, "BUNDLE_LINE") for one in line["proof"]], heads[last][1])
    need(history.birth, "BIRTH_FIRST", "no birth")
    need(history.matched == len(history.closes), "CLOSE_IN_BOTH_LEDGERS")
    statement_holds(header["statement"], header["statement_signatures"], history, trusted)
    return sum(history.depth.values())

def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("bundle")
    arguments.add_argument("--policy", required=True, help="c2sp.org/tlog-policy: logs and cosigners that you trust")
    arguments.add_argument("--trust", action="append", default=[], metavar="VKEY", help="key of a node, for statements")
    arguments.add_argument("--require-log", action="store_true", help="demand the log's own signature as well")
    given = arguments.parse_args()
    with open(given.policy, encoding="utf-8") as file:
        policy = Policy(file.read())
    try:
        with open(given.bundle, "rb") as file:
            entries = verify(file, policy, [Vkey(text) for text in given.trust], given.require_log)
    except Refused as refused:
        print(refused, file=sys.stderr)
        return 10 if refused.altered else 13
    print(f"holds: {entries} entries")
    return 0

if __name__ == "__main__":
    sys.exit(main())
