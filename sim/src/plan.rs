//! What a seed decides before anything runs: the cluster, the network, the clients, and which faults happen when.

use crate::faults::{self, Fault};
use crate::random::stream;
use crate::scenarios;
use rand::Rng;
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

/// What a fault may be drawn from.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Nodes, with ids from 1.
    pub nodes: u64,
}

impl Shape {
    /// A minority of the nodes: as many as may be lost without losing the quorum.
    pub fn minority(&self) -> u64 {
        (self.nodes - 1) / 2
    }
}

/// One occurrence of a fault.
#[derive(Debug)]
pub struct Planned {
    /// Simulated millisecond at which it begins.
    pub at_ms: u64,
    /// Milliseconds that it lasts.
    pub for_ms: u64,
    /// What happens.
    pub fault: Box<dyn Fault>,
}

/// Everything that a seed decides up front.
#[derive(Debug)]
pub struct Plan {
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
    /// Faults in order of their beginning.
    pub faults: Vec<Planned>,
}

impl Plan {
    /// The plan of a seed. `nodes` overrides what the seed would draw.
    pub fn draw(seed: u64, profile: Profile, nodes: Option<u64>) -> Plan {
        let mut random = stream(seed, "plan");
        let drawn = [3, 3, 5, 7][random.gen_range(0..4)];
        let scenario = scenarios::of(profile);
        let nodes = nodes.or(scenario.and_then(|scenario| scenario.nodes)).unwrap_or(drawn);
        // Three organisations hold at most 1 of 3, 2 of 5 or 3 of 7 nodes.
        let organisations = if nodes > 3 && random.gen_bool(0.5) { nodes } else { 3 };
        let work_ms = 20_000;
        let mut plan = Plan {
            seed,
            profile,
            nodes,
            organisations,
            latency_ms: (1, random.gen_range(2..40)),
            snapshot_every: random.gen_range(60..300),
            by_size: stream(seed, "plan/by_size").gen_bool(0.3),
            keep_logs: 0,
            chips: random.gen_range(2..=3),
            operators: 1,
            work_ms,
            faults: Vec::new(),
        };
        // Now and then none: the log is purged to its tip.
        if stream(seed, "plan/keep_logs").gen_bool(0.6) {
            plan.keep_logs = plan.snapshot_every / 4;
        }
        match profile {
            Profile::Calm => {}
            _ if scenario.is_some() => {
                plan.faults = faults::draw(seed, &Shape { nodes }, work_ms, scenario.map(|scenario| scenario.kinds));
            }
            Profile::Default => plan.faults = faults::draw(seed, &Shape { nodes }, work_ms, None),
            _ => {
                let fault = (faults::disk::LYING.draw)(&mut random, &Shape { nodes });
                plan.faults = vec![Planned { at_ms: work_ms / 4, for_ms: faults::disk::LYING.for_ms.0, fault }];
            }
        }
        if plan.faults.iter().any(|planned| planned.fault.kind() == faults::TO_THE_TIP) {
            plan.keep_logs = 0;
        }
        plan
    }

    /// The organisation of a node, counted from 0.
    pub fn organisation_of(&self, node: u64) -> u64 {
        (node - 1) % self.organisations
    }

    /// The command that runs this plan again.
    pub fn replay(&self) -> String {
        let Plan { seed, nodes, profile, .. } = self;
        format!("cargo run -p selfsame-sim -- one --seed {seed} --nodes {nodes} --profile {profile}")
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "plan: seed {} profile {} nodes {} organisations {} latency {}-{} ms snapshot every {}{} keep {} chips {} operators {} work {} ms",
            self.seed,
            self.profile,
            self.nodes,
            self.organisations,
            self.latency_ms.0,
            self.latency_ms.1,
            self.snapshot_every,
            if self.by_size { " by size" } else { "" },
            self.keep_logs,
            self.chips,
            self.operators,
            self.work_ms
        )?;
        for planned in &self.faults {
            writeln!(f, "plan: at {} ms for {} ms {:?}", planned.at_ms, planned.for_ms, planned.fault)?;
        }
        write!(f, "plan: replay with {}", self.replay())
    }
}
