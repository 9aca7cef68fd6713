//! `selfsame ledger`: entries, proofs and checkpoints.

use super::context::{CliError, Done, Global, out, read, write, write_new};
use super::trust::policy;
use super::verify::{failed, text};
use crate::console::{self, visible};
use clap::Subcommand;
use selfsame_client::{Client, ClientError, ConsistencyProof, EntrySelector};
use selfsame_offline::{Exported, Writer};
use selfsame_protocol::bundle::Reader;
use selfsame_protocol::checkpoint_pair::Pair;
use selfsame_protocol::code::Code;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::Entry;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::merkle::{leaf_hash, verify_consistency, verify_inclusion};
use selfsame_protocol::note::{Checkpoint, Note};
use selfsame_protocol::policy::Policy;
use selfsame_protocol::tlog_proof::{TlogProof, TlogProofError};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Commands on the two ledgers.
#[derive(Subcommand, Debug)]
pub enum LedgerCommand {
    /// Print one entry exactly as it stands in its leaf.
    Get {
        /// evidence or reasoning.
        ledger: Ledger,
        /// Position, from 0.
        index: u64,
    },
    /// Print entries from an index on, one on each line.
    Tail {
        /// evidence or reasoning.
        ledger: Ledger,
        /// First index.
        #[arg(long, default_value_t = 0)]
        from: u64,
        /// Go on with new entries until interrupted.
        #[arg(long)]
        follow: bool,
    },
    /// Get an inclusion proof and check it against the signed checkpoint.
    Prove {
        /// evidence or reasoning.
        ledger: Ledger,
        /// Position, from 0.
        index: u64,
    },
    /// Check that the ledger only grew since a size and root that you kept.
    Consistency {
        /// evidence or reasoning.
        ledger: Ledger,
        /// Size that you kept.
        #[arg(long)]
        size: u64,
        /// Root that you kept.
        #[arg(long)]
        root: Digest,
    },
    /// Print the published checkpoint, a C2SP signed note that enough organisations cosigned.
    Checkpoint {
        /// evidence or reasoning.
        ledger: Ledger,
        /// The checkpoint of what the answering node applied, under its own key alone.
        #[arg(long)]
        of_node: bool,
    },
    /// Print the receipt of an entry (c2sp.org/tlog-proof@v1): proof that it stands in a checkpoint that enough
    /// organisations cosigned.
    ///
    /// It holds the entry, and is verified without a cluster.
    Receipt {
        /// evidence or reasoning.
        ledger: Ledger,
        /// Position, from 0, or the entry's hash (sha256:…).
        entry: String,
        /// New file; by default standard output.
        #[arg(long)]
        file: Option<PathBuf>,
    },
    /// Write a pair of checkpoints with the proof that the ledger only grew between them, for verification offline.
    Pair {
        /// evidence or reasoning.
        ledger: Ledger,
        /// File of the checkpoint that you kept.
        old: PathBuf,
        /// File to write; - for standard output.
        file: PathBuf,
    },
    /// Write both ledgers into a folder as static files (checkpoint, tiles, entries), or continue a folder.
    ///
    /// What arrives is
    /// hashed on the way, and the checkpoint is written last.
    Export {
        /// Folder; the ledgers stand in `evidence` and `reasoning` below it.
        dir: PathBuf,
        /// Policy that the checkpoints must satisfy.
        #[arg(long, env = "SELFSAME_POLICY")]
        policy: Option<PathBuf>,
        /// Origin of a log that is accepted although the policy names no key of it. Repeatable.
        #[arg(long = "origin", requires = "policy")]
        origins: Vec<String>,
    },
}

/// Time between two lines of progress.
const PROGRESS: Duration = Duration::from_secs(2);

/// Why a stream of entries ended: its own words, and the exit status of no answer.
pub fn ended(error: ClientError) -> CliError {
    match error {
        ClientError::Unreachable { reason, .. } => CliError::with(3, reason),
        other => CliError::with(3, other),
    }
}

/// What was kept is larger than what is shown now.
fn smaller(size: u64) -> CliError {
    CliError::with(
        13,
        format!(
            "the ledger that this node shows is smaller than the {size} entries that you kept: it was rolled back, or the node is \
             behind; ask another node, and keep what you have"
        ),
    )
}

fn checkpoint(text: &str) -> Result<Checkpoint, CliError> {
    let bad = |e: selfsame_protocol::note::NoteError| CliError::with(10, e);
    Checkpoint::parse(&Note::parse(text.as_bytes()).map_err(bad)?.text).map_err(bad)
}

