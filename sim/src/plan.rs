//! What a seed decides before anything runs: the setup, and which faults happen when.

use crate::faults::{self, Planned, Shape};
use crate::random::stream;
use crate::scenarios;
use crate::setup::{Profile, Setup};
use rand::Rng;
use std::fmt;

/// Everything that a seed decides up front.
#[derive(Debug)]
pub struct Plan {
    /// The cluster, its network and its clients.
    pub setup: Setup,
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
        let mut setup = Setup {
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
        };
        // Now and then none: the log is purged to its tip.
        if stream(seed, "plan/keep_logs").gen_bool(0.6) {
            setup.keep_logs = setup.snapshot_every / 4;
        }
        let shape = Shape { nodes };
        let faults = match profile {
            Profile::Calm => Vec::new(),
            _ if scenario.is_some() => faults::draw(seed, &shape, work_ms, scenario.map(|scenario| scenario.kinds)),
            Profile::Default => faults::draw(seed, &shape, work_ms, None),
            _ => {
                let fault = (faults::disk::LYING.draw)(&mut random, &shape);
                vec![Planned { at_ms: work_ms / 4, for_ms: faults::disk::LYING.for_ms.0, fault }]
            }
        };
        if faults.iter().any(|planned| planned.fault.kind() == faults::TO_THE_TIP) {
            setup.keep_logs = 0;
        }
        Plan { setup, faults }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let setup = &self.setup;
        writeln!(
            f,
            "plan: seed {} profile {} nodes {} organisations {} latency {}-{} ms snapshot every {}{} keep {} chips {} operators {} work {} ms",
            setup.seed,
            setup.profile,
            setup.nodes,
            setup.organisations,
            setup.latency_ms.0,
            setup.latency_ms.1,
            setup.snapshot_every,
            if setup.by_size { " by size" } else { "" },
            setup.keep_logs,
            setup.chips,
            setup.operators,
            setup.work_ms
        )?;
        for planned in &self.faults {
            writeln!(f, "plan: at {} ms for {} ms {:?}", planned.at_ms, planned.for_ms, planned.fault)?;
        }
        write!(f, "plan: replay with {}", setup.replay())
    }
}
