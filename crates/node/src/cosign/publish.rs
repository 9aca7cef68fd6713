//! Publishing: notes are judged, and the one that says more takes the place of the one before.

use super::cosigner::{Cosigner, Inner, heads, malformed, unreadable};
use super::published::PublishedNote;
use crate::raft::SignatureLine;
use crate::store::StateView;
use selfsame_machine::read;
use selfsame_protocol::code::{Code, Refusal};
use selfsame_protocol::holder::Tree;
use selfsame_protocol::ledger::{Ledger, PerLedger};
use selfsame_protocol::note::{Checkpoint, Note, TYPE_ED25519, Vkey};

impl Inner {
    /// Takes the newest kept note of each ledger as published, when it still has enough organisations behind it. An older
    /// one never takes its place: whoever saw the newest would see this node go back.
    pub(super) fn restore(&self, notes: &[String]) {
        let Ok(view) = self.view() else { return };
        let mut seen = PerLedger { evidence: false, reasoning: false };
        for text in notes.iter().rev() {
            let Ok(note) = Note::parse(text.as_bytes()) else { continue };
            let ledger = Checkpoint::parse(&note.text).map_err(malformed).and_then(|at| self.ledger_of(&at.origin));
            let Ok(ledger) = ledger else { continue };
            if !std::mem::replace(&mut seen[ledger], true)
                && let Ok((_, note)) = self.judge(&view, note)
            {
                self.published.restore(ledger, note);
            }
            if seen.evidence && seen.reasoning {
                break;
            }
        }
        if let Ok(heads) = heads(&view) {
            self.published.pair_up(heads.map(|tree| tree.size));
        }
    }

    /// The recorded log key of a ledger.
    pub(super) fn log_vkey(&self, view: &StateView, ledger: Ledger) -> Result<Option<Vkey>, Refusal> {
        let publisher = read::publication(view).map_err(unreadable)?.publisher;
        let vkey = |key| Vkey { name: self.genesis.ledger_origin(ledger), kind: TYPE_ED25519, key };
        Ok(publisher.map(|publisher| vkey(publisher.log_key)))
    }

    /// What a note is worth: enough organisations vouch for it, and no known key's signature fails. Signatures of unknown
    /// keys are left out, so that nobody can have them published.
    fn judge(&self, view: &StateView, mut note: Note) -> Result<(Ledger, PublishedNote), Refusal> {
        let checkpoint = Checkpoint::parse(&note.text).map_err(malformed)?;
        let ledger = self.ledger_of(&checkpoint.origin)?;
        let quorum = read::quorum(view, &self.genesis).map_err(unreadable)?;
        let mut known = quorum.vkeys();
        known.extend(self.log_vkey(view, ledger)?);
        known.extend(self.witnesses.keys());
        let few = |error: selfsame_protocol::note::NoteError| {
            Refusal::new(
                Code::NotCosigned,
                &format!("the note was not cosigned by enough: {}", error.rule),
                error.expected,
                error.found,
            )
        };
        let verified = note.verify(&known).map_err(few)?;
        let organisations = quorum.enough(&verified).map_err(few)?;
        note.signatures.retain(|signature| known.iter().any(|key| key.is_of(signature)));
        let mut times: Vec<u64> = organisations.values().copied().collect();
        times.sort_unstable();
        let time = times.iter().rev().nth(quorum.threshold.saturating_sub(1)).copied().unwrap_or_default();
        let logged = verified.iter().any(|v| v.kind == TYPE_ED25519);
        let text = note.to_text();
        Ok((ledger, PublishedNote { checkpoint, note, text, organisations, time, logged }))
    }

