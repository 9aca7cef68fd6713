//! Ballots: opened, voted on, and closed once, by the rules in force when they were opened.
//!
//! A ballot names the hash of the constitution under which it was opened. Every change of the constitution voids the
//! ballots that are open: the electorate, the number needed or the vetoes would be others, and nobody voted knowing
//! them. Whoever still wants the proposal opens it again.

use super::closing::{close, finish, load};
use super::execute::execute_proposal;
use super::record;
use crate::error::{Stop, refuse};
use crate::registry::{all_open, constitution, save_open};
use crate::state::{self, Ballot, BallotStatus, Unopposed};
use crate::txn::Txn;
use crate::view::{Table, View};
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{Conclude, Propose, Vote};
use selfsame_protocol::constitution::{MAX_OPEN_BALLOTS, Standing, Tally, ballot_digest};
use selfsame_protocol::governance::GovernanceAction;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::planted;
use selfsame_protocol::record::{BallotEnd, Record};
use selfsame_protocol::response::{BallotCounted, BallotExpired, BallotStanding, CommandResult};
use selfsame_protocol::subject::Subject;
use selfsame_protocol::time::{Timestamp, U64};
use std::collections::BTreeMap;

/// Entries of the Reasoning ledger so far: what the expiry of a ballot is counted in.
fn grown(txn: &Txn<'_>) -> u64 {
    txn.growth.reasoning.frontier.size()
}

pub fn propose(txn: &mut Txn<'_>, command: &Propose) -> Result<BallotCounted, Stop> {
    let Propose { proposal_id: id, proposal } = command;
    if txn.over.get(Table::Proposals, id.as_bytes())?.is_some() {
        return refuse(
            Code::ProposalIdReused,
            "a ballot of this name was opened before: give the new one another name",
            "",
            id,
        );
    }
    sweep(txn)?;
    let organisation = txn.author.organisation.clone();
    let mut open = all_open(&txn.over)?;
    let own = open.values().filter(|proposer| **proposer == organisation).count();
    if own >= MAX_OPEN_BALLOTS {
        return refuse(
            Code::LimitExceeded,
            "your organisation has too many open ballots: wait until one ends",
            format!("at most {MAX_OPEN_BALLOTS}"),
            own + 1,
        );
    }
    let constitution = constitution(txn)?;
    // Refused now rather than when everybody has voted.
    constitution.amended(proposal)?;
    let rules = &constitution.rules;
    let opened = grown(txn);
    let needed = if planted!("force_seal_by_one_vote") { 1 } else { constitution.needed(proposal.class()) };
    let expires = |limit: U64, start: u64| (limit.0 > 0).then(|| start.saturating_add(limit.0));
    let ballot = Ballot {
        proposal: proposal.clone(),
        proposer: organisation.clone(),
        opened: U64(opened),
        opened_time: txn.time,
        constitution: constitution.hash(),
        electorate: constitution.organisations.clone(),
        needed: U64(needed as u64),
        unopposed: constitution.unopposed(proposal).map(|needed| Unopposed {
            needed: U64(needed as u64),
            from: Timestamp::from_millis(txn.time.millis().saturating_add(rules.objection_ms.0)),
        }),
        vetoes: constitution.vetoes(proposal),
        expires_entries: expires(rules.ballot_entries, opened).map(U64),
        expires_time: expires(rules.ballot_ms, txn.time.millis()).map(Timestamp::from_millis),
        votes: BTreeMap::new(),
        status: BallotStatus::Open,
        decided: None,
    };
    open.insert(id.clone(), organisation);
    save_open(txn, &open);
    state::save(&mut txn.over, Table::Proposals, id.clone(), &ballot);
    record(txn, GovernanceAction::Propose { proposal_id: id.into(), proposal: proposal.clone() })?;
    cast(txn, id, ballot, true)
}

pub fn vote(txn: &mut Txn<'_>, command: &Vote) -> Result<BallotCounted, Stop> {
    let Vote { proposal_id: id, ballot: about, approve } = command;
    let approve = *approve;
    let ballot = load(txn, id)?;
    if ballot.status != BallotStatus::Open {
        return refuse(
            Code::ProposalClosed,
            "the ballot has ended: open a new one to decide again",
            "",
            ballot.shown(),
        );
    }
    let digest = ballot_digest(&ballot.constitution, id, &ballot.proposal);
    if digest != *about {
        let rule = "the vote is about another proposal, or under another constitution, than the ballot of this name: look at \
                    the ballot and vote again";
        return refuse(Code::StateMismatch, rule, digest, about);
    }
    if let Err(refusal) = ballot.running(grown(txn), txn.time) {
        return Err(refusal.into());
    }
    if ballot.votes.contains_key(&txn.author.organisation) {
        let rule = "your organisation voted on this ballot before: a vote is not changed";
        return refuse(Code::AlreadyVoted, rule, "", &txn.author.organisation);
    }
    // Cannot happen while every change of the members voids what is open.
    if !ballot.electorate.contains(&txn.author.organisation) {
        let rule = "your organisation was no member when this ballot was opened: it has no vote on it";
        return refuse(Code::RoleDenied, rule, ballot.electorate.join(", "), &txn.author.organisation);
    }
    record(txn, GovernanceAction::Vote { proposal_id: id.into(), ballot: digest, approve })?;
    cast(txn, id, ballot, approve)
}

