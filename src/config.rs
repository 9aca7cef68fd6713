//! Configuration files. `cluster.toml` is the consensus identity, equal on all nodes; the node file is what one process
//! decides about itself. Unknown members are errors.

use crate::cosign::PublishSettings;
use crate::keys;
use crate::node::NodeConfig;
use crate::raft::{Member, RaftSettings};
use crate::store::Options;
pub use crate::witness::config::WitnessSection;
use selfsame_machine::Genesis;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The file of one node.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeFile {
    /// This node.
    pub node: NodeSection,
    /// Addresses to listen on.
    pub listen: ListenSection,
    /// Where the members are reached, by node id.
    pub members: BTreeMap<String, MemberSection>,
    /// Timing and batching.
    #[serde(default)]
    pub raft: RaftSection,
    /// What is done to the stored data, and with how much memory.
    #[serde(default)]
    pub storage: StorageSection,
    /// Logs that this node witnesses, and witnesses that it asks.
    #[serde(default)]
    pub witness: WitnessSection,
    /// How checkpoints are cosigned and published.
    #[serde(default)]
    pub publish: PublishSection,
}

/// How this node takes part in publishing checkpoints; absent members take the default.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishSection {
    /// Milliseconds between two looks at whether there is something to publish; 0 collects never, but still cosigns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every_ms: Option<u64>,
    /// Seconds after which an unchanged checkpoint is signed anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_s: Option<u64>,
    /// Milliseconds that other nodes have to answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Key file of the log key, when it is not the one that belongs to the node's key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_key_file: Option<PathBuf>,
}

/// What is done to the stored data, and with how much memory; absent members take the default.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StorageSection {
    /// Seconds between two readings of every stored row; 0 reads them at the start only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scrub_every_s: Option<u64>,
    /// MiB of memory for pages of the state's file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_mib: Option<u64>,
}

/// Seconds between two readings of every stored row: a day.
pub const SCRUB_EVERY_S: u64 = 86_400;

/// This node.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeSection {
    /// Node id, from 1; never used twice in a cluster.
    pub id: u64,
    /// Directory of the data; relative paths start at the file.
    pub data_dir: PathBuf,
    /// Key file of the node.
    pub key_file: PathBuf,
    /// The consensus identity.
    pub cluster_file: PathBuf,
}

/// Addresses to listen on.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenSection {
    /// For peers.
    pub peer: String,
    /// For clients.
    pub client: String,
    /// For health, metrics and tiles over HTTP; absent serves none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<String>,
}

/// Where a member is reached.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberSection {
    /// By peers.
    pub peer: String,
    /// By clients.
    pub client: String,
}

/// Timing and batching; absent members take the default.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RaftSection {
    /// Milliseconds between heartbeats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heartbeat_ms: Option<u64>,
    /// Shortest time without a leader before an election, milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub election_min_ms: Option<u64>,
    /// Longest, milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub election_max_ms: Option<u64>,
    /// MiB of log after which a snapshot is written, or half of the last snapshot when that is more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot_after_mib: Option<u64>,
    /// Log entries after which a snapshot is written in any case; 0 goes by size alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot_every: Option<u64>,
    /// Log entries kept behind a snapshot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_logs: Option<u64>,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {reason}")]
pub struct ConfigError {
    /// File.
    pub file: String,
    /// Reason, with line and member where the parser knows them.
    pub reason: String,
}

fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|e| ConfigError { file: path.display().to_string(), reason: e.to_string() })
}

/// Reads and checks a consensus identity.
pub fn load_genesis(path: &Path) -> Result<Genesis, ConfigError> {
    let bad = |reason: String| ConfigError { file: path.display().to_string(), reason };
    let genesis: Genesis = toml::from_str(&read(path)?).map_err(|e| bad(e.to_string()))?;
    genesis.check().map_err(|e| bad(e.to_string()))?;
    Ok(genesis)
}

/// Bytes of a member in MiB that is absent or within its bounds.
fn mebibytes(member: &str, value: Option<u64>, low: u64, high: u64) -> Result<Option<u64>, String> {
    match value {
        Some(found) if !(low..=high).contains(&found) => Err(format!("{member} is {low} to {high} MiB, found {found}")),
        value => Ok(value.map(|mib| mib << 20)),
    }
}

/// A node file with everything it points to resolved.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The file.
    pub file: NodeFile,
    /// Data directory.
    pub data_dir: PathBuf,
    /// Key file.
    pub key_file: PathBuf,
    /// Consensus identity.
    pub genesis: Genesis,
    /// What the node is started with.
    pub config: NodeConfig,
}

