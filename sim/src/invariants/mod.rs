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
mod moment;
pub mod shadow;
mod snapshot;
#[cfg(test)]
pub mod story;

pub use moment::{Invariant, Moment, TICK_MS, Violation};
pub use snapshot::{NodeView, Snapshot};

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
