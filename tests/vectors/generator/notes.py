"""notes.json: C2SP signed notes, checkpoints and cosignatures."""

import base64

from .common import sha256
from .p104 import public, secret

ED25519, COSIGNATURE = 1, 4
LOG, ORG_A, ORG_B = "ledger.example/evidence", "org-a.example/cosigner", "org-b.example/cosigner"
TIME = 1_700_000_000
ROOT = bytes.fromhex("2cfef7627597e00b564975774ad728ef210706759fca6d64138c6dfc1cbf2cda")
EMPTY_ROOT = sha256(b"")
# The order of the group of Ed25519: S + L is the malleable form of S.
L = 2**252 + 27742317777372353535851937790883648493

# Accepted by four independent implementations of the formats.
GOLDEN_KEYS = [
    "ledger.example/evidence+6115c7bb+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c",
    "org-a.example/cosigner+ffd41543+BLUz2K2fz73eC0gcGzNN3DxTQS/WFFZOflr9AgNo04LD",
    "org-b.example/cosigner+25c8556c+BLx8vLVjY3X6HYJDTUZnJNkjd/U7mAaV3UnSbQzhIgWl",
]
GOLDEN_NOTE = """ledger.example/evidence
3
LP73YnWX4AtWSXV3Stco7yEHBnWfym1kE4xt/By/LNo=

— ledger.example/evidence YRXHu1Uc8/e2vfOTjdgJLJl9Kv2BPdZKzflj+z2w9sgHlu2XLnCeHbm05UDui8jmTMt7c1PVOpIoCsOqO6ll+dFn0wY=
— org-a.example/cosigner /9QVQwAAAABlU/EAe2qaOBbj1QrJWiKd3EChwvUahnXXBi/vwi3IgF0RCmDv5GHFDg3TguNAXVHAjaourgY+AEIye/eUt2Iq3OZwDg==
— org-b.example/cosigner JchVbAAAAABlU/EAUPG7M+PEILrigw9PT6sdcCLxKnjujdSO6GjXVpdzUtIZZA1KTPncw4iWCcHfUZcIHWnBpY8bhtLn8EhZ7j3cDg==
"""  # noqa: E501


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def key_id(name: str, kind: int, key: bytes) -> bytes:
    return sha256(name.encode() + b"\n" + bytes([kind]) + key)[:4]


def vkey(name: str, kind: int, key: bytes) -> str:
    return f"{name}+{key_id(name, kind, key).hex()}+{b64(bytes([kind]) + key)}"


def checkpoint(origin: str, size: int, root: bytes) -> str:
    return f"{origin}\n{size}\n{b64(root)}\n"


def line(name: str, identifier: bytes, signature: bytes) -> str:
    return f"— {name} {b64(identifier + signature)}\n"


def signed(text: str, name: str, seed: int) -> str:
    return line(name, key_id(name, ED25519, public(seed)), secret(seed).sign(text.encode()))


def cosigned(text: str, name: str, seed: int, time: int = TIME) -> str:
    message = f"cosignature/v1\ntime {time}\n{text}".encode()
    signature = time.to_bytes(8, "big") + secret(seed).sign(message)
    return line(name, key_id(name, COSIGNATURE, public(seed)), signature)


def altered(signature_line: str, change) -> str:
    """A signature line whose bytes (key id and signature) are changed."""
    head, encoded = signature_line.rstrip("\n").rsplit(" ", 1)
    return f"{head} {b64(change(base64.b64decode(encoded)))}\n"


def flip(at: int):
    return lambda data: bytes(b ^ (1 if i == at % len(data) else 0) for i, b in enumerate(data))


def malleable(data: bytes) -> bytes:
    s = int.from_bytes(data[-32:], "little") + L
    return data[:-32] + s.to_bytes(32, "little")


