use super::*;
use crate::cosigning;
use crate::keys::SecretKey;
use crate::merkle::empty_root;
use crate::note::{Checkpoint, TYPE_ED25519};
use crate::quorum::{KnownCosigner, Quorum};

const ID: &str = "00000000-0000-4000-8000-000000000001";

fn status() -> HolderStatus {
    let tree = Tree { size: 7, root: empty_root() };
    HolderStatus {
        origin: "ledger.example".into(),
        substrate_id: ID.parse().unwrap(),
        state: HolderState::Active,
        chip: Digest::of(b"chip"),
        epoch: Epoch(3),
        evidence: tree,
        reasoning: Tree { size: 0, ..tree },
    }
}

#[test]
fn the_text_has_one_spelling_and_is_no_checkpoint() {
    let text = status().to_text();
    assert!(text.starts_with(
        "ledger.example/holder\nsubstrate 00000000-0000-4000-8000-000000000001\nstate active\nchip sha256:"
    ));
    assert!(text.ends_with("epoch 3\nevidence 7 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nreasoning 0 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"));
    assert!(HolderStatus::is_meant(&text));
    assert_eq!(HolderStatus::parse(&text), Ok(status()));
    assert!(Checkpoint::parse(&text).is_err());
    assert!(HolderStatus::parse("o\n1\nLP73YnWX4AtWSXV3Stco7yEHBnWfym1kE4xt/By/LNo=\n").is_err());
    for (from, to) in [
        ("/holder", ""),
        ("ledger.example/holder", "/holder"),
        ("state active", "state Active"),
        ("state active", "status active"),
        ("epoch 3", "epoch 03"),
        ("evidence 7 ", "evidence 7  "),
        ("sha256:", "sha512:"),
        (ID, "x"),
        ("epoch 3\n", ""),
    ] {
        assert!(HolderStatus::parse(&text.replace(from, to)).is_err(), "{from} -> {to}");
    }
    assert!(HolderStatus::parse(&format!("{text}more\n")).is_err());
}

/// A stale chip is rejected by the age of what vouches for it.
#[test]
fn organisations_vouch_for_the_holder_at_a_time() {
    let key = |n: u8| SecretKey::from_seed(&[n; 32]);
    let cosigners: Vec<KnownCosigner> = (1..=3)
        .map(|n| KnownCosigner {
            organisation: format!("org{n}"),
            vkey: cosigning::vkey(&format!("ledger.example/cosigner/{n}"), key(n).public()),
        })
        .collect();
    let quorum = Quorum { cosigners, threshold: 2 };
    let mut note = Note::new(status().to_text());
    for (n, time) in [(1, 1_000), (2, 1_010), (3, 400)] {
        note.cosign(&format!("ledger.example/cosigner/{n}"), &key(n), time);
    }
    let (found, verified) = verify(&note, "ledger.example", ID, &quorum.vkeys()).unwrap();
    assert_eq!(found, status());
    let young = |now, age| quorum.count(&fresh(&verified, now, age)).len();
    assert_eq!((young(1_020, 60), young(1_020, 1_000), young(1_071, 60), young(2_000, 60)), (2, 3, 0, 0));
    assert_eq!(young(1_065, 60), 1);
    // At the very age it counts, a second later no more; and so with the clock that is ahead.
    assert_eq!((young(1_070, 60), young(1_060, 60), young(1_061, 60)), (1, 2, 1));
    assert_eq!((young(1_000 - AHEAD, 600), young(1_000 - AHEAD - 1, 600)), (2, 1));
    // One from the future is none.
    assert_eq!(young(900, 60), 0);
    let check = |note: &Note, origin: &str, id: &str, keys: &[Vkey]| verify(note, origin, id, keys).unwrap_err().check;
    assert_eq!(check(&note, "other.example", ID, &quorum.vkeys()), "HOLDER_ORIGIN");
    assert_eq!(
        check(&note, "ledger.example", "00000000-0000-4000-8000-000000000002", &quorum.vkeys()),
        "HOLDER_SUBSTRATE"
    );
    assert_eq!(check(&note, "ledger.example", ID, &[]), "HOLDER_KEY");
    let other = Note { text: note.text.replace("epoch 3", "epoch 4"), ..note.clone() };
    assert_eq!(check(&other, "ledger.example", ID, &quorum.vkeys()), "HOLDER_SIGNATURE");
    assert_eq!(check(&Note { text: "x\n".into(), ..note }, "ledger.example", ID, &[]), "HOLDER_FORM");
}

fn by(seeds: &[(u8, u64)]) -> Note {
    let mut note = Note::new(status().to_text());
    for (n, time) in seeds {
        note.cosign(&format!("ledger.example/cosigner/{n}"), &SecretKey::from_seed(&[*n; 32]), *time);
    }
    note
}

fn cosigner(n: u8) -> Vkey {
    let key = SecretKey::from_seed(&[n; 32]).public();
    cosigning::vkey(&format!("ledger.example/cosigner/{n}"), key)
}

/// Two of three organisations, and both logs under one key.
fn policy(logs: &[&str], threshold: usize) -> Policy {
    let key = SecretKey::from_seed(&[9; 32]).public();
    let logs = logs.iter().map(|name| Vkey { name: (*name).into(), kind: TYPE_ED25519, key }).collect();
    let organisations: Vec<_> = (1..=3).map(|n| (format!("org{n}"), vec![cosigner(n)])).collect();
    Policy::of_organisations(logs, &organisations, threshold).unwrap()
}

const LOGS: [&str; 2] = ["ledger.example/evidence", "ledger.example/reasoning"];

