//! Random sequences of governance commands from a fixed seed: what must hold after every one of them.

use crate::common::*;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use selfsame_machine::read;
use selfsame_machine::state::{BallotStatus, Organisation};
use selfsame_protocol::command::{
    Command, Conclude, EnrolChip, EnrolNode, OrganisationKey, Proposal, RetireNode, Role, RotateKey,
};
use selfsame_protocol::constitution::{ClusterConstitution, Publisher, Rules, Share};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::Entry;
use selfsame_protocol::keys::SecretKey;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::names::OrganisationName;
use selfsame_protocol::number::NodeId;
use selfsame_protocol::p104::Technology;
use selfsame_protocol::record::{EvidenceAnchor, Record};
use selfsame_protocol::time::U64;
use std::collections::{BTreeMap, BTreeSet};

/// What is drawn: which command, by which organisation, about which, how long after the one before.
#[derive(Clone, Copy, Debug)]
struct Step {
    kind: u8,
    who: u8,
    about: u8,
    with: u8,
    wait: u8,
}

fn step() -> impl Strategy<Value = Step> {
    // Votes lead on: they are drawn most often.
    let kind = prop_oneof![10 => Just(20u8), 8 => 0u8..12, 3 => 12u8..20];
    (kind, 0u8..6, 0u8..6, any::<u8>(), any::<u8>()).prop_map(|(kind, who, about, with, wait)| Step {
        kind,
        who,
        about,
        with,
        wait,
    })
}

/// Every root key that was ever tried, so that rotated ones stay usable in the test.
fn roots(world: &World, name: &str) -> SecretKey {
    let organisation = read::organisations(&world.model).unwrap().into_iter().find(|found| found.name == name);
    let keys = (1..=6).chain(150..190).map(key);
    let current = organisation.map(|found: Organisation| found.root_key);
    keys.into_iter().find(|key| Some(key.public()) == current).unwrap_or_else(|| key(1))
}

fn name(n: u8) -> OrganisationName {
    let Proposal::AddOrganisation { name, .. } = add(n) else { unreachable!() };
    name
}

fn proposal(world: &World, step: Step) -> Proposal {
    let fresh = |step: Step| key(150 + step.with % 40).public();
    match step.kind {
        0 | 1 => add(step.about),
        2 => remove(step.about),
        3 | 4 => Proposal::RotateKey {
            organisation: name(step.about).parse().unwrap(),
            key: if step.with.is_multiple_of(2) { OrganisationKey::Root } else { OrganisationKey::Operator },
            new: fresh(step),
            reason: "lost".into(),
        },
        5 | 6 => {
            let share =
                |n: u8| [(1, 2), (2, 3), (3, 4), (9, 10)].map(|(a, b)| Share::new(a, b).unwrap())[usize::from(n % 4)];
            let rules = Rules {
                ordinary: share(step.with),
                constitutional: share(step.with / 4),
                vetoes: if step.with.is_multiple_of(5) { vec![name(step.about).parse().unwrap()] } else { Vec::new() },
                ballot_entries: U64(u64::from(step.with % 3) * 20),
                ballot_ms: U64(if step.with.is_multiple_of(7) { 0 } else { 60_000 }),
                objection_ms: U64(u64::from(step.with % 20) * 1_000),
                ..Rules::default()
            };
            Proposal::ChangeRules { rules }
        }
        7 => Proposal::RetireChip { chip: chip(step.about).public().id(), reason: "stolen".into() },
        8 => Proposal::MovePublisher {
            publisher: Publisher { organisation: name(step.about).parse().unwrap(), log_key: fresh(step) },
        },
        _ => {
            let (size, root) = read::head(&world.model, Ledger::Reasoning).unwrap();
            let reasoning = EvidenceAnchor { size: U64(size), root };
            let (size, root) = read::head(&world.model, Ledger::Evidence).unwrap();
            let evidence = EvidenceAnchor { size: U64(size + u64::from(step.with % 2)), root };
            Proposal::Recovery { reason: "a test".into(), evidence, reasoning }
        }
    }
}

