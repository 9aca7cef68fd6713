//! Substrates: sessions, evidence, statements, bundles.

use super::bundles::Parts;
use super::{Api, HOLDERS, PAGE_BYTES, digest_of, json_of, lists, refused, shutting_down, unreadable, wire_ref};
use crate::store::StateView;
use selfsame_machine::list::{self, Filter};
use selfsame_machine::state::{self, Phase, Substrate, Verification};
use selfsame_machine::view::Table;
use selfsame_machine::{head, read};
use selfsame_protocol::bundle::{IDENTITY_PROOF_TYPE, IdentityProof};
use selfsame_protocol::canon;
use selfsame_protocol::code::{Code, Refusal};
use selfsame_protocol::command::{Command, OpenSession};
use selfsame_protocol::entry::{Entry, EntryRef};
use selfsame_protocol::envelope::Envelope;
use selfsame_protocol::ledger::{Ledger, PerLedger};
use selfsame_protocol::names::{NameError, OrganisationName, SubstrateId};
use selfsame_protocol::p104::Outcome;
use selfsame_protocol::record::Record;
use selfsame_protocol::response::SessionRequested;
use selfsame_protocol::subject::Subject;
use selfsame_protocol::time::{Timestamp, U64};
use selfsame_wire::v1::{self, substrate_service_server::SubstrateService};
use std::time::Duration;
use tonic::{Request, Response, Status};

/// How long an open waits for a quorum of verdicts before it asks the caller to retry.
const VERDICTS_WITHIN: Duration = Duration::from_secs(20);
/// Evidence items in the rail of an open.
const RAIL: usize = 16;
/// Most items of one read.
const MAX_READ: usize = 1_000;

fn known(view: &StateView, id: &str) -> Result<Substrate, Status> {
    let unknown =
        || refused(Refusal::new(Code::UnknownSubstrate, "there is no substrate of this id here: check the id", "", id));
    read::substrate(view, id).map_err(unreadable)?.ok_or_else(unknown)
}

fn item(view: &StateView, ledger: Ledger, index: u64) -> Result<(Entry, v1::RailItem), Status> {
    let leaf = read::leaf(view, ledger, index)
        .map_err(unreadable)?
        .ok_or_else(|| unreadable(format!("entry {index} is missing")))?;
    let entry = Entry::from_leaf(&leaf).map_err(unreadable)?;
    let place = EntryRef { ledger, index: U64(index), hash: Entry::hash_of(&leaf) };
    let record = json_of(&entry.record);
    Ok((entry, v1::RailItem { record, entry: Some(wire_ref(&place)) }))
}

/// Reads the name of an organisation.
fn named(name: &str) -> Result<OrganisationName, Status> {
    let refusal = |error: NameError| Refusal::new(Code::Malformed, "this names no organisation", error, name);
    name.parse().map_err(|error| refused(refusal(error)))
}

/// The committed result of the verification that an open asked for, once it stands in the ledger.
fn decided(view: &StateView, id: &SubstrateId, session: u64) -> Result<Option<(Outcome, v1::RailItem)>, Status> {
    // Asked at every index while it waits: what is under way needs no look at the ledger.
    let pending: Option<Verification> = state::load(view, Table::Verifications, id.as_bytes()).map_err(unreadable)?;
    if pending.is_some_and(|pending| pending.session.0 == session) {
        return Ok(None);
    }
    let subject = Subject::Substrate(id.clone());
    let depth = read::subject_depth(view, &subject, Ledger::Reasoning).map_err(unreadable)?;
    // The record of this session is among the last ones: walk back in slices until an older session is met.
    let mut end = depth;
    while end > 0 {
        let start = end.saturating_sub(64);
        let indexes = read::subject_indexes(view, &subject, Ledger::Reasoning, start, (end - start) as usize)
            .map_err(unreadable)?;
        for index in indexes.into_iter().rev() {
            let (entry, rail) = item(view, Ledger::Reasoning, index)?;
            match entry.record {
                Record::IdentityVerification(result) if result.session.0 == session => {
                    return Ok(Some((result.outcome, rail)));
                }
                Record::IdentityVerification(result) if result.session.0 < session => return Ok(None),
                _ => {}
            }
        }
        end = start;
    }
    Ok(None)
}

