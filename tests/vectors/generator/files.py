"""files.json: whole files as somebody is given them, with the reader's policy, keys and wishes, and the verdict: section 16 of
docs/protocol.md from the kind of a file to who vouches for it. Genuine files stand beside their altered twins."""

import base64
import json

from .common import jcs, prefixed, sha256, tagged
from .merkle import consistency, leaf_hash, path, root
from .notes import COSIGNATURE, ED25519, altered, b64, checkpoint, cosigned, flip, key_id, line, signed, vkey
from .p104 import public, secret

CLUSTER = "ledger.example"
EVIDENCE, REASONING = f"{CLUSTER}/evidence", f"{CLUSTER}/reasoning"
LOG, STRANGER = 0x01, 0x55
COSIGNERS = {f"{CLUSTER}/cosigner/{n}": 0x20 + n for n in (1, 2, 3)}
ONE, TWO, THREE = COSIGNERS
NODE, NODE_SEED = f"{CLUSTER}/node/1", 0x31
TIME = 1_700_000_000
SUBSTRATE = "00000000-0000-4000-8000-000000000001"


def entry(at: int, name: str, prior: bytes | None, changed: dict) -> dict:
    """One of a chain of the subject `cluster`, whose depth is the index."""
    return {
        "index": str(at),
        "ledger": name,
        "subject": "cluster",
        "depth": str(at),
        "prior_entry_hash": prefixed(prior) if prior else None,
        "time": f"2026-03-08T00:00:{at:02}.000Z",
        "submission": prefixed(sha256(bytes([at]))),
        "record": {"record_type": name, "data": at},
    } | changed


def ledger(size: int, name: str = "evidence", **changes) -> list[bytes]:
    """Leaves; `changes` has the members to change by index, as `at_3`."""
    leaves: list[bytes] = []
    for index in range(size):
        prior = leaf_hash(leaves[-1]) if leaves else None
        leaves.append(jcs(entry(index, name, prior, changes.get(f"at_{index}", {}))))
    return leaves


def hashes(leaves: list[bytes]) -> list[bytes]:
    return [leaf_hash(leaf) for leaf in leaves]


LEAVES = ledger(7)
TREE = hashes(LEAVES)


def lines(text: str, log: int | None = LOG, cosigners=tuple(COSIGNERS), time: int = TIME) -> list[str]:
    """The log's line, named by the first line of the text, and those of cosigners."""
    own = [signed(text, text.split("\n")[0], log)] if log else []
    return own + [cosigned(text, name, COSIGNERS[name], time) for name in cosigners]


def note(text: str, *signatures: str) -> str:
    return text + "\n" + "".join(signatures or lines(text))


def of(leaves: list[bytes], origin: str = EVIDENCE, size: int | None = None) -> str:
    size = len(leaves) if size is None else size
    return checkpoint(origin, size, root(hashes(leaves)[:size]))


def policy(*, logs=(EVIDENCE, REASONING), quorum="organisations", threshold: str = "2") -> str:
    out = "".join(f"log {vkey(name, ED25519, public(LOG))}\n" for name in logs)
    for n, (name, seed) in enumerate(COSIGNERS.items()):
        out += f"witness w{n} {vkey(name, COSIGNATURE, public(seed))}\ngroup o{n} any w{n}\n"
    return out + f"group organisations {threshold} o0 o1 o2\nquorum {quorum}\n"


def genesis(*, origin: str = CLUSTER, publisher: bool = True, threshold: int | None = None) -> dict:
    """The founders of the policy: three organisations, each with one node."""
    organisations = [{"name": f"o{n}", "root_key": key(0x61 + n), "operator_key": key(0x71 + n)} for n in range(3)]
    nodes = [{"id": n + 1, "organisation": f"o{n}", "key": key(NODE_SEED + n), "cosigner": key(0x21 + n)} for n in range(3)]
    publication = {"publisher": {"organisation": "o0", "log_key": key(LOG)}} if publisher else {}
    if threshold is not None:
        publication["threshold"] = threshold
    return {
        "cluster": "files",
        "origin": origin,
        "limits": {"max_submission_bytes": 4_194_304, "max_items": 1000, "max_item_bytes": 60_000},
        "organisations": organisations,
        "nodes": nodes,
    } | ({"publication": publication} if publication else {})


def key(seed: int) -> str:
    return "ed25519:" + public(seed).hex()


COSIGNER_KEYS = [vkey(name, COSIGNATURE, public(seed)) for name, seed in COSIGNERS.items()]
READERS = {
    "nobody": {},
    "consistency": {"consistency_only": True},
    "policy": {"policy": policy()},
    "policy, consistency": {"policy": policy(), "consistency_only": True},
    "policy, log": {"policy": policy(), "require_log": True},
    "policy, three": {"policy": policy(threshold="all")},
    "policy, one ledger": {"policy": policy(logs=[EVIDENCE])},
    "policy, origins": {"policy": policy(logs=[]), "origins": [EVIDENCE, REASONING]},
    "policy, no quorum": {"policy": policy(quorum="none")},
    "policy and a key": {"policy": policy(), "trust": [COSIGNER_KEYS[0]]},
    "a cosigner": {"trust": [COSIGNER_KEYS[0]]},
    "the log": {"trust": [vkey(EVIDENCE, ED25519, public(LOG))]},
    "a node": {"trust": [vkey(NODE, ED25519, public(NODE_SEED))]},
    "a stranger": {"trust": [vkey("stranger.example", ED25519, public(STRANGER))]},
    "a cosigner's key of another type": {"trust": [vkey(ONE, ED25519, public(COSIGNERS[ONE]))]},
    # Three organisations: more than two thirds are all three, unless the genesis says otherwise.
    "genesis": {"genesis": genesis()},
    "genesis, two": {"genesis": genesis(threshold=2)},
    "genesis, no publisher": {"genesis": genesis(publisher=False)},
    "genesis of another cluster": {"genesis": genesis(origin="other.example")},
    "the digest of a genesis": {"genesis_digest": prefixed(tagged("selfsame/genesis/v1", genesis()))},
    "policy, genesis of another cluster": {"policy": policy(), "genesis": genesis(origin="other.example")},
    "policy of another log, genesis of a third": {"policy": policy(logs=["a.example/evidence"]), "genesis": genesis(origin="b.example")},
    "genesis, 30 s": {"genesis": genesis(), "max_age": 30, "now": TIME + 30},
    "genesis, 29 s": {"genesis": genesis(), "max_age": 29, "now": TIME + 30},
    "policy, entry 3": {"policy": policy(), "entry": LEAVES[3].decode()},
    "policy, another entry": {"policy": policy(), "entry": LEAVES[2].decode()},
    "policy, 30 s": {"policy": policy(), "max_age": 30, "now": TIME + 30},
    "policy, 29 s": {"policy": policy(), "max_age": 29, "now": TIME + 30},
    "policy, a clock 60 s behind": {"policy": policy(), "max_age": 30, "now": TIME - 60},
    "policy, a clock 61 s behind": {"policy": policy(), "max_age": 30, "now": TIME - 61},
    "a cosigner, 30 s": {"trust": [COSIGNER_KEYS[0]], "max_age": 30, "now": TIME + 30},
    "a cosigner, 29 s": {"trust": [COSIGNER_KEYS[0]], "max_age": 29, "now": TIME + 30},
}  # fmt: skip

