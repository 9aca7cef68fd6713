//! What every command needs: where the cluster is, who signs, how to print.

use super::error::unwritten;
pub use super::error::{CliError, Done};
use super::{table, verdict};
pub use crate::console::out;
use crate::console::{self, visible};
use clap::{Args, ValueEnum};
use selfsame_client::{Accepted, ChipSession, Client, ClientError, Signer, Substrate};
use selfsame_env::{Clock as _, SystemClock, check_address, key_file};
use selfsame_offline::Failure;
use selfsame_offline::files::{self, Unfinished};
use selfsame_protocol::canon::{self, Limits};
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{Command, Role, Submission};
use selfsame_protocol::digest::hex;
use selfsame_protocol::envelope::Envelope;
use selfsame_protocol::names::SubstrateId;
use selfsame_protocol::response::SubmitResponse;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
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
#[command(next_help_heading = "Global options")]
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
    /// Name of the request. By default a command of an organisation is named after its content, and a write of a
    /// substrate has a new name each time.
    ///
    /// So repeating a declaration or a command of an organisation is a safe retry: it gives the first answer, and says
    /// that it did; give another name to do the same thing twice. A write of a substrate is done again each time: give a
    /// name, and a repeat is refused instead of done twice.
    #[arg(long, global = true, env = "SELFSAME_REQUEST_ID")]
    pub request_id: Option<String>,
    /// New file for the receipt of the entry that this command writes.
    ///
    /// That is proof that it stands in a checkpoint that enough organisations cosigned. Of several entries the others' receipts go to FILE.2, FILE.3 and so on. As a variable of the environment it is passed over by commands that keep none.
    #[arg(long, global = true, value_name = "FILE", env = "SELFSAME_RECEIPT")]
    pub receipt: Option<PathBuf>,
    /// Seconds to wait for a receipt, at most 20. A write stands even when its receipt does not come in time.
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 15, env = "SELFSAME_RECEIPT_WITHIN",
          value_parser = clap::value_parser!(u64).range(0..=20))]
    pub receipt_within: u64,
    /// How long to try while no node answers or none is ready: 5, 5s, 500ms or 2m. It bounds connecting and retrying, and
    /// not what a node works on, nor the parts of a file that come.
    #[arg(long, global = true, value_name = "TIME", default_value = "5s", env = "SELFSAME_TIMEOUT", value_parser = duration)]
    pub timeout: Duration,
    /// Form of the output.
    #[arg(short = 'o', long = "output", global = true, value_enum, default_value_t, env = "SELFSAME_OUTPUT")]
    pub output: Output,
    /// Sign for keys without asking; they are shown all the same.
    #[arg(long, short = 'y', global = true, env = "SELFSAME_YES")]
    pub yes: bool,
    /// Print the one value alone, and say nothing else: a run id, a digest, an index; of a list one on each line. Each
    /// command's help says which.
    #[arg(long, short, global = true, env = "SELFSAME_QUIET")]
    pub quiet: bool,
}

