//! Settings of replication.

use std::time::Duration;

/// Process settings of one node; none of them is consensus data, so nodes may differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RaftSettings {
    /// Milliseconds between heartbeats.
    pub heartbeat_ms: u64,
    /// Shortest wait beyond the leader's lease before standing for election, milliseconds.
    pub election_min_ms: u64,
    /// Longest such wait; also the length of the leader's lease on followers.
    pub election_max_ms: u64,
    /// Bytes of log after which a snapshot is written, while half of the last snapshot is less; else that half.
    pub snapshot_after_bytes: u64,
    /// Log entries after which a snapshot is written in any case; 0 goes by bytes alone.
    pub snapshot_every: u64,
    /// Entries kept behind a snapshot, for followers that lag.
    pub keep_logs: u64,
    /// Submissions of one log entry.
    pub max_batch: usize,
    /// Bytes at which a log entry is closed; one more submission may pass it.
    pub max_batch_bytes: usize,
    /// Log entries proposed and not yet answered.
    pub max_inflight: usize,
    /// Submissions waiting; one more is refused as OVERLOADED.
    pub queue: usize,
    /// Bytes of submissions waiting or in flight; more is refused as OVERLOADED.
    pub queue_bytes: usize,
    /// Milliseconds that a submission may wait in the queue; while the first one waits longer, more are refused as
    /// OVERLOADED.
    pub queue_wait_ms: u64,
    /// Milliseconds after which a submission or a read gives up.
    pub request_timeout_ms: u64,
    /// Milliseconds between comparisons of the state digest with other nodes; 0 never compares.
    pub digest_every_ms: u64,
    /// Milliseconds that the transfer of one snapshot may take.
    pub snapshot_timeout_ms: u64,
}

impl Default for RaftSettings {
    fn default() -> Self {
        Self {
            heartbeat_ms: 150,
            election_min_ms: 600,
            election_max_ms: 1_200,
            snapshot_after_bytes: 64 << 20,
            snapshot_every: 0,
            keep_logs: 5_000,
            max_batch: 256,
            max_batch_bytes: 1 << 20,
            max_inflight: 2,
            queue: 4_096,
            queue_bytes: 64 << 20,
            queue_wait_ms: 2_000,
            request_timeout_ms: 10_000,
            digest_every_ms: 5_000,
            snapshot_timeout_ms: 600_000,
        }
    }
}

impl RaftSettings {
    pub(super) fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.request_timeout_ms)
    }

    pub(super) fn openraft(&self, cluster: &str) -> Result<openraft::Config, openraft::ConfigError> {
        openraft::Config {
            cluster_name: cluster.to_owned(),
            heartbeat_interval: self.heartbeat_ms,
            election_timeout_min: self.election_min_ms,
            election_timeout_max: self.election_max_ms,
            install_snapshot_timeout: self.snapshot_timeout_ms,
            // Bytes are bounded by the log reader; this bounds the entries applied in one call as well.
            max_payload_entries: 64,
            snapshot_policy: match self.snapshot_every {
                0 => openraft::SnapshotPolicy::Never,
                entries => openraft::SnapshotPolicy::LogsSinceLast(entries),
            },
            max_in_snapshot_log_to_keep: self.keep_logs,
            purge_batch_size: 64.min(self.keep_logs.max(1)),
            ..Default::default()
        }
        .validate()
    }
}
