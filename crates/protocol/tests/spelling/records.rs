//! Every kind of record, by chance.

use crate::chance::Chance;
use crate::commands::{amendment, attestation, finding, goal, outputs, proposal, thresholds};
use selfsame_protocol::code::Code;
use selfsame_protocol::command::OrganisationKey;
use selfsame_protocol::constitution::{ClusterConstitution, Publisher, Rules, Share};
use selfsame_protocol::entry::Entry;
use selfsame_protocol::governance::GovernanceAction;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::number::{Epoch, LogIndex, NodeId};
use selfsame_protocol::p104::{Constitution, Outcome, Technology};
use selfsame_protocol::record::{
    BallotEnd, ClaimLevel, Completeness, ConstitutionChange, Content, ContinuityEvent, CountedVerdict, CycleKind,
    EvidenceAnchor, ExecutionStatus, IdentityPropagation, IdentityVerification, OrganisationRun, QuorumCause, Record,
    RecordKind, Resolved, RunOutcome, SessionClose, SubstrateIdentity, SuppressionReason,
};
use selfsame_protocol::run::{Element, ElementDigests};
use selfsame_protocol::subject::{Subject, SubjectKind};

/// An entry of a kind, in the chain and ledger where it stands.
pub fn entry(kind: RecordKind, c: &mut Chance) -> Entry {
    let subject = match kind.subject() {
        SubjectKind::Cluster => Subject::Cluster,
        SubjectKind::Substrate => Subject::Substrate(c.uuid()),
        SubjectKind::Run => Subject::Run(c.digest()),
        SubjectKind::Organisation => Subject::Organisation(c.organisation()),
    };
    Entry {
        index: c.counter(),
        ledger: c.one(kind.ledgers()),
        subject,
        depth: c.counter(),
        prior_entry_hash: c.maybe(Chance::digest),
        time: c.time(),
        submission: c.digest(),
        record: record(kind, c),
    }
}

