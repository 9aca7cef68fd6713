//! Imports from the command line: flags, explanations, what is kept beside, batches, hints.

use super::{json, names, out, run, said, selfsame, status};
use serde_json::{Value, json};
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

fn write(dir: &Path, name: &str, body: &Value) -> String {
    let path = dir.join(name);
    fs::write(&path, serde_json::to_vec(body).unwrap()).unwrap();
    path.display().to_string()
}

fn chat(text: &str) -> Value {
    json!({"model": "m", "messages": [{"role": "user", "content": text}]})
}

/// shows: WL-05, RI-20, RI-34
#[test]
fn a_body_says_what_becomes_of_it_and_a_secret_never_gets_in() {
    let dir = tempfile::tempdir().unwrap();
    let mut body = chat("hi");
    body["api_key"] = json!("NOT-A-REAL-KEY");
    body["user"] = json!("u-1");
    let file = write(dir.path(), "a.json", &body);
    let declared = run(&["run", "import", "--import", &file]);
    assert_eq!(status(&declared), 0);
    assert!(!out(&declared).contains("NOT-A-REAL-KEY"), "{}", out(&declared));
    assert!(said(&declared).contains("SECRET_LEFT_OUT: /api_key"), "{}", said(&declared));
    let explained = json(&run(&["run", "import", "--import", &file, "--explain", "-o", "json"]));
    let fate = |pointer: &str| {
        let members = explained["members"].as_array().unwrap();
        members.iter().find(|one| one["pointer"] == pointer).unwrap_or_else(|| panic!("{pointer} in {explained}"))["fate"].clone()
    };
    assert_eq!(fate("/api_key"), "left out: secret");
    assert_eq!(fate("/user"), "left out: transport");
    assert_eq!(fate("/messages/0/content"), "normalised");
}

/// A refusal lists every place in the user's own file, and with -o json a program reads them.
#[test]
fn a_body_that_cannot_be_declared_is_refused_at_every_place() {
    let dir = tempfile::tempdir().unwrap();
    let mut body = chat("hi");
    body["messages"][0]["surprise"] = json!(1);
    body["tools"] = json!([{"type": "function", "function": {"name": "f", "surprise": 2}}]);
    let file = write(dir.path(), "a.json", &body);
    let refused = run(&["run", "id", "--import", &file, "--format", "openai-chat"]);
    assert_eq!(status(&refused), 2);
    for pointer in ["/messages/0/surprise: ", "/tools/0/function/surprise: "] {
        assert!(said(&refused).lines().any(|line| line.contains(pointer)), "{pointer} in {}", said(&refused));
    }
    let document = json(&run(&["run", "id", "--import", &file, "--format", "openai-chat", "-o", "json"]));
    assert_eq!(
        (document["kind"].as_str(), document["refused"].as_array().map(Vec::len)),
        (Some("Refusal"), Some(2)),
        "{document}"
    );
}

#[test]
fn model_and_provider_are_stated_once() {
    let dir = tempfile::tempdir().unwrap();
    let without = write(dir.path(), "a.json", &json!({"messages": [{"role": "user", "content": "x"}]}));
    let with = write(dir.path(), "b.json", &chat("x"));
    let id = |arguments: &[&str]| run(&[&["run", "id", "--import", "-q"], arguments].concat());
    assert!(said(&id(&[&without])).contains("/model: "), "{}", said(&id(&[&without])));
    assert_eq!(out(&id(&[&without, "--model", "m"])), out(&id(&[&with])));
    assert_eq!(status(&id(&[&with, "--model", "other"])), 2);
    assert_ne!(out(&id(&[&with, "--provider", "openai"])), out(&id(&[&with])));
    assert_eq!(status(&id(&[&with, "--provider", ""])), 2);
    assert_eq!(status(&id(&[&with, "--format", "no-such"])), 2);
}

/// What goes by digest is kept beside on request, and the identity does not depend on it.
#[test]
fn large_content_goes_by_digest_and_is_kept_beside() {
    let dir = tempfile::tempdir().unwrap();
    let file = write(dir.path(), "a.json", &chat(&"x".repeat(120_000)));
    let keep = dir.path().join("kept").display().to_string();
    let plain = out(&run(&["run", "import", "--import", &file]));
    let kept = run(&["run", "import", "--import", &file, "--keep", &keep]);
    assert_eq!(out(&kept), plain);
    let names = names(Path::new(&keep));
    assert_eq!(names.len(), 1, "{names:?}");
    assert!(plain.contains(&format!("sha256:{}", names[0])), "{plain}");
    assert_eq!(fs::read(Path::new(&keep).join(&names[0])).unwrap().len(), 120_000);
}

