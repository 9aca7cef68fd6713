//! What is wrong with a configuration, all of it at once. The same checks stand before `node run`, `node join`, `node init`,
//! `node backup`, `node restore` and in `config check`.

use super::address::{Address, Host};
use super::members::{CLUSTER_FILE, NODE_FILE};
use super::read::Reading;
use super::{ConfigError, Fault, Loaded, NodeFile, read};
use crate::raft::{MemberAddress, RaftSettings};
use crate::store::{self, Identity};
use selfsame_env::key_file;
use selfsame_machine::Genesis;
use selfsame_protocol::command::ItemLimits;
use selfsame_protocol::entry::MAX_LEAF_BYTES;
use selfsame_protocol::keys::SecretKey;
use std::collections::BTreeMap;
use std::path::Path;

/// What a configuration is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To run a founding node.
    Run,
    /// To run a node that joins a cluster it did not found.
    Join,
    /// To make the data directory of either.
    Init,
    /// To read what a node keeps; its key is not needed.
    Read,
    /// To see whether a founding node could run. As long as it has no data, a key that nobody registered may be meant for a
    /// cluster that is being put together: it is said, and is no fault.
    Look,
    /// To see whether a node could join.
    LookJoin,
}

/// A configuration without faults.
#[derive(Clone, Debug)]
pub struct Ready {
    /// What the files say.
    pub loaded: Loaded,
    /// The node's key, unless it is not needed.
    pub key: Option<SecretKey>,
    /// Whether the key is the registered one; `None` when that could not be checked here.
    pub registered: Option<bool>,
    /// What could not be checked here, or deserves a second look, a sentence each.
    pub notes: Vec<String>,
}

/// Longest heartbeat and longest election: beyond them a cluster without a leader stays so for longer than anybody waits.
const HEARTBEAT_MS: u64 = 60_000;
const ELECTION_MS: u64 = 600_000;
/// Most MiB of a size, 1 TiB.
const MIB: u64 = 1 << 20;
/// Longest pause between two things that a node does again and again: a year of seconds, a day of milliseconds.
const YEAR_S: u64 = 366 * 86_400;
const DAY_MS: u64 = 86_400_000;
/// Longest refresh: a checkpoint older than a day is no news of a log that lives.
const DAY_S: u64 = 86_400;
/// Most bytes of a submission: what peers and clients take in one message.
const SUBMISSION_BYTES: usize = 16 << 20;

/// A consensus identity, as far as it decodes, and everything that is wrong with it.
pub(super) fn genesis(path: &Path, text: &str) -> (Option<Genesis>, Vec<Fault>) {
    let mut reading = Reading::of(path.display().to_string(), text, CLUSTER_FILE);
    let genesis: Option<Genesis> = match toml::Value::Table(std::mem::take(&mut reading.table)).try_into() {
        Ok(genesis) => Some(genesis),
        Err(error) => {
            if reading.faults.is_empty() {
                reading.fault("", error.to_string());
            }
            None
        }
    };
    if let Some(genesis) = genesis.as_ref().filter(|_| !reading.incomplete) {
        for refusal in genesis.faults() {
            let file = path.display().to_string();
            reading.faults.push(Fault {
                file,
                line: None,
                member: String::new(),
                reason: refusal.to_string(),
                status: 2,
            });
        }
        let ItemLimits { max_submission_bytes, max_items, max_item_bytes } = genesis.limits;
        for (member, value, most) in [
            ("limits.max_submission_bytes", max_submission_bytes, SUBMISSION_BYTES),
            ("limits.max_items", max_items, SUBMISSION_BYTES),
            ("limits.max_item_bytes", max_item_bytes, MAX_LEAF_BYTES),
        ] {
            if !(1..=most).contains(&value) {
                reading.fault(member, format!("is {value}: give a number from 1 to {most}"));
            }
        }
    }
    // With a fault nobody uses it, but what it says about nodes helps to find the others.
    (genesis.filter(|_| !reading.incomplete), reading.faults)
}

