//! What the machine refuses, told as though it had accepted it.

use super::stories::*;
use super::{Told, chain, changed, decided, refused, refused_by};
use crate::cases::Case;
use crate::cast::*;
use crate::stage::Stage;
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{
    Command, EnrolChip, EnrolNode, OrganisationKey, Proposal, RetireChip, RetireNode, Role, RotateKey,
};
use selfsame_protocol::constitution::{MAX_OPEN_BALLOTS, MAX_ORGANISATIONS};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::governance::GovernanceAction as Action;
use selfsame_protocol::keys::{PublicKey, SecretKey};
use selfsame_protocol::names::MAX_REASON_BYTES;
use selfsame_protocol::number::NodeId;
use selfsame_protocol::p104::Technology;
use selfsame_protocol::record::{BallotEnd, EvidenceAnchor, Record};
use selfsame_protocol::time::U64;

/// Every pair.
pub fn cases() -> Vec<Case> {
    [votes(), proposals(), authors(), keys(), effects()].into_iter().flatten().collect()
}

fn own(organisation: u8, command: Command, action: Action) -> Told {
    Told::root(ORGANISATIONS[usize::from(organisation)], &root(organisation), command, action)
}

fn rotated(organisation: u8, kind: OrganisationKey, old: &SecretKey, new: PublicKey) -> Told {
    let command = Command::RotateKey(RotateKey { key: kind, new });
    own(organisation, command, Action::RotateKey { key: kind, old: old.public(), new, proposal_id: None })
}

fn enrolled(organisation: u8, id: u64, key: PublicKey, cosigner: PublicKey) -> Told {
    let command = Command::EnrolNode(EnrolNode { node: NodeId(id), key, cosigner });
    own(organisation, command, Action::EnrolNode { node: NodeId(id), key, cosigner })
}

fn chip_enrolled(organisation: u8, key: PublicKey) -> Told {
    let command = Command::EnrolChip(EnrolChip { chip: key, technology: Technology::Software });
    own(organisation, command, Action::EnrolChip { chip: key.id(), key, technology: Technology::Software })
}

fn chip_retired(organisation: u8, chip: Digest) -> Told {
    own(organisation, Command::RetireChip(RetireChip { chip }), Action::RetireChip { chip, proposal_id: None })
}

fn node_retired(organisation: u8, id: u64) -> Told {
    own(organisation, Command::RetireNode(RetireNode { node: NodeId(id) }), Action::RetireNode { node: NodeId(id) })
}

fn concluded(organisation: u8, id: &str) -> Told {
    own(organisation, conclude(id), Action::Conclude { proposal_id: id.into() })
}

fn voted(organisation: u8, id: &str) -> Told {
    Told::vote(ORGANISATIONS[usize::from(organisation)], &root(organisation), id, true)
}

fn proposed(organisation: u8, id: &str, proposal: Proposal) -> Told {
    Told::propose(ORGANISATIONS[usize::from(organisation)], &root(organisation), id, proposal)
}

