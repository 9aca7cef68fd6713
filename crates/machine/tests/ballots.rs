//! Ballots that change members, keys, rules and chips: when they are decided, and what follows.

use crate::common::{self, *};
use selfsame_machine::read;
use selfsame_machine::state::{BallotStatus, Publication};
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{
    Command, Conclude, EnrolChip, EnrolNode, GiveVerdict, OrganisationKey, Proposal, RecoverClose, RetireNode, Role,
    Vote,
};
use selfsame_protocol::constitution::{
    ClusterConstitution, MAX_OPEN_BALLOTS, OBJECTION_MS, Publisher, Rules, Share, ballot_digest,
};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::number::{LogIndex, NodeId};
use selfsame_protocol::p104::Technology;
use selfsame_protocol::record::{BallotEnd, ConstitutionChange, QuorumCause, Record};
use selfsame_protocol::response::BallotStanding;
use selfsame_protocol::time::U64;
use serde_json::json;

fn constitution(world: &World) -> ClusterConstitution {
    read::constitution(&world.model).unwrap().unwrap()
}
fn cluster(world: &World) -> Vec<Record> {
    world.chain("cluster", Ledger::Reasoning).into_iter().map(|entry| entry.record).collect()
}
fn changes(world: &World) -> Vec<ConstitutionChange> {
    let records = cluster(world).into_iter();
    records.filter_map(|r| if let Record::ConstitutionChanged(change) = r { Some(*change) } else { None }).collect()
}
fn status(world: &World, id: &str) -> BallotStatus {
    read::ballot(&world.model, id).unwrap().unwrap().status
}
fn retire(n: u8) -> Proposal {
    Proposal::RetireChip { chip: chip(n).public().id(), reason: "stolen".into() }
}
fn rotate(organisation: &str, key: OrganisationKey, seed: u8) -> Proposal {
    let new = common::key(seed).public();
    Proposal::RotateKey { organisation: organisation.parse().unwrap(), key, new, reason: "lost".into() }
}
fn open_ids(world: &World) -> Vec<String> {
    read::ballots(&world.model, true, "", 100).unwrap().into_iter().map(|(id, _)| id).collect()
}

/// shows: X-05, G-06, G-07, G-14
#[test]
fn an_organisation_joins_by_ballot_votes_and_leaves_by_ballot_with_its_history() {
    let mut world = World::new();
    let founding = constitution(&world);
    assert_eq!(founding, genesis().constitution());
    world.refused(Role::Root, &root(3), vote("p1", true), Code::UnknownKey);
    world.ballot(3, "join", add(3));
    let [change] = &changes(&world)[..] else { panic!() };
    assert_eq!((&change.before, change.before_hash), (&founding, founding.hash()));
    assert_eq!((&change.after, change.after_hash), (&constitution(&world), constitution(&world).hash()));
    assert_eq!(change.after.organisations, ["agency", "bureau", "chamber", "delegation"]);
    let entry = world.chain("organisation:delegation", Ledger::Reasoning).remove(0);
    let Record::Governance { action } = entry.record else { panic!() };
    let action = json!(action);
    assert_eq!((&action["action"], &action["proposal_id"]), (&json!("add_organisation"), &json!("join")));

    // It acts like every other member: nodes, chips, births, votes. Of four, three are needed.
    world.ok(
        Role::Root,
        &root(3),
        Command::EnrolNode(EnrolNode { node: NodeId(4), key: node(4).public(), cosigner: node(4).cosigner().public() }),
    );
    world.enrol(3, &chip(3));
    world.born(&uuid(7), 3);
    world.ok(Role::Root, &root(3), propose("p2", retire(0)));
    world.ok(Role::Root, &root(0), vote("p2", true));
    assert!(counted(&world.ok(Role::Root, &root(1), vote("p2", true))).carried());

    // It leaves: every key of its own ends, its node is retired, what it wrote stays.
    let entries = world.entries(Ledger::Reasoning);
    world.ballot(3, "leave", remove(3));
    for (role, key) in
        [(Role::Root, root(3)), (Role::Operator, operator(3)), (Role::Node, node(4)), (Role::Chip, chip(3))]
    {
        let command = match role {
            Role::Root => vote("p9", true),
            Role::Operator => Command::RecoverClose(RecoverClose { substrate_id: uuid(7) }),
            Role::Node => Command::Verdict(GiveVerdict {
                substrate_id: uuid(7),
                verification: LogIndex(1),
                finding: claim(selfsame_protocol::p104::Outcome::Verified),
            }),
            Role::Chip => world.open_command(&uuid(7)),
        };
        world.refused(role, &key, command, Code::OrganisationRemoved);
    }
    assert!(read::nodes(&world.model).unwrap()[3].retired);
    assert_eq!(world.entries(Ledger::Reasoning)[..entries.len()], entries);
    // Its name, keys and node id are used up.
    world.refused(Role::Root, &root(0), propose("again", remove(3)), Code::UnknownOrganisation);
    world.refused_ballot(3, "name", add_named("delegation", 70), Code::OrganisationExists);
    let keys = Proposal::AddOrganisation {
        name: "embassy".parse().unwrap(),
        root_key: root(3).public(),
        operator_key: key(71).public(),
    };
    world.refused_ballot(3, "keys", keys, Code::KeyExists);
    let enrol =
        Command::EnrolNode(EnrolNode { node: NodeId(4), key: key(72).public(), cosigner: key(72).cosigner().public() });
    world.refused(Role::Root, &root(0), enrol, Code::NodeIdReused);
    // Its chip is nobody's destination any more, and its substrate goes on elsewhere only by ballot.
    let seal = |destination: u8| Proposal::ForceSeal {
        substrate_id: uuid(7),
        migration_id: format!("m{destination}"),
        destination: chip(destination).public().id(),
        reason: "its organisation left".into(),
    };
    world.seasoned(&uuid(8), 1);
    let to_gone = Proposal::ForceSeal {
        substrate_id: uuid(8),
        migration_id: "m".into(),
        destination: chip(3).public().id(),
        reason: "lost".into(),
    };
    world.refused_ballot(3, "gone", to_gone, Code::ChipRetired);
    world.refused_ballot(3, "unclosed", seal(1), Code::MigrationState);
    world.audit();
}

