//! What every command needs: where the cluster is, who signs, how to print.

use crate::actor::Actor;
use crate::client::{Accepted, Client, ClientError};
use crate::env::TcpNet;
use crate::keys;
use clap::{Args, ValueEnum};
use selfsame_machine::Receipt;
use selfsame_protocol::command::{Command, Fence, Role};
use selfsame_protocol::envelope::Envelope;
use selfsame_protocol::time::U64;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Form of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    #[default]
    Table,
    /// One JSON document.
    Json,
    /// One JSON document on one line.
    Jsonl,
}

/// Flags of every command.
#[derive(Args, Clone, Debug)]
pub struct Global {
    /// Client address of a node, host:port; repeat or separate by commas for more nodes.
    #[arg(long, global = true, env = "SELFSAME_ENDPOINT", value_delimiter = ',')]
    pub endpoint: Vec<String>,
    /// Directory that `selfsame dev` wrote: endpoints and keys are found there.
    #[arg(long, global = true, env = "SELFSAME_CONTEXT")]
    pub context: Option<PathBuf>,
    /// Key file that signs, or the name of a key in the context (for example aurora-operator).
    #[arg(long, global = true, env = "SELFSAME_KEY")]
    pub key: Option<String>,
    /// Name of the request. By default it is derived from the content, so that repeating a declaration or a command of
    /// an organisation is a safe retry and gives the first answer; give another name to do the same thing twice. A
    /// write of a substrate counts its sequence number and is another request each time: give a name, and a repeat is
    /// refused instead of done twice.
    #[arg(long, global = true, env = "SELFSAME_REQUEST_ID")]
    pub request_id: Option<String>,
    /// New file for the receipt of the entry that this command writes: proof that it stands in a checkpoint that enough
    /// organisations cosigned. Of several entries the others' receipts go to FILE.2, FILE.3 and so on.
    #[arg(long, global = true, value_name = "FILE", env = "SELFSAME_RECEIPT")]
    pub receipt: Option<PathBuf>,
    /// Seconds to wait for a receipt, at most 20. A write stands even when its receipt does not come in time.
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 15, env = "SELFSAME_RECEIPT_WITHIN",
          value_parser = clap::value_parser!(u64).range(0..=20))]
    pub receipt_within: u64,
    /// Form of the output.
    #[arg(short = 'o', long = "output", global = true, value_enum, default_value_t, env = "SELFSAME_OUTPUT")]
    pub output: Output,
    /// Say nothing but the data.
    #[arg(long, short, global = true, env = "SELFSAME_QUIET")]
    pub quiet: bool,
}

/// A failure with its exit status.
#[derive(Debug)]
pub struct CliError {
    /// Exit status.
    pub status: u8,
    /// Message.
    pub message: String,
}

impl CliError {
    /// A usage or configuration error.
    pub fn usage(message: impl ToString) -> Self {
        Self { status: 2, message: message.to_string() }
    }
    /// Any other status.
    pub fn with(status: u8, message: impl ToString) -> Self {
        Self { status, message: message.to_string() }
    }
}

impl From<ClientError> for CliError {
    fn from(error: ClientError) -> Self {
        Self { status: error.exit_status(), message: error.to_string() }
    }
}

macro_rules! usage_from {
    ($($error:ty),*) => {$(
        impl From<$error> for CliError {
            fn from(error: $error) -> Self {
                CliError::usage(error)
            }
        }
    )*};
}
usage_from!(
    selfsame_protocol::canon::CanonError,
    selfsame_protocol::import::ImportError,
    crate::keys::KeyFileError,
    crate::config::ConfigError
);

/// Result of a command.
pub type Done = Result<(), CliError>;

impl Global {
    fn context_dir(&self) -> Option<PathBuf> {
        self.context
            .clone()
            .or_else(|| Some(PathBuf::from("selfsame-dev")).filter(|dir| dir.join("context.json").exists()))
    }

    /// The endpoints given, or those of the context.
    pub fn endpoints(&self) -> Result<Vec<String>, CliError> {
        let mut endpoints = self.endpoint.clone();
        if endpoints.is_empty()
            && let Some(dir) = self.context_dir()
        {
            let file: Value = serde_json::from_slice(&read(&dir.join("context.json"))?).map_err(CliError::usage)?;
            endpoints =
                file["endpoints"].as_array().into_iter().flatten().filter_map(|e| e.as_str().map(Into::into)).collect();
        }
        if endpoints.is_empty() {
            return Err(CliError::usage(
                "no endpoint: give --endpoint host:port, set SELFSAME_ENDPOINT, or run in a directory with selfsame-dev",
            ));
        }
        Ok(endpoints)
    }

    /// A client of [`Global::endpoints`].
    pub fn client(&self) -> Result<Client, CliError> {
        Ok(Client::new(&self.endpoints()?, Arc::new(TcpNet))?)
    }

    /// The signing key.
    pub fn signer(&self) -> Result<selfsame_protocol::keys::SecretKey, CliError> {
        let Some(name) = &self.key else {
            return Err(CliError::usage("this command is signed: give --key FILE or set SELFSAME_KEY"));
        };
        let path = Path::new(name);
        if !path.exists()
            && let Some(dir) = self.context_dir()
        {
            let inside = dir.join("keys").join(format!("{name}.json"));
            if inside.exists() {
                return Ok(keys::load(&inside)?);
            }
        }
        Ok(keys::load(path)?)
    }