/// Runs a command.
pub async fn main(global: &Global, command: LedgerCommand) -> Done {
    let client = global.client()?;
    match command {
        LedgerCommand::Get { ledger, index } => {
            let leaf = client.leaf(ledger, index).await?;
            global.text("Entry", &format!("{}\n", String::from_utf8_lossy(&leaf)), &json!({"hash": leaf_hash(&leaf)}));
        }
        LedgerCommand::Tail { ledger, from, follow } => {
            let mut stream = client.tail(ledger, from, follow).await?;
            while let Some(item) = stream.next().await.map_err(ended)? {
                out(&format!("{}\n", String::from_utf8_lossy(&item.leaf)));
                if !console::is_read() {
                    break;
                }
            }
        }
        LedgerCommand::Prove { ledger, index } => {
            let proof = client.inclusion(ledger, index, 0).await?;
            let head = checkpoint(&proof.checkpoint)?;
            let hash = leaf_hash(&proof.leaf);
            verify_inclusion(&hash, index, head.size, &proof.hashes, &head.root).map_err(|e| CliError::with(10, e))?;
            let entry: Value = Entry::from_leaf(&proof.leaf).map(|e| json!(e))?;
            global.print("InclusionProof", json!({"index": index, "size": head.size, "root": head.root, "leaf_hash": hash, "proof": proof.hashes, "checkpoint": proof.checkpoint, "entry": entry}));
        }
        LedgerCommand::Consistency { ledger, size, root } => {
            let answer = client.consistency(ledger, size, 0).await;
            // The case that the command exists for: what was kept is larger than what is shown now.
            let ConsistencyProof { size: new_size, hashes, checkpoint: note } =
                answer.map_err(|error| match error {
                    ClientError::Refused(refusal) if refusal.code == Code::NotFound => smaller(size),
                    other => other.into(),
                })?;
            let head = checkpoint(&note)?;
            verify_consistency(size, &root, new_size, &head.root, &hashes).map_err(|e| CliError::with(10, e))?;
            global.print(
                "ConsistencyProof",
                json!({"old_size": size, "new_size": new_size, "root": head.root, "proof": hashes, "checkpoint": note}),
            );
        }
        LedgerCommand::Checkpoint { ledger, of_node } => {
            let note = if of_node { client.node_checkpoint(ledger).await? } else { client.checkpoint(ledger).await? };
            global.text("Checkpoint", &note, &json!({"size": checkpoint(&note)?.size}));
        }
        LedgerCommand::Receipt { ledger, entry, file } => {
            let selected = match entry.strip_prefix("sha256:") {
                Some(_) => EntrySelector::Hash(entry.parse().map_err(CliError::usage)?),
                None => EntrySelector::Index(
                    entry.parse().map_err(|_| CliError::usage("an entry is an index or sha256:…"))?,
                ),
            };
            let within = Duration::from_secs(global.receipt_within);
            let (given, leaf) = client.receipt(ledger, selected, within).await?;
            // What a node says is checked before anybody keeps it: that the entry stands in the tree of the note.
            let bad = |error: TlogProofError| CliError::with(10, error);
            TlogProof::parse(given.proof.as_bytes())
                .and_then(|proof| proof.includes(&leaf_hash(&leaf)))
                .map_err(bad)?;
            match file {
                None => global.text("LogProof", &given.proof, &json!({"index": given.entry.index})),
                Some(file) => write_new(&file, given.proof.as_bytes())?,
            }
        }
        LedgerCommand::Pair { ledger, old, file } => {
            // What is wrong with the reader's own file is a mix-up, and says nothing about the ledger.
            let shown = old.display().to_string();
            let mixed_up = |reason: String| CliError::usage(visible(&format!("{shown}: {reason}")));
            let old = text(read(&old)?).map_err(|error| mixed_up(error.message))?;
            let before =
                checkpoint(&old).map_err(|error| mixed_up(format!("this is no checkpoint: {}", error.message)))?;
            let new = client.checkpoint(ledger).await?;
            let after = checkpoint(&new)?;
            if before.origin != after.origin {
                let (expected, found) = (&after.origin, &before.origin);
                return Err(mixed_up(format!(
                    "a checkpoint of the ledger that you named is needed (expected {expected}, found {found}): name the other \
                     ledger, or give another file"
                )));
            }
            if before.size > after.size {
                return Err(smaller(before.size));
            }
            let proof = client.consistency(ledger, before.size, after.size).await?.hashes;
            let pair = Pair::new(old, new, proof);
            pair.consistent(&before, &after).map_err(failed)?;
            if file.as_os_str() == "-" {
                out(&String::from_utf8_lossy(&pair.to_bytes()));
            } else {
                write(&file, &pair.to_bytes())?;
                let sizes = json!({"file": file, "old_size": before.size, "new_size": after.size});
                global.print("CheckpointPair", sizes);
            }
        }
        LedgerCommand::Export { dir, policy: file, origins } => {
            let policy = policy(file.as_deref())?.map(|policy| policy.with_origins(origins));
            let mut written = Vec::new();
            // Reasoning names trees of Evidence: what is taken after it holds them all.
            for ledger in [Ledger::Reasoning, Ledger::Evidence] {
                written.push(export(global, &client, ledger, &dir.join(ledger.as_str()), policy.as_ref()).await?);
            }
            written.reverse();
            global.print("LedgerExport", json!({"dir": dir, "ledgers": written}));
        }
    }
    Ok(())
}

/// Writes one ledger up to its present checkpoint.
async fn export(
    global: &Global,
    client: &Client,
    ledger: Ledger,
    dir: &Path,
    policy: Option<&Policy>,
) -> Result<Exported, CliError> {
    let note = client.checkpoint(ledger).await?;
    let head = match policy {
        Some(policy) => Reader::policy(policy).checkpoint(&note).map_err(failed)?.content,
        None => checkpoint(&note)?,
    };
    let mut writer = Writer::open(dir, ledger).map_err(failed)?;
    if writer.next() < head.size {
        let mut stream = client.tail(ledger, writer.next(), false).await?;
        let mut said = Instant::now();
        while writer.next() < head.size {
            let item = stream.next().await.map_err(ended)?;
            let Some(item) = item else {
                return Err(CliError::with(3, format!("the stream ended at {} of {}", writer.next(), head.size)));
            };
            writer.push(&item.leaf).map_err(failed)?;
            if said.elapsed() >= PROGRESS {
                said = Instant::now();
                global.say(&format!("{ledger}: {} of {} entries", writer.next(), head.size));
            }
        }
    }
    writer.finish(&note, &head).map_err(failed)
}