fn votes() -> Vec<Case> {
    let mut stage = Stage::new();
    let mut cases = vec![
        refused("a vote on no ballot", "BALLOT_OPEN", &stage, Code::UnknownProposal, voted(0, "none")),
        refused("the conclusion of no ballot", "BALLOT_OPEN", &stage, Code::UnknownProposal, concluded(0, "none")),
    ];
    open(&mut stage, 0, "p", stolen(1));
    cases.push(refused("a second vote", "ONE_VOTE", &stage, Code::AlreadyVoted, voted(0, "p")));
    cases.push(refused(
        "a ballot opened again",
        "PROPOSAL_ID",
        &stage,
        Code::ProposalIdReused,
        proposed(1, "p", stolen(2)),
    ));
    cases.push(refused("a conclusion of what is open", "BALLOT_RESULT", &stage, Code::BallotEarly, concluded(1, "p")));
    let told = concluded(1, "p").with([super::closed(&stage, "p", BallotEnd::Expired)]);
    cases.push(refused("an end before its time", "BALLOT_RESULT", &stage, Code::BallotEarly, told));
    stage.ok(Role::Root, &root(1), vote("p", true));
    stage.ok(Role::Root, &root(2), vote("p", true));
    cases.push(refused(
        "a vote on a ballot that was carried",
        "BALLOT_OPEN",
        &stage,
        Code::ProposalClosed,
        voted(0, "p"),
    ));
    cases.push(refused("the conclusion of one", "BALLOT_OPEN", &stage, Code::ProposalClosed, concluded(0, "p")));

    // One that concerns a member is carried by the others, but not before its time to object is over.
    let mut stage = Stage::new();
    open(&mut stage, 0, "lost", lost("chamber", OrganisationKey::Root, 91));
    stage.ok(Role::Root, &root(1), vote("lost", true));
    let told = concluded(0, "lost").with([super::closed(&stage, "lost", BallotEnd::Expired)]);
    cases.push(refused("an objection cut short", "BALLOT_RESULT", &stage, Code::BallotEarly, told));

    let mut stage = Stage::new();
    let by_time = rules(|rules| (rules.ballot_ms, rules.objection_ms) = (U64(60_000), U64(30_000)));
    stage.ballot(3, "rules", by_time);
    open(&mut stage, 0, "p", stolen(1));
    stage.millis += 59_000;
    stage.enrol(2, &key(60));
    cases.push(refused("a vote after the time", "BALLOT_TIME", &stage, Code::BallotExpired, voted(1, "p")));
    let mut stage = Stage::new();
    stage.ballot(3, "rules", rules(|rules| rules.ballot_entries = U64(3)));
    open(&mut stage, 0, "p", stolen(1));
    stage.enrol(2, &key(60));
    stage.enrol(2, &key(61));
    cases.push(refused("a vote after so many entries", "BALLOT_TIME", &stage, Code::BallotExpired, voted(1, "p")));
    cases
}

fn proposals() -> Vec<Case> {
    let stage = Stage::new();
    let propose = |name: &str, check, code, proposal| refused(name, check, &stage, code, proposed(0, "p", proposal));
    let mut moved = stage.clone();
    moved.ballot(3, "publisher", publishes("bureau", 95));
    let again = proposed(0, "p", publishes("bureau", 95));
    let mut cases = vec![
        propose("the rules in force", "BALLOT_PROPOSAL", Code::RulesInvalid, rules(|_| {})),
        propose(
            "a time to object that outlasts the ballots",
            "BALLOT_PROPOSAL",
            Code::RulesInvalid,
            rules(|rules| rules.objection_ms = rules.ballot_ms),
        ),
        propose(
            "vetoes out of order",
            "BALLOT_PROPOSAL",
            Code::RulesInvalid,
            rules(|rules| rules.vetoes = vec!["bureau".parse().unwrap(), "agency".parse().unwrap()]),
        ),
        propose(
            "a veto twice",
            "BALLOT_PROPOSAL",
            Code::RulesInvalid,
            rules(|rules| rules.vetoes = vec!["bureau".parse().unwrap(), "bureau".parse().unwrap()]),
        ),
        propose(
            "a veto of a stranger",
            "BALLOT_PROPOSAL",
            Code::RulesInvalid,
            rules(|rules| rules.vetoes = vec!["stranger".parse().unwrap()]),
        ),
        refused("the publisher publishes", "BALLOT_PROPOSAL", &moved, Code::RulesInvalid, again),
        propose("a stranger publishes", "BALLOT_PROPOSAL", Code::UnknownOrganisation, publishes("stranger", 95)),
        propose("a stranger leaves", "BALLOT_PROPOSAL", Code::UnknownOrganisation, remove_named("stranger")),
        propose(
            "a key of a stranger",
            "BALLOT_PROPOSAL",
            Code::UnknownOrganisation,
            lost("stranger", OrganisationKey::Root, 91),
        ),
        propose("a member joins", "BALLOT_PROPOSAL", Code::OrganisationExists, add_named("bureau", 70)),
        propose(
            "a reason that is too long",
            "ENTRY_FORM",
            Code::LimitExceeded,
            Proposal::RetireChip { chip: chip(0).public().id(), reason: "x".repeat(MAX_REASON_BYTES + 1) },
        ),
        propose(
            "a name that is none",
            "ENTRY_FORM",
            Code::Malformed,
            Proposal::ForceSeal {
                substrate_id: uuid(1),
                migration_id: "no name".into(),
                destination: chip(1).public().id(),
                reason: "lost".into(),
            },
        ),
        propose(
            "one key for two uses",
            "SUBMISSION_FORM",
            Code::KeyExists,
            Proposal::AddOrganisation {
                name: "delegation".parse().unwrap(),
                root_key: key(70).public(),
                operator_key: key(70).public(),
            },
        ),
        propose(
            "a key under which anybody can sign",
            "SUBMISSION_FORM",
            Code::Malformed,
            publishes_key(PublicKey::from_bytes([0; 32])),
        ),
    ];

    let mut stage = Stage::new();
    for number in 0..MAX_OPEN_BALLOTS {
        open(&mut stage, 0, &format!("p{number}"), stolen(1));
    }
    let told = proposed(0, "one-more", stolen(1));
    cases.push(refused("a ballot too many", "BALLOT_LIMIT", &stage, Code::LimitExceeded, told));

    let alone = cluster_of(1, 1);
    let told = Told::propose("a", &root_of(0), "p", remove_named("a"));
    let stage = super::founded(&alone);
    cases.push(refused_by("the last member leaves", "BALLOT_PROPOSAL", &stage, &alone, Code::LastOrganisation, told));

    let full = cluster_of(MAX_ORGANISATIONS as u8, 3);
    let told = Told::propose("a", &root_of(0), "p", add_named("one-more", 70));
    let stage = super::founded(&full);
    cases.push(refused_by("a member too many", "BALLOT_PROPOSAL", &stage, &full, Code::LimitExceeded, told));
    cases
}

