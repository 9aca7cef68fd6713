//! Lists of substrates and chips: whole, in order, page by page, and bounded.

use crate::common::*;
use selfsame_machine::list::{self, Filter, LOOK};
use selfsame_machine::state::{self, Phase};
use selfsame_machine::view::{Model, Table, View};
use selfsame_protocol::command::{Command, RetireChip, Role};
use selfsame_protocol::holder::HolderState;
use selfsame_protocol::names::SubstrateId;
use selfsame_protocol::number::Epoch;
use selfsame_protocol::p104::Outcome;
use std::collections::BTreeMap;

/// Every id of a list, read in pages of `size`, and the number of pages.
fn walk(view: &dyn View, filter: &Filter, size: usize) -> (Vec<SubstrateId>, usize) {
    let (mut ids, mut after, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = list::substrates(view, filter, after.as_deref(), size).unwrap();
        assert!(page.items.len() <= size);
        pages += 1;
        ids.extend(page.items.into_iter().map(|one| one.substrate_id));
        match page.next {
            Some(next) => after = Some(next),
            None => return (ids, pages),
        }
    }
}

#[test]
fn substrates_come_in_order_and_each_once_whatever_the_size_of_a_page() {
    let mut world = World::new();
    for number in [7, 3, 5, 1, 2] {
        world.born(&uuid(number), (number % 2) as u8);
    }
    let all: Vec<_> = [1, 2, 3, 5, 7].map(uuid).into();
    for (size, pages) in [(1, 5), (2, 3), (5, 1), (100, 1)] {
        assert_eq!(walk(&world.model, &Filter::default(), size), (all.clone(), pages), "pages of {size}");
    }
    // By chip and by organisation; of a chip without any there is none.
    let holds = |n: u8| Filter { chip: Some(chip(n).public().id()), ..Filter::default() };
    assert_eq!(walk(&world.model, &holds(0), 10).0, vec![uuid(2)]);
    assert_eq!(walk(&world.model, &holds(1), 2).0, [1, 3, 5, 7].map(uuid));
    assert!(walk(&world.model, &holds(2), 10).0.is_empty());
    let bureau = Filter { organisation: Some("bureau".parse().unwrap()), ..Filter::default() };
    assert_eq!(walk(&world.model, &bureau, 3).0, [1, 3, 5, 7].map(uuid));
}

#[test]
fn a_line_says_what_the_substrate_is_now() {
    let mut world = World::new();
    let id = uuid(1);
    world.born(&id, 0);
    let line = |world: &World| list::substrates(&world.model, &Filter::default(), None, 1).unwrap().items.remove(0);
    let born = line(&world);
    assert_eq!((born.state, born.phase, born.last_outcome), (HolderState::Active, Phase::Closed, None));
    assert_eq!((born.epoch, born.lineage_depth, born.chip), (Epoch(1), 0, chip(0).public().id()));
    world.open(&id, &chip(0));
    let open = line(&world);
    assert_eq!((open.phase, open.last_outcome), (Phase::Open, Some(Outcome::InsufficientDepth)));
    assert!(open.depths.reasoning > born.depths.reasoning, "{open:?}");
    world.cycle(&id, &chip(0), "c1");
    world.close(&id, &chip(0));
    assert_eq!(line(&world).lineage_depth, 1);
    // The holder's chip out of service: nobody may write.
    world.ok(Role::Root, &root(0), Command::RetireChip(RetireChip { chip: chip(0).public().id() }));
    assert_eq!(line(&world).state, HolderState::Retired);
}

#[test]
fn chips_say_since_when_and_until_when_they_serve() {
    let mut world = World::new();
    let before = list::chips(&world.model, None, 10).unwrap();
    assert_eq!((before.items.len(), before.next), (3, None));
    world.ok(Role::Root, &root(0), Command::RetireChip(RetireChip { chip: chip(0).public().id() }));
    let (mut found, mut after) = (BTreeMap::new(), None);
    loop {
        let page = list::chips(&world.model, after.as_deref(), 1).unwrap();
        found.extend(page.items.into_iter().map(|one| (one.id, one)));
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!(found.len(), 3);
    for number in 0..3 {
        let id = chip(number).public().id();
        let one = &found[&id];
        assert_eq!(Some(one), list::chip(&world.model, &id).unwrap().as_ref());
        let registration = one.registration.as_ref().unwrap();
        assert_eq!(one.chip.retired, number == 0);
        assert_eq!(registration.until.is_some(), number == 0);
        assert!(registration.until.is_none_or(|until| until > registration.since));
    }
    assert_eq!(list::chip(&world.model, &chip(9).public().id()).unwrap(), None);
}

/// A page of a list that nothing fits looks at no more than its share of the rows, and says where to go on.
#[test]
fn a_page_looks_at_a_bounded_number_of_rows() {
    let mut world = World::new();
    world.born(&uuid(1), 0);
    let row = world.model.get(Table::Substrates, uuid(1).as_bytes()).unwrap().unwrap();
    let mut model: Model = world.model.clone();
    let rows = LOOK as u64 + 10;
    let changes = (2..=rows).map(|n| ((Table::Substrates, uuid(n).into()), Some(row.clone())));
    model.commit(changes.collect());
    let nobody = Filter { chip: Some(chip(9).public().id()), ..Filter::default() };
    let page = list::substrates(&model, &nobody, None, 10).unwrap();
    assert_eq!((page.items.len(), page.next), (0, Some(uuid(LOOK as u64).into())));
    assert_eq!(walk(&model, &nobody, 10).1, 2);
    assert_eq!(walk(&model, &Filter::default(), 1_000).0.len() as u64, rows);
}

#[test]
fn runs_are_found_by_the_beginning_of_their_id() {
    let mut model = Model::default();
    let key = |first: u8, second: u8| [&[first, second][..], &[9; 30]].concat();
    for (a, b) in [(1, 1), (1, 2), (255, 255)] {
        model.commit([((Table::Runs, key(a, b)), Some(state::row(&0)))].into());
    }
    let found = |prefix: &[u8], limit| list::runs_beginning_with(&model, prefix, limit).unwrap().len();
    assert_eq!((found(&[1], 16), found(&[1, 2], 16), found(&[1], 1), found(&[2], 16)), (2, 1, 1, 0));
    assert_eq!(found(&[255, 255], 16), 1);
}
