//! A fourth node joins, votes and leaves, by the command line alone.

use super::harness::{Processes, declare, holds, run, said};
use selfsame_node::config::RaftSection;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::note::Note;
use serde_json::Value;

fn json(output: &std::process::Output) -> Value {
    assert!(output.status.success(), "{}", said(output));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stdout)))
}

/// shows: X-01
#[tokio::test(flavor = "multi_thread")]
async fn a_node_joins_votes_and_leaves_and_its_id_is_never_used_again() {
    let mut cluster = Processes::prepare(RaftSection::default(), 1);
    (1..=3).for_each(|id| cluster.start(id));
    cluster.leader().await;
    let (client, operator) = (cluster.client(&[1, 2, 3]), cluster.operator());
    let mut acknowledged = declare(&client, &operator, 1).await.unwrap().entries;
    let key = json(&run(cluster.dir.path(), &["key", "new", "node4.key.json", "-o", "json"]));
    let public = key["public"].as_str().unwrap().to_owned();
    let cosigner = key["cosigner"].as_str().unwrap().to_owned();
    let (peer, address) = (cluster.addresses[&4].peer.clone(), cluster.addresses[&4].client.clone());
    let join = ["cluster", "add-learner", "4", "--peer", &peer, "--client", &address];

    // Before its organisation enrolled it, the node is nobody.
    let refused = cluster.cli(&join);
    assert!(!refused.status.success() && said(&refused).contains("UNKNOWN_NODE"), "{}", said(&refused));
    json(&cluster.cli(&["governance", "enrol-node", "4", &public, &cosigner, "--key", "aurora-root.json"]));
    cluster.start(4);
    assert!(cluster.cli(&join).status.success());
    assert!(cluster.cli(&["cluster", "promote", "4"]).status.success());
    let members = json(&cluster.cli(&["cluster", "members"]));
    assert_eq!(members["nodes"][3]["membership"], "voter", "{members}");

    // It holds what was there before it and what came after.
    acknowledged.extend(declare(&client, &operator, 2).await.unwrap().entries);
    holds(&cluster.client(&[4]), &acknowledged).await;
    // And it came to the same state by the same log: the same trees, whoever is asked.
    for ledger in Ledger::BOTH {
        let mut texts = Vec::new();
        for id in 1..=4 {
            let client = cluster.client(&[id]);
            holds(&client, &acknowledged).await;
            texts.push(Note::parse(client.node_checkpoint(ledger).await.unwrap().as_bytes()).unwrap().text);
        }
        assert!(texts.iter().all(|text| *text == texts[0]), "{texts:?}");
    }

    // Leadership goes where it is asked to go.
    assert!(cluster.cli(&["cluster", "transfer-leader", "4"]).status.success());
    assert_eq!(cluster.leader().await, 4);
    assert!(cluster.cli(&["cluster", "transfer-leader", "1"]).status.success());

    // Nobody but its organisation takes it out; then its id is a tombstone.
    let early = cluster.cli(&["cluster", "remove", "4"]);
    assert!(!early.status.success() && said(&early).contains("governance retire-node"), "{}", said(&early));
    let foreign = cluster.cli(&["governance", "retire-node", "4", "--key", "borealis-root.json"]);
    assert!(!foreign.status.success() && said(&foreign).contains("ROLE_DENIED"), "{}", said(&foreign));
    json(&cluster.cli(&["governance", "retire-node", "4", "--key", "aurora-root.json"]));
    let removed = cluster.cli(&["cluster", "remove", "4"]);
    assert!(removed.status.success(), "{}", said(&removed));
    let again = cluster.cli(&join);
    assert!(!again.status.success() && said(&again).contains("UNKNOWN_NODE"), "{}", said(&again));
    let key = json(&run(cluster.dir.path(), &["key", "new", "other.json", "-o", "json"]));
    let public = key["public"].as_str().unwrap().to_owned();
    let cosigner = key["cosigner"].as_str().unwrap().to_owned();
    let reused = cluster.cli(&["governance", "enrol-node", "4", &public, &cosigner, "--key", "aurora-root.json"]);
    assert!(!reused.status.success() && said(&reused).contains("NODE_ID_REUSED"), "{}", said(&reused));
    declare(&client, &operator, 3).await.unwrap();
}