fn command(world: &World, step: Step) -> Command {
    let known = read::ballots(&world.model, true, "", 100).unwrap();
    let some = known.get(usize::from(step.with) % known.len().max(1)).map(|(id, _)| id.clone());
    match step.kind {
        0..=11 => propose(&format!("p{}", world.index), proposal(world, step)),
        12 => Command::EnrolNode(EnrolNode {
            node: NodeId(world.index),
            key: key_of(world.index).public(),
            cosigner: key_of(world.index).cosigner().public(),
        }),
        13 | 14 => Command::RetireNode(RetireNode {
            node: read::nodes(&world.model)
                .unwrap()
                .iter()
                .map(|n| n.id)
                .nth(usize::from(step.with % 8))
                .unwrap_or(NodeId(1)),
        }),
        15 => Command::EnrolChip(EnrolChip { chip: chip(step.about).public(), technology: Technology::Software }),
        16 => Command::RotateKey(RotateKey { key: OrganisationKey::Root, new: key(150 + step.with % 40).public() }),
        17..=19 => Command::Conclude(Conclude { proposal_id: some.unwrap_or_else(|| "none".into()) }),
        _ => vote(&some.unwrap_or_else(|| "none".into()), !step.with.is_multiple_of(9)),
    }
}

/// A node key for an index.
fn key_of(index: u64) -> SecretKey {
    SecretKey::from_seed(Digest::of(&index.to_be_bytes()).as_bytes())
}

/// The organisation that holds a quorum of the nodes in service, and how many members there are.
fn balance(world: &World) -> (Option<OrganisationName>, usize) {
    let nodes: Vec<_> = read::nodes(&world.model).unwrap().into_iter().filter(|node| node.counts()).collect();
    let members = read::constitution(&world.model).unwrap().unwrap().organisations;
    let most = members.iter().map(|name| (nodes.iter().filter(|n| n.organisation == *name).count(), name)).max();
    (most.filter(|(held, _)| *held > nodes.len() / 2).map(|(_, name)| name.clone()), members.len())
}

/// What the rules are, without the count of their changes.
fn content(constitution: &ClusterConstitution) -> String {
    format!("{:?}", ClusterConstitution { revision: U64(0), ..constitution.clone() })
}

