//! What a file is, what is said of files that nobody can verify, and who is named as vouching.

use selfsame_offline::{Failure, Level, Options, Verified, verify, verify_input};
use selfsame_protocol::bundle::{BUNDLE_TYPE, IDENTITY_PROOF_TYPE};
use selfsame_protocol::keys::SecretKey;
use selfsame_protocol::merkle::empty_root;
use selfsame_protocol::note::{Checkpoint, Note, TYPE_COSIGNATURE, TYPE_ED25519, Vkey};
use selfsame_protocol::policy::Policy;
use serde_json::json;
use std::io::{BufReader, Cursor, Read};

fn check(bytes: &[u8], options: &Options) -> Result<Verified, Failure> {
    verify_input(Box::new(Cursor::new(bytes.to_vec())), options, &mut |_, _, _| {})
}

fn refused(bytes: &[u8]) -> (String, bool, String) {
    let failure = check(bytes, &Options::default()).unwrap_err();
    (failure.check, failure.tampered, failure.found)
}

#[test]
fn files_that_nobody_can_verify_are_named_with_the_command_that_is_for_them() {
    let key = Vkey { name: "a.example".into(), kind: TYPE_ED25519, key: SecretKey::from_seed(&[1; 32]).public() };
    let entry =
        r#"{"depth":"0","index":"0","ledger":"evidence","prior_entry_hash":null,"record":{},"subject":"cluster"}"#;
    let secret = "5ec7e7".repeat(11);
    let key_file =
        format!("{{\n  \"algorithm\": \"ed25519\",\n  \"public\": \"ed25519:00\",\n  \"secret\": \"{secret}\"\n}}\n");
    for (file, part) in [
        ("", "an empty file"),
        ("SFSNAP01", "selfsame node backup"),
        ("sscosig1", "the node alone reads it"),
        ("redb\u{1a}", "selfsame ledger export"),
        ("-----BEGIN CERTIFICATE-----\n", "of TLS"),
        ("# whom we trust\nquorum none\n", "--policy"),
        (&(key.to_text() + "\n"), "--trust"),
        (entry, "selfsame ledger receipt"),
        (&format!("{entry}\n{entry}\n"), "selfsame ledger receipt"),
        (&key_file, "selfsame key show"),
        ("{\"payload\":\"e30=\",\"payloadType\":\"x\",\"signatures\":[]}", "selfsame ledger receipt"),
        ("{\"apiVersion\":\"selfsame/v1\",\"kind\":\"InclusionProof\",\"proof\":[]}", "a command printed"),
        ("{\"cluster\":\"dev\",\"limits\":{},\"organisations\":[]}", "--genesis"),
        ("cluster = \"dev\"\n\n[[organisations]]\nname = \"a\"\n", "--genesis"),
        ("[node]\nid = 1\n", "selfsame config check"),
        ("{\"cluster\":\"dev\",\"endpoints\":[\"127.0.0.1:1\"]}", "selfsame itself"),
        ("{\"messages\":[],\"model\":\"m\"}", "selfsame run id"),
        (&format!("sha256:{}\n{{\"logs\":{{}}}}\n", "0".repeat(64)), "selfsame audit"),
        ("sha256:00\n{\"log\":{}}\n", "text of another kind"),
        ("x\n{\"logs\":{}}\n", "text of another kind"),
        ("{\"a\":1}", "another kind"),
        ("text\n", "another kind"),
    ] {
        let (check, tampered, found) = refused(file.as_bytes());
        assert_eq!((check.as_str(), tampered), ("FILE_KIND", false), "{file}");
        assert!(found.contains(part), "{file}: {found}");
        assert!(!found.contains(&secret[..12]), "a secret is never shown: {found}");
    }
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("state.redb"), b"").unwrap();
    let failure = verify(dir.path(), &Options::default(), &mut |_, _, _| {}).unwrap_err();
    assert_eq!((failure.check.as_str(), failure.tampered), ("FILE_KIND", false));
    assert!(failure.found.contains("selfsame ledger export"), "{failure}");
}

