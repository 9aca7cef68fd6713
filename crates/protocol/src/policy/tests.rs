use super::*;
use crate::digest::Digest;
use crate::keys::SecretKey;
use proptest::prelude::*;

const ORIGIN: &str = "ledger.example/evidence";

fn vkey(name: &str, kind: u8, seed: u8) -> Vkey {
    Vkey { name: name.into(), kind, key: SecretKey::from_seed(&[seed; 32]).public() }
}

fn log() -> Vkey {
    vkey(ORIGIN, TYPE_ED25519, 1)
}

fn witness(n: u8) -> Vkey {
    vkey(&format!("w{n}.example"), TYPE_COSIGNATURE, 10 + n)
}

/// Four witnesses, w3 and w4 in a group of their own.
fn text(quorum: &str) -> String {
    let mut out = format!("# known logs\n\nlog {} https://ledger.example\n", log().to_text());
    for n in 1..=4 {
        out.push_str(&format!("  witness\tW{n} {}\n", witness(n).to_text()));
    }
    out + &format!("group late any W3 W4\ngroup both 2 W1 W2 late\nquorum {quorum}\n")
}

fn note(signers: &[u8], log_signs: bool) -> Note {
    let mut note = Note::new(Checkpoint { origin: ORIGIN.into(), size: 3, root: Digest::of(b"root") }.to_text());
    if log_signs {
        note.sign(ORIGIN, &SecretKey::from_seed(&[1; 32]));
    }
    for n in signers {
        note.cosign(&format!("w{n}.example"), &SecretKey::from_seed(&[10 + n; 32]), 7);
    }
    note
}

#[test]
fn a_quorum_of_nested_groups_is_counted() {
    let policy = Policy::parse(text("both").as_bytes()).unwrap();
    for (signers, met) in [
        (&[1, 2][..], true),
        (&[1, 3], true),
        (&[2, 4], true),
        // Both of the inner group are one member of the outer one.
        (&[3, 4], false),
        (&[1], false),
        (&[], false),
        (&[1, 2, 3, 4], true),
        // Somebody whom the policy does not name adds nothing.
        (&[1, 9], false),
    ] {
        let found = policy.evaluate(&note(signers, true));
        assert_eq!(found.is_ok(), met, "{signers:?}: {found:?}");
        if let Err(error) = found {
            assert_eq!((error.check(), error.tampered()), ("POLICY_QUORUM", false));
        }
    }
    // The log's own line is one more signature.
    assert!(!policy.evaluate(&note(&[1, 2], false)).unwrap().log_signed);
    let accepted = policy.evaluate(&note(&[1, 2], true)).unwrap();
    assert!(accepted.log_signed);
    assert_eq!(accepted.cosigners[1], Cosigner { witness: "W2".into(), key: "w2.example".into(), time: 7 });
}

#[test]
fn without_witnesses_the_log_must_sign() {
    let policy = Policy::parse(text("none").as_bytes()).unwrap();
    assert!(policy.evaluate(&note(&[], true)).is_ok());
    assert_eq!(policy.evaluate(&note(&[1, 2, 3], false)).unwrap_err().check(), "POLICY_QUORUM");
    let one = Policy::parse(text("W2").as_bytes()).unwrap();
    assert!(one.evaluate(&note(&[2], false)).is_ok() && one.evaluate(&note(&[1, 3, 4], true)).is_err());
}

/// Who is asked to sign more is told how many of whom, and who did.
#[test]
fn what_is_lacking_is_said_in_the_names_of_the_policy() {
    let lacking = |quorum: &str, signers: &[u8]| {
        let policy = Policy::parse(text(quorum).as_bytes()).unwrap();
        policy.evaluate(&note(signers, false)).unwrap_err().to_string()
    };
    let said = "POLICY_QUORUM: expected cosignatures of 2 of W1, W2, late, found ";
    assert_eq!(lacking("both", &[]), format!("{said}none of them"));
    assert_eq!(lacking("both", &[4, 3]), format!("{said}W3, W4"));
    assert_eq!(lacking("W2", &[1]), "POLICY_QUORUM: expected a cosignature of W2, found W1");
    assert_eq!(lacking("none", &[1]), "POLICY_QUORUM: expected the log's own signature, found none");
    let none = Policy::parse(text("none").as_bytes()).unwrap();
    let other =
        Unsatisfied::Quorum { expected: "cosigners, of whom the policy demands none".into(), found: "W1".into() };
    assert_eq!(none.cosigned(&note(&[1], true)).unwrap_err(), other);
}

