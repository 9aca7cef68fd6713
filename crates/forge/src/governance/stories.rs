//! Genuine histories of governance.

use crate::cast::*;
use crate::stage::Stage;
use selfsame_machine::Genesis;
use selfsame_machine::genesis::{GenesisNode, GenesisOrganisation};
use selfsame_machine::state::Publication;
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{
    Command, Conclude, EnrolNode, OrganisationKey, Proposal, RetireChip, Role, RotateKey,
};
use selfsame_protocol::constitution::{OBJECTION_MS, Publisher, Rules, Share};
use selfsame_protocol::keys::SecretKey;
use selfsame_protocol::names::SubstrateId;
use selfsame_protocol::number::NodeId;
use selfsame_protocol::time::U64;

/// Retires a chip by ballot.
pub fn stolen(chip_number: u8) -> Proposal {
    Proposal::RetireChip { chip: chip(chip_number).public().id(), reason: "stolen".into() }
}

/// Replaces a key by ballot.
pub fn lost(organisation: &str, kind: OrganisationKey, new: u8) -> Proposal {
    Proposal::RotateKey {
        organisation: organisation.parse().unwrap(),
        key: kind,
        new: key(new).public(),
        reason: "lost".into(),
    }
}

/// Other rules by ballot.
pub fn rules(change: impl FnOnce(&mut Rules)) -> Proposal {
    let mut rules = Rules::default();
    change(&mut rules);
    Proposal::ChangeRules { rules }
}

/// Another publisher by ballot.
pub fn publishes(organisation: &str, log_key: u8) -> Proposal {
    let publisher = Publisher { organisation: organisation.parse().unwrap(), log_key: key(log_key).public() };
    Proposal::MovePublisher { publisher }
}

/// A node with its cosigner.
pub fn enrol(id: u64) -> Command {
    Command::EnrolNode(EnrolNode { node: NodeId(id), key: node(id).public(), cosigner: node(id).cosigner().public() })
}

/// A conclusion.
pub fn conclude(id: &str) -> Command {
    Command::Conclude(Conclude { proposal_id: id.into() })
}

/// Opens a ballot by the root key of an organisation.
pub fn open(stage: &mut Stage, by: u8, id: &str, proposal: Proposal) {
    stage.ok(Role::Root, &root(by), propose(id, proposal));
}

/// A ballot that the first of these opens and the others carry.
pub fn carry(stage: &mut Stage, voters: &[SecretKey], id: &str, proposal: Proposal) {
    for (number, voter) in voters.iter().enumerate() {
        let command = if number == 0 { propose(id, proposal.clone()) } else { vote(id, true) };
        stage.ok(Role::Root, voter, command);
    }
}

/// Members come and go, keys and rules change, ballots are carried, rejected, voided, expire and wait.
pub fn assembly() -> Stage {
    let mut stage = Stage::new();
    open(&mut stage, 1, "other", stolen(1));
    stage.ballot(3, "join", add(3));
    stage.ok(Role::Root, &root(3), enrol(4));
    stage.ok(
        Role::Root,
        &root(1),
        Command::RotateKey(RotateKey { key: OrganisationKey::Operator, new: key(90).public() }),
    );
    stage.enrol(3, &chip(3));
    stage.ok(Role::Root, &root(3), Command::RetireChip(RetireChip { chip: chip(3).public().id() }));
    open(&mut stage, 0, "no", stolen(0));
    stage.ok(Role::Root, &root(1), vote("no", false));
    stage.ok(Role::Root, &root(2), vote("no", false));
    stage.ballot(3, "chip", stolen(0));
    open(&mut stage, 2, "open", stolen(1));
    stage.ballot(3, "rules", rules(|rules| rules.constitutional = Share::new(1, 2).expect("a share")));
    stage.ballot(3, "publisher", publishes("bureau", 95));
    open(&mut stage, 0, "lost", lost("delegation", OrganisationKey::Root, 91));
    stage.ok(Role::Root, &root(1), vote("lost", true));
    stage.refused(Role::Root, &root(0), conclude("lost"), Code::BallotEarly);
    stage.millis += OBJECTION_MS;
    stage.ok(Role::Root, &root(0), conclude("lost"));
    open(&mut stage, 1, "left", stolen(2));
    open(&mut stage, 2, "late", stolen(2));
    stage.ballot(3, "leave", remove(3));
    stage
}

