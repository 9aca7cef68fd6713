"""merkle.json: RFC 6962 trees, proofs and the C2SP tiles. Proofs are made and checked by recursion over the
definitions of RFC 6962 section 2.1, which is another way than the bit arithmetic of the verification algorithms."""

import hashlib

# The reference tree of Certificate Transparency: eight inputs and the roots of their prefixes.
CT_INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
CT_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
ZERO = bytes(32)


def leaf_hash(entry: bytes) -> bytes:
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def split(n: int) -> int:
    """The largest power of two smaller than n."""
    return 1 << ((n - 1).bit_length() - 1)


def root(leaves: list[bytes]) -> bytes:
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256(b"").digest()
    k = split(len(leaves))
    return node_hash(root(leaves[:k]), root(leaves[k:]))


def path(m: int, leaves: list[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), root(leaves[k:])]
    return [*path(m - k, leaves[k:]), root(leaves[:k])]


def subproof(m: int, leaves: list[bytes], whole: bool) -> list[bytes]:
    if m == len(leaves):
        return [] if whole else [root(leaves)]
    k = split(len(leaves))
    if m <= k:
        return [*subproof(m, leaves[:k], whole), root(leaves[k:])]
    return [*subproof(m - k, leaves[k:], False), root(leaves[:k])]


def consistency(m: int, leaves: list[bytes]) -> list[bytes]:
    return [] if m == 0 else subproof(m, leaves, True)


def path_length(m: int, n: int) -> int:
    if n == 1:
        return 0
    k = split(n)
    return 1 + (path_length(m, k) if m < k else path_length(m - k, n - k))


def root_of_path(m: int, n: int, leaf: bytes, proof: list[bytes]) -> bytes:
    if n == 1:
        return leaf
    k = split(n)
    if m < k:
        return node_hash(root_of_path(m, k, leaf, proof[:-1]), proof[-1])
    return node_hash(proof[-1], root_of_path(m - k, n - k, leaf, proof[:-1]))


def check_inclusion(leaf: bytes, index: int, size: int, proof: list[bytes], expected: bytes) -> str:
    if index >= size:
        return "INDEX_RANGE"
    if len(proof) != path_length(index, size):
        return "PROOF_LENGTH"
    return "" if root_of_path(index, size, leaf, proof) == expected else "ROOT"


def subproof_length(m: int, n: int, whole: bool) -> int:
    if m == n:
        return 0 if whole else 1
    k = split(n)
    return 1 + (subproof_length(m, k, whole) if m <= k else subproof_length(m - k, n - k, False))


def roots_of_subproof(m: int, n: int, whole: bool, old: bytes, proof: list[bytes]) -> tuple[bytes, bytes]:
    """The roots of the first m and of all n leaves; `old` is the root that the verifier has already."""
    if m == n:
        return (old, old) if whole else (proof[0], proof[0])
    k = split(n)
    if m <= k:
        first, second = roots_of_subproof(m, k, whole, old, proof[:-1])
        return first, node_hash(second, proof[-1])
    first, second = roots_of_subproof(m - k, n - k, False, old, proof[:-1])
    return node_hash(proof[-1], first), node_hash(proof[-1], second)


def check_consistency(m: int, old: bytes, n: int, new: bytes, proof: list[bytes]) -> str:
    if m > n:
        return "INDEX_RANGE"
    if len(proof) != (0 if m == 0 else subproof_length(m, n, True)):
        return "PROOF_LENGTH"
    empty = root([])
    if m == 0:
        # Nothing is proven about a larger tree, but both sizes that are 0 have the one empty root.
        return "OLD_ROOT" if old != empty else "NEW_ROOT" if n == 0 and new != empty else ""
    if m == n:
        return "OLD_ROOT" if old != new else ""
    first, second = roots_of_subproof(m, n, True, old, proof)
    return "OLD_ROOT" if first != old else "NEW_ROOT" if second != new else ""


def hexes(hashes: list[bytes]) -> list[str]:
    return [h.hex() for h in hashes]


