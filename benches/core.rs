//! Costs of single steps of an append, one thread: canonical JSON, signatures, trees, proofs, apply.
//!
//! Run with `cargo bench`. Throughput of a whole cluster is `selfsame bench`.

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use selfsame_machine::genesis::{GenesisNode, GenesisOrganisation};
use selfsame_machine::view::Model;
use selfsame_machine::{Batch, Genesis, apply};
use selfsame_protocol::canon;
use selfsame_protocol::command::{Command, DeclareRun, ItemLimits, Role, Submission};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::envelope::{Envelope, prepare};
use selfsame_protocol::keys::SecretKey;
use selfsame_protocol::merkle::{Frontier, append_to_tiles, inclusion_proof, leaf_hash, verify_inclusion};
use selfsame_protocol::time::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::convert::Infallible;

fn main() {
    divan::main();
}

fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

fn genesis() -> Genesis {
    let organisation = GenesisOrganisation {
        name: "aurora".parse().unwrap(),
        root_key: key(1).public(),
        operator_key: key(2).public(),
    };
    let node = GenesisNode {
        id: 1,
        organisation: "aurora".parse().unwrap(),
        key: key(3).public(),
        cosigner: key(3).cosigner().public(),
    };
    Genesis {
        cluster: "bench".into(),
        origin: "bench.example".into(),
        limits: ItemLimits::default(),
        organisations: vec![organisation],
        nodes: vec![node],
        publication: Default::default(),
    }
}

fn declaration(seed: u64) -> Value {
    json!({
        "type": "selfsame/run-declaration/v1",
        "model": {"provider": "local", "name": "m", "revision": "1", "assurance": "provider-asserted"},
        "prompt": {"messages": [{"role": "user", "parts": [{"type": "text", "content": {"inline": "x".repeat(256)}}]}]},
        "parameters": {"temperature": 0, "seed": seed.to_string()},
        "context": {"none": true},
        "constraints": {"none": true},
    })
}

fn envelope(seed: u64) -> Vec<u8> {
    Envelope::sign(&submission(seed), &key(2)).to_bytes()
}

#[divan::bench]
fn canonical_parse_and_print(bencher: Bencher) {
    let text = canon::to_canonical(&declaration(1));
    bencher.counter(BytesCount::new(text.len())).bench_local(|| {
        let value = canon::parse(divan::black_box(&text), &canon::Limits::SUBMISSION).unwrap();
        canon::to_canonical(&value)
    });
}

fn submission(seed: u64) -> Submission {
    let command = Command::DeclareRun(DeclareRun { declaration: declaration(seed), request: None });
    Submission::new("bench", &format!("r{seed}"), Role::Operator, key(2).public(), command)
}

/// The canonical writer, beside the library that wrote the form before.
#[divan::bench_group]
mod canonical_form {
    use super::*;

    #[divan::bench]
    fn written(bencher: Bencher) {
        let submission = submission(1);
        bencher.bench_local(|| canon::to_canonical_of(divan::black_box(&submission)));
    }

    #[divan::bench]
    fn written_by_the_library(bencher: Bencher) {
        let submission = submission(1);
        bencher.bench_local(|| serde_json_canonicalizer::to_vec(divan::black_box(&submission)).unwrap());
    }

    #[divan::bench]
    fn checked(bencher: Bencher) {
        let bytes = canon::to_canonical_of(&submission(1));
        bencher.bench_local(|| canon::is_canonical(divan::black_box(&bytes), &canon::Limits::SUBMISSION));
    }

    #[divan::bench]
    fn checked_by_writing_again(bencher: Bencher) {
        let bytes = canon::to_canonical_of(&submission(1));
        bencher.bench_local(|| {
            let value = canon::parse(divan::black_box(&bytes), &canon::Limits::SUBMISSION).unwrap();
            serde_json_canonicalizer::to_vec(&value).unwrap() == bytes
        });
    }

    #[divan::bench]
    fn read(bencher: Bencher) {
        let bytes = canon::to_canonical_of(&submission(1));
        let limits = canon::Limits::SUBMISSION;
        bencher.bench_local(|| canon::decode_exact::<Submission>(divan::black_box(&bytes), &limits).unwrap());
    }

    #[divan::bench]
    fn read_by_way_of_a_document(bencher: Bencher) {
        let bytes = canon::to_canonical_of(&submission(1));
        bencher.bench_local(|| {
            let value = canon::parse(divan::black_box(&bytes), &canon::Limits::SUBMISSION).unwrap();
            let read: Submission = serde_json::from_value(value).unwrap();
            assert!(serde_json_canonicalizer::to_vec(&read).unwrap() == bytes);
            read
        });
    }
}

#[divan::bench(args = [256, 4_096, 65_536])]
fn sha256(bencher: Bencher, bytes: usize) {
    let data = vec![7_u8; bytes];
    bencher.counter(BytesCount::new(bytes)).bench_local(|| Digest::of(divan::black_box(&data)));
}

#[divan::bench]
fn sign(bencher: Bencher) {
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| envelope(1));
}

/// What every replica does once for each submission: strict parse, strict signature check.
#[divan::bench]
fn prepare_submission(bencher: Bencher) {
    let (bytes, limits) = (envelope(1), ItemLimits::default());
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| prepare(divan::black_box(&bytes), &limits).unwrap());
}

#[divan::bench(args = [1, 100, 1_000])]
fn apply_batch(bencher: Bencher, submissions: u64) {
    let genesis = genesis();
    let mut model = Model::default();
    model.commit(genesis.changes());
    let limits = ItemLimits::default();
    let prepared: Vec<_> = (0..submissions).map(|seed| prepare(&envelope(seed), &limits)).collect();
    bencher
        .counter(ItemsCount::new(submissions))
        .with_inputs(|| Batch { time: Timestamp::from_millis(1), submissions: prepared.clone() })
        .bench_local_values(|batch| apply(&model, 1, &batch).unwrap());
}

#[divan::bench]
fn tree_append_10_000_leaves(bencher: Bencher) {
    let leaves: Vec<Digest> = (0..10_000_u64).map(|n| leaf_hash(&n.to_be_bytes())).collect();
    bencher.counter(ItemsCount::new(leaves.len())).bench_local(|| {
        let mut frontier = Frontier::default();
        leaves.iter().for_each(|leaf| frontier.append(*leaf));
        frontier.root()
    });
}

#[divan::bench(args = [1_000, 100_000, 1_000_000])]
fn inclusion(bencher: Bencher, size: u64) {
    let leaves: Vec<Digest> = (0..size).map(|n| leaf_hash(&n.to_be_bytes())).collect();
    let tiles = append_to_tiles(0, &leaves, &mut |_| Ok::<_, Infallible>(None)).unwrap();
    let tiles: BTreeMap<_, _> = tiles.into_iter().collect();
    let mut frontier = Frontier::default();
    leaves.iter().for_each(|leaf| frontier.append(*leaf));
    let root = frontier.root();
    let index = size / 3;
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| {
        let proof = inclusion_proof(index, size, &mut |tile| Ok::<_, Infallible>(tiles.get(&tile).cloned())).unwrap();
        verify_inclusion(&leaves[index as usize], index, size, &proof, &root).unwrap();
        proof
    });
}
