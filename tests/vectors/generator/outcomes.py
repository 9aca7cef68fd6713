"""outcomes.json: the four continuity outcomes of P104 [0032], and the tables of codes, which never change."""

import itertools

from .common import sha256

# The exit status of each class, as docs/protocol.md and the command line state it, and whether a retry can help.
CLASSES = {
    "Invalid": (2, False),
    "Unavailable": (3, True),
    "Exhausted": (3, True),
    "NotFound": (4, False),
    "Exists": (5, False),
    "Precondition": (5, False),
    "Denied": (6, False),
    "DataLoss": (10, False),
}
# In the order of the table. A line is added at a code's birth and never changed.
CODES = """
MALFORMED Invalid
LIMIT_EXCEEDED Invalid
BAD_SIGNATURE Denied
WRONG_CLUSTER Invalid
REQUEST_ID_REUSED Exists
UNKNOWN_KEY Denied
ROLE_DENIED Denied
UNKNOWN_ORGANISATION NotFound
KEY_EXISTS Exists
NODE_ID_REUSED Exists
UNKNOWN_NODE NotFound
ORGANISATION_QUORUM Precondition
UNKNOWN_CHIP NotFound
CHIP_RETIRED Precondition
DECLARATION_INVALID Invalid
RUN_NOT_DECLARED Precondition
DANGLING_REFERENCE Precondition
UNKNOWN_SUBSTRATE NotFound
IDENTITY_CONFLICT Exists
FOUNDING_INVALID Invalid
ATTESTATION_INVALID Denied
IDENTITY_INCOMPLETE Precondition
CHIP_INVALIDATED Precondition
CHIP_NOT_ACTIVE Precondition
STALE_EPOCH Precondition
STALE_SEQUENCE Precondition
SEALED Precondition
SUPPRESSED DataLoss
LINEAGE_ENDED Precondition
SESSION_NOT_OPEN Precondition
SESSION_ALREADY_OPEN Precondition
VERIFICATION_PENDING Precondition
VERIFICATION_UNKNOWN NotFound
CYCLE_ID_REUSED Exists
STATE_MISMATCH Precondition
WRONG_FOUNDING_TENSION Precondition
FOUNDING_TENSION_PROTECTED Precondition
AMENDMENT_INVALID Invalid
MIGRATION_STATE Precondition
MIGRATION_ID_REUSED Exists
WRONG_DESTINATION Precondition
NOT_VERIFIED Precondition
UNKNOWN_PROPOSAL NotFound
PROPOSAL_CLOSED Precondition
REGULATED_CLAIM_DENIED Precondition
NOT_FOUND NotFound
CORRUPT DataLoss
QUARANTINED Unavailable
NO_LEADER Unavailable
OUTCOME_UNKNOWN Unavailable
NOT_COSIGNED Unavailable
OVERLOADED Exhausted
SHUTTING_DOWN Unavailable
KEY_ENDED Denied
ORGANISATION_REMOVED Denied
ORGANISATION_EXISTS Exists
LAST_ORGANISATION Precondition
PROPOSAL_ID_REUSED Exists
ALREADY_VOTED Precondition
BALLOT_EXPIRED Precondition
BALLOT_EARLY Precondition
RULES_INVALID Invalid
RECOVERY_GAP Precondition
AMENDMENTS_QUEUED Precondition
"""
CANONICAL_CODES = [
    "SYNTAX", "DUPLICATE_KEY", "UNSAFE_INTEGER", "NON_FINITE", "INVALID_UTF8", "LONE_SURROGATE", "NULL_MEMBER",
    "EMPTY_CONTAINER", "TOO_DEEP", "TOO_LARGE", "NOT_CANONICAL", "SCHEMA", "OTHER_SPELLING", "UNKNOWN_MEMBER",
    "MISSING_MEMBER", "WRONG_TYPE", "MISSING_DIGEST",
]  # fmt: skip
TOP = 2**64 - 1


def outcome(hashes_match: bool, drift: int, depth: int, tolerance: int, minimum: int) -> str:
    """The first condition that holds, in the order of precedence."""
    conditions = [
        ("HASH_MISMATCH", not hashes_match),
        ("DRIFT_EXCEEDED", drift > tolerance),
        ("INSUFFICIENT_DEPTH", depth < minimum),
        ("VERIFIED", True),
    ]
    return next(name for name, holds in conditions if holds)


def decisions() -> list[dict]:
    edges = itertools.chain(
        # Every combination of the three conditions.
        itertools.product([True, False], [0, 1], [0, 1], [0], [1]),
        # Tolerance: equal is within, one more is not.
        itertools.product([True], [63, 64, 65, 128, 255, 256], [1], [64, 256], [1]),
        # Minimum depth: equal is enough, one less is not; 0 admits a newly initialised substrate.
        itertools.product([True], [0], [0, 1, 4, 5, 6, TOP - 1, TOP], [0], [0, 1, 5, TOP]),
        itertools.product([False], [0, 256], [0, TOP], [0, 256], [0, TOP]),
    )
    out, seen = [], set()
    for match, drift, depth, tolerance, minimum in edges:
        if (match, drift, depth, tolerance, minimum) in seen:
            continue
        seen.add((match, drift, depth, tolerance, minimum))
        out.append({
            "hashes_match": match,
            "drift": drift,
            "lineage_depth": str(depth),
            "thresholds": {
                "minimum_lineage_depth": str(minimum),
                "drift_tolerance": tolerance,
                # Neither of the other two calibrations is a fifth outcome.
                "verification_window_ms": str(len(out) % 2),
                "migration_attestation": len(out) % 3 == 0,
            },
            "outcome": outcome(match, drift, depth, tolerance, minimum),
        })  # fmt: skip
    return out


def drifts() -> list[dict]:
    zero, ones = bytes(32), b"\xff" * 32
    one, two = sha256(b"one founding document"), sha256(b"another founding document")
    pairs = [(one, one), (zero, ones), (zero, zero), (zero, bytes(31) + b"\1"), (zero, b"\x80" + bytes(31)), (one, two)]
    pairs += [(one, bytes(b ^ 1 for b in one)), (zero, b"\xff" + bytes(31))]
    out = []
    for a, b in pairs:
        distance = bin(int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).count("1")
        out.append({"a": "sha256:" + a.hex(), "b": "sha256:" + b.hex(), "drift": distance})
    assert {0, 1, 256} <= {case["drift"] for case in out}
    return out


def build() -> dict:
    codes = []
    for line in CODES.split("\n")[1:-1]:
        name, kind = line.split()
        exit_status, retry = CLASSES[kind]
        codes.append({"code": name, "class": kind, "exit_status": exit_status, "retryable": retry})
    return {
        "precedence": ["HASH_MISMATCH", "DRIFT_EXCEEDED", "INSUFFICIENT_DEPTH", "VERIFIED"],
        "decisions": decisions(),
        "drifts": drifts(),
        "notices": [
            {"since": "2026-03-08T00:03:00.000Z", "depth": "7",
             "text": "Substrate identity verified \u2014 continuing from 2026-03-08T00:03:00.000Z/7."},
            {"since": "2026-03-08T00:03:00.000Z", "depth": str(TOP),
             "text": f"Substrate identity verified \u2014 continuing from 2026-03-08T00:03:00.000Z/{TOP}."},
        ],
        "refusal_codes": codes,
        "canonical_codes": CANONICAL_CODES,
    }  # fmt: skip
