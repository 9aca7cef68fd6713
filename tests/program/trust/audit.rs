//! An auditor against a cluster whose one node shows another history to some.

use super::harness::{Nodes, net};
use selfsame::demo::liar::Liar;
use selfsame_audit::{Alarm, AuditReport, Follower, Memory, NodeSource, Problem, compare};
use selfsame_protocol::equivocation::{Evidence, Kind};
use selfsame_protocol::keys::SecretKey;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::note::{Note, Vkey};
use std::path::Path;
use std::process::{Command, Output};

fn sources(addresses: &[String]) -> Vec<NodeSource> {
    addresses.iter().map(|address| NodeSource::new(address, net()).unwrap()).collect()
}

async fn audit(nodes: &Nodes, addresses: &[String]) -> AuditReport {
    compare(&sources(addresses), &nodes.keys(), &|_, _, _| {}).await
}

/// A front before node 3 that signs its other history with the keys of node 3's organisation, as its operator can.
async fn liar(nodes: &Nodes, index: usize) -> Liar {
    let key = nodes.cluster.keys.nodes[2].clone();
    let (name, cosigner) = (nodes.genesis().node_key_name(3), nodes.genesis().cosigner_name(3));
    let sign = move |note: &mut Note| {
        note.cosign(&cosigner, &key.cosigner(), 1_700_000_000);
        note.sign(&name, &key);
    };
    Liar::start(&nodes.http(3), net(), Ledger::Evidence, (index, b"another entry".to_vec()), sign).await.unwrap()
}

fn selfsame(dir: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_selfsame")).args(arguments).current_dir(dir).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What every node serves is hashed entry by entry and tile by tile, and nothing is wrong with an honest cluster.
#[tokio::test(flavor = "multi_thread")]
async fn an_honest_cluster_holds_and_every_entry_of_every_node_was_hashed() {
    let mut nodes = Nodes::start().await;
    nodes.declare(260).await;
    let all: Vec<String> = (1..=3).map(|id| nodes.http(id)).collect();
    let report = audit(&nodes, &all).await;
    assert_eq!(report.status(), 0, "{report:#?}");
    assert_eq!(report.checked.len(), 6);
    for checked in &report.checked {
        let head = checked.head.as_ref().unwrap();
        assert_eq!(checked.entries, head.size);
        if checked.ledger == Ledger::Evidence {
            // Two bundles of leaves, and a tile of level 1.
            assert!(checked.entries.0 >= 260 && checked.tiles.0 >= 3, "{checked:?}");
        }
    }
    // A node that is not there, and keys of somebody else: neither is called tampering.
    let gone = audit(&nodes, &[all[0].clone(), "127.0.0.1:1".into()]).await;
    assert_eq!(gone.status(), 3);
    let stranger = SecretKey::from_seed(&[1; 32]).public();
    let other = Vkey { key: stranger, ..nodes.keys()[0].clone() };
    let undecided = compare(&sources(&all), &[other], &|_, _, _| {}).await;
    assert_eq!(undecided.status(), 13);
    assert!(matches!(undecided.checked[0].problem, Some(Problem::Undecided { .. })), "{undecided:?}");
}

/// The operator of node 3 signs two histories: the audit proves it, and the file names its key with no cluster at hand.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_shows_a_fork_is_proven_guilty() {
    let mut nodes = Nodes::start().await;
    nodes.declare(5).await;
    let liar = liar(&nodes, 1).await;
    let addresses = [nodes.http(1), nodes.http(2), liar.address.clone()];
    let report = audit(&nodes, &addresses).await;
    assert_eq!(report.status(), 10);
    let guilty: Vec<_> = report.conflicts.iter().flat_map(|c| c.guilty.clone()).collect();
    // The checkpoint that all organisations published is signed by the same cosigner.
    assert_eq!(guilty, [nodes.genesis().cosigner_name(3)]);
    // What each node serves belongs together: only the comparison shows the lie.
    assert!(report.checked.iter().all(|checked| checked.problem.is_none()), "{report:#?}");

    // The ledgers go on; the old lie against the new truth is a fork as well.
    nodes.declare(3).await;
    let later = audit(&nodes, &addresses).await;
    let conflict = later.conflicts.iter().find(|c| !c.guilty.is_empty()).unwrap();
    assert_eq!(conflict.kind, Kind::Inconsistent);
    assert!(conflict.a.addresses.contains(&liar.address), "{conflict:?}");

    // The same from the command line, and the file offline.
    let dir = tempfile::tempdir().unwrap();
    let trusted: Vec<String> = nodes.keys().iter().flat_map(|key| ["--trust".into(), key.to_text()]).collect();
    let arguments: Vec<String> = ["audit".to_owned()].into_iter().chain(addresses).chain(trusted.clone()).collect();
    let output = selfsame(dir.path(), &arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(output.status.code(), Some(10), "{}", said(&output));
    assert!(said(&output).contains("guilty: test.example/cosigner/3"), "{}", said(&output));
    drop((liar, nodes));
    let mut named = 0;
    for file in std::fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap().path()) {
        let bytes = std::fs::read(&file).unwrap();
        let path = file.display().to_string();
        let verify: Vec<&str> =
            ["verify", &path, "-o", "json"].into_iter().chain(trusted.iter().map(String::as_str)).collect();
        let output = selfsame(dir.path(), &verify);
        if output.status.success() {
            let verdict: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!(verdict["guilty"][0]["name"], "test.example/cosigner/3", "{verdict}");
            named += 1;
        } else {
            assert_eq!(output.status.code(), Some(13), "{}", said(&output));
        }
        // Without the guilty key nothing can be decided; altered, it is refused.
        assert_eq!(selfsame(dir.path(), &["verify", &path]).status.code(), Some(13));
        let altered = String::from_utf8(bytes).unwrap().replacen("test.example", "best.example", 1);
        std::fs::write(&file, altered).unwrap();
        assert_eq!(selfsame(dir.path(), &verify).status.code(), Some(10));
    }
    assert_eq!(named, 1);
}

