//! What a node counts. One registry for each node, passed in: many nodes share a process in tests and in the simulator.
//!
//! Counters tell what this node did or answered since it started; what the cluster decided stands in the ledgers.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use selfsame_protocol::code::Code;
use selfsame_protocol::entry::Ledger;
use selfsame_protocol::p104::Outcome;
use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LedgerLabel {
    ledger: &'static str,
}
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CodeLabel {
    code: &'static str,
}
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StatusLabel {
    status: u16,
}
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WitnessLabel {
    witness: String,
}

/// 1 ms to about 16 s: from one fsync on a fast disk to beyond every timeout.
const SECONDS: [f64; 15] =
    [0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096, 8.192, 16.384];

/// The counters of one node.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    is_leader: Gauge,
    term: Gauge,
    leader_changes: Counter,
    commit: Gauge,
    applied: Gauge,
    entries: Family<LedgerLabel, Gauge>,
    append: Histogram,
    refusals: Family<CodeLabel, Counter>,
    outcomes: Family<OutcomeLabel, Counter>,
    verdicts: Family<OutcomeLabel, Counter>,
    bad_rows: Counter,
    quarantined: Gauge,
    witnessed: Family<StatusLabel, Counter>,
    cosignatures: Family<WitnessLabel, Counter>,
    uncosigned: Family<WitnessLabel, Counter>,
    conflicts: Counter,
    equivocations: Counter,
}

/// The moment that a scrape reports.
#[derive(Clone, Copy, Debug, Default)]
pub struct Moment {
    /// Whether this node leads.
    pub leads: bool,
    /// Term.
    pub term: u64,
    /// Last index known to be committed.
    pub commit: u64,
    /// Last index applied.
    pub applied: u64,
    /// Entries of both ledgers, Evidence first.
    pub entries: [u64; 2],
}

fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

