//! What the cluster keeps about each thing, and the keys under which it stands.

use crate::view::{Overlay, ReadError, Table, View};
use selfsame_protocol::command::{PreparedBirth, Proposal, Role};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::keys::PublicKey;
use selfsame_protocol::ledger::{Ledger, PerLedger};
use selfsame_protocol::named;
use selfsame_protocol::names::{OrganisationName, SubstrateId};
use selfsame_protocol::number::{Epoch, LogIndex, NodeId};
use selfsame_protocol::p104::{Amendment, Constitution, Outcome, Technology};
use selfsame_protocol::record::{ContinuityEvent, CountedVerdict, SessionClose};
use selfsame_protocol::run::ElementDigests;
use selfsame_protocol::subject::Subject;
use selfsame_protocol::time::{Timestamp, U64};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::collections::BTreeMap;

/// [`Table::Meta`] key of the genesis.
pub const META_GENESIS: &[u8] = b"genesis";
/// [`Table::Meta`] key of the clock, u64be milliseconds.
pub const META_CLOCK: &[u8] = b"clock";
/// [`Table::Meta`] key of the state digest, 32 bytes.
pub const META_DIGEST: &[u8] = b"digest";
/// [`Table::Meta`] key of the constitution of the cluster, JSON.
pub(crate) const META_CONSTITUTION: &[u8] = b"constitution";
/// [`Table::Meta`] key of the open ballots, JSON: proposal id → organisation that proposed.
pub(crate) const META_BALLOTS: &[u8] = b"ballots";
/// [`Table::Meta`] key of the number of recoveries, u64be; absent before the first. It repeats what the constitution
/// says, because every write of a chip reads it.
pub(crate) const META_RECOVERIES: &[u8] = b"recoveries";
/// [`Table::Meta`] key of the log keys of publishers of before, JSON: no key is used again. Absent before the first.
pub(crate) const META_LOG_KEYS: &[u8] = b"log_keys";

/// A member organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organisation {
    /// Name.
    pub name: OrganisationName,
    /// Root key in force.
    pub root_key: PublicKey,
    /// Operator key in force.
    pub operator_key: PublicKey,
    /// Log index at which its membership ended. The row stays: a name belongs to one organisation for ever.
    pub removed: Option<LogIndex>,
}

/// What a key may do. Registrations are never removed: old signatures are judged by the index they were made at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// Role.
    pub role: Role,
    /// Organisation.
    pub organisation: OrganisationName,
    /// Node id, for node keys.
    pub node: Option<NodeId>,
    /// Log index from which it is valid.
    pub since: LogIndex,
    /// Log index from which it is no longer valid.
    pub until: Option<LogIndex>,
}

/// A node; removed ones stay as tombstones, because ids are never reused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisteredNode {
    /// Id.
    pub id: NodeId,
    /// Organisation.
    pub organisation: OrganisationName,
    /// Verdict key.
    pub key: PublicKey,
    /// Key that cosigns checkpoints, and does nothing else.
    pub cosigner: PublicKey,
    /// Removed for ever.
    pub retired: bool,
    /// Its own copy failed while a quorum's copies held: Reasoning index of the record.
    pub quarantined: Option<U64>,
}

impl RegisteredNode {
    /// Whether its verdicts count.
    pub fn counts(&self) -> bool {
        !self.retired && self.quarantined.is_none()
    }
}

pub use selfsame_protocol::constitution::Publisher;
pub use selfsame_protocol::genesis::Publication;

/// An enrolled chip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chip {
    /// Key.
    pub key: PublicKey,
    /// Organisation.
    pub organisation: OrganisationName,
    /// `software`.
    pub technology: Technology,
    /// Retired for good.
    pub retired: bool,
}

/// A declared run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Digests of the five elements.
    pub elements: ElementDigests,
    /// Evidence index of the declaration.
    pub declared: U64,
    /// Organisation → Evidence index of its first attestation.
    pub attestations: BTreeMap<OrganisationName, U64>,
}

