//! The simulator's command line.

use clap::{Parser, Subcommand};
use selfsame_sim::fleet::{self, Seeds};
use selfsame_sim::mutants::{self, Mutants};
use selfsame_sim::plan::Plan;
use selfsame_sim::setup::Profile;
use selfsame_sim::timeline::Timeline;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// Run the real node in a simulated world and check what must hold.
#[derive(Parser)]
#[command(name = "selfsame-sim", version)]
struct Cli {
    #[command(subcommand)]
    command: Act,
}

#[derive(Subcommand)]
enum Act {
    /// Run many seeds, each in a process of its own.
    Run(Many),
    /// Run each seed in two processes and compare their traces.
    CheckDeterminism(Many),
    /// Provoke each known defect of the consensus library, with a few seeds.
    Scenarios {
        /// Seeds for each.
        #[arg(long, default_value_t = 4)]
        seeds: u64,
    },
    /// Run the seeds again that failed once.
    Kept,
    /// Plant one bug at a time and demand that a seed catches it.
    Mutants {
        /// Only these bugs.
        #[arg(long, value_delimiter = ',')]
        only: Vec<String>,
        /// Most seeds for each bug.
        #[arg(long, default_value_t = 40)]
        seeds: u64,
        /// Print the names and what each bug breaks.
        #[arg(long)]
        list: bool,
        /// Only a few bugs, each with a seed that is known to catch it.
        #[arg(long)]
        smoke: bool,
    },
    /// Run one seed in this process.
    One {
        /// The seed.
        #[arg(long)]
        seed: u64,
        #[command(flatten)]
        how: How,
        /// Print the trace while it grows, on standard error.
        #[arg(long, short)]
        verbose: bool,
        /// Print the trace and then the report as one line of JSON.
        #[arg(long)]
        json: bool,
        /// Print who led, what was broken and what was decided, in order of time.
        #[arg(long)]
        timeline: bool,
        /// Write the timeline as one HTML page to this file.
        #[arg(long)]
        html: Option<PathBuf>,
        /// Write every write on every connection into the trace.
        #[arg(long)]
        wire: bool,
        /// Write what the run proves into this folder, with altered variants, for verifiers of others: receipts, leaves,
        /// checkpoints, ledgers, policy and keys.
        #[arg(long, value_name = "DIR")]
        receipts: Option<PathBuf>,
    },
}

#[derive(clap::Args)]
struct How {
    /// Nodes: 3, 5 or 7; drawn from the seed when absent.
    #[arg(long, value_parser = nodes)]
    nodes: Option<u64>,
    /// How rough the world is.
    #[arg(long, value_enum, default_value_t = Profile::Default)]
    profile: Profile,
}

#[derive(clap::Args)]
struct Many {
    /// How many seeds.
    #[arg(long, default_value_t = 20)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    start_seed: u64,
    #[command(flatten)]
    how: How,
}

impl Many {
    fn seeds(&self) -> Seeds {
        Seeds { first: self.start_seed, count: self.seeds, nodes: self.how.nodes, profile: self.how.profile }
    }
}

fn nodes(text: &str) -> Result<u64, String> {
    match text {
        "3" | "5" | "7" => text.parse().map_err(|error| format!("{error}")),
        _ => Err("3, 5 or 7".into()),
    }
}

fn main() -> ExitCode {
    let holds = match Cli::parse().command {
        Act::Run(many) => fleet::run(&many.seeds()),
        Act::Scenarios { seeds } => fleet::scenarios(seeds),
        Act::Kept => fleet::kept(),
        Act::CheckDeterminism(many) => fleet::check_determinism(&many.seeds()),
        Act::One { seed, how, verbose, json, wire, timeline, html, receipts } => {
            one(Plan::draw(seed, how.profile, how.nodes), &Shown { verbose, json, wire, timeline, html, receipts })
        }
        Act::Mutants { list: true, .. } => {
            mutants::list();
            true
        }
        Act::Mutants { only, seeds, smoke, .. } => mutants::run(&Mutants { only, seeds, smoke }),
    };
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What is shown of one run.
struct Shown {
    verbose: bool,
    json: bool,
    wire: bool,
    timeline: bool,
    html: Option<PathBuf>,
    receipts: Option<PathBuf>,
}

fn one(plan: Plan, how: &Shown) -> bool {
    if std::env::var_os("RUST_LOG").is_some() {
        let filter = tracing_subscriber::EnvFilter::from_default_env();
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    }
    let begin = std::time::Instant::now();
    let shown = plan.to_string();
    let (report, trace) = selfsame_sim::run::run(plan, how.verbose, how.wire, how.receipts.as_deref());
    let timeline = Timeline::of(&trace);
    if let Some(file) = &how.html
        && let Err(error) = std::fs::write(file, timeline.html())
    {
        eprintln!("selfsame-sim: {}: {error}", file.display());
        return false;
    }
    let mut out = std::io::stdout().lock();
    if how.timeline && write!(out, "{}", timeline.text()).is_err() {
        return false;
    }
    let written = if how.json {
        let line = serde_json::to_string(&report).unwrap_or_default();
        writeln!(out, "{trace}{line}")
    } else {
        let (simulated, real) = (report.simulated_ms as f64 / 1_000.0, begin.elapsed().as_secs_f64());
        let counts = [("faults", &report.faults), ("calls", &report.calls)];
        let counts: String = counts
            .iter()
            .flat_map(|(what, counts)| counts.iter().map(move |(kind, count)| format!("{what}: {kind}: {count}\n")))
            .collect();
        let verdict = report.violation.as_ref().map_or("everything held".to_owned(), |what| format!("FAILED: {what}"));
        writeln!(
            out,
            "{shown}\n{counts}trace: {}\n{simulated:.1} simulated s in {real:.1} real s, ratio {:.1}\n{verdict}",
            report.trace,
            simulated / real
        )
    };
    written.is_ok() && report.violation.is_none()
}