HOLDS, NOBODY = (0, None), (13, "NOBODY_TRUSTED")


def bad(check: str) -> tuple[int, str]:
    return 10, check


def open_(check: str) -> tuple[int, str]:
    return 13, check


def notes() -> list[tuple]:
    text = of(LEAVES)
    good = note(text)
    log, one, two, three = lines(text)
    stranger = signed(text, "stranger.example", STRANGER)
    other = of(LEAVES, "other.example/evidence")
    longer = text + "an extension line\n"
    # The key of a cosigner, shown as one of type 1 under its name: another id, and so another key.
    plain = [signed(text, name, seed) for name, seed in COSIGNERS.items()]
    wrong_id = [
        line(name, key_id(name, ED25519, public(seed)), base64.b64decode(cosigned(text, name, seed).split()[2])[4:])
        for name, seed in COSIGNERS.items()
    ]
    sixtythree = altered(one, lambda data: data[:-1])
    short = note(text, *lines(text), f"— stranger.example {b64(b'abcd')}\n")
    fifth = note(text, *lines(text), f"— stranger.example {b64(b'abcde')}\n")

    def named(name: str) -> str:
        return note(text, *lines(text), f"— {name} {b64(bytes(68))}\n")

    return [
        ("genuine", good, {"policy": HOLDS, "a cosigner": HOLDS, "the log": HOLDS, "nobody": NOBODY, "consistency": HOLDS,
                           "policy, consistency": HOLDS, "policy, log": HOLDS, "policy, three": HOLDS, "policy, origins": HOLDS,
                           "policy, no quorum": HOLDS, "policy and a key": HOLDS, "a stranger": open_("CHECKPOINT_KEY"),
                           "a node": open_("CHECKPOINT_KEY"),
                           "a cosigner's key of another type": open_("CHECKPOINT_KEY"),
                           "genesis": HOLDS, "genesis, two": HOLDS, "genesis, no publisher": HOLDS,
                           "genesis of another cluster": open_("GENESIS"), "the digest of a genesis": open_("GENESIS_DOCUMENT"),
                           "policy, genesis of another cluster": open_("GENESIS"),
                           "policy of another log, genesis of a third": open_("POLICY_ORIGIN")}),
        ("genuine, by the log alone", note(text, log),
         {"policy": open_("POLICY_QUORUM"), "policy, no quorum": HOLDS, "the log": HOLDS, "a cosigner": open_("CHECKPOINT_KEY")}),
        ("genuine, without the log", note(text, one, two),
         {"policy": HOLDS, "policy, log": open_("POLICY_LOG"), "policy, three": open_("POLICY_QUORUM"),
          "policy, no quorum": open_("POLICY_QUORUM"), "genesis": open_("CHECKPOINT_QUORUM"), "genesis, two": HOLDS}),
        ("one cosigner", note(text, log, one),
         {"policy": open_("POLICY_QUORUM"), "policy, genesis of another cluster": open_("GENESIS"), "policy and a key": open_("POLICY_QUORUM"), "a cosigner": HOLDS,
          "policy, consistency": open_("POLICY_QUORUM")}),
        ("one cosigner twice", note(text, log, one, one), {"policy": open_("POLICY_QUORUM")}),
        ("of a node", note(text, signed(text, NODE, NODE_SEED)), {"a node": HOLDS, "policy": open_("POLICY_QUORUM")}),
        ("of another log of the same cosigners", note(other),
         {"policy": open_("POLICY_ORIGIN"), "a cosigner": HOLDS, "policy, no quorum": open_("POLICY_ORIGIN")}),
        ("of another log, one cosigner", note(other, cosigned(other, ONE, COSIGNERS[ONE])), {"policy": open_("POLICY_ORIGIN")}),
        ("cosigners' keys of another type", note(text, log, *plain),
         {"policy": open_("POLICY_QUORUM"), "a cosigner's key of another type": HOLDS}),
        ("cosignatures under ids of another type", note(text, log, *wrong_id),
         {"policy": open_("POLICY_QUORUM"), "a cosigner's key of another type": bad("CHECKPOINT_SIGNATURE")}),
        ("unknown signatures beside", note(text, stranger, *lines(text)), {"policy": HOLDS, "consistency": HOLDS}),
        ("an unknown signature of one byte", fifth, {"policy": HOLDS}),
        ("an unknown signature of no byte", short, {"policy": bad("CHECKPOINT_FORM"), "nobody": bad("CHECKPOINT_FORM")}),
        ("a known signature of 63 bytes", note(text, log, sixtythree, two, three), {"policy": bad("CHECKPOINT_SIGNATURE")}),
        ("a cosignature altered", note(text, log, altered(one, flip(30)), two, three),
         {"policy": bad("CHECKPOINT_SIGNATURE"), "a cosigner": bad("CHECKPOINT_SIGNATURE"), "the log": HOLDS, "nobody": NOBODY}),
        ("the log's signature altered", note(text, altered(log, flip(30)), one, two, three),
         {"policy": bad("CHECKPOINT_SIGNATURE"), "a cosigner": HOLDS, "genesis": bad("CHECKPOINT_SIGNATURE"),
          "genesis, no publisher": HOLDS}),
        ("the size altered", good.replace("\n7\n", "\n8\n", 1),
         {"policy": bad("CHECKPOINT_SIGNATURE"), "a stranger": open_("CHECKPOINT_KEY"), "nobody": NOBODY}),
        ("the origin altered", good.replace("ledger", "sledge", 1),
         {"policy": bad("CHECKPOINT_SIGNATURE"), "policy, one ledger": bad("CHECKPOINT_SIGNATURE"), "nobody": NOBODY,
          "genesis": bad("CHECKPOINT_SIGNATURE"), "genesis of another cluster": open_("GENESIS"),
          "the digest of a genesis": open_("GENESIS_DOCUMENT")}),
        ("a leading zero", good.replace("\n7\n", "\n07\n", 1), {"policy": bad("CHECKPOINT_FORM"), "nobody": bad("CHECKPOINT_FORM")}),
        ("a size with a letter", good.replace("\n7\n", "\n7t\n", 1), {"nobody": bad("CHECKPOINT_FORM")}),
        ("no size", good.replace("\n7\n", "\n", 1), {"nobody": bad("CHECKPOINT_FORM")}),
        ("a root of 43 characters", good.replace("=\n\n", "\n\n", 1), {"nobody": bad("CHECKPOINT_FORM")}),
        ("an extension line", note(longer, *lines(longer)), {"policy": bad("CHECKPOINT_FORM"), "nobody": bad("CHECKPOINT_FORM")}),
        ("hyphens for dashes", good.replace("—", "-"), {"nobody": bad("CHECKPOINT_FORM")}),
        ("no empty line", good.replace("\n\n", "\n"), {"nobody": bad("CHECKPOINT_FORM")}),
        ("a white space in front", " " + good, {"policy": bad("CHECKPOINT_SIGNATURE"), "nobody": NOBODY}),
        ("a byte order mark in front", "\ufeff" + good, {"policy": bad("CHECKPOINT_SIGNATURE")}),
        ("CR LF", good.replace("\n", "\r\n"), {"nobody": bad("CHECKPOINT_FORM")}),
        ("no line feed at the end", good[:-1], {"nobody": bad("CHECKPOINT_FORM")}),
        ("a line feed more", good + "\n", {"nobody": bad("CHECKPOINT_FORM")}),
        ("cut within the signatures", good[: good.index("—") + 60], {"nobody": bad("CHECKPOINT_FORM")}),
        ("the text alone", text, {"nobody": bad("CHECKPOINT_FORM")}),
        ("cut within the root", text[:40], {"nobody": open_("FILE_KIND")}),
        ("bytes that are not UTF-8", good.encode().replace(b"\n7\n", b"\n\xff\n", 1), {"nobody": bad("CHECKPOINT_FORM")}),
        *[(f"U+{ord(c):04X} in a name", named(f"stranger{c}x"), {"policy": bad("CHECKPOINT_FORM"), "nobody": bad("CHECKPOINT_FORM")})
          for c in "\0\t\x1f\x7f\x80\x85\x9f\u00a0\u2028"],
        *[(f"U+{ord(c):04X} in a name is no control character", named(f"stranger{c}x"), {"policy": HOLDS}) for c in "\u00ad\u200b\u2603"],
        ("U+0080 in the origin", note(of(LEAVES, "a\x80b/evidence")), {"a cosigner": bad("CHECKPOINT_FORM")}),
    ]  # fmt: skip


