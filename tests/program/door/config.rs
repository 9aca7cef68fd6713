//! A configuration: what is wrong with it, all at once, for whoever runs a node and for whoever only looks.

use selfsame::demo::cluster::{Cluster, Keys};
use selfsame_env::key_file;
use selfsame_machine::Genesis;
use selfsame_node::config::{
    ConfigError, DEFAULT_NODE_FILE, Fault, Purpose, Ready, Shown, check, load_genesis, to_json, to_toml,
};
use selfsame_node::keys;
use std::path::Path;

/// A founding node's files in a directory of their own.
struct Files {
    dir: tempfile::TempDir,
    keys: Keys,
    genesis: Genesis,
}

impl Files {
    fn new() -> Files {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::fresh().unwrap();
        let genesis = Cluster::genesis("test", &keys).unwrap();
        for (id, key) in (1..).zip(&keys.nodes) {
            keys::save(&dir.path().join(format!("node{id}.key.json")), key).unwrap();
        }
        keys::save(&dir.path().join("operator.json"), &keys.operators[0]).unwrap();
        keys::save(&dir.path().join("fresh.json"), &key_file::fresh().unwrap()).unwrap();
        let files = Files { dir, keys, genesis };
        files.write("cluster.toml", &toml::to_string(&files.genesis).unwrap());
        files.write("node.toml", DEFAULT_NODE_FILE);
        files
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.dir.path().join(name), text).unwrap();
    }

    /// Checks the node file with one change.
    fn with(&self, from: &str, to: &str, purpose: Purpose) -> Result<Ready, ConfigError> {
        assert!(DEFAULT_NODE_FILE.contains(from), "{from}");
        self.write("node.toml", &DEFAULT_NODE_FILE.replacen(from, to, 1));
        check(&self.dir.path().join("node.toml"), purpose)
    }

    /// The one fault that a change makes, for whoever runs and for whoever looks.
    fn fault(&self, from: &str, to: &str) -> Fault {
        let faults = self.with(from, to, Purpose::Run).unwrap_err().faults;
        assert_eq!(faults.len(), 1, "{from} -> {to}: {faults:?}");
        // Who only looks is sent another way with a node that joins; everything else is word for word the same.
        let plain = |faults: Vec<Fault>| {
            faults.iter().map(|fault| fault.to_string().split("): ").next().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let looks = self.with(from, to, Purpose::Look).unwrap_err().faults;
        assert_eq!(plain(looks), plain(faults.clone()), "config check is the check of node run");
        faults[0].clone()
    }
}

#[test]
fn every_shipped_file_is_sound_but_for_the_keys_that_are_not_shipped() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("cluster-config");
    for id in 1..=3 {
        let ready = check(&dir.join(format!("node{id}.toml")), Purpose::Read).unwrap();
        assert_eq!(ready.loaded.config.id, id);
        assert_eq!(ready.loaded.genesis.nodes.len(), 3);
    }
    let ready = Files::new().with("id = 1", "id = 1", Purpose::Run).unwrap();
    assert!(ready.notes.is_empty() && ready.key.is_some() && ready.registered == Some(true));
}

