//! What must hold in every state, and what must happen in some.

use crate::judge::believers;
use crate::property::Property;
use crate::types::{Cause, Entry};
use crate::world::{State, World};

/// What the check must see happen: a model in which nothing happens keeps every invariant.
pub const HAPPENS: &[&str] = &[
    "a migration completes",
    "a migration is aborted",
    "a migration by ballot completes",
    "a chip hosts the substrate again",
    "a write is accepted after a migration",
    "two copies hold themselves active",
    "a chip that sealed goes on after an abort",
];

fn happens(name: &'static str) -> fn(&World, &State) -> bool {
    match name {
        "a migration completes" => |_, state| completed(state, false),
        "a migration is aborted" => {
            |_, state| state.log.iter().any(|entry| matches!(entry, Entry::Activate { cause: Cause::Abort, .. }))
        }
        "a migration by ballot completes" => |_, state| completed(state, true),
        "a chip hosts the substrate again" => |_, state| {
            let arrived = |entry: &Entry| match *entry {
                Entry::Activate { tenure, cause: Cause::Arrival, .. } => Some(tenure.chip),
                _ => None,
            };
            state.log.iter().filter_map(arrived).any(|chip| chip.0 == 0)
        },
        "a write is accepted after a migration" => {
            |_, state| state.log.iter().any(|entry| matches!(entry, Entry::Write { by, .. } if by.epoch > 1))
        }
        "two copies hold themselves active" => |_, state| believers(state) > 1,
        "a chip that sealed goes on after an abort" => |_, state| {
            state.copies.iter().any(|copy| copy.sealed > 0 && copy.belief.is_some_and(|b| b.epoch > copy.sealed))
        },
        _ => |_, _| false,
    }
}

/// Whether a migration that a chip, or a ballot, began has arrived.
fn completed(state: &State, forced: bool) -> bool {
    state.log.windows(2).any(|pair| {
        matches!(pair, [Entry::Seal { votes, .. }, Entry::Activate { cause: Cause::Arrival, .. }] if votes.is_some() == forced)
    })
}

/// All properties in Stateright's form.
pub fn properties() -> Vec<stateright::Property<World>> {
    let always = Property::ALL.iter().map(|p| stateright::Property::always(p.id(), condition(*p)));
    let sometimes = HAPPENS.iter().map(|name| stateright::Property::sometimes(name, happens(name)));
    always.chain(sometimes).collect()
}

/// Whether a state keeps a property, as a function pointer for the checker.
fn condition(property: Property) -> fn(&World, &State) -> bool {
    macro_rules! each {
        ($($name:ident)+) => {
            match property { $(Property::$name => |_, state| !state.broken.contains(Property::$name),)+ }
        };
    }
    each!(I1 I2 I3 I4 I5 I6 I7 I8 I9 I10 I11 I13 Ballot)
}
