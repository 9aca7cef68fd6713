"""p104.json: every formula of docs/protocol.md, section 3, with its operands."""

import uuid

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .common import framed, jcs, prefixed, sha256, tagged

SUBSTRATE = "00000000-0000-4000-8000-000000000001"
SCHEMA = "p104-1.0.0"
FOUNDING = {
    "record_type": "founding_incompatibility",
    "branch_a": {"claim": "A", "evidence": ["e1"]},
    "branch_b": {"claim": "not A", "evidence": ["e2"]},
}
THRESHOLDS = {
    "minimum_lineage_depth": "1",
    "drift_tolerance": 0,
    "verification_window_ms": "0",
    "migration_attestation": True,
}


def secret(seed: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)


def public(seed: int) -> bytes:
    return secret(seed).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def attest(claims: dict, seed: int) -> dict:
    """What a software chip signs: a prefix that names the purpose, then the canonical claims."""
    signature = secret(seed).sign(b"selfsame/attestation/v1\n" + jcs(claims))
    return {"technology": "software", "chip": "ed25519:" + public(seed).hex(), "signature": signature.hex()}


def statement_with_hash(statement: dict) -> dict:
    return {**statement, "statement_hash": prefixed(tagged("selfsame/identity-statement/v1", statement))}


def case(name: str, operands: list[str], **more) -> dict:
    return {"name": name, "operands": operands, "hash": framed(*operands).hex(), **more}


def requirements() -> list[dict]:
    """The vectors that were fixed before any code was written; their times have no milliseconds."""
    fth = sha256(jcs(FOUNDING)).hex()
    sih = case("substrate", [SUBSTRATE, fth, "2026-03-08T00:00:00Z", "a" * 64, SCHEMA])
    one = case("cycle 1", [sih["hash"], "1" * 64, "2" * 64, "1", "2026-03-08T00:01:00Z"])
    two = case("cycle 2", [one["hash"], "3" * 64, "2" * 64, "2", "2026-03-08T00:02:00Z"])
    close = case("close", [two["hash"], "5", "3", "2026-03-08T00:03:00Z", SCHEMA])
    migration = case(
        "migration cycle", [two["hash"], "4" * 64, "2" * 64, "4", "2026-03-08T00:04:00Z", "a" * 64, "b" * 64]
    )
    expected = {
        "substrate": "44fb0248111b123c10bc24728d3bac6c946b9e80d5770b7bcecef6a41f466e38",
        "cycle 1": "d2e8cb5194e9d8de5ae211fdfc9588b117ce420be52ebedd99268a08da4a5d12",
        "cycle 2": "2d46490694a2bd13f68b462493c5a3229cdae2677277382ed144016717a6b2c0",
        "close": "69bd7df7406fe3da6ec49362aa1203ab057022154f94432fca11448900abfdcb",
        "migration cycle": "ec79a69ae440a316be589e960d57e0af06ce746c6f171468d91e2562523e7723",
    }
    cases = [sih, one, two, close, migration]
    assert {c["name"]: c["hash"] for c in cases} == expected
    assert fth == "885cb8ecc1a89e8f1258b8c95b5e902d1c6ee336f3294895f279ef712b9f9b63"
    aiep = case(
        "AIEP-FC-001, combined hash of governance_trace_v1",
        [
            "1e73514dd9ec110ec3b647295df4ba6341522701db11f46c0742e46f6b79adab",
            "80b0a0ee9254de1694acb33b46d7e7a5d279ee68bf29cab67fa757d81b13dd3c",
            "d326f997a85041af0c15f1caeea44d0a9d63f4418699c6298255e3c040ebc3ca",
        ],
        published=True,
    )
    assert aiep["hash"] == "455b712ece1793097089e4d11cdbd6ae48a81aa889ef5e33eaccaeae8923b311"
    more = [
        case("no operand", []),
        case("one empty operand", [""]),
        case("two empty operands", ["", ""]),
        case("ab, c", ["ab", "c"]),
        case("a, bc", ["a", "bc"]),
        case("text outside ASCII", ["—", "é"]),
        case("depths 12 and 345", ["1" * 64, "12", "345", "2026-03-08T00:03:00.000Z", SCHEMA]),
        case("depths 123 and 45", ["1" * 64, "123", "45", "2026-03-08T00:03:00.000Z", SCHEMA]),
    ]
    assert len({c["hash"] for c in [*cases, aiep, *more]}) == len(cases) + 1 + len(more)
    return [aiep, *cases, *more]