#[test]
fn each_fault_of_a_node_file_is_named_with_its_member() {
    let files = Files::new();
    for (from, to, member, reason) in [
        ("id = 1", "id = 0", "node.id", "ids start at 1"),
        ("id = 1", "id = 1\nnode_id = 2", "node.node_id", "no member"),
        ("id = 1", "id = 7", "node.id", "not a founding node"),
        ("id = 1", "id = \"one\"", "node.id", "invalid type"),
        ("data_dir = \"data1\"", "data_dirs = \"x\"\ndata_dir = \"data1\"", "node.data_dirs", "did you mean data_dir?"),
        ("data_dir = \"data1\"", "data_dir = \"\"", "node.data_dir", "empty"),
        ("data_dir = \"data1\"", "data_dir = \"cluster.toml\"", "node.data_dir", "directory"),
        ("node1.key.json", "nowhere.json", "node.key_file", "nowhere.json"),
        ("node1.key.json", "cluster.toml", "node.key_file", "no key"),
        ("node1.key.json", "node2.key.json", "node.key_file", "holds the key of node 2"),
        ("node1.key.json", "operator.json", "node.key_file", "holds the operator key of aurora"),
        ("cluster_file = \"cluster.toml\"", "cluster_file = \"nowhere.toml\"", "node.cluster_file", "nowhere.toml"),
        ("client = \"127.0.0.1:7201\"\n#", "client = \"127.0.0.1:70000\"\n#", "listen.client", "1 to 65535"),
        ("client = \"127.0.0.1:7201\"\n#", "client = \"localhost\"\n#", "listen.client", "no port"),
        ("client = \"127.0.0.1:7201\"\n#", "client = \"localhost:7101\"\n#", "listen.client", "second time"),
        ("client = \"127.0.0.1:7201\"\n#", "client = \"0.0.0.0:7101\"\n#", "listen.client", "second time"),
        ("http = \"127.0.0.1:7301\"", "http = \"[::1]:7201\"", "listen.http", "second time"),
        ("http = \"127.0.0.1:7301\"", "http = \"127.0.0.1:7102\"", "listen.http", "not node 2"),
        ("client = \"127.0.0.1:7202\"", "client = \"127.0.0.1:7203\"", "members.3.client", "same address"),
        ("client = \"127.0.0.1:7202\"", "client = \"0.0.0.0:7202\"", "members.2.client", "cannot connect"),
        ("client = \"127.0.0.1:7202\"", "client = \":7202\"", "members.2.client", "no host"),
        ("# heartbeat_ms = 150", "heartbeat_ms = 0", "raft.heartbeat_ms", "give 1 to"),
        (
            "# heartbeat_ms = 150",
            "heartbeat_ms = 600",
            "raft.heartbeat_ms",
            "not below raft.election_min_ms, 600 (by default)",
        ),
        ("# election_min_ms = 600", "election_min_ms = 1200", "raft.election_min_ms", "not below raft.election_max_ms"),
        ("# election_max_ms = 1200", "election_max_ms = 600", "raft.election_max_ms", "not above raft.election_min_ms"),
        ("# election_max_ms = 1200", "election_max_ms = 600001", "raft.election_max_ms", "give 1 to 600000"),
        ("# snapshot_after_mib = 64", "snapshot_after_mib = 0", "raft.snapshot_after_mib", "give 1 to 1048576 MiB"),
        ("# cache_mib = 64", "cache_mib = 1048577", "storage.cache_mib", "give 1 to 1048576 MiB"),
        ("# scrub_every_s = 86400", "scrub_every_s = 99999999999", "storage.scrub_every_s", "give 0 to"),
        ("# timeout_ms = 2000", "timeout_ms = 0", "publish.timeout_ms", "give 1 to"),
        ("# every_ms = 500", "every_ms = -1", "publish.every_ms", "from 0"),
        (
            "# log_key_file = \"log.key.json\"",
            "log_key_file = \"operator.json\"",
            "publish.log_key_file",
            "operator key",
        ),
        ("# log_key_file = \"log.key.json\"", "log_key_file = \"node1.key.json\"", "publish.log_key_file", "own key"),
        ("# [witness]", "[witness]\nname = \"a b\"", "witness.name", "without spaces"),
    ] {
        let fault = files.fault(from, to);
        assert_eq!((fault.member.as_str(), fault.status), (member, 2), "{fault}");
        assert!(fault.reason.contains(reason), "{reason:?} in {fault}");
    }
    // A misspelt id is no member, so the member is missing as well.
    for (to, member, reason) in [("03", "members.03", "write members.3"), ("x", "members.x", "node id")] {
        let faults = files.with("[members.3]", &format!("[members.{to}]"), Purpose::Run).unwrap_err().faults;
        let said: Vec<(&str, bool)> = faults.iter().map(|f| (f.member.as_str(), f.reason.contains(reason))).collect();
        assert_eq!(said, [(member, true), ("members.3", false)]);
    }
    let missing = files.fault("[members.3]\npeer = \"127.0.0.1:7103\"\nclient = \"127.0.0.1:7203\"", "");
    assert_eq!(missing.to_string().split(": ").nth(1).unwrap(), "members.3 is missing");
}

#[test]
fn all_faults_of_both_files_are_said_at_once() {
    let files = Files::new();
    let text = toml::to_string(&files.genesis).unwrap().replacen("id = 2", "id = 1", 1);
    let root = files.genesis.organisations[0].root_key.to_string();
    let small = format!("ed25519:01{}", "00".repeat(31));
    files.write("cluster.toml", &text.replace(&root, &small));
    let error = files.with("127.0.0.1:7201", "127.0.0.1", Purpose::Look).unwrap_err();
    let said = error.to_string();
    for part in ["listen.client", "no port", "root_key", "small order", "two nodes have one id"] {
        assert!(said.contains(part), "{part} in\n{said}");
    }
    assert_eq!(error.status(), 2);
}

