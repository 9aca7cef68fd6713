//! `selfsame governance`: what an organisation decides alone, and what organisations decide together.

use super::context::{CliError, Done, Global, read};
use super::names;
use super::register::{KeyArgument, confirm, node_keys};
use super::trust::{Named, NamedGenesis};
use crate::console::visible;
use clap::{Args, Subcommand, ValueEnum};
use selfsame_client::{Ballot, Client, ListedBallot};
use selfsame_offline::{Failure, altered, undecided};
use selfsame_protocol::command::{
    Command, Conclude, EnrolChip, EnrolNode, OrganisationKey, Proposal, Propose, RetireChip, RetireNode, Role,
    RotateKey, Vote,
};
use selfsame_protocol::constitution::{Class, ClusterConstitution, Publisher, Share, ballot_digest};
use selfsame_protocol::entry::Entry;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::names::{OrganisationName, SubstrateId};
use selfsame_protocol::note::{Checkpoint, Note};
use selfsame_protocol::number::NodeId;
use selfsame_protocol::p104::Technology;
use selfsame_protocol::record::EvidenceAnchor;
use selfsame_protocol::replay::BadCheck;
use selfsame_protocol::replay::governance::Governance as Audit;
use selfsame_protocol::time::U64;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Which key of an organisation.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Which {
    /// Root key.
    Root,
    /// Operator key.
    Operator,
}

impl From<Which> for OrganisationKey {
    fn from(which: Which) -> Self {
        match which {
            Which::Root => OrganisationKey::Root,
            Which::Operator => OrganisationKey::Operator,
        }
    }
}

/// Commands of an organisation, signed by its root key.
#[derive(Subcommand, Debug)]
pub enum Governance {
    /// Replace one of your organisation's keys.
    RotateKey {
        /// Which key.
        #[arg(value_enum)]
        which: Which,
        /// The new key: its key file, or its public half as text.
        new: KeyArgument,
    },
    /// Register a node of your organisation; then start it and add it as learner.
    EnrolNode {
        /// Node id that was never used.
        id: u64,
        /// Its key: its key file, or its public half as text.
        node_key: KeyArgument,
        /// Its cosigner key, as `key show` prints it beside the node key. A key file of the node says it already.
        cosigner_key: Option<KeyArgument>,
    },
    /// Remove a node of your organisation for ever.
    RetireNode {
        /// Node id, or an address, key, or organisation of it.
        id: String,
    },
    /// Register a chip of your organisation.
    EnrolChip {
        /// Its key: its key file, or its public half as text.
        chip: KeyArgument,
    },
    /// Retire a chip of your organisation for good.
    RetireChip {
        /// Chip id, or its public key, a key file, or the name of a key in the context.
        chip: String,
    },
    /// Open a ballot on something that organisations decide together. Your organisation approves it by that.
    #[command(after_help = "\
A ballot is carried by more than the share that the rules ask for (by default two thirds of the members), at the vote that
reaches it, and takes effect in the same entry of the ledger. It is counted by the rules in force when it was opened; every
change of the constitution voids the ballots that are open. The others vote with `governance vote ID`, and see what they
vote on with `governance show ID`.

A proposal that takes a key or the membership from one organisation (rotate-key, remove-organisation) ends when that one
votes against it. When it is silent, the others suffice once its time to object is over: `governance conclude ID`.

  selfsame governance propose join-delta add-organisation delta ed25519:… ed25519:… --key aurora-root.json
  selfsame governance vote join-delta --key borealis-root.json")]
    Propose {
        /// Name of the ballot, unique in the cluster for ever.
        id: String,
        /// What is proposed.
        #[command(subcommand)]
        what: What,
    },
    /// Vote on a ballot, once. The proposal is shown, and the signature is over it: it counts for nothing else.
    Vote {
        /// Name of the ballot, or a beginning that no other open one has.
        id: String,
        /// Vote against it.
        #[arg(long)]
        reject: bool,
    },
    /// Close a ballot that only time kept open.
    ///
    /// That is one whose time to object is over, or that expired. It is no vote.
    Conclude {
        /// Name of the ballot, or a beginning that no other open one has.
        id: String,
    },
    /// List the ballots that are open.
    Ballots {
        /// Those that ended, too.
        #[arg(long)]
        all: bool,
    },
    /// Show a ballot: its proposal, who voted how, what it needs, how it ended.
    Show {
        /// Name of the ballot, or a beginning that no other has.
        id: String,
    },
    /// Show the constitution in force: members, rules and their numbers, publisher, recoveries, hash.
    Constitution,
    /// Verify the whole history of governance from the ledger: every key, ballot, rule and signature, from the founders on.
    ///
    /// Exit status 10 names the first entry that does not follow from what came before.
    Audit {
        /// The genesis that you trust: its digest (sha256:…), the cluster.toml, or what `cluster genesis -o json` prints. Without
        /// it the founders are those that the cluster names, which shows that the history is consistent, not whose it is. A
        /// cluster of another genesis cannot be decided (13).
        #[arg(long, value_name = "FILE|DIGEST")]
        genesis: Option<String>,
    },
}