#[tonic::async_trait]
impl SubstrateService for Api {
    async fn open_session(
        &self,
        request: Request<v1::OpenSessionRequest>,
    ) -> Result<Response<v1::OpenSessionResponse>, Status> {
        let bytes = request.into_inner().envelope;
        let envelope = Envelope::from_bytes(&bytes).map_err(refused)?;
        let command = canon::parse(&envelope.payload, &canon::Limits::SUBMISSION)
            .and_then(canon::decode::<selfsame_protocol::command::Submission>);
        let id = match command.map(|s| s.command) {
            Ok(Command::OpenSession(OpenSession { substrate_id, .. })) => substrate_id,
            _ => {
                return Err(refused(Refusal::new(
                    Code::Malformed,
                    "the envelope holds another command than the call is for",
                    "open_session",
                    "another command",
                )));
            }
        };
        let receipt = self.submit_one(bytes).await.map_err(refused)?;
        let requested = SessionRequested::try_from(receipt.result.clone()).map_err(unreadable)?;
        let mut applied = self.raft.applied();
        let wait = async {
            loop {
                applied.borrow_and_update();
                if let Some(first) = self.look(|view| decided(&view, &id, requested.session.0))? {
                    return Ok::<_, Status>(first);
                }
                tokio::select! {
                    changed = applied.changed() => if changed.is_err() { return Err(shutting_down()) },
                    () = self.env.shutdown.cancelled() => return Err(shutting_down()),
                }
            }
        };
        let late = || {
            refused(Refusal::new(
                Code::OutcomeUnknown,
                "too few nodes gave their verdict in time: send the same request again",
                "",
                "",
            ))
        };
        let (outcome, first) = tokio::time::timeout(VERDICTS_WITHIN, wait).await.map_err(|_| late())??;
        self.metrics.opened(outcome);
        let mut rail = vec![first];
        self.read(false, |view| {
            // The verification is always first and never hidden; evidence follows only behind an open gate.
            if known(&view, &id)?.phase == Phase::Open {
                let subject = Subject::Substrate(id.clone());
                let depth = read::subject_depth(&view, &subject, Ledger::Evidence).map_err(unreadable)?;
                for index in
                    read::subject_indexes(&view, &subject, Ledger::Evidence, depth.saturating_sub(RAIL as u64), RAIL)
                        .map_err(unreadable)?
                {
                    rail.push(item(&view, Ledger::Evidence, index)?.1);
                }
            }
            Ok(Response::new(v1::OpenSessionResponse { rail, receipt: json_of(&receipt) }))
        })
        .await
    }

    async fn get_substrate(
        &self,
        request: Request<v1::GetSubstrateRequest>,
    ) -> Result<Response<v1::GetSubstrateResponse>, Status> {
        let request = request.into_inner();
        self.read(request.stale_ok, |view| {
            let substrate = known(&view, &request.substrate_id)?;
            let state = read::holder_state(&view, &substrate).map_err(unreadable)?;
            let mut shown = serde_json::to_value(&substrate).map_err(unreadable)?;
            shown["state"] = state.as_str().into();
            Ok(Response::new(v1::GetSubstrateResponse { state: json_of(&shown) }))
        })
        .await
    }

    async fn list_substrates(
        &self,
        request: Request<v1::ListSubstratesRequest>,
    ) -> Result<Response<v1::ListSubstratesResponse>, Status> {
        let request = request.into_inner();
        let (limit, after) = (lists::size(request.page_size)?, lists::after(&request.page_token)?);
        let chip = (!request.chip.is_empty()).then(|| digest_of(&request.chip, "the chip id")).transpose()?;
        let organisation = Some(request.organisation).filter(|name| !name.is_empty());
        let organisation = organisation.map(|name| named(&name)).transpose()?;
        self.read(request.stale_ok, |view| {
            let page =
                list::substrates(&view, &Filter { chip, organisation }, after.as_deref(), limit).map_err(unreadable)?;
            let substrates = page.items.into_iter().map(lists::substrate).collect();
            Ok(Response::new(v1::ListSubstratesResponse { substrates, next_page_token: lists::token(page.next) }))
        })
        .await
    }

    async fn get_statement(
        &self,
        request: Request<v1::GetStatementRequest>,
    ) -> Result<Response<v1::GetStatementResponse>, Status> {
        let request = request.into_inner();
        let now = Timestamp::from_millis(self.env.clock.now_ms());
        let now = self.read(false, |view| {
            read::statement(&view, &request.substrate_id, now, request.regulated).map_err(unreadable)?.map_err(refused)
        });
        let proof = self.identity(&now.await?.substrate_id).await?;
        Ok(Response::new(v1::GetStatementResponse { statement: json_of(&proof) }))
    }

