//! A data directory that an earlier build wrote is opened by this one, and decides the same: every entry of its log, applied
//! to the state of the genesis, gives every row that is stored, byte for byte.
//!
//! `fixtures/demo-node` is one node of the story that `selfsame demo` plays: births, sessions, cycles, a migration, a refused
//! chip, runs, ballots, a quarantine, a suppression. When a format changes on purpose, it is written anew by
//! `selfsame demo --keep`, and the digest below with it.

use prost::Message as _;
use selfsame_env::DirDisk;
use selfsame_machine::genesis::Genesis;
use selfsame_machine::state::{META_GENESIS, load};
use selfsame_machine::view::{Model, Table, View};
use selfsame_machine::{Batch, apply};
use selfsame_node::store::{Identity, Store};
use selfsame_protocol::digest::hex;
use selfsame_protocol::envelope::prepare;
use selfsame_protocol::time::Timestamp;
use selfsame_wire::raft::v1::{LogEntry, log_entry::Payload};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// State digest of the fixture, as the build that wrote it says.
const DIGEST: &str = "99f60b96a5288e61ebada53795e7e89b6cdcb7efa797256cd0b94bdb9daf661d";

/// The row whose byte the story flips on the disk of each node, near its end.
const DAMAGED: (Table, u64) = (Table::Evidence, 8);

type Rows = BTreeMap<(u8, Vec<u8>), Vec<u8>>;

fn rows(view: &dyn View) -> Rows {
    let of = |table: &Table| {
        let scan = |from: &[u8], to: &[u8]| view.scan(*table, from, to, usize::MAX).unwrap();
        let rows = match DAMAGED {
            (damaged, index) if damaged == *table => {
                [scan(&[], &index.to_be_bytes()), scan(&(index + 1).to_be_bytes(), &[255; 512])].concat()
            }
            _ => scan(&[], &[255; 512]),
        };
        let number = *table as u8;
        rows.into_iter().map(move |(key, value)| ((number, key), value))
    };
    Table::ALL.iter().flat_map(of).collect()
}

/// shows: P-052
#[test]
fn what_an_earlier_build_wrote_is_read_and_decided_alike() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/demo-node");
    let dir = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(&fixture).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), dir.path().join(entry.file_name())).unwrap();
    }
    let identity: Value = serde_json::from_slice(&std::fs::read(fixture.join("identity")).unwrap()).unwrap();
    let identity = Identity {
        cluster: identity["cluster"].as_str().unwrap().into(),
        genesis: identity["genesis"].as_str().unwrap().into(),
        node: identity["node"].as_u64().unwrap(),
    };
    let store = Store::open(Arc::new(DirDisk::open(dir.path()).unwrap()), &identity).unwrap();
    let applied = store.state.applied().unwrap().unwrap();
    assert_eq!(applied.digest, DIGEST);
    let view = store.state.view().unwrap();
    let genesis: Genesis = load(&view, Table::Meta, META_GENESIS).unwrap().unwrap();
    let mut model = Model::default();
    model.commit(genesis.changes());
    let (mut digest, mut submissions) = (String::new(), 0);
    let last = applied.position.unwrap().index;
    for (index, bytes) in store.log.read(0, last + 1, usize::MAX).unwrap() {
        if let Some(Payload::Proposal(proposal)) = LogEntry::decode(&bytes[..]).unwrap().payload {
            submissions += proposal.submissions.len();
            let prepared = proposal.submissions.iter().map(|bytes| prepare(bytes, &genesis.limits)).collect();
            let batch = Batch { time: Timestamp::from_millis(proposal.time_ms), submissions: prepared };
            let decided = apply(&model, index, &batch).unwrap();
            digest = hex(&decided.digest);
            model.commit(decided.changes);
        }
    }
    assert!(submissions > 40, "{submissions}");
    assert_eq!(digest, DIGEST);
    let (decided, stored) = (rows(&model), rows(&view));
    let differ: Vec<_> =
        stored.iter().filter(|(key, value)| decided.get(*key) != Some(value)).map(|(key, _)| key).collect();
    assert!(
        differ.is_empty() && decided.len() == stored.len(),
        "{} and {} rows: {differ:?}",
        decided.len(),
        stored.len()
    );
}
