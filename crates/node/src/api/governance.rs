//! What organisations decide together: the constitution and the ballots, for reading.

use super::{Api, bytes_of, digest_of, json_of, lists, not_found, refused, unreadable};
use selfsame_machine::state::Ballot;
use selfsame_machine::view::View;
use selfsame_machine::{list, read};
use selfsame_protocol::code::{Code, Refusal};
use selfsame_wire::v1::{self, governance_service_server::GovernanceService};
use tonic::{Request, Response, Status};

/// Ballots of one answer when the caller names no number, and at most.
const PAGE: (u32, u32) = (100, 1_000);

fn wire(view: &dyn View, id: String, ballot: &Ballot) -> Result<v1::Ballot, Status> {
    let takes_votes = read::takes_votes(view, ballot).map_err(unreadable)?;
    Ok(v1::Ballot { proposal_id: id, ballot: json_of(ballot), takes_votes })
}

#[tonic::async_trait]
impl GovernanceService for Api {
    async fn get_constitution(
        &self,
        request: Request<v1::GetConstitutionRequest>,
    ) -> Result<Response<v1::GetConstitutionResponse>, Status> {
        self.read(request.into_inner().stale_ok, |view| {
            let constitution = read::constitution(&view)
                .map_err(unreadable)?
                .ok_or_else(|| not_found("constitution of", &self.genesis.cluster))?;
            Ok(Response::new(v1::GetConstitutionResponse {
                constitution: json_of(&constitution),
                hash: bytes_of(&constitution.hash()),
            }))
        })
        .await
    }

    async fn list_ballots(
        &self,
        request: Request<v1::ListBallotsRequest>,
    ) -> Result<Response<v1::ListBallotsResponse>, Status> {
        let request = request.into_inner();
        let (usual, most) = PAGE;
        let limit = if request.limit == 0 { usual } else { request.limit };
        if limit > most {
            return Err(refused(Refusal::new(
                Code::LimitExceeded,
                "too many ballots were asked for at once: ask for fewer",
                format!("at most {most}"),
                limit,
            )));
        }
        self.read(request.stale_ok, |view| {
            let found = read::ballots(&view, request.open, &request.after, limit as usize).map_err(unreadable)?;
            let ballots = found.into_iter().map(|(id, ballot)| wire(&view, id, &ballot)).collect::<Result<_, _>>()?;
            Ok(Response::new(v1::ListBallotsResponse { ballots }))
        })
        .await
    }

    async fn get_ballot(
        &self,
        request: Request<v1::GetBallotRequest>,
    ) -> Result<Response<v1::GetBallotResponse>, Status> {
        let v1::GetBallotRequest { proposal_id: id, stale_ok } = request.into_inner();
        self.read(stale_ok, |view| {
            let Some(ballot) = read::ballot(&view, &id).map_err(unreadable)? else {
                return Err(refused(Refusal::new(
                    Code::UnknownProposal,
                    "there is no ballot of this name: see `governance ballots --all`",
                    "",
                    id,
                )));
            };
            Ok(Response::new(v1::GetBallotResponse { ballot: Some(wire(&view, id, &ballot)?) }))
        })
        .await
    }

    async fn list_chips(
        &self,
        request: Request<v1::ListChipsRequest>,
    ) -> Result<Response<v1::ListChipsResponse>, Status> {
        let request = request.into_inner();
        let (limit, after) = (lists::size(request.page_size)?, lists::after(&request.page_token)?);
        self.read(request.stale_ok, |view| {
            let page = list::chips(&view, after.as_deref(), limit).map_err(unreadable)?;
            let chips = page.items.into_iter().map(lists::chip).collect();
            Ok(Response::new(v1::ListChipsResponse { chips, next_page_token: lists::token(page.next) }))
        })
        .await
    }

    async fn get_chip(&self, request: Request<v1::GetChipRequest>) -> Result<Response<v1::GetChipResponse>, Status> {
        let request = request.into_inner();
        let id = digest_of(&request.chip, "the chip id")?;
        self.read(request.stale_ok, |view| {
            let Some(found) = list::chip(&view, &id).map_err(unreadable)? else {
                let rule = "no chip of this id was ever enrolled here: see `selfsame chip list`";
                return Err(refused(Refusal::new(Code::UnknownChip, rule, "an enrolled chip", id)));
            };
            Ok(Response::new(v1::GetChipResponse { chip: Some(lists::chip(found)) }))
        })
        .await
    }
}
