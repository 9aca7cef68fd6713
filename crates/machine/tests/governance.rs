//! Keys, nodes, chips and ballots.

use crate::common::{self, *};
use selfsame_machine::read;
use selfsame_machine::state::{MigrationState, Registration, load};
use selfsame_machine::view::Table;
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{
    Command, EnrolChip, EnrolNode, OrganisationKey, Proposal, Propose, RecoverClose, RetireChip, RetireNode, Role,
    RotateKey,
};
use selfsame_protocol::keys::{PublicKey, SecretKey};
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::number::{LogIndex, NodeId};
use selfsame_protocol::p104::Technology;
use selfsame_protocol::record::Record;
use selfsame_protocol::response::{BallotStanding, CommandResult};
use selfsame_protocol::time::U64;
use serde_json::json;

fn registration(world: &World, key: &SecretKey) -> Registration {
    load(&world.model, Table::Keys, key.public().as_bytes()).unwrap().unwrap()
}
fn enrol_chip(chip: PublicKey) -> Command {
    Command::EnrolChip(EnrolChip { chip, technology: Technology::Software })
}
fn force_seal(id: &str, proposal: &str) -> Command {
    Command::Propose(Propose {
        proposal_id: proposal.into(),
        proposal: Proposal::ForceSeal {
            substrate_id: id.parse().unwrap(),
            migration_id: format!("by/{proposal}"),
            destination: chip(1).public().id(),
            reason: "lost".into(),
        },
    })
}

/// shows: P-044, X-05, G-02, G-05
#[test]
fn a_chip_is_enrolled_once_by_its_organisation_and_every_step_is_recorded() {
    let mut world = World::empty();
    world.refused(Role::Chip, &chip(0), birth(&uuid(1), &chip(0)), Code::UnknownKey);
    world.refused(Role::Operator, &operator(0), enrol_chip(chip(0).public()), Code::RoleDenied);
    let receipt = world.enrol(0, &chip(0));
    let entry = world.entries(Ledger::Reasoning).pop().unwrap();
    assert_eq!(entry.subject, "organisation:agency".parse().unwrap());
    let Record::Governance { action } = &entry.record else { panic!("{entry:?}") };
    assert_eq!(receipt.result, CommandResult::GovernanceChanged(action.clone()));
    assert_eq!(json!(action)["chip"], json!(chip(0).public().id()));
    assert_eq!(registration(&world, &chip(0)).since, LogIndex(world.index));
    // The same key again, by anybody and in any role.
    world.refused(Role::Root, &root(0), enrol_chip(chip(0).public()), Code::KeyExists);
    world.refused(Role::Root, &root(1), enrol_chip(chip(0).public()), Code::KeyExists);
    world.refused(Role::Root, &root(1), enrol_chip(operator(1).public()), Code::KeyExists);
    let command = Command::EnrolNode(EnrolNode { node: NodeId(9), key: chip(0).public(), cosigner: key(180).public() });
    world.refused(Role::Root, &root(0), command, Code::KeyExists);
    let command = Command::RotateKey(RotateKey { key: OrganisationKey::Operator, new: chip(0).public() });
    world.refused(Role::Root, &root(0), command, Code::KeyExists);
    world.born(&uuid(1), 0);
}

