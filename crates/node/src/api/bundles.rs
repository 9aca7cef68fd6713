//! Bundles of substrates and of runs: their lines, written while the reader takes them.

use super::checkpoints::CheckpointedTrees;
use super::{Api, BUNDLES, refused, unreadable};
use crate::store::StateView;
use futures::StreamExt as _;
use selfsame_env::Executor;
use selfsame_machine::head::governance_subjects;
use selfsame_machine::read;
use selfsame_protocol::bundle::{BUNDLE_TYPE, Header, Line, submission_line};
use selfsame_protocol::canon;
use selfsame_protocol::code::{Code, Refusal};
use selfsame_protocol::command::Author;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::Entry;
use selfsame_protocol::envelope::Envelope;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::subject::Subject;
use serde::Deserialize;
use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

/// A reader of a bundle that takes no part for this long is left: others wait for its place.
const READER_PATIENCE: Duration = Duration::from_secs(30);
/// Indexes of a chain read at once.
const PAGE: usize = 1_024;
/// Bytes of one message: a submission can be larger than what clients read at once.
const PART: usize = 1 << 20;

/// Parts of a bundle on their way.
pub(super) type Parts<T> = Pin<Box<dyn futures::Stream<Item = Result<T, Status>> + Send>>;
/// Takes one line without its line feed; `false` when the reader is gone.
pub(super) type Out<'a> = &'a dyn Fn(Vec<u8>) -> bool;

impl Api {
    /// A place among the bundles that are written at once.
    pub(super) fn place(&self) -> Result<OwnedSemaphorePermit, Status> {
        self.bundles.clone().try_acquire_owned().map_err(|_| {
            let sentence = "too many bundles are being written: try again, or ask another node";
            refused(Refusal::new(Code::Overloaded, sentence, format!("at most {BUNDLES} at once"), ""))
        })
    }

    /// Writes a bundle as its reader takes it. `message` makes an answer of bytes.
    pub(super) fn stream<T: Send + 'static>(
        &self,
        place: OwnedSemaphorePermit,
        message: fn(Vec<u8>) -> T,
        write: impl FnOnce(&Api, Out<'_>) -> Result<(), Status> + Send + 'static,
    ) -> Parts<T> {
        let (send, receive) = tokio::sync::mpsc::channel(16);
        // Gone without a word when the writer gave up: an end that looks like the end of the file would be a file cut short.
        let (whole, ended) = tokio::sync::oneshot::channel::<()>();
        let (api, runtime) = (self.clone(), tokio::runtime::Handle::current());
        match self.env.executor {
            Executor::Threads => {
                tokio::task::spawn_blocking(move || {
                    let part = |part| runtime.block_on(tokio::time::timeout(READER_PATIENCE, send.send(part)));
                    let all = Cell::new(true);
                    let out = |line| {
                        let sent = parts(line).all(|data| matches!(part(Ok(message(data))), Ok(Ok(()))));
                        all.set(all.get() && sent);
                        sent
                    };
                    // The reader may be gone; then nobody wants to hear of it either.
                    match write(&api, &out) {
                        Ok(()) if all.get() => {
                            let _ = whole.send(());
                        }
                        Ok(()) => {}
                        Err(status) => {
                            if matches!(part(Err(status)), Ok(Ok(()))) {
                                let _ = whole.send(());
                            }
                        }
                    }
                    drop(place);
                });
            }
            // Without a thread of its own the writer cannot wait for the reader: all parts are made first.
            Executor::Inline => {
                let made = RefCell::new(Vec::new());
                let out = |line| {
                    made.borrow_mut().extend(parts(line).map(|data| Ok(message(data))));
                    true
                };
                let failed = write(&api, &out).err();
                let made = made.into_inner().into_iter().chain(failed.map(Err));
                runtime.spawn(async move {
                    for part in made {
                        let sent = tokio::time::timeout(READER_PATIENCE, send.send(part)).await;
                        if !matches!(sent, Ok(Ok(()))) {
                            return;
                        }
                    }
                    let _ = whole.send(());
                    drop(place);
                });
            }
        }
        let late = || {
            let expected = format!("the next part taken within {} s", READER_PATIENCE.as_secs());
            let sentence = "the bundle was read too slowly, and others wait: read it faster, or ask another node";
            refused(Refusal::new(Code::Overloaded, sentence, expected, ""))
        };
        let end = futures::stream::once(async move { ended.await.err().map(|_| Err(late())) });
        Box::pin(ReceiverStream::new(receive).chain(end.filter_map(std::future::ready)))
    }

