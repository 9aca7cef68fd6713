//! A cluster of real processes: the shipped binary, configuration files, loopback sockets, kill -9.

use selfsame::demo::cluster::{Cluster, Keys, ORGANISATIONS, free_ports};
use selfsame_client::{Client, ClientError, Signer};
use selfsame_machine::Genesis;
use selfsame_node::config::{
    ListenSection, MemberSection, NodeFile, NodeSection, PublishSection, RaftSection, StorageSection, WitnessSection,
};
use selfsame_node::keys;
use selfsame_protocol::command::{Command as Submitted, DeclareRun, Role};
use selfsame_protocol::entry::EntryRef;
use selfsame_protocol::envelope::Envelope;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::response::SubmitResponse;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

/// The binary under test.
pub const SELFSAME: &str = env!("CARGO_BIN_EXE_selfsame");

/// Processes on files of their own. Dropping it kills them.
pub struct Processes {
    pub dir: TempDir,
    pub keys: Keys,
    pub addresses: BTreeMap<u64, MemberSection>,
    pub genesis: Genesis,
    running: BTreeMap<u64, Child>,
    raft: RaftSection,
}

impl Processes {
    /// Writes the files of three founding nodes (three organisations) and addresses for `spare` more; starts nothing.
    pub fn prepare(raft: RaftSection, spare: u64) -> Processes {
        Self::prepare_with(raft, spare, |_| {})
    }

    /// The same with another consensus identity.
    pub fn prepare_with(raft: RaftSection, spare: u64, adjust: impl FnOnce(&mut Genesis)) -> Processes {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::fresh().unwrap();
        for (name, (root, operator)) in ORGANISATIONS.iter().zip(keys.roots.iter().zip(&keys.operators)) {
            keys::save(&dir.path().join(format!("{name}-root.json")), root).unwrap();
            keys::save(&dir.path().join(format!("{name}-operator.json")), operator).unwrap();
        }
        let mut genesis = Cluster::genesis("test", &keys).unwrap();
        adjust(&mut genesis);
        std::fs::write(dir.path().join("cluster.toml"), toml::to_string(&genesis).unwrap()).unwrap();
        let ports = free_ports(3 + spare as usize).unwrap();
        let address = |port: u16| format!("127.0.0.1:{port}");
        let addresses: BTreeMap<_, _> = (1..)
            .zip(ports)
            .map(|(id, (peer, client))| (id, MemberSection { peer: address(peer), client: address(client) }))
            .collect();
        let made = Processes { dir, addresses, keys, genesis, running: BTreeMap::new(), raft };
        for (id, key) in (1..).zip(made.keys.nodes.clone()) {
            keys::save(&made.path(&format!("node{id}.key.json")), &key).unwrap();
        }
        for id in made.addresses.keys() {
            made.write_config(*id);
        }
        made
    }

