//! The command line: data on stdout, talk on stderr, and an exit status that a script can use.

use clap::{ArgGroup, Args, Parser, Subcommand};
use selfsame_model::check::{Caught, Counts, Report, Run};
use selfsame_model::expected::HAPPENS;
use selfsame_model::moves::{self, Moves};
use selfsame_model::{Bounds, Bug, Finding, Property, Size, World, story};
use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::process::ExitCode;

const LONG: &str = "\
Checks the migration protocol exhaustively: within its bounds the model visits every order in which messages can be lost,
delayed, repeated and reordered, chips can restart, be cloned and be rolled back, and organisations can vote.

Without --bug the design itself is checked: every property must hold in every state, and everything that must be possible
must happen somewhere. With --bug one rule of the design is left out, and the check must find a counterexample to each
property that the bug is listed with: a check that finds nothing wrong in a wrong design shows nothing.";

const AFTER: &str = "\
Examples:
  selfsame-model check --small                          every scope, in seconds
  selfsame-model check                                  the same further, in a minute or a few
  selfsame-model check --list                           properties, bugs, findings, scopes
  selfsame-model check --bug fence_by_chip_id_only      the shortest way to break the fence
  selfsame-model check --bug all                        every bug; one line for each
  selfsame-model check --finding both_chips_lost        a weakness of the present design, with its remedy
  selfsame-model check --finding both_chips_lost --remedied
  selfsame-model moves                                  substrates that move between groups (docs/scale.md)

Exit status:
  0  every property holds; or the planted bug, or the finding, was caught
  1  a property is broken; or the planted bug, or the finding, was not caught
  2  wrong usage";

#[derive(Parser)]
#[command(name = "selfsame-model", version, about = "Model checker of the migration protocol", long_about = LONG, after_help = AFTER)]
struct Cli {
    #[command(subcommand)]
    command: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Check the design, or show that a planted bug is caught.
    #[command(long_about = LONG, after_help = AFTER)]
    Check(Check),
    /// Check births, routing and moves of a substrate among several groups, and that each rule of them is needed.
    Moves,
}

#[derive(Args)]
#[command(group = ArgGroup::new("size").args(["small", "large"]))]
struct Check {
    /// Plant a bug, by name; `all` for each of them.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["finding", "remedied"])]
    bug: Option<String>,
    /// Drop the assumption that a finding names; `all` for each of them.
    #[arg(long, value_name = "NAME")]
    finding: Option<String>,
    /// Check the design with the remedies of all findings.
    #[arg(long)]
    remedied: bool,
    /// Check the bounds that the tests use.
    #[arg(long)]
    small: bool,
    /// Check larger bounds, for as long as it takes.
    #[arg(long)]
    large: bool,
    /// Check one scope only.
    #[arg(long, value_name = "NAME")]
    scope: Option<String>,
    /// Threads that search.
    #[arg(long, value_name = "N", default_value_t = threads(), value_parser = clap::value_parser!(u16).range(1..=64))]
    threads: u16,
    /// List properties, bugs, findings and scopes, and check nothing.
    #[arg(long)]
    list: bool,
}

fn threads() -> u16 {
    std::thread::available_parallelism().map_or(1, |n| u16::try_from(n.get()).unwrap_or(64).min(64))
}

/// Reads the arguments and does what they ask.
pub fn run() -> ExitCode {
    let check = match Cli::parse().command {
        Verb::Check(check) => check,
        Verb::Moves => return moves(),
    };
    if check.list {
        list();
        return ExitCode::SUCCESS;
    }
    match check.plan() {
        Ok(plan) => plan.carry_out(),
        Err(problem) => {
            eprintln!("error: {problem}\n\nFor the names, try 'selfsame-model check --list'.");
            ExitCode::from(2)
        }
    }
}

