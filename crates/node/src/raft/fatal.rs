//! Why this node cannot continue. The first reason is kept: later ones are its echoes.

use super::types::StorageError;
use openraft::{AnyError, ErrorSubject, ErrorVerb, StorageIOError};
use tokio::sync::watch;

#[derive(Clone)]
pub(super) struct Fatal(std::sync::Arc<watch::Sender<Option<String>>>);

impl Fatal {
    pub(super) fn new() -> Self {
        Self(std::sync::Arc::new(watch::Sender::new(None)))
    }

    /// Records the reason, unless there is one already.
    pub(super) fn set(&self, reason: impl ToString) {
        let reason = reason.to_string();
        self.0.send_if_modified(|kept| {
            if kept.is_some() {
                return false;
            }
            tracing::error!(%reason, "the node cannot continue");
            *kept = Some(reason);
            true
        });
    }

    pub(super) fn get(&self) -> Option<String> {
        self.0.borrow().clone()
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Option<String>> {
        self.0.subscribe()
    }

    /// Records the reason and gives openraft the error that stops its core.
    pub(super) fn storage(&self, subject: ErrorSubject<u64>, verb: ErrorVerb, reason: impl ToString) -> StorageError {
        let reason = reason.to_string();
        self.set(&reason);
        StorageIOError::new(subject, verb, AnyError::error(reason)).into()
    }
}