/// A front that changes an entry and leaves the checkpoint alone serves what was not signed.
#[tokio::test(flavor = "multi_thread")]
async fn entries_that_are_not_what_was_signed_are_found() {
    let mut nodes = Nodes::start().await;
    nodes.declare(4).await;
    let honest = served_note(&nodes).await;
    let text = honest.to_text();
    let sign = move |note: &mut Note| *note = Note::parse(text.as_bytes()).unwrap();
    let liar = Liar::start(&nodes.http(3), net(), Ledger::Evidence, (2, b"other".to_vec()), sign).await.unwrap();
    let report = audit(&nodes, &[nodes.http(1), liar.address.clone()]).await;
    assert_eq!(report.status(), 10);
    let bad: Vec<_> = report.checked.iter().filter(|checked| checked.problem.is_some()).collect();
    assert_eq!(bad.len(), 1);
    assert_eq!(bad[0].address, liar.address);
    assert!(matches!(&bad[0].problem, Some(Problem::Broken { check, .. }) if check == "ROOT"), "{bad:?}");
    assert!(report.conflicts.is_empty());
}

async fn served_note(nodes: &Nodes) -> Note {
    let server = selfsame_env::fetch::Server::new(&nodes.http(3), net()).unwrap();
    Note::parse(&server.get("evidence/checkpoint", 1 << 16).await.unwrap().body).unwrap()
}

async fn look(nodes: &Nodes, memory: &Path, addresses: &[String]) -> Result<Vec<u64>, Alarm> {
    let mut follower = Follower::new(sources(addresses), nodes.keys(), Memory::open(memory).unwrap());
    let steps = follower.look(1_800_000_000).await?;
    assert!(steps.iter().all(|step| step.unchecked.is_empty()), "{steps:?}");
    Ok(steps.iter().map(|step| step.hashed.0).collect())
}

/// A follower hashes each entry once, also when it starts again, and a fork of what it has verified ends it.
#[tokio::test(flavor = "multi_thread")]
async fn a_follower_goes_on_where_it_ended_and_sees_forks_and_rollbacks() {
    let mut nodes = Nodes::start().await;
    nodes.declare(300).await;
    let dir = tempfile::tempdir().unwrap();
    let memory = dir.path().join("memory");
    let three = [nodes.http(1), nodes.http(2), nodes.http(3)];
    let first = look(&nodes, &memory, &three).await.unwrap();
    assert!(first[0] >= 300, "{first:?}");
    assert_eq!(look(&nodes, &memory, &three).await.unwrap(), [0, 0]);
    nodes.declare(20).await;
    let next = look(&nodes, &memory, &three).await.unwrap();
    assert!((20..100).contains(&next[0]), "{next:?}");

    // Node 3's operator rewrites an entry that the follower has verified and goes on from there.
    let fork = liar(&nodes, 7).await;
    nodes.declare(2).await;
    let copy = dir.path().join("copy");
    std::fs::copy(&memory, &copy).unwrap();
    let alarm = look(&nodes, &copy, &[three[2].clone(), fork.address.clone()]).await.unwrap_err();
    let Alarm::Fork { evidence: Some(evidence), address, .. } = alarm else { panic!("{alarm:?}") };
    assert_eq!(address, fork.address);
    let evidence = Evidence::from_bytes(&evidence.to_bytes()).unwrap();
    assert_eq!(evidence.verify(&nodes.keys()).unwrap().guilty[0].name, "test.example/cosigner/3");

    // The fork alone, later, is seen by the memory alone.
    let alarm = look(&nodes, &memory, std::slice::from_ref(&fork.address)).await.unwrap_err();
    assert!(matches!(&alarm, Alarm::Fork { .. }), "{alarm}");

    // A node that shows less than it has shown went back, even when the rest is right.
    nodes.declare(2).await;
    look(&nodes, &memory, &three).await.unwrap();
    let mut known = Memory::open(&memory).unwrap();
    known.logs.get_mut("evidence").unwrap().shown.insert(three[1].clone(), selfsame_protocol::time::U64(u64::MAX));
    known.save().unwrap();
    let alarm = look(&nodes, &memory, &three).await.unwrap_err();
    assert!(matches!(&alarm, Alarm::RolledBack { address, .. } if *address == three[1]), "{alarm}");
}
