//! Histories of substrates. What is done to them is sorted as the sources of the replay are.

mod cycles;
mod entries;
mod migrations;
mod sessions;

use super::{Book, Case};
use crate::cast::{START, uuid};
use crate::stage::Stage;
use crate::{World, story};
use selfsame_protocol::p104::Thresholds;
use selfsame_protocol::time::{Timestamp, U64};

/// A book of one substrate whose life is told by `tell`.
fn book(tell: impl FnOnce(&mut Stage, &str)) -> Book {
    let (mut stage, id) = (Stage::new(), uuid(1));
    tell(&mut stage, &id);
    Book::new(World::of(&stage), &format!("substrate:{id}"))
}

/// A time of the ledger: the stage moves it on by a second with every entry of the log.
fn at(second: u64, millis: u64) -> String {
    Timestamp::from_millis(START + second * 1_000 + millis).to_string()
}

fn thresholds(change: impl FnOnce(&mut Thresholds)) -> Thresholds {
    let mut thresholds = Thresholds::default();
    change(&mut thresholds);
    thresholds
}

pub fn cases() -> Vec<Case> {
    let mut life = book(story::life);
    let mut young = book(story::young);
    let mut suppressed = book(story::suppressed);
    let mut undecided = book(story::undecided);
    let mut drifted = book(story::drifted);
    let mut shallow = book(|stage, id| story::under(stage, id, thresholds(|t| t.minimum_lineage_depth = U64(5))));
    let mut window = book(|stage, id| story::under(stage, id, thresholds(|t| t.verification_window_ms = U64(3_500))));
    // Asked for within the window, and decided behind it.
    let mut narrow = book(|stage, id| story::under(stage, id, thresholds(|t| t.verification_window_ms = U64(2_500))));
    let mut bare = book(|stage, id| story::unattested(stage, id, thresholds(|t| t.migration_attestation = false)));
    entries::cases(&mut life, &mut young);
    entries::births(&mut young);
    cycles::cases(&mut life, &mut young);
    sessions::cases(&mut life, &mut young, &mut shallow, [&mut window, &mut narrow]);
    sessions::ends(&mut suppressed, &mut undecided, &mut drifted);
    migrations::cases(&mut life, &mut young, &mut shallow, &mut bare);
    [life, young, suppressed, undecided, drifted, shallow, window, narrow, bare]
        .into_iter()
        .flat_map(Book::cases)
        .collect()
}
