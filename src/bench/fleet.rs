//! The migration of a fleet: many substrates from one chip to another, through one coordinator.

use super::load::micros;
use super::migration::{Coordinator, FleetMember, Moved, wrong};
use super::target::{AT_ONCE, BenchTarget, Site};
use super::{Bound, Say, bounds, report};
use crate::demo::cluster::{Cluster, Failure};
use clap::Args;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use selfsame_client::{Client, ClientError};
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{Append, Command, FencingToken};
use selfsame_protocol::number::Epoch;
use selfsame_protocol::time::U64;
use serde_json::{Value, json};
use std::sync::Mutex;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Substrates of which the old chip tries to write afterwards.
const OLD_CHIP_TRIES: usize = 20;
/// Migrations between two lines of progress.
const TOLD: usize = 1_000;

/// Measure the migration of a fleet: every substrate from one chip to another, through one coordinator.
///
/// Each substrate is born with one cycle and an open session. A migration closes the session, seals, and arrives with an
/// attestation, which activates the new chip. The cut-over is the time in which nobody may write: from the moment when the
/// seal is asked for until the arrival is answered. At the end every node is asked about every substrate: it has exactly
/// one active chip, the new one, at the next epoch; the old chip's writes are refused. If that does not hold the exit
/// status is 1.
#[derive(Args, Clone, Debug)]
pub struct Fleet {
    /// Start three durable nodes of this process on loopback, with files in a temporary directory, and drive them.
    #[arg(long)]
    pub local: bool,
    /// Substrates of the fleet, 1 to 1,000,000.
    #[arg(long, default_value_t = 10_000)]
    substrates: usize,
    /// Migrations under way at once, 1 to 1,000: the coordinator has one connection to a node, which takes that many
    /// requests at once.
    #[arg(long, default_value_t = 512)]
    concurrency: usize,
    /// Open a session on the new chip after each migration, outside of the cut-over: every node verifies the substrate.
    #[arg(long)]
    reopen: bool,
    /// Stop the leader when half of the fleet has moved, and start it again later. Needs --local.
    #[arg(long, requires = "local")]
    kill_leader: bool,
    /// Seconds after which the stopped leader is started again, 0 to 3,600.
    #[arg(long, default_value_t = 5, requires = "kill_leader")]
    away: u64,
}

/// The leader's absence, in seconds since the first migration began.
struct Away {
    node: u64,
    stopped: f64,
    started: f64,
}

impl Fleet {
    /// Refuses flags that are out of bounds.
    pub fn check(&self) -> Result<(), Failure> {
        bounds(&[
            Bound::one("--substrates", self.substrates, 1, 1_000_000),
            Bound::one("--concurrency", self.concurrency, 1, 1_000),
            Bound::one("--away", self.away, 0, 3_600),
        ])
    }

    /// Measures.
    pub async fn run(&self, site: Site, say: Say<'_>) -> Result<Value, Failure> {
        let mut target = BenchTarget::new(&site).await?;
        let mut cluster = target.local.take();
        let result = site.unless_stopped(self.drive(&target, cluster.as_mut(), say)).await;
        target.local = cluster;
        target.stop().await;
        result
    }

    async fn drive(&self, target: &BenchTarget, cluster: Option<&mut Cluster>, say: Say<'_>) -> Result<Value, Failure> {
        let client = Client::builder().endpoints(&target.endpoints).build()?;
        let coordinator = Coordinator {
            origin: target.fresh_chip(&client).await?,
            destination: target.fresh_chip(&client).await?,
            failures: Mutex::default(),
            client,
        };
        say(&format!("preparing {} substrates: birth, session, one cycle", self.substrates));
        let begun = Instant::now();
        let births = stream::iter((0..self.substrates).map(|_| coordinator.born()));
        let members: Vec<FleetMember> = births.buffer_unordered(AT_ONCE).try_collect().await?;
        say(&format!("  prepared in {:.1} s; migrating {} at a time", begun.elapsed().as_secs_f64(), self.concurrency));
        let (progress, seen) = watch::channel(0);
        let begun = Instant::now();
        let (moved, away) = tokio::try_join!(self.migrate(&coordinator, members, progress, say), async {
            match cluster.filter(|_| self.kill_leader) {
                Some(cluster) => self.disturb(cluster, seen, begun, say).await.map(Some),
                None => Ok(None),
            }
        })?;
        let (moved, reopened): (Vec<Moved>, Vec<Option<u64>>) = moved.into_iter().unzip();
        let figures = self.figures(&moved, &reopened.into_iter().flatten().collect::<Vec<_>>(), begun, away);
        say(&format!(
            "  {} migrations/s, cut-over p50 {} ms, p99 {} ms, longest gap {} s",
            figures["migrations_per_second"],
            figures["cut_over_ms"]["p50"],
            figures["cut_over_ms"]["p99"],
            figures["longest_gap_s"],
        ));
        say("asking every node about every substrate");
        let checked = self.verify(target, &coordinator, &moved).await?;
        let mut document = report::document(target.endpoints.len(), self.local, figures);
        document["failures"] = json!(*coordinator.failures.lock().map_err(|_| "a task failed")?);
        document["verified"] = checked;
        Ok(document)
    }

