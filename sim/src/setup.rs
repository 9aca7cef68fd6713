//! What a seed decides about the cluster, its network and its clients, before anything runs.

use std::fmt;

/// How rough the world is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Profile {
    /// No faults: what fails here is a bug of the node or of the simulator.
    Calm,
    /// A swarm: each kind of fault is off with probability 1/2, otherwise it comes a few times.
    Default,
    /// Every disk says that it keeps what it does not, and then all lose power: must be caught.
    Lying,
    /// A known defect: see `scenarios`.
    ReadError,
    /// A known defect: see `scenarios`.
    LogReversion,
    /// A known defect: see `scenarios`.
    RecoveryCommit,
    /// A known defect: see `scenarios`.
    SnapshotConflict,
    /// A known defect: see `scenarios`.
    SlowIo,
    /// A known defect: see `scenarios`.
    FiveVoters,
    /// A known defect: see `scenarios`.
    RestartedLeader,
    /// A known defect: see `scenarios`.
    ReusedId,
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Profile::Calm => "calm",
            Profile::Default => "default",
            Profile::Lying => "lying",
            Profile::ReadError => "read-error",
            Profile::LogReversion => "log-reversion",
            Profile::RecoveryCommit => "recovery-commit",
            Profile::SnapshotConflict => "snapshot-conflict",
            Profile::SlowIo => "slow-io",
            Profile::FiveVoters => "five-voters",
            Profile::RestartedLeader => "restarted-leader",
            Profile::ReusedId => "reused-id",
        })
    }
}

/// The cluster, its network and its clients.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The seed.
    pub seed: u64,
    /// The profile.
    pub profile: Profile,
    /// Nodes: 3, 5 or 7.
    pub nodes: u64,
    /// Organisations; node `n` belongs to number `(n - 1) % organisations`, so that none has a majority.
    pub organisations: u64,
    /// Shortest and longest time of a message, milliseconds.
    pub latency_ms: (u64, u64),
    /// Applied entries between two snapshots of a node.
    pub snapshot_every: u64,
    /// Nodes write snapshots by bytes of log instead.
    pub by_size: bool,
    /// Entries that a node keeps behind a snapshot.
    pub keep_logs: u64,
    /// Clients that hold a chip and a substrate.
    pub chips: u64,
    /// Clients that declare and report runs.
    pub operators: u64,
    /// Simulated milliseconds of work and faults, before the world is healed.
    pub work_ms: u64,
}

impl Setup {
    /// The organisation of a node, counted from 0.
    pub fn organisation_of(&self, node: u64) -> u64 {
        (node - 1) % self.organisations
    }

    /// The command that runs the plan of this setup again.
    pub fn replay(&self) -> String {
        let Setup { seed, nodes, profile, .. } = self;
        format!("cargo run -p selfsame-sim -- one --seed {seed} --nodes {nodes} --profile {profile}")
    }
}
