//! Text of others never acts on a terminal, and refusals are JSON where JSON is wanted.

use super::{bundles, genesis, json, out, run, said, selfsame, status};
use serde_json::json;

const NASTY: &str = "a\u{1b}[2J\u{9b}\u{202e}b\u{200b}\nrun_id  forged\r\u{2028}\u{7f}";

/// Nothing in it moves a cursor, turns a line round or hides.
fn is_plain(text: &str) {
    for c in text.chars() {
        let acts = (c.is_control() && c != '\n') || ('\u{200b}'..='\u{200f}').contains(&c);
        assert!(!acts && !('\u{2028}'..='\u{202e}').contains(&c), "{c:?} in {text:?}");
    }
}

fn declaration(text: &str) -> String {
    let part = json!({"type": "text", "content": {"inline": text}});
    json!({
        "type": "selfsame/run-declaration/v1",
        "model": {"provider": "local", "name": "m", "revision": "1", "assurance": "provider-asserted"},
        "prompt": {"messages": [{"role": "user", "parts": [part]}]},
        "parameters": {"temperature": 0, "seed": "1"},
        "context": {"none": true},
        "constraints": {"none": true},
    })
    .to_string()
}

#[test]
fn a_value_of_others_is_one_row_of_a_table_and_equal_in_json() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, declaration(text)).unwrap();
        path.display().to_string()
    };
    let (first, second) = (file("a", NASTY), file("b", "plain"));
    let table = out(&run(&["run", "diff", &first, &second]));
    is_plain(&table);
    assert!(!table.lines().any(|line| line.starts_with("run_id")), "{table}");
    for form in ["json", "jsonl"] {
        let output = run(&["run", "diff", &first, &second, "-o", form]);
        is_plain(&out(&output));
        assert!(json(&output)["members"].to_string().contains("forged"), "{output:?}");
    }
}

#[test]
fn a_refusal_shows_names_of_files_and_values_as_text() {
    let output = run(&["run", "id", &format!("/nowhere/{NASTY}")]);
    assert_eq!(status(&output), 2);
    is_plain(&said(&output));
    let mut lines = said(&output).lines().map(str::to_owned).collect::<Vec<_>>();
    lines.retain(|line| !line.starts_with("selfsame: "));
    assert!(lines.iter().all(|line| line.starts_with("  ")), "{lines:?}");
    for arguments in [&["verify", NASTY][..], &[NASTY], &["run", NASTY, "-o", "json"], &["--endpoint", NASTY, "health"]]
    {
        let output = run(arguments);
        is_plain(&said(&output));
        is_plain(&out(&output));
    }
}

#[test]
fn a_refusal_is_one_document_where_json_is_wanted() {
    let dir = tempfile::tempdir().unwrap();
    let (_, altered) = bundles(dir.path());
    for (arguments, status) in [
        (&["run", "id", "/nowhere/at/all"][..], 2),
        (&["health", "--endpoint", "127.0.0.1:1", "--timeout", "200ms"], 3),
        (&["health", "--endpoint", "127.0.0.1:0"], 2),
        (&["no-such-noun"], 2),
        (&["run"], 2),
        (&["key", "new", "/dev/null"], 2),
    ] {
        for form in ["json", "jsonl"] {
            let output = run(&[arguments, &["-o", form]].concat());
            assert_eq!(super::status(&output), status, "{output:?}");
            let document = json(&output);
            assert_eq!(document["kind"], "Refusal", "{document}");
            assert_eq!(document["apiVersion"], "selfsame/v1");
            assert_eq!(document["exit_status"], status);
            assert!(!document["message"].as_str().unwrap().is_empty());
            assert!(!said(&output).is_empty(), "people read the sentence too");
        }
        assert_eq!(out(&run(arguments)), "", "and for people nothing stands where the data would");
        let output = selfsame(arguments).env("SELFSAME_OUTPUT", "json").output().unwrap();
        assert_eq!(json(&output)["kind"], "Refusal");
    }
    // Where the verdict is the answer there is no second document.
    assert_eq!(json(&run(&["verify", "--genesis", genesis(), &altered, "-o", "json"]))["kind"], "Verification");
}

/// The code, the place and the rule of a refusal are members of their own.
#[test]
fn a_refusal_names_code_and_pointer_for_programs() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("twice.json");
    std::fs::write(&file, "{\"a\":1,\"a\":2}").unwrap();
    let document = json(&run(&["run", "id", &file.display().to_string(), "-o", "json"]));
    assert_eq!(document["code"], "DUPLICATE_KEY", "{document}");
    assert!(document["pointer"].is_string(), "{document}");
}
