//! A chip that writes for one substrate: its place, and what it signs.
//!
//! ```text
//! sign → unanswered → accepted: the number is used, what the answer says is known from now on
//!                   → refused:  the number is free, and so are those of the writes signed behind it
//!                   → no answer: the same bytes again, or the state of the cluster
//! ```

mod send;
#[cfg(test)]
mod tests;

use crate::{Migration, Signer, Substrate};
use selfsame_protocol::command::{
    AbortMigration, Amend, Append, Arrive, CloseCycle, CloseSession, Command, FencingToken, GoalVector, InitSubstrate,
    Item, OpenSession, PreparedBirth, Seal,
};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::envelope::Envelope;
use selfsame_protocol::names::SubstrateId;
use selfsame_protocol::number::Epoch;
use selfsame_protocol::p104::{self, Amendment, Attestation, Claims, Thresholds};
use selfsame_protocol::response::{CommandResult, SubmitResponse};
use selfsame_protocol::time::{Timestamp, U64};
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};

/// A chip that writes for one substrate.
///
/// Every write of a chip names its activation (the epoch) and the next sequence number of it; the cluster takes exactly
/// that one. A session counts them: each `sign_…` method takes the next number, and a number is given again only when the
/// cluster refused the write that had it. What was signed is kept until it is answered, so that a retry sends the same
/// bytes.
///
/// The methods without a client sign, and do nothing else: the caller sends the envelope, and tells the answer with
/// [`accepted`](Self::accepted) or [`refused`](Self::refused). The methods that take a [`Client`](crate::Client) do both.
/// Nothing here reads a clock or takes a random number: the same calls give the same bytes.
#[derive(Clone, Debug)]
pub struct ChipSession {
    signer: Signer,
    substrate_id: SubstrateId,
    epoch: Epoch,
    /// Number of the last write that was signed, or that the cluster accepted before.
    seq: u64,
    head: Option<Digest>,
    continuity_hash: Option<Digest>,
    request_id: Option<String>,
    /// Start of the names of requests, and how many were given.
    names: Option<(String, u64)>,
    /// Writes that were refused: what is signed after that has another name.
    refusals: u64,
    unanswered: VecDeque<Unanswered>,
}

/// A write that was signed and is not answered.
#[derive(Clone, Debug)]
struct Unanswered {
    /// Its number; none for a birth and the end of a migration, which have no token.
    seq: Option<u64>,
    envelope: Envelope,
    opens: bool,
}

/// The birth of a substrate.
#[derive(Clone, Debug)]
pub struct Birth {
    /// The founding incompatibility: objects `branch_a` and `branch_b`.
    pub founding: Value,
    /// Time of birth.
    pub time: Timestamp,
    /// Governance parameters at birth.
    pub parameters: BTreeMap<String, Value>,
    /// Calibration.
    pub thresholds: Thresholds,
    /// Whether the chip attests it. Without that there is no regulated claim and no migration.
    pub attested: bool,
}

impl Birth {
    /// An attested birth with the default calibration and without parameters.
    pub fn new(founding: Value, time: Timestamp) -> Birth {
        Birth { founding, time, parameters: BTreeMap::new(), thresholds: Thresholds::default(), attested: true }
    }

    /// The command that brings a substrate into being, with the chip's claims about it.
    pub fn command(self, substrate_id: &SubstrateId, chip: &Signer) -> Command {
        let Birth { founding, time, parameters, thresholds, attested } = self;
        let claims = Claims::Birth {
            substrate_id: substrate_id.clone(),
            founding_tension_hash: p104::founding_tension_hash(&selfsame_protocol::canon::to_canonical(&founding)),
            initialisation_timestamp: time,
            schema_version_at_init: p104::SCHEMA_VERSION.into(),
        };
        Command::InitSubstrate(InitSubstrate {
            substrate_id: substrate_id.clone(),
            founding,
            initialisation_timestamp: time,
            schema_version: p104::SCHEMA_VERSION.into(),
            parameters,
            thresholds,
            attestation: attested.then(|| Attestation::software(&claims, &chip.key)),
        })
    }
}

