//! Submissions: what an author signs, and every command.
//!
//! The author key stands inside the signed payload. Which role and key may issue which command is
//! [`Command::allowed_role`] plus replicated state; nothing else.

mod governance;
mod migration;
pub mod proposal;
mod run;
mod substrate;

pub use governance::{Conclude, EnrolChip, EnrolNode, Propose, RetireChip, RetireNode, RotateKey, Vote};
pub use migration::{AbortMigration, Arrive, Seal};
pub use proposal::{OrganisationKey, Proposal};
pub use run::{DeclareRun, ReportOutcome};
pub use substrate::{
    Amend, Append, CloseCycle, CloseSession, FencingToken, GiveVerdict, GoalVector, InitSubstrate, Item, OpenSession,
    PreparedBirth, RecoverClose,
};

use crate::code::{Code, Refusal};
use crate::digest::MAX_BITS;
use crate::keys::{PublicKey, check_keys};
use crate::names::is_name;
use serde::{Deserialize, Serialize};

/// The type string of every submission payload.
pub const SUBMISSION_TYPE: &str = "selfsame/submission/v1";

/// Limits on submissions; part of the consensus identity, equal on every node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemLimits {
    /// Bytes of one envelope.
    pub max_submission_bytes: usize,
    /// Items of one append.
    pub max_items: usize,
    /// Bytes of one item's canonical JSON; a leaf adds at most 2 KiB.
    pub max_item_bytes: usize,
}

impl ItemLimits {
    /// No limits: for a reader of what a cluster accepted under its own.
    pub const NONE: ItemLimits =
        ItemLimits { max_submission_bytes: usize::MAX, max_items: usize::MAX, max_item_bytes: usize::MAX };
}

impl Default for ItemLimits {
    fn default() -> Self {
        Self { max_submission_bytes: 4 << 20, max_items: 1_000, max_item_bytes: 60_000 }
    }
}

crate::named! {
    /// In whose name an author acts.
    pub enum Role: "a role" {
        /// An organisation's root key: keys, nodes, chips, ballots.
        Root = "root",
        /// An organisation's operator key: runs, recovery.
        Operator = "operator",
        /// A node: verdicts.
        Node = "node",
        /// A governance chip: its substrates.
        Chip = "chip",
    }
}

impl Role {
    /// With its article, for a sentence: `an operator`.
    pub const fn a(self) -> &'static str {
        match self {
            Role::Root => "a root",
            Role::Operator => "an operator",
            Role::Node => "a node",
            Role::Chip => "a chip",
        }
    }
}

/// Who signs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Author {
    /// Role claimed.
    pub role: Role,
    /// The signing key; its registration decides the organisation.
    pub key: PublicKey,
}

/// The signed payload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Submission {
    /// [`SUBMISSION_TYPE`].
    #[serde(rename = "type")]
    pub kind: String,
    /// Cluster id: a submission cannot be replayed elsewhere.
    pub cluster: String,
    /// The author's name of this request, unique per key: a retry gets the first answer.
    pub request_id: String,
    /// Who signs.
    pub author: Author,
    /// The command.
    pub command: Command,
}

crate::tagged! { "kind",
/// Every command. The tag is `kind`.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Root: replace one of the own organisation's keys, effective from this entry on.
    RotateKey(RotateKey),
    /// Root: register a node of the own organisation. Node ids are never reused.
    EnrolNode(EnrolNode),
    /// Root: remove a node of the own organisation; its id is a tombstone for ever.
    RetireNode(RetireNode),
    /// Root: register a chip of the own organisation.
    EnrolChip(EnrolChip),
    /// Root: retire a chip of the own organisation for good.
    RetireChip(RetireChip),
    /// Operator: declare a run before it executes, and attest its identity.
    DeclareRun(DeclareRun),
    /// Operator: report an execution of a declared run.
    ReportOutcome(ReportOutcome),
    /// Chip: a substrate is born. The founding tension hash is computed by the cluster.
    InitSubstrate(InitSubstrate),
    /// Chip: ask for the verification that opens a session.
    OpenSession(OpenSession),
    /// Chip: append evidence and reasoning.
    Append(Append),
    /// Chip: queue an amendment; it is enacted when the cycle closes.
    Amend(Amend),
    /// Chip: close a goal vector resolution cycle.
    CloseCycle(CloseCycle),
    /// Chip: close the session.
    CloseSession(CloseSession),
    /// Operator: close an abandoned session of the own organisation's substrate.
    RecoverClose(RecoverClose),
    /// Chip: seal the substrate for a migration.
    Seal(Seal),
    /// Destination chip: having verified the bundle, become active. One entry activates it at the next epoch,
    /// invalidates the origin's activation and appends the migration cycle.
    Arrive(Arrive),
    /// Origin chip: abandon a migration before arrival, and continue at a new epoch.
    AbortMigration(AbortMigration),
    /// Root: open a ballot; the proposer approves it.
    Propose(Propose),
    /// Root: vote on a ballot.
    Vote(Vote),
    /// Root: close a ballot that only time kept open. It is no vote.
    Conclude(Conclude),
    /// Node: what it found on its own disk.
    Verdict(GiveVerdict),
}
}

