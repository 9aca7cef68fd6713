//! A history of governance that was altered does not verify, and the check that finds it is named.

use crate::common::*;
use selfsame_machine::read;
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{Command, OrganisationKey, Proposal, Role, Submission};
use selfsame_protocol::constitution::{OBJECTION_MS, Rules, Share};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::{Entry, Ledger};
use selfsame_protocol::envelope::Envelope;
use selfsame_protocol::governance::GovernanceAction;
use selfsame_protocol::record::{BallotEnd, Record};
use selfsame_protocol::replay::BadCheck;
use selfsame_protocol::time::U64;
use serde_json::json;
use std::collections::BTreeMap;

/// A history with every kind of record in it.
fn history() -> World {
    let mut world = World::new();
    world.ballot(3, "join", add(3));
    world.ok(
        Role::Root,
        &root(3),
        Command::EnrolNode { node: U64(4), key: node(4).public(), cosigner: node(4).cosigner().public() },
    );
    world.ok(Role::Root, &root(1), Command::RotateKey { key: OrganisationKey::Operator, new: key(90).public() });
    world.enrol(3, &chip(3));
    world.ok(Role::Root, &root(3), Command::RetireChip { chip: chip(3).public().id() });
    let stolen = || Proposal::RetireChip { chip: chip(0).public().id(), reason: "stolen".into() };
    world.ok(Role::Root, &root(0), propose("no", stolen()));
    world.ok(Role::Root, &root(1), vote("no", false));
    world.ok(Role::Root, &root(2), vote("no", false));
    world.ballot(3, "chip", stolen());
    world.ok(Role::Root, &root(2), propose("open", stolen()));
    let half = Share::new(1, 2).unwrap();
    world.ballot(3, "rules", Proposal::ChangeRules { rules: Rules { constitutional: half, ..Rules::default() } });
    let lost = Proposal::RotateKey {
        organisation: "delegation".into(),
        key: OrganisationKey::Root,
        new: key(91).public(),
        reason: "lost".into(),
    };
    world.ok(Role::Root, &root(0), propose("lost", lost));
    world.ok(Role::Root, &root(1), vote("lost", true));
    world.refused(Role::Root, &root(0), Command::Conclude { proposal_id: "lost".into() }, Code::BallotEarly);
    world.millis += OBJECTION_MS;
    world.ok(Role::Root, &root(0), Command::Conclude { proposal_id: "lost".into() });
    world.ballot(3, "leave", remove(3));
    world
}

/// The leaves with their submissions.
type Log = Vec<(Entry, Vec<u8>)>;

fn log(world: &World) -> Log {
    let submission = |entry: &Entry| read::envelope(&world.model, &entry.submission).unwrap().unwrap();
    world.entries(Ledger::Reasoning).into_iter().map(|entry| (submission(&entry), entry)).map(|(s, e)| (e, s)).collect()
}

#[test]
fn a_genesis_and_its_document_are_one() {
    let genesis = genesis();
    let document = genesis.document();
    assert_eq!(
        selfsame_protocol::canon::to_canonical_of(&document),
        selfsame_protocol::canon::to_canonical_of(&genesis)
    );
    assert_eq!((document.digest(), document.constitution()), (genesis.digest(), genesis.constitution()));
    assert!(document.check().is_ok());
    for ledger in Ledger::BOTH {
        assert_eq!(document.ledger_origin(ledger), genesis.ledger_origin(ledger));
    }
}

/// Puts the log in order again as somebody would who can write the ledger anew: indexes, depths and chains fit.
fn mend(log: &mut Log) {
    let mut chains: BTreeMap<String, (u64, Digest)> = BTreeMap::new();
    for (index, (entry, _)) in log.iter_mut().enumerate() {
        entry.index = U64(index as u64);
        let chain = chains.get(&entry.subject).copied();
        entry.depth = U64(chain.map_or(0, |(depth, _)| depth));
        entry.prior_entry_hash = chain.map(|(_, hash)| hash);
        chains.insert(entry.subject.clone(), (entry.depth.0 + 1, Entry::hash_of(&entry.leaf())));
    }
}

fn verify(log: &Log, signed: bool) -> Result<(), BadCheck> {
    let mut audit = genesis().audit();
    for (entry, submission) in log {
        audit.leaf(&entry.leaf(), signed.then_some(&submission[..]))?;
    }
    audit.finish().map(|_| ())
}

/// The check that finds a change, made by somebody who can write everything but sign.
fn found(world: &World, change: impl Fn(&mut Log)) -> &'static str {
    let mut altered = log(world);
    change(&mut altered);
    mend(&mut altered);
    verify(&altered, false).err().map_or("nothing", |bad| bad.check)
}

fn at(log: &Log, kind: impl Fn(&Record) -> bool) -> usize {
    log.iter().position(|(entry, _)| kind(&entry.record)).unwrap()
}
fn action(log: &mut Log, name: &str, change: impl Fn(&mut serde_json::Value)) {
    let index = at(log, |r| is_action(r, name));
    let Record::Governance { action } = &mut log[index].0.record else { unreachable!() };
    let mut value = json!(action);
    change(&mut value);
    *action = serde_json::from_value(value).unwrap();
}