/// Reads a node file and what it names, and checks all of it.
pub fn check(path: &Path, purpose: Purpose) -> Result<Ready, ConfigError> {
    let text = read(path)?;
    let base = path.parent().unwrap_or(Path::new("."));
    let mut reading = Reading::of(path.display().to_string(), &text, NODE_FILE);
    let file: NodeFile = match toml::Value::Table(std::mem::take(&mut reading.table)).try_into() {
        Ok(file) => file,
        Err(error) => {
            if reading.faults.is_empty() {
                reading.fault("", error.to_string());
            }
            return Err(ConfigError { faults: reading.faults });
        }
    };
    let mut notes = Vec::new();
    let members = members(&mut reading, &file);
    for (member, path) in [
        ("node.data_dir", &file.node.data_dir),
        ("node.key_file", &file.node.key_file),
        ("node.cluster_file", &file.node.cluster_file),
    ] {
        if path.as_os_str().is_empty() {
            reading.fault(member, "is empty: give a path");
        }
    }
    let cluster_file = base.join(&file.node.cluster_file);
    let genesis = match std::fs::read_to_string(&cluster_file) {
        Ok(text) => {
            let (genesis, faults) = genesis(&cluster_file, &text);
            reading.faults.extend(faults);
            genesis
        }
        Err(error) => {
            reading.fault("node.cluster_file", format!("{} cannot be read: {error}", cluster_file.display()));
            None
        }
    };
    if let Some(genesis) = &genesis {
        founders(&mut reading, &file, genesis, purpose, &mut notes);
    }
    addresses(&mut reading, &file, &members);
    numbers(&mut reading, &file);
    let witness = file.witness.settings(genesis.as_ref().map_or("", |genesis| &genesis.origin));
    let witness = witness.unwrap_or_else(|faults| {
        faults.into_iter().for_each(|(member, reason)| reading.fault(&member, reason));
        Default::default()
    });
    if !file.witness.logs.is_empty() && file.listen.http.is_none() {
        notes.push("witness.logs are not witnessed: a witness is asked over HTTP, and listen.http is not set".into());
    }
    let (data_dir, key_file) = (base.join(&file.node.data_dir), base.join(&file.node.key_file));
    let used = data_directory(&mut reading, &file, &data_dir, genesis.as_ref());
    let key = match purpose {
        Purpose::Read => None,
        Purpose::Run | Purpose::Join | Purpose::Init | Purpose::Look | Purpose::LookJoin => key_file::load(&key_file)
            .map_err(|error| reading.fault("node.key_file", format!("is no key: {error}")))
            .ok(),
    };
    let log_key = file.publish.log_key_file.as_ref().and_then(|name| {
        let loaded = key_file::load(&base.join(name));
        loaded.map_err(|error| reading.fault("publish.log_key_file", format!("is no key: {error}"))).ok()
    });
    let mut is_registered = None;
    if let Some(genesis) = &genesis {
        if let Some(key) = key.as_ref().filter(|_| !reading.is_faulty("node.id")) {
            is_registered = registered(&mut reading, &file, genesis, key, purpose, used, &mut notes);
        }
        if let Some(log_key) = &log_key {
            log_key_of(&mut reading, genesis, log_key, key.as_ref(), &mut notes);
        }
    }
    match genesis {
        Some(genesis) if reading.faults.is_empty() => {
            let members = members
                .into_iter()
                .map(|(id, (peer_addr, client_addr))| (id, MemberAddress { peer_addr, client_addr }));
            let config = file.config(members.collect(), witness, log_key);
            let lines = reading.lines;
            let base = base.to_owned();
            let loaded = Loaded { file, lines, base, data_dir, key_file, cluster_file, genesis, config };
            Ok(Ready { loaded, key, registered: is_registered, notes })
        }
        Some(_) | None => Err(ConfigError { faults: reading.faults }),
    }
}

/// The members by id: an id has one spelling, so that none stands there twice.
fn members(reading: &mut Reading, file: &NodeFile) -> BTreeMap<u64, (String, String)> {
    let mut out = BTreeMap::new();
    if file.node.id == 0 {
        reading.fault("node.id", "is 0: ids start at 1");
    }
    for (name, member) in &file.members {
        match name.parse::<u64>() {
            Ok(id) if id > 0 && id.to_string() == *name => {
                out.insert(id, (member.peer.clone(), member.client.clone()));
            }
            Ok(id) if id > 0 => reading.fault(&format!("members.{name}"), format!("is no node id: write members.{id}")),
            Ok(_) | Err(_) => reading.fault(
                &format!("members.{name}"),
                "is no node id: the name of a member is its node id, a number from 1, like [members.1]",
            ),
        }
    }
    out
}

