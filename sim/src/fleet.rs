//! Many seeds, each in a process of its own.

use crate::child::{self, Left};
use crate::faults::KINDS;
use crate::run::Report;
use crate::scenarios::{self, SCENARIOS};
use crate::setup::Profile;
use std::io::Write as _;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Seeds in which every kind of fault must have fired at least once.
pub const ENOUGH: u64 = 100;

/// Which seeds, and how.
#[derive(Clone, Copy, Debug)]
pub struct Seeds {
    /// The first.
    pub first: u64,
    /// How many.
    pub count: u64,
    /// Nodes, or what each seed draws.
    pub nodes: Option<u64>,
    /// How rough.
    pub profile: Profile,
}

fn child(seeds: &Seeds, seed: u64) -> Left {
    let program = std::env::current_exe().unwrap_or_else(|error| panic!("the path of this program: {error}"));
    let mut command = Command::new(program);
    command.args(["one", "--json", "--seed", &seed.to_string(), "--profile", &seeds.profile.to_string()]);
    if let Some(nodes) = seeds.nodes {
        command.args(["--nodes", &nodes.to_string()]);
    }
    child::run(&mut command).unwrap_or_else(|error| panic!("starting a process: {error}"))
}

/// Calls `work` for each seed, on as many threads as there are cores.
fn each(seeds: &Seeds, work: impl Fn(u64) + Sync) {
    spread(seeds.count, |at| work(seeds.first + at));
}

/// Calls `work` for each number below `count`, on as many threads as there are cores.
fn spread(count: u64, work: impl Fn(u64) + Sync) {
    let next = AtomicU64::new(0);
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= count {
                        return;
                    }
                    work(at);
                }
            });
        }
    });
}

fn replay(seeds: &Seeds, seed: u64) -> String {
    let nodes = seeds.nodes.map(|nodes| format!(" --nodes {nodes}")).unwrap_or_default();
    format!("cargo run -p selfsame-sim -- one --seed {seed}{nodes} --profile {}", seeds.profile)
}

#[derive(Default)]
struct Sum {
    done: u64,
    simulated_ms: u64,
    failures: Vec<(u64, String)>,
    faults: std::collections::BTreeMap<String, u64>,
    calls: std::collections::BTreeMap<String, u64>,
}

/// Runs all seeds; true when nothing failed.
pub fn run(seeds: &Seeds) -> bool {
    let begin = Instant::now();
    let sum = Mutex::new(Sum::default());
    each(seeds, |seed| {
        let child = child(seeds, seed);
        let mut sum = sum.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        sum.done += 1;
        let failure = match child.report {
            Ok(report) => {
                sum.simulated_ms += report.simulated_ms;
                for (kind, count) in report.faults {
                    *sum.faults.entry(kind).or_default() += count;
                }
                for (kind, count) in report.calls {
                    *sum.calls.entry(kind).or_default() += count;
                }
                report.violation
            }
            Err(what) => Some(what),
        };
        if let Some(what) = failure {
            // Print it at once as well, for somebody who stops a long run.
            eprintln!("\rseed {seed} failed: {what}");
            sum.failures.push((seed, what));
        }
        let (done, failed) = (sum.done, sum.failures.len());
        eprint!("\r{done} of {} seeds, {failed} failed, {:.0} s", seeds.count, begin.elapsed().as_secs_f64());
        let _ = std::io::stderr().flush();
    });
    eprintln!();
    let mut sum = sum.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    let (simulated, real) = (sum.simulated_ms as f64 / 1_000.0, begin.elapsed().as_secs_f64());
    println!("{} seeds: {simulated:.0} simulated s in {real:.1} real s, ratio {:.1}", sum.done, simulated / real);
    if scenarios::of(seeds.profile).is_none() {
        for (kind, count) in &sum.calls {
            println!("calls: {kind}: {count}");
        }
    }
    if seeds.profile == Profile::Default {
        for kind in KINDS {
            println!("faults: {:<24} {:>6}", kind.name, sum.faults.get(kind.name).copied().unwrap_or_default());
        }
    }
    sum.failures.sort();
    for (seed, what) in &sum.failures {
        println!("FAILED seed {seed}: {what}\n    {}", replay(seeds, *seed));
    }
    // A kind that never fires proves nothing by its passing; so many seeds draw each kind many times.
    let silent: Vec<&str> = KINDS.iter().map(|kind| kind.name).filter(|name| !sum.faults.contains_key(*name)).collect();
    let demanded = seeds.profile == Profile::Default && seeds.count >= ENOUGH && !silent.is_empty();
    if demanded {
        println!("FAILED: never fired in {} seeds: {}", seeds.count, silent.join(", "));
    }
    sum.failures.is_empty() && !demanded
}

