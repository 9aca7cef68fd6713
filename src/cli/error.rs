//! How a command ends without success, for people and for programs.

use crate::console;
use selfsame_client::ClientError;
use selfsame_env::key_file::KeyFileError;
use selfsame_node::config::{ConfigError, Fault};
use selfsame_offline::Failure;
use selfsame_protocol::canon::CanonError;
use selfsame_protocol::code::Refusal;
use selfsame_protocol::import::ImportError;
use serde_json::{Map, Value, json};

/// A failure with its exit status.
#[derive(Debug)]
pub struct CliError {
    /// Exit status.
    pub status: u8,
    /// What is wrong, where, and what to do, for people. Values of others in it are on one line each.
    pub message: String,
    /// What programs read beside it: `code`, `rule`, `expected`, `found`, `retry`, `pointer`.
    members: Map<String, Value>,
}

/// Result of a command.
pub type Done = Result<(), CliError>;

impl CliError {
    /// A usage or configuration error.
    pub fn usage(message: impl ToString) -> Self {
        Self::with(2, message)
    }
    /// Any other status.
    pub fn with(status: u8, message: impl ToString) -> Self {
        Self { status, message: message.to_string(), members: Map::new() }
    }
    /// Adds a sentence.
    pub fn and(mut self, sentence: &str) -> Self {
        self.message = format!("{}. {sentence}", self.message);
        self
    }
    /// Adds what programs read.
    pub fn member(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.into(), value.into());
        self
    }

    /// The one document of a command that printed none, in JSON:
    /// `{"apiVersion","kind":"Refusal","message","exit_status", code?, rule?, expected?, found?, retry?, pointer?}`.
    pub fn document(&self) -> Value {
        let mut document = json!({
            "apiVersion": "selfsame/v1", "kind": "Refusal", "message": self.message, "exit_status": self.status,
        });
        if let Some(document) = document.as_object_mut() {
            document.extend(self.members.clone());
        }
        document
    }
}

impl From<Refusal> for CliError {
    fn from(refusal: Refusal) -> Self {
        let message = console::visible(&refusal.to_string()).into_owned();
        Self::with(refusal.code.exit_status(), message)
            .member("code", refusal.code.as_str())
            .member("retry", refusal.code.retryable())
            .member("rule", refusal.rule)
            .member("expected", refusal.expected)
            .member("found", refusal.found)
    }
}

impl From<ClientError> for CliError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Refused(refusal) => refusal.into(),
            error @ ClientError::Unreachable { .. } => {
                let message = format!("{error}. See that a node runs there, or wait longer with --timeout");
                Self::with(3, console::visible(&message)).member("retry", true)
            }
            error @ (ClientError::InvalidAnswer { .. } | ClientError::NoRuntime | ClientError::Unanswered { .. }) => {
                Self::with(1, console::visible(&error.to_string())).member("retry", false)
            }
            error @ ClientError::NeverClosed => {
                Self::with(5, console::visible(&error.to_string())).member("retry", false)
            }
            error @ ClientError::InvalidEndpoint { .. } => {
                Self::with(2, console::visible(&error.to_string())).member("retry", false)
            }
        }
    }
}

impl From<CanonError> for CliError {
    fn from(error: CanonError) -> Self {
        let message = console::visible(&error.to_string()).into_owned();
        Self::usage(message).member("code", error.code.as_str()).member("pointer", error.pointer)
    }
}

impl From<ImportError> for CliError {
    fn from(error: ImportError) -> Self {
        // A refusal stands on a line of its own, and nothing in it can begin another.
        let lines: Vec<String> = error.to_string().lines().map(|line| console::visible(line).into_owned()).collect();
        let pointer = error.pointers().first().map(|pointer| (*pointer).to_owned()).unwrap_or_default();
        let made = Self::usage(lines.join("\n")).member("pointer", pointer);
        match error {
            ImportError::Canon(error) => made.member("code", error.code.as_str()),
            ImportError::Refused(all) => made.member("refused", json!(all)),
            ImportError::Unknown(_) | ImportError::Ambiguous(_) | ImportError::Stated(_) => made,
        }
    }
}

/// Exit status of a file that could not be written: 5 when something has its name, 2 when it cannot have one there, and 1
/// for data that is lost, as on a full disk.
pub fn unwritten(error: &std::io::Error) -> u8 {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::AlreadyExists => 5,
        ErrorKind::NotFound | ErrorKind::IsADirectory | ErrorKind::NotADirectory | ErrorKind::InvalidInput => 2,
        _ => 1,
    }
}

/// A failed check: 10 when something was altered, 13 when it cannot be decided.
impl From<Failure> for CliError {
    fn from(failure: Failure) -> Self {
        let message = console::visible(&failure.to_string()).into_owned();
        if failure.check == "FILE_UNWRITABLE" {
            // Of writing an export, which is no verdict about anything.
            let message = format!("{} was not written: {}", failure.expected, failure.found);
            return Self::with(1, console::visible(&message)).member("code", failure.check);
        }
        Self::with(super::verdict::status(&failure), message)
            .member("code", failure.check)
            .member("expected", failure.expected)
            .member("found", failure.found)
    }
}

/// Everything that is wrong with a configuration, for programs fault by fault.
impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        let fault = |fault: &Fault| json!({"file": fault.file, "line": fault.line, "member": fault.member, "reason": fault.reason});
        let faults: Vec<Value> = error.faults.iter().map(fault).collect();
        Self::with(error.status(), &error).member("faults", faults)
    }
}

impl From<KeyFileError> for CliError {
    fn from(error: KeyFileError) -> Self {
        let status = match &error {
            // A key that is there already is never overwritten, and a name is the caller's choice.
            KeyFileError::Unsaved { error, .. } => unwritten(error).min(2),
            KeyFileError::Io { .. } | KeyFileError::Content { .. } => 2,
        };
        Self::with(status, error)
    }
}