def proof(leaves: list[bytes], index: int, size: int | None = None) -> list[bytes]:
    return path(index, hashes(leaves)[: size or len(leaves)])


def receipt(index: int, hashes_: list[bytes], signed_note: str, extra: bytes | None) -> str:
    middle = f"extra {b64(extra)}\n" if extra is not None else ""
    return "c2sp.org/tlog-proof@v1\n" + middle + f"index {index}\n" + "".join(b64(h) + "\n" for h in hashes_) + "\n" + signed_note


def receipts() -> list[tuple]:
    text = of(LEAVES)
    good_note = note(text)
    steps = proof(LEAVES, 3)
    good = receipt(3, steps, good_note, LEAVES[3])
    bare = receipt(3, steps, good_note, None)
    broken = note(text, altered(lines(text)[0], flip(30)), *lines(text)[1:])
    elsewhere = ledger(7, at_3={"index": "4"})
    other_ledger = ledger(7, at_3={"ledger": "reasoning"})
    unknown = ledger(7, at_3={"record": {"record_type": "evidence", "data": 3, "more": 1}})
    foreign = [b'{"n":0}', b'{"n":1}', b'{"n":2}']
    foreign_note = note(checkpoint(EVIDENCE, 3, root(hashes(foreign))))
    both = {"policy": None, "nobody": None}

    def everywhere(verdict):
        return {reader: verdict for reader in both}

    def in_tree(leaves: list[bytes]) -> str:
        return receipt(3, proof(leaves, 3), note(of(leaves)), leaves[3])

    first = b64(steps[0])
    return [
        ("genuine", good, {"policy": HOLDS, "a cosigner": HOLDS, "policy, log": HOLDS, "nobody": NOBODY, "consistency": HOLDS,
                           "a stranger": open_("CHECKPOINT_KEY"), "policy, entry 3": HOLDS,
                           "policy, another entry": bad("INCLUSION_ROOT")}),
        ("genuine, under a genesis", good, {"genesis": HOLDS, "the digest of a genesis": open_("GENESIS_DOCUMENT"),
                                            "genesis of another cluster": open_("GENESIS")}),
        ("genuine, without the entry", bare, {"policy": open_("RECEIPT_ENTRY"), "policy, entry 3": HOLDS, "nobody": open_("RECEIPT_ENTRY"),
                                              "consistency": open_("RECEIPT_ENTRY"), "a stranger": open_("CHECKPOINT_KEY")}),
        ("genuine, of another log", receipt(1, path(1, hashes(foreign)), foreign_note, foreign[1]), {"policy": HOLDS, "nobody": NOBODY}),
        ("an entry that was altered", receipt(3, steps, good_note, LEAVES[3].replace(b'"data":3', b'"data":4')),
         everywhere(bad("INCLUSION_ROOT"))),
        ("the entry beside it", receipt(3, steps, good_note, LEAVES[2]),
         {"policy": bad("INCLUSION_ROOT"), "policy, entry 3": bad("RECEIPT_EXTRA")}),
        ("another index", receipt(2, steps, good_note, LEAVES[3]), everywhere(bad("INCLUSION_ROOT"))),
        ("an index that is not in the tree", receipt(7, steps, good_note, None), everywhere(bad("INCLUSION_INDEX_RANGE"))),
        ("a hash less, and no entry", receipt(3, steps[:-1], good_note, None), everywhere(bad("INCLUSION_PROOF_LENGTH"))),
        ("a hash more", receipt(3, [*steps, steps[0]], good_note, LEAVES[3]), everywhere(bad("INCLUSION_PROOF_LENGTH"))),
        ("another hash", receipt(3, [sha256(b"x"), *steps[1:]], good_note, LEAVES[3]), everywhere(bad("INCLUSION_ROOT"))),
        ("a signature altered", receipt(3, steps, broken, LEAVES[3]), {"policy": bad("CHECKPOINT_SIGNATURE"), "nobody": NOBODY}),
        ("a signature altered, and no entry", receipt(3, steps, broken, None), {"policy": bad("CHECKPOINT_SIGNATURE")}),
        ("an entry that was altered, by strangers", receipt(3, steps, note(text, signed(text, "stranger.example", STRANGER)), LEAVES[2]),
         {"policy": bad("INCLUSION_ROOT"), "a cosigner": bad("INCLUSION_ROOT")}),
        ("too few cosigners", receipt(3, steps, note(text, *lines(text)[:2]), LEAVES[3]), {"policy": open_("POLICY_QUORUM")}),
        ("another log of the cosigners", receipt(3, steps, note(of(LEAVES, "other.example/evidence")), LEAVES[3]),
         {"policy": open_("POLICY_ORIGIN"), "a cosigner": HOLDS}),
        ("an entry that names another place", in_tree(elsewhere), everywhere(bad("ENTRY_INDEX"))),
        ("an entry of the other ledger", in_tree(other_ledger), everywhere(bad("CHECKPOINT_ORIGIN"))),
        ("the note of the other ledger", receipt(3, steps, note(of(LEAVES, REASONING)), LEAVES[3]), everywhere(bad("CHECKPOINT_ORIGIN"))),
        ("an entry with a member more", in_tree(unknown), everywhere(bad("ENTRY_FORM"))),
        ("another version", good.replace("@v1", "@v2", 1), everywhere(open_("UNSUPPORTED_VERSION"))),
        ("no version", good.replace("@v1", "@v", 1), everywhere(bad("PROOF_FORM"))),
        ("a version with a leading zero", good.replace("@v1", "@v01", 1), everywhere(bad("PROOF_FORM"))),
        ("a white space in front", " " + good, everywhere(bad("PROOF_FORM"))),
        ("an index with a leading zero", good.replace("index 3", "index 03", 1), everywhere(bad("PROOF_FORM"))),
        ("no index", good.replace("index 3\n", "", 1), everywhere(bad("PROOF_FORM"))),
        ("the index first", bare.replace("index 3\n", f"index 3\nextra {b64(LEAVES[3])}\n", 1), everywhere(bad("PROOF_FORM"))),
        ("a hash without its padding", good.replace(first, first.rstrip("="), 1), everywhere(bad("PROOF_FORM"))),
        ("extra data that is no base64", good.replace("extra ", "extra !", 1), everywhere(bad("PROOF_FORM"))),
        ("extra data of 65,536 bytes", receipt(3, steps, good_note, bytes(65_536)), everywhere(bad("PROOF_FORM"))),
        ("64 hashes", receipt(3, [bytes(32)] * 64, good_note, None), everywhere(bad("PROOF_FORM"))),
        ("63 hashes", receipt(3, [bytes(32)] * 63, good_note, None), everywhere(bad("INCLUSION_PROOF_LENGTH"))),
        ("no empty line", good.replace("\n\n", "\n", 1), everywhere(bad("PROOF_FORM"))),
        ("a checkpoint with a leading zero", good.replace("\n7\n", "\n07\n", 1), everywhere(bad("CHECKPOINT_FORM"))),
        ("a control character in a name", good + f"— stranger\x7f {b64(bytes(68))}\n", everywhere(bad("CHECKPOINT_FORM"))),
        ("a signature of no byte", good + f"— stranger {b64(bytes(4))}\n", everywhere(bad("CHECKPOINT_FORM"))),
        ("a line feed more", good + "\n", everywhere(bad("CHECKPOINT_FORM"))),
    ]  # fmt: skip


