"""Checkpoints, pairs of them, receipts, holder statuses and evidence of equivocation: docs/protocol.md, section 16."""
import re

from .base import (BadJson, EMPTY, Refused, canonical, consistent, grown, included, key_id, leaf_hash, need, proof_length, raw,
                   unbase64)
from .bundle import enough, founders
from .forms import FORMS, entry, list_of
from .governance import Governance
from .notes import BadNote, Checkpoint, Holder, checkpoint, counter

is_proof = list_of(FORMS["digest"])


def vouches(notes, reader):
    """16.11: who vouches for the checkpoints of one object; what was altered comes first."""
    by, keys = reader.by(), reader.known()
    if by == "genesis":
        genesis = founders(reader)
        keys = [key for key in genesis.known() if "/node/" not in key.name]
    signers = [note.by(keys, "CHECKPOINT_SIGNATURE") for note in notes]
    for note, signed in zip(notes, signers):
        if by == "policy":
            need(reader.accepts(note.origin), "POLICY_ORIGIN", note.origin, altered=False)
        if reader.document:
            origins = [f"{reader.document['origin']}/{ledger}" for ledger in ("evidence", "reasoning")]
            need(note.origin in origins, "GENESIS", note.origin, altered=False)
        if by == "policy":
            need(reader.policy.met(signed, note.origin), "POLICY_QUORUM", "too few cosignatures", altered=False)
            logs = [key for key in signed if key.kind == 1 and key.name == note.origin]
            need(logs or not reader.require_log, "POLICY_LOG", note.origin, altered=False)
        elif by == "genesis":
            need(enough(genesis.quorum(), note), "CHECKPOINT_QUORUM", note.origin, altered=False)
        elif by == "keys":
            need(signed, "CHECKPOINT_KEY", "no line by a key of the reader", altered=False)


def verify_checkpoint(data, reader):
    try:
        note = checkpoint(data.decode())
    except UnicodeDecodeError:
        raise Refused("CHECKPOINT_FORM", "no UTF-8") from None
    vouches([note], reader)
    reader.somebody()


def one_line(data, names, check, feed):
    """The object on the one line of a file."""
    need(len(data) <= 4_194_304 + 1, check, "too long")
    need(data.endswith(b"\n") or not feed, check, "no line feed")
    try:
        value = canonical(data.removesuffix(b"\n"), 4_194_304)
    except BadJson as error:
        raise Refused(check, error) from None
    need(isinstance(value, dict) and set(value) in names, check, "members")
    text = [one for name, one in value.items() if name not in ("proof", "holders")]
    need(all(isinstance(one, str) for one in text) and is_proof(value["proof"]), check, "members")
    return value


def verify_pair(data, reader):
    value = one_line(data, [{"new", "old", "pair", "proof"}], "PAIR_FORM", True)
    need(value["pair"] == "selfsame/checkpoint-pair/v1", "PAIR_TYPE", value["pair"])
    old, new = checkpoint(value["old"]), checkpoint(value["new"])
    need(old.origin == new.origin, "PAIR_ORIGIN", new.origin)
    consistent(old.size, old.root, new.size, new.root, list(map(raw, value["proof"])))
    vouches([old, new], reader)
    reader.somebody()


def edges(leaf):
    """Whether bytes have the edges of an entry of these ledgers (16.8)."""
    number = "(0|[1-9][0-9]{0,19})"
    shape = (rf'{{"depth":"{number}","index":"{number}","ledger":"(evidence|reasoning)","prior_entry_hash":'
             r'(null|"sha256:[0-9a-f]{64}"),"record":\{.*\},"subject":"[^"]*","submission":"sha256:.{64}","time":".{24}"\}')
    found = re.fullmatch(shape.encode(), leaf, re.DOTALL)
    return found and all(counter(found[at].decode()) is not None for at in (1, 2)) and found


def verify_receipt(data, reader):
    form = lambda holds, what: need(holds, "PROOF_FORM", what)  # noqa: E731
    form(len(data) <= 1_144_148, "too long")
    top, empty, note = data.partition(b"\n\n")
    form(empty, "no empty line")
    try:
        lines = top.decode().split("\n")
    except UnicodeDecodeError:
        raise Refused("PROOF_FORM", "no UTF-8") from None
    form(lines[0] == "c2sp.org/tlog-proof@v1", lines[0][:40])
    lines, leaf = lines[1:], None
    if lines and lines[0].startswith("extra "):
        leaf = unbase64(lines[0][6:])
        form(leaf is not None and len(leaf) <= 65_535, "extra")
        lines = lines[1:]
    index = counter(lines[0][6:]) if lines and lines[0].startswith("index ") else None
    form(index is not None, "index")
    proof = list(map(unbase64, lines[1:]))
    form(len(proof) <= 63 and all(one is not None and len(one) == 32 for one in proof), "hashes")
    try:
        note = checkpoint(note.decode())
    except UnicodeDecodeError:
        raise Refused("CHECKPOINT_FORM", "no UTF-8") from None
    need(index < note.size, "INCLUSION_INDEX_RANGE", index)
    need(len(proof) == proof_length(index, note.size), "INCLUSION_PROOF_LENGTH")
    if leaf is not None:
        included(leaf_hash(leaf), index, note.size, proof, note.root)
        found = edges(leaf)
        if found:
            need(found[2].decode() == str(index), "ENTRY_INDEX", found[2])
            need(note.origin.endswith("/" + found[3].decode()), "CHECKPOINT_ORIGIN", note.origin)
            entry(leaf)
    vouches([note], reader)
    need(leaf is not None, "RECEIPT_ENTRY", "the receipt carries no entry", altered=False)
    reader.somebody()