/// Who may write, and with what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Whether it may write.
    pub status: HolderStatus,
    /// Chip id.
    pub chip: Digest,
    /// Chip key.
    pub key: PublicKey,
    /// Attestation hash of this activation.
    pub attestation_hash: Option<Digest>,
    /// Epoch of this activation, from 1.
    pub epoch: Epoch,
    /// Last accepted sequence number, from 0.
    pub seq: U64,
    /// Log index of the activation.
    pub since: LogIndex,
}

named! {
    /// State of the activation.
    pub enum HolderStatus: "a status of a holder" {
        /// May write.
        Active = "active",
        /// Sealed for a migration: nobody may write.
        Sealed = "sealed",
    }
}

named! {
    /// Where a migration stands.
    pub enum MigrationState: "a state of a migration" {
        /// Under way: the destination may arrive, the origin may abort.
        Sealed = "sealed",
        /// The destination holds the substrate.
        Arrived = "arrived",
        /// The origin holds it again.
        Aborted = "aborted",
        /// A ballot sealed the substrate anew while it was under way: this one leads to nothing any more.
        Superseded = "superseded",
    }
}

/// A migration under way or done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migration {
    /// Id, unique in the substrate.
    pub migration_id: String,
    /// Origin chip id.
    pub origin: Digest,
    /// Destination chip id.
    pub destination: Digest,
    /// Epoch that ends.
    pub epoch: Epoch,
    /// Latest cycle identity hash at the seal.
    pub head: Digest,
    /// Continuity hash of the last close.
    pub continuity_hash: Digest,
    /// Nonce that the log issued.
    pub nonce: Digest,
    /// Log index of the seal.
    pub seal_index: LogIndex,
    /// Where it stands.
    pub state: MigrationState,
    /// Proposal id when sealed by ballot.
    pub ballot: Option<String>,
}

named! {
    /// Where the session stands.
    pub enum Phase: "a phase of a session" {
        /// No session.
        Closed = "closed",
        /// A verification is under way.
        Verifying = "verifying",
        /// Evidence may be read and entries appended.
        Open = "open",
    }
}

/// A substrate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Substrate {
    /// UUID.
    pub substrate_id: SubstrateId,
    /// Owner.
    pub organisation: OrganisationName,
    /// Root of identity.
    pub founding_tension_hash: Digest,
    /// Hash of the birth.
    pub substrate_identity_hash: Digest,
    /// Schema at birth.
    pub schema_version: String,
    /// Time of birth.
    pub initialisation_timestamp: Timestamp,
    /// Whether the birth is attested.
    pub complete: bool,
    /// Who may write.
    pub holder: Holder,
    /// Cycles since birth.
    pub lineage_depth: U64,
    /// Latest cycle identity hash.
    pub head: Digest,
    /// In force.
    pub constitution: Constitution,
    /// Sessions opened so far.
    pub session: U64,
    /// Where the session stands.
    pub phase: Phase,
    /// The last close.
    pub last_close: Option<SessionClose>,
    /// Amendments queued on the open cycle.
    pub queued: Vec<Amendment>,
    /// Result of the last verification.
    pub status: Option<Outcome>,
    /// The decided verification that late verdicts may still name: log index and outcome.
    pub decided: Option<(LogIndex, Outcome)>,
    /// `AMENDMENT` or `MIGRATION` since the last verification.
    pub events: Vec<ContinuityEvent>,
    /// Reasoning index of the suppression. For ever.
    pub suppressed: Option<U64>,
    /// The substrate that continues after DRIFT_EXCEEDED.
    pub successor: Option<SubstrateId>,
    /// The migration under way.
    pub migration: Option<Migration>,
}