/// Ballots that end by time and by entries: swept before a proposal, concluded, and one that is carried in the end.
pub fn expiries() -> Stage {
    let mut stage = Stage::new();
    let short = |rules: &mut Rules| {
        (rules.ballot_entries, rules.ballot_ms, rules.objection_ms) = (U64(6), U64(60_000), U64(30_000))
    };
    stage.ballot(3, "short", rules(short));
    open(&mut stage, 0, "b", stolen(0));
    open(&mut stage, 1, "a", stolen(1));
    open(&mut stage, 2, "c", stolen(2));
    stage.millis += 60_000;
    open(&mut stage, 0, "d", stolen(0));
    for seed in [60, 61, 62, 63, 64] {
        stage.enrol(0, &key(seed));
    }
    stage.ok(Role::Root, &root(1), conclude("d"));
    open(&mut stage, 0, "e", stolen(0));
    stage.ok(Role::Root, &root(1), vote("e", true));
    stage
}

/// The end of a ballot brings the ledger to where the time of another is over, whose name comes before: it stays open.
pub fn once_through() -> Stage {
    let mut stage = Stage::new();
    stage.ballot(3, "short", rules(|rules| rules.ballot_entries = U64(4)));
    open(&mut stage, 0, "z", stolen(0));
    open(&mut stage, 1, "a", stolen(1));
    for seed in [60, 61] {
        stage.enrol(0, &key(seed));
    }
    open(&mut stage, 0, "next", stolen(2));
    stage
}

/// Ballots that one vote against ends: of a member with a veto, and of the one that is concerned. An ordinary one goes on.
pub fn vetoes() -> Stage {
    let mut stage = Stage::new();
    stage.ballot(3, "veto", rules(|rules| rules.vetoes = vec!["bureau".parse().unwrap()]));
    for (id, proposal) in [("join", add(3)), ("lost", lost("chamber", OrganisationKey::Root, 91)), ("chip", stolen(0))]
    {
        open(&mut stage, 0, id, proposal);
    }
    stage.ok(Role::Root, &root(1), vote("join", false));
    stage.ok(Role::Root, &root(2), vote("lost", false));
    stage.ok(Role::Root, &root(1), vote("chip", false));
    stage
}

/// The last moments in which something holds: a vote in the last millisecond and before the last entry, a conclusion in the
/// first millisecond after the time to object, and one that is itself the last entry.
pub fn edges() -> Stage {
    let mut stage = Stage::new();
    let short = |rules: &mut Rules| {
        (rules.ballot_entries, rules.ballot_ms, rules.objection_ms) = (U64(4), U64(60_000), U64(30_000));
    };
    stage.ballot(3, "short", rules(short));
    // A batch moves the clock a second on.
    open(&mut stage, 0, "last-millisecond", stolen(0));
    stage.millis += 58_999;
    stage.ok(Role::Root, &root(1), vote("last-millisecond", true));
    open(&mut stage, 0, "last-entry", stolen(0));
    stage.enrol(0, &key(60));
    stage.enrol(0, &key(61));
    stage.ok(Role::Root, &root(1), vote("last-entry", true));
    stage.millis += 60_000;
    open(&mut stage, 0, "unopposed", lost("chamber", OrganisationKey::Root, 91));
    stage.ok(Role::Root, &root(1), vote("unopposed", true));
    stage.millis += 28_000;
    stage.ok(Role::Root, &root(0), conclude("unopposed"));
    open(&mut stage, 0, "concluded", stolen(0));
    stage.enrol(0, &key(62));
    stage.enrol(0, &key(63));
    stage.ok(Role::Root, &root(1), conclude("concluded"));
    stage
}

/// A forced seal, a publisher that moves, a recovery, and a ballot after it.
pub fn recovered() -> (Stage, SubstrateId) {
    let mut stage = Stage::new();
    let id = uuid(1);
    stage.seasoned(&id, 0);
    crate::story::force_seal(&mut stage, "seal", &id, "m1", 1);
    stage.ballot(3, "publisher", publishes("chamber", 95));
    crate::story::recover(&mut stage, "recovery");
    open(&mut stage, 0, "later", stolen(0));
    (stage, id)
}

/// A cluster of so many organisations with one node each; the names are a, b, c, …
pub fn cluster_of(organisations: u8, nodes: u8) -> Genesis {
    let name = |i: u8| if i < 26 { char::from(b'a' + i).to_string() } else { format!("z{i}") };
    let founder = |i: u8| GenesisOrganisation {
        name: name(i).parse().unwrap(),
        root_key: key(100 + 2 * i).public(),
        operator_key: key(101 + 2 * i).public(),
    };
    let member = |id: u8| GenesisNode {
        id: id.into(),
        organisation: name((id - 1) % organisations).parse().unwrap(),
        key: node(id.into()).public(),
        cosigner: node(id.into()).cosigner().public(),
    };
    Genesis {
        organisations: (0..organisations).map(founder).collect(),
        nodes: (1..=nodes).map(member).collect(),
        publication: Publication::default(),
        ..genesis()
    }
}

/// Root key of an organisation of [`cluster_of`].
pub fn root_of(number: u8) -> SecretKey {
    key(100 + 2 * number)
}
