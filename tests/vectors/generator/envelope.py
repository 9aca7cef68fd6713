"""envelope.json: DSSE envelopes of submissions, and strict Ed25519."""

import base64
import copy

from . import ed25519
from .common import jcs, prefixed, sha256
from .p104 import FOUNDING, SCHEMA, SUBSTRATE, THRESHOLDS, attest, public, secret

TYPE = "application/vnd.selfsame.submission.v1+json"


def pae(payload: bytes) -> bytes:
    return b"DSSEv1 %d %s %d %s" % (len(TYPE), TYPE.encode(), len(payload), payload)


def submission(role: str, seed: int, command: dict, request: str = "request-1") -> dict:
    return {
        "type": "selfsame/submission/v1",
        "cluster": "demo",
        "request_id": request,
        "author": {"role": role, "key": "ed25519:" + public(seed).hex()},
        "command": command,
    }


def submissions() -> list[tuple[str, int, dict]]:
    fence = {"epoch": "1", "seq": "2"}
    digest = "sha256:" + "1" * 64
    declaration = {
        "type": "selfsame/run-declaration/v1",
        "model": {"provider": "example", "name": "clerk", "revision": "r1", "assurance": "provider-asserted"},
        "prompt": {"messages": [{"role": "user", "parts": [{"type": "text", "content": {"inline": "Größe?"}}]}]},
        "parameters": {"temperature": 0.2},
        "context": {"none": True},
        "constraints": {"none": True},
    }
    claims = {
        "purpose": "birth",
        "substrate_id": SUBSTRATE,
        "founding_tension_hash": prefixed(sha256(jcs(FOUNDING))),
        "initialisation_timestamp": "2026-03-08T00:00:00.000Z",
        "schema_version_at_init": SCHEMA,
    }
    birth = {
        "kind": "init_substrate",
        "substrate_id": SUBSTRATE,
        "founding": FOUNDING,
        "initialisation_timestamp": "2026-03-08T00:00:00.000Z",
        "schema_version": SCHEMA,
        "parameters": {"limit": 0.5},
        "thresholds": THRESHOLDS,
        "attestation": attest(claims, 0xC1),
    }
    items = [
        {"ledger": "evidence", "data": {"reading": 21.5}},
        {"ledger": "reasoning", "data": "within limits", "evidence": [digest], "runs": [digest]},
    ]
    return [
        ("declare a run", 0xB1, submission("operator", 0xB1, {"kind": "declare_run", "declaration": declaration})),
        ("birth", 0xC1, submission("chip", 0xC1, birth)),
        ("append", 0xC1, submission("chip", 0xC1, {"kind": "append", "substrate_id": SUBSTRATE, "fence": fence, "items": items})),
        ("close a session", 0xC1, submission("chip", 0xC1, {"kind": "close_session", "substrate_id": SUBSTRATE,
         "fence": {"epoch": "18446744073709551615", "seq": "1"}, "head": digest})),
        ("enrol a node", 0xB0, submission("root", 0xB0, {"kind": "enrol_node", "node": "3", "key": "ed25519:" + public(0xD3).hex(), "cosigner": "ed25519:" + public(0xD4).hex()})),
    ]  # fmt: skip


def sealed(payload: bytes, seed: int) -> bytes:
    """The binary form: signature, then payload."""
    return secret(seed).sign(pae(payload)) + payload


def json_form(payload: bytes, signature: bytes, seed: int) -> dict:
    return {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": TYPE,
        "signatures": [
            {"keyid": prefixed(sha256(public(seed))), "sig": base64.b64encode(signature).decode()},
        ],
    }


