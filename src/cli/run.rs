//! `selfsame run`: declared runs.

use super::context::{CliError, Done, Global, out, read};
use clap::{Args, Subcommand};
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{Command, Role};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::import::{ImportOptions, import};
use selfsame_protocol::record::Output;
use selfsame_protocol::run::{Declaration, compare, explain, lint};
use selfsame_protocol::time::U64;
use serde_json::json;
use std::path::PathBuf;

/// A declaration, or a request body to make one from.
#[derive(Args, Clone, Debug)]
pub struct Source {
    /// File with a declaration, or with a request body when --import is given; - for standard input.
    pub file: PathBuf,
    /// The file is a request body: OpenAI chat completions or Responses, Anthropic Messages, vLLM.
    #[arg(long)]
    pub import: bool,
    /// Import: resolved revision of the model.
    #[arg(long, requires = "import")]
    pub revision: Option<String>,
    /// Import: provider, when it is not the format's own.
    #[arg(long, requires = "import")]
    pub provider: Option<String>,
    /// Import: digest of the weights.
    #[arg(long, requires = "import")]
    pub weights: Option<Digest>,
    /// Import: name of this instance, for repeats that are to be distinct runs.
    #[arg(long, requires = "import")]
    pub instance: Option<String>,
}

impl Source {
    fn declaration(&self) -> Result<Declaration, CliError> {
        let bytes = read(&self.file)?;
        if !self.import {
            return Ok(Declaration::parse(&bytes)?);
        }
        let options = ImportOptions {
            provider: self.provider.clone(),
            revision: self.revision.clone(),
            weights: self.weights,
            instance: self.instance.clone(),
        };
        Ok(import(None, &bytes, &options)?)
    }
}

/// Commands on runs.
#[derive(Subcommand, Debug)]
pub enum Run {
    /// Compute a run's identity. Offline.
    Id(Source),
    /// Print a declaration in canonical form, from a declaration or a request body. Offline.
    Import(Source),
    /// Say what a careful declarer would pin down. Offline.
    Lint(Source),
    /// Name the elements and members in which two declarations differ. Offline.
    Diff {
        /// First declaration.
        first: PathBuf,
        /// Second declaration.
        second: PathBuf,
    },
    /// Declare a run before it executes, signed by an operator key.
    Declare {
        #[command(flatten)]
        source: Source,
        /// External reference that your organisation ties to the run.
        #[arg(long)]
        request: Option<String>,
    },
    /// Show a declared run.
    Show {
        /// Run id.
        run_id: Digest,
        /// Print the exact canonical declaration and nothing else.
        #[arg(long)]
        canonical: bool,
    },
    /// Name the elements in which two declared runs differ, from digests alone.
    Compare {
        /// First run id.
        first: Digest,
        /// Second run id.
        second: Digest,
    },
    Agreement(super::agreement::Agreement),
    /// Report an execution of a declared run, signed by an operator key.
    Outcome {
        /// Run id.
        run_id: Digest,
        /// Name of the execution, unique within the run.
        #[arg(long)]
        execution: String,
        /// succeeded, failed or cancelled.
        #[arg(long, default_value = "succeeded")]
        status: String,
        /// File with an output; its digest is recorded, not its content. Repeatable.
        #[arg(long = "file")]
        files: Vec<PathBuf>,
        /// Media type of the files.
        #[arg(long, default_value = "application/octet-stream")]
        media_type: String,
        /// Execution of the same run that this one reproduces.
        #[arg(long)]
        reproduction_of: Option<String>,
    },
    /// List the executions of a run.
    Outcomes {
        /// Run id.
        run_id: Digest,
    },
    /// Write everything about a declared run to a file that verifies without a cluster: the declaration, who attests it, its
    /// executions, the signature of each, and the history of the keys behind them.
    #[command(visible_alias = "bundle")]
    Export {
        /// Run id.
        run_id: Digest,
        /// File to write; - for standard output.
        #[arg(default_value = "-")]
        file: PathBuf,
    },
}

/// Runs a command.
pub async fn main(global: &Global, command: Run) -> Done {
    match command {
        Run::Id(source) => {
            let declaration = source.declaration()?;
            global.print(
                "RunIdentity",
                json!({"run_id": declaration.run_id(), "elements": declaration.element_digests()}),
            );
        }
        Run::Import(source) => out(&format!("{}\n", String::from_utf8_lossy(source.declaration()?.canonical()))),
        Run::Lint(source) => {
            let warnings = lint(&source.declaration()?);
            global.print("Lint", json!({"warnings": warnings}));
        }
        Run::Diff { first, second } => {
            let (a, b) = (Declaration::parse(&read(&first)?)?, Declaration::parse(&read(&second)?)?);
            let elements = compare(&a.element_digests(), &b.element_digests());
            global.print(
                "Difference",
                json!({"same": elements.is_empty(), "elements": elements, "members": explain(&a, &b)}),
            );
        }
        Run::Declare { source, request } => {
            let declaration = source.declaration()?;
            global
                .submit(Role::Operator, Command::DeclareRun { declaration: declaration.value().clone(), request })
                .await?;
        }
        Run::Show { run_id, canonical } => {
            let run = global.client()?.run(&run_id).await?;
            // The node is not believed: what it sends must be what the id names.
            let declaration = Declaration::parse(&run.declaration)?;
            if declaration.run_id() != run_id {
                return Err(CliError::with(
                    10,
                    format!("{}: the node sent a declaration of {}", Code::Corrupt, declaration.run_id()),
                ));
            }
            if canonical {
                out(&format!("{}", String::from_utf8_lossy(declaration.canonical())));
                return Ok(());
            }
            let attestations: Vec<_> = run
                .attestations
                .iter()
                .map(|a| json!({"organisation": a.organisation, "index": a.entry.as_ref().map(|e| e.index)}))
                .collect();
            global.print("Run", json!({"run_id": run_id, "elements": declaration.element_digests(), "attestations": attestations, "declaration": declaration.value()}));
        }
        Run::Compare { first, second } => {
            let elements = global.client()?.compare(&first, &second).await?;
            global.print("Difference", json!({"same": elements.is_empty(), "elements": elements}));
        }
        Run::Agreement(asked) => return super::agreement::main(global, asked).await,
        Run::Outcome { run_id, execution, status, files, media_type, reproduction_of } => {
            let mut outputs = Vec::new();
            for file in files {
                let bytes = read(&file)?;
                outputs.push(Output {
                    media_type: media_type.clone(),
                    size: U64(bytes.len() as u64),
                    digest: Digest::of(&bytes),
                });
            }
            global
                .submit(
                    Role::Operator,
                    Command::ReportOutcome { run_id, execution_id: execution, status, outputs, reproduction_of },
                )
                .await?;
        }
        Run::Outcomes { run_id } => {
            let outcomes = global.client()?.outcomes(&run_id).await?;
            global.print("Outcomes", json!({"run_id": run_id, "outcomes": outcomes}));
        }
        Run::Export { run_id, file } => {
            let bundle = global.client()?.run_bundle(&run_id).await?;
            super::export::save(global, bundle, &file).await?;
        }
    }
    Ok(())
}
