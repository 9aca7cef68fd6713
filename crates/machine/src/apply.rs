//! One batch of submissions: the entry point of every decision.

use crate::error::{Fatal, Stop};
use crate::genesis::Genesis;
use crate::state::{self, META_CLOCK, META_DIGEST, META_GENESIS};
use crate::trees::{Growth, fork, frontier, head_key, join, tile_key};
use crate::txn::Txn;
use crate::view::{Changes, Overlay, Table, View};
use crate::{governance, migration, registry, runs, session, substrate};
use selfsame_protocol::code::{Code, Refusal};
use selfsame_protocol::command::Command;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::envelope::Prepared;
use selfsame_protocol::ledger::PerLedger;
use selfsame_protocol::merkle::append_to_tiles;
use selfsame_protocol::number::LogIndex;
use selfsame_protocol::planted;
use selfsame_protocol::planted::{hash_order, wall_clock};
use selfsame_protocol::response::{CommandResult, SubmitResponse};
use selfsame_protocol::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What one Raft entry carries.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Time that the proposer stamped; clamped here to never run backwards.
    pub time: Timestamp,
    /// Submissions, each prepared (format and signature checked) by this replica, or refused in preparation.
    pub submissions: Vec<Result<Prepared, Refusal>>,
}

/// Accepted or refused. A refused submission changed nothing, except for the refusal record of the rules that demand one.
pub type Outcome = Result<SubmitResponse, Refusal>;

/// What a batch did.
#[derive(Debug)]
pub struct Applied {
    /// One per submission, in order.
    pub outcomes: Vec<Outcome>,
    /// To be stored in one transaction together with the applied index.
    pub changes: Changes,
    /// BLAKE3 state digest after this index: `BLAKE3(previous ‖ index ‖ changes)`.
    pub digest: [u8; 32],
}

/// Applies one batch at log index `index`.
pub fn apply(view: &dyn View, index: u64, batch: &Batch) -> Result<Applied, Fatal> {
    let genesis: Genesis = state::load(view, Table::Meta, META_GENESIS)?
        .ok_or_else(|| Fatal::Invariant("the state has no genesis: it was not initialised".into()))?;
    let clock = state::load_u64(view, Table::Meta, META_CLOCK)?.unwrap_or(0);
    let floor = Timestamp::from_millis(if planted!("time_goes_backwards") { 0 } else { clock });
    let proposed = if planted!("clock_in_apply") { Timestamp::from_millis(wall_clock()) } else { batch.time };
    let time = proposed.max(floor);
    let mut over = Overlay::new(view);
    let mut growth = PerLedger::try_from_fn(|ledger| {
        frontier(view, ledger).map(|frontier| Growth { frontier, leaves: Vec::new() })
    })?;
    let start = growth.each_ref().map(|ledger| ledger.frontier.size());

    let mut outcomes = Vec::with_capacity(batch.submissions.len());
    for submission in &batch.submissions {
        outcomes.push(match submission {
            Ok(prepared) => apply_submission(&mut over, &mut growth, &genesis, index, time, prepared)?,
            Err(refusal) => Err(refusal.clone()),
        });
    }

    for (ledger, Growth { frontier, leaves }) in growth.iter() {
        if leaves.is_empty() {
            continue;
        }
        let tiles =
            append_to_tiles(start[ledger], leaves, &mut |tile| view.get(Table::Tiles, &tile_key(ledger, tile)))?;
        let lags = planted!("ledger_tile_not_updated") && index.is_multiple_of(16);
        for (tile, hashes) in tiles.into_iter().filter(|_| !lags) {
            over.put(Table::Tiles, tile_key(ledger, tile), hashes);
        }
        over.put(Table::Meta, head_key(ledger), frontier.to_bytes());
    }
    over.put(Table::Meta, META_CLOCK, time.millis().to_be_bytes());
    let previous = view.get(Table::Meta, META_DIGEST)?.unwrap_or_default();
    let digest = state_digest(&previous, index, over.changes());
    over.put(Table::Meta, META_DIGEST, digest);
    Ok(Applied { outcomes, changes: over.into_changes(), digest })
}

/// `BLAKE3(previous ‖ u64be index ‖ for each change: table, u64be len key, key, 0 | 1 ‖ u64be len value ‖ value)`.
fn state_digest(previous: &[u8], index: u64, changes: &Changes) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    let index = if planted!("hash_map_order_in_apply") { hash_order() } else { index };
    hasher.update(previous).update(&index.to_be_bytes());
    for ((table, key), value) in changes {
        hasher.update(&[*table as u8]).update(&(key.len() as u64).to_be_bytes()).update(key);
        match value {
            None => hasher.update(&[0]),
            Some(value) => hasher.update(&[1]).update(&(value.len() as u64).to_be_bytes()).update(value),
        };
    }
    *hasher.finalize().as_bytes()
}

/// The stored answer of a request.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Accepted(SubmitResponse),
    Refused(Refusal),
}

