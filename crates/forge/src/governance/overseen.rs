//! Histories of substrates that governance contradicts: chips that nobody enrolled, nodes that could not decide, seals and
//! recoveries that no ballot carried.

use super::stories::*;
use super::{CLUSTER_CHAIN, find, world};
use crate::cases::{Case, catalogue};
use crate::cast::*;
use crate::stage::Stage;
use crate::{World, story};
use selfsame_machine::verify;
use selfsame_protocol::command::{Command, RetireChip};
use selfsame_protocol::entry::Entry;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::names::SubstrateId;
use selfsame_protocol::number::NodeId;
use selfsame_protocol::p104::Outcome;
use selfsame_protocol::record::Finding;
use selfsame_protocol::replay::governance::Oversight;
use selfsame_protocol::replay::{BadCheck, Replay};
use serde_json::json;

/// Recomputes a substrate together with the governance of its cluster, as a bundle holds both.
pub fn read(world: &World, id: &str) -> Result<(), BadCheck> {
    let governed = super::read(world, super::AS_IN_A_BUNDLE)?;
    let (mut replay, mut oversight) =
        (Replay::new(&world.genesis.cluster, &id.parse().unwrap()), Oversight::new(&id.parse().unwrap()));
    let mut next = 0;
    for ledger in Ledger::BOTH {
        for leaf in world.chain(ledger, &format!("substrate:{id}")) {
            let entry = Entry::from_leaf(&leaf);
            let overseen = entry.as_ref().map_or(Ok(()), |entry| oversight.check(&governed, entry));
            next = entry.as_ref().map_or(next, |entry| entry.index.0 + 1);
            replay.decoded(ledger, entry, Entry::hash_of(&leaf))?;
            overseen?;
        }
    }
    replay.finish()?;
    oversight.finish(&governed, next)
}

/// Genuine histories: every substrate of the catalogue, once.
pub fn genuine() -> Vec<(World, String)> {
    let mut found: Vec<(World, String)> = Vec::new();
    let mut last = None;
    for case in catalogue() {
        let leaves = (case.subject.clone(), case.genuine.leaves(Ledger::Reasoning));
        if let Some(id) = case.subject.strip_prefix("substrate:")
            && last.as_ref() != Some(&leaves)
        {
            found.push((case.genuine, id.into()));
            last = Some(leaves);
        }
    }
    found
}

/// A substrate that migrates by seal and by ballot, goes through a recovery, and sees a node fail.
fn busy() -> (Stage, SubstrateId) {
    let mut stage = Stage::new();
    let id = uuid(1);
    stage.seasoned(&id, 0);
    stage.seal(&id, "m1", &chip(0), &chip(1));
    stage.arrive(&id, "m1", &chip(1));
    story::session(&mut stage, &id, 1, "cycle/2");
    story::force_seal(&mut stage, "seal", &id, "m2", 2);
    stage.arrive(&id, "m2", &chip(2));
    story::recover(&mut stage, "recovery");
    let verification = stage.ask(&id, &chip(2));
    let honest = verify::finding(&stage.model, &stage.pending(&id)).expect("a readable state");
    let failing = Finding { outcome: Outcome::HashMismatch, check: "STORED_DIGEST".into(), ..honest };
    stage.verdict(&id, verification, 3, failing).expect("a verdict");
    stage.honest(&id, 1);
    stage.honest(&id, 2);
    stage.append(&id, &chip(2), vec![item(Ledger::Evidence, "seen"), item(Ledger::Reasoning, "thought")]);
    stage.close(&id, &chip(2));
    (stage, id)
}