def founding() -> list[dict]:
    cases = [
        ("both branches", FOUNDING),
        ("the other order of branches", FOUNDING | {"branch_a": FOUNDING["branch_b"], "branch_b": FOUNDING["branch_a"]}),
        ("another first branch", FOUNDING | {"branch_a": {"claim": "A.", "evidence": ["e1"]}}),
        ("another second branch", FOUNDING | {"branch_b": {"claim": "not A", "evidence": ["e1", "e2"]}}),
        ("text outside ASCII", FOUNDING | {"branch_a": {"claim": "Größe über alles", "evidence": ["§ 4"]}}),
    ]
    return [
        {"name": name, "document": document, "canonical": jcs(document).decode(), "hash": sha256(jcs(document)).hex()}
        for name, document in cases
    ]


def chain() -> dict:
    """The published formulas over records: births, cycles, a migration cycle and closes."""
    fth = sha256(jcs(FOUNDING)).hex()
    births = []
    for name, attestation, time, schema in [
        ("attested", "a" * 64, "2026-03-08T00:00:00.000Z", SCHEMA),
        ("without a chip: the empty operand", None, "2026-03-08T00:00:00.000Z", SCHEMA),
        ("a millisecond later", "a" * 64, "2026-03-08T00:00:00.001Z", SCHEMA),
        ("another schema version", "a" * 64, "2026-03-08T00:00:00.000Z", "p104/1+genome:" + "0" * 64),
        ("another chip", "b" * 64, "2026-03-08T00:00:00.000Z", SCHEMA),
    ]:
        operands = [SUBSTRATE, fth, time, attestation or "", schema]
        births.append(case(name, operands))
    cycles, prior = [], births[0]["hash"]
    for name, resolution, state, depth, time, migration in [
        ("first cycle: its prior is the substrate identity hash", "1", "2", 4, "2026-03-08T00:01:00.000Z", None),
        ("second cycle", "3", "2", 2**53, "2026-03-08T00:02:00.123Z", None),
        ("migration cycle", "4", "5", 2**64 - 1, "2026-03-08T00:04:00.999Z", ["a" * 64, "b" * 64]),
        ("cycle after the migration", "6", "5", 0, "2030-12-31T23:59:59.999Z", None),
    ]:
        operands = [prior, resolution * 64, state * 64, str(depth), time, *(migration or [])]
        cycles.append(case(name, operands))
        prior = cycles[-1]["hash"]
    closes = [
        case("first close", [cycles[0]["hash"], "5", "3", "2026-03-08T00:03:00.000Z", SCHEMA]),
        case("depths 12 and 345", [prior, "12", "345", "2026-03-08T00:03:00.000Z", SCHEMA]),
        case("depths 123 and 45", [prior, "123", "45", "2026-03-08T00:03:00.000Z", SCHEMA]),
        case("largest depths", [prior, str(2**64 - 1), str(2**64 - 1), "2026-03-08T00:03:00.000Z", SCHEMA]),
    ]
    return {"births": births, "cycles": cycles, "closes": closes}


def own_formulas() -> list[dict]:
    """H(tag, JCS(value)), the form of every formula that the sources leave open."""
    fth = prefixed(sha256(jcs(FOUNDING)))
    chip = prefixed(sha256(public(0xC1)))
    plain = {
        "founding_tension_hash": fth,
        "schema_version": SCHEMA,
        "parameters": {},
        "thresholds": THRESHOLDS,
        "amendment_head": None,
        "amendments": "0",
        "chip": chip,
    }
    amendment = {"founding_tension_hash": fth, "reason": "A tighter limit", "set": {"limit": 0.7, "mode": "careful"}}
    removal = {"founding_tension_hash": fth, "reason": "No longer needed", "remove": ["mode"]}
    head = prefixed(tagged("selfsame/amendment/v1", amendment))
    amended = plain | {"parameters": {"limit": 0.7, "mode": "careful"}, "amendment_head": head, "amendments": "1"}
    resolution = {"goalvector_id": "gv-1", "outcome": {"decision": "hold", "confidence": 0.9}, "evidence": ["sha256:" + "1" * 64]}
    migration = {"migration_id": "m-1", "origin": chip, "epoch": "2", "note": "any value of the record"}
    cases = [
        ("constitutional state at birth", "selfsame/constitutional-state/v1", plain),
        ("constitutional state after an amendment", "selfsame/constitutional-state/v1", amended),
        ("constitutional state of a substrate without a chip", "selfsame/constitutional-state/v1", plain | {"chip": None}),
        ("constitutional state under another threshold", "selfsame/constitutional-state/v1",
         plain | {"thresholds": THRESHOLDS | {"minimum_lineage_depth": "18446744073709551615", "drift_tolerance": 256}}),
        ("amendment that sets", "selfsame/amendment/v1", amendment),
        ("amendment that removes", "selfsame/amendment/v1", removal),
        ("resolution of a goal vector", "selfsame/goalvector-resolution/v1", resolution),
        ("migration identity attestation", "selfsame/migration-identity-attestation/v1", migration),
        ("attestation", "selfsame/attestation/v1", attest({"purpose": "birth"}, 0xC1)),
    ]  # fmt: skip
    return [
        {"name": name, "tag": tag, "value": value, "canonical": jcs(value).decode(), "hash": tagged(tag, value).hex()}
        for name, tag, value in cases
    ]


