//! The rules of governance and of runs, the state machine's and the replay's side by side.

use crate::rules::{Refused, Written, by, not, writes};

const KEYS: &str = "machine/src/governance/mod.rs";
const BALLOT: &str = "machine/src/governance/ballot.rs";
const CLOSING: &str = "machine/src/governance/closing.rs";
const EXECUTE: &str = "machine/src/governance/execute.rs";
const BALANCE: &str = "machine/src/balance.rs";
const REGISTRY: &str = "machine/src/registry.rs";
const RUNS: &str = "machine/src/runs.rs";
const APPLY: &str = "machine/src/apply.rs";
const CONSTITUTION: &str = "protocol/src/constitution/mod.rs";
const NAMES: &str = "protocol/src/names.rs";
const PROPOSAL: &str = "protocol/src/command/proposal.rs";

const DEAD: &str = "cannot happen: the machine has established the contrary before";

/// Every refusal of the machine that concerns governance or a run.
pub const REFUSALS: &[Refused] = &[
    by(APPLY, "WRONG_CLUSTER", 1, "a submission for another cluster", &["SUBMISSION_CLUSTER"]),
    by(APPLY, "REQUEST_ID_REUSED", 1, "a request id that the key used before", &["REQUEST_ID", "SUBMISSION_ONCE"]),
    by(APPLY, "UNKNOWN_KEY", 1, "a key that is not registered", &["SUBMISSION_KEY"]),
    by(APPLY, "ROLE_DENIED", 1, "a key that is registered for something else", &["SUBMISSION_ROLE"]),
    by(REGISTRY, "ORGANISATION_REMOVED", 1, "a key of a former member", &["SUBMISSION_KEY"]),
    by(REGISTRY, "KEY_ENDED", 1, "a key that was replaced or retired", &["SUBMISSION_KEY"]),
    not(KEYS, "UNKNOWN_ORGANISATION", 1, "a key of an organisation that there is not", DEAD),
    by(
        REGISTRY,
        "MALFORMED",
        1,
        "a key under which nobody or anybody can sign",
        &["KEY_FORM", "PROPOSAL_FORM", "SUBMISSION_FORM"],
    ),
    by(REGISTRY, "KEY_EXISTS", 1, "a key that was used before, in whatever role", &["KEY_ONCE"]),
    by(KEYS, "KEY_EXISTS", 1, "one key for a node and its cosigner", &["KEY_ONCE"]),
    by(KEYS, "MALFORMED", 1, "node 0", &["NODE_ID"]),
    by(KEYS, "NODE_ID_REUSED", 1, "a node id that was used before", &["NODE_ID"]),
    by(KEYS, "UNKNOWN_NODE", 2, "retiring a node that there is not, or no more", &["NODE_ID"]),
    by(
        REGISTRY,
        "ROLE_DENIED",
        1,
        "retiring a node or a chip of others, or closing a session of their substrate",
        &["NODE_ID", "ENTRY_SUBJECT"],
    ),
    by(KEYS, "UNKNOWN_CHIP", 1, "retiring a chip that there is not", &["CHIP_IN_SERVICE"]),
    by(REGISTRY, "UNKNOWN_CHIP", 1, "the same by ballot", &["CHIP_IN_SERVICE"]),
    by(KEYS, "CHIP_RETIRED", 1, "retiring a chip that was retired", &["CHIP_IN_SERVICE"]),
    by(
        REGISTRY,
        "CHIP_RETIRED",
        2,
        "the same by ballot: of a chip that was retired by itself, or with its organisation",
        &["CHIP_IN_SERVICE"],
    ),
    by(
        BALANCE,
        "ORGANISATION_QUORUM",
        1,
        "a change that gives one organisation a quorum of the nodes in service",
        &["NODE_BALANCE"],
    ),
    by(CLOSING, "UNKNOWN_PROPOSAL", 1, "a vote on no ballot, or the conclusion of none", &["BALLOT_OPEN"]),
    by(BALLOT, "PROPOSAL_ID_REUSED", 1, "a ballot of a name that was used before", &["PROPOSAL_ID"]),
    by(BALLOT, "LIMIT_EXCEEDED", 1, "more than eight open ballots of one organisation", &["BALLOT_LIMIT"]),
    by(BALLOT, "PROPOSAL_CLOSED", 2, "a vote on a ballot that has ended, or its conclusion", &["BALLOT_OPEN"]),
    by(BALLOT, "STATE_MISMATCH", 1, "a vote about another proposal than that of the ballot", &["VOTE_BALLOT"]),
    by(BALLOT, "ALREADY_VOTED", 1, "a second vote of one organisation", &["ONE_VOTE"]),
    not(BALLOT, "ROLE_DENIED", 1, "a vote of a later member", "cannot happen: whoever joins voids every open ballot"),
    by(BALLOT, "BALLOT_EARLY", 1, "the conclusion of a ballot that time alone does not end", &["BALLOT_RESULT"]),
    by(CLOSING, "BALLOT_EXPIRED", 1, "a vote after the time of the ballot", &["BALLOT_TIME"]),
    not(
        EXECUTE,
        "UNKNOWN_ORGANISATION",
        1,
        "a ballot about a key of nobody",
        "cannot happen: no ballot about a stranger is opened, and whoever leaves voids every open ballot",
    ),
    by(EXECUTE, "ORGANISATION_EXISTS", 1, "a name that an organisation had before", &["ORGANISATION_NAME"]),
    by(
        EXECUTE,
        "RECOVERY_GAP",
        1,
        "a tree that is no part of this ledger: one that is larger, or empty with a root",
        &["RECOVERY_TREES"],
    ),
    by(
        CONSTITUTION,
        "RULES_INVALID",
        5,
        "rules or a publisher in force already; a time to object that is too long; vetoes that are not sorted, or a stranger's",
        &["BALLOT_PROPOSAL"],
    ),
    by(CONSTITUTION, "UNKNOWN_ORGANISATION", 1, "a stranger publishes, leaves, or gets a key", &["BALLOT_PROPOSAL"]),
    by(CONSTITUTION, "ORGANISATION_EXISTS", 1, "a member joins", &["BALLOT_PROPOSAL"]),
    by(CONSTITUTION, "LIMIT_EXCEEDED", 1, "more than 32 members", &["BALLOT_PROPOSAL"]),
    by(CONSTITUTION, "LAST_ORGANISATION", 1, "the last member leaves", &["BALLOT_PROPOSAL"]),
    by(NAMES, "LIMIT_EXCEEDED", 1, "a reason of more than 4,096 bytes", &["ENTRY_FORM"]),
    by(NAMES, "MALFORMED", 1, "a name that is none", &["ENTRY_FORM"]),
    by(PROPOSAL, "KEY_EXISTS", 1, "one key for both uses of a new member", &["SUBMISSION_FORM"]),
    by(RUNS, "DECLARATION_INVALID", 1, "a declaration that breaks 5.1", &["DECLARATION"]),
    by(
        RUNS,
        "IDENTITY_CONFLICT",
        1,
        "a reference that the organisation tied to another run, when an entry of this run says so",
        &["REFERENCE_ONCE"],
    ),
    by(RUNS, "IDENTITY_CONFLICT", 1, "an execution id that was used in the run", &["EXECUTION_ONCE"]),
    by(
        RUNS,
        "DANGLING_REFERENCE",
        1,
        "the reproduction of an execution that is not recorded",
        &["EXECUTION_REPRODUCED"],
    ),
];

