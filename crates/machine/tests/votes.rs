//! Edges of ballots: the last moment in which a vote counts, the first in which it does not, and names that are used up.

use crate::common::*;
use selfsame_machine::read;
use selfsame_machine::state::BallotStatus;
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{Command, Conclude, OrganisationKey, Proposal, Role};
use selfsame_protocol::constitution::{MAX_ORGANISATIONS, OBJECTION_MS, Rules, Share};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::record::{BallotEnd, EvidenceAnchor, Record};
use selfsame_protocol::response::{BallotExpired, BallotStanding};
use selfsame_protocol::time::{Timestamp, U64};

fn retire(n: u8) -> Proposal {
    Proposal::RetireChip { chip: chip(n).public().id(), reason: "stolen".into() }
}
fn conclude(id: &str) -> Command {
    Command::Conclude(Conclude { proposal_id: id.into() })
}
fn status(world: &World, id: &str) -> BallotStatus {
    read::ballot(&world.model, id).unwrap().unwrap().status
}
fn rules(world: &mut World, rules: Rules) {
    world.ballot(3, "rules", Proposal::ChangeRules { rules });
}

/// shows, G-09
#[test]
fn the_last_millisecond_counts_and_the_next_does_not() {
    let mut world = World::new();
    rules(&mut world, Rules { ballot_ms: U64(60_000), objection_ms: U64(1), ..Rules::default() });
    world.ok(Role::Root, &root(0), propose("p", retire(0)));
    let ends = world.millis + 60_000;
    assert_eq!(read::ballot(&world.model, "p").unwrap().unwrap().expires_time, Some(Timestamp::from_millis(ends)));
    // A batch is a second later than the one before.
    let at = |millis: u64| {
        let mut world = world.clone();
        world.millis = millis - 1_000;
        world
    };
    let mut late = at(ends);
    late.refused(Role::Root, &root(1), vote("p", true), Code::BallotExpired);
    let ballot = read::ballot(&late.model, "p").unwrap().unwrap();
    assert!(!read::takes_votes(&late.model, &ballot).unwrap());
    late.ok(Role::Root, &root(1), conclude("p"));
    assert_eq!(status(&late, "p"), BallotStatus::Expired);
    assert!(!read::takes_votes(&late.model, &read::ballot(&late.model, "p").unwrap().unwrap()).unwrap());
    late.refused(Role::Root, &root(1), vote("p", true), Code::ProposalClosed);
    late.audit();
    let mut just = at(ends - 1);
    just.ok(Role::Root, &root(1), vote("p", true));
    assert!(read::takes_votes(&just.model, &read::ballot(&just.model, "p").unwrap().unwrap()).unwrap());
    just.millis = ends - 2_000;
    // Too early to be concluded, and the time of the ledger never runs backwards.
    just.refused(Role::Root, &root(2), conclude("p"), Code::BallotEarly);
    just.audit();
}

/// shows, G-09
#[test]
fn the_last_entry_counts_and_the_next_does_not() {
    let mut world = World::new();
    rules(&mut world, Rules { ballot_entries: U64(4), ..Rules::default() });
    let opened = world.size(Ledger::Reasoning);
    world.ok(Role::Root, &root(0), propose("p", retire(0)));
    let ballot = read::ballot(&world.model, "p").unwrap().unwrap();
    assert_eq!((ballot.opened, ballot.expires_entries), (U64(opened), Some(U64(opened + 4))));
    for seed in 60..62 {
        world.enrol(0, &key(seed));
    }
    assert_eq!(world.size(Ledger::Reasoning), opened + 3);
    assert!(read::takes_votes(&world.model, &ballot).unwrap());
    world.clone().ok(Role::Root, &root(1), vote("p", true));
    world.enrol(0, &key(62));
    assert!(!read::takes_votes(&world.model, &ballot).unwrap());
    world.refused(Role::Root, &root(1), vote("p", true), Code::BallotExpired);
    // The next proposal records its end, and leaves the ballots alone whose time is not over.
    world.ok(Role::Root, &root(1), propose("q", retire(1)));
    assert_eq!((status(&world, "p"), status(&world, "q")), (BallotStatus::Expired, BallotStatus::Open));
    let ends: Vec<_> = world
        .chain("cluster", Ledger::Reasoning)
        .into_iter()
        .filter_map(|entry| match entry.record {
            Record::BallotClosed { proposal_id, result, approvals, rejections, threshold, .. } => {
                Some((proposal_id, result, approvals, rejections, threshold))
            }
            _ => None,
        })
        .collect();
    assert_eq!(ends, [("p".to_string(), BallotEnd::Expired, vec!["agency".parse().unwrap()], Vec::new(), U64(3))]);
    world.audit();
}

