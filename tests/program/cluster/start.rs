//! What keeps a node from starting: each reason is said, and no data is touched.

use super::harness::{Processes, run, said};
use selfsame::demo::cluster::free_ports;
use selfsame_node::config::RaftSection;
use selfsame_protocol::digest::Digest;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Output;

fn files(dir: &Path) -> BTreeMap<String, Digest> {
    let Ok(entries) = fs::read_dir(dir) else { return BTreeMap::new() };
    entries
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_name() != "lock")
        .map(|entry| (entry.file_name().into_string().unwrap(), Digest::of(&fs::read(entry.path()).unwrap())))
        .collect()
}

/// A prepared node 1 whose data directory exists, as `node init` leaves it.
fn initialised() -> Processes {
    let cluster = Processes::prepare(RaftSection::default(), 0);
    let output = run(cluster.dir.path(), &["node", "init", "--config", "node1.toml"]);
    assert!(output.status.success(), "{}", said(&output));
    cluster
}

/// Starting refuses with `status`, says `reason` and changes no file of the data directory.
fn refuses(cluster: &Processes, status: i32, reason: &[&str]) {
    let data = cluster.path("data1");
    let before = files(&data);
    let output = run(cluster.dir.path(), &["node", "run", "--config", "node1.toml"]);
    assert_eq!(output.status.code(), Some(status), "{}", said(&output));
    for part in reason {
        assert!(said(&output).contains(part), "{part:?} in {}", said(&output));
    }
    assert_eq!(files(&data), before, "a refused start changed the data");
}

fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from} in {text}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn a_directory_of_another_node_is_refused() {
    let cluster = initialised();
    fs::rename(cluster.path("data1"), cluster.path("data2")).unwrap();
    let output = run(cluster.dir.path(), &["node", "run", "--config", "node2.toml"]);
    assert_eq!(output.status.code(), Some(5), "{}", said(&output));
    assert!(said(&output).contains("belongs to another node: expected 2, found 1"), "{}", said(&output));
}

#[test]
fn a_directory_of_another_cluster_is_refused() {
    let cluster = initialised();
    edit(&cluster.path("cluster.toml"), "cluster = \"test\"", "cluster = \"other\"");
    refuses(&cluster, 5, &["belongs to another cluster: expected other, found test"]);
}

#[test]
fn a_directory_of_another_consensus_identity_is_refused() {
    let cluster = initialised();
    edit(&cluster.path("cluster.toml"), "max_items = 1000", "max_items = 999");
    refuses(&cluster, 5, &["belongs to another genesis"]);
}

#[test]
fn a_file_that_is_no_database_or_a_part_of_one_is_refused_and_left_as_it_is() {
    let whole = fs::read(initialised().path("data1/log.redb")).unwrap();
    for (file, content) in
        [("state.redb", &b"not a database, but somebody's file"[..]), ("log.redb", &whole[..whole.len() / 2])]
    {
        let cluster = initialised();
        let path = cluster.path("data1").join(file);
        fs::write(&path, content).unwrap();
        let output = run(cluster.dir.path(), &["node", "run", "--config", "node1.toml"]);
        assert_eq!(output.status.code(), Some(5), "{}", said(&output));
        assert!(said(&output).contains(&format!("{file} cannot be opened")), "{}", said(&output));
        assert_eq!(Digest::of(&fs::read(&path).unwrap()), Digest::of(content), "{file}");
    }
}

/// A node that lost its disk has forgotten its votes: it does not come back under its id by accident.
#[test]
fn an_empty_directory_is_not_taken_for_a_new_node() {
    let cluster = Processes::prepare(RaftSection::default(), 0);
    refuses(&cluster, 5, &["data1 is empty", "node init", "under a new id"]);
}

#[test]
fn a_wrong_key_is_refused() {
    let cluster = initialised();
    fs::copy(cluster.path("node2.key.json"), cluster.path("node1.key.json")).unwrap();
    refuses(&cluster, 2, &["holds the key of node 2", "name its own file"]);
    // A key that is nobody's.
    fs::remove_file(cluster.path("node1.key.json")).unwrap();
    assert!(run(cluster.dir.path(), &["key", "new", "node1.key.json"]).status.success());
    refuses(&cluster, 2, &["the key in use is", "but the cluster names"]);
}

#[test]
fn a_busy_port_is_named() {
    let cluster = initialised();
    let address = cluster.addresses[&1].client.clone();
    let _taken = std::net::TcpListener::bind(&address).unwrap();
    refuses(&cluster, 5, &["cannot listen on", &address]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_in_use_is_refused() {
    let mut cluster = initialised();
    (1..=3).for_each(|id| cluster.start(id));
    cluster.leader().await;
    // Other ports, the same directory.
    let text = fs::read_to_string(cluster.config(1)).unwrap();
    let listen = text.find("[listen]").unwrap();
    let [(peer, client)] = free_ports(1).unwrap()[..] else { panic!("two ports") };
    let rest = text[listen..].replace(&cluster.addresses[&1].peer, &format!("127.0.0.1:{peer}"));
    let rest = rest.replace(&cluster.addresses[&1].client, &format!("127.0.0.1:{client}"));
    fs::write(cluster.path("second.toml"), format!("{}{rest}", &text[..listen])).unwrap();
    let output = run(cluster.dir.path(), &["node", "run", "--config", "second.toml"]);
    assert_eq!(output.status.code(), Some(5), "{}", said(&output));
    assert!(said(&output).contains("data1"), "{}", said(&output));
}

#[test]
fn a_configuration_with_a_mistake_is_a_usage_error_that_names_it() {
    for (from, to, reason) in [
        ("id = 1", "id = 1\nnode_name = \"x\"", "node_name"),
        ("cluster_file = \"cluster.toml\"", "cluster_file = \"nowhere.toml\"", "nowhere.toml"),
        ("key_file = \"node1.key.json\"", "key_file = \"nowhere.json\"", "nowhere.json"),
        ("id = 1", "id = 7", "not a founding node"),
        ("id = 1", "id = \"one\"", "invalid type"),
    ] {
        let cluster = Processes::prepare(RaftSection::default(), 0);
        edit(&cluster.config(1), from, to);
        refuses(&cluster, 2, &[reason]);
        // The checker says the same, but that it names its own way for a node that joins.
        let [runs, looks] = [&["node", "run", "--config", "node1.toml"][..], &["config", "check", "node1.toml"]]
            .map(|arguments| run(cluster.dir.path(), arguments));
        assert_eq!(looks.status.code(), Some(2));
        let faults =
            |output: &Output| said(output).split(": use `").next().unwrap().split(": for a").next().unwrap().to_owned();
        assert_eq!(faults(&runs), faults(&looks));
    }
}