/// shows: WL-33, RI-13
#[test]
fn bodies_are_compared_directly_and_with_declarations() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (write(dir.path(), "a.json", &chat("one")), write(dir.path(), "b.json", &chat("two")));
    let differs = json(&run(&["run", "diff", "--import", &a, &b, "-o", "json"]));
    assert_eq!((differs["same"].as_bool(), &differs["elements"]), (Some(false), &json!(["prompt"])), "{differs}");
    let declaration = dir.path().join("d.json");
    fs::write(&declaration, out(&run(&["run", "import", "--import", &a]))).unwrap();
    let same = json(&run(&["run", "diff", "--import", &a, &declaration.display().to_string(), "-o", "json"]));
    assert_eq!(same["same"], true, "{same}");
    // Without the flag a body is told what it is.
    let forgotten = run(&["run", "id", &a]);
    assert!(status(&forgotten) == 2 && said(&forgotten).contains("--import"), "{}", said(&forgotten));
}

/// An interrupted batch goes on after its last whole line, and another input or output is refused.
#[test]
fn a_batch_goes_on_where_it_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let lines: Vec<String> = (0..5).map(|n| chat(&format!("text {n}")).to_string()).collect();
    let input = dir.path().join("in.jsonl");
    fs::write(&input, lines.join("\r\n") + "\r\n{\"model\":\"m\",\"surprise\":1}\n\n" + &lines[0] + "\n").unwrap();
    let (input, output) = (input.display().to_string(), dir.path().join("out.jsonl").display().to_string());
    let batch = || run(&["run", "import", "--import", "--batch", &input, "--out", &output]);
    let first = batch();
    assert_eq!(status(&first), 2, "{}", said(&first));
    let whole = fs::read_to_string(&output).unwrap();
    let documents: Vec<Value> = whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let numbers: Vec<u64> = documents.iter().map(|document| document["line"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 8]);
    assert!(
        documents[5]["refused"][0]["pointer"].is_string() && documents[5].get("run_id").is_none(),
        "{}",
        documents[5]
    );
    assert_eq!(documents[0]["run_id"], documents[6]["run_id"]);
    // Cut in the middle of a line, as an interrupt leaves it.
    for cut in [whole.len() - 5, whole.find('\n').unwrap() + 1, 3, 0] {
        fs::write(&output, &whole[..cut]).unwrap();
        assert_eq!(status(&batch()), 2);
        assert_eq!(fs::read_to_string(&output).unwrap(), whole, "cut at {cut}");
    }
    // What is no output of ours stays as it is, with and without a line end; the input is no output either.
    for other in ["something else\n", "{\"notes\":\"keep me\"}", "{\"line\":1}"] {
        fs::write(&output, other).unwrap();
        assert_eq!(status(&batch()), 5, "{other}");
        assert_eq!(fs::read_to_string(&output).unwrap(), other);
    }
    assert_eq!(status(&run(&["run", "import", "--import", "--batch", &input, "--out", &input])), 2);
    // Other flags, a line that is missing, a line of another input: the output is not continued.
    fs::write(&output, &whole[..whole.len() / 2]).unwrap();
    let flags = ["run", "import", "--import", "--batch", &input, "--out", &output, "--provider", "openai"];
    assert_eq!(status(&run(&flags)), 5);
    let second = whole.lines().filter(|line| !line.contains("\"line\":2,")).collect::<Vec<_>>().join("\n") + "\n";
    fs::write(&output, second).unwrap();
    assert_eq!(status(&batch()), 5);
    fs::write(&output, whole.replacen(documents[6]["source"].as_str().unwrap(), "sha256:00", 9)).unwrap();
    assert_eq!(status(&batch()), 5, "another input");
    let left = run(&["run", "import", "--import", "--batch", "/nowhere/at/all"]);
    assert_eq!(status(&left), 2);
}

#[test]
fn bytes_that_are_no_json_get_a_hint() {
    let dir = tempfile::tempdir().unwrap();
    let plain = chat("hi").to_string();
    let utf16: Vec<u8> = plain.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (bytes, hint) in [
        ([b"\xef\xbb\xbf", plain.as_bytes()].concat(), "byte order mark"),
        ([b"\xff\xfe", utf16.as_slice()].concat(), "UTF-16"),
        (utf16, "UTF-16"),
        (plain.replace("hi", "a\r\nb").into_bytes(), "line ends"),
        (format!("{plain}\n{plain}\n").into_bytes(), "--batch"),
        (Vec::new(), "empty"),
    ] {
        let path = dir.path().join("body.json");
        fs::write(&path, &bytes).unwrap();
        let refused = run(&["run", "id", "--import", &path.display().to_string()]);
        assert!(status(&refused) == 2 && said(&refused).contains(hint), "{hint}: {}", said(&refused));
    }
    let windows = write(dir.path(), "crlf.json", &chat("a\r\nb"));
    assert!(said(&run(&["run", "id", "--import", &windows])).contains("CRLF_IN_TEXT"));
}

/// shows: WL-31
#[test]
fn a_body_comes_from_standard_input_too() {
    let dir = tempfile::tempdir().unwrap();
    let file = write(dir.path(), "a.json", &chat("hi"));
    let mut child =
        selfsame(&["run", "id", "--import", "-", "-q"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(chat("hi").to_string().as_bytes()).unwrap();
    assert_eq!(out(&child.wait_with_output().unwrap()), out(&run(&["run", "id", "--import", &file, "-q"])));
}
