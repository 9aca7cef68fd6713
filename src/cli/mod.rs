//! The command line: one file for each noun.

mod agreement;
mod audit;
mod backup;
mod baseline;
mod batch;
mod bulk;
mod chip;
mod cluster;
mod context;
mod error;
mod export;
mod governance;
mod ledger;
mod man;
mod migrate;
mod names;
mod node;
mod paging;
mod prepare;
mod process;
mod register;
mod run;
mod source;
mod substrate;
mod table;
mod trust;
mod verdict;
mod verify;
mod vkey;

use crate::bench::{Prints, Site};
use clap::{CommandFactory, Parser, Subcommand};
use context::{CliError, Done, Global, Output};
use serde_json::json;
use std::path::PathBuf;
use tokio_util::sync::CancellationToken;

/// selfsame answers with proof: is this the same AI that ran before, that was approved, that was declared?
#[derive(Parser)]
#[command(
    version = env!("SELFSAME_VERSION"),
    about,
    long_about = None,
    after_help = "Begin with `selfsame demo`, or with `selfsame dev` and, in another terminal, `selfsame cluster status`.\n`selfsame COMMAND --help` explains each command.\n\nExit status: 0 success, 1 unexpected, 2 usage or bad input, 3 no answer (retry), 4 not found, 5 conflict or precondition,\n6 not allowed, 10 HASH_MISMATCH or altered, 11 DRIFT_EXCEEDED, 12 INSUFFICIENT_DEPTH, 13 cannot be decided, 130 interrupted.\nIt stands whatever becomes of the output, but that 0 is 1 where data could not be written."
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Play the whole story on three real nodes in a temporary directory. Exit status 0 only if every step held.
    Demo {
        /// Keep the data and say what to try with it.
        #[arg(long)]
        keep: bool,
    },
    /// Run a three-node cluster in this process to play with, kept between starts.
    Dev {
        /// Directory of data and keys.
        #[arg(long, default_value = "selfsame-dev")]
        dir: PathBuf,
        /// First port for peers; clients use the ports 100 above.
        #[arg(long, default_value_t = 7101, value_parser = clap::value_parser!(u16).range(1..=65_333))]
        port_base: u16,
    },
    /// One node: set it up, run it, let it join a cluster, back it up, print its verifier keys.
    #[command(subcommand)]
    Node(node::NodeCommand),
    /// The cluster: what its nodes say, who its members are, its trust policy.
    #[command(subcommand)]
    Cluster(cluster::ClusterCommand),
    /// Runs of a model: the identity of a request, comparison, agreement of organisations, executions.
    #[command(subcommand)]
    Run(run::Run),
    /// Persistent identities of an AI: birth, sessions, cycles, statements, the history as a file.
    #[command(subcommand)]
    Substrate(substrate::Substrate),
    /// Chips: whose they are, since when, and which substrates they hold.
    #[command(subcommand)]
    Chip(chip::Chip),
    /// Move a substrate to another chip; one at a time is active.
    #[command(subcommand)]
    Migrate(migrate::Migrate),
    /// The two ledgers: entries, proofs, receipts, checkpoints, static files.
    #[command(subcommand)]
    Ledger(ledger::LedgerCommand),
    /// Verify files with the cluster gone: histories, runs, receipts, statements, checkpoints, ledgers, backups.
    Verify(verify::Verify),
    Audit(audit::Audit),
    /// Keys, nodes and chips of your organisation, and what organisations decide together by ballot.
    #[command(subcommand)]
    Governance(governance::Governance),
    /// Key files: make one, show its public half.
    #[command(subcommand)]
    Key(cluster::KeyCommand),
    /// Configuration files: check, show, start from a default.
    #[command(subcommand)]
    Config(node::ConfigCommand),
    Bench(crate::bench::Bench),
    /// Whether a quorum answers: exit status 0 or 3.
    Health,
    /// Print a completion script.
    Completion {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write a page for every command into a folder.
    Man {
        /// Folder for all pages; one that is not there is made. `man -l DIR/selfsame-verify.1` shows one.
        dir: Option<PathBuf>,
    },
}

/// Whether a command writes entries whose receipts it can keep.
fn keeps_receipts(command: &Command) -> bool {
    use governance::Governance as G;
    use substrate::Substrate as S;
    match command {
        Command::Run(command) => matches!(command, run::Run::Declare { .. } | run::Run::Outcome { .. }),
        Command::Substrate(command) => matches!(
            command,
            S::Init { .. }
                | S::Append { .. }
                | S::Amend { .. }
                | S::Cycle { .. }
                | S::Close { .. }
                | S::RecoverClose { .. }
        ),
        Command::Migrate(command) => !matches!(command, migrate::Migrate::Status { .. }),
        Command::Governance(command) => {
            !matches!(command, G::Ballots { .. } | G::Show { .. } | G::Constitution | G::Audit { .. })
        }
        _ => false,
    }
}