/// Runs each scenario with a few seeds; true when nothing failed.
pub fn scenarios(count: u64) -> bool {
    let mut holds = true;
    for scenario in SCENARIOS {
        println!("{}: {}", scenario.profile, scenario.defect);
        holds &= run(&Seeds { first: 1, count, nodes: None, profile: scenario.profile });
    }
    holds
}

/// Seeds that failed once.
const KEPT: &str = include_str!("../seeds/kept.txt");

/// The kept seeds, each with the reason why it is kept. The error is a line of another form.
fn kept_seeds() -> Result<Vec<(Seeds, &'static str)>, String> {
    let line = |line: &'static str| {
        let mut words = line.splitn(4, ' ');
        let first = words.next()?.parse().ok()?;
        let profile = clap::ValueEnum::from_str(words.next()?, false).ok()?;
        let nodes = match words.next()? {
            "-" => None,
            nodes => Some(nodes.parse().ok()?),
        };
        Some((Seeds { first, count: 1, nodes, profile }, words.next()?))
    };
    let lines = KEPT.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.map(|text| line(text).ok_or_else(|| format!("sim/seeds/kept.txt: {text:?}"))).collect()
}

/// Runs every kept seed again; true when nothing failed.
pub fn kept() -> bool {
    let seeds = match kept_seeds() {
        Ok(seeds) => seeds,
        Err(error) => {
            eprintln!("selfsame-sim: {error}");
            return false;
        }
    };
    let failed = AtomicU64::new(0);
    spread(seeds.len() as u64, |at| {
        let Some((seeds, why)) = usize::try_from(at).ok().and_then(|at| seeds.get(at)) else { return };
        let what = match child(seeds, seeds.first).report {
            Ok(Report { violation: None, .. }) => {
                println!("holds: seed {} ({why})", seeds.first);
                return;
            }
            Ok(Report { violation: Some(what), .. }) | Err(what) => what,
        };
        println!("FAILED seed {} ({why}): {what}\n    {}", seeds.first, replay(seeds, seeds.first));
        failed.fetch_add(1, Ordering::Relaxed);
    });
    failed.into_inner() == 0
}

/// Runs each seed in two processes and compares their traces byte for byte; true when all are equal.
pub fn check_determinism(seeds: &Seeds) -> bool {
    let different = Mutex::new(0_u64);
    each(seeds, |seed| {
        let (a, b) = (child(seeds, seed), child(seeds, seed));
        let said = match (a.report, b.report, crate::trace::first_difference(&a.trace, &b.trace)) {
            (Ok(report), Ok(_), None) => {
                println!("seed {seed}: {} lines, {}", a.trace.lines().count(), report.trace);
                return;
            }
            (_, _, Some((number, a, b))) => format!("line {number} differs:\n    {a}\n    {b}"),
            (Err(what), _, None) | (_, Err(what), None) => format!("no trace: {what}"),
        };
        println!("NOT EQUAL seed {seed}: {said}\n    {}", replay(seeds, seed));
        *different.lock().unwrap_or_else(std::sync::PoisonError::into_inner) += 1;
    });
    different.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) == 0
}
