//! Genuine histories in which a record of the machine was changed, left out, or put where it does not belong.

use super::stories::*;
use super::{CLUSTER_CHAIN, Told, asked, case, chain, find, find_of, world};
use crate::World;
use crate::cases::Case;
use crate::cast::*;
use selfsame_protocol::command::{Command, EnrolChip, OrganisationKey};
use selfsame_protocol::constitution::{ClusterConstitution, Share};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::governance::GovernanceAction as Action;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::record::{Record, SuppressionReason};
use selfsame_protocol::time::{Timestamp, U64};
use serde_json::{Value, json};

fn of_cluster(world: &World, kind: &str, n: usize) -> usize {
    world.find(CLUSTER_CHAIN, kind, n)
}

fn software<T: serde::de::DeserializeOwned>() -> T {
    serde_json::from_value(json!("software")).expect("a technology")
}

/// The end of a ballot.
fn end_of(world: &World, ballot: &str) -> usize {
    let ends = ["ballot_decided", "ballot_closed"];
    let found = world
        .entries
        .iter()
        .position(|placed| ends.contains(&placed.kind()) && placed.value["record"]["proposal_id"] == ballot);
    found.unwrap_or_else(|| panic!("no end of {ballot}"))
}

/// Votes, and what they come to.
pub fn ballots() -> Vec<Case> {
    let assembly = world(&assembly(), &genesis());
    let expiries = world(&expiries(), &genesis());
    let case_of = |name: &str, check, alter: &dyn Fn(&mut World)| case(name, check, &assembly, alter);
    let vetoes = world(&vetoes(), &genesis());
    let edges = world(&edges(), &genesis());
    let edge = |name: &str, check, alter: &dyn Fn(&mut World)| case(name, check, &edges, alter);
    let moved = |world: &mut World, from: usize, by: i64| {
        for placed in world.entries.iter_mut().skip(from) {
            let time: Timestamp = serde_json::from_value(placed.value["time"].clone()).expect("a time");
            placed.value["time"] = json!(Timestamp::from_millis(time.millis().saturating_add_signed(by)));
        }
    };
    let expired = |name: &str, check, alter: &dyn Fn(&mut World)| case(name, check, &expiries, alter);
    vec![
        case_of("a vote is missing", "BALLOT_VOTES", &|world| drop(world.remove(find_of(world, "vote", "join", 0)))),
        case_of("a vote is turned round", "BALLOT_RESULT", &|world| {
            asked(world, find_of(world, "vote", "join", 0), |vote| vote["approve"] = json!(false));
        }),
        case_of("a vote against is left out of the count", "BALLOT_VOTES", &|world| {
            let at = end_of(world, "no");
            world.edit(at, |record| record["rejections"] = json!(["bureau"]));
        }),
        case_of("the end is missing", "BALLOT_RESULT", &|world| drop(world.remove(end_of(world, "no")))),
        case_of("the decision is missing", "BALLOT_RESULT", &|world| drop(world.remove(end_of(world, "chip")))),
        case_of("what was rejected expired", "BALLOT_RESULT", &|world| {
            let at = end_of(world, "no");
            world.edit(at, |record| record["result"] = json!("expired"));
        }),
        case_of("what was carried was rejected", "BALLOT_RESULT", &|world| {
            let at = end_of(world, "chip");
            world.edit(at, |record| {
                let members = record.as_object_mut().expect("a record");
                members.remove("proposal");
                members.insert("record_type".into(), json!("ballot_closed"));
                members.insert("result".into(), json!("rejected"));
            });
        }),
        case_of("the end of another ballot", "BALLOT_OPEN", &|world| {
            let at = end_of(world, "chip");
            world.edit(at, |record| record["proposal_id"] = json!("other"));
        }),
        case_of("one vote fewer is said to be enough", "BALLOT_THRESHOLD", &|world| {
            let at = end_of(world, "join");
            world.edit(at, |record| record["threshold"] = json!("2"));
        }),
        case_of("decided under another constitution", "BALLOT_CONSTITUTION", &|world| {
            let at = end_of(world, "join");
            world.edit(at, |record| record["constitutional_state_hash"] = json!(Digest::of(b"")));
        }),
        case_of("another proposal is carried", "BALLOT_PROPOSAL", &|world| {
            let at = end_of(world, "join");
            world.edit(at, |record| record["proposal"]["name"] = json!("embassy"));
        }),
        // What a fork would need: the signed votes of others under a proposal of one's own.
        case_of("a vote that was cast on another proposal", "VOTE_BALLOT", &|world| {
            let at = find_of(world, "vote", "join", 1);
            let number = world.entries[at].submission;
            world.submissions[number].payload["command"]["ballot"] = json!(Digest::of(b"another"));
            world.pin(at, |record| record["action"]["ballot"] = json!(Digest::of(b"another")));
        }),
        // The time of the ledger moves back to before the conclusion: the objection was not over.
        case_of("a conclusion moved before its time", "BALLOT_RESULT", &|world| {
            let from = find(world, "conclude", 0);
            let time = world.entries[from - 1].value["time"].clone();
            for placed in world.entries.iter_mut().skip(from) {
                placed.value["time"] = time.clone();
            }
        }),
        case("a veto that is not heeded", "BALLOT_RESULT", &vetoes, |world| drop(world.remove(end_of(world, "join")))),
        case("an objection that is not heeded", "BALLOT_RESULT", &vetoes, |world| {
            drop(world.remove(end_of(world, "lost")));
        }),
        edge("a vote one millisecond late", "BALLOT_TIME", &|world| {
            moved(world, find_of(world, "vote", "last-millisecond", 0), 1);
        }),
        edge("a vote one entry late", "BALLOT_TIME", &|world| {
            let at = find_of(world, "vote", "last-entry", 0);
            let key = key(64).public();
            let command = Command::EnrolChip(EnrolChip { chip: key, technology: software() });
            let action = Action::EnrolChip { chip: key.id(), key, technology: software() };
            Told::root("agency", &root(0), command, action).write(world, at);
        }),
        edge("a conclusion one millisecond early", "BALLOT_RESULT", &|world| {
            moved(world, find(world, "conclude", 0), -1);
        }),
        edge("a conclusion one entry early", "BALLOT_RESULT", &|world| {
            let at = find_of(world, "propose", "concluded", 0);
            world.remove(at + 1);
        }),
        expired("a ballot whose time is over stays open", "BALLOT_TIME", &|world| {
            drop(world.remove(end_of(world, "b")))
        }),
        expired("one that is not the first", "BALLOT_TIME", &|world| drop(world.remove(end_of(world, "a")))),
        expired("ballots closed out of order", "BALLOT_TIME", &|world| {
            let (first, second) = (end_of(world, "a"), end_of(world, "b"));
            world.entries.swap(first, second);
        }),
        case("an end before the last one", "BALLOT_TIME", &world(&once_through(), &genesis()), |world| {
            let at = end_of(world, "z");
            let mut end = world.entries[at].clone();
            end.value["record"]["proposal_id"] = json!("a");
            end.value["record"]["approvals"] = json!(["bureau"]);
            world.entries.insert(at + 1, end);
        }),
        expired("a ballot closed although its time is not over", "BALLOT_RESULT", &|world| {
            let at = end_of(world, "a");
            let time = world.entries[at - 1].value["time"].clone();
            for placed in world.entries.iter_mut().skip(at) {
                placed.value["time"] = time.clone();
            }
        }),
        expired("ballots closed without a proposal", "SUBMISSION_ENTRIES", &|world| {
            let at = find_of(world, "propose", "d", 0);
            world.entries.truncate(at);
        }),
        expired("ballots closed by something else", "SUBMISSION_COMMAND", &|world| {
            let at = find_of(world, "propose", "d", 0);
            let submission = world.entries[at].submission;
            world.submissions[submission].payload["command"] = json!({"kind": "conclude", "proposal_id": "a"});
        }),
        expired("a conclusion without an end", "BALLOT_RESULT", &|world| drop(world.remove(end_of(world, "d")))),
        expired("a conclusion that carries what is over", "BALLOT_RESULT", &|world| {
            let at = end_of(world, "d");
            let proposal =
                world.entries[find_of(world, "propose", "d", 0)].value["record"]["action"]["proposal"].clone();
            world.edit(at, |record| {
                let members = record.as_object_mut().expect("a record");
                members.remove("result");
                members.insert("record_type".into(), json!("ballot_decided"));
                members.insert("proposal".into(), proposal);
            });
        }),
    ]
}

