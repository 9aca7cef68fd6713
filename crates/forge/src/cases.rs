//! Altered histories: for each rule one that violates this rule alone, beside the genuine one that it was made of.

mod substrate;

use crate::World;

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

/// A pair from a genuine world and what is done to it.
pub fn case(name: &str, check: &'static str, subject: &str, genuine: &World, alter: impl FnOnce(&mut World)) -> Case {
    let mut altered = genuine.clone();
    alter(&mut altered);
    altered.relink();
    Case { name: name.into(), check, subject: subject.into(), genuine: genuine.clone(), altered }
}

/// Every pair.
pub fn catalogue() -> Vec<Case> {
    substrate::cases()
}