/// Every address is one; no port is taken twice on this machine, and no address belongs to two members.
fn addresses(reading: &mut Reading, file: &NodeFile, members: &BTreeMap<u64, (String, String)>) {
    let knows_itself = !reading.is_faulty("node.id");
    let mut read = |member: &str, text: &str, others_connect: bool| match Address::parse(text) {
        Ok(address) if others_connect && address.host == Host::All => {
            reading.fault(member, format!("is {text:?}: others cannot connect to it: name this node's own address"));
            None
        }
        Ok(address) => Some((member.to_string(), address)),
        Err(reason) => {
            reading.fault(member, format!("is {text:?} and {reason}"));
            None
        }
    };
    let listen = &file.listen;
    let mut listens: Vec<_> = read("listen.peer", &listen.peer, false).into_iter().collect();
    listens.extend(read("listen.client", &listen.client, false));
    listens.extend(listen.http.as_ref().and_then(|http| read("listen.http", http, false)));
    let mut reached = Vec::new();
    for (id, (peer, client)) in members {
        reached.extend(read(&format!("members.{id}.peer"), peer, true).map(|found| (*id, found)));
        reached.extend(read(&format!("members.{id}.client"), client, true).map(|found| (*id, found)));
    }
    for (place, (member, address)) in listens.iter().enumerate() {
        if let Some((first, _)) = listens[..place].iter().find(|(_, other)| other.clashes(address)) {
            let reason = format!("takes port {} a second time, {first} has it: give each its own", address.port);
            reading.fault(member, reason);
        }
        // A wildcard says nothing about who is reached; an address that is spelt out does.
        let other = reached.iter().find(|(id, (_, other))| *id != file.node.id && other == address);
        let other = other.filter(|_| knows_itself);
        if let Some((id, (theirs, _))) = other {
            let reason = format!("is {theirs}: this is node {}, and not node {id}", file.node.id);
            reading.fault(member, reason);
        }
    }
    for (place, (_, (member, address))) in reached.iter().enumerate() {
        if let Some((_, (first, _))) = reached[..place].iter().find(|(_, (_, other))| other == address) {
            reading.fault(member, format!("is the same address as {first}: each needs its own"));
        }
    }
}

/// Timings and sizes.
fn numbers(reading: &mut Reading, file: &NodeFile) {
    let (raft, defaults) = (&file.raft, RaftSettings::default());
    let bounded = [
        ("raft.heartbeat_ms", raft.heartbeat_ms, 1, HEARTBEAT_MS, "milliseconds"),
        ("raft.election_min_ms", raft.election_min_ms, 1, ELECTION_MS, "milliseconds"),
        ("raft.election_max_ms", raft.election_max_ms, 1, ELECTION_MS, "milliseconds"),
        ("raft.snapshot_after_mib", raft.snapshot_after_mib, 1, MIB, "MiB"),
        ("storage.cache_mib", file.storage.cache_mib, 1, MIB, "MiB"),
        ("storage.scrub_every_s", file.storage.scrub_every_s, 0, YEAR_S, "seconds, 0 for the start only"),
        ("publish.every_ms", file.publish.every_ms, 0, DAY_MS, "milliseconds, 0 for never"),
        ("publish.refresh_s", file.publish.refresh_s, 1, DAY_S, "seconds"),
        ("publish.timeout_ms", file.publish.timeout_ms, 1, DAY_MS, "milliseconds"),
    ];
    let mut sound = true;
    for (member, value, low, high, unit) in bounded {
        if let Some(found) = value.filter(|found| !(low..=high).contains(found)) {
            reading.fault(member, format!("is {found}: give {low} to {high} {unit}"));
            sound &= !member.starts_with("raft.");
        }
    }
    if !sound {
        return;
    }
    let named =
        |name: &'static str, value: Option<u64>, default: u64| (name, value.unwrap_or(default), value.is_some());
    let order = [
        named("raft.heartbeat_ms", raft.heartbeat_ms, defaults.heartbeat_ms),
        named("raft.election_min_ms", raft.election_min_ms, defaults.election_min_ms),
        named("raft.election_max_ms", raft.election_max_ms, defaults.election_max_ms),
    ];
    for pair in order.windows(2) {
        let [(lower, less, given), (upper, more, other)] = pair else { continue };
        if less >= more {
            // It is said about a member that stands in the file.
            let by_default = |given: &bool| if *given { "" } else { " (by default)" };
            let (member, reason) = match other {
                true => (upper, format!("is {more}, not above {lower}, {less}{}: raise it", by_default(given))),
                false => (lower, format!("is {less}, not below {upper}, {more}{}: lower it", by_default(other))),
            };
            reading.fault(member, reason);
        }
    }
}