fn moves() -> ExitCode {
    let (states, broken) = Moves::new(None).check();
    let mut good = broken.is_none();
    match broken {
        None => println!("holds    the plan: births, routing and moves among three groups ({states} states)"),
        Some(property) => println!("BROKEN   the plan: {property} ({states} states)"),
    }
    for (bug, expected) in moves::Bug::ALL {
        let (_, broken) = Moves::new(Some(*bug)).check();
        good &= broken == Some(*expected);
        match broken {
            Some(property) => println!("caught   without its rule, {bug:?} breaks: {property}"),
            None => println!("NOT CAUGHT   {bug:?} breaks nothing; expected: {expected}"),
        }
    }
    ExitCode::from(u8::from(!good))
}

fn list() {
    println!("Properties, in every state:");
    Property::ALL.iter().for_each(|property| println!("  {:<7} {}", property.id(), property.about()));
    println!("\nWhat must be possible:");
    HAPPENS.iter().for_each(|name| println!("  {name}"));
    println!("\nBugs, and the properties that catch them:");
    for bug in Bug::ALL {
        let properties: Vec<&str> = bug.caught_by().iter().map(|property| property.id()).collect();
        println!("  {:<32} {:<12} {}", bug.name(), properties.join(" "), bug.about());
    }
    println!("\nFindings in the present design, and the properties that they break:");
    for finding in Finding::ALL {
        println!("  {:<22} {:<7} {}", finding.name(), finding.breaks().id(), finding.about());
        println!("  {:<22} {:<7} remedy: {}", "", "", finding.remedy());
    }
    println!("\nScopes (chips, migrations, writes, seals, ballots, clones, rollback, forgers):");
    for (name, size) in [("--small", Size::Small), ("", Size::Normal), ("--large", Size::Large)] {
        for b in size.scopes() {
            println!(
                "  {name:<8} {:<8} {} {} {} {} {} {} {} {}",
                b.name, b.chips, b.migrations, b.writes, b.seals, b.ballots, b.clones, b.rollback, b.forgers
            );
        }
    }
}

/// What to look for.
enum Goal {
    Holds(Vec<Option<Finding>>),
    Bugs(Vec<Bug>),
    Findings(Vec<Finding>),
}

struct Plan {
    goal: Goal,
    scopes: Vec<Bounds>,
    remedied: bool,
    threads: usize,
}

impl Check {
    fn plan(self) -> Result<Plan, String> {
        let size = match (self.small, self.large) {
            (true, _) => Size::Small,
            (_, true) => Size::Large,
            // Every bug and finding shows in the small scopes.
            _ if self.bug.is_some() || (self.finding.is_some() && !self.remedied) => Size::Small,
            _ => Size::Normal,
        };
        let mut scopes = size.scopes().to_vec();
        if let Some(name) = &self.scope {
            scopes.retain(|bounds| bounds.name == name);
            if scopes.is_empty() {
                return Err(format!("there is no scope {name:?}"));
            }
        }
        let findings = match self.finding.as_deref() {
            None => Vec::new(),
            Some("all") => Finding::ALL.to_vec(),
            Some(name) => vec![Finding::named(name).ok_or_else(|| format!("there is no finding {name:?}"))?],
        };
        let goal = match self.bug.as_deref() {
            Some("all") => Goal::Bugs(Bug::ALL.to_vec()),
            Some(name) => Goal::Bugs(vec![Bug::named(name).ok_or_else(|| format!("there is no bug {name:?}"))?]),
            None if findings.is_empty() => Goal::Holds(vec![None]),
            None if self.remedied => Goal::Holds(findings.into_iter().map(Some).collect()),
            None => Goal::Findings(findings),
        };
        Ok(Plan { goal, scopes, remedied: self.remedied, threads: usize::from(self.threads) })
    }
}

fn progress(counts: Counts) {
    let Counts { states, generated, depth, .. } = counts;
    let line = format!(
        "{:>5} s  {states} states, {generated} generated, depth {depth}, {:.0} states/s",
        counts.elapsed.as_secs(),
        counts.rate()
    );
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[K{line}");
    } else if counts.elapsed.as_secs().is_multiple_of(10) {
        eprintln!("{line}");
    }
}

