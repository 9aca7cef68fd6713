//! The rules of a substrate, the state machine's and the replay's side by side. docs/replay-rules.md is this table.

mod table;

pub use table::{REFUSALS, WRITES};

/// How a rule of the machine shows in a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// These checks refuse a history that violates it.
    By(&'static [&'static str]),
    /// The entries of a substrate do not show it, for this reason.
    Not(&'static str),
}

/// A refusal of the machine.
#[derive(Clone, Copy, Debug)]
pub struct Refused {
    /// Source, below `crates`.
    pub source: &'static str,
    /// The code.
    pub code: &'static str,
    /// How often the code stands in that source for this rule.
    pub sites: usize,
    /// What is refused.
    pub what: &'static str,
    /// How it shows.
    pub seen: Seen,
}

/// Something that the machine writes and nobody chooses.
#[derive(Clone, Copy, Debug)]
pub struct Written {
    /// Where.
    pub source: &'static str,
    /// What.
    pub what: &'static str,
    /// The checks.
    pub checks: &'static [&'static str],
}

/// Both tables as they stand on the page.
pub fn page() -> String {
    let names = |checks: &[&str]| checks.iter().map(|check| format!("`{check}`")).collect::<Vec<_>>().join(", ");
    let mut out = String::from("| machine | code | refused | replay |\n|---|---|---|---|\n");
    for row in REFUSALS {
        let seen = match row.seen {
            Seen::By(checks) => names(checks),
            Seen::Not(reason) => format!("not seen: {reason}"),
        };
        out.push_str(&format!("| `{}` | `{}` | {} | {seen} |\n", row.source, row.code, row.what));
    }
    out.push_str("\n## What the machine writes by itself\n\n| machine | what | replay |\n|---|---|---|\n");
    for row in WRITES {
        out.push_str(&format!("| `{}` | {} | {} |\n", row.source, row.what, names(row.checks)));
    }
    out
}
