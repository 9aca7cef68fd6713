//! Kinds about runs.

use super::{Kind, field, kind, list, state};

/// In order of their names.
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
];
