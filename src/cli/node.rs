//! `selfsame node`, `selfsame dev`, `selfsame config`: running nodes.

use super::backup;
use super::context::{CliError, Done, Global, Output, out, write};
use super::prepare::{environment, ready};
use crate::console::visible;
use crate::demo::cluster::{Cluster, Failure, Keys, ORGANISATIONS};
use clap::Subcommand;
use selfsame_env::key_file;
use selfsame_node::config::{self, DEFAULT_NODE_FILE, Purpose, Ready};
use selfsame_node::{keys, node};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Commands on one node.
#[derive(Subcommand, Debug)]
pub enum NodeCommand {
    /// Create the data directory of a new node, once, and check the configuration.
    ///
    /// Refuses a directory that is in use or
    /// somebody else's.
    Init {
        /// Node file.
        #[arg(long)]
        config: PathBuf,
    },
    /// Run the node until it is interrupted.
    Run {
        /// Node file.
        #[arg(long)]
        config: PathBuf,
    },
    /// Write the whole replicated state of a node, with the published checkpoints of both ledgers, into one new file.
    ///
    /// Of a stopped node its last state, of a running one a snapshot that it is asked to write now. `selfsame verify FILE`
    /// checks it without a cluster; `selfsame node restore` begins a new node with it.
    #[command(
        after_help = "Exit status: 0 written and verified, 2 usage, 3 the running node wrote no snapshot in time, 5 the directory or the file\ndoes not fit, 10 what was written does not hold, 13 it cannot be decided (for example under --policy)."
    )]
    Backup {
        /// Node file.
        #[arg(long)]
        config: PathBuf,
        /// New file. It has its name only when it is whole.
        file: PathBuf,
        /// Policy that the checkpoints must satisfy; without it they are only compared with the entries.
        #[arg(long, env = "SELFSAME_POLICY")]
        policy: Option<PathBuf>,
        /// Take the newest snapshot that a running node has, and do not ask it for another one.
        #[arg(long)]
        as_it_is: bool,
    },
    /// Make the data directory of a new node and let it begin with the state of a backup, which is verified first.
    ///
    /// The node
    /// then joins like any other new one, with an id that was never used, and gets what the backup does not hold from the
    /// cluster. This is no way back for a node that lost its disk, nor for a cluster that lost its quorum.
    Restore {
        /// Node file of the new node.
        #[arg(long)]
        config: PathBuf,
        /// The backup.
        file: PathBuf,
        /// Policy that its checkpoints must satisfy.
        #[arg(long, env = "SELFSAME_POLICY")]
        policy: PathBuf,
        /// Origin of a log that is accepted although the policy names no key of it. Repeatable.
        #[arg(long = "origin")]
        origins: Vec<String>,
    },
    Vkey(super::vkey::Keys),
    /// Run a node that joins a cluster it did not found.
    ///
    /// Its organisation enrols it first (`governance enrol-node`), then
    /// it is started with this command, added (`cluster add-learner`) and, once it has caught up, promoted.
    Join {
        /// Node file.
        #[arg(long)]
        config: PathBuf,
    },
}

/// Commands on configuration files. Offline.
#[derive(Subcommand, Debug)]
pub enum ConfigCommand {
    /// Check a node file with all that it names, by the very checks of `node run`: the form of both files, key file and
    /// registered key, ids, addresses, ports, timings, sizes, keys. Everything that is wrong is said at once, and what could
    /// not be checked here is said, too. Nothing is written.
    #[command(
        after_help = "Exit status: 0 no fault was found, 2 the configuration has faults, 5 the data directory is somebody else's."
    )]
    Check {
        /// Node file.
        config: PathBuf,
        /// The node joins a cluster that it did not found: check as `node join` does. Its key is registered in the ledger,
        /// which is not read here.
        #[arg(long)]
        join: bool,
    },
    /// Show every value that a node goes by, and where it comes from: as a node file with comments, or as JSON with
    /// `-o json`.
    Show {
        /// Node file.
        config: PathBuf,
    },
    /// Print a commented node file to start from.
    Default,
}