#[test]
fn each_fault_of_a_consensus_identity_is_named() {
    let files = Files::new();
    let text = toml::to_string(&files.genesis).unwrap();
    let path = files.dir.path().join("cluster.toml");
    let keys = files.genesis.document().keys();
    let small = format!("ed25519:{}80", "00".repeat(31));
    let none = format!("ed25519:02{}", "00".repeat(31));
    for (owner, key) in &keys {
        for (bad, why) in [(&small, "small order"), (&none, "no point"), (&keys[0].1.to_string(), "is also")] {
            if key.to_string() == *bad {
                continue;
            }
            files.write("cluster.toml", &text.replace(&key.to_string(), bad));
            let said = load_genesis(&path).unwrap_err().to_string();
            assert!(said.contains(why), "{owner}: {said}");
        }
    }
    for (from, to, why) in [
        ("max_items = 1000", "max_items = 0", "limits.max_items is 0"),
        ("max_item_bytes = 60000", "max_item_bytes = 65536", "limits.max_item_bytes is 65536"),
        ("cluster = \"test\"", "clutser = \"test\"", "did you mean cluster?"),
        ("cluster = \"test\"", "cluster = \"a b\"", "cluster is no name"),
        ("organisation = \"borealis\"", "organisation = \"boreal\"", "no founding organisation"),
        ("organisation = \"borealis\"", "organisation = \"aurora\"", "quorum of the nodes alone"),
    ] {
        assert!(text.contains(from), "{from} in {text}");
        files.write("cluster.toml", &text.replacen(from, to, 1));
        let said = load_genesis(&path).unwrap_err().to_string();
        assert!(said.contains(why), "{why} in {said}");
    }
}

/// A key that is nobody's: a draft until data exists, and never good enough to run.
#[test]
fn a_key_that_is_not_registered_is_refused_and_only_a_draft_is_told_so() {
    let files = Files::new();
    let change = |purpose| files.with("node1.key.json", "fresh.json", purpose);
    let Ready { notes, registered, .. } = change(Purpose::Look).unwrap();
    assert_eq!(registered, Some(false));
    assert!(notes.len() == 1 && notes[0].contains("is not registered") && notes[0].contains("refuse it"), "{notes:?}");
    for purpose in [Purpose::Run, Purpose::Init] {
        let error = change(purpose).unwrap_err();
        assert_eq!(error.status(), 2);
        assert!(error.to_string().contains("the key in use is"), "{error}");
    }
    std::fs::create_dir(files.dir.path().join("data1")).unwrap();
    files.write("data1/lock", "");
    assert!(change(Purpose::Look).is_ok(), "an empty directory holds no node");
    files.write("data1/state.redb", "");
    assert!(change(Purpose::Look).unwrap_err().to_string().contains("the key in use is"));
}

#[test]
fn a_node_that_joins_is_checked_as_such_and_what_the_ledger_knows_is_not_claimed() {
    let files = Files::new();
    let join = |key: &str, purpose| {
        let text = DEFAULT_NODE_FILE.replacen("id = 1", "id = 4", 1).replace("node1.key.json", key);
        let text = text.replace(
            "127.0.0.1:7101\"\nclient = \"127.0.0.1:7201\"\n#",
            "127.0.0.1:7104\"\nclient = \"127.0.0.1:7204\"\n#",
        );
        files.write("node.toml", &text);
        check(&files.dir.path().join("node.toml"), purpose)
    };
    for purpose in [Purpose::Join, Purpose::LookJoin, Purpose::Init] {
        let ready = join("fresh.json", purpose).unwrap();
        assert_eq!(ready.registered, None);
        assert!(ready.notes.iter().any(|note| note.starts_with("could not check that")), "{:?}", ready.notes);
        let said = join("node1.key.json", purpose).unwrap_err().to_string();
        assert!(said.contains("holds the key of node 1"), "{said}");
    }
    assert!(join("fresh.json", Purpose::Look).unwrap_err().to_string().contains("config check --join"));
    assert!(join("fresh.json", Purpose::Run).unwrap_err().to_string().contains("node join"));
    let founding = files.with("id = 1", "id = 1", Purpose::Join).unwrap_err();
    assert!(founding.to_string().contains("node run"), "{founding}");
}

