"""Ed25519 as in RFC 8032, in plain arithmetic, to craft signatures that a library would not make, and the strict rule
by which they are judged. Slow and not constant-time: for vectors alone."""

import hashlib

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)

Point = tuple[int, int]
IDENTITY: Point = (0, 1)


def add(a: Point, b: Point) -> Point:
    (x1, y1), (x2, y2) = a, b
    t = D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + t, P - 2, P) % P
    y = (y1 * y2 + x1 * x2) * pow(1 - t, P - 2, P) % P
    return x, y


def multiply(n: int, point: Point) -> Point:
    out = IDENTITY
    while n:
        if n & 1:
            out = add(out, point)
        point = add(point, point)
        n >>= 1
    return out


def decompress(data: bytes) -> Point | None:
    """Lenient as to the encoding: y is reduced, and x = 0 may have a sign."""
    number = int.from_bytes(data, "little")
    y, sign = (number & (2**255 - 1)) % P, number >> 255
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * ROOT_OF_MINUS_ONE % P
    if x * x % P != square:
        return None
    return (P - x if x & 1 != sign and x else x), y


def compress(point: Point) -> bytes:
    x, y = point
    return (y | (x & 1) << 255).to_bytes(32, "little")


BASE = decompress((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))
assert BASE is not None and multiply(L, BASE) == IDENTITY


def small_order(point: Point) -> bool:
    return multiply(8, point) == IDENTITY


def challenge(r: bytes, key: bytes, message: bytes) -> int:
    return int.from_bytes(hashlib.sha512(r + key + message).digest(), "little")


def verify_strict(key: bytes, message: bytes, signature: bytes) -> bool:
    """The rule of docs/protocol.md: S below L; neither key nor R of small order; the equation without cofactor, R
    compared as bytes."""
    a, r = decompress(key), decompress(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= L or small_order(a) or small_order(r):
        return False
    h = challenge(signature[:32], key, message) % L
    expected = add(multiply(s, BASE), multiply(h, (P - a[0], a[1])))
    # The reduction of h modulo L is part of the rule: it matters for keys with a part of small order.
    return compress(expected) == signature[:32]


def scalar(seed: bytes) -> tuple[int, bytes]:
    data = hashlib.sha512(seed).digest()
    number = int.from_bytes(data[:32], "little") & (2**254 - 8) | 2**254
    return number, data[32:]


def torsion() -> list[Point]:
    """The eight points of small order."""
    y = 2
    while True:
        point = decompress(y.to_bytes(32, "little"))
        y += 1
        if point is None:
            continue
        part = multiply(L, point)
        multiples = [multiply(n, part) for n in range(8)]
        if len(set(multiples)) == 8:
            return multiples