impl Global {
    /// The directory of the context, when there is one.
    pub fn context_dir(&self) -> Option<PathBuf> {
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
            let file = context_file(&dir)?;
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

    /// The file of a key that has a name in the context.
    pub fn context_key(&self, name: &str) -> Option<PathBuf> {
        // A name is no path: it stays in the folder.
        let plain = !name.is_empty() && !name.contains(['/', '\\']) && name != "..";
        let inside = self.context_dir()?.join("keys").join(format!("{name}.json"));
        (plain && inside.exists()).then_some(inside)
    }

    /// A client of [`Global::endpoints`].
    pub fn client(&self) -> Result<Client, CliError> {
        let quiet = self.quiet;
        let notice = move |text: &str| {
            if !quiet {
                console::say(text);
            }
        };
        Ok(Client::builder().endpoints(self.endpoints()?).ready_timeout(self.timeout).on_retry(notice).build()?)
    }

    /// The signing key.
    pub fn signer(&self) -> Result<selfsame_protocol::keys::SecretKey, CliError> {
        let Some(name) = &self.key else {
            return Err(CliError::usage("this command is signed: give --key FILE or set SELFSAME_KEY"));
        };
        let path = Path::new(name);
        let inside = self.context_key(name).filter(|_| !path.exists());
        Ok(key_file::load(inside.as_deref().unwrap_or(path))?)
    }

    /// Signs a command in a role for the cluster that answers.
    pub async fn sign(&self, client: &Client, role: Role, command: Command) -> Result<Envelope, CliError> {
        let signer = self.signer_as(client, role).await?;
        Ok(match &self.request_id {
            Some(id) => signer.sign(id, command),
            None => signer.sign_content(command),
        })
    }

    /// Signs and submits a command and prints the receipt; with `--receipt`, writes the proofs of its entries. Says when
    /// the same request was answered before, for then nothing is done now.
    pub async fn submit(&self, role: Role, command: Command) -> Result<SubmitResponse, CliError> {
        let client = self.client()?;
        let envelope = self.sign(&client, role, command).await?;
        let repeated = match client.submission(&envelope.digest()).await {
            Ok(_) => true,
            Err(ClientError::Refused(refusal)) if refusal.code == Code::NotFound => false,
            Err(error) => return Err(error.into()),
        };
        if repeated {
            self.say(
                "this request was answered before, and here is that answer: nothing is done now; give another --request-id to do it again",
            );
        }
        self.sent(&client, &envelope, repeated).await
    }

    /// Submits a signed command and prints the receipt; with `--receipt`, writes the proofs of its entries.
    pub async fn send(&self, client: &Client, envelope: &Envelope) -> Result<SubmitResponse, CliError> {
        self.sent(client, envelope, false).await
    }

    async fn sent(&self, client: &Client, envelope: &Envelope, repeated: bool) -> Result<SubmitResponse, CliError> {
        if let Some(file) = &self.receipt {
            // Before anything is written to the ledger: afterwards the receipt would be all that failed.
            (1..=entries(envelope)).try_for_each(|number| can_be_new(&numbered(file, number)))?;
        }
        let accepted = match &self.receipt {
            None => {
                client.submit(envelope).await.map(|response| Accepted { response, receipts: Vec::new(), refusal: None })
            }
            Some(_) => client.submit_with_receipts(envelope, Duration::from_secs(self.receipt_within)).await,
        };
        let accepted = accepted.map_err(|error| unsure(envelope, error))?;
        let response = accepted.response;
        console::stands(&committed(&response));
        let mut document =
            json!({"submission": response.submission, "entries": response.entries, "result": response.result});
        if repeated {
            document["repeated"] = true.into();
        }
        if let Some(file) = &self.receipt {
            let mut files = Vec::new();
            let mut unkept = None;
            for (number, receipt) in (1..).zip(&accepted.receipts) {
                let path = numbered(file, number);
                if let Err(error) = write_new(&path, receipt.proof.as_bytes()) {
                    // The entry stands, and is shown.
                    unkept = Some(error);
                    break;
                }
                files.push(json!({"ledger": receipt.entry.ledger, "index": receipt.entry.index, "file": path}));
            }
            document["receipts"] = Value::Array(files);
            if let Some(error) = unkept {
                self.print("Receipt", document);
                let later = "get it with `selfsame ledger receipt`";
                // Whatever is wrong with the name: the command was understood, and did what it does.
                let sentence = format!("the entry is committed, but {}: {later}", error.message);
                return Err(CliError::with(1, sentence));
            }
            if response.entries.is_empty() {
                let file = file.display().to_string();
                self.say(&format!("no entry was written, so that there is no receipt, and no file {}", visible(&file)));
            }
        }
        self.print("Receipt", document);
        match accepted.refusal {
            None => Ok(response),
            Some(refusal) => {
                let what = "the entry is committed, but its receipt was not had in time";
                let later = "ask with `selfsame ledger receipt`";
                // The command was understood, whatever is said of its receipt.
                let status = Some(refusal.code.exit_status()).filter(|status| *status != 2).unwrap_or(1);
                Err(CliError::with(status, format!("{what}: {refusal}; {later}")))
            }
        }
    }

    /// The signing key in a role, for the cluster that answers.
    pub async fn signer_as(&self, client: &Client, role: Role) -> Result<Signer, CliError> {
        Ok(Signer { cluster: client.genesis().await?.cluster, role, key: self.signer()? })
    }

    /// The signing chip's place in a substrate in this state. The next write has the name of the request that was given, or
    /// one that no other has: two programs that write the same at once write twice, or one of them is refused.
    pub async fn session(&self, client: &Client, state: &Substrate) -> Result<ChipSession, CliError> {
        let mut session = ChipSession::resumed(self.signer_as(client, Role::Chip).await?, state);
        session.set_request_id(match &self.request_id {
            Some(id) => id.clone(),
            None => fresh_name()?,
        });
        Ok(session)
    }

    /// A chip that does not hold the substrate yet.
    pub async fn newcomer(&self, client: &Client, substrate: &SubstrateId) -> Result<ChipSession, CliError> {
        let mut session = ChipSession::new(self.signer_as(client, Role::Chip).await?, substrate.clone());
        self.name(&mut session);
        Ok(session)
    }

    fn name(&self, session: &mut ChipSession) {
        if let Some(id) = &self.request_id {
            session.set_request_id(id);
        }
    }

    /// Prints data on standard output: one document for programs, rows for people.
    pub fn print(&self, kind: &str, value: Value) {
        self.show(kind, value, None, true);
    }

    /// Says that something was done that leaves nothing to read; for programs in a document.
    pub fn done(&self, kind: &str, value: Value, sentence: &str) {
        match self.output {
            Output::Table => self.say(sentence),
            Output::Json | Output::Jsonl => self.print(kind, value),
        }
    }

    /// Prints data whose first word for people is a verdict: the lines are shown before the rows, the first of them begins
    /// with the word. Programs read the same in the members of the value.
    pub fn verdict(&self, kind: &str, lines: &[String], value: Value) {
        self.show(kind, value, Some(lines), true);
    }

    /// Prints the verdict of a check that failed, with what it is about and further members.
    pub fn failed(&self, kind: &str, what: &str, failure: &Failure, more: Value) {
        let status = verdict::status(failure);
        let mut members = json!({"verdict": verdict::name(status), "exit_status": status, "failure": failure});
        if let (Some(members), Value::Object(more)) = (members.as_object_mut(), more) {
            members.extend(more);
        }
        self.show(kind, members, Some(&verdict::failed(what, failure)), false);
    }

    /// `rows` says whether people see the members as well as the lines.
    fn show(&self, kind: &str, value: Value, lines: Option<&[String]>, rows: bool) {
        let members = match value {
            Value::Object(members) => members,
            other => [("value".to_owned(), other)].into_iter().collect(),
        };
        if self.output == Output::Table {
            let mut members = Value::Object(members);
            if self.one(kind, &members) {
                return;
            }
            let style = table::Style::here(SystemClock.now_ms());
            let mut text = String::new();
            for line in lines.into_iter().flatten() {
                text.push_str(&visible(line));
                text.push('\n');
            }
            if let (Some(_), Some(members)) = (lines, members.as_object_mut()) {
                // The lines have said it.
                members.retain(|name, _| name != "verdict" && name != "exit_status");
            }
            if rows {
                text.push_str(&table::render(kind, &members, &style));
            }
            return console::layout(&text);
        }
        let mut document = json!({"apiVersion": "selfsame/v1", "kind": kind});
        if let Some(document) = document.as_object_mut() {
            document.extend(members);
        }
        console::layout(&format!("{}\n", console::json(&document, self.output == Output::Json)));
    }

    /// With `-q`, prints the one value of a document, when one is decided on; says whether it did.
    fn one(&self, kind: &str, members: &Value) -> bool {
        let Some(values) = table::one(kind, members).filter(|_| self.quiet) else { return false };
        values.iter().for_each(|value| console::layout(&format!("{value}\n")));
        true
    }

    /// Prints text that is what it is, as a note or a proof; with `-q` the one value of `members` instead.
    pub fn text(&self, kind: &str, text: &str, members: &Value) {
        if self.output != Output::Table || !self.one(kind, members) {
            out(text);
        }
    }

    /// Says why the command ends, for people, and for programs where nothing was printed that holds the answer.
    pub fn refuse(&self, error: &CliError) {
        if self.output != Output::Table && !console::printed() {
            console::layout(&format!("{}\n", console::json(&error.document(), self.output == Output::Json)));
        }
        console::complain(&error.message);
    }

    /// Talks on standard error.
    pub fn say(&self, line: &str) {
        if !self.quiet {
            console::say(line);
        }
    }
}

/// An address that can be connected to.
pub fn address(text: &str) -> Result<String, String> {
    check_address(text).map(|()| text.into())
}

/// Longest time that can be given.
const LONGEST: Duration = Duration::from_secs(86_400);

/// A time: seconds, or a number with its unit.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no time from 1ms to 1440m: write 5, 5s, 500ms or 2m");
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let millis = match unit {
        "ms" => Some(number),
        "" | "s" => number.checked_mul(1_000),
        "m" => number.checked_mul(60_000),
        _ => None,
    };
    let time = Duration::from_millis(millis.ok_or_else(wrong)?);
    if time.is_zero() || time > LONGEST { Err(wrong()) } else { Ok(time) }
}

