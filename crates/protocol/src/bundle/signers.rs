//! Whose signature counts under a note, by the history of keys.

use crate::cosigning;
use crate::ledger::Ledger;
use crate::note::{TYPE_ED25519, Vkey};
use crate::number::NodeId;
use crate::quorum::{KnownCosigner, Quorum};
use crate::replay::governance::{Governed, NodeSpan};

/// Every key that may stand under a note, of nodes, cosigners and logs: what was signed before a key ended stays signed.
pub(super) fn vkeys(governed: &Governed, origin: &str) -> Vec<Vkey> {
    let node = |(id, node): (&NodeId, &NodeSpan)| {
        let own = Vkey { name: format!("{origin}/node/{id}"), kind: TYPE_ED25519, key: node.key };
        [own, cosigner(origin, *id, node)]
    };
    let logs = governed.log_keys.iter().flat_map(|key| {
        Ledger::BOTH.map(|ledger| Vkey { name: format!("{origin}/{ledger}"), kind: TYPE_ED25519, key: *key })
    });
    governed.nodes.iter().flat_map(node).chain(logs).collect()
}

/// Whose cosignatures count at the end, and how many organisations it takes.
pub(super) fn quorum(governed: &Governed, origin: &str) -> Quorum {
    let in_service = governed.nodes.iter().filter(|(_, node)| node.in_service());
    let cosigners = in_service.map(|(id, node)| KnownCosigner {
        organisation: node.organisation.clone().into(),
        vkey: cosigner(origin, *id, node),
    });
    Quorum { cosigners: cosigners.collect(), threshold: governed.constitution.cosignatures() }
}

fn cosigner(origin: &str, id: NodeId, node: &NodeSpan) -> Vkey {
    cosigning::vkey(&format!("{origin}/cosigner/{id}"), node.cosigner)
}
