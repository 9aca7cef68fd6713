//! Three real nodes in this process with HTTP, and something in their ledgers.

use selfsame::demo::cluster::{Cluster, Keys, free_ports};
use selfsame_env::TcpNet;
use selfsame_machine::genesis::Genesis;
use selfsame_machine::read;
use selfsame_protocol::command::{Command, DeclareRun, Role};
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::note::{Note, Vkey};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use tempfile::TempDir;

/// The cluster and its directory.
pub struct Nodes {
    pub cluster: Cluster,
    _dir: TempDir,
    seeds: u64,
}

pub fn net() -> Arc<TcpNet> {
    Arc::new(TcpNet)
}

impl Nodes {
    pub async fn start() -> Nodes {
        Nodes::named("test").await
    }

    pub async fn named(name: &str) -> Nodes {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::fresh().unwrap();
        let genesis = Cluster::genesis(name, &keys).unwrap();
        let http = (1..=3).map(|id| (id, "127.0.0.1:0".to_owned())).collect::<BTreeMap<_, _>>();
        let cluster = Cluster::start(dir.path(), genesis, keys, &free_ports(3).unwrap(), http).await.unwrap();
        cluster.leader().await.unwrap();
        Nodes { cluster, _dir: dir, seeds: 0 }
    }

    pub fn genesis(&self) -> &Genesis {
        &self.cluster.genesis
    }

    /// The keys that an auditor trusts.
    pub fn keys(&self) -> Vec<Vkey> {
        selfsame_audit::keys_of(self.genesis())
    }

    /// Stops and starts a node.
    pub async fn restart(&mut self, id: u64) {
        self.cluster.stop_node(id).await;
        self.cluster.start_node(id).await.unwrap();
        self.cluster.leader().await.unwrap();
    }

    /// Signs a note as the log does.
    pub fn sign_as_log(&self, note: &mut Note) {
        note.sign(&self.genesis().ledger_origin(Ledger::Evidence), &self.cluster.keys.nodes[0].log_key());
    }

    pub fn http(&self, id: u64) -> String {
        self.cluster.node(id).unwrap().http_addr.clone().unwrap()
    }

    /// Declares so many more runs, each of which adds entries to both ledgers or one of them, and waits until all nodes
    /// have applied them.
    pub async fn declare(&mut self, count: u64) {
        self.submit(count).await;
        self.level().await;
    }

    /// Declares so many more runs.
    pub async fn submit(&mut self, count: u64) {
        let (client, operator) = (self.cluster.client().unwrap(), self.cluster.organisation(0, Role::Operator));
        for _ in 0..count {
            self.seeds += 1;
            let declaration = json!({
                "type": "selfsame/run-declaration/v1",
                "model": {"provider": "local", "name": "m", "revision": "1", "assurance": "provider-asserted"},
                "prompt": {"messages": [{"role": "user", "parts": [{"type": "text", "content": {"inline": "hello"}}]}]},
                "parameters": {"temperature": 0, "seed": self.seeds.to_string()},
                "context": {"none": true},
                "constraints": {"none": true},
            });
            let command = Command::DeclareRun(DeclareRun { declaration, request: None });
            client.submit(&operator.sign(&format!("declare/{}", self.seeds), command)).await.unwrap();
        }
    }

    /// Waits until every node has applied the same and publishes it.
    pub async fn level(&self) {
        let leader = self.cluster.leader().await.unwrap();
        let target = self.cluster.node(leader).unwrap().raft.status().applied;
        for id in 1..=3 {
            if let Some(node) = self.cluster.node(id) {
                node.raft.applied().wait_for(|at| *at >= target).await.unwrap();
                for ledger in Ledger::BOTH {
                    let (size, _) = read::head(&node.raft.view().unwrap(), ledger).unwrap();
                    node.cosigner.published_from(ledger, size).await.unwrap();
                }
            }
        }
    }
}