/// A record of a kind. A new kind has no arm here: the test does not compile without one.
fn record(kind: RecordKind, c: &mut Chance) -> Record {
    match kind {
        RecordKind::Evidence => Record::Evidence(content(c)),
        RecordKind::Reasoning => Record::Reasoning(content(c)),
        RecordKind::RunDeclaration => {
            Record::RunDeclaration { run_id: c.digest(), elements: elements(c), declaration: c.some_json() }
        }
        RecordKind::RunAttestation => Record::RunAttestation {
            run_id: c.digest(),
            organisation: c.organisation(),
            request: c.maybe(Chance::name),
        },
        RecordKind::RunDisagreement => Record::RunDisagreement {
            request: c.name(),
            first: OrganisationRun { organisation: c.organisation(), run_id: c.digest() },
            second: OrganisationRun { organisation: c.organisation(), run_id: c.digest() },
            elements: c.list(|c| c.one(&Element::ALL)),
        },
        RecordKind::RunOutcome => Record::RunOutcome(RunOutcome {
            run_id: c.digest(),
            execution_id: c.name(),
            status: c.one(&ExecutionStatus::ALL),
            outputs: outputs(c),
            reproduction_of: c.maybe(Chance::name),
            organisation: c.organisation(),
        }),
        RecordKind::SubstrateIdentity => Record::SubstrateIdentity(Box::new(SubstrateIdentity {
            substrate_id: c.uuid(),
            founding_tension_hash: c.digest(),
            initialisation_timestamp: c.time(),
            governance_chip_attestation_hash: c.maybe(Chance::digest),
            schema_version_at_init: c.name(),
            substrate_identity_hash: c.digest(),
            completeness: c.one(&Completeness::ALL),
            founding: c.founding(),
            organisation: c.organisation(),
            attestation: c.maybe(attestation),
            chip: c.key(),
            constitution: constitution(c),
            evidence_ledger: anchor(c),
        })),
        RecordKind::IdentityPropagation => Record::IdentityPropagation(Box::new(cycle(c))),
        RecordKind::SessionClose => Record::SessionClose(SessionClose {
            session: c.counter(),
            latest_cycle_identity_hash: c.digest(),
            evidence_ledger_depth: c.counter(),
            reasoning_ledger_depth: c.counter(),
            session_close_timestamp: c.time(),
            schema_version: c.name(),
            cross_session_identity_continuity_hash: c.digest(),
            evidence_head: c.maybe(Chance::digest),
            reasoning_head: c.maybe(Chance::digest),
            recovered: c.yes(),
            evidence_ledger: anchor(c),
        }),
        RecordKind::IdentityVerification => Record::IdentityVerification(Box::new(IdentityVerification {
            session: c.counter(),
            outcome: c.one(&Outcome::ALL),
            detail: c.cut(200),
            retrieved: c.maybe(Chance::digest),
            recomputed: c.maybe(Chance::digest),
            presented: c.maybe(Chance::digest),
            drift: c.distance(),
            lineage_depth: c.counter(),
            evidence_ledger_depth: c.counter(),
            thresholds: thresholds(c),
            verdicts: c.list(|c| CountedVerdict {
                node: NodeId(c.counter().0),
                organisation: c.organisation(),
                finding: finding(c),
            }),
            continuing_from: c.maybe(Chance::time),
            notice: c.maybe(Chance::text),
            claim_level: c.one(&ClaimLevel::ALL),
            continuity_events: c.list(|c| c.one(&ContinuityEvent::ALL)),
        })),
        RecordKind::TamperingDetection => {
            Record::TamperingDetection { session: c.counter(), finding: finding(c), head: c.digest() }
        }
        RecordKind::Suppression => Record::Suppression { reason: c.one(&SuppressionReason::ALL) },
        RecordKind::NewIdentityLineage => Record::NewIdentityLineage {
            prior_substrate_id: c.uuid(),
            prior_head: c.digest(),
            prior_founding_tension_hash: c.digest(),
            drift: c.distance(),
            tolerance: c.distance(),
            new_substrate_id: c.uuid(),
        },
        RecordKind::Amendment => Record::Amendment {
            amendment_hash: c.digest(),
            prior_amendment: c.maybe(Chance::digest),
            amendment: amendment(c),
        },
        RecordKind::AmendmentRefusal => Record::AmendmentRefusal {
            code: c.one(&Code::ALL),
            rule: c.text(),
            amendment: amendment(c),
            drift: c.distance(),
        },
        RecordKind::MigrationSeal => Record::MigrationSeal {
            migration_id: c.name(),
            origin: c.digest(),
            destination: c.digest(),
            epoch: Epoch(c.counter().0),
            head: c.digest(),
            continuity_hash: c.digest(),
            evidence_ledger_depth: c.counter(),
            reasoning_ledger_depth: c.counter(),
            nonce: c.digest(),
            seal_index: LogIndex(c.counter().0),
            ballot: c.maybe(Chance::name),
            evidence_ledger: anchor(c),
        },
        RecordKind::MigrationIdentityAttestation => arrival(c),
        RecordKind::MigrationAbort => Record::MigrationAbort {
            migration_id: c.name(),
            chip: c.digest(),
            epoch: Epoch(c.counter().0),
            attestation: attestation(c),
            attestation_hash: c.digest(),
        },
        RecordKind::WriteRefusal => {
            Record::WriteRefusal { code: c.one(&Code::ALL), rule: c.text(), expected: c.cut(300), found: c.cut(300) }
        }
        RecordKind::DuplicateRefused => {
            Record::DuplicateRefused { substrate_id: c.uuid(), chip: c.digest(), code: c.one(&Code::ALL) }
        }
        RecordKind::NodeQuarantine => Record::NodeQuarantine {
            node: NodeId(c.counter().0),
            organisation: c.organisation(),
            finding: finding(c),
            substrate_id: c.uuid(),
        },
        RecordKind::Governance => {
            let all = actions(c);
            Record::Governance { action: c.one(&all) }
        }
        RecordKind::BallotDecided => Record::BallotDecided {
            proposal_id: c.name(),
            proposal: proposal(c),
            approvals: c.list(Chance::organisation),
            rejections: c.list(Chance::organisation),
            threshold: c.counter(),
            constitutional_state_hash: c.digest(),
        },
        RecordKind::BallotClosed => Record::BallotClosed {
            proposal_id: c.name(),
            result: c.one(&BallotEnd::ALL),
            approvals: c.list(Chance::organisation),
            rejections: c.list(Chance::organisation),
            threshold: c.counter(),
            constitutional_state_hash: c.digest(),
        },
        RecordKind::ConstitutionChanged => Record::ConstitutionChanged(Box::new(ConstitutionChange {
            proposal_id: c.name(),
            before: cluster(c),
            before_hash: c.digest(),
            after: cluster(c),
            after_hash: c.digest(),
            voided: c.list(Chance::name),
        })),
        RecordKind::Recovery => Record::Recovery {
            proposal_id: c.name(),
            recovery_count: c.counter(),
            reason: c.text(),
            evidence: anchor(c),
            reasoning: anchor(c),
        },
        RecordKind::HolderRecovery => Record::HolderRecovery {
            recovery_count: c.counter(),
            chip: c.digest(),
            ended: Epoch(c.counter().0),
            epoch: Epoch(c.counter().0),
        },
        RecordKind::OrganisationQuorumWarning => Record::OrganisationQuorumWarning {
            organisation: c.organisation(),
            held: c.counter(),
            total: c.counter(),
            cause: c.one(&QuorumCause::ALL),
        },
    }
}