/// What an open presents.
#[derive(Clone, Debug, Default)]
pub struct Opening {
    /// The continuity hash that the chip kept from the last close. It shows something only when the chip kept it itself:
    /// one that was read from the cluster agrees with the cluster.
    pub continuity_hash: Option<Digest>,
    /// The founding document that the running substrate holds; the recorded one when absent.
    pub founding: Option<Value>,
    /// Birth to use if the drift is exceeded.
    pub new_lineage: Option<PreparedBirth>,
}

/// Where a seal leads, and what it states.
#[derive(Clone, Debug)]
pub struct Sealing {
    /// Name of the migration, unique in the substrate.
    pub migration_id: String,
    /// Destination chip id.
    pub destination: Digest,
    /// The substrate's entries in the Evidence ledger.
    pub evidence_depth: u64,
    /// The substrate's entries in the Reasoning ledger.
    pub reasoning_depth: u64,
}

/// What a chip claims that becomes active at the end of a migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activation {
    /// Name of the migration.
    pub migration_id: String,
    /// Nonce that the seal was answered with.
    pub nonce: Digest,
    /// Epoch that begins.
    pub epoch: Epoch,
    /// Continuity hash of the last close.
    pub continuity_hash: Digest,
    /// Latest cycle identity hash at the seal.
    pub head: Digest,
}

impl Activation {
    /// That of a migration under way, at the epoch that begins: the next after the present one of the holder. It is not
    /// always the next after the seal's, for a recovery of the cluster may have come between.
    pub fn of(migration: &Migration, epoch: Epoch) -> Self {
        Activation {
            migration_id: migration.migration_id.clone(),
            nonce: migration.nonce,
            epoch,
            continuity_hash: migration.continuity_hash,
            head: migration.head,
        }
    }
}

impl ChipSession {
    /// A chip that knows nothing of the substrate yet: before its birth, or before a migration makes the chip active.
    pub fn new(signer: Signer, substrate_id: SubstrateId) -> ChipSession {
        ChipSession {
            signer,
            substrate_id,
            epoch: Epoch(1),
            seq: 0,
            head: None,
            continuity_hash: None,
            request_id: None,
            names: None,
            refusals: 0,
            unanswered: VecDeque::new(),
        }
    }

    /// A chip that goes on with what the cluster knows: after a restart, or after somebody else wrote. The continuity hash
    /// is the cluster's then: a program that kept its own presents it with [`open_with`](Self::open_with).
    pub fn resumed(signer: Signer, state: &Substrate) -> ChipSession {
        let mut session = ChipSession::new(signer, state.substrate_id.clone());
        session.adopt(state);
        session
    }

    /// Takes what the cluster knows for what this chip knows. Writes without an answer are forgotten.
    pub(crate) fn adopt(&mut self, state: &Substrate) {
        (self.epoch, self.seq) = (state.holder.epoch, state.holder.seq.0);
        self.head = Some(state.head);
        self.continuity_hash = state.last_close.as_ref().map(|close| close.cross_session_identity_continuity_hash);
        self.unanswered.clear();
    }

    /// The chip that signs.
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// UUID of the substrate.
    pub fn substrate_id(&self) -> &SubstrateId {
        &self.substrate_id
    }

    /// Epoch of the activation, from 1.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Number of the last write that was signed; of the last that was accepted when nothing is unanswered. 0 before the
    /// first of an epoch.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The token that the next write will name.
    pub fn next_token(&self) -> FencingToken {
        FencingToken { epoch: self.epoch, seq: U64(self.seq.saturating_add(1)) }
    }

    /// Latest cycle identity hash that the chip holds; none before the birth is accepted.
    pub fn head(&self) -> Option<Digest> {
        self.head
    }

    /// Continuity hash of the last close that the chip holds: the next open presents it.
    pub fn continuity_hash(&self) -> Option<Digest> {
        self.continuity_hash
    }

    /// What was signed and is not answered, in order. A retry sends these bytes.
    pub fn unanswered(&self) -> impl Iterator<Item = &Envelope> {
        self.unanswered.iter().map(|one| &one.envelope)
    }

