//! Commands end when they are asked to, and a log that cannot be written ends none.

use super::{full, left, names, out, run, said, selfsame, status};
use selfsame::demo::cluster::free_ports;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// A cluster of one node in a folder: its configuration, and where it serves health over HTTP.
fn node(dir: &Path) -> String {
    let key = |name: &str| {
        let made = run(&["key", "new", &dir.join(format!("{name}.json")).display().to_string(), "-o", "json"]);
        super::json(&made)
    };
    let (root, operator, own) = (key("root"), key("operator"), key("node"));
    let [(peer, client), (http, _)] = free_ports(2).unwrap()[..] else { unreachable!() };
    let cluster = format!(
        "cluster = \"gone\"\norigin = \"gone.example\"\n[[organisations]]\nname = \"aurora\"\nroot_key = {}\noperator_key = {}\n[[nodes]]\nid = 1\norganisation = \"aurora\"\nkey = {}\ncosigner = {}\n",
        root["public"], operator["public"], own["public"], own["cosigner"]
    );
    let file = format!(
        "[node]\nid = 1\ndata_dir = \"data\"\nkey_file = \"node.json\"\ncluster_file = \"cluster.toml\"\n[listen]\npeer = \"127.0.0.1:{peer}\"\nclient = \"127.0.0.1:{client}\"\nhttp = \"127.0.0.1:{http}\"\n[members.1]\npeer = \"127.0.0.1:{peer}\"\nclient = \"127.0.0.1:{client}\"\n"
    );
    std::fs::write(dir.join("cluster.toml"), cluster).unwrap();
    std::fs::write(dir.join("node.toml"), file).unwrap();
    let init = run(&["node", "init", "--config", &dir.join("node.toml").display().to_string()]);
    assert_eq!(status(&init), 0, "{init:?}");
    format!("127.0.0.1:{client}")
}

/// The address of a program that speaks another protocol.
fn another_program() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = stream.unwrap().write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
        }
    });
    address
}

/// A node serves, is asked to stop and ends with 0, whatever its log is written to.
#[test]
fn a_log_that_cannot_be_written_never_stops_a_node() {
    let dir = tempfile::tempdir().unwrap();
    let endpoint = node(dir.path());
    let config = dir.path().join("node.toml").display().to_string();
    for error in [full(), left()] {
        let mut child = selfsame(&["node", "run", "--config", &config])
            .env("SELFSAME_LOG", "trace")
            .stdout(full())
            .stderr(error)
            .spawn()
            .unwrap();
        let health = run(&["health", "--endpoint", &endpoint, "--timeout", "60s"]);
        assert_eq!(status(&health), 0, "{health:?}");
        // What else listens somewhere is passed over.
        let others = format!("{},{endpoint}", another_program());
        let health = run(&["health", "--endpoint", &others, "--timeout", "60s"]);
        assert_eq!(status(&health), 0, "{health:?}");
        signal(&child, "TERM");
        assert_eq!(child.wait().unwrap().code(), Some(0), "it stopped as it was asked to");
    }
}

/// A pipe that nobody empties fills up; the node goes on.
#[test]
fn a_log_that_nobody_reads_never_stops_a_node() {
    let dir = tempfile::tempdir().unwrap();
    let endpoint = node(dir.path());
    let config = dir.path().join("node.toml").display().to_string();
    let mut child = selfsame(&["node", "run", "--config", &config])
        .env("SELFSAME_LOG", "trace")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    for _ in 0..20 {
        let health = run(&["health", "--endpoint", &endpoint, "--timeout", "60s"]);
        assert_eq!(status(&health), 0, "{health:?}");
    }
    signal(&child, "INT");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let mut logged = String::new();
    child.stderr.take().unwrap().read_to_string(&mut logged).unwrap();
    assert!(logged.len() > 32 << 10, "{} bytes: not enough to fill a pipe", logged.len());
}

#[test]
fn a_demo_that_is_interrupted_stops_its_nodes_and_removes_its_files() {
    for (name, number) in [("INT", 130), ("TERM", 143)] {
        let dir = tempfile::tempdir().unwrap();
        let mut child = selfsame(&["demo"])
            .env("TMPDIR", dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut told = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(told.next().unwrap().unwrap().contains("three nodes"));
        assert!(told.any(|line| line.unwrap().starts_with(" 1. ")));
        signal(&child, name);
        told.for_each(drop);
        let output = child.wait_with_output().unwrap();
        assert_eq!(status(&output), number, "{output:?}");
        assert!(said(&output).contains("interrupted"), "{output:?}");
        assert!(names(dir.path()).is_empty(), "{:?}", names(dir.path()));
    }
}

#[test]
fn a_measurement_that_is_interrupted_removes_its_files() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = selfsame(&["bench", "--local", "--seconds", "600"])
        .env("TMPDIR", dir.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(told.next().is_some(), "it says what it does when its nodes run");
    signal(&child, "INT");
    told.for_each(drop);
    let output = child.wait_with_output().unwrap();
    assert_eq!(status(&output), 130, "{output:?}");
    assert!(names(dir.path()).is_empty(), "{:?}", names(dir.path()));
}

/// A command that waits for its input does not work on when it is asked to end.
#[test]
fn a_command_that_waits_ends_when_it_is_interrupted() {
    let mut child =
        selfsame(&["verify", "-"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(told.next().unwrap().unwrap().contains("--policy"), "it is at work");
    // Waiting for a child would close its input.
    let input = child.stdin.take();
    signal(&child, "INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    drop(input);
}

#[test]
fn a_demo_whose_reader_left_tells_its_story_to_nobody_and_succeeds() {
    let dir = tempfile::tempdir().unwrap();
    for (to, verdict) in [(left(), 0), (full(), 1)] {
        let output = selfsame(&["demo"]).env("TMPDIR", dir.path()).stdout(to).stderr(full()).output().unwrap();
        assert_eq!(status(&output), verdict, "{}", out(&output));
    }
    assert!(names(dir.path()).is_empty());
}