def holders() -> list[tuple]:
    tree = f"7 {b64(root(TREE))}"
    text = (f"{CLUSTER}/holder\nsubstrate {SUBSTRATE}\nstate active\nchip {prefixed(sha256(public(0x41)))}\nepoch 2\n"
            f"evidence {tree}\nreasoning 0 {b64(sha256(b''))}\n")  # fmt: skip
    names = tuple(COSIGNERS)
    status = note(text, *lines(text, None))
    mixed = note(text, *lines(text, None, names[:1], TIME), *lines(text, None, names[1:], TIME - 1))
    late = note(text, *lines(text, None, names[:1], TIME - 1), *lines(text, None, names[:2], TIME))
    form = {"policy": bad("HOLDER_FORM"), "nobody": bad("HOLDER_FORM")}

    def with_text(old: str, new: str) -> str:
        assert old in text
        changed = text.replace(old, new, 1)
        return note(changed, *lines(changed, None))

    return [
        ("genuine", status, {"policy": HOLDS, "policy, three": HOLDS, "policy, origins": HOLDS, "policy, 30 s": HOLDS,
                             "policy, 29 s": open_("HOLDER_STALE"), "policy, a clock 60 s behind": HOLDS,
                             "policy, a clock 61 s behind": open_("HOLDER_STALE"), "a cosigner": HOLDS, "a cosigner, 30 s": HOLDS,
                             "a cosigner, 29 s": open_("HOLDER_STALE"), "nobody": NOBODY, "consistency": HOLDS,
                             "policy, one ledger": open_("POLICY_ORIGIN"), "policy, no quorum": open_("POLICY_QUORUM"),
                             "the log": open_("HOLDER_KEY"), "a stranger": open_("HOLDER_KEY"),
                             "a cosigner's key of another type": open_("HOLDER_KEY"), "policy and a key": HOLDS,
                             "genesis": HOLDS, "genesis, 30 s": HOLDS, "genesis, 29 s": open_("HOLDER_STALE"),
                             "genesis of another cluster": open_("GENESIS"), "the digest of a genesis": open_("GENESIS_DOCUMENT"),
                             "policy, genesis of another cluster": open_("GENESIS")}),
        ("one fresh line, two old ones", mixed, {"policy": HOLDS, "policy, 30 s": open_("HOLDER_STALE"), "a cosigner, 30 s": HOLDS}),
        ("a cosigner's first line is old, its second fresh", late, {"policy": HOLDS, "policy, 30 s": open_("HOLDER_STALE"),
                                                                   "a cosigner, 30 s": open_("HOLDER_STALE")}),
        ("one cosigner", note(text, *lines(text, None, names[:1])), {"policy": open_("POLICY_QUORUM"), "a cosigner": HOLDS,
                                                                    "policy, 29 s": open_("POLICY_QUORUM"), "genesis": open_("HOLDER_QUORUM")}),
        ("a line of the log", note(text, signed(text, EVIDENCE, LOG)),
         {"policy": open_("POLICY_QUORUM"), "policy, no quorum": open_("POLICY_QUORUM"), "the log": open_("HOLDER_KEY")}),
        ("a line of the log that does not verify", note(text, *lines(text, None), altered(signed(text, EVIDENCE, LOG), flip(30))),
         {"policy": bad("HOLDER_SIGNATURE"), "a cosigner": HOLDS, "genesis": bad("HOLDER_SIGNATURE"), "genesis, no publisher": HOLDS}),
        ("the epoch altered", status.replace("epoch 2", "epoch 3", 1), {"policy": bad("HOLDER_SIGNATURE"), "a cosigner": bad("HOLDER_SIGNATURE"),
                                                                        "a stranger": open_("HOLDER_KEY"), "nobody": NOBODY}),
        ("the origin altered", status.replace("ledger", "sledge", 1), {"policy": bad("HOLDER_SIGNATURE")}),
        ("a cosignature altered", note(text, altered(lines(text, None)[0], flip(30)), *lines(text, None)[1:]),
         {"policy": bad("HOLDER_SIGNATURE"), "nobody": NOBODY}),
        ("of another cluster", with_text(f"{CLUSTER}/holder", "other.example/holder"), {"policy": open_("POLICY_ORIGIN"), "a cosigner": HOLDS}),
        ("an unknown state", with_text("state active", "state Active"), form),
        ("no state", with_text("state active\n", ""), form),
        ("a leading zero", with_text("epoch 2", "epoch 02"), form),
        ("two spaces", with_text("evidence 7 ", "evidence 7  "), form),
        ("no UUID", with_text(SUBSTRATE, SUBSTRATE.replace("0", "A")), form),
        ("no origin", with_text(f"{CLUSTER}/holder", "/holder"), form),
        ("another first line", with_text(f"{CLUSTER}/holder", f"{CLUSTER}/evidence"), form),
        ("a chip that is no digest", with_text("chip sha256:", "chip sha512:"), form),
        ("a line more", with_text("epoch 2\n", "epoch 2\nmore 1\n"), form),
        ("a control character", status + f"— stranger\x9f {b64(bytes(68))}\n", form),
        ("no signature", text + "\n", form),
    ]  # fmt: skip


