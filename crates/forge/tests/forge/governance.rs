//! Every history of governance that no machine could have made is refused by the check that its rule names, and the genuine
//! one beside it passes, however it is read.

use selfsame_forge::cases::Case;
use selfsame_forge::governance::{AS_IN_A_BUNDLE, Reading, cases, governs, read, unsigned, whole};
use selfsame_protocol::replay::governance::Governance;

fn every(cases: &[Case], read_as: Reading) {
    let mut wrong = Vec::new();
    for case in cases {
        for (whole, signed) in [(false, false), (false, true), (true, false), (true, true)] {
            let how = Reading { whole, signed };
            if let Err(bad) = read(&case.genuine, how) {
                wrong.push(format!("{}: the genuine one, {how:?}: {bad}", case.name));
            }
        }
        let found = read(&case.altered, read_as).map_or_else(|bad| bad.to_string(), |_| "nothing".into());
        if found.split_whitespace().next() != Some(case.check) {
            wrong.push(format!("{}: {} is right, found {found}", case.name, case.check));
        }
        // Between entries of others it is refused too.
        if read(&case.altered, Reading { whole: true, ..read_as }).is_ok() {
            wrong.push(format!("{}: passes between entries of others", case.name));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// shows: P-109, G-01, G-19, G-20
#[test]
fn every_altered_history_is_refused_by_its_own_check() {
    every(&cases(), AS_IN_A_BUNDLE);
}

/// shows: G-19
#[test]
fn what_needs_no_signature_is_refused_without_one() {
    every(&unsigned(), Reading { whole: false, signed: false });
}

/// shows: G-19
#[test]
fn what_does_not_show_in_governance_alone_shows_in_the_whole_ledger() {
    every(&whole(), Reading { whole: true, signed: true });
}

/// With the submissions at hand nothing can be invented, not even by all nodes together.
/// shows: G-20
#[test]
fn what_nobody_signed_shows() {
    let genuine = &cases()[0].genuine;
    let entries: Vec<_> = genuine.entries.iter().filter(|entry| governs(&entry.subject)).collect();
    let found = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut audit = Governance::new(&genuine.genesis.document());
        let fed = entries.iter().try_for_each(|entry| {
            let mut submission = genuine.envelope(entry.submission).1;
            change(&mut submission);
            audit.leaf(&entry.leaf(), Some(&submission))
        });
        fed.map_or_else(|bad| bad.check, |()| "nothing")
    };
    assert_eq!(found(&|_| {}), "nothing");
    assert_eq!(found(&|bytes| bytes[3] ^= 1), "SUBMISSION_SIGNATURE");
    assert_eq!(found(&|bytes| *bytes = bytes[..20].to_vec()), "SUBMISSION_FORM");
    assert_eq!(found(&|bytes| bytes.push(b' ')), "SUBMISSION_DIGEST");
}