#[test]
fn a_directory_of_another_node_is_seen_without_touching_it() {
    let files = Files::new();
    std::fs::create_dir(files.dir.path().join("data1")).unwrap();
    let digest = files.genesis.digest();
    for (text, status) in [
        (format!("{{\"format\":2,\"cluster\":\"test\",\"genesis\":\"{digest}\",\"node\":1}}"), 0),
        (format!("{{\"format\":2,\"cluster\":\"test\",\"genesis\":\"{digest}\",\"node\":2}}"), 5),
        (format!("{{\"format\":2,\"cluster\":\"else\",\"genesis\":\"{digest}\",\"node\":1}}"), 5),
    ] {
        files.write("data1/identity", &text);
        let found = files.with("id = 1", "id = 1", Purpose::Look);
        assert_eq!(found.map_or_else(|error| error.status(), |_| 0), status, "{text}");
    }
    let both = files.with("# heartbeat_ms = 150", "heartbeat_ms = 0", Purpose::Look).unwrap_err();
    assert_eq!((both.faults.len(), both.status()), (2, 2));
}

#[test]
fn what_is_shown_is_a_node_file_that_says_the_same() {
    let files = Files::new();
    let secret = selfsame_protocol::digest::hex(&files.keys.nodes[0].seed());
    for (from, to) in [
        ("id = 1", "id = 1"),
        ("# heartbeat_ms = 150", "heartbeat_ms = 100"),
        ("http = \"127.0.0.1:7301\"\n", ""),
        ("# log_key_file = \"log.key.json\"", "log_key_file = \"fresh.json\""),
        (
            "# [witness]",
            "[witness]\nname = \"a/w\"\n[[witness.external]]\nkey = \"org-a.example/cosigner+ffd41543+BLUz2K2fz73eC0gcGzNN3DxTQS/WFFZOflr9AgNo04LD\"\nurl = \"http://w.example:80\"",
        ),
    ] {
        let first = files.with(from, to, Purpose::Run).unwrap().loaded;
        let rows = first.effective();
        let shown = to_toml(&rows);
        assert!(!shown.contains(&secret) && shown.contains("# default"), "{shown}");
        // Anywhere: its paths are whole.
        let elsewhere = tempfile::tempdir().unwrap();
        let path = elsewhere.path().join("shown.toml");
        std::fs::write(&path, &shown).unwrap();
        let again = check(&path, Purpose::Run).unwrap_or_else(|error| panic!("{error}\n{shown}")).loaded;
        let values =
            |rows: Vec<Shown>| rows.into_iter().map(|row| (row.section, row.name, row.value)).collect::<Vec<_>>();
        assert_eq!(values(again.effective()), values(rows), "{shown}");
    }
    let rows = files.with("# heartbeat_ms = 150", "heartbeat_ms = 100", Purpose::Read).unwrap().loaded.effective();
    let document = to_json(&rows);
    assert_eq!(document["raft"]["heartbeat_ms"]["value"], 100);
    assert!(document["raft"]["heartbeat_ms"]["origin"].as_str().unwrap().starts_with("file, line "));
    assert_eq!(document["raft"]["election_min_ms"], serde_json::json!({"value": 600, "origin": "default"}));
}

/// The tables of members and the types are one: a member of the one that the other does not know would be refused, or
/// never shown.
#[test]
fn every_member_of_the_types_stands_in_the_tables_and_is_shown() {
    let text = DEFAULT_NODE_FILE.replace("# heartbeat", "heartbeat").replace("# election", "election");
    let text = text.replace("# snapshot_", "snapshot_").replace("# keep_logs", "keep_logs");
    let text = text.replace("# scrub_every_s", "scrub_every_s").replace("# cache_mib", "cache_mib");
    let text = text
        .replace("# every_ms", "every_ms")
        .replace("# refresh_s", "refresh_s")
        .replace("# timeout_ms", "timeout_ms");
    let files = Files::new();
    files.write("node.toml", &text);
    let loaded = check(&files.dir.path().join("node.toml"), Purpose::Run).unwrap().loaded;
    let rows = loaded.effective();
    let toml::Value::Table(written) = toml::Value::try_from(&loaded.file).unwrap() else { panic!("a table") };
    for (section, members) in written.iter().filter(|(section, _)| *section != "members") {
        for name in members.as_table().unwrap().keys() {
            let shown = rows.iter().find(|row| row.section == *section && row.name == name);
            assert!(shown.is_some_and(|row| row.origin.starts_with("file")), "{section}.{name}");
        }
    }
}