def verify_holder(data, reader):
    try:
        note = Holder(data.decode())
    except (BadNote, UnicodeDecodeError):
        raise Refused("HOLDER_FORM", "no holder status") from None
    by, known = reader.by(), [key for key in reader.keys if key.kind == 4]
    if by == "genesis":
        genesis = founders(reader)
        known = [key for key in genesis.known() if "/node/" not in key.name]
    elif by == "policy":
        known = reader.known()
    signers = note.by(known, "HOLDER_SIGNATURE")
    if by == "policy":
        for ledger in ("evidence", "reasoning"):
            need(reader.accepts(f"{note.origin}/{ledger}"), "POLICY_ORIGIN", note.origin, altered=False)
    if reader.document:
        need(note.origin == reader.document["origin"], "GENESIS", note.origin, altered=False)
    if by == "policy":
        need(reader.policy.met(signers), "POLICY_QUORUM", "too few cosignatures", altered=False)
    elif by == "genesis":
        need(enough(genesis.quorum(), note), "HOLDER_QUORUM", "too few cosignatures", altered=False)
    elif by == "keys":
        need(signers, "HOLDER_KEY", "no line by a key of the reader", altered=False)
    reader.somebody()


def holder_named(leaf, note, place, ledger):
    """Substrate, epoch and chip that an entry names, which stands in its ledger under its note."""
    try:
        value = entry(leaf.encode())
    except (Refused, UnicodeEncodeError):
        raise Refused("EVIDENCE_ENTRY", "no entry") from None
    need(value["index"] == place["index"] and value["ledger"] == ledger, "EVIDENCE_ENTRY", "another place")
    included(leaf_hash(leaf.encode()), int(place["index"]), note.size, list(map(raw, place["proof"])), note.root)
    r, subject = value["record"], value["subject"]
    if r["record_type"] == "substrate_identity":
        count = int(r["constitution"].get("recovery_count", "0"))
        return subject, str(count * 2**32 + 1), key_id(r["chip"])
    need(r["record_type"] in ("migration_identity_attestation", "migration_abort"), "EVIDENCE_ENTRY", "no holder")
    return subject, r["epoch"], r["destination"] if "destination" in r else r["chip"]


def verify_evidence(data, reader):
    names = {"equivocation", "kind", "note_a", "note_b", "origin", "proof"}
    value = one_line(data, [names, names | {"holders"}], "EVIDENCE_FORM", False)
    kind, holders = value["kind"], value.get("holders")
    need(kind in ("same_size", "inconsistent", "double_epoch"), "EVIDENCE_FORM", kind)
    if "holders" in value:
        need(isinstance(holders, list) and all(isinstance(one, dict) and set(one) == {"index", "leaf", "proof"}
             and FORMS["counter"](one["index"]) and isinstance(one["leaf"], str) and is_proof(one["proof"])
             for one in holders), "EVIDENCE_FORM", "holders")
        need(holders, "EVIDENCE_FORM", "an empty list that stands")
    need(value["equivocation"] == "selfsame/equivocation/v1", "EVIDENCE_TYPE", value["equivocation"])
    statuses = kind == "double_epoch" and holders is None
    try:
        a, b = [(Holder if statuses else Checkpoint)(value[name]) for name in ("note_a", "note_b")]
    except BadNote:
        raise Refused("EVIDENCE_NOTE", "a note") from None
    for note in (a, b):
        origin = note.origin + "/holder" if statuses else note.origin
        need(origin == value["origin"], "EVIDENCE_ORIGIN", origin)
    proof = list(map(raw, value["proof"]))
    need(len(holders or []) == (2 if kind == "double_epoch" and not statuses else 0), "EVIDENCE_HOLDERS")
    need(kind == "inconsistent" or not proof, "EVIDENCE_PROOF")
    if kind == "same_size":
        need(a.size == b.size, "EVIDENCE_SIZES")
    if kind == "inconsistent":
        need(a.size < b.size, "EVIDENCE_SIZES")
    if kind == "same_size" or statuses:
        need(a.text.encode() <= b.text.encode(), "EVIDENCE_ORDER")
    if kind == "inconsistent":
        if a.size == 0:
            need(not proof, "EVIDENCE_PROOF")
            need(a.root != EMPTY, "EVIDENCE_NO_CONFLICT")
        else:
            need(1 <= len(proof) <= 64, "EVIDENCE_PROOF")
            roots = grown(a.size, b.size, proof)
            need(roots, "EVIDENCE_PROOF_LENGTH")
            need(roots[1] == b.root, "EVIDENCE_ROOT")
            need(roots[0] != a.root, "EVIDENCE_NO_CONFLICT")
    elif kind == "same_size":
        need(a.root != b.root, "EVIDENCE_NO_CONFLICT")
    elif statuses:
        need((a.substrate, a.epoch) == (b.substrate, b.epoch), "EVIDENCE_EPOCH")
        need(a.chip != b.chip, "EVIDENCE_NO_CONFLICT")
    else:
        ledger = value["origin"].rpartition("/")[2]
        one, other = [holder_named(place["leaf"], note, place, ledger) for place, note in zip(holders, (a, b))]
        need(one[:2] == other[:2], "EVIDENCE_EPOCH")
        need(one[2] != other[2], "EVIDENCE_NO_CONFLICT")
    if reader.by() == "genesis" or reader.document:
        founders(reader)
    keys = (reader.policy.keys() if reader.policy else []) + reader.keys
    keys += list(Governance(reader.document).known()) if reader.document else []
    both = [note.by(keys, "EVIDENCE_SIGNATURE") for note in (a, b)]
    guilty = [key for key in both[0] if key in both[1]]
    need(guilty or reader.by() == "nobody", "EVIDENCE_KEY", "no key of the reader signed both", altered=False)
    reader.somebody()