/// What can be proposed.
#[derive(Subcommand, Debug)]
pub enum What {
    /// Make an organisation a member. Afterwards it enrols its nodes itself.
    AddOrganisation {
        /// A name that no organisation ever had here.
        name: OrganisationName,
        /// Its root key: a key file, or the public half as text.
        root_key: KeyArgument,
        /// Its operator key: a key file, or the public half as text.
        operator_key: KeyArgument,
    },
    /// End a membership: its keys end, its nodes and chips are retired; what it signed stays verifiable.
    RemoveOrganisation {
        /// Which.
        name: String,
        /// Why, in words.
        #[arg(long)]
        reason: String,
    },
    /// Replace a key of an organisation that lost it.
    RotateKey {
        /// Whose.
        organisation: String,
        /// Which key.
        #[arg(value_enum)]
        which: Which,
        /// The new key: its key file, or its public half as text.
        new: KeyArgument,
        /// Why, in words.
        #[arg(long)]
        reason: String,
    },
    /// Change the rules. What is not named stays as it is now.
    ChangeRules(RuleFlags),
    /// Designate who publishes checkpoints for third-party tools.
    MovePublisher {
        /// The organisation.
        organisation: String,
        /// Its log key: as text, as `key show` of a node's key prints it, or a key file of its own.
        log_key: KeyArgument,
    },
    /// Retire a chip of any organisation for good.
    RetireChip {
        /// Chip id, or its public key, a key file, or the name of a key in the context.
        chip: String,
        /// Why, in words.
        #[arg(long)]
        reason: String,
    },
    /// Seal a substrate whose chip is lost; then the destination runs `migrate arrive`.
    ForceSeal {
        /// Substrate, a UUID.
        substrate: SubstrateId,
        /// Name of the migration.
        #[arg(long)]
        migration: String,
        /// Destination chip: its id, its public key, a key file, or the name of a key in the context.
        #[arg(long)]
        destination: String,
        /// Why, in words.
        #[arg(long)]
        reason: String,
    },
    /// Record a recovery after a loss: no right to write of before fits any more, and every substrate verifies anew.
    Recovery {
        /// File with the largest Evidence checkpoint that anybody is known to have cosigned.
        #[arg(long)]
        evidence: PathBuf,
        /// The same for Reasoning.
        #[arg(long)]
        reasoning: PathBuf,
        /// Why, in words.
        #[arg(long)]
        reason: String,
    },
}

/// Rules to change.
#[derive(Args, Debug)]
pub struct RuleFlags {
    /// Share that an ordinary proposal must exceed (retire-chip, force-seal), for example 2/3.
    #[arg(long)]
    ordinary: Option<Share>,
    /// Share that a constitutional proposal must exceed (all others).
    #[arg(long)]
    constitutional: Option<Share>,
    /// Share of the organisations that must cosign what is published.
    #[arg(long)]
    cosigning: Option<Share>,
    /// Organisation whose vote against ends a constitutional ballot; repeat for more. Replaces the list.
    #[arg(long = "veto", conflicts_with = "no_veto")]
    vetoes: Vec<OrganisationName>,
    /// Nobody has a veto.
    #[arg(long)]
    no_veto: bool,
    /// Entries of the Reasoning ledger after which a ballot expires; 0 is never.
    #[arg(long)]
    ballot_entries: Option<u64>,
    /// Hours of the ledger's time after which a ballot expires; 0 is never.
    #[arg(long)]
    ballot_hours: Option<u32>,
    /// Hours of the ledger's time in which an organisation can object to losing a key or its membership.
    #[arg(long)]
    objection_hours: Option<u32>,
}

const HOUR: u64 = 3_600_000;

