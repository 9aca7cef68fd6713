//! Nodes that fail, chips that are refused, and who holds a quorum.

use super::stories::*;
use super::{CLUSTER_CHAIN, Told, case, chain, find, refused, world};
use crate::World;
use crate::cases::Case;
use crate::cast::*;
use crate::stage::Stage;
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{Arrive, Command, GiveVerdict, RetireChip, RetireNode, Role};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::names::SubstrateId;
use selfsame_protocol::number::{LogIndex, NodeId};
use selfsame_protocol::p104::Outcome;
use selfsame_protocol::record::{Finding, Record, SuppressionReason};
use serde_json::json;

/// Every pair.
pub fn cases() -> Vec<Case> {
    [quarantines(), warnings(), duplicates()].into_iter().flatten().collect()
}

fn failing(text: &str) -> Finding {
    Finding { check: text.into(), ..claim(Outcome::HashMismatch) }
}

fn quarantine(node: u64, substrate: &str, finding: Finding) -> (String, Record) {
    let organisation = ORGANISATIONS[node as usize - 1].parse().unwrap();
    let record =
        Record::NodeQuarantine { node: NodeId(node), organisation, finding, substrate_id: substrate.parse().unwrap() };
    (CLUSTER_CHAIN.into(), record)
}

/// A verdict of node `by`, and what would come of it.
fn verdict(by: u64, substrate: &str, finding: Finding, records: Vec<(String, Record)>) -> Told {
    let command =
        Command::Verdict(GiveVerdict { substrate_id: substrate.parse().unwrap(), verification: LogIndex(1), finding });
    Told { role: Role::Node, key: node(by), command, records }
}

/// Eight nodes: one is outvoted, one comes late. A third fails about another substrate, and is outvoted when a fourth
/// retires. Nodes 4 of the agency, 2 and 5 of the bureau and 7 of the chamber are left.
fn failed() -> (Stage, SubstrateId, SubstrateId) {
    let mut stage = Stage::new();
    let (first, second) = (uuid(1), uuid(2));
    for (by, id) in [(0, 4), (1, 5), (0, 6), (2, 7), (1, 8)] {
        stage.ok(Role::Root, &root(by), enrol(id));
    }
    stage.seasoned_by(&first, 0, 5);
    stage.seasoned_by(&second, 1, 5);
    let verification = stage.ask(&first, &chip(0));
    stage.verdict(&first, verification, 1, failing(&"x".repeat(300))).expect("a verdict");
    for by in [2, 3, 5, 7, 8] {
        stage.honest(&first, by);
    }
    stage.verdict(&first, verification, 6, failing("late")).expect("a verdict");
    let verification = stage.ask(&second, &chip(1));
    stage.verdict(&second, verification, 3, failing("outvoted")).expect("a verdict");
    for by in [4, 5, 7] {
        stage.honest(&second, by);
    }
    // Three of six are not enough, three of five are.
    stage.ok(Role::Root, &root(1), Command::RetireNode(RetireNode { node: NodeId(8) }));
    (stage, first, second)
}