/// shows: X-05, G-11
#[test]
fn what_nobody_objected_to_is_carried_from_its_moment_on_and_not_once_it_expired() {
    let lost = || Proposal::RotateKey {
        organisation: "chamber".parse().unwrap(),
        key: OrganisationKey::Root,
        new: key(90).public(),
        reason: "lost".into(),
    };
    let mut world = World::new();
    world.ok(Role::Root, &root(0), propose("p", lost()));
    let from = world.millis + OBJECTION_MS;
    let opened = read::ballot(&world.model, "p").unwrap().unwrap();
    assert_eq!(opened.unopposed.map(|lower| (lower.needed, lower.from)), Some((U64(2), Timestamp::from_millis(from))));
    let at = |world: &World, millis: u64| {
        let mut world = world.clone();
        world.millis = millis - 1_000;
        world
    };
    // One alone is not enough, whenever it is.
    at(&world, from).refused(Role::Root, &root(0), conclude("p"), Code::BallotEarly);
    // The vote that reaches the lower number carries it from that moment on, and waits before it.
    let waiting = counted(&at(&world, from - 1).ok(Role::Root, &root(1), vote("p", true)));
    let carried_unopposed_from = Some(Timestamp::from_millis(from));
    assert_eq!(waiting.standing, BallotStanding::Open { carried_unopposed_from });
    let carried = counted(&at(&world, from).ok(Role::Root, &root(1), vote("p", true)));
    assert_eq!((carried.carried(), carried.threshold), (true, U64(2)));
    world.ok(Role::Root, &root(1), vote("p", true));
    at(&world, from - 1).refused(Role::Root, &root(1), conclude("p"), Code::BallotEarly);
    let mut on_time = at(&world, from);
    on_time.ok(Role::Root, &root(1), conclude("p"));
    assert_eq!(status(&on_time, "p"), BallotStatus::Carried);
    on_time.audit();
    // Over is over: what was not concluded in time has expired, and the key is what it was.
    let expires = opened.expires_time.unwrap().millis();
    let mut late = at(&world, expires);
    let ended: BallotExpired = result(late.ok(Role::Root, &root(0), conclude("p")));
    assert_eq!(ended.proposal_id, "p");
    assert_eq!(read::organisations(&late.model).unwrap()[2].root_key, root(2).public());
    late.ok(Role::Root, &root(2), propose("q", retire(0)));
    late.audit();
}

/// shows: X-05, G-04
#[test]
fn the_name_of_a_ballot_is_used_up_however_it_ended() {
    let mut world = World::new();
    world.ballot(3, "carried", retire(0));
    world.ok(Role::Root, &root(0), propose("rejected", retire(1)));
    world.ok(Role::Root, &root(1), vote("rejected", false));
    world.ok(Role::Root, &root(0), propose("void", retire(1)));
    rules(&mut world, Rules { ballot_ms: U64(60_000), objection_ms: U64(1), ..Rules::default() });
    world.ok(Role::Root, &root(0), propose("expired", retire(1)));
    world.millis += 60_000;
    world.ok(Role::Root, &root(0), conclude("expired"));
    world.ok(Role::Root, &root(0), propose("open", retire(1)));
    for (id, expected) in [
        ("carried", BallotStatus::Carried),
        ("rejected", BallotStatus::Rejected),
        ("void", BallotStatus::Void),
        ("expired", BallotStatus::Expired),
        ("open", BallotStatus::Open),
    ] {
        assert_eq!(status(&world, id), expected);
        for by in 0..3 {
            world.refused(Role::Root, &root(by), propose(id, retire(2)), Code::ProposalIdReused);
        }
        if expected != BallotStatus::Open {
            world.refused(Role::Root, &root(1), vote(id, true), Code::ProposalClosed);
            world.refused(Role::Root, &root(1), conclude(id), Code::ProposalClosed);
        }
    }
    world.refused(Role::Root, &root(1), conclude("unknown"), Code::UnknownProposal);
    world.audit();
}

/// shows: X-05, G-07
#[test]
fn only_root_keys_of_members_decide() {
    let mut world = World::new();
    world.ok(Role::Root, &root(0), propose("p", retire(0)));
    for (role, key) in [(Role::Operator, operator(1)), (Role::Chip, chip(1)), (Role::Node, node(2))] {
        for command in [propose("q", retire(1)), vote("p", true), conclude("p")] {
            // In its own role, and in the name of a root key.
            world.refused(role, &key, command.clone(), Code::RoleDenied);
            world.refused(Role::Root, &key, command, Code::RoleDenied);
        }
    }
    for stranger in [node(2).cosigner(), key(99)] {
        world.refused(Role::Root, &stranger, vote("p", true), Code::UnknownKey);
    }
    world.refused(Role::Root, &root(0), vote("p", true), Code::AlreadyVoted);
    world.refused(Role::Root, &root(0), vote("p", false), Code::AlreadyVoted);
    world.audit();
}

