//! Substrates: their state, their sessions, and what is shown of them.

use crate::read::{Unreadable, entry, json};
use crate::submission::{answer_to, outgoing};
use crate::{Client, ClientError, Substrate};
use selfsame_protocol::entry::EntryRef;
use selfsame_protocol::envelope::Envelope;
use selfsame_protocol::p104::{IdentityStatement, Outcome};
use selfsame_protocol::record::Record;
use selfsame_protocol::response::{SessionRequested, SubmitResponse};
use selfsame_wire::v1;

/// One item of the Evidence Rail.
#[derive(Clone, Debug)]
pub struct RailItem {
    /// The record.
    pub record: Record,
    /// Its place.
    pub entry: EntryRef,
}

/// What an open answers: the Evidence Rail of the decided verification.
#[derive(Clone, Debug)]
pub struct Rail {
    /// The verification, whatever its outcome; behind it the newest evidence, when the session opened.
    pub items: Vec<RailItem>,
    /// The answer to the request itself.
    pub response: SubmitResponse,
}

impl Rail {
    /// The outcome that the first item states.
    pub fn outcome(&self) -> Option<Outcome> {
        match self.items.first().map(|item| &item.record) {
            Some(Record::IdentityVerification(result)) => Some(result.outcome),
            _ => None,
        }
    }
    /// The sentence for VERIFIED.
    pub fn notice(&self) -> Option<&str> {
        match self.items.first().map(|item| &item.record) {
            Some(Record::IdentityVerification(result)) => result.notice.as_deref(),
            _ => None,
        }
    }
}

fn items(items: &[v1::RailItem]) -> Result<Vec<RailItem>, Unreadable> {
    items.iter().map(|item| Ok(RailItem { record: json(&item.record)?, entry: entry(item.entry.as_ref())? })).collect()
}

impl Client {
    /// A substrate's state, as a quorum knows it.
    pub async fn substrate(&self, id: &str) -> Result<Substrate, ClientError> {
        let message = v1::GetSubstrateRequest { substrate_id: id.into(), stale_ok: false };
        call!(self, get_substrate, message, |answer, _| {
            let state: Substrate = json(&answer.state)?;
            match state.substrate_id == *id {
                true => Ok(state),
                false => Err(Unreadable(format!("the state of {} and not of {id}", state.substrate_id))),
            }
        })
    }

    /// Submits the envelope of an open, and answers when a quorum of nodes decided the verification. Safe to retry.
    pub async fn open_session(&self, envelope: &Envelope) -> Result<Rail, ClientError> {
        let message = v1::OpenSessionRequest { envelope: outgoing(envelope)? };
        call!(self, open_session, message, |answer, _| {
            let response = answer_to(envelope, &answer.receipt)?;
            SessionRequested::try_from(response.result.clone()).map_err(|error| Unreadable(error.to_string()))?;
            let rail = Rail { items: items(&answer.rail)?, response };
            match rail.outcome() {
                Some(_) => Ok(rail),
                None => Err(Unreadable("a session without its verification".into())),
            }
        })
    }

    /// The identity statement, and the whole document with its proof: `{"proof":…,"statement":…}`.
    pub async fn statement(
        &self,
        id: &str,
        regulated: bool,
    ) -> Result<(IdentityStatement, serde_json::Value), ClientError> {
        let message = v1::GetStatementRequest { substrate_id: id.into(), regulated };
        call!(self, get_statement, message, |answer, _| {
            let document: serde_json::Value = json(&answer.statement)?;
            let statement = serde_json::from_value(document["statement"].clone());
            Ok((statement.map_err(|error| Unreadable(error.to_string()))?, document))
        })
    }

    /// Evidence of an open session from a depth on: at most `limit` items, 1,000 at most.
    pub async fn evidence(&self, id: &str, from: u64, limit: u32) -> Result<Vec<RailItem>, ClientError> {
        let message = v1::ReadEvidenceRequest { substrate_id: id.into(), from_depth: from, limit };
        call!(self, read_evidence, message, |answer, _| items(&answer.items))
    }
}
