//! More load than the cluster can take.

use super::load::{self, LoadShape, LoadWriter};
use super::offer::{Offered, Offers, Slot};
use super::target::{AT_ONCE, BenchTarget, CONNECTIONS, Site};
use super::{Bound, Say, bounds, process, report};
use crate::demo::cluster::Failure;
use clap::Args;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use selfsame_client::{Client, Signer};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Time between two looks at the memory and at the rate.
const LOOK: Duration = Duration::from_millis(250);
/// Looks that a rate is taken over: one second.
const WINDOW: usize = 4;
/// Longest wait for the way back.
const RECOVERY: Duration = Duration::from_secs(120);
/// Substrates that share one connection: below what a node handles at once for one.
const PER_CONNECTION: usize = 512;
/// Longest wait for one answer; longer than a node waits itself.
const ANSWER: Duration = Duration::from_secs(30);

/// Measure what becomes of an overload, and the way back.
///
/// First the sustainable rate is measured with --writers writers that wait for their answers. Then --times that rate is
/// offered by a clock, whether or not answers came: each append takes one of --substrates substrates that have none under
/// way. A refused append is lost, and the same bytes are offered when the clock comes to the substrate again. Then the
/// writers work again, until they reach 90 % of the sustainable rate. At the end every substrate is read: nothing
/// acknowledged may be lost; if something is the exit status is 1.
#[derive(Args, Clone, Debug)]
pub struct Overload {
    /// Start three durable nodes of this process on loopback, with files in a temporary directory, and drive them.
    #[arg(long)]
    pub local: bool,
    /// How many times the sustainable rate is offered, 2 to 1,000.
    #[arg(long, default_value_t = 10)]
    times: u64,
    /// Seconds for which it is offered.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Seconds for which the sustainable rate is measured.
    #[arg(long, default_value_t = 5)]
    calm: u64,
    /// Writers that measure the sustainable rate, before and after.
    #[arg(long, default_value_t = 256)]
    writers: usize,
    /// Substrates of the offers: as many may be under way at once. A node queues 4,096 submissions or 64 MiB of them, and
    /// refuses what comes beyond that: with fewer it answers them all, late.
    #[arg(long, default_value_t = 24_000)]
    substrates: usize,
    /// Bytes of one append's text.
    #[arg(long, default_value_t = 256)]
    size: usize,
    /// Offer to all nodes in turn; otherwise everything goes to the leader, whose one queue is to hold it.
    #[arg(long)]
    spread: bool,
}

/// Memory in the course of a measurement, in bytes.
struct Memory {
    before: Option<u64>,
    highest: Option<u64>,
    after: Option<u64>,
}

/// Time until a rate was reached again, if it was; and the rates of each second until then.
struct WayBack {
    seconds: Option<f64>,
    rates: Vec<f64>,
}

impl Overload {
    /// Refuses flags that are out of bounds.
    pub fn check(&self) -> Result<(), Failure> {
        bounds(&[
            Bound::one("--times", self.times, 2, 1_000),
            Bound::one("--seconds", self.seconds, 1, 3_600),
            Bound::one("--calm", self.calm, 1, 3_600),
            Bound::one("--writers", self.writers, 1, 20_000),
            Bound::one("--substrates", self.substrates, 1, 200_000),
            Bound::one("--size", self.size, 1, 50_000),
        ])
    }

    /// Measures.
    pub async fn run(&self, site: Site, say: Say<'_>) -> Result<Value, Failure> {
        BenchTarget::during(site, async |target| self.drive(target, say).await).await
    }