fn publishes_key(log_key: PublicKey) -> Proposal {
    let publisher = selfsame_protocol::constitution::Publisher { organisation: "bureau".parse().unwrap(), log_key };
    Proposal::MovePublisher { publisher }
}

/// Who signs.
fn authors() -> Vec<Case> {
    let mut stage = Stage::new();
    stage.ok(Role::Root, &root(1), Command::RotateKey(RotateKey { key: OrganisationKey::Root, new: key(90).public() }));
    carry(&mut stage, &[root(0), key(90), root(2)], "leave", remove(2));
    open(&mut stage, 0, "p", stolen(1));
    let told = |organisation: u8, role: Role, key: &SecretKey| {
        let Told { records, command, .. } = voted(organisation, "p");
        Told { role, key: key.clone(), command, records }
    };
    let mut cases = vec![
        refused("an unknown key", "SUBMISSION_KEY", &stage, Code::UnknownKey, told(1, Role::Root, &key(99))),
        refused("a key that was replaced", "SUBMISSION_KEY", &stage, Code::KeyEnded, told(1, Role::Root, &root(1))),
        refused(
            "a key of a former member",
            "SUBMISSION_KEY",
            &stage,
            Code::OrganisationRemoved,
            told(2, Role::Root, &root(2)),
        ),
        refused(
            "a key in another role",
            "SUBMISSION_ROLE",
            &stage,
            Code::RoleDenied,
            told(1, Role::Root, &operator(1)),
        ),
        refused(
            "a role that may not",
            "SUBMISSION_FORM",
            &stage,
            Code::RoleDenied,
            told(1, Role::Operator, &operator(1)),
        ),
    ];
    // The same request id for something else.
    let genuine = super::world(&stage, &genesis());
    cases.push(super::case("a request id used again", "REQUEST_ID", &genuine, |world| {
        let first = world.entries[super::find_of(world, "propose", "p", 0)].submission;
        let id = world.submissions[first].payload["request_id"].clone();
        proposed(0, "q", stolen(1)).end(world);
        let last = world.submissions.len() - 1;
        world.submissions[last].payload["request_id"] = id;
    }));
    cases.push(super::case("a submission for another cluster", "SUBMISSION_CLUSTER", &genuine, |world| {
        proposed(0, "q", stolen(1)).end(world);
        let last = world.submissions.len() - 1;
        world.submissions[last].payload["cluster"] = "elsewhere".into();
    }));
    cases
}

