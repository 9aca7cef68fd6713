//! Public keys on the command line: read from key files or from checked text, and shown before they are signed for.

use super::context::{CliError, Done, Global};
use crate::console;
use selfsame_client::Client;
use selfsame_env::key_file;
use selfsame_protocol::command::{Command, EnrolChip, EnrolNode, OrganisationKey, Proposal, Propose, RotateKey, Vote};
use selfsame_protocol::keys::PublicKey;
use std::fmt::Write as _;
use std::io::{BufRead as _, IsTerminal as _};
use std::path::{Path, PathBuf};

/// A key argument as it was given: `ed25519:…`, or the path of a key file. Only the public half of a file is used.
#[derive(Clone, Debug)]
pub struct KeyArgument(String);

impl std::str::FromStr for KeyArgument {
    type Err = std::convert::Infallible;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.into()))
    }
}

impl KeyArgument {
    /// The public halves, of a key that can sign.
    pub fn read(&self, global: &Global) -> Result<key_file::PublicHalves, CliError> {
        let halves = match self.0.starts_with("ed25519:") {
            true => {
                let public = self.0.parse().map_err(CliError::usage)?;
                key_file::PublicHalves { public, cosigner: None, log_key: None }
            }
            false => match self.file(global) {
                Some(path) => key_file::public(&path)?,
                None => {
                    return Err(CliError::usage(format!(
                        "{:?} is neither a public key (ed25519:…) nor a key file: make a key with `selfsame key new FILE`, \
                         and name the file",
                        self.0
                    )));
                }
            },
        };
        let all = [Some(halves.public), halves.cosigner, halves.log_key];
        all.into_iter().flatten().try_for_each(|key| key.check()).map_err(CliError::usage)?;
        Ok(halves)
    }

    fn file(&self, global: &Global) -> Option<PathBuf> {
        let inside = global.context_dir().map(|dir| dir.join("keys").join(format!("{}.json", self.0)));
        let places = [Some(Path::new(&self.0).to_owned()), inside];
        places.into_iter().flatten().find(|path| path.exists())
    }

    /// The key itself.
    pub fn key(&self, global: &Global) -> Result<PublicKey, CliError> {
        Ok(self.read(global)?.public)
    }
}

/// A node's key and its cosigner key: the latter is in the node's key file, or named.
pub fn node_keys(
    global: &Global,
    node: &KeyArgument,
    cosigner: Option<&KeyArgument>,
) -> Result<(PublicKey, PublicKey), CliError> {
    let halves = node.read(global)?;
    let cosigner = match (cosigner, halves.cosigner) {
        (None, Some(own)) => own,
        (Some(given), own) => {
            let given = given.read(global)?;
            let key = given.cosigner.unwrap_or(given.public);
            if own.is_some_and(|own| own != key) {
                return Err(CliError::usage(format!(
                    "{key} is not the cosigner key that belongs to {}: leave it out, the key file says it",
                    halves.public
                )));
            }
            key
        }
        (None, None) => {
            return Err(CliError::usage(
                "the cosigner key is missing: name the node's key file, or give the cosigner key that `selfsame key show` \
                 prints beside the node's",
            ));
        }
    };
    Ok((halves.public, cosigner))
}

/// A key that a command registers: what it becomes, and of whom.
type Registered = (&'static str, String, PublicKey);

fn of_proposal(proposal: &Proposal) -> Vec<Registered> {
    match proposal {
        Proposal::AddOrganisation { name, root_key, operator_key } => {
            vec![("root key", name.to_string(), *root_key), ("operator key", name.to_string(), *operator_key)]
        }
        Proposal::RotateKey { organisation, key, new, .. } => vec![(role(*key), organisation.to_string(), *new)],
        Proposal::MovePublisher { publisher } => {
            vec![("log key", publisher.organisation.to_string(), publisher.log_key)]
        }
        Proposal::ForceSeal { .. }
        | Proposal::RetireChip { .. }
        | Proposal::RemoveOrganisation { .. }
        | Proposal::ChangeRules { .. }
        | Proposal::Recovery { .. } => Vec::new(),
    }
}

fn role(key: OrganisationKey) -> &'static str {
    match key {
        OrganisationKey::Root => "root key",
        OrganisationKey::Operator => "operator key",
    }
}

/// Every key that a command registers, or votes to register. `own` is the author's organisation in words.
async fn registered(client: &Client, command: &Command, own: &str) -> Result<Vec<Registered>, CliError> {
    Ok(match command {
        Command::RotateKey(RotateKey { key, new }) => vec![(role(*key), own.into(), *new)],
        Command::EnrolNode(EnrolNode { node, key, cosigner }) => {
            let whose = format!("node {node} of {own}");
            vec![("node key", whose.clone(), *key), ("cosigner key", whose, *cosigner)]
        }
        Command::EnrolChip(EnrolChip { chip, .. }) => vec![("chip key", own.into(), *chip)],
        Command::Propose(Propose { proposal, .. }) => of_proposal(proposal),
        Command::Vote(Vote { proposal_id, approve: true, .. }) => {
            of_proposal(&client.ballot(proposal_id).await?.ballot.proposal)
        }
        _ => Vec::new(),
    })
}

/// Shows the keys that a command registers before it is signed, and asks on a terminal. Elsewhere they are shown on standard
/// error, and the command goes on.
pub async fn confirm(global: &Global, command: &Command) -> Done {
    let client = global.client()?;
    let signer = global.signer()?.public();
    let genesis = client.genesis().await?;
    // The organisation is the cluster's to say; a founder that still has its first root key is known from the genesis.
    let founder = genesis.organisations.iter().find(|organisation| organisation.root_key == signer);
    let own = founder.map_or_else(|| format!("the organisation of {signer}"), |founder| founder.name.to_string());
    let keys = registered(&client, command, &own).await?;
    if keys.is_empty() {
        return Ok(());
    }
    let text = shown(&keys);
    if global.yes || !std::io::stdin().is_terminal() || !console::is_heard() {
        global.say(text.trim_end());
        return Ok(());
    }
    // Asked for on a terminal whatever --quiet says: a question that is not seen cannot be answered.
    Global { quiet: false, ..global.clone() }.say(&format!("{text}Sign for these keys? Type yes: "));
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    match read {
        Ok(_) if ["yes", "y"].contains(&answer.trim().to_lowercase().as_str()) => Ok(()),
        Ok(_) | Err(_) => {
            Err(CliError::with(1, "nothing was signed: compare the keys with their owners, then answer yes"))
        }
    }
}

fn shown(keys: &[Registered]) -> String {
    let mut text = String::from("This is signed for, and registers:\n");
    for (role, whose, key) in keys {
        let _ = writeln!(text, "  {role} of {whose}");
        let _ = writeln!(text, "    key          {key}");
        let _ = writeln!(text, "    key id       {}", key.id());
        let _ = writeln!(text, "    fingerprint  {}", key.fingerprint());
    }
    text
}
