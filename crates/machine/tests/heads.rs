//! How far a subject's history goes in trees that lie behind: counted, never guessed, and with the identity statement of
//! those trees or none.

use crate::common::*;
use selfsame_machine::head::{entries_in, governance_subjects, statement_in, subject_head};
use selfsame_machine::read;
use selfsame_machine::state::{leaves, subject_key};
use selfsame_machine::view::{ReadError, Table};
use selfsame_protocol::code::{Code, Refusal};
use selfsame_protocol::command::Item;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::ledger::{Ledger, PerLedger};
use selfsame_protocol::p104::IdentityStatement;
use selfsame_protocol::subject::Subject;
use selfsame_protocol::subject_head::{Extent, SubjectHead};
use selfsame_protocol::time::Timestamp;

type Trees = PerLedger<(u64, Digest)>;

/// Sizes and roots of now.
fn now(world: &World) -> Trees {
    PerLedger::from_fn(|ledger| read::head(&world.model, ledger).unwrap())
}

fn head(world: &World, subject: &str, trees: Trees, time: Option<u64>) -> Result<SubjectHead, Refusal> {
    subject_head(&world.model, &genesis(), &subject.parse().unwrap(), trees, time.map(Timestamp::from_millis)).unwrap()
}

/// A life with a ballot in it, so that both subjects of governance have entries between those of two substrates.
fn lives() -> World {
    let mut world = World::new();
    world.seasoned(&uuid(1), 0);
    world.ballot(3, "joins", add(3));
    world.seasoned(&uuid(2), 1);
    world.open(&uuid(1), &chip(0));
    world.cycle(&uuid(1), &chip(0), "cycle/2");
    world
}

/// Every subject in every tree that there ever was, against a count of the entries themselves.
/// shows: P-052
#[test]
fn the_entries_of_a_subject_are_counted_in_every_earlier_tree() {
    let world = lives();
    let substrates = [1, 2, 3].map(|n| Subject::Substrate(uuid(n)));
    let governance = governance_subjects(&world.model).unwrap();
    let organisations =
        ORGANISATIONS.iter().chain(&["delegation"]).map(|name| Subject::Organisation(name.parse().unwrap()));
    assert_eq!(governance, std::iter::once(Subject::Cluster).chain(organisations).collect::<Vec<_>>());
    for ledger in Ledger::BOTH {
        let entries = world.entries(ledger);
        for subject in substrates.iter().chain(&governance) {
            for size in 0..=entries.len() {
                let own = entries[..size].iter().filter(|entry| entry.subject == *subject).count();
                let counted = entries_in(&world.model, subject, ledger, size as u64).unwrap();
                assert_eq!(counted, own as u64, "{subject} in the first {size} of {ledger}");
            }
        }
    }
}

/// shows: P-052
#[test]
fn a_head_is_that_of_its_trees_whatever_came_behind_them() {
    let mut world = lives();
    let subject = format!("substrate:{}", uuid(1));
    let trees = now(&world);
    let before = head(&world, &subject, trees, None).unwrap();
    let of = |ledger: Ledger| Extent {
        size: trees[ledger].0,
        root: trees[ledger].1,
        entries: world.chain(&subject, ledger).len() as u64,
    };
    assert_eq!(before.trees, PerLedger::from_fn(of));
    let governance = world.entries(Ledger::Reasoning).into_iter();
    let governance = governance.filter(|entry| entry.subject.governs()).count() as u64;
    assert!(governance > 3);
    assert_eq!((before.governance, before.statement), (governance, None));
    assert_eq!(
        (&before.origin, before.genesis, before.subject.to_string()),
        (&genesis().origin, genesis().digest(), subject.clone())
    );
    world.append(&uuid(1), &chip(0), vec![item(Ledger::Evidence, "more"), item(Ledger::Reasoning, "more")]);
    world.enrol(0, &chip(3));
    world.ballot(3, "leaves", remove(3));
    assert_eq!(head(&world, &subject, trees, None).unwrap(), before);
    assert!(head(&world, &subject, now(&world), None).unwrap().governance > governance);
}