    async fn drive(&self, target: &BenchTarget, say: Say<'_>) -> Result<Value, Failure> {
        let clients = target.clients(CONNECTIONS)?;
        let chip = target.fresh_chip(&clients[0]).await?;
        say(&format!("preparing {} substrates with an open session each", self.writers + self.substrates));
        let mut writers = Vec::new();
        LoadWriter::more(&mut writers, self.writers, &clients, &chip, LoadShape { items: 1, bytes: self.size }).await?;
        let slots = self.slots(target, &clients, &chip).await?;
        say(&format!("measuring what {} writers sustain for {} s", self.writers, self.calm));
        let (calm, writers) = load::measure(writers, Duration::from_secs(self.calm)).await?;
        let sustainable = calm.micros.len() as f64 / calm.seconds;
        let rate = sustainable * self.times as f64;
        say(&format!("  {sustainable:.0} appends/s; offering {rate:.0}/s for {} s", self.seconds));
        let before = process::rss();
        let (offers, highest) = self.offer(slots, rate).await;
        say(&format!("  offers end; {} writers go on", self.writers));
        let (back, writers) = recover(writers, sustainable * 0.9).await?;
        let (seen, slots) = offers.end().await;
        let memory = Memory { before, highest, after: process::rss() };
        let figures = self.figures(sustainable, rate, &seen, &memory, &back);
        say(&format!(
            "  {} acknowledged/s, refused {}, 90 % of the sustainable rate after {:?} s",
            figures["acknowledged_per_second"], figures["failures"], back.seconds
        ));
        let acknowledged: Vec<(String, u64)> = slots
            .into_iter()
            .map(|slot| (slot.session.substrate_id().to_string(), slot.acknowledged))
            .chain(writers.into_iter().map(|writer| (writer.session.substrate_id().to_string(), writer.acknowledged)))
            .collect();
        say(&format!("reading {} substrates: nothing acknowledged may be lost", acknowledged.len()));
        let mut document = report::document(target.endpoints.len(), self.local, figures);
        document["verified"] = kept(&clients, &acknowledged).await?;
        Ok(document)
    }

    /// The substrates of the offers, on connections of their own.
    async fn slots(&self, target: &BenchTarget, clients: &[Client], chip: &Signer) -> Result<Vec<Slot>, Failure> {
        let mut sessions = Vec::new();
        LoadWriter::more(&mut sessions, self.substrates, clients, chip, LoadShape { items: 1, bytes: 1 }).await?;
        let endpoints = match self.spread {
            true => target.endpoints.clone(),
            false => {
                let statuses = clients[0].statuses().await.into_iter().flatten();
                let mut leader =
                    statuses.filter(|status| status.leader_id == status.node_id).map(|status| status.node_id);
                let leader =
                    leader.next_back().ok_or("no endpoint says that it leads: give the endpoints of all nodes")?;
                self.endpoint_of(target, clients, leader).await?
            }
        };
        let connections = self.substrates.div_ceil(PER_CONNECTION);
        let clients = (0..connections).map(|i| {
            let one = [&endpoints[i % endpoints.len()]];
            Ok(Client::builder().endpoints(one).attempt_timeout(ANSWER).call_timeout(ANSWER).build()?)
        });
        let clients = clients.collect::<Result<Vec<_>, Failure>>()?;
        let slot = |(i, writer): (usize, LoadWriter)| Slot::new(writer.session, clients[i % connections].clone());
        Ok(sessions.into_iter().enumerate().map(slot).collect())
    }

    /// The endpoint that a node answers on.
    async fn endpoint_of(&self, target: &BenchTarget, clients: &[Client], node: u64) -> Result<Vec<String>, Failure> {
        // The first client has the endpoints in the order in which they were given.
        let found = clients[0].statuses().await.into_iter().zip(&target.endpoints);
        let found = found.filter(|(status, _)| status.as_ref().is_ok_and(|status| status.node_id == node));
        Ok(found.map(|(_, endpoint)| endpoint.clone()).collect())
    }

    /// Offers, and looks at the memory meanwhile.
    async fn offer(&self, slots: Vec<Slot>, rate: f64) -> (Offers, Option<u64>) {
        let offers = Offers::make(slots, self.size, rate, Duration::from_secs(self.seconds));
        let mut offers = std::pin::pin!(offers);
        let mut highest = None;
        let mut looks = tokio::time::interval(LOOK);
        loop {
            tokio::select! {
                done = &mut offers => return (done, highest.max(process::rss())),
                _ = looks.tick() => highest = highest.max(process::rss()),
            }
        }
    }

    fn figures(&self, sustainable: f64, rate: f64, seen: &Offered, memory: &Memory, back: &WayBack) -> Value {
        let per_second = |count: usize| report::round(count as f64 / self.seconds as f64);
        let mib = |bytes: Option<u64>| bytes.map(|bytes| report::round(bytes as f64 / f64::from(1 << 20)));
        json!({
            "mode": "overload",
            "item_bytes": self.size,
            "seconds": self.seconds,
            "substrates": self.substrates,
            "to": if self.spread { "all nodes" } else { "the leader" },
            "sustainable_per_second": report::round(sustainable),
            "offered_per_second": report::round(rate),
            "sent": seen.sent,
            "held_back": seen.held_back,
            "acknowledged": seen.acknowledged.len(),
            "acknowledged_per_second": per_second(seen.acknowledged.len()),
            "acknowledged_after_the_end": seen.late,
            "latency_ms": report::latency(&seen.acknowledged),
            "refused": seen.refused.len(),
            "refusal_latency_ms": report::latency(&seen.refused),
            "failures": seen.failures,
            "resource_exhausted": seen.exhausted,
            "resource_exhausted_with_retry_info": seen.with_retry_info,
            "rss_mib": {"before": mib(memory.before), "highest": mib(memory.highest), "after": mib(memory.after)},
            "seconds_to_90_percent": back.seconds.map(report::round),
            "rates_after": back.rates,
        })
    }
}