    async fn migrate(
        &self,
        coordinator: &Coordinator,
        members: Vec<FleetMember>,
        progress: watch::Sender<usize>,
        say: Say<'_>,
    ) -> Result<Vec<(Moved, Option<u64>)>, Failure> {
        let one = |member| async {
            let mut moved = coordinator.migrate(member).await?;
            let reopened = if self.reopen { Some(coordinator.reopen(&mut moved).await?) } else { None };
            progress.send_modify(|done| *done += 1);
            let done = *progress.borrow();
            if done.is_multiple_of(TOLD) {
                say(&format!("  {done} of {}", self.substrates));
            }
            Ok::<_, Failure>((moved, reopened))
        };
        stream::iter(members.into_iter().map(one)).buffer_unordered(self.concurrency).try_collect().await
    }

    /// Stops the leader when half of the fleet has moved, and starts it again.
    async fn disturb(
        &self,
        cluster: &mut Cluster,
        mut seen: watch::Receiver<usize>,
        begun: Instant,
        say: Say<'_>,
    ) -> Result<Away, Failure> {
        seen.wait_for(|done| *done >= self.substrates / 2).await?;
        let node = cluster.leader().await?;
        say(&format!("stopping node {node}, the leader, for {} s", self.away));
        let stopped = begun.elapsed().as_secs_f64();
        cluster.stop_node(node).await;
        tokio::time::sleep(Duration::from_secs(self.away)).await;
        cluster.start_node(node).await?;
        let started = begun.elapsed().as_secs_f64();
        say(&format!("node {node} is started again"));
        Ok(Away { node, stopped, started })
    }

    fn figures(&self, moved: &[Moved], reopened: &[u64], begun: Instant, away: Option<Away>) -> Value {
        let at: Vec<u64> = moved.iter().map(|moved| micros(moved.answered - begun)).collect();
        let end = at.iter().max().copied().unwrap_or(0);
        let seconds = end as f64 / 1_000_000.0;
        let step = |of: fn(&Moved) -> u64| report::latency(&moved.iter().map(of).collect::<Vec<_>>());
        let mut steps = json!({
            "close": step(|moved| moved.close),
            "read_depths": step(|moved| moved.depths),
            "seal": step(|moved| moved.seal),
            "arrive": step(|moved| moved.arrive),
        });
        if self.reopen {
            steps["open"] = report::latency(reopened);
        }
        let mut figures = json!({
            "mode": "fleet",
            "substrates": self.substrates,
            "concurrency": self.concurrency,
            "seconds": report::round(seconds),
            "migrations_per_second": report::round(moved.len() as f64 / seconds.max(f64::MIN_POSITIVE)),
            "latency_ms": step(|moved| moved.close + moved.depths + moved.cut_over),
            "cut_over_ms": step(|moved| moved.cut_over),
            "steps_ms": steps,
            "longest_gap_s": report::round(report::longest_gap(&at, 0, end)),
        });
        if let Some(Away { node, stopped, started }) = away {
            figures["leader_stopped"] = json!({
                "node": node,
                "stopped_at_s": report::round(stopped),
                "started_at_s": report::round(started),
            });
        }
        figures
    }

    async fn verify(&self, target: &BenchTarget, coordinator: &Coordinator, moved: &[Moved]) -> Result<Value, Failure> {
        let destination = coordinator.destination.id();
        let nodes = target.each()?;
        let ask = |(node, moved): (usize, &Moved)| {
            let (client, member) = (nodes[node].clone(), moved.member.clone());
            async move {
                let state = client.substrate(member.session.substrate_id()).await?;
                match wrong(&state, &member, &destination) {
                    Some(what) => Err::<_, Failure>(format!("node {} of the endpoints: {what}", node + 1).into()),
                    None => Ok(()),
                }
            }
        };
        let questions = (0..nodes.len()).flat_map(|node| moved.iter().map(move |moved| (node, moved)));
        let answers = stream::iter(questions.map(ask)).buffer_unordered(AT_ONCE);
        answers.try_for_each(|()| async { Ok(()) }).await?;
        let mut refused = 0;
        for moved in moved.iter().step_by(moved.len().div_ceil(OLD_CHIP_TRIES).max(1)) {
            // A write of the activation that the old chip had.
            let substrate_id = moved.member.session.substrate_id().to_owned();
            let fence = FencingToken { epoch: Epoch(moved.member.session.epoch().0 - 1), seq: U64(1_000) };
            let append = Append { substrate_id, fence, items: super::substrate::items(1, 1) };
            let write = coordinator.origin.sign_content(Command::Append(append));
            match coordinator.client.submit(&write).await {
                Err(ClientError::Refused(refusal)) if refusal.code == Code::ChipInvalidated => refused += 1,
                Err(error) => return Err(error.into()),
                Ok(_) => {
                    return Err(
                        format!("the old chip wrote to substrate {}", moved.member.session.substrate_id()).into()
                    );
                }
            }
        }
        Ok(json!({
            "substrates": moved.len(),
            "nodes_asked": nodes.len(),
            "active_chip": destination,
            "epoch": moved.first().map(|moved| moved.member.session.epoch().0),
            "old_chip_refused": refused,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_out_of_bounds_are_named() {
        let fleet = Fleet { local: true, substrates: 0, concurrency: 1, reopen: false, kill_leader: false, away: 5 };
        assert_eq!(fleet.check().unwrap_err().to_string(), "--substrates is 1 to 1000000, found 0");
        let said = Fleet { substrates: 1, concurrency: 1_001, ..fleet }.check().unwrap_err().to_string();
        assert_eq!(said, "--concurrency is 1 to 1000, found 1001");
    }
}
