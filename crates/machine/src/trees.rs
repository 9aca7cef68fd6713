//! The trees of both ledgers: where they are kept, and how they grow.

use crate::state;
use crate::view::{ReadError, Table, View};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::ledger::{Ledger, PerLedger};
use selfsame_protocol::merkle::{Frontier, TileId};

/// [`Table::Meta`] key of a ledger's compact tree.
pub fn head_key(ledger: Ledger) -> Vec<u8> {
    format!("head/{ledger}").into_bytes()
}

/// Key of a tile.
pub fn tile_key(ledger: Ledger, tile: TileId) -> Vec<u8> {
    [&[ledger.slot() as u8, tile.level][..], &tile.index.to_be_bytes()].concat()
}

/// A ledger's compact tree.
pub fn frontier(view: &dyn View, ledger: Ledger) -> Result<Frontier, ReadError> {
    let key = head_key(ledger);
    match view.get(Table::Meta, &key)? {
        None => Ok(Frontier::default()),
        Some(bytes) => Frontier::from_bytes(&bytes).map_err(|e| state::undecodable(Table::Meta, &key, e)),
    }
}

/// A ledger as it grows.
pub(crate) struct Growth {
    /// Compact tree.
    pub frontier: Frontier,
    /// Leaf hashes of what was appended here and is not in the tiles yet.
    pub leaves: Vec<Digest>,
}

/// The trees as one submission sees them: same heads, no leaves of its own yet.
pub(crate) fn fork(growth: &PerLedger<Growth>) -> PerLedger<Growth> {
    growth.each_ref().map(|g| Growth { frontier: g.frontier.clone(), leaves: Vec::new() })
}

/// Takes over what an accepted submission appended.
pub(crate) fn join(growth: &mut PerLedger<Growth>, grown: PerLedger<Growth>) {
    for (ledger, theirs) in grown {
        let mine = &mut growth[ledger];
        mine.frontier = theirs.frontier;
        mine.leaves.extend(theirs.leaves);
    }
}
