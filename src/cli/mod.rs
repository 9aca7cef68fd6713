//! The command line.

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// selfsame answers with proof: is this the same AI that ran before, that was approved, that was declared?
#[derive(Parser)]
#[command(version, about, long_about = None)]
struct Cli {
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
}

/// Runs the command line and gives its exit status.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_env("SELFSAME_LOG").unwrap_or_else(|_| "off".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("selfsame: the runtime does not start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let Command::Demo { keep } = cli.command;
    match runtime.block_on(crate::demo::run(keep)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("selfsame: {error}");
            ExitCode::FAILURE
        }
    }
}
