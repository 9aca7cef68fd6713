//! Configuration files. `cluster.toml` is the consensus identity, equal on all nodes; the node file is what one process
//! decides about itself. Unknown members are errors.

use crate::node::NodeConfig;
use crate::raft::{Member, RaftSettings};
use crate::witness::{External, WitnessSettings};
use selfsame_machine::Genesis;
use selfsame_protocol::note::{TYPE_COSIGNATURE, Vkey};
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
    /// What is done to the stored data.
    #[serde(default)]
    pub storage: StorageSection,
    /// Logs that this node witnesses, and witnesses that it asks.
    #[serde(default)]
    pub witness: WitnessSection,
}

/// Logs that this node witnesses, and witnesses that it asks; absent members take the default.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessSection {
    /// Name in the cosignatures of this node's witness.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Foreign logs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub logs: Vec<LogSection>,
    /// Witnesses of others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub external: Vec<ExternalSection>,
}

/// A foreign log.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogSection {
    /// First line of its checkpoints.
    pub origin: String,
    /// Its verifier keys.
    pub keys: Vec<String>,
}

/// A witness of somebody else.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExternalSection {
    /// Its verifier key, a cosigner's (type 4).
    pub key: String,
    /// `http://host:port/prefix` below which `add-checkpoint` is.
    pub url: String,
    /// Where its notes are read, if that is another prefix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monitoring: Option<String>,
    /// Whether nothing is published without it (fail-closed); otherwise publication goes on without (fail-open).
    #[serde(default)]
    pub required: bool,
}

/// Most foreign logs and most external witnesses: every note of the one stands in one file that is rewritten with each
/// cosignature, and every line of the other in each published note.
const MOST_LOGS: usize = 1_000;
const MOST_WITNESSES: usize = 16;

fn witness(section: &WitnessSection, own: &Genesis) -> Result<WitnessSettings, String> {
    let key = |text: &str| Vkey::parse(text).map_err(|error| format!("witness: {error}"));
    if section.logs.len() > MOST_LOGS || section.external.len() > MOST_WITNESSES {
        return Err(format!("witness: at most {MOST_LOGS} logs and {MOST_WITNESSES} external witnesses"));
    }
    let mut logs = BTreeMap::new();
    for log in &section.logs {
        let keys = log.keys.iter().map(|text| key(text)).collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() {
            return Err(format!("witness.logs: {} has no key", log.origin));
        }
        if log.origin.is_empty() || log.origin.chars().any(char::is_control) {
            return Err(format!("witness.logs: an origin is one line of text, found {:?}", log.origin));
        }
        if log.origin.starts_with(&format!("{}/", own.origin)) {
            return Err(format!("witness.logs: {} is this cluster's own and witnessed anyway", log.origin));
        }
        if logs.insert(log.origin.clone(), keys).is_some() {
            return Err(format!("witness.logs: {} stands twice", log.origin));
        }
    }
    let mut external: Vec<External> = Vec::new();
    for one in &section.external {
        let vkey = key(&one.key)?;
        if vkey.kind != TYPE_COSIGNATURE {
            return Err(format!("witness.external: {} is no cosigner's key (type 4, found {})", vkey.name, vkey.kind));
        }
        for url in [Some(&one.url), one.monitoring.as_ref()].into_iter().flatten() {
            crate::fetch::check(url).map_err(|error| format!("witness.external: {error}"))?;
        }
        if external.iter().any(|other| other.vkey.name == vkey.name) {
            return Err(format!("witness.external: {} stands twice", vkey.name));
        }
        let (url, monitoring) = (one.url.clone(), one.monitoring.clone());
        external.push(External { vkey, url, monitoring, required: one.required });
    }
    if let Some(name) = &section.name
        && (name.is_empty() || name.contains('+') || name.chars().any(|c| c.is_whitespace() || c.is_control()))
    {
        return Err(format!("witness.name: a name without spaces and without '+', found {name:?}"));
    }
    Ok(WitnessSettings { name: section.name.clone(), logs, external })
}

/// What is done to the stored data; absent members take the default.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StorageSection {
    /// Seconds between two readings of every stored row; 0 reads them at the start only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scrub_every_s: Option<u64>,
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
    /// Log entries between snapshots.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot_every: Option<u64>,
    /// Log entries kept behind a snapshot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_logs: Option<u64>,
    /// Entries by which a follower may lag before it gets a snapshot instead of the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag_before_snapshot: Option<u64>,
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
        (&mut raft.lag_before_snapshot, section.lag_before_snapshot),
    ] {
        *slot = value.unwrap_or(*slot);
    }
    let config = NodeConfig {
        id: file.node.id,
        peer_listen: file.listen.peer.clone(),
        client_listen: file.listen.client.clone(),
        http_listen: file.listen.http.clone(),
        scrub_every_ms: file.storage.scrub_every_s.unwrap_or(SCRUB_EVERY_S).saturating_mul(1_000),
        members,
        raft,
        witness: witness(&file.witness, &genesis).map_err(bad)?,
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

    #[test]
    fn what_is_wrong_with_a_witness_is_named() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("cluster-config");
        let genesis = load_genesis(&dir.join("cluster.toml")).unwrap();
        let read = |text: &str| witness(&toml::from_str(text).unwrap(), &genesis);
        let log = "ledger.example/evidence+6115c7bb+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c";
        let cosigner = "org-a.example/cosigner+ffd41543+BLUz2K2fz73eC0gcGzNN3DxTQS/WFFZOflr9AgNo04LD";
        let good = format!(
            "name = \"a/w\"\n[[logs]]\norigin = \"other.example/log\"\nkeys = [\"{log}\"]\n[[external]]\nkey = \"{cosigner}\"\nurl = \"http://w.example:80/w\"\nrequired = true\n"
        );
        let settings = read(&good).unwrap();
        assert_eq!((settings.logs.len(), settings.external[0].required), (1, true));
        for (from, to, reason) in [
            ("other.example/log", "ledger.example/evidence", "this cluster's own"),
            ("other.example/log", "", "one line of text"),
            (log, "nothing", "verifier key"),
            (cosigner, log, "no cosigner's key"),
            ("http://w", "https://w", "only plain http"),
            ("a/w", "a w", "without spaces"),
        ] {
            let text = good.replacen(from, to, 1);
            assert!(read(&text).unwrap_err().contains(reason), "{text}");
        }
        let twice = format!("{good}[[external]]\nkey = \"{cosigner}\"\nurl = \"w:1\"\n");
        assert!(read(&twice).unwrap_err().contains("twice"));
    }
}