/// No memory is asked for because a file says so: a backup's header has a bound, and what is above it is not waited for.
#[test]
fn a_header_that_no_backup_has_is_refused_before_it_is_read() {
    let most = 4 * selfsame_protocol::note::MAX_NOTE as u32 + 65_536;
    let expected = |length: u32| {
        let failure = check(&[&b"SFBACK01"[..], &length.to_be_bytes()].concat(), &Options::default()).unwrap_err();
        assert_eq!((failure.check.as_str(), failure.tampered), ("BACKUP_FORM", true), "{failure}");
        failure.expected
    };
    assert!(expected(most + 1).ends_with(&format!("of at most {most} bytes")));
    assert_eq!(expected(most), format!("{most} more bytes"));
}

/// A header that another reader would take for the same is not its one spelling.
///
/// shows: P-095, X-05
#[test]
fn a_bundle_whose_type_is_spelled_otherwise_is_altered_and_an_unknown_one_is_not() {
    let of = BUNDLE_TYPE;
    for text in [
        format!(" {{\"bundle\":\"{of}\"}}\n"),
        format!("\n{{\"bundle\":\"{of}\"}}\n"),
        format!("\u{feff}{{\"bundle\":\"{of}\"}}\n"),
        format!("{{ \"bundle\":\"{of}\"}}\n"),
        format!("{{\"bundle\" :\"{of}\"}}\n"),
        format!("{{\"bundle\": \"{of}\"}}\n"),
        format!("{{\"bundle\":\"{}\"}}\n", of.replace('f', "\\u0066")),
        format!("{{\"\\u0062undle\":\"{of}\"}}\n"),
        format!("{{\"a\":{{\"b\":[\"}}\"]}},\"bundle\":\"{of}\"}}\n"),
        "{\"bundle\":7}\n".into(),
        "{\"bundle\":\"selfsame/bund".into(),
    ] {
        let (check, tampered, _) = refused(text.as_bytes());
        assert_eq!((check.as_str(), tampered), ("BUNDLE_LINE", true), "{text}");
    }
    // Too large to be read at once: what it is shows at its beginning.
    let mut large = format!(" {{\"bundle\":\"{of}\",\"x\":\"").into_bytes();
    large.resize(17 << 20, b'x');
    assert_eq!(refused(&large).0, "BUNDLE_LINE");
    for (named, wanted) in [
        ("selfsame/another/v1", "BUNDLE_TYPE"),
        ("selfsame/bundle/v3", "UNSUPPORTED_VERSION"),
        ("selfsame/substrate-bundle/v1", "UNSUPPORTED_VERSION"),
        ("selfsame/run-bundle/v1", "UNSUPPORTED_VERSION"),
    ] {
        for text in [format!("{{\"bundle\":\"{named}\"}}\n"), format!("\n {{ \"x\":1, \"bundle\" : \"{named}\"}}")] {
            let (check, tampered, _) = refused(text.as_bytes());
            assert_eq!((check.as_str(), tampered), (wanted, false), "{text}");
        }
    }
}

#[test]
fn a_statement_that_is_no_json_is_an_altered_statement_and_one_of_version_1_is_not_read() {
    for text in [
        format!("{{\"identity\":\"{IDENTITY_PROOF_TYPE}\",\"statement\":"),
        format!("{{\"checkpoints\":{{}},\"identity\":\"{IDENTITY_PROOF_TYPE}\",\"identity\":1}}"),
        "{\"record_type\":\"identity_statement\",}".into(),
        "{\"statement_hash\":\"sha256:00\",\"a\":1e999}".into(),
    ] {
        let (check, tampered, _) = refused(text.as_bytes());
        assert_eq!((check.as_str(), tampered), ("STATEMENT_FORM", true), "{text}");
    }
    for text in [
        "{\"proof\":{},\"statement\":{}}",
        "{\n  \"statement\": {},\n  \"proof\": {}}",
        "{\"proof\":{\"checkpoints\":{\"evid",
        "{\"identity\":\"selfsame/identity-proof/v3\",,}",
    ] {
        let (check, tampered, _) = refused(text.as_bytes());
        assert_eq!((check.as_str(), tampered), ("UNSUPPORTED_VERSION", false), "{text}");
    }
}

/// Gives one byte at a time, as a pipe may.
struct Dripping(Cursor<Vec<u8>>);

impl Read for Dripping {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let some = buffer.len().min(1);
        self.0.read(&mut buffer[..some])
    }
}