def refused() -> list[dict]:
    operator = submission("operator", 0xB1, {"kind": "recover_close", "substrate_id": SUBSTRATE})
    payload = jcs(operator)
    good = sealed(payload, 0xB1)

    def changed(change) -> bytes:
        value = copy.deepcopy(operator)
        change(value)
        return sealed(jcs(value), 0xB1)

    def other_pae(prefix: bytes) -> bytes:
        return secret(0xB1).sign(prefix + payload) + payload

    s = int.from_bytes(good[32:64], "little") + ed25519.L
    append = {"kind": "append", "substrate_id": SUBSTRATE, "fence": {"epoch": "1", "seq": "1"}, "items": []}
    small = submission("operator", 0xB1, {"kind": "recover_close", "substrate_id": SUBSTRATE})
    small["author"]["key"] = "ed25519:" + (1).to_bytes(32, "little").hex()
    twice = payload.replace(b'"cluster":"demo"', b'"cluster":"demo","cluster":"demo"')
    cases = [
        ("nothing", b"", "MALFORMED"),
        ("shorter than a signature", good[:63], "MALFORMED"),
        ("a signature without payload", good[:64], "MALFORMED"),
        ("a flipped bit in the signature", bytes([good[0] ^ 1]) + good[1:], "BAD_SIGNATURE"),
        ("a payload changed after signing", good.replace(b'"demo"', b'"demp"'), "BAD_SIGNATURE"),
        ("the signature of another key", sealed(payload, 0xB2), "BAD_SIGNATURE"),
        ("a signature of the payload without the encoding", secret(0xB1).sign(payload) + payload, "BAD_SIGNATURE"),
        ("another payload type in the encoding", other_pae(b"DSSEv1 10 text/plain %d " % len(payload)), "BAD_SIGNATURE"),
        ("another length in the encoding", other_pae(b"DSSEv1 %d %s %d " % (len(TYPE), TYPE.encode(), len(payload) + 1)),
         "BAD_SIGNATURE"),
        ("a malleable signature", good[:32] + s.to_bytes(32, "little") + payload, "BAD_SIGNATURE"),
        ("a key of small order, which verifies anything under a lax rule", (1).to_bytes(32, "little") + bytes(32) + jcs(small),
         "BAD_SIGNATURE"),
        ("a payload that is not canonical", sealed(payload.replace(b":", b": ", 1), 0xB1), "MALFORMED"),
        ("a payload with a member twice", sealed(twice, 0xB1), "MALFORMED"),
        ("a payload that is not JSON", sealed(b"hello", 0xB1), "MALFORMED"),
        ("a payload of another type", changed(lambda v: v.update(type="selfsame/submission/v2")), "MALFORMED"),
        ("an unknown member", changed(lambda v: v.update(note="x")), "MALFORMED"),
        ("a missing member", changed(lambda v: v.pop("cluster")), "MALFORMED"),
        ("an unknown command", changed(lambda v: v["command"].update(kind="unlock")), "MALFORMED"),
        ("an unknown member of the command", changed(lambda v: v["command"].update(force=True)), "MALFORMED"),
        ("an unknown role", changed(lambda v: v["author"].update(role="admin")), "MALFORMED"),
        ("a key in capitals", changed(lambda v: v["author"].update(key="ed25519:" + public(0xB1).hex().upper())), "MALFORMED"),
        ("a request id with a space", changed(lambda v: v.update(request_id="a b")), "MALFORMED"),
        ("an empty request id", changed(lambda v: v.update(request_id="")), "MALFORMED"),
        ("a request id of 129 characters", changed(lambda v: v.update(request_id="a" * 129)), "MALFORMED"),
        ("a substrate id in capitals", changed(lambda v: v["command"].update(substrate_id="A" + SUBSTRATE[1:])), "MALFORMED"),
        ("a role that may not issue the command", changed(lambda v: v["author"].update(role="chip")), "ROLE_DENIED"),
        ("an append of nothing", sealed(jcs(submission("chip", 0xC1, append)), 0xC1), "LIMIT_EXCEEDED"),
        ("an append of 1001 items", sealed(jcs(submission("chip", 0xC1, append | {
            "items": [{"ledger": "evidence", "data": 1}] * 1001})), 0xC1), "LIMIT_EXCEEDED"),
        ("a counter as number", sealed(jcs(submission("chip", 0xC1, append | {
            "fence": {"epoch": 1, "seq": "1"}, "items": [{"ledger": "evidence", "data": 1}]})), 0xC1), "MALFORMED"),
    ]  # fmt: skip
    assert len({data for _, data, _ in cases}) == len(cases)
    return [{"name": name, "envelope_hex": data.hex(), "code": code} for name, data, code in cases]


def refused_json() -> list[dict]:
    _, seed, value = submissions()[0]
    payload = jcs(value)
    good = json_form(payload, secret(seed).sign(pae(payload)), seed)
    one = good["signatures"][0]
    cases = [
        ("another payload type", good | {"payloadType": "application/json"}),
        ("no signature", good | {"signatures": []}),
        ("two signatures", good | {"signatures": [one, one]}),
        ("a signature of 63 bytes", good | {"signatures": [one | {"sig": base64.b64encode(bytes(63)).decode()}]}),
        ("base64 without padding", good | {"signatures": [one | {"sig": one["sig"].rstrip("=")}]}),
        ("an unknown member", good | {"note": "x"}),
        ("a missing member", {k: v for k, v in good.items() if k != "payload"}),
        ("a payload that is not base64", good | {"payload": "{}"}),
    ]
    return [{"name": name, "envelope": value} for name, value in cases]