/// The world, what was reached, and how many refusals changed something.
fn run(steps: &[Step]) -> (World, BTreeSet<String>, usize) {
    let mut world = World::new();
    let (mut seen, mut traces) = (BTreeSet::new(), 0);
    let mut ended: BTreeMap<String, BallotStatus> = BTreeMap::new();
    let mut hashes = BTreeSet::from([read::constitution(&world.model).unwrap().unwrap().hash()]);
    for step in steps {
        let before = read::constitution(&world.model).unwrap().unwrap();
        let (held, members) = balance(&world);
        let size = world.size(Ledger::Reasoning);
        world.millis += u64::from(step.wait) * 100;
        let (author, wanted) = (roots(&world, &name(step.who)), command(&world, *step));
        let request = world.request();
        let wanted = world.meant(wanted);
        let mut applied = world.batch(&[envelope(Role::Root, &author, &request, wanted).to_bytes()]);
        traces += usize::from(applied.outcomes[0].is_err() && !crate::refused_without_trace(&applied));
        let outcome = applied.outcomes.remove(0);
        seen.insert(outcome.as_ref().map_or_else(|refusal| refusal.code.to_string(), |_| "accepted".into()));
        let after = read::constitution(&world.model).unwrap().unwrap();

        // The hash moves exactly when what it hashes does; never back; and a record says so, before and after.
        let leaf = |index| read::leaf(&world.model, Ledger::Reasoning, index).unwrap().unwrap();
        let new = (size..world.size(Ledger::Reasoning)).map(leaf);
        let records: Vec<_> = new.map(|leaf| Entry::from_leaf(&leaf).unwrap().record).collect();
        let changes: Vec<_> = records
            .iter()
            .filter_map(|r| if let Record::ConstitutionChanged(change) = r { Some(change) } else { None })
            .collect();
        let changed = before.hash() != after.hash();
        assert_eq!(changes.len(), usize::from(changed));
        assert_eq!(changed, before.revision != after.revision);
        assert!(changed || content(&before) == content(&after));
        if let Some(change) = changes.first() {
            assert_eq!((&change.before, &change.after), (&before, &after));
            assert!(hashes.insert(after.hash()), "an earlier constitution came back");
            seen.insert("changed".into());
        }
        // Somebody is always there to decide, and can.
        assert!(!after.organisations.is_empty() && after.organisations.len() <= 6);
        for class in
            [selfsame_protocol::constitution::Class::Ordinary, selfsame_protocol::constitution::Class::Constitutional]
        {
            assert!(after.needed(class) <= after.organisations.len());
            assert!(after.organisations.len() < 2 || after.needed(class) >= 2, "one of several decides alone");
        }
        // One end for each ballot, and a ballot of an older constitution is not open.
        for (id, ballot) in read::ballots(&world.model, false, "", usize::MAX).unwrap() {
            seen.insert(format!("{:?}", ballot.status));
            match ballot.status {
                BallotStatus::Open => {
                    assert_eq!(ballot.constitution, after.hash());
                    assert!(!ended.contains_key(&id), "{id} was opened again");
                }
                status => assert_eq!(*ended.entry(id).or_insert(status), status),
            }
        }
        let decisions = records.iter().filter(|r| matches!(r, Record::BallotDecided { .. })).count();
        assert!(decisions <= 1);
        // Nobody comes to hold a quorum; whoever was the only one keeps it until others have nodes.
        let (holds, now) = balance(&world);
        if now > 1 && holds.is_some() {
            let alone = members == 1 || held == holds;
            assert!(alone, "{holds:?} holds a quorum after {:?}", outcome);
        }
    }
    (world, seen, traces)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: crate::cases(48), rng_seed: RngSeed::Fixed(204), failure_persistence: None, ..ProptestConfig::default() })]

    /// shows: X-05, G-19
    #[test]
    fn no_sequence_of_governance_breaks_an_invariant(steps in prop::collection::vec(step(), 1..150)) {
        let (world, _, refused_with_a_trace) = run(&steps);
        prop_assert_eq!(refused_with_a_trace, 0);
        // A stranger who has the leaves and the submissions comes to the same members, keys and rules.
        world.audit();
    }
}

/// shows: G-19
/// The sequences reach what they are to exercise.
#[test]
fn the_random_sequences_reach_every_kind_of_ballot() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::{Config, TestRunner};
    let config = Config { rng_seed: RngSeed::Fixed(204), failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new(config);
    let strategy = prop::collection::vec(step(), 100..200);
    let mut seen = BTreeSet::new();
    let (mut most, mut least, mut removed, mut recoveries) = (0, usize::MAX, 0, 0);
    // With fewer cases they need not reach everything.
    if crate::cases(40) < 40 {
        return;
    }
    for _ in 0..40 {
        let steps = strategy.new_tree(&mut runner).unwrap().current();
        let (world, reached, _) = run(&steps);
        seen.extend(reached);
        let constitution = read::constitution(&world.model).unwrap().unwrap();
        most = most.max(constitution.organisations.len());
        least = least.min(constitution.organisations.len());
        recoveries = recoveries.max(constitution.recovery_count.0);
        removed += read::organisations(&world.model).unwrap().iter().filter(|o| o.removed.is_some()).count();
    }
    assert!(most > 3 && least < 3 && removed > 0 && recoveries > 0, "{most} {least} {removed} {recoveries}");
    for what in [
        "accepted",
        "changed",
        "Carried",
        "Rejected",
        "Expired",
        "Void",
        "ALREADY_VOTED",
        "BALLOT_EARLY",
        "BALLOT_EXPIRED",
        "KEY_EXISTS",
        "ORGANISATION_EXISTS",
        "ORGANISATION_QUORUM",
        "ORGANISATION_REMOVED",
        "RECOVERY_GAP",
        "RULES_INVALID",
        "UNKNOWN_PROPOSAL",
    ] {
        assert!(seen.contains(what), "{what} never reached: {seen:?}");
    }
}