/// shows: X-05
#[test]
fn what_was_altered_shows_and_has_a_name() {
    let world = history();
    verify(&log(&world), true).unwrap();
    assert_eq!(found(&world, |_| {}), "nothing");
    let decided = |r: &Record| matches!(r, Record::BallotDecided { .. });
    let closed = |end: BallotEnd| move |r: &Record| matches!(r, Record::BallotClosed { result, .. } if *result == end);
    let changed = |r: &Record| matches!(r, Record::ConstitutionChanged(_));

    // Without its chain put right, any change shows at once.
    let mut one = log(&world);
    one.remove(0);
    assert!(["ENTRY_DEPTH", "PRIOR_ENTRY_HASH"].contains(&verify(&one, false).unwrap_err().check));

    type Change = Box<dyn Fn(&mut Log)>;
    let cases: Vec<(&str, Change)> = vec![
        // A vote less, a vote twice, a vote turned round, a vote by nobody, a vote on nothing.
        ("BALLOT_VOTES", Box::new(|log| drop(log.remove(at(log, |r| is_vote(r, "join")))))),
        (
            "ONE_VOTE",
            Box::new(|log| {
                let vote = log[at(log, |r| is_vote(r, "join"))].clone();
                log.insert(at(log, |r| is_vote(r, "join")), vote);
            }),
        ),
        (
            "BALLOT_RESULT",
            Box::new(|log| {
                action(log, "vote", |vote| vote["approve"] = json!(false));
            }),
        ),
        (
            "GOVERNANCE_MEMBER",
            Box::new(|log| {
                let index = at(log, |r| is_vote(r, "join"));
                log[index].0.subject = "organisation:nobody".into();
            }),
        ),
        ("BALLOT_OPEN", Box::new(|log| action(log, "vote", |vote| vote["proposal_id"] = json!("other")))),
        (
            "PROPOSAL_ID",
            Box::new(|log| {
                let propose = log[at(log, |r| is_action(r, "propose"))].clone();
                log.insert(at(log, |r| is_vote(r, "join")), propose);
            }),
        ),
        // A decision that the votes do not make, that is missing, or that decides something else.
        ("BALLOT_RESULT", Box::new(move |log| drop(log.remove(at(log, closed(BallotEnd::Rejected)))))),
        (
            "BALLOT_RESULT",
            Box::new(move |log| {
                let index = at(log, closed(BallotEnd::Rejected));
                let Record::BallotClosed { result, .. } = &mut log[index].0.record else { unreachable!() };
                *result = BallotEnd::Expired;
            }),
        ),
        (
            "BALLOT_THRESHOLD",
            Box::new(move |log| {
                let index = at(log, decided);
                let Record::BallotDecided { threshold, .. } = &mut log[index].0.record else { unreachable!() };
                *threshold = U64(2);
            }),
        ),
        (
            "BALLOT_PROPOSAL",
            Box::new(move |log| {
                let index = at(log, decided);
                let Record::BallotDecided { proposal, .. } = &mut log[index].0.record else { unreachable!() };
                let mut value = json!(proposal);
                value["name"] = json!("other");
                *proposal = serde_json::from_value(value).unwrap();
            }),
        ),
        (
            "BALLOT_CONSTITUTION",
            Box::new(move |log| {
                let index = at(log, decided);
                let Record::BallotDecided { constitutional_state_hash, .. } = &mut log[index].0.record else {
                    unreachable!()
                };
                *constitutional_state_hash = Digest::of(b"");
            }),
        ),
        // A change of the constitution that is another, hides what it voided, or never came.
        (
            "CONSTITUTION_AFTER",
            Box::new(move |log| {
                let index = at(log, changed);
                let Record::ConstitutionChanged(change) = &mut log[index].0.record else { unreachable!() };
                change.after.rules.ordinary = Share::new(1, 2).unwrap();
                change.after_hash = change.after.hash();
            }),
        ),
        (
            "CONSTITUTION_BEFORE",
            Box::new(move |log| {
                let index = at(log, changed);
                let Record::ConstitutionChanged(change) = &mut log[index].0.record else { unreachable!() };
                change.before.revision = U64(7);
                change.before_hash = change.before.hash();
            }),
        ),
        (
            "CONSTITUTION_HASH",
            Box::new(move |log| {
                let index = at(log, changed);
                let Record::ConstitutionChanged(change) = &mut log[index].0.record else { unreachable!() };
                change.after_hash = Digest::of(b"");
            }),
        ),
        (
            "CONSTITUTION_VOIDED",
            Box::new(move |log| {
                let index = at(log, |r| matches!(r, Record::ConstitutionChanged(change) if !change.voided.is_empty()));
                let Record::ConstitutionChanged(change) = &mut log[index].0.record else { unreachable!() };
                change.voided.clear();
            }),
        ),
        ("CARRIED_OUT", Box::new(move |log| drop(log.remove(at(log, changed))))),
        ("CARRIED_OUT", Box::new(|log| drop(log.remove(at(log, |r| is_action(r, "add_organisation")))))),
        (
            "CARRIED_OUT",
            Box::new(|log| {
                action(log, "add_organisation", |joined| joined["root_key"] = json!(key(99).public()));
            }),
        ),
        // Keys, nodes and chips.
        ("KEY_IN_FORCE", Box::new(|log| action(log, "rotate_key", |rotated| rotated["old"] = json!(key(99).public())))),
        ("KEY_ONCE", Box::new(|log| action(log, "rotate_key", |rotated| rotated["new"] = json!(root(0).public())))),
        ("NODE_ID", Box::new(|log| action(log, "enrol_node", |node| node["node"] = json!("3")))),
        ("CHIP_ID", Box::new(|log| action(log, "enrol_chip", |chip| chip["chip"] = json!(Digest::of(b""))))),
        ("CHIP_IN_SERVICE", Box::new(|log| action(log, "retire_chip", |c| c["chip"] = json!(Digest::of(b""))))),
        ("CARRIED_OUT", Box::new(|log| action(log, "retire_chip", |chip| chip["proposal_id"] = json!("chip")))),
        ("ORGANISATION_NODES", Box::new(|log| action(log, "remove_organisation", |gone| gone["nodes"] = json!([])))),
        (
            "ORGANISATION_KEYS",
            Box::new(|log| action(log, "remove_organisation", |gone| gone["keys_ended"] = json!("9"))),
        ),
        // An early conclusion: the time of the ledger moved.
        (
            "BALLOT_RESULT",
            Box::new(|log| {
                let from = at(log, |r| is_action(r, "conclude"));
                let time = log[from - 1].0.time;
                log.iter_mut().skip(from).for_each(|(entry, _)| entry.time = time);
            }),
        ),
    ];
    for (number, (check, change)) in cases.iter().enumerate() {
        assert_eq!(found(&world, change), *check, "case {number}");
    }
}