/// One of each governance action.
pub fn actions(c: &mut Chance) -> Vec<GovernanceAction> {
    vec![
        GovernanceAction::RotateKey {
            key: c.one(&OrganisationKey::ALL),
            old: c.key(),
            new: c.key(),
            proposal_id: c.maybe(Chance::name),
        },
        GovernanceAction::EnrolNode { node: NodeId(c.counter().0), key: c.key(), cosigner: c.key() },
        GovernanceAction::RetireNode { node: NodeId(c.counter().0) },
        GovernanceAction::EnrolChip { chip: c.digest(), key: c.key(), technology: c.one(&Technology::ALL) },
        GovernanceAction::RetireChip { chip: c.digest(), proposal_id: c.maybe(Chance::name) },
        GovernanceAction::Propose { proposal_id: c.name(), proposal: proposal(c) },
        GovernanceAction::Vote { proposal_id: c.name(), ballot: c.digest(), approve: c.yes() },
        GovernanceAction::Conclude { proposal_id: c.name() },
        GovernanceAction::AddOrganisation {
            organisation: c.organisation(),
            root_key: c.key(),
            operator_key: c.key(),
            proposal_id: c.name(),
        },
        GovernanceAction::RemoveOrganisation {
            organisation: c.organisation(),
            nodes: c.list(|c| NodeId(c.counter().0)),
            keys_ended: c.counter(),
            proposal_id: c.name(),
        },
    ]
}

fn content(c: &mut Chance) -> Content {
    Content { data: c.json(), evidence: c.list(Chance::digest), runs: c.list(Chance::digest) }
}

fn elements(c: &mut Chance) -> ElementDigests {
    ElementDigests {
        model: c.digest(),
        prompt: c.digest(),
        parameters: c.digest(),
        context: c.digest(),
        constraints: c.digest(),
    }
}

pub fn anchor(c: &mut Chance) -> EvidenceAnchor {
    EvidenceAnchor { size: c.counter(), root: c.digest() }
}

fn constitution(c: &mut Chance) -> Constitution {
    Constitution {
        founding_tension_hash: c.digest(),
        schema_version: c.name(),
        parameters: c.list(|c| (c.text(), c.json())).into_iter().collect(),
        thresholds: thresholds(c),
        amendment_head: c.maybe(Chance::digest),
        amendments: c.counter(),
        chip: c.maybe(Chance::digest),
        recovery_count: c.maybe(Chance::counter).unwrap_or_default(),
    }
}

fn cluster(c: &mut Chance) -> ClusterConstitution {
    ClusterConstitution {
        revision: c.counter(),
        organisations: c.list(Chance::organisation),
        rules: rules(c),
        publisher: c.maybe(publisher),
        recovery_count: c.counter(),
    }
}

pub fn publisher(c: &mut Chance) -> Publisher {
    Publisher { organisation: c.organisation(), log_key: c.key() }
}

pub fn rules(c: &mut Chance) -> Rules {
    let shares = [Share::TWO_THIRDS, Share::new(1, 2).unwrap(), Share::new(999, 1_000).unwrap()];
    Rules {
        ordinary: c.one(&shares),
        constitutional: c.one(&shares),
        cosigning: c.one(&shares),
        vetoes: c.list(Chance::organisation),
        ballot_entries: c.counter(),
        ballot_ms: c.counter(),
        objection_ms: c.counter(),
    }
}

fn arrival(c: &mut Chance) -> Record {
    Record::MigrationIdentityAttestation {
        migration_id: c.name(),
        origin: c.digest(),
        destination: c.digest(),
        origin_attestation_hash: c.maybe(Chance::digest),
        destination_attestation_hash: c.digest(),
        attestation: attestation(c),
        continuity_hash: c.digest(),
        nonce: c.digest(),
        epoch: Epoch(c.counter().0),
    }
}

fn cycle(c: &mut Chance) -> IdentityPropagation {
    let kind = c.one(&CycleKind::ALL);
    let goalvector = match kind {
        CycleKind::Resolution => Resolved::GoalVector(goal(c)),
        CycleKind::Migration => Resolved::Migration(Box::new(arrival(c))),
    };
    IdentityPropagation {
        cycle_id: if c.yes() { format!("migration/{}", c.name()) } else { c.name() },
        sequence: c.counter(),
        founding_tension_hash: c.digest(),
        prior_identity_hash: c.digest(),
        goalvector_resolution_hash: goalvector.hash(),
        goalvector,
        constitutional_state_hash: c.digest(),
        constitution: constitution(c),
        reasoning_ledger_depth: c.counter(),
        cycle_timestamp: c.time(),
        amendments: c.list(Chance::digest),
        cycle_kind: kind,
        origin_attestation_hash: c.maybe(Chance::digest),
        destination_attestation_hash: c.maybe(Chance::digest),
        cycle_identity_hash: c.digest(),
        evidence_ledger: anchor(c),
    }
}

/// A ledger, for what needs one.
pub fn ledger(c: &mut Chance) -> Ledger {
    c.one(&Ledger::ALL)
}
