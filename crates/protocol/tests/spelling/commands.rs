//! Every command, proposal and submission, by chance.

use crate::chance::Chance;
use crate::records::{anchor, ledger, publisher, rules};
use selfsame_protocol::command::{
    AbortMigration, Amend, Append, Arrive, CloseCycle, CloseSession, Command, Conclude, DeclareRun, EnrolChip,
    EnrolNode, FencingToken, GiveVerdict, GoalVector, InitSubstrate, Item, OpenSession, OrganisationKey, PreparedBirth,
    Proposal, Propose, RecoverClose, ReportOutcome, RetireChip, RetireNode, RotateKey, Seal, Submission, Vote,
};
use selfsame_protocol::keys::SecretKey;
use selfsame_protocol::number::{Epoch, LogIndex, NodeId};
use selfsame_protocol::p104::{Amendment, Attestation, Outcome, Technology, Thresholds};
use selfsame_protocol::record::{BadEntry, ExecutionStatus, Finding, Output};

/// A submission of a command, with the key that it names.
pub fn submission(command: Command, c: &mut Chance) -> (Submission, SecretKey) {
    let key = SecretKey::from_seed(c.digest().as_bytes());
    (Submission::new(&c.name(), &c.name(), command.allowed_role(), key.public(), command), key)
}

/// One of each command, and one for each proposal. That none is missing is a test of its own.
pub fn commands(c: &mut Chance) -> Vec<Command> {
    let mut all = vec![
        Command::RotateKey(RotateKey { key: c.one(&OrganisationKey::ALL), new: c.key() }),
        Command::EnrolNode(EnrolNode { node: NodeId(c.counter().0), key: c.key(), cosigner: c.key() }),
        Command::RetireNode(RetireNode { node: NodeId(c.counter().0) }),
        Command::EnrolChip(EnrolChip { chip: c.key(), technology: c.one(&Technology::ALL) }),
        Command::RetireChip(RetireChip { chip: c.digest() }),
        Command::DeclareRun(DeclareRun { declaration: c.some_json(), request: c.maybe(Chance::name) }),
        Command::ReportOutcome(ReportOutcome {
            run_id: c.digest(),
            execution_id: c.name(),
            status: c.one(&ExecutionStatus::ALL),
            outputs: outputs(c),
            reproduction_of: c.maybe(Chance::name),
        }),
        Command::InitSubstrate(InitSubstrate {
            substrate_id: c.uuid(),
            founding: c.founding(),
            initialisation_timestamp: c.time(),
            schema_version: c.name(),
            parameters: c.list(|c| (c.text(), c.json())).into_iter().collect(),
            thresholds: thresholds(c),
            attestation: c.maybe(attestation),
        }),
        Command::OpenSession(OpenSession {
            substrate_id: c.uuid(),
            fence: fence(c),
            continuity_hash: c.maybe(Chance::digest),
            founding: c.maybe(Chance::founding),
            new_lineage: c.maybe(|c| PreparedBirth {
                substrate_id: c.uuid(),
                initialisation_timestamp: c.time(),
                attestation: c.maybe(attestation),
            }),
        }),
        Command::Append(Append { substrate_id: c.uuid(), fence: fence(c), items: vec![item(c), item(c)] }),
        Command::Amend(Amend { substrate_id: c.uuid(), fence: fence(c), amendment: amendment(c) }),
        Command::CloseCycle(CloseCycle {
            substrate_id: c.uuid(),
            fence: fence(c),
            cycle_id: c.name(),
            goalvector: goal(c),
            prior_identity_hash: c.digest(),
        }),
        Command::CloseSession(CloseSession { substrate_id: c.uuid(), fence: fence(c), head: c.digest() }),
        Command::RecoverClose(RecoverClose { substrate_id: c.uuid() }),
        Command::Seal(Seal {
            substrate_id: c.uuid(),
            fence: fence(c),
            migration_id: c.name(),
            destination: c.digest(),
            head: c.digest(),
            continuity_hash: c.digest(),
            evidence_ledger_depth: c.counter(),
            reasoning_ledger_depth: c.counter(),
        }),
        Command::Arrive(Arrive {
            substrate_id: c.uuid(),
            migration_id: c.name(),
            attestation: attestation(c),
            continuity_hash: c.digest(),
            head: c.digest(),
        }),
        Command::AbortMigration(AbortMigration {
            substrate_id: c.uuid(),
            migration_id: c.name(),
            attestation: attestation(c),
        }),
        Command::Vote(Vote { proposal_id: c.name(), ballot: c.digest(), approve: c.yes() }),
        Command::Conclude(Conclude { proposal_id: c.name() }),
        Command::Verdict(GiveVerdict {
            substrate_id: c.uuid(),
            verification: LogIndex(c.counter().0),
            finding: finding(c),
        }),
    ];
    all.extend(proposals(c).into_iter().map(|proposal| Command::Propose(Propose { proposal_id: c.name(), proposal })));
    all
}

