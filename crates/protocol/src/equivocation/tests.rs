use super::*;
use crate::keys::SecretKey;
use crate::merkle::append_to_tiles;
use crate::note::{TYPE_COSIGNATURE, TYPE_ED25519};
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

/// What is wrong with a file is named; nothing of it accuses anybody.
#[test]
fn every_altered_file_is_refused_by_name() {
    let good = fork(2, 4, 7, &["a.example"], &["a.example"]).unwrap();
    let same = fork(2, 5, 5, &["a.example"], &["a.example"]).unwrap();
    let other_log = {
        let mut note = Note::new(
            Checkpoint { origin: "other.example/reasoning".into(), size: 4, root: Digest::of(b"") }.to_text(),
        );
        note.cosign("a.example", &secret("a.example"), 1);
        note.to_text()
    };
    let long: Vec<Digest> = std::iter::repeat_n(Digest::of(b"x"), 65).collect();
    type Change<'a> = Box<dyn Fn(&mut Evidence) + 'a>;
    let cases: Vec<(&str, &Evidence, Change<'_>)> = vec![
        ("EVIDENCE_TYPE", &good, Box::new(|e| e.equivocation = "selfsame/equivocation/v2".into())),
        ("EVIDENCE_NOTE", &good, Box::new(|e| e.note_a = "nothing".into())),
        ("EVIDENCE_NOTE", &good, Box::new(|e| e.note_b.push('x'))),
        ("EVIDENCE_ORIGIN", &good, Box::new(|e| e.origin = "ledger.example/evidence".into())),
        ("EVIDENCE_ORIGIN", &good, Box::new(|e| e.note_a = other_log.clone())),
        ("EVIDENCE_SIZES", &good, Box::new(|e| std::mem::swap(&mut e.note_a, &mut e.note_b))),
        ("EVIDENCE_SIZES", &good, Box::new(|e| e.note_b = e.note_a.clone())),
        ("EVIDENCE_PROOF", &good, Box::new(|e| e.proof.clear())),
        ("EVIDENCE_PROOF", &good, Box::new(|e| e.proof = long.clone())),
        ("EVIDENCE_PROOF_LENGTH", &good, Box::new(|e| e.proof.truncate(e.proof.len() - 1))),
        ("EVIDENCE_PROOF_LENGTH", &good, Box::new(|e| e.proof.push(Digest::of(b"x")))),
        ("EVIDENCE_ROOT", &good, Box::new(|e| e.proof[0] = Digest::of(b"x"))),
        ("EVIDENCE_ROOT", &good, Box::new(|e| e.proof.swap(0, 1))),
        (
            "EVIDENCE_SIZES",
            &good,
            Box::new(|e| {
                e.kind = Kind::SameSize;
                e.proof.clear()
            }),
        ),
        ("EVIDENCE_HOLDERS", &good, Box::new(|e| e.kind = Kind::DoubleEpoch)),
        ("EVIDENCE_ORDER", &same, Box::new(|e| std::mem::swap(&mut e.note_a, &mut e.note_b))),
        ("EVIDENCE_NO_CONFLICT", &same, Box::new(|e| e.note_a = e.note_b.clone())),
        ("EVIDENCE_PROOF", &same, Box::new(|e| e.proof.push(Digest::of(b"x")))),
        (
            "EVIDENCE_SIGNATURE",
            &same,
            Box::new(|e| {
                let mut note = Note::parse(e.note_b.as_bytes()).unwrap();
                note.signatures[0].bytes[20] ^= 1;
                e.note_b = note.to_text();
            }),
        ),
    ];
    for (check, base, change) in cases {
        let mut altered = base.clone();
        change(&mut altered);
        let verdict = Evidence::from_bytes(&altered.to_bytes()).and_then(|evidence| evidence.verify(&keys()));
        let error = verdict.expect_err(check);
        assert_eq!((error.check.as_str(), error.tampered), (check, true), "{error}");
    }
    let pretty = serde_json::to_vec_pretty(&good).unwrap();
    assert_eq!(Evidence::from_bytes(&pretty).unwrap_err().check, "EVIDENCE_FORM");
}

