//! A client that keeps proofs: it demands receipts with its writes and later, and reads what is published.

use super::caller::Caller;
use crate::history::Answer;
use rand::Rng;
use selfsame_client::{ClientError, EntrySelector};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::EntryRef;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::note::{Checkpoint, Note};
use selfsame_protocol::time::U64;
use std::time::Duration;

/// Longest wait for a receipt: less than one attempt of a call.
const WITHIN: Duration = Duration::from_millis(1_500);

fn why(error: &ClientError) -> String {
    match error {
        ClientError::Refused(refusal) => format!("refused {}", refusal.code),
        _ => "unknown".into(),
    }
}

impl Caller {
    /// Submits and waits for the receipts of the entries; gives the entries when it was accepted.
    async fn proven(&mut self, text: &str) -> Vec<EntryRef> {
        let envelope = self.declaration(0, text);
        let call = self.oracle.invoked(&self.name, "declare", Digest::of(&envelope.to_bytes()));
        let answer = self.client.submit_with_receipts(&envelope, WITHIN).await;
        let (response, receipts) = match answer {
            Ok(accepted) => {
                if let Some(refusal) = accepted.refusal {
                    self.oracle.no_receipt(format!("refused {}", refusal.code));
                }
                (Ok(accepted.response), accepted.receipts)
            }
            Err(error) => (Err(error), Vec::new()),
        };
        let answer = Answer::of(response);
        self.oracle.answered(call, answer.clone());
        receipts.into_iter().for_each(|receipt| self.oracle.receipt(receipt.entry, receipt.proof));
        match answer {
            Answer::Ok(response) => response.entries,
            _ => Vec::new(),
        }
    }

    /// Asks for the receipt of an entry, of which the hash may be known.
    async fn receipt(&mut self, ledger: Ledger, index: u64, hash: Option<Digest>) {
        match self.client.receipt(ledger, EntrySelector::Index(index), WITHIN).await {
            Ok((given, _)) => {
                // The entry that was asked for, and not the one that the answer names.
                let hash = hash.unwrap_or(given.entry.hash);
                self.oracle.receipt(EntryRef { ledger, index: U64(index), hash }, given.proof);
            }
            Err(error) => self.oracle.no_receipt(why(&error)),
        }
    }

    /// Reads what is published; gives the size of the tree.
    async fn published(&mut self, ledger: Ledger) -> Option<u64> {
        let invoked = self.oracle.now_ms();
        let text = self.client.checkpoint(ledger).await.ok()?;
        self.oracle.published(&text, invoked);
        let note = Note::parse(text.as_bytes()).ok()?;
        Checkpoint::parse(&note.text).ok().map(|checkpoint| checkpoint.size)
    }
}

/// Works until the world stops.
pub async fn run(mut caller: Caller) -> turmoil::Result {
    let mut promised: Vec<EntryRef> = Vec::new();
    let mut number = 0_u64;
    while !caller.stopped() {
        caller.pause(400).await;
        match caller.random.gen_range(0..4) {
            0 | 1 => {
                number += 1;
                promised.extend(caller.proven(&format!("Proof {number}?")).await);
            }
            2 if !promised.is_empty() => {
                let EntryRef { ledger, index, hash } = promised[caller.random.gen_range(0..promised.len())];
                caller.receipt(ledger, index.0, Some(hash)).await;
            }
            _ => {
                let ledger = Ledger::BOTH[caller.random.gen_range(0..2)];
                // Somebody else's entry: what was written is not what matters to whoever keeps proofs.
                if let Some(size) = caller.published(ledger).await.filter(|size| *size > 0) {
                    let index = caller.random.gen_range(0..size);
                    caller.receipt(ledger, index, None).await;
                }
            }
        }
    }
    Ok(())
}
