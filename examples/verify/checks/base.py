"""What every check needs: the strict reader, canonical JSON, digests, signatures and Merkle trees.

docs/protocol.md, sections 2, 3, 4 and 15."""
import base64
import decimal
import functools
import hashlib
import json
import re

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

SAFE = 2**53 - 1
DOCUMENT = 16_777_216


class Refused(Exception):
    """A check that failed: its name, and whether the bytes were altered (else nothing can be decided)."""

    def __init__(self, check, detail="", altered=True):
        super().__init__(f"{check}: {detail}" if detail else check)
        self.check, self.altered = check, altered


def need(holds, check, detail="", altered=True):
    if not holds:
        raise Refused(check, detail, altered)


def undecided(check, detail=""):
    raise Refused(check, detail, altered=False)


def says(record, check, **values):
    """The members have these values."""
    for name, value in values.items():
        need(record.get(name) == value, check, f"{name}: expected {value!r}, found {record.get(name)!r}")


class BadJson(Exception):
    """A document that the strict reader refuses, with the code of section 2.1."""


def _integer(text):
    if len(text) > 20 or abs(int(text)) > SAFE:
        raise BadJson("UNSAFE_INTEGER")
    return int(text)


def _number(text):
    value = float(text)
    if abs(value) == float("inf"):
        raise BadJson("NON_FINITE")
    if value == int(value) and abs(value) < 1e21:
        if abs(value) > SAFE:
            raise BadJson("UNSAFE_INTEGER")
        return int(value)
    return value


def _constant(text):
    raise BadJson("SYNTAX")


def _members(pairs):
    value = dict(pairs)
    if len(value) != len(pairs):
        raise BadJson("DUPLICATE_KEY")
    return value


def _depth(value):
    """How many arrays and objects stand around each other."""
    deepest, open_ = 0, [(value, 1)]
    while open_:
        at, depth = open_.pop()
        if isinstance(at, (dict, list)):
            deepest = max(deepest, depth)
            open_ += [(inner, depth + 1) for inner in (at.values() if isinstance(at, dict) else at)]
    return deepest


def read(data, size=DOCUMENT, nesting=64):
    """The value of a JSON document of section 2.1."""
    if len(data) > size:
        raise BadJson("TOO_LARGE")
    try:
        text = data.decode()
        value = json.loads(text, object_pairs_hook=_members, parse_int=_integer, parse_float=_number,
                           parse_constant=_constant)
    except UnicodeDecodeError:
        raise BadJson("INVALID_UTF8") from None
    except RecursionError:
        raise BadJson("TOO_DEEP") from None
    except ValueError as error:
        raise BadJson(f"SYNTAX: {error}") from None
    if _depth(value) > nesting:
        raise BadJson("TOO_DEEP")
    if "\\u" in text:
        try:
            jcs(value).encode()
        except UnicodeEncodeError:
            raise BadJson("LONE_SURROGATE") from None
    return value


def _spell(value):
    """A number as ECMAScript writes it; whole ones below 10^21 are integers here."""
    digits, exponent = (repr(value).split("e") + [""])[:2]
    plain = exponent in ("", "-05", "-06")
    return format(decimal.Decimal(repr(value)), "f") if plain else f"{digits}e{int(exponent):+}"


_text = json.JSONEncoder(ensure_ascii=False).encode