    /// Signs a command in a role for the cluster that answers.
    pub async fn sign(&self, client: &Client, role: Role, command: Command) -> Result<Envelope, CliError> {
        let actor = Actor { cluster: client.genesis().await?.cluster, role, key: self.signer()? };
        Ok(match &self.request_id {
            Some(id) => actor.sign(id, command),
            None => actor.sign_content(command),
        })
    }

    /// Signs and submits a command and prints the receipt; with `--receipt`, writes the proofs of its entries.
    pub async fn submit(&self, role: Role, command: Command) -> Result<Receipt, CliError> {
        let client = self.client()?;
        if let Some(file) = &self.receipt {
            // Before anything is written to the ledger: afterwards the receipt would be all that failed.
            unused(file)?;
        }
        let envelope = self.sign(&client, role, command).await?;
        let accepted = match &self.receipt {
            None => Accepted { receipt: client.submit(&envelope).await?, proofs: Vec::new(), refusal: None },
            Some(_) => client.submit_proven(&envelope, Duration::from_secs(self.receipt_within)).await?,
        };
        let receipt = accepted.receipt;
        let mut document =
            json!({"submission": receipt.submission, "entries": receipt.entries, "result": receipt.result});
        if let Some(file) = &self.receipt {
            let mut files = Vec::new();
            for (number, proof) in (1..).zip(&accepted.proofs) {
                let path = if number == 1 { file.clone() } else { numbered(file, number) };
                write_new(&path, proof.proof.as_bytes())?;
                files.push(json!({"ledger": proof.entry.ledger, "index": proof.entry.index, "file": path}));
            }
            document["receipts"] = Value::Array(files);
        }
        self.print("Receipt", document);
        match accepted.refusal {
            None => Ok(receipt),
            Some(refusal) => {
                let what = "the entry is committed, but its receipt was not had in time";
                let later = "ask with `selfsame ledger receipt`";
                Err(CliError::with(refusal.code.exit_status(), format!("{what}: {refusal}; {later}")))
            }
        }
    }

    /// The right of the next write of a substrate, from its present state.
    pub async fn fence(&self, client: &Client, substrate: &str) -> Result<Fence, CliError> {
        let holder = client.substrate(substrate).await?.holder;
        Ok(Fence { epoch: holder.epoch, seq: U64(holder.seq.0.saturating_add(1)) })
    }

    /// Prints data on standard output.
    pub fn print(&self, kind: &str, value: Value) {
        let mut document = json!({"apiVersion": "selfsame/v1", "kind": kind});
        match (document.as_object_mut(), value) {
            (Some(document), Value::Object(members)) => document.extend(members),
            (Some(document), other) => {
                document.insert("value".into(), other);
            }
            (None, _) => {}
        }
        match self.output {
            Output::Json => out(&format!("{document:#}\n")),
            Output::Jsonl => out(&format!("{document}\n")),
            Output::Table => {
                let mut rows = Vec::new();
                for (name, value) in document
                    .as_object()
                    .into_iter()
                    .flatten()
                    .filter(|(name, _)| *name != "apiVersion" && *name != "kind")
                {
                    flatten(name, value, &mut rows);
                }
                let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
                for (name, value) in rows {
                    out(&format!("{name:<width$}  {value}\n"));
                }
            }
        }
    }

    /// Talks on standard error.
    pub fn say(&self, line: &str) {
        if !self.quiet {
            eprintln!("{line}");
        }
    }
}

fn flatten(name: &str, value: &Value, rows: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            members.iter().for_each(|(member, value)| flatten(&format!("{name}.{member}"), value, rows))
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            items.iter().enumerate().for_each(|(i, value)| flatten(&format!("{name}[{i}]"), value, rows))
        }
        Value::String(text) => rows.push((name.into(), text.clone())),
        other => rows.push((name.into(), other.to_string())),
    }
}

/// Writes data to standard output. A reader that left (a closed pipe, as with `| head`) ends the process quietly.
pub fn out(text: &str) {
    use std::io::Write as _;
    let mut stdout = std::io::stdout().lock();
    if stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).is_err() {
        std::process::exit(0);
    }
}

fn unused(path: &Path) -> Result<(), CliError> {
    if path.exists() { Err(CliError::with(5, format!("{} exists already", path.display()))) } else { Ok(()) }
}

fn numbered(path: &Path, number: usize) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}

/// Writes a file that does not exist yet.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    use std::io::Write as _;
    let failed = |error: std::io::Error| CliError::with(5, format!("{}: {error}", path.display()));
    let mut file = std::fs::File::create_new(path).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)
}

/// Reads a file, or standard input for `-`.
pub fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    let read = if path == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut std::io::stdin(), &mut bytes).map(|_| bytes)
    } else {
        std::fs::read(path)
    };
    read.map_err(|error| CliError::usage(format!("{}: {error}", path.display())))
}

/// Reads a JSON file strictly.
pub fn read_json(path: &Path) -> Result<Value, CliError> {
    Ok(selfsame_protocol::canon::parse(&read(path)?, &selfsame_protocol::canon::Limits::DOCUMENT)?)
}
