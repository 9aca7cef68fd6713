//! What each operation costs when the ledger is large.

mod copies;
mod fill;
mod place;
mod steps;

use super::{Bound, Say, Site, bounds, report};
use crate::demo::cluster::Failure;
use clap::{Args, ValueEnum};
use place::KeptCluster;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;

/// Measure what grows with the ledger: three nodes of this process are filled, and measured at each size.
///
/// The cluster stays in --dir, and another run goes on with its entries. Entries are appended in submissions of 1,000
/// over 64 substrates. Measured at each size: a snapshot, single-item appends of 64 writers, inclusion proofs, opens of a
/// new substrate and of one with its share of the entries, backup, catch-up of a new learner, disk and memory, restart of
/// a node. Each size is one JSON line on standard output as soon as it is known, and all of them are a table on standard
/// error at the end.
///
/// Mind the disk: every entry is kept three times, and the snapshots and the log beside it.
#[derive(Args, Clone, Debug)]
pub struct GrowthBench {
    /// Directory of the cluster: new, empty, or of an earlier run.
    #[arg(long)]
    dir: PathBuf,
    /// Sizes of the Evidence ledger in entries, ascending.
    #[arg(long, value_delimiter = ',', default_value = "10000,1000000,10000000")]
    entries: Vec<u64>,
    /// Bytes of one entry's text.
    #[arg(long, default_value_t = 64)]
    size: usize,
    /// Seconds for which appends are measured at each size.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Steps that are left out.
    #[arg(long, value_delimiter = ',', value_enum)]
    skip: Vec<Step>,
}

/// A step that can be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Step {
    Append,
    Proof,
    Open,
    Reopen,
    /// Leaves out catch-up and backup too, which need it.
    Snapshot,
    CatchUp,
    Backup,
    Restart,
}

impl GrowthBench {
    /// Refuses flags that are out of bounds.
    pub fn check(&self) -> Result<(), Failure> {
        bounds(&[
            Bound::each("--entries", &self.entries, 1, 1_000_000_000),
            Bound::one("--size", self.size, 1, 2_000),
            Bound::one("--seconds", self.seconds, 1, 3_600),
        ])?;
        match self.entries.windows(2).find(|pair| pair[1] <= pair[0]) {
            Some(pair) => Err(format!("--entries ascends, found {} after {}", pair[1], pair[0]).into()),
            None => Ok(()),
        }
    }

    fn does(&self, step: Step) -> bool {
        !self.skip.contains(&step)
    }

    /// Fills and measures; `give` takes the report of each size.
    pub async fn run(&self, site: &Site, say: Say<'_>, give: &dyn Fn(Value)) -> Result<(), Failure> {
        say(&format!("starting three nodes in {}", self.dir.display()));
        let mut place = KeptCluster::open(&self.dir).await?;
        let result = site.unless_stopped(self.grow(&mut place, say, give)).await;
        place.target.stop().await;
        say(&table(&result?));
        Ok(())
    }

    async fn grow(&self, place: &mut KeptCluster, say: Say<'_>, give: &dyn Fn(Value)) -> Result<Vec<Value>, Failure> {
        let mut sizes = Vec::new();
        let have = place.entries().await?;
        for &wanted in &self.entries {
            if passed(have, wanted) {
                say(&format!("{have} entries are there already: nothing to measure at {wanted}"));
                continue;
            }
            let rate = fill::fill(place, wanted, self.size, say).await?;
            let mut measured = self.measure(place, say).await?;
            measured["fill_entries_per_second"] = json!(rate.map(report::round));
            let document = report::document(3, true, measured);
            give(document.clone());
            sizes.push(document);
        }
        Ok(sizes)
    }

