//! Three nodes in one process, over loopback and real files.

use super::*;
use crate::store::{Identity, Store};
use selfsame_env::sim_disk::{Faults, SimDisk};
use selfsame_env::{Disk as _, Env, Listener};
use selfsame_machine::Genesis;
use selfsame_machine::genesis::{GenesisNode, GenesisOrganisation};
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{
    Author, Command, EnrolChip, ItemLimits, Role as AuthorRole, SUBMISSION_TYPE, Submission,
};
use selfsame_protocol::envelope::Envelope;
use selfsame_protocol::keys::SecretKey;
use selfsame_protocol::p104::Technology;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

fn key(n: u8) -> SecretKey {
    SecretKey::from_seed(&[n; 32])
}

fn genesis() -> Arc<Genesis> {
    let organisation = |n: u8| GenesisOrganisation {
        name: format!("org{n}").parse().unwrap(),
        root_key: key(n).public(),
        operator_key: key(100 + n).public(),
    };
    let node = |n: u8| GenesisNode {
        id: n.into(),
        organisation: format!("org{n}").parse().unwrap(),
        key: key(50 + n).public(),
        cosigner: key(50 + n).cosigner().public(),
    };
    Arc::new(Genesis {
        cluster: "test".into(),
        origin: "ledger.example".into(),
        limits: ItemLimits::default(),
        organisations: (1..=3).map(organisation).collect(),
        nodes: (1..=3).map(node).collect(),
        publication: Default::default(),
    })
}

/// An envelope that the machine accepts: a chip's enrolment, different for each `n`.
fn envelope(n: u32) -> Vec<u8> {
    let mut seed = [7; 32];
    seed[..4].copy_from_slice(&n.to_be_bytes());
    let root = key(1);
    let submission = Submission {
        kind: SUBMISSION_TYPE.into(),
        cluster: "test".into(),
        request_id: format!("request-{n}"),
        author: Author { role: AuthorRole::Root, key: root.public() },
        command: Command::EnrolChip(EnrolChip {
            chip: SecretKey::from_seed(&seed).public(),
            technology: Technology::Software,
        }),
    };
    Envelope::sign(&submission, &root).to_bytes()
}

struct Cluster {
    dirs: Vec<TempDir>,
    addresses: BTreeMap<u64, MemberAddress>,
    nodes: BTreeMap<u64, RaftNode>,
    settings: RaftSettings,
}

impl Cluster {
    async fn start(settings: RaftSettings) -> Cluster {
        let dirs: Vec<TempDir> = (0..3).map(|_| tempfile::tempdir().unwrap()).collect();
        let mut cluster = Cluster { dirs, addresses: BTreeMap::new(), nodes: BTreeMap::new(), settings };
        let mut ready = Vec::new();
        for id in 1..=3 {
            let env = Env::real(cluster.dirs[id as usize - 1].path()).unwrap();
            let listener = env.net.listen("127.0.0.1:0").await.unwrap();
            let peer_addr = listener.local_addr().unwrap();
            cluster.addresses.insert(id, MemberAddress { peer_addr, client_addr: String::new() });
            ready.push((id, env, listener));
        }
        for (id, env, listener) in ready {
            cluster.launch(id, env, listener).await;
        }
        cluster
    }

    async fn launch(&mut self, id: u64, env: Env, listener: Box<dyn Listener>) {
        let genesis = genesis();
        let identity = Identity { cluster: genesis.cluster.clone(), genesis: genesis.digest().to_string(), node: id };
        let store = Store::open(env.disk.clone(), &identity).unwrap();
        let node = RaftNode::start(
            id,
            key(50 + id as u8),
            genesis,
            self.settings.clone(),
            store,
            env,
            listener,
            self.addresses.clone(),
        )
        .await;
        self.nodes.insert(id, node.unwrap());
    }

    async fn restart(&mut self, id: u64) {
        let env = Env::real(self.dirs[id as usize - 1].path()).unwrap();
        let listener = env.net.listen(&self.addresses[&id].peer_addr).await.unwrap();
        self.launch(id, env, listener).await;
    }