impl What {
    async fn proposal(self, global: &Global, client: &Client) -> Result<Proposal, CliError> {
        Ok(match self {
            What::AddOrganisation { name, root_key, operator_key } => {
                let (root_key, operator_key) = (root_key.key(global)?, operator_key.key(global)?);
                Proposal::AddOrganisation { name, root_key, operator_key }
            }
            What::RemoveOrganisation { name, reason } => {
                Proposal::RemoveOrganisation { name: names::organisation(global, client, &name).await?, reason }
            }
            What::RotateKey { organisation, which, new, reason } => {
                // The key first: one that is none is refused before anything is asked of the cluster.
                let new = new.key(global)?;
                let organisation = names::organisation(global, client, &organisation).await?;
                Proposal::RotateKey { organisation, key: which.into(), new, reason }
            }
            What::ChangeRules(flags) => {
                let mut rules = client.constitution().await?.rules;
                let hours = |hours: u32| U64(u64::from(hours) * HOUR);
                rules.ordinary = flags.ordinary.unwrap_or(rules.ordinary);
                rules.constitutional = flags.constitutional.unwrap_or(rules.constitutional);
                rules.cosigning = flags.cosigning.unwrap_or(rules.cosigning);
                rules.ballot_entries = flags.ballot_entries.map_or(rules.ballot_entries, U64);
                rules.ballot_ms = flags.ballot_hours.map_or(rules.ballot_ms, hours);
                rules.objection_ms = flags.objection_hours.map_or(rules.objection_ms, hours);
                if flags.no_veto || !flags.vetoes.is_empty() {
                    rules.vetoes = flags.vetoes;
                    rules.vetoes.sort();
                }
                Proposal::ChangeRules { rules }
            }
            What::MovePublisher { organisation, log_key } => {
                let log_key = log_key.key(global)?;
                let organisation = names::organisation(global, client, &organisation).await?;
                Proposal::MovePublisher { publisher: Publisher { organisation, log_key } }
            }
            What::RetireChip { chip, reason } => {
                Proposal::RetireChip { chip: names::chip(global, client, &chip).await?, reason }
            }
            What::ForceSeal { substrate, migration, destination, reason } => {
                let destination = names::chip(global, client, &destination).await?;
                Proposal::ForceSeal { substrate_id: substrate, migration_id: migration, destination, reason }
            }
            What::Recovery { evidence, reasoning, reason } => {
                let origin = client.genesis().await?.origin;
                let tree = |ledger: Ledger, file: &Path| tree(&format!("{origin}/{ledger}"), file);
                let (evidence, reasoning) = (tree(Ledger::Evidence, &evidence)?, tree(Ledger::Reasoning, &reasoning)?);
                Proposal::Recovery { reason, evidence, reasoning }
            }
        })
    }
}

/// Size and root of a checkpoint in a file. Its signatures are for the people who propose and vote: a tree that is no part
/// of the ledger is refused by the cluster.
fn tree(origin: &str, file: &Path) -> Result<EvidenceAnchor, CliError> {
    let bad = |error: selfsame_protocol::note::NoteError| CliError::usage(format!("{}: {error}", file.display()));
    let checkpoint = Checkpoint::parse(&Note::parse(&read(file)?).map_err(bad)?.text).map_err(bad)?;
    if checkpoint.origin != origin {
        let found = format!("{}: a checkpoint of {origin} is needed, found {}", file.display(), checkpoint.origin);
        return Err(CliError::usage(found));
    }
    Ok(EvidenceAnchor { size: U64(checkpoint.size), root: checkpoint.root })
}

/// Runs a governance command.
pub async fn main(global: &Global, command: Governance) -> Done {
    let command = match command {
        Governance::RotateKey { which, new } => {
            Command::RotateKey(RotateKey { key: which.into(), new: new.key(global)? })
        }
        Governance::EnrolNode { id, node_key, cosigner_key } => {
            let (key, cosigner) = node_keys(global, &node_key, cosigner_key.as_ref())?;
            Command::EnrolNode(EnrolNode { node: NodeId(id), key, cosigner })
        }
        Governance::RetireNode { id } => {
            Command::RetireNode(RetireNode { node: NodeId(names::node(global, &global.client()?, &id).await?) })
        }
        Governance::EnrolChip { chip } => {
            Command::EnrolChip(EnrolChip { chip: chip.key(global)?, technology: Technology::Software })
        }
        Governance::RetireChip { chip } => {
            Command::RetireChip(RetireChip { chip: names::chip(global, &global.client()?, &chip).await? })
        }
        Governance::Propose { id, what } => {
            Command::Propose(Propose { proposal_id: id, proposal: what.proposal(global, &global.client()?).await? })
        }
        Governance::Vote { id, reject } => {
            let client = global.client()?;
            let id = names::proposal(global, &client, &id, true).await?;
            let Ballot { proposal, constitution, .. } = client.ballot(&id).await?.ballot;
            // The signature is over what stands here, so that it counts for nothing else.
            let (side, shown) = (if reject { "against" } else { "for" }, json!(proposal));
            global.say(&visible(&format!("{id}: a vote {side} {shown}")));
            Command::Vote(Vote {
                ballot: ballot_digest(&constitution, &id, &proposal),
                proposal_id: id,
                approve: !reject,
            })
        }
        Governance::Conclude { id } => {
            Command::Conclude(Conclude { proposal_id: names::proposal(global, &global.client()?, &id, true).await? })
        }
        Governance::Ballots { all } => {
            let ballots = global.client()?.ballots(!all).await?;
            let rows: Vec<Value> = ballots.iter().map(row).collect();
            global.print("Ballots", json!({"ballots": rows}));
            return Ok(());
        }
        Governance::Show { id } => {
            let client = global.client()?;
            let id = names::proposal(global, &client, &id, false).await?;
            let found = client.ballot(&id).await?;
            global
                .print("Ballot", json!({"proposal_id": id, "takes_votes": found.takes_votes, "ballot": found.ballot}));
            return Ok(());
        }
        Governance::Constitution => {
            let constitution = global.client()?.constitution().await?;
            global.print("Constitution", shown(&constitution));
            return Ok(());
        }
        Governance::Audit { genesis } => return audit(global, genesis.as_deref()).await,
    };
    confirm(global, &command).await?;
    global.submit(Role::Root, command).await.map(|_| ())
}

