//! All nodes at one moment.

use crate::guard;
use selfsame_env::sim_disk::SimDisk;
use selfsame_machine::view::ReadError;
use selfsame_node::cosign::PublishedNotes;
use selfsame_node::raft::{RaftNode, RaftStatus};
use selfsame_node::store::StateView;

/// One node that runs.
pub struct NodeView {
    /// Node id.
    pub id: u64,
    /// What it says of itself.
    pub status: RaftStatus,
    /// Its files as they are now: what a read sees and what a crash keeps.
    pub disk: SimDisk,
    /// Whether its disk fails or its data may be damaged: it may then fail to read, but not read what is wrong.
    pub shaken: bool,
    /// The checkpoints that it shows as published.
    pub published: PublishedNotes,
    pub(super) raft: RaftNode,
}

impl NodeView {
    /// A node as it is now.
    pub fn new(id: u64, raft: RaftNode, disk: SimDisk) -> Self {
        Self { id, status: raft.status(), disk, shaken: false, published: PublishedNotes::default(), raft }
    }

    /// The same, with what it shows as published.
    pub fn publishing(self, published: PublishedNotes) -> Self {
        Self { published, ..self }
    }

    /// The same, with what its disk may do.
    pub fn shaken(self, shaken: bool) -> Self {
        Self { shaken, ..self }
    }

    /// Its applied state.
    pub fn state(&self) -> Result<StateView, ReadError> {
        // A damaged database may panic. A node that panics has stopped; the reader here must not stop with it.
        guard::catch(|| self.raft.view()).unwrap_or_else(|said| Err(ReadError::Io(said)))
    }

    /// Makes its state durable: its files hold all of it after that.
    pub fn sync(&self) -> Result<(), String> {
        guard::catch(|| self.raft.sync().map_err(|error| error.to_string()))?
    }

    /// Applied index and state digest, read together from its stored state.
    pub fn applied(&self) -> Result<(u64, String), ReadError> {
        let view = self.state()?;
        Ok((view.applied_index(), view.applied().map(|applied| applied.digest.clone()).unwrap_or_default()))
    }
}

/// All nodes at one moment.
#[derive(Default)]
pub struct Snapshot {
    /// Simulated milliseconds since the beginning.
    pub at_ms: u64,
    /// Nodes that run, in order of id.
    pub nodes: Vec<NodeView>,
    /// Nodes that do not, and should.
    pub down: Vec<u64>,
    /// Nodes whose data may be damaged, running or not. They may stop, and never catch up.
    pub damaged: Vec<u64>,
}
