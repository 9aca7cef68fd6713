//! `selfsame node vkey`: the verifier keys of nodes and logs, for whoever checks what they sign.

use super::context::{CliError, Done, Global};
use super::names;
use clap::{Args, ValueEnum};
use selfsame_node::config;
use selfsame_protocol::constitution::Publisher;
use selfsame_protocol::cosigning;
use selfsame_protocol::genesis::{GenesisDocument, GenesisNode};
use selfsame_protocol::keys::PublicKey;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::note::{TYPE_ED25519, Vkey};
use serde_json::json;
use std::path::PathBuf;

/// What a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Use {
    /// Statements in bundles, and checkpoints of one node.
    Statement,
    /// Checkpoints, as one of several organisations.
    Cosigner,
    /// Checkpoints, as the log itself.
    Log,
}

impl Use {
    const fn as_str(self) -> &'static str {
        match self {
            Use::Statement => "statement",
            Use::Cosigner => "cosigner",
            Use::Log => "log",
        }
    }
}

/// Print the verifier keys (name+id+key) of nodes and of the log: from the running cluster, or offline from its cluster.toml.
///
/// `selfsame verify --trust`, `selfsame audit --trust` and verifiers of others take them. Compare them with what the
/// organisations publish before you rely on them: the cluster that is to be checked names them itself.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  selfsame node vkey                                     # every key of every node in service\n  selfsame node vkey 1 --use statement -q                # the one that signs statements of node 1, alone\n  selfsame node vkey node1.key.json --cluster cluster.toml   # offline, from a key file"
)]
pub struct Keys {
    /// Node id, address, key file, name of a key in the context, or organisation. Without it, every node in service.
    node: Option<String>,
    /// Only the keys for this. Repeatable.
    #[arg(long = "use", value_enum)]
    uses: Vec<Use>,
    /// The cluster.toml: nothing is asked of the cluster, and nodes that joined later are not known.
    #[arg(long, value_name = "FILE")]
    cluster: Option<PathBuf>,
}

/// A node as far as its keys go.
struct Member {
    id: u64,
    organisation: String,
    key: PublicKey,
    cosigner: PublicKey,
    retired: bool,
}

/// Who is registered: nodes, and who publishes.
struct Registered {
    genesis: GenesisDocument,
    nodes: Vec<Member>,
    publisher: Option<Publisher>,
}

/// From the file alone.
fn founders(genesis: GenesisDocument) -> Registered {
    let member = |node: &GenesisNode| Member {
        id: node.id,
        organisation: node.organisation.to_string(),
        key: node.key,
        cosigner: node.cosigner,
        retired: false,
    };
    Registered {
        nodes: genesis.nodes.iter().map(member).collect(),
        publisher: genesis.publication.publisher.clone(),
        genesis,
    }
}

/// The nodes that text names among the founders: nothing is asked.
fn among(global: &Global, registered: &Registered, text: &str) -> Result<Vec<u64>, CliError> {
    if let Ok(id) = text.parse::<u64>() {
        return Ok(vec![id]);
    }
    let named = names::keys_named(global, text)?;
    let fits = |node: &&Member| {
        node.organisation == text || named.iter().any(|named| [node.key, node.cosigner].contains(&named.thing))
    };
    Ok(registered.nodes.iter().filter(fits).map(|node| node.id).collect())
}

/// Runs the command.
pub async fn main(global: &Global, command: Keys) -> Done {
    let (registered, wanted) = match &command.cluster {
        Some(file) => {
            let registered = founders(config::load_genesis(file)?.document());
            let wanted = command.node.as_deref().map(|text| among(global, &registered, text)).transpose()?;
            (registered, wanted)
        }
        None => {
            let client = global.client()?;
            let genesis = client.genesis().await?;
            let mut nodes = Vec::new();
            for node in client.nodes().await? {
                let (key, cosigner) = (node.key, node.cosigner);
                let (id, retired) = (node.id, node.retired);
                nodes.push(Member { id, organisation: node.organisation, key, cosigner, retired });
            }
            let publisher = client.constitution().await?.publisher;
            let wanted = match command.node.as_deref() {
                Some(text) => Some(names::nodes(global, &client, text).await?),
                None => None,
            };
            (Registered { genesis, nodes, publisher }, wanted)
        }
    };
    let keys = keys(&registered, wanted.as_deref(), &command.uses);
    if keys.is_empty() {
        let named = command.node.as_deref().unwrap_or("this cluster");
        return Err(CliError::with(
            4,
            format!("{named}: no such key is registered; `selfsame cluster members` shows the nodes"),
        ));
    }
    global.print("VerifierKeys", json!({"keys": keys}));
    Ok(())
}

/// The keys of the wanted nodes, and of the logs of those that publish.
fn keys(registered: &Registered, wanted: Option<&[u64]>, uses: &[Use]) -> Vec<serde_json::Value> {
    let Registered { genesis, nodes, publisher } = registered;
    let is_wanted = |one: Use| uses.is_empty() || uses.contains(&one);
    let line = |one: Use, node: Option<u64>, organisation: &str, vkey: Vkey| json!({"use": one.as_str(), "node": node, "organisation": organisation, "name": vkey.name, "vkey": vkey.to_text()});
    let mut keys = Vec::new();
    let shown: Vec<&Member> =
        nodes.iter().filter(|node| wanted.map_or(!node.retired, |wanted| wanted.contains(&node.id))).collect();
    for node in &shown {
        if is_wanted(Use::Statement) {
            let vkey = Vkey { name: genesis.node_key_name(node.id), kind: TYPE_ED25519, key: node.key };
            keys.push(line(Use::Statement, Some(node.id), &node.organisation, vkey));
        }
        if is_wanted(Use::Cosigner) {
            let vkey = cosigning::vkey(&genesis.cosigner_name(node.id), node.cosigner);
            keys.push(line(Use::Cosigner, Some(node.id), &node.organisation, vkey));
        }
    }
    if let Some(publisher) = publisher
        && is_wanted(Use::Log)
        && (wanted.is_none() || shown.iter().any(|node| publisher.organisation == node.organisation))
    {
        for ledger in Ledger::BOTH {
            let vkey = Vkey { name: genesis.ledger_origin(ledger), kind: TYPE_ED25519, key: publisher.log_key };
            keys.push(line(Use::Log, None, &publisher.organisation, vkey));
        }
    }
    keys
}