def notes() -> list[dict]:
    text = checkpoint(LOG, 3, ROOT)
    log, a, b = signed(text, LOG, 0x01), cosigned(text, ORG_A, 0xA0), cosigned(text, ORG_B, 0xA1)
    golden = text + "\n" + log + a + b
    assert golden == GOLDEN_NOTE
    stranger = signed(text, "stranger.example", 0x55)
    strangers = "".join(signed(text, f"stranger-{n}.example", 0x55) for n in range(99))
    longer = text + "an extension line\n"
    long_signed = longer + "\n" + signed(longer, LOG, 0x01)
    odd = "one\n\nmiddle\n\n\nend é\n"
    by_log, by_a, by_b = (
        {"name": LOG, "time": None},
        {"name": ORG_A, "time": TIME},
        {"name": ORG_B, "time": TIME},
    )
    late = cosigned(text, ORG_A, 0xA0, 2**53 + 1)
    all_keys = GOLDEN_KEYS
    failed = ("verify", "signature of a known key")
    cases = [
        ("golden", golden, all_keys, [by_log, by_a, by_b]),
        ("golden, log key alone", golden, all_keys[:1], [by_log]),
        ("golden, cosigners alone", golden, all_keys[1:], [by_a, by_b]),
        ("signatures in another order", text + "\n" + b + log + a, all_keys, [by_b, by_log, by_a]),
        ("a signature that stands twice counts once", text + "\n" + log + log, all_keys, [by_log]),
        ("unknown signatures are ignored", text + "\n" + stranger + log, all_keys, [by_log]),
        ("an unknown key under a known name is ignored", text + "\n" + signed(text, LOG, 0x55) + log, all_keys, [by_log]),
        ("100 signatures", text + "\n" + strangers + log, all_keys, [by_log]),
        ("two cosignatures of one key with different times count once", text + "\n" + a + late, all_keys, [by_a]),
        ("a time beyond 2^53", text + "\n" + late, all_keys, [{"name": ORG_A, "time": 2**53 + 1}]),
        ("a text with empty lines ends at the last one", odd + "\n" + signed(odd, LOG, 0x01), all_keys, [by_log]),
        ("a checkpoint with an extension line is a note, but no checkpoint", long_signed, all_keys,
         ("checkpoint", "lines of a checkpoint")),
        ("no known key", golden, [], ("verify", "signatures of a note")),
        ("only unknown signatures", text + "\n" + stranger, all_keys, ("verify", "signatures of a note")),
        ("another size", golden.replace("\n3\n", "\n4\n", 1), all_keys, failed),
        ("another origin", golden.replace(LOG + "\n", "ledger.example/reasoning\n", 1), all_keys, failed),
        ("another root", golden.replace(b64(ROOT), b64(flip(31)(ROOT))), all_keys, failed),
        ("a flipped bit in the log's signature", text + "\n" + altered(log, flip(-1)) + a, all_keys, failed),
        ("a flipped bit in a cosignature, the log's holds", text + "\n" + log + altered(a, flip(20)), all_keys, failed),
        ("another time in a cosignature", text + "\n" + log + altered(a, flip(11)), all_keys, failed),
        ("a flipped bit in a key id makes the key unknown", text + "\n" + altered(log, flip(0)), all_keys,
         ("verify", "signatures of a note")),
        ("the signature of another note", text + "\n" + signed(checkpoint(LOG, 4, ROOT), LOG, 0x01), all_keys, failed),
        ("a plain signature under the cosigner's key id",
         text + "\n" + line(ORG_A, key_id(ORG_A, COSIGNATURE, public(0xA0)), secret(0xA0).sign(text.encode())),
         all_keys, failed),
        ("a cosignature under the log's key id",
         text + "\n" + line(LOG, key_id(LOG, ED25519, public(1)), TIME.to_bytes(8, "big") + secret(1).sign(text.encode())),
         all_keys, failed),
        ("a signature of 63 bytes", text + "\n" + altered(log, lambda d: d[:-1]), all_keys, failed),
        ("a signature of 65 bytes", text + "\n" + altered(log, lambda d: d + b"\0"), all_keys, failed),
        ("a malleable signature", text + "\n" + altered(log, malleable), all_keys, failed),
        ("a malleable cosignature", text + "\n" + log + altered(a, malleable), all_keys, failed),
        ("nothing", "", all_keys, ("note", "form of a note")),
        ("no signature", text, all_keys, ("note", "form of a note")),
        ("no empty line", text + log, all_keys, ("note", "form of a note")),
        ("no newline at the end", golden[:-1], all_keys, ("note", "form of a note")),
        ("an empty line at the end", golden + "\n", all_keys, ("note", "form of a note")),
        ("a carriage return", golden.replace("\n", "\r\n"), all_keys, ("note", "characters of a note")),
        ("a tab in the text", golden.replace("3\n", "3\t\n", 1), all_keys, ("note", "characters of a note")),
        ("a NUL in the text", golden.replace("3\n", "3\0\n", 1), all_keys, ("note", "characters of a note")),
        *[(f"U+{ord(c):04X} in the text", golden.replace("3\n", f"3{c}\n", 1), all_keys, ("note", "characters of a note"))
          for c in "\x01\x1f\x7f\x80\x85\x9f"],
        *[(f"U+{ord(c):04X} in a name", text + "\n" + line(f"a{c}b", bytes(4), bytes(64)), all_keys, ("note", "characters of a note"))
          for c in "\x7f\x80"],
        ("bytes that are not UTF-8", golden.encode().replace(b"3\n", b"\xff\n", 1), all_keys, ("note", "encoding of a note")),
        ("a hyphen for the dash", golden.replace("—", "-"), all_keys, ("note", "signature line")),
        ("an en dash for the dash", golden.replace("—", "–"), all_keys, ("note", "signature line")),
        ("text after the signatures", golden + "end\n", all_keys, ("note", "signature line")),
        ("a signature line without base64", text + f"\n— {LOG}\n", all_keys, ("note", "signature line")),
        ("a signature line with a space at the end", golden[:-1] + " \n", all_keys, ("note", "signature line")),
        ("base64 without padding", golden.replace("==\n", "\n"), all_keys, ("note", "signature line")),
        ("base64 with trailing bits", golden.replace("Dg==\n", "Dh==\n"), all_keys, ("note", "signature line")),
        ("base64 for URLs", text + "\n" + log.replace("/e2", "_e2"), all_keys, ("note", "signature line")),
        ("a key id and nothing else", text + f"\n— {LOG} AAAAAA==\n", all_keys, ("note", "signature line")),
        ("an unknown signature of one byte is ignored", text + "\n" + line("stranger.example", bytes(4), b"x") + log, all_keys, [by_log]),
        ("a known signature of one byte", text + "\n" + line(LOG, key_id(LOG, ED25519, public(1)), b"x"), all_keys, failed),
        ("three bytes", text + f"\n— {LOG} AAAA\n", all_keys, ("note", "signature line")),
        ("an empty name", text + "\n—  " + b64(bytes(68)) + "\n", all_keys, ("note", "key name")),
        ("a name with a plus sign", text + "\n" + line("a+b", bytes(4), bytes(64)), all_keys, ("note", "key name")),
        ("a name with a no-break space", text + "\n" + line("a\u00a0b", bytes(4), bytes(64)), all_keys, ("note", "key name")),
        ("a name with an ideographic space", text + "\n" + line("a\u3000b", bytes(4), bytes(64)), all_keys,
         ("note", "key name")),
        ("101 signatures", text + "\n" + strangers + log + a, all_keys, ("note", "signatures of a note")),
    ]  # fmt: skip
    out = []
    for name, note, keys, expected in cases:
        held = {"note_hex": note.hex()} if isinstance(note, bytes) else {"note": note}
        if isinstance(expected, list):
            # Times are decimal texts, because one is beyond 2^53.
            seen = [{"name": v["name"]} | ({"time": str(v["time"])} if v["time"] is not None else {}) for v in expected]
            out.append({"name": name, **held, "keys": keys, "verified": seen})
        else:
            out.append({"name": name, **held, "keys": keys, "fails_in": expected[0], "rule": expected[1]})
    return out