/// Whether the directory can be this node's. True when a node has been made in it.
fn data_directory(reading: &mut Reading, file: &NodeFile, data_dir: &Path, genesis: Option<&Genesis>) -> bool {
    let shown = data_dir.display();
    let used = match std::fs::read_dir(data_dir) {
        Ok(entries) => entries.flatten().any(|entry| entry.file_name().to_str().is_some_and(store::is_data)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        Err(error) => {
            reading.fault("node.data_dir", format!("{shown} cannot be used as a directory: {error}"));
            false
        }
    };
    if let (Some(genesis), true) = (genesis, used)
        && let Ok(text) = std::fs::read_to_string(data_dir.join(store::IDENTITY_FILE))
    {
        let (cluster, digest) = (genesis.cluster.clone(), genesis.digest().to_string());
        if let Err(error) = store::check_identity(&text, &Identity { cluster, genesis: digest, node: file.node.id }) {
            reading.fault_of(5, "node.data_dir", format!("{shown} is not this node's: {error}"));
        }
    }
    used
}

/// Every founding node has an address, and this node is started by the command that fits it.
fn founders(reading: &mut Reading, file: &NodeFile, genesis: &Genesis, purpose: Purpose, notes: &mut Vec<String>) {
    let founding = |id: u64| genesis.nodes.iter().any(|node| node.id == id);
    let listed = !reading.is_faulty("members");
    for node in genesis.nodes.iter().filter(|_| listed) {
        if !file.members.contains_key(&node.id.to_string()) {
            let reason = format!("is missing: give peer and client of founding node {}, also when it is gone", node.id);
            reading.fault(&format!("members.{}", node.id), reason);
        }
    }
    let id = file.node.id;
    let ids = genesis.nodes.iter().map(|node| node.id.to_string()).collect::<Vec<_>>().join(", ");
    let not_founding = format!("is {id}, which is not a founding node (those are {ids})");
    match purpose {
        Purpose::Run if !founding(id) => {
            reading.fault("node.id", format!("{not_founding}: use `selfsame node join`, after `governance enrol-node`"))
        }
        Purpose::Look if !founding(id) => reading
            .fault("node.id", format!("{not_founding}: for a node that joins, say `selfsame config check --join`")),
        Purpose::Join | Purpose::LookJoin if founding(id) => {
            reading.fault("node.id", format!("is {id}, which is a founding node: use `selfsame node run`"));
        }
        Purpose::Run | Purpose::Join | Purpose::Init | Purpose::Read | Purpose::Look | Purpose::LookJoin => {}
    }
    if !matches!(purpose, Purpose::Look | Purpose::LookJoin) {
        return;
    }
    for other in file.members.keys().filter_map(|name| name.parse().ok()).filter(|other| *other != id) {
        if !founding(other) {
            notes.push(format!("members.{other} could not be checked: node {other} is no founding node of {ids}"));
        }
    }
}

/// Whether the key is the one of this node; `None` when it could not be checked.
fn registered(
    reading: &mut Reading,
    file: &NodeFile,
    genesis: &Genesis,
    key: &SecretKey,
    purpose: Purpose,
    used: bool,
    notes: &mut Vec<String>,
) -> Option<bool> {
    let (id, public) = (file.node.id, key.public());
    let node = genesis.nodes.iter().find(|node| node.id == id);
    if node.is_some_and(|node| node.key == public && node.cosigner == key.cosigner().public()) {
        return Some(true);
    }
    let member = "node.key_file";
    let cluster = file.node.cluster_file.display();
    match (node, genesis.owner(&public)) {
        (Some(node), _) if node.key == public => {
            let found = key.cosigner().public();
            let reason = format!(
                "holds the key of node {id}, whose cosigner key is {found}, but the cluster names {} ({cluster}): \
                 copy both from `selfsame key show`",
                node.cosigner
            );
            reading.fault(member, reason);
        }
        (_, Some(owner)) => {
            reading.fault(member, format!("holds {owner}, and not the key of node {id}: name its own file"))
        }
        (Some(node), None) if purpose == Purpose::Look && !used => notes.push(format!(
            "the key of node {id} is not registered: the key in use is {public}, but the cluster names {} ({cluster}); \
             no data was made yet, so the cluster file can still be given this key: until then `node init` and \
             `node run` refuse it",
            node.key
        )),
        (Some(node), None) => reading.fault(
            member,
            format!(
                "is not the key of node {id}: the key in use is {public}, but the cluster names {} ({cluster})",
                node.key
            ),
        ),
        // A node that ran before was added with it.
        (None, None) if used && purpose == Purpose::Join => {}
        (None, None) => notes.push(format!(
            "could not check that {public} is registered for node {id}: its organisation enrols it in the ledger \
             (`governance enrol-node`), and the cluster checks it when the node is added"
        )),
    }
    node.map(|_| false)
}

/// Whether the key of `publish.log_key_file` can be a log key.
fn log_key_of(
    reading: &mut Reading,
    genesis: &Genesis,
    log_key: &SecretKey,
    node_key: Option<&SecretKey>,
    notes: &mut Vec<String>,
) {
    let public = log_key.public();
    if node_key.is_some_and(|key| key.public() == public) {
        reading.fault("publish.log_key_file", "holds the node's own key: a log key is used for nothing else");
        return;
    }
    let publisher = genesis.publication.publisher.as_ref();
    if publisher.is_some_and(|publisher| publisher.log_key == public) {
        return;
    }
    match genesis.owner(&public) {
        Some(owner) => {
            reading.fault("publish.log_key_file", format!("holds {owner}: a log key is used for nothing else"));
        }
        None => notes.push(format!(
            "could not check the log key {public}: it is not the one of the founding publisher; it is used once the \
             organisations move the publisher to it (`governance propose … move-publisher`)"
        )),
    }
}
