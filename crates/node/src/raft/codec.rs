//! Conversions between openraft's types, the store's and the generated ones. Decoding never panics on a peer's bytes.

use super::types::{Entry, LogId, Member, Proposal, Vote};
use crate::store::{Ballot, Position};
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

pub(super) fn position(id: &LogId) -> Position {
    Position { term: id.leader_id.term, node: id.leader_id.node_id, index: id.index }
}
pub(super) fn log_id(at: &Position) -> LogId {
    LogId::new(CommittedLeaderId::new(at.term, at.node), at.index)
}
pub(super) fn ballot(vote: &Vote) -> Ballot {
    Ballot { term: vote.leader_id.term, node: vote.leader_id.node_id, committed: vote.committed }
}
pub(super) fn vote(ballot: &Ballot) -> Vote {
    let mut vote = Vote::new(ballot.term, ballot.node);
    vote.committed = ballot.committed;
    vote
}

pub(super) fn position_to_wire(id: &LogId) -> pb::LogPosition {
    pb::LogPosition { term: id.leader_id.term, node: id.leader_id.node_id, index: id.index }
}
/// Terms and indexes stay below this: the consensus counts on from them, and must never count past the end. One entry
/// each nanosecond would take a century to get there.
const COUNTABLE: u64 = 1 << 62;

fn countable(what: &str, found: u64) -> Result<u64, Malformed> {
    if found < COUNTABLE { Ok(found) } else { Err(Malformed(format!("{what} is below {COUNTABLE}, found {found}"))) }
}

pub(super) fn position_from_wire(at: &pb::LogPosition) -> Result<LogId, Malformed> {
    let (term, index) = (countable("term", at.term)?, countable("index", at.index)?);
    Ok(LogId::new(CommittedLeaderId::new(term, at.node), index))
}
/// A position that may be absent.
pub(super) fn place_from_wire(at: Option<&pb::LogPosition>) -> Result<Option<LogId>, Malformed> {
    at.map(position_from_wire).transpose()
}
pub(super) fn vote_to_wire(vote: &Vote) -> pb::Ballot {
    pb::Ballot { term: vote.leader_id.term, node: vote.leader_id.node_id, committed: vote.committed }
}
pub(super) fn vote_from_wire(ballot: Option<pb::Ballot>) -> Result<Vote, Malformed> {
    let ballot = ballot.ok_or_else(|| missing("vote"))?;
    Ok(vote(&Ballot { term: countable("term", ballot.term)?, node: ballot.node, committed: ballot.committed }))
}

fn membership_to_wire(membership: &Membership<u64, Member>) -> pb::Membership {
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

fn membership_from_wire(wire: pb::Membership) -> Result<Membership<u64, Member>, Malformed> {
    let configs: Vec<BTreeSet<u64>> = wire.configs.into_iter().map(|set| set.nodes.into_iter().collect()).collect();
    let members: BTreeMap<u64, Member> = wire
        .members
        .into_iter()
        .map(|member| (member.id, Member { peer_addr: member.peer_address, client_addr: member.client_address }))
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
    pb::LogEntry { position: Some(position_to_wire(&entry.log_id)), payload: Some(payload) }
}

pub(super) fn entry_from_wire(wire: pb::LogEntry) -> Result<Entry, Malformed> {
    use pb::log_entry::Payload;
    let payload = match wire.payload.ok_or_else(|| missing("payload"))? {
        Payload::Blank(_) => EntryPayload::Blank,
        Payload::Proposal(proposal) => {
            EntryPayload::Normal(Proposal { time_ms: proposal.time_ms, submissions: proposal.submissions })
        }
        Payload::Membership(membership) => EntryPayload::Membership(membership_from_wire(membership)?),
    };
    let position = wire.position.ok_or_else(|| missing("position"))?;
    Ok(Entry { log_id: position_from_wire(&position)?, payload })
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
