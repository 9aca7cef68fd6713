//! The rows.

use super::{Refused, Written, by, not, writes};

const ENVELOPE: &str = "a substrate's entries name a submission by its digest, and its bundle contains none";
const FENCE: &str = "who signed, the epoch and the sequence number stand in the submission; what moves the epoch is a record and is checked";
const CHIPS: &str = "chips are enrolled and retired in the chains of the organisations, which section 14.5 verifies";
const PENDING: &str = "asking for a session leaves no entry; when it takes a holder through a recovery, RECOVERY_STEP";
const OTHERS: &str = "the entries of others are not in the chain, and memory would grow with the Evidence entries";
const NODES: &str = "nodes and their keys stand in the chains of governance";

const APPLY: &str = "machine/src/apply.rs";
const FENCES: &str = "machine/src/fence.rs";
const SUBSTRATE: &str = "machine/src/substrate.rs";
const SESSION: &str = "machine/src/session.rs";
const MIGRATION: &str = "machine/src/migration.rs";
const TXN: &str = "machine/src/txn.rs";
const REGISTRY: &str = "machine/src/registry.rs";
const AGGREGATE: &str = "machine/src/aggregate.rs";
const AMENDING: &str = "protocol/src/amending.rs";
const COMMAND: &str = "protocol/src/command/mod.rs";