async fn dispatch(global: &Global, command: Command, stop: &CancellationToken) -> Done {
    if global.receipt.is_some() && !keeps_receipts(&command) {
        return Err(CliError::usage(
            "--receipt: this command keeps no receipt; leave the flag out, and ask for receipts with `selfsame ledger receipt`",
        ));
    }
    match command {
        Command::Demo { keep } => crate::demo::run(keep, stop).await.map_err(|e| CliError::with(1, e)),
        Command::Dev { dir, port_base } => node::dev(global, &dir, port_base, stop).await,
        Command::Node(command) => node::main(global, command, stop).await,
        Command::Cluster(command) => cluster::main(global, command).await,
        Command::Run(command) => run::main(global, command).await,
        Command::Substrate(command) => substrate::main(global, command).await,
        Command::Chip(command) => chip::main(global, command).await,
        Command::Migrate(command) => migrate::main(global, command).await,
        Command::Ledger(command) => ledger::main(global, command).await,
        Command::Verify(command) => verify::main(global, &command),
        Command::Governance(command) => governance::main(global, command).await,
        Command::Audit(command) => audit::main(global, command).await,
        Command::Key(command) => cluster::key(global, &command),
        Command::Config(command) => node::configuration(global, &command),
        Command::Bench(bench) => {
            bench.check().map_err(CliError::usage)?;
            let remote = if bench.is_local() { None } else { Some((global.endpoints()?, global.signer()?)) };
            let site = Site { remote, stop: stop.clone() };
            // Each size of a growing ledger is a line of its own; the others are for programs too.
            let output = match (bench.prints(), global.output) {
                (Prints::Lines, _) => Output::Jsonl,
                (Prints::Document, Output::Table) => Output::Json,
                (Prints::Anything | Prints::Document, given) => given,
            };
            let shown = Global { output, ..global.clone() };
            let give = |report| shown.print("Bench", report);
            bench.run(site, &|line| global.say(line), &give).await.map_err(|e| CliError::with(1, e))
        }
        Command::Health => {
            // A linearizable read succeeds only with a leader and a quorum.
            global.client()?.nodes().await?;
            global.done("Health", json!({"quorum": true}), "a quorum answers");
            Ok(())
        }
        Command::Completion { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut self::command(), "selfsame", &mut script);
            context::out(&String::from_utf8_lossy(&script));
            Ok(())
        }
        Command::Man { dir } => man::main(global, dir.as_deref()),
    }
}

/// The command line, with what `-q` prints in the help of each command.
fn command() -> clap::Command {
    table::explained(Cli::command())
}

pub use process::main;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    /// Words of a line as a shell takes them, up to what is no part of the command.
    fn words(line: &str) -> Vec<String> {
        let mut words = vec![String::new()];
        let mut quote = None;
        for letter in line.chars() {
            match (quote, letter) {
                (None, '#' | '|' | '&' | '>' | ';') => break,
                (None, '"' | '\'') => quote = Some(letter),
                (None, ' ') => words.push(String::new()),
                (Some(open), letter) if open == letter => quote = None,
                (_, letter) => words.last_mut().unwrap().push(letter),
            }
        }
        words.retain(|word| !word.is_empty());
        words
    }

    /// Every command in the blocks of the pages is one, with flags that go together. Values may stand for others.
    #[test]
    fn commands_of_the_pages_are_understood() {
        use clap::error::ErrorKind::{
            ArgumentConflict, InvalidSubcommand, MissingRequiredArgument, MissingSubcommand, UnknownArgument,
        };
        let wrong = [ArgumentConflict, InvalidSubcommand, MissingRequiredArgument, MissingSubcommand, UnknownArgument];
        let mut seen = 0;
        for page in ["README.md", "docs/imports.md", "docs/operations.md", "docs/scale.md", "docs/performance.md"] {
            let text = std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).unwrap();
            let text = text.replace("\\\n", " ");
            for block in text.split("```sh\n").skip(1) {
                for line in block.split("```").next().unwrap_or_default().lines() {
                    let words = words(line.trim());
                    let plain = !line.contains(['…', '$', '[']);
                    if plain && words.first().is_some_and(|word| word == "selfsame") {
                        seen += 1;
                        if let Err(error) = command().try_get_matches_from(words) {
                            assert!(!wrong.contains(&error.kind()), "{page}: {line}\n{error}");
                        }
                    }
                }
            }
        }
        assert!(seen > 20, "{seen}");
    }
}
