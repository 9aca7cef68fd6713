//! The command line without a cluster, and the story.

use serde_json::Value;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const SELFSAME: &str = env!("CARGO_BIN_EXE_selfsame");

fn examples(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name).display().to_string()
}

fn selfsame(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(SELFSAME)
        .args(arguments)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that refuses early does not read its input.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Exit status and the parts of the message.
fn refuses(arguments: &[&str], input: &[u8], status: i32, parts: &[&str]) {
    let output = selfsame(arguments, input);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {said}");
    for part in parts {
        assert!(said.contains(part), "{arguments:?}: {part:?} in {said}");
    }
}

/// The demo keeps its files; its bundle then verifies from the file alone, and no altered one does.
/// shows: P-001, P-003, P-004, P-007, P-012, P-015, P-016, P-019, P-064, P-096, P-100, P-105, P-108
#[test]
fn the_story_holds_and_what_it_exports_is_verified_with_the_cluster_gone() {
    let dir = tempfile::tempdir().unwrap();
    let output = Command::new(SELFSAME).args(["demo", "--keep"]).env("TMPDIR", dir.path()).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    for sentence in [
        "Substrate identity verified — continuing from",
        "HASH_MISMATCH",
        "CHIP_INVALIDATED",
        "SUPPRESSED",
        "guilty: demo.example/cosigner/3 (cygnus)",
    ] {
        assert!(told.contains(sentence), "{sentence} in\n{told}");
    }
    let kept = std::fs::read_dir(dir.path()).unwrap().next().unwrap().unwrap().path();
    let bundle = kept.join("bundle.jsonl");
    let whole = std::fs::read(&bundle).unwrap();
    let policy = kept.join("policy.txt").display().to_string();
    let report = json(&selfsame(&["verify", "-", "--policy", &policy, "-o", "json"], &whole));
    assert!(report["later_entries"]["known"].is_object(), "{report}");
    assert!(report["entries"].as_u64().or_else(|| report["entries"].as_str()?.parse().ok()) > Some(20), "{report}");
    let statement = std::fs::read(kept.join("statement.json")).unwrap();
    let stated = json(&selfsame(&["verify", "-", "--policy", &policy, "-o", "json"], &statement));
    assert!(stated["signers"].as_array().unwrap().len() >= 3, "{stated}");

    // The statement is a baseline of the history that it belongs to, and says nothing without signatures.
    let baseline = selfsame(
        &[
            "substrate",
            "baseline",
            &kept.join("statement.json").display().to_string(),
            &bundle.display().to_string(),
            "--policy",
            &policy,
            "-o",
            "json",
        ],
        b"",
    );
    assert_eq!(json(&baseline)["same_entity"], true);
    let mut unsigned: Value = serde_json::from_slice(&statement).unwrap();
    let head = unsigned["head"].as_str().unwrap();
    let only = |line: &&str| !line.contains("/cosigner/");
    unsigned["head"] = head.lines().filter(only).map(|line| format!("{line}\n")).collect::<String>().into();
    let policy_and = ["verify", "-", "--policy", &policy];
    refuses(&policy_and, &serde_json::to_vec(&unsigned).unwrap(), 13, &["STATEMENT_KEY", "none of them"]);
    let mut better: Value = serde_json::from_slice(&statement).unwrap();
    better["statement"]["identity_lineage_depth"] = 99.into();
    refuses(&["verify", "-"], &serde_json::to_vec(&better).unwrap(), 10, &["STATEMENT_HASH"]);

    // The organisation that signed two histories is named from the file and its key alone.
    let evidence = std::fs::read(kept.join("equivocation.json")).unwrap();
    let key = told.split("equivocation.json --trust ").nth(1).unwrap().split_whitespace().next().unwrap();
    let verdict = json(&selfsame(&["verify", "-", "--trust", key, "-o", "json"], &evidence));
    assert_eq!(verdict["guilty"][0]["name"], "demo.example/cosigner/3", "{verdict}");
    refuses(&["verify", "-"], &evidence, 13, &["NOBODY_TRUSTED"]);
    let size = evidence.len();
    for at in (0..size).step_by(size / 23) {
        let mut altered = evidence.clone();
        altered[at] ^= 1;
        let output = selfsame(&["verify", "-", "--trust", key, "-o", "json"], &altered);
        // Lines of keys that the reader does not know are ignored, as notes have it: they accuse and excuse nobody.
        if output.status.success() {
            assert_eq!(json(&output)["guilty"], verdict["guilty"], "byte {at}");
        } else {
            assert!(matches!(output.status.code(), Some(10 | 13)), "byte {at}");
        }
    }

    // One bit anywhere: refused, and never accepted.
    for at in (0..whole.len()).step_by(whole.len() / 97) {
        let mut altered = whole.clone();
        altered[at] ^= 1;
        let output = selfsame(&policy_and, &altered);
        assert!(
            matches!(output.status.code(), Some(10 | 13)),
            "byte {at}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    // Every line of a note is by a key of the history of keys: no name and no key id of a line can change.
    let header = &whole[..whole.iter().position(|byte| *byte == b'\n').unwrap()];
    let dash = "\\n\u{2014} ".as_bytes();
    let signature_lines: Vec<usize> =
        (0..header.len()).filter(|at| header[*at..].starts_with(dash)).map(|at| at + dash.len()).collect();
    // Three cosigners and the log under each note, and the node that answered.
    assert!(signature_lines.len() >= 6, "{}", String::from_utf8_lossy(header));
    for start in signature_lines {
        let name = header[start..].iter().position(|byte| *byte == b' ').unwrap();
        for at in [start, start + name - 1, start + name + 2] {
            let mut altered = whole.clone();
            altered[at] = if altered[at] == b'a' { b'b' } else { b'a' };
            let output = selfsame(&policy_and, &altered);
            assert!(matches!(output.status.code(), Some(10 | 13)), "byte {at} of the header: {output:?}");
        }
    }
    // Cut short: something is missing, and it is said.
    for keep in [0, 1, whole.len() / 2, whole.len() - 2] {
        let output = selfsame(&policy_and, &whole[..keep]);
        assert!(!output.status.success(), "{keep} bytes of {}", whole.len());
    }
}

/// shows: RI-01, RI-15, RI-19, WL-01, WL-05, WL-31
#[test]
fn a_run_identity_needs_no_cluster_and_no_layout() {
    let request = std::fs::read(examples("requests/openai-chat.json")).unwrap();
    let file = examples("requests/openai-chat.json");
    let first = json(&selfsame(&["run", "id", "--import", &file, "-o", "json"], b""));
    let value: Value = serde_json::from_slice(&request).unwrap();
    let compact = serde_json::to_vec(&value).unwrap();
    assert_ne!(compact, request);
    let second = json(&selfsame(&["run", "id", "--import", "-", "-o", "json"], &compact));
    assert_eq!(first, second);
    // The canonical declaration that import prints has the same identity.
    let declaration = selfsame(&["run", "import", "--import", &file], b"").stdout;
    assert_eq!(json(&selfsame(&["run", "id", "-", "-o", "json"], &declaration)), first);
}

#[test]
fn bad_input_is_refused_with_its_place_and_a_stable_exit_status() {
    refuses(&["run", "id", "-"], b"{\"a\":1,\"a\":2}", 2, &["DUPLICATE_KEY", "\"a\" again"]);
    refuses(&["run", "id", "-"], b"{\"type\":\"selfsame/run-declaration/v1\"}", 2, &["MISSING_MEMBER"]);
    refuses(&["run", "id", "-"], b"not json", 2, &["byte"]);
    refuses(&["run", "id", "-"], &[b'['; 10_000], 2, &["TOO_DEEP", "64"]);
    refuses(&["run", "id", "/nowhere/at/all"], b"", 2, &["/nowhere/at/all"]);
    refuses(&["verify", "-"], b"nothing known", 13, &["FILE_KIND", "text of another kind"]);
    refuses(&["run", "show", "sha256:00"], b"", 2, &["RUN_ID", "sha256:00"]);
    refuses(&["cluster", "status"], b"", 2, &["no endpoint"]);
    refuses(&["--endpoint", "127.0.0.1:1", "cluster", "status"], b"", 3, &["no endpoint answered"]);
    refuses(&["no-such-noun"], b"", 2, &["no-such-noun"]);
}

/// A reader that leaves early, as `head` does, ends the command without a complaint.
#[test]
fn a_closed_pipe_is_no_error() {
    let mut child = Command::new(SELFSAME).arg("man").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn every_command_explains_itself() {
    fn walk(path: &[String]) {
        let mut arguments: Vec<&str> = path.iter().map(String::as_str).collect();
        arguments.push("--help");
        let help = String::from_utf8(selfsame(&arguments, b"").stdout).unwrap();
        let about = help.lines().next().unwrap_or_default();
        assert!(about.len() > 10 && !about.starts_with("Usage"), "{path:?} says nothing of itself:\n{help}");
        let Some(list) = help.split("\nCommands:\n").nth(1) else { return };
        for line in list.lines().take_while(|line| !line.trim().is_empty()) {
            let Some(name) = line.strip_prefix("  ").and_then(|rest| rest.split(' ').next()) else { continue };
            if !name.is_empty() && name != "help" {
                walk(&[path, &[name.to_owned()]].concat());
            }
        }
    }
    walk(&[]);
}

/// Files of a new key are readable by their owner alone, and never overwritten.
#[test]
fn a_key_file_is_private_and_never_overwritten() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let file: PathBuf = dir.path().join("key.json");
    let path = file.display().to_string();
    let made = json(&selfsame(&["key", "new", &path, "-o", "json"], b""));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let before = std::fs::read(&file).unwrap();
    refuses(&["key", "new", &path], b"", 2, &[&path]);
    assert_eq!(std::fs::read(&file).unwrap(), before);
    assert_eq!(json(&selfsame(&["key", "show", &path, "-o", "json"], b""))["public"], made["public"]);
}

/// A development cluster of which a node's data is gone does not begin anew under the old ids.
/// shows: X-01
#[test]
fn dev_does_not_make_a_lost_node_again() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("context.json"), "{}").unwrap();
    for kept in ["node1", "node3"] {
        std::fs::create_dir_all(dir.path().join(kept).join("log")).unwrap();
    }
    std::fs::create_dir(dir.path().join("node2")).unwrap();
    let place = dir.path().display().to_string();
    refuses(&["dev", "--dir", &place], b"", 5, &["the data of node 2 is gone", "put the directory back"]);
    assert!(!dir.path().join("keys").exists(), "nothing is made before");
}