def pair(old: str, new: str, steps: list[bytes], **members) -> dict:
    body = {"new": new, "old": old, "pair": "selfsame/checkpoint-pair/v1", "proof": [prefixed(h) for h in steps]}
    return body | members


def pairs() -> list[tuple]:
    old, new = of(LEAVES, size=5), of(LEAVES)
    steps = consistency(5, TREE)
    good = pair(note(old), note(new), steps)
    fork = ledger(7, at_1={"record": {"record_type": "evidence", "data": "another"}})
    both = {"policy": None, "nobody": None}

    def everywhere(verdict):
        return {reader: verdict for reader in both}

    def text(body: dict) -> str:
        return jcs(body).decode() + "\n"

    altered_old = note(old, altered(lines(old)[0], flip(30)), *lines(old)[1:])
    altered_new = note(new, altered(lines(new)[0], flip(30)), *lines(new)[1:])
    few_old, few_new = note(old, lines(old)[0]), note(new, lines(new)[0])
    return [
        ("genuine", text(good), {"policy": HOLDS, "policy, log": HOLDS, "a cosigner": HOLDS, "nobody": NOBODY, "consistency": HOLDS,
                                 "a stranger": open_("CHECKPOINT_KEY"), "policy, one ledger": HOLDS}),
        ("genuine, of one size", text(pair(note(new), note(new), [])), {"policy": HOLDS, "nobody": NOBODY}),
        ("genuine, from the empty tree", text(pair(note(of(LEAVES, size=0)), note(new), [])), {"policy": HOLDS, "nobody": NOBODY}),
        ("a fork", text(pair(note(old), note(of(fork)), consistency(5, hashes(fork)))), everywhere(bad("CONSISTENCY_OLD_ROOT"))),
        ("a fork of a full subtree, whose root is no part of the proof",
         text(pair(note(of(LEAVES, size=4)), note(of(fork)), consistency(4, hashes(fork)))), everywhere(bad("CONSISTENCY_NEW_ROOT"))),
        ("genuine, from a full subtree", text(pair(note(of(LEAVES, size=4)), note(new), consistency(4, TREE))), {"policy": HOLDS}),
        ("a fork with the proof of the other tree", text(pair(note(old), note(of(fork)), steps)), everywhere(bad("CONSISTENCY_NEW_ROOT"))),
        ("old and new exchanged", text(pair(note(new), note(old), steps)), everywhere(bad("CONSISTENCY_INDEX_RANGE"))),
        ("a hash less", text(pair(note(old), note(new), steps[:-1])), everywhere(bad("CONSISTENCY_PROOF_LENGTH"))),
        ("two logs", text(pair(note(of(LEAVES, REASONING, 5)), note(new), steps)), everywhere(bad("PAIR_ORIGIN"))),
        ("a fork, by strangers", text(pair(note(old, signed(old, "stranger.example", STRANGER)), note(of(fork)), steps)),
         everywhere(bad("CONSISTENCY_NEW_ROOT"))),
        ("the old note's signature altered", text(pair(altered_old, note(new), steps)), {"policy": bad("CHECKPOINT_SIGNATURE"), "nobody": NOBODY}),
        ("the old note by too few, the new one's signature altered", text(pair(few_old, altered_new, steps)),
         {"policy": bad("CHECKPOINT_SIGNATURE")}),
        ("the new note by too few", text(pair(note(old), few_new, steps)), {"policy": open_("POLICY_QUORUM")}),
        ("the old note by too few", text(pair(few_old, note(new), steps)), {"policy": open_("POLICY_QUORUM"), "policy, no quorum": HOLDS}),
        ("the new note has a leading zero", text(pair(note(old), note(new).replace("\n7\n", "\n07\n", 1), steps)), everywhere(bad("CHECKPOINT_FORM"))),
        ("no line feed", text(good)[:-1], everywhere(bad("PAIR_FORM"))),
        ("a line feed more", text(good) + "\n", everywhere(bad("PAIR_FORM"))),
        ("white space", text(good).replace(":", ": ", 1), everywhere(bad("PAIR_FORM"))),
        ("an escape in the type", text(good).replace("selfsame/c", "selfsame\\u002fc"), everywhere(bad("PAIR_FORM"))),
        ("the members in another order", json.dumps({k: good[k] for k in ("pair", "old", "new", "proof")}) + "\n", everywhere(bad("PAIR_FORM"))),
        ("a member more", text(good | {"more": 1}), everywhere(bad("PAIR_FORM"))),
        ("the first name altered", text(good).replace('"new"', '"nev"', 1), everywhere(bad("PAIR_FORM"))),
        ("the type's name altered", text(good).replace('"pair"', '"pajr"', 1), everywhere(bad("PAIR_FORM"))),
        ("cut", text(good)[:200], everywhere(bad("PAIR_FORM"))),
        ("cut behind the first name", '{"new":', everywhere(bad("PAIR_FORM"))),
        ("cut within the first name", '{"ne', everywhere(open_("FILE_KIND"))),
        ("a type of no version", text(good | {"pair": "selfsame/checkpoint-pair"}), everywhere(bad("PAIR_TYPE"))),
        ("another version", text(good | {"pair": "selfsame/checkpoint-pair/v2"}), everywhere(open_("UNSUPPORTED_VERSION"))),
        ("another version with other members, white space in front",
         " " + json.dumps({"pair": "selfsame/checkpoint-pair/v12", "anything": [1, {"x": "}"}]}), everywhere(open_("UNSUPPORTED_VERSION"))),
    ]  # fmt: skip