/// The words for a large group do not grow with it.
#[test]
fn of_a_large_group_twenty_are_named() {
    let mut text = String::new();
    for n in 1..=21 {
        text.push_str(&format!("witness W{n} {}\n", witness(n).to_text()));
    }
    let names: Vec<String> = (1..=21).map(|n| format!("W{n}")).collect();
    text.push_str(&format!("group all all {}\nquorum all\n", names.join(" ")));
    let policy = Policy::parse(text.as_bytes()).unwrap().with_origins(vec![ORIGIN.into()]);
    let Unsatisfied::Quorum { expected, .. } = policy.evaluate(&note(&[1], false)).unwrap_err() else { panic!() };
    assert_eq!(expected, format!("cosignatures of 21 of {}", names[..20].join(", ")));
}

#[test]
fn what_a_policy_names_is_written_and_told_as_it_was_read() {
    let policy = Policy::parse(text("both").as_bytes()).unwrap();
    let written: String = [
        format!("log {} https://ledger.example\n", log().to_text()),
        (1..=4).map(|n| format!("witness W{n} {}\n", witness(n).to_text())).collect(),
        "group late any W3 W4\ngroup both 2 W1 W2 late\nquorum both\n".into(),
    ]
    .concat();
    assert_eq!((policy.to_string(), policy.to_text()), (written.clone(), written));
    assert_eq!(policy.logs(), [Log { vkey: log(), url: Some("https://ledger.example".into()) }]);
    let witnesses: Vec<_> = policy.witnesses().iter().map(|one| (one.name.as_str(), &one.vkey)).collect();
    assert_eq!(witnesses, [("W1", &witness(1)), ("W2", &witness(2)), ("W3", &witness(3)), ("W4", &witness(4))]);
    assert_eq!(policy.keys(), [log(), witness(1), witness(2), witness(3), witness(4)]);
    let of = |line: String| Policy::parse(format!("{line}\nquorum none\n").as_bytes()).unwrap_err().to_string();
    let wrong = "policy line 1: type of a key: expected";
    assert_eq!(of(format!("log {}", witness(1).to_text())), format!("{wrong} a log key of type 1, found 4"));
    let log = log().to_text();
    assert_eq!(of(format!("witness a {log}")), format!("{wrong} a cosignature key of type 4, found 1"));
}

#[test]
fn a_failing_signature_of_a_known_key_is_never_overlooked() {
    let policy = Policy::parse(text("both").as_bytes()).unwrap();
    for at in 0..4 {
        let mut note = note(&[1, 2, 3], true);
        let last = note.signatures[at].bytes.len() - 1;
        note.signatures[at].bytes[last] ^= 1;
        let error = policy.evaluate(&note).unwrap_err();
        assert_eq!((error.check(), error.tampered()), ("CHECKPOINT_SIGNATURE", true), "{at}");
    }
    let mut other = note(&[1, 2], true);
    other.text = other.text.replace("ledger", "sledge");
    assert_eq!(policy.evaluate(&other).unwrap_err().check(), "CHECKPOINT_SIGNATURE", "an altered name");
    // Another log of the same cosigners: nothing is wrong with its note, and the policy does not know it.
    let other_log = |signers: &[u8]| {
        let mut other = Note::new(note(&[], false).text.replace("ledger", "sledge"));
        signers.iter().for_each(|n| other.cosign(&format!("w{n}.example"), &SecretKey::from_seed(&[10 + n; 32]), 7));
        other
    };
    for signers in [&[1, 2][..], &[]] {
        let error = policy.evaluate(&other_log(signers)).unwrap_err();
        assert_eq!((error.check(), error.tampered()), ("POLICY_ORIGIN", false), "before the quorum");
    }
    let named = policy.clone().with_origins(vec!["sledge.example/evidence".into()]);
    assert!(named.evaluate(&other_log(&[1, 2])).is_ok());
    assert_eq!(named.evaluate(&other_log(&[1])).unwrap_err().check(), "POLICY_QUORUM");
    other.text = "ledger.example/evidence\n3\n".into();
    assert_eq!(policy.evaluate(&other).unwrap_err().check(), "CHECKPOINT_FORM");
}

