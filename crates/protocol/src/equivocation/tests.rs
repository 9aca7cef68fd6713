use super::*;
use crate::keys::SecretKey;
use crate::merkle::append_to_tiles;
use crate::note::{TYPE_COSIGNATURE, TYPE_ED25519};
use crate::number::Epoch;
use std::collections::BTreeMap;
use std::convert::Infallible;

const ORIGIN: &str = "ledger.example/reasoning";

type Tiles = BTreeMap<TileId, Vec<u8>>;

/// A log whose entry `odd`, if given, is another one.
fn leaves(size: u64, odd: Option<u64>) -> Vec<Digest> {
    (0..size)
        .map(|i| leaf_hash(if odd == Some(i) { b"another".to_vec() } else { i.to_be_bytes().to_vec() }.as_slice()))
        .collect()
}

fn tiles(leaves: &[Digest]) -> Tiles {
    append_to_tiles(0, leaves, &mut |_| Ok::<_, Infallible>(None)).unwrap().into_iter().collect()
}

fn note(size: u64, root: Digest, signers: &[&str]) -> Note {
    let mut note = Note::new(Checkpoint { origin: ORIGIN.into(), size, root }.to_text());
    for name in signers {
        note.cosign(name, &secret(name), 1_700_000_000 + size);
    }
    note
}

fn secret(name: &str) -> SecretKey {
    SecretKey::from_seed(Digest::of(name.as_bytes()).as_bytes())
}

fn vkey(name: &str) -> Vkey {
    Vkey { name: name.into(), kind: TYPE_COSIGNATURE, key: secret(name).public() }
}

fn root(tiles: &Tiles, size: u64) -> Digest {
    root_at(size, &mut |id| Ok::<_, Infallible>(tiles.get(&id).cloned())).unwrap()
}

fn fork(
    odd: u64,
    small: u64,
    large: u64,
    small_signers: &[&str],
    large_signers: &[&str],
) -> Result<Evidence, BundleError> {
    let (honest, forked) = (tiles(&leaves(large, None)), tiles(&leaves(large, Some(odd))));
    let a = note(small, root(&honest, small), small_signers);
    let b = note(large, root(&forked, large), large_signers);
    if small == large {
        return Evidence::same_size(&b, &a);
    }
    let path = path(small, large, &mut |id| Ok::<_, Infallible>(forked.get(&id).cloned())).unwrap();
    Evidence::inconsistent(&a, &b, path)
}

fn keys() -> [Vkey; 3] {
    ["a.example", "b.example", "c.example"].map(vkey)
}

#[test]
fn every_fork_is_shown_and_names_exactly_who_signed_both_sides() {
    for large in [1_u64, 2, 3, 5, 8, 13, 256, 300] {
        for small in (1..=large).filter(|small| large < 20 || small % 37 == 0 || *small == 256 || *small == large) {
            for odd in [0, small / 2, small - 1] {
                let evidence =
                    fork(odd, small, large, &["a.example", "b.example"], &["b.example", "c.example"]).unwrap();
                let again = Evidence::from_bytes(&evidence.to_bytes()).unwrap();
                assert_eq!(again, evidence);
                let verdict = again.verify(&keys()).unwrap();
                let names: Vec<_> = verdict.guilty.iter().map(|g| g.name.as_str()).collect();
                assert_eq!(names, ["b.example"], "{small} of {large}, entry {odd}");
                assert_eq!(verdict.kind, if small == large { Kind::SameSize } else { Kind::Inconsistent });
            }
            // What was changed after the smaller size is no fork.
            if small < large {
                let refused = fork(small, small, large, &["a.example"], &["a.example"]).unwrap_err();
                assert_eq!(refused.check, "EVIDENCE_NO_CONFLICT");
            }
        }
    }
}

#[test]
fn a_false_root_of_the_empty_tree_is_shown_without_a_proof() {
    let full = tiles(&leaves(7, None));
    let a = note(0, Digest::of(b"not empty"), &["a.example"]);
    let b = note(7, root(&full, 7), &["a.example"]);
    let evidence = Evidence::inconsistent(&a, &b, Vec::new()).unwrap();
    assert_eq!(evidence.verify(&keys()).unwrap().guilty[0].name, "a.example");
    let honest = note(0, merkle::empty_root(), &["a.example"]);
    assert_eq!(Evidence::inconsistent(&honest, &b, Vec::new()).unwrap_err().check, "EVIDENCE_NO_CONFLICT");
}

