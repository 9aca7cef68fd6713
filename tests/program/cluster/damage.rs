//! A node whose disk damaged an entry says so, and its users are served by the others.

use super::harness::declaration;
use selfsame::demo::cluster::{Cluster, Keys, flip_leaf, free_ports};
use selfsame_client::{Client, ClientError, Signer};
use selfsame_protocol::code::Code;
use selfsame_protocol::command::Role;
use selfsame_protocol::ledger::Ledger;
use std::collections::BTreeMap;

#[tokio::test]
async fn a_client_that_meets_a_damaged_entry_asks_another_node() {
    let dir = tempfile::tempdir().unwrap();
    let keys = Keys::fresh().unwrap();
    let genesis = Cluster::genesis("test", &keys).unwrap();
    let ports = free_ports(3).unwrap();
    let mut cluster = Cluster::start(dir.path(), genesis, keys.clone(), &ports, BTreeMap::new())
        .await
        .map_err(|e| e.to_string())
        .unwrap();
    let operator = Signer { cluster: "test".into(), role: Role::Operator, key: keys.operators[0].clone() };
    let client = cluster.client().unwrap();
    let entry = client.submit(&declaration(&operator, 1)).await.unwrap().entries[0];
    let leaf = client.leaf(Ledger::Evidence, entry.index.0).await.unwrap();

    // A follower, so that leadership stays where it is; what it applied is in its file once it has stopped.
    let bad = if cluster.leader().await.unwrap() == 3 { 2 } else { 3 };
    let target = cluster.node(cluster.leader().await.unwrap()).unwrap().raft.status().applied;
    cluster.node(bad).unwrap().raft.applied().wait_for(|applied| *applied >= target).await.unwrap();
    cluster.stop_node(bad).await;
    assert!(flip_leaf(&cluster.dir(bad).join("state.redb"), &leaf).unwrap() > 0);
    cluster.start_node(bad).await.map_err(|e| e.to_string()).unwrap();

    let mut endpoints = cluster.endpoints();
    endpoints.rotate_left(bad as usize - 1);
    let only = Client::builder().endpoints(&endpoints[..1]).build().unwrap();
    match only.leaf(Ledger::Evidence, entry.index.0).await {
        Err(ClientError::Refused(refusal)) => assert_eq!(refusal.code, Code::Corrupt, "{refusal}"),
        other => panic!("a damaged entry was served: {other:?}"),
    }
    let all = Client::builder().endpoints(&endpoints).build().unwrap();
    assert_eq!(all.leaf(Ledger::Evidence, entry.index.0).await.unwrap(), leaf);
    cluster.stop().await;
}
