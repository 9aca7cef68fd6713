//! How a command ends without success, for people and for programs.

use crate::client::ClientError;
use crate::console;
use crate::offline::Failure;
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
            error => {
                let retry = matches!(error, ClientError::Unreachable(_));
                Self::with(error.exit_status(), console::visible(&error.to_string())).member("retry", retry)
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
        match error {
            ImportError::Canon(error) => error.into(),
            ImportError::Refused { pointer, rule } => {
                let message = console::visible(&format!("{pointer}: {rule}")).into_owned();
                Self::usage(message).member("pointer", pointer).member("rule", rule)
            }
            ImportError::UnknownFormat => Self::usage(error),
        }
    }
}

/// A failed check: 10 when something was altered, 13 when it cannot be decided.
impl From<Failure> for CliError {
    fn from(failure: Failure) -> Self {
        let message = console::visible(&failure.to_string()).into_owned();
        Self::with(super::verdict::status(&failure), message)
            .member("code", failure.check)
            .member("expected", failure.expected)
            .member("found", failure.found)
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
usage_from!(crate::keys::KeyFileError, crate::config::ConfigError);
