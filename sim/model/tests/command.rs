//! The command's exit status and what it prints.

use std::process::{Command, Output};

fn check(args: &[&str]) -> (i32, String) {
    let Output { status, stdout, .. } =
        Command::new(env!("CARGO_BIN_EXE_selfsame-model")).arg("check").args(args).output().unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap())
}

#[test]
fn a_caught_bug_is_success_and_tells_its_steps() {
    let (status, text) = check(&["--bug", "activate_before_invalidate"]);
    assert_eq!(status, 0, "{text}");
    for part in ["Caught by I10", "Caught by I2", "1. A signs", "log 1: (A, epoch 1) is sealed by itself"] {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
}

#[test]
fn a_bug_that_a_scope_cannot_catch_is_failure() {
    let (status, text) = check(&["--bug", "force_seal_by_one_vote", "--scope", "network"]);
    assert_eq!(status, 1, "{text}");
    assert!(text.contains("NOT CAUGHT"), "{text}");
}

#[test]
fn the_design_holds_in_a_scope() {
    let (status, text) = check(&["--small", "--scope", "forgers"]);
    assert_eq!(status, 0, "{text}");
    assert!(text.contains("holds    I8"), "{text}");
}

#[test]
fn a_finding_is_shown_and_its_remedy_named() {
    let (status, text) = check(&["--finding", "origin_undoes_ballot"]);
    assert_eq!(status, 0, "{text}");
    assert!(text.contains("ballot breaks in scope ballots") && text.contains("Remedy: "), "{text}");
}

#[test]
fn wrong_usage_has_its_own_status() {
    for args in [&["--bug", "none_such"][..], &["--small", "--large"], &["--scope", "none_such"], &["--threads", "0"]] {
        assert_eq!(check(args).0, 2, "{args:?}");
    }
}

#[test]
fn the_list_names_everything() {
    let (status, text) = check(&["--list"]);
    assert_eq!(status, 0);
    for bug in selfsame_model::Bug::ALL {
        assert!(text.contains(bug.name()), "{bug}");
    }
}