/// Keys, nodes and chips.
fn keys() -> Vec<Case> {
    let mut stage = Stage::new();
    stage.ballot(3, "publisher", publishes("bureau", 95));
    stage.ballot(3, "again", publishes("bureau", 96));
    let exists = |name: &str, told| refused(name, "KEY_ONCE", &stage, Code::KeyExists, told);
    let (fresh, other) = (key(97).public(), key(98).public());
    let rotate = |new| rotated(0, OrganisationKey::Operator, &operator(0), new);
    let mut cases = vec![
        exists("a key of another organisation", rotate(root(1).public())),
        exists("a key of a chip", rotate(chip(1).public())),
        exists("a key of a node", rotate(node(1).public())),
        exists("the key of a cosigner", rotate(node(1).cosigner().public())),
        exists("the log key", rotate(key(96).public())),
        exists("the log key of before", rotate(key(95).public())),
        exists("a node with a key that is used", enrolled(0, 9, root(0).public(), fresh)),
        exists("a node with a cosigner that is used", enrolled(0, 9, fresh, node(2).cosigner().public())),
        exists("a node with a cosigner that signs otherwise", enrolled(0, 9, fresh, operator(2).public())),
        exists("a node with one key", enrolled(0, 9, fresh, fresh)),
        exists("a chip with a key that is used", chip_enrolled(0, node(1).cosigner().public())),
        refused("node 0", "NODE_ID", &stage, Code::Malformed, enrolled(0, 0, fresh, other)),
        refused("a node id used again", "NODE_ID", &stage, Code::NodeIdReused, enrolled(0, 1, fresh, other)),
        refused("a node that there is not", "NODE_ID", &stage, Code::UnknownNode, node_retired(0, 9)),
        refused("a node of others", "NODE_ID", &stage, Code::RoleDenied, node_retired(0, 2)),
        refused("a chip that there is not", "CHIP_IN_SERVICE", &stage, Code::UnknownChip, chip_retired(0, fresh.id())),
        refused("a chip of others", "ENTRY_SUBJECT", &stage, Code::RoleDenied, chip_retired(0, chip(1).public().id())),
    ];
    let mut stage = Stage::new();
    stage.ok(Role::Root, &root(0), enrol(4));
    let told = enrolled(0, 5, node(5).public(), node(5).cosigner().public());
    cases.push(refused("a node too many", "NODE_BALANCE", &stage, Code::OrganisationQuorum, told));
    let told = node_retired(1, 2);
    cases.push(refused("a node that the balance needs", "NODE_BALANCE", &stage, Code::OrganisationQuorum, told));
    stage.ok(Role::Root, &root(0), Command::RetireNode(RetireNode { node: NodeId(4) }));
    let told = node_retired(0, 4);
    cases.push(refused("a node retired twice", "NODE_ID", &stage, Code::UnknownNode, told));
    stage.ok(Role::Root, &root(0), Command::RetireChip(RetireChip { chip: chip(0).public().id() }));
    let told = chip_retired(0, chip(0).public().id());
    cases.push(refused("a chip retired twice", "CHIP_IN_SERVICE", &stage, Code::ChipRetired, told));
    cases
}