    fn write_config(&self, id: u64) {
        let own = &self.addresses[&id];
        let file = NodeFile {
            node: NodeSection {
                id,
                data_dir: format!("data{id}").into(),
                key_file: format!("node{id}.key.json").into(),
                cluster_file: "cluster.toml".into(),
            },
            listen: ListenSection { peer: own.peer.clone(), client: own.client.clone(), http: None },
            members: self.addresses.iter().map(|(id, member)| (id.to_string(), member.clone())).collect(),
            raft: self.raft.clone(),
            storage: StorageSection::default(),
            witness: WitnessSection::default(),
            // Often, so that tests wait for little.
            publish: PublishSection { every_ms: Some(100), ..PublishSection::default() },
        };
        std::fs::write(self.config(id), toml::to_string(&file).unwrap()).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn config(&self, id: u64) -> PathBuf {
        self.path(&format!("node{id}.toml"))
    }

    /// Starts a node's process.
    pub fn start(&mut self, id: u64) {
        if !self.path(&format!("data{id}")).exists() {
            let output = run(self.dir.path(), &["node", "init", "--config", &format!("node{id}.toml")]);
            assert!(output.status.success(), "{}", said(&output));
        }
        let command = if id <= 3 { "run" } else { "join" };
        let log = std::fs::File::options().create(true).append(true).open(self.path(&format!("node{id}.log"))).unwrap();
        let child = Command::new(SELFSAME)
            .args(["node", command, "--config"])
            .arg(self.config(id))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        assert!(self.running.insert(id, child).is_none());
    }

    /// kill -9: no destructor runs, nothing is flushed.
    pub fn kill(&mut self, id: u64) {
        let mut child = self.running.remove(&id).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// A client of these nodes.
    pub fn client(&self, ids: &[u64]) -> Client {
        let endpoints: Vec<_> = ids.iter().map(|id| self.addresses[id].client.clone()).collect();
        Client::builder().endpoints(endpoints).build().unwrap()
    }

    /// Runs the command line against the cluster as a user does, in the directory of the files.
    pub fn cli(&self, arguments: &[&str]) -> Output {
        let endpoints: Vec<_> = self.addresses.values().map(|member| member.client.clone()).collect();
        // Elections on a busy machine take their time.
        let global = ["--endpoint", &endpoints.join(","), "-o", "json", "--timeout", "60s"];
        run(self.dir.path(), &[&global, arguments].concat())
    }

    /// The node that leads, once a quorum answers.
    pub async fn leader(&self) -> u64 {
        loop {
            let ids: Vec<u64> = self.running.keys().copied().collect();
            let client = self.client(&ids);
            // Answered only by a leader with a quorum.
            if client.nodes().await.is_err() {
                continue;
            }
            let statuses = client.statuses().await;
            if let Some(leader) = statuses.into_iter().flatten().find(|status| status.role == "leader") {
                return leader.node_id;
            }
        }
    }

    pub fn operator(&self) -> Signer {
        Signer { cluster: "test".into(), role: Role::Operator, key: self.keys.operators[0].clone() }
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        for child in self.running.values_mut() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            for id in self.addresses.keys() {
                let log = std::fs::read_to_string(self.path(&format!("node{id}.log"))).unwrap_or_default();
                eprintln!("--- node {id}\n{log}");
            }
        }
    }
}

/// Runs the binary in a directory.
pub fn run(dir: &Path, arguments: &[&str]) -> Output {
    Command::new(SELFSAME).args(arguments).current_dir(dir).stdin(Stdio::null()).output().unwrap()
}

/// What a run wrote to standard error.
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Declares the run with this seed; the same seed again is a retry.
pub async fn declare(client: &Client, operator: &Signer, seed: u64) -> Result<SubmitResponse, ClientError> {
    client.submit(&declaration(operator, seed)).await
}

/// The signed declaration of the run with this seed.
pub fn declaration(operator: &Signer, seed: u64) -> Envelope {
    let declaration = json!({
        "type": "selfsame/run-declaration/v1",
        "model": {"provider": "local", "name": "m", "revision": "1", "assurance": "provider-asserted"},
        "prompt": {"messages": [{"role": "user", "parts": [{"type": "text", "content": {"inline": "hello"}}]}]},
        "parameters": {"temperature": 0, "seed": seed.to_string()},
        "context": {"none": true},
        "constraints": {"none": true},
    });
    let command = Submitted::DeclareRun(DeclareRun { declaration, request: None });
    operator.sign(&format!("declare/{seed}"), command)
}

/// Every acknowledged entry stands at its index, with its hash, on this node.
pub async fn holds(client: &Client, acknowledged: &[EntryRef]) {
    for entry in acknowledged {
        let leaf = client.leaf(entry.ledger, entry.index.0).await.unwrap();
        assert_eq!(selfsame_protocol::merkle::leaf_hash(&leaf), entry.hash, "{} {}", entry.ledger, entry.index);
    }
    let size = acknowledged.iter().filter(|entry| entry.ledger == Ledger::Evidence).count();
    assert!(size > 0);
}
