//! What the design does not withstand today, and the remedy.
//!
//! The model's base case is the protocol as `selfsame_machine` applies it, under assumptions that are stated here. Each
//! finding drops one assumption and breaks a property. With the remedies of all findings in the rules the properties hold
//! again.

use crate::property::Property;
use std::fmt;

/// An assumption that the design needs and does not state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Finding {
    /// Origin and destination are both lost after the seal.
    BothChipsLost,
    /// The index of a seal is known before the seal stands in the log.
    PredictableNonce,
    /// An origin that a ballot sealed aborts the migration by itself.
    OriginUndoesBallot,
}

impl Finding {
    /// Every finding.
    pub const ALL: &[Finding] = &[Finding::BothChipsLost, Finding::PredictableNonce, Finding::OriginUndoesBallot];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Finding::BothChipsLost => "both_chips_lost",
            Finding::PredictableNonce => "predictable_nonce",
            Finding::OriginUndoesBallot => "origin_undoes_ballot",
        }
    }

    /// What happens, in one line.
    pub fn about(self) -> &'static str {
        match self {
            Finding::BothChipsLost => {
                "origin and destination are lost after the seal: nobody can arrive or abort, and a ballot is refused because the substrate is sealed"
            }
            Finding::PredictableNonce => {
                "who guesses the index of the seal can have the destination attest before the seal, so the nonce does not prove a fresh attestation"
            }
            Finding::OriginUndoesBallot => {
                "a chip that the organisations sealed by ballot aborts the migration by itself and is active again"
            }
        }
    }

    /// What repairs it.
    pub fn remedy(self) -> &'static str {
        match self {
            Finding::BothChipsLost => {
                "a ballot may seal a sealed substrate again, for another migration and destination"
            }
            Finding::PredictableNonce => {
                "the nonce also covers what nobody knows before the seal, such as the log's digest before it"
            }
            Finding::OriginUndoesBallot => "a migration that a ballot began is ended by arrival or by another ballot",
        }
    }

    /// The property that it breaks.
    pub fn breaks(self) -> Property {
        match self {
            Finding::BothChipsLost => Property::I13,
            Finding::PredictableNonce => Property::I8,
            Finding::OriginUndoesBallot => Property::Ballot,
        }
    }

    /// The finding of this name.
    pub fn named(name: &str) -> Option<Finding> {
        Finding::ALL.iter().copied().find(|finding| finding.name() == name)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
