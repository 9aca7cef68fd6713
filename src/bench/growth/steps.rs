//! What is measured at each size: appends, proofs, opens, the restart of a node, and what it all takes.

use super::place::{KeptCluster, SUBSTRATES};
use crate::bench::load::{self, LoadShape, micros};
use crate::bench::{process, report, substrate};
use crate::demo::cluster::Failure;
use selfsame_client::Client;
use selfsame_machine::read;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::p104::Outcome;
use selfsame_protocol::subject::Subject;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

/// Proofs asked for, one after the other.
const PROOFS: u64 = 500;
/// Sessions opened, one after the other.
const OPENS: usize = 20;

/// Single-item appends of all writers for a time, and the processor time of the whole process for each.
pub async fn append(place: &mut KeptCluster, time: Duration, bytes: usize) -> Result<Value, Failure> {
    let shape = LoadShape { items: 1, bytes };
    let writers = place.writers.drain(..).map(|writer| writer.shaped(shape)).collect();
    let (begun, before) = (Instant::now(), process::cpu());
    let (level, writers) = load::measure(writers, time).await?;
    let used = process::cpu().zip(before).map(|(after, before)| after.saturating_sub(before));
    place.writers = writers;
    let mut summary = report::summary(SUBSTRATES, 1, &level);
    // The second before the measurement counts in the processor time as well: its appends are taken to be as many.
    let appends = level.micros.len() as f64 / level.seconds * begun.elapsed().as_secs_f64();
    summary["cpu_us_per_append"] = json!(used.map(|used| report::round(micros(used) as f64 / appends.max(1.0))));
    Ok(summary)
}

/// Entries with their inclusion proofs, all over the ledger.
pub async fn proof(place: &KeptCluster) -> Result<Value, Failure> {
    let entries = place.entries().await?.max(1);
    let mut taken = Vec::new();
    for nth in 0..PROOFS {
        let begin = Instant::now();
        place.clients[0].inclusion(Ledger::Evidence, nth.wrapping_mul(7_919_317) % entries, 0).await?;
        taken.push(micros(begin.elapsed()));
    }
    Ok(json!({"latency_ms": report::latency(&taken)}))
}

/// Sessions of substrates that have nothing but their birth.
pub async fn open(place: &KeptCluster) -> Result<Value, Failure> {
    let (client, mut taken) = (&place.clients[0], Vec::new());
    for _ in 0..OPENS {
        let mut session = substrate::fresh(&place.chip)?;
        substrate::birth(client, &mut session).await?;
        let begin = Instant::now();
        substrate::open_first(client, &mut session).await?;
        taken.push(micros(begin.elapsed()));
    }
    Ok(json!({"latency_ms": report::latency(&taken)}))
}

/// The next session of a substrate that entries went to, which every node re-hashes and replays from its birth; beside it
/// the time that SHA-256 of the same bytes takes on one core.
pub async fn reopen(place: &mut KeptCluster) -> Result<Value, Failure> {
    let client = place.clients[0].clone();
    let session = &mut place.writers.first_mut().ok_or("no substrate")?.session;
    substrate::name_next(session);
    session.close(&client).await?;
    substrate::name_next(session);
    let begin = Instant::now();
    let rail = session.open(&client).await?;
    let taken = begin.elapsed();
    match rail.outcome() {
        // Without cycles its lineage is short, which is told only after everything was verified.
        Some(Outcome::Verified | Outcome::InsufficientDepth) => {}
        other => return Err(format!("the session does not open again: {other:?}").into()),
    }
    let name = Subject::Substrate(session.substrate_id().clone());
    let cluster = place.cluster()?;
    let view = cluster.node(1).ok_or("node 1 is gone")?.raft.view()?;
    let (mut bytes, mut entries) = (Vec::new(), 0);
    for ledger in Ledger::BOTH {
        for index in read::subject_indexes(&view, &name, ledger, 0, usize::MAX)? {
            bytes.extend(read::leaf(&view, ledger, index)?.unwrap_or_default());
            entries += 1;
        }
    }
    let begin = Instant::now();
    std::hint::black_box(Digest::of(&bytes));
    let hashing = begin.elapsed();
    let ms = |time: Duration| report::round(time.as_secs_f64() * 1_000.0);
    let ratio = report::round(taken.as_secs_f64() / hashing.as_secs_f64().max(f64::EPSILON));
    Ok(json!({
        "entries": entries, "bytes": bytes.len(), "ms": ms(taken), "sha256_ms": ms(hashing), "ratio": ratio,
    }))
}

/// Stops a follower and starts it: the time of the stop, of the start until it answers a linearizable read having applied
/// what the leader has, and until it has read all its rows behind that. A node that runs for long has a snapshot, which its
/// start looks at: with `with_snapshot` it has one here too.
pub async fn restart(place: &mut KeptCluster, with_snapshot: bool) -> Result<Value, Failure> {
    let id = place.writers.first().map(|writer| writer.session.substrate_id().to_owned()).ok_or("no substrate")?;
    let endpoints = place.target.endpoints.clone();
    let leader = place.cluster()?.leader().await?;
    let node = if leader == 1 { 2 } else { 1 };
    if with_snapshot {
        super::copies::snapshot(place, node).await?;
    }
    let cluster = place.cluster()?;
    let begin = Instant::now();
    cluster.stop_node(node).await;
    let stopped = begin.elapsed();
    let begin = Instant::now();
    cluster.start_node(node).await?;
    let started = begin.elapsed();
    let ahead = cluster.node(leader).ok_or("the leader is gone")?.raft.status().applied;
    let mut applied = cluster.node(node).ok_or("the node is gone")?.raft.applied();
    applied.wait_for(|at| *at >= ahead).await?;
    let client = Client::builder().endpoints([&endpoints[usize::try_from(node)? - 1]]).build()?;
    client.substrate(&id).await?;
    let ready = begin.elapsed();
    place.scrubbed().await?;
    Ok(json!({
        "with_snapshot": with_snapshot,
        "stop_s": report::round(stopped.as_secs_f64()),
        "start_s": report::round(started.as_secs_f64()),
        "ready_s": report::round(ready.as_secs_f64()),
        "scrubbed_s": report::round(begin.elapsed().as_secs_f64()),
    }))
}

/// Bytes on the disk of each entry and node, on average over the nodes, and the memory of the process.
pub async fn space(place: &mut KeptCluster) -> Result<Value, Failure> {
    let entries = place.entries().await?.max(1) as f64;
    let cluster = place.cluster()?;
    let (mut state, mut log, mut snapshots) = (0, 0, 0);
    for id in 1..=3 {
        let dir = cluster.dir(id);
        state += process::on_disk(&dir.join("state.redb"));
        log += process::on_disk(&dir.join("log.redb"));
        for file in std::fs::read_dir(dir)? {
            let path = file?.path();
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("snap") => snapshots += process::on_disk(&path),
                Some("seg") => log += process::on_disk(&path),
                _ => {}
            }
        }
    }
    let each = |bytes: u64| report::round(bytes as f64 / 3.0 / entries);
    Ok(json!({
        "state_bytes_per_entry": each(state),
        "log_bytes_per_entry": each(log),
        "snapshot_bytes_per_entry": each(snapshots),
        "disk_bytes_per_entry": each(state + log + snapshots),
        "rss_mib": process::rss().map(|bytes| report::round(bytes as f64 / f64::from(1 << 20))),
    }))
}