def jcs(value):
    """The canonical form, as text."""
    if isinstance(value, dict):
        names = sorted(value) if all(map(str.isascii, value)) else sorted(
            value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
        return "{" + ",".join(_text(name) + ":" + jcs(value[name]) for name in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(jcs, value)) + "]"
    return _spell(value) if isinstance(value, float) else _text(value)


def same(one, other):
    """Two JSON values are one; 1 is not true."""
    return jcs(one) == jcs(other)


def canonical(data, size=DOCUMENT, nesting=64):
    """The value of bytes that stand in their canonical form."""
    value = read(data, size, nesting)
    if jcs(value).encode() != data:
        raise BadJson("NOT_CANONICAL")
    return value


def sha(data):
    return hashlib.sha256(data).digest()


def name_of(digest):
    return "sha256:" + digest.hex()


def raw(digest):
    return bytes.fromhex(digest[7:])


def bare(digest):
    """A digest as operand of H; an absent one is the empty operand."""
    return digest[7:] if digest else ""


def framed(*parts):
    """H of section 3."""
    parts = [part.encode() for part in parts]
    return name_of(sha(b"".join(len(part).to_bytes(8, "big") + part for part in parts)))


def tagged(tag, value):
    return framed(f"selfsame/{tag}/v1", jcs(value))


def key_bytes(key):
    return bytes.fromhex(key[8:])


def key_id(key):
    """The key id of a public key as it stands in JSON."""
    return name_of(sha(key_bytes(key)))


_P = 2**255 - 19
_D = -121665 * pow(121666, _P - 2, _P) % _P
_Y8 = 2707385501144840649318225287225658788936804267575313519463743609750303021914
_SMALL = {0, 1, _P - 1, _Y8, _P - _Y8}
_ORDER = 2**252 + 27742317777372353535851937790883648493
_seen = {}


def _small(point):
    """Whether an encoded point is of small order; there are eight, known by their y."""
    return (int.from_bytes(point, "little") & (2**255 - 1)) % _P in _SMALL


def _add(one, other):
    """The sum of two points in extended coordinates."""
    x1, y1, z1, t1 = one
    x2, y2, z2, t2 = other
    a, b, c, d = (y1 - x1) * (y2 - x2), (y1 + x1) * (y2 + x2), 2 * t1 * t2 * _D, 2 * z1 * z2
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


@functools.lru_cache(maxsize=10_000)
def is_point(key):
    """Whether 32 bytes are the one encoding of a point of the subgroup of prime order, and not its neutral element."""
    y, sign = int.from_bytes(key, "little") & (2**255 - 1), key[31] >> 7
    if y >= _P or y in _SMALL:
        return False
    square = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * pow(2, (_P - 1) // 4, _P) % _P
    if (x * x - square) % _P:
        return False
    x = _P - x if x % 2 != sign else x
    total, double, order = (0, 1, 1, 0), (x, y, 1, x * y % _P), _ORDER
    while order:
        if order % 2:
            total = _add(total, double)
        double, order = _add(double, double), order // 2
    return total[0] == 0 and (total[1] - total[2]) % _P == 0


def signed(key, signature, message):
    """The strict rule of section 4."""
    if len(key) != 32 or len(signature) != 64:
        return False
    known = (key, signature, sha(message))
    if known not in _seen:
        if len(_seen) > 100_000:
            _seen.clear()
        _seen[known] = _verifies(key, signature, message)
    return _seen[known]


def _verifies(key, signature, message):
    if _small(key) or _small(signature[:32]):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
        return True
    except (InvalidSignature, ValueError):
        return False


def attested(attestation, claims):
    """Whether the chip of an attestation signed these claims (6.2)."""
    message = b"selfsame/attestation/v1\n" + jcs(claims).encode()
    return signed(key_bytes(attestation["chip"]), bytes.fromhex(attestation["signature"]), message)


def unbase64(text):
    """The bytes of padded standard base64 in its one spelling; None for any other text."""
    if not re.fullmatch("[A-Za-z0-9+/]*={0,2}", text) or len(text) % 4:
        return None
    try:
        data = base64.b64decode(text)
    except ValueError:
        return None
    return data if base64.b64encode(data).decode() == text else None


def leaf_hash(leaf):
    return sha(b"\0" + leaf)


EMPTY = sha(b"")


def proof_length(index, size):
    """How many hashes the inclusion proof of an entry has."""
    length, last = 0, size - 1
    while last:
        length += 1 if index % 2 or index != last else 0
        index, last = index // 2, last // 2
    return length


def lead(value, index, size, proof):
    """The root to which a proof leads (RFC 9162, section 2.1.3.2); the proof has the length of its place."""
    node, last = index, size - 1
    for sibling in proof:
        left = node % 2 or node == last
        value = sha(b"\x01" + (sibling + value if left else value + sibling))
        while left and node and node % 2 == 0:
            node, last = node // 2, last // 2
        node, last = node // 2, last // 2
    return value


def included(leaf, index, size, proof, root):
    need(index < size, "INCLUSION_INDEX_RANGE", f"{index} of {size}")
    need(len(proof) == proof_length(index, size), "INCLUSION_PROOF_LENGTH", f"{len(proof)} hashes")
    need(lead(leaf, index, size, proof) == root, "INCLUSION_ROOT", f"entry {index}")


def grown(old, new, proof):
    """The two roots to which a consistency proof with its first hash leads (RFC 9162, section 2.1.4.2); None where it has
    not the length of its sizes."""
    node, last = old - 1, new - 1
    while node % 2:
        node, last = node // 2, last // 2
    first = second = proof[0]
    for sibling in proof[1:]:
        if last == 0:
            return None
        if node % 2 or node == last:
            first, second = sha(b"\x01" + sibling + first), sha(b"\x01" + sibling + second)
            while node and node % 2 == 0:
                node, last = node // 2, last // 2
        else:
            second = sha(b"\x01" + second + sibling)
        node, last = node // 2, last // 2
    return (first, second) if last == 0 else None


def consistent(old, old_root, new, new_root, proof):
    need(old <= new, "CONSISTENCY_INDEX_RANGE", f"{old} above {new}")
    if old in (0, new):
        need(not proof, "CONSISTENCY_PROOF_LENGTH")
        need(old_root == (EMPTY if old == 0 else new_root), "CONSISTENCY_OLD_ROOT")
        need(new or new_root == EMPTY, "CONSISTENCY_NEW_ROOT")
        return
    whole = [old_root, *proof] if old & (old - 1) == 0 else proof
    roots = grown(old, new, whole) if whole else None
    need(roots, "CONSISTENCY_PROOF_LENGTH")
    need(roots[0] == old_root, "CONSISTENCY_OLD_ROOT")
    need(roots[1] == new_root, "CONSISTENCY_NEW_ROOT")