def verifier_keys() -> dict:
    key = public(0x01)
    good = vkey(LOG, ED25519, key)
    name, identifier, encoded = good.split("+", 2)
    unknown = vkey(LOG, 6, key)
    return {
        "accepted": [
            {"vkey": vkey(name, kind, public(seed)), "name": name, "type": kind, "public_key": public(seed).hex(),
             "id": key_id(name, kind, public(seed)).hex()}
            for name, kind, seed in [(LOG, ED25519, 1), (ORG_A, COSIGNATURE, 0xA0), (ORG_B, COSIGNATURE, 0xA1),
                                     (LOG, COSIGNATURE, 1), ("é", ED25519, 2)]
        ],
        "refused": [
            {"name": name, "vkey": text, "rule": rule}
            for name, text, rule in [
                ("nothing", "", "verifier key"),
                ("two fields", f"{name}+{identifier}", "verifier key"),
                ("an empty name", f"+{identifier}+{encoded}", "key name"),
                ("a name with a space", f"a b+{identifier}+{encoded}", "key name"),
                ("a name with U+0080", f"a\x80b+{identifier}+{encoded}", "key name"),
                ("a name with U+007F", f"a\x7fb+{identifier}+{encoded}", "key name"),
                ("another name than the id's", f"other+{identifier}+{encoded}", "key id"),
                ("another id", f"{name}+{'0' * 8}+{encoded}", "key id"),
                ("an id in capitals", f"{name}+{identifier.upper()}+{encoded}", "key id"),
                ("another type than the id's", f"{name}+{identifier}+{b64(bytes([4]) + key)}", "key id"),
                ("an unknown type", unknown, "verifier key"),
                ("31 key bytes", vkey(name, ED25519, key[:31]), "verifier key"),
                ("33 key bytes", vkey(name, ED25519, key + b"\0"), "verifier key"),
                ("no base64", f"{name}+{identifier}+?", "verifier key"),
            ]
        ],
    }  # fmt: skip


