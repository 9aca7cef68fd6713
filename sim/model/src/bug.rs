//! Design bugs that can be planted, and the property that catches each.

use crate::property::Property::{self, Ballot, I1, I2, I3, I4, I5, I6, I7, I8, I9, I10, I11, I13};
use std::fmt;

macro_rules! bugs {
    ($($(#[doc = $doc:literal])* $variant:ident $name:literal [$($property:ident),+];)+) => {
        /// A design bug. Each is one rule left out or turned round.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Bug { $($(#[doc = $doc])* $variant,)+ }

        impl Bug {
            /// Every bug.
            pub const ALL: &[Bug] = &[$(Bug::$variant),+];

            /// Its name on the command line.
            pub fn name(self) -> &'static str {
                match self { $(Bug::$variant => $name),+ }
            }

            /// What it does, in one line.
            pub fn about(self) -> &'static str {
                match self { $(Bug::$variant => concat!($($doc),*).trim_ascii()),+ }
            }

            /// The properties of which a counterexample must be found, the one that it is named for first.
            pub fn caught_by(self) -> &'static [Property] {
                match self { $(Bug::$variant => &[$($property),+]),+ }
            }
        }
    };
}

bugs! {
    /// An abort re-activates the origin in the epoch that ended.
    EpochReuse "epoch_reuse" [I1, I5, I6];
    /// A retried arrival activates a second time.
    DoubleActivate "double_activate" [I1, I5];
    /// Applying a write does not look at chip, epoch, sequence number or seal.
    NoFence "no_fence" [I2, I3, I11];
    /// The published order: the destination is activated, and a later entry invalidates the origin.
    ActivateBeforeInvalidate "activate_before_invalidate" [I10, I2];
    /// The fence compares the chip and not the epoch, so that a delayed write comes alive when its chip is active again.
    FenceByChipIdOnly "fence_by_chip_id_only" [I3, I2];
    /// A cycle is accepted whatever head it continues.
    NoPrevCheck "no_prev_check" [I4];
    /// Sequence numbers are not checked, so that a retry or a clone writes twice in one place.
    NoSeqCheck "no_seq_check" [I11, I3];
    /// The fence does not look at the seal.
    AcceptWhileSealed "accept_while_sealed" [I7, I2];
    /// The attested epoch is not compared.
    NoEpochOnReady "no_epoch_on_ready" [I8];
    /// The new epoch is the one that the chip states.
    EpochFromNode "epoch_from_node" [I5];
    /// The attested head is not compared.
    NoHeadOnReady "no_head_on_ready" [I8];
    /// The attested migration is not compared.
    NoMigrationOnReady "no_migration_on_ready" [I8];
    /// Any chip may arrive.
    AnyDest "any_dest" [I8];
    /// The nonce comes from a node instead of the log, so that no replica can check it.
    NonceNotBound "nonce_not_bound" [I8];
    /// A chip remembers its seal only until it restarts.
    ChipForgetsSeal "chip_forgets_seal" [I9];
    /// A chip signs its seal and goes on.
    SourceKeepsRunning "source_keeps_running_after_seal" [I9];
    /// A chip arrives although nobody sealed.
    ArriveWithoutSeal "arrive_without_seal" [I10, I8];
    /// One organisation's vote seals a chip.
    ForceSealByOneVote "force_seal_by_one_vote" [Ballot];
    /// A chip that becomes active again loses its entries in the set of invalidated activations.
    InvalidatedForgotten "invalidated_forgotten" [I6];
    /// A sealed substrate waits for its destination for ever.
    NoAbort "no_abort" [I13];
}

impl Bug {
    /// The bug of this name.
    pub fn named(name: &str) -> Option<Bug> {
        Bug::ALL.iter().copied().find(|bug| bug.name() == name)
    }
}

impl fmt::Display for Bug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
