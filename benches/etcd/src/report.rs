//! Numbers of a measurement, named and rounded as `selfsame bench` does.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// The value below which `share` of the sorted values lie (nearest rank), in milliseconds.
fn percentile(sorted: &[u64], share: f64) -> f64 {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.clamp(1, sorted.len().max(1)) - 1).map_or(0.0, |micros| *micros as f64 / 1_000.0)
}

/// One level as JSON: rates per second, latencies in milliseconds.
pub fn summary(writers: u16, mut micros: Vec<u64>, time: Duration, failures: &BTreeMap<String, u64>) -> Value {
    micros.sort_unstable();
    let rate = (micros.len() as f64 / time.as_secs_f64() * 100.0).round() / 100.0;
    json!({
        "writers": writers,
        "submissions": micros.len(),
        "submissions_per_second": rate,
        "items_per_second": rate,
        "latency_ms": {
            "p50": percentile(&micros, 0.50),
            "p90": percentile(&micros, 0.90),
            "p99": percentile(&micros, 0.99),
            "p999": percentile(&micros, 0.999),
            "max": percentile(&micros, 1.0),
        },
        "failures": failures,
    })
}

/// One level in words.
pub fn sentence(summary: &Value) -> String {
    format!(
        "  {} requests/s, p50 {} ms, p99 {} ms, failures {}",
        summary["submissions_per_second"],
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
    }
}