    /// Names every request `<start>/<number>`, so that each that is signed is another one. A program that shares its chip
    /// key with others needs this, with a start that no other has (16 random bytes as hex, for example): by default a
    /// write is named after its content, its token included, and two programs that sign the same write at one number send
    /// one request, which is done once and answered to both. No earlier run of the program may have had the start either:
    /// the numbers begin anew, and a name that was used is refused with REQUEST_ID_REUSED. The start is a name of at most
    /// 100 bytes of `A-Z a-z 0-9 . _ : / -`.
    pub fn set_names(&mut self, start: impl Into<String>) {
        self.names = Some((start.into(), 0));
    }

    /// Names the request of the next write. By default a write is named after its content, its token included: another
    /// write has another name, and the same one is a retry.
    pub fn set_request_id(&mut self, id: impl Into<String>) {
        self.request_id = Some(id.into());
    }

    fn keep(&mut self, seq: Option<u64>, opens: bool, command: Command) -> Envelope {
        let envelope = match (self.request_id.take(), &mut self.names) {
            (Some(id), _) => self.signer.sign(&id, command),
            (None, Some((start, number))) => {
                *number += 1;
                self.signer.sign(&format!("{start}/{number}"), command)
            }
            // The first answer to a request is kept where it is a recorded refusal: what is asked for anew has another name.
            (None, None) if self.refusals > 0 => {
                let id = format!("{}/{}", Signer::content_id(&command), self.refusals);
                self.signer.sign(&id, command)
            }
            (None, None) => self.signer.sign_content(command),
        };
        self.unanswered.push_back(Unanswered { seq, envelope: envelope.clone(), opens });
        envelope
    }

    fn write(&mut self, opens: bool, command: impl FnOnce(SubstrateId, FencingToken) -> Command) -> Envelope {
        let token = self.next_token();
        self.seq = token.seq.0;
        self.keep(Some(self.seq), opens, command(self.substrate_id.clone(), token))
    }

    /// The head that a write states. Before the birth there is none, and the cluster refuses whatever stands here.
    fn stated_head(&self) -> Digest {
        self.head.unwrap_or_else(|| Digest::of(b""))
    }

    /// Signs the birth, with the chip's claims about it.
    pub fn sign_birth(&mut self, birth: Birth) -> Envelope {
        let command = birth.command(&self.substrate_id, &self.signer);
        self.keep(None, false, command)
    }

    /// Signs an open that presents the continuity hash that the chip holds.
    pub fn sign_open(&mut self) -> Envelope {
        self.sign_opening(Opening { continuity_hash: self.continuity_hash, ..Opening::default() })
    }

    /// Signs an open that presents this.
    pub fn sign_opening(&mut self, opening: Opening) -> Envelope {
        let Opening { continuity_hash, founding, new_lineage } = opening;
        self.write(true, |substrate_id, fence| {
            Command::OpenSession(OpenSession { substrate_id, fence, continuity_hash, founding, new_lineage })
        })
    }

    /// Signs an append of 1 to 1,000 items.
    pub fn sign_append(&mut self, items: Vec<Item>) -> Envelope {
        self.write(false, |substrate_id, fence| Command::Append(Append { substrate_id, fence, items }))
    }

    /// Signs an amendment; it is enacted when the cycle closes.
    pub fn sign_amend(&mut self, amendment: Amendment) -> Envelope {
        self.write(false, |substrate_id, fence| Command::Amend(Amend { substrate_id, fence, amendment }))
    }

    /// Signs the close of a cycle. Its name is unique in the substrate.
    pub fn sign_close_cycle(&mut self, cycle_id: impl Into<String>, goalvector: GoalVector) -> Envelope {
        let (cycle_id, prior_identity_hash) = (cycle_id.into(), self.stated_head());
        self.write(false, |substrate_id, fence| {
            Command::CloseCycle(CloseCycle { substrate_id, fence, cycle_id, goalvector, prior_identity_hash })
        })
    }

    /// Signs the close of the session.
    pub fn sign_close(&mut self) -> Envelope {
        let head = self.stated_head();
        self.write(false, |substrate_id, fence| Command::CloseSession(CloseSession { substrate_id, fence, head }))
    }

    /// Signs the seal for a migration. None before a session of the substrate was closed: only what was verified migrates.
    pub fn sign_seal(&mut self, sealing: Sealing) -> Option<Envelope> {
        let Sealing { migration_id, destination, evidence_depth, reasoning_depth } = sealing;
        let (head, continuity_hash) = (self.stated_head(), self.continuity_hash?);
        Some(self.write(false, |substrate_id, fence| {
            Command::Seal(Seal {
                substrate_id,
                fence,
                migration_id,
                destination,
                head,
                continuity_hash,
                evidence_ledger_depth: U64(evidence_depth),
                reasoning_ledger_depth: U64(reasoning_depth),
            })
        }))
    }

