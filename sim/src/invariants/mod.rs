//! What must hold at every moment, whatever is broken. One file per property; a new one is an [`Invariant`] and one line
//! in [`all`].

mod election_safety;
mod state_digest;
mod terms;

use selfsame::env::sim_disk::SimDisk;
use selfsame::raft::{RaftNode, RaftStatus};
use selfsame::store::StateView;
use selfsame_machine::view::ReadError;

/// A property that did not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{invariant}: {what}")]
pub struct Violation {
    /// The property's name.
    pub invariant: &'static str,
    /// What was seen instead, with the values.
    pub what: String,
}

/// One node that runs.
pub struct NodeView {
    /// Node id.
    pub id: u64,
    /// What it says of itself.
    pub status: RaftStatus,
    /// Its files as they are now: what a read sees and what a crash keeps.
    pub disk: SimDisk,
    raft: RaftNode,
}

impl NodeView {
    /// A node as it is now.
    pub fn new(id: u64, raft: RaftNode, disk: SimDisk) -> Self {
        Self { id, status: raft.status(), disk, raft }
    }

    /// Its applied state.
    pub fn state(&self) -> Result<StateView, ReadError> {
        self.raft.view()
    }

    /// Applied index and state digest, read together from its stored state.
    pub fn applied(&self) -> Result<(u64, String), ReadError> {
        let view = self.state()?;
        Ok((view.applied_index(), view.applied().map(|applied| applied.digest.clone()).unwrap_or_default()))
    }
}

/// All nodes at one moment.
pub struct Snapshot {
    /// Simulated milliseconds since the beginning.
    pub at_ms: u64,
    /// Nodes that run, in order of id.
    pub nodes: Vec<NodeView>,
    /// Nodes that do not.
    pub down: Vec<u64>,
}

/// Something that must hold at every tick.
pub trait Invariant {
    /// The property's name.
    fn name(&self) -> &'static str;
    /// Looks at one moment; what it remembers of earlier ones is its own.
    fn check(&mut self, world: &Snapshot) -> Result<(), String>;
}

/// Every property.
pub fn all() -> Vec<Box<dyn Invariant>> {
    vec![
        Box::<election_safety::ElectionSafety>::default(),
        Box::<state_digest::StateDigest>::default(),
        Box::<terms::Terms>::default(),
    ]
}