    /// Takes one note. Gives the publisher's line when this node is the publisher and the note had none.
    fn accept(&self, view: &StateView, note: Note) -> SignatureLine {
        let (ledger, mut found) = self.judge(view, note)?;
        let tree = Tree { size: found.checkpoint.size, root: found.checkpoint.root };
        let (own, _) = read::head(view, ledger).map_err(unreadable)?;
        if tree.size > own {
            let (expected, found) = (format!("{ledger} of {}", tree.size), format!("{own} so far"));
            return Err(Refusal::new(
                Code::NotCosigned,
                "this node has not applied so many entries yet: ask again, or ask another node",
                expected,
                found,
            ));
        }
        let root = self.root(view, ledger, tree.size)?;
        if root != tree.root {
            // Not one liar but as many organisations as it takes: either they or this node's disk are wrong.
            let rule = "enough organisations published another history than this node has: its disk or they are wrong, so it signs nothing more";
            let refusal =
                Refusal::new(Code::Corrupt, rule, format!("{ledger} of {} with root {root}", tree.size), tree.root);
            self.denounce(view, ledger, &found.note);
            self.raise(&refusal);
            return Err(refusal);
        }
        let mut line = String::new();
        // A publisher that may not sign just now still takes the note, as every other node does.
        if !found.logged
            && self.publishes(view).unwrap_or_default()
            && self.claim(view, &[(ledger, tree)]).iter().all(Result::is_ok)
        {
            found.note.sign(&self.genesis.ledger_origin(ledger), &self.log_key);
            if let Some(signature) = found.note.signatures.pop() {
                line = signature.to_line().trim_end().to_owned();
                found.note.signatures.insert(0, signature);
            }
            found.logged = true;
            found.text = found.note.to_text();
        }
        // Whoever demands a witness shows nothing without it; the line is given all the same, for the witness asks for it.
        if self.witnesses.satisfied(&found.note) {
            // What was shown as published must not be unknown after a crash: neither the tree nor whose keys count.
            if self.published.wants(ledger, &found) && !self.is_durable(view, ledger, tree.size)? {
                self.raft.sync().map_err(unreadable)?;
            }
            self.published.offer(ledger, found).map_err(|error| {
                tracing::error!(%error, %ledger, "a note is not published: it could not be kept");
                Refusal::new(
                    Code::Corrupt,
                    "the published note could not be written to disk, so it is not shown",
                    "",
                    error,
                )
            })?;
        }
        Ok(line)
    }

    /// Whether the stored state holds a tree of this size, and the keys and rules by which notes are judged in `view`.
    fn is_durable(&self, view: &StateView, ledger: Ledger, size: u64) -> Result<bool, Refusal> {
        let stored = self.raft.stored_view().map_err(unreadable)?;
        let judged_by = |view| -> Result<_, selfsame_machine::view::ReadError> {
            Ok((read::quorum(view, &self.genesis)?, read::publication(view)?))
        };
        let (known, _) = read::head(&stored, ledger).map_err(unreadable)?;
        Ok(known >= size && judged_by(&stored).map_err(unreadable)? == judged_by(view).map_err(unreadable)?)
    }
}

impl Cosigner {
    /// Takes notes from this node's collector or another's; gives the publisher's line for each where this node has one
    /// to add, and an empty one otherwise.
    pub async fn publish(&self, notes: Vec<String>) -> Vec<SignatureLine> {
        let inner = &self.0;
        let count = notes.len();
        let mut sizes = PerLedger::default();
        let mut parsed = Vec::with_capacity(count);
        for text in &notes {
            let note = Note::parse(text.as_bytes()).map_err(malformed);
            if let Ok(note) = &note
                && let Ok(checkpoint) = Checkpoint::parse(&note.text)
                && let Ok(ledger) = inner.ledger_of(&checkpoint.origin)
            {
                sizes[ledger] = checkpoint.size.max(sizes[ledger]);
            }
            parsed.push(note);
        }
        inner.caught_up(sizes).await;
        let taken = inner.off(move |inner| match inner.view() {
            Ok(view) => {
                let lines: Vec<SignatureLine> =
                    parsed.into_iter().map(|note| note.and_then(|note| inner.accept(&view, note))).collect();
                // A collector sends the checkpoints of one state together.
                if lines.len() == Ledger::BOTH.len() && lines.iter().all(Result::is_ok) {
                    inner.published.pair_up(sizes);
                }
                lines
            }
            Err(refusal) => vec![Err(refusal); count],
        });
        let lines: Vec<SignatureLine> = taken.await.unwrap_or_else(|refusal| vec![Err(refusal); count]);
        if lines.iter().all(Result::is_ok) {
            inner.published.set_problem(None);
        }
        lines
    }
}
