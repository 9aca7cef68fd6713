//! One seed, from the plan to the verdict.

use crate::faults::{Fault, Planned};
use crate::invariants::image::Image;
use crate::invariants::shadow::{Op, Shadow};
use crate::invariants::{self, Invariant, Moment, Snapshot, TICK_MS, Violation};
use crate::liveness::Liveness;
use crate::oracle::Oracle;
use crate::plan::Plan;
use crate::setup::Setup;
use crate::time::SimTime;
use crate::trace::Trace;
use crate::workload;
use crate::world::{PANICKED, World};
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

/// Milliseconds between two readings of what was committed. They are few because a node may purge its log to the tip.
const FOLLOW_MS: u64 = 10;

/// Milliseconds between two readings of the synced files of all nodes.
pub const IMAGES_MS: u64 = 5_000;

/// Milliseconds in which entries that only a damaged node has applied reach the others.
const SETTLE_MS: u64 = 2_000;

/// Whether a damaged node has applied what no sound one has.
fn one_is_ahead(world: &Snapshot) -> bool {
    let furthest = |damaged: bool| {
        let of = world.nodes.iter().filter(|node| world.damaged.contains(&node.id) == damaged);
        of.map(|node| node.status.applied).max()
    };
    furthest(true) > furthest(false)
}

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

/// What the properties were shown. A property that is shown nothing always holds.
#[derive(Debug, Default)]
struct Judged {
    submissions: usize,
    promises: usize,
    images: usize,
    log_entries: usize,
    calls: usize,
    reads: usize,
    checkpoints: usize,
    cosignatures: usize,
    published: usize,
    receipts: usize,
}

struct Runner<'a> {
    world: World<'a>,
    oracle: Oracle,
    invariants: Vec<Box<dyn Invariant>>,
    shadow: Shadow,
    judged: Judged,
    /// What was decided since the last look.
    decided: Vec<Op>,
    planned: std::vec::IntoIter<Planned>,
    /// Faults under way with the millisecond of their end.
    active: Vec<(u64, Box<dyn Fault>)>,
    /// Faults that ended.
    over: Vec<Box<dyn Fault>>,
    trace: Trace,
}

/// Runs a plan. `aloud` prints the trace on standard error while it grows. Gives the verdict and the trace.
/// `wire` adds every write on every connection to the trace. `receipts` is a folder for what a run that held proves to
/// others ([`crate::corpus`]).
pub fn run(plan: Plan, aloud: bool, wire: bool, receipts: Option<&Path>) -> (Report, String) {
    let time = SimTime::default();
    let trace = Trace::new(time.clone(), aloud);
    if wire {
        crate::env::trace_wire(trace.clone());
    }
    for line in plan.to_string().lines() {
        trace.line(line);
    }
    let Plan { setup, faults } = plan;
    let world = World::new(&setup, time, trace.clone());
    let mut runner = Runner {
        shadow: Shadow::new(world.genesis.clone()),
        oracle: world.oracle.clone(),
        world,
        invariants: invariants::all(),
        judged: Judged::default(),
        decided: Vec::new(),
        planned: faults.into_iter(),
        active: Vec::new(),
        over: Vec::new(),
        trace: trace.clone(),
    };
    let mut violation = runner.play(&setup).err();
    if let (Some(dir), None) = (receipts, &violation) {
        let (now, history, kept) = (runner.world.snapshot(), runner.oracle.history(), runner.world.kept_notes());
        let written = crate::corpus::write(dir, &runner.world.genesis, &now, (&history, &kept), setup.seed);
        violation = written.err().map(|what| Violation { invariant: "receipts for others", what });
    }
    if let Some(violation) = &violation {
        trace.line(format!("violation {violation}"));
        // Faults under way when the run ended have happened as well.
        for (_, fault) in std::mem::take(&mut runner.active) {
            runner.end(fault);
        }
    }
    trace.line(format!("judged {:?}, {} jumps", runner.judged, runner.shadow.jumps()));
    runner.images();
    let report = Report {
        seed: setup.seed,
        replay: setup.replay(),
        trace: trace.digest(),
        simulated_ms: runner.world.now_ms(),
        violation: violation.map(|violation| violation.to_string()),
        faults: runner.fired(),
        calls: runner.oracle.summary(),
    };
    (report, trace.text())
}

