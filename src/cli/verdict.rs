//! A verdict before everything else, in words: for people its first word, for programs `verdict` and `exit_status`.

use selfsame_offline::{Checked, Failure, Level};
use serde_json::{Value, json};

/// Statuses of verdicts, the worst first. All other errors come after them, and success last.
const WORST_FIRST: [u8; 4] = [10, 11, 12, 13];

/// The exit status of several: the worst of them. What was altered outweighs what cannot be decided, and both whatever
/// else went wrong.
pub fn worst(statuses: impl IntoIterator<Item = u8>) -> u8 {
    let rank = |status: u8| match WORST_FIRST.iter().position(|one| *one == status) {
        Some(place) => (place, 0),
        None if status == 0 => (usize::MAX, 0),
        // The smallest number, so that the order of the files does not matter.
        None => (WORST_FIRST.len(), status),
    };
    statuses.into_iter().min_by_key(|status| rank(*status)).unwrap_or(0)
}

/// The verdict of an exit status, as programs read it.
pub const fn name(status: u8) -> &'static str {
    match status {
        0 => "holds",
        10 => "altered",
        11 => "drifted",
        12 => "not deep enough",
        13 => "cannot be decided",
        _ => "not checked",
    }
}

/// The verdict of an exit status, as the first word that people read. What holds needs no raised voice.
pub fn word(status: u8) -> String {
    if status == 0 { name(status).into() } else { name(status).to_uppercase() }
}

/// Exit status of a failed check: 10, or 13 when nothing can be decided.
pub const fn status(failure: &Failure) -> u8 {
    if failure.tampered { 10 } else { 13 }
}

/// The first line about a failed check, and what it wanted and found.
pub fn failed(what: &str, failure: &Failure) -> Vec<String> {
    let place = match (failure.ledger, failure.index) {
        (Some(ledger), Some(index)) => format!(" at {ledger} entry {index}"),
        (Some(ledger), None) => format!(" in the {ledger} ledger"),
        (None, _) => String::new(),
    };
    let check = &failure.check;
    if matches!(check.as_str(), "FILE_UNREADABLE" | "FILE_MISSING") {
        return vec![
            format!("{}: {what} cannot be read", word(status(failure))),
            format!("  found        {}", failure.found),
            format!("  what to do   give a file that is there and that you may read; {} is needed", failure.expected),
        ];
    }
    let (sentence, advice) = if failure.tampered {
        let advice = match check.as_str() {
            // Whoever altered it, or a transfer that broke off: the bytes do not tell.
            "BUNDLE_LINE" if failure.found == "no line feed" => {
                "it ends within a line, as after a transfer that broke off: get it again"
            }
            "INCLUSION_ROOT" => {
                "do not rely on it: get another copy from somebody else and compare; an entry that you gave with --entry \
                 may be another one"
            }
            _ => "do not rely on it: get another copy from somebody else and compare",
        };
        (format!("{what} is not what was signed. The check {check} fails{place}"), advice)
    } else {
        undecided(what, check, &place)
    };
    vec![
        format!("{}: {sentence}", word(status(failure))),
        format!("  expected     {}", failure.expected),
        format!("  found        {}", failure.found),
        format!("  what to do   {advice}"),
    ]
}

/// Why nothing can be decided, and what would change that. Nothing is known against the file.
fn undecided(what: &str, check: &str, place: &str) -> (String, &'static str) {
    match check {
        "FILE_KIND" => {
            (format!("{what} is no file that can be verified"), "use what is named above for it, or give another file")
        }
        "UNSUPPORTED_VERSION" => (
            format!("{what} is of another version than this program reads, so that nothing of it was looked at"),
            "nothing is known against it: use a program that reads its version",
        ),
        "NOBODY_TRUSTED" => (
            format!("{what} is consistent in itself, and nobody that you trust vouches for it"),
            "say whom you trust, with --policy FILE, --genesis FILE or --trust KEY",
        ),
        "GENESIS_DOCUMENT" => (
            format!(
                "{what} has no history of keys, so that the digest of a genesis names nobody who could vouch for it"
            ),
            "give the genesis as a file: selfsame cluster genesis -o json > genesis.json, compare its digest, --genesis genesis.json",
        ),
        "GENESIS" | "OTHER_GENESIS" => (
            format!("{what} is of another cluster than the one whose genesis you named"),
            "nothing is known against it, and it says nothing about your cluster: compare the two",
        ),
        "THREAD" => (
            format!("{what} was not read to the end: a part of the verifier itself stopped, or could not begin"),
            "it says nothing about the file: try again, or with fewer threads (verify --threads)",
        ),
        "HOLDER_STALE" => (
            format!("{what} was so, and nothing that you trust says that it still is"),
            "ask for a new one: selfsame substrate holder UUID --cosigned",
        ),
        _ => (
            format!("{what}: what the check {check} wants is not there{place}"),
            "nothing is known against it, and nothing for it: give what is missing and try again",
        ),
    }
}

/// What was checked and what was not, line by line.
pub fn extent(checked: &Checked) -> Vec<String> {
    let (held, not): (Vec<_>, Vec<_>) = levels(checked).into_iter().partition(|(_, level)| is_held(level));
    let line =
        |title: &'static str| move |(name, level): (&str, &Level)| format!("  {title:<12} {name}: {}", text(level));
    held.into_iter().map(line("checked")).chain(not.into_iter().map(line("not checked"))).collect()
}

/// The checks that were not made, with the reason, for programs.
pub fn not_checked(checked: &Checked) -> Value {
    let not = levels(checked).into_iter().filter(|(_, level)| !is_held(level));
    not.map(|(name, level)| json!({"check": name, "why": text(level)})).collect()
}

fn levels(checked: &Checked) -> [(&'static str, &Level); 5] {
    let Checked { structure, chain, tree, cosignatures, attestation } = checked;
    [
        ("structure", structure),
        ("chain", chain),
        ("tree", tree),
        ("cosignatures", cosignatures),
        ("attestation", attestation),
    ]
}

fn is_held(level: &Level) -> bool {
    match level {
        Level::Held(_) => true,
        Level::NotChecked(_) => false,
    }
}

fn text(level: &Level) -> &str {
    match level {
        Level::Held(text) | Level::NotChecked(text) => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_verdict_wins_whatever_the_order() {
        for (statuses, status) in [
            (&[][..], 0),
            (&[0, 0], 0),
            (&[0, 13], 13),
            (&[13, 10], 10),
            (&[3, 13], 13),
            (&[12, 11], 11),
            (&[0, 2, 3], 2),
            (&[1, 0], 1),
        ] {
            assert_eq!(worst(statuses.iter().copied()), status, "{statuses:?}");
            assert_eq!(worst(statuses.iter().rev().copied()), status, "{statuses:?} from behind");
        }
    }

    #[test]
    fn the_first_word_is_the_verdict() {
        assert_eq!([0, 10, 13].map(word), ["holds", "ALTERED", "CANNOT BE DECIDED"]);
        let failure = selfsame_offline::altered("TREE_ROOT", None, "this", "that");
        let lines = failed("the ledger", &failure);
        assert!(lines[0].starts_with("ALTERED: the ledger") && lines[0].contains("TREE_ROOT"), "{lines:?}");
        let failure = Failure { tampered: false, ..failure };
        assert!(failed("it", &failure)[0].starts_with("CANNOT BE DECIDED: "));
        let other = selfsame_offline::undecided("OTHER_GENESIS", "this", "that");
        assert!(failed("it", &other)[0].contains("it is of another cluster"), "{:?}", failed("it", &other));
    }
}
