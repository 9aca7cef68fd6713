//! What each kind of document looks like, and which one value of it `-q` prints.

use super::cell::{Form, Style, cell};
use clap::Command;
use serde_json::Value;

/// A member with its name for people.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Where it stands: a JSON pointer into the document, or into one thing of a list.
    pub path: &'static str,
    /// Name.
    pub head: &'static str,
    /// How it is shown.
    pub form: Form,
}

/// A list of things, a row each.
#[derive(Clone, Copy, Debug)]
pub struct List {
    /// Where it stands.
    pub path: &'static str,
    /// Name.
    pub title: &'static str,
    /// Columns, in order.
    pub columns: &'static [Field],
}

/// A kind of document.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// Its name, the member `kind`.
    pub name: &'static str,
    /// Commands that print it, separated by commas.
    pub commands: &'static str,
    /// What `-q` prints: the first of these that is there. `*` stands for each thing of a list.
    pub one: &'static [&'static str],
    /// The same in words.
    pub says: &'static str,
    /// Members that stand first, in order.
    pub fields: &'static [Field],
    /// Lists.
    pub lists: &'static [List],
    /// Members that only JSON shows.
    pub hidden: &'static [&'static str],
}

const fn field(path: &'static str, head: &'static str) -> Field {
    Field { path, head, form: Form::Plain }
}
const fn state(path: &'static str, head: &'static str) -> Field {
    Field { path, head, form: Form::State }
}
const fn seconds(path: &'static str, head: &'static str) -> Field {
    Field { path, head, form: Form::Seconds }
}
const fn list(path: &'static str, title: &'static str, columns: &'static [Field]) -> List {
    List { path, title, columns }
}
const fn kind(
    name: &'static str,
    commands: &'static str,
    one: &'static [&'static str],
    says: &'static str,
    fields: &'static [Field],
    lists: &'static [List],
    hidden: &'static [&'static str],
) -> Kind {
    Kind { name, commands, one, says, fields, lists, hidden }
}

/// Substrates in a list.
const SUBSTRATES: List = list(
    "/substrates",
    "substrates",
    &[
        field("/substrate_id", "substrate"),
        state("/state", "state"),
        state("/phase", "session"),
        state("/last_outcome", "last outcome"),
        field("/chip", "holder chip"),
        field("/epoch", "epoch"),
        field("/lineage_depth", "cycles"),
        field("/evidence_depth", "evidence"),
        field("/reasoning_depth", "reasoning"),
        field("/organisation", "organisation"),
        field("/successor", "continued by"),
    ],
);

/// Records with their place.
const RECORDS: &[Field] = &[
    field("/entry/ledger", "ledger"),
    field("/entry/index", "index"),
    field("/record/record_type", "record"),
    state("/record/outcome", "outcome"),
    field("/record/data", "content"),
    field("/record/evidence", "evidence"),
    field("/record/runs", "runs"),
    field("/record/detail", "detail"),
    field("/entry/hash", "entry"),
];

