//! Receipts and holder statuses: what this node can prove to somebody who trusts none of the nodes alone.

use super::cosigner::{Cosigner, unreadable};
use super::published::PublishedPair;
use selfsame_machine::{head, read};
use selfsame_protocol::code::{Code, Refusal};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::ledger::{Ledger, PerLedger};
use selfsame_protocol::merkle::ProofError;
use selfsame_protocol::note::Note;
use selfsame_protocol::planted;
use selfsame_protocol::subject::Subject;
use selfsame_protocol::time::Timestamp;
use selfsame_protocol::tlog_proof::TlogProof;
use std::time::Duration;
use tokio::time::timeout;

/// Longest wait for a receipt.
pub const LONGEST: Duration = Duration::from_secs(30);

impl Cosigner {
    /// The receipt of an entry, with the entry itself as its extra data, once a published checkpoint holds it; waits at
    /// most `within`, and not beyond 30 s.
    pub async fn receipt(&self, ledger: Ledger, index: u64, within: Duration) -> Result<String, Refusal> {
        let inner = &self.0;
        let mut published = inner.published.watch();
        let holds =
            published.wait_for(|current| current[ledger].as_ref().is_some_and(|note| note.checkpoint.size > index));
        let found = match timeout(within.min(LONGEST), holds).await {
            Ok(Ok(current)) => current[ledger].clone(),
            Ok(Err(_)) | Err(_) => None,
        };
        let Some(published) = found else {
            let size = self.published(ledger).map_or(0, |note| note.checkpoint.size);
            let problem = self.problem().map(|problem| format!("; {problem}")).unwrap_or_default();
            let found = format!("{ledger} of {size}{problem}");
            let rule = "the entry stands in no checkpoint yet that enough organisations cosigned: ask again later";
            return Err(Refusal::new(Code::NotCosigned, rule, format!("{ledger} of more than {index}"), found));
        };
        inner
            .off(move |inner| {
                let view = inner.view()?;
                let size = match planted!("receipt_of_another_size") {
                    true => read::head(&view, ledger).map_err(unreadable)?.0,
                    false => published.checkpoint.size,
                };
                let path = read::inclusion(&view, ledger, index, size).map_err(|error| match error {
                    ProofError::OutOfRange { index, size } => Refusal::new(
                        Code::NotFound,
                        "the published tree does not hold the entry yet: ask again later",
                        format!("an index below {size}"),
                        index,
                    ),
                    error => unreadable(error),
                })?;
                // The entry travels with its proof: what nothing vouches for by itself is vouched for by its hash.
                let extra = read::leaf(&view, ledger, index).map_err(unreadable)?;
                Ok(TlogProof { extra, index, path, note: published.note.clone() }.to_text())
            })
            .await?
    }

    /// Published checkpoints of one state that hold at least so many entries of each ledger; waits at most `within`.
    pub(crate) async fn covering(&self, sizes: PerLedger<u64>, within: Duration) -> Option<PublishedPair> {
        let mut pairs = self.0.published.pairs();
        let covers = |pair: &Option<PublishedPair>| {
            pair.as_ref().is_some_and(|pair| pair.iter().all(|(ledger, note)| note.checkpoint.size >= sizes[ledger]))
        };
        let holds = pairs.wait_for(covers);
        timeout(within.min(LONGEST), holds).await.ok()?.ok()?.clone()
    }

    /// How far a subject goes in two trees, as a note that the other nodes cosign too: each counts in its own copy. With a
    /// time, the identity statement of a substrate at that time stands in it. Fewer cosignatures than the cluster asks for
    /// are no error: the note says who signed it, and its reader judges.
    pub async fn subject_head(
        &self,
        subject: &Subject,
        trees: PerLedger<(u64, Digest)>,
        statement: Option<Timestamp>,
    ) -> Result<Note, Refusal> {
        let inner = &self.0;
        let subject = subject.clone();
        let asked = inner.off(move |inner| {
            let view = inner.view()?;
            let head = head::subject_head(&view, &inner.genesis, &subject, trees, statement).map_err(unreadable)??;
            let nodes = read::nodes(&view).map_err(unreadable)?;
            let others: Vec<u64> = nodes.iter().filter(|n| n.counts() && n.id.0 != inner.id).map(|n| n.id.0).collect();
            Ok((head.to_text(), read::quorum(&view, &inner.genesis).map_err(unreadable)?, others))
        });
        let (text, quorum, others) = asked.await??;
        let (mut notes, silent) = self.gather(&[text], &quorum, &others).await;
        if !silent.is_empty() {
            tracing::debug!(answers = silent.join("; "), "not every node cosigned a subject head");
        }
        notes.pop().ok_or_else(|| unreadable("no note was made"))
    }

    /// Who holds a substrate now, as a note that enough organisations cosigned.
    pub async fn holder(&self, substrate: &str) -> Result<String, Refusal> {
        let inner = &self.0;
        inner.raft.linearize().await?;
        let (text, quorum, others) = inner.read(|view| {
            let status = read::holder(view, &inner.genesis, substrate).map_err(unreadable)?.ok_or_else(|| {
                Refusal::new(
                    Code::UnknownSubstrate,
                    "there is no substrate of this id here: check the id",
                    "",
                    substrate,
                )
            })?;
            let nodes = read::nodes(view).map_err(unreadable)?;
            let others: Vec<u64> = nodes.iter().filter(|n| n.counts() && n.id.0 != inner.id).map(|n| n.id.0).collect();
            Ok((status.to_text(), read::quorum(view, &inner.genesis).map_err(unreadable)?, others))
        })?;
        let (mut notes, silent) = self.gather(&[text], &quorum, &others).await;
        let note = notes.pop().ok_or_else(|| unreadable("no note was made"))?;
        match quorum.met(&note) {
            Ok(_) => Ok(note.to_text()),
            Err(error) => {
                let found = format!("{}; {}", error.found, silent.join("; "));
                Err(Refusal::new(
                    Code::NotCosigned,
                    "too few organisations cosigned in time: ask again later",
                    error.expected,
                    found,
                ))
            }
        }
    }
}
