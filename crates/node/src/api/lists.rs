//! Pages of lists: what a caller asks for, and what it is answered.

use super::{bytes_of, refused};
use selfsame_machine::list::{Enrolled, Summary};
use selfsame_protocol::code::{Code, Refusal};
use selfsame_protocol::digest::{hex, unhex};
use selfsame_protocol::ledger::PerLedger;
use selfsame_wire::v1;
use tonic::Status;

/// Things of one answer when the caller names no number, and at most.
const PAGE: (u32, u32) = (100, 1_000);
/// Longest key behind which a page can begin, in bytes.
const TOKEN: usize = 64;

/// How many things the caller wants: the usual number when it names none.
pub(super) fn size(asked: u32) -> Result<usize, Status> {
    let (usual, most) = PAGE;
    match asked {
        0 => Ok(usual as usize),
        asked if asked > most => {
            let rule = "the page is too large: ask for fewer at once";
            Err(refused(Refusal::new(Code::LimitExceeded, rule, format!("at most {most}"), asked)))
        }
        asked => Ok(asked as usize),
    }
}

/// The key behind which the page begins; `None` for the first page.
pub(super) fn after(token: &str) -> Result<Option<Vec<u8>>, Status> {
    if token.is_empty() {
        return Ok(None);
    }
    match unhex(token) {
        Some(key) if key.len() <= TOKEN => Ok(Some(key)),
        Some(_) | None => {
            let rule = "the page token was given by no answer: send next_page_token of the answer before, or none";
            let found: String = token.chars().take(2 * TOKEN).collect();
            Err(refused(Refusal::new(Code::Malformed, rule, "a token of an answer", found)))
        }
    }
}

/// The token of the page behind a key.
pub(super) fn token(next: Option<Vec<u8>>) -> String {
    next.map(|key| hex(&key)).unwrap_or_default()
}

pub(super) fn substrate(summary: Summary) -> v1::SubstrateSummary {
    let phase = summary.phase.as_str();
    let PerLedger { evidence: evidence_depth, reasoning: reasoning_depth } = summary.depths;
    v1::SubstrateSummary {
        substrate_id: summary.substrate_id.into(),
        organisation: summary.organisation.into(),
        state: summary.state.as_str().into(),
        phase: phase.into(),
        chip: bytes_of(&summary.chip),
        epoch: summary.epoch.0,
        lineage_depth: summary.lineage_depth,
        evidence_depth,
        reasoning_depth,
        last_outcome: summary.last_outcome.map(|outcome| outcome.as_str().into()).unwrap_or_default(),
        complete: summary.complete,
        successor: summary.successor.map(String::from).unwrap_or_default(),
    }
}

pub(super) fn chip(enrolled: Enrolled) -> v1::Chip {
    let (since, until) = enrolled.registration.map_or((0, None), |one| (one.since.0, one.until));
    v1::Chip {
        id: bytes_of(&enrolled.id),
        key: enrolled.chip.key.as_bytes().to_vec().into(),
        organisation: enrolled.chip.organisation.into(),
        technology: enrolled.chip.technology.to_string(),
        retired: enrolled.chip.retired,
        since,
        until: until.map_or(0, |until| until.0),
    }
}
