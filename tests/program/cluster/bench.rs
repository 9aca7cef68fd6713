//! The load generator's modes, tiny: what they claim at the end must hold, whatever the figures are.

use super::harness::said;
use serde_json::Value;
use std::process::{Command, Output};

fn bench(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_selfsame")).arg("bench").args(arguments).env_clear().output().unwrap()
}

/// What a mode reports: one JSON document for each line or the whole output.
fn reports(arguments: &[&str]) -> Vec<Value> {
    let output = bench(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    let documents = serde_json::Deserializer::from_slice(&output.stdout).into_iter();
    documents.map(|document| document.unwrap()).collect()
}

fn report(arguments: &[&str]) -> Value {
    let mut reports = reports(arguments);
    assert_eq!(reports.len(), 1, "{arguments:?}");
    reports.remove(0)
}

#[test]
fn appends_are_measured_as_before() {
    let report = report(&["--local", "--writers", "1,4", "--seconds", "1", "-o", "json"]);
    let levels = report["levels"].as_array().unwrap();
    assert_eq!(levels.len(), 2);
    for (level, writers) in levels.iter().zip([1, 4]) {
        assert_eq!(level["writers"], writers);
        assert!(level["submissions"].as_u64() > Some(0), "{level}");
        assert!(level["latency_ms"]["p999"].as_f64() > Some(0.0), "{level}");
    }
}

#[test]
fn reads_are_measured() {
    let report =
        report(&["read", "--local", "--writers", "2", "--seconds", "1", "--substrates", "2", "--entries", "200"]);
    assert!(report["entries"].as_u64() >= Some(200), "{report}");
    let read: Vec<_> = report["levels"].as_array().unwrap().iter().map(|level| &level["read"]).collect();
    assert_eq!(read, ["substrate", "entry_with_inclusion_proof"]);
    for level in report["levels"].as_array().unwrap() {
        assert!(level["reads"].as_u64() > Some(0) && level["failures"] == serde_json::json!({}), "{level}");
    }
}

#[test]
fn a_fleet_migrates_and_every_node_knows_one_active_chip() {
    let moved = report(&["fleet", "--local", "--substrates", "20", "--reopen"]);
    assert_eq!((&moved["verified"]["substrates"], &moved["verified"]["nodes_asked"]), (&20.into(), &3.into()));
    assert_eq!(moved["verified"]["epoch"], 2);
    assert_eq!(moved["verified"]["old_chip_refused"], 20);
    assert!(moved["steps_ms"]["open"]["max"].as_f64() > Some(0.0), "{moved}");
}

#[test]
fn a_fleet_migrates_while_the_leader_is_away() {
    let flags = ["--substrates", "20", "--concurrency", "4", "--kill-leader", "--away", "0"];
    let moved = report(&[&["fleet", "--local"][..], &flags[..]].concat());
    assert!(moved["leader_stopped"]["node"].as_u64().is_some(), "{moved}");
    assert_eq!((&moved["verified"]["substrates"], &moved["verified"]["nodes_asked"]), (&20.into(), &3.into()));
}

#[test]
fn nothing_acknowledged_is_lost_in_an_overload() {
    let flags = ["--substrates", "50", "--writers", "4", "--calm", "1", "--seconds", "1", "--spread"];
    let report = report(&[&["overload", "--local"][..], &flags[..]].concat());
    assert_eq!((&report["verified"]["substrates"], &report["verified"]["lost"]), (&54.into(), &0.into()));
    assert!(report["sent"].as_u64() > Some(0) && report["acknowledged"].as_u64() > Some(0), "{report}");
}

#[test]
fn a_growing_cluster_is_measured_at_each_size_and_goes_on_later() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("grown").display().to_string();
    let grown = reports(&["growth", "--dir", &dir, "--entries", "500,2000", "--seconds", "1"]);
    assert_eq!(grown.len(), 2);
    for report in &grown {
        for step in ["append", "proof", "open", "snapshot", "backup", "catch_up", "space", "restart"] {
            assert!(report[step].is_object(), "{step} in {report}");
        }
        assert!(report["backup"]["bytes"].as_u64() > report["snapshot"]["bytes"].as_u64(), "{report}");
    }
    let before = grown[1]["entries"].as_u64().unwrap();
    let all = "append,proof,open,snapshot,catch-up,backup,restart";
    let later = report(&["growth", "--dir", &dir, "--entries", "1,4000", "--seconds", "1", "--skip", all]);
    assert!(before >= 2_000 && later["entries"].as_u64() >= Some(4_000.max(before)), "{later}");
    assert!(later["append"].is_null() && later["space"].is_object(), "{later}");
}

#[test]
fn flags_are_refused_in_words() {
    for (arguments, word) in [
        (&["--local", "--writers", "0"][..], "--writers is 1 to 20000, found 0"),
        (&["fleet", "--local", "--substrates", "0"], "--substrates is 1 to 1000000, found 0"),
        (&["overload", "--local", "--times", "1"], "--times is 2 to 1000, found 1"),
        (&["growth", "--dir", "unused", "--entries", "9,8"], "--entries ascends, found 8 after 9"),
        (&["fleet", "--kill-leader"], "--local"),
        (&["read"], "no endpoint"),
    ] {
        let output = bench(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", said(&output));
        assert!(said(&output).contains(word), "{arguments:?}: {}", said(&output));
    }
}
