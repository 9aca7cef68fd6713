//! What is said of the age of a holder status.

use selfsame_offline::{Age, Failure, Level, Options, Verified, verify_input};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::holder::{HolderState, HolderStatus, Tree};
use selfsame_protocol::keys::SecretKey;
use selfsame_protocol::merkle::empty_root;
use selfsame_protocol::note::{Note, TYPE_COSIGNATURE, TYPE_ED25519, Vkey};
use selfsame_protocol::number::Epoch;
use selfsame_protocol::policy::Policy;
use serde_json::json;

const NOW: u64 = 1_796_074_080;

fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

fn cosigner(n: u8) -> Vkey {
    Vkey { name: format!("w{n}.example"), kind: TYPE_COSIGNATURE, key: key(n).public() }
}

/// Two of three.
fn policy() -> Policy {
    let log = |name: &str| Vkey { name: name.into(), kind: TYPE_ED25519, key: key(9).public() };
    let logs = vec![log("ledger.example/evidence"), log("ledger.example/reasoning")];
    let organisations: Vec<_> = (1..=3).map(|n| (format!("org{n}"), vec![cosigner(n)])).collect();
    Policy::of_organisations(logs, &organisations, 2).unwrap()
}

fn check(times: &[(u8, u64)], max_age: Option<Age>) -> Result<Verified, Failure> {
    let tree = Tree { size: 0, root: empty_root() };
    let status = HolderStatus {
        origin: "ledger.example".into(),
        substrate_id: "00000000-0000-4000-8000-000000000001".parse().unwrap(),
        state: HolderState::Active,
        chip: Digest::of(b"chip"),
        epoch: Epoch(1),
        evidence: tree,
        reasoning: tree,
    };
    let mut note = Note::new(status.to_text());
    times.iter().for_each(|(n, time)| note.cosign(&cosigner(*n).name, &key(*n), *time));
    let options = Options { policy: Some(policy()), max_age, ..Options::default() };
    verify_input(Box::new(std::io::Cursor::new(note.to_text().into_bytes())), &options, &mut |_, _, _| {})
}

fn said(times: &[(u8, u64)]) -> String {
    match check(times, None).unwrap().checked.attestation {
        Level::NotChecked(why) => why,
        Level::Held(what) => panic!("{what}"),
    }
}

/// One cosigner alone cannot make an old status look new.
///
/// shows: P-087
#[test]
fn the_age_of_a_status_is_that_of_its_oldest_cosignature() {
    let (year, old) = (31_536_000, "2025-11-30T");
    let text = said(&[(1, NOW), (2, NOW - year), (3, NOW - year)]);
    assert!(text.contains(&format!("are of {old}")) && !text.contains("2026-"), "{text}");
    let detail = check(&[(1, NOW), (2, NOW - year)], None).unwrap().detail;
    let second = &detail["cosigners"][1];
    assert_eq!((&second["name"], &second["time"]), (&json!("w2.example"), &json!(NOW - year)), "a number for programs");
    assert!(second["date"].as_str().unwrap().starts_with(old), "and a date for people: {second}");
    let failure = check(&[(1, NOW), (2, NOW - year)], Some(Age { most: 60, now: NOW })).unwrap_err();
    assert_eq!((failure.check.as_str(), failure.tampered), ("HOLDER_STALE", false));
    assert_eq!(failure.found, format!("1 of 2 that signed are; the oldest is {year} seconds old"));
    let failure = check(&[(1, NOW - 7), (2, NOW + 1_000)], Some(Age { most: 60, now: NOW })).unwrap_err();
    assert_eq!(
        failure.found,
        "1 of 2 that signed are; the oldest is 7 seconds old, the newest 1000 seconds ahead of this clock"
    );
    let held = check(&[(1, NOW), (2, NOW - 9)], Some(Age { most: 60, now: NOW })).unwrap().checked.attestation;
    assert_eq!(held, Level::held("it was so at most 60 seconds ago, by the clocks of enough of its cosigners"));
}

/// A time that no calendar has is shown as the number that it is.
///
/// shows: P-087
#[test]
fn a_time_behind_the_calendar_is_no_date() {
    for time in [253_402_300_800, 1_000_000_000_000, u64::from(u32::MAX) << 30, (1 << 63) - 1] {
        let text = said(&[(1, time), (2, time)]);
        assert!(text.contains(&format!("{time} seconds after 1970, behind the year 9999")), "{text}");
        assert!(!text.contains("9999-"), "{text}");
    }
    assert!(said(&[(1, 0), (2, 0)]).contains("1970-01-01T00:00:00.000Z"));
    assert!(said(&[(1, 253_402_207_199), (2, 253_402_207_199)]).contains("9999-12-30T21:59:59.000Z"));
}
