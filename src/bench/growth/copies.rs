//! Copies of the whole state: a snapshot, a learner that gets it, a backup.

use super::place::KeptCluster;
use crate::bench::{process, report};
use crate::demo::cluster::{Cluster, Failure, free_ports};
use selfsame_client::Client;
use selfsame_node::backup::{self, Whose};
use selfsame_offline::Options;
use selfsame_protocol::command::{Command, EnrolNode, RetireNode};
use selfsame_protocol::number::NodeId;
use selfsame_protocol::time::Timestamp;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Time between two looks at something that is under way in a node.
const LOOK: Duration = Duration::from_millis(20);
/// Longest wait for it.
const PATIENCE: Duration = Duration::from_secs(3_600);

fn seconds(since: Instant) -> f64 {
    report::round(since.elapsed().as_secs_f64())
}

async fn wait(what: &str, mut done: impl FnMut() -> Result<bool, Failure>) -> Result<(), Failure> {
    let begun = Instant::now();
    while !done()? {
        if begun.elapsed() > PATIENCE {
            return Err(format!("{what} did not happen in {} s", PATIENCE.as_secs()).into());
        }
        sleep(LOOK).await;
    }
    Ok(())
}

fn newest_snapshot(dir: &Path) -> Result<u64, Failure> {
    let mut found: Vec<_> = std::fs::read_dir(dir)?.collect::<Result<Vec<_>, _>>()?;
    found.retain(|file| file.path().extension().is_some_and(|extension| extension == "snap"));
    // Their names begin with the index, at a fixed width.
    found.sort_by_key(|file| file.file_name());
    let newest = found.last().ok_or_else(|| format!("{} has no snapshot", dir.display()))?;
    Ok(newest.metadata()?.len())
}

fn running(cluster: &Cluster, node: u64) -> Result<&selfsame_node::node::Node, Failure> {
    cluster.node(node).ok_or_else(|| format!("node {node} does not run").into())
}

/// Lets one node write a snapshot of everything, and purge its log behind it.
pub async fn snapshot(place: &mut KeptCluster, node: u64) -> Result<Value, Failure> {
    let endpoints = place.target.endpoints.clone();
    let cluster = place.cluster()?;
    let at = usize::try_from(node)? - 1;
    let client = Client::builder().endpoints([&endpoints[at]]).build()?;
    let raft = &running(cluster, node)?.raft;
    let (begin, before, applied) = (Instant::now(), process::cpu(), raft.status().applied);
    client.snapshot().await?;
    wait("a snapshot", || Ok(raft.status().snapshot.is_some_and(|index| index >= applied))).await?;
    let used = process::cpu().zip(before).map(|(after, before)| after.saturating_sub(before));
    let bytes = newest_snapshot(&cluster.dir(node))?;
    let cpu = used.map(|used| report::round(used.as_secs_f64()));
    Ok(json!({"seconds": seconds(begin), "cpu_seconds": cpu, "bytes": bytes}))
}

/// Adds a new node as a learner, waits until it has everything, and takes it out again.
pub async fn catch_up(place: &mut KeptCluster, leader: u64) -> Result<Value, Failure> {
    let client = place.clients[0].clone();
    // Ids are never used twice: those of earlier runs stand in the ledger.
    let node = client.nodes().await?.iter().map(|node| node.id).max().unwrap_or(3) + 1;
    let key = place.key_of(node);
    let root = place.target.organisation();
    let enrol =
        Command::EnrolNode(EnrolNode { node: NodeId(node), key: key.public(), cosigner: key.cosigner().public() });
    client.submit(&root.sign_content(enrol)).await?;
    let ports = free_ports(1)?[0];
    let cluster = place.cluster()?;
    let member = cluster.join(node, key, ports).await?;
    let result = followed(cluster, &client, node, leader, &member).await;
    // It leaves whatever came of it: the next measurement is of three nodes.
    client.submit(&root.sign_content(Command::RetireNode(RetireNode { node: NodeId(node) }))).await?;
    let cluster = place.cluster()?;
    let (now, begun) = (cluster.leader().await?, Instant::now());
    while running(cluster, now)?.raft.status().learners.iter().any(|(id, _)| *id == node) {
        // The leader does the same by itself, and who is second is refused.
        if client.remove(node).await.is_err() && begun.elapsed() > PATIENCE {
            return Err(format!("learner {node} was not removed").into());
        }
        sleep(LOOK).await;
    }
    cluster.dismiss(node).await?;
    result
}

async fn followed(
    cluster: &Cluster,
    client: &Client,
    node: u64,
    leader: u64,
    member: &selfsame_node::raft::MemberAddress,
) -> Result<Value, Failure> {
    let ahead = running(cluster, leader)?.raft.status();
    let begin = Instant::now();
    client.add_learner(node, &member.peer_addr, &member.client_addr).await?;
    let raft = &running(cluster, node)?.raft;
    let mut applied = raft.applied();
    tokio::time::timeout(PATIENCE, applied.wait_for(|at| *at >= ahead.applied)).await??;
    let taken = seconds(begin);
    // Whether the log was enough shows in what the leader had purged before.
    let by = if ahead.purged.is_some() { "snapshot" } else { "log" };
    let bytes = newest_snapshot(&cluster.dir(leader))?;
    let mib_per_second = report::round(bytes as f64 / f64::from(1 << 20) / taken.max(0.01));
    Ok(json!({"seconds": taken, "by": by, "bytes": bytes, "mib_per_second": mib_per_second}))
}

/// Takes a backup of the running leader from the snapshot that it has, verified as a backup always is, and removes it.
pub async fn backup(place: &mut KeptCluster, leader: u64) -> Result<Value, Failure> {
    let cluster = place.cluster()?;
    let whose = (cluster.genesis.cluster.clone(), cluster.genesis.digest().to_string());
    let (data, file) = (cluster.dir(leader), cluster.root.join("measured.backup"));
    let now = Timestamp::from_millis(running(cluster, leader)?.now_ms());
    let begin = Instant::now();
    let target = file.clone();
    let taken = tokio::task::spawn_blocking(move || {
        let whose = Whose { cluster: &whose.0, genesis: whose.1, node: leader };
        let options = Options { consistency_only: true, ..Options::default() };
        backup::take(&data, &whose, &target, now, &options, &mut |_, _, _| {})
    });
    let taken = taken.await??;
    let report = json!({"seconds": seconds(begin), "bytes": taken.bytes});
    std::fs::remove_file(file)?;
    Ok(report)
}