/// One of each proposal.
pub fn proposals(c: &mut Chance) -> Vec<Proposal> {
    vec![
        Proposal::ForceSeal {
            substrate_id: c.uuid(),
            migration_id: c.name(),
            destination: c.digest(),
            reason: c.text(),
        },
        Proposal::RetireChip { chip: c.digest(), reason: c.text() },
        Proposal::AddOrganisation { name: c.name().parse().unwrap(), root_key: c.key(), operator_key: c.key() },
        Proposal::RemoveOrganisation { name: c.name().parse().unwrap(), reason: c.text() },
        Proposal::RotateKey {
            organisation: c.organisation(),
            key: c.one(&OrganisationKey::ALL),
            new: c.key(),
            reason: c.text(),
        },
        Proposal::ChangeRules { rules: rules(c) },
        Proposal::MovePublisher { publisher: publisher(c) },
        Proposal::Recovery { reason: c.text(), evidence: anchor(c), reasoning: anchor(c) },
    ]
}

pub fn proposal(c: &mut Chance) -> Proposal {
    let all = proposals(c);
    c.one(&all)
}

fn fence(c: &mut Chance) -> FencingToken {
    FencingToken { epoch: Epoch(c.counter().0), seq: c.counter() }
}

fn item(c: &mut Chance) -> Item {
    Item { ledger: ledger(c), data: c.json(), evidence: c.list(Chance::digest), runs: c.list(Chance::digest) }
}

pub fn goal(c: &mut Chance) -> GoalVector {
    GoalVector {
        goalvector_id: c.name(),
        outcome: c.json(),
        evidence: c.list(Chance::digest),
        runs: c.list(Chance::digest),
    }
}

pub fn amendment(c: &mut Chance) -> Amendment {
    Amendment {
        founding_tension_hash: c.digest(),
        reason: c.text(),
        set: c.list(|c| (c.text(), c.json())).into_iter().collect(),
        remove: c.list(Chance::text),
        founding: c.maybe(Chance::some_json),
    }
}

pub fn thresholds(c: &mut Chance) -> Thresholds {
    Thresholds {
        minimum_lineage_depth: c.counter(),
        drift_tolerance: c.distance(),
        verification_window_ms: c.counter(),
        migration_attestation: c.yes(),
    }
}

pub fn attestation(c: &mut Chance) -> Attestation {
    Attestation { technology: c.one(&Technology::ALL), chip: c.key(), signature: c.signature() }
}

/// A finding as it is recorded.
pub fn finding(c: &mut Chance) -> Finding {
    Finding {
        outcome: c.one(&Outcome::ALL),
        check: c.cut(200),
        at: c.maybe(|c| BadEntry { ledger: ledger(c), index: c.counter() }),
        expected: c.cut(200),
        found: c.cut(200),
        drift: c.distance(),
        lineage_depth: c.counter(),
        recomputed: c.maybe(Chance::digest),
        entries_checked: c.counter(),
    }
}

pub fn outputs(c: &mut Chance) -> Vec<Output> {
    c.list(|c| Output { media_type: c.text(), size: c.counter(), digest: c.digest() })
}