/// Reads a node file and the consensus identity that it names.
pub fn load(path: &Path) -> Result<Loaded, ConfigError> {
    let bad = |reason: String| ConfigError { file: path.display().to_string(), reason };
    let file: NodeFile = toml::from_str(&read(path)?).map_err(|e| bad(e.to_string()))?;
    let base = path.parent().unwrap_or(Path::new("."));
    let genesis = load_genesis(&base.join(&file.node.cluster_file))?;
    let mut members = BTreeMap::new();
    for (id, member) in &file.members {
        let id: u64 = id.parse().map_err(|_| bad(format!("members: a node id is a number, found {id:?}")))?;
        members.insert(id, Member { peer_addr: member.peer.clone(), client_addr: member.client.clone() });
    }
    for node in &genesis.nodes {
        if !members.contains_key(&node.id) {
            return Err(bad(format!("members: founding node {} has no address", node.id)));
        }
    }
    let mut raft = RaftSettings::default();
    let section = &file.raft;
    for (slot, value) in [
        (&mut raft.heartbeat_ms, section.heartbeat_ms),
        (&mut raft.election_min_ms, section.election_min_ms),
        (&mut raft.election_max_ms, section.election_max_ms),
        (&mut raft.snapshot_every, section.snapshot_every),
        (&mut raft.keep_logs, section.keep_logs),
    ] {
        *slot = value.unwrap_or(*slot);
    }
    let after = mebibytes("raft.snapshot_after_mib", section.snapshot_after_mib, 1, 1 << 20).map_err(bad)?;
    raft.snapshot_after_bytes = after.unwrap_or(raft.snapshot_after_bytes);
    let cache = mebibytes("storage.cache_mib", file.storage.cache_mib, 1, 1 << 20).map_err(bad)?;
    let mut store = Options::default();
    if let Some(bytes) = cache {
        store.cache_bytes = usize::try_from(bytes).map_err(|e| bad(format!("storage.cache_mib: {e}")))?;
    }
    let section = &file.publish;
    let mut publish = PublishSettings::default();
    publish.every_ms = section.every_ms.unwrap_or(publish.every_ms);
    publish.refresh_ms = section.refresh_s.map_or(publish.refresh_ms, |seconds| seconds.saturating_mul(1_000));
    publish.timeout_ms = section.timeout_ms.unwrap_or(publish.timeout_ms);
    if let Some(name) = &section.log_key_file {
        publish.log_key = Some(keys::load(&base.join(name)).map_err(|e| bad(e.to_string()))?);
    }
    let config = NodeConfig {
        id: file.node.id,
        peer_listen: file.listen.peer.clone(),
        client_listen: file.listen.client.clone(),
        http_listen: file.listen.http.clone(),
        scrub_every_ms: file.storage.scrub_every_s.unwrap_or(SCRUB_EVERY_S).saturating_mul(1_000),
        store,
        members,
        raft,
        witness: file.witness.settings(&genesis.origin).map_err(bad)?,
        publish,
    };
    Ok(Loaded {
        data_dir: base.join(&file.node.data_dir),
        key_file: base.join(&file.node.key_file),
        genesis,
        config,
        file,
    })
}

/// A node file with every member and its meaning.
pub const DEFAULT_NODE_FILE: &str = include_str!("../cluster-config/node1.toml");

#[cfg(test)]
mod tests {
    use super::*;

    /// A node file beside a consensus identity, with this line in place of a default.
    fn with(member: &str, line: &str) -> Result<Loaded, ConfigError> {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("cluster-config/cluster.toml");
        let dir = tempfile::tempdir().unwrap();
        std::fs::copy(shipped, dir.path().join("cluster.toml")).unwrap();
        let stands = DEFAULT_NODE_FILE.lines().find(|stands| stands.starts_with(&format!("# {member} = "))).unwrap();
        let path = dir.path().join("node.toml");
        std::fs::write(&path, DEFAULT_NODE_FILE.replace(stands, line)).unwrap();
        load(&path)
    }

    #[test]
    fn sizes_are_taken_within_their_bounds_and_refused_by_name_outside() {
        assert_eq!(with("cache_mib", "cache_mib = 8").unwrap().config.store.cache_bytes, 8 << 20);
        assert_eq!(with("cache_mib", "").unwrap().config.store, Options::default());
        for found in ["0", "1048577"] {
            let error = with("cache_mib", &format!("cache_mib = {found}")).unwrap_err();
            assert_eq!(error.reason, format!("storage.cache_mib is 1 to 1048576 MiB, found {found}"));
            let error = with("snapshot_after_mib", &format!("snapshot_after_mib = {found}")).unwrap_err();
            assert_eq!(error.reason, format!("raft.snapshot_after_mib is 1 to 1048576 MiB, found {found}"));
        }
    }

    #[test]
    fn every_shipped_file_loads_and_unknown_members_do_not() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("cluster-config");
        for id in 1..=3 {
            let loaded = load(&dir.join(format!("node{id}.toml"))).unwrap();
            assert_eq!(loaded.config.id, id);
            assert_eq!(loaded.genesis.nodes.len(), 3);
        }
        let error = toml::from_str::<NodeFile>(&format!("{DEFAULT_NODE_FILE}\n[oops]\n")).unwrap_err();
        assert!(error.to_string().contains("oops"));
    }
}
