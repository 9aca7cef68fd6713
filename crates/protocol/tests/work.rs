//! Work does not grow with what a stranger puts into a file more than the file itself does.

use selfsame_protocol::command::ItemLimits;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::Entry;
use selfsame_protocol::genesis::{GenesisDocument, GenesisNode, GenesisOrganisation, Publication};
use selfsame_protocol::governance::GovernanceAction;
use selfsame_protocol::keys::PublicKey;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::number::NodeId;
use selfsame_protocol::record::Record;
use selfsame_protocol::replay::governance::Governance;
use selfsame_protocol::time::{Timestamp, U64};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

fn key(number: u64) -> PublicKey {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    PublicKey::from_bytes(bytes)
}

fn name(number: u64) -> String {
    format!("o{}", number % 3)
}

/// Three organisations and so many nodes, in turn.
fn genesis(nodes: u64) -> GenesisDocument {
    let organisation =
        |n| GenesisOrganisation { name: name(n).parse().unwrap(), root_key: key(n), operator_key: key(10 + n) };
    let node = |id| GenesisNode {
        id,
        organisation: name(id).parse().unwrap(),
        key: key(1_000 + 2 * id),
        cosigner: key(1_001 + 2 * id),
    };
    GenesisDocument {
        cluster: "court".into(),
        origin: "ledger.example".into(),
        limits: ItemLimits::default(),
        organisations: (0..3).map(organisation).collect(),
        nodes: (1..=nodes).map(node).collect(),
        publication: Publication::default(),
    }
}

/// So many nodes retired one after the other.
fn retirements(number: u64) -> Vec<Vec<u8>> {
    let mut heads = BTreeMap::new();
    let leaf = |at: u64| {
        let subject = format!("organisation:{}", name(at + 1));
        let entry = Entry {
            index: U64(at),
            ledger: Ledger::Reasoning,
            subject: subject.parse().unwrap(),
            depth: U64(at / 3),
            prior_entry_hash: heads.get(&subject).copied(),
            time: Timestamp::from_millis(1_000 + at),
            submission: Digest::of(&at.to_be_bytes()),
            record: Record::Governance { action: GovernanceAction::RetireNode { node: NodeId(at + 1) } },
        };
        heads.insert(subject, Entry::hash_of(&entry.leaf()));
        entry.leaf()
    };
    (0..number).map(leaf).collect()
}

/// So many retirements take about as long with thirty thousand nodes as with three hundred.
///
/// shows: G-05
#[test]
fn a_retirement_does_not_walk_over_all_nodes() {
    let leaves = retirements(150);
    let took = |nodes: u64| {
        let document = genesis(nodes);
        let once = || {
            let mut history = Governance::new(&document);
            let start = Instant::now();
            leaves.iter().for_each(|leaf| history.leaf(leaf, None).unwrap());
            start.elapsed()
        };
        // The best of several: others work on the same machine.
        (0..5).map(|_| once()).min().unwrap_or(Duration::ZERO)
    };
    let (few, many) = (took(300), took(30_000));
    assert!(many < few * 10, "{few:?} with 300 nodes, {many:?} with 30000");
}
