//! `selfsame migrate`: the one active chip.

use super::context::{CliError, Done, Global};
use super::names;
use super::trust::Named;
use clap::Subcommand;
use selfsame_client::{Activation, Client, Sealing};
use selfsame_protocol::bundle;
use selfsame_protocol::code::{Code, Refusal};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::Entry;
use selfsame_protocol::names::SubstrateId;
use selfsame_protocol::record::Record;
use selfsame_protocol::replay::History;
use selfsame_protocol::subject::Subject;
use serde_json::json;

/// Commands on migrations. A substrate whose chip is lost is sealed by ballot: `governance propose … force-seal`.
#[derive(Subcommand, Debug)]
pub enum Migrate {
    /// Seal a substrate for a migration, signed by the active chip. Prints the nonce.
    Seal {
        /// UUID.
        id: SubstrateId,
        /// Name of the migration, unique in the substrate.
        #[arg(long)]
        migration: String,
        /// Destination chip: its id, its public key, a key file, or the name of a key in the context.
        #[arg(long)]
        destination: String,
        #[command(flatten)]
        named: Named,
    },
    /// Verify the bundle and become active, signed by the destination chip. Repeated after it succeeded, it gives the first
    /// answer again.
    Arrive {
        /// UUID.
        id: SubstrateId,
        /// Name of the migration.
        #[arg(long)]
        migration: String,
        #[command(flatten)]
        named: Named,
    },
    /// Abandon a migration before arrival, signed by the origin chip. Repeated, it gives the first answer again.
    Abort {
        /// UUID.
        id: SubstrateId,
        /// Name of the migration.
        #[arg(long)]
        migration: String,
        #[command(flatten)]
        named: Named,
    },
    /// Show the holder and the migration under way.
    Status {
        /// UUID.
        id: SubstrateId,
    },
}

fn never_closed() -> CliError {
    CliError::with(5, "no session of this substrate was closed yet: open and close one first")
}

/// Runs a command.
pub async fn main(global: &Global, command: Migrate) -> Done {
    match command {
        Migrate::Seal { id, migration, destination, named } => {
            let client = global.client()?;
            let destination = names::chip(global, &client, &destination).await?;
            let state = client.substrate(&id).await?;
            if state.last_close.is_none() {
                return Err(never_closed());
            }
            let history = whole_chain(global, &client, &id, &named).await?.history;
            // What is sealed is what was verified: whatever was written meanwhile makes the cluster refuse.
            let mut session = global.session(&client, &state).await?;
            let sealing = Sealing {
                migration_id: migration,
                destination,
                evidence_depth: history.depths.evidence,
                reasoning_depth: history.depths.reasoning,
            };
            let envelope = session.sign_seal(sealing).ok_or_else(never_closed)?;
            global.send(&client, &envelope).await?;
        }
        Migrate::Arrive { id, migration, named } => {
            let client = global.client()?;
            let chip = global.signer()?;
            let Whole { report, history, text } = whole_chain(global, &client, &id, &named).await?;
            global.say(&format!(
                "verified {} entries and {} cycles of the bundle",
                report.entries, history.lineage_depth
            ));
            let own = chip.public().id();
            let arrived = |record: &Record| match record {
                Record::MigrationIdentityAttestation { migration_id, destination, .. }
                    if *migration_id == migration =>
                {
                    Some(*destination)
                }
                _ => None,
            };
            if let Some((by, submission)) = done(&text, arrived)? {
                return again(global, &client, &format!("{own} arrived"), (by == own, by), &submission).await;
            }
            let activation = activation(&client, &id, &migration).await?;
            if history.recomputed != Some(activation.continuity_hash) || history.head != activation.head {
                return Err(CliError::with(
                    10,
                    "HASH_MISMATCH: the bundle is not the substrate that was sealed; nothing was sent",
                ));
            }
            let envelope = global.newcomer(&client, &id).await?.sign_arrive(&activation);
            global.send(&client, &envelope).await?;
        }
        Migrate::Abort { id, migration, named } => {
            let client = global.client()?;
            let chip = global.signer()?;
            let own = chip.public().id();
            if client.substrate(&id).await?.migration.is_none_or(|under_way| under_way.migration_id != migration) {
                let aborted = |record: &Record| match record {
                    Record::MigrationAbort { migration_id, chip, .. } if *migration_id == migration => Some(*chip),
                    _ => None,
                };
                let text = whole_chain(global, &client, &id, &named).await?.text;
                if let Some((by, submission)) = done(&text, aborted)? {
                    return again(global, &client, &format!("{own} aborted it"), (by == own, by), &submission).await;
                }
            }
            let activation = activation(&client, &id, &migration).await?;
            let envelope = global.newcomer(&client, &id).await?.sign_abort(&activation);
            global.send(&client, &envelope).await?;
        }
        Migrate::Status { id } => {
            let found = global.client()?.substrate(&id).await?;
            let holder = super::substrate::holder(&found);
            let state = found.state;
            let document = json!({"substrate_id": id, "state": state, "holder": holder, "migration": found.migration});
            global.print("Migration", document);
        }
    }
    Ok(())
}

