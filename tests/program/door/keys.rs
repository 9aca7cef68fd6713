//! Keys in arguments: files or checked text, refused before anything is sent.

use super::{run, said, status};

/// Nobody listens there: whoever asks the cluster first would end with 3.
const NOBODY: [&str; 2] = ["--endpoint", "127.0.0.1:1"];

#[test]
fn a_key_is_a_file_or_checked_text_and_nothing_is_sent_otherwise() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let root = path("root.json");
    assert_eq!(status(&run(&["key", "new", &root])), 0);
    let shown = run(&["key", "show", &root, "-o", "json"]);
    std::fs::write(path("public.json"), &shown.stdout).unwrap();
    std::fs::write(path("other.json"), "{\"public\":7}").unwrap();
    std::fs::write(path("empty.json"), "").unwrap();
    let small = format!("ed25519:01{}", "00".repeat(31));
    let none = format!("ed25519:02{}", "00".repeat(31));
    std::fs::write(path("small.json"), format!("{{\"public\":\"{small}\"}}")).unwrap();
    let good = format!("ed25519:{}", "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c");
    for (key, why) in [
        (small.as_str(), "small order"),
        (&none, "no point"),
        ("ed25519:00", "no public key"),
        (&path("small.json"), "small order"),
        (&path("other.json"), "a key is text"),
        (&path("empty.json"), "no key file"),
        ("chip-a", "neither a public key"),
    ] {
        for arguments in [
            &["enrol-chip", key][..],
            &["rotate-key", "root", key],
            &["enrol-node", "4", key, &good],
            &["enrol-node", "4", &good, key],
            &["propose", "p", "add-organisation", "delta", key, &good],
            &["propose", "p", "add-organisation", "delta", &good, key],
            &["propose", "p", "rotate-key", "delta", "root", key, "--reason", "lost"],
            &["propose", "p", "move-publisher", "delta", key],
        ] {
            let output = run(&[&NOBODY[..], &["--key", &root, "governance"], arguments].concat());
            assert_eq!(status(&output), 2, "{arguments:?}: {}", said(&output));
            assert!(said(&output).contains(why), "{why} in {}", said(&output));
        }
    }
    // Text of a node key alone does not tell its cosigner key.
    let output = run(&[&NOBODY[..], &["--key", &root, "governance", "enrol-node", "4", &good]].concat());
    assert!(status(&output) == 2 && said(&output).contains("cosigner key is missing"), "{}", said(&output));
    // What is sound is sent, and nobody is there: by file, by public half alone, by text.
    for key in [root.as_str(), &path("public.json"), &good] {
        let limit = ["--timeout", "1"];
        let output = run(&[&NOBODY[..], &limit, &["--key", &root, "governance", "enrol-chip", key]].concat());
        assert_eq!(status(&output), 3, "{}", said(&output));
    }
}
