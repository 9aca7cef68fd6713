//! Reading every stored row at the start and again and again, so that decay is found before the row is needed.

use crate::metrics::Metrics;
use crate::store::{Scrub, Store};
use selfsame_env::Env;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// What the last complete reading of every stored row found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scrubbed {
    /// Not all rows were read yet.
    #[default]
    Running,
    /// All rows were read: how many, and how many of them failed their digest.
    Done {
        /// Rows.
        rows: u64,
        /// Rows that failed.
        bad: u64,
    },
    /// The files could not be read to the end: nothing is known about the rest.
    Unknown(String),
}

/// Rows read between two yields: a few milliseconds of one thread.
const SLICE: usize = 512;
/// Pause between two slices once the node serves: a reading in the background takes at most a small part of one core.
const BREATH: Duration = Duration::from_millis(50);

/// Reads every row once, next to serving, and then again `every`; zero reads once. A bad row is an alarm, not an end:
/// the node still gives its verdicts and the quorum decides whether it stays, but it does not count as ready.
pub async fn run(
    store: Store,
    id: u64,
    every: Duration,
    metrics: Arc<Metrics>,
    result: watch::Sender<Scrubbed>,
    env: Env,
) {
    let mut breath = Duration::ZERO;
    loop {
        let Some(outcome) = env.shutdown.run_until_cancelled(pass(store.scrub(), id, breath, &metrics)).await else {
            return;
        };
        result.send_replace(outcome);
        if every.is_zero() || env.shutdown.run_until_cancelled(tokio::time::sleep(every)).await.is_none() {
            return;
        }
        breath = BREATH;
    }
}

async fn pass(mut scrub: Scrub, id: u64, breath: Duration, metrics: &Metrics) -> Scrubbed {
    let mut said = 0;
    loop {
        let step = scrub.slice(SLICE);
        for bad in &scrub.bad()[said..] {
            tracing::error!(node = id, table = bad.table, key = bad.key, error = %bad.error, "stored data failed its digest");
        }
        metrics.bad_rows((scrub.bad().len() - said) as u64);
        said = scrub.bad().len();
        match step {
            Ok(true) => return Scrubbed::Done { rows: scrub.rows(), bad: said as u64 },
            Ok(false) if breath.is_zero() => tokio::task::yield_now().await,
            Ok(false) => tokio::time::sleep(breath).await,
            Err(error) => {
                tracing::error!(node = id, %error, "reading every stored row could not go on");
                return Scrubbed::Unknown(error.to_string());
            }
        }
    }
}