fn at(path: &Path) -> impl Fn(std::io::Error) -> CliError + '_ {
    move |error| {
        let shown = path.display().to_string();
        CliError::with(unwritten(&error), format!("{} was not written: {error}", visible(&shown)))
    }
}

/// Refuses a name under which no new file can be written, and leaves nothing.
fn can_be_new(path: &Path) -> Result<(), CliError> {
    files::unused(path).and_then(|()| Unfinished::of(path).map(drop)).map_err(at(path))
}

/// Entries that a submission is known to leave before it is sent, 1 at least.
fn entries(envelope: &Envelope) -> usize {
    let submission = canon::parse(&envelope.payload, &Limits::SUBMISSION).and_then(canon::decode::<Submission>);
    match submission.map(|submission| submission.command) {
        Ok(Command::Append(append)) => append.items.len().max(1),
        Ok(_) | Err(_) => 1,
    }
}

/// What an accepted submission did for good.
fn committed(response: &SubmitResponse) -> String {
    let look = match response.entries.first() {
        Some(entry) => format!("selfsame ledger get {} {}", entry.ledger, entry.index),
        None => "selfsame cluster status".into(),
    };
    format!(
        "What was to be written stands in the ledger, as submission {}: do not repeat the command, but look with `{look}`",
        response.submission
    )
}

