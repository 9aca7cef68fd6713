//! What comes from outside the cluster: lines of external witnesses, and evidence against whoever signed another history.

use super::cosigner::{Cosigner, Inner, malformed};
use crate::store::StateView;
use crate::witness::keep;
use selfsame_machine::read;
use selfsame_protocol::code::Refusal;
use selfsame_protocol::equivocation::{self, Evidence};
use selfsame_protocol::holder::Tree;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::note::{Checkpoint, Note};

impl Cosigner {
    /// Puts this node's log line first on notes that enough organisations vouch for; only the publisher has one.
    pub(super) async fn add_own_log_lines(&self, notes: Vec<Note>) -> Result<Vec<Note>, Refusal> {
        let signed = self.0.off(move |inner| {
            let view = inner.view()?;
            let mut signed = Vec::with_capacity(notes.len());
            for mut note in notes {
                let checkpoint = Checkpoint::parse(&note.text).map_err(malformed)?;
                let ledger = inner.ledger_of(&checkpoint.origin)?;
                let tree = Tree { size: checkpoint.size, root: checkpoint.root };
                // A publisher that may not sign just now leaves its line out, as one that is away does.
                if inner.claim(&view, &[(ledger, tree)]).iter().all(Result::is_ok) {
                    note.sign(&inner.genesis.ledger_origin(ledger), &inner.log_key);
                    note.signatures.rotate_right(1);
                }
                signed.push(note);
            }
            Ok(signed)
        });
        signed.await?
    }

    /// Asks the external witnesses to cosign notes that carry the log's line, and adds what they gave. Fails when one is
    /// missing without which nothing may be published.
    pub(super) async fn add_witness_lines(&self, notes: &mut [Note]) -> Result<(), String> {
        let inner = &self.0;
        if inner.witnesses.is_empty() {
            return Ok(());
        }
        let executor = inner.env.executor;
        for note in notes {
            let checkpoint = Checkpoint::parse(&note.text).map_err(|error| error.to_string())?;
            let ledger = inner.ledger_of(&checkpoint.origin).map_err(|refusal| refusal.to_string())?;
            // Witnesses know the log by its key: without that line there is nothing to ask.
            let key = executor.here(|| inner.read(|view| inner.log_vkey(view, ledger)));
            let key = key.map_err(|refusal| refusal.to_string())?;
            if !key.is_some_and(|key| note.signatures.iter().any(|line| key.is_of(line))) {
                let required = inner.witnesses.required();
                if required.is_empty() {
                    continue;
                }
                return Err(format!("{} needs the log's line, which is missing", required.join(", ")));
            }
            let view = executor.here(|| inner.view()).map_err(|refusal| refusal.to_string())?;
            let tiles = move |id| executor.here(|| read::tile(&view, ledger, id)).map_err(|error| error.to_string());
            let cosigned = inner.witnesses.cosign(note, &tiles).await;
            if !cosigned.required.is_empty() {
                let reasons = cosigned.missing.iter().filter(|(name, _)| cosigned.required.contains(name));
                let reasons: Vec<String> = reasons.map(|(name, reason)| format!("{name}: {reason}")).collect();
                return Err(format!("required witnesses did not cosign: {}", reasons.join("; ")));
            }
            note.signatures.extend(cosigned.lines);
        }
        Ok(())
    }
}

impl Inner {
    /// Keeps evidence against whoever signed a note that this node's own tree contradicts, as far as what is published
    /// here proves it.
    pub(super) fn denounce(&self, view: &StateView, ledger: Ledger, note: &Note) {
        let Some(published) = self.published.current(ledger) else { return };
        let Ok(checkpoint) = Checkpoint::parse(&note.text) else { return };
        let (old, new) = (checkpoint.size, published.checkpoint.size);
        let evidence = if old == new {
            Evidence::same_size(note, &published.note).ok()
        } else if old < new && old > 0 {
            let path = equivocation::path(old, new, &mut |id| read::tile(view, ledger, id));
            path.ok().and_then(|path| Evidence::inconsistent(note, &published.note, path).ok())
        } else {
            None
        };
        if let Some(evidence) = evidence {
            keep(&self.env, &self.metrics, &evidence);
        }
    }
}