    async fn get_holder(
        &self,
        request: Request<v1::GetHolderRequest>,
    ) -> Result<Response<v1::GetHolderResponse>, Status> {
        let Ok(_place) = self.holders.try_acquire() else {
            let refusal = Refusal::new(
                Code::Overloaded,
                "too many holder statuses are being collected: try again, or ask another node",
                format!("at most {HOLDERS} at once"),
                "",
            );
            return Err(refused(refusal));
        };
        self.writable().map_err(refused)?;
        let note = self.cosigner.holder(&request.into_inner().substrate_id).await.map_err(refused)?;
        Ok(Response::new(v1::GetHolderResponse { note }))
    }

    type GetBundleStream = Parts<v1::GetBundleResponse>;
    async fn get_bundle(
        &self,
        request: Request<v1::GetBundleRequest>,
    ) -> Result<Response<Self::GetBundleStream>, Status> {
        let id = request.into_inner().substrate_id;
        let known = self.read(false, |view| Ok((known(&view, &id)?.substrate_id, Self::sizes(&view)?)));
        let (id, sizes) = known.await?;
        let place = self.place()?;
        let trees = self.checkpoints(sizes).await?;
        let subject = Subject::Substrate(id);
        let head = self.subject_head(&trees, &subject, None).await?;
        let message = |data: Vec<u8>| v1::GetBundleResponse { data: data.into() };
        Ok(Response::new(self.stream(place, message, move |api, out| api.write_bundle(&trees, &subject, head, out))))
    }

    async fn read_evidence(
        &self,
        request: Request<v1::ReadEvidenceRequest>,
    ) -> Result<Response<v1::ReadEvidenceResponse>, Status> {
        let request = request.into_inner();
        self.read(false, |view| {
            let substrate = known(&view, &request.substrate_id)?;
            read::gate(&substrate).map_err(refused)?;
            let limit = if request.limit == 0 { 100 } else { (request.limit as usize).min(MAX_READ) };
            let subject = Subject::Substrate(substrate.substrate_id);
            let indexes = read::subject_indexes(&view, &subject, Ledger::Evidence, request.from_depth, limit)
                .map_err(unreadable)?;
            let (mut items, mut bytes) = (Vec::new(), 0);
            for index in indexes {
                let (_, item) = item(&view, Ledger::Evidence, index)?;
                bytes += item.record.len();
                items.push(item);
                if bytes >= PAGE_BYTES {
                    break;
                }
            }
            let next_depth = request.from_depth.saturating_add(items.len() as u64);
            Ok(Response::new(v1::ReadEvidenceResponse { items, next_depth }))
        })
        .await
    }
}

/// Newer trees tried before a statement is given up: a substrate that goes on all the time has a moment between two steps.
const STATEMENTS: usize = 8;

impl Api {
    /// The identity statement in the newest published trees in which it holds, and what vouches for it.
    async fn identity(&self, id: &SubstrateId) -> Result<IdentityProof, Status> {
        let subject = Subject::Substrate(id.clone());
        let mut gone_on = None;
        for _ in 0..STATEMENTS {
            let sizes = self.look(|view| Self::sizes(&view))?;
            let trees = self.checkpoints(sizes).await?;
            let told = self.env.executor.here(|| {
                // No statement is older than the entries that it counts, whatever this node's clock says.
                let last = read::clock(&trees.view).map_err(unreadable)?;
                let time = Timestamp::from_millis(self.env.clock.now_ms()).max(last);
                let named = PerLedger::from_fn(|ledger| (trees.sizes[ledger], trees.roots[ledger]));
                let own = head::subject_head(&trees.view, &self.genesis, &subject, named, Some(time));
                let own = match own.map_err(unreadable)? {
                    Ok(own) => own,
                    Err(refusal) if refusal.code == Code::NotCosigned => return Ok(Err(refusal)),
                    Err(refusal) => return Err(refused(refusal)),
                };
                let statement = head::statement_in(&trees.view, &subject, &own.trees, time);
                Ok(Ok((time, statement.map_err(unreadable)?.map_err(refused)?)))
            });
            let (time, statement) = match told? {
                Ok(told) => told,
                Err(refusal) => {
                    gone_on = Some(refusal);
                    continue;
                }
            };
            let head = self.subject_head(&trees, &subject, Some(time)).await?;
            let (checkpoints, identity) = (trees.notes, IDENTITY_PROOF_TYPE.into());
            return Ok(IdentityProof { checkpoints, head, identity, statement });
        }
        Err(refused(
            gone_on.unwrap_or_else(|| {
                Refusal::new(Code::NotCosigned, "the statement was not made: ask again later", "", "")
            }),
        ))
    }
}
