//! `selfsame bench`: a load generator. Every writer has a substrate of its own with an open session and appends to it
//! one submission after the other, as a real chip does; more writers are more chips, not deeper queues.
//!
//! | mode | what is measured |
//! |---|---|
//! | none | `append`: appends at several numbers of writers |
//! | `read` | linearizable reads: a substrate's state, an entry with its inclusion proof |
//! | `fleet` | the migration of many substrates to another chip, with a change of the leader if wanted |
//! | `overload` | more load than the cluster can take, what becomes of it, and the way back |
//! | `growth` | what each operation costs when the ledger is large |

mod append;
mod fleet;
mod growth;
mod load;
mod migration;
mod offer;
mod overload;
mod process;
mod read;
mod report;
mod substrate;
mod target;

use crate::demo::cluster::Failure;
use clap::{Args, Subcommand};
use serde_json::Value;
pub use target::Site;

/// Measure: throughput and latency, as JSON on standard output. Without a mode: of appends.
///
/// Without --local the cluster of --endpoint or --context is driven, and --key names a root key of an organisation: it
/// enrols a chip for the measurement. The entries stay in the ledgers for ever, so use a cluster made for it.
#[derive(Args, Clone, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Bench {
    #[command(subcommand)]
    mode: Option<Mode>,
    #[command(flatten)]
    append: append::AppendBench,
}

#[derive(Subcommand, Clone, Debug)]
enum Mode {
    Read(read::Read),
    Fleet(fleet::Fleet),
    Overload(overload::Overload),
    Growth(growth::GrowthBench),
}

/// How the report is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prints {
    /// As the caller wants all output.
    Anything,
    /// As one JSON document.
    Document,
    /// As one line of JSON after the other.
    Lines,
}

/// Tells the progress.
pub type Say<'a> = &'a dyn Fn(&str);

impl Bench {
    /// Whether a cluster of its own is started.
    pub fn is_local(&self) -> bool {
        match &self.mode {
            None => self.append.local,
            Some(Mode::Read(read)) => read.local,
            Some(Mode::Fleet(fleet)) => fleet.local,
            Some(Mode::Overload(overload)) => overload.local,
            Some(Mode::Growth(_)) => true,
        }
    }

    /// How the report is printed.
    pub fn prints(&self) -> Prints {
        match &self.mode {
            None => Prints::Anything,
            Some(Mode::Growth(_)) => Prints::Lines,
            Some(Mode::Read(_) | Mode::Fleet(_) | Mode::Overload(_)) => Prints::Document,
        }
    }

    /// Refuses flags that are out of bounds.
    pub fn check(&self) -> Result<(), Failure> {
        match &self.mode {
            None => self.append.check(),
            Some(Mode::Read(read)) => read.check(),
            Some(Mode::Fleet(fleet)) => fleet.check(),
            Some(Mode::Overload(overload)) => overload.check(),
            Some(Mode::Growth(growth)) => growth.check(),
        }
    }

    /// Measures. `say` tells the progress and `give` takes the report: one document, or one for each size of a growing
    /// ledger. `site` says where, and ends it early.
    pub async fn run(&self, site: Site, say: Say<'_>, give: &dyn Fn(Value)) -> Result<(), Failure> {
        self.check()?;
        match &self.mode {
            None => give(self.append.run(site, say).await?),
            Some(Mode::Read(read)) => give(read.run(site, say).await?),
            Some(Mode::Fleet(fleet)) => give(fleet.run(site, say).await?),
            Some(Mode::Overload(overload)) => give(overload.run(site, say).await?),
            Some(Mode::Growth(growth)) => growth.run(&site, say, give).await?,
        }
        Ok(())
    }
}

/// A flag with its values and what they may be.
struct Bound {
    flag: &'static str,
    low: u64,
    high: u64,
    min: u64,
    max: u64,
}

fn wide<T: TryInto<u64>>(value: T) -> u64 {
    value.try_into().unwrap_or(u64::MAX)
}

impl Bound {
    fn one<T: TryInto<u64> + Copy>(flag: &'static str, value: T, min: u64, max: u64) -> Bound {
        Bound { flag, low: wide(value), high: wide(value), min, max }
    }

    /// Of a list, which is not empty.
    fn each<T: TryInto<u64> + Copy + Ord>(flag: &'static str, values: &[T], min: u64, max: u64) -> Bound {
        let edge = |value: Option<&T>| value.map_or(0, |value| wide(*value));
        Bound { flag, low: edge(values.iter().min()), high: edge(values.iter().max()), min, max }
    }
}

/// Refuses the first flag whose values are out of bounds.
fn bounds(all: &[Bound]) -> Result<(), Failure> {
    for Bound { flag, low, high, min, max } in all {
        if low < min || high > max {
            let found = if low == high { low.to_string() } else { format!("{low} to {high}") };
            return Err(format!("{flag} is {min} to {max}, found {found}").into());
        }
    }
    Ok(())
}