def amendment_chain() -> dict:
    """A constitution, and what is in force after each of several amendments: `set` first, then `remove`."""
    fth = prefixed(sha256(jcs(FOUNDING)))
    constitution = {
        "founding_tension_hash": fth,
        "schema_version": SCHEMA,
        "parameters": {"limit": 0.8, "mode": "plain"},
        "thresholds": THRESHOLDS,
        "amendment_head": None,
        "amendments": "0",
        "chip": prefixed(sha256(public(1))),
    }
    start = dict(constitution)
    steps = []
    changes = [
        ({"limit": 0.7}, []),
        ({"scope": "all"}, ["mode"]),
        ({"scope": "none", "late": True}, ["scope"]),
        ({}, ["limit"]),
        ({"limit": 0.7}, []),
    ]
    for number, (fresh, gone) in enumerate(changes, 1):
        amendment = {"founding_tension_hash": fth, "reason": f"Change {number}"}
        if fresh:
            amendment["set"] = fresh
        if gone:
            amendment["remove"] = gone
        hash_of = prefixed(tagged("selfsame/amendment/v1", amendment))
        parameters = constitution["parameters"] | fresh
        parameters = {name: value for name, value in parameters.items() if name not in gone}
        prior = constitution["amendment_head"]
        constitution = constitution | {
            "parameters": parameters,
            "amendment_head": hash_of,
            "amendments": str(number),
        }
        steps.append({
            "amendment": amendment,
            "amendment_hash": hash_of,
            "prior_amendment": prior,
            "constitution": constitution,
            "constitutional_state_hash": prefixed(tagged("selfsame/constitutional-state/v1", constitution)),
        })
    return {"constitution": start, "steps": steps}


def attestations() -> list[dict]:
    birth = {
        "purpose": "birth",
        "substrate_id": SUBSTRATE,
        "founding_tension_hash": prefixed(sha256(jcs(FOUNDING))),
        "initialisation_timestamp": "2026-03-08T00:00:00.000Z",
        "schema_version_at_init": SCHEMA,
    }
    activation = {
        "purpose": "activation",
        "cluster": "demo",
        "substrate_id": SUBSTRATE,
        "migration_id": "m-1",
        "nonce": "sha256:" + "7" * 64,
        "epoch": "2",
        "continuity_hash": "sha256:" + "8" * 64,
        "head": "sha256:" + "9" * 64,
    }
    good = attest(birth, 0xC1)
    elsewhere = "ed25519:" + public(0xC2).hex()
    flipped = good["signature"][:-1] + ("0" if good["signature"][-1] != "0" else "1")
    other_epoch = activation | {"epoch": "3"}
    moved = activation | {"nonce": "sha256:" + "6" * 64}
    cases = [
        ("birth", birth, good, True),
        ("activation", activation, attest(activation, 0xC2), True),
        ("a birth attested for another substrate", birth | {"substrate_id": str(uuid.UUID(int=2))}, good, False),
        ("a birth attested with another founding tension", birth | {"founding_tension_hash": "sha256:" + "0" * 64},
         good, False),
        ("an activation attested for another epoch", other_epoch, attest(activation, 0xC2), False),
        ("an activation attested under another nonce", moved, attest(activation, 0xC2), False),
        ("another chip named", birth, good | {"chip": elsewhere}, False),
        ("a signature with a flipped bit", birth, good | {"signature": flipped}, False),
        ("a signature in capitals", birth, good | {"signature": good["signature"].upper()}, False),
        ("a signature that is cut", birth, good | {"signature": good["signature"][:-2]}, False),
        ("an unknown technology", birth, good | {"technology": "paper"}, False),
        ("a signature without the prefix", birth,
         good | {"signature": secret(0xC1).sign(jcs(birth)).hex()}, False),
    ]  # fmt: skip
    return [
        {"name": name, "claims": claims, "signed_hex": (b"selfsame/attestation/v1\n" + jcs(claims)).hex(),
         "attestation": attestation, "valid": valid, "hash": tagged("selfsame/attestation/v1", attestation).hex()}
        for name, claims, attestation, valid in cases
    ]  # fmt: skip