/// shows: X-05, G-08
#[test]
fn a_change_of_the_constitution_ends_every_open_ballot_and_a_change_of_keys_none() {
    let changes = |world: &World| {
        let anchor = |ledger| {
            let (size, root) = read::head(&world.model, ledger).unwrap();
            EvidenceAnchor { size: U64(size), root }
        };
        let half = Share::new(1, 2).unwrap();
        let publisher = selfsame_protocol::constitution::Publisher {
            organisation: "bureau".parse().unwrap(),
            log_key: key(95).public(),
        };
        [
            (add(3), true),
            (remove(2), true),
            (Proposal::ChangeRules { rules: Rules { cosigning: half, ..Rules::default() } }, true),
            (Proposal::MovePublisher { publisher }, true),
            (
                Proposal::Recovery {
                    reason: "lost".into(),
                    evidence: anchor(Ledger::Evidence),
                    reasoning: anchor(Ledger::Reasoning),
                },
                true,
            ),
            (retire(1), false),
            (
                Proposal::RotateKey {
                    organisation: "bureau".parse().unwrap(),
                    key: OrganisationKey::Operator,
                    new: key(96).public(),
                    reason: "lost".into(),
                },
                false,
            ),
        ]
    };
    let mut world = World::new();
    world.ok(Role::Root, &root(1), propose("waits", retire(0)));
    for (proposal, voids) in changes(&world) {
        let mut world = world.clone();
        let before = read::constitution(&world.model).unwrap().unwrap();
        world.ballot(3, "change", proposal);
        let after = read::constitution(&world.model).unwrap().unwrap();
        assert_eq!((before == after, before.hash() == after.hash()), (!voids, !voids));
        assert_eq!(after.revision.0, u64::from(voids));
        let waits = read::ballot(&world.model, "waits").unwrap().unwrap();
        assert_eq!(waits.status, if voids { BallotStatus::Void } else { BallotStatus::Open });
        assert_eq!(waits.constitution, before.hash());
        assert_eq!(waits.decided.is_some(), voids);
        let open = read::ballots(&world.model, true, "", 9).unwrap();
        assert_eq!(open.len(), usize::from(!voids));
        if voids {
            world.refused(Role::Root, &root(0), vote("waits", true), Code::ProposalClosed);
        } else {
            world.ok(Role::Root, &root(0), vote("waits", true));
        }
        world.audit();
    }
}

/// shows: X-05
#[test]
fn the_time_to_object_is_shorter_than_the_ballot() {
    let mut world = World::new();
    let timed = |ballot_ms: u64, objection_ms: u64| Proposal::ChangeRules {
        rules: Rules { ballot_ms: U64(ballot_ms), objection_ms: U64(objection_ms), ..Rules::default() },
    };
    for (ballot, objection) in [(1_000, 1_000), (1_000, 1_001), (1, 1), (OBJECTION_MS, OBJECTION_MS)] {
        world.refused(Role::Root, &root(0), propose("p", timed(ballot, objection)), Code::RulesInvalid);
    }
    // A ballot without an end leaves all the time of the world; and one millisecond less than the ballot is enough.
    for (n, (ballot, objection)) in [(1_000, 999), (0, 5_000), (0, 0), (1, 0)].into_iter().enumerate() {
        world.clone().ok(Role::Root, &root(0), propose(&format!("p{n}"), timed(ballot, objection)));
    }
}

/// shows: X-05, G-12
#[test]
fn a_cluster_takes_as_many_organisations_as_one_entry_can_list() {
    let mut constitution = genesis().constitution();
    while constitution.organisations.len() < MAX_ORGANISATIONS {
        let name = format!("member-{}", constitution.organisations.len());
        constitution = constitution.amended(&add_named(&name, 100)).unwrap().unwrap();
    }
    assert!(constitution.organisations.is_sorted());
    let refused = constitution.amended(&add_named("one-more", 100)).unwrap_err();
    assert_eq!(refused.code, Code::LimitExceeded);
    let twice = constitution.amended(&add_named("member-7", 100)).unwrap_err();
    assert_eq!(twice.code, Code::OrganisationExists);
    // With room again it goes on.
    let fewer = constitution.amended(&remove_named("member-7")).unwrap().unwrap();
    assert!(fewer.amended(&add_named("one-more", 100)).is_ok());
}

/// A ballot names what it is about; of another chip, or of one that does not exist, nothing is retired.
/// shows: X-05, G-13
#[test]
fn what_cannot_be_done_refuses_the_deciding_vote_and_leaves_the_ballot_open() {
    let mut world = World::new();
    let unknown = Proposal::RetireChip { chip: Digest::of(b"nobody's"), reason: "stolen".into() };
    world.refused_ballot(3, "unknown", unknown, Code::UnknownChip);
    assert_eq!(status(&world, "unknown"), BallotStatus::Open);
    world.ballot(3, "known", retire(1));
    let retired: Vec<_> = read::chips(&world.model).unwrap().into_iter().filter(|chip| chip.retired).collect();
    assert_eq!(retired.iter().map(|chip| chip.key).collect::<Vec<_>>(), [chip(1).public()]);
    world.audit();
}
