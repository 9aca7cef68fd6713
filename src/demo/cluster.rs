//! Three nodes of three organisations in one process, with real gRPC over loopback and real files.

use selfsame_client::{Client, Signer};
use selfsame_env::Env;
use selfsame_machine::Genesis;
use selfsame_machine::genesis::{GenesisNode, GenesisOrganisation};
use selfsame_node::cosign::PublishSettings;
use selfsame_node::node::{self, Node, NodeConfig};
use selfsame_node::raft::{MemberAddress, RaftSettings};
use selfsame_node::witness::WitnessSettings;
use selfsame_protocol::command::{ItemLimits, Role};
use selfsame_protocol::constitution::Publisher;
use selfsame_protocol::genesis::Publication;
use selfsame_protocol::keys::SecretKey;
use selfsame_protocol::names::{NameError, OrganisationName};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Names of the organisations, one node each.
pub const ORGANISATIONS: [&str; 3] = ["aurora", "borealis", "cygnus"];

/// Failure of a cluster operation or of a step, in words.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The keys of a small cluster.
#[derive(Clone)]
pub struct Keys {
    /// Root keys by organisation.
    pub roots: Vec<SecretKey>,
    /// Operator keys by organisation.
    pub operators: Vec<SecretKey>,
    /// Node keys by node.
    pub nodes: Vec<SecretKey>,
}

impl Keys {
    /// Fresh keys from the system's entropy.
    pub fn fresh() -> Result<Keys, Failure> {
        let three = || (0..3).map(|_| fresh_key()).collect::<Result<Vec<_>, _>>();
        Ok(Keys { roots: three()?, operators: three()?, nodes: three()? })
    }
}

/// A fresh key from the system's entropy.
pub fn fresh_key() -> Result<SecretKey, Failure> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|e| e.to_string())?;
    Ok(SecretKey::from_seed(&seed))
}

/// Three nodes that can be stopped and started one by one.
pub struct Cluster {
    /// Consensus identity.
    pub genesis: Arc<Genesis>,
    /// Keys.
    pub keys: Keys,
    /// Directory with one directory for each node.
    pub root: PathBuf,
    members: BTreeMap<u64, MemberAddress>,
    nodes: BTreeMap<u64, Node>,
    /// Keys of nodes that did not found the cluster.
    joined: BTreeMap<u64, SecretKey>,
    settings: RaftSettings,
    http: BTreeMap<u64, String>,
    /// Logs that nodes witness, and witnesses that they ask, from their next start on.
    pub witness: WitnessSettings,
}

impl Cluster {
    /// The consensus identity of three organisations with these keys.
    pub fn genesis(cluster: &str, keys: &Keys) -> Result<Genesis, NameError> {
        let names = ORGANISATIONS.map(str::parse);
        let names = names.into_iter().collect::<Result<Vec<OrganisationName>, _>>()?;
        Ok(Genesis {
            cluster: cluster.into(),
            origin: format!("{cluster}.example"),
            limits: ItemLimits::default(),
            organisations: names
                .iter()
                .enumerate()
                .map(|(i, name)| GenesisOrganisation {
                    name: name.clone(),
                    root_key: keys.roots[i].public(),
                    operator_key: keys.operators[i].public(),
                })
                .collect(),
            nodes: names
                .iter()
                .enumerate()
                .map(|(i, name)| GenesisNode {
                    id: i as u64 + 1,
                    organisation: name.clone(),
                    key: keys.nodes[i].public(),
                    cosigner: keys.nodes[i].cosigner().public(),
                })
                .collect(),
            publication: Publication {
                threshold: None,
                publisher: names
                    .first()
                    .map(|name| Publisher { organisation: name.clone(), log_key: keys.nodes[0].log_key().public() }),
            },
        })
    }

    /// Starts all three nodes on the given ports (peer and client for each node) and HTTP addresses by node.
    pub async fn start(
        root: &Path,
        genesis: Genesis,
        keys: Keys,
        ports: &[(u16, u16)],
        http: BTreeMap<u64, String>,
    ) -> Result<Cluster, Failure> {
        Self::start_with(root, genesis, keys, ports, http, RaftSettings::default()).await
    }

    /// Like [`Cluster::start`], with other settings of replication.
    pub async fn start_with(
        root: &Path,
        genesis: Genesis,
        keys: Keys,
        ports: &[(u16, u16)],
        http: BTreeMap<u64, String>,
        settings: RaftSettings,
    ) -> Result<Cluster, Failure> {
        let members = (1..)
            .zip(ports)
            .map(|(id, (peer, client))| {
                (
                    id,
                    MemberAddress {
                        peer_addr: format!("127.0.0.1:{peer}"),
                        client_addr: format!("127.0.0.1:{client}"),
                    },
                )
            })
            .collect();
        let mut cluster = Cluster {
            genesis: Arc::new(genesis),
            keys,
            root: root.into(),
            members,
            nodes: BTreeMap::new(),
            joined: BTreeMap::new(),
            settings,
            http,
            witness: WitnessSettings::default(),
        };
        for id in 1..=ports.len() as u64 {
            cluster.start_node(id).await?;
        }
        Ok(cluster)
    }

