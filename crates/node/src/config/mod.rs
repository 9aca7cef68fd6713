//! Configuration files. `cluster.toml` is the consensus identity, equal on all nodes; the node file is what one process
//! decides about itself. Unknown members are errors.
//!
//! [`check`] is the one way to a configuration: whatever runs a node, and `config check`, goes through it.

mod address;
mod check;
mod members;
mod read;
mod show;

pub use check::{Purpose, Ready, check};
pub use show::{Shown, to_json, to_toml};

use crate::cosign::PublishSettings;
use crate::node::NodeConfig;
use crate::raft::{MemberAddress, RaftSettings};
use crate::store::StoreOptions;
use crate::witness::WitnessSettings;
pub use crate::witness::config::WitnessSection;
use selfsame_machine::Genesis;
use selfsame_protocol::keys::SecretKey;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
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

/// One thing that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// File.
    pub file: String,
    /// Line, where the member stands in the file.
    pub line: Option<usize>,
    /// Path of the member; empty when the file as a whole is meant.
    pub member: String,
    /// What is wrong and what to do: the rest of a sentence that begins with the member.
    pub reason: String,
    /// Exit status: 2, or 5 when the configuration is sound and what it points to is somebody else's.
    pub status: u8,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        match self.member.is_empty() {
            true => write!(f, ": {}", self.reason),
            false => write!(f, ": {} {}", self.member, self.reason),
        }
    }
}

/// Why a configuration cannot be used: everything that is wrong with it, in the order in which it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// At least one.
    pub faults: Vec<Fault>,
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.faults[..] {
            [one] => one.fmt(f),
            many => {
                write!(f, "the configuration has {} faults:", many.len())?;
                many.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
            }
        }
    }
}

impl ConfigError {
    /// Exit status of the command line: 2, unless the configuration itself is sound.
    pub fn status(&self) -> u8 {
        self.faults.iter().map(|fault| fault.status).min().unwrap_or(2)
    }

    fn file(path: &Path, reason: impl ToString) -> ConfigError {
        let (file, reason) = (path.display().to_string(), reason.to_string());
        ConfigError { faults: vec![Fault { file, line: None, member: String::new(), reason, status: 2 }] }
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|error| ConfigError::file(path, format!("cannot be read: {error}")))
}

/// Reads and checks a consensus identity.
pub fn load_genesis(path: &Path) -> Result<Genesis, ConfigError> {
    let text = read(path)?;
    let (genesis, faults) = check::genesis(path, &text);
    match (genesis, faults.is_empty()) {
        (Some(genesis), true) => Ok(genesis),
        (None, true) => Err(ConfigError::file(path, "is no consensus identity")),
        (_, false) => Err(ConfigError { faults }),
    }
}

/// A node file with everything it points to resolved.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The file.
    pub file: NodeFile,
    /// Line of each member that stands in the file, by path.
    pub lines: BTreeMap<String, usize>,
    /// Where its relative paths start.
    pub base: PathBuf,
    /// Data directory.
    pub data_dir: PathBuf,
    /// Key file.
    pub key_file: PathBuf,
    /// File of the consensus identity.
    pub cluster_file: PathBuf,
    /// Consensus identity.
    pub genesis: Genesis,
    /// What the node is started with.
    pub config: NodeConfig,
}

impl NodeFile {
    /// What a node of this file is started with; absent members take their defaults. `witness` and `members` are those of
    /// the file, checked.
    fn config(
        &self,
        members: BTreeMap<u64, MemberAddress>,
        witness: WitnessSettings,
        log_key: Option<SecretKey>,
    ) -> NodeConfig {
        let mut raft = RaftSettings::default();
        let section = &self.raft;
        for (slot, value) in [
            (&mut raft.heartbeat_ms, section.heartbeat_ms),
            (&mut raft.election_min_ms, section.election_min_ms),
            (&mut raft.election_max_ms, section.election_max_ms),
            (&mut raft.snapshot_after_bytes, section.snapshot_after_mib.map(mebibytes)),
            (&mut raft.snapshot_every, section.snapshot_every),
            (&mut raft.keep_logs, section.keep_logs),
        ] {
            *slot = value.unwrap_or(*slot);
        }
        let mut store = StoreOptions::default();
        if let Some(mib) = self.storage.cache_mib {
            store.cache_bytes = usize::try_from(mebibytes(mib)).unwrap_or(usize::MAX);
        }
        let section = &self.publish;
        let mut publish = PublishSettings { log_key, ..PublishSettings::default() };
        publish.every_ms = section.every_ms.unwrap_or(publish.every_ms);
        publish.refresh_ms = section.refresh_s.map_or(publish.refresh_ms, |seconds| seconds.saturating_mul(1_000));
        publish.timeout_ms = section.timeout_ms.unwrap_or(publish.timeout_ms);
        NodeConfig {
            id: self.node.id,
            peer_listen: self.listen.peer.clone(),
            client_listen: self.listen.client.clone(),
            http_listen: self.listen.http.clone(),
            scrub_every_ms: self.storage.scrub_every_s.unwrap_or(SCRUB_EVERY_S).saturating_mul(1_000),
            store,
            members,
            raft,
            witness,
            publish,
        }
    }
}

fn mebibytes(mib: u64) -> u64 {
    mib.saturating_mul(1 << 20)
}

/// A node file with every member and its meaning.
pub const DEFAULT_NODE_FILE: &str = include_str!("../../../../cluster-config/node1.toml");