def flip(data: bytes, bit: int = 0) -> bytes:
    return bytes(b ^ (1 << bit % 8 if at == bit // 8 else 0) for at, b in enumerate(data))


def inclusion_failures(leaves: list[bytes], index: int, size: int) -> list[tuple]:
    proof, expected, leaf = path(index, leaves[:size]), root(leaves[:size]), leaves[index]
    out = [
        ("another leaf", leaves[index - 1 if index else size - 1], index, size, proof, expected),
        ("the leaf with a flipped bit", flip(leaf, 255), index, size, proof, expected),
        ("the entry index after it", leaf, index + 1, size, proof, expected),
        ("an index outside the tree", leaf, size, size, proof, expected),
        ("an empty tree", leaf, 0, 0, [], root([])),
        ("the largest index", leaf, 2**64 - 1, 2**64 - 1, proof, expected),
        ("twice the size", leaf, index, size * 2, proof, expected),
        ("the root of a smaller tree", leaf, index, size, proof, root(leaves[: size - 1])),
        ("the root with a flipped bit", leaf, index, size, proof, flip(expected, 7)),
        ("a proof with one hash more", leaf, index, size, [*proof, ZERO], expected),
    ]
    if (index, size) == (3, 7):
        out.append(("a proof of 70 hashes", leaf, index, size, [ZERO] * 70, expected))
    if proof:
        out += [
            ("a proof without its last hash", leaf, index, size, proof[:-1], expected),
            ("a proof without its first hash", leaf, index, size, proof[1:], expected),
            ("no proof", leaf, index, size, [], expected),
            ("a flipped bit in the first hash", leaf, index, size, [flip(proof[0], 9), *proof[1:]], expected),
            ("a flipped bit in the last hash", leaf, index, size, [*proof[:-1], flip(proof[-1], 200)], expected),
        ]
    if len(proof) > 1:
        out.append(("the proof in the other order", leaf, index, size, proof[::-1], expected))
    return out


def consistency_failures(leaves: list[bytes], m: int, n: int) -> list[tuple]:
    proof, old, new = consistency(m, leaves[:n]), root(leaves[:m]), root(leaves[:n])
    other = root([flip(leaves[0]), *leaves[1:m]]) if m else flip(old)
    out = [
        ("an old root with a flipped bit", m, flip(old, 3), n, new, proof),
        ("the old root of another history", m, other, n, new, proof),
        ("a new root with a flipped bit", m, old, n, flip(new, 255), proof),
        ("old and new exchanged", n, new, m, old, proof),
        ("a proof with one hash more", m, old, n, new, [*proof, ZERO]),
        ("the largest sizes", 2**64 - 2, old, 2**64 - 1, new, proof),
    ]
    if proof:
        out += [
            ("a proof without its last hash", m, old, n, new, proof[:-1]),
            ("a proof without its first hash", m, old, n, new, proof[1:]),
            ("no proof", m, old, n, new, []),
            ("a flipped bit in the first hash", m, old, n, new, [flip(proof[0], 77), *proof[1:]]),
            ("a flipped bit in the last hash", m, old, n, new, [*proof[:-1], flip(proof[-1], 31)]),
        ]
    return out


def tiles(leaves: list[bytes]) -> list[dict]:
    """Every tile of a tree, by its SHA-256: tile (l, n) holds the roots of full runs of 256^l leaves."""
    out, level, row = [], 0, leaves
    while row:
        for at in range(0, len(row), 256):
            part = row[at : at + 256]
            number = at // 256
            assert number < 1000, "the name would need groups"
            name = f"{number:03}" + ("" if len(part) == 256 else f".p/{len(part)}")
            out.append({"path": f"tile/{level}/{name}", "width": len(part),
                        "sha256": hashlib.sha256(b"".join(part)).hexdigest()})  # fmt: skip
        row = [root(row[at : at + 256]) for at in range(0, len(row) - 255, 256)]
        level += 1
    return out


def build() -> dict:
    ct = [leaf_hash(bytes.fromhex(text)) for text in CT_INPUTS]
    assert hexes([root(ct[:n]) for n in range(9)]) == CT_ROOTS
    leaves = [leaf_hash(i.to_bytes(8, "big")) for i in range(70_000)]
    sizes = [*range(1, 34), 63, 64, 65, 127, 128, 129, 255, 256, 257, 511, 513, 1000, 65_536, 65_537, 70_000]
    proofs, extensions = [], []
    for size in [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 16, 17, 31, 32, 33, 100, 255, 256, 257, 1000, 65_537, 70_000]:
        tree = leaves[:size]
        for index in sorted({0, 1, 2, 5, size // 2, size - 2, size - 1, 255, 256} & set(range(size))):
            proof = path(index, tree)
            assert check_inclusion(leaves[index], index, size, proof, root(tree)) == ""
            proofs.append({"index": index, "size": size, "proof": hexes(proof)})
        for m in sorted({0, 1, 2, 3, 4, 6, 8, size // 2, size - 1, size, 256, 40_000} & set(range(size + 1))):
            proof = consistency(m, tree)
            assert check_consistency(m, root(tree[:m]), size, root(tree), proof) == ""
            extensions.append({"old_size": m, "new_size": size, "proof": hexes(proof)})
    roots = {n: root(leaves[:n]) for n in {0, *sizes, *(c["old_size"] for c in extensions), *(c["new_size"] for c in extensions)}}
    failing_inclusion, failing_consistency = [], []
    for index, size in [(0, 2), (0, 1), (2, 3), (3, 7), (5, 8), (12, 13), (255, 257)]:
        for name, leaf, at, of, proof, expected in inclusion_failures(leaves, index, size):
            check = check_inclusion(leaf, at, of, proof, expected)
            if check:
                failing_inclusion.append({
                    "name": f"{name} ({index} of {size})", "leaf": leaf.hex(), "index": str(at), "size": str(of),
                    "proof": hexes(proof), "root": expected.hex(), "check": check,
                })  # fmt: skip
    same = root(leaves[:4])
    extra = [
        ("two trees of one size", 4, same, 4, flip(same, 1), []),
        ("a proof between equal trees", 4, same, 4, same, [ZERO]),
        ("an empty tree whose root is not that of the empty tree", 0, ZERO, 5, roots[5], []),
        ("a proof from the empty tree", 0, root([]), 5, roots[5], [ZERO]),
        ("a proof of 70 hashes", 3, root(leaves[:3]), 7, roots[7], [ZERO] * 70),
        ("two empty trees, the old one with another root", 0, ZERO, 0, root([]), []),
        ("two empty trees, the new one with another root", 0, root([]), 0, ZERO, []),
    ]
    for m, n in [(1, 2), (2, 3), (3, 7), (4, 7), (6, 8), (7, 13), (256, 257)]:
        extra += [(f"{name} ({m} to {n})", *rest) for name, *rest in consistency_failures(leaves, m, n)]
    for name, m, old, n, new, proof in extra:
        check = check_consistency(m, old, n, new, proof)
        assert check, name
        failing_consistency.append({
            "name": name, "old_size": str(m), "old_root": old.hex(), "new_size": str(n), "new_root": new.hex(),
            "proof": hexes(proof), "check": check,
        })  # fmt: skip
    entries = [b'{"n":0}', b'{"n":1}', b'{"n":2}']
    golden = [leaf_hash(entry) for entry in entries]
    assert root(golden).hex() == "2cfef7627597e00b564975774ad728ef210706759fca6d64138c6dfc1cbf2cda"
    return {
        "certificate_transparency": {"entries_hex": CT_INPUTS, "roots": CT_ROOTS},
        "golden": {
            "entries": [entry.decode() for entry in entries],
            "leaf_hashes": hexes(golden),
            "root": root(golden).hex(),
            "tile_hex": b"".join(golden).hex(),
            "entry_bundle_hex": b"".join(len(e).to_bytes(2, "big") + e for e in entries).hex(),
            "inclusion_of_1": hexes(path(1, golden)),
        },
        "roots": [{"size": size, "root": digest.hex()} for size, digest in sorted(roots.items())],
        "inclusion": proofs,
        "consistency": extensions,
        "failing_inclusion": failing_inclusion,
        "failing_consistency": failing_consistency,
        "tiles": {"size": 70_000, "tiles": tiles(leaves)},
        "paths": [
            {"level": 0, "index": 0, "width": 256, "path": "tile/0/000", "entries": "tile/entries/000"},
            {"level": 1, "index": 0, "width": 3, "path": "tile/1/000.p/3", "entries": "tile/entries/000.p/3"},
            {"level": 0, "index": 999, "width": 255, "path": "tile/0/999.p/255", "entries": "tile/entries/999.p/255"},
            {"level": 0, "index": 1000, "width": 256, "path": "tile/0/x001/000", "entries": "tile/entries/x001/000"},
            {"level": 2, "index": 1234067, "width": 1, "path": "tile/2/x001/x234/067.p/1",
             "entries": "tile/entries/x001/x234/067.p/1"},
        ],
    }  # fmt: skip
