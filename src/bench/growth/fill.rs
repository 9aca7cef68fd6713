//! Filling the ledger up to a size.

use super::place::KeptCluster;
use crate::bench::Say;
use crate::bench::load::{LoadShape, LoadWriter};
use crate::demo::cluster::Failure;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Items of one submission.
const BATCH: u64 = 1_000;
/// Time between two lines of progress.
const TOLD: Duration = Duration::from_secs(5);
/// Failures of one writer in a row after which the filling ends.
const TRIES: usize = 20;

/// Takes the next part of what is left; 0 when nothing is.
fn take(left: &AtomicU64) -> u64 {
    let before = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| Some(left.saturating_sub(BATCH)));
    before.unwrap_or(0).min(BATCH)
}

async fn fill_with(
    mut writer: LoadWriter,
    left: Arc<AtomicU64>,
    bytes: usize,
    done: Arc<AtomicU64>,
) -> Result<LoadWriter, Failure> {
    loop {
        let part = take(&left);
        if part == 0 {
            return Ok(writer);
        }
        writer = writer.shaped(LoadShape { items: usize::try_from(part)?, bytes });
        let mut tries = 0;
        while let Err(error) = writer.append().await {
            tries += 1;
            if tries == TRIES {
                return Err(error.into());
            }
            writer.resume().await?;
        }
        done.fetch_add(part, Ordering::Relaxed);
    }
}

/// Appends until there are `entries` entries; gives entries per second, if any were missing.
pub async fn fill(place: &mut KeptCluster, entries: u64, bytes: usize, say: Say<'_>) -> Result<Option<f64>, Failure> {
    let have = place.entries().await?;
    let missing = entries.saturating_sub(have);
    if missing == 0 {
        return Ok(None);
    }
    say(&format!("filling: {have} entries, {entries} wanted"));
    let (left, done) = (Arc::new(AtomicU64::new(missing)), Arc::new(AtomicU64::new(0)));
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for writer in place.writers.drain(..) {
        tasks.spawn(fill_with(writer, left.clone(), bytes, done.clone()));
    }
    let mut told = tokio::time::interval_at(begun + TOLD, TOLD);
    let rate = |done: u64| done as f64 / begun.elapsed().as_secs_f64();
    loop {
        tokio::select! {
            joined = tasks.join_next() => match joined {
                Some(writer) => place.writers.push(writer??),
                None => break,
            },
            _ = told.tick() => {
                let done = done.load(Ordering::Relaxed);
                let rate = rate(done);
                let eta = missing.saturating_sub(done) as f64 / rate.max(1.0);
                say(&format!("  {} entries, {rate:.0}/s, {eta:.0} s to go", have + done));
            }
        }
    }
    Ok(Some(rate(missing)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up_to_what_is_left() {
        let left = AtomicU64::new(2_300);
        assert_eq!([take(&left), take(&left), take(&left), take(&left)], [1_000, 1_000, 300, 0]);
    }
}
