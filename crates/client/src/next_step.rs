//! What a program does about an error.

use crate::ClientError;
use selfsame_protocol::code::Code;

/// What a program does about an error, without reading its text.
///
/// ```text
/// Retry   ─→ the same bytes again          ChipSession::retry, or the same call where nothing was signed
/// Settle  ─→ what has no answer first      ChipSession::retry, whose answers are of earlier writes, then this write
/// Resume  ─→ the cluster's state, then     ChipSession::resume, then a new write that fits what it says
///            another write
/// GiveUp  ─→ nothing more for this write   the text names the rule; somebody must act
/// ```
///
/// The client has retried for as long as its timeouts say before it gives an error. Whoever retries again bounds that: an
/// endpoint that is gone, or of another version, stays so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextStep {
    /// Whether the request was taken is not known, or it was not taken and may be later. The same bytes are safe to send
    /// again: the cluster decides a submission once, and gives its first answer to every repeat.
    Retry,
    /// Nothing was sent, for an earlier write of the session has no answer. Send that again until it has one; the answer is
    /// that write's, and this one is still to be made.
    Settle,
    /// The write was refused, nothing of it was kept, and the same bytes will be refused again: the session does not know
    /// what the cluster knows. Take the cluster's state, look at who holds the substrate and where the session stands, and
    /// sign anew.
    Resume,
    /// Neither helps. A refusal names its rule and both values; other errors say what to change.
    GiveUp,
}

impl ClientError {
    /// What a program does about it.
    ///
    /// | error | next step |
    /// |---|---|
    /// | a refusal with a [retryable](Code::retryable) code, `Unreachable`, `InvalidAnswer` | [`NextStep::Retry`] |
    /// | `Unanswered` | [`NextStep::Settle`] |
    /// | `STALE_EPOCH`, `STALE_SEQUENCE`, `CHIP_INVALIDATED`, `STATE_MISMATCH`, `SESSION_NOT_OPEN`, `SESSION_ALREADY_OPEN`, `VERIFICATION_PENDING` | [`NextStep::Resume`] |
    /// | every other refusal, `NeverClosed`, `InvalidEndpoint`, `NoRuntime` | [`NextStep::GiveUp`] |
    ///
    /// The step is about writes of a substrate. Where nothing was signed, as with a read, `Retry` is to call again.
    pub fn next_step(&self) -> NextStep {
        match self {
            ClientError::Refused(refusal) => after(refusal.code),
            ClientError::Unreachable { .. } | ClientError::InvalidAnswer { .. } => NextStep::Retry,
            ClientError::Unanswered { .. } => NextStep::Settle,
            ClientError::NeverClosed | ClientError::InvalidEndpoint { .. } | ClientError::NoRuntime => NextStep::GiveUp,
        }
    }
}

/// What follows from a refusal.
fn after(code: Code) -> NextStep {
    match code {
        // No quorum, no leader, too much to do, not cosigned yet.
        Code::Quarantined
        | Code::NoLeader
        | Code::OutcomeUnknown
        | Code::NotCosigned
        | Code::Overloaded
        | Code::ShuttingDown => NextStep::Retry,
        // Somebody else wrote, the cluster was recovered, or the session is not where the chip believes it to be.
        Code::StaleEpoch
        | Code::StaleSequence
        | Code::ChipInvalidated
        | Code::StateMismatch
        | Code::SessionNotOpen
        | Code::SessionAlreadyOpen
        | Code::VerificationPending => NextStep::Resume,
        // The bytes break a rule, or the signer may not.
        Code::Malformed
        | Code::LimitExceeded
        | Code::BadSignature
        | Code::WrongCluster
        | Code::RequestIdReused
        | Code::UnknownKey
        | Code::RoleDenied
        | Code::KeyEnded
        | Code::OrganisationRemoved
        | Code::DeclarationInvalid
        | Code::FoundingInvalid
        | Code::AttestationInvalid
        | Code::AmendmentInvalid
        | Code::AmendmentsQueued
        | Code::WrongFoundingTension
        | Code::FoundingTensionProtected
        | Code::RulesInvalid => NextStep::GiveUp,
        // What is named is not there, or the name is taken.
        Code::UnknownOrganisation
        | Code::KeyExists
        | Code::NodeIdReused
        | Code::UnknownNode
        | Code::UnknownChip
        | Code::RunNotDeclared
        | Code::DanglingReference
        | Code::UnknownSubstrate
        | Code::IdentityConflict
        | Code::VerificationUnknown
        | Code::CycleIdReused
        | Code::MigrationIdReused
        | Code::UnknownProposal
        | Code::ProposalIdReused
        | Code::OrganisationExists
        | Code::NotFound => NextStep::GiveUp,
        // This chip does not write for this substrate, now or ever. After a seal its next activation is another session's.
        Code::ChipNotActive
        | Code::ChipRetired
        | Code::Sealed
        | Code::Suppressed
        | Code::LineageEnded
        | Code::MigrationState
        | Code::WrongDestination
        | Code::NotVerified
        | Code::IdentityIncomplete
        | Code::RegulatedClaimDenied => NextStep::GiveUp,
        // Organisations decide, not a retry.
        Code::OrganisationQuorum
        | Code::ProposalClosed
        | Code::LastOrganisation
        | Code::AlreadyVoted
        | Code::BallotExpired
        | Code::BallotEarly
        | Code::RecoveryGap => NextStep::GiveUp,
        // The other nodes were asked already: a disk is to be looked at.
        Code::Corrupt => NextStep::GiveUp,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_protocol::code::Refusal;
    use selfsame_protocol::digest::Digest;

    #[test]
    fn a_refusal_is_retried_exactly_when_its_code_says_so() {
        for code in Code::ALL.iter().copied() {
            let step = ClientError::Refused(Refusal::new(code, "a rule", "this", "that")).next_step();
            assert_eq!(step == NextStep::Retry, code.retryable(), "{code}");
        }
    }

    #[test]
    fn a_session_is_resumed_after_what_its_table_says_and_nothing_else() {
        let resumed: Vec<&str> =
            Code::ALL.iter().filter(|code| after(**code) == NextStep::Resume).map(|code| code.as_str()).collect();
        let expected = [
            "CHIP_INVALIDATED",
            "STALE_EPOCH",
            "STALE_SEQUENCE",
            "SESSION_NOT_OPEN",
            "SESSION_ALREADY_OPEN",
            "VERIFICATION_PENDING",
            "STATE_MISMATCH",
        ];
        assert_eq!(resumed, expected);
    }

    #[test]
    fn an_answer_that_was_not_had_or_not_read_is_asked_for_again() {
        let (endpoint, reason) = (String::from("a:1"), String::from("gone"));
        let submission = Digest::of(b"a write");
        for (error, step) in [
            (ClientError::Unreachable { endpoint: endpoint.clone(), reason: reason.clone() }, NextStep::Retry),
            (ClientError::InvalidAnswer { endpoint: endpoint.clone(), reason: reason.clone() }, NextStep::Retry),
            (ClientError::Unanswered { submission }, NextStep::Settle),
            (ClientError::NeverClosed, NextStep::GiveUp),
            (ClientError::InvalidEndpoint { endpoint, reason }, NextStep::GiveUp),
            (ClientError::NoRuntime, NextStep::GiveUp),
        ] {
            assert_eq!(error.next_step(), step, "{error}");
        }
    }
}