/// shows: X-05, G-12
#[test]
fn the_last_organisation_stays() {
    let mut world = World::new();
    world.ballot(3, "c", remove(2));
    world.ballot(2, "b", remove(1));
    assert_eq!(constitution(&world).organisations, ["agency"]);
    world.refused(Role::Root, &root(0), propose("a", remove(0)), Code::LastOrganisation);
    // Alone it decides alone.
    world.ok(Role::Root, &root(0), propose("d", retire(0)));
    assert_eq!(status(&world, "d"), BallotStatus::Carried);
    world.audit();
}

/// shows: X-05, G-03, G-11
#[test]
fn a_lost_root_key_is_replaced_by_the_others_and_the_old_one_votes_no_more() {
    let mut world = World::new();
    // Three of three are needed, and one of them has no key: the two others suffice once it had its time to object.
    world.ok(Role::Root, &root(0), propose("p2", rotate("chamber", OrganisationKey::Root, 90)));
    let waiting = counted(&world.ok(Role::Root, &root(1), vote("p2", true)));
    assert_eq!((waiting.carried(), waiting.threshold), (false, U64(3)));
    let conclude = || Command::Conclude(Conclude { proposal_id: "p2".into() });
    world.refused(Role::Root, &root(1), conclude(), Code::BallotEarly);
    let before = world.millis;
    world.millis += OBJECTION_MS - 4_000;
    world.refused(Role::Root, &root(1), conclude(), Code::BallotEarly);
    world.refused(Role::Root, &root(1), vote("p2", true), Code::AlreadyVoted);
    world.millis = before + OBJECTION_MS;
    let decided = counted(&world.ok(Role::Root, &root(1), conclude()));
    assert_eq!((decided.carried(), decided.threshold), (true, U64(2)));
    world.refused(Role::Root, &root(0), conclude(), Code::ProposalClosed);
    world.refused(Role::Root, &root(2), vote("x", true), Code::KeyEnded);
    world.refused(Role::Root, &key(90), vote("x", true), Code::UnknownProposal);
    // Nobody else's keys, and no key twice.
    let twice = rotate("agency", OrganisationKey::Operator, 90);
    world.ok(Role::Root, &root(0), propose("p3", twice));
    world.ok(Role::Root, &root(1), vote("p3", true));
    world.refused(Role::Root, &key(90), vote("p3", true), Code::KeyExists);
    let nobody = rotate("nobody", OrganisationKey::Operator, 91);
    world.refused(Role::Root, &root(0), propose("p4", nobody), Code::UnknownOrganisation);
    let action = world.chain("organisation:chamber", Ledger::Reasoning).pop().unwrap().record;
    let expected = json!({"action": {"action": "rotate_key", "key": "root", "old": root(2).public(),
        "new": key(90).public(), "proposal_id": "p2"}, "record_type": "governance"});
    assert_eq!(json!(action), expected);
    // The constitution has no keys: it did not change.
    assert_eq!(changes(&world).len(), 0);
    // An organisation that has its key ends such a ballot by one vote, now or later.
    world.ok(Role::Root, &root(0), propose("theft", rotate("chamber", OrganisationKey::Root, 92)));
    assert_eq!(counted(&world.ok(Role::Root, &key(90), vote("theft", false))).standing, BallotStanding::Rejected);
    world.ok(Role::Root, &root(0), propose("coup", remove(2)));
    assert_eq!(counted(&world.ok(Role::Root, &key(90), vote("coup", false))).standing, BallotStanding::Rejected);
    world.audit();
}

