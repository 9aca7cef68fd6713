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
use selfsame_protocol::ledger::PerLedger;
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
    witness_lines: Family<WitnessLabel, Counter>,
    uncosigned: Family<WitnessLabel, Counter>,
    conflicts: Counter,
    equivocations: Counter,
    checkpoint_size: Family<LedgerLabel, Gauge>,
    checkpoint_age: Family<LedgerLabel, Gauge>,
    checkpoint_organisations: Family<LedgerLabel, Gauge>,
    publications: Counter,
    publication_failures: Counter,
    cosignatures: Counter,
    cosign_disagreements: Counter,
    cosign_alarm: Gauge,
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
    /// Entries of both ledgers.
    pub entries: PerLedger<u64>,
    /// The published checkpoints.
    pub published: PerLedger<Option<Published>>,
}

/// A published checkpoint at a moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Published {
    /// Entries.
    pub size: u64,
    /// Seconds since enough organisations vouched for it.
    pub age_s: u64,
    /// Organisations that vouch for it.
    pub organisations: u64,
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
            witness_lines: Family::default(),
            uncosigned: Family::default(),
            conflicts: Counter::default(),
            equivocations: Counter::default(),
            checkpoint_size: Family::default(),
            checkpoint_age: Family::default(),
            checkpoint_organisations: Family::default(),
            publications: Counter::default(),
            publication_failures: Counter::default(),
            cosignatures: Counter::default(),
            cosign_disagreements: Counter::default(),
            cosign_alarm: Gauge::default(),
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
        let (given, missing) = (metrics.witness_lines.clone(), metrics.uncosigned.clone());
        registry.register("witness_cosignatures", "Cosignatures that external witnesses gave", given);
        registry.register("witness_missing", "Times that an external witness gave no cosignature", missing);
        registry.register(
            "witness_conflicts",
            "Times that an external witness knew another history of this log",
            metrics.conflicts.clone(),
        );
        registry.register("equivocations", "Forks that were proven here", metrics.equivocations.clone());
        metrics.register_publication(&mut registry);
        Self { registry, ..metrics }
    }

    fn register_publication(&self, registry: &mut Registry) {
        registry.register("checkpoint_size", "Entries in the published checkpoint", self.checkpoint_size.clone());
        let age = self.checkpoint_age.clone();
        registry.register_with_unit("checkpoint_age", "Age of the published checkpoint", Unit::Seconds, age);
        let organisations = self.checkpoint_organisations.clone();
        registry.register("checkpoint_organisations", "Organisations behind the published checkpoint", organisations);
        registry.register("publications", "Checkpoints that this node collected", self.publications.clone());
        let failures = self.publication_failures.clone();
        registry.register("publication_failures", "Rounds without enough organisations", failures);
        registry.register("cosignatures", "Cosignatures that this node gave", self.cosignatures.clone());
        let disagreements = self.cosign_disagreements.clone();
        registry.register("cosign_disagreements", "Requests to cosign another root than this node's", disagreements);
        registry.register("cosign_alarm", "1 once this node signs nothing any more", self.cosign_alarm.clone());
    }

    /// This node collected a checkpoint and published it.
    pub fn published(&self) {
        self.publications.inc();
    }
    /// A round had not enough organisations.
    pub(crate) fn publication_failed(&self) {
        self.publication_failures.inc();
    }
    /// This node cosigned.
    pub fn cosigned(&self) {
        self.cosignatures.inc();
    }
    /// Somebody asked this node to cosign another root than its own.
    pub(crate) fn cosign_disagreed(&self) {
        self.cosign_disagreements.inc();
    }
    /// This node signs nothing any more.
    pub(crate) fn cosign_alarm(&self) {
        self.cosign_alarm.set(1);
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
    pub(crate) fn leader_changed(&self) {
        self.leader_changes.inc();
    }
    /// Rows failed their digest.
    pub(crate) fn bad_rows(&self, count: u64) {
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
        let family = if gave { &self.witness_lines } else { &self.uncosigned };
        family.get_or_create(&WitnessLabel { witness: witness.into() }).inc();
    }
    /// An external witness knows another history of a log of ours.
    pub(crate) fn witness_conflict(&self) {
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
        for (ledger, size) in moment.entries {
            self.entries.get_or_create(&LedgerLabel { ledger: ledger.as_str() }).set(number(size));
        }
        for (ledger, published) in moment.published {
            let Some(published) = published else { continue };
            let label = LedgerLabel { ledger: ledger.as_str() };
            self.checkpoint_size.get_or_create(&label).set(number(published.size));
            self.checkpoint_age.get_or_create(&label).set(number(published.age_s));
            self.checkpoint_organisations.get_or_create(&label).set(number(published.organisations));
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
        let text = metrics
            .render(Moment { leads: true, entries: PerLedger { evidence: 7, reasoning: 2 }, ..Moment::default() })
            .unwrap();
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