/// Runs a configuration command.
pub fn configuration(global: &Global, command: &ConfigCommand) -> Done {
    match command {
        ConfigCommand::Check { config, join } => {
            let purpose = if *join { Purpose::LookJoin } else { Purpose::Look };
            let Ready { loaded, notes, registered, .. } = config::check(config, purpose)?;
            let (id, cluster) = (loaded.config.id, &loaded.genesis.cluster);
            let verdict = match registered {
                Some(true) => format!("ok: node {id} of {cluster} can run with this"),
                Some(false) => {
                    format!("not ready: the files have no fault, but the key of node {id} is not registered")
                }
                None => "ok as far as it can be seen here: whether the key is registered is in the ledger".to_owned(),
            };
            let mut lines = vec![verdict];
            lines.extend(notes.iter().map(|note| format!("  note: {note}")));
            let document = json!({
                "ok": registered != Some(false), "registered": registered, "node": id, "cluster": cluster,
                "genesis_digest": loaded.genesis.digest(), "notes": notes,
            });
            global.verdict("Config", &lines, document);
        }
        ConfigCommand::Show { config } => {
            // A joining node's file is shown as well: nothing is said about keys here.
            let loaded = config::check(config, Purpose::Read)?.loaded;
            let rows = loaded.effective();
            match global.output {
                Output::Table => {
                    let head = "# What this node goes by. No flag and no variable of the environment changes it.";
                    let genesis = format!("{}, genesis {}", loaded.genesis.cluster, loaded.genesis.digest());
                    let text = format!("{head}\n# Cluster {genesis}\n\n{}", config::to_toml(&rows));
                    global.text("Config", &text, &json!({"genesis_digest": loaded.genesis.digest()}));
                }
                Output::Json | Output::Jsonl => global.print(
                    "Config",
                    json!({"file": config, "values": config::to_json(&rows), "genesis_digest": loaded.genesis.digest(), "genesis": loaded.genesis}),
                ),
            }
        }
        ConfigCommand::Default => out(DEFAULT_NODE_FILE),
    }
    Ok(())
}

/// Runs a node command.
pub async fn main(global: &Global, command: NodeCommand, stop: &CancellationToken) -> Done {
    match command {
        NodeCommand::Init { config } => {
            let (loaded, key) = ready(global, &config, Purpose::Init)?;
            let env = environment(&loaded)?;
            node::init(loaded.config.id, &loaded.genesis, &key, &env).map_err(|e| CliError::with(5, e))?;
            global.print(
                "Node",
                json!({"node": loaded.config.id, "data_dir": loaded.data_dir, "cluster": loaded.genesis.cluster}),
            );
            Ok(())
        }
        NodeCommand::Backup { config, file, policy, as_it_is } => {
            backup::take(global, &config, &file, policy.as_deref(), as_it_is).await
        }
        NodeCommand::Restore { config, file, policy, origins } => {
            backup::restore(global, &config, &file, &policy, origins)
        }
        NodeCommand::Vkey(keys) => super::vkey::main(global, keys).await,
        NodeCommand::Run { config } => run(global, &config, true, stop).await,
        NodeCommand::Join { config } => run(global, &config, false, stop).await,
    }
}

async fn run(global: &Global, path: &Path, founder: bool, stop: &CancellationToken) -> Done {
    let (loaded, key) = ready(global, path, if founder { Purpose::Run } else { Purpose::Join })?;
    let env = environment(&loaded)?;
    let id = loaded.config.id;
    if !node::is_initialised(&env).map_err(|e| CliError::with(5, e))? {
        return Err(CliError::with(
            5,
            format!(
                "data directory {} is empty: a new node is made once with `selfsame node init`; a node that lost its data comes back under a new id (governance enrol-node, node join)",
                loaded.data_dir.display()
            ),
        ));
    }
    let started =
        node::start(loaded.config, Arc::new(loaded.genesis), key, env).await.map_err(|e| CliError::with(5, e))?;
    global.say(&format!("node {id} serves clients on {}", started.client_addr));
    if let Some(address) = &started.http_addr {
        global.say(&format!("node {id} serves health, metrics and tiles on http://{address}"));
    }
    if let Some(key) = &started.witness {
        global.say(&format!("node {id} witnesses logs as {}", key.to_text()));
    }
    let mut fatal = started.raft.fatal();
    let reason = tokio::select! {
        reason = fatal.wait_for(Option::is_some) => reason.ok().and_then(|r| r.clone()),
        () = stop.cancelled() => None,
    };
    started.shutdown().await;
    match reason {
        None => Ok(()),
        Some(reason) => Err(CliError::with(1, format!("node {id} stopped: {reason}"))),
    }
}