    /// Where a node keeps its files.
    pub fn dir(&self, id: u64) -> PathBuf {
        self.root.join(format!("node{id}"))
    }

    /// Starts one node on its directory.
    pub async fn start_node(&mut self, id: u64) -> Result<(), Failure> {
        let Some(member) = self.members.get(&id) else { return Err(format!("no node {id}").into()) };
        let config = NodeConfig {
            id,
            peer_listen: member.peer_addr.clone(),
            client_listen: member.client_addr.clone(),
            members: self.members.clone(),
            http_listen: self.http.get(&id).cloned(),
            scrub_every_ms: selfsame_node::config::SCRUB_EVERY_S * 1_000,
            store: Default::default(),
            raft: self.settings.clone(),
            witness: self.witness.clone(),
            publish: PublishSettings::default(),
        };
        let env = Env::real(&self.dir(id))?;
        let founder = || usize::try_from(id).ok().and_then(|id| self.keys.nodes.get(id.checked_sub(1)?));
        let key = self.joined.get(&id).or_else(founder).cloned().ok_or_else(|| format!("no key of node {id}"))?;
        self.nodes.insert(id, node::start(config, self.genesis.clone(), key, env).await?);
        Ok(())
    }

    /// Starts a node that did not found the cluster, on the given ports (peer and client). The caller enrols and adds it.
    pub async fn join(
        &mut self,
        id: u64,
        key: SecretKey,
        (peer, client): (u16, u16),
    ) -> Result<MemberAddress, Failure> {
        let member =
            MemberAddress { peer_addr: format!("127.0.0.1:{peer}"), client_addr: format!("127.0.0.1:{client}") };
        self.members.insert(id, member.clone());
        self.joined.insert(id, key);
        self.start_node(id).await?;
        Ok(member)
    }

    /// Stops a node that joined, and forgets it and its files. The caller takes it out of the membership.
    pub async fn dismiss(&mut self, id: u64) -> Result<(), Failure> {
        self.stop_node(id).await;
        self.members.remove(&id);
        self.joined.remove(&id);
        Ok(std::fs::remove_dir_all(self.dir(id))?)
    }

    /// Stops one node.
    pub async fn stop_node(&mut self, id: u64) {
        if let Some(node) = self.nodes.remove(&id) {
            node.shutdown().await;
        }
    }

    /// Stops all.
    pub async fn stop(&mut self) {
        for id in self.nodes.keys().copied().collect::<Vec<_>>() {
            self.stop_node(id).await;
        }
    }

    /// A running node.
    pub fn node(&self, id: u64) -> Option<&Node> {
        self.nodes.get(&id)
    }

    /// The leader, once the running nodes know one among themselves.
    pub async fn leader(&self) -> Result<u64, Failure> {
        let Some(any) = self.nodes.values().next() else { return Err("no node runs".into()) };
        let mut leader = any.raft.leader();
        let running = |id: &Option<u64>| id.is_some_and(|id| self.nodes.contains_key(&id));
        let found = *leader.wait_for(running).await?;
        found.ok_or_else(|| "no leader".into())
    }

    /// A client of all nodes.
    pub fn client(&self) -> Result<Client, Failure> {
        let endpoints: Vec<String> = self.members.values().map(|m| m.client_addr.clone()).collect();
        Ok(Client::builder().endpoints(endpoints).build()?)
    }

    /// Client addresses in order of node.
    pub fn endpoints(&self) -> Vec<String> {
        self.members.values().map(|m| m.client_addr.clone()).collect()
    }

    /// An organisation's signer.
    pub fn organisation(&self, index: usize, role: Role) -> Signer {
        let keys = if role == Role::Root { &self.keys.roots } else { &self.keys.operators };
        Signer { cluster: self.genesis.cluster.clone(), role, key: keys[index].clone() }
    }
}

/// Free loopback ports, found by binding them for a moment.
pub fn free_ports(pairs: usize) -> Result<Vec<(u16, u16)>, Failure> {
    let listeners: Vec<_> =
        (0..pairs * 2).map(|_| std::net::TcpListener::bind("127.0.0.1:0")).collect::<Result<_, _>>()?;
    let ports: Vec<u16> = listeners.iter().map(|l| l.local_addr().map(|a| a.port())).collect::<Result<_, _>>()?;
    Ok(ports.chunks(2).map(|pair| (pair[0], pair[1])).collect())
}

/// Flips one bit of every copy of `leaf` in a stopped node's state file. Returns how many copies were found.
pub fn flip_leaf(state_file: &Path, leaf: &[u8]) -> Result<usize, Failure> {
    let mut bytes = std::fs::read(state_file)?;
    let mut found = 0;
    let mut at = 0;
    while at + leaf.len() <= bytes.len() {
        match bytes[at..].windows(leaf.len()).position(|window| window == leaf) {
            None => break,
            Some(offset) => {
                // Inside a string of the record, so that the entry still reads as JSON.
                bytes[at + offset + leaf.len() / 2] ^= 1;
                found += 1;
                at += offset + leaf.len();
            }
        }
    }
    std::fs::write(state_file, bytes)?;
    Ok(found)
}
