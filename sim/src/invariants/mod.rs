//! What must hold at every moment, whatever is broken. One file per property; a new one is an [`Invariant`] and one line
//! in [`all`].
//!
//! Names begin with the property's id. Most properties judge [`shadow::Op`]s: what each committed submission did. They
//! remember what they have seen, so that a look costs what is new and not what there is.

mod g01_election_safety;
mod g02_log_matching;
mod g03_leader_completeness;
mod g04_committed_stays;
mod g05_monotone;
mod g08_order;
mod g09_acknowledged;
mod g10_state_digest;
mod g11_replay;
mod g12_linearizable;
mod g13_exactly_once;
mod g14_receipts;
pub mod g15_checkpoints;
pub mod g16_served;
mod g17_both_ledgers;
pub mod g20_cosigned;
mod i01_one_activation;
mod i02_sealed_tenure;
mod i03_fence;
mod i04_chain;
mod i05_epochs;
mod i06_invalidated;
mod i07_sealed_head;
mod i08_attested;
pub mod i09_belief;
mod i10_invalidate_first;
mod i11_clone;
mod i12_suppressed;
pub mod image;
pub mod linear;
pub mod shadow;
#[cfg(test)]
pub mod story;

use crate::oracle::History;
use crate::tap::Given;
use image::Image;
use selfsame::cosign::Current;
use selfsame::env::sim_disk::SimDisk;
use selfsame::raft::{RaftNode, RaftStatus};
use selfsame::store::StateView;
use selfsame_machine::view::ReadError;
use selfsame_protocol::response::SubmitResponse;
use shadow::{Op, Shadow};
use std::collections::BTreeSet;

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
    /// Whether its disk fails or its data may be damaged: it may then fail to read, but not read what is wrong.
    pub shaken: bool,
    /// The checkpoints that it shows as published.
    pub published: Current,
    raft: RaftNode,
}

impl NodeView {
    /// A node as it is now.
    pub fn new(id: u64, raft: RaftNode, disk: SimDisk) -> Self {
        Self { id, status: raft.status(), disk, shaken: false, published: Current::default(), raft }
    }

    /// The same, with what it shows as published.
    pub fn publishing(self, published: Current) -> Self {
        Self { published, ..self }
    }

    /// The same, with what its disk may do.
    pub fn shaken(self, shaken: bool) -> Self {
        Self { shaken, ..self }
    }

    /// Its applied state.
    pub fn state(&self) -> Result<StateView, ReadError> {
        // A damaged database may panic; a node that does so has stopped, and here the reader must not stop with it.
        crate::guard::catch(|| self.raft.view()).unwrap_or_else(|said| Err(ReadError::Io(said)))
    }

    /// Makes its state durable: its files hold all of it after that.
    pub fn sync(&self) -> Result<(), String> {
        crate::guard::catch(|| self.raft.sync().map_err(|error| error.to_string()))?
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

/// Every property.
pub fn all() -> Vec<Box<dyn Invariant>> {
    vec![
        Box::<i01_one_activation::OneActivation>::default(),
        Box::<i02_sealed_tenure::SealedTenure>::default(),
        Box::<i03_fence::FenceHolds>::default(),
        Box::<i04_chain::ChainContinuity>::default(),
        Box::<i05_epochs::Epochs>::default(),
        Box::<i06_invalidated::NeverInvalidated>::default(),
        Box::<i07_sealed_head::SealedHead>::default(),
        Box::<i08_attested::Attested>::default(),
        Box::<i10_invalidate_first::InvalidateFirst>::default(),
        Box::<i11_clone::OneOfAClone>::default(),
        Box::<i12_suppressed::Suppressed>::default(),
        Box::<g01_election_safety::ElectionSafety>::default(),
        Box::<g02_log_matching::LogMatching>::default(),
        Box::<g03_leader_completeness::LeaderCompleteness>::default(),
        Box::<g04_committed_stays::CommittedStays>::default(),
        Box::<g05_monotone::Monotone>::default(),
        Box::<g08_order::Order>::default(),
        Box::<g09_acknowledged::Acknowledged>::default(),
        Box::<g10_state_digest::StateDigest>::default(),
        Box::<g11_replay::Replayed>::default(),
        Box::<g12_linearizable::Linearizable>::default(),
        Box::<g13_exactly_once::ExactlyOnce>::default(),
        Box::<g14_receipts::Receipts>::default(),
        Box::<g15_checkpoints::Checkpoints>::default(),
        Box::<g17_both_ledgers::BothLedgers>::default(),
        Box::<g20_cosigned::Cosigned>::default(),
    ]
}
