//! kill -9 under load: nothing that was acknowledged is lost, on any node.

use super::harness::{Processes, declare, holds};
use selfsame_client::Client;
use selfsame_node::config::RaftSection;
use selfsame_protocol::entry::EntryRef;
use selfsame_protocol::response::{RunDeclared, SubmitResponse};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::sync::watch;
use tokio::task::JoinSet;

const WRITERS: u64 = 16;

/// What a declaration was answered with.
fn declared(answer: &SubmitResponse) -> RunDeclared {
    answer.result.clone().try_into().unwrap()
}

/// Writers that declare runs until they are stopped, and the entries that were acknowledged to them.
struct Load {
    stop: Arc<AtomicBool>,
    count: watch::Receiver<u64>,
    tasks: JoinSet<Vec<EntryRef>>,
}

impl Load {
    fn start(cluster: &Processes) -> Load {
        let (sender, count) = watch::channel(0);
        let sender = Arc::new(sender);
        let stop = Arc::new(AtomicBool::new(false));
        let next = Arc::new(AtomicU64::new(0));
        let mut tasks = JoinSet::new();
        for writer in 0..WRITERS {
            let (client, operator) =
                (cluster.client(&[1 + writer % 3, 1 + (writer + 1) % 3, 1 + (writer + 2) % 3]), cluster.operator());
            let (stop, sender, next) = (stop.clone(), sender.clone(), next.clone());
            tasks.spawn(async move {
                let mut acknowledged = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    // An answer that was lost is asked for again until it comes: the retry is safe.
                    let receipt = loop {
                        match declare(&client, &operator, seed).await {
                            Ok(receipt) => break receipt,
                            Err(error) => assert!(error.code().is_none_or(|code| code.retryable()), "{error}"),
                        }
                    };
                    assert!(declared(&receipt).new, "a retry gives the first answer, not a second entry");
                    acknowledged.extend(receipt.entries);
                    sender.send_modify(|count| *count += 1);
                }
                acknowledged
            });
        }
        Load { stop, count, tasks }
    }

    /// Returns when this many more writes were acknowledged: the cluster serves.
    async fn more(&mut self, writes: u64) {
        let goal = *self.count.borrow() + writes;
        self.count.wait_for(|count| *count >= goal).await.unwrap();
    }

    async fn stop(mut self) -> Vec<EntryRef> {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Vec::new();
        while let Some(entries) = self.tasks.join_next().await {
            all.extend(entries.unwrap());
        }
        all
    }
}

/// Each node answers for itself with a linearizable read: it has applied everything that was committed.
async fn all_hold(cluster: &Processes, acknowledged: &[EntryRef]) {
    for id in 1..=3 {
        let client: Client = cluster.client(&[id]);
        holds(&client, acknowledged).await;
    }
}

fn no_two_alike(acknowledged: &[EntryRef]) {
    let mut places: Vec<_> = acknowledged.iter().map(|entry| (entry.ledger, entry.index.0)).collect();
    places.sort_unstable();
    let all = places.len();
    places.dedup();
    assert_eq!(places.len(), all, "two submissions were given one entry");
}

/// shows
#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_when_leader_and_followers_are_killed_under_load() {
    let mut cluster = Processes::prepare(RaftSection::default(), 0);
    (1..=3).for_each(|id| cluster.start(id));
    cluster.leader().await;
    let mut load = Load::start(&cluster);
    load.more(50).await;
    for _ in 0..2 {
        let leader = cluster.leader().await;
        cluster.kill(leader);
        load.more(50).await;
        cluster.start(leader);
        let follower = (1..=3).find(|id| *id != leader).unwrap();
        load.more(20).await;
        // With two nodes of three gone nothing is acknowledged; the writers wait and go on when one returns.
        let leads = cluster.leader().await;
        let other = if leads == follower { leader } else { follower };
        cluster.kill(other);
        load.more(50).await;
        cluster.start(other);
        load.more(20).await;
    }
    let acknowledged = load.stop().await;
    no_two_alike(&acknowledged);
    all_hold(&cluster, &acknowledged).await;
}

/// shows
#[tokio::test(flavor = "multi_thread")]
async fn all_nodes_killed_at_once_come_back_with_everything() {
    let mut cluster = Processes::prepare(RaftSection::default(), 0);
    (1..=3).for_each(|id| cluster.start(id));
    let mut load = Load::start(&cluster);
    load.more(100).await;
    (1..=3).for_each(|id| cluster.kill(id));
    (1..=3).for_each(|id| cluster.start(id));
    load.more(50).await;
    let acknowledged = load.stop().await;
    no_two_alike(&acknowledged);
    all_hold(&cluster, &acknowledged).await;
}

/// shows: RI-08, WL-03, X-01, X-03
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_fell_behind_the_log_rejoins_by_snapshot() {
    let raft = RaftSection { snapshot_every: Some(40), keep_logs: Some(10), ..RaftSection::default() };
    let mut cluster = Processes::prepare(raft, 0);
    (1..=3).for_each(|id| cluster.start(id));
    let leader = cluster.leader().await;
    let away = (1..=3).find(|id| *id != leader).unwrap();
    let (client, operator) = (cluster.client(&[leader]), cluster.operator());
    let first = declare(&client, &operator, 0).await.unwrap();
    let run_id = declared(&first).run_id;
    let declaration = client.run(&run_id).await.unwrap().declaration;
    let mut acknowledged = first.entries;
    let last_seen = cluster.client(&[away]).statuses().await.remove(0).unwrap().last_log_index;
    cluster.kill(away);
    // One log entry each, until the entries that the node needs are gone from the leader's log.
    for seed in 1.. {
        acknowledged.extend(declare(&client, &operator, seed).await.unwrap().entries);
        let status = cluster.client(&[leader]).statuses().await.remove(0).unwrap();
        if status.snapshot_index > last_seen + 100 {
            break;
        }
    }
    cluster.start(away);
    let back = cluster.client(&[away]);
    holds(&back, &acknowledged).await;
    assert_eq!(back.run(&run_id).await.unwrap().declaration, declaration, "byte for byte, after the log is gone");
    let status = back.statuses().await.remove(0).unwrap();
    assert!(status.snapshot_index > last_seen, "a snapshot was installed: {status:?}");
}