    async fn stop(&mut self, id: u64) {
        self.nodes.remove(&id).unwrap().shutdown().await;
    }

    async fn leader(&self, not: u64) -> u64 {
        let mut leader = self.nodes.values().next().unwrap().leader();
        let found = leader.wait_for(|leader| leader.is_some_and(|leader| leader != not));
        tokio::time::timeout(Duration::from_secs(30), found).await.unwrap().unwrap().unwrap()
    }

    async fn converge(&self, index: u64) {
        for node in self.nodes.values() {
            let mut applied = node.applied();
            tokio::time::timeout(Duration::from_secs(30), applied.wait_for(|at| *at >= index)).await.unwrap().unwrap();
        }
        let digests: Vec<String> = self.nodes.values().map(|node| node.status().state_digest).collect();
        assert!(digests.iter().all(|digest| *digest == digests[0] && !digest.is_empty()), "{digests:?}");
    }
}

// shows
#[tokio::test(flavor = "multi_thread")]
async fn any_node_takes_submissions_and_all_agree() {
    let cluster = Cluster::start(RaftSettings::default()).await;
    cluster.leader(0).await;
    let mut receipts = Vec::new();
    for (n, node) in cluster.nodes.values().enumerate() {
        receipts.push(node.submit(envelope(n as u32)).await.unwrap().unwrap());
    }
    let again = cluster.nodes[&2].submit(envelope(0)).await.unwrap().unwrap();
    assert_eq!(again, receipts[0], "a retry on another node gets the first answer");
    for node in cluster.nodes.values() {
        node.linearize().await.unwrap();
    }
    let at = *cluster.nodes[&1].applied().borrow();
    cluster.converge(at).await;
}

/// Room is asked for before signatures are checked: the refusal of a bad one is that there is no room.
#[tokio::test(flavor = "multi_thread")]
async fn what_would_wait_too_long_is_refused_early_until_the_queue_moves_again() {
    let settings = RaftSettings { queue_wait_ms: 0, max_inflight: 1, max_batch: 1, ..RaftSettings::default() };
    let mut cluster = Cluster::start(settings).await;
    let leader = cluster.leader(0).await;
    let followers: Vec<u64> = cluster.nodes.keys().copied().filter(|id| *id != leader).collect();
    for id in &followers {
        cluster.stop(*id).await;
    }
    let submit = |n| {
        let node = cluster.nodes[&leader].clone();
        tokio::spawn(async move { node.submit(envelope(n)).await })
    };
    let waiting: Vec<_> = (0..2).map(submit).collect();
    let node = cluster.nodes[&leader].clone();
    let mut forged = envelope(2);
    forged[0] ^= 1;
    // Until the second one is in the queue, whose turn does not come, the forged one still meets the check of signatures.
    let refused = async {
        loop {
            if let Err(refusal) = node.submit(forged.clone()).await {
                return refusal;
            }
        }
    };
    let refusal = tokio::time::timeout(Duration::from_secs(30), refused).await.unwrap();
    assert_eq!(refusal.code, Code::Overloaded, "{refusal}");
    cluster.restart(followers[0]).await;
    for answer in waiting {
        answer.await.unwrap().unwrap().unwrap();
    }
    node.submit(envelope(3)).await.unwrap().unwrap();
}

// shows: X-03
#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_is_written_and_the_log_purged_when_enough_bytes_were_applied() {
    let settings = RaftSettings { keep_logs: 0, snapshot_after_bytes: 20_000, ..RaftSettings::default() };
    let cluster = Cluster::start(settings).await;
    let leader = cluster.leader(0).await;
    for n in 0..10 {
        cluster.nodes[&leader].submit(envelope(n)).await.unwrap().unwrap();
    }
    let few = *cluster.nodes[&leader].applied().borrow();
    assert!(cluster.nodes.values().all(|node| node.status().snapshot.is_none()), "10 entries are less than 20 kB");
    for n in 10..100 {
        cluster.nodes[&leader].submit(envelope(n)).await.unwrap().unwrap();
    }
    for node in cluster.nodes.values() {
        let mut metrics = node.core.raft.metrics();
        let purged = metrics.wait_for(|metrics| metrics.purged.is_some_and(|id| id.index > few));
        tokio::time::timeout(Duration::from_secs(30), purged).await.unwrap().unwrap();
    }
}