#[test]
fn two_parties_that_contradict_each_other_show_nobody_guilty() {
    let evidence = fork(3, 5, 8, &["a.example"], &["b.example"]).unwrap();
    let undecided = evidence.verify(&keys()).unwrap_err();
    assert_eq!((undecided.check.as_str(), undecided.tampered), ("EVIDENCE_KEY", false));
    assert!(undecided.found.contains("note_a signed by a.example; note_b by b.example"), "{undecided}");
    // A key that nobody trusts accuses nobody; another key under the same name is another key.
    let evidence = fork(3, 5, 8, &["a.example"], &["a.example"]).unwrap();
    assert!(!evidence.verify(&[]).unwrap_err().tampered);
    let other = Vkey { key: secret("stranger").public(), ..vkey("a.example") };
    assert!(!evidence.verify(&[other]).unwrap_err().tampered);
    let plain = Vkey { kind: TYPE_ED25519, ..vkey("a.example") };
    assert!(!evidence.verify(&[plain]).unwrap_err().tampered);
    assert_eq!(evidence.verify(&[vkey("a.example"), vkey("a.example")]).unwrap().guilty.len(), 1);
}

#[test]
fn no_single_bit_of_an_evidence_file_can_change() {
    for (small, large) in [(5, 5), (4, 7)] {
        let bytes = fork(2, small, large, &["a.example"], &["a.example"]).unwrap().to_bytes();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut altered = bytes.clone();
                altered[at] ^= 1 << bit;
                let verdict = Evidence::from_bytes(&altered).and_then(|evidence| evidence.verify(&keys()));
                assert!(verdict.is_err(), "byte {at} bit {bit} of {small}/{large}");
            }
        }
        for cut in 0..bytes.len() {
            assert!(Evidence::from_bytes(&bytes[..cut]).is_err(), "{cut} bytes");
        }
    }
}

#[test]
fn two_statuses_of_one_epoch_name_who_signed_both() {
    let status = |chip: &str, epoch: u64, size: u64| {
        let epoch = Epoch(epoch);
        let tree = crate::holder::Tree { size, root: Digest::of(b"root") };
        let status = HolderStatus {
            origin: "ledger.example".into(),
            substrate_id: "6f1d7a52-0c1e-4b7e-9d6a-2f60b1d3c8a4".parse().unwrap(),
            state: crate::holder::HolderState::Active,
            chip: Digest::of(chip.as_bytes()),
            epoch,
            evidence: tree,
            reasoning: tree,
        };
        let mut note = Note::new(status.to_text());
        note.cosign("a.example", &secret("a.example"), 1_700_000_000);
        note
    };
    let made = Evidence::double_status(&status("chip-b", 2, 9), &status("chip-a", 2, 5)).unwrap();
    let verdict = Evidence::from_bytes(&made.to_bytes()).unwrap().verify(&keys()).unwrap();
    assert_eq!((verdict.kind, verdict.guilty[0].name.as_str()), (Kind::DoubleEpoch, "a.example"));
    let refused = |a: &Note, b: &Note| Evidence::double_status(a, b).unwrap_err().check;
    assert_eq!(refused(&status("chip-a", 2, 5), &status("chip-b", 3, 5)), "EVIDENCE_EPOCH");
    assert_eq!(refused(&status("chip-a", 2, 5), &status("chip-a", 2, 9)), "EVIDENCE_NO_CONFLICT");
    assert_eq!(refused(&status("chip-a", 2, 5), &note(3, Digest::of(b""), &[])), "EVIDENCE_NOTE");
    let mut swapped = made.clone();
    std::mem::swap(&mut swapped.note_a, &mut swapped.note_b);
    assert_eq!(swapped.verify(&keys()).unwrap_err().check, "EVIDENCE_ORDER");
    let mut other = made;
    other.origin = "ledger.example/reasoning".into();
    assert_eq!(other.verify(&keys()).unwrap_err().check, "EVIDENCE_ORIGIN");
}