fn clear() {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[K");
    }
}

impl Plan {
    fn carry_out(&self) -> ExitCode {
        let good = match &self.goal {
            Goal::Holds(findings) => findings.iter().all(|finding| self.holds(*finding)),
            Goal::Bugs(bugs) => {
                let short = bugs.len() > 1;
                bugs.iter().filter(|bug| !self.bug(**bug, short)).count() == 0
            }
            Goal::Findings(findings) => findings.iter().filter(|finding| !self.finding(**finding)).count() == 0,
        };
        if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    fn run<R>(&self, job: impl FnOnce(&mut Run<'_>) -> R) -> R {
        let mut tell = progress;
        let result = job(&mut Run { threads: self.threads, progress: &mut tell });
        clear();
        result
    }

    fn world(&self, finding: Option<Finding>) -> World {
        let world = World { finding, ..World::new(self.scopes[0]) };
        if self.remedied { world.remedied() } else { world }
    }

    fn holds(&self, finding: Option<Finding>) -> bool {
        if let Some(finding) = finding {
            println!("Without the assumption of {finding}, with the remedies:");
        }
        let mut happened = BTreeSet::new();
        let mut states = 0;
        for bounds in &self.scopes {
            let world = World { bounds: *bounds, ..self.world(finding) };
            let report: Report = self.run(|run| run.everything(world));
            let Counts { states: visited, generated, depth, elapsed } = report.counts;
            println!(
                "scope {:<8} {visited} states, {generated} generated, depth {depth}, {:.1} s, {:.0} states/s",
                bounds.name,
                elapsed.as_secs_f64(),
                report.counts.rate()
            );
            if !report.broken.is_empty() {
                for (property, steps) in &report.broken {
                    println!("\n{property} is broken: {}\n{}", property.about(), story::tell(steps));
                }
                return false;
            }
            happened.extend(report.happened);
            states += visited;
        }
        println!("\n{states} states. In every one of them:");
        Property::ALL.iter().for_each(|property| println!("  holds    {:<7} {}", property.id(), property.about()));
        for name in HAPPENS {
            println!("  {} {name}", if happened.contains(name) { "happens " } else { "NEVER   " });
        }
        let idle = self.scopes.len() > 1 && happened.len() < HAPPENS.len();
        if idle {
            println!("\nWhat never happens was not checked: the model is wrong.");
        }
        !idle
    }

    fn bug(&self, bug: Bug, short: bool) -> bool {
        if !short {
            println!("Planted: {bug}. {}", bug.about());
        }
        let mut good = true;
        for property in bug.caught_by() {
            let world = self.world(None).with_bug(bug);
            let caught = self.run(|run| run.catch(&self.scopes, world, *property));
            good &= caught.is_some();
            match (caught, short) {
                (Some(Caught { scope, steps, .. }), true) => {
                    println!(
                        "caught      {:<32} {:<7} in {} steps, scope {scope}",
                        bug.name(),
                        property.id(),
                        steps.len() - 1
                    );
                }
                (Some(Caught { scope, steps, .. }), false) => {
                    println!("\nCaught by {property} in scope {scope}: {}\n{}", property.about(), story::tell(&steps));
                }
                (None, _) => println!("NOT CAUGHT  {:<32} {:<7} keeps holding", bug.name(), property.id()),
            }
        }
        good
    }

    fn finding(&self, finding: Finding) -> bool {
        let property = finding.breaks();
        println!("Finding: {finding}: {}.", finding.about());
        let caught = self.run(|run| run.catch(&self.scopes, self.world(Some(finding)), property));
        match &caught {
            Some(Caught { scope, steps, .. }) => {
                println!("\n{property} breaks in scope {scope}: {}\n{}", property.about(), story::tell(steps));
                println!("Remedy: {}.\n", finding.remedy());
            }
            None => println!("NOT SHOWN: {property} keeps holding."),
        }
        caught.is_some()
    }
}