def evidence(a: str, b: str, **members) -> dict:
    body = {"equivocation": "selfsame/equivocation/v1", "kind": "same_size", "note_a": a, "note_b": b, "origin": EVIDENCE, "proof": []}
    return body | members  # fmt: skip


def equivocations() -> list[tuple]:
    fork = ledger(7, at_1={"record": {"record_type": "evidence", "data": "another"}})
    texts = sorted([of(LEAVES), of(fork)], key=str.encode)
    first, second = (note(text) for text in texts)
    good = evidence(first, second)
    broken = note(texts[0], altered(lines(texts[0])[1], flip(30)), *lines(texts[0])[2:])
    apart = evidence(note(texts[0], lines(texts[0])[1]), note(texts[1], lines(texts[1])[2]))
    by_node = evidence(*(note(one, signed(one, NODE, NODE_SEED)) for one in texts))

    def text(body: dict) -> str:
        return jcs(body).decode()

    form = {"policy": bad("EVIDENCE_FORM"), "nobody": bad("EVIDENCE_FORM")}
    return [
        ("genuine", text(good), {"policy": HOLDS, "a cosigner": HOLDS, "the log": HOLDS, "nobody": NOBODY, "consistency": HOLDS,
                                 "a stranger": open_("EVIDENCE_KEY"), "policy and a key": HOLDS, "genesis": HOLDS,
                                 "genesis of another cluster": open_("EVIDENCE_KEY"),
                                 "the digest of a genesis": open_("GENESIS_DOCUMENT")}),
        ("genuine, by a node", text(by_node), {"genesis": HOLDS, "a node": HOLDS, "policy": open_("EVIDENCE_KEY")}),
        ("genuine, with a line feed", text(good) + "\n", {"policy": HOLDS}),
        ("two parties that contradict each other", text(apart), {"policy": open_("EVIDENCE_KEY"), "nobody": NOBODY}),
        ("one note twice", text(evidence(first, first)), {"policy": bad("EVIDENCE_NO_CONFLICT"), "nobody": bad("EVIDENCE_NO_CONFLICT")}),
        ("the second text first", text(evidence(second, first)), {"nobody": bad("EVIDENCE_ORDER"), "consistency": bad("EVIDENCE_ORDER")}),
        ("a signature altered", text(evidence(broken, second)), {"policy": bad("EVIDENCE_SIGNATURE"), "a cosigner": bad("EVIDENCE_SIGNATURE"),
                                                                 "the log": open_("EVIDENCE_KEY"), "nobody": NOBODY}),
        ("another version", text(good | {"equivocation": "selfsame/equivocation/v2", "more": 1}), {"policy": open_("UNSUPPORTED_VERSION")}),
        ("another type", text(good | {"equivocation": "selfsame/evidence/v1"}), {"policy": bad("EVIDENCE_TYPE")}),
        ("two line feeds", text(good) + "\n\n", form),
        ("a space in front", " " + text(good), form),
        ("a member more", text(good | {"reason": "x"}), form),
        ("a kind that is a number", text(good | {"kind": 0}), form),
        ("a kind that is an object", text(good | {"kind": {"same_size": None}}), form),
    ]  # fmt: skip