/// shows: P-087, X-05, G-03, G-05
#[test]
fn a_retired_chip_acts_no_more_and_only_its_organisation_retires_it() {
    let (mut world, id) = closed();
    let retire = |n: u8| Command::RetireChip(RetireChip { chip: chip(n).public().id() });
    world.refused(Role::Root, &root(1), retire(0), Code::RoleDenied);
    world.refused(Role::Root, &root(0), retire(9), Code::UnknownChip);
    world.refused(Role::Chip, &chip(0), retire(0), Code::RoleDenied);
    world.ok(Role::Root, &root(0), retire(0));
    for (role, key, command) in writes(&world, &id) {
        if role == Role::Chip {
            world.refused(role, &key, command, Code::KeyEnded);
        }
    }
    world.refused(Role::Chip, &chip(0), birth(&uuid(2), &chip(0)), Code::KeyEnded);
    world.refused(Role::Root, &root(0), enrol_chip(chip(0).public()), Code::KeyExists);
    // Its substrate goes on elsewhere, by ballot; a retired destination is refused too.
    world.ok(Role::Root, &root(1), retire(1));
    world.ok(Role::Root, &root(0), force_seal(&id, "p1"));
    world.ok(Role::Root, &root(1), vote("p1", true));
    world.refused(Role::Root, &root(2), vote("p1", true), Code::ChipRetired);
    let kept = read::chips(&world.model).unwrap();
    assert_eq!(kept.iter().filter(|chip| chip.retired).count(), 2);
}

/// shows: X-05, G-03
#[test]
fn a_rotated_key_is_refused_from_the_next_entry_on_and_its_successor_acts() {
    let mut world = World::new();
    let rotate = |key, seed: u8| Command::RotateKey(RotateKey { key, new: common::key(seed).public() });
    world.refused(Role::Operator, &operator(0), rotate(OrganisationKey::Root, 90), Code::RoleDenied);
    world.ok(Role::Root, &root(0), rotate(OrganisationKey::Operator, 90));
    let recover = || Command::RecoverClose(RecoverClose { substrate_id: uuid(1) });
    world.refused(Role::Operator, &operator(0), recover(), Code::KeyEnded);
    world.refused(Role::Operator, &key(90), recover(), Code::UnknownSubstrate);
    world.ok(Role::Root, &root(0), rotate(OrganisationKey::Root, 91));
    world.refused(Role::Root, &root(0), rotate(OrganisationKey::Root, 92), Code::KeyEnded);
    world.refused(Role::Root, &key(91), rotate(OrganisationKey::Root, 1), Code::KeyExists);
    world.ok(Role::Root, &key(91), enrol_chip(chip(5).public()));
    let old = registration(&world, &root(0));
    assert_eq!((old.since, old.until), (LogIndex(0), Some(LogIndex(world.index - 3))));
    assert_eq!(registration(&world, &key(91)).until, None);
    let organisation = read::organisations(&world.model).unwrap().swap_remove(0);
    assert_eq!((organisation.root_key, organisation.operator_key), (key(91).public(), key(90).public()));
    // Others are not touched.
    world.ok(Role::Root, &root(1), rotate(OrganisationKey::Operator, 93));
}

/// shows: X-05, G-04, G-05
#[test]
fn node_ids_are_never_reused_and_no_organisation_gains_a_quorum() {
    let mut world = World::new();
    let enrol = |id: u64, seed: u8| {
        Command::EnrolNode(EnrolNode {
            node: NodeId(id),
            key: key(seed).public(),
            cosigner: key(seed).cosigner().public(),
        })
    };
    world.refused(Role::Root, &root(0), enrol(0, 80), Code::Malformed);
    world.refused(Role::Root, &root(0), enrol(2, 80), Code::NodeIdReused);
    world.ok(Role::Root, &root(0), enrol(4, 80));
    // A third of five would be a quorum alone.
    world.refused(Role::Root, &root(0), enrol(5, 81), Code::OrganisationQuorum);
    world.ok(Role::Root, &root(1), enrol(5, 81));
    world.refused(Role::Root, &root(1), Command::RetireNode(RetireNode { node: NodeId(4) }), Code::RoleDenied);
    world.refused(Role::Root, &root(1), Command::RetireNode(RetireNode { node: NodeId(6) }), Code::UnknownNode);
    world.ok(Role::Root, &root(0), Command::RetireNode(RetireNode { node: NodeId(4) }));
    world.refused(Role::Root, &root(0), enrol(4, 82), Code::NodeIdReused);
    world.refused(Role::Root, &root(0), enrol(6, 80), Code::KeyExists);
    let retired: Vec<_> = read::nodes(&world.model).unwrap().iter().map(|node| (node.id.0, node.retired)).collect();
    assert_eq!(retired, [(1, false), (2, false), (3, false), (4, true), (5, false)]);
}

