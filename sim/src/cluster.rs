//! The cluster of a plan: names, addresses, keys, and the consensus identity that all nodes share.

use crate::random::key;
use crate::setup::Setup;
use selfsame_machine::Genesis;
use selfsame_machine::genesis::{GenesisNode, GenesisOrganisation};
use selfsame_machine::state::Publication;
use selfsame_protocol::command::ItemLimits;
use selfsame_protocol::constitution::Publisher;
use selfsame_protocol::keys::SecretKey;

/// Cluster id of every simulated cluster.
pub const CLUSTER: &str = "sim";
/// Port on which a node serves its peers.
pub const PEER_PORT: u16 = 7_000;
/// Port on which a node serves clients.
pub const CLIENT_PORT: u16 = 7_001;

/// The simulated host of a node.
pub fn host(node: u64) -> String {
    format!("n{node}")
}

/// Client addresses of all nodes.
pub fn endpoints(nodes: u64) -> Vec<String> {
    (1..=nodes).map(|id| format!("{}:{CLIENT_PORT}", host(id))).collect()
}

/// The consensus identity of a setup's cluster.
pub fn genesis(setup: &Setup) -> Genesis {
    let name = |org: u64| format!("org{org}");
    Genesis {
        cluster: CLUSTER.into(),
        origin: "sim.example".into(),
        limits: ItemLimits::default(),
        organisations: (0..setup.organisations)
            .map(|org| GenesisOrganisation {
                name: name(org).parse().unwrap(),
                root_key: root_key(setup.seed, org).public(),
                operator_key: operator_key(setup.seed, org).public(),
            })
            .collect(),
        nodes: (1..=setup.nodes)
            .map(|id| GenesisNode {
                id,
                organisation: name(setup.organisation_of(id)).parse().unwrap(),
                key: node_key(setup.seed, id).public(),
                cosigner: node_key(setup.seed, id).cosigner().public(),
            })
            .collect(),
        // Third-party verifiers know one log key: that of the first node.
        publication: Publication {
            threshold: None,
            publisher: Some(Publisher {
                organisation: name(0).parse().unwrap(),
                log_key: node_key(setup.seed, 1).log_key().public(),
            }),
        },
    }
}

/// The root key of an organisation, counted from 0.
pub fn root_key(seed: u64, organisation: u64) -> SecretKey {
    key(seed, &format!("root/{organisation}"))
}

/// The operator key of an organisation, counted from 0.
pub fn operator_key(seed: u64, organisation: u64) -> SecretKey {
    key(seed, &format!("operator/{organisation}"))
}

/// The key of a node.
pub fn node_key(seed: u64, id: u64) -> SecretKey {
    key(seed, &format!("node/{id}"))
}
