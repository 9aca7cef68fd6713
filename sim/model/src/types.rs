//! What commands, entries and attestations say, reduced to small numbers.
//!
//! Hashes are symbols. A head is the index of the log entry that made it; a nonce is the index of the seal that it was
//! made from. Two symbols are equal exactly when the hashes would be, which is what a hash without collisions gives.

use std::fmt;

/// Index of an entry of the log; the birth has index 0.
pub type Index = u8;
/// Index of the entry that moved the head of the identity chain.
pub type Head = Index;
/// Epoch of an activation; the birth has epoch 1.
pub type Epoch = u8;
/// Id of a migration.
pub type MigrationId = u8;

/// A chip, known by its key. Copies of a chip share it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChipId(pub u8);

impl fmt::Debug for ChipId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", char::from(b'A' + self.0))
    }
}

/// The right to write: one chip in one epoch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tenure {
    /// Who holds it.
    pub chip: ChipId,
    /// In which epoch.
    pub epoch: Epoch,
}

impl fmt::Debug for Tenure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({:?}, epoch {})", self.chip, self.epoch)
    }
}

/// What a chip's attestation proves to be fresh.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Nonce {
    /// Issued by the log: a function of the migration, the index of its seal and the head.
    Log(Index),
    /// Chosen by a node, so that no replica can recompute it.
    Node,
}

/// Claims that a chip signs before it is activated.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Attestation {
    /// The chip that attests itself.
    pub chip: ChipId,
    /// The migration.
    pub migration: MigrationId,
    /// The epoch that will begin.
    pub epoch: Epoch,
    /// The head that it verified up to.
    pub head: Head,
    /// What proves that it is fresh.
    pub nonce: Nonce,
    /// Length of the log when it was signed. No ledger can see this; the audit does.
    pub signed_at: Index,
}

/// What is sent to the log.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Command {
    /// A record of the substrate, signed by its chip.
    Write {
        /// The tenure that it claims.
        by: Tenure,
        /// Its sequence number in the tenure.
        seq: u8,
        /// The head that it continues.
        prev: Head,
        /// Whether it closes a cycle, so that the head moves.
        cycle: bool,
        /// Two writes with different content are different writes.
        content: u8,
    },
    /// The origin stops itself, for one migration to one destination.
    Seal {
        /// The tenure that ends.
        by: Tenure,
        /// Its sequence number in the tenure.
        seq: u8,
        /// The head that it states.
        head: Head,
        /// The migration.
        migration: MigrationId,
        /// Where to.
        destination: ChipId,
    },
    /// The organisations stop a chip by ballot.
    ForceSeal {
        /// The migration.
        migration: MigrationId,
        /// Where to.
        destination: ChipId,
        /// Approvals that the ballot has.
        votes: u8,
    },
    /// A destination asks to be activated.
    Arrive {
        /// The migration.
        migration: MigrationId,
        /// The head that it restates.
        head: Head,
        /// Its attestation; the command is signed by the same chip.
        attestation: Attestation,
    },
    /// An origin asks to be activated again.
    Abort {
        /// The migration.
        migration: MigrationId,
        /// Its attestation; the command is signed by the same chip.
        attestation: Attestation,
    },
    /// The second half of the published order of activation. The protocol has no such command.
    Invalidate,
}

/// How an activation came about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Cause {
    /// The destination arrived.
    Arrival,
    /// The origin came back.
    Abort,
}

/// What the log holds: accepted commands with their effects, as an outsider can read them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Entry {
    /// The substrate begins; its chip is active in epoch 1.
    Birth {
        /// The first chip.
        chip: ChipId,
    },
    /// An accepted write.
    Write {
        /// The tenure that it claims.
        by: Tenure,
        /// Its sequence number.
        seq: u8,
        /// The head that it continues.
        prev: Head,
        /// Whether the head moves here.
        cycle: bool,
        /// Its content.
        content: u8,
    },
    /// A chip's tenure ends.
    Seal {
        /// The tenure that ends.
        of: Tenure,
        /// Sequence number of the chip's command, or none for a ballot.
        seq: Option<u8>,
        /// The head that it states.
        head: Head,
        /// The migration.
        migration: MigrationId,
        /// Where to.
        destination: ChipId,
        /// Approvals of the ballot, or none when the chip signed.
        votes: Option<u8>,
    },
    /// A chip becomes active.
    Activate {
        /// The tenure that begins.
        tenure: Tenure,
        /// How it came about.
        cause: Cause,
        /// The migration.
        migration: MigrationId,
        /// What the chip attested.
        attestation: Attestation,
        /// The tenure that this entry invalidates.
        invalidates: Option<Tenure>,
    },
    /// A tenure is invalidated by an entry of its own. The protocol has no such entry.
    Invalidate {
        /// The tenure.
        tenure: Tenure,
    },
}
