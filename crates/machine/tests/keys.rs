//! Keys at the doors of the state machine: one that anybody or nobody can sign with is never registered, and a key that
//! ended or has another role is told what would do.

use crate::common::{self, *};
use selfsame_machine::{Batch, Genesis, apply};
use selfsame_protocol::code::{Code, Refusal};
use selfsame_protocol::command::*;
use selfsame_protocol::constitution::Publisher;
use selfsame_protocol::digest::unhex;
use selfsame_protocol::envelope::Prepared;
use selfsame_protocol::keys::PublicKey;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::number::NodeId;
use selfsame_protocol::p104::Technology;
use selfsame_protocol::time::Timestamp;

/// The identity, a point of order eight, no point, and a second encoding of the point of order two.
fn weak() -> Vec<PublicKey> {
    [
        format!("01{}", "00".repeat(31)),
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05".into(),
        format!("02{}", "00".repeat(31)),
        format!("ec{}ff", "ff".repeat(30)),
    ]
    .iter()
    .map(|hex| PublicKey::from_bytes(unhex(hex).unwrap().try_into().unwrap()))
    .collect()
}

/// Every command that brings a key, with this one in one of its places.
fn doors(key: PublicKey) -> Vec<Command> {
    let good = |seed| common::key(seed).public();
    let proposal = |proposal| propose("p", proposal);
    let add = |root_key, operator_key| Proposal::AddOrganisation {
        name: "delegation".parse().unwrap(),
        root_key,
        operator_key,
    };
    let rotate = |which, new| Proposal::RotateKey {
        organisation: ORGANISATIONS[1].parse().unwrap(),
        key: which,
        new,
        reason: "lost".into(),
    };
    vec![
        Command::RotateKey(RotateKey { key: OrganisationKey::Root, new: key }),
        Command::RotateKey(RotateKey { key: OrganisationKey::Operator, new: key }),
        Command::EnrolNode(EnrolNode { node: NodeId(9), key, cosigner: good(200) }),
        Command::EnrolNode(EnrolNode { node: NodeId(9), key: good(200), cosigner: key }),
        Command::EnrolChip(EnrolChip { chip: key, technology: Technology::Software }),
        proposal(add(key, good(200))),
        proposal(add(good(200), key)),
        proposal(rotate(OrganisationKey::Root, key)),
        proposal(rotate(OrganisationKey::Operator, key)),
        proposal(Proposal::MovePublisher {
            publisher: Publisher { organisation: ORGANISATIONS[0].parse().unwrap(), log_key: key },
        }),
    ]
}

/// shows: G-02
#[test]
fn no_door_registers_a_key_that_anybody_or_nobody_can_sign_with() {
    for key in weak() {
        for command in doors(key) {
            let mut world = World::new();
            let refused = world.submit(Role::Root, &root(0), command.clone()).unwrap_err();
            assert_eq!(refused.code, Code::Malformed, "{command:?}: {refused}");
            assert!(refused.rule.contains(&key.to_string()) && refused.rule.contains("selfsame key new"), "{refused}");
        }
    }
    // The doors are open for keys that can sign.
    for command in doors(key(201).public()) {
        assert!(World::new().submit(Role::Root, &root(0), command.clone()).is_ok(), "{command:?}");
    }
}

/// Whatever reached the decision without preparation, as a ballot that was opened before keys were checked.
#[test]
fn the_decision_itself_refuses_such_a_key() {
    for key in weak() {
        for command in &doors(key)[..5] {
            let world = World::new();
            let submission = Submission::new(CLUSTER, "r", Role::Root, root(0).public(), command.clone());
            let envelope = selfsame_protocol::envelope::Envelope::sign(&submission, &root(0));
            let prepared = Prepared { digest: envelope.digest(), envelope, submission };
            let batch = Batch { time: Timestamp::from_millis(START), submissions: vec![Ok(prepared)] };
            let outcome = apply(&world.model, world.index + 1, &batch).unwrap().outcomes.remove(0);
            assert_eq!(outcome.unwrap_err().code, Code::Malformed, "{command:?}");
        }
    }
}