/// A verification under way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verification {
    /// Log index of the request: its name.
    pub index: LogIndex,
    /// UUID.
    pub substrate_id: SubstrateId,
    /// Ordinal of the session that is to open.
    pub session: U64,
    /// Continuity hash that the opener kept.
    pub presented: Option<Digest>,
    /// Founding document that the opener holds.
    pub founding: Option<Value>,
    /// Birth for the case of drift.
    pub new_lineage: Option<PreparedBirth>,
    /// When it was asked for.
    pub requested: Timestamp,
    /// Submission that asked.
    pub submission: Digest,
    /// Verdicts so far.
    pub verdicts: Vec<CountedVerdict>,
    /// Entries of the substrate when asked, per ledger: what each node re-hashes.
    pub depths: PerLedger<U64>,
}

named! {
    /// Where a ballot stands.
    pub enum BallotStatus: "a status of a ballot" {
        /// It takes votes, unless its time is over.
        Open = "open",
        /// Decided, and carried out in the same entry.
        Carried = "carried",
        /// It can no longer be carried.
        Rejected = "rejected",
        /// Its time was over.
        Expired = "expired",
        /// The constitution under which it was opened is no longer in force.
        Void = "void",
    }
}

/// When fewer approvals carry a ballot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unopposed {
    /// Approvals that carry it.
    pub needed: U64,
    /// Time of the ledger from which on.
    pub from: Timestamp,
}

/// A ballot, with the rules under which it was opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ballot {
    /// Content.
    pub proposal: Proposal,
    /// Organisation that opened it.
    pub proposer: OrganisationName,
    /// Entries of the Reasoning ledger when it was opened.
    pub opened: U64,
    /// Time of the ledger when it was opened.
    pub opened_time: Timestamp,
    /// Hash of the constitution under which it was opened.
    pub constitution: Digest,
    /// Who may vote: the members then.
    pub electorate: Vec<OrganisationName>,
    /// Approvals that carry it.
    pub needed: U64,
    /// Fewer approvals that carry it from a time on, when the organisation concerned did not object until then.
    pub unopposed: Option<Unopposed>,
    /// Whose vote against ends it.
    pub vetoes: Vec<OrganisationName>,
    /// Entries of the Reasoning ledger from which on it is over.
    pub expires_entries: Option<U64>,
    /// Time of the ledger from which on it is over.
    pub expires_time: Option<Timestamp>,
    /// Organisation → vote.
    pub votes: BTreeMap<OrganisationName, bool>,
    /// Where it stands.
    pub status: BallotStatus,
    /// Reasoning index of the record of its end.
    pub decided: Option<U64>,
}

/// End of a subject's chain in one ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    /// Number of entries.
    pub depth: u64,
    /// Hash of the last.
    pub hash: Option<Digest>,
}

/// `subject ‖ 0x00 ‖ ledger`: where the keys of a chain begin in [`Table::Subjects`].
pub(crate) fn subject_prefix(subject: &Subject, ledger: Ledger) -> Vec<u8> {
    let mut key = subject.to_string().into_bytes();
    key.extend([0, ledger.slot() as u8]);
    key
}

/// `subject ‖ 0x00 ‖ ledger ‖ depth`.
pub fn subject_key(subject: &Subject, ledger: Ledger, depth: u64) -> Vec<u8> {
    let mut key = subject_prefix(subject, ledger);
    key.extend(depth.to_be_bytes());
    key
}

/// Key of the end of a chain in [`Table::Meta`].
fn chain_key(subject: &Subject, ledger: Ledger) -> Vec<u8> {
    format!("chain/{ledger}/{subject}").into_bytes()
}

/// The organisation that a key names from a byte on.
pub fn organisation_of(table: Table, key: &[u8], from: usize) -> Result<OrganisationName, ReadError> {
    let name = key.get(from..).and_then(|name| std::str::from_utf8(name).ok()).and_then(|name| name.parse().ok());
    name.ok_or_else(|| undecodable(table, key, "no name of an organisation"))
}