/// shows: G-07, G-11
/// Two organisations cannot take anything from each other, whatever time passes.
#[test]
fn of_two_organisations_neither_decides_about_the_other() {
    let mut world = World::new();
    world.ballot(3, "c", remove(2));
    world.ok(Role::Root, &root(0), propose("p", rotate("bureau", OrganisationKey::Root, 90)));
    world.ok(Role::Root, &root(0), propose("q", remove(1)));
    assert_eq!(read::ballot(&world.model, "p").unwrap().unwrap().unopposed, None);
    assert_eq!((status(&world, "p"), status(&world, "q")), (BallotStatus::Open, BallotStatus::Open));
    world.audit();
}

/// shows: X-05, G-06, G-08
#[test]
fn a_change_of_rules_moves_the_hash_and_voids_what_was_open() {
    let mut world = World::new();
    let before = constitution(&world);
    world.ok(Role::Root, &root(1), propose("b", retire(0)));
    world.ok(Role::Root, &root(2), propose("a", retire(1)));
    let rules = |ordinary: Share| Rules { ordinary, ..Rules::default() };
    world.refused(
        Role::Root,
        &root(0),
        propose("same", Proposal::ChangeRules { rules: Rules::default() }),
        Code::RulesInvalid,
    );
    for vetoes in [vec!["stranger"], vec!["bureau", "agency"], vec!["agency", "agency"]] {
        let rules = Rules { vetoes: vetoes.iter().map(|name| name.parse().unwrap()).collect(), ..Rules::default() };
        world.refused(Role::Root, &root(0), propose("veto", Proposal::ChangeRules { rules }), Code::RulesInvalid);
    }
    world.ballot(3, "half", Proposal::ChangeRules { rules: rules(Share::new(1, 2).unwrap()) });
    let [first] = &changes(&world)[..] else { panic!() };
    assert_eq!(first.voided, ["a", "b"]);
    assert_eq!(open_ids(&world), [""; 0]);
    let ends: Vec<_> = cluster(&world)
        .into_iter()
        .filter_map(|r| match r {
            Record::BallotClosed { proposal_id, result, constitutional_state_hash, .. } => {
                Some((proposal_id, result, constitutional_state_hash))
            }
            _ => None,
        })
        .collect();
    assert_eq!(ends, [("a", BallotEnd::Void), ("b", BallotEnd::Void)].map(|(id, end)| (id.into(), end, before.hash())));
    // The new rules count from now on: two of three.
    world.ok(Role::Root, &root(0), propose("c", retire(0)));
    world.ok(Role::Root, &root(1), vote("c", true));
    assert_eq!(status(&world, "c"), BallotStatus::Carried);
    // Back to the old rules is a third constitution, not the first.
    world.ballot(3, "back", Proposal::ChangeRules { rules: Rules::default() });
    assert_eq!(constitution(&world).rules, before.rules);
    assert_ne!(constitution(&world).hash(), before.hash());
    assert_eq!(changes(&world)[1].before, first.after);
    world.audit();
}