fn apply_submission(
    over: &mut Overlay<'_>,
    growth: &mut PerLedger<Growth>,
    genesis: &Genesis,
    index: u64,
    time: Timestamp,
    prepared: &Prepared,
) -> Result<Outcome, Fatal> {
    let submission = &prepared.submission;
    if submission.cluster != genesis.cluster {
        return Ok(Err(Refusal::new(
            Code::WrongCluster,
            "the submission was signed for another cluster: sign it for this one, or ask a node of the other",
            &genesis.cluster,
            &submission.cluster,
        )));
    }
    let key = submission.author.key;
    let id = key.id();
    let scope = if planted!("request_id_not_scoped_by_key") { &[] } else { &id.as_bytes()[..] };
    let request = [scope, submission.request_id.as_bytes()].concat();
    if let Some(stored) = over.get(Table::Requests, &request)?
        && !planted!("retry_applied_twice")
    {
        return stored_response(&request, &stored, &prepared.digest);
    }
    let Some(author) = state::load::<state::Registration>(over, Table::Keys, key.as_bytes())? else {
        return Ok(Err(Refusal::new(
            Code::UnknownKey,
            "this key is not registered here: check the key file, or have the organisation register the key",
            "",
            key,
        )));
    };
    if author.role != submission.author.role {
        let needed = submission.command.allowed_role();
        let sentence =
            format!("this needs {} key; this is {} key of {}", needed.a(), author.role.a(), author.organisation);
        return Ok(Err(Refusal::new(Code::RoleDenied, &sentence, needed, author.role)));
    }
    if let Some(until) = author.until {
        return Ok(Err(registry::ended(over, &author, until)?));
    }

    let mut txn = Txn {
        over: Overlay::new(over),
        growth: fork(growth),
        entries: Vec::new(),
        genesis,
        index: LogIndex(index),
        time,
        submission: prepared.digest,
        author,
        key,
    };
    let (answer, changes) = match dispatch(&mut txn, &submission.command) {
        Ok(result) => {
            let entries = std::mem::take(&mut txn.entries);
            join(growth, txn.growth);
            (Answer::Accepted(SubmitResponse { submission: prepared.digest, entries, result }), txn.over.into_changes())
        }
        Err(Stop::Fatal(fatal)) => return Err(fatal),
        Err(Stop::Refused(refusal)) if !planted!("refusal_changes_state") => return Ok(Err(refusal)),
        Err(Stop::Refused(refusal)) => (Answer::Refused(refusal), txn.over.into_changes()),
        Err(Stop::Recorded(refusal, records)) => {
            // What the command did before it was refused is dropped; only the refusal records stay.
            txn.over = Overlay::new(over);
            txn.growth = fork(growth);
            txn.entries.clear();
            for (ledger, subject, record) in records {
                match txn.push(ledger, &subject, record) {
                    Ok(_) => {}
                    Err(Stop::Fatal(fatal)) => return Err(fatal),
                    // A record too large to keep: the refusal stands without it.
                    Err(Stop::Refused(_) | Stop::Recorded(..)) => return Ok(Err(refusal)),
                }
            }
            join(growth, txn.growth);
            (Answer::Refused(refusal), txn.over.into_changes())
        }
    };
    over.absorb(changes);
    let stored = [&prepared.digest.as_bytes()[..], &state::row(&answer)].concat();
    over.put(Table::Requests, request, stored);
    over.put(Table::Submissions, *prepared.digest.as_bytes(), prepared.envelope.to_bytes());
    Ok(match answer {
        Answer::Accepted(response) => Ok(response),
        Answer::Refused(refusal) => Err(refusal),
    })
}

fn stored_response(request: &[u8], stored: &[u8], digest: &Digest) -> Result<Outcome, Fatal> {
    let Some((first, answer)) = stored.split_first_chunk::<32>() else {
        return Err(state::undecodable(Table::Requests, request, "shorter than a digest").into());
    };
    if first != digest.as_bytes() {
        let first = Digest::from_bytes(*first);
        return Ok(Err(Refusal::new(
            Code::RequestIdReused,
            "this request id was used before for another submission: give another --request-id, or send the first submission again",
            first,
            digest,
        )));
    }
    match serde_json::from_slice(answer).map_err(|e| state::undecodable(Table::Requests, request, e))? {
        Answer::Accepted(response) => Ok(Ok(response)),
        Answer::Refused(refusal) => Ok(Err(refusal)),
    }
}

fn dispatch(txn: &mut Txn<'_>, command: &Command) -> Result<CommandResult, Stop> {
    match command {
        Command::RotateKey(command) => governance::rotate_key(txn, command).map(Into::into),
        Command::EnrolNode(command) => governance::enrol_node(txn, command).map(Into::into),
        Command::RetireNode(command) => governance::retire_node(txn, command).map(Into::into),
        Command::EnrolChip(command) => governance::enrol_chip(txn, command).map(Into::into),
        Command::RetireChip(command) => governance::retire_chip(txn, command).map(Into::into),
        Command::Propose(command) => governance::ballot::propose(txn, command).map(Into::into),
        Command::Vote(command) => governance::ballot::vote(txn, command).map(Into::into),
        Command::Conclude(command) => governance::ballot::conclude(txn, command),
        Command::DeclareRun(command) => runs::declare(txn, command).map(Into::into),
        Command::ReportOutcome(command) => runs::outcome(txn, command).map(Into::into),
        Command::InitSubstrate(command) => substrate::init(txn, command).map(Into::into),
        Command::Append(command) => substrate::append(txn, command).map(Into::into),
        Command::Amend(command) => substrate::amend(txn, command).map(Into::into),
        Command::CloseCycle(command) => substrate::close_cycle(txn, command).map(Into::into),
        Command::OpenSession(command) => session::open(txn, command).map(Into::into),
        Command::Verdict(command) => session::verdict(txn, command).map(Into::into),
        Command::CloseSession(command) => session::close(txn, command).map(Into::into),
        Command::RecoverClose(command) => session::recover_close(txn, command).map(Into::into),
        Command::Seal(command) => migration::seal(txn, command).map(Into::into),
        Command::Arrive(command) => migration::arrive(txn, command).map(Into::into),
        Command::AbortMigration(command) => migration::abort(txn, command).map(Into::into),
    }
}
