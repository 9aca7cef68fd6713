//! `selfsame migrate`: the one active chip.

use super::context::{CliError, Done, Global};
use clap::Subcommand;
use selfsame_protocol::bundle;
use selfsame_protocol::command::{Command, Role};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::p104::{Attestation, Claims};
use selfsame_protocol::time::U64;
use serde_json::json;

/// Commands on migrations. A substrate whose chip is lost is sealed by ballot: `governance propose … force-seal`.
#[derive(Subcommand, Debug)]
pub enum Migrate {
    /// Seal a substrate for a migration, signed by the active chip. Prints the nonce.
    Seal {
        /// UUID.
        id: String,
        /// Name of the migration, unique in the substrate.
        #[arg(long)]
        migration: String,
        /// Destination chip id.
        #[arg(long)]
        destination: Digest,
        /// Verifier key that you trust for the history that the cluster sends (name+id+key). Repeatable.
        #[arg(long = "trust")]
        trust: Vec<String>,
    },
    /// Verify the bundle and become active, signed by the destination chip.
    Arrive {
        /// UUID.
        id: String,
        /// Name of the migration.
        #[arg(long)]
        migration: String,
        /// Verifier key that you trust for the history that the cluster sends (name+id+key). Repeatable.
        #[arg(long = "trust")]
        trust: Vec<String>,
    },
    /// Abandon a migration before arrival, signed by the origin chip.
    Abort {
        /// UUID.
        id: String,
        /// Name of the migration.
        #[arg(long)]
        migration: String,
    },
    /// Show the holder and the migration under way.
    Status {
        /// UUID.
        id: String,
    },
}

/// Runs a command.
pub async fn main(global: &Global, command: Migrate) -> Done {
    match command {
        Migrate::Seal { id, migration, destination, trust } => {
            let client = global.client()?;
            let state = client.substrate(&id).await?;
            let Some(close) = state.last_close else {
                return Err(CliError::with(5, "a migration starts from a closed session: none was closed yet"));
            };
            let (_, history) = whole_chain(&client, &id, &trust).await?;
            let command = Command::Seal {
                fence: global.fence(&client, &id).await?,
                substrate_id: id,
                migration_id: migration,
                destination,
                head: state.head,
                continuity_hash: close.cross_session_identity_continuity_hash,
                evidence_ledger_depth: U64(history.depths[0]),
                reasoning_ledger_depth: U64(history.depths[1]),
            };
            global.submit(Role::Chip, command).await?;
        }
        Migrate::Arrive { id, migration, trust } => {
            let client = global.client()?;
            let chip = global.signer()?;
            let (report, history) = whole_chain(&client, &id, &trust).await?;
            global
                .say(&format!("verified {} entries and {} cycles of the bundle", report.entries, report.lineage_depth));
            let (claims, continuity_hash, head) = activation(&client, &id, &migration).await?;
            if history.recomputed != Some(continuity_hash) || history.head != head {
                return Err(CliError::with(
                    10,
                    "HASH_MISMATCH: the bundle is not the substrate that was sealed; nothing was sent",
                ));
            }
            let attestation = Attestation::software(&claims, &chip);
            global
                .submit(
                    Role::Chip,
                    Command::Arrive { substrate_id: id, migration_id: migration, attestation, continuity_hash, head },
                )
                .await?;
        }
        Migrate::Abort { id, migration } => {
            let client = global.client()?;
            let (claims, ..) = activation(&client, &id, &migration).await?;
            let attestation = Attestation::software(&claims, &global.signer()?);
            global
                .submit(Role::Chip, Command::AbortMigration { substrate_id: id, migration_id: migration, attestation })
                .await?;
        }
        Migrate::Status { id } => {
            let state = global.client()?.substrate(&id).await?;
            global
                .print("Migration", json!({"substrate_id": id, "holder": state.holder, "migration": state.migration}));
        }
    }
    Ok(())
}

async fn whole_chain(
    client: &crate::client::Client,
    id: &str,
    trust: &[String],
) -> Result<(bundle::Report, selfsame_protocol::replay::History), CliError> {
    let text = super::verify::text(client.bundle(id).await?)?;
    bundle::verify(text.lines(), &super::verify::trusted(trust)?, |_| {}).map_err(super::verify::failed)
}

/// What an attestation of this activation claims, with the continuity hash and the head of the seal.
async fn activation(
    client: &crate::client::Client,
    id: &str,
    migration: &str,
) -> Result<(Claims, Digest, Digest), CliError> {
    let state = client.substrate(id).await?;
    let Some(under_way) = state.migration.filter(|m| m.migration_id == migration) else {
        return Err(CliError::with(5, format!("no migration {migration} is under way")));
    };
    let claims = Claims::Activation {
        cluster: client.genesis().await?.cluster,
        substrate_id: id.into(),
        migration_id: migration.into(),
        nonce: under_way.nonce,
        epoch: U64(state.holder.epoch.0 + 1),
        continuity_hash: under_way.continuity_hash,
        head: under_way.head,
    };
    Ok((claims, under_way.continuity_hash, under_way.head))
}