fn quarantines() -> Vec<Case> {
    let (stage, first, second) = failed();
    let failed = world(&stage, &genesis());
    let case_of = |name: &str, check, alter: &dyn Fn(&mut World)| case(name, check, &failed, alter);
    let at = |world: &World, n| world.find(CLUSTER_CHAIN, "node_quarantine", n);
    let told = |name: &str, check, told: Told| case(name, check, &failed, |world| told.end(world));
    let mut cases = vec![
        case_of("a node that there is not", "NODE_ID", &|world| {
            let at = at(world, 0);
            world.edit(at, |record| record["node"] = json!("99"));
        }),
        case_of("a node of others", "NODE_ID", &|world| {
            let at = at(world, 0);
            world.edit(at, |record| record["organisation"] = json!("bureau"));
        }),
        case_of("a node that found nothing wrong", "QUARANTINE_FINDING", &|world| {
            let at = at(world, 0);
            world.edit(at, |record| record["finding"]["outcome"] = json!("VERIFIED"));
        }),
        case_of("a finding that was not cut", "ENTRY_FORM", &|world| {
            let at = at(world, 0);
            world.edit(at, |record| record["finding"]["check"] = json!("x".repeat(300)));
        }),
        case_of("a finding that the node did not give", "QUARANTINE_FINDING", &|world| {
            let at = at(world, 1);
            world.edit(at, |record| record["finding"]["found"] = json!("something else"));
        }),
        case_of("a verdict about another substrate", "QUARANTINE_CAUSE", &|world| {
            let at = at(world, 1);
            world.edit(at, |record| record["substrate_id"] = json!(second));
        }),
        case_of("another node than the one that came late", "QUARANTINE_CAUSE", &|world| {
            let at = at(world, 1);
            world.edit(at, |record| (record["node"], record["organisation"]) = (json!("7"), json!("chamber")));
        }),
        case_of(
            "a node put out of service when another retires, and nothing was decided",
            "SUBMISSION_GROUP",
            &|world| {
                let retired = find(world, "retire_node", 0);
                let submission = world.entries[retired].submission;
                world
                    .entries
                    .retain(|placed| placed.submission != submission || !placed.subject.starts_with("substrate:"));
            },
        ),
        told(
            "a quarantine by whom it outvotes not",
            "QUARANTINE_CAUSE",
            verdict(4, &first, claim(Outcome::Verified), vec![quarantine_of(4, "agency", &first, failing("own"))]),
        ),
        told("a node out of service gives a verdict", "SUBMISSION_KEY", {
            verdict(1, &first, failing("again"), vec![quarantine_of(7, "chamber", &first, failing("again"))])
        }),
        told("a node that is out of service", "NODE_ID", {
            let finding = failing("again");
            verdict(4, &first, claim(Outcome::Verified), vec![quarantine(1, &first, finding)])
        }),
        told("too many outvoted", "QUARANTINE_CAUSE", {
            let records = [2, 5].map(|id| quarantine_of(id, "bureau", &first, failing("outvoted")));
            verdict(4, &first, claim(Outcome::Verified), records.to_vec())
        }),
        case_of("a quarantine beside something else", "QUARANTINE_CAUSE", &|world| {
            let at = find(world, "enrol_node", 4);
            let (_, record) = quarantine_of(1, "agency", &first, failing("x"));
            world.insert(at + 1, at, json!(record));
            world.entries[at + 1].subject = CLUSTER_CHAIN.into();
        }),
        told("a quarantine by a vote", "SUBMISSION_COMMAND", {
            let Told { role, key, command, .. } = Told::vote("agency", &root(0), "none", true);
            Told { role, key, command, records: vec![quarantine_of(4, "agency", &first, failing("x"))] }
        }),
    ];
    // Counted anew, the same verification is not decided twice.
    cases.push(case("one verification decided twice", "QUARANTINE_CAUSE", &failed, |world| {
        let last = at(world, 2);
        let place = |id: u64, substrate: &str| json!(quarantine_of(id, "bureau", substrate, failing("x")).1);
        for (number, (id, substrate)) in [(2, first.as_str()), (5, second.as_str())].into_iter().enumerate() {
            let gap = json!(Record::Suppression { reason: SuppressionReason::HashMismatch });
            let next = last + 1 + 2 * number;
            world.insert(next, last, gap);
            world.entries[next].subject = format!("substrate:{substrate}");
            world.insert(next + 1, last, place(id, substrate));
        }
    }));
    cases
}

fn quarantine_of(node: u64, organisation: &str, substrate: &str, finding: Finding) -> (String, Record) {
    let record = Record::NodeQuarantine {
        node: NodeId(node),
        organisation: organisation.parse().unwrap(),
        finding,
        substrate_id: substrate.parse().unwrap(),
    };
    (CLUSTER_CHAIN.into(), record)
}

/// One organisation has two nodes of four; when one of another fails, it has two of three.
fn warned() -> Stage {
    let mut stage = Stage::new();
    stage.ok(Role::Root, &root(0), enrol(4));
    let id = uuid(1);
    stage.born(&id, 0);
    let verification = stage.ask(&id, &chip(0));
    stage.verdict(&id, verification, 2, failing("disk")).expect("a verdict");
    for by in [1, 3, 4] {
        stage.honest(&id, by);
    }
    stage
}

fn warnings() -> Vec<Case> {
    let (genuine, alone) = (world(&warned(), &genesis()), cluster_of(1, 1));
    let mut grown = super::founded(&alone);
    grown.ok(Role::Root, &root_of(0), propose("join", add_named("two", 70)));
    let grown = world(&grown, &alone);
    let at = |world: &World| world.find(CLUSTER_CHAIN, "organisation_quorum_warning", 0);
    let case_of =
        |name: &str, genuine: &World, alter: &dyn Fn(&mut World)| case(name, "QUORUM_WARNING", genuine, alter);
    vec![
        case_of("a quorum by a quarantine that nobody is warned of", &genuine, &|world| drop(world.remove(at(world)))),
        case_of("a quorum by a new member that nobody is warned of", &grown, &|world| drop(world.remove(at(world)))),
        case_of("a warning of fewer nodes", &genuine, &|world| {
            let at = at(world);
            world.edit(at, |record| record["held"] = json!("1"));
        }),
        case_of("a warning of more nodes in all", &genuine, &|world| {
            let at = at(world);
            world.edit(at, |record| record["total"] = json!("4"));
        }),
        case_of("a warning of another organisation", &genuine, &|world| {
            let at = at(world);
            world.edit(at, |record| record["organisation"] = json!("chamber"));
        }),
        case_of("a warning for another cause", &genuine, &|world| {
            let at = at(world);
            world.edit(at, |record| record["cause"] = json!("add_organisation"));
        }),
        case_of("a warning without a quorum", &genuine, &|world| {
            let record = world.entries[at(world)].value["record"].clone();
            let like = find(world, "enrol_node", 0);
            world.insert(like + 1, like, record);
            world.entries[like + 1].subject = CLUSTER_CHAIN.into();
        }),
    ]
}