/// A cluster whose first leader is stopped, and needs a snapshot of the second one: both, and the index to catch up with.
async fn left_behind() -> (Cluster, u64, u64, u64) {
    let settings = RaftSettings { keep_logs: 0, ..RaftSettings::default() };
    let mut cluster = Cluster::start(settings).await;
    let old = cluster.leader(0).await;
    cluster.nodes[&old].submit(envelope(0)).await.unwrap().unwrap();
    cluster.stop(old).await;
    let new = cluster.leader(old).await;
    for n in 1..30 {
        cluster.nodes[&new].submit(envelope(n)).await.unwrap().unwrap();
    }
    let at = *cluster.nodes[&new].applied().borrow();
    cluster.nodes[&new].trigger_snapshot().await.unwrap();
    let mut metrics = cluster.nodes[&new].core.raft.metrics();
    let purged = metrics.wait_for(|metrics| metrics.purged.is_some_and(|id| id.index >= at - 1));
    tokio::time::timeout(Duration::from_secs(30), purged).await.unwrap().unwrap();
    (cluster, old, new, at)
}

// shows
#[tokio::test(flavor = "multi_thread")]
async fn a_new_leader_takes_over_and_the_old_one_rejoins_by_snapshot() {
    let (mut cluster, old, _, at) = left_behind().await;
    cluster.restart(old).await;
    cluster.converge(at).await;
    // The applied index is announced a moment before openraft reports where it came from.
    let mut metrics = cluster.nodes[&old].core.raft.metrics();
    let snapshot = metrics.wait_for(|metrics| metrics.snapshot.is_some());
    tokio::time::timeout(Duration::from_secs(30), snapshot).await.unwrap().unwrap();
}

// shows: X-03
#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_decayed_on_its_senders_disk_is_replaced_and_the_follower_catches_up() {
    let (mut cluster, old, new, at) = left_behind().await;
    let (_, decayed) = cluster.nodes[&new].core.store.state.current_snapshot().unwrap();
    let middle = decayed.file.len().unwrap() / 2;
    let mut byte = [0];
    decayed.file.read(middle, &mut byte).unwrap();
    decayed.file.write(middle, &[byte[0] ^ 1]).unwrap();
    decayed.verify().unwrap_err();
    cluster.restart(old).await;
    cluster.converge(at).await;
    assert!(!cluster.dirs[new as usize - 1].path().join(&decayed.name).exists(), "{} is gone", decayed.name);
    assert!(cluster.nodes[&new].status().role == RaftRole::Leader, "it led on");
}

#[tokio::test(flavor = "multi_thread")]
async fn leadership_is_handed_over_on_request() {
    let cluster = Cluster::start(RaftSettings::default()).await;
    let old = cluster.leader(0).await;
    let to = cluster.nodes.keys().copied().find(|id| *id != old).unwrap();
    cluster.nodes[&old].transfer_leader(to).await.unwrap();
    assert_eq!(cluster.leader(old).await, to);
    cluster.nodes[&old].submit(envelope(1)).await.unwrap().unwrap();
}

// shows: X-04
#[tokio::test(flavor = "multi_thread")]
async fn without_a_quorum_nothing_is_read_or_written() {
    let settings = RaftSettings { request_timeout_ms: 1_000, ..RaftSettings::default() };
    let mut cluster = Cluster::start(settings).await;
    let leader = cluster.leader(0).await;
    // The short patience of this cluster may end before a slow disk answers: trying again is safe.
    while cluster.nodes[&leader].submit(envelope(1)).await.is_err() {}
    for id in (1..=3).filter(|id| *id != leader) {
        cluster.stop(id).await;
    }
    assert!(cluster.nodes[&leader].linearize().await.is_err());
    let refusal = cluster.nodes[&leader].submit(envelope(2)).await.unwrap_err();
    assert!(refusal.code.retryable(), "{refusal}");
}

