//! `selfsame bench`: a load generator. Every writer has a substrate of its own with an open session and appends to it
//! one submission after the other, as a real chip does; more writers are more chips, not deeper queues.

mod load;
mod report;

use crate::actor::Actor;
use crate::client::Client;
use crate::demo::cluster::{Cluster, Failure, Keys, free_ports, fresh_key};
use crate::env::TcpNet;
use clap::Args;
use load::{Shape, Writer};
use selfsame_protocol::command::{Command, Role};
use selfsame_protocol::keys::SecretKey;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Connections that the writers share.
const CONNECTIONS: usize = 16;
/// Substrates born at once while preparing.
const PREPARING: usize = 128;

/// Measure appends: throughput and latency, as JSON on standard output.
///
/// Without --local the cluster of --endpoint or --context is driven, and --key names a root key of an organisation: it
/// enrols a chip for the measurement. The entries stay in the ledgers for ever, so use a cluster made for it.
#[derive(Args, Clone, Debug)]
pub struct Bench {
    /// Start three durable nodes of this process on loopback, with files in a temporary directory, and drive them.
    #[arg(long)]
    local: bool,
    /// Numbers of concurrent writers, measured one after the other.
    #[arg(long, value_delimiter = ',', default_value = "1,64,1024")]
    writers: Vec<usize>,
    /// Seconds of each measurement, after one second that does not count.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Bytes of one item's text.
    #[arg(long, default_value_t = 256)]
    size: usize,
    /// Items of one submission, 1 to 1,000.
    #[arg(long, default_value_t = 1)]
    batch: usize,
}

/// Where the load goes and who may prepare it.
struct Target {
    endpoints: Vec<String>,
    cluster: String,
    root: SecretKey,
}

impl Bench {
    fn check(&self) -> Result<(), Failure> {
        let bounds = [
            (
                "--writers",
                self.writers.iter().copied().min().unwrap_or(0),
                self.writers.iter().copied().max().unwrap_or(0),
                1,
                20_000,
            ),
            ("--seconds", self.seconds as usize, self.seconds as usize, 1, 86_400),
            ("--size", self.size, self.size, 1, 50_000),
            ("--batch", self.batch, self.batch, 1, 1_000),
        ];
        for (flag, low, high, min, max) in bounds {
            if low < min || high > max {
                return Err(format!("{flag} is {min} to {max}, found {low} to {high}").into());
            }
        }
        Ok(())
    }

    /// Measures and gives the report. `say` tells the progress. `remote` is a running cluster: its endpoints and a root
    /// key; without it a local cluster is started.
    pub async fn run(&self, remote: Option<(Vec<String>, SecretKey)>, say: impl Fn(&str)) -> Result<Value, Failure> {
        self.check()?;
        match remote {
            Some((endpoints, root)) => {
                let cluster = Client::new(&endpoints, Arc::new(TcpNet))?.genesis().await?.cluster;
                self.drive(Target { endpoints, cluster, root }, say).await
            }
            None => {
                let dir = tempfile::Builder::new().prefix("selfsame-bench-").tempdir()?;
                let keys = Keys::fresh()?;
                let (genesis, root) = (Cluster::genesis("bench", &keys), keys.roots[0].clone());
                let mut cluster = Cluster::start(dir.path(), genesis, keys, &free_ports(3)?, BTreeMap::new()).await?;
                cluster.leader().await?;
                let target = Target { endpoints: cluster.endpoints(), cluster: "bench".into(), root };
                let result = self.drive(target, say).await;
                cluster.stop().await;
                result
            }
        }
    }

    /// Whether a cluster of its own is started.
    pub fn is_local(&self) -> bool {
        self.local
    }

    async fn drive(&self, target: Target, say: impl Fn(&str)) -> Result<Value, Failure> {
        let clients = (0..CONNECTIONS)
            .map(|i| {
                let mut endpoints = target.endpoints.clone();
                let by = i % endpoints.len();
                endpoints.rotate_left(by);
                Client::new(&endpoints, Arc::new(TcpNet))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let chip = Actor { cluster: target.cluster.clone(), role: Role::Chip, key: fresh_key()? };
        let root = Actor { cluster: target.cluster, role: Role::Root, key: target.root };
        let enrol = Command::EnrolChip { chip: chip.key.public(), technology: "software".into() };
        clients[0].submit(&root.sign_content(enrol)).await?;
        let shape = Shape { items: self.batch, bytes: self.size };
        let mut writers: Vec<Writer> = Vec::new();
        let mut levels = Vec::new();
        for &count in &self.writers {
            say(&format!("preparing {count} writers: a substrate with an open session for each"));
            while writers.len() < count {
                let births = (writers.len()..count.min(writers.len() + PREPARING)).map(|i| {
                    let client = clients[i % clients.len()].clone();
                    Writer::born(client, chip.clone(), shape)
                });
                writers.extend(futures::future::try_join_all(births).await?);
            }
            say(&format!("measuring {count} writers for {} s", self.seconds));
            let (level, returned) =
                load::measure(writers.drain(..count).collect(), Duration::from_secs(self.seconds)).await?;
            writers.splice(0..0, returned);
            let summary = report::summary(count, self.batch, &level);
            say(&report::sentence(&summary));
            levels.push(summary);
        }
        Ok(json!({
            "nodes": target.endpoints.len(),
            "local": self.local,
            "item_bytes": self.size,
            "items_per_submission": self.batch,
            "seconds": self.seconds,
            "version": env!("CARGO_PKG_VERSION"),
            "optimised": !cfg!(debug_assertions),
            "cores": std::thread::available_parallelism().map_or(0, usize::from),
            "levels": levels,
        }))
    }
}
