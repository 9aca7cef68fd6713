//! The fuzz targets as a test: every decoder that a stranger's bytes reach, over real objects with a few bytes changed, cut
//! out or put in, and over each other's. `fuzz/` runs the same functions for as long as one likes.

use proptest::prelude::*;
use proptest::sample::Index;

#[allow(missing_docs)]
mod decoders {
    include!("../../../fuzz/src/decoders.rs");
}

/// One object of each kind, and the vectors' bundles, line by line.
fn seeds() -> Vec<Vec<u8>> {
    let note = "ledger.example/evidence\n3\nLP73YnWX4AtWSXV3Stco7yEHBnWfym1kE4xt/By/LNo=\n\n— ledger.example/evidence YRXHu1Uc8/e2vfOTjdgJLJl9Kv2BPdZKzflj+z2w9sgHlu2XLnCeHbm05UDui8jmTMt7c1PVOpIoCsOqO6ll+dFn0wY=\n";
    let vkey = "ledger.example/evidence+6115c7bb+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c";
    let witness = "org-a.example/cosigner+ffd41543+BLUz2K2fz73eC0gcGzNN3DxTQS/WFFZOflr9AgNo04LD";
    let hash = "PR3ndt8IbBrp9wSdK7DAR1rRQYX5h+Bk6NENyy20oyI=\n";
    let pair = selfsame_protocol::checkpoint_pair::Pair::new(note.into(), note.into(), Vec::new()).to_bytes();
    let mut seeds: Vec<Vec<u8>> = [
        note.to_string(),
        vkey.into(),
        format!("c2sp.org/tlog-proof@v1\nextra aGVsbG8=\nindex 1\n{hash}{hash}\n{note}"),
        format!("log {vkey}\nwitness a {witness}\ngroup g any a\nquorum g\n"),
        format!("old 2\n{hash}\n{note}"),
        r#"{"a":[1,1.5e-7,"\u00e9\ud83d\ude00",null,{}],"b":9007199254740991}"#.into(),
        r#"{"model":"m","messages":[{"role":"user","content":"x"}],"temperature":0.5}"#.into(),
        "entries/x001/x234/067.p/17".into(),
    ]
    .into_iter()
    .map(String::into_bytes)
    .chain([pair, vec![0, 1, b'a', 0, 0, 0, 2, b'b', b'c'], [&3_u64.to_be_bytes()[..], &[7; 64]].concat()])
    .collect();
    for name in ["bundle", "run_bundle"] {
        let path = format!("{}/../../tests/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let vectors: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let lines: Vec<&str> = vectors["lines"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
        seeds.push((lines.join("\n") + "\n").into_bytes());
        for line in &lines[1..] {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let part = line["leaf"].as_str().map_or_else(|| line["submission"].to_string(), str::to_string);
            seeds.push(part.into_bytes());
        }
    }
    seeds
}

#[test]
fn the_seeds_are_accepted_by_somebody_and_harm_nobody() {
    for seed in seeds() {
        decoders::DECODERS.iter().for_each(|(_, decoder)| decoder(&seed));
    }
    for target in decoders::DECODERS.iter().map(|(name, _)| name.trim_end_matches('_')) {
        let path = format!("{}/../../fuzz/fuzz_targets/{target}.rs", env!("CARGO_MANIFEST_DIR"));
        assert!(std::fs::exists(&path).unwrap(), "no fuzz target {target}");
    }
}

/// Fewer where PROPTEST_CASES says so.
fn cases(usual: u32) -> u32 {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    asked.map_or(usual, |asked: u32| asked.min(usual))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(400), ..ProptestConfig::default() })]
    #[test]
    fn no_mutated_seed_makes_a_decoder_panic(
        seed: Index,
        changes in prop::collection::vec((any::<Index>(), 0..4_u8, any::<u8>(), any::<Index>()), 1..6),
    ) {
        let seeds = seeds();
        let mut bytes = seed.get(&seeds).clone();
        for (at, kind, byte, other) in changes {
            let at = at.index(bytes.len() + 1);
            match kind {
                0 if at < bytes.len() => bytes[at] ^= 1 << (byte % 8),
                1 => bytes.insert(at, byte),
                2 => bytes.truncate(at),
                _ => {
                    let tail = other.get(&seeds);
                    bytes.truncate(at);
                    bytes.extend_from_slice(&tail[tail.len() - (usize::from(byte) * 7).min(tail.len())..]);
                }
            }
        }
        decoders::DECODERS.iter().for_each(|(_, decoder)| decoder(&bytes));
    }
}