/// Every refusal of the machine that concerns a substrate.
pub const REFUSALS: &[Refused] = &[
    by(COMMAND, "MALFORMED", 2, "what is no name, no UUID, or no submission", &["ENTRY_FORM"]),
    by(COMMAND, "LIMIT_EXCEEDED", 1, "a drift tolerance of more than 256 bits", &["ENTRY_FORM"]),
    not(COMMAND, "ROLE_DENIED", 1, "a command of another role", ENVELOPE),
    not(
        COMMAND,
        "LIMIT_EXCEEDED",
        2,
        "more items or outputs than the genesis allows",
        "the genesis is not in a substrate's bundle",
    ),
    not(
        APPLY,
        "WRONG_CLUSTER",
        1,
        "a submission for another cluster",
        "only a seal's nonce and an activation contain the cluster: MIGRATION_NONCE, MIGRATION_ATTESTATION",
    ),
    not(APPLY, "REQUEST_ID_REUSED", 1, "a request id for another payload", ENVELOPE),
    not(APPLY, "UNKNOWN_KEY", 1, "a key that is not registered", ENVELOPE),
    not(APPLY, "ROLE_DENIED", 1, "a key of another role", ENVELOPE),
    not(FENCES, "CHIP_INVALIDATED", 1, "an activation that ended", FENCE),
    not(
        FENCES,
        "CHIP_NOT_ACTIVE",
        1,
        "another chip than the holder's; its record stands in the chain of its organisation",
        FENCE,
    ),
    not(FENCES, "STALE_EPOCH", 1, "another epoch than the holder's", FENCE),
    not(FENCES, "STALE_SEQUENCE", 1, "another sequence number than the next", FENCE),
    by(FENCES, "SEALED", 1, "a write while sealed", &["SEALED"]),
    by(
        FENCES,
        "SESSION_NOT_OPEN",
        1,
        "a write after a recovery of the cluster, before a verification",
        &["RECOVERY_STEP"],
    ),
    not(
        AGGREGATE,
        "UNKNOWN_SUBSTRATE",
        1,
        "a substrate that was never born",
        "a chain begins with its birth: BIRTH_FIRST",
    ),
    by(AGGREGATE, "SUPPRESSED", 1, "anything after a suppression", &["SUPPRESSED"]),
    by(AGGREGATE, "LINEAGE_ENDED", 1, "anything after a new lineage", &["LINEAGE_ENDED"]),
    by(
        AGGREGATE,
        "SESSION_NOT_OPEN",
        1,
        "a write without a session",
        &["SESSION_GATE", "EVIDENCE_GATE", "EVIDENCE_SINCE"],
    ),
    not(AGGREGATE, "VERIFICATION_PENDING", 1, "a write while the identity is verified", PENDING),
    by(SUBSTRATE, "FOUNDING_INVALID", 1, "a founding document without two different branches", &["ENTRY_FORM"]),
    by(SUBSTRATE, "LIMIT_EXCEEDED", 1, "a founding document of more than 24 KiB", &["FOUNDING_SIZE"]),
    not(
        SUBSTRATE,
        "LIMIT_EXCEEDED",
        1,
        "an item that is larger than the genesis allows",
        "the genesis is not in a substrate's bundle; a leaf has at most 65,535 bytes: ENTRY_FORM",
    ),
    by(
        SUBSTRATE,
        "IDENTITY_CONFLICT",
        2,
        "a second birth; its record stands in the chain of the organisation",
        &["BIRTH_FIRST", "RECORD_KIND"],
    ),
    by(SUBSTRATE, "LIMIT_EXCEEDED", 1, "a birth at another time than the ledger's", &["BIRTH_TIME"]),
    by(SUBSTRATE, "ATTESTATION_INVALID", 1, "a birth attested by another chip", &["BIRTH_CHIP"]),
    by(SUBSTRATE, "ATTESTATION_INVALID", 1, "an attestation of another birth", &["BIRTH_ATTESTATION"]),
    by(SUBSTRATE, "STATE_MISMATCH", 1, "a cycle that does not continue the latest", &["PRIOR_IDENTITY_HASH"]),
    by(SUBSTRATE, "CYCLE_ID_REUSED", 1, "the id of a migration for another cycle", &["CYCLE_ID"]),
    by(SUBSTRATE, "CYCLE_ID_REUSED", 1, "a cycle id that was used before", &["CYCLE_ID_ONCE"]),
    by(
        AMENDING,
        "WRONG_FOUNDING_TENSION",
        1,
        "an amendment of another founding tension",
        &["AMENDMENT_FOUNDING_TENSION"],
    ),
    by(
        AMENDING,
        "FOUNDING_TENSION_PROTECTED",
        2,
        "an amendment of the founding document, or of a name that begins with `founding`",
        &["AMENDMENT_ACCEPTABLE"],
    ),
    by(
        AMENDING,
        "AMENDMENT_INVALID",
        3,
        "an amendment of what is no name, that changes nothing, or removes what is not in force",
        &["AMENDMENT_ACCEPTABLE"],
    ),
    by(AMENDING, "LIMIT_EXCEEDED", 1, "more than 64 amendments in a cycle", &["AMENDMENT_ROOM"]),
    by(
        AMENDING,
        "LIMIT_EXCEEDED",
        1,
        "an amendment or a constitution of more than 32 KiB",
        &["AMENDMENT_ROOM", "CONSTITUTION_SIZE"],
    ),
    by(SESSION, "SESSION_ALREADY_OPEN", 1, "a session in an open session", &["SESSION_CLOSED"]),
    not(SESSION, "VERIFICATION_PENDING", 1, "a second session asked for", PENDING),
    not(SESSION, "ROLE_DENIED", 1, "a verdict by no node", NODES),
    not(SESSION, "QUARANTINED", 1, "a verdict of a node out of service", NODES),
    not(SESSION, "UNKNOWN_NODE", 1, "a verdict of an unknown node", NODES),
    not(SESSION, "VERIFICATION_UNKNOWN", 1, "a verdict on nothing that is under way", PENDING),
    by(SESSION, "VERIFICATION_UNKNOWN", 1, "a second verdict of a node", &["VERDICT_ONCE"]),
    by(
        SESSION,
        "STATE_MISMATCH",
        1,
        "a verdict that all hashes match, and that does not follow from the state",
        &["VERDICT_FINDING", "VERIFICATION_PRESENTED"],
    ),
    by(SESSION, "STATE_MISMATCH", 1, "a close that states another head", &["CLOSE_HEAD"]),
    by(SESSION, "AMENDMENTS_QUEUED", 1, "a close while amendments wait", &["AMENDMENT_ENACTED"]),
    by(
        MIGRATION,
        "STATE_MISMATCH",
        1,
        "a seal that states another head, continuity hash or depth",
        &["SEAL_HEAD", "CONTINUITY_HASH", "SEAL_DEPTH"],
    ),
    by(MIGRATION, "SESSION_ALREADY_OPEN", 1, "a seal in an open session", &["SEAL_CLOSED"]),
    by(MIGRATION, "MIGRATION_STATE", 1, "a seal before the first close", &["CONTINUITY_HASH"]),
    by(
        MIGRATION,
        "IDENTITY_INCOMPLETE",
        1,
        "a migration of an unattested birth, where that is not allowed",
        &["SEAL_COMPLETE"],
    ),
    by(MIGRATION, "WRONG_DESTINATION", 1, "a seal to the chip itself", &["SEAL_DESTINATION"]),
    by(MIGRATION, "MIGRATION_ID_REUSED", 1, "a migration id that was used before", &["MIGRATION_ID_ONCE"]),
    by(
        MIGRATION,
        "MIGRATION_STATE",
        2,
        "an arrival or an abort of what is not under way, or was superseded",
        &["MIGRATION_SEALED"],
    ),
    by(MIGRATION, "WRONG_DESTINATION", 1, "an arrival of another chip than sealed", &["MIGRATION_DESTINATION"]),
    by(
        MIGRATION,
        "STATE_MISMATCH",
        1,
        "an arrival that states another head or continuity hash",
        &["CONTINUITY_HASH", "MIGRATION_ATTESTATION"],
    ),
    by(MIGRATION, "NOT_VERIFIED", 1, "an arrival below the minimum depth", &["MIGRATION_DEPTH"]),
    by(MIGRATION, "ATTESTATION_INVALID", 1, "an activation attested by another chip", &["MIGRATION_CHIP"]),
    by(MIGRATION, "ATTESTATION_INVALID", 1, "an attestation of another activation", &["MIGRATION_ATTESTATION"]),
    by(MIGRATION, "CHIP_NOT_ACTIVE", 1, "an abort by another chip than the origin", &["MIGRATION_ORIGIN"]),
    not(TXN, "DANGLING_REFERENCE", 1, "a reference to no Evidence entry; recorded", OTHERS),
    not(TXN, "RUN_NOT_DECLARED", 1, "a reference to no declared run; recorded", OTHERS),
    by(TXN, "LIMIT_EXCEEDED", 1, "a leaf of more than 65,535 bytes", &["ENTRY_FORM"]),
    not(REGISTRY, "UNKNOWN_CHIP", 1, "a birth, seal, arrival or abort with a chip that is not enrolled", CHIPS),
    not(REGISTRY, "CHIP_RETIRED", 2, "the same with a chip that was retired, or whose organisation left", CHIPS),
];

