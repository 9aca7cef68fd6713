//! Altered histories: for each rule one that violates this rule alone, beside the genuine one that it was made of.

mod draft;
mod substrate;

use crate::World;
pub use draft::{Draft, put};

/// A pair of histories.
#[derive(Clone)]
pub struct Case {
    /// What was done.
    pub name: String,
    /// The check that must refuse it.
    pub check: &'static str,
    /// Whose history it is, for example `substrate:<uuid>`.
    pub subject: String,
    /// As the machine made it.
    pub genuine: World,
    /// With the one rule broken, and everything that follows computed anew.
    pub altered: World,
}

/// Pairs that are made of one genuine world.
pub struct Book {
    world: World,
    subject: String,
    cases: Vec<Case>,
}

impl Book {
    /// Of a chain in a world.
    pub fn new(world: World, subject: &str) -> Self {
        Self { world, subject: subject.into(), cases: Vec::new() }
    }

    /// One more pair: what is done to it, and the check that must find that.
    pub fn case(&mut self, check: &'static str, name: &str, alter: impl FnOnce(&mut Draft<'_>)) {
        let mut altered = self.world.clone();
        alter(&mut Draft { world: &mut altered, subject: &self.subject });
        altered.relink();
        let (name, subject, genuine) = (name.into(), self.subject.clone(), self.world.clone());
        self.cases.push(Case { name, check, subject, genuine, altered });
    }

    /// All pairs.
    pub fn cases(self) -> Vec<Case> {
        self.cases
    }
}

/// Every pair.
pub fn catalogue() -> Vec<Case> {
    substrate::cases()
}
