//! The rules of a substrate, the state machine's and the replay's side by side. docs/replay-rules.md is this table.

mod table;

use std::collections::BTreeMap;

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

/// A refusal that these checks show.
pub(crate) const fn by(
    source: &'static str,
    code: &'static str,
    sites: usize,
    what: &'static str,
    checks: &'static [&'static str],
) -> Refused {
    Refused { source, code, sites, what, seen: Seen::By(checks) }
}

/// A refusal that entries do not show.
pub(crate) const fn not(
    source: &'static str,
    code: &'static str,
    sites: usize,
    what: &'static str,
    reason: &'static str,
) -> Refused {
    Refused { source, code, sites, what, seen: Seen::Not(reason) }
}

/// Something that is written, and the checks of it.
pub(crate) const fn writes(source: &'static str, what: &'static str, checks: &'static [&'static str]) -> Written {
    Written { source, what, checks }
}

/// How often each code stands in a source, outside comments.
pub fn codes(source: &str) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for line in source.lines().filter(|line| !line.trim_start().starts_with("//")) {
        for rest in line.split("Code::").skip(1) {
            let variant: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
            *found.entry(stable(&variant)).or_default() += 1;
        }
    }
    found
}

/// `LimitExceeded` as `LIMIT_EXCEEDED`.
fn stable(variant: &str) -> String {
    let mut name = String::new();
    for letter in variant.chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

/// How often each code stands in the rows of a source.
pub fn sites(rows: &[Refused], source: &str) -> BTreeMap<String, usize> {
    let mut sites = BTreeMap::new();
    for row in rows.iter().filter(|row| row.source == source) {
        *sites.entry(row.code.into()).or_default() += row.sites;
    }
    sites
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