    fn attest(&self, activation: &Activation) -> Attestation {
        let claims = Claims::Activation {
            cluster: self.signer.cluster.clone(),
            substrate_id: self.substrate_id.clone(),
            migration_id: activation.migration_id.clone(),
            nonce: activation.nonce,
            epoch: activation.epoch,
            continuity_hash: activation.continuity_hash,
            head: activation.head,
        };
        Attestation::software(&claims, &self.signer.key)
    }

    /// Signs the arrival of a migration at this chip, which has verified the substrate's bundle. Accepted, it makes the
    /// chip active.
    pub fn sign_arrive(&mut self, activation: &Activation) -> Envelope {
        let command = Command::Arrive(Arrive {
            substrate_id: self.substrate_id.clone(),
            migration_id: activation.migration_id.clone(),
            attestation: self.attest(activation),
            continuity_hash: activation.continuity_hash,
            head: activation.head,
        });
        (self.head, self.continuity_hash) = (Some(activation.head), Some(activation.continuity_hash));
        self.keep(None, false, command)
    }

    /// Signs the end of a migration at its origin, this chip. Accepted, it makes the chip active again.
    pub fn sign_abort(&mut self, activation: &Activation) -> Envelope {
        let command = Command::AbortMigration(AbortMigration {
            substrate_id: self.substrate_id.clone(),
            migration_id: activation.migration_id.clone(),
            attestation: self.attest(activation),
        });
        (self.head, self.continuity_hash) = (Some(activation.head), Some(activation.continuity_hash));
        self.keep(None, false, command)
    }

    /// Takes the answer to a write. The numbers up to it are used for good. An answer to something else changes nothing.
    pub fn accepted(&mut self, response: &SubmitResponse) {
        let place = self.unanswered.iter().position(|one| one.envelope.digest() == response.submission);
        let Some(place) = place else { return };
        self.unanswered.drain(..=place);
        match &response.result {
            CommandResult::SubstrateBorn(born) => {
                (self.epoch, self.seq) = (born.epoch, 0);
                (self.head, self.continuity_hash) = (Some(born.substrate_identity_hash), None);
            }
            CommandResult::CycleClosed(closed) => self.head = Some(closed.cycle_identity_hash),
            CommandResult::SessionClosed(closed) => self.continuity_hash = Some(closed.continuity_hash),
            CommandResult::MigrationArrived(arrived) => {
                (self.epoch, self.seq, self.head) = (arrived.epoch, 0, Some(arrived.cycle_identity_hash));
            }
            CommandResult::MigrationAborted(aborted) => (self.epoch, self.seq) = (aborted.epoch, 0),
            CommandResult::SessionRecovered(_)
            | CommandResult::GovernanceChanged(_)
            | CommandResult::BallotCounted(_)
            | CommandResult::BallotExpired(_)
            | CommandResult::RunDeclared(_)
            | CommandResult::ExecutionReported(_)
            | CommandResult::ItemsAppended(_)
            | CommandResult::AmendmentQueued(_)
            | CommandResult::SessionRequested(_)
            | CommandResult::VerdictCounted(_)
            | CommandResult::MigrationSealed(_) => {}
        }
    }

    /// Takes the refusal of a write, when the code is not [retryable](selfsame_protocol::code::Code::retryable). The
    /// cluster kept nothing of it: its number is free again, and the writes behind it, which can no longer be taken, are
    /// forgotten with it. After STALE_SEQUENCE, STALE_EPOCH or CHIP_INVALIDATED somebody else wrote: resume from the
    /// cluster's state.
    pub fn refused(&mut self, envelope: &Envelope) {
        let place = self.unanswered.iter().position(|one| one.envelope == *envelope);
        let Some(place) = place else { return };
        self.refusals += 1;
        let first = self.unanswered.drain(place..).find_map(|one| one.seq);
        if let Some(first) = first {
            self.seq = first - 1;
        }
    }
}