/// The name of the file of a receipt, from 1.
fn numbered(path: &Path, number: usize) -> PathBuf {
    if number == 1 {
        return path.into();
    }
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}

/// Writes a file that does not exist yet, whole or not at all.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    files::write_new(path, bytes).map_err(at(path))
}

/// Writes a file, in the place of one that may be there, whole or not at all.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    files::replace(path, bytes).map_err(at(path))
}

/// Whether a request that got no answer was taken, nobody knows here: says how to ask again without doing it twice.
pub fn unsure(envelope: &Envelope, error: ClientError) -> CliError {
    let unknown = matches!(error, ClientError::Unreachable { .. }) || error.code() == Some(Code::OutcomeUnknown);
    let named = serde_json::from_slice::<Submission>(&envelope.payload).map(|submission| submission.request_id);
    match named {
        Ok(named) if unknown => {
            let again = match named.starts_with("content/") {
                true => "the same command asks for its answer again".into(),
                false => {
                    format!("the same command with --request-id {named} asks again, and is refused if it was taken")
                }
            };
            CliError::from(error).and(&format!("It may have been taken: {again}")).member("request_id", named)
        }
        Ok(_) | Err(_) => error.into(),
    }
}

/// A name of a request that no other has: 16 bytes of chance.
fn fresh_name() -> Result<String, CliError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| CliError::with(1, format!("no randomness to be had: {error}")))?;
    Ok(format!("once/{}", hex(&bytes)))
}

/// Reads a file, or standard input for `-`.
pub fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    let read = if path == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut std::io::stdin(), &mut bytes).map(|_| bytes)
    } else {
        std::fs::read(path)
    };
    read.map_err(|error| CliError::usage(format!("{}: {error}", visible(&path.display().to_string()))))
}

/// Reads a JSON file strictly.
pub fn read_json(path: &Path) -> Result<Value, CliError> {
    Ok(canon::parse(&read(path)?, &Limits::DOCUMENT)?)
}

/// Reads the file of a context.
pub fn context_file(dir: &Path) -> Result<Value, CliError> {
    let path = dir.join("context.json");
    serde_json::from_slice(&read(&path)?).map_err(|error| bad_context(&path, error))
}

/// The file of a context is damaged.
pub fn bad_context(path: &Path, error: serde_json::Error) -> CliError {
    let path = path.display().to_string();
    CliError::usage(visible(&format!("{path}: {error}. This is no context: `selfsame dev` writes one when it starts")))
}
