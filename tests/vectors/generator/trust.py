"""trust.json: evidence of equivocation, and the requests of a C2SP witness. Trees and paths are made by recursion over
the definitions of RFC 6962, as in merkle.py."""

from .common import jcs, prefixed, sha256
from .merkle import consistency, leaf_hash, root, split
from .notes import COSIGNATURE, ED25519, b64, checkpoint, cosigned, signed, vkey
from .p104 import public

ORIGIN = "ledger.example/evidence"
TYPE = "selfsame/equivocation/v1"
SEEDS = {"org-a.example/cosigner": 0xA0, "org-b.example/cosigner": 0xA1, "org-c.example/cosigner": 0xA2}
A, B, C = SEEDS
KEYS = [vkey(name, COSIGNATURE, public(seed)) for name, seed in SEEDS.items()]


def leaves(size: int, odd: int | None = None) -> list[bytes]:
    """Entry i is i as a big-endian 64-bit number; entry `odd` is another one."""
    return [leaf_hash(b"another" if i == odd else i.to_bytes(8, "big")) for i in range(size)]


def note(size: int, digest: bytes, *signers: str) -> str:
    text = checkpoint(ORIGIN, size, digest)
    return text + "\n" + "".join(cosigned(text, name, SEEDS[name]) for name in signers)


def path(old: int, tree: list[bytes]) -> list[bytes]:
    """A consistency proof with its first hash, also where the old tree is one full subtree."""
    proof = consistency(old, tree)
    return [root(tree[:old]), *proof] if old & (old - 1) == 0 else proof


def evidence(kind: str, a: str, b: str, proof: list[bytes] = (), **members) -> dict:
    body = {"equivocation": TYPE, "kind": kind, "note_a": a, "note_b": b, "origin": ORIGIN,
            "proof": [prefixed(h) for h in proof]}  # fmt: skip
    return body | members


def pair(old: int, new: int, odd: int, small: tuple[str, ...], large: tuple[str, ...]) -> dict:
    honest, forked = leaves(new), leaves(new, odd)
    a, b = note(old, root(honest[:old]), *small), note(new, root(forked), *large)
    if old == new:
        first, second = sorted([a, b], key=lambda text: text.split("\n\n")[0].encode() + b"\n")
        return evidence("same_size", first, second)
    return evidence("inconsistent", a, b, path(old, forked))


def guilty(name: str) -> dict:
    return {"name": name, "key": KEYS[list(SEEDS).index(name)]}


def evidence_cases() -> list[dict]:
    good = pair(5, 8, 2, (A, B), (B, C))
    same = pair(6, 6, 4, (A, B), (B, C))
    empty = evidence("inconsistent", note(0, sha256(b"x"), A), note(3, root(leaves(3)), A))
    alone = pair(5, 8, 2, (A,), (B,))
    flipped = good["proof"][0][:-1] + ("0" if good["proof"][0][-1] != "0" else "1")
    cases = [
        ("one size, two roots", same, [B]),
        ("a tree that does not contain the smaller one", good, [B]),
        ("the smaller tree is one full subtree", pair(4, 7, 1, (A,), (A,)), [A]),
        ("a tree of one entry", pair(1, 2, 0, (C,), (C,)), [C]),
        ("across tiles", pair(256, 300, 255, (A, C), (A, C)), [A, C]),
        ("an empty tree with a root", empty, [A]),
        ("two parties that contradict each other", alone, ("EVIDENCE_KEY", False)),
        ("trees that agree", pair(5, 8, 5, (A,), (A,)), ("EVIDENCE_NO_CONFLICT", True)),
        ("one note twice", same | {"note_b": same["note_a"]}, ("EVIDENCE_NO_CONFLICT", True)),
        ("the second text first", same | {"note_a": same["note_b"], "note_b": same["note_a"]}, ("EVIDENCE_ORDER", True)),
        ("the larger note first", good | {"note_a": good["note_b"], "note_b": good["note_a"]}, ("EVIDENCE_SIZES", True)),
        ("another kind", good | {"kind": "same_size", "proof": []}, ("EVIDENCE_SIZES", True)),
        ("a proof where none belongs", same | {"proof": good["proof"]}, ("EVIDENCE_PROOF", True)),
        ("no proof", good | {"proof": []}, ("EVIDENCE_PROOF", True)),
        ("a shorter proof", good | {"proof": good["proof"][:-1]}, ("EVIDENCE_PROOF_LENGTH", True)),
        ("a longer proof", good | {"proof": [*good["proof"], good["proof"][0]]}, ("EVIDENCE_PROOF_LENGTH", True)),
        ("another proof", good | {"proof": [flipped, *good["proof"][1:]]}, ("EVIDENCE_ROOT", True)),
        ("another origin", good | {"origin": "ledger.example/reasoning"}, ("EVIDENCE_ORIGIN", True)),
        ("another type", good | {"equivocation": "selfsame/evidence/v1"}, ("EVIDENCE_TYPE", True)),
        ("another version", good | {"equivocation": "selfsame/equivocation/v2"}, ("UNSUPPORTED_VERSION", False)),
        ("a member more", good | {"reason": "x"}, ("EVIDENCE_FORM", True)),
        ("an empty list written out", good | {"holders": []}, ("EVIDENCE_FORM", True)),
        ("no checkpoint", good | {"note_a": "nothing"}, ("EVIDENCE_NOTE", True)),
        ("holders missing", same | {"kind": "double_epoch"}, ("EVIDENCE_NOTE", True)),
        ("a signature of another text",
         good | {"note_a": good["note_a"].split("\n\n")[0] + "\n\n" + good["note_b"].split("\n\n")[1]},
         ("EVIDENCE_SIGNATURE", True)),
    ]  # fmt: skip
    out = []
    for name, value, expected in cases:
        case = {"name": name, "file": jcs(value).decode()}
        if isinstance(expected, list):
            out.append(case | {"guilty": [guilty(name) for name in expected]})
        else:
            out.append(case | {"check": expected[0], "tampered": expected[1]})
    loose = jcs(good).decode().replace(":", ": ", 1)
    out.append({"name": "white space", "file": loose, "check": "EVIDENCE_FORM", "tampered": True})
    return out