/// What the machine writes and nobody chooses.
pub const WRITES: &[Written] = &[
    writes(
        "apply::apply_submission",
        "one submission for each entry, by the member that signed it; within the limits of the genesis",
        &[
            "SUBMISSION_DIGEST",
            "SUBMISSION_AUTHOR",
            "GOVERNANCE_MEMBER",
            "SUBMISSION_COMMAND",
            "SUBMISSION_LIMITS",
            "SUBMISSION_ENTRIES",
        ],
    ),
    writes(
        "txn::push",
        "the entries of one submission behind each other, at one time, each in its chain",
        &[
            "ENTRY_FORM",
            "ENTRY_LEDGER",
            "ENTRY_INDEX",
            "ENTRY_TIME",
            "ENTRY_DEPTH",
            "PRIOR_ENTRY_HASH",
            "SUBMISSION_GROUP",
            "SUBMISSION_TIME",
            "RECORD_KIND",
            "ENTRY_SUBJECT",
        ],
    ),
    writes("governance::rotate_key", "the key that ends", &["KEY_IN_FORCE"]),
    writes("governance::enrol_chip", "the id of the chip", &["CHIP_ID"]),
    writes("ballot::sweep", "the end of every ballot whose time is over, before a proposal", &["BALLOT_TIME"]),
    writes(
        "ballot::carry_out, closing::close",
        "the end of a ballot, where its votes or its time make it",
        &["BALLOT_VOTES", "BALLOT_CONSTITUTION", "BALLOT_THRESHOLD", "BALLOT_PROPOSAL", "BALLOT_RESULT"],
    ),
    writes(
        "execute::execute_proposal",
        "the ballots that a change voids, the change, and what was decided, in this order",
        &[
            "CONSTITUTION_VOIDED",
            "CONSTITUTION_BALLOT",
            "CONSTITUTION_BEFORE",
            "CONSTITUTION_AFTER",
            "CONSTITUTION_HASH",
            "CARRIED_OUT",
        ],
    ),
    writes(
        "execute::remove",
        "the nodes and the number of keys that end with an organisation",
        &["ORGANISATION_NODES", "ORGANISATION_KEYS"],
    ),
    writes("execute::recover", "the number of the recovery", &["RECOVERY_COUNT"]),
    writes(
        "balance::warn",
        "a warning whenever a quarantine or a new member leaves a quorum with one organisation",
        &["QUORUM_WARNING"],
    ),
    writes(
        "session::quarantine",
        "a node whose verdict was outvoted, or came late",
        &["NODE_ID", "QUARANTINE_CAUSE", "QUARANTINE_FINDING"],
    ),
    writes(
        "fence::check_token, substrate::init",
        "a refusal of a chip that never held the substrate, or of a second birth",
        &["REFUSAL_CODE", "CHIP_IN_SERVICE"],
    ),
    writes(
        "substrate::give_birth, migration::seal, migration::arrive, migration::abort",
        "chips that are enrolled and in service, and a birth or renewal after every recovery of before",
        &["CHIP_ENROLLED", "CHIP_IN_SERVICE", "RECOVERY_COUNT"],
    ),
    writes("migration::force_seal", "a seal in the submission that carried its ballot", &["SEAL_BALLOT"]),
    writes(
        "session::verdict, session::recount",
        "the outcome on which more than half of the nodes in service agree, and the quarantine of those that it outvotes",
        &["VERDICT_ELECTORATE", "VERDICT_QUORUM", "QUARANTINE_MISSING"],
    ),
    writes(
        "runs::declare",
        "the declaration with its digests, and behind it the attestation of whoever declared it",
        &["DECLARATION_FIRST", "DECLARATION_ATTESTED", "ELEMENT_DIGEST", "RUN_ID", "ATTESTATION_ONCE"],
    ),
    writes(
        "runs::disagree",
        "a disagreement with each organisation that tied the reference to another run",
        &[
            "DISAGREEMENT_REQUEST",
            "DISAGREEMENT_RUNS",
            "DISAGREEMENT_ELEMENTS",
            "DISAGREEMENT_MEMBER",
            "DISAGREEMENT_MISSING",
        ],
    ),
];