impl Metrics {
    /// All at zero.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("selfsame");
        let metrics = Self {
            is_leader: Gauge::default(),
            term: Gauge::default(),
            leader_changes: Counter::default(),
            commit: Gauge::default(),
            applied: Gauge::default(),
            entries: Family::default(),
            append: Histogram::new(SECONDS),
            refusals: Family::default(),
            outcomes: Family::default(),
            verdicts: Family::default(),
            bad_rows: Counter::default(),
            quarantined: Gauge::default(),
            witnessed: Family::default(),
            cosignatures: Family::default(),
            uncosigned: Family::default(),
            conflicts: Counter::default(),
            equivocations: Counter::default(),
            registry: Registry::default(),
        };
        registry.register("build", "Version of the software", Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]));
        registry.register("raft_is_leader", "1 while this node leads", metrics.is_leader.clone());
        registry.register("raft_term", "Current term", metrics.term.clone());
        registry.register("raft_leader_changes", "Changes of the leader as seen here", metrics.leader_changes.clone());
        registry.register("raft_commit_index", "Last log index known to be committed", metrics.commit.clone());
        registry.register("raft_applied_index", "Last log index applied durably", metrics.applied.clone());
        registry.register("ledger_entries", "Entries of a ledger", metrics.entries.clone());
        let append = metrics.append.clone();
        registry.register_with_unit("ledger_append_duration", "From submission to answer", Unit::Seconds, append);
        registry.register("refusals", "Submissions refused here, by code", metrics.refusals.clone());
        registry.register("identity_verifications", "Openings answered here, by outcome", metrics.outcomes.clone());
        registry.register("verdicts", "Verdicts that this node found, by outcome", metrics.verdicts.clone());
        registry.register("ledger_verify_failures", "Stored rows that failed their digest", metrics.bad_rows.clone());
        registry.register("quarantined", "1 while this node is quarantined or stopped", metrics.quarantined.clone());
        registry.register(
            "witness_answers",
            "Checkpoints that logs asked this node to cosign, by status",
            metrics.witnessed.clone(),
        );
        let (given, missing) = (metrics.cosignatures.clone(), metrics.uncosigned.clone());
        registry.register("witness_cosignatures", "Cosignatures that external witnesses gave", given);
        registry.register("witness_missing", "Times that an external witness gave no cosignature", missing);
        registry.register(
            "witness_conflicts",
            "Times that an external witness knew another history of this log",
            metrics.conflicts.clone(),
        );
        registry.register("equivocations", "Forks that were proven here", metrics.equivocations.clone());
        Self { registry, ..metrics }
    }

    /// A submission was answered after `took`.
    pub fn answered(&self, took: Duration, refusal: Option<Code>) {
        self.append.observe(took.as_secs_f64());
        if let Some(code) = refusal {
            self.refusals.get_or_create(&CodeLabel { code: code.as_str() }).inc();
        }
    }
    /// An opening was answered.
    pub fn opened(&self, outcome: Outcome) {
        self.outcomes.get_or_create(&OutcomeLabel { outcome: outcome.as_str() }).inc();
    }
    /// This node found a verdict.
    pub fn verdict(&self, outcome: Outcome) {
        self.verdicts.get_or_create(&OutcomeLabel { outcome: outcome.as_str() }).inc();
    }
    /// The leader changed.
    pub fn leader_changed(&self) {
        self.leader_changes.inc();
    }
    /// Rows failed their digest.
    pub fn bad_rows(&self, count: u64) {
        self.bad_rows.inc_by(count);
    }
    /// Whether this node is quarantined or stopped.
    pub fn quarantined(&self, is: bool) {
        self.quarantined.set(i64::from(is));
    }

    /// A log asked this node's witness.
    pub fn witnessed(&self, status: u16) {
        self.witnessed.get_or_create(&StatusLabel { status }).inc();
    }
    /// An external witness was asked; the names are those of the configuration, so that they are few.
    pub fn cosigned_by(&self, witness: &str, gave: bool) {
        let family = if gave { &self.cosignatures } else { &self.uncosigned };
        family.get_or_create(&WitnessLabel { witness: witness.into() }).inc();
    }
    /// An external witness knows another history of a log of ours.
    pub fn witness_conflict(&self) {
        self.conflicts.inc();
    }
    /// A fork was proven.
    pub fn equivocation(&self) {
        self.equivocations.inc();
    }

    /// OpenMetrics text of everything, with the moment filled in.
    pub fn render(&self, moment: Moment) -> Result<String, std::fmt::Error> {
        self.is_leader.set(i64::from(moment.leads));
        self.term.set(number(moment.term));
        self.commit.set(number(moment.commit));
        self.applied.set(number(moment.applied));
        for (ledger, size) in Ledger::BOTH.into_iter().zip(moment.entries) {
            self.entries.get_or_create(&LedgerLabel { ledger: ledger.as_str() }).set(number(size));
        }
        let mut out = String::new();
        prometheus_client::encoding::text::encode(&mut out, &self.registry)?;
        Ok(out)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scrape_shows_what_was_counted_under_the_published_names() {
        let metrics = Metrics::new();
        metrics.answered(Duration::from_millis(3), Some(Code::StaleEpoch));
        metrics.opened(Outcome::Verified);
        metrics.leader_changed();
        let text = metrics.render(Moment { leads: true, entries: [7, 2], ..Moment::default() }).unwrap();
        for line in [
            "selfsame_build_info{version=",
            "selfsame_raft_is_leader 1",
            "selfsame_raft_leader_changes_total 1",
            "selfsame_ledger_entries{ledger=\"evidence\"} 7",
            "selfsame_ledger_append_duration_seconds_count 1",
            "selfsame_refusals_total{code=\"STALE_EPOCH\"} 1",
            "selfsame_identity_verifications_total{outcome=\"VERIFIED\"} 1",
        ] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
        // Another node's counters are apart.
        assert!(!Metrics::new().render(Moment::default()).unwrap().contains("STALE_EPOCH"));
    }
}
