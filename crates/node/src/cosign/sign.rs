//! Signing: every text is recomputed from the state that this node applied, whoever asks.

use super::cosigner::{Cosigner, Inner, malformed, unreadable};
use super::memory::Denied;
use crate::raft::SignatureLine;
use crate::store::StateView;
use selfsame_machine::{head, read};
use selfsame_protocol::code::{Code, Refusal};
use selfsame_protocol::cosigning;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::holder::{AHEAD, HolderStatus, Tree};
use selfsame_protocol::ledger::{Ledger, PerLedger};
use selfsame_protocol::note::Checkpoint;
use selfsame_protocol::planted;
use selfsame_protocol::subject_head::SubjectHead;
use selfsame_protocol::time::Timestamp;
use std::sync::PoisonError;

/// A text that this node is asked to sign, read.
enum Wanted {
    Checkpoint(Ledger, Checkpoint),
    Holder(HolderStatus),
    Subject(SubjectHead),
}

impl Inner {
    fn wanted(&self, text: &str) -> Result<Wanted, Refusal> {
        if SubjectHead::is_meant(text) {
            let head = SubjectHead::parse(text).map_err(malformed)?;
            if head.origin != self.genesis.origin {
                let sentence = "the subject head is of another cluster";
                return Err(Refusal::new(Code::Malformed, sentence, &self.genesis.origin, head.origin));
            }
            return Ok(Wanted::Subject(head));
        }
        if !HolderStatus::is_meant(text) {
            let checkpoint = Checkpoint::parse(text).map_err(malformed)?;
            return Ok(Wanted::Checkpoint(self.ledger_of(&checkpoint.origin)?, checkpoint));
        }
        let status = HolderStatus::parse(text).map_err(malformed)?;
        if status.origin != self.genesis.origin {
            return Err(Refusal::new(
                Code::Malformed,
                "the holder status is of another cluster",
                &self.genesis.origin,
                status.origin,
            ));
        }
        Ok(Wanted::Holder(status))
    }

    /// Claims trees that were recomputed here; those that are allowed may be signed when this returns.
    pub(super) fn claim(&self, view: &StateView, trees: &[(Ledger, Tree)]) -> Vec<Result<(), Refusal>> {
        let mut kept = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let memory = match &mut *kept {
            Ok(memory) => memory,
            Err(reason) => {
                let refusal = Refusal::new(
                    Code::Corrupt,
                    "this node lost its memory of what it signed, so it cosigns nothing",
                    "",
                    reason,
                );
                return vec![Err(refusal); trees.len()];
            }
        };
        let root = |ledger, size| read::root(view, ledger, size).map_err(|error| error.to_string());
        let answers = memory.claim(trees, &root);
        if let Some(Denied::Unwritten(error)) = answers.iter().find_map(|answer| answer.as_ref().err()) {
            let reason = format!("a claim could not be made durable: {error}");
            tracing::error!(node = self.id, %reason, "this node cosigns nothing until it is started again");
            self.metrics.cosign_alarm();
            *kept = Err(reason);
        }
        trees
            .iter()
            .zip(answers)
            .map(|((ledger, tree), answer)| answer.map_err(|denied| self.denied(*ledger, tree, denied)))
            .collect()
    }

    fn denied(&self, ledger: Ledger, tree: &Tree, denied: Denied) -> Refusal {
        match denied {
            Denied::Smaller { signed } => {
                let rule = "this node signed a larger tree before, and never signs a smaller one";
                Refusal::new(Code::StateMismatch, rule, format!("{ledger} of {signed} or more"), tree.size)
            }
            Denied::Forked { size, signed, found } => {
                let rule =
                    "this node's own tree is not the one that it signed: its disk is wrong, so it signs nothing more";
                let refusal =
                    Refusal::new(Code::Corrupt, rule, format!("{ledger} of {size} with root {signed}"), found);
                self.raise(&refusal);
                refusal
            }
            Denied::Unread(error) => unreadable(error),
            Denied::Unwritten(error) => Refusal::new(
                Code::Corrupt,
                "this node could not write down what it was about to sign, so it did not sign",
                "",
                error,
            ),
        }
    }

    /// The tree that a checkpoint names, when this node's own state has it with that root.
    fn recompute(&self, view: &StateView, ledger: Ledger, size: u64, root: Digest) -> Result<Tree, Refusal> {
        let (own, _) = read::head(view, ledger).map_err(unreadable)?;
        if size > own {
            let rule = "this node has not applied so many entries yet: ask again, or ask another node";
            return Err(Refusal::new(Code::NotCosigned, rule, format!("{ledger} of {size}"), format!("{own} so far")));
        }
        let found = if planted!("cosigns_what_it_is_asked") { root } else { self.root(view, ledger, size)? };
        if found != root {
            // Whoever asks may lie, so this is no reason to stop; what others published would be.
            self.metrics.cosign_disagreed();
            let refusal = Refusal::new(
                Code::StateMismatch,
                "this node's own state has another root at that size: it does not cosign what it did not compute",
                found,
                root,
            );
            tracing::error!(node = self.id, %ledger, size, %refusal, "asked to cosign another history");
            return Err(refusal);
        }
        Ok(Tree { size, root: found })
    }