impl Command {
    /// The role that may issue this command.
    pub const fn allowed_role(&self) -> Role {
        match self {
            Command::RotateKey(_)
            | Command::EnrolNode(_)
            | Command::RetireNode(_)
            | Command::EnrolChip(_)
            | Command::RetireChip(_)
            | Command::Propose(_)
            | Command::Vote(_)
            | Command::Conclude(_) => Role::Root,
            Command::DeclareRun(_) | Command::ReportOutcome(_) | Command::RecoverClose(_) => Role::Operator,
            Command::InitSubstrate(_)
            | Command::OpenSession(_)
            | Command::Append(_)
            | Command::Amend(_)
            | Command::CloseCycle(_)
            | Command::CloseSession(_)
            | Command::Seal(_)
            | Command::Arrive(_)
            | Command::AbortMigration(_) => Role::Chip,
            Command::Verdict(_) => Role::Node,
        }
    }
}

impl Submission {
    /// A submission of `command`.
    pub fn new(cluster: &str, request_id: &str, role: Role, key: PublicKey, command: Command) -> Self {
        Self {
            kind: SUBMISSION_TYPE.into(),
            cluster: cluster.into(),
            request_id: request_id.into(),
            author: Author { role, key },
            command,
        }
    }

    /// Checks the limits and names that need no state.
    pub fn check(&self, limits: &ItemLimits) -> Result<(), Refusal> {
        if self.kind != SUBMISSION_TYPE {
            return Err(Refusal::new(Code::Malformed, "the payload is of another type", SUBMISSION_TYPE, &self.kind));
        }
        let name = |what: &str, text: &str| {
            if is_name(text) {
                Ok(())
            } else {
                let sentence = format!("{what} is no name");
                Err(Refusal::new(Code::Malformed, &sentence, "1 to 128 of A-Z a-z 0-9 . _ : / -", text))
            }
        };
        name("cluster", &self.cluster)?;
        name("request_id", &self.request_id)?;
        if self.author.role != self.command.allowed_role() {
            let (needed, found) = (self.command.allowed_role(), self.author.role);
            let sentence = format!("this needs {} key; it was signed as {} key", needed.a(), found.a());
            return Err(Refusal::new(Code::RoleDenied, &sentence, needed, found));
        }
        match &self.command {
            Command::Append(Append { items, .. }) => {
                if !(1..=limits.max_items).contains(&items.len()) {
                    return Err(Refusal::new(
                        Code::LimitExceeded,
                        "the append has no items, or too many: send them in several",
                        format!("1 to {}", limits.max_items),
                        items.len(),
                    ));
                }
                Ok(())
            }
            Command::InitSubstrate(InitSubstrate { schema_version, thresholds, .. }) => {
                name("schema_version", schema_version)?;
                match thresholds.drift_tolerance {
                    0..=MAX_BITS => Ok(()),
                    found => {
                        let sentence = "the drift tolerance is beyond its range";
                        Err(Refusal::new(Code::LimitExceeded, sentence, format!("0 to {MAX_BITS} bits"), found))
                    }
                }
            }
            Command::DeclareRun(DeclareRun { request, .. }) => {
                request.as_deref().map_or(Ok(()), |r| name("request", r))
            }
            Command::ReportOutcome(ReportOutcome { execution_id, outputs, reproduction_of, .. }) => {
                name("execution_id", execution_id)?;
                reproduction_of.as_deref().map_or(Ok(()), |original| name("reproduction_of", original))?;
                if outputs.len() > limits.max_items {
                    return Err(Refusal::new(
                        Code::LimitExceeded,
                        "the execution has too many outputs: report them as several, or one that lists them",
                        format!("at most {}", limits.max_items),
                        outputs.len(),
                    ));
                }
                Ok(())
            }
            Command::CloseCycle(CloseCycle { cycle_id, goalvector, .. }) => {
                name("cycle_id", cycle_id)?;
                name("goalvector_id", &goalvector.goalvector_id)
            }
            Command::Seal(Seal { migration_id, .. })
            | Command::Arrive(Arrive { migration_id, .. })
            | Command::AbortMigration(AbortMigration { migration_id, .. }) => name("migration_id", migration_id),
            Command::Propose(Propose { proposal_id, proposal }) => {
                name("proposal_id", proposal_id)?;
                proposal.check()
            }
            Command::Vote(Vote { proposal_id, .. }) | Command::Conclude(Conclude { proposal_id }) => {
                name("proposal_id", proposal_id)
            }
            Command::RotateKey(RotateKey { new, .. }) => check_keys(&[*new]),
            Command::EnrolNode(EnrolNode { key, cosigner, .. }) => check_keys(&[*key, *cosigner]),
            Command::EnrolChip(EnrolChip { chip, .. }) => check_keys(&[*chip]),
            Command::RetireNode(_)
            | Command::RetireChip(_)
            | Command::OpenSession(_)
            | Command::Amend(_)
            | Command::CloseSession(_)
            | Command::RecoverClose(_)
            | Command::Verdict(_) => Ok(()),
        }
    }
}