/// shows: X-05, G-10
#[test]
fn a_veto_ends_a_constitutional_ballot_and_no_other() {
    let mut world = World::new();
    let half = Share::new(1, 2).unwrap();
    let rules =
        Rules { ordinary: half, constitutional: half, vetoes: vec!["chamber".parse().unwrap()], ..Rules::default() };
    world.ballot(3, "rules", Proposal::ChangeRules { rules });
    world.ok(Role::Root, &root(0), propose("join", add(3)));
    assert_eq!(counted(&world.ok(Role::Root, &root(2), vote("join", false))).standing, BallotStanding::Rejected);
    world.refused(Role::Root, &root(1), vote("join", true), Code::ProposalClosed);
    world.ok(Role::Root, &root(0), propose("chip", retire(0)));
    assert!(!counted(&world.ok(Role::Root, &root(2), vote("chip", false))).carried());
    assert!(counted(&world.ok(Role::Root, &root(1), vote("chip", true))).carried());
    // A veto goes with its organisation, which may leave silently.
    world.ok(Role::Root, &root(0), propose("out", remove(2)));
    world.millis += OBJECTION_MS;
    world.ok(Role::Root, &root(1), vote("out", true));
    assert_eq!(constitution(&world).rules.vetoes, [""; 0]);
    world.audit();
}

/// shows: X-01, X-05, G-09
#[test]
fn a_ballot_expires_by_the_ledger_and_never_by_a_clock() {
    let rules = Rules { ballot_entries: U64(6), ballot_ms: U64(10_000), objection_ms: U64(1), ..Rules::default() };
    let mut world = World::new();
    world.ballot(3, "rules", Proposal::ChangeRules { rules });
    // By entries: its own two, then four more.
    world.ok(Role::Root, &root(0), propose("entries", retire(0)));
    world.millis -= 4_000;
    for seed in 60..64 {
        world.enrol(0, &key(seed));
    }
    world.enrol(0, &key(64));
    world.refused(Role::Root, &root(1), vote("entries", true), Code::BallotExpired);
    assert_eq!(open_ids(&world), ["entries"]);
    world.ok(Role::Root, &root(1), Command::Conclude(Conclude { proposal_id: "entries".into() }));
    assert_eq!(status(&world, "entries"), BallotStatus::Expired);
    // By the time of the ledger.
    world.ok(Role::Root, &root(0), propose("time", retire(0)));
    assert_eq!(open_ids(&world), ["time"]);
    world.millis += 8_000;
    world.ok(Role::Root, &root(1), vote("time", true));
    world.refused(Role::Root, &root(2), vote("time", true), Code::BallotExpired);
    // A new ballot sweeps out what is over. The other way round: just in time.
    world.ok(Role::Root, &root(0), propose("in/time", retire(0)));
    assert_eq!((open_ids(&world), status(&world, "time")), (vec!["in/time".into()], BallotStatus::Expired));
    world.ok(Role::Root, &root(1), vote("in/time", true));
    world.ok(Role::Root, &root(2), vote("in/time", true));
    assert_eq!(status(&world, "in/time"), BallotStatus::Carried);
    world.audit();
}

/// shows: X-05, G-12
#[test]
fn one_organisation_cannot_hold_the_floor() {
    let mut world = World::new();
    for n in 0..MAX_OPEN_BALLOTS {
        world.ok(Role::Root, &root(0), propose(&format!("p{n}"), retire(0)));
    }
    world.refused(Role::Root, &root(0), propose("more", retire(0)), Code::LimitExceeded);
    world.ok(Role::Root, &root(1), propose("other", retire(0)));
    // Rejected is closed: there is room again.
    world.ok(Role::Root, &root(1), vote("p0", false));
    world.ok(Role::Root, &root(0), propose("more", retire(0)));
    // What cannot be carried out refuses the deciding vote, and the ballot stays open.
    world.ok(Role::Root, &root(1), vote("p1", true));
    world.ok(Role::Root, &root(2), vote("p1", true));
    world.ok(Role::Root, &root(1), vote("p2", true));
    world.refused(Role::Root, &root(2), vote("p2", true), Code::ChipRetired);
    assert_eq!(status(&world, "p2"), BallotStatus::Open);
    world.audit();
}