    /// Writes the lines of a bundle: what stands in the trees of the checkpoints, so that every node writes the same lines
    /// behind the header. Stops early when the reader is gone.
    pub(super) fn write_bundle(
        &self,
        trees: &CheckpointedTrees,
        subject: &Subject,
        head: String,
        out: Out<'_>,
    ) -> Result<(), Status> {
        let header = Header {
            bundle: BUNDLE_TYPE.into(),
            checkpoints: trees.notes.clone(),
            genesis: self.genesis.document(),
            head,
            subject: subject.clone(),
        };
        if !out(canon::to_canonical_of(&header)) {
            return Ok(());
        }
        let subjects = governance_subjects(&trees.view).map_err(unreadable)?;
        let mut governance = Vec::new();
        for subject in subjects {
            chain(trees, &subject, Ledger::Reasoning, |index| {
                governance.push(index);
                Ok(true)
            })?;
        }
        governance.sort_unstable();
        let mut submission = None;
        let mut line = |ledger: Ledger, index: u64, with_submission: bool| -> Result<bool, Status> {
            let leaf = leaf(&trees.view, ledger, index)?;
            if with_submission {
                let caused = Entry::from_leaf(&leaf).map_err(unreadable)?.submission;
                if submission.replace(caused) != Some(caused) && !out(signed(&trees.view, &caused)?) {
                    return Ok(false);
                }
            }
            Ok(out(entry(trees, ledger, index, leaf)?))
        };
        for index in governance {
            if !line(Ledger::Reasoning, index, true)? {
                return Ok(());
            }
        }
        let is_run = matches!(subject, Subject::Run(_));
        for ledger in Ledger::BOTH {
            if !chain(trees, subject, ledger, |index| line(ledger, index, is_run))? {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// A line and its line feed, in parts.
fn parts(mut line: Vec<u8>) -> impl Iterator<Item = Vec<u8>> {
    line.push(b'\n');
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let mut part = rest.take()?;
        if part.len() > PART {
            rest = Some(part.split_off(PART));
        }
        Some(part)
    })
}

fn leaf(view: &StateView, ledger: Ledger, index: u64) -> Result<Vec<u8>, Status> {
    let leaf = read::leaf(view, ledger, index).map_err(unreadable)?;
    leaf.ok_or_else(|| unreadable(format!("entry {index} is missing")))
}

/// The line of an entry.
fn entry(trees: &CheckpointedTrees, ledger: Ledger, index: u64, leaf: Vec<u8>) -> Result<Vec<u8>, Status> {
    let size = trees.sizes[ledger];
    let proof = read::inclusion(&trees.view, ledger, index, size).map_err(|e| unreadable(e.to_string()))?;
    let leaf = String::from_utf8(leaf).map_err(unreadable)?;
    Ok(canon::to_canonical_of(&Line { ledger, leaf, proof }))
}

/// The line of a submission.
fn signed(view: &StateView, digest: &Digest) -> Result<Vec<u8>, Status> {
    #[derive(Deserialize)]
    struct Payload {
        author: Author,
    }
    let missing = || unreadable(format!("submission {digest} is missing"));
    let bytes = read::envelope(view, digest).map_err(unreadable)?.ok_or_else(missing)?;
    let envelope = Envelope::from_bytes(&bytes).map_err(unreadable)?;
    let Payload { author } = serde_json::from_slice(&envelope.payload).map_err(unreadable)?;
    Ok(submission_line(&envelope, author.key.id()))
}

/// Every entry of a chain in the tree of the checkpoint, in order, until `each` says no; whether it never did.
fn chain(
    trees: &CheckpointedTrees,
    subject: &Subject,
    ledger: Ledger,
    mut each: impl FnMut(u64) -> Result<bool, Status>,
) -> Result<bool, Status> {
    let mut depth = 0;
    loop {
        let page = read::subject_indexes(&trees.view, subject, ledger, depth, PAGE).map_err(unreadable)?;
        depth += page.len() as u64;
        let last = page.len() < PAGE;
        for index in page {
            if index >= trees.sizes[ledger] {
                return Ok(true);
            }
            if !each(index)? {
                return Ok(false);
            }
        }
        if last {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_into_messages_that_clients_read() {
        for length in [0, 1, PART - 1, PART, 3 * PART, 3 * PART + 7] {
            let line = vec![b'x'; length];
            let cut: Vec<Vec<u8>> = parts(line.clone()).collect();
            assert!(cut.iter().all(|part| !part.is_empty() && part.len() <= PART));
            assert_eq!(cut.concat(), [&line[..], b"\n"].concat());
        }
    }
}