/// shows: P-091
#[test]
fn the_statement_of_a_head_is_that_of_its_trees_while_only_content_came_behind() {
    let mut world = lives();
    let (id, subject) = (uuid(1), format!("substrate:{}", uuid(1)));
    let (trees, last) = (now(&world), world.millis);
    let depths = Ledger::BOTH.map(|ledger| world.chain(&subject, ledger).len() as u64);
    let exact: IdentityStatement =
        read::statement(&world.model, &id, Timestamp::from_millis(last), false).unwrap().unwrap();
    world.append(&id, &chip(0), vec![item(Ledger::Evidence, "more"), item(Ledger::Reasoning, "more")]);
    let with = head(&world, &subject, trees, Some(last)).unwrap();
    assert_eq!(with.statement, Some((Timestamp::from_millis(last), exact.statement_hash)));
    let whole = statement_in(&world.model, &subject.parse().unwrap(), &with.trees, Timestamp::from_millis(last))
        .unwrap()
        .unwrap();
    assert_eq!(whole, exact);
    assert_eq!([whole.evidence_ledger_depth, whole.reasoning_ledger_depth], depths);
    // Older than the last entry of either tree.
    let refused = head(&world, &subject, trees, Some(last - 1)).unwrap_err();
    assert_eq!((refused.code, refused.found), (Code::Malformed, Timestamp::from_millis(last - 1).to_string()));
    assert!(head(&world, &subject, PerLedger { evidence: now(&world).evidence, ..trees }, Some(last)).is_err());
    assert!(head(&world, &subject, PerLedger { reasoning: now(&world).reasoning, ..trees }, Some(last)).is_err());
    // Only what was said about it itself counts, and an identity record behind the trees does.
    world.enrol(0, &chip(3));
    assert!(head(&world, &subject, trees, Some(last)).is_ok());
    world.cycle(&id, &chip(0), "cycle/3");
    assert_eq!(head(&world, &subject, trees, Some(last)).unwrap_err().code, Code::NotCosigned);
    assert!(head(&world, &subject, now(&world), Some(world.millis)).is_ok());
}

/// shows: P-091
#[test]
fn a_head_without_a_substrate_in_its_trees_has_no_statement() {
    let mut world = World::new();
    let early = now(&world);
    assert_eq!(early.evidence.0, 0, "nothing is in Evidence yet, and no entry of it can be too young");
    world.born(&uuid(1), 0);
    let subject = format!("substrate:{}", uuid(1));
    let refused = |trees, subject: &str| head(&world, subject, trees, Some(world.millis)).unwrap_err();
    let born = refused(early, &subject);
    assert_eq!((born.code, born.found.as_str()), (Code::NotCosigned, "0 entries of it in Reasoning"));
    assert!(head(&world, &subject, now(&world), Some(world.millis)).is_ok());
    assert_eq!(refused(now(&world), &format!("substrate:{}", uuid(2))).code, Code::NotCosigned);
    for other in [format!("run:{}", Digest::of(b"r")), "cluster".into()] {
        assert_eq!(refused(now(&world), &other).code, Code::Malformed, "{other}");
        assert!(head(&world, &other, now(&world), None).is_ok());
    }
}

/// shows: P-091
#[test]
fn no_more_content_is_looked_through_behind_a_tree_than_was_said() {
    let mut world = lives();
    let (id, subject) = (uuid(1), format!("substrate:{}", uuid(1)));
    let (trees, last) = (now(&world), world.millis);
    let items = |count: usize| -> Vec<Item> { (0..count).map(|n| item(Ledger::Reasoning, &n.to_string())).collect() };
    world.append(&id, &chip(0), items(1_000));
    world.append(&id, &chip(0), items(24));
    assert!(head(&world, &subject, trees, Some(last)).is_ok());
    world.append(&id, &chip(0), items(1));
    assert_eq!(head(&world, &subject, trees, Some(last)).unwrap_err().code, Code::NotCosigned);
}

/// A state that lost a row says so: no count is made of what is left.
#[test]
fn a_missing_row_is_an_error_and_not_a_smaller_count() {
    let world = lives();
    let (subject, trees) = (format!("substrate:{}", uuid(1)), now(&world));
    let without = |table, key: Vec<u8>| {
        let mut broken = world.clone();
        broken.model.commit([((table, key), None)].into());
        let time = Some(Timestamp::from_millis(world.millis));
        subject_head(&broken.model, &genesis(), &subject.parse().unwrap(), trees, time)
    };
    let depth = world.chain(&subject, Ledger::Reasoning).len() as u64;
    let broken =
        without(Table::Subjects, subject_key(&subject.parse().unwrap(), Ledger::Reasoning, depth / 2)).unwrap_err();
    assert!(matches!(broken, ReadError::Undecodable { table: "subjects", .. }), "{broken}");
    let last = (trees.reasoning.0 - 1).to_be_bytes().to_vec();
    let broken = without(leaves(Ledger::Reasoning), last).unwrap_err();
    assert!(matches!(broken, ReadError::Undecodable { .. }), "{broken}");
}