/// Every kind, in order of its name.
pub const KINDS: &[Kind] = &[
    kind(
        "Agreement",
        "run agreement",
        &["/run_id", "/verdict"],
        "the run id that is agreed on, or the verdict",
        &[field("/request", "reference"), field("/required", "organisations required"), field("/run_id", "agreed run")],
        &[list(
            "/agreements",
            "who names which run",
            &[
                field("/organisation", "organisation"),
                field("/run_id", "run"),
                field("/since_index", "since evidence index"),
            ],
        )],
        &["/says", "/pairs", "/groups", "/notes", "/agreed", "/silent"],
    ),
    kind(
        "Audit",
        "audit",
        &["/verdict", "/holds"],
        "the verdict",
        &[state("/verdict", "verdict"), field("/holds", "holds")],
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
        &[],
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
    kind(
        "Backup",
        "node backup",
        &["/index"],
        "the log index",
        &[field("/file", "file"), field("/of", "of"), field("/node", "node"), field("/index", "log index")],
        &[],
        &[],
    ),
    kind(
        "Ballot",
        "governance show",
        &["/ballot/status"],
        "where it stands",
        &[
            field("/proposal_id", "proposal"),
            state("/ballot/status", "status"),
            field("/takes_votes", "takes votes"),
            field("/ballot/proposer", "proposer"),
            field("/ballot/needed", "approvals needed"),
            field("/ballot/opened_time", "opened"),
            field("/ballot/expires_time", "expires"),
        ],
        &[],
        &[],
    ),
    kind(
        "Ballots",
        "governance ballots",
        &["/ballots/*/proposal_id"],
        "each proposal",
        &[],
        &[list(
            "/ballots",
            "ballots",
            &[
                field("/proposal_id", "proposal"),
                field("/action", "action"),
                state("/status", "status"),
                field("/takes_votes", "takes votes"),
                field("/proposer", "proposer"),
                field("/approvals", "for"),
                field("/rejections", "against"),
                field("/needed", "needed"),
                field("/expires", "expires"),
            ],
        )],
        &[],
    ),
    kind(
        "Baseline",
        "substrate baseline",
        &["/verdict", "/same_entity"],
        "the verdict",
        &[state("/verdict", "verdict"), field("/same_entity", "same entity")],
        &[],
        &[],
    ),
    kind("Bench", "bench", &[], "the report, which is JSON in any case", &[], &[], &[]),
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
        "Chip",
        "chip show",
        &["/chip"],
        "the chip id",
        &[
            field("/chip", "chip"),
            field("/key", "public key"),
            field("/organisation", "organisation"),
            field("/technology", "technology"),
            field("/retired", "retired"),
            field("/since", "enrolled at log index"),
            field("/until", "retired at log index"),
        ],
        &[SUBSTRATES],
        &[],
    ),
    kind(
        "Chips",
        "chip list",
        &["/chips/*/chip"],
        "each chip id",
        &[],
        &[list(
            "/chips",
            "chips",
            &[
                field("/chip", "chip"),
                field("/name", "key here"),
                field("/organisation", "organisation"),
                field("/technology", "technology"),
                field("/retired", "retired"),
                field("/since", "since log index"),
                field("/until", "until log index"),
            ],
        )],
        &["/next_page_token"],
    ),
    kind(
        "ClusterStatus",
        "cluster status",
        &["/nodes/*/node"],
        "each node that answered",
        &[],
        &[list(
            "/nodes",
            "nodes",
            &[
                field("/node", "node"),
                field("/endpoint", "endpoint"),
                state("/role", "role"),
                field("/leader", "leader"),
                field("/term", "term"),
                field("/applied", "applied"),
                field("/evidence_size", "evidence"),
                field("/reasoning_size", "reasoning"),
                seconds("/published/at", "published"),
                field("/published/problem", "problem"),
                field("/quarantined", "quarantined"),
                field("/version", "version"),
                field("/state_digest", "state"),
                field("/error", "error"),
            ],
        )],
        &[],
    ),
    kind(
        "Config",
        "config check, config show",
        &["/genesis_digest", "/genesis/digest"],
        "the digest of the consensus identity",
        &[
            field("/ok", "ok"),
            field("/node", "node"),
            field("/cluster", "cluster"),
            field("/genesis_digest", "genesis"),
        ],
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
    kind(
        "Constitution",
        "governance constitution",
        &["/constitutional_state_hash"],
        "its hash",
        &[field("/constitutional_state_hash", "hash"), field("/constitution/revision", "revision")],
        &[],
        &[],
    ),
    kind(
        "Difference",
        "run diff, run compare",
        &["/elements/*"],
        "each element that differs",
        &[field("/same", "same"), field("/elements", "elements that differ")],
        &[list(
            "/members",
            "members that differ",
            &[field("/pointer", "member"), field("/a", "first"), field("/b", "second")],
        )],
        &[],
    ),
    kind("Entry", "ledger get", &["/hash"], "the entry's hash", &[], &[], &[]),
    kind(
        "Evidence",
        "substrate evidence",
        &["/items/*/entry/index"],
        "each index",
        &[],
        &[list("/items", "evidence", RECORDS)],
        &[],
    ),
    kind(
        "EvidenceRail",
        "substrate open",
        &["/outcome"],
        "the outcome",
        &[state("/outcome", "outcome")],
        &[list("/items", "evidence rail", RECORDS)],
        &[],
    ),
    kind(
        "Formats",
        "run formats",
        &["/formats/*/name"],
        "each name",
        &[],
        &[list("/formats", "formats", &[field("/name", "name"), field("/about", "what it is")])],
        &[],
    ),
    kind(
        "Explanation",
        "",
        &["/members/*/pointer"],
        "each member, with --explain",
        &[field("/format", "format")],
        &[list(
            "/members",
            "members",
            &[field("/pointer", "member"), field("/fate", "fate"), field("/detail", "detail")],
        )],
        &[],
    ),
    kind("Genesis", "cluster genesis", &["/digest"], "its digest", &[field("/digest", "digest")], &[], &[]),
    kind(
        "GovernanceAudit",
        "governance audit",
        &["/verdict", "/constitutional_state_hash"],
        "the verdict, or the hash of the constitution",
        &[state("/verdict", "verdict"), field("/constitutional_state_hash", "constitution")],
        &[
            list(
                "/decisions",
                "decisions",
                &[field("/proposal_id", "proposal"), state("/result", "result"), field("/entry", "entry")],
            ),
            list(
                "/organisations",
                "organisations",
                &[
                    field("/name", "organisation"),
                    field("/removed", "removed"),
                    field("/root_key", "root key"),
                    field("/operator_key", "operator key"),
                ],
            ),
        ],
        &[],
    ),
    kind(
        "Holder",
        "substrate holder",
        &["/chip"],
        "the chip id",
        &[
            field("/chip", "chip"),
            state("/status", "status"),
            field("/epoch", "epoch"),
            field("/seq", "last sequence number"),
            field("/since", "since log index"),
        ],
        &[],
        &[],
    ),
    kind("HolderNote", "substrate holder", &["/chip"], "the chip id, with --cosigned too", &[], &[], &[]),
    kind("Import", "substrate import", &["/items"], "the number of items written", &[], &[], &[]),
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
        "Key",
        "key new, key show",
        &["/public"],
        "the public key",
        &[
            field("/public", "public key"),
            field("/id", "key id"),
            field("/cosigner", "cosigner key, of a node"),
            field("/log_key", "log key, of a node"),
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
    kind(
        "Lint",
        "run lint",
        &["/warnings/*/rule"],
        "each rule",
        &[],
        &[list(
            "/warnings",
            "warnings",
            &[field("/rule", "rule"), field("/pointer", "member"), field("/advice", "advice")],
        )],
        &[],
    ),
    kind("LogProof", "ledger receipt", &["/index"], "the entry's index, where no file is written", &[], &[], &[]),
    kind("Manual", "man", &["/pages"], "the number of pages, where a folder is given", &[], &[], &[]),
    kind(
        "Members",
        "cluster members",
        &["/nodes/*/node"],
        "each node id",
        &[],
        &[list(
            "/nodes",
            "nodes",
            &[
                field("/node", "node"),
                field("/organisation", "organisation"),
                state("/membership", "membership"),
                field("/peer", "peer address"),
                field("/retired", "retired"),
                field("/quarantined", "quarantined"),
            ],
        )],
        &[],
    ),
    kind(
        "Migration",
        "migrate status",
        &["/migration/state", "/holder/status"],
        "the state of the migration, or of the holder without one",
        &[
            field("/substrate_id", "substrate"),
            field("/migration/migration_id", "migration"),
            state("/migration/state", "state"),
            field("/migration/origin", "from chip"),
            field("/migration/destination", "to chip"),
            field("/holder/chip", "holder chip"),
            state("/holder/status", "holder"),
            field("/holder/epoch", "epoch"),
        ],
        &[],
        &[],
    ),
    kind("Node", "node init", &["/node"], "the node id", &[field("/node", "node")], &[], &[]),
    kind(
        "Outcomes",
        "run outcomes",
        &["/outcomes/*/execution_id"],
        "each execution",
        &[field("/run_id", "run")],
        &[list(
            "/outcomes",
            "executions",
            &[
                field("/execution_id", "execution"),
                state("/status", "status"),
                field("/organisation", "organisation"),
                field("/reproduction_of", "reproduces"),
                field("/outputs", "outputs"),
            ],
        )],
        &[],
    ),
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
        "Refusal",
        "",
        &["/code", "/message"],
        "its code",
        &[field("/code", "code"), field("/message", "message")],
        &[],
        &[],
    ),
    kind(
        "Restore",
        "node restore",
        &["/index"],
        "the log index",
        &[field("/file", "file"), field("/node", "node"), field("/index", "log index")],
        &[],
        &[],
    ),
    kind(
        "Run",
        "run show",
        &["/run_id"],
        "the run id",
        &[field("/run_id", "run")],
        &[list(
            "/attestations",
            "attested by",
            &[field("/organisation", "organisation"), field("/index", "evidence index")],
        )],
        &[],
    ),
    kind("RunIdentity", "run id", &["/run_id"], "the run id", &[field("/run_id", "run")], &[], &[]),
    kind("Statement", "substrate statement", &["/statement_hash"], "the statement's hash", &[], &[], &[]),
    kind(
        "Substrate",
        "substrate show",
        &["/status", "/phase"],
        "the last outcome, or the phase before the first",
        &[
            field("/substrate_id", "substrate"),
            field("/organisation", "organisation"),
            state("/status", "last outcome"),
            state("/phase", "session"),
            field("/holder/chip", "holder chip"),
            state("/holder/status", "holder"),
            field("/holder/epoch", "epoch"),
            field("/lineage_depth", "cycles"),
            field("/head", "latest identity hash"),
            field("/last_close/cross_session_identity_continuity_hash", "continuity hash"),
            field("/initialisation_timestamp", "born"),
            field("/complete", "attested at birth"),
            field("/suppressed", "suppressed at index"),
            field("/successor", "continued by"),
        ],
        &[],
        &["/decided", "/holder/key"],
    ),
    kind(
        "Substrates",
        "substrate list",
        &["/substrates/*/substrate_id"],
        "each substrate",
        &[],
        &[SUBSTRATES],
        &["/next_page_token"],
    ),
    kind(
        "Verification",
        "verify",
        &["/files/*/verdict", "/verdict"],
        "the verdict, of several files each one's",
        &[state("/verdict", "verdict"), field("/file", "file"), field("/file_kind", "kind")],
        &[],
        &[],
    ),
    kind(
        "VerifierKeys",
        "node vkey",
        &["/keys/*/vkey"],
        "each verifier key",
        &[],
        &[list(
            "/keys",
            "verifier keys",
            &[
                field("/use", "signs"),
                field("/node", "node"),
                field("/organisation", "organisation"),
                field("/vkey", "verifier key"),
            ],
        )],
        &[],
    ),
];

/// The command line with what `-q` prints in the help of each command that has a value.
pub fn explained(mut line: Command) -> Command {
    for kind in KINDS.iter().filter(|kind| !kind.one.is_empty()) {
        for path in kind.commands.split(", ") {
            line = noted(line, path, kind.says);
        }
    }
    line
}

/// Says it behind the help of one command; of one that is not there, nowhere.
fn noted(line: Command, path: &str, says: &str) -> Command {
    let (name, rest) = path.split_once(' ').map_or((path, None), |(name, rest)| (name, Some(rest)));
    if line.find_subcommand(name).is_none() {
        return line;
    }
    line.mut_subcommand(name, |inner| match rest {
        Some(rest) => noted(inner, rest, says),
        None => {
            let before = inner.get_after_help().map(|help| format!("{help}\n\n")).unwrap_or_default();
            inner.after_help(format!("{before}With -q: {says}."))
        }
    })
}

/// The description of a kind.
pub fn of(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

/// What `-q` prints of a document: its one value, or one of each thing of a list. Empty for a list of nothing, and
/// `None` where no value is decided on: the whole document is printed then.
pub fn one(name: &str, document: &Value) -> Option<Vec<String>> {
    let plain = Style { width: None, colour: false, now_ms: 0 };
    let shown = |value: &Value| match value {
        // A time is data here: without how long ago it is.
        Value::String(text) => super::visible(text).into_owned(),
        other => cell(Some(other), Form::Plain, true, &plain),
    };
    for path in of(name)?.one {
        let found = match path.split_once("/*") {
            None => document.pointer(path).filter(|value| !value.is_null()).map(|value| vec![shown(value)]),
            Some((list, inner)) => document.pointer(list).and_then(Value::as_array).map(|items| {
                items
                    .iter()
                    .filter_map(|item| item.pointer(inner))
                    .filter(|value| !value.is_null())
                    .map(shown)
                    .collect()
            }),
        };
        if found.is_some() {
            return found;
        }
    }
    None
}