/// Closes a ballot that only time kept open: carries it when the organisation concerned did not object, records that it
/// expired otherwise. It is nobody's vote.
pub fn conclude(txn: &mut Txn<'_>, command: &Conclude) -> Result<CommandResult, Stop> {
    let id = &command.proposal_id;
    let ballot = load(txn, id)?;
    if ballot.status != BallotStatus::Open {
        return refuse(
            Code::ProposalClosed,
            "the ballot has ended: open a new one to decide again",
            "",
            ballot.shown(),
        );
    }
    record(txn, GovernanceAction::Conclude { proposal_id: id.into() })?;
    if ballot.running(grown(txn), txn.time).is_err() {
        close(txn, id, ballot, BallotEnd::Expired)?;
        return Ok(BallotExpired { proposal_id: id.into() }.into());
    }
    match standing(&ballot, txn.time) {
        Standing::Carried(threshold) => carry_out(txn, id, ballot, U64(threshold as u64)).map(Into::into),
        _ => {
            let rule = "the ballot cannot be concluded yet: too few approve it, or the time to object is not over";
            let lower =
                ballot.unopposed.map(|lower| format!(", or {} of the others from {} on", lower.needed, lower.from));
            let expected = format!("{} approvals{}", ballot.needed, lower.unwrap_or_default());
            refuse(Code::BallotEarly, rule, expected, format!("{} at {}", ballot.voted(true).len(), txn.time))
        }
    }
}

/// What the votes come to at a time.
fn standing(ballot: &Ballot, time: Timestamp) -> Standing {
    let number = |needed: U64| usize::try_from(needed.0).unwrap_or(usize::MAX);
    let tally = Tally {
        votes: &ballot.votes,
        electorate: ballot.electorate.len(),
        needed: number(ballot.needed),
        unopposed: ballot.unopposed.map(|lower| (number(lower.needed), lower.from)),
        concerned: ballot.proposal.concerned(),
        vetoes: &ballot.vetoes,
    };
    tally.at(time)
}

/// Takes the author's vote and closes the ballot when that decides it.
fn cast(txn: &mut Txn<'_>, id: &str, mut ballot: Ballot, approve: bool) -> Result<BallotCounted, Stop> {
    let organisation = txn.author.organisation.clone();
    ballot.votes.insert(organisation, approve);
    match standing(&ballot, txn.time) {
        Standing::Carried(threshold) => carry_out(txn, id, ballot, U64(threshold as u64)),
        Standing::Open(carried_unopposed_from) => {
            state::save(&mut txn.over, Table::Proposals, id, &ballot);
            Ok(counted(id, &ballot, ballot.needed, BallotStanding::Open { carried_unopposed_from }))
        }
        Standing::Rejected => {
            let result = counted(id, &ballot, ballot.needed, BallotStanding::Rejected);
            close(txn, id, ballot, BallotEnd::Rejected)?;
            Ok(result)
        }
    }
}

fn counted(id: &str, ballot: &Ballot, threshold: U64, standing: BallotStanding) -> BallotCounted {
    let (approvals, rejections) = (ballot.voted(true), ballot.voted(false));
    BallotCounted { proposal_id: id.into(), approvals, rejections, threshold, standing }
}

/// Records that the ballot is carried by `threshold` approvals, and does what it says.
fn carry_out(txn: &mut Txn<'_>, id: &str, mut ballot: Ballot, threshold: U64) -> Result<BallotCounted, Stop> {
    let entry = txn.push(
        Ledger::Reasoning,
        &Subject::Cluster,
        Record::BallotDecided {
            proposal_id: id.into(),
            proposal: ballot.proposal.clone(),
            approvals: ballot.voted(true),
            rejections: ballot.voted(false),
            threshold,
            constitutional_state_hash: ballot.constitution,
        },
    )?;
    ballot.status = BallotStatus::Carried;
    ballot.decided = Some(entry.index);
    finish(txn, id, &ballot)?;
    let carried = execute_proposal(txn, id, &ballot.proposal)?;
    Ok(counted(id, &ballot, threshold, carried))
}

/// Closes every ballot whose time is over. Nobody could vote on it any more; this records it.
fn sweep(txn: &mut Txn<'_>) -> Result<(), Stop> {
    for id in all_open(&txn.over)?.into_keys() {
        let ballot = load(txn, &id)?;
        if ballot.running(grown(txn), txn.time).is_err() {
            close(txn, &id, ballot, BallotEnd::Expired)?;
        }
    }
    Ok(())
}