/// A note that is no checkpoint: the quorum must have cosigned it, and a log's line is none of them.
#[test]
fn other_notes_need_the_quorum_alone() {
    let other = |signers: &[u8], log: bool| {
        let mut other = Note::new("ledger.example/other\ntext\n".into());
        if log {
            other.sign(ORIGIN, &SecretKey::from_seed(&[1; 32]));
        }
        signers.iter().for_each(|n| other.cosign(&format!("w{n}.example"), &SecretKey::from_seed(&[10 + n; 32]), 7));
        other
    };
    let policy = Policy::parse(text("both").as_bytes()).unwrap();
    let names = policy.cosigned(&other(&[2, 4], false)).unwrap();
    assert_eq!(names.iter().map(|one| one.witness.as_str()).collect::<Vec<_>>(), ["W2", "W4"]);
    assert_eq!(policy.cosigned(&other(&[3, 4], true)).unwrap_err().check(), "POLICY_QUORUM");
    let none = Policy::parse(text("none").as_bytes()).unwrap();
    assert_eq!(none.cosigned(&other(&[1, 2, 3, 4], true)).unwrap_err().check(), "POLICY_QUORUM");
    let mut altered = other(&[1, 2], true);
    altered.signatures[0].bytes[5] ^= 1;
    assert_eq!(policy.cosigned(&altered).unwrap_err().check(), "CHECKPOINT_SIGNATURE");
}

#[test]
fn what_the_format_does_not_allow_is_refused_at_its_line() {
    let (log, w1, w2) = (log().to_text(), witness(1).to_text(), witness(2).to_text());
    for (line, rule, text) in [
        (0, "quorum", format!("log {log}\n")),
        (0, "form of a policy", format!("log {log}")),
        (0, "form of a policy", String::new()),
        (1, "line of a policy", "quorum\n".into()),
        (1, "line of a policy", format!("Log {log}\nquorum none\n")),
        (1, "line of a policy", format!("log {log} url more\nquorum none\n")),
        (2, "quorum", "quorum none\nquorum none\n".into()),
        (1, "quorum", format!("quorum a\nwitness a {w1}\n")),
        (2, "key of a log", format!("log {log}\nlog {log}\nquorum none\n")),
        (2, "key of a witness", format!("witness a {w1}\nwitness b {w1}\nquorum a\n")),
        (2, "name in a policy", format!("witness a {w1}\nwitness a {w2}\nquorum a\n")),
        (1, "name in a policy", format!("witness none {w1}\nquorum none\n")),
        (2, "threshold of a group", format!("witness a {w1}\ngroup g 2 a\nquorum g\n")),
        (2, "threshold of a group", format!("witness a {w1}\ngroup g 0 a\nquorum g\n")),
        (2, "threshold of a group", format!("witness a {w1}\ngroup g 01 a\nquorum g\n")),
        (2, "threshold of a group", format!("witness a {w1}\ngroup g +1 a\nquorum g\n")),
        (2, "members of a group", format!("witness a {w1}\ngroup g any\nquorum g\n")),
        (2, "member of a group", format!("witness a {w1}\ngroup g any a a\nquorum g\n")),
        (3, "member of a group", format!("witness a {w1}\ngroup g any a\ngroup h any a\nquorum h\n")),
        (1, "member of a group", "group g any g\nquorum g\n".into()),
        (1, "member of a group", "group g any none\nquorum g\n".into()),
        (1, "type of a key", format!("log {w1}\nquorum none\n")),
        (1, "type of a key", format!("witness a {log}\nquorum a\n")),
        (1, "key id", format!("log {}\nquorum none\n", log.replacen("+6", "+7", 1))),
        (1, "characters of a policy", "quorum none\r\n".into()),
        (1, "characters of a policy", "# a bell \u{7}\nquorum none\n".into()),
    ] {
        let error = Policy::parse(text.as_bytes()).unwrap_err();
        assert_eq!((error.line, error.rule), (line, rule), "{text}");
        // Lines count from 1: of the file as a whole no line is named.
        let place = if line == 0 { "policy: ".into() } else { format!("policy line {line}: ") };
        assert!(error.to_string().starts_with(&(place + rule)), "{error}");
    }
    assert!(Policy::parse(b"# \xff in a comment\nquorum none\n").is_ok());
    assert_eq!(Policy::parse(b"quorum \xff\n").unwrap_err().rule, "encoding of a policy");
    assert_eq!(Policy::parse(&vec![b'\n'; MAX_BYTES + 1]).unwrap_err().rule, "bytes of a policy");
}

