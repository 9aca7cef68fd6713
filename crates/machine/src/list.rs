//! What there is, page by page: substrates and chips, in order of their ids.
//!
//! A page looks at a bounded number of rows, whatever is asked for. A page of a filtered list may therefore be short, or
//! empty, and not the last one: only a missing [`Page::next`] says that nothing follows.

use crate::read::{holder_state, subject_depth};
use crate::state::{self, Chip, Phase, Registration, Substrate, prefix_end};
use crate::view::{ReadError, Row, Table, View};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::holder::HolderState;
use selfsame_protocol::ledger::PerLedger;
use selfsame_protocol::names::{OrganisationName, SubstrateId};
use selfsame_protocol::number::Epoch;
use selfsame_protocol::p104::Outcome;
use selfsame_protocol::subject::Subject;

/// Most rows that one page looks at. A substrate's row has a few kilobytes, so a page reads some megabytes at most in
/// the usual case.
pub const LOOK: usize = 2_048;
/// Rows read at once.
const SLICE: usize = 64;
/// Bytes of rows after which a page ends. Source: the largest answer that clients read (16 MiB), with room.
const BYTES: usize = 4 << 20;

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The things, in order of their keys.
    pub items: Vec<T>,
    /// The key behind which the next page begins; `None` when nothing follows.
    pub next: Option<Vec<u8>>,
}

/// One substrate in a line of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// UUID.
    pub substrate_id: SubstrateId,
    /// Owner.
    pub organisation: OrganisationName,
    /// What its holder may do.
    pub state: HolderState,
    /// Where the session stands.
    pub phase: Phase,
    /// Chip id of the holder.
    pub chip: Digest,
    /// Epoch that the next write must name.
    pub epoch: Epoch,
    /// Cycles since birth.
    pub lineage_depth: u64,
    /// Entries of the substrate.
    pub depths: PerLedger<u64>,
    /// Outcome of the last verification; `None` before the first.
    pub last_outcome: Option<Outcome>,
    /// Whether the birth is attested.
    pub complete: bool,
    /// The substrate that continues after DRIFT_EXCEEDED.
    pub successor: Option<SubstrateId>,
}

/// Which substrates are wanted.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only those that this chip holds.
    pub chip: Option<Digest>,
    /// Only those of this organisation.
    pub organisation: Option<OrganisationName>,
}

impl Filter {
    fn takes(&self, substrate: &Substrate) -> bool {
        self.chip.is_none_or(|chip| substrate.holder.chip == chip)
            && self.organisation.as_ref().is_none_or(|name| *name == substrate.organisation)
    }
}

/// Substrates in order of their ids, from the one behind `after` on, at most `limit`.
pub fn substrates(
    view: &dyn View,
    filter: &Filter,
    after: Option<&[u8]>,
    limit: usize,
) -> Result<Page<Summary>, ReadError> {
    page(view, Table::Substrates, after, limit, |row| {
        let (key, value) = row;
        let substrate: Substrate =
            serde_json::from_slice(value).map_err(|e| state::undecodable(Table::Substrates, key, e))?;
        filter.takes(&substrate).then(|| summary(view, substrate)).transpose()
    })
}

fn summary(view: &dyn View, substrate: Substrate) -> Result<Summary, ReadError> {
    let subject = Subject::Substrate(substrate.substrate_id.clone());
    Ok(Summary {
        state: holder_state(view, &substrate)?,
        phase: substrate.phase,
        chip: substrate.holder.chip,
        epoch: crate::read::epoch(view, &substrate)?,
        lineage_depth: substrate.lineage_depth.0,
        depths: PerLedger::try_from_fn(|ledger| subject_depth(view, &subject, ledger))?,
        last_outcome: substrate.status,
        complete: substrate.complete,
        successor: substrate.successor,
        organisation: substrate.organisation,
        substrate_id: substrate.substrate_id,
    })
}

/// A chip with the registration of its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolled {
    /// Chip id.
    pub id: Digest,
    /// What the cluster keeps about it.
    pub chip: Chip,
    /// Since when, and until when, its key is in force.
    pub registration: Option<Registration>,
}

fn enrolled(view: &dyn View, chip: Chip) -> Result<Enrolled, ReadError> {
    let registration = state::load(view, Table::Keys, chip.key.as_bytes())?;
    Ok(Enrolled { id: chip.key.id(), chip, registration })
}

/// One chip, in service or retired.
pub fn chip(view: &dyn View, id: &Digest) -> Result<Option<Enrolled>, ReadError> {
    let found: Option<Chip> = state::load(view, Table::Chips, id.as_bytes())?;
    found.map(|chip| enrolled(view, chip)).transpose()
}

/// Chips in order of their ids, from the one behind `after` on, at most `limit`.
pub fn chips(view: &dyn View, after: Option<&[u8]>, limit: usize) -> Result<Page<Enrolled>, ReadError> {
    page(view, Table::Chips, after, limit, |(key, value)| {
        let chip = serde_json::from_slice(value).map_err(|e| state::undecodable(Table::Chips, key, e))?;
        enrolled(view, chip).map(Some)
    })
}

/// Ids of declared runs that begin with `prefix`, at most `limit`.
pub fn runs_beginning_with(view: &dyn View, prefix: &[u8], limit: usize) -> Result<Vec<Digest>, ReadError> {
    let rows = view.scan(Table::Runs, prefix, &prefix_end(prefix), limit)?;
    rows.into_iter()
        .map(|(key, _)| {
            <[u8; 32]>::try_from(&key[..])
                .map(Digest::from_bytes)
                .map_err(|_| state::undecodable(Table::Runs, &key, "the key of a run has 32 bytes"))
        })
        .collect()
}

/// Rows from behind `after` on, those that `take` makes something of, until `limit` things, [`LOOK`] rows or [`BYTES`].
fn page<T>(
    view: &dyn View,
    table: Table,
    after: Option<&[u8]>,
    limit: usize,
    mut take: impl FnMut(&Row) -> Result<Option<T>, ReadError>,
) -> Result<Page<T>, ReadError> {
    // The least key above a key is the key with a zero byte behind it.
    let above = |key: &[u8]| [key, &[0]].concat();
    let mut from = after.map(above).unwrap_or_default();
    let (mut items, mut looked, mut bytes) = (Vec::new(), 0, 0);
    loop {
        let rows = view.scan(table, &from, &prefix_end(&[]), SLICE)?;
        let last = rows.len() < SLICE;
        for (at, row) in rows.iter().enumerate() {
            items.extend(take(row)?);
            looked += 1;
            bytes += row.1.len();
            if items.len() >= limit || looked >= LOOK || bytes >= BYTES {
                let more = !last || at + 1 < rows.len();
                return Ok(Page { items, next: more.then(|| row.0.clone()) });
            }
        }
        match rows.last() {
            Some((key, _)) if !last => from = above(key),
            Some(_) | None => return Ok(Page { items, next: None }),
        }
    }
}
