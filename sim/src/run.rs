//! One seed, from the plan to the verdict.

use crate::env::SimTime;
use crate::faults::Fault;
use crate::invariants::{self, Invariant, Violation};
use crate::liveness::Liveness;
use crate::oracle::Oracle;
use crate::plan::{Plan, Planned};
use crate::trace::Trace;
use crate::workload;
use crate::world::World;
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Milliseconds between two looks at all nodes.
pub const TICK_MS: u64 = 100;

/// The verdict on one seed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// The command that repeats it.
    pub replay: String,
    /// BLAKE3 of the trace.
    pub trace: String,
    /// Simulated milliseconds.
    pub simulated_ms: u64,
    /// The first thing that did not hold; the run ends with it.
    pub violation: Option<String>,
    /// How often each kind of fault happened.
    pub faults: BTreeMap<String, u64>,
    /// How many calls of each kind came to what.
    pub calls: BTreeMap<String, u64>,
}

struct Runner<'a> {
    world: World<'a>,
    oracle: Oracle,
    invariants: Vec<Box<dyn Invariant>>,
    planned: std::vec::IntoIter<Planned>,
    /// Faults under way with the millisecond of their end.
    active: Vec<(u64, Box<dyn Fault>)>,
    fired: BTreeMap<String, u64>,
    trace: Trace,
}

/// Runs a plan. `aloud` prints the trace on standard error while it grows. Gives the verdict and the trace.
pub fn run(mut plan: Plan, aloud: bool) -> (Report, String) {
    let time = SimTime::default();
    let trace = Trace::new(time.clone(), aloud);
    for line in plan.to_string().lines() {
        trace.line(line);
    }
    let faults = std::mem::take(&mut plan.faults);
    let mut runner = Runner {
        world: World::new(&plan, time.clone(), trace.clone()),
        oracle: Oracle::new(trace.clone(), time.clone()),
        invariants: invariants::all(),
        planned: faults.into_iter(),
        active: Vec::new(),
        fired: BTreeMap::new(),
        trace: trace.clone(),
    };
    let violation = runner.play(&plan, &time).err();
    if let Some(violation) = &violation {
        trace.line(format!("violation {violation}"));
    }
    runner.images();
    let report = Report {
        seed: plan.seed,
        replay: plan.replay(),
        trace: trace.digest(),
        simulated_ms: runner.world.now_ms(),
        violation: violation.map(|violation| violation.to_string()),
        faults: runner.fired,
        calls: runner.oracle.summary(),
    };
    (report, trace.text())
}

impl Runner<'_> {
    fn play(&mut self, plan: &Plan, time: &SimTime) -> Result<(), Violation> {
        let stop = Rc::new(Cell::new(false));
        workload::start(&mut self.world, plan, &self.oracle, time, &stop);
        while self.world.now_ms() < plan.work_ms {
            self.begin_and_end();
            self.step()?;
        }
        stop.set(true);
        for (_, mut fault) in std::mem::take(&mut self.active) {
            fault.end(&mut self.world);
        }
        self.world.heal();
        self.trace.line("healed");
        let liveness = Liveness::demand(&mut self.world, plan, &self.oracle, time);
        loop {
            self.step()?;
            if self.world.now_ms().is_multiple_of(TICK_MS) {
                let snapshot = self.world.snapshot();
                if liveness.check(&snapshot, self.world.leader())? {
                    self.trace.line("serves again");
                    self.oracle.check(&snapshot)?;
                    return crate::audit::check(&snapshot, &self.world.genesis, &self.oracle);
                }
            }
        }
    }

    fn begin_and_end(&mut self) {
        let now = self.world.now_ms();
        let (over, active) = std::mem::take(&mut self.active).into_iter().partition(|(end, _)| *end <= now);
        self.active = active;
        for (_, mut fault) in over {
            fault.end(&mut self.world);
        }
        while let Some(next) = self.planned.as_slice().first()
            && next.at_ms <= now
        {
            let Some(Planned { for_ms, mut fault, .. }) = self.planned.next() else { break };
            let begun = fault.begin(&mut self.world);
            self.trace.line(format!("fault {fault:?} {}", if begun { "begins" } else { "finds nothing to do" }));
            if begun {
                *self.fired.entry(fault.kind().to_owned()).or_default() += 1;
                self.active.push((now + for_ms, fault));
            }
        }
    }

    /// One step of the world, and a look at it when it is time.
    fn step(&mut self) -> Result<(), Violation> {
        self.world.step().map_err(|what| Violation { invariant: "simulation", what })?;
        if let Some((node, reason)) = self.world.ended().into_iter().next() {
            return Err(Violation { invariant: "runs_on", what: format!("node {node} ended by itself: {reason}") });
        }
        if let Some(violation) = self.oracle.take_violations().into_iter().next() {
            return Err(violation);
        }
        if self.world.now_ms().is_multiple_of(TICK_MS) { self.look() } else { Ok(()) }
    }

    fn look(&mut self) -> Result<(), Violation> {
        let snapshot = self.world.snapshot();
        let mut line = String::from("nodes");
        for node in &snapshot.nodes {
            let status = &node.status;
            let (index, digest) = match node.applied() {
                Ok((index, digest)) => (index, digest.chars().take(12).collect()),
                Err(error) => (0, error.to_string()),
            };
            line += &format!(" | {} {:?} term {} applied {index} {digest}", node.id, status.role, status.term);
        }
        self.trace.line(line);
        for invariant in &mut self.invariants {
            let invariant_name = invariant.name();
            invariant.check(&snapshot).map_err(|what| Violation { invariant: invariant_name, what })?;
        }
        Ok(())
    }

    /// The bytes of every file of every node: differences that nothing else has shown yet show here.
    fn images(&self) {
        use selfsame::env::Disk as _;
        for id in self.world.ids() {
            let disk = self.world.disk(id);
            for name in disk.list().unwrap_or_default() {
                let digest = blake3::hash(&disk.bytes(&name)).to_hex();
                self.trace.line(format!("node {id} file {name} {digest}"));
            }
        }
    }
}
