//! Comparing what the nodes of a cluster serve, from outside and without their help.
//!
//! An auditor brings addresses and the keys that it trusts, and believes nothing else: every entry is hashed, every tile
//! compared, and every note held against every other. What two notes cannot both say becomes an evidence file.

mod compare;
mod follow;
mod memory;
mod rehash;
mod source;

pub use compare::{AuditReport, Conflict, ServedLedger, Side, compare};
pub use follow::{Alarm, Follower, Step};
pub use memory::{Memory, MemoryError};
pub use source::{NodeSource, Problem};

use selfsame_machine::Genesis;
use selfsame_protocol::cosigning;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::note::{TYPE_ED25519, Vkey};

/// The keys that a consensus identity names for checkpoints: of cosigners, of the publisher's logs, and of nodes.
pub fn keys_of(genesis: &Genesis) -> Vec<Vkey> {
    let plain = |name: String, key| Vkey { name, kind: TYPE_ED25519, key };
    let mut keys: Vec<Vkey> =
        genesis.nodes.iter().map(|n| cosigning::vkey(&genesis.cosigner_name(n.id), n.cosigner)).collect();
    if let Some(publisher) = &genesis.publication.publisher {
        keys.extend(Ledger::BOTH.map(|ledger| plain(genesis.ledger_origin(ledger), publisher.log_key)));
    }
    keys.extend(genesis.nodes.iter().map(|n| plain(genesis.node_key_name(n.id), n.key)));
    keys
}
