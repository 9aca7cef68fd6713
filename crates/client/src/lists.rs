//! Lists, page by page: substrates, chips, keys.

use super::{Client, ClientError, MAX_MESSAGE, hashes};
use selfsame_protocol::digest::Digest;
use selfsame_wire::v1::{
    self, cluster_service_client::ClusterServiceClient, governance_service_client::GovernanceServiceClient,
    run_service_client::RunServiceClient, substrate_service_client::SubstrateServiceClient,
};
use tonic::{Request, Response};

/// Most things asked for at once.
const PAGE: u32 = 1_000;

/// Which substrates are wanted.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Only those that this chip holds.
    pub chip: Option<Digest>,
    /// Only those of this organisation.
    pub organisation: Option<String>,
}

/// What was read of a list, and where the rest begins.
#[derive(Clone, Debug)]
pub struct Part<T> {
    /// The things, in order of their ids.
    pub items: Vec<T>,
    /// Token of what follows; `None` when that is all.
    pub next: Option<String>,
}

impl Client {
    /// Substrates in order of their ids, from a token on: `limit` of them, or all that there are when they are fewer.
    pub async fn substrates(
        &self,
        wanted: &Wanted,
        token: &str,
        limit: usize,
    ) -> Result<Part<v1::SubstrateSummary>, ClientError> {
        let (mut items, mut token) = (Vec::new(), token.to_owned());
        loop {
            let message = v1::ListSubstratesRequest {
                page_size: page(limit - items.len()),
                page_token: token.clone(),
                chip: wanted.chip.map(|chip| chip.as_bytes().to_vec()).unwrap_or_default().into(),
                organisation: wanted.organisation.clone().unwrap_or_default(),
                stale_ok: false,
            };
            let answer = call!(self, SubstrateServiceClient, list_substrates, message)?;
            items.extend(answer.substrates);
            if let Some(part) = ends(&mut items, &mut token, answer.next_page_token, limit)? {
                return Ok(part);
            }
        }
    }

    /// Chips in order of their ids, from a token on: `limit` of them, or all that there are when they are fewer.
    pub async fn chips(&self, token: &str, limit: usize) -> Result<Part<v1::Chip>, ClientError> {
        let (mut items, mut token) = (Vec::new(), token.to_owned());
        loop {
            let message = v1::ListChipsRequest {
                page_size: page(limit - items.len()),
                page_token: token.clone(),
                stale_ok: false,
            };
            let answer = call!(self, GovernanceServiceClient, list_chips, message)?;
            items.extend(answer.chips);
            if let Some(part) = ends(&mut items, &mut token, answer.next_page_token, limit)? {
                return Ok(part);
            }
        }
    }

    /// One chip, in service or retired.
    pub async fn chip(&self, id: &Digest) -> Result<v1::Chip, ClientError> {
        let message = v1::GetChipRequest { chip: id.as_bytes().to_vec().into(), stale_ok: false };
        let answer = call!(self, GovernanceServiceClient, get_chip, message)?;
        answer.chip.ok_or_else(|| ClientError::Answer("no chip in the answer".into()))
    }

    /// Every key that was ever registered, with role and organisation.
    pub async fn keys(&self) -> Result<Vec<v1::Key>, ClientError> {
        Ok(call!(self, ClusterServiceClient, get_keys, v1::GetKeysRequest { stale_ok: false })?.keys)
    }

    /// Declared runs whose ids begin with these bytes, in order; at most 16 are told.
    pub async fn runs_beginning_with(&self, prefix: &[u8]) -> Result<Vec<Digest>, ClientError> {
        let message = v1::FindRunsRequest { prefix: prefix.to_vec().into(), stale_ok: false };
        hashes(&call!(self, RunServiceClient, find_runs, message)?.run_ids)
    }
}

fn page(left: usize) -> u32 {
    u32::try_from(left).map_or(PAGE, |left| left.clamp(1, PAGE))
}

/// What is returned when enough was read or nothing follows. A token that comes again would be asked for without end.
fn ends<T>(items: &mut Vec<T>, token: &mut String, next: String, limit: usize) -> Result<Option<Part<T>>, ClientError> {
    if next.is_empty() {
        return Ok(Some(Part { items: std::mem::take(items), next: None }));
    }
    if next <= *token {
        return Err(ClientError::Answer("the next page of a list begins where the one before began".into()));
    }
    if items.len() >= limit {
        return Ok(Some(Part { items: std::mem::take(items), next: Some(next) }));
    }
    *token = next;
    Ok(None)
}