    async fn measure(&self, place: &mut KeptCluster, say: Say<'_>) -> Result<Value, Failure> {
        let mut measured = json!({"mode": "growth", "entries": place.entries().await?, "item_bytes": self.size});
        say(&format!("measuring at {} entries", measured["entries"]));
        let mut note = |name: &str, value: Value| {
            say(&format!("  {name}: {value}"));
            measured[name] = value;
        };
        if self.does(Step::Snapshot) {
            let leader = place.cluster()?.leader().await?;
            note("snapshot", copies::snapshot(place, leader).await?);
        }
        place.settled().await?;
        if self.does(Step::Append) {
            note("append", steps::append(place, Duration::from_secs(self.seconds), self.size).await?);
        }
        if self.does(Step::Proof) {
            note("proof", steps::proof(place).await?);
        }
        if self.does(Step::Open) {
            note("open", steps::open(place).await?);
        }
        if self.does(Step::Reopen) {
            note("reopen", steps::reopen(place).await?);
        }
        if self.does(Step::Snapshot) {
            let leader = place.cluster()?.leader().await?;
            if self.does(Step::Backup) {
                note("backup", copies::backup(place, leader).await?);
            }
            if self.does(Step::CatchUp) {
                note("catch_up", copies::catch_up(place, leader).await?);
            }
        }
        note("space", steps::space(place).await?);
        if self.does(Step::Restart) {
            note("restart", steps::restart(place, self.does(Step::Snapshot)).await?);
        }
        Ok(measured)
    }
}

/// Whether a ledger that an earlier run left is too large to stand for a size. What a measurement itself appends is not
/// counted: it is no reason to leave the next size out.
fn passed(have: u64, wanted: u64) -> bool {
    have >= wanted.saturating_mul(2)
}

/// Columns of the table: a title, and where its value stands.
const COLUMNS: [(&str, &str); 14] = [
    ("entries", "/entries"),
    ("append/s", "/append/submissions_per_second"),
    ("p50 ms", "/append/latency_ms/p50"),
    ("p99 ms", "/append/latency_ms/p99"),
    ("CPU µs", "/append/cpu_us_per_append"),
    ("proof p99", "/proof/latency_ms/p99"),
    ("open p50", "/open/latency_ms/p50"),
    ("reopen ms", "/reopen/ms"),
    ("snapshot s", "/snapshot/seconds"),
    ("backup s", "/backup/seconds"),
    ("catch-up s", "/catch_up/seconds"),
    ("ready s", "/restart/ready_s"),
    ("RSS MiB", "/space/rss_mib"),
    ("B/entry", "/space/disk_bytes_per_entry"),
];

/// All sizes, one below the other; a dash for what was left out.
fn table(sizes: &[Value]) -> String {
    let cell = |size: &Value, pointer: &str| {
        let value = size.pointer(pointer).filter(|value| !value.is_null());
        value.map_or_else(|| "-".to_owned(), ToString::to_string)
    };
    let mut rows = vec![COLUMNS.map(|(title, _)| title.to_owned())];
    rows.extend(sizes.iter().map(|size| COLUMNS.map(|(_, pointer)| cell(size, pointer))));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let line = |row: &[String; 14]| {
        let cells = row.iter().enumerate().map(|(column, cell)| format!("{cell:>0$}", width(column)));
        cells.collect::<Vec<_>>().join("  ")
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_out_of_bounds_are_named() {
        let growth = GrowthBench { dir: ".".into(), entries: vec![10, 10], size: 64, seconds: 5, skip: Vec::new() };
        assert_eq!(growth.check().unwrap_err().to_string(), "--entries ascends, found 10 after 10");
        let said = GrowthBench { entries: vec![1], size: 3_000, ..growth }.check().unwrap_err().to_string();
        assert_eq!(said, "--size is 1 to 2000, found 3000");
    }

    #[test]
    fn a_size_that_was_passed_long_ago_is_left_out() {
        assert!(!passed(0, 1) && !passed(1_002_350, 1_000_000), "fresh, and where an earlier run ended");
        assert!(passed(20_000, 10_000));
    }

    #[test]
    fn the_table_has_a_dash_for_what_was_left_out() {
        let text = table(&[json!({"entries": 10_000, "restart": {"ready_s": 1.5}})]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[1].trim_start().starts_with("10000") && lines[1].contains("1.5") && lines[1].contains('-'));
        assert_eq!(lines[0].chars().count(), lines[1].chars().count());
    }
}
