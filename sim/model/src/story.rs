//! Counterexamples as a list of steps for people.

use crate::check::Steps;
use crate::types::{Attestation, Cause, Command, Entry, Nonce};
use crate::world::{Action, State};
use std::fmt::Write;

/// The steps, one line each, with what stands in the log after each delivery.
pub fn tell(steps: &Steps) -> String {
    let mut text = String::new();
    for (number, pair) in steps.windows(2).enumerate() {
        let [(before, Some(action)), (after, _)] = pair else { continue };
        let _ = writeln!(text, "{:>4}. {}", number + 1, step(before, *action));
        for entry in &after.log[before.log.len()..] {
            let _ = writeln!(text, "      log {}: {}", after.log.len() - 1, read(entry));
        }
    }
    if let Some((last, _)) = steps.last() {
        let active: Vec<String> =
            (0..last.copies.len()).filter(|at| last.copies[*at].belief.is_some()).map(|at| copy(last, at)).collect();
        let now = match last.ledger.migration {
            Some(migration) => format!("sealed for migration {}", migration.id),
            None => "active".into(),
        };
        let _ = writeln!(text, "   => the ledger holds {:?} {now}, head {}", last.ledger.holder, last.ledger.head);
        let _ = writeln!(text, "      chips that hold themselves active: {}", none_or(&active));
    }
    text
}

fn none_or(names: &[String]) -> String {
    if names.is_empty() { "none".into() } else { names.join(", ") }
}

/// A copy's name: a clone has the letter of its chip and a stroke.
fn copy(state: &State, at: usize) -> String {
    let chip = state.copies[at].chip;
    let own = state.copies.iter().position(|other| other.chip == chip) == Some(at);
    format!("{chip:?}{}", if own { "" } else { "'" })
}

fn step(state: &State, action: Action) -> String {
    match action {
        Action::Write { copy: at, cycle } => {
            format!("{} signs a {}", copy(state, at), if cycle { "cycle" } else { "record" })
        }
        Action::Seal { copy: at, migration, destination } => {
            format!("{} signs its seal for migration {migration} to {destination:?}", copy(state, at))
        }
        Action::Deliver(sent) => format!("the log accepts {}", command(&sent)),
        Action::Hear { copy: at, index } => format!("{} hears of its activation at log {index}", copy(state, at)),
        Action::Read { copy: at } => format!("{} reads the ledger", copy(state, at)),
        Action::Crash { copy: at } => format!("{} restarts", copy(state, at)),
        Action::Clone { copy: at } => format!("{} is cloned with its memory", copy(state, at)),
        Action::RollBack { copy: at } => format!("{} is rolled back to its beginning", copy(state, at)),
    }
}

fn command(sent: &Command) -> String {
    match *sent {
        Command::Write { by, seq, prev, cycle, content } => {
            let kind = if cycle { "cycle" } else { "record" };
            format!("the {kind} of {by:?}, seq {seq}, on head {prev}, content {content}")
        }
        Command::Seal { by, seq, head, migration, destination } => {
            format!("the seal of {by:?}, seq {seq}, at head {head}, migration {migration} to {destination:?}")
        }
        Command::ForceSeal { migration, destination, votes } => {
            format!("a ballot with {votes} of 3 votes: seal for migration {migration} to {destination:?}")
        }
        Command::Arrive { migration, attestation, .. } => {
            format!("the arrival of {:?} in migration {migration}, {}", attestation.chip, attested(&attestation))
        }
        Command::Abort { migration, attestation } => {
            format!("the abort of migration {migration} by {:?}, {}", attestation.chip, attested(&attestation))
        }
        Command::Invalidate => "the invalidation that follows an activation".into(),
    }
}

fn attested(attestation: &Attestation) -> String {
    let Attestation { migration, epoch, head, nonce, signed_at, .. } = *attestation;
    let nonce = match nonce {
        Nonce::Log(index) => format!("nonce of the seal at log {index}"),
        Nonce::Node => "nonce of a node".into(),
    };
    format!(
        "attested for migration {migration}, epoch {epoch}, head {head}, {nonce}, when the log had {signed_at} entries"
    )
}

fn read(entry: &Entry) -> String {
    match *entry {
        Entry::Birth { chip } => format!("{chip:?} is born and active in epoch 1"),
        Entry::Write { by, seq, prev, cycle, .. } => {
            format!("{} of {by:?}, seq {seq}, on head {prev}", if cycle { "cycle" } else { "record" })
        }
        Entry::Seal { of, migration, destination, votes, .. } => {
            let how = votes.map_or_else(|| "by itself".into(), |votes| format!("by {votes} votes"));
            format!("{of:?} is sealed {how} for migration {migration} to {destination:?}")
        }
        Entry::Activate { tenure, cause, invalidates, .. } => {
            let how = match cause {
                Cause::Arrival => "arrived",
                Cause::Abort => "aborted",
            };
            let old = invalidates.map_or_else(|| "nothing".into(), |tenure| format!("{tenure:?}"));
            format!("{tenure:?} is active ({how}); {old} is invalidated")
        }
        Entry::Invalidate { tenure } => format!("{tenure:?} is invalidated"),
    }
}
