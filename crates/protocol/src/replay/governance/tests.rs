//! Who is in service, counted as nodes come and go.

use super::roster::Roster;
use crate::command::ItemLimits;
use crate::constitution::majority;
use crate::genesis::{GenesisDocument, GenesisNode, GenesisOrganisation, Publication};
use crate::keys::PublicKey;
use crate::names::OrganisationName;
use crate::number::NodeId;

fn key(number: u64) -> PublicKey {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    PublicKey::from_bytes(bytes)
}

/// Three organisations and so many nodes, in turn.
fn genesis(nodes: u64) -> GenesisDocument {
    let name = |number: u64| format!("o{}", number % 3).parse::<OrganisationName>().unwrap();
    let organisation = |n| GenesisOrganisation { name: name(n), root_key: key(n), operator_key: key(10 + n) };
    let node = |id| GenesisNode { id, organisation: name(id), key: key(1_000 + 2 * id), cosigner: key(1_001 + 2 * id) };
    GenesisDocument {
        cluster: "court".into(),
        origin: "ledger.example".into(),
        limits: ItemLimits::default(),
        organisations: (0..3).map(organisation).collect(),
        nodes: (1..=nodes).map(node).collect(),
        publication: Publication::default(),
    }
}

/// What is counted step by step is what a walk over all nodes counts.
///
/// shows: G-03, G-05
#[test]
fn nodes_in_service_are_counted_as_they_come_and_go() {
    let mut roster = Roster::new(&genesis(9));
    let compare = |roster: &Roster| {
        let serving: Vec<_> =
            roster.nodes.values().filter(|node| node.in_service()).map(|node| &node.organisation).collect();
        let members = roster.organisations.values().filter(|member| member.removed.is_none()).count();
        assert_eq!(roster.serving(), serving.len());
        assert_eq!(roster.majority(), majority(serving.into_iter(), members));
    };
    compare(&roster);
    let (mut index, mut refused) = (0, 0);
    // Out of service in both ways, in one after the other, twice, and under the name of another.
    for id in [1, 1, 4, 2, 5, 3, 8, 7, 6, 9, 12] {
        for organisation in &["o0", "o1", "o2"].map(|name| name.parse().unwrap()) {
            index += 1;
            let id = NodeId(id);
            let left = match id.0 % 2 {
                0 => roster.quarantine(index, id, organisation),
                _ => roster.retire_node(index, id, organisation),
            };
            refused += usize::from(left.is_err());
            compare(&roster);
        }
        let _ = roster.retire_node(index + 1, NodeId(4), &"o1".parse().unwrap());
        compare(&roster);
    }
    assert!(refused > 20 && roster.serving() < 5, "{refused} {}", roster.serving());
    let mut roster = Roster::new(&genesis(9));
    assert!(roster.remove(1, &"o1".parse().unwrap(), &[1, 4, 7].map(NodeId), crate::time::U64(5)).is_ok());
    compare(&roster);
    assert!(roster.remove(2, &"o2".parse().unwrap(), &[2, 5, 8].map(NodeId), crate::time::U64(5)).is_ok());
    compare(&roster);
    assert_eq!(roster.majority(), None, "alone it holds no quorum over anybody");
}
