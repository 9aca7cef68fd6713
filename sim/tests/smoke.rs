//! A few seeds through the whole simulator, in processes of their own as it runs them itself.

use std::process::{Command, Output};

fn sim(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_selfsame-sim")).args(arguments).output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn everything_holds_while_nothing_is_broken() {
    let output = sim(&["run", "--seeds", "1", "--profile", "calm", "--nodes", "3"]);
    assert!(output.status.success(), "{}", said(&output));
    // Without faults every kind of step succeeds at least once: a workload that is refused everywhere tests nothing.
    let text = said(&output);
    for call in [
        "birth ok",
        "open VERIFIED",
        "append ok",
        "cycle ok",
        "close ok",
        "seal ok",
        "arrive ok",
        "report ok",
        "receipt ok",
    ] {
        assert!(text.contains(&format!("calls: {call}: ")), "no {call} in {text}");
    }
}

#[test]
fn everything_holds_while_the_world_is_broken() {
    let output = sim(&["run", "--seeds", "10"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("faults: P1_crash"), "{}", said(&output));
}

#[test]
fn a_disk_that_lies_about_what_it_keeps_is_caught() {
    let output = sim(&["run", "--seeds", "2", "--profile", "lying", "--nodes", "3"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert_eq!(said(&output).matches("FAILED seed").count(), 2, "{}", said(&output));
}

#[test]
fn a_seed_gives_the_same_trace_in_two_processes() {
    let output = sim(&["check-determinism", "--seeds", "2"]);
    assert!(output.status.success(), "{}", said(&output));
    let lines: Vec<_> = said(&output).lines().filter(|line| line.starts_with("seed ")).map(str::to_owned).collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    let digest = |line: &str| line.rsplit(' ').next().unwrap().to_owned();
    assert_ne!(digest(&lines[0]), digest(&lines[1]), "two seeds do the same");
}

#[test]
fn every_property_is_shown_something() {
    let output = sim(&["one", "--json", "--seed", "1", "--profile", "calm", "--nodes", "3"]);
    let text = said(&output);
    let judged = text.lines().find_map(|line| line.split_once(" judged ")).map(|(_, rest)| rest);
    let judged = judged.unwrap_or_else(|| panic!("nothing was judged: {text}"));
    assert_eq!(judged.matches(": ").count(), 10, "{judged}");
    assert!(!judged.contains(": 0"), "{judged}");
}

#[test]
fn a_mistyped_number_of_nodes_is_refused() {
    assert_eq!(sim(&["one", "--seed", "1", "--nodes", "4"]).status.code(), Some(2));
}