/// shows: X-05, G-07
#[test]
fn a_ballot_needs_two_thirds_of_the_organisations_and_one_vote_of_each() {
    let (mut world, id) = closed();
    world.refused(Role::Operator, &operator(0), force_seal(&id, "p1"), Code::RoleDenied);
    world.refused(Role::Root, &root(0), vote("p1", true), Code::UnknownProposal);
    let receipt = world.ok(Role::Root, &root(0), force_seal(&id, "p1"));
    let expected =
        json!({"proposal_id": "p1", "approvals": ["agency"], "rejections": [], "threshold": "3", "decided": false});
    assert_eq!(json!(receipt.result), expected);
    world.refused(Role::Root, &root(1), force_seal(&id, "p1"), Code::ProposalIdReused);
    world.refused(Role::Root, &root(0), vote("p1", true), Code::AlreadyVoted);
    // A vote against stands: the proposal fails for want of the third, and that closes it.
    assert_eq!(counted(&world.ok(Role::Root, &root(1), vote("p1", false))).standing, BallotStanding::Rejected);
    world.refused(Role::Root, &root(1), vote("p1", true), Code::ProposalClosed);
    world.refused(Role::Root, &root(2), vote("p1", true), Code::ProposalClosed);
    assert_eq!(read::migration(&world.model, &id, "by/p1").unwrap(), None);
    // Another one is carried, and closed by that.
    world.ok(Role::Root, &root(1), force_seal(&id, "p2"));
    world.ok(Role::Root, &root(0), vote("p2", true));
    world.ok(Role::Root, &root(2), vote("p2", true));
    world.refused(Role::Root, &root(2), vote("p2", true), Code::ProposalClosed);
    let decided: Vec<_> = world
        .chain("cluster", Ledger::Reasoning)
        .into_iter()
        .filter_map(|entry| match entry.record {
            Record::BallotDecided { proposal_id, approvals, threshold, .. } => {
                Some((proposal_id, approvals, threshold))
            }
            _ => None,
        })
        .collect();
    assert_eq!(decided, [("p2".to_string(), ORGANISATIONS.map(|name| name.parse().unwrap()).to_vec(), U64(3))]);
    let sealed = read::migration(&world.model, &id, "by/p2").unwrap().unwrap();
    assert_eq!((sealed.ballot.as_deref(), sealed.state), (Some("p2"), MigrationState::Sealed));
}

/// shows: G-01
#[test]
fn a_genesis_that_could_not_be_relied_on_is_refused() {
    let code = |change: &dyn Fn(&mut selfsame_machine::Genesis)| {
        let mut value = genesis();
        change(&mut value);
        assert_ne!(value.digest(), genesis().digest());
        value.check().unwrap_err().code
    };
    assert_eq!(code(&|g| g.cluster = "no name".into()), Code::Malformed);
    assert_eq!(code(&|g| g.origin = "https://ledger.example".into()), Code::Malformed);
    assert_eq!(code(&|g| g.nodes[0].id = 0), Code::Malformed);
    assert_eq!(code(&|g| g.nodes[0].id = 2), Code::Malformed);
    assert_eq!(code(&|g| g.nodes[0].organisation = "other".parse().unwrap()), Code::Malformed);
    assert_eq!(code(&|g| g.nodes[0].key = g.nodes[1].key), Code::Malformed);
    assert_eq!(code(&|g| g.nodes.clear()), Code::Malformed);
    assert_eq!(code(&|g| g.organisations[0].root_key = g.organisations[1].operator_key), Code::Malformed);
    assert_eq!(code(&|g| g.organisations[0].name = "bureau".parse().unwrap()), Code::Malformed);
    assert_eq!(code(&|g| g.nodes[0].organisation = "bureau".parse().unwrap()), Code::OrganisationQuorum);
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
