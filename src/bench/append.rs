//! Appends: the measurement that `selfsame bench` makes when it is not told another.

use super::load::{self, LoadShape, LoadWriter};
use super::target::{BenchTarget, CONNECTIONS, Site};
use super::{Bound, Say, bounds, report};
use crate::demo::cluster::Failure;
use clap::Args;
use serde_json::{Value, json};
use std::time::Duration;

/// Flags of the measurement of appends.
#[derive(Args, Clone, Debug)]
pub struct AppendBench {
    /// Start three durable nodes of this process on loopback, with files in a temporary directory, and drive them.
    #[arg(long)]
    pub local: bool,
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

impl AppendBench {
    /// Refuses flags that are out of bounds.
    pub fn check(&self) -> Result<(), Failure> {
        bounds(&[
            Bound::each("--writers", &self.writers, 1, 20_000),
            Bound::one("--seconds", self.seconds, 1, 86_400),
            Bound::one("--size", self.size, 1, 50_000),
            Bound::one("--batch", self.batch, 1, 1_000),
        ])
    }

    /// Measures.
    pub async fn run(&self, site: Site, say: Say<'_>) -> Result<Value, Failure> {
        BenchTarget::during(site, async |target| self.drive(target, say).await).await
    }

    async fn drive(&self, target: &BenchTarget, say: Say<'_>) -> Result<Value, Failure> {
        let clients = target.clients(CONNECTIONS)?;
        let chip = target.fresh_chip(&clients[0]).await?;
        let shape = LoadShape { items: self.batch, bytes: self.size };
        let mut writers: Vec<LoadWriter> = Vec::new();
        let mut levels = Vec::new();
        for &count in &self.writers {
            say(&format!("preparing {count} writers: a substrate with an open session for each"));
            LoadWriter::more(&mut writers, count, &clients, &chip, shape).await?;
            say(&format!("measuring {count} writers for {} s", self.seconds));
            let (level, returned) =
                load::measure(writers.drain(..count).collect(), Duration::from_secs(self.seconds)).await?;
            writers.splice(0..0, returned);
            let summary = report::summary(count, self.batch, &level);
            say(&report::sentence(&summary));
            levels.push(summary);
        }
        let figures = json!({
            "item_bytes": self.size,
            "items_per_submission": self.batch,
            "seconds": self.seconds,
            "levels": levels,
        });
        Ok(report::document(target.endpoints.len(), self.local, figures))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_out_of_bounds_are_named() {
        let append = AppendBench { local: true, writers: vec![1, 30_000], seconds: 5, size: 256, batch: 1 };
        let said = append.check().unwrap_err().to_string();
        assert_eq!(said, "--writers is 1 to 20000, found 1 to 30000");
        assert!(AppendBench { writers: vec![], ..append.clone() }.check().is_err(), "no writers at all");
        let said = AppendBench { writers: vec![1], batch: 1_001, ..append }.check().unwrap_err().to_string();
        assert_eq!(said, "--batch is 1 to 1000, found 1001");
    }
}
