use crate::{bytes, cases, load, number, text};
use proptest::prelude::*;
use selfsame_protocol::digest::{Digest, unhex};
use selfsame_protocol::merkle::{
    self, Frontier, TileId, append_to_tiles, consistency_proof, inclusion_proof, leaf_hash, verify_consistency,
    verify_inclusion,
};
use serde_json::Value;
use std::collections::BTreeMap;
use std::convert::Infallible;

type Tiles = BTreeMap<TileId, Vec<u8>>;

fn digest(hex: &str) -> Digest {
    Digest::from_bytes(unhex(hex).unwrap().try_into().unwrap())
}

fn digests(list: &Value) -> Vec<Digest> {
    list.as_array().unwrap().iter().map(|hash| digest(hash.as_str().unwrap())).collect()
}

/// The leaves of every vector but the two small trees: entry i is i as a big-endian 64-bit number.
fn leaves(n: u64) -> Vec<Digest> {
    (0..n).map(|i| leaf_hash(&i.to_be_bytes())).collect()
}

fn tiles_of(leaves: &[Digest]) -> Tiles {
    append_to_tiles(0, leaves, &mut |_| Ok::<_, Infallible>(None)).unwrap().into_iter().collect()
}

/// The root of every prefix of the leaves.
fn roots_of(leaves: &[Digest]) -> Vec<Digest> {
    let mut frontier = Frontier::default();
    let mut roots = vec![frontier.root()];
    for leaf in leaves {
        frontier.append(*leaf);
        roots.push(frontier.root());
    }
    roots
}

/// shows: WL-04, X-03
#[test]
fn the_roots_are_those_of_certificate_transparency() {
    let vectors = load("merkle");
    let reference = &vectors["certificate_transparency"];
    let entries = cases(reference, "entries_hex");
    let leaves: Vec<Digest> = entries.iter().map(|e| leaf_hash(&unhex(e.as_str().unwrap()).unwrap())).collect();
    assert_eq!(roots_of(&leaves), digests(&reference["roots"]));
    assert_eq!(merkle::empty_root(), digests(&reference["roots"])[0]);
    let all = roots_of(&self::leaves(70_000));
    for case in cases(&vectors, "roots") {
        assert_eq!(all[number(case, "size") as usize].hex(), text(case, "root"), "size {}", number(case, "size"));
    }
}

/// shows: WL-04, P-095
#[test]
fn the_golden_tree_has_its_root_tile_and_proof() {
    let vectors = load("merkle");
    let golden = &vectors["golden"];
    let entries: Vec<&[u8]> = cases(golden, "entries").iter().map(|e| e.as_str().unwrap().as_bytes()).collect();
    let leaves: Vec<Digest> = entries.iter().map(|entry| leaf_hash(entry)).collect();
    assert_eq!(leaves, digests(&golden["leaf_hashes"]));
    let tiles = tiles_of(&leaves);
    assert_eq!(tiles[&TileId { level: 0, index: 0 }], bytes(golden, "tile_hex"));
    assert_eq!(merkle::tile_path(TileId { level: 0, index: 0 }, 3), "tile/0/000.p/3");
    let proof = inclusion_proof(1, 3, &mut |id| Ok::<_, Infallible>(tiles.get(&id).cloned())).unwrap();
    assert_eq!(proof, digests(&golden["inclusion_of_1"]));
    verify_inclusion(&leaves[1], 1, 3, &proof, &digest(text(golden, "root"))).unwrap();
}

/// shows: P-095, WL-11
#[test]
fn proofs_are_made_and_verified_as_in_the_vectors() {
    let vectors = load("merkle");
    let leaves = leaves(70_000);
    let (tiles, roots) = (tiles_of(&leaves), roots_of(&leaves));
    let mut read = |id| Ok::<_, Infallible>(tiles.get(&id).cloned());
    for case in cases(&vectors, "inclusion") {
        let (index, size, proof) = (number(case, "index"), number(case, "size"), digests(&case["proof"]));
        assert_eq!(inclusion_proof(index, size, &mut read).unwrap(), proof, "{index} of {size}");
        verify_inclusion(&leaves[index as usize], index, size, &proof, &roots[size as usize]).unwrap();
    }
    for case in cases(&vectors, "consistency") {
        let (old, new, proof) = (number(case, "old_size"), number(case, "new_size"), digests(&case["proof"]));
        assert_eq!(consistency_proof(old, new, &mut read).unwrap(), proof, "{old} to {new}");
        verify_consistency(old, &roots[old as usize], new, &roots[new as usize], &proof).unwrap();
    }
}