impl Runner<'_> {
    fn play(&mut self, setup: &Setup) -> Result<(), Violation> {
        let stop = Rc::new(Cell::new(false));
        workload::start(&mut self.world, setup, &stop);
        while self.world.now_ms() < setup.work_ms {
            self.begin_and_end();
            self.step()?;
        }
        stop.set(true);
        for (_, fault) in std::mem::take(&mut self.active) {
            self.end(fault);
        }
        self.world.heal();
        self.trace.line("healed");
        let liveness = Liveness::demand(&mut self.world);
        let mut settle_by = None;
        loop {
            self.step()?;
            if self.world.now_ms().is_multiple_of(TICK_MS) {
                let mut snapshot = self.world.snapshot();
                if liveness.check(&snapshot, self.world.leader(), &|id| self.oracle.is_minded(id))? {
                    // Somebody may have been answered this very moment, by a damaged node that is ahead of the others.
                    let now = self.world.now_ms();
                    if one_is_ahead(&snapshot) && now < *settle_by.get_or_insert(now + SETTLE_MS) {
                        continue;
                    }
                    self.trace.line("serves again");
                    // A damaged node may be behind for ever; what it serves is judged while it serves.
                    let damaged = snapshot.damaged.clone();
                    snapshot.nodes.retain(|node| !damaged.contains(&node.id));
                    self.judge(&snapshot, true)?;
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
        for (_, fault) in over {
            self.end(fault);
        }
        for (_, fault) in &mut self.active {
            fault.step(&mut self.world);
        }
        while let Some(next) = self.planned.as_slice().first()
            && next.at_ms <= now
        {
            let Some(Planned { for_ms, mut fault, .. }) = self.planned.next() else { break };
            let begun = fault.begin(&mut self.world);
            self.trace.line(format!("fault {fault:?} {}", if begun { "begins" } else { "finds nothing to do" }));
            if begun {
                fault.step(&mut self.world);
                self.active.push((now + for_ms, fault));
            }
        }
    }

    fn end(&mut self, mut fault: Box<dyn Fault>) {
        fault.end(&mut self.world);
        self.over.push(fault);
    }

    /// How often each kind happened. Asked when all is over: a client that was told to leave may still be answered.
    fn fired(&self) -> BTreeMap<String, u64> {
        let mut fired = BTreeMap::new();
        for fault in &self.over {
            let count = fault.fired();
            if count > 0 {
                *fired.entry(fault.kind().to_owned()).or_default() += count;
            }
        }
        for (label, count) in self.world.struck() {
            *fired.entry((*label).to_owned()).or_default() += count;
        }
        fired
    }

    /// One step of the world, and a look at it when it is time.
    fn step(&mut self) -> Result<(), Violation> {
        self.world.step().map_err(|what| Violation { invariant: "simulation", what })?;
        if let Some((node, reason)) = self.world.ended().into_iter().next() {
            let invariant = if reason.starts_with(PANICKED) { "G19 no_panic" } else { "runs_on" };
            return Err(Violation { invariant, what: format!("node {node} ended by itself: {reason}") });
        }
        if let Some(what) = self.world.take_found().into_iter().next() {
            return Err(Violation { invariant: "remembers", what });
        }
        if let Some(violation) = self.oracle.take_violations().into_iter().next() {
            return Err(violation);
        }
        let now = self.world.now_ms();
        if now.is_multiple_of(FOLLOW_MS) {
            self.follow(&self.world.snapshot())?;
        }
        if now.is_multiple_of(TICK_MS) { self.look() } else { Ok(()) }
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
        self.judge(&snapshot, false)
    }

    /// Decides once more what was committed since, before nodes purge it from their logs.
    fn follow(&mut self, snapshot: &Snapshot) -> Result<(), Violation> {
        let jumps = self.shadow.jumps();
        let ops = self.shadow.follow(snapshot).map_err(|what| Violation { invariant: "G11 replay", what })?;
        if self.shadow.jumps() != jumps {
            self.trace.line("log entries were purged before they were seen: the replay goes on from a node's state");
            // What comes next does not follow from these.
            self.decided.clear();
        }
        self.decided.extend(ops);
        Ok(())
    }

    /// Asks every property about this moment.
    fn judge(&mut self, snapshot: &Snapshot, last: bool) -> Result<(), Violation> {
        self.follow(snapshot)?;
        let ops = std::mem::take(&mut self.decided);
        let mut images = Vec::new();
        if last || snapshot.at_ms.is_multiple_of(IMAGES_MS) {
            let genesis = self.world.genesis.clone();
            let read = |id: u64| Image::read(id, &self.world.disk(id), &genesis);
            // What a damaged disk holds says nothing about the node that wrote it.
            let sound = |id: &u64| !snapshot.damaged.contains(id);
            images = self.world.ids().into_iter().filter(sound).filter_map(read).collect();
        }
        let history = last.then(|| self.oracle.history());
        let (given, notes) = (self.world.tapped.take_given(), self.world.tapped.take_notes());
        let moment = Moment {
            world: snapshot,
            ops: &ops,
            shadow: &self.shadow,
            acks: &self.oracle.take_acks(),
            images: &images,
            given: &given,
            notes: &notes,
            history: history.as_ref(),
        };
        let judged = &mut self.judged;
        judged.submissions += moment.ops.len();
        judged.promises += moment.acks.len();
        judged.images += moment.images.len();
        judged.cosignatures += moment.given.len();
        judged.published += moment
            .world
            .nodes
            .iter()
            .flat_map(|node| node.published.iter().filter_map(|(_, note)| note.as_ref()))
            .count();
        judged.log_entries += moment.images.iter().map(|image| image.log.len()).sum::<usize>();
        if let Some(history) = moment.history {
            judged.calls += history.calls.len();
            judged.reads += history.reads.len();
            judged.checkpoints += history.checkpoints.len();
            judged.receipts += history.receipts.len();
        }
        for invariant in &mut self.invariants {
            invariant.check(&moment).map_err(|what| Violation { invariant: invariant.name(), what })?;
        }
        Ok(())
    }

    /// Notes the digest of every file of every node. It shows differences that nothing else has shown yet.
    fn images(&self) {
        use selfsame_env::Disk as _;
        for id in self.world.ids() {
            let disk = self.world.disk(id);
            for name in disk.list().unwrap_or_default() {
                let digest = blake3::hash(&disk.bytes(&name)).to_hex();
                self.trace.line(format!("node {id} file {name} {digest}"));
            }
        }
    }
}
