//! Declared runs.

use super::bundles::Parts;
use super::{Api, PAGE_BYTES, bytes_of, digest_of, json_of, not_found, refused, unreadable, wire_ref};
use crate::store::StateView;
use selfsame_machine::state::Run;
use selfsame_machine::{list, read};
use selfsame_protocol::code::{Code, Refusal};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::{Entry, EntryRef};
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::record::Record;
use selfsame_protocol::run::compare;
use selfsame_protocol::subject::Subject;
use selfsame_protocol::time::U64;
use selfsame_wire::v1::{self, run_service_server::RunService};
use tonic::{Request, Response, Status};

/// Entries of a run read for one page of outcomes.
const PAGE: usize = 1_000;
/// Runs told of when the beginning of an id fits more than one.
const FOUND: usize = 16;

fn entry_at(view: &StateView, index: u64) -> Result<(EntryRef, Entry), Status> {
    let leaf = read::leaf(view, Ledger::Evidence, index)
        .map_err(unreadable)?
        .ok_or_else(|| not_found("Evidence entry", index))?;
    let entry = Entry::from_leaf(&leaf).map_err(unreadable)?;
    Ok((EntryRef { ledger: Ledger::Evidence, index: U64(index), hash: Entry::hash_of(&leaf) }, entry))
}

fn known(view: &StateView, id: &Digest) -> Result<Run, Status> {
    read::run(view, id).map_err(unreadable)?.ok_or_else(|| not_found("declared run", id))
}

#[tonic::async_trait]
impl RunService for Api {
    async fn get_run(&self, request: Request<v1::GetRunRequest>) -> Result<Response<v1::GetRunResponse>, Status> {
        let request = request.into_inner();
        let id = digest_of(&request.run_id, "run id")?;
        self.read(request.stale_ok, |view| {
            let run = known(&view, &id)?;
            let (place, entry) = entry_at(&view, run.declared.0)?;
            let Record::RunDeclaration { declaration, .. } = entry.record else {
                return Err(unreadable("the declaration's entry holds another record"));
            };
            let mut attestations = Vec::new();
            for (organisation, index) in &run.attestations {
                attestations.push(v1::RunAttestation {
                    organisation: organisation.to_string(),
                    entry: Some(wire_ref(&entry_at(&view, index.0)?.0)),
                });
            }
            Ok(Response::new(v1::GetRunResponse {
                run_id: bytes_of(&id),
                declaration: json_of(&declaration),
                elements: json_of(&run.elements),
                attestations,
                entry: Some(wire_ref(&place)),
            }))
        })
        .await
    }

    async fn find_runs(&self, request: Request<v1::FindRunsRequest>) -> Result<Response<v1::FindRunsResponse>, Status> {
        let request = request.into_inner();
        let bytes = request.prefix.len();
        if !(4..=32).contains(&bytes) {
            let rule = "the beginning of a run id has 4 to 32 bytes: give more of it";
            return Err(refused(Refusal::new(Code::Malformed, rule, "4 to 32 bytes", bytes)));
        }
        self.read(request.stale_ok, |view| {
            let found = list::runs_beginning_with(&view, &request.prefix, FOUND).map_err(unreadable)?;
            Ok(Response::new(v1::FindRunsResponse { run_ids: found.iter().map(bytes_of).collect() }))
        })
        .await
    }

    async fn get_agreement(
        &self,
        request: Request<v1::GetAgreementRequest>,
    ) -> Result<Response<v1::GetAgreementResponse>, Status> {
        let request = request.into_inner();
        self.read(request.stale_ok, |view| {
            let mut agreements = Vec::new();
            let found = read::agreement(&view, &request.request).map_err(unreadable)?;
            for tied in &found {
                let run = known(&view, &tied.run_id)?;
                agreements.push(v1::Agreement {
                    organisation: tied.organisation.to_string(),
                    run_id: bytes_of(&tied.run_id),
                    since_index: run.attestations.get(&tied.organisation).map_or(0, |index| index.0),
                });
            }
            if found.is_empty() {
                return Err(not_found("reference", &request.request));
            }
            // One alone agrees with nobody.
            let agreed = found.len() > 1 && found.windows(2).all(|pair| pair[0].run_id == pair[1].run_id);
            Ok(Response::new(v1::GetAgreementResponse { agreements, agreed }))
        })
        .await
    }

    async fn compare_runs(
        &self,
        request: Request<v1::CompareRunsRequest>,
    ) -> Result<Response<v1::CompareRunsResponse>, Status> {
        let request = request.into_inner();
        let (first, second) =
            (digest_of(&request.first, "first run id")?, digest_of(&request.second, "second run id")?);
        self.read(request.stale_ok, |view| {
            let (a, b) = (known(&view, &first)?.elements, known(&view, &second)?.elements);
            let differences: Vec<_> = compare(&a, &b)
                .into_iter()
                .map(|element| v1::ElementDifference {
                    element: element.to_string(),
                    first: bytes_of(&a.get(element)),
                    second: bytes_of(&b.get(element)),
                })
                .collect();
            Ok(Response::new(v1::CompareRunsResponse { same: differences.is_empty(), differences }))
        })
        .await
    }

    async fn list_outcomes(
        &self,
        request: Request<v1::ListOutcomesRequest>,
    ) -> Result<Response<v1::ListOutcomesResponse>, Status> {
        let request = request.into_inner();
        let id = digest_of(&request.run_id, "run id")?;
        self.read(request.stale_ok, |view| {
            known(&view, &id)?;
            let subject = Subject::Run(id);
            let indexes = read::subject_indexes(&view, &subject, Ledger::Evidence, request.from_depth, PAGE)
                .map_err(unreadable)?;
            let (mut outcomes, mut bytes, mut read) = (Vec::new(), 0, 0);
            for index in &indexes {
                let (place, entry) = entry_at(&view, *index)?;
                read += 1;
                if matches!(entry.record, Record::RunOutcome(_)) {
                    let record = json_of(&entry.record);
                    bytes += record.len();
                    outcomes.push(v1::RunOutcome { entry: Some(wire_ref(&place)), record });
                }
                if bytes >= PAGE_BYTES {
                    break;
                }
            }
            // A full page, or one cut short by its bytes, has more behind it.
            let more = indexes.len() == PAGE || read < indexes.len();
            let next_depth = if more { request.from_depth.saturating_add(read as u64) } else { 0 };
            Ok(Response::new(v1::ListOutcomesResponse { outcomes, next_depth }))
        })
        .await
    }

    type GetRunBundleStream = Parts<v1::GetRunBundleResponse>;
    async fn get_run_bundle(
        &self,
        request: Request<v1::GetRunBundleRequest>,
    ) -> Result<Response<Self::GetRunBundleStream>, Status> {
        let id = digest_of(&request.into_inner().run_id, "run id")?;
        let sizes = self.read(false, |view| known(&view, &id).and_then(|_| Self::sizes(&view))).await?;
        let place = self.place()?;
        let trees = self.checkpoints(sizes).await?;
        let subject = Subject::Run(id);
        let head = self.subject_head(&trees, &subject, None).await?;
        let message = |data: Vec<u8>| v1::GetRunBundleResponse { data: data.into() };
        Ok(Response::new(self.stream(place, message, move |api, out| api.write_bundle(&trees, &subject, head, out))))
    }
}