/// A substrate's whole history, verified.
struct Whole {
    report: bundle::Report,
    history: History,
    text: String,
}

async fn whole_chain(global: &Global, client: &Client, id: &SubstrateId, named: &Named) -> Result<Whole, CliError> {
    let options = named.options(global, true)?;
    let text = super::verify::text(client.bundle(id).await?)?;
    let (report, history) = bundle::verify(&text, options.reader(), |_| {}).map_err(super::verify::failed)?;
    let subject = Subject::Substrate(id.clone());
    let Some(history) = history.filter(|_| report.subject == subject) else {
        return Err(CliError::with(
            10,
            format!("the node sent the history of {} instead of {subject}", report.subject),
        ));
    };
    Ok(Whole { report, history, text })
}

/// The entry of a verified bundle that a step left, when the step was done: who did it, and the submission that caused it.
fn done(text: &str, step: impl Fn(&Record) -> Option<Digest>) -> Result<Option<(Digest, Digest)>, CliError> {
    for line in text.lines().skip(1) {
        let line: serde_json::Value = serde_json::from_str(line).map_err(|error| CliError::with(10, error))?;
        let Some(entry) = line["leaf"].as_str().and_then(|leaf| Entry::from_leaf(leaf.as_bytes()).ok()) else {
            continue;
        };
        if let Some(by) = step(&entry.record) {
            return Ok(Some((by, entry.submission)));
        }
    }
    Ok(None)
}

/// A step that was done already: the cluster gives its first answer again to the same bytes. Refused when another chip did
/// it. `what` is how this chip would have done it.
async fn again(global: &Global, client: &Client, what: &str, (own, by): (bool, Digest), submission: &Digest) -> Done {
    if !own {
        let sentence = format!("the migration is over, and not because {what}: see `migrate status`");
        return Err(Refusal::new(Code::MigrationState, &sentence, "", format!("it was the chip {by}")).into());
    }
    let envelope = client.submission(submission).await?;
    if envelope.digest() != *submission {
        let sentence = "the node sent another submission than was asked for: ask another node";
        return Err(Refusal::new(Code::Corrupt, sentence, submission, envelope.digest()).into());
    }
    global.say("this was done before: here is the first answer again");
    global.send(client, &envelope).await.map(|_| ())
}

/// What the chip claims that becomes active by this migration.
async fn activation(client: &Client, id: &str, migration: &str) -> Result<Activation, CliError> {
    let state = client.substrate(id).await?;
    let Some(under_way) = state.migration.filter(|m| m.migration_id == migration) else {
        let sentence = format!("no migration {migration} of this substrate is under way: see `migrate status`");
        return Err(Refusal::new(Code::MigrationState, &sentence, "", "").into());
    };
    Ok(Activation::of(&under_way, state.holder.epoch.next()))
}
