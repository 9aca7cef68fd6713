//! Comparing what the nodes of a cluster serve, from outside and without their help.
//!
//! An auditor brings addresses and the keys that it trusts, and believes nothing else: every entry is hashed, every tile
//! compared, and every note held against every other. What two notes cannot both say becomes an evidence file.

mod compare;
mod follow;
mod memory;
mod rehash;
mod source;

pub use compare::{Checked, Conflict, Report, Side, compare};
pub use follow::{Alarm, Follower, Step};
pub use memory::{Memory, MemoryError};
pub use source::{Problem, Source};

use selfsame_machine::Genesis;
use selfsame_protocol::note::{TYPE_ED25519, Vkey};

/// The keys that a consensus identity names, as those of checkpoints.
pub fn keys_of(genesis: &Genesis) -> Vec<Vkey> {
    let node = |n: &selfsame_machine::genesis::GenesisNode| Vkey {
        name: genesis.node_key_name(n.id),
        kind: TYPE_ED25519,
        key: n.key,
    };
    genesis.nodes.iter().map(node).collect()
}