/// A status counts when the quorum of the policy says so, young enough where an age is given; a key of the policy that
/// fails refuses it before anything else.
///
/// shows: P-087
#[test]
fn a_policy_decides_who_has_to_say_who_holds() {
    let policy = policy(&LOGS, 2);
    let check = |note: &Note, age: Option<&Age>| by_policy(note, &policy, age).map_err(|error| error.check);
    let standing = check(&by(&[(1, 1_000), (2, 1_010)]), None).unwrap();
    assert_eq!(standing.status, status());
    assert_eq!(standing.cosigners.iter().map(|one| one.time).collect::<Vec<_>>(), [Some(1_000), Some(1_010)]);
    assert_eq!(check(&by(&[(1, 1_000)]), None), Err("POLICY_QUORUM"));
    assert_eq!(check(&by(&[(1, 1_000), (1, 1_001)]), None), Err("POLICY_QUORUM"), "one of them twice");
    let age = |most, now| Some(Age { most, now });
    for (notes, age, holds) in [
        (&[(1, 1_000), (2, 1_010)][..], age(20, 1_020), true),
        (&[(1, 1_000), (2, 1_010)], age(20, 1_021), false),
        (&[(1, 1_000), (2, 1_010), (3, 1_001)], age(20, 1_021), true),
        (&[(1, 1_060), (2, 1_060)], age(20, 1_000), true),
        (&[(1, 1_060), (2, 1_061)], age(20, 1_000), false),
    ] {
        let judged = check(&by(notes), age.as_ref());
        assert_eq!(judged.is_ok(), holds, "{notes:?} {age:?}");
        assert!(holds || judged == Err("HOLDER_STALE"));
    }
    // The quorum is asked before the age, and what was altered before both.
    assert_eq!(check(&by(&[(1, 1)]), age(1, 9_000).as_ref()), Err("POLICY_QUORUM"));
    let mut altered = by(&[(1, 1_000)]);
    altered.signatures[0].bytes[30] ^= 1;
    assert_eq!(check(&altered, None), Err("HOLDER_SIGNATURE"));
    assert_eq!(check(&Note::new("x\n".into()), None), Err("HOLDER_FORM"));
    for logs in [&LOGS[..1], &LOGS[1..], &[]] {
        let other = self::policy(logs, 2);
        assert_eq!(by_policy(&by(&[(1, 1), (2, 1)]), &other, None).unwrap_err().check, "POLICY_ORIGIN");
        let named = other.with_origins(LOGS.map(str::to_owned).to_vec());
        assert!(by_policy(&by(&[(1, 1), (2, 1)]), &named, None).is_ok());
    }
    let log = &self::policy(&LOGS, 2).logs()[0].vkey.to_text();
    let none = Policy::parse(format!("log {log}\nquorum none\n").as_bytes()).unwrap();
    let none = none.with_origins(LOGS.map(str::to_owned).to_vec());
    let error = by_policy(&by(&[(1, 1), (2, 1), (3, 1)]), &none, None).unwrap_err();
    assert_eq!((error.check, error.undecidable()), ("POLICY_QUORUM", true), "nobody is asked for");
}

/// shows: P-087
#[test]
fn a_key_speaks_for_itself_and_only_as_a_cosigner() {
    let check = |note: &Note, keys: &[Vkey], age: Option<&Age>| by_keys(note, keys, age).map_err(|error| error.check);
    let note = by(&[(1, 1_000), (2, 1_010)]);
    assert_eq!(check(&note, &[cosigner(2), cosigner(3)], None).unwrap().cosigners.len(), 1);
    assert_eq!(check(&note, &[cosigner(3)], None), Err("HOLDER_KEY"));
    assert_eq!(check(&note, &[Vkey { kind: TYPE_ED25519, ..cosigner(1) }], None), Err("HOLDER_KEY"));
    let age = Age { most: 10, now: 1_020 };
    assert!(check(&note, &[cosigner(1), cosigner(2)], Some(&age)).is_ok(), "one of them is enough");
    assert_eq!(check(&note, &[cosigner(1)], Some(&age)), Err("HOLDER_STALE"));
    let error = by_keys(&note, &[cosigner(1)], Some(&age)).unwrap_err();
    assert!(error.undecidable() && error.found.contains("20 seconds old"), "{error}");
    let early = by_keys(&note, &[cosigner(1)], Some(&Age { most: 10, now: 900 })).unwrap_err();
    assert!(early.found.contains("100 seconds ahead"), "{early}");
    assert_eq!((check(&note, &[cosigner(1), cosigner(2)], None).unwrap().since(), age.now), (Some(1_000), 1_020));
}

/// The oldest line is named always, and the newest only where it is another one and ahead of the clock.
///
/// shows: P-095
#[test]
fn what_is_too_old_is_said_with_its_age() {
    let age = Age { most: 100, now: 1_000 };
    let said = |times: &[u64]| stale(&age, "two organisations", times).found;
    assert_eq!(said(&[]), "none");
    assert_eq!(said(&[800]), "0 of 1 that signed are; the oldest is 200 seconds old");
    assert_eq!(said(&[800, 950]), "1 of 2 that signed are; the oldest is 200 seconds old");
    assert_eq!(said(&[800, 1_000 + AHEAD]), "1 of 2 that signed are; the oldest is 200 seconds old");
    assert_eq!(
        said(&[800, 1_001 + AHEAD]),
        format!(
            "0 of 2 that signed are; the oldest is 200 seconds old, the newest {} seconds ahead of this clock",
            AHEAD + 1
        )
    );
    let ahead = format!("0 of 1 that signed are; the oldest is {} seconds ahead of this clock", AHEAD + 5);
    assert_eq!(said(&[1_005 + AHEAD]), ahead);
    assert_eq!(stale(&age, "two organisations", &[]).expected, "two organisations, each at most 100 seconds old");
}