/// What a ballot cannot bring about refuses the vote that would have carried it.
fn effects() -> Vec<Case> {
    let by_ballot = |name: &str, check, code, stage: &Stage, proposal: Proposal, effect: Option<(String, Action)>| {
        let mut stage = stage.clone();
        open(&mut stage, 0, "p", proposal.clone());
        stage.ok(Role::Root, &root(1), vote("p", true));
        let told = voted(2, "p").with([decided(&stage, "p", ORGANISATIONS[2])]);
        let constitution =
            selfsame_machine::read::constitution(&stage.model).expect("a state").expect("a constitution");
        let change = constitution.amended(&proposal).expect("a proposal").is_some();
        let told = if change { told.with(changed(&stage, "p")) } else { told };
        let told = told.with(effect.map(|(subject, action)| (subject, Record::Governance { action })));
        refused(name, check, &stage, code, told)
    };
    let id = || Some("p".to_owned());
    let stage = Stage::new();
    let added = |name: &str, seed: u8| {
        let (root_key, operator_key) = (key(seed).public(), key(seed + 10).public());
        let proposal_id = "p".into();
        (
            chain(name),
            Action::AddOrganisation { organisation: name.parse().unwrap(), root_key, operator_key, proposal_id },
        )
    };
    let gone = |chip: &SecretKey| Action::RetireChip { chip: chip.public().id(), proposal_id: id() };
    let taken = Action::RotateKey {
        key: OrganisationKey::Root,
        old: root(1).public(),
        new: operator(0).public(),
        proposal_id: id(),
    };
    let retire = |seed: u8| Proposal::RetireChip { chip: key(seed).public().id(), reason: "stolen".into() };
    let mut cases = vec![
        by_ballot(
            "a key that is used, by ballot",
            "KEY_ONCE",
            Code::KeyExists,
            &stage,
            Proposal::RotateKey {
                organisation: "bureau".parse().unwrap(),
                key: OrganisationKey::Root,
                new: operator(0).public(),
                reason: "lost".into(),
            },
            Some((chain("bureau"), taken)),
        ),
        by_ballot("a log key that is used", "KEY_ONCE", Code::KeyExists, &stage, publishes("bureau", 1), None),
        by_ballot(
            "an organisation with a key that is used",
            "KEY_ONCE",
            Code::KeyExists,
            &stage,
            add_named("delegation", 1),
            Some(added("delegation", 1)),
        ),
        by_ballot(
            "a chip that there is not, by ballot",
            "CHIP_IN_SERVICE",
            Code::UnknownChip,
            &stage,
            retire(99),
            Some((chain("agency"), gone(&key(99)))),
        ),
    ];
    // Four voters of whom three are enough: the fourth has left.
    let mut stage = Stage::new();
    stage.ballot(3, "join", add(3));
    stage.enrol(3, &chip(3));
    stage.ok(Role::Root, &root(2), Command::RetireChip(RetireChip { chip: chip(2).public().id() }));
    stage.ballot(3, "leave", remove(3));
    cases.extend([
        by_ballot(
            "the name of a former member",
            "ORGANISATION_NAME",
            Code::OrganisationExists,
            &stage,
            add_named("delegation", 70),
            Some(added("delegation", 70)),
        ),
        by_ballot(
            "a chip of a former member, by ballot",
            "CHIP_IN_SERVICE",
            Code::ChipRetired,
            &stage,
            stolen(3),
            Some((chain("delegation"), gone(&chip(3)))),
        ),
        by_ballot(
            "a chip retired before, by ballot",
            "CHIP_IN_SERVICE",
            Code::ChipRetired,
            &stage,
            stolen(2),
            Some((chain("chamber"), gone(&chip(2)))),
        ),
    ]);
    // Two nodes of one, one of each other: when one of those goes, two of three are a quorum.
    let mut stage = Stage::new();
    stage.ok(Role::Root, &root(0), enrol(4));
    let left = Action::RemoveOrganisation {
        organisation: "chamber".parse().unwrap(),
        nodes: vec![NodeId(3)],
        keys_ended: U64(4),
        proposal_id: "p".into(),
    };
    cases.push(by_ballot(
        "a member that the balance needs",
        "NODE_BALANCE",
        Code::OrganisationQuorum,
        &stage,
        remove(2),
        Some((chain("chamber"), left)),
    ));
    cases.extend(gaps());
    cases
}

/// Recoveries of trees that the ledger does not contain, as far as that shows without it.
fn gaps() -> Vec<Case> {
    let gap = |name: &str, change: &dyn Fn(&mut EvidenceAnchor, &mut EvidenceAnchor)| {
        let mut stage = Stage::new();
        let tree = |ledger| {
            let (size, root) = selfsame_machine::read::head(&stage.model, ledger).expect("a state");
            EvidenceAnchor { size: U64(size), root }
        };
        let [mut evidence, mut reasoning] = selfsame_protocol::ledger::Ledger::BOTH.map(tree);
        change(&mut evidence, &mut reasoning);
        let (evidence_tree, reasoning_tree) = (evidence.clone(), reasoning.clone());
        open(&mut stage, 0, "p", Proposal::Recovery { reason: "lost".into(), evidence, reasoning });
        stage.ok(Role::Root, &root(1), vote("p", true));
        let recovery = Record::Recovery {
            proposal_id: "p".into(),
            recovery_count: U64(1),
            reason: "lost".into(),
            evidence: evidence_tree,
            reasoning: reasoning_tree,
        };
        let told = voted(2, "p").with([decided(&stage, "p", ORGANISATIONS[2])]).with(changed(&stage, "p"));
        let told = told.with([(super::CLUSTER_CHAIN.to_owned(), recovery)]);
        refused(name, "RECOVERY_TREES", &stage, Code::RecoveryGap, told)
    };
    vec![
        gap("a recovery of more than there is", &|_, reasoning| reasoning.size = U64(99)),
        gap("a recovery of nothing with another root", &|evidence, _| evidence.root = Digest::of(b"lost")),
    ]
}