/// shows: G-01
#[test]
fn a_genesis_with_such_a_key_is_refused_at_every_place() {
    let faults = |change: &dyn Fn(&mut Genesis, PublicKey), key| {
        let mut genesis = genesis();
        change(&mut genesis, key);
        genesis.faults()
    };
    type Place = fn(&mut Genesis, PublicKey);
    let places: [Place; 4] = [
        |genesis, key| genesis.organisations[0].root_key = key,
        |genesis, key| genesis.organisations[1].operator_key = key,
        |genesis, key| genesis.nodes[0].key = key,
        |genesis, key| genesis.nodes[1].cosigner = key,
    ];
    for key in weak() {
        for place in places {
            let found: Vec<Refusal> = faults(&place, key);
            assert!(found.len() == 1 && found[0].rule.contains(&key.to_string()), "{found:?}");
        }
        let publisher = Publisher { organisation: ORGANISATIONS[0].parse().unwrap(), log_key: key };
        let mut genesis = genesis();
        genesis.publication.publisher = Some(publisher);
        assert!(genesis.check().unwrap_err().rule.contains("log key of agency"));
    }
    assert!(genesis().faults().is_empty());
}

/// shows: G-02
#[test]
fn the_genesis_says_whose_key_it_is() {
    let mut genesis = genesis();
    let log_key = key(203).public();
    genesis.publication.publisher = Some(Publisher { organisation: ORGANISATIONS[0].parse().unwrap(), log_key });
    let owner = |key: &PublicKey| genesis.owner(key);
    for (at, name) in (0..).zip(ORGANISATIONS) {
        assert_eq!(owner(&root(at).public()), Some(format!("the root key of {name}")));
        assert_eq!(owner(&operator(at).public()), Some(format!("the operator key of {name}")));
    }
    for id in 1..=3 {
        assert_eq!(owner(&node(id).public()), Some(format!("the key of node {id}")));
        assert_eq!(owner(&node(id).cosigner().public()), Some(format!("the cosigner key of node {id}")));
    }
    assert_eq!(owner(&log_key), Some("the log key of agency".into()));
    assert_eq!(owner(&key(204).public()), None);
    // The same names as in the ledgers and on notes.
    assert_eq!(genesis.node_key_name(2), "ledger.example/node/2");
    assert_eq!(genesis.cosigner_name(3), "ledger.example/cosigner/3");
    assert_eq!(
        Ledger::BOTH.map(|ledger| genesis.ledger_origin(ledger)),
        ["ledger.example/evidence", "ledger.example/reasoning"]
    );
    let quorum = genesis.quorum();
    assert_eq!((quorum.threshold, quorum.cosigners.len()), (3, 3));
    for (cosigner, (id, name)) in quorum.cosigners.iter().zip((1..).zip(ORGANISATIONS)) {
        assert_eq!((&*cosigner.organisation, cosigner.vkey.name.as_str()), (name, &*genesis.cosigner_name(id)));
        assert_eq!(cosigner.vkey.key, node(id).cosigner().public());
    }
}

#[test]
fn whoever_signs_with_the_wrong_key_is_told_which_one_is_needed() {
    let mut world = World::new();
    let outcome = |world: &mut World, role, key: &selfsame_protocol::keys::SecretKey, command| {
        world.submit(role, key, command).unwrap_err().to_string()
    };
    let declare = || Command::DeclareRun(DeclareRun { declaration: serde_json::json!({}), request: None });
    // As the command line signs: in the role that the command needs, whatever the key is registered for.
    let said = outcome(&mut world, Role::Operator, &root(0), declare());
    assert!(said.contains("this needs an operator key; this is a root key of agency"), "{said}");
    let said = outcome(&mut world, Role::Root, &root(0), declare());
    assert!(said.contains("this needs an operator key; it was signed as a root key"), "{said}");

    let new = key(202);
    world.ok(Role::Root, &root(0), Command::RotateKey(RotateKey { key: OrganisationKey::Operator, new: new.public() }));
    let said = outcome(&mut world, Role::Operator, &operator(0), declare());
    assert!(said.starts_with("KEY_ENDED: this operator key of agency was replaced at log index"), "{said}");
    assert!(said.contains(&new.public().to_string()), "{said}");
    world.ok(Role::Root, &root(0), Command::RetireChip(RetireChip { chip: chip(0).public().id() }));
    let said = outcome(&mut world, Role::Chip, &chip(0), birth(&uuid(1), &chip(0)));
    assert!(said.starts_with("KEY_ENDED: this chip was retired for good"), "{said}");
}
