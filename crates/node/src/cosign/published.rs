//! What is published: notes that enough organisations cosigned, never a smaller tree after a larger one.

use super::archive::Archive;
use selfsame_protocol::ledger::{Ledger, PerLedger};
use selfsame_protocol::note::{Checkpoint, Note};
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// A checkpoint that enough organisations cosigned.
#[derive(Clone, Debug)]
pub struct PublishedNote {
    /// Size and root.
    pub checkpoint: Checkpoint,
    /// The note.
    pub note: Note,
    /// Its text form.
    pub text: String,
    /// Organisations with the latest time of their cosigners, seconds since 1970.
    pub organisations: BTreeMap<String, u64>,
    /// Seconds since 1970 at which as many organisations as it takes vouched for it.
    pub time: u64,
    /// Whether the publisher's log key signed it.
    pub logged: bool,
}

impl PublishedNote {
    /// What a later note has to exceed.
    fn rank(&self) -> (u64, u64, bool, usize) {
        (self.checkpoint.size, self.time, self.logged, self.note.signatures.len())
    }
}

/// The published checkpoint of each ledger.
pub type PublishedNotes = PerLedger<Option<Arc<PublishedNote>>>;

/// Published checkpoints of both ledgers in one state.
pub type PublishedPair = PerLedger<Arc<PublishedNote>>;

/// The published notes of a node.
pub struct Publishing {
    current: watch::Sender<PublishedNotes>,
    /// The newest two that were collected in one state: between them no submission stands in one tree alone.
    pair: watch::Sender<Option<PublishedPair>>,
    problem: watch::Sender<Option<String>>,
    archive: Mutex<Archive>,
}

impl Publishing {
    pub(super) fn new(archive: Archive) -> Self {
        Self {
            current: watch::Sender::new(PublishedNotes::default()),
            pair: watch::Sender::new(None),
            problem: watch::Sender::new(None),
            archive: Mutex::new(archive),
        }
    }

    pub(super) fn current(&self, ledger: Ledger) -> Option<Arc<PublishedNote>> {
        self.current.borrow()[ledger].clone()
    }

    /// Takes a kept note as published, at the start.
    pub(super) fn restore(&self, ledger: Ledger, note: PublishedNote) {
        self.current.send_modify(|current| current[ledger] = Some(Arc::new(note)));
    }

    pub(super) fn watch(&self) -> watch::Receiver<PublishedNotes> {
        self.current.subscribe()
    }

    pub(super) fn pairs(&self) -> watch::Receiver<Option<PublishedPair>> {
        self.pair.subscribe()
    }

    /// Takes what is published as a pair, when it has the sizes of one state.
    pub(super) fn pair_up(&self, sizes: PerLedger<u64>) {
        let PerLedger { evidence: Some(evidence), reasoning: Some(reasoning) } = self.current.borrow().clone() else {
            return;
        };
        let notes = PerLedger { evidence, reasoning };
        if notes.each_ref().map(|note| note.checkpoint.size) == sizes {
            self.pair.send_modify(|pair| *pair = Some(notes));
        }
    }

    pub(super) fn problem(&self) -> Option<String> {
        self.problem.borrow().clone()
    }

    /// Says why nothing is published, or that something is.
    pub(super) fn set_problem(&self, problem: Option<String>) {
        self.problem.send_if_modified(|known| {
            let changed = *known != problem;
            if changed && let Some(problem) = &problem {
                tracing::warn!(%problem, "no checkpoint is published");
            }
            *known = problem;
            changed
        });
    }

    pub(super) fn kept(&self) -> io::Result<Vec<String>> {
        self.archive.lock().unwrap_or_else(PoisonError::into_inner).notes()
    }

    /// Whether a note would take the place of the published one.
    pub(super) fn wants(&self, ledger: Ledger, note: &PublishedNote) -> bool {
        self.current(ledger).is_none_or(|known| note.rank() > known.rank())
    }

    /// Takes a note in place of the published one when it says more. One with a larger tree is kept before it is shown:
    /// after a crash nobody must see this node go back.
    pub(super) fn offer(&self, ledger: Ledger, note: PublishedNote) -> io::Result<()> {
        // Held throughout, so that of two notes the later one stays.
        let mut archive = self.archive.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.wants(ledger, &note) {
            return Ok(());
        }
        if self.current(ledger).is_none_or(|known| known.checkpoint.size < note.checkpoint.size) {
            archive.keep(&note.text)?;
        }
        self.current.send_modify(|current| current[ledger] = Some(Arc::new(note)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_env::sim_disk::{Faults, SimDisk};
    use selfsame_protocol::digest::Digest;

    fn note(size: u64) -> PublishedNote {
        let checkpoint = Checkpoint { origin: "ledger.example".into(), size, root: Digest::of(&size.to_be_bytes()) };
        let note = Note { text: checkpoint.to_text(), signatures: Vec::new() };
        let text = note.to_text();
        PublishedNote { checkpoint, note, text, organisations: BTreeMap::new(), time: 1, logged: false }
    }

    /// Found by simulation, seed 16 of `log-reversion`.
    #[test]
    fn a_note_that_could_not_be_kept_is_not_shown() {
        let disk = SimDisk::new();
        let publishing = Publishing::new(Archive::open(Arc::new(disk.clone())).unwrap().0);
        let shown = || publishing.current(Ledger::Evidence).map(|note| note.checkpoint.size);
        publishing.offer(Ledger::Evidence, note(5)).unwrap();
        disk.set_faults(Faults { fail_sync_in: Some(1), ..Faults::default() });
        assert!(publishing.offer(Ledger::Evidence, note(6)).is_err());
        assert_eq!(shown(), Some(5));
        publishing.offer(Ledger::Evidence, note(7)).unwrap();
        assert_eq!(shown(), Some(7));
        disk.crash(|| 1);
        let (_, kept) = Archive::open(Arc::new(disk)).unwrap();
        assert_eq!(kept.last(), Some(&note(7).text), "what was shown last is there after a crash");
    }
}
