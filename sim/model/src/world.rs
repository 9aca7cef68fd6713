//! The world of the model: states and actions.
//!
//! Consensus is one log. The network is the set of everything that was ever signed: any of it may be delivered at any time,
//! any number of times, in any order, or never. Attestations and ballots need no memory in any chip, so they are not kept:
//! whoever could have signed one by now may deliver it now. A refused command changes nothing and makes no state.

use crate::bounds::Bounds;
use crate::bug::Bug;
use crate::chip::Copy;
use crate::finding::Finding;
use crate::ledger::{Ledger, Rules};
use crate::property::Broken;
use crate::types::{ChipId, Command, Entry, MigrationId};
use std::hash::{Hash, Hasher};

/// The model: a design, how far to go, and what may happen besides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct World {
    /// The design under test.
    pub rules: Rules,
    /// How far to go.
    pub bounds: Bounds,
    /// An assumption that is dropped.
    pub finding: Option<Finding>,
}

/// One state of everything.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct State {
    /// What was accepted.
    pub log: Vec<Entry>,
    /// What was signed and may be delivered, sorted.
    pub sent: Vec<Command>,
    /// Running copies of chips: one for each chip, then clones.
    pub copies: Vec<Copy>,
    /// Whether a chip was ever rolled back.
    pub rolled_back: bool,
    /// What every replica knows; a function of the log.
    pub ledger: Ledger,
    /// What is broken; a function of the rest.
    pub broken: Broken,
}

impl Hash for State {
    fn hash<H: Hasher>(&self, to: &mut H) {
        self.log.hash(to);
        self.sent.hash(to);
        self.copies.hash(to);
        self.rolled_back.hash(to);
    }
}

/// One step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// A copy signs a write.
    Write {
        /// Which copy.
        copy: usize,
        /// Whether it closes a cycle.
        cycle: bool,
    },
    /// A copy signs its seal.
    Seal {
        /// Which copy.
        copy: usize,
        /// The migration that it was asked for.
        migration: MigrationId,
        /// Where to.
        destination: ChipId,
    },
    /// A signed command reaches the log.
    Deliver(Command),
    /// The news of an activation reaches a copy.
    Hear {
        /// Which copy.
        copy: usize,
        /// The entry that activated its chip.
        index: usize,
    },
    /// A copy reads the ledger.
    Read {
        /// Which copy.
        copy: usize,
    },
    /// A copy restarts.
    Crash {
        /// Which copy.
        copy: usize,
    },
    /// A second copy of a chip appears, with the memory of the first.
    Clone {
        /// Which copy.
        copy: usize,
    },
    /// A copy's memory is set back to its beginning; by news of activations it can come to any state that it had.
    RollBack {
        /// Which copy.
        copy: usize,
    },
}

impl World {
    /// The present design within these bounds.
    pub fn new(bounds: Bounds) -> World {
        World { rules: Rules::default(), bounds, finding: None }
    }

    /// The same with a bug planted.
    pub fn with_bug(self, bug: Bug) -> World {
        World { rules: Rules { bug: Some(bug), ..self.rules }, ..self }
    }

    /// The same without the assumption that a finding names.
    pub fn with_finding(self, finding: Finding) -> World {
        World { finding: Some(finding), ..self }
    }

    /// The same with the remedies of all findings.
    pub fn remedied(self) -> World {
        World { rules: Rules { remedied: true, ..self.rules }, ..self }
    }

    /// The chips that there are.
    pub(crate) fn chips(&self) -> impl Iterator<Item = ChipId> + use<> {
        (0..self.bounds.chips).map(ChipId)
    }
}
