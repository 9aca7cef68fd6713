//! Several files, one verdict, and the verdict first.

use super::{bundles, genesis, json, out, run, said, status};
use selfsame_forge::files::Files;
use selfsame_forge::pairs;
use serde_json::json;

#[test]
fn all_files_are_checked_and_the_worst_decides_in_any_order() {
    let dir = tempfile::tempdir().unwrap();
    let (good, altered) = bundles(dir.path());
    let absent = dir.path().join("absent").display().to_string();
    for (files, verdict, name) in [
        (vec![&good, &good], 0, "holds"),
        (vec![&good, &absent], 13, "cannot be decided"),
        (vec![&absent, &altered, &good], 10, "altered"),
        (vec![&altered, &absent], 10, "altered"),
    ] {
        for files in [files.clone(), files.into_iter().rev().collect()] {
            let arguments: Vec<&str> =
                ["verify", "--genesis", genesis()].into_iter().chain(files.iter().map(|file| file.as_str())).collect();
            let output = run(&[&arguments[..], &["-o", "json"]].concat());
            assert_eq!(status(&output), verdict, "{output:?}");
            let document = json(&output);
            assert_eq!(document["kind"], "Verification");
            assert_eq!((&document["verdict"], &document["exit_status"]), (&json!(name), &json!(verdict)));
            let listed: Vec<_> = document["files"].as_array().unwrap().iter().map(|one| one["file"].clone()).collect();
            assert_eq!(listed, files.iter().map(|file| json!(file)).collect::<Vec<_>>(), "in the order given");
            // Every failing file is named on standard error too.
            for file in [&absent, &altered].into_iter().filter(|file| files.contains(file)) {
                assert!(said(&output).contains(file.as_str()), "{output:?}");
            }
            // One line for each file, and nothing else.
            let output = run(&[&arguments[..], &["-o", "jsonl", "-q"]].concat());
            assert_eq!((status(&output), out(&output).lines().count()), (verdict, files.len()));
            let table = out(&run(&arguments));
            let word = table.split([':', '\n']).next().unwrap();
            assert_eq!(word.to_lowercase(), name, "{table}");
        }
    }
}

#[test]
fn one_file_stands_at_the_top_and_says_what_was_not_checked() {
    let dir = tempfile::tempdir().unwrap();
    let (good, altered) = bundles(dir.path());
    let document = json(&run(&["verify", "--genesis", genesis(), &good, "-o", "json"]));
    assert_eq!((&document["verdict"], &document["file"]), (&json!("holds"), &json!(good)));
    assert!(document["checked"]["structure"]["held"].is_string(), "{document}");
    assert_eq!(document["files"].as_array().unwrap().len(), 1);
    assert!(document["not_checked"].is_array(), "{document}");
    let document = json(&run(&["verify", "--genesis", genesis(), &altered, "-o", "json"]));
    assert_eq!(document["verdict"], "altered");
    assert!(document["failure"]["check"].is_string() && document["not_checked"][0]["why"].is_string(), "{document}");

    let table = out(&run(&["verify", "--genesis", genesis(), &good]));
    assert!(
        table.starts_with("holds: ") && table.contains("\n  checked ") && table.contains("\n  not checked "),
        "{table}"
    );
    let table = out(&run(&["verify", "--genesis", genesis(), &altered]));
    assert!(table.starts_with("ALTERED: ") && table.contains("do not rely on it"), "{table}");
    let table = out(&run(&["verify", "/nowhere/at/all"]));
    assert!(table.starts_with("CANNOT BE DECIDED: ") && table.contains("/nowhere/at/all"), "{table}");
}

/// A baseline names the file that is wrong, and what is wrong with it: what is no statement and no history was not altered.
/// shows: P-096
#[test]
fn a_baseline_names_the_file_that_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let (good, _) = bundles(dir.path());
    let absent = dir.path().join("absent").display().to_string();
    let baseline = |statement: &str, file: &str| {
        run(&["substrate", "baseline", statement, file, "--genesis", genesis(), "-o", "json"])
    };
    for (statement, check) in [(good.as_str(), "FILE_KIND"), (absent.as_str(), "FILE_UNREADABLE")] {
        let output = baseline(statement, &good);
        let document = json(&output);
        assert_eq!((status(&output), &document["failure"]["check"]), (13, &json!(check)), "{document}");
        assert_eq!((&document["file"], &document["same_entity"]), (&json!(statement), &json!(null)));
        assert!(said(&output).contains(statement), "{output:?}");
    }
}

/// With consistency alone nobody vouches, and the first line says so, also the only one.
/// shows: P-095
#[test]
fn the_first_line_says_that_nobody_vouches() {
    let dir = tempfile::tempdir().unwrap();
    let (good, _) = bundles(dir.path());
    for arguments in [&["verify", &good, "--consistency-only"][..], &["verify", &good, "--consistency-only", "-q"]] {
        let output = run(arguments);
        assert_eq!(status(&output), 0, "{output:?}");
        let first = out(&output).lines().next().unwrap().to_owned();
        assert!(first.starts_with("consistent in itself, nobody that you trust vouches for it"), "{first}");
    }
    assert_eq!(out(&run(&["verify", &good, "--genesis", genesis(), "-q"])).trim_end(), "holds");
}

/// An audit that reached nobody says neither yes nor no.
#[test]
fn an_audit_without_an_answer_cannot_be_decided() {
    let world = pairs::world();
    let key = Files::of(&world).node_key().to_text();
    let asked = ["audit", "127.0.0.1:1", "--trust", &key];
    let output = run(&asked);
    assert_eq!(status(&output), 3, "{output:?}");
    assert!(out(&output).starts_with("CANNOT BE DECIDED: ") && !out(&output).contains("holds"), "{}", out(&output));
    let document = json(&run(&[&asked[..], &["-o", "json"]].concat()));
    assert_eq!((&document["verdict"], &document["holds"]), (&json!("cannot be decided"), &json!(null)), "{document}");
}
