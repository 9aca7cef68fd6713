//! Conversions between openraft's types, the store's and the generated ones. Decoding never panics on a peer's bytes.

use super::types::{Entry, LogId, MemberAddress, ProposedBatch, Vote};
use crate::store;
use bytes::Bytes;
use openraft::{CommittedLeaderId, EntryPayload, Membership};
use prost::Message;
use selfsame_wire::raft::v1 as pb;
use std::collections::{BTreeMap, BTreeSet};

/// Bytes that do not decode: which member is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Malformed(pub String);

fn missing(what: &str) -> Malformed {
    Malformed(format!("{what} is missing"))
}

pub(super) fn stored_log_id(id: &LogId) -> store::LogId {
    store::LogId { term: id.leader_id.term, node: id.leader_id.node_id, index: id.index }
}
pub(super) fn log_id(at: &store::LogId) -> LogId {
    LogId::new(CommittedLeaderId::new(at.term, at.node), at.index)
}
pub(super) fn stored_vote(vote: &Vote) -> store::StoredVote {
    store::StoredVote { term: vote.leader_id.term, node: vote.leader_id.node_id, committed: vote.committed }
}
pub(super) fn vote(stored: &store::StoredVote) -> Vote {
    let mut vote = Vote::new(stored.term, stored.node);
    vote.committed = stored.committed;
    vote
}

pub(super) fn log_id_to_wire(id: &LogId) -> pb::LogPosition {
    pb::LogPosition { term: id.leader_id.term, node: id.leader_id.node_id, index: id.index }
}
/// Terms and indexes stay below this: the consensus counts on from them, and must never count past the end. One entry
/// each nanosecond would take a century to get there.
const COUNTABLE: u64 = 1 << 62;

fn countable(what: &str, found: u64) -> Result<u64, Malformed> {
    if found < COUNTABLE { Ok(found) } else { Err(Malformed(format!("{what} is below {COUNTABLE}, found {found}"))) }
}

pub(super) fn log_id_from_wire(at: &pb::LogPosition) -> Result<LogId, Malformed> {
    let (term, index) = (countable("term", at.term)?, countable("index", at.index)?);
    Ok(LogId::new(CommittedLeaderId::new(term, at.node), index))
}
/// A position that may be absent.
pub(super) fn optional_log_id_from_wire(at: Option<&pb::LogPosition>) -> Result<Option<LogId>, Malformed> {
    at.map(log_id_from_wire).transpose()
}
pub(super) fn vote_to_wire(vote: &Vote) -> pb::Ballot {
    pb::Ballot { term: vote.leader_id.term, node: vote.leader_id.node_id, committed: vote.committed }
}
pub(super) fn vote_from_wire(ballot: Option<pb::Ballot>) -> Result<Vote, Malformed> {
    let ballot = ballot.ok_or_else(|| missing("vote"))?;
    Ok(vote(&store::StoredVote {
        term: countable("term", ballot.term)?,
        node: ballot.node,
        committed: ballot.committed,
    }))
}

fn membership_to_wire(membership: &Membership<u64, MemberAddress>) -> pb::Membership {
    let configs = membership.get_joint_config().iter();
    pb::Membership {
        configs: configs.map(|set| pb::VoterSet { nodes: set.iter().copied().collect() }).collect(),
        members: membership
            .nodes()
            .map(|(id, member)| pb::Member {
                id: *id,
                peer_address: member.peer_addr.clone(),
                client_address: member.client_addr.clone(),
            })
            .collect(),
    }
}

fn membership_from_wire(wire: pb::Membership) -> Result<Membership<u64, MemberAddress>, Malformed> {
    let configs: Vec<BTreeSet<u64>> = wire.configs.into_iter().map(|set| set.nodes.into_iter().collect()).collect();
    let members: BTreeMap<u64, MemberAddress> = wire
        .members
        .into_iter()
        .map(|member| (member.id, MemberAddress { peer_addr: member.peer_address, client_addr: member.client_address }))
        .collect();
    if let Some(stranger) = configs.iter().flatten().find(|id| !members.contains_key(id)) {
        return Err(Malformed(format!("voter {stranger} is not among the members")));
    }
    Ok(Membership::new(configs, members))
}

pub(super) fn entry_to_wire(entry: &Entry) -> pb::LogEntry {
    use pb::log_entry::Payload;
    let payload = match &entry.payload {
        EntryPayload::Blank => Payload::Blank(pb::Blank {}),
        EntryPayload::Normal(proposal) => {
            Payload::Proposal(pb::Proposal { time_ms: proposal.time_ms, submissions: proposal.submissions.clone() })
        }
        EntryPayload::Membership(membership) => Payload::Membership(membership_to_wire(membership)),
    };
    pb::LogEntry { position: Some(log_id_to_wire(&entry.log_id)), payload: Some(payload) }
}

pub(super) fn entry_from_wire(wire: pb::LogEntry) -> Result<Entry, Malformed> {
    use pb::log_entry::Payload;
    let payload = match wire.payload.ok_or_else(|| missing("payload"))? {
        Payload::Blank(_) => EntryPayload::Blank,
        Payload::Proposal(proposal) => {
            EntryPayload::Normal(ProposedBatch { time_ms: proposal.time_ms, submissions: proposal.submissions })
        }
        Payload::Membership(membership) => EntryPayload::Membership(membership_from_wire(membership)?),
    };
    let position = wire.position.ok_or_else(|| missing("position"))?;
    Ok(Entry { log_id: log_id_from_wire(&position)?, payload })
}

/// The bytes of an entry on disk.
pub(super) fn entry_to_disk(entry: &Entry) -> Vec<u8> {
    entry_to_wire(entry).encode_to_vec()
}

/// An entry from its bytes on disk.
pub(super) fn entry_from_disk(bytes: Bytes) -> Result<Entry, Malformed> {
    let wire = pb::LogEntry::decode(bytes).map_err(|error| Malformed(error.to_string()))?;
    entry_from_wire(wire)
}