def kinds() -> list[tuple]:
    unknown = {"nobody": open_("FILE_KIND"), "policy": open_("FILE_KIND")}
    cases = [
        ("an empty file", ""),
        ("white space", " \n\t\n"),
        ("a sentence", "hello\n"),
        ("numbers", "1\n2\n3\n"),
        ("a dash at the beginning of a line", "To be\n— Shakespeare, Hamlet\n"),
        ("other bytes", bytes(range(256))),
        ("a policy", policy()),
        ("a key", COSIGNER_KEYS[0] + "\n"),
        ("a key file", json.dumps({"algorithm": "ed25519", "public": "ed25519:" + "00" * 32, "secret": "00" * 32})),
        ("an entry", LEAVES[3]),
        ("entries, one on each line", b"\n".join(LEAVES)),
        ("an array", "[1,2]"),
        ("an empty object", "{}"),
        ("an object of anybody", '{"pair":"EUR/USD","bundle":1,"new":true}'),
        ("members of anybody", '{"context":"x","proof":{},"statement":"y","identity":"me"}'),
        ("an identity of anybody", '{"identity":"me"}'),
        ("the beginning of an object", '{"'),
    ]
    out = [(name, file, unknown) for name, file in cases]
    later = {"nobody": open_("UNSUPPORTED_VERSION"), "consistency": open_("UNSUPPORTED_VERSION")}
    for kind in ("selfsame/bundle/v99", "selfsame/bundle/v1", "selfsame/substrate-bundle/v1", "selfsame/run-bundle/v1"):
        out.append((f"a {kind}", f'{{"bundle":"{kind}","x":1}}\n', later))
    out.append(("a later bundle with white space", '\n { "bundle" : "selfsame/bundle/v99"}', later))
    out.append(("an unknown bundle", '{"bundle":"selfsame/parcel/v1"}\n', {"nobody": open_("BUNDLE_TYPE")}))
    out.append(("a bundle with a space in front", ' {"bundle":"selfsame/bundle/v2"}\n', {"nobody": bad("BUNDLE_LINE")}))
    out.append(("a bundle with an escape in its type", '{"bundle":"selfs\\u0061me/bundle/v2"}\n', {"nobody": bad("BUNDLE_LINE")}))
    out.append(("a bundle whose type is not first", '{"a":1,"bundle":"selfsame/bundle/v2"}\n', {"nobody": bad("BUNDLE_LINE")}))
    out.append(("a statement of version 1", '{"statement":{},"proof":{}}', later))
    out.append(("a statement of version 1, cut", '{"proof":{"checkp', later))
    out.append(("a later identity proof", ' {"x":1,"identity":"selfsame/identity-proof/v3",,}', later))
    out.append(("an identity proof, cut", '{"checkpoints":{"evid', {"nobody": bad("STATEMENT_FORM")}))
    out.append(("an identity proof that is no JSON", '{"identity":"selfsame/identity-proof/v2",,}', {"nobody": bad("STATEMENT_FORM")}))
    out.append(("a subject head", f"{CLUSTER}/subject\ngenesis sha256:00\n\n— a {b64(bytes(68))}\n", unknown))
    out.append(("a backup of a later version", b"SFBACK02" + bytes(100), {"nobody": open_("UNSUPPORTED_VERSION")}))
    out.append(("a backup of no version", b"SFBACKxx" + bytes(100), {"nobody": bad("BACKUP_FORM")}))
    out.append(("the beginning of a backup", b"SFBACK", {"nobody": bad("BACKUP_FORM")}))
    return out  # fmt: skip


def folder(leaves: list[bytes], signed_note: str, **changed) -> dict:
    """A ledger of fewer than 256 entries; `changed` has other bytes, or None for a file that is not there."""
    width = len(leaves)
    files = {"checkpoint": signed_note.encode()}
    if width:
        files[f"tile/entries/000.p/{width}"] = b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in leaves)
        files[f"tile/0/000.p/{width}"] = b"".join(hashes(leaves))
    files |= {name.replace("__", "/"): data for name, data in changed.items()}
    return {name: data for name, data in files.items() if data is not None}


def inside(name: str, files: dict) -> dict:
    return {f"{name}/{path}": data for path, data in files.items()}


