#!/usr/bin/env python3
"""PyPI's rfc8785, pymerkle and sigstore over the tamper corpus: what each of them can judge of a selfsame ledger.

    libraries.py CORPUS [LEAST]      LEAST altered receipts must be there; 1000 by default

rfc8785   every leaf is its own canonical form
pymerkle  builds the tree from the entries: the root is that of the checkpoint, and not that of a fork
sigstore  its checkpoint code verifies our note under the log's Ed25519 key, its Merkle code our proof"""
import base64
import json
import pathlib
import sys
import types

import pymerkle
import rfc8785
from sigstore._internal.merkle import verify_merkle_inclusion
from sigstore._internal.rekor.checkpoint import SignedCheckpoint
from sigstore._internal.trust import Keyring, KeyID
from sigstore.errors import VerificationError
from sigstore_models.common import v1 as common

corpus = pathlib.Path(sys.argv[1])
least = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
failures = []


def holds(claim, what):
    if not claim:
        failures.append(what)
        print(f"does not hold: {what}", file=sys.stderr)


def checkpoint(note):
    read = SignedCheckpoint.from_text(note).checkpoint
    return read.log_size, bytes.fromhex(read.log_hash)


def leaves(folder):
    size, _ = checkpoint((folder / "checkpoint").read_text())
    found = []
    for bundle in range((size + 255) // 256):
        width = min(256, size - bundle * 256)
        data = (folder / f"tile/entries/{bundle:03}{f'.p/{width}' if width < 256 else ''}").read_bytes()
        while data:
            length = int.from_bytes(data[:2], "big")
            found.append(data[2:2 + length])
            data = data[2 + length:]
    return found


# A whole ledger.
folder = corpus / "ledgers" / "original"
entries = leaves(folder)
size, root = checkpoint((folder / "checkpoint").read_text())
holds(len(entries) == size > 20, "entries of the ledger")
for at, leaf in enumerate(entries):
    holds(rfc8785.dumps(json.loads(leaf)) == leaf, f"canonical form of entry {at}")
tree = pymerkle.InmemoryTree(algorithm="sha256")
for leaf in entries:
    tree.append_entry(leaf)
holds(tree.get_root() == root, "pymerkle's root")
forks = [name for name in (corpus / "ledgers").iterdir() if name.name.startswith("fork-")]
for fork in forks:
    other = pymerkle.InmemoryTree(algorithm="sha256")
    for leaf in leaves(fork):
        other.append_entry(leaf)
    holds(other.get_root() != checkpoint((fork / "checkpoint").read_text())[1], f"pymerkle refuses {fork.name}")

# Receipts.
_, key_id, key = (corpus / "ledgers" / "log.vkey").read_text().strip().split("+", 2)
# The DER frame of an Ed25519 key, and its 32 bytes behind the byte of the signature's type.
der = bytes.fromhex("302a300506032b6570032100") + base64.b64decode(key)[1:]
public = common.PublicKey(raw_bytes=base64.b64encode(der), key_details=common.PublicKeyDetails.PKIX_ED25519)
keyring = Keyring([public])


def receipt(text, entry):
    """What sigstore makes of a receipt; raises when it does not hold."""
    head, _, note = text.partition("\n\n")
    lines = head.split("\n")
    if lines[0] != "c2sp.org/tlog-proof@v1":
        raise ValueError("another version")
    # Data beside the proof that nothing vouches for.
    if lines[1].startswith("extra "):
        base64.b64decode(lines.pop(1).removeprefix("extra "), validate=True)
    signed = SignedCheckpoint.from_text(note)
    signed.signed_note.verify(keyring, KeyID(bytes.fromhex(key_id)))
    signed = signed.checkpoint
    index = int(lines[1].removeprefix("index "))
    proof = types.SimpleNamespace(
        log_index=index, tree_size=signed.log_size, root_hash=bytes.fromhex(signed.log_hash),
        hashes=[base64.b64decode(line, validate=True) for line in lines[2:]])
    if not 0 <= index < signed.log_size:
        raise ValueError("an index outside of the tree")
    verify_merkle_inclusion(types.SimpleNamespace(
        _inner=types.SimpleNamespace(inclusion_proof=proof, canonicalized_body=entry)))
    return index, signed.log_size, signed.log_hash


truth, refused, same = {}, 0, 0
for line in (corpus / "small" / "manifest.jsonl").read_text().splitlines():
    case = json.loads(line)
    if case["kind"] != "receipt":
        continue
    data = (corpus / "small" / case["file"]).read_bytes()
    try:
        said = receipt(data.decode(), (corpus / "small" / case.get("entry", "entry")).read_bytes())
    except (VerificationError, ValueError, IndexError, KeyError):
        holds(not case["accept"], "sigstore accepts our receipt")
        refused += 1
        continue
    original = case.get("of", "receipt")
    if case["accept"]:
        truth[original] = said
    else:
        # It looks at the log's line alone: what differs elsewhere in the note still says the same.
        holds(said == truth[original], f"sigstore refuses {case['file']} ({case['how']}), found {said}")
        same += 1
holds(truth and refused >= least, f"receipts judged: {len(truth)} originals, {refused} refused")
print(f"rfc8785: {len(entries)} leaves; pymerkle: {len(entries)} entries to the root, {len(forks)} forks refused; "
      f"sigstore: {len(truth)} receipts verified, {refused} altered ones refused, {same} that say the same of tree and entry")
sys.exit(1 if failures else 0)
