//! What is wrong with a command line is said before anybody is asked, with one exit status.

use super::{bundles, genesis, json, run, said, selfsame, status};
use serde_json::json;

const ID: &str = "6f1d7a52-0c1e-4b7e-9d6a-2f60b1d3c8a4";

/// Refused as usage, and the sentence says these things.
fn refuses(arguments: &[&str], parts: &[&str]) {
    let output = run(arguments);
    assert_eq!(status(&output), 2, "{arguments:?}: {output:?}");
    for part in parts {
        assert!(said(&output).contains(part), "{arguments:?}: {part:?} in {}", said(&output));
    }
}

#[test]
fn threads_have_a_bound() {
    let dir = tempfile::tempdir().unwrap();
    let (good, _) = bundles(dir.path());
    for threads in ["1025", "100000", "-1", "many"] {
        refuses(&["verify", &good, "--genesis", genesis(), &format!("--threads={threads}")], &["1 to 1024"]);
    }
    assert_eq!(status(&run(&["verify", &good, "--genesis", genesis(), "--threads", "5"])), 0);
}

/// An option that a file cannot answer is no part of a verdict about it.
#[test]
fn options_that_do_not_fit_the_kind_of_a_file_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (good, altered) = bundles(dir.path());
    for (flag, value) in [("--max-age", "5"), ("--entry", good.as_str())] {
        let asked = ["verify", &good, "--genesis", genesis(), flag, value];
        refuses(&asked, &[flag, "the history of a substrate", &good]);
        let document = json(&run(&[&asked[..], &["-o", "json"]].concat()));
        assert_eq!((&document["verdict"], &document["exit_status"]), (&json!("not checked"), &json!(2)), "{document}");
        // What was altered is said all the same.
        assert_eq!(status(&run(&["verify", &good, &altered, "--genesis", genesis(), flag, value])), 10);
    }
}

#[test]
fn ids_that_are_none_are_refused_everywhere_alike() {
    let nowhere = ["--endpoint", "127.0.0.1:1"];
    for command in [
        &["run", "show", "sha256:00"][..],
        &["run", "compare", "sha256:00", "sha256:11"],
        &["run", "outcomes", "run"],
        &["run", "outcome", "run", "--execution", "e"],
        &["run", "export", "sha256:xyz"],
        &["substrate", "show", "none"],
        &["substrate", "holder", "none"],
        &["substrate", "evidence", "none"],
        &["substrate", "append", ID, "--data", "1", "--run", "sha256:00"],
        &["substrate", "bundle", "6F1D7A52-0C1E-4B7E-9D6A-2F60B1D3C8A4"],
        &["migrate", "status", "none"],
        &[
            "governance",
            "propose",
            "p",
            "force-seal",
            "none",
            "--migration",
            "m",
            "--destination",
            "c",
            "--reason",
            "r",
        ],
        &["ledger", "receipt", "evidence", "sha256:00"],
        &["ledger", "consistency", "evidence", "--size", "1", "--root", "sha256:00"],
    ] {
        refuses(&[&nowhere[..], command].concat(), &[]);
    }
}

#[test]
fn a_parameter_is_given_once() {
    let init = ["substrate", "init", ID, "--founding", "/nowhere"];
    refuses(&[&init[..], &["--set", "a=1", "--set", "a=2"]].concat(), &["--set a", "given twice"]);
    let amend = ["substrate", "amend", ID, "--reason", "r"];
    refuses(&[&amend[..], &["--set", "a=1", "--set", "a=1"]].concat(), &["--set a", "given twice"]);
    refuses(&[&amend[..], &["--set", "a=1", "--remove", "a"]].concat(), &["--remove a", "twice"]);
    refuses(&[&amend[..], &["--remove", "a", "--remove", "a"]].concat(), &["--remove a", "twice"]);
    refuses(&[&amend[..], &["--set", "a=1", "--set", "b=-2"]].concat(), &["no endpoint"]);
}

#[test]
fn negative_numbers_are_json_too() {
    for arguments in [
        &["substrate", "append", ID, "--data", "-1", "--data", "-1.5e-3"][..],
        &["substrate", "cycle", ID, "--cycle", "c", "--goalvector", "g", "--outcome", "-1"],
    ] {
        // It is understood, and ends for want of a cluster.
        refuses(arguments, &["no endpoint"]);
    }
    refuses(&["substrate", "append", ID, "--data", "-x"], &["--data"]);
}

#[test]
fn limits_of_lists_are_refused_and_not_changed() {
    for limit in ["0", "10001"] {
        refuses(&["substrate", "evidence", ID, "--limit", limit], &["1..=10000"]);
        refuses(&["substrate", "list", "--limit", limit], &["1..=10000"]);
    }
}

#[test]
fn an_import_of_standard_input_needs_a_name() {
    refuses(&["substrate", "import", ID, "-"], &["--name", "standard input"]);
    refuses(&["substrate", "import", ID, "-", "--name", "monday"], &["no endpoint"]);
}

/// A variable of the environment stands for all commands: those that write nothing pass it over.
#[test]
fn a_receipt_asked_for_in_the_environment_is_for_commands_that_keep_one() {
    let dir = tempfile::tempdir().unwrap();
    let receipt = dir.path().join("r.tlog-proof");
    let output = selfsame(&["config", "default"]).env("SELFSAME_RECEIPT", &receipt).output().unwrap();
    assert_eq!(status(&output), 0, "{output:?}");
    refuses(&["config", "default", "--receipt", "r"], &["keeps no receipt"]);
}

#[test]
fn a_context_and_a_folder_that_are_none_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let shown = dir.path().display().to_string();
    for damaged in ["{", "[]]", ""] {
        std::fs::write(dir.path().join("context.json"), damaged).unwrap();
        let file = dir.path().join("context.json").display().to_string();
        refuses(&["health", "--context", &shown], &[&file, "selfsame dev"]);
        refuses(&["verify", &shown, "--context", &shown], &[&file]);
    }
    let file = dir.path().join("context.json").display().to_string();
    let output = run(&["dev", "--dir", &file]);
    assert_eq!(status(&output), 5, "{output:?}");
    assert!(said(&output).contains(&file), "{output:?}");
}

/// The advice about a number that is too wide is one that the form takes.
#[test]
fn advice_about_a_seed_can_be_followed() {
    let dir = tempfile::tempdir().unwrap();
    let body = |seed: &str| {
        let path = dir.path().join("body.json").display().to_string();
        std::fs::write(
            &path,
            format!(r#"{{"model":"m","seed":{seed},"messages":[{{"role":"user","content":"hi"}}]}}"#),
        )
        .unwrap();
        run(&["run", "id", "--import", &path, "--format", "openai-chat"])
    };
    let wide = body("18446744073709551616");
    assert_eq!(status(&wide), 2);
    assert!(!said(&wide).contains("string") && said(&wide).contains("to 18446744073709551615"), "{}", said(&wide));
    assert_eq!(status(&body("18446744073709551615")), 0);
    assert_eq!(status(&body("\"42\"")), 2);
}
