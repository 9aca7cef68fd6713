//! Runs the check, reports progress, and keeps the shortest counterexample.

use crate::bounds::Bounds;
use crate::property::Property;
use crate::world::{Action, State, World};
use stateright::{Checker, HasDiscoveries, Model, Path};
use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A way from the initial state to the state that breaks a property, or shows that something happens.
pub type Steps = Vec<(State, Option<Action>)>;

/// Counts of a check, while it runs and at its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Counts {
    /// Different states.
    pub states: usize,
    /// States that steps led to, with repeats.
    pub generated: usize,
    /// Most steps from the beginning, plus one.
    pub depth: usize,
    /// Time since the start.
    pub elapsed: Duration,
}

impl Counts {
    /// Different states per second.
    pub fn rate(&self) -> f64 {
        self.states as f64 / self.elapsed.as_secs_f64().max(0.001)
    }
}

/// A counterexample, and where it was found.
#[derive(Clone, Debug)]
pub struct Caught {
    /// The property that it breaks.
    pub property: Property,
    /// The scope in which it was found.
    pub scope: &'static str,
    /// The way there.
    pub steps: Steps,
}

/// The result of a check.
#[derive(Clone, Debug)]
pub struct Report {
    /// The counts at the end.
    pub counts: Counts,
    /// Broken properties, each with the way there.
    pub broken: Vec<(Property, Steps)>,
    /// What was seen to happen.
    pub happened: Vec<&'static str>,
}

/// How to run a check.
pub struct Run<'a> {
    /// Threads that search.
    pub threads: usize,
    /// Told the counts, once a second.
    pub progress: &'a mut dyn FnMut(Counts),
}

impl Run<'_> {
    /// Visits every state within the bounds, or stops at the first broken property.
    pub fn everything(&mut self, world: World) -> Report {
        self.search(world, HasDiscoveries::AnyFailures, None)
    }

    /// Looks for the shortest way to break one property. None when every state keeps it.
    pub fn counterexample(&mut self, world: World, property: Property) -> (Counts, Option<Steps>) {
        let only = HasDiscoveries::AllOf(BTreeSet::from([property.id()]));
        let mut report = self.search(world, only.clone(), None);
        let take = |report: &mut Report| {
            let at = report.broken.iter().position(|(broken, _)| *broken == property)?;
            Some(report.broken.swap_remove(at).1)
        };
        let mut best = take(&mut report);
        while let Some(steps) = &best {
            // The engine keeps the last of several counterexamples: look again among shorter ones.
            match take(&mut self.search(world, only.clone(), Some(steps.len()))) {
                Some(shorter) => best = Some(shorter),
                None => break,
            }
        }
        (report.counts, best)
    }

    /// Looks in one scope after the other until the property is broken. None when every scope keeps it.
    pub fn catch(&mut self, scopes: &[Bounds], world: World, property: Property) -> Option<Caught> {
        scopes.iter().find_map(|bounds| {
            let (_, steps) = self.counterexample(World { bounds: *bounds, ..world }, property);
            Some(Caught { property, scope: bounds.name, steps: steps? })
        })
    }

    /// States with `below` or more states on the way are left out.
    fn search(&mut self, world: World, finish: HasDiscoveries, below: Option<usize>) -> Report {
        let start = Instant::now();
        let mut builder = world.checker().threads(self.threads).finish_when(finish);
        if let Some(depth) = below {
            builder = builder.target_max_depth(depth);
        }
        let checker = builder.spawn_bfs();
        let counts = |checker: &dyn Counting| checker.counts(start);
        let mut told = Instant::now();
        while !checker.is_done() {
            sleep(Duration::from_millis(5));
            if told.elapsed() >= Duration::from_secs(1) {
                told = Instant::now();
                (self.progress)(counts(&checker));
            }
        }
        let checker = checker.join();
        let counts = counts(&checker);
        let mut broken = Vec::new();
        let mut happened = Vec::new();
        for (name, path) in checker.discoveries() {
            match Property::named(name) {
                Some(property) => broken.push((property, steps(path))),
                None => happened.push(name),
            }
        }
        broken.sort_by_key(|(property, steps)| (steps.len(), *property));
        happened.sort_unstable();
        Report { counts, broken, happened }
    }
}

fn steps(path: Path<State, Action>) -> Steps {
    path.into_vec()
}

trait Counting {
    fn counts(&self, start: Instant) -> Counts;
}

impl<C: Checker<World>> Counting for C {
    fn counts(&self, start: Instant) -> Counts {
        Counts {
            states: self.unique_state_count(),
            generated: self.state_count(),
            depth: self.max_depth(),
            elapsed: start.elapsed(),
        }
    }
}