// shows: X-01
#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_state_differs_from_the_majority_leaves_for_good() {
    let mut cluster = Cluster::start(RaftSettings { digest_every_ms: 200, ..RaftSettings::default() }).await;
    let leader = cluster.leader(0).await;
    cluster.nodes[&leader].submit(envelope(1)).await.unwrap().unwrap();
    let at = *cluster.nodes[&leader].applied().borrow();
    cluster.converge(at).await;
    let odd = (1..=3).find(|id| *id != leader).unwrap();
    cluster.nodes[&odd].core.shared.digests.put(at, [1; 32]);
    let mut fatal = cluster.nodes[&odd].fatal();
    let reason = tokio::time::timeout(Duration::from_secs(30), fatal.wait_for(Option::is_some)).await.unwrap();
    let reason = reason.unwrap().clone().unwrap();
    assert!(reason.contains(&"01".repeat(32)) && reason.contains("differs from 2 of 3"), "{reason}");
    assert!(cluster.nodes[&odd].submit(envelope(2)).await.is_err());
    cluster.stop(odd).await;
    let env = Env::real(cluster.dirs[odd as usize - 1].path()).unwrap();
    let genesis = genesis();
    let identity = Identity { cluster: "test".into(), genesis: genesis.digest().to_string(), node: odd };
    assert!(matches!(Store::open(env.disk, &identity), Err(crate::store::OpenError::Quarantined { .. })));
    cluster.nodes[&leader].submit(envelope(3)).await.unwrap().unwrap();
}

// shows: X-02
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_the_node_with_the_reason_and_loses_nothing() {
    let disk = SimDisk::new();
    let mut alone = (*genesis()).clone();
    alone.organisations.truncate(1);
    alone.nodes.truncate(1);
    let alone = Arc::new(alone);
    let start = async |disk: &SimDisk| {
        let mut env = Env::real(tempfile::tempdir().unwrap().path()).unwrap();
        env.disk = Arc::new(disk.clone());
        let listener = env.net.listen("127.0.0.1:0").await.unwrap();
        let member = MemberAddress { peer_addr: listener.local_addr().unwrap(), client_addr: String::new() };
        let identity = Identity { cluster: "test".into(), genesis: alone.digest().to_string(), node: 1 };
        let store = Store::open(env.disk.clone(), &identity).unwrap();
        let settings = RaftSettings { request_timeout_ms: 2_000, ..RaftSettings::default() };
        RaftNode::start(1, key(51), alone.clone(), settings, store, env, listener, BTreeMap::from([(1, member)]))
            .await
            .unwrap()
    };
    let node = start(&disk).await;
    let mut kept = Vec::new();
    let first = node.submit(envelope(0)).await.unwrap().unwrap();
    kept.push((0, first));
    let used: u64 = disk.list().unwrap().iter().map(|name| disk.bytes(name).len() as u64).sum();
    disk.set_faults(Faults { capacity: Some(used + 20_000), ..Faults::default() });
    let mut fatal = node.fatal();
    for n in 1.. {
        match node.submit(envelope(n)).await {
            Ok(outcome) => kept.push((n, outcome.unwrap())),
            Err(refusal) => {
                assert!(matches!(refusal.code, Code::Quarantined | Code::OutcomeUnknown), "{refusal}");
                break;
            }
        }
    }
    let reason = fatal.wait_for(Option::is_some).await.unwrap().clone().unwrap();
    assert!(reason.contains("no storage space") || reason.contains("No space"), "{reason}");
    assert!(node.submit(envelope(0)).await.is_err(), "a node that could not write takes nothing more");
    node.shutdown().await;

    // The disk has room again: everything that was acknowledged is there, and a retry gives the first answer.
    disk.crash(|| 0);
    let node = start(&disk).await;
    assert!(kept.len() > 1, "the disk was full before the first entry");
    for (n, receipt) in kept {
        assert_eq!(node.submit(envelope(n)).await.unwrap().unwrap(), receipt);
    }
    node.shutdown().await;
}
