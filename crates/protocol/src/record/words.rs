//! The enumerations of the records: closed lists of names.

crate::named! {
    /// Whether a birth was attested.
    pub enum Completeness: "a completeness" {
        /// It was.
        Complete = "complete",
        /// It was not (P104 `[0025]`): no migration, and no regulated statement.
        Incomplete = "incomplete",
    }
}

crate::named! {
    /// What a cycle resolves.
    pub enum CycleKind: "a kind of cycle" {
        /// A goal vector.
        Resolution = "resolution",
        /// The arrival of a migration.
        Migration = "migration",
    }
}

crate::named! {
    /// How much a verified identity supports.
    pub enum ClaimLevel: "a claim level" {
        /// VERIFIED, with an attested birth.
        Full = "full",
        /// Anything less.
        Reduced = "reduced",
    }
}

crate::named! {
    /// What happened to a substrate since the verification before (P104 figure 3).
    pub enum ContinuityEvent: "a continuity event" {
        /// A cycle enacted amendments.
        Amendment = "AMENDMENT",
        /// A chip was activated, by arrival or by abort.
        Migration = "MIGRATION",
    }
}

crate::named! {
    /// Why a substrate is suppressed.
    pub enum SuppressionReason: "a reason of a suppression" {
        /// Its verification had this outcome.
        HashMismatch = "HASH_MISMATCH",
    }
}

crate::named! {
    /// How an execution of a run ended.
    pub enum ExecutionStatus: "a status of an execution" {
        /// With what was asked for.
        Succeeded = "succeeded",
        /// Without it.
        Failed = "failed",
        /// It was stopped.
        Cancelled = "cancelled",
    }
}

crate::named! {
    /// By which change an organisation came to hold a quorum of the nodes in service.
    pub enum QuorumCause: "a cause of a quorum" {
        /// A node of another one was quarantined.
        NodeQuarantine = "node_quarantine",
        /// A second one joined a cluster of one.
        AddOrganisation = "add_organisation",
    }
}

crate::named! {
    /// What became of a ballot.
    pub enum BallotResult: "a result of a ballot" {
        /// It was carried, and done.
        Carried = "carried",
        /// It could no longer be carried.
        Rejected = "rejected",
        /// Its time was over.
        Expired = "expired",
        /// The constitution under which it was opened is no longer in force.
        Void = "void",
    }
}

impl From<BallotEnd> for BallotResult {
    fn from(end: BallotEnd) -> Self {
        match end {
            BallotEnd::Rejected => BallotResult::Rejected,
            BallotEnd::Expired => BallotResult::Expired,
            BallotEnd::Void => BallotResult::Void,
        }
    }
}

crate::named! {
    /// How a ballot ends that was not carried.
    pub enum BallotEnd: "an end of a ballot" {
        /// By a veto, or by so many votes against that its number can no longer be reached.
        Rejected = "rejected",
        /// Its time was over.
        Expired = "expired",
        /// The constitution under which it was opened is no longer in force.
        Void = "void",
    }
}