fn signers() -> [(Vkey, SecretKey); 3] {
    [("log.example/evidence", TYPE_ED25519, 1), ("a.example", TYPE_COSIGNATURE, 2), ("b.example", TYPE_COSIGNATURE, 3)]
        .map(|(name, kind, seed)| {
            let secret = SecretKey::from_seed(&[seed; 32]);
            (Vkey { name: name.into(), kind, key: secret.public() }, secret)
        })
}

/// A checkpoint by the log and two cosigners.
fn note() -> Note {
    let [log, a, b] = signers();
    let mut note = Note::new(Checkpoint { origin: log.0.name.clone(), size: 0, root: empty_root() }.to_text());
    note.sign(&log.0.name, &log.1);
    note.cosign(&a.0.name, &a.1, 7);
    note.cosign(&b.0.name, &b.1, 7);
    note
}

#[test]
fn a_kind_is_told_whatever_pieces_the_bytes_come_in() {
    let [log, ..] = signers();
    let options = Options { keys: vec![log.0], ..Options::default() };
    let drip = |bytes: &[u8]| {
        let input = Box::new(BufReader::with_capacity(1, Dripping(Cursor::new(bytes.to_vec()))));
        verify_input(input, &options, &mut |_, _, _| {})
    };
    assert_eq!(drip(note().to_text().as_bytes()).unwrap().file_kind, "checkpoint");
    let text = format!(" {{\"bundle\":\"{BUNDLE_TYPE}\"}}\n");
    assert_eq!(drip(text.as_bytes()).unwrap_err().check, "BUNDLE_LINE");
    assert_eq!(drip(b"SFBACK02").unwrap_err().check, "UNSUPPORTED_VERSION");
    let large = vec![b'x'; (16 << 20) + 1];
    let failure = check(&large, &options).unwrap_err();
    assert_eq!((failure.check.as_str(), failure.tampered), ("FILE_KIND", false));
    assert!(failure.found.contains("16777216 bytes"), "{failure}");
}

/// Only cosigners are called cosigners, only those whom the reader names are named, and that nobody is named is said.
///
/// shows: P-095
#[test]
fn who_vouches_is_named_for_what_he_is() {
    let [log, a, b] = signers();
    let bytes = note().to_text().into_bytes();
    let levels = |options: Options| {
        let checked = check(&bytes, &options).unwrap().checked;
        (checked.cosignatures, checked.attestation)
    };
    let keys = |keys: &[&Vkey]| Options { keys: keys.iter().map(|key| (*key).clone()).collect(), ..Options::default() };
    let held = |text: &str| Level::Held(text.into());
    let not = |text: &str| Level::NotChecked(text.into());
    let no_other = not("no log and no node that you know signed beside the cosigners");
    let by_log = held("signed by log.example/evidence, no cosigner");
    assert_eq!(levels(keys(&[&log.0])), (not("none of the cosigners that you named signed"), by_log.clone()));
    assert_eq!(levels(keys(&[&a.0])), (held("cosigners that you named: a.example"), no_other.clone()));
    assert_eq!(levels(keys(&[&a.0, &log.0])), (held("cosigners that you named: a.example"), by_log.clone()));
    let text = format!("log {}\nwitness a {}\nquorum a\n", log.0.to_text(), a.0.to_text());
    let policy = Options { policy: Some(Policy::parse(text.as_bytes()).unwrap()), ..Options::default() };
    assert_eq!(levels(policy.clone()), (held("cosigners of your policy: a.example"), by_log.clone()));
    // Keys beside a policy change nothing, whoever they are of.
    let both = Options { keys: vec![b.0], ..policy };
    assert_eq!(levels(both), (held("cosigners of your policy: a.example"), by_log));
    let nobody = "nobody that you trust vouches for it: no policy, no genesis and no key was given";
    let consistency = Options { consistency_only: true, ..Options::default() };
    assert_eq!(levels(consistency.clone()), (not(nobody), not(nobody)));
    let detail = check(&bytes, &consistency).unwrap().detail;
    assert_eq!((&detail["signers"], &detail["vouched_by"]), (&json!([]), &json!("nobody")));
    let failure = check(&bytes, &Options::default()).unwrap_err();
    assert_eq!((failure.check.as_str(), failure.tampered), ("NOBODY_TRUSTED", false));
    assert_eq!(failure.found, "consistent in itself, nobody that you trust vouches for it");
}