LOG_SEED = 0x01


def log_note(size: int, odd: int | None = None, seed: int = LOG_SEED, origin: str = ORIGIN) -> str:
    text = checkpoint(origin, size, root(leaves(size, odd)))
    return text + "\n" + signed(text, origin, seed)


def request(old: int, proof: list[bytes], text: str) -> str:
    return f"old {old}\n" + "".join(b64(h) + "\n" for h in proof) + "\n" + text


def add(old: int, new: int, odd: int | None = None) -> str:
    return request(old, consistency(old, leaves(new, odd)) if old else [], log_note(new, odd))


def witness_cases() -> list[dict]:
    """A body, the size that the witness cosigned last of the honest log, and the status of the answer."""
    extended = checkpoint(ORIGIN, 5, root(leaves(5))) + "an extension\n"
    cases = [
        ("the first checkpoint", add(0, 5), 0, 200),
        ("an empty log", add(0, 0), 0, 200),
        ("a larger tree", add(3, 5), 3, 200),
        ("from a full subtree", add(4, 7), 4, 200),
        ("the same again", add(5, 5), 5, 200),
        ("an extension line", request(0, [], extended + "\n" + signed(extended, ORIGIN, LOG_SEED)), 0, 200),
        ("a second signature that is not known",
         request(0, [], log_note(5) + signed(log_note(5).split("\n\n")[0] + "\n", "stranger.example", 0x55)), 0, 200),
        ("an old size that is not the last", add(3, 5), 4, 409),
        ("an old size of zero after the first", add(0, 5), 3, 409),
        ("a smaller tree", add(3, 3), 5, 409),
        ("another root of the last size", add(5, 5, odd=1), 5, 409),
        ("a fork", add(5, 8, odd=1), 5, 422),
        ("a proof that is missing", request(3, [], log_note(5)), 3, 422),
        ("a proof where none belongs", request(0, consistency(3, leaves(5)), log_note(5)), 0, 422),
        ("a proof between equal sizes", request(5, consistency(3, leaves(5)), log_note(5)), 5, 422),
        ("the proof of another size", request(3, consistency(2, leaves(5)), log_note(5)), 3, 422),
        ("an old size above the new one", request(6, [], log_note(5)), 6, 400),
        ("another log", request(0, [], log_note(5, origin="other.example/log")), 0, 404),
        ("a key that the log is not known by", request(0, [], log_note(5, seed=0x02)), 0, 403),
        ("a signature that does not verify", request(0, [], log_note(5).replace("\n5\n", "\n6\n", 1)), 0, 403),
        ("nothing", "", 0, 400),
        ("no old size", log_note(5), 0, 400),
        ("an old size with a leading zero", add(0, 5).replace("old 0", "old 00", 1), 0, 400),
        ("a signed old size", add(3, 5).replace("old 3", "old +3", 1), 3, 400),
        ("a hash of 31 bytes", request(3, [bytes(31)], log_note(5)), 3, 400),
        ("a hash of 33 bytes", request(3, [bytes(33)], log_note(5)), 3, 400),
        ("64 hashes", request(3, [bytes(32)] * 64, log_note(5)), 3, 400),
        ("63 hashes", request(3, [bytes(32)] * 63, log_note(5)), 3, 422),
        ("no signature", request(0, [], checkpoint(ORIGIN, 5, root(leaves(5))) + "\n"), 0, 400),
        ("no checkpoint", request(0, [], "text\n\n" + signed("text\n", ORIGIN, LOG_SEED)), 0, 400),
    ]  # fmt: skip
    return [{"name": n, "body": body, "last": last, "status": status} for n, body, last, status in cases]


def build() -> dict:
    assert split(2) == 1
    return {
        "equivocation": {"keys": KEYS, "files": evidence_cases()},
        "witness": {
            "origin": ORIGIN,
            "keys": [vkey(ORIGIN, ED25519, public(LOG_SEED))],
            "roots": [{"size": n, "root": root(leaves(n)).hex()} for n in range(9)],
            "requests": witness_cases(),
        },
    }