def checkpoints() -> dict:
    good = [(LOG, 3, ROOT), (LOG, 0, EMPTY_ROOT), ("o", 2**64 - 1, ROOT), ("name with spaces é", 1, ROOT)]
    root = b64(ROOT)
    bad = [
        ("nothing", "", "lines of a checkpoint"),
        ("two lines", f"{LOG}\n3\n", "lines of a checkpoint"),
        ("no newline at the end", f"{LOG}\n3\n{root}", "lines of a checkpoint"),
        ("an extension line", f"{LOG}\n3\n{root}\nmore\n", "lines of a checkpoint"),
        ("an empty line at the end", f"{LOG}\n3\n{root}\n\n", "lines of a checkpoint"),
        ("no origin", f"\n3\n{root}\n", "origin"),
        ("a leading zero", f"{LOG}\n03\n{root}\n", "size"),
        ("a sign", f"{LOG}\n+3\n{root}\n", "size"),
        ("a negative size", f"{LOG}\n-3\n{root}\n", "size"),
        ("a space", f"{LOG}\n3 \n{root}\n", "size"),
        ("no size", f"{LOG}\n\n{root}\n", "size"),
        ("2^64", f"{LOG}\n18446744073709551616\n{root}\n", "size"),
        ("hexadecimal", f"{LOG}\n0x3\n{root}\n", "size"),
        ("31 bytes", f"{LOG}\n3\n{b64(ROOT[:31])}\n", "root"),
        ("33 bytes", f"{LOG}\n3\n{b64(ROOT + b'0')}\n", "root"),
        ("no root", f"{LOG}\n3\n\n", "root"),
        ("no padding", f"{LOG}\n3\n{root[:-1]}\n", "root"),
        ("trailing bits", f"{LOG}\n3\n{root[:-2]}p=\n", "root"),
        ("base64 for URLs", f"{LOG}\n3\n{root.replace('/', '_')}\n", "root"),
        ("hex", f"{LOG}\n3\n{ROOT.hex()}\n", "root"),
    ]
    return {
        "accepted": [
            {"origin": o, "size": str(n), "root": r.hex(), "text": checkpoint(o, n, r)} for o, n, r in good
        ],
        "refused": [{"name": name, "text": text, "rule": rule} for name, text, rule in bad],
    }


def build() -> dict:
    kinds = [(LOG, ED25519, 0x01), (ORG_A, COSIGNATURE, 0xA0), (ORG_B, COSIGNATURE, 0xA1)]
    assert [vkey(name, kind, public(seed)) for name, kind, seed in kinds] == GOLDEN_KEYS
    return {
        "golden": {
            "origin": LOG,
            "size": 3,
            "root": ROOT.hex(),
            "signers": [
                {"name": name, "type": kind, "seed": (bytes([seed]) * 32).hex(), "time": str(TIME)}
                for name, kind, seed in kinds
            ],
            "note": GOLDEN_NOTE,
        },
        "verifier_keys": verifier_keys(),
        "checkpoints": checkpoints(),
        "notes": notes(),
    }
