//! A load generator for etcd version 3 that does as `selfsame bench` does: every writer sends one request after the
//! other, writers share a fixed number of connections, and each number of writers is measured after a second that does
//! not count. `benches/compare` drives both and compares.

mod etcd;
mod report;

use clap::{Parser, ValueEnum};
use etcd::{Etcd, Failure};
use prost::bytes::Bytes;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Connections that the writers share, as many as `selfsame bench` has.
const CONNECTIONS: usize = 16;
/// Time before a measurement that does not count.
const WARM_UP: Duration = Duration::from_secs(1);
/// Pause after a failure: a node that is down refuses faster than it can be asked sensibly.
const PAUSE: Duration = Duration::from_millis(150);

/// What every writer does.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Mode {
    /// Put a value under a key that was never used.
    Put,
    /// Read one key, linearizably.
    Read,
}

/// Measure an etcd cluster: throughput and latency, as JSON on standard output. What it puts stays, so use a cluster
/// made for it.
#[derive(Parser)]
struct Bench {
    /// What every writer does.
    #[arg(value_enum, default_value = "put")]
    mode: Mode,
    /// Client addresses of the nodes, host:port, separated by commas.
    #[arg(long, value_delimiter = ',', required = true)]
    endpoints: Vec<String>,
    /// Numbers of concurrent writers, measured one after the other.
    #[arg(long, value_delimiter = ',', default_value = "1,64,1024")]
    writers: Vec<u16>,
    /// Seconds of each measurement, after one second that does not count.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// Bytes of one value.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    size: u32,
}

/// Asks one node for one thing after the other.
struct Writer {
    etcd: Etcd,
    mode: Mode,
    /// Begins all keys of this writer.
    prefix: String,
    value: Bytes,
}

impl Writer {
    async fn once(&self, seq: u64) -> Result<(), Failure> {
        match self.mode {
            Mode::Put => self.etcd.put(format!("{}/{seq}", self.prefix), self.value.clone()).await,
            Mode::Read => self.etcd.read(self.prefix.clone(), &self.value).await,
        }
    }

    /// Works for a time; a request counts when it is answered in that time.
    async fn work(self, from: Instant, to: Instant) -> (Vec<u64>, Vec<Failure>) {
        let (mut micros, mut failures) = (Vec::new(), Vec::new());
        for seq in 0.. {
            let begin = Instant::now();
            if begin >= to {
                break;
            }
            let result = self.once(seq).await;
            let end = Instant::now();
            match result {
                Ok(()) if end >= from && end < to => {
                    micros.push(u64::try_from((end - begin).as_micros()).unwrap_or(u64::MAX));
                }
                Ok(()) => {}
                Err(failure) => {
                    failures.push(failure);
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        (micros, failures)
    }
}

impl Bench {
    async fn measure(&self, count: u16, connections: &[Etcd], keys: &str, value: &Bytes) -> Result<Value, String> {
        let time = Duration::from_secs(self.seconds);
        let from = Instant::now() + WARM_UP;
        let mut tasks = JoinSet::new();
        for i in 0..usize::from(count) {
            let prefix = match self.mode {
                Mode::Put => format!("{keys}/{count}/{i}"),
                Mode::Read => keys.to_owned(),
            };
            let etcd = connections[i % connections.len()].clone();
            let writer = Writer { etcd, mode: self.mode, prefix, value: value.clone() };
            tasks.spawn(writer.work(from, from + time));
        }
        let (mut micros, mut failures) = (Vec::new(), BTreeMap::<String, u64>::new());
        while let Some(done) = tasks.join_next().await {
            let (more, failed) = done.map_err(|e| e.to_string())?;
            micros.extend(more);
            for failure in failed {
                *failures.entry(failure.name()).or_default() += 1;
            }
        }
        Ok(report::summary(count, micros, time, &failures))
    }

    async fn run(&self) -> Result<Value, String> {
        if self.writers.contains(&0) {
            return Err("--writers is at least 1".into());
        }
        // Neighbouring connections go to different nodes, as those of `selfsame bench` do.
        let connections = (0..CONNECTIONS)
            .map(|i| Etcd::new(&self.endpoints[i % self.endpoints.len()]))
            .collect::<Result<Vec<_>, _>>()?;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let keys = format!("bench/{}", now.as_micros());
        let value = Bytes::from("x".repeat(self.size as usize));
        if self.mode == Mode::Read {
            connections[0].put(keys.clone(), value.clone()).await.map_err(|failure| failure.to_string())?;
        }
        let mut levels = Vec::new();
        for &count in &self.writers {
            // The script that compares takes the begin of the measurement from this line.
            eprintln!("measuring {count} writers for {} s", self.seconds);
            let summary = self.measure(count, &connections, &keys, &value).await?;
            eprintln!("{}", report::sentence(&summary));
            levels.push(summary);
        }
        Ok(json!({
            "nodes": self.endpoints.len(),
            "item_bytes": self.size,
            "items_per_submission": 1,
            "seconds": self.seconds,
            "version": env!("CARGO_PKG_VERSION"),
            "optimised": !cfg!(debug_assertions),
            "cores": std::thread::available_parallelism().map_or(0, usize::from),
            "levels": levels,
        }))
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match Bench::parse().run().await {
        Ok(report) => {
            println!("{report:#}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
