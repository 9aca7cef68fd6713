//! The end of a ballot, however it comes: its record, and the ballot as it is kept.

use crate::error::{Stop, refuse};
use crate::registry::{all_open, save_open};
use crate::state::{self, Ballot, BallotStatus};
use crate::txn::Txn;
use crate::view::Table;
use selfsame_protocol::code::{Code, Refusal};
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::names::OrganisationName;
use selfsame_protocol::record::{BallotEnd, Record};
use selfsame_protocol::subject::Subject;
use selfsame_protocol::time::Timestamp;

/// The ballot of this name.
pub fn load(txn: &Txn<'_>, id: &str) -> Result<Ballot, Stop> {
    match state::load(&txn.over, Table::Proposals, id.as_bytes())? {
        Some(ballot) => Ok(ballot),
        None => {
            refuse(Code::UnknownProposal, "there is no ballot of this name: see `governance ballots --all`", "", id)
        }
    }
}

/// Stores a ballot that has ended; it is no longer among the open ones.
pub fn finish(txn: &mut Txn<'_>, id: &str, ballot: &Ballot) -> Result<(), Stop> {
    let mut open = all_open(&txn.over)?;
    open.remove(id);
    save_open(txn, &open);
    state::save(&mut txn.over, Table::Proposals, id, ballot);
    Ok(())
}

/// Closes a ballot that is not carried, with its record.
pub fn close(txn: &mut Txn<'_>, id: &str, mut ballot: Ballot, result: BallotEnd) -> Result<(), Stop> {
    let entry = txn.push(
        Ledger::Reasoning,
        &Subject::Cluster,
        Record::BallotClosed {
            proposal_id: id.into(),
            result,
            approvals: ballot.voted(true),
            rejections: ballot.voted(false),
            threshold: ballot.needed,
            constitutional_state_hash: ballot.constitution,
        },
    )?;
    ballot.status = match result {
        BallotEnd::Rejected => BallotStatus::Rejected,
        BallotEnd::Expired => BallotStatus::Expired,
        BallotEnd::Void => BallotStatus::Void,
    };
    ballot.decided = Some(entry.index);
    finish(txn, id, &ballot)
}

/// Voids every open ballot; gives their ids in order.
pub(crate) fn void_all(txn: &mut Txn<'_>) -> Result<Vec<String>, Stop> {
    let open: Vec<String> = all_open(&txn.over)?.into_keys().collect();
    for id in &open {
        let ballot = load(txn, id)?;
        close(txn, id, ballot, BallotEnd::Void)?;
    }
    Ok(open)
}

impl Ballot {
    /// Organisations that voted so, sorted.
    pub fn voted(&self, approve: bool) -> Vec<OrganisationName> {
        self.votes.iter().filter(|(_, vote)| **vote == approve).map(|(name, _)| name.clone()).collect()
    }

    /// Refuses once the ballot's time is over: `entries` in the Reasoning ledger, or the ledger's `time`.
    pub fn running(&self, entries: u64, time: Timestamp) -> Result<(), Refusal> {
        let over = |rule, limit: String, found: String| Err(Refusal::new(Code::BallotExpired, rule, limit, found));
        if let Some(limit) = self.expires_entries.filter(|limit| entries >= limit.0) {
            let rule = "the ballot has expired, because the Reasoning ledger outgrew its limit: open it again";
            return over(rule, format!("fewer than {limit} entries"), entries.to_string());
        }
        if let Some(limit) = self.expires_time.filter(|limit| time >= *limit) {
            return over("the ballot has expired: open it again", format!("before {limit}"), time.to_string());
        }
        Ok(())
    }

    /// How it ended, in words.
    pub fn shown(&self) -> String {
        let status = match self.status {
            BallotStatus::Void => "void since the constitution changed",
            status => status.as_str(),
        };
        match self.decided {
            Some(at) => format!("{status}, Reasoning entry {at}"),
            None => status.into(),
        }
    }
}
