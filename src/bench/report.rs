//! Numbers of a measurement.

use super::load::Level;
use serde_json::{Value, json};

/// The value below which `share` of the sorted values lie (nearest rank), in milliseconds.
fn percentile(sorted: &[u64], share: f64) -> f64 {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.clamp(1, sorted.len().max(1)) - 1).map_or(0.0, |micros| *micros as f64 / 1_000.0)
}

/// One level as JSON: rates per second, latencies in milliseconds.
pub fn summary(writers: usize, batch: usize, level: &Level) -> Value {
    let mut sorted = level.micros.clone();
    sorted.sort_unstable();
    let rate = sorted.len() as f64 / level.seconds;
    let round = |value: f64| (value * 100.0).round() / 100.0;
    json!({
        "writers": writers,
        "submissions": sorted.len(),
        "submissions_per_second": round(rate),
        "items_per_second": round(rate * batch as f64),
        "latency_ms": {
            "p50": percentile(&sorted, 0.50),
            "p90": percentile(&sorted, 0.90),
            "p99": percentile(&sorted, 0.99),
            "p999": percentile(&sorted, 0.999),
            "max": percentile(&sorted, 1.0),
        },
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
    }
}