    fn same_holder(&self, view: &StateView, asked: &HolderStatus) -> Result<(), Refusal> {
        let own = read::holder(view, &self.genesis, &asked.substrate_id).map_err(unreadable)?;
        let Some(own) = own else {
            let id = &asked.substrate_id;
            return Err(Refusal::new(
                Code::UnknownSubstrate,
                "there is no substrate of this id here: check the id",
                "",
                id,
            ));
        };
        self.recompute(view, Ledger::Evidence, asked.evidence.size, asked.evidence.root)?;
        self.recompute(view, Ledger::Reasoning, asked.reasoning.size, asked.reasoning.root)?;
        // Epochs and states of an epoch only go forward, so whoever holds it now held it in those trees.
        let own = HolderStatus { evidence: asked.evidence, reasoning: asked.reasoning, ..own };
        if own != *asked {
            let (own, asked) = (own.to_text().replace('\n', " "), asked.to_text().replace('\n', " "));
            return Err(Refusal::new(
                Code::StateMismatch,
                "this node's own state has another holder: it does not cosign what it did not compute",
                own,
                asked,
            ));
        }
        Ok(())
    }

    /// Counts the subject's entries here, and makes the statement anew where one is asked for.
    fn same_subject(&self, view: &StateView, asked: &SubjectHead) -> Result<(), Refusal> {
        for (ledger, tree) in asked.trees.iter() {
            self.recompute(view, ledger, tree.size, tree.root)?;
        }
        let time = asked.statement.map(|(time, _)| time);
        let latest = self.env.clock.now_ms().saturating_add(AHEAD * 1_000);
        if let Some(time) = time.filter(|time| time.millis() > latest) {
            let sentence = "the statement's time is beyond this node's clock: set the clock, or ask again later";
            return Err(Refusal::new(Code::StateMismatch, sentence, Timestamp::from_millis(latest), time));
        }
        let trees = asked.trees.each_ref().map(|tree| (tree.size, tree.root));
        let own = head::subject_head(view, &self.genesis, &asked.subject, trees, time).map_err(unreadable)??;
        if own != *asked {
            let (own, asked) = (own.to_text().replace('\n', " "), asked.to_text().replace('\n', " "));
            let sentence =
                "this node's own state has another history of the subject: it does not cosign what it did not compute";
            return Err(Refusal::new(Code::StateMismatch, sentence, own, asked));
        }
        Ok(())
    }

    /// Recomputes, claims, signs: in this order, all from one view.
    fn sign(&self, wanted: Vec<Result<Wanted, Refusal>>) -> Vec<SignatureLine> {
        let view = match self.view().and_then(|view| self.entitled(&view).map(|_| view)) {
            Ok(view) => view,
            Err(refusal) => return wanted.iter().map(|_| Err(refusal.clone())).collect(),
        };
        let name = self.genesis.cosigner_name(self.id);
        let mut trees = Vec::new();
        let mut check = |wanted: Wanted| match wanted {
            Wanted::Checkpoint(ledger, asked) => {
                let tree = self.recompute(&view, ledger, asked.size, asked.root)?;
                trees.push((ledger, tree));
                Ok((self.text(ledger, &tree), Some(trees.len() - 1)))
            }
            Wanted::Holder(asked) => self.same_holder(&view, &asked).map(|()| (asked.to_text(), None)),
            Wanted::Subject(asked) => self.same_subject(&view, &asked).map(|()| (asked.to_text(), None)),
        };
        let checked: Vec<Result<_, Refusal>> = wanted.into_iter().map(|wanted| wanted.and_then(&mut check)).collect();
        // One claim for all, because each waits for the disk.
        let claimed = self.claim(&view, &trees);
        let sign = |(text, tree): (String, Option<usize>)| {
            if let Some(refusal) = tree.and_then(|at| claimed.get(at)).and_then(|claim| claim.as_ref().err()) {
                return Err(refusal.clone());
            }
            self.metrics.cosigned();
            Ok(cosigning::sign(&text, &name, &self.key, self.now_s()).to_line().trim_end().to_owned())
        };
        checked.into_iter().map(|text| text.and_then(sign)).collect()
    }
}

impl Cosigner {
    /// Cosigns texts that this node recomputes; one line for each, in order.
    pub async fn cosign(&self, texts: Vec<String>) -> Vec<SignatureLine> {
        let inner = &self.0;
        let wanted: Vec<Result<Wanted, Refusal>> = texts.iter().map(|text| inner.wanted(text)).collect();
        let mut sizes = PerLedger::<u64>::default();
        let mut now = false;
        for wanted in wanted.iter().flatten() {
            let least = match wanted {
                Wanted::Checkpoint(ledger, checkpoint) => {
                    PerLedger::from_fn(|of| if of == *ledger { checkpoint.size } else { 0 })
                }
                Wanted::Holder(status) => {
                    now = true;
                    PerLedger { evidence: status.evidence.size, reasoning: status.reasoning.size }
                }
                Wanted::Subject(head) => head.trees.each_ref().map(|tree| tree.size),
            };
            sizes = PerLedger::from_fn(|ledger| least[ledger].max(sizes[ledger]));
        }
        // Who holds a substrate now is more than what this node happens to have applied.
        if now && let Err(refusal) = inner.raft.linearize().await {
            return texts.iter().map(|_| Err(refusal.clone())).collect();
        }
        inner.caught_up(sizes).await;
        match inner.off(move |inner| inner.sign(wanted)).await {
            Ok(lines) => lines,
            Err(refusal) => texts.iter().map(|_| Err(refusal.clone())).collect(),
        }
    }
}
