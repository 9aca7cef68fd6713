//! Lists, page by page: substrates and chips.

use crate::read::{Unreadable, counted, digest, named, public_key, said};
use crate::substrate::{Phase, SubstrateCondition};
use crate::{Client, ClientError};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::keys::PublicKey;
use selfsame_protocol::number::Epoch;
use selfsame_protocol::p104::{Outcome, Technology};
use selfsame_wire::v1;

/// Most things asked for at once.
const PAGE: u32 = 1_000;

/// Which substrates are wanted: all by default.
#[derive(Clone, Debug, Default)]
pub struct SubstrateFilter {
    /// Only those that this chip holds.
    pub chip: Option<Digest>,
    /// Only those of this organisation.
    pub organisation: Option<String>,
}

/// What was read of a list, and where the rest begins.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The things, in order of their ids.
    pub items: Vec<T>,
    /// Token of what follows; `None` when that is all.
    pub next: Option<String>,
}

/// A substrate in one line of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedSubstrate {
    /// UUID.
    pub substrate_id: String,
    /// Owner.
    pub organisation: String,
    /// What it can do.
    pub state: SubstrateCondition,
    /// Where the session stands.
    pub phase: Phase,
    /// Chip id of the holder.
    pub chip: Digest,
    /// Epoch that the next write must name.
    pub epoch: Epoch,
    /// Cycles since birth.
    pub lineage_depth: u64,
    /// Its entries in the Evidence ledger.
    pub evidence_depth: u64,
    /// Its entries in the Reasoning ledger.
    pub reasoning_depth: u64,
    /// Outcome of the last verification.
    pub last_outcome: Option<Outcome>,
    /// Whether the birth is attested.
    pub complete: bool,
    /// The substrate that continues after DRIFT_EXCEEDED.
    pub successor: Option<String>,
}

/// A chip in one line of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedChip {
    /// Chip id: SHA-256 of the key.
    pub id: Digest,
    /// Key.
    pub key: PublicKey,
    /// Owner.
    pub organisation: String,
    /// What it is made of.
    pub technology: Technology,
    /// Out of service for good.
    pub retired: bool,
    /// Log index from which it is in service.
    pub since: u64,
    /// Log index from which it is not any more.
    pub until: Option<u64>,
}

fn substrate(one: v1::SubstrateSummary) -> Result<ListedSubstrate, Unreadable> {
    Ok(ListedSubstrate {
        substrate_id: one.substrate_id,
        organisation: one.organisation,
        state: named(&one.state)?,
        phase: named(&one.phase)?,
        chip: digest(&one.chip)?,
        epoch: Epoch(one.epoch),
        lineage_depth: one.lineage_depth,
        evidence_depth: one.evidence_depth,
        reasoning_depth: one.reasoning_depth,
        last_outcome: said(one.last_outcome).map(|outcome| named(&outcome)).transpose()?,
        complete: one.complete,
        successor: said(one.successor),
    })
}

fn chip(one: v1::Chip) -> Result<ListedChip, Unreadable> {
    Ok(ListedChip {
        id: digest(&one.id)?,
        key: public_key(&one.key)?,
        organisation: one.organisation,
        technology: named(&one.technology)?,
        retired: one.retired,
        since: one.since,
        until: counted(one.until),
    })
}

/// Reads one page: its items, and the token of the next, which must be behind `token`. A token that comes again would be
/// asked for without end.
fn page<W, T>(
    items: Vec<W>,
    one: fn(W) -> Result<T, Unreadable>,
    token: &str,
    next: String,
    asked: u32,
) -> Result<(Vec<T>, Option<String>), Unreadable> {
    if items.len() > asked as usize {
        return Err(Unreadable(format!("a page of {} where {asked} were asked for", items.len())));
    }
    let items = items.into_iter().map(one).collect::<Result<_, _>>()?;
    match said(next) {
        Some(next) if next.as_str() <= token => {
            Err(Unreadable("the next page of a list begins where the one before began".into()))
        }
        next => Ok((items, next)),
    }
}

fn size(left: usize) -> u32 {
    u32::try_from(left).map_or(PAGE, |left| left.clamp(1, PAGE))
}

impl Client {
    /// Substrates in order of their ids, from a token on: `limit` of them and one at least, or all that there are when they
    /// are fewer.
    /// The first token is empty.
    pub async fn substrates(
        &self,
        wanted: &SubstrateFilter,
        token: &str,
        limit: usize,
    ) -> Result<Page<ListedSubstrate>, ClientError> {
        let (mut items, mut token) = (Vec::new(), token.to_owned());
        loop {
            let page_size = size(limit - items.len());
            let message = v1::ListSubstratesRequest {
                page_size,
                page_token: token.clone(),
                chip: wanted.chip.map(|chip| chip.as_bytes().to_vec()).unwrap_or_default().into(),
                organisation: wanted.organisation.clone().unwrap_or_default(),
                stale_ok: false,
            };
            let read = |answer: v1::ListSubstratesResponse, _: &str| {
                page(answer.substrates, substrate, &token, answer.next_page_token, page_size)
            };
            let (some, next) = call!(self, list_substrates, message, read)?;
            items.extend(some);
            match next {
                Some(next) if items.len() < limit => token = next,
                next => return Ok(Page { items, next }),
            }
        }
    }

    /// Chips in order of their ids, from a token on: `limit` of them and one at least, or all that there are when they are
    /// fewer. The first token is empty.
    pub async fn chips(&self, token: &str, limit: usize) -> Result<Page<ListedChip>, ClientError> {
        let (mut items, mut token) = (Vec::new(), token.to_owned());
        loop {
            let page_size = size(limit - items.len());
            let message = v1::ListChipsRequest { page_size, page_token: token.clone(), stale_ok: false };
            let read = |answer: v1::ListChipsResponse, _: &str| {
                page(answer.chips, chip, &token, answer.next_page_token, page_size)
            };
            let (some, next) = call!(self, list_chips, message, read)?;
            items.extend(some);
            match next {
                Some(next) if items.len() < limit => token = next,
                next => return Ok(Page { items, next }),
            }
        }
    }

    /// One chip, in service or retired.
    pub async fn chip(&self, id: &Digest) -> Result<ListedChip, ClientError> {
        let message = v1::GetChipRequest { chip: id.as_bytes().to_vec().into(), stale_ok: false };
        call!(self, get_chip, message, |answer, _| match answer.chip {
            Some(found) if found.id[..] == id.as_bytes()[..] => chip(found),
            Some(_) => Err(Unreadable("another chip than was asked for".into())),
            None => Err(Unreadable("no chip in the answer".into())),
        })
    }
}