fn is_action(record: &Record, name: &str) -> bool {
    matches!(record, Record::Governance { action } if action.name() == name)
}
fn is_vote(record: &Record, id: &str) -> bool {
    matches!(record, Record::Governance { action: GovernanceAction::Vote { proposal_id, .. } } if proposal_id == id)
}

/// With the submissions at hand nobody's vote can be invented, not even by all nodes together.
/// shows: X-05
#[test]
fn a_vote_that_nobody_signed_shows() {
    let world = history();
    type Signed = (Entry, Vec<u8>);
    let signed = |change: &dyn Fn(&mut Signed)| {
        let mut altered = log(&world);
        let index = at(&altered, |r| is_vote(r, "join"));
        change(&mut altered[index]);
        mend(&mut altered);
        verify(&altered, true).unwrap_err().check
    };
    let resign = |by: &selfsame_protocol::keys::SecretKey, role, command: Command| {
        let submission = Submission::new(CLUSTER, "forged", role, by.public(), command);
        let envelope = Envelope::sign(&submission, by);
        move |(entry, bytes): &mut (Entry, Vec<u8>)| {
            entry.submission = envelope.digest();
            *bytes = envelope.to_bytes();
        }
    };
    assert_eq!(signed(&|(_, bytes)| bytes[3] ^= 1), "SUBMISSION_SIGNATURE");
    assert_eq!(signed(&|(entry, _)| entry.submission = Digest::of(b"")), "SUBMISSION_DIGEST");
    assert_eq!(signed(&|(_, bytes)| bytes.truncate(20)), "SUBMISSION_FORM");
    assert_eq!(signed(&resign(&key(99), Role::Root, vote("join", true))), "SUBMISSION_KEY");
    assert_eq!(signed(&resign(&root(2), Role::Root, vote("join", true))), "SUBMISSION_AUTHOR");
    assert_eq!(signed(&resign(&root(1), Role::Root, vote("join", false))), "SUBMISSION_COMMAND");
    let declare = Command::RecoverClose { substrate_id: uuid(1) };
    assert_eq!(signed(&resign(&operator(1), Role::Operator, declare)), "SUBMISSION_COMMAND");
    let elsewhere = Submission::new("other", "forged", Role::Root, root(1).public(), vote("join", true));
    let elsewhere = Envelope::sign(&elsewhere, &root(1));
    let moved = |(entry, bytes): &mut (Entry, Vec<u8>)| {
        entry.submission = elsewhere.digest();
        *bytes = elsewhere.to_bytes();
    };
    assert_eq!(signed(&moved), "SUBMISSION_CLUSTER");
    // A key that was rotated away signs nothing later.
    let mut altered = log(&world);
    let index = at(&altered, |r| is_action(r, "remove_organisation")) - 1;
    let vote_index = (0..index).rev().find(|i| is_vote(&altered[*i].0.record, "leave")).unwrap();
    altered[vote_index].0.subject = "organisation:delegation".into();
    resign(&root(3), Role::Root, vote("leave", true))(&mut altered[vote_index]);
    mend(&mut altered);
    assert_eq!(verify(&altered, true).unwrap_err().check, "SUBMISSION_KEY");
}