/// shows: X-05, G-15
#[test]
fn no_organisation_gains_a_quorum_by_what_others_do() {
    let mut world = World::new();
    let enrol = |id: u64| {
        Command::EnrolNode(EnrolNode {
            node: NodeId(id),
            key: node(id).public(),
            cosigner: node(id).cosigner().public(),
        })
    };
    let retire = |id: u64| Command::RetireNode(RetireNode { node: NodeId(id) });
    world.ok(Role::Root, &root(0), enrol(4));
    // Of the three that would remain, two are the agency's: the bureau brings another node first.
    world.refused(Role::Root, &root(1), retire(2), Code::OrganisationQuorum);
    world.refused_ballot(3, "out", remove(1), Code::OrganisationQuorum);
    world.ok(Role::Root, &root(1), enrol(5));
    world.ok(Role::Root, &root(1), retire(2));
    // Of {1, 3, 4, 5} the two of the agency are no quorum; without the chamber they would be.
    world.refused_ballot(3, "out2", remove(2), Code::OrganisationQuorum);
    world.ok(Role::Root, &root(0), retire(4));
    world.ballot(3, "out3", remove(2));
    // Two organisations with a node each.
    world.refused(Role::Root, &root(0), retire(1), Code::OrganisationQuorum);
    world.audit();
}

/// shows: G-15, G-16
/// A failed copy is put out of service whoever gains by it; the record says who does.
#[test]
fn a_quarantine_is_never_refused_for_balance_but_warned_of() {
    let (mut world, id) = closed();
    world.ok(
        Role::Root,
        &root(0),
        Command::EnrolNode(EnrolNode { node: NodeId(4), key: node(4).public(), cosigner: node(4).cosigner().public() }),
    );
    let verification = world.ask(&id, &chip(0));
    world.verdict(&id, verification, 2, claim(selfsame_protocol::p104::Outcome::HashMismatch)).unwrap();
    for from in [1, 3, 4] {
        world.honest(&id, from);
    }
    assert!(read::nodes(&world.model).unwrap()[1].quarantined.is_some());
    let [.., Record::NodeQuarantine { .. }, warning] = &cluster(&world)[..] else { panic!() };
    let expected = Record::OrganisationQuorumWarning {
        organisation: "agency".parse().unwrap(),
        held: U64(2),
        total: U64(3),
        cause: QuorumCause::NodeQuarantine,
    };
    assert_eq!(*warning, expected);
    world.audit();
}

/// A cluster of one takes a second organisation in, and says that the first still has the quorum.
/// shows: X-05, G-07, G-15
#[test]
fn a_cluster_of_one_organisation_grows() {
    let mut world = World::new();
    world.ballot(3, "c", remove(2));
    world.ballot(2, "b", remove(1));
    world.ok(Role::Root, &root(0), propose("join", add(3)));
    let [.., warning] = &cluster(&world)[..] else { panic!() };
    let Record::OrganisationQuorumWarning { organisation, cause, .. } = warning else { panic!("{warning:?}") };
    assert_eq!((organisation.as_str(), cause.as_str()), ("agency", "add_organisation"));
    let enrol = |id: u64| {
        Command::EnrolNode(EnrolNode {
            node: NodeId(id),
            key: node(id).public(),
            cosigner: node(id).cosigner().public(),
        })
    };
    world.refused(Role::Root, &root(0), enrol(5), Code::OrganisationQuorum);
    world.ok(Role::Root, &root(3), enrol(4));
    world.audit();
}

/// shows: X-05, G-12
#[test]
fn proposals_with_bad_names_are_refused_before_anything_else() {
    let mut world = World::new();
    let same = Proposal::AddOrganisation {
        name: "e".parse().unwrap(),
        root_key: key(70).public(),
        operator_key: key(70).public(),
    };
    world.refused(Role::Root, &root(0), propose("p", same), Code::KeyExists);
    let nameless = Proposal::ForceSeal {
        substrate_id: uuid(1),
        migration_id: "no name".into(),
        destination: Digest::of(b""),
        reason: "lost".into(),
    };
    world.refused(Role::Root, &root(0), propose("p", nameless), Code::Malformed);
    let long = Proposal::RetireChip { chip: Digest::of(b""), reason: "r".repeat(5_000) };
    world.refused(Role::Root, &root(0), propose("p", long), Code::LimitExceeded);
    world.refused(Role::Root, &root(0), propose("p", remove_named("stranger")), Code::UnknownOrganisation);
    let lost = Proposal::RotateKey {
        organisation: "stranger".parse().unwrap(),
        key: OrganisationKey::Root,
        new: key(71).public(),
        reason: "lost".into(),
    };
    world.refused(Role::Root, &root(0), propose("p", lost), Code::UnknownOrganisation);
    world.audit();
}

