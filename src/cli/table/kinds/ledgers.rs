//! Kinds about the ledgers and what is taken from them.

use super::{Kind, field, kind, list, state};

/// In order of their names.
pub const KINDS: &[Kind] = &[
    kind(
        "Audit",
        "audit",
        &["/verdict"],
        "the verdict",
        &[state("/verdict", "verdict")],
        &[
            list(
                "/checked",
                "checked",
                &[
                    field("/address", "node"),
                    field("/ledger", "ledger"),
                    field("/head/size", "signed size"),
                    field("/entries", "entries"),
                    field("/tiles", "tiles"),
                    field("/head/root", "root"),
                    field("/head/signers", "signers"),
                    field("/problem", "problem"),
                ],
            ),
            list(
                "/conflicts",
                "conflicts",
                &[
                    field("/ledger", "ledger"),
                    field("/kind", "kind"),
                    field("/guilty", "guilty"),
                    field("/a/addresses", "one side"),
                    field("/b/addresses", "other side"),
                    field("/file", "evidence file"),
                ],
            ),
        ],
        &["/holds"],
    ),
    kind("AuditAlarm", "", &["/verdict"], "the verdict", &[], &[], &["/alarm"]),
    kind(
        "AuditStep",
        "audit",
        &["/verified"],
        "the number of entries verified at each look, with --follow",
        &[
            field("/ledger", "ledger"),
            field("/verified", "verified"),
            field("/hashed", "hashed now"),
            field("/age", "seconds since the newest cosignature"),
        ],
        &[],
        &[],
    ),
    kind("Checkpoint", "ledger checkpoint", &["/size"], "the tree size", &[], &[], &[]),
    kind(
        "CheckpointPair",
        "ledger pair",
        &["/new_size"],
        "the later tree size",
        &[field("/file", "file"), field("/old_size", "old size"), field("/new_size", "new size")],
        &[],
        &[],
    ),
    kind(
        "ConsistencyProof",
        "ledger consistency",
        &["/new_size"],
        "the present tree size",
        &[field("/old_size", "old size"), field("/new_size", "new size"), field("/root", "root")],
        &[],
        &[],
    ),
    kind("Entry", "ledger get", &["/hash"], "the entry's hash", &[], &[], &[]),
    kind(
        "InclusionProof",
        "ledger prove",
        &["/leaf_hash"],
        "the entry's hash",
        &[
            field("/leaf_hash", "entry"),
            field("/index", "index"),
            field("/size", "tree size"),
            field("/root", "root"),
            field("/entry/subject", "subject"),
            field("/entry/time", "time"),
        ],
        &[],
        &[],
    ),
    kind(
        "LedgerExport",
        "ledger export",
        &["/ledgers/*/size"],
        "each tree size",
        &[field("/dir", "folder")],
        &[list(
            "/ledgers",
            "ledgers",
            &[
                field("/ledger", "ledger"),
                field("/size", "entries"),
                field("/fetched", "fetched now"),
                field("/bytes", "bytes"),
                field("/files", "files"),
                field("/root", "root"),
                field("/origin", "origin"),
            ],
        )],
        &[],
    ),
    kind("LogProof", "ledger receipt", &["/index"], "the entry's index, where no file is written", &[], &[], &[]),
    kind(
        "Receipt",
        "run declare, run outcome, substrate init, substrate append, substrate amend, substrate cycle, substrate close, \
         substrate recover-close, migrate seal, migrate arrive, migrate abort, governance rotate-key, governance enrol-node, \
         governance retire-node, governance enrol-chip, governance retire-chip, governance propose, governance vote, \
         governance conclude",
        &[
            "/result/run_id",
            "/result/continuity_hash",
            "/result/cycle_identity_hash",
            "/result/amendment_hash",
            "/result/nonce",
            "/result/substrate_identity_hash",
            "/result/result",
            "/result/decided",
            "/result/chip",
            "/result/node",
            "/result/new",
            "/entries/*/index",
        ],
        "what the command made: a run id, the hash of a birth, cycle, close or amendment, the nonce of a seal, the result of \
         a ballot, a chip id, a node id, a key; the index of each entry otherwise",
        &[],
        &[
            list(
                "/entries",
                "entries",
                &[field("/ledger", "ledger"), field("/index", "index"), field("/hash", "entry")],
            ),
            list(
                "/receipts",
                "receipts",
                &[field("/ledger", "ledger"), field("/index", "index"), field("/file", "file")],
            ),
        ],
        &[],
    ),
    kind(
        "Verification",
        "verify",
        &["/files/*/headline", "/headline"],
        "the verdict, of several files each one's",
        &[state("/verdict", "verdict"), field("/file", "file"), field("/file_kind", "kind")],
        &[list(
            "/ledgers",
            "ledgers",
            &[
                field("/ledger", "ledger"),
                field("/size", "entries"),
                field("/root", "root"),
                field("/signers", "signers"),
                field("/tiles", "tiles"),
                field("/bytes", "bytes"),
                field("/origin", "origin"),
            ],
        )],
        &[],
    ),
];