/// Keys of a development cluster, made once and kept.
fn dev_keys(dir: &Path) -> Result<Keys, Failure> {
    let made = std::fs::create_dir_all(dir);
    made.map_err(|error| format!("{}: the folder was not made: {error}", visible(&dir.display().to_string())))?;
    let load = |name: String| {
        let path = dir.join(format!("{name}.json"));
        if !path.exists() {
            keys::save(&path, &key_file::fresh()?)?;
        }
        Ok::<_, Failure>(key_file::load(&path)?)
    };
    let all =
        |what: &str| ORGANISATIONS.iter().map(|name| load(format!("{name}-{what}"))).collect::<Result<Vec<_>, _>>();
    for chip in ["chip-a", "chip-b"] {
        load(chip.into())?;
    }
    Ok(Keys { roots: all("root")?, operators: all("operator")?, nodes: all("node")? })
}

/// Refuses a cluster of which a node's data is gone. A node that lost what it voted for and acknowledged must not come back
/// under its id: with two of them the cluster would forget entries that it promised.
fn nothing_lost(dir: &Path) -> Done {
    let gone = |id: &usize| {
        let place = dir.join(format!("node{id}"));
        std::fs::read_dir(place).map_or(true, |mut entries| entries.next().is_none())
    };
    // The context is written once all nodes have their directories: without it the first start was not finished.
    match (1..=ORGANISATIONS.len()).find(gone).filter(|_| dir.join("context.json").exists()) {
        None => Ok(()),
        Some(id) => Err(CliError::with(
            5,
            format!(
                "the data of node {id} is gone from {}, and a node that lost its data does not come back under its id: put the directory back, or remove {} to begin a new cluster",
                dir.display(),
                dir.display()
            ),
        )),
    }
}

/// Runs three nodes of three organisations in this process until it is interrupted.
pub async fn dev(global: &Global, dir: &Path, port_base: u16, stop: &CancellationToken) -> Done {
    let failed = |e: Failure| CliError::with(5, e);
    nothing_lost(dir)?;
    let keys = dev_keys(&dir.join("keys")).map_err(failed)?;
    let genesis = Cluster::genesis("dev", &keys).map_err(|error| CliError::with(1, error))?;
    let ports: Vec<(u16, u16)> =
        (0..3).map(|i| (port_base.saturating_add(i), port_base.saturating_add(100 + i))).collect();
    let http: BTreeMap<u64, String> =
        (0..3).map(|i| (u64::from(i) + 1, format!("127.0.0.1:{}", port_base.saturating_add(200 + i)))).collect();
    let web = http.values().cloned().collect::<Vec<_>>();
    let mut cluster = Cluster::start(dir, genesis, keys, &ports, http).await.map_err(failed)?;
    // Whoever names this context names its genesis: what is verified under it is this cluster's.
    let pin = cluster.genesis.document();
    let context = json!({"cluster": "dev", "endpoints": cluster.endpoints(), "genesis": pin, "http": web});
    write(&dir.join("context.json"), format!("{context:#}\n").as_bytes())?;
    let leader = cluster.leader().await.map_err(failed)?;
    let chip = key_file::load(&dir.join("keys/chip-a.json"))?.public();
    global.say(&format!(
        "Three nodes run; node {leader} leads. Clients: {}. HTTP: {}. Data and keys in {}.\nStop with Ctrl-C; everything is there again at the next start.\n\nIn another terminal, in this directory:\n  selfsame cluster status\n  curl http://{}/readyz?verbose\n  selfsame run declare --import examples/requests/openai-chat.json --request case/1 --key aurora-operator\n  selfsame governance enrol-chip {chip} --key aurora-root\n  selfsame substrate init 00000000-0000-4000-8000-000000000001 --founding examples/founding-incompatibility.json --key chip-a\n  selfsame substrate open 00000000-0000-4000-8000-000000000001 --key chip-a",
        cluster.endpoints().join(", "),
        web.join(", "),
        dir.display(),
        web[0],
    ));
    stop.cancelled().await;
    cluster.stop().await;
    Ok(())
}
