//! The directory of a growing cluster: three nodes, and one file that says how to start them again.

use crate::bench::load::{LoadShape, LoadWriter};
use crate::bench::target::{BenchTarget, CONNECTIONS};
use crate::bench::{process, substrate};
use crate::demo::cluster::{Cluster, Failure, Keys, free_ports, fresh_key};
use futures::future::try_join_all;
use selfsame_client::{ChipSession, Client, Signer};
use selfsame_node::raft::RaftSettings;
use selfsame_node::scrub::Scrubbed;
use selfsame_offline::files;
use selfsame_protocol::digest::{Digest, hex};
use selfsame_protocol::keys::SecretKey;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Substrates that the entries go to.
pub const SUBSTRATES: usize = 64;
/// Log entries kept behind a snapshot: few, so that a new learner needs the snapshot however large the submissions are.
const KEEP_LOGS: u64 = 64;
const FILE: &str = "growth.json";
/// Processor time that all nodes take in a second when there is nothing to do, heartbeats included.
const QUIET: Duration = Duration::from_millis(100);
/// Seconds to wait for it at most.
const SETTLING: u64 = 600;

/// What is needed to start the cluster again. All keys come from the seed: whoever reads this file can sign for the whole
/// cluster, which is made for measurements alone.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    seed: String,
    ports: Vec<(u16, u16)>,
    substrates: Vec<String>,
}

/// A running cluster that keeps its entries.
pub struct KeptCluster {
    /// The nodes, and where they are reached.
    pub target: BenchTarget,
    /// Clients that share the work.
    pub clients: Vec<Client>,
    /// One writer for each substrate.
    pub writers: Vec<LoadWriter>,
    /// Who signs for the substrates.
    pub chip: Signer,
    seed: String,
}

fn derived(seed: &str, name: &str) -> SecretKey {
    SecretKey::from_seed(Digest::of(format!("{seed}/{name}").as_bytes()).as_bytes())
}

fn file(dir: &Path) -> PathBuf {
    dir.join(FILE)
}

fn keep(dir: &Path, kept: &Kept) -> Result<(), Failure> {
    Ok(files::replace(&file(dir), &serde_json::to_vec_pretty(kept)?)?)
}

fn found(dir: &Path) -> Result<Kept, Failure> {
    if file(dir).exists() {
        let kept = serde_json::from_slice(&std::fs::read(file(dir))?);
        return kept.map_err(|error| format!("{}: {error}", file(dir).display()).into());
    }
    std::fs::create_dir_all(dir)?;
    if std::fs::read_dir(dir)?.next().is_some() {
        let dir = dir.display();
        return Err(format!("--dir is a new or empty directory, or one of an earlier run: {dir} has no {FILE}").into());
    }
    let seed = hex(fresh_key()?.public().as_bytes());
    let kept = Kept { seed, ports: free_ports(3)?, substrates: Vec::new() };
    keep(dir, &kept)?;
    Ok(kept)
}

impl KeptCluster {
    /// Starts the cluster of a directory, or a new one in an empty directory.
    pub async fn open(dir: &Path) -> Result<KeptCluster, Failure> {
        let mut kept = found(dir)?;
        let three = |what: &str| (1..=3).map(|i| derived(&kept.seed, &format!("{what}{i}"))).collect::<Vec<_>>();
        let keys = Keys { roots: three("root"), operators: three("operator"), nodes: three("node") };
        let genesis = Cluster::genesis("growth", &keys)?;
        // A snapshot is written when it is measured, and at no other time: what it costs is told apart from everything else.
        let settings = RaftSettings { keep_logs: KEEP_LOGS, snapshot_after_bytes: u64::MAX, ..RaftSettings::default() };
        let cluster = Cluster::start_with(dir, genesis, keys, &kept.ports, BTreeMap::new(), settings).await?;
        cluster.leader().await?;
        let target = BenchTarget::of(cluster);
        let clients = target.clients(CONNECTIONS)?;
        let chip = target.chip(&clients[0], derived(&kept.seed, "chip")).await?;
        if kept.substrates.is_empty() {
            let births = (0..SUBSTRATES).map(|_| substrate::born(&clients[0], &chip));
            kept.substrates =
                try_join_all(births).await?.into_iter().map(|session| session.substrate_id().to_string()).collect();
            keep(dir, &kept)?;
        }
        let states = try_join_all(kept.substrates.iter().map(|id| clients[0].substrate(id))).await?;
        let shape = LoadShape { items: 1, bytes: 1 };
        let writers = clients.iter().cycle().zip(&states);
        let writer = |(client, state): (&Client, _)| {
            LoadWriter::of(client.clone(), ChipSession::resumed(chip.clone(), state), shape)
        };
        let writers = writers.map(writer).collect();
        let place = KeptCluster { target, clients, writers, chip, seed: kept.seed };
        place.scrubbed().await?;
        Ok(place)
    }

    /// The nodes.
    pub fn cluster(&mut self) -> Result<&mut Cluster, Failure> {
        self.target.local.as_mut().ok_or_else(|| "the nodes are stopped".into())
    }

    /// Waits until every node has read all its rows, as it does after its start: a measurement is not to share with that.
    pub async fn scrubbed(&self) -> Result<(), Failure> {
        let Some(cluster) = &self.target.local else { return Ok(()) };
        for id in 1..=3 {
            let Some(node) = cluster.node(id) else { continue };
            let mut scrubbed = node.scrubbed();
            match &*scrubbed.wait_for(|now| *now != Scrubbed::Running).await? {
                Scrubbed::Done { bad: 0, .. } => {}
                other => return Err(format!("node {id}: its rows do not hold: {other:?}").into()),
            }
        }
        Ok(())
    }

    /// Waits until the nodes have done what the filling left behind: it is not to fall into a measurement.
    pub async fn settled(&self) -> Result<(), Failure> {
        for _ in 0..SETTLING {
            let Some(before) = process::cpu() else { return Ok(()) };
            tokio::time::sleep(Duration::from_secs(1)).await;
            if process::cpu().is_none_or(|after| after.saturating_sub(before) < QUIET) {
                return Ok(());
            }
        }
        Err(format!("the nodes are still at work after {SETTLING} s").into())
    }

    /// Entries in the Evidence ledger.
    pub async fn entries(&self) -> Result<u64, Failure> {
        // Nothing is written now, so that what a quorum has all of them get; the largest answer has everything.
        let sizes = self.clients[0].statuses().await.into_iter().flatten().map(|status| status.evidence_size);
        sizes.max().ok_or_else(|| "no node answers".into())
    }

    /// The key of a node that joins.
    pub fn key_of(&self, node: u64) -> SecretKey {
        derived(&self.seed, &format!("joined{node}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_of_something_else_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("mine"), b"data").unwrap();
        let said = found(dir.path()).err().unwrap().to_string();
        assert!(said.starts_with("--dir is a new or empty directory"), "{said}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_kept_is_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let first = found(&dir.path().join("new")).unwrap();
        let second = found(&dir.path().join("new")).unwrap();
        assert_eq!((first.seed, first.ports), (second.seed, second.ports));
    }
}
