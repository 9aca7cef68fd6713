//! Files are whole or not there.

use super::{json, names, run, said, status};
use std::process::{Command, Output};

/// Runs the binary where no file can grow; with the signal for that ignored, or as it comes.
fn cramped(dir: &std::path::Path, arguments: &str, trap: &str) -> Output {
    let line = format!("{trap} ulimit -f 0; exec \"$0\" {arguments}");
    Command::new("sh").args(["-c", &line, env!("CARGO_BIN_EXE_selfsame")]).current_dir(dir).output().unwrap()
}

#[test]
fn a_file_that_could_not_be_written_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    for trap in ["trap '' XFSZ;", ""] {
        for command in ["key new key.json", "man pages"] {
            let output = cramped(dir.path(), command, trap);
            assert_eq!(status(&output), 1, "{command}: {output:?}");
            assert!(said(&output).contains("was not written"), "{output:?}");
        }
    }
    assert_eq!(names(dir.path()), ["pages"], "the folder was made, and nothing is in it");
    assert!(names(&dir.path().join("pages")).is_empty());
    // And so the next attempt is not refused.
    let key = dir.path().join("key.json").display().to_string();
    assert_eq!(status(&run(&["key", "new", &key])), 0);
}

#[test]
fn a_name_that_cannot_be_a_file_is_refused_and_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let inside = |name: &str| dir.path().join(name).display().to_string();
    for name in [inside("no/such/folder.json"), inside(""), "/dev/full".into(), "/dev/null".into()] {
        let output = run(&["key", "new", &name]);
        assert_eq!(status(&output), 2, "{output:?}");
        assert!(said(&output).contains(name.trim_end_matches('/')), "{output:?}");
    }
    assert!(names(dir.path()).is_empty());
}

#[test]
fn manual_pages_are_written_for_every_command_and_again() {
    let dir = tempfile::tempdir().unwrap();
    let pages = dir.path().join("new/man1").display().to_string();
    for _ in 0..2 {
        let made = json(&run(&["man", &pages, "-o", "json"]));
        let names = names(&dir.path().join("new/man1"));
        assert_eq!(made["pages"], names.len());
        for page in ["selfsame.1", "selfsame-verify.1", "selfsame-run-declare.1", "selfsame-bench-fleet.1"] {
            assert!(names.iter().any(|name| name == page), "{page} in {names:?}");
        }
        assert!(!names.iter().any(|name| name.contains("help") || name.ends_with(".unfinished")), "{names:?}");
    }
    let page = std::fs::read_to_string(dir.path().join("new/man1/selfsame-run-declare.1")).unwrap();
    assert!(page.contains("selfsame run declare") && page.contains("timeout"), "{page}");
    let printed = run(&["man"]);
    assert!(String::from_utf8_lossy(&printed.stdout).starts_with(".ie"), "{printed:?}");
}