fn constitution(change: &mut Value, of: &str, alter: impl Fn(&mut ClusterConstitution)) {
    let mut found: ClusterConstitution = serde_json::from_value(change[of].clone()).expect("a constitution");
    alter(&mut found);
    change[format!("{of}_hash")] = json!(found.hash());
    change[of] = json!(found);
}

/// Members, constitutions, keys and chips.
pub fn members() -> Vec<Case> {
    let assembly = world(&assembly(), &genesis());
    let (recovered, _) = recovered();
    let recovered = world(&recovered, &genesis());
    let case_of = |name: &str, check, alter: &dyn Fn(&mut World)| case(name, check, &assembly, alter);
    let recovery = |name: &str, check, alter: &dyn Fn(&mut World)| case(name, check, &recovered, alter);
    let changed = |world: &World, n| of_cluster(world, "constitution_changed", n);
    vec![
        case_of("another constitution comes into force", "CONSTITUTION_AFTER", &|world| {
            let at = changed(world, 0);
            world.edit(at, |change| {
                constitution(change, "after", |next| next.rules.ordinary = Share::new(1, 2).expect("a share"))
            });
        }),
        case_of("another constitution was in force", "CONSTITUTION_BEFORE", &|world| {
            let at = changed(world, 0);
            world.edit(at, |change| constitution(change, "before", |before| before.revision = U64(7)));
        }),
        case_of("a hash is another", "CONSTITUTION_HASH", &|world| {
            let at = changed(world, 0);
            world.edit(at, |change| change["after_hash"] = json!(Digest::of(b"")));
        }),
        case_of("a change that names another ballot", "CONSTITUTION_BALLOT", &|world| {
            let at = changed(world, 0);
            world.edit(at, |change| change["proposal_id"] = json!("other"));
        }),
        case_of("a change by no ballot", "CONSTITUTION_BALLOT", &|world| {
            let at = find_of(world, "propose", "no", 0);
            let like = changed(world, 0);
            let record = world.entries[like].value["record"].clone();
            world.insert(at + 1, at, record);
            world.entries[at + 1].subject = CLUSTER_CHAIN.into();
        }),
        case_of("a ballot that survives a change", "CONSTITUTION_VOIDED", &|world| {
            let at = end_of(world, "other");
            world.remove(at);
            let at = changed(world, 0);
            world.edit(at, |change| drop(change.as_object_mut().expect("a record").remove("voided")));
        }),
        case_of("a void ballot that the change does not name", "CONSTITUTION_VOIDED", &|world| {
            let at = changed(world, 0);
            world.edit(at, |change| drop(change.as_object_mut().expect("a record").remove("voided")));
        }),
        case_of("ballots voided out of order", "CONSTITUTION_VOIDED", &|world| {
            let (first, second) = (end_of(world, "late"), end_of(world, "left"));
            world.entries.swap(first, second);
        }),
        case_of("a void ballot that was rejected", "BALLOT_RESULT", &|world| {
            let at = end_of(world, "other");
            world.edit(at, |record| record["result"] = json!("rejected"));
        }),
        case_of("the hash before is another", "CONSTITUTION_HASH", &|world| {
            let at = changed(world, 0);
            world.edit(at, |change| change["before_hash"] = json!(Digest::of(b"")));
        }),
        case_of("a member leaves in another's chain", "ENTRY_SUBJECT", &|world| {
            let at = find(world, "remove_organisation", 0);
            world.entries[at].subject = chain("agency");
        }),
        case_of("a change that voids what was closed", "CONSTITUTION_VOIDED", &|world| {
            let at = changed(world, 1);
            world.edit(at, |change| change["voided"] = json!(["no", "open"]));
        }),
        case_of("the constitution does not change", "CARRIED_OUT", &|world| drop(world.remove(changed(world, 0)))),
        case_of("nobody joins", "CARRIED_OUT", &|world| drop(world.remove(find(world, "add_organisation", 0)))),
        case_of("another key joins", "CARRIED_OUT", &|world| {
            let at = find(world, "add_organisation", 0);
            world.edit(at, |record| record["action"]["root_key"] = json!(key(99).public()));
        }),
        case_of("another member joins", "CARRIED_OUT", &|world| {
            let at = find(world, "add_organisation", 0);
            world.edit(at, |record| record["action"]["organisation"] = json!("embassy"));
        }),
        case_of("a member joins in another's chain", "ENTRY_SUBJECT", &|world| {
            let at = find(world, "add_organisation", 0);
            world.entries[at].subject = chain("embassy");
        }),
        case_of("another ballot brought it about", "CARRIED_OUT", &|world| {
            let at = find(world, "add_organisation", 0);
            world.edit(at, |record| record["action"]["proposal_id"] = json!("other"));
        }),
        case_of("a ballot that was not carried", "CARRIED_OUT", &|world| {
            let at = find(world, "retire_chip", 0);
            world.edit(at, |record| record["action"]["proposal_id"] = json!("chip"));
        }),
        case_of("another chip goes than was decided", "CARRIED_OUT", &|world| {
            let at = find(world, "retire_chip", 1);
            world.edit(at, |record| record["action"]["chip"] = json!(chip(1).public().id()));
        }),
        case_of("another key comes than was decided", "CARRIED_OUT", &|world| {
            let at = find(world, "rotate_key", 1);
            world.edit(at, |record| record["action"]["new"] = json!(key(99).public()));
        }),
        case_of("the key that ends was not in force", "KEY_IN_FORCE", &|world| {
            let at = find(world, "rotate_key", 0);
            world.edit(at, |record| record["action"]["old"] = json!(key(99).public()));
        }),
        case_of("a chip under another id", "SUBMISSION_COMMAND", &|world| {
            let at = find(world, "enrol_chip", 3);
            world.edit(at, |record| record["action"]["chip"] = json!(Digest::of(b"")));
        }),
        case_of("nodes that do not leave with their organisation", "ORGANISATION_NODES", &|world| {
            let at = find(world, "remove_organisation", 0);
            world.edit(at, |record| record["action"]["nodes"] = json!([]));
        }),
        case_of("keys that do not end with it", "ORGANISATION_KEYS", &|world| {
            let at = find(world, "remove_organisation", 0);
            world.edit(at, |record| record["action"]["keys_ended"] = json!("1"));
        }),
        recovery("a recovery that counts another number", "RECOVERY_COUNT", &|world| {
            let at = of_cluster(world, "recovery", 0);
            world.edit(at, |record| record["recovery_count"] = json!("2"));
        }),
        recovery("a recovery of another tree", "CARRIED_OUT", &|world| {
            let at = of_cluster(world, "recovery", 0);
            world.edit(at, |record| record["reasoning"]["root"] = json!(Digest::of(b"")));
        }),
        recovery("a recovery for another reason", "CARRIED_OUT", &|world| {
            let at = of_cluster(world, "recovery", 0);
            world.edit(at, |record| record["reason"] = json!("none"));
        }),
        recovery("a recovery that does not come", "CARRIED_OUT", &|world| {
            world.remove(of_cluster(world, "recovery", 0));
        }),
        recovery("a recovery that nobody decided", "CARRIED_OUT", &|world| {
            let at = of_cluster(world, "recovery", 0);
            let (record, like) = (world.entries[at].value["record"].clone(), world.entries.len() - 1);
            world.insert(like + 1, like, record);
            world.entries[like + 1].subject = CLUSTER_CHAIN.into();
        }),
        recovery("a seal that a ballot decided does not come", "CARRIED_OUT", &|world| {
            let submission = world.entries[end_of(world, "seal")].submission;
            world.entries.retain(|placed| placed.submission != submission || !placed.subject.starts_with("substrate:"));
        }),
    ]
}

