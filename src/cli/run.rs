//! `selfsame run`: declared runs.

use super::batch;
use super::context::{CliError, Done, Global, out, read};
use super::names::{self, RunName};
use super::source::{Reading, Source, keep, warn};
use clap::Subcommand;
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{Command, DeclareRun, ReportOutcome, Role};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::import;
use selfsame_protocol::record::{ExecutionStatus, Output};
use selfsame_protocol::run::{Declaration, compare, explain, lint};
use selfsame_protocol::time::U64;
use serde_json::json;
use std::path::PathBuf;

/// Commands on runs.
#[derive(Subcommand, Debug)]
pub enum Run {
    /// Compute a run's identity. Offline.
    Id(Source),
    /// Print a declaration in canonical form, from a declaration or a request body. Offline.
    Import {
        #[command(flatten)]
        source: Source,
        /// Print what becomes of each member of the body instead of the declaration.
        #[arg(long, requires = "import", conflicts_with_all = ["keep", "batch"], help_heading = "Import")]
        explain: bool,
        /// Folder for what the declaration names by digest; each file has the digits of its digest as name.
        #[arg(long, requires = "import", value_name = "DIR", conflicts_with = "batch", help_heading = "Import")]
        keep: Option<PathBuf>,
        /// The file has a body on each line; prints a line of JSON for each, with its declaration or why it has none.
        #[arg(long, requires = "import", help_heading = "Import")]
        batch: bool,
        /// Batch: write to this file; when it is there from an interrupted import, go on after its last line.
        #[arg(long, requires = "batch", value_name = "FILE", help_heading = "Import")]
        out: Option<PathBuf>,
    },
    /// List the formats of request bodies, or print what becomes of each member of one. Offline.
    Formats {
        /// Format whose table is printed.
        name: Option<String>,
        /// Print the tables of all formats.
        #[arg(long, conflicts_with = "name")]
        tables: bool,
    },
    /// Say what a careful declarer would pin down. Offline.
    Lint(Source),
    /// Name the elements and members in which two declarations, or two request bodies, differ. Offline. Exit status 0 also
    /// when they differ: the answer says so.
    Diff {
        /// First declaration; with --import a request body or a declaration.
        first: PathBuf,
        /// Second declaration; with --import a request body or a declaration.
        second: PathBuf,
        #[command(flatten)]
        reading: Reading,
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
        /// Run id, or 8 digits of it and more (sha256:…).
        run_id: RunName,
        /// Print the exact canonical declaration and nothing else.
        #[arg(long)]
        canonical: bool,
    },
    /// Name the elements in which two declared runs differ, from digests alone. Exit status 0 also when they differ.
    Compare {
        /// First run id, or 8 digits of it and more (sha256:…).
        first: RunName,
        /// Second run id, or 8 digits of it and more.
        second: RunName,
    },
    Agreement(super::agreement::Agreement),
    /// Report an execution of a declared run, signed by an operator key.
    Outcome {
        /// Run id, or 8 digits of it and more (sha256:…).
        run_id: RunName,
        /// Name of the execution, unique within the run.
        #[arg(long)]
        execution: String,
        /// succeeded, failed or cancelled.
        #[arg(long, default_value = "succeeded")]
        status: ExecutionStatus,
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
        /// Run id, or 8 digits of it and more (sha256:…).
        run_id: RunName,
    },
    /// Write everything about a declared run to a file that verifies without a cluster: the declaration, who attests it, its
    /// executions, the signature of each, and the history of the keys behind them.
    #[command(visible_alias = "bundle")]
    Export {
        /// Run id, or 8 digits of it and more (sha256:…).
        run_id: RunName,
        /// File to write; - for standard output.
        #[arg(default_value = "-")]
        file: PathBuf,
    },
}