/// The seconds until a rate is reached, from the number of answers at each look.
fn reached(counts: &[u64], wanted: f64) -> Option<f64> {
    let window = |at: usize| counts[at] - counts[at - WINDOW];
    let per_second = 1.0 / (LOOK.as_secs_f64() * WINDOW as f64);
    let at = (WINDOW..counts.len()).find(|at| window(*at) as f64 * per_second >= wanted)?;
    // The rate held from the beginning of the window on.
    Some((at - WINDOW) as f64 * LOOK.as_secs_f64())
}

/// Lets the writers work until they reach a rate, or the longest wait is over.
async fn recover(writers: Vec<LoadWriter>, wanted: f64) -> Result<(WayBack, Vec<LoadWriter>), Failure> {
    let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut tasks = JoinSet::new();
    for writer in writers {
        let (stop, answered) = (stop.clone(), answered.clone());
        tasks.spawn(async move { writer.pump(&stop, &answered).await });
    }
    let begun = Instant::now();
    let (mut counts, mut looks) = (Vec::new(), tokio::time::interval(LOOK));
    while begun.elapsed() < RECOVERY && reached(&counts, wanted).is_none() {
        looks.tick().await;
        counts.push(answered.load(Ordering::Relaxed));
    }
    stop.store(true, Ordering::Relaxed);
    let mut back = Vec::new();
    while let Some(writer) = tasks.join_next().await {
        back.push(writer?);
    }
    let seconds: Vec<u64> = counts.iter().copied().step_by(WINDOW).collect();
    let rates = seconds.windows(2).map(|pair| (pair[1] - pair[0]) as f64).collect();
    Ok((WayBack { seconds: reached(&counts, wanted), rates }, back))
}

/// Reads every substrate: what was acknowledged must be there.
async fn kept(clients: &[Client], acknowledged: &[(String, u64)]) -> Result<Value, Failure> {
    let read = |(i, (id, seq)): (usize, &(String, u64))| {
        let (client, id, seq) = (clients[i % clients.len()].clone(), id.clone(), *seq);
        async move {
            let found = client.substrate(&id).await?.holder.seq.0;
            match found < seq {
                true => {
                    let lost =
                        format!("substrate {id} stands at {found}, but {seq} was acknowledged: appends are lost");
                    Err::<u64, Failure>(lost.into())
                }
                false => Ok(found - seq),
            }
        }
    };
    let reads = stream::iter(acknowledged.iter().enumerate().map(read)).buffer_unordered(AT_ONCE);
    let ahead: Vec<u64> = reads.try_collect().await?;
    Ok(json!({
        "substrates": ahead.len(),
        "lost": 0,
        "taken_without_an_answer": ahead.iter().filter(|ahead| **ahead > 0).count(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_is_counted_from_the_first_second_that_is_fast_enough() {
        // Answers at each quarter of a second: nothing for a second, then 100 in each.
        let counts = [0, 0, 0, 0, 0, 100, 200, 300, 400, 500];
        assert_eq!(reached(&counts, 400.0), Some(1.0));
        assert_eq!(reached(&counts, 300.0), Some(0.75));
        assert_eq!(reached(&counts, 401.0), None);
        assert_eq!(reached(&[], 1.0), None);
    }

    #[test]
    fn flags_out_of_bounds_are_named() {
        let overload =
            Overload { local: true, times: 1, seconds: 1, calm: 1, writers: 1, substrates: 1, size: 1, spread: false };
        assert_eq!(overload.check().unwrap_err().to_string(), "--times is 2 to 1000, found 1");
        let said = Overload { times: 2, substrates: 0, ..overload }.check().unwrap_err().to_string();
        assert_eq!(said, "--substrates is 1 to 200000, found 0");
    }
}
