//! Linearizable reads.

use super::load::{LoadShape, LoadWriter, micros};
use super::target::{BenchTarget, CONNECTIONS, Site};
use super::{Bound, Say, bounds, report};
use crate::demo::cluster::Failure;
use clap::Args;
use selfsame_client::{Client, ClientError};
use selfsame_protocol::ledger::Ledger;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Time before a measurement that does not count.
const WARM_UP: Duration = Duration::from_secs(1);
/// Items of one submission while preparing.
const BATCH: usize = 100;

/// Measure linearizable reads: the state of a substrate, and an entry with its inclusion proof.
///
/// Each reader asks one request after the other; all share 16 connections, which begin at the nodes in turn. A quorum
/// confirms every read, whichever node is asked. A few substrates with entries are prepared first.
#[derive(Args, Clone, Debug)]
pub struct Read {
    /// Start three durable nodes of this process on loopback, with files in a temporary directory, and drive them.
    #[arg(long)]
    pub local: bool,
    /// Numbers of concurrent readers, measured one after the other.
    #[arg(long, visible_alias = "readers", value_delimiter = ',', default_value = "1,64,1024")]
    writers: Vec<usize>,
    /// Seconds of each measurement, after one second that does not count.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Substrates that are prepared and read, 1 to 1,000.
    #[arg(long, default_value_t = 16)]
    substrates: usize,
    /// Entries that are appended to them before, 100 to 1,000,000, in submissions of 100.
    #[arg(long, default_value_t = 10_000)]
    entries: usize,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Substrate,
    Inclusion,
}

/// What there is to read.
struct Shelf {
    substrates: Vec<String>,
    entries: u64,
}

async fn read(client: &Client, shelf: &Shelf, what: What, nth: u64) -> Result<(), ClientError> {
    match what {
        What::Substrate => {
            let at = nth % shelf.substrates.len() as u64;
            client.substrate(&shelf.substrates[usize::try_from(at).unwrap_or(0)]).await.map(|_| ())
        }
        // A stride without a common divisor with any size in use: neighbours in time are strangers in the tree.
        What::Inclusion => {
            client.inclusion(Ledger::Evidence, nth.wrapping_mul(7_919) % shelf.entries, 0).await.map(|_| ())
        }
    }
}

impl Read {
    /// Refuses flags that are out of bounds.
    pub fn check(&self) -> Result<(), Failure> {
        bounds(&[
            Bound::each("--writers", &self.writers, 1, 20_000),
            Bound::one("--seconds", self.seconds, 1, 86_400),
            Bound::one("--substrates", self.substrates, 1, 1_000),
            Bound::one("--entries", self.entries, BATCH as u64, 1_000_000),
        ])
    }

    /// Measures.
    pub async fn run(&self, site: Site, say: Say<'_>) -> Result<Value, Failure> {
        BenchTarget::during(site, async |target| self.drive(target, say).await).await
    }

    async fn drive(&self, target: &BenchTarget, say: Say<'_>) -> Result<Value, Failure> {
        let clients = target.clients(CONNECTIONS)?;
        say(&format!("preparing {} substrates with {} entries", self.substrates, self.entries));
        let shelf = Arc::new(self.prepare(target, &clients).await?);
        let mut levels = Vec::new();
        for (what, name) in [(What::Substrate, "substrate"), (What::Inclusion, "entry_with_inclusion_proof")] {
            for &count in &self.writers {
                say(&format!("reading ({name}) with {count} readers for {} s", self.seconds));
                let summary = self.level(&clients, &shelf, what, name, count).await?;
                let (rate, latency) = (&summary["reads_per_second"], &summary["latency_ms"]);
                let failures = &summary["failures"];
                say(&format!(
                    "  {rate} reads/s, p50 {} ms, p99 {} ms, failures {failures}",
                    latency["p50"], latency["p99"]
                ));
                levels.push(summary);
            }
        }
        let figures = json!({
            "mode": "read",
            "substrates": self.substrates,
            "entries": shelf.entries,
            "seconds": self.seconds,
            "levels": levels,
        });
        Ok(report::document(target.endpoints.len(), self.local, figures))
    }

    async fn prepare(&self, target: &BenchTarget, clients: &[Client]) -> Result<Shelf, Failure> {
        let chip = target.fresh_chip(&clients[0]).await?;
        let mut writers = Vec::new();
        LoadWriter::more(&mut writers, self.substrates, clients, &chip, LoadShape { items: BATCH, bytes: 256 }).await?;
        let mut left = self.entries.div_ceil(BATCH);
        while left > 0 {
            let some = left.min(writers.len());
            futures::future::try_join_all(writers[..some].iter_mut().map(LoadWriter::append)).await?;
            left -= some;
        }
        // What any node has by now, all of them have: the reads are linearizable.
        let sizes = clients[0].statuses().await.into_iter().flatten().map(|status| status.evidence_size);
        let entries = sizes.max().unwrap_or(0);
        if entries == 0 {
            return Err("no node says how many entries there are".into());
        }
        Ok(Shelf {
            substrates: writers.into_iter().map(|writer| writer.session.substrate_id().to_string()).collect(),
            entries,
        })
    }

    async fn level(
        &self,
        clients: &[Client],
        shelf: &Arc<Shelf>,
        what: What,
        name: &str,
        count: usize,
    ) -> Result<Value, Failure> {
        let from = Instant::now() + WARM_UP;
        let to = from + Duration::from_secs(self.seconds);
        let mut readers = JoinSet::new();
        for i in 0..count {
            let (client, shelf) = (clients[i % clients.len()].clone(), shelf.clone());
            readers.spawn(async move {
                let (mut taken, mut failures, mut nth) = (Vec::new(), report::Failures::new(), i as u64);
                loop {
                    let begin = Instant::now();
                    if begin >= to {
                        return (taken, failures);
                    }
                    let result = read(&client, &shelf, what, nth).await;
                    let end = Instant::now();
                    nth += count as u64;
                    match result {
                        Ok(()) if end >= from && end < to => taken.push(micros(end - begin)),
                        Ok(()) => {}
                        Err(error) => report::count(&mut failures, &error),
                    }
                }
            });
        }
        let (mut all, mut failures) = (Vec::new(), report::Failures::new());
        while let Some(done) = readers.join_next().await {
            let (taken, failed) = done?;
            all.extend(taken);
            failed.into_iter().for_each(|(code, n)| *failures.entry(code).or_default() += n);
        }
        Ok(json!({
            "read": name,
            "writers": count,
            "reads": all.len(),
            "reads_per_second": report::round(all.len() as f64 / self.seconds as f64),
            "latency_ms": report::latency(&all),
            "failures": failures,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_out_of_bounds_are_named() {
        let read = Read { local: true, writers: vec![1], seconds: 0, substrates: 16, entries: 10_000 };
        assert_eq!(read.check().unwrap_err().to_string(), "--seconds is 1 to 86400, found 0");
        let said = Read { seconds: 1, entries: 99, ..read }.check().unwrap_err().to_string();
        assert_eq!(said, "--entries is 100 to 1000000, found 99");
    }
}
