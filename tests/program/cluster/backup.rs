//! Backups of running and of stopped nodes, verified with the policy, and a new node that begins with one.

use super::harness::{Processes, declare, holds, run, said};
use selfsame_node::config::RaftSection;
use serde_json::Value;
use std::process::Output;

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", said(output));
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stdout)))
}

/// Exit status of `selfsame verify` under a policy, and what it says.
fn verdict(cluster: &Processes, policy: &str, file: &str) -> (i32, Value) {
    let output = cluster.cli(&["verify", "--policy", policy, file]);
    (output.status.code().unwrap(), serde_json::from_slice(&output.stdout).unwrap_or_default())
}

/// What a command refuses with.
fn refused(output: &Output, status: i32, word: &str) {
    assert_eq!((output.status.code(), said(output).contains(word)), (Some(status), true), "{}", said(output));
}

fn restore(cluster: &Processes, node: &str, file: &str) -> Output {
    cluster.cli(&["node", "restore", "--config", node, file, "--policy", "policy.txt"])
}

/// shows: P-095
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_verified_offline_and_begins_a_new_node() {
    let mut cluster = Processes::prepare(RaftSection::default(), 1);
    (1..=3).for_each(|id| cluster.start(id));
    cluster.leader().await;
    let (client, operator) = (cluster.client(&[1, 2, 3]), cluster.operator());
    let mut acknowledged = Vec::new();
    for seed in 0..40 {
        acknowledged.extend(declare(&client, &operator, seed).await.unwrap().entries);
    }
    let policy = cluster.cli(&["cluster", "policy"]);
    std::fs::write(cluster.path("policy.txt"), &policy.stdout).unwrap();
    let last = acknowledged.last().unwrap();
    let (ledger, index) = (last.ledger.to_string(), last.index.to_string());
    // Published before the backup is taken, so that the checkpoints in it hold everything that was acknowledged.
    let receipt = cluster.cli(&["ledger", "receipt", &ledger, &index, "--file", "last.tlog-proof"]);
    assert!(receipt.status.success(), "{}", said(&receipt));

    let take =
        |node: &str, file: &str| cluster.cli(&["node", "backup", "--config", node, file, "--policy", "policy.txt"]);
    let running = json(&take("node1.toml", "running.backup"));
    assert!(running["of"].as_str().unwrap().contains("running"), "{running}");
    refused(&take("node1.toml", "running.backup"), 5, "a backup is a new file");
    let (status, said_of) = verdict(&cluster, "policy.txt", "running.backup");
    assert_eq!((status, said_of["file_kind"].as_str()), (0, Some("backup")), "{said_of}");
    let size = |at: usize, member: &str| said_of["ledgers"][at][member].as_u64().unwrap();
    assert!(size(0, "checkpoint_size") > last.index.0 && size(0, "size") >= size(0, "checkpoint_size"), "{said_of}");

    // Altered, under keys of others, cut short.
    let mut bytes = std::fs::read(cluster.path("running.backup")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(cluster.path("altered.backup"), &bytes).unwrap();
    let (status, document) = verdict(&cluster, "policy.txt", "altered.backup");
    assert_eq!((status, document["failure"]["check"].as_str()), (10, Some("SNAPSHOT_CHUNK")));
    let text = String::from_utf8(policy.stdout.clone()).unwrap().replace("/cosigner/", "/other/");
    let strangers = selfsame_protocol::policy::Policy::parse(text.as_bytes());
    assert!(strangers.is_err(), "ids of keys are bound to their names");
    let none = "log sim.example/evidence+6115c7bb+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c\nquorum none\n";
    let none = none.replace("sim.example", "ledger.example");
    std::fs::write(cluster.path("strangers.txt"), none).unwrap();
    assert_eq!(verdict(&cluster, "strangers.txt", "running.backup").0, 13);

    // A stopped node gives its last state, and is none the worse for it.
    cluster.kill(2);
    let stopped = json(&cluster.cli(&["node", "backup", "--config", "node2.toml", "stopped.backup"]));
    assert!(stopped["of"].as_str().unwrap().contains("stopped"), "{stopped}");
    assert_eq!(verdict(&cluster, "policy.txt", "stopped.backup").0, 0);
    cluster.start(2);

    // A new node begins with it. A founder does not, and no directory twice.
    refused(&restore(&cluster, "node1.toml", "running.backup"), 5, "founding node");
    let key = json(&run(cluster.dir.path(), &["key", "new", "node4.key.json", "-o", "json"]));
    refused(&restore(&cluster, "node4.toml", "altered.backup"), 10, "SNAPSHOT_CHUNK");
    let restored = json(&restore(&cluster, "node4.toml", "running.backup"));
    assert_eq!(restored["index"], running["index"]);
    refused(&restore(&cluster, "node4.toml", "running.backup"), 5, "empty directory");
    let (public, cosigner) = (key["public"].as_str().unwrap(), key["cosigner"].as_str().unwrap());
    json(&cluster.cli(&["governance", "enrol-node", "4", public, cosigner, "--key", "aurora-root.json"]));
    let (peer, address) = (cluster.addresses[&4].peer.clone(), cluster.addresses[&4].client.clone());
    cluster.start(4);
    let added = cluster.cli(&["cluster", "add-learner", "4", "--peer", &peer, "--client", &address]);
    assert!(added.status.success(), "{}", said(&added));
    assert!(cluster.cli(&["cluster", "promote", "4"]).status.success());
    acknowledged.extend(declare(&client, &operator, 100).await.unwrap().entries);
    holds(&cluster.client(&[4]), &acknowledged).await;
    // Its own state goes the way of the others': a backup of it is one of the same cluster.
    let of_new = json(&cluster.cli(&["node", "backup", "--config", "node4.toml", "new.backup"]));
    assert!(of_new["index"].as_u64() > running["index"].as_u64(), "{of_new}");
    let (status, document) = verdict(&cluster, "policy.txt", "new.backup");
    assert_eq!(status, 0, "{document}");
    assert!(document["membership"].to_string().contains("\"4\""), "{document}");
    // A member that lost its disk has forgotten what it voted: the backup shows that it was one.
    cluster.kill(4);
    std::fs::remove_dir_all(cluster.path("data4")).unwrap();
    refused(&restore(&cluster, "node4.toml", "new.backup"), 5, "forgotten its votes");
}