/// `a ‖ 0x00 ‖ b`, for names that contain no zero byte.
pub(crate) fn pair_key(a: &str, b: &str) -> Vec<u8> {
    [a.as_bytes(), &[0], b.as_bytes()].concat()
}

/// `uuid ‖ chip id ‖ epoch`.
pub fn invalidated_key(substrate: &str, chip: &Digest, epoch: Epoch) -> Vec<u8> {
    [substrate.as_bytes(), chip.as_bytes(), &epoch.0.to_be_bytes()].concat()
}

/// `ledger ‖ entry hash`.
pub fn hash_key(ledger: Ledger, hash: &Digest) -> Vec<u8> {
    [&[ledger.slot() as u8][..], hash.as_bytes()].concat()
}

/// The table of a ledger's leaves.
pub const fn leaves(ledger: Ledger) -> Table {
    match ledger {
        Ledger::Evidence => Table::Evidence,
        Ledger::Reasoning => Table::Reasoning,
    }
}

/// The smallest key above every key that starts with `prefix`.
pub fn prefix_end(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < 255 {
            end.push(last + 1);
            return end;
        }
    }
    vec![255; 512]
}

/// A stored value that does not decode.
pub(crate) fn undecodable(table: Table, key: &[u8], reason: impl ToString) -> ReadError {
    ReadError::Undecodable { table: table.name(), key: selfsame_protocol::digest::hex(key), reason: reason.to_string() }
}

/// Reads a JSON value.
pub fn load<T: DeserializeOwned>(view: &dyn View, table: Table, key: &[u8]) -> Result<Option<T>, ReadError> {
    let Some(bytes) = view.get(table, key)? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|e| undecodable(table, key, e))
}

/// JSON of the state's own rows, members in the order of the type: one value gives the same bytes on every replica, at a
/// third of the cost of the canonical form. Nobody outside hashes these rows.
pub fn row<T: Serialize>(value: &T) -> Vec<u8> {
    // Serialisation into memory fails only for maps with non-string keys; rows have none.
    serde_json::to_vec(value).unwrap_or_default()
}

/// Writes a JSON value.
pub fn save<T: Serialize>(over: &mut Overlay<'_>, table: Table, key: impl Into<Vec<u8>>, value: &T) {
    over.put(table, key, row(value));
}

/// Reads a big-endian counter.
pub fn load_u64(view: &dyn View, table: Table, key: &[u8]) -> Result<Option<u64>, ReadError> {
    let Some(bytes) = view.get(table, key)? else { return Ok(None) };
    match <[u8; 8]>::try_from(bytes.as_slice()) {
        Ok(array) => Ok(Some(u64::from_be_bytes(array))),
        Err(_) => Err(undecodable(table, key, format!("a counter has 8 bytes, found {}", bytes.len()))),
    }
}

/// The end of a subject's chain.
pub(crate) fn load_chain(view: &dyn View, subject: &Subject, ledger: Ledger) -> Result<Chain, ReadError> {
    let key = chain_key(subject, ledger);
    let Some(bytes) = view.get(Table::Meta, &key)? else { return Ok(Chain::default()) };
    match <[u8; 40]>::try_from(bytes.as_slice()) {
        Ok(array) => {
            let (depth, hash) = array.split_at(8);
            let depth = depth.iter().fold(0, |n, b| n << 8 | u64::from(*b));
            let hash = <[u8; 32]>::try_from(hash).ok().map(Digest::from_bytes);
            Ok(Chain { depth, hash })
        }
        Err(_) => Err(undecodable(Table::Meta, &key, format!("a chain end has 40 bytes, found {}", bytes.len()))),
    }
}

/// Moves the end of a subject's chain.
pub(crate) fn save_chain(over: &mut Overlay<'_>, subject: &Subject, ledger: Ledger, depth: u64, hash: &Digest) {
    over.put(Table::Meta, chain_key(subject, ledger), [&depth.to_be_bytes()[..], hash.as_bytes()].concat());
}