def signatures() -> list[dict]:
    """Strict Ed25519: what is refused is valid under some laxer rule, or nearly."""
    message = b"selfsame"
    seed = bytes([7]) * 32
    a, prefix = ed25519.scalar(seed)
    key = ed25519.compress(ed25519.multiply(a, ed25519.BASE))
    assert key == public(7)
    good = secret(7).sign(message)
    small = ed25519.torsion()
    eighth = small[1]

    def crafted(key_point, nonce_point, nonce: int, encode=ed25519.compress) -> tuple[bytes, bytes]:
        """A signature by `a` whose key or R may have a part of small order."""
        public_key, r = ed25519.compress(key_point), encode(nonce_point)
        h = ed25519.challenge(r, public_key, message) % ed25519.L
        return public_key, r + ((nonce + h * a) % ed25519.L).to_bytes(32, "little")

    mixed = ed25519.add(ed25519.multiply(a, ed25519.BASE), eighth)
    mixed_cases = {}
    for nonce in range(1, 200):
        made = crafted(mixed, ed25519.multiply(nonce, ed25519.BASE), nonce)
        mixed_cases.setdefault(ed25519.verify_strict(made[0], message, made[1]), made)
    # An R of mixed order leaves the equation without cofactor unsolved.
    r_mixed = crafted(ed25519.multiply(a, ed25519.BASE), ed25519.add(ed25519.multiply(99, ed25519.BASE), eighth), 99)
    r_small = crafted(ed25519.multiply(a, ed25519.BASE), ed25519.IDENTITY, 0)
    r_eighth = crafted(ed25519.multiply(a, ed25519.BASE), small[3], 0)
    s = int.from_bytes(good[32:], "little")
    lax_identity = (1).to_bytes(32, "little")
    cases = [
        ("a signature", key, message, good),
        ("the signature of the empty message", key, b"", secret(7).sign(b"")),
        ("another message", key, b"selfsamf", good),
        ("S + L", key, message, good[:32] + (s + ed25519.L).to_bytes(32, "little")),
        ("S + 2L", key, message, good[:32] + (s + 2 * ed25519.L).to_bytes(32, "little")),
        ("S = L", key, message, good[:32] + ed25519.L.to_bytes(32, "little")),
        ("S with its highest bits set", key, message, good[:63] + bytes([good[63] | 0xE0])),
        ("zeros", key, message, bytes(64)),
        ("R of small order: the identity", *(r_small[0], message, r_small[1])),
        ("R of small order: order 8", *(r_eighth[0], message, r_eighth[1])),
        ("R of mixed order", *(r_mixed[0], message, r_mixed[1])),
        ("a key of mixed order, valid with the cofactor alone", mixed_cases[False][0], message, mixed_cases[False][1]),
        ("a key of mixed order, valid without the cofactor as well", mixed_cases[True][0], message, mixed_cases[True][1]),
        ("a key that is no point", (2).to_bytes(32, "little"), message, good),
        ("an R that is no point", key, message, (2).to_bytes(32, "little") + good[32:]),
        ("an identity key in another encoding (y = p + 1)", (ed25519.P + 1).to_bytes(32, "little"), message,
         lax_identity + bytes(32)),
        ("an identity key whose x = 0 has a sign", (1 | 1 << 255).to_bytes(32, "little"), message, lax_identity + bytes(32)),
        ("an identity R in another encoding (y = p + 1)", lax_identity, message,
         (ed25519.P + 1).to_bytes(32, "little") + bytes(32)),
    ]  # fmt: skip
    cases += [
        (f"a key of small order ({n})", ed25519.compress(point), message, lax_identity + bytes(32))
        for n, point in enumerate(small)
    ]
    out = []
    for name, public_key, text, signature in cases:
        valid = ed25519.verify_strict(public_key, text, signature)
        out.append({"name": name, "key": public_key.hex(), "message_hex": text.hex(), "signature": signature.hex(),
                    "valid": valid})  # fmt: skip
    assert sum(c["valid"] for c in out) == 3
    return out


def build() -> dict:
    good = []
    for name, seed, value in submissions():
        payload = jcs(value)
        signature = secret(seed).sign(pae(payload))
        assert ed25519.verify_strict(public(seed), pae(payload), signature)
        good.append({
            "name": name,
            "seed": (bytes([seed]) * 32).hex(),
            "submission": value,
            "payload_hex": payload.hex(),
            "pae_hex": pae(payload).hex(),
            "signature": signature.hex(),
            "digest": prefixed(sha256(payload)),
            "envelope_json": jcs(json_form(payload, signature, seed)).decode(),
        })  # fmt: skip
    return {
        "payload_type": TYPE,
        "pae": [
            {"payload_hex": payload.hex(), "pae_hex": pae(payload).hex()}
            for payload in [b"", b"hello world", b" 1 ", "Größe".encode(), bytes(range(256))]
        ],
        "keys": [
            {"seed": (bytes([seed]) * 32).hex(), "public_key": "ed25519:" + public(seed).hex(),
             "id": prefixed(sha256(public(seed)))}
            for seed in (0x01, 0xA0, 0xA1, 0xC1)
        ],
        "submissions": good,
        "refused": refused(),
        "refused_json": refused_json(),
        "ed25519": signatures(),
    }  # fmt: skip
