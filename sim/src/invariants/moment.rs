//! What a property is, and what it is shown.

use super::image::Image;
use super::shadow::{Op, Shadow};
use super::snapshot::Snapshot;
use crate::history::History;
use crate::tap::Given;
use selfsame_protocol::response::SubmitResponse;
use std::collections::BTreeSet;

/// Milliseconds between two looks at all nodes.
pub const TICK_MS: u64 = 100;

/// A property that did not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{invariant}: {what}")]
pub struct Violation {
    /// The property's name.
    pub invariant: &'static str,
    /// What was seen instead, with the values.
    pub what: String,
}

/// One moment, and what happened since the one before.
pub struct Moment<'a> {
    /// All nodes.
    pub world: &'a Snapshot,
    /// Submissions that were committed since, in order.
    pub ops: &'a [Op],
    /// The run decided once more, up to these submissions.
    pub shadow: &'a Shadow,
    /// What clients were promised since.
    pub acks: &'a [SubmitResponse],
    /// Synced files of all nodes, also of those that do not run; only now and then, because reading them takes long.
    pub images: &'a [Image],
    /// Signatures over checkpoints that left nodes since, in order.
    pub given: &'a [Given],
    /// Notes that nodes handed to each other since.
    pub notes: &'a BTreeSet<String>,
    /// Everything that clients did and saw; only at the end of the run.
    pub history: Option<&'a History>,
}

/// Something that must hold at every moment.
pub trait Invariant {
    /// The property's name.
    fn name(&self) -> &'static str;
    /// Looks at one moment; what it remembers of earlier ones is its own.
    fn check(&mut self, now: &Moment) -> Result<(), String>;
}