/// What the machine writes, and nobody chooses.
pub const WRITES: &[Written] = &[
    writes(
        "Txn::push",
        "place, chain and time of an entry",
        &["ENTRY_LEDGER", "ENTRY_SUBJECT", "ENTRY_DEPTH", "PRIOR_ENTRY_HASH", "ENTRY_INDEX", "ENTRY_TIME"],
    ),
    writes(
        "Txn::anchor",
        "size and root of the Evidence ledger, which only grows",
        &["ANCHOR_SIZE", "ANCHOR_ROOT", "CLOSE_ANCHOR"],
    ),
    writes(
        "apply::apply_submission",
        "one submission writes at one time, and what it writes stands together",
        &["SUBMISSION_GROUP", "SUBMISSION_TIME", "CLOSE_SUBMISSION"],
    ),
    writes(
        "substrate::give_birth",
        "the birth, its hashes, and what it puts in force",
        &[
            "SUBSTRATE_ID",
            "FOUNDING_TENSION_HASH",
            "FOUNDING_IN_CONSTITUTION",
            "ATTESTATION_HASH",
            "COMPLETENESS",
            "SUBSTRATE_IDENTITY_HASH",
            "BIRTH_CONSTITUTION",
            "RECOVERY_COUNT",
        ],
    ),
    writes("substrate::references", "the record of a reference that leads to nothing", &["WRITE_REFUSAL"]),
    writes("substrate::amend", "the record of a refused amendment: code and drift", &["AMENDMENT_REFUSAL"]),
    writes(
        "substrate::close_cycle",
        "the amendments of a cycle, directly before it",
        &["AMENDMENT_HASH", "AMENDMENT_CHAIN", "AMENDMENT_ENACTED", "AMENDMENTS_LISTED", "CONSTITUTION_AMENDED"],
    ),
    writes(
        "substrate::propagate",
        "the members and hashes of a cycle",
        &[
            "FOUNDING_TENSION_HASH",
            "CYCLE_SEQUENCE",
            "REASONING_DEPTH",
            "CYCLE_TIME",
            "CYCLE_KIND",
            "GOALVECTOR_RESOLUTION_HASH",
            "CONSTITUTIONAL_STATE_HASH",
            "CONSTITUTION_UNCHANGED",
            "MIGRATION_ATTESTATIONS",
            "CYCLE_IDENTITY_HASH",
        ],
    ),
    writes("verdict::decide", "the outcome, from the verdicts that counted", &["VERIFICATION_OUTCOME"]),
    writes(
        "session::quarantine",
        "a node whose copy failed where others hold is out; a node belongs to one organisation",
        &["VERDICT_NODE"],
    ),
    writes(
        "session::settle",
        "the members of a verification",
        &[
            "VERIFICATION_SESSION",
            "VERIFICATION_THRESHOLDS",
            "VERIFICATION_LINEAGE_DEPTH",
            "VERIFICATION_RETRIEVED",
            "VERIFICATION_FROM",
            "VERIFICATION_EVENTS",
            "VERIFICATION_NOTICE",
            "CLAIM_LEVEL",
        ],
    ),
    writes(
        "session::settle",
        "what follows from HASH_MISMATCH and from DRIFT_EXCEEDED, directly behind it",
        &["OUTCOME_RECORDS", "TAMPERING_DETECTION", "NEW_LINEAGE"],
    ),
    writes(
        "session::close_now",
        "the same close in both ledgers",
        &[
            "CLOSE_IN_BOTH_LEDGERS",
            "CLOSE_COPIES_EQUAL",
            "CLOSE_SESSION",
            "CLOSE_SCHEMA",
            "CLOSE_TIME",
            "EVIDENCE_DEPTH",
            "REASONING_DEPTH",
            "EVIDENCE_HEAD",
            "REASONING_HEAD",
            "CONTINUITY_HASH",
        ],
    ),
    writes(
        "migration::do_seal",
        "the members of a seal; a ballot seals once",
        &["MIGRATION_ORIGIN", "MIGRATION_EPOCH", "MIGRATION_NONCE", "SEAL_INDEX", "BALLOT_ONCE"],
    ),
    writes(
        "migration::arrive",
        "the arrival, and directly behind it its cycle",
        &["ATTESTATION_HASH", "ORIGIN_ATTESTATION", "ARRIVAL_CYCLE", "MIGRATION_ARRIVAL"],
    ),
    writes(
        "fence::renew",
        "the recovery of a holder, directly before the step that takes it through",
        &["RECOVERY_COUNT", "RECOVERY_CHIP", "RECOVERY_EPOCH", "RECOVERY_STEP"],
    ),
];