def statements() -> list[dict]:
    full = {
        "record_type": "identity_statement",
        "substrate_id": SUBSTRATE,
        "founding_tension_hash": prefixed(sha256(jcs(FOUNDING))),
        "substrate_identity_hash": "sha256:" + "1" * 64,
        "identity_lineage_depth": 3,
        "latest_cycle_identity_hash": "sha256:" + "2" * 64,
        "cross_session_continuity_hash": "sha256:" + "3" * 64,
        "evidence_ledger_depth": 12,
        "reasoning_ledger_depth": 345,
        "constitutional_state_hash": "sha256:" + "4" * 64,
        "governance_chip_attestation_hash": "sha256:" + "5" * 64,
        "identity_continuity_status": "VERIFIED",
        "statement_timestamp": "2026-03-08T00:05:00.000Z",
    }
    fresh = full | {
        "identity_lineage_depth": 0,
        "latest_cycle_identity_hash": full["substrate_identity_hash"],
        "cross_session_continuity_hash": None,
        "governance_chip_attestation_hash": None,
        "identity_continuity_status": "INSUFFICIENT_DEPTH",
    }
    cases = [("full claim", full), ("before the first cycle, without a chip: null, not absent", fresh)]
    for outcome in ("HASH_MISMATCH", "DRIFT_EXCEEDED"):
        cases.append((outcome, full | {"identity_continuity_status": outcome}))
    return [{"name": name, "statement": statement_with_hash(statement)} for name, statement in cases]


def nonces() -> list[dict]:
    tag = "selfsame/migration-nonce/v1"
    return [
        case("nonce", [tag, "demo", SUBSTRATE, "m-1", "17", "9" * 64]),
        case("nonce of another seal", [tag, "demo", SUBSTRATE, "m-1", "18", "9" * 64]),
        case("nonce in another cluster", [tag, "dem", "o" + SUBSTRATE, "m-1", "17", "9" * 64]),
    ]


def build() -> dict:
    return {
        "framed": requirements(),
        "founding_tension": founding(),
        **chain(),
        "tagged": own_formulas(),
        "amendment_chain": amendment_chain(),
        "attestations": attestations(),
        "statements": statements(),
        "migration_nonces": nonces(),
        "operand_forms": {
            "timestamps": ["1970-01-01T00:00:00.000Z", "2026-03-08T00:00:00.000Z", "2024-02-29T23:59:59.999Z"],
            "not_timestamps": [
                "", "2026-03-08", "2026-03-08T00:00:00Z", "2026-03-08T00:00:00.0Z", "2026-03-08T00:00:00.0000Z",
                "2026-03-08T00:00:00.000+00:00", "2026-03-08T00:00:00.000", "2026-03-08t00:00:00.000z",
                "2026-03-08 00:00:00.000Z", " 2026-03-08T00:00:00.000Z", "2026-02-29T00:00:00.000Z",
                "2026-03-08T24:00:00.000Z", "2026-03-08T00:00:60.000Z", "2026-3-8T00:00:00.000Z", "1772928000000",
            ],
            "counters": ["0", "1", "10", "9007199254740993", "18446744073709551615"],
            "not_counters": ["", "00", "01", "+1", "-1", "-0", "1.0", "1e3", " 1", "1 ", "0x1", "18446744073709551616", "\u0661"],
            "digests": ["sha256:" + "0123456789abcdef" * 4],
            "not_digests": [
                "", "0123456789abcdef" * 4, "SHA256:" + "0" * 64, "sha256:" + "A" * 64, "sha256:" + "0" * 63,
                "sha256:" + "0" * 65, "sha256: " + "0" * 63, "sha512:" + "0" * 64, "sha256:" + "g" * 64,
            ],
        },
    }  # fmt: skip