/// shows: P-063, P-095, WL-11
#[test]
fn failing_proofs_fail_at_the_check_that_the_vectors_name() {
    let vectors = load("merkle");
    let at = |case: &Value, member: &str| text(case, member).parse::<u64>().unwrap();
    let hash = |case: &Value, member: &str| digest(text(case, member));
    for case in cases(&vectors, "failing_inclusion") {
        let proof = digests(&case["proof"]);
        let verdict =
            verify_inclusion(&hash(case, "leaf"), at(case, "index"), at(case, "size"), &proof, &hash(case, "root"));
        assert_eq!(verdict.map_err(|f| f.check), Err(text(case, "check")), "{}", text(case, "name"));
    }
    for case in cases(&vectors, "failing_consistency") {
        let (old, new) = (hash(case, "old_root"), hash(case, "new_root"));
        let proof = digests(&case["proof"]);
        let verdict = verify_consistency(at(case, "old_size"), &old, at(case, "new_size"), &new, &proof);
        assert_eq!(verdict.map_err(|f| f.check), Err(text(case, "check")), "{}", text(case, "name"));
    }
}

/// shows: X-03
#[test]
fn tiles_have_the_names_and_bytes_of_the_vectors() {
    let vectors = load("merkle");
    let expected = &vectors["tiles"];
    let tiles = tiles_of(&leaves(number(expected, "size")));
    assert_eq!(tiles.len(), cases(expected, "tiles").len());
    let named: BTreeMap<String, String> =
        tiles.iter().map(|(id, t)| (merkle::tile_path(*id, t.len() as u64 / 32), Digest::of(t).hex())).collect();
    for case in cases(expected, "tiles") {
        assert_eq!(named.get(text(case, "path")).map(String::as_str), Some(text(case, "sha256")));
    }
    for case in cases(&vectors, "paths") {
        let (level, index, width) = (number(case, "level"), number(case, "index"), number(case, "width"));
        let tile = TileId { level: u8::try_from(level).unwrap(), index };
        assert_eq!(merkle::tile_path(tile, width), text(case, "path"));
        assert_eq!(merkle::entries_path(index, width), text(case, "entries"));
    }
}

fn flipped(digest: &Digest, bit: usize) -> Digest {
    let mut bytes = *digest.as_bytes();
    bytes[bit / 8] ^= 1 << (bit % 8);
    Digest::from_bytes(bytes)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::tries(48)))]

    /// shows: P-095, WL-11
    #[test]
    fn every_leaf_of_a_tree_is_included_and_no_bit_can_change(size in 1_u64..700, bit in 0_usize..256, seed in any::<u64>()) {
        let leaves: Vec<Digest> = (0..size).map(|i| leaf_hash(&(seed ^ i).to_be_bytes())).collect();
        let tiles = tiles_of(&leaves);
        let root = roots_of(&leaves)[size as usize];
        let mut read = |id| Ok::<_, Infallible>(tiles.get(&id).cloned());
        for index in 0..size {
            let leaf = &leaves[index as usize];
            let proof = inclusion_proof(index, size, &mut read).unwrap();
            prop_assert!(verify_inclusion(leaf, index, size, &proof, &root).is_ok());
            prop_assert!(verify_inclusion(&flipped(leaf, bit), index, size, &proof, &root).is_err());
            prop_assert!(verify_inclusion(leaf, index, size, &proof, &flipped(&root, bit)).is_err());
            for at in 0..proof.len() {
                let mut altered = proof.clone();
                altered[at] = flipped(&altered[at], bit);
                prop_assert!(verify_inclusion(leaf, index, size, &altered, &root).is_err());
            }
        }
    }

    /// shows: P-052, P-063
    #[test]
    fn every_prefix_is_consistent_and_no_other_history_is(size in 1_u64..400, bit in 0_usize..256) {
        let leaves = leaves(size);
        let (tiles, roots) = (tiles_of(&leaves), roots_of(&leaves));
        let mut read = |id| Ok::<_, Infallible>(tiles.get(&id).cloned());
        let new = roots[size as usize];
        for old in 0..=size {
            let proof = consistency_proof(old, size, &mut read).unwrap();
            let root = roots[old as usize];
            prop_assert!(verify_consistency(old, &root, size, &new, &proof).is_ok());
            prop_assert!(verify_consistency(old, &flipped(&root, bit), size, &new, &proof).is_err());
            prop_assert!(old == 0 || verify_consistency(old, &root, size, &flipped(&new, bit), &proof).is_err());
            for at in 0..proof.len() {
                let mut altered = proof.clone();
                altered[at] = flipped(&altered[at], bit);
                prop_assert!(verify_consistency(old, &root, size, &new, &altered).is_err());
            }
        }
    }

    #[test]
    fn no_proof_panics(
        sizes in any::<(u64, u64)>(),
        hashes in prop::collection::vec(any::<[u8; 32]>(), 0..70),
        frontier in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let proof: Vec<Digest> = hashes.into_iter().map(Digest::from_bytes).collect();
        let root = merkle::empty_root();
        let _ = verify_inclusion(&root, sizes.0, sizes.1, &proof, &root);
        let _ = verify_consistency(sizes.0, &root, sizes.1, &root, &proof);
        let _ = Frontier::from_bytes(&frontier).map(|f| f.root());
    }
}
