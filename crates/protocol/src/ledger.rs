//! The two ledgers of a cluster.

crate::named! {
    /// One of the two cluster-wide ledgers.
    pub enum Ledger: "a ledger" {
        /// What was observed.
        Evidence = "evidence",
        /// What was decided: identity records live here.
        Reasoning = "reasoning",
    }
}

impl Ledger {
    /// Both ledgers, Evidence first.
    pub const BOTH: [Ledger; 2] = Ledger::ALL;
    /// 0 for Evidence, 1 for Reasoning.
    pub const fn slot(self) -> usize {
        match self {
            Ledger::Evidence => 0,
            Ledger::Reasoning => 1,
        }
    }
}