/// shows: X-05, G-02, G-06
#[test]
fn the_publisher_moves_by_ballot_and_leaves_with_its_organisation() {
    let mut world = World::new();
    let to = |organisation: &str, log_key| Proposal::MovePublisher {
        publisher: Publisher { organisation: organisation.parse().unwrap(), log_key },
    };
    let publication = |world: &World| read::publication(&world.model).unwrap();
    assert_eq!(publication(&world), Publication { threshold: Some(3), publisher: genesis().publication.publisher });
    world.refused(Role::Root, &root(0), propose("p0", to("stranger", key(70).public())), Code::UnknownOrganisation);
    // A log key signs nothing else, and nothing else becomes a log key.
    world.refused_ballot(3, "p1", to("chamber", operator(2).public()), Code::KeyExists);
    world.refused_ballot(3, "p2", to("chamber", node(3).cosigner().public()), Code::KeyExists);
    world.ballot(3, "p3", to("chamber", key(70).public()));
    assert_eq!(publication(&world).publisher.unwrap().log_key, key(70).public());
    world.refused(Role::Root, &root(0), enrol_chip(70), Code::KeyExists);
    // Nor does one that was replaced, or that went with its organisation.
    world.ballot(3, "p3b", to("chamber", key(71).public()));
    world.refused(Role::Root, &root(0), enrol_chip(70), Code::KeyExists);
    world.refused_ballot(3, "p3c", to("agency", key(70).public()), Code::KeyExists);
    let rules = Rules { cosigning: Share::new(1, 2).unwrap(), ..Rules::default() };
    world.ballot(3, "p4", Proposal::ChangeRules { rules });
    assert_eq!(publication(&world).threshold, Some(2));
    assert_eq!(read::quorum(&world.model, &genesis()).unwrap().threshold, 2);
    world.ballot(3, "p5", remove(2));
    assert_eq!(publication(&world).publisher, None);
    world.refused(Role::Root, &root(0), enrol_chip(71), Code::KeyExists);
    assert!(read::quorum(&world.model, &genesis()).unwrap().cosigners.iter().all(|c| c.organisation != "chamber"));
    world.audit();
}

fn enrol_chip(seed: u8) -> Command {
    Command::EnrolChip(EnrolChip { chip: key(seed).public(), technology: Technology::Software })
}

/// A vote is about one proposal under one constitution: under another it does not count, whatever name it bears. Else a
/// member could put a proposal of its own under the votes of others, in a history of its own.
/// shows: X-05, G-02
#[test]
fn a_vote_about_another_proposal_does_not_count() {
    let mut world = World::new();
    let ballot = |world: &World, id: &str| read::ballot(&world.model, id).unwrap().unwrap();
    let retire = |seed: u8| Proposal::RetireChip { chip: key(seed).public().id(), reason: "stolen".into() };
    world.ok(Role::Root, &root(0), propose("harmless", retire(60)));
    world.ok(Role::Root, &root(0), propose("other", retire(61)));
    let [harmless, other] = ["harmless", "other"].map(|id| ballot(&world, id));
    let about = |constitution, id: &str, proposal| ballot_digest(&constitution, id, proposal);
    for wrong in [
        about(other.constitution, "other", &harmless.proposal),
        about(other.constitution, "harmless", &other.proposal),
        about(Digest::of(b"another"), "other", &other.proposal),
        Digest::of(b"nothing"),
    ] {
        let vote = Command::Vote(Vote { proposal_id: "other".into(), ballot: wrong, approve: true });
        world.refused(Role::Root, &root(1), vote, Code::StateMismatch);
    }
    let right = about(other.constitution, "other", &other.proposal);
    world.ok(Role::Root, &root(1), Command::Vote(Vote { proposal_id: "other".into(), ballot: right, approve: true }));
    world.audit();
}