/// What stands where, by whom, and when.
pub fn submissions() -> Vec<Case> {
    let assembly = world(&assembly(), &genesis());
    let case_of = |name: &str, check, alter: &dyn Fn(&mut World)| case(name, check, &assembly, alter);
    let pinned = |name: &str, check, pin: fn(&mut Value)| {
        case(name, check, &assembly, |world| {
            let at = find_of(world, "vote", "chip", 0);
            world.entries[at].last.push(std::sync::Arc::new(pin));
        })
    };
    vec![
        pinned("an entry with another member", "ENTRY_FORM", |entry| entry["weight"] = json!(2)),
        pinned("an entry of the other ledger", "ENTRY_LEDGER", |entry| entry["ledger"] = json!(Ledger::Evidence)),
        pinned("an index that goes back", "ENTRY_INDEX", |entry| entry["index"] = json!("0")),
        pinned("a time that goes back", "ENTRY_TIME", |entry| entry["time"] = json!("2026-03-08T00:00:00.000Z")),
        pinned("another depth", "ENTRY_DEPTH", |entry| entry["depth"] = json!("0")),
        pinned("another entry before", "PRIOR_ENTRY_HASH", |entry| entry["prior_entry_hash"] = json!(Digest::of(b""))),
        pinned("a submission that is not given", "SUBMISSION_DIGEST", |entry| {
            entry["submission"] = json!(Digest::of(b""));
        }),
        case_of("entries of one submission at two times", "SUBMISSION_TIME", &|world| {
            let at = end_of(world, "join");
            for placed in world.entries.iter_mut().skip(at) {
                if placed.value["time"].as_str() < Some("2026-03-09") {
                    placed.value["time"] = json!("2026-03-09T00:00:00.000Z");
                }
            }
        }),
        case_of("entries of one submission apart", "SUBMISSION_GROUP", &|world| {
            let at = end_of(world, "join");
            let record = json!(Record::Suppression { reason: SuppressionReason::HashMismatch });
            world.insert(at, at, record);
            world.entries[at].subject = format!("substrate:{}", uuid(9));
        }),
        case_of("a submission twice", "SUBMISSION_ONCE", &|world| {
            let at = find_of(world, "vote", "no", 0);
            let again = world.entries[at].clone();
            world.entries.push(again);
            let last = world.entries.len() - 1;
            world.entries[last].value["time"] = world.entries[last - 1].value["time"].clone();
        }),
        case_of("two actions of one submission", "SUBMISSION_ENTRIES", &|world| {
            let at = find_of(world, "vote", "no", 0);
            let again = world.entries[at].clone();
            world.entries.insert(at + 1, again);
        }),
        case_of("a record of a substrate", "RECORD_KIND", &|world| {
            let at = find_of(world, "vote", "no", 0);
            world.edit(at, |record| *record = json!(Record::Suppression { reason: SuppressionReason::HashMismatch }));
        }),
        case_of("a record of the cluster elsewhere", "ENTRY_SUBJECT", &|world| {
            let at = end_of(world, "no");
            world.entries[at].subject = chain("agency");
        }),
        case_of("a record of an organisation elsewhere", "ENTRY_SUBJECT", &|world| {
            let at = find_of(world, "vote", "no", 0);
            world.entries[at].subject = CLUSTER_CHAIN.into();
        }),
        case_of("a vote in another's name", "SUBMISSION_AUTHOR", &|world| {
            let at = find_of(world, "vote", "no", 1);
            world.entries[at].subject = chain("agency");
        }),
        case_of("a vote that says something else", "SUBMISSION_COMMAND", &|world| {
            let at = find_of(world, "vote", "no", 0);
            world.edit(at, |record| record["action"]["approve"] = json!(true));
        }),
        case_of("a node with another cosigner than asked for", "SUBMISSION_COMMAND", &|world| {
            let at = find(world, "enrol_node", 0);
            world.edit(at, |record| record["action"]["cosigner"] = json!(key(99).public()));
        }),
        case_of("a submission that the limits do not allow", "SUBMISSION_LIMITS", &|world| {
            world.genesis.limits.max_submission_bytes = 300;
        }),
        case_of("what only a ballot brings about", "CARRIED_OUT", &|world| {
            let key = |seed| key(seed).public();
            let action = Action::RotateKey {
                key: OrganisationKey::Root,
                old: key(1),
                new: key(98),
                proposal_id: Some("open".into()),
            };
            Told::root("agency", &root(0), vote("open", true), action).end(world);
        }),
    ]
}