/// Every pair.
pub fn cases() -> Vec<Case> {
    let (stage, id) = busy();
    let genuine = world(&stage, &genesis());
    let subject = format!("substrate:{id}");
    let case = |name: &str, check, alter: &dyn Fn(&mut World)| {
        let pair = super::case(name, check, &genuine, alter);
        Case { subject: subject.clone(), ..pair }
    };
    let retire = |world: &mut World, number: u8, at: usize| {
        let action = selfsame_protocol::governance::GovernanceAction::RetireChip {
            chip: chip(number).public().id(),
            proposal_id: None,
        };
        let command = Command::RetireChip(RetireChip { chip: chip(number).public().id() });
        super::Told::root(ORGANISATIONS[usize::from(number)], &root(number), command, action).write(world, at);
    };
    let at = |world: &World, kind: &str, n: usize| world.find(&subject, kind, n);
    let cut = |world: &mut World, from: usize| world.entries.truncate(from);
    vec![
        case("a birth by a chip that nobody enrolled", "CHIP_ENROLLED", &|world| {
            world.remove(find(world, "enrol_chip", 0));
            cut(world, at(world, "substrate_identity", 0) + 1);
        }),
        case("a birth of another organisation", "CHIP_ENROLLED", &|world| {
            let birth = at(world, "substrate_identity", 0);
            world.edit(birth, |record| record["organisation"] = json!("bureau"));
        }),
        case("a destination that was enrolled later", "CHIP_ENROLLED", &|world| {
            let enrolled = world.remove(find(world, "enrol_chip", 1));
            let seal = at(world, "migration_seal", 0);
            let time = world.entries[seal].value["time"].clone();
            world.entries.insert(seal + 1, enrolled);
            world.entries[seal + 1].value["time"] = time;
        }),
        case("a destination that was retired", "CHIP_IN_SERVICE", &|world| {
            retire(world, 1, at(world, "migration_seal", 0));
        }),
        case("an arrival of a chip that was retired", "CHIP_IN_SERVICE", &|world| {
            retire(world, 1, at(world, "migration_identity_attestation", 0));
        }),
        case("a write of a chip that was retired", "CHIP_IN_SERVICE", &|world| {
            retire(world, 0, at(world, "reasoning", 0));
        }),
        case("evidence of a chip that was retired", "CHIP_IN_SERVICE", &|world| {
            // Reasoning, cycle and close of the chip are gone; its organisation closes the session.
            let first = world.entries.iter().position(|placed| placed.kind() == "evidence").expect("evidence");
            retire(world, 0, first);
            for kind in ["reasoning", "identity_propagation"] {
                world.remove(at(world, kind, 0));
            }
            for n in 0..2 {
                let close = at(world, "session_close", n);
                world.edit(close, |record| record["recovered"] = json!(true));
            }
            let late = world.entries[first + 1].value["time"].as_str().expect("a time").replace(".000Z", ".001Z");
            world.entries[first + 1].value["time"] = json!(late);
            cut(world, at(world, "session_close", 1) + 1);
        }),
        case("a seal that no ballot carried", "SEAL_BALLOT", &|world| {
            let seal = at(world, "migration_seal", 0);
            world.edit(seal, |record| record["ballot"] = json!("seal"));
        }),
        case("a seal for another destination than carried", "SEAL_BALLOT", &|world| {
            let seal = at(world, "migration_seal", 1);
            world.edit(seal, |record| record["destination"] = json!(chip(0).public().id()));
            cut(world, seal + 1);
        }),
        case("a carried seal that does not stand", "SEAL_BALLOT", &|world| {
            let seal = at(world, "migration_seal", 1);
            cut(world, seal);
            // Something of another substrate stands in its place.
            let decided = world.find(CLUSTER_CHAIN, "ballot_decided", 0);
            world.insert(decided + 1, decided, json!({"record_type": "suppression", "reason": "HASH_MISMATCH"}));
            world.entries[decided + 1].subject = format!("substrate:{}", uuid(9));
        }),
        case("a recovery that the cluster did not go through", "RECOVERY_COUNT", &|world| {
            let recovered = at(world, "holder_recovery", 0);
            world.edit(recovered, |record| record["recovery_count"] = json!("2"));
            cut(world, recovered + 1);
        }),
        case("a birth after a recovery that was none", "RECOVERY_COUNT", &|world| {
            let birth = at(world, "substrate_identity", 0);
            world.edit(birth, |record| record["constitution"]["recovery_count"] = json!("1"));
            cut(world, birth + 1);
        }),
        case("a verdict of a node that there is not", "VERDICT_ELECTORATE", &|world| {
            let first = at(world, "identity_verification", 0);
            world.pin(first, |record| record["verdicts"][0]["node"] = json!("9"));
        }),
        case("a verdict of a node of others", "VERDICT_ELECTORATE", &|world| {
            let first = at(world, "identity_verification", 0);
            world.pin(first, |record| record["verdicts"][0]["organisation"] = json!("chamber"));
        }),
        case("fewer verdicts than half of the nodes", "VERDICT_QUORUM", &|world| {
            let first = at(world, "identity_verification", 0);
            world.edit(first, |record| drop(record["verdicts"].as_array_mut().expect("verdicts").pop()));
        }),
        case("half of the nodes, since one was enrolled", "VERDICT_QUORUM", &|world| {
            let first = at(world, "identity_verification", 0);
            let action = selfsame_protocol::governance::GovernanceAction::EnrolNode {
                node: NodeId(4),
                key: node(4).public(),
                cosigner: node(4).cosigner().public(),
            };
            super::Told::root("agency", &root(0), enrol(4), action).write(world, first);
            cut(world, first + 2);
        }),
        case("a node that was outvoted and serves on", "QUARANTINE_MISSING", &|world| {
            world.remove(world.find(CLUSTER_CHAIN, "node_quarantine", 0));
        }),
        case("a node out of service that nobody outvoted", "QUARANTINE_CAUSE", &|world| {
            let last = at(world, "identity_verification", 2);
            world.edit(last, |record| drop(record["verdicts"].as_array_mut().expect("verdicts").remove(0)));
        }),
    ]
}