/// A refusal in a stranger's chain, by its record alone.
pub fn unsigned() -> Vec<Case> {
    let genuine = world(&claimed().0, &genesis());
    vec![case("a refusal in a stranger's chain", "ENTRY_SUBJECT", &genuine, |world| {
        let at = world.find(&chain("chamber"), "duplicate_refused", 0);
        world.entries[at].subject = chain("agency");
    })]
}

/// A second birth and a write of a chip that never held the substrate.
fn claimed() -> (Stage, SubstrateId) {
    let mut stage = Stage::new();
    let id = uuid(1);
    stage.born(&id, 0);
    stage.recorded(Role::Chip, &chip(1), birth(&id, &chip(1)), Code::IdentityConflict);
    let command = stage.open_command(&id);
    stage.recorded(Role::Chip, &chip(2), command, Code::ChipNotActive);
    (stage, id)
}

fn duplicates() -> Vec<Case> {
    let (stage, id) = claimed();
    let genuine = world(&stage, &genesis());
    let case_of = |name: &str, check, alter: &dyn Fn(&mut World)| case(name, check, &genuine, alter);
    let birth = |world: &World| world.find(&chain("bureau"), "duplicate_refused", 0);
    let write = |world: &World| world.find(&chain("chamber"), "duplicate_refused", 0);
    let record = |chip: Digest, code| Record::DuplicateRefused { substrate_id: id.parse().unwrap(), chip, code };
    let code = |at: &dyn Fn(&World) -> usize, name: &str, code: &str| {
        case(name, "REFUSAL_CODE", &genuine, |world| {
            let at = at(world);
            world.edit(at, |record| record["code"] = json!(code));
        })
    };
    let mut retired = stage.clone();
    retired.ok(Role::Root, &root(2), Command::RetireChip(RetireChip { chip: chip(2).public().id() }));
    let told = Told {
        role: Role::Chip,
        key: chip(2),
        command: retired.open_command(&id),
        records: vec![(chain("chamber"), record(chip(2).public().id(), Code::ChipNotActive))],
    };
    vec![
        case_of("a refusal in a stranger's chain", "SUBMISSION_AUTHOR", &|world| {
            let at = write(world);
            world.entries[at].subject = chain("agency");
        }),
        case_of("a refusal of another chip", "SUBMISSION_AUTHOR", &|world| {
            let at = write(world);
            world.edit(at, |record| record["chip"] = json!(chip(1).public().id()));
        }),
        case_of("a refusal about another substrate", "SUBMISSION_COMMAND", &|world| {
            let at = write(world);
            world.edit(at, |record| record["substrate_id"] = json!(uuid(9)));
        }),
        code(&birth, "a birth refused as a write", "CHIP_NOT_ACTIVE"),
        code(&write, "a write refused as a birth", "IDENTITY_CONFLICT"),
        code(&write, "a refusal that is not recorded", "STALE_EPOCH"),
        case_of("a refusal of a command that has none", "SUBMISSION_COMMAND", &|world| {
            let command = Command::Arrive(Arrive {
                substrate_id: id.parse().unwrap(),
                migration_id: "m1".into(),
                attestation: selfsame_protocol::p104::Attestation::software(&birth_claims(&id, &founding()), &chip(1)),
                continuity_hash: Digest::of(b""),
                head: Digest::of(b""),
            });
            let records = vec![(chain("bureau"), record(chip(1).public().id(), Code::ChipNotActive))];
            Told { role: Role::Chip, key: chip(1), command, records }.end(world);
        }),
        case_of("a refusal and something else", "SUBMISSION_ENTRIES", &|world| {
            let at = write(world);
            let again = world.entries[at].clone();
            world.entries.insert(at + 1, again);
        }),
        refused("a refusal of a chip that was retired", "SUBMISSION_KEY", &retired, Code::KeyEnded, told),
    ]
}