/// What shows only between the entries of substrates.
pub fn whole() -> Vec<Case> {
    let assembly = world(&assembly(), &genesis());
    let suppression = || json!(Record::Suppression { reason: SuppressionReason::HashMismatch });
    let beside = |name: &str, offset: usize| {
        case(name, "SUBMISSION_ENTRIES", &assembly, |world| {
            let at = find_of(world, "vote", "no", 0);
            world.insert(at + offset, at, suppression());
            world.entries[at + offset].subject = format!("substrate:{}", uuid(9));
        })
    };
    vec![beside("a vote behind an entry of a substrate", 0), beside("an entry of a substrate behind a vote", 1)]
}

/// What shows in the records alone: with the submissions another check comes first.
pub fn unsigned() -> Vec<Case> {
    let assembly = world(&assembly(), &genesis());
    let case_of = |name: &str, check, alter: &dyn Fn(&mut World)| case(name, check, &assembly, alter);
    let weak = "ed25519:0000000000000000000000000000000000000000000000000000000000000000";
    vec![
        case_of("a vote about another proposal, in the record alone", "VOTE_BALLOT", &|world| {
            let at = find_of(world, "vote", "join", 1);
            world.pin(at, |record| record["action"]["ballot"] = json!(Digest::of(b"another")));
        }),
        case_of("a stranger votes", "GOVERNANCE_MEMBER", &|world| {
            let at = find_of(world, "vote", "join", 1);
            world.entries[at].subject = chain("delegation");
        }),
        case_of("a chip under another id", "CHIP_ID", &|world| {
            let at = find(world, "enrol_chip", 3);
            world.edit(at, |record| record["action"]["chip"] = json!(Digest::of(b"")));
        }),
        case_of("a key under which anybody can sign", "KEY_FORM", &|world| {
            let at = find(world, "rotate_key", 0);
            world.edit(at, |record| record["action"]["new"] = json!(weak));
        }),
        case_of("a proposal with a key under which anybody can sign", "PROPOSAL_FORM", &|world| {
            let at = find_of(world, "propose", "lost", 0);
            world.edit(at, |record| record["action"]["proposal"]["new"] = json!(weak));
        }),
        case_of("a member whose name is none", "ENTRY_FORM", &|world| {
            let at = find_of(world, "propose", "join", 0);
            world.edit(at, |record| record["action"]["proposal"]["name"] = json!("no name"));
        }),
        case_of("a proposal with one key for two uses", "PROPOSAL_FORM", &|world| {
            let at = find_of(world, "propose", "join", 0);
            world.edit(at, |record| {
                record["action"]["proposal"]["operator_key"] = record["action"]["proposal"]["root_key"].clone();
            });
        }),
    ]
}