/// Runs a command.
pub async fn main(global: &Global, command: Run) -> Done {
    match command {
        Run::Id(source) => {
            let declaration = source.declaration(global)?;
            global.print(
                "RunIdentity",
                json!({"run_id": declaration.run_id(), "elements": declaration.element_digests()}),
            );
        }
        Run::Import { source, explain: true, .. } => explained(global, &source)?,
        Run::Import { source, batch: true, out, .. } => {
            batch::run(global, &source.reading, &source.file, out.as_deref())?;
        }
        Run::Import { source, keep: folder, .. } => {
            let taken = source.take()?;
            warn(global, &taken.warnings);
            if let (Some(folder), Some(imported)) = (folder, &taken.imported) {
                let files = keep(imported, &folder)?;
                global.say(&format!("{files} files in {}", folder.display()));
            }
            out(&format!("{}\n", String::from_utf8_lossy(taken.declaration.canonical())));
        }
        Run::Formats { tables: true, .. } => out(&import::tables::all()),
        Run::Formats { name: Some(name), .. } => match import::format(&name) {
            Some(format) => out(&format!("# {}\n\n{}\n{}", format.name, format.about, import::tables::table(format))),
            None => return Err(CliError::usage(format!("{name:?} is no format; `selfsame run formats` lists them"))),
        },
        Run::Formats { name: None, .. } => {
            let list: Vec<_> = import::formats::ALL.iter().map(|f| json!({"name": f.name, "about": f.about})).collect();
            global.print("Formats", json!({"formats": list}));
        }
        Run::Lint(source) => {
            let taken = source.take()?;
            let mut warnings = taken.warnings;
            warnings.extend(lint(&taken.declaration));
            global.print("Lint", json!({"warnings": warnings}));
        }
        Run::Diff { first, second, reading } => {
            let (a, b) = (reading.either(&read(&first)?)?, reading.either(&read(&second)?)?);
            warn(global, &a.warnings);
            warn(global, &b.warnings);
            let (a, b) = (a.declaration, b.declaration);
            let elements = compare(&a.element_digests(), &b.element_digests());
            global.print(
                "Difference",
                json!({"same": elements.is_empty(), "elements": elements, "members": explain(&a, &b)}),
            );
        }
        Run::Declare { source, request } => {
            let declaration = source.declaration(global)?;
            global
                .submit(
                    Role::Operator,
                    Command::DeclareRun(DeclareRun { declaration: declaration.value().clone(), request }),
                )
                .await?;
        }
        Run::Show { run_id, canonical } => {
            let client = global.client()?;
            let run_id = names::run(global, &client, &run_id).await?;
            let run = client.run(&run_id).await?;
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
                .map(|a| json!({"organisation": a.organisation, "index": a.entry.index.0}))
                .collect();
            global.print("Run", json!({"run_id": run_id, "elements": declaration.element_digests(), "attestations": attestations, "declaration": declaration.value()}));
        }
        Run::Compare { first, second } => {
            let client = global.client()?;
            let first = names::run(global, &client, &first).await?;
            let second = names::run(global, &client, &second).await?;
            let elements = client.compare(&first, &second).await?;
            global.print("Difference", json!({"same": elements.is_empty(), "elements": elements}));
        }
        Run::Agreement(asked) => return super::agreement::main(global, asked).await,
        Run::Outcome { run_id, execution, status, files, media_type, reproduction_of } => {
            let run_id = names::run(global, &global.client()?, &run_id).await?;
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
                    Command::ReportOutcome(ReportOutcome {
                        run_id,
                        execution_id: execution,
                        status,
                        outputs,
                        reproduction_of,
                    }),
                )
                .await?;
        }
        Run::Outcomes { run_id } => {
            let client = global.client()?;
            let run_id = names::run(global, &client, &run_id).await?;
            let outcomes = client.outcomes(&run_id).await?;
            global.print("Outcomes", json!({"run_id": run_id, "outcomes": outcomes}));
        }
        Run::Export { run_id, file } => {
            let client = global.client()?;
            let run_id = names::run(global, &client, &run_id).await?;
            let bundle = client.run_bundle(&run_id).await?;
            super::export::save(global, bundle, &file).await?;
        }
    }
    Ok(())
}

/// What becomes of each member of a body. A body that cannot be declared is explained too, and refused.
fn explained(global: &Global, source: &Source) -> Done {
    let (options, warning) = source.reading.options()?;
    warn(global, warning.as_slice());
    let explanation = import::explain(&read(&source.file)?, &options)?;
    let members: Vec<_> = explanation
        .decided
        .iter()
        .map(|one| json!({"pointer": one.pointer, "fate": one.fate.as_str(), "detail": one.detail}))
        .collect();
    global.print(
        "Explanation",
        json!({"format": explanation.format, "members": members, "warnings": explanation.warnings}),
    );
    if explanation.refused.is_empty() {
        return Ok(());
    }
    Err(import::ImportError::Refused(explanation.refused).into())
}