/// A ballot in one line of a list.
fn row(found: &ListedBallot) -> Value {
    let ballot = &found.ballot;
    json!({
        "proposal_id": found.proposal_id, "action": ballot.proposal.action(), "proposer": ballot.proposer,
        "status": ballot.status, "takes_votes": found.takes_votes, "needed": ballot.needed,
        "approvals": ballot.voted(true), "rejections": ballot.voted(false), "expires": ballot.expires_time,
    })
}

fn shown(constitution: &ClusterConstitution) -> Value {
    let numbers = json!({
        "ordinary": constitution.needed(Class::Ordinary), "constitutional": constitution.needed(Class::Constitutional),
        "cosigning": constitution.cosignatures(), "members": constitution.organisations.len(),
    });
    json!({"constitutional_state_hash": constitution.hash(), "constitution": constitution, "needed": numbers})
}

/// Reads the whole Reasoning ledger and recomputes what it says about governance.
async fn audit(global: &Global, genesis: Option<&str>) -> Done {
    let genesis = genesis.map(Named::genesis).transpose()?;
    let client = global.client()?;
    let own = client.genesis().await?;
    // What does not hold is the answer of this command, and printed as such.
    let failed = |failure: Failure| {
        global.failed("GovernanceAudit", "the history of governance", &failure, json!({}));
        CliError::from(failure)
    };
    if let Some(named) = genesis.as_ref().map(NamedGenesis::digest)
        && named != own.digest()
    {
        let expected = format!("a cluster with genesis {named}");
        return Err(failed(undecided("GENESIS", expected, own.digest())));
    }
    // Of a digest, the document that has it.
    let founders = match &genesis {
        Some(NamedGenesis::Document(document)) => &**document,
        Some(NamedGenesis::Digest(_)) | None => &own,
    };
    let broken = |bad: BadCheck| failed(altered(bad.check, Some((bad.ledger, bad.index)), bad.expected, bad.found));
    let mut audit = Audit::new(founders);
    let mut stream = client.tail(Ledger::Reasoning, 0, false).await?;
    while let Some(item) = stream.next().await.map_err(super::ledger::ended)? {
        let submission = match Entry::from_leaf(&item.leaf) {
            Ok(entry) if Audit::concerns(&item.leaf) => Some(client.submission(&entry.submission).await?.to_bytes()),
            Ok(_) | Err(_) => None,
        };
        audit.leaf(&item.leaf, submission.as_deref()).map_err(broken)?;
    }
    let governed = audit.finish().map_err(broken)?;
    // A cluster that serves another history than it acts by.
    let (told, found) = (client.constitution().await?.hash(), governed.constitution.hash());
    let moved = governed.constitution.revision < client.constitution().await?.revision;
    if told != found && !moved {
        let expected = format!("the constitution that the ledger says, {found}");
        return Err(failed(altered("HASH_MISMATCH", None, expected, format!("{told}, by which the cluster acts"))));
    }
    let decisions: Vec<Value> = governed
        .decisions
        .iter()
        .map(|ended| json!({"proposal_id": ended.proposal_id, "result": ended.result, "entry": ended.index}))
        .collect();
    let members = governed.organisations.iter().map(|(name, member)| {
        json!({"name": name, "root_key": member.root_key, "operator_key": member.operator_key, "removed": member.removed})
    });
    let founders = if genesis.is_some() { "the genesis that you gave" } else { "the cluster's own genesis" };
    let lines = [
        "holds: the constitution follows from the ledger, and every decision from its ballots".to_owned(),
        format!(
            "  checked      {} entries and {} signed submissions, from {founders} on",
            governed.checked.0, governed.checked.1
        ),
    ];
    global.verdict(
        "GovernanceAudit",
        &lines,
        json!({
            "verdict": "holds", "exit_status": 0,
            "entries": governed.checked.0, "submissions": governed.checked.1, "keys": governed.keys.len(),
            "constitutional_state_hash": found, "revision": governed.constitution.revision, "decisions": decisions,
            "open": governed.open, "organisations": members.collect::<Vec<_>>(), "founders_from_reader": genesis.is_some(),
        }),
    );
    Ok(())
}
