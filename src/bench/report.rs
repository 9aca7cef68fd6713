//! Numbers of a measurement.

use selfsame_client::ClientError;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Refused or unanswered requests by code.
pub type Failures = BTreeMap<String, u64>;

/// What one measurement saw.
#[derive(Debug, Default)]
pub struct LoadFigures {
    /// Microseconds of each acknowledged append, in no order.
    pub micros: Vec<u64>,
    /// Seconds measured.
    pub seconds: f64,
    /// Refused or unanswered appends by code.
    pub failures: Failures,
}

/// Counts one.
pub fn count(failures: &mut Failures, error: &ClientError) {
    let name = error.code().map_or_else(|| "NO_ANSWER".into(), |code| code.to_string());
    *failures.entry(name).or_default() += 1;
}

/// The value below which `share` of the sorted values lie (nearest rank), in milliseconds.
fn percentile(sorted: &[u64], share: f64) -> f64 {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.clamp(1, sorted.len().max(1)) - 1).map_or(0.0, |micros| *micros as f64 / 1_000.0)
}

/// Two digits behind the point.
pub fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// Percentiles of microseconds, in no order, as milliseconds.
pub fn latency(micros: &[u64]) -> Value {
    let mut sorted = micros.to_vec();
    sorted.sort_unstable();
    json!({
        "p50": percentile(&sorted, 0.50),
        "p90": percentile(&sorted, 0.90),
        "p99": percentile(&sorted, 0.99),
        "p999": percentile(&sorted, 0.999),
        "max": percentile(&sorted, 1.0),
    })
}

/// The longest time in seconds without an event, between `begin` and `end` and with both of them counted as events. All
/// times are in microseconds; `events` in any order.
pub fn longest_gap(events: &[u64], begin: u64, end: u64) -> f64 {
    let mut sorted: Vec<u64> = events.iter().copied().filter(|at| (begin..=end).contains(at)).collect();
    sorted.extend([begin, end]);
    sorted.sort_unstable();
    let longest = sorted.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0);
    longest as f64 / 1_000_000.0
}

/// One level as JSON: rates per second, latencies in milliseconds.
pub fn summary(writers: usize, batch: usize, level: &LoadFigures) -> Value {
    let rate = level.micros.len() as f64 / level.seconds;
    json!({
        "writers": writers,
        "submissions": level.micros.len(),
        "submissions_per_second": round(rate),
        "items_per_second": round(rate * batch as f64),
        "latency_ms": latency(&level.micros),
        "failures": level.failures,
    })
}

/// One level in words.
pub fn sentence(summary: &Value) -> String {
    format!(
        "  {} submissions/s ({} items/s), p50 {} ms, p99 {} ms, failures {}",
        summary["submissions_per_second"],
        summary["items_per_second"],
        summary["latency_ms"]["p50"],
        summary["latency_ms"]["p99"],
        summary["failures"]
    )
}

/// What the figures were taken with, and the figures.
pub fn document(nodes: usize, local: bool, figures: Value) -> Value {
    let mut document = json!({
        "nodes": nodes,
        "local": local,
        "version": env!("CARGO_PKG_VERSION"),
        "optimised": !cfg!(debug_assertions),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
    });
    if let (Some(document), Value::Object(figures)) = (document.as_object_mut(), figures) {
        document.extend(figures);
    }
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_rank() {
        let sorted: Vec<u64> = (1..=100).map(|ms| ms * 1_000).collect();
        for (share, ms) in [(0.5, 50.0), (0.99, 99.0), (0.999, 100.0), (1.0, 100.0)] {
            assert_eq!(percentile(&sorted, share), ms);
        }
        assert_eq!(percentile(&[], 0.5), 0.0);
        assert_eq!(percentile(&[7_000], 0.01), 7.0);
        assert_eq!(latency(&[3_000, 1_000, 2_000])["p50"], 2.0);
    }

    #[test]
    fn the_longest_gap_has_both_ends() {
        let second = 1_000_000;
        assert_eq!(longest_gap(&[3 * second, second, 2 * second], 0, 4 * second), 1.0);
        assert_eq!(longest_gap(&[second], 0, 8 * second), 7.0, "nothing more came until the end");
        assert_eq!(longest_gap(&[9 * second], 2 * second, 4 * second), 2.0, "an event outside does not count");
        assert_eq!(longest_gap(&[], 5, 5), 0.0);
    }
}
