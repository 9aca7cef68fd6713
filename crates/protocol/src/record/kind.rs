//! The kinds of records, and where each of them may stand.

use super::Record;
use crate::ledger::Ledger;
use crate::subject::{Subject, SubjectKind};

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal: $subject:ident, $($ledger:ident)*;)*) => {
        crate::named! {
            /// The kind of a record: the value of its `record_type`.
            pub enum RecordKind: "a kind of record" {
                $($(#[$doc])* $kind = $name,)*
            }
        }
        impl RecordKind {
            /// The kind of the subjects in whose chains it stands.
            pub const fn subject(self) -> SubjectKind {
                match self { $(Self::$kind => SubjectKind::$subject,)* }
            }
            /// The ledgers in which it stands.
            pub const fn ledgers(self) -> &'static [Ledger] {
                match self { $(Self::$kind => &[$(Ledger::$ledger),*],)* }
            }
        }
        impl Record {
            /// Its kind.
            pub const fn kind(&self) -> RecordKind {
                match self { $(Record::$kind { .. } => RecordKind::$kind,)* }
            }
        }
    };
}

kinds! {
    /// An observation.
    Evidence = "evidence": Substrate, Evidence;
    /// A step of reasoning.
    Reasoning = "reasoning": Substrate, Reasoning;
    /// A run was declared.
    RunDeclaration = "run_declaration": Run, Evidence;
    /// An organisation attests a run.
    RunAttestation = "run_attestation": Run, Evidence;
    /// Two organisations disagree.
    RunDisagreement = "run_disagreement": Run, Evidence;
    /// An execution.
    RunOutcome = "run_outcome": Run, Evidence;
    /// Birth.
    SubstrateIdentity = "substrate_identity": Substrate, Reasoning;
    /// Cycle.
    IdentityPropagation = "identity_propagation": Substrate, Reasoning;
    /// Close.
    SessionClose = "session_close": Substrate, Evidence Reasoning;
    /// Outcome of a verification.
    IdentityVerification = "identity_verification": Substrate, Reasoning;
    /// HASH_MISMATCH.
    TamperingDetection = "tampering_detection": Substrate, Reasoning;
    /// The end after HASH_MISMATCH.
    Suppression = "suppression": Substrate, Reasoning;
    /// The end after DRIFT_EXCEEDED.
    NewIdentityLineage = "new_identity_lineage": Substrate, Reasoning;
    /// An enacted amendment.
    Amendment = "amendment": Substrate, Reasoning;
    /// A refused one.
    AmendmentRefusal = "amendment_refusal": Substrate, Reasoning;
    /// Seal.
    MigrationSeal = "migration_seal": Substrate, Reasoning;
    /// Arrival.
    MigrationIdentityAttestation = "migration_identity_attestation": Substrate, Reasoning;
    /// Abort.
    MigrationAbort = "migration_abort": Substrate, Reasoning;
    /// A refused write.
    WriteRefusal = "write_refusal": Substrate, Reasoning;
    /// A refused duplicate.
    DuplicateRefused = "duplicate_refused": Organisation, Reasoning;
    /// A node out of service.
    NodeQuarantine = "node_quarantine": Cluster, Reasoning;
    /// A change of keys, nodes, chips or members.
    Governance = "governance": Organisation, Reasoning;
    /// A carried ballot.
    BallotDecided = "ballot_decided": Cluster, Reasoning;
    /// Another end of a ballot.
    BallotClosed = "ballot_closed": Cluster, Reasoning;
    /// A change of the constitution.
    ConstitutionChanged = "constitution_changed": Cluster, Reasoning;
    /// A recovery of the cluster.
    Recovery = "recovery": Cluster, Reasoning;
    /// A new epoch after it.
    HolderRecovery = "holder_recovery": Substrate, Reasoning;
    /// An organisation holds a quorum.
    OrganisationQuorumWarning = "organisation_quorum_warning": Cluster, Reasoning;
}

impl RecordKind {
    /// Whether it may stand in this ledger, in the chain of this subject.
    pub fn stands_in(self, ledger: Ledger, subject: &Subject) -> bool {
        self.ledgers().contains(&ledger) && subject.kind() == self.subject()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;

    #[test]
    fn a_record_stands_in_its_chain_and_ledger_alone() {
        let subject = |kind| match kind {
            SubjectKind::Cluster => Subject::Cluster,
            SubjectKind::Substrate => Subject::Substrate("00000000-0000-4000-8000-000000000001".parse().unwrap()),
            SubjectKind::Run => Subject::Run(Digest::of(b"")),
            SubjectKind::Organisation => Subject::Organisation("a".parse().unwrap()),
        };
        for kind in RecordKind::ALL {
            for place in SubjectKind::ALL {
                for ledger in Ledger::ALL {
                    let stands = kind.stands_in(ledger, &subject(place));
                    assert_eq!(stands, place == kind.subject() && kind.ledgers().contains(&ledger), "{kind}");
                }
            }
            // Only the close of a session stands in both ledgers.
            assert_eq!(kind.ledgers().len(), if kind == RecordKind::SessionClose { 2 } else { 1 }, "{kind}");
        }
    }
}