def folders() -> list[tuple]:
    text = of(LEAVES)
    good = folder(LEAVES, note(text))
    reasoning = ledger(2, "reasoning")
    other = inside("reasoning", folder(reasoning, note(of(reasoning, REASONING))))
    foreign = inside("reasoning", folder(reasoning, note(of(reasoning, "other.example/reasoning"))))
    entries, tile = "tile/entries/000.p/7", "tile/0/000.p/7"
    both = {"policy": None, "nobody": None}

    def everywhere(verdict):
        return {reader: verdict for reader in both}

    def rewritten(**changes) -> dict:
        leaves = ledger(7, **changes)
        return folder(leaves, note(of(leaves)))

    false_leaf = good[entries].replace(b'"data":3', b'"data":4')
    few = note(text, lines(text)[0])
    broken = note(text, altered(lines(text)[0], flip(30)), *lines(text)[1:])
    return [
        ("genuine", good, {"policy": HOLDS, "a cosigner": HOLDS, "policy, log": HOLDS, "nobody": NOBODY, "consistency": HOLDS,
                          "genesis": HOLDS, "genesis of another cluster": open_("GENESIS")}),
        ("genuine, empty", folder([], note(of([]))), {"policy": HOLDS, "nobody": NOBODY}),
        ("genuine, both ledgers", inside("evidence", good) | other, {"policy": HOLDS, "nobody": NOBODY, "consistency": HOLDS,
                                                                    "policy, one ledger": open_("POLICY_ORIGIN")}),
        ("genuine, and another file", good | {"README": b"x"}, {"policy": HOLDS}),
        ("the ledgers of two clusters", inside("evidence", good) | foreign, {"a cosigner": bad("CHECKPOINT_ORIGIN"), "nobody": bad("CHECKPOINT_ORIGIN")}),
        ("one ledger twice", inside("evidence", good) | inside("reasoning", good), everywhere(bad("CHECKPOINT_ORIGIN"))),
        ("one of two ledgers", inside("evidence", good), everywhere(open_("FILE_MISSING"))),
        ("a log that is neither", folder(LEAVES, note(of(LEAVES, "ledger.example/log"))), everywhere(bad("CHECKPOINT_ORIGIN"))),
        ("too few cosigners, and an altered entry", folder(LEAVES, few, **{entries: false_leaf}), {"policy": open_("POLICY_QUORUM"), "nobody": bad("ENTRY_HASH")}),
        ("a signature altered", folder(LEAVES, broken), {"policy": bad("CHECKPOINT_SIGNATURE"), "nobody": NOBODY}),
        ("a leading zero in the size", folder(LEAVES, note(text).replace("\n7\n", "\n07\n", 1)), everywhere(bad("CHECKPOINT_FORM"))),
        ("an entry altered", good | {entries: false_leaf}, everywhere(bad("ENTRY_HASH"))),
        ("an entry cut", good | {entries: good[entries][:-1]}, everywhere(bad("ENTRY_BUNDLE"))),
        ("an entry more", good | {entries: good[entries] + b"\0\1x"}, everywhere(bad("ENTRY_BUNDLE"))),
        ("a tile cut", good | {tile: good[tile][:-1]}, everywhere(bad("TILE_LENGTH"))),
        ("a tile too long", good | {tile: bytes(8193)}, everywhere(bad("FILE_LENGTH"))),
        ("no tile", {k: v for k, v in good.items() if k != tile}, everywhere(open_("FILE_MISSING"))),
        ("no entries", {k: v for k, v in good.items() if k != entries}, everywhere(open_("FILE_MISSING"))),
        ("an entry and its tile altered", folder(ledger(7, at_6={"time": "2026-03-09T00:00:00.000Z"}), note(text)), everywhere(bad("TREE_ROOT"))),
        ("another index, signed", rewritten(at_3={"index": "4"}), everywhere(bad("ENTRY_INDEX"))),
        ("the other ledger, signed", rewritten(at_3={"ledger": "reasoning"}), everywhere(bad("ENTRY_LEDGER"))),
        ("an earlier time, signed", rewritten(at_3={"time": "2026-03-07T00:00:00.000Z"}), everywhere(bad("ENTRY_TIME"))),
        ("another depth, signed", rewritten(at_3={"depth": "4"}), everywhere(bad("ENTRY_DEPTH"))),
        ("a chain begun late, signed", rewritten(at_3={"subject": "organisation:a"}), everywhere(bad("ENTRY_DEPTH"))),
        ("another predecessor, signed", rewritten(at_3={"prior_entry_hash": prefixed(sha256(b"x"))}), everywhere(bad("PRIOR_ENTRY_HASH"))),
        ("no predecessor, signed", rewritten(at_3={"prior_entry_hash": None}), everywhere(bad("PRIOR_ENTRY_HASH"))),
        ("a member more, signed", rewritten(at_3={"a": "b"}), everywhere(bad("ENTRY_FORM"))),
    ]  # fmt: skip


def cases(group: str, made: list[tuple]) -> list[dict]:
    out = []
    for name, file, verdicts in made:
        if isinstance(file, dict):
            held = {"folder": {path: data.hex() for path, data in sorted(file.items())}}
        elif isinstance(file, bytes):
            held = {"file_hex": file.hex()}
        else:
            held = {"file": file}
        seen = {reader: {"exit": code} | ({"check": check} if check else {}) for reader, (code, check) in verdicts.items()}
        assert set(seen) <= set(READERS), (group, name, seen)
        out.append({"name": f"{group}: {name}", **held, "verdicts": seen})
    return out


def build() -> dict:
    assert secret(LOG) is not None
    groups = {
        "checkpoint": notes(),
        "receipt": receipts(),
        "holder status": holders(),
        "pair": pairs(),
        "equivocation": equivocations(),
        "kind": kinds(),
        "ledger": folders(),
    }
    return {"readers": READERS, "files": [case for group, made in groups.items() for case in cases(group, made)]}
