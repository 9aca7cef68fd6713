//! `selfsame cluster`, `selfsame key`: the cluster and its members, and key files.

use super::context::{CliError, Done, Global, address, out};
use super::names;
use clap::Subcommand;
use selfsame_env::key_file;
use selfsame_node::keys;
use selfsame_protocol::cosigning;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::note::{TYPE_ED25519, Vkey};
use selfsame_protocol::policy::Policy;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Commands on the cluster.
#[derive(Subcommand, Debug)]
pub enum ClusterCommand {
    /// What every endpoint says of itself.
    Status,
    /// Every node that ever was, tombstones included.
    Members,
    /// Add an enrolled node as learner.
    AddLearner {
        /// Node id, or its public key, a key file, or the name of a key in the context.
        id: String,
        /// Address for peers, host:port.
        #[arg(long, value_parser = address)]
        peer: String,
        /// Address for clients, host:port.
        #[arg(long, value_parser = address)]
        client: String,
    },
    /// Make a learner a voter.
    Promote {
        /// Node id, or an address, key, or organisation of it.
        id: String,
    },
    /// Remove a node from the membership, after its organisation retired it (`governance retire-node`).
    ///
    /// Its id is a tombstone: it is never used again.
    Remove {
        /// Node id, or an address, key, or organisation of it.
        id: String,
    },
    /// Hand leadership to a voter.
    TransferLeader {
        /// Node id, or an address, key, or organisation of it.
        id: String,
    },
    /// Write a snapshot on the node that answers.
    Snapshot,
    /// Print the consensus identity.
    Genesis,
    /// Print the trust policy of this cluster: who must have cosigned (c2sp.org/tlog-policy).
    ///
    /// It names the logs, the organisations as groups of the cosigners
    /// of their nodes, and how many organisations must have cosigned. Compare it with what the organisations publish before
    /// you rely on it: this one comes from the cluster itself.
    Policy {
        /// Name this ledger alone. Other tools allow a log key once, and both ledgers may have the same.
        #[arg(long)]
        ledger: Option<Ledger>,
        /// Organisations that must have cosigned, instead of the cluster's own number.
        #[arg(long)]
        threshold: Option<usize>,
    },
}

/// Says what a node is now.
fn changed(global: &Global, id: u64, now: &str) {
    global.done("Membership", json!({"node": id, "now": now}), &format!("node {id}: {now}"));
}

/// Runs a cluster command.
pub async fn main(global: &Global, command: ClusterCommand) -> Done {
    let client = global.client()?;
    match command {
        ClusterCommand::Status => {
            let mut reached = 0;
            let mut nodes = Vec::new();
            let endpoints = global.endpoints()?;
            for (endpoint, status) in endpoints.iter().zip(client.statuses().await) {
                nodes.push(match status {
                    Ok(s) => {
                        reached += 1;
                        json!({"endpoint": endpoint, "node": s.node_id, "role": s.role, "term": s.term, "leader": s.leader_id, "applied": s.applied_index, "last_log": s.last_log_index,
                            "evidence_size": s.evidence_size, "reasoning_size": s.reasoning_size, "voters": s.voters, "learners": s.learners,
                            "published": {"evidence_size": s.published_evidence_size, "reasoning_size": s.published_reasoning_size, "at": s.published_at, "problem": s.publication_problem},
                            "quarantined": s.quarantined, "state_digest": s.state_digest, "version": s.version})
                    }
                    Err(error) => json!({"endpoint": endpoint, "error": error.to_string()}),
                });
            }
            global.print("ClusterStatus", json!({"nodes": nodes}));
            if reached == 0 {
                return Err(CliError::with(3, "no endpoint answered"));
            }
        }
        ClusterCommand::Members => {
            let nodes: Vec<_> = client
                .nodes()
                .await?
                .iter()
                .map(|n| json!({"node": n.id, "organisation": n.organisation, "membership": n.membership, "peer": n.peer_address, "retired": n.retired, "quarantined": n.quarantined}))
                .collect();
            global.print("Members", json!({"nodes": nodes}));
        }
        ClusterCommand::AddLearner { id, peer, client: address } => {
            let id = names::node(global, &client, &id).await?;
            client.add_learner(id, &peer, &address).await?;
            changed(global, id, "learner");
        }
        ClusterCommand::Promote { id } => {
            let id = names::node(global, &client, &id).await?;
            client.promote(id).await?;
            changed(global, id, "voter");
        }
        ClusterCommand::Remove { id } => {
            let id = names::node(global, &client, &id).await?;
            client.remove(id).await?;
            changed(global, id, "removed");
        }
        ClusterCommand::TransferLeader { id } => {
            let id = names::node(global, &client, &id).await?;
            client.transfer_leader(id).await?;
            changed(global, id, "leader");
        }
        ClusterCommand::Snapshot => {
            client.snapshot().await?;
            global.done("Snapshot", json!({"asked": true}), "a node was asked to write a snapshot");
        }
        ClusterCommand::Genesis => {
            let genesis = client.genesis().await?;
            let mut document = json!(genesis);
            document["digest"] = json!(genesis.digest());
            global.print("Genesis", document);
        }
        ClusterCommand::Policy { ledger, threshold } => {
            let genesis = client.genesis().await?;
            let mut organisations: BTreeMap<String, Vec<Vkey>> = BTreeMap::new();
            for node in client.nodes().await?.into_iter().filter(|node| !node.retired && !node.quarantined) {
                let vkey = cosigning::vkey(&genesis.cosigner_name(node.id), node.cosigner);
                organisations.entry(node.organisation).or_default().push(vkey);
            }
            let log_key = genesis.publication.publisher.as_ref().map(|publisher| publisher.log_key);
            if log_key.is_none() {
                global.say("the cluster has no log key: say --origin when you verify with this policy");
            }
            let logs =
                Ledger::BOTH.into_iter().filter(|one| ledger.is_none_or(|only| only == *one)).filter_map(|one| {
                    Some(Vkey { name: format!("{}/{one}", genesis.origin), kind: TYPE_ED25519, key: log_key? })
                });
            let organisations: Vec<_> = organisations.into_iter().collect();
            let threshold = threshold.unwrap_or_else(|| genesis.publication.threshold(genesis.organisations.len()));
            let policy =
                Policy::of_organisations(logs.collect(), &organisations, threshold).map_err(CliError::usage)?;
            out(&policy.to_text());
        }
    }
    Ok(())
}

/// Commands on key files. Offline.
#[derive(Subcommand, Debug)]
pub enum KeyCommand {
    /// Make a key and write it to a new file, readable by you alone.
    New {
        /// File that does not exist yet.
        file: PathBuf,
    },
    /// Show the public half of a key.
    Show {
        /// Key file, or the name of a key in the context.
        file: PathBuf,
    },
}

/// Runs a key command.
pub fn key(global: &Global, command: &KeyCommand) -> Done {
    let key = match command {
        KeyCommand::New { file } => {
            let key = key_file::fresh().map_err(|e| CliError::with(1, e))?;
            keys::save(file, &key)?;
            key
        }
        KeyCommand::Show { file } => {
            let named = file.to_str().filter(|_| !file.exists()).and_then(|name| global.context_key(name));
            key_file::load(named.as_ref().unwrap_or(file))?
        }
    };
    // What a node's key implies; for other keys they mean nothing.
    let (cosigner, log) = (key.cosigner().public(), key.log_key().public());
    global.print("Key", json!({"public": key.public(), "id": key.public().id(), "fingerprint": key.public().fingerprint(), "cosigner": cosigner, "log_key": log}));
    Ok(())
}