/// shows: P-095
#[test]
fn there_is_room_for_so_many_lines_of_a_kind_and_for_no_more() {
    let text = |count: usize| {
        let line = |n: usize| {
            let mut seed = [7; 32];
            seed[..8].copy_from_slice(&n.to_be_bytes());
            let key = SecretKey::from_seed(&seed).public();
            let vkey = Vkey { name: format!("w{n}.example"), kind: TYPE_COSIGNATURE, key };
            format!("witness W{n} {}\n", vkey.to_text())
        };
        format!("log {}\n{}quorum none\n", log().to_text(), (0..count).map(line).collect::<String>())
    };
    let most = Policy::parse(text(MAX_ITEMS).as_bytes());
    assert!(most.is_ok(), "{most:?}");
    let error = Policy::parse(text(MAX_ITEMS + 1).as_bytes()).unwrap_err();
    assert_eq!((error.rule, error.found.as_str()), ("lines of one kind", "more"));
}

#[test]
fn the_policy_of_a_cluster_demands_two_thirds_and_more_of_the_organisations() {
    let thresholds: Vec<usize> = (1..=8).map(Policy::default_threshold).collect();
    assert_eq!(thresholds, [1, 2, 3, 3, 4, 5, 5, 6]);
    let organisations: Vec<(String, Vec<Vkey>)> =
        vec![("aurora".into(), vec![witness(1), witness(2)]), ("borealis".into(), vec![witness(3)])];
    let policy = Policy::of_organisations(vec![log()], &organisations, 2).unwrap();
    assert_eq!(Policy::parse(policy.to_text().as_bytes()).unwrap(), policy);
    assert!(policy.evaluate(&note(&[1, 2], true)).is_err());
    assert!(policy.evaluate(&note(&[2, 3], true)).is_ok());
    assert!(Policy::of_organisations(vec![log()], &organisations, 3).is_err());
    assert!(Policy::of_organisations(vec![log()], &[("aurora".into(), Vec::new())], 1).is_err());
}

proptest! {
    #[test]
    fn no_bytes_panic_and_what_is_read_is_written_back(
        lines in prop::collection::vec((0..4_u8, 0..6_u8, prop::collection::vec(0..6_u8, 0..4)), 0..12),
        noise in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
    ) {
        let mut text = String::new();
        for (kind, n, members) in lines {
            let members: Vec<String> = members.iter().map(|n| format!("W{n}")).collect();
            text.push_str(&match kind {
                0 => format!("log {}\n", vkey(&format!("log{n}"), TYPE_ED25519, n).to_text()),
                1 => format!("witness W{n} {}\n", witness(n).to_text()),
                2 => format!("group G{n} {} {}\n", ["any", "all", "2"][usize::from(n) % 3], members.join(" ")),
                _ => format!("quorum {}\n", members.first().map_or("none", String::as_str)),
            });
        }
        let mut bytes = text.into_bytes();
        for (at, byte) in noise {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
        }
        if let Ok(policy) = Policy::parse(&bytes) {
            prop_assert_eq!(Policy::parse(policy.to_text().as_bytes()).unwrap(), policy);
        }
    }
}