mod double_epoch {
    use super::*;
    use crate::entry::Ledger;
    use crate::merkle::inclusion_proof;
    use crate::p104::{Attestation, Claims};
    use crate::time::Timestamp;

    fn arrival(index: u64, epoch: u64, destination: &str) -> Vec<u8> {
        let chip = secret(destination);
        let claims = Claims::Activation {
            cluster: "demo".into(),
            substrate_id: "6f1d7a52-0c1e-4b7e-9d6a-2f60b1d3c8a4".into(),
            migration_id: "m".into(),
            nonce: Digest::of(b"nonce"),
            epoch: U64(epoch),
            continuity_hash: Digest::of(b"continuity"),
            head: Digest::of(b"head"),
        };
        let attestation = Attestation::software(&claims, &chip);
        let record = Record::MigrationIdentityAttestation {
            migration_id: "m".into(),
            origin: Digest::of(b"origin"),
            destination: chip.public().id(),
            origin_attestation_hash: None,
            destination_attestation_hash: attestation.hash(),
            attestation,
            continuity_hash: Digest::of(b"continuity"),
            nonce: Digest::of(b"nonce"),
            epoch: U64(epoch),
        };
        let entry = Entry {
            index: U64(index),
            ledger: Ledger::Reasoning,
            subject: "substrate:6f1d7a52-0c1e-4b7e-9d6a-2f60b1d3c8a4".into(),
            depth: U64(index),
            prior_entry_hash: None,
            time: Timestamp::from_millis(1_700_000_000_000),
            submission: Digest::of(b"submission"),
            record,
        };
        canon::to_canonical_of(&entry)
    }

    /// A log of three entries whose entry `index` is this leaf, with the signed note and the leaf's place.
    fn placed(index: u64, leaf: &[u8]) -> (Note, Holder) {
        let mut hashes = leaves(3, None);
        hashes[index as usize] = leaf_hash(leaf);
        let tiles = tiles(&hashes);
        let proof = inclusion_proof(index, 3, &mut |id| Ok::<_, Infallible>(tiles.get(&id).cloned())).unwrap();
        let holder = Holder { index: U64(index), leaf: String::from_utf8(leaf.to_vec()).unwrap(), proof };
        (note(3, root(&tiles, 3), &["a.example"]), holder)
    }

    #[test]
    fn two_holders_of_one_epoch_name_who_signed_both_and_anything_less_does_not() {
        let first = placed(1, &arrival(1, 2, "chip-a"));
        let evidence = |second: &(Note, Holder)| {
            Evidence::double_epoch((&first.0, first.1.clone()), (&second.0, second.1.clone()))
        };
        let made = evidence(&placed(2, &arrival(2, 2, "chip-b"))).unwrap();
        let verdict = Evidence::from_bytes(&made.to_bytes()).unwrap().verify(&keys()).unwrap();
        assert_eq!((verdict.kind, verdict.guilty[0].name.as_str()), (Kind::DoubleEpoch, "a.example"));
        for (second, check) in [
            (placed(2, &arrival(2, 3, "chip-b")), "EVIDENCE_EPOCH"),
            (placed(2, &arrival(2, 2, "chip-a")), "EVIDENCE_NO_CONFLICT"),
            (placed(2, &arrival(1, 2, "chip-b")), "EVIDENCE_ENTRY"),
            (placed(2, b"no entry"), "EVIDENCE_ENTRY"),
            ((placed(2, &arrival(2, 2, "chip-b")).0, placed(1, &arrival(1, 2, "chip-b")).1), "INCLUSION_ROOT"),
        ] {
            assert_eq!(evidence(&second).unwrap_err().check, check);
        }
        let mut one = made;
        one.holders.pop();
        assert_eq!(
            Evidence::from_bytes(&one.to_bytes()).unwrap().verify(&keys()).unwrap_err().check,
            "EVIDENCE_HOLDERS"
        );
    }
}
